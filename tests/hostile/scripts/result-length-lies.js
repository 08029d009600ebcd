// expect: deadline|memory|error|ok
new Proxy([], { get: (target, key) => (key === 'length' ? 2 ** 32 - 1 : 1) });
