//! The thread that owns a runtime's context.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::{Duration, Instant};

use isolate_console::{ConsoleHandle, setup_console};
use isolate_core::{
    Completion, Context, ContextOptions, CoreHandle, Error, ErrorKind, EvalOptions, Evaluation, Function, Interrupter,
    Meter, ModuleLoader, Turn, Value, setup_core, thread_cpu_time,
};
#[cfg(feature = "crypto")]
use isolate_crypto::{CryptoHandle, setup_crypto};
use isolate_encoding::{EncodingHandle, setup_encoding};
#[cfg(feature = "fetch")]
use isolate_fetch::{FetchHandle, setup_fetch};
#[cfg(feature = "fs")]
use isolate_fs::{FsHandle, setup_fs};
use isolate_path::{PathHandle, setup_path};
use isolate_timers::{TimersHandle, setup_timers};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;

use crate::turns::{OfGuest, Seat};
use crate::{RuntimeId, RuntimeOptions};

/// The handles of the packages that a runtime set up.
#[derive(Debug)]
#[non_exhaustive]
pub struct Handles {
    /// Of `isolate-core`.
    pub core: CoreHandle,
    /// Of `isolate-console`.
    pub console: ConsoleHandle,
    /// Of `isolate-crypto`.
    #[cfg(feature = "crypto")]
    pub crypto: CryptoHandle,
    /// Of `isolate-encoding`.
    pub encoding: EncodingHandle,
    /// Of `isolate-fetch`.
    #[cfg(feature = "fetch")]
    pub fetch: FetchHandle,
    /// Of `isolate-fs`.
    #[cfg(feature = "fs")]
    pub fs: FsHandle,
    /// Of `isolate-path`.
    pub path: PathHandle,
    /// Of `isolate-timers`.
    pub timers: TimersHandle,
}

pub(crate) type Reply<T> = oneshot::Sender<Result<T, Error>>;

type Closure = Box<dyn FnOnce(&Context, &Handles) + Send>;

/// What is wanted of a completion value.
pub(crate) enum Wanted {
    Value,
    /// Text, in colour or not.
    Display(bool),
    /// What this makes of it.
    Applied(Function),
}

pub(crate) enum Command {
    Eval { source: String, options: EvalOptions, result: Wanted, reply: Reply<Value> },
    Call { function: Function, args: Vec<Value>, options: EvalOptions, reply: Reply<Value> },
    Tick { time: Duration, reply: Reply<()> },
    With(Closure),
    RunUntilIdle { reply: Reply<()> },
    Dispose { reply: oneshot::Sender<()> },
}

pub(crate) fn disposed() -> Error {
    Error::new(ErrorKind::Disposed, "the runtime was disposed of")
}

/// How long the thread looks for another command, giving way to other threads, before it goes to sleep.
const LINGER: Duration = Duration::from_micros(50);

/// An evaluation whose promise is awaited.
struct Waiting {
    evaluation: Evaluation,
    pending: Pending,
}

/// Whom to answer.
struct Pending {
    fail_when_idle: bool,
    reply: Reply<Value>,
    span: tracing::Span,
    since: Instant,
}

impl Pending {
    fn answer(self, result: Result<Value, Error>) {
        let _entered = self.span.entered();
        let took = self.since.elapsed();
        match &result {
            Ok(_) => tracing::debug!(target: "isolate", ?took, "done"),
            Err(error) => tracing::debug!(target: "isolate", ?took, %error, kind = ?error.kind(), "failed"),
        }
        let _ = self.reply.send(result);
    }
}

/// What a new runtime's thread gives to who asked for it.
pub(crate) struct Made {
    pub(crate) interrupter: Interrupter,
    pub(crate) meter: Meter,
}

struct Owner {
    context: Context,
    handles: Handles,
    commands: UnboundedReceiver<Command>,
    waiting: Vec<Waiting>,
    until_idle: Vec<Reply<()>>,
    last_command: Instant,
    seat: Option<Arc<Seat>>,
    /// A reading of the thread's processor clock, while there is something to do.
    busy_since: Option<Duration>,
}

