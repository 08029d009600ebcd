//! `structuredClone`, on every engine. Where a way of cloning has two roads (plain data, and data with something else in
//! it), each check takes both.

use isolate_core::{Class, Limits, Termination};
use isolate_test_utils::{create_limited_context, create_test_context, engine_test, eval_code, eval_code_json};
use serde_json::{Value, json};

/// `both(value)` gives a clone of the value as it is, and one of it with something beside it that is not plain data.
const BOTH: &str = "const both = (value) => {
    const plain = structuredClone(value);
    const other = structuredClone({ get value() { return value } }).value;
    return [plain, other];
};
const name = (f) => { try { f(); return 'nothing' } catch (e) { return e.name } };";

fn clones(engine: &dyn isolate_core::Engine, code: &str) -> Value {
    let ctx = create_test_context(engine);
    eval_code_json(&ctx, &format!("{BOTH} JSON.stringify((() => {{ {code} }})())"))
}

engine_test!(
    fn values_of_every_kind(engine) {
        let code = "return both({
                u: undefined, n: null, z: -0, nan: NaN, big: 12n, s: 'a\\u0000\\ud800', d: new Date(5), bad: new Date(NaN),
                r: /a[b]/giu, m: new Map([[{ k: 1 }, new Set([1, [2]])]]), a: [1, , 3], f: new Float64Array([1.5, 2]),
                v: new DataView(new ArrayBuffer(4), 1, 2), b: Object(true), o: Object('str'), i: Object(7n),
                h: new (class Mine { #secret = 1; shown = 2 })(), p: Object.create({ inherited: 1 }, { own: { value: 1 } }),
            }).map((c) => [
                'u' in c && c.u === undefined, c.n, Object.is(c.z, -0), c.nan !== c.nan, String(c.big), c.s.length, c.d.getTime(),
                c.bad.getTime() !== c.bad.getTime(), String(c.r), c.r.lastIndex, c.m.size, [...c.m.keys()][0].k,
                [...[...c.m.values()][0]][1][0], 1 in c.a, c.a.length, c.f[0], c.f.constructor.name, c.v.byteOffset,
                c.v.byteLength, c.v.buffer.byteLength, c.b instanceof Boolean, c.o + c.o.length, typeof c.i, c.h.shown,
                Object.getPrototypeOf(c.h) === Object.prototype, Reflect.ownKeys(c.p), c.p.inherited ?? null ])";
        let one = json!([
            true, null, true, true, "12", 3, 5, true, "/a[b]/giu", 0, 1, 1, 2, false, 3, 1.5, "Float64Array", 1, 2, 4, true,
            "str3", "object", 2, true, [], null
        ]);
        assert_eq!(clones(engine, code), json!([one, one]));
    }
);

engine_test!(
    fn every_view_keeps_its_type_and_its_buffer(engine) {
        let code = "const names = ['Int8Array', 'Uint8Array', 'Uint8ClampedArray', 'Int16Array', 'Uint16Array', 'Int32Array',
                'Uint32Array', 'Float16Array', 'Float32Array', 'Float64Array', 'BigInt64Array', 'BigUint64Array', 'DataView'];
            const odd = [];
            for (const n of names.filter((n) => n in globalThis)) {
                const buffer = new ArrayBuffer(32);
                new Uint8Array(buffer)[9] = 7;
                for (const c of both([new globalThis[n](buffer, 8, 2), buffer])) {
                    if (c[0].constructor !== globalThis[n] || c[0].byteOffset !== 8 || c[0].buffer !== c[1] || c[1] === buffer
                        || new Uint8Array(c[1])[9] !== 7) odd.push(n);
                }
            }
            const resizable = new ArrayBuffer(8, { maxByteLength: 16 }), follows = new Uint8Array(resizable, 4);
            const out = new Uint8Array(resizable, 4, 4);
            for (const [r, f] of both([resizable, follows])) {
                r.resize(12);
                odd.push(r.resizable, r.maxByteLength, f.length);
            }
            resizable.resize(6);
            const detached = new ArrayBuffer(1), over = new Uint8Array(detached);
            structuredClone(detached, { transfer: [detached] });
            return [odd, name(() => structuredClone(out)), name(() => structuredClone(detached)),
                name(() => structuredClone(over)), name(() => structuredClone(new SharedArrayBuffer(1)))]";
        let no = "DataCloneError";
        assert_eq!(clones(engine, code), json!([[true, 16, 8, true, 16, 8], no, no, no, no]));
    }
);

