// expect: error
(async () => { throw new Proxy({}, { get() { throw 1; } }); })();
