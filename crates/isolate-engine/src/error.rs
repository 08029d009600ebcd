//! How things end other than well.
//!
//! "It threw" and "it was stopped" are different results ([`Failure`]): a guest can forge any exception, and must not
//! be able to forge, catch or hide a stop. An error's class is data ([`ErrorClass`]), never a prefix of the message,
//! since messages carry what the guest or the network said.

use std::error::Error;
use std::fmt;

use crate::Value;

/// Why an operation on a context gave no value.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// Guest code threw this and nothing caught it.
    Threw(Box<Exception>),
    /// The context was stopped, and stays so: every later operation gives the same.
    Terminated(Termination),
    /// The engine could not do what was asked, through no act of the guest.
    Engine(EngineError),
}

/// What stopped a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Termination {
    /// The wall-clock deadline passed.
    Deadline,
    /// The processor time was used up.
    Cpu,
    /// The host cancelled it, or disposed of it.
    Cancelled,
    /// An allocation would have passed the memory limit.
    Memory,
}

impl fmt::Display for Termination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Termination::Deadline => "stopped: the wall-clock deadline passed",
            Termination::Cpu => "stopped: the processor time limit was reached",
            Termination::Cancelled => "stopped: cancelled by the host",
            Termination::Memory => "stopped: the memory limit was reached",
        })
    }
}

/// A fault of the engine or of how the host used it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineError(String);

impl EngineError {
    /// With a message for the host's developer.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for EngineError {}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Threw(e) => e.fmt(f),
            Failure::Terminated(t) => t.fmt(f),
            Failure::Engine(e) => e.fmt(f),
        }
    }
}

impl Error for Failure {}

impl From<EngineError> for Failure {
    fn from(e: EngineError) -> Self {
        Failure::Engine(e)
    }
}

impl From<Exception> for Failure {
    fn from(e: Exception) -> Self {
        Failure::Threw(Box::new(e))
    }
}

impl From<Termination> for Failure {
    fn from(t: Termination) -> Self {
        Failure::Terminated(t)
    }
}

/// A place in guest source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The name that the host gave to the script.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
}

/// What guest code threw, as data.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Exception {
    /// The error's `name`, such as `TypeError`; empty when what was thrown is not an error object.
    pub name: String,
    /// The error's `message`; for a thrown non-error, that value as text.
    pub message: String,
    /// The guest's call stack, one `    at …` line for each frame, without the header line. Empty for a non-error.
    pub stack: String,
    /// Where it was thrown, as far as the engine knows.
    pub location: Option<Location>,
    /// The error's `cause`, if it has one.
    pub cause: Option<Box<Value>>,
    /// The thrown value itself when it is not an error object and could be copied.
    pub value: Option<Box<Value>>,
    /// Whether the parser raised it, before any code ran.
    pub early: bool,
}

impl Exception {
    /// An exception out of a thrown value: an error as it is, anything else in a few words. `None` is a value that
    /// could not be read.
    pub fn thrown(value: Option<Value>) -> Self {
        let message = match value {
            Some(Value::Error(e)) => return *e,
            Some(Value::String(ref s)) => s.clone(),
            Some(ref v) => brief(v, 0),
            None => "a value that could not be read".into(),
        };
        Self { message, value: value.map(Box::new), ..Self::default() }
    }

    /// An error of a class.
    pub fn new(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self { name: name.into(), message: message.into(), ..Self::default() }
    }

    /// The class that the name stands for; `ErrorClass::Error` for one that is not known.
    pub fn class(&self) -> ErrorClass {
        ErrorClass::from_name(&self.name).unwrap_or(ErrorClass::Error)
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.name.as_str(), self.message.as_str()) {
            ("", m) => write!(f, "Uncaught {m}"),
            (n, "") => f.write_str(n),
            (n, m) => write!(f, "{n}: {m}"),
        }
    }
}

impl Error for Exception {}

