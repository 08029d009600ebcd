// Blob and File: https://w3c.github.io/FileAPI/
//
// The bytes live on the host, where slices share them. What is here is a record of them: the number of the host's entry,
// how many there are, and their type. Clones of a Blob share the record, and the entry goes with it. The bytes of a record
// that is deferred are not in memory: they come as a promise.
(function (host, p, engine) {
  'use strict';
  const idl = p.use('idl');
  const { need, isObject, typeError, USVString, list } = idl;
  const { call, ToString } = p;

  // made: [number, size, type, token, deferred], as the host gives it. The entry goes with its token.
  const record = (made) =>
    ({ __proto__: null, id: made[0], size: made[1], type: made[2], token: made[3], deferred: made[4] });

  // { bytes, name, lastModified }; a Blob that is no File has no name.
  const slot = idl.slot('Blob');
  const isBlob = slot.has;
  const isFile = (object) => isBlob(object) && slot.get(object).name !== undefined;
  const fileState = (object) => {
    const state = slot.get(object);
    if (state.name === undefined) throw idl.illegal();
    return state;
  };
  const wrap = (bytes, name, lastModified) => {
    const object = { __proto__: name === undefined ? Blob.prototype : File.prototype };
    slot.set(object, { __proto__: null, bytes, name, lastModified });
    return object;
  };

  // The most that crosses at once, in bytes; and what is read at once of a Blob that does not cross in one piece.
  let most = 0, step = 1 << 20;
  const limit = () => {
    if (most === 0) {
      most = host.__Blob_piece();
      if (most < step) step = most;
    }
    return most;
  };

  // One of sequence<BlobPart>: a string, a record, or a source whose bytes are taken once everything is converted.
  const part = (v, where) => {
    if (isObject(v)) {
      if (isBlob(v)) return slot.get(v).bytes;
      if (engine.viewInfo(v) !== undefined || engine.bufferInfo(v) !== undefined) {
        idl.bufferSource(v, where);
        return { __proto__: null, id: 0, source: v };
      }
    }
    return ToString(v);
  };

  // Process blob parts. What does not cross at once crosses in pieces, each an entry until the whole is made.
  const create = (parts, type, native) => {
    const room = limit();
    const pieces = list(), tokens = list();
    let batch = list(), weight = 0;
    const flush = () => {
      if (batch.length === 0) return;
      const made = record(host.__Blob_create(batch, '', native));
      tokens[tokens.length] = made;
      pieces[pieces.length] = made.id;
      batch = list();
      weight = 0;
    };
    const add = (item, size) => {
      if (weight + size > room) flush();
      batch[batch.length] = item;
      weight += size + 64;
    };
    const addText = (text) => {
      const most = (room / 4) | 0;
      for (let at = 0; at < text.length;) {
        let end = at + most;
        if (end < text.length) {
          // Neither a pair of surrogates nor the end of a line is cut in two.
          const last = call(p.StringPrototypeCharCodeAt, text, end - 1);
          if ((last >= 0xd800 && last < 0xdc00) || last === 13) end--;
        } else {
          end = text.length;
        }
        add(call(p.StringPrototypeSlice, text, at, end), 3 * (end - at));
        at = end;
      }
    };
    const addBytes = (source) => {
      const { buffer, byteOffset, byteLength } = idl.bufferSource(source);
      if (byteLength === 0) return;
      if (byteLength <= room) return add(source, byteLength);
      for (let at = 0; at < byteLength; at += room) {
        const size = byteLength - at < room ? byteLength - at : room;
        add(engine.newView('Uint8Array', buffer, byteOffset + at, size), size);
      }
    };
    for (let i = 0; i < parts.length; i++) {
      const item = parts[i];
      if (typeof item === 'string') {
        if (3 * item.length <= room) add(item, 3 * item.length);
        else addText(item);
      } else if (item.id !== 0) {
        add(item.id, 0);
      } else {
        addBytes(item.source);
      }
    }
    if (pieces.length === 0) return record(host.__Blob_create(batch, type, native));
    flush();
    return record(host.__Blob_create(pieces, type, false));
  };

  // The bytes from `start` to `end`, as a new Uint8Array.
  const read = (bytes, start, end) => {
    if (end - start <= limit()) return host.__Blob_read(bytes.id, start, end);
    const all = new p.Uint8Array(end - start);
    for (let at = start; at < end; at += step) {
      const stop = end - at < step ? end : at + step;
      engine.copyBytes(all, at - start, host.__Blob_read(bytes.id, at, stop), 0, stop - at);
    }
    return all;
  };
  const text = (bytes) => {
    const { size } = bytes;
    if (size <= limit()) return engine.utf8Decode(host.__Blob_read(bytes.id, 0, size), 0, size, false, false);
    const { decode, makeState } = p.use('encoding');
    const state = makeState('utf-8', false, false);
    let out = '';
    for (let at = 0; at < size; at += step) {
      const stop = size - at < step ? size : at + step;
      out += decode(state, host.__Blob_read(bytes.id, at, stop), stop < size);
    }
    return out;
  };
  // A promise of all bytes of a record that is deferred, as a new Uint8Array.
  const load = (bytes) => {
    const capability = engine.newPromise();
    const job = {
      __proto__: null, bytes, at: 0, stop: 0, all: undefined, resolve: capability[1], reject: capability[2],
    };
    try {
      if (bytes.size > limit()) job.all = new p.Uint8Array(bytes.size);
      loadMore(job);
    } catch (e) {
      job.reject(e);
    }
    return capability[0];
  };
  const loadMore = (job) => {
    const { bytes, at } = job;
    const most = job.all === undefined ? limit() : step;
    job.stop = bytes.size - at < most ? bytes.size : at + most;
    idl.after(host.__Blob_load(bytes.id, at, job.stop), loadedMore, loadFailed, job);
  };
  const loadedMore = (job, chunk) => {
    const { all, at, stop } = job;
    try {
      if (all !== undefined) engine.copyBytes(all, at, chunk, 0, stop - at);
      if (stop < job.bytes.size) {
        job.at = stop;
        loadMore(job);
        return;
      }
    } catch (e) {
      job.reject(e);
      return;
    }
    job.resolve(all === undefined ? chunk : all);
  };
  const loadFailed = (job, e) => job.reject(e);

  // A promise of what a Blob's bytes are made into: by now(record), or by then(bytes) once they are read; what is thrown
  // rejects it.
  const later = (object, now, then) => {
    try {
      const { bytes } = slot.get(object);
      return bytes.deferred ? engine.then(load(bytes), then, undefined) : engine.resolved(now(bytes));
    } catch (e) {
      return engine.rejected(e);
    }
  };
  const bufferOf = (bytes) => engine.viewInfo(bytes).buffer;
  const decode = (bytes) => engine.utf8Decode(bytes, 0, engine.viewInfo(bytes).byteLength, false, false);

  // §3.3.2: in chunks, each read when it is asked for.
  const CHUNK = 1 << 16, DEFERRED_CHUNK = 1 << 18;
  const stream = (bytes) => {
    const chunkSize = bytes.deferred ? DEFERRED_CHUNK : CHUNK;
    const most = limit() < chunkSize ? limit() : chunkSize;
    let at = 0;
    return p.use('streams').readableOfBytes(() => {
      const end = bytes.size - at < most ? bytes.size : at + most;
      if (at === end) return undefined;
      const chunk = bytes.deferred ? host.__Blob_load(bytes.id, at, end) : host.__Blob_read(bytes.id, at, end);
      at = end;
      return chunk;
    });
  };

  const endings = ['transparent', 'native'];
  // BlobPropertyBag, in the order that its members are read.
  const propertyBag = (get, where) => {
    const ending = get('endings');
    const native = ending !== undefined && idl.enumeration(ending, endings, where) === 'native';
    const type = get('type');
    return { __proto__: null, native, type: type === undefined ? '' : ToString(type) };
  };
  const clamp = { __proto__: null, enforceRange: false, clamp: true };

  class Blob {
    constructor(blobParts = undefined, options = undefined) {
      const where = 'new Blob';
      const parts = blobParts === undefined ? list() : idl.sequence(blobParts, part, where);
      const { native, type } = propertyBag(idl.dictionary(options, where), where);
      slot.set(this, { __proto__: null, bytes: create(parts, type, native), name: undefined, lastModified: 0 });
    }
    get size() { return slot.get(this).bytes.size; }
    get type() { return slot.get(this).bytes.type; }
    slice(start = undefined, end = undefined, contentType = undefined) {
      const { bytes } = slot.get(this);
      const { size } = bytes;
      let from = start === undefined ? 0 : idl.longLong(start, 'Blob.slice', clamp);
      let to = end === undefined ? size : idl.longLong(end, 'Blob.slice', clamp);
      const type = contentType === undefined ? '' : ToString(contentType);
      from = from < 0 ? (size + from > 0 ? size + from : 0) : from < size ? from : size;
      to = to < 0 ? (size + to > 0 ? size + to : 0) : to < size ? to : size;
      return wrap(record(host.__Blob_slice(bytes.id, from, to < from ? from : to, type)), undefined, 0);
    }
    stream() { return stream(slot.get(this).bytes); }
    text() { return later(this, text, decode); }
    arrayBuffer() { return later(this, (bytes) => bufferOf(read(bytes, 0, bytes.size)), bufferOf); }
    bytes() { return later(this, (bytes) => read(bytes, 0, bytes.size), undefined); }
  }
  idl.define(Blob);

  // Set up below as a subclass, since `extends` would call what the guest may have put in the place of Blob.
  class File {
    constructor(fileBits, fileName, options = undefined) {
      const where = 'new File';
      need(arguments.length, 2, where);
      const parts = idl.sequence(fileBits, part, where);
      const name = USVString(fileName);
      const get = idl.dictionary(options, where);
      const { native, type } = propertyBag(get, where);
      let lastModified = get('lastModified');
      lastModified = lastModified === undefined ? host.__Blob_now() : idl.longLong(lastModified, where);
      slot.set(this, { __proto__: null, bytes: create(parts, type, native), name, lastModified });
    }
    get name() { return fileState(this).name; }
    get lastModified() { return fileState(this).lastModified; }
  }
  idl.define(File);
  p.ObjectSetPrototypeOf(File, Blob);
  p.ObjectSetPrototypeOf(File.prototype, Blob.prototype);

  // §8: the blob URL store.
  const store = new p.Map();
  const createObjectURL = (object) => {
    if (!isBlob(object)) throw typeError('URL.createObjectURL', 'parameter 1 is not of type \'Blob\'.');
    const url = 'blob:null/' + host.__Blob_uuid();
    call(p.MapPrototypeSet, store, url, slot.get(object));
    return url;
  };
  const revokeObjectURL = (url) => {
    const href = p.use('url').parseURL(url);
    if (href !== undefined) call(p.MapPrototypeDelete, store, href);
  };
  // The Blob or File of a blob: URL, as a new object; a fragment is left out of account.
  const resolveObjectURL = (href) => {
    const hash = call(p.StringPrototypeIndexOf, href, '#');
    const state = call(p.MapPrototypeGet, store, hash < 0 ? href : call(p.StringPrototypeSlice, href, 0, hash));
    return state === undefined ? undefined : wrap(state.bytes, state.name, state.lastModified);
  };

  const send = (object) => {
    const { bytes, name, lastModified } = slot.get(object);
    return name === undefined ? [bytes.id] : [bytes.id, name, lastModified];
  };
  p.platform('File', {
    __proto__: null, test: isFile, send,
    receive: (made) => wrap(record(made), made[5], made[6]),
  });
  p.platform('Blob', {
    __proto__: null, test: isBlob, send,
    receive: (made) => wrap(record(made), undefined, 0),
  });
  p.cloneable('Blob', {
    __proto__: null, test: isBlob,
    serialize: (object) => slot.get(object),
    deserialize: ({ bytes, name, lastModified }) => wrap(bytes, name, lastModified),
  });

  p.loaded = { __proto__: null, Blob, File };
  p.exports = {
    __proto__: null, Blob, File, isBlob, isFile, read, bytesOf: (object) => slot.get(object).bytes, createObjectURL, revokeObjectURL, resolveObjectURL,
    // Of parts as the constructors convert them: strings and { id: 0, source }.
    makeBlob: (parts, type) => wrap(create(parts, type, false), undefined, 0),
    makeFile: (blob, name, lastModified) => wrap(slot.get(blob).bytes, name, lastModified ?? host.__Blob_now()),
    nameOf: (file) => slot.get(file).name,
    lastModifiedOf: (object) => (isFile(object) ? slot.get(object).lastModified : undefined),
    // Of records of bytes.
    create, load, textOf: text, streamOf: stream, wrapBytes: (bytes) => wrap(bytes, undefined, 0),
    sliceBytes: (bytes, from, to, type) => record(host.__Blob_slice(bytes.id, from, to, type)),
  };
})
