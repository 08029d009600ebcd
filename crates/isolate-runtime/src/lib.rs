#![doc = include_str!("../../../README.md")]
#![forbid(unsafe_code)]

/// The code of the page on hosts is compiled as a test.
#[cfg(all(doctest, feature = "crypto", feature = "fetch", feature = "fs"))]
#[doc = include_str!("../../../docs/host.md")]
struct HostPage;

/// The code of the page on modules is run as a test.
#[cfg(all(doctest, feature = "modules"))]
#[doc = include_str!("../../../docs/modules.md")]
struct ModulesPage;

mod builder;
mod handles;
mod host;
mod inspect;
mod leave;
mod options;
mod owner;
mod pool;
#[cfg(feature = "fetch")]
mod serve;
#[cfg(feature = "server")]
mod server;
#[cfg(feature = "test-environment")]
mod tests;
mod turns;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, oneshot};

pub use builder::RuntimeBuilder;
#[cfg(feature = "crypto")]
pub use handles::RemoteCrypto;
#[cfg(feature = "fetch")]
pub use handles::RemoteFetch;
#[cfg(feature = "fs")]
pub use handles::RemoteFs;
pub use handles::{RemoteConsole, RemotePath, RemoteTimers};
pub use host::{Guest, Host, HostMetrics, HostOptions};
pub use inspect::{Inspector, InspectorSender};
pub use leave::abandoned_threads;
pub use options::{RuntimeOptions, engine_by_name, engines};
pub use owner::Handles;

pub use isolate_console as console;
pub use isolate_core as core;
#[cfg(feature = "crypto")]
pub use isolate_crypto as crypto;
pub use isolate_encoding as encoding;
#[cfg(feature = "fetch")]
pub use isolate_fetch as fetch;
#[cfg(feature = "fs")]
pub use isolate_fs as fs;
#[cfg(feature = "modules")]
pub use isolate_modules as modules;
pub use isolate_path as path;
#[cfg(feature = "test-environment")]
pub use isolate_test_environment as test_environment;
pub use isolate_timers as timers;

#[cfg(feature = "fetch")]
pub use crate::serve::{GuestService, status_of};
#[cfg(feature = "server")]
pub use crate::server::Server;
pub use isolate_console::{ConsoleEvent, ConsoleHandle, ConsoleOptions, LogLevel, setup_console};
pub use isolate_core::{
    AbortSignal, BigInt, Blob, BlobSource, Class, Clock, Context, ContextOptions, CoreHandle, DomExceptionName, Engine,
    Error, ErrorClass, ErrorKind, EvalOptions, Exception, File, FromArg, FromValue, Function, HostError, HostFn,
    Instance, Interrupter, IntoValue, Limits, Location, MemoryUsage, Meter, Metrics, ModuleLoader, ModuleSource,
    ModuleType, Object, Promise, ReadableStream, RegExp, Rest, Scope, Serde, Termination, Uncaught, UncaughtKind,
    Value, WritableStream, from_value, setup_core, to_value,
};
#[cfg(feature = "crypto")]
pub use isolate_crypto::{CryptoHandle, CryptoOptions, RandomSource, setup_crypto};
pub use isolate_encoding::{EncodingHandle, EncodingOptions, setup_encoding};
#[cfg(feature = "quickjs")]
pub use isolate_engine_quickjs::QuickJs;
#[cfg(feature = "v8")]
pub use isolate_engine_v8::V8;
#[cfg(feature = "fetch")]
pub use isolate_fetch::{
    Answer, Body, CloseFrame, FetchError, FetchErrorKind, FetchHandle, FetchHandler, FetchLimits, FetchOptions,
    Message, RedirectMode, RequestInfo, ResponseInfo, UpgradeRequest, WebSocketCommand, WebSocketConnection,
    WebSocketHandler, http, setup_fetch,
};
#[cfg(feature = "directory")]
pub use isolate_fs::DirectoryFileSystem;
#[cfg(feature = "object-store")]
pub use isolate_fs::ObjectStoreFileSystem;
#[cfg(feature = "fs")]
pub use isolate_fs::{
    DirectoryEntry, EntryKind, Estimate, FileData, FileMetadata, FileSystemHandler, FileWriter, FsError, FsErrorKind,
    FsHandle, FsLimits, FsOptions, MemoryFileSystem, MountedFileSystem, QuotaFileSystem, ReadOnlyFileSystem, SyncFile,
    SyncMode, Usage, setup_fs,
};
#[cfg(all(feature = "modules", feature = "directory"))]
pub use isolate_modules::DirectoryFiles;
#[cfg(feature = "modules")]
pub use isolate_modules::{FileModules, ModuleFiles, VirtualFiles};
#[cfg(feature = "typescript")]
pub use isolate_modules::{StripError, StripErrorKind, StripOptions, strip_types};
pub use isolate_path::{PathHandle, PathOptions, setup_path};
#[cfg(feature = "test-environment")]
pub use isolate_test_environment::{
    InlineSnapshot, RunOptions, Status, TestEnvironmentHandle, TestEnvironmentOptions, TestEvent, TestFailure,
    TestResult, TestResults, TestRunner, WrittenSnapshots, setup_test_environment, write_inline_snapshots,
};
pub use isolate_timers::{TimersHandle, TimersOptions, setup_timers};

