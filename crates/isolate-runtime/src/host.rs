//! Many runtimes under one roof.

use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use isolate_core::{Context, Error, ErrorKind, Meter, Termination};
use serde::Serialize;
use tokio::sync::Notify;

use crate::turns::Workers;
use crate::{Runtime, RuntimeId, RuntimeOptions, create_seated};

/// How often the memory of all is added up, if it is limited.
const LOOK: Duration = Duration::from_millis(20);

type Make = Arc<dyn Fn(RuntimeId) -> RuntimeOptions + Send + Sync>;

/// How a [`Host`] is made.
///
/// | option | default |
/// | --- | --- |
/// | workers: guests that run at once | as many as the machine has processors |
/// | slice: how long one runs while others wait | 5 ms |
/// | spares | 2 |
/// | runtimes at once, spares included | 10,000 |
/// | memory of all together | no limit but each runtime's own |
/// | idle time-out of named runtimes | 60 s |
#[derive(Clone)]
#[non_exhaustive]
pub struct HostOptions {
    make: Make,
    workers: usize,
    slice: Duration,
    spares: usize,
    max_runtimes: usize,
    max_memory: Option<usize>,
    idle_timeout: Option<Duration>,
}

impl fmt::Debug for HostOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostOptions")
            .field("workers", &self.workers)
            .field("slice", &self.slice)
            .field("spares", &self.spares)
            .field("max_runtimes", &self.max_runtimes)
            .field("max_memory", &self.max_memory)
            .field("idle_timeout", &self.idle_timeout)
            .finish_non_exhaustive()
    }
}

impl HostOptions {
    /// The defaults. `make` gives the options of each runtime; spares are made before it is known whom they are for, so what
    /// depends on that is looked up by the [`RuntimeId`] when it is needed.
    pub fn new(make: impl Fn(RuntimeId) -> RuntimeOptions + Send + Sync + 'static) -> Self {
        Self {
            make: Arc::new(make),
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            slice: Duration::from_millis(5),
            spares: 2,
            max_runtimes: 10_000,
            max_memory: None,
            idle_timeout: Some(Duration::from_secs(60)),
        }
    }

    /// Sets how many guests run at once, at least 1. The others wait for their turn.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers.max(1);
        self
    }

    /// Sets how long a guest runs before it must give way to one that waits, at least 1 ms. One that cannot be interrupted in
    /// time, in a native loop or a host call that blocks, loses its worker after twice as long, and runs beside the others.
    #[must_use]
    pub fn slice(mut self, slice: Duration) -> Self {
        self.slice = slice.max(Duration::from_millis(1));
        self
    }

    /// Sets how many runtimes are kept ready, with all APIs set up, for those who will ask.
    #[must_use]
    pub fn spares(mut self, spares: usize) -> Self {
        self.spares = spares;
        self
    }

    /// Sets how many runtimes there may be at once: in use, named and idle, and spare. Each has a thread of the operating
    /// system, asleep unless its guest runs, so the system's limits on threads hold too.
    #[must_use]
    pub fn max_runtimes(mut self, max: usize) -> Self {
        self.max_runtimes = max;
        self
    }

    /// Sets how many bytes all guests together may use, or none. Beyond it no runtime is made. When guests that run pass it,
    /// spares are let go, and then the guest with the most is stopped with [`Termination::Memory`]. It is looked at every 20 ms, and
    /// guests are limited one by one meanwhile.
    #[must_use]
    pub fn max_memory(mut self, max: impl Into<Option<usize>>) -> Self {
        self.max_memory = max.into();
        self
    }

    /// Sets after how long of not being used a named runtime is disposed of, or none.
    #[must_use]
    pub fn idle_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.idle_timeout = timeout.into();
        self
    }
}

/// A runtime with its place in the host.
struct Hosted {
    runtime: Runtime,
    _place: Place,
}

