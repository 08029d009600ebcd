//! Handlers over other handlers: read-only ones, and several under one root.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::handler::{Here, move_entry};
use crate::path::{is_valid_path, is_within, split};
use crate::{
    DirectoryEntry, Estimate, FileData, FileMetadata, FileSystemHandler, FileWriter, FsError, FsErrorKind, SyncFile,
    SyncMode, Usage,
};

/// Files that can be read and nothing else: whatever would change them is a `NotAllowedError`.
#[derive(Clone, Debug)]
pub struct ReadOnlyFileSystem<H>(H);

impl<H: FileSystemHandler> ReadOnlyFileSystem<H> {
    /// Over these files.
    pub fn new(files: H) -> Self {
        Self(files)
    }
}

#[async_trait]
impl<H: FileSystemHandler> FileSystemHandler for ReadOnlyFileSystem<H> {
    async fn get_file_handle(&self, path: &str, create: bool) -> Result<(), FsError> {
        match self.0.get_file_handle(path, false).await {
            Err(e) if create && e.kind() == FsErrorKind::NotFound => Err(FsError::read_only()),
            found => found,
        }
    }
    async fn get_directory_handle(&self, path: &str, create: bool) -> Result<(), FsError> {
        match self.0.get_directory_handle(path, false).await {
            Err(e) if create && e.kind() == FsErrorKind::NotFound => Err(FsError::read_only()),
            found => found,
        }
    }
    async fn remove_entry(&self, _path: &str, _recursive: bool) -> Result<(), FsError> {
        Err(FsError::read_only())
    }
    async fn read_directory(&self, path: &str) -> Result<Vec<DirectoryEntry>, FsError> {
        self.0.read_directory(path).await
    }
    async fn read_file(&self, path: &str) -> Result<FileData, FsError> {
        self.0.read_file(path).await
    }
    async fn write_file(&self, _path: &str, _data: Bytes, _position: Option<u64>) -> Result<(), FsError> {
        Err(FsError::read_only())
    }
    async fn truncate_file(&self, _path: &str, _size: u64) -> Result<(), FsError> {
        Err(FsError::read_only())
    }
    async fn get_file_metadata(&self, path: &str) -> Result<FileMetadata, FsError> {
        self.0.get_file_metadata(path).await
    }
    async fn read_range(&self, path: &str, range: Range<u64>, metadata: &FileMetadata) -> Result<Bytes, FsError> {
        self.0.read_range(path, range, metadata).await
    }
    async fn open_writer(&self, _path: &str, _keep: bool) -> Result<Option<Box<dyn FileWriter>>, FsError> {
        Err(FsError::read_only())
    }
    async fn open_sync(&self, path: &str, mode: SyncMode) -> Result<Option<Box<dyn SyncFile + Send>>, FsError> {
        match mode {
            SyncMode::ReadOnly => self.0.open_sync(path, mode).await,
            _ => Err(FsError::read_only()),
        }
    }
    async fn rename(&self, _from: &str, _to: &str) -> Result<(), FsError> {
        Err(FsError::read_only())
    }
    async fn measure(&self, path: &str) -> Result<Usage, FsError> {
        self.0.measure(path).await
    }
    async fn estimate(&self) -> Result<Estimate, FsError> {
        self.0.estimate().await
    }
    fn is_writable(&self, _path: &str) -> bool {
        false
    }
}

#[async_trait]
impl<H: FileSystemHandler + ?Sized> FileSystemHandler for Arc<H> {
    async fn get_file_handle(&self, path: &str, create: bool) -> Result<(), FsError> {
        (**self).get_file_handle(path, create).await
    }
    async fn get_directory_handle(&self, path: &str, create: bool) -> Result<(), FsError> {
        (**self).get_directory_handle(path, create).await
    }
    async fn remove_entry(&self, path: &str, recursive: bool) -> Result<(), FsError> {
        (**self).remove_entry(path, recursive).await
    }
    async fn read_directory(&self, path: &str) -> Result<Vec<DirectoryEntry>, FsError> {
        (**self).read_directory(path).await
    }
    async fn read_file(&self, path: &str) -> Result<FileData, FsError> {
        (**self).read_file(path).await
    }
    async fn write_file(&self, path: &str, data: Bytes, position: Option<u64>) -> Result<(), FsError> {
        (**self).write_file(path, data, position).await
    }
    async fn truncate_file(&self, path: &str, size: u64) -> Result<(), FsError> {
        (**self).truncate_file(path, size).await
    }
    async fn get_file_metadata(&self, path: &str) -> Result<FileMetadata, FsError> {
        (**self).get_file_metadata(path).await
    }
    async fn read_range(&self, path: &str, range: Range<u64>, metadata: &FileMetadata) -> Result<Bytes, FsError> {
        (**self).read_range(path, range, metadata).await
    }
    async fn open_writer(&self, path: &str, keep: bool) -> Result<Option<Box<dyn FileWriter>>, FsError> {
        (**self).open_writer(path, keep).await
    }
    async fn open_sync(&self, path: &str, mode: SyncMode) -> Result<Option<Box<dyn SyncFile + Send>>, FsError> {
        (**self).open_sync(path, mode).await
    }
    async fn rename(&self, from: &str, to: &str) -> Result<(), FsError> {
        (**self).rename(from, to).await
    }
    async fn measure(&self, path: &str) -> Result<Usage, FsError> {
        (**self).measure(path).await
    }
    async fn estimate(&self) -> Result<Estimate, FsError> {
        (**self).estimate().await
    }
    fn is_writable(&self, path: &str) -> bool {
        (**self).is_writable(path)
    }
}

