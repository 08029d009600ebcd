//! What glue calls.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use isolate_core::{
    Blob, BlobSource, Charge, Context, DomExceptionName, File, FromValue, HostError, HostFunction, Value, WeakContext,
    uuid_of,
};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::locks::{Lock, Sharing};
use crate::memory::put;
use crate::options::Storage;
use crate::path::{is_valid_name, is_valid_path, is_within, join, split};
use crate::{
    EntryKind, FileMetadata, FileSystemHandler, FileWriter, FsError, FsErrorKind, FsOptions, State, SyncFile, SyncMode,
};

/// Bytes of a Blob that are read and written at once.
const PIECE: u64 = 1 << 20;
/// About what an open file takes on the host.
const OPEN: usize = 1024;
/// `Number.MAX_SAFE_INTEGER`.
const SAFE: u64 = (1 << 53) - 1;

/// What the operations of a context share.
pub(crate) struct Files {
    storage: Arc<Storage>,
    running: Arc<Semaphore>,
    /// Of its own, since an operation may wait for a read.
    reading: Arc<Semaphore>,
    most_open: usize,
    /// How many files are open or are being opened.
    slots: Rc<Cell<usize>>,
    open: RefCell<HashMap<u64, Rc<Open>>>,
    next: Cell<u64>,
    /// For what tells entries apart.
    ids: (RandomState, RandomState),
}

impl Files {
    pub(crate) fn new(options: &FsOptions) -> Option<Self> {
        let storage = options.storage.clone()?;
        let permits = options.limits.concurrent.clamp(1, Semaphore::MAX_PERMITS);
        Some(Self {
            storage,
            running: Arc::new(Semaphore::new(permits)),
            reading: Arc::new(Semaphore::new(permits)),
            most_open: options.limits.open,
            slots: Rc::default(),
            open: RefCell::default(),
            next: Cell::new(1),
            ids: Default::default(),
        })
    }

    pub(crate) fn open(&self) -> usize {
        self.open.borrow().len()
    }

    pub(crate) fn close_all(&self) {
        let all = std::mem::take(&mut *self.open.borrow_mut());
        drop(all);
    }

    /// The same for the same entry in this context, as long as it is not moved, in the form of a random UUID.
    fn id_of(&self, path: &str, is_file: bool) -> String {
        uuid_of(self.ids.0.hash_one((path, is_file)), self.ids.1.hash_one((path, is_file)))
    }

    fn handler(&self) -> &dyn FileSystemHandler {
        &*self.storage.handler
    }

    async fn turn(&self) -> Result<SemaphorePermit<'_>, FsError> {
        self.running.acquire().await.map_err(|_| FsError::new(FsErrorKind::InvalidState, "The files are gone."))
    }

    async fn look(&self, path: &str, is_file: bool, create: bool) -> Result<(), HostError> {
        let found = match is_file {
            true => self.handler().get_file_handle(path, create).await,
            false => self.handler().get_directory_handle(path, create).await,
        };
        Ok(found?)
    }

    fn get(&self, id: u64) -> Result<Rc<Open>, FsError> {
        let open = self.open.borrow().get(&id).cloned();
        open.ok_or_else(|| FsError::new(FsErrorKind::InvalidState, "The file is closed."))
    }

    /// Refuses one file too many, and counts another one.
    fn admit(&self, context: &WeakContext) -> Result<Slot, HostError> {
        if self.slots.get() >= self.most_open {
            let message = format!("There are {} files open already.", self.most_open);
            return Err(FsError::new(FsErrorKind::QuotaExceeded, message).into());
        }
        let charge = context.upgrade().ok_or_else(busy)?.charge(OPEN)?;
        self.slots.set(self.slots.get() + 1);
        Ok(Slot { slots: self.slots.clone(), _charge: charge })
    }

    fn insert(&self, open: Open) -> f64 {
        let id = self.next.get();
        self.next.set(id + 1);
        self.open.borrow_mut().insert(id, Rc::new(open));
        id as f64
    }
}

