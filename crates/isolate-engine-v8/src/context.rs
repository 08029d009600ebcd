//! The operations of [`EngineContext`].

mod inner;
mod lazy;
mod platform;
mod rejections;
mod setup;

pub(crate) use inner::origin;
pub(crate) use lazy::{lazy_accessor, lazy_value};
pub(crate) use setup::Start;

use std::cell::{Cell, OnceCell, RefCell};
use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::ptr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use isolate_engine::watchdog::Watched;
use isolate_engine::{
    Arguments, Charge, Completion, EngineContext, EngineError, Exception, Failure, FrontEnd, Function, GlobalKind,
    Glue, HandleSource, HostError, HostFunction, Interrupter, Limits, LoadGlobals, MemoryAccount, MemoryUsage,
    ModuleLoader, PlatformObjects, Promise, PromiseState, Script, Termination, Value, Wake,
};
use slab::Slab;
use smallvec::SmallVec;
use v8::Local;

use crate::callbacks::{on_garbage, on_message, on_rejection, prepare_stack_trace, refuse_wasm};
use crate::convert::{Refusal, made};
use crate::memory::{Memory, near_heap_limit};
use crate::modules::Modules;
use crate::process;

/// Native stack, in bytes, that is kept below the guest's own for host functions, for copying values, and for V8's
/// compiler and collector. A context needs a thread with this much besides [`Limits::stack`].
pub const STACK_RESERVE: usize = 256 << 10;
/// Below this no guest code is started.
const STACK_LEAST: usize = 32 << 10;
/// Where an isolate keeps the address of its [`Inner`].
const SLOT: u32 = 0;

/// A scope with a context.
pub(crate) type Scope<'s, 'i> = v8::PinScope<'s, 'i>;

/// A value that the host keeps alive for a handle.
enum Slot {
    Function(v8::Global<v8::Function>),
    /// A function that there will be once the isolate is made.
    Promised,
    Promise {
        promise: v8::Global<v8::Promise>,
        resolver: Option<v8::Global<v8::PromiseResolver>>,
    },
}

/// A host function that a guest function object stands for.
pub(crate) struct Callable {
    pub(crate) function: HostFunction,
    /// Empty once the function object is gone; none if that stays as long as the context.
    watch: RefCell<Option<v8::Weak<v8::Function>>>,
}

/// Builtins that conversions need, taken before any guest code ran, in the order of the list of `natives.js`.
#[derive(Clone, Copy)]
pub(crate) enum Builtin {
    Error,
    TypeError,
    RangeError,
    SyntaxError,
    ReferenceError,
    UriError,
    EvalError,
    RegExp,
    ObjectPrototype,
    /// `(evaluated, namespace)`: the promise of an `import()`.
    Imported,
    /// `(promise, apply)`: the promise of the completion value of a script that awaits.
    Completion,
    /// `(web_assembly)`: takes the builtins that V8 adds last, and gives the prototypes of [`RARE_LATE`].
    Late,
    /// `(error, sites)`: what the error's `stack` is.
    PrepareStackTrace,
    /// The first of the prototypes by which [`RARE`] classes are told.
    FirstRare,
}

/// Classes that V8 has no test for, in the order in which `natives.js` gives their prototypes.
pub(crate) const RARE: [&str; 8] = [
    "WeakRef",
    "FinalizationRegistry",
    "Array Iterator",
    "String Iterator",
    "RegExp String Iterator",
    "Iterator Helper",
    "Iterator Wrap",
    "AsyncGenerator",
];

/// More of them, of which a snapshot knows nothing.
pub(crate) const RARE_LATE: [&str; 2] = ["DisposableStack", "AsyncDisposableStack"];

impl Builtin {
    const COUNT: usize = Builtin::FirstRare as usize + RARE.len();
}

