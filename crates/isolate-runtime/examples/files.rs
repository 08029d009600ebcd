//! A guest with two directories: one that a handler of the host's makes up, and one in memory with a quota.

use isolate_runtime::fs::async_trait;
use isolate_runtime::{
    DirectoryEntry, FileData, FileMetadata, FileSystemHandler, FsError, FsErrorKind, FsOptions, MemoryFileSystem,
    MountedFileSystem, QuotaFileSystem, RuntimeOptions, create_runtime,
};

/// Orders as files: `/1.json` and so on. Nothing of them is on a disk.
struct Orders(Vec<(&'static str, u32)>);

impl Orders {
    fn read(&self, path: &str) -> Result<FileData, FsError> {
        if path == "/" {
            return Err(FsError::is_directory());
        }
        let number = path.strip_prefix('/').and_then(|name| name.strip_suffix(".json")?.parse::<usize>().ok());
        let (customer, cents) = number.and_then(|n| self.0.get(n.wrapping_sub(1))).ok_or_else(FsError::not_found)?;
        let data = format!(r#"{{"customer":"{customer}","cents":{cents}}}"#);
        let metadata = FileMetadata::new(data.len() as u64, 0).content_type("application/json");
        Ok(FileData { data: data.into(), metadata })
    }
}

#[async_trait]
impl FileSystemHandler for Orders {
    async fn get_file_handle(&self, path: &str, create: bool) -> Result<(), FsError> {
        match self.read(path) {
            Err(e) if create && e.kind() == FsErrorKind::NotFound => Err(FsError::read_only()),
            found => found.map(drop),
        }
    }
    async fn get_directory_handle(&self, path: &str, _create: bool) -> Result<(), FsError> {
        if path == "/" { Ok(()) } else { Err(FsError::not_found()) }
    }
    async fn remove_entry(&self, _path: &str, _recursive: bool) -> Result<(), FsError> {
        Err(FsError::read_only())
    }
    async fn read_directory(&self, path: &str) -> Result<Vec<DirectoryEntry>, FsError> {
        self.get_directory_handle(path, false).await?;
        Ok((1..=self.0.len()).map(|n| DirectoryEntry::file(format!("{n}.json"))).collect())
    }
    async fn read_file(&self, path: &str) -> Result<FileData, FsError> {
        self.read(path)
    }
    async fn write_file(&self, _: &str, _: bytes::Bytes, _: Option<u64>) -> Result<(), FsError> {
        Err(FsError::read_only())
    }
    async fn truncate_file(&self, _path: &str, _size: u64) -> Result<(), FsError> {
        Err(FsError::read_only())
    }
    async fn get_file_metadata(&self, path: &str) -> Result<FileMetadata, FsError> {
        self.read(path).map(|file| file.metadata)
    }
    fn is_writable(&self, _path: &str) -> bool {
        false
    }
}

const GUEST: &str = r"
    const orders = await getDirectory('/orders'), out = await getDirectory('/out');
    let total = 0;
    const report = await (await out.getFileHandle('report.csv', { create: true })).createWritable();
    for await (const [name, handle] of orders) {
        const { customer, cents } = JSON.parse(await (await handle.getFile()).text());
        total += cents;
        await report.write(`${name},${customer},${cents}\n`);
    }
    await report.close();
    console.log('orders:', await orders.queryPermission({ mode: 'readwrite' }));

    const greedy = await (await out.getFileHandle('greedy', { create: true })).createWritable();
    try {
        for (;;) await greedy.write('x'.repeat(100));
    } catch (e) {
        console.log('greedy:', e.name);
    }
    console.log('stored:', await navigator.storage.estimate().then(({ usage }) => usage), 'bytes');
    total";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let out = MemoryFileSystem::new();
    let files = MountedFileSystem::new()
        .mount("/orders", Orders(vec![("Ada", 1250), ("Grace", 399)]))?
        .mount("/out", QuotaFileSystem::new(out.clone()).bytes(1000).entries(10))?;
    let options = RuntimeOptions::new()
        .fs(FsOptions::new().handler(files))
        .console(isolate_runtime::ConsoleOptions::new().on_log(|e| println!("guest: {}", e.text)));
    let rt = create_runtime(options).await?;
    let total: u32 = rt.eval_as(GUEST, "guest.js").await?;
    rt.dispose().await;

    println!("total: {total}");
    println!("the guest left {:?}", out.paths());
    print!("{}", String::from_utf8_lossy(&out.get("/report.csv")?));
    Ok(())
}
