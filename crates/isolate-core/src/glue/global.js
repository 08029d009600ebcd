// What the global scope has of its own: https://html.spec.whatwg.org/multipage/webappapis.html
(function (host, p, engine) {
  'use strict';
  // `self` hands out the global object.
  engine.defineGlobals();
  const idl = p.use('idl');
  const { globalThis } = p;

  const navigators = idl.slot();
  class Navigator {
    constructor() { throw new p.TypeError('Illegal constructor'); }
    get userAgent() { return navigators.get(this); }
  }
  idl.define(Navigator);
  const navigator = { __proto__: Navigator.prototype };
  navigators.set(navigator, host.__global_userAgent());
  // For other APIs, which add attributes: the interface, and what throws for an object that is no Navigator.
  p.navigator = { __proto__: null, Navigator, check: navigators.get };
  host.__global_extend();

  let settled;
  const scope = {
    queueMicrotask(callback) {
      idl.need(arguments.length, 1, 'queueMicrotask');
      idl.callback(callback, 'queueMicrotask');
      settled ??= engine.resolved(undefined);
      engine.then(settled, () => {
        try { callback(); } catch (e) { p.reportException(e); }
      }, undefined);
    },
    reportError(e) {
      idl.need(arguments.length, 1, 'reportError');
      p.reportException(e);
    },
  };
  p.exports = { __proto__: null, navigator, queueMicrotask: scope.queueMicrotask };
  p.loaded = {
    Navigator, navigator, queueMicrotask: scope.queueMicrotask, reportError: scope.reportError, self: globalThis,
  };
})
