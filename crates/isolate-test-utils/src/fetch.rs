//! Contexts whose fetches are recorded, and answered with what a test says.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use isolate_core::{Context, Engine};
use isolate_fetch::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use isolate_fetch::{Body, FetchError, FetchHandle, FetchHandler, FetchOptions, RequestInfo, setup_fetch};

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
}

/// What a fetch is answered with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MockResponse {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Default for MockResponse {
    fn default() -> Self {
        Self { status: StatusCode::OK, headers: HeaderMap::new(), body: Vec::new() }
    }
}

impl MockResponse {
    /// Status 200 with a body.
    pub fn new(body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..Self::default() }
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

#[derive(Default)]
struct State {
    calls: Vec<FetchCall>,
    response: MockResponse,
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
            let mut state = this.lock();
            state.calls.push(FetchCall { url, method: parts.method, headers: parts.headers, body });
            let MockResponse { status, headers, body } = state.response.clone();
            let mut response = Response::new(Body::from(body));
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