/// Runs on the owner thread, from the making of the context to its end. Gives whom to tell of that.
pub(crate) fn run(
    id: RuntimeId,
    seat: Option<Arc<Seat>>,
    options: RuntimeOptions,
    commands: UnboundedReceiver<Command>,
    ready: oneshot::Sender<Result<Made, Error>>,
) -> Option<oneshot::Sender<()>> {
    let _span = tracing::info_span!(target: "isolate", "runtime", id = id.0).entered();
    let tokio = options.tokio.clone().unwrap_or_else(Context::shared_tokio);
    seat.iter().for_each(Seat::take);
    let begun = thread_cpu_time();
    let made = catch_unwind(AssertUnwindSafe(|| set_up(options)))
        .unwrap_or_else(|_| Err(Error::new(ErrorKind::Engine, "a setup step panicked")));
    let (context, handles) = match made {
        Ok(made) => made,
        Err(e) => {
            tracing::debug!(target: "isolate", error = %e, "a runtime could not be made");
            seat.iter().for_each(Seat::release);
            let _ = ready.send(Err(e));
            return None;
        }
    };
    tracing::debug!(target: "isolate", engine = context.engine_name(), "a runtime is made");
    let interrupter = context.interrupter();
    if let Some(seat) = &seat {
        seat.set_interrupter(interrupter.clone());
        interrupter.set_turns(Arc::new(OfGuest(seat.clone())));
    }
    context.update_metrics(thread_cpu_time().saturating_sub(begun));
    seat.iter().for_each(Seat::release);
    let _ = ready.send(Ok(Made { interrupter, meter: context.meter() }));
    let mut owner = Owner {
        context,
        handles,
        commands,
        waiting: Vec::new(),
        until_idle: Vec::new(),
        last_command: Instant::now(),
        seat,
        busy_since: None,
    };
    let reply = tokio.block_on(poll_fn(|cx| owner.poll(cx)));
    owner.end();
    tracing::debug!(target: "isolate", "a runtime is disposed of");
    reply
}

fn set_up(options: RuntimeOptions) -> Result<(Context, Handles), Error> {
    let engine = match options.engine {
        Some(engine) => engine,
        None => crate::engines().into_iter().next().ok_or_else(|| {
            Error::new(ErrorKind::Engine, "no engine is compiled in; the features `quickjs` and `v8` add one each")
        })?,
    };
    let mut context_options = ContextOptions::new().limits(options.limits).clock(options.clock);
    context_options.tokio = options.tokio;
    context_options.start_time = options.start_time;
    context_options.seed = options.seed;
    let context = Context::new(&*engine, context_options)?;
    if let Some(hook) = options.on_uncaught {
        context.on_uncaught(hook);
    }
    let core = setup_core(&context)?;
    let console = setup_console(&context, options.console)?;
    #[cfg(feature = "crypto")]
    let crypto = setup_crypto(&context, options.crypto)?;
    let encoding = setup_encoding(&context, options.encoding)?;
    #[cfg(feature = "fetch")]
    let fetch = setup_fetch(&context, options.fetch)?;
    #[cfg(feature = "fs")]
    let fs = setup_fs(&context, options.fs)?;
    let path = setup_path(&context, options.path)?;
    let timers = setup_timers(&context, options.timers)?;
    if let Some(loader) = options.modules {
        context.set_module_loader(Rc::from(loader as Box<dyn ModuleLoader>));
    }
    for step in options.setup {
        step(&context)?;
    }
    let handles = Handles {
        core,
        console,
        #[cfg(feature = "crypto")]
        crypto,
        encoding,
        #[cfg(feature = "fetch")]
        fetch,
        #[cfg(feature = "fs")]
        fs,
        path,
        timers,
    };
    Ok((context, handles))
}

impl Owner {
    /// The guest's turn begins, and the time that counts as its own.
    fn begin(&mut self) {
        self.seat.iter().for_each(Seat::take);
        if self.busy_since.is_none() {
            self.busy_since = Some(thread_cpu_time());
        }
    }

    /// Nothing is left to do at the moment.
    fn rest(&mut self) {
        self.measure();
        self.busy_since = None;
        if self.seat.as_ref().is_some_and(|seat| seat.is_wanted()) {
            self.seat.iter().for_each(Seat::release);
        }
    }

    fn poll(&mut self, cx: &mut task::Context<'_>) -> Poll<Option<oneshot::Sender<()>>> {
        let polled = self.poll_commands(cx);
        self.rest();
        self.seat.iter().for_each(Seat::release);
        polled
    }

