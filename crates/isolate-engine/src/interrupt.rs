//! The stop switch of a context.
//!
//! One plain struct rather than a trait: a deadline, a processor budget and a flag are the same for every engine.
//! Engines that ask now and then whether to go on call [`Interrupter::poll`]; engines that must be told install a hook
//! with [`Interrupter::on_stop`] and let a watchdog thread poll.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::Termination;

const NEVER: u64 = u64::MAX;
const MOST_WAKERS: usize = 16;

struct Inner {
    stop: AtomicU8,
    anchor: Instant,
    /// Nanoseconds after `anchor`.
    deadline: AtomicU64,
    /// Nanoseconds on the owner thread's processor clock.
    cpu: AtomicU64,
    /// For how long the clocks were held in all, in nanoseconds, without the present hold.
    held: AtomicU64,
    /// Since when they are held, in nanoseconds after `anchor`; [`NEVER`] if they are not.
    hold: AtomicU64,
    hook: OnceLock<Box<dyn Fn() + Send + Sync>>,
    turns: OnceLock<Arc<dyn Turns>>,
    /// Whether the guest is to give way to another at its next poll.
    gives_way: AtomicBool,
    wakers: Mutex<Vec<Waker>>,
    /// Of those that wait for long, by their numbers.
    waiting: Mutex<BTreeMap<u64, Waker>>,
    next: AtomicU64,
}

/// Lets only so many guests run at once, by turns. All of it is called on the guest's own thread, which may be made to wait.
pub trait Turns: Send + Sync {
    /// The guest has a turn and was [asked to give way](Interrupter::ask_to_give_way): ends its turn, and waits for another.
    fn give_way(&self);
    /// The guest is about to wait for something: its turn ends.
    fn leave(&self);
    /// The guest is to run again: waits for a turn.
    fn enter(&self);
}

/// Stops a context from any thread. Clones are the same switch.
///
/// The first reason wins, and there is no way back.
#[derive(Clone)]
pub struct Interrupter(Arc<Inner>);

impl fmt::Debug for Interrupter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Interrupter").field(&self.stopped()).finish()
    }
}

impl Default for Interrupter {
    fn default() -> Self {
        Self::new()
    }
}

impl Interrupter {
    /// A switch that is not thrown, with no deadline.
    pub fn new() -> Self {
        Self(Arc::new(Inner {
            stop: AtomicU8::new(0),
            anchor: Instant::now(),
            deadline: AtomicU64::new(NEVER),
            cpu: AtomicU64::new(NEVER),
            held: AtomicU64::new(0),
            hold: AtomicU64::new(NEVER),
            hook: OnceLock::new(),
            turns: OnceLock::new(),
            gives_way: AtomicBool::new(false),
            wakers: Mutex::new(Vec::new()),
            waiting: Mutex::default(),
            next: AtomicU64::new(0),
        }))
    }

    /// Stops the context. Returns whether this call was the one that did.
    pub fn terminate(&self, reason: Termination) -> bool {
        let code = match reason {
            Termination::Deadline => 1,
            Termination::Cpu => 2,
            Termination::Cancelled => 3,
            Termination::Memory => 4,
        };
        let first = self.0.stop.compare_exchange(0, code, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if first {
            if let Some(hook) = self.0.hook.get() {
                hook();
            }
            let wakers = std::mem::take(&mut *self.0.wakers.lock().unwrap_or_else(PoisonError::into_inner));
            let waiting = std::mem::take(&mut *self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner));
            wakers.into_iter().chain(waiting.into_values()).for_each(Waker::wake);
        }
        first
    }

    /// Why the context is stopped, if it is.
    #[inline]
    pub fn stopped(&self) -> Option<Termination> {
        match self.0.stop.load(Ordering::Acquire) {
            0 => None,
            1 => Some(Termination::Deadline),
            2 => Some(Termination::Cpu),
            3 => Some(Termination::Cancelled),
            _ => Some(Termination::Memory),
        }
    }

