//! A server on loopback for tests that go over real sockets.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};

/// A request that came.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RecordedRequest {
    /// The method.
    pub method: Method,
    /// The path with its query.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, whole.
    pub body: Bytes,
}

impl RecordedRequest {
    /// A header as text; empty without one.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body, parsed as JSON.
    ///
    /// # Panics
    /// If it is not JSON of the shape of `T`.
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{}: {e}: {}", self.path, self.text()))
    }
}

/// What the server answers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MockServerResponse {
    status: StatusCode,
    headers: HeaderMap,
    chunks: Vec<Bytes>,
    length: Option<u64>,
    delay: Duration,
    between: Duration,
    repeat: bool,
    broken: bool,
}

impl Default for MockServerResponse {
    fn default() -> Self {
        Self {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            chunks: Vec::new(),
            length: Some(0),
            delay: Duration::ZERO,
            between: Duration::ZERO,
            repeat: false,
            broken: false,
        }
    }
}

impl MockServerResponse {
    /// Status 200 with a body.
    pub fn new(body: impl Into<Bytes>) -> Self {
        let body: Bytes = body.into();
        Self { length: Some(body.len() as u64), chunks: vec![body], ..Self::default() }
    }

    /// Status 200 with a body in chunks, whose length is not announced.
    pub fn chunks<B: Into<Bytes>>(chunks: impl IntoIterator<Item = B>) -> Self {
        Self { length: None, chunks: chunks.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// Status 200 with a value as JSON.
    ///
    /// # Panics
    /// If the value cannot be written as JSON.
    pub fn json(value: &impl Serialize) -> Self {
        Self::new(serde_json::to_vec(value).unwrap()).header("content-type", "application/json")
    }

    /// A redirect.
    ///
    /// # Panics
    /// If the status or the location is not valid.
    pub fn redirect(status: u16, location: &str) -> Self {
        Self::default().status(status).header("location", location)
    }

    /// Sets the status.
    ///
    /// # Panics
    /// If it is not valid.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = StatusCode::from_u16(status).unwrap();
        self
    }

    /// Adds a header.
    ///
    /// # Panics
    /// If it is not valid.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.append(HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap());
        self
    }

    /// Waits before the head is sent.
    #[must_use]
    pub fn delay(mut self, time: Duration) -> Self {
        self.delay = time;
        self
    }

    /// Waits before each chunk of the body.
    #[must_use]
    pub fn between(mut self, time: Duration) -> Self {
        self.between = time;
        self
    }

    /// Sends the chunks again and again.
    #[must_use]
    pub fn endless(mut self) -> Self {
        (self.repeat, self.length) = (true, None);
        self
    }

    /// Breaks the connection off after the last chunk.
    #[must_use]
    pub fn broken(mut self) -> Self {
        self.broken = true;
        self
    }

    /// Announces a length, true or not.
    #[must_use]
    pub fn content_length(mut self, length: u64) -> Self {
        self.length = Some(length);
        self
    }
}

struct MockBody {
    response: MockServerResponse,
    at: usize,
    sleep: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl Body for MockBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        if self.response.repeat && self.at == self.response.chunks.len() {
            self.at = 0;
        }
        let Some(chunk) = self.response.chunks.get(self.at).cloned() else {
            let error = || std::io::Error::other("broken off, as told");
            return Poll::Ready(self.response.broken.then(|| Err(error())));
        };
        if !self.response.between.is_zero() {
            let time = self.response.between;
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(time)));
            std::task::ready!(sleep.as_mut().poll(cx));
            self.sleep = None;
        }
        self.at += 1;
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.response.length == Some(0) && !self.response.broken
    }

    fn size_hint(&self) -> SizeHint {
        self.response.length.map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}

type Answer = Arc<dyn Fn(&RecordedRequest) -> MockServerResponse + Send + Sync>;

#[derive(Default)]
struct Route {
    /// One after another, before `always`.
    first: VecDeque<MockServerResponse>,
    always: Option<Answer>,
}

#[derive(Default)]
struct State {
    routes: HashMap<String, Route>,
    default: Option<MockServerResponse>,
    requests: Vec<RecordedRequest>,
}

impl State {
    /// What says more of the request goes first: with its query before without, with its method before for all.
    fn answer(&mut self, request: &RecordedRequest) -> Answer {
        let bare = request.path.split('?').next().unwrap_or_default();
        for path in [request.path.as_str(), bare] {
            for key in [format!("{} {path}", request.method), path.to_owned()] {
                let Some(route) = self.routes.get_mut(&key) else { continue };
                if let Some(response) = route.first.pop_front() {
                    return Arc::new(move |_| response.clone());
                }
                if let Some(always) = &route.always {
                    return always.clone();
                }
            }
        }
        let default = self.default.clone();
        let response = default.unwrap_or_else(|| MockServerResponse::new("Not Found").status(404));
        Arc::new(move |_| response.clone())
    }
}

