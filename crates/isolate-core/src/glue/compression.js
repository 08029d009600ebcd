// Compression streams: https://compression.spec.whatwg.org/
(function (host, p, engine) {
  'use strict';
  const idl = p.use('idl');
  const { newView } = engine;
  const { LATER } = p.use('streams_base');
  const R = p.use('streams');
  const W = p.use('streams_writable');
  const T = p.use('streams_transform');

  // How many pieces of output may wait for a reader. One write can become any number of them: what goes beyond is made as
  // the reader takes what is there.
  const MOST_WAITING = 16;

  const registry = new p.FinalizationRegistry((id) => host.__Compression_close(id));

  // Works through what the host has of the input. Gives LATER when it stops for want of a reader.
  const produce = (controller) => {
    const { owner, stream } = controller;
    for (;;) {
      const piece = host.__Compression_take(owner.id);
      if (piece === undefined) return undefined;
      T.TransformStreamDefaultControllerEnqueue(controller, piece);
      if (stream.readable.controller.queueTotalSize >= MOST_WAITING) {
        owner.stopped = true;
        return LATER;
      }
    }
  };
  const algorithms = {
    __proto__: null,
    transform(controller, chunk) {
      const { buffer, byteOffset, byteLength } = idl.bufferSource(chunk);
      host.__Compression_push(controller.owner.id, newView('Uint8Array', buffer, byteOffset, byteLength));
      return produce(controller);
    },
    // The readable side was pulled.
    resume(controller) {
      const { owner } = controller;
      if (!owner.stopped) return;
      owner.stopped = false;
      let result;
      try {
        result = produce(controller);
      } catch (e) {
        T.transformFailed(controller.stream, e);
        return;
      }
      if (result !== LATER) T.transformDone(controller.stream);
    },
    flush(controller) {
      host.__Compression_end(controller.owner.id);
      for (;;) {
        const piece = host.__Compression_take(controller.owner.id);
        if (piece === undefined) return;
        T.TransformStreamDefaultControllerEnqueue(controller, piece);
      }
    },
    cancel() {},
    // A write does not wait for a reader any more.
    erroring(controller) {
      const { owner, stream } = controller;
      if (!owner.stopped) return;
      owner.stopped = false;
      engine.enqueue(T.transformDone, stream);
    },
    clear(controller) {
      algorithms.erroring(controller);
      host.__Compression_close(controller.owner.id);
    },
  };

  const create = (format, decompress, where) => {
    format = idl.enumeration(format, ['deflate', 'deflate-raw', 'gzip'], where);
    const owner = { __proto__: null, id: host.__Compression_open(format, decompress), stopped: false };
    p.call(p.FinalizationRegistryPrototypeRegister, registry, owner, owner.id);
    return T.CreateTransformStream(algorithms, owner, undefined, 1, 0);
  };

  const compressors = idl.slot('CompressionStream');
  class CompressionStream {
    constructor(format) {
      const where = 'new CompressionStream';
      idl.need(arguments.length, 1, where);
      compressors.set(this, create(format, false, where));
    }
    get readable() { return R.wrapperOf(compressors.get(this).readable); }
    get writable() { return W.wrapperOf(compressors.get(this).writable); }
  }
  const decompressors = idl.slot('DecompressionStream');
  class DecompressionStream {
    constructor(format) {
      const where = 'new DecompressionStream';
      idl.need(arguments.length, 1, where);
      decompressors.set(this, create(format, true, where));
    }
    get readable() { return R.wrapperOf(decompressors.get(this).readable); }
    get writable() { return W.wrapperOf(decompressors.get(this).writable); }
  }
  idl.define(CompressionStream);
  idl.define(DecompressionStream);

  p.exports = { __proto__: null };
  p.loaded = { CompressionStream, DecompressionStream };
})
