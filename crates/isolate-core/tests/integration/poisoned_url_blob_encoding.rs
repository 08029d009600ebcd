//! URL, URLPattern, TextEncoder, TextDecoder, Blob and File in a realm whose builtins a guest has replaced, before their
//! glue is loaded.

use isolate_core::{Blob, Context};
use isolate_test_utils::{create_test_context, engine_test, eval_code, eval_code_async};

/// Replaces every method, getter and static of the builtins by what throws, and puts setters where careless code would
/// run into them.
const POISON: &str = "
    (() => {
        const { ownKeys, getOwnPropertyDescriptor, defineProperty, getPrototypeOf } = Reflect;
        const thrower = () => { throw 'poisoned'; };
        const targets = [Array, Object, Function, String, Number, Boolean, BigInt, Symbol, Promise, Map, Set, WeakMap, WeakSet,
            RegExp, Date, Error, TypeError, RangeError, ArrayBuffer, SharedArrayBuffer, DataView, Uint8Array,
            getPrototypeOf(Uint8Array), FinalizationRegistry, WeakRef, Proxy];
        const all = [Reflect, JSON, Math];
        for (let i = 0; i < targets.length; i++) {
            all[all.length] = targets[i];
            if (targets[i].prototype !== undefined) all[all.length] = targets[i].prototype;
        }
        const iterators = [[][Symbol.iterator](), new Map().entries(), new Set().values(), ''[Symbol.iterator](), /a/[Symbol.matchAll]('')];
        for (let i = 0; i < iterators.length; i++) all[all.length] = getPrototypeOf(iterators[i]);
        all[all.length] = getPrototypeOf(getPrototypeOf(iterators[0]));
        const keep = { __proto__: null, prototype: 1, constructor: 1, name: 1, length: 1 };
        for (let i = 0; i < all.length; i++) {
            const keys = ownKeys(all[i]);
            for (let j = 0; j < keys.length; j++) {
                const key = keys[j];
                if (typeof key === 'string' && keep[key] === 1) continue;
                const d = getOwnPropertyDescriptor(all[i], key);
                if (!d.configurable) continue;
                if ('value' in d) { if (typeof d.value !== 'function') continue; d.value = thrower; }
                else { d.get = thrower; d.set = thrower; }
                defineProperty(all[i], key, d);
            }
        }
        const array = targets[0].prototype, object = targets[1].prototype;
        const trap = { __proto__: null, get: thrower, set: thrower, configurable: true };
        for (let i = 0; i < 3; i++) defineProperty(array, i, trap);
        // Not `then`: every promise asks for that when it is resolved with an object.
        const names = ['value', 'get', 'set', 'writable', 'enumerable', 'configurable', 'id', 'source', 'clamp', 'enforceRange',
            'stream', 'fatal', 'type', 'endings', 'ignoreCase', 'done', 'return'];
        for (let i = 0; i < names.length; i++) defineProperty(object, names[i], trap);
        const globals = ['Array', 'Object', 'Promise', 'Map', 'Set', 'Uint8Array', 'ArrayBuffer', 'RegExp', 'String', 'Symbol', 'Reflect',
            'TypeError', 'RangeError', 'FinalizationRegistry', 'WeakMap', 'Proxy', 'DataView'];
        for (let i = 0; i < globals.length; i++) globalThis[globals[i]] = thrower;
    })();
    undefined";

fn poisoned(engine: &dyn isolate_core::Engine) -> Context {
    let ctx = create_test_context(engine);
    ctx.define_function("tell", |blob: Blob| String::from_utf8_lossy(&blob.bytes().unwrap()).into_owned()).unwrap();
    ctx.define_function("give", || Blob::new("given", "a/b")).unwrap();
    eval_code::<()>(&ctx, "var bytes = Uint8Array.of(0xe2, 0x82, 0xac, 97), odd = new Uint8Array(2); undefined");
    eval_code::<()>(&ctx, POISON);
    ctx
}

engine_test!(
    fn urls(engine) {
        let ctx = poisoned(engine);
        let code = "
            const u = new URL('../b?x=1#h', 'https://user@h:81/a/c');
            u.searchParams.append('y', 'ü'); u.searchParams.append('a', ''); u.searchParams.sort();
            u.pathname = '/p'; u.hash = '';
            let failed = '';
            try { new URL('nope'); } catch (e) { failed = e.name; }
            u.href + ' ' + u.host + ' ' + u.origin + ' ' + u.searchParams.get('y') + u.searchParams.size + u.searchParams.has('x', '1')
                + u.searchParams.toString() + URL.canParse('x') + failed + new URLSearchParams('a=1&b=2').get('b')";
        let expected = "https://user@h:81/p?a=&x=1&y=%C3%BC h:81 https://h:81 ü3truea=&x=1&y=%C3%BCfalseTypeError2";
        assert_eq!(eval_code::<String>(&ctx, code), expected);
    }
);

#[cfg(feature = "urlpattern")]
engine_test!(
    fn patterns(engine) {
        let ctx = poisoned(engine);
        let code = "
            const p = new URLPattern('https://h/:a/(x+)', { __proto__: null });
            const m = p.exec('https://h/1/xx');
            m.pathname.groups.a + p.test('https://h/1/y') + p.pathname";
        assert_eq!(eval_code::<String>(&ctx, code), "1false/:a/(x+)");
    }
);

engine_test!(
    fn text(engine) {
        let ctx = poisoned(engine);
        let code = "
            const encoded = new TextEncoder().encode('€a');
            const d = new TextDecoder();
            const plain = { __proto__: null, stream: true };
            const into = new TextEncoder().encodeInto('é!', odd);
            const sjis = new TextDecoder('windows-1252');
            d.decode(encoded) + d.decode(bytes, plain) + d.decode() + odd[0] + odd[1] + sjis.decode(bytes) + sjis.decode(bytes, plain)
                + sjis.encoding + into.read";
        assert_eq!(eval_code::<String>(&ctx, code), "€a€a195169â‚¬aâ‚¬awindows-12521");
    }
);

engine_test!(
    async fn blobs(engine) {
        let ctx = poisoned(engine);
        let code = "
            let made, file;
            // Arrays have no iterator any more; what can be iterated is up to the guest.
            try { made = new Blob(['a']); } catch (e) { made = e; }
            const given = give();
            file = given.slice(1, 3);
            (made === 'poisoned') + ' ' + tell(given) + ' ' + file.size + tell(file) + given.type + URL.createObjectURL(given).length";
        assert_eq!(eval_code::<String>(&ctx, code), "true given 2iva/b46");
        assert_eq!(eval_code_async::<String>(&ctx, "give().slice(2).text()").await, "ven");
    }
);
