//! Requests that the guest answers, and the WebSockets that come of them.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{self, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{Stream, StreamExt};
use http::header::{self, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use isolate_core::url::Url;
use isolate_core::{
    Blob, Charge, Context, DomExceptionName, Error, Exception, FromValue, Function, HostError, HostFunction,
    Interrupter, IntoValue, Value, WhenStopped,
};
use tokio::sync::oneshot;

use crate::guest::{body_of, flat_headers, header_map, is_null_body};
use crate::{Body, CloseFrame, FetchError, FetchErrorKind, FetchHandle, FetchLimits, Message, ResponseInfo, State};

/// What the host is to do with a WebSocket that the guest serves.
#[derive(Debug)]
pub struct WebSocketCommand {
    /// Which one.
    pub connection: u64,
    /// What. A `Close` without a frame is to drop the connection without a handshake.
    pub message: Message,
    /// What it takes counts as the guest's memory, and as waiting to be sent, until the command is dropped.
    _held: Option<(Charge, Waiting)>,
}

/// Bytes of a connection that wait to be sent.
#[derive(Debug)]
struct Waiting {
    all: Arc<AtomicUsize>,
    bytes: usize,
}

impl Waiting {
    fn new(all: &Arc<AtomicUsize>, bytes: usize) -> Self {
        all.fetch_add(bytes, Ordering::Relaxed);
        Self { all: all.clone(), bytes }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// How many messages of the largest size may wait to be sent.
const MOST_WAITING: usize = 4;

/// In the extensions of a response with status 101: the guest wants the connection as a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpgradeRequest {
    /// The number that the dispatch functions and commands know it by.
    pub connection: u64,
}

type Reply = oneshot::Sender<Result<Response<Body>, FetchError>>;
type OnCommand = Rc<dyn Fn(WebSocketCommand)>;

/// What both sides of a request know.
#[derive(Debug, Default)]
struct Shared {
    /// Its number, once the guest has it, and where to tell of it.
    id: OnceLock<(u64, Arc<News>)>,
    gone: AtomicBool,
}

/// News of requests: their number, and whether the client went away before the end.
#[derive(Debug, Default)]
struct News {
    queue: Mutex<NewsQueue>,
}

#[derive(Debug, Default)]
struct NewsQueue {
    all: Vec<(u64, bool)>,
    waker: Option<Waker>,
}

impl News {
    fn lock(&self) -> MutexGuard<'_, NewsQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, id: u64, gone: bool) {
        let waker = {
            let mut queue = self.lock();
            queue.all.push((id, gone));
            queue.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn poll(&self, cx: &mut task::Context<'_>) -> Poll<Vec<(u64, bool)>> {
        let mut queue = self.lock();
        if queue.all.is_empty() {
            queue.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(std::mem::take(&mut queue.all))
    }
}

/// The client's end of a request: when it is dropped before the end, the client went away.
#[derive(Debug)]
struct Client {
    shared: Arc<Shared>,
    ended: bool,
}

impl Client {
    fn end(&mut self) {
        if !std::mem::replace(&mut self.ended, true)
            && let Some((id, news)) = self.shared.id.get()
        {
            news.add(*id, false);
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        self.shared.gone.store(true, Ordering::Release);
        if let Some((id, news)) = self.shared.id.get() {
            news.add(*id, true);
        }
    }
}

struct Pending {
    reply: Reply,
    upgradable: bool,
    /// Of the WebSocket that it becomes, with the headers of the answer.
    upgrade: Option<(u64, HeaderMap)>,
}

struct Functions {
    dispatch: Function,
    open: Function,
    message: Function,
    closed: Function,
    error: Function,
}

/// What a context serves.
#[derive(Default)]
pub(crate) struct Serve {
    functions: OnceCell<Functions>,
    active: Cell<bool>,
    next: Cell<u64>,
    pending: RefCell<HashMap<u64, Pending>>,
    shared: RefCell<HashMap<u64, Arc<Shared>>>,
    news: Arc<News>,
    /// By their numbers, with the bytes that wait to be sent.
    connections: RefCell<HashMap<u64, Arc<AtomicUsize>>>,
    upgrades: RefCell<VecDeque<UpgradeRequest>>,
    /// WebSockets that are not open yet, by the number of the request that they come of.
    opening: RefCell<HashMap<u64, u64>>,
    on_command: RefCell<Option<OnCommand>>,
}

impl Serve {
    pub(crate) fn set_functions(&self, exports: &Value) -> Result<(), HostError> {
        let function = |name: &str| match exports.get(name) {
            Some(Value::Function(f)) => Ok(f.clone()),
            _ => Err(HostError::error(format!("the glue of serve has no {name}"))),
        };
        let functions = Functions {
            dispatch: function("dispatch")?,
            open: function("open")?,
            message: function("message")?,
            closed: function("closed")?,
            error: function("error")?,
        };
        let _ = self.functions.set(functions);
        Ok(())
    }

    pub(crate) fn web_sockets(&self) -> usize {
        self.connections.borrow().len()
    }

    /// Drops what waits, and forgets the guest's handler.
    pub(crate) fn dispose(&self) {
        self.active.set(false);
        self.pending.borrow_mut().clear();
        self.connections.borrow_mut().clear();
        self.upgrades.borrow_mut().clear();
        self.opening.borrow_mut().clear();
        *self.on_command.borrow_mut() = None;
    }

    /// Nothing is to be answered any more. Gives the number of the WebSocket that will not come of the request.
    fn forget(&self, id: u64) -> Option<u64> {
        self.shared.borrow_mut().remove(&id);
        let pending = self.pending.borrow_mut().remove(&id);
        drop(pending);
        let connection = self.opening.borrow_mut().remove(&id)?;
        self.upgrades.borrow_mut().retain(|u| u.connection != connection);
        self.connections.borrow_mut().remove(&connection);
        Some(connection)
    }

    /// No WebSocket comes of a request after all; it may still be answered.
    fn abandon(&self, id: u64) {
        if let Some(pending) = self.pending.borrow_mut().get_mut(&id) {
            pending.upgrade = None;
        }
        if let Some(connection) = self.opening.borrow_mut().remove(&id) {
            self.connections.borrow_mut().remove(&connection);
        }
    }

    /// The WebSocket is open, or will never be.
    fn opened(&self, connection: u64) {
        self.upgrades.borrow_mut().retain(|u| u.connection != connection);
        self.opening.borrow_mut().retain(|_, c| *c != connection);
    }

    /// Bytes of a connection that wait to be sent, if there is such a one.
    fn waiting(&self, connection: u64) -> Option<Arc<AtomicUsize>> {
        self.connections.borrow().get(&connection).cloned()
    }

    fn command(&self, connection: u64, message: Message, held: Option<(Charge, Waiting)>) -> Result<(), HostError> {
        let hook = self.on_command.borrow().clone();
        let Some(hook) = hook else {
            return Err(HostError::dom(
                DomExceptionName::NotSupportedError,
                "the host does not take WebSocket messages",
            ));
        };
        hook(WebSocketCommand { connection, message, _held: held });
        Ok(())
    }
}

fn guest_error(value: Value) -> FetchError {
    let exception = Exception::thrown(Some(value));
    FetchError::new(FetchErrorKind::Guest, format!("the guest's handler failed: {exception}"))
        .with_source(Error::from(exception))
}

pub(crate) fn functions(context: &Context, state: &Rc<State>) -> Vec<HostFunction> {
    macro_rules! with {
        ($s:ident, $body:expr) => {{
            let $s = state.clone();
            $body
        }};
    }
    vec![
        with!(s, context.function("__serve_active", move |active: bool| s.serve.active.set(active))),
        with!(s, context.function("__serve_pending", move || s.serve.pending.borrow().len())),
        // Whether the client of a request is gone already; if not, news of it will come.
        with!(
            s,
            context.function("__serve_track", move |id: u64| {
                let shared = s.serve.shared.borrow().get(&id).cloned();
                shared.is_none_or(|shared| shared.gone.load(Ordering::Acquire))
            })
        ),
        with!(
            s,
            context.background_function("__serve_watch", move || {
                let news = s.serve.news.clone();
                let s = s.clone();
                async move {
                    let all = poll_fn(|cx| news.poll(cx)).await;
                    let mut flat = Vec::with_capacity(3 * all.len());
                    for (id, gone) in all {
                        let connection = s.serve.forget(id).map(|connection| connection as f64);
                        flat.extend([Value::from(id as f64), gone.into(), connection.into()]);
                    }
                    flat
                }
            })
        ),
        with!(
            s,
            context.function(
                "__serve_respond",
                move |id: u64, status: u16, text: String, headers: Vec<String>, body: Value| {
                    respond(&s, id, status, text, headers, body)
                }
            )
        ),
        with!(
            s,
            context
                .function("__serve_fail", move |id: u64, e: Value| {
                    let pending = s.serve.pending.borrow_mut().remove(&id);
                    s.serve.forget(id);
                    if let Some(pending) = pending {
                        let _ = pending.reply.send(Err(guest_error(e)));
                    }
                })
                .lossy()
        ),
        // The number of the WebSocket; undefined if the request does not ask for one.
        with!(
            s,
            context.function("__serve_upgrade", move |id: u64, headers: Vec<String>| {
                let limits = s.options.borrow().limits.clone();
                if s.connections() >= limits.connections {
                    return Err(HostError::dom(
                        DomExceptionName::QuotaExceededError,
                        format!("there are {} connections already", limits.connections),
                    ));
                }
                let headers = header_map(&headers, &limits)?;
                let mut pending = s.serve.pending.borrow_mut();
                let Some(pending) = pending.get_mut(&id).filter(|p| p.upgradable) else { return Ok(None) };
                let connection = s.serve.next.get() + 1;
                s.serve.next.set(connection);
                pending.upgradable = false;
                pending.upgrade = Some((connection, headers));
                s.serve.connections.borrow_mut().insert(connection, Arc::default());
                s.serve.opening.borrow_mut().insert(id, connection);
                Ok(Some(connection))
            })
        ),
        // The request is answered in another way.
        with!(s, context.function("__serve_abandon", move |id: u64| s.serve.abandon(id))),
        with!(s, context.function("__serve_upgraded", move |id: u64| upgraded(&s.serve, id))),
        with!(
            s,
            context.function("__serve_send", move |ctx: Context, connection: u64, data: Value| {
                let message = message_of(data)?;
                let size = message.len();
                let limit = s.options.borrow().limits.message_bytes;
                if size > limit {
                    return Err(HostError::range_error(format!("the message is larger than {limit} bytes")));
                }
                let Some(all) = s.serve.waiting(connection) else { return Ok(0) };
                if all.load(Ordering::Relaxed) + size > MOST_WAITING * limit {
                    return Ok(0);
                }
                let held = (ctx.charge(size + 64)?, Waiting::new(&all, size));
                s.serve.command(connection, message, Some(held))?;
                Ok(size)
            })
        ),
        with!(
            s,
            context.function("__serve_close", move |connection: u64, code: u16, reason: String| {
                if s.serve.waiting(connection).is_none() {
                    return Ok(());
                }
                let frame = (code != 0).then_some(CloseFrame { code, reason });
                s.serve.command(connection, Message::Close(frame), None)
            })
        ),
        with!(
            s,
            context.function("__serve_buffered", move |connection: u64| {
                s.serve.waiting(connection).map_or(0, |all| all.load(Ordering::Relaxed))
            })
        ),
    ]
}

/// A message out of what glue gives. A file's bytes are not there yet.
pub(crate) fn message_of(data: Value) -> Result<Message, HostError> {
    Ok(match data {
        Value::String(text) => Message::Text(text),
        Value::Bytes(bytes) => Message::Binary(bytes),
        other => Message::Binary(Blob::from_value(other)?.bytes().ok_or_else(|| {
            let message = "the bytes of a file are not there yet: send what its bytes() gives";
            HostError::dom(DomExceptionName::NotSupportedError, message)
        })?),
    })
}

/// Whether nothing more will be heard of the request.
fn respond(
    state: &State,
    id: u64,
    status: u16,
    text: String,
    headers: Vec<String>,
    body: Value,
) -> Result<bool, HostError> {
    let serve = &state.serve;
    let limits = state.options.borrow().limits.clone();
    if !serve.pending.borrow().contains_key(&id) {
        return Ok(true);
    }
    let status = StatusCode::from_u16(status).map_err(|_| HostError::range_error("the status is not valid"))?;
    let headers = header_map(&headers, &limits)?;
    let (body, _) = body_of(body)?;
    if body.length().is_some_and(|length| length > limits.request_body) {
        return Err(crate::body::too_large("the body", limits.request_body).into());
    }
    let Some(pending) = serve.pending.borrow_mut().remove(&id) else { return Ok(true) };
    let whole = body.length().is_some();
    if whole {
        serve.shared.borrow_mut().remove(&id);
    }
    let body = if is_null_body(status) { Body::empty() } else { body.limited(limits.request_body) };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    if !text.is_empty() && status.canonical_reason() != Some(&text) {
        response.extensions_mut().insert(ResponseInfo { status_text: Some(text), ..ResponseInfo::default() });
    }
    let _ = pending.reply.send(Ok(response));
    Ok(whole)
}

fn upgraded(serve: &Serve, id: u64) {
    let Some(mut pending) = serve.pending.borrow_mut().remove(&id) else { return };
    let Some((connection, headers)) = pending.upgrade.take() else { return };
    serve.shared.borrow_mut().remove(&id);
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *response.headers_mut() = headers;
    let upgrade = UpgradeRequest { connection };
    response.extensions_mut().insert(upgrade.clone());
    serve.upgrades.borrow_mut().push_back(upgrade);
    if pending.reply.send(Ok(response)).is_err() {
        serve.forget(id);
    }
}

/// The body of an answer, with the client that reads it.
struct Watched {
    body: Body,
    client: Client,
}

impl Stream for Watched {
    type Item = Result<Bytes, FetchError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<Self::Item>> {
        let next = task::ready!(self.body.poll_next_unpin(cx));
        if !matches!(next, Some(Ok(_))) {
            self.client.end();
        }
        Poll::Ready(next)
    }
}

/// A request on its way to a guest, made on any thread: [`FetchHandle::dispatch`] takes it on the context's own.
pub struct Dispatch {
    request: Request<Body>,
    reply: Reply,
    shared: Arc<Shared>,
}

impl fmt::Debug for Dispatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatch").field("request", &self.request).finish()
    }
}

/// The guest's answer to a [`Dispatch`]. Dropping it, or the body that it gives, tells the guest that the client is gone:
/// the request's signal aborts.
pub struct Answer {
    receiver: oneshot::Receiver<Result<Response<Body>, FetchError>>,
    client: Option<Client>,
    stop: WhenStopped,
    time: Option<Duration>,
    sleep: Option<Pin<Box<tokio::time::Sleep>>>,
    tokio: tokio::runtime::Handle,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").finish_non_exhaustive()
    }
}

impl Dispatch {
    /// A request for the guest that this interrupter stops, and its answer, which comes within `time`.
    pub fn new(
        request: Request<Body>,
        interrupter: Interrupter,
        time: Option<Duration>,
        tokio: tokio::runtime::Handle,
    ) -> (Self, Answer) {
        let (reply, receiver) = oneshot::channel();
        let shared = Arc::new(Shared::default());
        let client = Some(Client { shared: shared.clone(), ended: false });
        (
            Self { request, reply, shared },
            Answer { receiver, client, stop: interrupter.when_stopped(), time, sleep: None, tokio },
        )
    }
}

impl Future for Answer {
    type Output = Result<Response<Body>, FetchError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(answer) = Pin::new(&mut self.receiver).poll(cx) {
            let mut client = self.client.take();
            let answer = match answer {
                Ok(answer) => answer,
                Err(_) => Err(stopped(self.stop.reason())),
            };
            if let (Err(_), Some(client)) = (&answer, &mut client) {
                client.ended = true;
            }
            return Poll::Ready(answer.map(|response| match client.take() {
                Some(client) if response.body().length().is_none() => {
                    response.map(|body| Body::of(Watched { body, client }, None))
                }
                Some(mut client) => {
                    client.ended = true;
                    response
                }
                None => response,
            }));
        }
        if let Poll::Ready(reason) = self.stop.poll_reason(cx) {
            return Poll::Ready(Err(stopped(Some(reason))));
        }
        let Some(time) = self.time else { return Poll::Pending };
        if self.sleep.is_none() {
            let _entered = self.tokio.enter();
            self.sleep = Some(Box::pin(tokio::time::sleep(time)));
        }
        if let Some(sleep) = &mut self.sleep
            && sleep.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Err(FetchError::new(FetchErrorKind::Timeout, "the guest took too long to respond")));
        }
        Poll::Pending
    }
}

