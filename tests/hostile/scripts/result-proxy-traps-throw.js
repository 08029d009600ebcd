// expect: error|ok
new Proxy({}, new Proxy({}, { get() { throw new Error('trap'); } }));
