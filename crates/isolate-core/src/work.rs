//! Work that takes the processor for long, off the owner thread.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use isolate_engine::{DomExceptionName, HostError, Termination, thread_cpu_time};
use tokio::sync::Semaphore;

use crate::Context;

/// What a piece of work knows of the context it works for. See [`Context::offload`].
#[derive(Debug)]
pub struct Work {
    cancelled: Arc<AtomicBool>,
    /// Nanoseconds of processor time that the context's work has taken, all pieces together.
    spent: Arc<AtomicU64>,
    /// A reading of `spent` that must not be passed.
    most: Option<u64>,
    start: Duration,
    counted: AtomicU64,
}

impl Work {
    /// Whether nobody waits for the result any more.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// To be called every millisecond or so.
    ///
    /// # Errors
    /// If nobody waits for the result any more, or the context's processor time is used up: the work is to end then.
    pub fn check(&self) -> Result<(), HostError> {
        if self.is_cancelled() {
            return Err(HostError::dom(DomExceptionName::AbortError, "the work was cancelled"));
        }
        let Some(most) = self.most else { return Ok(()) };
        match self.count() > most {
            true => Err(HostError::dom(DomExceptionName::OperationError, "the processor time is used up")),
            false => Ok(()),
        }
    }

    /// Adds what this thread has used since it was last asked.
    fn count(&self) -> u64 {
        let used = u64::try_from(thread_cpu_time().saturating_sub(self.start).as_nanos()).unwrap_or(u64::MAX);
        let new = used.saturating_sub(self.counted.swap(used, Ordering::Relaxed));
        self.spent.fetch_add(new, Ordering::Relaxed).saturating_add(new)
    }
}

/// Of a context: how many pieces run, and what they have used.
pub(crate) struct Offloaded {
    slots: Arc<Semaphore>,
    spent: Arc<AtomicU64>,
}

impl Offloaded {
    pub(crate) fn new(jobs: usize) -> Self {
        Self { slots: Arc::new(Semaphore::new(jobs.clamp(1, Semaphore::MAX_PERMITS))), spent: Arc::default() }
    }

    /// Processor time used so far.
    pub(crate) fn spent(&self) -> Duration {
        Duration::from_nanos(self.spent.load(Ordering::Relaxed))
    }
}

struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Context {
    /// Runs work that takes the processor for long on Tokio's threads for blocking work, so that it holds up neither the
    /// guest nor others. At most [`Limits::jobs`](isolate_engine::Limits::jobs) pieces run at once, the others wait
    /// their turn; the processor time they take counts as the guest's.
    ///
    /// The future is for an async host function. When it is dropped, which happens at the latest when the context is
    /// stopped, the work is told so by [`Work::check`]. What a piece holds meanwhile is to be
    /// [charged](Context::charge) by the caller.
    pub fn offload<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Work) -> Result<T, HostError> + Send + 'static,
    ) -> impl Future<Output = Result<T, HostError>> + 'static {
        let weak = self.downgrade();
        let (tokio, slots) = (self.tokio(), self.0.offloaded.slots.clone());
        async move {
            let slot = slots.acquire_owned().await;
            let gone = || HostError::error("the context is gone");
            let (most, spent) = {
                let context = Context(weak.upgrade().ok_or_else(gone)?);
                let left = context.cpu_left();
                let spent = context.0.offloaded.spent.clone();
                let most = left.map(|left| {
                    let left = u64::try_from(left.as_nanos()).unwrap_or(u64::MAX);
                    spent.load(Ordering::Relaxed).saturating_add(left)
                });
                (most, spent)
            };
            let cancelled = Arc::new(AtomicBool::new(false));
            let guard = CancelOnDrop(cancelled.clone());
            let task = tokio.spawn_blocking(move || {
                let _slot = slot;
                let start = thread_cpu_time();
                let work_of = Work { cancelled, spent, most, start, counted: AtomicU64::new(0) };
                let result = work_of.check().and_then(|()| work(&work_of));
                work_of.count();
                result
            });
            let result = task.await;
            drop(guard);
            if let Some(inner) = weak.upgrade() {
                let context = Context(inner);
                if context.cpu_left() == Some(Duration::ZERO) {
                    context.terminate(Termination::Cpu);
                }
            }
            match result {
                Ok(result) => result,
                Err(e) => match e.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(_) => Err(HostError::error("the host is shutting down")),
                },
            }
        }
    }
}
