//! Contexts with files, a file system that is watched and broken at will, and the rules of handlers.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use isolate_core::{Context, Engine};
use isolate_fs::{
    DirectoryEntry, EntryKind, Estimate, FileData, FileMetadata, FileSystemHandler, FileWriter, FsError, FsErrorKind,
    FsHandle, FsOptions, MemoryFileSystem, SyncFile, SyncMode, async_trait, setup_fs,
};

use crate::create_test_context;

/// A context whose guest has files of its own, in memory.
pub struct FsTestContext {
    /// The context.
    pub context: Context,
    /// Its files.
    pub files: MockFileSystem,
    /// The handle of `isolate-fs`.
    pub fs: FsHandle,
}

/// A context with the core and files set up.
///
/// # Panics
/// If it cannot be made.
pub fn create_fs_test_context(engine: &dyn Engine) -> FsTestContext {
    let context = create_test_context(engine);
    let files = MockFileSystem::new();
    let fs = setup_fs(&context, FsOptions::new().handler(files.clone())).unwrap();
    FsTestContext { context, files, fs }
}

/// Files in memory, with a record of what was asked of them, and with failures on demand. Clones are the same.
///
/// ```
/// use isolate_fs::FsErrorKind;
/// use isolate_test_utils::{MockFileSystem, create_fs_test_context, engine_test, eval_code_async};
///
/// engine_test!(async fn a_full_disk_is_told_of(engine) {
///     let ctx = create_fs_test_context(engine);
///     ctx.files.put("/a.txt", "old");
///     ctx.files.fail("write", FsErrorKind::QuotaExceeded);
///     let code = "(async () => {
///         const root = await navigator.storage.getDirectory();
///         const out = await (await root.getFileHandle('a.txt')).createWritable();
///         return await out.write('new').catch(e => e.name);
///     })()";
///     assert_eq!(eval_code_async::<String>(&ctx.context, code).await, "QuotaExceededError");
///     assert_eq!(ctx.files.text("/a.txt"), "old");
///     let calls = ["get_directory_handle /", "get_file_handle /a.txt", "open_writer /a.txt", "write /a.txt"];
///     assert_eq!(ctx.files.calls(), calls);
/// });
/// # fn main() { a_full_disk_is_told_of(); }
/// ```
#[derive(Clone, Default)]
pub struct MockFileSystem {
    files: MemoryFileSystem,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    calls: Vec<String>,
    failures: VecDeque<(String, FsErrorKind)>,
    read_only: bool,
}

impl fmt::Debug for MockFileSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MockFileSystem").field("files", &self.files.paths()).finish_non_exhaustive()
    }
}

impl MockFileSystem {
    /// No files.
    pub fn new() -> Self {
        Self::default()
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a file in place, and the directories above it.
    ///
    /// # Panics
    /// If that is not possible.
    pub fn put(&self, path: &str, data: impl Into<Vec<u8>>) {
        self.files.put(path, data).unwrap_or_else(|e| panic!("{path}: {e}"));
    }

    /// The contents of a file as text.
    ///
    /// # Panics
    /// If there is no such file.
    pub fn text(&self, path: &str) -> String {
        let data = self.files.get(path).unwrap_or_else(|e| panic!("{path}: {e}"));
        String::from_utf8_lossy(&data).into_owned()
    }

    /// The paths of all files, in order.
    pub fn paths(&self) -> Vec<String> {
        self.files.paths()
    }

    /// What was asked since this was last called: the name of the operation and the path.
    pub fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.shared().calls)
    }

    /// Lets the next operation of a name fail: one of [`FileSystemHandler`], or `write`, `truncate`, `close` of a writer.
    /// Several failures wait for their turn.
    pub fn fail(&self, operation: &str, kind: FsErrorKind) {
        self.shared().failures.push_back((operation.to_owned(), kind));
    }

    /// Sets whether the files can be changed, as far as `queryPermission` and those who open one to write are told.
    pub fn set_read_only(&self, read_only: bool) {
        self.shared().read_only = read_only;
    }

    fn call(&self, operation: &str, path: &str) -> Result<(), FsError> {
        let mut shared = self.shared();
        shared.calls.push(format!("{operation} {path}"));
        match shared.failures.iter().position(|(name, _)| name == operation) {
            Some(at) => {
                let kind = shared.failures.remove(at).map_or(FsErrorKind::Other, |(_, kind)| kind);
                Err(FsError::new(kind, format!("{operation} was told to fail")))
            }
            None => Ok(()),
        }
    }
}

