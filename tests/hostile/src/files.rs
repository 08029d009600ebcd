//! Files for the scripts: in memory, on a disk, and of a handler that does no more than it must.

use std::path::PathBuf;

use isolate_runtime::{DirectoryFileSystem, FsOptions, MemoryFileSystem, MountedFileSystem, QuotaFileSystem};
use isolate_test_utils::MinimalFileSystem;

/// A directory of this process, removed with its contents when it is dropped.
pub(crate) struct Disk(PathBuf);

impl Disk {
    pub(crate) fn new() -> Result<Self, String> {
        let path = std::env::temp_dir().join(format!("isolate-hostile-{}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// `/` in memory, `/plain` with the operations that every handler has, `/disk` on a disk if there is one.
pub(crate) fn files(disk: Option<&Disk>) -> Result<FsOptions, String> {
    let mounted = (|| {
        let files = MountedFileSystem::new()
            .mount("/", MemoryFileSystem::new())?
            .mount("/plain", MinimalFileSystem::default())?;
        match disk {
            Some(Disk(path)) => {
                files.mount("/disk", QuotaFileSystem::new(DirectoryFileSystem::open(path)?).bytes(16 << 20))
            }
            None => Ok(files),
        }
    })();
    mounted.map(|files| FsOptions::new().handler(files)).map_err(|e| e.to_string())
}
