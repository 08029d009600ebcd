// What tests compare and print: equality, as toEqual and toStrictEqual mean it, and values as text that is the same each time.
//
// All glue of the test environment is installed before the tests and takes its builtins then, so that code under test may
// patch what it likes.
(function (host, p, engine) {
  'use strict';
  const { call, ReflectOwnKeys, ReflectApply, ObjectGetOwnPropertyDescriptor, ObjectGetPrototypeOf, ToString } = p;
  const { classOf, viewInfo, bufferInfo } = engine;
  const ObjectPrototype = p.Object.prototype;
  const ObjectIs = p.Object.is, ArrayIsArray = Array.isArray;
  const { sort, join } = Array.prototype, { indexOf, lastIndexOf, slice } = String.prototype;
  const hasOwn = p.Object.prototype.hasOwnProperty;
  const DatePrototypeGetTime = Date.prototype.getTime;
  const MapPrototypeHas = p.Map.prototype.has, SetPrototypeHas = Set.prototype.has;
  const isEnumerable = p.Object.prototype.propertyIsEnumerable;
  const ASYMMETRIC = p.SymbolFor('isolate.asymmetricMatch');

  const t = p.testing = { __proto__: null };
  const isObject = (v) => (typeof v === 'object' && v !== null) || typeof v === 'function';
  const own = (o, k) => call(hasOwn, o, k);
  const push = (list, value) => { list[list.length] = value; };
  t.isObject = isObject;
  t.own = own;
  t.push = push;
  t.join = (list, by) => call(join, list, by);
  t.ASYMMETRIC = ASYMMETRIC;

  // An asymmetric matcher is one by its own property, or that of a class of the test's own (as Jest's and Vitest's are).
  const asymmetric = (v) => isObject(v) && typeof v.asymmetricMatch === 'function' && v[ASYMMETRIC] !== undefined;
  const foreign = (v) => isObject(v) && v.$$typeof !== undefined && typeof v.asymmetricMatch === 'function';
  t.isAsymmetric = (v) => asymmetric(v) || foreign(v);

  const entriesOf = (map) => {
    const all = [];
    call(p.MapPrototypeForEach, map, (value, key) => push(all, { __proto__: null, key, value }));
    return all;
  };
  const itemsOf = (set) => {
    const all = [];
    call(p.SetPrototypeForEach, set, (value) => push(all, value));
    return all;
  };
  t.entriesOf = entriesOf;
  t.itemsOf = itemsOf;

  const regExpText = (r) => {
    let flags = '';
    const names = ['HasIndices', 'd', 'Global', 'g', 'IgnoreCase', 'i', 'Multiline', 'm', 'DotAll', 's', 'Unicode', 'u',
      'UnicodeSets', 'v', 'Sticky', 'y'];
    for (let i = 0; i < names.length; i += 2) if (call(p['RegExpPrototypeGet' + names[i]], r)) flags += names[i + 1];
    return '/' + call(p.RegExpPrototypeGetSource, r) + '/' + flags;
  };
  const escaped = (r) => {
    const text = regExpText(r), end = call(lastIndexOf, text, '/');
    let out = '/';
    for (let i = 1; i < end; i++) out += (call(indexOf, '\\^$*+?.()|[]{}', text[i]) >= 0 ? '\\' : '') + text[i];
    return out + call(slice, text, end);
  };
  const isBytes = (c) => c === 'ArrayBuffer' || c === 'SharedArrayBuffer';
  const bytesOf = (v, c) => {
    if (isBytes(c)) return { __proto__: null, view: engine.newView('Uint8Array', v, 0), type: c };
    const info = viewInfo(v);
    if (info === undefined || info.type !== 'DataView') return undefined;
    return { __proto__: null, view: engine.newView('Uint8Array', info.buffer, info.byteOffset, info.byteLength), type: c };
  };
  const viewLength = (v) => call(p.TypedArrayPrototypeGetLength, v);

  // Own enumerable keys, those of symbols too. Keys of a typed array or an array that are indices are left out if asked.
  const keysOf = (o, named) => {
    const all = ReflectOwnKeys(o), keys = [];
    for (let i = 0; i < all.length; i++) {
      const k = all[i];
      if (!call(isEnumerable, o, k)) continue;
      if (named && typeof k === 'string' && ToString(k >>> 0) === k) continue;
      push(keys, k);
    }
    return keys;
  };
  t.keysOf = keysOf;

  const isError = (v, c) => c === 'Error' || (c === 'DOMException');

  engine.defineGlobals('URL');
  const URL = p.globalThis.URL;
  const isURL = (v) => URL !== undefined && engine.proxyDetails(v) === undefined && v instanceof URL;

  // The pairs of objects that are being compared: a cycle is equal if it is one on both sides.
  const equals = (a, b, strict, custom) => eq(a, b, strict === true, [], custom);
  const eq = (a, b, strict, stack, custom) => {
    const left = t.isAsymmetric(a), right = t.isAsymmetric(b);
    if (left && right) return ObjectIs(a, b);
    if (right) return b.asymmetricMatch(a) === true;
    if (left) return a.asymmetricMatch(b) === true;
    if (custom !== undefined) {
      for (let i = 0; i < custom.length; i++) {
        const result = ReflectApply(custom[i], undefined, [a, b]);
        if (result !== undefined) return !!result;
      }
    }
    if (ObjectIs(a, b)) return true;
    if (!isObject(a) || !isObject(b) || typeof a !== typeof b || typeof a === 'function') return false;
    const c = classOf(a);
    if (c !== classOf(b)) return false;
    switch (c) {
      case 'Date': return ObjectIs(call(DatePrototypeGetTime, a), call(DatePrototypeGetTime, b));
      case 'RegExp': return regExpText(a) === regExpText(b);
      case 'Number': return ObjectIs(call(p.NumberPrototypeValueOf, a), call(p.NumberPrototypeValueOf, b));
      case 'String': return call(p.StringPrototypeValueOf, a) === call(p.StringPrototypeValueOf, b);
      case 'Boolean': return call(p.BooleanPrototypeValueOf, a) === call(p.BooleanPrototypeValueOf, b);
      case 'BigInt': return call(p.BigIntPrototypeValueOf, a) === call(p.BigIntPrototypeValueOf, b);
      case 'Symbol': return call(p.SymbolPrototypeValueOf, a) === call(p.SymbolPrototypeValueOf, b);
      case 'Promise': case 'WeakMap': case 'WeakSet': case 'WeakRef': return false;
    }
    for (let i = 0; i < stack.length; i++) {
      if (stack[i].a === a) return stack[i].b === b;
      if (stack[i].b === b) return stack[i].a === a;
    }
    if (strict && ObjectGetPrototypeOf(a) !== ObjectGetPrototypeOf(b)) return false;
    if (isURL(a) && isURL(b)) return a.href === b.href;
    push(stack, { __proto__: null, a, b });
    const result = inside(a, b, c, strict, stack, custom);
    stack.length -= 1;
    return result;
  };
  const inside = (a, b, c, strict, stack, custom) => {
    const same = (x, y) => eq(x, y, strict, stack, custom);
    if (isError(a, c)) {
      if (a.name !== b.name || a.message !== b.message || !same(a.cause, b.cause)) return false;
      if (ArrayIsArray(a.errors) || ArrayIsArray(b.errors)) if (!same(a.errors, b.errors)) return false;
    }
    const x = bytesOf(a, c), y = bytesOf(b, c);
    if (x !== undefined && y !== undefined) {
      const n = viewLength(x.view);
      if (n !== viewLength(y.view)) return false;
      for (let i = 0; i < n; i++) if (x.view[i] !== y.view[i]) return false;
      return true;
    }
    if (c === 'Map') {
      if (call(p.MapPrototypeGetSize, a) !== call(p.MapPrototypeGetSize, b)) return false;
      const rest = entriesOf(b), mine = entriesOf(a);
      for (let i = 0; i < mine.length; i++) {
        const { key, value } = mine[i];
        if (call(MapPrototypeHas, b, key) && same(value, call(p.MapPrototypeGet, b, key))) continue;
        let found = false;
        for (let k = 0; k < rest.length && !found; k++) found = same(key, rest[k].key) && same(value, rest[k].value);
        if (!found) return false;
      }
      return true;
    }
    if (c === 'Set') {
      if (call(p.SetPrototypeGetSize, a) !== call(p.SetPrototypeGetSize, b)) return false;
      const rest = itemsOf(b), mine = itemsOf(a);
      for (let i = 0; i < mine.length; i++) {
        if (call(SetPrototypeHas, b, mine[i])) continue;
        let found = false;
        for (let k = 0; k < rest.length && !found; k++) found = same(mine[i], rest[k]);
        if (!found) return false;
      }
      return true;
    }
    const list = ArrayIsArray(a), view = viewInfo(a) !== undefined;
    if (list || view) {
      if (list !== ArrayIsArray(b)) return false;
      const n = list ? a.length : viewLength(a);
      if (n !== (list ? b.length : viewLength(b))) return false;
      for (let i = 0; i < n; i++) {
        // A hole is no undefined, if it matters.
        if (strict && list && own(a, i) !== own(b, i)) return false;
        if (!same(a[i], b[i])) return false;
      }
    }
    const keys = keysOf(a, list || view), others = keysOf(b, list || view);
    for (let i = 0; i < keys.length; i++) {
      const k = keys[i];
      if (!call(isEnumerable, b, k)) {
        if (strict || a[k] !== undefined) return false;
      } else if (!same(a[k], b[k])) return false;
    }
    for (let i = 0; i < others.length; i++) {
      const k = others[i];
      if (!call(isEnumerable, a, k) && (strict || b[k] !== undefined)) return false;
    }
    return true;
  };
  t.equals = equals;

  // Whether an object has the properties of another, at every depth. Arrays must have the same length.
  const matches = (actual, expected, stack) => {
    if (t.isAsymmetric(expected)) return expected.asymmetricMatch(actual) === true;
    const c = classOf(expected);
    if (!isObject(expected) || typeof expected === 'function' || (c !== 'Object' && c !== 'Array')) {
      return equals(actual, expected);
    }
    if (!isObject(actual)) return false;
    if (ArrayIsArray(expected) && (!ArrayIsArray(actual) || actual.length !== expected.length)) return false;
    for (let i = 0; i < stack.length; i++) if (stack[i].a === actual && stack[i].b === expected) return true;
    push(stack, { __proto__: null, a: actual, b: expected });
    const keys = keysOf(expected, false);
    let result = true;
    for (let i = 0; i < keys.length && result; i++) {
      const k = keys[i];
      result = (k in actual) && matches(actual[k], expected[k], stack);
    }
    stack.length -= 1;
    return result;
  };
  t.matches = (actual, expected) => matches(actual, expected, []);

  // Text of a value: every property on a line of its own, in the order of the keys, at most so many lines.
  const MOST = 20000;
  const quote = (s) => p.JSONStringify(s);
  const nameOf = (o) => {
    let at = o;
    for (let i = 0; i < 100 && at !== null; i++) {
      const d = ObjectGetOwnPropertyDescriptor(at, 'constructor');
      if (d !== undefined && typeof d.value === 'function') {
        const n = ObjectGetOwnPropertyDescriptor(d.value, 'name');
        if (n !== undefined && typeof n.value === 'string' && n.value !== '') return n.value;
      }
      at = ObjectGetPrototypeOf(at);
    }
    return 'Object';
  };
  const byText = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  const format = (value, flat) => print(value, '', { __proto__: null, stack: [], left: MOST, flat: flat === true, snapshot: false });
  // Snapshots are written with the characters of regular expressions escaped, and holes as nothing.
  t.snapshot = (value) => print(value, '', { __proto__: null, stack: [], left: MOST, flat: false, snapshot: true });
  const printKey = (k) => (typeof k === 'symbol' ? '[' + call(p.SymbolPrototypeToString, k) + ']' : quote(k));
  const print = (v, indent, state) => {
    switch (typeof v) {
      // As it is, but on one line: so inline snapshots are written.
      case 'string': return state.flat ? quote(v) : '"' + v + '"';
      case 'bigint': return ToString(v) + 'n';
      case 'symbol': return call(p.SymbolPrototypeToString, v);
      case 'number': return ObjectIs(v, -0) ? '-0' : ToString(v);
      case 'undefined': return 'undefined';
      case 'boolean': return v ? 'true' : 'false';
      case 'function': {
        if (v._isMockFunction === true) return '[MockFunction ' + v.getMockName() + ']';
        const d = ObjectGetOwnPropertyDescriptor(v, 'name');
        return '[Function ' + (d !== undefined && typeof d.value === 'string' && d.value !== '' ? d.value : 'anonymous') + ']';
      }
    }
    if (v === null) return 'null';
    if (t.isAsymmetric(v)) return typeof v.toAsymmetricMatcher === 'function' ? ToString(v.toAsymmetricMatcher()) : 'Matcher';
    const c = classOf(v);
    switch (c) {
      case 'Date': {
        const time = call(DatePrototypeGetTime, v);
        return time === time ? call(p.DatePrototypeToISOString, v) : 'Date { NaN }';
      }
      case 'RegExp': return state.snapshot ? escaped(v) : regExpText(v);
      case 'Number': return '[Number: ' + ToString(call(p.NumberPrototypeValueOf, v)) + ']';
      case 'String': return '[String: ' + quote(call(p.StringPrototypeValueOf, v)) + ']';
      case 'Boolean': return '[Boolean: ' + call(p.BooleanPrototypeValueOf, v) + ']';
      case 'Promise': return 'Promise {}';
      case 'WeakMap': case 'WeakSet': case 'WeakRef': return c + ' {}';
    }
    if (isError(v, c)) return '[' + ToString(v.name) + ': ' + ToString(v.message) + ']';
    if (isURL(v)) return v.href;
    for (let i = 0; i < state.stack.length; i++) if (state.stack[i] === v) return '[Circular]';
    if (state.stack.length > 50) return '[' + nameOf(v) + ']';
    push(state.stack, v);
    const deeper = indent + '  ';
    const lines = [];
    const line = (text) => {
      state.left -= 1;
      if (state.left > 0) push(lines, deeper + text + ',\n');
      else if (state.left === 0) push(lines, deeper + '…\n');
      return state.left > 0;
    };
    let open = '{', close = '}', name = '';
    const bytes = bytesOf(v, c);
    if (c === 'Map') {
      name = 'Map ';
      const all = entriesOf(v);
      for (let i = 0; i < all.length; i++) {
        if (!line(print(all[i].key, deeper, state) + ' => ' + print(all[i].value, deeper, state))) break;
      }
    } else if (c === 'Set') {
      name = 'Set ';
      const all = itemsOf(v);
      for (let i = 0; i < all.length; i++) if (!line(print(all[i], deeper, state))) break;
    } else if (ArrayIsArray(v) || viewInfo(v) !== undefined || bytes !== undefined) {
      open = '[';
      close = ']';
      const list = bytes === undefined ? v : bytes.view;
      const n = ArrayIsArray(v) ? v.length : viewLength(list);
      if (!ArrayIsArray(v) || nameOf(v) !== 'Array') name = (bytes === undefined ? nameOf(v) : c) + ' ';
      for (let i = 0; i < n; i++) {
        const hole = state.snapshot && bytes === undefined && !own(list, i);
        if (!line(hole ? '' : print(list[i], deeper, state))) break;
      }
      if (ArrayIsArray(v)) properties(v, true, line, deeper, state);
    } else {
      const n = ObjectGetPrototypeOf(v) === null ? 'Object' : nameOf(v);
      if (n !== 'Object') name = n + ' ';
      properties(v, false, line, deeper, state);
    }
    state.stack.length -= 1;
    if (lines.length === 0) return name + open + close;
    return name + open + '\n' + call(join, lines, '') + indent + close;
  };
  const properties = (v, named, line, deeper, state) => {
    const keys = keysOf(v, named);
    const texts = [];
    for (let i = 0; i < keys.length; i++) push(texts, { __proto__: null, text: printKey(keys[i]), key: keys[i] });
    call(sort, texts, (a, b) => byText(a.text, b.text));
    for (let i = 0; i < texts.length; i++) {
      if (!line(texts[i].text + ': ' + print(v[texts[i].key], deeper, state))) break;
    }
  };
  // What throws when it is looked at, a message can do without.
  const UNREADABLE = '(unreadable)';
  const readable = (f) => (value, flat) => {
    try {
      return f(value, flat);
    } catch {
      return UNREADABLE;
    }
  };
  t.format = readable(format);

  // Text of a value on one line, for the first line of a message.
  const short = (v) => {
    let text = format(v, true);
    if (call(indexOf, text, '\n') >= 0) {
      // Line breaks of the text itself are escaped by now, so those that are left are the printer's.
      let flat = '', i = 0;
      while (i < text.length) {
        if (text[i] === '\n') {
          i += 1;
          while (i < text.length && text[i] === ' ') i += 1;
          const closes = i < text.length && (text[i] === '}' || text[i] === ']');
          if (closes && flat.length > 0 && flat[flat.length - 1] === ',') flat = call(slice, flat, 0, -1);
          flat += ' ';
        } else {
          flat += text[i];
          i += 1;
        }
        if (flat.length > 200) break;
      }
      text = flat;
    }
    return text.length > 160 ? call(slice, text, 0, 157) + '…' : text;
  };
  t.short = readable(short);
})
