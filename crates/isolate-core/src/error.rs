//! The error that users of the library see.

use std::fmt;

use isolate_engine::{Exception, Failure, HostError, Termination};

/// Why something on a context or a runtime gave no value.
///
/// Opaque: ask [`kind`](Self::kind), or the accessors. `Display` says one level; the rest is in
/// [`source`](std::error::Error::source).
#[derive(Clone, Debug)]
pub struct Error(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    kind: ErrorKind,
    message: String,
    exception: Option<Exception>,
}

/// The kinds of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Guest code threw and nothing caught it; see [`Error::exception`].
    Threw,
    /// The context was stopped, for this reason, and stays so.
    Terminated(Termination),
    /// A value could not be turned into the Rust type that was asked for, or into a guest value.
    Conversion,
    /// The guest's promise can never settle: nothing is left that could run.
    NeverSettles,
    /// The runtime was disposed of.
    Disposed,
    /// The host has as many runtimes as it may, or as much memory is in use by them.
    Overloaded,
    /// The host used the library in a way that cannot work, or the engine failed.
    Engine,
}

impl Error {
    /// An error without an exception.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, message: message.into(), exception: None }))
    }

    /// What kind of error this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What the guest threw, if it threw.
    pub fn exception(&self) -> Option<&Exception> {
        self.0.exception.as_ref()
    }

    /// What stopped the context, if it was stopped.
    pub fn terminated(&self) -> Option<Termination> {
        if let ErrorKind::Terminated(t) = self.0.kind { Some(t) } else { None }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.exception {
            Some(_) => f.write_str("uncaught exception in guest code"),
            None => f.write_str(&self.0.message),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.exception.as_ref().map(|e| e as _)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Threw(e) => (*e).into(),
            Failure::Terminated(t) => Self::new(ErrorKind::Terminated(t), t.to_string()),
            Failure::Engine(e) => Self::new(ErrorKind::Engine, e.to_string()),
        }
    }
}

impl From<Exception> for Error {
    fn from(e: Exception) -> Self {
        Self(Box::new(Inner { kind: ErrorKind::Threw, message: String::new(), exception: Some(e) }))
    }
}

impl From<HostError> for Error {
    /// As if a guest had thrown it.
    fn from(e: HostError) -> Self {
        Exception::new(e.class().as_str(), e.message()).into()
    }
}

impl From<Error> for HostError {
    /// For host functions that call back into the guest: a guest error keeps its class.
    fn from(e: Error) -> Self {
        match e.0.exception {
            Some(e) => e.into(),
            None => HostError::error(e.0.message),
        }
    }
}
