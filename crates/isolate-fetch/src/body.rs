//! Bodies: bytes that are there, or that come in chunks.

use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use futures_util::stream::{Stream, StreamExt};
use http_body::{Frame, SizeHint};
use isolate_core::{Blob, HostError, ReadableStream};

use crate::{FetchError, FetchErrorKind};

type Source = Pin<Box<dyn Stream<Item = Result<Bytes, FetchError>> + Send>>;

/// The body of a request or a response.
///
/// It is an [`http_body::Body`] and a [`Stream`] of chunks, `Send` and `Sync`, and is made of bytes, text, a [`Blob`], a
/// stream, or any other `http_body::Body` ([`wrap`](Self::wrap)). Of a guest's stream a chunk is asked for only when
/// one is wanted here; dropping the body cancels the guest's stream.
pub struct Body(Inner);

enum Inner {
    Empty,
    Bytes(Bytes),
    /// The runs of a blob that are left, last first.
    Runs(Vec<Bytes>),
    // Never shared, so the lock is never waited for: it makes the body `Sync`.
    Stream {
        source: Mutex<Source>,
        length: Option<u64>,
    },
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.length() {
            Some(length) => write!(f, "Body({length} bytes)"),
            None => f.write_str("Body(a stream)"),
        }
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::empty()
    }
}

impl Body {
    /// No bytes. For a guest this is a null body.
    pub fn empty() -> Self {
        Self(Inner::Empty)
    }

    /// Of chunks that come when they are polled for.
    pub fn from_stream<S, E>(stream: S) -> Self
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<FetchError>,
    {
        Self::of(stream.map(|item| item.map_err(Into::into)), None)
    }

