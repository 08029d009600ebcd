//! `Blob` and `File`: bytes that live on the host. The guest has numbers for them.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::collections::hash_map::Entry as MapEntry;
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use isolate_engine::{Charge, Glue, HostError, HostFunction, Platform, Value};

use super::{Module, PlatformKind};
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

/// Some of the bytes of a run that others may share.
#[derive(Clone)]
struct Piece {
    run: Arc<Bytes>,
    range: Range<usize>,
    /// How many bytes of the blob stand before it.
    offset: u64,
}

impl Piece {
    fn len(&self) -> usize {
        self.range.len()
    }

    fn bytes(&self) -> Bytes {
        self.run.slice(self.range.clone())
    }

    fn as_slice(&self) -> &[u8] {
        &self.run[self.range.clone()]
    }
}

/// Bytes with a type, as a guest's [`Blob`](https://w3c.github.io/FileAPI/#blob-section). They cannot be changed;
/// clones and slices share them.
///
/// As a parameter of a host function it takes a `Blob` or a `File` of the guest, and as a result it becomes a `Blob`.
/// What a guest can reach counts against its memory limit, once however many slices there are; what only the host holds
/// does not.
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
            pieces.push(Arc::new(part.clone()), 0..part.len());
        }
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
        for (piece, range) in self.within(range) {
            pieces.push(piece.run.clone(), range);
        }
        pieces.finish(content_type)
    }

    /// The bytes in the runs that they are held in, in order. Nothing is copied.
    pub fn slices(&self) -> impl ExactSizeIterator<Item = Bytes> {
        self.pieces.iter().map(Piece::bytes)
    }

    /// All bytes as one run, copied only if they are held in several.
    pub fn bytes(&self) -> Bytes {
        match &*self.pieces {
            [] => Bytes::new(),
            [only] => only.bytes(),
            _ => self.copy(0..self.size).into(),
        }
    }

    /// The parts of pieces that lie within a range.
    fn within(&self, range: Range<u64>) -> impl Iterator<Item = (&Piece, Range<usize>)> {
        let end = range.end.min(self.size);
        let start = range.start.min(end);
        let first = self.pieces.partition_point(|p| p.offset + p.len() as u64 <= start);
        self.pieces[first..].iter().take_while(move |p| p.offset < end).map(move |p| {
            let from = start.saturating_sub(p.offset) as usize;
            let to = (end - p.offset).min(p.len() as u64) as usize;
            (p, p.range.start + from..p.range.start + to)
        })
    }

    fn copy(&self, range: Range<u64>) -> Vec<u8> {
        let mut all = Vec::with_capacity(range.end.min(self.size).saturating_sub(range.start) as usize);
        for (piece, range) in self.within(range) {
            all.extend_from_slice(&piece.run[range]);
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
    fn push(&mut self, run: Arc<Bytes>, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        let offset = self.size;
        self.size += range.len() as u64;
        match self.all.last_mut() {
            Some(last) if Arc::ptr_eq(&last.run, &run) && last.range.end == range.start => last.range.end = range.end,
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
        Self { blob, name: name.into(), last_modified: now() }
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

fn now() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(d) => i64::try_from(d.as_millis()).unwrap_or(i64::MAX),
        Err(_) => 0,
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
    runs: RefCell<HashMap<usize, Run>>,
}

/// What the guest is charged for a run, as long as pieces of it are reachable.
struct Run {
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
        for piece in &*blob.pieces {
            let key = address(&piece.run);
            if !charged.contains_key(&key) && !self.runs.borrow().contains_key(&key) {
                charged.insert(key, context.charge(piece.run.len() + 128)?);
            }
        }
        let mut runs = self.runs.borrow_mut();
        for piece in &*blob.pieces {
            let key = address(&piece.run);
            let charge = charged.remove(&key);
            match runs.entry(key) {
                MapEntry::Occupied(mut run) => run.get_mut().pieces += 1,
                MapEntry::Vacant(run) => {
                    run.insert(Run { pieces: 1, _charge: charge });
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
        for piece in &*entry.blob.pieces {
            if let MapEntry::Occupied(mut run) = runs.entry(address(&piece.run)) {
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

/// Keeps a blob, and gives what glue gets of it: its number, its size, its type, and a function that means nothing but
/// that the entry is in use.
fn made(
    context: &Context,
    blob: Blob,
    charged: HashMap<usize, Charge>,
    charges: Vec<Charge>,
) -> Result<Vec<Value>, HostError> {
    let table: Rc<Table> = context.state();
    let (size, content_type) = (blob.size as f64, Value::from(&*blob.content_type));
    let id = table.insert(context, blob, charged, charges)?;
    let token = Token { table, id };
    let token = context.function("token", move || {
        let _ = &token;
    });
    Ok(vec![Value::from(id as f64), size.into(), content_type, context.engine().new_function(token)?.into()])
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
        self.pieces.push(run, 0..length);
        Ok(())
    }

    fn add_blob(&mut self, blob: &Blob) -> Result<(), HostError> {
        for piece in &*blob.pieces {
            if piece.len() < Self::SMALL {
                self.copy(piece.as_slice())?;
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
    let (a, b) = (random(), random());
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
    let (creating, slicing, reading) = (table.clone(), table.clone(), table);
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
        context.function("__Blob_now", || now() as f64),
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
