// EventSource: https://html.spec.whatwg.org/multipage/server-sent-events.html
(function (host, p, engine) {
  'use strict';
  const idl = p.use('idl');
  const { need, USVString } = idl;
  const { react } = engine;
  const F = p.fetch;
  const events = p.use('events');

  const CONNECTING = 0, OPEN = 1, CLOSED = 2;
  const sources = idl.slot();
  let made = 0;

  const connect = (job) => {
    let opening;
    try {
      opening = host.__EventSource_open(job.state.id, job.state.url);
    } catch (e) {
      opening = engine.rejected(e);
    }
    react(opening, opened, again, job);
  };
  // The host gives the origin of where it was redirected to, or nothing if that is not a stream of events.
  const opened = (job, origin) => {
    const { source, state } = job;
    if (state.readyState === CLOSED) return;
    if (origin === undefined) {
      fail(job);
      return;
    }
    state.readyState = OPEN;
    state.origin = origin;
    next(job);
    events.fire(source, 'open');
  };
  const next = (job) => react(host.__EventSource_next(job.state.id), received, again, job);
  const received = (job, event) => {
    const { source, state } = job;
    if (state.readyState === CLOSED) return;
    if (event === undefined) {
      again(job);
      return;
    }
    next(job);
    F.fireMessage(source, event[0], event[1], state.origin, event[2]);
  };
  // https://html.spec.whatwg.org/multipage/server-sent-events.html#reestablish-the-connection
  const again = (job) => {
    const { source, state } = job;
    if (state.readyState === CLOSED) return;
    state.readyState = CONNECTING;
    events.fire(source, 'error');
    if (state.readyState === CLOSED) return;
    react(host.__EventSource_wait(state.id), waited, fail, job);
  };
  const waited = (job) => { if (job.state.readyState === CONNECTING) connect(job); };
  const fail = (job) => {
    if (job.state.readyState === CLOSED) return;
    job.state.readyState = CLOSED;
    host.__EventSource_close(job.state.id);
    events.fire(job.source, 'error');
  };

  class EventSource {
    constructor(url, eventSourceInitDict = undefined) {
      const where = 'new EventSource';
      need(arguments.length, 1, where);
      url = USVString(url);
      const withCredentials = !!idl.dictionary(eventSourceInitDict, where)('withCredentials');
      const href = p.use('url').parseURL(url, F.baseURL);
      if (href === undefined) throw p.domException('Failed to construct \'EventSource\': The URL \'' + url + '\' is invalid.', 'SyntaxError');
      events.initializeTarget(this);
      const state = { __proto__: null, id: ++made, url: href, origin: '', withCredentials, readyState: CONNECTING };
      sources.set(this, state);
      connect({ __proto__: null, source: this, state });
    }
    get url() { return sources.get(this).url; }
    get withCredentials() { return sources.get(this).withCredentials; }
    get readyState() { return sources.get(this).readyState; }
    close() {
      const state = sources.get(this);
      if (state.readyState === CLOSED) return;
      state.readyState = CLOSED;
      host.__EventSource_close(state.id);
    }
  }
  idl.inherit(idl.define(EventSource, { __proto__: null, constants: { CONNECTING, OPEN, CLOSED } }), events.EventTarget);
  const handlers = ['onopen', 'onmessage', 'onerror'];
  for (let i = 0; i < 3; i++) events.handler(EventSource, handlers[i], sources.get);

  F.globals.EventSource = EventSource;
})
