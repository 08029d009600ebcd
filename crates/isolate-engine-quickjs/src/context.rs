//! The operations of [`EngineContext`].

mod inner;
mod lazy;
mod platform;

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{HashMap, HashSet};
use std::ffi::{CString, c_char, c_int, c_void};
use std::mem::ManuallyDrop;
use std::ptr;
use std::rc::Rc;
use std::sync::Arc;

use isolate_engine::watchdog::Watched;
use isolate_engine::{
    Charge, Completion, EngineContext, EngineError, Exception, Failure, Function, GlobalKind, Glue, HandleSource,
    HostError, HostFunction, Interrupter, Limits, MemoryAccount, MemoryUsage, ModuleLoader, PlatformObjects, Promise,
    PromiseState, Script, Termination, Value,
};
use rquickjs::qjs;
use slab::Slab;
use smallvec::SmallVec;

use crate::arena::{Arena, FUNCTIONS};
use crate::callbacks::{
    Compiler, compile, fill_meta, mentions_meta, on_check_attributes, on_interrupt, on_load, on_rejection, on_resolve,
};
use crate::convert::{Refusal, class_names};
use crate::poll;
use crate::watchdog::{Loading, watch};

/// Native stack, in bytes, that is kept below the guest's own for host functions and for copying values. A context needs
/// a thread with this much besides [`Limits::stack`].
pub const STACK_RESERVE: usize = 160 << 10;
/// Below this no module is evaluated.
const EVALUATION: usize = 8 << 10;
/// Below this no guest code is started.
const STACK_LEAST: usize = 32 << 10;

/// A value that the host keeps alive for a handle.
enum Slot {
    Function(qjs::JSValue),
    Promise { promise: qjs::JSValue, resolvers: Option<[qjs::JSValue; 2]> },
}

/// A host function that a guest function object stands for.
pub(crate) struct Callable {
    pub(crate) inner: *const Inner,
    pub(crate) key: usize,
    pub(crate) function: Rc<HostFunction>,
}

/// Bytes that the guest sees as an `ArrayBuffer` and that stay where the host allocated them.
pub(crate) struct External {
    pub(crate) bytes: Vec<u8>,
    /// Held for its drop, which gives the bytes back to the account.
    #[allow(dead_code)]
    pub(crate) charge: Charge,
}

/// A context with the language's globals and without those of the web platform that the engine has.
///
/// # Safety
/// A live runtime.
unsafe fn language_only(rt: *mut qjs::JSRuntime) -> *mut qjs::JSContext {
    // SAFETY: as above; the order is the engine's own.
    unsafe {
        let ctx = qjs::JS_NewContextRaw(rt);
        if ctx.is_null()
            || qjs::JS_AddIntrinsicBaseObjects(ctx) != 0
            || qjs::JS_AddIntrinsicDate(ctx) != 0
            || qjs::JS_AddIntrinsicEval(ctx) != 0
            || qjs::JS_AddIntrinsicRegExp(ctx) != 0
            || qjs::JS_AddIntrinsicJSON(ctx) != 0
            || qjs::JS_AddIntrinsicProxy(ctx) != 0
            || qjs::JS_AddIntrinsicMapSet(ctx) != 0
            || qjs::JS_AddIntrinsicTypedArrays(ctx) != 0
            || qjs::JS_AddIntrinsicPromise(ctx) != 0
            || qjs::JS_AddIntrinsicWeakRef(ctx) != 0
        {
            return ptr::null_mut();
        }
        let global = qjs::JS_GetGlobalObject(ctx);
        let atom = qjs::JS_NewAtom(ctx, c"queueMicrotask".as_ptr());
        qjs::JS_DeleteProperty(ctx, global, atom, 0);
        qjs::JS_FreeAtom(ctx, atom);
        qjs::JS_FreeValue(ctx, global);
        ctx
    }
}