#[async_trait]
impl FileSystemHandler for MockFileSystem {
    async fn get_file_handle(&self, path: &str, create: bool) -> Result<(), FsError> {
        self.call("get_file_handle", path)?;
        self.files.get_file_handle(path, create).await
    }
    async fn get_directory_handle(&self, path: &str, create: bool) -> Result<(), FsError> {
        self.call("get_directory_handle", path)?;
        self.files.get_directory_handle(path, create).await
    }
    async fn remove_entry(&self, path: &str, recursive: bool) -> Result<(), FsError> {
        self.call("remove_entry", path)?;
        self.files.remove_entry(path, recursive).await
    }
    async fn read_directory(&self, path: &str) -> Result<Vec<DirectoryEntry>, FsError> {
        self.call("read_directory", path)?;
        self.files.read_directory(path).await
    }
    async fn read_file(&self, path: &str) -> Result<FileData, FsError> {
        self.call("read_file", path)?;
        self.files.read_file(path).await
    }
    async fn write_file(&self, path: &str, data: Bytes, position: Option<u64>) -> Result<(), FsError> {
        self.call("write_file", path)?;
        self.files.write_file(path, data, position).await
    }
    async fn truncate_file(&self, path: &str, size: u64) -> Result<(), FsError> {
        self.call("truncate_file", path)?;
        self.files.truncate_file(path, size).await
    }
    async fn get_file_metadata(&self, path: &str) -> Result<FileMetadata, FsError> {
        self.call("get_file_metadata", path)?;
        self.files.get_file_metadata(path).await
    }
    async fn read_range(&self, path: &str, range: Range<u64>, metadata: &FileMetadata) -> Result<Bytes, FsError> {
        self.call("read_range", path)?;
        self.files.read_range(path, range, metadata).await
    }
    async fn open_writer(&self, path: &str, keep: bool) -> Result<Option<Box<dyn FileWriter>>, FsError> {
        self.call("open_writer", path)?;
        let writer = self.files.open_writer(path, keep).await?;
        Ok(writer.map(|writer| Box::new(Writer { writer, mock: self.clone(), path: path.to_owned() }) as _))
    }
    async fn open_sync(&self, path: &str, mode: SyncMode) -> Result<Option<Box<dyn SyncFile + Send>>, FsError> {
        self.call("open_sync", path)?;
        self.files.open_sync(path, mode).await
    }
    async fn rename(&self, from: &str, to: &str) -> Result<(), FsError> {
        self.call("rename", &format!("{from} {to}"))?;
        self.files.rename(from, to).await
    }
    async fn estimate(&self) -> Result<Estimate, FsError> {
        self.call("estimate", "/")?;
        self.files.estimate().await
    }
    fn is_writable(&self, _path: &str) -> bool {
        !self.shared().read_only
    }
}

/// Files in memory, with the operations that every handler has and no more: what a guest writes is collected for it, files that
/// are open for synchronous access are held in memory, and entries are moved by copying them.
#[derive(Clone, Debug, Default)]
pub struct MinimalFileSystem(pub MemoryFileSystem);

#[async_trait]
impl FileSystemHandler for MinimalFileSystem {
    async fn get_file_handle(&self, path: &str, create: bool) -> Result<(), FsError> {
        self.0.get_file_handle(path, create).await
    }
    async fn get_directory_handle(&self, path: &str, create: bool) -> Result<(), FsError> {
        self.0.get_directory_handle(path, create).await
    }
    async fn remove_entry(&self, path: &str, recursive: bool) -> Result<(), FsError> {
        self.0.remove_entry(path, recursive).await
    }
    async fn read_directory(&self, path: &str) -> Result<Vec<DirectoryEntry>, FsError> {
        self.0.read_directory(path).await
    }
    async fn read_file(&self, path: &str) -> Result<FileData, FsError> {
        self.0.read_file(path).await
    }
    async fn write_file(&self, path: &str, data: Bytes, position: Option<u64>) -> Result<(), FsError> {
        self.0.write_file(path, data, position).await
    }
    async fn truncate_file(&self, path: &str, size: u64) -> Result<(), FsError> {
        self.0.truncate_file(path, size).await
    }
    async fn get_file_metadata(&self, path: &str) -> Result<FileMetadata, FsError> {
        self.0.get_file_metadata(path).await
    }
}

