// expect: ok
(async () => {
  const root = await navigator.storage.getDirectory(); const f = await root.getFileHandle('a', { create: true });
  const s = await f.createWritable(); await s.write('x'.repeat(300000)); await s.close();
  const url = URL.createObjectURL(await f.getFile());
  await f.remove();
  if (await fetch(url).then((r) => r.text()).then(() => 'came', (e) => e.name) === 'came') throw new Error('came');
  const form = new FormData(); form.append('f', await (await root.getFileHandle('b', { create: true })).getFile());
  await new Response(form).text();
})();