/// Several handlers under one root, each at a path. The directories above them are there to be looked at, and nothing can be
/// made in them.
///
/// ```
/// use isolate_fs::{MemoryFileSystem, MountedFileSystem, ReadOnlyFileSystem};
///
/// let data = MemoryFileSystem::new();
/// let files = MountedFileSystem::new()
///     .mount("/data", ReadOnlyFileSystem::new(data))?
///     .mount("/tmp", MemoryFileSystem::new())?;
/// # Ok::<_, isolate_fs::FsError>(())
/// ```
#[derive(Clone, Default)]
pub struct MountedFileSystem {
    mounts: BTreeMap<String, Arc<dyn FileSystemHandler>>,
}

impl fmt::Debug for MountedFileSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.mounts.keys()).finish()
    }
}

/// Where a path leads.
enum Place<'a> {
    /// Into a handler, by its own path.
    Within(&'a Arc<dyn FileSystemHandler>, &'a str, String),
    /// To a directory above some.
    Above,
    Nowhere,
}

impl MountedFileSystem {
    /// Nothing but an empty root.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a handler at a path, `/` for the root. What another one has at this path cannot be seen any more.
    ///
    /// # Errors
    /// If the path is not one, or is taken.
    pub fn mount(mut self, path: &str, files: impl FileSystemHandler) -> Result<Self, FsError> {
        if !is_valid_path(path) {
            return Err(FsError::new(FsErrorKind::InvalidName, format!("'{path}' is not a path such as /data.")));
        }
        if self.mounts.insert(path.to_owned(), Arc::new(files)).is_some() {
            return Err(FsError::new(FsErrorKind::InvalidModification, format!("'{path}' is given twice.")));
        }
        Ok(self)
    }

    fn place(&self, path: &str) -> Place<'_> {
        let mut here = path;
        loop {
            if let Some((mount, files)) = self.mounts.get_key_value(here) {
                let within = if mount == "/" { path } else { &path[mount.len()..] };
                return Place::Within(files, mount, if within.is_empty() { "/".to_owned() } else { within.to_owned() });
            }
            match split(here) {
                Some((directory, _)) => here = directory,
                None => break,
            }
        }
        match path == "/" || self.mounts.keys().any(|mount| is_within(mount, path)) {
            true => Place::Above,
            false => Place::Nowhere,
        }
    }

    /// Whether an entry is one that holds the tree together.
    fn holds(&self, path: &str) -> bool {
        self.mounts.keys().any(|mount| is_within(mount, path))
    }

    /// The names that mounts below a path have in its directory.
    fn below<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a str> {
        self.mounts.keys().filter_map(move |mount| {
            let rest = if path == "/" { mount.strip_prefix('/') } else { mount.strip_prefix(path)?.strip_prefix('/') };
            rest.and_then(|rest| rest.split('/').next()).filter(|name| !name.is_empty())
        })
    }

    fn file<'a>(&'a self, path: &str) -> Result<(&'a Arc<dyn FileSystemHandler>, String), FsError> {
        match self.place(path) {
            Place::Within(files, _, path) => Ok((files, path)),
            Place::Above => Err(FsError::is_directory()),
            Place::Nowhere => Err(FsError::not_found()),
        }
    }
}

fn fixed() -> FsError {
    FsError::new(FsErrorKind::NotAllowed, "The host has put this directory here.")
}

