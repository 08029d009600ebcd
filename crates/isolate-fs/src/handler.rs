//! Who keeps the guest's files.

use std::fmt;
use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;

use crate::path::{is_within, join};
use crate::{FsError, FsErrorKind};

/// What an entry of a directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntryKind {
    /// A file.
    File,
    /// A directory.
    Directory,
}

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DirectoryEntry {
    /// Its name, without the path before it.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
}

impl DirectoryEntry {
    /// Of a file.
    pub fn file(name: impl Into<String>) -> Self {
        Self { name: name.into(), kind: EntryKind::File }
    }

    /// Of a directory.
    pub fn directory(name: impl Into<String>) -> Self {
        Self { name: name.into(), kind: EntryKind::Directory }
    }
}

/// What is known of a file without reading it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileMetadata {
    /// Bytes.
    pub size: u64,
    /// When it was last changed, in milliseconds since the Unix epoch.
    pub last_modified: i64,
    /// The MIME type; empty when it is not known.
    pub content_type: String,
    /// Something that is another when the contents are, such as an entity tag. Without it `size` and `last_modified` tell.
    pub version: Option<String>,
}

impl FileMetadata {
    /// Of a size and a time, without type and version.
    pub fn new(size: u64, last_modified: i64) -> Self {
        Self { size, last_modified, ..Self::default() }
    }

    /// Sets the MIME type.
    #[must_use]
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = content_type.into();
        self
    }

    /// Sets the version.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// Whether this is of the same contents, as far as can be told.
    pub fn is_same(&self, other: &Self) -> bool {
        match (&self.version, &other.version) {
            (Some(a), Some(b)) => a == b,
            _ => (self.size, self.last_modified) == (other.size, other.last_modified),
        }
    }
}

/// A file that was read whole.
#[derive(Clone, Debug)]
pub struct FileData {
    /// The contents.
    pub data: Bytes,
    /// What is known of them.
    pub metadata: FileMetadata,
}

/// How much is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Bytes in use.
    pub usage: u64,
    /// Bytes that may be in use, or `None` if nobody knows.
    pub quota: Option<u64>,
}

/// What an entry takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of all files.
    pub bytes: u64,
    /// Files and directories, the entry itself included if it is not the root.
    pub entries: u64,
}

/// How a file is opened for synchronous access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SyncMode {
    /// To read and to write, alone.
    ReadWrite,
    /// To read, with others that read.
    ReadOnly,
    /// To read and to write, with others that do.
    ReadWriteUnsafe,
}

/// New contents of a file while they are written. Nobody sees them before [`close`](Self::close); dropping the writer leaves
/// the file as it was.
#[async_trait]
pub trait FileWriter: Send {
    /// Writes data at a position, in bytes. What lies between the end and the position becomes zeros. A writer may go on while
    /// the data is still written, and tell of a failure at the next call.
    ///
    /// # Errors
    /// [`FsErrorKind::QuotaExceeded`] when there is no room; then nothing of the data may be there, or a part of it.
    async fn write(&mut self, position: u64, data: Bytes) -> Result<(), FsError>;

    /// Sets the size, in bytes: cuts off, or adds zeros.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    async fn truncate(&mut self, size: u64) -> Result<(), FsError>;

    /// Puts the new contents in the file's place, all at once.
    ///
    /// # Errors
    /// When that is not possible; the file is as it was then.
    async fn close(self: Box<Self>) -> Result<(), FsError>;
}

/// A file that is open for synchronous access. Calls come from the guest's thread, which waits for them.
pub trait SyncFile {
    /// Reads bytes from a position on, as many as there are and fit, and says how many.
    ///
    /// # Errors
    /// When that is not possible.
    fn read(&mut self, position: u64, buffer: &mut [u8]) -> Result<usize, FsError>;

    /// Writes all data at a position. What lies between the end and the position becomes zeros.
    ///
    /// # Errors
    /// [`FsErrorKind::QuotaExceeded`] when there is no room.
    fn write(&mut self, position: u64, data: &[u8]) -> Result<(), FsError>;

    /// Sets the size: cuts off, or adds zeros.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    fn truncate(&mut self, size: u64) -> Result<(), FsError>;

    /// The size in bytes.
    ///
    /// # Errors
    /// When it cannot be had.
    fn size(&mut self) -> Result<u64, FsError>;

