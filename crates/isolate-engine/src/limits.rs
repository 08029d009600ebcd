//! What a guest may use. Every field says its unit, its default and what it does not cover.

use std::time::Duration;

/// The limits of one context. `None` means no limit; a limit of zero is a limit of zero.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Memory of the guest in bytes: everything the engine allocates for the context, its builtins included (about
    /// 200 KiB on QuickJS), plus what the host holds for it. Default: 128 MiB.
    ///
    /// The allocation that would pass the limit fails, and the context is stopped with
    /// [`Termination::Memory`](crate::Termination::Memory). Not covered: the host's own copy of a value while it
    /// crosses (see [`value_bytes`](Self::value_bytes)), and the stack.
    pub memory: Option<usize>,
    /// Native stack that guest code may use, in bytes. Default: 1 MiB, about 1,600 nested calls of a
    /// small function on QuickJS.
    ///
    /// Past it the guest gets an ordinary `RangeError` or `InternalError`, which it may catch. Not covered: the stack
    /// of host functions; a backend keeps a reserve for those below this limit, and refuses to make a context on a
    /// thread whose stack is too small for both.
    pub stack: usize,
    /// Wall-clock time of one evaluation or call, awaiting included. Default: 30 seconds.
    ///
    /// When it passes, the context is stopped with [`Termination::Deadline`](crate::Termination::Deadline). Code that
    /// runs later on its own (a timer's callback, a continuation) gets the same time anew for each turn. Not covered:
    /// the few native loops of the engine that no interrupt reaches, listed in `docs/limits.md`.
    pub wall_time: Option<Duration>,
    /// Processor time that the guest may use in its whole life, measured on the owner thread. Default: none.
    ///
    /// Includes the host functions that it calls and the work that these do on other threads ([`jobs`](Self::jobs)); not
    /// the time it waits for host futures.
    pub cpu_time: Option<Duration>,
    /// The size in bytes that one value may have when it crosses the boundary, in either direction: 64 for each node
    /// plus its text and bytes. Default: 64 MiB. A larger one is a `RangeError` for the side that sends it.
    pub value_bytes: usize,
    /// How many asynchronous host calls may be in flight at once. Default: 10,000. One more is refused with a
    /// `QuotaExceededError`.
    pub pending_calls: usize,
    /// How many timers may be pending at once. Default: 1,000,000. One more is refused with a `QuotaExceededError`.
    pub timers: usize,
    /// How many pieces of work that the host does for the guest on other threads may run at once: deriving and making
    /// keys, large inputs of `crypto.subtle`. Default: 2. Others wait their turn. Their processor time counts as the
    /// guest's.
    pub jobs: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: Some(128 << 20),
            stack: 1 << 20,
            wall_time: Some(Duration::from_secs(30)),
            cpu_time: None,
            value_bytes: 64 << 20,
            pending_calls: 10_000,
            timers: 1_000_000,
            jobs: 2,
        }
    }
}

impl Limits {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// No limit at all, but for the stack and for [`value_bytes`](Self::value_bytes). For code that you trust.
    pub fn unlimited() -> Self {
        Self {
            memory: None,
            wall_time: None,
            cpu_time: None,
            pending_calls: usize::MAX,
            timers: usize::MAX,
            ..Self::default()
        }
    }

    /// Sets [`memory`](Self::memory).
    #[must_use]
    pub fn memory(mut self, bytes: impl Into<Option<usize>>) -> Self {
        self.memory = bytes.into();
        self
    }

    /// Sets [`stack`](Self::stack).
    #[must_use]
    pub fn stack(mut self, bytes: usize) -> Self {
        self.stack = bytes;
        self
    }

    /// Sets [`wall_time`](Self::wall_time).
    #[must_use]
    pub fn wall_time(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.wall_time = time.into();
        self
    }

    /// Sets [`cpu_time`](Self::cpu_time).
    #[must_use]
    pub fn cpu_time(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.cpu_time = time.into();
        self
    }

    /// Sets [`value_bytes`](Self::value_bytes).
    #[must_use]
    pub fn value_bytes(mut self, bytes: usize) -> Self {
        self.value_bytes = bytes;
        self
    }

    /// Sets [`pending_calls`](Self::pending_calls).
    #[must_use]
    pub fn pending_calls(mut self, n: usize) -> Self {
        self.pending_calls = n;
        self
    }

    /// Sets [`timers`](Self::timers).
    #[must_use]
    pub fn timers(mut self, n: usize) -> Self {
        self.timers = n;
        self
    }

    /// Sets [`jobs`](Self::jobs); less than 1 is 1.
    #[must_use]
    pub fn jobs(mut self, n: usize) -> Self {
        self.jobs = n;
        self
    }
}
