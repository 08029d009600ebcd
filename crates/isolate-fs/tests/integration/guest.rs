//! What guests see of files, on every engine.

use isolate_core::{Limits, Termination};
use isolate_fs::{
    FsErrorKind, FsLimits, FsOptions, MemoryFileSystem, MountedFileSystem, QuotaFileSystem, ReadOnlyFileSystem,
    setup_fs,
};
use isolate_test_utils::{
    MinimalFileSystem, create_fs_test_context, create_limited_context, create_test_context, engine_test, eval_code,
    eval_code_async,
};

/// Code that begins with `root`.
fn with_root(code: &str) -> String {
    format!("(async () => {{ const root = await navigator.storage.getDirectory(); {HELPERS} {code} }})()")
}

const HELPERS: &str = "
    const why = (promise) => promise.then(() => 'none', e => e.name);
    const read = async (handle) => (await handle.getFile()).text();
    const list = async (directory) => (await Array.fromAsync(directory.keys())).sort().join();
";

engine_test!(
    async fn files_are_made_written_and_read(engine) {
        let ctx = create_fs_test_context(engine);
        let told = eval_code_async::<String>(&ctx.context, &with_root(r"
            const out = [root.kind, root.name === '', root instanceof FileSystemDirectoryHandle];
            out.push(await why(root.getFileHandle('a.txt')));
            const handle = await root.getFileHandle('a.txt', { create: true });
            out.push(handle.kind, handle.name, handle instanceof FileSystemHandle, String(handle));
            const stream = await handle.createWritable();
            out.push(stream instanceof WritableStream, stream.locked);
            await stream.write('hello ');
            await stream.write(new TextEncoder().encode('wor'));
            await stream.write(new TextEncoder().encode('ld').buffer);
            await stream.write(new Blob(['!', '?']));
            await stream.write({ type: 'write', position: 0, data: 'H' });
            await stream.write({ type: 'seek', position: 12 });
            await stream.write({ type: 'write', data: '*' });
            await stream.truncate(13);
            await stream.seek(12);
            await stream.write('.');
            out.push(await read(handle) === '', stream.locked);
            await stream.close();
            const file = await handle.getFile();
            out.push(file instanceof File, file.name, file.size, file.type, file.lastModified > 0, await file.text());
            return out.join(' ');
        ")).await;
        assert_eq!(
            told,
            "directory true true NotFoundError file a.txt true [object FileSystemFileHandle] true false true false true a.txt \
             13 text/plain true Hello world!."
        );
        assert_eq!(ctx.files.text("/a.txt"), "Hello world!.");
    }
);

engine_test!(
    async fn directories_are_made_listed_and_removed(engine) {
        let ctx = create_fs_test_context(engine);
        let told = eval_code_async::<String>(&ctx.context, &with_root(r"
            const out = [];
            const d = await root.getDirectoryHandle('d', { create: true });
            const e = await d.getDirectoryHandle('e', { create: true });
            const f = await e.getFileHandle('f', { create: true });
            await d.getFileHandle('g', { create: true });
            for await (const [name, handle] of d) out.push(name + ':' + handle.kind);
            for await (const [name] of d.entries()) out.push(name);
            for await (const handle of d.values()) out.push(handle.name);
            out.push((await root.resolve(f)).join('/'), (await d.resolve(d)).length, await d.resolve(root));
            out.push(await f.isSameEntry(await e.getFileHandle('f')), await f.isSameEntry(e));
            out.push(await why(root.getFileHandle('d')), await why(e.getDirectoryHandle('f')));
            out.push(await why(root.removeEntry('d')), await why(root.removeEntry('x')));
            await d.removeEntry('g');
            out.push(await list(d));
            await root.removeEntry('d', { recursive: true });
            out.push(await why(read(f)), await why(list(d)), await list(root) === '');
            return out.join(' ');
        ")).await;
        assert_eq!(
            told,
            "e:directory g:file e g e g d/e/f 0  true false TypeMismatchError TypeMismatchError InvalidModificationError \
             NotFoundError e NotFoundError NotFoundError true"
        );
    }
);

engine_test!(
    async fn names_are_checked(engine) {
        let ctx = create_fs_test_context(engine);
        let told = eval_code_async::<String>(&ctx.context, &with_root(r"
            const bad = ['', '.', '..', '/', 'a/b', 'a\\b', '\\', '\0', 'a\0b', '../x', '..\\x', '/etc', 'x'.repeat(5000)];
            const file = await root.getFileHandle('file', { create: true });
            const all = new Set();
            for (const name of bad) {
                for (const create of [true, false]) {
                    all.add(await why(root.getFileHandle(name, { create })));
                    all.add(await why(root.getDirectoryHandle(name, { create })));
                }
                all.add(await why(root.removeEntry(name)));
                all.add(await why(file.move(name)));
                all.add(await why(file.move(root, name)));
                if (name !== '/') all.add(await why(getDirectory('/d/' + name)));
                all.add(await why(getDirectory(name + (name === '/' ? '/' : '/x'))));
            }
            return [...all].join() + ' ' + await list(root);
        ")).await;
        // '/etc/x' is a path, of something that is not there.
        assert_eq!(told, "TypeError,NotFoundError file");
        let named = eval_code_async::<String>(&ctx.context, &with_root(r"
            await root.getFileHandle('\ud800x', { create: true });
            return [await list(root), (await getDirectory('/')).name === '', await why(getDirectory('/file'))].join(' ');
        ")).await;
        assert_eq!(named, "file,\u{fffd}x true TypeMismatchError");
    }
);

engine_test!(
    async fn nothing_is_there_before_the_end_and_nothing_is_left_of_what_was_aborted(engine) {
        let ctx = create_fs_test_context(engine);
        ctx.files.put("/a", "old contents");
        let told = eval_code_async::<String>(&ctx.context, &with_root(r"
            const out = [];
            const a = await root.getFileHandle('a');
            const one = await a.createWritable({ keepExistingData: true });
            const two = await a.createWritable();
            await one.write('OLD');
            await two.write('two');
            out.push(await read(a));
            await one.close();
            out.push(await read(a));
            await two.close();
            out.push(await read(a));
            const three = await a.createWritable();
            await three.write('never');
            await three.abort('no');
            out.push(await read(a), await why(three.write('x')), await why(three.close()));
            // A stream that fails lets go of the file.
            const four = await a.createWritable({ mode: 'exclusive' });
            out.push(await why(a.createWritable()), await why(four.write({ type: 'truncate' })));
            await (await a.createWritable({ mode: 'exclusive' })).close();
            out.push(await read(a) === '');
            return out.join(' ');
        ")).await;
        assert_eq!(
            told,
            "old contents OLD contents two two  TypeError NoModificationAllowedError SyntaxError true"
        );
        assert_eq!(ctx.fs.open(), 0);
    }
);

engine_test!(
    async fn streams_are_piped_into_files(engine) {
        let ctx = create_fs_test_context(engine);
        let told = eval_code_async::<String>(&ctx.context, &with_root(r"
            const out = [];
            const a = await root.getFileHandle('a', { create: true });
            const b = await root.getFileHandle('b', { create: true });
            const parts = ['one ', new TextEncoder().encode('two '), new Blob(['three'])];
            await ReadableStream.from(parts).pipeTo(await a.createWritable());
            out.push(await read(a));
            await (await a.getFile()).stream().pipeTo(await b.createWritable());
            out.push(await read(b));
            // A file as a part of another, and of a response.
            const stream = await b.createWritable({ keepExistingData: true });
            await stream.write({ type: 'write', position: 13, data: await a.getFile() });
            await stream.write(new Blob(['<', (await a.getFile()).slice(4, 7), '>']));
            await stream.close();
            out.push(await read(b));
            const writer = (await b.createWritable()).getWriter();
            writer.write('x'); writer.write('y');
            await writer.close();
            out.push(await read(b));
            const clone = structuredClone({ a });
            out.push(clone.a instanceof FileSystemFileHandle, await clone.a.isSameEntry(a), await read(clone.a));
            return out.join('|');
        ")).await;
        assert_eq!(told, "one two three|one two three|one two threeone two three<two>|xy|true|true|one two three");
    }
);

engine_test!(
    async fn large_data_goes_in_pieces(engine) {
        let ctx = create_fs_test_context(engine);
        let told = eval_code_async::<String>(&ctx.context, &with_root(r"
            const a = await root.getFileHandle('a', { create: true });
            const bytes = new Uint8Array(9_000_001).map((_, i) => i * 7 + (i >> 9));
            const stream = await a.createWritable();
            await stream.write(bytes);
            await stream.write(bytes.subarray(1, 2_000_000));
            await stream.write('\u20ac'.repeat(700_000));
            await stream.close();
            const file = await a.getFile();
            const back = new Uint8Array(await file.slice(0, bytes.length).arrayBuffer());
            const same = back.every((b, i) => b === bytes[i]);
            const tail = await file.slice(-6).text();
            let total = 0;
            for await (const chunk of file.stream()) total += chunk.length;
            return [file.size, same, tail, total].join(' ');
        ")).await;
        assert_eq!(told, "13100000 true \u{20ac}\u{20ac} 13100000");
    }
);

engine_test!(
    async fn a_file_that_changes_is_not_read_as_if_it_had_not(engine) {
        let ctx = create_fs_test_context(engine);
        ctx.files.put("/a", "first");
        ctx.files.put("/b", "gone soon");
        let told = eval_code_async::<String>(&ctx.context, &with_root(r"
            const out = [];
            const a = await root.getFileHandle('a');
            const b = await root.getFileHandle('b');
            const before = await a.getFile(), gone = await b.getFile();
            const stream = await a.createWritable();
            await stream.write('later');
            await stream.close();
            await b.remove();
            out.push(await why(before.text()), await why(before.slice(1, 2).arrayBuffer()), await read(a));
            out.push(await why(gone.text()), await why(gone.stream().getReader().read()), await why(b.getFile()));
            return out.join(' ');
        ")).await;
        assert_eq!(told, "NotReadableError NotReadableError later NotFoundError NotFoundError NotFoundError");
    }
);

engine_test!(
    async fn files_are_moved_and_handles_go_with_them(engine) {
        let ctx = create_fs_test_context(engine);
        ctx.files.put("/a", "A");
        ctx.files.put("/b", "B");
        let told = eval_code_async::<String>(&ctx.context, &with_root(r"
            const out = [];
            const a = await root.getFileHandle('a');
            const d = await root.getDirectoryHandle('d', { create: true });
            await a.move('c');
            out.push(a.name, await list(root), await read(a));
            const id = await a.getUniqueId();
            if (id !== await a.getUniqueId() || id === await d.getUniqueId() || id.length !== 36) out.push(id);
            await a.move(d);
            await a.move(d, 'x');
            out.push((await root.resolve(a)).join('/'), await read(a), await list(root));
            const b = await root.getFileHandle('b');
            const stream = await b.createWritable();
            out.push(await why(a.move(root, 'b')), await why(b.move('z')), await why(b.remove()));
            await stream.close();
            await a.move(root, 'b');
            out.push(await list(root), await read(b), await list(d) === '');
            const inner = await d.getDirectoryHandle('inner', { create: true });
            out.push(await why(d.move(inner)), await why(d.move(inner, 'y')), await why(root.move('r')), await why(a.move()));
            await d.move('dd');
            out.push(d.name, await list(d), await why(list(inner)));
            return out.join(' ');
        ")).await;
        assert_eq!(
            told,
            "c b,c,d A d/x A b,d NoModificationAllowedError NoModificationAllowedError NoModificationAllowedError b,d A true \
             InvalidModificationError InvalidModificationError InvalidModificationError TypeError dd inner NotFoundError"
        );
    }
);

engine_test!(
    async fn synchronous_access(engine) {
        let ctx = create_fs_test_context(engine);
        ctx.files.put("/a", "0123456789");
        let told = eval_code_async::<String>(&ctx.context, &with_root(r"
            const out = [];
            const a = await root.getFileHandle('a');
            const access = await a.createSyncAccessHandle();
            const buffer = new Uint8Array(4);
            const show = (n) => n + ':' + new TextDecoder().decode(buffer.subarray(0, n));
            out.push(show(access.read(buffer)), show(access.read(buffer)), show(access.read(buffer)), access.read(buffer));
            out.push(show(access.read(buffer, { at: 2 })), access.write(new TextEncoder().encode('ab')), access.getSize());
            out.push(access.write(new TextEncoder().encode('!').buffer, { at: 11 }));
            access.truncate(11); access.flush();
            out.push(await why(a.createSyncAccessHandle()), await why(a.createWritable()), await why(a.remove()));
            access.close(); access.close();
            for (const f of [() => access.read(buffer), () => access.getSize(), () => access.flush()]) {
                try { f(); out.push('none'); } catch (e) { out.push(e.name); }
            }
            const readers = [await a.createSyncAccessHandle({ mode: 'read-only' }), await a.createSyncAccessHandle({ mode: 'read-only' })];
            try { readers[0].write(buffer); } catch (e) { out.push(e.name, readers[0].mode); }
            out.push(show(readers[1].read(buffer, { at: 6 })));
            for (const reader of readers) reader.close();
            try { access.read(1); } catch (e) { out.push(e.name); }
            return out.join(' ');
        ")).await;
        assert_eq!(
            told,
            "4:0123 4:4567 2:89 0 4:2345 2 10 1 NoModificationAllowedError NoModificationAllowedError \
             NoModificationAllowedError InvalidStateError InvalidStateError InvalidStateError NoModificationAllowedError read-only \
             4:ab89 TypeError"
        );
        assert_eq!((ctx.files.text("/a").as_str(), ctx.fs.open()), ("012345ab89\0", 0));
    }
);

engine_test!(
    async fn eight_operations_are_enough_for_a_guest(engine) {
        let files = MemoryFileSystem::new();
        files.put("/a", "0123456789").unwrap();
        let ctx = create_test_context(engine);
        let fs = setup_fs(&ctx, FsOptions::new().handler(MinimalFileSystem(files.clone()))).unwrap();
        let told = eval_code_async::<String>(&ctx, &with_root(r"
            const out = [];
            const a = await root.getFileHandle('a');
            const stream = await a.createWritable({ keepExistingData: true });
            await stream.write({ type: 'write', position: 3, data: 'abc' });
            out.push(await read(a));
            await stream.close();
            out.push(await read(a), await (await a.getFile()).slice(2, 5).text());
            const access = await a.createSyncAccessHandle();
            access.write(new TextEncoder().encode('XY'), { at: 12 });
            out.push(access.getSize(), await read(a));
            access.flush();
            out.push(await read(a));
            access.truncate(2);
            access.close();
            out.push(await read(a), await why(a.createSyncAccessHandle({ mode: 'readwrite-unsafe' })));
            await a.move('b');
            out.push(await list(root), JSON.stringify(await navigator.storage.estimate()));
            return out.join('|');
        ")).await;
        assert_eq!(
            told,
            "0123456789|012abc6789|2ab|14|012abc6789|012abc6789\0\0XY|01|NotSupportedError|b|\
             {\"quota\":9007199254740991,\"usage\":2}"
        );
        assert_eq!(fs.open(), 0);
    }
);

engine_test!(
    async fn errors_of_handlers_reach_the_guest(engine) {
        let ctx = create_fs_test_context(engine);
        let kinds = [
            (FsErrorKind::NotFound, "NotFoundError"),
            (FsErrorKind::TypeMismatch, "TypeMismatchError"),
            (FsErrorKind::InvalidModification, "InvalidModificationError"),
            (FsErrorKind::NotAllowed, "NotAllowedError"),
            (FsErrorKind::QuotaExceeded, "QuotaExceededError"),
            (FsErrorKind::NoModificationAllowed, "NoModificationAllowedError"),
            (FsErrorKind::InvalidState, "InvalidStateError"),
            (FsErrorKind::Abort, "AbortError"),
            (FsErrorKind::NotReadable, "NotReadableError"),
            (FsErrorKind::Security, "SecurityError"),
            (FsErrorKind::InvalidName, "TypeError"),
            (FsErrorKind::NotSupported, "NotSupportedError"),
            (FsErrorKind::Other, "UnknownError"),
        ];
        for (kind, name) in kinds {
            ctx.files.fail("get_file_handle", kind);
            let told = eval_code_async::<String>(&ctx.context, &with_root(
                "return root.getFileHandle('x').catch(e => e.name + ' ' + (e instanceof DOMException) + ' ' + e.message)"
            )).await;
            let dom = kind != FsErrorKind::InvalidName;
            assert_eq!(told, format!("{name} {dom} get_file_handle was told to fail"));
        }
        // A write that fails ends the stream and leaves the file as it was.
        ctx.files.put("/a", "old");
        for operation in ["open_writer", "write", "truncate", "close"] {
            ctx.files.fail(operation, FsErrorKind::QuotaExceeded);
            let told = eval_code_async::<String>(&ctx.context, &with_root(r"
                const a = await root.getFileHandle('a');
                return why((async () => {
                    const stream = await a.createWritable();
                    await stream.write('new');
                    await stream.truncate(2);
                    await stream.close();
                })());
            ")).await;
            assert_eq!((told.as_str(), ctx.files.text("/a").as_str(), ctx.fs.open()), ("QuotaExceededError", "old", 0));
        }
    }
);

engine_test!(
    async fn without_a_handler_there_are_no_files(engine) {
        let ctx = create_test_context(engine);
        setup_fs(&ctx, FsOptions::new()).unwrap();
        let code = "(async () => [await navigator.storage.getDirectory().catch(e => e.name),
            await getDirectory('/').catch(e => e.name + ': ' + e.message),
            await navigator.storage.estimate().catch(e => e.name), typeof FileSystemHandle].join(' '))()";
        let told = eval_code_async::<String>(&ctx, code).await;
        assert_eq!(told, "SecurityError SecurityError: The host has not granted any files. SecurityError function");
    }
);

engine_test!(
    async fn mounts_and_permissions(engine) {
        let (data, tmp) = (MemoryFileSystem::new(), MemoryFileSystem::new());
        data.put("/sub/in.txt", "in").unwrap();
        let files = MountedFileSystem::new()
            .mount("/srv/data", ReadOnlyFileSystem::new(data.clone()))
            .and_then(|files| files.mount("/tmp", QuotaFileSystem::new(tmp.clone()).bytes(1000)))
            .unwrap();
        let ctx = create_test_context(engine);
        setup_fs(&ctx, FsOptions::new().handler(files)).unwrap();
        let told = eval_code_async::<String>(&ctx, &with_root(r"
            const out = [await list(root)];
            const data = await getDirectory('/srv/data'), tmp = await root.getDirectoryHandle('tmp');
            const input = await (await data.getDirectoryHandle('sub')).getFileHandle('in.txt');
            out.push(await read(input), data.name, (await root.resolve(input)).join('/'));
            const query = async (handle) => await handle.queryPermission() + '/' + await handle.requestPermission({ mode: 'readwrite' });
            out.push(await query(input), await query(tmp), await query(root));
            out.push(await why(input.createWritable()), await why(data.getFileHandle('new', { create: true })));
            out.push(await why(input.createSyncAccessHandle()), await why(input.remove()), await why(input.move('x')));
            out.push(await why(root.getFileHandle('x', { create: true })), await why(root.removeEntry('tmp', { recursive: true })));
            out.push((await input.createSyncAccessHandle({ mode: 'read-only' })).getSize());
            const copy = await tmp.getFileHandle('copy', { create: true });
            await (await input.getFile()).stream().pipeTo(await copy.createWritable());
            out.push(await read(copy), await why(copy.move(data)));
            return out.join(' ');
        ")).await;
        assert_eq!(
            told,
            "srv,tmp in data srv/data/sub/in.txt granted/denied granted/granted granted/denied NotAllowedError \
             NotAllowedError NotAllowedError NotAllowedError NotAllowedError NotAllowedError NotAllowedError 2 in \
             NotAllowedError"
        );
        assert_eq!((data.paths(), tmp.paths()), (vec!["/sub/in.txt".to_owned()], vec!["/copy".to_owned()]));
    }
);

engine_test!(
    async fn a_quota_is_kept_and_loses_nothing(engine) {
        let files = MemoryFileSystem::new();
        files.put("/old", "x".repeat(400)).unwrap();
        let ctx = create_test_context(engine);
        let quota = QuotaFileSystem::new(files.clone()).bytes(1000).entries(4);
        let fs = setup_fs(&ctx, FsOptions::new().handler(quota)).unwrap();
        let told = eval_code_async::<String>(&ctx, &with_root(r"
            const out = [JSON.stringify(await navigator.storage.estimate())];
            const make = (name) => root.getFileHandle(name, { create: true });
            const old = await make('old'), a = await make('a');
            // As much as there is room for, and one byte more.
            const stream = await a.createWritable();
            await stream.write('y'.repeat(600));
            out.push(await why(stream.write('z')));
            out.push((await read(old)).length, (await read(a)).length);
            // What was written before the error is gone, and there is room again.
            const again = await a.createWritable();
            await again.write('y'.repeat(500));
            out.push((await navigator.storage.estimate()).usage);
            await again.close();
            out.push((await navigator.storage.estimate()).usage);
            out.push(await why(old.createWritable({ keepExistingData: true })), (await read(old)).length);
            const access = await a.createSyncAccessHandle();
            try { access.write(new Uint8Array(600), { at: 10 }); } catch (e) { out.push(e.name, access.getSize()); }
            access.write(new Uint8Array(100), { at: 500 });
            access.close();
            await make('b'); await root.getDirectoryHandle('c', { create: true });
            out.push(await why(make('d')), await why(root.getDirectoryHandle('e', { create: true })), await list(root));
            await root.removeEntry('old');
            out.push((await navigator.storage.estimate()).usage, await why(make('d')));
            return out.join(' ');
        ")).await;
        assert_eq!(
            told,
            "{\"quota\":1000,\"usage\":400} QuotaExceededError 400 0 900 900 QuotaExceededError 400 QuotaExceededError 500 \
             QuotaExceededError QuotaExceededError a,b,c,old 600 none"
        );
        assert_eq!(fs.open(), 0);
    }
);

engine_test!(
    async fn a_directory_may_go_while_it_is_looked_at(engine) {
        let ctx = create_fs_test_context(engine);
        for i in 0..5 {
            ctx.files.put(&format!("/d/{i}"), "x");
        }
        let told = eval_code_async::<String>(&ctx.context, &with_root(r"
            const out = [];
            const d = await root.getDirectoryHandle('d');
            const iterator = d.entries();
            const [first] = (await iterator.next()).value;
            const late = d.values();
            await d.remove({ recursive: true });
            out.push(first);
            for await (const [name, handle] of { [Symbol.asyncIterator]: () => iterator }) {
                out.push(name + await why(handle.getFile()));
            }
            out.push(JSON.stringify(await iterator.next()), await why(late.next()), JSON.stringify(await late.next()));
            return out.join(' ');
        ")).await;
        assert_eq!(
            told,
            "0 1NotFoundError 2NotFoundError 3NotFoundError 4NotFoundError {\"done\":true} NotFoundError {\"done\":true}"
        );
    }
);

engine_test!(
    async fn two_guests_share_locks(engine) {
        let options = FsOptions::new().handler(MemoryFileSystem::new());
        let (one, two) = (create_test_context(engine), create_test_context(engine));
        setup_fs(&one, options.clone()).unwrap();
        setup_fs(&two, options).unwrap();
        let open = with_root("globalThis.stream = await (await root.getFileHandle('a', { create: true })).createWritable();");
        eval_code_async::<()>(&one, &open).await;
        let remove = with_root("return why(root.removeEntry('a'))");
        assert_eq!(eval_code_async::<String>(&two, &remove).await, "NoModificationAllowedError");
        drop(one);
        assert_eq!(eval_code_async::<String>(&two, &remove).await, "none");
    }
);

engine_test!(
    async fn limits_hold(engine) {
        let ctx = create_limited_context(engine, Limits::new().memory(32 << 20));
        let files = MemoryFileSystem::new();
        let limits = FsLimits::new().open(3).concurrent(1);
        let options = FsOptions::new().handler(MinimalFileSystem(files.clone())).limits(limits);
        let fs = setup_fs(&ctx, options).unwrap();
        let told = eval_code_async::<String>(&ctx, &with_root(r"
            const a = await root.getFileHandle('a', { create: true });
            const open = () => a.createWritable();
            globalThis.all = (await Promise.allSettled(Array.from({ length: 5 }, open))).flatMap((r) => r.value ?? []);
            const refused = await why(open());
            // Nor does it help to ask for many at once.
            const more = await Promise.allSettled(Array.from({ length: 10 }, open));
            if (more.some((result) => result.status === 'fulfilled')) return 'opened';
            await all[0].close();
            all.push(await open());
            // One at a time, however many are asked for.
            const many = await Promise.all(Array.from({ length: 500 }, (_, i) => root.getFileHandle('f' + i, { create: true })));
            return refused + ' ' + many.length;
        ")).await;
        assert_eq!((told.as_str(), fs.open()), ("QuotaExceededError 500", 3));
        // What is held in memory counts as the guest's.
        let fill = with_root(r"
            const chunk = new Uint8Array(1 << 20);
            for (;;) await all[1].write(chunk);
        ");
        let e = ctx.eval(&fill, isolate_core::EvalOptions::new()).await.unwrap_err();
        assert!(e.terminated() == Some(Termination::Memory) || e.to_string().contains("QuotaExceeded"), "{e:?}");
    }
);

engine_test!(
    async fn what_a_guest_forgets_is_closed(engine) {
        let ctx = create_fs_test_context(engine);
        ctx.files.put("/a", "x");
        eval_code_async::<()>(&ctx.context, &with_root(r"
            const a = await root.getFileHandle('a');
            for (let i = 0; i < 20; i++) await (await a.createWritable()).write('y');
        ")).await;
        ctx.context.collect_garbage();
        ctx.context.run_until_idle().await.unwrap();
        assert_eq!((ctx.fs.open(), ctx.files.text("/a").as_str()), (0, "x"));
    }
);

engine_test!(
    async fn patched_builtins_change_nothing(engine) {
        let ctx = create_fs_test_context(engine);
        ctx.files.put("/d/f", "text");
        let told = eval_code_async::<String>(&ctx.context, r"(async () => {
            const root = await navigator.storage.getDirectory();
            const bad = () => { throw 'patched'; };
            for (const C of [Promise, Array, Map, Uint8Array, ArrayBuffer, String, Object.getPrototypeOf(Uint8Array)]) {
                for (const key of Object.getOwnPropertyNames(C.prototype)) {
                    if (key === 'then' || key === 'constructor') continue;
                    try { Object.defineProperty(C.prototype, key, { value: bad, configurable: true }); } catch {}
                }
            }
            Object.defineProperty(Array.prototype, '5', { set: bad, get: bad, configurable: true });
            for (const name of ['Promise', 'Blob', 'File', 'WritableStream', 'TypeError', 'DOMException', 'Uint8Array']) {
                globalThis[name] = bad;
            }
            Array.prototype[Symbol.iterator] = String.prototype[Symbol.iterator] = bad;
            const d = await root.getDirectoryHandle('d');
            const f = await d.getFileHandle('f');
            const stream = await f.createWritable({ keepExistingData: true });
            await stream.write({ type: 'write', position: 4, data: '!' });
            await stream.close();
            const it = d.values();
            const { value } = await it.next();
            const path = await root.resolve(value);
            return path[0] + '/' + path[1] + ' ' + await (await value.getFile()).text();
        })()").await;
        assert_eq!(told, "d/f text!");
    }
);

engine_test!(
    async fn dispose_ends_it(engine) {
        let ctx = create_fs_test_context(engine);
        ctx.files.put("/a", "old");
        let open = with_root("globalThis.s = await (await root.getFileHandle('a')).createWritable(); await s.write('new');");
        eval_code_async::<()>(&ctx.context, &open).await;
        assert_eq!(ctx.fs.open(), 1);
        ctx.fs.dispose();
        let told = eval_code_async::<String>(&ctx.context, "(async () => [await s.close().catch(e => e.name), await navigator.storage.getDirectory().catch(e => e.name)].join())()").await;
        assert_eq!((told.as_str(), ctx.files.text("/a").as_str()), ("InvalidStateError,InvalidStateError", "old"));
    }
);

engine_test!(
    fn interfaces_look_as_they_should(engine) {
        let ctx = create_test_context(engine);
        setup_fs(&ctx, FsOptions::new()).unwrap();
        let told = eval_code::<String>(&ctx, r"
            const out = [];
            for (const C of [FileSystemHandle, FileSystemFileHandle, FileSystemDirectoryHandle, FileSystemWritableFileStream,
                    FileSystemSyncAccessHandle, StorageManager]) {
                try { new C(); out.push('made'); } catch (e) { out.push(e.name); }
            }
            const same = navigator.storage === navigator.storage && navigator.storage instanceof StorageManager;
            const d = Object.getOwnPropertyDescriptor(Navigator.prototype, 'storage');
            out.push(same, d.enumerable, d.set === undefined, Object.getPrototypeOf(FileSystemFileHandle) === FileSystemHandle);
            out.push(FileSystemDirectoryHandle.prototype[Symbol.asyncIterator] === FileSystemDirectoryHandle.prototype.entries);
            out.push(FileSystemDirectoryHandle.prototype.getFileHandle.length, getDirectory.length);
            try { d.get.call({}); } catch (e) { out.push(e.name); }
            out.join(' ')
        ");
        let errors = "TypeError ".repeat(6);
        assert_eq!(told, format!("{errors}true true true true true 1 1 TypeError"));
    }
);