/// How objects of the web platform cross; see [`EngineContext::set_platform`].
#[derive(Clone)]
struct PlatformGlue {
    send: qjs::JSValue,
    receive: qjs::JSValue,
    objects: Rc<dyn PlatformObjects>,
}

/// Builtins that conversions need, taken before any guest code ran.
pub(crate) struct Builtins {
    list: Vec<qjs::JSValue>,
}

macro_rules! builtins {
    ($($name:ident: $js:literal),* $(,)?) => {
        #[allow(non_camel_case_types)]
        #[derive(Clone, Copy)]
        pub(crate) enum Builtin { $($name),* }
        const BUILTINS: Glue = Glue::new("quickjs:builtins", concat!("(function () { 'use strict'; return [", $($js, ","),* , "]; })"));
        const BUILTIN_COUNT: usize = [$(stringify!($name)),*].len();
    };
}

builtins! {
    date_get_time: "Date.prototype.getTime",
    big_int: "BigInt",
    big_int_to_string: "BigInt.prototype.toString",
    map: "Map",
    map_set: "Map.prototype.set",
    map_entries: "Map.prototype.entries",
    map_next: "Object.getPrototypeOf(new Map().entries()).next",
    set: "Set",
    set_add: "Set.prototype.add",
    set_values: "Set.prototype.values",
    set_next: "Object.getPrototypeOf(new Set().values()).next",
    reg_exp: "RegExp",
    error: "Error",
    type_error: "TypeError",
    range_error: "RangeError",
    syntax_error: "SyntaxError",
    reference_error: "ReferenceError",
    uri_error: "URIError",
    eval_error: "EvalError",
    object_prototype: "Object.prototype",
    promise_prototype: "Promise.prototype",
    array_buffer: "ArrayBuffer",
    array_buffer_transfer: "ArrayBuffer.prototype.transfer",
    array_buffer_detached: "ArrayBuffer.prototype.__lookupGetter__('detached')",
    array_buffer_resizable: "ArrayBuffer.prototype.__lookupGetter__('resizable')",
    array_buffer_max: "ArrayBuffer.prototype.__lookupGetter__('maxByteLength')",
    shared_buffer_growable: "SharedArrayBuffer.prototype.__lookupGetter__('growable')",
    shared_buffer_max: "SharedArrayBuffer.prototype.__lookupGetter__('maxByteLength')",
    typed_array_buffer: "Object.getPrototypeOf(Uint8Array.prototype).__lookupGetter__('buffer')",
    data_view: "DataView",
    data_view_buffer: "DataView.prototype.__lookupGetter__('buffer')",
    data_view_byte_offset: "DataView.prototype.__lookupGetter__('byteOffset')",
    data_view_byte_length: "DataView.prototype.__lookupGetter__('byteLength')",
    unwrap: "((call, then) => (promise, apply) => call(then, promise, (r) => (apply === undefined ? r.value : apply(r.value))))(Function.prototype.call.bind(Function.prototype.call), Promise.prototype.then)",
}

static BUILTINS_GLUE: Glue = BUILTINS;

