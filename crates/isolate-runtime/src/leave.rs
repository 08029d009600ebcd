//! The last line of defence: a guest that is stopped and does not stop.
//!
//! Engines have native loops that nothing reaches (`docs/limits.md` lists what is known), and threads cannot be ended from
//! outside. So the host is not made to wait: when the owner thread has not answered some time after the stop, whoever
//! waits gets the stop as the answer, and the thread is left to itself. It runs on with the lowest priority, ends when the
//! loop does, and serves no other runtime.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use isolate_core::{Context, Interrupter, Termination};
use tokio::sync::Notify;

static LEFT: AtomicUsize = AtomicUsize::new(0);

/// How many threads of this process were left to guests that do not stop, and still run.
///
/// Each holds its guest's memory and takes processor time that nobody else wants. A host that must not collect them runs
/// such code in a process that it can kill.
pub fn abandoned_threads() -> usize {
    LEFT.load(Ordering::Acquire)
}

/// What a runtime and its owner thread know of each other.
#[derive(Debug)]
pub(crate) struct Leave {
    grace: Duration,
    begun: AtomicBool,
    state: Mutex<State>,
    told: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// The owner thread, as the kernel knows it, while it runs.
    thread: Option<usize>,
    left: bool,
}

impl Leave {
    pub(crate) fn new(grace: Duration) -> Arc<Self> {
        Arc::new(Self { grace, begun: AtomicBool::new(false), state: Mutex::default(), told: Notify::new() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// On the owner thread, before anything else.
    pub(crate) fn enter_thread(&self) {
        self.state().thread = Some(thread_id());
    }

    /// On the owner thread, after everything else. Returns whether the thread may serve another runtime.
    pub(crate) fn leave_thread(&self) -> bool {
        let mut state = self.state();
        state.thread = None;
        if state.left {
            LEFT.fetch_sub(1, Ordering::AcqRel);
        }
        !state.left
    }

    /// Whether the owner thread was left to itself.
    pub(crate) fn is_left(&self) -> bool {
        self.state().left
    }

    /// Waits for an answer of the owner thread; for no longer than the grace once the guest is stopped.
    pub(crate) async fn answer<T>(
        self: &Arc<Self>,
        interrupter: &Interrupter,
        answer: impl Future<Output = T>,
    ) -> Result<T, Termination> {
        let mut answer = pin!(answer);
        let mut given_up = pin!(self.given_up(interrupter));
        poll_fn(|cx| match answer.as_mut().poll(cx) {
            Poll::Ready(value) => Poll::Ready(Ok(value)),
            Poll::Pending => given_up.as_mut().poll(cx).map(Err),
        })
        .await
    }

    async fn given_up(self: &Arc<Self>, interrupter: &Interrupter) -> Termination {
        let reason = interrupter.when_stopped().await;
        if !self.begun.swap(true, Ordering::AcqRel) {
            let this = self.clone();
            Context::shared_tokio().spawn(async move {
                tokio::time::sleep(this.grace).await;
                this.leave();
            });
        }
        loop {
            let told = self.told.notified();
            if self.is_left() {
                return reason;
            }
            told.await;
        }
    }

    fn leave(&self) {
        {
            let mut state = self.state();
            if let Some(thread) = state.thread
                && !state.left
            {
                state.left = true;
                LEFT.fetch_add(1, Ordering::AcqRel);
                lower_priority(thread);
            }
        }
        self.told.notify_waiters();
    }
}

#[cfg(target_os = "linux")]
fn thread_id() -> usize {
    usize::try_from(rustix::thread::gettid().as_raw_nonzero().get()).unwrap_or(0)
}

#[cfg(target_os = "linux")]
fn lower_priority(thread: usize) {
    const LOWEST: i32 = 19;
    // Linux takes a thread where others take a process. If it refuses, the thread keeps its priority.
    let thread = i32::try_from(thread).ok().and_then(rustix::process::Pid::from_raw);
    let _ = rustix::process::setpriority_process(thread, LOWEST);
}

#[cfg(not(target_os = "linux"))]
fn thread_id() -> usize {
    1
}

#[cfg(not(target_os = "linux"))]
fn lower_priority(_thread: usize) {}
