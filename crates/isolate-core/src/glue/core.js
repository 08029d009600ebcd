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

  const lazy = { __proto__: null };

  // Defines a value at a dotted path below the global object; objects on the way are made where there is none.
  const defineGlobal = (path, value) => {
    let owner = globalThis;
    for (let i = 0; i < path.length - 1; i++) {
      const key = path[i];
      const own = p.ObjectGetOwnPropertyDescriptor(owner, key);
      const isLazy = own !== undefined && own.get !== undefined && own.get === lazy[key];
      const next = own === undefined ? undefined : isLazy && owner === globalThis ? globalThis[key] : own.value;
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

  // Globals that cost nothing until one of them is touched: each is an accessor that turns itself into the plain
  // property. load() instantiates the glue, which leaves the values in p.loaded.
  const defineLazy = (names, enumerable, load) => {
    let values;
    for (let i = 0; i < names.length; i++) {
      const key = names[i];
      const settle = (value) =>
        ObjectDefineProperty(globalThis, key, { __proto__: null, value, writable: true, enumerable, configurable: true });
      const get = () => {
        if (values === undefined) {
          load();
          values = p.loaded;
          p.loaded = undefined;
        }
        settle(values[key]);
        return values[key];
      };
      lazy[key] = get;
      accessor(globalThis, key, get, settle, enumerable);
    }
  };
  let DOMException;
  const getDOMException = () => (DOMException ??= host.__DOMException_load());
  const makeError = (name, message) => new (getDOMException())(message, name);
  const setUp = () => defineLazy(['DOMException'], false, () => { p.loaded = { DOMException: getDOMException() }; });

  p.hidden = hidden;
  p.accessor = accessor;
  p.defineGlobal = defineGlobal;
  p.getDOMException = getDOMException;
  return { defineGlobal, defineLazy, setUp, makeError };
})
