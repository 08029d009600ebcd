// Headers: https://fetch.spec.whatwg.org/#headers-class
(function (host, p, engine) {
  'use strict';
  const idl = p.use('idl');
  const { isObject, list, need, typeError } = idl;
  const { ToString } = p;

  // Names that were looked at before, as the host keeps them: lowercase. What is not a name is not among them.
  const names = { __proto__: null };
  let known = 0;
  const nameOf = (v, where) => {
    const s = typeof v === 'string' ? v : ToString(v);
    const before = names[s];
    if (before !== undefined) return before;
    const name = host.__Headers_name(s);
    if (name === undefined) throw typeError(where, '\'' + s + '\' is not a valid HTTP header field name.');
    if (known < 256 && s.length <= 64) {
      names[s] = name;
      known++;
    }
    return name;
  };
  // Without white space around it. The host answers for most values that they are as they should be.
  const valueOf = (v, where) => {
    const s = typeof v === 'string' ? v : ToString(v);
    const value = host.__Headers_value(s);
    if (value === true) return s;
    if (value === undefined) throw typeError(where, 'The header value contains invalid characters.');
    return value;
  };
  // https://fetch.spec.whatwg.org/#headers-class: { list of [name, value] records, immutable, sorted and combined }.
  const headersSlot = idl.slot();
  const newHeaders = (all, immutable) => {
    const headers = { __proto__: Headers.prototype };
    headersSlot.set(headers, { __proto__: null, list: all, immutable, sorted: undefined });
    return headers;
  };
  const listOf = (headers) => headersSlot.get(headers).list;
  const changed = (state) => { state.sorted = undefined; };
  const find = (all, name) => {
    for (let i = 0; i < all.length; i++) if (all[i][0] === name) return i;
    return -1;
  };
  // https://fetch.spec.whatwg.org/#concept-header-list-get: null without one.
  const get = (all, name) => {
    let value = null;
    for (let i = 0; i < all.length; i++) {
      if (all[i][0] === name) value = value === null ? all[i][1] : value + ', ' + all[i][1];
    }
    return value;
  };
  // https://fetch.spec.whatwg.org/#concept-header-list-sort-and-combine
  const sortedOf = (state) => {
    if (state.sorted !== undefined) return state.sorted;
    const copy = list();
    for (let i = 0; i < state.list.length; i++) copy[i] = state.list[i];
    const sorted = idl.sortPairs(copy);
    const combined = list();
    for (let i = 0; i < sorted.length; i++) {
      const name = sorted[i][0];
      if (name === 'set-cookie') {
        combined[combined.length] = sorted[i];
        continue;
      }
      let value = sorted[i][1];
      while (i + 1 < sorted.length && sorted[i + 1][0] === name) value += ', ' + sorted[++i][1];
      combined[combined.length] = [name, value];
    }
    return (state.sorted = combined);
  };
  const pairs = (headers) => sortedOf(headersSlot.get(headers));

  const requireMutable = (state) => {
    if (state.immutable) throw new p.TypeError('These headers are immutable.');
  };
  const pairOf = (v, where) => {
    const pair = idl.sequence(v, ToString, where);
    if (pair.length !== 2) throw typeError(where, 'Each header pair must have a name and a value.');
    return pair;
  };
  // https://fetch.spec.whatwg.org/#concept-headers-fill, into a list.
  const fill = (all, init, where) => {
    if (!isObject(init)) {
      throw typeError(where, 'The provided value is not of type \'(record<ByteString, ByteString> or sequence<sequence<ByteString>>)\'.');
    }
    const method = init[p.SymbolIterator];
    if (method !== undefined && method !== null) {
      if (typeof method !== 'function') throw typeError(where, 'The object must have a callable @@iterator property.');
      if (method === entries && headersSlot.has(init)) {
        const from = sortedOf(headersSlot.get(init));
        for (let i = 0; i < from.length; i++) all[all.length] = from[i];
        return;
      }
      // Everything is converted before any of it is looked at.
      const items = idl.sequenceFrom(init, method, pairOf, where);
      for (let i = 0; i < items.length; i++) {
        all[all.length] = [nameOf(items[i][0], where), valueOf(items[i][1], where)];
      }
      return;
    }
    const items = idl.record(init, byteKey, byteValue, where);
    for (let i = 0; i < items.length; i++) all[all.length] = [nameOf(items[i][0], where), valueOf(items[i][1], where)];
  };

  // Conversions to ByteString. What is a name or a value is found out when all is converted.
  const byteKey = (v, where) => {
    const s = ToString(v);
    return names[s] === undefined ? bytesOnly(s, where) : s;
  };
  const byteValue = (v, where) => {
    const s = ToString(v);
    return host.__Headers_value(s) === undefined ? bytesOnly(s, where) : s;
  };
  const bytesOnly = (s, where) => {
    if (!host.__Headers_isBytes(s)) throw typeError(where, 'The string contains a character that is not a byte.');
    return s;
  };

  class Headers {
    constructor(init = undefined) {
      const all = list();
      headersSlot.set(this, { __proto__: null, list: all, immutable: false, sorted: undefined });
      if (init !== undefined) fill(all, init, 'new Headers');
    }
    append(name, value) {
      const where = 'Headers.append';
      const state = headersSlot.get(this);
      need(arguments.length, 2, where);
      name = ToString(name);
      value = ToString(value);
      const pair = [nameOf(name, where), valueOf(value, where)];
      requireMutable(state);
      state.list[state.list.length] = pair;
      changed(state);
    }
    delete(name) {
      const state = headersSlot.get(this);
      need(arguments.length, 1, 'Headers.delete');
      name = nameOf(name, 'Headers.delete');
      requireMutable(state);
      if (find(state.list, name) < 0) return;
      const kept = list();
      for (let i = 0; i < state.list.length; i++) if (state.list[i][0] !== name) kept[kept.length] = state.list[i];
      state.list = kept;
      changed(state);
    }
    get(name) {
      const state = headersSlot.get(this);
      need(arguments.length, 1, 'Headers.get');
      return get(state.list, nameOf(name, 'Headers.get'));
    }
    getSetCookie() {
      const { list: all } = headersSlot.get(this);
      const found = list();
      for (let i = 0; i < all.length; i++) if (all[i][0] === 'set-cookie') found[found.length] = all[i][1];
      return idl.array(found);
    }
    has(name) {
      const state = headersSlot.get(this);
      need(arguments.length, 1, 'Headers.has');
      return find(state.list, nameOf(name, 'Headers.has')) >= 0;
    }
    set(name, value) {
      const where = 'Headers.set';
      const state = headersSlot.get(this);
      need(arguments.length, 2, where);
      name = ToString(name);
      value = ToString(value);
      name = nameOf(name, where);
      value = valueOf(value, where);
      requireMutable(state);
      const at = find(state.list, name);
      const kept = list();
      for (let i = 0; i < state.list.length; i++) {
        if (i === at) kept[kept.length] = [name, value];
        else if (state.list[i][0] !== name) kept[kept.length] = state.list[i];
      }
      if (at < 0) kept[kept.length] = [name, value];
      state.list = kept;
      changed(state);
    }
  }
  idl.define(Headers);
  idl.iterable(Headers, pairs);
  const { entries } = Headers.prototype;

  // As the host takes and gives them: name, value, name, value …
  const flatten = (all) => {
    const flat = list();
    for (let i = 0; i < all.length; i++) {
      flat[2 * i] = all[i][0];
      flat[2 * i + 1] = all[i][1];
    }
    return idl.array(flat);
  };
  const unflatten = (flat) => {
    const all = list();
    for (let i = 0; i < flat.length; i += 2) all[all.length] = [flat[i], flat[i + 1]];
    return all;
  };
  // Of a request or response: its list, and its object once somebody asks.
  const headerList = (state) => {
    if (state.headers !== undefined) return listOf(state.headers);
    if (state.list === undefined) {
      state.list = state.flat === undefined ? list() : unflatten(state.flat);
      state.flat = undefined;
    }
    return state.list;
  };
  const headersOf = (state) => {
    if (state.headers === undefined) {
      state.headers = newHeaders(headerList(state), state.immutable);
      state.list = undefined;
    }
    return state.headers;
  };
  const flatOf = (state) => state.flat ?? flatten(headerList(state));

  // What all glue of fetch shares; others add to it. `globals` are the values of globals, by name.
  p.fetch = {
    __proto__: null, headersSlot, nameOf, valueOf, fill, find, get, flatten, headerList, headersOf, flatOf,
    globals: { __proto__: null, Headers },
  };
})