pub(crate) struct Inner {
    pub(crate) rt: *mut qjs::JSRuntime,
    pub(crate) ctx: *mut qjs::JSContext,
    pub(crate) arena: *mut Arena,
    /// The engine's own compiler, which [`compile`] stands in front of.
    pub(crate) compiler: Compiler,
    pub(crate) interrupter: Interrupter,
    pub(crate) account: MemoryAccount,
    pub(crate) limits: Limits,
    pub(crate) handles: HandleSource,
    slots: RefCell<Slab<Slot>>,
    /// Boxed, so that each stays where the engine's opaque pointer says.
    pub(crate) functions: RefCell<Slab<Box<Callable>>>,
    pub(crate) externals: RefCell<Slab<External>>,
    /// Unhandled rejections by promise, with the order in which they came.
    pub(crate) rejections: RefCell<HashMap<*mut c_void, (u64, qjs::JSValue, qjs::JSValue)>>,
    /// What microtasks threw that no promise took.
    uncaught: RefCell<Vec<Exception>>,
    pub(crate) sequence: Cell<u64>,
    depth: Cell<u32>,
    builtins: OnceCell<Builtins>,
    /// The two objects that all glue gets besides its host functions.
    shared: Cell<qjs::JSValue>,
    engine: Cell<qjs::JSValue>,
    error_factory: Cell<Option<qjs::JSValue>>,
    /// Glue's function that is asked before a rejection is reported.
    rejection_hook: Cell<Option<qjs::JSValue>>,
    /// The promise that the hook is being asked about, until something handles it.
    asked: Cell<*mut c_void>,
    /// Promises that the hook was told of and that nothing has handled since: addresses only, which may be stale.
    pub(crate) outstanding: RefCell<HashSet<*mut c_void>>,
    /// Those that were handled after all, with their reasons, to be told to the hook.
    late: RefCell<Vec<(qjs::JSValue, qjs::JSValue)>>,
    lazy: RefCell<lazy::Lazy>,
    platform: RefCell<Option<PlatformGlue>>,
    pub(crate) loader: RefCell<Option<Rc<dyn ModuleLoader>>>,
    stack_limit: Cell<usize>,
    /// What the thread had left of its stack when the engine was entered, if that is known.
    stack_at_entry: Cell<Option<usize>>,
    pub(crate) loading: Arc<Loading>,
    target: OnceCell<Arc<Watched>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(target) = self.target.get() {
            target.forget();
        }
        // The engine is not told: freeing its heap object by object is slow, and after a failed allocation not safe.
        // Everything that it allocated is in the arena, and what the host lent it is in `functions` and `externals`.
        // SAFETY: made by `Box::into_raw` in `new`; no engine call can follow, since only this context made them.
        drop(unsafe { Box::from_raw(self.arena) });
    }
}

/// One QuickJS runtime with its one context.
pub(crate) struct QuickJsContext {
    inner: Rc<Inner>,
}

/// Marks that an operation is under way; see [`QuickJsContext::enter`].
struct Entered<'a>(&'a Inner);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        let depth = self.0.depth.get() - 1;
        self.0.depth.set(depth);
        if depth == 0
            && let Some(target) = self.0.target.get()
        {
            target.set_running(false);
        }
    }
}

