//! Every handler against the rules of all of them.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use isolate_fs::{
    DirectoryFileSystem, FileSystemHandler, FsError, FsErrorKind, MemoryFileSystem, MountedFileSystem,
    ObjectStoreFileSystem, QuotaFileSystem,
};
use isolate_test_utils::{MinimalFileSystem, MockFileSystem, block_on, check_file_system};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;

const RULES: Range<usize> = 20..100;

#[test]
fn memory() {
    assert!(RULES.contains(&block_on(check_file_system(MemoryFileSystem::new))));
    block_on(check_file_system(MockFileSystem::new));
}

#[test]
fn eight_operations_are_enough() {
    block_on(check_file_system(MinimalFileSystem::default));
}

#[test]
fn quota() {
    block_on(check_file_system(|| QuotaFileSystem::new(MemoryFileSystem::new()).bytes(20 << 20).entries(100)));
    block_on(check_file_system(|| QuotaFileSystem::new(MinimalFileSystem::default()).bytes(20 << 20)));
}

#[test]
fn mounted_at_the_root() {
    block_on(check_file_system(|| MountedFileSystem::new().mount("/", MemoryFileSystem::new()).unwrap()));
}

#[test]
fn a_directory() {
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

#[test]
fn object_stores() {
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

/// A small random number; not a good one.
fn next(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *seed >> 33
}

/// Does what a number says, and says what came of it.
async fn step(files: &dyn FileSystemHandler, seed: &mut u64) -> String {
    const PATHS: [&str; 8] = ["/a", "/b", "/d", "/d/a", "/d/e", "/d/e/f", "/a/x", "/"];
    let mut pick = || PATHS[next(seed) as usize % PATHS.len()];
    let (path, other) = (pick(), pick());
    let (what, n) = (next(seed) % 12, next(seed) % 50);
    let data = Bytes::from(vec![b'a' + (n % 26) as u8; n as usize]);
    let create = n % 3 > 0;
    let kind = |e: FsError| format!("{:?}", e.kind());
    let result = match what {
        0 => files.get_file_handle(path, create).await.map(|()| String::new()),
        1 => files.get_directory_handle(path, create).await.map(|()| String::new()),
        2 if path != "/" => files.remove_entry(path, n % 2 == 0).await.map(|()| String::new()),
        3 => files.read_directory(path).await.map(|mut entries| {
            entries.sort();
            format!("{entries:?}")
        }),
        4 => files.write_file(path, data, None).await.map(|()| String::new()),
        5 => files.write_file(path, data, Some(n / 2)).await.map(|()| String::new()),
        6 => files.truncate_file(path, n).await.map(|()| String::new()),
        7 => files.get_file_metadata(path).await.map(|metadata| metadata.size.to_string()),
        8 if path != "/" && other != "/" => files.rename(path, other).await.map(|()| String::new()),
        9 => match files.get_file_metadata(path).await {
            Ok(metadata) => {
                let end = metadata.size.min(n);
                files.read_range(path, end / 2..end, &metadata).await.map(|data| format!("{data:?}"))
            }
            Err(e) => Err(e),
        },
        10 => match files.open_writer(path, create).await {
            // What is collected where a handler has no writer.
            Ok(None) if create => files.write_file(path, data, Some(3)).await.map(|()| String::new()),
            Ok(None) => {
                let zeros = [&[0; 3][..if data.is_empty() { 0 } else { 3 }], &data].concat();
                files.write_file(path, zeros.into(), None).await.map(|()| String::new())
            }
            Ok(Some(mut writer)) => {
                writer.write(3, data).await.unwrap();
                writer.close().await.map(|()| String::new())
            }
            Err(e) => Err(e),
        },
        _ => files.read_file(path).await.map(|file| format!("{:?}", file.data)),
    };
    // Of what is wrong in two ways, either may be said.
    let outcome = result.unwrap_or_else(kind).replace("TypeMismatch", "NotFound");
    format!("{what} {path} {other} {n}: {outcome}")
}

/// The same steps give the same on every handler.
#[test]
fn handlers_agree() {
    let root = tempfile::tempdir().unwrap();
    for round in 0..150u64 {
        let path = root.path().join(round.to_string());
        std::fs::create_dir(&path).unwrap();
        let all: Vec<(&str, Box<dyn FileSystemHandler>)> = vec![
            ("memory", Box::new(MemoryFileSystem::new())),
            ("minimal", Box::new(MinimalFileSystem::default())),
            ("quota", Box::new(QuotaFileSystem::new(MemoryFileSystem::new()).bytes(1 << 20))),
            ("directory", Box::new(DirectoryFileSystem::open(path).unwrap())),
            ("store", Box::new(ObjectStoreFileSystem::new(Arc::new(InMemory::new())))),
        ];
        block_on(async {
            let mut seeds = vec![round * 7919 + 1; all.len()];
            for i in 0..60 {
                let mut first = None;
                for ((name, files), seed) in all.iter().zip(&mut seeds) {
                    let told = step(&**files, seed).await;
                    let first = first.get_or_insert_with(|| told.clone());
                    assert_eq!(told, *first, "{name}, step {i} of round {round}");
                }
            }
            // What a quota has counted is what is there.
            let counted = all[2].1.estimate().await.unwrap().usage;
            let there = all[1].1.estimate().await.unwrap().usage;
            assert_eq!(counted, there, "round {round}");
        });
    }
}

#[test]
fn trees_are_not_deeper_than_they_may_be() {
    let root = tempfile::tempdir().unwrap();
    let all: [&dyn FileSystemHandler; 2] = [&DirectoryFileSystem::open(root.path()).unwrap(), &MemoryFileSystem::new()];
    for files in all {
        block_on(deep(files));
    }
}

async fn deep(files: &dyn FileSystemHandler) {
    let chain = |top: &str, n: usize| format!("/{top}{}", "/d".repeat(n));
    for i in 0..100 {
        files.get_directory_handle(&chain("a", i), true).await.unwrap();
    }
    let e = files.get_directory_handle(&chain("a", 100), true).await.unwrap_err();
    assert_eq!(e.kind(), FsErrorKind::InvalidName);
    // Nor are they put together to become so.
    for i in 0..50 {
        files.get_directory_handle(&chain("b", i), true).await.unwrap();
    }
    for i in 0..60 {
        files.get_directory_handle(&chain("c", i), true).await.unwrap();
    }
    let e = files.rename("/b", &chain("c", 60)).await.unwrap_err();
    assert_eq!(e.kind(), FsErrorKind::InvalidName, "{e}");
    let usage = files.measure("/").await.unwrap();
    assert_eq!((usage.entries, usage.bytes), (210, 0));
    files.remove_entry("/a", true).await.unwrap();
    files.rename("/b/d/d/d/d/d/d/d/d/d/d/d", &chain("c", 60)).await.unwrap();
    assert_eq!((files.measure("/c").await.unwrap().entries, files.measure("/b").await.unwrap().entries), (99, 11));
}