/// One of the places that there are; given back when it is dropped.
struct Place {
    inner: Arc<Inner>,
    id: RuntimeId,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.inner.state();
        state.places -= 1;
        state.all.remove(&self.id);
        drop(state);
        self.inner.changed.notify_waiters();
    }
}

/// A runtime that is found by its key.
struct Named {
    /// Held while it is made, so that others who ask for it wait.
    hosted: tokio::sync::Mutex<Option<Arc<Hosted>>>,
    users: AtomicUsize,
    last_used: Mutex<Instant>,
}

#[derive(Default)]
struct State {
    closed: bool,
    places: usize,
    leases: usize,
    making: usize,
    made: u64,
    spares: Vec<Hosted>,
    named: HashMap<String, Arc<Named>>,
    all: HashMap<RuntimeId, (Meter, Weak<Hosted>)>,
}

struct Inner {
    options: HostOptions,
    workers: Arc<Workers>,
    state: Mutex<State>,
    changed: Notify,
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn memory(state: &State) -> u64 {
        let spares = state.spares.iter().map(|s| s.runtime.metrics().memory).sum::<u64>();
        spares + state.all.values().map(|(meter, _)| meter.read().memory).sum::<u64>()
    }

    /// Takes a place for one more.
    fn place(self: &Arc<Self>) -> Result<Place, Error> {
        let mut state = self.state();
        if state.closed {
            return Err(closed());
        }
        if state.places >= self.options.max_runtimes {
            let message = format!("the host has {} runtimes, and may have no more", state.places);
            tracing::debug!(target: "isolate", max_runtimes = self.options.max_runtimes, "a limit of the host was reached");
            return Err(Error::new(ErrorKind::Overloaded, message));
        }
        if let Some(max) = self.options.max_memory
            && Self::memory(&state) >= max as u64
        {
            tracing::debug!(target: "isolate", max_memory = max, "a limit of the host was reached");
            return Err(Error::new(ErrorKind::Overloaded, "the guests of the host use all the memory that they may"));
        }
        state.places += 1;
        state.made += 1;
        Ok(Place { inner: self.clone(), id: RuntimeId::new() })
    }

    async fn make(self: &Arc<Self>) -> Result<Hosted, Error> {
        let place = self.place()?;
        let options = (self.options.make)(place.id);
        let runtime = create_seated(options, place.id, Some(self.workers.seat())).await?;
        Ok(Hosted { runtime, _place: place })
    }

    /// A runtime for somebody: a spare one, or a new one.
    async fn take(self: &Arc<Self>) -> Result<Arc<Hosted>, Error> {
        let spare = {
            let mut state = self.state();
            if state.closed {
                return Err(closed());
            }
            state.spares.pop()
        };
        let hosted = match spare {
            Some(spare) => spare,
            None => self.make().await?,
        };
        self.refill();
        let hosted = Arc::new(hosted);
        let mut state = self.state();
        state.all.insert(hosted.runtime.id(), (hosted.runtime.meter(), Arc::downgrade(&hosted)));
        Ok(hosted)
    }

    /// Has spares made, in the background, as long as there are too few.
    fn refill(self: &Arc<Self>) {
        {
            let mut state = self.state();
            if state.closed || state.making > 0 || state.spares.len() >= self.options.spares {
                return;
            }
            state.making += 1;
        }
        let this = self.clone();
        Context::shared_tokio().spawn(async move {
            loop {
                let made = this.make().await;
                let more = match made {
                    Ok(spare) => this.keep_spare(spare),
                    // Whoever asks for a runtime gets the same error, if it is still true then.
                    Err(error) => {
                        tracing::debug!(target: "isolate", %error, "no spare runtime could be made");
                        false
                    }
                };
                if !more {
                    break;
                }
            }
            this.state().making -= 1;
            this.changed.notify_waiters();
        });
    }

    /// Returns whether another is wanted.
    fn keep_spare(&self, spare: Hosted) -> bool {
        let mut state = self.state();
        if state.closed {
            drop(state);
            Self::end(Arc::new(spare));
            return false;
        }
        state.spares.push(spare);
        state.spares.len() < self.options.spares
    }

