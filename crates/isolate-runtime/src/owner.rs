//! The thread that owns a runtime's context.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::{self, Poll};
use std::time::{Duration, Instant};

use isolate_console::{ConsoleHandle, setup_console};
use isolate_core::{
    Completion, Context, ContextOptions, CoreHandle, Error, ErrorKind, EvalOptions, Evaluation, Function, Interrupter,
    ModuleLoader, Turn, Value, setup_core,
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

use crate::RuntimeOptions;

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
    fail_when_idle: bool,
    reply: Reply<Value>,
}

struct Owner {
    context: Context,
    handles: Handles,
    commands: UnboundedReceiver<Command>,
    waiting: Vec<Waiting>,
    until_idle: Vec<Reply<()>>,
    last_command: Instant,
}

/// Runs on the owner thread, from the making of the context to its end.
pub(crate) fn run(
    options: RuntimeOptions,
    commands: UnboundedReceiver<Command>,
    ready: oneshot::Sender<Result<Interrupter, Error>>,
) {
    let tokio = options.tokio.clone().unwrap_or_else(Context::shared_tokio);
    let made = catch_unwind(AssertUnwindSafe(|| set_up(options)))
        .unwrap_or_else(|_| Err(Error::new(ErrorKind::Engine, "a setup step panicked")));
    let (context, handles) = match made {
        Ok(made) => made,
        Err(e) => {
            let _ = ready.send(Err(e));
            return;
        }
    };
    let _ = ready.send(Ok(context.interrupter()));
    let last_command = Instant::now();
    let mut owner = Owner { context, handles, commands, waiting: Vec::new(), until_idle: Vec::new(), last_command };
    let reply = tokio.block_on(poll_fn(|cx| owner.poll(cx)));
    owner.end();
    if let Some(reply) = reply {
        let _ = reply.send(());
    }
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
    fn poll(&mut self, cx: &mut task::Context<'_>) -> Poll<Option<oneshot::Sender<()>>> {
        loop {
            // One command and one turn of the loop each, so that neither can starve the other.
            let command = match self.commands.poll_recv(cx) {
                Poll::Ready(Some(Command::Dispose { reply })) => return Poll::Ready(Some(reply)),
                Poll::Ready(Some(command)) => {
                    // A panic of a host closure ends neither the thread nor the runtime.
                    let _ = catch_unwind(AssertUnwindSafe(|| self.handle(command)));
                    true
                }
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => false,
            };
            let turn = self.context.poll_turn(cx);
            self.settle(cx);
            if command {
                self.last_command = Instant::now();
            } else if turn != Poll::Ready(Turn::Progress) {
                if turn == Poll::Ready(Turn::Idle) {
                    self.idle();
                }
                // Who was just answered often has more to ask, and waking a thread takes longer than this.
                if self.last_command.elapsed() >= LINGER {
                    return Poll::Pending;
                }
                std::thread::yield_now();
            }
        }
    }

    fn handle(&mut self, command: Command) {
        match command {
            Command::Eval { source, options, result, reply } => {
                let started = (|| match result {
                    Wanted::Value => self.context.start(&source, &options, Completion::Value),
                    Wanted::Applied(f) => self.context.start(&source, &options, Completion::Apply(&f)),
                    Wanted::Display(color) => {
                        let f = self.context.display_function(color)?;
                        self.context.start(&source, &options, Completion::Apply(&f))
                    }
                })();
                self.wait(started, options.fail_when_idle, reply);
            }
            Command::Call { function, args, options, reply } => {
                let started = self.context.start_call(&function, args, &options);
                self.wait(started, options.fail_when_idle, reply);
            }
            Command::Tick { time, reply } => {
                let _ = reply.send(self.context.tick(time));
            }
            Command::With(f) => f(&self.context, &self.handles),
            Command::RunUntilIdle { reply } => self.until_idle.push(reply),
            Command::Dispose { .. } => {}
        }
    }

    fn wait(&mut self, started: Result<Evaluation, Error>, fail_when_idle: bool, reply: Reply<Value>) {
        match started {
            Ok(evaluation) => self.waiting.push(Waiting { evaluation, fail_when_idle, reply }),
            Err(e) => {
                let _ = reply.send(Err(e));
            }
        }
    }

    /// Answers the evaluations that are done.
    fn settle(&mut self, cx: &mut task::Context<'_>) {
        let mut i = 0;
        while i < self.waiting.len() {
            match self.waiting[i].evaluation.poll(cx) {
                Poll::Pending => i += 1,
                Poll::Ready(result) => {
                    let done = self.waiting.swap_remove(i);
                    let _ = done.reply.send(result);
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
            if self.waiting[i].fail_when_idle {
                let done = self.waiting.swap_remove(i);
                let _ = done.reply.send(Err(Evaluation::never_settles()));
            } else {
                i += 1;
            }
        }
    }

    /// Refuses what is still awaited, and lets go of everything in reverse order.
    fn end(mut self) {
        self.commands.close();
        for waiting in self.waiting.drain(..) {
            let _ = waiting.reply.send(Err(disposed()));
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
