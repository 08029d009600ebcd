// Runs after testharness.js: sends each result to the host, as a line of JSON.
(function (config) {
  'use strict';
  const report = globalThis.wptReport;
  delete globalThis.wptReport;

  // Taken now, since some tests patch what they find.
  const { stringify } = JSON;
  const { setTimeout, clearTimeout, String, Object, Promise } = globalThis;
  const call = Function.prototype.call;
  const charCodeAt = call.bind(String.prototype.charCodeAt);
  const slice = call.bind(String.prototype.slice);
  const then = call.bind(Promise.prototype.then);
  const nothing = Promise.resolve();

  // Unpaired surrogates have no place in a line of UTF-8, and names must stay different.
  const wellFormed = (text) => {
    let result = '', from = 0;
    for (let i = 0; i < text.length; i++) {
      const unit = charCodeAt(text, i);
      if (unit < 0xD800 || unit > 0xDFFF) continue;
      const next = i + 1 < text.length ? charCodeAt(text, i + 1) : 0;
      if (unit < 0xDC00 && next >= 0xDC00 && next <= 0xDFFF) {
        i++;
        continue;
      }
      result += slice(text, from, i) + 'U+' + unit.toString(16);
      from = i + 1;
    }
    return from === 0 ? text : result + slice(text, from);
  };
  const text = (value) => (value === null || value === undefined ? null : slice(wellFormed(String(value)), 0, 2000));

  const reported = [];
  const result = (test) => {
    // By index, which is the position from 1 on.
    if (reported[test.index]) return;
    Object.defineProperty(reported, test.index, { value: true });
    report(stringify({ __proto__: null, name: wellFormed(String(test.name)), status: test.status, message: text(test.message) }));
  };
  let started = false, loaded = false, timer;
  add_result_callback(result);
  add_completion_callback((tests, status) => {
    clearTimeout(timer);
    for (let i = 0; i < tests.length; i++) result(tests[i]);
    report(stringify({ __proto__: null, done: status.status, message: text(status.message) }));
  });
  add_start_callback(() => {
    started = true;
    // The test that begins is not in the list yet.
    if (loaded && !config.singleTest) then(nothing, () => done());
  });

  // The harness takes the first turn of the event loop for the end of loading, and scripts come one by one.
  setup({ explicit_done: true });
  timer = setTimeout(() => timeout(), config.timeout);

  // idlharness.js asks which interfaces this scope should have: those of a dedicated worker. testharness.js took it for
  // a shell, which is well, since a worker's results would go to a page.
  if (config.idl) {
    delete globalThis.Window;
    for (const name of ['WorkerGlobalScope', 'DedicatedWorkerGlobalScope']) {
      if (name in globalThis) continue;
      const scope = function () { throw new TypeError('Illegal constructor'); };
      Object.defineProperty(scope, Symbol.hasInstance, { value: (x) => x === globalThis });
      Object.defineProperty(globalThis, name, { value: scope, writable: true, enumerable: false, configurable: true });
    }
  }

  // Called when all scripts ran, or one could not.
  Object.defineProperty(globalThis, 'wptLoaded', {
    value: (failed) => {
      loaded = true;
      if (config.singleTest) {
        if (failed) timeout();
      } else if (failed || started) {
        done();
      }
    },
    writable: true, enumerable: false, configurable: true,
  });
})
