//! A context: one realm with its state and its event loop.

use std::any::{Any, TypeId};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::{Arc, OnceLock};
use std::task::{self, Poll};
use std::time::{Duration, Instant};

use futures_util::future::LocalBoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use isolate_engine::{
    Charge, Completion, DomExceptionName, Engine, EngineContext, Exception, Failure, FrontEnd, Function, GlobalKind,
    Glue, HostError, HostFunction, Interrupter, Limits, MemoryUsage, Promise, Script, Termination, Value, Wake,
    thread_cpu_time,
};
use serde::de::DeserializeOwned;
use slab::Slab;
use tokio::runtime::Handle;
use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, Due, TimerCallback, TimerId, Timers};
use crate::evaluation::{Evaluation, Under};
use crate::metrics::Meter;
use crate::modules::Modules;
use crate::web;
use crate::work::Offloaded;
use crate::{ContextOptions, CoreHandle, Error, ErrorKind, EvalOptions, from_value};

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

    /// Does the next thing that can be done: runs a task, delivers a host future that is ready, or fires a timer that is
    /// due.
    ///
    /// `Pending` means that something is awaited (a future, a timer of the real clock, a deadline), and the task will
    /// be woken for it.
    pub fn poll_turn(&self, cx: &mut task::Context<'_>) -> Poll<Turn> {
        let inner = &*self.0;
        if inner.interrupter.poll_stopped(cx).is_ready() {
            self.abandon();
            return Poll::Ready(Turn::Idle);
        }
        if self.notify_rejections() {
            return Poll::Ready(Turn::Progress);
        }
        // By turns, so that neither can starve the other.
        let tasks_first = inner.tasks_first.replace(false);
        if (tasks_first && self.run_task()) || self.poll_futures(cx) || self.fire_due() || self.run_task() {
            inner.tasks_first.set(!tasks_first);
            self.report_rejections();
            return Poll::Ready(Turn::Progress);
        }
        let next = inner.timers.borrow_mut().next_at();
        let clock = inner.timers.borrow().clock();
        let mut wake = inner.calls.borrow().iter().filter_map(|(_, c)| c.deadline(&inner.interrupter)).min();
        if let (Clock::Real, Some(at)) = (clock, next) {
            wake = inner.timers.borrow().instant(at).into_iter().chain(wake).min();
        }
        if let Some(at) = wake
            && self.poll_sleep(at, cx).is_ready()
        {
            self.check_deadlines();
            return Poll::Ready(Turn::Progress);
        }
        let waits = inner.awaited() > 0 || (clock == Clock::Real && inner.timers.borrow().any_foreground());
        if waits { Poll::Pending } else { Poll::Ready(Turn::Idle) }
    }

    fn check_deadlines(&self) {
        let now = Instant::now();
        let is_over = |c: &Call| c.deadline(&self.0.interrupter).is_some_and(|d| d <= now);
        if self.0.calls.borrow().iter().any(|(_, c)| is_over(c)) {
            self.terminate(Termination::Deadline);
        }
    }

    fn poll_sleep(&self, at: Instant, cx: &mut task::Context<'_>) -> Poll<()> {
        let at = tokio::time::Instant::from_std(at);
        let mut sleep = self.0.sleep.borrow_mut();
        match &mut *sleep {
            Some(sleep) if sleep.deadline() == at => {}
            Some(sleep) => sleep.as_mut().reset(at),
            None => {
                let _entered = self.tokio().enter();
                *sleep = Some(Box::pin(tokio::time::sleep_until(at)));
            }
        }
        match &mut *sleep {
            Some(sleep) => sleep.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }

    /// The Tokio runtime that host futures use.
    pub fn tokio(&self) -> Handle {
        self.0.tokio.clone().unwrap_or_else(|| shared_tokio().clone())
    }

    fn poll_futures(&self, cx: &mut task::Context<'_>) -> bool {
        let inner = &*self.0;
        if inner.in_flight.get() == 0 {
            return false;
        }
        let ready = {
            let mut futures = inner.futures.borrow_mut();
            futures.extend(inner.incoming.borrow_mut().drain(..));
            let _entered = inner.tokio.as_ref().map(Handle::enter);
            futures.poll_next_unpin(cx)
        };
        let Poll::Ready(Some((promise, outcome, background))) = ready else {
            // One of them may have started another.
            return !inner.incoming.borrow().is_empty();
        };
        inner.in_flight.set(inner.in_flight.get() - 1);
        if background {
            inner.background.set(inner.background.get() - 1);
        }
        if let Ok(value) = &outcome {
            self.0.meter.sent(std::slice::from_ref(value));
        }
        let settled = self.run(|engine| engine.settle_promise(&promise, outcome)).and_then(|()| self.checkpoint());
        if let Err(Failure::Engine(e)) = settled {
            tracing::error!(target: "isolate", "a host promise could not be settled: {e}");
        }
        true
    }

    /// Adds a host future whose outcome settles `promise`. One in the background does not keep the event loop going.
    pub(crate) fn spawn(
        &self,
        promise: Promise,
        background: bool,
        future: impl Future<Output = Result<Value, HostError>> + 'static,
    ) {
        self.0.in_flight.set(self.0.in_flight.get() + 1);
        if background {
            self.0.background.set(self.0.background.get() + 1);
        }
        let future = async move { (promise, future.await, background) };
        self.0.incoming.borrow_mut().push(Pending(Some(Box::pin(future))));
    }

    /// How many host futures are in flight.
    pub fn pending_calls(&self) -> usize {
        self.0.in_flight.get()
    }

    fn fire_due(&self) -> bool {
        let inner = &*self.0;
        let until = {
            let mut timers = inner.timers.borrow_mut();
            match timers.clock() {
                Clock::Virtual => return false,
                Clock::Real => timers.now(),
                Clock::VirtualAutoAdvance => match timers.next_at() {
                    Some(at) if at <= timers.now() => at,
                    Some(at) if inner.awaited() == 0 && inner.tasks.borrow().is_empty() && timers.any_foreground() => {
                        at
                    }
                    _ => return false,
                },
            }
        };
        let due = inner.timers.borrow_mut().take_due(until);
        match due {
            Some(due) => {
                self.fire(&due);
                true
            }
            None => false,
        }
    }

    /// Queues a task: it runs on its own, in a turn of the event loop to come, and the loop does not end before.
    pub(crate) fn post_task(&self, task: Task) {
        self.0.tasks.borrow_mut().push_back(task);
    }

    fn run_task(&self) -> bool {
        let task = self.0.tasks.borrow_mut().pop_front();
        let Some(task) = task else { return false };
        if let Err(Failure::Threw(e)) = task(self) {
            self.report(UncaughtKind::Callback, *e);
        }
        // A stop is seen by whoever looks next.
        let _ = self.checkpoint();
        true
    }

    /// Runs the tasks that are queued now.
    fn run_tasks(&self) {
        let queued = self.0.tasks.borrow().len();
        for _ in 0..queued {
            self.run_task();
            self.report_rejections();
        }
    }

    fn fire(&self, due: &Due) {
        self.0.timer_level.set(due.level);
        if let Err(Failure::Threw(e)) = (due.callback)(self, due.id) {
            self.report(UncaughtKind::Callback, *e);
        }
        // A stop is seen by whoever looks next.
        let _ = self.checkpoint();
        self.0.timer_level.set(0);
        self.0.charge_timers(false);
    }

    /// Moves the virtual clock forward and fires what becomes due on the way, in order, each with the clock at its
    /// own time and its microtasks after it. On the real clock it fires what is due and moves nothing. Tasks, such as
    /// messages between ports, run before the first timer and after each.
    ///
    /// # Errors
    /// Only if the context is stopped: what a callback throws is reported and does not end the tick.
    pub fn tick(&self, time: Duration) -> Result<(), Error> {
        let _under = self.begin(None, None);
        let target = {
            let timers = self.0.timers.borrow();
            if timers.clock() == Clock::Real { timers.now() } else { timers.now().saturating_add(time) }
        };
        self.checkpoint()?;
        self.report_rejections();
        loop {
            self.run_tasks();
            let due = self.0.timers.borrow_mut().take_due(target);
            let Some(due) = due else { break };
            self.fire(&due);
            self.report_rejections();
            if let Some(reason) = self.0.interrupter.poll() {
                self.abandon();
                return Err(Failure::from(reason).into());
            }
        }
        self.0.timers.borrow_mut().advance(target);
        self.report_rejections();
        Ok(())
    }

    /// What the guest's clock shows: time since the context was made.
    pub fn now(&self) -> Duration {
        self.0.timers.borrow().now()
    }

    /// How long ago the context was made, by the machine's clock.
    pub(crate) fn age(&self) -> Duration {
        self.0.timers.borrow().age()
    }

    /// Which clock it is.
    pub fn clock(&self) -> Clock {
        self.0.timers.borrow().clock()
    }

    /// Adds a timer, due after `delay` and then, if asked, every so often.
    ///
    /// # Errors
    /// A `QuotaExceededError` if there are too many ([`Limits::timers`]).
    pub fn add_timer(
        &self,
        delay: Duration,
        every: Option<Duration>,
        callback: TimerCallback,
    ) -> Result<TimerId, HostError> {
        self.new_timer(delay, every, true, callback)
    }

    /// Adds a timer for which the event loop does not wait: when nothing else is left to do, it may never fire.
    ///
    /// # Errors
    /// As [`add_timer`](Self::add_timer).
    pub fn add_background_timer(&self, delay: Duration, callback: TimerCallback) -> Result<TimerId, HostError> {
        self.new_timer(delay, None, false, callback)
    }

    fn new_timer(
        &self,
        delay: Duration,
        every: Option<Duration>,
        foreground: bool,
        callback: TimerCallback,
    ) -> Result<TimerId, HostError> {
        let pending = self.pending_timers();
        if pending >= self.0.limits.timers {
            return Err(HostError::dom(
                DomExceptionName::QuotaExceededError,
                format!("there are {pending} timers already"),
            ));
        }
        if !self.0.charge_timers(true) {
            return Err(HostError::error("the memory limit was reached"));
        }
        Ok(self.0.timers.borrow_mut().add(delay, every, self.0.timer_level.get(), foreground, callback))
    }

    /// Removes every timer.
    pub fn clear_timers(&self) {
        self.0.timers.borrow_mut().clear();
        self.0.charge_timers(false);
    }

    /// Removes a timer. Returns whether it was there.
    pub fn remove_timer(&self, id: TimerId) -> bool {
        self.0.timers.borrow_mut().remove(id)
    }

    /// How many timers are pending.
    pub fn pending_timers(&self) -> usize {
        self.0.timers.borrow().len()
    }

    /// Runs the event loop until nothing is left that could run: no host call in flight and, unless the clock is
    /// virtual, no timer.
    ///
    /// # Errors
    /// If the context is or gets stopped.
    pub async fn run_until_idle(&self) -> Result<(), Error> {
        poll_fn(|cx| {
            for _ in 0..TURNS {
                match self.poll_turn(cx) {
                    Poll::Ready(Turn::Progress) => {}
                    Poll::Ready(Turn::Idle) => return Poll::Ready(()),
                    Poll::Pending => return Poll::Pending,
                }
            }
            give_way(cx)
        })
        .await;
        self.stopped().map_or(Ok(()), |t| Err(Failure::from(t).into()))
    }

    /// Sets up what `isolate-core` itself gives the guest; see [`setup_core`](crate::setup_core).
    ///
    /// # Errors
    /// As `setup_core`.
    pub fn setup_core(&self) -> Result<CoreHandle, Error> {
        crate::setup_core(self)
    }
}