struct Writer {
    writer: Box<dyn FileWriter>,
    mock: MockFileSystem,
    path: String,
}

#[async_trait]
impl FileWriter for Writer {
    async fn write(&mut self, position: u64, data: Bytes) -> Result<(), FsError> {
        self.mock.call("write", &self.path)?;
        self.writer.write(position, data).await
    }
    async fn truncate(&mut self, size: u64) -> Result<(), FsError> {
        self.mock.call("truncate", &self.path)?;
        self.writer.truncate(size).await
    }
    async fn close(self: Box<Self>) -> Result<(), FsError> {
        self.mock.call("close", &self.path)?;
        self.writer.close().await
    }
}

/// Checks a handler against the rules of [`FileSystemHandler`], in an empty place that `make` gives each time, and says how many
/// rules were checked. `make` may give a handler that lacks the optional operations.
///
/// ```
/// # isolate_test_utils::block_on(async {
/// use isolate_fs::MemoryFileSystem;
///
/// let rules = isolate_test_utils::check_file_system(MemoryFileSystem::new).await;
/// println!("{rules} rules kept");
/// # });
/// ```
///
/// # Panics
/// At the first rule that is broken, with its name.
pub async fn check_file_system<H: FileSystemHandler>(mut make: impl FnMut() -> H) -> usize {
    let mut rules = 0;
    macro_rules! rule {
        ($name:ident) => {
            println!("rule: {}", stringify!($name));
            $name(&make()).await;
            rules += 1;
        };
    }
    rule!(files_are_found_and_made);
    rule!(directories_are_found_and_made);
    rule!(kinds_are_not_mixed_up);
    rule!(nothing_is_made_below_what_is_not_there);
    rule!(writing_replaces_the_whole);
    rule!(writing_at_a_position);
    rule!(truncating);
    rule!(large_files);
    rule!(ranges_are_read);
    rule!(a_changed_file_is_noticed);
    rule!(metadata_is_right);
    rule!(directories_are_read);
    rule!(entries_are_removed);
    rule!(names_of_all_sorts);
    rule!(files_are_moved);
    rule!(directories_are_moved);
    rule!(writers_show_nothing_before_the_end);
    rule!(writers_keep_what_they_are_told_to);
    rule!(two_writers_do_not_mix);
    rule!(synchronous_access);
    rule!(many_at_once);
    rule!(what_is_stored_can_be_told);
    rules
}

type Files<'a> = &'a dyn FileSystemHandler;

#[track_caller]
fn failed<T: fmt::Debug>(result: Result<T, FsError>, kind: FsErrorKind) {
    match result {
        Err(e) if e.kind() == kind => {}
        other => panic!("expected {kind:?}, got {other:?}"),
    }
}

/// An optional operation on what is not there.
#[track_caller]
fn lacks<T>(result: Result<Option<T>, FsError>) {
    match result {
        Ok(None) => {}
        other => failed(other.map(|_| ()), FsErrorKind::NotFound),
    }
}

async fn make_file(files: Files<'_>, path: &str, data: &'static str) {
    files.get_file_handle(path, true).await.unwrap();
    files.write_file(path, Bytes::from_static(data.as_bytes()), None).await.unwrap();
}

async fn text(files: Files<'_>, path: &str) -> String {
    String::from_utf8(files.read_file(path).await.unwrap().data.to_vec()).unwrap()
}

async fn names(files: Files<'_>, path: &str) -> String {
    let mut all = files.read_directory(path).await.unwrap();
    all.sort();
    let name = |entry: DirectoryEntry| match entry.kind {
        EntryKind::File => entry.name,
        EntryKind::Directory => entry.name + "/",
    };
    all.into_iter().map(name).collect::<Vec<_>>().join(" ")
}