use leave::Leave;
use owner::{Command, Reply, Wanted, disposed};

/// What a runtime's thread has for this library and host functions beyond the guest's stack. Every engine wants some of
/// it for itself: it makes no context without.
const HOST_STACK: usize = 512 << 10;
#[cfg(feature = "quickjs")]
const _: () = assert!(isolate_engine_quickjs::STACK_RESERVE < HOST_STACK - FRAMES);
#[cfg(feature = "v8")]
const _: () = assert!(isolate_engine_v8::STACK_RESERVE < HOST_STACK - FRAMES);
/// What stands on the stack already when a context is made.
const FRAMES: usize = 128 << 10;

/// Makes a runtime: a context with all APIs set up, on a thread of its own. (The thread of a runtime that ended may
/// serve a new one; nothing of the old one is left on it.)
///
/// # Errors
/// If the limits leave no room for it, no engine is compiled in, or a setup step fails.
pub async fn create_runtime(options: RuntimeOptions) -> Result<Runtime, Error> {
    create_seated(options, RuntimeId::new(), None).await
}

/// Which runtime it is, among all that this process has made. Stands in the spans of `tracing`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuntimeId(u64);

impl RuntimeId {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// Its number, from 1.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for RuntimeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Makes a runtime that runs whenever it has something to do, or when its seat has a turn.
async fn create_seated(
    options: RuntimeOptions,
    id: RuntimeId,
    seat: Option<Arc<turns::Seat>>,
) -> Result<Runtime, Error> {
    let (commands, receiver) = mpsc::unbounded_channel();
    let (ready, made) = oneshot::channel();
    #[cfg(feature = "fetch")]
    let serving = serve::Serving::new(&options);
    // The guest's stack, and as much again for host functions and for the engine's own native recursion.
    let stack = options.limits.stack.saturating_mul(2).saturating_add(HOST_STACK);
    let leave = Leave::new(options.stop_grace);
    let thread = leave.clone();
    let job = move || {
        thread.enter_thread();
        let reply = owner::run(id, seat, options, receiver, ready);
        pool::Ended { again: thread.leave_thread(), reply }
    };
    pool::spawn(stack, job)
        .map_err(|e| Error::new(ErrorKind::Engine, format!("the runtime's thread could not be started: {e}")))?;
    let owner::Made { interrupter, meter } = soon(made, MADE_SOON).await.map_err(|_| disposed())??;
    Ok(Runtime(Arc::new(Shared {
        id,
        commands,
        interrupter,
        meter,
        disposed: AtomicBool::new(false),
        leave,
        #[cfg(feature = "fetch")]
        serving,
    })))
}

struct Shared {
    id: RuntimeId,
    meter: Meter,
    commands: mpsc::UnboundedSender<Command>,
    interrupter: Interrupter,
    disposed: AtomicBool,
    leave: Arc<Leave>,
    #[cfg(feature = "fetch")]
    serving: serve::Serving,
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Nobody is left to take a result; the thread sees the closed channel and ends.
        self.interrupter.terminate(Termination::Cancelled);
    }
}

