// Web IDL, once for all interfaces: https://webidl.spec.whatwg.org/
//
// Interfaces are written as plain classes; define() gives their members the attributes that the standard asks for, and
// the rest converts arguments and keeps private state.
(function (host, p, engine) {
  'use strict';
  const { call, ObjectDefineProperty, ObjectGetOwnPropertyDescriptor, ObjectGetPrototypeOf, ObjectSetPrototypeOf } = p;
  const { ReflectOwnKeys, SymbolIterator, SymbolToStringTag, ToString } = p;
  const ArrayPrototype = ObjectGetPrototypeOf([]);
  const IteratorPrototype = ObjectGetPrototypeOf(ObjectGetPrototypeOf((function* () {}).prototype));

  const isObject = (v) => (typeof v === 'object' && v !== null) || typeof v === 'function';

  // 'new URL' → Failed to construct 'URL'; 'URL.parse' → Failed to execute 'parse' on 'URL'
  const failed = (where) => {
    if (where === undefined) return '';
    if (call(p.StringPrototypeSlice, where, 0, 4) === 'new ') {
      return 'Failed to construct \'' + call(p.StringPrototypeSlice, where, 4) + '\': ';
    }
    const dot = call(p.StringPrototypeIndexOf, where, '.');
    if (dot < 0) return 'Failed to execute \'' + where + '\': ';
    const name = call(p.StringPrototypeSlice, where, dot + 1);
    return 'Failed to execute \'' + name + '\' on \'' + call(p.StringPrototypeSlice, where, 0, dot) + '\': ';
  };
  const typeError = (where, message) => new p.TypeError(failed(where) + message);
  const illegal = () => new p.TypeError('Illegal invocation');

  const need = (given, required, where) => {
    if (given < required) {
      const noun = required === 1 ? ' argument required, but only ' : ' arguments required, but only ';
      throw typeError(where, required + noun + given + ' present.');
    }
  };

  // A list that only glue sees: no index or method of it is looked up on a prototype.
  const list = () => ObjectSetPrototypeOf([], null);
  // Makes an ordinary array of a list, which it takes.
  const array = (items) => ObjectSetPrototypeOf(items, ArrayPrototype);
  const readonlyArray = (items) => p.ObjectFreeze(array(items));

  // §3.7: what members of interfaces look like. The class is given with its methods, accessors and statics.
  const define = (Class, options) => {
    const tag = options === undefined ? undefined : options.tag;
    const constants = options === undefined ? undefined : options.constants;
    const { prototype } = Class;
    const enumerate = (object, isStatic) => {
      const keys = ReflectOwnKeys(object);
      for (let i = 0; i < keys.length; i++) {
        const key = keys[i];
        if (typeof key === 'symbol' || key === 'constructor' || key === 'prototype') continue;
        if (isStatic && (key === 'name' || key === 'length')) continue;
        ObjectDefineProperty(object, key, { __proto__: null, enumerable: true });
      }
    };
    enumerate(prototype, false);
    enumerate(Class, true);
    ObjectDefineProperty(prototype, SymbolToStringTag,
      { __proto__: null, value: tag === undefined ? Class.name : tag, configurable: true });
    if (constants !== undefined) {
      const keys = ReflectOwnKeys(constants);
      for (let i = 0; i < keys.length; i++) {
        const constant = { __proto__: null, value: constants[keys[i]], enumerable: true };
        ObjectDefineProperty(Class, keys[i], constant);
        ObjectDefineProperty(prototype, keys[i], constant);
      }
    }
    call(p.WeakMapPrototypeSet, p.interfaces ??= new p.WeakMap(), prototype, true);
    return Class;
  };

  // §3.7.1: an interface that inherits from another. Its constructor makes the object itself and never calls the other
  // one's, which a guest could replace.
  const inherit = (Class, Parent) => {
    ObjectSetPrototypeOf(Class, Parent);
    ObjectSetPrototypeOf(Class.prototype, Parent.prototype);
    return Class;
  };

  // Private state on any object, also on one that was made by another constructor.
  const Hold = function (object) { return object; };
  const slot = () => {
    class Slot extends Hold {
      #state;
      constructor(object, state) { super(object); this.#state = state; }
      static get(object) {
        if (!isObject(object) || !(#state in object)) throw illegal();
        return object.#state;
      }
      static has(object) { return isObject(object) && #state in object; }
    }
    return { __proto__: null, get: Slot.get, has: Slot.has, set: (object, state) => new Slot(object, state) };
  };

  // The stack of an error object, without running a getter of the guest's.
  const stackOf = (error) => {
    const own = ObjectGetOwnPropertyDescriptor(error, 'stack');
    if (own !== undefined) {
      ObjectSetPrototypeOf(own, null);
      if (own.get === undefined || own.get !== p.ErrorGetStack) return own.value;
    }
    return p.ErrorGetStack === undefined ? undefined : call(p.ErrorGetStack, error);
  };

  // §3.2: conversions.
  const DOMString = (v) => ToString(v);
  const USVString = (v) => call(p.StringPrototypeToWellFormed, ToString(v));
  const ByteString = (v, where) => {
    const s = ToString(v);
    for (let i = 0; i < s.length; i++) {
      if (call(p.StringPrototypeCharCodeAt, s, i) > 255) {
        throw typeError(where, 'The string contains a character that is not a byte.');
      }
    }
    return s;
  };
  const boolean = (v) => !!v;
  const unrestrictedDouble = (v) => +v;
  const double = (v, where) => {
    const x = +v;
    if (x - x !== 0) throw typeError(where, 'The provided double value is non-finite.');
    return x;
  };
  const roundHalfEven = (x) => {
    const down = x - x % 1 - (x % 1 < 0 ? 1 : 0);
    const part = x - down;
    if (part < 0.5) return down;
    if (part > 0.5) return down + 1;
    return down % 2 === 0 ? down : down + 1;
  };
  const integer = (lowest, highest, modulus, type) => (v, where, options) => {
    let x = +v;
    if (options !== undefined) {
      if (options.enforceRange === true) {
        if (x - x !== 0) throw typeError(where, 'Value is not a finite number, of type \'' + type + '\'.');
        x -= x % 1;
        if (x < lowest || x > highest) {
          throw typeError(where, 'Value is outside the \'' + type + '\' value range.');
        }
        return x + 0;
      }
      if (options.clamp === true) {
        if (x !== x) return 0;
        return roundHalfEven(x < lowest ? lowest : x > highest ? highest : x) + 0;
      }
    }
    if (x - x !== 0) return 0;
    x -= x % 1;
    if (x >= lowest && x <= highest) return x + 0;
    x %= modulus;
    if (x < lowest) x += modulus;
    else if (x > highest) x -= modulus;
    return x + 0;
  };
  const safe = 9007199254740991;

  const nothing = () => undefined;
  // Reads the members of a dictionary: get(key). Members are to be read in lexicographical order.
  const dictionary = (v, where) => {
    if (v === undefined || v === null) return nothing;
    if (!isObject(v)) throw typeError(where, 'The provided value is not of type \'object\'.');
    return (key) => v[key];
  };
  const callback = (v, where) => {
    if (typeof v !== 'function') throw typeError(where, 'The provided value is not a function.');
    return v;
  };
  const object = (v, where) => {
    if (!isObject(v)) throw typeError(where, 'The provided value is not an object.');
    return v;
  };
  const enumeration = (v, values, where) => {
    const s = ToString(v);
    for (let i = 0; i < values.length; i++) if (values[i] === s) return s;
    throw typeError(where, 'The provided value \'' + s + '\' is not a valid enum value.');
  };

  // §3.2.21: by the iteration protocol. An iterator is not closed when the conversion of an item throws.
  const sequenceFrom = (v, method, convert, where) => {
    const iterator = call(method, v);
    if (!isObject(iterator)) throw typeError(where, 'The iterator is not an object.');
    const next = iterator.next;
    const items = list();
    for (;;) {
      const step = call(next, iterator);
      if (!isObject(step)) throw typeError(where, 'The result of the iterator is not an object.');
      if (step.done) return items;
      items[items.length] = convert(step.value, where);
    }
  };
  const sequence = (v, convert, where) => {
    if (!isObject(v)) throw typeError(where, 'The provided value cannot be converted to a sequence.');
    const method = v[SymbolIterator];
    if (typeof method !== 'function') throw typeError(where, 'The object must have a callable @@iterator property.');
    return sequenceFrom(v, method, convert, where);
  };
  // A list of [key, value] records.
  const record = (v, convertKey, convertValue, where) => {
    if (!isObject(v)) throw typeError(where, 'The provided value cannot be converted to a record.');
    const keys = ReflectOwnKeys(v);
    const entries = list();
    // Different keys may become the same; the last one counts, in the first one's place.
    const places = new p.Map();
    for (let i = 0; i < keys.length; i++) {
      const own = ObjectGetOwnPropertyDescriptor(v, keys[i]);
      if (own === undefined || !own.enumerable) continue;
      const key = convertKey(keys[i], where);
      const value = convertValue(v[keys[i]], where);
      const at = call(p.MapPrototypeGet, places, key) ?? entries.length;
      call(p.MapPrototypeSet, places, key, at);
      entries[at] = [key, value];
    }
    return entries;
  };
  const bufferSource = (v, where, allowShared) => {
    let view = engine.viewInfo(v);
    if (view === undefined) {
      const buffer = engine.bufferInfo(v);
      if (buffer === undefined) throw typeError(where, 'The provided value is not of type \'(ArrayBuffer or ArrayBufferView)\'.');
      view = { __proto__: null, buffer: v, byteOffset: 0, byteLength: buffer.byteLength };
    }
    if (allowShared !== true && engine.classOf(view.buffer) === 'SharedArrayBuffer') {
      throw typeError(where, 'The provided ArrayBuffer or ArrayBufferView value must not be shared.');
    }
    return view;
  };

  // §3.7.9: entries, keys, values, forEach and @@iterator over pairs(object), a list of pairs that may change meanwhile.
  const iterable = (Class, pairs) => {
    const { name, prototype } = Class;
    const iterators = slot();
    const iteratorPrototype = {
      __proto__: IteratorPrototype,
      next() {
        const state = iterators.get(this);
        const all = pairs(state.target);
        if (state.index >= all.length) return { value: undefined, done: true };
        const pair = all[state.index++];
        const { kind } = state;
        return { value: kind === 'key' ? pair[0] : kind === 'value' ? pair[1] : [pair[0], pair[1]], done: false };
      },
    };
    ObjectDefineProperty(iteratorPrototype, SymbolToStringTag,
      { __proto__: null, value: name + ' Iterator', configurable: true });
    const make = (target, kind) => {
      pairs(target);
      const iterator = { __proto__: iteratorPrototype };
      iterators.set(iterator, { __proto__: null, target, kind, index: 0 });
      return iterator;
    };
    const methods = {
      entries() { return make(this, 'pair'); },
      keys() { return make(this, 'key'); },
      values() { return make(this, 'value'); },
      forEach(callback, thisArg = undefined) {
        pairs(this);
        need(arguments.length, 1, name + '.forEach');
        if (typeof callback !== 'function') throw typeError(name + '.forEach', 'parameter 1 is not of type \'Function\'.');
        for (let i = 0; ; i++) {
          const all = pairs(this);
          if (i >= all.length) return;
          call(callback, thisArg, all[i][1], all[i][0], this);
        }
      },
    };
    const keys = ['entries', 'forEach', 'keys', 'values'];
    for (let i = 0; i < 4; i++) {
      ObjectDefineProperty(prototype, keys[i],
        { __proto__: null, value: methods[keys[i]], writable: true, enumerable: true, configurable: true });
    }
    p.hidden(prototype, SymbolIterator, methods.entries);
  };

  // The pairs of a list by their first members, in code units; those with the same one keep their order. The list given may
  // be used up.
  const sortPairs = (all) => {
    const { length } = all;
    let from = all, to = list();
    for (let i = 0; i < length; i++) to[i] = undefined;
    for (let width = 1; width < length; width *= 2) {
      for (let start = 0; start < length; start += 2 * width) {
        const middle = start + width < length ? start + width : length;
        const end = start + 2 * width < length ? start + 2 * width : length;
        let a = start, b = middle;
        for (let i = start; i < end; i++) {
          if (a < middle && (b >= end || !(from[b][0] < from[a][0]))) to[i] = from[a++];
          else to[i] = from[b++];
        }
      }
      const other = from;
      from = to;
      to = other;
    }
    return from;
  };

  // As engine.react(), of what a host function gave: a promise, or a value that was ready. Of such a value no `then` is
  // looked up, which the guest could have put on Object.prototype.
  const after = (given, f, g, state) => {
    if (engine.classOf(given) === 'Promise') engine.react(given, f, g, state);
    else engine.enqueue(f, state, given);
  };

  p.exports = {
    __proto__: null,
    after, sortPairs, isObject, typeError, illegal, need, list, array, readonlyArray, define, inherit, slot, iterable, IteratorPrototype,
    DOMString, USVString, ByteString, boolean, double, unrestrictedDouble,
    byte: integer(-128, 127, 256, 'byte'),
    octet: integer(0, 255, 256, 'octet'),
    unsignedShort: integer(0, 65535, 65536, 'unsigned short'),
    long: integer(-2147483648, 2147483647, 4294967296, 'long'),
    unsignedLong: integer(0, 4294967295, 4294967296, 'unsigned long'),
    // Beyond the safe integers a double holds no more than these do.
    longLong: integer(-safe, safe, 18446744073709551616, 'long long'),
    unsignedLongLong: integer(0, safe, 18446744073709551616, 'unsigned long long'),
    dictionary, callback, object, enumeration, sequence, sequenceFrom, record, bufferSource,
    stackOf,
    rejecting: (e) => engine.rejected(e),
  };
})
