// Timers: https://html.spec.whatwg.org/multipage/timers-and-user-prompts.html#timers
//
// Callbacks stay here; the host keeps their times, order and nesting levels, and calls execute(id) when one is due.
(function (host, p) {
  'use strict';
  const { call, ReflectApply, ObjectDefineProperty, MapPrototypeGet, MapPrototypeSet, MapPrototypeDelete } = p;
  const globalThis = p.globalThis;
  const indirectEval = p.eval;
  const entries = new p.Map();

  const start = (handler, delay, args, repeat) => {
    if (typeof handler !== 'function') handler = p.ToString(handler);
    const id = host.__timers_register(delay | 0, repeat);
    // Most timers are functions without arguments that fire once: those need no entry of their own.
    const plain = !repeat && args.length === 0 && typeof handler === 'function';
    call(MapPrototypeSet, entries, id, plain ? handler : { handler, args, repeat });
    return id;
  };
  const stop = (id) => {
    id |= 0;
    if (call(MapPrototypeDelete, entries, id)) host.__timers_clear(id);
  };

  const api = {
    setTimeout(handler, delay = 0, ...args) {
      if (arguments.length === 0) missing('setTimeout');
      return start(handler, delay, args, false);
    },
    setInterval(handler, delay = 0, ...args) {
      if (arguments.length === 0) missing('setInterval');
      return start(handler, delay, args, true);
    },
    clearTimeout(id = 0) { stop(id); },
    clearInterval(id = 0) { stop(id); },
  };
  const missing = (name) => {
    throw new p.TypeError(name + ' requires at least 1 argument, but only 0 were passed');
  };

  const setLength = (f, value) => ObjectDefineProperty(f, 'length', { __proto__: null, value });
  setLength(api.setTimeout, 1);
  setLength(api.setInterval, 1);
  setLength(api.clearTimeout, 0);
  setLength(api.clearInterval, 0);
  p.loaded = api;

  const execute = (id) => {
    const entry = call(MapPrototypeGet, entries, id);
    if (entry === undefined) return;
    if (typeof entry === 'function') {
      call(MapPrototypeDelete, entries, id);
      call(entry, globalThis);
      return;
    }
    if (!entry.repeat) call(MapPrototypeDelete, entries, id);
    const { handler } = entry;
    if (typeof handler === 'string') indirectEval(handler);
    else ReflectApply(handler, globalThis, entry.args);
  };

  return {
    execute(id) {
      try {
        execute(id);
      } catch (e) {
        p.reportException(e);
      }
    },
    clear() { call(p.MapPrototypeClear, entries); },
  };
})
