//! The operations of [`EngineContext`].

mod lazy;
mod platform;
mod rejections;
mod setup;

pub(crate) use lazy::{lazy_accessor, lazy_value};
pub(crate) use setup::Start;

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::ptr;
use std::rc::Rc;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use isolate_engine::crossing::refused;
use isolate_engine::watchdog::Watched;
use isolate_engine::{
    Arguments, Charge, Completion, EngineContext, EngineError, ErrorClass, Exception, Failure, FrontEnd, Function,
    GlobalKind, Glue, HandleSource, HostError, HostFunction, Interrupter, Limits, LoadGlobals, MemoryAccount,
    MemoryUsage, ModuleLoader, PlatformObjects, Promise, PromiseState, Script, Termination, Value, Wake,
};
use slab::Slab;
use smallvec::SmallVec;
use v8::Local;

use crate::callbacks::{call_host, on_garbage, on_message, on_rejection, prepare_stack_trace, refuse_wasm};
use crate::convert::{Refusal, made, name, place};
use crate::memory::{Memory, near_heap_limit};
use crate::modules::Modules;
use crate::repl;
use crate::{natives, process};

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
    /// `()`: takes the builtins that V8 adds last.
    Late,
    /// `(error, sites)`: what the error's `stack` is.
    PrepareStackTrace,
    /// The first of the prototypes by which [`RARE`] classes are told.
    FirstRare,
}

/// Classes that V8 has no test for, in the order in which `natives.js` gives their prototypes.
pub(crate) const RARE: [&str; 10] = [
    "WeakRef",
    "FinalizationRegistry",
    "Array Iterator",
    "String Iterator",
    "RegExp String Iterator",
    "Iterator Helper",
    "Iterator Wrap",
    "AsyncGenerator",
    "DisposableStack",
    "AsyncDisposableStack",
];

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

impl Inner {
    /// The context of the isolate that runs this callback.
    pub(crate) fn of<'a>(isolate: &v8::Isolate) -> &'a Inner {
        // SAFETY: set when the context was made, and V8 calls back only while it lives. The reference is used no longer
        // than the callback.
        unsafe { &*isolate.get_data(SLOT).cast::<Inner>() }
    }

    /// The one context, in the handle scope that is open.
    ///
    /// # Safety
    /// A handle scope of the isolate is open for as long as the result is used.
    pub(crate) unsafe fn context_here<'a>(&self) -> Option<Local<'a, v8::Context>> {
        let mut isolate = self.isolate()?;
        let context = self.context.get()?;
        // SAFETY: as above; this scope opens none of its own.
        v8::callback_scope!(unsafe scope, &mut *isolate);
        let context = Local::new(scope, context);
        // SAFETY: the handle lives in the scope that the caller knows to be open.
        Some(unsafe { context.extend_lifetime_unchecked() })
    }

    /// The isolate, which is not dropped by the result.
    fn isolate(&self) -> Option<ManuallyDrop<v8::Isolate>> {
        // SAFETY: the pointer was got from the isolate that `owned` holds.
        self.isolate.get().map(|p| ManuallyDrop::new(unsafe { v8::Isolate::from_raw_isolate_ptr(p) }))
    }

    pub(crate) fn stopped(&self) -> Result<(), Failure> {
        self.interrupter.stopped().map_or(Ok(()), |t| Err(t.into()))
    }

    /// What an operation came to.
    fn finish<R>(&self, tc: &mut Catch<'_, '_, '_, '_>, result: Result<R, Refusal>) -> Result<R, Failure> {
        /// What takes less cannot make an object of a size that matters.
        const LONG: Duration = Duration::from_millis(1);
        if self.depth.get() == 1 && self.began.get().elapsed() > LONG {
            self.check_heap(tc);
        }
        self.stopped()?;
        match result {
            Ok(v) => Ok(v),
            Err(Refusal::Host(e)) => refused(&e),
            Err(Refusal::Pending) => {
                let Some(thrown) = tc.exception() else {
                    return Err(EngineError::new("the engine gave neither a value nor an exception").into());
                };
                let message = tc.message();
                tc.reset();
                if self.depth.get() == 1 && self.is_debugged() {
                    self.tell_uncaught(tc, "Uncaught", thrown, message);
                }
                let e = self.exception(tc, thrown);
                // Looking at it may have run guest code, and that may have been stopped.
                self.stopped()?;
                Err(e.into())
            }
        }
    }

    /// As [`finish`](Self::finish), of what did not compile.
    fn early(&self, tc: &mut Catch<'_, '_, '_, '_>) -> Failure {
        if let Err(stopped) = self.stopped() {
            return stopped;
        }
        let at = tc.message().and_then(|m| place(tc, m));
        let Some(thrown) = tc.exception() else { return EngineError::new("the script did not compile").into() };
        tc.reset();
        let mut e = self.exception(tc, thrown);
        e.early = true;
        e.location = at.or(e.location);
        self.stopped().err().unwrap_or_else(|| e.into())
    }

