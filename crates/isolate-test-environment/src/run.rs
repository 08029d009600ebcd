//! Runs tests: one function of the guest after another.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt};
use isolate_core::{Error, Function, Value, from_value};
use serde::Deserialize;

use crate::plan::{Hook, Plan, Step, Suite, Test};
use crate::results::{GuestError, Status, TestEvent, TestFailure, TestResult, TestResults};
use crate::snapshots::{GuestSnapshot, InlineSnapshot};

type OnEvent = Arc<dyn Fn(&TestEvent) + Send + Sync>;
type Filter = Arc<dyn Fn(&[String], &str) -> bool + Send + Sync>;

/// How tests are run.
///
/// | option | default |
/// | --- | --- |
/// | filter | every test |
/// | time-out of a test, and of a hook | 5 s |
/// | tests at once, of those that are `concurrent` | 5 |
/// | failures until the rest is skipped | no end |
/// | inline snapshots that are missing or differ | fail their test |
#[derive(Clone)]
#[non_exhaustive]
pub struct RunOptions {
    filter: Option<Filter>,
    timeout: Duration,
    concurrency: usize,
    bail: Option<usize>,
    update_snapshots: bool,
    on_event: Option<OnEvent>,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            filter: None,
            timeout: Duration::from_secs(5),
            concurrency: 5,
            bail: None,
            update_snapshots: false,
            on_event: None,
        }
    }
}

impl fmt::Debug for RunOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunOptions")
            .field("timeout", &self.timeout)
            .field("concurrency", &self.concurrency)
            .field("bail", &self.bail)
            .field("update_snapshots", &self.update_snapshots)
            .finish_non_exhaustive()
    }
}

impl RunOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets which tests run: by the names of their suites, and their own. The others are skipped.
    #[must_use]
    pub fn filter(mut self, filter: impl Fn(&[String], &str) -> bool + Send + Sync + 'static) -> Self {
        self.filter = Some(Arc::new(filter));
        self
    }

    /// Sets how long a test may take, and a hook, unless they say so themselves. By the host's clock: one that waits too long
    /// fails, and the others go on. One that never gives way is for the limits of its context.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets how many concurrent tests run at once, at least 1.
    #[must_use]
    pub fn concurrency(mut self, tests: usize) -> Self {
        self.concurrency = tests.max(1);
        self
    }

    /// Sets after how many failures the rest is skipped.
    #[must_use]
    pub fn bail(mut self, failures: usize) -> Self {
        self.bail = Some(failures.max(1));
        self
    }

    /// Sets whether inline snapshots that are missing or differ pass, and are told in [`TestResults::snapshots`], to be written
    /// into the source by [`write_inline_snapshots`](crate::write_inline_snapshots).
    #[must_use]
    pub fn update_snapshots(mut self, update: bool) -> Self {
        self.update_snapshots = update;
        self
    }

    /// Sets who is told what happens.
    #[must_use]
    pub fn on_event(mut self, hook: impl Fn(&TestEvent) + Send + Sync + 'static) -> Self {
        self.on_event = Some(Arc::new(hook));
        self
    }

    fn tell(&self, event: impl FnOnce() -> TestEvent) {
        if let Some(hook) = &self.on_event {
            hook(&event());
        }
    }
}

/// Runs the tests of a guest by a function that calls guest functions and awaits their promises. From
/// [`TestEnvironmentHandle::runner`](crate::TestEnvironmentHandle::runner), and from any thread.
#[derive(Clone, Debug)]
pub struct TestRunner {
    pub(crate) collect: Function,
    pub(crate) run: Function,
    pub(crate) finish: Function,
    pub(crate) snapshots: Function,
}

/// What running one function gave.
#[derive(Deserialize)]
struct Ran {
    errors: Vec<GuestError>,
    skipped: bool,
    #[serde(default)]
    note: Option<String>,
    #[serde(default)]
    cleanup: Option<u32>,
}

