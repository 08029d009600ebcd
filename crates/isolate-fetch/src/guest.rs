//! The host's side of the guest's `fetch`: what glue calls.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::stream::{Stream, StreamExt};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri, Version};
use isolate_core::{
    Blob, Context, DomExceptionName, FromValue, HostError, HostFunction, IntoValue, ReadableStream, Value,
};
use sha2::{Digest, Sha256, Sha384, Sha512};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::body::{ends_on_error, too_large};
use crate::counted::collect;
use crate::multipart;
use crate::{
    Body, FetchError, FetchErrorKind, FetchHandler, FetchLimits, RedirectMode, RequestInfo, ResponseInfo, State, mime,
};

/// A fetch that the guest may abort.
#[derive(Clone)]
struct Flight {
    abort: CancellationToken,
    ended: CancellationToken,
}

/// The fetches of a context.
#[derive(Default)]
pub(crate) struct Flights {
    by_id: RefCell<HashMap<u64, Flight>>,
    waiting: Cell<usize>,
    /// Cancelled when everything is.
    all: CancellationToken,
}

impl Flights {
    /// How many wait for their response.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.get()
    }

    /// Ends all of them.
    pub(crate) fn abort_all(&self) {
        self.all.cancel();
        self.by_id.borrow_mut().clear();
    }
}

/// Counts a fetch that waits for its response, as long as it lives.
struct Waiting(Rc<State>);

impl Drop for Waiting {
    fn drop(&mut self) {
        let waiting = &self.0.flights.waiting;
        waiting.set(waiting.get() - 1);
    }
}

/// Says that the body of a response is at its end, or nobody reads it any more.
struct EndOnDrop(CancellationToken);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

