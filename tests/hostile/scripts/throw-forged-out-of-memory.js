// expect: error
throw new (globalThis.InternalError ?? RangeError)('out of memory');
