//! Debugging a runtime from afar.
//!
//! Neither end waits for the other, so what is unread is bounded: a session in which one end sends on and the other does
//! not read is over.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{self, Poll};
use std::time::Duration;

use isolate_core::{Context, Error, FrontEnd, Received, Wake};
use tokio::sync::{Notify, mpsc};

use crate::Runtime;
use crate::owner::Command;

/// A debugger's end of the Chrome DevTools protocol with a runtime; see [`Runtime::inspect`]. Dropping it ends debugging,
/// and a paused guest goes on.
pub struct Inspector {
    sender: InspectorSender,
    messages: mpsc::UnboundedReceiver<String>,
    url: Arc<UrlOf>,
    /// Waits for the end that too much that is unread makes.
    full: Option<Pin<Box<dyn Future<Output = ()> + Send + Sync>>>,
    /// Whether the session is this one's to end.
    attached: bool,
}

/// The sending half of an [`Inspector`]. Clones are the same.
#[derive(Clone)]
pub struct InspectorSender {
    runtime: Runtime,
    queue: Arc<Queue>,
    wake: Wake,
}

impl fmt::Debug for InspectorSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InspectorSender").field("runtime", &self.runtime).finish_non_exhaustive()
    }
}

impl fmt::Debug for Inspector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inspector").field("runtime", &self.sender.runtime).finish_non_exhaustive()
    }
}

type UrlOf = dyn Fn(&str) -> Option<String> + Send + Sync;

/// How many bytes may be unread in either direction unless [`Inspector::set_unread_limit`] says otherwise. A heap snapshot
/// comes in one go.
const MOST_UNREAD: usize = 512 << 20;

/// What was sent to the runtime and is not fetched yet, and how much was sent to the front end.
struct Queue {
    state: Mutex<State>,
    arrived: Condvar,
    /// Done when too much is unread.
    full: Notify,
}

/// The runtime's end, which goes with its context.
struct Front {
    queue: Arc<Queue>,
    out: mpsc::UnboundedSender<String>,
    url: Arc<UrlOf>,
}

struct State {
    messages: VecDeque<String>,
    /// Their bytes, and those that the front end has not read.
    unfetched: usize,
    unread: usize,
    limit: usize,
    is_full: bool,
    gone: bool,
    /// Who has taken this one's place, until the context knows.
    successor: Option<Arc<Front>>,
}

impl Queue {
    fn new(limit: usize) -> Self {
        let state = State {
            messages: VecDeque::new(),
            unfetched: 0,
            unread: 0,
            limit,
            is_full: false,
            gone: false,
            successor: None,
        };
        Self { state: Mutex::new(state), arrived: Condvar::new(), full: Notify::new() }
    }

