//! Streams of bytes between guests and the host: <https://streams.spec.whatwg.org/>.
//!
//! A stream of the guest is served by glue, which does nothing until the host asks: a future that is not counted as
//! work of the event loop waits for that. So a context in which nothing is left but a stream that its host does not
//! read is idle, like one whose virtual clock is not moved; and a guest that is behind a host that waits is kept going
//! by what it waits for itself. A stream of the host is the other way round: while the guest waits for a chunk, a host
//! future is in flight, and the context is not idle.

use std::cell::RefCell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{self, Poll, Waker};

use bytes::{Bytes, BytesMut};
use futures_util::sink::{Sink, SinkExt};
use futures_util::stream::{Stream, StreamExt};
use isolate_engine::{
    Charge, DomExceptionName, Exception, Glue, HostError, HostFunction, Platform, Value, WhenStopped,
};

use super::table::Table;
use super::{Module, PlatformKind};
use crate::{Context, Error, ErrorKind, FromValue, IntoValue};

const READABLE: &str = "ReadableStream";
const WRITABLE: &str = "WritableStream";

macro_rules! module {
    ($id:ident $name:literal $globals:tt $functions:expr, $objects:expr) => {
        pub(crate) static $id: Module = Module {
            name: $name,
            glue: Glue::new(concat!("isolate:", $name), include_str!(concat!("../glue/", $name, ".js"))),
            functions: $functions,
            globals: &$globals,
            attributes: &[],
            objects: $objects,
        };
    };
}

// Several modules, so that a guest loads what it uses.
module!(BASE "streams_base" ["ByteLengthQueuingStrategy", "CountQueuingStrategy"] |_| vec![], &[]);
module!(STREAMS "streams"
    ["ReadableStream", "ReadableStreamDefaultController", "ReadableStreamDefaultReader"]
    |_| vec![],
    &[PlatformKind { interface: READABLE, to_host: readable_to_host, to_guest: readable_to_guest }]);
module!(BYTE "streams_byte"
    ["ReadableByteStreamController", "ReadableStreamBYOBReader", "ReadableStreamBYOBRequest"]
    |_| vec![], &[]);
module!(PIPE "streams_pipe" [] |_| vec![], &[]);
module!(WRITABLE_STREAMS "streams_writable"
    ["WritableStream", "WritableStreamDefaultController", "WritableStreamDefaultWriter"]
    |_| vec![],
    &[PlatformKind { interface: WRITABLE, to_host: writable_to_host, to_guest: writable_to_guest }]);
module!(TRANSFORM "streams_transform" ["TransformStream", "TransformStreamDefaultController"] |_| vec![], &[]);
module!(TRANSFER "streams_transfer" [] |_| vec![], &[]);
module!(HOST "streams_host" [] functions, &[]);
module!(ENCODING "encoding_streams" ["TextDecoderStream", "TextEncoderStream"] |_| vec![], &[]);

type Source = Pin<Box<dyn Stream<Item = Result<Bytes, HostError>> + Send>>;
type Target = Pin<Box<dyn Sink<Bytes, Error = HostError> + Send>>;

/// A stream of bytes: a guest's `ReadableStream` as the host reads it, or one of the host for a guest to read.
///
/// As a parameter or result of host functions, and as a result of an evaluation, it stands for the guest's object. What
/// comes from a guest is locked there, as if it had been transferred.
///
/// - **Backpressure.** The source is pulled once for each chunk that is asked for, in both directions.
/// - **Cancellation.** Dropping one that came from a guest cancels the guest's stream. When the guest cancels one that
///   came from the host, or forgets it, the host's stream is dropped.
/// - **Errors.** What the guest's stream was errored with is the last item, as an [`Error`] with an exception; after a
///   chunk that is neither an `ArrayBuffer` nor a view of one it is a `TypeError`, and the guest's stream is cancelled.
///   An error of the host's stream rejects the guest's read, with its class.
/// - **Limits.** Chunks that wait to be taken by the host count as the guest's memory.
///
/// A guest's stream gives something only while its context's event loop runs: a `Runtime` sees to that, a bare
/// [`Context`] needs [`Context::run_until`].
pub struct ReadableStream(Readable);

