// expect: ok
Function.prototype.call = Function.prototype.apply = Function.prototype.bind = () => { for (;;) {} };
Function.prototype[Symbol.hasInstance] = undefined;
Reflect.apply = Reflect.ownKeys = Object.keys = Object.getOwnPropertyDescriptor = JSON.stringify = () => { for (;;) {} };
console.log('%o', { a: [1, new Date(0), /x/] });
'done';