/// A run that is under way.
struct Run<'a, C> {
    plan: &'a Plan,
    options: &'a RunOptions,
    runner: &'a TestRunner,
    call: C,
    shared: Mutex<Shared>,
    /// Whether one test runs at a time now.
    alone: AtomicBool,
}

#[derive(Default)]
struct Shared {
    results: Vec<Option<TestResult>>,
    errors: Vec<(Vec<String>, TestFailure)>,
    stopped: Option<String>,
    failed: usize,
    /// Of suites that were entered: what is to be called when they are left.
    cleanups: Vec<(usize, u32)>,
}

impl TestRunner {
    /// Runs everything, once. `call` is told, too, whether this is the only call under way: then a promise that nothing is left to
    /// settle is a failure at once.
    ///
    /// # Errors
    /// If what there is to run cannot be found out.
    pub async fn run<C, F>(&self, options: &RunOptions, call: C) -> Result<TestResults, Error>
    where
        C: Fn(Function, Vec<Value>, bool) -> F,
        F: Future<Output = Result<Value, Error>>,
    {
        let start = Instant::now();
        let collected = call(self.collect.clone(), vec![options.update_snapshots.into()], true).await?;
        let plan = Plan::new(collected, |suites, name| options.filter.as_ref().is_none_or(|f| f(suites, name)))?;
        options.tell(|| TestEvent::Collected(plan.tests.len()));
        let results = (0..plan.tests.len()).map(|_| None).collect();
        let shared = Mutex::new(Shared { results, ..Shared::default() });
        let run = Run { plan: &plan, options, runner: self, call, shared, alone: AtomicBool::new(true) };
        for step in &plan.steps {
            match step {
                Step::Enter(suite) => run.enter(*suite).await,
                Step::Tests(tests) => run.tests(tests).await,
                Step::Leave(suite) => run.leave(*suite).await,
            }
        }
        let Run { call, shared, .. } = run;
        let shared = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
        let tests = shared.results.into_iter().flatten().collect();
        let mut results =
            TestResults { tests, errors: shared.errors, stopped: shared.stopped, ..TestResults::default() };
        if options.update_snapshots && results.stopped.is_none() {
            // What the tests came to is kept, whatever becomes of this.
            match call(self.snapshots.clone(), vec![], true).await.and_then(from_value::<Vec<GuestSnapshot>>) {
                Ok(noted) => results.snapshots = noted.into_iter().map(InlineSnapshot::from).collect(),
                Err(e) => results.errors.push((Vec::new(), TestFailure::of(&e))),
            }
        }
        results.duration = start.elapsed();
        Ok(results)
    }
}

