//! Reaches guests that do not ask.
//!
//! The engine asks its interrupt handler once in 10,000 steps, however long a step is: ten thousand calls of a slow
//! builtin can take a minute. One thread for the whole process therefore sets the count-down of every context that is
//! running to its end every [`PERIOD`], so that the next step asks. And at a stop, wherever that comes from, the
//! engine's stack limit is set to nothing as well: then every call into the engine's native code fails at once, which
//! ends most native loops that never ask.
//!
//! Both are plain words that the engine reads and that another thread writes. That is a data race by the letter. It is
//! one aligned word at a time, which the engine loads afresh at each look and cannot see half written on any platform
//! that it supports; the worst outcome is that a write is lost to a concurrent decrement, and the next one follows two
//! milliseconds later.

use std::ffi::c_int;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread::{self, Thread};
use std::time::Duration;

use isolate_engine::Interrupter;
use rquickjs::qjs;

/// How often a running guest is made to ask.
const PERIOD: Duration = Duration::from_millis(2);
/// After how many looks at nothing the thread goes to sleep until it is woken.
const PATIENCE: u32 = 50;

/// What may be written from another thread.
struct Words {
    rt: *mut qjs::JSRuntime,
    counter: *mut c_int,
}

// SAFETY: the pointers are only used under the mutex of their target, which the context empties before it goes.
unsafe impl Send for Words {}

/// A context that is watched.
pub(crate) struct Target {
    interrupter: Interrupter,
    running: AtomicBool,
    words: Mutex<Option<Words>>,
}

impl Target {
    /// Watches a context until [`forget`](Self::forget).
    ///
    /// # Safety
    /// Until then `rt` is a live runtime and `counter` the count-down in a live context of it.
    pub(crate) unsafe fn watch(interrupter: &Interrupter, rt: *mut qjs::JSRuntime, counter: *mut c_int) -> Arc<Self> {
        let target = Arc::new(Self {
            interrupter: interrupter.clone(),
            running: AtomicBool::new(false),
            words: Mutex::new(Some(Words { rt, counter })),
        });
        let at_stop = Arc::downgrade(&target);
        interrupter.on_stop(move || {
            if let Some(target) = at_stop.upgrade() {
                target.strike();
            }
        });
        let watchdog = watchdog();
        lock(&watchdog.targets).push(Arc::downgrade(&target));
        target
    }

    /// The context goes away.
    pub(crate) fn forget(self: &Arc<Self>) {
        *lock(&self.words) = None;
        let mut targets = lock(&watchdog().targets);
        if let Some(at) = targets.iter().position(|t| std::ptr::eq(t.as_ptr(), Arc::as_ptr(self))) {
            targets.swap_remove(at);
        }
    }

    /// Guest code begins or ends.
    pub(crate) fn set_running(&self, running: bool) {
        self.running.store(running, Ordering::SeqCst);
        if running {
            watchdog().wake();
        }
    }

    /// Makes the guest ask at its next step and, if it is stopped, makes native calls fail.
    fn strike(&self) {
        if let Some(words) = &*lock(&self.words) {
            // SAFETY: both are live while the mutex is held; see the module for what it means to write them from here.
            unsafe {
                AtomicI32::from_ptr(words.counter).store(1, Ordering::Relaxed);
                if self.interrupter.stopped().is_some() {
                    qjs::JS_SetMaxStackSize(words.rt, 1);
                }
            }
        }
    }
}

struct Watchdog {
    targets: Mutex<Vec<Weak<Target>>>,
    awake: AtomicBool,
    thread: Thread,
}

impl Watchdog {
    fn wake(&self) {
        if !self.awake.load(Ordering::SeqCst) {
            self.thread.unpark();
        }
    }

    /// One look at every target. Returns whether any was running.
    fn look(&self) -> bool {
        let targets = lock(&self.targets);
        let mut any = false;
        for target in targets.iter().filter_map(Weak::upgrade) {
            if target.running.load(Ordering::SeqCst) {
                any = true;
                target.interrupter.poll_wall();
                target.strike();
            }
        }
        any
    }

    fn run(&self) {
        loop {
            self.awake.store(true, Ordering::SeqCst);
            let mut idle = 0;
            while idle < PATIENCE {
                idle = if self.look() { 0 } else { idle + 1 };
                thread::sleep(PERIOD);
            }
            self.awake.store(false, Ordering::SeqCst);
            // Whoever began to run before that store did not wake us.
            if !self.look() {
                thread::park();
            }
        }
    }
}

fn watchdog() -> &'static Watchdog {
    static WATCHDOG: OnceLock<Watchdog> = OnceLock::new();
    WATCHDOG.get_or_init(|| {
        let thread = thread::Builder::new()
            .name("isolate-watchdog".into())
            .stack_size(64 << 10)
            .spawn(|| {
                // Parked until `get_or_init` is done and there is something to watch.
                thread::park();
                watchdog().run();
            })
            .unwrap_or_else(|e| panic!("the watchdog thread could not be started: {e}"));
        Watchdog { targets: Mutex::default(), awake: AtomicBool::new(false), thread: thread.thread().clone() }
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
