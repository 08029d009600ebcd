// expect: deadline|error
throw new Proxy(new Error('x'), new Proxy({}, { get() { for (;;) {} } }));
