// expect: deadline|error
throw Object.defineProperty(new Error('x'), 'stack', { get() { for (;;) {} } });