impl QuickJsContext {
    pub(crate) fn new(limits: &Limits, fail_allocation: Option<u64>) -> Result<Self, Failure> {
        let offsets = poll::offsets()?;
        if let Some(left) = stacker::remaining_stack()
            && left < limits.stack + STACK_RESERVE
        {
            return Err(EngineError::new(format!(
                "the thread has {left} bytes of stack left; the limit of {} needs {STACK_RESERVE} more than itself",
                limits.stack
            ))
            .into());
        }
        let interrupter = Interrupter::new();
        let account = MemoryAccount::new();
        let arena = Box::into_raw(Arena::new(limits.memory, account.clone(), interrupter.clone()));
        let mut inner = Rc::new(Inner {
            rt: ptr::null_mut(),
            ctx: ptr::null_mut(),
            arena,
            compiler: compile,
            interrupter,
            account,
            limits: limits.clone(),
            handles: HandleSource::new(),
            slots: RefCell::default(),
            functions: RefCell::default(),
            externals: RefCell::default(),
            rejections: RefCell::default(),
            uncaught: RefCell::default(),
            sequence: Cell::new(0),
            depth: Cell::new(0),
            builtins: OnceCell::new(),
            shared: Cell::new(qjs::JS_UNDEFINED),
            engine: Cell::new(qjs::JS_UNDEFINED),
            error_factory: Cell::new(None),
            rejection_hook: Cell::new(None),
            asked: Cell::new(ptr::null_mut()),
            outstanding: RefCell::default(),
            late: RefCell::default(),
            lazy: RefCell::default(),
            platform: RefCell::default(),
            loader: RefCell::default(),
            stack_limit: Cell::new(0),
            stack_at_entry: Cell::new(None),
            loading: Arc::default(),
            target: OnceCell::new(),
        });
        let too_small = || EngineError::new("the memory limit leaves no room for an empty context");
        // SAFETY: a runtime and a context made in the usual order on this thread. `arena` stays where it is until
        // `Inner` is dropped, and `Inner` itself stays where it is: it is only moved as an `Rc`.
        unsafe {
            let rt = qjs::JS_NewRuntime2(&FUNCTIONS, arena.cast());
            if rt.is_null() {
                return Err(too_small().into());
            }
            (*arena).set_runtime(rt);
            let ctx = language_only(rt);
            if ctx.is_null() || inner.interrupter.stopped().is_some() {
                return Err(too_small().into());
            }
            let Some(this) = Rc::get_mut(&mut inner) else { unreachable!("the only reference") };
            (this.rt, this.ctx) = (rt, ctx);
            (*arena).counter = ctx.byte_add(offsets.counter).cast();
            let compiler = ctx.byte_add(offsets.compiler).cast::<Compiler>();
            this.compiler = compiler.replace(compile);
            let opaque = Rc::as_ptr(&inner).cast_mut().cast::<c_void>();
            qjs::JS_SetRuntimeOpaque(rt, opaque);
            qjs::JS_SetContextOpaque(ctx, opaque);
            qjs::JS_SetInterruptHandler(rt, Some(on_interrupt), opaque);
            qjs::JS_SetHostPromiseRejectionTracker(rt, Some(on_rejection), opaque);
            qjs::JS_SetModuleLoaderFunc2(rt, None, Some(on_load), Some(on_check_attributes), opaque);
            qjs::JS_SetModuleNormalizeFunc2(rt, Some(on_resolve));
            let _ = inner.target.set(watch(&inner.interrupter, rt, (*arena).counter, inner.loading.clone()));
        }
        let context = Self { inner };
        context.prepare().map_err(|f| match f {
            Failure::Terminated(Termination::Memory) => too_small().into(),
            other => other,
        })?;
        if let Some(n) = fail_allocation {
            // SAFETY: the arena is live and no engine call is under way.
            unsafe { (*arena).fail_after(n) };
        }
        Ok(context)
    }

    /// Takes the builtins and makes the two objects for glue.
    fn prepare(&self) -> Result<(), Failure> {
        let _entered = self.enter()?;
        let this = &*self.inner;
        // A guest's `Error.prepareStackTrace` would get every function on the stack, glue and host functions included.
        let call_site = class_names(this.rt).iter().position(|name| *name == "CallSite").unwrap_or(0);
        // SAFETY: the class is the engine's own; the prototype and the atom are freed.
        unsafe {
            let proto = qjs::JS_GetClassProto(this.ctx, call_site as qjs::JSClassID);
            let atom = qjs::JS_NewAtom(this.ctx, c"getFunction".as_ptr());
            let deleted = qjs::JS_DeleteProperty(this.ctx, proto, atom, 0);
            qjs::JS_FreeAtom(this.ctx, atom);
            this.free(proto);
            if call_site == 0 || deleted < 1 {
                return Err(EngineError::new("this build of QuickJS would show host functions to guests").into());
            }
        }
        let array = this.instantiate(&BUILTINS_GLUE, &[])?;
        let mut list = Vec::with_capacity(BUILTIN_COUNT);
        for i in 0..BUILTIN_COUNT {
            // SAFETY: the array that the glue just made.
            list.push(unsafe { qjs::JS_GetPropertyUint32(this.ctx, array, i as u32) });
        }
        this.free(array);
        let _ = this.builtins.set(Builtins { list });
        // SAFETY: plain object making; each result is checked by `own`.
        unsafe {
            let shared = this.own(qjs::JS_NewObjectProto(this.ctx, qjs::JS_NULL))?;
            let engine = this.own(qjs::JS_NewObjectProto(this.ctx, qjs::JS_NULL))?;
            if crate::natives::define(this.ctx, engine) < 0 {
                return Err(this.take_failure());
            }
            this.shared.set(shared);
            this.engine.set(engine);
        }
        this.stopped()
    }

