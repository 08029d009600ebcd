//! The files of an object store.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::sync::Arc;

use ::object_store::path::Path;
use ::object_store::{
    Error, GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload,
    WriteMultipart,
};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use tempfile::SpooledTempFile;

use crate::memory::put;
use crate::path::{content_type_of, is_within, split};
use crate::{DirectoryEntry, Estimate, FileData, FileMetadata, FileSystemHandler, FileWriter, FsError, FsErrorKind};

/// What makes a directory that holds nothing else.
const MARKER: &str = ".isolate-directory";

/// New contents up to this size, in bytes, are held in memory; more of them go to a temporary file of the host.
const IN_MEMORY: usize = 1 << 20;

/// Contents up to this size, in bytes, are put in one request; larger ones in parts of this size.
const PART: usize = 8 << 20;

/// The files of an object store: S3, Google Cloud Storage, Azure, or whatever else implements [`ObjectStore`].
///
/// An object is a file whose path is the object's, and directories are what is before a slash. A store has no empty
/// directories, so one holds an object named `.isolate-directory`, which guests do not see. New contents are collected on
/// the host (up to 1 MiB in memory, more in a temporary file) and put in place in one go. Ranges are read as such.
///
/// What stores cannot do: directories are not moved at once but object by object, as they are removed; writes at a position of a
/// file ([`write_file`](FileSystemHandler::write_file) with one) fetch and put it whole, unless it is opened as a stream;
/// files that are open for synchronous access are held in memory, counted as the guest's.
#[derive(Clone, Debug)]
pub struct ObjectStoreFileSystem {
    store: Arc<dyn ObjectStore>,
}

impl ObjectStoreFileSystem {
    /// Over a store; `object_store::prefix::PrefixStore` makes one of a part of another.
    pub fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self { store }
    }
}

/// The store's path. Characters that it cannot hold are encoded.
fn key(path: &str) -> Path {
    path.split('/').filter(|part| !part.is_empty()).collect()
}

/// The name that part of a store's path stands for.
fn name_of(path: &Path) -> Option<String> {
    let encoded = path.filename()?;
    percent_decoded(encoded)
}

/// Takes back what [`key`] has done; nothing if it is no UTF-8.
fn percent_decoded(encoded: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        let digit = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16));
        match (byte, digit(ahead.next()), digit(ahead.next())) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = ahead;
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok()
}

fn error(e: Error) -> FsError {
    let error = match &e {
        Error::NotFound { .. } => FsError::not_found(),
        Error::Precondition { .. } | Error::NotModified { .. } => FsError::changed(),
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            FsError::new(FsErrorKind::NotAllowed, "The store does not allow it.")
        }
        Error::NotSupported { .. } | Error::NotImplemented { .. } => {
            FsError::new(FsErrorKind::NotSupported, "The store cannot do this.")
        }
        Error::InvalidPath { .. } => FsError::new(FsErrorKind::InvalidName, "The name is not allowed."),
        Error::AlreadyExists { .. } => FsError::new(FsErrorKind::InvalidModification, "The entry is there already."),
        other => match io_kind(other) {
            // Of a local store, on the way.
            Some(io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => FsError::not_found(),
            Some(kind) => io::Error::from(kind).into(),
            None => FsError::new(FsErrorKind::Other, "The operation failed."),
        },
    };
    error.with_source(e)
}

/// What the operating system said, if that is at the bottom of it.
fn io_kind(e: &Error) -> Option<io::ErrorKind> {
    let mut source = std::error::Error::source(e);
    while let Some(e) = source {
        if let Some(e) = e.downcast_ref::<io::Error>() {
            return Some(e.kind());
        }
        source = e.source();
    }
    None
}

fn describe(path: &str, meta: &ObjectMeta) -> FileMetadata {
    let described =
        FileMetadata::new(meta.size, meta.last_modified.timestamp_millis()).content_type(content_type_of(path));
    match meta.e_tag.as_ref().or(meta.version.as_ref()) {
        Some(version) => described.version(version),
        None => described,
    }
}

fn is_marker(path: &Path) -> bool {
    path.filename() == Some(MARKER)
}

fn check(path: &str) -> Result<(), FsError> {
    match split(path) {
        Some((_, MARKER)) => Err(FsError::new(FsErrorKind::InvalidName, "The name is not allowed.")),
        _ => Ok(()),
    }
}

