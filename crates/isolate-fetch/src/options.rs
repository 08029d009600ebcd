//! What the host chooses.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use isolate_core::url::Url;

use crate::{Body, FetchHandler, IntoFetchResult, WebSocketHandler};

/// How `fetch` and its like are set up.
///
/// | option | default |
/// | --- | --- |
/// | handler of `fetch` | none: every fetch of the network rejects with a `TypeError` that says so |
/// | handler of `WebSocket` | none: every connection fails, as one that is refused |
/// | base URL | none: relative URLs are refused |
/// | limits | [`FetchLimits::default`] |
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct FetchOptions {
    pub(crate) handler: Option<Arc<dyn FetchHandler>>,
    pub(crate) web_socket: Option<Arc<dyn WebSocketHandler>>,
    pub(crate) base_url: Option<Url>,
    pub(crate) limits: FetchLimits,
}

impl fmt::Debug for FetchOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchOptions")
            .field("handler", &self.handler.is_some())
            .field("web_socket", &self.web_socket.is_some())
            .field("base_url", &self.base_url.as_ref().map(Url::as_str))
            .field("limits", &self.limits)
            .finish()
    }
}

impl FetchOptions {
    /// No handlers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets who answers the guest's fetches, as a closure.
    ///
    /// ```
    /// use http::{Request, Response};
    /// use isolate_fetch::{Body, FetchError, FetchOptions};
    ///
    /// let options = FetchOptions::new().on_fetch(|request: Request<Body>| async move {
    ///     let text = request.into_body().text(1 << 20).await?;
    ///     Ok::<_, FetchError>(Response::new(format!("you said {text}")))
    /// });
    /// ```
    #[must_use]
    pub fn on_fetch<F, Fut>(self, handler: F) -> Self
    where
        F: Fn(Request<Body>) -> Fut + Send + Sync + 'static,
        Fut: Future + Send + 'static,
        Fut::Output: IntoFetchResult,
    {
        self.handler(handler)
    }

    /// Sets who answers the guest's fetches.
    #[must_use]
    pub fn handler(mut self, handler: impl FetchHandler) -> Self {
        self.handler = Some(Arc::new(handler));
        self
    }

    /// Sets who connects the guest's WebSockets.
    #[must_use]
    pub fn web_socket(mut self, handler: impl WebSocketHandler) -> Self {
        self.web_socket = Some(Arc::new(handler));
        self
    }

    /// Sets what relative URLs of the guest are relative to.
    #[must_use]
    pub fn base_url(mut self, url: Url) -> Self {
        self.base_url = Some(url);
        self
    }

    /// The time that a response may take, of the limits.
    pub fn response_time(&self) -> Option<Duration> {
        self.limits.response_time
    }

    /// Sets the limits.
    #[must_use]
    pub fn limits(mut self, limits: FetchLimits) -> Self {
        self.limits = limits;
        self
    }
}

/// What one guest may fetch and serve. What the host holds for it meanwhile counts as its memory, too.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FetchLimits {
    /// Bytes of a body that the guest sends. Default: 100 MiB. One that is known to be longer is not sent at all; a stream
    /// fails when it passes the limit.
    pub request_body: u64,
    /// Bytes of a body that the guest receives, decoded. Default: 100 MiB. Not covered: what a handler reads and does not
    /// pass on.
    pub response_body: u64,
    /// Header lines of a request or response. Default: 1,000.
    pub headers: usize,
    /// Bytes of all names and values of the headers of a request or response. Default: 256 KiB.
    pub header_bytes: usize,
    /// Fetches whose response has not come yet. Default: 4,096. More reject with a `QuotaExceededError`.
    pub concurrent: usize,
    /// Time until a response has come (its headers), for fetches and for requests that the guest serves. Default: 60 s;
    /// `None` is no limit. What is later is a `TimeoutError`. Not covered: the body.
    pub response_time: Option<Duration>,
    /// Parts of a form. Default: 10,000.
    pub form_parts: usize,
    /// Bytes of the head of a part of a form. Default: 16 KiB.
    pub form_head_bytes: usize,
    /// Bytes of a message of a WebSocket, in both directions. Default: 16 MiB.
    pub message_bytes: usize,
    /// WebSockets and event sources that are open at the same time, in both directions. Default: 1,000.
    pub connections: usize,
}

impl Default for FetchLimits {
    fn default() -> Self {
        Self {
            request_body: 100 << 20,
            response_body: 100 << 20,
            headers: 1000,
            header_bytes: 256 << 10,
            concurrent: 4096,
            response_time: Some(Duration::from_secs(60)),
            form_parts: 10_000,
            form_head_bytes: 16 << 10,
            message_bytes: 16 << 20,
            connections: 1000,
        }
    }
}

macro_rules! setters {
    ($($field:ident: $t:ty),* $(,)?) => {$(
        #[doc = concat!("Sets [`", stringify!($field), "`](Self::", stringify!($field), ").")]
        #[must_use]
        pub fn $field(mut self, $field: impl Into<$t>) -> Self {
            self.$field = $field.into();
            self
        }
    )*};
}

impl FetchLimits {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    setters! {
        request_body: u64, response_body: u64, headers: usize, header_bytes: usize, concurrent: usize,
        response_time: Option<Duration>, form_parts: usize, form_head_bytes: usize, message_bytes: usize,
        connections: usize,
    }
}
