//! The console, on every engine.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use isolate_console::{ConsoleEvent, ConsoleHandle, ConsoleOptions, LogLevel, setup_console};
use isolate_core::{Context, Limits, Termination, Value};
use isolate_test_utils::{create_limited_context, create_test_context, engine_test, eval_code};

type Events = Arc<Mutex<Vec<ConsoleEvent>>>;

fn set_up(ctx: &Context) -> (ConsoleHandle, Events) {
    let events = Events::default();
    let e = events.clone();
    let options = ConsoleOptions::new().on_event(move |event| e.lock().unwrap().push(event.clone()));
    (setup_console(ctx, options).unwrap(), events)
}

fn texts(ctx: &Context, events: &Events, code: &str) -> Vec<String> {
    events.lock().unwrap().clear();
    eval_code::<()>(ctx, &format!("{code}; undefined"));
    events.lock().unwrap().iter().filter_map(|e| e.text().map(str::to_owned)).collect()
}

engine_test!(
    fn every_level_carries_values_and_text(engine) {
        let ctx = create_test_context(engine);
        let (_, events) = set_up(&ctx);
        for (method, level) in [
            ("log", LogLevel::Log),
            ("info", LogLevel::Info),
            ("debug", LogLevel::Debug),
            ("warn", LogLevel::Warn),
            ("error", LogLevel::Error),
            ("dirxml", LogLevel::Dirxml),
        ] {
            assert_eq!(
                texts(&ctx, &events, &format!("console.{method}('a', 1, {{ x: [1] }})")),
                ["a 1 { x: [ 1 ] }"]
            );
            let events = events.lock().unwrap();
            let ConsoleEvent::Log(e) = &events[0] else { panic!() };
            assert_eq!((e.level, e.args[..2].to_vec()), (level, vec!["a".into(), Value::from(1)]));
            assert_eq!(e.args[2].get("x"), Some(&Value::List(vec![1.into()])));
            assert_eq!(events[0].is_error(), matches!(method, "warn" | "error"));
        }
    }
);

engine_test!(
    fn objects_print_as_in_node(engine) {
        let ctx = create_test_context(engine);
        let (_, events) = set_up(&ctx);
        for (code, text) in [
            ("'plain'", "plain"),
            ("-0, 1n, null, undefined, true", "-0 1n null undefined true"),
            ("['a', \"it's\"]", "[ 'a', \"it's\" ]"),
            ("new Map([[{ a: 1 }, 'b']])", "Map(1) { { a: 1 } => 'b' }"),
            ("new Set([1, [2]])", "Set(2) { 1, [ 2 ] }"),
            ("new (class Foo { x = 1 })()", "Foo { x: 1 }"),
            ("class A {}, class B extends Array {}", "[class A] [class B extends Array]"),
            ("function f() {}, () => {}, async function g() {}", "[Function: f] [Function (anonymous)] [AsyncFunction: g]"),
            ("{ a: { b: { c: { d: 1 } } } }", "{ a: { b: { c: [Object] } } }"),
            ("(() => { const o = { n: 1 }; o.self = o; return o })()", "<ref *1> { n: 1, self: [Circular *1] }"),
            ("[1, , 3]", "[ 1, <1 empty item>, 3 ]"),
            ("Symbol('s'), [Symbol.iterator]", "Symbol(s) [ Symbol(Symbol.iterator) ]"),
            ("Promise.resolve(4), new Promise(() => {})", "Promise { 4 } Promise { <pending> }"),
            ("new Proxy({ a: 1 }, { get() { throw 1 } })", "{ a: 1 }"),
            ("new Uint8Array([1, 2])", "Uint8Array(2) [ 1, 2 ]"),
            ("new Date(0), /x/g", "1970-01-01T00:00:00.000Z /x/g"),
            ("Object.create(null)", "[Object: null prototype] {}"),
            ("{ get g() { throw 1 }, set s(v) {} }", "{ g: [Getter], s: [Setter] }"),
            ("new Array(150).fill(7).length, [new Array(1e9)]", "150 [ [ <1000000000 empty items> ] ]"),
            ("'%s is %d and %i, %f, %j %o %%', 'x', '4.5', 4.9, '1.5', { a: 1 }, [1]", "x is 4.5 and 4, 1.5, {\"a\":1} [ 1, [length]: 1 ] %"),
            ("'%c styled', 'color: red', 'rest'", " styled rest"),
        ] {
            assert_eq!(texts(&ctx, &events, &format!("console.log({code})")), [text], "{code}");
        }
    }
);

