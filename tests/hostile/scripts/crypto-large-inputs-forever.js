// expect: deadline|memory
// Each waits for its turn on another thread, with a copy of its input.
const key = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 128 }, false, ['encrypt']);
const data = new Uint8Array(1 << 20), iv = new Uint8Array(12);
for (;;) crypto.subtle.encrypt({ name: 'AES-GCM', iv }, key, data);
