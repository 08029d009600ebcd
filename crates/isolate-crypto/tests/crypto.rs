//! Web Crypto, on every engine. What the standard says of each algorithm is tested by the web platform tests; here is what
//! they do not ask.

use std::time::Duration;

use isolate_core::{Context, ContextOptions, EvalOptions, Limits, Termination};
use isolate_crypto::{CryptoHandle, CryptoOptions, RandomSource, setup_crypto};
use isolate_test_utils::{
    create_limited_context, create_test_context, create_test_context_with, engine_test, eval_code, eval_code_async,
};

/// What scripts of these tests have in common.
const PRELUDE: &str = r"
    globalThis.hex = (b) => [...new Uint8Array(b)].map((x) => x.toString(16).padStart(2, '0')).join('');
    globalThis.unhex = (s) => new Uint8Array(s.match(/../g)?.map((x) => parseInt(x, 16)) ?? []);
    globalThis.utf8 = (s) => new TextEncoder().encode(s);
    globalThis.s = crypto.subtle;
    globalThis.failure = async (f) => {
        try { await f(); return 'nothing'; } catch (e) { return e.name; }
    };
    globalThis.raw = (bytes, algorithm, ...usages) => s.importKey('raw', bytes, algorithm, true, usages);
    0";

fn set_up(ctx: &Context, options: CryptoOptions) -> CryptoHandle {
    let handle = setup_crypto(ctx, options).unwrap();
    ctx.evaluate(PRELUDE, "prelude.js").unwrap();
    handle
}

engine_test!(
    fn random_values(engine) {
        let ctx = create_test_context(engine);
        set_up(&ctx, CryptoOptions::new());
        let code = r"
            const all = new Uint8Array(64).fill(7), part = all.subarray(16, 48);
            const same = crypto.getRandomValues(part) === part;
            const outside = all.slice(0, 16).every((b) => b === 7) && all.slice(48).every((b) => b === 7);
            const big = crypto.getRandomValues(new Uint8Array(65536)), counts = new Array(256).fill(0);
            for (const b of big) counts[b]++;
            // 256 of each are expected; the odds against 128 are beyond counting.
            const spread = counts.every((n) => n > 128 && n < 512);
            const many = new Set();
            for (let i = 0; i < 2000; i++) many.add(hex(crypto.getRandomValues(new Uint8Array(16))));
            [same, outside, part.some((b) => b !== 7), spread, many.size]";
        assert_eq!(eval_code::<(bool, bool, bool, bool, u32)>(&ctx, code), (true, true, true, true, 2000));
    }
);

engine_test!(
    fn random_values_of_the_wrong_kind(engine) {
        let ctx = create_test_context(engine);
        set_up(&ctx, CryptoOptions::new());
        let code = r"
            const name = (f) => { try { f(); return 'nothing'; } catch (e) { return e.name; } };
            const of = (x) => name(() => crypto.getRandomValues(x));
            const detached = new Uint8Array(8);
            structuredClone(detached.buffer, { transfer: [detached.buffer] });
            [
                of(new Uint8Array(65537)), of(new Uint32Array(16385)), of(new Float64Array(1)), of(new Float32Array(1e6)),
                of(new DataView(new ArrayBuffer(8))), of(new ArrayBuffer(8)), of([1, 2]), of(undefined), of('x'),
                of(new Uint8Array(new ArrayBuffer(8, { maxByteLength: 16 }))),
                typeof SharedArrayBuffer === 'function' ? of(new Uint8Array(new SharedArrayBuffer(8))) : 'TypeError',
                of(detached), of(new BigInt64Array(2)), name(() => crypto.getRandomValues()),
                name(() => crypto.getRandomValues.call({}, new Uint8Array(1))), name(() => new Crypto()),
            ].join(' ')";
        let expected = "QuotaExceededError QuotaExceededError TypeMismatchError TypeMismatchError TypeMismatchError \
                        TypeError TypeError TypeError TypeError TypeError TypeError nothing nothing TypeError TypeError \
                        TypeError";
        assert_eq!(eval_code::<String>(&ctx, code), expected);
    }
);

engine_test!(
    fn uuids(engine) {
        let ctx = create_test_context(engine);
        set_up(&ctx, CryptoOptions::new());
        let code = r"
            const all = new Set();
            for (let i = 0; i < 1000; i++) all.add(crypto.randomUUID());
            const form = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
            [all.size, [...all].every((id) => form.test(id))]";
        assert_eq!(eval_code::<(u32, bool)>(&ctx, code), (1000, true));
    }
);

