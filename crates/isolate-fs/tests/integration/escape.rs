//! Ways out of a directory that a guest was given. None leads anywhere.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use isolate_core::Context;
use isolate_fs::{DirectoryFileSystem, FileSystemHandler, FsOptions, SyncMode, setup_fs};
use isolate_test_utils::{block_on, create_test_context, engine_test, eval_code_async};

const SECRET: &str = "the secret";

/// A directory to be given away, and beside it one that is not.
struct Place {
    _all: tempfile::TempDir,
    root: PathBuf,
    outside: PathBuf,
}

fn place() -> Place {
    let all = tempfile::tempdir().unwrap();
    // By its real name: nothing on the way is a link.
    let base = all.path().canonicalize().unwrap();
    let (root, outside) = (base.join("root"), base.join("outside"));
    fs::create_dir_all(root.join("sub/deep")).unwrap();
    fs::create_dir_all(outside.join("dir")).unwrap();
    fs::write(outside.join("secret.txt"), SECRET).unwrap();
    fs::write(outside.join("dir/secret.txt"), SECRET).unwrap();
    fs::write(root.join("own.txt"), "own").unwrap();
    Place { _all: all, root, outside }
}

/// All that can be told of a tree.
fn snapshot(path: &Path) -> BTreeMap<PathBuf, (String, u32, u64)> {
    let mut all = BTreeMap::new();
    let mut waiting = vec![path.to_owned()];
    while let Some(path) = waiting.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        let contents = match metadata.is_file() {
            true => fs::read_to_string(&path).unwrap(),
            false => String::new(),
        };
        if metadata.is_dir() {
            waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        all.insert(path, (contents, metadata.mode(), metadata.nlink()));
    }
    all
}

fn context(engine: &dyn isolate_core::Engine, root: &Path) -> Context {
    let context = create_test_context(engine);
    setup_fs(&context, FsOptions::new().handler(DirectoryFileSystem::open(root).unwrap())).unwrap();
    context
}

/// Tries every operation on every name of a list (`globalThis.names`), and gives [attempts, refused, what got through].
const TRY_NAMES: &str = r"(async () => {
    const root = await navigator.storage.getDirectory();
    const own = async () => (await root.getFileHandle('own.txt', { create: true }));
    let attempts = 0, refused = 0;
    const through = [];
    const attempt = async (what, f) => {
        attempts++;
        try { through.push(what + ': ' + await f()); } catch (e) { if (e instanceof TypeError || e instanceof DOMException) refused++; else throw e; }
    };
    const text = async (handle) => (await handle.getFile()).text();
    const append = async (handle) => {
        const stream = await handle.createWritable({ keepExistingData: true });
        await stream.write('changed');
        await stream.close();
        return 'written';
    };
    const sync = async (handle) => {
        const access = await handle.createSyncAccessHandle();
        try { access.write(new Uint8Array(3)); } finally { access.close(); }
        return 'written';
    };
    for (const name of names) {
        const show = JSON.stringify(name);
        await attempt('read ' + show, async () => text(await root.getFileHandle(name)));
        await attempt('write ' + show, async () => append(await root.getFileHandle(name)));
        await attempt('sync ' + show, async () => sync(await root.getFileHandle(name)));
        await attempt('list ' + show, async () => (await Array.fromAsync((await root.getDirectoryHandle(name)).keys())).join());
        await attempt('read below ' + show, async () => text(await (await root.getDirectoryHandle(name)).getFileHandle('secret.txt')));
        await attempt('make below ' + show, async () => (await (await root.getDirectoryHandle(name)).getFileHandle('made', { create: true })).name);
        await attempt('remove below ' + show, async () => (await root.getDirectoryHandle(name)).removeEntry('secret.txt'));
        await attempt('move below ' + show, async () => (await own()).move(await root.getDirectoryHandle(name)));
        // That of no name at all is the root, which the guest has.
        if (name !== '') await attempt('path ' + show, async () => (await getDirectory('/' + name)).kind);
        await attempt('path below ' + show, async () => (await getDirectory('/sub/' + name + '/outside')).kind);
    }
    return JSON.stringify([attempts, refused, through]);
})()";

