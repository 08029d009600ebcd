//! Requests for a guest that answers them: a function, and a `tower` service over it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use isolate_fetch::http::{Request, Response};
use isolate_fetch::{Answer, Body, Dispatch, FetchError};

use crate::owner::Command;
use crate::{Runtime, RuntimeOptions};

/// What a runtime knows of the requests that it serves.
pub(crate) struct Serving {
    response_time: Option<Duration>,
    tokio: tokio::runtime::Handle,
    #[cfg(feature = "server")]
    pub(crate) sockets: tokio::sync::OnceCell<crate::server::Sockets>,
}

impl Serving {
    pub(crate) fn new(options: &RuntimeOptions) -> Self {
        Self {
            response_time: options.fetch.response_time(),
            tokio: options.tokio.clone().unwrap_or_else(isolate_core::Context::shared_tokio),
            #[cfg(feature = "server")]
            sockets: tokio::sync::OnceCell::new(),
        }
    }
}

impl Runtime {
    /// Has the guest answer a request, streaming in both directions: what `serve` was given is called. Dropping the
    /// future, or the body of the response, tells the guest that the client is gone.
    ///
    /// See [`FetchHandle::dispatch_request`](isolate_fetch::FetchHandle::dispatch_request), and for WebSockets the methods
    /// beside it, which [`with_handles`](Self::with_handles) reaches.
    ///
    /// # Errors
    /// As `FetchHandle::dispatch_request`.
    pub fn dispatch_request(&self, request: Request<Body>) -> Answer {
        let serving = &self.0.serving;
        let (dispatch, answer) =
            Dispatch::new(request, self.interrupter(), serving.response_time, serving.tokio.clone());
        // Without a runtime that takes it, the answer is that there is none.
        self.tell(Command::With(Box::new(move |_, handles| handles.fetch.dispatch(dispatch))));
        answer
    }

    /// The guest as a service of `tower`, for hyper, axum and what else takes one.
    pub fn service(&self) -> GuestService {
        GuestService(self.clone())
    }
}

/// A guest that answers requests, as a [`tower_service::Service`]. Clones are the same guest.
///
/// An error is for whoever runs the service to turn into a response; [`status_of`] says which.
#[derive(Clone, Debug)]
pub struct GuestService(Runtime);

impl<B> tower_service::Service<Request<B>> for GuestService
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Body>;
    type Error = FetchError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, FetchError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), FetchError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        Box::pin(self.0.dispatch_request(request.map(Body::wrap)))
    }
}

/// The status that tells a client of an error: 400, 413, 500, 503 or 504.
pub fn status_of(error: &FetchError) -> isolate_fetch::http::StatusCode {
    use isolate_fetch::FetchErrorKind as Kind;
    use isolate_fetch::http::StatusCode as Status;
    match error.kind() {
        Kind::Malformed => Status::BAD_REQUEST,
        Kind::TooLarge => Status::PAYLOAD_TOO_LARGE,
        Kind::Timeout => Status::GATEWAY_TIMEOUT,
        Kind::Stopped | Kind::Handler => Status::SERVICE_UNAVAILABLE,
        _ => Status::INTERNAL_SERVER_ERROR,
    }
}
