//! `atob` and `btoa`, on every engine.

use isolate_encoding::{EncodingOptions, setup_encoding};
use isolate_test_utils::{create_test_context, engine_test, eval_code};

engine_test!(
    fn there_and_back(engine) {
        let ctx = create_test_context(engine);
        setup_encoding(&ctx, EncodingOptions::new()).unwrap();
        setup_encoding(&ctx, EncodingOptions::new()).unwrap();
        assert_eq!(eval_code::<String>(&ctx, "btoa('hello') + atob(' aGVs\\nbG8 ') + btoa('\\xff\\0') + btoa('')"), "aGVsbG8=hello/wA=");
        let all = "let s = ''; for (let i = 0; i < 256; i++) s += String.fromCharCode(i); atob(btoa(s)) === s";
        assert!(eval_code::<bool>(&ctx, all));
        // Whatever is given becomes a string first.
        assert_eq!(eval_code::<String>(&ctx, "btoa(null) + btoa(undefined) + btoa({ toString: () => 'x' })"), "bnVsbA==dW5kZWZpbmVkeA==");
        let own = "const d = Object.getOwnPropertyDescriptor(globalThis, 'atob');
                   [d.enumerable, d.writable, d.configurable, atob.name, btoa.length].join()";
        assert_eq!(eval_code::<String>(&ctx, own), "true,true,true,atob,1");
    }
);

engine_test!(
    fn what_is_wrong_is_an_invalid_character_error(engine) {
        let ctx = create_test_context(engine);
        setup_encoding(&ctx, EncodingOptions::new()).unwrap();
        let code = "
            const attempt = (f) => { try { return f(); } catch (e) {
                return (e instanceof DOMException ? 'DOM ' : '') + e.name + ' ' + (e.code ?? ''); } };
            [() => btoa('\\u0100'), () => btoa('\\ud800'), () => atob('a'), () => atob('a==='), () => atob('ab=c'),
             () => atob('\\u00a0'), () => atob('\\ud83d'), () => btoa(), () => atob(),
             () => btoa({ toString() { throw new RangeError() } })].map(attempt).join()";
        let dom = "DOM InvalidCharacterError 5";
        let expected = [dom, dom, dom, dom, dom, dom, dom, "TypeError ", "TypeError ", "RangeError "].join(",");
        assert_eq!(eval_code::<String>(&ctx, code), expected);
    }
);

engine_test!(
    fn patched_builtins_change_nothing(engine) {
        let ctx = create_test_context(engine);
        setup_encoding(&ctx, EncodingOptions::new()).unwrap();
        let patch = "
            const all = [];
            for (const C of [String, Array, Object, Function, Symbol, Error]) {
                for (const key of Reflect.ownKeys(C.prototype)) all.push([C.prototype, key]);
            }
            for (let i = 0; i < all.length; i++) {
                try { all[i][0][all[i][1]] = () => { throw 'patched'; }; } catch {}
            }";
        eval_code::<serde_json::Value>(&ctx, &format!("{patch} undefined"));
        assert_eq!(eval_code::<String>(&ctx, "btoa('abc') + atob('YWJj')"), "YWJjabc");
    }
);

engine_test!(
    fn disposing_refuses(engine) {
        let ctx = create_test_context(engine);
        let handle = setup_encoding(&ctx, EncodingOptions::new()).unwrap();
        handle.dispose();
        assert_eq!(eval_code::<String>(&ctx, "try { btoa('') } catch (e) { e.name }"), "InvalidStateError");
    }
);
