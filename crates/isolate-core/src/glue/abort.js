// Aborting: https://dom.spec.whatwg.org/#aborting-ongoing-activities
//
// What a signal is lives in a record, to which the guest's object leads. A record leads back to the object only while
// somebody listens to its event, so that a signal that nobody can see or hear any more is collected, however long the
// signals that it follows live.
(function (host, p, engine) {
  'use strict';
  const { call } = p;
  const idl = p.use('idl');
  const events = p.use('events');

  const signals = idl.slot();
  const stateOf = signals.get;
  const create = () => {
    const signal = { __proto__: AbortSignal.prototype };
    events.initializeTarget(signal);
    signals.set(signal, {
      __proto__: null, aborted: false, reason: undefined,
      // Abort algorithms: the ends of a linked list.
      first: undefined, last: undefined,
      // The signals it follows, as a list of links; those that follow it, as the ends of a linked list of links.
      dependent: false, sources: undefined, firstFollower: undefined, lastFollower: undefined, mark: undefined,
      // The guest's object while somebody listens to it; whether it was collected; what to do then.
      object: undefined, gone: false, release: undefined, watched: false,
      // Its number on the host, if the host knows it.
      host: 0,
    });
    return signal;
  };

  // ---- algorithms ----

  const addTo = (state, f) => {
    if (state.aborted) return;
    const node = { __proto__: null, f, previous: state.last, next: undefined };
    if (state.last === undefined) state.first = node;
    else state.last.next = node;
    state.last = node;
  };
  const removeFrom = (state, f) => {
    for (let node = state.first; node !== undefined; node = node.next) {
      if (node.f !== f) continue;
      if (node.previous === undefined) state.first = node.next;
      else node.previous.next = node.next;
      if (node.next === undefined) state.last = node.previous;
      else node.next.previous = node.previous;
      letGoIfUseless(state);
      return;
    }
  };

  // ---- following ----

  const link = (source, dependent) => {
    if (source.mark === dependent) return;
    source.mark = dependent;
    const l = { __proto__: null, source, dependent, previous: source.lastFollower, next: undefined };
    if (source.lastFollower === undefined) source.firstFollower = l;
    else source.lastFollower.next = l;
    source.lastFollower = l;
    dependent.sources[dependent.sources.length] = l;
  };
  const unlink = (state) => {
    const { sources } = state;
    if (sources === undefined) return;
    state.sources = undefined;
    for (let i = 0; i < sources.length; i++) {
      const { source, previous, next } = sources[i];
      if (source.mark === state) source.mark = undefined;
      if (previous === undefined) source.firstFollower = next;
      else previous.next = next;
      if (next === undefined) source.lastFollower = previous;
      else next.previous = previous;
      letGoIfUseless(source);
    }
  };
  const letGo = (state) => {
    unlink(state);
    const { release } = state;
    state.release = undefined;
    if (release !== undefined) release();
  };
  // A signal that was collected goes on for those that follow it and for its algorithms.
  const letGoIfUseless = (state) => {
    if (state.gone && state.first === undefined && state.firstFollower === undefined) letGo(state);
  };
  let registry;
  // For signals that something else than a controller aborts.
  const watch = (signal, state) => {
    if (state.watched) return;
    state.watched = true;
    registry ??= new p.FinalizationRegistry((record) => {
      record.gone = true;
      letGoIfUseless(record);
    });
    call(p.FinalizationRegistryPrototypeRegister, registry, signal, state);
    events.setWatch(signal, (target, type, any) => {
      if (type === 'abort') state.object = any ? target : undefined;
    });
    if (events.hasListeners(signal, 'abort')) state.object = signal;
  };

  // https://dom.spec.whatwg.org/#create-a-dependent-abort-signal
  const createDependent = (list) => {
    const signal = create(), state = stateOf(signal);
    for (let i = 0; i < list.length; i++) {
      const source = stateOf(list[i]);
      if (source.aborted) {
        state.aborted = true;
        state.reason = source.reason;
        return signal;
      }
    }
    state.dependent = true;
    state.sources = idl.list();
    for (let i = 0; i < list.length; i++) {
      const source = stateOf(list[i]);
      if (!source.dependent) {
        link(source, state);
      } else if (source.sources !== undefined) {
        for (let j = 0; j < source.sources.length; j++) link(source.sources[j].source, state);
      }
    }
    watch(signal, state);
    return signal;
  };

  // https://dom.spec.whatwg.org/#abortsignal-signal-abort
  const runSteps = (state, signal) => {
    while (state.first !== undefined) {
      const { f } = state.first;
      state.first = state.first.next;
      if (state.first === undefined) state.last = undefined;
      else state.first.previous = undefined;
      f();
    }
    const object = state.object ?? signal;
    state.object = undefined;
    letGo(state);
    if (object !== undefined) events.fire(object, 'abort');
  };
  const abortState = (state, reason, signal) => {
    if (state.aborted) return;
    if (reason === undefined) reason = abortError();
    state.aborted = true;
    state.reason = reason;
    const followers = idl.list();
    for (let l = state.firstFollower; l !== undefined; l = l.next) {
      const { dependent } = l;
      if (dependent.aborted) continue;
      dependent.aborted = true;
      dependent.reason = reason;
      followers[followers.length] = dependent;
    }
    runSteps(state, signal);
    for (let i = 0; i < followers.length; i++) runSteps(followers[i], undefined);
  };
  const aborted = (reason) => {
    const signal = create(), state = stateOf(signal);
    state.aborted = true;
    state.reason = reason;
    return signal;
  };
  const abortError = () => p.domException('signal is aborted without reason', 'AbortError');

  const toSignal = (v, where) => {
    if (!signals.has(v)) throw idl.typeError(where, 'The value is not of type \'AbortSignal\'.');
    return v;
  };

  // ---- timeouts ----

  let timeouts;
  const startTimeout = (signal, state, time) => {
    if (timeouts === undefined) {
      timeouts = new p.Map();
      host.__abort_onTimeout((id) => {
        const due = call(p.MapPrototypeGet, timeouts, id);
        if (due === undefined) return;
        call(p.MapPrototypeDelete, timeouts, id);
        due.release = undefined;
        abortState(due, p.domException('signal timed out', 'TimeoutError'), undefined);
      });
    }
    const id = host.__abort_startTimeout(time);
    call(p.MapPrototypeSet, timeouts, id, state);
    state.release = () => { if (call(p.MapPrototypeDelete, timeouts, id)) host.__abort_stopTimeout(id); };
    watch(signal, state);
  };

  // ---- interfaces ----

  class AbortSignal {
    constructor() { throw new p.TypeError('Illegal constructor'); }
    static abort(reason = undefined) { return aborted(reason === undefined ? abortError() : reason); }
    static any(signals) {
      idl.need(arguments.length, 1, 'AbortSignal.any');
      return createDependent(idl.sequence(signals, toSignal, 'AbortSignal.any'));
    }
    static timeout(milliseconds) {
      idl.need(arguments.length, 1, 'AbortSignal.timeout');
      const time = idl.unsignedLongLong(milliseconds, 'AbortSignal.timeout', { __proto__: null, enforceRange: true });
      const signal = create();
      startTimeout(signal, stateOf(signal), time);
      return signal;
    }
    get aborted() { return stateOf(this).aborted; }
    get reason() { return stateOf(this).reason; }
    throwIfAborted() {
      const state = stateOf(this);
      if (state.aborted) throw state.reason;
    }
  }
  idl.inherit(idl.define(AbortSignal), events.EventTarget);
  events.handler(AbortSignal, 'onabort', stateOf);

  class AbortController {
    #signal = create();
    get signal() { return this.#signal; }
    abort(reason = undefined) {
      const signal = this.#signal;
      abortState(stateOf(signal), reason, signal);
    }
  }
  idl.define(AbortController);

  events.hooks.signalState = (v) => (signals.has(v) ? stateOf(v) : undefined);
  events.hooks.addAlgorithm = addTo;
  events.hooks.removeAlgorithm = removeFrom;

  // ---- signals that cross the boundary ----

  let anchors;
  p.platform('AbortSignal', {
    __proto__: null,
    test: signals.has,
    send(signal) {
      const state = stateOf(signal);
      if (state.aborted) return 0;
      if (state.host === 0) {
        const id = state.host = host.__abort_newToken();
        // The host forgets the number when the record, and with it this algorithm, is collected.
        anchors ??= new p.FinalizationRegistry((n) => { host.__abort_release(n); });
        const anchor = {};
        call(p.FinalizationRegistryPrototypeRegister, anchors, anchor, id);
        addTo(state, () => { if (anchor !== undefined) host.__abort_cancel(id); });
      }
      return state.host;
    },
    receive(id) {
      if (id === 0) return aborted(abortError());
      const signal = create(), state = stateOf(signal);
      // Settled with true when the host's token is cancelled, with false when nobody waits for it any more.
      engine.then(host.__abort_whenCancelled(id), (cancelled) => {
        state.release = undefined;
        if (cancelled) abortState(state, undefined, undefined);
      });
      state.release = () => host.__abort_release(id);
      watch(signal, state);
      return signal;
    },
  });

  p.exports = {
    __proto__: null, AbortSignal, AbortController,
    isSignal: signals.has,
    isAborted: (signal) => stateOf(signal).aborted,
    reasonOf: (signal) => stateOf(signal).reason,
    // A new signal that only signalAbort() aborts; one that follows others (a list of idl.list()'s kind).
    create, createDependent,
    signalAbort: (signal, reason) => abortState(stateOf(signal), reason, signal),
    // f runs, once, when the signal aborts, before its listeners.
    addAlgorithm: (signal, f) => addTo(stateOf(signal), f),
    removeAlgorithm: (signal, f) => removeFrom(stateOf(signal), f),
    abortError,
  };
  p.loaded = { AbortController, AbortSignal };
})
