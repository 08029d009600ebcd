//! Contexts whose fetches are recorded, and answered with what a test says.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use isolate_core::{Context, Engine};
use isolate_fetch::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use isolate_fetch::{
    Body, FetchError, FetchErrorKind, FetchHandle, FetchHandler, FetchOptions, RequestInfo, setup_fetch,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A fetch that the guest made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FetchCall {
    /// The URL, with its fragment.
    pub url: String,
    /// The method.
    pub method: Method,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, whole.
    pub body: Vec<u8>,
}

impl FetchCall {
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
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{}: {e}: {}", self.url, self.text()))
    }
}

/// What a fetch is answered with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MockResponse {
    status: StatusCode,
    headers: HeaderMap,
    body: MockBody,
    delay: Option<Duration>,
    fails: Option<(FetchErrorKind, String)>,
    pending: bool,
}

#[derive(Clone, Debug)]
enum MockBody {
    Whole(Vec<u8>),
    /// Chunks, and the error after them.
    Chunks(Vec<Bytes>, Option<String>),
}

impl Default for MockResponse {
    fn default() -> Self {
        Self {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: MockBody::Whole(Vec::new()),
            delay: None,
            fails: None,
            pending: false,
        }
    }
}

impl MockResponse {
    /// Status 200 with a body.
    pub fn new(body: impl Into<Vec<u8>>) -> Self {
        Self { body: MockBody::Whole(body.into()), ..Self::default() }
    }

    /// Status 200 with a value as JSON.
    ///
    /// # Panics
    /// If the value cannot be written as JSON.
    pub fn json(value: &impl Serialize) -> Self {
        Self::new(serde_json::to_vec(value).unwrap()).header("content-type", "application/json")
    }

    /// No response: the fetch fails, as with a network that is down.
    pub fn error(message: impl Into<String>) -> Self {
        Self { fails: Some((FetchErrorKind::Network, message.into())), ..Self::default() }
    }

    /// No response in time: the fetch fails with a `TimeoutError`.
    pub fn timeout() -> Self {
        Self { fails: Some((FetchErrorKind::Timeout, "it took too long".to_owned())), ..Self::default() }
    }

    /// No response, ever: the fetch waits until it is aborted, or stopped by a limit.
    pub fn pending() -> Self {
        Self { pending: true, ..Self::default() }
    }

    /// Status 200 with a body that comes in chunks.
    pub fn chunks<B: Into<Bytes>>(chunks: impl IntoIterator<Item = B>) -> Self {
        Self { body: MockBody::Chunks(chunks.into_iter().map(Into::into).collect(), None), ..Self::default() }
    }

    /// Lets the body break off after what there is of it.
    #[must_use]
    pub fn broken(mut self, message: impl Into<String>) -> Self {
        let chunks = match self.body {
            MockBody::Whole(body) => vec![body.into()],
            MockBody::Chunks(chunks, _) => chunks,
        };
        self.body = MockBody::Chunks(chunks, Some(message.into()));
        self
    }

    /// Lets it come so much later, by Tokio's clock.
    #[must_use]
    pub fn delay(mut self, time: Duration) -> Self {
        self.delay = Some(time);
        self
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
}

type Answer = Arc<dyn Fn(&FetchCall) -> MockResponse + Send + Sync>;

/// Whether a text is what a pattern says, in which each `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(start) else { return false };
    // The first place for each part in turn leaves the most for the others.
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        let Some((_, after)) = text.split_once(part) else { return false };
        text = after;
    }
    text.ends_with(end)
}

/// What URLs of a pattern are answered.
struct Route {
    pattern: String,
    /// One after another, before `always`.
    first: VecDeque<MockResponse>,
    always: Option<Answer>,
}

impl Route {
    fn is_for(&self, call: &FetchCall) -> bool {
        match self.pattern.split_once(' ') {
            Some((method, pattern)) => method == call.method.as_str() && matches(pattern, &call.url),
            None => matches(&self.pattern, &call.url),
        }
    }
}

#[derive(Default)]
struct State {
    calls: Vec<FetchCall>,
    response: MockResponse,
    routes: Vec<Route>,
}

impl State {
    fn route(&mut self, pattern: &str) -> &mut Route {
        let at = match self.routes.iter().position(|route| route.pattern == pattern) {
            Some(at) => at,
            None => {
                self.routes.push(Route { pattern: pattern.to_owned(), first: VecDeque::new(), always: None });
                self.routes.len() - 1
            }
        };
        &mut self.routes[at]
    }

    /// The one that says most of the URL goes first.
    fn answer(&mut self, call: &FetchCall) -> Answer {
        let fit = self.routes.iter_mut().filter(|r| r.is_for(call) && (!r.first.is_empty() || r.always.is_some()));
        let route = fit.max_by_key(|r| r.pattern.len());
        let (response, always) = match route {
            Some(route) => (route.first.pop_front(), route.always.clone()),
            None => (None, None),
        };
        match (response, always) {
            (None, Some(always)) => always,
            (response, _) => {
                let response = response.unwrap_or_else(|| self.response.clone());
                Arc::new(move |_| response.clone())
            }
        }
    }
}

