//! A context: one realm with its state and its event loop.

mod event_loop;

use std::any::{Any, TypeId};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::{Duration, Instant};

use futures_util::future::LocalBoxFuture;
use futures_util::stream::FuturesUnordered;
use isolate_engine::{
    Charge, Completion, Engine, EngineContext, Exception, Failure, FrontEnd, Function, GlobalKind, Glue, HostError,
    HostFunction, Interrupter, Limits, MemoryUsage, Promise, Script, Termination, Value, Wake, thread_cpu_time,
};
use serde::de::DeserializeOwned;
use slab::Slab;
use tokio::runtime::Handle;
use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;

use crate::clock::Timers;
use crate::evaluation::{Evaluation, Under};
use crate::metrics::Meter;
use crate::modules::Modules;
use crate::repeatable::Repeatable;
use crate::web;
use crate::work::Offloaded;
use crate::{ContextOptions, CoreHandle, Error, ErrorKind, EvalOptions, from_value};

pub use event_loop::Turn;
use event_loop::{TURNS, give_way, shared_tokio};

/// An error that no guest code and no awaiting host took.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Uncaught {
    /// Where it comes from.
    pub kind: UncaughtKind,
    /// What was thrown.
    pub exception: Exception,
}

/// Where an uncaught error comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UncaughtKind {
    /// A promise was rejected and nothing handled it.
    Rejection,
    /// A callback threw: of a timer, or of a microtask.
    Callback,
    /// A host function panicked. The guest sees an `Error` that says no more than that.
    HostPanic,
}

/// The promise to settle, with what, and whether the future was in the background.
type Outcome = (Promise, Result<Value, HostError>, bool);

/// A host future. It may panic when it is dropped, and must not take the others with it.
struct Pending(Option<LocalBoxFuture<'static, Outcome>>);

impl Future for Pending {
    type Output = Outcome;
    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Outcome> {
        match &mut self.0 {
            Some(future) => future.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let future = self.0.take();
        if catch_unwind(AssertUnwindSafe(|| drop(future))).is_err() {
            tracing::error!(target: "isolate", "a host future panicked when it was dropped");
        }
    }
}

/// What a task of the event loop does.
pub(crate) type Task = Rc<dyn Fn(&Context) -> Result<(), Failure>>;

type UncaughtHook = Rc<dyn Fn(&Uncaught)>;

/// An evaluation or a call that is under way.
struct Call {
    deadline: Option<Instant>,
    /// For how long the clocks had been held before it began.
    held: Duration,
    /// A reading of `Context::cpu_used`.
    cpu_end: Option<Duration>,
}

impl Call {
    /// Its deadline, later by the time that the clocks were held since it began.
    fn deadline(&self, interrupter: &Interrupter) -> Option<Instant> {
        self.deadline.and_then(|d| d.checked_add(interrupter.held().saturating_sub(self.held)))
    }
}

pub(crate) struct CoreGlue {
    pub(crate) define_global: Function,
    load_globals: Function,
    define_stream: OnceCell<Function>,
    define_class: OnceCell<Function>,
}

pub(crate) struct Inner {
    engine: Box<dyn EngineContext>,
    name: &'static str,
    interrupter: Interrupter,
    limits: Limits,
    tokio: Option<Handle>,
    state: RefCell<HashMap<TypeId, Rc<dyn Any>>>,
    pub(crate) modules: Modules,
    timers: RefCell<Timers>,
    futures: RefCell<FuturesUnordered<Pending>>,
    /// Futures that were started since `futures` was last polled, which may have been by one of its own.
    incoming: RefCell<Vec<Pending>>,
    in_flight: Cell<usize>,
    /// How many of those in flight do not keep the event loop going.
    background: Cell<usize>,
    /// What the guest's code wants run on its own, after the present turn.
    tasks: RefCell<VecDeque<Task>>,
    /// Whether the next turn looks at the tasks before anything else.
    tasks_first: Cell<bool>,
    uncaught: RefCell<Option<UncaughtHook>>,
    calls: RefCell<Slab<Call>>,
    running: Cell<u32>,
    pub(crate) repeatable: Repeatable,
    pub(crate) meter: Meter,
    /// What a driver has measured; see [`Context::update_metrics`].
    pub(crate) cpu_driven: Cell<Duration>,
    pub(crate) cpu_used: Cell<Duration>,
    cpu_start: Cell<Option<Duration>>,
    pub(crate) offloaded: Offloaded,
    /// The nesting level of the timer whose callback runs, or 0.
    timer_level: Cell<u32>,
    /// Whether a stop was traced.
    stop_told: Cell<bool>,
    /// What pending timers take on the host, by blocks.
    timer_charges: RefCell<Vec<Charge>>,
    sleep: RefCell<Option<Pin<Box<Sleep>>>>,
    pub(crate) glue: OnceCell<CoreGlue>,
    pub(crate) instances: RefCell<Vec<Weak<dyn crate::class::Instances>>>,
}

/// One realm with its limits, its typed state, its host functions and its event loop.
///
/// Clones are the same context. It belongs to the thread that made it, and nothing of it is `Send`; from elsewhere use
/// a `Runtime`. It ends when the last clone is dropped: a host function that keeps one keeps the context alive for
/// ever, so take the context as a parameter instead (see [`FromArg`](crate::FromArg)).
#[derive(Clone)]
pub struct Context(pub(crate) Rc<Inner>);

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("engine", &self.0.name).field("stopped", &self.stopped()).finish()
    }
}