engine_test!(
    fn errors_print_with_header_and_guest_stack(engine) {
        let ctx = create_test_context(engine);
        let (_, events) = set_up(&ctx);
        let text = &texts(&ctx, &events, "function f() { return new TypeError('bad') }\nconsole.log(f())")[0];
        assert!(text.starts_with("TypeError: bad\n    at f (test.js:1:"), "{text}");
        assert_eq!(text.matches("TypeError: bad").count(), 1, "{text}");
        let text = &texts(&ctx, &events, "console.log(new Error('o', { cause: new RangeError('i') }))")[0];
        assert!(text.contains("[cause]: RangeError: i"), "{text}");
        let text = &texts(&ctx, &events, "function g() { console.trace('here', 1) }\ng()")[0];
        assert!(text.starts_with("Trace: here 1\n    at g (test.js:1:"), "{text}");
    }
);

engine_test!(
    fn groups_indent(engine) {
        let ctx = create_test_context(engine);
        let (console, events) = set_up(&ctx);
        let code = "console.group('outer'); console.log('a\\nb'); console.groupCollapsed(); console.warn({ x: 1 });
            console.groupEnd(); console.log('c'); console.groupEnd(); console.groupEnd(); console.log('d')";
        assert_eq!(texts(&ctx, &events, code), ["outer", "  a\n  b", "    { x: 1 }", "  c", "d"]);
        assert_eq!(console.group_depth(), 0);
        let ends = events.lock().unwrap().iter().filter(|e| matches!(e, ConsoleEvent::GroupEnd(_))).count();
        assert_eq!(ends, 2, "an end without a group does nothing");
        eval_code::<()>(&ctx, "console.group(); console.group()");
        assert_eq!(console.group_depth(), 2);
        eval_code::<()>(&ctx, "console.clear()");
        assert_eq!(console.group_depth(), 0);
        assert_eq!(events.lock().unwrap().last(), Some(&ConsoleEvent::Clear));
    }
);

engine_test!(
    fn timers_and_counters_live_on_the_host(engine) {
        let ctx = create_test_context(engine);
        let (console, events) = set_up(&ctx);
        eval_code::<()>(&ctx, "console.time(); console.time('x'); console.count(); console.count(); console.count('y')");
        ctx.tick(Duration::from_millis(1500)).unwrap();
        assert_eq!(console.timers().len(), 2);
        let mut copy = console.counters();
        copy.clear();
        assert_eq!((console.counters()["default"], console.counters()["y"]), (2, 1));
        assert_eq!(
            texts(&ctx, &events, "console.timeLog('x', 'more', { a: 1 }); console.timeEnd('x'); console.timeEnd('x')"),
            ["x: 1.500s more { a: 1 }", "x: 1.500s", "Warning: No such label 'x' for console.timeEnd()"]
        );
        assert_eq!(
            texts(&ctx, &events, "console.time(); console.countReset(); console.count(); console.countReset('none')"),
            ["Warning: Label 'default' already exists for console.time()", "default: 1", "Warning: Count for 'none' does not exist"]
        );
        console.reset();
        assert!(console.timers().is_empty() && console.counters().is_empty());
        let error = "try { console.count(Symbol()) } catch (e) { e.name }";
        assert_eq!(eval_code::<String>(&ctx, error), "TypeError");
    }
);

engine_test!(
    fn assertions_tables_and_dir(engine) {
        let ctx = create_test_context(engine);
        let (_, events) = set_up(&ctx);
        assert_eq!(
            texts(&ctx, &events, "console.assert(true, 'no'); console.assert(false); console.assert(0, 'why %d', 5); console.assert(null, { a: 1 })"),
            ["Assertion failed", "Assertion failed: why 5", "Assertion failed { a: 1 }"]
        );
        assert_eq!(
            texts(&ctx, &events, "console.table([{ a: 1, b: 'x' }, { a: 2 }])"),
            ["┌─────────┬───┬─────┐\n│ (index) │ a │ b   │\n├─────────┼───┼─────┤\n│ 0       │ 1 │ 'x' │\n│ 1       │ 2 │     │\n└─────────┴───┴─────┘"]
        );
        assert_eq!(texts(&ctx, &events, "console.table(5); console.dir({ a: { b: { c: {} } } }, { depth: 0 })"), ["5", "{ a: [Object] }"]);
    }
);

engine_test!(
    fn the_object_is_as_the_standard_says(engine) {
        let ctx = create_test_context(engine);
        let (_, events) = set_up(&ctx);
        let code = "const { log } = console, d = Object.getOwnPropertyDescriptor(globalThis, 'console');
            log('detached');
            [d.enumerable, d.writable, d.configurable, Object.prototype.toString.call(console), Object.keys(console).length,
             Object.getPrototypeOf(Object.getPrototypeOf(console)) === Object.prototype,
             Object.keys(Object.getPrototypeOf(console)).length, console.log.name, new (class { constructor() { this.ok = typeof console.log } })().ok].join()";
        assert_eq!(
            eval_code::<String>(&ctx, code),
            "false,true,true,[object console],19,true,0,log,function"
        );
        assert_eq!(events.lock().unwrap()[0].text(), Some("detached"));
    }
);

