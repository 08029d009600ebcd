// The File System Standard: https://fs.spec.whatwg.org/, with move() and remove() of its proposals, and the root of
// https://storage.spec.whatwg.org/.
//
// A handle is a path and a kind; the host looks what is there each time. Bytes go to the host as they are given, and come from
// it as Files that are read on demand.
(function (host, p, engine) {
  'use strict';
  const idl = p.use('idl');
  const { isObject, list, need, typeError, USVString } = idl;
  const { call } = p;
  const { newPromise, resolved, rejected, then } = engine;

  // { path, kind }; the name is the last part of the path.
  const handles = idl.slot();
  const isHandle = handles.has;
  const FILE = 'file', DIRECTORY = 'directory';
  const wrap = (path, kind) => {
    const object = { __proto__: kind === FILE ? FileSystemFileHandle.prototype : FileSystemDirectoryHandle.prototype };
    handles.set(object, { __proto__: null, path, kind });
    return object;
  };
  const stateOf = (object, kind) => {
    const state = handles.get(object);
    if (state.kind !== kind) throw idl.illegal();
    return state;
  };
  const nameOf = (path) => {
    let at = 0;
    for (let i = 0; i < path.length; i++) if (call(p.StringPrototypeCharCodeAt, path, i) === 47) at = i + 1;
    return call(p.StringPrototypeSlice, path, at);
  };
  const illegalConstructor = () => new p.TypeError('Illegal constructor');

  // A promise of what a host function gives, by way of f(result, state) if there is one.
  const settle = (given, f, state) => {
    const capability = newPromise();
    idl.after(given, settled, failed, { __proto__: null, f, state, resolve: capability[1], reject: capability[2] });
    return capability[0];
  };
  const settled = (job, result) => {
    if (job.f === undefined) {
      job.resolve(result);
      return;
    }
    let value;
    try {
      value = job.f(result, job.state);
    } catch (e) {
      job.reject(e);
      return;
    }
    job.resolve(value);
  };
  const failed = (job, e) => job.reject(e);
  const nothing = () => undefined;

  class FileSystemHandle {
    constructor() { throw illegalConstructor(); }
    get kind() { return handles.get(this).kind; }
    get name() { return nameOf(handles.get(this).path); }
    isSameEntry(other) {
      try {
        const state = handles.get(this);
        need(arguments.length, 1, 'FileSystemHandle.isSameEntry');
        if (!isHandle(other)) throw notHandle('FileSystemHandle.isSameEntry');
        const { path, kind } = handles.get(other);
        return resolved(path === state.path && kind === state.kind);
      } catch (e) {
        return rejected(e);
      }
    }
    // move(name), move(directory), move(directory, name)
    move(parentOrName, name = undefined) {
      try {
        const where = 'FileSystemHandle.move';
        const state = handles.get(this);
        need(arguments.length, 1, where);
        let directory, to;
        if (isHandle(parentOrName)) {
          directory = stateOf(parentOrName, DIRECTORY).path;
          to = name === undefined ? nameOf(state.path) : USVString(name);
        } else {
          if (arguments.length > 1) throw notHandle(where);
          directory = host.__fs_parent(state.path);
          to = USVString(parentOrName);
        }
        const path = host.__fs_child(directory, to);
        return settle(host.__fs_move(state.path, path, state.kind === FILE), moved, { __proto__: null, state, path });
      } catch (e) {
        return rejected(e);
      }
    }
    remove(options = undefined) {
      try {
        const { path } = handles.get(this);
        const recursive = !!idl.dictionary(options, 'FileSystemHandle.remove')('recursive');
        return settle(host.__fs_remove(path, recursive), nothing);
      } catch (e) {
        return rejected(e);
      }
    }
    getUniqueId() {
      try {
        const { path, kind } = handles.get(this);
        return resolved(host.__fs_id(path, kind === FILE));
      } catch (e) {
        return rejected(e);
      }
    }
    queryPermission(descriptor = undefined) { return permission(this, descriptor, 'queryPermission'); }
    requestPermission(descriptor = undefined) { return permission(this, descriptor, 'requestPermission'); }
  }
  idl.define(FileSystemHandle);
  const notHandle = (where) => typeError(where, 'parameter 1 is not of type \'FileSystemHandle\'.');
  const moved = (_, { state, path }) => { state.path = path; };
  const modes = ['read', 'readwrite'];
  // The host has decided already, so that there is nobody to ask.
  const permission = (handle, descriptor, name) => {
    try {
      const where = 'FileSystemHandle.' + name;
      const { path } = handles.get(handle);
      const given = idl.dictionary(descriptor, where)('mode');
      const mode = given === undefined ? 'read' : idl.enumeration(given, modes, where);
      return resolved(mode === 'read' || host.__fs_isWritable(path) ? 'granted' : 'denied');
    } catch (e) {
      return rejected(e);
    }
  };

  const writableModes = ['exclusive', 'siloed'];
  const syncModes = ['readwrite', 'read-only', 'readwrite-unsafe'];
  class FileSystemFileHandle {
    constructor() { throw illegalConstructor(); }
    getFile() {
      try {
        return settle(host.__fs_file(stateOf(this, FILE).path));
      } catch (e) {
        return rejected(e);
      }
    }
    createWritable(options = undefined) {
      try {
        const where = 'FileSystemFileHandle.createWritable';
        const { path } = stateOf(this, FILE);
        const get = idl.dictionary(options, where);
        const keep = !!get('keepExistingData');
        const mode = get('mode');
        const exclusive = mode !== undefined && idl.enumeration(mode, writableModes, where) === 'exclusive';
        return settle(host.__fs_openWriter(path, keep, exclusive), makeStream, exclusive ? 'exclusive' : 'siloed');
      } catch (e) {
        return rejected(e);
      }
    }
    createSyncAccessHandle(options = undefined) {
      try {
        const where = 'FileSystemFileHandle.createSyncAccessHandle';
        const { path } = stateOf(this, FILE);
        const given = idl.dictionary(options, where)('mode');
        const mode = given === undefined ? 'readwrite' : idl.enumeration(given, syncModes, where);
        return settle(host.__fs_openSync(path, mode), makeSync, mode);
      } catch (e) {
        return rejected(e);
      }
    }
  }
  idl.inherit(idl.define(FileSystemFileHandle), FileSystemHandle);

  // getFileHandle() and getDirectoryHandle().
  const open = (handle, given, name, options, kind, method) => {
    try {
      const where = 'FileSystemDirectoryHandle.' + method;
      const { path } = stateOf(handle, DIRECTORY);
      need(given, 1, where);
      name = USVString(name);
      const create = !!idl.dictionary(options, where)('create');
      const child = host.__fs_child(path, name);
      return settle(host.__fs_open(child, kind === FILE, create), opened, { __proto__: null, child, kind });
    } catch (e) {
      return rejected(e);
    }
  };
  const opened = (_, { child, kind }) => wrap(child, kind);

  class FileSystemDirectoryHandle {
    constructor() { throw illegalConstructor(); }
    getFileHandle(name, options = undefined) {
      return open(this, arguments.length, name, options, FILE, 'getFileHandle');
    }
    getDirectoryHandle(name, options = undefined) {
      return open(this, arguments.length, name, options, DIRECTORY, 'getDirectoryHandle');
    }
    removeEntry(name, options = undefined) {
      try {
        const where = 'FileSystemDirectoryHandle.removeEntry';
        const { path } = stateOf(this, DIRECTORY);
        need(arguments.length, 1, where);
        name = USVString(name);
        const recursive = !!idl.dictionary(options, where)('recursive');
        return settle(host.__fs_remove(host.__fs_child(path, name), recursive), nothing);
      } catch (e) {
        return rejected(e);
      }
    }
    resolve(possibleDescendant) {
      try {
        const where = 'FileSystemDirectoryHandle.resolve';
        const { path } = stateOf(this, DIRECTORY);
        need(arguments.length, 1, where);
        if (!isHandle(possibleDescendant)) throw notHandle(where);
        const other = handles.get(possibleDescendant);
        const parts = host.__fs_below(path, other.path);
        return resolved(parts === null || (other.path === path && other.kind !== DIRECTORY) ? null : parts);
      } catch (e) {
        return rejected(e);
      }
    }
    entries() { return iterate(this, 'entry'); }
    keys() { return iterate(this, 'key'); }
    values() { return iterate(this, 'value'); }
  }
  idl.inherit(idl.define(FileSystemDirectoryHandle), FileSystemHandle);
  p.hidden(FileSystemDirectoryHandle.prototype, p.SymbolAsyncIterator, FileSystemDirectoryHandle.prototype.entries);

  // Web IDL's asynchronous iterators, over the entries that there were at the first next().
  const iterators = idl.slot();
  const AsyncIteratorPrototype = p.ObjectGetPrototypeOf(p.ObjectGetPrototypeOf((async function* () {}).prototype));
  const iterate = (directory, way) => {
    const { path } = stateOf(directory, DIRECTORY);
    const iterator = { __proto__: iteratorPrototype };
    iterators.set(iterator, { __proto__: null, path, way, entries: undefined, loading: undefined, at: 0, done: false });
    return iterator;
  };
  const step = (state) => {
    const { entries, way, at } = state;
    if (state.done || at >= entries.length) {
      state.done = true;
      state.entries = undefined;
      return { value: undefined, done: true };
    }
    state.at = at + 2;
    const name = entries[at];
    if (way === 'key') return { value: name, done: false };
    const handle = wrap(host.__fs_child(state.path, name), entries[at + 1] ? FILE : DIRECTORY);
    return { value: way === 'value' ? handle : [name, handle], done: false };
  };
  const loaded = (entries, state) => {
    // Nothing is looked up on the guest's prototypes.
    state.entries = p.ObjectSetPrototypeOf(entries, null);
  };
  const iteratorPrototype = {
    __proto__: AsyncIteratorPrototype,
    next() {
      try {
        const state = iterators.get(this);
        if (state.entries !== undefined || state.done) return resolved(step(state));
        state.loading ??= settle(host.__fs_list(state.path), loaded, state);
        return then(state.loading, () => step(state), (e) => {
          state.done = true;
          throw e;
        });
      } catch (e) {
        return rejected(e);
      }
    },
    return(value = undefined) {
      try {
        iterators.get(this).done = true;
        return resolved({ value, done: true });
      } catch (e) {
        return rejected(e);
      }
    },
  };
  p.ObjectDefineProperty(iteratorPrototype, p.SymbolToStringTag,
    { __proto__: null, value: 'FileSystemDirectoryHandle AsyncIterator', configurable: true });

  // ---- FileSystemWritableFileStream ----

  const W = p.use('streams_writable');
  const abandoned = new p.FinalizationRegistry((id) => host.__fs_close(id));
  const forget = (owner) => {
    if (owner.id === undefined) return;
    host.__fs_close(owner.id);
    owner.id = undefined;
  };

  // One chunk as a command: { type, data, position, size }, of which only data that the guest can change is copied later.
  // https://fs.spec.whatwg.org/#typedefdef-filesystemwritechunktype
  const commands = idl.slot();
  const Command = function () {};
  const types = ['write', 'seek', 'truncate'];
  const isData = (v) => isObject(v)
    && (engine.viewInfo(v) !== undefined || engine.bufferInfo(v) !== undefined || p.use('blob').isBlob(v));
  const where = 'FileSystemWritableFileStream.write';
  const dataOf = (v) => {
    if (!isObject(v)) return USVString(v);
    if (isData(v)) {
      if (!p.use('blob').isBlob(v)) idl.bufferSource(v, where);
      return v;
    }
    return USVString(v);
  };
  const integer = (v) => (v === undefined || v === null ? undefined : idl.unsignedLongLong(v, where));
  const commandOf = (chunk) => {
    if (commands.has(chunk)) return commands.get(chunk);
    if (chunk === undefined || chunk === null || (isObject(chunk) && !isData(chunk))) {
      const get = idl.dictionary(chunk, where);
      const data = get('data');
      // A union with a null of its own.
      const converted = data === undefined || data === null ? data : dataOf(data);
      const position = integer(get('position')), size = integer(get('size'));
      const type = get('type');
      if (type === undefined) throw typeError(where, 'required member type is undefined.');
      return { __proto__: null, type: idl.enumeration(type, types, where), data: converted, position, size };
    }
    return { __proto__: null, type: 'write', data: dataOf(chunk), position: undefined, size: undefined };
  };
  const syntaxError = (member) => p.domException('The command needs a ' + member + '.', 'SyntaxError');

  // What crosses in one piece goes as it is; more goes as a Blob, whose making takes it apart.
  const DIRECT = 1 << 20;
  const sendable = (data) => {
    if (typeof data === 'string') {
      if (data.length <= DIRECT / 4) return data;
      return blobOf(data);
    }
    if (p.use('blob').isBlob(data)) return data;
    const { buffer, byteOffset, byteLength } = idl.bufferSource(data);
    if (byteLength <= DIRECT) return engine.newView('Uint8Array', buffer, byteOffset, byteLength);
    return blobOf({ __proto__: null, id: 0, source: data });
  };
  const blobOf = (part) => {
    const parts = list();
    parts[0] = part;
    return p.use('blob').makeBlob(parts, '');
  };

  const sink = {
    __proto__: null,
    write({ owner }, chunk) {
      const { type, data, position, size } = commandOf(chunk);
      if (type === 'write') {
        if (data === undefined) throw syntaxError('data');
        if (data === null) throw typeError(where, 'the data is null.');
        const at = position === undefined ? owner.position : position;
        return settle(host.__fs_write(owner.id, at, sendable(data)), written, { __proto__: null, owner, at });
      }
      if (type === 'seek') {
        if (position === undefined) throw syntaxError('position');
        owner.position = position;
        return undefined;
      }
      if (size === undefined) throw syntaxError('size');
      return settle(host.__fs_truncate(owner.id, size), truncated, { __proto__: null, owner, size });
    },
    close({ owner }) {
      const { id } = owner;
      // clear() comes before the sink is closed.
      owner.id = undefined;
      return host.__fs_publish(id);
    },
    abort({ owner }) { forget(owner); },
    clear({ owner }) { forget(owner); },
  };
  const written = (count, { owner, at }) => { owner.position = at + count; };
  const truncated = (_, { owner, size }) => { if (owner.position > size) owner.position = size; };

  const makeStream = (id, mode) => {
    const owner = { __proto__: null, id, position: 0 };
    call(p.FinalizationRegistryPrototypeRegister, abandoned, owner, id);
    const stream = W.CreateWritableStream(sink, owner, undefined, 1, undefined);
    const object = { __proto__: FileSystemWritableFileStream.prototype };
    W.streams.set(object, stream);
    fileStreams.set(object, { __proto__: null, stream, mode });
    stream.wrapper = object;
    return object;
  };
  const fileStreams = idl.slot();

  class Request {
    capability = newPromise();
    fulfil() { this.capability[1](); }
    fail(e) { this.capability[2](e); }
  }
  // Writes as a writer would that is there for this chunk only.
  const write = (object, chunk) => {
    const { stream } = fileStreams.get(object);
    if (W.IsWritableStreamLocked(stream)) throw new p.TypeError('The FileSystemWritableFileStream is locked to a writer.');
    const writer = W.AcquireWritableStreamDefaultWriter(stream);
    const request = new Request();
    W.WritableStreamDefaultWriterWrite(writer, chunk, request);
    W.WritableStreamDefaultWriterRelease(writer);
    return request.capability[0];
  };
  const command = (type, position, size) => {
    const chunk = new Command();
    commands.set(chunk, { __proto__: null, type, data: undefined, position, size });
    return chunk;
  };

  class FileSystemWritableFileStream {
    constructor() { throw illegalConstructor(); }
    get mode() { return fileStreams.get(this).mode; }
    write(data) {
      try {
        fileStreams.get(this);
        need(arguments.length, 1, where);
        return write(this, data);
      } catch (e) {
        return rejected(e);
      }
    }
    seek(position) {
      try {
        const method = 'FileSystemWritableFileStream.seek';
        fileStreams.get(this);
        need(arguments.length, 1, method);
        return write(this, command('seek', idl.unsignedLongLong(position, method), undefined));
      } catch (e) {
        return rejected(e);
      }
    }
    truncate(size) {
      try {
        const method = 'FileSystemWritableFileStream.truncate';
        fileStreams.get(this);
        need(arguments.length, 1, method);
        return write(this, command('truncate', undefined, idl.unsignedLongLong(size, method)));
      } catch (e) {
        return rejected(e);
      }
    }
  }
  idl.inherit(idl.define(FileSystemWritableFileStream), W.WritableStream);

  // ---- FileSystemSyncAccessHandle ----

  const syncs = idl.slot();
  const makeSync = (id, mode) => {
    const owner = { __proto__: null, id, position: 0, mode };
    call(p.FinalizationRegistryPrototypeRegister, abandoned, owner, id);
    const object = { __proto__: FileSystemSyncAccessHandle.prototype };
    syncs.set(object, owner);
    return object;
  };
  const openSync = (object) => {
    const owner = syncs.get(object);
    if (owner.id === undefined) throw p.domException('The access handle is closed.', 'InvalidStateError');
    return owner;
  };
  const enforce = { __proto__: null, enforceRange: true };
  const at = (options, owner, method) => {
    const given = idl.dictionary(options, method)('at');
    return given === undefined ? owner.position : idl.unsignedLongLong(given, method, enforce);
  };
  const writable = (owner) => {
    if (owner.mode === 'read-only') {
      throw p.domException('The access handle is a read-only one.', 'NoModificationAllowedError');
    }
  };
  // The most that crosses at once, in bytes.
  const PIECE = 1 << 22;

  class FileSystemSyncAccessHandle {
    constructor() { throw illegalConstructor(); }
    get mode() { return syncs.get(this).mode; }
    read(buffer, options = undefined) {
      const method = 'FileSystemSyncAccessHandle.read';
      const owner = syncs.get(this);
      need(arguments.length, 1, method);
      idl.bufferSource(buffer, method, true);
      let position = at(options, owner, method);
      openSync(this);
      // Looked at again: options may have changed it.
      const view = idl.bufferSource(buffer, method, true);
      let done = 0;
      while (done < view.byteLength) {
        const wanted = view.byteLength - done < PIECE ? view.byteLength - done : PIECE;
        const bytes = host.__fs_syncRead(owner.id, position, wanted);
        const { byteLength } = engine.viewInfo(bytes);
        if (byteLength !== 0) engine.copyBytes(view.buffer, view.byteOffset + done, bytes, 0, byteLength);
        done += byteLength;
        position += byteLength;
        if (byteLength < wanted) break;
      }
      owner.position = position;
      return done;
    }
    write(buffer, options = undefined) {
      const method = 'FileSystemSyncAccessHandle.write';
      const owner = syncs.get(this);
      need(arguments.length, 1, method);
      idl.bufferSource(buffer, method, true);
      let position = at(options, owner, method);
      openSync(this);
      writable(owner);
      const view = idl.bufferSource(buffer, method, true);
      for (let done = 0; done < view.byteLength;) {
        const size = view.byteLength - done < PIECE ? view.byteLength - done : PIECE;
        host.__fs_syncWrite(owner.id, position, engine.newView('Uint8Array', view.buffer, view.byteOffset + done, size));
        done += size;
        position += size;
        owner.position = position;
      }
      owner.position = position;
      return view.byteLength;
    }
    truncate(newSize) {
      const method = 'FileSystemSyncAccessHandle.truncate';
      syncs.get(this);
      need(arguments.length, 1, method);
      const size = idl.unsignedLongLong(newSize, method, enforce);
      const owner = openSync(this);
      writable(owner);
      host.__fs_syncTruncate(owner.id, size);
      if (owner.position > size) owner.position = size;
    }
    getSize() { return host.__fs_syncSize(openSync(this).id); }
    flush() {
      const owner = openSync(this);
      writable(owner);
      host.__fs_syncFlush(owner.id);
    }
    close() {
      const owner = syncs.get(this);
      const { id } = owner;
      if (id === undefined) return;
      owner.id = undefined;
      try {
        host.__fs_syncFinish(id);
      } finally {
        host.__fs_close(id);
      }
    }
  }
  idl.define(FileSystemSyncAccessHandle);

  // ---- StorageManager ----

  const managers = idl.slot();
  const root = (path) => settle(host.__fs_open(path, false, false), opened, { __proto__: null, child: path, kind: DIRECTORY });
  class StorageManager {
    constructor() { throw illegalConstructor(); }
    // What becomes of files is the host's business.
    persisted() {
      try {
        managers.get(this);
        return resolved(false);
      } catch (e) {
        return rejected(e);
      }
    }
    persist() {
      try {
        managers.get(this);
        return resolved(false);
      } catch (e) {
        return rejected(e);
      }
    }
    estimate() {
      try {
        managers.get(this);
        return settle(host.__fs_estimate(), (both) => ({ quota: both[1], usage: both[0] }));
      } catch (e) {
        return rejected(e);
      }
    }
    getDirectory() {
      try {
        managers.get(this);
        return root('/');
      } catch (e) {
        return rejected(e);
      }
    }
  }
  idl.define(StorageManager);
  const storage = { __proto__: StorageManager.prototype };
  managers.set(storage, true);

  // The directory at a full path. Not in any standard.
  const scope = {
    getDirectory(path) {
      try {
        need(arguments.length, 1, 'getDirectory');
        return root(host.__fs_path(USVString(path)));
      } catch (e) {
        return rejected(e);
      }
    },
  };

  p.cloneable('FileSystemHandle', {
    __proto__: null, test: isHandle,
    serialize: (object) => {
      const { path, kind } = handles.get(object);
      return { __proto__: null, path, kind };
    },
    deserialize: ({ path, kind }) => wrap(path, kind),
  });

  p.fs = { __proto__: null, storage, globals: undefined };
  p.fs.globals = {
    __proto__: null, FileSystemHandle, FileSystemFileHandle, FileSystemDirectoryHandle, FileSystemWritableFileStream,
    FileSystemSyncAccessHandle, StorageManager, getDirectory: scope.getDirectory,
  };
})