    /// Begins an operation: refuses if the context is stopped; on the outermost level also tells the engine where the
    /// stack is now and frees what handles no longer hold.
    fn enter(&self) -> Result<Entered<'_>, Failure> {
        let this = &*self.inner;
        this.stopped()?;
        if this.depth.get() == 0 {
            let left = stacker::remaining_stack().unwrap_or(usize::MAX).saturating_sub(STACK_RESERVE);
            let limit = this.limits.stack.min(left);
            if limit < STACK_LEAST {
                return Err(EngineError::new("too little native stack is left to run guest code").into());
            }
            // SAFETY: the runtime is live and this is its thread; no engine call is under way, so the arena is free.
            unsafe {
                this.stack_at_entry.set(stacker::remaining_stack());
                qjs::JS_UpdateStackTop(this.rt);
                if limit != this.stack_limit.replace(limit) {
                    qjs::JS_SetMaxStackSize(this.rt, limit as _);
                }
                (*this.arena).rest();
            }
            this.free_released();
        }
        if this.depth.get() == 0
            && let Some(target) = this.target.get()
        {
            target.set_running(true);
        }
        this.depth.set(this.depth.get() + 1);
        Ok(Entered(this))
    }

    /// A context value that does not own: what host functions get.
    ///
    /// # Safety
    /// `inner` points into a live `Rc<Inner>`, for as long as the result is used.
    pub(crate) unsafe fn borrow(inner: *const Inner) -> ManuallyDrop<Self> {
        // SAFETY: as above; the count is not touched since the result is never dropped.
        ManuallyDrop::new(Self { inner: unsafe { Rc::from_raw(inner) } })
    }

    fn compile(&self, script: &Script<'_>, module: bool) -> Result<qjs::JSValue, Failure> {
        let this = &*self.inner;
        let mut source = Vec::with_capacity(script.source.len() + 1);
        source.extend_from_slice(script.source.as_bytes());
        source.push(0);
        let name = CString::new(script.filename.replace('\0', "\u{fffd}")).unwrap_or_default();
        let mut flags = qjs::JS_EVAL_FLAG_COMPILE_ONLY;
        flags |= if module { qjs::JS_EVAL_TYPE_MODULE } else { qjs::JS_EVAL_TYPE_GLOBAL };
        if script.top_level_await && !module {
            flags |= qjs::JS_EVAL_FLAG_ASYNC;
        }
        // SAFETY: the source is NUL-terminated, and both buffers outlive the call.
        let code = unsafe {
            qjs::JS_Eval(
                this.ctx,
                source.as_ptr().cast::<c_char>(),
                script.source.len() as _,
                name.as_ptr(),
                flags as c_int,
            )
        };
        this.own(code).map_err(|f| match f {
            Failure::Threw(mut e) => {
                e.early = true;
                Failure::Threw(e)
            }
            other => other,
        })
    }
}