/// A guest with all APIs, driven from any thread and any async executor. Clones are the same runtime.
///
/// The context lives on a thread of its own, which ends with [`dispose`](Self::dispose) or when the last clone is
/// dropped. Evaluations may overlap: while one awaits, others run. Dropping the future of an evaluation does not stop
/// the guest; a deadline, a [cancellation token](EvalOptions::cancellation) or `dispose` does.
#[derive(Clone)]
pub struct Runtime(Arc<Shared>);

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("id", &self.0.id.0).field("stopped", &self.stopped()).finish_non_exhaustive()
    }
}

impl Runtime {
    /// Sends a command whose answer nobody awaits. A runtime that has ended takes none.
    fn tell(&self, command: Command) {
        let _ = self.0.commands.send(command);
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, Error> {
        if self.0.disposed.load(Ordering::Acquire) {
            return Err(disposed());
        }
        let (reply, answer) = oneshot::channel();
        self.0.commands.send(command(reply)).map_err(|_| disposed())?;
        let answered = self.0.leave.answer(&self.0.interrupter, soon(answer, ANSWER_SOON)).await;
        let result = match answered {
            Ok(result) => result.map_err(|_| disposed())?,
            Err(reason) => Err(isolate_core::Failure::from(reason).into()),
        };
        // What `dispose` interrupts looks cancelled from inside.
        if result.is_err() && self.0.disposed.load(Ordering::Acquire) { Err(disposed()) } else { result }
    }

    /// Evaluates a script, awaits its result if it is a promise, and gives its value. The options are a filename,
    /// `()`, or [`EvalOptions`].
    ///
    /// # Errors
    /// What the guest threw, or why it was stopped.
    pub async fn eval(&self, source: impl Into<String>, options: impl Into<EvalOptions>) -> Result<Value, Error> {
        let (source, options) = (source.into(), options.into());
        self.ask(|reply| Command::Eval { source, options, result: Wanted::Value, reply }).await
    }

    /// Like [`eval`](Self::eval), and turns the value into a Rust type by serde.
    ///
    /// # Errors
    /// As `eval`, or if the value has not the shape of the type.
    pub async fn eval_as<T: DeserializeOwned>(
        &self,
        source: impl Into<String>,
        options: impl Into<EvalOptions>,
    ) -> Result<T, Error> {
        from_value(self.eval(source, options).await?)
    }

    /// Like [`eval`](Self::eval), and gives the value as the text that Node's read-eval-print loop would show, with
    /// or without colours. Works for every value, also one that could not cross.
    ///
    /// # Errors
    /// As `eval`.
    pub async fn eval_display(
        &self,
        source: impl Into<String>,
        options: impl Into<EvalOptions>,
        color: bool,
    ) -> Result<String, Error> {
        let (source, options) = (source.into(), options.into());
        let result = Wanted::Display(color);
        from_value(self.ask(|reply| Command::Eval { source, options, result, reply }).await?)
    }

    /// Like [`eval`](Self::eval), and gives the value to a guest function, whose result comes out in its place. Works for
    /// every value, also one that could not cross. A promise is given as it is, unless the script awaits at its top level.
    ///
    /// # Errors
    /// As `eval`, and what the function throws.
    pub async fn eval_apply(
        &self,
        source: impl Into<String>,
        options: impl Into<EvalOptions>,
        function: &Function,
    ) -> Result<Value, Error> {
        let (source, options, result) = (source.into(), options.into(), Wanted::Applied(function.clone()));
        self.ask(|reply| Command::Eval { source, options, result, reply }).await
    }

    /// Calls a guest function that an evaluation gave, and awaits its result if it is a promise.
    ///
    /// # Errors
    /// What it threw, or why it was stopped.
    pub async fn call(&self, function: &Function, args: Vec<Value>) -> Result<Value, Error> {
        self.call_with(function, args, ()).await
    }

    /// Like [`call`](Self::call), with options.
    ///
    /// # Errors
    /// As `call`.
    pub async fn call_with(
        &self,
        function: &Function,
        args: Vec<Value>,
        options: impl Into<EvalOptions>,
    ) -> Result<Value, Error> {
        let (function, options) = (function.clone(), options.into());
        self.ask(|reply| Command::Call { function, args, options, reply }).await
    }

    /// Moves the virtual clock forward and fires what becomes due on the way.
    ///
    /// # Errors
    /// Only if the runtime is stopped or disposed of.
    pub async fn tick(&self, time: Duration) -> Result<(), Error> {
        self.ask(|reply| Command::Tick { time, reply }).await
    }

    /// Waits until nothing is left that could run: no host call in flight and, unless the clock is virtual, no timer.
    ///
    /// # Errors
    /// If the runtime is or gets stopped or disposed of.
    pub async fn run_until_idle(&self) -> Result<(), Error> {
        self.ask(|reply| Command::RunUntilIdle { reply }).await
    }

    /// Runs a closure on the runtime's thread, with its context: to define host functions, or to use an API that a
    /// handle from afar has not.
    ///
    /// # Errors
    /// If the runtime is disposed of, or the closure panics.
    pub async fn with_context<R: Send + 'static>(
        &self,
        f: impl FnOnce(&Context) -> R + Send + 'static,
    ) -> Result<R, Error> {
        self.with_handles(move |context, _| f(context)).await
    }