fn stopped(reason: Option<isolate_core::Termination>) -> FetchError {
    match reason {
        Some(reason) => FetchError::new(FetchErrorKind::Stopped, format!("the guest was {reason}"))
            .with_source(Error::from(isolate_core::Failure::from(reason))),
        None => FetchError::new(FetchErrorKind::Stopped, "the guest is gone, or let go of the request"),
    }
}

fn wants_web_socket(request: &Request<Body>) -> bool {
    let is = |name, wanted: &str| {
        request.headers().get_all(name).iter().any(|value: &HeaderValue| {
            value.to_str().is_ok_and(|v| v.split(',').any(|v| v.trim().eq_ignore_ascii_case(wanted)))
        })
    };
    request.method() == Method::GET && is(header::CONNECTION, "upgrade") && is(header::UPGRADE, "websocket")
}

/// The URL of a request as the guest sees it.
fn url_of(request: &Request<Body>) -> Result<String, FetchError> {
    let uri = request.uri();
    let host = match uri.authority() {
        Some(authority) => authority.as_str(),
        None => match request.headers().get(header::HOST) {
            Some(host) => host.to_str().unwrap_or_default(),
            None => "localhost",
        },
    };
    let scheme = uri.scheme_str().unwrap_or("http");
    let path = path_of(uri);
    let text = format!("{scheme}://{host}{path}");
    // Most need no parser to be what it would make of them.
    let plain_host =
        host.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.' | b':'))
            && host.bytes().any(|b| b.is_ascii_lowercase())
            && !host.ends_with(":80")
            && !host.ends_with(":443")
            && !host.contains("xn--")
            && !host
                .split(':')
                .next()
                .unwrap_or_default()
                .rsplit('.')
                .next()
                .is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x"));
    let plain_path =
        path.starts_with('/') && path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-_~=&?+,;:@".contains(&b));
    if plain_host && plain_path {
        return Ok(text);
    }
    match Url::parse(&text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url.into()),
        _ => Err(FetchError::new(FetchErrorKind::Malformed, "the request has no valid URL")),
    }
}