impl ObjectStoreFileSystem {
    async fn head(&self, path: &str) -> Result<ObjectMeta, FsError> {
        check(path)?;
        if path == "/" {
            return Err(FsError::is_directory());
        }
        match self.store.head(&key(path)).await.map_err(error) {
            Err(e) if matches!(e.kind(), FsErrorKind::NotFound | FsErrorKind::Other) => {
                // A local store cannot tell a directory from what cannot be read.
                match self.is_directory(path).await? {
                    true => Err(FsError::is_directory()),
                    false => Err(e),
                }
            }
            found => found,
        }
    }

    async fn is_directory(&self, path: &str) -> Result<bool, FsError> {
        if path == "/" {
            return Ok(true);
        }
        match self.store.list(Some(&key(path))).next().await.transpose().map_err(error) {
            Err(e) if e.kind() == FsErrorKind::NotFound => Ok(false),
            found => Ok(found?.is_some()),
        }
    }

    /// A directory in which something can be made.
    async fn parent(&self, path: &str) -> Result<(), FsError> {
        check(path)?;
        let (directory, _) = split(path).ok_or_else(FsError::is_directory)?;
        match self.is_directory(directory).await? {
            true => Ok(()),
            false => Err(FsError::not_found()),
        }
    }

    async fn mark(&self, directory: &str) -> Result<(), FsError> {
        if directory != "/" {
            self.store.put(&key(directory).join(MARKER), PutPayload::new()).await.map_err(error)?;
        }
        Ok(())
    }

    /// Removes an object; what it was in stays a directory.
    async fn unlink(&self, path: &str) -> Result<(), FsError> {
        if let Some((directory, _)) = split(path) {
            self.mark(directory).await?;
        }
        self.store.delete(&key(path)).await.map_err(error)
    }

    async fn objects(&self, directory: &str) -> Result<Vec<ObjectMeta>, FsError> {
        let prefix = key(directory);
        let prefix = if directory == "/" { None } else { Some(&prefix) };
        self.store.list(prefix).try_collect().await.map_err(error)
    }
}

#[async_trait]
impl FileSystemHandler for ObjectStoreFileSystem {
    async fn get_file_handle(&self, path: &str, create: bool) -> Result<(), FsError> {
        match self.head(path).await {
            Err(e) if create && e.kind() == FsErrorKind::NotFound => {}
            found => return found.map(drop),
        }
        self.parent(path).await?;
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.store.put_opts(&key(path), PutPayload::new(), options).await {
            // Somebody was faster.
            Err(Error::AlreadyExists { .. }) => Ok(()),
            made => made.map(drop).map_err(error),
        }
    }