/// Names that are to lead up or elsewhere: none of them is there.
const NAMES: &[&str] = &[
    "..",
    ".",
    "",
    "/",
    "\\",
    "../outside",
    "..\\outside",
    "../outside/secret.txt",
    "/etc",
    "//etc",
    "/etc/passwd",
    "./..",
    "sub/..",
    "sub/../..",
    "sub\\..\\..",
    "..\0",
    "\0",
    "..\0/outside",
    "%2e%2e",
    "%2e%2e%2foutside",
    "..%2foutside",
    "%252e%252e",
    "..%00",
    "..%c0%af",
    "%c0%ae%c0%ae",
    "\u{ff0e}\u{ff0e}",
    "\u{2024}\u{2024}",
    "\u{fe52}\u{fe52}",
    "..\u{2215}outside",
    "..\u{2044}outside",
    "..\u{ff0f}outside",
    "..\u{29f8}outside",
    "..\u{ff3c}outside",
    ".. ",
    " ..",
    "...",
    "....",
    ".\u{200b}.",
    "\u{202e}..",
    "..\u{feff}",
    "C:\\",
    "C:",
    "\\\\server\\share",
    "~",
    "~root",
    "$HOME",
    "proc",
    "file:///etc",
    "..;",
    "..:$DATA",
    "outside",
    "secret.txt",
];

engine_test!(
    async fn names_lead_nowhere(engine) {
        let place = place();
        let before = snapshot(&place.outside);
        let ctx = context(engine, &place.root);
        ctx.define_global("names", isolate_core::Value::List(NAMES.iter().map(|&name| name.into()).collect())).unwrap();
        let told = eval_code_async::<String>(&ctx, TRY_NAMES).await;
        let (attempts, refused, through): (usize, usize, Vec<String>) = serde_json::from_str(&told).unwrap();
        println!("{attempts} escape attempts by names, {refused} refused");
        assert_eq!((through, attempts), (Vec::new(), 10 * NAMES.len() - 1));
        assert_eq!(refused, attempts);
        assert_eq!(snapshot(&place.outside), before);
    }
);

engine_test!(
    async fn links_and_special_files_lead_nowhere(engine) {
        let place = place();
        let outside = &place.outside;
        let own = place.root.join("own.txt");
        let mut names = Vec::new();
        let mut link = |name: &'static str, target: &Path| {
            symlink(target, place.root.join(name)).unwrap();
            names.push(name);
        };
        link("abs-file", &outside.join("secret.txt"));
        link("abs-dir", outside);
        link("rel-file", Path::new("../outside/secret.txt"));
        link("rel-dir", Path::new("../outside"));
        link("up", Path::new(".."));
        link("up-and-back", Path::new("../root/../outside"));
        link("through-sub", Path::new("sub/../../outside"));
        link("slash", Path::new("/"));
        link("etc", Path::new("/etc"));
        link("passwd", Path::new("/etc/passwd"));
        link("proc-root", Path::new("/proc/self/root"));
        link("proc-cwd", Path::new("/proc/self/cwd"));
        link("proc-fd", Path::new("/proc/self/fd"));
        link("proc-mem", Path::new("/proc/self/mem"));
        link("proc-environ", Path::new("/proc/self/environ"));
        link("dev", Path::new("/dev"));
        link("dev-zero", Path::new("/dev/zero"));
        link("dev-tty", Path::new("/dev/tty"));
        link("chain-1", Path::new("rel-dir"));
        link("chain-2", Path::new("chain-1/dir"));
        link("loop", Path::new("loop"));
        link("nowhere", Path::new("../nowhere"));
        link("new-outside", Path::new("../outside/new"));
        let fifo = place.root.join("fifo");
        make_fifo(&fifo);
        let _socket = std::os::unix::net::UnixListener::bind(place.root.join("socket")).unwrap();
        names.extend(["fifo", "socket"]);
        let before = snapshot(outside);
        let ctx = context(engine, &place.root);
        ctx.define_global("names", isolate_core::Value::List(names.iter().map(|&name| name.into()).collect())).unwrap();
        let told = eval_code_async::<String>(&ctx, TRY_NAMES).await;
        let (attempts, refused, through): (usize, usize, Vec<String>) = serde_json::from_str(&told).unwrap();
        println!("{attempts} escape attempts by links and special files, {refused} refused");
        assert_eq!((through, refused), (Vec::<String>::new(), attempts));
        assert!(attempts >= 200);
        // Nor is any of it listed, but for what is in the directory itself.
        let list = "(async () => (await Array.fromAsync((await getDirectory('/')).keys())).sort().join())()";
        assert_eq!(eval_code_async::<String>(&ctx, list).await, "own.txt,sub");
        // Moved or removed, a link goes no further than itself.
        let remove = r"(async () => {
            const root = await getDirectory('/');
            const out = [];
            for (const name of names) out.push(await root.removeEntry(name, { recursive: true }).then(() => '', e => name + e.name));
            return out.filter(x => x).join();
        })()";
        assert_eq!(eval_code_async::<String>(&ctx, remove).await, "fifoNotAllowedError,socketNotAllowedError");
        assert_eq!(snapshot(outside), before);
        assert_eq!(fs::read_to_string(own).unwrap(), "own");
    }
);