fn path_of(uri: &Uri) -> &str {
    match uri.path_and_query().map(http::uri::PathAndQuery::as_str) {
        None | Some("") => "/",
        Some(path) => path,
    }
}

/// The most bytes of a body that cross with the head of its request.
const INLINE: u64 = 256 << 10;

impl FetchHandle {
    /// Whether the guest called `serve`.
    pub fn has_serve_handler(&self) -> bool {
        self.state.serve.active.get()
    }

    /// Whether requests wait for their answer, or WebSockets are open.
    pub fn has_active_connections(&self) -> bool {
        !self.state.serve.pending.borrow().is_empty() || !self.state.serve.connections.borrow().is_empty()
    }

    /// How many WebSockets the guest serves.
    pub fn web_sockets(&self) -> usize {
        self.state.serve.connections.borrow().len()
    }

    /// Has the guest's handler answer a request, streaming in both directions. It needs its context's event loop to run.
    ///
    /// A response with status 101 has an [`UpgradeRequest`] in its extensions: the guest took the request as a WebSocket.
    /// The host shakes hands and then calls [`dispatch_web_socket_open`](Self::dispatch_web_socket_open).
    ///
    /// # Errors
    /// Of the kind [`Guest`](FetchErrorKind::Guest) if its handler failed (the exception is the source),
    /// [`Handler`](FetchErrorKind::Handler) if there is none, [`Timeout`](FetchErrorKind::Timeout) after
    /// [`FetchLimits::response_time`], [`TooLarge`](FetchErrorKind::TooLarge), [`Malformed`](FetchErrorKind::Malformed),
    /// or [`Stopped`](FetchErrorKind::Stopped) if the guest is.
    pub fn dispatch_request(
        &self,
        request: Request<Body>,
    ) -> impl Future<Output = Result<Response<Body>, FetchError>> + use<> {
        let context = self.state.context();
        let time = self.state.options.borrow().limits.response_time;
        let started = context.map(|context| {
            let (dispatch, answer) = Dispatch::new(request, context.interrupter(), time, context.tokio());
            self.dispatch(dispatch);
            answer
        });
        async move {
            match started {
                Ok(answer) => answer.await,
                Err(e) => Err(e.into()),
            }
        }
    }