    async fn get_directory_handle(&self, path: &str, create: bool) -> Result<(), FsError> {
        check(path)?;
        match self.head(path).await {
            Ok(_) => return Err(FsError::is_file()),
            Err(e) if e.kind() == FsErrorKind::TypeMismatch => return Ok(()),
            Err(e) if create && e.kind() == FsErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
        self.parent(path).await?;
        self.mark(path).await
    }

    async fn remove_entry(&self, path: &str, recursive: bool) -> Result<(), FsError> {
        match self.head(path).await {
            Ok(_) => return self.unlink(path).await,
            Err(e) if e.kind() == FsErrorKind::TypeMismatch => {}
            Err(e) => return Err(e),
        }
        let objects = self.objects(path).await?;
        let own = key(path).join(MARKER);
        if !recursive && objects.iter().any(|meta| meta.location != own) {
            return Err(FsError::not_empty());
        }
        if let Some((directory, _)) = split(path) {
            self.mark(directory).await?;
        }
        let gone = futures_util::stream::iter(objects.into_iter().map(|meta| Ok(meta.location))).boxed();
        self.store.delete_stream(gone).try_for_each(|_| std::future::ready(Ok(()))).await.map_err(error)
    }

    async fn read_directory(&self, path: &str) -> Result<Vec<DirectoryEntry>, FsError> {
        check(path)?;
        let prefix = key(path);
        let prefix = if path == "/" { None } else { Some(&prefix) };
        let found = self.store.list_with_delimiter(prefix).await.map_err(error)?;
        if found.common_prefixes.is_empty() && found.objects.is_empty() {
            // Nothing, a file, or the root.
            return match self.head(path).await {
                Ok(_) => Err(FsError::is_file()),
                Err(e) if path == "/" && e.kind() == FsErrorKind::TypeMismatch => Ok(Vec::new()),
                Err(e) => Err(e),
            };
        }
        let directories = found.common_prefixes.iter().filter_map(name_of).map(DirectoryEntry::directory);
        let files = found.objects.iter().map(|meta| &meta.location).filter(|location| !is_marker(location));
        Ok(directories.chain(files.filter_map(name_of).map(DirectoryEntry::file)).collect())
    }

    async fn read_file(&self, path: &str) -> Result<FileData, FsError> {
        self.head(path).await?;
        let found = self.store.get(&key(path)).await.map_err(error)?;
        let metadata = describe(path, &found.meta);
        Ok(FileData { data: found.bytes().await.map_err(error)?, metadata })
    }

    async fn write_file(&self, path: &str, data: Bytes, position: Option<u64>) -> Result<(), FsError> {
        self.head(path).await?;
        let data = match position {
            None => data,
            Some(_) if data.is_empty() => return Ok(()),
            Some(position) => {
                let mut contents = Vec::from(self.read_file(path).await?.data);
                let position = usize::try_from(position).map_err(|_| FsError::no_room())?;
                let end = position.checked_add(data.len()).ok_or_else(FsError::no_room)?;
                contents.try_reserve(end.saturating_sub(contents.len())).map_err(|_| FsError::no_room())?;
                put(&mut contents, position, &data);
                contents.into()
            }
        };
        self.store.put(&key(path), data.into()).await.map(drop).map_err(error)
    }

    async fn truncate_file(&self, path: &str, size: u64) -> Result<(), FsError> {
        let mut contents = Vec::from(self.read_file(path).await?.data);
        let size = usize::try_from(size).map_err(|_| FsError::no_room())?;
        contents.try_reserve(size.saturating_sub(contents.len())).map_err(|_| FsError::no_room())?;
        contents.resize(size, 0);
        self.store.put(&key(path), contents.into()).await.map(drop).map_err(error)
    }

    async fn get_file_metadata(&self, path: &str) -> Result<FileMetadata, FsError> {
        Ok(describe(path, &self.head(path).await?))
    }

    async fn read_range(&self, path: &str, range: Range<u64>, seen: &FileMetadata) -> Result<Bytes, FsError> {
        if range.is_empty() {
            return match describe(path, &self.head(path).await?).is_same(seen) {
                true => Ok(Bytes::new()),
                false => Err(FsError::changed()),
            };
        }
        let wanted = range.end - range.start;
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        let found = self.store.get_opts(&key(path), options).await.map_err(error)?;
        // What came is of the object that is described with it.
        if !describe(path, &found.meta).is_same(seen) || found.range.end - found.range.start != wanted {
            return Err(FsError::changed());
        }
        found.bytes().await.map_err(error)
    }

    async fn open_writer(&self, path: &str, keep: bool) -> Result<Option<Box<dyn FileWriter>>, FsError> {
        self.head(path).await?;
        let mut writer =
            Writer { store: self.store.clone(), key: key(path), spool: Some(SpooledTempFile::new(IN_MEMORY)), size: 0 };
        if keep {
            let found = self.store.get(&writer.key).await.map_err(error)?;
            let mut pieces = found.into_stream();
            while let Some(piece) = pieces.next().await {
                let at = writer.size;
                writer.write(at, piece.map_err(error)?).await?;
            }
        }
        Ok(Some(Box::new(writer)))
    }

    async fn rename(&self, from: &str, to: &str) -> Result<(), FsError> {
        let invalid = |message| Err(FsError::new(FsErrorKind::InvalidModification, message));
        if from == "/" || to == "/" {
            return invalid("The root cannot be moved.");
        }
        let is_file = match self.head(from).await {
            Ok(_) => true,
            Err(e) if e.kind() == FsErrorKind::TypeMismatch => false,
            Err(e) => return Err(e),
        };
        if from == to {
            return Ok(());
        }
        if is_within(to, from) {
            return invalid("A directory cannot be moved into itself.");
        }
        self.parent(to).await?;
        match self.head(to).await {
            Ok(_) if is_file => {}
            Err(e) if e.kind() == FsErrorKind::NotFound => {}
            Ok(_) => return invalid("There is something else in the new place."),
            Err(e) if e.kind() == FsErrorKind::TypeMismatch => {
                return invalid("There is something else in the new place.");
            }
            Err(e) => return Err(e),
        }
        if is_file {
            self.store.copy(&key(from), &key(to)).await.map_err(error)?;
            return self.unlink(from).await;
        }
        let objects = self.objects(from).await?;
        let (source, target) = (key(from), key(to));
        for meta in &objects {
            let rest = meta.location.prefix_match(&source).into_iter().flatten();
            let place: Path = target.parts().chain(rest).collect();
            self.store.copy(&meta.location, &place).await.map_err(error)?;
        }
        self.mark(to).await?;
        self.remove_entry(from, true).await
    }

    async fn estimate(&self) -> Result<Estimate, FsError> {
        let sizes = self.store.list(None).map_ok(|meta| meta.size);
        let usage = sizes.try_fold(0u64, |sum, size| std::future::ready(Ok(sum.saturating_add(size)))).await;
        Ok(Estimate { usage: usage.map_err(error)?, quota: None })
    }
}

/// New contents, on the host until they are whole.
struct Writer {
    store: Arc<dyn ObjectStore>,
    key: Path,
    spool: Option<SpooledTempFile>,
    size: u64,
}

impl Writer {
    /// Works on the contents, on a thread that may wait for a disk.
    async fn spool<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut SpooledTempFile) -> io::Result<T> + Send + 'static,
    ) -> Result<T, FsError> {
        let closed = || FsError::new(FsErrorKind::InvalidState, "The writer is closed.");
        let mut spool = self.spool.take().ok_or_else(closed)?;
        let worked = tokio::task::spawn_blocking(move || {
            let result = work(&mut spool);
            (spool, result)
        });
        let (spool, result) =
            worked.await.map_err(|e| FsError::new(FsErrorKind::Other, "The operation failed.").with_source(e))?;
        // After a failure the contents are not what they were to be, and are not put in place.
        let result = result?;
        self.spool = Some(spool);
        Ok(result)
    }
}

