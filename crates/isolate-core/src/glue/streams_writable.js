// Writable streams: https://streams.spec.whatwg.org/#ws
(function (host, p, engine) {
  'use strict';
  const idl = p.use('idl');
  const { call } = p;
  const { newPromise, rejected, react, enqueue } = engine;
  const {
    LATER, Queue, Deferred, PENDING, fulfilled, failed, countSize, queuingStrategy, ExtractHighWaterMark, checkedSize,
    wrap, method,
  } = p.use('streams_base');

  // [[state]]
  const WRITABLE = 0, ERRORING = 1, ERRORED = 2, CLOSED = 3;
  // Stands in the queue for the wish to close.
  const CLOSE = { __proto__: null };

  const streams = idl.slot('WritableStream');
  const writers = idl.slot('WritableStreamDefaultWriter');
  const controllers = idl.slot('WritableStreamDefaultController');

  class Stream {
    state = WRITABLE;
    storedError = undefined;
    writer = undefined;
    controller = undefined;
    // Requests are Deferreds, or whatever else has fulfil() and fail().
    writeRequests = new Queue();
    inFlightWriteRequest = undefined;
    closeRequest = undefined;
    inFlightCloseRequest = undefined;
    // Whether one of the two is there.
    closing = false;
    pendingAbortRequest = undefined;
    backpressure = false;
    wrapper = undefined;
  }
  class Controller {
    stream; algorithms; owner; highWaterMark; size;
    queue = new Queue();
    // Unless every chunk counts as 1.
    sizes = undefined;
    queueTotalSize = 0;
    started = false;
    // Of the signal, which is made when it is first asked for.
    signal = undefined;
    aborted = false;
    abortReason = undefined;
    wrapper = undefined;
    // Only of a guest's sink.
    sink = undefined;
    write = undefined;
    close = undefined;
    abort = undefined;
    constructor(stream, algorithms, owner, highWaterMark, size) {
      this.stream = stream;
      this.algorithms = algorithms;
      this.owner = owner;
      this.highWaterMark = highWaterMark;
      this.size = size === countSize ? undefined : size;
      if (this.size !== undefined) this.sizes = new Queue();
    }
  }
  class Writer {
    stream = undefined;
    // [[readyPromise]], once the guest has looked at it, or it is rejected.
    ready = undefined;
    closed = undefined;
    // A pipe, whose pump() is called in a microtask when there is no backpressure any more.
    pipe = undefined;
    pump = undefined;
    wrapper = undefined;
  }

  const wrapperOf = (stream) => (stream.wrapper ??= wrap(WritableStream, streams, stream));
  const controllerWrapper = (controller) =>
    (controller.wrapper ??= wrap(WritableStreamDefaultController, controllers, controller));

  // Algorithms get the controller. write and close give a value, a promise, or LATER; abort gives a value or a promise;
  // erroring, if there is one, is told when the stream begins to error, which a write that is under way could hold up.
  const guestSink = {
    __proto__: null,
    write: (c, chunk) => (c.write === undefined ? undefined : call(c.write, c.sink, chunk, c.wrapper ?? controllerWrapper(c))),
    close: (c) => (c.close === undefined ? undefined : call(c.close, c.sink)),
    abort: (c, reason) => (c.abort === undefined ? undefined : call(c.abort, c.sink, reason)),
    clear(c) { c.sink = c.write = c.close = c.abort = undefined; },
  };

  // ---- §5.5.1: working with writable streams ----

  // A stream over algorithms of glue.
  const CreateWritableStream = (algorithms, owner, startResult, highWaterMark, size) => {
    const stream = new Stream();
    const controller = new Controller(stream, algorithms, owner, highWaterMark, size);
    stream.controller = controller;
    stream.backpressure = WritableStreamDefaultControllerGetBackpressure(controller);
    if (startResult !== LATER) react(startResult, started, startFailed, controller);
    return stream;
  };

  const IsWritableStreamLocked = (stream) => stream.writer !== undefined;

  const AcquireWritableStreamDefaultWriter = (stream) => {
    const writer = new Writer();
    SetUpWritableStreamDefaultWriter(writer, stream);
    return writer;
  };

  const SetUpWritableStreamDefaultWriter = (writer, stream) => {
    if (stream.writer !== undefined) throw new p.TypeError('The WritableStream is locked to a writer already.');
    writer.stream = stream;
    stream.writer = writer;
    const { state } = stream;
    if (state === WRITABLE) writer.closed = new Deferred();
    else if (state === ERRORING) {
      writer.ready = failed(stream.storedError);
      writer.closed = new Deferred();
    } else if (state === CLOSED) writer.closed = fulfilled();
    else {
      writer.ready = failed(stream.storedError);
      writer.closed = failed(stream.storedError);
    }
  };

  // [[readyPromise]]: pending while there is backpressure.
  const readyOf = (writer) => {
    if (writer.ready === undefined) {
      const { stream } = writer;
      const waits = stream.state === WRITABLE && stream.backpressure && !stream.closing;
      writer.ready = waits ? new Deferred() : fulfilled();
    }
    return writer.ready;
  };

  // Gives a Deferred.
  const WritableStreamAbort = (stream, reason) => {
    if (stream.state === CLOSED || stream.state === ERRORED) return fulfilled();
    const { controller } = stream;
    if (!controller.aborted) {
      controller.aborted = true;
      controller.abortReason = reason;
      if (controller.signal !== undefined) p.use('abort').signalAbort(controller.signal, reason);
    }
    const { state } = stream;
    if (state === CLOSED || state === ERRORED) return fulfilled();
    if (stream.pendingAbortRequest !== undefined) return stream.pendingAbortRequest.deferred;
    const wasAlreadyErroring = state === ERRORING;
    const deferred = new Deferred();
    stream.pendingAbortRequest =
      { __proto__: null, deferred, reason: wasAlreadyErroring ? undefined : reason, wasAlreadyErroring };
    if (!wasAlreadyErroring) WritableStreamStartErroring(stream, reason);
    return deferred;
  };

  // Gives a Deferred.
  const WritableStreamClose = (stream) => {
    const { state } = stream;
    if (state === CLOSED || state === ERRORED) {
      const deferred = new Deferred();
      deferred.fail(new p.TypeError(
        'A WritableStream that is ' + (state === CLOSED ? 'closed' : 'errored') + ' cannot be closed.'));
      return deferred;
    }
    const deferred = new Deferred();
    stream.closeRequest = deferred;
    stream.closing = true;
    const { writer } = stream;
    if (writer !== undefined && stream.backpressure && state === WRITABLE && writer.ready !== undefined) {
      writer.ready.fulfil();
    }
    WritableStreamDefaultControllerClose(stream.controller);
    return deferred;
  };

  // ---- §5.5.2: interfacing with controllers ----

  const CloseQueuedOrInFlight = (stream) => stream.closing;

  const WritableStreamDealWithRejection = (stream, error) => {
    if (stream.state === WRITABLE) WritableStreamStartErroring(stream, error);
    else WritableStreamFinishErroring(stream);
  };

  const WritableStreamStartErroring = (stream, reason) => {
    const { controller, writer } = stream;
    stream.state = ERRORING;
    stream.storedError = reason;
    if (writer !== undefined) WritableStreamDefaultWriterEnsureReadyPromiseRejected(writer, reason);
    controller.algorithms.erroring?.(controller);
    if (stream.inFlightWriteRequest === undefined && stream.inFlightCloseRequest === undefined && controller.started) {
      WritableStreamFinishErroring(stream);
    }
  };

  const WritableStreamFinishErroring = (stream) => {
    stream.state = ERRORED;
    const { controller, writeRequests } = stream;
    ResetQueue(controller);
    const error = stream.storedError;
    while (writeRequests.length > 0) writeRequests.shift().fail(error);
    const request = stream.pendingAbortRequest;
    if (request === undefined) {
      WritableStreamRejectCloseAndClosedPromiseIfNeeded(stream);
      return;
    }
    stream.pendingAbortRequest = undefined;
    if (request.wasAlreadyErroring) {
      request.deferred.fail(error);
      WritableStreamRejectCloseAndClosedPromiseIfNeeded(stream);
      return;
    }
    const aborting = { __proto__: null, stream, deferred: request.deferred };
    const { algorithms } = controller;
    let result;
    try {
      result = algorithms.abort(controller, request.reason);
    } catch (e) {
      result = rejected(e);
    }
    WritableStreamDefaultControllerClearAlgorithms(controller);
    react(result, abortDone, abortFailed, aborting);
  };
  const abortDone = ({ stream, deferred }) => {
    deferred.fulfil();
    WritableStreamRejectCloseAndClosedPromiseIfNeeded(stream);
  };
  const abortFailed = ({ stream, deferred }, e) => {
    deferred.fail(e);
    WritableStreamRejectCloseAndClosedPromiseIfNeeded(stream);
  };

  const WritableStreamFinishInFlightWriteWithError = (stream, error) => {
    const request = stream.inFlightWriteRequest;
    stream.inFlightWriteRequest = undefined;
    request.fail(error);
    WritableStreamDealWithRejection(stream, error);
  };

  const WritableStreamFinishInFlightClose = (stream) => {
    stream.inFlightCloseRequest.fulfil();
    stream.inFlightCloseRequest = undefined;
    stream.closing = false;
    if (stream.state === ERRORING) {
      // The error came too late to do anything.
      stream.storedError = undefined;
      if (stream.pendingAbortRequest !== undefined) {
        stream.pendingAbortRequest.deferred.fulfil();
        stream.pendingAbortRequest = undefined;
      }
    }
    stream.state = CLOSED;
    if (stream.writer !== undefined) stream.writer.closed.fulfil();
  };

  const WritableStreamFinishInFlightCloseWithError = (stream, error) => {
    stream.inFlightCloseRequest.fail(error);
    stream.inFlightCloseRequest = undefined;
    stream.closing = false;
    if (stream.pendingAbortRequest !== undefined) {
      stream.pendingAbortRequest.deferred.fail(error);
      stream.pendingAbortRequest = undefined;
    }
    WritableStreamDealWithRejection(stream, error);
  };

  const WritableStreamRejectCloseAndClosedPromiseIfNeeded = (stream) => {
    if (stream.closeRequest !== undefined) {
      stream.closeRequest.fail(stream.storedError);
      stream.closeRequest = undefined;
      stream.closing = false;
    }
    const { writer } = stream;
    if (writer !== undefined) {
      writer.closed.fail(stream.storedError);
      writer.closed.markHandled();
    }
  };

  // Only called when it changes.
  const WritableStreamUpdateBackpressure = (stream, backpressure) => {
    stream.backpressure = backpressure;
    const { writer } = stream;
    if (writer === undefined) return;
    if (writer.ready !== undefined) {
      if (backpressure) writer.ready = new Deferred();
      else writer.ready.fulfil();
    }
    if (!backpressure && writer.pipe !== undefined) enqueue(writer.pump, writer.pipe);
  };

  // ---- §5.5.3: writers ----

  const WritableStreamDefaultWriterCloseWithErrorPropagation = (writer) => {
    const { stream } = writer;
    if (CloseQueuedOrInFlight(stream) || stream.state === CLOSED) return fulfilled();
    if (stream.state === ERRORED) {
      const deferred = new Deferred();
      deferred.fail(stream.storedError);
      return deferred;
    }
    return WritableStreamClose(stream);
  };

  const WritableStreamDefaultWriterEnsureReadyPromiseRejected = (writer, error) => {
    if (writer.ready !== undefined && writer.ready.state === PENDING) {
      writer.ready.fail(error);
      writer.ready.markHandled();
    } else writer.ready = failed(error);
  };

  const WritableStreamDefaultWriterEnsureClosedPromiseRejected = (writer, error) => {
    if (writer.closed.state === PENDING) writer.closed.fail(error);
    else writer.closed = failed(error);
    writer.closed.markHandled();
  };

  const WritableStreamDefaultWriterGetDesiredSize = ({ stream }) => {
    if (stream.state === ERRORED || stream.state === ERRORING) return null;
    if (stream.state === CLOSED) return 0;
    return stream.controller.highWaterMark - stream.controller.queueTotalSize;
  };

  const WritableStreamDefaultWriterRelease = (writer) => {
    const { stream } = writer;
    const error = new p.TypeError('The writer was released from its WritableStream.');
    WritableStreamDefaultWriterEnsureReadyPromiseRejected(writer, error);
    WritableStreamDefaultWriterEnsureClosedPromiseRejected(writer, error);
    stream.writer = undefined;
    writer.stream = undefined;
  };

  // The request is settled when the chunk is written, or cannot be.
  const WritableStreamDefaultWriterWrite = (writer, chunk, request) => {
    const { stream } = writer;
    const { controller } = stream;
    let chunkSize = 1;
    if (controller.size !== undefined) {
      chunkSize = WritableStreamDefaultControllerGetChunkSize(controller, chunk);
      if (stream !== writer.stream) {
        request.fail(new p.TypeError('The writer was released from its WritableStream.'));
        return;
      }
    }
    if (stream.state !== WRITABLE || stream.closing) {
      if (stream.state === ERRORED || stream.state === ERRORING) request.fail(stream.storedError);
      else request.fail(new p.TypeError('A chunk cannot be written to a WritableStream that is closed or closing.'));
      return;
    }
    WritableStreamDefaultControllerWrite(controller, chunk, chunkSize, request);
  };

  // ---- §5.5.4: controllers ----

  const started = (controller) => {
    controller.started = true;
    WritableStreamDefaultControllerAdvanceQueueIfNeeded(controller);
  };
  const startFailed = (controller, e) => {
    controller.started = true;
    WritableStreamDealWithRejection(controller.stream, e);
  };

  const SetUpWritableStreamDefaultControllerFromUnderlyingSink = (stream, underlyingSink, strategy) => {
    const where = 'new WritableStream';
    const get = idl.dictionary(underlyingSink, where);
    const abort = method(get, 'abort', where), close = method(get, 'close', where), start = method(get, 'start', where);
    if (get('type') !== undefined) throw new p.RangeError('The type of an underlying sink must be undefined.');
    const write = method(get, 'write', where);
    const highWaterMark = ExtractHighWaterMark(strategy, 1);
    const controller = new Controller(stream, guestSink, undefined, highWaterMark, strategy.size);
    controller.sink = underlyingSink;
    controller.abort = abort;
    controller.close = close;
    controller.write = write;
    stream.controller = controller;
    stream.backpressure = WritableStreamDefaultControllerGetBackpressure(controller);
    const result = start === undefined ? undefined : call(start, underlyingSink, controllerWrapper(controller));
    react(result, started, startFailed, controller);
  };

  const ResetQueue = (controller) => {
    controller.queue.clear();
    if (controller.sizes !== undefined) controller.sizes.clear();
    controller.queueTotalSize = 0;
  };

  const WritableStreamDefaultControllerAdvanceQueueIfNeeded = (controller) => {
    const { stream, queue } = controller;
    if (!controller.started || stream.inFlightWriteRequest !== undefined) return;
    if (stream.state === ERRORING) {
      WritableStreamFinishErroring(stream);
      return;
    }
    if (queue.length === 0) return;
    const chunk = queue.shift();
    if (chunk === CLOSE) WritableStreamDefaultControllerProcessClose(controller);
    else WritableStreamDefaultControllerProcessWrite(controller, chunk, stream.writeRequests.shift());
  };

  const WritableStreamDefaultControllerClearAlgorithms = (controller) => {
    controller.algorithms.clear?.(controller);
    controller.size = undefined;
  };

  const WritableStreamDefaultControllerClose = (controller) => {
    controller.queue.push(CLOSE);
    WritableStreamDefaultControllerAdvanceQueueIfNeeded(controller);
  };

  const WritableStreamDefaultControllerError = (controller, error) => {
    WritableStreamDefaultControllerClearAlgorithms(controller);
    WritableStreamStartErroring(controller.stream, error);
  };

  const WritableStreamDefaultControllerErrorIfNeeded = (controller, error) => {
    if (controller.stream.state === WRITABLE) WritableStreamDefaultControllerError(controller, error);
  };

  const WritableStreamDefaultControllerGetBackpressure = (controller) =>
    controller.highWaterMark - controller.queueTotalSize <= 0;

  // A size that a queue cannot have is found by the write that follows.
  const WritableStreamDefaultControllerGetChunkSize = (controller, chunk) => {
    const { size } = controller;
    try {
      return +size(chunk);
    } catch (e) {
      WritableStreamDefaultControllerErrorIfNeeded(controller, e);
      return 1;
    }
  };

  const WritableStreamDefaultControllerProcessClose = (controller) => {
    const { stream, algorithms } = controller;
    stream.inFlightCloseRequest = stream.closeRequest;
    stream.closeRequest = undefined;
    let result;
    try {
      result = algorithms.close(controller);
    } catch (e) {
      result = rejected(e);
    }
    WritableStreamDefaultControllerClearAlgorithms(controller);
    if (result !== LATER) react(result, closeDone, closeFailed, controller);
  };
  const closeDone = (controller) => WritableStreamFinishInFlightClose(controller.stream);
  const closeFailed = (controller, e) => WritableStreamFinishInFlightCloseWithError(controller.stream, e);

  // The chunk has left the queue already; it counts until it is written.
  const WritableStreamDefaultControllerProcessWrite = (controller, chunk, request) => {
    controller.stream.inFlightWriteRequest = request;
    let result;
    try {
      result = controller.algorithms.write(controller, chunk);
    } catch (e) {
      enqueue(writeFailed, controller, e);
      return;
    }
    if (result !== LATER) react(result, writeDone, writeFailed, controller);
  };
  const writeDone = (controller) => {
    const { stream } = controller;
    const request = stream.inFlightWriteRequest;
    stream.inFlightWriteRequest = undefined;
    request.fulfil();
    const { state } = stream;
    if (controller.sizes === undefined) controller.queueTotalSize--;
    else {
      const left = controller.queueTotalSize - controller.sizes.shift();
      controller.queueTotalSize = left < 0 ? 0 : left;
    }
    if (state === WRITABLE && !stream.closing) {
      const backpressure = controller.highWaterMark - controller.queueTotalSize <= 0;
      if (backpressure !== stream.backpressure) WritableStreamUpdateBackpressure(stream, backpressure);
    }
    if (state !== WRITABLE || controller.queue.length > 0) {
      WritableStreamDefaultControllerAdvanceQueueIfNeeded(controller);
    }
  };
  const writeFailed = (controller, e) => {
    const { stream } = controller;
    if (stream.state === WRITABLE) WritableStreamDefaultControllerClearAlgorithms(controller);
    WritableStreamFinishInFlightWriteWithError(stream, e);
  };

  const WritableStreamDefaultControllerWrite = (controller, chunk, chunkSize, request) => {
    const { stream, queue } = controller;
    if (controller.sizes === undefined) controller.queueTotalSize++;
    else {
      try {
        chunkSize = checkedSize(chunkSize);
      } catch (e) {
        stream.writeRequests.push(request);
        WritableStreamDefaultControllerErrorIfNeeded(controller, e);
        return;
      }
      controller.sizes.push(chunkSize);
      controller.queueTotalSize += chunkSize;
    }
    const backpressure = controller.highWaterMark - controller.queueTotalSize <= 0;
    if (backpressure !== stream.backpressure) WritableStreamUpdateBackpressure(stream, backpressure);
    if (controller.started && queue.length === 0 && stream.inFlightWriteRequest === undefined) {
      WritableStreamDefaultControllerProcessWrite(controller, chunk, request);
    } else {
      queue.push(chunk);
      stream.writeRequests.push(request);
    }
  };

  // ---- the classes ----

  class WritableStream {
    constructor(underlyingSink = undefined, strategy = undefined) {
      const where = 'new WritableStream';
      if (underlyingSink !== undefined) idl.object(underlyingSink, where);
      strategy = queuingStrategy(strategy, where);
      const stream = new Stream();
      stream.wrapper = this;
      streams.set(this, stream);
      SetUpWritableStreamDefaultControllerFromUnderlyingSink(stream, underlyingSink, strategy);
    }
    get locked() { return IsWritableStreamLocked(streams.get(this)); }
    abort(reason = undefined) {
      if (!streams.has(this)) return rejected(idl.illegal());
      const stream = streams.get(this);
      if (IsWritableStreamLocked(stream)) return rejected(new p.TypeError('A locked WritableStream cannot be aborted.'));
      return WritableStreamAbort(stream, reason).promise();
    }
    close() {
      if (!streams.has(this)) return rejected(idl.illegal());
      const stream = streams.get(this);
      if (IsWritableStreamLocked(stream)) return rejected(new p.TypeError('A locked WritableStream cannot be closed.'));
      if (CloseQueuedOrInFlight(stream)) return rejected(new p.TypeError('The WritableStream is closing already.'));
      return WritableStreamClose(stream).promise();
    }
    getWriter() { return writerWrapper(AcquireWritableStreamDefaultWriter(streams.get(this))); }
  }

  // A write() of the guest.
  class PromiseRequest {
    promise; resolve; reject;
    constructor(capability) {
      this.promise = capability[0];
      this.resolve = capability[1];
      this.reject = capability[2];
    }
    fulfil() { this.resolve(); }
    fail(e) { this.reject(e); }
  }

  const writerWrapper = (writer) => (writer.wrapper ??= wrap(WritableStreamDefaultWriter, writers, writer));
  const released = () => rejected(new p.TypeError('The writer was released from its WritableStream.'));

  class WritableStreamDefaultWriter {
    constructor(stream) {
      const where = 'new WritableStreamDefaultWriter';
      idl.need(arguments.length, 1, where);
      if (!streams.has(stream)) throw idl.typeError(where, 'parameter 1 is not of type \'WritableStream\'.');
      const writer = new Writer();
      SetUpWritableStreamDefaultWriter(writer, streams.get(stream));
      writer.wrapper = this;
      writers.set(this, writer);
    }
    get closed() { return writers.has(this) ? writers.get(this).closed.promise() : rejected(idl.illegal()); }
    get desiredSize() {
      const writer = writers.get(this);
      if (writer.stream === undefined) throw new p.TypeError('The writer was released from its WritableStream.');
      return WritableStreamDefaultWriterGetDesiredSize(writer);
    }
    get ready() { return writers.has(this) ? readyOf(writers.get(this)).promise() : rejected(idl.illegal()); }
    abort(reason = undefined) {
      if (!writers.has(this)) return rejected(idl.illegal());
      const { stream } = writers.get(this);
      return stream === undefined ? released() : WritableStreamAbort(stream, reason).promise();
    }
    close() {
      if (!writers.has(this)) return rejected(idl.illegal());
      const { stream } = writers.get(this);
      if (stream === undefined) return released();
      if (CloseQueuedOrInFlight(stream)) return rejected(new p.TypeError('The WritableStream is closing already.'));
      return WritableStreamClose(stream).promise();
    }
    releaseLock() {
      const writer = writers.get(this);
      if (writer.stream !== undefined) WritableStreamDefaultWriterRelease(writer);
    }
    write(chunk = undefined) {
      if (!writers.has(this)) return rejected(idl.illegal());
      const writer = writers.get(this);
      if (writer.stream === undefined) return released();
      const request = new PromiseRequest(newPromise());
      WritableStreamDefaultWriterWrite(writer, chunk, request);
      return request.promise;
    }
  }

  class WritableStreamDefaultController {
    constructor() { throw new p.TypeError('Illegal constructor'); }
    get signal() {
      const controller = controllers.get(this);
      if (controller.signal === undefined) {
        const abort = p.use('abort');
        controller.signal = abort.create();
        if (controller.aborted) abort.signalAbort(controller.signal, controller.abortReason);
      }
      return controller.signal;
    }
    error(e = undefined) {
      const controller = controllers.get(this);
      if (controller.stream.state === WRITABLE) WritableStreamDefaultControllerError(controller, e);
    }
  }

  idl.define(WritableStream);
  idl.define(WritableStreamDefaultWriter);
  idl.define(WritableStreamDefaultController);

  p.platform('WritableStream', {
    __proto__: null,
    test: streams.has,
    send: (object) => p.use('streams_host').sendWritable(streams.get(object)),
    receive: (id) => wrapperOf(p.use('streams_host').receiveWritable(id)),
  });

  p.transferable('WritableStream', {
    __proto__: null,
    test: streams.has,
    transfer: (object) => p.use('streams_transfer').transferWritable(streams.get(object)),
    receive: wrapperOf,
  });

  p.exports = {
    __proto__: null,
    WRITABLE, ERRORING, ERRORED, CLOSED,
    WritableStream, streams, wrapperOf, CreateWritableStream, IsWritableStreamLocked, AcquireWritableStreamDefaultWriter,
    WritableStreamAbort, WritableStreamClose, CloseQueuedOrInFlight,
    WritableStreamDefaultControllerErrorIfNeeded, WritableStreamDefaultWriterWrite, WritableStreamDefaultWriterRelease,
    WritableStreamDefaultWriterCloseWithErrorPropagation, WritableStreamDefaultWriterGetDesiredSize,
    started, startFailed, writeDone, writeFailed, closeDone, closeFailed,
  };
  p.loaded = { WritableStream, WritableStreamDefaultWriter, WritableStreamDefaultController };
})