    /// Passes a request on to the guest; its [`Answer`] comes when it does.
    pub fn dispatch(&self, dispatch: Dispatch) {
        let Dispatch { request, reply, shared } = dispatch;
        // Nobody waits any more.
        if reply.is_closed() {
            return;
        }
        let serve = &self.state.serve;
        let id = serve.next.get() + 1;
        serve.next.set(id);
        match self.arguments(request, id) {
            Err(e) => {
                let _ = reply.send(Err(e));
            }
            Ok((context, function, args, upgradable)) => {
                let _ = shared.id.set((id, serve.news.clone()));
                serve.shared.borrow_mut().insert(id, shared);
                let pending = Pending { reply, upgradable, upgrade: None };
                serve.pending.borrow_mut().insert(id, pending);
                if let Err(e) = context.call(&function, args) {
                    let pending = serve.pending.borrow_mut().remove(&id);
                    if let Some(pending) = pending {
                        serve.shared.borrow_mut().remove(&id);
                        let kind =
                            if e.terminated().is_some() { FetchErrorKind::Stopped } else { FetchErrorKind::Guest };
                        let _ = pending.reply.send(Err(FetchError::new(kind, e.to_string()).with_source(e)));
                    }
                }
            }
        }
    }

    #[allow(clippy::type_complexity)]
    fn arguments(&self, request: Request<Body>, id: u64) -> Result<(Context, Function, Vec<Value>, bool), FetchError> {
        let state = &self.state;
        let context = state.context()?;
        if let Some(reason) = context.stopped() {
            return Err(stopped(Some(reason)));
        }
        state.check()?;
        let Some(functions) = state.serve.functions.get().filter(|_| state.serve.active.get()) else {
            return Err(FetchError::new(FetchErrorKind::Handler, "the guest serves nothing"));
        };
        let limits: FetchLimits = state.options.borrow().limits.clone();
        if state.serve.pending.borrow().len() >= limits.concurrent {
            let message = format!("there are {} requests in flight already", limits.concurrent);
            return Err(FetchError::new(FetchErrorKind::TooLarge, message));
        }
        let url = url_of(&request)?;
        let headers = flat_headers(request.headers(), &limits)?;
        let upgradable = wants_web_socket(&request);
        let (parts, mut body) = request.into_parts();
        if body.length().is_some_and(|length| length > limits.response_body) {
            return Err(crate::body::too_large("the body", limits.response_body));
        }
        let body = if body.length() == Some(0) || matches!(parts.method, Method::GET | Method::HEAD) {
            Value::Undefined
        } else if body.length().is_some_and(|length| length <= INLINE)
            && let Some(bytes) = body.take_ready()
        {
            Value::Bytes(bytes)
        } else {
            body.limited(limits.response_body).into_readable().into_value()?
        };
        let method = Value::from(parts.method.as_str());
        let args = vec![Value::from(id as f64), method, url.into(), headers, body];
        Ok((context, functions.dispatch.clone(), args, upgradable))
    }

