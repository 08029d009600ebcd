// expect: error
const error = new (globalThis.InternalError ?? Error)('interrupted');
error.uncatchable = true;
throw error;
