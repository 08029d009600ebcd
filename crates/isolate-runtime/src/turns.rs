//! Turns: only so many guests of a host run at once, and one that is busy gives way.
//!
//! Every runtime has a thread of its own, which sleeps unless its guest runs; a worker is the right to run. So a guest that
//! the engine cannot interrupt, or that blocks in a host call, never takes its neighbours with it: when it does not give
//! way in time, its worker is lent to the next, and the operating system shares the processors out between the two.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use isolate_core::{Interrupter, Turns};

/// After so many guests that come from rest, one that used up its turn goes first.
const FRESH_FIRST: u32 = 3;
/// How often the clocks of those that run are looked at, at least, while others wait.
const LOOK: Duration = Duration::from_millis(1);

/// The workers of a host.
pub(crate) struct Workers {
    slice: Duration,
    state: Mutex<State>,
    waiting: AtomicUsize,
    lent: AtomicUsize,
    monitor: OnceLock<Thread>,
}

#[derive(Default)]
struct State {
    free: usize,
    /// Those that come from rest: what they have to do is probably short.
    fresh: VecDeque<Arc<Seat>>,
    /// Those that used up their turn.
    tired: VecDeque<Arc<Seat>>,
    fresh_in_a_row: u32,
    running: Vec<Running>,
    closed: bool,
}

struct Running {
    seat: Arc<Seat>,
    since: Instant,
    /// It did not give way in time, and its worker is another's.
    lent: bool,
}

/// What one guest has of the workers.
pub(crate) struct Seat {
    workers: Arc<Workers>,
    interrupter: OnceLock<Interrupter>,
    granted: Mutex<bool>,
    wake: Condvar,
    /// Whether it has a turn. Only its own thread changes that.
    seated: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    /// Gives free workers to those that wait.
    fn grant(&mut self, waiting: &AtomicUsize) {
        while self.free > 0 {
            let tired_first = self.fresh_in_a_row >= FRESH_FIRST || self.fresh.is_empty();
            let next = if tired_first { self.tired.pop_front() } else { None };
            self.fresh_in_a_row = if next.is_some() { 0 } else { self.fresh_in_a_row.saturating_add(1) };
            let Some(seat) = next.or_else(|| self.fresh.pop_front()) else {
                self.fresh_in_a_row = 0;
                return;
            };
            self.free -= 1;
            waiting.fetch_sub(1, Ordering::Relaxed);
            self.running.push(Running { seat: seat.clone(), since: Instant::now(), lent: false });
            *lock(&seat.granted) = true;
            seat.wake.notify_one();
        }
    }
}

impl Workers {
    /// So many, each of which a guest has for no longer than a slice while others wait.
    pub(crate) fn new(count: usize, slice: Duration) -> std::io::Result<Arc<Self>> {
        let this = Arc::new(Self {
            slice,
            state: Mutex::new(State { free: count.max(1), ..State::default() }),
            waiting: AtomicUsize::new(0),
            lent: AtomicUsize::new(0),
            monitor: OnceLock::new(),
        });
        let weak = Arc::downgrade(&this);
        let monitor =
            thread::Builder::new().name("isolate-turns".into()).stack_size(256 << 10).spawn(move || watch(&weak))?;
        let _ = this.monitor.set(monitor.thread().clone());
        Ok(this)
    }

    pub(crate) fn seat(self: &Arc<Self>) -> Arc<Seat> {
        Arc::new(Seat {
            workers: self.clone(),
            interrupter: OnceLock::new(),
            granted: Mutex::new(false),
            wake: Condvar::new(),
            seated: AtomicBool::new(false),
        })
    }

    /// How many guests have something to do and no worker.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// How many guests run, those whose worker was lent included.
    pub(crate) fn running(&self) -> usize {
        lock(&self.state).running.len()
    }

    /// How often a worker was lent.
    pub(crate) fn lent(&self) -> usize {
        self.lent.load(Ordering::Relaxed)
    }

    /// Nobody comes any more.
    pub(crate) fn close(&self) {
        lock(&self.state).closed = true;
        self.wake_monitor();
    }

    fn wake_monitor(&self) {
        if let Some(monitor) = self.monitor.get() {
            monitor.unpark();
        }
    }

    /// One look at those that run while others wait. Gives how long to sleep until the next; none while nobody waits.
    fn look(&self) -> Option<Duration> {
        let mut state = lock(&self.state);
        if self.waiting() == 0 {
            return None;
        }
        let mut lent = 0;
        for running in state.running.iter_mut().filter(|r| !r.lent) {
            let had = running.since.elapsed();
            if had >= self.slice * 2 {
                running.lent = true;
                lent += 1;
            } else if had >= self.slice
                && let Some(interrupter) = running.seat.interrupter.get()
            {
                interrupter.ask_to_give_way();
            }
        }
        if lent > 0 {
            tracing::debug!(target: "isolate", workers = lent, "lent the workers of guests that do not give way");
            self.lent.fetch_add(lent, Ordering::Relaxed);
            state.free += lent;
            state.grant(&self.waiting);
        }
        Some(LOOK.min(self.slice))
    }
}

fn watch(workers: &Weak<Workers>) {
    loop {
        let sleep = match workers.upgrade() {
            None => return,
            Some(workers) if lock(&workers.state).closed && workers.waiting() == 0 => return,
            Some(workers) => workers.look(),
        };
        match sleep {
            Some(time) => thread::sleep(time),
            // Now and then it looks whether the host is still there.
            None => thread::park_timeout(Duration::from_secs(1)),
        }
    }
}

