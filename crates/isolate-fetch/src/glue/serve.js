// serve: requests that the host passes on to the guest, and the WebSockets that come of them.
(function (host, p, engine) {
  'use strict';
  const idl = p.use('idl');
  const { isObject, need, typeError } = idl;
  const { call } = p;
  const { react } = engine;
  const F = p.fetch;
  const { requests, responses } = F;

  // { object, fetch, error, websocket: { object, open, message, close, error } }, as serve() was last told.
  let app;

  const method = (get, key, where) => {
    const f = get(key);
    if (f === undefined || f === null) return undefined;
    if (typeof f !== 'function') throw typeError(where, 'member ' + key + ' is not a function.');
    return f;
  };

  // ---- requests ----

  // Requests whose signal somebody has, by the host's number.
  const tracked = new p.Map();
  F.track = (state) => {
    call(p.MapPrototypeSet, tracked, state.served, state);
    if (host.__serve_track(state.served)) gone(state.served);
  };
  const clientGone = () => p.domException('The client went away.', 'AbortError');
  const gone = (id) => {
    const state = call(p.MapPrototypeGet, tracked, id);
    if (state === undefined) return;
    call(p.MapPrototypeDelete, tracked, id);
    p.use('abort').signalAbort(state.signal, clientGone());
  };
  // What the host says of requests that are over: number, whether the client went away, the WebSocket that does not come of
  // it, number …
  const watch = () => react(host.__serve_watch(), watched, watched, undefined);
  const watched = (_, news) => {
    if (news === undefined) return;
    for (let i = 0; i < news.length; i += 3) {
      if (news[i + 2] !== undefined) call(p.MapPrototypeDelete, byId, news[i + 2]);
      if (news[i + 1]) gone(news[i]);
      else call(p.MapPrototypeDelete, tracked, news[i]);
    }
    watch();
  };

  const dispatch = (id, method, url, flat, body) => {
    const state = F.newRequest();
    state.method = method;
    state.url = url;
    state.flat = flat;
    state.immutable = true;
    state.body = F.fromHost(body);
    state.served = id;
    const job = { __proto__: null, state, app, failed: false };
    let result;
    try {
      result = call(app.fetch, app.object, F.wrapRequest(state), server);
    } catch (e) {
      fail(job, e);
      return;
    }
    if (responses.has(result)) answer(job, result);
    else react(result, answer, fail, job);
  };
  const answer = (job, response) => {
    const { served, upgraded } = job.state;
    if (upgraded !== undefined) {
      host.__serve_upgraded(served);
      return;
    }
    try {
      if (!responses.has(response)) {
        throw new p.TypeError('The fetch handler gave no Response' + (response === undefined ? '' : ', but something else') + '.');
      }
      const state = responses.get(response);
      if (state.type === 'error') throw new p.TypeError('The fetch handler gave a network error.');
      if (state.body !== undefined && F.isUnusable(state.body)) {
        throw new p.TypeError('The body of the Response is used already.');
      }
      if (host.__serve_respond(served, state.status, state.statusText, F.flatOf(state), F.toHost(state.body))) {
        call(p.MapPrototypeDelete, tracked, served);
      }
    } catch (e) {
      fail(job, e);
    }
  };
  // The guest's own handler of errors is asked once.
  const fail = (job, e) => {
    const { error } = job.app;
    // With the request goes the WebSocket that it was to become.
    const { upgraded } = job.state;
    if (upgraded !== undefined) {
      job.state.upgraded = undefined;
      call(p.MapPrototypeDelete, byId, upgraded);
      host.__serve_abandon(job.state.served);
    }
    if (error === undefined || job.failed) {
      host.__serve_fail(job.state.served, e);
      return;
    }
    job.failed = true;
    let result;
    try {
      result = call(error, job.app.object, e);
    } catch (other) {
      fail(job, other);
      return;
    }
    react(result, answer, fail, job);
  };

  // ---- WebSockets ----

  const CONNECTING = 0, OPEN = 1, CLOSING = 2, CLOSED = 3;
  const sockets = idl.slot();
  const byId = new p.Map();

  class ServerWebSocket {
    constructor() { throw new p.TypeError('Illegal constructor'); }
    get data() { return sockets.get(this).data; }
    set data(value) { sockets.get(this).data = value; }
    get readyState() { return sockets.get(this).readyState; }
    get bufferedAmount() { return host.__serve_buffered(sockets.get(this).id); }
    // The bytes that are sent, or will be; 0 if it is closed, or too much waits already.
    send(message) {
      const where = 'ServerWebSocket.send';
      const state = sockets.get(this);
      need(arguments.length, 1, where);
      const data = F.messageOf(message, where);
      if (state.readyState === CONNECTING) {
        throw p.domException('The WebSocket is not open yet.', 'InvalidStateError');
      }
      return state.readyState === OPEN ? host.__serve_send(state.id, data) : 0;
    }
    close(code = undefined, reason = undefined) {
      const state = sockets.get(this);
      const frame = F.closeFrame(code, reason, 'ServerWebSocket.close');
      if (state.readyState >= CLOSING) return;
      state.readyState = CLOSING;
      host.__serve_close(state.id, frame[0] ?? 1000, frame[1]);
    }
    terminate() {
      const state = sockets.get(this);
      if (state.readyState === CLOSED) return;
      state.readyState = CLOSING;
      host.__serve_close(state.id, 0, '');
    }
  }
  idl.define(ServerWebSocket);

  class Server {
    constructor() { throw new p.TypeError('Illegal constructor'); }
    get pendingRequests() { return host.__serve_pending(); }
    get pendingWebSockets() { return call(p.MapPrototypeGetSize, byId); }
    upgrade(request, options = undefined) {
      const where = 'Server.upgrade';
      need(arguments.length, 1, where);
      const state = requests.get(request);
      const get = idl.dictionary(options, where);
      const data = get('data'), headers = get('headers');
      if (app === undefined || app.websocket === undefined) {
        throw typeError(where, 'serve() was given no member websocket.');
      }
      const all = idl.list();
      if (headers !== undefined) F.fill(all, headers, where);
      if (state.served === 0 || state.upgraded !== undefined) return false;
      const id = host.__serve_upgrade(state.served, F.flatten(all));
      if (id === undefined) return false;
      state.upgraded = id;
      const socket = { __proto__: ServerWebSocket.prototype };
      const { websocket } = app;
      sockets.set(socket, { __proto__: null, id, data, readyState: CONNECTING, websocket });
      call(p.MapPrototypeSet, byId, id, socket);
      return true;
    }
    stop() { app = undefined; host.__serve_active(false); }
  }
  idl.define(Server);
  const server = { __proto__: Server.prototype };

  // What a callback throws has nobody to take it.
  const tell = (socket, f, a, b) => {
    const { websocket } = sockets.get(socket);
    if (f === undefined) return;
    try {
      const result = call(f, websocket.object, socket, a, b);
      if (isObject(result)) react(result, nothing, failed, undefined);
    } catch (e) {
      p.reportException(e);
    }
  };
  const nothing = () => undefined;
  const failed = (_, e) => p.reportException(e);
  const of = (id, f) => {
    const socket = call(p.MapPrototypeGet, byId, id);
    if (socket !== undefined) f(socket, sockets.get(socket));
  };
  const open = (id) => of(id, (socket, state) => {
    if (state.readyState === CONNECTING) state.readyState = OPEN;
    tell(socket, state.websocket.open);
  });
  const message = (id, data) => of(id, (socket, state) => {
    if (state.readyState > OPEN) return;
    tell(socket, state.websocket.message, typeof data === 'string' ? data : engine.viewInfo(data).buffer);
  });
  const closed = (id, code, reason) => of(id, (socket, state) => {
    call(p.MapPrototypeDelete, byId, id);
    state.readyState = CLOSED;
    tell(socket, state.websocket.close, code, reason);
  });
  const error = (id, text) => of(id, (socket, state) => tell(socket, state.websocket.error, new p.Error(text)));

  const scope = {
    serve(options) {
      const where = 'serve';
      need(arguments.length, 1, where);
      idl.object(options, where);
      const get = idl.dictionary(options, where);
      const onError = method(get, 'error', where);
      const fetch = method(get, 'fetch', where);
      if (fetch === undefined) throw typeError(where, 'required member fetch is undefined.');
      let websocket = get('websocket');
      if (websocket === null) websocket = undefined;
      if (websocket !== undefined) {
        const object = websocket;
        const of = idl.dictionary(object, where);
        websocket = {
          __proto__: null, object, close: method(of, 'close', where), error: method(of, 'error', where),
          message: method(of, 'message', where), open: method(of, 'open', where),
        };
      }
      app = { __proto__: null, object: options, fetch, error: onError, websocket };
      host.__serve_active(true);
      return server;
    },
  };
  watch();
  F.globals.serve = scope.serve;
  return { dispatch, open, message, closed, error };
})
