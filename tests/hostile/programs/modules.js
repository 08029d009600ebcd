(async () => {
  const a = await import('a');
  const again = await import('a');
  if (a !== again || a.default(2) !== 5 || a.b.three !== 3) throw new Error('wrong');
  const [c, d] = await Promise.all([import('c'), import('d')]);
  if (c.value() !== 'd of c' || d.default.length !== 50) throw new Error('wrong');
  const types = ['json', 'text', 'bytes'];
  const all = await Promise.all(types.map((type) => import('data', { with: { type } })));
  if (all[0].default.a[1] !== 'two' || all[1].default.length !== all[2].default.length) throw new Error('wrong');
  await import('many');
  const meta = await import('meta');
  if (meta.url !== '/meta' || meta.main || meta.resolve('x') !== '/x') throw new Error('wrong');
  await import('data', { with: { type: 'css' } }).then(() => { throw new Error('came'); }, () => {});
  for (const bad of ['missing', 'broken', 'throws']) {
    try {
      await import(bad);
      throw new Error('imported ' + bad);
    } catch (e) {
      if (e.message.startsWith('imported')) throw e;
    }
  }
  return 'done';
})();
