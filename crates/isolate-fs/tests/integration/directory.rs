//! A real directory: crashes, full disks, what guests do not see.

use std::fs;
use std::path::Path;
use std::time::Duration;

use isolate_fs::{DirectoryFileSystem, FileSystemHandler, FsErrorKind, FsOptions, QuotaFileSystem, setup_fs};
use isolate_test_utils::{block_on, create_test_context, engine_test, eval_code_async};

const SIZE: usize = 3 << 20;

/// Not a test by itself: writes new contents again and again, until it is killed.
#[test]
fn child_that_writes() {
    let Ok(path) = std::env::var("ISOLATE_FS_CHILD") else { return };
    let files = DirectoryFileSystem::open(path).unwrap();
    block_on(async {
        for round in 0u64.. {
            let byte = b'a' + (round % 26) as u8;
            let mut writer = files.open_writer("/file", round % 2 == 1).await.unwrap().unwrap();
            for at in (0..SIZE).step_by(64 << 10) {
                writer.write(at as u64, vec![byte; 64 << 10].into()).await.unwrap();
            }
            writer.close().await.unwrap();
        }
    });
}

fn temporaries(path: &Path) -> usize {
    fs::read_dir(path).unwrap().filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().ends_with(".tmp")).count()
}

#[test]
#[cfg(unix)]
fn a_crash_leaves_the_old_file_or_the_new_one() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("file"), vec![b'-'; SIZE]).unwrap();
    let (mut left, mut new) = (0, 0);
    for round in 0..20u64 {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "directory::child_that_writes", "--nocapture"])
            .env("ISOLATE_FS_CHILD", root.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // Killed at all sorts of moments, but not before it has begun.
        while temporaries(root.path()) == 0 {
            assert!(child.try_wait().unwrap().is_none());
            std::thread::yield_now();
        }
        std::thread::sleep(Duration::from_micros(round * 1777 % 9000));
        child.kill().unwrap();
        child.wait().unwrap();
        let data = fs::read(root.path().join("file")).unwrap();
        assert!(data.len() == SIZE && data.iter().all(|byte| *byte == data[0]), "torn in round {round}");
        new += usize::from(data[0] != b'-');
        left += temporaries(root.path());
        // Guests see nothing of what was left, and once they have looked it is gone.
        let files = DirectoryFileSystem::open(root.path()).unwrap();
        let seen = block_on(files.read_directory("/")).unwrap();
        assert_eq!(seen.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>(), ["file"]);
        assert_eq!(temporaries(root.path()), 0);
    }
    println!("20 crashes: {left} left a temporary file, {new} came after a whole new file, none tore one");
    assert!(left > 0);
}

#[test]
#[cfg(unix)]
fn what_is_in_use_is_not_swept_away() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("file"), "old").unwrap();
    fs::write(root.path().join(".isolate-0123456789abcdef.tmp"), "left over").unwrap();
    fs::write(root.path().join(".isolate-notes.tmp"), "the host's own").unwrap();
    let (one, other) =
        (DirectoryFileSystem::open(root.path()).unwrap(), DirectoryFileSystem::open(root.path()).unwrap());
    block_on(async {
        let mut writer = one.open_writer("/file", false).await.unwrap().unwrap();
        writer.write(0, "new".into()).await.unwrap();
        assert_eq!(temporaries(root.path()), 3);
        assert_eq!(other.read_directory("/").await.unwrap().len(), 2);
        assert_eq!(temporaries(root.path()), 2);
        writer.close().await.unwrap();
        for path in ["/.isolate-0123456789abcdef.tmp", "/x/.isolate-0123456789abcdef.tmp"] {
            let e = other.get_file_handle(path, true).await.unwrap_err();
            assert_eq!(e.kind(), FsErrorKind::InvalidName);
        }
        // A directory that holds nothing else is empty.
        other.get_directory_handle("/d", true).await.unwrap();
        fs::write(root.path().join("d/.isolate-0123456789abcdef.tmp"), "left over").unwrap();
        other.remove_entry("/d", false).await.unwrap();
    });
    assert_eq!(fs::read_to_string(root.path().join("file")).unwrap(), "new");
}

/// A disk of 1 MiB, if this process may mount one.
#[cfg(target_os = "linux")]
struct SmallDisk(tempfile::TempDir);

#[cfg(target_os = "linux")]
impl SmallDisk {
    fn new() -> Option<Self> {
        let root = tempfile::tempdir().unwrap();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
            .arg(root.path())
            .stderr(std::process::Stdio::null())
            .status();
        match mounted {
            Ok(status) if status.success() => Some(Self(root)),
            _ => None,
        }
    }
}

#[cfg(target_os = "linux")]
impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(self.0.path()).status();
    }
}

/// Fills what there is room for, and gives [what the errors were, whether the old file is whole, whether there is room again].
const FILL: &str = r"(async () => {
    const root = await navigator.storage.getDirectory();
    const out = [];
    const a = await root.getFileHandle('a', { create: true });
    const write = async (handle, size, keep) => {
        const stream = await handle.createWritable({ keepExistingData: keep });
        for (let at = 0; at < size; at += 50_000) await stream.write('x'.repeat(50_000));
        await stream.close();
    };
    await write(a, 400_000, false);
    out.push(await write(a, 2_000_000, false).catch(e => e.name));
    out.push(await write(a, 2_000_000, true).catch(e => e.name));
    const access = await a.createSyncAccessHandle();
    try { access.write(new Uint8Array(2_000_000), { at: 400_000 }); } catch (e) { out.push(e.name); }
    access.truncate(400_000);
    access.close();
    out.push((await (await a.getFile()).text()) === 'x'.repeat(400_000));
    const b = await root.getFileHandle('b', { create: true });
    await write(b, 400_000, false);
    return out.concat((await b.getFile()).size).join(' ');
})()";
const FILLED: &str = "QuotaExceededError QuotaExceededError QuotaExceededError true 400000";

