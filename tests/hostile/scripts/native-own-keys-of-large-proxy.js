// expect: deadline|memory
const keys = Array.from({ length: 200000 }, (_, i) => 'k' + i);
const p = new Proxy({}, { ownKeys: () => keys, getOwnPropertyDescriptor: () => ({ configurable: true, enumerable: true, value: 1 }) });
for (;;) Object.assign({}, p);
