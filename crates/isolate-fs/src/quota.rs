//! A limit on what is stored.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use crate::{
    DirectoryEntry, Estimate, FileData, FileMetadata, FileSystemHandler, FileWriter, FsError, FsErrorKind, SyncFile,
    SyncMode, Usage,
};

/// Limits how many bytes and entries another handler is given to keep. What would be more is a `QuotaExceededError`, and
/// leaves everything as it was.
///
/// What is there already counts: it is added up when it is first needed. New contents count in full while they are written,
/// beside the old ones, as they do on a disk. Changes that do not go through here are not seen before
/// [`recount`](Self::recount).
pub struct QuotaFileSystem<H> {
    files: Arc<H>,
    bytes: Option<u64>,
    entries: Option<u64>,
    count: Arc<Count>,
}

#[derive(Default)]
struct Count {
    used: Mutex<Used>,
    /// Held by each change, so that what it adds and takes away can be told.
    changing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Used {
    /// What is stored, as far as is known.
    stored: Usage,
    /// Whether it is to be added up before it is relied on.
    stale: bool,
    counted: bool,
    /// Bytes that are being written.
    staged: u64,
}

impl Count {
    fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// After a change: so much more, so much less.
    fn changed(&self, more: Usage, less: Usage) {
        let stored = &mut self.used().stored;
        stored.bytes = stored.bytes.saturating_add(more.bytes).saturating_sub(less.bytes);
        stored.entries = stored.entries.saturating_add(more.entries).saturating_sub(less.entries);
    }
}

/// A change under way. If nobody waits for its end, because its guest is gone, what is stored is added up again.
struct Change<'a> {
    count: &'a Count,
    settled: bool,
}

impl<'a> Change<'a> {
    fn of(count: &'a Count) -> Self {
        Self { count, settled: false }
    }

    /// It has come to its end: so much more, so much less.
    fn settle(mut self, more: Usage, less: Usage) {
        self.settled = true;
        self.count.changed(more, less);
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        if !self.settled {
            self.count.used().stale = true;
        }
    }
}

impl<H> fmt::Debug for QuotaFileSystem<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuotaFileSystem").field("bytes", &self.bytes).field("entries", &self.entries).finish()
    }
}

impl<H: FileSystemHandler> QuotaFileSystem<H> {
    /// Over these files, without a limit yet.
    pub fn new(files: H) -> Self {
        Self { files: Arc::new(files), bytes: None, entries: None, count: Arc::default() }
    }

    /// Limits the bytes of all files together.
    #[must_use]
    pub fn bytes(mut self, most: u64) -> Self {
        self.bytes = Some(most);
        self
    }

    /// Limits the number of files and directories.
    #[must_use]
    pub fn entries(mut self, most: u64) -> Self {
        self.entries = Some(most);
        self
    }

    /// Adds up again what is stored, when it is next needed.
    pub fn recount(&self) {
        self.count.used().stale = true;
    }

    /// What is stored, and being written.
    async fn usage(&self) -> Result<Usage, FsError> {
        let known = {
            let used = self.count.used();
            used.counted && !used.stale
        };
        if !known {
            let stored = self.files.measure("/").await?;
            let mut used = self.count.used();
            (used.stored, used.stale, used.counted) = (stored, false, true);
        }
        let used = self.count.used();
        Ok(Usage { bytes: used.stored.bytes.saturating_add(used.staged), entries: used.stored.entries })
    }

    /// Counts one entry more, if there may be one.
    fn check_entries(&self, usage: Usage) -> Result<(), FsError> {
        match self.entries.is_some_and(|most| usage.entries >= most) {
            true => Err(FsError::new(FsErrorKind::QuotaExceeded, "There are as many entries as there may be.")),
            false => Ok(()),
        }
    }

    fn check_bytes(&self, usage: Usage, more: u64) -> Result<(), FsError> {
        match self.bytes.is_some_and(|most| usage.bytes.saturating_add(more) > most) {
            true => Err(FsError::no_room()),
            false => Ok(()),
        }
    }

    async fn size(&self, path: &str) -> Result<u64, FsError> {
        Ok(self.files.get_file_metadata(path).await?.size)
    }

    async fn resize(
        &self,
        path: &str,
        size: impl FnOnce(u64) -> u64 + Send,
        change: impl Future<Output = Result<(), FsError>> + Send,
    ) -> Result<(), FsError> {
        let _changing = self.count.changing.lock().await;
        let usage = self.usage().await?;
        let old = self.size(path).await?;
        let new = size(old);
        self.check_bytes(usage, new.saturating_sub(old))?;
        let counting = Change::of(&self.count);
        // If it fails, some of it may have been done.
        change.await?;
        counting.settle(Usage { bytes: new, entries: 0 }, Usage { bytes: old, entries: 0 });
        Ok(())
    }

