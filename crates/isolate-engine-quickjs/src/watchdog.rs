//! Reaches guests that do not ask.
//!
//! The engine asks its interrupt handler once in 10,000 steps, however long a step is: ten thousand calls of a slow
//! builtin can take a minute. The watchdog therefore sets the count-down of every context that is running to its end at
//! each look, so that the next step asks. And at a stop, wherever that comes from, the engine's stack limit is set to
//! nothing as well: then every call into the engine's native code fails at once, which ends most native loops that never
//! ask.
//!
//! The second has an exception. The engine begins to evaluate a module with a look at the stack limit, and ends the process
//! by an assertion if that look fails. So the limit is left alone from the last time that the host was asked about a module
//! until that look is past. Just before it the engine makes the promise of the evaluation, of which its hook tells; from
//! there on the guest asks at its first step, and with that question the exception ends. Nearly all that lies between
//! is the engine's own linking, which takes as long as the modules are large. A guest that gets to run there all the same (by
//! a getter on promises, when a module was evaluated before) is given a moment, and after it the stack that the look needs.
//!
//! Both are plain words that the engine reads and that another thread writes. That is a data race by the letter. It is
//! one aligned word at a time, which the engine loads afresh at each look and cannot see half written on any platform
//! that it supports; the worst outcome is that a write is lost to a concurrent decrement, and the next one follows two
//! milliseconds later.

use std::ffi::c_int;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use isolate_engine::Interrupter;
use isolate_engine::watchdog::Watched;
use rquickjs::qjs;

/// Whether a module is about to be evaluated.
#[derive(Debug, Default)]
pub(crate) struct Loading {
    /// When that began; zero if none is.
    since: AtomicU64,
    /// How much stack the look at its limit needs; zero if that is not known.
    needs: AtomicUsize,
    /// Whether linking is done.
    linked: AtomicBool,
}

impl Loading {
    /// For how long a stopped guest keeps its whole stack.
    const WHOLE: Duration = Duration::from_millis(100);
    /// By how much the engine's frames from the last question to the look may be deeper than ours at that question.
    const FRAMES: usize = 4 << 10;

    fn now() -> u64 {
        static START: OnceLock<Instant> = OnceLock::new();
        u64::try_from(START.get_or_init(Instant::now).elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }

    /// The engine is about to link and to evaluate. `depth` is how much of the stack is in use.
    pub(crate) fn begin(&self, depth: Option<usize>) {
        self.linked.store(false, Ordering::Relaxed);
        self.needs.store(depth.map_or(0, |depth| depth.saturating_add(Self::FRAMES)), Ordering::Relaxed);
        self.since.store(Self::now(), Ordering::SeqCst);
    }

    pub(crate) fn is_under_way(&self) -> bool {
        self.since.load(Ordering::SeqCst) != 0
    }

    /// The promise of the evaluation is made: what asks next is guest code.
    pub(crate) fn linked(&self) {
        self.linked.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_linked(&self) -> bool {
        self.linked.load(Ordering::Relaxed)
    }

    /// Guest code runs, or nothing came of it.
    pub(crate) fn end(&self) {
        self.linked.store(false, Ordering::Relaxed);
        self.since.store(0, Ordering::Relaxed);
    }

    /// The stack that a stopped guest may have; none if it is not to be touched.
    fn stack(&self) -> Option<usize> {
        let begun = match self.since.load(Ordering::SeqCst) {
            0 => return Some(1),
            begun => begun,
        };
        let late = Self::now().saturating_sub(begun) > Self::WHOLE.as_millis() as u64;
        Some(self.needs.load(Ordering::Relaxed)).filter(|needs| late && *needs > 0)
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
            if interrupter.stopped().is_some()
                && let Some(stack) = self.loading.stack()
            {
                qjs::JS_SetMaxStackSize(self.rt, stack as _);
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
