// expect: deadline
const key = await crypto.subtle.importKey('raw', new Uint8Array(8), 'PBKDF2', false, ['deriveBits']);
const algorithm = { name: 'PBKDF2', hash: 'SHA-512', salt: new Uint8Array(8), iterations: 9999999 };
for (;;) await crypto.subtle.deriveBits(algorithm, key, 512);
