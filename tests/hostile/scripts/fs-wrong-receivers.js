// expect: ok
(async () => {
  const root = await navigator.storage.getDirectory(); const f = await root.getFileHandle('a', { create: true });
  const s = await f.createWritable(), a = await (await root.getFileHandle('b', { create: true })).createSyncAccessHandle();
  const classes = [FileSystemHandle, FileSystemFileHandle, FileSystemDirectoryHandle, FileSystemWritableFileStream, FileSystemSyncAccessHandle, StorageManager];
  for (const C of classes) for (const key of Reflect.ownKeys(C.prototype)) {
    const d = Object.getOwnPropertyDescriptor(C.prototype, key);
    for (const object of [undefined, null, 1, {}, C.prototype, root, f, s, a, navigator.storage, new Proxy(f, {})]) {
      if (key === 'constructor' || key === 'remove' || key === 'close' || key === 'abort') continue;
      for (const g of [d.get, d.value]) if (typeof g === 'function') try { await Promise.resolve(g.call(object, 'x', 'y')).catch(() => {}); } catch {}
    }
  }
})();
