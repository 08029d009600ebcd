// A completion value as the text that a read-eval-print loop shows; of a promise, its value once it has one.
(function (host, p, engine) {
  'use strict';
  const { inspect } = host.__inspect();
  return {
    display(value) {
      const isPromise = typeof value === 'object' && value !== null && engine.classOf(value) === 'Promise';
      return isPromise ? p.call(p.PromisePrototypeThen, value, (v) => inspect(v)) : inspect(value);
    },
    displayInColor(value) {
      const show = (v) => inspect(v, { __proto__: null, colors: true });
      const isPromise = typeof value === 'object' && value !== null && engine.classOf(value) === 'Promise';
      return isPromise ? p.call(p.PromisePrototypeThen, value, show) : show(value);
    },
  };
})
