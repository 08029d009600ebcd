//! What V8 calls.
//!
//! None of these may unwind, and all find their context through a pointer that the isolate keeps.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};

use isolate_engine::{HostError, Value};
use smallvec::SmallVec;
use v8::Local;

use crate::context::{Builtin, Inner, Scope, V8Context};
use crate::convert::Refusal;

/// Host functions.
pub(crate) fn call_host<'s>(
    scope: &mut Scope<'s, '_>,
    args: v8::FunctionCallbackArguments<'s>,
    mut rv: v8::ReturnValue<v8::Value>,
) {
    let inner = Inner::of(scope);
    if inner.interrupter.stopped().is_some() {
        scope.terminate_execution();
        return;
    }
    let key = args.data().try_cast::<v8::Number>().map_or(usize::MAX, |n| n.value() as usize);
    inner.sweep();
    let Some(callable) = inner.functions.borrow().get(key).cloned() else { return };
    let f = &callable.function;
    if f.promise {
        return call_promise(scope, inner, f, &args, rv);
    }
    let result = run_host(scope, inner, f, &args);
    if inner.interrupter.stopped().is_some() {
        scope.terminate_execution();
        return;
    }
    match result {
        Ok(v) => rv.set(v),
        Err(refusal) => inner.throw(scope, refusal),
    }
}

/// Calls the body of a host function.
fn run_host<'s>(
    scope: &mut Scope<'s, '_>,
    inner: &Inner,
    f: &isolate_engine::HostFunction,
    args: &v8::FunctionCallbackArguments<'s>,
) -> Result<Local<'s, v8::Value>, Refusal> {
    catch_unwind(AssertUnwindSafe(|| {
        let mut values: SmallVec<[Value; 4]> = SmallVec::new();
        for i in 0..args.length() {
            values.push(inner.to_host(scope, args.get(i), f.arguments)?);
        }
        // SAFETY: `inner` is alive during the call, since the isolate that makes it is.
        let context = unsafe { V8Context::borrow(inner) };
        let value = (f.callback)(&*context, &mut values).map_err(Refusal::Host)?;
        if inner.interrupter.stopped().is_some() {
            return Err(Refusal::Pending);
        }
        inner.to_guest(scope, value)
    }))
    .unwrap_or_else(|_| Err(Refusal::Host(HostError::error("a host function panicked"))))
}

/// Calls a host function that returns a promise.
fn call_promise<'s>(
    scope: &mut Scope<'s, '_>,
    inner: &Inner,
    f: &isolate_engine::HostFunction,
    args: &v8::FunctionCallbackArguments<'s>,
    mut rv: v8::ReturnValue<v8::Value>,
) {
    v8::tc_scope!(let tc, scope);
    let result = run_host(tc, inner, f, args);
    if inner.interrupter.stopped().is_some() {
        tc.terminate_execution();
        return;
    }
    let Some(resolver) = v8::PromiseResolver::new(tc) else {
        tc.rethrow();
        return;
    };
    rv.set(resolver.get_promise(tc).into());
    match result {
        Ok(v) => {
            resolver.resolve(tc, v);
        }
        Err(refusal) => match inner.reason(tc, refusal) {
            Ok(reason) => {
                resolver.reject(tc, reason);
            }
            Err(_) => {
                tc.rethrow();
            }
        },
    }
    if tc.has_terminated() {
        tc.terminate_execution();
    }
}

/// Told when a promise is rejected with no handler, and when it gets one after all.
pub(crate) unsafe extern "C" fn on_rejection(message: v8::PromiseRejectMessage) {
    v8::callback_scope!(unsafe scope, &message);
    let inner = Inner::of(scope);
    let promise = message.get_promise();
    match message.get_event() {
        v8::PromiseRejectEvent::PromiseRejectWithNoHandler => {
            let undefined = v8::undefined(scope).into();
            let reason = message.get_value().unwrap_or(undefined);
            inner.rejections.borrow_mut().add(scope, promise, reason);
        }
        v8::PromiseRejectEvent::PromiseHandlerAddedAfterReject => inner.handled_late(scope, promise),
        _ => {}
    }
}

/// Told of what nobody catches: microtasks that throw.
pub(crate) unsafe extern "C" fn on_message(message: Local<v8::Message>, thrown: Local<v8::Value>) {
    v8::callback_scope!(unsafe scope, message);
    let inner = Inner::of(scope);
    if inner.interrupter.stopped().is_none() {
        inner.rejections.borrow_mut().add_uncaught(scope, thrown);
    }
}

/// Told after each collection.
pub(crate) unsafe extern "C" fn on_garbage(
    isolate: v8::UnsafeRawIsolatePtr,
    _kind: v8::GCType,
    _flags: v8::GCCallbackFlags,
    _data: *mut c_void,
) {
    // SAFETY: the isolate that collects, which is not dropped here.
    let isolate = std::mem::ManuallyDrop::new(unsafe { v8::Isolate::from_raw_isolate_ptr(isolate) });
    let inner = Inner::of(&isolate);
    inner.collected.set(true);
    if inner.measure() && inner.interrupter.stopped().is_none() {
        // Young collections leave garbage in the old space: only a full one tells.
        isolate.thread_safe_handle().request_interrupt(on_pressure, std::ptr::null_mut());
    }
}

/// Heap, buffers and the host's bytes together passed the limit at the last collection.
unsafe extern "C" fn on_pressure(isolate: v8::UnsafeRawIsolatePtr, _data: *mut c_void) {
    // SAFETY: the isolate that is interrupted, which is not dropped here.
    let mut isolate = std::mem::ManuallyDrop::new(unsafe { v8::Isolate::from_raw_isolate_ptr(isolate) });
    let inner = Inner::of(&isolate);
    inner.check_heap(&mut isolate);
    if inner.interrupter.stopped().is_some() {
        isolate.terminate_execution();
    }
}

/// Asked now and then whether to go on.
pub(crate) unsafe extern "C" fn on_interrupt(isolate: v8::UnsafeRawIsolatePtr, data: *mut c_void) {
    // SAFETY: as above.
    let copy = std::mem::ManuallyDrop::new(unsafe { v8::Isolate::from_raw_isolate_ptr(isolate) });
    if Inner::of(&copy).interrupter.poll().is_some() {
        copy.terminate_execution();
        return;
    }
    // SAFETY: what V8 passed.
    unsafe { on_pressure(isolate, data) };
}

/// Asked whether a module of WebAssembly may be compiled.
pub(crate) unsafe extern "C" fn refuse_wasm(_context: Local<v8::Context>, _source: Local<v8::String>) -> bool {
    false
}

/// Asked what an error's `stack` is.
pub(crate) fn prepare_stack_trace<'s>(
    scope: &mut Scope<'s, '_>,
    error: Local<'s, v8::Value>,
    sites: Local<'s, v8::Array>,
) -> Local<'s, v8::Value> {
    let inner = Inner::of(scope);
    let prepare = inner.builtin(scope, Builtin::PrepareStackTrace);
    v8::tc_scope!(let tc, scope);
    let undefined = v8::undefined(tc).into();
    let stack = match Local::<v8::Function>::try_from(prepare) {
        Ok(prepare) => prepare.call(tc, undefined, &[error, sites.into()]),
        Err(_) => None,
    };
    if inner.interrupter.stopped().is_some() {
        tc.terminate_execution();
    }
    stack.unwrap_or(undefined)
}
