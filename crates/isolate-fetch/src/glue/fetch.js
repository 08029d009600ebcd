// Headers, bodies, Request, Response and fetch: https://fetch.spec.whatwg.org/
//
// The guest's objects are records of what the standard says; bytes stay where they came from until somebody asks for
// them. A body that nobody looks at as a stream never becomes one, and one of the host goes back to the host as it came.
(function (host, p, engine) {
  'use strict';
  const idl = p.use('idl');
  const { isObject, list, need, typeError, USVString } = idl;
  const { call, ToString } = p;
  const { react, resolved, rejected, newPromise, markHandled } = engine;
  const abort = p.use('abort');

  // ---- headers: https://fetch.spec.whatwg.org/#headers-class ----

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
  const mergeSort = (all) => {
    const { length } = all;
    let from = all, to = list();
    for (let i = 0; i < length; i++) to[i] = undefined;
    for (let width = 1; width < length; width *= 2) {
      for (let start = 0; start < length; start += 2 * width) {
        const middle = start + width < length ? start + width : length;
        const end = start + 2 * width < length ? start + 2 * width : length;
        let a = start, b = middle;
        for (let i = start; i < end; i++) {
          if (a < middle && (b >= end || !(from[b][0] < from[a][0]))) to[i] = from[a++];
          else to[i] = from[b++];
        }
      }
      const other = from;
      from = to;
      to = other;
    }
    return from;
  };
  // https://fetch.spec.whatwg.org/#concept-header-list-sort-and-combine
  const sortedOf = (state) => {
    if (state.sorted !== undefined) return state.sorted;
    const copy = list();
    for (let i = 0; i < state.list.length; i++) copy[i] = state.list[i];
    const sorted = mergeSort(copy);
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

  // ---- bodies: https://fetch.spec.whatwg.org/#bodies ----

  // Where the bytes of a body are: a string, a Uint8Array that only glue has, the record of a Blob, or a stream.
  const TEXT = 0, BYTES = 1, BLOB = 2, STREAM = 3;
  // Whoever reads the source itself sets `used`; else its stream says so.
  const newBody = (kind, source) => ({
    __proto__: null, kind, source, used: false,
    // The record of the stream, once there is one. An error that it was aborted with before that.
    stream: kind === STREAM ? source : undefined, failed: false, error: undefined,
  });

  const streamClasses = () => p.use('streams');
  const copied = (v, where) => {
    const { buffer, byteOffset, byteLength } = idl.bufferSource(v, where);
    const copy = new p.Uint8Array(byteLength);
    if (byteLength !== 0) engine.copyBytes(copy, 0, buffer, byteOffset, byteLength);
    return copy;
  };
  const lengthOf = (bytes) => engine.viewInfo(bytes).byteLength;

  // https://fetch.spec.whatwg.org/#concept-bodyinit-extract: [body, type or null].
  const extract = (v, keepalive, where) => {
    if (isObject(v)) {
      if (engine.viewInfo(v) !== undefined || engine.bufferInfo(v) !== undefined) {
        return [newBody(BYTES, copied(v, where)), null];
      }
      if (streamClasses().streams.has(v)) {
        const stream = streamClasses().streams.get(v);
        if (keepalive) throw typeError(where, 'A stream cannot be the body of a request that is kept alive.');
        if (stream.disturbed || stream.reader !== undefined) {
          throw typeError(where, 'The ReadableStream is disturbed or locked.');
        }
        return [newBody(STREAM, stream), null];
      }
      const blob = p.use('blob');
      if (blob.isBlob(v)) {
        const bytes = blob.bytesOf(v);
        return [newBody(BLOB, bytes), bytes.type === '' ? null : bytes.type];
      }
      const url = p.use('url');
      if (url.isSearchParams(v)) {
        return [newBody(TEXT, url.textOf(v)), 'application/x-www-form-urlencoded;charset=UTF-8'];
      }
      if (p.fetch.formData !== undefined && p.fetch.formData.isFormData(v)) {
        const { bytes, type } = p.fetch.formData.encode(v);
        return [newBody(BLOB, bytes), type];
      }
    }
    return [newBody(TEXT, USVString(v)), 'text/plain;charset=UTF-8'];
  };

  // The stream of a body, for the guest or for a second branch.
  const streamOf = (body) => {
    if (body.stream !== undefined) return body.stream;
    const { streams, readableOfBytes } = streamClasses();
    let wrapper;
    if (body.kind === BLOB) {
      wrapper = p.use('blob').streamOf(body.source);
    } else {
      let bytes = body.source;
      wrapper = readableOfBytes(() => {
        const given = typeof bytes === 'string' ? engine.utf8Encode(bytes) : bytes;
        bytes = undefined;
        return given !== undefined && lengthOf(given) === 0 ? undefined : given;
      }, undefined);
    }
    const stream = body.stream = streams.get(wrapper);
    if (body.failed) {
      errorStream(stream, body.error);
    } else if (body.used) {
      // Its bytes were taken without it: it is what reading it to its end would have left.
      stream.disturbed = true;
      streamClasses().AcquireReadableStreamDefaultReader(stream);
      streamClasses().ReadableStreamClose(stream);
    }
    return stream;
  };
  const errorStream = (stream, e) => {
    if (stream.state !== streamClasses().READABLE) return;
    if (stream.controller.isByte) p.use('streams_byte').ReadableByteStreamControllerError(stream.controller, e);
    else streamClasses().ReadableStreamDefaultControllerError(stream.controller, e);
  };
  const isDisturbed = (body) => body !== undefined && (body.used || (body.stream !== undefined && body.stream.disturbed));
  const isLocked = (body) => body !== undefined && body.stream !== undefined && body.stream.reader !== undefined;
  const isUnusable = (body) => isDisturbed(body) || isLocked(body);

  // https://fetch.spec.whatwg.org/#concept-body-clone
  const cloneBody = (body) => {
    if (body === undefined) return undefined;
    if (body.stream === undefined) {
      const other = newBody(body.kind, body.source);
      return other;
    }
    const branches = p.use('streams_pipe').ReadableStreamTee(body.stream, true);
    const other = newBody(STREAM, branches.second);
    body.kind = STREAM;
    body.source = body.stream = branches.first;
    return other;
  };
  // Another body with the bytes of this one, which nobody can read any more.
  const moveBody = (body) => {
    if (body.stream === undefined) {
      const other = newBody(body.kind, body.source);
      body.used = true;
      return other;
    }
    // The standard's identity transform: what is read of the new stream is read of the old one.
    const reader = streamClasses().AcquireReadableStreamDefaultReader(body.stream);
    body.stream.disturbed = true;
    const wrapper = streamClasses().readableOfBytes(() => {
      const read = new Read();
      streamClasses().ReadableStreamDefaultReaderRead(reader, read);
      return read.promise();
    }, (reason) => streamClasses().ReadableStreamReaderGenericCancel(reader, reason));
    return newBody(STREAM, streamClasses().streams.get(wrapper));
  };
  // One read of bytes, as a promise: undefined at the end.
  class Read {
    capability = newPromise();
    chunkSteps(chunk) {
      const view = engine.viewInfo(chunk);
      if (view === undefined || view.type !== 'Uint8Array') this.errorSteps(notBytes());
      // Nothing is the end to who asked.
      else this.capability[1](copied(chunk));
    }
    closeSteps() { this.capability[1](undefined); }
    errorSteps(e) { this.capability[2](e); }
    promise() { return this.capability[0]; }
  }
  const notBytes = () => new p.TypeError('A chunk of a body must be a Uint8Array.');

  // Reads a stream of the guest to its end, then calls done(state, bytes) or fail(state, reason).
  class Collecting {
    reader; done; fail; state;
    bytes = undefined;
    room = 0;
    length = 0;
    reading = false;
    again = false;
    constructor(stream, done, fail, state) {
      this.reader = streamClasses().AcquireReadableStreamDefaultReader(stream);
      this.done = done;
      this.fail = fail;
      this.state = state;
      this.pump();
    }
    // A loop, since chunks that are there already come before the call returns.
    pump() {
      this.reading = true;
      do {
        this.again = false;
        streamClasses().ReadableStreamDefaultReaderRead(this.reader, this);
      } while (this.again);
      this.reading = false;
    }
    chunkSteps(chunk) {
      const view = engine.viewInfo(chunk);
      if (view === undefined || view.type !== 'Uint8Array') {
        const e = notBytes();
        markHandled(streamClasses().ReadableStreamCancel(this.reader.stream, e));
        this.fail(this.state, e);
        return;
      }
      const { byteLength } = view;
      if (byteLength !== 0) {
        const length = this.length + byteLength;
        if (length > this.room) {
          const room = length > 2 * this.room ? length : 2 * this.room;
          const larger = new p.Uint8Array(room);
          if (this.length !== 0) engine.copyBytes(larger, 0, this.bytes, 0, this.length);
          this.bytes = larger;
          this.room = room;
        }
        engine.copyBytes(this.bytes, this.length, view.buffer, view.byteOffset, byteLength);
        this.length = length;
      }
      if (this.reading) this.again = true;
      else this.pump();
    }
    closeSteps() {
      let { bytes } = this;
      if (bytes === undefined) bytes = new p.Uint8Array(0);
      else if (this.length !== this.room) {
        const exact = new p.Uint8Array(this.length);
        engine.copyBytes(exact, 0, bytes, 0, this.length);
        bytes = exact;
      }
      this.done(this.state, bytes);
    }
    errorSteps(e) { this.fail(this.state, e); }
  }

  // How a body is given to the guest: of text, of bytes, of a Blob's record; and of nothing.
  const decodeText = (bytes) => engine.utf8Decode(bytes, 0, lengthOf(bytes), false, false);
  // UTF-8 decode takes a byte order mark away.
  const plain = (s) => (call(p.StringPrototypeCharCodeAt, s, 0) === 0xfeff ? call(p.StringPrototypeSlice, s, 1) : s);
  const toText = (kind, source) =>
    (kind === TEXT ? plain(source) : kind === BYTES ? decodeText(source) : p.use('blob').textOf(source));
  const toBytes = (kind, source) => (kind === TEXT ? engine.utf8Encode(source)
    : kind === BYTES ? copied(source) : p.use('blob').read(source, 0, source.size));
  const how = {
    __proto__: null,
    text: (object, kind, source) => toText(kind, source),
    json: (object, kind, source) => p.JSONParse(toText(kind, source)),
    bytes: (object, kind, source) => toBytes(kind, source),
    arrayBuffer: (object, kind, source) => engine.viewInfo(toBytes(kind, source)).buffer,
    blob: (object, kind, source) => {
      const type = mimeType(object);
      const part = kind === BYTES ? { __proto__: null, id: 0, source } : source;
      const parts = list();
      parts[0] = part;
      return p.use('blob').makeBlob(parts, type ?? '');
    },
    // Gives a promise, if the host has to wait for bytes.
    formData: (object, kind, source) =>
      p.fetch.loadFormData().parse(mimeType(object), kind === BLOB ? p.use('blob').wrapBytes(source) : source),
  };
  // https://fetch.spec.whatwg.org/#concept-header-extract-mime-type, serialized; undefined on failure.
  const mimeType = (object) => {
    const value = get(headerList(stateOf(object)), 'content-type');
    return value === null ? undefined : host.__Mime_extract(value);
  };

  // One call of text() and its like: the object, the way, the promise.
  const consume = (object, state, way, where) => {
    const { body } = state;
    try {
      if (body === undefined) return resolved(how[way](object, BYTES, new p.Uint8Array(0)));
      if (isUnusable(body)) {
        throw typeError(where, isDisturbed(body) ? 'body stream already read' : 'body stream is locked');
      }
      if (body.failed) throw body.error;
      if (body.stream === undefined) {
        body.used = true;
        return resolved(how[way](object, body.kind, body.source));
      }
      const capability = newPromise();
      const job = { __proto__: null, object, way, resolve: capability[1], reject: capability[2], body };
      if (body.stream.origin !== undefined && body.stream.state === streamClasses().READABLE) {
        // The host has it, and reads it faster.
        const wrapper = streamClasses().wrapperOf(body.stream);
        if (way === 'formData') {
          idl.after(p.fetch.loadFormData().parse(mimeType(object), wrapper), parsed, collectFailed, job);
        } else idl.after(host.__Body_collect(wrapper, way === 'text' || way === 'json'), collected, collectFailed, job);
      } else {
        new Collecting(body.stream, collected, failCollecting, job);
      }
      return capability[0];
    } catch (e) {
      return rejected(e);
    }
  };
  const collected = (job, result) => {
    let value;
    try {
      value = how[job.way](job.object, typeof result === 'string' ? TEXT : BYTES, result);
    } catch (e) {
      job.reject(e);
      return;
    }
    const { stream } = job.body;
    if (stream !== undefined && stream.state === streamClasses().READABLE) streamClasses().ReadableStreamClose(stream);
    job.resolve(value);
  };
  const parsed = (job, form) => job.resolve(form);
  const failCollecting = (job, e) => job.reject(e);
  const collectFailed = (job, e) => {
    // Who aborted it says why.
    const { body } = job;
    job.reject(body.failed ? body.error : e);
  };

  // https://fetch.spec.whatwg.org/#body-mixin
  const stateOf = (object) => (responses.has(object) ? responses.get(object) : requests.get(object));
  const mixin = (Class, slot) => {
    const { name, prototype } = Class;
    const reader = (way) => ({
      [way]() {
        if (!slot.has(this)) return rejected(idl.illegal());
        return consume(this, slot.get(this), way, name + '.' + way);
      },
    })[way];
    const members = ['arrayBuffer', 'blob', 'bytes', 'formData', 'json', 'text'];
    for (let i = 0; i < members.length; i++) {
      p.ObjectDefineProperty(prototype, members[i],
        { __proto__: null, value: reader(members[i]), writable: true, enumerable: true, configurable: true });
    }
    const getters = {
      get body() {
        const { body } = slot.get(this);
        return body === undefined ? null : streamClasses().wrapperOf(streamOf(body));
      },
      get bodyUsed() { return isDisturbed(slot.get(this).body); },
    };
    p.accessor(prototype, 'body', p.ObjectGetOwnPropertyDescriptor(getters, 'body').get, undefined, true);
    p.accessor(prototype, 'bodyUsed', p.ObjectGetOwnPropertyDescriptor(getters, 'bodyUsed').get, undefined, true);
  };

  // What the host gets of a body: undefined, a string, bytes, a Blob, or a stream.
  const toHost = (body) => {
    if (body === undefined) return undefined;
    if (body.stream !== undefined) return streamClasses().wrapperOf(body.stream);
    body.used = true;
    return body.kind === BLOB ? p.use('blob').wrapBytes(body.source) : body.source;
  };
  // The other way round: undefined, bytes that only glue has, or the object of a stream.
  const fromHost = (given) => {
    if (given === undefined) return undefined;
    return engine.viewInfo(given) === undefined
      ? newBody(STREAM, streamClasses().streams.get(given)) : newBody(BYTES, given);
  };
  const failBody = (body, e) => {
    if (body === undefined || body.failed) return;
    body.failed = true;
    body.error = e;
    if (body.stream !== undefined) errorStream(body.stream, e);
  };

  // ---- requests: https://fetch.spec.whatwg.org/#request-class ----

  const requests = idl.slot();
  const caches = ['default', 'no-store', 'reload', 'no-cache', 'force-cache', 'only-if-cached'];
  const credentialModes = ['omit', 'same-origin', 'include'];
  const modes = ['same-origin', 'no-cors', 'cors', 'navigate'];
  const priorities = ['high', 'low', 'auto'];
  const redirects = ['follow', 'error', 'manual'];
  const policies = ['', 'no-referrer', 'no-referrer-when-downgrade', 'same-origin', 'origin', 'strict-origin',
    'origin-when-cross-origin', 'strict-origin-when-cross-origin', 'unsafe-url'];

  const newRequest = () => ({
    __proto__: null, method: 'GET', url: '', flat: undefined, list: undefined, headers: undefined, immutable: false,
    body: undefined, redirect: 'follow', cache: 'default', credentials: 'same-origin', mode: 'cors',
    referrer: 'about:client', referrerPolicy: '', integrity: '', keepalive: false,
    // The signal that it follows, and its own once somebody asks.
    follows: undefined, signal: undefined,
    // The number that the host knows it by, if it came from there, and that of the WebSocket that came of it.
    served: 0, upgraded: undefined,
  });
  const wrapRequest = (state) => {
    const request = { __proto__: Request.prototype };
    requests.set(request, state);
    return request;
  };
  const parseURL = (s, where) => {
    const href = p.use('url').parseURL(s, p.fetch.baseURL);
    if (href === undefined) throw typeError(where, 'Failed to parse URL from ' + s);
    if (host.__URL_credentials(href)) {
      throw typeError(where, 'Request cannot be constructed from a URL that includes credentials: ' + href);
    }
    return href;
  };
  const tokenMethod = (v, where) => {
    const s = ToString(v);
    if (s === 'GET' || s === 'POST' || s === 'PUT') return s;
    const method = host.__Request_method(s);
    if (method === 0) throw typeError(where, '\'' + s + '\' is not a valid HTTP method.');
    if (method === 1) throw typeError(where, '\'' + s + '\' HTTP method is unsupported.');
    return method;
  };

  // https://fetch.spec.whatwg.org/#dom-request, without an object.
  const makeRequest = (input, init, where) => {
    const request = newRequest();
    let from;
    if (isObject(input) && requests.has(input)) {
      from = requests.get(input);
      request.url = from.url;
      request.method = from.method;
      request.redirect = from.redirect;
      request.cache = from.cache;
      request.credentials = from.credentials;
      request.mode = from.mode;
      request.referrer = from.referrer;
      request.referrerPolicy = from.referrerPolicy;
      request.integrity = from.integrity;
      request.keepalive = from.keepalive;
    } else {
      request.url = parseURL(USVString(input), where);
    }
    let signal, hasSignal = false, headers, body, duplex;
    if (init !== undefined && init !== null) {
      if (!isObject(init)) throw typeError(where, 'The provided value is not of type \'RequestInit\'.');
      // Members are converted in the order of the alphabet.
      body = init.body;
      let v = init.cache;
      if (v !== undefined) request.cache = idl.enumeration(v, caches, where);
      v = init.credentials;
      if (v !== undefined) request.credentials = idl.enumeration(v, credentialModes, where);
      duplex = init.duplex;
      if (duplex !== undefined) idl.enumeration(duplex, ['half'], where);
      headers = init.headers;
      v = init.integrity;
      if (v !== undefined) request.integrity = ToString(v);
      v = init.keepalive;
      if (v !== undefined) request.keepalive = !!v;
      v = init.method;
      if (v !== undefined) request.method = tokenMethod(v, where);
      v = init.mode;
      if (v !== undefined) {
        request.mode = idl.enumeration(v, modes, where);
        if (request.mode === 'navigate') throw typeError(where, 'The mode \'navigate\' is not allowed.');
      }
      v = init.priority;
      if (v !== undefined) idl.enumeration(v, priorities, where);
      v = init.redirect;
      if (v !== undefined) request.redirect = idl.enumeration(v, redirects, where);
      v = init.referrer;
      if (v !== undefined) {
        const referrer = USVString(v);
        if (referrer === '') request.referrer = '';
        else {
          const href = p.use('url').parseURL(referrer, p.fetch.baseURL);
          if (href === undefined) throw typeError(where, 'Referrer \'' + referrer + '\' is not a valid URL.');
          request.referrer = href === 'about:client' ? href : href;
        }
      }
      v = init.referrerPolicy;
      if (v !== undefined) request.referrerPolicy = idl.enumeration(v, policies, where);
      signal = init.signal;
      if (signal !== undefined) {
        hasSignal = true;
        if (signal !== null && !abort.isSignal(signal)) {
          throw typeError(where, 'Failed to convert value to \'AbortSignal\'.');
        }
      }
      v = init.window;
      if (v !== undefined && v !== null) throw typeError(where, 'The member window can only be null.');
      if (request.cache === 'only-if-cached' && request.mode !== 'same-origin') {
        throw typeError(where, '\'only-if-cached\' can be set only with \'same-origin\' mode.');
      }
    }
    if (hasSignal) request.follows = signal === null ? undefined : signal;
    else if (from !== undefined) request.follows = signalIfAny(from);

    if (headers !== undefined) {
      request.list = list();
      fill(request.list, headers, where);
    } else if (from !== undefined) {
      const all = headerList(from);
      request.list = list();
      for (let i = 0; i < all.length; i++) request.list[i] = all[i];
    }
    const hasBody = body !== undefined && body !== null;
    const inputBody = from === undefined ? undefined : from.body;
    if ((hasBody || inputBody !== undefined) && (request.method === 'GET' || request.method === 'HEAD')) {
      throw typeError(where, 'Request with GET/HEAD method cannot have body.');
    }
    if (hasBody) {
      const extracted = extract(body, request.keepalive, where);
      request.body = extracted[0];
      if (extracted[1] !== null) {
        request.list ??= list();
        if (find(request.list, 'content-type') < 0) request.list[request.list.length] = ['content-type', extracted[1]];
      }
      if (extracted[0].kind === STREAM && duplex === undefined) {
        throw typeError(where, 'The `duplex` member must be specified for a request with a streaming body');
      }
    } else if (inputBody !== undefined) {
      if (isUnusable(inputBody)) {
        throw typeError(where, 'Cannot construct a Request with a Request object that has already been used.');
      }
      request.body = moveBody(inputBody);
    }
    return request;
  };

  const signalOf = (state) => {
    if (state.signal !== undefined) return state.signal;
    const follow = list();
    if (state.follows !== undefined) follow[0] = state.follows;
    // Of one that the host sent: the host aborts it.
    const signal = state.signal = state.served === 0 ? abort.createDependent(follow) : abort.create();
    if (state.served !== 0) p.fetch.track(state);
    return signal;
  };
  // What follows a request need not follow anything if the request does not.
  const signalIfAny = (state) =>
    (state.signal === undefined && state.follows === undefined && state.served === 0 ? undefined : signalOf(state));

  class Request {
    constructor(input, init = undefined) {
      need(arguments.length, 1, 'new Request');
      requests.set(this, makeRequest(input, init, 'new Request'));
    }
    get method() { return requests.get(this).method; }
    get url() { return requests.get(this).url; }
    get headers() { return headersOf(requests.get(this)); }
    get destination() { return requests.get(this), ''; }
    get referrer() { return requests.get(this).referrer; }
    get referrerPolicy() { return requests.get(this).referrerPolicy; }
    get mode() { return requests.get(this).mode; }
    get credentials() { return requests.get(this).credentials; }
    get cache() { return requests.get(this).cache; }
    get redirect() { return requests.get(this).redirect; }
    get integrity() { return requests.get(this).integrity; }
    get keepalive() { return requests.get(this).keepalive; }
    get isReloadNavigation() { return requests.get(this), false; }
    get isHistoryNavigation() { return requests.get(this), false; }
    get signal() { return signalOf(requests.get(this)); }
    get duplex() { return requests.get(this), 'half'; }
    clone() {
      const from = requests.get(this);
      if (isUnusable(from.body)) throw typeError('Request.clone', 'Request body is already used');
      const state = newRequest();
      const { url, method, redirect, cache, credentials, mode, referrer, referrerPolicy, integrity, keepalive } = from;
      state.url = url;
      state.method = method;
      state.redirect = redirect;
      state.cache = cache;
      state.credentials = credentials;
      state.mode = mode;
      state.referrer = referrer;
      state.referrerPolicy = referrerPolicy;
      state.integrity = integrity;
      state.keepalive = keepalive;
      const all = headerList(from);
      state.list = list();
      for (let i = 0; i < all.length; i++) state.list[i] = all[i];
      state.immutable = from.immutable;
      state.body = cloneBody(from.body);
      state.follows = signalIfAny(from);
      return wrapRequest(state);
    }
  }
  mixin(Request, requests);
  idl.define(Request);

  // ---- responses: https://fetch.spec.whatwg.org/#response-class ----

  const responses = idl.slot();
  const newResponse = () => ({
    __proto__: null, type: 'default', url: '', redirected: false, status: 200, statusText: '',
    flat: undefined, list: undefined, headers: undefined, immutable: false, body: undefined,
  });
  const wrapResponse = (state) => {
    const response = { __proto__: Response.prototype };
    responses.set(response, state);
    return response;
  };
  const isNullBodyStatus = (status) => status === 101 || status === 103 || status === 204 || status === 205 || status === 304;
  const isRedirectStatus = (status) => status === 301 || status === 302 || status === 303 || status === 307 || status === 308;

  // https://fetch.spec.whatwg.org/#initialize-a-response
  const initialize = (state, init, body, type, where) => {
    if (init !== undefined && init !== null) {
      if (!isObject(init)) throw typeError(where, 'The provided value is not of type \'ResponseInit\'.');
      const { headers } = init;
      let status = init.status;
      if (status !== undefined) status = idl.unsignedShort(status, where);
      let { statusText } = init;
      if (statusText !== undefined) {
        statusText = idl.ByteString(statusText, where);
        if (statusText !== '' && !host.__Response_reason(statusText)) throw typeError(where, 'Invalid statusText');
        state.statusText = statusText;
      }
      if (status !== undefined) {
        if (status < 200 || status > 599) {
          throw new p.RangeError('Failed to construct \'Response\': The status provided (' + status +
            ') is outside the range [200, 599].');
        }
        state.status = status;
      }
      if (headers !== undefined) {
        state.list = list();
        fill(state.list, headers, where);
      }
    }
    if (body === undefined) return;
    if (isNullBodyStatus(state.status)) {
      throw typeError(where, 'Response with null body status cannot have body');
    }
    state.body = body;
    if (type !== null) {
      state.list ??= list();
      if (find(state.list, 'content-type') < 0) state.list[state.list.length] = ['content-type', type];
    }
  };

  class Response {
    constructor(body = null, init = undefined) {
      const state = newResponse();
      responses.set(this, state);
      if (body === null) {
        initialize(state, init, undefined, null, 'new Response');
        return;
      }
      const extracted = extract(body, false, 'new Response');
      initialize(state, init, extracted[0], extracted[1], 'new Response');
    }
    static error() {
      const state = newResponse();
      state.type = 'error';
      state.status = 0;
      state.immutable = true;
      return wrapResponse(state);
    }
    static redirect(url, status = 302) {
      const where = 'Response.redirect';
      need(arguments.length, 1, where);
      url = USVString(url);
      status = idl.unsignedShort(status, where);
      const href = p.use('url').parseURL(url, p.fetch.baseURL);
      if (href === undefined) throw typeError(where, 'Failed to parse URL from ' + url);
      if (!isRedirectStatus(status)) throw new p.RangeError('Failed to execute \'redirect\' on \'Response\': Invalid status code');
      const state = newResponse();
      state.status = status;
      state.immutable = true;
      state.list = list();
      state.list[0] = ['location', href];
      return wrapResponse(state);
    }
    static json(data, init = undefined) {
      const where = 'Response.json';
      need(arguments.length, 1, where);
      const text = p.JSONStringify(data);
      if (text === undefined) throw typeError(where, 'The data is not JSON serializable');
      const state = newResponse();
      initialize(state, init, newBody(TEXT, call(p.StringPrototypeToWellFormed, text)), 'application/json', where);
      return wrapResponse(state);
    }
    get type() { return responses.get(this).type; }
    get url() {
      const { url } = responses.get(this);
      const hash = call(p.StringPrototypeIndexOf, url, '#');
      return hash < 0 ? url : call(p.StringPrototypeSlice, url, 0, hash);
    }
    get redirected() { return responses.get(this).redirected; }
    get status() { return responses.get(this).status; }
    get ok() {
      const { status } = responses.get(this);
      return status >= 200 && status <= 299;
    }
    get statusText() { return responses.get(this).statusText; }
    get headers() { return headersOf(responses.get(this)); }
    clone() {
      const from = responses.get(this);
      if (isUnusable(from.body)) throw typeError('Response.clone', 'Response body is already used');
      const state = newResponse();
      state.type = from.type;
      state.url = from.url;
      state.redirected = from.redirected;
      state.status = from.status;
      state.statusText = from.statusText;
      const all = headerList(from);
      state.list = list();
      for (let i = 0; i < all.length; i++) state.list[i] = all[i];
      state.immutable = from.immutable;
      state.body = cloneBody(from.body);
      return wrapResponse(state);
    }
  }
  mixin(Response, responses);
  idl.define(Response);

  // ---- fetch: https://fetch.spec.whatwg.org/#fetch-method ----

  let flights = 0;
  const fetch = (input, init) => {
    let request;
    try {
      request = makeRequest(input, init, 'fetch');
    } catch (e) {
      return rejected(e);
    }
    const signal = request.follows;
    if (signal !== undefined && abort.isAborted(signal)) {
      const reason = abort.reasonOf(signal);
      cancelBody(request.body, reason);
      return rejected(reason);
    }
    const local = localFetch(request);
    if (local !== undefined) return local;
    const capability = newPromise();
    // What is under way: aborting it ends the host's work, and errors the bodies.
    const flight = {
      __proto__: null, id: 0, request, resolve: capability[1], reject: capability[2], signal, onAbort: undefined, done: false,
      // Of the response's body and its stream, which a signal that lives on must not keep.
      body: undefined, stream: undefined,
    };
    if (signal !== undefined) {
      flight.id = ++flights;
      flight.onAbort = () => abortFlight(flight);
      abort.addAlgorithm(signal, flight.onAbort);
    }
    let answer;
    try {
      const { redirect, integrity, keepalive } = request;
      const flags = (redirect === 'follow' ? 0 : redirect === 'error' ? 1 : 2) + (keepalive ? 4 : 0);
      answer = host.__fetch_send(flight.id, request.method, request.url, flatOf(request), toHost(request.body), flags,
        integrity);
    } catch (e) {
      answered(flight, e);
      return capability[0];
    }
    idl.after(answer, gotResponse, gotFailure, flight);
    return capability[0];
  };
  const cancelBody = (body, reason) => {
    if (body === undefined) return;
    if (body.stream !== undefined && body.stream.reader === undefined) {
      markHandled(streamClasses().ReadableStreamCancel(body.stream, reason));
    }
  };
  const abortFlight = (flight) => {
    const reason = abort.reasonOf(flight.signal);
    host.__fetch_abort(flight.id);
    if (flight.done) {
      const body = call(p.WeakRefPrototypeDeref, flight.body), stream = call(p.WeakRefPrototypeDeref, flight.stream);
      failBody(body, reason);
      if (stream !== undefined) errorStream(stream, reason);
      return;
    }
    failBody(flight.request.body, reason);
    finish(flight).reject(reason);
  };
  // The fetch is over but for its body: nothing of it is kept that leads to the response.
  const finish = (flight) => {
    const { resolve, reject } = flight;
    flight.done = true;
    flight.request = flight.resolve = flight.reject = undefined;
    return { __proto__: null, resolve, reject };
  };
  const answered = (flight, e) => {
    if (flight.done) return;
    if (flight.signal !== undefined) abort.removeAlgorithm(flight.signal, flight.onAbort);
    finish(flight).reject(e);
  };
  const gotFailure = (flight, e) => answered(flight, e);
  const gotResponse = (flight, made) => {
    if (flight.done) return;
    const state = newResponse();
    state.type = made[7];
    state.status = made[0];
    state.statusText = made[1];
    state.url = made[2] ?? flight.request.url;
    state.redirected = made[3];
    state.flat = made[4];
    state.immutable = true;
    state.body = fromHost(made[5]);
    if (flight.signal !== undefined) {
      // Nothing is left to abort of what has come whole.
      if (made[6]) landed(flight);
      else {
        flight.body = new p.WeakRef(state.body);
        flight.stream = new p.WeakRef(state.body.stream);
        react(host.__fetch_ended(flight.id), landed, landed, flight);
      }
    }
    finish(flight).resolve(wrapResponse(state));
  };
  const landed = (flight) => abort.removeAlgorithm(flight.signal, flight.onAbort);

  // https://fetch.spec.whatwg.org/#scheme-fetch, for what needs no network.
  const localFetch = (request) => {
    const { url } = request;
    const scheme = call(p.StringPrototypeSlice, url, 0, 5);
    if (scheme === 'data:') {
      const made = host.__fetch_data(url);
      if (made === undefined) return rejected(new p.TypeError('fetch failed: the data: URL is malformed'));
      const state = newResponse();
      state.type = 'basic';
      state.url = url;
      state.statusText = 'OK';
      state.immutable = true;
      state.list = list();
      state.list[0] = ['content-type', made[0]];
      state.body = newBody(BYTES, request.method === 'HEAD' ? new p.Uint8Array(0) : made[1]);
      return resolved(wrapResponse(state));
    }
    if (scheme === 'blob:') return blobFetch(request);
    return undefined;
  };
  const blobFetch = (request) => {
    const blob = p.use('blob');
    const object = blob.resolveObjectURL(request.url);
    if (request.method !== 'GET' || object === undefined) {
      return rejected(new p.TypeError('fetch failed: there is no such Blob, or the method is not GET'));
    }
    let bytes = blob.bytesOf(object);
    const { size, type } = bytes;
    const state = newResponse();
    state.type = 'basic';
    state.url = request.url;
    state.statusText = 'OK';
    state.immutable = true;
    state.list = list();
    const range = get(headerList(request), 'range');
    if (range !== null) {
      const asked = host.__fetch_range(range, size);
      if (asked === undefined) return rejected(new p.TypeError('fetch failed: the range is not valid'));
      bytes = blob.sliceBytes(bytes, asked[0], asked[1], type);
      state.status = 206;
      state.statusText = 'Partial Content';
      state.list[0] = state.list[1] = undefined;
      state.list[2] = ['content-range', 'bytes ' + asked[0] + '-' + (asked[1] - 1) + '/' + size];
    }
    state.list[0] = ['content-length', '' + bytes.size];
    state.list[1] = ['content-type', type === '' || host.__Mime_extract(type) === undefined ? '' : type];
    state.body = newBody(BLOB, bytes);
    return resolved(wrapResponse(state));
  };

  // ---- WebSockets, of both sides ----

  // What send() takes, as the host does: a string, or bytes that the guest cannot change any more.
  const messageOf = (v, where) => {
    if (isObject(v)) {
      if (engine.viewInfo(v) !== undefined || engine.bufferInfo(v) !== undefined) {
        idl.bufferSource(v, where);
        return v;
      }
      if (p.use('blob').isBlob(v)) return v;
    }
    return USVString(v);
  };
  // https://websockets.spec.whatwg.org/#dom-websocket-close: [code or undefined, reason].
  const closeFrame = (code, reason, where) => {
    if (code !== undefined) {
      code = idl.unsignedShort(code, where, { __proto__: null, clamp: true });
      if (code !== 1000 && (code < 3000 || code > 4999)) {
        throw p.domException('The code must be 1000, or from 3000 to 4999: ' + code, 'InvalidAccessError');
      }
    }
    reason = reason === undefined ? '' : USVString(reason);
    if (lengthOf(engine.utf8Encode(reason)) > 123) {
      throw p.domException('The reason is longer than 123 bytes.', 'SyntaxError');
    }
    return [reason !== '' && code === undefined ? 1000 : code, reason];
  };

  const scope = {
    fetch(input, init = undefined) {
      try {
        need(arguments.length, 1, 'fetch');
      } catch (e) {
        return rejected(e);
      }
      return fetch(input, init);
    },
  };

  p.fetch = {
    __proto__: null, baseURL: undefined, formData: undefined, loadFormData: undefined,
    Request, Response, Headers, requests, responses, headersSlot,
    newRequest, wrapRequest, flatten, headerList, signalOf, flatOf, toHost, fromHost, failBody, fill, isUnusable, get, fetch,
    nameOf, valueOf, messageOf, closeFrame, track: undefined,
    globals: { __proto__: null, Headers, Request, Response, fetch: scope.fetch },
  };
  p.fetch.loadFormData = () => {
    if (p.fetch.formData === undefined) host.__fetch_loadFormData();
    return p.fetch.formData;
  };
  p.fetch.baseURL = host.__fetch_baseURL();
})
