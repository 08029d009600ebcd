//! A runtime with everything recorded and nothing real.

use std::time::{Duration, SystemTime};

use isolate_core::{Engine, Error, Function, Value};
use isolate_fetch::FetchOptions;
use isolate_fs::FsOptions;
use isolate_runtime::{RunOptions, Runtime, RuntimeOptions, TestResults, create_runtime, engine_by_name};
use serde::de::DeserializeOwned;

use crate::{FetchCall, FetchRecorder, Log, LogRecorder, MockFileSystem, MockResponse, UncaughtRecorder};

/// The beginning of the year 2000, from 1970.
const START: Duration = Duration::from_secs(946_684_800);

/// A runtime with all APIs, whose logs, fetches, files and uncaught errors are the test's. Time is virtual: it moves by
/// [`tick`](Self::tick).
#[derive(Clone)]
pub struct RuntimeTestContext {
    /// The runtime.
    pub runtime: Runtime,
    /// What the guest printed.
    pub logs: LogRecorder,
    /// What the guest fetched, and what it is answered.
    pub fetch: FetchRecorder,
    /// The guest's files.
    pub mock_fs: MockFileSystem,
    /// Errors that nothing took.
    pub uncaught: UncaughtRecorder,
}

impl std::fmt::Debug for RuntimeTestContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RuntimeTestContext").field("runtime", &self.runtime).finish_non_exhaustive()
    }
}

/// Makes one.
///
/// ```
/// use std::time::Duration;
/// use isolate_test_utils::{MockResponse, create_runtime_test_context, engine_test};
///
/// engine_test!(async fn a_guest_looks_up_the_weather(engine) {
///     let ctx = create_runtime_test_context(engine).await;
///     ctx.fetch.respond_to("https://weather.example/*", MockResponse::new(r#"{"sky":"blue"}"#));
///     ctx.mock_fs.put("/city.txt", "Zürich");
///
///     ctx.run("setTimeout(async () => {
///         const root = await navigator.storage.getDirectory();
///         const city = await (await (await root.getFileHandle('city.txt')).getFile()).text();
///         const { sky } = await (await fetch('https://weather.example/' + city)).json();
///         console.log('the sky over', city, 'is', sky);
///     }, 1000)").await;
///
///     assert!(ctx.logs.texts().is_empty());
///     ctx.tick(1000).await;
///     assert_eq!(ctx.logs.texts(), ["the sky over Zürich is blue"]);
///     assert_eq!(ctx.fetch.calls()[0].url, "https://weather.example/Z%C3%BCrich");
/// });
/// # fn main() { a_guest_looks_up_the_weather(); }
/// ```
///
/// # Panics
/// If it cannot be made.
pub async fn create_runtime_test_context(engine: &dyn Engine) -> RuntimeTestContext {
    create_runtime_test_context_with(engine, |options| options).await
}

/// Makes one with other options: limits, a clock, host functions, a test environment, another [seed](RuntimeOptions::seed) or
/// [time](RuntimeOptions::start_time). The console, `fetch`, the files and the hook for uncaught errors are the context's
/// unless they are replaced here. All randomness follows from the seed 0, and the guest's time begins with the year 2000.
///
/// ```
/// use isolate_runtime::{Clock, Limits};
/// use isolate_test_utils::{create_runtime_test_context_with, engine_test};
///
/// engine_test!(async fn a_day_passes_at_once(engine) {
///     let ctx = create_runtime_test_context_with(engine, |options| {
///         options.clock(Clock::VirtualAutoAdvance).seed(7).limits(Limits::new().memory(16 << 20))
///     }).await;
///     let day = "await new Promise((done) => setTimeout(done, 86400000)); new Date().toISOString()";
///     assert_eq!(ctx.eval::<String>(day).await, "2000-01-02T00:00:00.000Z");
/// });
/// # fn main() { a_day_passes_at_once(); }
/// ```
///
/// # Panics
/// If it cannot be made.
pub async fn create_runtime_test_context_with(
    engine: &dyn Engine,
    change: impl FnOnce(RuntimeOptions) -> RuntimeOptions,
) -> RuntimeTestContext {
    let (logs, fetch, mock_fs, uncaught) =
        (LogRecorder::new(), FetchRecorder::new(), MockFileSystem::new(), UncaughtRecorder::new());
    let options = RuntimeOptions::new()
        .engine_arc(engine_by_name(engine.name()).unwrap())
        .console(logs.options())
        .seed(0)
        .start_time(SystemTime::UNIX_EPOCH + START)
        .fetch(FetchOptions::new().handler(fetch.clone()))
        .fs(FsOptions::new().handler(mock_fs.clone()))
        .on_uncaught(uncaught.hook());
    let runtime = create_runtime(change(options)).await.unwrap();
    RuntimeTestContext { runtime, logs, fetch, mock_fs, uncaught }
}