/// Everything that is left to chance, as one string.
const CHANCE: &str = r"(async () => {
    const out = [crypto.randomUUID(), hex(crypto.getRandomValues(new Uint8Array(300)))];
    const exponent = new Uint8Array([1, 0, 1]), hash = 'SHA-256', data = utf8('data');
    const made = async (algorithm, usages) => {
        const key = await s.generateKey(algorithm, true, usages);
        out.push(JSON.stringify(await s.exportKey('jwk', key.privateKey ?? key)));
        return key;
    };
    await made({ name: 'AES-GCM', length: 256 }, ['encrypt']);
    await made({ name: 'HMAC', hash }, ['sign']);
    for (const namedCurve of ['P-256', 'P-384', 'P-521']) {
        const { privateKey, publicKey } = await made({ name: 'ECDSA', namedCurve }, ['sign', 'verify']);
        const signature = await s.sign({ name: 'ECDSA', hash }, privateKey, data);
        out.push(hex(signature), await s.verify({ name: 'ECDSA', hash }, publicKey, signature, data));
    }
    for (const name of ['Ed25519', 'Ed448']) await made({ name }, ['sign']);
    for (const name of ['X25519', 'X448']) await made({ name }, ['deriveBits']);
    // Work on other threads, at once.
    const rsa = { modulusLength: 1024, publicExponent: exponent, hash };
    const [pss, oaep] = await Promise.all([
        made({ name: 'RSA-PSS', ...rsa }, ['sign', 'verify']), made({ name: 'RSA-OAEP', ...rsa }, ['encrypt', 'decrypt']),
    ]);
    for (const saltLength of [0, 20, 32]) {
        const signature = await s.sign({ name: 'RSA-PSS', saltLength }, pss.privateKey, data);
        out.push(hex(signature), await s.verify({ name: 'RSA-PSS', saltLength }, pss.publicKey, signature, data));
    }
    for (const label of [undefined, utf8('label')]) {
        const sealed = await s.encrypt({ name: 'RSA-OAEP', label }, oaep.publicKey, data);
        out.push(hex(sealed), hex(await s.decrypt({ name: 'RSA-OAEP', label }, oaep.privateKey, sealed)) === hex(data));
    }
    return out;
})()";

engine_test!(
    async fn a_seed_decides_everything(engine) {
        let mut runs = Vec::new();
        for seed in [1, 1, 2] {
            let ctx = create_test_context(engine);
            set_up(&ctx, CryptoOptions::new().random(RandomSource::seeded([seed; 32])));
            runs.push(eval_code_async::<Vec<serde_json::Value>>(&ctx, CHANCE).await);
        }
        assert_eq!(runs[0].len(), 29);
        assert!(!runs[0].contains(&false.into()), "a signature is not valid: {:?}", runs[0]);
        // The keys of a pair are made side by side, in whichever order they are ready.
        for run in &mut runs {
            run.sort_by_key(ToString::to_string);
        }
        assert_eq!(runs[0], runs[1]);
        let same = runs[0].iter().filter(|v| !v.is_boolean() && runs[2].contains(v)).count();
        assert_eq!(same, 0);
    }
);