pub(crate) fn is_token(s: &str) -> bool {
    !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// <https://fetch.spec.whatwg.org/#header-value>, of a string whose characters are bytes.
fn header_value(s: &str) -> Value {
    let is_blank = |c: char| matches!(c, '\t' | '\n' | '\r' | ' ');
    let trimmed = s.trim_matches(is_blank);
    if trimmed.chars().any(|c| matches!(c, '\0' | '\n' | '\r') || c > '\u{ff}') {
        return Value::Undefined;
    }
    if trimmed.len() == s.len() { Value::Bool(true) } else { trimmed.into() }
}

/// <https://fetch.spec.whatwg.org/#concept-method-normalize>; 0 of what is no method, 1 of what is forbidden.
fn method(s: &str) -> Value {
    if !is_token(s) {
        return 0.into();
    }
    let upper = s.to_ascii_uppercase();
    match upper.as_str() {
        "CONNECT" | "TRACE" | "TRACK" => 1.into(),
        "DELETE" | "GET" | "HEAD" | "OPTIONS" | "POST" | "PUT" => upper.into(),
        _ => s.into(),
    }
}

/// Whether an absolute URL has a user or a password.
fn has_credentials(href: &str) -> bool {
    let Some((_, rest)) = href.split_once("://") else { return false };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    rest[..end].contains('@')
}

pub(crate) fn header_functions(context: &Context) -> Vec<HostFunction> {
    vec![
        context.function("__Headers_name", |s: String| is_token(&s).then(|| s.to_ascii_lowercase())),
        context.function("__Headers_value", |s: String| header_value(&s)),
        context.function("__Headers_isBytes", |s: String| s.chars().all(|c| c <= '\u{ff}')),
    ]
}

pub(crate) fn body_functions(context: &Context, state: &Rc<State>) -> Vec<HostFunction> {
    let s = state.clone();
    let load_form = context
        .function("__fetch_loadFormData", move |ctx: Context| crate::load_form(&ctx, &s).map_err(HostError::from));
    let s = state.clone();
    let collect = context.async_function("__Body_collect", move |ctx: Context, stream: ReadableStream, text: bool| {
        let (limit, weak) = (s.options.borrow().limits.response_body, ctx.weak());
        async move {
            let bytes = collect(stream.into(), limit, weak).await?;
            Ok::<_, HostError>(match text {
                true => Value::String(String::from_utf8_lossy(&bytes).into_owned()),
                false => Value::Bytes(bytes),
            })
        }
    });
    vec![load_form, collect, context.function("__Mime_extract", |s: String| mime::extract(&s).map(|m| m.to_string()))]
}

pub(crate) fn functions(context: &Context, state: &Rc<State>) -> Vec<HostFunction> {
    let s = state.clone();
    let send = context.async_function(
        "__fetch_send",
        move |ctx: Context,
              id: u64,
              method: String,
              url: String,
              headers: Vec<String>,
              body: Value,
              flags: u32,
              integrity: String| {
            let call = Call { id, method, url, headers, body, flags, integrity };
            let started = start(&ctx, &s, call);
            async move { started?.await }
        },
    );
    let s = state.clone();
    let abort = context.function("__fetch_abort", move |id: u64| {
        let flight = s.flights.by_id.borrow_mut().remove(&id);
        if let Some(flight) = flight {
            flight.abort.cancel();
        }
    });
    let s = state.clone();
    let ended = context.background_function("__fetch_ended", move |id: u64| {
        let s = s.clone();
        let flight = s.flights.by_id.borrow().get(&id).cloned();
        async move {
            if let Some(flight) = flight {
                flight.ended.cancelled().await;
                s.flights.by_id.borrow_mut().remove(&id);
            }
        }
    });
    let s = state.clone();
    let base_url = context
        .function("__fetch_baseURL", move || s.options.borrow().base_url.as_ref().map(|u| u.as_str().to_owned()));
    vec![
        send,
        abort,
        ended,
        base_url,
        context.function("__URL_credentials", |href: String| has_credentials(&href)),
        context.function("__Request_method", |s: String| method(&s)),
        context.function("__Response_reason", |s: String| {
            s.chars().all(|c| c == '\t' || (' '..='~').contains(&c) || ('\u{80}'..='\u{ff}').contains(&c))
        }),
        context.function("__fetch_data", |url: String| {
            let parsed = data_url::DataUrl::process(&url).ok()?;
            let (bytes, _fragment) = parsed.decode_to_vec().ok()?;
            Some(vec![Value::from(parsed.mime_type().to_string()), Value::Bytes(bytes.into())])
        }),
        context.function("__fetch_range", |value: String, size: u64| {
            mime::range(&value, size).map(|(from, to)| vec![from, to])
        }),
    ]
}

pub(crate) fn form_functions(context: &Context, state: &Rc<State>) -> Vec<HostFunction> {
    let s = state.clone();
    let parse = context.async_function("__FormData_parse", move |ctx: Context, mime: Option<String>, source: Value| {
        let limits = s.options.borrow().limits.clone();
        let weak = ctx.weak();
        let body = body_of(source);
        async move { multipart::parse(mime, body?.0, limits, weak).await }
    });
    vec![
        parse,
        context.function("__FormData_boundary", |context: Context| multipart::boundary(&context)),
        context.function(
            "__FormData_head",
            |boundary: String, name: String, filename: Option<String>, content_type: Option<String>| {
                let file = filename.as_deref().map(|filename| (filename, content_type.as_deref().unwrap_or_default()));
                multipart::head(&boundary, &name, file)
            },
        ),
        context.function("__FormData_value", |value: String| multipart::crlf(&value)),
    ]
}

/// A body out of what glue gives, and what it takes of memory on the host.
pub(crate) fn body_of(given: Value) -> Result<(Body, usize), HostError> {
    Ok(match given {
        Value::Undefined | Value::Null => (Body::empty(), 0),
        Value::String(text) => {
            let length = text.len();
            (text.into(), length)
        }
        Value::Bytes(bytes) => {
            let length = bytes.len();
            (bytes.into(), length)
        }
        Value::Platform(ref object) if object.interface() == "ReadableStream" => {
            (ReadableStream::from_value(given)?.into(), 0)
        }
        other => (Blob::from_value(other)?.into(), 0),
    })
}

/// What glue says of a fetch.
struct Call {
    id: u64,
    method: String,
    url: String,
    headers: Vec<String>,
    body: Value,
    flags: u32,
    integrity: String,
}

/// Headers out of glue's flat list.
pub(crate) fn header_map(flat: &[String], limits: &FetchLimits) -> Result<HeaderMap, FetchError> {
    let malformed =
        |what: &str| FetchError::new(FetchErrorKind::Malformed, format!("{what} cannot be sent in a header"));
    let count = flat.len() / 2;
    if count > limits.headers {
        return Err(FetchError::new(
            FetchErrorKind::TooLarge,
            format!("there are more than {} headers", limits.headers),
        ));
    }
    let mut map = HeaderMap::with_capacity(count);
    let mut size = 0;
    for pair in flat.chunks_exact(2) {
        size += pair[0].len() + pair[1].len();
        if size > limits.header_bytes {
            return Err(too_large("the header", limits.header_bytes as u64));
        }
        let name = HeaderName::from_bytes(pair[0].as_bytes()).map_err(|_| malformed(&pair[0]))?;
        let value = match pair[1].is_ascii() {
            true => HeaderValue::from_str(&pair[1]),
            false => {
                let bytes: Option<Vec<u8>> = pair[1].chars().map(|c| u8::try_from(c).ok()).collect();
                HeaderValue::from_bytes(&bytes.ok_or_else(|| malformed("a character that is no byte"))?)
            }
        };
        map.try_append(name, value.map_err(|_| malformed("a control character"))?)
            .map_err(|_| FetchError::new(FetchErrorKind::TooLarge, "there are too many headers"))?;
    }
    Ok(map)
}

/// Headers as glue takes them.
pub(crate) fn flat_headers(headers: &HeaderMap, limits: &FetchLimits) -> Result<Value, FetchError> {
    if headers.len() > limits.headers {
        return Err(FetchError::new(
            FetchErrorKind::TooLarge,
            format!("there are more than {} headers", limits.headers),
        ));
    }
    let mut size = 0;
    let mut flat = Vec::with_capacity(2 * headers.len());
    for (name, value) in headers {
        size += name.as_str().len() + value.len();
        if size > limits.header_bytes {
            return Err(too_large("the header", limits.header_bytes as u64));
        }
        flat.push(Value::from(name.as_str()));
        flat.push(match value.to_str() {
            Ok(text) => text.into(),
            Err(_) => value.as_bytes().iter().map(|&b| char::from(b)).collect::<String>().into(),
        });
    }
    Ok(Value::List(flat))
}

/// Without its fragment.
pub(crate) fn uri(url: &str) -> Result<Uri, FetchError> {
    let end = url.find('#').unwrap_or(url.len());
    Uri::try_from(&url[..end])
        .map_err(|e| FetchError::new(FetchErrorKind::Malformed, "the URL cannot be requested").with_source(e))
}

fn no_handler() -> HostError {
    HostError::type_error("fetch failed: the host has not granted network access (there is no fetch handler)")
}

fn start(
    context: &Context,
    state: &Rc<State>,
    call: Call,
) -> Result<impl Future<Output = Result<Value, HostError>> + use<>, HostError> {
    state.check()?;
    let (handler, limits) = {
        let options = state.options.borrow();
        (options.handler.clone().ok_or_else(no_handler)?, options.limits.clone())
    };
    if state.flights.waiting.get() >= limits.concurrent {
        let message = format!("there are {} fetches in flight already", limits.concurrent);
        return Err(HostError::dom(DomExceptionName::QuotaExceededError, message));
    }
    let scheme = call.url.split(':').next().unwrap_or_default();
    if scheme != "http" && scheme != "https" {
        return Err(HostError::type_error(format!("fetch failed: the URL scheme '{scheme}' is not supported")));
    }
    let (body, held) = body_of(call.body)?;
    let charge = context.charge(held)?;
    if body.length().is_some_and(|length| length > limits.request_body) {
        return Err(too_large("the body", limits.request_body).into());
    }
    let redirect = match call.flags & 3 {
        1 => RedirectMode::Error,
        2 => RedirectMode::Manual,
        _ => RedirectMode::Follow,
    };
    let mut request = Request::new(body.limited(limits.request_body));
    *request.method_mut() = Method::from_bytes(call.method.as_bytes())
        .map_err(|_| HostError::type_error("fetch failed: no such method"))?;
    *request.uri_mut() = uri(&call.url)?;
    *request.headers_mut() = header_map(&call.headers, &limits)?;
    let is_head = request.method() == Method::HEAD;
    request.extensions_mut().insert(RequestInfo { url: call.url, redirect, keepalive: call.flags & 4 != 0 });
    let all = &state.flights.all;
    let flight = (call.id != 0).then(|| Flight { abort: all.child_token(), ended: CancellationToken::new() });
    if let Some(flight) = &flight {
        state.flights.by_id.borrow_mut().insert(call.id, flight.clone());
    }
    state.flights.waiting.set(state.flights.waiting.get() + 1);
    let waiting = Waiting(state.clone());
    let (state, id) = (state.clone(), call.id);
    Ok(async move {
        let abort = flight.as_ref().map_or(&state.flights.all, |f| &f.abort);
        let answer = answer(&*handler, request, &limits, abort).await;
        drop((waiting, charge));
        let made = match answer {
            Ok(response) => respond(response, &limits, is_head, redirect, &call.integrity, flight).await,
            Err(e) => Err(e),
        };
        if made.as_ref().map_or(true, |made| made.1) && id != 0 {
            state.flights.by_id.borrow_mut().remove(&id);
        }
        Ok(made?.0)
    })
}

/// Waits for the handler, no longer than it may take or the guest wants.
async fn answer(
    handler: &dyn FetchHandler,
    request: Request<Body>,
    limits: &FetchLimits,
    abort: &CancellationToken,
) -> Result<Response<Body>, FetchError> {
    let mut future = handler.fetch(request);
    // Many are ready at once, and need no timer.
    if let Some(answer) = (&mut future).now_or_never() {
        return answer;
    }
    let late = async {
        match limits.response_time {
            Some(time) => tokio::time::sleep(time).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        answer = future => answer,
        () = abort.cancelled() => Err(FetchError::aborted()),
        () = late => Err(FetchError::new(FetchErrorKind::Timeout, "the response took too long")),
    }
}

pub(crate) fn is_null_body(status: StatusCode) -> bool {
    matches!(status.as_u16(), 101 | 103 | 204 | 205 | 304)
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// The most bytes of a body that cross with the head of its response.
const INLINE: u64 = 256 << 10;

/// What the guest gets, and whether it is all that there is.
async fn respond(
    response: Response<Body>,
    limits: &FetchLimits,
    is_head: bool,
    redirect: RedirectMode,
    integrity: &str,
    flight: Option<Flight>,
) -> Result<(Value, bool), FetchError> {
    let (mut parts, mut body) = response.into_parts();
    if redirect == RedirectMode::Error && is_redirect(parts.status) {
        return Err(FetchError::new(FetchErrorKind::Network, "the response is a redirect, and redirects are errors"));
    }
    let info = parts.extensions.remove::<ResponseInfo>().unwrap_or_default();
    let headers = flat_headers(&parts.headers, limits)?;
    let reason = match (&info.status_text, parts.version) {
        (Some(text), _) => text.clone(),
        (None, Version::HTTP_2 | Version::HTTP_3) => String::new(),
        (None, _) => parts.status.canonical_reason().unwrap_or_default().to_owned(),
    };
    if body.length().is_some_and(|length| length > limits.response_body) && !is_head {
        return Err(too_large("the body", limits.response_body));
    }
    if !integrity.trim().is_empty() {
        let limit = usize::try_from(limits.response_body).unwrap_or(usize::MAX);
        let bytes = body.read_all(limit).await?;
        if !matches_integrity(integrity, &bytes) {
            return Err(FetchError::new(FetchErrorKind::Network, "the body is not what `integrity` says"));
        }
        body = bytes.into();
    }
    let (body, whole) = if is_head || is_null_body(parts.status) || body.is_empty_body() {
        (Value::Undefined, true)
    } else if body.length().is_some_and(|length| length <= INLINE)
        && let Some(bytes) = body.take_ready()
    {
        (Value::Bytes(bytes), true)
    } else {
        let limited = body.limited(limits.response_body);
        let body = match flight {
            Some(flight) => Body::of(ends_on_error(Abortable::new(limited, flight)), None),
            None => limited,
        };
        (body.into_readable().into_value().map_err(FetchError::from)?, false)
    };
    let made = vec![
        Value::from(parts.status.as_u16()),
        reason.into(),
        info.url.map(String::from).into(),
        info.redirected.into(),
        headers,
        body,
        whole.into(),
    ];
    Ok((Value::List(made), whole))
}

/// A body that ends when the guest aborts the fetch.
struct Abortable {
    body: Body,
    aborted: Pin<Box<WaitForCancellationFutureOwned>>,
    _ended: EndOnDrop,
}

impl Abortable {
    fn new(body: Body, flight: Flight) -> Self {
        Self { body, aborted: Box::pin(flight.abort.cancelled_owned()), _ended: EndOnDrop(flight.ended) }
    }
}

impl Stream for Abortable {
    type Item = Result<Bytes, FetchError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<Option<Self::Item>> {
        if self.aborted.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err(FetchError::aborted())));
        }
        self.body.poll_next_unpin(cx)
    }
}