/// A context that is not kept alive: for futures and callbacks that outlast the call they were made in.
#[derive(Clone)]
pub struct WeakContext(Weak<Inner>);

impl fmt::Debug for WeakContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WeakContext")
    }
}

impl WeakContext {
    /// The context, if it is still there.
    pub fn upgrade(&self) -> Option<Context> {
        self.0.upgrade().map(Context)
    }
}

static PRIMORDIALS: Glue = Glue::new("isolate:primordials", include_str!("glue/primordials.js"));
static CORE: Glue = Glue::new("isolate:core", include_str!("glue/core.js"));
static STREAM: Glue = Glue::new("isolate:stream", include_str!("glue/stream.js"));
static CLASS: Glue = Glue::new("isolate:class", include_str!("glue/class.js"));

impl Context {
    /// Makes a context on an engine, on this thread.
    ///
    /// # Errors
    /// If the limits leave no room for it.
    pub fn new(engine: &dyn Engine, options: ContextOptions) -> Result<Self, Error> {
        let context = engine.new_context(&options.limits)?;
        let jobs = options.limits.jobs;
        let this = Self(Rc::new(Inner {
            interrupter: context.interrupter(),
            meter: Meter::new(context.memory_account()),
            repeatable: Repeatable::new(&options),
            engine: context,
            name: engine.name(),
            limits: options.limits,
            tokio: options.tokio,
            state: RefCell::default(),
            modules: Modules::default(),
            timers: RefCell::new(Timers::new(options.clock)),
            futures: RefCell::default(),
            incoming: RefCell::default(),
            in_flight: Cell::new(0),
            background: Cell::new(0),
            tasks: RefCell::default(),
            tasks_first: Cell::new(true),
            uncaught: RefCell::default(),
            calls: RefCell::default(),
            running: Cell::new(0),
            cpu_driven: Cell::new(Duration::ZERO),
            cpu_used: Cell::new(Duration::ZERO),
            cpu_start: Cell::new(None),
            offloaded: Offloaded::new(jobs),
            timer_level: Cell::new(0),
            stop_told: Cell::new(false),
            timer_charges: RefCell::default(),
            sleep: RefCell::default(),
            glue: OnceCell::new(),
            instances: RefCell::default(),
        }));
        // Before any guest code can run, so that glue which is loaded later still finds the builtins as they were.
        this.install(&PRIMORDIALS, vec![])?;
        this.install_repeatable()?;
        let load = this.function("__module_load", |context: Context, name: String| web::load(&context, &name));
        let report = this.function("__report", |context: Context, value: Value| {
            context.report(UncaughtKind::Callback, Exception::thrown(Some(value)));
        });
        let exports = this.install(&CORE, vec![load, report.lossy()])?;
        let function = |name: &str| match exports.get(name) {
            Some(Value::Function(f)) => Ok(f.clone()),
            _ => Err(Error::new(ErrorKind::Engine, format!("the core glue has no {name}"))),
        };
        this.0.engine.set_error_factory(&function("makeError")?)?;
        this.0.engine.set_platform(&function("send")?, &function("receive")?, web::objects(&this))?;
        let _ = this.0.glue.set(CoreGlue {
            define_global: function("defineGlobal")?,
            load_globals: function("loadGlobals")?,
            define_stream: OnceCell::new(),
            define_class: OnceCell::new(),
        });
        Ok(this)
    }

