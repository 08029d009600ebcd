// Runs first, in every engine alike: what a test finds around it. The guest has no address, no server and no page.
(function (config) {
  'use strict';
  const define = (name, value) =>
    Object.defineProperty(globalThis, name, { value, writable: true, enumerable: false, configurable: true });

  // Node 20 has none.
  if (typeof self === 'undefined') define('self', globalThis);

  // That of a local file: its origin is opaque, as a guest's is. Tests read their variant from it.
  const { path, search, hash } = config;
  define('location', {
    href: 'file:///' + path + search + hash,
    protocol: 'file:', host: '', hostname: '', port: '', origin: 'null',
    pathname: '/' + path, search, hash,
    toString() { return this.href; },
  });
  define('GLOBAL', { isWindow: () => false, isWorker: () => true, isShadowRealm: () => false });
  if (config.title !== null) define('META_TITLE', config.title);

  // The scripts that a worker's test names are loaded before it.
  if (config.worker) define('importScripts', () => {});

  // /common/sab.js takes the constructor of shared memory from a WebAssembly memory.
  if (config.sharedMemory && typeof WebAssembly === 'undefined' && typeof SharedArrayBuffer === 'function') {
    define('WebAssembly', { Memory: function () { this.buffer = new SharedArrayBuffer(0); } });
  }

  // Files of the checkout that the test fetches. Only tests that fetch some have this.
  if (config.files !== null) {
    const { files } = config;
    define('fetch', (address) => new Promise((resolve, reject) => {
      if (!Object.hasOwn(files, address)) return reject(new TypeError('not among the embedded files: ' + address));
      const text = files[address];
      const bytes = () => Uint8Array.from(unescape(encodeURIComponent(text)), (c) => c.charCodeAt(0));
      resolve({
        ok: true,
        status: 200,
        text: () => Promise.resolve(text),
        json: () => new Promise((done) => done(JSON.parse(text))),
        arrayBuffer: () => new Promise((done) => done(bytes().buffer)),
      });
    }));
  }
})
