//! FileReader, on every engine.

use isolate_core::{Blob, Context};
use isolate_test_utils::{create_test_context, engine_test, eval_code, eval_code_async};

fn context(engine: &dyn isolate_core::Engine) -> Context {
    let ctx = create_test_context(engine);
    ctx.define_function("give", || Blob::new("h\u{e9}", "a/b")).unwrap();
    eval_code::<()>(
        &ctx,
        "globalThis.reading = (how, blob, ...rest) => new Promise((resolve, reject) => {
            const reader = new FileReader();
            reader.onload = () => resolve(reader.result);
            reader.onerror = () => reject(reader.error);
            reader[how](blob, ...rest);
        });
        undefined",
    );
    ctx
}

engine_test!(
    async fn reads_in_every_form(engine) {
        let ctx = context(engine);
        let code = "(async () => [
            await reading('readAsText', give()),
            await reading('readAsText', new Blob([Uint8Array.of(0xe9)]), 'latin1'),
            await reading('readAsText', new Blob([Uint8Array.of(0xe9)], { type: 'text/plain; charset=windows-1252' })),
            await reading('readAsText', new Blob([Uint8Array.of(0xff, 0xfe, 0x61, 0)]), 'utf-8'),
            await reading('readAsText', new Blob(['x']), 'no such encoding'),
            await reading('readAsDataURL', give()),
            await reading('readAsDataURL', new Blob()),
            (await reading('readAsBinaryString', give())).length,
            (await reading('readAsArrayBuffer', give().slice(1))).byteLength,
        ].join())()";
        let expected = "hé,é,é,a,x,data:a/b;base64,aMOp,data:application/octet-stream;base64,,3,2";
        assert_eq!(eval_code_async::<String>(&ctx, code).await, expected);
        let large = "reading('readAsDataURL', new Blob([new Uint8Array(3_000_000)])).then((url) => url.length)";
        assert_eq!(eval_code_async::<f64>(&ctx, large).await, 4_000_037.0);
    }
);

engine_test!(
    async fn events_come_in_order_and_once(engine) {
        let ctx = context(engine);
        let code = "
            const told = [];
            const reader = new FileReader();
            for (const type of ['loadstart', 'progress', 'load', 'abort', 'error', 'loadend']) {
                reader.addEventListener(type, (e) => told.push(type + reader.readyState + (e instanceof ProgressEvent) + e.loaded));
            }
            told.push(reader.readyState, reader.result, FileReader.LOADING);
            reader.readAsText(give());
            let twice;
            try { reader.readAsText(give()); } catch (e) { twice = e.name; }
            new Promise((resolve) => { reader.onloadend = resolve; }).then(() => {
                reader.readAsText(give());
                reader.abort();
                told.push(reader.result, twice);
                return new Promise((resolve) => setImmediately(resolve)).then(() => told.join());
            })";
        // After everything that is already under way.
        eval_code::<()>(&ctx, "globalThis.setImmediately = (f) => reading('readAsText', new Blob()).then(f); undefined");
        let expected = "0,,1,loadstart1true0,progress1true3,load2true3,loadend2true3,abort2true0,loadend2true0,,InvalidStateError";
        assert_eq!(eval_code_async::<String>(&ctx, code).await, expected);
        let wrong = "[() => new FileReader().readAsText('x'), () => new FileReader().readAsText(), () => FileReader(),
            () => FileReader.prototype.abort.call({})].map((f) => { try { f(); } catch (e) { return e.name; } }).join()";
        assert_eq!(eval_code::<String>(&ctx, wrong), ["TypeError"; 4].join(","));
    }
);
