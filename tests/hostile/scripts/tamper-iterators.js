// expect: ok
const arrayIterator = Object.getPrototypeOf([][Symbol.iterator]());
arrayIterator.next = () => { for (;;) {} };
Array.prototype[Symbol.iterator] = () => { for (;;) {} };
String.prototype[Symbol.iterator] = Map.prototype[Symbol.iterator] = Set.prototype[Symbol.iterator] = null;
console.log('%s and %o', 'text', [1], new Map(), new Set());
'done';
