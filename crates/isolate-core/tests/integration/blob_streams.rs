//! Blobs as streams, and clones of blobs.

use isolate_core::{Blob, Limits};
use isolate_test_utils::{create_limited_context, create_test_context, engine_test, eval_code, eval_code_async};

engine_test!(
    async fn streams_give_the_bytes_in_bounded_chunks(engine) {
        let ctx = create_test_context(engine);
        ctx.define_function("give", || Blob::from_parts(vec!["0123456789".into(); 20_000], "")).unwrap();
        let read = "globalThis.read = async (blob) => {
            let size = 0, chunks = 0, largest = 0, text = '';
            const decoder = new TextDecoder();
            for await (const chunk of blob.stream()) {
                chunks++; size += chunk.length; largest = Math.max(largest, chunk.length);
                text += decoder.decode(chunk, { stream: true });
            }
            return [size, chunks, largest, text === await blob.text()].join();
        }; undefined";
        eval_code::<()>(&ctx, read);
        for blob in ["new Blob(['0123456789'.repeat(20_000)])", "give()", "structuredClone(give())", "new File([give()], 'f')"] {
            let got: String = eval_code_async(&ctx, &format!("read({blob})")).await;
            assert_eq!(got, "200000,4,65536,true", "{blob}");
        }
        assert_eq!(eval_code_async::<String>(&ctx, "read(new Blob())").await, "0,0,0,true");
        let byob = "(async () => {
            const reader = new Blob(['abcdef']).stream().getReader({ mode: 'byob' });
            const first = await reader.read(new Uint8Array(4));
            const second = await reader.read(new Uint8Array(4));
            await reader.cancel();
            return [first.value.join(), second.value.join(), (await reader.read(new Uint8Array(1))).done].join(';');
        })()";
        assert_eq!(eval_code_async::<String>(&ctx, byob).await, "97,98,99,100;101,102;true");
    }
);

engine_test!(
    async fn a_stream_keeps_its_bytes_and_no_more(engine) {
        let ctx = create_limited_context(engine, Limits::new().memory(64 << 20));
        let code = "
            globalThis.reader = new Blob([new Uint8Array(20 << 20)]).stream().getReader();
            reader.read().then((step) => step.value.length)";
        assert_eq!(eval_code_async::<f64>(&ctx, code).await, 65536.0);
        ctx.collect_garbage();
        assert_eq!(ctx.memory_usage().host >> 20, 20);
        eval_code_async::<()>(&ctx, "reader.cancel().then(() => { reader = undefined; })").await;
        ctx.collect_garbage();
        assert_eq!(ctx.memory_usage().host >> 20, 0);
    }
);

engine_test!(
    async fn clones_share_their_bytes(engine) {
        let ctx = create_limited_context(engine, Limits::new().memory(64 << 20));
        let code = "
            globalThis.clones = [];
            const blob = new Blob([new Uint8Array(20 << 20), 'end'], { type: 'a/b' });
            for (let i = 0; i < 100; i++) clones.push(structuredClone({ blob }).blob);
            const file = structuredClone(new File(['x'], 'n', { lastModified: 3, type: 'c/d' }));
            (async () => [clones[99] instanceof Blob, clones[99] !== blob, clones[99].size, clones[99].type,
                await clones[99].slice(-3).text(), file instanceof File, file.name, file.lastModified, file.type].join())()";
        let expected = format!("true,true,{},a/b,end,true,n,3,c/d", (20 << 20) + 3);
        assert_eq!(eval_code_async::<String>(&ctx, code).await, expected);
        ctx.collect_garbage();
        assert_eq!(ctx.memory_usage().host >> 20, 20);
    }
);
