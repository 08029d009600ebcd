//! `Blob` and `File`: bytes that live on the host, or that it reads when they are asked for. The guest has numbers for them.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::collections::hash_map::Entry as MapEntry;
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use futures_util::stream::{self, Stream, StreamExt};
use isolate_engine::{Charge, DomExceptionName, Glue, HostError, HostFunction, Platform, Value};

use super::{Module, PlatformKind};
use crate::repeatable::epoch_ms;
use crate::{Context, FromValue, IntoValue};

pub(crate) static BLOB: Module = Module {
    name: "blob",
    glue: Glue::new("isolate:blob", include_str!("../glue/blob.js")),
    functions,
    globals: &["Blob", "File"],
    attributes: &[],
    objects: &[
        PlatformKind { interface: "Blob", to_host: blob_to_host, to_guest: blob_to_guest },
        PlatformKind { interface: "File", to_host: file_to_host, to_guest: file_to_guest },
    ],
};

/// Bytes that are not in memory, such as those of a file: what a [`Blob`] reads when somebody asks for its bytes.
pub trait BlobSource: Send + Sync + 'static {
    /// Reads `range.end - range.start` bytes from `range.start` on. The range lies within what the source was said to
    /// have; fewer bytes than asked for are an error, as is a source that is not any more what it was when the blob was
    /// made (a `DOMException` named `NotReadableError`, says the standard).
    fn read(&self, range: Range<u64>) -> BoxFuture<'static, Result<Bytes, HostError>>;
}

/// Where bytes are.
#[derive(Clone)]
enum Run {
    Memory(Arc<Bytes>),
    Source(Arc<dyn BlobSource>),
}