    async fn create(
        &self,
        found: Result<(), FsError>,
        create: bool,
        making: impl Future<Output = Result<(), FsError>> + Send,
    ) -> Result<(), FsError> {
        match found {
            Err(e) if create && e.kind() == FsErrorKind::NotFound => {}
            found => return found,
        }
        let usage = self.usage().await?;
        self.check_entries(usage)?;
        let counting = Change::of(&self.count);
        let made = making.await;
        counting.settle(Usage { bytes: 0, entries: u64::from(made.is_ok()) }, Usage::default());
        made
    }
}

#[async_trait]
impl<H: FileSystemHandler> FileSystemHandler for QuotaFileSystem<H> {
    async fn get_file_handle(&self, path: &str, create: bool) -> Result<(), FsError> {
        let _changing = if create { Some(self.count.changing.lock().await) } else { None };
        let found = self.files.get_file_handle(path, false).await;
        self.create(found, create, self.files.get_file_handle(path, true)).await
    }
    async fn get_directory_handle(&self, path: &str, create: bool) -> Result<(), FsError> {
        let _changing = if create { Some(self.count.changing.lock().await) } else { None };
        let found = self.files.get_directory_handle(path, false).await;
        self.create(found, create, self.files.get_directory_handle(path, true)).await
    }
    async fn remove_entry(&self, path: &str, recursive: bool) -> Result<(), FsError> {
        let _changing = self.count.changing.lock().await;
        self.usage().await?;
        let usage = self.files.measure(path).await?;
        let counting = Change::of(&self.count);
        let result = self.files.remove_entry(path, recursive).await;
        match &result {
            Ok(()) => counting.settle(Usage::default(), usage),
            // Some of it may be gone.
            Err(_) if recursive => {}
            Err(_) => counting.settle(Usage::default(), Usage::default()),
        }
        result
    }
    async fn read_directory(&self, path: &str) -> Result<Vec<DirectoryEntry>, FsError> {
        self.files.read_directory(path).await
    }
    async fn read_file(&self, path: &str) -> Result<FileData, FsError> {
        self.files.read_file(path).await
    }
    async fn write_file(&self, path: &str, data: Bytes, position: Option<u64>) -> Result<(), FsError> {
        let length = data.len() as u64;
        let size = move |old: u64| match position {
            None => length,
            Some(_) if length == 0 => old,
            Some(position) => old.max(position.saturating_add(length)),
        };
        self.resize(path, size, self.files.write_file(path, data, position)).await
    }
    async fn truncate_file(&self, path: &str, size: u64) -> Result<(), FsError> {
        self.resize(path, move |_| size, self.files.truncate_file(path, size)).await
    }
    async fn get_file_metadata(&self, path: &str) -> Result<FileMetadata, FsError> {
        self.files.get_file_metadata(path).await
    }
    async fn read_range(&self, path: &str, range: Range<u64>, metadata: &FileMetadata) -> Result<Bytes, FsError> {
        self.files.read_range(path, range, metadata).await
    }
    async fn open_writer(&self, path: &str, keep: bool) -> Result<Option<Box<dyn FileWriter>>, FsError> {
        let _changing = self.count.changing.lock().await;
        let usage = self.usage().await?;
        let present = self.size(path).await?;
        let staged = if keep { present } else { 0 };
        self.check_bytes(usage, staged)?;
        let Some(writer) = self.files.open_writer(path, keep).await? else { return Ok(None) };
        self.count.used().staged += staged;
        let limit = Staged { count: self.count.clone(), most: self.bytes, size: staged };
        Ok(Some(Box::new(Writer { writer, limit, files: self.files.clone(), path: path.to_owned() })))
    }
    async fn open_sync(&self, path: &str, mode: SyncMode) -> Result<Option<Box<dyn SyncFile + Send>>, FsError> {
        let _changing = self.count.changing.lock().await;
        self.usage().await?;
        let file = self.files.open_sync(path, mode).await?;
        let (count, most) = (self.count.clone(), self.bytes);
        Ok(file.map(|file| Box::new(Access { file, count, most }) as Box<dyn SyncFile + Send>))
    }
    async fn rename(&self, from: &str, to: &str) -> Result<(), FsError> {
        let _changing = self.count.changing.lock().await;
        let replaced = match self.files.get_file_metadata(to).await {
            Ok(metadata) if from != to => Usage { bytes: metadata.size, entries: 1 },
            _ => Usage::default(),
        };
        let counting = Change::of(&self.count);
        self.files.rename(from, to).await?;
        counting.settle(Usage::default(), replaced);
        Ok(())
    }
    async fn measure(&self, path: &str) -> Result<Usage, FsError> {
        self.files.measure(path).await
    }
    async fn estimate(&self) -> Result<Estimate, FsError> {
        let usage = self.usage().await?.bytes;
        let below = if self.bytes.is_none() { self.files.estimate().await?.quota } else { None };
        Ok(Estimate { usage, quota: self.bytes.or(below) })
    }
    fn is_writable(&self, path: &str) -> bool {
        self.files.is_writable(path)
    }
}

