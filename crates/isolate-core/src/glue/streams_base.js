// What all streams share: queues, promises that are made only if somebody looks, queuing strategies.
// https://streams.spec.whatwg.org/
//
// Algorithms of the standard work on internal records; the classes that the guest sees are wrappers, made when they are
// first asked for. Where the standard has a promise that nobody can see, there is none here: engine.react() and
// engine.enqueue() run a function with its record after the same number of microtasks.
(function (host, p, engine) {
  'use strict';
  const idl = p.use('idl');
  const { newPromise, resolved, rejected, markHandled, enqueue } = engine;

  // What an algorithm of a source or sink returns when it will say itself that it is done.
  const LATER = { __proto__: null };

  // A first-in, first-out queue in a ring whose size is a power of two.
  const SMALL = 4;
  const ring = (size) => {
    const items = idl.list();
    for (let i = 0; i < size; i++) items[i] = undefined;
    return items;
  };
  class Queue {
    items = ring(SMALL);
    mask = SMALL - 1;
    head = 0;
    length = 0;
    push(value) {
      if (this.length > this.mask) this.grow();
      this.items[(this.head + this.length) & this.mask] = value;
      this.length++;
    }
    shift() {
      const { items, head } = this;
      const value = items[head];
      items[head] = undefined;
      this.head = (head + 1) & this.mask;
      if (--this.length === 0 && this.mask > 255) this.clear();
      return value;
    }
    first() { return this.items[this.head]; }
    last() { return this.items[(this.head + this.length - 1) & this.mask]; }
    grow() {
      const items = ring(this.length * 2);
      for (let i = 0; i < this.length; i++) items[i] = this.items[(this.head + i) & this.mask];
      this.items = items;
      this.mask = items.length - 1;
      this.head = 0;
    }
    clear() {
      if (this.length === 0 && this.mask < SMALL) return;
      this.items = ring(SMALL);
      this.mask = SMALL - 1;
      this.head = this.length = 0;
    }
  }

  // A promise of the standard that becomes a real one when the guest looks. It is at the same time the request for a
  // write: fulfil() or fail() settles it. One watcher is told a microtask later, as a reaction would be.
  const PENDING = 0, FULFILLED = 1, REJECTED = 2;
  class Deferred {
    state = PENDING;
    reason = undefined;
    handled = false;
    real = undefined;
    resolve = undefined;
    reject = undefined;
    watcher = undefined;
    onSettled = undefined;
    fulfil() {
      if (this.state !== PENDING) return;
      this.state = FULFILLED;
      if (this.resolve !== undefined) this.resolve();
      if (this.watcher !== undefined) enqueue(this.onSettled, this.watcher);
    }
    fail(reason) {
      if (this.state !== PENDING) return;
      this.state = REJECTED;
      this.reason = reason;
      if (this.reject !== undefined) this.reject(reason);
      if (this.watcher !== undefined) enqueue(this.onSettled, this.watcher);
    }
    // Its rejection is nobody's business if the guest does not ask.
    markHandled() {
      this.handled = true;
      if (this.real !== undefined) markHandled(this.real);
    }
    watch(watcher, onSettled) {
      this.watcher = watcher;
      this.onSettled = onSettled;
      if (this.state !== PENDING) enqueue(onSettled, watcher);
    }
    promise() {
      if (this.real === undefined) {
        if (this.state === FULFILLED) this.real = resolved(undefined);
        else if (this.state === REJECTED) this.real = rejected(this.reason);
        else {
          const capability = newPromise();
          this.real = capability[0];
          this.resolve = capability[1];
          this.reject = capability[2];
        }
        if (this.handled) markHandled(this.real);
      }
      return this.real;
    }
  }
  const fulfilled = () => {
    const deferred = new Deferred();
    deferred.state = FULFILLED;
    return deferred;
  };
  const failed = (reason) => {
    const deferred = new Deferred();
    deferred.state = REJECTED;
    deferred.reason = reason;
    deferred.handled = true;
    return deferred;
  };

  // §7: QueuingStrategy and what is taken of it.
  const queuingStrategy = (v, where) => {
    const get = idl.dictionary(v, where);
    let highWaterMark = get('highWaterMark');
    if (highWaterMark !== undefined) highWaterMark = idl.unrestrictedDouble(highWaterMark);
    const size = get('size');
    if (size !== undefined) idl.callback(size, where);
    return { __proto__: null, highWaterMark, size };
  };
  const ExtractHighWaterMark = ({ highWaterMark }, otherwise) => {
    if (highWaterMark === undefined) return otherwise;
    if (highWaterMark !== highWaterMark || highWaterMark < 0) {
      throw new p.RangeError('The high water mark must be a number that is not negative.');
    }
    return highWaterMark;
  };
  // What a size function gave, as the double that it is for the standard, if it is one that a queue can have.
  const checkedSize = (size) => {
    const number = +size;
    if (!(number >= 0) || number === Infinity) {
      throw new p.RangeError('The size of a chunk must be a finite number that is not negative.');
    }
    return number;
  };

  const strategyHighWaterMark = (init, name) => {
    const value = idl.dictionary(init, 'new ' + name)('highWaterMark');
    if (value === undefined) throw idl.typeError('new ' + name, 'required member highWaterMark is undefined.');
    return idl.unrestrictedDouble(value);
  };
  const byteLengthSize = { size(chunk) { return chunk.byteLength; } }.size;
  const countSize = { size() { return 1; } }.size;

  const byteLengthStrategy = idl.slot('ByteLengthQueuingStrategy');
  class ByteLengthQueuingStrategy {
    constructor(init) {
      idl.need(arguments.length, 1, 'new ByteLengthQueuingStrategy');
      byteLengthStrategy.set(this, strategyHighWaterMark(init, 'ByteLengthQueuingStrategy'));
    }
    get highWaterMark() { return byteLengthStrategy.get(this); }
    get size() {
      byteLengthStrategy.get(this);
      return byteLengthSize;
    }
  }
  idl.define(ByteLengthQueuingStrategy);

  const countStrategy = idl.slot('CountQueuingStrategy');
  class CountQueuingStrategy {
    constructor(init) {
      idl.need(arguments.length, 1, 'new CountQueuingStrategy');
      countStrategy.set(this, strategyHighWaterMark(init, 'CountQueuingStrategy'));
    }
    get highWaterMark() { return countStrategy.get(this); }
    get size() {
      countStrategy.get(this);
      return countSize;
    }
  }
  idl.define(CountQueuingStrategy);

  // An object of a class that glue makes: no constructor runs that the guest could have got between.
  const wrap = (Class, slot, state) => {
    const object = { __proto__: Class.prototype };
    slot.set(object, state);
    return object;
  };

  // A member of an underlying source, sink or transformer that must be a function if it is there.
  const method = (get, key, where) => {
    const value = get(key);
    return value === undefined ? undefined : idl.callback(value, where);
  };

  p.exports = {
    __proto__: null,
    LATER, Queue, Deferred, PENDING, FULFILLED, REJECTED, fulfilled, failed,
    // The size function that gives 1 for every chunk need not be called.
    countSize, queuingStrategy, ExtractHighWaterMark, checkedSize, wrap, method,
  };
  p.loaded = { ByteLengthQueuingStrategy, CountQueuingStrategy };
})
