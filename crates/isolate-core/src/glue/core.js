// What every context has from the start: globals of the host, lazy globals, and the making of errors. The rest is loaded
// on first use.
(function (host, p) {
  'use strict';
  const { ObjectDefineProperty } = p;
  const globalThis = p.globalThis;

  const hidden = (object, key, value) =>
    ObjectDefineProperty(object, key, { __proto__: null, value, writable: true, enumerable: false, configurable: true });
  const accessor = (object, key, get, set, enumerable) =>
    ObjectDefineProperty(object, key, { __proto__: null, get, set, enumerable, configurable: true });

  // Defines a value at a dotted path below the global object; objects on the way are made where there is none.
  const defineGlobal = (path, value) => {
    let owner = globalThis;
    for (let i = 0; i < path.length - 1; i++) {
      const key = path[i];
      const own = p.ObjectGetOwnPropertyDescriptor(owner, key);
      const next = own === undefined ? undefined : own.value;
      if ((typeof next === 'object' && next !== null) || typeof next === 'function') {
        owner = next;
      } else {
        const made = {};
        hidden(owner, key, made);
        if (owner !== globalThis) ObjectDefineProperty(owner, key, { __proto__: null, enumerable: true });
        owner = made;
      }
    }
    const key = path[path.length - 1];
    hidden(owner, key, value);
    if (owner !== globalThis) ObjectDefineProperty(owner, key, { __proto__: null, enumerable: true });
  };

  // A global that costs nothing until it is touched: an accessor that turns itself into the plain property.
  const defineLazy = (key, make) => {
    const settle = (value) => hidden(globalThis, key, value);
    accessor(globalThis, key, () => { const value = make(); settle(value); return value; }, settle, false);
  };
  let DOMException;
  const getDOMException = () => (DOMException ??= host.__DOMException_load());
  const makeError = (name, message) => new (getDOMException())(message, name);
  const setUp = () => defineLazy('DOMException', getDOMException);

  p.hidden = hidden;
  p.accessor = accessor;
  p.defineGlobal = defineGlobal;
  p.getDOMException = getDOMException;
  return { defineGlobal, setUp, makeError };
})
