const map = new Map(), set = new Set(), weak = new WeakMap(), refs = [];
const registry = new FinalizationRegistry(() => {});
for (let i = 0; i < 400; i++) {
  const key = { i };
  map.set(i % 3 ? key : `k${i}`, [i]);
  set.add(i * 1.5).add(key);
  weak.set(key, { key });
  refs.push(new WeakRef(key));
  registry.register(key, i);
}
for (const [k] of map) if (typeof k === 'object') map.delete(k);
const groups = Object.groupBy(set, (x) => typeof x);
const more = Map.groupBy([1, 2, 3, 4], (x) => x % 2);
const union = set.union(new Set([1, 2])).difference(new Set([1.5])).symmetricDifference(new Set(['x']));
if (groups.number.length !== 400 || more.get(0).length !== 2 || union.size !== 802) throw new Error('wrong ' + union.size);
map.forEach((v, k, m) => m.set(`copy of ${k}`.slice(0, 12), v));
structuredCloneLike([...map.entries()]);
function structuredCloneLike(v) { return Array.isArray(v) ? v.map(structuredCloneLike) : v; }
'done';