impl<C, F> Run<'_, C>
where
    C: Fn(Function, Vec<Value>, bool) -> F,
    F: Future<Output = Result<Value, Error>>,
{
    fn shared(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn suite(&self, index: usize) -> &Suite {
        &self.plan.suites[index]
    }

    /// Calls a guest function within a time; the error of one that was stopped is noted for the whole run.
    async fn within(
        &self,
        function: &Function,
        args: Vec<Value>,
        time: Duration,
        what: &str,
    ) -> Result<Value, TestFailure> {
        let called = tokio::time::timeout(time, (self.call)(function.clone(), args, self.alone.load(Relaxed))).await;
        match called {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(e)) => {
                if e.exception().is_none() && e.kind() != isolate_core::ErrorKind::NeverSettles {
                    self.shared().stopped.get_or_insert_with(|| e.to_string());
                }
                Err(TestFailure::of(&e))
            }
            Err(_) => Err(TestFailure::new(format!("{what} has not ended within {time:?}"))),
        }
    }

    /// Runs a hook or the body of a test.
    async fn body(&self, id: u32, timeout: Option<f64>, test: Option<u32>, what: &str) -> Result<Ran, TestFailure> {
        // What is no time, such as Infinity, means that there is no end.
        let time = match timeout {
            None => self.options.timeout,
            Some(ms) => Duration::try_from_secs_f64(ms / 1000.0).ok().filter(|t| !t.is_zero()).unwrap_or(FOREVER),
        };
        let args = vec![id.into(), test.map_or(Value::Undefined, Value::from)];
        let value = self.within(&self.runner.run, args, time, what).await?;
        from_value(value).map_err(|e| TestFailure::of(&e))
    }

    fn is_over(&self) -> bool {
        let shared = self.shared();
        shared.stopped.is_some() || self.options.bail.is_some_and(|most| shared.failed >= most)
    }

    /// Whether something outside of it keeps a suite from running: its own error, or that of one it is in.
    fn is_broken(&self, suite: usize) -> bool {
        let shared = self.shared();
        self.plan.chain(suite).into_iter().any(|s| shared.errors.iter().any(|(names, _)| *names == self.suite(s).names))
    }

    async fn enter(&self, index: usize) {
        let suite = self.suite(index);
        if !suite.names.is_empty() {
            self.options.tell(|| TestEvent::SuiteStart(suite.names.clone()));
        }
        if let Some(error) = &suite.error {
            self.shared().errors.push((suite.names.clone(), error.clone().into()));
            return;
        }
        if !suite.runs || self.is_over() || self.is_broken(index) {
            return;
        }
        for hook in &suite.hooks.before_all {
            if !self.suite_hook(index, hook, "beforeAll").await {
                return;
            }
        }
    }

    async fn leave(&self, index: usize) {
        let suite = self.suite(index);
        if suite.runs && suite.error.is_none() && self.shared().stopped.is_none() {
            let mut hooks: Vec<Hook> = suite.hooks.after_all.clone();
            hooks.reverse();
            let mut cleanups = Vec::new();
            self.shared().cleanups.retain(|(of, id)| {
                if *of == index {
                    cleanups.push(Hook { id: *id, timeout: None });
                }
                *of != index
            });
            hooks.extend(cleanups.into_iter().rev());
            for hook in &hooks {
                self.suite_hook(index, hook, "afterAll").await;
            }
        }
        if !suite.names.is_empty() {
            self.options.tell(|| TestEvent::SuiteEnd(suite.names.clone()));
        }
    }

    /// Returns whether it went well.
    async fn suite_hook(&self, index: usize, hook: &Hook, what: &str) -> bool {
        let failures = match self.body(hook.id, hook.timeout, None, what).await {
            Ok(ran) => {
                if let Some(cleanup) = ran.cleanup {
                    self.shared().cleanups.push((index, cleanup));
                }
                ran.errors.into_iter().map(TestFailure::from).collect()
            }
            Err(failure) => vec![failure],
        };
        let names = &self.suite(index).names;
        let went_well = failures.is_empty();
        self.shared().errors.extend(failures.into_iter().map(|failure| (names.clone(), failure)));
        went_well
    }

    async fn tests(&self, tests: &[usize]) {
        let at_once = if tests.len() > 1 { self.options.concurrency } else { 1 };
        self.alone.store(at_once == 1, Relaxed);
        stream::iter(tests).for_each_concurrent(at_once, |&index| self.test(index)).await;
        self.alone.store(true, Relaxed);
    }

    async fn test(&self, index: usize) {
        let test = &self.plan.tests[index];
        let suites = &self.suite(test.suite).names;
        let mut result = TestResult {
            suites: suites.clone(),
            name: test.name.clone(),
            status: if test.flags.todo { Status::Todo } else { Status::Skipped },
            duration: Duration::ZERO,
            retries: 0,
            failures: Vec::new(),
            note: None,
        };
        if test.runs && !self.is_over() && !self.is_broken(test.suite) {
            self.options.tell(|| TestEvent::TestStart(suites.iter().chain([&test.name]).cloned().collect()));
            let start = Instant::now();
            self.try_test(test, &mut result).await;
            result.duration = start.elapsed();
            if result.status == Status::Failed {
                self.shared().failed += 1;
            }
        }
        self.options.tell(|| TestEvent::TestEnd(result.clone()));
        self.shared().results[index] = Some(result);
    }

    async fn try_test(&self, test: &Test, result: &mut TestResult) {
        let mut repeats = 0;
        loop {
            let outcome = self.attempt(test).await;
            if let Outcome::Skipped(note) = outcome {
                result.status = Status::Skipped;
                result.note = note;
                return;
            }
            let Outcome::Ended(mut failures) = outcome else { return };
            if test.flags.fails {
                failures = match failures.is_empty() {
                    true => vec![TestFailure::new("it was expected to fail, and it passed")],
                    false => Vec::new(),
                };
            }
            result.status = if failures.is_empty() { Status::Passed } else { Status::Failed };
            result.failures = failures;
            let stopped = self.shared().stopped.is_some();
            if result.status == Status::Failed {
                if stopped || result.retries >= test.flags.retry {
                    return;
                }
                result.retries += 1;
            } else {
                if repeats >= test.flags.repeats || stopped {
                    return;
                }
                repeats += 1;
            }
        }
    }

    async fn attempt(&self, test: &Test) -> Outcome {
        let chain = self.plan.chain(test.suite);
        let mut failures: Vec<TestFailure> = Vec::new();
        let mut cleanups = Vec::new();
        let mut skipped = None;
        // From the outermost suite inwards, until one fails.
        'before: for &suite in &chain {
            for hook in &self.suite(suite).hooks.before_each {
                match self.body(hook.id, hook.timeout, Some(test.id), "beforeEach").await {
                    Ok(ran) => {
                        cleanups.extend(ran.cleanup);
                        if ran.skipped {
                            skipped = Some(ran.note);
                            break 'before;
                        }
                        failures.extend(ran.errors.into_iter().map(TestFailure::from));
                    }
                    Err(failure) => failures.push(failure),
                }
                if !failures.is_empty() {
                    break 'before;
                }
            }
        }
        if failures.is_empty() && skipped.is_none() {
            match self.body(test.id, test.flags.timeout, None, "the test").await {
                Ok(ran) if ran.skipped => skipped = Some(ran.note),
                Ok(ran) => failures.extend(ran.errors.into_iter().map(TestFailure::from)),
                Err(failure) => failures.push(failure),
            }
        }
        // And back outwards, all of them.
        for &suite in chain.iter().rev() {
            for hook in self.suite(suite).hooks.after_each.iter().rev() {
                if self.shared().stopped.is_some() {
                    return Outcome::Ended(failures);
                }
                match self.body(hook.id, hook.timeout, Some(test.id), "afterEach").await {
                    Ok(ran) => failures.extend(ran.errors.into_iter().map(TestFailure::from)),
                    Err(failure) => failures.push(failure),
                }
            }
        }
        for id in cleanups.into_iter().rev() {
            match self.body(id, None, None, "what a hook gave to clean up").await {
                Ok(ran) => failures.extend(ran.errors.into_iter().map(TestFailure::from)),
                Err(failure) => failures.push(failure),
            }
        }
        if self.shared().stopped.is_none() {
            let args = vec![test.id.into(), (!failures.is_empty()).into()];
            let late = self.within(&self.runner.finish, args, self.options.timeout, "what was to run at its end").await;
            match late.map(from_value::<Vec<GuestError>>) {
                // Of a test that skipped itself the count of assertions says nothing.
                Ok(Ok(_)) if skipped.is_some() => {}
                Ok(Ok(errors)) => failures.extend(errors.into_iter().map(TestFailure::from)),
                Ok(Err(error)) => failures.push(TestFailure::of(&error)),
                Err(failure) => failures.push(failure),
            }
        }
        match skipped {
            Some(note) if failures.is_empty() => Outcome::Skipped(note),
            _ => Outcome::Ended(failures),
        }
    }
}

/// For a test that asks for no time-out; its context's limits hold.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// How an attempt ended.
enum Outcome {
    Skipped(Option<String>),
    Ended(Vec<TestFailure>),
}
