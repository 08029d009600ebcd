// A tree whose JSON is 5 MB: objects, arrays, texts, numbers, booleans and null.
let seed = 1;
const random = (n) => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) % n;
const word = () => 'w' + random(1e6).toString(36);
const record = (id) => ({
  id,
  name: `${word()} ${word()}`,
  score: random(1e6) / 7,
  active: random(2) === 0,
  parent: null,
  tags: Array.from({ length: 4 }, word),
  place: { city: word(), at: [random(180), random(90)], more: { kind: word(), notes: [{ text: word(), n: random(9) }] } },
});
const tree = { records: [] };
for (let size = 0; size < 5e6;) {
  const next = record(tree.records.length);
  tree.records.push(next);
  size += JSON.stringify(next).length + 1;
}

run(5, {
  clone: () => structuredClone(tree).records.length,
  json: () => JSON.parse(JSON.stringify(tree)).records.length,
});