pub(crate) struct Inner {
    isolate: Cell<Option<v8::UnsafeRawIsolatePtr>>,
    owned: RefCell<Option<v8::OwnedIsolate>>,
    context: OnceCell<v8::Global<v8::Context>>,
    pub(crate) interrupter: Interrupter,
    pub(crate) memory: Arc<Memory>,
    pub(crate) limits: Limits,
    web_assembly: bool,
    handles: HandleSource,
    slots: RefCell<Slab<Slot>>,
    pub(crate) functions: RefCell<Slab<Rc<Callable>>>,
    pub(crate) rejections: RefCell<rejections::Rejections>,
    depth: Cell<u32>,
    /// When the outermost operation began.
    began: Cell<Instant>,
    /// Whether there was a collection since the last sweep.
    pub(crate) collected: Cell<bool>,
    phase: RefCell<setup::Phase>,
    builtins: OnceCell<Vec<v8::Global<v8::Value>>>,
    /// The prototypes of [`RARE_LATE`].
    rare_late: OnceCell<Vec<v8::Global<v8::Value>>>,
    /// The two objects that all glue gets besides its host functions.
    pub(crate) shared: OnceCell<v8::Global<v8::Object>>,
    engine: OnceCell<v8::Global<v8::Object>>,
    error_factory: RefCell<Option<Function>>,
    lazy: RefCell<Vec<lazy::Group>>,
    platform: RefCell<Option<platform::Platform>>,
    pub(crate) loader: RefCell<Option<Rc<dyn ModuleLoader>>>,
    pub(crate) modules: RefCell<Modules>,
    /// The address below which the guest's stack must not grow.
    stack_end: usize,
    watched: OnceCell<Arc<Watched>>,
    pub(crate) debugger: OnceCell<crate::inspector::Debugger>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(watched) = self.watched.get() {
            watched.forget();
        }
        let Some(isolate) = self.owned.take() else { return };
        // SAFETY: this is the isolate's thread, and its drop exits it again.
        unsafe { isolate.enter() };
        self.let_go();
        drop(isolate);
    }
}

/// One V8 isolate with its one context.
pub(crate) struct V8Context {
    pub(crate) inner: Rc<Inner>,
}

/// Marks that an operation is under way; see [`V8Context::enter_made`].
struct Entered<'a>(&'a Inner);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        let depth = self.0.depth.get() - 1;
        self.0.depth.set(depth);
        if depth == 0
            && let Some(watched) = self.0.watched.get()
        {
            watched.set_running(false);
        }
        if let Some(isolate) = self.0.isolate() {
            // SAFETY: entered by `enter_made` on this thread, and operations nest.
            unsafe { isolate.exit() };
        }
    }
}

impl V8Context {
    /// Before an operation: refuses if the context is stopped, makes the isolate if there is none yet, and on the outermost
    /// level frees what nobody holds any more.
    fn begin(&self) -> Result<(), Failure> {
        let this = &*self.inner;
        this.stopped()?;
        self.ready()?;
        if this.depth.get() == 0 {
            this.free_released();
            this.sweep();
        }
        Ok(())
    }

