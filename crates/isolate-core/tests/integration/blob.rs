//! Blob and File, on every engine and from every origin.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use isolate_core::{Blob, BlobSource, Context, DomExceptionName, File, HostError, Limits, Termination};
use isolate_test_utils::{create_limited_context, create_test_context, engine_test, eval_code, eval_code_async};

/// Functions of the host that take and give blobs.
fn with_host(context: &Context) {
    context.define_function("echo", |blob: Blob| blob).unwrap();
    context.define_function("echoFile", |file: File| file).unwrap();
    context
        .define_function("hello", || Blob::from_parts(["he".into(), "llo ".into(), "wörld".into()], "Text/X"))
        .unwrap();
    context
        .define_function("tell", |blob: Blob| {
            format!("{} {} {}", blob.len(), blob.content_type(), String::from_utf8_lossy(&blob.bytes().unwrap()))
        })
        .unwrap();
}

engine_test!(
    async fn parts_of_every_kind(engine) {
        let ctx = create_test_context(engine);
        let code = "
            const buffer = Uint8Array.of(0, 65, 66, 67).buffer;
            const blob = new Blob(['é\\ud800', buffer.slice(1, 2), new DataView(buffer, 2, 1), new Uint16Array(buffer, 2, 1),
                new Blob(['x']), new File(['y'], 'f'), 7, { toString: () => 'z' }], { type: 'Text/PLAIN' });
            (async () => [await blob.text(), blob.size, blob.type, (await blob.bytes()).length,
                (await blob.arrayBuffer()).constructor.name, new Blob([], { type: 'é' }).type, new Blob().size,
                await new Blob(['a\\r\\nb\\rc\\n'], { endings: 'native' }).text()].join('|'))()";
        let expected = if cfg!(windows) { "a\r\nb\r\nc\r\n" } else { "a\nb\nc\n" };
        let expected = format!("é\u{fffd}ABBCxy7z|13|text/plain|13|ArrayBuffer||0|{expected}");
        assert_eq!(eval_code_async::<String>(&ctx, code).await, expected);
        // Bytes are those of when it was made, whatever becomes of the buffer.
        let code = "
            const source = Uint8Array.of(97, 98);
            const made = new Blob([source]);
            source[0] = 0; source.buffer.transfer();
            made.text()";
        assert_eq!(eval_code_async::<String>(&ctx, code).await, "ab");
    }
);

engine_test!(
    async fn slices(engine) {
        let ctx = create_test_context(engine);
        let code = "
            const b = new Blob(['0123456789'], { type: 'a/b' });
            const big = new Blob([new Uint8Array(5000).fill(97), new Uint8Array(5000).fill(98), 'c'.repeat(10)]);
            (async () => [await b.slice(2, 5).text(), await b.slice(-3).text(), await b.slice(-3, -1).text(),
                await b.slice(5, 2).text(), b.slice(0, 1e99).size, b.slice(NaN, 3).size, b.slice().type, b.slice(0, 1, 'C/D').type,
                await big.slice(4998, 5002).text(), await big.slice(9998).slice(1, 5).text(),
                await new Blob([big.slice(0, 5000), big.slice(5000)]).slice(4999, 5001).text()].join())()";
        assert_eq!(eval_code_async::<String>(&ctx, code).await, "234,789,78,,10,3,,c/d,aabb,bccc,ab");
    }
);

engine_test!(
    async fn files(engine) {
        let ctx = create_test_context(engine);
        let code = "
            const f = new File(['ab'], 'a\\ud800/..', { type: 'X/Y', lastModified: 5.9 });
            const recent = Date.now() - new File([], '').lastModified;
            const attempt = (f) => { try { return String(f()); } catch (e) { return e.name; } };
            (async () => [f.name, f.lastModified, f.type, f.size, await f.text(), f instanceof Blob, String(f),
                f.slice() instanceof File, f.slice(1).size, Math.abs(recent) < 5000,
                attempt(() => new File([])), attempt(() => File()), attempt(() => new File('x', 'y')),
                attempt(() => new Blob('x')), attempt(() => new Blob(null)), attempt(() => new Blob([], { endings: 'x' })),
                attempt(() => Object.getOwnPropertyDescriptor(File.prototype, 'name').get.call(new Blob())),
                await Blob.prototype.text.call({}).catch((e) => e.name)].join())()";
        let t = "TypeError";
        let expected = format!("a\u{fffd}/..,5,x/y,2,ab,true,[object File],false,1,true,{t},{t},{t},{t},{t},{t},{t},{t}");
        assert_eq!(eval_code_async::<String>(&ctx, code).await, expected);
    }
);

