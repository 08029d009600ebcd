// console: https://console.spec.whatwg.org/
//
// Small, because it runs at the start of every runtime: state lives in the host, and formatting of anything but plain
// values is loaded at its first use.
(function (host, primordials) {
  'use strict';
  const { ReflectApply, ObjectDefineProperty, ObjectSetPrototypeOf, StringPrototypeIndexOf, call } = primordials;
  let loaded;

  function tools() {
    if (loaded === undefined) loaded = host.__inspect();
    return loaded;
  }

  // The printed text of a line.
  function print(args) {
    let text = '';
    const length = args.length;
    for (let i = 0; i < length; i++) {
      const value = args[i];
      if (i !== 0) text += ' ';
      switch (typeof value) {
        case 'string':
          if (i === 0 && length !== 1 && call(StringPrototypeIndexOf, value, '%') !== -1) {
            return tools().formatWithOptions(undefined, args);
          }
          text += value;
          break;
        case 'number':
          text += value === 0 && 1 / value < 0 ? '-0' : value;
          break;
        case 'boolean':
        case 'undefined':
          text += value;
          break;
        case 'bigint':
          text += value + 'n';
          break;
        default:
          if (value !== null) return tools().formatWithOptions(undefined, args);
          text += 'null';
      }
    }
    return text;
  }

  // fn(first, second, ...args), without the iterator that a spread would use.
  function send(fn, first, second, args) {
    if (args.length === 1) {
      fn(first, second, args[0]);
      return;
    }
    const all = ObjectSetPrototypeOf([first, second], null);
    for (let i = 0; i < args.length; i++) all[i + 2] = args[i];
    ReflectApply(fn, undefined, all);
  }

  // While a debugger is attached, it gets the values themselves, by the engine's own console.
  function mirror(method, args) {
    const console = primordials.debugConsole;
    if (console !== undefined) ReflectApply(console[method], console, args);
  }

  // An argument, or undefined: never what stands on Array.prototype.
  function argument(args, index) {
    return index < args.length ? args[index] : undefined;
  }

  function write(level, args) {
    mirror(level, args);
    send(host.__console_log, level, print(args), args);
  }

  const console = {
    __proto__: {},
    assert(condition = false, ...args) {
      if (condition) return;
      if (primordials.debugConsole !== undefined) {
        const all = ObjectSetPrototypeOf([false], null);
        for (let i = 0; i < args.length; i++) all[i + 1] = args[i];
        mirror('assert', all);
      }
      const list = ObjectSetPrototypeOf(['Assertion failed'], null);
      let next = 1;
      for (let i = 0; i < args.length; i++) {
        if (i === 0 && typeof args[0] === 'string') list[0] = 'Assertion failed: ' + args[0];
        else list[next++] = args[i];
      }
      const text = print(list);
      list[0] = text;
      for (let i = 0; i < args.length; i++) list[i + 1] = args[i];
      ReflectApply(host.__console_assert, undefined, list);
    },
    clear() {
      mirror('clear', []);
      host.__console_clear();
    },
    debug(...args) {
      write('debug', args);
    },
    error(...args) {
      write('error', args);
    },
    info(...args) {
      write('info', args);
    },
    log(...args) {
      write('log', args);
    },
    table(...args) {
      const text = tools().table(argument(args, 0), argument(args, 1));
      if (text === undefined) {
        write('log', args);
        return;
      }
      mirror('table', args);
      send(host.__console_log, 'table', text, args);
    },
    trace(...args) {
      const frames = tools().callers(new primordials.Error());
      mirror('trace', args);
      const text = args.length === 0 ? 'Trace' : 'Trace: ' + print(args);
      send(host.__console_log, 'trace', text + frames, args);
    },
    warn(...args) {
      write('warn', args);
    },
    dir(...args) {
      mirror('dir', args);
      send(host.__console_log, 'dir', tools().dir(argument(args, 0), argument(args, 1)), args);
    },
    dirxml(...args) {
      write('dirxml', args);
    },
    count(label = 'default') {
      label = primordials.ToString(label);
      mirror('count', [label]);
      host.__console_count(label);
    },
    countReset(label = 'default') {
      label = primordials.ToString(label);
      mirror('countReset', [label]);
      host.__console_countReset(label);
    },
    group(...args) {
      mirror('group', args);
      send(host.__console_group, print(args), false, args);
    },
    groupCollapsed(...args) {
      mirror('groupCollapsed', args);
      send(host.__console_group, print(args), true, args);
    },
    groupEnd() {
      mirror('groupEnd', []);
      host.__console_groupEnd();
    },
    time(label = 'default') {
      label = primordials.ToString(label);
      mirror('time', [label]);
      host.__console_time(label);
    },
    timeLog(label = 'default', ...args) {
      label = primordials.ToString(label);
      if (primordials.debugConsole !== undefined) {
        const all = ObjectSetPrototypeOf([label], null);
        for (let i = 0; i < args.length; i++) all[i + 1] = args[i];
        mirror('timeLog', all);
      }
      send(host.__console_timeLog, label, print(args), args);
    },
    timeEnd(label = 'default') {
      label = primordials.ToString(label);
      mirror('timeEnd', [label]);
      host.__console_timeEnd(label);
    },
  };

  ObjectDefineProperty(console, primordials.SymbolToStringTag, {
    __proto__: null,
    value: 'console',
    writable: false,
    enumerable: false,
    configurable: true,
  });
  primordials.loaded = { console };
})
