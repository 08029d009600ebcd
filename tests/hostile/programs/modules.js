(async () => {
  const a = await import('a');
  const again = await import('a');
  if (a !== again || a.default(2) !== 5 || a.b.three !== 3) throw new Error('wrong');
  const [c, d] = await Promise.all([import('c'), import('d')]);
  if (c.value() !== 'd of c' || d.default.length !== 50) throw new Error('wrong');
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
