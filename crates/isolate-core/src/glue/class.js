// Classes of the host.
(function (host, p, engine) {
  'use strict';
  const { call, ReflectApply, ReflectConstruct, ObjectDefineProperty, ObjectSetPrototypeOf, hidden, accessor } = p;
  const { SymbolToStringTag, globalThis } = p;

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

  const classes = { __proto__: null };

  return (spec) => {
    const { name, length, parent, construct, release, members } = spec;
    if (parent !== undefined) engine.defineGlobals(parent);
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
    call(p.WeakMapPrototypeSet, p.interfaces ??= new p.WeakMap(), prototype, true);
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
})
