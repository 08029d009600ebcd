// vi.fn and vi.spyOn: functions that note how they are called.
(function (host, p, engine) {
  'use strict';
  const { ReflectApply, ReflectConstruct, ObjectDefineProperty, ObjectGetOwnPropertyDescriptor, ObjectGetPrototypeOf } = p;
  const t = p.testing;
  const { push } = t;
  const hidden = (o, k, value) =>
    ObjectDefineProperty(o, k, { __proto__: null, value, writable: true, enumerable: false, configurable: true });

  // Every spy that was made, for clearAllMocks and its siblings.
  const all = [];
  let order = 0;

  const fresh = () => ({
    calls: [], results: [], settledResults: [], instances: [], contexts: [], invocationCallOrder: [], lastCall: undefined,
  });

  const make = (implementation, name, original) => {
    const state = { __proto__: null, record: fresh(), base: implementation, impl: implementation, once: [], name, undo: undefined };
    const invoke = (self, target, args) => {
      const { record } = state;
      push(record.calls, args);
      record.lastCall = args;
      push(record.contexts, self);
      push(record.invocationCallOrder, order += 1);
      const result = { type: 'incomplete', value: undefined }, settled = { type: 'incomplete', value: undefined };
      push(record.results, result);
      push(record.settledResults, settled);
      const at = record.instances.length;
      push(record.instances, target === undefined ? self : undefined);
      let impl = state.impl;
      if (state.once.length > 0) {
        impl = state.once[0];
        const rest = [];
        for (let i = 1; i < state.once.length; i++) push(rest, state.once[i]);
        state.once = rest;
      }
      let value;
      try {
        if (target !== undefined) {
          const construct = impl !== undefined && engine.isConstructor(impl) ? impl : function () {
            return impl === undefined ? undefined : ReflectApply(impl, this, args);
          };
          if (construct !== impl) construct.prototype = target.prototype;
          value = ReflectConstruct(construct, args, target);
          record.instances[at] = value;
          record.contexts[at] = value;
        } else {
          value = impl === undefined ? undefined : ReflectApply(impl, self, args);
        }
      } catch (e) {
        result.type = 'throw';
        result.value = e;
        settled.type = 'rejected';
        settled.value = e;
        throw e;
      }
      result.type = 'return';
      result.value = value;
      const promise = engine.promiseState(value);
      if (promise === undefined) {
        settled.type = 'fulfilled';
        settled.value = value;
      } else {
        engine.react(value, (s, v) => { s.type = 'fulfilled'; s.value = v; }, (s, e) => { s.type = 'rejected'; s.value = e; }, settled);
      }
      return value;
    };
    const mock = function (...args) { return invoke(this, new.target, args); };
    ObjectDefineProperty(mock, 'name', { __proto__: null, value: name ?? 'vi.fn()', configurable: true });
    if (typeof implementation === 'function') {
      ObjectDefineProperty(mock, 'length', { __proto__: null, value: implementation.length, configurable: true });
    }
    // What it makes is made by its implementation, and an instance of both.
    const take = (f) => {
      const d = typeof f === 'function' ? ObjectGetOwnPropertyDescriptor(f, 'prototype') : undefined;
      if (d !== undefined && t.isObject(d.value)) mock.prototype = d.value;
    };
    take(implementation);
    const define = (k, f) => hidden(mock, k, f);
    ObjectDefineProperty(mock, 'mock', { __proto__: null, get: () => state.record, enumerable: false, configurable: true });
    define('_isMockFunction', true);
    define('getMockName', () => state.name ?? 'vi.fn()');
    define('mockName', (name) => { state.name = p.ToString(name); return mock; });
    define('getMockImplementation', () => (state.once.length > 0 ? state.once[0] : state.impl));
    define('mockImplementation', (f) => { state.impl = f; take(f); return mock; });
    define('mockImplementationOnce', (f) => { push(state.once, f); return mock; });
    define('withImplementation', (f, run) => {
      const before = state.impl;
      state.impl = f;
      const back = () => { state.impl = before; };
      let result;
      try {
        result = run();
      } catch (e) {
        back();
        throw e;
      }
      if (engine.promiseState(result) === undefined) {
        back();
        return mock;
      }
      return engine.then(result, () => { back(); return mock; }, (e) => { back(); throw e; });
    });
    define('mockReturnThis', () => mock.mockImplementation(function () { return this; }));
    define('mockReturnValue', (v) => mock.mockImplementation(() => v));
    define('mockReturnValueOnce', (v) => mock.mockImplementationOnce(() => v));
    define('mockResolvedValue', (v) => mock.mockImplementation(() => engine.resolved(v)));
    define('mockResolvedValueOnce', (v) => mock.mockImplementationOnce(() => engine.resolved(v)));
    define('mockRejectedValue', (e) => mock.mockImplementation(() => engine.rejected(e)));
    define('mockRejectedValueOnce', (e) => mock.mockImplementationOnce(() => engine.rejected(e)));
    define('mockThrow', (e) => mock.mockImplementation(() => { throw e; }));
    define('mockClear', () => { state.record = fresh(); return mock; });
    // Back to what it was made with.
    define('mockReset', () => { mock.mockClear(); state.once = []; state.impl = state.base; return mock; });
    define('mockRestore', () => {
      mock.mockReset();
      if (state.undo !== undefined) state.undo();
      state.undo = undefined;
      return mock;
    });
    push(all, { __proto__: null, mock, state });
    return { __proto__: null, mock, state };
  };

  const fn = (implementation) => make(implementation).mock;

  // The object, here or up its prototypes, that has the property.
  const find = (object, key) => {
    for (let o = object; o !== null && o !== undefined; o = ObjectGetPrototypeOf(o)) {
      const d = ObjectGetOwnPropertyDescriptor(o, key);
      if (d !== undefined) return d;
    }
    return undefined;
  };

  const spyOn = (object, key, access) => {
    if (!t.isObject(object)) throw new p.TypeError('vi.spyOn needs an object, and got ' + t.short(object));
    const found = find(object, key);
    if (found === undefined) throw new p.TypeError('vi.spyOn: the object has no property ' + t.short(key));
    const before = ObjectGetOwnPropertyDescriptor(object, key);
    const accessor = access === 'get' || access === 'set';
    let original;
    if (accessor) original = found[access];
    else original = found.get !== undefined ? object[key] : found.value;
    if (typeof original !== 'function') {
      throw new p.TypeError('vi.spyOn: ' + t.short(key) + ' is no ' + (accessor ? access + 'ter' : 'function'));
    }
    if (original._isMockFunction === true) return original;
    const { mock, state } = make(original, typeof key === 'symbol' ? undefined : p.ToString(key), original);
    const { configurable = true, enumerable = true } = found;
    if (before !== undefined && !configurable) throw new p.TypeError('vi.spyOn: ' + t.short(key) + ' cannot be replaced');
    const descriptor = accessor
      ? { __proto__: null, get: access === 'get' ? mock : found.get, set: access === 'set' ? mock : found.set, configurable: true, enumerable }
      : { __proto__: null, value: mock, writable: true, configurable: true, enumerable };
    ObjectDefineProperty(object, key, descriptor);
    state.undo = () => {
      if (before === undefined) delete object[key];
      else ObjectDefineProperty(object, key, before);
    };
    return mock;
  };

  const each = (what) => {
    for (let i = 0; i < all.length; i++) {
      const { mock, state } = all[i];
      // Restoring is for what replaced something; functions of vi.fn keep theirs.
      if (what !== 'mockRestore' || state.undo !== undefined) mock[what]();
    }
  };

  // Globals that tests set for a while.
  const stubbed = new p.Map();
  t.spies = {
    __proto__: null, fn, spyOn,
    isMockFunction: (f) => typeof f === 'function' && f._isMockFunction === true,
    mocked: (f) => f,
    clearAllMocks() { each('mockClear'); return t.vi; },
    resetAllMocks() { each('mockReset'); return t.vi; },
    restoreAllMocks() { each('mockRestore'); return t.vi; },
    stubGlobal(name, value) {
      if (p.call(p.MapPrototypeGet, stubbed, name) === undefined) {
        p.call(p.MapPrototypeSet, stubbed, name, { before: ObjectGetOwnPropertyDescriptor(p.globalThis, name) });
      }
      ObjectDefineProperty(p.globalThis, name, { __proto__: null, value, writable: true, configurable: true, enumerable: true });
      return t.vi;
    },
    unstubAllGlobals() {
      p.call(p.MapPrototypeForEach, stubbed, ({ before }, name) => {
        if (before === undefined) delete p.globalThis[name];
        else ObjectDefineProperty(p.globalThis, name, before);
      });
      p.call(p.MapPrototypeClear, stubbed);
      return t.vi;
    },
  };
})
