// What every context has from the start: globals of the host, lazy globals, and the making of errors. The rest is loaded
// on first use.
(function (host, p, engine) {
  'use strict';
  const { ObjectDefineProperty } = p;
  const globalThis = p.globalThis;

  const hidden = (object, key, value) =>
    ObjectDefineProperty(object, key, { __proto__: null, value, writable: true, enumerable: false, configurable: true });
  const accessor = (object, key, get, set, enumerable) =>
    ObjectDefineProperty(object, key, { __proto__: null, get, set, enumerable, configurable: true });

  // Defines a value at a dotted path below the global object; objects on the way are made where there is none.
  const defineGlobal = (path, value) => {
    engine.defineGlobals(path[0]);
    let owner = globalThis;
    for (let i = 0; i < path.length - 1; i++) {
      const key = path[i];
      const own = p.ObjectGetOwnPropertyDescriptor(owner, key);
      // An accessor is a global that is not loaded yet, or the guest's own.
      const next = own === undefined ? undefined : own.get !== undefined ? owner[key] : own.value;
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

  // Modules of glue, each loaded when it is first used. One leaves what other glue may use in p.exports, and the values
  // of its globals in p.loaded.
  const modules = { __proto__: null };
  const load = (name) => {
    const { exports, loaded } = p;
    host.__module_load(name);
    const module = modules[name] = { __proto__: null, exports: p.exports, globals: p.loaded };
    p.exports = exports;
    p.loaded = loaded;
    return module;
  };
  p.exports = p.loaded = undefined;
  p.use = (name) => (modules[name] ?? load(name)).exports;
  const loadGlobals = (name) => { p.loaded = (modules[name] ?? load(name)).globals; };

  // What crosses the boundary, can be cloned, can be transferred: each by a test on the object.
  const kinds = () => {
    const all = { __proto__: null, length: 0 };
    const add = (name, kind) => { kind.name = name; all[all.length++] = kind; };
    const find = (object) => {
      for (let i = 0; i < all.length; i++) if (all[i].test(object)) return all[i];
      return undefined;
    };
    return { __proto__: null, all, add, find };
  };
  const platform = kinds(), cloneable = kinds(), transferable = kinds();
  p.platform = platform.add;
  p.cloneable = cloneable.add;
  p.transferable = transferable.add;
  p.findCloneable = cloneable.find;
  p.findTransferable = transferable.find;
  const send = (object) => {
    const kind = platform.find(object);
    return kind === undefined ? undefined : [kind.name, kind.send(object)];
  };
  const receive = ({ module, name, data }) => {
    p.use(module);
    for (let i = 0; i < platform.all.length; i++) {
      if (platform.all[i].name === name) return platform.all[i].receive(data);
    }
    throw new p.TypeError('a ' + name + ' cannot cross the boundary');
  };

  // An exception that no guest code took: to the listeners of the global scope, if it has some, or else to the host.
  p.onException = undefined;
  p.reportException = (e) => {
    if (p.onException !== undefined && p.onException(e)) return;
    // A debugger that is attached is shown the error itself.
    if (p.debugConsole !== undefined) p.debugConsole.error('Uncaught', e);
    host.__report(e);
  };

  // The prototypes of interfaces and of the host's classes, in a WeakMap once there are some: what has one of them in its
  // chain is a platform object.
  p.interfaces = undefined;

  const makeError = (name, message) => new (p.use('dom_exception').DOMException)(message, name);

  p.hidden = hidden;
  p.accessor = accessor;
  p.defineGlobal = defineGlobal;
  p.domException = (message, name) => makeError(name, message);
  return { defineGlobal, loadGlobals, send, receive, makeError };
})
