// expect: ok
// What prints an object may not run its getters.
console.log({ get a() { for (;;) {} }, get [Symbol.for('b')]() { for (;;) {} } });
console.log([Object.defineProperty([1], 1, { enumerable: true, get() { for (;;) {} } })]);