enum Readable {
    Host(Source),
    Guest(Arc<GuestReadable>),
}

impl fmt::Debug for ReadableStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReadableStream").field(&if self.is_of_host() { "host" } else { "guest" }).finish()
    }
}

impl ReadableStream {
    /// A stream of the host. Empty chunks are left out; an error ends it.
    pub fn new<S, E>(stream: S) -> Self
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<HostError>,
    {
        Self(Readable::Host(Box::pin(stream.map(|item| item.map_err(Into::into)))))
    }

    /// Whether it was made by the host.
    pub fn is_of_host(&self) -> bool {
        matches!(self.0, Readable::Host(_))
    }

    /// Reads all of it, as long as it is not longer than `limit` bytes.
    ///
    /// # Errors
    /// What the stream was errored with, or an error of the kind [`ErrorKind::Conversion`] if it is longer.
    pub async fn read_all(mut self, limit: usize) -> Result<Bytes, Error> {
        let mut all = BytesMut::new();
        while let Some(chunk) = self.next().await.transpose()? {
            if chunk.len() > limit - all.len() {
                return Err(Error::new(ErrorKind::Conversion, format!("the stream is longer than {limit} bytes")));
            }
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }
}

impl Stream for ReadableStream {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<Self::Item>> {
        match &mut self.0 {
            Readable::Host(source) => source.as_mut().poll_next(cx).map_err(error),
            Readable::Guest(guest) => guest.poll_next(cx),
        }
    }
}

impl Drop for ReadableStream {
    fn drop(&mut self) {
        if let Readable::Guest(guest) = &self.0 {
            let mut state = guest.lock();
            state.host_gone = true;
            state.chunk = None;
            wake(&mut state.guest);
        }
    }
}

impl FromValue for ReadableStream {
    fn from_value(value: Value) -> Result<Self, HostError> {
        take(&value, READABLE)
    }
}

impl IntoValue for ReadableStream {
    fn into_value(self) -> Result<Value, HostError> {
        Ok(Value::Platform(Platform::new(READABLE, Mutex::new(Some(self)))))
    }
}

fn error(e: HostError) -> Error {
    Exception::new(e.class().as_str(), e.message()).into()
}

fn gone() -> Error {
    Error::new(ErrorKind::Disposed, "the context of the stream is gone")
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

/// Takes the stream out of a value: like an object that was transferred, it can be had once.
fn take<T: Send + 'static>(value: &Value, interface: &str) -> Result<T, HostError> {
    match value {
        Value::Platform(p) => take_of(p, interface),
        other => Err(HostError::type_error(format!("expected a {interface}, got {}", other.kind()))),
    }
}

fn take_of<T: Send + 'static>(platform: &Platform, interface: &str) -> Result<T, HostError> {
    let Some(cell) = platform.get::<Mutex<Option<T>>>() else {
        return Err(HostError::type_error(format!("expected a {interface}, got a {}", platform.interface())));
    };
    let taken = cell.lock().unwrap_or_else(PoisonError::into_inner).take();
    taken.ok_or_else(|| HostError::type_error(format!("the {interface} was taken already")))
}

// ---- from the guest to the host ----

/// What the host's end and the guest's end of a guest's `ReadableStream` share.
struct GuestReadable {
    state: Mutex<ReadState>,
    stop: WhenStopped,
}

#[derive(Default)]
struct ReadState {
    /// The host waits for a chunk.
    wanted: bool,
    chunk: Option<(Bytes, Charge)>,
    end: Option<Option<Error>>,
    host_gone: bool,
    guest_gone: bool,
    host: Option<Waker>,
    guest: Option<Waker>,
}