    /// A script that does not compile: once more as one that awaits, if it may.
    fn evaluate_awaiting(
        &self,
        tc: &mut Catch<'_, '_, '_, '_>,
        script: &Script<'_>,
        apply: Option<Local<v8::Function>>,
    ) -> Result<Value, Failure> {
        if !(script.top_level_await && repl::might_await(script.source)) || self.stopped().is_err() {
            return Err(self.early(tc));
        }
        tc.reset();
        let Ok(promise) = Inner::start_awaiting(tc, script.source, script.filename) else {
            return Err(self.early(tc));
        };
        let apply = apply.map_or_else(|| v8::undefined(tc).into(), |f| Local::new(tc, f).into());
        let promise = self.completion(tc, promise, apply).and_then(|p| self.to_host(tc, p, Arguments::Exact));
        self.finish(tc, promise)
    }

    fn make_engine<'s>(&self, scope: &mut Scope<'s, '_>) -> Result<(), Refusal> {
        let natives = natives::object(scope)?;
        let made_by_glue = self.instantiate(scope, &natives::GLUE, &[natives.into()])?;
        let list = Local::<v8::Array>::try_from(made_by_glue).map_err(|_| Refusal::Pending)?;
        let engine = made(list.get_index(scope, 0))?;
        let engine = Local::<v8::Object>::try_from(engine).map_err(|_| Refusal::Pending)?;
        let mut builtins = Vec::with_capacity(Builtin::COUNT);
        for i in 0..Builtin::COUNT {
            let builtin = made(list.get_index(scope, i as u32 + 1))?;
            builtins.push(v8::Global::new(scope, builtin));
        }
        let shared = v8::Object::new(scope);
        let null = v8::null(scope).into();
        made(shared.set_prototype(scope, null))?;
        let _ = self.builtins.set(builtins);
        let _ = self.engine.set(v8::Global::new(scope, engine));
        let _ = self.shared.set(v8::Global::new(scope, shared));
        Ok(())
    }

    pub(crate) fn builtin<'s>(&self, scope: &Scope<'s, '_>, which: Builtin) -> Local<'s, v8::Value> {
        match self.builtins.get().and_then(|all| all.get(which as usize)) {
            Some(global) => Local::new(scope, global),
            None => v8::undefined(scope).into(),
        }
    }

    pub(crate) fn construct<'s>(
        &self,
        scope: &Scope<'s, '_>,
        which: Builtin,
        args: &[Local<'s, v8::Value>],
    ) -> Result<Local<'s, v8::Object>, Refusal> {
        let f = Local::<v8::Function>::try_from(self.builtin(scope, which)).map_err(|_| Refusal::Pending)?;
        made(f.new_instance(scope, args))
    }

    pub(crate) fn function_handle(&self, scope: &Scope<'_, '_>, f: Local<v8::Function>) -> Function {
        self.handles.function(self.slots.borrow_mut().insert(Slot::Function(v8::Global::new(scope, f))))
    }

    pub(crate) fn promise_handle(
        &self,
        scope: &Scope<'_, '_>,
        promise: Local<v8::Promise>,
        resolver: Option<Local<v8::PromiseResolver>>,
    ) -> Promise {
        let resolver = resolver.map(|r| v8::Global::new(scope, r));
        let slot = Slot::Promise { promise: v8::Global::new(scope, promise), resolver };
        self.handles.promise(self.slots.borrow_mut().insert(slot))
    }

    /// The function behind a handle.
    pub(crate) fn function_value<'s>(
        &self,
        scope: &Scope<'s, '_>,
        f: &Function,
    ) -> Result<Local<'s, v8::Function>, Failure> {
        match self.slots.borrow().get(self.handles.function_slot(f)?) {
            Some(Slot::Function(f)) => Ok(Local::new(scope, f)),
            _ => Err(EngineError::new("a function handle without a function").into()),
        }
    }

    /// The promise behind a handle.
    pub(crate) fn promise_value<'s>(
        &self,
        scope: &Scope<'s, '_>,
        p: &Promise,
    ) -> Result<Local<'s, v8::Promise>, Failure> {
        match self.slots.borrow().get(self.handles.promise_slot(p)?) {
            Some(Slot::Promise { promise, .. }) => Ok(Local::new(scope, promise)),
            _ => Err(EngineError::new("a promise handle without a promise").into()),
        }
    }

    /// Frees what the host has let go of.
    fn free_released(&self) {
        for slot in self.handles.released() {
            let slot = self.slots.borrow_mut().try_remove(slot);
            drop(slot);
        }
    }

    /// Keeps a host function. Its key is all that a function object has of it.
    fn keep_function(&self, function: HostFunction) -> usize {
        self.functions.borrow_mut().insert(Rc::new(Callable { function, watch: RefCell::new(None) }))
    }

    /// A guest function object for a host function that is kept.
    fn kept_function<'s>(&self, scope: &mut Scope<'s, '_>, key: usize) -> Result<Local<'s, v8::Function>, Refusal> {
        let Some(callable) = self.functions.borrow().get(key).cloned() else {
            return Err(HostError::error("there is no such host function").into());
        };
        let label = name(scope, &callable.function.name)?;
        let data = v8::Number::new(scope, key as f64);
        let object = v8::Function::builder(call_host)
            .data(data.into())
            .length(i32::from(callable.function.length))
            .constructor_behavior(v8::ConstructorBehavior::Throw)
            .build(scope);
        let object = made(object)?;
        object.set_name(label);
        Ok(object)
    }

    /// A guest function object for a host function, which is kept for as long as the guest keeps the object.
    fn function_object<'s>(
        &self,
        scope: &mut Scope<'s, '_>,
        function: HostFunction,
    ) -> Result<Local<'s, v8::Function>, Refusal> {
        let key = self.keep_function(function);
        let object = self.kept_function(scope, key).inspect_err(|_| {
            self.functions.borrow_mut().try_remove(key);
        })?;
        let weak = v8::Weak::new(scope, object);
        if let Some(callable) = self.functions.borrow().get(key) {
            *callable.watch.borrow_mut() = Some(weak);
        }
        Ok(object)
    }

    /// Runs a piece of glue and calls the function that it is.
    fn instantiate<'s>(
        &self,
        scope: &mut Scope<'s, '_>,
        glue: &'static Glue,
        args: &[Local<'s, v8::Value>],
    ) -> Result<Local<'s, v8::Value>, Refusal> {
        let f = compile_glue(scope, glue)?;
        let undefined = v8::undefined(scope);
        made(f.call(scope, undefined.into(), args))
    }

    /// Throws an error of a host function into the guest.
    pub(crate) fn throw_host_error(&self, scope: &mut Scope<'_, '_>, e: &HostError) {
        if let Ok(error) = self.error_object(scope, e.class(), e.message()) {
            scope.throw_exception(error);
        }
    }

    /// A new error object of a class.
    pub(crate) fn error_object<'s>(
        &self,
        scope: &mut Scope<'s, '_>,
        class: ErrorClass,
        message: &str,
    ) -> Result<Local<'s, v8::Value>, Refusal> {
        let builtin = match class {
            ErrorClass::Error => Builtin::Error,
            ErrorClass::TypeError => Builtin::TypeError,
            ErrorClass::RangeError => Builtin::RangeError,
            ErrorClass::SyntaxError => Builtin::SyntaxError,
            ErrorClass::ReferenceError => Builtin::ReferenceError,
            ErrorClass::UriError => Builtin::UriError,
            ErrorClass::EvalError => Builtin::EvalError,
            other => return self.foreign_error(scope, other.as_str(), message),
        };
        let message = self.string(scope, message)?;
        Ok(self.construct(scope, builtin, &[message.into()])?.into())
    }

    /// An error of a class that the language does not have.
    fn foreign_error<'s>(
        &self,
        scope: &mut Scope<'s, '_>,
        class: &str,
        message: &str,
    ) -> Result<Local<'s, v8::Value>, Refusal> {
        let factory = self.error_factory.borrow().clone();
        if let Some(factory) = factory {
            let factory = self.function_value(scope, &factory)?;
            let args = [self.string(scope, class)?.into(), self.string(scope, message)?.into()];
            let undefined = v8::undefined(scope);
            return made(factory.call(scope, undefined.into(), &args));
        }
        let error = self.error_object(scope, ErrorClass::Error, message)?;
        if let Ok(object) = error.try_cast::<v8::Object>() {
            let (key, v) = (name(scope, "name")?, self.string(scope, class)?);
            made(object.define_own_property(scope, key.into(), v.into(), v8::PropertyAttribute::DONT_ENUM))?;
        }
        Ok(error)
    }

    /// Lets go of the host functions whose function objects were collected. V8 would tell of them in a task of its own,
    /// which waits for the guest to come to an end.
    pub(crate) fn sweep(&self) {
        if !self.collected.take() {
            return;
        }
        let is_gone = |f: &Rc<Callable>| f.watch.borrow().as_ref().is_some_and(v8::Weak::is_empty);
        let keys: Vec<usize> = self.functions.borrow().iter().filter(|(_, f)| is_gone(f)).map(|(key, _)| key).collect();
        for key in keys {
            // Nothing is borrowed while the host's own code is dropped.
            let gone = self.functions.borrow_mut().try_remove(key);
            drop(gone);
        }
    }

    /// Whether there is room for so many bytes of the host's, if need be after a collection. If not, the context is
    /// stopped.
    pub(crate) fn make_room(&self, bytes: usize) -> bool {
        if !self.memory.over(bytes) {
            return true;
        }
        if self.interrupter.stopped().is_none()
            && let Some(mut isolate) = self.isolate()
        {
            // SAFETY: a live isolate on its own thread.
            unsafe { isolate.enter() };
            isolate.low_memory_notification();
            // SAFETY: entered above.
            unsafe { isolate.exit() };
            self.sweep();
            self.measure();
        }
        !self.memory.refuses(bytes)
    }

    /// Tells V8 what the host holds for the guest.
    fn tell_held(&self) {
        let more = self.memory.untold();
        if more != 0
            && let Some(mut isolate) = self.isolate()
        {
            isolate.adjust_amount_of_external_allocated_memory(more);
        }
    }

    /// The prototypes by which [`RARE`] classes are told.
    pub(crate) fn rare_prototypes(&self) -> &[v8::Global<v8::Value>] {
        self.builtins.get().map_or(&[], |all| &all[Builtin::FirstRare as usize..])
    }

    /// Stops the guest if what it has, without garbage, is beyond the limit, or if its heap is with garbage.
    pub(crate) fn check_heap(&self, isolate: &mut v8::Isolate) {
        if self.interrupter.stopped().is_some() || !self.measure() {
            return;
        }
        if !self.memory.is_beyond() {
            isolate.low_memory_notification();
            self.sweep();
            if !self.measure() {
                return;
            }
        }
        self.memory.stop();
    }

    /// Notes what the heap has now.
    pub(crate) fn measure(&self) -> bool {
        let Some(mut isolate) = self.isolate() else { return false };
        self.memory.set_heap(isolate.get_heap_statistics().used_heap_size())
    }
}

