//! TextEncoder and TextDecoder, on every engine.

use isolate_core::{Limits, Termination};
use isolate_test_utils::{create_limited_context, create_test_context, engine_test, eval_code};

/// Every way to cut `bytes` into two chunks gives the same as all at once, and so does one byte at a time.
const STREAMED: &str = "
    const streamed = (label, bytes, options = {}) => {
        const whole = new TextDecoder(label, options).decode(bytes);
        for (let i = 0; i <= bytes.length; i++) {
            const decoder = new TextDecoder(label, options);
            const text = decoder.decode(bytes.subarray(0, i), { stream: true }) + decoder.decode(bytes.subarray(i));
            if (text !== whole) throw new Error(label + ' cut at ' + i + ': ' + JSON.stringify(text));
        }
        const decoder = new TextDecoder(label, options);
        let text = '';
        for (const byte of bytes) text += decoder.decode(Uint8Array.of(byte), { stream: true });
        text += decoder.decode();
        if (text !== whole) throw new Error(label + ' byte by byte: ' + JSON.stringify(text));
        return whole;
    };";

engine_test!(
    fn utf8_there_and_back(engine) {
        let ctx = create_test_context(engine);
        let code = "
            const bytes = new TextEncoder().encode('aé€😀\\ud800z');
            const { read, written } = new TextEncoder().encodeInto('aé€😀', new Uint8Array(7));
            [bytes.join(), read, written, new TextDecoder().decode(bytes), new TextEncoder().encode().length,
             new TextDecoder().decode()].join('|')";
        let bytes = "97,195,169,226,130,172,240,159,152,128,239,191,189,122";
        assert_eq!(eval_code::<String>(&ctx, code), format!("{bytes}|3|6|aé€😀\u{fffd}z|0|"));
        assert_eq!(eval_code::<String>(&ctx, "String(new TextDecoder()) + new TextEncoder().encoding"), "[object TextDecoder]utf-8");
    }
);

