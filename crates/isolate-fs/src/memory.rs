//! Files in memory.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::Bytes;

use crate::handler::slice;
use crate::path::{DEEPEST, content_type_of, depth, is_within, split, too_deep};
use crate::{
    DirectoryEntry, Estimate, FileData, FileMetadata, FileSystemHandler, FileWriter, FsError, FsErrorKind, SyncFile,
    SyncMode,
};

type Time = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Files in memory: nothing is left of them when the last clone is dropped. Clones are the same files, so a host can put
/// files in before a guest runs, and look at them afterwards.
///
/// Directories can be nested 100 deep. The memory is the host's, not the guest's, and so has a [`capacity`](Self::capacity) of its own: 64 MiB.
///
/// ```
/// use isolate_fs::MemoryFileSystem;
///
/// let files = MemoryFileSystem::new();
/// files.put("/notes/today.txt", "Buy milk.")?;
/// assert_eq!(files.get("/notes/today.txt")?, "Buy milk.");
/// # Ok::<_, isolate_fs::FsError>(())
/// ```
#[derive(Clone)]
pub struct MemoryFileSystem {
    tree: Arc<Mutex<Tree>>,
}

struct Tree {
    root: Directory,
    used: u64,
    capacity: u64,
    versions: u64,
    time: Time,
}

type Directory = BTreeMap<String, Node>;

enum Node {
    File(File),
    Directory(Directory),
}

#[derive(Default)]
struct File {
    data: Arc<Vec<u8>>,
    last_modified: i64,
    version: u64,
}

/// What an entry takes besides its contents, about.
fn overhead(name: &str) -> u64 {
    160 + name.len() as u64
}

fn size_of(node: &Node) -> u64 {
    match node {
        Node::File(file) => file.data.len() as u64,
        Node::Directory(entries) => entries.iter().map(|(name, node)| overhead(name) + size_of(node)).sum(),
    }
}