async fn files_are_found_and_made(files: Files<'_>) {
    failed(files.get_file_handle("/a", false).await, FsErrorKind::NotFound);
    failed(files.read_file("/a").await, FsErrorKind::NotFound);
    failed(files.get_file_metadata("/a").await, FsErrorKind::NotFound);
    failed(files.write_file("/a", Bytes::new(), None).await, FsErrorKind::NotFound);
    failed(files.write_file("/a", Bytes::new(), Some(1)).await, FsErrorKind::NotFound);
    failed(files.truncate_file("/a", 0).await, FsErrorKind::NotFound);
    files.get_file_handle("/a", true).await.unwrap();
    files.get_file_handle("/a", false).await.unwrap();
    assert_eq!(text(files, "/a").await, "");
    // Making it again leaves it as it is.
    files.write_file("/a", "x".into(), None).await.unwrap();
    files.get_file_handle("/a", true).await.unwrap();
    assert_eq!(text(files, "/a").await, "x");
}

async fn directories_are_found_and_made(files: Files<'_>) {
    files.get_directory_handle("/", false).await.unwrap();
    files.get_directory_handle("/", true).await.unwrap();
    failed(files.get_directory_handle("/d", false).await, FsErrorKind::NotFound);
    failed(files.read_directory("/d").await, FsErrorKind::NotFound);
    files.get_directory_handle("/d", true).await.unwrap();
    files.get_directory_handle("/d", false).await.unwrap();
    files.get_directory_handle("/d", true).await.unwrap();
    assert_eq!(names(files, "/d").await, "");
    assert_eq!(names(files, "/").await, "d/");
}

async fn kinds_are_not_mixed_up(files: Files<'_>) {
    make_file(files, "/f", "x").await;
    files.get_directory_handle("/d", true).await.unwrap();
    for create in [false, true] {
        failed(files.get_file_handle("/d", create).await, FsErrorKind::TypeMismatch);
        failed(files.get_directory_handle("/f", create).await, FsErrorKind::TypeMismatch);
    }
    failed(files.read_file("/d").await, FsErrorKind::TypeMismatch);
    failed(files.get_file_metadata("/d").await, FsErrorKind::TypeMismatch);
    failed(files.get_file_metadata("/").await, FsErrorKind::TypeMismatch);
    failed(files.write_file("/d", "x".into(), None).await, FsErrorKind::TypeMismatch);
    failed(files.truncate_file("/d", 1).await, FsErrorKind::TypeMismatch);
    failed(files.read_directory("/f").await, FsErrorKind::TypeMismatch);
    assert_eq!(text(files, "/f").await, "x");
}

async fn nothing_is_made_below_what_is_not_there(files: Files<'_>) {
    make_file(files, "/f", "x").await;
    for path in ["/none/x", "/f/x"] {
        for create in [false, true] {
            failed(files.get_file_handle(path, create).await, FsErrorKind::NotFound);
            let e = files.get_directory_handle(path, create).await.unwrap_err();
            assert!(matches!(e.kind(), FsErrorKind::NotFound | FsErrorKind::TypeMismatch), "{path}: {e:?}");
        }
    }
    assert_eq!(names(files, "/").await, "f");
}

async fn writing_replaces_the_whole(files: Files<'_>) {
    make_file(files, "/a", "a long text").await;
    files.write_file("/a", "short".into(), None).await.unwrap();
    assert_eq!(text(files, "/a").await, "short");
    files.write_file("/a", Bytes::new(), None).await.unwrap();
    assert_eq!(text(files, "/a").await, "");
}

async fn writing_at_a_position(files: Files<'_>) {
    make_file(files, "/a", "0123456789").await;
    files.write_file("/a", "abc".into(), Some(4)).await.unwrap();
    assert_eq!(text(files, "/a").await, "0123abc789");
    files.write_file("/a", "XY".into(), Some(9)).await.unwrap();
    assert_eq!(text(files, "/a").await, "0123abc78XY");
    files.write_file("/a", "!".into(), Some(13)).await.unwrap();
    assert_eq!(text(files, "/a").await, "0123abc78XY\0\0!");
    // Nothing at a far position changes nothing.
    files.write_file("/a", Bytes::new(), Some(100)).await.unwrap();
    assert_eq!(files.get_file_metadata("/a").await.unwrap().size, 14);
}