engine_test!(
    async fn known_answers(engine) {
        let ctx = create_test_context(engine);
        set_up(&ctx, CryptoOptions::new().random(RandomSource::seeded([0; 32])));
        // FIPS 180-4; RFC 4231 case 2; RFC 5869 case 1; RFC 7914 §11; RFC 8032 §7.1 case 2; RFC 6979 A.2.5 'sample'; RFC
        // 3394 §4.1; NIST SP 800-38A F.5.1; the test cases 4 of the GCM specification.
        let code = r"(async () => {
            const bits = async (algorithm, secret, n) =>
                hex(await s.deriveBits(algorithm, await s.importKey('raw', secret, algorithm.name, false, ['deriveBits']), n));
            const jefe = await raw(utf8('Jefe'), { name: 'HMAC', hash: 'SHA-256' }, 'sign');
            const ed = await s.importKey('jwk', {
                kty: 'OKP', crv: 'Ed25519', d: 'TM0Imyj_ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U-4pvs',
                x: 'PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw',
            }, 'Ed25519', false, ['sign']);
            const ec = await s.importKey('jwk', {
                kty: 'EC', crv: 'P-256', d: 'ya-p2EW6dRZrXCFXZ7HWk05Qw9s26JsSe4piKxIPZyE',
                x: 'YP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Y',
                y: 'eQP-EAi4vJmkGunpVii8ZPLxsgwtfp9Rd6PClNRGIpk',
            }, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']);
            const kek = await raw(unhex('000102030405060708090a0b0c0d0e0f'), 'AES-KW', 'wrapKey');
            const wrapped = await raw(unhex('00112233445566778899aabbccddeeff'), 'AES-CBC', 'encrypt');
            const ctr = await raw(unhex('2b7e151628aed2a6abf7158809cf4f3c'), 'AES-CTR', 'encrypt');
            const gcm = await raw(unhex('feffe9928665731c6d6a8f9467308308'), 'AES-GCM', 'encrypt');
            return [
                hex(await s.digest('sha-256', utf8('abc'))),
                hex(await s.sign('HMAC', jefe, utf8('what do ya want for nothing?'))),
                await bits({ name: 'HKDF', hash: 'SHA-256', salt: unhex('000102030405060708090a0b0c'), info: unhex('f0f1f2f3f4f5f6f7f8f9') },
                    unhex('0b'.repeat(22)), 336),
                await bits({ name: 'PBKDF2', hash: 'SHA-256', salt: utf8('NaCl'), iterations: 80000 }, utf8('Password'), 512),
                hex(await s.sign('Ed25519', ed, unhex('72'))),
                hex(await s.sign({ name: 'ECDSA', hash: 'SHA-256' }, ec, utf8('sample'))),
                hex(await s.wrapKey('raw', wrapped, kek, 'AES-KW')),
                hex(await s.encrypt({ name: 'AES-CTR', counter: unhex('f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff'), length: 128 }, ctr,
                    unhex('6bc1bee22e409f96e93d7e117393172a'))),
                hex(await s.encrypt({ name: 'AES-GCM', iv: unhex('cafebabefacedbaddecaf888'),
                    additionalData: unhex('feedfacedeadbeeffeedfacedeadbeefabaddad2') }, gcm,
                    unhex('d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39'))),
            ];
        })()";
        let expected = [
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
            "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56a1d425a1225833549adb841b51c9b3176a272bdebba1d078478f62b397f33c8d",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
            "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
            "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5",
            "874d6191b620e3261bef6864990db6ce",
            "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e0915bc94fbc3221a5db94fae95ae7121a47",
        ];
        assert_eq!(eval_code_async::<Vec<String>>(&ctx, code).await, expected);
    }
);

engine_test!(
    async fn counters_of_aes_ctr_start_again(engine) {
        let ctx = create_test_context(engine);
        set_up(&ctx, CryptoOptions::new());
        // Block by block, with the counter computed here, is the same as all at once.
        let code = r"(async () => {
            const key = await raw(new Uint8Array(16), 'AES-CTR', 'encrypt');
            const data = crypto.getRandomValues(new Uint8Array(16 * 7 + 5));
            const run = async (counter, length, data) => hex(await s.encrypt({ name: 'AES-CTR', counter, length }, key, data));
            const wrong = [];
            for (const length of [3, 4, 8, 9, 64, 127, 128]) {
                const start = new Uint8Array(16).fill(0xff);
                start[15] = 0xfd;
                let expected = '';
                const number = BigInt('0x' + hex(start)), mask = (1n << BigInt(length)) - 1n;
                for (let i = 0; i * 16 < data.length; i++) {
                    const block = (number & ~mask) | ((number + BigInt(i)) & mask);
                    expected += await run(unhex(block.toString(16).padStart(32, '0')), 128, data.slice(16 * i, 16 * i + 16));
                }
                if (await run(start, length, data) !== expected) wrong.push(length);
            }
            return [wrong.join(), await failure(() => run(new Uint8Array(16), 2, new Uint8Array(65))), await failure(() => run(new Uint8Array(16), 2, new Uint8Array(64)))];
        })()";
        let answer = eval_code_async::<(String, String, String)>(&ctx, code).await;
        assert_eq!(answer, (String::new(), "OperationError".into(), "nothing".into()));
    }
);