engine_test!(
    async fn every_origin_behaves_alike(engine) {
        let ctx = create_test_context(engine);
        with_host(&ctx);
        let origins = [
            "new Blob(['hello ', 'wörld'], { type: 'text/x' })",
            "new Blob([new Blob(['xhello w']).slice(1), 'örldx']).slice(0, -1, 'TEXT/X')",
            "hello()",
            "echo(hello())",
            "echo(new Blob(['hello wörld'], { type: 'text/x' }))",
            "new File(['hello wörld'], 'n', { type: 'text/x' })",
            "echoFile(new File(['hello wörld'], 'n', { type: 'text/x' }))",
            "new (class extends Blob {})(['hello wörld'], { type: 'text/x' })",
            "hello().slice(0, 100, 'text/x')",
        ];
        for origin in origins {
            let code = format!(
                "(async () => {{
                    const blob = {origin};
                    return [blob instanceof Blob, blob.size, blob.type, await blob.text(), (await blob.bytes()).length,
                        await blob.slice(6, 9).text(), await new Blob(['<', blob, '>']).text(), tell(blob)].join('|');
                }})()"
            );
            let expected = "true|12|text/x|hello wörld|12|wö|<hello wörld>|12 text/x hello wörld";
            assert_eq!(eval_code_async::<String>(&ctx, &code).await, expected, "{origin}");
        }
        let code = "const f = echoFile(new File(['x'], 'näme', { lastModified: -7 })); [f.name, f.lastModified, String(f)].join()";
        assert_eq!(eval_code::<String>(&ctx, code), "näme,-7,[object File]");
        let code = "[() => echoFile(new Blob()), () => echo({}), () => echo(Object.create(Blob.prototype)), () => echo('x')]
            .map((f) => { try { f(); return 'fine'; } catch (e) { return e.name; } }).join()";
        assert_eq!(eval_code::<String>(&ctx, code), ["TypeError"; 4].join(","));
    }
);

engine_test!(
    fn host_side(engine) {
        let blob = Blob::from_parts(["abc".into(), "".into(), "def".into()], "A/B");
        assert_eq!((blob.len(), blob.content_type(), &blob.bytes().unwrap()[..]), (6, "a/b", &b"abcdef"[..]));
        let part = blob.slice(2..4, "");
        assert_eq!((&part.bytes().unwrap()[..], part.slices().unwrap().len(), blob.slice(4..100, "").len()), (&b"cd"[..], 2, 2));
        assert!(blob.slice(3..3, "").is_empty() && Blob::new("", "é").content_type().is_empty());
        let file = File::new(part, "n").with_last_modified(1);
        assert_eq!((file.name(), file.last_modified(), file.blob().len()), ("n", 1, 2));
        // What was got from a guest outlives it, and may go to any thread.
        let ctx = create_test_context(engine);
        let sent = std::sync::Arc::new(std::sync::Mutex::new(None));
        let kept = sent.clone();
        ctx.define_function("keep", move |file: File| *kept.lock().unwrap() = Some(file)).unwrap();
        eval_code::<()>(&ctx, "keep(new File(['kept'], 'k')); undefined");
        drop(ctx);
        let file = sent.lock().unwrap().take().unwrap();
        assert_eq!(std::thread::spawn(move || file.blob().bytes()).join().unwrap().unwrap(), "kept");
    }
);