    /// Makes what was written durable.
    ///
    /// # Errors
    /// When that is not possible.
    fn flush(&mut self) -> Result<(), FsError>;
}

/// Keeps the guest's files.
///
/// Paths are full ones: `/` is the root, `/notes/today.txt` a file in a directory. They begin with a slash, do not end in
/// one, and no part of them is empty, `.` or `..` or holds a slash, a backslash or a NUL; that much is checked before a
/// handler is called. Handlers do not keep state about handles: guests may keep one of an entry that is gone.
///
/// The first eight operations are needed. What follows them has a body that makes do with those eight, and can be
/// overridden by a handler that knows better. Futures are polled on the guest's thread, inside of Tokio, and dropped when the
/// guest goes: what takes long belongs on `tokio::task::spawn_blocking`.
///
/// `isolate_test_utils::check_file_system` checks a handler against all that is said here.
#[async_trait]
pub trait FileSystemHandler: Send + Sync + 'static {
    /// Looks for a file, and makes an empty one if there is none and `create` is set. Directories on the way are not made.
    ///
    /// # Errors
    /// [`FsErrorKind::NotFound`], [`FsErrorKind::TypeMismatch`] if it is a directory.
    async fn get_file_handle(&self, path: &str, create: bool) -> Result<(), FsError>;

    /// Looks for a directory, and makes one if there is none and `create` is set. Those on the way are not made.
    ///
    /// # Errors
    /// [`FsErrorKind::NotFound`], [`FsErrorKind::TypeMismatch`] if it is a file.
    async fn get_directory_handle(&self, path: &str, create: bool) -> Result<(), FsError>;

    /// Removes a file or a directory; one that is not empty only if `recursive` is set.
    ///
    /// # Errors
    /// [`FsErrorKind::NotFound`], [`FsErrorKind::InvalidModification`] for a directory that is not empty.
    async fn remove_entry(&self, path: &str, recursive: bool) -> Result<(), FsError>;

    /// The entries of a directory, in any order.
    ///
    /// # Errors
    /// [`FsErrorKind::NotFound`], [`FsErrorKind::TypeMismatch`] if it is a file.
    async fn read_directory(&self, path: &str) -> Result<Vec<DirectoryEntry>, FsError>;

    /// Reads a file whole.
    ///
    /// # Errors
    /// [`FsErrorKind::NotFound`], [`FsErrorKind::TypeMismatch`] if it is a directory.
    async fn read_file(&self, path: &str) -> Result<FileData, FsError>;

    /// Writes into a file that is there: at a position, with zeros between the end and it, or, without one, in place of all
    /// that is there.
    ///
    /// # Errors
    /// [`FsErrorKind::NotFound`], [`FsErrorKind::TypeMismatch`] if it is a directory, [`FsErrorKind::QuotaExceeded`].
    async fn write_file(&self, path: &str, data: Bytes, position: Option<u64>) -> Result<(), FsError>;

    /// Sets the size of a file: cuts off, or adds zeros.
    ///
    /// # Errors
    /// As [`write_file`](Self::write_file).
    async fn truncate_file(&self, path: &str, size: u64) -> Result<(), FsError>;

    /// What is known of a file.
    ///
    /// # Errors
    /// [`FsErrorKind::NotFound`], [`FsErrorKind::TypeMismatch`] if it is a directory.
    async fn get_file_metadata(&self, path: &str) -> Result<FileMetadata, FsError>;

    /// Reads a part of a file that is still what `metadata` says, which [`get_file_metadata`](Self::get_file_metadata) gave.
    /// The range lies within its size.
    ///
    /// Provided: reads the whole file and takes the part.
    ///
    /// # Errors
    /// As [`read_file`](Self::read_file), and [`FsErrorKind::NotReadable`] if the file has changed.
    async fn read_range(&self, path: &str, range: Range<u64>, metadata: &FileMetadata) -> Result<Bytes, FsError> {
        let file = self.read_file(path).await?;
        if !file.metadata.is_same(metadata) {
            return Err(FsError::changed());
        }
        slice(&file.data, range)
    }

    /// Opens a file that is there to write new contents, which begin as a copy of the present ones if `keep` is set, or else
    /// empty.
    ///
    /// Provided: `None`. What the guest writes is collected in memory then, counted as the guest's, and handed over to
    /// [`write_file`](Self::write_file) when it closes the stream.
    ///
    /// # Errors
    /// As [`write_file`](Self::write_file).
    async fn open_writer(&self, path: &str, keep: bool) -> Result<Option<Box<dyn FileWriter>>, FsError> {
        let _ = (path, keep);
        Ok(None)
    }

    /// Opens a file that is there for synchronous access.
    ///
    /// Provided: `None`. The file is read into memory then, counted as the guest's, and handed over to
    /// [`write_file`](Self::write_file) when the guest flushes or closes it.
    ///
    /// # Errors
    /// As [`write_file`](Self::write_file).
    async fn open_sync(&self, path: &str, mode: SyncMode) -> Result<Option<Box<dyn SyncFile + Send>>, FsError> {
        let _ = (path, mode);
        Ok(None)
    }

    /// Moves an entry. A file that is in the new place is replaced; a directory there is an error, and so is a new place
    /// within the entry itself.
    ///
    /// Provided: copies the entry and removes the old one, which others can see happen.
    ///
    /// # Errors
    /// [`FsErrorKind::NotFound`] if there is no such entry, or no directory to put it in; [`FsErrorKind::InvalidModification`].
    async fn rename(&self, from: &str, to: &str) -> Result<(), FsError> {
        kind_of(&Here(self), from).await?.ok_or_else(FsError::not_found)?;
        if from == to {
            return Ok(());
        }
        if is_within(to, from) {
            return Err(FsError::new(FsErrorKind::InvalidModification, "A directory cannot be moved into itself."));
        }
        move_entry(&Here(self), from, &Here(self), to).await
    }

    /// What an entry takes with all that is below it. What goes away meanwhile does not count.
    ///
    /// Provided: looks at each entry.
    ///
    /// # Errors
    /// [`FsErrorKind::NotFound`].
    async fn measure(&self, path: &str) -> Result<Usage, FsError> {
        measure(&Here(self), path).await
    }

    /// How much is stored, and how much may be.
    ///
    /// Provided: what [`measure`](Self::measure) says of the root, and no quota.
    ///
    /// # Errors
    /// When that is not possible.
    async fn estimate(&self) -> Result<Estimate, FsError> {
        Ok(Estimate { usage: self.measure("/").await?.bytes, quota: None })
    }

    /// Whether entries below a path can be changed at all: what `queryPermission` says.
    fn is_writable(&self, path: &str) -> bool {
        let _ = path;
        true
    }
}