/// One of the files that may be open, from before it is opened until it is closed.
struct Slot {
    slots: Rc<Cell<usize>>,
    _charge: Charge,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.set(self.slots.get() - 1);
    }
}

/// A file that the guest has open.
struct Open {
    path: String,
    target: RefCell<Option<Target>>,
    _lock: Lock,
    _slot: Slot,
}

enum Target {
    Writer(Box<dyn FileWriter>),
    /// New contents, or a file that is open for synchronous access, of a handler that can do no better.
    Held(Held),
    Sync(Box<dyn SyncFile + Send>),
}

fn busy() -> FsError {
    FsError::new(FsErrorKind::InvalidState, "The file is in use.")
}

impl Open {
    /// Takes what is written to away, while it is written to.
    fn take(&self) -> Result<Target, FsError> {
        self.target.borrow_mut().take().ok_or_else(busy)
    }

    fn put_back(&self, target: Target) {
        *self.target.borrow_mut() = Some(target);
    }

    fn with_sync<T>(&self, f: impl FnOnce(&mut dyn SyncFile) -> Result<T, FsError>) -> Result<T, FsError> {
        match &mut *self.target.borrow_mut() {
            Some(Target::Sync(file)) => f(&mut **file),
            Some(Target::Held(held)) => f(held),
            _ => Err(busy()),
        }
    }
}

/// Contents in memory, counted as the guest's.
struct Held {
    data: Vec<u8>,
    changed: bool,
    context: WeakContext,
    counted: usize,
    charges: Vec<Charge>,
}

impl Held {
    fn new(context: WeakContext) -> Self {
        Self { data: Vec::new(), changed: false, context, counted: 0, charges: Vec::new() }
    }

    fn of(data: &Bytes, context: WeakContext) -> Result<Self, FsError> {
        let mut held = Self::new(context);
        held.count(data.len() as u64)?;
        held.data = data.to_vec();
        Ok(held)
    }

    /// Counts what is needed for a size.
    fn count(&mut self, size: u64) -> Result<(), FsError> {
        let size = usize::try_from(size).map_err(|_| FsError::no_room())?;
        if size <= self.counted {
            return Ok(());
        }
        // In steps that double, so that there are few.
        let more = (size - self.counted).max(self.counted.min(16 << 20)).max(4096);
        let context = self.context.upgrade().ok_or_else(busy)?;
        let charge = context.charge(more).map_err(|e| FsError::no_room().with_source(e))?;
        self.charges.push(charge);
        self.counted += more;
        Ok(())
    }
}

impl SyncFile for Held {
    fn read(&mut self, position: u64, buffer: &mut [u8]) -> Result<usize, FsError> {
        let start = usize::try_from(position).unwrap_or(usize::MAX).min(self.data.len());
        let length = buffer.len().min(self.data.len() - start);
        buffer[..length].copy_from_slice(&self.data[start..start + length]);
        Ok(length)
    }
    fn write(&mut self, position: u64, data: &[u8]) -> Result<(), FsError> {
        if !data.is_empty() {
            self.count(position.checked_add(data.len() as u64).ok_or_else(FsError::no_room)?)?;
            put(&mut self.data, position as usize, data);
            self.changed = true;
        }
        Ok(())
    }
    fn truncate(&mut self, size: u64) -> Result<(), FsError> {
        self.count(size)?;
        self.data.resize(size as usize, 0);
        self.changed = true;
        Ok(())
    }
    fn size(&mut self) -> Result<u64, FsError> {
        Ok(self.data.len() as u64)
    }
    fn flush(&mut self) -> Result<(), FsError> {
        Ok(())
    }
}

/// The bytes of a file, read when they are asked for.
struct Source {
    storage: Arc<Storage>,
    reading: Arc<Semaphore>,
    path: Arc<str>,
    metadata: Arc<FileMetadata>,
}

