// expect: ok
(async () => {
  const bad = [{ with: { get type() { throw new RangeError('x'); } } }, { with: new Proxy({}, { ownKeys() { throw new RangeError('x'); } }) },
    { with: { type: Symbol() } }, { with: { type: 1 } }, { with: 1 }, 1, { get with() { throw new RangeError('x'); } },
    { with: { type: 'json\u0000' } }, { with: { type: 'j'.repeat(1e6) } }, { with: { ['k'.repeat(1e6)]: 'x' } }, { with: { '\u0001': '\ud800' } }];
  for (const options of bad) if (await import('x', options).then(() => 'came', () => 'refused') !== 'refused') throw new Error('came');
  for (const specifier of ['\u0001json', 'a\u0000b', '\ud800', 'x'.repeat(1e6), Symbol.iterator]) {
    if (await import(specifier).then(() => 'came', () => 'refused') !== 'refused') throw new Error('came');
  }
})();