    /// Disposes of a runtime in the background.
    fn end(hosted: Arc<Hosted>) {
        Context::shared_tokio().spawn(async move { hosted.runtime.dispose().await });
    }

    /// Disposes of named runtimes that nobody has used for long.
    fn sweep(&self) {
        let Some(timeout) = self.options.idle_timeout else { return };
        let mut gone = Vec::new();
        self.state().named.retain(|_, named| {
            let idle = named.users.load(Ordering::Acquire) == 0
                && named.last_used.lock().unwrap_or_else(PoisonError::into_inner).elapsed() >= timeout;
            if idle {
                gone.push(named.clone());
            }
            !idle
        });
        for named in gone {
            if let Ok(mut hosted) = named.hosted.try_lock()
                && let Some(hosted) = hosted.take()
            {
                Self::end(hosted);
            }
        }
    }

    /// Sees to the limit on all memory.
    fn weigh(&self) {
        let Some(max) = self.options.max_memory else { return };
        let (spares, most) = {
            let mut state = self.state();
            if Self::memory(&state) <= max as u64 {
                return;
            }
            let spares = std::mem::take(&mut state.spares);
            let live = state.all.values().filter_map(|(meter, hosted)| Some((meter.read().memory, hosted.upgrade()?)));
            let most = live.filter(|(_, hosted)| hosted.runtime.stopped().is_none()).max_by_key(|(memory, _)| *memory);
            (spares, most)
        };
        if !spares.is_empty() {
            spares.into_iter().for_each(|spare| Self::end(Arc::new(spare)));
            return;
        }
        if let Some((memory, hosted)) = most {
            let id = hosted.runtime.id().get();
            tracing::warn!(target: "isolate", id, memory, max_memory = max, "the guest with the most is stopped");
            hosted.runtime.interrupter().terminate(Termination::Memory);
        }
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Disposed, "the host is closed")
}

async fn look_after(host: Weak<Inner>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let Some(inner) = host.upgrade() else { return };
        inner.sweep();
        inner.weigh();
        if inner.state().closed {
            return;
        }
    }
}

/// Many runtimes that share a few workers, with spares that are ready at once. Clones are the same host.
///
/// A worker runs one guest at a time. While others wait, a guest that is busy gives way after a [slice](HostOptions::slice), whatever
/// it does. Every runtime keeps a thread of its own, asleep unless its guest runs; that is what makes it possible to go on
/// without a guest that the engine cannot interrupt.
///
/// ```
/// use isolate_runtime::{Host, HostOptions, RuntimeOptions};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), isolate_runtime::Error> {
/// let host = Host::new(HostOptions::new(|_| RuntimeOptions::new()))?;
/// // One for a single use.
/// assert_eq!(host.acquire().await?.eval_as::<f64>("6 * 7", ()).await?, 42.0);
/// // One that is found again.
/// host.get("customer 7").await?.eval("globalThis.visits = 1", ()).await?;
/// assert_eq!(host.get("customer 7").await?.eval_as::<f64>("++visits", ()).await?, 2.0);
/// host.close(std::time::Duration::from_secs(5)).await;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Host(Arc<Inner>);

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Host").field(&self.metrics()).finish()
    }
}

/// What a host has at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct HostMetrics {
    /// Runtimes that are there, being made, or being disposed of.
    pub runtimes: usize,
    /// Of those, the ones that somebody has.
    pub in_use: usize,
    /// Of those, the ones with a key, in use or not.
    pub named: usize,
    /// Of those, the ones that are kept ready.
    pub spares: usize,
    /// Runtimes that were made in all.
    pub made: u64,
    /// Guests that run.
    pub running: usize,
    /// Guests that have something to do and wait for their turn.
    pub waiting: usize,
    /// How often a worker was lent because its guest did not give way.
    pub lent: usize,
    /// Bytes that all guests together use.
    pub memory: u64,
}