impl Run {
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Memory(a), Self::Memory(b)) => Arc::ptr_eq(a, b),
            (Self::Source(a), Self::Source(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

/// Some of the bytes of a run that others may share.
#[derive(Clone)]
struct Piece {
    run: Run,
    range: Range<u64>,
    /// How many bytes of the blob stand before it.
    offset: u64,
}

impl Piece {
    fn len(&self) -> u64 {
        self.range.end - self.range.start
    }

    fn in_memory(&self) -> Option<&Arc<Bytes>> {
        match &self.run {
            Run::Memory(run) => Some(run),
            Run::Source(_) => None,
        }
    }

    /// Those in memory.
    fn bytes(&self) -> Option<Bytes> {
        self.in_memory().map(|run| run.slice(self.range.start as usize..self.range.end as usize))
    }
}

async fn read_source(source: &dyn BlobSource, range: Range<u64>) -> Result<Bytes, HostError> {
    let wanted = range.end - range.start;
    let bytes = source.read(range).await?;
    match bytes.len() as u64 == wanted {
        true => Ok(bytes),
        false => Err(HostError::dom(DomExceptionName::NotReadableError, "the data could not be read whole")),
    }
}

/// Bytes with a type, as a guest's [`Blob`](https://w3c.github.io/FileAPI/#blob-section). They cannot be changed;
/// clones and slices share them.
///
/// As a parameter of a host function it takes a `Blob` or a `File` of the guest, and as a result it becomes a `Blob`.
/// What a guest can reach counts against its memory limit, once however many slices there are; what only the host holds
/// does not. Bytes of a [`BlobSource`] are read when somebody asks for them, and are nowhere before.
#[derive(Clone)]
pub struct Blob {
    pieces: Arc<[Piece]>,
    size: u64,
    content_type: Arc<str>,
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blob({} bytes, {:?})", self.size, self.content_type)
    }
}

impl Blob {
    /// Of these bytes, which are not copied.
    ///
    /// The type is made lowercase; one with a character outside of U+0020 to U+007E becomes the empty one.
    pub fn new(bytes: impl Into<Bytes>, content_type: &str) -> Self {
        Self::from_parts([bytes.into()], content_type)
    }

    /// Of these parts in order, which are not copied.
    pub fn from_parts(parts: impl IntoIterator<Item = Bytes>, content_type: &str) -> Self {
        let mut pieces = Pieces::default();
        for part in parts {
            let length = part.len() as u64;
            pieces.push(Run::Memory(Arc::new(part)), 0..length);
        }
        pieces.finish(content_type)
    }

    /// Of the first `size` bytes of a source, which are read when they are asked for.
    pub fn from_source(source: Arc<dyn BlobSource>, size: u64, content_type: &str) -> Self {
        let mut pieces = Pieces::default();
        pieces.push(Run::Source(source), 0..size);
        pieces.finish(content_type)
    }

    /// How many bytes there are.
    pub fn len(&self) -> u64 {
        self.size
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.size == 0
    }

    /// The MIME type, lowercase; empty when it is not known.
    pub fn content_type(&self) -> &str {
        &self.content_type
    }

    /// The bytes from `range.start` to `range.end`, as far as there are any, with a type of their own. Nothing is copied.
    #[must_use]
    pub fn slice(&self, range: Range<u64>, content_type: &str) -> Self {
        let mut pieces = Pieces::default();
        for piece in self.within(range) {
            pieces.push(piece.run, piece.range);
        }
        pieces.finish(content_type)
    }

    /// Whether all bytes are in memory.
    pub fn is_in_memory(&self) -> bool {
        self.pieces.iter().all(|piece| piece.in_memory().is_some())
    }

    /// The bytes in the runs that they are held in, in order, or nothing if some have to be read first. Nothing is copied.
    pub fn slices(&self) -> Option<Vec<Bytes>> {
        self.pieces.iter().map(Piece::bytes).collect()
    }

    /// All bytes as one run, copied only if they are held in several; or nothing if some have to be read first.
    pub fn bytes(&self) -> Option<Bytes> {
        match &*self.pieces {
            [] => Some(Bytes::new()),
            [only] => only.bytes(),
            _ => self.is_in_memory().then(|| self.copy(0..self.size).into()),
        }
    }

    /// The bytes from `range.start` to `range.end`, as far as there are any, read if they are not in memory.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn read(&self, range: Range<u64>) -> impl Future<Output = Result<Bytes, HostError>> + Send + use<> {
        let pieces: Vec<Piece> = self.within(range).collect();
        async move {
            if let [only] = &*pieces {
                return match &only.run {
                    Run::Memory(run) => Ok(run.slice(only.range.start as usize..only.range.end as usize)),
                    Run::Source(source) => read_source(&**source, only.range.clone()).await,
                };
            }
            let mut all = BytesMut::new();
            for piece in pieces {
                match &piece.run {
                    Run::Memory(run) => {
                        all.extend_from_slice(&run[piece.range.start as usize..piece.range.end as usize])
                    }
                    Run::Source(source) => all.extend_from_slice(&read_source(&**source, piece.range).await?),
                }
            }
            Ok(all.freeze())
        }
    }

    /// All bytes, in order: runs in memory as they are, the rest in pieces of at most `most` bytes, each read when it is
    /// asked for. Ends after the first error.
    pub fn stream(&self, most: u64) -> impl Stream<Item = Result<Bytes, HostError>> + Send + use<> {
        let all = self.clone();
        let mut pieces = Vec::new();
        for piece in &*self.pieces {
            match piece.run {
                Run::Memory(_) => pieces.push(piece.offset..piece.offset + piece.len()),
                Run::Source(_) => {
                    let mut at = piece.offset;
                    let end = at + piece.len();
                    // A list of ranges only: 1 TiB in pieces of 1 MiB makes 16 MiB of it.
                    while at < end {
                        let stop = end.min(at.saturating_add(most.max(1)));
                        pieces.push(at..stop);
                        at = stop;
                    }
                }
            }
        }
        let mut failed = false;
        stream::iter(pieces).then(move |range| all.read(range)).take_while(move |item| {
            let before = failed;
            failed |= item.is_err();
            std::future::ready(!before)
        })
    }

    /// The parts of pieces that lie within a range.
    fn within(&self, range: Range<u64>) -> impl Iterator<Item = Piece> {
        let end = range.end.min(self.size);
        let start = range.start.min(end);
        let first = self.pieces.partition_point(|p| p.offset + p.len() <= start);
        self.pieces[first..].iter().take_while(move |p| p.offset < end).map(move |p| {
            let from = p.range.start + start.saturating_sub(p.offset);
            let to = p.range.start + (end - p.offset).min(p.len());
            Piece { run: p.run.clone(), range: from..to, offset: 0 }
        })
    }

    /// Of one that is in memory.
    fn copy(&self, range: Range<u64>) -> Vec<u8> {
        let mut all = Vec::with_capacity(range.end.min(self.size).saturating_sub(range.start) as usize);
        for piece in self.within(range) {
            if let Some(bytes) = piece.bytes() {
                all.extend_from_slice(&bytes);
            }
        }
        all
    }
}

/// Pieces while they are put together.
#[derive(Default)]
struct Pieces {
    all: Vec<Piece>,
    size: u64,
}

