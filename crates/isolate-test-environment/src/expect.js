// expect: matchers, as Vitest and Jest define them.
(function (host, p, engine) {
  'use strict';
  const { call, ReflectApply, ReflectOwnKeys, ObjectDefineProperty, ObjectGetPrototypeOf, ObjectSetPrototypeOf, ToString, RegExpPrototypeExec } = p;
  const t = p.testing;
  const { equals, matches, format, short, isObject, own, push, ASYMMETRIC } = t;
  const { classOf } = engine;
  const ObjectIs = p.Object.is, ArrayIsArray = Array.isArray, { abs, pow } = Math;
  const { indexOf, slice, split, trim } = String.prototype;
  const SetPrototypeHas = Set.prototype.has;
  const PArray = Array, PString = String, PNumber = Number, PFunction = Function, PBoolean = Boolean, PBigInt = BigInt, PSymbol = Symbol;
  const isNaN = Number.isNaN, ArrayFrom = Array.from, isRegExp = (v) => classOf(v) === 'RegExp';
  const listOf = (iterable) => call(ArrayFrom, PArray, iterable);

  class AssertionError extends p.Error {}
  ObjectDefineProperty(AssertionError.prototype, 'name', { __proto__: null, value: 'AssertionError', writable: true, configurable: true });
  t.AssertionError = AssertionError;
  const fail = (message, extra) => {
    const error = new AssertionError(message);
    if (extra !== undefined && extra.show !== false) {
      const put = (k, value) => ObjectDefineProperty(error, k, { __proto__: null, value, writable: true, enumerable: false, configurable: true });
      put('actual', extra.actual);
      put('expected', extra.expected);
      const expected = typeof extra.expected === 'string' ? extra.expected : format(extra.expected);
      const actual = typeof extra.actual === 'string' ? extra.actual : format(extra.actual);
      if (expected !== actual) put('diff', host.__test_diff(expected, actual));
    }
    return error;
  };

  // What the tests of a moment have asked for: assertions(n), hasAssertions, soft errors.
  const counting = () => ({ __proto__: null, count: 0, wanted: undefined, some: false, soft: [] });
  t.counting = counting;
  let now = counting();
  t.setCounting = (state) => { now = state; };

  // Matchers: a function of the received value and the arguments gives { pass, message, actual, expected }. The message is
  // what stands after "expected X" and "not " is put where %not is.
  const simple = (test, text) => (received, e) => ({ pass: test(received, e), text: '%not' + text });
  const number = (received, name) => {
    if (typeof received !== 'number' && typeof received !== 'bigint') {
      throw new p.TypeError(name + ': a number or bigint is needed, and got ' + short(received));
    }
  };
  const compare = (test, text) => (received, e, args, name) => {
    number(received, name);
    number(args[0], name);
    return { pass: test(received, args[0]), text: '%notto be ' + text + ' ' + short(args[0]), actual: received, expected: args[0] };
  };
  const spy = (f, name) => {
    if (typeof f !== 'function' || f._isMockFunction !== true) throw new p.TypeError(name + ': a spy is needed (vi.fn, vi.spyOn), and got ' + short(f));
    return f.mock;
  };
  const callsText = (calls) => {
    let text = '';
    for (let i = 0; i < calls.length && i < 10; i++) text += '\n  ' + (i + 1) + ': ' + short(calls[i]);
    return calls.length === 0 ? '\n\nIt was not called.' : '\n\nCalls:' + text + (calls.length > 10 ? '\n  …' : '');
  };
  const times = (n) => (n === 1 ? '1 time' : n + ' times');
  const returned = (record, settled) => {
    const all = settled ? record.settledResults : record.results, good = [];
    for (let i = 0; i < all.length; i++) if (all[i].type === (settled ? 'fulfilled' : 'return')) push(good, all[i].value);
    return good;
  };
  const some = (list, value) => { for (let i = 0; i < list.length; i++) if (equals(list[i], value)) return true; return false; };
  const at = (path) => {
    if (ArrayIsArray(path)) return path;
    if (typeof path === 'symbol' || typeof path === 'number') return [path];
    const keys = [];
    let key = '';
    path = ToString(path);
    for (let i = 0; i < path.length; i++) {
      const ch = path[i];
      if (ch === '.') { if (key !== '') push(keys, key); key = ''; }
      else if (ch === '[') { if (key !== '') push(keys, key); key = ''; }
      else if (ch === ']') { push(keys, key); key = ''; }
      else key += ch;
    }
    if (key !== '') push(keys, key);
    return keys;
  };
  const contains = (received, item, name) => {
    if (typeof received === 'string') return call(indexOf, received, ToString(item)) >= 0;
    if (classOf(received) === 'Set') return call(SetPrototypeHas, received, item);
    if (!isObject(received) && typeof received !== 'string') throw new p.TypeError(name + ': something to look into is needed, and got ' + short(received));
    const list = ArrayIsArray(received) ? received : listOf(received);
    for (let i = 0; i < list.length; i++) if (list[i] === item || ObjectIs(list[i], item)) return true;
    return false;
  };
  const indented = (text) => {
    // The indentation of a template literal in the test's source is none of the snapshot's.
    const lines = call(split, text, '\n');
    if (lines.length < 2) return call(trim, text);
    let least;
    for (let i = 1; i < lines.length; i++) {
      if (call(trim, lines[i]) === '') continue;
      let n = 0;
      while (n < lines[i].length && (lines[i][n] === ' ' || lines[i][n] === '\t')) n += 1;
      if (least === undefined || n < least) least = n;
    }
    const out = [];
    for (let i = 0; i < lines.length; i++) push(out, i === 0 ? lines[i] : call(slice, lines[i], least ?? 0));
    if (call(trim, out[0]) === '') out[0] = undefined;
    if (out.length > 1 && call(trim, out[out.length - 1]) === '') out.length -= 1;
    let joined = '', first = true;
    for (let i = 0; i < out.length; i++) {
      if (out[i] === undefined) continue;
      joined += (first ? '' : '\n') + out[i];
      first = false;
    }
    return joined;
  };
  // What is to be written into the source, if the host asked for that.
  t.snapshots = [];
  t.updating = false;
  const inlineSnapshot = (actual, args, name, state) => {
    let given = args[0];
    if (isObject(given)) throw new p.TypeError(name + ': property matchers are not supported');
    if (given !== undefined) given = indented(ToString(given));
    if (t.updating && !state.not && given !== actual) {
      push(t.snapshots, { matcher: name, text: actual, stack: state.trace ?? call(p.ErrorGetStack, new p.Error()) });
      return { pass: true };
    }
    if (given === undefined) {
      return { pass: false, text: 'to match an inline snapshot, and none is given. What to write:\n\n' + name + '(`' + actual + '`)' };
    }
    return { pass: given === actual, text: '%notto match the inline snapshot', actual, expected: given };
  };

  const thrown = (error, wanted) => {
    const message = isObject(error) ? error.message : error;
    if (wanted === undefined) return { pass: true };
    if (typeof wanted === 'string') {
      return { pass: call(indexOf, ToString(message), wanted) >= 0, text: 'to throw an error including ' + short(wanted), actual: ToString(message), expected: wanted };
    }
    if (isRegExp(wanted)) return { pass: call(RegExpPrototypeExec, wanted, ToString(message)) !== null, text: 'to throw an error matching ' + short(wanted), actual: ToString(message), expected: format(wanted) };
    if (typeof wanted === 'function') return { pass: error instanceof wanted, text: 'to throw an instance of ' + wanted.name, actual: error, expected: wanted };
    if (t.isAsymmetric(wanted)) return { pass: wanted.asymmetricMatch(error) === true, text: 'to throw what matches ' + short(wanted), actual: error, expected: wanted };
    if (classOf(wanted) === 'Error') return { pass: message === wanted.message && equals(error, wanted), text: 'to throw the error ' + short(wanted), actual: error, expected: wanted };
    return { pass: equals(error, wanted), text: 'to throw ' + short(wanted), actual: error, expected: wanted };
  };
  const toThrow = (received, e, args, name, state) => {
    let error, threw = false;
    if (state.promise === 'rejects' || state.promise === 'resolves') {
      threw = state.promise === 'rejects';
      error = received;
    } else {
      if (typeof received !== 'function') throw new p.TypeError(name + ': a function is needed, and got ' + short(received));
      try {
        received();
      } catch (e) {
        threw = true;
        error = e;
      }
    }
    if (!threw) return { pass: false, text: args.length > 0 ? 'to throw ' + short(args[0]) + ', and it did not throw' : 'to throw an error, and it did not' };
    const result = thrown(error, args[0]);
    return { pass: result.pass, text: '%not' + (result.text ?? 'to throw an error') + ', and it threw ' + short(error), actual: result.actual, expected: result.expected };
  };
  const NOTHING = { __proto__: null };
  const property = (received, e, args) => {
    const keys = at(args[0]), hasValue = args.length > 1;
    let value = received, there = true;
    // A key with dots may be one key.
    if (typeof args[0] === 'string' && isObject(received) && own(received, args[0])) {
      value = received[args[0]];
    } else {
      for (let i = 0; i < keys.length && there; i++) {
        there = value !== null && value !== undefined && (isObject(value) ? keys[i] in value : value[keys[i]] !== undefined);
        value = there ? value[keys[i]] : NOTHING;
      }
    }
    const text = '%notto have the property ' + short(args[0]);
    if (!hasValue) return { pass: there, text };
    return {
      pass: there && equals(value, args[1]), text: text + (there ? ' with the value ' + short(args[1]) : ''),
      actual: there ? value : undefined, expected: args[1], show: there,
    };
  };

  const called = (record, args) => some(record.calls, args);
  const matchers = {
    __proto__: null,
    toBe: (r, e) => {
      const pass = ObjectIs(r, e);
      const hint = !pass && equals(r, e, true) ? ' (they are deeply equal; toEqual would pass)' : '';
      return { pass, text: '%notto be ' + short(e) + hint, actual: r, expected: e };
    },
    toEqual: (r, e) => ({ pass: equals(r, e, false, custom), text: '%notto equal ' + short(e), actual: r, expected: e }),
    toStrictEqual: (r, e) => ({ pass: equals(r, e, true, custom), text: '%notto strictly equal ' + short(e), actual: r, expected: e }),
    toMatchObject: (r, e) => ({ pass: matches(r, e), text: '%notto match the object ' + short(e), actual: r, expected: e }),
    toBeDefined: simple((r) => r !== undefined, 'to be defined'),
    toBeUndefined: simple((r) => r === undefined, 'to be undefined'),
    toBeNull: simple((r) => r === null, 'to be null'),
    toBeNullable: simple((r) => r === null || r === undefined, 'to be null or undefined'),
    toBeNaN: simple((r) => isNaN(r), 'to be NaN'),
    toBeTruthy: simple((r) => !!r, 'to be truthy'),
    toBeFalsy: simple((r) => !r, 'to be falsy'),
    toBeGreaterThan: compare((a, b) => a > b, 'greater than'),
    toBeGreaterThanOrEqual: compare((a, b) => a >= b, 'greater than or equal to'),
    toBeLessThan: compare((a, b) => a < b, 'less than'),
    toBeLessThanOrEqual: compare((a, b) => a <= b, 'less than or equal to'),
    toBeCloseTo: (r, e, args, name) => {
      const digits = args.length > 1 ? args[1] : 2;
      number(r, name);
      number(e, name);
      const difference = abs(r - e), most = pow(10, -digits) / 2;
      return { pass: r === e || difference < most, text: '%notto be close to ' + e + ': the difference is ' + difference + ', and may be less than ' + most };
    },
    toBeInstanceOf: (r, e, args, name) => {
      if (typeof e !== 'function') throw new p.TypeError(name + ': a class is needed, and got ' + short(e));
      return { pass: r instanceof e, text: '%notto be an instance of ' + e.name };
    },
    toBeTypeOf: (r, e) => ({ pass: typeof r === e, text: '%notto be of type ' + short(e) + '; it is a ' + typeof r }),
    toBeOneOf: (r, e) => ({ pass: some(ArrayIsArray(e) ? e : listOf(e), r), text: '%notto be one of ' + short(e) }),
    toContain: (r, e, args, name) => ({ pass: contains(r, e, name), text: '%notto contain ' + short(e) }),
    toContainEqual: (r, e) => ({ pass: some(ArrayIsArray(r) ? r : listOf(r), e), text: '%notto contain what equals ' + short(e) }),
    toHaveLength: (r, e, args, name) => {
      const length = r === null || r === undefined ? undefined : r.length;
      if (typeof length !== 'number') throw new p.TypeError(name + ': something with a length is needed, and got ' + short(r));
      return { pass: length === e, text: '%notto have the length ' + e + '; it is ' + length };
    },
    toHaveProperty: property,
    toMatch: (r, e, args, name) => {
      if (typeof r !== 'string') throw new p.TypeError(name + ': a string is needed, and got ' + short(r));
      const pass = isRegExp(e) ? call(RegExpPrototypeExec, new p.RegExp(e), r) !== null : call(indexOf, r, ToString(e)) >= 0;
      return { pass, text: '%notto match ' + short(e) };
    },
    toSatisfy: (r, e, args) => ({ pass: !!e(r), text: '%notto satisfy ' + (args.length > 1 ? ToString(args[1]) : 'the predicate') }),
    toThrow,
    toThrowError: toThrow,
    toMatchInlineSnapshot: (r, e, args, name, state) => inlineSnapshot(t.snapshot(r), args, name, state),
    toThrowErrorMatchingInlineSnapshot: (r, e, args, name, state) => {
      let error = r;
      if (state.promise === undefined) {
        error = NOTHING;
        try {
          r();
        } catch (e) {
          error = e;
        }
        if (error === NOTHING) return { pass: false, text: 'to throw an error, and it did not' };
      }
      return inlineSnapshot(t.snapshot(error), args, name, state);
    },
    toHaveBeenCalled: (r, e, args, name) => {
      const { calls } = spy(r, name);
      return { pass: calls.length > 0, text: '%notto have been called; it was, ' + times(calls.length) };
    },
    toHaveBeenCalledTimes: (r, e, args, name) => {
      const { calls } = spy(r, name);
      return { pass: calls.length === e, text: '%notto have been called ' + times(e) + '; it was, ' + times(calls.length) };
    },
    toHaveBeenCalledOnce: (r, e, args, name) => {
      const { calls } = spy(r, name);
      return { pass: calls.length === 1, text: '%notto have been called once; it was, ' + times(calls.length) };
    },
    toHaveBeenCalledWith: (r, e, args, name) => {
      const { calls } = spy(r, name);
      const one = calls.length === 1;
      return { pass: called({ calls }, args), text: '%notto have been called with ' + short(args) + callsText(calls), actual: one ? calls[0] : undefined, expected: args, show: one };
    },
    toHaveBeenCalledExactlyOnceWith: (r, e, args, name) => {
      const { calls } = spy(r, name);
      return { pass: calls.length === 1 && equals(calls[0], args), text: '%notto have been called once, with ' + short(args) + callsText(calls) };
    },
    toHaveBeenLastCalledWith: (r, e, args, name) => {
      const { calls } = spy(r, name);
      const last = calls.length > 0 ? calls[calls.length - 1] : undefined;
      return { pass: last !== undefined && equals(last, args), text: '%notto have been called with ' + short(args) + ' at last' + callsText(calls), actual: last, expected: args, show: last !== undefined };
    },
    toHaveBeenNthCalledWith: (r, n, all, name) => {
      const { calls } = spy(r, name);
      const args = [];
      for (let i = 1; i < all.length; i++) push(args, all[i]);
      const nth = n >= 1 && n <= calls.length ? calls[n - 1] : undefined;
      return { pass: nth !== undefined && equals(nth, args), text: '%notto have been called with ' + short(args) + ' the time ' + n + callsText(calls), actual: nth, expected: args, show: nth !== undefined };
    },
    toHaveBeenCalledBefore: (r, other, args, name) => {
      const a = spy(r, name).invocationCallOrder, b = spy(other, name).invocationCallOrder;
      return { pass: a.length > 0 && b.length > 0 && a[0] < b[0], text: '%notto have been called before ' + short(other) };
    },
    toHaveBeenCalledAfter: (r, other, args, name) => {
      const a = spy(r, name).invocationCallOrder, b = spy(other, name).invocationCallOrder;
      return { pass: a.length > 0 && b.length > 0 && a[a.length - 1] > b[b.length - 1], text: '%notto have been called after ' + short(other) };
    },
  };
  const giving = (settled) => {
    const word = settled ? 'resolved' : 'returned', Word = settled ? 'Resolved' : 'Returned';
    matchers['toHave' + Word] = (r, e, args, name) => {
      const good = returned(spy(r, name), settled);
      return { pass: good.length > 0, text: '%notto have ' + word + '; it has, ' + times(good.length) };
    };
    matchers['toHave' + Word + 'Times'] = (r, e, args, name) => {
      const good = returned(spy(r, name), settled);
      return { pass: good.length === e, text: '%notto have ' + word + ' ' + times(e) + '; it has, ' + times(good.length) };
    };
    matchers['toHave' + Word + 'With'] = (r, e, args, name) => {
      const good = returned(spy(r, name), settled);
      return { pass: some(good, e), text: '%notto have ' + word + ' with ' + short(e) + '; it has with ' + short(good) };
    };
    matchers['toHaveLast' + Word + 'With'] = (r, e, args, name) => {
      const good = returned(spy(r, name), settled);
      const last = good.length > 0 ? good[good.length - 1] : NOTHING;
      return { pass: last !== NOTHING && equals(last, e), text: '%notto have ' + word + ' with ' + short(e) + ' at last; it has with ' + short(good) };
    };
    matchers['toHaveNth' + Word + 'With'] = (r, n, args, name) => {
      const e = args[1];
      const record = spy(r, name);
      const all = settled ? record.settledResults : record.results;
      const nth = n >= 1 && n <= all.length ? all[n - 1] : undefined;
      const good = nth !== undefined && nth.type === (settled ? 'fulfilled' : 'return');
      return { pass: good && equals(nth.value, e), text: '%notto have ' + word + ' with ' + short(e) + ' the time ' + n, actual: good ? nth.value : undefined, expected: e, show: good };
    };
  };
  giving(false);
  giving(true);
  const ALIASES = {
    __proto__: null, toBeCalled: 'toHaveBeenCalled', toBeCalledTimes: 'toHaveBeenCalledTimes', toBeCalledWith: 'toHaveBeenCalledWith',
    lastCalledWith: 'toHaveBeenLastCalledWith', nthCalledWith: 'toHaveBeenNthCalledWith', toReturn: 'toHaveReturned',
    toReturnTimes: 'toHaveReturnedTimes', toReturnWith: 'toHaveReturnedWith', lastReturnedWith: 'toHaveLastReturnedWith',
    nthReturnedWith: 'toHaveNthReturnedWith',
  };
  const aliases = ReflectOwnKeys(ALIASES);
  for (let i = 0; i < aliases.length; i++) matchers[aliases[i]] = matchers[ALIASES[aliases[i]]];

  const custom = [];
  const extended = { __proto__: null };

  // Says whether a result fails, and how.
  const judge = (state, name, result, received) => {
    if (!isObject(result) || typeof result.pass !== 'boolean') {
      if (!isObject(result) || !('pass' in result)) throw new p.TypeError('the matcher ' + name + ' gave no { pass, message }');
    }
    if (!!result.pass !== state.not) return undefined;
    let message;
    if (result.text !== undefined) {
      const not = state.not ? 'not ' : '';
      const text = result.text[0] === '%' ? not + call(slice, result.text, 4) : not + result.text;
      message = 'expected ' + short(received) + ' ' + text;
    } else {
      message = typeof result.message === 'function' ? ToString(result.message()) : 'the matcher ' + name + ' failed';
    }
    if (state.message !== undefined) message = ToString(state.message) + ': ' + message;
    const show = !state.not && 'expected' in result && result.show !== false;
    return fail(message, show ? { actual: result.actual, expected: result.expected } : undefined);
  };
  const settle = (state, error) => {
    if (error === undefined) return;
    // What fails after a promise has settled, fails where it was asked for.
    if (state.trace !== undefined) {
      ObjectDefineProperty(error, 'stack', { __proto__: null, value: state.trace, writable: true, configurable: true });
    }
    if (!state.soft) throw error;
    push(state.counting.soft, error);
  };

  const apply = (state, name, args) => {
    const run = (received) => {
      const matcher = extended[name];
      let result;
      if (matcher === undefined) {
        result = matchers[name](received, args.length > 0 ? args[0] : undefined, args, name, state);
      } else {
        const context = {
          isNot: state.not, promise: state.promise ?? '', equals: (a, b, testers, strict) => equals(a, b, strict === true, testers),
          utils: { stringify: short, printReceived: short, printExpected: short, diff: (e, a) => host.__test_diff(format(e), format(a)) },
          customTesters: custom, soft: state.soft, poll: false,
        };
        const list = [received];
        for (let i = 0; i < args.length; i++) push(list, args[i]);
        result = ReflectApply(matcher, context, list);
        if (engine.promiseState(result) !== undefined) {
          return engine.then(result, (result) => settle(state, judge(state, name, result, received)));
        }
      }
      return settle(state, judge(state, name, result, received));
    };
    if (state.promise === undefined) return run(state.received);
    state.trace = call(p.ErrorGetStack, new p.Error());
    let promise = state.received;
    if (typeof promise === 'function') promise = promise();
    if (!isObject(promise) || typeof promise.then !== 'function') {
      throw new p.TypeError('expect(…).' + state.promise + ' needs a promise, and got ' + short(state.received));
    }
    if (state.promise === 'resolves') {
      return engine.then(engine.resolved(promise), run, (e) => {
        settle(state, fail('expected the promise to resolve, and it was rejected with ' + short(e)));
      });
    }
    return engine.then(engine.resolved(promise), (v) => {
      settle(state, fail('expected the promise to be rejected, and it resolved to ' + short(v)));
    }, run);
  };

  const states = new p.WeakMap();
  const stateOf = (o) => call(p.WeakMapPrototypeGet, states, o);
  const Assertion = { __proto__: null };
  const getter = (key, change) => ObjectDefineProperty(Assertion, key, {
    __proto__: null, configurable: true, enumerable: false,
    get() {
      const state = stateOf(this), next = { __proto__: null };
      for (const k in state) next[k] = state[k];
      change(next);
      return assertion(next);
    },
  });
  getter('not', (s) => { s.not = !s.not; });
  getter('resolves', (s) => { s.promise = 'resolves'; });
  getter('rejects', (s) => { s.promise = 'rejects'; });
  const method = (name) => ObjectDefineProperty(Assertion, name, {
    __proto__: null, configurable: true, writable: true, enumerable: false,
    value(...args) { return apply(stateOf(this), name, args); },
  });
  const names = ReflectOwnKeys(matchers);
  for (let i = 0; i < names.length; i++) method(names[i]);
  const assertion = (state) => {
    const made = { __proto__: Assertion };
    call(p.WeakMapPrototypeSet, states, made, state);
    return made;
  };

  // Asymmetric matchers.
  const asymmetric = (name, sample, test, not) => ({
    [ASYMMETRIC]: true, sample,
    asymmetricMatch: (other) => (not ? !test(other) : test(other)),
    toAsymmetricMatcher: () => (not ? name + 'Not' : name) + (sample === undefined ? '' : '<' + short(sample) + '>'),
    toString: () => name,
  });
  const anyOf = (type) => (other) => {
    if (type === PString) return typeof other === 'string' || other instanceof type;
    if (type === PNumber) return typeof other === 'number' || other instanceof type;
    if (type === PFunction) return typeof other === 'function';
    if (type === PBoolean) return typeof other === 'boolean' || other instanceof type;
    if (type === PBigInt) return typeof other === 'bigint';
    if (type === PSymbol) return typeof other === 'symbol';
    if (type === p.Object) return typeof other === 'object';
    return other instanceof type;
  };
  const arrayContaining = (sample) => {
    if (!ArrayIsArray(sample)) throw new p.TypeError('expect.arrayContaining needs an array, and got ' + short(sample));
    return (other) => {
      if (!ArrayIsArray(other)) return false;
      for (let i = 0; i < sample.length; i++) if (!some(other, sample[i])) return false;
      return true;
    };
  };
  const objectContaining = (sample) => {
    if (!isObject(sample)) throw new p.TypeError('expect.objectContaining needs an object, and got ' + short(sample));
    return (other) => {
      if (!isObject(other)) return false;
      const keys = t.keysOf(sample, false);
      for (let i = 0; i < keys.length; i++) if (!(keys[i] in other) || !equals(other[keys[i]], sample[keys[i]])) return false;
      return true;
    };
  };
  const stringContaining = (sample) => (other) => typeof other === 'string' && call(indexOf, other, sample) >= 0;
  const stringMatching = (sample) => {
    const pattern = new p.RegExp(sample);
    return (other) => typeof other === 'string' && call(RegExpPrototypeExec, new p.RegExp(pattern), other) !== null;
  };
  const closeTo = (sample, digits = 2) => (other) => typeof other === 'number' && (other === sample || abs(other - sample) < pow(10, -digits) / 2);

  const make = (not) => ({
    arrayContaining: (sample) => asymmetric('ArrayContaining', sample, arrayContaining(sample), not),
    objectContaining: (sample) => asymmetric('ObjectContaining', sample, objectContaining(sample), not),
    stringContaining: (sample) => asymmetric('StringContaining', sample, stringContaining(sample), not),
    stringMatching: (sample) => asymmetric('StringMatching', sample, stringMatching(sample), not),
    closeTo: (sample, digits) => asymmetric('CloseTo', sample, closeTo(sample, digits), not),
    toBeOneOf: (sample) => asymmetric('OneOf', sample, (other) => some(sample, other), not),
    schemaMatching: undefined,
  });

  const expect = (received, message) => start(received, message, now, false);
  const start = (received, message, counting, soft) => {
    counting.count += 1;
    return assertion({ __proto__: null, received, message, not: false, promise: undefined, soft, counting });
  };
  // The expect of a test's own context counts for that test, also when several run at once.
  const bound = (counting) => {
    const mine = (received, message) => start(received, message, counting(), false);
    const put = (k, value) => { mine[k] = value; };
    put('soft', (received, message) => start(received, message, counting(), true));
    put('assertions', (n) => { counting().wanted = n; });
    put('hasAssertions', () => { counting().some = true; });
    put('unreachable', (message) => { throw fail('expected this not to be reached' + (message === undefined ? '' : ': ' + ToString(message))); });
    put('extend', (more) => {
      const keys = ReflectOwnKeys(more);
      for (let i = 0; i < keys.length; i++) {
        const key = keys[i], matcher = more[key];
        if (typeof matcher !== 'function') throw new p.TypeError('expect.extend: ' + ToString(key) + ' is no function');
        extended[key] = matcher;
        method(key);
        const asymmetrics = (not) => (...sample) => asymmetric(ToString(key), sample.length === 1 ? sample[0] : sample, (other) => {
          const list = [other];
          for (let i = 0; i < sample.length; i++) push(list, sample[i]);
          const context = { isNot: not, promise: '', equals: (a, b) => equals(a, b), utils: { stringify: short }, customTesters: custom };
          return !!ReflectApply(matcher, context, list).pass;
        }, not);
        for (let k = 0; k < everyExpect.length; k++) {
          everyExpect[k][key] = asymmetrics(false);
          everyExpect[k].not[key] = asymmetrics(true);
        }
      }
    });
    put('addEqualityTesters', (testers) => { for (let i = 0; i < testers.length; i++) push(custom, testers[i]); });
    put('any', (type) => {
      if (typeof type !== 'function') throw new p.TypeError('expect.any needs a constructor, and got ' + short(type));
      const made = asymmetric('Any', undefined, anyOf(type), false);
      made.toAsymmetricMatcher = () => 'Any<' + type.name + '>';
      return made;
    });
    put('anything', () => asymmetric('Anything', undefined, (other) => other !== null && other !== undefined, false));
    put('getState', () => ({ assertionCalls: counting().count }));
    const plain = make(false), keys = ReflectOwnKeys(plain);
    for (let i = 0; i < keys.length; i++) if (plain[keys[i]] !== undefined) put(keys[i], plain[keys[i]]);
    put('not', make(true));
    const extra = ReflectOwnKeys(extended);
    if (extra.length > 0) {
      const first = everyExpect[0];
      for (let i = 0; i < extra.length; i++) { mine[extra[i]] = first[extra[i]]; mine.not[extra[i]] = first.not[extra[i]]; }
    } else if (everyExpect.length === 0) {
      push(everyExpect, mine);
    }
    return mine;
  };
  const everyExpect = [];
  t.expect = bound(() => now);
  t.boundExpect = (counting) => bound(() => counting);

  // What a test's counts come to at its end: errors.
  t.verdict = (counting) => {
    const errors = counting.soft;
    if (counting.wanted !== undefined && counting.wanted !== counting.count) {
      push(errors, fail('expected ' + counting.wanted + ' assertions, and there were ' + counting.count));
    } else if (counting.some && counting.count === 0) {
      push(errors, fail('expected some assertion, and there was none'));
    }
    return errors;
  };

  // A small assert, for those who prefer it.
  const assert = (value, message) => { if (!value) throw fail(message ?? 'expected ' + short(value) + ' to be truthy'); };
  const asserting = (name, matcher, not) => {
    assert[name] = (actual, expected, message) => {
      const state = { __proto__: null, received: actual, message, not, promise: undefined, soft: false, counting: now };
      return apply(state, matcher, [expected]);
    };
  };
  assert.ok = assert;
  assert.fail = (message) => { throw fail(message ?? 'assert.fail()'); };
  asserting('strictEqual', 'toBe', false);
  asserting('notStrictEqual', 'toBe', true);
  asserting('deepEqual', 'toEqual', false);
  asserting('notDeepEqual', 'toEqual', true);
  asserting('deepStrictEqual', 'toStrictEqual', false);
  asserting('notDeepStrictEqual', 'toStrictEqual', true);
  asserting('match', 'toMatch', false);
  asserting('doesNotMatch', 'toMatch', true);
  asserting('instanceOf', 'toBeInstanceOf', false);
  assert.equal = (a, b, message) => { if (a != b && !(a !== a && b !== b)) throw fail(message ?? 'expected ' + short(a) + ' to equal ' + short(b), { actual: a, expected: b }); };
  assert.notEqual = (a, b, message) => { if (a == b) throw fail(message ?? 'expected ' + short(a) + ' not to equal ' + short(b)); };
  assert.throws = (f, wanted, message) => {
    if (typeof wanted === 'string') wanted = undefined;
    if (isObject(wanted) && typeof wanted !== 'function' && !isRegExp(wanted) && classOf(wanted) !== 'Error') {
      const shape = wanted;
      wanted = asymmetric('Error', shape, (e) => matches(e, shape), false);
    }
    return apply({ __proto__: null, received: f, message, not: false, promise: undefined, soft: false, counting: now }, 'toThrow', wanted === undefined ? [] : [wanted]);
  };
  assert.doesNotThrow = (f, message) => apply({ __proto__: null, received: f, message, not: true, promise: undefined, soft: false, counting: now }, 'toThrow', []);
  const rejects = (promise, wanted, how) => {
    if (typeof promise === 'function') promise = promise();
    return apply({ __proto__: null, received: promise, message: undefined, not: false, promise: how, soft: false, counting: now }, 'toThrow', wanted === undefined ? [] : [wanted]);
  };
  assert.rejects = (promise, wanted) => rejects(promise, wanted, 'rejects');
  t.assert = assert;
})
