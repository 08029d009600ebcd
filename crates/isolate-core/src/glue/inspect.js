// Prints values as Node's util.inspect and util.format print them.
//
// What it reads of a value, it reads through descriptors and internal state, so no trap of a proxy runs, and no getter
// but these, which give an object its printed name: Symbol.toStringTag, nodejs.util.inspect.custom, and `name`, `message`,
// `stack` of errors. Work is bounded: see the limits below. Nothing throws to the caller.
(function (host, primordials, engine) {
  'use strict';
  const {
    BigIntPrototypeValueOf,
    BooleanPrototypeValueOf,
    DataViewPrototypeGetBuffer,
    DataViewPrototypeGetByteLength,
    DataViewPrototypeGetByteOffset,
    DatePrototypeToISOString,
    Error,
    FunctionPrototypeToString,
    JSONStringify,
    MapPrototypeForEach,
    MapPrototypeGetSize,
    NumberParseFloat,
    NumberParseInt,
    NumberPrototypeValueOf,
    ObjectDefineProperty,
    ObjectGetOwnPropertyDescriptor,
    ObjectGetOwnPropertySymbols,
    ObjectGetPrototypeOf,
    ObjectSetPrototypeOf,
    ReflectOwnKeys,
    RegExpPrototypeExec,
    RegExpPrototypeGetDotAll,
    RegExpPrototypeGetGlobal,
    RegExpPrototypeGetHasIndices,
    RegExpPrototypeGetIgnoreCase,
    RegExpPrototypeGetMultiline,
    RegExpPrototypeGetSource,
    RegExpPrototypeGetSticky,
    RegExpPrototypeGetUnicode,
    RegExpPrototypeGetUnicodeSets,
    SetPrototypeForEach,
    SetPrototypeGetSize,
    StringPrototypeCharCodeAt,
    StringPrototypeIndexOf,
    StringPrototypeSlice,
    StringPrototypeValueOf,
    SymbolFor,
    SymbolPrototypeToString,
    SymbolPrototypeValueOf,
    SymbolToPrimitive,
    SymbolToStringTag,
    ToString,
    TypedArrayPrototypeGetBuffer,
    TypedArrayPrototypeGetByteOffset,
    TypedArrayPrototypeGetLength,
    Uint8Array,
    call,
  } = primordials;
  // The last two are optional: without them iterators and weak collections show no items, and arrays longer than
  // BIG_LENGTH show no named properties.
  const { classOf, promiseState, proxyDetails, previewEntries, nonIndexKeys } = engine;

  const customSymbol = SymbolFor('nodejs.util.inspect.custom');
  const errorPrototype = Error.prototype;

  // Limits that Node does not have.
  const MAX_NESTING = 1000; // values within values
  const MAX_CHAIN = 200; // prototypes of a value
  const MAX_COMPLEX = 20; // named prototypes of a value without a constructor
  const MAX_KEYS = 10000; // printed properties of one object
  const MAX_WORK = 1 << 17; // printed entries, each counting 1 and 1 more per 64 characters
  const MAX_NAME = 10000; // characters of a key, a name, a symbol's description
  const MAX_STACK = 100000; // characters of an error's stack
  const MAX_FRAMES = 200; // lines of a stack that are compared with the cause's
  const MAX_ROWS = 10000; // rows of a table
  const MAX_CELLS = 100000; // cells of a table
  const BIG_LENGTH = 100000; // indexed items from which on the keys of an object are not listed to find the named ones

  // How the entries of an object are laid out.
  const OBJECT = 0; // { key: value }
  const ITEM = 1; // [ value ]
  const ARRAY = 2; // [ value, key: value ], many items in columns

  const STYLES = {
    __proto__: null,
    bigint: [33, 39],
    boolean: [33, 39],
    date: [35, 39],
    module: [4, 24],
    null: [1, 22],
    number: [33, 39],
    regexp: [31, 39],
    special: [36, 39],
    string: [32, 39],
    symbol: [32, 39],
    undefined: [90, 39],
  };

  const ELEMENT_SIZES = {
    __proto__: null,
    Int8Array: 1,
    Uint8Array: 1,
    Uint8ClampedArray: 1,
    Int16Array: 2,
    Uint16Array: 2,
    Float16Array: 2,
    Int32Array: 4,
    Uint32Array: 4,
    Float32Array: 4,
    Float64Array: 8,
    BigInt64Array: 8,
    BigUint64Array: 8,
  };

  const BOXES = {
    __proto__: null,
    BigInt: 'bigint',
    Boolean: 'boolean',
    Number: 'number',
    String: 'string',
    Symbol: 'symbol',
  };

  const ITERATOR_CLASSES = { __proto__: null, 'Map Iterator': 'Map', 'Set Iterator': 'Set' };

  // Constructors of the language itself: what they are named after is not worth saying.
  const BUILTIN_NAMES = { __proto__: null };
  eachWord(
    'Object Function Array Number Boolean String Symbol Date Promise RegExp Error AggregateError EvalError RangeError ' +
      'ReferenceError SyntaxError TypeError URIError InternalError SuppressedError Intl ArrayBuffer SharedArrayBuffer ' +
      'Atomics DataView Map Set WeakMap WeakSet WeakRef FinalizationRegistry BigInt Proxy Reflect JSON Math Iterator ' +
      'Int8Array Uint8Array Uint8ClampedArray Int16Array Uint16Array Float16Array Int32Array Uint32Array Float32Array ' +
      'Float64Array BigInt64Array BigUint64Array WebAssembly',
    (word) => {
      BUILTIN_NAMES[word] = true;
    },
  );

  const IDENTIFIER = /^[a-zA-Z_][a-zA-Z_0-9]*$/;
  const INDEX = /^(?:0|[1-9][0-9]{0,9})$/;
  const UNPRINTABLE = /[\x00-\x1f'\\\x7f-\x9f\ud800-\udfff]/;
  const NARROW = /^[ -~]*$/;
  const FRAME_FIRST = /^ {2,}at /;
  const FRAME_NEXT = '\n    at ';
  const CLASS_NAME = /^(?:async\s+)?(?:class|function)\b[\s*]*([\p{L}\p{Nl}$_][\p{L}\p{Nl}\p{Nd}$_]*)/u;
  const METHOD_NAME = /^class\s*\(/;
  const CLASS_START = /^class(?![\p{L}\p{Nd}$_])/u;
  const NULL_ERROR_NAME = /^([A-Z][a-z_ A-Z0-9[\]()-]+)(?::|\n\s+at)/;
  const NULL_ERROR_END = /^([a-z_A-Z0-9-]*Error)$/;

  // ---- strings and lists ----

  // An array that no setter on Array.prototype can touch. Append with l[l.length] = x.
  function list() {
    return ObjectSetPrototypeOf([], null);
  }

  function slice(text, from, to) {
    return call(StringPrototypeSlice, text, from, to);
  }

  function find(text, part, from) {
    return call(StringPrototypeIndexOf, text, part, from);
  }

  function includes(text, part) {
    return call(StringPrototypeIndexOf, text, part) !== -1;
  }

  function codeAt(text, index) {
    return call(StringPrototypeCharCodeAt, text, index);
  }

  function match(expression, text) {
    return call(RegExpPrototypeExec, expression, text);
  }

  function startsWith(text, part) {
    return slice(text, 0, part.length) === part;
  }

  function endsWith(text, part) {
    return text.length >= part.length && slice(text, text.length - part.length) === part;
  }

  function repeat(text, count) {
    let result = '';
    for (let rest = count, piece = text; rest >= 1; piece += piece) {
      if (rest % 2 >= 1) result += piece;
      rest = (rest - (rest % 2)) / 2;
      if (rest < 1) break;
    }
    return result;
  }

  function spaces(count) {
    return repeat(' ', count);
  }

  function join(parts, separator) {
    let result = parts.length === 0 ? '' : parts[0];
    for (let i = 1; i < parts.length; i++) result += separator + parts[i];
    return result;
  }

  // The lines of a text, without their ends.
  function lines(text, limit) {
    const result = list();
    let from = 0;
    while (result.length < limit) {
      const at = find(text, '\n', from);
      if (at === -1) break;
      result[result.length] = slice(text, from, at);
      from = at + 1;
    }
    result[result.length] = slice(text, from);
    return result;
  }

  function eachWord(text, fn) {
    let from = 0;
    for (let at = find(text, ' '); at !== -1; at = find(text, ' ', from)) {
      fn(slice(text, from, at));
      from = at + 1;
    }
    fn(slice(text, from));
  }

  // The text with every line but the first indented.
  function indent(text, count) {
    if (count === 0 || !includes(text, '\n')) return text;
    return join(lines(text, Infinity), '\n' + spaces(count));
  }

  function floor(number) {
    return number - (number % 1);
  }

  function more(count, what) {
    return '... ' + count + ' more ' + what + (count > 1 ? 's' : '');
  }

  function clip(text, length) {
    return text.length > length ? slice(text, 0, length) + more(text.length - length, 'character') : text;
  }

  function hex(code, digits, upper) {
    let result = '';
    for (let i = 0; i < digits; i++) {
      result = (upper ? '0123456789ABCDEF' : '0123456789abcdef')[code % 16] + result;
      code = floor(code / 16);
    }
    return result;
  }

  // Merge sort: before(a, b) is negative, 0 or positive, as for Array.prototype.sort.
  function sort(items, compare) {
    const { length } = items;
    let from = items;
    let to = list();
    for (let width = 1; width < length; width *= 2) {
      for (let start = 0; start < length; start += width * 2) {
        const middle = start + width < length ? start + width : length;
        const end = start + width * 2 < length ? start + width * 2 : length;
        let left = start;
        let right = middle;
        for (let i = start; i < end; i++) {
          if (left < middle && (right >= end || compare(from[left], from[right]) <= 0)) to[i] = from[left++];
          else to[i] = from[right++];
        }
      }
      const done = to;
      to = from === items ? list() : from;
      from = done;
    }
    return from;
  }

  // How many columns of a terminal a character takes.
  function columnsOf(code) {
    if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return 0;
    if (code < 0x300) return code === 0xad ? 0 : 1;
    if (
      code <= 0x36f ||
      (code >= 0x483 && code <= 0x489) ||
      (code >= 0x591 && code <= 0x5bd) ||
      (code >= 0x610 && code <= 0x61a) ||
      (code >= 0x64b && code <= 0x65f) ||
      (code >= 0x1ab0 && code <= 0x1aff) ||
      (code >= 0x1dc0 && code <= 0x1dff) ||
      (code >= 0x200b && code <= 0x200f) ||
      (code >= 0x202a && code <= 0x202e) ||
      (code >= 0x2060 && code <= 0x2064) ||
      (code >= 0x20d0 && code <= 0x20ff) ||
      (code >= 0xfe00 && code <= 0xfe0f) ||
      (code >= 0xfe20 && code <= 0xfe2f) ||
      code === 0xfeff ||
      (code >= 0xe0100 && code <= 0xe01ef)
    ) {
      return 0;
    }
    if (
      code >= 0x1100 &&
      (code <= 0x115f ||
        code === 0x231a ||
        code === 0x231b ||
        code === 0x2329 ||
        code === 0x232a ||
        (code >= 0x23e9 && code <= 0x23ec) ||
        code === 0x23f0 ||
        code === 0x23f3 ||
        code === 0x25fd ||
        code === 0x25fe ||
        code === 0x2614 ||
        code === 0x2615 ||
        (code >= 0x2648 && code <= 0x2653) ||
        code === 0x267f ||
        code === 0x2693 ||
        code === 0x26a1 ||
        code === 0x26aa ||
        code === 0x26ab ||
        code === 0x26bd ||
        code === 0x26be ||
        code === 0x26c4 ||
        code === 0x26c5 ||
        code === 0x26ce ||
        code === 0x26d4 ||
        code === 0x26ea ||
        code === 0x26f2 ||
        code === 0x26f3 ||
        code === 0x26f5 ||
        code === 0x26fa ||
        code === 0x26fd ||
        code === 0x2705 ||
        code === 0x270a ||
        code === 0x270b ||
        code === 0x2728 ||
        code === 0x274c ||
        code === 0x274e ||
        (code >= 0x2753 && code <= 0x2755) ||
        code === 0x2757 ||
        (code >= 0x2795 && code <= 0x2797) ||
        code === 0x27b0 ||
        code === 0x27bf ||
        code === 0x2b1b ||
        code === 0x2b1c ||
        code === 0x2b50 ||
        code === 0x2b55 ||
        (code >= 0x2e80 && code <= 0x3247 && code !== 0x303f) ||
        (code >= 0x3250 && code <= 0x4dbf) ||
        (code >= 0x4e00 && code <= 0xa4c6) ||
        (code >= 0xa960 && code <= 0xa97c) ||
        (code >= 0xac00 && code <= 0xd7a3) ||
        (code >= 0xf900 && code <= 0xfaff) ||
        (code >= 0xfe10 && code <= 0xfe19) ||
        (code >= 0xfe30 && code <= 0xfe6b) ||
        (code >= 0xff01 && code <= 0xff60) ||
        (code >= 0xffe0 && code <= 0xffe6) ||
        (code >= 0x16fe0 && code <= 0x1b2ff) ||
        code === 0x1f004 ||
        code === 0x1f0cf ||
        code === 0x1f18e ||
        (code >= 0x1f191 && code <= 0x1f19a) ||
        (code >= 0x1f200 && code <= 0x1f320) ||
        (code >= 0x1f32d && code <= 0x1f335) ||
        (code >= 0x1f337 && code <= 0x1f37c) ||
        (code >= 0x1f37e && code <= 0x1f393) ||
        (code >= 0x1f3a0 && code <= 0x1f3ca) ||
        (code >= 0x1f3cf && code <= 0x1f3d3) ||
        (code >= 0x1f3e0 && code <= 0x1f3f0) ||
        code === 0x1f3f4 ||
        (code >= 0x1f3f8 && code <= 0x1f43e) ||
        code === 0x1f440 ||
        (code >= 0x1f442 && code <= 0x1f4fc) ||
        (code >= 0x1f4ff && code <= 0x1f53d) ||
        (code >= 0x1f54b && code <= 0x1f567) ||
        code === 0x1f57a ||
        code === 0x1f595 ||
        code === 0x1f596 ||
        code === 0x1f5a4 ||
        (code >= 0x1f5fb && code <= 0x1f64f) ||
        (code >= 0x1f680 && code <= 0x1f6c5) ||
        code === 0x1f6cc ||
        (code >= 0x1f6d0 && code <= 0x1f6d7) ||
        (code >= 0x1f6dc && code <= 0x1f6df) ||
        (code >= 0x1f6eb && code <= 0x1f6ec) ||
        (code >= 0x1f6f4 && code <= 0x1f6fc) ||
        (code >= 0x1f7e0 && code <= 0x1f7f0) ||
        (code >= 0x1f90c && code <= 0x1f93a) ||
        (code >= 0x1f93c && code <= 0x1f945) ||
        (code >= 0x1f947 && code <= 0x1f9ff) ||
        (code >= 0x1fa70 && code <= 0x1faff) ||
        (code >= 0x20000 && code <= 0x3fffd))
    ) {
      return 2;
    }
    return 1;
  }

  // The width of a text in columns of a terminal; colour sequences take none.
  function width(text, colors) {
    if (!colors && match(NARROW, text) !== null) return text.length;
    let result = 0;
    for (let i = 0; i < text.length; i++) {
      let code = codeAt(text, i);
      if (colors && code === 0x1b && i + 1 < text.length && text[i + 1] === '[') {
        const end = find(text, 'm', i);
        if (end !== -1 && end - i <= 6) {
          i = end;
          continue;
        }
      }
      if (code >= 0xd800 && code <= 0xdbff && i + 1 < text.length) {
        const low = codeAt(text, i + 1);
        if (low >= 0xdc00 && low <= 0xdfff) {
          code = (code - 0xd800) * 0x400 + (low - 0xdc00) + 0x10000;
          i++;
        }
      }
      result += columnsOf(code);
    }
    return result;
  }

  // The length of a text without its colour sequences.
  function plainLength(text) {
    let result = text.length;
    for (let at = find(text, '\x1b['); at !== -1; at = find(text, '\x1b[', at + 1)) {
      const end = find(text, 'm', at);
      if (end !== -1 && end - at <= 6) result -= end - at + 1;
    }
    return result;
  }

  function escapeCharacters(text, quote) {
    let result = '';
    let from = 0;
    for (let i = 0; i < text.length; i++) {
      const code = codeAt(text, i);
      let escaped;
      if (code === 0x5c) escaped = '\\\\';
      else if (code < 0x20 || (code >= 0x7f && code <= 0x9f)) {
        if (code === 8) escaped = '\\b';
        else if (code === 9) escaped = '\\t';
        else if (code === 10) escaped = '\\n';
        else if (code === 12) escaped = '\\f';
        else if (code === 13) escaped = '\\r';
        else escaped = '\\x' + hex(code, 2, true);
      } else if (code >= 0xd800 && code <= 0xdfff) {
        if (code <= 0xdbff && i + 1 < text.length) {
          const low = codeAt(text, i + 1);
          if (low >= 0xdc00 && low <= 0xdfff) {
            i++;
            continue;
          }
        }
        escaped = '\\u' + hex(code, 4, false);
      } else if (text[i] === quote) escaped = '\\' + quote;
      else continue;
      result += slice(text, from, i) + escaped;
      from = i + 1;
    }
    return result + slice(text, from);
  }

  // A string literal in the quotes that need the fewest escapes.
  function quoted(text) {
    if (match(UNPRINTABLE, text) === null) return '\'' + text + '\'';
    let quote = "'";
    if (includes(text, "'")) {
      if (!includes(text, '"')) quote = '"';
      else if (!includes(text, '`') && !includes(text, '${')) quote = '`';
    }
    return quote + escapeCharacters(text, quote) + quote;
  }

  function symbolText(symbol) {
    return clip(call(SymbolPrototypeToString, symbol), MAX_NAME);
  }

  // A primitive as text; nothing of the guest runs.
  function plainText(value) {
    switch (typeof value) {
      case 'string':
        return value;
      case 'symbol':
        return symbolText(value);
      case 'object':
        return value === null ? 'null' : '[object Object]';
      case 'function':
        return '[object Function]';
      default:
        return '' + value;
    }
  }

  // ---- looking at objects ----

  function isPrimitive(value) {
    return value === null || (typeof value !== 'object' && typeof value !== 'function');
  }

  // The object behind all proxies, or null if one is revoked.
  function unwrap(object) {
    while (object !== null && classOf(object) === 'Proxy') object = proxyDetails(object)[0];
    return object;
  }

  // A property of an object that is no proxy; the descriptor inherits nothing.
  function own(object, key) {
    const descriptor = ObjectGetOwnPropertyDescriptor(object, key);
    return descriptor === undefined ? undefined : ObjectSetPrototypeOf(descriptor, null);
  }

  // As own, where the read itself can throw: bindings of a module that has not run, a stack that the guest prepares.
  function ownQuietly(object, key) {
    try {
      return own(object, key);
    } catch {
      return undefined;
    }
  }

  function parentOf(object) {
    const parent = ObjectGetPrototypeOf(object);
    return parent === null ? null : unwrap(parent);
  }

  // A property found along the prototypes.
  function lookup(object, key) {
    for (let i = 0; object !== null && i < MAX_CHAIN; i++) {
      const descriptor = own(object, key);
      if (descriptor !== undefined) return descriptor;
      object = parentOf(object);
    }
    return undefined;
  }

  // The value of a property, of an accessor too.
  function read(object, key) {
    try {
      const descriptor = lookup(object, key);
      if (descriptor === undefined) return undefined;
      if ('value' in descriptor) return descriptor.value;
      return descriptor.get === undefined ? undefined : call(descriptor.get, object);
    } catch {
      return undefined;
    }
  }

  function inherits(object, prototype) {
    for (let i = 0; i < MAX_CHAIN; i++) {
      object = parentOf(object);
      if (object === null) return false;
      if (object === prototype) return true;
    }
    return false;
  }

  // What `object instanceof constructor` says of ordinary classes.
  function isInstance(object, constructor) {
    const target = unwrap(constructor);
    if (target === null) return false;
    const descriptor = ownQuietly(target, 'prototype');
    if (descriptor === undefined || isPrimitive(descriptor.value)) return false;
    const prototype = unwrap(descriptor.value);
    return prototype !== null && inherits(object, prototype);
  }

  function nameOf(fn) {
    const target = unwrap(fn);
    if (target === null) return '';
    const descriptor = lookup(target, 'name');
    if (descriptor === undefined) return '';
    const { value } = descriptor;
    if (typeof value === 'string') return clip(value, MAX_NAME);
    if ('value' in descriptor && typeof value !== 'object' && typeof value !== 'function') {
      return value === undefined ? '' : clip(plainText(value), MAX_NAME);
    }
    // A static member called name hides it.
    const found = match(CLASS_NAME, slice(call(FunctionPrototypeToString, target), 0, MAX_NAME));
    return found === null ? '' : found[1];
  }

  function isClass(fn) {
    const start = slice(call(FunctionPrototypeToString, fn), 0, MAX_NAME);
    return match(CLASS_START, start) !== null && match(METHOD_NAME, start) === null;
  }

  // The name of the class of an object, null if it has no prototype. Collects the accessors and data of its prototypes
  // (not methods) for showHidden.
  function constructorName(ctx, object, level, inherited) {
    let first;
    let current = object;
    for (let i = 0; current !== null && i < MAX_CHAIN; i++) {
      const descriptor = own(current, 'constructor');
      if (descriptor !== undefined && typeof descriptor.value === 'function') {
        const name = nameOf(descriptor.value);
        if (name !== '' && isInstance(object, descriptor.value)) {
          if (inherited !== undefined && (first !== current || !(name in BUILTIN_NAMES))) {
            inheritedProperties(ctx, object, first === undefined ? object : first, level, inherited);
          }
          return name;
        }
      }
      current = parentOf(current);
      if (first === undefined) first = current;
    }
    if (first === null || first === undefined) return null;
    const name = baseName(object);
    if (ctx.depth !== null && level > ctx.depth) return name + ' <Complex prototype>';
    if (ctx.complex >= MAX_COMPLEX) return name + ' <Complex prototype>';
    ctx.complex++;
    const parent = constructorName(ctx, first, level + 1, inherited);
    ctx.complex--;
    if (parent !== null) return name + ' <' + parent + '>';
    return name + ' <[' + baseName(first) + ': null prototype]' + (hasEnumerable(first) ? '' : ' {}') + '>';
  }

  function hasEnumerable(object) {
    const keys = ReflectOwnKeys(object);
    for (let i = 0; i < keys.length; i++) {
      const descriptor = ownQuietly(object, keys[i]);
      if (descriptor !== undefined && descriptor.enumerable) return true;
    }
    return false;
  }

  // What an object without a constructor is called.
  function baseName(object) {
    const name = classOf(object);
    return name === 'Arguments' ? 'Object' : name;
  }

  function inheritedProperties(ctx, object, prototype, level, output) {
    const seen = list();
    let current = prototype;
    for (let depth = 0; depth < 3; depth++) {
      if (depth !== 0 || current === object) {
        current = parentOf(current);
        if (current === null) return;
        const constructor = own(current, 'constructor');
        if (constructor !== undefined && typeof constructor.value === 'function') {
          if (nameOf(constructor.value) in BUILTIN_NAMES) return;
        }
      }
      const keys = ReflectOwnKeys(current);
      const known = seen.length;
      for (let i = 0; i < keys.length && i < 1000 && ctx.work > 0; i++) {
        const key = keys[i];
        let repeated = key === 'constructor' || own(object, key) !== undefined;
        for (let j = 0; j < known && !repeated; j++) repeated = seen[j] === key;
        seen[seen.length] = key;
        if (repeated) continue;
        const descriptor = own(current, key);
        if (descriptor === undefined || typeof descriptor.value === 'function') continue;
        ctx.seen[ctx.seen.length] = object;
        const text = propertyText(ctx, object, level, key, descriptor, OBJECT);
        ctx.seen.length--;
        output[output.length] = ctx.colors ? '\u001b[2m' + text + '\u001b[22m' : text;
      }
    }
  }

  function contains(items, item) {
    for (let i = 0; i < items.length; i++) if (items[i] === item) return true;
    return false;
  }

  // `Foo [tag] `, with the size of a collection behind the name and the base class where the name does not say it.
  function prefix(name, tag, base, size) {
    if (name === null) {
      const start = '[' + base + size + ': null prototype] ';
      return tag !== '' && base !== tag ? start + '[' + tag + '] ' : start;
    }
    return tag !== '' && name !== tag ? '' + name + size + ' [' + tag + '] ' : '' + name + size + ' ';
  }

  // ---- properties ----

  function isIndex(key, length) {
    return typeof key === 'string' && match(INDEX, key) !== null && +key < length;
  }

  // The properties to print: those that are enumerable, or all, without the first `indexed` items.
  function properties(ctx, object, indexed) {
    const result = { __proto__: null, keys: list(), descriptors: list(), rest: 0 };
    let keys;
    if (indexed > BIG_LENGTH) {
      if (nonIndexKeys !== undefined) keys = nonIndexKeys(object);
      else if (isSparse(object)) keys = ReflectOwnKeys(object);
      else keys = ObjectGetOwnPropertySymbols(object);
    } else keys = ReflectOwnKeys(object);
    // Indices come first.
    let start = 0;
    if (indexed !== 0) {
      let end = keys.length;
      while (start < end) {
        const middle = floor((start + end) / 2);
        if (isIndex(keys[middle], indexed)) start = middle + 1;
        else end = middle;
      }
    }
    for (let i = start; i < keys.length; i++) {
      const key = keys[i];
      if (result.keys.length >= MAX_KEYS) {
        result.rest = keys.length - i;
        break;
      }
      const descriptor = ownQuietly(object, key);
      if (descriptor === undefined) {
        // A module's binding before it has a value.
        if (classOf(object) !== 'Module') continue;
      } else if (!descriptor.enumerable && !ctx.showHidden) continue;
      result.keys[result.keys.length] = key;
      result.descriptors[result.descriptors.length] = descriptor;
    }
    return result;
  }

  function isSparse(object) {
    for (let i = 0; i < 100; i++) if (own(object, i) === undefined) return true;
    return false;
  }

  function addLast(props, key, descriptor) {
    props.keys[props.keys.length] = key;
    props.descriptors[props.descriptors.length] = descriptor;
  }

  function addFirst(props, key, value) {
    for (let i = props.keys.length; i > 0; i--) {
      props.keys[i] = props.keys[i - 1];
      props.descriptors[i] = props.descriptors[i - 1];
    }
    props.keys[0] = key;
    props.descriptors[0] = { __proto__: null, value, enumerable: true };
  }

  function removeProperty(props, key) {
    const keys = list();
    const descriptors = list();
    for (let i = 0; i < props.keys.length; i++) {
      if (props.keys[i] === key) continue;
      keys[keys.length] = props.keys[i];
      descriptors[descriptors.length] = props.descriptors[i];
    }
    props.keys = keys;
    props.descriptors = descriptors;
  }

  function keyText(ctx, key, enumerable) {
    if (typeof key === 'symbol') {
      let text = symbolText(key);
      if (match(UNPRINTABLE, text) !== null) text = escapeCharacters(text, "'");
      return '[' + paint(ctx, text, 'symbol') + ']';
    }
    if (key === '__proto__') return "['__proto__']";
    const text = clip(key, MAX_NAME);
    if (!enumerable) return '[' + (match(UNPRINTABLE, text) === null ? text : escapeCharacters(text, "'")) + ']';
    if (match(IDENTIFIER, text) !== null) return text;
    return paint(ctx, quoted(text), 'string');
  }

  function propertyText(ctx, object, level, key, descriptor, layout) {
    let text;
    let gap = ' ';
    if (descriptor === undefined) text = paint(ctx, '<uninitialized>', 'special');
    else if ('value' in descriptor) {
      const step = ctx.compact !== true || layout !== OBJECT ? 2 : 3;
      ctx.indentation += step;
      text = formatValue(ctx, descriptor.value, level);
      if (step === 3 && ctx.breakLength < width(text, ctx.colors)) gap = '\n' + spaces(ctx.indentation);
      ctx.indentation -= step;
    } else text = accessorText(ctx, object, level, descriptor);
    spend(ctx, text);
    if (layout === ITEM) return text;
    return keyText(ctx, key, descriptor === undefined || descriptor.enumerable) + ':' + gap + text;
  }

  function accessorText(ctx, object, level, descriptor) {
    const { get, set } = descriptor;
    if (get === undefined) return set === undefined ? paint(ctx, 'undefined', 'undefined') : paint(ctx, '[Setter]', 'special');
    const label = set === undefined ? 'Getter' : 'Getter/Setter';
    const wanted = ctx.getters;
    if (wanted !== true && !(wanted === 'get' && set === undefined) && !(wanted === 'set' && set !== undefined)) {
      return paint(ctx, '[' + label + ']', 'special');
    }
    let value;
    try {
      value = call(get, object);
    } catch (error) {
      return paint(ctx, '[' + label + ':', 'special') + ' ' + threw(error) + paint(ctx, ']', 'special');
    }
    if (isPrimitive(value)) {
      const text = formatPrimitive(ctx, value);
      return paint(ctx, '[' + label + ':', 'special') + ' ' + text + paint(ctx, ']', 'special');
    }
    ctx.indentation += 2;
    const text = formatValue(ctx, value, level);
    ctx.indentation -= 2;
    return paint(ctx, '[' + label + ']', 'special') + ' ' + text;
  }

  function threw(error) {
    let message;
    if (typeof error === 'object' && error !== null) {
      const target = unwrap(error);
      const descriptor = target === null ? undefined : ownQuietly(target, 'message');
      message = descriptor === undefined || !('value' in descriptor) ? undefined : descriptor.value;
    } else message = error;
    return '<Inspection threw (' + clip(plainText(message), MAX_NAME) + ')>';
  }

  // ---- printing ----

  function paint(ctx, text, style) {
    if (!ctx.colors) return text;
    const codes = STYLES[style];
    return codes === undefined ? text : '\u001b[' + codes[0] + 'm' + text + '\u001b[' + codes[1] + 'm';
  }

  function spend(ctx, text) {
    ctx.work -= 1 + (text.length >>> 6);
  }

  function formatNumber(ctx, number) {
    if (number === 0 && 1 / number < 0) return '-0';
    const text = '' + number;
    return ctx.numericSeparator ? separated(text) : text;
  }

  function formatBigInt(ctx, bigint) {
    const text = '' + bigint;
    return (ctx.numericSeparator ? grouped(text) : text) + 'n';
  }

  // Digits in groups of three, from the right.
  function grouped(text) {
    const start = text[0] === '-' ? 1 : 0;
    let result = '';
    let end = text.length;
    while (end - start > 3) {
      result = '_' + slice(text, end - 3, end) + result;
      end -= 3;
    }
    return slice(text, 0, end) + result;
  }

  function separated(text) {
    if (includes(text, 'e') || includes(text, 'N') || includes(text, 'I')) return text;
    const point = find(text, '.');
    if (point === -1) return grouped(text);
    let result = grouped(slice(text, 0, point)) + '.';
    for (let i = point + 1; i < text.length; i += 3) {
      result += (i === point + 1 ? '' : '_') + slice(text, i, i + 3);
    }
    return result;
  }

  function formatString(ctx, value) {
    let text = value;
    let tail = '';
    if (text.length > ctx.maxStringLength) {
      tail = more(text.length - ctx.maxStringLength, 'character');
      text = slice(text, 0, ctx.maxStringLength);
    }
    if (
      ctx.compact !== true &&
      text.length > 16 &&
      text.length > ctx.breakLength - ctx.indentation - 4 &&
      includes(text, '\n')
    ) {
      // Line by line.
      let result = '';
      let from = 0;
      while (from < text.length) {
        const at = find(text, '\n', from);
        const end = at === -1 ? text.length : at + 1;
        if (from !== 0) result += ' +\n' + spaces(ctx.indentation + 2);
        result += paint(ctx, quoted(slice(text, from, end)), 'string');
        from = end;
      }
      return result + tail;
    }
    return paint(ctx, quoted(text), 'string') + tail;
  }

  function formatPrimitive(ctx, value) {
    switch (typeof value) {
      case 'string':
        return formatString(ctx, value);
      case 'number':
        return paint(ctx, formatNumber(ctx, value), 'number');
      case 'bigint':
        return paint(ctx, formatBigInt(ctx, value), 'bigint');
      case 'boolean':
        return paint(ctx, '' + value, 'boolean');
      case 'symbol':
        return paint(ctx, symbolText(value), 'symbol');
      case 'undefined':
        return paint(ctx, 'undefined', 'undefined');
      default:
        return paint(ctx, 'null', 'null');
    }
  }

  // The text of any value that stands `level` objects deep.
  function formatValue(ctx, value, level, keepCustom) {
    if (isPrimitive(value)) return formatPrimitive(ctx, value);
    if (ctx.nesting >= MAX_NESTING) return tooDeep(ctx, value);
    const { indentation } = ctx;
    const seen = ctx.seen.length;
    const { nesting } = ctx;
    try {
      ctx.nesting = nesting + 1;
      const text = formatReference(ctx, value, level, keepCustom);
      ctx.nesting = nesting;
      return text;
    } catch {
      // The stack is exhausted, or memory is.
      ctx.nesting = nesting;
      ctx.complex = 0;
      ctx.work -= 100;
      ctx.indentation = indentation;
      ctx.seen.length = seen;
      return tooDeep(ctx, value);
    }
  }

  function tooDeep(ctx, value) {
    return paint(ctx, '[' + (typeof value === 'function' ? 'Function' : 'Object') + ': nesting too deep to inspect]', 'special');
  }

  function formatReference(ctx, value, level, keepCustom) {
    let target = value;
    if (classOf(value) === 'Proxy') {
      if (ctx.showProxy) return formatProxy(ctx, value, level);
      target = unwrap(value);
      if (target === null) return paint(ctx, '<Revoked Proxy>', 'special');
    }
    if (ctx.customInspect && !keepCustom) {
      const custom = read(target, customSymbol);
      if (typeof custom === 'function' && custom !== ctx.inspect && !isPrototype(target)) {
        const text = formatCustom(ctx, value, target, custom, level);
        if (text !== undefined) return text;
      }
    }
    if (contains(ctx.seen, target)) {
      let index = 0;
      while (index < ctx.circular.length && ctx.circular[index] !== target) index++;
      ctx.circular[index] = target;
      return paint(ctx, '[Circular *' + (index + 1) + ']', 'special');
    }
    return formatRaw(ctx, target, level);
  }

  function isPrototype(object) {
    const constructor = lookup(object, 'constructor');
    if (constructor === undefined || typeof constructor.value !== 'function') return false;
    const fn = unwrap(constructor.value);
    const prototype = fn === null ? undefined : own(fn, 'prototype');
    return prototype !== undefined && prototype.value === object;
  }

  function formatCustom(ctx, value, target, custom, level) {
    const depth = ctx.depth === null ? null : ctx.depth - level;
    let result;
    try {
      result = call(custom, value, depth, guestOptions(ctx), guestInspect());
    } catch (error) {
      return '[' + baseName(target) + ': ' + threw(error) + ']';
    }
    if (result === value || result === target) return undefined;
    if (typeof result === 'string') return indent(clip(result, 1 << 22), ctx.indentation);
    return formatValue(ctx, result, level);
  }

  // What a custom inspection function gets as its options: an object of its own.
  function guestOptions(ctx) {
    const { colors } = ctx;
    return {
      stylize: (text, style) => paint({ __proto__: null, colors }, typeof text === 'string' ? text : plainText(text), style),
      showHidden: ctx.showHidden,
      depth: ctx.depth,
      colors,
      customInspect: ctx.customInspect,
      showProxy: ctx.showProxy,
      maxArrayLength: ctx.maxArrayLength,
      maxStringLength: ctx.maxStringLength,
      breakLength: ctx.breakLength,
      compact: ctx.compact,
      sorted: ctx.sorted,
      getters: ctx.getters,
      numericSeparator: ctx.numericSeparator,
    };
  }

  // The inspect function that guests get, made at its first use.
  let guestFunction;
  function guestInspect() {
    if (guestFunction === undefined) {
      guestFunction = ((object) => object.inspect)({
        inspect(value, options, depth, colors) {
          // Also in the old form: (value, showHidden, depth, colors).
          if (typeof options === 'boolean') {
            options = { __proto__: null, showHidden: options };
            if (depth !== undefined) options.depth = depth;
            if (colors !== undefined) options.colors = colors;
          }
          return inspect(value, options);
        },
      });
      ObjectDefineProperty(guestFunction, 'custom', { __proto__: null, value: customSymbol, enumerable: true });
    }
    return guestFunction;
  }

  function formatProxy(ctx, value, level) {
    const details = proxyDetails(value);
    if (details[0] === null) return paint(ctx, '<Revoked Proxy>', 'special');
    if (contains(ctx.seen, value)) return paint(ctx, '[Circular]', 'special');
    if (ctx.depth !== null && level > ctx.depth) return paint(ctx, 'Proxy [Array]', 'special');
    ctx.seen[ctx.seen.length] = value;
    ctx.indentation += 2;
    const output = list();
    output[0] = formatValue(ctx, details[0], level + 1);
    output[1] = formatValue(ctx, details[1], level + 1);
    ctx.indentation -= 2;
    ctx.seen.length--;
    return layOut(ctx, output, '', 'Proxy [', ']', ARRAY, level + 1, undefined);
  }

  function formatRaw(ctx, value, level) {
    const { inTyped } = ctx;
    ctx.inTyped = false;
    const kind = classOf(value);
    const withinDepth = ctx.depth === null || !(level > ctx.depth);
    let inherited;
    if (ctx.showHidden && withinDepth) inherited = list();
    let indexed = 0;
    if (kind === 'Array') indexed = own(value, 'length').value;
    else if (kind in ELEMENT_SIZES) indexed = call(TypedArrayPrototypeGetLength, value);
    else if (kind === 'String') indexed = call(StringPrototypeValueOf, value).length;
    const props = properties(ctx, value, indexed);
    const name = constructorName(ctx, value, level, inherited);
    const tag = tagOf(ctx, value);
    const bare = () => props.keys.length === 0 && (inherited === undefined || inherited.length === 0);

    let base = '';
    let open = '{';
    let close = '}';
    let layout = OBJECT;
    let items; // (output) => void: prints what the object holds beside its properties

    if (kind === 'Array') {
      open = name !== 'Array' || tag !== '' ? prefix(name, tag, 'Array', '(' + indexed + ')') + '[' : '[';
      close = ']';
      if (indexed === 0 && bare()) return open + ']';
      layout = ARRAY;
      items = (output) => arrayItems(ctx, value, level, indexed, output);
    } else if (kind === 'Set' || kind === 'Map') {
      const size = call(kind === 'Set' ? SetPrototypeGetSize : MapPrototypeGetSize, value);
      open = prefix(name, tag, kind, '(' + size + ')') + '{';
      if (size === 0 && bare()) return open + '}';
      items = (output) => collectionItems(ctx, value, level, kind, size, output);
    } else if (kind in ELEMENT_SIZES) {
      open = prefix(name, tag, kind, '(' + indexed + ')') + '[';
      close = ']';
      if (indexed === 0 && !ctx.showHidden && bare()) return open + ']';
      layout = ARRAY;
      items = (output) => typedItems(ctx, value, level, kind, indexed, output);
    } else if (kind in ITERATOR_CLASSES && previewEntries !== undefined) {
      const preview = previewEntries(value);
      open = '[' + (preview[1] ? ITERATOR_CLASSES[kind] + ' Entries' : kind) + '] {';
      items = (output) => previewItems(ctx, preview[0], level, preview[1], output);
    } else if (typeof value === 'function') {
      base = functionText(value, kind, name, tag);
      if (bare()) return paint(ctx, base, 'special');
    } else if (kind === 'Arguments') {
      // Its items are its properties.
      open = '[Arguments] {';
      if (bare()) return open + '}';
    } else if (kind === 'Module') {
      open = prefix(name, tag, 'Module', '') + '{';
      if (bare()) return open + '}';
    } else if (name === 'Object') {
      if (tag !== '') open = prefix(name, tag, 'Object', '') + '{';
      if (bare()) return open + '}';
    } else if (kind === 'RegExp') {
      base = prefixed(prefix(name, tag, kind, ''), kind, regexpText(value));
      if (bare() || !withinDepth) return paint(ctx, base, 'regexp');
    } else if (kind === 'Date') {
      base = prefixed(prefix(name, tag, kind, ''), kind, dateText(value));
      if (bare()) return paint(ctx, base, 'date');
    } else if (kind === 'Error' || inherits(value, errorPrototype)) {
      base = errorText(ctx, value, name, tag, props);
      if (bare()) return base;
    } else if (kind === 'ArrayBuffer' || kind === 'SharedArrayBuffer') {
      const bytes = bytesOf(value);
      const length = bytes === undefined ? 0 : call(TypedArrayPrototypeGetLength, bytes);
      open = prefix(name, tag, kind, '') + '{';
      if (!inTyped) items = (output) => bufferItems(ctx, bytes, output);
      else if (bare()) return open + ' byteLength: ' + formatPrimitive(ctx, length) + ' }';
      addFirst(props, 'byteLength', length);
    } else if (kind === 'DataView') {
      open = prefix(name, tag, kind, '') + '{';
      viewProperties(value, props);
    } else if (kind === 'Promise') {
      open = prefix(name, tag, kind, '') + '{';
      items = (output) => promiseItems(ctx, value, level, output);
    } else if (kind === 'WeakSet' || kind === 'WeakMap') {
      open = prefix(name, tag, kind, '') + '{';
      items = (output) => weakItems(ctx, value, level, output);
    } else if (kind in BOXES) {
      base = boxedText(ctx, value, kind, name, tag);
      if (bare()) return paint(ctx, base, BOXES[kind]);
    } else {
      open = prefix(name, tag, baseName(value), '') + '{';
      if (bare()) return open + '}';
    }

    if (!withinDepth || ctx.work <= 0) {
      const text = prefix(name, tag, baseName(value), '');
      const shallow = slice(text, 0, text.length - 1);
      return paint(ctx, name === null ? shallow : '[' + shallow + ']', 'special');
    }

    level++;
    ctx.seen[ctx.seen.length] = value;
    ctx.level = level;
    let output = list();
    if (items !== undefined) items(output);
    const first = output.length;
    let { rest } = props;
    for (let i = 0; i < props.keys.length; i++) {
      if (ctx.work <= 0) {
        rest += props.keys.length - i;
        break;
      }
      output[output.length] = propertyText(ctx, value, level, props.keys[i], props.descriptors[i], layout);
    }
    if (inherited !== undefined) for (let i = 0; i < inherited.length; i++) output[output.length] = inherited[i];
    ctx.seen.length--;

    for (let i = 0; i < ctx.circular.length; i++) {
      if (ctx.circular[i] !== value) continue;
      const reference = paint(ctx, '<ref *' + (i + 1) + '>', 'special');
      if (ctx.compact === true) open = reference + ' ' + open;
      else base = base === '' ? reference : reference + ' ' + base;
      break;
    }
    if (ctx.sorted !== false) output = sortOutput(ctx, output, layout === OBJECT ? 0 : first);
    if (rest > 0) output[output.length] = '... ' + rest + ' more ' + (rest > 1 ? 'properties' : 'property');
    return layOut(ctx, output, base, open, close, layout, level, value);
  }

  // The value of Symbol.toStringTag, if it is not printed as a property anyway.
  function tagOf(ctx, value) {
    const tag = read(value, SymbolToStringTag);
    if (typeof tag !== 'string' || tag === '') return '';
    const descriptor = own(value, SymbolToStringTag);
    if (descriptor !== undefined && (ctx.showHidden || descriptor.enumerable)) return '';
    return clip(tag, MAX_NAME);
  }

  function prefixed(text, base, value) {
    return text === (base + ' ') ? value : text + value;
  }

  // ---- what objects hold ----

  function arrayItems(ctx, array, level, length, output) {
    const limit = ctx.maxArrayLength;
    let keys; // all keys, where stepping over a gap would take too long
    let position = 0;
    let i = 0;
    for (; i < length && output.length < limit && ctx.work > 0; ) {
      const descriptor = own(array, i);
      if (descriptor !== undefined) {
        output[output.length] = propertyText(ctx, array, level, i, descriptor, ITEM);
        i++;
        continue;
      }
      let next = i + 1;
      while (next < length && next - i < 1000 && own(array, next) === undefined) next++;
      if (next - i >= 1000) {
        if (keys === undefined) keys = ReflectOwnKeys(array);
        while (position < keys.length && isIndex(keys[position], length) && +keys[position] < next) position++;
        next = position < keys.length && isIndex(keys[position], length) ? +keys[position] : length;
      }
      output[output.length] = paint(ctx, '<' + (next - i) + ' empty item' + (next - i > 1 ? 's' : '') + '>', 'undefined');
      i = next;
    }
    if (i < length) output[output.length] = more(length - i, 'item');
  }

  const STOP = { __proto__: null };

  // Up to `limit` entries, keys and values in turn for a Map. Taken before anything is printed: that can run guest code.
  function entriesOf(collection, kind, limit) {
    const result = list();
    if (limit <= 0) return result;
    let count = 0;
    try {
      call(kind === 'Set' ? SetPrototypeForEach : MapPrototypeForEach, collection, (value, key) => {
        result[result.length] = key;
        if (kind === 'Map') result[result.length] = value;
        if (++count >= limit) throw STOP;
      });
    } catch (error) {
      if (error !== STOP) throw error;
    }
    return result;
  }

  function collectionItems(ctx, collection, level, kind, size, output) {
    const entries = entriesOf(collection, kind, ctx.maxArrayLength < size ? ctx.maxArrayLength : size);
    ctx.indentation += 2;
    const step = kind === 'Map' ? 2 : 1;
    let i = 0;
    for (; i < entries.length && ctx.work > 0; i += step) {
      let text = formatValue(ctx, entries[i], level);
      if (step === 2) text += ' => ' + formatValue(ctx, entries[i + 1], level);
      spend(ctx, text);
      output[output.length] = text;
    }
    ctx.indentation -= 2;
    const rest = size - i / step;
    if (rest > 0) output[output.length] = more(rest, 'item');
  }

  function typedItems(ctx, array, level, kind, length, output) {
    let i = 0;
    for (; i < length && i < ctx.maxArrayLength && ctx.work > 0; i++) {
      output[i] = formatPrimitive(ctx, array[i]);
      spend(ctx, output[i]);
    }
    if (i < length) output[output.length] = more(length - i, 'item');
    if (!ctx.showHidden) return;
    ctx.indentation += 2;
    const size = ELEMENT_SIZES[kind];
    const add = (key, value) => {
      ctx.inTyped = true;
      output[output.length] = '[' + key + ']: ' + formatValue(ctx, value, level);
      ctx.inTyped = false;
    };
    add('BYTES_PER_ELEMENT', size);
    add('length', length);
    add('byteLength', length * size);
    add('byteOffset', call(TypedArrayPrototypeGetByteOffset, array));
    add('buffer', call(TypedArrayPrototypeGetBuffer, array));
    ctx.indentation -= 2;
  }

  // A view of a buffer, undefined if that is detached.
  function bytesOf(buffer) {
    try {
      return new Uint8Array(buffer);
    } catch {
      return undefined;
    }
  }

  function bufferItems(ctx, bytes, output) {
    if (bytes === undefined) {
      output[output.length] = paint(ctx, '(detached)', 'special');
      return;
    }
    const length = call(TypedArrayPrototypeGetLength, bytes);
    let text = '';
    let i = 0;
    for (; i < length && i < ctx.maxArrayLength && i < MAX_NAME; i++) text += (i === 0 ? '' : ' ') + hex(bytes[i], 2, false);
    if (i < length) text += ' ' + more(length - i, 'byte');
    output[output.length] = paint(ctx, '[Uint8Contents]', 'special') + ': <' + text + '>';
  }

  function viewProperties(view, props) {
    addFirst(props, 'buffer', call(DataViewPrototypeGetBuffer, view));
    try {
      const offset = call(DataViewPrototypeGetByteOffset, view);
      const length = call(DataViewPrototypeGetByteLength, view);
      addFirst(props, 'byteOffset', offset);
      addFirst(props, 'byteLength', length);
    } catch {
      // The buffer is detached.
    }
  }

  function promiseItems(ctx, promise, level, output) {
    const state = promiseState(promise);
    if (state[0] === 0) {
      output[output.length] = paint(ctx, '<pending>', 'special');
      return;
    }
    ctx.indentation += 2;
    const text = formatValue(ctx, state[1], level);
    ctx.indentation -= 2;
    output[output.length] = state[0] === 2 ? paint(ctx, '<rejected>', 'special') + ' ' + text : text;
  }

  function weakItems(ctx, collection, level, output) {
    const preview = ctx.showHidden && previewEntries !== undefined ? previewEntries(collection) : undefined;
    if (preview === undefined) {
      output[output.length] = paint(ctx, '<items unknown>', 'special');
      return;
    }
    const entries = preview[0];
    const step = preview[1] ? 2 : 1;
    let texts = list();
    ctx.indentation += 2;
    let i = 0;
    for (; i < entries.length && texts.length < ctx.maxArrayLength && ctx.work > 0; i += step) {
      let text = formatValue(ctx, entries[i], level);
      if (step === 2) text += ' => ' + formatValue(ctx, entries[i + 1], level);
      spend(ctx, text);
      texts[texts.length] = text;
    }
    ctx.indentation -= 2;
    // They have no order of their own.
    if (ctx.sorted === false) texts = sort(texts, compareTexts);
    for (let j = 0; j < texts.length; j++) output[output.length] = texts[j];
    if (i < entries.length) output[output.length] = more((entries.length - i) / step, 'item');
  }

  function previewItems(ctx, entries, level, pairs, output) {
    const step = pairs ? 2 : 1;
    ctx.indentation += 2;
    let i = 0;
    for (; i < entries.length && output.length < ctx.maxArrayLength && ctx.work > 0; i += step) {
      let text = formatValue(ctx, entries[i], level);
      if (pairs) {
        const pair = list();
        pair[0] = text;
        pair[1] = formatValue(ctx, entries[i + 1], level);
        text = layOut(ctx, pair, '', '[', ']', ARRAY, level, undefined);
      }
      spend(ctx, text);
      output[output.length] = text;
    }
    ctx.indentation -= 2;
    if (i < entries.length) output[output.length] = more((entries.length - i) / step, 'item');
  }

  // ---- objects that are printed as one text ----

  function functionText(fn, kind, name, tag) {
    const ownName = own(fn, 'name') === undefined && isClass(fn) ? '' : nameOf(fn);
    let text;
    if (kind === 'Function' && isClass(fn)) {
      text = 'class ' + (ownName === '' ? '(anonymous)' : ownName);
      if (name !== 'Function' && name !== null) text += ' [' + name + ']';
      if (tag !== '' && name !== tag) text += ' [' + tag + ']';
      if (name === null) return '[' + text + ' extends [null prototype]]';
      const parent = parentOf(fn);
      const parentName = typeof parent === 'function' ? nameOf(parent) : '';
      return parentName === '' ? '[' + text + ']' : '[' + text + ' extends ' + parentName + ']';
    }
    text = '[' + kind + (name === null ? ' (null prototype)' : '') + (ownName === '' ? ' (anonymous)' : ': ' + ownName) + ']';
    if (name !== kind && name !== null) text += ' ' + name;
    return tag !== '' && name !== tag ? text + ' [' + tag + ']' : text;
  }

  function regexpText(regexp) {
    let text = '/' + call(RegExpPrototypeGetSource, regexp) + '/';
    const flag = (get, letter) => {
      if (get !== undefined && call(get, regexp) === true) text += letter;
    };
    flag(RegExpPrototypeGetHasIndices, 'd');
    flag(RegExpPrototypeGetGlobal, 'g');
    flag(RegExpPrototypeGetIgnoreCase, 'i');
    flag(RegExpPrototypeGetMultiline, 'm');
    flag(RegExpPrototypeGetDotAll, 's');
    flag(RegExpPrototypeGetUnicode, 'u');
    flag(RegExpPrototypeGetUnicodeSets, 'v');
    flag(RegExpPrototypeGetSticky, 'y');
    return clip(text, MAX_STACK);
  }

  function dateText(date) {
    try {
      return call(DatePrototypeToISOString, date);
    } catch {
      return 'Invalid Date';
    }
  }

  function unbox(value, kind) {
    switch (kind) {
      case 'Number':
        return call(NumberPrototypeValueOf, value);
      case 'String':
        return call(StringPrototypeValueOf, value);
      case 'Boolean':
        return call(BooleanPrototypeValueOf, value);
      case 'BigInt':
        return call(BigIntPrototypeValueOf, value);
      default:
        return call(SymbolPrototypeValueOf, value);
    }
  }

  function boxedText(ctx, value, kind, name, tag) {
    let text = '[' + kind;
    if (name !== kind) text += name === null ? ' (null prototype)' : ' (' + name + ')';
    const { colors } = ctx;
    ctx.colors = false;
    text += ': ' + formatPrimitive(ctx, unbox(value, kind)) + ']';
    ctx.colors = colors;
    return tag !== '' && tag !== name ? text + ' [' + tag + ']' : text;
  }

  // ---- errors ----

  function headerOf(error) {
    const name = read(error, 'name');
    const message = read(error, 'message');
    const start = name === undefined ? 'Error' : clip(plainText(name), MAX_NAME);
    const end = message === undefined ? '' : plainText(message);
    if (start === '') return end;
    return end === '' ? start : start + ': ' + end;
  }

  // The stack with the header above it. In QuickJS `stack` is the frames alone, in V8 all.
  function stackOf(error) {
    const stack = read(error, 'stack');
    if (typeof stack !== 'string' || stack === '') return headerOf(error);
    if (match(FRAME_FIRST, slice(stack, 0, 100)) === null) return stack;
    return headerOf(error) + '\n' + withoutLineEnd(stack);
  }

  function errorText(ctx, error, constructor, tag, props) {
    const value = read(error, 'name');
    const name = value === undefined || value === null ? 'Error' : clip(plainText(value), MAX_NAME);
    let stack = clip(stackOf(error), MAX_STACK);
    if (!ctx.showHidden && props.keys.length !== 0) {
      hideRepeated(error, props, 'name', stack);
      hideRepeated(error, props, 'message', stack);
      hideRepeated(error, props, 'stack', stack);
    }
    const cause = own(error, 'cause');
    if (cause !== undefined && !contains(props.keys, 'cause')) addLast(props, 'cause', cause);
    const errors = own(error, 'errors');
    if (errors !== undefined && isArray(errors.value) && !contains(props.keys, 'errors')) addLast(props, 'errors', errors);

    stack = withClassName(stack, constructor, name, tag);
    const message = read(error, 'message');
    let from = 0;
    if (typeof message === 'string' && message !== '') {
      const at = find(stack, message);
      if (at !== -1) from = at + message.length;
    }
    const start = find(stack, FRAME_NEXT, from);
    if (start === -1) stack = '[' + stack + ']';
    else {
      const frames = withoutCommonFrames(ctx, lines(slice(stack, start + 1), Infinity), cause);
      stack = slice(stack, 0, start) + '\n' + join(frames, '\n');
    }
    return indent(stack, ctx.indentation);
  }

  function hideRepeated(error, props, key, stack) {
    if (!contains(props.keys, key)) return;
    let text = plainText(read(error, key));
    if (key === 'stack') text = withoutLineEnd(text);
    if (includes(stack, text)) removeProperty(props, key);
  }

  function withoutLineEnd(text) {
    let end = text.length;
    while (end > 0 && text[end - 1] === '\n') end--;
    return slice(text, 0, end);
  }

  function isArray(value) {
    if (typeof value !== 'object' || value === null) return false;
    const target = unwrap(value);
    return target !== null && classOf(target) === 'Array';
  }

  // An error's stack begins with its `name`, which says less than its class if that has not set one.
  function withClassName(stack, constructor, name, tag) {
    let { length } = name;
    if (constructor === null) {
      const found = match(NULL_ERROR_NAME, stack) || match(NULL_ERROR_END, stack);
      const base = found === null ? '' : found[1];
      length = base.length;
      return named(stack, prefix(null, tag, base === '' ? 'Error' : base, ''), name, length);
    }
    if (!endsWith(name, 'Error') || !startsWith(stack, name)) return stack;
    if (stack.length !== length && stack[length] !== ':' && stack[length] !== '\n') return stack;
    return named(stack, prefix(constructor, tag, 'Error', ''), name, length);
  }

  function named(stack, start, name, length) {
    const text = slice(start, 0, start.length - 1);
    if (text === name) return stack;
    if (!includes(text, name)) return text + ' [' + name + ']' + slice(stack, length);
    return length === 0 ? text + ': ' + stack : text + slice(stack, length);
  }

  // Frames that the cause shows too, from the fourth on, become one line.
  function withoutCommonFrames(ctx, frames, descriptor) {
    const cause = descriptor === undefined ? undefined : descriptor.value;
    if (typeof cause !== 'object' || cause === null) return frames;
    const target = unwrap(cause);
    if (target === null || (classOf(target) !== 'Error' && !inherits(target, errorPrototype))) return frames;
    const stack = clip(stackOf(target), MAX_STACK);
    const start = find(stack, FRAME_NEXT);
    if (start === -1) return frames;
    const theirs = lines(slice(stack, start + 1), MAX_FRAMES);
    const last = frames.length < MAX_FRAMES ? frames.length : MAX_FRAMES;
    for (let i = 0; i < last - 3; i++) {
      let j = 0;
      while (j < theirs.length && theirs[j] !== frames[i]) j++;
      let length = 0;
      while (i + length < frames.length && j + length < theirs.length && frames[i + length] === theirs[j + length]) length++;
      if (length <= 3) continue;
      const result = list();
      for (let k = 0; k <= i; k++) result[k] = frames[k];
      result[i + 1] = paint(ctx, '    ... ' + (length - 2) + ' lines matching cause stack trace ...', 'undefined');
      for (let k = i + length - 1; k < frames.length; k++) result[result.length] = frames[k];
      return result;
    }
    return frames;
  }

  // ---- layout ----

  function compareTexts(a, b) {
    if (a === b) return 0;
    return a < b ? -1 : 1;
  }

  function sortOutput(ctx, output, first) {
    const head = list();
    const tail = list();
    for (let i = 0; i < output.length; i++) {
      if (i < first) head[head.length] = output[i];
      else tail[tail.length] = output[i];
    }
    const wanted = ctx.sorted;
    let sorted;
    try {
      sorted = sort(tail, typeof wanted === 'function' ? (a, b) => +call(wanted, undefined, a, b) : compareTexts);
    } catch {
      sorted = tail;
    }
    for (let i = 0; i < sorted.length; i++) head[head.length] = sorted[i];
    return head;
  }

  // Puts the entries of an object on one line if they fit, else on lines of their own.
  function layOut(ctx, entries, base, open, close, layout, level, value) {
    const start = base === '' ? '' : base + ' ';
    if (ctx.compact === true) {
      if (fits(ctx, entries, 0, base)) return '' + open + (base === '' ? '' : ' ' + base) + ' ' + join(entries, ', ') + ' ' + close;
      const line = '\n' + spaces(ctx.indentation);
      const gap = base === '' && open.length === 1 ? ' ' : '' + (base === '' ? '' : ' ' + base) + line + '  ';
      return '' + open + gap + join(entries, ',' + line + '  ') + ' ' + close;
    }
    let output = entries;
    if (typeof ctx.compact === 'number' && ctx.compact >= 1) {
      const count = entries.length;
      if (layout === ARRAY && count > 6) output = columns(ctx, entries, value);
      // One line, if no more than `compact` levels of objects are in it.
      if (ctx.level - level < ctx.compact && count === output.length) {
        const used = output.length + ctx.indentation + open.length + base.length + 10;
        if (fits(ctx, output, used, base)) {
          const joined = join(output, ', ');
          if (!includes(joined, '\n')) return '' + start + open + ' ' + joined + ' ' + close;
        }
      }
    }
    const line = '\n' + spaces(ctx.indentation);
    return '' + start + open + line + '  ' + join(output, ',' + line + '  ') + line + close;
  }

  function fits(ctx, output, used, base) {
    let total = output.length + used;
    if (total + output.length > ctx.breakLength) return false;
    for (let i = 0; i < output.length; i++) {
      total += ctx.colors ? plainLength(output[i]) : output[i].length;
      if (total > ctx.breakLength) return false;
    }
    return base === '' || !includes(base, '\n');
  }

  // Arranges many short items in columns: several of them become one entry.
  function columns(ctx, entries, value) {
    let total = 0;
    let longest = 0;
    const { length } = entries;
    // Not the text that says how many more there are.
    const count = ctx.maxArrayLength < length ? length - 1 : length;
    const widths = list();
    for (let i = 0; i < count; i++) {
      widths[i] = width(entries[i], ctx.colors);
      total += widths[i] + 2;
      if (widths[i] > longest) longest = widths[i];
    }
    const cell = longest + 2;
    if (cell * 3 + ctx.indentation >= ctx.breakLength || !(total / cell > 5 || longest <= 6)) return entries;

    // About as wide as it is high, as a character is 2.5 times as high as wide, and at most 15 columns.
    const bias = (cell - total / length) ** 0.5;
    const biased = cell - 3 - bias > 1 ? cell - 3 - bias : 1;
    let perLine = floor((2.5 * biased * count) ** 0.5 / biased + 0.5);
    const room = floor((ctx.breakLength - ctx.indentation) / cell);
    if (room < perLine) perLine = room;
    if (ctx.compact * 4 < perLine) perLine = ctx.compact * 4;
    if (perLine > 15) perLine = 15;
    if (perLine <= 1) return entries;

    const cells = list();
    for (let i = 0; i < perLine; i++) {
      let widest = 0;
      for (let j = i; j < count; j += perLine) if (widths[j] > widest) widest = widths[j];
      cells[i] = widest + 2;
    }
    const right = value !== undefined && isNumeric(value, length);
    const result = list();
    for (let i = 0; i < count; i += perLine) {
      const end = i + perLine < count ? i + perLine : count;
      let line = '';
      for (let j = i; j < end; j++) {
        const last = j === end - 1;
        const text = last ? entries[j] : entries[j] + ', ';
        const padding = spaces(cells[j - i] - widths[j] - 2);
        if (right) line += padding + text;
        else line += last ? text : text + padding;
      }
      result[result.length] = line;
    }
    if (count < length) result[result.length] = entries[count];
    return result;
  }

  // Whether the first items of an array are numbers, which are aligned right.
  function isNumeric(value, count) {
    for (let i = 0; i < count; i++) {
      const descriptor = own(value, i);
      if (descriptor === undefined) return false;
      const type = typeof descriptor.value;
      if (type !== 'number' && type !== 'bigint') return false;
    }
    return true;
  }

  // ---- options ----

  // An own option, of a guest perhaps.
  function option(options, key) {
    const descriptor = ownQuietly(options, key);
    if (descriptor === undefined) return undefined;
    if ('value' in descriptor) return descriptor.value;
    try {
      return descriptor.get === undefined ? undefined : call(descriptor.get, options);
    } catch {
      return undefined;
    }
  }

  function limit(value, standard) {
    if (value === null) return Infinity;
    if (typeof value !== 'number' || value !== value) return standard;
    return value < 0 ? 0 : value;
  }

  function context(options) {
    const ctx = {
      __proto__: null,
      inspect: guestFunction,
      seen: list(), // the objects that this one is in
      circular: list(), // those of them that were met again
      indentation: 0,
      level: 0, // of the object that was printed last
      nesting: 0,
      complex: 0, // prototypes without a constructor that are being named
      work: MAX_WORK,
      inTyped: false,
      showHidden: false,
      depth: 2,
      colors: false,
      customInspect: true,
      showProxy: false,
      maxArrayLength: 100,
      maxStringLength: 10000,
      breakLength: 80,
      compact: 3,
      sorted: false,
      getters: false,
      numericSeparator: false,
    };
    if (options === null || typeof options !== 'object') return ctx;
    const own = unwrap(options);
    if (own === null) return ctx;
    ctx.showHidden = !!option(own, 'showHidden');
    const depth = option(own, 'depth');
    if (depth === null || (typeof depth === 'number' && depth === depth)) ctx.depth = depth;
    ctx.colors = !!option(own, 'colors');
    const custom = option(own, 'customInspect');
    if (custom !== undefined) ctx.customInspect = !!custom;
    ctx.showProxy = !!option(own, 'showProxy');
    ctx.maxArrayLength = limit(option(own, 'maxArrayLength'), 100);
    ctx.maxStringLength = limit(option(own, 'maxStringLength'), 10000);
    const length = option(own, 'breakLength');
    if (typeof length === 'number' && length === length) ctx.breakLength = length;
    const compact = option(own, 'compact');
    if (typeof compact === 'boolean' || (typeof compact === 'number' && compact === compact)) ctx.compact = compact;
    const sorted = option(own, 'sorted');
    if (sorted === true || typeof sorted === 'function') ctx.sorted = sorted;
    const getters = option(own, 'getters');
    if (getters === true || getters === 'get' || getters === 'set') ctx.getters = getters;
    ctx.numericSeparator = !!option(own, 'numericSeparator');
    return ctx;
  }

  // ---- what the glue gives ----

  function print(ctx, value) {
    try {
      return formatValue(ctx, value, 0);
    } catch {
      return '[Object: nesting too deep to inspect]';
    }
  }

  function inspect(value, options) {
    return print(context(options), value);
  }

  // As console.dir prints a value.
  function dir(value, options) {
    const ctx = context(options);
    if (options === null || typeof options !== 'object' || option(unwrap(options) || {}, 'customInspect') === undefined) {
      ctx.customInspect = false;
    }
    return print(ctx, value);
  }

  // Whether `${value}` would run only code of the language (which tells little of an object).
  function hasBuiltinToString(value) {
    let current = unwrap(value);
    if (current === null) return true;
    if (own(current, 'toString') !== undefined || own(current, SymbolToPrimitive) !== undefined) {
      return isBuiltinPrototype(current);
    }
    const type = typeof read(current, 'toString');
    if (type !== 'function') return true;
    for (let i = 0; i < MAX_CHAIN; i++) {
      current = parentOf(current);
      if (current === null) return true;
      if (own(current, 'toString') !== undefined || own(current, SymbolToPrimitive) !== undefined) {
        return isBuiltinPrototype(current);
      }
    }
    return true;
  }

  function isBuiltinPrototype(object) {
    const constructor = own(object, 'constructor');
    return (
      constructor !== undefined &&
      typeof constructor.value === 'function' &&
      nameOf(constructor.value) in BUILTIN_NAMES
    );
  }

  // %s
  function stringText(options, value) {
    switch (typeof value) {
      case 'number':
        return formatNumber(context(options), value);
      case 'bigint':
        return formatBigInt(context(options), value);
      case 'object':
      case 'function':
        if (value === null) return 'null';
        break;
      default:
        return typeof value === 'symbol' ? call(SymbolPrototypeToString, value) : plainText(value);
    }
    try {
      const proxy = classOf(value) === 'Proxy';
      if (!proxy && !hasBuiltinToString(value)) return ToString(value);
      if (typeof value === 'function' && !proxy) return call(FunctionPrototypeToString, value);
    } catch {
      // What it has for toString threw.
    }
    const ctx = context(options);
    ctx.depth = 0;
    ctx.colors = false;
    ctx.compact = 3;
    return print(ctx, value);
  }

  // %d, %i, %f
  function numberText(options, value, convert) {
    if (typeof value === 'bigint' && convert !== NumberParseFloat) return formatBigInt(context(options), value);
    if (typeof value === 'symbol') return 'NaN';
    try {
      return formatNumber(context(options), convert === undefined ? +value : convert(value));
    } catch {
      return 'NaN';
    }
  }

  // %j
  function jsonText(value) {
    try {
      return plainText(JSONStringify(value));
    } catch (error) {
      const text = threw(error);
      return includes(text, 'circular') ? '[Circular]' : text;
    }
  }

  // Prints the arguments of console.log: the first is a format if it is a string.
  function formatWithOptions(options, args) {
    const count = args.length;
    if (count === 0) return '';
    const first = args[0];
    let next = 0;
    let result = '';
    if (typeof first === 'string') {
      if (count === 1) return first;
      next = 1;
      let from = 0;
      for (let at = find(first, '%'); at !== -1 && at < first.length - 1; at = find(first, '%', at)) {
        const letter = first[at + 1];
        let text;
        if (letter === '%') text = '%';
        else if (next < count) {
          const value = args[next];
          if (letter === 's') text = typeof value === 'string' ? value : stringText(options, value);
          else if (letter === 'd') text = numberText(options, value, undefined);
          else if (letter === 'i') text = numberText(options, value, NumberParseInt);
          else if (letter === 'f') text = numberText(options, value, NumberParseFloat);
          else if (letter === 'j') text = jsonText(value);
          else if (letter === 'O') text = inspect(value, options);
          else if (letter === 'o') {
            const ctx = context(options);
            ctx.showHidden = true;
            ctx.showProxy = true;
            ctx.depth = 4;
            text = print(ctx, value);
          } else if (letter === 'c') text = '';
          if (text !== undefined) next++;
        }
        if (text === undefined) {
          at++;
          continue;
        }
        result += slice(first, from, at) + text;
        at += 2;
        from = at;
      }
      result += slice(first, from);
    }
    for (; next < count; next++) {
      if (next !== 0) result += ' ';
      const value = args[next];
      result += typeof value === 'string' ? value : inspect(value, options);
    }
    return result;
  }

  // The frames of an error made in a function of the console, each with a line end before. That function's own frame is
  // left out, where the engine shows it: QuickJS does, as one of no file; V8 leaves out all of glue.
  function callers(error) {
    const stack = read(error, 'stack');
    if (typeof stack !== 'string') return '';
    let from = 0;
    if (match(FRAME_FIRST, slice(stack, 0, 100)) === null) {
      const at = find(stack, FRAME_NEXT);
      if (at === -1) return '';
      from = at + 1;
    }
    const second = find(stack, '\n', from), own = find(stack, '(<null>:', from);
    if (own !== -1 && (second === -1 || own < second)) {
      if (second === -1) return '';
      from = second + 1;
    }
    let end = stack.length;
    while (end > from && stack[end - 1] === '\n') end--;
    return end > from ? '\n' + slice(stack, from, end) : '';
  }

  // ---- tables ----

  function cellText(value) {
    const ctx = context(undefined);
    ctx.maxArrayLength = 3;
    ctx.breakLength = Infinity;
    ctx.depth = 0;
    if (typeof value === 'object' && value !== null && !isArray(value)) {
      const target = unwrap(value);
      if (target !== null && enumerableKeys(target, 3).length > 2) ctx.depth = -1;
    }
    return print(ctx, value);
  }

  function enumerableKeys(object, limit) {
    const result = list();
    const kind = classOf(object);
    if (kind in ELEMENT_SIZES) {
      const length = call(TypedArrayPrototypeGetLength, object);
      for (let i = 0; i < length && i < limit; i++) result[i] = '' + i;
      return result;
    }
    if (kind === 'Array' && own(object, 'length').value > BIG_LENGTH && !isSparse(object)) {
      for (let i = 0; i < limit; i++) if (own(object, i) !== undefined) result[result.length] = '' + i;
      return result;
    }
    const keys = ReflectOwnKeys(object);
    for (let i = 0; i < keys.length && result.length < limit; i++) {
      if (typeof keys[i] === 'symbol') break;
      const descriptor = ownQuietly(object, keys[i]);
      if (descriptor !== undefined && descriptor.enumerable) result[result.length] = keys[i];
    }
    return result;
  }

  function propertyCell(descriptor) {
    if (descriptor === undefined) return '';
    if ('value' in descriptor) return cellText(descriptor.value);
    return accessorText(context(undefined), undefined, 0, descriptor);
  }

  // The table that console.table prints, undefined if the value is not tabular.
  function table(data, filter) {
    if (typeof data !== 'object' || data === null) return undefined;
    try {
      const target = unwrap(data);
      return target === null ? undefined : tableOf(target, filter);
    } catch {
      return undefined;
    }
  }

  function tableOf(data, filter) {
    const kind = classOf(data);
    const heads = list();
    const cells = list(); // by column
    if (kind === 'Map' || kind === 'Set' || (kind in ITERATOR_CLASSES && previewEntries !== undefined)) {
      let entries;
      let pairs = kind === 'Map';
      if (kind in ITERATOR_CLASSES) {
        const preview = previewEntries(data);
        entries = preview[0];
        pairs = preview[1];
      } else entries = entriesOf(data, kind, MAX_ROWS);
      heads[0] = '(iteration index)';
      heads[1] = pairs ? 'Key' : 'Values';
      if (pairs) heads[2] = 'Values';
      for (let i = 0; i < heads.length; i++) cells[i] = list();
      const step = pairs ? 2 : 1;
      for (let i = 0; i < entries.length && i / step < MAX_ROWS; i += step) {
        const row = i / step;
        cells[0][row] = '' + row;
        cells[1][row] = cellText(entries[i]);
        if (pairs) cells[2][row] = cellText(entries[i + 1]);
      }
      return draw(heads, cells);
    }

    let wanted;
    if (isArray(filter)) {
      const columns = unwrap(filter);
      const { value } = own(columns, 'length');
      wanted = list();
      for (let i = 0; i < value && i < MAX_NAME; i++) {
        const descriptor = own(columns, i);
        if (descriptor === undefined || !isPrimitive(descriptor.value)) continue;
        wanted[wanted.length] = typeof descriptor.value === 'symbol' ? descriptor.value : plainText(descriptor.value);
      }
    }
    const rows = enumerableKeys(data, MAX_ROWS);
    const byKey = { __proto__: null };
    const values = list();
    let hasValues = false;
    let left = MAX_CELLS;
    for (let i = 0; i < rows.length; i++) {
      const descriptor = own(data, rows[i]);
      const accessor = descriptor !== undefined && !('value' in descriptor);
      const item = descriptor === undefined || accessor ? undefined : descriptor.value;
      const primitive = accessor || isPrimitive(item);
      if (primitive && wanted === undefined) {
        hasValues = true;
        values[i] = accessor ? propertyCell(descriptor) : cellText(item);
        continue;
      }
      const target = primitive ? null : unwrap(item);
      if (target === null && wanted === undefined) continue;
      const keys = wanted === undefined ? enumerableKeys(target, left) : wanted;
      for (let j = 0; j < keys.length && left > 0; j++) {
        const key = keys[j];
        if (!(key in byKey)) byKey[key] = list();
        byKey[key][i] = target === null ? '' : propertyCell(own(target, key));
        left--;
      }
    }
    heads[0] = '(index)';
    cells[0] = rows;
    const keys = ReflectOwnKeys(byKey);
    for (let i = 0; i < keys.length; i++) {
      heads[i + 1] = plainText(keys[i]);
      cells[i + 1] = byKey[keys[i]];
    }
    if (hasValues) {
      heads[heads.length] = 'Values';
      cells[cells.length] = values;
    }
    return draw(heads, cells);
  }

  function draw(heads, cells) {
    const widths = list();
    let height = 0;
    for (let i = 0; i < heads.length; i++) {
      let widest = width(heads[i], false);
      for (let j = 0; j < cells[i].length; j++) {
        const text = cells[i][j];
        if (text === undefined) continue;
        const taken = width(text, false);
        if (taken > widest) widest = taken;
      }
      widths[i] = widest;
      if (cells[i].length > height) height = cells[i].length;
    }
    const rule = (left, middle, right) => {
      let text = left;
      for (let i = 0; i < widths.length; i++) text += (i === 0 ? '' : middle) + repeat('─', widths[i] + 2);
      return text + right;
    };
    const row = (cell) => {
      let text = '│';
      for (let i = 0; i < widths.length; i++) {
        const content = cell(i);
        text += ' ' + content + spaces(widths[i] - width(content, false)) + ' │';
      }
      return text;
    };
    let result = rule('┌', '┬', '┐') + '\n' + row((i) => heads[i]) + '\n' + rule('├', '┼', '┤') + '\n';
    for (let j = 0; j < height; j++) {
      result += row((i) => (cells[i][j] === undefined ? '' : cells[i][j])) + '\n';
    }
    return result + rule('└', '┴', '┘');
  }

  return { inspect, formatWithOptions, dir, table, callers };
})