impl Host {
    /// Makes a host, and begins to make its spares.
    ///
    /// # Errors
    /// If its thread cannot be started.
    pub fn new(options: HostOptions) -> Result<Self, Error> {
        let workers = Workers::new(options.workers, options.slice)
            .map_err(|e| Error::new(ErrorKind::Engine, format!("the host's thread could not be started: {e}")))?;
        let inner = Arc::new(Inner { options, workers, state: Mutex::default(), changed: Notify::new() });
        let idle = inner.options.idle_timeout.map(|t| (t / 4).clamp(Duration::from_millis(5), Duration::from_secs(5)));
        let memory = inner.options.max_memory.map(|_| LOOK);
        if let Some(every) = idle.into_iter().chain(memory).min() {
            Context::shared_tokio().spawn(look_after(Arc::downgrade(&inner), every));
        }
        inner.refill();
        Ok(Self(inner))
    }

    fn lease(&self, hosted: Arc<Hosted>, named: Option<Use>, is_new: bool) -> Guest {
        self.0.state().leases += 1;
        Guest { host: self.0.clone(), hosted: Some(hosted), named, is_new }
    }

    /// A runtime for one use: a spare one if there is one, else a new one. It is disposed of when the [`Guest`] is dropped.
    ///
    /// # Errors
    /// [`ErrorKind::Overloaded`] at the host's limits, [`ErrorKind::Disposed`] once it is closed, and as
    /// [`create_runtime`](crate::create_runtime).
    pub async fn acquire(&self) -> Result<Guest, Error> {
        let hosted = self.0.take().await?;
        Ok(self.lease(hosted, None, true))
    }

