// Web Crypto. Keys are made by the run that warms up.
const big = new Uint8Array(64 * MiB), small = new Uint8Array(64), iv = new Uint8Array(12), bytes = new Uint8Array(16);
const { subtle } = crypto;
let aes, pair, password, secret;
const sign = () => subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, pair.privateKey, small);

run(5, {
  digest: async () => (await subtle.digest('SHA-256', big)).byteLength,
  seal: async () => {
    aes ??= await subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']);
    return (await subtle.encrypt({ name: 'AES-GCM', iv }, aes, big)).byteLength;
  },
  sign: async () => {
    pair ??= await subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify']);
    let sum = 0;
    for (let i = 0; i < 1000; i++) sum += (await sign()).byteLength;
    return sum;
  },
  signAtOnce: async () => {
    const all = [];
    for (let i = 0; i < 1000; i++) all.push(sign());
    return (await Promise.all(all)).length;
  },
  random: () => {
    for (let i = 0; i < 10000; i++) crypto.getRandomValues(bytes);
    return 0;
  },
  uuid: () => {
    let sum = 0;
    for (let i = 0; i < 10000; i++) sum += crypto.randomUUID().length;
    return sum;
  },
  digests: async () => {
    let sum = 0;
    for (let i = 0; i < 5000; i++) sum += (await subtle.digest('SHA-256', small)).byteLength;
    return sum;
  },
  macs: async () => {
    secret ??= await subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
    let sum = 0;
    for (let i = 0; i < 5000; i++) sum += (await subtle.sign('HMAC', secret, small)).byteLength;
    return sum;
  },
  derive: async () => {
    password ??= await subtle.importKey('raw', small, 'PBKDF2', false, ['deriveBits']);
    const algorithm = { name: 'PBKDF2', hash: 'SHA-256', salt: bytes, iterations: 100000 };
    return (await subtle.deriveBits(algorithm, password, 256)).byteLength;
  },
});