    fn poll_commands(&mut self, cx: &mut task::Context<'_>) -> Poll<Option<oneshot::Sender<()>>> {
        self.begin();
        loop {
            // One command and one turn of the loop each, so that neither can starve the other.
            let command = match self.commands.poll_recv(cx) {
                Poll::Ready(Some(Command::Dispose { reply })) => return Poll::Ready(Some(reply)),
                Poll::Ready(Some(command)) => {
                    self.begin();
                    // A panic of a host closure ends neither the thread nor the runtime.
                    let _ = catch_unwind(AssertUnwindSafe(|| self.handle(command)));
                    true
                }
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => false,
            };
            let turn = self.context.poll_turn(cx);
            self.settle(cx);
            if command || turn == Poll::Ready(Turn::Progress) {
                // Many short steps are as long as one.
                self.context.interrupter().give_way();
            }
            if command {
                self.last_command = Instant::now();
            } else if turn != Poll::Ready(Turn::Progress) {
                if turn == Poll::Ready(Turn::Idle) {
                    self.idle();
                }
                self.rest();
                // Who was just answered often has more to ask, and waking a thread takes longer than this.
                if self.last_command.elapsed() >= LINGER || self.seat.as_ref().is_some_and(|seat| seat.is_wanted()) {
                    return Poll::Pending;
                }
                std::thread::yield_now();
            }
        }
    }

    fn handle(&mut self, command: Command) {
        match command {
            Command::Eval { source, options, result, reply } => {
                let span = tracing::debug_span!(target: "isolate", "eval", file = options.filename);
                let since = Instant::now();
                let started = span.in_scope(|| match result {
                    Wanted::Value => self.context.start(&source, &options, Completion::Value),
                    Wanted::Applied(f) => self.context.start(&source, &options, Completion::Apply(&f)),
                    Wanted::Display(color) => {
                        let f = self.context.display_function(color)?;
                        self.context.start(&source, &options, Completion::Apply(&f))
                    }
                });
                self.wait(started, Pending { fail_when_idle: options.fail_when_idle, reply, span, since });
            }
            Command::Call { function, args, options, reply } => {
                let span = tracing::debug_span!(target: "isolate", "call");
                let since = Instant::now();
                let started = span.in_scope(|| self.context.start_call(&function, args, &options));
                self.wait(started, Pending { fail_when_idle: options.fail_when_idle, reply, span, since });
            }
            Command::Tick { time, reply } => {
                let _ = reply.send(self.context.tick(time));
            }
            Command::With(f) => f(&self.context, &self.handles),
            Command::RunUntilIdle { reply } => self.until_idle.push(reply),
            Command::Dispose { .. } => {}
        }
    }

    fn wait(&mut self, started: Result<Evaluation, Error>, pending: Pending) {
        match started {
            Ok(evaluation) => self.waiting.push(Waiting { evaluation, pending }),
            Err(e) => {
                self.measure();
                pending.answer(Err(e));
            }
        }
    }

    /// Adds what was used since the last time, so that who is answered finds it in the metrics.
    fn measure(&mut self) {
        if let Some(since) = &mut self.busy_since {
            let now = thread_cpu_time();
            self.context.update_metrics(now.saturating_sub(*since));
            *since = now;
        }
    }

    /// Answers the evaluations that are done.
    fn settle(&mut self, cx: &mut task::Context<'_>) {
        let mut i = 0;
        while i < self.waiting.len() {
            match self.waiting[i].evaluation.poll(cx) {
                Poll::Pending => i += 1,
                Poll::Ready(result) => {
                    self.measure();
                    self.waiting.swap_remove(i).pending.answer(result);
                }
            }
        }
    }

    /// Nothing can run until another command comes.
    fn idle(&mut self) {
        let stopped = self.context.stopped();
        for reply in self.until_idle.drain(..) {
            let _ = reply.send(stopped.map_or(Ok(()), |t| Err(isolate_core::Failure::from(t).into())));
        }
        let mut i = 0;
        while i < self.waiting.len() {
            if self.waiting[i].pending.fail_when_idle {
                self.waiting.swap_remove(i).pending.answer(Err(Evaluation::never_settles()));
            } else {
                i += 1;
            }
        }
    }

    /// Refuses what is still awaited, and lets go of everything in reverse order.
    fn end(mut self) {
        self.commands.close();
        for waiting in self.waiting.drain(..) {
            waiting.pending.answer(Err(disposed()));
        }
        for reply in self.until_idle.drain(..) {
            let _ = reply.send(Err(disposed()));
        }
        self.handles.timers.dispose();
        self.handles.path.dispose();
        #[cfg(feature = "fs")]
        self.handles.fs.dispose();
        #[cfg(feature = "fetch")]
        self.handles.fetch.dispose();
        self.handles.encoding.dispose();
        #[cfg(feature = "crypto")]
        self.handles.crypto.dispose();
        self.handles.console.dispose();
        self.handles.core.dispose();
    }
}