engine_test!(
    fn chunks_may_be_cut_anywhere(engine) {
        let ctx = create_test_context(engine);
        eval_code::<()>(&ctx, STREAMED);
        let cases = [
            ("utf-8", "[0xef,0xbb,0xbf,0x61,0xc3,0xa9,0xe2,0x82,0xac,0xf0,0x9f,0x98,0x80]", "aé€😀"),
            // Malformed in every way there is.
            ("utf-8", "[0xe2,0x82,0x61,0xf0,0x9f,0x98,0xc0,0x80,0xed,0xa0,0x80,0xf4,0x90,0xff,0x80,0xe0,0x80]",
             "\u{fffd}a\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
            ("utf-16le", "[0xff,0xfe,0x61,0,0x3d,0xd8,0,0xde,0,0xd8,0x62,0,0x63]", "a😀\u{fffd}b\u{fffd}"),
            ("utf-16be", "[0xfe,0xff,0,0x61,0xd8,0x3d,0xde,0]", "a😀"),
            ("shift_jis", "[0x82,0xa0,0x82,0xa2,0x41,0x82]", "あいA\u{fffd}"),
            ("gb18030", "[0x81,0x30,0x81,0x30,0xc4,0xe3]", "\u{80}你"),
            ("iso-2022-jp", "[0x1b,0x24,0x42,0x24,0x22,0x1b,0x28,0x42,0x41]", "あA"),
            ("windows-1252", "[0x80,0xe9]", "€é"),
            ("x-user-defined", "[0x41,0x80,0xff]", "A\u{f780}\u{f7ff}"),
        ];
        for (label, bytes, text) in cases {
            let code = format!("streamed('{label}', Uint8Array.from({bytes}))");
            let got: String = eval_code(&ctx, &code);
            if text.chars().filter(|c| *c == '\u{fffd}').count() > 3 {
                assert_eq!(got.chars().filter(|c| *c != '\u{fffd}').collect::<String>(), "a", "{code}");
            } else {
                assert_eq!(got, text, "{code}");
            }
        }
        let bom = "streamed('utf-8', Uint8Array.of(0xef,0xbb,0xbf,0x61), { ignoreBOM: true }).length";
        assert_eq!(eval_code::<f64>(&ctx, bom), 2.0);
    }
);

engine_test!(
    fn labels_and_errors(engine) {
        let ctx = create_test_context(engine);
        let code = "
            const attempt = (f) => { try { return f(); } catch (e) { return e.name; } };
            const fatal = new TextDecoder('utf-8', { fatal: true });
            [() => new TextDecoder(' LATIN1\\n').encoding, () => new TextDecoder('iso-8859-8-i').encoding,
             () => new TextDecoder('utf-7'), () => new TextDecoder('replacement'), () => new TextDecoder('hz-gb-2312'),
             () => fatal.decode(Uint8Array.of(0xff)), () => fatal.decode(Uint8Array.of(0x61)),
             () => fatal.decode(Uint8Array.of(0xe2), { stream: true }), () => fatal.decode(),
             () => fatal.decode(Uint8Array.of(0x62)),
             () => new TextDecoder('big5', { fatal: true }).decode(Uint8Array.of(0x80)),
             () => new TextDecoder().decode('text'), () => new TextDecoder().decode({}),
             () => new TextDecoder().decode(new Uint8Array(1), 1), () => TextDecoder.prototype.decode.call({}),
             () => TextEncoder.prototype.encode.call({}), () => TextEncoder(), () => new TextEncoder().encodeInto('', [])
            ].map(attempt).join()";
        let t = "TypeError";
        let expected = [
            "windows-1252", "iso-8859-8-i", "RangeError", "RangeError", "RangeError", t, "a", "", t, "b", t, t, t, t, t, t, t, t,
        ];
        assert_eq!(eval_code::<String>(&ctx, code), expected.join(","));
    }
);

engine_test!(
    fn every_kind_of_buffer(engine) {
        let ctx = create_test_context(engine);
        let code = "
            const out = [];
            for (const label of ['utf-8', 'windows-1252']) {
                const decode = (input) => out.push(new TextDecoder(label).decode(input));
                const buffer = Uint8Array.of(1, 97, 98, 99).buffer;
                decode(buffer.slice(1)); decode(new DataView(buffer, 1, 2)); decode(new Uint16Array(buffer, 2, 1));
                const shared = new SharedArrayBuffer(2);
                new Uint8Array(shared).set([97, 98]);
                decode(shared); decode(new Uint8Array(shared, 1));
                const view = new Uint8Array(buffer);
                buffer.transfer();
                decode(buffer); decode(view);
            }
            out.join()";
        assert_eq!(eval_code::<String>(&ctx, code), "abc,ab,bc,ab,b,,,abc,ab,bc,ab,b,,");
    }
);

engine_test!(
    fn large_input_of_a_legacy_encoding_crosses_in_pieces(engine) {
        let ctx = create_limited_context(engine, Limits::new().memory(512 << 20).value_bytes(1 << 20));
        let code = "
            const bytes = new Uint8Array(3_000_001).fill(0xe9);
            const text = new TextDecoder('windows-1252').decode(bytes);
            [text.length, text[0], text[3_000_000]].join()";
        assert_eq!(eval_code::<String>(&ctx, code), "3000001,é,é");
    }
);

engine_test!(
    fn decoders_of_unfinished_streams_count_as_memory_and_go(engine) {
        let ctx = create_limited_context(engine, Limits::new().memory(16 << 20));
        let open = "for (let i = 0; i < 1e5; i++) new TextDecoder('big5').decode(Uint8Array.of(0xa4), { stream: true })";
        eval_code::<serde_json::Value>(&ctx, open);
        let keep = "const all = []; for (;;) {
            const d = new TextDecoder('big5'); d.decode(Uint8Array.of(0xa4), { stream: true }); all.push(d); }";
        assert_eq!(ctx.evaluate(keep, "keep.js").unwrap_err().terminated(), Some(Termination::Memory));
    }
);