    /// The oldest WebSocket that the guest asked for and nobody has taken from here: the other way to learn of what is in
    /// the extensions of its response.
    pub fn get_upgrade_request(&self) -> Option<UpgradeRequest> {
        self.state.serve.upgrades.borrow_mut().pop_front()
    }

    /// Sets who does what the guest wants with its WebSockets. It runs on the context's thread, in the middle of guest
    /// code, and must not wait.
    pub fn on_web_socket_command(&self, hook: impl Fn(WebSocketCommand) + 'static) {
        *self.state.serve.on_command.borrow_mut() = Some(Rc::new(hook));
    }

    fn tell(
        &self,
        connection: u64,
        which: impl Fn(&Functions) -> &Function,
        args: Vec<Value>,
    ) -> Result<(), FetchError> {
        let state = &self.state;
        let context = state.context()?;
        let Some(functions) = state.serve.functions.get().filter(|_| self.knows(connection)) else {
            return Err(FetchError::new(FetchErrorKind::Handler, format!("there is no WebSocket {connection}")));
        };
        let mut all = vec![Value::from(connection as f64)];
        all.extend(args);
        context.call(which(functions), all).map_err(|e| {
            let kind = if e.terminated().is_some() { FetchErrorKind::Stopped } else { FetchErrorKind::Guest };
            FetchError::new(kind, e.to_string()).with_source(e)
        })?;
        Ok(())
    }

