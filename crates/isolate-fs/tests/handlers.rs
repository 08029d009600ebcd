//! Every handler against the rules of all of them.

use std::ops::Range;

use isolate_fs::{MemoryFileSystem, MountedFileSystem, QuotaFileSystem};
use isolate_test_utils::{MockFileSystem, block_on, check_file_system};

mod plain;

use plain::Plain;

const RULES: Range<usize> = 20..100;

#[test]
fn memory() {
    assert!(RULES.contains(&block_on(check_file_system(MemoryFileSystem::new))));
    block_on(check_file_system(MockFileSystem::new));
}

#[test]
fn eight_operations_are_enough() {
    block_on(check_file_system(|| Plain(MemoryFileSystem::new())));
}

#[test]
fn quota() {
    block_on(check_file_system(|| QuotaFileSystem::new(MemoryFileSystem::new()).bytes(20 << 20).entries(100)));
    block_on(check_file_system(|| QuotaFileSystem::new(Plain(MemoryFileSystem::new())).bytes(20 << 20)));
}

#[test]
fn mounted_at_the_root() {
    block_on(check_file_system(|| MountedFileSystem::new().mount("/", MemoryFileSystem::new()).unwrap()));
}

#[cfg(feature = "directory")]
#[test]
fn a_directory() {
    use isolate_fs::DirectoryFileSystem;
    let root = tempfile::tempdir().unwrap();
    let mut n = 0;
    let mut make = || {
        n += 1;
        let path = root.path().join(n.to_string());
        std::fs::create_dir(&path).unwrap();
        DirectoryFileSystem::open(path).unwrap()
    };
    block_on(check_file_system(&mut make));
    block_on(check_file_system(|| QuotaFileSystem::new(make()).bytes(20 << 20)));
}

#[cfg(feature = "object-store")]
#[test]
fn object_stores() {
    use std::sync::Arc;

    use isolate_fs::ObjectStoreFileSystem;
    use object_store::local::LocalFileSystem;
    use object_store::memory::InMemory;

    block_on(check_file_system(|| ObjectStoreFileSystem::new(Arc::new(InMemory::new()))));
    let root = tempfile::tempdir().unwrap();
    let mut n = 0;
    block_on(check_file_system(|| {
        n += 1;
        let path = root.path().join(n.to_string());
        std::fs::create_dir(&path).unwrap();
        let store = LocalFileSystem::new_with_prefix(path).unwrap().with_automatic_cleanup(true);
        ObjectStoreFileSystem::new(Arc::new(store))
    }));
}
