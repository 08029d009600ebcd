//! The files of a real directory.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use async_trait::async_trait;
use bytes::Bytes;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, Metadata, OpenOptions};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::path::{DEEPEST, content_type_of, depth, is_valid_name, is_within, split, too_deep};
use crate::{
    DirectoryEntry, FileData, FileMetadata, FileSystemHandler, FileWriter, FsError, FsErrorKind, SyncFile, SyncMode,
    Usage,
};

/// The files of a directory of the host.
///
/// Nothing leads out of it: every path is walked from the open directory, one step at a time, by the operating system's own
/// means (`openat2` with `RESOLVE_BENEATH` where there is one), so neither `..`, nor an absolute or symbolic link, nor a race
/// with somebody who changes the tree, gets a guest anywhere else. Symbolic links that stay within the directory are followed
/// to read; nothing is written through one. Only regular files and directories can be seen: pipes, sockets and devices are
/// neither listed nor opened.
///
/// New contents are written to a temporary file beside the old one, which then takes its place: whoever looks sees the old
/// file or the new one, also after a crash. What a crash leaves lying around (`.isolate-….tmp`, which guests never see) is
/// removed when the directory is next listed.
///
/// Directories can be nested 100 deep: to remove a tree takes an open file of the process for each level.
///
/// Synchronous access writes in place, as the standard wants it. A file that has other names (hard links), which may be
/// outside, is not opened for it.
#[derive(Clone)]
pub struct DirectoryFileSystem {
    shared: Arc<Shared>,
}

struct Shared {
    root: Dir,
    durable: bool,
    /// Held while a tree is removed, which takes an open directory for each level, or moved, which makes it deeper.
    trees: Mutex<()>,
    /// Writes that nobody waits for yet.
    behind: Arc<Semaphore>,
}

/// How many writes may be under way that nobody waits for yet, each of about a mebibyte.
const BEHIND: usize = 16;

impl fmt::Debug for DirectoryFileSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirectoryFileSystem").finish_non_exhaustive()
    }
}

impl DirectoryFileSystem {
    /// Opens a directory.
    ///
    /// # Errors
    /// If there is none, or it may not be read.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        Ok(Self::of(Dir::open_ambient_dir(path, ambient_authority())?, false))
    }

    /// Takes a directory that is open already.
    pub fn from_file(directory: std::fs::File) -> Self {
        Self::of(Dir::from_std_file(directory), false)
    }

    fn of(root: Dir, durable: bool) -> Self {
        Self {
            shared: Arc::new(Shared {
                root,
                durable,
                trees: Mutex::default(),
                behind: Arc::new(Semaphore::new(BEHIND)),
            }),
        }
    }

    /// Sets whether a file is on the disk before it is said to be written, so that it survives a loss of power, too. Each
    /// write takes milliseconds then. Default: no.
    ///
    /// # Errors
    /// If the directory cannot be opened a second time.
    pub fn durable(self, durable: bool) -> io::Result<Self> {
        Ok(Self::of(self.shared.root.try_clone()?, durable))
    }

    /// Runs what the operating system may take its time for.
    async fn run<T: Send + 'static>(
        &self,
        path: &str,
        work: impl FnOnce(&Shared, &str) -> Result<T, FsError> + Send + 'static,
    ) -> Result<T, FsError> {
        let (shared, path) = (self.shared.clone(), path.to_owned());
        blocking(move || work(&shared, &path)).await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, FsError> + Send + 'static) -> Result<T, FsError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(e) => Err(FsError::new(FsErrorKind::Other, "The operation failed.").with_source(e)),
    }
}

/// A full path as one within the directory.
fn relative(path: &str) -> &str {
    match path.trim_start_matches('/') {
        "" => ".",
        rest => rest,
    }
}

fn odd() -> FsError {
    FsError::new(FsErrorKind::NotAllowed, "The entry is neither a file nor a directory.")
}

fn link() -> FsError {
    FsError::new(FsErrorKind::NoModificationAllowed, "Nothing is written through a symbolic link.")
}

