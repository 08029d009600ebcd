// Web IDL §2.8: an error with a name from a fixed list, most of them with a legacy code. Instances are real error
// objects, with a stack; name and message are brand-checked accessors of the prototype.
(function (host, p) {
  'use strict';
  const { ReflectConstruct, ObjectDefineProperty, ObjectSetPrototypeOf, SymbolToStringTag, call, hidden, accessor } = p;
  const { names, codes } = host.__DOMException_names();

  const constants = {
    __proto__: null, InUseAttributeError: 'INUSE_ATTRIBUTE_ERR', NoDataAllowedError: 'NO_DATA_ALLOWED_ERR',
    URLMismatchError: 'URL_MISMATCH_ERR',
  };
  // NotFoundError → NOT_FOUND_ERR
  const constantName = (name) => {
    let out = '';
    for (let i = 0; i < name.length - 2; i++) {
      const c = name[i];
      if (i > 0 && c >= 'A' && c <= 'Z') out += '_';
      out += c >= 'a' && c <= 'z' ? call(p.StringPrototypeToUpperCase, c) : c;
    }
    return out;
  };

  // Private fields on an object that was made elsewhere: the constructor returns it.
  const Hold = function (object) { return object; };
  class Fields extends Hold {
    #name; #message;
    constructor(object, name, message) { super(object); this.#name = name; this.#message = message; }
    static name(object) { return object.#name; }
    static message(object) { return object.#message; }
    static has(object) { return #name in object; }
  }
  const table = { __proto__: null };
  for (let i = 0; i < names.length; i++) table[names[i]] = codes[i];
  const checked = (object) => {
    if ((typeof object !== 'object' && typeof object !== 'function') || object === null || !Fields.has(object)) {
      throw new p.TypeError('Illegal invocation: this is not a DOMException');
    }
    return object;
  };
  const constructor = function DOMException(message = '', options = 'Error') {
    if (new.target === undefined) throw new p.TypeError("Class constructor DOMException cannot be invoked without 'new'");
    let name = options, cause, hasCause = false;
    if (typeof options === 'object' && options !== null) {
      name = options.name === undefined ? 'Error' : options.name;
      hasCause = 'cause' in options;
      cause = options.cause;
    }
    message = p.ToString(message);
    name = p.ToString(name);
    const error = ReflectConstruct(p.Error, [], new.target);
    delete error.message;
    if (hasCause) hidden(error, 'cause', cause);
    new Fields(error, name, message);
    return error;
  };
  const prototype = constructor.prototype;
  ObjectDefineProperty(constructor, 'prototype', { __proto__: null, writable: false });
  ObjectDefineProperty(constructor, 'length', { __proto__: null, value: 0 });
  ObjectSetPrototypeOf(prototype, p.Error.prototype);
  ObjectDefineProperty(prototype, SymbolToStringTag, { __proto__: null, value: 'DOMException', configurable: true });
  const getters = {
    get name() { return Fields.name(checked(this)); },
    get message() { return Fields.message(checked(this)); },
    get code() { return table[Fields.name(checked(this))] ?? 0; },
  };
  const keys = ['name', 'message', 'code'];
  for (let i = 0; i < 3; i++) {
    accessor(prototype, keys[i], p.ObjectGetOwnPropertyDescriptor(getters, keys[i]).get, undefined, true);
  }
  // In the order of their codes. Those that no name has any more keep their constants.
  const byCode = { __proto__: null, 2: 'DOMSTRING_SIZE_ERR', 6: 'NO_DATA_ALLOWED_ERR', 16: 'VALIDATION_ERR' };
  for (let i = 0; i < names.length; i++) byCode[codes[i]] = constants[names[i]] ?? constantName(names[i]);
  for (let code = 1; code <= 25; code++) {
    const constant = { __proto__: null, value: code, enumerable: true };
    ObjectDefineProperty(constructor, byCode[code], constant);
    ObjectDefineProperty(prototype, byCode[code], constant);
  }
  p.cloneable('DOMException', {
    __proto__: null,
    test: Fields.has,
    serialize: (e) => ({ __proto__: null, name: Fields.name(e), message: Fields.message(e), stack: p.use('idl').stackOf(e) }),
    deserialize: ({ name, message, stack }) => {
      const copy = new constructor(message, name);
      if (typeof stack === 'string') hidden(copy, 'stack', stack);
      return copy;
    },
  });
  p.loaded = p.exports = { __proto__: null, DOMException: constructor };
})