impl Seat {
    /// Whose it is, as soon as that is known.
    pub(crate) fn set_interrupter(&self, interrupter: Interrupter) {
        let _ = self.interrupter.set(interrupter);
    }

    /// Whether somebody else could use this guest's turn.
    pub(crate) fn is_wanted(&self) -> bool {
        self.workers.waiting() > 0
    }

    fn wait_for_turn(self: &Arc<Self>, tired: bool) {
        {
            let mut state = lock(&self.workers.state);
            let queue = if tired { &mut state.tired } else { &mut state.fresh };
            queue.push_back(self.clone());
            self.workers.waiting.fetch_add(1, Ordering::Relaxed);
            state.grant(&self.workers.waiting);
        }
        let mut granted = lock(&self.granted);
        if !*granted {
            self.workers.wake_monitor();
        }
        while !*granted {
            granted = self.wake.wait(granted).unwrap_or_else(PoisonError::into_inner);
        }
        *granted = false;
        drop(granted);
        if let Some(interrupter) = self.interrupter.get() {
            interrupter.begin_turn();
        }
        self.seated.store(true, Ordering::Relaxed);
    }

    fn end_turn(self: &Arc<Self>) {
        self.seated.store(false, Ordering::Relaxed);
        let mut state = lock(&self.workers.state);
        if let Some(at) = state.running.iter().position(|r| Arc::ptr_eq(&r.seat, self)) {
            // The worker of one that was lent is in other hands already.
            if !state.running.swap_remove(at).lent {
                state.free += 1;
            }
            state.grant(&self.workers.waiting);
        }
    }

    /// Waits for a turn, unless it has one.
    pub(crate) fn take(self: &Arc<Self>) {
        if !self.seated.load(Ordering::Relaxed) {
            self.wait_for_turn(false);
        }
    }

    /// Ends the turn, if it has one.
    pub(crate) fn release(self: &Arc<Self>) {
        if self.seated.load(Ordering::Relaxed) {
            self.end_turn();
        }
    }
}

/// The seat as the guest's interrupter sees it.
pub(crate) struct OfGuest(pub(crate) Arc<Seat>);

impl Turns for OfGuest {
    fn give_way(&self) {
        // Whoever was waiting may have gone. Outside of a turn, such as while the context is made, there is none to end.
        if self.0.is_wanted() && self.0.seated.load(Ordering::Relaxed) {
            self.0.end_turn();
            self.0.wait_for_turn(true);
        }
    }

    fn leave(&self) {
        self.0.release();
    }

    fn enter(&self) {
        self.0.take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(workers: &Arc<Workers>, work: impl FnOnce(&Arc<Seat>) + Send + 'static) -> thread::JoinHandle<()> {
        let seat = workers.seat();
        thread::spawn(move || {
            seat.take();
            work(&seat);
            seat.release();
        })
    }

    #[test]
    fn no_more_run_at_once_than_there_are_workers() {
        let workers = Workers::new(2, Duration::from_secs(60)).unwrap();
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let threads: Vec<_> = (0..20)
            .map(|_| {
                let (now, most) = (now.clone(), most.clone());
                run(&workers, move |_| {
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    thread::sleep(Duration::from_millis(2));
                    now.fetch_sub(1, Ordering::SeqCst);
                })
            })
            .collect();
        threads.into_iter().for_each(|t| t.join().unwrap());
        assert_eq!(most.load(Ordering::SeqCst), 2);
        assert_eq!((workers.waiting(), workers.running(), workers.lent()), (0, 0, 0));
    }

    #[test]
    fn one_that_is_asked_gives_way_and_goes_on_later() {
        let workers = Workers::new(1, Duration::from_millis(1)).unwrap();
        let interrupter = Interrupter::new();
        let (order, asked) = (Arc::new(Mutex::new(Vec::new())), interrupter.clone());
        let (begun, has_begun) = std::sync::mpsc::channel();
        let noted = order.clone();
        let busy = run(&workers, move |seat| {
            seat.set_interrupter(asked.clone());
            asked.set_turns(Arc::new(OfGuest(seat.clone())));
            begun.send(()).unwrap();
            while noted.lock().unwrap().is_empty() {
                assert_eq!(asked.poll(), None);
            }
            noted.lock().unwrap().push("busy");
        });
        has_begun.recv().unwrap();
        let noted = order.clone();
        run(&workers, move |_| noted.lock().unwrap().push("short")).join().unwrap();
        busy.join().unwrap();
        assert_eq!(*order.lock().unwrap(), ["short", "busy"]);
    }

    #[test]
    fn the_worker_of_one_that_does_not_give_way_is_lent() {
        let workers = Workers::new(1, Duration::from_millis(1)).unwrap();
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let (begun, has_begun) = std::sync::mpsc::channel();
        let deaf = run(&workers, move |_| {
            begun.send(()).unwrap();
            wait.recv().unwrap();
        });
        has_begun.recv().unwrap();
        run(&workers, |_| {}).join().unwrap();
        assert_eq!(workers.lent(), 1);
        go.send(()).unwrap();
        deaf.join().unwrap();
        let state = lock(&workers.state);
        assert_eq!((state.free, state.running.len()), (1, 0));
    }
}