/// The function of a piece of glue, compiled once per process.
fn compile_glue<'s>(scope: &mut Scope<'s, '_>, glue: &'static Glue) -> Result<Local<'s, v8::Function>, Refusal> {
    type Cache = RwLock<HashMap<&'static str, Arc<[u8]>>>;
    static CACHE: OnceLock<Cache> = OnceLock::new();
    let cache = CACHE.get_or_init(Cache::default);
    let known = cache.read().unwrap_or_else(PoisonError::into_inner).get(glue.name).cloned();
    let source = made(v8::String::new(scope, glue.source))?;
    let origin = origin(scope, glue.name, false)?;
    let script = match &known {
        Some(code) => {
            let data = v8::CachedData::new(code);
            let mut source = v8::script_compiler::Source::new_with_cached_data(source, Some(&origin), data);
            v8::script_compiler::compile_unbound_script(
                scope,
                &mut source,
                v8::script_compiler::CompileOptions::ConsumeCodeCache,
                v8::script_compiler::NoCacheReason::NoReason,
            )
        }
        None => {
            let mut source = v8::script_compiler::Source::new(source, Some(&origin));
            v8::script_compiler::compile_unbound_script(
                scope,
                &mut source,
                v8::script_compiler::CompileOptions::EagerCompile,
                v8::script_compiler::NoCacheReason::NoReason,
            )
        }
    };
    let script = made(script)?;
    if known.is_none()
        && let Some(code) = script.create_code_cache()
    {
        let mut cache = cache.write().unwrap_or_else(PoisonError::into_inner);
        cache.entry(glue.name).or_insert_with(|| Arc::from(&**code));
    }
    let f = made(script.bind_to_current_context(scope).run(scope))?;
    Local::<v8::Function>::try_from(f).map_err(|_| HostError::error("glue is not a function").into())
}

/// Where a source comes from.
pub(crate) fn origin<'s>(scope: &Scope<'s, '_>, filename: &str, module: bool) -> Result<v8::ScriptOrigin<'s>, Refusal> {
    let name = made(v8::String::new(scope, filename))?;
    Ok(v8::ScriptOrigin::new(scope, name.into(), 0, 0, false, -1, None, false, false, module, None))
}

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

impl Inner {
    /// What a promise is rejected with when a value was refused.
    pub(crate) fn reason<'s>(
        &self,
        tc: &mut Catch<'_, '_, 's, '_>,
        refusal: Refusal,
    ) -> Result<Local<'s, v8::Value>, Refusal> {
        match refusal {
            Refusal::Host(e) => self.error_object(tc, e.class(), e.message()),
            Refusal::Pending => {
                let thrown = tc.exception().filter(|_| !tc.has_terminated()).ok_or(Refusal::Pending)?;
                tc.reset();
                Ok(thrown)
            }
        }
    }
}