    /// The runtime of a key, with what its guest has kept, or a new one if there is none. One that was stopped is replaced.
    /// It lives on when the [`Guest`] is dropped, until nobody has used it for the [idle time](HostOptions::idle_timeout).
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire).
    pub async fn get(&self, key: impl Into<String>) -> Result<Guest, Error> {
        self.get_or_init(key, async |_| Ok(())).await
    }

    /// Like [`get`](Self::get), and prepares a new runtime first: others who ask for the key meanwhile wait for that. If it
    /// fails the runtime is disposed of.
    ///
    /// # Errors
    /// As `get`, and what `init` gives.
    pub async fn get_or_init(
        &self,
        key: impl Into<String>,
        init: impl AsyncFnOnce(&Runtime) -> Result<(), Error>,
    ) -> Result<Guest, Error> {
        let key = key.into();
        let named = {
            let mut state = self.0.state();
            if state.closed {
                return Err(closed());
            }
            let named = state.named.entry(key.clone()).or_insert_with(|| {
                Arc::new(Named {
                    hosted: tokio::sync::Mutex::default(),
                    users: AtomicUsize::new(0),
                    last_used: Mutex::new(Instant::now()),
                })
            });
            // Under the lock, so that it is not swept away.
            named.users.fetch_add(1, Ordering::AcqRel);
            Use(named.clone())
        };
        let mut slot = named.0.hosted.lock().await;
        let usable = slot.as_ref().filter(|h| h.runtime.stopped().is_none());
        let (hosted, is_new) = match usable {
            Some(hosted) => (hosted.clone(), false),
            None => {
                if let Some(stopped) = slot.take() {
                    Inner::end(stopped);
                }
                let made = match self.0.take().await {
                    Ok(hosted) => {
                        init(&hosted.runtime).await.map(|()| hosted.clone()).inspect_err(|_| Inner::end(hosted))
                    }
                    Err(e) => Err(e),
                };
                let hosted = made.inspect_err(|_| self.forget(&key, &named.0))?;
                *slot = Some(hosted.clone());
                (hosted, true)
            }
        };
        drop(slot);
        Ok(self.lease(hosted, Some(named), is_new))
    }

    /// A runtime that could not be made leaves nothing behind, unless others wait to make it.
    fn forget(&self, key: &str, named: &Arc<Named>) {
        let mut state = self.0.state();
        let is_last = named.users.load(Ordering::Acquire) == 1;
        if is_last && state.named.get(key).is_some_and(|n| Arc::ptr_eq(n, named)) {
            state.named.remove(key);
        }
    }

    /// Disposes of the runtime of a key, and waits until that is done. Returns whether there was one.
    pub async fn remove(&self, key: &str) -> bool {
        let named = self.0.state().named.remove(key);
        let Some(named) = named else { return false };
        let hosted = named.hosted.lock().await.take();
        match hosted {
            Some(hosted) => {
                hosted.runtime.dispose().await;
                true
            }
            None => false,
        }
    }

    /// The keys of the named runtimes, in no order.
    pub fn keys(&self) -> Vec<String> {
        self.0.state().named.keys().cloned().collect()
    }

    /// What it has at the moment.
    pub fn metrics(&self) -> HostMetrics {
        let (running, waiting, lent) = (self.0.workers.running(), self.0.workers.waiting(), self.0.workers.lent());
        let state = self.0.state();
        HostMetrics {
            runtimes: state.places,
            in_use: state.leases,
            named: state.named.len(),
            spares: state.spares.len(),
            made: state.made,
            running,
            waiting,
            lent,
            memory: Inner::memory(&state),
        }
    }

    /// Takes no more work, waits until every [`Guest`] is given back or the grace has passed, and disposes of all runtimes. A
    /// second time it does nothing. Guests that are still in use then get [`ErrorKind::Disposed`].
    pub async fn close(&self, grace: Duration) {
        let (spares, named) = {
            let mut state = self.0.state();
            state.closed = true;
            (std::mem::take(&mut state.spares), std::mem::take(&mut state.named))
        };
        spares.into_iter().for_each(|spare| Inner::end(Arc::new(spare)));
        let _ = tokio::time::timeout(grace, self.wait_until(|state| state.leases == 0)).await;
        let live: Vec<Arc<Hosted>> = self.0.state().all.values().filter_map(|(_, hosted)| hosted.upgrade()).collect();
        drop(named);
        for hosted in live {
            hosted.runtime.interrupter().terminate(Termination::Cancelled);
            Inner::end(hosted);
        }
        // Whoever still has a guest keeps its place, but nothing else of it.
        self.wait_until(|state| state.making == 0 && state.places <= state.leases).await;
        self.0.workers.close();
    }

    async fn wait_until(&self, done: impl Fn(&State) -> bool) {
        loop {
            let changed = self.0.changed.notified();
            let mut changed = std::pin::pin!(changed);
            // From here on no change is missed.
            changed.as_mut().enable();
            if done(&self.0.state()) {
                return;
            }
            changed.await;
        }
    }
}

/// Somebody uses a named runtime, or is about to.
struct Use(Arc<Named>);

impl Drop for Use {
    fn drop(&mut self) {
        *self.0.last_used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.0.users.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A runtime of a [`Host`], as long as somebody uses it. It is used as the [`Runtime`] that it is.
pub struct Guest {
    host: Arc<Inner>,
    /// Taken when this is dropped.
    hosted: Option<Arc<Hosted>>,
    named: Option<Use>,
    is_new: bool,
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guest").field("runtime", &**self).field("is_new", &self.is_new).finish_non_exhaustive()
    }
}

impl Guest {
    /// Whether nobody has used it before.
    pub fn is_new(&self) -> bool {
        self.is_new
    }
}

impl Deref for Guest {
    type Target = Runtime;

    fn deref(&self) -> &Runtime {
        match &self.hosted {
            Some(hosted) => &hosted.runtime,
            None => unreachable!("a guest has its runtime until it is dropped"),
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let hosted = self.hosted.take();
        if self.named.is_none()
            && let Some(hosted) = hosted
        {
            hosted.runtime.interrupter().terminate(Termination::Cancelled);
            Inner::end(hosted);
        }
        self.host.state().leases -= 1;
        self.host.changed.notify_waiters();
    }
}
