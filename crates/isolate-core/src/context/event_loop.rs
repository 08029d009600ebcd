//! The event loop of a context: tasks, host futures and timers, a turn at a time.

use std::future::{Future, poll_fn};
use std::sync::OnceLock;
use std::task::{self, Poll};
use std::time::{Duration, Instant};

use futures_util::stream::StreamExt;
use isolate_engine::{DomExceptionName, Failure, HostError, Promise, Termination, Value};
use tokio::runtime::Handle;

use super::{Call, Context, Inner, Pending, Task, UncaughtKind};
use crate::Error;
use crate::clock::{Clock, Due, TimerCallback, TimerId};

/// How many turns of the event loop are run before other tasks of the thread, and its timers, get theirs.
pub(super) const TURNS: u32 = 256;

/// What [`Context::poll_turn`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Something ran; there may be more.
    Progress,
    /// Nothing can run until the host does something, or the context is stopped.
    Idle,
}

impl Context {
    /// Does the next thing that can be done: runs a task, delivers a host future that is ready, or fires a timer that is
    /// due.
    ///
    /// `Pending` means that something is awaited (a future, a timer of the real clock, a deadline), and the task will
    /// be woken for it.
    pub fn poll_turn(&self, cx: &mut task::Context<'_>) -> Poll<Turn> {
        let inner = &*self.0;
        if inner.interrupter.poll_stopped(cx).is_ready() {
            self.abandon();
            return Poll::Ready(Turn::Idle);
        }
        if self.notify_rejections() {
            return Poll::Ready(Turn::Progress);
        }
        // By turns, so that neither can starve the other.
        let tasks_first = inner.tasks_first.replace(false);
        if (tasks_first && self.run_task()) || self.poll_futures(cx) || self.fire_due() || self.run_task() {
            inner.tasks_first.set(!tasks_first);
            self.report_rejections();
            return Poll::Ready(Turn::Progress);
        }
        let next = inner.timers.borrow_mut().next_at();
        let clock = inner.timers.borrow().clock();
        let mut wake = inner.calls.borrow().iter().filter_map(|(_, c)| c.deadline(&inner.interrupter)).min();
        if let (Clock::Real, Some(at)) = (clock, next) {
            wake = inner.timers.borrow().instant(at).into_iter().chain(wake).min();
        }
        if let Some(at) = wake
            && self.poll_sleep(at, cx).is_ready()
        {
            self.check_deadlines();
            return Poll::Ready(Turn::Progress);
        }
        let waits = inner.awaited() > 0 || (clock == Clock::Real && inner.timers.borrow().any_foreground());
        if waits { Poll::Pending } else { Poll::Ready(Turn::Idle) }
    }

    fn check_deadlines(&self) {
        let now = Instant::now();
        let is_over = |c: &Call| c.deadline(&self.0.interrupter).is_some_and(|d| d <= now);
        if self.0.calls.borrow().iter().any(|(_, c)| is_over(c)) {
            self.terminate(Termination::Deadline);
        }
    }

