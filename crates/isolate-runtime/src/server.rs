//! A server for a guest that answers requests: HTTP/1.1, HTTP/2 without TLS, and WebSockets.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use hyper::service::service_fn;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use isolate_core::Error;
use isolate_fetch::http::{HeaderValue, Request, Response, StatusCode, header};
use isolate_fetch::{
    Body, CloseFrame, FetchError, FetchErrorKind, Message, ResponseInfo, UpgradeRequest, WebSocketCommand,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Runtime;
use crate::status_of;

type OnError = Arc<dyn Fn(&FetchError) + Send + Sync>;
type Current = Arc<dyn Fn() -> Runtime + Send + Sync>;

/// Where commands for the WebSockets of a runtime go, by connection.
#[derive(Clone, Default)]
pub(crate) struct Sockets(Arc<Mutex<HashMap<u64, mpsc::UnboundedSender<WebSocketCommand>>>>);

impl Sockets {
    fn with<R>(&self, f: impl FnOnce(&mut HashMap<u64, mpsc::UnboundedSender<WebSocketCommand>>) -> R) -> R {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A listening socket whose connections a guest answers.
///
/// - HTTP/1.1 and HTTP/2 (with prior knowledge), keep-alive, bodies that stream in both directions.
/// - WebSockets, for requests that the guest [upgrades](UpgradeRequest).
/// - A client has [`header_time`](Self::header_time) to send the head of a request.
/// - An error of the guest is a response with status 400, 413, 500, 503 or 504 in one line; what it was is told to
///   [`on_error`](Self::on_error).
/// - Once it is to shut down it takes no more connections, finishes the requests under way, closes WebSockets with 1001, and
///   breaks off what is left after [`grace`](Self::grace).
pub struct Server {
    listener: TcpListener,
    grace: Duration,
    header_time: Duration,
    message_bytes: usize,
    on_error: Option<OnError>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.listener.local_addr().ok()).finish_non_exhaustive()
    }
}

impl Server {
    /// Listens on an address; port 0 is a free one.
    ///
    /// # Errors
    /// If the address is taken, or not this machine's.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        Ok(Self::from_listener(TcpListener::bind(address).await?))
    }

    /// Of a socket that listens already.
    pub fn from_listener(listener: TcpListener) -> Self {
        Self {
            listener,
            grace: Duration::from_secs(10),
            header_time: Duration::from_secs(30),
            message_bytes: 16 << 20,
            on_error: None,
        }
    }

    /// The address that it listens on.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Sets how long requests under way may go on after the shutdown began. Default: 10 s.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Sets how long a client may take to send the head of a request. Default: 30 s.
    #[must_use]
    pub fn header_time(mut self, time: Duration) -> Self {
        self.header_time = time;
        self
    }

    /// Sets how many bytes a message of a WebSocket may have that a client sends. Default: 16 MiB. After a larger one the
    /// connection is closed with 1009.
    #[must_use]
    pub fn message_bytes(mut self, bytes: usize) -> Self {
        self.message_bytes = bytes;
        self
    }

    /// Sets who is told what became of requests that the guest did not answer.
    #[must_use]
    pub fn on_error(mut self, hook: impl Fn(&FetchError) + Send + Sync + 'static) -> Self {
        self.on_error = Some(Arc::new(hook));
        self
    }

    /// Serves a guest until `shutdown` is ready, and then ends as the type's description says.
    pub async fn serve(self, runtime: Runtime, shutdown: impl Future<Output = ()>) {
        self.serve_with(move || runtime.clone(), shutdown).await;
    }

    /// The same with the runtime of the moment: `current` is asked for each request, so that a guest that was stopped can be
    /// replaced.
    pub async fn serve_with(
        self,
        current: impl Fn() -> Runtime + Send + Sync + 'static,
        shutdown: impl Future<Output = ()>,
    ) {
        let Self { listener, grace, header_time, message_bytes, on_error } = self;
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(header_time);
        builder.http2().timer(TokioTimer::new());
        let shared = Arc::new(Shared {
            current: Arc::new(current),
            on_error,
            message_bytes,
            closing: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        let graceful = GracefulShutdown::new();
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = &mut shutdown => break,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                // Of one connection, or of a machine without files left: either passes.
                Err(_) => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    continue;
                }
            };
            let _ = stream.set_nodelay(true);
            let connection = connection(&builder, &graceful, stream, shared.clone());
            shared.tasks.spawn(connection);
        }
        drop(listener);
        shared.closing.cancel();
        shared.tasks.close();
        let ended = async {
            graceful.shutdown().await;
            shared.tasks.wait().await;
        };
        let _ = tokio::time::timeout(grace, ended).await;
    }
}

