// Request, Response and fetch: https://fetch.spec.whatwg.org/
(function (host, p, engine) {
  'use strict';
  const idl = p.use('idl');
  const { isObject, list, need, typeError, USVString } = idl;
  const { call, ToString } = p;
  const { react, resolved, rejected, newPromise } = engine;
  const abort = p.use('abort');
  const F = p.fetch;
  const { fill, find, get, headerList, headersOf, flatOf } = F;
  const { TEXT, BYTES, BLOB, STREAM, newBody, extract, isUnusable, cloneBody, moveBody, failBody, errorStream, lengthOf } = F;

  // ---- requests: https://fetch.spec.whatwg.org/#request-class ----

  const requests = idl.slot();
  const caches = ['default', 'no-store', 'reload', 'no-cache', 'force-cache', 'only-if-cached'];
  const credentialModes = ['omit', 'same-origin', 'include'];
  const modes = ['same-origin', 'no-cors', 'cors', 'navigate'];
  const priorities = ['high', 'low', 'auto'];
  const redirects = ['follow', 'error', 'manual'];
  const policies = ['', 'no-referrer', 'no-referrer-when-downgrade', 'same-origin', 'origin', 'strict-origin',
    'origin-when-cross-origin', 'strict-origin-when-cross-origin', 'unsafe-url'];

  const newRequest = () => ({
    __proto__: null, method: 'GET', url: '', flat: undefined, list: undefined, headers: undefined, immutable: false,
    body: undefined, redirect: 'follow', cache: 'default', credentials: 'same-origin', mode: 'cors',
    referrer: 'about:client', referrerPolicy: '', integrity: '', keepalive: false,
    // The signal that it follows, and its own once somebody asks.
    follows: undefined, signal: undefined,
    // The number that the host knows it by, if it came from there, and that of the WebSocket that came of it.
    served: 0, upgraded: undefined,
  });
  const wrapRequest = (state) => {
    const request = { __proto__: Request.prototype };
    requests.set(request, state);
    return request;
  };
  const parseURL = (s, where) => {
    const href = p.use('url').parseURL(s, F.baseURL);
    if (href === undefined) throw typeError(where, 'Failed to parse URL from ' + s);
    if (host.__URL_credentials(href)) {
      throw typeError(where, 'Request cannot be constructed from a URL that includes credentials: ' + href);
    }
    return href;
  };
  const tokenMethod = (v, where) => {
    const s = ToString(v);
    if (s === 'GET' || s === 'POST' || s === 'PUT') return s;
    const method = host.__Request_method(s);
    if (method === 0) throw typeError(where, '\'' + s + '\' is not a valid HTTP method.');
    if (method === 1) throw typeError(where, '\'' + s + '\' HTTP method is unsupported.');
    return method;
  };

  // https://fetch.spec.whatwg.org/#dom-request, without an object.
  const makeRequest = (input, init, where) => {
    const request = newRequest();
    let from;
    if (isObject(input) && requests.has(input)) {
      from = requests.get(input);
      request.url = from.url;
      request.method = from.method;
      request.redirect = from.redirect;
      request.cache = from.cache;
      request.credentials = from.credentials;
      request.mode = from.mode;
      request.referrer = from.referrer;
      request.referrerPolicy = from.referrerPolicy;
      request.integrity = from.integrity;
      request.keepalive = from.keepalive;
    } else {
      request.url = parseURL(USVString(input), where);
    }
    let signal, hasSignal = false, headers, body, duplex;
    if (init !== undefined && init !== null) {
      if (!isObject(init)) throw typeError(where, 'The provided value is not of type \'RequestInit\'.');
      // Members are converted in the order of the alphabet.
      body = init.body;
      let v = init.cache;
      if (v !== undefined) request.cache = idl.enumeration(v, caches, where);
      v = init.credentials;
      if (v !== undefined) request.credentials = idl.enumeration(v, credentialModes, where);
      duplex = init.duplex;
      if (duplex !== undefined) idl.enumeration(duplex, ['half'], where);
      headers = init.headers;
      v = init.integrity;
      if (v !== undefined) request.integrity = ToString(v);
      v = init.keepalive;
      if (v !== undefined) request.keepalive = !!v;
      v = init.method;
      if (v !== undefined) request.method = tokenMethod(v, where);
      v = init.mode;
      if (v !== undefined) {
        request.mode = idl.enumeration(v, modes, where);
        if (request.mode === 'navigate') throw typeError(where, 'The mode \'navigate\' is not allowed.');
      }
      v = init.priority;
      if (v !== undefined) idl.enumeration(v, priorities, where);
      v = init.redirect;
      if (v !== undefined) request.redirect = idl.enumeration(v, redirects, where);
      v = init.referrer;
      if (v !== undefined) {
        const referrer = USVString(v);
        if (referrer === '') request.referrer = '';
        else {
          const href = p.use('url').parseURL(referrer, F.baseURL);
          if (href === undefined) throw typeError(where, 'Referrer \'' + referrer + '\' is not a valid URL.');
          request.referrer = href === 'about:client' ? href : href;
        }
      }
      v = init.referrerPolicy;
      if (v !== undefined) request.referrerPolicy = idl.enumeration(v, policies, where);
      signal = init.signal;
      if (signal !== undefined) {
        hasSignal = true;
        if (signal !== null && !abort.isSignal(signal)) {
          throw typeError(where, 'Failed to convert value to \'AbortSignal\'.');
        }
      }
      v = init.window;
      if (v !== undefined && v !== null) throw typeError(where, 'The member window can only be null.');
      if (request.cache === 'only-if-cached' && request.mode !== 'same-origin') {
        throw typeError(where, '\'only-if-cached\' can be set only with \'same-origin\' mode.');
      }
    }
    if (hasSignal) request.follows = signal === null ? undefined : signal;
    else if (from !== undefined) request.follows = signalIfAny(from);

    if (headers !== undefined) {
      request.list = list();
      fill(request.list, headers, where);
    } else if (from !== undefined) {
      const all = headerList(from);
      request.list = list();
      for (let i = 0; i < all.length; i++) request.list[i] = all[i];
    }
    const hasBody = body !== undefined && body !== null;
    const inputBody = from === undefined ? undefined : from.body;
    if ((hasBody || inputBody !== undefined) && (request.method === 'GET' || request.method === 'HEAD')) {
      throw typeError(where, 'Request with GET/HEAD method cannot have body.');
    }
    if (hasBody) {
      const extracted = extract(body, request.keepalive, where);
      request.body = extracted[0];
      if (extracted[1] !== null) {
        request.list ??= list();
        if (find(request.list, 'content-type') < 0) request.list[request.list.length] = ['content-type', extracted[1]];
      }
      if (extracted[0].kind === STREAM && duplex === undefined) {
        throw typeError(where, 'The `duplex` member must be specified for a request with a streaming body');
      }
    } else if (inputBody !== undefined) {
      if (isUnusable(inputBody)) {
        throw typeError(where, 'Cannot construct a Request with a Request object that has already been used.');
      }
      request.body = moveBody(inputBody);
    }
    return request;
  };

  const signalOf = (state) => {
    if (state.signal !== undefined) return state.signal;
    const follow = list();
    if (state.follows !== undefined) follow[0] = state.follows;
    // Of one that the host sent: the host aborts it.
    const signal = state.signal = state.served === 0 ? abort.createDependent(follow) : abort.create();
    if (state.served !== 0) F.track(state);
    return signal;
  };
  // What follows a request need not follow anything if the request does not.
  const signalIfAny = (state) =>
    (state.signal === undefined && state.follows === undefined && state.served === 0 ? undefined : signalOf(state));

  class Request {
    constructor(input, init = undefined) {
      need(arguments.length, 1, 'new Request');
      requests.set(this, makeRequest(input, init, 'new Request'));
    }
    get method() { return requests.get(this).method; }
    get url() { return requests.get(this).url; }
    get headers() { return headersOf(requests.get(this)); }
    get destination() { return requests.get(this), ''; }
    get referrer() { return requests.get(this).referrer; }
    get referrerPolicy() { return requests.get(this).referrerPolicy; }
    get mode() { return requests.get(this).mode; }
    get credentials() { return requests.get(this).credentials; }
    get cache() { return requests.get(this).cache; }
    get redirect() { return requests.get(this).redirect; }
    get integrity() { return requests.get(this).integrity; }
    get keepalive() { return requests.get(this).keepalive; }
    get isReloadNavigation() { return requests.get(this), false; }
    get isHistoryNavigation() { return requests.get(this), false; }
    get signal() { return signalOf(requests.get(this)); }
    get duplex() { return requests.get(this), 'half'; }
    clone() {
      const from = requests.get(this);
      if (isUnusable(from.body)) throw typeError('Request.clone', 'Request body is already used');
      const state = newRequest();
      const { url, method, redirect, cache, credentials, mode, referrer, referrerPolicy, integrity, keepalive } = from;
      state.url = url;
      state.method = method;
      state.redirect = redirect;
      state.cache = cache;
      state.credentials = credentials;
      state.mode = mode;
      state.referrer = referrer;
      state.referrerPolicy = referrerPolicy;
      state.integrity = integrity;
      state.keepalive = keepalive;
      const all = headerList(from);
      state.list = list();
      for (let i = 0; i < all.length; i++) state.list[i] = all[i];
      state.immutable = from.immutable;
      state.body = cloneBody(from.body);
      state.follows = signalIfAny(from);
      return wrapRequest(state);
    }
  }
  F.mixin(Request, requests);
  idl.define(Request);

  // ---- responses: https://fetch.spec.whatwg.org/#response-class ----

  const responses = idl.slot();
  const newResponse = () => ({
    __proto__: null, type: 'default', url: '', redirected: false, status: 200, statusText: '',
    flat: undefined, list: undefined, headers: undefined, immutable: false, body: undefined,
  });
  const wrapResponse = (state) => {
    const response = { __proto__: Response.prototype };
    responses.set(response, state);
    return response;
  };
  const isNullBodyStatus = (status) => status === 101 || status === 103 || status === 204 || status === 205 || status === 304;
  const isRedirectStatus = (status) => status === 301 || status === 302 || status === 303 || status === 307 || status === 308;

  // https://fetch.spec.whatwg.org/#initialize-a-response
  const initialize = (state, init, body, type, where) => {
    if (init !== undefined && init !== null) {
      if (!isObject(init)) throw typeError(where, 'The provided value is not of type \'ResponseInit\'.');
      const { headers } = init;
      let status = init.status;
      if (status !== undefined) status = idl.unsignedShort(status, where);
      let { statusText } = init;
      if (statusText !== undefined) {
        statusText = idl.ByteString(statusText, where);
        if (statusText !== '' && !host.__Response_reason(statusText)) throw typeError(where, 'Invalid statusText');
        state.statusText = statusText;
      }
      if (status !== undefined) {
        if (status < 200 || status > 599) {
          throw new p.RangeError('Failed to construct \'Response\': The status provided (' + status +
            ') is outside the range [200, 599].');
        }
        state.status = status;
      }
      if (headers !== undefined) {
        state.list = list();
        fill(state.list, headers, where);
      }
    }
    if (body === undefined) return;
    if (isNullBodyStatus(state.status)) {
      throw typeError(where, 'Response with null body status cannot have body');
    }
    state.body = body;
    if (type !== null) {
      state.list ??= list();
      if (find(state.list, 'content-type') < 0) state.list[state.list.length] = ['content-type', type];
    }
  };

  class Response {
    constructor(body = null, init = undefined) {
      const state = newResponse();
      responses.set(this, state);
      if (body === null) {
        initialize(state, init, undefined, null, 'new Response');
        return;
      }
      const extracted = extract(body, false, 'new Response');
      initialize(state, init, extracted[0], extracted[1], 'new Response');
    }
    static error() {
      const state = newResponse();
      state.type = 'error';
      state.status = 0;
      state.immutable = true;
      return wrapResponse(state);
    }
    static redirect(url, status = 302) {
      const where = 'Response.redirect';
      need(arguments.length, 1, where);
      url = USVString(url);
      status = idl.unsignedShort(status, where);
      const href = p.use('url').parseURL(url, F.baseURL);
      if (href === undefined) throw typeError(where, 'Failed to parse URL from ' + url);
      if (!isRedirectStatus(status)) throw new p.RangeError('Failed to execute \'redirect\' on \'Response\': Invalid status code');
      const state = newResponse();
      state.status = status;
      state.immutable = true;
      state.list = list();
      state.list[0] = ['location', href];
      return wrapResponse(state);
    }
    static json(data, init = undefined) {
      const where = 'Response.json';
      need(arguments.length, 1, where);
      const text = p.JSONStringify(data);
      if (text === undefined) throw typeError(where, 'The data is not JSON serializable');
      const state = newResponse();
      initialize(state, init, newBody(TEXT, call(p.StringPrototypeToWellFormed, text)), 'application/json', where);
      return wrapResponse(state);
    }
    get type() { return responses.get(this).type; }
    get url() {
      const { url } = responses.get(this);
      const hash = call(p.StringPrototypeIndexOf, url, '#');
      return hash < 0 ? url : call(p.StringPrototypeSlice, url, 0, hash);
    }
    get redirected() { return responses.get(this).redirected; }
    get status() { return responses.get(this).status; }
    get ok() {
      const { status } = responses.get(this);
      return status >= 200 && status <= 299;
    }
    get statusText() { return responses.get(this).statusText; }
    get headers() { return headersOf(responses.get(this)); }
    clone() {
      const from = responses.get(this);
      if (isUnusable(from.body)) throw typeError('Response.clone', 'Response body is already used');
      const state = newResponse();
      state.type = from.type;
      state.url = from.url;
      state.redirected = from.redirected;
      state.status = from.status;
      state.statusText = from.statusText;
      const all = headerList(from);
      state.list = list();
      for (let i = 0; i < all.length; i++) state.list[i] = all[i];
      state.immutable = from.immutable;
      state.body = cloneBody(from.body);
      return wrapResponse(state);
    }
  }
  F.mixin(Response, responses);
  idl.define(Response);

  // ---- fetch: https://fetch.spec.whatwg.org/#fetch-method ----

  let flights = 0;
  const fetch = (input, init) => {
    let request;
    try {
      request = makeRequest(input, init, 'fetch');
    } catch (e) {
      return rejected(e);
    }
    const signal = request.follows;
    if (signal !== undefined && abort.isAborted(signal)) {
      const reason = abort.reasonOf(signal);
      F.cancelBody(request.body, reason);
      return rejected(reason);
    }
    const local = localFetch(request);
    if (local !== undefined) return local;
    const capability = newPromise();
    // What is under way: aborting it ends the host's work, and errors the bodies.
    const flight = {
      __proto__: null, id: 0, request, resolve: capability[1], reject: capability[2], signal, onAbort: undefined, done: false,
      // Of the response's body and its stream, which a signal that lives on must not keep.
      body: undefined, stream: undefined,
    };
    if (signal !== undefined) {
      flight.id = ++flights;
      flight.onAbort = () => abortFlight(flight);
      abort.addAlgorithm(signal, flight.onAbort);
    }
    let answer;
    try {
      const { redirect, integrity, keepalive } = request;
      const flags = (redirect === 'follow' ? 0 : redirect === 'error' ? 1 : 2) + (keepalive ? 4 : 0);
      answer = host.__fetch_send(flight.id, request.method, request.url, flatOf(request), F.toHost(request.body), flags,
        integrity);
    } catch (e) {
      answered(flight, e);
      return capability[0];
    }
    idl.after(answer, gotResponse, gotFailure, flight);
    return capability[0];
  };
  const abortFlight = (flight) => {
    const reason = abort.reasonOf(flight.signal);
    host.__fetch_abort(flight.id);
    if (flight.done) {
      const body = call(p.WeakRefPrototypeDeref, flight.body), stream = call(p.WeakRefPrototypeDeref, flight.stream);
      failBody(body, reason);
      if (stream !== undefined) errorStream(stream, reason);
      return;
    }
    failBody(flight.request.body, reason);
    finish(flight).reject(reason);
  };
  // The fetch is over but for its body: nothing of it is kept that leads to the response.
  const finish = (flight) => {
    const { resolve, reject } = flight;
    flight.done = true;
    flight.request = flight.resolve = flight.reject = undefined;
    return { __proto__: null, resolve, reject };
  };
  const answered = (flight, e) => {
    if (flight.done) return;
    if (flight.signal !== undefined) abort.removeAlgorithm(flight.signal, flight.onAbort);
    finish(flight).reject(e);
  };
  const gotFailure = (flight, e) => answered(flight, e);
  const gotResponse = (flight, made) => {
    if (flight.done) return;
    const state = newResponse();
    state.type = 'basic';
    state.status = made[0];
    state.statusText = made[1];
    state.url = made[2] ?? flight.request.url;
    state.redirected = made[3];
    state.flat = made[4];
    state.immutable = true;
    state.body = F.fromHost(made[5]);
    if (flight.signal !== undefined) {
      // Nothing is left to abort of what has come whole.
      if (made[6]) landed(flight);
      else {
        flight.body = new p.WeakRef(state.body);
        flight.stream = new p.WeakRef(state.body.stream);
        react(host.__fetch_ended(flight.id), landed, landed, flight);
      }
    }
    finish(flight).resolve(wrapResponse(state));
  };
  const landed = (flight) => abort.removeAlgorithm(flight.signal, flight.onAbort);

  // https://fetch.spec.whatwg.org/#scheme-fetch, for what needs no network.
  const localFetch = (request) => {
    const { url } = request;
    const scheme = call(p.StringPrototypeSlice, url, 0, 5);
    if (scheme === 'data:') {
      const made = host.__fetch_data(url);
      if (made === undefined) return rejected(new p.TypeError('fetch failed: the data: URL is malformed'));
      const state = newResponse();
      state.type = 'basic';
      state.url = url;
      state.statusText = 'OK';
      state.immutable = true;
      state.list = list();
      state.list[0] = ['content-type', made[0]];
      state.body = newBody(BYTES, request.method === 'HEAD' ? new p.Uint8Array(0) : made[1]);
      return resolved(wrapResponse(state));
    }
    if (scheme === 'blob:') return blobFetch(request);
    return undefined;
  };
  const blobFetch = (request) => {
    const blob = p.use('blob');
    const object = blob.resolveObjectURL(request.url);
    if (request.method !== 'GET' || object === undefined) {
      return rejected(new p.TypeError('fetch failed: there is no such Blob, or the method is not GET'));
    }
    let bytes = blob.bytesOf(object);
    const { size, type } = bytes;
    const state = newResponse();
    state.type = 'basic';
    state.url = request.url;
    state.statusText = 'OK';
    state.immutable = true;
    state.list = list();
    const range = get(headerList(request), 'range');
    if (range !== null) {
      const asked = host.__fetch_range(range, size);
      if (asked === undefined) return rejected(new p.TypeError('fetch failed: the range is not valid'));
      bytes = blob.sliceBytes(bytes, asked[0], asked[1], type);
      state.status = 206;
      state.statusText = 'Partial Content';
      state.list[0] = state.list[1] = undefined;
      state.list[2] = ['content-range', 'bytes ' + asked[0] + '-' + (asked[1] - 1) + '/' + size];
    }
    state.list[0] = ['content-length', '' + bytes.size];
    state.list[1] = ['content-type', type === '' || F.extractType(type) === undefined ? '' : type];
    state.body = newBody(BLOB, bytes);
    return resolved(wrapResponse(state));
  };

  // ---- what WebSockets of both sides and event sources share ----

  // What send() takes, as the host does: a string, or bytes that the guest cannot change any more.
  const messageOf = (v, where) => {
    if (isObject(v)) {
      if (engine.viewInfo(v) !== undefined || engine.bufferInfo(v) !== undefined) {
        idl.bufferSource(v, where);
        return v;
      }
      if (p.use('blob').isBlob(v)) return v;
    }
    return USVString(v);
  };
  // https://websockets.spec.whatwg.org/#dom-websocket-close: [code or undefined, reason].
  const closeFrame = (code, reason, where) => {
    if (code !== undefined) {
      code = idl.unsignedShort(code, where, { __proto__: null, clamp: true });
      if (code !== 1000 && (code < 3000 || code > 4999)) {
        throw p.domException('The code must be 1000, or from 3000 to 4999: ' + code, 'InvalidAccessError');
      }
    }
    reason = reason === undefined ? '' : USVString(reason);
    if (lengthOf(engine.utf8Encode(reason)) > 123) {
      throw p.domException('The reason is longer than 123 bytes.', 'SyntaxError');
    }
    return [reason !== '' && code === undefined ? 1000 : code, reason];
  };

  // Fires a MessageEvent, if somebody listens.
  const fireMessage = (target, type, data, origin, lastEventId) => {
    const events = p.use('events');
    if (!events.hasListeners(target, type)) return;
    const own = { __proto__: null, data, origin, lastEventId, source: null, ports: idl.readonlyArray(list()) };
    events.dispatch(target, events.create(events.MessageEvent, 'MessageEvent', type, own));
  };

  const scope = {
    fetch(input, init = undefined) {
      try {
        need(arguments.length, 1, 'fetch');
      } catch (e) {
        return rejected(e);
      }
      return fetch(input, init);
    },
  };

  F.requests = requests;
  F.responses = responses;
  F.newRequest = newRequest;
  F.wrapRequest = wrapRequest;
  F.messageOf = messageOf;
  F.closeFrame = closeFrame;
  F.fireMessage = fireMessage;
  // Set by the glue of serve: told of requests whose signal somebody has.
  F.track = undefined;
  F.baseURL = host.__fetch_baseURL();
  F.globals.Request = Request;
  F.globals.Response = Response;
  F.globals.fetch = scope.fetch;
})