impl Pieces {
    fn push(&mut self, run: Run, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let offset = self.size;
        self.size = self.size.saturating_add(range.end - range.start);
        match self.all.last_mut() {
            Some(last) if last.run.is(&run) && last.range.end == range.start => last.range.end = range.end,
            _ => self.all.push(Piece { run, range, offset }),
        }
    }

    fn finish(self, content_type: &str) -> Blob {
        Blob { pieces: self.all.into(), size: self.size, content_type: normalized(content_type).into() }
    }
}

/// A `type` as the constructors and `slice` keep it.
fn normalized(content_type: &str) -> String {
    match content_type.bytes().all(|b| (0x20..=0x7e).contains(&b)) {
        true => content_type.to_ascii_lowercase(),
        false => String::new(),
    }
}

/// A [`Blob`] with a name and a time, as a guest's [`File`](https://w3c.github.io/FileAPI/#file-section).
#[derive(Clone, Debug)]
pub struct File {
    blob: Blob,
    name: Arc<str>,
    last_modified: i64,
}

impl File {
    /// Of these bytes, changed now.
    pub fn new(blob: Blob, name: &str) -> Self {
        Self { blob, name: name.into(), last_modified: epoch_ms(SystemTime::now()) as i64 }
    }

    /// Sets when it was last changed, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn with_last_modified(mut self, milliseconds: i64) -> Self {
        self.last_modified = milliseconds;
        self
    }

    /// Its bytes and its type.
    pub fn blob(&self) -> &Blob {
        &self.blob
    }

    /// Its name, which the guest chose freely: it may hold `..`, slashes or anything else.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// When it was last changed, in milliseconds since the Unix epoch.
    pub fn last_modified(&self) -> i64 {
        self.last_modified
    }
}

impl FromValue for Blob {
    fn from_value(value: Value) -> Result<Self, HostError> {
        if let Value::Platform(object) = &value {
            if let Some(blob) = object.get::<Blob>() {
                return Ok(blob.clone());
            }
            if let Some(file) = object.get::<File>() {
                return Ok(file.blob.clone());
            }
        }
        Err(HostError::type_error(format!("expected a Blob, got {}", value.kind())))
    }
}

impl FromValue for File {
    fn from_value(value: Value) -> Result<Self, HostError> {
        if let Value::Platform(object) = &value
            && let Some(file) = object.get::<File>()
        {
            return Ok(file.clone());
        }
        Err(HostError::type_error(format!("expected a File, got {}", value.kind())))
    }
}

impl IntoValue for Blob {
    fn into_value(self) -> Result<Value, HostError> {
        Ok(Value::Platform(Platform::new("Blob", self)))
    }
}

impl IntoValue for File {
    fn into_value(self) -> Result<Value, HostError> {
        Ok(Value::Platform(Platform::new("File", self)))
    }
}

/// The blobs that a guest can reach. Numbers are not used twice.
#[derive(Default)]
struct Table {
    next: Cell<u64>,
    entries: RefCell<HashMap<u64, Entry>>,
    /// The runs of all entries, by their address.
    runs: RefCell<HashMap<usize, Charged>>,
}

/// What the guest is charged for a run in memory, as long as pieces of it are reachable.
struct Charged {
    pieces: usize,
    _charge: Option<Charge>,
}

struct Entry {
    blob: Blob,
    /// For the entry and its list of pieces.
    _charges: Vec<Charge>,
}

fn address(run: &Arc<Bytes>) -> usize {
    Arc::as_ptr(run).addr()
}

impl Table {
    fn get(&self, id: u64) -> Result<Blob, HostError> {
        let entries = self.entries.borrow();
        entries.get(&id).map(|e| e.blob.clone()).ok_or_else(|| HostError::type_error("there is no such Blob"))
    }

    /// Keeps a blob for the guest. `charged` are the runs that were charged while it was made.
    fn insert(
        &self,
        context: &Context,
        blob: Blob,
        mut charged: HashMap<usize, Charge>,
        mut charges: Vec<Charge>,
    ) -> Result<u64, HostError> {
        const EACH: usize = 512;
        charges.push(context.charge(EACH + blob.content_type.len() + blob.pieces.len() * size_of::<Piece>())?);
        // Nothing is borrowed while something is charged, since that may let go of other entries.
        for run in blob.pieces.iter().filter_map(Piece::in_memory) {
            let key = address(run);
            if !charged.contains_key(&key) && !self.runs.borrow().contains_key(&key) {
                charged.insert(key, context.charge(run.len() + 128)?);
            }
        }
        let mut runs = self.runs.borrow_mut();
        for run in blob.pieces.iter().filter_map(Piece::in_memory) {
            let key = address(run);
            let charge = charged.remove(&key);
            match runs.entry(key) {
                MapEntry::Occupied(mut run) => run.get_mut().pieces += 1,
                MapEntry::Vacant(run) => {
                    run.insert(Charged { pieces: 1, _charge: charge });
                }
            }
        }
        let id = self.next.get() + 1;
        self.next.set(id);
        self.entries.borrow_mut().insert(id, Entry { blob, _charges: charges });
        Ok(id)
    }

