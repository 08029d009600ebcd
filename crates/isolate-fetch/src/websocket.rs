//! WebSockets: <https://websockets.spec.whatwg.org/>.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::sink::{Sink, SinkExt};
use futures_util::stream::{Stream, StreamExt};
use http::Request;

use crate::FetchError;

/// A message of a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Bytes),
    /// The closing handshake, with its code and reason if there are some.
    Close(Option<CloseFrame>),
}

impl Message {
    /// Bytes of the text, or of the bytes, or of the reason.
    pub fn len(&self) -> usize {
        match self {
            Message::Text(text) => text.len(),
            Message::Binary(bytes) => bytes.len(),
            Message::Close(frame) => frame.as_ref().map_or(0, |f| f.reason.len()),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Why a WebSocket is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseFrame {
    /// <https://www.rfc-editor.org/rfc/rfc6455#section-7.4>
    pub code: u16,
    /// At most 123 bytes.
    pub reason: String,
}

type Incoming = Pin<Box<dyn Stream<Item = Result<Message, FetchError>> + Send>>;
type Outgoing = Pin<Box<dyn Sink<Message, Error = FetchError> + Send>>;

/// An open WebSocket, as a [`WebSocketHandler`] gives it.
///
/// Its stream ends when the connection is closed; a `Close` is passed on when the peer's comes. Pings are answered by
/// whoever made it.
pub struct WebSocketConnection {
    pub(crate) incoming: Incoming,
    pub(crate) outgoing: Outgoing,
    pub(crate) protocol: String,
}

impl fmt::Debug for WebSocketConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketConnection").field("protocol", &self.protocol).finish_non_exhaustive()
    }
}

impl WebSocketConnection {
    /// Of messages that come, and where messages go.
    pub fn new<S, K, E, F>(incoming: S, outgoing: K) -> Self
    where
        S: Stream<Item = Result<Message, E>> + Send + 'static,
        K: Sink<Message, Error = F> + Send + 'static,
        E: Into<FetchError>,
        F: Into<FetchError> + 'static,
    {
        Self {
            incoming: Box::pin(incoming.map(|item| item.map_err(Into::into))),
            outgoing: Box::pin(outgoing.sink_map_err(Into::into)),
            protocol: String::new(),
        }
    }

    /// Sets the subprotocol that the server chose.
    #[must_use]
    pub fn protocol(mut self, protocol: impl Into<String>) -> Self {
        self.protocol = protocol.into();
        self
    }
}

/// What a [`WebSocketHandler`] returns.
pub type WebSocketFuture = Pin<Box<dyn Future<Output = Result<WebSocketConnection, FetchError>> + Send>>;

/// Connects the guest's WebSockets. Closures are handlers.
pub trait WebSocketHandler: Send + Sync + 'static {
    /// Connects to the URI (`ws` or `wss`); the subprotocols that the guest offers are in `Sec-WebSocket-Protocol`. The
    /// guest learns no more of a failure than that there was one, as the standard has it.
    fn connect(&self, request: Request<()>) -> WebSocketFuture;
}

impl<F, Fut, E> WebSocketHandler for F
where
    F: Fn(Request<()>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<WebSocketConnection, E>> + Send + 'static,
    E: Into<FetchError>,
{
    fn connect(&self, request: Request<()>) -> WebSocketFuture {
        let connecting = self(request);
        Box::pin(async move { connecting.await.map_err(Into::into) })
    }
}