impl EngineContext for QuickJsContext {
    fn evaluate_script(&self, script: &Script<'_>) -> Result<Value, Failure> {
        let _entered = self.enter()?;
        let this = &*self.inner;
        let apply = match script.completion {
            Completion::Apply(f) => Some(this.function_value(f)?),
            _ => None,
        };
        let code = self.compile(script, false)?;
        // SAFETY: takes `code`, which this context just compiled.
        let mut v = this.own(unsafe { qjs::JS_EvalFunction(this.ctx, code) })?;
        if script.top_level_await {
            let mut args = [v, apply.unwrap_or(qjs::JS_UNDEFINED)];
            let unwrapped = this.call(this.builtin(Builtin::unwrap), qjs::JS_UNDEFINED, &mut args);
            this.free(v);
            v = this.own(unwrapped)?;
        } else if let Some(f) = apply {
            let applied = this.call(f, qjs::JS_UNDEFINED, &mut [v]);
            this.free(v);
            v = this.own(applied)?;
        }
        if matches!(script.completion, Completion::Discard) && !script.top_level_await {
            this.free(v);
            return this.stopped().map(|()| Value::Undefined);
        }
        this.outcome(Ok(v))
    }

    fn evaluate_module(&self, module: &Script<'_>) -> Result<Promise, Failure> {
        let _entered = self.enter()?;
        let this = &*self.inner;
        // A host function may be at any depth of the guest's stack, and see `watchdog` for what the engine does there.
        if this.stack_depth().is_some_and(|depth| depth.saturating_add(EVALUATION) > this.stack_limit.get()) {
            this.throw_host_error(&HostError::range_error("Maximum call stack size exceeded"));
            return Err(this.take_failure());
        }
        let code = self.compile(module, true)?;
        if mentions_meta(module.source) {
            // SAFETY: a module that was just compiled.
            let filled = unsafe { fill_meta(this, qjs::JS_VALUE_GET_PTR(code).cast(), module.filename, true) };
            if !filled {
                this.free(code);
                return Err(this.take_failure());
            }
        }
        this.begin_loading();
        // A stop that came before this may have taken the stack away already.
        if let Err(stopped) = this.stopped() {
            this.end_loading();
            this.free(code);
            return Err(stopped);
        }
        // SAFETY: takes `code`, which this context just compiled.
        let v = unsafe { qjs::JS_EvalFunction(this.ctx, code) };
        this.end_loading();
        Ok(this.promise_handle(this.own(v)?))
    }

    fn set_module_loader(&self, loader: Rc<dyn ModuleLoader>) {
        *self.inner.loader.borrow_mut() = Some(loader);
    }

    fn install(&self, glue: &'static Glue, functions: Vec<HostFunction>) -> Result<Value, Failure> {
        let _entered = self.enter()?;
        let this = &*self.inner;
        // SAFETY: a new object, checked by `own`; each property definition takes its value.
        let host = this.own(unsafe { qjs::JS_NewObjectProto(this.ctx, qjs::JS_NULL) })?;
        for f in functions {
            let name = CString::new(f.name.as_str()).map_err(|_| EngineError::new("a host function named with NUL"))?;
            let f = this.function_object(f)?;
            // SAFETY: as above.
            unsafe { qjs::JS_SetPropertyStr(this.ctx, host, name.as_ptr(), f) };
        }
        let result = this.instantiate(glue, &[host, this.shared.get(), this.engine.get()]);
        this.free(host);
        this.outcome(result)
    }

    fn new_function(&self, function: HostFunction) -> Result<Function, Failure> {
        let _entered = self.enter()?;
        // A guest may make many functions in one call, and each stays for as long as a handle does.
        self.inner.free_released();
        let v = self.inner.function_object(function)?;
        Ok(self.inner.function_handle(v))
    }

    fn call(&self, function: &Function, args: Vec<Value>) -> Result<Value, Failure> {
        let _entered = self.enter()?;
        let this = &*self.inner;
        let f = this.dup(this.function_value(function)?);
        let mut argv: SmallVec<[qjs::JSValue; 4]> = SmallVec::with_capacity(args.len());
        let mut refused = Ok(());
        for arg in args {
            match this.to_guest(arg, 0) {
                Ok(v) => argv.push(v),
                Err(e) => {
                    refused = Err(e);
                    break;
                }
            }
        }
        let result = match refused {
            Ok(()) => this.own(this.call(f, qjs::JS_UNDEFINED, &mut argv)),
            Err(e) => this.refusal(Err(e)),
        };
        argv.into_iter().for_each(|v| this.free(v));
        this.free(f);
        this.outcome(result)
    }

