// expect: ok|error
(async () => {
  const root = await navigator.storage.getDirectory();
  for (const key of ['then', 'kind', 'name', 'path', 'value', 'done', '0', '1', 'length']) Object.defineProperty(Object.prototype, key, { get() { throw new Error('seen ' + key); }, set() { throw new Error('set ' + key); }, configurable: true });
  const f = await root.getFileHandle('a', { create: true });
})();
