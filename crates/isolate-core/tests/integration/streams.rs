//! Streams: between guest and host in both directions, compression, and a realm whose builtins are patched.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{self, Poll};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::sink::{Sink, SinkExt};
use futures_util::stream::{self, Stream, StreamExt};
use isolate_core::{
    Clock, Context, ErrorKind, EvalOptions, FromValue, HostError, IntoValue, Limits, ReadableStream, Termination,
    WritableStream,
};
use isolate_test_utils::{
    create_clock_context, create_limited_context, create_test_context, engine_test, eval_code, eval_code_async,
};

/// The stream that a script gives.
async fn readable(ctx: &Context, code: &str) -> ReadableStream {
    let value = ctx.eval(code, EvalOptions::new().filename("test.js")).await.unwrap();
    ReadableStream::from_value(value).unwrap()
}

async fn writable(ctx: &Context, code: &str) -> WritableStream {
    let value = ctx.eval(code, EvalOptions::new().filename("test.js")).await.unwrap();
    WritableStream::from_value(value).unwrap()
}

fn give(ctx: &Context, name: &str, value: impl IntoValue) {
    ctx.define_global(name, value.into_value().unwrap()).unwrap();
}

/// A stream of the host of so many chunks, which counts its polls and notes its drop.
struct Counted {
    left: usize,
    polls: Arc<AtomicUsize>,
    drops: Arc<AtomicUsize>,
}

impl Counted {
    fn new(left: usize) -> (Self, Arc<AtomicUsize>, Arc<AtomicUsize>) {
        let (polls, drops) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        (Self { left, polls: polls.clone(), drops: drops.clone() }, polls, drops)
    }
}

impl Stream for Counted {
    type Item = Result<Bytes, HostError>;
    fn poll_next(mut self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<Option<Self::Item>> {
        self.polls.fetch_add(1, SeqCst);
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= 1;
        Poll::Ready(Some(Ok(Bytes::from_static(b"chunk "))))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.drops.fetch_add(1, SeqCst);
    }
}

fn chunks(parts: &[&'static str]) -> impl Stream<Item = Result<Bytes, HostError>> + Send + use<> {
    let parts: Vec<_> = parts.iter().map(|p| Ok(Bytes::from_static(p.as_bytes()))).collect();
    stream::iter(parts)
}

// ---- from the guest to the host ----

engine_test!(
    async fn the_guest_is_pulled_as_the_host_polls(engine) {
        let ctx = create_test_context(engine);
        let code = "globalThis.pulls = 0;
            new ReadableStream({ pull(c) {
                if (++pulls > 3) c.close(); else c.enqueue(new Uint8Array([pulls, pulls]));
            } }, { highWaterMark: 0 })";
        let mut stream = readable(&ctx, code).await;
        // Nothing is asked for, and a stream that is not read does not keep the loop going.
        ctx.run_until_idle().await.unwrap();
        assert_eq!(eval_code::<u32>(&ctx, "pulls"), 0);
        for n in 1..=3u8 {
            let chunk = ctx.run_until(stream.next()).await.unwrap().unwrap().unwrap();
            assert_eq!(&chunk[..], &[n, n]);
            ctx.run_until_idle().await.unwrap();
            assert_eq!(eval_code::<u8>(&ctx, "pulls"), n);
        }
        assert!(ctx.run_until(stream.next()).await.unwrap().is_none());
        assert!(ctx.run_until(stream.next()).await.unwrap().is_none());
    }
);

engine_test!(
    async fn a_stream_of_each_origin_reaches_the_host(engine) {
        let origins = [
            "new ReadableStream({ start(c) { c.enqueue(bytes('ab')); c.enqueue(bytes('c')); c.close(); } })",
            "new ReadableStream({ type: 'bytes', start(c) { c.enqueue(bytes('ab')); c.enqueue(bytes('c')); c.close(); } })",
            "new ReadableStream({ type: 'bytes', autoAllocateChunkSize: 2, pull(c) {
                const { view } = c.byobRequest;
                if (globalThis.n = (globalThis.n ?? 0) + 1, n > 3) { c.close(); return c.byobRequest.respond(0); }
                view[0] = 96 + n;
                c.byobRequest.respond(1);
            } })",
            "ReadableStream.from([bytes('ab'), bytes('c')])",
            "ReadableStream.from((async function* () { yield bytes('ab'); yield bytes('c').buffer; })())",
            "ReadableStream.from(['a', 'b', 'c']).pipeThrough(new TransformStream({
                transform(chunk, c) { c.enqueue(bytes(chunk)); } }))",
            "ReadableStream.from([bytes('abc')]).tee()[0]",
            "ReadableStream.from([bytes('abc')]).tee()[1]",
            "new ReadableStream({ type: 'bytes', start(c) { c.enqueue(bytes('abc')); c.close(); } }).tee()[1]",
            "ReadableStream.from([bytes('abc')]).pipeThrough(new CompressionStream('gzip'))
                .pipeThrough(new DecompressionStream('gzip'))",
            "host",
            "host.pipeThrough(new TransformStream())",
            "host.tee()[0]",
            "new (class extends ReadableStream {})({ start(c) { c.enqueue(bytes('abc')); c.close(); } })",
            "Promise.resolve(ReadableStream.from([bytes('abc')]))",
        ];
        for origin in origins {
            let ctx = create_test_context(engine);
            give(&ctx, "host", ReadableStream::new(chunks(&["ab", "", "c"])));
            let code = format!("const bytes = (s) => Uint8Array.from(s, (c) => c.charCodeAt(0)); {origin}");
            let stream = readable(&ctx, &code).await;
            assert_eq!(stream.is_of_host(), origin == "host", "{origin}");
            let all = ctx.run_until(stream.read_all(100)).await.unwrap().unwrap();
            assert_eq!(&all[..], b"abc", "{origin}");
        }
    }
);

