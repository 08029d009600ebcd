//! Files for guests: the [File System Standard](https://fs.spec.whatwg.org/) over a handler of the host.
//!
//! | in the guest | on the host |
//! | --- | --- |
//! | `navigator.storage.getDirectory()`, `getDirectory(path)` | [`FileSystemHandler`], set by [`FsOptions::handler`] |
//! | `FileSystemDirectoryHandle`, `FileSystemFileHandle` | its operations on full paths |
//! | `File` objects, read on demand | [`FileSystemHandler::read_range`] |
//! | `FileSystemWritableFileStream` | [`FileWriter`] |
//! | `FileSystemSyncAccessHandle` | [`SyncFile`] |
//!
//! There are no files but those of the handler; without one everything rejects with a `SecurityError`. Provided:
//!
//! - [`MemoryFileSystem`]: in memory;
//! - `DirectoryFileSystem` (feature `directory`): a directory of the host, out of which nothing leads;
//! - `ObjectStoreFileSystem` (feature `object-store`): S3 and its like;
//! - [`ReadOnlyFileSystem`], [`QuotaFileSystem`], [`MountedFileSystem`]: over others.
//!
//! ```
//! use isolate_core::{Context, EvalOptions};
//! use isolate_fs::{FsOptions, MemoryFileSystem, setup_fs};
//!
//! # async fn show(ctx: &Context) -> Result<(), Box<dyn std::error::Error>> {
//! let files = MemoryFileSystem::new();
//! files.put("/in.txt", "hello")?;
//! setup_fs(ctx, FsOptions::new().handler(files.clone()))?;
//! let code = "(async () => {
//!     const root = await navigator.storage.getDirectory();
//!     const text = await (await (await root.getFileHandle('in.txt')).getFile()).text();
//!     const out = await (await root.getFileHandle('out.txt', { create: true })).createWritable();
//!     await out.write(text.toUpperCase());
//!     await out.close();
//! })()";
//! ctx.eval(code, EvalOptions::new()).await?;
//! assert_eq!(files.get("/out.txt")?, "HELLO");
//! # Ok(()) }
//! ```
//!
//! Beyond the standard, as Chrome has it: `move`, `remove`, `queryPermission` and `requestPermission` of handles, modes of
//! `createWritable` and `createSyncAccessHandle`. Synchronous access is there on every thread, since a guest has one only.

#![forbid(unsafe_code)]

#[cfg(feature = "directory")]
mod directory;
mod error;
mod guest;
mod handler;
mod locks;
mod memory;
#[cfg(feature = "object-store")]
mod object_store;
mod options;
mod path;
mod quota;
mod wrappers;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};

use isolate_core::{Context, DomExceptionName, Error, Glue, HostError};

/// The macro that [`FileSystemHandler`] is written with, for those who write one.
pub use async_trait::async_trait;
#[cfg(feature = "directory")]
pub use directory::DirectoryFileSystem;
pub use error::{FsError, FsErrorKind};
pub use handler::{
    DirectoryEntry, EntryKind, Estimate, FileData, FileMetadata, FileSystemHandler, FileWriter, SyncFile, SyncMode,
    Usage,
};
pub use memory::MemoryFileSystem;
#[cfg(feature = "object-store")]
pub use object_store::ObjectStoreFileSystem;
pub use options::{FsLimits, FsOptions};
pub use path::{content_type_of, is_valid_name, is_valid_path};
pub use quota::QuotaFileSystem;
pub use wrappers::{MountedFileSystem, ReadOnlyFileSystem};

static FS: Glue = Glue::new("isolate:fs", include_str!("glue/fs.js"));
static LOADED: Glue = Glue::new("isolate:fs-loaded", "(function (host, p) { p.loaded = p.fs.globals; })");
static NAVIGATOR: Glue = Glue::new("isolate:fs-navigator", include_str!("glue/navigator.js"));

/// What a context has of files.
#[derive(Default)]
pub(crate) struct State {
    files: RefCell<Option<Rc<guest::Files>>>,
    ready: Cell<bool>,
    loaded: Cell<bool>,
    disposed: Cell<bool>,
}

impl State {
    pub(crate) fn files(&self) -> Result<Rc<guest::Files>, HostError> {
        if self.disposed.get() {
            return Err(HostError::dom(DomExceptionName::InvalidStateError, "The file system was disposed of."));
        }
        let files = self.files.borrow().clone();
        files.ok_or_else(|| HostError::dom(DomExceptionName::SecurityError, "The host has not granted any files."))
    }
}

/// What [`setup_fs`] gives back. Dropping it changes nothing; the API goes with its context.
#[derive(Clone)]
pub struct FsHandle {
    state: Rc<State>,
}

impl fmt::Debug for FsHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FsHandle").field("open", &self.open()).finish_non_exhaustive()
    }
}

/// Interface objects.
static INTERFACES: &[&str] = &[
    "FileSystemDirectoryHandle",
    "FileSystemFileHandle",
    "FileSystemHandle",
    "FileSystemSyncAccessHandle",
    "FileSystemWritableFileStream",
    "StorageManager",
];

/// Sets up `navigator.storage`, `getDirectory` and the interfaces of the File System Standard. A second time it replaces the
/// handler and the limits, and closes what is open.
///
/// # Errors
/// If the context is stopped.
pub fn setup_fs(context: &Context, options: FsOptions) -> Result<FsHandle, Error> {
    let state: Rc<State> = context.state();
    let old = state.files.replace(guest::Files::new(&options).map(Rc::new));
    if let Some(old) = old {
        old.close_all();
    }
    if !state.ready.replace(true) {
        for (names, enumerable) in [(INTERFACES, false), (&["getDirectory"][..], true)] {
            let weak: Weak<State> = Rc::downgrade(&state);
            context.define_lazy_globals(names, enumerable, move |context| {
                load(context, &weak)?;
                context.install(&LOADED, vec![]).map(drop)
            })?;
        }
        let weak: Weak<State> = Rc::downgrade(&state);
        context.extend_navigator(move |context| {
            let weak = weak.clone();
            let loading = context.function("__fs_load", move |context: Context| load(&context, &weak));
            context.install(&NAVIGATOR, vec![loading]).map(drop)
        })?;
    }
    Ok(FsHandle { state })
}

/// Runs when the guest first touches something of it.
fn load(context: &Context, state: &Weak<State>) -> Result<(), Error> {
    let Some(state) = state.upgrade() else { return Ok(()) };
    if !state.loaded.replace(true) {
        context.install(&FS, guest::functions(context, &state))?;
    }
    Ok(())
}

impl FsHandle {
    /// How many files the guest has open to write, or for synchronous access.
    pub fn open(&self) -> usize {
        self.state.files.borrow().as_ref().map_or(0, |files| files.open())
    }

    /// Closes what is open, without putting unfinished contents in place. From now on everything rejects with an
    /// `InvalidStateError`.
    pub fn dispose(&self) {
        self.state.disposed.set(true);
        let files = self.state.files.take();
        if let Some(files) = files {
            files.close_all();
        }
    }
}
