//! Clocks and the queue of timers.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::Context;

/// What time means to the guest: to its timers, to `performance.now()` and to the time stamps of its events.
///
/// `performance.timeOrigin`, from which these count, is the time when the context was made: the machine's, on every clock, or
/// [`ContextOptions::start_time`](crate::ContextOptions::start_time).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// Time moves only when the host says so, by [`Context::tick`].
    #[default]
    Virtual,
    /// When nothing else can run (no code, no microtask, no host call in flight), time jumps to the next timer.
    VirtualAutoAdvance,
    /// Time is the machine's.
    Real,
}

/// Names a timer of one context.
pub type TimerId = u32;

/// What a timer does when it is due.
pub type TimerCallback = Rc<dyn Fn(&Context, TimerId) -> Result<(), isolate_engine::Failure>>;

struct Timer {
    at: Nanos,
    order: u64,
    every: Option<Nanos>,
    /// How many timers deep it was made: HTML's timer nesting level.
    level: u32,
    /// Whether it keeps the event loop going.
    foreground: bool,
    callback: TimerCallback,
}

/// From this nesting level on a timer waits at least [`LEAST`] (HTML, timer initialization steps).
const DEEP: u32 = 5;
const LEAST: Duration = Duration::from_millis(4);

fn clamped(delay: Duration, level: u32) -> Duration {
    if level > DEEP { delay.max(LEAST) } else { delay }
}

/// A timer that is due.
pub(crate) struct Due {
    pub(crate) id: TimerId,
    pub(crate) level: u32,
    pub(crate) callback: TimerCallback,
}

/// Numbers that count up need no mixing against collisions: the guest cannot choose them.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }
    fn write_u32(&mut self, n: u32) {
        self.0 = (self.0 ^ u64::from(n)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// Nanoseconds on the guest's clock: half the size of a `Duration`, and large queues live off the cache.
type Nanos = u64;

fn nanos(time: Duration) -> Nanos {
    Nanos::try_from(time.as_nanos()).unwrap_or(Nanos::MAX)
}

/// Timers in the order of their time, then of their creation. Adding, removing and taking one are O(log n).
pub(crate) struct Timers {
    clock: Clock,
    start: Instant,
    /// The present, for the two virtual clocks.
    now: Duration,
    /// May hold timers that were cleared or moved since; `live` says which entries count.
    heap: BinaryHeap<Reverse<(Nanos, u64, TimerId)>>,
    live: HashMap<TimerId, Timer, BuildHasherDefault<IdHasher>>,
    /// How many of them keep the event loop going.
    foreground: usize,
    next_id: TimerId,
    next_order: u64,
}

impl Timers {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            start: Instant::now(),
            now: Duration::ZERO,
            heap: BinaryHeap::new(),
            live: HashMap::default(),
            foreground: 0,
            next_id: 1,
            next_order: 0,
        }
    }

    pub(crate) fn clock(&self) -> Clock {
        self.clock
    }

    pub(crate) fn now(&self) -> Duration {
        if self.clock == Clock::Real { self.start.elapsed() } else { self.now }
    }

    /// How long ago the clock was made, by the machine's.
    pub(crate) fn age(&self) -> Duration {
        self.start.elapsed()
    }

    pub(crate) fn len(&self) -> usize {
        self.live.len()
    }

    /// Whether there is a timer that keeps the event loop going.
    pub(crate) fn any_foreground(&self) -> bool {
        self.foreground > 0
    }

    /// Adds a timer from code that runs at a nesting level: that of the timer whose callback it is, or 0.
    pub(crate) fn add(
        &mut self,
        delay: Duration,
        every: Option<Duration>,
        level: u32,
        foreground: bool,
        callback: TimerCallback,
    ) -> TimerId {
        while self.next_id == 0 || self.live.contains_key(&self.next_id) {
            self.next_id = self.next_id.wrapping_add(1);
        }
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        let at = self.now().saturating_add(clamped(delay, level));
        let every = every.map(nanos);
        self.insert(id, Timer { at: nanos(at), order: 0, every, level: level.saturating_add(1), foreground, callback });
        id
    }

    fn insert(&mut self, id: TimerId, mut timer: Timer) {
        timer.order = self.next_order;
        self.next_order += 1;
        self.foreground += usize::from(timer.foreground);
        self.heap.push(Reverse((timer.at, timer.order, id)));
        self.live.insert(id, timer);
        // Entries of cleared timers are dropped when they come up; a guest that only sets and clears never lets them.
        if self.heap.len() > 64 && self.heap.len() > self.live.len() * 2 {
            let live = &self.live;
            self.heap.retain(|Reverse((_, order, id))| live.get(id).is_some_and(|t| t.order == *order));
        }
    }

    fn take(&mut self, id: TimerId) -> Option<Timer> {
        let timer = self.live.remove(&id)?;
        self.foreground -= usize::from(timer.foreground);
        Some(timer)
    }

    pub(crate) fn remove(&mut self, id: TimerId) -> bool {
        self.take(id).is_some()
    }

    pub(crate) fn clear(&mut self) {
        self.foreground = 0;
        self.heap.clear();
        self.live.clear();
    }

    /// When the next timer is due.
    pub(crate) fn next_at(&mut self) -> Option<Duration> {
        while let Some(Reverse((at, order, id))) = self.heap.peek() {
            if self.live.get(id).is_some_and(|t| t.order == *order) {
                return Some(Duration::from_nanos(*at));
            }
            self.heap.pop();
        }
        None
    }

    /// Takes the next timer that is due at `until`, and moves a virtual clock to its time. A repeating timer is due
    /// again one period later.
    pub(crate) fn take_due(&mut self, until: Duration) -> Option<Due> {
        let at = self.next_at().filter(|at| *at <= until)?;
        let Reverse((_, _, id)) = self.heap.pop()?;
        let timer = self.take(id)?;
        self.now = self.now.max(at);
        if let Some(every) = timer.every {
            // On the real clock periods that were missed are not made up for, as in browsers.
            let from = if self.clock == Clock::Real { nanos(self.now()) } else { timer.at };
            let next = from.saturating_add(nanos(clamped(Duration::from_nanos(every), timer.level)));
            let (level, callback) = (timer.level.saturating_add(1), timer.callback.clone());
            self.insert(id, Timer { at: next, level, callback, ..timer });
        }
        Some(Due { id, level: timer.level, callback: timer.callback })
    }

    /// Moves a virtual clock forward.
    pub(crate) fn advance(&mut self, to: Duration) {
        self.now = self.now.max(to);
    }

    /// The moment at which the real clock shows `at`; none if it never will.
    pub(crate) fn instant(&self, at: Duration) -> Option<Instant> {
        self.start.checked_add(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_time_then_creation() {
        let mut timers = Timers::new(Clock::Virtual);
        let nothing: TimerCallback = Rc::new(|_, _| Ok(()));
        let ms = Duration::from_millis;
        let ids: Vec<_> = [20, 10, 20, 0].map(|d| timers.add(ms(d), None, 0, true, nothing.clone())).into();
        let mut order = Vec::new();
        while let Some(due) = timers.take_due(ms(20)) {
            order.push(due.id);
        }
        assert_eq!(order, [ids[3], ids[1], ids[0], ids[2]]);
    }

    #[test]
    fn cleared_timers_leave_nothing_behind() {
        let mut timers = Timers::new(Clock::Virtual);
        for _ in 0..10_000 {
            let id = timers.add(Duration::from_secs(1), None, 0, true, Rc::new(|_, _| Ok(())));
            timers.remove(id);
        }
        assert!(timers.heap.len() <= 65, "{}", timers.heap.len());
    }
}