engine_test!(
    async fn keys_stay_on_the_host(engine) {
        let ctx = create_test_context(engine);
        let handle = set_up(&ctx, CryptoOptions::new());
        let code = r"(async () => {
            globalThis.key = await s.generateKey({ name: 'AES-GCM', length: 128 }, false, ['encrypt', 'decrypt']);
            const iv = new Uint8Array(12);
            const copy = structuredClone({ key: globalThis.key }).key;
            const sealed = await s.encrypt({ name: 'AES-GCM', iv }, copy, utf8('both are the same'));
            const { port1, port2 } = new MessageChannel();
            const posted = await new Promise((resolve) => { port2.onmessage = (e) => resolve(e.data); port1.postMessage(copy); });
            port1.close();
            return [
                JSON.stringify(key), Reflect.ownKeys(key).length,
                new TextDecoder().decode(await s.decrypt({ name: 'AES-GCM', iv }, posted, sealed)),
                copy !== key && copy instanceof CryptoKey, copy.algorithm !== key.algorithm && copy.algorithm.length === 128,
                key.algorithm === key.algorithm && key.usages === key.usages,
                await failure(() => s.exportKey('raw', key)), await failure(() => s.exportKey('raw', Object.create(CryptoKey.prototype))),
                await failure(() => s.exportKey('raw', Object.create(key))), await failure(() => new CryptoKey()),
                await failure(() => s.encrypt.call({}, { name: 'AES-GCM', iv }, key, iv)),
            ];
        })()";
        let answer = eval_code_async::<Vec<serde_json::Value>>(&ctx, code).await;
        let expected = serde_json::json!([
            "{}", 0, "both are the same", true, true, true, "InvalidAccessError", "TypeError", "TypeError", "TypeError",
            "TypeError"
        ]);
        assert_eq!(serde_json::Value::Array(answer), expected);
        // One entry, whatever the number of its objects.
        assert_eq!(handle.keys(), 1);
    }
);

engine_test!(
    async fn keys_go_with_their_objects(engine) {
        let ctx = create_limited_context(engine, Limits::new().memory(64 << 20));
        let handle = set_up(&ctx, CryptoOptions::new());
        let code = "(async () => { for (let i = 0; i < 200; i++) await raw(new Uint8Array(1e5), { name: 'HMAC', hash: 'SHA-1' }, 'sign'); })()";
        for _ in 0..5 {
            ctx.eval(code, EvalOptions::new()).await.unwrap();
            ctx.collect_garbage();
            ctx.run_until_idle().await.unwrap();
        }
        assert!(handle.keys() < 400, "{} of 1,000 keys are left", handle.keys());
        let keep = "globalThis.all = []; (async () => { for (;;) all.push(await raw(new Uint8Array(1e6), { name: 'HMAC', hash: 'SHA-1' }, 'sign')); })()";
        let error = ctx.eval(keep, EvalOptions::new()).await.unwrap_err();
        assert_eq!(error.terminated(), Some(Termination::Memory));
    }
);

engine_test!(
    async fn what_waits_for_its_turn_counts_as_memory(engine) {
        let ctx = create_limited_context(engine, Limits::new().memory(64 << 20));
        set_up(&ctx, CryptoOptions::new());
        let code = "(async () => {
            const key = await raw(new Uint8Array(16), 'AES-CBC', 'encrypt');
            const big = new Uint8Array(8e6);
            for (;;) s.encrypt({ name: 'AES-CBC', iv: new Uint8Array(16) }, key, big);
        })()";
        let error = ctx.eval(code, EvalOptions::new()).await.unwrap_err();
        assert_eq!(error.terminated(), Some(Termination::Memory));
    }
);

/// A derivation that would take an hour.
const ENDLESS: &str = "s.deriveBits({ name: 'PBKDF2', hash: 'SHA-512', salt: new Uint8Array(8), iterations: 4294967295 }, \
                       await s.importKey('raw', utf8('x'), 'PBKDF2', false, ['deriveBits']), 512)";

engine_test!(
    async fn long_work_is_cancelled_with_its_context(engine) {
        // One thread for such work: what is asked of it afterwards gets its turn only if that of the guest has ended.
        let mut tokio = tokio::runtime::Builder::new_multi_thread();
        let tokio = tokio.worker_threads(1).max_blocking_threads(1).enable_all().build().unwrap();
        let rsa = "s.generateKey({ name: 'RSA-PSS', modulusLength: 16384, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-1' }, true, ['sign'])";
        for work in [ENDLESS, rsa] {
            let options = ContextOptions::new().tokio(tokio.handle().clone());
            let ctx = create_test_context_with(engine, options);
            set_up(&ctx, CryptoOptions::new().pbkdf2_rounds(u64::MAX).rsa_bits(16384));
            let options = EvalOptions::new().deadline(Duration::from_millis(100));
            let error = ctx.eval(&format!("(async () => {{ await {work} }})()"), options).await.unwrap_err();
            assert_eq!(error.terminated(), Some(Termination::Deadline), "{work}");
            drop(ctx);
            tokio.spawn_blocking(|| ()).await.unwrap();
        }
        tokio.shutdown_background();
    }
);