engine_test!(
    async fn dropping_it_cancels_the_guests_stream(engine) {
        let ctx = create_test_context(engine);
        let code = "globalThis.reason = undefined;
            new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(1)); }, cancel(r) { reason = r.name; } })";
        let mut stream = readable(&ctx, code).await;
        ctx.run_until(stream.next()).await.unwrap().unwrap().unwrap();
        assert_eq!(eval_code::<Option<String>>(&ctx, "reason"), None);
        drop(stream);
        ctx.run_until_idle().await.unwrap();
        assert_eq!(eval_code::<String>(&ctx, "reason"), "AbortError");
    }
);

engine_test!(
    async fn the_guests_error_reaches_the_host(engine) {
        let ctx = create_test_context(engine);
        let code = "let n = 0; new ReadableStream({ pull(c) {
            if (n++) throw new RangeError('gone'); c.enqueue(new Uint8Array(1)); } })";
        let mut stream = readable(&ctx, code).await;
        assert!(ctx.run_until(stream.next()).await.unwrap().unwrap().is_ok());
        let e = ctx.run_until(stream.next()).await.unwrap().unwrap().unwrap_err();
        assert_eq!((&*e.exception().unwrap().name, &*e.exception().unwrap().message), ("RangeError", "gone"));
        assert!(ctx.run_until(stream.next()).await.unwrap().is_none());
    }
);

engine_test!(
    async fn a_chunk_that_is_no_bytes_is_a_type_error(engine) {
        let ctx = create_test_context(engine);
        for chunk in ["'text'", "1", "{}", "new Uint8Array(new SharedArrayBuffer(1))", "null"] {
            let code = format!(
                "globalThis.reason = undefined;
                new ReadableStream({{ pull(c) {{ c.enqueue({chunk}); }}, cancel(r) {{ reason = r.name; }} }})"
            );
            let mut stream = readable(&ctx, &code).await;
            let e = ctx.run_until(stream.next()).await.unwrap().unwrap().unwrap_err();
            assert_eq!(e.exception().unwrap().name, "TypeError", "{chunk}");
            ctx.run_until_idle().await.unwrap();
            assert_eq!(eval_code::<String>(&ctx, "reason"), "TypeError", "{chunk}");
        }
    }
);

