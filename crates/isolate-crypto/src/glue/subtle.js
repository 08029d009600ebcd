// SubtleCrypto and CryptoKey: https://w3c.github.io/webcrypto/#subtlecrypto-interface
//
// What is done here is what the standard does with JavaScript values: it normalizes algorithms and converts arguments. The
// host has the keys, checks what they may be used for, and does the work.
(function (host, p, engine) {
  'use strict';
  const idl = p.use('idl');
  const { isObject, list, need, typeError } = idl;
  const { call, ToString } = p;

  const range = { __proto__: null, enforceRange: true };
  const formats = ['raw', 'spki', 'pkcs8', 'jwk'];
  // The bits of the host's set of usages, in this order.
  const usageNames = ['encrypt', 'decrypt', 'sign', 'verify', 'deriveKey', 'deriveBits', 'wrapKey', 'unwrapKey'];

  // §13: { made, algorithm, usages }, of which `made` is the host's record of it and the others are made when they are
  // asked for.
  const slot = idl.slot();
  const wrap = (made) => {
    // What it does not have is looked up nowhere else.
    p.ObjectSetPrototypeOf(made, null);
    const key = { __proto__: CryptoKey.prototype };
    slot.set(key, { __proto__: null, made, algorithm: undefined, usages: undefined });
    return key;
  };

  // Defined, not assigned: a setter may be inherited.
  const put = (object, key, value) => p.ObjectDefineProperty(object, key,
    { __proto__: null, value, writable: true, enumerable: true, configurable: true });
  const algorithmOf = (made) => {
    const algorithm = { name: made.name };
    if (made.modulusLength !== undefined) {
      put(algorithm, 'modulusLength', made.modulusLength);
      const { publicExponent } = made;
      const copy = new p.Uint8Array(engine.viewInfo(publicExponent).byteLength);
      engine.copyBytes(copy, 0, publicExponent, 0, engine.viewInfo(copy).byteLength);
      put(algorithm, 'publicExponent', copy);
    }
    if (made.hash !== undefined) put(algorithm, 'hash', { name: made.hash });
    if (made.length !== undefined) put(algorithm, 'length', made.length);
    if (made.namedCurve !== undefined) put(algorithm, 'namedCurve', made.namedCurve);
    return algorithm;
  };
  const usagesOf = (bits) => {
    const names = list();
    for (let i = 0; i < 8; i++) if ((bits & (1 << i)) !== 0) names[names.length] = usageNames[i];
    return idl.array(names);
  };

  class CryptoKey {
    constructor() { throw new p.TypeError('Illegal constructor'); }
    get type() { return slot.get(this).made.type; }
    get extractable() { return slot.get(this).made.extractable; }
    get algorithm() {
      const state = slot.get(this);
      return (state.algorithm ??= algorithmOf(state.made));
    }
    get usages() {
      const state = slot.get(this);
      return (state.usages ??= usagesOf(state.made.usages));
    }
  }
  idl.define(CryptoKey);
  p.cloneable('CryptoKey', {
    __proto__: null, test: slot.has,
    serialize: (key) => slot.get(key).made,
    deserialize: wrap,
  });

  // Conversions of members: each takes the value, and the place for messages.
  const source = (v, where) => {
    const view = idl.bufferSource(v, where);
    if (engine.bufferInfo(view.buffer).resizable) {
      throw typeError(where, 'The provided ArrayBuffer or ArrayBufferView value must not be resizable.');
    }
    // Nothing crosses for what holds nothing: a detached buffer could not.
    return view.byteLength === 0 ? undefined : v;
  };
  const cryptoKey = (v, where) => {
    if (!slot.has(v)) throw typeError(where, 'The provided value is not of type \'CryptoKey\'.');
    return slot.get(v).made.id;
  };
  const bigInteger = (v, where) => {
    const view = engine.viewInfo(v);
    if (view === undefined || view.type !== 'Uint8Array') {
      throw typeError(where, 'The provided value is not of type \'Uint8Array\'.');
    }
    return source(v, where);
  };
  const octet = (v, where) => idl.octet(v, where, range);
  const unsignedShort = (v, where) => idl.unsignedShort(v, where, range);
  const unsignedLong = (v, where) => idl.unsignedLong(v, where, range);
  const hash = (v, where) => normalize(v, digests, where).name;
  const identifier = (v) => (isObject(v) ? v : ToString(v));

  // A dictionary of parameters: name, conversion, whether it is required; in the order that members are read.
  const dictionary = (...members) => members;
  const required = (name, convert) => ({ __proto__: null, name, convert, required: true });
  const optional = (name, convert) => ({ __proto__: null, name, convert, required: false });

  const NONE = dictionary();
  const HASH = dictionary(required('hash', hash));
  const CURVE = dictionary(required('namedCurve', ToString));
  const PEER = dictionary(required('public', cryptoKey));
  const AES_LENGTH = dictionary(required('length', unsignedShort));
  const HMAC_LENGTH = dictionary(required('hash', hash), optional('length', unsignedLong));
  const RSA_KEY = dictionary(
    required('modulusLength', unsignedLong), required('publicExponent', bigInteger), required('hash', hash));

  // §18.2: the algorithms of each operation, by their names in capitals.
  const names = [
    'SHA-1', 'SHA-256', 'SHA-384', 'SHA-512', 'HMAC', 'AES-CBC', 'AES-CTR', 'AES-GCM', 'AES-KW', 'RSASSA-PKCS1-v1_5',
    'RSA-PSS', 'RSA-OAEP', 'ECDSA', 'ECDH', 'Ed25519', 'Ed448', 'X25519', 'X448', 'HKDF', 'PBKDF2',
  ];
  const upper = (s) => call(p.StringPrototypeToUpperCase, s);
  const table = (entries) => {
    const algorithms = { __proto__: null };
    for (let i = 0; i < names.length; i++) {
      const members = entries[names[i]];
      if (members !== undefined) algorithms[upper(names[i])] = { __proto__: null, name: names[i], members };
    }
    return algorithms;
  };
  const digests = table({ __proto__: null, 'SHA-1': NONE, 'SHA-256': NONE, 'SHA-384': NONE, 'SHA-512': NONE });
  const signatures = table({
    __proto__: null,
    HMAC: NONE, 'RSASSA-PKCS1-v1_5': NONE, 'RSA-PSS': dictionary(required('saltLength', unsignedLong)), ECDSA: HASH,
    Ed25519: NONE, Ed448: dictionary(optional('context', source)),
  });
  const ciphers = table({
    __proto__: null,
    'RSA-OAEP': dictionary(optional('label', source)),
    'AES-CBC': dictionary(required('iv', source)),
    'AES-CTR': dictionary(required('counter', source), required('length', octet)),
    'AES-GCM': dictionary(optional('additionalData', source), required('iv', source), optional('tagLength', octet)),
  });
  const wrappers = table({ __proto__: null, 'AES-KW': NONE });
  const generators = table({
    __proto__: null,
    HMAC: HMAC_LENGTH, 'AES-CBC': AES_LENGTH, 'AES-CTR': AES_LENGTH, 'AES-GCM': AES_LENGTH, 'AES-KW': AES_LENGTH,
    'RSASSA-PKCS1-v1_5': RSA_KEY, 'RSA-PSS': RSA_KEY, 'RSA-OAEP': RSA_KEY, ECDSA: CURVE, ECDH: CURVE,
    Ed25519: NONE, Ed448: NONE, X25519: NONE, X448: NONE,
  });
  const importers = table({
    __proto__: null,
    HMAC: HMAC_LENGTH, 'AES-CBC': NONE, 'AES-CTR': NONE, 'AES-GCM': NONE, 'AES-KW': NONE,
    'RSASSA-PKCS1-v1_5': HASH, 'RSA-PSS': HASH, 'RSA-OAEP': HASH, ECDSA: CURVE, ECDH: CURVE,
    Ed25519: NONE, Ed448: NONE, X25519: NONE, X448: NONE, HKDF: NONE, PBKDF2: NONE,
  });
  const derivers = table({
    __proto__: null,
    ECDH: PEER, X25519: PEER, X448: PEER,
    HKDF: dictionary(required('hash', hash), required('info', source), required('salt', source)),
    PBKDF2: dictionary(required('hash', hash), required('iterations', unsignedLong), required('salt', source)),
  });
  const lengths = table({
    __proto__: null,
    HMAC: HMAC_LENGTH, 'AES-CBC': AES_LENGTH, 'AES-CTR': AES_LENGTH, 'AES-GCM': AES_LENGTH, 'AES-KW': AES_LENGTH,
    HKDF: NONE, PBKDF2: NONE,
  });

  const notSupported = (name) =>
    p.domException('The algorithm \'' + name + '\' is not supported for this operation.', 'NotSupportedError');
  // Names are compared without regard to the case of ASCII letters; no other letter may become one of those.
  const find = (algorithms, name) => {
    if (name.length > 17) return undefined;
    for (let i = 0; i < name.length; i++) if (call(p.StringPrototypeCharCodeAt, name, i) > 127) return undefined;
    return algorithms[upper(name)];
  };

  // §18.4.4: what the host is to know of an algorithm. `others` are the algorithms to look among next.
  const normalize = (algorithm, algorithms, where, others) => {
    const given = isObject(algorithm);
    let name = algorithm;
    if (given) {
      name = algorithm.name;
      if (name === undefined) throw typeError(where, 'Algorithm: name: Missing or not a string.');
      name = ToString(name);
    } else {
      name = ToString(name);
    }
    let found = find(algorithms, name);
    if (found === undefined && others !== undefined) found = find(others, name);
    if (found === undefined) throw notSupported(name);
    const { members } = found;
    const normalized = { __proto__: null, name: found.name };
    for (let i = 0; i < members.length; i++) {
      const member = members[i];
      const value = given ? algorithm[member.name] : undefined;
      if (value !== undefined) normalized[member.name] = member.convert(value, where);
      else if (member.required) throw typeError(where, found.name + ': ' + member.name + ': required member is undefined.');
    }
    return normalized;
  };

  const usageBits = (v, where) => {
    const all = idl.sequence(v, (usage) => idl.enumeration(usage, usageNames, where), where);
    let bits = 0;
    for (let i = 0; i < all.length; i++) for (let j = 0; j < 8; j++) if (usageNames[j] === all[i]) bits |= 1 << j;
    return bits;
  };

  // JsonWebKey: its members in the order that they are read.
  const jwkMembers = [
    'alg', 'crv', 'd', 'dp', 'dq', 'e', 'ext', 'k', 'key_ops', 'kty', 'n', 'oth', 'p', 'q', 'qi', 'use', 'x', 'y',
  ];
  const jsonWebKey = (v, where) => {
    const get = idl.dictionary(v, where);
    const jwk = { __proto__: null };
    for (let i = 0; i < jwkMembers.length; i++) {
      const name = jwkMembers[i];
      const value = get(name);
      if (value === undefined) continue;
      if (name === 'ext') jwk.ext = !!value;
      else if (name === 'key_ops') jwk.key_ops = idl.array(idl.sequence(value, ToString, where));
      else if (name === 'oth') jwk.oth = idl.sequence(value, idl.object, where).length >= 0;
      else jwk[name] = ToString(value);
    }
    return jwk;
  };

  const toBuffer = (bytes) => engine.viewInfo(bytes).buffer;
  const buffer = (promise) => engine.then(promise, toBuffer, undefined);
  const toKey = (made) => wrap(made);
  const key = (promise) => engine.then(promise, toKey, undefined);
  const toKeys = (made) =>
    (made.length === 2 ? { publicKey: wrap(made[0]), privateKey: wrap(made[1]) } : wrap(made));
  const toExported = (exported) => (engine.viewInfo(exported) === undefined ? exported : toBuffer(exported));

  // Large data is hashed by the piece, at once: a copy of it would take half as long as the hash.
  const PIECE = 1 << 18;
  const large = (data) => data !== undefined && idl.bufferSource(data).byteLength > PIECE;
  const digestInPieces = (name, data) => {
    const { buffer, byteOffset, byteLength } = idl.bufferSource(data);
    const id = host.__SubtleCrypto_digestBegin(name);
    for (let at = 0; at < byteLength; at += PIECE) {
      const size = byteLength - at < PIECE ? byteLength - at : PIECE;
      host.__SubtleCrypto_digestUpdate(id, engine.newView('Uint8Array', buffer, byteOffset + at, size));
    }
    return host.__SubtleCrypto_digestEnd(id);
  };

  // The methods, with the number of their required arguments. What one throws rejects its promise.
  const operations = {
    encrypt(algorithm, cryptoKeyOf, data) {
      const where = 'SubtleCrypto.encrypt';
      need(arguments.length, 3, where);
      algorithm = identifier(algorithm);
      const id = cryptoKey(cryptoKeyOf, where);
      data = source(data, where);
      return buffer(host.__SubtleCrypto_encrypt(normalize(algorithm, ciphers, where), id, data));
    },
    decrypt(algorithm, cryptoKeyOf, data) {
      const where = 'SubtleCrypto.decrypt';
      need(arguments.length, 3, where);
      algorithm = identifier(algorithm);
      const id = cryptoKey(cryptoKeyOf, where);
      data = source(data, where);
      return buffer(host.__SubtleCrypto_decrypt(normalize(algorithm, ciphers, where), id, data));
    },
    sign(algorithm, cryptoKeyOf, data) {
      const where = 'SubtleCrypto.sign';
      need(arguments.length, 3, where);
      algorithm = identifier(algorithm);
      const id = cryptoKey(cryptoKeyOf, where);
      data = source(data, where);
      return buffer(host.__SubtleCrypto_sign(normalize(algorithm, signatures, where), id, data));
    },
    verify(algorithm, cryptoKeyOf, signature, data) {
      const where = 'SubtleCrypto.verify';
      need(arguments.length, 4, where);
      algorithm = identifier(algorithm);
      const id = cryptoKey(cryptoKeyOf, where);
      signature = source(signature, where);
      data = source(data, where);
      return host.__SubtleCrypto_verify(normalize(algorithm, signatures, where), id, signature, data);
    },
    digest(algorithm, data) {
      const where = 'SubtleCrypto.digest';
      need(arguments.length, 2, where);
      algorithm = identifier(algorithm);
      data = source(data, where);
      const { name } = normalize(algorithm, digests, where);
      return buffer(large(data) ? digestInPieces(name, data) : host.__SubtleCrypto_digest(name, data));
    },
    generateKey(algorithm, extractable, keyUsages) {
      const where = 'SubtleCrypto.generateKey';
      need(arguments.length, 3, where);
      algorithm = identifier(algorithm);
      const usages = usageBits(keyUsages, where);
      const made = host.__SubtleCrypto_generateKey(normalize(algorithm, generators, where), !!extractable, usages);
      return engine.then(made, toKeys, undefined);
    },
    deriveKey(algorithm, baseKey, derivedKeyType, extractable, keyUsages) {
      const where = 'SubtleCrypto.deriveKey';
      need(arguments.length, 5, where);
      algorithm = identifier(algorithm);
      const id = cryptoKey(baseKey, where);
      derivedKeyType = identifier(derivedKeyType);
      const usages = usageBits(keyUsages, where);
      algorithm = normalize(algorithm, derivers, where);
      const derived = normalize(derivedKeyType, importers, where);
      const { length } = normalize(derivedKeyType, lengths, where);
      if (length !== undefined) derived.length = length;
      return key(host.__SubtleCrypto_deriveKey(algorithm, id, derived, !!extractable, usages));
    },
    deriveBits(algorithm, baseKey, length = undefined) {
      const where = 'SubtleCrypto.deriveBits';
      need(arguments.length, 2, where);
      algorithm = identifier(algorithm);
      const id = cryptoKey(baseKey, where);
      const bits = length === undefined || length === null ? undefined : idl.unsignedLong(length, where);
      return buffer(host.__SubtleCrypto_deriveBits(normalize(algorithm, derivers, where), id, bits));
    },
    importKey(format, keyData, algorithm, extractable, keyUsages) {
      const where = 'SubtleCrypto.importKey';
      need(arguments.length, 5, where);
      format = idl.enumeration(format, formats, where);
      const isBytes = engine.viewInfo(keyData) !== undefined || engine.bufferInfo(keyData) !== undefined;
      const data = isBytes ? source(keyData, where) : jsonWebKey(keyData, where);
      algorithm = identifier(algorithm);
      const usages = usageBits(keyUsages, where);
      algorithm = normalize(algorithm, importers, where);
      if (isBytes === (format === 'jwk')) {
        throw typeError(where, 'The key data is not what the format \'' + format + '\' needs.');
      }
      return key(host.__SubtleCrypto_importKey(format, algorithm, data, !!extractable, usages));
    },
    exportKey(format, cryptoKeyOf) {
      const where = 'SubtleCrypto.exportKey';
      need(arguments.length, 2, where);
      format = idl.enumeration(format, formats, where);
      const id = cryptoKey(cryptoKeyOf, where);
      return engine.then(host.__SubtleCrypto_exportKey(format, id), toExported, undefined);
    },
    wrapKey(format, cryptoKeyOf, wrappingKey, wrapAlgorithm) {
      const where = 'SubtleCrypto.wrapKey';
      need(arguments.length, 4, where);
      format = idl.enumeration(format, formats, where);
      const id = cryptoKey(cryptoKeyOf, where);
      const wrapping = cryptoKey(wrappingKey, where);
      const algorithm = normalize(identifier(wrapAlgorithm), wrappers, where, ciphers);
      return buffer(host.__SubtleCrypto_wrapKey(format, id, wrapping, algorithm));
    },
    unwrapKey(format, wrappedKey, unwrappingKey, unwrapAlgorithm, unwrappedKeyAlgorithm, extractable, keyUsages) {
      const where = 'SubtleCrypto.unwrapKey';
      need(arguments.length, 7, where);
      format = idl.enumeration(format, formats, where);
      const wrapped = source(wrappedKey, where);
      const id = cryptoKey(unwrappingKey, where);
      unwrapAlgorithm = identifier(unwrapAlgorithm);
      unwrappedKeyAlgorithm = identifier(unwrappedKeyAlgorithm);
      const usages = usageBits(keyUsages, where);
      const algorithm = normalize(unwrapAlgorithm, wrappers, where, ciphers);
      const unwrapped = normalize(unwrappedKeyAlgorithm, importers, where);
      return key(host.__SubtleCrypto_unwrapKey(format, wrapped, id, algorithm, unwrapped, !!extractable, usages));
    },
  };

  const brand = idl.slot();
  class SubtleCrypto {
    constructor() { throw new p.TypeError('Illegal constructor'); }
  }
  const attempt = (self, operation, args) => {
    try {
      brand.get(self);
      return p.ReflectApply(operation, undefined, args);
    } catch (e) {
      return engine.rejected(e);
    }
  };
  const methods = p.ReflectOwnKeys(operations);
  for (let i = 0; i < methods.length; i++) {
    const name = methods[i], operation = operations[name];
    const method = { [name](...args) { return attempt(this, operation, args); } }[name];
    p.ObjectDefineProperty(method, 'length', { __proto__: null, value: operation.length, configurable: true });
    p.hidden(SubtleCrypto.prototype, name, method);
  }
  idl.define(SubtleCrypto);

  const subtle = { __proto__: SubtleCrypto.prototype };
  brand.set(subtle, true);
  p.crypto.subtle = subtle;
  p.crypto.globals.CryptoKey = CryptoKey;
  p.crypto.globals.SubtleCrypto = SubtleCrypto;
})