async fn truncating(files: Files<'_>) {
    make_file(files, "/a", "0123456789").await;
    files.truncate_file("/a", 4).await.unwrap();
    assert_eq!(text(files, "/a").await, "0123");
    files.truncate_file("/a", 6).await.unwrap();
    assert_eq!(text(files, "/a").await, "0123\0\0");
    files.truncate_file("/a", 0).await.unwrap();
    assert_eq!(text(files, "/a").await, "");
}

fn pattern(size: usize) -> Bytes {
    (0..size).map(|i| (i * 31 + i / 257) as u8).collect::<Vec<_>>().into()
}

async fn large_files(files: Files<'_>) {
    let data = pattern(5_000_000);
    files.get_file_handle("/large", true).await.unwrap();
    files.write_file("/large", data.clone(), None).await.unwrap();
    assert!(files.read_file("/large").await.unwrap().data == data);
    let metadata = files.get_file_metadata("/large").await.unwrap();
    assert_eq!(metadata.size, 5_000_000);
    assert!(files.read_range("/large", 4_999_000..5_000_000, &metadata).await.unwrap() == data.slice(4_999_000..));
}

async fn ranges_are_read(files: Files<'_>) {
    make_file(files, "/a", "0123456789").await;
    let metadata = files.get_file_metadata("/a").await.unwrap();
    for (range, expected) in [(0..10, "0123456789"), (3..5, "34"), (9..10, "9"), (4..4, ""), (0..0, "")] {
        assert_eq!(files.read_range("/a", range, &metadata).await.unwrap(), expected);
    }
}

async fn a_changed_file_is_noticed(files: Files<'_>) {
    make_file(files, "/a", "0123456789").await;
    let metadata = files.get_file_metadata("/a").await.unwrap();
    files.write_file("/a", "another text".into(), None).await.unwrap();
    failed(files.read_range("/a", 0..5, &metadata).await, FsErrorKind::NotReadable);
    let metadata = files.get_file_metadata("/a").await.unwrap();
    assert_eq!(files.read_range("/a", 0..7, &metadata).await.unwrap(), "another");
    files.remove_entry("/a", false).await.unwrap();
    failed(files.read_range("/a", 0..5, &metadata).await, FsErrorKind::NotFound);
}

async fn metadata_is_right(files: Files<'_>) {
    make_file(files, "/a.txt", "12345").await;
    make_file(files, "/a.html", "").await;
    make_file(files, "/a", "").await;
    let metadata = files.get_file_metadata("/a.txt").await.unwrap();
    assert_eq!((metadata.size, metadata.content_type.as_str()), (5, "text/plain"));
    // Some day between 2001 and 2286.
    assert!((1_000_000_000_000..10_000_000_000_000).contains(&metadata.last_modified), "{metadata:?}");
    assert_eq!(files.get_file_metadata("/a.html").await.unwrap().content_type, "text/html");
    assert_eq!(files.get_file_metadata("/a").await.unwrap().content_type, "");
    assert!(files.read_file("/a.txt").await.unwrap().metadata.is_same(&metadata));
    assert!(files.get_file_metadata("/a.txt").await.unwrap().is_same(&metadata));
}

async fn directories_are_read(files: Files<'_>) {
    assert_eq!(names(files, "/").await, "");
    files.get_directory_handle("/d", true).await.unwrap();
    files.get_directory_handle("/d/e", true).await.unwrap();
    make_file(files, "/d/a", "").await;
    make_file(files, "/d/e/b", "").await;
    make_file(files, "/dd", "").await;
    assert_eq!(names(files, "/").await, "d/ dd");
    assert_eq!(names(files, "/d").await, "a e/");
    assert_eq!(names(files, "/d/e").await, "b");
}