    pub(crate) fn glue(&self) -> Result<&CoreGlue, Error> {
        self.0.glue.get().ok_or_else(|| Error::new(ErrorKind::Engine, "the core glue is not loaded"))
    }

    /// The guest function that a piece of glue is, loaded on first use.
    fn lazily(
        &self,
        which: impl FnOnce(&CoreGlue) -> &OnceCell<Function>,
        glue: &'static Glue,
    ) -> Result<Function, Error> {
        let cell = which(self.glue()?);
        if let Some(f) = cell.get() {
            return Ok(f.clone());
        }
        match self.install(glue, vec![])? {
            Value::Function(f) => Ok(cell.get_or_init(|| f).clone()),
            _ => Err(Error::new(ErrorKind::Engine, format!("the glue {} is not a function", glue.name))),
        }
    }

    pub(crate) fn define_stream_glue(&self) -> Result<Function, Error> {
        self.lazily(|glue| &glue.define_stream, &STREAM)
    }

    pub(crate) fn define_class_glue(&self) -> Result<Function, Error> {
        self.lazily(|glue| &glue.define_class, &CLASS)
    }

    /// A reference that does not keep it alive.
    pub fn weak(&self) -> WeakContext {
        WeakContext(self.downgrade())
    }

    pub(crate) fn downgrade(&self) -> Weak<Inner> {
        Rc::downgrade(&self.0)
    }

    pub(crate) fn engine(&self) -> &dyn EngineContext {
        &*self.0.engine
    }

