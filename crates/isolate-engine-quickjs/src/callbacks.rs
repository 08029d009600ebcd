//! What the engine calls.
//!
//! None of these may unwind, and all find their context through an opaque pointer, which is valid for as long as the
//! engine can call: it leads to the `Inner` that owns the engine.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use isolate_engine::{Function, HostError, ModuleLoader, ModuleSource, ModuleType, Value};
use rquickjs::qjs;
use smallvec::SmallVec;

use crate::context::{Callable, Inner, QuickJsContext};
use crate::convert::Refusal;

/// Host functions.
pub(crate) unsafe extern "C" fn call_host(
    ctx: *mut qjs::JSContext,
    _this: qjs::JSValue,
    argc: c_int,
    argv: *mut qjs::JSValue,
    _magic: c_int,
    callable: *mut c_void,
) -> qjs::JSValue {
    // SAFETY: see the module; the function object that is being called keeps the callable in its place.
    let (inner, f) = unsafe {
        let callable = &*callable.cast::<Callable>();
        (&*callable.inner, callable.function.clone())
    };
    if inner.interrupter.stopped().is_some() {
        return inner.throw_stop();
    }
    let result = catch_unwind(AssertUnwindSafe(|| {
        let mut args: SmallVec<[Value; 4]> = SmallVec::new();
        for i in 0..usize::try_from(argc).unwrap_or(0) {
            // SAFETY: the engine passes `argc` live values.
            args.push(inner.to_host(unsafe { *argv.add(i) }, f.arguments)?);
        }
        // SAFETY: `inner` is alive during the call, since the engine that makes it is.
        let context = unsafe { QuickJsContext::borrow(inner) };
        let value = (f.callback)(&*context, &mut args).map_err(Refusal::Host)?;
        if inner.interrupter.stopped().is_some() {
            return Err(Refusal::Pending);
        }
        inner.to_guest(value, 0)
    }));
    if inner.interrupter.stopped().is_some() {
        if let Ok(Ok(v)) = result {
            inner.free(v);
        }
        inner.clear_exception();
        return inner.throw_stop();
    }
    let result = result.unwrap_or_else(|_| Err(Refusal::Host(HostError::error("a host function panicked"))));
    if !f.promise {
        return match result {
            Ok(v) => v,
            Err(Refusal::Host(e)) => inner.throw_host_error(&e),
            Err(Refusal::Pending) => qjs::JS_EXCEPTION,
        };
    }
    let (rejected, v) = match result {
        Ok(v) => (false, v),
        Err(Refusal::Host(e)) => (true, inner.error_object(e.class(), e.message())),
        // SAFETY: there is a pending exception, which becomes the reason.
        Err(Refusal::Pending) => (true, unsafe { qjs::JS_GetException(ctx) }),
    };
    // SAFETY: live values; the promise takes its own reference.
    unsafe {
        if qjs::JS_IsException(v) {
            return v;
        }
        let promise = qjs::JS_NewSettledPromise(ctx, rejected, v);
        qjs::JS_FreeValue(ctx, v);
        promise
    }
}

/// The engine's compiler: every script, module, `eval` and `new Function` goes through it.
pub(crate) type Compiler = unsafe extern "C" fn(
    ctx: *mut qjs::JSContext,
    this: qjs::JSValue,
    source: *const c_char,
    len: qjs::size_t,
    filename: *const c_char,
    line: c_int,
    flags: c_int,
    scope: c_int,
) -> qjs::JSValue;

