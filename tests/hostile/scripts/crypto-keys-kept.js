// expect: deadline|memory
const keys = [];
for (;;) keys.push(await crypto.subtle.importKey('raw', new Uint8Array(1 << 18), { name: 'HMAC', hash: 'SHA-1' }, true, ['sign']));
