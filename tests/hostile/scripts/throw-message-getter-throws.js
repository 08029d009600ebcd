// expect: error
throw Object.defineProperty(new Error(), 'message', { get() { throw this; } });
