// expect: ok
Promise.prototype.then = () => { for (;;) {} };
Promise.prototype.constructor = class { constructor() { for (;;) {} } };
Promise.resolve = () => { for (;;) {} };
globalThis.Promise = null;
setTimeout(() => {}, 0);
'done';
