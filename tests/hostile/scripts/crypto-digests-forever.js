// expect: deadline|memory
const data = new Uint8Array(64);
for (;;) crypto.subtle.digest('SHA-512', data);