    /// Counts a message. If it is too much the session is over, and the message is not wanted.
    fn admit(&self, state: &mut State, bytes: usize, unread: impl Fn(&mut State) -> &mut usize) -> bool {
        if state.is_full {
            return false;
        }
        let sum = unread(state).saturating_add(bytes);
        *unread(state) = sum;
        if sum <= state.limit {
            return true;
        }
        state.is_full = true;
        state.gone = true;
        state.messages = VecDeque::new();
        self.arrived.notify_all();
        self.full.notify_waiters();
        false
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FrontEnd for Front {
    fn send(&self, message: String) {
        if self.queue.admit(&mut self.queue.state(), message.len(), |state| &mut state.unread) {
            // Who has gone misses nothing.
            let _ = self.out.send(message);
        }
    }

    fn receive(&self, wait: Duration) -> Received {
        let mut state = self.queue.state();
        if state.messages.is_empty() && !state.gone && !wait.is_zero() {
            let waited = self.queue.arrived.wait_timeout(state, wait);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        if let Some(successor) = state.successor.take() {
            return Received::Replaced(successor);
        }
        match state.messages.pop_front() {
            Some(message) => {
                state.unfetched = state.unfetched.saturating_sub(message.len());
                Received::Message(message)
            }
            None if state.gone => Received::Gone,
            None => Received::Nothing,
        }
    }

    fn url(&self, script: &str) -> Option<String> {
        (self.url)(script)
    }
}

impl InspectorSender {
    /// Sends a message, which is handled soon, whatever the guest does: between turns, in the middle of its code, or
    /// while it is paused. If too much is waiting already the session is over; see [`when_full`](Self::when_full).
    pub fn send(&self, message: impl Into<String>) {
        let message = message.into();
        {
            let mut state = self.queue.state();
            // Nobody would fetch it.
            if state.gone || !self.queue.admit(&mut state, message.len(), |state| &mut state.unfetched) {
                return;
            }
            state.messages.push_back(message);
        }
        self.tell_to_serve();
    }

    /// Waits until the session is over because too much is unread: by the runtime, whose guest may be where no message
    /// reaches it, or by this end.
    pub async fn when_full(&self) {
        loop {
            let mut full = pin!(self.queue.full.notified());
            full.as_mut().enable();
            if self.queue.state().is_full {
                return;
            }
            full.await;
        }
    }

    fn tell_to_serve(&self) {
        self.tell(|context| {
            // A stopped context has no more to say.
            let _ = context.serve_inspector();
        });
    }

    fn tell(&self, f: impl FnOnce(&Context) + Send + 'static) {
        self.queue.arrived.notify_all();
        (self.wake)();
        self.runtime.tell(Command::With(Box::new(|context, _| f(context))));
    }
}

impl Inspector {
    /// As [`InspectorSender::send`].
    pub fn send(&self, message: impl Into<String>) {
        self.sender.send(message);
    }

    /// The sending half, for another task.
    pub fn sender(&self) -> InspectorSender {
        self.sender.clone()
    }

    /// The next message of the runtime's: a response or an event. None once the runtime has ended, or the session has
    /// because too much was unread.
    pub async fn receive(&mut self) -> Option<String> {
        poll_fn(|cx| self.poll_receive(cx)).await
    }

    /// As [`receive`](Self::receive), for those who poll.
    pub fn poll_receive(&mut self, cx: &mut task::Context<'_>) -> Poll<Option<String>> {
        if self.sender.queue.state().is_full {
            return Poll::Ready(None);
        }
        if let Poll::Ready(message) = self.messages.poll_recv(cx) {
            let mut state = self.sender.queue.state();
            state.unread = state.unread.saturating_sub(message.as_ref().map_or(0, String::len));
            return Poll::Ready(message);
        }
        // It may become full while this waits, of which the channel does not tell.
        let full = self.full.get_or_insert_with(|| {
            let sender = self.sender.clone();
            Box::pin(async move { sender.when_full().await })
        });
        full.as_mut().poll(cx).map(|()| None)
    }

    /// Bounds what may be unread in each direction, in bytes; 512 MiB unless this is called. Beyond it the session is over:
    /// the guest goes on as if the debugger had gone, and [`receive`](Self::receive) gives nothing any more.
    pub fn set_unread_limit(&self, bytes: usize) {
        self.sender.queue.state().limit = bytes;
    }

    /// Ends this session and begins another, for another front end, whatever the guest does: nothing that the old one turned
    /// on stays on, what it asked is answered to nobody, and a paused guest goes on.
    #[must_use]
    pub fn replace(mut self) -> Self {
        let limit = self.sender.queue.state().limit;
        let (front, next) = Self::pair(self.sender.runtime.clone(), self.url.clone(), self.sender.wake.clone(), limit);
        {
            let mut state = self.sender.queue.state();
            state.messages.clear();
            state.gone = true;
            state.successor = Some(front);
        }
        self.attached = false;
        self.sender.tell_to_serve();
        next
    }

    /// The two ends of a session.
    fn pair(runtime: Runtime, url: Arc<UrlOf>, wake: Wake, limit: usize) -> (Arc<Front>, Self) {
        let (out, messages) = mpsc::unbounded_channel();
        let queue = Arc::new(Queue::new(limit));
        let front = Arc::new(Front { queue: queue.clone(), out, url: url.clone() });
        (front, Self { sender: InspectorSender { runtime, queue, wake }, messages, url, full: None, attached: true })
    }
}

impl Drop for Inspector {
    fn drop(&mut self) {
        if self.attached {
            self.sender.queue.state().gone = true;
            self.sender.tell(Context::detach_inspector);
        }
    }
}

impl Runtime {
    /// Attaches a debugger, in place of another one: the Chrome DevTools protocol, as far as the engine speaks it. Whoever
    /// has the result sees and may do everything inside the guest; the guest's deadlines stand still while it is paused.
    ///
    /// `url` gives the URL that the debugger is told for a script of a name; none leaves the name as it is.
    ///
    /// # Errors
    /// If the engine has no inspector (QuickJS has none), or the runtime is stopped or disposed of.
    pub async fn inspect(
        &self,
        url: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Result<Inspector, Error> {
        // The context says how it is woken when it is attached.
        let (front, mut inspector) = Inspector::pair(self.clone(), Arc::new(url), Arc::new(|| ()), MOST_UNREAD);
        inspector.attached = false;
        inspector.sender.wake = self.with_context(move |context| context.attach_inspector(front)).await??;
        inspector.attached = true;
        Ok(inspector)
    }
}
