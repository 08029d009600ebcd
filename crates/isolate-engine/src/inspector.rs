//! Debuggers, for engines that have an inspector.
//!
//! What passes is the Chrome DevTools protocol, one message of JSON at a time, of which this layer knows nothing. The
//! context belongs to its thread and a front end lives elsewhere, so messages to the context are fetched by it: between
//! operations, while the guest runs, when it is woken, and while the guest is paused, which holds the thread.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Who debugs.
pub trait FrontEnd: Send + Sync {
    /// Takes a message of the engine's: a response or an event.
    fn send(&self, message: String);

    /// The next message for the engine. Waits for one as long as `wait` says; called on the context's thread.
    fn receive(&self, wait: Duration) -> Received;

    /// The URL that the front end is told for a script of this name; none leaves the name as it is.
    fn url(&self, script: &str) -> Option<String>;
}

/// What [`FrontEnd::receive`] has.
#[derive(Clone)]
pub enum Received {
    /// A message.
    Message(String),
    /// None so far.
    Nothing,
    /// There will be none any more: a paused guest goes on.
    Gone,
    /// As `Gone`, and this one is attached in place of it, with nothing of what the other had turned on, and without its
    /// responses and events.
    Replaced(Arc<dyn FrontEnd>),
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(message) => f.debug_tuple("Message").field(message).finish(),
            Self::Nothing => f.write_str("Nothing"),
            Self::Gone => f.write_str("Gone"),
            Self::Replaced(_) => f.write_str("Replaced"),
        }
    }
}

/// Lets a context whose guest runs fetch messages soon. May be called from any thread, also after the context's end.
pub type Wake = Arc<dyn Fn() + Send + Sync>;