engine_test!(
    async fn a_locked_stream_does_not_cross_and_one_that_crosses_is_locked(engine) {
        let ctx = create_test_context(engine);
        let e = ctx.eval("const s = new ReadableStream(); s.getReader(); s", ()).await.unwrap_err();
        assert_eq!(e.exception().unwrap().name, "TypeError");
        let stream = readable(&ctx, "globalThis.t = new ReadableStream()").await;
        assert!(eval_code::<bool>(&ctx, "t.locked"));
        drop(stream);
        // The host can take it once.
        let value = ctx.eval("new ReadableStream()", ()).await.unwrap();
        ReadableStream::from_value(value.clone()).unwrap();
        assert_eq!(ReadableStream::from_value(value).unwrap_err().message(), "the ReadableStream was taken already");
        let value = ctx.eval("new WritableStream()", ()).await.unwrap();
        assert!(ReadableStream::from_value(value).unwrap_err().message().contains("got a WritableStream"));
    }
);

engine_test!(
    async fn a_context_that_goes_or_stops_ends_its_streams(engine) {
        let ctx = create_test_context(engine);
        let mut stream = readable(&ctx, "new ReadableStream()").await;
        drop(ctx);
        assert_eq!(stream.next().await.unwrap().unwrap_err().kind(), ErrorKind::Disposed);
        assert!(stream.next().await.is_none());

        let ctx = create_test_context(engine);
        let mut stream = readable(&ctx, "new ReadableStream()").await;
        ctx.terminate(Termination::Cancelled);
        let e = stream.next().await.unwrap().unwrap_err();
        assert_eq!(e.terminated(), Some(Termination::Cancelled));
    }
);

engine_test!(
    async fn what_waits_for_the_host_counts(engine) {
        let ctx = create_test_context(engine);
        let before = ctx.memory_usage().host;
        let mut stream = readable(&ctx, "ReadableStream.from([new Uint8Array(1 << 20)])").await;
        // Asked for, but not taken.
        assert!(stream.next().now_or_never().is_none());
        ctx.run_until_idle().await.unwrap();
        assert!(ctx.memory_usage().host - before >= 1 << 20);
        assert_eq!(ctx.run_until(stream.next()).await.unwrap().unwrap().unwrap().len(), 1 << 20);
        assert!(ctx.memory_usage().host - before < 1 << 20);
        let e = ctx.run_until(readable(&ctx, "ReadableStream.from([new Uint8Array(11)])").await.read_all(10));
        assert_eq!(e.await.unwrap().unwrap_err().kind(), ErrorKind::Conversion);
    }
);

engine_test!(
    async fn a_guest_that_waits_for_its_clock_is_waited_for(engine) {
        let ctx = create_clock_context(engine, Clock::VirtualAutoAdvance);
        let later = |ctx: Context, f: isolate_core::Function| {
            let call = move |ctx: &Context, _| ctx.call(&f, vec![]).map(drop).map_err(|_| unreachable!());
            ctx.add_timer(std::time::Duration::from_secs(3600), None, std::rc::Rc::new(call)).map(drop)
        };
        ctx.define_function("later", later).unwrap();
        let code = "new ReadableStream({ pull(c) { return new Promise((done) => later(() => {
            c.enqueue(new Uint8Array([7])); c.close(); done(); })); } })";
        let stream = readable(&ctx, code).await;
        assert_eq!(&ctx.run_until(stream.read_all(10)).await.unwrap().unwrap()[..], &[7]);
    }
);

// ---- from the host to the guest ----

const READ: &str = "(async () => {
    let text = '';
    for await (const chunk of host) text += String.fromCharCode(...chunk) + '|';
    return text;
})()";

engine_test!(
    async fn the_guest_reads_a_stream_of_the_host(engine) {
        let ctx = create_test_context(engine);
        give(&ctx, "host", ReadableStream::new(chunks(&["ab", "", "c"])));
        assert_eq!(eval_code_async::<String>(&ctx, READ).await, "ab|c|");
        // One that is not ready at once.
        let (tx, rx) = tokio::sync::mpsc::channel::<Bytes>(1);
        let rx = stream::unfold(rx, |mut rx| async { rx.recv().await.map(|b| (Ok::<_, HostError>(b), rx)) });
        give(&ctx, "host", ReadableStream::new(rx));
        let send = async move {
            for part in ["x", "yz"] {
                tokio::task::yield_now().await;
                tx.send(Bytes::from(part)).await.unwrap();
            }
        };
        let (text, ()) = tokio::join!(eval_code_async::<String>(&ctx, READ), send);
        assert_eq!(text, "x|yz|");
        // Into buffers of the guest's own.
        give(&ctx, "host", ReadableStream::new(chunks(&["abcde", "f"])));
        let code = "(async () => {
            const reader = host.getReader({ mode: 'byob' });
            const out = [];
            for (;;) {
                const { value, done } = await reader.read(new Uint8Array(4), { min: 2 });
                if (done) return out.join(' ') + '/' + value.length;
                out.push(String.fromCharCode(...value));
            }
        })()";
        assert_eq!(eval_code_async::<String>(&ctx, code).await, "abcd ef/0");
    }
);