    /// Marks that an operation is under way, in a context whose isolate is made.
    fn enter_made(&self) -> Result<Entered<'_>, Failure> {
        let this = &*self.inner;
        this.stopped()?;
        let Some(isolate) = this.isolate() else { return Err(gone()) };
        let depth = this.depth.get();
        if depth == 0 {
            let here = ptr::from_ref(&depth).addr();
            if here < this.stack_end + STACK_LEAST {
                return Err(EngineError::new("too little native stack is left to run guest code").into());
            }
            this.began.set(Instant::now());
            if let Some(watched) = this.watched.get() {
                watched.set_running(true);
            }
        }
        // SAFETY: a live isolate on its own thread.
        unsafe { isolate.enter() };
        this.depth.set(depth + 1);
        if depth == 0 {
            this.tell_held();
        }
        Ok(Entered(this))
    }

    /// Runs an operation in a scope of the context, and says how it ended.
    fn run<R>(&self, f: impl for<'s, 'i> FnOnce(&mut Scope<'s, 'i>) -> Result<R, Refusal>) -> Result<R, Failure> {
        self.begin()?;
        self.run_made(f)
    }

    /// As [`run`](Self::run), of a context whose isolate is made.
    fn run_made<R>(&self, f: impl for<'s, 'i> FnOnce(&mut Scope<'s, 'i>) -> Result<R, Refusal>) -> Result<R, Failure> {
        self.catch_made(|tc| {
            let result = f(tc);
            self.inner.finish(tc, result)
        })
    }

    /// As [`run`](Self::run), for those who look at exceptions themselves.
    fn run_catching<R>(
        &self,
        f: impl for<'p, 'b, 's, 'i> FnOnce(&mut Catch<'p, 'b, 's, 'i>) -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        self.begin()?;
        self.catch_made(f)
    }

    fn catch_made<R>(
        &self,
        f: impl for<'p, 'b, 's, 'i> FnOnce(&mut Catch<'p, 'b, 's, 'i>) -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        let this = &*self.inner;
        let _entered = self.enter_made()?;
        let (Some(mut isolate), Some(context)) = (this.isolate(), this.context.get()) else { return Err(gone()) };
        v8::scope!(let hs, &mut *isolate);
        let context = Local::new(hs, context);
        let cs = &mut v8::ContextScope::new(hs, context);
        v8::tc_scope!(let tc, cs);
        f(tc)
    }

    /// Does something for the front end of a guest that was stopped, in which no operation begins any more.
    fn in_stopped(&self, f: impl FnOnce(&Inner)) {
        let this = &*self.inner;
        let (Some(mut isolate), Some(context), 0) = (this.isolate(), this.context.get(), this.depth.get()) else {
            return;
        };
        // SAFETY: a live isolate on its own thread, in which nothing runs.
        unsafe { isolate.enter() };
        {
            v8::scope!(let hs, &mut *isolate);
            let context = Local::new(hs, context);
            let _cs = v8::ContextScope::new(hs, context);
            f(this);
        }
        // SAFETY: entered above.
        unsafe { isolate.exit() };
    }

    /// A context value that does not own: what host functions get.
    ///
    /// # Safety
    /// `inner` points into a live `Rc<Inner>`, for as long as the result is used.
    pub(crate) unsafe fn borrow(inner: *const Inner) -> ManuallyDrop<Self> {
        // SAFETY: as above; the count is not touched since the result is never dropped.
        ManuallyDrop::new(Self { inner: unsafe { Rc::from_raw(inner) } })
    }
}

impl Inner {
    /// Lets go of what refers to the isolate's heap, which must be gone before it. Lazy globals' loaders and host functions
    /// are the host's and may hold handles of this context, whose drop touches a queue only.
    fn let_go(&mut self) {
        self.debugger.take();
        self.builtins.take();
        self.rare_late.take();
        self.shared.take();
        self.engine.take();
        self.error_factory.take();
        self.platform.take();
        self.lazy.take();
        self.modules.take();
        self.rejections.take();
        self.slots.take();
        self.functions.take();
        self.context.take();
    }
}

fn gone() -> Failure {
    EngineError::new("the context is gone").into()
}

/// A catch block as the operations have it.
type Catch<'p, 'b, 's, 'i> = v8::PinnedRef<'p, v8::TryCatch<'b, 's, v8::HandleScope<'i>>>;

impl EngineContext for V8Context {
    fn evaluate_script(&self, script: &Script<'_>) -> Result<Value, Failure> {
        let this = &*self.inner;
        let apply = match script.completion {
            Completion::Apply(f) => Some(this.handles.function_slot(f).map(|_| f)?),
            _ => None,
        };
        self.run_catching(|tc| {
            let apply = match apply {
                Some(f) => Some(this.function_value(tc, f)?),
                None => None,
            };
            let compiled = (|| {
                let source = this.string(tc, script.source)?;
                let origin = origin(tc, script.filename, false)?;
                Ok(v8::Script::compile(tc, source, Some(&origin)))
            })();
            let compiled = match compiled {
                Ok(compiled) => compiled,
                Err(e) => return this.finish(tc, Err(e)),
            };
            let Some(compiled) = compiled else {
                return this.evaluate_awaiting(tc, script, apply);
            };
            let result = (|| {
                let mut v = made(compiled.run(tc))?;
                if let Some(f) = apply {
                    let undefined = v8::undefined(tc);
                    v = made(f.call(tc, undefined.into(), &[v]))?;
                }
                if script.top_level_await {
                    let resolver = made(v8::PromiseResolver::new(tc))?;
                    made(resolver.resolve(tc, v))?;
                    return Ok(Value::Promise(this.promise_handle(tc, resolver.get_promise(tc), None)));
                }
                match script.completion {
                    Completion::Discard => Ok(Value::Undefined),
                    _ => this.to_host(tc, v, Arguments::Exact),
                }
            })();
            this.finish(tc, result)
        })
    }