impl GuestReadable {
    fn lock(&self) -> MutexGuard<'_, ReadState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll_next(&self, cx: &mut task::Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        let mut state = self.lock();
        if let Some((chunk, _)) = state.chunk.take() {
            return Poll::Ready(Some(Ok(chunk)));
        }
        if let Some(end) = &mut state.end {
            return Poll::Ready(end.take().map(Err));
        }
        let stopped = match self.stop.poll_reason(cx) {
            Poll::Ready(reason) => Some(isolate_engine::Failure::from(reason).into()),
            Poll::Pending => state.guest_gone.then(gone),
        };
        if let Some(e) = stopped {
            state.end = Some(None);
            return Poll::Ready(Some(Err(e)));
        }
        state.wanted = true;
        state.host = Some(cx.waker().clone());
        wake(&mut state.guest);
        Poll::Pending
    }

    /// Whether the host wants a chunk, when it is known: `false` means that it never will again.
    fn poll_wanted(&self, cx: &mut task::Context<'_>) -> Poll<bool> {
        let mut state = self.lock();
        if state.host_gone {
            return Poll::Ready(false);
        }
        if state.wanted {
            return Poll::Ready(true);
        }
        state.guest = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// The guest's end: the host is told when it goes.
struct ReadEnd(Arc<GuestReadable>);

impl Drop for ReadEnd {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.guest_gone = true;
        wake(&mut state.host);
    }
}

// ---- from the host to the guest ----

/// A stream or sink of the host that a guest uses: gone when it ended, failed, or is not wanted any more.
struct Held<T> {
    inner: RefCell<Option<T>>,
    waker: RefCell<Option<Waker>>,
}

impl<T> Held<T> {
    fn new(inner: T) -> Rc<Self> {
        Rc::new(Self { inner: RefCell::new(Some(inner)), waker: RefCell::default() })
    }

