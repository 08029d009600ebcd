globalThis.process ??= { env: {} };
const { produce, enablePatches, enableMapSet, produceWithPatches } = await import('immer');
enablePatches(); enableMapSet();
const base = { list: [{ n: 1 }, { n: 2 }], map: new Map([['a', { x: 1 }]]) };
const [next, patches] = produceWithPatches(base, (d) => { d.list[1].n++; d.list.push({ n: 9 }); d.map.get('a').x = 5; });
console.log(next, patches, base, next.list[0] === base.list[0], Object.isFrozen(next), produce(base, () => {}) === base);
