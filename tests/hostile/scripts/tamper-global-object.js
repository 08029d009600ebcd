// expect: ok
const { defineProperty, getOwnPropertyNames } = Object;
const global = globalThis;
for (const name of getOwnPropertyNames(global)) {
  if (name === 'console') continue;
  try {
    defineProperty(global, name, { configurable: true, get() { for (;;) {} }, set() { for (;;) {} } });
  } catch {}
}
console.log('nothing left', { a: 1 });
'done';
