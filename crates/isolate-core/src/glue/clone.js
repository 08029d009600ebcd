// Structured cloning: https://html.spec.whatwg.org/multipage/structured-data.html
//
// Serializing and deserializing are one pass here, in the order in which serializing reads: what is made meanwhile, no
// guest sees before the end. What is transferred exists only after everything has been read, so a Late stands for it and
// is replaced at the end. Nothing recurses: the guest chooses how deep its values are.
(function (host, p, engine) {
  'use strict';
  const { call, ObjectDefineProperty, ObjectGetOwnPropertyDescriptor, ObjectGetPrototypeOf, ObjectSetPrototypeOf } = p;
  const { MapPrototypeGet, MapPrototypeSet } = p;
  const idl = p.use('idl');
  const ObjectPrototype = p.Object.prototype;

  const refuse = (what) => { throw p.domException(what + ' could not be cloned.', 'DataCloneError'); };

  class Late {
    #brand = true;
    value = undefined;
    // Of a buffer: the views of it that are still to be made.
    views = undefined;
    static is(v) { return typeof v === 'object' && v !== null && #brand in v; }
  }
  const resolve = (v) => (Late.is(v) ? v.value : v);

  // The prototypes of the language's errors, each got from an error of its class.
  const errorPrototypes = { __proto__: null, Error: p.Error.prototype };
  const errorNames = ['EvalError', 'RangeError', 'ReferenceError', 'SyntaxError', 'TypeError', 'URIError'];
  const errorPrototype = (name) => {
    const known = errorPrototypes[name];
    if (known !== undefined) return known;
    for (let i = 0; i < errorNames.length; i++) {
      if (errorNames[i] !== name) continue;
      try { host.__clone_fail(name); } catch (e) { return (errorPrototypes[name] = ObjectGetPrototypeOf(e)); }
    }
    return errorPrototypes.Error;
  };

  const flagsOf = (r) =>
    (call(p.RegExpPrototypeGetHasIndices, r) ? 'd' : '') + (call(p.RegExpPrototypeGetGlobal, r) ? 'g' : '') +
    (call(p.RegExpPrototypeGetIgnoreCase, r) ? 'i' : '') + (call(p.RegExpPrototypeGetMultiline, r) ? 'm' : '') +
    (call(p.RegExpPrototypeGetDotAll, r) ? 's' : '') + (call(p.RegExpPrototypeGetUnicode, r) ? 'u' : '') +
    (call(p.RegExpPrototypeGetUnicodeSets, r) ? 'v' : '') + (call(p.RegExpPrototypeGetSticky, r) ? 'y' : '');

  const cloneBuffer = (buffer, memory) => {
    const known = call(MapPrototypeGet, memory, buffer);
    if (known !== undefined) return known;
    const info = engine.bufferInfo(buffer);
    if (info.shared) refuse('A SharedArrayBuffer');
    if (info.detached) refuse('A detached ArrayBuffer');
    const copy = engine.newBuffer(info.byteLength, info.resizable ? info.maxByteLength : undefined);
    engine.copyBytes(copy, 0, buffer, 0, info.byteLength);
    call(MapPrototypeSet, memory, buffer, copy);
    return copy;
  };

  // Maps and sets: the empty clone, and what is in the original, a map's keys and values by turns.
  const beginCollection = (value, kind) => {
    const items = idl.list();
    if (kind === 'Map') {
      call(p.MapPrototypeForEach, value, (v, k) => { items[items.length] = k; items[items.length] = v; });
      return { __proto__: null, copy: new p.Map(), items };
    }
    call(p.SetPrototypeForEach, value, (v) => { items[items.length] = v; });
    return { __proto__: null, copy: host.__clone_emptySet(), items };
  };
  const fillCollection = (copy, kind, items) => {
    if (kind === 'Set') {
      for (let i = 0; i < items.length; i++) call(p.SetPrototypeAdd, copy, resolve(items[i]));
    } else {
      for (let i = 0; i < items.length; i += 2) call(MapPrototypeSet, copy, resolve(items[i]), resolve(items[i + 1]));
    }
  };

  // Clones of objects that hold no others and whose reading runs no guest code; undefined for all else. `memory` knows
  // the buffers, which several views may share.
  const cloneLeaf = (value, kind, memory) => {
    switch (kind) {
      case 'Boolean': return p.Object(call(p.BooleanPrototypeValueOf, value));
      case 'Number': return p.Object(call(p.NumberPrototypeValueOf, value));
      case 'BigInt': return p.Object(call(p.BigIntPrototypeValueOf, value));
      case 'String': return p.Object(call(p.StringPrototypeValueOf, value));
      case 'Date': return host.__clone_copy(value);
      case 'RegExp': return host.__clone_regExp(call(p.RegExpPrototypeGetSource, value), flagsOf(value));
      case 'ArrayBuffer': case 'SharedArrayBuffer': return cloneBuffer(value, memory);
    }
    const view = engine.viewInfo(value);
    if (view === undefined) return undefined;
    const { type, byteOffset, byteLength } = view;
    if (view.outOfBounds) refuse('A view that is out of bounds');
    // Whether a view follows the length of its buffer, the language does not tell: one that reaches to the end of a
    // resizable buffer is taken for such.
    const info = engine.bufferInfo(view.buffer);
    const follows = info.resizable && info.byteLength - byteOffset - byteLength < view.bytesPer;
    const length = follows ? undefined : type === 'DataView' ? byteLength : view.length;
    const buffer = cloneBuffer(view.buffer, memory);
    if (!Late.is(buffer)) return engine.newView(type, buffer, byteOffset, length);
    const late = new Late();
    // Views of what is transferred are made once it is.
    buffer.views[buffer.views.length] = { __proto__: null, late, type, byteOffset, length };
    return late;
  };

  const isPlatformObject = (object) => {
    if (p.interfaces === undefined) return false;
    for (let o = ObjectGetPrototypeOf(object); o !== null; o = ObjectGetPrototypeOf(o)) {
      if (call(p.WeakMapPrototypeGet, p.interfaces, o) === true) return true;
      // What a proxy says of its prototype is the guest's.
      if (engine.classOf(o) === 'Proxy') return false;
    }
    return false;
  };

  // The keys of own enumerable properties that are strings.
  const keysOf = (object) => {
    const keys = p.ReflectOwnKeys(object), out = idl.list();
    for (let i = 0; i < keys.length; i++) {
      if (typeof keys[i] === 'symbol') break;
      const own = ObjectGetOwnPropertyDescriptor(object, keys[i]);
      if (own !== undefined && own.enumerable) out[out.length] = keys[i];
    }
    return out;
  };

  // What a frame fills in: properties, or a collection of that name.
  const PROPERTIES = '';
  const push = (state, kind, source, target, items) => {
    state.top = { __proto__: null, kind, source, target, items, index: 0, below: state.top };
  };
  const remember = (state, value, clone) => {
    call(MapPrototypeSet, state.memory, value, clone);
    return clone;
  };
  const property = { __proto__: null, value: undefined, writable: true, enumerable: true, configurable: true };
  const define = (state, target, key, value, enumerable) => {
    if (state.transfers && Late.is(value)) {
      state.fixups[state.fixups.length] = { __proto__: null, target, key, late: value };
      value = undefined;
    }
    property.value = value;
    property.enumerable = enumerable;
    ObjectDefineProperty(target, key, property);
    property.value = undefined;
  };

  const beginError = (state, value) => {
    const name = value.name;
    const prototype = errorPrototype(name === undefined ? 'Error' : p.ToString(name));
    let message = dataProperty(value, 'message');
    if (message !== absent) message = p.ToString(message);
    const stack = idl.stackOf(value);
    const error = new p.Error();
    if (typeof stack === 'string') define(state, error, 'stack', stack, false);
    ObjectSetPrototypeOf(error, prototype);
    if (message !== absent) define(state, error, 'message', message, false);
    remember(state, value, error);
    if (dataProperty(value, 'cause') !== absent) {
      const items = idl.list();
      items[0] = 'cause';
      push(state, PROPERTIES, value, error, items);
    }
    return error;
  };
  const absent = { __proto__: null };
  const dataProperty = (object, key) => {
    const own = ObjectGetOwnPropertyDescriptor(object, key);
    return own === undefined ? absent : ObjectSetPrototypeOf(own, null).get === undefined ? own.value : absent;
  };

  // The clone of a value whose parts, if it has some, are still to be filled in.
  const begin = (state, value) => {
    switch (typeof value) {
      case 'object': break;
      case 'symbol': return refuse(call(p.SymbolPrototypeToString, value));
      case 'function': return refuse('A function');
      default: return value;
    }
    if (value === null) return null;
    const known = call(MapPrototypeGet, state.memory, value);
    if (known !== undefined) return known;
    const kind = engine.classOf(value);
    switch (kind) {
      case 'Array': {
        const copy = [];
        push(state, PROPERTIES, value, copy, keysOf(value));
        return remember(state, value, copy);
      }
      case 'Map': case 'Set': {
        const { copy, items } = beginCollection(value, kind);
        push(state, kind, value, copy, items);
        return remember(state, value, copy);
      }
      case 'Error': {
        const platform = p.findCloneable(value);
        return platform === undefined ? beginError(state, value) : platformObject(state, platform, value);
      }
      case 'Object': case 'Arguments': {
        const prototype = ObjectGetPrototypeOf(value);
        if (prototype !== ObjectPrototype && prototype !== null) {
          const platform = p.findCloneable(value);
          if (platform !== undefined) return platformObject(state, platform, value);
          if (isPlatformObject(value)) refuse('This object');
        }
        const copy = {};
        push(state, PROPERTIES, value, copy, keysOf(value));
        return remember(state, value, copy);
      }
    }
    const leaf = cloneLeaf(value, kind, state.memory);
    if (leaf === undefined) refuse('#<' + kind + '>');
    return remember(state, value, leaf);
  };
  const platformObject = (state, kind, value) => remember(state, value, kind.deserialize(kind.serialize(value, false)));

  // Fills in what begin() left open, depth first.
  const fill = (state) => {
    while (state.top !== undefined) {
      const frame = state.top;
      const { kind, source, target, items } = frame;
      if (frame.index === items.length) {
        state.top = frame.below;
        if (kind !== PROPERTIES) state.collections[state.collections.length] = frame;
        else if (engine.classOf(target) === 'Array' && target.length !== source.length) {
          ObjectDefineProperty(target, 'length', { __proto__: null, value: source.length });
        }
        continue;
      }
      const item = items[frame.index++];
      if (kind !== PROPERTIES) {
        items[frame.index - 1] = begin(state, item);
        continue;
      }
      // A getter may have removed it meanwhile.
      if (ObjectGetOwnPropertyDescriptor(source, item) === undefined) continue;
      define(state, target, item, begin(state, source[item]), item !== 'cause' || engine.classOf(target) !== 'Error');
    }
  };

  // https://html.spec.whatwg.org/multipage/structured-data.html#structuredserializewithtransfer, the beginning
  const prepare = (state, list) => {
    const transfers = idl.list();
    for (let i = 0; i < list.length; i++) {
      const object = list[i];
      const isBuffer = engine.classOf(object) === 'ArrayBuffer';
      const kind = isBuffer ? undefined : p.findTransferable(object);
      if (!isBuffer && kind === undefined) {
        throw p.domException('A value in the transfer list could not be transferred.', 'DataCloneError');
      }
      if (call(MapPrototypeGet, state.memory, object) !== undefined) {
        throw p.domException('The transfer list has an object twice.', 'DataCloneError');
      }
      const late = new Late();
      late.views = idl.list();
      call(MapPrototypeSet, state.memory, object, late);
      transfers[i] = { __proto__: null, object, kind, late };
    }
    return transfers;
  };
  const transferOne = ({ object, kind, late }) => {
    if (kind === undefined) {
      if (engine.bufferInfo(object).detached) {
        throw p.domException('An ArrayBuffer in the transfer list is detached.', 'DataCloneError');
      }
      late.value = engine.transfer(object);
    } else {
      late.value = kind.receive(kind.transfer(object));
    }
    const { views } = late;
    for (let i = 0; i < views.length; i++) {
      const { type, byteOffset, length } = views[i];
      views[i].late.value = engine.newView(type, late.value, byteOffset, length);
    }
    return late.value;
  };

  // Clones a value, and moves what stands in the list of transferables. `moved` is filled with the new objects.
  const clone = (value, list, moved) => {
    const transfers = list !== undefined && list.length > 0;
    if (!transfers) {
      if ((typeof value !== 'object' || value === null) && typeof value !== 'function' && typeof value !== 'symbol') return value;
      // Trees of plain data, which most values are, natively. It gives undefined when anything else turns up, and runs
      // no guest code before.
      let memory;
      const leaf = (object, kind) => cloneLeaf(object, kind, memory ??= new p.Map());
      const plain = engine.clonePlain(value, leaf, beginCollection, fillCollection, isPlatformObject);
      if (plain !== undefined) return plain;
    }
    const state = {
      __proto__: null, memory: new p.Map(), top: undefined, transfers, fixups: idl.list(), collections: idl.list(),
    };
    const moving = transfers ? prepare(state, list) : undefined;
    const root = begin(state, value);
    fill(state);
    if (transfers) {
      for (let i = 0; i < moving.length; i++) {
        const object = transferOne(moving[i]);
        if (moved !== undefined) moved[i] = object;
      }
    }
    const { collections, fixups } = state;
    for (let i = 0; i < collections.length; i++) {
      const { kind, target, items } = collections[i];
      fillCollection(target, kind, items);
    }
    for (let i = 0; i < fixups.length; i++) {
      const { target, key, late } = fixups[i];
      ObjectDefineProperty(target, key, { __proto__: null, value: late.value });
    }
    return resolve(root);
  };

  // The transfer list out of StructuredSerializeOptions.
  const transferList = (options, where) => {
    const transfer = idl.dictionary(options, where)('transfer');
    return transfer === undefined ? undefined : idl.sequence(transfer, idl.object, where);
  };

  const scope = {
    structuredClone(value, options = undefined) {
      idl.need(arguments.length, 1, 'structuredClone');
      return clone(value, transferList(options, 'structuredClone'), undefined);
    },
  };

  p.exports = { __proto__: null, clone, transferList };
  p.loaded = { structuredClone: scope.structuredClone };
})