    /// Sets or clears the wall-clock deadline.
    pub fn set_deadline(&self, deadline: Option<Instant>) {
        let nanos = deadline.map_or(NEVER, |d| nanos(d.saturating_duration_since(self.0.anchor)));
        self.0.deadline.store(nanos, Ordering::Relaxed);
    }

    /// Sets or clears the processor deadline, as a reading of [`thread_cpu_time`] on the owner thread.
    pub fn set_cpu_deadline(&self, reading: Option<Duration>) {
        self.0.cpu.store(reading.map_or(NEVER, nanos), Ordering::Relaxed);
    }

    /// For backends: whether there is a processor deadline, which only the owner thread can look at.
    pub fn has_cpu_deadline(&self) -> bool {
        self.0.cpu.load(Ordering::Relaxed) != NEVER
    }

    /// For backends: whether to stop, now that the clocks have been read. To be called on the owner thread, which is made to
    /// wait here while it is another guest's turn.
    pub fn poll(&self) -> Option<Termination> {
        self.give_way();
        if let Some(reason) = self.poll_wall() {
            return Some(reason);
        }
        if self.is_held() {
            return None;
        }
        let cpu = self.0.cpu.load(Ordering::Relaxed);
        if cpu != NEVER && nanos(thread_cpu_time()) >= cpu {
            self.terminate(Termination::Cpu);
        }
        self.stopped()
    }

    /// Has the guest run by turns. Only the first call counts.
    pub fn set_turns(&self, turns: Arc<dyn Turns>) {
        let _ = self.0.turns.set(turns);
    }

    /// Has the guest give way to another the next time that it polls. Works from any thread.
    pub fn ask_to_give_way(&self) {
        self.0.gives_way.store(true, Ordering::Release);
    }

    /// A turn begins: what was asked in the last one is void.
    pub fn begin_turn(&self) {
        self.0.gives_way.store(false, Ordering::Release);
    }

    /// Whether the guest was asked to give way and has not done so yet.
    #[inline]
    pub fn is_asked_to_give_way(&self) -> bool {
        self.0.gives_way.load(Ordering::Relaxed)
    }

    /// Gives way to another guest, if this one was asked to and no debugger has it paused. To be called on the owner thread,
    /// between steps that may be short and many; [`poll`](Self::poll) does the same.
    pub fn give_way(&self) {
        if self.is_asked_to_give_way()
            && !self.is_held()
            && let Some(turns) = self.0.turns.get()
        {
            self.0.gives_way.store(false, Ordering::Release);
            turns.give_way();
        }
    }

    /// Lets other guests have this one's turn until the result is dropped. For waits within a host call, on the owner thread.
    pub fn rest(&self) -> Rest {
        let turns = self.0.turns.get().cloned();
        if let Some(turns) = &turns {
            turns.leave();
        }
        Rest { turns }
    }

    /// Holds the clocks, on the owner thread, until the result is dropped: no deadline passes while a debugger has the
    /// guest paused, and what is left of each is left afterwards. A hold within a hold changes nothing.
    pub fn hold(&self) -> Hold {
        let now = nanos(self.0.anchor.elapsed());
        let first = self.0.hold.compare_exchange(NEVER, now, Ordering::AcqRel, Ordering::Acquire).is_ok();
        Hold { interrupter: self.clone(), cpu: first.then(thread_cpu_time) }
    }

    /// Whether the clocks are held.
    pub fn is_held(&self) -> bool {
        self.0.hold.load(Ordering::Acquire) != NEVER
    }

    /// For how long the clocks were held in all.
    pub fn held(&self) -> Duration {
        let since = self.0.hold.load(Ordering::Acquire);
        let now = if since == NEVER { 0 } else { nanos(self.0.anchor.elapsed()).saturating_sub(since) };
        Duration::from_nanos(self.0.held.load(Ordering::Acquire).saturating_add(now))
    }

