// Readable streams, their default controller and default reader: https://streams.spec.whatwg.org/#rs
//
// Byte streams, and what moves chunks from stream to stream, are modules of their own, loaded when they are needed.
(function (host, p, engine) {
  'use strict';
  const idl = p.use('idl');
  const { call } = p;
  const { newPromise, resolved, rejected, markHandled, react, enqueue, then } = engine;
  const {
    LATER, Queue, Deferred, PENDING, fulfilled, failed, countSize, queuingStrategy, ExtractHighWaterMark, checkedSize,
    wrap, method,
  } = p.use('streams_base');

  // [[state]]
  const READABLE = 0, CLOSED = 1, ERRORED = 2;

  const streams = idl.slot('ReadableStream');
  const readers = idl.slot('ReadableStreamDefaultReader');
  const controllers = idl.slot('ReadableStreamDefaultController');

  class Stream {
    state = READABLE;
    reader = undefined;
    storedError = undefined;
    disturbed = false;
    controller = undefined;
    wrapper = undefined;
    // What a stream of the host is known by there.
    origin = undefined;
  }
  class Controller {
    isByte = false;
    stream; algorithms; owner; highWaterMark; size;
    queue = new Queue();
    // Unless every chunk counts as 1.
    sizes = undefined;
    queueTotalSize = 0;
    started = false;
    closeRequested = false;
    pulling = false;
    pullAgain = false;
    wrapper = undefined;
    // Only of a guest's source.
    source = undefined;
    pull = undefined;
    cancel = undefined;
    constructor(stream, algorithms, owner, highWaterMark, size) {
      this.stream = stream;
      this.algorithms = algorithms;
      this.owner = owner;
      this.highWaterMark = highWaterMark;
      this.size = size === countSize ? undefined : size;
      if (this.size !== undefined) this.sizes = new Queue();
    }
    // [[CancelSteps]]
    cancelSteps(reason) {
      ResetQueue(this);
      const result = cancelled(this, reason);
      ClearAlgorithms(this);
      return result;
    }
    // [[PullSteps]]
    pullSteps(request) {
      const { stream, queue } = this;
      if (queue.length === 0) {
        const { reader } = stream;
        if (reader.request === undefined) reader.request = request;
        else reader.requests.push(request);
        CallPullIfNeeded(this);
        return;
      }
      const chunk = queue.shift();
      if (this.sizes === undefined) this.queueTotalSize--;
      else {
        const left = this.queueTotalSize - this.sizes.shift();
        this.queueTotalSize = left < 0 ? 0 : left;
      }
      if (this.closeRequested && queue.length === 0) {
        ClearAlgorithms(this);
        ReadableStreamClose(stream);
      } else CallPullIfNeeded(this);
      request.chunkSteps(chunk);
    }
    // [[ReleaseSteps]]
    releaseSteps() {}
  }
  class Reader {
    isByob = false;
    stream = undefined;
    closed = undefined;
    // [[readRequests]] or [[readIntoRequests]]: the first, and those after it. Each has chunkSteps, closeSteps and
    // errorSteps.
    request = undefined;
    requests = new Queue();
    wrapper = undefined;
    add(request) {
      if (this.request === undefined) this.request = request;
      else this.requests.push(request);
    }
    shift() {
      const { request, requests } = this;
      this.request = requests.length === 0 ? undefined : requests.shift();
      return request;
    }
    get count() { return this.request === undefined ? 0 : this.requests.length + 1; }
    // All of them, as a queue that is the caller's.
    take() {
      const { request, requests } = this;
      const all = new Queue();
      if (request !== undefined) all.push(request);
      while (requests.length > 0) all.push(requests.shift());
      this.request = undefined;
      return all;
    }
  }

  // The result of a source's cancel: a value or a promise.
  const cancelled = (controller, reason) => {
    try {
      return controller.algorithms.cancel(controller, reason);
    } catch (e) {
      return rejected(e);
    }
  };

  const wrapperOf = (stream) => (stream.wrapper ??= wrap(ReadableStream, streams, stream));
  const controllerWrapper = (controller) =>
    (controller.wrapper ??= wrap(ReadableStreamDefaultController, controllers, controller));

  // Algorithms get the controller; pull gives a value, a promise, or LATER, and cancel a value or a promise.
  const guestSource = {
    __proto__: null,
    pull: (c) => call(c.pull, c.source, c.wrapper ?? controllerWrapper(c)),
    cancel: (c, reason) => (c.cancel === undefined ? undefined : call(c.cancel, c.source, reason)),
    clear(c) { c.source = c.pull = c.cancel = undefined; },
  };
  const idleSource = { __proto__: null, pull: undefined, cancel: guestSource.cancel, clear: guestSource.clear };

  // ---- §4.9.1: working with readable streams ----

  // A stream over algorithms of glue.
  const CreateReadableStream = (algorithms, owner, startResult, highWaterMark, size) => {
    const stream = new Stream();
    const controller = new Controller(stream, algorithms, owner, highWaterMark, size);
    stream.controller = controller;
    if (startResult !== LATER) react(startResult, started, startFailed, controller);
    return stream;
  };

  const IsReadableStreamLocked = (stream) => stream.reader !== undefined;

  const initialize = (reader, stream) => {
    if (stream.reader !== undefined) throw new p.TypeError('The ReadableStream is locked to a reader already.');
    reader.stream = stream;
    stream.reader = reader;
    if (stream.state === READABLE) reader.closed = new Deferred();
    else if (stream.state === CLOSED) reader.closed = fulfilled();
    else reader.closed = failed(stream.storedError);
    return reader;
  };

  const AcquireReadableStreamDefaultReader = (stream) => initialize(new Reader(), stream);

  // ---- §4.9.2: interfacing with controllers ----

  // Gives a promise.
  const ReadableStreamCancel = (stream, reason) => {
    stream.disturbed = true;
    if (stream.state === CLOSED) return resolved(undefined);
    if (stream.state === ERRORED) return rejected(stream.storedError);
    ReadableStreamClose(stream);
    const { reader } = stream;
    if (reader !== undefined && reader.isByob) {
      const requests = reader.take();
      while (requests.length > 0) requests.shift().closeSteps(undefined);
    }
    return then(resolved(stream.controller.cancelSteps(reason)), nothing, undefined);
  };
  const nothing = () => undefined;

  const ReadableStreamClose = (stream) => {
    stream.state = CLOSED;
    const { reader } = stream;
    if (reader === undefined) return;
    reader.closed.fulfil();
    if (reader.isByob || reader.request === undefined) return;
    const requests = reader.take();
    while (requests.length > 0) requests.shift().closeSteps();
  };

  const ReadableStreamError = (stream, e) => {
    stream.state = ERRORED;
    stream.storedError = e;
    const { reader } = stream;
    if (reader === undefined) return;
    reader.closed.fail(e);
    reader.closed.markHandled();
    failRequests(reader, e);
  };
  const failRequests = (reader, e) => {
    if (reader.request === undefined) return;
    const requests = reader.take();
    while (requests.length > 0) requests.shift().errorSteps(e);
  };

  // ---- §4.9.3: readers ----

  const ReadableStreamReaderGenericCancel = (reader, reason) => ReadableStreamCancel(reader.stream, reason);

  const releasedError = () => new p.TypeError('The reader was released from its ReadableStream.');

  // Of both kinds of readers.
  const ReadableStreamReaderRelease = (reader) => {
    const { stream } = reader;
    if (stream.state === READABLE) reader.closed.fail(releasedError());
    else reader.closed = failed(releasedError());
    reader.closed.markHandled();
    stream.controller.releaseSteps();
    stream.reader = undefined;
    reader.stream = undefined;
    failRequests(reader, releasedError());
  };

  const ReadableStreamDefaultReaderRead = (reader, request) => {
    const { stream } = reader;
    stream.disturbed = true;
    if (stream.state === READABLE) stream.controller.pullSteps(request);
    else if (stream.state === CLOSED) request.closeSteps();
    else request.errorSteps(stream.storedError);
  };

  // ---- §4.9.4: default controllers ----

  const started = (controller) => {
    controller.started = true;
    CallPullIfNeeded(controller);
  };
  const startFailed = (controller, e) => ReadableStreamDefaultControllerError(controller, e);

  // With ReadableStreamDefaultControllerShouldCallPull in it.
  const CallPullIfNeeded = (controller) => {
    const { algorithms, stream } = controller;
    if (algorithms.pull === undefined || stream.state !== READABLE || controller.closeRequested || !controller.started) {
      return;
    }
    if (controller.highWaterMark - controller.queueTotalSize <= 0) {
      const { reader } = stream;
      if (reader === undefined || reader.request === undefined) return;
    }
    if (controller.pulling) {
      controller.pullAgain = true;
      return;
    }
    controller.pulling = true;
    let result;
    try {
      result = algorithms.pull(controller);
    } catch (e) {
      enqueue(pullFailed, controller, e);
      return;
    }
    if (result !== LATER) react(result, pullDone, pullFailed, controller);
  };
  const pullDone = (controller) => {
    controller.pulling = false;
    if (controller.pullAgain) {
      controller.pullAgain = false;
      CallPullIfNeeded(controller);
    }
  };
  const pullFailed = (controller, e) => ReadableStreamDefaultControllerError(controller, e);

  const ShouldCallPull = (controller) => {
    const { stream } = controller;
    if (controller.closeRequested || stream.state !== READABLE || !controller.started) return false;
    const { reader } = stream;
    if (reader !== undefined && reader.request !== undefined) return true;
    return controller.highWaterMark - controller.queueTotalSize > 0;
  };

  const ClearAlgorithms = (controller) => {
    controller.algorithms.clear?.(controller);
    controller.algorithms = idleSource;
    controller.size = undefined;
  };

  const ResetQueue = (controller) => {
    controller.queue.clear();
    if (controller.sizes !== undefined) controller.sizes.clear();
    controller.queueTotalSize = 0;
  };

  const ReadableStreamDefaultControllerCanCloseOrEnqueue = (controller) =>
    !controller.closeRequested && controller.stream.state === READABLE;

  const ReadableStreamDefaultControllerClose = (controller) => {
    if (!ReadableStreamDefaultControllerCanCloseOrEnqueue(controller)) return;
    controller.closeRequested = true;
    if (controller.queue.length === 0) {
      ClearAlgorithms(controller);
      ReadableStreamClose(controller.stream);
    }
  };

  const ReadableStreamDefaultControllerEnqueue = (controller, chunk) => {
    const { stream } = controller;
    if (controller.closeRequested || stream.state !== READABLE) return;
    const { reader } = stream;
    if (reader !== undefined && reader.request !== undefined) {
      const { request, requests } = reader;
      reader.request = requests.length === 0 ? undefined : requests.shift();
      request.chunkSteps(chunk);
    } else {
      const { size, sizes } = controller;
      if (sizes === undefined) {
        controller.queue.push(chunk);
        controller.queueTotalSize++;
      } else {
        let chunkSize;
        try {
          chunkSize = checkedSize(size(chunk));
        } catch (e) {
          ReadableStreamDefaultControllerError(controller, e);
          throw e;
        }
        controller.queue.push(chunk);
        sizes.push(chunkSize);
        controller.queueTotalSize += chunkSize;
      }
    }
    CallPullIfNeeded(controller);
  };

  const ReadableStreamDefaultControllerError = (controller, e) => {
    const { stream } = controller;
    if (stream.state !== READABLE) return;
    ResetQueue(controller);
    ClearAlgorithms(controller);
    ReadableStreamError(stream, e);
  };

  const ReadableStreamDefaultControllerGetDesiredSize = (controller) => {
    const { state } = controller.stream;
    if (state === ERRORED) return null;
    if (state === CLOSED) return 0;
    return controller.highWaterMark - controller.queueTotalSize;
  };

  const ReadableStreamDefaultControllerHasBackpressure = (controller) => !ShouldCallPull(controller);

  const SetUpReadableStreamDefaultControllerFromUnderlyingSource = (stream, underlyingSource, members, highWaterMark, size) => {
    const { start } = members;
    const algorithms = members.pull === undefined ? idleSource : guestSource;
    const controller = new Controller(stream, algorithms, undefined, highWaterMark, size);
    controller.source = underlyingSource;
    controller.pull = members.pull;
    controller.cancel = members.cancel;
    stream.controller = controller;
    const result = start === undefined ? undefined : call(start, underlyingSource, controllerWrapper(controller));
    react(result, started, startFailed, controller);
  };

  // ---- reading by the guest ----

  // A read() of the guest. Its promise is made when the steps did not run before it is asked for.
  class PromiseRequest {
    real = undefined;
    resolve = undefined;
    reject = undefined;
    chunkSteps(chunk) { this.settle({ value: chunk, done: false }); }
    closeSteps(chunk) { this.settle({ value: chunk, done: true }); }
    errorSteps(e) {
      if (this.reject === undefined) this.real = rejected(e);
      else this.reject(e);
    }
    settle(result) {
      if (this.resolve === undefined) this.real = resolved(result);
      else this.resolve(result);
    }
    promise() {
      if (this.real === undefined) {
        const capability = newPromise();
        this.real = capability[0];
        this.resolve = capability[1];
        this.reject = capability[2];
      }
      return this.real;
    }
  }

  // Web IDL §3.7.10: asynchronous iterators. A call of next() or return() begins when the one before has ended.
  class IteratorState {
    reader; preventCancel;
    ongoing = undefined;
    finished = false;
    constructor(reader, preventCancel) {
      this.reader = reader;
      this.preventCancel = preventCancel;
    }
  }
  // One call of next().
  class IteratorRequest {
    state; resolve; reject;
    constructor(state, capability) {
      this.state = state;
      this.resolve = capability[1];
      this.reject = capability[2];
    }
    chunkSteps(chunk) { react(chunk, iterated, iterationFailed, this); }
    closeSteps() {
      ReadableStreamReaderRelease(this.state.reader);
      enqueue(iterationEnded, this);
    }
    errorSteps(e) {
      ReadableStreamReaderRelease(this.state.reader);
      enqueue(iterationFailed, this, e);
    }
  }
  const iterated = (request, value) => {
    request.state.ongoing = undefined;
    request.resolve({ value, done: false });
  };
  const iterationEnded = (request) => {
    request.state.ongoing = undefined;
    request.state.finished = true;
    request.resolve({ value: undefined, done: true });
  };
  const iterationFailed = (request, e) => {
    request.state.ongoing = undefined;
    request.state.finished = true;
    request.reject(e);
  };
  const iterators = idl.slot('ReadableStream AsyncIterator');
  const nextOf = (state) => {
    if (state.finished) return resolved({ value: undefined, done: true });
    const capability = newPromise();
    ReadableStreamDefaultReaderRead(state.reader, new IteratorRequest(state, capability));
    return capability[0];
  };
  const returnOf = (state, value) => {
    const end = () => ({ value, done: true });
    if (state.finished) return resolved(end());
    state.finished = true;
    const { reader } = state;
    if (state.preventCancel) {
      ReadableStreamReaderRelease(reader);
      return then(resolved(undefined), end, undefined);
    }
    const result = ReadableStreamReaderGenericCancel(reader, value);
    ReadableStreamReaderRelease(reader);
    return then(result, end, undefined);
  };
  const AsyncIteratorPrototype = p.ObjectGetPrototypeOf(p.ObjectGetPrototypeOf((async function* () {}).prototype));
  const iteratorPrototype = {
    __proto__: AsyncIteratorPrototype,
    next() {
      if (!iterators.has(this)) return rejected(idl.illegal());
      const state = iterators.get(this);
      const step = () => nextOf(state);
      return (state.ongoing = state.ongoing === undefined ? step() : then(state.ongoing, step, step));
    },
    return(value) {
      if (!iterators.has(this)) return rejected(idl.illegal());
      const state = iterators.get(this);
      const step = () => returnOf(state, value);
      return (state.ongoing = state.ongoing === undefined ? step() : then(state.ongoing, step, step));
    },
  };
  p.ObjectDefineProperty(iteratorPrototype, p.SymbolToStringTag,
    { __proto__: null, value: 'ReadableStream AsyncIterator', configurable: true });

  // A byte stream for the guest of what next() gives each time that it is pulled: a Uint8Array, or undefined at the end,
  // or a promise of one. onCancel may be undefined.
  const readableOfBytes = (next, onCancel) => {
    const owner = { __proto__: null, next, onCancel };
    return wrapperOf(p.use('streams_byte').CreateReadableByteStream(bytesSource, owner, undefined, 0, undefined));
  };
  const bytesSource = {
    __proto__: null,
    pull(controller) {
      idl.after(controller.owner.next(), gotBytes, gotError, controller);
      return LATER;
    },
    cancel: ({ owner }, reason) => (owner.onCancel === undefined ? undefined : owner.onCancel(reason)),
  };
  const gotBytes = (controller, bytes) => p.use('streams_byte').pulledBytes(controller, bytes);
  const gotError = (controller, e) => p.use('streams_byte').pullFailed(controller, e);

  // ---- the classes ----

  const requireUnlocked = (stream, what) => {
    if (IsReadableStreamLocked(stream)) throw new p.TypeError('A locked ReadableStream cannot be ' + what + '.');
  };
  // Members of StreamPipeOptions.
  const pipeOptions = (v, where) => {
    const get = idl.dictionary(v, where);
    const preventAbort = !!get('preventAbort'), preventCancel = !!get('preventCancel');
    const preventClose = !!get('preventClose');
    const signal = get('signal');
    if (signal !== undefined && !p.use('abort').isSignal(signal)) {
      throw idl.typeError(where, 'member signal is not of type \'AbortSignal\'.');
    }
    return { __proto__: null, preventAbort, preventCancel, preventClose, signal };
  };

  class ReadableStream {
    constructor(underlyingSource = undefined, strategy = undefined) {
      const where = 'new ReadableStream';
      if (underlyingSource !== undefined) idl.object(underlyingSource, where);
      strategy = queuingStrategy(strategy, where);
      const get = idl.dictionary(underlyingSource, where);
      let autoAllocateChunkSize = get('autoAllocateChunkSize');
      if (autoAllocateChunkSize !== undefined) {
        autoAllocateChunkSize = idl.unsignedLongLong(autoAllocateChunkSize, where, { enforceRange: true });
      }
      const members = {
        __proto__: null, autoAllocateChunkSize,
        cancel: method(get, 'cancel', where), pull: method(get, 'pull', where), start: method(get, 'start', where),
      };
      const type = get('type');
      if (type !== undefined) idl.enumeration(type, ['bytes'], where);
      const stream = new Stream();
      stream.wrapper = this;
      streams.set(this, stream);
      if (type === undefined) {
        const highWaterMark = ExtractHighWaterMark(strategy, 1);
        SetUpReadableStreamDefaultControllerFromUnderlyingSource(
          stream, underlyingSource, members, highWaterMark, strategy.size);
        return;
      }
      if (strategy.size !== undefined) {
        throw new p.RangeError('The strategy of a byte stream cannot have a size function.');
      }
      const highWaterMark = ExtractHighWaterMark(strategy, 0);
      p.use('streams_byte').SetUpReadableByteStreamControllerFromUnderlyingSource(
        stream, underlyingSource, members, highWaterMark);
    }
    static from(asyncIterable) {
      idl.need(arguments.length, 1, 'ReadableStream.from');
      return wrapperOf(p.use('streams_pipe').ReadableStreamFromIterable(asyncIterable));
    }
    get locked() { return IsReadableStreamLocked(streams.get(this)); }
    cancel(reason = undefined) {
      if (!streams.has(this)) return rejected(idl.illegal());
      const stream = streams.get(this);
      if (IsReadableStreamLocked(stream)) return rejected(new p.TypeError('A locked ReadableStream cannot be cancelled.'));
      return ReadableStreamCancel(stream, reason);
    }
    getReader(options = undefined) {
      const stream = streams.get(this);
      const where = 'ReadableStream.getReader';
      const mode = idl.dictionary(options, where)('mode');
      if (mode === undefined) return readerWrapper(AcquireReadableStreamDefaultReader(stream));
      idl.enumeration(mode, ['byob'], where);
      return p.use('streams_byte').getReader(stream);
    }
    pipeThrough(transform, options = undefined) {
      const stream = streams.get(this);
      const where = 'ReadableStream.pipeThrough';
      idl.need(arguments.length, 1, where);
      const get = idl.dictionary(transform, where);
      const readable = get('readable');
      if (!streams.has(readable)) throw idl.typeError(where, 'member readable is not of type \'ReadableStream\'.');
      const writable = get('writable');
      const Writable = p.use('streams_writable');
      if (!Writable.streams.has(writable)) {
        throw idl.typeError(where, 'member writable is not of type \'WritableStream\'.');
      }
      options = pipeOptions(options, where);
      requireUnlocked(stream, 'piped');
      const destination = Writable.streams.get(writable);
      if (Writable.IsWritableStreamLocked(destination)) {
        throw new p.TypeError('A ReadableStream cannot be piped to a locked WritableStream.');
      }
      p.use('streams_pipe').ReadableStreamPipeTo(stream, destination, options).markHandled();
      return readable;
    }
    pipeTo(destination, options = undefined) {
      try {
        const stream = streams.get(this);
        const where = 'ReadableStream.pipeTo';
        idl.need(arguments.length, 1, where);
        const Writable = p.use('streams_writable');
        if (!Writable.streams.has(destination)) {
          throw idl.typeError(where, 'parameter 1 is not of type \'WritableStream\'.');
        }
        options = pipeOptions(options, where);
        requireUnlocked(stream, 'piped');
        const target = Writable.streams.get(destination);
        if (Writable.IsWritableStreamLocked(target)) {
          throw new p.TypeError('A ReadableStream cannot be piped to a locked WritableStream.');
        }
        return p.use('streams_pipe').ReadableStreamPipeTo(stream, target, options).promise();
      } catch (e) {
        return rejected(e);
      }
    }
    tee() {
      const branches = p.use('streams_pipe').ReadableStreamTee(streams.get(this), false);
      return [wrapperOf(branches.first), wrapperOf(branches.second)];
    }
    values(options = undefined) {
      const stream = streams.get(this);
      const preventCancel = !!idl.dictionary(options, 'ReadableStream.values')('preventCancel');
      const iterator = { __proto__: iteratorPrototype };
      iterators.set(iterator, new IteratorState(AcquireReadableStreamDefaultReader(stream), preventCancel));
      return iterator;
    }
  }

  const readerWrapper = (reader) => (reader.wrapper ??= wrap(ReadableStreamDefaultReader, readers, reader));

  class ReadableStreamDefaultReader {
    constructor(stream) {
      const where = 'new ReadableStreamDefaultReader';
      idl.need(arguments.length, 1, where);
      if (!streams.has(stream)) throw idl.typeError(where, 'parameter 1 is not of type \'ReadableStream\'.');
      const reader = AcquireReadableStreamDefaultReader(streams.get(stream));
      reader.wrapper = this;
      readers.set(this, reader);
    }
    get closed() { return readers.has(this) ? readers.get(this).closed.promise() : rejected(idl.illegal()); }
    cancel(reason = undefined) {
      if (!readers.has(this)) return rejected(idl.illegal());
      const reader = readers.get(this);
      return reader.stream === undefined ? rejected(releasedError()) : ReadableStreamReaderGenericCancel(reader, reason);
    }
    read() {
      if (!readers.has(this)) return rejected(idl.illegal());
      const reader = readers.get(this);
      if (reader.stream === undefined) return rejected(releasedError());
      const request = new PromiseRequest();
      ReadableStreamDefaultReaderRead(reader, request);
      return request.promise();
    }
    releaseLock() {
      const reader = readers.get(this);
      if (reader.stream !== undefined) ReadableStreamReaderRelease(reader);
    }
  }

  class ReadableStreamDefaultController {
    constructor() { throw new p.TypeError('Illegal constructor'); }
    get desiredSize() { return ReadableStreamDefaultControllerGetDesiredSize(controllers.get(this)); }
    close() {
      const controller = controllers.get(this);
      if (!ReadableStreamDefaultControllerCanCloseOrEnqueue(controller)) {
        throw new p.TypeError('The stream is closed, closing or errored: it cannot be closed.');
      }
      ReadableStreamDefaultControllerClose(controller);
    }
    enqueue(chunk = undefined) {
      const controller = controllers.get(this);
      if (controller.closeRequested || controller.stream.state !== READABLE) {
        throw new p.TypeError('The stream is closed, closing or errored: nothing can be enqueued.');
      }
      ReadableStreamDefaultControllerEnqueue(controller, chunk);
    }
    error(e = undefined) { ReadableStreamDefaultControllerError(controllers.get(this), e); }
  }

  idl.define(ReadableStream);
  p.hidden(ReadableStream.prototype, p.SymbolAsyncIterator, ReadableStream.prototype.values);
  idl.define(ReadableStreamDefaultReader);
  idl.define(ReadableStreamDefaultController);

  p.platform('ReadableStream', {
    __proto__: null,
    test: streams.has,
    send: (object) => p.use('streams_host').sendReadable(streams.get(object)),
    receive: (id) => wrapperOf(p.use('streams_host').receiveReadable(id)),
  });

  p.transferable('ReadableStream', {
    __proto__: null,
    test: streams.has,
    transfer: (object) => p.use('streams_transfer').transferReadable(streams.get(object)),
    receive: wrapperOf,
  });

  p.exports = {
    __proto__: null,
    READABLE, CLOSED, ERRORED, Stream, Reader, PromiseRequest, streams, wrapperOf, initialize, cancelled, nothing,
    CreateReadableStream, IsReadableStreamLocked, AcquireReadableStreamDefaultReader,
    ReadableStreamCancel, ReadableStreamClose, ReadableStreamError,
    ReadableStreamReaderGenericCancel, ReadableStreamReaderRelease, releasedError, ReadableStreamDefaultReaderRead,
    ReadableStreamDefaultControllerCanCloseOrEnqueue, ReadableStreamDefaultControllerClose,
    ReadableStreamDefaultControllerEnqueue, ReadableStreamDefaultControllerError,
    ReadableStreamDefaultControllerGetDesiredSize, ReadableStreamDefaultControllerHasBackpressure,
    started, startFailed, pullDone, pullFailed, readableOfBytes,
  };
  p.loaded = { ReadableStream, ReadableStreamDefaultReader, ReadableStreamDefaultController };
})