/// How many directories deep an entry is, itself included.
fn height(node: &Node) -> usize {
    match node {
        Node::File(_) => 0,
        Node::Directory(entries) => 1 + entries.values().map(height).max().unwrap_or(0),
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl Default for MemoryFileSystem {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryFileSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tree = self.tree();
        f.debug_struct("MemoryFileSystem").field("used", &tree.used).field("capacity", &tree.capacity).finish()
    }
}

impl MemoryFileSystem {
    /// No files yet.
    pub fn new() -> Self {
        let tree = Tree { root: Directory::new(), used: 0, capacity: 64 << 20, versions: 0, time: Arc::new(now) };
        Self { tree: Arc::new(Mutex::new(tree)) }
    }

    /// Sets how many bytes may be held: contents, those that are being written, and about 160 bytes for each entry.
    /// Default: 64 MiB. What is more is a `QuotaExceededError`.
    #[must_use]
    pub fn capacity(self, bytes: u64) -> Self {
        self.tree().capacity = bytes;
        self
    }

    /// Sets what the time is, in milliseconds since the Unix epoch: for runs that are to be the same each time.
    #[must_use]
    pub fn time(self, time: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        self.tree().time = Arc::new(time);
        self
    }

    fn tree(&self) -> MutexGuard<'_, Tree> {
        self.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a file in place, and the directories above it.
    ///
    /// # Errors
    /// If the path is not one, something else is there, or there is no room.
    pub fn put(&self, path: &str, data: impl Into<Vec<u8>>) -> Result<(), FsError> {
        if !crate::is_valid_path(path) {
            return Err(FsError::new(FsErrorKind::InvalidName, "The path is not allowed."));
        }
        let mut tree = self.tree();
        for (at, _) in path.match_indices('/').skip(1) {
            tree.make_directory(&path[..at])?;
        }
        tree.make_file(path)?;
        tree.replace(path, data.into())
    }

    /// The contents of a file.
    ///
    /// # Errors
    /// If there is none.
    pub fn get(&self, path: &str) -> Result<Bytes, FsError> {
        Ok(contents(&self.tree().file(path)?.data))
    }

    /// The paths of all files, in order.
    pub fn paths(&self) -> Vec<String> {
        fn add(directory: &Directory, path: &str, all: &mut Vec<String>) {
            for (name, node) in directory {
                let path = format!("{path}/{name}");
                match node {
                    Node::File(_) => all.push(path),
                    Node::Directory(entries) => add(entries, &path, all),
                }
            }
        }
        let mut all = Vec::new();
        add(&self.tree().root, "", &mut all);
        all
    }
}

/// The bytes, shared.
fn contents(data: &Arc<Vec<u8>>) -> Bytes {
    struct Shared(Arc<Vec<u8>>);
    impl AsRef<[u8]> for Shared {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    Bytes::from_owner(Shared(data.clone()))
}

impl Tree {
    fn directory(&mut self, path: &str) -> Result<&mut Directory, FsError> {
        let mut here = &mut self.root;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            here = match here.get_mut(name) {
                Some(Node::Directory(entries)) => entries,
                Some(Node::File(_)) => return Err(FsError::is_file()),
                None => return Err(FsError::not_found()),
            };
        }
        Ok(here)
    }

    /// The directory that an entry is in, and its name.
    fn place<'p>(&mut self, path: &'p str) -> Result<(&mut Directory, &'p str), FsError> {
        let (directory, name) = split(path).ok_or_else(FsError::is_directory)?;
        // A file on the way is as good as nothing.
        match self.directory(directory) {
            Ok(directory) => Ok((directory, name)),
            Err(_) => Err(FsError::not_found()),
        }
    }

    fn file(&mut self, path: &str) -> Result<&mut File, FsError> {
        let (directory, name) = self.place(path)?;
        match directory.get_mut(name) {
            Some(Node::File(file)) => Ok(file),
            Some(Node::Directory(_)) => Err(FsError::is_directory()),
            None => Err(FsError::not_found()),
        }
    }

    /// Counts so many bytes more.
    fn reserve(&mut self, bytes: u64) -> Result<(), FsError> {
        match self.used.checked_add(bytes) {
            Some(used) if used <= self.capacity => {
                self.used = used;
                Ok(())
            }
            _ => Err(FsError::no_room()),
        }
    }

    fn release(&mut self, bytes: u64) {
        self.used = self.used.saturating_sub(bytes);
    }

    fn make_file(&mut self, path: &str) -> Result<(), FsError> {
        let (directory, name) = self.place(path)?;
        match directory.get(name) {
            Some(Node::File(_)) => return Ok(()),
            Some(Node::Directory(_)) => return Err(FsError::is_directory()),
            None => {}
        }
        self.reserve(overhead(name))?;
        let last_modified = (self.time)();
        let file = File { last_modified, ..File::default() };
        self.place(path)?.0.insert(name.to_owned(), Node::File(file));
        Ok(())
    }

    fn make_directory(&mut self, path: &str) -> Result<(), FsError> {
        if path == "/" {
            return Ok(());
        }
        let (directory, name) = self.place(path)?;
        match directory.get(name) {
            Some(Node::Directory(_)) => return Ok(()),
            Some(Node::File(_)) => return Err(FsError::is_file()),
            None => {}
        }
        if depth(path) > DEEPEST {
            return Err(too_deep());
        }
        self.reserve(overhead(name))?;
        self.place(path)?.0.insert(name.to_owned(), Node::Directory(Directory::new()));
        Ok(())
    }

    /// Changes the contents of a file, whose size becomes `size`.
    fn change(&mut self, path: &str, size: u64, change: impl FnOnce(&mut Vec<u8>)) -> Result<(), FsError> {
        let old = self.file(path)?.data.len() as u64;
        let size = usize::try_from(size).map_err(|_| FsError::no_room())?;
        if size as u64 > old {
            self.reserve(size as u64 - old)?;
        }
        self.versions += 1;
        let (version, last_modified) = (self.versions, (self.time)());
        let file = self.file(path)?;
        change(Arc::make_mut(&mut file.data));
        (file.version, file.last_modified) = (version, last_modified);
        let new = file.data.len() as u64;
        self.release(old.max(size as u64) - new);
        Ok(())
    }

    fn replace(&mut self, path: &str, data: Vec<u8>) -> Result<(), FsError> {
        self.change(path, data.len() as u64, |contents| *contents = data)
    }

    fn write(&mut self, path: &str, position: u64, data: &[u8]) -> Result<(), FsError> {
        let old = self.file(path)?.data.len() as u64;
        if data.is_empty() {
            return Ok(());
        }
        let end = position.checked_add(data.len() as u64).ok_or_else(FsError::no_room)?;
        self.change(path, old.max(end), |contents| put(contents, position as usize, data))
    }

    fn truncate(&mut self, path: &str, size: u64) -> Result<(), FsError> {
        self.change(path, size, |contents| {
            contents.resize(size as usize, 0);
            contents.shrink_to_fit();
        })
    }
}

