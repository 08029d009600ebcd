//! Reaches guests that do not ask.
//!
//! The engine asks its interrupt handler once in 10,000 steps, however long a step is: ten thousand calls of a slow
//! builtin can take a minute. The watchdog therefore sets the count-down of every context that is running to its end at
//! each look, so that the next step asks. And at a stop, wherever that comes from, the engine's stack limit is set to
//! nothing as well: then every call into the engine's native code fails at once, which ends most native loops that never
//! ask.
//!
//! The second has an exception. The engine begins to evaluate a module with a look at the stack limit, and ends the process
//! by an assertion if that look fails. So it is left alone from the last time that the host was asked about a module until guest
//! code runs (and asks at its first step), or a moment has passed.
//!
//! Both are plain words that the engine reads and that another thread writes. That is a data race by the letter. It is
//! one aligned word at a time, which the engine loads afresh at each look and cannot see half written on any platform
//! that it supports; the worst outcome is that a write is lost to a concurrent decrement, and the next one follows two
//! milliseconds later.

use std::ffi::c_int;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use isolate_engine::Interrupter;
use isolate_engine::watchdog::Watched;
use rquickjs::qjs;

/// Whether a module is about to be evaluated.
#[derive(Debug, Default)]
pub(crate) struct Loading(AtomicU64);

impl Loading {
    /// How long it takes at most to link modules once all are there.
    const MOST: Duration = Duration::from_millis(100);

    fn now() -> u64 {
        static START: OnceLock<Instant> = OnceLock::new();
        u64::try_from(START.get_or_init(Instant::now).elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }

    pub(crate) fn begin(&self) {
        self.0.store(Self::now(), Ordering::SeqCst);
    }

    /// Guest code runs, or nothing came of it.
    pub(crate) fn end(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    fn is_under_way(&self) -> bool {
        match self.0.load(Ordering::SeqCst) {
            0 => false,
            begun => Self::now().saturating_sub(begun) <= Self::MOST.as_millis() as u64,
        }
    }
}

/// What is written from another thread.
struct Words {
    rt: *mut qjs::JSRuntime,
    counter: *mut c_int,
    loading: Arc<Loading>,
}

// SAFETY: the pointers are only used by strikes, none of which follows the context's `forget`.
unsafe impl Send for Words {}

impl Words {
    /// Makes the guest ask at its next step and, if it is stopped, makes native calls fail.
    fn strike(&self, interrupter: &Interrupter) {
        // SAFETY: both are live until the context is forgotten; see the module for what it means to write them from here.
        unsafe {
            AtomicI32::from_ptr(self.counter).store(1, Ordering::Relaxed);
            if interrupter.stopped().is_some() && !self.loading.is_under_way() {
                qjs::JS_SetMaxStackSize(self.rt, 1);
            }
        }
    }
}

/// Watches a context until it is forgotten.
///
/// # Safety
/// Until then `rt` is a live runtime and `counter` the count-down in a live context of it.
pub(crate) unsafe fn watch(
    interrupter: &Interrupter,
    rt: *mut qjs::JSRuntime,
    counter: *mut c_int,
    loading: Arc<Loading>,
) -> Arc<Watched> {
    let words = Words { rt, counter, loading };
    Watched::new(interrupter, move |interrupter| words.strike(interrupter))
}
