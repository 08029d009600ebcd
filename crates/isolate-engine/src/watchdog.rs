//! For backends: reaches guests that do not ask.
//!
//! An engine that is busy with guest code may look at its [`Interrupter`] late or never. One thread for the whole process
//! therefore looks at the wall clock for every context that is running, every [`PERIOD`], and strikes: what a strike is,
//! the backend says. It also strikes at the moment of a stop, from whichever thread that comes.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread::{self, Thread};
use std::time::Duration;

use crate::Interrupter;

/// How often a running guest is looked at.
pub const PERIOD: Duration = Duration::from_millis(2);
/// After how many looks at nothing the thread goes to sleep until it is woken.
const PATIENCE: u32 = 50;

type Strike = Box<dyn Fn(&Interrupter) + Send>;

/// A context that is watched.
pub struct Watched {
    interrupter: Interrupter,
    running: AtomicBool,
    strike: Mutex<Option<Strike>>,
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").field("running", &self.running).finish_non_exhaustive()
    }
}

impl Watched {
    /// Watches a context until [`forget`](Self::forget). `strike` is called on other threads, and never after that.
    pub fn new(interrupter: &Interrupter, strike: impl Fn(&Interrupter) + Send + 'static) -> Arc<Self> {
        let watched = Arc::new(Self {
            interrupter: interrupter.clone(),
            running: AtomicBool::new(false),
            strike: Mutex::new(Some(Box::new(strike))),
        });
        let at_stop = Arc::downgrade(&watched);
        interrupter.on_stop(move || {
            if let Some(watched) = at_stop.upgrade() {
                watched.strike();
            }
        });
        lock(&watchdog().watched).push(Arc::downgrade(&watched));
        watched
    }

    /// The context goes away.
    pub fn forget(self: &Arc<Self>) {
        let strike = lock(&self.strike).take();
        drop(strike);
        let mut all = lock(&watchdog().watched);
        if let Some(at) = all.iter().position(|w| std::ptr::eq(w.as_ptr(), Arc::as_ptr(self))) {
            all.swap_remove(at);
        }
    }

    /// Guest code begins or ends.
    pub fn set_running(&self, running: bool) {
        self.running.store(running, Ordering::SeqCst);
        if running {
            watchdog().wake();
        }
    }

    fn strike(&self) {
        if let Some(strike) = &*lock(&self.strike) {
            strike(&self.interrupter);
        }
    }
}

struct Watchdog {
    watched: Mutex<Vec<Weak<Watched>>>,
    awake: AtomicBool,
    thread: Thread,
}

impl Watchdog {
    fn wake(&self) {
        if !self.awake.load(Ordering::SeqCst) {
            self.thread.unpark();
        }
    }

    /// One look at every context. Returns whether any was running.
    fn look(&self) -> bool {
        let watched = lock(&self.watched);
        let mut any = false;
        for context in watched.iter().filter_map(Weak::upgrade) {
            if context.running.load(Ordering::SeqCst) {
                any = true;
                context.interrupter.poll_wall();
                context.strike();
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
            .stack_size(256 << 10)
            .spawn(|| {
                // Parked until `get_or_init` is done and there is something to watch.
                thread::park();
                watchdog().run();
            })
            .unwrap_or_else(|e| panic!("the watchdog thread could not be started: {e}"));
        Watchdog { watched: Mutex::default(), awake: AtomicBool::new(false), thread: thread.thread().clone() }
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
