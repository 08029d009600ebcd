(async () => {
  const { subtle } = crypto;
  const data = crypto.getRandomValues(new Uint8Array(100)), iv = new Uint8Array(12);
  const aes = await subtle.generateKey({ name: 'AES-GCM', length: 256 }, true, ['encrypt', 'decrypt', 'wrapKey']);
  const open = await subtle.decrypt({ name: 'AES-GCM', iv }, aes, await subtle.encrypt({ name: 'AES-GCM', iv }, aes, data));
  const again = await subtle.importKey('jwk', await subtle.exportKey('jwk', aes), 'AES-GCM', true, ['wrapKey']);
  const { privateKey, publicKey } = await subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const ecdsa = { name: 'ECDSA', hash: 'SHA-256' };
  const valid = await subtle.verify(ecdsa, publicKey, await subtle.sign(ecdsa, privateKey, data), data);
  const wrapped = await subtle.wrapKey('pkcs8', privateKey, again, { name: 'AES-GCM', iv });
  const password = await subtle.importKey('raw', data, 'PBKDF2', false, ['deriveBits']);
  // On another thread.
  const bits = await subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-1', salt: data, iterations: 2000 }, password, 160);
  const digest = await subtle.digest('SHA-512', new Uint8Array(1 << 19));
  const name = await subtle.importKey('spki', data, ecdsa, true, []).catch((e) => e.name);
  structuredClone(aes);
  if (open.byteLength !== 100 || !valid || wrapped.byteLength < 100 || bits.byteLength !== 20 || digest.byteLength !== 64) throw new Error('wrong');
  if (name !== 'TypeError' || crypto.randomUUID().length !== 36 || aes.usages.length !== 3) throw new Error('wrong: ' + name);
  return 'done';
})();
