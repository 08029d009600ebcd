//! Tools for testing guest code and host APIs from Rust.
//!
//! A test of an API is written once and runs on every engine that is compiled in:
//!
//! ```
//! use isolate_test_utils::{create_test_context, engine_test, eval_code};
//!
//! engine_test!(fn adds(engine) {
//!     let ctx = create_test_context(engine);
//!     ctx.define_function("add", |a: f64, b: f64| a + b).unwrap();
//!     assert_eq!(eval_code::<f64>(&ctx, "add(1, 2)"), 3.0);
//! });
//! # fn main() { adds(); }
//! ```
//!
//! With the feature `runtime` there is a runtime in which nothing is real and everything is recorded,
//! `create_runtime_test_context`. The guide leads through all of it:
//!
#![cfg_attr(all(feature = "runtime", feature = "server"), doc = include_str!("../../../docs/testing.md"))]
#![cfg_attr(
    not(all(feature = "runtime", feature = "server")),
    doc = "`docs/testing.md`, shown here with the features `runtime` and `server`."
)]
#![forbid(unsafe_code)]

#[cfg(any(
    feature = "console",
    feature = "crypto",
    feature = "encoding",
    feature = "path",
    feature = "test-environment",
    feature = "timers"
))]
mod contexts;
#[cfg(feature = "fetch")]
mod fetch;
#[cfg(feature = "fs")]
mod fs;
mod record;
#[cfg(feature = "runtime")]
mod runtime;
#[cfg(feature = "server")]
mod server;

use isolate_core::{Clock, Context, ContextOptions, Engine, EvalOptions, Limits, from_value};
use serde::de::DeserializeOwned;

#[cfg(feature = "console")]
pub use contexts::{ConsoleTestContext, create_console_test_context};
#[cfg(feature = "crypto")]
pub use contexts::{CryptoTestContext, create_crypto_test_context, seeded_crypto};
#[cfg(feature = "encoding")]
pub use contexts::{EncodingTestContext, create_encoding_test_context};
#[cfg(feature = "path")]
pub use contexts::{PathTestContext, create_path_test_context};
#[cfg(feature = "test-environment")]
pub use contexts::{TestEnvironmentTestContext, create_test_environment_context};
#[cfg(feature = "timers")]
pub use contexts::{TimersTestContext, create_timers_test_context, create_timers_test_context_with};
#[cfg(feature = "fetch")]
pub use fetch::{FetchCall, FetchRecorder, FetchTestContext, MockResponse, create_fetch_test_context};
#[cfg(feature = "fs")]
pub use fs::{FsTestContext, MinimalFileSystem, MockFileSystem, check_file_system, create_fs_test_context};
pub use record::UncaughtRecorder;
#[cfg(feature = "console")]
pub use record::{Log, LogRecorder};
#[cfg(feature = "runtime")]
pub use runtime::{RuntimeTestContext, create_runtime_test_context, create_runtime_test_context_with};
#[cfg(feature = "server")]
pub use server::{IntegrationServer, MockServerResponse, RecordedRequest, start_integration_server};

#[doc(hidden)]
pub use isolate_core as core;

/// Every engine that is compiled in.
pub fn engines() -> Vec<Box<dyn Engine>> {
    vec![
        #[cfg(feature = "quickjs")]
        Box::new(isolate_engine_quickjs::QuickJs::new()),
        #[cfg(feature = "v8")]
        Box::new(isolate_engine_v8::V8::new()),
    ]
}

/// Defines a test that runs on every engine that is compiled in. `async fn` is awaited on a Tokio runtime.
///
/// The only way not to run on an engine is a named skip with its reason:
/// `engine_test!(fn name(engine) skip("v8", "why") { … });`
///
/// Where nothing is tested, as in examples of documentation, it is a function that runs the test when it is called.
#[macro_export]
macro_rules! engine_test {
    ($(#[$meta:meta])* fn $name:ident($engine:ident) $(skip($skip:literal, $why:literal))* $body:block) => {
        #[cfg_attr(test, test)]
        #[cfg_attr(not(test), allow(dead_code))]
        $(#[$meta])*
        fn $name() {
            let skips: &[(&str, &str)] = &[$(($skip, $why)),*];
            $crate::on_every_engine(skips, |$engine| $body);
        }
    };
    ($(#[$meta:meta])* async fn $name:ident($engine:ident) $(skip($skip:literal, $why:literal))* $body:block) => {
        #[cfg_attr(test, test)]
        #[cfg_attr(not(test), allow(dead_code))]
        $(#[$meta])*
        fn $name() {
            let skips: &[(&str, &str)] = &[$(($skip, $why)),*];
            $crate::on_every_engine(skips, |$engine| $crate::block_on(async move { $body }));
        }
    };
}

#[doc(hidden)]
pub fn on_every_engine(skips: &[(&str, &str)], test: impl Fn(&dyn Engine)) {
    let mut ran = 0;
    for engine in engines() {
        match skips.iter().find(|(name, _)| *name == engine.name()) {
            Some((name, why)) => println!("skipped on {name}: {why}"),
            None => {
                println!("on {}:", engine.name());
                test(&*engine);
                ran += 1;
            }
        }
    }
    assert!(ran > 0 || !skips.is_empty(), "no engine is compiled in");
}

/// Runs a future to its end on a Tokio runtime of this thread.
///
/// # Panics
/// If the runtime cannot be started.
pub fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// A context with the core set up, the virtual clock and the default limits.
///
/// # Panics
/// If it cannot be made.
pub fn create_test_context(engine: &dyn Engine) -> Context {
    create_test_context_with(engine, ContextOptions::new())
}

/// A context with these limits.
///
/// # Panics
/// If it cannot be made.
pub fn create_limited_context(engine: &dyn Engine, limits: Limits) -> Context {
    create_test_context_with(engine, ContextOptions::new().limits(limits))
}

/// A context with this clock.
///
/// # Panics
/// If it cannot be made.
pub fn create_clock_context(engine: &dyn Engine, clock: Clock) -> Context {
    create_test_context_with(engine, ContextOptions::new().clock(clock))
}

/// A context with the core set up.
///
/// # Panics
/// If it cannot be made.
pub fn create_test_context_with(engine: &dyn Engine, options: ContextOptions) -> Context {
    let context = Context::new(engine, options).unwrap();
    isolate_core::setup_core(&context).unwrap();
    context
}

/// Evaluates a script and converts its completion value.
///
/// # Panics
/// If the script throws or is stopped, or the value has not the shape of `T`.
#[track_caller]
pub fn eval_code<T: DeserializeOwned>(context: &Context, code: &str) -> T {
    match context.evaluate(code, "test.js").and_then(from_value) {
        Ok(value) => value,
        Err(e) => panic!("{code}: {e:?}"),
    }
}

/// Evaluates a script, awaits its completion value if it is a promise, and converts it.
///
/// # Panics
/// As [`eval_code`].
pub async fn eval_code_async<T: DeserializeOwned>(context: &Context, code: &str) -> T {
    match context.eval(code, EvalOptions::new().filename("test.js")).await.and_then(from_value) {
        Ok(value) => value,
        Err(e) => panic!("{code}: {e:?}"),
    }
}

/// Evaluates a script whose completion value is a string of JSON, and parses it.
///
/// # Panics
/// As [`eval_code`], or if the string is not JSON of the shape of `T`.
#[track_caller]
pub fn eval_code_json<T: DeserializeOwned>(context: &Context, code: &str) -> T {
    let json: String = eval_code(context, code);
    match serde_json::from_str(&json) {
        Ok(value) => value,
        Err(e) => panic!("{code}: {e}: {json}"),
    }
}
