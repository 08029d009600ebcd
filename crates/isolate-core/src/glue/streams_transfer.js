// Transferable streams: https://streams.spec.whatwg.org/#rs-transfer
//
// Everything that a stream can be transferred to is in the same realm, so the two ends of what the standard sends
// through message ports are one record here. Chunks and reasons are cloned as a port would clone them.
(function (host, p, engine) {
  'use strict';
  const { enqueue } = engine;
  const { LATER, countSize } = p.use('streams_base');
  const R = p.use('streams');
  const W = p.use('streams_writable');
  const { ReadableStreamPipeTo } = p.use('streams_pipe');

  const clone = (value) => p.use('clone').clone(value, undefined, undefined);
  // What arrives of a reason on the other side.
  const cloneReason = (reason) => {
    try {
      return clone(reason);
    } catch (e) {
      return e;
    }
  };

  // The owner of both ends: whether the readable end has asked for a chunk, and a chunk that waits for that.
  class Link {
    readable = undefined;
    writable = undefined;
    wanted = false;
    waiting = false;
    chunk = undefined;
  }
  const deliver = (link) => {
    const { chunk } = link;
    link.wanted = link.waiting = false;
    link.chunk = undefined;
    const target = link.readable.controller;
    const { controller } = link.writable;
    let copy;
    try {
      copy = clone(chunk);
    } catch (e) {
      enqueue(R.ReadableStreamDefaultControllerError, target, e);
      enqueue(W.writeFailed, controller, e);
      return;
    }
    enqueue(R.ReadableStreamDefaultControllerEnqueue, target, copy);
    enqueue(W.writeDone, controller);
  };
  const sinkOfLink = {
    __proto__: null,
    write({ owner }, chunk) {
      owner.waiting = true;
      owner.chunk = chunk;
      if (owner.wanted) deliver(owner);
      return LATER;
    },
    // A write that waits for the other end is over.
    erroring({ owner }) {
      if (!owner.waiting) return;
      owner.waiting = false;
      owner.chunk = undefined;
      enqueue(W.writeDone, owner.writable.controller);
    },
    close({ owner }) { enqueue(R.ReadableStreamDefaultControllerClose, owner.readable.controller); },
    abort({ owner }, reason) {
      enqueue(R.ReadableStreamDefaultControllerError, owner.readable.controller, cloneReason(reason));
    },
  };
  const sourceOfLink = {
    __proto__: null,
    pull({ owner }) {
      owner.wanted = true;
      if (owner.waiting) deliver(owner);
    },
    cancel({ owner }, reason) {
      enqueue(W.WritableStreamDefaultControllerErrorIfNeeded, owner.writable.controller, cloneReason(reason));
    },
  };
  const newLink = () => {
    const link = new Link();
    link.writable = W.CreateWritableStream(sinkOfLink, link, undefined, 1, countSize);
    link.readable = R.CreateReadableStream(sourceOfLink, link, undefined, 0, countSize);
    return link;
  };

  const requireUnlocked = (locked, name) => {
    if (locked) throw p.domException('A locked ' + name + ' cannot be transferred.', 'DataCloneError');
  };
  const options = { __proto__: null, preventClose: false, preventAbort: false, preventCancel: false, signal: undefined };
  const pipe = (readable, writable) => ReadableStreamPipeTo(readable, writable, options);

  const transferReadable = (stream) => {
    requireUnlocked(R.IsReadableStreamLocked(stream), 'ReadableStream');
    const link = newLink();
    pipe(stream, link.writable);
    return link.readable;
  };
  const transferWritable = (stream) => {
    requireUnlocked(W.IsWritableStreamLocked(stream), 'WritableStream');
    const link = newLink();
    pipe(link.readable, stream);
    return link.writable;
  };
  const transferTransform = ({ readable, writable }) => {
    requireUnlocked(R.IsReadableStreamLocked(readable) || W.IsWritableStreamLocked(writable), 'TransformStream');
    return { __proto__: null, readable: transferReadable(readable), writable: transferWritable(writable) };
  };

  p.exports = { __proto__: null, transferReadable, transferWritable, transferTransform };
})
