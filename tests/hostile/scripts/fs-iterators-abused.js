// expect: ok
(async () => {
  const root = await navigator.storage.getDirectory(); for (let i = 0; i < 100; i++) await root.getFileHandle('f' + i, { create: true });
  const it = root.entries(), next = it.next;
  await Promise.all(Array.from({ length: 300 }, () => it.next()));
  for (const object of [undefined, {}, root.keys, Object.create(it)]) if (await next.call(object).then(() => 'none', (e) => e.name) !== 'TypeError') throw new Error('next');
  const other = root.values(); other.return(1); if (!(await other.next()).done) throw new Error('done');
})();