engine_test!(
    async fn bytes_count_once_and_go_with_the_last_slice(engine) {
        let ctx = create_limited_context(engine, Limits::new().memory(100 << 20));
        with_host(&ctx);
        let used = || ctx.memory_usage().host >> 20;
        eval_code::<()>(&ctx, "var blob = new Blob([new Uint8Array(40 << 20)]); undefined");
        ctx.collect_garbage();
        assert_eq!(used(), 40);
        let share = "var slices = []; for (let i = 0; i < 1000; i++) slices.push(blob.slice(i), new Blob([blob]), echo(blob));
                     undefined";
        eval_code::<()>(&ctx, share);
        ctx.collect_garbage();
        assert!((40..43).contains(&used()), "{}", used());
        eval_code::<()>(&ctx, "blob = undefined; slices.length = 1; undefined");
        ctx.collect_garbage();
        eval_code_async::<()>(&ctx, "(async () => {})()").await;
        assert_eq!(used(), 40);
        eval_code::<()>(&ctx, "slices = undefined; undefined");
        ctx.collect_garbage();
        eval_code_async::<()>(&ctx, "(async () => {})()").await;
        assert_eq!(used(), 0);
        // Many in turn are no leak, and too many at once are too many.
        let turn = "for (let i = 0; i < 50; i++) new Blob([new Uint8Array(8 << 20)]); undefined";
        eval_code_async::<()>(&ctx, turn).await;
        let fill = "var all = []; for (;;) all.push(new Blob(['x'.repeat(1e6)]))";
        assert_eq!(ctx.evaluate(fill, "fill.js").unwrap_err().terminated(), Some(Termination::Memory));
    }
);

engine_test!(
    fn doubling_ends_at_the_limit(engine) {
        for piece in ["'x'", "'x'.repeat(5000)"] {
            let ctx = create_limited_context(engine, Limits::new().memory(32 << 20));
            let code = format!("let b = new Blob([{piece}]); for (;;) b = new Blob([b, b])");
            assert_eq!(ctx.evaluate(&code, "double.js").unwrap_err().terminated(), Some(Termination::Memory));
        }
    }
);

engine_test!(
    async fn what_is_too_large_to_cross_crosses_in_pieces(engine) {
        let ctx = create_limited_context(engine, Limits::new().memory(512 << 20).value_bytes(1 << 20));
        let code = "
            const bytes = new Uint8Array(5 << 20);
            for (let i = 0; i < bytes.length; i += 4096) bytes[i] = i >> 12;
            const text = ('é'.repeat(999) + '😀\\r\\n').repeat(1000);
            const parts = [];
            for (let i = 0; i < 40000; i++) parts.push('part');
            const blob = new Blob([bytes, text, ...parts, 'end'], { endings: 'native' });
            (async () => {
                const back = await blob.bytes();
                const normal = text.replaceAll('\\r\\n', '\\n');
                const same = back.subarray(0, bytes.length).every((b, i) => b === bytes[i]);
                const rest = new TextDecoder().decode(back.subarray(bytes.length));
                const whole = await blob.slice(bytes.length).text();
                return [same, rest === normal + 'part'.repeat(40000) + 'end', whole === rest, blob.size === back.length].join();
            })()";
        assert_eq!(eval_code_async::<String>(&ctx, code).await, "true,true,true,true");
    }
);

engine_test!(
    fn blob_urls(engine) {
        let ctx = create_test_context(engine);
        let code = "
            const attempt = (f) => { try { return String(f()); } catch (e) { return e.name; } };
            const a = URL.createObjectURL(new Blob(['x'])), b = URL.createObjectURL(new File(['x'], 'f'));
            [/^blob:null\\/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(a), a !== b, new URL(a).origin,
             attempt(() => URL.revokeObjectURL(a)), attempt(() => URL.revokeObjectURL('nope')),
             attempt(() => URL.createObjectURL({})), attempt(() => URL.createObjectURL())].join()";
        assert_eq!(eval_code::<String>(&ctx, code), "true,true,null,undefined,undefined,TypeError,TypeError");
    }
);