    fn evaluate_module(&self, module: &Script<'_>) -> Result<Promise, Failure> {
        let this = &*self.inner;
        self.run_catching(|tc| {
            let compiled = match this.compile_module(tc, module.filename, module.source) {
                Ok(compiled) => compiled,
                Err(Refusal::Pending) => return Err(this.early(tc)),
                Err(e) => return this.finish(tc, Err(e)),
            };
            this.set_main(module.filename);
            let result = this.run_module(tc, compiled).map(|p| this.promise_handle(tc, p, None));
            this.finish(tc, result)
        })
    }

    fn set_module_loader(&self, loader: Rc<dyn ModuleLoader>) {
        *self.inner.loader.borrow_mut() = Some(loader);
    }

    fn install(&self, glue: &'static Glue, functions: Vec<HostFunction>) -> Result<Value, Failure> {
        self.set_up_install(glue, functions)
    }

    fn new_function(&self, function: HostFunction) -> Result<Function, Failure> {
        self.run(|scope| {
            // A guest may make many functions in one call, and each stays for as long as a handle does.
            self.inner.free_released();
            let f = self.inner.function_object(scope, function)?;
            Ok(self.inner.function_handle(scope, f))
        })
    }

    fn call(&self, function: &Function, args: Vec<Value>) -> Result<Value, Failure> {
        // A wrong handle is the host's fault, which is no exception of the guest's.
        self.inner.stopped()?;
        self.inner.handles.function_slot(function)?;
        self.run(|scope| {
            let this = &*self.inner;
            let f = this.function_value(scope, function)?;
            let mut argv: SmallVec<[Local<v8::Value>; 4]> = SmallVec::with_capacity(args.len());
            for arg in args {
                argv.push(this.to_guest(scope, arg)?);
            }
            let undefined = v8::undefined(scope);
            let result = made(f.call(scope, undefined.into(), &argv))?;
            this.to_host(scope, result, Arguments::Exact)
        })
    }

    fn new_promise(&self) -> Result<Promise, Failure> {
        self.run(|scope| {
            let resolver = made(v8::PromiseResolver::new(scope))?;
            Ok(self.inner.promise_handle(scope, resolver.get_promise(scope), Some(resolver)))
        })
    }

    fn settle_promise(&self, promise: &Promise, outcome: Result<Value, HostError>) -> Result<(), Failure> {
        self.inner.stopped()?;
        let slot = self.inner.handles.promise_slot(promise)?;
        self.run(|scope| {
            let this = &*self.inner;
            let resolver = match this.slots.borrow_mut().get_mut(slot) {
                Some(Slot::Promise { resolver, .. }) => resolver.take(),
                _ => None,
            };
            let Some(resolver) = resolver else { return Ok(()) };
            let resolver = Local::new(scope, resolver);
            v8::tc_scope!(let tc, scope);
            let settled = match outcome {
                Ok(v) => this.to_guest(tc, v),
                Err(e) => Err(Refusal::Host(e)),
            };
            match settled {
                Ok(v) => {
                    resolver.resolve(tc, v);
                }
                // What cannot cross rejects the promise: nothing is lost.
                Err(refusal) => {
                    let reason = this.reason(tc, refusal)?;
                    resolver.reject(tc, reason);
                }
            }
            Ok(())
        })
    }

