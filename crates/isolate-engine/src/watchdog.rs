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
    /// Whether it is among those that are looked at.
    listed: AtomicBool,
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
            listed: AtomicBool::new(false),
            strike: Mutex::new(Some(Box::new(strike))),
        });
        let at_stop = Arc::downgrade(&watched);
        interrupter.on_stop(move || {
            if let Some(watched) = at_stop.upgrade() {
                watched.strike();
            }
        });
        watched
    }

    /// The context goes away.
    pub fn forget(self: &Arc<Self>) {
        self.running.store(false, Ordering::SeqCst);
        let strike = lock(&self.strike).take();
        drop(strike);
    }

    /// Guest code begins or ends.
    pub fn set_running(self: &Arc<Self>, running: bool) {
        self.running.store(running, Ordering::SeqCst);
        if running {
            // Once for all the calls between two looks.
            if !self.listed.swap(true, Ordering::SeqCst) {
                lock(&watchdog().listed).push(Arc::downgrade(self));
            }
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
    /// Those that ran at some of the last looks. There may be ten thousand that do not.
    listed: Mutex<Vec<Weak<Watched>>>,
    awake: AtomicBool,
    thread: Thread,
}

impl Watchdog {
    fn wake(&self) {
        if !self.awake.load(Ordering::SeqCst) {
            self.thread.unpark();
        }
    }

    /// One look at every context that may be running. Returns whether any was.
    fn look(&self) -> bool {
        let mut any = false;
        lock(&self.listed).retain(|listed| {
            let Some(context) = listed.upgrade() else { return false };
            if !context.running.load(Ordering::SeqCst) {
                context.listed.store(false, Ordering::SeqCst);
                // One that began to run before that store did not list itself.
                if !context.running.load(Ordering::SeqCst) || context.listed.swap(true, Ordering::SeqCst) {
                    return false;
                }
            }
            any = true;
            context.interrupter.poll_wall();
            context.strike();
            true
        });
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
        Watchdog { listed: Mutex::default(), awake: AtomicBool::new(false), thread: thread.thread().clone() }
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
