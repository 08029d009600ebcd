// URL and URLSearchParams: https://url.spec.whatwg.org/
//
// A URL is one string that the host made: a table of its components, and then its href. Getters cut from it; what
// changes a URL asks the host for a new one.
(function (host, p, engine) {
  'use strict';
  const idl = p.use('idl');
  const { need, typeError, isObject, USVString, list } = idl;
  const { ToString } = p;
  const { part } = engine;
  const parse = host.__URL_parse;
  const string = (v) => (typeof v === 'string' ? v : ToString(v));

  // The parts of the packed string.
  const HREF = 0, PROTOCOL = 1, USERNAME = 2, PASSWORD = 3, HOST = 4, HOSTNAME = 5, PORT = 6, PATHNAME = 7, SEARCH = 8, HASH = 9;

  // Passed in place of a string when a packed one follows.
  const made = { __proto__: null };
  // The URLSearchParams of those whose searchParams somebody asked for. A field would cost every URL time.
  const params = idl.slot('URL');
  let packedOf, set, isURL;

  class URL {
    #packed;

    constructor(url, base = undefined) {
      if (url === made) {
        this.#packed = base;
        return;
      }
      const packed = parse(
        typeof url === 'string' ? url : ToString(url),
        base === undefined || typeof base === 'string' ? base : ToString(base),
      );
      if (packed === undefined) throw typeError('new URL', 'Invalid URL');
      this.#packed = packed;
    }

    static parse(url, base = undefined) {
      need(arguments.length, 1, 'URL.parse');
      const packed = parse(string(url), base === undefined ? undefined : string(base));
      return packed === undefined ? null : new URL(made, packed);
    }
    static canParse(url, base = undefined) {
      need(arguments.length, 1, 'URL.canParse');
      return host.__URL_canParse(string(url), base === undefined ? undefined : string(base));
    }
    // https://w3c.github.io/FileAPI/#url
    static createObjectURL(object) {
      need(arguments.length, 1, 'URL.createObjectURL');
      return p.use('blob').createObjectURL(object);
    }
    static revokeObjectURL(url) {
      need(arguments.length, 1, 'URL.revokeObjectURL');
      p.use('blob').revokeObjectURL(string(url));
    }

    get href() { return part(this.#packed, HREF); }
    set href(value) {
      this.#packed;
      const packed = parse(string(value), undefined);
      if (packed === undefined) throw typeError('URL.href', 'Invalid URL');
      this.#packed = packed;
      if (params.has(this)) setPairs(params.get(this), part(packed, SEARCH));
    }
    get origin() {
      const packed = this.#packed;
      const protocol = part(packed, PROTOCOL);
      switch (protocol) {
        case 'https:': case 'http:': case 'wss:': case 'ws:': case 'ftp:':
          return protocol + '//' + part(packed, HOST);
        case 'blob:':
          return host.__URL_origin(part(packed, HREF));
      }
      return 'null';
    }
    get protocol() { return part(this.#packed, PROTOCOL); }
    set protocol(value) { set(this, PROTOCOL, value); }
    get username() { return part(this.#packed, USERNAME); }
    set username(value) { set(this, USERNAME, value); }
    get password() { return part(this.#packed, PASSWORD); }
    set password(value) { set(this, PASSWORD, value); }
    get host() { return part(this.#packed, HOST); }
    set host(value) { set(this, HOST, value); }
    get hostname() { return part(this.#packed, HOSTNAME); }
    set hostname(value) { set(this, HOSTNAME, value); }
    get port() { return part(this.#packed, PORT); }
    set port(value) { set(this, PORT, value); }
    get pathname() { return part(this.#packed, PATHNAME); }
    set pathname(value) { set(this, PATHNAME, value); }
    get search() { return part(this.#packed, SEARCH); }
    set search(value) {
      this.#packed;
      value = string(value);
      set(this, SEARCH, value);
      // As it was given, not as the URL now has it.
      if (params.has(this)) setPairs(params.get(this), value);
    }
    get searchParams() {
      const packed = this.#packed;
      if (!params.has(this)) params.set(this, paramsOf(this, part(packed, SEARCH)));
      return params.get(this);
    }
    get hash() { return part(this.#packed, HASH); }
    set hash(value) { set(this, HASH, value); }
    toString() { return part(this.#packed, HREF); }
    toJSON() { return part(this.#packed, HREF); }

    static {
      isURL = (object) => isObject(object) && #packed in object;
      packedOf = (object) => object.#packed;
      set = (url, which, value) => {
        const href = part(url.#packed, HREF);
        const packed = host.__URL_set(href, which, string(value));
        if (packed !== undefined) url.#packed = packed;
      };
    }
  }
  idl.define(URL);

  let paramsOf, setPairs, pairsOf, hasPairs;
  // Pairs of a host's list of names and values in turn.
  const parseQuery = (query) => {
    const all = list();
    if (query === '' || query === '?') return all;
    const flat = host.__URLSearchParams_parse(query);
    for (let i = 0; i < flat.length; i += 2) all[i >> 1] = [flat[i], flat[i + 1]];
    return all;
  };
  const serialize = (all) => {
    if (all.length === 0) return '';
    let text = '', lengths = '';
    for (let i = 0; i < all.length; i++) {
      const name = all[i][0], value = all[i][1];
      text += name + value;
      lengths += name.length + ',' + value.length + ',';
    }
    return host.__URLSearchParams_serialize(text, lengths);
  };
  const pair = (v, where) => {
    const items = idl.sequence(v, USVString, where);
    if (items.length !== 2) throw typeError(where, 'Each query pair must be an iterable [name, value] tuple.');
    return [items[0], items[1]];
  };
  // The list is made anew when something is taken out of it. A bare `this.#all` checks that there is one.
  class URLSearchParams {
    #pairs;
    // The text that the pairs are still to be parsed from, if they are.
    #query;
    #url;
    get #all() { return (this.#pairs ??= parseQuery(this.#query)); }
    constructor(init = '') {
      if (init === made) return;
      const where = 'new URLSearchParams';
      if (isObject(init)) {
        const method = init[p.SymbolIterator];
        if (method !== undefined && method !== null) {
          if (typeof method !== 'function') throw typeError(where, 'The object must have a callable @@iterator property.');
          this.#pairs = idl.sequenceFrom(init, method, pair, where);
        } else {
          this.#pairs = idl.record(init, USVString, USVString, where);
        }
      } else {
        this.#query = string(init);
      }
    }
    get size() { return this.#all.length; }
    append(name, value) {
      const all = this.#all;
      need(arguments.length, 2, 'URLSearchParams.append');
      name = USVString(name);
      value = USVString(value);
      all[all.length] = [name, value];
      this.#update();
    }
    delete(name, value = undefined) {
      this.#all;
      need(arguments.length, 1, 'URLSearchParams.delete');
      name = USVString(name);
      if (value !== undefined) value = USVString(value);
      const kept = list();
      const all = this.#all;
      for (let i = 0; i < all.length; i++) {
        if (all[i][0] === name && (value === undefined || all[i][1] === value)) continue;
        kept[kept.length] = all[i];
      }
      this.#pairs = kept;
      this.#update();
    }
    get(name) {
      this.#all;
      need(arguments.length, 1, 'URLSearchParams.get');
      name = USVString(name);
      const all = this.#all;
      for (let i = 0; i < all.length; i++) if (all[i][0] === name) return all[i][1];
      return null;
    }
    getAll(name) {
      this.#all;
      need(arguments.length, 1, 'URLSearchParams.getAll');
      name = USVString(name);
      const found = list();
      const all = this.#all;
      for (let i = 0; i < all.length; i++) if (all[i][0] === name) found[found.length] = all[i][1];
      return idl.array(found);
    }
    has(name, value = undefined) {
      this.#all;
      need(arguments.length, 1, 'URLSearchParams.has');
      name = USVString(name);
      if (value !== undefined) value = USVString(value);
      const all = this.#all;
      for (let i = 0; i < all.length; i++) {
        if (all[i][0] === name && (value === undefined || all[i][1] === value)) return true;
      }
      return false;
    }
    set(name, value) {
      this.#all;
      need(arguments.length, 2, 'URLSearchParams.set');
      name = USVString(name);
      value = USVString(value);
      const kept = list();
      const all = this.#all;
      let found = false;
      for (let i = 0; i < all.length; i++) {
        if (all[i][0] !== name) kept[kept.length] = all[i];
        else if (!found) {
          kept[kept.length] = [name, value];
          found = true;
        }
      }
      if (!found) kept[kept.length] = [name, value];
      this.#pairs = kept;
      this.#update();
    }
    sort() {
      this.#pairs = idl.sortPairs(this.#all);
      this.#update();
    }
    toString() {
      if (this.#pairs !== undefined) return serialize(this.#pairs);
      const query = this.#query;
      return query === '' || query === '?' ? '' : host.__URLSearchParams_normalize(query);
    }

    #update() {
      if (this.#url !== undefined) set(this.#url, SEARCH, serialize(this.#all));
    }
    static {
      paramsOf = (url, query) => {
        const params = new URLSearchParams(made);
        params.#query = query;
        params.#url = url;
        return params;
      };
      setPairs = (params, query) => {
        params.#query = query;
        params.#pairs = undefined;
      };
      hasPairs = (params) => #pairs in params;
      pairsOf = (params) => {
        if (!isObject(params) || !(#pairs in params)) throw idl.illegal();
        return params.#all;
      };
    }
  }
  idl.define(URLSearchParams);
  idl.iterable(URLSearchParams, pairsOf);

  p.platform('URL', {
    __proto__: null,
    test: isURL,
    send: (url) => part(packedOf(url), HREF),
    receive: (packed) => new URL(made, packed),
  });

  // parse: a URL, or undefined; href and the rest of one are read by its own members.
  p.loaded = { __proto__: null, URL, URLSearchParams };
  p.exports = {
    __proto__: null, URL, URLSearchParams, isURL,
    hrefOf: (url) => part(packedOf(url), HREF),
    parseURL: (string, base) => {
      const packed = parse(string, base);
      return packed === undefined ? undefined : part(packed, HREF);
    },
    isSearchParams: (v) => isObject(v) && hasPairs(v),
    textOf: (params) => serialize(pairsOf(params)),
  };
})