macro_rules! dom_names {
    ($($(#[$doc:meta])* $v:ident = $code:literal),* $(,)?) => {
        /// The names that a `DOMException` may have (Web IDL §2.8.1), with their legacy codes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[allow(missing_docs)]
        pub enum DomExceptionName {
            $($(#[$doc])* $v),*
        }

        impl DomExceptionName {
            /// Every name.
            pub const ALL: &'static [DomExceptionName] = &[$(DomExceptionName::$v),*];

            /// The name, such as `NotFoundError`.
            pub fn as_str(self) -> &'static str {
                match self { $(DomExceptionName::$v => stringify!($v)),* }
            }

            /// The legacy code; 0 for the newer names.
            pub fn code(self) -> u16 {
                match self { $(DomExceptionName::$v => $code),* }
            }

            /// The variant of a name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $(stringify!($v) => Some(DomExceptionName::$v),)* _ => None }
            }
        }
    };
}

dom_names! {
    IndexSizeError = 1, HierarchyRequestError = 3, WrongDocumentError = 4, InvalidCharacterError = 5,
    NoModificationAllowedError = 7, NotFoundError = 8, NotSupportedError = 9, InUseAttributeError = 10,
    InvalidStateError = 11, SyntaxError = 12, InvalidModificationError = 13, NamespaceError = 14,
    InvalidAccessError = 15, TypeMismatchError = 17, SecurityError = 18, NetworkError = 19, AbortError = 20,
    URLMismatchError = 21, QuotaExceededError = 22, TimeoutError = 23, InvalidNodeTypeError = 24, DataCloneError = 25,
    EncodingError = 0, NotReadableError = 0, UnknownError = 0, ConstraintError = 0, DataError = 0,
    TransactionInactiveError = 0, ReadOnlyError = 0, VersionError = 0, OperationError = 0, NotAllowedError = 0,
    OptOutError = 0,
}

/// The class of an error on the guest's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum ErrorClass {
    Error,
    TypeError,
    RangeError,
    SyntaxError,
    ReferenceError,
    UriError,
    EvalError,
    /// A `DOMException` with this name.
    Dom(DomExceptionName),
}

impl ErrorClass {
    /// The guest's name for it: `TypeError`, `URIError`, `NotFoundError` …
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorClass::Error => "Error",
            ErrorClass::TypeError => "TypeError",
            ErrorClass::RangeError => "RangeError",
            ErrorClass::SyntaxError => "SyntaxError",
            ErrorClass::ReferenceError => "ReferenceError",
            ErrorClass::UriError => "URIError",
            ErrorClass::EvalError => "EvalError",
            ErrorClass::Dom(name) => name.as_str(),
        }
    }

    /// The class of a name. `SyntaxError` is the language's own, not the `DOMException` of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "Error" => ErrorClass::Error,
            "TypeError" => ErrorClass::TypeError,
            "RangeError" => ErrorClass::RangeError,
            "SyntaxError" => ErrorClass::SyntaxError,
            "ReferenceError" => ErrorClass::ReferenceError,
            "URIError" => ErrorClass::UriError,
            "EvalError" => ErrorClass::EvalError,
            other => ErrorClass::Dom(DomExceptionName::from_name(other)?),
        })
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<DomExceptionName> for ErrorClass {
    fn from(name: DomExceptionName) -> Self {
        ErrorClass::Dom(name)
    }
}

/// An error of a host function: the guest gets an instance of `class` with `message`, and nothing else.
///
/// The `source` stays on the host, for its logs; no part of it crosses.
#[derive(Debug)]
pub struct HostError {
    class: ErrorClass,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl HostError {
    /// An error of a class.
    pub fn new(class: impl Into<ErrorClass>, message: impl Into<String>) -> Self {
        Self { class: class.into(), message: message.into(), source: None }
    }

    /// A plain `Error`.
    pub fn error(message: impl Into<String>) -> Self {
        Self::new(ErrorClass::Error, message)
    }

    /// A `TypeError`.
    pub fn type_error(message: impl Into<String>) -> Self {
        Self::new(ErrorClass::TypeError, message)
    }

