//! What the host chooses.

use std::fmt;
use std::sync::Arc;

use crate::FileSystemHandler;
use crate::locks::Locks;

/// How the file system is set up.
///
/// | option | default |
/// | --- | --- |
/// | handler | none: whatever touches files rejects with a `SecurityError` that says so |
/// | limits | [`FsLimits::default`] |
///
/// Clones are of the same files: what one guest has open to write, another one with a clone of the options cannot remove.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct FsOptions {
    pub(crate) storage: Option<Arc<Storage>>,
    pub(crate) limits: FsLimits,
}

/// Files, and who has them open.
pub(crate) struct Storage {
    pub(crate) handler: Arc<dyn FileSystemHandler>,
    pub(crate) locks: Arc<Locks>,
}

impl fmt::Debug for FsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FsOptions").field("handler", &self.storage.is_some()).field("limits", &self.limits).finish()
    }
}

impl FsOptions {
    /// No files.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets who keeps the guest's files.
    #[must_use]
    pub fn handler(mut self, handler: impl FileSystemHandler) -> Self {
        self.storage = Some(Arc::new(Storage { handler: Arc::new(handler), locks: Arc::default() }));
        self
    }

    /// Sets the limits.
    #[must_use]
    pub fn limits(mut self, limits: FsLimits) -> Self {
        self.limits = limits;
        self
    }
}

/// What one guest may have under way. What it may store is its handler's to say: see
/// [`QuotaFileSystem`](crate::QuotaFileSystem).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FsLimits {
    /// Operations that run at the same time. Default: 16. More wait for their turn.
    pub concurrent: usize,
    /// Files that are open to be written or for synchronous access. Default: 256. More are a `QuotaExceededError`.
    pub open: usize,
}

impl Default for FsLimits {
    fn default() -> Self {
        Self { concurrent: 16, open: 256 }
    }
}

impl FsLimits {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`concurrent`](Self::concurrent); at least 1.
    #[must_use]
    pub fn concurrent(mut self, operations: usize) -> Self {
        self.concurrent = operations.max(1);
        self
    }

    /// Sets [`open`](Self::open).
    #[must_use]
    pub fn open(mut self, files: usize) -> Self {
        self.open = files;
        self
    }
}