engine_test!(
    async fn the_host_is_polled_as_the_guest_pulls(engine) {
        let ctx = create_test_context(engine);
        let (source, polls, drops) = Counted::new(10);
        give(&ctx, "host", ReadableStream::new(source));
        ctx.evaluate("globalThis.reader = host.getReader()", "test.js").unwrap();
        ctx.run_until_idle().await.unwrap();
        assert_eq!(polls.load(SeqCst), 0);
        for n in 1..=2 {
            eval_code_async::<()>(&ctx, "reader.read().then(() => {})").await;
            ctx.run_until_idle().await.unwrap();
            assert_eq!(polls.load(SeqCst), n);
        }
        assert_eq!(drops.load(SeqCst), 0);
        eval_code_async::<()>(&ctx, "reader.cancel()").await;
        assert_eq!((polls.load(SeqCst), drops.load(SeqCst)), (2, 1));
    }
);

engine_test!(
    async fn cancelling_drops_a_stream_that_is_being_read(engine) {
        let ctx = create_test_context(engine);
        let (source, _, drops) = Counted::new(0);
        let never = source.filter(|_| std::future::ready(true)).chain(stream::pending());
        give(&ctx, "host", ReadableStream::new(never));
        let code = "const reader = host.getReader(); const read = reader.read(); reader.cancel().then(() => read)
            .then((r) => r.done)";
        assert!(eval_code_async::<bool>(&ctx, code).await);
        // The read that was in flight is over, too.
        ctx.run_until_idle().await.unwrap();
        assert_eq!(drops.load(SeqCst), 1);
    }
);

engine_test!(
    async fn forgetting_it_drops_the_hosts_stream(engine) {
        let ctx = create_test_context(engine);
        let (source, _, drops) = Counted::new(3);
        let source = std::sync::Mutex::new(Some(source));
        ctx.define_function("open", move || source.lock().unwrap().take().map(ReadableStream::new)).unwrap();
        ctx.evaluate("open(); undefined", "test.js").unwrap();
        ctx.collect_garbage();
        ctx.evaluate("undefined", "test.js").unwrap();
        assert_eq!(drops.load(SeqCst), 1);
    }
);

engine_test!(
    async fn an_error_of_the_host_rejects_the_guests_read(engine) {
        let ctx = create_test_context(engine);
        let failing = chunks(&["a"]).chain(stream::iter([Err(HostError::range_error("worn out"))]));
        give(&ctx, "host", ReadableStream::new(failing));
        let code = "(async () => { const r = host.getReader(); await r.read();
            try { await r.read() } catch (e) { return e.constructor === RangeError && e.message } })()";
        assert_eq!(eval_code_async::<String>(&ctx, code).await, "worn out");
    }
);

engine_test!(
    async fn streams_are_arguments_and_results_of_host_functions(engine) {
        let ctx = create_test_context(engine);
        ctx.define_async_function("length", |stream: ReadableStream| async move {
            stream.read_all(1000).await.map(|all| all.len())
        })
        .unwrap();
        ctx.define_function("shout", |stream: ReadableStream| {
            ReadableStream::new(stream.map(|item| item.map(|chunk| Bytes::from(chunk.to_ascii_uppercase()))))
        })
        .unwrap();
        give(&ctx, "host", ReadableStream::new(chunks(&["ab", "c"])));
        assert_eq!(eval_code_async::<String>(&ctx, &READ.replace("host", "shout(host)")).await, "AB|C|");
        let code = "length(ReadableStream.from([new Uint8Array(3), new Uint8Array(4)]))";
        assert_eq!(eval_code_async::<u32>(&ctx, code).await, 7);
        // What was there on the way is there at the end.
        let code = "length(shout(new ReadableStream({ pull() { throw new SyntaxError('odd') } })))
            .catch((e) => e.name + e.message)";
        assert_eq!(eval_code_async::<String>(&ctx, code).await, "SyntaxErrorodd");
        let nested = "const o = { list: [new ReadableStream()] }; o";
        let value = ctx.eval(nested, ()).await.unwrap();
        assert!(format!("{value:?}").contains("Platform(ReadableStream)"));
    }
);

