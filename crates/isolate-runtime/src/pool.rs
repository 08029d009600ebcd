//! Threads for runtimes. A thread that lost its runtime waits a while for the next one: starting a thread, and
//! touching its stack and its allocator for the first time, costs about as much as making a context.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// How a job ended.
pub(crate) struct Ended {
    /// Whether its thread may have another.
    pub(crate) again: bool,
    /// Who is to be told, once the thread waits for another: so who makes one runtime after another has one thread for all.
    pub(crate) reply: Option<oneshot::Sender<()>>,
}

type Job = Box<dyn FnOnce() -> Ended + Send>;

/// How many threads wait at most.
const MOST: usize = 16;
/// How long one looks for the next job, giving way to other threads, before it goes to sleep.
const LINGER: Duration = Duration::from_micros(50);
/// How long one waits.
const PATIENCE: Duration = Duration::from_secs(10);

struct Waiting {
    id: u64,
    stack: usize,
    jobs: Sender<Job>,
}

struct Pool {
    waiting: Vec<Waiting>,
    next: u64,
}

static POOL: Mutex<Pool> = Mutex::new(Pool { waiting: Vec::new(), next: 0 });

fn pool() -> std::sync::MutexGuard<'static, Pool> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a job on a thread with at least so much stack.
pub(crate) fn spawn(stack: usize, job: impl FnOnce() -> Ended + Send + 'static) -> io::Result<()> {
    let mut job: Job = Box::new(job);
    loop {
        let idle = {
            let mut pool = pool();
            let at = pool.waiting.iter().rposition(|w| w.stack >= stack);
            at.map(|at| pool.waiting.remove(at))
        };
        let Some(idle) = idle else { break };
        match idle.jobs.send(job) {
            Ok(()) => return Ok(()),
            Err(back) => job = back.0,
        }
    }
    std::thread::Builder::new().name("isolate".into()).stack_size(stack).spawn(move || {
        let mut next = Some(job);
        while let Some(job) = next {
            let Ended { again, reply } = job();
            let tell = || {
                if let Some(reply) = reply {
                    let _ = reply.send(());
                }
            };
            next = if again {
                wait(stack, tell)
            } else {
                tell();
                None
            };
        }
    })?;
    Ok(())
}

/// Waits for the next job, if this thread is wanted.
fn wait(stack: usize, tell: impl FnOnce()) -> Option<Job> {
    let (jobs, receiver): (Sender<Job>, Receiver<Job>) = channel();
    let id = {
        let mut pool = pool();
        if pool.waiting.len() >= MOST {
            drop(pool);
            tell();
            return None;
        }
        let id = pool.next;
        pool.next += 1;
        pool.waiting.push(Waiting { id, stack, jobs });
        id
    };
    tell();
    // The next one often comes at once, and waking a thread takes longer than this.
    let start = Instant::now();
    while start.elapsed() < LINGER {
        match receiver.try_recv() {
            Ok(job) => return Some(job),
            Err(TryRecvError::Empty) => std::thread::yield_now(),
            Err(TryRecvError::Disconnected) => return None,
        }
    }
    match receiver.recv_timeout(PATIENCE) {
        Ok(job) => Some(job),
        Err(RecvTimeoutError::Disconnected) => None,
        Err(RecvTimeoutError::Timeout) => {
            pool().waiting.retain(|w| w.id != id);
            // A job may have been sent before that.
            receiver.try_recv().ok()
        }
    }
}
