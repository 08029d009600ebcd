// What glue gets of the engine, out of V8's own builtins where these can be reached without a name that the guest could
// have changed, and of the host's natives (`native`) where they cannot. Runs before any guest code.
//
// Gives the object for glue, and after it the builtins that the host needs, in the order of `Builtin`.
(function (native) {
  'use strict';
  const call = Function.prototype.call.bind(Function.prototype.call);
  const {
    defineProperty, deleteProperty, getPrototypeOf, setPrototypeOf,
  } = Reflect;
  // Of Object, whose one is compiled; that of Reflect is not.
  const { hasOwn, getOwnPropertyDescriptor } = Object;
  const TypedArrayPrototype = getPrototypeOf(Uint8Array.prototype);
  const getter = (object, key) => getOwnPropertyDescriptor(object, key).get;

  // Stack traces. A guest's Error.prepareStackTrace gets call sites without the functions that were called, glue and host
  // functions included, and frames of glue are left out of every trace.
  const siteMethods = (() => {
    const limit = getOwnPropertyDescriptor(Error, 'stackTraceLimit');
    Error.stackTraceLimit = 1;
    Error.prepareStackTrace = (error, sites) => sites;
    const prototype = getPrototypeOf(new Error().stack[0]);
    delete Error.prepareStackTrace;
    // V8 adds the limit when it makes a context, but for one that a snapshot is taken of.
    if (limit === undefined) delete Error.stackTraceLimit;
    else Error.stackTraceLimit = limit.value;
    return prototype;
  })();
  const { getScriptNameOrSourceURL, toString: siteToString } = siteMethods;
  class CallSite {
    #site;
    constructor(site) { this.#site = site; }
    static {
      for (const name of Object.getOwnPropertyNames(siteMethods)) {
        const method = siteMethods[name];
        if (typeof method !== 'function' || name === 'constructor' || name === 'getFunction' || name === 'getThis') continue;
        const wrapper = { [name]() { return call(method, this.#site); } }[name];
        defineProperty(CallSite.prototype, name, { value: wrapper, writable: true, enumerable: false, configurable: true });
      }
      delete CallSite.prototype.constructor;
    }
  }
  const startsWith = String.prototype.startsWith;
  const ErrorConstructor = Error, errorToString = Error.prototype.toString;
  const isGlue = (site) => {
    const script = call(getScriptNameOrSourceURL, site);
    return typeof script === 'string' && (call(startsWith, script, 'isolate:') || call(startsWith, script, 'v8:'));
  };
  const prepareStackTrace = (error, sites) => {
    const own = getOwnPropertyDescriptor(ErrorConstructor, 'prepareStackTrace');
    const hook = own !== undefined && hasOwn(own, 'value') ? own.value : undefined;
    if (typeof hook === 'function') {
      const safe = [];
      for (let i = 0, n = 0; i < sites.length; i++) {
        if (isGlue(sites[i])) continue;
        defineProperty(safe, n++, { __proto__: null, value: new CallSite(sites[i]), writable: true, enumerable: true, configurable: true });
      }
      return call(hook, ErrorConstructor, error, safe);
    }
    let text;
    try {
      text = call(errorToString, error);
    } catch {
      text = '<error>';
    }
    for (let i = 0; i < sites.length; i++) {
      if (!isGlue(sites[i])) text += '\n    at ' + call(siteToString, sites[i]);
    }
    return text;
  };

  const isObject = (v) => (typeof v === 'object' ? v !== null : typeof v === 'function');

  // Promises. The builtin `then` reads `constructor` and Symbol.species, which decide of which class the result is: both
  // are looked at first, and where a guest has had its hands on them an own property hides its doing for that moment.
  const PromiseConstructor = Promise, PromisePrototype = Promise.prototype, promiseThen = Promise.prototype.then;
  const SymbolSpecies = Symbol.species, promiseSpecies = getter(Promise, Symbol.species);
  const isOriginal = () => {
    const own = getOwnPropertyDescriptor(PromisePrototype, 'constructor');
    if (own === undefined || !hasOwn(own, 'value') || own.value !== PromiseConstructor) return false;
    const species = getOwnPropertyDescriptor(PromiseConstructor, SymbolSpecies);
    return species !== undefined && hasOwn(species, 'get') && species.get === promiseSpecies;
  };
  const hide = (object, p, onFulfilled, onRejected) => {
    const own = getOwnPropertyDescriptor(object, 'constructor');
    if (own !== undefined) setPrototypeOf(own, null);
    const hidden = { __proto__: null, value: undefined, writable: true, enumerable: false, configurable: true };
    if (!defineProperty(object, 'constructor', hidden)) return undefined;
    try {
      return call(promiseThen, p, onFulfilled, onRejected);
    } finally {
      if (own === undefined) deleteProperty(object, 'constructor');
      else defineProperty(object, 'constructor', own);
    }
  };
  const then = (p, onFulfilled, onRejected) => {
    if (!native.isPromise(p)) throw new TypeErrorConstructor('not a promise');
    if (!hasOwn(p, 'constructor') && getPrototypeOf(p) === PromisePrototype && isOriginal()) {
      return call(promiseThen, p, onFulfilled, onRejected);
    }
    // A promise that is frozen leaves the prototype; if that is frozen too, its own reading of itself is all there is.
    return hide(p, p, onFulfilled, onRejected)
      ?? (hasOwn(p, 'constructor') ? undefined : hide(PromisePrototype, p, onFulfilled, onRejected))
      ?? call(promiseThen, p, onFulfilled, onRejected);
  };
  const newPromise = () => {
    let resolve, reject;
    const promise = new PromiseConstructor((f, r) => { resolve = f; reject = r; });
    return [promise, resolve, reject];
  };
  const resolved = (value) => {
    if (isObject(value) && native.isPromise(value) && getPrototypeOf(value) === PromisePrototype) return value;
    return new PromiseConstructor((resolve) => resolve(value));
  };
  const rejected = (reason) => new PromiseConstructor((_, reject) => reject(reason));
  const { enqueueMicrotask } = native;
  const enqueue = (f, a, b) => enqueueMicrotask(() => f(a, b));
  const react = (value, onFulfilled, onRejected, state) => {
    if (!isObject(value)) {
      enqueueMicrotask(() => onFulfilled(state, value));
      return;
    }
    then(resolved(value), (v) => onFulfilled(state, v), (e) => onRejected(state, e));
  };

  // The promise of an import() whose module has been started.
  const imported = (evaluated, namespace) => {
    const [promise, resolve, reject] = newPromise();
    then(evaluated, () => resolve(namespace), reject);
    return promise;
  };

  // The promise of a script's completion value, of what V8 gives for a script that awaits at its top level.
  const completion = (promise, apply) => {
    const value = (result) => getOwnPropertyDescriptor(result, '.repl_result').value;
    return then(promise, apply === undefined ? value : (result) => apply(value(result)), undefined);
  };

  // Buffers and views.
  const ArrayBufferConstructor = ArrayBuffer, DataViewConstructor = DataView;
  const viewType = getter(TypedArrayPrototype, Symbol.toStringTag), arrayAt = TypedArrayPrototype.at;
  const arrayBuffer = getter(TypedArrayPrototype, 'buffer'), arrayLength = getter(TypedArrayPrototype, 'length');
  const arrayByteOffset = getter(TypedArrayPrototype, 'byteOffset');
  const arrayByteLength = getter(TypedArrayPrototype, 'byteLength');
  const dataBuffer = getter(DataView.prototype, 'buffer'), dataByteOffset = getter(DataView.prototype, 'byteOffset');
  const dataByteLength = getter(DataView.prototype, 'byteLength');
  const bufferByteLength = getter(ArrayBuffer.prototype, 'byteLength');
  const bufferMax = getter(ArrayBuffer.prototype, 'maxByteLength');
  const bufferResizable = getter(ArrayBuffer.prototype, 'resizable');
  const bufferDetached = getter(ArrayBuffer.prototype, 'detached');
  const bufferTransfer = ArrayBuffer.prototype.transfer;
  const views = { __proto__: null };
  const addView = (constructor) => {
    views[constructor.name] = { __proto__: null, constructor, bytesPer: constructor.BYTES_PER_ELEMENT };
  };
  for (const constructor of [
    Uint8Array, Int8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, BigInt64Array,
    BigUint64Array, Float32Array, Float64Array,
  ]) addView(constructor);
  // What is newest in the language V8 adds to a context after all else, and to none that a snapshot is taken of.
  let sharedByteLength, sharedMax, sharedGrowable;
  const late = (webAssembly) => {
    if (!webAssembly) delete globalThis.WebAssembly;
    const { SharedArrayBuffer, Float16Array, DisposableStack, AsyncDisposableStack } = globalThis;
    if (SharedArrayBuffer !== undefined) {
      sharedByteLength = getter(SharedArrayBuffer.prototype, 'byteLength');
      sharedMax = getter(SharedArrayBuffer.prototype, 'maxByteLength');
      sharedGrowable = getter(SharedArrayBuffer.prototype, 'growable');
    }
    if (Float16Array !== undefined) addView(Float16Array);
    // In the order of `RARE_LATE`.
    return [DisposableStack?.prototype, AsyncDisposableStack?.prototype];
  };
  const viewInfo = (v) => {
    const type = call(viewType, v);
    if (type !== undefined) {
      const byteLength = call(arrayByteLength, v);
      let outOfBounds = false;
      if (byteLength === 0) {
        try { call(arrayAt, v, 0); } catch { outOfBounds = true; }
      }
      return {
        __proto__: null, type, buffer: call(arrayBuffer, v), byteOffset: call(arrayByteOffset, v), byteLength,
        length: call(arrayLength, v), bytesPer: views[type].bytesPer, outOfBounds,
      };
    }
    if (!native.isDataView(v)) return undefined;
    const info = {
      __proto__: null, type: 'DataView', buffer: call(dataBuffer, v), byteOffset: 0, byteLength: 0, length: 0,
      bytesPer: 1, outOfBounds: false,
    };
    try {
      info.length = info.byteLength = call(dataByteLength, v);
      info.byteOffset = call(dataByteOffset, v);
    } catch {
      info.outOfBounds = true;
    }
    return info;
  };
  const bufferInfo = (v) => {
    const kind = native.bufferKind(v);
    if (kind === 0) return undefined;
    const shared = kind === 2;
    const resizable = call(shared ? sharedGrowable : bufferResizable, v);
    return {
      __proto__: null, byteLength: call(shared ? sharedByteLength : bufferByteLength, v),
      maxByteLength: resizable ? call(shared ? sharedMax : bufferMax, v) : undefined,
      detached: !shared && call(bufferDetached, v), shared, resizable,
    };
  };
  const TypeErrorConstructor = TypeError;
  const newView = (type, buffer, byteOffset, length) => {
    if (native.bufferKind(buffer) === 0) throw new TypeErrorConstructor('not a buffer');
    const view = views[type];
    if (view !== undefined) return new view.constructor(buffer, byteOffset, length);
    if (type !== 'DataView') throw new TypeErrorConstructor('no such view');
    return new DataViewConstructor(buffer, byteOffset, length);
  };
  const newBuffer = (byteLength, maxByteLength) => (maxByteLength === undefined
    ? new ArrayBufferConstructor(byteLength)
    : new ArrayBufferConstructor(byteLength, { __proto__: null, maxByteLength }));
  const transfer = (buffer) => call(bufferTransfer, buffer);

  // A part of a string that begins with a table of its parts. Its first character says how many characters, of seven bits
  // each, a number takes; the second how many parts there are; then come the start and the end of each, counted from the
  // end of the table.
  const charCodeAt = String.prototype.charCodeAt, slice = String.prototype.slice;
  const part = (text, which) => {
    const width = call(charCodeAt, text, 0), count = call(charCodeAt, text, 1);
    if (!(which < count)) throw new TypeErrorConstructor('there is no such part');
    const table = 2 + 2 * count * width;
    let start = 0, end = 0;
    for (let i = 2 + 2 * which * width, n = 0; n < width; n++) start = start << 7 | call(charCodeAt, text, i + n);
    for (let i = 2 + (2 * which + 1) * width, n = 0; n < width; n++) end = end << 7 | call(charCodeAt, text, i + n);
    return call(slice, text, table + start, table + end);
  };

  // Clones of plain data: trees of objects, arrays and primitives, with whatever leaves glue knows how to clone. No guest
  // code runs meanwhile: whenever something turns up that would need some (a getter, a proxy), or that glue must look at,
  // the whole is given up, unnoticed.
  const MapConstructor = Map, mapGet = Map.prototype.get, mapSet = Map.prototype.set;
  const ObjectPrototype = Object.prototype, keys = Object.keys;
  const NOT_PLAIN = { __proto__: null };
  const DEEPEST = 500;
  let cloning;
  const dataOf = (object, key) => {
    const own = getOwnPropertyDescriptor(object, key);
    // Of an accessor it says nothing about writing; what descriptors inherit was looked at before.
    if (own === undefined || own.writable === undefined) throw NOT_PLAIN;
    return own.value;
  };
  const entry = { __proto__: null, value: undefined, writable: true, enumerable: true, configurable: true };
  const put = (object, key, value) => {
    entry.value = value;
    defineProperty(object, key, entry);
    entry.value = undefined;
  };
  // Whether a plain assignment to a new property asks nobody but for `__proto__`, and descriptors have nothing that is not
  // theirs: the prototypes have nothing that they were not made with, no setters and no elements.
  const ArrayPrototype = Array.prototype, ownKeys = Reflect.ownKeys, original = ownKeys(ObjectPrototype).length;
  const assignable = () => {
    const names = ownKeys(ObjectPrototype);
    if (names.length !== original || names[0] !== 'constructor' || ownKeys(ArrayPrototype)[0] !== 'length') return false;
    if (getPrototypeOf(ArrayPrototype) !== ObjectPrototype) return false;
    for (let i = 0; i < names.length; i++) {
      if (names[i] === '__proto__') continue;
      const own = getOwnPropertyDescriptor(ObjectPrototype, names[i]);
      if (!hasOwn(own, 'value') || !own.writable) return false;
    }
    return true;
  };
  const cloneValue = (value, depth) => {
    switch (typeof value) {
      case 'object': return value === null ? null : cloneObject(value, depth);
      case 'function': case 'symbol': throw NOT_PLAIN;
      default: return value;
    }
  };
  const cloneObject = (value, depth) => {
    if (depth > DEEPEST) throw NOT_PLAIN;
    const { memory } = cloning;
    const known = call(mapGet, memory, value);
    if (known !== undefined) return known;
    switch (native.plainKind(value)) {
      case 1: return cloneProperties(value, {}, depth);
      case 2: return cloneArray(value, depth);
      case 3: {
        if (cloning.isPlatform(value)) throw NOT_PLAIN;
        return cloneProperties(value, {}, depth);
      }
      case 4: return cloneCollection(value, depth);
      case 5: {
        const copy = cloning.leaf(value, native.classOf(value));
        if (copy === undefined) throw NOT_PLAIN;
        call(mapSet, memory, value, copy);
        return copy;
      }
      default: throw NOT_PLAIN;
    }
  };
  const cloneProperties = (value, copy, depth) => {
    call(mapSet, cloning.memory, value, copy);
    const names = keys(value);
    for (let i = 0; i < names.length; i++) {
      const name = names[i], part = cloneValue(dataOf(value, name), depth + 1);
      if (name === '__proto__') put(copy, name, part);
      else copy[name] = part;
    }
    return copy;
  };
  const cloneArray = (value, depth) => {
    const { length } = value, names = keys(value);
    const copy = [];
    if (names.length !== length) {
      call(mapSet, cloning.memory, value, copy);
      for (let i = 0; i < names.length; i++) put(copy, names[i], cloneValue(dataOf(value, names[i]), depth + 1));
      if (copy.length !== length) copy.length = length;
      return copy;
    }
    call(mapSet, cloning.memory, value, copy);
    for (let i = 0; i < length; i++) {
      // As many names as elements may be others than the elements.
      copy[i] = cloneValue(dataOf(value, i), depth + 1);
    }
    return copy;
  };
  const cloneCollection = (value, depth) => {
    const kind = native.classOf(value);
    const { copy, items } = cloning.begin(value, kind);
    call(mapSet, cloning.memory, value, copy);
    for (let i = 0; i < items.length; i++) items[i] = cloneValue(items[i], depth + 1);
    cloning.fill(copy, kind, items);
    return copy;
  };
  const clonePlain = (value, leaf, begin, fill, isPlatform) => {
    if (!assignable()) return undefined;
    const outer = cloning;
    cloning = { __proto__: null, memory: new MapConstructor(), leaf, begin, fill, isPlatform };
    try {
      return cloneValue(value, 0);
    } catch (e) {
      if (e === NOT_PLAIN) return undefined;
      throw e;
    } finally {
      cloning = outer;
    }
  };

  // Prototypes of classes that V8's own interface has no test for, in the order of `RARE`.
  const AsyncGenerator = getPrototypeOf((async function* () {}).prototype);
  const rare = [
    WeakRef.prototype, FinalizationRegistry.prototype, getPrototypeOf([][Symbol.iterator]()),
    getPrototypeOf(''[Symbol.iterator]()), getPrototypeOf(''.matchAll(/a/g)), getPrototypeOf([].values().map((v) => v)),
    getPrototypeOf(Iterator.from({ next() {} })), AsyncGenerator,
  ];

  const engine = {
    __proto__: null,
    classOf: native.classOf,
    promiseState: native.promiseState,
    proxyDetails: native.proxyDetails,
    then,
    newPromise,
    resolved,
    rejected,
    enqueue,
    react,
    markHandled: native.markHandled,
    utf8Encode: native.utf8Encode,
    utf8EncodeInto: native.utf8EncodeInto,
    utf8Decode: native.utf8Decode,
    viewInfo,
    newView,
    newBuffer,
    bufferInfo,
    transfer,
    copyBytes: native.copyBytes,
    isConstructor: native.isConstructor,
    isCallable: (v) => typeof v === 'function',
    bytesToString: native.bytesToString,
    clonePlain,
    onRejections: native.onRejections,
    part,
    // All lazy globals are in place from the start.
    defineGlobals() {},
  };
  return [
    engine, Error, TypeError, RangeError, SyntaxError, ReferenceError, URIError, EvalError, RegExp, Object.prototype,
    imported, completion, late, prepareStackTrace, ...rare,
  ];
})
