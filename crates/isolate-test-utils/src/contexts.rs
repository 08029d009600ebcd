//! Contexts with one API each.

use isolate_core::{Context, Engine};

/// Options of Web Crypto whose randomness follows from a number: keys, UUIDs and random values are the same in each run.
///
/// For `Math.random` too there is [`ContextOptions::seed`](isolate_core::ContextOptions::seed).
#[cfg(feature = "crypto")]
pub fn seeded_crypto(seed: u64) -> isolate_crypto::CryptoOptions {
    isolate_crypto::CryptoOptions::new().random(isolate_crypto::RandomSource::seeded_from_u64(seed))
}

/// A context with the core and the console, whose output is recorded.
#[cfg(feature = "console")]
#[derive(Debug)]
pub struct ConsoleTestContext {
    /// The context.
    pub context: Context,
    /// The handle of the console.
    pub console: isolate_console::ConsoleHandle,
    /// What the guest printed.
    pub logs: crate::LogRecorder,
}

/// Makes one, with the virtual clock and the default limits.
///
/// # Panics
/// If it cannot be made.
#[cfg(feature = "console")]
pub fn create_console_test_context(engine: &dyn Engine) -> ConsoleTestContext {
    let context = crate::create_test_context(engine);
    let logs = crate::LogRecorder::new();
    let console = isolate_console::setup_console(&context, logs.options()).unwrap();
    ConsoleTestContext { context, console, logs }
}

/// A context with the core and Web Crypto.
#[cfg(feature = "crypto")]
#[derive(Debug)]
pub struct CryptoTestContext {
    /// The context.
    pub context: Context,
    /// The handle of Web Crypto.
    pub crypto: isolate_crypto::CryptoHandle,
}

/// Makes one whose randomness follows from [a seed](seeded_crypto), with the virtual clock and the default limits.
///
/// ```
/// use isolate_test_utils::{create_crypto_test_context, engine_test, eval_code};
///
/// engine_test!(fn ids_can_be_foretold(engine) {
///     let id = |seed| eval_code::<String>(&create_crypto_test_context(engine, seed).context, "crypto.randomUUID()");
///     assert_eq!(id(1), id(1));
///     assert_ne!(id(1), id(2));
/// });
/// # fn main() { ids_can_be_foretold(); }
/// ```
///
/// # Panics
/// If it cannot be made.
#[cfg(feature = "crypto")]
pub fn create_crypto_test_context(engine: &dyn Engine, seed: u64) -> CryptoTestContext {
    let context = crate::create_test_context(engine);
    let crypto = isolate_crypto::setup_crypto(&context, seeded_crypto(seed)).unwrap();
    CryptoTestContext { context, crypto }
}

/// A context with the core, and with `atob` and `btoa`.
#[cfg(feature = "encoding")]
#[derive(Debug)]
pub struct EncodingTestContext {
    /// The context.
    pub context: Context,
    /// The handle of `isolate-encoding`.
    pub encoding: isolate_encoding::EncodingHandle,
}

/// Makes one, with the virtual clock and the default limits.
///
/// # Panics
/// If it cannot be made.
#[cfg(feature = "encoding")]
pub fn create_encoding_test_context(engine: &dyn Engine) -> EncodingTestContext {
    let context = crate::create_test_context(engine);
    let encoding = isolate_encoding::setup_encoding(&context, isolate_encoding::EncodingOptions::new()).unwrap();
    EncodingTestContext { context, encoding }
}

/// A context with the core and Node's `path`.
#[cfg(feature = "path")]
#[derive(Debug)]
pub struct PathTestContext {
    /// The context.
    pub context: Context,
    /// The handle of `isolate-path`.
    pub path: isolate_path::PathHandle,
}

/// Makes one whose working directory is `/`, with the virtual clock and the default limits.
///
/// # Panics
/// If it cannot be made.
#[cfg(feature = "path")]
pub fn create_path_test_context(engine: &dyn Engine) -> PathTestContext {
    let context = crate::create_test_context(engine);
    let options = isolate_path::PathOptions::new().working_directory("/");
    let path = isolate_path::setup_path(&context, options).unwrap();
    PathTestContext { context, path }
}

/// A context with the core and timers, whose uncaught errors are recorded.
#[cfg(feature = "timers")]
#[derive(Debug)]
pub struct TimersTestContext {
    /// The context.
    pub context: Context,
    /// The handle of the timers.
    pub timers: isolate_timers::TimersHandle,
    /// What callbacks threw.
    pub uncaught: crate::UncaughtRecorder,
}

/// Makes one, with the virtual clock and the default limits.
///
/// # Panics
/// If it cannot be made.
#[cfg(feature = "timers")]
pub fn create_timers_test_context(engine: &dyn Engine) -> TimersTestContext {
    create_timers_test_context_with(engine, isolate_core::ContextOptions::new())
}

/// Makes one with another clock, or other limits.
///
/// # Panics
/// If it cannot be made.
#[cfg(feature = "timers")]
pub fn create_timers_test_context_with(
    engine: &dyn Engine,
    options: isolate_core::ContextOptions,
) -> TimersTestContext {
    let context = crate::create_test_context_with(engine, options);
    let uncaught = crate::UncaughtRecorder::new();
    context.on_uncaught(uncaught.hook());
    let timers = isolate_timers::setup_timers(&context, isolate_timers::TimersOptions::default()).unwrap();
    TimersTestContext { context, timers, uncaught }
}

#[cfg(feature = "timers")]
impl TimersTestContext {
    /// Moves the virtual clock by so many milliseconds, and fires what becomes due on the way.
    ///
    /// # Panics
    /// If the guest is stopped.
    pub fn tick(&self, ms: u64) {
        self.timers.tick(std::time::Duration::from_millis(ms)).unwrap();
    }
}

/// A context with the core, timers, and `describe`, `test` and `expect`.
#[cfg(feature = "test-environment")]
#[derive(Debug)]
pub struct TestEnvironmentTestContext {
    /// The context.
    pub context: Context,
    /// The handle of the timers, which fake timers take the place of.
    pub timers: isolate_timers::TimersHandle,
    /// The handle of the test environment; its `run` runs what the guest has defined.
    pub tests: isolate_test_environment::TestEnvironmentHandle,
}

/// Makes one, with the clock that jumps to the next timer, so that tests may wait, and the default limits.
///
/// ```
/// use isolate_test_environment::RunOptions;
/// use isolate_test_utils::{create_test_environment_context, engine_test};
///
/// engine_test!(async fn a_guests_tests_are_run(engine) {
///     let ctx = create_test_environment_context(engine);
///     ctx.context.evaluate("test('adds', () => expect(1 + 1).toBe(3))", "sum.test.js").unwrap();
///     let results = ctx.tests.run(&RunOptions::new()).await.unwrap();
///     assert_eq!(results.tests[0].failures[0].message, "expected 2 to be 3");
/// });
/// # fn main() { a_guests_tests_are_run(); }
/// ```
///
/// # Panics
/// If it cannot be made.
#[cfg(feature = "test-environment")]
pub fn create_test_environment_context(engine: &dyn Engine) -> TestEnvironmentTestContext {
    let context = crate::create_clock_context(engine, isolate_core::Clock::VirtualAutoAdvance);
    let timers = isolate_timers::setup_timers(&context, isolate_timers::TimersOptions::default()).unwrap();
    let options = isolate_test_environment::TestEnvironmentOptions::new();
    let tests = isolate_test_environment::setup_test_environment(&context, options).unwrap();
    TestEnvironmentTestContext { context, timers, tests }
}
