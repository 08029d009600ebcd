//! `describe`, `test` and `expect` for guests, as Vitest and Jest have them, and a runner for their host.
//!
//! The guest says what there is to run; the host runs it, one function at a time, so that a test which does not end is
//! given up by the host's clock, and one that passes a limit ends the guest and not the host.
//!
//! The names are globals, and what `import { test } from 'isolate:test'` gives; the same goes for the specifiers
//! `vitest` and `@jest/globals`, so that tests that were written for those run as they are.

#![forbid(unsafe_code)]

mod plan;
mod results;
mod run;
mod snapshots;

use std::cell::{OnceCell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use isolate_core::{Context, Error, ErrorKind, EvalOptions, Function, Glue, Turn, Value};

pub use results::{Status, TestEvent, TestFailure, TestResult, TestResults};
pub use run::{RunOptions, TestRunner};
pub use snapshots::{InlineSnapshot, WrittenSnapshots, write_inline_snapshots};

static VALUES: Glue = Glue::new("isolate:test/values", include_str!("values.js"));
static EXPECT: Glue = Glue::new("isolate:test/expect", include_str!("expect.js"));
static SPIES: Glue = Glue::new("isolate:test/spies", include_str!("spies.js"));
static FAKE_TIMERS: Glue = Glue::new("isolate:test/fake_timers", include_str!("fake_timers.js"));
static RUNNER: Glue = Glue::new("isolate:test/runner", include_str!("runner.js"));

/// How the test environment is set up. There is nothing to choose yet: how tests are run, [`RunOptions`] say.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct TestEnvironmentOptions {}

impl TestEnvironmentOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }
}

#[derive(Default)]
struct State {
    glue: OnceCell<(TestRunner, Function)>,
}

/// What [`setup_test_environment`] gives back. Dropping it changes nothing; the environment goes with its context.
#[derive(Clone)]
pub struct TestEnvironmentHandle {
    context: Context,
    runner: TestRunner,
}

impl std::fmt::Debug for TestEnvironmentHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestEnvironmentHandle").finish_non_exhaustive()
    }
}

/// Sets up the test environment: its globals, and the modules `isolate:test`, `vitest` and `@jest/globals`. To be called
/// before guest code runs, and after the timers are set up, which fake timers take the place of. A second time it changes
/// nothing and gives the same handle.
///
/// # Errors
/// If the context is stopped.
pub fn setup_test_environment(
    context: &Context,
    _options: TestEnvironmentOptions,
) -> Result<TestEnvironmentHandle, Error> {
    let state: Rc<State> = context.state();
    if state.glue.get().is_none() {
        let _ = state.glue.set(install(context)?);
        let weak = Rc::downgrade(&state);
        context.define_module(&["isolate:test", "vitest", "@jest/globals"], move |_| {
            let state = weak.upgrade();
            let exports = state.as_ref().and_then(|s| s.glue.get()).map(|(_, exports)| exports.clone());
            exports.ok_or_else(|| Error::new(ErrorKind::Engine, "the context is gone"))
        });
    }
    match state.glue.get() {
        Some((runner, _)) => Ok(TestEnvironmentHandle { context: context.clone(), runner: runner.clone() }),
        None => Err(not_whole()),
    }
}

fn not_whole() -> Error {
    Error::new(ErrorKind::Engine, "the glue of the test environment is not whole")
}

fn install(context: &Context) -> Result<(TestRunner, Function), Error> {
    context.install(&VALUES, vec![])?;
    let diff = context.function("__test_diff", |expected: String, actual: String| results::diff(&expected, &actual));
    context.install(&EXPECT, vec![diff])?;
    context.install(&SPIES, vec![])?;
    // What is ready by now gets its turn first.
    let turn = context.async_function("__test_turn", tokio::task::yield_now);
    context.install(&FAKE_TIMERS, vec![turn])?;
    let sleep =
        context.async_function("__test_sleep", |ms: f64| tokio::time::sleep(Duration::from_millis(ms.max(0.0) as u64)));
    let made = context.install(&RUNNER, vec![sleep])?;
    let function = |name| match made.get(name) {
        Some(Value::Function(f)) => Ok(f.clone()),
        _ => Err(not_whole()),
    };
    Ok((
        TestRunner {
            collect: function("collect")?,
            run: function("run")?,
            finish: function("finish")?,
            snapshots: function("snapshots")?,
        },
        function("exports")?,
    ))
}

impl TestEnvironmentHandle {
    /// What runs the tests from another thread, by a function that calls guest functions.
    pub fn runner(&self) -> TestRunner {
        self.runner.clone()
    }

    /// Runs what the guest has said so far, on this thread, with the event loop. To be called once, after the files that
    /// define the tests were evaluated; wants a Tokio runtime with time around it.
    ///
    /// # Errors
    /// If what there is to run cannot be found out. What goes wrong in a test is in the results.
    pub async fn run(&self, options: &RunOptions) -> Result<TestResults, Error> {
        let context = &self.context;
        let others: RefCell<Vec<Waker>> = RefCell::default();
        let wake_others = || others.borrow_mut().drain(..).for_each(Waker::wake);
        let call = async |function: Function, args: Vec<Value>, _alone| {
            let mut evaluation = context.start_call(&function, args, &EvalOptions::new())?;
            let mut has_run = true;
            poll_fn(|cx| {
                loop {
                    let result = evaluation.poll(cx);
                    if result.is_pending() && context.poll_turn(cx) == Poll::Ready(Turn::Progress) {
                        has_run = true;
                        continue;
                    }
                    // Concurrent tests may wait for one another.
                    if std::mem::take(&mut has_run) {
                        wake_others();
                    }
                    if result.is_pending() {
                        others.borrow_mut().push(cx.waker().clone());
                    }
                    return result;
                }
            })
            .await
        };
        self.runner.run(options, call).await
    }
}
