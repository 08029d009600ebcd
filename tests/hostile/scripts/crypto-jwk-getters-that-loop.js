// expect: deadline
const key = new Proxy({}, { get: () => new Proxy(() => {}, { get: (_, name) => (name === Symbol.toPrimitive ? () => { for (;;) ; } : undefined) }) });
crypto.subtle.importKey('jwk', key, 'AES-GCM', true, ['encrypt']);
