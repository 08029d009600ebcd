// URLPattern: https://urlpattern.spec.whatwg.org/
//
// The host compiles a pattern to one regular expression for each component of a URL, and takes apart what is to be
// matched. The engine's own regular expressions do the matching.
(function (host, p) {
  'use strict';
  const idl = p.use('idl');
  const { isObject, typeError, USVString } = idl;
  const { call } = p;

  const COMPONENTS = ['protocol', 'username', 'password', 'hostname', 'port', 'pathname', 'search', 'hash'];
  // The members of URLPatternInit in the order that they are read.
  const MEMBERS = ['baseURL', 'hash', 'hostname', 'password', 'pathname', 'port', 'protocol', 'search', 'username'];

  const own = (object, key, value) =>
    p.ObjectDefineProperty(object, key, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
  // (USVString or URLPatternInit): a string, or an ordinary object with the members that are present.
  const convertInput = (v, where) => {
    if (v !== undefined && v !== null && !isObject(v)) return USVString(v);
    const get = idl.dictionary(v, where);
    const init = {};
    for (let i = 0; i < MEMBERS.length; i++) {
      const value = get(MEMBERS[i]);
      if (value !== undefined) own(init, MEMBERS[i], USVString(value));
    }
    return init;
  };
  // For the host: a string, or a list of the members.
  const forHost = (input) => {
    if (typeof input === 'string') return input;
    const values = idl.list();
    for (let i = 0; i < MEMBERS.length; i++) {
      const member = p.ObjectGetOwnPropertyDescriptor(input, MEMBERS[i]);
      values[i] = member === undefined ? undefined : member.value;
    }
    return values;
  };

  class URLPattern {
    #hasRegExpGroups;
    // Of each component a record: pattern, source and names of the groups, and the expression once it is needed.
    #components;

    constructor(input = undefined, second = undefined, third = undefined) {
      const where = 'new URLPattern';
      // Two overloads: (input, baseURL, options?) and (input?, options?).
      const withBase = arguments.length > 2 || (second !== undefined && second !== null && !isObject(second));
      input = convertInput(input, where);
      const baseURL = withBase ? USVString(second) : undefined;
      const ignoreCase = !!idl.dictionary(withBase ? third : second, where)('ignoreCase');
      const made = host.__URLPattern_parse(forHost(input), baseURL, ignoreCase);
      this.#hasRegExpGroups = made[0];
      const components = this.#components = { __proto__: null };
      for (let i = 0; i < COMPONENTS.length; i++) {
        const component = components[COMPONENTS[i]] = {
          __proto__: null, pattern: made[3 * i + 1], source: made[3 * i + 2], names: made[3 * i + 3],
          // Scheme and host have no case, and the standard leaves credentials alone.
          ignoreCase: ignoreCase && i >= 5,
          expression: undefined,
        };
        // Only what the guest wrote itself can be wrong.
        if (made[0]) compile(component);
      }
    }
    get protocol() { return this.#components.protocol.pattern; }
    get username() { return this.#components.username.pattern; }
    get password() { return this.#components.password.pattern; }
    get hostname() { return this.#components.hostname.pattern; }
    get port() { return this.#components.port.pattern; }
    get pathname() { return this.#components.pathname.pattern; }
    get search() { return this.#components.search.pattern; }
    get hash() { return this.#components.hash.pattern; }
    get hasRegExpGroups() { return this.#hasRegExpGroups; }
    test(input = undefined, baseURL = undefined) {
      const components = this.#components;
      input = convertInput(input, 'URLPattern.test');
      if (baseURL !== undefined) baseURL = USVString(baseURL);
      const parts = host.__URLPattern_input(forHost(input), baseURL);
      if (parts === undefined) return false;
      for (let i = 0; i < COMPONENTS.length; i++) {
        if (match(components[COMPONENTS[i]], parts[i]) === null) return false;
      }
      return true;
    }
    exec(input = undefined, baseURL = undefined) {
      const components = this.#components;
      input = convertInput(input, 'URLPattern.exec');
      if (baseURL !== undefined) baseURL = USVString(baseURL);
      const parts = host.__URLPattern_input(forHost(input), baseURL);
      if (parts === undefined) return null;
      const result = {};
      own(result, 'inputs', baseURL === undefined ? [input] : [input, baseURL]);
      for (let i = 0; i < COMPONENTS.length; i++) {
        const component = components[COMPONENTS[i]];
        const found = match(component, parts[i]);
        if (found === null) return null;
        const groups = {};
        for (let j = 0; j < component.names.length; j++) own(groups, component.names[j], found[j + 1]);
        own(result, COMPONENTS[i], { input: parts[i], groups });
      }
      return result;
    }
  }
  idl.define(URLPattern);

  // The standard's flag is v. QuickJS-NG takes some characters outside of classes for an error there (-, ::, /), which are
  // none with u.
  const compile = (component) => {
    if (component.expression !== undefined) return component.expression;
    const { source, ignoreCase } = component;
    try {
      return (component.expression = new p.RegExp(source, ignoreCase ? 'vi' : 'v'));
    } catch { /* once more */ }
    try {
      return (component.expression = new p.RegExp(source, ignoreCase ? 'ui' : 'u'));
    } catch {
      throw typeError('new URLPattern', 'Invalid regular expression in \'' + component.pattern + '\'.');
    }
  };
  const match = (component, text) => call(p.RegExpPrototypeExec, compile(component), text);

  p.loaded = { __proto__: null, URLPattern };
  p.exports = { __proto__: null, URLPattern };
})