    /// Like [`with_context`](Self::with_context), with the handles of the packages besides.
    ///
    /// # Errors
    /// As `with_context`.
    pub async fn with_handles<R: Send + 'static>(
        &self,
        f: impl FnOnce(&Context, &Handles) -> R + Send + 'static,
    ) -> Result<R, Error> {
        self.ask(|reply| {
            Command::With(Box::new(move |context, handles| {
                let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| f(context, handles)));
                let _ = reply.send(result.map_err(|_| Error::new(ErrorKind::Engine, "the closure panicked")));
            }))
        })
        .await
    }

    /// What the guest uses.
    ///
    /// # Errors
    /// If the runtime is disposed of.
    pub async fn memory_usage(&self) -> Result<MemoryUsage, Error> {
        self.with_context(Context::memory_usage).await
    }

    /// Which runtime it is.
    pub fn id(&self) -> RuntimeId {
        self.0.id
    }

    /// What it has done and uses, without waiting for it; also of one that is busy, stopped or disposed of.
    ///
    /// Evaluations, host calls and bytes are those of this moment, memory that of some milliseconds ago at most; processor time
    /// and instances are those of when it last answered or came to rest.
    pub fn metrics(&self) -> Metrics {
        self.0.meter.read()
    }

    /// The same, for who keeps it longer than the runtime.
    pub fn meter(&self) -> Meter {
        self.0.meter.clone()
    }

    /// The stop switch, which needs no await.
    pub fn interrupter(&self) -> Interrupter {
        self.0.interrupter.clone()
    }

    /// Why the guest is stopped, if it is.
    pub fn stopped(&self) -> Option<Termination> {
        self.0.interrupter.stopped()
    }

    /// Whether the guest went on for [`RuntimeOptions::stop_grace`] after it was stopped, so that its thread was left to
    /// itself: with the lowest priority, until the guest's native loop ends, if ever. Counted by [`abandoned_threads`].
    pub fn is_abandoned(&self) -> bool {
        self.0.leave.is_left()
    }

    /// Stops the guest, whatever it does, and frees everything. What is still awaited gets [`ErrorKind::Disposed`],
    /// and so does whoever uses the runtime later. Waits until it is done, or until the guest has gone on for
    /// [`RuntimeOptions::stop_grace`] nevertheless; a second time it does nothing.
    pub async fn dispose(&self) {
        self.0.disposed.store(true, Ordering::Release);
        self.0.interrupter.terminate(Termination::Cancelled);
        let (reply, done) = oneshot::channel();
        if self.0.commands.send(Command::Dispose { reply }).is_ok() {
            let _ = self.0.leave.answer(&self.0.interrupter, soon(done, ANSWER_SOON)).await;
        }
    }
}

/// How long an answer is looked for before the task goes to sleep: a small evaluation takes less, and to put a thread
/// to sleep and wake it again takes several times as long.
const ANSWER_SOON: Duration = Duration::from_micros(30);
/// The same for a new runtime. To make the context on the calling thread would keep that thread as long.
const MADE_SOON: Duration = Duration::from_micros(250);

/// Awaits an answer that is probably near, giving way to other threads meanwhile.
async fn soon<T>(mut answer: oneshot::Receiver<T>, patience: Duration) -> Result<T, oneshot::error::RecvError> {
    let start = Instant::now();
    while start.elapsed() < patience {
        match answer.try_recv() {
            Ok(value) => return Ok(value),
            Err(oneshot::error::TryRecvError::Empty) => std::thread::yield_now(),
            Err(oneshot::error::TryRecvError::Closed) => break,
        }
    }
    answer.await
}