    fn release(&self, id: u64) {
        let entry = self.entries.borrow_mut().remove(&id);
        let Some(entry) = entry else { return };
        let mut runs = self.runs.borrow_mut();
        for run in entry.blob.pieces.iter().filter_map(Piece::in_memory) {
            if let MapEntry::Occupied(mut run) = runs.entry(address(run)) {
                run.get_mut().pieces -= 1;
                if run.get().pieces == 0 {
                    run.remove();
                }
            }
        }
    }
}

/// What stands for an entry in the guest: when it is collected, the entry goes.
struct Token {
    table: Rc<Table>,
    id: u64,
}

impl Drop for Token {
    fn drop(&mut self) {
        self.table.release(self.id);
    }
}

/// Keeps a blob, and gives what glue gets of it: its number, its size, its type, a function that means nothing but that
/// the entry is in use, and whether bytes of it have to be read first.
fn made(
    context: &Context,
    blob: Blob,
    charged: HashMap<usize, Charge>,
    charges: Vec<Charge>,
) -> Result<Vec<Value>, HostError> {
    let table: Rc<Table> = context.state();
    let (size, content_type) = (blob.size as f64, Value::from(&*blob.content_type));
    let deferred = !blob.is_in_memory();
    let id = table.insert(context, blob, charged, charges)?;
    let token = Token { table, id };
    let token = context.function("token", move || {
        let _ = &token;
    });
    let token = context.engine().new_function(token)?;
    Ok(vec![Value::from(id as f64), size.into(), content_type, token.into(), deferred.into()])
}

/// Puts parts together: those that are large are kept as they are, small ones are copied into runs.
struct Builder<'a> {
    context: &'a Context,
    pieces: Pieces,
    tail: Vec<u8>,
    charged: HashMap<usize, Charge>,
    charges: Vec<Charge>,
    owed: usize,
}

impl Builder<'_> {
    /// Data of at least this many bytes is a run of its own, and pieces of others that are smaller are copied.
    const SMALL: usize = 1024;
    /// A run of small parts has about as many bytes.
    const RUN: usize = 1 << 20;

    fn add_bytes(&mut self, bytes: Bytes) -> Result<(), HostError> {
        if bytes.len() < Self::SMALL {
            return self.copy(&bytes);
        }
        self.flush()?;
        self.run(bytes)
    }

    fn copy(&mut self, bytes: &[u8]) -> Result<(), HostError> {
        self.tail.extend_from_slice(bytes);
        if self.tail.len() >= Self::RUN { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), HostError> {
        if self.tail.is_empty() {
            return Ok(());
        }
        let tail = std::mem::take(&mut self.tail);
        self.run(tail.into())
    }

    fn run(&mut self, bytes: Bytes) -> Result<(), HostError> {
        let length = bytes.len();
        let charge = self.context.charge(length + 128)?;
        let run = Arc::new(bytes);
        self.charged.insert(address(&run), charge);
        self.pieces.push(Run::Memory(run), 0..length as u64);
        Ok(())
    }

    fn add_blob(&mut self, blob: &Blob) -> Result<(), HostError> {
        for piece in &*blob.pieces {
            if let Some(bytes) = piece.bytes()
                && bytes.len() < Self::SMALL
            {
                self.copy(&bytes)?;
                continue;
            }
            self.flush()?;
            self.pieces.push(piece.run.clone(), piece.range.clone());
            // The list may become long, out of parts that are short to write.
            self.owed += size_of::<Piece>();
            if self.owed >= 64 << 10 {
                self.charges.push(self.context.charge(std::mem::take(&mut self.owed))?);
            }
        }
        Ok(())
    }
}

