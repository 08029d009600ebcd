//! WebSockets that the guest opens: what glue calls.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{self, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::Request;
use http::header::{self, HeaderValue};
use isolate_core::url::Url;
use isolate_core::{Blob, Charge, Context, DomExceptionName, FromValue, HostError, HostFunction, Value};
use tokio_util::sync::CancellationToken;

use crate::guest::{is_token, uri};
use crate::serve::message_of;
use crate::{CloseFrame, FetchError, FetchErrorKind, Message, State, WebSocketConnection};

/// How long the peer may take to answer a close.
const CLOSE_TIME: Duration = Duration::from_secs(10);
/// How many messages of the largest size may wait to be sent.
const MOST_WAITING: usize = 4;

/// A message that waits to be sent, or a file's bytes that are to be one.
enum Outgoing {
    Ready(Message),
    Reading(BoxFuture<'static, Result<Bytes, HostError>>, usize),
}

impl Outgoing {
    /// What `bufferedAmount` counts of it.
    fn payload(&self) -> usize {
        match self {
            Self::Ready(Message::Close(_)) => 0,
            Self::Ready(message) => message.len(),
            Self::Reading(_, size) => *size,
        }
    }

    /// Reads what is to be read.
    fn poll_ready(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<(), FetchError>> {
        if let Self::Reading(bytes, _) = self {
            let bytes = ready!(bytes.as_mut().poll(cx))?;
            *self = Self::Ready(Message::Binary(bytes));
        }
        Poll::Ready(Ok(()))
    }
}

#[derive(Default)]
struct Open {
    connection: RefCell<Option<WebSocketConnection>>,
    queue: RefCell<VecDeque<(Outgoing, Charge)>>,
    buffered: Cell<usize>,
    unflushed: Cell<bool>,
    /// More waits than may.
    full: Cell<bool>,
    /// Ready when the peer took too long to answer a close.
    late: RefCell<Option<Pin<Box<tokio::time::Sleep>>>>,
    waker: RefCell<Option<Waker>>,
    dropped: CancellationToken,
}

impl Open {
    fn wake(&self) {
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    fn push(&self, message: Outgoing, charge: Charge) {
        self.buffered.set(self.buffered.get() + message.payload());
        self.queue.borrow_mut().push_back((message, charge));
        self.wake();
    }

    /// Sends what waits, and looks for a message.
    fn poll_next(&self, cx: &mut task::Context<'_>) -> Poll<Result<Message, FetchError>> {
        *self.waker.borrow_mut() = Some(cx.waker().clone());
        let mut connection = self.connection.borrow_mut();
        let Some(WebSocketConnection { incoming, outgoing, .. }) = &mut *connection else {
            return Poll::Ready(Err(FetchError::aborted()));
        };
        if self.full.get() {
            return Poll::Ready(Err(FetchError::new(FetchErrorKind::TooLarge, "too much waits to be sent")));
        }
        loop {
            match self.queue.borrow_mut().front_mut() {
                Some((message, _)) => match message.poll_ready(cx)? {
                    Poll::Ready(()) => {}
                    Poll::Pending => break,
                },
                None => break,
            }
            match outgoing.as_mut().poll_ready(cx)? {
                Poll::Ready(()) => {}
                Poll::Pending => break,
            }
            let Some((message, charge)) = self.queue.borrow_mut().pop_front() else { break };
            self.buffered.set(self.buffered.get().saturating_sub(message.payload()));
            let Outgoing::Ready(message) = message else { break };
            outgoing.as_mut().start_send(message)?;
            self.unflushed.set(true);
            drop(charge);
        }
        if self.unflushed.get() && outgoing.as_mut().poll_flush(cx)?.is_ready() {
            self.unflushed.set(false);
        }
        match incoming.as_mut().poll_next(cx)? {
            Poll::Ready(Some(message)) => return Poll::Ready(Ok(message)),
            Poll::Ready(None) => {
                return Poll::Ready(Err(FetchError::new(FetchErrorKind::Network, "the connection ended")));
            }
            Poll::Pending => {}
        }
        let is_late = self.late.borrow_mut().as_mut().is_some_and(|late| late.as_mut().poll(cx).is_ready());
        match is_late {
            true => Poll::Ready(Err(FetchError::new(FetchErrorKind::Timeout, "the peer did not answer the close"))),
            false => Poll::Pending,
        }
    }
}

/// The WebSockets of a context, by the guest's numbers.
#[derive(Default)]
pub(crate) struct Clients {
    all: RefCell<HashMap<u64, Rc<Open>>>,
}

impl Clients {
    pub(crate) fn len(&self) -> usize {
        self.all.borrow().len()
    }