impl fmt::Debug for dyn FileSystemHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileSystemHandler")
    }
}

/// A part of what was read.
pub(crate) fn slice(data: &Bytes, range: Range<u64>) -> Result<Bytes, FsError> {
    match (usize::try_from(range.start), usize::try_from(range.end)) {
        (Ok(start), Ok(end)) if start <= end && end <= data.len() => Ok(data.slice(start..end)),
        _ => Err(FsError::changed()),
    }
}

/// The few operations that copying needs, of a handler that need not be sized.
#[async_trait]
pub(crate) trait Tree: Sync {
    async fn list(&self, path: &str) -> Result<Vec<DirectoryEntry>, FsError>;
    async fn metadata(&self, path: &str) -> Result<FileMetadata, FsError>;
    async fn make(&self, path: &str, kind: EntryKind) -> Result<(), FsError>;
    async fn read(&self, path: &str, range: Range<u64>, metadata: &FileMetadata) -> Result<Bytes, FsError>;
    async fn writer(&self, path: &str) -> Result<Option<Box<dyn FileWriter>>, FsError>;
    async fn write(&self, path: &str, data: Bytes, position: Option<u64>) -> Result<(), FsError>;
    async fn remove(&self, path: &str) -> Result<(), FsError>;
}

/// A handler as such a tree.
pub(crate) struct Here<'a, H: ?Sized>(pub(crate) &'a H);