fn make_fifo(path: &Path) {
    let made = std::process::Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
}

engine_test!(
    async fn links_that_stay_within_are_read_and_not_written(engine) {
        let place = place();
        fs::write(place.root.join("sub/target.txt"), "target").unwrap();
        symlink("sub/target.txt", place.root.join("link.txt")).unwrap();
        symlink("sub", place.root.join("dir")).unwrap();
        let ctx = context(engine, &place.root);
        let told = eval_code_async::<String>(&ctx, r"(async () => {
            const root = await getDirectory('/');
            const why = (promise) => promise.then(() => 'none', e => e.name);
            const link = await root.getFileHandle('link.txt');
            const dir = await root.getDirectoryHandle('dir');
            const out = [await (await link.getFile()).text(), await why(link.createWritable()), await why(link.createSyncAccessHandle())];
            out.push((await Array.fromAsync(dir.keys())).sort().join(), await why(link.move('x')), await why(link.move(dir)));
            out.push((await Array.fromAsync(root.values(), h => h.name + ':' + h.kind)).sort().join());
            // Below a linked directory it is the directory's own files that are written.
            const inner = await dir.getFileHandle('target.txt');
            const stream = await inner.createWritable();
            await stream.write('new');
            await stream.close();
            await link.remove();
            return out.join(' ');
        })()").await;
        assert_eq!(
            told,
            "target NoModificationAllowedError NoModificationAllowedError deep,target.txt NoModificationAllowedError \
             NoModificationAllowedError dir:directory,link.txt:file,own.txt:file,sub:directory"
        );
        assert_eq!(fs::read_to_string(place.root.join("sub/target.txt")).unwrap(), "new");
        assert!(!place.root.join("link.txt").exists());
    }
);

engine_test!(
    async fn a_file_with_other_names_is_not_written_in_place(engine) {
        let place = place();
        fs::hard_link(place.outside.join("secret.txt"), place.root.join("hard")).unwrap();
        let ctx = context(engine, &place.root);
        let told = eval_code_async::<String>(&ctx, r"(async () => {
            const hard = await (await getDirectory('/')).getFileHandle('hard');
            const in_place = await hard.createSyncAccessHandle().then(() => 'none', e => e.name);
            const stream = await hard.createWritable({ keepExistingData: true });
            await stream.write('THE');
            await stream.close();
            return in_place + ' ' + await (await hard.getFile()).text();
        })()").await;
        assert_eq!(told, "NoModificationAllowedError THE secret");
        assert_eq!(fs::read_to_string(place.outside.join("secret.txt")).unwrap(), SECRET);
    }
);