    /// Polls it until it is ready; it may be dropped meanwhile, which gives `None`.
    async fn with<R>(&self, mut poll: impl FnMut(&mut T, &mut task::Context<'_>) -> Poll<R>) -> Option<R> {
        poll_fn(|cx| {
            // Taken out while it is polled, since that may drop it.
            let Some(mut inner) = self.inner.borrow_mut().take() else { return Poll::Ready(None) };
            *self.waker.borrow_mut() = Some(cx.waker().clone());
            let result = poll(&mut inner, cx);
            if self.waker.borrow().is_some() {
                *self.inner.borrow_mut() = Some(inner);
            }
            result.map(Some)
        })
        .await
    }

    fn drop_inner(&self) {
        let inner = self.inner.borrow_mut().take();
        let waker = self.waker.borrow_mut().take();
        drop(inner);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// The streams of a context that have an end on the other side.
#[derive(Default)]
struct Streams {
    guest_readables: Table<ReadEnd>,
    guest_writables: Table<WriteEnd>,
    host_readables: Table<Rc<Held<Source>>>,
    host_writables: Table<Rc<Held<Target>>>,
}

fn unknown() -> HostError {
    HostError::dom(DomExceptionName::InvalidStateError, "the stream is closed")
}

fn readable_to_host(context: &Context, data: Value) -> Result<Platform, HostError> {
    let streams = context.state::<Streams>();
    let stream = match data {
        // One of the host that the guest has not touched.
        Value::List(mut id) => {
            let id = u64::from_value(id.pop().unwrap_or_default())?;
            let held = streams.host_readables.remove(id).ok_or_else(unknown)?;
            let source = held.inner.borrow_mut().take().ok_or_else(unknown)?;
            ReadableStream(Readable::Host(source))
        }
        id => {
            let id = u64::from_value(id)?;
            let shared = streams.guest_readables.with(id, |end| end.0.clone());
            ReadableStream(Readable::Guest(shared.ok_or_else(unknown)?))
        }
    };
    Ok(Platform::new(READABLE, Mutex::new(Some(stream))))
}

fn readable_to_guest(context: &Context, object: &Platform) -> Result<Value, HostError> {
    let stream: ReadableStream = take_of(object, READABLE)?;
    let source: Source = Box::pin(stream.map(|item| item.map_err(HostError::from)));
    let id = context.state::<Streams>().host_readables.insert(Held::new(source));
    id.into_value()
}

fn functions(context: &Context) -> Vec<HostFunction> {
    let mut all = vec![
        // A stream of the guest gets an end on the host; `wanted` is whether the host wants a chunk of it.
        context.function("__ReadableStream_open", |ctx: Context| {
            let shared = GuestReadable { state: Mutex::default(), stop: ctx.interrupter().when_stopped() };
            ctx.state::<Streams>().guest_readables.insert(ReadEnd(Arc::new(shared)))
        }),
        context.background_function("__ReadableStream_wanted", |ctx: Context, id: u64| wanted(&ctx, id, None)),
        context.background_function("__ReadableStream_push", |ctx: Context, id: u64, chunk: Bytes| {
            wanted(&ctx, id, Some(chunk))
        }),
        context.function("__ReadableStream_end", |ctx: Context, id: u64| end(&ctx, id, None)),
        context
            .function("__ReadableStream_fail", |ctx: Context, id: u64, e: Value| {
                end(&ctx, id, Some(Exception::thrown(Some(e)).into()));
            })
            .lossy(),
        // A stream of the host: its next chunk, undefined at the end.
        context.async_function("__ReadableStream_read", |ctx: Context, id: u64| {
            let held = ctx.state::<Streams>().host_readables.get(id);
            async move {
                let Some(held) = held else { return Ok(None) };
                loop {
                    match held.with(|source, cx| source.as_mut().poll_next(cx)).await.flatten() {
                        Some(Ok(chunk)) if chunk.is_empty() => {}
                        Some(Ok(chunk)) => return Ok(Some(chunk)),
                        Some(Err(e)) => {
                            held.drop_inner();
                            return Err(e);
                        }
                        None => {
                            held.drop_inner();
                            return Ok(None);
                        }
                    }
                }
            }
        }),
        context.function("__ReadableStream_release", |ctx: Context, id: u64| {
            let held = ctx.state::<Streams>().host_readables.remove(id);
            if let Some(held) = held {
                held.drop_inner();
            }
        }),
    ];
    all.extend(writable_functions(context));
    all
}

/// Hands a chunk to the host, if there is one, and waits until it wants another.
fn wanted(context: &Context, id: u64, chunk: Option<Bytes>) -> impl Future<Output = Result<bool, HostError>> + use<> {
    let shared = context.state::<Streams>().guest_readables.with(id, |end| end.0.clone());
    let charge = chunk.as_ref().map(|chunk| context.charge(chunk.len()));
    async move {
        let Some(shared) = shared else { return Ok(false) };
        if let (Some(chunk), Some(charge)) = (chunk, charge) {
            let charge = charge?;
            let mut state = shared.lock();
            if !state.host_gone {
                state.wanted = false;
                state.chunk = Some((chunk, charge));
                wake(&mut state.host);
            }
        }
        Ok(poll_fn(|cx| shared.poll_wanted(cx)).await)
    }
}

fn end(context: &Context, id: u64, error: Option<Error>) {
    let end = context.state::<Streams>().guest_readables.remove(id);
    if let Some(end) = end {
        end.0.lock().end = Some(error);
    }
}

// ---- writable streams ----

/// A sink of bytes: a guest's `WritableStream` as the host writes to it, or one of the host for a guest to write to.
///
/// It crosses as [`ReadableStream`] does, and is a [`Sink`]: one that came from a guest takes a chunk when the guest's
/// stream has written the one before, [`close`](SinkExt::close) closes the guest's stream, and dropping it before
/// aborts it. A guest's write to one of the host is done when the chunk is sent and flushed; `abort()` drops the sink,
/// and an error of the sink errors the guest's stream.
pub struct WritableStream(Writable);

enum Writable {
    Host(Target),
    Guest(Arc<GuestWritable>),
}

impl fmt::Debug for WritableStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = if matches!(self.0, Writable::Host(_)) { "host" } else { "guest" };
        f.debug_tuple("WritableStream").field(&of).finish()
    }
}

impl WritableStream {
    /// A sink of the host.
    pub fn new<S, E>(sink: S) -> Self
    where
        S: Sink<Bytes, Error = E> + Send + 'static,
        E: Into<HostError> + 'static,
    {
        Self(Writable::Host(Box::pin(sink.sink_map_err(Into::into))))
    }
}

impl Sink<Bytes> for WritableStream {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Result<(), Error>> {
        match &mut self.0 {
            Writable::Host(target) => target.as_mut().poll_ready(cx).map_err(error),
            Writable::Guest(guest) => guest.poll_written(cx),
        }
    }

