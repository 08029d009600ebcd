// expect: error
throw new Proxy({}, new Proxy({}, { get() { throw new Error('no trap for you'); } }));
