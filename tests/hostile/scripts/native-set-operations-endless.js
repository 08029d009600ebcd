// expect: deadline|memory|error
// Where Set.prototype.union is missing this is an ordinary TypeError.
const next = Object.bind(null, { done: false, value: 1 });
new Set([1]).union({ size: 1, has() {}, keys: Object.bind(null, { next }) });