// ---- sinks ----

engine_test!(
    async fn the_host_writes_to_the_guest(engine) {
        let ctx = create_test_context(engine);
        let code = "globalThis.log = []; globalThis.gate = undefined;
            new WritableStream({
                write(chunk) { log.push(...chunk); return new Promise((r) => gate = r); },
                close() { log.push('closed'); }, abort(r) { log.push(r.name); } })";
        let mut sink = writable(&ctx, code).await;
        ctx.run_until(sink.feed(Bytes::from_static(&[1]))).await.unwrap().unwrap();
        ctx.run_until_idle().await.unwrap();
        // The next one waits until this one is written.
        assert!(sink.feed(Bytes::from_static(&[2])).now_or_never().is_none());
        ctx.evaluate("gate()", "test.js").unwrap();
        ctx.run_until(sink.feed(Bytes::from_static(&[2]))).await.unwrap().unwrap();
        ctx.run_until_idle().await.unwrap();
        ctx.evaluate("gate()", "test.js").unwrap();
        ctx.run_until(sink.close()).await.unwrap().unwrap();
        assert_eq!(eval_code::<String>(&ctx, "log.join()"), "1,2,closed");
        drop(sink);
        // Dropped before it is closed.
        drop(writable(&ctx, code).await);
        ctx.run_until_idle().await.unwrap();
        assert_eq!(eval_code::<String>(&ctx, "log.join()"), "AbortError");
        // One that fails.
        let mut sink = writable(&ctx, "new WritableStream({ write() { throw new RangeError('full') } })").await;
        let e = ctx.run_until(sink.send(Bytes::from_static(&[1]))).await.unwrap().unwrap_err();
        assert_eq!(e.exception().unwrap().message, "full");
        let mut sink = writable(&ctx, "globalThis.t = new TransformStream(); t.writable").await;
        ctx.evaluate("t.readable.cancel(new RangeError('enough'))", "test.js").unwrap();
        ctx.run_until_idle().await.unwrap();
        let e = ctx.run_until(sink.send(Bytes::from_static(&[1]))).await.unwrap().unwrap_err();
        assert_eq!(e.exception().unwrap().message, "enough");
    }
);

engine_test!(
    async fn the_guest_writes_to_the_host(engine) {
        let ctx = create_test_context(engine);
        let (tx, mut rx) = futures_channel::mpsc::channel::<Bytes>(0);
        give(&ctx, "host", WritableStream::new(tx.sink_map_err(|_| HostError::range_error("nobody listens"))));
        let write = "(async () => {
            const writer = host.getWriter();
            await writer.write(new Uint8Array([1, 2]));
            await writer.write(new Uint16Array([3]).buffer);
            const e = await writer.write('text').catch((e) => e.name);
            return e;
        })()";
        let read = async { (rx.next().await.unwrap().len(), rx.next().await.unwrap().len(), rx.next().await) };
        let (e, (one, two, end)) = tokio::join!(eval_code_async::<String>(&ctx, write), read);
        assert_eq!((&*e, one, two, end), ("TypeError", 2, 2, None));

        let (tx, rx) = futures_channel::mpsc::channel::<Bytes>(4);
        give(&ctx, "host", WritableStream::new(tx.sink_map_err(|_| HostError::range_error("nobody listens"))));
        let pipe = "ReadableStream.from([new Uint8Array([1]), new Uint8Array([2])]).pipeTo(host)";
        eval_code_async::<()>(&ctx, pipe).await;
        assert_eq!(rx.map(|b| b[0]).collect::<Vec<_>>().await, [1, 2]);

        let (tx, rx) = futures_channel::mpsc::channel::<Bytes>(4);
        drop(rx);
        give(&ctx, "host", WritableStream::new(tx.sink_map_err(|_| HostError::range_error("nobody listens"))));
        let code = "host.getWriter().write(new Uint8Array(1)).catch((e) => e.name + ': ' + e.message)";
        assert_eq!(eval_code_async::<String>(&ctx, code).await, "RangeError: nobody listens");

        let (tx, rx) = futures_channel::mpsc::channel::<Bytes>(4);
        give(&ctx, "host", WritableStream::new(tx.sink_map_err(|_| HostError::range_error("nobody listens"))));
        eval_code_async::<()>(&ctx, "host.abort()").await;
        assert_eq!(rx.count().await, 0);
    }
);

