// expect: error
const original = Error;
Error.prototype.toString = () => { for (;;) {} };
Error.captureStackTrace = () => { for (;;) {} };
globalThis.Error = globalThis.TypeError = class { constructor() { for (;;) {} } };
throw new original('plain');