/// What stands in front of the compiler. It corrupts the process's memory when an allocation fails in its later passes,
/// so it is only let in when there is room for what it usually takes, and then gets what it needs.
pub(crate) unsafe extern "C" fn compile(
    ctx: *mut qjs::JSContext,
    this: qjs::JSValue,
    source: *const c_char,
    len: qjs::size_t,
    filename: *const c_char,
    line: c_int,
    flags: c_int,
    scope: c_int,
) -> qjs::JSValue {
    /// What a byte of source usually takes at most while it is compiled, and what it may take at the worst.
    const USUAL: usize = 6;
    const WORST: usize = 64;
    const LEAST: isize = 1 << 20;
    // SAFETY: see the module; the compiler gets what the engine meant for it.
    unsafe {
        let inner = &*qjs::JS_GetContextOpaque(ctx).cast::<Inner>();
        if inner.interrupter.stopped().is_some() || inner.refuses((len as usize).saturating_mul(USUAL)) {
            return inner.throw_stop();
        }
        inner.define_mentioned(std::slice::from_raw_parts(source.cast(), len as usize));
        if inner.interrupter.stopped().is_some() {
            return inner.throw_stop();
        }
        let allowance = isize::try_from((len as usize).saturating_mul(WORST)).unwrap_or(isize::MAX / 4).max(LEAST);
        (*inner.arena).compiling(allowance);
        let result = (inner.compiler)(ctx, this, source, len, filename, line, flags, scope);
        (*inner.arena).compiling(-allowance);
        result
    }
}

/// Told when a function object of a host function is gone.
pub(crate) unsafe extern "C" fn on_collect(callable: *mut c_void) {
    // SAFETY: the callable is in its box until it is taken out here.
    let (inner, key) = unsafe {
        let callable = &*callable.cast::<Callable>();
        (&*callable.inner, callable.key)
    };
    let gone = inner.functions.borrow_mut().try_remove(key);
    drop(gone);
}

/// Asked now and then whether to go on.
pub(crate) unsafe extern "C" fn on_interrupt(_: *mut qjs::JSRuntime, opaque: *mut c_void) -> c_int {
    // SAFETY: see the module.
    let inner = unsafe { &*opaque.cast::<Inner>() };
    if inner.loading.is_linked() {
        inner.end_loading();
    }
    // SAFETY: the engine does not ask from inside an allocation.
    inner.account.note_engine(unsafe { (*inner.arena).used() });
    if inner.interrupter.poll().is_none() {
        return 0;
    }
    // SAFETY: as above.
    unsafe { (*inner.arena).ask_at_once() };
    1
}

/// Told when a promise is rejected with no handler, and when it gets one after all.
pub(crate) unsafe extern "C" fn on_rejection(
    _ctx: *mut qjs::JSContext,
    promise: qjs::JSValue,
    reason: qjs::JSValue,
    is_handled: bool,
    opaque: *mut c_void,
) {
    // SAFETY: see the module.
    let inner = unsafe { &*opaque.cast::<Inner>() };
    if is_handled {
        return inner.handled_late(promise, reason);
    }
    // SAFETY: a promise is an object, so its payload is a pointer, used only as a key.
    let key = unsafe { qjs::JS_VALUE_GET_PTR(promise) };
    let n = inner.sequence.get();
    inner.sequence.set(n + 1);
    let entry = (n, inner.dup(promise), inner.dup(reason));
    // The address may have been another promise's.
    inner.outstanding.borrow_mut().remove(&key);
    inner.rejections.borrow_mut().insert(key, entry);
}

/// Copies a string for the engine, which frees it.
fn engine_string(inner: &Inner, s: &str) -> *mut c_char {
    // SAFETY: the length is the string's own; the engine adds the NUL.
    unsafe { qjs::js_strndup(inner.ctx, s.as_ptr().cast(), s.len() as _) }
}

/// # Safety
/// `p` is a NUL-terminated string or null.
unsafe fn text(p: *const c_char) -> String {
    if p.is_null() {
        return String::new();
    }
    // SAFETY: as above.
    unsafe { std::ffi::CStr::from_ptr(p) }.to_string_lossy().into_owned()
}

/// What an `import` specifier means.
pub(crate) unsafe extern "C" fn on_resolve(
    _ctx: *mut qjs::JSContext,
    referrer: *const c_char,
    specifier: *const c_char,
    attributes: qjs::JSValue,
    opaque: *mut c_void,
) -> *mut c_char {
    // SAFETY: see the module, and the engine passes NUL-terminated strings.
    let (inner, referrer, specifier) = unsafe { (&*opaque.cast::<Inner>(), text(referrer), text(specifier)) };
    // SAFETY: the engine passes a live value.
    let resolved = unsafe { module_type(inner, attributes) }.and_then(|kind| {
        Ok(kind.key(&with_loader(inner, &specifier, |loader| loader.resolve(&specifier, &referrer))?))
    });
    match resolved.and_then(|name| may_evaluate(inner).map(|()| name)) {
        Ok(name) => engine_string(inner, &name),
        Err(e) => {
            inner.throw_host_error(&e);
            ptr::null_mut()
        }
    }
}

