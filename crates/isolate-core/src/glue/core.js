// Host functions, host objects, async iterators and classes as the guest sees them, and DOMException.
(function (host, p, engine) {
  'use strict';
  const { call, ReflectApply, ReflectConstruct, ObjectDefineProperty, ObjectSetPrototypeOf, SymbolToStringTag } = p;
  const globalThis = p.globalThis;

  const hidden = (object, key, value) =>
    ObjectDefineProperty(object, key, { __proto__: null, value, writable: true, enumerable: false, configurable: true });
  const accessor = (object, key, get, set, enumerable) =>
    ObjectDefineProperty(object, key, { __proto__: null, get, set, enumerable, configurable: true });

  // f(id, ...args) without the iteration protocol, which the guest may have replaced.
  const callWith = (f, id, args) => {
    switch (args.length) {
      case 0: return f(id);
      case 1: return f(id, args[0]);
      case 2: return f(id, args[0], args[1]);
      case 3: return f(id, args[0], args[1], args[2]);
    }
    const list = ObjectSetPrototypeOf([id], null);
    for (let i = 0; i < args.length; i++) list[i + 1] = args[i];
    return ReflectApply(f, undefined, list);
  };

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

  // A function whose result, a pair of host functions, is seen as an async iterator.
  const defineStream = (path, open) => {
    const name = path[path.length - 1];
    const AsyncIteratorPrototype = p.AsyncIteratorPrototype;
    const f = { [name](...args) {
      const { next, close } = ReflectApply(open, undefined, args);
      const iterator = { __proto__: AsyncIteratorPrototype };
      hidden(iterator, 'next', async function next_() {
        const step = await next();
        return step === undefined ? { value: undefined, done: true } : { value: step.value, done: false };
      });
      hidden(iterator, 'return', async function return_(value) {
        close();
        return { value, done: true };
      });
      return iterator;
    } }[name];
    defineGlobal(path, f);
  };

  const classes = { __proto__: null };

  const defineClass = (spec) => {
    const { name, length, parent, construct, release, members } = spec;
    const Parent = parent === undefined ? undefined : (classes[parent] ?? globalThis[parent]);
    if (parent !== undefined && typeof Parent !== 'function') {
      throw new p.TypeError(name + ' extends ' + parent + ', which is not defined');
    }
    const ids = new p.WeakMap();
    const registry = new p.FinalizationRegistry(release);
    const adopt = (object, id) => {
      call(p.WeakMapPrototypeSet, ids, object, id);
      call(p.FinalizationRegistryPrototypeRegister, registry, object, id);
      return object;
    };
    const idOf = (object) => {
      const id = call(p.WeakMapPrototypeGet, ids, object);
      if (id === undefined) throw new p.TypeError('Illegal invocation: this is not a ' + name);
      return id;
    };
    const Class = function (...args) {
      if (new.target === undefined) {
        throw new p.TypeError('Class constructor ' + name + ' cannot be invoked without \'new\'');
      }
      const self =
        Parent === undefined ? ReflectConstruct(p.Object, [], new.target) : ReflectConstruct(Parent, args, new.target);
      return adopt(self, ReflectApply(construct, undefined, args));
    };
    const prototype = Class.prototype;
    ObjectDefineProperty(Class, 'prototype', { __proto__: null, writable: false });
    ObjectDefineProperty(Class, 'name', { __proto__: null, value: name });
    ObjectDefineProperty(Class, 'length', { __proto__: null, value: length });
    ObjectDefineProperty(prototype, SymbolToStringTag, { __proto__: null, value: name, configurable: true });
    if (Parent !== undefined) {
      ObjectSetPrototypeOf(Class, Parent);
      ObjectSetPrototypeOf(prototype, Parent.prototype);
    }
    const wrap = (id) => adopt({ __proto__: prototype }, id);
    const accessors = { __proto__: null };
    for (let i = 0; i < members.length; i++) {
      const { kind, key, f, isStatic, value } = members[i];
      const target = isStatic ? Class : prototype;
      const withId = isStatic
        ? (self, args) => ReflectApply(f, undefined, args)
        : (self, args) => callWith(f, idOf(self), args);
      switch (kind) {
        case 'method':
          hidden(target, key, { [key](...args) { return withId(this, args); } }[key]);
          break;
        case 'async':
          // An illegal receiver rejects, as in Web IDL.
          hidden(target, key, { async [key](...args) { return withId(this, args); } }[key]);
          break;
        case 'factory':
          hidden(target, key, { [key](...args) { return wrap(withId(this, args)); } }[key]);
          break;
        case 'value':
          ObjectDefineProperty(target, key, { __proto__: null, value, enumerable: true });
          break;
        default: {
          const slot = (isStatic ? 'static ' : '') + key;
          const pair = (accessors[slot] ??= { __proto__: null, get: undefined, set: undefined });
          if (kind === 'get') pair.get = { get [key]() { return isStatic ? f() : f(idOf(this)); } };
          else pair.set = { set [key](v) { isStatic ? f(v) : f(idOf(this), v); } };
          accessor(
            target,
            key,
            pair.get && p.ObjectGetOwnPropertyDescriptor(pair.get, key).get,
            pair.set && p.ObjectGetOwnPropertyDescriptor(pair.set, key).set,
            false,
          );
        }
      }
    }
    hidden(prototype, 'constructor', Class);
    classes[name] = Class;
    hidden(globalThis, name, Class);
  };

  // Web IDL §2.8: an error with a name from a fixed list, most of them with a legacy code. Instances are real error
  // objects, with a stack; name and message are brand-checked accessors of the prototype.
  const defineDOMException = (names, codes) => {
    // Private fields on an object that was made elsewhere: the constructor returns it.
    const Hold = function (object) { return object; };
    class Fields extends Hold {
      #name; #message;
      constructor(object, name, message) { super(object); this.#name = name; this.#message = message; }
      static name(object) { return object.#name; }
      static message(object) { return object.#message; }
      static has(object) { return #name in object; }
    }
    const table = { __proto__: null };
    for (let i = 0; i < names.length; i++) table[names[i]] = codes[i];
    const checked = (object) => {
      if ((typeof object !== 'object' && typeof object !== 'function') || object === null || !Fields.has(object)) {
        throw new p.TypeError('Illegal invocation: this is not a DOMException');
      }
      return object;
    };
    const DOMException = function DOMException(message = '', options = 'Error') {
      if (new.target === undefined) throw new p.TypeError("Class constructor DOMException cannot be invoked without 'new'");
      let name = options, cause, hasCause = false;
      if (typeof options === 'object' && options !== null) {
        name = options.name === undefined ? 'Error' : options.name;
        hasCause = 'cause' in options;
        cause = options.cause;
      }
      message = p.ToString(message);
      name = p.ToString(name);
      const error = ReflectConstruct(p.Error, [], new.target);
      delete error.message;
      if (hasCause) hidden(error, 'cause', cause);
      new Fields(error, name, message);
      return error;
    };
    const prototype = DOMException.prototype;
    ObjectDefineProperty(DOMException, 'prototype', { __proto__: null, writable: false });
    ObjectDefineProperty(DOMException, 'length', { __proto__: null, value: 0 });
    ObjectSetPrototypeOf(prototype, p.Error.prototype);
    ObjectDefineProperty(prototype, SymbolToStringTag, { __proto__: null, value: 'DOMException', configurable: true });
    const getters = {
      get name() { return Fields.name(checked(this)); },
      get message() { return Fields.message(checked(this)); },
      get code() { return table[Fields.name(checked(this))] ?? 0; },
    };
    const keys = ['name', 'message', 'code'];
    for (let i = 0; i < 3; i++) {
      accessor(prototype, keys[i], p.ObjectGetOwnPropertyDescriptor(getters, keys[i]).get, undefined, true);
    }
    for (let i = 0; i < names.length; i++) {
      if (codes[i] === 0) continue;
      const constant = { __proto__: null, value: codes[i], enumerable: true };
      const key = constants[names[i]] ?? constantName(names[i]);
      ObjectDefineProperty(DOMException, key, constant);
      ObjectDefineProperty(prototype, key, constant);
    }
    // The codes that no name has any more keep their constants.
    const gone = ['DOMSTRING_SIZE_ERR', 2, 'NO_DATA_ALLOWED_ERR', 6, 'VALIDATION_ERR', 16];
    for (let i = 0; i < gone.length; i += 2) {
      const constant = { __proto__: null, value: gone[i + 1], enumerable: true };
      ObjectDefineProperty(DOMException, gone[i], constant);
      ObjectDefineProperty(prototype, gone[i], constant);
    }
    p.DOMException = DOMException;
    hidden(globalThis, 'DOMException', DOMException);
  };
  const constants = {
    __proto__: null, InUseAttributeError: 'INUSE_ATTRIBUTE_ERR', NoDataAllowedError: 'NO_DATA_ALLOWED_ERR',
    URLMismatchError: 'URL_MISMATCH_ERR',
  };
  // NotFoundError → NOT_FOUND_ERR
  const constantName = (name) => {
    let out = '';
    for (let i = 0; i < name.length - 2; i++) {
      const c = name[i];
      if (i > 0 && c >= 'A' && c <= 'Z') out += '_';
      out += c >= 'a' && c <= 'z' ? call(p.StringPrototypeToUpperCase, c) : c;
    }
    return out;
  };

  const makeError = (name, message) =>
    p.DOMException === undefined ? namedError(name, message) : new p.DOMException(message, name);
  const namedError = (name, message) => {
    const error = new p.Error(message);
    hidden(error, 'name', name);
    return error;
  };

  return { defineGlobal, defineStream, defineClass, defineDOMException, makeError };
})