impl BlobSource for Source {
    fn read(&self, range: Range<u64>) -> BoxFuture<'static, Result<Bytes, HostError>> {
        let (storage, reading) = (self.storage.clone(), self.reading.clone());
        let (path, metadata) = (self.path.clone(), self.metadata.clone());
        Box::pin(async move {
            let _turn = reading.acquire().await;
            Ok(storage.handler.read_range(&path, range, &metadata).await?)
        })
    }
}

async fn file(files: &Files, path: String) -> Result<File, HostError> {
    let _turn = files.turn().await?;
    let metadata = files.handler().get_file_metadata(&path).await?;
    let name = split(&path).map_or("", |(_, name)| name).to_owned();
    let (size, last_modified, content_type) = (metadata.size, metadata.last_modified, metadata.content_type.clone());
    let source = Source {
        storage: files.storage.clone(),
        reading: files.reading.clone(),
        path: path.into(),
        metadata: Arc::new(metadata),
    };
    let blob = match size {
        0 => Blob::new(Bytes::new(), &content_type),
        _ => Blob::from_source(Arc::new(source), size, &content_type),
    };
    Ok(File::new(blob, &name).with_last_modified(last_modified))
}

async fn open_writer(
    context: WeakContext,
    files: &Files,
    path: String,
    keep: bool,
    exclusive: bool,
) -> Result<f64, HostError> {
    let slot = files.admit(&context)?;
    let sharing = if exclusive { Sharing::Exclusive } else { Sharing::Siloed };
    let _turn = files.turn().await?;
    let lock = files.storage.locks.take(&path, sharing)?;
    if !files.handler().is_writable(&path) {
        return Err(FsError::read_only().into());
    }
    let target = match files.handler().open_writer(&path, keep).await? {
        Some(writer) => Target::Writer(writer),
        None if keep => Target::Held(Held::of(&files.handler().read_file(&path).await?.data, context)?),
        None => {
            files.handler().get_file_metadata(&path).await?;
            Target::Held(Held::new(context))
        }
    };
    Ok(files.insert(Open { path, target: RefCell::new(Some(target)), _lock: lock, _slot: slot }))
}

async fn open_sync(context: WeakContext, files: &Files, path: String, mode: String) -> Result<f64, HostError> {
    let slot = files.admit(&context)?;
    let (mode, sharing) = match mode.as_str() {
        "read-only" => (SyncMode::ReadOnly, Sharing::ReadOnly),
        "readwrite-unsafe" => (SyncMode::ReadWriteUnsafe, Sharing::Unsafe),
        _ => (SyncMode::ReadWrite, Sharing::Exclusive),
    };
    let _turn = files.turn().await?;
    let lock = files.storage.locks.take(&path, sharing)?;
    if mode != SyncMode::ReadOnly && !files.handler().is_writable(&path) {
        return Err(FsError::read_only().into());
    }
    let target = match files.handler().open_sync(&path, mode).await? {
        Some(file) => Target::Sync(file),
        // Each would have a copy of its own.
        None if mode == SyncMode::ReadWriteUnsafe => {
            let message = "These files cannot be open for synchronous access several times.";
            return Err(FsError::new(FsErrorKind::NotSupported, message).into());
        }
        None => Target::Held(Held::of(&files.handler().read_file(&path).await?.data, context)?),
    };
    Ok(files.insert(Open { path, target: RefCell::new(Some(target)), _lock: lock, _slot: slot }))
}

/// Bytes of the guest's: a string, bytes, or a Blob.
enum Data {
    Bytes(Bytes),
    Blob(Blob),
}

impl Data {
    fn of(value: Value) -> Result<Self, HostError> {
        Ok(match value {
            Value::Bytes(bytes) => Self::Bytes(bytes),
            Value::String(text) => Self::Bytes(text.into_bytes().into()),
            other => Self::Blob(Blob::from_value(other)?),
        })
    }
}