/// A handler that records what the guest fetches and answers with a [`MockResponse`], at first an empty one with status
/// 200. Clones are the same.
///
/// ```
/// use isolate_fetch::FetchOptions;
/// use isolate_test_utils::FetchRecorder;
///
/// let recorder = FetchRecorder::new();
/// let options = FetchOptions::new().handler(recorder.clone());
/// // … once the guest has fetched something:
/// assert_eq!(recorder.calls().len(), 0);
/// ```
#[derive(Clone, Default)]
pub struct FetchRecorder(Arc<Mutex<State>>);

impl FetchRecorder {
    /// One that has recorded nothing.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets what is answered from now on.
    pub fn set_mock_response(&self, response: MockResponse) {
        self.lock().response = response;
    }

    /// Sets what URLs of a pattern are answered. What was said of the pattern before is void.
    pub fn respond_to(&self, pattern: &str, response: MockResponse) {
        self.respond_with(pattern, move |_| response.clone());
    }

    /// Adds a response for one fetch, before what `respond_to` or `respond_with` say: several are given in their order.
    pub fn respond_once(&self, pattern: &str, response: MockResponse) {
        self.lock().route(pattern).first.push_back(response);
    }

    /// Adds responses for as many fetches, as `respond_once` does.
    pub fn respond_in_turn(&self, pattern: &str, responses: impl IntoIterator<Item = MockResponse>) {
        self.lock().route(pattern).first.extend(responses);
    }

    /// Like [`respond_to`](Self::respond_to), with a response that depends on the request.
    pub fn respond_with(&self, pattern: &str, answer: impl Fn(&FetchCall) -> MockResponse + Send + Sync + 'static) {
        let mut state = self.lock();
        let route = state.route(pattern);
        route.first.clear();
        route.always = Some(Arc::new(answer));
    }

    /// Forgets what was fetched. What is answered stays.
    pub fn clear(&self) {
        self.lock().calls.clear();
    }

    /// Forgets what was fetched, and what is answered.
    pub fn reset(&self) {
        *self.lock() = State::default();
    }

    /// What the guest fetched of URLs of a pattern.
    pub fn calls_to(&self, pattern: &str) -> Vec<FetchCall> {
        let route = Route { pattern: pattern.to_owned(), first: VecDeque::new(), always: None };
        self.lock().calls.iter().filter(|call| route.is_for(call)).cloned().collect()
    }

    /// What the guest fetched.
    pub fn calls(&self) -> Vec<FetchCall> {
        self.lock().calls.clone()
    }
}

impl FetchHandler for FetchRecorder {
    fn fetch(&self, request: Request<Body>) -> isolate_fetch::FetchFuture {
        let this = self.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let url = match parts.extensions.get::<RequestInfo>() {
                Some(info) => info.url.clone(),
                None => parts.uri.to_string(),
            };
            let body = body.read_all(usize::MAX).await?.to_vec();
            let call = FetchCall { url, method: parts.method, headers: parts.headers, body };
            let answer = {
                let mut state = this.lock();
                state.calls.push(call.clone());
                state.answer(&call)
            };
            // Without the lock: it may look at the recorder itself.
            let MockResponse { status, headers, body, delay, fails, pending } = answer(&call);
            if pending {
                std::future::pending::<()>().await;
            }
            if let Some(delay) = delay {
                tokio::time::sleep(delay).await;
            }
            if let Some((kind, message)) = fails {
                return Err(FetchError::new(kind, message));
            }
            let body = match body {
                MockBody::Whole(body) => Body::from(body),
                MockBody::Chunks(chunks, broken) => {
                    let error = broken.map(|message| Err(FetchError::new(FetchErrorKind::Network, message)));
                    Body::from_stream(stream::iter(chunks.into_iter().map(Ok).chain(error)))
                }
            };
            let mut response = Response::new(body);
            *response.status_mut() = status;
            *response.headers_mut() = headers;
            Ok::<_, FetchError>(response)
        })
    }
}

/// A context with the core and `fetch`, whose fetches are recorded.
pub struct FetchTestContext {
    /// The context.
    pub context: Context,
    /// The handle of `fetch`.
    pub fetch: FetchHandle,
    /// What the guest fetched, and what it is answered.
    pub recorder: FetchRecorder,
}

/// Makes one, with the virtual clock and the default limits.
///
/// # Panics
/// If it cannot be made.
pub fn create_fetch_test_context(engine: &dyn Engine) -> FetchTestContext {
    let context = crate::create_test_context(engine);
    let recorder = FetchRecorder::new();
    let fetch = setup_fetch(&context, FetchOptions::new().handler(recorder.clone())).unwrap();
    FetchTestContext { context, fetch, recorder }
}
