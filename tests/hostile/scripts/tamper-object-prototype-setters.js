// expect: ok
for (const key of ['value', 'done', 'next', 'get', 'set', 'enumerable', 'configurable', 'writable', '0', '1', 'length', 'type', 'message', 'level']) {
  Object.defineProperty(Object.prototype, key, { __proto__: null, configurable: true, get: undefined, set() { for (;;) {} } });
}
console.log('text', 1);
'done';
