import * as R from 'ramda';
const f = R.pipe(R.groupBy(R.prop('t')), R.map(R.pluck('n')), R.map(R.sum));
console.log(f([{ t: 'a', n: 1 }, { t: 'b', n: 2 }, { t: 'a', n: 3 }]), R.evolve({ a: R.inc, b: { c: R.toUpper } }, { a: 1, b: { c: 'x' } }), R.lensPath(['a', 0]) && R.over(R.lensPath(['a', 0]), R.negate, { a: [5] }), R.transduce(R.compose(R.filter((x) => x % 2), R.map((x) => x * x)), R.flip(R.append), [], R.range(0, 10)));
