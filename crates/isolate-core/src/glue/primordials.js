// The builtins that glue uses, taken before guest code runs. Each one costs time and memory in every runtime: list only
// what some glue uses, under the name that Node gives it (Prototype methods and getters as plain functions).
//
// Fills the object that all glue of a context shares, or makes one.
(function (host, shared) {
  'use strict';
  const TypedArrayPrototype = Object.getPrototypeOf(Uint8Array.prototype);
  const call = Function.prototype.call;
  const primordials = shared === undefined ? { __proto__: null } : shared;

  // call(fn, thisArg, ...args)
  primordials.call = call.bind(call);
  primordials.globalThis = globalThis;
  // Of its own in V8, else Object.prototype.
  primordials.globalPrototype = Object.getPrototypeOf(globalThis);
  // The language's own ToString. A template literal would do, but QuickJS makes one by calling String.prototype.concat
  // by name, which the guest may have replaced: glue uses none.
  const concat = String.prototype.concat, apply = primordials.call;
  primordials.ToString = (value) => apply(concat, '', value);

  primordials.Error = Error;
  // The getter of stacks: of the prototype in QuickJS, and in V8 one function that is an own accessor of each error.
  primordials.ErrorGetStack = new Error().__lookupGetter__('stack');
  primordials.RangeError = RangeError;
  primordials.SyntaxError = SyntaxError;
  primordials.TypeError = TypeError;
  primordials.Object = Object;
  primordials.WeakMap = WeakMap;
  primordials.WeakMapPrototypeGet = WeakMap.prototype.get;
  primordials.WeakMapPrototypeSet = WeakMap.prototype.set;
  primordials.WeakRef = WeakRef;
  primordials.WeakRefPrototypeDeref = WeakRef.prototype.deref;
  primordials.FinalizationRegistry = FinalizationRegistry;
  primordials.FinalizationRegistryPrototypeRegister = FinalizationRegistry.prototype.register;
  primordials.ReflectConstruct = Reflect.construct;
  primordials.StringPrototypeToUpperCase = String.prototype.toUpperCase;
  primordials.StringPrototypeToLowerCase = String.prototype.toLowerCase;
  primordials.Uint8Array = Uint8Array;
  primordials.NumberParseFloat = parseFloat;
  primordials.NumberParseInt = parseInt;
  primordials.JSONParse = JSON.parse;
  primordials.JSONStringify = JSON.stringify;

  primordials.ObjectDefineProperty = Object.defineProperty;
  primordials.ObjectFreeze = Object.freeze;
  primordials.ObjectGetOwnPropertyDescriptor = Object.getOwnPropertyDescriptor;
  primordials.ObjectGetOwnPropertySymbols = Object.getOwnPropertySymbols;
  primordials.ObjectGetPrototypeOf = Object.getPrototypeOf;
  primordials.ObjectSetPrototypeOf = Object.setPrototypeOf;
  primordials.ReflectApply = Reflect.apply;
  primordials.ReflectOwnKeys = Reflect.ownKeys;

  primordials.SymbolAsyncIterator = Symbol.asyncIterator;
  primordials.SymbolFor = Symbol.for;
  primordials.SymbolIterator = Symbol.iterator;
  primordials.SymbolToPrimitive = Symbol.toPrimitive;
  primordials.SymbolToStringTag = Symbol.toStringTag;

  primordials.BigIntPrototypeValueOf = BigInt.prototype.valueOf;
  primordials.BooleanPrototypeValueOf = Boolean.prototype.valueOf;
  primordials.NumberPrototypeValueOf = Number.prototype.valueOf;
  primordials.StringPrototypeValueOf = String.prototype.valueOf;
  primordials.SymbolPrototypeValueOf = Symbol.prototype.valueOf;
  primordials.DatePrototypeToISOString = Date.prototype.toISOString;
  primordials.FunctionPrototypeToString = Function.prototype.toString;
  primordials.SymbolPrototypeToString = Symbol.prototype.toString;
  primordials.StringPrototypeCharCodeAt = String.prototype.charCodeAt;
  primordials.StringPrototypeIndexOf = String.prototype.indexOf;
  primordials.StringPrototypeSlice = String.prototype.slice;
  primordials.StringPrototypeToWellFormed = String.prototype.toWellFormed;

  primordials.eval = eval;
  primordials.PromisePrototypeThen = Promise.prototype.then;
  primordials.Map = Map;
  primordials.MapPrototypeClear = Map.prototype.clear;
  primordials.MapPrototypeDelete = Map.prototype.delete;
  primordials.MapPrototypeGet = Map.prototype.get;
  primordials.MapPrototypeSet = Map.prototype.set;
  primordials.MapPrototypeForEach = Map.prototype.forEach;
  primordials.MapPrototypeGetSize = Map.prototype.__lookupGetter__('size');
  primordials.SetPrototypeAdd = Set.prototype.add;
  primordials.SetPrototypeForEach = Set.prototype.forEach;
  primordials.SetPrototypeGetSize = Set.prototype.__lookupGetter__('size');

  primordials.TypedArrayPrototypeGetLength = TypedArrayPrototype.__lookupGetter__('length');
  primordials.TypedArrayPrototypeGetByteOffset = TypedArrayPrototype.__lookupGetter__('byteOffset');
  primordials.TypedArrayPrototypeGetBuffer = TypedArrayPrototype.__lookupGetter__('buffer');
  primordials.DataViewPrototypeGetByteLength = DataView.prototype.__lookupGetter__('byteLength');
  primordials.DataViewPrototypeGetByteOffset = DataView.prototype.__lookupGetter__('byteOffset');
  primordials.DataViewPrototypeGetBuffer = DataView.prototype.__lookupGetter__('buffer');

  primordials.RegExp = RegExp;
  primordials.RegExpPrototypeExec = RegExp.prototype.exec;
  primordials.RegExpPrototypeGetSource = RegExp.prototype.__lookupGetter__('source');
  primordials.RegExpPrototypeGetHasIndices = RegExp.prototype.__lookupGetter__('hasIndices');
  primordials.RegExpPrototypeGetGlobal = RegExp.prototype.__lookupGetter__('global');
  primordials.RegExpPrototypeGetIgnoreCase = RegExp.prototype.__lookupGetter__('ignoreCase');
  primordials.RegExpPrototypeGetMultiline = RegExp.prototype.__lookupGetter__('multiline');
  primordials.RegExpPrototypeGetDotAll = RegExp.prototype.__lookupGetter__('dotAll');
  primordials.RegExpPrototypeGetUnicode = RegExp.prototype.__lookupGetter__('unicode');
  primordials.RegExpPrototypeGetUnicodeSets = RegExp.prototype.__lookupGetter__('unicodeSets');
  primordials.RegExpPrototypeGetSticky = RegExp.prototype.__lookupGetter__('sticky');

  // Without shared object the caller wants the one made here.
  return shared === undefined ? primordials : undefined;
})