    fn new_promise(&self) -> Result<Promise, Failure> {
        let _entered = self.enter()?;
        let this = &*self.inner;
        let mut resolvers = [qjs::JS_UNDEFINED; 2];
        // SAFETY: the array has room for the two functions.
        let promise = this.own(unsafe { qjs::JS_NewPromiseCapability(this.ctx, resolvers.as_mut_ptr()) })?;
        let slot = Slot::Promise { promise, resolvers: Some(resolvers) };
        Ok(this.handles.promise(this.slots.borrow_mut().insert(slot)))
    }

    fn settle_promise(&self, promise: &Promise, outcome: Result<Value, HostError>) -> Result<(), Failure> {
        let _entered = self.enter()?;
        let this = &*self.inner;
        let slot = this.handles.promise_slot(promise)?;
        let resolvers = match this.slots.borrow_mut().get_mut(slot) {
            Some(Slot::Promise { resolvers, .. }) => resolvers.take(),
            _ => None,
        };
        let Some([resolve, reject]) = resolvers else { return this.stopped() };
        let settled = match outcome {
            Ok(v) => this.to_guest(v, 0).map(|v| (resolve, v)),
            Err(e) => Err(Refusal::Host(e)),
        };
        let (f, v) = match settled {
            Ok(settled) => settled,
            // What cannot cross rejects the promise: nothing is lost.
            Err(Refusal::Host(e)) => (reject, this.error_object(e.class(), e.message())),
            // SAFETY: there is a pending exception, which becomes the reason.
            Err(Refusal::Pending) => (reject, unsafe { qjs::JS_GetException(this.ctx) }),
        };
        let result = this.own(v).and_then(|v| {
            let result = this.own(this.call(f, qjs::JS_UNDEFINED, &mut [v]));
            this.free(v);
            result
        });
        this.free(resolve);
        this.free(reject);
        this.free(result?);
        this.stopped()
    }

    fn promise_state(&self, promise: &Promise) -> Result<PromiseState, Failure> {
        let _entered = self.enter()?;
        let this = &*self.inner;
        let p = this.promise_value(promise)?;
        // SAFETY: a live promise of this context.
        let state = unsafe {
            qjs::JS_PromiseMarkAsHandled(this.ctx, p);
            qjs::JS_PromiseState(this.ctx, p)
        };
        if state == qjs::JSPromiseStateEnum_JS_PROMISE_PENDING {
            return Ok(PromiseState::Pending);
        }
        // SAFETY: as above; the result is an owned value.
        let result = unsafe { qjs::JS_PromiseResult(this.ctx, p) };
        if state == qjs::JSPromiseStateEnum_JS_PROMISE_FULFILLED {
            return this.outcome(Ok(result)).map(PromiseState::Fulfilled);
        }
        this.handled(p);
        let e = this.exception(result);
        this.free(result);
        this.stopped()?;
        Ok(PromiseState::Rejected(Box::new(e)))
    }

    fn run_microtasks(&self) -> Result<(), Failure> {
        let _entered = self.enter()?;
        let this = &*self.inner;
        let mut ctx = ptr::null_mut();
        for n in 1u32.. {
            // A task made of native calls alone reaches no interrupt of the engine's.
            if n.is_multiple_of(256) {
                this.interrupter.poll();
            }
            this.stopped().inspect_err(|_| this.clear_exception())?;
            // SAFETY: the runtime is live and this is its thread.
            let done = unsafe { qjs::JS_ExecutePendingJob(this.rt, &raw mut ctx) };
            if this.loading.is_under_way() {
                this.end_loading();
            }
            match done {
                0 => break,
                1.. => {}
                _ => match this.take_failure() {
                    Failure::Threw(e) => this.uncaught.borrow_mut().push(*e),
                    other => return Err(other),
                },
            }
        }
        this.stopped()
    }

