// expect: deadline|error
throw Object.defineProperty(new Error(), 'message', { get() { for (;;) {} } });