/// What an error of a path means where the way there may be at fault.
fn error(e: io::Error) -> FsError {
    #[cfg(unix)]
    if let Some(code) = e.raw_os_error() {
        use rustix::io::Errno;
        match Errno::from_raw_os_error(code) {
            // A file on the way, or a loop of links.
            Errno::NOTDIR | Errno::LOOP => return FsError::not_found().with_source(e),
            Errno::DQUOT => return FsError::no_room().with_source(e),
            Errno::NXIO | Errno::NODEV => return odd().with_source(e),
            Errno::NAMETOOLONG => {
                return FsError::new(FsErrorKind::InvalidName, "The name is too long.").with_source(e);
            }
            Errno::MFILE | Errno::NFILE => {
                let message = "Too many files are open on the host.";
                return FsError::new(FsErrorKind::QuotaExceeded, message).with_source(e);
            }
            _ => {}
        }
    }
    e.into()
}

/// On Windows some names mean something else.
fn check_name(name: &str) -> Result<(), FsError> {
    let bad = cfg!(windows)
        && (name.contains(['<', '>', ':', '"', '|', '?', '*'])
            || name.ends_with(['.', ' '])
            || name.chars().any(|c| (c as u32) < 32));
    if bad || is_temporary(name) {
        return Err(FsError::new(FsErrorKind::InvalidName, "The name is not allowed."));
    }
    Ok(())
}

const PREFIX: &str = ".isolate-";
const SUFFIX: &str = ".tmp";

fn is_temporary(name: &str) -> bool {
    name.strip_prefix(PREFIX)
        .and_then(|rest| rest.strip_suffix(SUFFIX))
        .is_some_and(|middle| middle.len() == 16 && middle.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn check_path(path: &str) -> Result<(), FsError> {
    path.split('/').filter(|name| !name.is_empty()).try_for_each(check_name)
}

fn regular(metadata: &Metadata) -> Result<(), FsError> {
    match (metadata.is_file(), metadata.is_dir()) {
        (true, _) => Ok(()),
        (_, true) => Err(FsError::is_directory()),
        _ => Err(odd()),
    }
}

fn options() -> OpenOptions {
    #[cfg_attr(not(unix), allow(unused_mut))]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    {
        use cap_std::fs::OpenOptionsExt;
        use rustix::fs::OFlags;
        // What turns out to be no regular file neither blocks nor becomes a terminal of this process.
        options.custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY).bits() as i32);
    }
    options
}

impl Shared {
    /// Opens a regular file to read.
    fn open(&self, path: &str) -> Result<(File, Metadata), FsError> {
        check_path(path)?;
        // Opening a device may do something, so it is looked at first; what is opened is looked at again.
        regular(&self.root.metadata(relative(path)).map_err(error)?)?;
        let file = self.root.open_with(relative(path), options().read(true)).map_err(error)?;
        let metadata = file.metadata().map_err(error)?;
        regular(&metadata)?;
        Ok((file, metadata))
    }

    fn metadata(&self, path: &str) -> Result<Metadata, FsError> {
        check_path(path)?;
        let metadata = self.root.metadata(relative(path)).map_err(error)?;
        regular(&metadata)?;
        Ok(metadata)
    }

