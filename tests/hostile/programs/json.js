const value = { list: [], nested: { text: 'a "quoted" \u2028 line\n', n: -0.5e-7, t: true, z: null } };
for (let i = 0; i < 300; i++) value.list.push({ id: i, name: `item ${i}`, tags: ['a', 'b', i % 3 ? 'c' : undefined] });
const text = JSON.stringify(value, (k, v) => (k === 'name' ? v.toUpperCase() : v), 2);
const back = JSON.parse(text, function (k, v) { return Array.isArray(v) ? v.slice() : v; });
if (back.list[299].name !== 'ITEM 299') throw new Error('wrong');
for (const bad of ['{', '[1,]', '"\\u12"', '{"a":1,}', 'nul']) {
  try { JSON.parse(bad); } catch (e) { if (!(e instanceof SyntaxError)) throw e; }
}
const cycle = {};
cycle.self = cycle;
try { JSON.stringify(cycle); } catch (e) { if (!(e instanceof TypeError)) throw e; }
'done';