/// What import attributes say; a value that the engine has is an object of strings, or undefined.
///
/// # Safety
/// `attributes` must be a live value of this context.
unsafe fn module_type(inner: &Inner, attributes: qjs::JSValue) -> Result<ModuleType, HostError> {
    // SAFETY: tags of live values, and keys and values of an object that is alive meanwhile.
    unsafe {
        if !qjs::JS_IsObject(attributes) {
            return Ok(ModuleType::JavaScript);
        }
        let pairs = std::cell::RefCell::new(Vec::new());
        let read = each_key(inner, attributes, |key, value| {
            // The engine has seen to it that values are strings.
            let key = qjs::JS_AtomToCStringLen(inner.ctx, ptr::null_mut(), key);
            let value = qjs::JS_ToCStringLen(inner.ctx, ptr::null_mut(), value);
            let both = !key.is_null() && !value.is_null();
            if both {
                pairs.borrow_mut().push((text(key), text(value)));
            }
            qjs::JS_FreeCString(inner.ctx, key);
            qjs::JS_FreeCString(inner.ctx, value);
            both
        });
        // Without memory there is no going on: the engine would run into an assertion.
        if !read {
            return Err(HostError::error("the import attributes cannot be read"));
        }
        let pairs = pairs.into_inner();
        ModuleType::of_attributes(pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())))
    }
}

/// Whether import attributes are supported.
pub(crate) unsafe extern "C" fn on_check_attributes(
    _ctx: *mut qjs::JSContext,
    opaque: *mut c_void,
    attributes: qjs::JSValue,
) -> c_int {
    // SAFETY: see the module; the engine passes a live value.
    let (inner, kind) = unsafe {
        let inner = &*opaque.cast::<Inner>();
        (inner, module_type(inner, attributes))
    };
    match kind {
        Ok(_) => 0,
        Err(e) => {
            inner.throw_host_error(&e);
            -1
        }
    }
}

/// Gives a module that was just compiled what its `import.meta` holds. Says whether that worked; if not, an exception waits.
///
/// # Safety
/// `def` must be a module of this context.
pub(crate) unsafe fn fill_meta(inner: &Inner, def: *mut qjs::JSModuleDef, name: &str, is_main: bool) -> bool {
    if inner.loader.borrow().is_none() {
        return true;
    }
    let properties = match with_loader(inner, name, |loader| loader.meta(name, is_main)) {
        Ok(properties) => properties,
        Err(e) => {
            inner.throw_host_error(&e);
            return false;
        }
    };
    // SAFETY: the object is owned here; defining a property takes its value.
    unsafe {
        let meta = qjs::JS_GetImportMeta(inner.ctx, def);
        if qjs::JS_IsException(meta) {
            return false;
        }
        let mut done = true;
        for (key, value) in properties {
            let Ok(key) = CString::new(key) else { continue };
            let value = match inner.to_guest(value, 0) {
                Ok(value) => value,
                Err(refusal) => {
                    if let Refusal::Host(e) = refusal {
                        inner.throw_host_error(&e);
                    }
                    done = false;
                    break;
                }
            };
            let flags = qjs::JS_PROP_C_W_E as c_int;
            if qjs::JS_DefinePropertyValueStr(inner.ctx, meta, key.as_ptr(), value, flags) < 0 {
                done = false;
                break;
            }
        }
        inner.free(meta);
        done
    }
}

/// Whether a module may look at its `import.meta`: there is nothing to be filled in otherwise.
pub(crate) fn mentions_meta(source: &str) -> bool {
    source.contains("import") && source.contains("meta")
}