engine_test!(
    async fn the_guest_goes_on_meanwhile(engine) {
        let ctx = create_test_context(engine);
        set_up(&ctx, CryptoOptions::new().pbkdf2_rounds(u64::MAX));
        // Two at once by default, so the others do not even start; short work needs no turn.
        let code = format!(
            "(async () => {{
                let settled = 0;
                for (let i = 0; i < 10; i++) ({ENDLESS}).then(() => settled++, () => settled++);
                const seen = [];
                for (let i = 0; i < 50; i++) seen.push(hex(await s.digest('SHA-1', utf8(String(i)))));
                return [seen.length, settled];
            }})()"
        );
        assert_eq!(eval_code_async::<(u32, u32)>(&ctx, &code).await, (50, 0));
    }
);

engine_test!(
    async fn work_elsewhere_counts_as_processor_time(engine) {
        let ctx = create_limited_context(engine, Limits::new().cpu_time(Duration::from_millis(300)));
        set_up(&ctx, CryptoOptions::new().pbkdf2_rounds(u64::MAX));
        let code = format!("(async () => {{ await {ENDLESS} }})()");
        let error = ctx.eval(&code, EvalOptions::new()).await.unwrap_err();
        assert_eq!(error.terminated(), Some(Termination::Cpu));
        assert!(ctx.cpu_used() >= Duration::from_millis(300));
    }
);

engine_test!(
    async fn what_is_too_much(engine) {
        let ctx = create_test_context(engine);
        set_up(&ctx, CryptoOptions::new().pbkdf2_rounds(1000).rsa_bits(2048));
        let code = r"(async () => {
            const password = await s.importKey('raw', utf8('x'), 'PBKDF2', false, ['deriveBits']);
            const hkdf = await s.importKey('raw', utf8('x'), 'HKDF', false, ['deriveBits']);
            const aes = await raw(new Uint8Array(16), 'AES-GCM', 'encrypt', 'decrypt');
            const pbkdf2 = (iterations, bits) => failure(() => s.deriveBits({ name: 'PBKDF2', hash: 'SHA-1', salt: new Uint8Array(1), iterations }, password, bits));
            const rsa = (modulusLength, exponent) => failure(() => s.generateKey(
                { name: 'RSA-PSS', modulusLength, publicExponent: new Uint8Array(exponent), hash: 'SHA-1' }, true, ['sign']));
            const gcm = (iv, tagLength, data) => failure(() => s.decrypt({ name: 'AES-GCM', iv, tagLength }, aes, data));
            const iv = new Uint8Array(12);
            return [
                await pbkdf2(1000, 160), await pbkdf2(1001, 160), await pbkdf2(501, 320), await pbkdf2(0, 160), await pbkdf2(4294967295, 4294967288),
                await pbkdf2(4294967296, 8), await pbkdf2(-1, 8), await pbkdf2(1, 4294967288),
                await failure(() => s.deriveBits({ name: 'HKDF', hash: 'SHA-1', salt: iv, info: iv }, hkdf, 4294967288)),
                await failure(() => s.deriveBits({ name: 'HKDF', hash: 'SHA-1', salt: iv, info: iv }, hkdf, 255 * 160 + 8)),
                '|',
                await rsa(2049, [1, 0, 1]), await rsa(4294967295, [3]), await rsa(0, [3]), await rsa(511, [3]), await rsa(1024, [4]), await rsa(1024, [1]),
                await rsa(1024, []), await rsa(1024, [0, 0, 0, 0, 0, 0, 3]), await rsa(1024, new Array(1e5).fill(255)),
                '|',
                await failure(() => s.generateKey({ name: 'HMAC', hash: 'SHA-1', length: 4294967295 }, true, ['sign'])),
                await failure(() => s.generateKey({ name: 'HMAC', hash: 'SHA-1', length: 0 }, true, ['sign'])),
                await failure(() => s.generateKey({ name: 'AES-CBC', length: 65535 }, true, ['encrypt'])),
                await failure(() => s.generateKey({ name: 'AES-CBC', length: 65536 }, true, ['encrypt'])),
                await failure(() => raw(new Uint8Array(3e6), { name: 'HMAC', hash: 'SHA-1' }, 'sign')),
                '|',
                await gcm(iv, 8, iv), await gcm(iv, 128, new Uint8Array(15)), await gcm(new Uint8Array(0), 128, new Uint8Array(16)),
                await gcm(new Uint8Array(1e5), 128, new Uint8Array(16)), await gcm(iv, 256, iv), await gcm(iv, 128, new Uint8Array(64)),
            ].join(' ');
        })()";
        let operation = |n: usize| vec!["OperationError"; n].join(" ");
        let expected = format!(
            "nothing {} TypeError TypeError {} | {} nothing {} | {} TypeError DataError | {} TypeError {}",
            operation(4),
            operation(3),
            operation(7),
            operation(1),
            operation(3),
            operation(4),
            operation(1),
        );
        assert_eq!(eval_code_async::<String>(&ctx, code).await, expected);
    }
);