    /// For watchdogs, from any thread: whether to stop, now that the wall clock has been read.
    pub fn poll_wall(&self) -> Option<Termination> {
        // In this order: a hold that ends meanwhile has moved the deadline before it is read, and the time that it is
        // compared with was read before.
        let now = nanos(self.0.anchor.elapsed());
        let is_held = self.is_held();
        let deadline = self.0.deadline.load(Ordering::Acquire);
        if deadline != NEVER && !is_held && now >= deadline {
            self.terminate(Termination::Deadline);
        }
        self.stopped()
    }

    /// For backends: what to do at the moment of the stop, on whichever thread it comes from. Only the first hook
    /// counts.
    pub fn on_stop(&self, hook: impl Fn() + Send + Sync + 'static) {
        let _ = self.0.hook.set(Box::new(hook));
    }

    /// A future of the stop. It is forgotten when it is dropped: for those of which there may be many at once.
    pub fn when_stopped(&self) -> WhenStopped {
        WhenStopped { interrupter: self.clone(), key: self.0.next.fetch_add(1, Ordering::Relaxed) }
    }

    /// Ready once the context is stopped; wakes the task when that happens. For the few that run the context: of more
    /// than a dozen tasks that poll, the oldest is woken for nothing.
    pub fn poll_stopped(&self, cx: &mut Context<'_>) -> Poll<Termination> {
        if let Some(reason) = self.stopped() {
            return Poll::Ready(reason);
        }
        {
            let mut wakers = self.0.wakers.lock().unwrap_or_else(PoisonError::into_inner);
            if !wakers.iter().any(|w| w.will_wake(cx.waker())) {
                // Tasks come and go without a word. The oldest is woken to make room: if it still waits, it comes back.
                if wakers.len() >= MOST_WAKERS {
                    wakers.remove(0).wake();
                }
                wakers.push(cx.waker().clone());
            }
        }
        // The stop may have come between the first look and the registration.
        self.stopped().map_or(Poll::Pending, Poll::Ready)
    }
}

/// Ready once a context is stopped; see [`Interrupter::when_stopped`].
#[derive(Debug)]
pub struct WhenStopped {
    interrupter: Interrupter,
    key: u64,
}

impl WhenStopped {
    /// Why the context is stopped, if it is.
    pub fn reason(&self) -> Option<Termination> {
        self.interrupter.stopped()
    }

    /// As a future's, without a pin.
    pub fn poll_reason(&self, cx: &mut Context<'_>) -> Poll<Termination> {
        if let Some(reason) = self.interrupter.stopped() {
            return Poll::Ready(reason);
        }
        {
            let mut waiting = self.interrupter.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            match waiting.get_mut(&self.key) {
                Some(waker) => waker.clone_from(cx.waker()),
                None => {
                    waiting.insert(self.key, cx.waker().clone());
                }
            }
        }
        // The stop may have come between the first look and the registration.
        self.interrupter.stopped().map_or(Poll::Pending, Poll::Ready)
    }
}

impl Future for WhenStopped {
    type Output = Termination;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Termination> {
        self.poll_reason(cx)
    }
}

