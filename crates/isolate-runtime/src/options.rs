//! How a runtime is made.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use isolate_console::ConsoleOptions;
use isolate_core::{Clock, Context, Engine, Error, ErrorKind, Limits, ModuleLoader, Uncaught};
#[cfg(feature = "crypto")]
use isolate_crypto::CryptoOptions;
use isolate_encoding::EncodingOptions;
#[cfg(feature = "fetch")]
use isolate_fetch::FetchOptions;
#[cfg(feature = "fs")]
use isolate_fs::FsOptions;
use isolate_path::PathOptions;
use isolate_timers::TimersOptions;
use tokio::runtime::Handle;

type Setup = Box<dyn FnOnce(&Context) -> Result<(), Error> + Send>;
type UncaughtHook = Box<dyn Fn(&Uncaught) + Send>;

/// How a runtime is made. Every field has a default.
///
/// | option | default |
/// | --- | --- |
/// | engine | QuickJS-NG, or the first of [`engines`] |
/// | limits | [`Limits::default`]: 128 MiB of memory, 1 MiB of stack, 30 s for each call |
/// | clock | [`Clock::Virtual`]: time moves by [`Runtime::tick`](crate::Runtime::tick) alone |
/// | wall clock | the machine's |
/// | `Math.random` | the engine's |
/// | console | what the guest prints goes nowhere |
/// | random bytes for Web Crypto | OpenSSL's generator |
/// | network | none: `fetch` rejects |
/// | modules | none: nothing can be imported but what APIs bring along |
/// | files | none: `navigator.storage` rejects |
/// | uncaught errors | to `tracing`, as errors |
/// | grace after a stop | 5 s |
/// | Tokio | one shared worker thread of this library's own |
#[non_exhaustive]
pub struct RuntimeOptions {
    pub(crate) engine: Option<Arc<dyn Engine>>,
    pub(crate) limits: Limits,
    pub(crate) clock: Clock,
    pub(crate) start_time: Option<SystemTime>,
    pub(crate) seed: Option<u64>,
    pub(crate) console: ConsoleOptions,
    #[cfg(feature = "crypto")]
    pub(crate) crypto: CryptoOptions,
    pub(crate) encoding: EncodingOptions,
    #[cfg(feature = "fetch")]
    pub(crate) fetch: FetchOptions,
    #[cfg(feature = "fs")]
    pub(crate) fs: FsOptions,
    pub(crate) path: PathOptions,
    pub(crate) timers: TimersOptions,
    pub(crate) modules: Option<Box<dyn ModuleLoader + Send>>,
    pub(crate) tokio: Option<Handle>,
    pub(crate) on_uncaught: Option<UncaughtHook>,
    pub(crate) stop_grace: Duration,
    pub(crate) setup: Vec<Setup>,
}

impl Default for RuntimeOptions {
    fn default() -> Self {
        Self {
            engine: None,
            limits: Limits::default(),
            clock: Clock::default(),
            start_time: None,
            seed: None,
            console: ConsoleOptions::default(),
            #[cfg(feature = "crypto")]
            crypto: CryptoOptions::default(),
            encoding: EncodingOptions::default(),
            #[cfg(feature = "fetch")]
            fetch: FetchOptions::default(),
            #[cfg(feature = "fs")]
            fs: FsOptions::default(),
            path: PathOptions::default(),
            timers: TimersOptions::default(),
            modules: None,
            tokio: None,
            on_uncaught: None,
            stop_grace: Duration::from_secs(5),
            setup: Vec::new(),
        }
    }
}

impl fmt::Debug for RuntimeOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuntimeOptions")
            .field("engine", &self.engine)
            .field("limits", &self.limits)
            .field("clock", &self.clock)
            .field("start_time", &self.start_time)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

