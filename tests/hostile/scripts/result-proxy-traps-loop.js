// expect: deadline|error|ok
const trap = () => { for (;;) {} };
new Proxy({}, { get: trap, ownKeys: trap, getPrototypeOf: trap, getOwnPropertyDescriptor: trap });