    fn knows(&self, connection: u64) -> bool {
        self.state.serve.connections.borrow().contains_key(&connection)
    }

    /// The handshake is done: the guest's `open` is called.
    ///
    /// # Errors
    /// If there is no such WebSocket, or the guest is stopped. So with the three below.
    pub fn dispatch_web_socket_open(&self, connection: u64) -> Result<(), FetchError> {
        self.state.serve.opened(connection);
        self.tell(connection, |f| &f.open, vec![])
    }

    /// A message came: the guest's `message` is called. A `Close` is
    /// [`dispatch_web_socket_close`](Self::dispatch_web_socket_close).
    ///
    /// # Errors
    /// Of the kind [`TooLarge`](FetchErrorKind::TooLarge) if it is larger than [`FetchLimits::message_bytes`].
    pub fn dispatch_web_socket_message(&self, connection: u64, message: Message) -> Result<(), FetchError> {
        let limit = self.state.options.borrow().limits.message_bytes;
        if message.len() > limit {
            return Err(crate::body::too_large("the message", limit as u64));
        }
        let data = match message {
            Message::Text(text) => text.into(),
            Message::Binary(bytes) => bytes.into(),
            Message::Close(frame) => return self.dispatch_web_socket_close(connection, frame),
        };
        self.tell(connection, |f| &f.message, vec![data])
    }

    /// The connection is closed, without a frame if it broke: the guest's `close` is called, and that is the last of it.
    ///
    /// # Errors
    /// As above.
    pub fn dispatch_web_socket_close(&self, connection: u64, frame: Option<CloseFrame>) -> Result<(), FetchError> {
        self.state.serve.opened(connection);
        let frame = frame.unwrap_or(CloseFrame { code: 1006, reason: String::new() });
        let told = self.tell(connection, |f| &f.closed, vec![f64::from(frame.code).into(), frame.reason.into()]);
        self.state.serve.connections.borrow_mut().remove(&connection);
        told
    }

    /// Something failed: the guest's `error` is called. A `close` is to follow.
    ///
    /// # Errors
    /// As above.
    pub fn dispatch_web_socket_error(&self, connection: u64, message: &str) -> Result<(), FetchError> {
        self.tell(connection, |f| &f.error, vec![message.into()])
    }
}