/// <https://w3c.github.io/webappsec-subresource-integrity/#does-response-match-metadatalist>
fn matches_integrity(metadata: &str, bytes: &[u8]) -> bool {
    let mut strongest = 0;
    let mut wanted = Vec::new();
    for item in metadata.split_ascii_whitespace() {
        let Some((algorithm, rest)) = item.split_once('-') else { continue };
        let strength = match algorithm.to_ascii_lowercase().as_str() {
            "sha256" => 1,
            "sha384" => 2,
            "sha512" => 3,
            _ => continue,
        };
        let digest = rest.split('?').next().unwrap_or_default().replace('-', "+").replace('_', "/");
        if strength > strongest {
            strongest = strength;
            wanted.clear();
        }
        if strength == strongest {
            wanted.push(digest);
        }
    }
    let encode = |digest: &[u8]| data_encoding::BASE64.encode(digest);
    let actual = match strongest {
        1 => encode(&Sha256::digest(bytes)),
        2 => encode(&Sha384::digest(bytes)),
        3 => encode(&Sha512::digest(bytes)),
        // Nothing that could be checked.
        _ => return true,
    };
    let bare = actual.trim_end_matches('=');
    wanted.iter().any(|digest| digest.trim_end_matches('=') == bare)
}

/// The handler of a context, for what else may fetch.
pub(crate) fn handler(state: &State) -> Option<Arc<dyn FetchHandler>> {
    state.options.borrow().handler.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integrity_takes_the_strongest() {
        // Of "hello".
        let good = "sha256-LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=";
        assert!(matches_integrity(good, b"hello"));
        assert!(!matches_integrity(good, b"other"));
        assert!(!matches_integrity(&format!("{good} sha512-AAAA"), b"hello"), "the weaker one does not count");
        assert!(matches_integrity("md5-AAAA nonsense", b"hello"), "nothing that could be checked");
    }

    #[test]
    fn credentials_are_seen_in_the_authority_alone() {
        assert!(has_credentials("http://u@h/"));
        assert!(has_credentials("http://u:p@h"));
        assert!(!has_credentials("http://h/@?@#@"));
        assert!(!has_credentials("data:text/plain,a@b"));
    }
}
