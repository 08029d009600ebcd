// TextEncoderStream and TextDecoderStream: https://encoding.spec.whatwg.org/#interface-textdecoderstream
(function (host, p, engine) {
  'use strict';
  const idl = p.use('idl');
  const { utf8Encode } = engine;
  const encoding = p.use('encoding');
  const R = p.use('streams');
  const W = p.use('streams_writable');
  const { CreateTransformStream, TransformStreamDefaultControllerEnqueue } = p.use('streams_transform');

  const isHighSurrogate = (unit) => unit >= 0xd800 && unit <= 0xdbff;

  // The owner keeps the first half of a pair whose second half is to come, or ''.
  const encode = {
    __proto__: null,
    transform(controller, chunk) {
      const { owner } = controller;
      let text = owner.half + p.ToString(chunk);
      owner.half = '';
      if (text === '') return;
      const last = text.length - 1;
      if (isHighSurrogate(p.call(p.StringPrototypeCharCodeAt, text, last))) {
        owner.half = p.call(p.StringPrototypeSlice, text, last);
        text = p.call(p.StringPrototypeSlice, text, 0, last);
        if (text === '') return;
      }
      TransformStreamDefaultControllerEnqueue(controller, utf8Encode(text));
    },
    flush(controller) {
      const { half } = controller.owner;
      if (half !== '') TransformStreamDefaultControllerEnqueue(controller, utf8Encode(half));
    },
    cancel() {},
  };

  // The owner is what TextDecoder has as its state.
  const decode = {
    __proto__: null,
    transform(controller, chunk) {
      idl.bufferSource(chunk, undefined, true);
      const text = encoding.decode(controller.owner, chunk, true);
      if (text !== '') TransformStreamDefaultControllerEnqueue(controller, text);
    },
    flush(controller) {
      const text = encoding.decode(controller.owner, undefined, false);
      if (text !== '') TransformStreamDefaultControllerEnqueue(controller, text);
    },
    cancel() {},
  };

  const encoders = idl.slot('TextEncoderStream');
  class TextEncoderStream {
    constructor() {
      encoders.set(this, CreateTransformStream(encode, { __proto__: null, half: '' }, undefined, 1, 0));
    }
    get encoding() {
      encoders.get(this);
      return 'utf-8';
    }
    get readable() { return R.wrapperOf(encoders.get(this).readable); }
    get writable() { return W.wrapperOf(encoders.get(this).writable); }
  }

  const decoders = idl.slot('TextDecoderStream');
  class TextDecoderStream {
    constructor(label = 'utf-8', options = undefined) {
      const state = encoding.construct(label, options, 'new TextDecoderStream');
      decoders.set(this, CreateTransformStream(decode, state, undefined, 1, 0));
    }
    get encoding() { return decoders.get(this).controller.owner.encoding; }
    get fatal() { return decoders.get(this).controller.owner.fatal; }
    get ignoreBOM() { return decoders.get(this).controller.owner.ignoreBOM; }
    get readable() { return R.wrapperOf(decoders.get(this).readable); }
    get writable() { return W.wrapperOf(decoders.get(this).writable); }
  }

  idl.define(TextEncoderStream);
  idl.define(TextDecoderStream);

  p.exports = { __proto__: null };
  p.loaded = { TextEncoderStream, TextDecoderStream };
})
