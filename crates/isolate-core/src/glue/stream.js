// Functions of the host that return async iterators.
(function (host, p) {
  'use strict';
  const { ReflectApply, hidden, defineGlobal, ObjectGetPrototypeOf } = p;
  const AsyncIteratorPrototype = ObjectGetPrototypeOf(ObjectGetPrototypeOf((async function* () {}).prototype));

  // A function whose result, a pair of host functions, is seen as an async iterator.
  return (path, open) => {
    const name = path[path.length - 1];
    const f = { [name](...args) {
      const { next, close } = ReflectApply(open, undefined, args);
      const iterator = { __proto__: AsyncIteratorPrototype };
      const methods = {
        async next() {
          const step = await next();
          return step === undefined ? { value: undefined, done: true } : { value: step.value, done: false };
        },
        async return(value) {
          close();
          return { value, done: true };
        },
      };
      hidden(iterator, 'next', methods.next);
      hidden(iterator, 'return', methods.return);
      return iterator;
    } }[name];
    defineGlobal(path, f);
  };
})
