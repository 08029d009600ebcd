// TextEncoder and TextDecoder: https://encoding.spec.whatwg.org/
//
// UTF-8 is done by the engine's natives without leaving the guest; what is here keeps the bytes of a character that a
// chunk ends in. All other encodings are decoded on the host.
(function (host, p, engine) {
  'use strict';
  const idl = p.use('idl');
  const { isObject, need, typeError } = idl;
  const ToString = p.ToString;
  // Past every length: what is read ends with its buffer.
  const END = 9007199254740991;

  // The state of one stream. What it does is said by its encoding and its flags; see decode().
  const makeState = (encoding, fatal, ignoreBOM) => ({
    __proto__: null,
    encoding, fatal, ignoreBOM,
    // Whether it decodes UTF-8 and is at the beginning of its stream.
    simple: encoding === 'utf-8',
    // UTF-8: whether a BOM would no longer be one; the bytes of a character that is not whole yet.
    begun: false, pending: undefined, count: 0,
    // Others: the host's decoder, from the first chunk to the last.
    decoder: undefined,
  });
  const malformed = (state) => typeError('TextDecoder.decode', 'The encoded data was not valid for encoding ' + state.encoding);

  // How many bytes a character has whose first one this is; 1 for what begins none.
  const lengthOf = (lead) => (lead < 0xc2 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 1);
  // Whether `next` may follow the first byte of a character.
  const follows = (lead, next) => {
    const lowest = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
    const highest = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    return next >= lowest && next <= highest;
  };
  const scratch = new p.Uint8Array(4);

  const utf8 = (state, input, start, end) => {
    const text = engine.utf8Decode(input, start, end, state.fatal, state.ignoreBOM || state.begun);
    if (text === undefined) {
      restart(state);
      throw malformed(state);
    }
    return text;
  };
  const restart = (state) => { state.begun = false; state.simple = true; state.count = 0; };

  // Moves bytes of the input to the character that is pending. Returns how many; the character is then whole, or cannot
  // become so, or the input is at its end.
  const fill = (state, input, size) => {
    const { pending } = state;
    const length = lengthOf(pending[0]);
    let used = 0;
    while (used < size && state.count < length) {
      engine.copyBytes(scratch, 0, input, used, 1);
      const next = scratch[0];
      if (state.count === 1 ? !follows(pending[0], next) : (next & 0xc0) !== 0x80) return used;
      pending[state.count++] = next;
      used++;
    }
    return used;
  };
  // How many bytes at the end of the input are the beginning of a character.
  const unfinished = (input, size) => {
    const n = size < 3 ? size : 3;
    engine.copyBytes(scratch, 0, input, size - n, n);
    for (let i = n - 1; i >= 0; i--) {
      if ((scratch[i] & 0xc0) === 0x80) continue;
      const have = n - i;
      if (lengthOf(scratch[i]) <= have) return 0;
      return have === 1 || follows(scratch[i], scratch[i + 1]) ? have : 0;
    }
    return 0;
  };
  const decodeUtf8 = (state, input, stream) => {
    if (state.count === 0 && !stream) {
      const text = input === undefined ? '' : utf8(state, input, 0, END);
      restart(state);
      return text;
    }
    state.simple = false;
    let size = input === undefined ? 0 : idl.bufferSource(input, undefined, true).byteLength;
    let out = '';
    let start = 0;
    if (state.count > 0) {
      start = fill(state, input, size);
      if (start === size && stream && state.count < lengthOf(state.pending[0])) return '';
      out = utf8(state, state.pending, 0, state.count);
      state.begun = true;
      state.count = 0;
    }
    if (stream && start < size) {
      const rest = unfinished(input, size);
      if (rest > 0) {
        // Never bytes of before `start`: those were whole characters.
        if (state.pending === undefined) state.pending = new p.Uint8Array(4);
        engine.copyBytes(state.pending, 0, input, size - rest, rest);
        state.count = rest;
        size -= rest;
      }
    }
    if (start < size) {
      const text = utf8(state, input, start, size);
      out = out === '' ? text : out + text;
      state.begun = true;
    }
    if (!stream) restart(state);
    return out;
  };

  let piece = 0;
  // A copy of a part of the input, which may be shared, or too large to cross at once.
  const part = (input, start, size) => {
    const copy = new p.Uint8Array(size);
    if (size > 0) engine.copyBytes(copy, 0, input, start, size);
    return copy;
  };
  const decodeOnHost = (state, input, stream) => {
    const view = input === undefined ? undefined : idl.bufferSource(input, undefined, true);
    const size = view === undefined ? 0 : view.byteLength;
    if (piece === 0) piece = host.__TextDecoder_piece();
    let text;
    if (state.decoder === undefined && !stream && size <= piece) {
      if (size === 0) return '';
      const bytes = engine.classOf(view.buffer) === 'SharedArrayBuffer' ? part(input, 0, size) : input;
      text = host.__TextDecoder_decode(state.encoding, state.fatal, state.ignoreBOM, bytes);
    } else {
      if (stream && size === 0) return '';
      const decoder = (state.decoder ??= host.__TextDecoder_open(state.encoding, state.fatal, state.ignoreBOM));
      text = '';
      for (let at = 0; ;) {
        const length = size - at < piece ? size - at : piece;
        const last = at + length === size;
        const more = decoder(part(input, at, length), last && !stream);
        text = more === undefined ? undefined : text + more;
        if (text === undefined || last) break;
        at += length;
      }
      if (!stream || text === undefined) state.decoder = undefined;
    }
    if (text === undefined) throw malformed(state);
    return text;
  };

  // Decodes a chunk (a BufferSource or undefined); what is not whole at its end waits for the next one if there is to be
  // one. An error ends the stream.
  const decode = (state, input, stream) =>
    (state.encoding === 'utf-8' ? decodeUtf8(state, input, stream) : decodeOnHost(state, input, stream));

  // The name of the encoding that a label stands for, or undefined.
  const encodingOf = (label) => {
    if (label === 'utf-8' || label === 'utf8') return 'utf-8';
    return label === undefined ? undefined : host.__TextDecoder_encoding(label);
  };
  // What the constructors of TextDecoder and TextDecoderStream have in common.
  const construct = (label, options, where) => {
    label = ToString(label);
    const encoding = encodingOf(label);
    if (encoding === undefined) throw new p.RangeError('The encoding label \'' + label + '\' is invalid.');
    const get = idl.dictionary(options, where);
    const fatal = !!get('fatal');
    const ignoreBOM = !!get('ignoreBOM');
    return makeState(encoding, fatal, ignoreBOM);
  };

  class TextDecoder {
    #state;
    constructor(label = 'utf-8', options = undefined) {
      this.#state = construct(label, options, 'new TextDecoder');
    }
    get encoding() { return this.#state.encoding; }
    get fatal() { return this.#state.fatal; }
    get ignoreBOM() { return this.#state.ignoreBOM; }
    decode(input = undefined, options = undefined) {
      const state = this.#state;
      if (options === undefined && state.simple && isObject(input)) {
        const text = engine.utf8Decode(input, 0, END, state.fatal, state.ignoreBOM);
        if (text === undefined) throw malformed(state);
        return text;
      }
      if (input !== undefined && !isObject(input)) idl.bufferSource(input, 'TextDecoder.decode', true);
      let stream = false;
      if (options !== undefined) {
        if (input !== undefined) idl.bufferSource(input, 'TextDecoder.decode', true);
        stream = !!idl.dictionary(options, 'TextDecoder.decode')('stream');
      }
      return decode(state, input, stream);
    }
  }
  idl.define(TextDecoder);

  class TextEncoder {
    #brand;
    static check(object) { if (!isObject(object) || !(#brand in object)) throw idl.illegal(); }
    get encoding() {
      check(this);
      return 'utf-8';
    }
    encode(input = '') {
      check(this);
      return engine.utf8Encode(typeof input === 'string' ? input : ToString(input));
    }
    encodeInto(source, destination) {
      check(this);
      need(arguments.length, 2, 'TextEncoder.encodeInto');
      source = ToString(source);
      const view = engine.viewInfo(destination);
      if (view === undefined || view.type !== 'Uint8Array') {
        throw typeError('TextEncoder.encodeInto', 'parameter 2 is not of type \'Uint8Array\'.');
      }
      const pair = engine.utf8EncodeInto(source, destination);
      return { read: pair[0], written: pair[1] };
    }
  }
  const check = TextEncoder.check;
  delete TextEncoder.check;
  idl.define(TextEncoder);

  p.loaded = { __proto__: null, TextDecoder, TextEncoder };
  p.exports = { __proto__: null, TextDecoder, TextEncoder, construct, encodingOf, makeState, decode };
})