/// The engine may evaluate a module now, for which the watchdog must not take its stack away; and must not have done so.
fn may_evaluate(inner: &Inner) -> Result<(), HostError> {
    inner.begin_loading();
    match inner.interrupter.stopped() {
        None => Ok(()),
        Some(_) => {
            inner.end_loading();
            Err(HostError::error("the context is stopped"))
        }
    }
}

/// Told of each new promise while modules are linked: the next is that of their evaluation.
pub(crate) unsafe extern "C" fn on_promise(
    _ctx: *mut qjs::JSContext,
    kind: qjs::JSPromiseHookType,
    _promise: qjs::JSValue,
    _parent: qjs::JSValue,
    opaque: *mut c_void,
) {
    if kind == qjs::JSPromiseHookType_JS_PROMISE_HOOK_INIT {
        // SAFETY: see the module; the engine is not inside an allocation.
        unsafe {
            let inner = &*opaque.cast::<Inner>();
            inner.loading.linked();
            (*inner.arena).ask_at_once();
        }
    }
}

/// The module of a resolved name.
pub(crate) unsafe extern "C" fn on_load(
    _ctx: *mut qjs::JSContext,
    name: *const c_char,
    opaque: *mut c_void,
    _attributes: qjs::JSValue,
) -> *mut qjs::JSModuleDef {
    // SAFETY: as in `on_resolve`.
    let (inner, key) = unsafe { (&*opaque.cast::<Inner>(), text(name)) };
    let (name, kind) = ModuleType::of_key(&key);
    let source = match with_loader(inner, name, |loader| loader.load(name, kind)) {
        Ok(source) => source,
        Err(e) => {
            inner.throw_host_error(&e);
            return ptr::null_mut();
        }
    };
    let module_name = name;
    let Ok(name) = CString::new(key.as_str()) else { return ptr::null_mut() };
    let text = match source {
        ModuleSource::Text(text) => text,
        // SAFETY: the engine waits for a module or an exception.
        ModuleSource::Exports(exports) => {
            // SAFETY: as above.
            let def = unsafe { native_module(inner, &name, &exports) };
            return match may_evaluate(inner) {
                Ok(()) => def,
                Err(_) if def.is_null() => def,
                Err(e) => {
                    inner.throw_host_error(&e);
                    ptr::null_mut()
                }
            };
        }
        _ => {
            inner.throw_host_error(&HostError::type_error("this engine knows no such module"));
            return ptr::null_mut();
        }
    };
    let meta = mentions_meta(&text);
    let mut bytes = text.into_bytes();
    bytes.push(0);
    // SAFETY: NUL-terminated source; a compiled module stays alive in the context's list after its value is freed.
    unsafe {
        let flags = (qjs::JS_EVAL_TYPE_MODULE | qjs::JS_EVAL_FLAG_COMPILE_ONLY) as c_int;
        let module = qjs::JS_Eval(inner.ctx, bytes.as_ptr().cast(), (bytes.len() - 1) as _, name.as_ptr(), flags);
        if qjs::JS_IsException(module) {
            return ptr::null_mut();
        }
        let def = qjs::JS_VALUE_GET_PTR(module).cast();
        inner.free(module);
        if meta && !fill_meta(inner, def, module_name, false) {
            return ptr::null_mut();
        }
        if let Err(e) = may_evaluate(inner) {
            inner.throw_host_error(&e);
            return ptr::null_mut();
        }
        def
    }
}

