//! Debugging a runtime from afar.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{self, Poll};
use std::time::Duration;

use isolate_core::{Context, Error, FrontEnd, Received, Wake};
use tokio::sync::mpsc;

use crate::Runtime;
use crate::owner::Command;

/// A debugger's end of the Chrome DevTools protocol with a runtime; see [`Runtime::inspect`]. Dropping it ends debugging,
/// and a paused guest goes on.
pub struct Inspector {
    sender: InspectorSender,
    messages: mpsc::UnboundedReceiver<String>,
    url: Arc<UrlOf>,
    replaced: bool,
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

/// What was sent to the runtime and is not fetched yet.
#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    arrived: Condvar,
}

/// The runtime's end, which goes with its context.
struct Front {
    queue: Arc<Queue>,
    out: mpsc::UnboundedSender<String>,
    url: Arc<UrlOf>,
}

#[derive(Default)]
struct State {
    messages: VecDeque<String>,
    gone: bool,
    /// Who has taken this one's place, until the context knows.
    successor: Option<Arc<Front>>,
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FrontEnd for Front {
    fn send(&self, message: String) {
        // Who has gone misses nothing.
        let _ = self.out.send(message);
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
            Some(message) => Received::Message(message),
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
    /// while it is paused.
    pub fn send(&self, message: impl Into<String>) {
        {
            let mut state = self.queue.state();
            // Nobody would fetch it.
            if state.gone {
                return;
            }
            state.messages.push_back(message.into());
        }
        self.tell_to_serve();
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

    /// The next message of the runtime's: a response or an event. None once the runtime has ended.
    pub async fn receive(&mut self) -> Option<String> {
        self.messages.recv().await
    }

    /// As [`receive`](Self::receive), for those who poll.
    pub fn poll_receive(&mut self, cx: &mut task::Context<'_>) -> Poll<Option<String>> {
        self.messages.poll_recv(cx)
    }

    /// Ends this session and begins another, for another front end, whatever the guest does: nothing that the old one turned
    /// on stays on, what it asked is answered to nobody, and a paused guest goes on.
    #[must_use]
    pub fn replace(mut self) -> Self {
        let (front, next) = Self::pair(self.sender.runtime.clone(), self.url.clone(), self.sender.wake.clone());
        {
            let mut state = self.sender.queue.state();
            state.messages.clear();
            state.gone = true;
            state.successor = Some(front);
        }
        self.replaced = true;
        self.sender.tell_to_serve();
        next
    }

    /// The two ends of a session.
    fn pair(runtime: Runtime, url: Arc<UrlOf>, wake: Wake) -> (Arc<Front>, Self) {
        let (out, messages) = mpsc::unbounded_channel();
        let queue = Arc::new(Queue::default());
        let front = Arc::new(Front { queue: queue.clone(), out, url: url.clone() });
        (front, Self { sender: InspectorSender { runtime, queue, wake }, messages, url, replaced: false })
    }
}

impl Drop for Inspector {
    fn drop(&mut self) {
        if !self.replaced {
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
        let (front, mut inspector) = Inspector::pair(self.clone(), Arc::new(url), Arc::new(|| ()));
        inspector.replaced = true;
        inspector.sender.wake = self.with_context(move |context| context.attach_inspector(front)).await??;
        inspector.replaced = false;
        Ok(inspector)
    }
}
