//! What the flags grant of files.

use isolate_runtime::{DirectoryFileSystem, FsOptions, MountedFileSystem, QuotaFileSystem, ReadOnlyFileSystem};

use crate::args::{Directory, Options};
use crate::report::Failure;

/// Without a grant there is no handler, and `navigator.storage` says so.
pub(crate) fn fs_options(options: &Options) -> Result<FsOptions, Failure> {
    if options.dir.is_empty() {
        return Ok(FsOptions::new());
    }
    let mut all = MountedFileSystem::new();
    for Directory { guest, host, read_only } in &options.dir {
        let cannot = |e: &dyn std::fmt::Display| Failure::usage(format!("--dir {guest}={}: {e}", host.display()));
        let files = DirectoryFileSystem::open(host).map_err(|e| cannot(&e))?;
        let mounted = match (read_only, options.dir_quota) {
            (true, _) => all.mount(guest, ReadOnlyFileSystem::new(files)),
            (false, Some(quota)) => all.mount(guest, QuotaFileSystem::new(files).bytes(quota.0 as u64)),
            (false, None) => all.mount(guest, files),
        };
        all = mounted.map_err(|e| cannot(&e))?;
    }
    Ok(FsOptions::new().handler(all))
}
