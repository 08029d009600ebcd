// What moves chunks from stream to stream: pipeTo, tee of default streams, ReadableStream.from.
// https://streams.spec.whatwg.org/#rs-abstract-ops
(function (host, p, engine) {
  'use strict';
  const idl = p.use('idl');
  const { call } = p;
  const { resolved, react, enqueue, then } = engine;
  const { Deferred, REJECTED, countSize } = p.use('streams_base');
  const R = p.use('streams');
  const {
    ReadableStreamDefaultReaderRead, ReadableStreamDefaultControllerEnqueue, ReadableStreamDefaultControllerClose,
    ReadableStreamDefaultControllerError,
  } = R;
  const W = p.use('streams_writable');
  const { WritableStreamDefaultWriterWrite, CloseQueuedOrInFlight } = W;

  // ---- pipeTo ----

  // A pipe is the read request of each of its reads and the write request of each of its writes: nothing is made for a
  // chunk.
  class Pipe {
    source; dest; preventClose; preventAbort; preventCancel; signal;
    reader; writer;
    deferred = new Deferred();
    // A chunk was asked for, or waits to be written.
    busy = false;
    chunk = undefined;
    // Chunks that were read and are not written yet.
    unwritten = 0;
    shuttingDown = false;
    acting = false;
    // What is to happen when the last chunk is written.
    action = undefined;
    isError = false;
    error = undefined;
    abortAlgorithm = undefined;
    constructor(source, dest, { preventClose, preventAbort, preventCancel, signal }) {
      this.source = source;
      this.dest = dest;
      this.preventClose = preventClose;
      this.preventAbort = preventAbort;
      this.preventCancel = preventCancel;
      this.signal = signal;
      this.reader = R.AcquireReadableStreamDefaultReader(source);
      this.writer = W.AcquireWritableStreamDefaultWriter(dest);
      this.writer.pipe = this;
      this.writer.pump = pump;
      source.disturbed = true;
    }
    // As a read request. A chunk is written a microtask later, so that enqueue() of the source runs no code of the sink.
    chunkSteps(chunk) {
      this.chunk = chunk;
      this.unwritten++;
      enqueue(writeChunk, this);
    }
    closeSteps() { this.busy = false; }
    errorSteps() { this.busy = false; }
    // As a write request.
    fulfil() {
      if (--this.unwritten === 0 && this.shuttingDown) enqueue(act, this);
    }
    fail() { this.fulfil(); }
  }
  const writeChunk = (pipe) => {
    const { chunk } = pipe;
    pipe.chunk = undefined;
    pipe.busy = false;
    WritableStreamDefaultWriterWrite(pipe.writer, chunk, pipe);
    pump(pipe);
  };
  // Reads as long as there is room, one chunk at a time; called again when there is room.
  const pump = (pipe) => {
    if (pipe.busy || pipe.shuttingDown) return;
    const { source, dest } = pipe;
    if (dest.backpressure || dest.state !== W.WRITABLE || dest.closing || source.state !== R.READABLE) return;
    pipe.busy = true;
    source.controller.pullSteps(pipe);
  };

  const ReadableStreamPipeTo = (source, dest, options) => {
    const pipe = new Pipe(source, dest, options);
    const { signal } = pipe;
    if (signal !== undefined) {
      const abort = p.use('abort');
      pipe.abortAlgorithm = () => abortPipe(pipe);
      if (abort.isAborted(signal)) {
        abortPipe(pipe);
        return pipe.deferred;
      }
      abort.addAlgorithm(signal, pipe.abortAlgorithm);
    }
    // In this order: errors forwards and backwards, then closing forwards and backwards.
    if (source.state === R.ERRORED) sourceErrored(pipe);
    if (dest.state === W.ERRORED) destErrored(pipe);
    if (source.state === R.CLOSED) sourceClosed(pipe);
    if (CloseQueuedOrInFlight(dest) || dest.state === W.CLOSED) destClosed(pipe);
    pipe.reader.closed.watch(pipe, sourceSettled);
    pipe.writer.closed.watch(pipe, destSettled);
    enqueue(pump, pipe);
    return pipe.deferred;
  };
  const sourceSettled = (pipe) => {
    if (pipe.source.state === R.ERRORED) sourceErrored(pipe);
    else if (pipe.source.state === R.CLOSED) sourceClosed(pipe);
  };
  const destSettled = (pipe) => {
    if (pipe.dest.state === W.ERRORED) destErrored(pipe);
  };
  const sourceErrored = (pipe) => {
    const error = pipe.source.storedError;
    shutDown(pipe, pipe.preventAbort ? undefined : () => W.WritableStreamAbort(pipe.dest, error).promise(), true, error);
  };
  const destErrored = (pipe) => {
    const error = pipe.dest.storedError;
    shutDown(pipe, pipe.preventCancel ? undefined : () => R.ReadableStreamCancel(pipe.source, error), true, error);
  };
  const sourceClosed = (pipe) => {
    const close = () => W.WritableStreamDefaultWriterCloseWithErrorPropagation(pipe.writer).promise();
    shutDown(pipe, pipe.preventClose ? undefined : close, false, undefined);
  };
  const destClosed = (pipe) => {
    const error = new p.TypeError('The destination of the pipe is closed or closing.');
    shutDown(pipe, pipe.preventCancel ? undefined : () => R.ReadableStreamCancel(pipe.source, error), true, error);
  };
  const abortPipe = (pipe) => {
    const error = p.use('abort').reasonOf(pipe.signal);
    const { source, dest } = pipe;
    const both = () => {
      const first = !pipe.preventAbort && dest.state === W.WRITABLE
        ? W.WritableStreamAbort(dest, error).promise() : resolved(undefined);
      const second = !pipe.preventCancel && source.state === R.READABLE
        ? R.ReadableStreamCancel(source, error) : resolved(undefined);
      // Both are waited for, unless one fails.
      return all(first, second);
    };
    shutDown(pipe, both, true, error);
  };
  const all = (first, second) => {
    const capability = engine.newPromise();
    let left = 2;
    const one = () => {
      if (--left === 0) capability[1](undefined);
    };
    const failed = (e) => { capability[2](e); };
    then(first, one, failed);
    then(second, one, failed);
    return capability[0];
  };

  const shutDown = (pipe, action, isError, error) => {
    if (pipe.shuttingDown) return;
    pipe.shuttingDown = true;
    pipe.action = action;
    pipe.isError = isError;
    pipe.error = error;
    const { dest } = pipe;
    if (dest.state === W.WRITABLE && !CloseQueuedOrInFlight(dest)) {
      if (pipe.unwritten === 0) enqueue(act, pipe);
    } else act(pipe);
  };
  const act = (pipe) => {
    if (pipe.acting) return;
    pipe.acting = true;
    const { action } = pipe;
    if (action === undefined) finalize(pipe);
    else react(action(), finalize, actionFailed, pipe);
  };
  const actionFailed = (pipe, e) => {
    pipe.isError = true;
    pipe.error = e;
    finalize(pipe);
  };
  const finalize = (pipe) => {
    W.WritableStreamDefaultWriterRelease(pipe.writer);
    R.ReadableStreamReaderRelease(pipe.reader);
    if (pipe.signal !== undefined) p.use('abort').removeAlgorithm(pipe.signal, pipe.abortAlgorithm);
    pipe.action = undefined;
    if (pipe.isError) pipe.deferred.fail(pipe.error);
    else pipe.deferred.fulfil();
  };

  // ---- tee ----

  const ReadableStreamTee = (stream, cloneForBranch2) =>
    (stream.controller.isByte
      ? p.use('streams_byte').ReadableByteStreamTee(stream)
      : ReadableStreamDefaultTee(stream, cloneForBranch2));

  // The read request of both branches.
  class Tee {
    stream; reader; clone;
    reading = false;
    readAgain = false;
    canceled1 = false;
    canceled2 = false;
    reason1 = undefined;
    reason2 = undefined;
    branch1 = undefined;
    branch2 = undefined;
    cancelled = new Deferred();
    constructor(stream, reader, clone) {
      this.stream = stream;
      this.reader = reader;
      this.clone = clone;
    }
    chunkSteps(chunk) { enqueue(teeChunk, this, chunk); }
    closeSteps() {
      this.reading = false;
      if (!this.canceled1) ReadableStreamDefaultControllerClose(this.branch1.controller);
      if (!this.canceled2) ReadableStreamDefaultControllerClose(this.branch2.controller);
      if (!this.canceled1 || !this.canceled2) this.cancelled.fulfil();
    }
    errorSteps() { this.reading = false; }
  }
  const teeChunk = (tee, chunk) => {
    tee.readAgain = false;
    const chunk1 = chunk;
    let chunk2 = chunk;
    if (!tee.canceled2 && tee.clone) {
      try {
        chunk2 = p.use('clone').clone(chunk);
      } catch (e) {
        ReadableStreamDefaultControllerError(tee.branch1.controller, e);
        ReadableStreamDefaultControllerError(tee.branch2.controller, e);
        react(R.ReadableStreamCancel(tee.stream, e), resolveCancel, rejectCancel, tee);
        return;
      }
    }
    try {
      if (!tee.canceled1) ReadableStreamDefaultControllerEnqueue(tee.branch1.controller, chunk1);
      if (!tee.canceled2) ReadableStreamDefaultControllerEnqueue(tee.branch2.controller, chunk2);
    } catch {
      // Branches have no size function that could throw.
    }
    tee.reading = false;
    if (tee.readAgain) teePull(tee);
  };
  const resolveCancel = (tee) => tee.cancelled.fulfil();
  const rejectCancel = (tee, e) => tee.cancelled.fail(e);
  const teePull = (tee) => {
    if (tee.reading) {
      tee.readAgain = true;
      return;
    }
    tee.reading = true;
    ReadableStreamDefaultReaderRead(tee.reader, tee);
  };
  const cancelBoth = (tee) => react(
    R.ReadableStreamCancel(tee.stream, [tee.reason1, tee.reason2]), resolveCancel, rejectCancel, tee);
  const branchAlgorithms1 = {
    __proto__: null,
    pull: (controller) => teePull(controller.owner),
    cancel({ owner }, reason) {
      owner.canceled1 = true;
      owner.reason1 = reason;
      if (owner.canceled2) cancelBoth(owner);
      return owner.cancelled.promise();
    },
  };
  const branchAlgorithms2 = {
    __proto__: null,
    pull: branchAlgorithms1.pull,
    cancel({ owner }, reason) {
      owner.canceled2 = true;
      owner.reason2 = reason;
      if (owner.canceled1) cancelBoth(owner);
      return owner.cancelled.promise();
    },
  };
  const sourceOfTeeSettled = (tee) => {
    if (tee.reader.closed.state !== REJECTED) return;
    const e = tee.reader.closed.reason;
    ReadableStreamDefaultControllerError(tee.branch1.controller, e);
    ReadableStreamDefaultControllerError(tee.branch2.controller, e);
    if (!tee.canceled1 || !tee.canceled2) tee.cancelled.fulfil();
  };
  const ReadableStreamDefaultTee = (stream, cloneForBranch2) => {
    const tee = new Tee(stream, R.AcquireReadableStreamDefaultReader(stream), cloneForBranch2);
    tee.branch1 = R.CreateReadableStream(branchAlgorithms1, tee, undefined, 1, countSize);
    tee.branch2 = R.CreateReadableStream(branchAlgorithms2, tee, undefined, 1, countSize);
    tee.reader.closed.watch(tee, sourceOfTeeSettled);
    return { __proto__: null, first: tee.branch1, second: tee.branch2 };
  };

  // ---- ReadableStream.from ----

  // Language §7.4.4 GetIterator(async), with CreateAsyncFromSyncIterator where there is only a synchronous one.
  const getIterator = (iterable) => {
    const where = 'ReadableStream.from';
    if (iterable === undefined || iterable === null) throw idl.typeError(where, 'The provided value is not iterable.');
    let method = iterable[p.SymbolAsyncIterator];
    const isSync = method === undefined || method === null;
    if (isSync) method = iterable[p.SymbolIterator];
    if (typeof method !== 'function') throw idl.typeError(where, 'The provided value is not iterable.');
    const iterator = call(method, iterable);
    if (!idl.isObject(iterator)) throw idl.typeError(where, 'The iterator is not an object.');
    return { __proto__: null, iterator, next: iterator.next, isSync };
  };
  const notAnObject = () => new p.TypeError('The result of the iterator is not an object.');
  const close = (iterator) => {
    try {
      const method = iterator.return;
      if (method !== undefined && method !== null) call(method, iterator);
    } catch {
      // What led here counts.
    }
  };
  const asyncSource = {
    __proto__: null,
    pull(controller) {
      const { owner } = controller;
      const result = call(owner.next, owner.iterator);
      if (!owner.isSync) return then(resolved(result), owner.onResult, undefined);
      // A value may be a promise, which is waited for.
      if (!idl.isObject(result)) throw notAnObject();
      const done = !!result.done;
      const value = resolved(result.value);
      return done ? then(value, owner.onDone, undefined) : then(value, owner.onValue, owner.onValueFailed);
    },
    cancel({ owner }, reason) {
      const { iterator, isSync } = owner;
      const method = iterator.return;
      if (method === undefined || method === null) return undefined;
      const result = call(method, iterator, reason);
      if (!isSync) {
        return then(resolved(result), (r) => {
          if (!idl.isObject(r)) throw notAnObject();
        }, undefined);
      }
      if (!idl.isObject(result)) throw notAnObject();
      result.done;
      return then(resolved(result.value), R.nothing, undefined);
    },
  };
  const ReadableStreamFromIterable = (iterable) => {
    const owner = getIterator(iterable);
    const stream = R.CreateReadableStream(asyncSource, owner, undefined, 0, countSize);
    const { controller } = stream;
    owner.onResult = (result) => {
      if (!idl.isObject(result)) throw notAnObject();
      if (result.done) ReadableStreamDefaultControllerClose(controller);
      else ReadableStreamDefaultControllerEnqueue(controller, result.value);
    };
    owner.onValue = (value) => ReadableStreamDefaultControllerEnqueue(controller, value);
    owner.onDone = () => ReadableStreamDefaultControllerClose(controller);
    owner.onValueFailed = (e) => {
      close(owner.iterator);
      throw e;
    };
    return stream;
  };

  p.exports = { __proto__: null, ReadableStreamPipeTo, ReadableStreamTee, ReadableStreamFromIterable };
})