impl RuntimeTestContext {
    /// Evaluates a script, awaits its value, and converts it.
    ///
    /// # Panics
    /// If the script throws or is stopped, or the value has not the shape of `T`.
    pub async fn eval<T: DeserializeOwned>(&self, code: &str) -> T {
        match self.runtime.eval_as(code, "test.js").await {
            Ok(value) => value,
            Err(e) => panic!("{code}: {e:?}"),
        }
    }

    /// Evaluates a script whose value is a string of JSON, awaits it, and parses it.
    ///
    /// # Panics
    /// As [`eval`](Self::eval), or if the string is not JSON of the shape of `T`.
    pub async fn eval_json<T: DeserializeOwned>(&self, code: &str) -> T {
        let json: String = self.eval(code).await;
        serde_json::from_str(&json).unwrap_or_else(|e| panic!("{code}: {e}: {json}"))
    }

    /// Evaluates a file of tests, and runs what it defines, once for each context; for one with a
    /// [test environment](RuntimeOptions::test_environment).
    ///
    /// # Panics
    /// If the file throws or is stopped, or what there is to run cannot be found out. What goes wrong in a test is in the
    /// results.
    pub async fn run_tests(&self, code: &str) -> TestResults {
        self.run(code).await;
        self.runtime.run_tests(&RunOptions::new()).await.unwrap()
    }

    /// Runs a script for what it does.
    ///
    /// # Panics
    /// If it throws or is stopped.
    pub async fn run(&self, code: &str) {
        let options = isolate_core::EvalOptions::new().filename("test.js").discard().top_level_await(false);
        if let Err(e) = self.runtime.eval(code, options).await {
            panic!("{code}: {e:?}");
        }
    }

    /// Evaluates a script that is to fail, and gives its error.
    ///
    /// # Panics
    /// If it does not fail.
    pub async fn eval_error(&self, code: &str) -> Error {
        match self.runtime.eval(code, "test.js").await {
            Ok(value) => panic!("{code} gave {value:?}"),
            Err(e) => e,
        }
    }

    /// Calls a guest function.
    ///
    /// # Panics
    /// If it throws, or the guest is stopped.
    pub async fn call(&self, function: &Function, args: Vec<Value>) -> Value {
        self.runtime.call(function, args).await.unwrap_or_else(|e| panic!("{e:?}"))
    }

    /// Moves the virtual clock by so many milliseconds, and then runs what that set in motion to its end.
    ///
    /// # Panics
    /// If the guest is stopped.
    pub async fn tick(&self, ms: u64) {
        self.runtime.tick(Duration::from_millis(ms)).await.unwrap();
        self.runtime.run_until_idle().await.unwrap();
    }

    /// What the guest printed.
    pub fn logs(&self) -> Vec<Log> {
        self.logs.all()
    }

    /// What the guest fetched.
    pub fn fetch_calls(&self) -> Vec<FetchCall> {
        self.fetch.calls()
    }

    /// Sets what every fetch is answered that no other response is for.
    pub fn set_mock_response(&self, response: MockResponse) {
        self.fetch.set_mock_response(response);
    }

    /// Ends the guest, and waits until that is done.
    pub async fn dispose(&self) {
        self.runtime.dispose().await;
    }
}