    /// Of another body. Trailers are left out.
    pub fn wrap<B>(body: B) -> Self
    where
        B: http_body::Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        Self::wrap_with(body, |e| broken(e.into()))
    }

    /// The same, with what the errors of the body become.
    pub(crate) fn wrap_with<B>(body: B, error: impl Fn(B::Error) -> FetchError + Send + 'static) -> Self
    where
        B: http_body::Body + Send + 'static,
        B::Data: Send,
    {
        if body.is_end_stream() {
            return Bytes::new().into();
        }
        let length = body.size_hint().exact();
        let mut body = Box::pin(body);
        let frames = futures_util::stream::poll_fn(move |cx| {
            loop {
                return match std::task::ready!(body.as_mut().poll_frame(cx)) {
                    Some(Ok(frame)) => match frame.into_data() {
                        Ok(mut data) => Poll::Ready(Some(Ok(data.copy_to_bytes(data.remaining())))),
                        Err(_trailers) => continue,
                    },
                    Some(Err(e)) => Poll::Ready(Some(Err(error(e)))),
                    None => Poll::Ready(None),
                };
            }
        });
        Self::of(frames, length)
    }

    pub(crate) fn of(
        stream: impl Stream<Item = Result<Bytes, FetchError>> + Send + 'static,
        length: Option<u64>,
    ) -> Self {
        Self(Inner::Stream { source: Mutex::new(Box::pin(stream)), length })
    }

    /// How many bytes are left, if that is known.
    pub fn length(&self) -> Option<u64> {
        match &self.0 {
            Inner::Empty => Some(0),
            Inner::Bytes(bytes) => Some(bytes.len() as u64),
            Inner::Runs(runs) => Some(runs.iter().map(|run| run.len() as u64).sum()),
            Inner::Stream { length, .. } => *length,
        }
    }

    /// Another body with the same bytes, unless they come from a stream, which can be read once.
    pub fn try_clone(&self) -> Option<Self> {
        Some(Self(match &self.0 {
            Inner::Empty => Inner::Empty,
            Inner::Bytes(bytes) => Inner::Bytes(bytes.clone()),
            Inner::Runs(runs) => Inner::Runs(runs.clone()),
            Inner::Stream { .. } => return None,
        }))
    }

    /// All of it, as long as it is not longer than `limit` bytes.
    ///
    /// # Errors
    /// Of the kind [`TooLarge`](FetchErrorKind::TooLarge) if it is longer, or what the body failed with.
    pub async fn read_all(mut self, limit: usize) -> Result<Bytes, FetchError> {
        match &mut self.0 {
            Inner::Bytes(bytes) if bytes.len() <= limit => return Ok(std::mem::take(bytes)),
            _ => {}
        }
        let mut first = Bytes::new();
        let mut all = BytesMut::new();
        while let Some(chunk) = self.next().await.transpose()? {
            if chunk.len() > limit.saturating_sub(first.len() + all.len()) {
                return Err(too_large("the body", limit as u64));
            }
            if first.is_empty() && all.is_empty() {
                first = chunk;
                continue;
            }
            if !first.is_empty() {
                all.extend_from_slice(&std::mem::take(&mut first));
            }
            all.extend_from_slice(&chunk);
        }
        Ok(if all.is_empty() { first } else { all.freeze() })
    }

    /// All of it as text, as [`read_all`](Self::read_all); what is not UTF-8 becomes U+FFFD.
    ///
    /// # Errors
    /// As `read_all`.
    pub async fn text(self, limit: usize) -> Result<String, FetchError> {
        let bytes = self.read_all(limit).await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The same, but more than `limit` bytes are an error of the kind [`TooLarge`](FetchErrorKind::TooLarge) when they
    /// come.
    #[must_use]
    pub fn limited(self, limit: u64) -> Self {
        match self.length() {
            Some(length) if length <= limit && !matches!(self.0, Inner::Stream { .. }) => return self,
            _ => {}
        }
        let length = self.length();
        let mut left = limit;
        let stream = self.map(move |item| {
            let chunk = item?;
            match left.checked_sub(chunk.len() as u64) {
                Some(rest) => {
                    left = rest;
                    Ok(chunk)
                }
                None => Err(too_large("the body", limit)),
            }
        });
        Self::of(ends_on_error(stream), length)
    }

    pub(crate) fn is_empty_body(&self) -> bool {
        matches!(self.0, Inner::Empty)
    }

    /// The bytes, if they are there.
    pub(crate) fn take_ready(&mut self) -> Option<Bytes> {
        match &mut self.0 {
            Inner::Bytes(bytes) => Some(std::mem::take(bytes)),
            Inner::Runs(runs) if runs.len() <= 1 => Some(runs.pop().unwrap_or_default()),
            _ => None,
        }
    }

    /// For a guest to read: in chunks that cross at once.
    pub(crate) fn into_readable(self) -> ReadableStream {
        const MOST: usize = 1 << 20;
        let mut rest = Bytes::new();
        let mut body = self;
        ReadableStream::new(futures_util::stream::poll_fn(move |cx| {
            if rest.is_empty() {
                rest = match std::task::ready!(body.poll_next_unpin(cx)) {
                    Some(Ok(chunk)) => chunk,
                    Some(Err(e)) => return Poll::Ready(Some(Err(HostError::from(e)))),
                    None => return Poll::Ready(None),
                };
            }
            Poll::Ready(Some(Ok(rest.split_to(rest.len().min(MOST)))))
        }))
    }
}

/// Nothing comes after an error, and what it came from is dropped then.
pub(crate) fn ends_on_error<S>(stream: S) -> impl Stream<Item = Result<Bytes, FetchError>>
where
    S: Stream<Item = Result<Bytes, FetchError>>,
{
    futures_util::stream::unfold(Some(Box::pin(stream)), |stream| async move {
        let mut stream = stream?;
        match stream.next().await? {
            Ok(chunk) => Some((Ok(chunk), Some(stream))),
            Err(e) => Some((Err(e), None)),
        }
    })
}

pub(crate) fn too_large(what: &str, limit: u64) -> FetchError {
    FetchError::new(FetchErrorKind::TooLarge, format!("{what} is larger than {limit} bytes"))
}

fn broken(e: Box<dyn std::error::Error + Send + Sync>) -> FetchError {
    match e.downcast::<FetchError>() {
        Ok(e) => *e,
        Err(e) => {
            FetchError::new(FetchErrorKind::Network, "the connection broke in the middle of a body").with_source(e)
        }
    }
}

impl Stream for Body {
    type Item = Result<Bytes, FetchError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &mut self.0 {
            Inner::Empty => Poll::Ready(None),
            Inner::Bytes(bytes) => {
                let bytes = std::mem::take(bytes);
                self.0 = Inner::Empty;
                Poll::Ready((!bytes.is_empty()).then_some(Ok(bytes)))
            }
            Inner::Runs(runs) => Poll::Ready(runs.pop().map(Ok)),
            Inner::Stream { source, length } => {
                let source = source.get_mut().unwrap_or_else(PoisonError::into_inner);
                let next = std::task::ready!(source.as_mut().poll_next(cx));
                match &next {
                    Some(Ok(chunk)) => {
                        if let Some(left) = length {
                            *left = left.saturating_sub(chunk.len() as u64);
                        }
                    }
                    _ => self.0 = Inner::Empty,
                }
                Poll::Ready(next)
            }
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = FetchError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, FetchError>>> {
        self.poll_next(cx).map(|next| next.map(|item| item.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Inner::Empty => true,
            Inner::Bytes(bytes) => bytes.is_empty(),
            Inner::Runs(runs) => runs.is_empty(),
            Inner::Stream { .. } => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.length().map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}

macro_rules! from_bytes {
    ($($t:ty),*) => {$(
        impl From<$t> for Body {
            fn from(bytes: $t) -> Self {
                Self(Inner::Bytes(Bytes::from(bytes)))
            }
        }
    )*};
}
from_bytes!(Bytes, Vec<u8>, String, &'static str, &'static [u8]);

impl From<()> for Body {
    fn from((): ()) -> Self {
        Self::empty()
    }
}

impl From<Blob> for Body {
    fn from(blob: Blob) -> Self {
        /// The most of a file that is read at once.
        const PIECE: u64 = 256 << 10;
        match blob.slices() {
            Some(mut runs) => {
                runs.reverse();
                Self(Inner::Runs(runs))
            }
            None => {
                let length = blob.len();
                Self::of(blob.stream(PIECE).map(|item| item.map_err(FetchError::from)), Some(length))
            }
        }
    }
}

impl From<ReadableStream> for Body {
    fn from(stream: ReadableStream) -> Self {
        Self::of(stream.map(|item| item.map_err(FetchError::from)), None)
    }
}
