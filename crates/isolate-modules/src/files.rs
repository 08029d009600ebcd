//! Where the text of modules is.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use bytes::Bytes;

/// What there is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A file.
    File,
    /// A directory.
    Directory,
}

/// Keeps the files that modules are loaded from. Paths are full ones (`/lib/a.mjs`), without `.`, `..` and empty parts.
///
/// Calls come from a guest's thread, which waits.
pub trait ModuleFiles: Send + Sync + 'static {
    /// Reads a file whole.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] if there is none.
    fn read(&self, path: &str) -> io::Result<Bytes>;

    /// What there is at a path, if anything.
    fn kind(&self, path: &str) -> Option<Kind>;
}

impl<F: ModuleFiles + ?Sized> ModuleFiles for Arc<F> {
    fn read(&self, path: &str) -> io::Result<Bytes> {
        (**self).read(path)
    }
    fn kind(&self, path: &str) -> Option<Kind> {
        (**self).kind(path)
    }
}

/// Modules in memory.
///
/// ```
/// use isolate_modules::{FileModules, VirtualFiles};
///
/// let files = VirtualFiles::new()
///     .file("/lib/greet.mjs", "export const greet = (name) => `Hello, ${name}!`")
///     .file("/data.json", r#"{ "name": "Ada" }"#);
/// let loader = FileModules::new(files);
/// ```
#[derive(Clone, Debug, Default)]
pub struct VirtualFiles {
    files: BTreeMap<String, Bytes>,
}

impl VirtualFiles {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file, or replaces it.
    #[must_use]
    pub fn file(mut self, path: &str, contents: impl Into<Bytes>) -> Self {
        self.files.insert(path.to_owned(), contents.into());
        self
    }
}

impl<P: Into<String>, C: Into<Bytes>> FromIterator<(P, C)> for VirtualFiles {
    fn from_iter<I: IntoIterator<Item = (P, C)>>(files: I) -> Self {
        Self { files: files.into_iter().map(|(path, contents)| (path.into(), contents.into())).collect() }
    }
}

impl ModuleFiles for VirtualFiles {
    fn read(&self, path: &str) -> io::Result<Bytes> {
        self.files.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn kind(&self, path: &str) -> Option<Kind> {
        if self.files.contains_key(path) {
            return Some(Kind::File);
        }
        let below = if path == "/" { "/".to_owned() } else { format!("{path}/") };
        let next = self.files.range(below.clone()..).next();
        next.filter(|(other, _)| other.starts_with(&below)).map(|_| Kind::Directory)
    }
}

/// Modules of a directory of the host, out of which nothing leads: neither `..`, nor a link, nor a race.
#[cfg(feature = "directory")]
#[derive(Debug)]
pub struct DirectoryFiles {
    root: cap_std::fs::Dir,
}

#[cfg(feature = "directory")]
impl DirectoryFiles {
    /// Opens a directory.
    ///
    /// # Errors
    /// If there is none, or it may not be read.
    pub fn open(path: impl AsRef<std::path::Path>) -> io::Result<Self> {
        Ok(Self { root: cap_std::fs::Dir::open_ambient_dir(path, cap_std::ambient_authority())? })
    }
}

#[cfg(feature = "directory")]
impl ModuleFiles for DirectoryFiles {
    fn read(&self, path: &str) -> io::Result<Bytes> {
        // Nothing but regular files, so that none is waited for.
        match self.kind(path) {
            Some(Kind::File) => self.root.read(relative(path)).map(Bytes::from),
            Some(Kind::Directory) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn kind(&self, path: &str) -> Option<Kind> {
        let metadata = self.root.metadata(relative(path)).ok()?;
        match (metadata.is_file(), metadata.is_dir()) {
            (true, _) => Some(Kind::File),
            (_, true) => Some(Kind::Directory),
            _ => None,
        }
    }
}

#[cfg(feature = "directory")]
fn relative(path: &str) -> &str {
    match path.trim_start_matches('/') {
        "" => ".",
        rest => rest,
    }
}