    /// The engine's name: `quickjs`, `v8`.
    pub fn engine_name(&self) -> &'static str {
        self.0.name
    }

    /// The limits it was made with.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// The stop switch, which works from any thread.
    pub fn interrupter(&self) -> Interrupter {
        self.0.interrupter.clone()
    }

    /// Why the context is stopped, if it is.
    pub fn stopped(&self) -> Option<Termination> {
        self.0.interrupter.stopped()
    }

    /// Stops the context: every later operation gives [`ErrorKind::Terminated`].
    pub fn terminate(&self, reason: Termination) {
        self.0.interrupter.terminate(reason);
    }

    /// The default of [`ContextOptions::tokio`], started if it is not running yet.
    pub fn shared_tokio() -> Handle {
        shared_tokio().clone()
    }

    /// What it uses.
    pub fn memory_usage(&self) -> MemoryUsage {
        self.0.engine.memory_usage()
    }

    /// Processor time that its guest has used: on the owner thread while some processor limit is set, and that of
    /// [offloaded](Context::offload) work.
    pub fn cpu_used(&self) -> Duration {
        self.0.cpu_used.get() + self.0.offloaded.spent()
    }

    /// Processor time that is left until the first limit on it.
    pub(crate) fn cpu_left(&self) -> Option<Duration> {
        let end = self.0.calls.borrow().iter().filter_map(|(_, c)| c.cpu_end).chain(self.0.limits.cpu_time).min();
        end.map(|end| end.saturating_sub(self.cpu_used()))
    }

    /// Lets a front end debug the guest by the Chrome DevTools protocol, in place of another one. It sees and may do
    /// everything inside the guest, and no deadline passes while it has the guest paused.
    ///
    /// # Errors
    /// If the engine has no inspector (QuickJS has none), or the context is stopped.
    pub fn attach_inspector(&self, front_end: Arc<dyn FrontEnd>) -> Result<Wake, Error> {
        Ok(self.run(|engine| engine.attach_inspector(front_end))?)
    }

    /// Handles the messages that the front end has by now, and the microtasks that they leave: to be called between turns
    /// when it has sent some.
    ///
    /// # Errors
    /// If the context is stopped; the messages are answered all the same.
    pub fn serve_inspector(&self) -> Result<(), Error> {
        self.run(|engine| engine.serve_inspector())?;
        Ok(self.checkpoint()?)
    }

    /// Ends debugging; a paused guest goes on.
    pub fn detach_inspector(&self) {
        self.0.engine.detach_inspector();
    }

    /// Collects garbage, cycles included, and tells those who wait for objects to be collected.
    pub fn collect_garbage(&self) {
        self.0.engine.collect_garbage();
        // A stop is seen by whoever looks next.
        let _ = self.checkpoint();
    }

    /// Counts bytes that the host holds for this guest, until the charge is dropped.
    ///
    /// # Errors
    /// If they would pass the memory limit; the context is then stopped.
    pub fn charge(&self, bytes: usize) -> Result<Charge, Error> {
        Ok(self.0.engine.charge(bytes)?)
    }

    /// Sets who is told of errors that nothing took. Without one they go to `tracing` as errors.
    pub fn on_uncaught(&self, hook: impl Fn(&Uncaught) + 'static) {
        *self.0.uncaught.borrow_mut() = Some(Rc::new(hook));
    }

    pub(crate) fn report(&self, kind: UncaughtKind, exception: Exception) {
        let hook = self.0.uncaught.borrow().clone();
        match hook {
            Some(hook) => {
                // A hook that panics has been told all the same.
                let told = catch_unwind(AssertUnwindSafe(|| hook(&Uncaught { kind, exception })));
                if told.is_err() {
                    tracing::error!(target: "isolate", "the hook for uncaught errors panicked");
                }
            }
            None => tracing::error!(target: "isolate", ?kind, stack = exception.stack, "uncaught: {exception}"),
        }
    }

    /// The state of a type, made on first use. One value of each type lives in each context, until the context ends.
    pub fn state<T: Default + 'static>(&self) -> Rc<T> {
        if let Some(state) = self.get_state::<T>() {
            return state;
        }
        let state = Rc::new(T::default());
        self.0.state.borrow_mut().insert(TypeId::of::<T>(), state.clone());
        state
    }

    /// The state of a type, if there is one.
    pub fn get_state<T: 'static>(&self) -> Option<Rc<T>> {
        self.0.state.borrow().get(&TypeId::of::<T>()).cloned().and_then(|s| s.downcast().ok())
    }

    /// Sets the state of a type, and gives back the one that was there.
    pub fn set_state<T: 'static>(&self, state: Rc<T>) -> Option<Rc<T>> {
        self.0.state.borrow_mut().insert(TypeId::of::<T>(), state).and_then(|s| s.downcast().ok())
    }

    /// Takes the state of a type away.
    pub fn remove_state<T: 'static>(&self) -> Option<Rc<T>> {
        self.0.state.borrow_mut().remove(&TypeId::of::<T>()).and_then(|s| s.downcast().ok())
    }

    /// Makes a guest function of a host function, for glue that hands it on.
    ///
    /// # Errors
    /// If the context is stopped.
    pub fn new_function(&self, function: HostFunction) -> Result<Function, Error> {
        Ok(self.run(|engine| engine.new_function(function))?)
    }

    /// Instantiates a piece of glue; see [`EngineContext::install`].
    ///
    /// # Errors
    /// If the glue threw, or the context is stopped.
    pub fn install(&self, glue: &'static Glue, functions: Vec<HostFunction>) -> Result<Value, Error> {
        Ok(self.run(|engine| engine.install(glue, functions))?)
    }

    /// Defines globals whose glue is instantiated when the guest first touches one of them. The glue leaves their
    /// values, by name, in `shared.loaded`.
    ///
    /// Until it is touched such a global is an accessor property, which is all that the guest could tell.
    ///
    /// # Errors
    /// If the context is stopped.
    pub fn define_lazy_globals(
        &self,
        names: &'static [&'static str],
        enumerable: bool,
        load: impl Fn(&Context) -> Result<(), Error> + 'static,
    ) -> Result<(), Error> {
        let kind = if enumerable { GlobalKind::Attribute } else { GlobalKind::Interface };
        self.define_lazy(names, kind, load)
    }

    pub(crate) fn define_lazy(
        &self,
        names: &'static [&'static str],
        kind: GlobalKind,
        load: impl Fn(&Context) -> Result<(), Error> + 'static,
    ) -> Result<(), Error> {
        let weak = self.downgrade();
        let load = Rc::new(move |_: &dyn EngineContext| match weak.upgrade() {
            Some(inner) => load(&Context(inner)).map_err(HostError::from),
            None => Err(HostError::error("the context is gone")),
        });
        self.run(|engine| engine.define_lazy_globals(names, kind, load))?;
        Ok(())
    }

    /// Loads a module and leaves its globals in `shared.loaded`.
    pub(crate) fn load_globals(&self, module: &'static str) -> Result<(), Error> {
        let load = self.glue()?.load_globals.clone();
        self.run(|engine| engine.call(&load, vec![module.into()]))?;
        Ok(())
    }

    /// Runs guest code under the deadlines that hold now.
    pub(crate) fn run<R>(&self, f: impl FnOnce(&dyn EngineContext) -> Result<R, Failure>) -> Result<R, Failure> {
        struct Running<'a>(&'a Inner);
        impl Drop for Running<'_> {
            fn drop(&mut self) {
                let depth = self.0.running.get() - 1;
                self.0.running.set(depth);
                if depth == 0
                    && let Some(start) = self.0.cpu_start.take()
                {
                    let used = thread_cpu_time().saturating_sub(start);
                    self.0.cpu_used.set(self.0.cpu_used.get() + used);
                }
            }
        }
        let inner = &*self.0;
        if inner.running.get() == 0 {
            let calls = inner.calls.borrow();
            let deadline = match calls.is_empty() {
                true => inner.limits.wall_time.and_then(|t| Instant::now().checked_add(t)),
                false => calls.iter().filter_map(|(_, c)| c.deadline(&inner.interrupter)).min(),
            };
            inner.interrupter.set_deadline(deadline);
            let cpu_end = calls.iter().filter_map(|(_, c)| c.cpu_end).chain(inner.limits.cpu_time).min();
            if let Some(end) = cpu_end {
                let now = thread_cpu_time();
                inner.cpu_start.set(Some(now));
                inner.interrupter.set_cpu_deadline(Some(now + end.saturating_sub(self.cpu_used())));
            } else {
                inner.interrupter.set_cpu_deadline(None);
            }
        }
        inner.running.set(inner.running.get() + 1);
        let _running = Running(inner);
        let result = f(&*inner.engine);
        // The watchdog sees no other thread's processor clock, so what never asked is asked now.
        if inner.running.get() == 1
            && inner.cpu_start.get().is_some()
            && let Some(reason) = inner.interrupter.poll()
        {
            return Err(reason.into());
        }
        result
    }

    /// Notes an evaluation or call, whose deadline then holds until the result is dropped.
    pub(crate) fn begin(&self, deadline: Option<Duration>, cpu_time: Option<Duration>) -> Under {
        let deadline = deadline.or(self.0.limits.wall_time).and_then(|t| Instant::now().checked_add(t));
        let cpu_end = cpu_time.map(|t| self.cpu_used() + t);
        let key = self.0.calls.borrow_mut().insert(Call { deadline, held: self.0.interrupter.held(), cpu_end });
        Under { context: self.clone(), key }
    }

    /// An evaluation or call is over.
    pub(crate) fn end(&self, key: usize) {
        self.0.calls.borrow_mut().try_remove(key);
    }

    /// Runs a script and the microtasks after it, and gives its completion value; a promise is not awaited.
    ///
    /// # Errors
    /// What the script threw, or why the context was stopped.
    pub fn evaluate(&self, source: &str, filename: &str) -> Result<Value, Error> {
        self.0.meter.evaluation(&[]);
        let _under = self.begin(None, None);
        let value = self.evaluate_script(&Script::new(source, filename))?;
        self.0.meter.received(&value);
        Ok(value)
    }

    fn evaluate_script(&self, script: &Script<'_>) -> Result<Value, Error> {
        let result = self.run(|engine| engine.evaluate_script(script));
        self.checkpoint()?;
        Ok(result?)
    }

    /// Runs a script or a module, awaits the result if it is a promise, and gives its value. Meanwhile the event loop
    /// runs.
    ///
    /// A script may use `await` at its top level.
    ///
    /// # Errors
    /// What the guest threw, or why the context was stopped.
    pub async fn eval(&self, source: &str, options: impl Into<EvalOptions>) -> Result<Value, Error> {
        let options = options.into();
        let mut evaluation = self.start(source, &options, Completion::Value)?;
        poll_fn(|cx| {
            for _ in 0..TURNS {
                if let Poll::Ready(result) = evaluation.poll(cx) {
                    return Poll::Ready(result);
                }
                match self.poll_turn(cx) {
                    Poll::Ready(Turn::Progress) => {}
                    Poll::Ready(Turn::Idle) if options.fail_when_idle => {
                        return Poll::Ready(Err(Evaluation::never_settles()));
                    }
                    _ => return Poll::Pending,
                }
            }
            give_way(cx)
        })
        .await
    }

    /// Like [`eval`](Self::eval), and turns the value into a Rust type.
    ///
    /// # Errors
    /// As `eval`, or if the value has not the shape of the type.
    pub async fn eval_as<T: DeserializeOwned>(
        &self,
        source: &str,
        options: impl Into<EvalOptions>,
    ) -> Result<T, Error> {
        from_value(self.eval(source, options).await?)
    }

    /// Begins an evaluation. It goes on as the event loop runs ([`poll_turn`](Self::poll_turn)).
    ///
    /// # Errors
    /// What the guest threw at once, or why the context was stopped.
    pub fn start(&self, source: &str, options: &EvalOptions, completion: Completion<'_>) -> Result<Evaluation, Error> {
        self.0.meter.evaluation(&[]);
        let under = self.begin(options.deadline, options.cpu_time);
        if options.cancellation.as_ref().is_some_and(CancellationToken::is_cancelled) {
            self.terminate(Termination::Cancelled);
        }
        let value = if options.module {
            let script = Script::new(source, &options.filename);
            let promise = self.run(|engine| engine.evaluate_module(&script));
            self.checkpoint()?;
            Value::Promise(promise?)
        } else {
            let completion = if options.discard { Completion::Discard } else { completion };
            // `await (…)` would parse without it too, as the call of a function of that name.
            let awaits = options.top_level_await && source.contains("await");
            let mut script = Script { completion, top_level_await: awaits, ..Script::new(source, &options.filename) };
            let mut result = self.evaluate_script(&script);
            if awaits && matches!(&result, Err(e) if e.exception().is_some_and(|e| e.early)) {
                script.top_level_await = false;
                let again = self.evaluate_script(&script);
                if !matches!(&again, Err(e) if e.exception().is_some_and(|e| e.early)) {
                    result = again;
                }
            }
            result?
        };
        Ok(Evaluation::new(under, value, options.module, options.cancellation.clone()))
    }

    /// Calls a guest function and runs the microtasks after it; a promise is not awaited.
    ///
    /// # Errors
    /// What it threw, or why the context was stopped.
    pub fn call(&self, function: &Function, args: Vec<Value>) -> Result<Value, Error> {
        if self.0.running.get() > 0 {
            // Inside a host function: microtasks wait for the outer code to finish.
            return Ok(self.run(|engine| engine.call(function, args))?);
        }
        self.0.meter.evaluation(&args);
        let _under = self.begin(None, None);
        let result = self.run(|engine| engine.call(function, args));
        self.checkpoint()?;
        let value = result?;
        self.0.meter.received(&value);
        Ok(value)
    }

    /// Begins a call whose result is awaited if it is a promise; see [`start`](Self::start).
    ///
    /// # Errors
    /// What it threw at once, or why the context was stopped.
    pub fn start_call(
        &self,
        function: &Function,
        args: Vec<Value>,
        options: &EvalOptions,
    ) -> Result<Evaluation, Error> {
        self.0.meter.evaluation(&args);
        let under = self.begin(options.deadline, options.cpu_time);
        let result = self.run(|engine| engine.call(function, args));
        self.checkpoint()?;
        Ok(Evaluation::new(under, result?, false, options.cancellation.clone()))
    }

    /// Awaits a promise of the guest, running the event loop meanwhile.
    ///
    /// # Errors
    /// What it was rejected with, or why the context was stopped.
    pub async fn wait(&self, promise: Promise) -> Result<Value, Error> {
        let mut evaluation = Evaluation::new(self.begin(None, None), Value::Promise(promise), false, None);
        poll_fn(|cx| {
            for _ in 0..TURNS {
                if let Poll::Ready(result) = evaluation.poll(cx) {
                    return Poll::Ready(result);
                }
                if !matches!(self.poll_turn(cx), Poll::Ready(Turn::Progress)) {
                    return Poll::Pending;
                }
            }
            give_way(cx)
        })
        .await
    }

    /// Runs the microtasks and reports what nothing took.
    pub(crate) fn checkpoint(&self) -> Result<(), Failure> {
        if self.0.running.get() > 0 {
            return Ok(());
        }
        let result = self.run(|engine| engine.run_microtasks());
        if result.is_err() {
            self.abandon();
        }
        result
    }

    /// Reports the rejections that nothing has handled. Called at the end of a turn, after whoever awaits a promise
    /// has looked at it.
    pub fn report_rejections(&self) {
        self.notify_rejections();
    }

    /// The same; returns whether there were any, and the guest may have been told of them.
    fn notify_rejections(&self) -> bool {
        if !self.0.engine.has_unhandled_rejections() {
            return false;
        }
        // Listeners of the guest are asked first.
        let rejections = self.run(|engine| Ok(engine.take_unhandled_rejections())).unwrap_or_default();
        // A stop is seen by whoever looks next.
        let _ = self.checkpoint();
        for exception in rejections {
            self.report(UncaughtKind::Rejection, exception);
        }
        true
    }

    /// Drops what can no longer matter to a stopped context: host futures (which cancels them) and timers.
    fn abandon(&self) {
        if let Some(reason) = self.stopped()
            && !self.0.stop_told.replace(true)
        {
            match reason {
                Termination::Cancelled => tracing::debug!(target: "isolate", %reason, "the guest is stopped"),
                _ => tracing::warn!(target: "isolate", %reason, "the guest is stopped by a limit"),
            }
        }
        let incoming = std::mem::take(&mut *self.0.incoming.borrow_mut());
        drop(incoming);
        if let Ok(mut futures) = self.0.futures.try_borrow_mut() {
            let futures = std::mem::take(&mut *futures);
            self.0.in_flight.set(0);
            self.0.background.set(0);
            drop(futures);
        }
        self.0.timers.borrow_mut().clear();
        let tasks = std::mem::take(&mut *self.0.tasks.borrow_mut());
        drop(tasks);
    }

    /// Sets up what `isolate-core` itself gives the guest; see [`setup_core`](crate::setup_core).
    ///
    /// # Errors
    /// As `setup_core`.
    pub fn setup_core(&self) -> Result<CoreHandle, Error> {
        crate::setup_core(self)
    }
}