    /// The directory that an entry is in, held open, and the entry's name.
    fn place<'p>(&self, path: &'p str) -> Result<(Dir, &'p str), FsError> {
        check_path(path)?;
        let (directory, name) = split(path).ok_or_else(FsError::is_directory)?;
        Ok((self.root.open_dir(relative(directory)).map_err(error)?, name))
    }

    /// A file that is there, to be replaced.
    fn writer(&self, path: &str, keep: bool) -> Result<Writer, FsError> {
        let (directory, name) = self.place(path)?;
        let old = directory.symlink_metadata(name).map_err(error)?;
        if old.is_symlink() {
            return Err(link());
        }
        regular(&old)?;
        let (temporary, mut file) = create_temporary(&directory)?;
        let mut writer = Writer {
            directory,
            name: name.to_owned(),
            temporary: Some(temporary),
            durable: self.durable,
            behind: self.behind.clone(),
            pending: None,
            failed: false,
            file: None,
        };
        file.set_permissions(old.permissions()).map_err(error)?;
        if keep {
            let mut source = writer.directory.open_with(name, options().read(true)).map_err(error)?;
            regular(&source.metadata().map_err(error)?)?;
            io::copy(&mut source, &mut file).map_err(error)?;
        }
        writer.file = Some(Arc::new(file.into_std()));
        Ok(writer)
    }

    /// Changes a file, by way of a temporary one.
    fn replace(
        &self,
        path: &str,
        keep: bool,
        change: impl FnOnce(&std::fs::File) -> io::Result<()>,
    ) -> Result<(), FsError> {
        let mut writer = self.writer(path, keep)?;
        if let Some(file) = &writer.file {
            change(file).map_err(error)?;
        }
        writer.publish()
    }

    fn get_file(&self, path: &str, create: bool) -> Result<(), FsError> {
        match self.metadata(path) {
            Err(e) if create && e.kind() == FsErrorKind::NotFound => {}
            found => return found.map(drop),
        }
        let (directory, name) = self.place(path)?;
        match directory.open_with(name, options().write(true).create_new(true)) {
            Ok(_) => Ok(()),
            // Somebody was faster, or there is a link that leads nowhere.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => self.metadata(path).map(drop),
            Err(e) => Err(error(e)),
        }
    }

    fn get_directory(&self, path: &str, create: bool) -> Result<(), FsError> {
        check_path(path)?;
        let look = || match self.root.metadata(relative(path)) {
            Ok(metadata) if metadata.is_dir() => Ok(()),
            Ok(metadata) if metadata.is_file() => Err(FsError::is_file()),
            Ok(_) => Err(odd()),
            Err(e) => Err(error(e)),
        };
        match look() {
            Err(e) if create && e.kind() == FsErrorKind::NotFound => {}
            found => return found,
        }
        let (directory, name) = self.place(path)?;
        if depth(path) > DEEPEST {
            return Err(too_deep());
        }
        match directory.create_dir(name) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => look(),
            made => made.map_err(error),
        }
    }

    fn remove(&self, path: &str, recursive: bool) -> Result<(), FsError> {
        if path == "/" {
            return self.empty(recursive);
        }
        let (directory, name) = self.place(path)?;
        let metadata = directory.symlink_metadata(name).map_err(error)?;
        match metadata.is_dir() {
            false if metadata.is_file() || metadata.is_symlink() => directory.remove_file(name).map_err(error),
            false => Err(odd()),
            true if recursive => {
                let _one = self.trees.lock().unwrap_or_else(PoisonError::into_inner);
                directory.remove_dir_all(name).map_err(error)
            }
            true => match directory.remove_dir(name) {
                Err(e) if e.kind() == io::ErrorKind::DirectoryNotEmpty => {
                    // It may hold nothing but what a crash has left.
                    sweep(&directory.open_dir(name).map_err(error)?);
                    directory.remove_dir(name).map_err(error)
                }
                removed => removed.map_err(error),
            },
        }
    }

    /// Removes what is in the root.
    fn empty(&self, recursive: bool) -> Result<(), FsError> {
        sweep(&self.root);
        for entry in self.root.entries().map_err(error)? {
            let entry = entry.map_err(error)?;
            if !recursive {
                return Err(FsError::not_empty());
            }
            match entry.file_type().map_err(error)?.is_dir() {
                true => self.root.remove_dir_all(entry.file_name()).map_err(error)?,
                false => self.root.remove_file(entry.file_name()).map_err(error)?,
            }
        }
        Ok(())
    }

    fn list(&self, path: &str) -> Result<Vec<DirectoryEntry>, FsError> {
        check_path(path)?;
        let metadata = self.root.metadata(relative(path)).map_err(error)?;
        match (metadata.is_dir(), metadata.is_file()) {
            (true, _) => {}
            (_, true) => return Err(FsError::is_file()),
            _ => return Err(odd()),
        }
        let directory = self.root.open_dir(relative(path)).map_err(error)?;
        let mut all = Vec::new();
        let mut leftovers = false;
        for entry in directory.entries().map_err(error)? {
            let entry = entry.map_err(error)?;
            // A guest can name nothing else.
            let Ok(name) = entry.file_name().into_string() else { continue };
            if is_temporary(&name) {
                leftovers = true;
                continue;
            }
            if !is_valid_name(&name) {
                continue;
            }
            let kind = entry.file_type().map_err(error)?;
            let (is_file, is_dir) = match kind.is_symlink() {
                false => (kind.is_file(), kind.is_dir()),
                true => match self.root.metadata(relative(&crate::path::join(path, &name))) {
                    Ok(metadata) => (metadata.is_file(), metadata.is_dir()),
                    Err(_) => (false, false),
                },
            };
            match (is_file, is_dir) {
                (true, _) => all.push(DirectoryEntry::file(name)),
                (_, true) => all.push(DirectoryEntry::directory(name)),
                _ => {}
            }
        }
        if leftovers {
            sweep(&directory);
        }
        Ok(all)
    }

    /// Adds up a tree, and says how many directories deep it is below its top.
    fn walk(&self, path: &str) -> Result<(Usage, usize), FsError> {
        let mut usage = Usage { bytes: 0, entries: u64::from(path != "/") };
        let top = relative(path);
        if path != "/" {
            let metadata = self.root.symlink_metadata(top).map_err(error)?;
            // A link takes nothing; what it leads to is counted where it is.
            if !metadata.is_dir() {
                usage.bytes = if metadata.is_file() { metadata.len() } else { 0 };
                return Ok((usage, 0));
            }
        }
        let mut deepest = 0;
        let mut waiting = vec![(PathBuf::from(top), 0)];
        while let Some((path, depth)) = waiting.pop() {
            deepest = deepest.max(depth);
            // What has gone away does not count.
            let Ok(entries) = self.root.read_dir(&path) else { continue };
            for entry in entries.flatten() {
                let Ok(metadata) = entry.metadata() else { continue };
                if entry.file_name().to_str().is_none_or(is_temporary) {
                    continue;
                }
                if metadata.is_dir() {
                    waiting.push((path.join(entry.file_name()), depth + 1));
                } else if metadata.is_file() {
                    usage.bytes = usage.bytes.saturating_add(metadata.len());
                } else if !metadata.is_symlink() {
                    continue;
                }
                usage.entries += 1;
            }
        }
        Ok((usage, deepest))
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), FsError> {
        let invalid = |message| Err(FsError::new(FsErrorKind::InvalidModification, message));
        if from == "/" || to == "/" {
            return invalid("The root cannot be moved.");
        }
        let (source, name) = self.place(from)?;
        let metadata = source.symlink_metadata(name).map_err(error)?;
        if metadata.is_symlink() {
            // From elsewhere a relative one would lead elsewhere.
            return Err(FsError::new(FsErrorKind::NoModificationAllowed, "A symbolic link is not moved."));
        }
        if !metadata.is_dir() {
            regular(&metadata)?;
        }
        if from == to {
            return Ok(());
        }
        if is_within(to, from) {
            return invalid("A directory cannot be moved into itself.");
        }
        let _one = self.trees.lock().unwrap_or_else(PoisonError::into_inner);
        if metadata.is_dir() && depth(to) + self.walk(from)?.1 > DEEPEST {
            return Err(too_deep());
        }
        let (target, new_name) = self.place(to)?;
        match target.symlink_metadata(new_name) {
            Ok(old) if old.is_file() && metadata.is_file() => {}
            Ok(_) => return invalid("There is something else in the new place."),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(error(e)),
        }
        source.rename(name, &target, new_name).map_err(error)?;
        if self.durable {
            sync_directory(&target)?;
            sync_directory(&source)?;
        }
        Ok(())
    }

    fn open_sync(&self, path: &str, mode: SyncMode) -> Result<std::fs::File, FsError> {
        if mode == SyncMode::ReadOnly {
            return Ok(self.open(path)?.0.into_std());
        }
        let (directory, name) = self.place(path)?;
        let seen = directory.symlink_metadata(name).map_err(error)?;
        if seen.is_symlink() {
            return Err(link());
        }
        regular(&seen)?;
        let mut options = options();
        options.read(true).write(true);
        #[cfg(unix)]
        {
            use cap_std::fs::OpenOptionsExt;
            use rustix::fs::OFlags;
            options.custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW).bits() as i32);
        }
        let file = directory.open_with(name, &options).map_err(error)?;
        let metadata = file.metadata().map_err(error)?;
        regular(&metadata)?;
        #[cfg(unix)]
        {
            use cap_std::fs::MetadataExt;
            if metadata.nlink() > 1 {
                let message = "The file has other names, which may be elsewhere.";
                return Err(FsError::new(FsErrorKind::NoModificationAllowed, message));
            }
        }
        Ok(file.into_std())
    }
}