async fn entries_are_removed(files: Files<'_>) {
    failed(files.remove_entry("/a", false).await, FsErrorKind::NotFound);
    failed(files.remove_entry("/a", true).await, FsErrorKind::NotFound);
    make_file(files, "/a", "x").await;
    files.get_directory_handle("/d", true).await.unwrap();
    files.get_directory_handle("/d/e", true).await.unwrap();
    make_file(files, "/d/e/f", "x").await;
    files.remove_entry("/a", false).await.unwrap();
    failed(files.read_file("/a").await, FsErrorKind::NotFound);
    failed(files.remove_entry("/d", false).await, FsErrorKind::InvalidModification);
    assert_eq!(names(files, "/d").await, "e/");
    files.remove_entry("/d/e/f", true).await.unwrap();
    files.remove_entry("/d/e", false).await.unwrap();
    make_file(files, "/d/g", "x").await;
    files.remove_entry("/d", true).await.unwrap();
    assert_eq!(names(files, "/").await, "");
    failed(files.read_directory("/d").await, FsErrorKind::NotFound);
}

async fn names_of_all_sorts(files: Files<'_>) {
    let all = ["a b", "...", ".hidden", "%2e%2e", "ä", "\u{1f600}", "a#b?c", "*", "con", "\u{ff0e}\u{ff0e}", "a%2Fb"];
    let all = all.into_iter().filter(|name| !(cfg!(windows) && (name.contains(['*', '?']) || name.ends_with('.'))));
    for name in all {
        let path = format!("/{name}");
        make_file(files, &path, "x").await;
        assert_eq!(names(files, "/").await, name);
        assert_eq!(text(files, &path).await, "x");
        files.remove_entry(&path, false).await.unwrap();
        files.get_directory_handle(&path, true).await.unwrap();
        make_file(files, &format!("{path}/{name}"), "y").await;
        assert_eq!(names(files, &path).await, name);
        files.remove_entry(&path, true).await.unwrap();
    }
    assert_eq!(names(files, "/").await, "");
}

async fn files_are_moved(files: Files<'_>) {
    failed(files.rename("/a", "/b").await, FsErrorKind::NotFound);
    make_file(files, "/a", "x").await;
    files.rename("/a", "/b").await.unwrap();
    files.rename("/b", "/b").await.unwrap();
    assert_eq!((names(files, "/").await.as_str(), text(files, "/b").await.as_str()), ("b", "x"));
    make_file(files, "/c", "y").await;
    files.rename("/c", "/b").await.unwrap();
    assert_eq!((names(files, "/").await.as_str(), text(files, "/b").await.as_str()), ("b", "y"));
    failed(files.rename("/b", "/none/b").await, FsErrorKind::NotFound);
    files.get_directory_handle("/d", true).await.unwrap();
    failed(files.rename("/b", "/d").await, FsErrorKind::InvalidModification);
    files.rename("/b", "/d/b").await.unwrap();
    assert_eq!((names(files, "/").await.as_str(), text(files, "/d/b").await.as_str()), ("d/", "y"));
}

async fn directories_are_moved(files: Files<'_>) {
    for path in ["/d", "/d/e", "/other", "/empty"] {
        files.get_directory_handle(path, true).await.unwrap();
    }
    make_file(files, "/d/e/f", "x").await;
    make_file(files, "/file", "y").await;
    failed(files.rename("/d", "/d/e/g").await, FsErrorKind::InvalidModification);
    failed(files.rename("/d", "/file").await, FsErrorKind::InvalidModification);
    failed(files.rename("/d", "/empty").await, FsErrorKind::InvalidModification);
    files.rename("/d", "/other/d").await.unwrap();
    assert_eq!(
        (names(files, "/").await.as_str(), names(files, "/other/d").await.as_str()),
        ("empty/ file other/", "e/")
    );
    assert_eq!(text(files, "/other/d/e/f").await, "x");
    failed(files.read_directory("/d").await, FsErrorKind::NotFound);
}

async fn writers_show_nothing_before_the_end(files: Files<'_>) {
    lacks(files.open_writer("/none", false).await);
    make_file(files, "/a", "old").await;
    let Some(mut writer) = files.open_writer("/a", false).await.unwrap() else { return };
    writer.write(0, "new text".into()).await.unwrap();
    writer.write(4, "data".into()).await.unwrap();
    writer.truncate(10).await.unwrap();
    assert_eq!((text(files, "/a").await.as_str(), names(files, "/").await.as_str()), ("old", "a"));
    writer.close().await.unwrap();
    assert_eq!((text(files, "/a").await.as_str(), names(files, "/").await.as_str()), ("new data\0\0", "a"));
    // One that is dropped leaves nothing.
    let mut writer = files.open_writer("/a", false).await.unwrap().unwrap();
    writer.write(0, "never".into()).await.unwrap();
    drop(writer);
    assert_eq!((text(files, "/a").await.as_str(), names(files, "/").await.as_str()), ("new data\0\0", "a"));
    // Nothing written is an empty file.
    files.open_writer("/a", false).await.unwrap().unwrap().close().await.unwrap();
    assert_eq!(text(files, "/a").await, "");
}