engine_test!(
    async fn buffers_of_all_kinds(engine) {
        let ctx = create_test_context(engine);
        set_up(&ctx, CryptoOptions::new());
        let code = r"(async () => {
            const digest = (x) => failure(() => s.digest('SHA-256', x));
            const detached = new Uint8Array(8);
            structuredClone(detached.buffer, { transfer: [detached.buffer] });
            const view = new Uint16Array(new Uint8Array([9, 9, 97, 98, 99, 100, 9, 9]).buffer, 2, 2);
            const changed = utf8('abcd'), pending = s.digest('SHA-256', changed);
            changed.fill(0);
            // Large data is hashed by the piece.
            const large = crypto.getRandomValues(new Uint8Array(65536)), huge = new Uint8Array(3 << 18);
            for (let i = 0; i < 12; i++) huge.set(large, i << 16);
            const hash = async (view) => hex(await s.digest('SHA-256', view));
            return [
                await hash(huge.subarray(1, 1 << 18)) !== await hash(huge.subarray(1, (1 << 18) + 2)),
                await hash(huge) === await hash(huge.slice()), huge.length,
                await hash(new Uint8Array(1e6)),
                hex(await s.digest('SHA-256', view)) === hex(await s.digest('SHA-256', utf8('abcd'))),
                hex(await s.digest('SHA-256', new DataView(view.buffer, 2, 4))) === hex(await s.digest('SHA-256', utf8('abcd'))),
                hex(await pending) === hex(await s.digest('SHA-256', utf8('abcd'))),
                hex(await s.digest('SHA-256', detached)) === hex(await s.digest('SHA-256', new ArrayBuffer(0))),
                (await s.digest('SHA-256', detached)) instanceof ArrayBuffer,
                await digest(new Uint8Array(new ArrayBuffer(8, { maxByteLength: 16 }))),
                typeof SharedArrayBuffer === 'function' ? await digest(new SharedArrayBuffer(8)) : 'TypeError',
                await digest('text'), await digest(undefined), await digest([1]),
            ].join(' ');
        })()";
        // The third is what `head -c 1000000 /dev/zero | sha256sum` gives.
        let expected = "true true 786432 d29751f2649b32ff572b5e0a9f541ea660a50f94ff0beedfb0b692b924cc8025 \
                        true true true true true TypeError TypeError TypeError TypeError TypeError";
        assert_eq!(eval_code_async::<String>(&ctx, code).await, expected);
    }
);