#[async_trait]
impl<H: FileSystemHandler + ?Sized> Tree for Here<'_, H> {
    async fn list(&self, path: &str) -> Result<Vec<DirectoryEntry>, FsError> {
        self.0.read_directory(path).await
    }
    async fn metadata(&self, path: &str) -> Result<FileMetadata, FsError> {
        self.0.get_file_metadata(path).await
    }
    async fn make(&self, path: &str, kind: EntryKind) -> Result<(), FsError> {
        match kind {
            EntryKind::File => self.0.get_file_handle(path, true).await,
            EntryKind::Directory => self.0.get_directory_handle(path, true).await,
        }
    }
    async fn read(&self, path: &str, range: Range<u64>, metadata: &FileMetadata) -> Result<Bytes, FsError> {
        self.0.read_range(path, range, metadata).await
    }
    async fn writer(&self, path: &str) -> Result<Option<Box<dyn FileWriter>>, FsError> {
        self.0.open_writer(path, false).await
    }
    async fn write(&self, path: &str, data: Bytes, position: Option<u64>) -> Result<(), FsError> {
        self.0.write_file(path, data, position).await
    }
    async fn remove(&self, path: &str) -> Result<(), FsError> {
        self.0.remove_entry(path, true).await
    }
}

/// What there is at a path.
async fn kind_of(tree: &dyn Tree, path: &str) -> Result<Option<EntryKind>, FsError> {
    match tree.metadata(path).await {
        Ok(_) => Ok(Some(EntryKind::File)),
        Err(e) if e.kind() == FsErrorKind::TypeMismatch => Ok(Some(EntryKind::Directory)),
        Err(e) if e.kind() == FsErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// Moves an entry by copying it, and removing the old one when the new one is whole.
pub(crate) async fn move_entry(source: &dyn Tree, from: &str, target: &dyn Tree, to: &str) -> Result<(), FsError> {
    let kind = kind_of(source, from).await?.ok_or_else(FsError::not_found)?;
    match (kind_of(target, to).await?, kind) {
        (None, _) | (Some(EntryKind::File), EntryKind::File) => {}
        _ => return Err(FsError::new(FsErrorKind::InvalidModification, "There is something else in the new place.")),
    }
    // In the order that directories are made before what is in them.
    let mut waiting = vec![(from.to_owned(), to.to_owned(), kind)];
    while let Some((from, to, kind)) = waiting.pop() {
        match kind {
            EntryKind::File => copy_file(source, &from, target, &to).await?,
            EntryKind::Directory => {
                target.make(&to, kind).await?;
                for entry in source.list(&from).await? {
                    waiting.push((join(&from, &entry.name), join(&to, &entry.name), entry.kind));
                }
            }
        }
    }
    source.remove(from).await
}

async fn copy_file(source: &dyn Tree, from: &str, target: &dyn Tree, to: &str) -> Result<(), FsError> {
    /// Bytes that are held at once.
    const PIECE: u64 = 1 << 20;
    let metadata = source.metadata(from).await?;
    target.make(to, EntryKind::File).await?;
    let mut writer = target.writer(to).await?;
    if writer.is_none() {
        target.write(to, Bytes::new(), None).await?;
    }
    let mut at = 0;
    while at < metadata.size {
        let end = metadata.size.min(at + PIECE);
        let data = source.read(from, at..end, &metadata).await?;
        match &mut writer {
            Some(writer) => writer.write(at, data).await?,
            None => target.write(to, data, Some(at)).await?,
        }
        at = end;
    }
    match writer {
        Some(writer) => writer.close().await,
        None => Ok(()),
    }
}

async fn measure(tree: &dyn Tree, path: &str) -> Result<Usage, FsError> {
    let mut usage = Usage::default();
    let root = match path {
        "/" => EntryKind::Directory,
        _ => {
            usage.entries = 1;
            kind_of(tree, path).await?.ok_or_else(FsError::not_found)?
        }
    };
    let mut waiting = vec![(path.to_owned(), root)];
    while let Some((path, kind)) = waiting.pop() {
        let gone = |e: &FsError| matches!(e.kind(), FsErrorKind::NotFound | FsErrorKind::TypeMismatch);
        match kind {
            EntryKind::File => match tree.metadata(&path).await {
                Ok(metadata) => usage.bytes = usage.bytes.saturating_add(metadata.size),
                Err(e) if gone(&e) => {}
                Err(e) => return Err(e),
            },
            EntryKind::Directory => match tree.list(&path).await {
                Ok(entries) => {
                    usage.entries += entries.len() as u64;
                    waiting.extend(entries.into_iter().map(|entry| (join(&path, &entry.name), entry.kind)));
                }
                Err(e) if gone(&e) => {}
                Err(e) => return Err(e),
            },
        }
    }
    Ok(usage)
}
