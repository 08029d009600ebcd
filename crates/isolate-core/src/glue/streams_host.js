// Streams of bytes between the guest and the host: streams.rs has the other ends.
(function (host, p, engine) {
  'use strict';
  const idl = p.use('idl');
  const { react, newView } = engine;
  const { LATER } = p.use('streams_base');
  const R = p.use('streams');

  // What a chunk that goes to the host must be.
  const bytesOf = (chunk) => {
    const { buffer, byteOffset, byteLength } = idl.bufferSource(chunk);
    return newView('Uint8Array', buffer, byteOffset, byteLength);
  };
  const register = (registry, object, id) => {
    p.call(p.FinalizationRegistryPrototypeRegister, registry, object, id);
  };
  const requireUnlocked = (stream, name) => {
    if (stream.reader !== undefined || stream.writer !== undefined) {
      throw new p.TypeError('A locked ' + name + ' cannot be given to the host.');
    }
  };

  // ---- a ReadableStream of the guest, read by the host ----

  // Reads when the host wants a chunk: the read request of each read.
  class Reading {
    id; reader;
    constructor(id, reader) {
      this.id = id;
      this.reader = reader;
    }
    chunkSteps(chunk) {
      let answer;
      try {
        answer = host.__ReadableStream_push(this.id, bytesOf(chunk));
      } catch (e) {
        stopReading(this, e);
        return;
      }
      react(answer, wanted, stopReading, this);
    }
    closeSteps() { host.__ReadableStream_end(this.id); }
    errorSteps(e) { host.__ReadableStream_fail(this.id, e); }
  }
  const wanted = (reading, isWanted) => {
    if (isWanted) {
      R.ReadableStreamDefaultReaderRead(reading.reader, reading);
      return;
    }
    host.__ReadableStream_end(reading.id);
    cancel(reading, p.domException('The host does not read the stream any more.', 'AbortError'));
  };
  const stopReading = (reading, e) => {
    host.__ReadableStream_fail(reading.id, e);
    cancel(reading, e);
  };
  const cancel = ({ reader }, reason) => {
    const { stream } = reader;
    if (stream !== undefined) engine.markHandled(R.ReadableStreamCancel(stream, reason));
  };

  const sendReadable = (stream) => {
    requireUnlocked(stream, 'ReadableStream');
    const { controller, origin } = stream;
    const reader = R.AcquireReadableStreamDefaultReader(stream);
    // One of the host that nothing was read of goes back as it is.
    if (origin !== undefined && !stream.disturbed && stream.state === R.READABLE) {
      stream.disturbed = true;
      controller.owner.id = undefined;
      return [origin];
    }
    const reading = new Reading(host.__ReadableStream_open(), reader);
    react(host.__ReadableStream_wanted(reading.id), wanted, stopReading, reading);
    return reading.id;
  };

  // ---- a ReadableStream of the host, read by the guest ----

  const readables = new p.FinalizationRegistry((id) => host.__ReadableStream_release(id));
  const release = (owner) => {
    if (owner.id === undefined) return;
    host.__ReadableStream_release(owner.id);
    owner.id = undefined;
  };
  const hostSource = {
    __proto__: null,
    pull(controller) {
      if (controller.owner.id === undefined) return undefined;
      idl.after(host.__ReadableStream_read(controller.owner.id), gotBytes, gotError, controller);
      return LATER;
    },
    cancel({ owner }) { release(owner); },
    clear({ owner }) { release(owner); },
  };
  const gotBytes = (controller, bytes) => p.use('streams_byte').pulledBytes(controller, bytes);
  const gotError = (controller, e) => p.use('streams_byte').pullFailed(controller, e);

  const receiveReadable = (id) => {
    const owner = { __proto__: null, id };
    const stream = p.use('streams_byte').CreateReadableByteStream(hostSource, owner, undefined, 0, undefined);
    stream.origin = id;
    register(readables, owner, id);
    return stream;
  };

  // ---- a WritableStream of the guest, written by the host ----

  class Writing {
    id; writer; closed = undefined;
    constructor(id, writer) {
      this.id = id;
      this.writer = writer;
    }
    // As a write request.
    fulfil() { nextStep(this); }
    fail(e) { host.__WritableStream_fail(this.id, e); }
  }
  const nextStep = (writing) => {
    react(host.__WritableStream_next(writing.id), step, failWriting, writing);
  };
  const step = (writing, what) => {
    const W = p.use('streams_writable');
    const { writer, id } = writing;
    if (what === undefined) {
      host.__WritableStream_end(id);
      const reason = p.domException('The host let go of the stream.', 'AbortError');
      if (writer.stream !== undefined) W.WritableStreamAbort(writer.stream, reason);
    } else if (what !== null) W.WritableStreamDefaultWriterWrite(writer, what, writing);
    else {
      const closed = W.WritableStreamDefaultWriterCloseWithErrorPropagation(writer);
      react(closed.promise(), closedWriting, failWriting, writing);
    }
  };
  const closedWriting = ({ id }) => host.__WritableStream_end(id);
  const failWriting = ({ id }, e) => host.__WritableStream_fail(id, e);
  const writerSettled = (writing) => {
    const { closed } = writing;
    if (closed.state === p.use('streams_base').REJECTED) host.__WritableStream_fail(writing.id, closed.reason);
  };

  const sendWritable = (stream) => {
    requireUnlocked(stream, 'WritableStream');
    const writer = p.use('streams_writable').AcquireWritableStreamDefaultWriter(stream);
    const writing = new Writing(host.__WritableStream_open(), writer);
    writing.closed = writer.closed;
    writer.closed.watch(writing, writerSettled);
    nextStep(writing);
    return writing.id;
  };

  // ---- a WritableStream of the host, written by the guest ----

  const writables = new p.FinalizationRegistry((id) => host.__WritableStream_release(id));
  const releaseSink = (owner) => {
    if (owner.id === undefined) return;
    host.__WritableStream_release(owner.id);
    owner.id = undefined;
  };
  const hostSink = {
    __proto__: null,
    write: ({ owner }, chunk) => host.__WritableStream_write(owner.id, bytesOf(chunk)),
    close({ owner }) {
      const { id } = owner;
      // clear() comes before the sink is closed.
      owner.id = undefined;
      const closed = engine.resolved(host.__WritableStream_close(id));
      const end = () => host.__WritableStream_release(id);
      return engine.then(closed, end, (e) => {
        end();
        throw e;
      });
    },
    abort({ owner }) { releaseSink(owner); },
    clear({ owner }) { releaseSink(owner); },
  };
  const receiveWritable = (id) => {
    const owner = { __proto__: null, id };
    register(writables, owner, id);
    return p.use('streams_writable').CreateWritableStream(hostSink, owner, undefined, 1, undefined);
  };

  p.exports = { __proto__: null, sendReadable, receiveReadable, sendWritable, receiveWritable };
})