/// Imports good keys with some bytes changed, and tells what came out, by name of the error.
const MUTATE: &str = r"(async () => {
    const { formats, seed, rounds } = plan;
    let state = seed;
    const random = (n) => { state = (Math.imul(state, 1664525) + 1013904223) >>> 0; return (state >>> 8) % n; };
    const rsa = { modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' };
    const kinds = [
        [{ name: 'RSA-PSS', ...rsa }, ['sign', 'verify']], [{ name: 'RSA-OAEP', ...rsa }, ['encrypt', 'decrypt']],
        [{ name: 'ECDSA', namedCurve: 'P-256' }, ['sign', 'verify']], [{ name: 'ECDH', namedCurve: 'P-521' }, ['deriveBits']],
        [{ name: 'Ed25519' }, ['sign', 'verify']], [{ name: 'X448' }, ['deriveBits']],
        [{ name: 'AES-GCM', length: 256 }, ['encrypt', 'decrypt']], [{ name: 'HMAC', hash: 'SHA-512' }, ['sign', 'verify']],
    ];
    const good = [];
    for (const [algorithm, usages] of kinds) {
        const made = await s.generateKey(algorithm, true, usages);
        for (const key of made.type === undefined ? [made.publicKey, made.privateKey] : [made]) {
            for (const format of formats) {
                try { good.push({ format, algorithm, usages: [...key.usages], data: await s.exportKey(format, key) }); } catch {}
            }
        }
    }
    const bytes = (data) => {
        let copy = [...new Uint8Array(data)];
        for (let n = 1 + random(4); n > 0; n--) {
            const at = random(copy.length + 1);
            switch (random(6)) {
                case 0: copy[at] = random(256); break;
                case 1: copy.splice(at, 1 + random(8)); break;
                case 2: copy.splice(at, 0, ...new Array(random(8)).fill(random(256))); break;
                case 3: copy[random(Math.min(40, copy.length))] ^= 1 << random(8); break;
                case 4: copy = copy.concat(copy.slice(at)); break;
                case 5: copy[random(Math.min(12, copy.length))] = [0, 0x7f, 0x80, 0x81, 0x84, 0xff][random(6)]; break;
            }
        }
        return new Uint8Array(copy);
    };
    const junk = ['', 'A', 'AA', '!', '====', 'A'.repeat(50000), '\u0000', '\ud800', 'é', undefined, 7, null, {}, [], 'AQAB', 'AA'];
    const members = (data) => {
        const copy = { ...data }, keys = [...Object.keys(copy), 'oth', 'alg', 'use', 'y', 'key_ops'];
        for (let n = 1 + random(3); n > 0; n--) {
            const key = keys[random(keys.length)], value = copy[key];
            switch (random(4)) {
                case 0: delete copy[key]; break;
                case 1: copy[key] = junk[random(junk.length)]; break;
                case 2: if (typeof value === 'string') copy[key] = value.slice(random(4)) + value.slice(0, random(4)); break;
                case 3: copy[key] = copy[keys[random(keys.length)]]; break;
            }
        }
        return copy;
    };
    const outcomes = {};
    for (let i = 0; i < rounds; i++) {
        const { format, algorithm, usages, data } = good[random(good.length)];
        let outcome = 'taken';
        try {
            const key = await s.importKey(format, format === 'jwk' ? members(data) : bytes(data), algorithm, true, usages);
            // A key that was taken can be used, and is refused at the worst.
            const peer = { name: key.algorithm.name, public: key };
            for (const use of [
                () => s.exportKey(format, key),
                () => s.sign({ name: key.algorithm.name, hash: 'SHA-256', saltLength: 8 }, key, new Uint8Array(3)),
                () => s.verify({ name: key.algorithm.name, hash: 'SHA-256', saltLength: 8 }, key, new Uint8Array(64), new Uint8Array(3)),
                () => s.encrypt({ name: key.algorithm.name, iv: new Uint8Array(12) }, key, new Uint8Array(3)),
                () => s.decrypt({ name: key.algorithm.name, iv: new Uint8Array(12) }, key, new Uint8Array(128)),
                () => s.deriveBits(peer, key, 64),
            ]) {
                const name = await failure(use);
                if (!['nothing', 'OperationError', 'InvalidAccessError', 'NotSupportedError'].includes(name)) throw new Error(name);
            }
        } catch (e) {
            outcome = e instanceof DOMException ? e.name : e.name + ': ' + e.message.slice(0, 60);
        }
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    }
    return outcomes;
})()";

engine_test!(
    async fn damaged_keys(engine) {
        for (formats, rounds) in [("['pkcs8', 'spki', 'raw']", 3000), ("['jwk']", 2000)] {
            let ctx = create_limited_context(engine, Limits::new().wall_time(None));
            let failed = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
            let told = failed.clone();
            ctx.on_uncaught(move |uncaught| told.lock().unwrap().push(uncaught.exception.to_string()));
            set_up(&ctx, CryptoOptions::new());
            eval_code::<()>(&ctx, &format!("globalThis.plan = {{ formats: {formats}, seed: 42, rounds: {rounds} }}; undefined"));
            let mut outcomes: std::collections::BTreeMap<String, u32> = eval_code_async(&ctx, MUTATE).await;
            println!("{formats}: {outcomes:?}");
            let mut all = 0;
            for known in ["DataError", "SyntaxError", "NotSupportedError", "OperationError", "taken"] {
                all += outcomes.remove(known).unwrap_or(0);
            }
            // What the dictionary's own conversions refuse: a member that is no sequence, say.
            outcomes.retain(|name, n| {
                let conversion = name.starts_with("TypeError: Failed to execute 'importKey'");
                all += if conversion { *n } else { 0 };
                !conversion
            });
            assert_eq!((all, outcomes.len()), (rounds, 0), "{outcomes:?}");
            assert_eq!(*failed.lock().unwrap(), Vec::<String>::new());
        }
    }
);