    /// A `RangeError`.
    pub fn range_error(message: impl Into<String>) -> Self {
        Self::new(ErrorClass::RangeError, message)
    }

    /// A `DOMException` with a name.
    pub fn dom(name: DomExceptionName, message: impl Into<String>) -> Self {
        Self::new(name, message)
    }

    /// Keeps the underlying error for the host.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The class that the guest sees.
    pub fn class(&self) -> ErrorClass {
        self.class
    }

    /// The message that the guest sees.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Reads the form `[TypeError]message`, for transports that carry text only. Text without a known class in
    /// brackets at its very start is the message of a plain `Error`.
    ///
    /// Never use it on text that the guest or the network had a part in: they could choose the class.
    pub fn from_encoded(text: &str) -> Self {
        if let Some((name, message)) = text.strip_prefix('[').and_then(|t| t.split_once(']'))
            && let Some(class) = ErrorClass::from_name(name)
        {
            return Self::new(class, message);
        }
        Self::error(text)
    }

    /// Writes the form that [`from_encoded`](Self::from_encoded) reads.
    pub fn to_encoded(&self) -> String {
        format!("[{}]{}", self.class, self.message)
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class, self.message)
    }
}

impl Error for HostError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|e| e as _)
    }
}

impl From<Exception> for HostError {
    /// Passes a guest error on to the guest, keeping its class as far as it is known.
    fn from(e: Exception) -> Self {
        Self::new(e.class(), e.message)
    }
}

impl From<Failure> for HostError {
    fn from(f: Failure) -> Self {
        match f {
            Failure::Threw(e) => (*e).into(),
            // The guest never sees this one: its context is stopped before the call returns.
            Failure::Terminated(t) => Self::error(t.to_string()),
            Failure::Engine(e) => Self::error("the engine could not do this").with_source(e),
        }
    }
}

/// A thrown non-error in a few words.
fn brief(v: &Value, depth: usize) -> String {
    match v {
        Value::Undefined => "undefined".into(),
        Value::Null => "null".into(),
        Value::Bool(b) => b.to_string(),
        Value::Number(n) => n.to_string(),
        Value::BigInt(n) => format!("{n}n"),
        Value::String(s) => format!("'{s}'"),
        Value::Object(o) if depth < 2 && o.len() <= 8 => {
            let parts: Vec<_> = o.iter().map(|(k, v)| format!("{k}: {}", brief(v, depth + 1))).collect();
            if parts.is_empty() { "{}".into() } else { format!("{{ {} }}", parts.join(", ")) }
        }
        Value::List(l) if depth < 2 && l.len() <= 8 => {
            let parts: Vec<_> = l.iter().map(|v| brief(v, depth + 1)).collect();
            if parts.is_empty() { "[]".into() } else { format!("[ {} ]", parts.join(", ")) }
        }
        Value::Error(e) => e.to_string(),
        other => other.kind().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_errors_round_trip_and_only_a_known_class_counts() {
        for class in [ErrorClass::TypeError, ErrorClass::UriError, DomExceptionName::NotFoundError.into()] {
            let e = HostError::new(class, "a ] b");
            let back = HostError::from_encoded(&e.to_encoded());
            assert_eq!((back.class(), back.message()), (class, "a ] b"));
        }
        let e = HostError::from_encoded("[Nonsense]x");
        assert_eq!((e.class(), e.message()), (ErrorClass::Error, "[Nonsense]x"));
        assert_eq!(HostError::from_encoded(" [TypeError]x").class(), ErrorClass::Error);
    }

    #[test]
    fn names_round_trip() {
        for &name in DomExceptionName::ALL {
            assert_eq!(DomExceptionName::from_name(name.as_str()), Some(name));
        }
        assert_eq!(ErrorClass::from_name("SyntaxError"), Some(ErrorClass::SyntaxError));
        assert_eq!(DomExceptionName::DataCloneError.code(), 25);
    }
}