engine_test!(
    fn identity_and_cycles_are_kept(engine) {
        let code = "const shared = { x: 1 }, date = new Date(0), o = { a: shared, b: [shared, date, date] };
            o.self = o; o.map = new Map([[o, shared]]); o.set = new Set([o.map, o]);
            return both(o).map((c) => [c !== o, c.self === c, c.a === c.b[0], c.b[1] === c.b[2], c.map.get(c) === c.a,
                c.set.has(c), c.set.has(c.map)])";
        assert_eq!(clones(engine, code), json!([vec![true; 7], vec![true; 7]]));
    }
);

engine_test!(
    fn errors_are_cloned_by_their_names(engine) {
        let code = "class Mine extends RangeError {}
            const odd = Object.assign(new Error('m', { cause: { x: 1 } }), { extra: 1 });
            odd.name = 'URIError';
            const own = new TypeError();
            Object.defineProperty(own, 'message', { get() { return 'from a getter' } });
            const d = structuredClone(new DOMException('why', 'AbortError'));
            const [a, b, c] = structuredClone([new Mine('mine'), odd, own]);
            return [Object.getPrototypeOf(a) === RangeError.prototype, a.message, a.stack.includes('test.js'), b instanceof URIError,
                b.cause.x, 'extra' in b, 'name' in Object.getOwnPropertyDescriptors(b), c instanceof TypeError,
                Object.hasOwn(c, 'message'), d instanceof DOMException, d.name, d.message, d.code,
                Object.prototype.toString.call(a), structuredClone(new AggregateError([])).constructor.name,
                Object.keys(b)]";
        assert_eq!(
            clones(engine, code),
            json!([
                true, "mine", true, true, 1, false, false, true, false, true, "AbortError", "why", 20, "[object Error]",
                "Error", []
            ])
        );
    }
);

engine_test!(
    fn what_cannot_be_cloned_is_refused(engine) {
        let code = "const no = [() => {}, Symbol('s'), Object(Symbol('s')), Promise.resolve(), new WeakMap(), new WeakSet(),
                new Proxy({}, {}), (function* () {})(), [][Symbol.iterator](), new WeakRef({}), new Event('x'), new EventTarget(),
                new AbortController(), AbortSignal.abort(), performance, new MessageChannel().port1, new BroadcastChannel('b'),
                performance.mark('m'), class {}, new FinalizationRegistry(() => {})];
            const bad = no.filter((v) => name(() => structuredClone(v)) !== 'DataCloneError'
                || name(() => structuredClone({ deep: [v] })) !== 'DataCloneError'
                || name(() => structuredClone(new Map([[1, v]]))) !== 'DataCloneError');
            return [bad.map(String), name(() => structuredClone()), name(() => structuredClone(1, 2)),
                name(() => structuredClone({ get x() { throw new EvalError('mine') } }))]";
        assert_eq!(clones(engine, code), json!([[], "TypeError", "TypeError", "EvalError"]));
    }
);

engine_test!(
    fn objects_of_the_host_are_refused(engine) {
        let ctx = create_test_context(engine);
        ctx.define_class(Class::new("Thing", || ())).unwrap();
        let code = "class Sub extends Thing {} const names = [];
            for (const v of [new Thing(), new Sub(), Object.setPrototypeOf(new EventTarget(), {})]) {
                try { names.push(Object.keys(structuredClone([v])).length) } catch (e) { names.push(e.name) }
            }
            JSON.stringify(names)";
        assert_eq!(eval_code_json::<Value>(&ctx, code), json!(["DataCloneError", "DataCloneError", 1]));
    }
);

engine_test!(
    fn getters_run_in_order_and_see_the_original(engine) {
        let code = "const log = [];
            const o = { b: 1, get a() { log.push('a'); delete o.gone; o.late = 1; return 2 }, gone: 3,
                get c() { log.push('c'); return { get d() { log.push('d'); return 4 } } }, get e() { log.push('e') } };
            const c = structuredClone(o);
            return [log.join(''), Object.keys(c), c.c.d]";
        assert_eq!(clones(engine, code), json!(["acde", ["b", "a", "c", "e"], 4]));
    }
);

