// Crypto: https://w3c.github.io/webcrypto/#crypto-interface
(function (host, p, engine) {
  'use strict';
  const idl = p.use('idl');
  const { need, typeError } = idl;

  const brand = idl.slot();

  // Random bytes that the host gave and nobody has had yet, from `at` on.
  const POOL = 4096;
  let pool, at = POOL;
  const fill = (buffer, offset, n) => {
    if (n > 256) {
      engine.copyBytes(buffer, offset, host.__Crypto_random(n), 0, n);
      return;
    }
    if (at + n > POOL) {
      pool = host.__Crypto_random(POOL);
      at = 0;
    }
    engine.copyBytes(buffer, offset, pool, at, n);
    at += n;
  };

  const UUIDS = 64;
  let uuids, left = 0;

  const integers = {
    __proto__: null,
    Int8Array: true, Uint8Array: true, Uint8ClampedArray: true, Int16Array: true, Uint16Array: true, Int32Array: true,
    Uint32Array: true, BigInt64Array: true, BigUint64Array: true,
  };

  class Crypto {
    constructor() { throw new p.TypeError('Illegal constructor'); }
    get subtle() {
      brand.get(this);
      if (p.crypto.subtle === undefined) host.__Crypto_subtle();
      return p.crypto.subtle;
    }
    getRandomValues(array) {
      const where = 'Crypto.getRandomValues';
      if (this !== crypto) brand.get(this);
      need(arguments.length, 1, where);
      const view = engine.viewInfo(array);
      if (view === undefined) throw typeError(where, 'parameter 1 is not of type \'ArrayBufferView\'.');
      const { buffer, byteLength, type } = view;
      const info = engine.bufferInfo(buffer);
      if (info.shared) throw typeError(where, 'The provided ArrayBufferView value must not be shared.');
      if (info.resizable) throw typeError(where, 'The provided ArrayBufferView value must not be resizable.');
      if (integers[type] !== true) {
        throw p.domException('The provided ArrayBufferView is of type \'' + type + '\', which is not an integer array type.',
          'TypeMismatchError');
      }
      if (byteLength > 65536) {
        throw p.domException('The ArrayBufferView\'s byte length (' + byteLength + ') exceeds the number of bytes of ' +
          'entropy available via this API (65536).', 'QuotaExceededError');
      }
      if (byteLength !== 0) fill(buffer, view.byteOffset, byteLength);
      return array;
    }
    randomUUID() {
      if (this !== crypto) brand.get(this);
      if (left === 0) {
        uuids = host.__Crypto_uuids(UUIDS);
        left = UUIDS;
      }
      return uuids[UUIDS - left--];
    }
  }
  idl.define(Crypto);

  const crypto = { __proto__: Crypto.prototype };
  brand.set(crypto, true);
  p.crypto = {
    __proto__: null, subtle: undefined,
    globals: { __proto__: null, crypto, Crypto, CryptoKey: undefined, SubtleCrypto: undefined },
  };
})
