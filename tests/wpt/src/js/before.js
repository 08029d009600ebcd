// Runs first, in every engine alike: what a test finds around it. The guest has no address, no server and no page.
(function (config) {
  'use strict';
  const define = (name, value) =>
    Object.defineProperty(globalThis, name, { value, writable: true, enumerable: false, configurable: true });

  // Node 20 has none.
  if (typeof self === 'undefined') define('self', globalThis);

  // That of a local file: its origin is opaque, as a guest's is. Tests read their variant from it.
  const { path, search, hash, origin } = config;
  if (origin === null) {
    define('location', {
      href: 'file:///' + path + search + hash,
      protocol: 'file:', host: '', hostname: '', port: '', origin: 'null',
      pathname: '/' + path, search, hash,
      toString() { return this.href; },
    });
  } else {
    // With the tests' own server, addresses are relative to where the test is. No engine knows, so what takes an address
    // is wrapped, in all of them.
    const url = new URL('/' + path + search + hash, origin);
    define('location', {
      href: url.href, protocol: url.protocol, host: url.host, hostname: url.hostname, port: url.port, origin: url.origin,
      pathname: url.pathname, search, hash,
      toString() { return this.href; },
    });
    const { fetch, Request, URL: Url } = globalThis;
    const absolute = (address) => {
      if (address instanceof Request) return address;
      try { return new Url(address, url).href; } catch { return address; }
    };
    const first = (args) => (args.length === 0 ? args : [absolute(args[0]), ...args.slice(1)]);
    define('fetch', new Proxy(fetch, { apply: (target, self, args) => Reflect.apply(target, undefined, first(args)) }));
    for (const name of ['Request', 'EventSource', 'WebSocket']) {
      if (typeof globalThis[name] !== 'function') continue;
      define(name, new Proxy(globalThis[name], { construct: (target, args, self) => Reflect.construct(target, first(args), self) }));
    }
    const { redirect } = Response;
    Response.redirect = new Proxy(redirect, { apply: (target, self, args) => Reflect.apply(target, self, first(args)) });
  }
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