async fn writers_keep_what_they_are_told_to(files: Files<'_>) {
    make_file(files, "/a", "0123456789").await;
    let Some(mut writer) = files.open_writer("/a", true).await.unwrap() else { return };
    writer.write(2, "ab".into()).await.unwrap();
    writer.write(12, "!".into()).await.unwrap();
    writer.write(100, Bytes::new()).await.unwrap();
    writer.close().await.unwrap();
    assert_eq!(text(files, "/a").await, "01ab456789\0\0!");
    let mut writer = files.open_writer("/a", true).await.unwrap().unwrap();
    writer.truncate(4).await.unwrap();
    writer.close().await.unwrap();
    assert_eq!(text(files, "/a").await, "01ab");
}

async fn two_writers_do_not_mix(files: Files<'_>) {
    make_file(files, "/a", "old").await;
    let Some(mut one) = files.open_writer("/a", false).await.unwrap() else { return };
    let mut two = files.open_writer("/a", false).await.unwrap().unwrap();
    one.write(0, "one".into()).await.unwrap();
    two.write(0, "two and more".into()).await.unwrap();
    one.write(3, "!".into()).await.unwrap();
    two.close().await.unwrap();
    assert_eq!(text(files, "/a").await, "two and more");
    one.close().await.unwrap();
    assert_eq!((text(files, "/a").await.as_str(), names(files, "/").await.as_str()), ("one!", "a"));
}

async fn synchronous_access(files: Files<'_>) {
    lacks(files.open_sync("/none", SyncMode::ReadWrite).await);
    make_file(files, "/a", "0123456789").await;
    let Some(mut file) = files.open_sync("/a", SyncMode::ReadWrite).await.unwrap() else { return };
    let mut buffer = [0; 4];
    assert_eq!((file.read(3, &mut buffer).unwrap(), &buffer), (4, b"3456"));
    assert_eq!((file.read(8, &mut buffer).unwrap(), &buffer[..2]), (2, &b"89"[..]));
    assert_eq!((file.read(10, &mut buffer).unwrap(), file.read(1 << 60, &mut buffer).unwrap()), (0, 0));
    file.write(8, b"abc").unwrap();
    assert_eq!(file.size().unwrap(), 11);
    file.write(12, b"!").unwrap();
    assert_eq!((file.read(10, &mut buffer).unwrap(), &buffer[..3]), (3, &b"c\0!"[..]));
    file.truncate(2).unwrap();
    file.truncate(3).unwrap();
    file.flush().unwrap();
    assert_eq!(file.size().unwrap(), 3);
    drop(file);
    assert_eq!(text(files, "/a").await, "01\0");
}

async fn many_at_once(files: Files<'_>) {
    let paths: Vec<String> = (0..50).map(|i| format!("/{i}")).collect();
    let mut running = Vec::new();
    for path in &paths {
        running.push(Box::pin(async move {
            files.get_file_handle(path, true).await.unwrap();
            files.write_file(path, path.clone().into(), None).await.unwrap();
            assert_eq!(text(files, path).await, *path);
        }));
    }
    // All of them make progress side by side.
    let mut left = running.len();
    std::future::poll_fn(|cx| {
        running.retain_mut(|future| future.as_mut().poll(cx).is_pending());
        left = running.len();
        if left == 0 { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    assert_eq!(files.read_directory("/").await.unwrap().len(), 50);
}

async fn what_is_stored_can_be_told(files: Files<'_>) {
    let before = files.estimate().await.unwrap();
    files.get_file_handle("/a", true).await.unwrap();
    files.write_file("/a", pattern(100_000), None).await.unwrap();
    let after = files.estimate().await.unwrap();
    let more = after.usage - before.usage;
    assert!((100_000..200_000).contains(&more), "{before:?} {after:?}");
}