fn create(
    context: &Context,
    table: &Table,
    parts: Vec<Value>,
    content_type: &str,
    native: bool,
) -> Result<Vec<Value>, HostError> {
    let mut builder = Builder {
        context,
        pieces: Pieces::default(),
        tail: Vec::new(),
        charged: HashMap::new(),
        charges: Vec::new(),
        owed: 0,
    };
    for part in parts {
        match part {
            Value::String(text) => {
                let text = if native { native_endings(text) } else { text };
                builder.add_bytes(text.into_bytes().into())?;
            }
            Value::Bytes(bytes) => builder.add_bytes(bytes)?,
            part => builder.add_blob(&table.get(u64::from_value(part)?)?)?,
        }
    }
    builder.flush()?;
    let Builder { pieces, charged, charges, .. } = builder;
    made(context, pieces.finish(content_type), charged, charges)
}

/// Convert line endings to native.
fn native_endings(text: String) -> String {
    let native = if cfg!(windows) { "\r\n" } else { "\n" };
    if !text.contains('\r') && native == "\n" {
        return text;
    }
    let unix = text.replace("\r\n", "\n").replace('\r', "\n");
    if native == "\n" { unix } else { unix.replace('\n', native) }
}

/// 122 random bits and the marks of version 4. Not secret: only the guest that made it can use it.
fn uuid() -> String {
    let random = || RandomState::new().build_hasher().finish();
    uuid_of(random(), random())
}

/// Some bits as a UUID of version 4.
pub fn uuid_of(a: u64, b: u64) -> String {
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        a >> 32,
        (a >> 16) & 0xffff,
        a & 0xfff,
        (b >> 48) & 0x3fff | 0x8000,
        b & 0xffff_ffff_ffff
    )
}

/// The most that crosses at once, in bytes.
const PIECE: usize = 16 << 20;

fn functions(context: &Context) -> Vec<HostFunction> {
    let table: Rc<Table> = context.state();
    let (creating, slicing, reading, loading) = (table.clone(), table.clone(), table.clone(), table);
    vec![
        context
            .function("__Blob_piece", |context: Context| PIECE.min(context.limits().value_bytes / 4).max(1024) as f64),
        context.function(
            "__Blob_create",
            move |context: Context, parts: Vec<Value>, content_type: String, native: bool| {
                create(&context, &creating, parts, &content_type, native)
            },
        ),
        context.function(
            "__Blob_slice",
            move |context: Context, id: u64, start: u64, end: u64, content_type: String| {
                let part = slicing.get(id)?.slice(start..end, &content_type);
                made(&context, part, HashMap::new(), Vec::new())
            },
        ),
        context.function("__Blob_read", move |id: u64, start: u64, end: u64| {
            Ok::<_, HostError>(Bytes::from(reading.get(id)?.copy(start..end)))
        }),
        context.async_function("__Blob_load", move |id: u64, start: u64, end: u64| {
            let read = loading.get(id).map(|blob| blob.read(start..end));
            async move { read?.await }
        }),
        context.function("__Blob_now", |context: Context| epoch_ms(context.wall_time())),
        context.function("__Blob_uuid", uuid),
    ]
}

fn received(context: &Context, data: Value) -> Result<(Blob, std::vec::IntoIter<Value>), HostError> {
    let table: Rc<Table> = context.state();
    let mut data = Vec::<Value>::from_value(data)?.into_iter();
    let id = u64::from_value(data.next().unwrap_or_default())?;
    Ok((table.get(id)?, data))
}

fn blob_to_host(context: &Context, data: Value) -> Result<Platform, HostError> {
    Ok(Platform::new("Blob", received(context, data)?.0))
}

fn file_to_host(context: &Context, data: Value) -> Result<Platform, HostError> {
    let (blob, mut rest) = received(context, data)?;
    let name = String::from_value(rest.next().unwrap_or_default())?;
    let last_modified = f64::from_value(rest.next().unwrap_or_default())? as i64;
    Ok(Platform::new("File", File { blob, name: name.into(), last_modified }))
}

fn blob_to_guest(context: &Context, object: &Platform) -> Result<Value, HostError> {
    let blob: &Blob = object.get().ok_or_else(|| HostError::type_error("not a Blob"))?;
    Ok(Value::List(made(context, blob.clone(), HashMap::new(), Vec::new())?))
}

fn file_to_guest(context: &Context, object: &Platform) -> Result<Value, HostError> {
    let file: &File = object.get().ok_or_else(|| HostError::type_error("not a File"))?;
    let mut data = made(context, file.blob.clone(), HashMap::new(), Vec::new())?;
    data.push(Value::from(&*file.name));
    data.push(Value::from(file.last_modified as f64));
    Ok(Value::List(data))
}
