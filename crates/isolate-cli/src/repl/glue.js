// The guest's side of the read-eval-print loop: what is shown of values, and what names could be completed to.
(function (host, p, engine) {
  'use strict';
  const { inspect } = host.__inspect();
  const {
    ObjectDefineProperty, ObjectGetOwnPropertyDescriptor, ObjectGetPrototypeOf, ObjectSetPrototypeOf, ReflectOwnKeys,
    StringPrototypeSlice,
  } = p;
  const global = p.globalThis;
  const prototypes = {
    __proto__: null,
    string: String.prototype, number: Number.prototype, boolean: Boolean.prototype, bigint: BigInt.prototype,
    symbol: Symbol.prototype,
  };

  // Descriptors look nothing up on a prototype of the guest's.
  const own = (object, key) => {
    const found = ObjectGetOwnPropertyDescriptor(object, key);
    return found === undefined ? undefined : ObjectSetPrototypeOf(found, null);
  };

  // Globals that are loaded when they are first used: their getters are ours, and may be called.
  const getters = { __proto__: null };
  engine.defineGlobals();
  const names = ReflectOwnKeys(global);
  for (let i = 0; i < names.length; i++) {
    if (typeof names[i] !== 'string') continue;
    const found = own(global, names[i]);
    if (found !== undefined && found.get !== undefined) getters[names[i]] = found.get;
  }

  // A variable that the guest may take for itself.
  const variable = (name) => {
    let last, taken = false, set = false;
    return (value) => {
      if (taken) return;
      const found = own(global, name);
      if (found !== undefined) {
        const same = found.value === last || (found.value !== found.value && last !== last);
        taken = !set || !('value' in found) || !same || !found.configurable;
        if (taken) return;
      }
      set = true;
      last = value;
      ObjectDefineProperty(global, name,
        { __proto__: null, value, writable: true, enumerable: false, configurable: true });
    };
  };
  const setLast = variable('_');
  const setError = variable('_error');

  const shown = (value, colors, quiet) => {
    setLast(value);
    return quiet && value === undefined ? undefined : inspect(value, { __proto__: null, colors });
  };

  const isObject = (value) => (typeof value === 'object' && value !== null) || typeof value === 'function';
  const chain = (value) => (isObject(value) ? value : prototypes[typeof value]);
  const MOST_PROTOTYPES = 50, MOST_NAMES = 1000;

  // A property's value, as far as it is known without running anything of the guest's.
  const get = (value, key) => {
    let object = chain(value);
    for (let i = 0; i < MOST_PROTOTYPES && isObject(object) && engine.proxyDetails(object) === undefined; i++) {
      const found = own(object, key);
      if (found !== undefined) {
        if (found.get === undefined) return found.value;
        return object === global && getters[key] === found.get ? p.call(found.get, global) : undefined;
      }
      object = ObjectGetPrototypeOf(object);
    }
    return undefined;
  };

  // Their elements are no names, and may be many.
  const lists = { __proto__: null, Array: true, String: true, Arguments: true };
  const isList = (object) => {
    const kind = engine.classOf(object);
    return kind !== undefined && (lists[kind] || p.call(StringPrototypeSlice, kind, -5) === 'Array');
  };

  const begin = (text, prefix) => p.call(StringPrototypeSlice, text, 0, prefix.length);

  return {
    show: (value) => shown(value, false, false),
    showInColor: (value) => shown(value, true, false),
    showQuietly: (value) => shown(value, false, true),
    failed(error) { setError(error); },
    // Names that begin so, of what a path leads to, one on a line.
    complete(path, prefix) {
      let object = global;
      for (let i = 0; i < path.length; i++) object = get(object, path[i]);
      object = chain(object);
      let text = '', count = 0;
      for (let i = 0; i < MOST_PROTOTYPES && isObject(object) && engine.proxyDetails(object) === undefined; i++) {
        if (isList(object)) {
          if (begin('length', prefix) === prefix) text += 'length\n';
        } else {
          const keys = ReflectOwnKeys(object);
          for (let k = 0; k < keys.length && count < MOST_NAMES; k++) {
            const key = keys[k];
            if (typeof key !== 'string' || begin(key, prefix) !== prefix) continue;
            text += key + '\n';
            count++;
          }
        }
        object = ObjectGetPrototypeOf(object);
      }
      return text;
    },
  };
})
