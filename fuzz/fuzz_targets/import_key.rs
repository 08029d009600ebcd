//! `crypto.subtle.importKey`, as a guest calls it, with keys of every format; what is taken is used and exported again.
//!
//! The first byte chooses format, algorithm and usages; the rest is the key. Errors must be of the kinds that the standard
//! names, and no host function may panic.

#![no_main]

use std::cell::Cell;
use std::future::poll_fn;

use bytes::Bytes;
use isolate_core::{Context, ContextOptions, EvalOptions, Function, Limits, Value, setup_core};
use isolate_crypto::{CryptoOptions, setup_crypto};
use isolate_engine_quickjs::QuickJs;
use libfuzzer_sys::fuzz_target;

const GUEST: &str = r"
    const { subtle } = crypto, formats = ['raw', 'pkcs8', 'spki', 'jwk'];
    const algorithms = [
        [{ name: 'RSA-PSS', hash: 'SHA-256' }, ['sign'], ['verify']],
        [{ name: 'RSA-OAEP', hash: 'SHA-1' }, ['decrypt', 'unwrapKey'], ['encrypt']],
        [{ name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-512' }, ['sign'], ['verify']],
        [{ name: 'ECDSA', namedCurve: 'P-256' }, ['sign'], ['verify']],
        [{ name: 'ECDH', namedCurve: 'P-384' }, ['deriveBits'], []],
        [{ name: 'ECDSA', namedCurve: 'P-521' }, ['sign'], ['verify']],
        [{ name: 'Ed25519' }, ['sign'], ['verify']], [{ name: 'Ed448' }, ['sign'], ['verify']],
        [{ name: 'X25519' }, ['deriveBits'], []], [{ name: 'X448' }, ['deriveKey'], []],
        [{ name: 'HMAC', hash: 'SHA-384' }, ['sign'], ['verify']], [{ name: 'AES-GCM' }, ['encrypt'], ['decrypt']],
        [{ name: 'AES-KW' }, ['wrapKey'], ['unwrapKey']], [{ name: 'PBKDF2' }, ['deriveBits'], []],
    ];
    const known = ['DataError', 'SyntaxError', 'NotSupportedError', 'OperationError', 'InvalidAccessError', 'TypeError'];
    const attempt = async (f) => {
        try { return await f(); } catch (e) { if (!known.includes(e.name)) throw e; }
    };
    async (choice, bytes) => {
        const format = formats[choice & 3], [algorithm, ...usages] = algorithms[(choice >> 2) % algorithms.length];
        let data = bytes;
        if (format === 'jwk') {
            try { data = JSON.parse(new TextDecoder().decode(bytes)); } catch { return; }
        }
        for (const allowed of usages) {
            const key = await attempt(() => subtle.importKey(format, data, algorithm, format !== 'raw' || algorithm.name !== 'PBKDF2', allowed));
            if (key === undefined) continue;
            for (const format of formats) await attempt(() => subtle.exportKey(format, key));
            const { name } = algorithm, some = new Uint8Array(64);
            await attempt(() => subtle.sign({ name, hash: 'SHA-256', saltLength: 8 }, key, some));
            await attempt(() => subtle.verify({ name, hash: 'SHA-256', saltLength: 8 }, key, some, some));
            await attempt(() => subtle.encrypt({ name, iv: some }, key, some));
            await attempt(() => subtle.decrypt({ name, iv: some }, key, some));
            await attempt(() => subtle.deriveBits({ name, public: key, salt: some, iterations: 1, hash: 'SHA-1' }, key, 64));
        }
    }";

struct Guest {
    context: Context,
    import: Function,
    calls: Cell<u32>,
}

fn guest() -> Guest {
    let options = ContextOptions::new().limits(Limits::new().memory(512 << 20).wall_time(None));
    let context = Context::new(&QuickJs::new(), options).unwrap();
    setup_core(&context).unwrap();
    setup_crypto(&context, CryptoOptions::new()).unwrap();
    context.on_uncaught(|uncaught| panic!("uncaught: {uncaught:?}"));
    let Value::Function(import) = context.evaluate(GUEST, "guest.js").unwrap() else { panic!("no function") };
    Guest { context, import, calls: Cell::new(0) }
}

thread_local! {
    static GUEST_OF_THREAD: Guest = guest();
    static TOKIO: tokio::runtime::Runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, key)) = data.split_first() else { return };
    GUEST_OF_THREAD.with(|guest| {
        let args = vec![Value::Number(f64::from(*choice)), Value::Bytes(Bytes::copy_from_slice(key))];
        TOKIO.with(|tokio| {
            tokio.block_on(async {
                let mut call = guest.context.start_call(&guest.import, args, &EvalOptions::new()).unwrap();
                guest.context.run_until_idle().await.unwrap();
                poll_fn(|cx| call.poll(cx)).await.expect("an error that the standard does not know");
            });
        });
        guest.calls.set(guest.calls.get() + 1);
        if guest.calls.get() % 1000 == 0 {
            guest.context.collect_garbage();
        }
    });
});
