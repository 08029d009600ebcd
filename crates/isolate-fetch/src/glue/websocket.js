// WebSocket and CloseEvent: https://websockets.spec.whatwg.org/
(function (host, p, engine) {
  'use strict';
  const idl = p.use('idl');
  const { need, USVString } = idl;
  const { react } = engine;
  const F = p.fetch;
  const events = p.use('events');

  class CloseEvent {
    constructor(type, eventInitDict = undefined) {
      need(arguments.length, 1, 'new CloseEvent');
      events.construct(this, 'CloseEvent', type, eventInitDict, 'new CloseEvent', (get) => {
        const code = get('code'), reason = get('reason'), wasClean = get('wasClean');
        return {
          __proto__: null, code: code === undefined ? 0 : idl.unsignedShort(code), reason: reason === undefined ? '' : USVString(reason),
          wasClean: !!wasClean,
        };
      });
    }
    get wasClean() { return events.dataOf(this, 'CloseEvent').wasClean; }
    get code() { return events.dataOf(this, 'CloseEvent').code; }
    get reason() { return events.dataOf(this, 'CloseEvent').reason; }
  }
  idl.inherit(idl.define(CloseEvent), events.Event);

  const CONNECTING = 0, OPEN = 1, CLOSING = 2, CLOSED = 3;
  const sockets = idl.slot();
  let made = 0;

  const syntaxError = (message) => p.domException('Failed to construct \'WebSocket\': ' + message, 'SyntaxError');
  const protocolsOf = (v, where) => {
    const all = idl.list();
    if (v === undefined) return all;
    const isSequence = idl.isObject(v) && v[p.SymbolIterator] !== undefined && v[p.SymbolIterator] !== null;
    if (!isSequence) all[0] = p.ToString(v);
    else {
      const given = idl.sequence(v, p.ToString, where);
      for (let i = 0; i < given.length; i++) all[i] = given[i];
    }
    for (let i = 0; i < all.length; i++) {
      if (host.__WebSocket_isToken(all[i]) !== true) throw syntaxError('The subprotocol \'' + all[i] + '\' is invalid.');
      for (let j = 0; j < i; j++) if (host.__WebSocket_same(all[i], all[j])) {
        throw syntaxError('The subprotocol \'' + all[i] + '\' is duplicated.');
      }
    }
    return all;
  };

  const connected = (job, protocol) => {
    const { socket, state } = job;
    // Closed before it was open: it is as if it had failed.
    if (state.readyState !== CONNECTING) {
      broken(job);
      return;
    }
    state.readyState = OPEN;
    state.protocol = protocol;
    next(job);
    events.fire(socket, 'open');
  };
  const next = (job) => react(host.__WebSocket_next(job.state.id), received, broken, job);
  const received = (job, message) => {
    const { socket, state } = job;
    if (state.readyState === CLOSED) return;
    if (typeof message !== 'string' && engine.viewInfo(message) === undefined) {
      ended(job, message[0], message[1], true);
      return;
    }
    next(job);
    if (state.readyState !== OPEN || !events.hasListeners(socket, 'message')) return;
    let data = message;
    if (typeof message !== 'string') {
      if (state.binaryType === 'arraybuffer') data = engine.viewInfo(message).buffer;
      else data = p.use('blob').makeBlob([{ __proto__: null, id: 0, source: message }], '');
    }
    F.fireMessage(socket, 'message', data, state.origin, '');
  };
  // The connection failed, or never was.
  const broken = (job) => {
    if (job.state.readyState === CLOSED) return;
    job.state.readyState = CLOSED;
    events.fire(job.socket, 'error');
    ended(job, 1006, '', false);
  };
  const ended = (job, code, reason, wasClean) => {
    const { socket, state } = job;
    state.readyState = CLOSED;
    host.__WebSocket_drop(state.id);
    if (!events.hasListeners(socket, 'close')) return;
    events.dispatch(socket, events.create(CloseEvent, 'CloseEvent', 'close', { __proto__: null, code, reason, wasClean }));
  };

  class WebSocket {
    constructor(url, protocols = undefined) {
      const where = 'new WebSocket';
      need(arguments.length, 1, where);
      url = USVString(url);
      const all = protocolsOf(protocols, where);
      const href = p.use('url').parseURL(url, F.baseURL);
      const target = href === undefined ? undefined : host.__WebSocket_url(href);
      if (target === undefined) throw syntaxError('The URL \'' + url + '\' is invalid.');
      events.initializeTarget(this);
      const id = ++made;
      const state = {
        __proto__: null, id, url: target[0], origin: target[1], readyState: CONNECTING, protocol: '', binaryType: 'blob',
        // What was given to send() after it was closed, in bytes.
        lost: 0,
      };
      sockets.set(this, state);
      const job = { __proto__: null, socket: this, state };
      let connecting;
      try {
        connecting = host.__WebSocket_connect(id, state.url, idl.array(all));
      } catch (e) {
        connecting = engine.rejected(e);
      }
      react(connecting, connected, broken, job);
    }
    get url() { return sockets.get(this).url; }
    get readyState() { return sockets.get(this).readyState; }
    get bufferedAmount() {
      const { id, lost } = sockets.get(this);
      return host.__WebSocket_buffered(id) + lost;
    }
    get extensions() { return sockets.get(this), ''; }
    get protocol() { return sockets.get(this).protocol; }
    get binaryType() { return sockets.get(this).binaryType; }
    set binaryType(value) {
      const state = sockets.get(this);
      value = p.ToString(value);
      if (value === 'blob' || value === 'arraybuffer') state.binaryType = value;
    }
    close(code = undefined, reason = undefined) {
      const state = sockets.get(this);
      const frame = F.closeFrame(code, reason, 'WebSocket.close');
      if (state.readyState >= CLOSING) return;
      if (state.readyState === CONNECTING) host.__WebSocket_abort(state.id);
      else host.__WebSocket_close(state.id, frame[0] ?? 0, frame[1]);
      state.readyState = CLOSING;
    }
    send(data) {
      const where = 'WebSocket.send';
      const state = sockets.get(this);
      need(arguments.length, 1, where);
      data = F.messageOf(data, where);
      if (state.readyState === CONNECTING) {
        throw p.domException('Failed to execute \'send\' on \'WebSocket\': Still in CONNECTING state.', 'InvalidStateError');
      }
      if (state.readyState !== OPEN) {
        state.lost += host.__WebSocket_size(data);
        return;
      }
      host.__WebSocket_send(state.id, data);
    }
  }
  idl.inherit(idl.define(WebSocket, { __proto__: null, constants: { CONNECTING, OPEN, CLOSING, CLOSED } }), events.EventTarget);
  const handlers = ['onopen', 'onerror', 'onclose', 'onmessage'];
  for (let i = 0; i < 4; i++) events.handler(WebSocket, handlers[i], sockets.get);

  F.globals.WebSocket = WebSocket;
  F.globals.CloseEvent = CloseEvent;
})
