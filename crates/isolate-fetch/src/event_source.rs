//! Streams of events: <https://html.spec.whatwg.org/multipage/server-sent-events.html>.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::StreamExt;
use http::header::{self, HeaderValue};
use http::{Request, StatusCode};
use isolate_core::url::Url;
use isolate_core::{Charge, Context, DomExceptionName, HostError, HostFunction, Value};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::guest::uri;
use crate::{Body, FetchError, FetchErrorKind, RedirectMode, RequestInfo, ResponseInfo, State, mime};

/// How long to wait before connecting again, unless the server says otherwise.
const RETRY: Duration = Duration::from_secs(3);

/// An event: its type, its data, the last id by then.
#[derive(Debug, PartialEq, Eq)]
struct Event {
    kind: String,
    data: String,
    id: String,
}

/// Takes a stream apart, however its chunks are cut.
/// <https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation>
#[derive(Default)]
struct Parser {
    line: Vec<u8>,
    /// The last byte was a CR; an LF after it is the same end of a line.
    after_cr: bool,
    begun: bool,
    kind: String,
    data: String,
    has_data: bool,
    next_id: String,
    retry: Option<Duration>,
    ready: VecDeque<Event>,
}

impl Parser {
    /// Of a connection that goes on where the one before ended.
    fn new(last_id: &str) -> Self {
        Self { next_id: last_id.to_owned(), ..Self::default() }
    }

    fn feed(&mut self, chunk: &[u8], limit: usize) -> Result<(), FetchError> {
        for &byte in chunk {
            match byte {
                b'\n' if self.after_cr => self.after_cr = false,
                b'\n' | b'\r' => {
                    self.after_cr = byte == b'\r';
                    self.end_of_line();
                }
                byte => {
                    self.after_cr = false;
                    if self.line.len() + self.data.len() >= limit {
                        return Err(crate::body::too_large("an event", limit as u64));
                    }
                    self.line.push(byte);
                }
            }
        }
        Ok(())
    }

    fn end_of_line(&mut self) {
        let bytes = std::mem::take(&mut self.line);
        let mut line = String::from_utf8_lossy(&bytes);
        if !std::mem::replace(&mut self.begun, true)
            && let Some(rest) = line.strip_prefix('\u{feff}')
        {
            line = rest.to_owned().into();
        }
        if line.is_empty() {
            self.dispatch();
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.kind),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
                self.has_data = true;
            }
            "id" if !value.contains('\0') => value.clone_into(&mut self.next_id),
            "retry" if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) => {
                self.retry = Some(Duration::from_millis(value.parse().unwrap_or(u64::from(u32::MAX))));
            }
            _ => {}
        }
    }

    fn dispatch(&mut self) {
        let (mut data, kind) = (std::mem::take(&mut self.data), std::mem::take(&mut self.kind));
        if !std::mem::take(&mut self.has_data) {
            return;
        }
        data.pop();
        let kind = if kind.is_empty() { "message".to_owned() } else { kind };
        self.ready.push_back(Event { kind, data, id: self.next_id.clone() });
    }
}

struct Source {
    body: RefCell<Option<Body>>,
    parser: RefCell<Parser>,
    last_id: RefCell<String>,
    retry: Cell<Duration>,
    closed: CancellationToken,
    _charge: Charge,
}

/// The event sources of a context, by the guest's numbers.
#[derive(Default)]
pub(crate) struct Sources {
    all: RefCell<HashMap<u64, Rc<Source>>>,
}

impl Sources {
    pub(crate) fn len(&self) -> usize {
        self.all.borrow().len()
    }

    fn remove(&self, id: u64) {
        let source = self.all.borrow_mut().remove(&id);
        if let Some(source) = source {
            source.closed.cancel();
        }
    }

    pub(crate) fn dispose(&self) {
        let all = std::mem::take(&mut *self.all.borrow_mut());
        all.into_values().for_each(|source| source.closed.cancel());
    }
}

/// The source of a number, made on first use.
fn source(context: &Context, state: &State, id: u64) -> Result<Rc<Source>, HostError> {
    if let Some(source) = state.sources.all.borrow().get(&id) {
        return Ok(source.clone());
    }
    let most = state.options.borrow().limits.connections;
    if state.connections() >= most {
        let message = format!("there are {most} connections already");
        return Err(HostError::dom(DomExceptionName::QuotaExceededError, message));
    }
    let source = Rc::new(Source {
        body: RefCell::default(),
        parser: RefCell::default(),
        last_id: RefCell::default(),
        retry: Cell::new(RETRY),
        closed: CancellationToken::new(),
        _charge: context.charge(1024)?,
    });
    state.sources.all.borrow_mut().insert(id, source.clone());
    Ok(source)
}