/// A directory that becomes a link while it is walked.
#[test]
fn races_lead_nowhere() {
    let place = place();
    fs::create_dir(place.root.join("real")).unwrap();
    fs::write(place.root.join("real/secret.txt"), "harmless").unwrap();
    symlink("../outside", place.root.join("link")).unwrap();
    fs::create_dir(place.root.join("d")).unwrap();
    fs::remove_dir(place.root.join("d")).unwrap();
    let before = snapshot(&place.outside);
    let stop = Arc::new(AtomicBool::new(false));
    let swaps = Arc::new(AtomicUsize::new(0));
    let (root, done, count) = (place.root.clone(), stop.clone(), swaps.clone());
    let swapping = std::thread::spawn(move || {
        while !done.load(Ordering::Relaxed) {
            for name in ["real", "link"] {
                fs::rename(root.join(name), root.join("d")).unwrap();
                std::thread::yield_now();
                fs::rename(root.join("d"), root.join(name)).unwrap();
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let files = DirectoryFileSystem::open(&place.root).unwrap();
    let (mut attempts, mut stayed) = (0, 0);
    let began = std::time::Instant::now();
    block_on(async {
        // Until there were enough of both, however slow the machine is.
        while attempts < 1000 || (stayed == 0 || swaps.load(Ordering::Relaxed) < 1000) && began.elapsed().as_secs() < 60
        {
            let path = "/d/secret.txt";
            if let Ok(file) = files.read_file(path).await {
                assert_eq!(file.data, "harmless");
                stayed += 1;
            }
            let _ = files.get_file_handle("/d/made", true).await;
            let _ = files.remove_entry("/d/made", false).await;
            if let Ok(Some(mut writer)) = files.open_writer(path, true).await {
                writer.write(0, Bytes::from_static(b"harm")).await.unwrap();
                let _ = writer.close().await;
            }
            let _ = files.get_directory_handle("/d/made-dir", true).await;
            let _ = files.remove_entry("/d/made-dir", true).await;
            attempts += 6;
        }
    });
    stop.store(true, Ordering::Relaxed);
    swapping.join().unwrap();
    println!(
        "{attempts} escape attempts by races over {} swaps, none got out; {stayed} stayed within",
        swaps.load(Ordering::Relaxed)
    );
    assert!(stayed > 0);
    assert_eq!(snapshot(&place.outside), before);
}

/// A tree that becomes a link to another one while it is removed.
#[test]
fn what_is_removed_is_within() {
    let place = place();
    fs::create_dir_all(place.outside.join("d/d/d")).unwrap();
    let before = snapshot(&place.outside);
    symlink("../outside", place.root.join("link")).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let (root, done) = (place.root.clone(), stop.clone());
    let swapping = std::thread::spawn(move || {
        let mut swaps = 0;
        while !done.load(Ordering::Relaxed) {
            let _ = fs::create_dir_all(root.join("d/d/d/dir"));
            let _ = fs::write(root.join("d/secret.txt"), "harmless");
            // Under the feet of whoever walks there.
            let _ = fs::rename(root.join("d/d"), root.join("aside"));
            let _ = symlink("../../outside", root.join("d/d"));
            let _ = fs::remove_dir_all(root.join("aside"));
            let _ = fs::rename(root.join("d"), root.join("aside"));
            let _ = fs::rename(root.join("link"), root.join("d"));
            std::thread::yield_now();
            let _ = fs::rename(root.join("d"), root.join("link"));
            if !root.join("link").is_symlink() {
                let _ = fs::remove_dir_all(root.join("link"));
                let _ = symlink("../outside", root.join("link"));
            }
            let _ = fs::remove_dir_all(root.join("aside"));
            swaps += 1;
        }
        swaps
    });
    let files = DirectoryFileSystem::open(&place.root).unwrap();
    let mut removed = 0;
    block_on(async {
        for _ in 0..2000 {
            removed += usize::from(files.remove_entry("/d", true).await.is_ok());
        }
    });
    stop.store(true, Ordering::Relaxed);
    let swaps = swapping.join().unwrap();
    println!("2000 escape attempts by removing over {swaps} swaps, none got out; {removed} removed what was within");
    assert!(removed > 0);
    assert_eq!(snapshot(&place.outside), before);
}

/// Whoever calls the handler itself, with paths that guests cannot have.
#[test]
fn the_handler_alone_lets_nothing_out() {
    let place = place();
    let before = snapshot(&place.outside);
    let files = DirectoryFileSystem::open(&place.root).unwrap();
    let mut attempts = 0;
    block_on(async {
        for path in [
            "/../outside/secret.txt",
            "/sub/../../outside/secret.txt",
            "/./../outside/secret.txt",
            "../outside/secret.txt",
            "//../outside/secret.txt",
            "/sub/deep/../../../outside/secret.txt",
        ] {
            assert!(files.read_file(path).await.is_err(), "{path}");
            assert!(files.get_file_metadata(path).await.is_err(), "{path}");
            assert!(files.get_file_handle(path, true).await.is_err(), "{path}");
            assert!(files.write_file(path, "x".into(), None).await.is_err(), "{path}");
            assert!(files.truncate_file(path, 0).await.is_err(), "{path}");
            assert!(files.open_writer(path, false).await.is_err(), "{path}");
            assert!(files.open_sync(path, SyncMode::ReadWrite).await.is_err(), "{path}");
            assert!(files.remove_entry(path, true).await.is_err(), "{path}");
            assert!(files.rename(path, "/here").await.is_err(), "{path}");
            assert!(files.rename("/own.txt", path).await.is_err(), "{path}");
            let directory = path.trim_end_matches("/secret.txt");
            assert!(files.read_directory(directory).await.is_err(), "{directory}");
            assert!(files.get_directory_handle(directory, true).await.is_err(), "{directory}");
            attempts += 12;
        }
    });
    println!("{attempts} escape attempts at the handler, {attempts} refused");
    assert_eq!(snapshot(&place.outside), before);
}
