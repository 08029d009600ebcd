// expect: deadline|error
// The prototype chain of p never ends.
const p = new Proxy({}, { getPrototypeOf: () => p });
Object.create(p) instanceof Map;
