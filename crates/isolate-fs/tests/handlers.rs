//! Every handler against the rules of all of them.

use std::ops::Range;

use bytes::Bytes;
use isolate_fs::{
    DirectoryEntry, FileData, FileMetadata, FileSystemHandler, FsError, MemoryFileSystem, MountedFileSystem,
    QuotaFileSystem, async_trait,
};
use isolate_test_utils::{MockFileSystem, block_on, check_file_system};

/// A handler of the eight operations alone.
struct Plain(MemoryFileSystem);

#[async_trait]
impl FileSystemHandler for Plain {
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