    fn poll_sleep(&self, at: Instant, cx: &mut task::Context<'_>) -> Poll<()> {
        let at = tokio::time::Instant::from_std(at);
        let mut sleep = self.0.sleep.borrow_mut();
        match &mut *sleep {
            Some(sleep) if sleep.deadline() == at => {}
            Some(sleep) => sleep.as_mut().reset(at),
            None => {
                let _entered = self.tokio().enter();
                *sleep = Some(Box::pin(tokio::time::sleep_until(at)));
            }
        }
        match &mut *sleep {
            Some(sleep) => sleep.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }

    /// The Tokio runtime that host futures use.
    pub fn tokio(&self) -> Handle {
        self.0.tokio.clone().unwrap_or_else(|| shared_tokio().clone())
    }

    fn poll_futures(&self, cx: &mut task::Context<'_>) -> bool {
        let inner = &*self.0;
        if inner.in_flight.get() == 0 {
            return false;
        }
        let ready = {
            let mut futures = inner.futures.borrow_mut();
            futures.extend(inner.incoming.borrow_mut().drain(..));
            let _entered = inner.tokio.as_ref().map(Handle::enter);
            futures.poll_next_unpin(cx)
        };
        let Poll::Ready(Some((promise, outcome, background))) = ready else {
            // One of them may have started another.
            return !inner.incoming.borrow().is_empty();
        };
        inner.in_flight.set(inner.in_flight.get() - 1);
        if background {
            inner.background.set(inner.background.get() - 1);
        }
        if let Ok(value) = &outcome {
            self.0.meter.sent(std::slice::from_ref(value));
        }
        let settled = self.run(|engine| engine.settle_promise(&promise, outcome)).and_then(|()| self.checkpoint());
        if let Err(Failure::Engine(e)) = settled {
            tracing::error!(target: "isolate", "a host promise could not be settled: {e}");
        }
        true
    }

    /// Adds a host future whose outcome settles `promise`. One in the background does not keep the event loop going.
    pub(crate) fn spawn(
        &self,
        promise: Promise,
        background: bool,
        future: impl Future<Output = Result<Value, HostError>> + 'static,
    ) {
        self.0.in_flight.set(self.0.in_flight.get() + 1);
        if background {
            self.0.background.set(self.0.background.get() + 1);
        }
        let future = async move { (promise, future.await, background) };
        self.0.incoming.borrow_mut().push(Pending(Some(Box::pin(future))));
    }

    /// How many host futures are in flight.
    pub fn pending_calls(&self) -> usize {
        self.0.in_flight.get()
    }

    fn fire_due(&self) -> bool {
        let inner = &*self.0;
        let until = {
            let mut timers = inner.timers.borrow_mut();
            match timers.clock() {
                Clock::Virtual => return false,
                Clock::Real => timers.now(),
                Clock::VirtualAutoAdvance => match timers.next_at() {
                    Some(at) if at <= timers.now() => at,
                    Some(at) if inner.awaited() == 0 && inner.tasks.borrow().is_empty() && timers.any_foreground() => {
                        at
                    }
                    _ => return false,
                },
            }
        };
        let due = inner.timers.borrow_mut().take_due(until);
        match due {
            Some(due) => {
                self.fire(&due);
                true
            }
            None => false,
        }
    }

    /// Queues a task: it runs on its own, in a turn of the event loop to come, and the loop does not end before.
    pub(crate) fn post_task(&self, task: Task) {
        self.0.tasks.borrow_mut().push_back(task);
    }

    fn run_task(&self) -> bool {
        let task = self.0.tasks.borrow_mut().pop_front();
        let Some(task) = task else { return false };
        if let Err(Failure::Threw(e)) = task(self) {
            self.report(UncaughtKind::Callback, *e);
        }
        // A stop is seen by whoever looks next.
        let _ = self.checkpoint();
        true
    }

    /// Runs the tasks that are queued now.
    fn run_tasks(&self) {
        let queued = self.0.tasks.borrow().len();
        for _ in 0..queued {
            self.run_task();
            self.report_rejections();
        }
    }

    fn fire(&self, due: &Due) {
        self.0.timer_level.set(due.level);
        if let Err(Failure::Threw(e)) = (due.callback)(self, due.id) {
            self.report(UncaughtKind::Callback, *e);
        }
        // A stop is seen by whoever looks next.
        let _ = self.checkpoint();
        self.0.timer_level.set(0);
        self.0.charge_timers(false);
    }

    /// Moves the virtual clock forward and fires what becomes due on the way, in order, each with the clock at its
    /// own time and its microtasks after it. On the real clock it fires what is due and moves nothing. Tasks, such as
    /// messages between ports, run before the first timer and after each.
    ///
    /// # Errors
    /// Only if the context is stopped: what a callback throws is reported and does not end the tick.
    pub fn tick(&self, time: Duration) -> Result<(), Error> {
        let _under = self.begin(None, None);
        let target = {
            let timers = self.0.timers.borrow();
            if timers.clock() == Clock::Real { timers.now() } else { timers.now().saturating_add(time) }
        };
        self.checkpoint()?;
        self.report_rejections();
        loop {
            self.run_tasks();
            let due = self.0.timers.borrow_mut().take_due(target);
            let Some(due) = due else { break };
            self.fire(&due);
            self.report_rejections();
            if let Some(reason) = self.0.interrupter.poll() {
                self.abandon();
                return Err(Failure::from(reason).into());
            }
        }
        self.0.timers.borrow_mut().advance(target);
        self.report_rejections();
        Ok(())
    }

    /// What the guest's clock shows: time since the context was made.
    pub fn now(&self) -> Duration {
        self.0.timers.borrow().now()
    }

    /// How long ago the context was made, by the machine's clock.
    pub(crate) fn age(&self) -> Duration {
        self.0.timers.borrow().age()
    }

    /// Which clock it is.
    pub fn clock(&self) -> Clock {
        self.0.timers.borrow().clock()
    }

    /// Adds a timer, due after `delay` and then, if asked, every so often.
    ///
    /// # Errors
    /// A `QuotaExceededError` if there are too many ([`Limits::timers`](crate::Limits::timers)).
    pub fn add_timer(
        &self,
        delay: Duration,
        every: Option<Duration>,
        callback: TimerCallback,
    ) -> Result<TimerId, HostError> {
        self.new_timer(delay, every, true, callback)
    }

    /// Adds a timer for which the event loop does not wait: when nothing else is left to do, it may never fire.
    ///
    /// # Errors
    /// As [`add_timer`](Self::add_timer).
    pub fn add_background_timer(&self, delay: Duration, callback: TimerCallback) -> Result<TimerId, HostError> {
        self.new_timer(delay, None, false, callback)
    }

    fn new_timer(
        &self,
        delay: Duration,
        every: Option<Duration>,
        foreground: bool,
        callback: TimerCallback,
    ) -> Result<TimerId, HostError> {
        let pending = self.pending_timers();
        if pending >= self.0.limits.timers {
            return Err(HostError::dom(
                DomExceptionName::QuotaExceededError,
                format!("there are {pending} timers already"),
            ));
        }
        if !self.0.charge_timers(true) {
            return Err(HostError::error("the memory limit was reached"));
        }
        Ok(self.0.timers.borrow_mut().add(delay, every, self.0.timer_level.get(), foreground, callback))
    }

    /// Removes every timer.
    pub fn clear_timers(&self) {
        self.0.timers.borrow_mut().clear();
        self.0.charge_timers(false);
    }

    /// Removes a timer. Returns whether it was there.
    pub fn remove_timer(&self, id: TimerId) -> bool {
        self.0.timers.borrow_mut().remove(id)
    }

    /// How many timers are pending.
    pub fn pending_timers(&self) -> usize {
        self.0.timers.borrow().len()
    }

    /// Runs the event loop until nothing is left that could run: no host call in flight and, unless the clock is
    /// virtual, no timer.
    ///
    /// # Errors
    /// If the context is or gets stopped.
    pub async fn run_until_idle(&self) -> Result<(), Error> {
        poll_fn(|cx| {
            for _ in 0..TURNS {
                match self.poll_turn(cx) {
                    Poll::Ready(Turn::Progress) => {}
                    Poll::Ready(Turn::Idle) => return Poll::Ready(()),
                    Poll::Pending => return Poll::Pending,
                }
            }
            give_way(cx)
        })
        .await;
        self.stopped().map_or(Ok(()), |t| Err(Failure::from(t).into()))
    }
}

impl Inner {
    /// How many host futures keep the event loop going.
    fn awaited(&self) -> usize {
        self.in_flight.get() - self.background.get()
    }