impl RuntimeOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the engine.
    #[must_use]
    pub fn engine(mut self, engine: impl Engine + 'static) -> Self {
        self.engine = Some(Arc::new(engine));
        self
    }

    /// Sets the limits.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the clock.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Sets what time it is to the guest when the runtime is made; from there it goes with the clock. See
    /// [`ContextOptions::start_time`](isolate_core::ContextOptions::start_time).
    #[must_use]
    pub fn start_time(mut self, time: SystemTime) -> Self {
        self.start_time = Some(time);
        self
    }

    /// Sets what all randomness follows from: `Math.random`, the boundaries of forms, and Web Crypto unless its options name a
    /// source. Whoever knows it knows every key: for runs that are to be the same each time.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Sets who is told what the guest prints. The hooks run on the runtime's thread.
    #[must_use]
    pub fn console(mut self, console: ConsoleOptions) -> Self {
        self.console = console;
        self
    }

    /// Sets how Web Crypto is set up: where random bytes come from, and how much work the guest may cause.
    #[cfg(feature = "crypto")]
    #[must_use]
    pub fn crypto(mut self, crypto: CryptoOptions) -> Self {
        self.crypto = crypto;
        self
    }

    /// Sets how `atob` and `btoa` are set up.
    #[must_use]
    pub fn encoding(mut self, encoding: EncodingOptions) -> Self {
        self.encoding = encoding;
        self
    }

    /// Sets who answers the guest's fetches, and the limits on them.
    #[cfg(feature = "fetch")]
    #[must_use]
    pub fn fetch(mut self, fetch: FetchOptions) -> Self {
        self.fetch = fetch;
        self
    }

    /// Sets who keeps the guest's files, and the limits on what it may have under way.
    #[cfg(feature = "fs")]
    #[must_use]
    pub fn fs(mut self, fs: FsOptions) -> Self {
        self.fs = fs;
        self
    }

    /// Sets who answers the guest's imports.
    #[must_use]
    pub fn modules(mut self, loader: impl ModuleLoader + Send + 'static) -> Self {
        self.modules = Some(Box::new(loader));
        self
    }

    /// Sets how `path` is set up: its working directory.
    #[must_use]
    pub fn path(mut self, path: PathOptions) -> Self {
        self.path = path;
        self
    }

    /// Sets how timers are set up.
    #[must_use]
    pub fn timers(mut self, timers: TimersOptions) -> Self {
        self.timers = timers;
        self
    }

    /// Sets the Tokio runtime that host futures find around them.
    #[must_use]
    pub fn tokio(mut self, handle: Handle) -> Self {
        self.tokio = Some(handle);
        self
    }

    /// Sets who is told of errors that nothing took: unhandled rejections, callbacks that threw, host functions that
    /// panicked. Runs on the runtime's thread.
    #[must_use]
    pub fn on_uncaught(mut self, hook: impl Fn(&Uncaught) + Send + 'static) -> Self {
        self.on_uncaught = Some(Box::new(hook));
        self
    }

    /// Sets how long after a stop the guest may go on before the host waits no longer. Default: 5 s. Guests end within
    /// milliseconds but for some native loops of the engine's (`docs/limits.md`). After this time whoever waits gets the
    /// stop as the answer, and the thread is left to itself; see [`Runtime::is_abandoned`](crate::Runtime::is_abandoned).
    #[must_use]
    pub fn stop_grace(mut self, grace: Duration) -> Self {
        self.stop_grace = grace;
        self
    }

    /// Adds a step that runs on the runtime's thread after all APIs are set up and before any guest code: the place
    /// to define host functions and classes.
    #[must_use]
    pub fn setup(mut self, step: impl FnOnce(&Context) -> Result<(), Error> + Send + 'static) -> Self {
        self.setup.push(Box::new(step));
        self
    }
}

/// Every engine there is: its name, and the feature of this crate that compiles it in.
const KNOWN: &[(&str, &str)] = &[("quickjs", "quickjs"), ("v8", "v8")];

/// The engine of a name: `quickjs` or `v8`.
///
/// # Errors
/// If it is not compiled in (the message says which feature adds it), or there is no such engine.
pub fn engine_by_name(name: &str) -> Result<Arc<dyn Engine>, Error> {
    let compiled = engines();
    if let Some(engine) = compiled.iter().find(|e| e.name() == name) {
        return Ok(engine.clone());
    }
    let here = match &*compiled.iter().map(|e| e.name()).collect::<Vec<_>>().join(", ") {
        "" => "none is".to_owned(),
        names => format!("compiled in: {names}"),
    };
    let message = match KNOWN.iter().find(|(known, _)| *known == name) {
        Some((_, feature)) => {
            format!("the engine '{name}' is not compiled in ({here}); the Cargo feature `{feature}` adds it")
        }
        None => format!("there is no engine '{name}' ({here})"),
    };
    Err(Error::new(ErrorKind::Engine, message))
}

/// The engines that are compiled in, the default one first.
pub fn engines() -> Vec<Arc<dyn Engine>> {
    vec![
        #[cfg(feature = "quickjs")]
        Arc::new(isolate_engine_quickjs::QuickJs::new()),
        #[cfg(feature = "v8")]
        Arc::new(isolate_engine_v8::V8::new()),
    ]
}

impl RuntimeOptions {
    /// Sets the engine, as a value that was chosen at run time.
    #[must_use]
    pub fn engine_arc(mut self, engine: Arc<dyn Engine>) -> Self {
        self.engine = Some(engine);
        self
    }
}