/// Gives how many bytes were written.
async fn write(files: &Files, id: u64, position: u64, data: Data) -> Result<f64, HostError> {
    let open = files.get(id)?;
    let _turn = files.turn().await?;
    let mut target = open.take()?;
    let mut at = position;
    let result = match data {
        Data::Bytes(bytes) => write_piece(&mut target, &mut at, bytes).await,
        Data::Blob(blob) => {
            let mut pieces = std::pin::pin!(blob.stream(PIECE));
            loop {
                match pieces.next().await {
                    None => break Ok(()),
                    Some(Ok(bytes)) => {
                        if let Err(e) = write_piece(&mut target, &mut at, bytes).await {
                            break Err(e);
                        }
                    }
                    Some(Err(e)) => break Err(e),
                }
            }
        }
    };
    open.put_back(target);
    result.map(|()| (at - position) as f64)
}

async fn write_piece(target: &mut Target, at: &mut u64, bytes: Bytes) -> Result<(), HostError> {
    let end = at.checked_add(bytes.len() as u64).filter(|end| *end <= SAFE).ok_or_else(FsError::no_room)?;
    match target {
        Target::Writer(writer) => writer.write(*at, bytes).await?,
        Target::Held(held) => held.write(*at, &bytes)?,
        Target::Sync(_) => return Err(busy().into()),
    }
    *at = end;
    Ok(())
}

async fn truncate(files: &Files, id: u64, size: u64) -> Result<(), HostError> {
    let open = files.get(id)?;
    let _turn = files.turn().await?;
    let mut target = open.take()?;
    let result = match &mut target {
        Target::Writer(writer) => writer.truncate(size).await,
        Target::Held(held) => held.truncate(size),
        Target::Sync(_) => Err(busy()),
    };
    open.put_back(target);
    Ok(result?)
}

/// Puts what was written in its place, and lets go of the file whatever comes of it.
async fn publish(files: &Files, id: u64) -> Result<(), HostError> {
    let open = files.get(id)?;
    files.open.borrow_mut().remove(&id);
    let _turn = files.turn().await?;
    match open.take()? {
        Target::Writer(writer) => writer.close().await?,
        Target::Held(held) => files.handler().write_file(&open.path, held.data.into(), None).await?,
        Target::Sync(_) => return Err(busy().into()),
    }
    Ok(())
}

async fn remove(files: &Files, path: String, recursive: bool) -> Result<(), HostError> {
    let _turn = files.turn().await?;
    let _lock = files.storage.locks.take(&path, Sharing::Exclusive)?;
    Ok(files.handler().remove_entry(&path, recursive).await?)
}

async fn rename(files: &Files, from: String, to: String, is_file: bool) -> Result<(), HostError> {
    let _turn = files.turn().await?;
    if from == to {
        let _lock = files.storage.locks.take(&from, Sharing::Exclusive)?;
        return files.look(&from, is_file, false).await;
    }
    if from == "/" || is_within(&to, &from) {
        let message = "A directory cannot be moved into itself.";
        return Err(FsError::new(FsErrorKind::InvalidModification, message).into());
    }
    let _locks =
        (files.storage.locks.take(&from, Sharing::Exclusive)?, files.storage.locks.take(&to, Sharing::Exclusive)?);
    Ok(files.handler().rename(&from, &to).await?)
}

/// What a file that is held in memory is to be written as, if it was changed.
fn unsaved(open: &Open) -> Option<Bytes> {
    match &mut *open.target.borrow_mut() {
        Some(Target::Held(held)) if held.changed => {
            held.changed = false;
            Some(Bytes::copy_from_slice(&held.data))
        }
        _ => None,
    }
}

fn invalid_name() -> HostError {
    HostError::type_error("The name is not allowed.")
}