/// Connects, and gives the origin of what answered; nothing if that is no stream of events, so that it is not to be
/// tried again.
async fn open(state: Rc<State>, source: Rc<Source>, url: String) -> Result<Option<String>, HostError> {
    let Some(handler) = crate::guest::handler(&state) else { return Ok(None) };
    let limits = state.options.borrow().limits.clone();
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = uri(&url)?;
    let headers = request.headers_mut();
    headers.insert(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    let last_id = source.last_id.borrow().clone();
    if !last_id.is_empty()
        && let Ok(value) = HeaderValue::from_bytes(last_id.as_bytes())
    {
        headers.insert("last-event-id", value);
    }
    let info = RequestInfo { url: url.clone(), redirect: RedirectMode::Follow, keepalive: false };
    request.extensions_mut().insert(info);
    let late = async {
        match limits.response_time {
            Some(time) => tokio::time::sleep(time).await,
            None => std::future::pending().await,
        }
    };
    let response = tokio::select! {
        response = handler.fetch(request) => response?,
        () = source.closed.cancelled() => return Err(FetchError::aborted().into()),
        () = late => return Err(FetchError::new(FetchErrorKind::Timeout, "the response took too long").into()),
    };
    let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let is_stream =
        content_type.and_then(mime::extract).is_some_and(|mime| mime.type_ == "text" && mime.subtype == "event-stream");
    if response.status() != StatusCode::OK || !is_stream {
        return Ok(None);
    }
    let from = response.extensions().get::<ResponseInfo>().and_then(|info| info.url.clone());
    let from = from.or_else(|| Url::parse(&url).ok());
    *source.parser.borrow_mut() = Parser::new(&last_id);
    *source.body.borrow_mut() = Some(response.into_body());
    Ok(Some(from.map(|url| url.origin().ascii_serialization()).unwrap_or_default()))
}

async fn next(source: Rc<Source>, limit: usize) -> Result<Option<Vec<Value>>, HostError> {
    let Some(mut body) = source.body.borrow_mut().take() else { return Ok(None) };
    loop {
        let (event, retry) = {
            let mut parser = source.parser.borrow_mut();
            (parser.ready.pop_front(), parser.retry.take())
        };
        if let Some(retry) = retry {
            source.retry.set(retry);
        }
        if let Some(Event { kind, data, id }) = event {
            source.last_id.borrow_mut().clone_from(&id);
            *source.body.borrow_mut() = Some(body);
            return Ok(Some(vec![kind.into(), data.into(), id.into()]));
        }
        let chunk: Option<Bytes> = tokio::select! {
            chunk = body.next() => chunk.transpose()?,
            () = source.closed.cancelled() => None,
        };
        let Some(chunk) = chunk else { return Ok(None) };
        let fed = source.parser.borrow_mut().feed(&chunk, limit);
        fed?;
    }
}

pub(crate) fn functions(context: &Context, state: &Rc<State>) -> Vec<HostFunction> {
    let s = state.clone();
    let open = context.async_function("__EventSource_open", move |ctx: Context, id: u64, url: String| {
        let source = s.check().and_then(|()| source(&ctx, &s, id));
        let s = s.clone();
        async move { open(s, source?, url).await }
    });
    let s = state.clone();
    let next = context.async_function("__EventSource_next", move |id: u64| {
        let source = s.sources.all.borrow().get(&id).cloned();
        let limit = s.options.borrow().limits.message_bytes;
        async move {
            match source {
                Some(source) => next(source, limit).await,
                None => Ok(None),
            }
        }
    });
    let s = state.clone();
    // The timer keeps the event loop going, on whichever clock.
    let wait = context.background_function("__EventSource_wait", move |ctx: Context, id: u64| {
        let retry = s.sources.all.borrow().get(&id).map_or(RETRY, |source| source.retry.get());
        let (sender, receiver) = oneshot::channel::<()>();
        let sender = Cell::new(Some(sender));
        let added = ctx.add_timer(
            retry,
            None,
            Rc::new(move |_, _| {
                if let Some(sender) = sender.take() {
                    let _ = sender.send(());
                }
                Ok(())
            }),
        );
        async move {
            added?;
            receiver.await.map_err(|_| HostError::from(FetchError::aborted()))
        }
    });
    let s = state.clone();
    let close = context.function("__EventSource_close", move |id: u64| s.sources.remove(id));
    vec![open, next, wait, close]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, size: usize) -> Vec<(String, String, String)> {
        let mut parser = Parser::new("");
        for chunk in text.as_bytes().chunks(size) {
            parser.feed(chunk, 1000).unwrap();
        }
        parser.ready.into_iter().map(|e| (e.kind, e.data, e.id)).collect()
    }

    #[test]
    fn streams_are_taken_apart_however_they_are_cut() {
        let text = "\u{feff}: comment\ndata: YHOO\ndata:+2\r\ndata\r\rid: 1\nevent: add\ndata:  é\n\n\n\nid\ndata\n\nevent: x\n\n\
                    id: a\0b\nretry: 10\ndata: last\n\ndata: lost\n";
        let event = |kind: &str, data: &str, id: &str| (kind.to_owned(), data.to_owned(), id.to_owned());
        let expected = [
            event("message", "YHOO\n+2\n", ""),
            event("add", " é", "1"),
            event("message", "", ""),
            event("message", "last", ""),
        ];
        for size in [1, 2, 3, 7, 1000] {
            assert_eq!(parse(text, size), expected, "in chunks of {size}");
        }
        assert!(Parser::new("").feed(&[b'x'; 2000], 1000).is_err(), "a line without end");
    }
}