impl Inner {
    /// How many host futures keep the event loop going.
    fn awaited(&self) -> usize {
        self.in_flight.get() - self.background.get()
    }

    /// Keeps what the guest is charged for its timers in step with how many there are, by blocks of a thousand.
    /// Returns whether there is room for one more.
    fn charge_timers(&self, one_more: bool) -> bool {
        const BLOCK: usize = 1000;
        /// A timer's entries in the queue and the table, and its callback.
        const EACH: usize = 160;
        let len = self.timers.borrow().len();
        let mut charges = self.timer_charges.borrow_mut();
        if one_more && len >= charges.len() * BLOCK {
            match self.engine.charge(BLOCK * EACH) {
                Ok(charge) => charges.push(charge),
                Err(_) => return false,
            }
        }
        if charges.len() > 2 * (len / BLOCK + 1) {
            charges.truncate(len / BLOCK + 1);
        }
        true
    }
}

/// How many turns of the event loop are run before other tasks of the thread, and its timers, get theirs.
const TURNS: u32 = 256;

fn give_way<T>(cx: &mut task::Context<'_>) -> Poll<T> {
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// What [`Context::poll_turn`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Something ran; there may be more.
    Progress,
    /// Nothing can run until the host does something, or the context is stopped.
    Idle,
}

/// The Tokio runtime of contexts that were given none: it only turns timers and I/O; futures are polled by their
/// context's own thread.
pub(crate) fn shared_tokio() -> &'static Handle {
    static SHARED: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    SHARED
        .get_or_init(|| {
            tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .thread_name("isolate-io")
                .enable_all()
                .build()
                .unwrap_or_else(|e| panic!("the shared Tokio runtime could not be started: {e}"))
        })
        .handle()
}
