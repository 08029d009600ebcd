//! A flat way to make a runtime.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use isolate_console::{ConsoleEvent, ConsoleOptions};
use isolate_core::{Clock, Context, Engine, Error, Limits, ModuleLoader, Uncaught};

use crate::{Runtime, RuntimeOptions, create_runtime};

/// Makes a [`Runtime`] by what is asked for most, without the options of each package. For the rest there is
/// [`options`](Self::options).
///
/// ```
/// use isolate_runtime::Runtime;
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), isolate_runtime::Error> {
/// let runtime = Runtime::builder()
///     .memory(64 << 20)
///     .wall_time(Duration::from_secs(5))
///     .on_log(|event| println!("{}", event.text().unwrap_or_default()))
///     .setup(|context| context.define_function("double", |n: f64| n * 2.0))
///     .build()
///     .await?;
/// assert_eq!(runtime.eval_as::<f64>("double(21)", ()).await?, 42.0);
/// # Ok(()) }
/// ```
#[derive(Default)]
pub struct RuntimeBuilder {
    options: RuntimeOptions,
}

impl fmt::Debug for RuntimeBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuntimeBuilder").field("options", &self.options).finish()
    }
}

impl Runtime {
    /// Begins to make one.
    pub fn builder() -> RuntimeBuilder {
        RuntimeBuilder::default()
    }
}

impl RuntimeBuilder {
    /// Changes the options: `.options(|o| o.crypto(…))`.
    #[must_use]
    pub fn options(mut self, change: impl FnOnce(RuntimeOptions) -> RuntimeOptions) -> Self {
        self.options = change(self.options);
        self
    }

    /// Changes the limits: `.limits(|l| l.timers(100))`.
    #[must_use]
    pub fn limits(mut self, change: impl FnOnce(Limits) -> Limits) -> Self {
        self.options.limits = change(self.options.limits);
        self
    }

    /// Sets the engine.
    #[must_use]
    pub fn engine(self, engine: Arc<dyn Engine>) -> Self {
        self.options(|o| o.engine_arc(engine))
    }

    /// Sets the clock.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        self.options(|o| o.clock(clock))
    }

    /// Sets what time it is to the guest when the runtime is made; see [`RuntimeOptions::start_time`].
    #[must_use]
    pub fn start_time(self, time: SystemTime) -> Self {
        self.options(|o| o.start_time(time))
    }

    /// Sets what all randomness follows from; see [`RuntimeOptions::seed`].
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        self.options(|o| o.seed(seed))
    }

    /// Limits memory, in bytes. Default: 128 MiB.
    #[must_use]
    pub fn memory(self, bytes: usize) -> Self {
        self.limits(|l| l.memory(Some(bytes)))
    }

    /// Limits the wall-clock time of each evaluation, awaiting included. Default: 30 s.
    #[must_use]
    pub fn wall_time(self, time: Duration) -> Self {
        self.limits(|l| l.wall_time(Some(time)))
    }

    /// Limits the processor time of the guest's whole life. Default: none.
    #[must_use]
    pub fn cpu_time(self, time: Duration) -> Self {
        self.limits(|l| l.cpu_time(Some(time)))
    }

    /// Sets who is told what the guest prints, on the runtime's thread.
    #[must_use]
    pub fn on_log(self, hook: impl Fn(&ConsoleEvent) + Send + 'static) -> Self {
        self.options(|o| o.console(ConsoleOptions::new().on_event(hook)))
    }

    /// Sets who answers the guest's fetches, with the default limits.
    #[cfg(feature = "fetch")]
    #[must_use]
    pub fn fetch_handler(self, handler: impl isolate_fetch::FetchHandler) -> Self {
        self.options(|o| o.fetch(isolate_fetch::FetchOptions::new().handler(handler)))
    }

    /// Sets who keeps the guest's files, with the default limits.
    #[cfg(feature = "fs")]
    #[must_use]
    pub fn file_system(self, handler: impl isolate_fs::FileSystemHandler) -> Self {
        self.options(|o| o.fs(isolate_fs::FsOptions::new().handler(handler)))
    }

    /// Sets who answers the guest's imports.
    #[must_use]
    pub fn modules(self, loader: impl ModuleLoader + Send + 'static) -> Self {
        self.options(|o| o.modules(loader))
    }

    /// Sets who is told of errors that nothing took, on the runtime's thread.
    #[must_use]
    pub fn on_uncaught(self, hook: impl Fn(&Uncaught) + Send + 'static) -> Self {
        self.options(|o| o.on_uncaught(hook))
    }

    /// Adds a step that runs after all APIs are set up and before any guest code.
    #[must_use]
    pub fn setup(self, step: impl FnOnce(&Context) -> Result<(), Error> + Send + 'static) -> Self {
        self.options(|o| o.setup(step))
    }

    /// Makes the runtime.
    ///
    /// # Errors
    /// As [`create_runtime`].
    pub async fn build(self) -> Result<Runtime, Error> {
        create_runtime(self.into_options()).await
    }

    /// The options that it stands for, for a [`Host`](crate::Host).
    pub fn into_options(self) -> RuntimeOptions {
        self.options
    }
}