struct Shared {
    current: Current,
    on_error: Option<OnError>,
    message_bytes: usize,
    closing: CancellationToken,
    tasks: TaskTracker,
}

impl Shared {
    fn tell(&self, error: &FetchError) {
        if let Some(hook) = &self.on_error {
            hook(error);
        }
    }
}

fn connection(
    builder: &auto::Builder<TokioExecutor>,
    graceful: &GracefulShutdown,
    stream: TcpStream,
    shared: Arc<Shared>,
) -> impl Future<Output = ()> + Send + use<> {
    let service = service_fn(move |request| answer(shared.clone(), request));
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
    let connection = graceful.watch(connection);
    async move {
        // A client that breaks off or speaks no HTTP is its own affair.
        let _ = connection.await;
    }
}

async fn answer(shared: Arc<Shared>, mut request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let runtime = (shared.current)();
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY).cloned();
    let upgrade = key.as_ref().map(|_| hyper::upgrade::on(&mut request));
    let mut response = match runtime.dispatch_request(request.map(Body::wrap)).await {
        Ok(response) => response,
        Err(e) => {
            shared.tell(&e);
            return Ok(response_of(&e));
        }
    };
    if let Some(UpgradeRequest { connection, .. }) = response.extensions().get() {
        let connection = *connection;
        return Ok(match (key, upgrade) {
            (Some(key), Some(upgrade)) => shake_hands(&shared, runtime, response, connection, &key, upgrade),
            _ => {
                let gone = runtime.with_handles(move |_, h| h.fetch.dispatch_web_socket_close(connection, None));
                let _ = gone.await;
                response_of(&FetchError::new(FetchErrorKind::Malformed, "the WebSocket handshake has no key"))
            }
        });
    }
    if let Some(ResponseInfo { status_text: Some(text), .. }) = response.extensions().get::<ResponseInfo>()
        && let Ok(reason) = ReasonPhrase::try_from(text.as_bytes())
    {
        response.extensions_mut().insert(reason);
    }
    Ok(response)
}

/// The response that tells a client of an error, in one line that gives nothing away.
fn response_of(error: &FetchError) -> Response<Body> {
    let status = status_of(error);
    let mut response = Response::new(Body::from(format!("{}\n", status.canonical_reason().unwrap_or_default())));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain;charset=UTF-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}

/// <https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2>
fn shake_hands(
    shared: &Arc<Shared>,
    runtime: Runtime,
    mut response: Response<Body>,
    connection: u64,
    key: &HeaderValue,
    upgrade: OnUpgrade,
) -> Response<Body> {
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    let shared = shared.clone();
    let tasks = shared.tasks.clone();
    tasks.spawn(async move {
        let pumped = async {
            let upgraded = upgrade.await.map_err(|e| e.to_string())?;
            pump(&shared, &runtime, connection, upgraded).await
        };
        if let Err(e) = pumped.await {
            let told = runtime.with_handles(move |_, h| {
                let _ = h.fetch.dispatch_web_socket_error(connection, &e);
                let _ = h.fetch.dispatch_web_socket_close(connection, None);
            });
            let _ = told.await;
        }
    });
    response
}

async fn sockets(runtime: &Runtime) -> Result<Sockets, Error> {
    let cell = &runtime.0.serving.sockets;
    let made = cell.get_or_try_init(|| async {
        let sockets = Sockets::default();
        let routes = sockets.clone();
        runtime
            .with_handles(move |_, h| {
                h.fetch.on_web_socket_command(move |command| {
                    // Of one that is closed nobody wants anything any more.
                    routes.with(|all| all.get(&command.connection).map(|to| to.send(command)));
                });
            })
            .await?;
        Ok::<_, Error>(sockets)
    });
    made.await.cloned()
}