    fn promise_state(&self, promise: &Promise) -> Result<PromiseState, Failure> {
        self.inner.stopped()?;
        self.inner.handles.promise_slot(promise)?;
        self.run(|scope| {
            let this = &*self.inner;
            let p = this.promise_value(scope, promise)?;
            p.mark_as_handled();
            match p.state() {
                v8::PromiseState::Pending => Ok(PromiseState::Pending),
                v8::PromiseState::Fulfilled => {
                    let result = p.result(scope);
                    this.to_host(scope, result, Arguments::Exact).map(PromiseState::Fulfilled)
                }
                v8::PromiseState::Rejected => {
                    this.rejections.borrow_mut().handled(scope, p);
                    let result = p.result(scope);
                    Ok(PromiseState::Rejected(Box::new(this.exception(scope, result))))
                }
            }
        })
    }

    fn run_microtasks(&self) -> Result<(), Failure> {
        self.run(|scope| {
            scope.perform_microtask_checkpoint();
            process::pump(scope, || self.inner.interrupter.stopped().is_none());
            Ok(())
        })
    }

    fn take_unhandled_rejections(&self) -> Vec<Exception> {
        if !self.has_unhandled_rejections() {
            return Vec::new();
        }
        self.run(|scope| Ok(self.inner.unhandled(scope))).unwrap_or_default()
    }

    fn has_unhandled_rejections(&self) -> bool {
        !self.inner.rejections.borrow().is_empty()
    }

    fn set_error_factory(&self, factory: &Function) -> Result<(), Failure> {
        self.set_up_error_factory(factory)
    }

    fn set_platform(
        &self,
        send: &Function,
        receive: &Function,
        objects: Rc<dyn PlatformObjects>,
    ) -> Result<(), Failure> {
        self.set_up_platform(send, receive, objects)
    }

    fn define_lazy_globals(
        &self,
        names: &'static [&'static str],
        kind: GlobalKind,
        load: LoadGlobals,
    ) -> Result<(), Failure> {
        self.set_up_lazy(names, kind, load)
    }

    fn interrupter(&self) -> Interrupter {
        self.inner.interrupter.clone()
    }

    fn charge(&self, bytes: usize) -> Result<Charge, Failure> {
        if !self.inner.make_room(bytes) {
            return Err(Termination::Memory.into());
        }
        let charge = self.inner.memory.charge(bytes);
        // Only where V8 is entered: what it does about it needs that.
        if self.inner.depth.get() > 0 {
            self.inner.tell_held();
        }
        Ok(charge)
    }

    fn memory_usage(&self) -> MemoryUsage {
        // What there is to measure is there after the set-up. A context that cannot be made uses nothing.
        let _ = self.ready();
        self.inner.measure();
        self.inner.memory.usage()
    }

    fn memory_account(&self) -> MemoryAccount {
        self.inner.memory.account()
    }

    fn attach_inspector(&self, front_end: Arc<dyn FrontEnd>) -> Result<Wake, Failure> {
        self.run(|scope| Ok(self.inner.attach(scope, front_end)))
    }

    fn serve_inspector(&self) -> Result<(), Failure> {
        let this = &*self.inner;
        if !this.is_debugged() {
            return Ok(());
        }
        if let Some(reason) = this.interrupter.stopped() {
            self.in_stopped(|this| this.serve_stopped(reason));
            return Err(reason.into());
        }
        self.run(|scope| {
            this.serve();
            // Heap snapshots are taken in a task of V8's.
            process::pump(scope, || this.interrupter.stopped().is_none());
            Ok(())
        })
    }

    fn detach_inspector(&self) {
        let detached = self.run(|scope| {
            self.inner.detach(scope);
            Ok(())
        });
        if detached.is_err() {
            self.in_stopped(Inner::end_session);
        }
    }

    fn collect_garbage(&self) {
        let _ = self.run(|scope| {
            // What the first lets go of on the host may have been all that kept more.
            scope.low_memory_notification();
            self.inner.sweep();
            scope.low_memory_notification();
            self.inner.sweep();
            process::pump(scope, || self.inner.interrupter.stopped().is_none());
            Ok(())
        });
    }
}