/// Puts a file in the place of an empty one, which most are when they are first written. File systems see to it that a file that
/// replaces another one by its name is on the disk first, so that a loss of power does not leave an empty one; where the other
/// is empty anyway, that is a wait for nothing. Says whether it was done.
fn exchange(directory: &Dir, temporary: &str, name: &str) -> bool {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{RenameFlags, renameat_with};
        let swap = || renameat_with(directory, temporary, directory, name, RenameFlags::EXCHANGE).is_ok();
        if !swap() {
            return false;
        }
        // What was there is a file, or has become something else this instant.
        if directory.remove_file(temporary).is_ok() {
            return true;
        }
        let _ = swap();
        false
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (directory, temporary, name);
        false
    }
}

fn sync_directory(directory: &Dir) -> Result<(), FsError> {
    // What is held open is good for walking only.
    #[cfg(unix)]
    directory.open(".").and_then(|directory| directory.sync_all()).map_err(error)?;
    #[cfg(not(unix))]
    let _ = directory;
    Ok(())
}

/// Makes a temporary file that others know to be in use.
fn create_temporary(directory: &Dir) -> Result<(String, File), FsError> {
    loop {
        let name = format!("{PREFIX}{:016x}{SUFFIX}", random());
        let mut options = options();
        options.read(true).write(true).create_new(true);
        let file = match directory.open_with(&name, &options) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(e) => return Err(error(e)),
        };
        if !lock(&file) || !is_linked(&file) {
            // Somebody took it for one that a crash has left.
            let _ = directory.remove_file(&name);
            continue;
        }
        return Ok((name, file));
    }
}

