//! What the host holds for a guest, counted against the guest's limit.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[derive(Default)]
struct Account {
    host: AtomicUsize,
    engine: AtomicUsize,
}

/// The bytes that the host holds for one context, and what the engine was last known to have. Clones are the same account.
#[derive(Clone, Default)]
pub struct MemoryAccount(Arc<Account>);

impl fmt::Debug for MemoryAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryAccount({} bytes)", self.bytes())
    }
}

impl MemoryAccount {
    /// An empty account.
    pub fn new() -> Self {
        Self::default()
    }

    /// How much the host holds now.
    #[inline]
    pub fn bytes(&self) -> usize {
        self.0.host.load(Ordering::Relaxed)
    }

    /// How much that is together with the engine's, from any thread: of a guest that runs, as of some milliseconds ago.
    pub fn total(&self) -> usize {
        self.bytes() + self.0.engine.load(Ordering::Relaxed)
    }

    /// For backends: what the engine has allocated. To be called now and then while the guest runs.
    pub fn note_engine(&self, bytes: usize) {
        self.0.engine.store(bytes, Ordering::Relaxed);
    }

    /// For backends, which check the limit before: adds bytes until the charge is dropped.
    pub fn add(&self, bytes: usize) -> Charge {
        self.0.host.fetch_add(bytes, Ordering::Relaxed);
        Charge { account: self.clone(), bytes }
    }
}

/// Bytes held for a guest; they are given back when this is dropped, on any thread.
#[derive(Debug)]
pub struct Charge {
    account: MemoryAccount,
    bytes: usize,
}

impl Charge {
    /// How many.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.account.0.host.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// A snapshot of what a context uses, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryUsage {
    /// Allocated by the engine for this context.
    pub engine: usize,
    /// Held by the host for the guest.
    pub host: usize,
    /// The most that `engine + host` has been.
    pub peak: usize,
    /// The limit on `engine + host`.
    pub limit: Option<usize>,
}

impl MemoryUsage {
    /// `engine + host`.
    pub fn total(&self) -> usize {
        self.engine + self.host
    }
}