/// The numbers from 0 on, each a byte, as if they came from elsewhere; nothing from `broken` on.
struct Counting {
    reads: std::sync::Mutex<Vec<std::ops::Range<u64>>>,
    broken: u64,
}

impl BlobSource for Counting {
    fn read(&self, range: std::ops::Range<u64>) -> BoxFuture<'static, Result<Bytes, HostError>> {
        self.reads.lock().unwrap().push(range.clone());
        let broken = range.end > self.broken;
        Box::pin(async move {
            // Not ready at once, as a disk would not be.
            tokio::task::yield_now().await;
            match broken {
                true => Err(HostError::dom(DomExceptionName::NotReadableError, "gone")),
                false => Ok(range.map(|i| i as u8).collect::<Vec<u8>>().into()),
            }
        })
    }
}

engine_test!(
    async fn bytes_of_a_source_are_read_when_they_are_asked_for(engine) {
        let ctx = create_test_context(engine);
        let source = Arc::new(Counting { reads: Default::default(), broken: 1 << 30 });
        let given = source.clone();
        // 1 TiB, of which nothing is anywhere.
        ctx.define_function("large", move || Blob::from_source(given.clone(), 1 << 40, "a/b")).unwrap();
        let given = source.clone();
        ctx.define_function("small", move || File::new(Blob::from_source(given.clone(), 70, ""), "f")).unwrap();
        ctx.define_async_function("read", |blob: Blob| async move {
            assert!(!blob.is_in_memory() && blob.bytes().is_none() && blob.slices().is_none());
            let chunks: Vec<usize> = blob.stream(30).map(|chunk| chunk.unwrap().len()).collect().await;
            assert_eq!((chunks, &blob.read(1..3).await.unwrap()[..]), (vec![30, 30, 10], &[1, 2][..]));
        }).unwrap();
        let told = eval_code_async::<String>(&ctx, r"(async () => {
            const blob = large(), out = [blob.size, blob.type];
            const part = blob.slice(65, 70);
            out.push(await part.text(), (await part.bytes()).length, (await part.arrayBuffer()).byteLength);
            const mixed = new Blob(['<', blob.slice(97, 100), small().slice(66, 67), '>']);
            out.push(await mixed.text(), structuredClone(mixed).size);
            let chunks = [];
            for await (const chunk of blob.slice(0, 600_000).stream()) chunks.push(chunk.length);
            out.push(chunks.join('+'));
            for await (const chunk of blob.stream()) { out.push(chunk.length); break; }
            const reader = new FileReader();
            const loaded = new Promise(done => { reader.onload = reader.onerror = done; });
            reader.readAsDataURL(small().slice(1, 4));
            await loaded;
            out.push(reader.result);
            await read(small());
            return out.join(' ');
        })()").await;
        assert_eq!(
            told,
            "1099511627776 a/b ABCDE 5 5 <abcB> 6 262144+262144+75712 262144 data:application/octet-stream;base64,AQID"
        );
        // What nobody asked for was not read.
        let most = source.reads.lock().unwrap().iter().map(|r| r.end).max();
        assert!(most < Some(600_001 + (2 << 18)), "{most:?}");
    }
);

engine_test!(
    async fn bytes_that_cannot_be_read_are_an_error_and_nothing_hangs(engine) {
        let ctx = create_test_context(engine);
        let source = Arc::new(Counting { reads: Default::default(), broken: 10 });
        ctx.define_function("file", move || Blob::from_source(source.clone(), 100, "")).unwrap();
        let told = eval_code_async::<String>(&ctx, r"(async () => {
            const out = [];
            const why = (promise) => promise.then(v => 'none: ' + v, e => e.name);
            out.push(await why(file().text()), await why(file().slice(0, 10).text().then(s => s.length)));
            out.push(await why(file().stream().getReader().read()));
            const reader = new FileReader();
            const ended = new Promise(done => { reader.onloadend = done; });
            reader.readAsText(file());
            await ended;
            out.push(reader.error.name, reader.result);
            return out.join(' ');
        })()").await;
        assert_eq!(told, "NotReadableError none: 10 NotReadableError NotReadableError ");
    }
);