impl Drop for WhenStopped {
    fn drop(&mut self) {
        self.interrupter.0.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

/// The guest's turn is another's meanwhile; see [`Interrupter::rest`].
pub struct Rest {
    turns: Option<Arc<dyn Turns>>,
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rest")
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        if let Some(turns) = &self.turns {
            turns.enter();
        }
    }
}

/// The clocks are held; see [`Interrupter::hold`].
#[derive(Debug)]
pub struct Hold {
    interrupter: Interrupter,
    /// What the owner thread's processor clock said; none if this hold is within another.
    cpu: Option<Duration>,
}

impl Drop for Hold {
    fn drop(&mut self) {
        let Some(cpu) = self.cpu else { return };
        let inner = &self.interrupter.0;
        let later = |clock: &AtomicU64, by: u64| {
            let _ = clock.fetch_update(Ordering::AcqRel, Ordering::Acquire, |at| {
                (at != NEVER).then(|| at.saturating_add(by).min(NEVER - 1))
            });
        };
        let since = inner.hold.load(Ordering::Acquire);
        let held = nanos(inner.anchor.elapsed()).saturating_sub(since);
        inner.held.fetch_add(held, Ordering::AcqRel);
        later(&inner.deadline, held);
        later(&inner.cpu, nanos(thread_cpu_time().saturating_sub(cpu)));
        inner.hold.store(NEVER, Ordering::Release);
    }
}

fn nanos(d: Duration) -> u64 {
    u64::try_from(d.as_nanos()).unwrap_or(NEVER - 1)
}

/// Processor time that the calling thread has used.
pub fn thread_cpu_time() -> Duration {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(t.tv_sec).unwrap_or(0), u32::try_from(t.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;

    #[test]
    fn the_first_reason_wins_and_stays() {
        let i = Interrupter::new();
        i.set_deadline(Some(Instant::now()));
        assert_eq!(i.poll(), Some(Termination::Deadline));
        assert!(!i.terminate(Termination::Memory));
        i.set_deadline(None);
        assert_eq!(i.poll(), Some(Termination::Deadline));
    }

    #[test]
    fn no_deadline_passes_while_the_clocks_are_held() {
        let i = Interrupter::new();
        i.set_deadline(Some(Instant::now() + Duration::from_millis(30)));
        i.set_cpu_deadline(Some(thread_cpu_time() + Duration::from_secs(3600)));
        let hold = i.hold();
        drop(i.hold());
        std::thread::sleep(Duration::from_millis(60));
        assert_eq!((i.poll(), i.poll_wall()), (None, None));
        assert!(i.held() >= Duration::from_millis(60));
        drop(hold);
        let held = i.held();
        assert!(held >= Duration::from_millis(60));
        std::thread::sleep(Duration::from_millis(40));
        assert_eq!(i.poll(), Some(Termination::Deadline));
        assert_eq!(i.held(), held);
    }

    #[test]
    fn a_used_up_processor_budget_stops() {
        let i = Interrupter::new();
        i.set_cpu_deadline(Some(thread_cpu_time() + Duration::from_secs(3600)));
        assert_eq!(i.poll(), None);
        i.set_cpu_deadline(Some(Duration::ZERO));
        assert_eq!(i.poll(), Some(Termination::Cpu));
    }

    #[derive(Default)]
    struct Noted(Mutex<Vec<&'static str>>);

    impl Turns for Noted {
        fn give_way(&self) {
            self.0.lock().unwrap().push("give way");
        }
        fn leave(&self) {
            self.0.lock().unwrap().push("leave");
        }
        fn enter(&self) {
            self.0.lock().unwrap().push("enter");
        }
    }

    #[test]
    fn a_guest_gives_way_once_for_each_time_that_it_is_asked() {
        let (i, turns) = (Interrupter::new(), Arc::new(Noted::default()));
        i.ask_to_give_way();
        assert_eq!(i.poll(), None, "without turns there is nobody to give way to");
        i.set_turns(turns.clone());
        for _ in 0..3 {
            assert_eq!(i.poll(), None);
        }
        drop(i.rest());
        assert_eq!(*turns.0.lock().unwrap(), ["give way", "leave", "enter"]);
    }

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn many_wait_for_a_stop_and_none_is_woken_before_it() {
        let interrupter = Interrupter::new();
        let counts: Vec<Arc<Count>> = (0..1000).map(|_| Arc::default()).collect();
        let mut waiting: Vec<_> = counts
            .iter()
            .map(|count| {
                let stopped = interrupter.when_stopped();
                let waker = Waker::from(count.clone());
                for _ in 0..3 {
                    assert!(stopped.poll_reason(&mut Context::from_waker(&waker)).is_pending());
                }
                stopped
            })
            .collect();
        let woken = || counts.iter().map(|c| c.0.load(Ordering::SeqCst)).sum::<usize>();
        assert_eq!(woken(), 0);
        waiting.truncate(900);
        assert!(interrupter.terminate(Termination::Memory));
        assert_eq!(woken(), 900, "not those that are gone");
        assert!(waiting.iter().all(|w| w.reason() == Some(Termination::Memory)));
    }
}