/// Not secret: a name that is taken is found out.
fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish()
}

/// Whether this process has it for itself now. The lock ends with the process.
fn lock(file: &File) -> bool {
    #[cfg(unix)]
    {
        rustix::fs::flock(file, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_ok()
    }
    #[cfg(not(unix))]
    {
        // What is open cannot be removed there.
        let _ = file;
        true
    }
}

fn is_linked(file: &File) -> bool {
    #[cfg(unix)]
    {
        use cap_std::fs::MetadataExt;
        file.metadata().is_ok_and(|metadata| metadata.nlink() > 0)
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        true
    }
}

/// Removes the temporary files of a directory that nobody writes any more. What cannot be removed stays.
fn sweep(directory: &Dir) {
    let Ok(entries) = directory.entries() else { return };
    for entry in entries.flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        if !is_temporary(&name) || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        let Ok(file) = directory.open_with(&name, options().read(true)) else { continue };
        if lock(&file) {
            tracing::debug!(target: "isolate", name, "a temporary file that a crash has left is removed");
            let _ = directory.remove_file(&name);
        }
    }
}

/// What a file's contents are known by.
fn describe(path: &str, metadata: &Metadata) -> FileMetadata {
    let modified = metadata.modified().ok().map(cap_std::time::SystemTime::into_std);
    let modified = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    let described = FileMetadata::new(metadata.len(), i64::try_from(modified.as_millis()).unwrap_or(i64::MAX))
        .content_type(content_type_of(path));
    #[cfg(unix)]
    let version = {
        use cap_std::fs::MetadataExt;
        // The time of the last change of the inode, which nobody can set back.
        format!("{:x}-{:x}-{:x}-{:x}", metadata.ino(), metadata.len(), metadata.ctime(), metadata.ctime_nsec())
    };
    #[cfg(not(unix))]
    let version = format!("{:x}-{:x}", metadata.len(), modified.as_nanos());
    described.version(version)
}

#[cfg(unix)]
fn read_some(file: &std::fs::File, position: u64, buffer: &mut [u8]) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, position)
}
#[cfg(windows)]
fn read_some(file: &std::fs::File, position: u64, buffer: &mut [u8]) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, position)
}
#[cfg(unix)]
fn write_some(file: &std::fs::File, position: u64, data: &[u8]) -> io::Result<usize> {
    std::os::unix::fs::FileExt::write_at(file, data, position)
}
#[cfg(windows)]
fn write_some(file: &std::fs::File, position: u64, data: &[u8]) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_write(file, data, position)
}

