//! How contexts are made and evaluations are run.

use std::time::{Duration, SystemTime};

use isolate_engine::Limits;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::Clock;

/// How a context is made. Every field has a default.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct ContextOptions {
    /// What the guest may use. Default: [`Limits::default`].
    pub limits: Limits,
    /// What time means to the guest. Default: [`Clock::Virtual`].
    pub clock: Clock,
    /// Where host futures find Tokio's timers and I/O. Default: a runtime with one worker thread that this library
    /// starts on first use and shares between all contexts, so that a context works the same inside and outside of
    /// an async program.
    pub tokio: Option<Handle>,
    /// What time it is to the guest when the context is made: `Date`, `performance.timeOrigin`, `lastModified` of new files.
    /// From there it goes with [`clock`](Self::clock), so on a virtual one it stands still between ticks. Default: all of
    /// these show the machine's time, whatever the clock. The time zone is the machine's (`TZ`).
    pub start_time: Option<SystemTime>,
    /// What `Math.random` follows from, and other randomness that packages need: the same numbers in each run, on each
    /// engine and machine. Whoever sees some of them can foresee the rest. Default: the engine's own numbers.
    pub seed: Option<u64>,
}

impl ContextOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`limits`](Self::limits).
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets [`clock`](Self::clock).
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Sets [`tokio`](Self::tokio).
    #[must_use]
    pub fn tokio(mut self, handle: Handle) -> Self {
        self.tokio = Some(handle);
        self
    }

    /// Sets [`start_time`](Self::start_time).
    #[must_use]
    pub fn start_time(mut self, time: SystemTime) -> Self {
        self.start_time = Some(time);
        self
    }

    /// Sets [`seed`](Self::seed).
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }
}

/// How one evaluation or call is run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EvalOptions {
    /// The name that stack traces show. Default: `<eval>`.
    pub filename: String,
    /// Whether the source is a module; its value is `undefined`. Default: a classic script.
    pub module: bool,
    /// Wall-clock time for this evaluation, awaiting included, instead of [`Limits::wall_time`]. When it passes the
    /// context is stopped.
    pub deadline: Option<Duration>,
    /// Processor time that the context may use while this evaluation is under way. Default: no limit of its own.
    pub cpu_time: Option<Duration>,
    /// When this is cancelled the context is stopped.
    pub cancellation: Option<CancellationToken>,
    /// Gives [`NeverSettles`](crate::ErrorKind::NeverSettles) as soon as the awaited promise cannot settle because
    /// nothing is left that could run. Default: wait, since another evaluation may settle it.
    pub fail_when_idle: bool,
    /// Whether a script that does not parse without it may use `await` at its top level. Default: yes.
    pub top_level_await: bool,
    /// Whether a script's completion value is dropped: the result is `undefined`, and a promise is not awaited.
    /// Default: no.
    pub discard: bool,
}

impl Default for EvalOptions {
    fn default() -> Self {
        Self {
            filename: "<eval>".into(),
            module: false,
            deadline: None,
            cpu_time: None,
            cancellation: None,
            fail_when_idle: false,
            top_level_await: true,
            discard: false,
        }
    }
}

impl From<()> for EvalOptions {
    fn from((): ()) -> Self {
        Self::default()
    }
}

impl From<&str> for EvalOptions {
    /// The defaults, with a filename.
    fn from(filename: &str) -> Self {
        Self::default().filename(filename)
    }
}

impl EvalOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`filename`](Self::filename).
    #[must_use]
    pub fn filename(mut self, name: impl Into<String>) -> Self {
        self.filename = name.into();
        self
    }

    /// Takes the source as a module.
    #[must_use]
    pub fn module(mut self) -> Self {
        self.module = true;
        self
    }

    /// Sets [`deadline`](Self::deadline).
    #[must_use]
    pub fn deadline(mut self, time: Duration) -> Self {
        self.deadline = Some(time);
        self
    }

    /// Sets [`cpu_time`](Self::cpu_time).
    #[must_use]
    pub fn cpu_time(mut self, time: Duration) -> Self {
        self.cpu_time = Some(time);
        self
    }

    /// Sets [`cancellation`](Self::cancellation).
    #[must_use]
    pub fn cancellation(mut self, token: CancellationToken) -> Self {
        self.cancellation = Some(token);
        self
    }

    /// Sets [`top_level_await`](Self::top_level_await).
    #[must_use]
    pub fn top_level_await(mut self, allowed: bool) -> Self {
        self.top_level_await = allowed;
        self
    }

    /// Sets [`discard`](Self::discard).
    #[must_use]
    pub fn discard(mut self) -> Self {
        self.discard = true;
        self
    }

    /// Sets [`fail_when_idle`](Self::fail_when_idle).
    #[must_use]
    pub fn fail_when_idle(mut self) -> Self {
        self.fail_when_idle = true;
        self
    }
}