/// Writes into a buffer, with zeros up to the position.
pub(crate) fn put(contents: &mut Vec<u8>, position: usize, data: &[u8]) {
    if contents.len() < position {
        contents.resize(position, 0);
    }
    let within = data.len().min(contents.len() - position);
    contents[position..position + within].copy_from_slice(&data[..within]);
    contents.extend_from_slice(&data[within..]);
}

fn metadata(path: &str, file: &File) -> FileMetadata {
    FileMetadata::new(file.data.len() as u64, file.last_modified)
        .content_type(content_type_of(path))
        .version(file.version.to_string())
}

#[async_trait]
impl FileSystemHandler for MemoryFileSystem {
    async fn get_file_handle(&self, path: &str, create: bool) -> Result<(), FsError> {
        let mut tree = self.tree();
        match tree.file(path) {
            Err(e) if create && e.kind() == FsErrorKind::NotFound => tree.make_file(path),
            found => found.map(drop),
        }
    }

    async fn get_directory_handle(&self, path: &str, create: bool) -> Result<(), FsError> {
        let mut tree = self.tree();
        match tree.directory(path) {
            Err(e) if create && e.kind() == FsErrorKind::NotFound => tree.make_directory(path),
            found => found.map(drop),
        }
    }

    async fn remove_entry(&self, path: &str, recursive: bool) -> Result<(), FsError> {
        let mut tree = self.tree();
        if path == "/" {
            if !recursive && !tree.root.is_empty() {
                return Err(FsError::not_empty());
            }
            let freed: u64 = tree.root.iter().map(|(name, node)| overhead(name) + size_of(node)).sum();
            tree.root.clear();
            tree.release(freed);
            return Ok(());
        }
        let (directory, name) = tree.place(path)?;
        match directory.get(name) {
            None => return Err(FsError::not_found()),
            Some(Node::Directory(entries)) if !recursive && !entries.is_empty() => return Err(FsError::not_empty()),
            Some(_) => {}
        }
        if let Some(node) = directory.remove(name) {
            tree.release(overhead(name) + size_of(&node));
        }
        Ok(())
    }

    async fn read_directory(&self, path: &str) -> Result<Vec<DirectoryEntry>, FsError> {
        let mut tree = self.tree();
        let entries = tree.directory(path)?.iter().map(|(name, node)| match node {
            Node::File(_) => DirectoryEntry::file(name),
            Node::Directory(_) => DirectoryEntry::directory(name),
        });
        Ok(entries.collect())
    }

    async fn read_file(&self, path: &str) -> Result<FileData, FsError> {
        let mut tree = self.tree();
        let file = tree.file(path)?;
        Ok(FileData { data: contents(&file.data), metadata: metadata(path, file) })
    }

    async fn write_file(&self, path: &str, data: Bytes, position: Option<u64>) -> Result<(), FsError> {
        let mut tree = self.tree();
        match position {
            None => tree.replace(path, data.into()),
            Some(position) => tree.write(path, position, &data),
        }
    }

    async fn truncate_file(&self, path: &str, size: u64) -> Result<(), FsError> {
        self.tree().truncate(path, size)
    }

    async fn get_file_metadata(&self, path: &str) -> Result<FileMetadata, FsError> {
        Ok(metadata(path, self.tree().file(path)?))
    }

    async fn read_range(&self, path: &str, range: Range<u64>, seen: &FileMetadata) -> Result<Bytes, FsError> {
        let mut tree = self.tree();
        let file = tree.file(path)?;
        match metadata(path, file).is_same(seen) {
            true => slice(&contents(&file.data), range),
            false => Err(FsError::changed()),
        }
    }

    async fn open_writer(&self, path: &str, keep: bool) -> Result<Option<Box<dyn FileWriter>>, FsError> {
        let mut tree = self.tree();
        let data = tree.file(path)?.data.clone();
        let mut writer = Writer { files: self.clone(), path: path.to_owned(), data: Vec::new() };
        if keep {
            tree.reserve(data.len() as u64)?;
            writer.data = data.to_vec();
        }
        Ok(Some(Box::new(writer)))
    }

