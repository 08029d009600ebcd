// FileReader and ProgressEvent: https://w3c.github.io/FileAPI/#dfn-filereader, https://xhr.spec.whatwg.org/#progressevent
(function (host, p, engine) {
  'use strict';
  const idl = p.use('idl');
  const { need, typeError } = idl;
  const { call, ToString } = p;
  const { Event, EventTarget, construct, create, dataOf, dispatch, handler, initializeTarget } = p.use('events');
  const { bytesOf, isBlob, load, read } = p.use('blob');
  const { queue } = p.use('tasks');

  class ProgressEvent {
    constructor(type, eventInitDict = undefined) {
      const where = 'new ProgressEvent';
      need(arguments.length, 1, where);
      construct(this, 'ProgressEvent', type, eventInitDict, where, (get) => {
        const lengthComputable = !!get('lengthComputable');
        const loaded = get('loaded'), total = get('total');
        return {
          __proto__: null, lengthComputable,
          loaded: loaded === undefined ? 0 : idl.unsignedLongLong(loaded, where),
          total: total === undefined ? 0 : idl.unsignedLongLong(total, where),
        };
      });
    }
    get lengthComputable() { return dataOf(this, 'ProgressEvent').lengthComputable; }
    get loaded() { return dataOf(this, 'ProgressEvent').loaded; }
    get total() { return dataOf(this, 'ProgressEvent').total; }
  }
  idl.inherit(idl.define(ProgressEvent), Event);

  const EMPTY = 0, LOADING = 1, DONE = 2;
  const slot = idl.slot();

  const fire = (reader, type, loaded, total) => {
    dispatch(reader, create(ProgressEvent, 'ProgressEvent', type, { __proto__: null, lengthComputable: true, loaded, total }));
  };

  // The value of the charset parameter of a MIME type, if it has one.
  const charsetOf = (type) => {
    const at = call(p.StringPrototypeIndexOf, type, ';charset=');
    const spaced = at < 0 ? call(p.StringPrototypeIndexOf, type, '; charset=') : -1;
    if (at < 0 && spaced < 0) return undefined;
    const rest = call(p.StringPrototypeSlice, type, at < 0 ? spaced + 10 : at + 9);
    const end = call(p.StringPrototypeIndexOf, rest, ';');
    const value = end < 0 ? rest : call(p.StringPrototypeSlice, rest, 0, end);
    const quoted = value.length > 1 && value[0] === '"' && value[value.length - 1] === '"';
    return quoted ? call(p.StringPrototypeSlice, value, 1, value.length - 1) : value;
  };
  // Package data: of a record and get(start, end), which gives bytes. https://w3c.github.io/FileAPI/#blob-package-data
  const packages = {
    __proto__: null,
    ArrayBuffer: ({ size }, get) => engine.viewInfo(get(0, size)).buffer,
    BinaryString: ({ size }, get) => engine.bytesToString(get(0, size), 0, size),
    DataURL: (bytes, get) => {
      const type = bytes.type === '' ? 'application/octet-stream' : bytes.type;
      let url = 'data:' + type + ';base64,';
      // Whole groups of three, so that the pieces can be joined.
      const step = 3 << 18;
      for (let at = 0; at < bytes.size; at += step) {
        const end = bytes.size - at < step ? bytes.size : at + step;
        url += host.__FileReader_base64(get(at, end));
      }
      return url;
    },
    Text: (bytes, get, label) => {
      const { decode, encodingOf, makeState } = p.use('encoding');
      const encoding = encodingOf(label) ?? encodingOf(charsetOf(bytes.type)) ?? 'utf-8';
      const data = get(0, bytes.size);
      // A byte order mark says more than anything else.
      const mark = bytes.size > 1 ? data[0] * 256 + data[1] : 0;
      const sniffed = mark === 0xfeff ? 'utf-16be' : mark === 0xfffe ? 'utf-16le'
        : mark === 0xefbb && bytes.size > 2 && data[2] === 0xbf ? 'utf-8' : encoding;
      return decode(makeState(sniffed, false, false), data, false);
    },
  };

  // The read operation. Its steps are tasks; each looks first whether the operation is still the reader's.
  const start = (reader, state, blob, kind, label) => {
    if (state.readyState === LOADING) throw p.domException('The FileReader is reading already.', 'InvalidStateError');
    const bytes = bytesOf(blob);
    const operation = state.operation = { __proto__: null };
    state.readyState = LOADING;
    state.result = null;
    state.error = null;
    const task = (steps) => queue(() => { if (state.operation === operation) steps(); });
    let get = (from, to) => read(bytes, from, to);
    const finish = (failed) => {
      state.readyState = DONE;
      state.operation = undefined;
      let type = 'load';
      try {
        if (failed) throw failed;
        state.result = packages[kind](bytes, get, label);
      } catch {
        state.error = p.domException('The data could not be read.', 'NotReadableError');
        type = 'error';
      }
      fire(reader, type, bytes.size, bytes.size);
      // In a task of its own, so that what listeners have put off comes first, as it would after each listener of a page.
      // They may have begun another operation.
      queue(() => { if (state.readyState !== LOADING) fire(reader, 'loadend', bytes.size, bytes.size); });
    };
    task(() => {
      fire(reader, 'loadstart', 0, bytes.size);
      if (bytes.deferred) engine.react(load(bytes), came, missing, undefined);
      else task(arrived);
    });
    const arrived = () => {
      if (bytes.size > 0) fire(reader, 'progress', bytes.size, bytes.size);
      task(() => finish(false));
    };
    const came = (_, all) => {
      const { buffer } = engine.viewInfo(all);
      get = (from, to) => (to - from === bytes.size ? all : engine.newView('Uint8Array', buffer, from, to - from));
      task(arrived);
    };
    const missing = () => task(() => finish(true));
  };
  const begin = (reader, given, blob, kind, label) => {
    const state = slot.get(reader);
    const where = 'FileReader.readAs' + kind;
    need(given, 1, where);
    if (!isBlob(blob)) throw typeError(where, 'parameter 1 is not of type \'Blob\'.');
    start(reader, state, blob, kind, label === undefined ? undefined : ToString(label));
  };

  class FileReader {
    constructor() {
      initializeTarget(this);
      slot.set(this, { __proto__: null, readyState: EMPTY, result: null, error: null, operation: undefined });
    }
    readAsArrayBuffer(blob) { begin(this, arguments.length, blob, 'ArrayBuffer'); }
    readAsBinaryString(blob) { begin(this, arguments.length, blob, 'BinaryString'); }
    readAsText(blob, encoding = undefined) { begin(this, arguments.length, blob, 'Text', encoding); }
    readAsDataURL(blob) { begin(this, arguments.length, blob, 'DataURL'); }
    abort() {
      const state = slot.get(this);
      state.result = null;
      if (state.readyState !== LOADING) return;
      state.readyState = DONE;
      state.operation = undefined;
      fire(this, 'abort', 0, 0);
      if (state.readyState !== LOADING) fire(this, 'loadend', 0, 0);
    }
    get readyState() { return slot.get(this).readyState; }
    get result() { return slot.get(this).result; }
    get error() { return slot.get(this).error; }
  }
  idl.define(FileReader, { __proto__: null, constants: { __proto__: null, EMPTY, LOADING, DONE } });
  const handlers = ['onloadstart', 'onprogress', 'onload', 'onabort', 'onerror', 'onloadend'];
  for (let i = 0; i < handlers.length; i++) handler(FileReader, handlers[i], slot.get);
  idl.inherit(FileReader, EventTarget);

  p.loaded = { __proto__: null, FileReader, ProgressEvent };
  p.exports = { __proto__: null, FileReader, ProgressEvent };
})
