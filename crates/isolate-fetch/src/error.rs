//! Why a fetch failed.

use std::error::Error;
use std::fmt;

use isolate_core::{DomExceptionName, HostError};

/// What kind of failure a [`FetchError`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FetchErrorKind {
    /// The other side could not be reached, broke off, or did not speak HTTP.
    Network,
    /// A policy does not allow it.
    Refused,
    /// It took longer than it may. The guest sees a `DOMException` named `TimeoutError`.
    Timeout,
    /// It is larger than it may be: a body, headers, a number of redirects.
    TooLarge,
    /// Nobody waits for it any more: the guest aborted, or the client went away. A `DOMException` named `AbortError`.
    Aborted,
    /// A request that cannot be sent, or bytes that are not what they should be.
    Malformed,
    /// The handler gave up for a reason of its own, or there is none.
    Handler,
    /// The guest, which was to answer a request, failed.
    Guest,
    /// The guest, which was to answer a request, is stopped or gone.
    Stopped,
}

/// Why a fetch, or a body on the way, failed.
///
/// The guest sees the message as that of a `TypeError`, as the Fetch standard has it, but for those kinds that say
/// otherwise; the [`source`](Error::source) stays on the host.
#[derive(Debug)]
pub struct FetchError {
    kind: FetchErrorKind,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl FetchError {
    /// Of a kind, with a message for the guest.
    pub fn new(kind: FetchErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// Keeps the underlying error for the host.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> FetchErrorKind {
        self.kind
    }

    /// The message.
    pub fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn aborted() -> Self {
        Self::new(FetchErrorKind::Aborted, "the fetch was aborted")
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for FetchError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|e| e as _)
    }
}

impl From<FetchError> for HostError {
    fn from(e: FetchError) -> Self {
        let error = match e.kind {
            FetchErrorKind::Timeout => Self::dom(DomExceptionName::TimeoutError, e.message),
            FetchErrorKind::Aborted => Self::dom(DomExceptionName::AbortError, e.message),
            _ => Self::type_error(format!("fetch failed: {}", e.message)),
        };
        match e.source {
            Some(source) => error.with_source(source),
            None => error,
        }
    }
}

impl From<String> for FetchError {
    fn from(message: String) -> Self {
        Self::new(FetchErrorKind::Handler, message)
    }
}

impl From<&str> for FetchError {
    fn from(message: &str) -> Self {
        Self::new(FetchErrorKind::Handler, message)
    }
}

impl From<Box<dyn Error + Send + Sync>> for FetchError {
    /// The guest is told no more than that the handler failed.
    fn from(source: Box<dyn Error + Send + Sync>) -> Self {
        match source.downcast::<FetchError>() {
            Ok(e) => *e,
            Err(source) => Self::new(FetchErrorKind::Handler, "the host's handler failed").with_source(source),
        }
    }
}

impl From<std::io::Error> for FetchError {
    fn from(e: std::io::Error) -> Self {
        Self::new(FetchErrorKind::Network, "the connection failed").with_source(e)
    }
}

impl From<http::Error> for FetchError {
    fn from(e: http::Error) -> Self {
        Self::new(FetchErrorKind::Malformed, e.to_string()).with_source(e)
    }
}

impl From<HostError> for FetchError {
    fn from(e: HostError) -> Self {
        Self::new(FetchErrorKind::Handler, e.message().to_owned()).with_source(e)
    }
}

impl From<isolate_core::Error> for FetchError {
    /// What a stream of a guest was errored with, for one.
    fn from(e: isolate_core::Error) -> Self {
        Self::new(FetchErrorKind::Handler, e.to_string()).with_source(e)
    }
}
