function* tree(depth) {
  if (depth) {
    yield* tree(depth - 1);
    try { yield depth; } finally { depth = 0; }
    yield* tree(depth);
  }
}
const numbers = [...tree(30)];
const it = tree(20);
it.next();
it.return(5);
const [first, , third, ...rest] = tree(12);
const iterable = { *[Symbol.iterator]() { for (let i = 0; i < 50; i++) yield { i, sq: i * i }; } };
const squares = iterable[Symbol.iterator]().filter((x) => x.i % 2).map(({ sq }) => sq).drop(2).take(10).toArray();
const lookup = Object.fromEntries(Array.from(iterable, ({ i, sq }) => [`k${i}`, sq]));
if (numbers.length !== 30 || first !== 1 || third !== 3 || rest.length !== 9 || squares[0] !== 25 || lookup.k7 !== 49) {
  throw new Error('wrong');
}
try { const g = tree(3); g.next(); g.throw(new TypeError('in')); } catch (e) { if (e.message !== 'in') throw e; }
'done';
