// describe, test and the hooks: what there is to run. The host decides when, and asks for one function at a time.
(function (host, p, engine) {
  'use strict';
  const { call, ReflectApply, ObjectDefineProperty, ToString } = p;
  const t = p.testing;
  const { push, short, isObject } = t;
  const PProxy = Proxy;
  const ArrayIsArray = Array.isArray, JSONStringify = p.JSONStringify;
  const { slice, indexOf } = String.prototype;
  const { floor } = Math;

  const hooks = () => ({ __proto__: null, beforeAll: [], afterAll: [], beforeEach: [], afterEach: [] });
  const suiteOf = (name, flags) => ({ __proto__: null, name, flags, hooks: hooks(), children: [], collected: false, run: undefined });
  const root = suiteOf('', { __proto__: null });
  let current = root;
  let closed = false;
  // Tests and hooks by their numbers.
  const bodies = [];

  const open = (what) => {
    if (closed) throw new p.Error(what + ' was called while tests run; what there is to run must be known before');
  };
  const callee = (what, f) => {
    if (typeof f !== 'function') throw new p.TypeError(what + ' needs a function, and got ' + short(f));
    return f;
  };
  const titleOf = (name) => (typeof name === 'function' ? name.name : ToString(name));

  // (name, fn, timeout), (name, options, fn), (name, fn)
  const parse = (what, name, a, b) => {
    let fn = a, options = b;
    if (isObject(a) && typeof a !== 'function') {
      options = a;
      fn = b;
    }
    const given = { __proto__: null };
    if (typeof options === 'number') given.timeout = options;
    else if (isObject(options)) {
      const names = ['timeout', 'retry', 'repeats', 'skip', 'only', 'todo', 'fails', 'concurrent', 'sequential'];
      for (let i = 0; i < names.length; i++) if (options[names[i]] !== undefined) given[names[i]] = options[names[i]];
    }
    return { __proto__: null, name: titleOf(name), fn, given };
  };

  const merge = (a, b) => {
    const all = { __proto__: null };
    for (const k in a) all[k] = a[k];
    for (const k in b) all[k] = b[k];
    return all;
  };

  const addTest = (flags, name, a, b, args) => {
    open('test');
    const { name: title, fn, given } = parse('test', name, a, b);
    const all = merge(flags, given);
    if (fn === undefined) {
      if (!all.todo && !all.skip) throw new p.TypeError('test(' + JSONStringify(title) + ') has no function; test.todo has none');
    } else if (!all.todo) {
      callee('test', fn);
    }
    const id = bodies.length;
    push(bodies, { __proto__: null, fn, args, name: title, count: undefined });
    push(current.children, { __proto__: null, test: true, id, name: title, flags: all });
  };
  const addSuite = (flags, name, a, b, args) => {
    open('describe');
    const { name: title, fn, given } = parse('describe', name, a, b);
    const suite = suiteOf(title, merge(flags, given));
    if (fn !== undefined) suite.run = { __proto__: null, fn: callee('describe', fn), args };
    push(current.children, suite);
  };

  // Titles of test.each: %s and its kin take the arguments one by one, $name and $a.b look into the first.
  const fill = (title, args, index) => {
    let out = '', next = 0;
    const first = args.length > 0 ? args[0] : undefined;
    for (let i = 0; i < title.length; i++) {
      const ch = title[i];
      if (ch === '%' && i + 1 < title.length) {
        const kind = title[i + 1];
        i += 1;
        if (kind === '%') { out += '%'; continue; }
        if (kind === '#') { out += index; continue; }
        if (kind === '$') { out += index + 1; continue; }
        if (call(indexOf, 'sdifjoOc', kind) < 0) { out += '%' + kind; continue; }
        if (next >= args.length) { out += '%' + kind; continue; }
        const value = args[next];
        next += 1;
        if (kind === 's') out += typeof value === 'string' ? value : isObject(value) ? short(value) : ToString(typeof value === 'symbol' ? short(value) : value);
        else if (kind === 'd') out += ToString(typeof value === 'bigint' ? value : +value);
        else if (kind === 'i') out += ToString(p.NumberParseInt(value));
        else if (kind === 'f') out += ToString(p.NumberParseFloat(value));
        else if (kind === 'j') out += JSONStringify(value) ?? 'undefined';
        else if (kind !== 'c') out += short(value);
      } else if (ch === '$' && isObject(first)) {
        let end = i + 1;
        while (end < title.length && isWord(title[end], end > i + 1)) end += 1;
        while (end > i + 1 && title[end - 1] === '.') end -= 1;
        const path = call(slice, title, i + 1, end);
        if (path === '#') { out += index; i = end - 1; continue; }
        const found = look(first, path);
        if (path === '' || found === undefined) { out += ch; continue; }
        out += typeof found.value === 'string' ? found.value : short(found.value);
        i = end - 1;
      } else {
        out += ch;
      }
    }
    return out;
  };
  const isWord = (ch, inside) => (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || ch === '_' || (inside && ((ch >= '0' && ch <= '9') || ch === '.')) || (!inside && ch === '#');
  const look = (object, path) => {
    let value = object, key = '';
    for (let i = 0; i <= path.length; i++) {
      if (i < path.length && path[i] !== '.') { key += path[i]; continue; }
      if (!isObject(value) || !(key in value)) return undefined;
      value = value[key];
      key = '';
    }
    return { __proto__: null, value };
  };

  // Cases as an array, or as a table in a template literal.
  const casesOf = (what, args) => {
    const first = args[0];
    if (!ArrayIsArray(first)) throw new p.TypeError(what + '.each needs an array of cases or a table, and got ' + short(first));
    if (first.raw === undefined) return first;
    const keys = [], line = first[0];
    let word = '';
    for (let i = 0; i <= line.length; i++) {
      const ch = i < line.length ? line[i] : '|';
      if (ch === '|') { if (word !== '') push(keys, word); word = ''; }
      else if (ch !== ' ' && ch !== '\n' && ch !== '\t' && ch !== '\r') word += ch;
    }
    const width = keys.length, cases = [];
    for (let i = 1; i + width <= args.length; i += width) {
      const row = {};
      for (let k = 0; k < width; k++) row[keys[k]] = args[i + k];
      push(cases, row);
    }
    return cases;
  };

  const MODES = ['skip', 'only', 'todo', 'fails', 'concurrent', 'sequential'];
  // test, test.skip, test.only.concurrent and so on: each is made when it is first asked for.
  const chain = (what, add, flags) => {
    const f = (name, a, b) => add(flags, name, a, b, undefined);
    const lazy = (key, get) => ObjectDefineProperty(f, key, {
      __proto__: null, configurable: true, enumerable: false,
      get() {
        const value = get();
        ObjectDefineProperty(f, key, { __proto__: null, value, writable: true, configurable: true });
        return value;
      },
    });
    for (let i = 0; i < MODES.length; i++) {
      const mode = MODES[i];
      lazy(mode, () => chain(what, add, merge(flags, { __proto__: null, [mode]: true })));
    }
    lazy('skipIf', () => (condition) => (condition ? f.skip : f));
    lazy('runIf', () => (condition) => (condition ? f : f.skip));
    const each = (spread) => (...args) => {
      const cases = casesOf(what, args);
      return (name, a, b) => {
        const title = titleOf(name);
        for (let i = 0; i < cases.length; i++) {
          const one = cases[i];
          const list = spread && ArrayIsArray(one) ? one : [one];
          add(flags, fill(title, list, i), a, b, list);
        }
      };
    };
    lazy('each', () => each(true));
    // As each, but an array is one argument.
    lazy('for', () => each(false));
    return f;
  };

  const test = chain('test', addTest, { __proto__: null });
  const describe = chain('describe', addSuite, { __proto__: null });

  // Hooks that are asked for inside a test end with it.
  let running;
  const hook = (kind) => (fn, timeout) => {
    open(kind);
    callee(kind, fn);
    const id = bodies.length;
    push(bodies, { __proto__: null, fn, hook: kind });
    push(current.hooks[kind], { __proto__: null, id, timeout: typeof timeout === 'number' ? timeout : undefined });
  };
  const atEnd = (key, what) => (fn) => {
    if (running === undefined) throw new p.Error(what + ' was called outside of a test');
    push(running[key], callee(what, fn));
  };

  // Runs the functions of describe, in order, those inside after those outside.
  const collect = (suite) => {
    let at = 0;
    const step = () => {
      while (at < suite.children.length) {
        const child = suite.children[at];
        at += 1;
        if (child.test || child.collected) continue;
        child.collected = true;
        let result;
        current = child;
        try {
          if (child.run !== undefined) {
            result = child.run.args === undefined ? child.run.fn() : ReflectApply(child.run.fn, undefined, child.run.args);
          }
        } catch (e) {
          child.error = errorOf(e);
        }
        const rest = () => engine.then(collect(child), () => { current = suite; return step(); });
        if (isObject(result) && typeof result.then === 'function') {
          return engine.then(engine.resolved(result), rest, (e) => { child.error = errorOf(e); return rest(); });
        }
        return rest();
      }
      return undefined;
    };
    return engine.resolved(step());
  };

  const text = (f) => {
    try {
      return ToString(f());
    } catch {
      return '(unreadable)';
    }
  };
  const errorOf = (e) => {
    if (!isObject(e)) return { name: '', message: 'thrown: ' + short(e), stack: '', diff: undefined };
    return {
      name: text(() => e.name ?? ''), message: text(() => e.message ?? short(e)), stack: text(() => e.stack ?? ''),
      diff: typeof e.diff === 'string' ? e.diff : undefined,
      cause: e.cause === undefined ? undefined : text(() => short(e.cause)),
    };
  };

  const plain = (suite) => {
    const children = [];
    for (let i = 0; i < suite.children.length; i++) {
      const child = suite.children[i];
      push(children, child.test ? { test: true, id: child.id, name: child.name, flags: flagsOf(child.flags) } : plain(child));
    }
    const all = {};
    const kinds = ['beforeAll', 'afterAll', 'beforeEach', 'afterEach'];
    for (let i = 0; i < kinds.length; i++) {
      const list = [], hooks = suite.hooks[kinds[i]];
      for (let k = 0; k < hooks.length; k++) push(list, { id: hooks[k].id, timeout: hooks[k].timeout });
      all[kinds[i]] = list;
    }
    return { test: false, name: suite.name, flags: flagsOf(suite.flags), hooks: all, children, error: suite.error };
  };
  const flagsOf = (f) => ({
    skip: !!f.skip, only: !!f.only, todo: !!f.todo, fails: !!f.fails, concurrent: !!f.concurrent, sequential: !!f.sequential,
    timeout: typeof f.timeout === 'number' ? f.timeout : undefined, retry: typeof f.retry === 'number' ? f.retry : 0,
    repeats: typeof f.repeats === 'number' ? f.repeats : 0,
  });

  const SKIPPED = { __proto__: null };
  // What a test gets as its last argument.
  const contextOf = (body, state) => {
    const expect = t.boundExpect(state.counting);
    return {
      task: { name: body.name, type: 'test' }, expect,
      skip(note) { state.note = note === undefined ? undefined : ToString(note); throw SKIPPED; },
      onTestFinished: (f) => push(state.finished, callee('onTestFinished', f)),
      onTestFailed: (f) => push(state.failed, callee('onTestFailed', f)),
    };
  };

  // Runs functions one after another, the last first; gives the errors.
  const unwind = (list, errors) => {
    let at = list.length;
    const step = () => {
      while (at > 0) {
        at -= 1;
        let result;
        try {
          result = list[at]();
        } catch (e) {
          push(errors, errorOf(e));
          continue;
        }
        if (isObject(result) && typeof result.then === 'function') {
          return engine.then(engine.resolved(result), step, (e) => { push(errors, errorOf(e)); return step(); });
        }
      }
      return undefined;
    };
    return engine.resolved(step());
  };

  const states = new p.Map();
  const stateOf = (id) => {
    let state = call(p.MapPrototypeGet, states, id);
    if (state === undefined) {
      state = { __proto__: null, counting: t.counting(), finished: [], failed: [], note: undefined };
      call(p.MapPrototypeSet, states, id, state);
    }
    return state;
  };

  const api = { __proto__: null, describe, suite: describe, test, it: test, expect: t.expect, assert: t.assert,
    beforeAll: hook('beforeAll'), afterAll: hook('afterAll'), beforeEach: hook('beforeEach'), afterEach: hook('afterEach'),
    before: hook('beforeAll'), after: hook('afterAll'),
    onTestFinished: atEnd('finished', 'onTestFinished'), onTestFailed: atEnd('failed', 'onTestFailed'),
  };
  const vi = { fn: t.spies.fn };
  const groups = [t.spies, t.fake];
  for (let i = 0; i < groups.length; i++) for (const k in groups[i]) vi[k] = groups[i][k];
  const missing = ['mock', 'doMock', 'unmock', 'doUnmock', 'resetModules', 'importActual', 'importMock'];
  for (let i = 0; i < missing.length; i++) {
    vi[missing[i]] = () => {
      throw new p.Error('vi.' + missing[i] + ' is not supported: what a module is, the host\'s loader says');
    };
  }
  vi.hoisted = (f) => f();
  // Polls until a function no longer throws.
  const wait = (f, options, good, what) => {
    const given = typeof options === 'number' ? { timeout: options } : options ?? {};
    const interval = given.interval ?? 50, timeout = given.timeout ?? 1000;
    let left = floor(timeout / interval) + 1;
    const { 0: promise, 1: resolve, 2: reject } = engine.newPromise();
    const attempt = () => {
      left -= 1;
      const again = (e) => {
        if (left <= 0) return reject(e ?? new p.Error(what + ' timed out'));
        if (t.fake.isFakeTimers()) {
          t.fake.advanceTimersByTime(interval);
          return engine.enqueue(attempt);
        }
        return engine.react(host.__test_sleep(interval), attempt, reject);
      };
      let value;
      try {
        value = f();
      } catch (e) {
        return again(e);
      }
      return engine.react(engine.resolved(value), (s, v) => (good(v) ? resolve(v) : again()), (s, e) => again(e));
    };
    attempt();
    return promise;
  };
  vi.waitFor = (f, options) => wait(f, options, () => true, 'vi.waitFor');
  vi.waitUntil = (f, options) => wait(f, options, (v) => !!v, 'vi.waitUntil');
  // Assertions on types are for a compiler. Here they are nothing, whatever is asked of them.
  const nothing = new PProxy(() => {}, { __proto__: null, get: (_, key) => (key === 'then' ? undefined : nothing), apply: () => nothing });
  api.expectTypeOf = () => nothing;
  api.assertType = () => {};
  api.vi = vi;
  api.jest = vi;
  t.vi = vi;
  const NAMES = ['describe', 'suite', 'test', 'it', 'expect', 'assert', 'beforeAll', 'afterAll', 'beforeEach', 'afterEach', 'vi',
    'onTestFinished', 'onTestFailed', 'expectTypeOf', 'assertType'];
  for (let i = 0; i < NAMES.length; i++) {
    ObjectDefineProperty(globalThis, NAMES[i], { __proto__: null, value: api[NAMES[i]], writable: true, configurable: true, enumerable: false });
  }

  return {
    exports: () => api,
    // Everything that there is to run, as data. `updating`: whether inline snapshots are noted rather than compared.
    collect: (updating) => engine.then(collect(root), () => { closed = true; t.updating = updating; return plain(root); }),
    // The inline snapshots that were noted.
    snapshots: () => t.snapshots,
    // Runs a hook, or the body of a test: gives { errors, skipped }. `test` is whose hook it is.
    run(id, test) {
      const body = bodies[id];
      const errors = [];
      const isEach = body.hook === 'beforeEach' || body.hook === 'afterEach';
      const state = body.hook === undefined ? stateOf(id) : isEach ? stateOf(test) : undefined;
      if (state !== undefined) {
        t.setCounting(state.counting);
        running = state;
      }
      const done = () => ({ errors, skipped: false });
      const failed = (e) => {
        if (e === SKIPPED && state !== undefined) return { errors: [], skipped: true, note: state.note };
        push(errors, errorOf(e));
        return done();
      };
      // A hook that prepares may give a function that cleans up.
      const ended = (value) => {
        if (typeof value === 'function' && (body.hook === 'beforeAll' || body.hook === 'beforeEach')) {
          push(bodies, { __proto__: null, fn: value, hook: 'cleanup' });
          return { errors, skipped: false, cleanup: bodies.length - 1 };
        }
        return done();
      };
      try {
        let result;
        if (body.hook === undefined) {
          const args = [];
          if (body.args !== undefined) for (let i = 0; i < body.args.length; i++) push(args, body.args[i]);
          push(args, contextOf(body, state));
          result = ReflectApply(body.fn, undefined, args);
        } else {
          result = isEach ? body.fn(contextOf(bodies[test], state)) : body.fn();
        }
        if (isObject(result) && typeof result.then === 'function') {
          return engine.then(engine.resolved(result), ended, failed);
        }
        return engine.resolved(ended(result));
      } catch (e) {
        return engine.resolved(failed(e));
      }
    },
    // After a test and its hooks: what onTestFinished and onTestFailed were given, soft errors, the count of assertions.
    finish(id, hasFailed) {
      const state = stateOf(id), errors = [];
      const soft = t.verdict(state.counting);
      for (let i = 0; i < soft.length; i++) push(errors, errorOf(soft[i]));
      const late = [];
      for (let i = 0; i < state.finished.length; i++) push(late, state.finished[i]);
      if (hasFailed || errors.length > 0) for (let i = 0; i < state.failed.length; i++) push(late, state.failed[i]);
      call(p.MapPrototypeDelete, states, id);
      running = undefined;
      return engine.then(unwind(late, errors), () => errors);
    },
  };
})
