// expect: deadline|memory
// The iterator's next is a bound built-in: no bytecode runs inside the loop.
const next = Object.bind(null, { done: false, value: 1 });
new Set({ [Symbol.iterator]: () => ({ next }) });
