// Transform streams: https://streams.spec.whatwg.org/#ts
//
// The standard's [[backpressureChangePromise]] has two who wait for it, at most one of each: a write, for backpressure to
// end, and a pull, for it to begin. They are two flags here.
(function (host, p, engine) {
  'use strict';
  const idl = p.use('idl');
  const { call } = p;
  const { rejected, react, enqueue } = engine;
  const { LATER, Deferred, countSize, queuingStrategy, ExtractHighWaterMark, wrap, method } = p.use('streams_base');
  const R = p.use('streams');
  const W = p.use('streams_writable');
  const {
    ReadableStreamDefaultControllerEnqueue, ReadableStreamDefaultControllerHasBackpressure, pullDone,
  } = R;
  const { writeDone } = W;

  const streams = idl.slot('TransformStream');
  const controllers = idl.slot('TransformStreamDefaultController');

  class Stream {
    readable = undefined;
    writable = undefined;
    controller = undefined;
    backpressure = true;
    // A chunk that waits for backpressure to end.
    writing = false;
    chunk = undefined;
    // The readable side was pulled, and waits for backpressure to begin.
    pulling = false;
    wrapper = undefined;
  }
  class Controller {
    stream; algorithms; owner;
    finish = undefined;
    wrapper = undefined;
    // Only of a guest's transformer.
    transformer = undefined;
    transform = undefined;
    flush = undefined;
    cancel = undefined;
    constructor(stream, algorithms, owner) {
      this.stream = stream;
      this.algorithms = algorithms;
      this.owner = owner;
      stream.controller = this;
    }
  }
  const controllerWrapper = (controller) =>
    (controller.wrapper ??= wrap(TransformStreamDefaultController, controllers, controller));
  const wrapperOf = (stream) => (stream.wrapper ??= wrap(TransformStream, streams, stream));

  // Algorithms get the controller, and give a value or a promise. One whose transform gave LATER says itself that it is
  // done, or has resume() called when the readable side is pulled.
  const guestTransformer = {
    __proto__: null,
    transform: (c, chunk) => call(c.transform, c.transformer, chunk, c.wrapper ?? controllerWrapper(c)),
    flush: (c) => (c.flush === undefined ? undefined : call(c.flush, c.transformer, controllerWrapper(c))),
    cancel: (c, reason) => (c.cancel === undefined ? undefined : call(c.cancel, c.transformer, reason)),
    clear(c) { c.transformer = c.transform = c.flush = c.cancel = undefined; },
  };
  const identityTransformer = {
    __proto__: null,
    transform: (c, chunk) => TransformStreamDefaultControllerEnqueue(c, chunk),
    flush: guestTransformer.flush,
    cancel: guestTransformer.cancel,
    clear: guestTransformer.clear,
  };
  const nothing = { __proto__: null, transform: R.nothing, flush: R.nothing, cancel: R.nothing };

  // ---- §6.4.1: working with transform streams ----

  const InitializeTransformStream = (stream, writableHighWaterMark, writableSize, readableHighWaterMark, readableSize) => {
    stream.writable = W.CreateWritableStream(sinkAlgorithms, stream, LATER, writableHighWaterMark, writableSize);
    stream.readable = R.CreateReadableStream(sourceAlgorithms, stream, LATER, readableHighWaterMark, readableSize);
  };
  // The two sides wait for a promise that is resolved with the promise of start(), which takes two microtasks more.
  const started = (stream) => enqueue(startedSoon, stream);
  const startedSoon = (stream) => enqueue(startedNow, stream);
  const startedNow = (stream) => {
    W.started(stream.writable.controller);
    R.started(stream.readable.controller);
  };
  const startFailed = (stream, e) => {
    W.startFailed(stream.writable.controller, e);
    R.startFailed(stream.readable.controller, e);
  };

  // A stream over algorithms of glue.
  const CreateTransformStream = (algorithms, owner, startResult, writableHighWaterMark, readableHighWaterMark) => {
    const stream = new Stream();
    InitializeTransformStream(stream, writableHighWaterMark, countSize, readableHighWaterMark, countSize);
    new Controller(stream, algorithms, owner);
    react(startResult, started, startFailed, stream);
    return stream;
  };

  const TransformStreamError = (stream, e) => {
    R.ReadableStreamDefaultControllerError(stream.readable.controller, e);
    TransformStreamErrorWritableAndUnblockWrite(stream, e);
  };

  const TransformStreamErrorWritableAndUnblockWrite = (stream, e) => {
    TransformStreamDefaultControllerClearAlgorithms(stream.controller);
    W.WritableStreamDefaultControllerErrorIfNeeded(stream.writable.controller, e);
    TransformStreamUnblockWrite(stream);
  };

  const TransformStreamUnblockWrite = (stream) => {
    if (stream.backpressure) TransformStreamSetBackpressure(stream, false);
  };

  const TransformStreamSetBackpressure = (stream, backpressure) => {
    stream.backpressure = backpressure;
    if (stream.pulling) {
      stream.pulling = false;
      enqueue(pullDone, stream.readable.controller);
    }
    if (stream.writing) {
      stream.writing = false;
      enqueue(goOnWriting, stream);
    }
  };

  // ---- §6.4.2: controllers ----

  const TransformStreamDefaultControllerClearAlgorithms = (controller) => {
    controller.algorithms.clear?.(controller);
    controller.algorithms = nothing;
  };

  const TransformStreamDefaultControllerEnqueue = (controller, chunk) => {
    const { stream } = controller;
    const { readable } = stream;
    const readableController = readable.controller;
    if (readableController.closeRequested || readable.state !== R.READABLE) {
      throw new p.TypeError('The readable side is closed, closing or errored: nothing can be enqueued.');
    }
    try {
      ReadableStreamDefaultControllerEnqueue(readableController, chunk);
    } catch (e) {
      TransformStreamErrorWritableAndUnblockWrite(stream, e);
      throw readable.storedError;
    }
    const backpressure = ReadableStreamDefaultControllerHasBackpressure(readableController);
    if (backpressure !== stream.backpressure) TransformStreamSetBackpressure(stream, true);
  };

  const TransformStreamDefaultControllerError = (controller, e) => TransformStreamError(controller.stream, e);

  const TransformStreamDefaultControllerTerminate = ({ stream }) => {
    R.ReadableStreamDefaultControllerClose(stream.readable.controller);
    TransformStreamErrorWritableAndUnblockWrite(stream, new p.TypeError('The TransformStream was terminated.'));
  };

  // Settles the write that is under way.
  const performTransform = (stream, chunk) => {
    const { controller } = stream;
    let result;
    try {
      result = controller.algorithms.transform(controller, chunk);
    } catch (e) {
      enqueue(transformFailed, stream, e);
      return;
    }
    if (result !== LATER) react(result, writeDone, transformFailedOfWritable, stream.writable.controller);
  };
  // For an algorithm that gave LATER.
  const transformDone = (stream) => writeDone(stream.writable.controller);
  const transformFailedOfWritable = (writableController, e) => transformFailed(writableController.owner, e);
  const transformFailed = (stream, e) => {
    TransformStreamError(stream, e);
    enqueue(W.writeFailed, stream.writable.controller, e);
  };

  // ---- §6.4.3: sinks ----

  const goOnWriting = (stream) => {
    const { chunk, writable } = stream;
    stream.chunk = undefined;
    if (writable.state === W.ERRORING) W.writeFailed(writable.controller, writable.storedError);
    else performTransform(stream, chunk);
  };

  // Settles [[finishPromise]] when the algorithm is done. A promise of the guest's is adopted by one of the standard's,
  // which takes two microtasks more: in that time the writable side may get errored, and that must be seen.
  const finishWith = (stream, result, onDone, onFailed) => {
    const { finish } = stream.controller;
    const ending = { __proto__: null, finish, onDone, onFailed, left: idl.isObject(result) ? 2 : 0 };
    react(result, finishDone, finishFailed, ending);
    return finish.promise();
  };
  const finishDone = (ending, value) => {
    if (ending.left-- > 0) enqueue(finishDone, ending, value);
    else ending.onDone(ending.finish);
  };
  const finishFailed = (ending, e) => {
    if (ending.left-- > 0) enqueue(finishFailed, ending, e);
    else ending.onFailed(ending.finish, e);
  };

  const sinkAlgorithms = {
    __proto__: null,
    write(writableController, chunk) {
      const stream = writableController.owner;
      if (stream.backpressure) {
        stream.writing = true;
        stream.chunk = chunk;
      } else performTransform(stream, chunk);
      return LATER;
    },
    erroring({ owner }) {
      const { controller } = owner;
      controller.algorithms.erroring?.(controller);
    },
    abort(writableController, reason) {
      const stream = writableController.owner;
      const { controller, readable } = stream;
      if (controller.finish !== undefined) return controller.finish.promise();
      controller.finish = new Deferred();
      const result = attempt(controller, 'cancel', reason);
      TransformStreamDefaultControllerClearAlgorithms(controller);
      return finishWith(stream, result, (finish) => {
        if (readable.state === R.ERRORED) finish.fail(readable.storedError);
        else {
          R.ReadableStreamDefaultControllerError(readable.controller, reason);
          finish.fulfil();
        }
      }, (finish, e) => {
        R.ReadableStreamDefaultControllerError(readable.controller, e);
        finish.fail(e);
      });
    },
    close(writableController) {
      const stream = writableController.owner;
      const { controller, readable } = stream;
      if (controller.finish !== undefined) return controller.finish.promise();
      controller.finish = new Deferred();
      const result = attempt(controller, 'flush', undefined);
      TransformStreamDefaultControllerClearAlgorithms(controller);
      return finishWith(stream, result, (finish) => {
        if (readable.state === R.ERRORED) finish.fail(readable.storedError);
        else {
          R.ReadableStreamDefaultControllerClose(readable.controller);
          finish.fulfil();
        }
      }, (finish, e) => {
        R.ReadableStreamDefaultControllerError(readable.controller, e);
        finish.fail(e);
      });
    },
  };

  const attempt = (controller, what, argument) => {
    try {
      return controller.algorithms[what](controller, argument);
    } catch (e) {
      return rejected(e);
    }
  };

  // ---- §6.4.4: sources ----

  const sourceAlgorithms = {
    __proto__: null,
    pull(readableController) {
      const stream = readableController.owner;
      TransformStreamSetBackpressure(stream, false);
      stream.pulling = true;
      const { controller } = stream;
      if (controller.algorithms.resume !== undefined) controller.algorithms.resume(controller);
      return LATER;
    },
    cancel(readableController, reason) {
      const stream = readableController.owner;
      const { controller, writable } = stream;
      if (controller.finish !== undefined) return controller.finish.promise();
      controller.finish = new Deferred();
      const result = attempt(controller, 'cancel', reason);
      TransformStreamDefaultControllerClearAlgorithms(controller);
      return finishWith(stream, result, (finish) => {
        if (writable.state === W.ERRORED) finish.fail(writable.storedError);
        else {
          W.WritableStreamDefaultControllerErrorIfNeeded(writable.controller, reason);
          TransformStreamUnblockWrite(stream);
          finish.fulfil();
        }
      }, (finish, e) => {
        W.WritableStreamDefaultControllerErrorIfNeeded(writable.controller, e);
        TransformStreamUnblockWrite(stream);
        finish.fail(e);
      });
    },
  };

  // ---- the classes ----

  class TransformStream {
    constructor(transformer = undefined, writableStrategy = undefined, readableStrategy = undefined) {
      const where = 'new TransformStream';
      if (transformer !== undefined) idl.object(transformer, where);
      writableStrategy = queuingStrategy(writableStrategy, where);
      readableStrategy = queuingStrategy(readableStrategy, where);
      const get = idl.dictionary(transformer, where);
      const cancel = method(get, 'cancel', where), flush = method(get, 'flush', where);
      if (get('readableType') !== undefined) throw new p.RangeError('The readableType of a transformer must be undefined.');
      const start = method(get, 'start', where), transform = method(get, 'transform', where);
      if (get('writableType') !== undefined) throw new p.RangeError('The writableType of a transformer must be undefined.');
      const readableHighWaterMark = ExtractHighWaterMark(readableStrategy, 0);
      const writableHighWaterMark = ExtractHighWaterMark(writableStrategy, 1);
      const stream = new Stream();
      stream.wrapper = this;
      streams.set(this, stream);
      InitializeTransformStream(
        stream, writableHighWaterMark, writableStrategy.size, readableHighWaterMark, readableStrategy.size);
      const controller =
        new Controller(stream, transform === undefined ? identityTransformer : guestTransformer, undefined);
      controller.transformer = transformer;
      controller.transform = transform;
      controller.flush = flush;
      controller.cancel = cancel;
      const result = start === undefined ? undefined : call(start, transformer, controllerWrapper(controller));
      react(result, started, startFailed, stream);
    }
    get readable() { return R.wrapperOf(streams.get(this).readable); }
    get writable() { return W.wrapperOf(streams.get(this).writable); }
  }

  class TransformStreamDefaultController {
    constructor() { throw new p.TypeError('Illegal constructor'); }
    get desiredSize() {
      return R.ReadableStreamDefaultControllerGetDesiredSize(controllers.get(this).stream.readable.controller);
    }
    enqueue(chunk = undefined) { TransformStreamDefaultControllerEnqueue(controllers.get(this), chunk); }
    error(reason = undefined) { TransformStreamDefaultControllerError(controllers.get(this), reason); }
    terminate() { TransformStreamDefaultControllerTerminate(controllers.get(this)); }
  }

  idl.define(TransformStream);
  idl.define(TransformStreamDefaultController);

  p.transferable('TransformStream', {
    __proto__: null,
    test: streams.has,
    transfer: (object) => p.use('streams_transfer').transferTransform(streams.get(object)),
    receive({ readable, writable }) {
      const stream = new Stream();
      stream.readable = readable;
      stream.writable = writable;
      return wrapperOf(stream);
    },
  });

  p.exports = {
    __proto__: null,
    streams, wrapperOf, CreateTransformStream, TransformStreamDefaultControllerEnqueue,
    TransformStreamDefaultControllerError, TransformStreamDefaultControllerTerminate, transformDone, transformFailed,
  };
  p.loaded = { TransformStream, TransformStreamDefaultController };
})
