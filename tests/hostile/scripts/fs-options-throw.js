// expect: ok
(async () => {
  const root = await navigator.storage.getDirectory(); const f = await root.getFileHandle('a', { create: true });
  const bad = new Proxy({}, { get() { throw new RangeError('x'); } });
  const calls = [() => root.getFileHandle('b', bad), () => root.getDirectoryHandle('b', bad), () => root.removeEntry('a', bad), () => f.createWritable(bad),
    () => f.createSyncAccessHandle(bad), () => f.remove(bad), () => f.queryPermission(bad), () => f.move({ toString() { throw new RangeError('x'); } })];
  for (const call of calls) if (await call().then(() => 'none', (e) => e.name) !== 'RangeError') throw new Error(String(call));
  const s = await f.createWritable();
  if (await s.write(bad).then(() => 'none', (e) => e.name) !== 'RangeError') throw new Error('write');
})();