    fn take_unhandled_rejections(&self) -> Vec<Exception> {
        let this = &*self.inner;
        let mut found = std::mem::take(&mut *this.uncaught.borrow_mut());
        if this.rejections.borrow().is_empty() && this.late.borrow().is_empty() {
            return found;
        }
        let Ok(_entered) = self.enter() else { return found };
        let late = std::mem::take(&mut *this.late.borrow_mut());
        for (promise, reason) in late {
            this.ask_rejection_hook(promise, reason, true);
            this.free(promise);
            this.free(reason);
        }
        let mut keys: Vec<_> = this.rejections.borrow().iter().map(|(key, (n, ..))| (*n, *key)).collect();
        keys.sort_unstable();
        for (_, key) in keys {
            // What an earlier one's listener handled is no longer there.
            let entry = this.rejections.borrow_mut().remove(&key);
            let Some((_, promise, reason)) = entry else { continue };
            if this.interrupter.stopped().is_none() {
                this.asked.set(key);
                let taken = this.ask_rejection_hook(promise, reason, false);
                if this.asked.replace(ptr::null_mut()) == key && this.rejection_hook.get().is_some() {
                    this.note_outstanding(key);
                }
                if !taken {
                    found.push(this.exception(reason));
                }
            }
            this.free(promise);
            this.free(reason);
        }
        found
    }

    fn has_unhandled_rejections(&self) -> bool {
        let this = &*self.inner;
        !(this.uncaught.borrow().is_empty() && this.rejections.borrow().is_empty() && this.late.borrow().is_empty())
    }

    fn set_error_factory(&self, factory: &Function) -> Result<(), Failure> {
        let this = &*self.inner;
        let f = this.dup(this.function_value(factory)?);
        if let Some(old) = this.error_factory.replace(Some(f)) {
            this.free(old);
        }
        Ok(())
    }

    fn set_platform(
        &self,
        send: &Function,
        receive: &Function,
        objects: Rc<dyn PlatformObjects>,
    ) -> Result<(), Failure> {
        let this = &*self.inner;
        let send = this.dup(this.function_value(send)?);
        let receive = this.dup(this.function_value(receive)?);
        if let Some(old) = this.platform.replace(Some(PlatformGlue { send, receive, objects })) {
            this.free(old.send);
            this.free(old.receive);
        }
        Ok(())
    }

    fn define_lazy_globals(
        &self,
        names: &'static [&'static str],
        kind: GlobalKind,
        load: isolate_engine::LoadGlobals,
    ) -> Result<(), Failure> {
        self.inner.stopped()?;
        self.inner.lazy.borrow_mut().add(names, kind, load);
        Ok(())
    }

    fn interrupter(&self) -> Interrupter {
        self.inner.interrupter.clone()
    }

    fn charge(&self, bytes: usize) -> Result<Charge, Failure> {
        if self.inner.refuses(bytes) {
            return Err(Termination::Memory.into());
        }
        Ok(self.inner.account.add(bytes))
    }

    fn memory_usage(&self) -> MemoryUsage {
        // SAFETY: the arena is live, and its own functions never call out.
        let arena = unsafe { &*self.inner.arena };
        let mut usage = MemoryUsage::default();
        usage.engine = arena.used();
        usage.host = self.inner.account.bytes();
        usage.peak = arena.peak();
        usage.limit = arena.limit();
        self.inner.account.note_engine(usage.engine);
        usage
    }

    fn memory_account(&self) -> MemoryAccount {
        self.inner.account.clone()
    }

    fn collect_garbage(&self) {
        if let Ok(_entered) = self.enter() {
            // SAFETY: the runtime is live and this is its thread.
            unsafe { qjs::JS_RunGC(self.inner.rt) };
        }
    }
}
