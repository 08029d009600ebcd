//! Why an operation failed.

use std::error::Error;
use std::fmt;
use std::io;

use isolate_core::{DomExceptionName, HostError};

/// What kind of failure an [`FsError`] is, and what the guest sees: the `DOMException` of that name, if nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FsErrorKind {
    /// There is no such entry. `NotFoundError`.
    NotFound,
    /// It is a directory where a file was wanted, or the other way round. `TypeMismatchError`.
    TypeMismatch,
    /// The entry cannot be changed in this way: a directory that is not empty, or that would be moved into itself.
    /// `InvalidModificationError`.
    InvalidModification,
    /// The host does not allow it. `NotAllowedError`.
    NotAllowed,
    /// There is no room for it. `QuotaExceededError`.
    QuotaExceeded,
    /// Somebody else has the file open, or it cannot be written. `NoModificationAllowedError`.
    NoModificationAllowed,
    /// What was opened is closed already. `InvalidStateError`.
    InvalidState,
    /// It was given up. `AbortError`.
    Abort,
    /// The bytes cannot be read, or are not any more what they were. `NotReadableError`.
    NotReadable,
    /// No file system was granted. `SecurityError`.
    Security,
    /// No entry can have this name. The guest sees a `TypeError`.
    InvalidName,
    /// The handler cannot do this. `NotSupportedError`.
    NotSupported,
    /// Anything else. `UnknownError`.
    Other,
}

/// Why an operation on files failed. The guest sees the kind and the message; the [`source`](Error::source) stays on the
/// host.
#[derive(Debug)]
pub struct FsError {
    kind: FsErrorKind,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident = $kind:ident, $message:literal;)*) => {$(
        $(#[$doc])*
        pub fn $name() -> Self {
            Self::new(FsErrorKind::$kind, $message)
        }
    )*};
}

impl FsError {
    /// Of a kind, with a message for the guest.
    pub fn new(kind: FsErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// Keeps the underlying error for the host.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> FsErrorKind {
        self.kind
    }

    /// The message.
    pub fn message(&self) -> &str {
        &self.message
    }

    constructors! {
        /// [`FsErrorKind::NotFound`].
        not_found = NotFound, "There is no such file or directory.";
        /// [`FsErrorKind::TypeMismatch`], of a directory where a file was wanted.
        is_directory = TypeMismatch, "The entry is a directory.";
        /// [`FsErrorKind::TypeMismatch`], of a file where a directory was wanted.
        is_file = TypeMismatch, "The entry is a file.";
        /// [`FsErrorKind::InvalidModification`], of a directory that was to be removed.
        not_empty = InvalidModification, "The directory is not empty.";
        /// [`FsErrorKind::NotAllowed`], of what cannot be written.
        read_only = NotAllowed, "The file system is read-only.";
        /// [`FsErrorKind::QuotaExceeded`].
        no_room = QuotaExceeded, "There is no room for it.";
        /// [`FsErrorKind::NotReadable`], of a file that changed after it was looked at.
        changed = NotReadable, "The file has changed since it was opened.";
    }
}

impl fmt::Display for FsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for FsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|e| e as _)
    }
}

impl From<FsError> for HostError {
    fn from(e: FsError) -> Self {
        let name = match e.kind {
            FsErrorKind::NotFound => DomExceptionName::NotFoundError,
            FsErrorKind::TypeMismatch => DomExceptionName::TypeMismatchError,
            FsErrorKind::InvalidModification => DomExceptionName::InvalidModificationError,
            FsErrorKind::NotAllowed => DomExceptionName::NotAllowedError,
            FsErrorKind::QuotaExceeded => DomExceptionName::QuotaExceededError,
            FsErrorKind::NoModificationAllowed => DomExceptionName::NoModificationAllowedError,
            FsErrorKind::InvalidState => DomExceptionName::InvalidStateError,
            FsErrorKind::Abort => DomExceptionName::AbortError,
            FsErrorKind::NotReadable => DomExceptionName::NotReadableError,
            FsErrorKind::Security => DomExceptionName::SecurityError,
            FsErrorKind::NotSupported => DomExceptionName::NotSupportedError,
            FsErrorKind::InvalidName | FsErrorKind::Other => DomExceptionName::UnknownError,
        };
        let error = match e.kind {
            FsErrorKind::InvalidName => Self::type_error(e.message),
            _ => Self::dom(name, e.message),
        };
        match e.source {
            Some(source) => error.with_source(source),
            None => error,
        }
    }
}

impl From<HostError> for FsError {
    /// What a `Blob` that was to be written could not be read for.
    fn from(e: HostError) -> Self {
        Self::new(FsErrorKind::NotReadable, e.message().to_owned()).with_source(e)
    }
}

impl From<io::Error> for FsError {
    /// By the error's [`kind`](io::Error::kind). No path of the host is in the message.
    fn from(e: io::Error) -> Self {
        use io::ErrorKind as Io;
        let error = match e.kind() {
            Io::NotFound => Self::not_found(),
            Io::NotADirectory => Self::is_file(),
            Io::IsADirectory => Self::is_directory(),
            Io::DirectoryNotEmpty => Self::not_empty(),
            Io::PermissionDenied => Self::new(FsErrorKind::NotAllowed, "The host does not allow it."),
            Io::StorageFull | Io::QuotaExceeded | Io::FileTooLarge => Self::no_room(),
            Io::ReadOnlyFilesystem => Self::read_only(),
            Io::InvalidFilename | Io::InvalidInput => Self::new(FsErrorKind::InvalidName, "The name is not allowed."),
            Io::AlreadyExists => Self::new(FsErrorKind::InvalidModification, "The entry is there already."),
            Io::ResourceBusy | Io::ExecutableFileBusy => {
                Self::new(FsErrorKind::NoModificationAllowed, "The file is in use.")
            }
            Io::UnexpectedEof => Self::new(FsErrorKind::NotReadable, "The file is shorter than it was."),
            _ => Self::new(FsErrorKind::Other, "The operation failed."),
        };
        error.with_source(e)
    }
}