#[async_trait]
impl FileWriter for Writer {
    async fn write(&mut self, position: u64, data: Bytes) -> Result<(), FsError> {
        if data.is_empty() {
            return Ok(());
        }
        let end = position.checked_add(data.len() as u64).filter(|end| *end <= i64::MAX as u64);
        let end = end.ok_or_else(FsError::no_room)?;
        let size = self.size;
        self.spool(move |spool| {
            if position > size {
                // In memory this would make room for all that lies between.
                if end > IN_MEMORY as u64 {
                    spool.roll()?;
                }
                spool.set_len(position)?;
            }
            spool.seek(SeekFrom::Start(position))?;
            spool.write_all(&data)
        })
        .await?;
        self.size = self.size.max(end);
        Ok(())
    }

    async fn truncate(&mut self, size: u64) -> Result<(), FsError> {
        if size > i64::MAX as u64 {
            return Err(FsError::no_room());
        }
        self.spool(move |spool| {
            if size > IN_MEMORY as u64 {
                spool.roll()?;
            }
            spool.set_len(size)
        })
        .await?;
        self.size = size;
        Ok(())
    }

    async fn close(mut self: Box<Self>) -> Result<(), FsError> {
        let size = self.size;
        let next = |at: u64| {
            move |spool: &mut SpooledTempFile| {
                let mut part = Vec::with_capacity(PART.min((size - at) as usize));
                spool.seek(SeekFrom::Start(at))?;
                spool.take(PART as u64).read_to_end(&mut part)?;
                Ok(Bytes::from(part))
            }
        };
        if size <= PART as u64 {
            let all = self.spool(next(0)).await?;
            return self.store.put(&self.key, all.into()).await.map(drop).map_err(error);
        }
        let upload = self.store.put_multipart(&self.key).await.map_err(error)?;
        let mut upload = WriteMultipart::new_with_chunk_size(upload, PART);
        let mut at = 0;
        while at < size {
            let part = match self.spool(next(at)).await {
                Ok(part) => part,
                Err(e) => {
                    // The store need not keep what is never finished.
                    let _ = upload.abort().await;
                    return Err(e);
                }
            };
            at += part.len() as u64;
            upload.put(part);
            // No more than a few parts on their way.
            upload.wait_for_capacity(4).await.map_err(error)?;
        }
        upload.finish().await.map(drop).map_err(error)
    }
}