#[async_trait]
impl FileSystemHandler for MountedFileSystem {
    async fn get_file_handle(&self, path: &str, create: bool) -> Result<(), FsError> {
        if self.holds(path) {
            return Err(FsError::is_directory());
        }
        match self.place(path) {
            Place::Within(files, _, path) => files.get_file_handle(&path, create).await,
            _ => Err(if create { fixed() } else { FsError::not_found() }),
        }
    }
    async fn get_directory_handle(&self, path: &str, create: bool) -> Result<(), FsError> {
        match self.place(path) {
            _ if self.holds(path) => Ok(()),
            Place::Within(files, _, path) => files.get_directory_handle(&path, create).await,
            Place::Above => Ok(()),
            Place::Nowhere => Err(if create { fixed() } else { FsError::not_found() }),
        }
    }
    async fn remove_entry(&self, path: &str, recursive: bool) -> Result<(), FsError> {
        if self.holds(path) {
            return Err(fixed());
        }
        let (files, path) = self.file(path)?;
        files.remove_entry(&path, recursive).await
    }
    async fn read_directory(&self, path: &str) -> Result<Vec<DirectoryEntry>, FsError> {
        let mut names: BTreeMap<String, DirectoryEntry> = BTreeMap::new();
        match self.place(path) {
            Place::Within(files, _, inner) => match files.read_directory(&inner).await {
                Ok(entries) => names.extend(entries.into_iter().map(|entry| (entry.name.clone(), entry))),
                Err(e) if e.kind() == FsErrorKind::NotFound && self.holds(path) => {}
                Err(e) => return Err(e),
            },
            Place::Above => {}
            Place::Nowhere => return Err(FsError::not_found()),
        }
        names.extend(self.below(path).map(|name| (name.to_owned(), DirectoryEntry::directory(name))));
        Ok(names.into_values().collect())
    }
    async fn read_file(&self, path: &str) -> Result<FileData, FsError> {
        let (files, path) = self.file(path)?;
        files.read_file(&path).await
    }
    async fn write_file(&self, path: &str, data: Bytes, position: Option<u64>) -> Result<(), FsError> {
        let (files, path) = self.file(path)?;
        files.write_file(&path, data, position).await
    }
    async fn truncate_file(&self, path: &str, size: u64) -> Result<(), FsError> {
        let (files, path) = self.file(path)?;
        files.truncate_file(&path, size).await
    }
    async fn get_file_metadata(&self, path: &str) -> Result<FileMetadata, FsError> {
        let (files, path) = self.file(path)?;
        files.get_file_metadata(&path).await
    }
    async fn read_range(&self, path: &str, range: Range<u64>, metadata: &FileMetadata) -> Result<Bytes, FsError> {
        let (files, path) = self.file(path)?;
        files.read_range(&path, range, metadata).await
    }
    async fn open_writer(&self, path: &str, keep: bool) -> Result<Option<Box<dyn FileWriter>>, FsError> {
        let (files, path) = self.file(path)?;
        files.open_writer(&path, keep).await
    }
    async fn open_sync(&self, path: &str, mode: SyncMode) -> Result<Option<Box<dyn SyncFile + Send>>, FsError> {
        let (files, path) = self.file(path)?;
        files.open_sync(&path, mode).await
    }
    async fn rename(&self, from: &str, to: &str) -> Result<(), FsError> {
        if self.holds(from) || self.holds(to) {
            return Err(fixed());
        }
        match (self.place(from), self.place(to)) {
            (Place::Within(_, one, from), Place::Within(files, other, to)) if one == other => {
                files.rename(&from, &to).await
            }
            (Place::Within(source, _, from), Place::Within(target, _, to)) => {
                move_entry(&Here(&**source), &from, &Here(&**target), &to).await
            }
            (Place::Within(..), Place::Above) | (Place::Above, _) => Err(fixed()),
            _ => Err(FsError::not_found()),
        }
    }
    async fn estimate(&self) -> Result<Estimate, FsError> {
        let mut all = Estimate { usage: 0, quota: Some(0) };
        for files in self.mounts.values() {
            let Estimate { usage, quota } = files.estimate().await?;
            all.usage = all.usage.saturating_add(usage);
            all.quota = all.quota.zip(quota).map(|(a, b)| a.saturating_add(b));
        }
        Ok(all)
    }
    fn is_writable(&self, path: &str) -> bool {
        match self.place(path) {
            Place::Within(files, _, path) => files.is_writable(&path),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryFileSystem;

    #[test]
    fn places() {
        let files = MountedFileSystem::new()
            .mount("/a/b", MemoryFileSystem::new())
            .and_then(|files| files.mount("/a/b/c", MemoryFileSystem::new()))
            .unwrap();
        let show = |path: &str| match files.place(path) {
            Place::Within(_, mount, path) => format!("{mount} {path}"),
            Place::Above => "above".to_owned(),
            Place::Nowhere => "nowhere".to_owned(),
        };
        let all = ["/", "/a", "/a/b", "/a/b/x", "/a/b/c", "/a/b/c/d", "/a/bc", "/x"].map(show).join("; ");
        assert_eq!(all, "above; above; /a/b /; /a/b /x; /a/b/c /; /a/b/c /d; nowhere; nowhere");
        assert_eq!(files.below("/").collect::<Vec<_>>(), ["a", "a"]);
        assert_eq!(files.below("/a/b").collect::<Vec<_>>(), ["c"]);
        let e = MountedFileSystem::new().mount("data", MemoryFileSystem::new()).unwrap_err();
        assert_eq!(e.kind(), FsErrorKind::InvalidName);
    }
}
