// Readable byte streams: their controller, the reader that brings its own buffers, and tee.
// https://streams.spec.whatwg.org/#rbs-controller-class
(function (host, p, engine) {
  'use strict';
  const idl = p.use('idl');
  const { call } = p;
  const { rejected, react, enqueue, viewInfo, bufferInfo, newView, newBuffer, transfer, copyBytes } = engine;
  const { LATER, Queue, Deferred, REJECTED, wrap } = p.use('streams_base');
  const R = p.use('streams');
  const { READABLE, CLOSED, ERRORED, ReadableStreamClose } = R;

  const readers = idl.slot('ReadableStreamBYOBReader');
  const controllers = idl.slot('ReadableByteStreamController');
  const requests = idl.slot('ReadableStreamBYOBRequest');

  class Controller {
    isByte = true;
    stream; algorithms; owner; highWaterMark;
    autoAllocateChunkSize = undefined;
    byobRequest = null;
    // Of { buffer, byteOffset, byteLength }.
    queue = new Queue();
    queueTotalSize = 0;
    pendingPullIntos = new Queue();
    started = false;
    closeRequested = false;
    pulling = false;
    pullAgain = false;
    wrapper = undefined;
    // Only of a guest's source.
    source = undefined;
    pull = undefined;
    cancel = undefined;
    constructor(stream, algorithms, owner, highWaterMark) {
      this.stream = stream;
      this.algorithms = algorithms;
      this.owner = owner;
      this.highWaterMark = highWaterMark;
      stream.controller = this;
    }
    // [[CancelSteps]]
    cancelSteps(reason) {
      ClearPendingPullIntos(this);
      ResetQueue(this);
      const result = R.cancelled(this, reason);
      ClearAlgorithms(this);
      return result;
    }
    // [[PullSteps]]
    pullSteps(request) {
      if (this.queueTotalSize > 0) {
        FillReadRequestFromQueue(this, request);
        return;
      }
      const size = this.autoAllocateChunkSize;
      if (size !== undefined) {
        let buffer;
        try {
          buffer = newBuffer(size);
        } catch (e) {
          request.errorSteps(e);
          return;
        }
        this.pendingPullIntos.push(new PullInto(buffer, size, 0, size, 1, 1, 'Uint8Array', DEFAULT));
      }
      this.stream.reader.add(request);
      CallPullIfNeeded(this);
    }
    // [[ReleaseSteps]]
    releaseSteps() {
      const pending = this.pendingPullIntos;
      if (pending.length === 0) return;
      const first = pending.first();
      first.readerType = NONE;
      pending.clear();
      pending.push(first);
    }
  }

  // A pull-into descriptor, and for which kind of reader it is.
  const DEFAULT = 0, BYOB = 1, NONE = 2;
  class PullInto {
    buffer; bufferByteLength; byteOffset; byteLength; minimumFill; elementSize; type; readerType;
    bytesFilled = 0;
    constructor(buffer, bufferByteLength, byteOffset, byteLength, minimumFill, elementSize, type, readerType) {
      this.buffer = buffer;
      this.bufferByteLength = bufferByteLength;
      this.byteOffset = byteOffset;
      this.byteLength = byteLength;
      this.minimumFill = minimumFill;
      this.elementSize = elementSize;
      this.type = type;
      this.readerType = readerType;
    }
  }

  const controllerWrapper = (controller) =>
    (controller.wrapper ??= wrap(ReadableByteStreamController, controllers, controller));

  const guestSource = {
    __proto__: null,
    pull: (c) => call(c.pull, c.source, c.wrapper ?? controllerWrapper(c)),
    cancel: (c, reason) => (c.cancel === undefined ? undefined : call(c.cancel, c.source, reason)),
    clear(c) { c.source = c.pull = c.cancel = undefined; },
  };
  const idleSource = { __proto__: null, pull: undefined, cancel: guestSource.cancel, clear: guestSource.clear };

  const isDetached = (buffer) => {
    const info = bufferInfo(buffer);
    return info !== undefined && info.detached;
  };
  // A view that the guest passed: neither of shared memory nor of a buffer that may change its size.
  const arrayBufferView = (v, where) => {
    const view = viewInfo(v);
    if (view === undefined) throw idl.typeError(where, 'The provided value is not of type \'ArrayBufferView\'.');
    const { shared, resizable } = bufferInfo(view.buffer);
    if (shared) throw idl.typeError(where, 'The provided ArrayBufferView must not be of shared memory.');
    if (resizable) throw idl.typeError(where, 'The provided ArrayBufferView must not be of a resizable buffer.');
    return view;
  };
  const hasReader = (stream, isByob) => stream.reader !== undefined && stream.reader.isByob === isByob;

  // ---- §4.9.5: byte stream controllers ----

  // A stream over algorithms of glue, which get the controller.
  const CreateReadableByteStream = (algorithms, owner, startResult, highWaterMark, autoAllocateChunkSize) => {
    const stream = new R.Stream();
    const controller = new Controller(stream, algorithms, owner, highWaterMark);
    controller.autoAllocateChunkSize = autoAllocateChunkSize;
    if (startResult !== LATER) react(startResult, started, startFailed, controller);
    return stream;
  };

  const SetUpReadableByteStreamControllerFromUnderlyingSource = (stream, underlyingSource, members, highWaterMark) => {
    const { start, pull, autoAllocateChunkSize } = members;
    if (autoAllocateChunkSize === 0) throw new p.TypeError('autoAllocateChunkSize must not be 0.');
    const algorithms = pull === undefined ? idleSource : guestSource;
    const controller = new Controller(stream, algorithms, undefined, highWaterMark);
    controller.autoAllocateChunkSize = autoAllocateChunkSize;
    controller.source = underlyingSource;
    controller.pull = pull;
    controller.cancel = members.cancel;
    const result = start === undefined ? undefined : call(start, underlyingSource, controllerWrapper(controller));
    react(result, started, startFailed, controller);
  };
  const started = (controller) => {
    controller.started = true;
    CallPullIfNeeded(controller);
  };
  const startFailed = (controller, e) => ReadableByteStreamControllerError(controller, e);

  const CallPullIfNeeded = (controller) => {
    const { algorithms } = controller;
    if (algorithms.pull === undefined || !ShouldCallPull(controller)) return;
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
  const pullFailed = (controller, e) => ReadableByteStreamControllerError(controller, e);

  // What a source of glue was pulled for: a Uint8Array, or undefined at the end.
  const pulledBytes = (controller, bytes) => {
    try {
      if (bytes === undefined) {
        ReadableByteStreamControllerClose(controller);
        if (controller.pendingPullIntos.length > 0) ReadableByteStreamControllerRespond(controller, 0);
      } else ReadableByteStreamControllerEnqueue(controller, viewInfo(bytes));
    } catch (e) {
      // The stream ended within an element of the guest's view, or there is no memory.
      pullFailed(controller, e);
      return;
    }
    pullDone(controller);
  };

  const ShouldCallPull = (controller) => {
    const { stream } = controller;
    if (stream.state !== READABLE || controller.closeRequested || !controller.started) return false;
    if (stream.reader !== undefined && stream.reader.request !== undefined) return true;
    return controller.highWaterMark - controller.queueTotalSize > 0;
  };

  const ClearAlgorithms = (controller) => {
    controller.algorithms.clear?.(controller);
    controller.algorithms = idleSource;
  };

  const ResetQueue = (controller) => {
    controller.queue.clear();
    controller.queueTotalSize = 0;
  };

  const ClearPendingPullIntos = (controller) => {
    InvalidateBYOBRequest(controller);
    controller.pendingPullIntos.clear();
  };

  const ReadableByteStreamControllerClose = (controller) => {
    const { stream } = controller;
    if (controller.closeRequested || stream.state !== READABLE) return;
    if (controller.queueTotalSize > 0) {
      controller.closeRequested = true;
      return;
    }
    if (controller.pendingPullIntos.length > 0) {
      const first = controller.pendingPullIntos.first();
      if (first.bytesFilled % first.elementSize !== 0) {
        const e = new p.TypeError('The stream ended in the middle of an element of the view that was to be filled.');
        ReadableByteStreamControllerError(controller, e);
        throw e;
      }
    }
    ClearAlgorithms(controller);
    ReadableStreamClose(stream);
  };

  const CommitPullIntoDescriptor = (stream, descriptor) => {
    const done = stream.state === CLOSED;
    const view = ConvertPullIntoDescriptor(descriptor);
    const request = stream.reader.shift();
    if (done) request.closeSteps(view);
    else request.chunkSteps(view);
  };
  const commitAll = (stream, filled) => {
    while (filled.length > 0) CommitPullIntoDescriptor(stream, filled.shift());
  };

  const ConvertPullIntoDescriptor = ({ buffer, byteOffset, bytesFilled, elementSize, type }) =>
    newView(type, transfer(buffer), byteOffset, bytesFilled / elementSize);

  // The chunk is what viewInfo() says of it.
  const ReadableByteStreamControllerEnqueue = (controller, chunk) => {
    const { stream, pendingPullIntos } = controller;
    if (controller.closeRequested || stream.state !== READABLE) return;
    const { byteOffset, byteLength } = chunk;
    if (isDetached(chunk.buffer)) throw new p.TypeError('The buffer of the chunk is detached.');
    const buffer = transfer(chunk.buffer);
    if (pendingPullIntos.length > 0) {
      const first = pendingPullIntos.first();
      if (isDetached(first.buffer)) throw new p.TypeError('The buffer of the BYOB request is detached.');
      InvalidateBYOBRequest(controller);
      first.buffer = transfer(first.buffer);
      if (first.readerType === NONE) EnqueueDetachedPullIntoToQueue(controller, first);
    }
    if (hasReader(stream, false)) {
      ProcessReadRequestsUsingQueue(controller);
      if (stream.reader === undefined || stream.reader.request === undefined) {
        EnqueueChunkToQueue(controller, buffer, byteOffset, byteLength);
      } else {
        if (pendingPullIntos.length > 0) pendingPullIntos.shift();
        stream.reader.shift().chunkSteps(newView('Uint8Array', buffer, byteOffset, byteLength));
      }
    } else {
      EnqueueChunkToQueue(controller, buffer, byteOffset, byteLength);
      if (hasReader(stream, true)) commitAll(stream, ProcessPullIntoDescriptorsUsingQueue(controller));
    }
    CallPullIfNeeded(controller);
  };

  const EnqueueChunkToQueue = (controller, buffer, byteOffset, byteLength) => {
    controller.queue.push({ __proto__: null, buffer, byteOffset, byteLength });
    controller.queueTotalSize += byteLength;
  };

  const EnqueueClonedChunkToQueue = (controller, buffer, byteOffset, byteLength) => {
    let clone;
    try {
      clone = newBuffer(byteLength);
      copyBytes(clone, 0, buffer, byteOffset, byteLength);
    } catch (e) {
      ReadableByteStreamControllerError(controller, e);
      throw e;
    }
    EnqueueChunkToQueue(controller, clone, 0, byteLength);
  };

  const EnqueueDetachedPullIntoToQueue = (controller, descriptor) => {
    const { buffer, byteOffset, bytesFilled } = descriptor;
    if (bytesFilled > 0) EnqueueClonedChunkToQueue(controller, buffer, byteOffset, bytesFilled);
    controller.pendingPullIntos.shift();
  };

  const ReadableByteStreamControllerError = (controller, e) => {
    const { stream } = controller;
    if (stream.state !== READABLE) return;
    ClearPendingPullIntos(controller);
    ResetQueue(controller);
    ClearAlgorithms(controller);
    R.ReadableStreamError(stream, e);
  };

  // Whether it is filled as far as its reader asked.
  const FillPullIntoDescriptorFromQueue = (controller, descriptor) => {
    const { queue } = controller;
    const { buffer, byteOffset, byteLength, minimumFill, elementSize } = descriptor;
    const room = byteLength - descriptor.bytesFilled;
    let left = controller.queueTotalSize < room ? controller.queueTotalSize : room;
    const most = descriptor.bytesFilled + left;
    const aligned = most - most % elementSize;
    const ready = aligned >= minimumFill;
    if (ready) left = aligned - descriptor.bytesFilled;
    while (left > 0) {
      const head = queue.first();
      const count = left < head.byteLength ? left : head.byteLength;
      copyBytes(buffer, byteOffset + descriptor.bytesFilled, head.buffer, head.byteOffset, count);
      if (head.byteLength === count) queue.shift();
      else {
        head.byteOffset += count;
        head.byteLength -= count;
      }
      controller.queueTotalSize -= count;
      descriptor.bytesFilled += count;
      left -= count;
    }
    return ready;
  };

  const FillReadRequestFromQueue = (controller, request) => {
    const { buffer, byteOffset, byteLength } = controller.queue.shift();
    controller.queueTotalSize -= byteLength;
    HandleQueueDrain(controller);
    request.chunkSteps(newView('Uint8Array', buffer, byteOffset, byteLength));
  };

  const ReadableByteStreamControllerGetBYOBRequest = (controller) => {
    if (controller.byobRequest === null && controller.pendingPullIntos.length > 0) {
      const { buffer, byteOffset, byteLength, bytesFilled } = controller.pendingPullIntos.first();
      const view = newView('Uint8Array', buffer, byteOffset + bytesFilled, byteLength - bytesFilled);
      controller.byobRequest = { __proto__: null, controller, view, wrapper: undefined };
    }
    return controller.byobRequest;
  };

  const ReadableByteStreamControllerGetDesiredSize = (controller) => {
    const { state } = controller.stream;
    if (state === ERRORED) return null;
    if (state === CLOSED) return 0;
    return controller.highWaterMark - controller.queueTotalSize;
  };

  const HandleQueueDrain = (controller) => {
    if (controller.queueTotalSize === 0 && controller.closeRequested) {
      ClearAlgorithms(controller);
      ReadableStreamClose(controller.stream);
    } else CallPullIfNeeded(controller);
  };

  const InvalidateBYOBRequest = (controller) => {
    const request = controller.byobRequest;
    if (request === null) return;
    request.controller = undefined;
    request.view = null;
    controller.byobRequest = null;
  };

  const ProcessPullIntoDescriptorsUsingQueue = (controller) => {
    const { pendingPullIntos } = controller;
    const filled = new Queue();
    while (pendingPullIntos.length > 0 && controller.queueTotalSize > 0) {
      const first = pendingPullIntos.first();
      if (FillPullIntoDescriptorFromQueue(controller, first)) {
        pendingPullIntos.shift();
        filled.push(first);
      }
    }
    return filled;
  };

  const ProcessReadRequestsUsingQueue = (controller) => {
    const { reader } = controller.stream;
    while (reader.request !== undefined && controller.queueTotalSize > 0) {
      FillReadRequestFromQueue(controller, reader.shift());
    }
  };

  // The view is what viewInfo() says of it.
  const ReadableByteStreamControllerPullInto = (controller, view, min, request) => {
    const { stream, pendingPullIntos } = controller;
    const { byteOffset, byteLength, bytesPer, type } = view;
    let buffer;
    try {
      buffer = transfer(view.buffer);
    } catch (e) {
      request.errorSteps(e);
      return;
    }
    const size = bufferInfo(buffer).byteLength;
    const descriptor = new PullInto(buffer, size, byteOffset, byteLength, min * bytesPer, bytesPer, type, BYOB);
    if (pendingPullIntos.length > 0) {
      pendingPullIntos.push(descriptor);
      stream.reader.add(request);
      return;
    }
    if (stream.state === CLOSED) {
      request.closeSteps(newView(type, buffer, byteOffset, 0));
      return;
    }
    if (controller.queueTotalSize > 0) {
      if (FillPullIntoDescriptorFromQueue(controller, descriptor)) {
        const filled = ConvertPullIntoDescriptor(descriptor);
        HandleQueueDrain(controller);
        request.chunkSteps(filled);
        return;
      }
      if (controller.closeRequested) {
        const e = new p.TypeError('The stream ended in the middle of an element of the view that was to be filled.');
        ReadableByteStreamControllerError(controller, e);
        request.errorSteps(e);
        return;
      }
    }
    pendingPullIntos.push(descriptor);
    stream.reader.add(request);
    CallPullIfNeeded(controller);
  };

  const ReadableByteStreamControllerRespond = (controller, bytesWritten) => {
    const first = controller.pendingPullIntos.first();
    if (controller.stream.state === CLOSED) {
      if (bytesWritten !== 0) throw new p.TypeError('The stream is closed: only 0 bytes can be the response.');
    } else {
      if (bytesWritten === 0) throw new p.TypeError('The stream is not closed: 0 bytes cannot be the response.');
      if (first.bytesFilled + bytesWritten > first.byteLength) {
        throw new p.RangeError('More bytes are said to be written than there is room for.');
      }
    }
    first.buffer = transfer(first.buffer);
    RespondInternal(controller, bytesWritten);
  };

  const RespondInClosedState = (controller, first) => {
    const { stream, pendingPullIntos } = controller;
    if (first.readerType === NONE) pendingPullIntos.shift();
    if (!hasReader(stream, true)) return;
    const filled = new Queue();
    while (filled.length < stream.reader.count) filled.push(pendingPullIntos.shift());
    commitAll(stream, filled);
  };

  const RespondInReadableState = (controller, bytesWritten, descriptor) => {
    const { stream } = controller;
    descriptor.bytesFilled += bytesWritten;
    if (descriptor.readerType === NONE) {
      EnqueueDetachedPullIntoToQueue(controller, descriptor);
      commitAll(stream, ProcessPullIntoDescriptorsUsingQueue(controller));
      return;
    }
    if (descriptor.bytesFilled < descriptor.minimumFill) return;
    controller.pendingPullIntos.shift();
    const rest = descriptor.bytesFilled % descriptor.elementSize;
    if (rest > 0) {
      const end = descriptor.byteOffset + descriptor.bytesFilled;
      EnqueueClonedChunkToQueue(controller, descriptor.buffer, end - rest, rest);
    }
    descriptor.bytesFilled -= rest;
    const filled = ProcessPullIntoDescriptorsUsingQueue(controller);
    CommitPullIntoDescriptor(stream, descriptor);
    commitAll(stream, filled);
  };

  const RespondInternal = (controller, bytesWritten) => {
    const first = controller.pendingPullIntos.first();
    InvalidateBYOBRequest(controller);
    if (controller.stream.state === CLOSED) RespondInClosedState(controller, first);
    else RespondInReadableState(controller, bytesWritten, first);
    CallPullIfNeeded(controller);
  };

  // The view is what viewInfo() says of it.
  const ReadableByteStreamControllerRespondWithNewView = (controller, view) => {
    const first = controller.pendingPullIntos.first();
    const { byteOffset, byteLength, buffer } = view;
    if (controller.stream.state === CLOSED) {
      if (byteLength !== 0) throw new p.TypeError('The stream is closed: the view must be empty.');
    } else if (byteLength === 0) throw new p.TypeError('The stream is not closed: the view must not be empty.');
    if (first.byteOffset + first.bytesFilled !== byteOffset) {
      throw new p.RangeError('The view does not begin where the bytes of the request end.');
    }
    if (first.bufferByteLength !== bufferInfo(buffer).byteLength) {
      throw new p.RangeError('The buffer of the view is not as long as that of the request.');
    }
    if (first.bytesFilled + byteLength > first.byteLength) {
      throw new p.RangeError('The view is longer than there is room for.');
    }
    first.buffer = transfer(buffer);
    RespondInternal(controller, byteLength);
  };

  // ---- §4.9.1: tee ----

  class Tee {
    stream; reader;
    reading = false;
    readAgain1 = false;
    readAgain2 = false;
    canceled1 = false;
    canceled2 = false;
    reason1 = undefined;
    reason2 = undefined;
    branch1 = undefined;
    branch2 = undefined;
    // Which branch's view is being filled.
    forBranch2 = false;
    cancelled = new Deferred();
    byDefault; byView;
    constructor(stream) {
      this.stream = stream;
      this.reader = R.AcquireReadableStreamDefaultReader(stream);
      this.byDefault = new DefaultRequest(this);
      this.byView = new ViewRequest(this);
    }
    anyLeft() { return !this.canceled1 || !this.canceled2; }
    readOn() {
      this.reading = false;
      if (this.readAgain1) pull1(this);
      else if (this.readAgain2) pull2(this);
    }
  }
  // Only one of them is in use at a time.
  class DefaultRequest {
    tee;
    constructor(tee) { this.tee = tee; }
    chunkSteps(chunk) { enqueue(defaultChunk, this.tee, chunk); }
    closeSteps() {
      const { tee } = this;
      tee.reading = false;
      const one = tee.branch1.controller, two = tee.branch2.controller;
      if (!tee.canceled1) ReadableByteStreamControllerClose(one);
      if (!tee.canceled2) ReadableByteStreamControllerClose(two);
      if (one.pendingPullIntos.length > 0) ReadableByteStreamControllerRespond(one, 0);
      if (two.pendingPullIntos.length > 0) ReadableByteStreamControllerRespond(two, 0);
      if (tee.anyLeft()) tee.cancelled.fulfil();
    }
    errorSteps() { this.tee.reading = false; }
  }
  class ViewRequest {
    tee;
    constructor(tee) { this.tee = tee; }
    chunkSteps(chunk) { enqueue(viewChunk, this.tee, chunk); }
    closeSteps(chunk) {
      const { tee } = this;
      tee.reading = false;
      const { byob, other, byobCanceled, otherCanceled } = branches(tee);
      if (!byobCanceled) ReadableByteStreamControllerClose(byob);
      if (!otherCanceled) ReadableByteStreamControllerClose(other);
      if (chunk !== undefined) {
        if (!byobCanceled) ReadableByteStreamControllerRespondWithNewView(byob, viewInfo(chunk));
        if (!otherCanceled && other.pendingPullIntos.length > 0) ReadableByteStreamControllerRespond(other, 0);
      }
      if (!byobCanceled || !otherCanceled) tee.cancelled.fulfil();
    }
    errorSteps() { this.tee.reading = false; }
  }
  const branches = ({ forBranch2, branch1, branch2, canceled1, canceled2 }) => ({
    __proto__: null,
    byob: forBranch2 ? branch2.controller : branch1.controller,
    other: forBranch2 ? branch1.controller : branch2.controller,
    byobCanceled: forBranch2 ? canceled2 : canceled1,
    otherCanceled: forBranch2 ? canceled1 : canceled2,
  });
  const CloneAsUint8Array = ({ buffer, byteOffset, byteLength }) => {
    const clone = newBuffer(byteLength);
    copyBytes(clone, 0, buffer, byteOffset, byteLength);
    return { __proto__: null, buffer: clone, byteOffset: 0, byteLength };
  };
  const cloneOrFail = (tee, chunk) => {
    try {
      return CloneAsUint8Array(chunk);
    } catch (e) {
      ReadableByteStreamControllerError(tee.branch1.controller, e);
      ReadableByteStreamControllerError(tee.branch2.controller, e);
      react(R.ReadableStreamCancel(tee.stream, e), resolveCancel, rejectCancel, tee);
      return undefined;
    }
  };
  const resolveCancel = (tee) => tee.cancelled.fulfil();
  const rejectCancel = (tee, e) => tee.cancelled.fail(e);
  const defaultChunk = (tee, chunk) => {
    tee.readAgain1 = tee.readAgain2 = false;
    const chunk1 = viewInfo(chunk);
    let chunk2 = chunk1;
    if (!tee.canceled1 && !tee.canceled2) {
      chunk2 = cloneOrFail(tee, chunk1);
      if (chunk2 === undefined) return;
    }
    if (!tee.canceled1) ReadableByteStreamControllerEnqueue(tee.branch1.controller, chunk1);
    if (!tee.canceled2) ReadableByteStreamControllerEnqueue(tee.branch2.controller, chunk2);
    tee.readOn();
  };
  const viewChunk = (tee, chunk) => {
    tee.readAgain1 = tee.readAgain2 = false;
    const { byob, other, byobCanceled, otherCanceled } = branches(tee);
    const view = viewInfo(chunk);
    if (!otherCanceled) {
      const clone = cloneOrFail(tee, view);
      if (clone === undefined) return;
      if (!byobCanceled) ReadableByteStreamControllerRespondWithNewView(byob, view);
      ReadableByteStreamControllerEnqueue(other, clone);
    } else if (!byobCanceled) ReadableByteStreamControllerRespondWithNewView(byob, view);
    tee.readOn();
  };
  const pullWithDefaultReader = (tee) => {
    if (tee.reader.isByob) {
      R.ReadableStreamReaderRelease(tee.reader);
      tee.reader = R.AcquireReadableStreamDefaultReader(tee.stream);
      forwardReaderError(tee);
    }
    R.ReadableStreamDefaultReaderRead(tee.reader, tee.byDefault);
  };
  const pullWithBYOBReader = (tee, view, forBranch2) => {
    if (!tee.reader.isByob) {
      R.ReadableStreamReaderRelease(tee.reader);
      tee.reader = AcquireReadableStreamBYOBReader(tee.stream);
      forwardReaderError(tee);
    }
    tee.forBranch2 = forBranch2;
    ReadableStreamBYOBReaderRead(tee.reader, viewInfo(view), 1, tee.byView);
  };
  const pull1 = (tee) => {
    if (tee.reading) tee.readAgain1 = true;
    else pullFor(tee, tee.branch1.controller, false);
  };
  const pull2 = (tee) => {
    if (tee.reading) tee.readAgain2 = true;
    else pullFor(tee, tee.branch2.controller, true);
  };
  const pullFor = (tee, controller, forBranch2) => {
    tee.reading = true;
    const request = ReadableByteStreamControllerGetBYOBRequest(controller);
    if (request === null) pullWithDefaultReader(tee);
    else pullWithBYOBReader(tee, request.view, forBranch2);
  };
  const cancelBoth = (tee) => react(
    R.ReadableStreamCancel(tee.stream, [tee.reason1, tee.reason2]), resolveCancel, rejectCancel, tee);
  const branchAlgorithms1 = {
    __proto__: null,
    pull: ({ owner }) => pull1(owner),
    cancel({ owner }, reason) {
      owner.canceled1 = true;
      owner.reason1 = reason;
      if (owner.canceled2) cancelBoth(owner);
      return owner.cancelled.promise();
    },
  };
  const branchAlgorithms2 = {
    __proto__: null,
    pull: ({ owner }) => pull2(owner),
    cancel({ owner }, reason) {
      owner.canceled2 = true;
      owner.reason2 = reason;
      if (owner.canceled1) cancelBoth(owner);
      return owner.cancelled.promise();
    },
  };
  const forwardReaderError = (tee) => {
    const { reader } = tee;
    reader.closed.watch({ __proto__: null, tee, reader, closed: reader.closed }, readerSettled);
  };
  const readerSettled = ({ tee, reader, closed }) => {
    if (closed.state !== REJECTED || reader !== tee.reader) return;
    ReadableByteStreamControllerError(tee.branch1.controller, closed.reason);
    ReadableByteStreamControllerError(tee.branch2.controller, closed.reason);
    if (tee.anyLeft()) tee.cancelled.fulfil();
  };
  const ReadableByteStreamTee = (stream) => {
    const tee = new Tee(stream);
    tee.branch1 = CreateReadableByteStream(branchAlgorithms1, tee, undefined, 0, undefined);
    tee.branch2 = CreateReadableByteStream(branchAlgorithms2, tee, undefined, 0, undefined);
    forwardReaderError(tee);
    return { __proto__: null, first: tee.branch1, second: tee.branch2 };
  };

  // ---- readers ----

  const AcquireReadableStreamBYOBReader = (stream) => {
    if (stream.reader !== undefined) throw new p.TypeError('The ReadableStream is locked to a reader already.');
    if (!stream.controller.isByte) throw new p.TypeError('The ReadableStream is not a byte stream.');
    const reader = new R.Reader();
    reader.isByob = true;
    return R.initialize(reader, stream);
  };

  // The view is what viewInfo() says of it.
  const ReadableStreamBYOBReaderRead = (reader, view, min, request) => {
    const { stream } = reader;
    stream.disturbed = true;
    if (stream.state === ERRORED) request.errorSteps(stream.storedError);
    else ReadableByteStreamControllerPullInto(stream.controller, view, min, request);
  };

  class ReadableStreamBYOBReader {
    constructor(stream) {
      const where = 'new ReadableStreamBYOBReader';
      idl.need(arguments.length, 1, where);
      if (!R.streams.has(stream)) throw idl.typeError(where, 'parameter 1 is not of type \'ReadableStream\'.');
      const reader = AcquireReadableStreamBYOBReader(R.streams.get(stream));
      reader.wrapper = this;
      readers.set(this, reader);
    }
    get closed() { return readers.has(this) ? readers.get(this).closed.promise() : rejected(idl.illegal()); }
    cancel(reason = undefined) {
      if (!readers.has(this)) return rejected(idl.illegal());
      const reader = readers.get(this);
      return reader.stream === undefined
        ? rejected(R.releasedError())
        : R.ReadableStreamReaderGenericCancel(reader, reason);
    }
    read(view, options = undefined) {
      try {
        const reader = readers.get(this);
        const where = 'ReadableStreamBYOBReader.read';
        idl.need(arguments.length, 1, where);
        const info = arrayBufferView(view, where);
        let min = idl.dictionary(options, where)('min');
        min = min === undefined ? 1 : idl.unsignedLongLong(min, where, { enforceRange: true });
        // A getter of the options may have detached it.
        const { byteLength, length } = viewInfo(view);
        if (byteLength === 0) throw idl.typeError(where, 'The view is empty.');
        if (isDetached(info.buffer)) throw idl.typeError(where, 'The buffer of the view is detached.');
        if (min === 0) throw idl.typeError(where, 'min must not be 0.');
        if (min > length) throw new p.RangeError('min must not be greater than the length of the view.');
        if (reader.stream === undefined) throw R.releasedError();
        const request = new R.PromiseRequest();
        ReadableStreamBYOBReaderRead(reader, info, min, request);
        return request.promise();
      } catch (e) {
        return rejected(e);
      }
    }
    releaseLock() {
      const reader = readers.get(this);
      if (reader.stream !== undefined) R.ReadableStreamReaderRelease(reader);
    }
  }

  class ReadableByteStreamController {
    constructor() { throw new p.TypeError('Illegal constructor'); }
    get byobRequest() {
      const request = ReadableByteStreamControllerGetBYOBRequest(controllers.get(this));
      return request === null ? null : (request.wrapper ??= wrap(ReadableStreamBYOBRequest, requests, request));
    }
    get desiredSize() { return ReadableByteStreamControllerGetDesiredSize(controllers.get(this)); }
    close() {
      const controller = controllers.get(this);
      if (controller.closeRequested || controller.stream.state !== READABLE) {
        throw new p.TypeError('The stream is closed, closing or errored: it cannot be closed.');
      }
      ReadableByteStreamControllerClose(controller);
    }
    enqueue(chunk) {
      const controller = controllers.get(this);
      const where = 'ReadableByteStreamController.enqueue';
      idl.need(arguments.length, 1, where);
      const view = arrayBufferView(chunk, where);
      if (view.byteLength === 0) throw idl.typeError(where, 'The chunk is empty.');
      if (controller.closeRequested || controller.stream.state !== READABLE) {
        throw new p.TypeError('The stream is closed, closing or errored: nothing can be enqueued.');
      }
      ReadableByteStreamControllerEnqueue(controller, view);
    }
    error(e = undefined) { ReadableByteStreamControllerError(controllers.get(this), e); }
  }

  class ReadableStreamBYOBRequest {
    constructor() { throw new p.TypeError('Illegal constructor'); }
    get view() { return requests.get(this).view; }
    respond(bytesWritten) {
      const request = requests.get(this);
      const where = 'ReadableStreamBYOBRequest.respond';
      idl.need(arguments.length, 1, where);
      bytesWritten = idl.unsignedLongLong(bytesWritten, where, { enforceRange: true });
      if (request.controller === undefined) throw idl.typeError(where, 'The request has been answered already.');
      if (isDetached(viewInfo(request.view).buffer)) {
        throw idl.typeError(where, 'The buffer of the request is detached.');
      }
      ReadableByteStreamControllerRespond(request.controller, bytesWritten);
    }
    respondWithNewView(view) {
      const request = requests.get(this);
      const where = 'ReadableStreamBYOBRequest.respondWithNewView';
      idl.need(arguments.length, 1, where);
      const info = arrayBufferView(view, where);
      if (request.controller === undefined) throw idl.typeError(where, 'The request has been answered already.');
      if (isDetached(info.buffer)) throw idl.typeError(where, 'The buffer of the view is detached.');
      ReadableByteStreamControllerRespondWithNewView(request.controller, info);
    }
  }

  idl.define(ReadableStreamBYOBReader);
  idl.define(ReadableByteStreamController);
  idl.define(ReadableStreamBYOBRequest);

  p.exports = {
    __proto__: null,
    CreateReadableByteStream, SetUpReadableByteStreamControllerFromUnderlyingSource, ReadableByteStreamTee,
    ReadableByteStreamControllerEnqueue, ReadableByteStreamControllerClose, ReadableByteStreamControllerError,
    getReader(stream) {
      const reader = AcquireReadableStreamBYOBReader(stream);
      return (reader.wrapper = wrap(ReadableStreamBYOBReader, readers, reader));
    },
    ReadableByteStreamControllerGetBYOBRequest, ReadableByteStreamControllerRespond,
    AcquireReadableStreamBYOBReader, ReadableStreamBYOBReaderRead, pulledBytes, pullDone, pullFailed,
  };
  p.loaded = { ReadableStreamBYOBReader, ReadableByteStreamController, ReadableStreamBYOBRequest };
})