    fn get(&self, id: u64) -> Option<Rc<Open>> {
        self.all.borrow().get(&id).cloned()
    }

    fn remove(&self, id: u64) {
        let open = self.all.borrow_mut().remove(&id);
        if let Some(open) = open {
            open.dropped.cancel();
            if let Ok(mut connection) = open.connection.try_borrow_mut() {
                *connection = None;
            }
            open.queue.borrow_mut().clear();
        }
    }

    pub(crate) fn dispose(&self) {
        let ids: Vec<u64> = self.all.borrow().keys().copied().collect();
        ids.into_iter().for_each(|id| self.remove(id));
    }
}

/// The URL and its origin, of one that a WebSocket can have.
fn target(href: &str) -> Option<Vec<String>> {
    let mut url = Url::parse(href).ok()?;
    match url.scheme() {
        "http" => url.set_scheme("ws").ok()?,
        "https" => url.set_scheme("wss").ok()?,
        "ws" | "wss" => {}
        _ => return None,
    }
    if url.fragment().is_some() {
        return None;
    }
    let origin = url.origin().ascii_serialization();
    Some(vec![url.into(), origin])
}

fn connect(
    context: &Context,
    state: &Rc<State>,
    id: u64,
    url: &str,
    protocols: &[String],
) -> Result<impl Future<Output = Result<String, HostError>> + use<>, HostError> {
    state.check()?;
    let (handler, limits) = {
        let options = state.options.borrow();
        (options.web_socket.clone(), options.limits.clone())
    };
    let Some(handler) = handler else {
        return Err(HostError::dom(DomExceptionName::NetworkError, "the host has not granted WebSockets"));
    };
    if state.connections() >= limits.connections {
        let message = format!("there are {} connections already", limits.connections);
        return Err(HostError::dom(DomExceptionName::QuotaExceededError, message));
    }
    let charge = context.charge(1024)?;
    let mut request = Request::new(());
    *request.uri_mut() = uri(url)?;
    if !protocols.is_empty() {
        let offered = HeaderValue::from_str(&protocols.join(", "))
            .map_err(|_| HostError::type_error("a subprotocol cannot be sent"))?;
        request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, offered);
    }
    let open = Rc::new(Open::default());
    state.clients.all.borrow_mut().insert(id, open.clone());
    let state = state.clone();
    Ok(async move {
        let _charge = charge;
        let connecting = handler.connect(request);
        let late = async {
            match limits.response_time {
                Some(time) => tokio::time::sleep(time).await,
                None => std::future::pending().await,
            }
        };
        let connected = tokio::select! {
            connected = connecting => connected,
            () = open.dropped.cancelled() => Err(FetchError::aborted()),
            () = late => Err(FetchError::new(FetchErrorKind::Timeout, "the connection took too long")),
        };
        match connected {
            Ok(connection) => {
                let protocol = connection.protocol.clone();
                *open.connection.borrow_mut() = Some(connection);
                Ok(protocol)
            }
            Err(e) => {
                state.clients.remove(id);
                Err(e.into())
            }
        }
    })
}

fn send(context: &Context, state: &State, id: u64, data: Value) -> Result<(), HostError> {
    let message = match Blob::from_value(data.clone()) {
        Ok(file) if !file.is_in_memory() => {
            let size = usize::try_from(file.len()).unwrap_or(usize::MAX);
            Outgoing::Reading(Box::pin(file.read(0..file.len())), size)
        }
        _ => Outgoing::Ready(message_of(data)?),
    };
    let limit = state.options.borrow().limits.message_bytes;
    let size = message.payload();
    if size > limit {
        return Err(HostError::range_error(format!("the message is larger than {limit} bytes")));
    }
    let Some(open) = state.clients.get(id) else { return Ok(()) };
    if open.buffered.get() + size > MOST_WAITING * limit {
        open.full.set(true);
        open.wake();
        return Ok(());
    }
    let charge = context.charge(size + 64)?;
    open.push(message, charge);
    Ok(())
}

fn close(context: &Context, state: &State, id: u64, code: u16, reason: String) -> Result<(), HostError> {
    let Some(open) = state.clients.get(id) else { return Ok(()) };
    let charge = context.charge(256)?;
    {
        let tokio = context.tokio();
        let _entered = tokio.enter();
        *open.late.borrow_mut() = Some(Box::pin(tokio::time::sleep(CLOSE_TIME)));
    }
    open.push(Outgoing::Ready(Message::Close((code != 0).then_some(CloseFrame { code, reason }))), charge);
    Ok(())
}

pub(crate) fn functions(context: &Context, state: &Rc<State>) -> Vec<HostFunction> {
    let s = state.clone();
    let connect = context.async_function(
        "__WebSocket_connect",
        move |ctx: Context, id: u64, url: String, protocols: Vec<String>| {
            let connecting = connect(&ctx, &s, id, &url, &protocols);
            async move { connecting?.await }
        },
    );
    let s = state.clone();
    let next = context.async_function("__WebSocket_next", move |id: u64| {
        let (s, open) = (s.clone(), s.clients.get(id));
        async move {
            let Some(open) = open else { return Err(FetchError::aborted().into()) };
            match poll_fn(|cx| open.poll_next(cx)).await {
                Ok(Message::Text(text)) => Ok(text.into()),
                Ok(Message::Binary(bytes)) => Ok(bytes.into()),
                Ok(Message::Close(frame)) => {
                    // The answer to the peer's close is on its way.
                    let CloseFrame { code, reason } = frame.unwrap_or(CloseFrame { code: 1005, reason: String::new() });
                    Ok(Value::List(vec![f64::from(code).into(), reason.into()]))
                }
                Err(e) => {
                    s.clients.remove(id);
                    Err(HostError::from(e))
                }
            }
        }
    });
    let s = state.clone();
    let send = context.function("__WebSocket_send", move |ctx: Context, id: u64, data: Value| send(&ctx, &s, id, data));
    let s = state.clone();
    let close = context.function("__WebSocket_close", move |ctx: Context, id: u64, code: u16, reason: String| {
        close(&ctx, &s, id, code, reason)
    });
    let s = state.clone();
    let buffered = context
        .function("__WebSocket_buffered", move |id: u64| s.clients.get(id).map_or(0, |open| open.buffered.get()));
    let s = state.clone();
    let abort = context.function("__WebSocket_abort", move |id: u64| {
        if let Some(open) = s.clients.get(id) {
            open.dropped.cancel();
        }
    });
    let s = state.clone();
    let drop = context.function("__WebSocket_drop", move |id: u64| s.clients.remove(id));
    vec![
        connect,
        next,
        send,
        close,
        buffered,
        abort,
        drop,
        context.function("__WebSocket_url", |href: String| target(&href)),
        context.function("__WebSocket_isToken", |s: String| is_token(&s)),
        context.function("__WebSocket_same", |a: String, b: String| a.eq_ignore_ascii_case(&b)),
        context.function("__WebSocket_size", |data: Value| {
            Ok::<_, HostError>(match data {
                Value::String(text) => text.len(),
                Value::Bytes(bytes) => bytes.len(),
                other => usize::try_from(Blob::from_value(other)?.len()).unwrap_or(usize::MAX),
            })
        }),
    ]
}