/// Carries messages until the connection is closed. An error is what broke it; the guest is yet to be told.
async fn pump(shared: &Shared, runtime: &Runtime, connection: u64, upgraded: Upgraded) -> Result<(), String> {
    let mut config = WebSocketConfig::default();
    config.max_message_size = Some(shared.message_bytes);
    config.max_frame_size = Some(shared.message_bytes);
    let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
    let (mut outgoing, mut incoming) = socket.split();
    let (to, mut commands) = mpsc::unbounded_channel();
    let routes = sockets(runtime).await.map_err(|e| e.to_string())?;
    routes.with(|all| all.insert(connection, to));
    let _registered = Registered { routes, connection };
    let tell = |f: fn(&isolate_fetch::FetchHandle, u64, Message) -> Result<(), FetchError>, message: Message| {
        runtime.with_handles(move |_, h| f(&h.fetch, connection, message))
    };
    let opened = runtime.with_handles(move |_, h| h.fetch.dispatch_web_socket_open(connection)).await;
    opened.map_err(|e| e.to_string())?.map_err(|e| e.to_string())?;
    let mut closing = false;
    loop {
        tokio::select! {
            biased;
            () = shared.closing.cancelled(), if !closing => {
                closing = true;
                let frame = Message::Close(Some(CloseFrame { code: 1001, reason: String::new() }));
                outgoing.send(to_wire(frame)).await.map_err(|e| e.to_string())?;
            }
            command = commands.recv() => {
                let Some(WebSocketCommand { message, .. }) = command else { return Err("the guest is gone".into()) };
                if matches!(message, Message::Close(None)) {
                    let _ = tell(isolate_fetch::FetchHandle::dispatch_web_socket_message, Message::Close(None)).await;
                    return Ok(());
                }
                closing |= matches!(message, Message::Close(_));
                match outgoing.send(to_wire(message)).await {
                    Ok(()) | Err(tungstenite::Error::ConnectionClosed) => {}
                    // Nothing can be sent after a close; the peer's is still to come.
                    Err(tungstenite::Error::Protocol(tungstenite::error::ProtocolError::SendAfterClosing)) => {}
                    Err(e) => return Err(e.to_string()),
                }
            }
            message = incoming.next() => {
                let message = match message {
                    Some(Ok(message)) => message,
                    Some(Err(tungstenite::Error::ConnectionClosed)) | None => {
                        let _ = tell(isolate_fetch::FetchHandle::dispatch_web_socket_message, Message::Close(None)).await;
                        return Ok(());
                    }
                    Some(Err(e)) => {
                        let code = match e {
                            tungstenite::Error::Capacity(_) => 1009,
                            tungstenite::Error::Utf8(_) => 1007,
                            _ => 1002,
                        };
                        let frame = Message::Close(Some(CloseFrame { code, reason: String::new() }));
                        let _ = outgoing.send(to_wire(frame)).await;
                        return Err(e.to_string());
                    }
                };
                let Some(message) = from_wire(message) else { continue };
                let last = matches!(message, Message::Close(_));
                let told = tell(isolate_fetch::FetchHandle::dispatch_web_socket_message, message).await;
                if last {
                    // The answer to the peer's close is on its way.
                    let _ = outgoing.flush().await;
                    return Ok(());
                }
                if told.is_err() || matches!(&told, Ok(Err(e)) if e.kind() == FetchErrorKind::Stopped) {
                    let frame = Message::Close(Some(CloseFrame { code: 1011, reason: String::new() }));
                    let _ = outgoing.send(to_wire(frame)).await;
                    return Ok(());
                }
            }
        }
    }
}

struct Registered {
    routes: Sockets,
    connection: u64,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.routes.with(|all| all.remove(&self.connection));
    }
}

fn to_wire(message: Message) -> tungstenite::Message {
    match message {
        Message::Text(text) => tungstenite::Message::Text(text.into()),
        Message::Binary(bytes) => tungstenite::Message::Binary(bytes),
        Message::Close(frame) => tungstenite::Message::Close(
            frame.map(|f| tungstenite::protocol::CloseFrame { code: f.code.into(), reason: f.reason.into() }),
        ),
    }
}

fn from_wire(message: tungstenite::Message) -> Option<Message> {
    Some(match message {
        tungstenite::Message::Text(text) => Message::Text(text.to_string()),
        tungstenite::Message::Binary(bytes) => Message::Binary(bytes),
        tungstenite::Message::Close(frame) => Message::Close(Some(match frame {
            Some(f) => CloseFrame { code: f.code.into(), reason: f.reason.to_string() },
            // What the standard says of a close without a code.
            None => CloseFrame { code: 1005, reason: String::new() },
        })),
        _ => return None,
    })
}