/// Functions over the files of a state: each fails when there are none.
fn asynchronous<A, Fut, T>(
    state: &Rc<State>,
    f: impl Fn(Rc<Files>, A) -> Fut + Clone + 'static,
) -> impl Fn(A) -> BoxedLocal<T> + 'static
where
    A: 'static,
    Fut: Future<Output = Result<T, HostError>> + 'static,
    T: 'static,
{
    let state = state.clone();
    move |args| {
        let f = f.clone();
        let files = state.files();
        Box::pin(async move { f(files?, args).await })
    }
}

type BoxedLocal<T> = std::pin::Pin<Box<dyn Future<Output = Result<T, HostError>>>>;

pub(crate) fn functions(context: &Context, state: &Rc<State>) -> Vec<HostFunction> {
    let open = asynchronous(state, |files, (path, is_file, create): (String, bool, bool)| async move {
        let _turn = files.turn().await?;
        files.look(&path, is_file, create).await
    });
    let list = asynchronous(state, |files, path: String| async move {
        let _turn = files.turn().await?;
        let entries = files.handler().read_directory(&path).await?;
        let mut all = Vec::with_capacity(2 * entries.len());
        for entry in entries {
            // Nothing that could not be named again.
            if is_valid_name(&entry.name) {
                all.push(Value::from(entry.name));
                all.push((entry.kind == EntryKind::File).into());
            }
        }
        Ok(Value::List(all))
    });
    let get = asynchronous(state, |files, path: String| async move { file(&files, path).await });
    let writer =
        asynchronous(state, |files, (ctx, path, keep, exclusive): (WeakContext, String, bool, bool)| async move {
            open_writer(ctx, &files, path, keep, exclusive).await
        });
    let sync = asynchronous(state, |files, (ctx, path, mode): (WeakContext, String, String)| async move {
        open_sync(ctx, &files, path, mode).await
    });
    let put = asynchronous(state, |files, (id, position, data): (u64, u64, Value)| async move {
        write(&files, id, position, Data::of(data)?).await
    });
    let cut = asynchronous(state, |files, (id, size): (u64, u64)| async move { truncate(&files, id, size).await });
    let finish = asynchronous(state, |files, id: u64| async move { publish(&files, id).await });
    let unlink =
        asynchronous(
            state,
            |files, (path, recursive): (String, bool)| async move { remove(&files, path, recursive).await },
        );
    let rename_entry = asynchronous(state, |files, (from, to, is_file): (String, String, bool)| async move {
        rename(&files, from, to, is_file).await
    });
    let estimate = asynchronous(state, |files, (): ()| async move {
        let _turn = files.turn().await?;
        let estimate = files.handler().estimate().await?;
        let numbers = [estimate.usage, estimate.quota.unwrap_or(SAFE)].map(|n| Value::from(n.min(SAFE) as f64));
        Ok(Value::List(numbers.into()))
    });
    let (writable, closing, naming) = (state.clone(), state.clone(), state.clone());
    let (reading, writing, cutting, sizing) = (state.clone(), state.clone(), state.clone(), state.clone());
    let (flushing, finishing) = (state.clone(), state.clone());
    vec![
        context.async_function("__fs_open", move |path: String, is_file: bool, create: bool| {
            open((path, is_file, create))
        }),
        context.async_function("__fs_list", list),
        context.async_function("__fs_file", get),
        context.async_function("__fs_openWriter", move |ctx: Context, path: String, keep: bool, exclusive: bool| {
            writer((ctx.weak(), path, keep, exclusive))
        }),
        context.async_function("__fs_openSync", move |ctx: Context, path: String, mode: String| {
            sync((ctx.weak(), path, mode))
        }),
        context.async_function("__fs_write", move |id: u64, position: u64, data: Value| put((id, position, data))),
        context.async_function("__fs_truncate", move |id: u64, size: u64| cut((id, size))),
        context.async_function("__fs_publish", finish),
        context.async_function("__fs_remove", move |path: String, recursive: bool| unlink((path, recursive))),
        context.async_function("__fs_move", move |from: String, to: String, is_file: bool| {
            rename_entry((from, to, is_file))
        }),
        context.async_function("__fs_estimate", move || estimate(())),
        context.function("__fs_isWritable", move |path: String| {
            Ok::<_, HostError>(writable.files()?.handler().is_writable(&path))
        }),
        context.function("__fs_id", move |path: String, is_file: bool| {
            Ok::<_, HostError>(naming.files()?.id_of(&path, is_file))
        }),
        context.function("__fs_close", move |id: u64| {
            if let Ok(files) = closing.files() {
                let open = files.open.borrow_mut().remove(&id);
                drop(open);
            }
        }),
        context.function("__fs_syncRead", move |id: u64, position: u64, wanted: u64| {
            // The guest has a buffer of this size, and asks for no more than a few MiB at once.
            let mut buffer = vec![0; usize::try_from(wanted).unwrap_or(0).min(4 << 20)];
            let read = reading.files()?.get(id)?.with_sync(|file| file.read(position, &mut buffer))?;
            buffer.truncate(read);
            Ok::<_, HostError>(Bytes::from(buffer))
        }),
        context.function("__fs_syncWrite", move |id: u64, position: u64, data: Bytes| {
            if position.saturating_add(data.len() as u64) > SAFE {
                return Err(FsError::no_room().into());
            }
            Ok::<_, HostError>(writing.files()?.get(id)?.with_sync(|file| file.write(position, &data))?)
        }),
        context.function("__fs_syncTruncate", move |id: u64, size: u64| {
            Ok::<_, HostError>(cutting.files()?.get(id)?.with_sync(|file| file.truncate(size))?)
        }),
        context.function("__fs_syncSize", move |id: u64| {
            Ok::<_, HostError>(sizing.files()?.get(id)?.with_sync(|file| file.size())?.min(SAFE) as f64)
        }),
        context.blocking_function("__fs_syncFlush", move |id: u64| save(&flushing, id, true)),
        context.blocking_function("__fs_syncFinish", move |id: u64| save(&finishing, id, false)),
        context.function("__fs_child", |directory: String, name: String| {
            let path = join(&directory, &name);
            match is_valid_name(&name) && is_valid_path(&path) {
                true => Ok(path),
                false => Err(invalid_name()),
            }
        }),
        context.function("__fs_parent", |path: String| match split(&path) {
            Some((directory, _)) => Ok(directory.to_owned()),
            None => Err(HostError::dom(DomExceptionName::InvalidModificationError, "The root cannot be moved.")),
        }),
        context.function("__fs_path", |path: String| match is_valid_path(&path) {
            true => Ok(path),
            false => Err(HostError::type_error("The path is not one such as /notes/today.")),
        }),
        context.function("__fs_below", |ancestor: String, path: String| {
            if !is_within(&path, &ancestor) {
                return Value::Null;
            }
            let rest = if ancestor == "/" { &path[..] } else { &path[ancestor.len()..] };
            Value::List(rest.split('/').filter(|name| !name.is_empty()).map(Value::from).collect())
        }),
    ]
}

/// Hands a file that is held in memory over to its handler, or lets the handler make what it has durable.
fn save(
    state: &Rc<State>,
    id: u64,
    flush: bool,
) -> impl Future<Output = Result<(), HostError>> + Send + 'static + use<> {
    let prepared = (|| {
        let files = state.files()?;
        let open = files.get(id)?;
        let data = unsaved(&open);
        if flush {
            open.with_sync(|file| file.flush())?;
        }
        Ok::<_, HostError>(data.map(|data| (files.storage.clone(), open.path.clone(), data)))
    })();
    async move {
        if let Some((storage, path, data)) = prepared? {
            storage.handler.write_file(&path, data, None).await?;
        }
        Ok(())
    }
}