fn assert_send<T: Send>() {}

#[test]
fn streams_go_to_other_threads() {
    assert_send::<ReadableStream>();
    assert_send::<WritableStream>();
    fn is_sink<T: Sink<Bytes>>() {}
    is_sink::<WritableStream>();
}

// ---- compression ----

const COMPRESS: &str = "
    const all = async (stream) => {
        let size = 0;
        const parts = [];
        for await (const part of stream) { parts.push(part); size += part.length; }
        const out = new Uint8Array(size);
        let at = 0;
        for (const part of parts) { out.set(part, at); at += part.length; }
        return out;
    };
    const through = (bytes, stream) => all(ReadableStream.from([bytes]).pipeThrough(stream));
    const text = (s) => Uint8Array.from(s, (c) => c.charCodeAt(0));
    const same = (a, b) => a.length === b.length && a.every((x, i) => x === b[i]);
    ";

engine_test!(
    async fn what_is_compressed_comes_back(engine) {
        let ctx = create_test_context(engine);
        let code = "(async () => {
            let seed = 1;
            const noise = new Uint8Array(300000).map(() => (seed = seed * 48271 % 2147483647) & 255);
            for (const format of ['gzip', 'deflate', 'deflate-raw']) {
                for (const input of [text(''), text('hello hello hello'), noise, new Uint8Array(1000000)]) {
                    const packed = await through(input, new CompressionStream(format));
                    if (!same(await through(packed, new DecompressionStream(format)), input)) return format;
                    // A byte at a time.
                    const slow = ReadableStream.from([...packed.slice(0, 2000)].map((b) => new Uint8Array([b])));
                    if (packed.length < 2000 && !same(await all(slow.pipeThrough(new DecompressionStream(format))), input)) {
                        return format + ' slowly';
                    }
                }
            }
            return 'all';
        })()";
        assert_eq!(eval_code_async::<String>(&ctx, &format!("{COMPRESS}{code}")).await, "all");
    }
);

engine_test!(
    async fn what_is_not_compressed_data_is_a_type_error(engine) {
        let ctx = create_test_context(engine);
        let code = "(async () => {
            const wrong = [];
            const fails = async (what, format, bytes) => {
                try {
                    await through(bytes, new DecompressionStream(format));
                    wrong.push(what + ' of ' + format);
                } catch (e) {
                    if (!(e instanceof TypeError)) wrong.push(what + ': ' + e);
                }
            };
            for (const format of ['gzip', 'deflate', 'deflate-raw']) {
                const packed = await through(text('some text to pack'), new CompressionStream(format));
                await fails('nothing', format, text(''));
                await fails('half', format, packed.slice(0, packed.length - 1));
                await fails('more', format, Uint8Array.from([...packed, 0]));
                await fails('noise', format, text('\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff'));
                if (format !== 'deflate-raw') {
                    const changed = packed.slice();
                    changed[packed.length - (format === 'gzip' ? 6 : 1)] ^= 1;
                    await fails('check', format, changed);
                }
                if (format === 'gzip') {
                    for (const i of [0, 1, 2, packed.length - 1]) {
                        const changed = packed.slice();
                        changed[i] ^= 64;
                        await fails('byte ' + i, format, changed);
                    }
                    // Extra field, name, comment and check of the header are read over.
                    const head = [...packed.slice(0, 3), 4 | 8 | 16, ...packed.slice(4, 10),
                        2, 0, 1, 2, 65, 66, 0, 67, 0];
                    const long = Uint8Array.from([...head, ...packed.slice(10)]);
                    const back = await through(long, new DecompressionStream(format));
                    if (!same(back, text('some text to pack'))) wrong.push('header');
                }
            }
            for (const chunk of ['text', 1, {}, null, new Uint8Array(new SharedArrayBuffer(1))]) {
                const writer = new CompressionStream('gzip').writable.getWriter();
                writer.closed.catch(() => {});
                const e = await writer.write(chunk).then(() => undefined, (e) => e);
                if (!(e instanceof TypeError)) wrong.push('chunk ' + String(chunk));
            }
            try { new CompressionStream('zip'); wrong.push('zip'); } catch (e) { if (e.name !== 'TypeError') wrong.push(e); }
            return wrong.join();
        })()";
        // A write to a stream that nobody reads waits for the reader, as the standard has it.
        let code = code.replace(
            "const writer = new CompressionStream('gzip').writable.getWriter();",
            "const c = new CompressionStream('gzip'); c.readable.getReader().read().catch(() => {});
             const writer = c.writable.getWriter();",
        );
        assert_eq!(eval_code_async::<String>(&ctx, &format!("{COMPRESS}{code}")).await, "");
    }
);

