//! The baseline: QuickJS-NG through its C interface, with nothing of ours around it but an interrupt handler that looks
//! at the clock.

use std::ffi::{CString, c_int, c_void};
use std::time::{Duration, Instant};

use rquickjs::qjs;

/// One runtime with one context.
pub struct Raw {
    rt: *mut qjs::JSRuntime,
    ctx: *mut qjs::JSContext,
    deadline: Box<Instant>,
}

unsafe extern "C" fn past(_: *mut qjs::JSRuntime, deadline: *mut c_void) -> c_int {
    // SAFETY: points to the boxed deadline of the runtime that calls.
    c_int::from(Instant::now() >= unsafe { *deadline.cast::<Instant>() })
}

unsafe extern "C" fn add(
    _ctx: *mut qjs::JSContext,
    _this: qjs::JSValue,
    argc: c_int,
    argv: *mut qjs::JSValue,
) -> qjs::JSValue {
    // SAFETY: the engine passes `argc` values; the tag says what each is.
    unsafe {
        let number = |i: usize| match qjs::JS_VALUE_GET_NORM_TAG(*argv.add(i)) {
            qjs::JS_TAG_INT => f64::from(qjs::JS_VALUE_GET_INT(*argv.add(i))),
            _ => qjs::JS_VALUE_GET_FLOAT64(*argv.add(i)),
        };
        if argc < 2 { qjs::JS_UNDEFINED } else { qjs::JS_NewFloat64(number(0) + number(1)) }
    }
}

impl Raw {
    /// A runtime and a context with all intrinsics.
    pub fn new() -> Self {
        // SAFETY: the usual order of creation, on one thread.
        unsafe {
            let rt = qjs::JS_NewRuntime();
            let ctx = qjs::JS_NewContext(rt);
            assert!(!ctx.is_null());
            let mut deadline = Box::new(Instant::now() + Duration::from_secs(3600));
            qjs::JS_SetInterruptHandler(rt, Some(past), (&raw mut *deadline).cast());
            Self { rt, ctx, deadline }
        }
    }

    /// Defines `add(a, b)` on the global object.
    pub fn define_add(&self) {
        // SAFETY: a live context; the property takes the function.
        unsafe {
            let global = qjs::JS_GetGlobalObject(self.ctx);
            let f = qjs::JS_NewCFunction2(
                self.ctx,
                Some(add),
                c"add".as_ptr(),
                2,
                qjs::JSCFunctionEnum_JS_CFUNC_generic,
                0,
            );
            qjs::JS_SetPropertyStr(self.ctx, global, c"add".as_ptr(), f);
            qjs::JS_FreeValue(self.ctx, global);
        }
    }

    /// Evaluates a script and its microtasks, and gives its completion value as a number.
    pub fn eval(&self, source: &str) -> f64 {
        assert!(*self.deadline > Instant::now());
        let code = CString::new(source).unwrap();
        // SAFETY: a live context and NUL-terminated source.
        unsafe {
            let v = qjs::JS_Eval(self.ctx, code.as_ptr(), code.count_bytes() as _, c"bench.js".as_ptr(), 0);
            assert!(!qjs::JS_IsException(v), "{source}");
            let mut ctx = std::ptr::null_mut();
            while qjs::JS_ExecutePendingJob(self.rt, &raw mut ctx) > 0 {}
            let n = match qjs::JS_VALUE_GET_NORM_TAG(v) {
                qjs::JS_TAG_INT => f64::from(qjs::JS_VALUE_GET_INT(v)),
                qjs::JS_TAG_FLOAT64 => qjs::JS_VALUE_GET_FLOAT64(v),
                _ => f64::NAN,
            };
            qjs::JS_FreeValue(self.ctx, v);
            n
        }
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // SAFETY: made in `new`, used on this thread alone.
        unsafe {
            qjs::JS_FreeContext(self.ctx);
            qjs::JS_FreeRuntime(self.rt);
        }
    }
}
