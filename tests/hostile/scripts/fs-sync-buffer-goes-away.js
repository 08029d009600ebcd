// expect: ok
(async () => {
  const root = await navigator.storage.getDirectory(); const a = await (await root.getFileHandle('a', { create: true })).createSyncAccessHandle();
  a.write(new Uint8Array(100));
  for (const method of ['read', 'write']) {
    const buffer = new ArrayBuffer(1 << 20), view = new Uint8Array(buffer);
    const options = { get at() { structuredClone(buffer, { transfer: [buffer] }); return 0; } };
    if (a[method](view, options) !== 0) throw new Error(method);
    const resizable = new ArrayBuffer(100, { maxByteLength: 200 }), tracked = new Uint8Array(resizable, 50);
    a[method](tracked, { get at() { resizable.resize(10); return 0; } });
  }
  a.close();
})();