    /// Keeps what the guest is charged for its timers in step with how many there are, by blocks of a thousand.
    /// Returns whether there is room for one more.
    fn charge_timers(&self, one_more: bool) -> bool {
        const BLOCK: usize = 1000;
        /// A timer's entries in the queue and the table, and its callback.
        const EACH: usize = 160;
        let len = self.timers.borrow().len();
        let mut charges = self.timer_charges.borrow_mut();
        if one_more && len >= charges.len() * BLOCK {
            match self.engine.charge(BLOCK * EACH) {
                Ok(charge) => charges.push(charge),
                Err(_) => return false,
            }
        }
        if charges.len() > 2 * (len / BLOCK + 1) {
            charges.truncate(len / BLOCK + 1);
        }
        true
    }
}

pub(super) fn give_way<T>(cx: &mut task::Context<'_>) -> Poll<T> {
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// The Tokio runtime of contexts that were given none: it only turns timers and I/O; futures are polled by their
/// context's own thread.
pub(super) fn shared_tokio() -> &'static Handle {
    static SHARED: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    SHARED
        .get_or_init(|| {
            tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .thread_name("isolate-io")
                .enable_all()
                .build()
                .unwrap_or_else(|e| panic!("the shared Tokio runtime could not be started: {e}"))
        })
        .handle()
}
