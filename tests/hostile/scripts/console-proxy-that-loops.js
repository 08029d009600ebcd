// expect: ok
const trap = () => { for (;;) {} };
console.log(new Proxy({ a: 1 }, {
  get: trap, has: trap, ownKeys: trap, getOwnPropertyDescriptor: trap, getPrototypeOf: trap, isExtensible: trap,
}));
console.log([new Proxy(function () {}, { get: trap, apply: trap })]);