    async fn open_sync(&self, path: &str, _mode: SyncMode) -> Result<Option<Box<dyn SyncFile + Send>>, FsError> {
        self.tree().file(path)?;
        Ok(Some(Box::new(Access { files: self.clone(), path: path.to_owned() })))
    }

    async fn rename(&self, from: &str, to: &str) -> Result<(), FsError> {
        let mut tree = self.tree();
        let invalid = |message| Err(FsError::new(FsErrorKind::InvalidModification, message));
        if from == "/" {
            return invalid("The root cannot be moved.");
        }
        let (directory, name) = tree.place(from)?;
        let (is_file, levels) = match directory.get(name) {
            None => return Err(FsError::not_found()),
            Some(node) => (matches!(node, Node::File(_)), height(node)),
        };
        if from == to {
            return Ok(());
        }
        if is_within(to, from) {
            return invalid("A directory cannot be moved into itself.");
        }
        if levels > 0 && depth(to) + levels - 1 > DEEPEST {
            return Err(too_deep());
        }
        let (target, new_name) = tree.place(to)?;
        match target.get(new_name) {
            None => {}
            Some(Node::File(_)) if is_file => {}
            Some(_) => return invalid("There is something else in the new place."),
        }
        let longer = (new_name.len() as u64).saturating_sub(name.len() as u64);
        tree.reserve(longer)?;
        let Some(node) = tree.place(from)?.0.remove(name) else { return Err(FsError::not_found()) };
        let replaced = tree.place(to)?.0.insert(new_name.to_owned(), node);
        let freed = replaced.map_or(0, |old| overhead(new_name) + size_of(&old));
        tree.release(freed + (name.len() as u64).saturating_sub(new_name.len() as u64));
        Ok(())
    }

    async fn estimate(&self) -> Result<Estimate, FsError> {
        let tree = self.tree();
        Ok(Estimate { usage: tree.used, quota: Some(tree.capacity) })
    }
}

/// New contents while they are written. They count as used.
struct Writer {
    files: MemoryFileSystem,
    path: String,
    data: Vec<u8>,
}

impl Writer {
    fn grow(&self, size: u64) -> Result<(), FsError> {
        self.files.tree().reserve(size.saturating_sub(self.data.len() as u64))
    }
}

#[async_trait]
impl FileWriter for Writer {
    async fn write(&mut self, position: u64, data: Bytes) -> Result<(), FsError> {
        if data.is_empty() {
            return Ok(());
        }
        let end = position.checked_add(data.len() as u64).ok_or_else(FsError::no_room)?;
        self.grow(end)?;
        put(&mut self.data, position as usize, &data);
        Ok(())
    }

    async fn truncate(&mut self, size: u64) -> Result<(), FsError> {
        self.grow(size)?;
        let old = self.data.len() as u64;
        self.data.resize(size as usize, 0);
        self.files.tree().release(old.saturating_sub(size));
        Ok(())
    }

    async fn close(mut self: Box<Self>) -> Result<(), FsError> {
        let data = std::mem::take(&mut self.data);
        let mut tree = self.files.tree();
        tree.release(data.len() as u64);
        tree.make_file(&self.path)?;
        tree.replace(&self.path, data)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.files.tree().release(self.data.len() as u64);
    }
}

struct Access {
    files: MemoryFileSystem,
    path: String,
}

impl SyncFile for Access {
    fn read(&mut self, position: u64, buffer: &mut [u8]) -> Result<usize, FsError> {
        let mut tree = self.files.tree();
        let data = &tree.file(&self.path)?.data;
        let start = usize::try_from(position).unwrap_or(usize::MAX).min(data.len());
        let length = buffer.len().min(data.len() - start);
        buffer[..length].copy_from_slice(&data[start..start + length]);
        Ok(length)
    }

    fn write(&mut self, position: u64, data: &[u8]) -> Result<(), FsError> {
        self.files.tree().write(&self.path, position, data)
    }

    fn truncate(&mut self, size: u64) -> Result<(), FsError> {
        self.files.tree().truncate(&self.path, size)
    }

    fn size(&mut self) -> Result<u64, FsError> {
        Ok(self.files.tree().file(&self.path)?.data.len() as u64)
    }

    fn flush(&mut self) -> Result<(), FsError> {
        Ok(())
    }
}