/// A module of values that glue has. They are got now, and become its exports when it is evaluated.
///
/// # Safety
/// The engine must be at a place where an exception may be left pending.
unsafe fn native_module(inner: &Inner, name: &CStr, exports: &Function) -> *mut qjs::JSModuleDef {
    let object = match inner.function_value(exports) {
        Ok(get) => {
            let get = inner.dup(get);
            let object = inner.call(get, qjs::JS_UNDEFINED, &mut []);
            inner.free(get);
            object
        }
        Err(_) => {
            inner.throw_host_error(&HostError::error("a module of another context"));
            return ptr::null_mut();
        }
    };
    // SAFETY: `object` is owned here and given to the module; the atoms of its keys are freed with their list.
    unsafe {
        if qjs::JS_IsException(object) {
            return ptr::null_mut();
        }
        let def = qjs::JS_NewCModule(inner.ctx, name.as_ptr(), Some(fill_native_module));
        let added = !def.is_null()
            && each_key(inner, object, |key, _| {
                let text = qjs::JS_AtomToCStringLen(inner.ctx, ptr::null_mut(), key);
                let added = !text.is_null() && qjs::JS_AddModuleExport(inner.ctx, def, text) == 0;
                qjs::JS_FreeCString(inner.ctx, text);
                added
            });
        if !added {
            inner.free(object);
            return ptr::null_mut();
        }
        qjs::JS_SetModulePrivateValue(inner.ctx, def, object);
        def
    }
}

/// Runs when a module of glue's values is evaluated.
unsafe extern "C" fn fill_native_module(ctx: *mut qjs::JSContext, def: *mut qjs::JSModuleDef) -> c_int {
    // SAFETY: the context's opaque pointer is its `Inner`; the value is the object that `native_module` left.
    unsafe {
        let inner = &*qjs::JS_GetContextOpaque(ctx).cast::<Inner>();
        let object = qjs::JS_GetModulePrivateValue(ctx, def);
        let set = each_key(inner, object, |key, value| {
            let text = qjs::JS_AtomToCStringLen(ctx, ptr::null_mut(), key);
            // Takes the value.
            let set = !text.is_null() && qjs::JS_SetModuleExport(ctx, def, text, inner.dup(value)) == 0;
            qjs::JS_FreeCString(ctx, text);
            set
        });
        inner.free(object);
        if set { 0 } else { -1 }
    }
}

/// Calls `f` with each own property of an object that glue has made, until it says no.
///
/// # Safety
/// `object` must be a live value of this context.
unsafe fn each_key(inner: &Inner, object: qjs::JSValue, f: impl Fn(qjs::JSAtom, qjs::JSValue) -> bool) -> bool {
    let (mut table, mut length) = (ptr::null_mut(), 0);
    // SAFETY: the engine fills in the table, whose atoms it owns until it is freed.
    unsafe {
        let flags = (qjs::JS_GPN_STRING_MASK | qjs::JS_GPN_ENUM_ONLY) as c_int;
        if qjs::JS_GetOwnPropertyNames(inner.ctx, &mut table, &mut length, object, flags) < 0 {
            return false;
        }
        let all = std::slice::from_raw_parts(table, length as usize);
        let done = all.iter().all(|entry| {
            let value = qjs::JS_GetProperty(inner.ctx, object, entry.atom);
            let go_on = !qjs::JS_IsException(value) && f(entry.atom, value);
            inner.free(value);
            go_on
        });
        qjs::JS_FreePropertyEnum(inner.ctx, table, length);
        done
    }
}

fn with_loader<T>(
    inner: &Inner,
    what: &str,
    f: impl FnOnce(&dyn ModuleLoader) -> Result<T, HostError>,
) -> Result<T, HostError> {
    let Some(loader) = inner.loader.borrow().clone() else {
        return Err(HostError::type_error(format!("cannot import '{what}': this runtime has no module loader")));
    };
    catch_unwind(AssertUnwindSafe(|| f(&*loader)))
        .unwrap_or_else(|_| Err(HostError::error(format!("cannot import '{what}': the module loader panicked"))))
}

/// The getter and setter of a global that is not loaded yet: loads its group, or lets the guest's own value stand.
pub(crate) unsafe extern "C" fn lazy_global(
    _ctx: *mut qjs::JSContext,
    _this: qjs::JSValue,
    argc: c_int,
    argv: *mut qjs::JSValue,
    magic: c_int,
) -> qjs::JSValue {
    // SAFETY: see the module; a setter gets one live value, a getter none.
    unsafe {
        let inner = &*qjs::JS_GetContextOpaque(_ctx).cast::<Inner>();
        let index = usize::try_from(magic).unwrap_or(0);
        if argc > 0 { inner.set_lazy(index, inner.dup(*argv)) } else { inner.load_lazy(index) }
    }
}