engine_test!(
    async fn patched_builtins_change_nothing(engine) {
        let ctx = create_test_context(engine);
        set_up(&ctx, CryptoOptions::new());
        let code = r"
            globalThis.out = 'unfinished';
            const { apply } = Reflect, { then } = Promise.prototype, data = utf8('data'), iv = new Uint8Array(12);
            const u8 = Uint8Array, at = (b, i) => new u8(b)[i];
            const failed = (e) => { out = 'failed: ' + e.message; };
            const chain = (promise, f) => { apply(then, promise, [(v) => { try { f(v); } catch (e) { failed(e); } }, failed]); };
            const bad = () => { throw new Error('patched'); };
            for (const C of [Array, Map, WeakMap, Set, String, u8, Object.getPrototypeOf(u8), ArrayBuffer, Promise, RegExp]) {
                for (const key of Reflect.ownKeys(C.prototype)) {
                    if (key === Symbol.iterator && C === Array) continue;
                    if (key === 'constructor') continue;
                    if (Object.getOwnPropertyDescriptor(C.prototype, key).configurable) Object.defineProperty(C.prototype, key, { get: bad, set: bad, configurable: true });
                }
            }
            for (const key of ['hash', 'length', 'label', 'ext', 'oth', 'additionalData', 'tagLength', 'token']) {
                Object.defineProperty(Object.prototype, key, { get() { throw new Error('inherited ' + key); }, configurable: true });
            }
            for (const name of ['Uint8Array', 'ArrayBuffer', 'Promise', 'TypeError', 'Map', 'WeakMap', 'JSON', 'Reflect']) globalThis[name] = bad;
            const usages = ['encrypt', 'decrypt'], algorithm = { name: 'AES-GCM', __proto__: null, length: 128 };
            const gcm = { name: 'AES-GCM', iv, __proto__: null }, sha = { name: 'SHA-256', __proto__: null };
            const ec = { name: 'ECDSA', namedCurve: 'P-256', hash: sha, __proto__: null };
            chain(s.generateKey(algorithm, true, usages), (key) =>
                chain(s.encrypt(gcm, key, data), (sealed) =>
                    chain(s.decrypt(gcm, key, sealed), (plain) =>
                        chain(s.exportKey('jwk', key), (jwk) =>
                            chain(s.generateKey(ec, true, ['sign', 'verify']), (pair) =>
                                chain(s.sign(ec, pair.privateKey, data), (signature) =>
                                    chain(s.verify(ec, pair.publicKey, signature, data), (valid) => {
                                        crypto.getRandomValues(iv);
                                        out = at(plain, 0) + ' ' + jwk.alg + ' ' + valid + ' ' + key.algorithm.name + ' ' +
                                            key.usages[1] + ' ' + typeof crypto.randomUUID();
                                    })))))));
            0";
        ctx.evaluate(code, "patch.js").unwrap();
        ctx.run_until_idle().await.unwrap();
        assert_eq!(eval_code::<String>(&ctx, "out"), "100 A128GCM true AES-GCM decrypt string");
    }
);

engine_test!(
    async fn dispose(engine) {
        let ctx = create_test_context(engine);
        let handle = set_up(&ctx, CryptoOptions::new());
        let make = "(async () => { globalThis.key = await s.generateKey({ name: 'HMAC', hash: 'SHA-1' }, true, ['sign']); })()";
        ctx.eval(make, EvalOptions::new()).await.unwrap();
        assert_eq!(handle.keys(), 1);
        handle.dispose();
        handle.dispose();
        assert_eq!(handle.keys(), 0);
        let code = r"(async () => [
            await failure(() => s.exportKey('raw', key)), await failure(() => s.digest('SHA-1', new Uint8Array(1))),
            await failure(() => crypto.getRandomValues(new Uint8Array(1000))), await failure(() => crypto.randomUUID()), key.type,
        ].join(' '))()";
        let expected = "InvalidStateError InvalidStateError InvalidStateError InvalidStateError secret";
        assert_eq!(eval_code_async::<String>(&ctx, code).await, expected);
    }
);

engine_test!(
    fn a_second_setup_replaces_the_options(engine) {
        let ctx = create_test_context(engine);
        set_up(&ctx, CryptoOptions::new());
        let before: String = eval_code(&ctx, "const c = crypto; c.randomUUID()");
        let fill = |out: &mut [u8]| out.fill(0);
        setup_crypto(&ctx, CryptoOptions::new().random(RandomSource::from_fn(fill))).unwrap();
        let after: String = eval_code(&ctx, "for (let i = 0; i < 64; i++) c.randomUUID(); c === crypto ? c.randomUUID() : ''");
        assert_eq!(after, "00000000-0000-4000-8000-000000000000");
        assert_ne!(before, after);
    }
);