engine_test!(
    async fn a_full_disk_is_told_of_and_loses_nothing(engine) {
        #[cfg(target_os = "linux")]
        match SmallDisk::new() {
            Some(disk) => {
                let ctx = create_test_context(engine);
                let files = DirectoryFileSystem::open(disk.0.path()).unwrap();
                setup_fs(&ctx, FsOptions::new().handler(files)).unwrap();
                assert_eq!(eval_code_async::<String>(&ctx, FILL).await, FILLED);
                assert_eq!(temporaries(disk.0.path()), 0);
            }
            None => println!("skipped on a real disk: this process may not mount a small one"),
        }
        let root = tempfile::tempdir().unwrap();
        let ctx = create_test_context(engine);
        let files = QuotaFileSystem::new(DirectoryFileSystem::open(root.path()).unwrap()).bytes(1 << 20);
        setup_fs(&ctx, FsOptions::new().handler(files)).unwrap();
        assert_eq!(eval_code_async::<String>(&ctx, FILL).await, FILLED);
        assert_eq!(temporaries(root.path()), 0);
    }
);

engine_test!(
    async fn sizes_beyond_all_disks_are_refused(engine) {
        let root = tempfile::tempdir().unwrap();
        let ctx = create_test_context(engine);
        setup_fs(&ctx, FsOptions::new().handler(DirectoryFileSystem::open(root.path()).unwrap())).unwrap();
        let told = eval_code_async::<String>(&ctx, r"(async () => {
            const root = await navigator.storage.getDirectory();
            const a = await root.getFileHandle('a', { create: true });
            const far = Number.MAX_SAFE_INTEGER;
            const out = [];
            const attempt = async (f) => {
                const stream = await a.createWritable();
                out.push(await f(stream).then(() => stream.close()).then(() => 'none', e => e.name));
            };
            await attempt(stream => stream.truncate(far));
            await attempt(stream => stream.write({ type: 'write', position: far, data: 'x' }));
            await attempt(stream => stream.write({ type: 'write', position: far - 1, data: 'x' }));
            const access = await a.createSyncAccessHandle();
            for (const f of [() => access.truncate(far), () => access.write(new Uint8Array(1), { at: far }),
                    () => access.write(new Uint8Array(1), { at: far - 5 })]) {
                try { f(); out.push('none'); } catch (e) { out.push(e.name); }
            }
            out.push(access.read(new Uint8Array(1), { at: far }), access.getSize());
            return out.join(' ');
        })()").await;
        assert_eq!(told, "QuotaExceededError ".repeat(6) + "0 0");
        assert_eq!(temporaries(root.path()), 0);
    }
);

engine_test!(
    async fn what_the_host_changes_is_seen(engine) {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("a.json"), "1").unwrap();
        let ctx = create_test_context(engine);
        setup_fs(&ctx, FsOptions::new().handler(DirectoryFileSystem::open(root.path()).unwrap())).unwrap();
        let open = "(async () => { globalThis.root = await getDirectory('/'); globalThis.file = await (await root.getFileHandle('a.json')).getFile(); return file.type; })()";
        assert_eq!(eval_code_async::<String>(&ctx, open).await, "application/json");
        // The same size, and within the same millisecond.
        fs::write(root.path().join("a.json"), "2").unwrap();
        let told = eval_code_async::<String>(&ctx, "(async () => [await file.text().catch(e => e.name), await (await (await root.getFileHandle('a.json')).getFile()).text()].join())()").await;
        assert!(told == "NotReadableError,2", "{told}");
        fs::remove_dir_all(root.path()).unwrap();
        let told = eval_code_async::<String>(&ctx, "(async () => [await file.text().catch(e => e.name), await Array.fromAsync(root.keys()).then(a => a.length, e => e.name), await root.getFileHandle('x', { create: true }).catch(e => e.name)].join())()").await;
        assert_eq!(told, "NotFoundError,0,NotFoundError");
    }
);

/// What cannot be written whole is not put in place, whoever asks for it.
#[test]
#[cfg(target_os = "linux")]
fn what_failed_is_not_put_in_place() {
    let Some(disk) = SmallDisk::new() else { return println!("skipped: this process may not mount a small disk") };
    let files = DirectoryFileSystem::open(disk.0.path()).unwrap();
    fs::write(disk.0.path().join("a"), "old").unwrap();
    block_on(async {
        let mut writer = files.open_writer("/a", false).await.unwrap().unwrap();
        let mut failed = None;
        for at in 0..40u64 {
            if let Err(e) = writer.write(at * 50_000, vec![b'x'; 50_000].into()).await {
                failed = Some(e.kind());
                break;
            }
        }
        assert_eq!(failed, Some(FsErrorKind::QuotaExceeded));
        assert_eq!(writer.truncate(10).await.unwrap_err().kind(), FsErrorKind::InvalidState);
        assert_eq!(writer.close().await.unwrap_err().kind(), FsErrorKind::InvalidState);
    });
    assert_eq!(fs::read_to_string(disk.0.path().join("a")).unwrap(), "old");
    assert_eq!(temporaries(disk.0.path()), 0);
}

#[test]
#[cfg(unix)]
fn rights_of_a_file_outlast_its_contents() {
    use std::os::unix::fs::PermissionsExt;
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("run.sh");
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).unwrap();
    let files = DirectoryFileSystem::open(root.path()).unwrap().durable(true).unwrap();
    block_on(files.write_file("/run.sh", "new".into(), None)).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o750);
    assert_eq!(fs::read_to_string(&path).unwrap(), "new");
}