engine_test!(
    async fn a_bomb_goes_off_slowly(engine) {
        let ctx = create_limited_context(engine, Limits::new().memory(24 << 20));
        // A hundred megabytes of zeros in one chunk, of which a reader takes what it wants.
        let code = "(async () => {
            const zeros = new Uint8Array(1 << 20);
            let n = 0;
            const packed = await all(new ReadableStream({ pull(c) { n++ < 100 ? c.enqueue(zeros) : c.close(); } })
                .pipeThrough(new CompressionStream('gzip')));
            const stream = new DecompressionStream('gzip');
            const writer = stream.writable.getWriter();
            const written = writer.write(packed);
            writer.close();
            let size = 0;
            for await (const part of stream.readable) {
                if (part.length > 65536) throw part.length;
                size += part.length;
            }
            await written;
            // One that is left alone, aborted, or cancelled does no harm.
            for (const how of ['abort', 'cancel', 'leave']) {
                const stream = new DecompressionStream('gzip');
                const writer = stream.writable.getWriter(), reader = stream.readable.getReader();
                writer.closed.catch(() => {}); reader.closed.catch(() => {});
                const write = writer.write(packed).catch(() => {});
                await reader.read();
                if (how === 'abort') await writer.abort();
                if (how === 'cancel') await reader.cancel();
                if (how !== 'leave') await write;
            }
            return size;
        })()";
        assert_eq!(eval_code_async::<u32>(&ctx, &format!("{COMPRESS}{code}")).await, 100 << 20);
        ctx.run_until_idle().await.unwrap();
    }
);

// ---- a guest that patched everything ----

/// Replaces every function of every builtin prototype and constructor by one that throws, but for what the test needs
/// itself, which is kept first.
const POISON: &str = "
    const kept = { Uint8Array, ReadableStream, WritableStream, TransformStream, CompressionStream, DecompressionStream,
        Promise, then: Promise.prototype.then, call: Function.prototype.call.bind(Function.prototype.call) };
    (() => {
        const { ownKeys, getPrototypeOf, defineProperty, getOwnPropertyDescriptor } = { ownKeys: Reflect.ownKeys,
            getPrototypeOf: Object.getPrototypeOf, defineProperty: Object.defineProperty,
            getOwnPropertyDescriptor: Object.getOwnPropertyDescriptor };
        const { species } = Symbol, E = Error, bad = function bad() { throw new E('patched'); };
        const targets = [Object.prototype, Array.prototype, Function.prototype, Promise.prototype, Promise, Map.prototype,
            Set.prototype, WeakMap.prototype, String.prototype, Number.prototype, Symbol.prototype, RegExp.prototype,
            ArrayBuffer.prototype, Uint8Array.prototype, getPrototypeOf(Uint8Array.prototype), DataView.prototype,
            FinalizationRegistry.prototype, Error.prototype, TypeError.prototype, Object, Array, Reflect, JSON, Math,
            getPrototypeOf([][Symbol.iterator]()), getPrototypeOf(getPrototypeOf([][Symbol.iterator]())),
            getPrototypeOf(getPrototypeOf((async function* () {}).prototype)), getPrototypeOf((async function* () {}).prototype),
            getPrototypeOf((function* () {}).prototype)];
        for (let i = 0; i < targets.length; i++) {
            const keys = ownKeys(targets[i]);
            for (let j = 0; j < keys.length; j++) {
                const key = keys[j], d = getOwnPropertyDescriptor(targets[i], key);
                if (!d.configurable || key === species || key === 'constructor' || key === 'name' || key === 'length' || key === 'message') continue;
                if (d.get || d.set) defineProperty(targets[i], key, { get: bad, set: bad, configurable: true });
                else if (typeof d.value === 'function') defineProperty(targets[i], key, { value: bad, configurable: true });
            }
        }
        const names = { __proto__: null, all: ['0', '1', '2', 'state', 'request', 'writer', 'reader', 'queue', 'start', 'pull',
            'owner', 'highWaterMark', 'signal', 'pipe', 'resume', 'erroring', 'clear', 'id', 'size'],
            globals: ['Promise', 'Map', 'WeakMap', 'TypeError', 'RangeError', 'FinalizationRegistry', 'Uint8Array',
            'ArrayBuffer', 'Symbol', 'Object', 'Array', 'Function', 'String'] };
        for (let i = 0; i < names.all.length; i++) {
            defineProperty(Object.prototype, names.all[i], { __proto__: null, get: bad, set: bad, configurable: true });
        }
        for (let i = 0; i < names.globals.length; i++) globalThis[names.globals[i]] = bad;
    })();
    ";

