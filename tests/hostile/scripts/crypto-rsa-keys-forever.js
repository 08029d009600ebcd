// expect: deadline|memory
const algorithm = { name: 'RSA-PSS', modulusLength: 8192, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' };
for (;;) crypto.subtle.generateKey(algorithm, true, ['sign']).catch(() => {});