engine_test!(
    fn what_is_transferred_moves(engine) {
        let code = "const buffer = new Uint8Array([1, 2, 3, 4]).buffer, view = new Uint8Array(buffer, 1, 2);
            const { port1, port2 } = new MessageChannel();
            const cause = new Error('e', { cause: buffer });
            const c = structuredClone({ buffer, view, again: [buffer], port1, map: new Map([[buffer, view]]), set: new Set([port1]), cause },
                { transfer: [buffer, port1] });
            const twice = new ArrayBuffer(1), kept = new ArrayBuffer(1);
            return [buffer.detached, view.length, c.buffer.byteLength, c.view[0], c.view.length, c.view.buffer === c.buffer,
                c.again[0] === c.buffer, c.port1 instanceof MessagePort, c.port1 !== port1, c.map.get(c.buffer) === c.view,
                c.set.has(c.port1), c.cause.cause === c.buffer, Object.keys(c).join(),
                name(() => structuredClone(1, { transfer: [twice, twice] })), twice.detached,
                name(() => structuredClone(1, { transfer: [{}] })), name(() => structuredClone(1, { transfer: [buffer] })),
                name(() => structuredClone(1, { transfer: [port1] })), name(() => structuredClone(() => {}, { transfer: [kept] })),
                kept.detached, name(() => structuredClone(1, { transfer: [new SharedArrayBuffer(1)] }))]";
        let no = "DataCloneError";
        assert_eq!(
            clones(engine, code),
            json!([
                true, 0, 4, 2, 2, true, true, true, true, true, true, true, "buffer,view,again,port1,map,set,cause", no, false,
                no, no, no, no, false, no
            ])
        );
    }
);

engine_test!(
    fn depth_is_no_matter(engine) {
        let ctx = create_limited_context(engine, Limits::new().memory(1 << 30));
        let code = "const tree = (end) => { let o = end; for (let i = 0; i < 100000; i++) o = i % 3 ? [o] : i % 2 ? { o } : new Map([[1, o]]); return o; };
            const depth = (o) => { let n = 0; while (typeof o === 'object') { o = Array.isArray(o) ? o[0] : o instanceof Map ? o.get(1) : o.o; n++ } return n; };
            let refused; try { structuredClone(tree(() => {})) } catch (e) { refused = e.name }
            JSON.stringify([depth(structuredClone(tree(1))), depth(structuredClone(tree({ get o() { return 1 } }))), refused])";
        assert_eq!(eval_code_json::<Value>(&ctx, code), json!([100000, 100001, "DataCloneError"]));
    }
);

engine_test!(
    fn limits_hold_while_cloning(engine) {
        let ctx = create_limited_context(engine, Limits::new().memory(64 << 20));
        let code = "const big = Array.from({ length: 1e5 }, (_, i) => ({ i })); const all = []; for (;;) all.push(structuredClone(big))";
        assert_eq!(ctx.evaluate(code, "test.js").unwrap_err().terminated(), Some(Termination::Memory));
        let ctx = create_limited_context(engine, Limits::new().wall_time(std::time::Duration::from_millis(200)));
        let code = "const big = Array.from({ length: 1e5 }, (_, i) => ({ i })); for (;;) try { structuredClone(big) } catch {}";
        assert_eq!(ctx.evaluate(code, "test.js").unwrap_err().terminated(), Some(Termination::Deadline));
    }
);

engine_test!(
    fn patched_builtins_change_nothing(engine) {
        let ctx = create_test_context(engine);
        let code = "const date = new Date(7), map = new Map([[1, new Set([2])]]), regexp = /a/g, bytes = new Uint8Array([1, 2]);
            const { getTime } = Date.prototype, apply = Reflect.apply, get = Map.prototype.get, has = Set.prototype.has;
            for (const C of [Array, Object, Map, Set, Date, RegExp, Error, Function, String, Number, WeakMap, ArrayBuffer, Uint8Array,
                Object.getPrototypeOf(Uint8Array)]) {
                for (const key of Reflect.ownKeys(C.prototype)) {
                    const d = Reflect.getOwnPropertyDescriptor(C.prototype, key);
                    if (!d.configurable || key === 'constructor') continue;
                    if ('value' in d) d.value = () => { throw 'patched' }; else d.get = () => { throw 'patched' };
                    if (C !== Array || key !== Symbol.iterator) Reflect.defineProperty(C.prototype, key, d);
                }
            }
            globalThis.Map = globalThis.Set = globalThis.Date = globalThis.RegExp = globalThis.Error = class {};
            const c = structuredClone({ __proto__: null, date, map, regexp, bytes, get other() { return new TypeError('x') } });
            '' + apply(getTime, c.date, []) + apply(has, apply(get, c.map, [1]), [2]) + c.bytes[1] + (c.other instanceof TypeError)";
        assert_eq!(eval_code::<String>(&ctx, code), "7true2true");
    }
);