engine_test!(
    async fn patched_builtins_change_nothing(engine) {
        // A plain object of the guest has the members of Object.prototype, so those that are read of it are given.
        let source = "__proto__: null";
        let read = "const out = { __proto__: null, text: '' };
            const read = (reader, done) => kept.call(kept.then, reader.read(), (r) => {
                if (r.done) return done();
                out.text += r.value[0] + ','; read(reader, done); }, (e) => { out.text += 'failed ' + e; done(); });
            const result = new kept.Promise((resolve) => { out.done = () => resolve(out.text); });
            ";
        let cases = [
            ("new kept.ReadableStream({ SOURCE, start(c) { c.enqueue(new kept.Uint8Array(3)); c.close(); } })", "0,"),
            ("new kept.ReadableStream({ SOURCE, type: 'bytes', pull(c) { c.enqueue(new kept.Uint8Array(3)); c.close(); } })", "0,"),
            ("(() => { let n = 0; return new kept.ReadableStream({ SOURCE, pull(c) {
                if (n++ < 3) { const u = new kept.Uint8Array(1); u[0] = n; c.enqueue(u); } else c.close(); } })
                .pipeThrough(new kept.TransformStream({ SOURCE, transform(x, c) { x[0]++; c.enqueue(x); } })); })()", "2,3,4,"),
            ("new kept.ReadableStream({ SOURCE, start(c) { c.enqueue(new kept.Uint8Array(3)); c.close(); } }).tee()[1]", "0,"),
            ("new kept.ReadableStream({ SOURCE, type: 'bytes', start(c) { c.enqueue(new kept.Uint8Array(3)); c.close(); } }).tee()[0]", "0,"),
            ("new kept.ReadableStream({ SOURCE, start(c) { c.enqueue(new kept.Uint8Array(3)); c.close(); } })
                .pipeThrough(new kept.CompressionStream('gzip')).pipeThrough(new kept.DecompressionStream('gzip'))", "0,"),
            ("host", "97,99,"),
            ("new kept.ReadableStream({ SOURCE, pull() { throw 'thrown' } })", "failed thrown"),
        ];
        for loaded in [false, true] {
            for (case, expected) in cases {
                let ctx = create_test_context(engine);
                give(&ctx, "host", ReadableStream::new(chunks(&["ab", "c"])));
                let poison = if loaded {
                    POISON.to_owned()
                } else {
                    // The classes are loaded after everything is patched.
                    POISON.replace("ReadableStream, WritableStream, TransformStream, CompressionStream, DecompressionStream,",
                        "get ReadableStream() { return ReadableStream }, get TransformStream() { return TransformStream },
                         get CompressionStream() { return CompressionStream },
                         get DecompressionStream() { return DecompressionStream },")
                };
                let case = case.replace("SOURCE", source);
                let code = format!("{poison}{read} read({case}.getReader(), out.done); result");
                let text = ctx.eval(&code, EvalOptions::new().filename("test.js")).await;
                let text = text.unwrap_or_else(|e| panic!("{case} (loaded: {loaded}): {e:?}"));
                assert_eq!(text.as_str(), Some(expected), "{case} (loaded: {loaded})");
            }
        }
    }
);
