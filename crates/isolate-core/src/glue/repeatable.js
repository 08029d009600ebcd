// The wall clock and the randomness of the language, where the host gives them: Date, Intl.DateTimeFormat, Math.random.
//
// Runs before guest code, and instead of the engine's own where the host has the functions for it.
(function (host, p) {
  'use strict';
  const define = (object, name, value) =>
    p.ObjectDefineProperty(object, name, { __proto__: null, value, writable: true, enumerable: false, configurable: true });
  // A method: it cannot be constructed and has no prototype.
  const method = (object, name, methods) => define(object, name, methods[name]);

  const random = host.__random_numbers;
  if (random !== undefined) {
    let numbers, left = 0;
    method(Math, 'random', {
      random() {
        if (left === 0) {
          numbers = random();
          left = numbers.length;
        }
        return numbers[--left];
      },
    });
  }

  const now = host.__wall_now;
  if (now === undefined) return;
  const Native = Date;
  const prototype = Native.prototype;
  const toString = prototype.toString;
  const construct = p.ReflectConstruct;
  // https://tc39.es/ecma262/#sec-date-constructor
  const Wrapped = {
    Date: function (year, month, date, hours, minutes, seconds, ms) {
      if (new.target === undefined) return p.call(toString, new Native(now()));
      return construct(Native, arguments.length === 0 ? [now()] : arguments, new.target);
    },
  }.Date;
  p.ObjectDefineProperty(Wrapped, 'prototype', { __proto__: null, value: prototype, writable: false });
  method(Wrapped, 'now', { now() { return now(); } });
  define(Wrapped, 'parse', Native.parse);
  define(Wrapped, 'UTC', Native.UTC);
  define(prototype, 'constructor', Wrapped);
  define(p.globalThis, 'Date', Wrapped);

  // https://tc39.es/ecma402/#sec-datetime-format-functions: without a date it is the present that they format.
  if (typeof Intl === 'undefined' || Intl.DateTimeFormat === undefined) return;
  const formats = Intl.DateTimeFormat.prototype;
  const getFormat = p.ObjectGetOwnPropertyDescriptor(formats, 'format').get;
  const formatToParts = formats.formatToParts;
  const { WeakMapPrototypeGet: get, WeakMapPrototypeSet: set } = p;
  const bound = new p.WeakMap();
  p.ObjectDefineProperty(formats, 'format', {
    __proto__: null,
    get: p.ObjectGetOwnPropertyDescriptor({
      get format() {
        const native = p.call(getFormat, this);
        let format = p.call(get, bound, native);
        if (format === undefined) {
          format = (date) => native(date === undefined ? now() : date);
          define(format, 'name', '');
          p.call(set, bound, native, format);
        }
        return format;
      },
    }, 'format').get,
    set: undefined,
    enumerable: false,
    configurable: true,
  });
  method(formats, 'formatToParts', {
    formatToParts(date) { return p.call(formatToParts, this, date === undefined ? now() : date); },
  });
})
