let seed = 1;
const random = () => (seed = (seed * 16807) % 2147483647);
const people = Array.from({ length: 400 }, (_, i) => ({ id: i, name: `n${random() % 97}`, score: random() / 7 }));
const sorted = people.toSorted((a, b) => a.name.localeCompare(b.name) || b.score - a.score);
people.sort();
const totals = sorted.reduce((o, { name, score }) => ({ ...o, [name]: (o[name] ?? 0) + score }), {});
const flat = [sorted, [people]].flat(2).flatMap((p) => [p.id, [p.score]]);
flat.splice(10, 300, ...flat.slice(0, 50));
flat.copyWithin(0, 20, 60).reverse().unshift(...'abc');
const sparse = [];
sparse[5000] = 1;
sparse.push(...Object.keys(totals).sort());
[sparse.concat(flat).lastIndexOf(1), sparse.includes(undefined), sparse.findLast((x) => x === 1)];
try { [1, 2, 3].sort(() => { throw new Error('comparator'); }); } catch (e) { if (e.message !== 'comparator') throw e; }
if (Object.keys(totals).length > 97) throw new Error('wrong');
'done';