engine_test!(
    fn hostile_arguments_cannot_break_or_hang_it(engine) {
        let ctx = create_test_context(engine);
        let (_, events) = set_up(&ctx);
        for code in [
            "const p = new Proxy({}, { get() { throw 1 }, ownKeys() { throw 1 }, getPrototypeOf() { throw 1 } }); console.log(p, [p], '%s %o %j', p)",
            "console.log({ get a() { for (;;) {} } })",
            "console.log('%s', { toString() { throw new Error('t') } })",
            "console.log(Object.assign(Object.create({ get constructor() { throw 1 } }), { a: 1 }))",
            "console.log({ [Symbol.toStringTag]: { toString() { throw 1 } } })",
            "const e = new Error('e'); Object.defineProperty(e, 'stack', { get() { throw 1 } }); console.log(e)",
            "const r = Proxy.revocable({}, {}); r.revoke(); console.log(r.proxy)",
            "let d = {}; for (let i = 0; i < 1e4; i++) d = { d }; console.log(d); console.dir(d, { depth: Infinity })",
            "console.log(new Array(1e9), 'x'.repeat(1e5).length, Object.fromEntries(Array.from({ length: 1e4 }, (_, i) => [i, i])))",
            "console.log(new Map([[1, new Map()]]), new Set([new Proxy(function () {}, {})]))",
            "console.table(new Proxy([{}], { get() { throw 1 } })); console.table([{ get a() { throw 1 } }])",
        ] {
            let result = ctx.evaluate(&format!("{{ {code} }} undefined"), "t.js");
            assert!(result.is_ok(), "{code}: {result:?}");
        }
        assert!(events.lock().unwrap().len() >= 11);
        for code in [
            "console.log('%s', { toString() { for (;;) {} } })",
            "console.log({ [Symbol.for('nodejs.util.inspect.custom')]() { for (;;) {} } })",
            "console.count({ toString() { for (;;) {} } })",
            "const e = new Error(); Object.defineProperty(e, 'stack', { get() { for (;;) {} } }); console.log(e); for (;;) {}",
        ] {
            let ctx = create_limited_context(engine, Limits::new().wall_time(Duration::from_millis(30)));
            set_up(&ctx);
            let e = ctx.evaluate(code, "t.js").unwrap_err();
            assert_eq!(e.terminated(), Some(Termination::Deadline), "{code}");
        }
        let ctx = create_limited_context(engine, Limits::new().memory(8 << 20));
        set_up(&ctx);
        let e = ctx.evaluate("for (let i = 0;; i++) console.count('label' + i)", "t.js").unwrap_err();
        assert_eq!(e.terminated(), Some(Termination::Memory), "labels that the host keeps count");
    }
);

engine_test!(
    fn patched_builtins_change_nothing(engine) {
        let ctx = create_test_context(engine);
        let (_, events) = set_up(&ctx);
        eval_code::<()>(
            &ctx,
            "const all = [];
             for (const C of [Array, Map, Set, String, RegExp, Number, Symbol, Date, Error])
                 for (const k of Reflect.ownKeys(C.prototype)) if (k !== 'constructor') all.push([C.prototype, k]);
             const define = Object.defineProperty;
             for (let i = 0; i < all.length; i++) {
                 const value = () => { throw new Error('patched') };
                 try { define(all[i][0], all[i][1], { value, configurable: true }) } catch {}
             }
             Function.prototype.call = Function.prototype.apply = Function.prototype.bind = null;
             JSON.stringify = Reflect.ownKeys = Object.keys = Object.getOwnPropertyDescriptor = null; undefined",
        );
        assert_eq!(
            texts(&ctx, &events, "console.log({ a: [1, 'x', new Map()], d: [] }, 5, '%d')"),
            ["{ a: [ 1, 'x', Map(0) {} ], d: [] } 5 %d"]
        );
    }
);

engine_test!(
    fn setting_up_again_replaces_the_hooks_and_dispose_silences(engine) {
        let ctx = create_test_context(engine);
        let (_, first) = set_up(&ctx);
        eval_code::<()>(&ctx, "globalThis.mine = console; console.count()");
        let (console, second) = set_up(&ctx);
        assert_eq!(console.counters()["default"], 1, "state stays");
        assert!(eval_code::<bool>(&ctx, "console.log(1); console === mine"));
        assert_eq!((first.lock().unwrap().len(), second.lock().unwrap().len()), (1, 1));
        console.dispose();
        console.dispose();
        eval_code::<()>(&ctx, "console.log(2)");
        assert_eq!(second.lock().unwrap().len(), 1);
        assert!(console.counters().is_empty());
    }
);