    fn start_send(mut self: Pin<&mut Self>, chunk: Bytes) -> Result<(), Error> {
        match &mut self.0 {
            Writable::Host(target) => target.as_mut().start_send(chunk).map_err(error),
            Writable::Guest(guest) => {
                let mut state = guest.lock();
                state.next = Some(Step::Write(chunk));
                wake(&mut state.guest);
                Ok(())
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Result<(), Error>> {
        match &mut self.0 {
            Writable::Host(target) => target.as_mut().poll_flush(cx).map_err(error),
            Writable::Guest(guest) => guest.poll_written(cx),
        }
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Result<(), Error>> {
        match &mut self.0 {
            Writable::Host(target) => target.as_mut().poll_close(cx).map_err(error),
            Writable::Guest(guest) => guest.poll_close(cx),
        }
    }
}

impl Drop for WritableStream {
    fn drop(&mut self) {
        if let Writable::Guest(guest) = &self.0 {
            let mut state = guest.lock();
            if !state.closing {
                state.next = Some(Step::Abort);
                wake(&mut state.guest);
            }
        }
    }
}

impl FromValue for WritableStream {
    fn from_value(value: Value) -> Result<Self, HostError> {
        take(&value, WRITABLE)
    }
}

impl IntoValue for WritableStream {
    fn into_value(self) -> Result<Value, HostError> {
        Ok(Value::Platform(Platform::new(WRITABLE, Mutex::new(Some(self)))))
    }
}

/// What the host's end and the guest's end of a guest's `WritableStream` share.
struct GuestWritable {
    state: Mutex<WriteState>,
    stop: WhenStopped,
}

enum Step {
    Write(Bytes),
    Close,
    Abort,
}

#[derive(Default)]
struct WriteState {
    /// What the guest is to do next.
    next: Option<Step>,
    /// The guest is doing it.
    busy: bool,
    closing: bool,
    end: Option<Result<(), Error>>,
    guest_gone: bool,
    host: Option<Waker>,
    guest: Option<Waker>,
}

impl GuestWritable {
    fn lock(&self) -> MutexGuard<'_, WriteState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll_written(&self, cx: &mut task::Context<'_>) -> Poll<Result<(), Error>> {
        let mut state = self.lock();
        match &state.end {
            Some(Err(e)) => return Poll::Ready(Err(e.clone())),
            Some(Ok(())) => return Poll::Ready(if state.closing { Ok(()) } else { Err(error(unknown())) }),
            None => {}
        }
        let stopped = match self.stop.poll_reason(cx) {
            Poll::Ready(reason) => Some(isolate_engine::Failure::from(reason).into()),
            Poll::Pending => state.guest_gone.then(gone),
        };
        if let Some(e) = stopped {
            return Poll::Ready(Err(e));
        }
        if state.next.is_none() && !state.busy && !state.closing {
            return Poll::Ready(Ok(()));
        }
        state.host = Some(cx.waker().clone());
        Poll::Pending
    }

    fn poll_close(&self, cx: &mut task::Context<'_>) -> Poll<Result<(), Error>> {
        if !self.lock().closing {
            match self.poll_written(cx) {
                Poll::Ready(Ok(())) => {}
                other => return other,
            }
            let mut state = self.lock();
            state.closing = true;
            state.next = Some(Step::Close);
            wake(&mut state.guest);
        }
        self.poll_written(cx)
    }

    /// What the guest is to do; `done` says that it did what it was told before.
    fn poll_step(&self, cx: &mut task::Context<'_>) -> Poll<Step> {
        let mut state = self.lock();
        if let Some(step) = state.next.take() {
            state.busy = true;
            return Poll::Ready(step);
        }
        state.guest = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// The guest's end: the host is told when it goes.
struct WriteEnd(Arc<GuestWritable>);

impl Drop for WriteEnd {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.guest_gone = true;
        wake(&mut state.host);
    }
}

fn writable_to_host(context: &Context, data: Value) -> Result<Platform, HostError> {
    let id = u64::from_value(data)?;
    let streams = context.state::<Streams>();
    let shared = streams.guest_writables.with(id, |end| end.0.clone());
    let stream = WritableStream(Writable::Guest(shared.ok_or_else(unknown)?));
    Ok(Platform::new(WRITABLE, Mutex::new(Some(stream))))
}

fn writable_to_guest(context: &Context, object: &Platform) -> Result<Value, HostError> {
    let stream: WritableStream = take_of(object, WRITABLE)?;
    let target: Target = Box::pin(stream.sink_map_err(HostError::from));
    let id = context.state::<Streams>().host_writables.insert(Held::new(target));
    id.into_value()
}

fn writable_functions(context: &Context) -> Vec<HostFunction> {
    let held = |ctx: &Context, id: u64| ctx.state::<Streams>().host_writables.get(id);
    vec![
        context.function("__WritableStream_open", |ctx: Context| {
            let shared = GuestWritable { state: Mutex::default(), stop: ctx.interrupter().when_stopped() };
            ctx.state::<Streams>().guest_writables.insert(WriteEnd(Arc::new(shared)))
        }),
        // What the guest is to do next: bytes to write, null to close, undefined to abort.
        context.background_function("__WritableStream_next", |ctx: Context, id: u64| {
            let shared = ctx.state::<Streams>().guest_writables.with(id, |end| end.0.clone());
            if let Some(shared) = &shared {
                let mut state = shared.lock();
                state.busy = false;
                wake(&mut state.host);
            }
            async move {
                let Some(shared) = shared else { return Value::Undefined };
                match poll_fn(|cx| shared.poll_step(cx)).await {
                    Step::Write(chunk) => Value::Bytes(chunk),
                    Step::Close => Value::Null,
                    Step::Abort => Value::Undefined,
                }
            }
        }),
        context.function("__WritableStream_end", |ctx: Context, id: u64| end_write(&ctx, id, Ok(()))),
        context
            .function("__WritableStream_fail", |ctx: Context, id: u64, e: Value| {
                end_write(&ctx, id, Err(Exception::thrown(Some(e)).into()));
            })
            .lossy(),
        // A sink of the host.
        context.async_function("__WritableStream_write", move |ctx: Context, id: u64, chunk: Bytes| {
            let held = held(&ctx, id);
            async move {
                let held = held.ok_or_else(unknown)?;
                held.with(|target, cx| target.as_mut().poll_ready(cx)).await.ok_or_else(unknown)??;
                let mut chunk = Some(chunk);
                let send = |target: &mut Target, cx: &mut task::Context<'_>| {
                    if let Some(chunk) = chunk.take() {
                        target.as_mut().start_send(chunk)?;
                    }
                    target.as_mut().poll_flush(cx)
                };
                held.with(send).await.ok_or_else(unknown)?
            }
        }),
        context.async_function("__WritableStream_close", move |ctx: Context, id: u64| {
            let held = held(&ctx, id);
            async move {
                let held = held.ok_or_else(unknown)?;
                held.with(|target, cx| target.as_mut().poll_close(cx)).await.ok_or_else(unknown)?
            }
        }),
        context.function("__WritableStream_release", |ctx: Context, id: u64| {
            let held = ctx.state::<Streams>().host_writables.remove(id);
            if let Some(held) = held {
                held.drop_inner();
            }
        }),
    ]
}

fn end_write(context: &Context, id: u64, result: Result<(), Error>) {
    let end = context.state::<Streams>().guest_writables.remove(id);
    if let Some(end) = end {
        end.0.lock().end = Some(result);
    }
}

impl Context {
    /// Awaits a future of the host and runs the event loop meanwhile, so that what the future waits for can come from
    /// the guest: a chunk of a [`ReadableStream`], say. A `Runtime` needs no such thing, its loop always runs.
    ///
    /// # Errors
    /// If the context is or gets stopped before the future is ready.
    pub async fn run_until<F: Future>(&self, future: F) -> Result<F::Output, Error> {
        let mut future = pin!(future);
        poll_fn(|cx| {
            loop {
                if let Poll::Ready(output) = future.as_mut().poll(cx) {
                    return Poll::Ready(Ok(output));
                }
                if let Some(reason) = self.stopped() {
                    return Poll::Ready(Err(isolate_engine::Failure::from(reason).into()));
                }
                match self.poll_turn(cx) {
                    Poll::Ready(crate::Turn::Progress) => {}
                    Poll::Ready(crate::Turn::Idle) | Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await
    }
}
