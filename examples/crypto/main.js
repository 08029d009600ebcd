// A sealed and signed message, and a password that is checked: Web Crypto as browsers have it.
const { subtle } = crypto;
const bytes = (text) => new TextEncoder().encode(text), text = (data) => new TextDecoder().decode(data);
const hex = (data) => Array.from(new Uint8Array(data), (b) => b.toString(16).padStart(2, '0')).join('');

console.log('digest', hex(await subtle.digest('SHA-256', bytes('Grüße'))));

// Two parties agree on a key, and one sends the other a message.
const pair = () => subtle.generateKey({ name: 'X25519' }, false, ['deriveKey']);
const ada = await pair(), bob = await pair();
const shared = (own, other) => subtle.deriveKey(
  { name: 'X25519', public: other.publicKey }, own.privateKey, { name: 'AES-GCM', length: 256 }, false,
  ['encrypt', 'decrypt']);
const iv = crypto.getRandomValues(new Uint8Array(12));
const sealed = await subtle.encrypt({ name: 'AES-GCM', iv }, await shared(ada, bob), bytes('meet me at noon'));
const opened = await subtle.decrypt({ name: 'AES-GCM', iv }, await shared(bob, ada), sealed);
console.log(sealed.byteLength, 'bytes sealed, opened:', text(opened));

const signer = await subtle.generateKey({ name: 'Ed25519' }, true, ['sign', 'verify']);
const signature = await subtle.sign('Ed25519', signer.privateKey, sealed);
console.log('signature valid:', await subtle.verify('Ed25519', signer.publicKey, signature, sealed));
const { kty, crv } = await subtle.exportKey('jwk', signer.publicKey);
console.log('public key:', { kty, crv });

const derive = async (password) => {
  const key = await subtle.importKey('raw', bytes(password), 'PBKDF2', false, ['deriveBits']);
  const algorithm = { name: 'PBKDF2', hash: 'SHA-512', salt: bytes('a salt'), iterations: 100_000 };
  return hex(await subtle.deriveBits(algorithm, key, 256));
};
const [stored, right, wrong] = await Promise.all([derive('tea'), derive('tea'), derive('coffee')]);
console.log('right password:', stored === right, '- wrong one:', stored === wrong);

console.log('the key itself:', JSON.stringify(ada.privateKey), ada.privateKey.usages);
try {
  await subtle.exportKey('pkcs8', ada.privateKey);
} catch (e) {
  console.log(e.name);
}
console.log('an id:', crypto.randomUUID().length, 'characters');
