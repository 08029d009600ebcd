//! What operations and callbacks do with the engine's values: handles, calls, errors, glue.

use std::collections::HashMap;
use std::ffi::{CString, c_int};
use std::ptr;
use std::rc::Rc;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use isolate_engine::crossing::refused;
use isolate_engine::{
    Arguments, EngineError, ErrorClass, Failure, Function, Glue, HostError, HostFunction, Interrupter, MemoryAccount,
    Promise, Value,
};
use rquickjs::qjs;

use super::{Builtin, Callable, Inner, Slot};
use crate::arena::{Arena, FUNCTIONS};
use crate::callbacks::{call_host, on_collect, on_promise};
use crate::convert::Refusal;

impl Inner {
    pub(crate) fn stopped(&self) -> Result<(), Failure> {
        self.interrupter.stopped().map_or(Ok(()), |t| Err(t.into()))
    }

    pub(crate) fn builtin(&self, which: Builtin) -> qjs::JSValue {
        self.builtins.get().map_or(qjs::JS_UNDEFINED, |b| b.list[which as usize])
    }

    pub(crate) fn dup(&self, v: qjs::JSValue) -> qjs::JSValue {
        // SAFETY: `v` is a live value of this context.
        unsafe { qjs::JS_DupValue(self.ctx, v) }
    }

    pub(crate) fn free(&self, v: qjs::JSValue) {
        // SAFETY: the caller owns one reference to `v` and gives it up.
        unsafe { qjs::JS_FreeValue(self.ctx, v) }
    }

    /// Passes a result of the engine on, or says why there is none.
    pub(crate) fn own(&self, v: qjs::JSValue) -> Result<qjs::JSValue, Failure> {
        if let Some(t) = self.interrupter.stopped() {
            self.clear_exception();
            // SAFETY: the tag of any value may be read.
            if !unsafe { qjs::JS_IsException(v) } {
                self.free(v);
            }
            return Err(t.into());
        }
        // SAFETY: as above.
        if unsafe { qjs::JS_IsException(v) } { Err(self.take_failure()) } else { Ok(v) }
    }

    /// How much of the stack is in use, from where the engine was entered; none if that cannot be known.
    pub(crate) fn stack_depth(&self) -> Option<usize> {
        Some(self.stack_at_entry.get()?.saturating_sub(stacker::remaining_stack()?))
    }

    /// The engine is about to link modules and to evaluate one; see [`Loading`](crate::watchdog::Loading).
    pub(crate) fn begin_loading(&self) {
        self.loading.begin(self.stack_depth());
        let opaque = ptr::from_ref(self).cast_mut().cast();
        // SAFETY: the runtime is live, this is its thread, and `self` outlives it.
        unsafe { qjs::JS_SetPromiseHook(self.rt, Some(on_promise), opaque) };
    }

    pub(crate) fn end_loading(&self) {
        // SAFETY: as above.
        unsafe { qjs::JS_SetPromiseHook(self.rt, None, ptr::null_mut()) };
        self.loading.end();
    }

    pub(crate) fn clear_exception(&self) {
        // SAFETY: returns an owned value, or a marker that needs no freeing.
        unsafe { self.free(qjs::JS_GetException(self.ctx)) };
    }

    /// The pending exception as a failure.
    pub(crate) fn take_failure(&self) -> Failure {
        // SAFETY: returns an owned value.
        let thrown = unsafe { qjs::JS_GetException(self.ctx) };
        let failure = match self.interrupter.stopped() {
            Some(t) => t.into(),
            None => {
                let e = self.exception(thrown);
                // Looking at it may have run guest code, and that may have been stopped.
                self.interrupter.stopped().map_or_else(|| e.into(), Failure::from)
            }
        };
        self.free(thrown);
        failure
    }

    /// Throws the error that no `catch` takes.
    pub(crate) fn throw_stop(&self) -> qjs::JSValue {
        // SAFETY: the arena is not in a call of its own here; the format has no arguments.
        unsafe {
            (*self.arena).ask_at_once();
            qjs::JS_ThrowInternalError(self.ctx, c"interrupted".as_ptr());
            let e = qjs::JS_GetException(self.ctx);
            qjs::JS_SetUncatchableError(self.ctx, e);
            qjs::JS_Throw(self.ctx, e)
        }
    }

    pub(crate) fn call(&self, f: qjs::JSValue, this: qjs::JSValue, args: &mut [qjs::JSValue]) -> qjs::JSValue {
        // SAFETY: live values; the callee takes its own references to the arguments.
        unsafe { qjs::JS_Call(self.ctx, f, this, args.len() as c_int, args.as_mut_ptr()) }
    }

    pub(crate) fn construct(&self, f: qjs::JSValue, args: &mut [qjs::JSValue]) -> qjs::JSValue {
        // SAFETY: as in `call`.
        unsafe { qjs::JS_CallConstructor(self.ctx, f, args.len() as c_int, args.as_mut_ptr()) }
    }

