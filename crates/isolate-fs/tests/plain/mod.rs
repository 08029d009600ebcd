//! A handler that does what it must and no more.

use bytes::Bytes;
use isolate_fs::{DirectoryEntry, FileData, FileMetadata, FileSystemHandler, FsError, MemoryFileSystem, async_trait};

/// A handler of the eight operations alone.
pub(crate) struct Plain(pub(crate) MemoryFileSystem);

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
