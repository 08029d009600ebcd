//! Scripts with `await` at their top level.
//!
//! The language has none, but V8 has a mode for consoles in which a script may await and its declarations are global all
//! the same. Its C++ interface has a function for it that the `v8` crate does not wrap, so it is declared here.

use std::ffi::c_int;

use isolate_engine::HostError;
use v8::Local;

use crate::context::{Builtin, Inner, Scope};
use crate::convert::{Refusal, made};

/// `v8::debug::EvaluateGlobalMode::kDefault`.
const DEFAULT: c_int = 0;

unsafe extern "C" {
    /// `MaybeLocal<Value> v8::debug::EvaluateGlobal(Isolate*, Local<String>, EvaluateGlobalMode, bool repl)`.
    #[link_name = "_ZN2v85debug14EvaluateGlobalEPNS_7IsolateENS_5LocalINS_6StringEEENS0_18EvaluateGlobalModeEb"]
    fn evaluate_global(
        isolate: v8::UnsafeRawIsolatePtr,
        source: Local<'_, v8::String>,
        mode: c_int,
        repl: bool,
    ) -> *const v8::Value;
}

/// Whether a script that does not compile might with `await`.
pub(crate) fn might_await(source: &str) -> bool {
    source.contains("await")
}

impl Inner {
    /// Begins a script that awaits at its top level, and gives V8's promise of its completion. What it throws at once is
    /// that it does not compile.
    pub(crate) fn start_awaiting<'s>(
        scope: &mut Scope<'s, '_>,
        source: &str,
        filename: &str,
    ) -> Result<Local<'s, v8::Value>, Refusal> {
        // The name of a source is part of it here: it ends at white space and has no quotes.
        let url: String =
            filename.chars().map(|c| if c.is_whitespace() || matches!(c, '"' | '\'') { '_' } else { c }).collect();
        let source = made(v8::String::new(scope, &format!("{source}\n//# sourceURL={url}")))?;
        // SAFETY: the isolate is entered and its context too. Both handles are one pointer each, and so is the result,
        // which V8 passes in registers; it is a handle of the scope that is open, or null with an exception.
        let promise = unsafe {
            let promise = evaluate_global(scope.as_raw_isolate_ptr(), source, DEFAULT, true);
            std::mem::transmute::<*const v8::Value, Option<Local<'s, v8::Value>>>(promise)
        };
        made(promise)
    }

    /// The promise of a completion value, given to `apply` if that is a function.
    pub(crate) fn completion<'s>(
        &self,
        scope: &mut Scope<'s, '_>,
        promise: Local<'s, v8::Value>,
        apply: Local<'s, v8::Value>,
    ) -> Result<Local<'s, v8::Value>, Refusal> {
        let completion = Local::<v8::Function>::try_from(self.builtin(scope, Builtin::Completion))
            .map_err(|_| HostError::error("the context is not ready"))?;
        let undefined = v8::undefined(scope);
        made(completion.call(scope, undefined.into(), &[promise, apply]))
    }
}