    pub(crate) fn function_handle(&self, owned: qjs::JSValue) -> Function {
        self.handles.function(self.slots.borrow_mut().insert(Slot::Function(owned)))
    }

    pub(crate) fn promise_handle(&self, owned: qjs::JSValue) -> Promise {
        let slot = Slot::Promise { promise: owned, resolvers: None };
        self.handles.promise(self.slots.borrow_mut().insert(slot))
    }

    /// The function behind a handle, borrowed from its slot.
    pub(crate) fn function_value(&self, f: &Function) -> Result<qjs::JSValue, Failure> {
        match self.slots.borrow().get(self.handles.function_slot(f)?) {
            Some(Slot::Function(v)) => Ok(*v),
            _ => Err(EngineError::new("a function handle without a function").into()),
        }
    }

    /// The promise behind a handle, borrowed from its slot.
    pub(crate) fn promise_value(&self, p: &Promise) -> Result<qjs::JSValue, Failure> {
        match self.slots.borrow().get(self.handles.promise_slot(p)?) {
            Some(Slot::Promise { promise, .. }) => Ok(*promise),
            _ => Err(EngineError::new("a promise handle without a promise").into()),
        }
    }

    /// Frees what the host has let go of.
    pub(super) fn free_released(&self) {
        for slot in self.handles.released() {
            let slot = self.slots.borrow_mut().try_remove(slot);
            match slot {
                Some(Slot::Function(f)) => self.free(f),
                Some(Slot::Promise { promise, resolvers }) => {
                    self.free(promise);
                    resolvers.into_iter().flatten().for_each(|r| self.free(r));
                }
                None => {}
            }
        }
    }

    /// Whether `bytes` more would pass the memory limit; then the context is stopped.
    pub(crate) fn refuses(&self, bytes: usize) -> bool {
        // SAFETY: the arena is live, and its own functions never call out, so none of them is under way.
        unsafe { (*self.arena).refuses(bytes) }
    }

    /// A guest function object for a host function.
    pub(super) fn function_object(&self, f: HostFunction) -> Result<qjs::JSValue, Failure> {
        let name = CString::new(f.name.replace('\0', "")).unwrap_or_default();
        let length = c_int::from(f.length);
        let (key, callable) = {
            let mut functions = self.functions.borrow_mut();
            let entry = functions.vacant_entry();
            let key = entry.key();
            let callable = entry.insert(Box::new(Callable { inner: self, key, function: Rc::new(f) }));
            (key, ptr::from_ref::<Callable>(callable).cast_mut())
        };
        // SAFETY: the callable stays in its box until the finalizer takes it out, or for as long as the engine can
        // call; on failure the engine has not taken it.
        let v = unsafe {
            qjs::JS_NewCClosure(self.ctx, Some(call_host), name.as_ptr(), Some(on_collect), length, 0, callable.cast())
        };
        // SAFETY: the tag of any value may be read.
        if unsafe { qjs::JS_IsException(v) } {
            self.functions.borrow_mut().try_remove(key);
        }
        self.own(v)
    }

    /// Runs a piece of glue and calls the function that it is.
    pub(super) fn instantiate(&self, glue: &'static Glue, args: &[qjs::JSValue]) -> Result<qjs::JSValue, Failure> {
        let code = bytecode(glue)?;
        // SAFETY: the bytes were written by this process's own engine for this very source.
        let f = unsafe {
            let f = qjs::JS_ReadObject(self.ctx, code.as_ptr(), code.len() as _, qjs::JS_READ_OBJ_BYTECODE as c_int);
            let f = self.own(f)?;
            self.own(qjs::JS_EvalFunction(self.ctx, f))?
        };
        let result = self.call(f, qjs::JS_UNDEFINED, &mut args.to_vec());
        self.free(f);
        self.own(result)
    }

    /// What an evaluation or a call came to, as data.
    pub(super) fn outcome(&self, v: Result<qjs::JSValue, Failure>) -> Result<Value, Failure> {
        let v = v?;
        let value = self.to_host(v, Arguments::Exact);
        self.free(v);
        self.refusal(value)
    }

    pub(crate) fn refusal<T>(&self, result: Result<T, Refusal>) -> Result<T, Failure> {
        match result {
            Err(Refusal::Pending) => Err(self.take_failure()),
            Err(Refusal::Host(e)) => {
                self.stopped()?;
                refused(&e)
            }
            Ok(v) => self.stopped().map(|()| v),
        }
    }

    /// Throws an error of a host function into the guest.
    pub(crate) fn throw_host_error(&self, e: &HostError) -> qjs::JSValue {
        let error = self.error_object(e.class(), e.message());
        // SAFETY: `error` is owned, and `JS_Throw` takes it; an exception marker is passed on as it is.
        unsafe { if qjs::JS_IsException(error) { error } else { qjs::JS_Throw(self.ctx, error) } }
    }

