// expect: ok|error|deadline
(async () => {
  const root = await navigator.storage.getDirectory(); const f = await root.getFileHandle('a', { create: true });
  const s = await f.createWritable(); await s.write('x'.repeat(1e6)); await s.close();
  for (let i = 0; i < 6; i++) { const t = await f.createWritable({ keepExistingData: true }); await t.seek(1e6 * 2 ** i); await (await f.getFile()).stream().pipeTo(t); }
})();