/// As many bytes as there are and fit.
fn read_at(file: &std::fs::File, position: u64, buffer: &mut [u8]) -> io::Result<usize> {
    // Far beyond the end is as good as the end, whatever the file system thinks of the number.
    if position >= file.metadata()?.len() {
        return Ok(0);
    }
    let mut read = 0;
    while read < buffer.len() {
        match read_some(file, position + read as u64, &mut buffer[read..]) {
            Ok(0) => break,
            Ok(n) => read += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(read)
}

fn too_far(end: Option<u64>) -> io::Result<()> {
    match end.is_some_and(|end| i64::try_from(end).is_ok()) {
        true => Ok(()),
        false => Err(io::ErrorKind::FileTooLarge.into()),
    }
}

fn write_at(file: &std::fs::File, position: u64, mut data: &[u8]) -> io::Result<()> {
    too_far(position.checked_add(data.len() as u64))?;
    let mut at = position;
    while !data.is_empty() {
        match write_some(file, at, data) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => (at, data) = (at + n as u64, &data[n..]),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

fn set_size(file: &std::fs::File, size: u64) -> io::Result<()> {
    too_far(Some(size))?;
    match file.set_len(size) {
        // What some file systems say of a size that they cannot have.
        Err(e) if e.kind() == io::ErrorKind::InvalidInput => Err(io::ErrorKind::FileTooLarge.into()),
        result => result,
    }
}

#[async_trait]
impl FileSystemHandler for DirectoryFileSystem {
    async fn get_file_handle(&self, path: &str, create: bool) -> Result<(), FsError> {
        self.run(path, move |shared, path| shared.get_file(path, create)).await
    }
    async fn get_directory_handle(&self, path: &str, create: bool) -> Result<(), FsError> {
        self.run(path, move |shared, path| shared.get_directory(path, create)).await
    }
    async fn remove_entry(&self, path: &str, recursive: bool) -> Result<(), FsError> {
        self.run(path, move |shared, path| shared.remove(path, recursive)).await
    }
    async fn read_directory(&self, path: &str) -> Result<Vec<DirectoryEntry>, FsError> {
        self.run(path, |shared, path| shared.list(path)).await
    }
    async fn read_file(&self, path: &str) -> Result<FileData, FsError> {
        self.run(path, |shared, path| {
            let (mut file, metadata) = shared.open(path)?;
            let mut data = Vec::new();
            let size = usize::try_from(metadata.len()).map_err(|_| FsError::no_room())?;
            data.try_reserve_exact(size).map_err(|_| FsError::no_room())?;
            file.read_to_end(&mut data).map_err(error)?;
            Ok(FileData { data: data.into(), metadata: describe(path, &metadata) })
        })
        .await
    }
    async fn write_file(&self, path: &str, data: Bytes, position: Option<u64>) -> Result<(), FsError> {
        self.run(path, move |shared, path| {
            let keep = position.is_some();
            shared.replace(path, keep, |file| match data.is_empty() {
                true => Ok(()),
                false => write_at(file, position.unwrap_or(0), &data),
            })
        })
        .await
    }
    async fn truncate_file(&self, path: &str, size: u64) -> Result<(), FsError> {
        self.run(path, move |shared, path| shared.replace(path, true, |file| set_size(file, size))).await
    }
    async fn get_file_metadata(&self, path: &str) -> Result<FileMetadata, FsError> {
        self.run(path, |shared, path| Ok(describe(path, &shared.metadata(path)?))).await
    }
    async fn read_range(&self, path: &str, range: Range<u64>, seen: &FileMetadata) -> Result<Bytes, FsError> {
        let seen = seen.clone();
        self.run(path, move |shared, path| {
            let (file, metadata) = shared.open(path)?;
            if !describe(path, &metadata).is_same(&seen) {
                return Err(FsError::changed());
            }
            let length = usize::try_from(range.end.saturating_sub(range.start)).map_err(|_| FsError::no_room())?;
            let mut file = file.into_std();
            file.seek(SeekFrom::Start(range.start)).map_err(error)?;
            // Not filled with zeros first.
            let mut data = Vec::new();
            data.try_reserve_exact(length).map_err(|_| FsError::no_room())?;
            file.take(length as u64).read_to_end(&mut data).map_err(error)?;
            match data.len() == length {
                true => Ok(data.into()),
                false => Err(FsError::changed()),
            }
        })
        .await
    }
    async fn open_writer(&self, path: &str, keep: bool) -> Result<Option<Box<dyn FileWriter>>, FsError> {
        let writer = self.run(path, move |shared, path| shared.writer(path, keep)).await?;
        Ok(Some(Box::new(writer)))
    }
    async fn open_sync(&self, path: &str, mode: SyncMode) -> Result<Option<Box<dyn SyncFile + Send>>, FsError> {
        let file = self.run(path, move |shared, path| shared.open_sync(path, mode)).await?;
        Ok(Some(Box::new(Access(file))))
    }
    async fn measure(&self, path: &str) -> Result<Usage, FsError> {
        self.run(path, |shared, path| Ok(shared.walk(path)?.0)).await
    }
    async fn rename(&self, from: &str, to: &str) -> Result<(), FsError> {
        let to = to.to_owned();
        self.run(from, move |shared, from| shared.rename(from, &to)).await
    }
}

/// A temporary file that is to become another one.
struct Writer {
    directory: Dir,
    name: String,
    /// Until it has the other one's name.
    temporary: Option<String>,
    file: Option<Arc<std::fs::File>>,
    durable: bool,
    behind: Arc<Semaphore>,
    /// The last change, if it was not waited for.
    pending: Option<JoinHandle<io::Result<()>>>,
    /// A change came to nothing, so that the contents are not what they were to be.
    failed: bool,
}

impl Writer {
    fn publish(&mut self) -> Result<(), FsError> {
        let Some(temporary) = &self.temporary else { return Ok(()) };
        if self.durable
            && let Some(file) = &self.file
        {
            file.sync_all().map_err(error)?;
        }
        // What has become of the name meanwhile?
        let was_empty = match self.directory.symlink_metadata(&self.name) {
            Ok(old) if old.is_symlink() => return Err(link()),
            Ok(old) => {
                regular(&old)?;
                old.len() == 0
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => false,
            Err(e) => return Err(error(e)),
        };
        if !(was_empty && exchange(&self.directory, temporary, &self.name)) {
            self.directory.rename(temporary, &self.directory, &self.name).map_err(error)?;
        }
        self.temporary = None;
        if self.durable { sync_directory(&self.directory) } else { Ok(()) }
    }

    /// Waits for the last change only, so that the guest makes the next piece of data while this one is written. Nobody sees
    /// the file before it is closed, and whatever fails is told by then.
    async fn change(
        &mut self,
        change: impl FnOnce(&std::fs::File) -> io::Result<()> + Send + 'static,
    ) -> Result<(), FsError> {
        self.settle().await?;
        let Some(file) = self.file.clone() else { return Ok(()) };
        let one = self.behind.clone().acquire_owned().await;
        self.pending = Some(tokio::task::spawn_blocking(move || {
            let result = change(&file);
            drop(one);
            result
        }));
        Ok(())
    }

    async fn settle(&mut self) -> Result<(), FsError> {
        if self.failed {
            return Err(FsError::new(FsErrorKind::InvalidState, "An earlier write failed."));
        }
        let Some(pending) = self.pending.take() else { return Ok(()) };
        // Until it is known to have worked.
        self.failed = true;
        match pending.await {
            Ok(result) => result.map_err(error)?,
            Err(e) => return Err(FsError::new(FsErrorKind::Other, "The operation failed.").with_source(e)),
        }
        self.failed = false;
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            let _ = self.directory.remove_file(temporary);
        }
    }
}

#[async_trait]
impl FileWriter for Writer {
    async fn write(&mut self, position: u64, data: Bytes) -> Result<(), FsError> {
        if data.is_empty() {
            return Ok(());
        }
        self.change(move |file| write_at(file, position, &data)).await
    }
    async fn truncate(&mut self, size: u64) -> Result<(), FsError> {
        self.change(move |file| set_size(file, size)).await
    }
    async fn close(mut self: Box<Self>) -> Result<(), FsError> {
        self.settle().await?;
        blocking(move || self.publish()).await
    }
}

struct Access(std::fs::File);

impl SyncFile for Access {
    fn read(&mut self, position: u64, buffer: &mut [u8]) -> Result<usize, FsError> {
        read_at(&self.0, position, buffer).map_err(error)
    }
    fn write(&mut self, position: u64, data: &[u8]) -> Result<(), FsError> {
        if data.is_empty() {
            return Ok(());
        }
        write_at(&self.0, position, data).map_err(error)
    }
    fn truncate(&mut self, size: u64) -> Result<(), FsError> {
        set_size(&self.0, size).map_err(error)
    }
    fn size(&mut self) -> Result<u64, FsError> {
        Ok(self.0.metadata().map_err(error)?.len())
    }
    fn flush(&mut self) -> Result<(), FsError> {
        self.0.sync_data().map_err(error)
    }
}