    /// A new error object of a class, or the exception marker.
    pub(crate) fn error_object(&self, class: ErrorClass, message: &str) -> qjs::JSValue {
        let constructor = match class {
            ErrorClass::Error => Builtin::error,
            ErrorClass::TypeError => Builtin::type_error,
            ErrorClass::RangeError => Builtin::range_error,
            ErrorClass::SyntaxError => Builtin::syntax_error,
            ErrorClass::ReferenceError => Builtin::reference_error,
            ErrorClass::UriError => Builtin::uri_error,
            ErrorClass::EvalError => Builtin::eval_error,
            other => return self.foreign_error(other.as_str(), message),
        };
        let mut args = [self.string(message)];
        let error = self.construct(self.builtin(constructor), &mut args);
        self.free(args[0]);
        error
    }

    /// An error of a class that the language does not have.
    pub(super) fn foreign_error(&self, name: &str, message: &str) -> qjs::JSValue {
        if let Some(factory) = self.error_factory.get() {
            let mut args = [self.string(name), self.string(message)];
            let error = self.call(factory, qjs::JS_UNDEFINED, &mut args);
            args.into_iter().for_each(|v| self.free(v));
            return error;
        }
        let error = self.error_object(ErrorClass::Error, message);
        // SAFETY: a new object; the definition takes the string.
        unsafe {
            if !qjs::JS_IsException(error) {
                let flags = (qjs::JS_PROP_WRITABLE | qjs::JS_PROP_CONFIGURABLE) as c_int;
                qjs::JS_DefinePropertyValueStr(self.ctx, error, c"name".as_ptr(), self.string(name), flags);
            }
        }
        error
    }

    pub(crate) fn string(&self, s: &str) -> qjs::JSValue {
        // SAFETY: valid UTF-8 with its length.
        unsafe { qjs::JS_NewStringLen(self.ctx, s.as_ptr().cast(), s.len() as _) }
    }
}

/// The compiled form of a piece of glue, made once per process.
fn bytecode(glue: &'static Glue) -> Result<Arc<[u8]>, Failure> {
    type Cache = RwLock<HashMap<&'static str, Arc<[u8]>>>;
    static CACHE: OnceLock<Cache> = OnceLock::new();
    let cache = CACHE.get_or_init(Cache::default);
    if let Some(code) = cache.read().unwrap_or_else(PoisonError::into_inner).get(glue.name) {
        return Ok(code.clone());
    }
    let code = compile_glue(glue)?;
    Ok(cache.write().unwrap_or_else(PoisonError::into_inner).entry(glue.name).or_insert(code).clone())
}

fn compile_glue(glue: &Glue) -> Result<Arc<[u8]>, Failure> {
    let interrupter = Interrupter::new();
    let mut arena = Arena::new(None, MemoryAccount::new(), interrupter);
    let source = CString::new(glue.source).map_err(|_| EngineError::new("glue with a NUL"))?;
    let name = CString::new(glue.name).map_err(|_| EngineError::new("glue with a NUL in its name"))?;
    // SAFETY: a runtime of its own, used and left on this thread; the arena frees it.
    unsafe {
        let rt = qjs::JS_NewRuntime2(&FUNCTIONS, ptr::from_mut(&mut *arena).cast());
        let ctx = if rt.is_null() { ptr::null_mut() } else { qjs::JS_NewContext(rt) };
        if ctx.is_null() {
            return Err(EngineError::new("no memory to compile glue").into());
        }
        let flags = (qjs::JS_EVAL_TYPE_GLOBAL | qjs::JS_EVAL_FLAG_COMPILE_ONLY) as c_int;
        let code = qjs::JS_Eval(ctx, source.as_ptr(), source.count_bytes() as _, name.as_ptr(), flags);
        let mut len = 0;
        let flags =
            (qjs::JS_WRITE_OBJ_BYTECODE | qjs::JS_WRITE_OBJ_STRIP_SOURCE | qjs::JS_WRITE_OBJ_STRIP_DEBUG) as c_int;
        let bytes = if qjs::JS_IsException(code) {
            ptr::null_mut()
        } else {
            qjs::JS_WriteObject(ctx, &raw mut len, code, flags)
        };
        if bytes.is_null() {
            let e = qjs::JS_GetException(ctx);
            let text = qjs::JS_ToCString(ctx, e);
            let text = if text.is_null() { "".into() } else { std::ffi::CStr::from_ptr(text).to_string_lossy() };
            return Err(EngineError::new(format!("glue {} does not compile: {text}", glue.name)).into());
        }
        Ok(Arc::from(std::slice::from_raw_parts(bytes, len as usize)))
    }
}
