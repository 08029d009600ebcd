// Bodies, and what Request and Response have in common: https://fetch.spec.whatwg.org/#bodies
//
// Bytes stay where they came from until somebody asks for them. A body that nobody looks at as a stream never becomes one,
// and one of the host goes back to the host as it came.
(function (host, p, engine) {
  'use strict';
  const idl = p.use('idl');
  const { isObject, list, typeError, USVString } = idl;
  const { call } = p;
  const { resolved, rejected, newPromise, markHandled } = engine;
  const { get, headerList } = p.fetch;

  // Where the bytes of a body are: a string, a Uint8Array that only glue has, the record of a Blob, or a stream.
  const TEXT = 0, BYTES = 1, BLOB = 2, STREAM = 3;
  // Bytes that were read for the guest, which may have them as they are.
  const READ = 4;
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
      return newBody(body.kind, body.source);
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
    (kind === TEXT ? plain(source) : kind === BLOB ? p.use('blob').textOf(source) : decodeText(source));
  const toBytes = (kind, source) => (kind === TEXT ? engine.utf8Encode(source)
    : kind === BLOB ? p.use('blob').read(source, 0, source.size) : kind === READ ? source : copied(source));
  const how = {
    __proto__: null,
    text: (state, kind, source) => toText(kind, source),
    json: (state, kind, source) => p.JSONParse(toText(kind, source)),
    bytes: (state, kind, source) => toBytes(kind, source),
    arrayBuffer: (state, kind, source) => engine.viewInfo(toBytes(kind, source)).buffer,
    blob: (state, kind, source) => {
      const type = mimeType(state);
      const part = kind === BYTES || kind === READ ? { __proto__: null, id: 0, source } : source;
      const parts = list();
      parts[0] = part;
      return p.use('blob').makeBlob(parts, type ?? '');
    },
    // Gives a promise, if the host has to wait for bytes.
    formData: (state, kind, source) =>
      p.fetch.loadFormData().parse(mimeType(state), kind === BLOB ? p.use('blob').wrapBytes(source) : source),
  };
  // https://fetch.spec.whatwg.org/#concept-header-extract-mime-type, serialized; undefined on failure.
  const mimeType = (state) => {
    const value = get(headerList(state), 'content-type');
    return value === null ? undefined : host.__Mime_extract(value);
  };

  // One call of text() and its like.
  const consume = (state, way, where) => {
    const { body } = state;
    try {
      if (body === undefined) return resolved(how[way](state, READ, new p.Uint8Array(0)));
      if (isUnusable(body)) {
        throw typeError(where, isDisturbed(body) ? 'body stream already read' : 'body stream is locked');
      }
      if (body.failed) throw body.error;
      const { kind, source } = body;
      const deferred = kind === BLOB && source.deferred && way !== 'blob' && way !== 'formData';
      if (body.stream === undefined && !deferred) {
        body.used = true;
        return resolved(how[way](state, kind, source));
      }
      const capability = newPromise();
      const job = { __proto__: null, state, way, resolve: capability[1], reject: capability[2], body };
      if (body.stream === undefined) {
        body.used = true;
        engine.react(p.use('blob').load(source), collected, failCollecting, job);
      } else if (body.stream.origin !== undefined && body.stream.state === streamClasses().READABLE) {
        // The host has it, and reads it faster.
        const wrapper = streamClasses().wrapperOf(body.stream);
        if (way === 'formData') {
          idl.after(p.fetch.loadFormData().parse(mimeType(state), wrapper), parsed, collectFailed, job);
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
      value = how[job.way](job.state, typeof result === 'string' ? TEXT : READ, result);
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
  const mixin = (Class, slot) => {
    const { name, prototype } = Class;
    const reader = (way) => ({
      [way]() {
        if (!slot.has(this)) return rejected(idl.illegal());
        return consume(slot.get(this), way, name + '.' + way);
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

  // Ends the stream of a body that is not sent after all.
  const cancelBody = (body, reason) => {
    if (body === undefined) return;
    if (body.stream !== undefined && body.stream.reader === undefined) {
      markHandled(streamClasses().ReadableStreamCancel(body.stream, reason));
    }
  };

  const F = p.fetch;
  F.TEXT = TEXT;
  F.BYTES = BYTES;
  F.BLOB = BLOB;
  F.STREAM = STREAM;
  F.newBody = newBody;
  F.extract = extract;
  F.isUnusable = isUnusable;
  F.cloneBody = cloneBody;
  F.moveBody = moveBody;
  F.failBody = failBody;
  F.cancelBody = cancelBody;
  F.errorStream = errorStream;
  F.toHost = toHost;
  F.fromHost = fromHost;
  F.lengthOf = lengthOf;
  F.extractType = (value) => host.__Mime_extract(value);
  F.mixin = mixin;
  // FormData, once something of it is needed.
  F.formData = undefined;
  F.loadFormData = () => {
    if (F.formData === undefined) host.__fetch_loadFormData();
    return F.formData;
  };
})