/// A server on loopback that records requests and answers what it was told to, over HTTP/1.1 and HTTP/2 (with prior
/// knowledge). It runs on a thread of its own and ends when it is dropped.
///
/// ```
/// use isolate_test_utils::{MockServerResponse, start_integration_server};
///
/// # isolate_test_utils::block_on(async {
/// let server = start_integration_server(None).await;
/// server.set_response("/data", MockServerResponse::new("{}").header("content-type", "application/json"));
/// assert!(server.url().starts_with("http://127.0.0.1:"));
/// assert!(server.requests().is_empty());
/// server.close().await;
/// # });
/// ```
pub struct IntegrationServer {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    stop: Arc<Notify>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// Starts a server; without a port, on a free one.
///
/// # Panics
/// If the port is taken.
pub async fn start_integration_server(port: impl Into<Option<u16>>) -> IntegrationServer {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.into().unwrap_or(0)));
    let state = Arc::new(Mutex::new(State::default()));
    let stop = Arc::new(Notify::new());
    let (ready, bound) = oneshot::channel();
    let (shared, stopped) = (state.clone(), stop.clone());
    let thread = std::thread::spawn(move || {
        crate::block_on(async move {
            let listener = match TcpListener::bind(address).await {
                Ok(listener) => listener,
                Err(e) => return drop(ready.send(Err(e))),
            };
            let _ = ready.send(listener.local_addr());
            tokio::select! {
                () = accept(listener, shared) => {}
                () = stopped.notified() => {}
            }
        });
    });
    let address = bound.await.unwrap().unwrap_or_else(|e| panic!("{address}: {e}"));
    IntegrationServer { address, state, stop, thread: Some(thread) }
}

async fn accept(listener: TcpListener, state: Arc<Mutex<State>>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        let state = state.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(state.clone(), request));
            let builder = auto::Builder::new(TokioExecutor::new());
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(state: Arc<Mutex<State>>, request: Request<Incoming>) -> Result<Response<MockBody>, Infallible> {
    let (parts, mut incoming) = request.into_parts();
    let mut body = BytesMut::new();
    while let Some(Ok(frame)) = std::future::poll_fn(|cx| Pin::new(&mut incoming).poll_frame(cx)).await {
        if let Ok(data) = frame.into_data() {
            body.extend_from_slice(&data);
        }
    }
    let path = parts.uri.path_and_query().map_or("/", |p| p.as_str()).to_owned();
    let request = RecordedRequest { method: parts.method, path, headers: parts.headers, body: body.freeze() };
    let answer = {
        let mut state = lock(&state);
        state.requests.push(request.clone());
        state.answer(&request)
    };
    // Without the lock: it may look at the server itself.
    let response = answer(&request);
    tokio::time::sleep(response.delay).await;
    let mut head = Response::new(());
    *head.status_mut() = response.status;
    *head.headers_mut() = response.headers.clone();
    Ok(head.map(|()| MockBody { response, at: 0, sleep: None }))
}

impl IntegrationServer {
    /// Its URL without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Sets what a path is answered with, with or without its query, for one method if it and a space stand before it:
    /// `/a`, `/a?b=c`, `POST /a`. What was said of it before is void.
    pub fn set_response(&self, path: &str, response: MockServerResponse) {
        self.set_response_with(path, move |_| response.clone());
    }

    /// The same, with a response that depends on the request.
    pub fn set_response_with(
        &self,
        path: &str,
        answer: impl Fn(&RecordedRequest) -> MockServerResponse + Send + Sync + 'static,
    ) {
        let route = Route { first: VecDeque::new(), always: Some(Arc::new(answer)) };
        lock(&self.state).routes.insert(path.to_owned(), route);
    }

    /// Adds a response for one request, before what the other two say: several are given in their order.
    pub fn respond_once(&self, path: &str, response: MockServerResponse) {
        lock(&self.state).routes.entry(path.to_owned()).or_default().first.push_back(response);
    }

    /// Forgets what paths are answered with, and the default.
    pub fn clear_responses(&self) {
        let mut state = lock(&self.state);
        state.routes.clear();
        state.default = None;
    }

    /// Sets what all other paths are answered with. At first it is status 404.
    pub fn set_default_response(&self, response: MockServerResponse) {
        lock(&self.state).default = Some(response);
    }

    /// The requests that came.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        lock(&self.state).requests.clone()
    }

    /// Forgets them.
    pub fn clear_requests(&self) {
        lock(&self.state).requests.clear();
    }

    /// Ends it, and every connection.
    pub async fn close(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for IntegrationServer {
    fn drop(&mut self) {
        self.end();
    }
}