/// The bytes of new contents, counted until they are dropped.
struct Staged {
    count: Arc<Count>,
    most: Option<u64>,
    size: u64,
}

impl Staged {
    fn resize(&mut self, size: u64) -> Result<(), FsError> {
        let mut used = self.count.used();
        if size > self.size {
            let all = used.stored.bytes.saturating_add(used.staged).saturating_add(size - self.size);
            if self.most.is_some_and(|most| all > most) {
                return Err(FsError::no_room());
            }
        }
        used.staged = used.staged.saturating_sub(self.size).saturating_add(size);
        self.size = size;
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        let mut used = self.count.used();
        used.staged = used.staged.saturating_sub(self.size);
    }
}

struct Writer<H> {
    writer: Box<dyn FileWriter>,
    limit: Staged,
    files: Arc<H>,
    path: String,
}

#[async_trait]
impl<H: FileSystemHandler> FileWriter for Writer<H> {
    async fn write(&mut self, position: u64, data: Bytes) -> Result<(), FsError> {
        if !data.is_empty() {
            self.limit.resize(self.limit.size.max(position.saturating_add(data.len() as u64)))?;
        }
        self.writer.write(position, data).await
    }
    async fn truncate(&mut self, size: u64) -> Result<(), FsError> {
        self.limit.resize(size)?;
        self.writer.truncate(size).await
    }
    async fn close(self: Box<Self>) -> Result<(), FsError> {
        let Self { writer, limit, files, path } = *self;
        let _changing = limit.count.changing.lock().await;
        // Another writer may have been there first, or somebody has removed the file.
        let replaced = match files.get_file_metadata(&path).await {
            Ok(metadata) => Usage { bytes: metadata.size, entries: 1 },
            Err(_) => Usage::default(),
        };
        let counting = Change::of(&limit.count);
        writer.close().await?;
        counting.settle(Usage { bytes: limit.size, entries: 1 }, replaced);
        Ok(())
    }
}

struct Access {
    file: Box<dyn SyncFile + Send>,
    count: Arc<Count>,
    most: Option<u64>,
}

impl Access {
    /// Counts a new size, and takes it back if the change fails.
    fn resize(
        &mut self,
        size: impl FnOnce(u64) -> u64,
        change: impl FnOnce(&mut dyn SyncFile) -> Result<(), FsError>,
    ) -> Result<(), FsError> {
        let old = self.file.size()?;
        let new = size(old);
        {
            let mut used = self.count.used();
            let bytes = used.stored.bytes.saturating_sub(old).saturating_add(new);
            if new > old && self.most.is_some_and(|most| bytes.saturating_add(used.staged) > most) {
                return Err(FsError::no_room());
            }
            used.stored.bytes = bytes;
        }
        let result = change(&mut *self.file);
        if result.is_err() {
            self.count.used().stale = true;
        }
        result
    }
}

impl SyncFile for Access {
    fn read(&mut self, position: u64, buffer: &mut [u8]) -> Result<usize, FsError> {
        self.file.read(position, buffer)
    }
    fn write(&mut self, position: u64, data: &[u8]) -> Result<(), FsError> {
        if data.is_empty() {
            return Ok(());
        }
        let end = position.saturating_add(data.len() as u64);
        self.resize(|old| old.max(end), |file| file.write(position, data))
    }
    fn truncate(&mut self, size: u64) -> Result<(), FsError> {
        self.resize(|_| size, |file| file.truncate(size))
    }
    fn size(&mut self) -> Result<u64, FsError> {
        self.file.size()
    }
    fn flush(&mut self) -> Result<(), FsError> {
        self.file.flush()
    }
}
