//! Streams together with the rest of the web platform: signals, clones, ports, text, blobs.

use bytes::Bytes;
use futures_util::stream;
use isolate_core::{HostError, IntoValue, ReadableStream};
use isolate_test_utils::{create_test_context, engine_test, eval_code_async};

engine_test!(
    async fn a_signal_ends_a_pipe(engine) {
        let ctx = create_test_context(engine);
        let code = "(async () => {
            const log = [];
            const controller = new AbortController();
            const source = new ReadableStream({ pull(c) { c.enqueue(1); }, cancel(r) { log.push('cancel ' + r); } });
            const sink = new WritableStream({
                write(chunk, c) { c.signal.addEventListener('abort', () => log.push('signal ' + c.signal.reason));
                    if (log.length === 0) { log.push('write'); controller.abort('why'); } },
                abort(r) { log.push('abort ' + r); } });
            await source.pipeTo(sink, { signal: controller.signal }).catch((e) => log.push('rejected ' + e));
            return [...log, source.locked, sink.locked].join();
        })()";
        assert_eq!(
            eval_code_async::<String>(&ctx, code).await,
            "write,signal why,abort why,cancel why,rejected why,false,false"
        );
    }
);

engine_test!(
    async fn streams_are_transferred(engine) {
        let ctx = create_test_context(engine);
        let code = "(async () => {
            const log = [];
            let pulls = 0;
            const source = new ReadableStream({ pull(c) { c.enqueue({ n: ++pulls }); if (pulls === 3) c.close(); } });
            const copy = structuredClone({ source }, { transfer: [source] }).source;
            log.push(source.locked, copy.locked, copy instanceof ReadableStream);
            for await (const { n } of copy) log.push(n);
            // What cannot be cloned errors both.
            let reason;
            const odd = new ReadableStream({ pull(c) { c.enqueue(() => {}); }, cancel(e) { reason = e.name; } });
            const reader = structuredClone(odd, { transfer: [odd] }).getReader();
            await reader.read().catch((e) => log.push(e.name));
            await new Promise((r) => { const { port1, port2 } = new MessageChannel(); port2.onmessage = r; port1.postMessage(0); });
            log.push(reason);
            // Both sides of a transform.
            const upper = new TransformStream({ transform(chunk, c) { c.enqueue(chunk.toUpperCase()); } });
            const moved = structuredClone(upper, { transfer: [upper] });
            const writer = moved.writable.getWriter();
            writer.write('a');
            writer.close();
            for await (const chunk of moved.readable) log.push(chunk);
            // What is not in the list of transfers cannot be cloned, and what is locked cannot be transferred.
            const { port1, port2 } = new MessageChannel();
            try { port1.postMessage(new WritableStream()); } catch (e) { log.push(e.name); }
            const locked = new ReadableStream();
            locked.getReader();
            try { port1.postMessage(locked, [locked]); } catch (e) { log.push(e.name); }
            // Through a port.
            const sink = new WritableStream({ write(x) { log.push(x); }, abort(e) { log.push(e); } });
            const arrived = new Promise((done) => port2.onmessage = (e) => done(e.data));
            port1.postMessage(sink, [sink]);
            const sender = (await arrived).getWriter();
            await sender.write('sent');
            await sender.abort('enough');
            await new Promise((r) => { port2.onmessage = r; port1.postMessage(0); });
            return log.join();
        })()";
        assert_eq!(
            eval_code_async::<String>(&ctx, code).await,
            "true,false,true,1,2,3,DataCloneError,DataCloneError,A,DataCloneError,DataCloneError,sent,enough"
        );
    }
);

engine_test!(
    async fn text_flows(engine) {
        let ctx = create_test_context(engine);
        let parts = ["gr", "\u{fc}n"].map(|s| Bytes::copy_from_slice(s.as_bytes()));
        // In the middle of a character.
        let parts = [parts[0].clone(), parts[1].slice(..1), parts[1].slice(1..)].map(Ok::<_, HostError>);
        ctx.define_global("host", ReadableStream::new(stream::iter(parts)).into_value().unwrap()).unwrap();
        let code = "(async () => {
            let text = '';
            for await (const part of host.pipeThrough(new TextDecoderStream())) text += part;
            const pair = '\\ud83d\\ude00';
            const bytes = [];
            const halves = ReadableStream.from(['a' + pair[0], pair[1], pair[0]]);
            for await (const part of halves.pipeThrough(new TextEncoderStream())) bytes.push(...part);
            const strict = new TextDecoderStream('utf-8', { fatal: true });
            const failed = ReadableStream.from([new Uint8Array([255])]).pipeThrough(strict);
            const e = await failed.getReader().read().catch((e) => e.name);
            return [text, bytes.join(' '), e, strict.encoding, strict.fatal, strict.ignoreBOM].join();
        })()";
        assert_eq!(
            eval_code_async::<String>(&ctx, code).await,
            "gr\u{fc}n,97 240 159 152 128 239 191 189,TypeError,utf-8,true,false"
        );
    }
);

engine_test!(
    async fn the_stream_of_a_blob_reaches_the_host(engine) {
        let ctx = create_test_context(engine);
        ctx.define_async_function("count", |stream: ReadableStream| async move {
            stream.read_all(1 << 22).await.map(|all| all.len())
        })
        .unwrap();
        let code = "(async () => {
            const blob = new Blob([new Uint8Array(1 << 20), 'text']);
            const packed = blob.stream().pipeThrough(new CompressionStream('gzip'));
            const [one, two] = blob.stream().tee();
            return [await count(blob.stream()), await count(packed) < 5000, await count(one), await count(two),
                await count(blob.slice(5, 10).stream())].join();
        })()";
        assert_eq!(eval_code_async::<String>(&ctx, code).await, "1048580,true,1048580,1048580,5");
    }
);
