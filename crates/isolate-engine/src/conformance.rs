//! What every backend must do, as one function that takes an engine.
//!
//! ```text
//! #[test]
//! fn conformance() {
//!     isolate_engine::conformance::run(&MyEngine::new());
//! }
//! ```

mod inspector;
mod modules;
mod platform;

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::{
    BigInt, Completion, DomExceptionName, Engine, EngineContext, Exception, Failure, Glue, HostError, HostFunction,
    Limits, Object, PromiseState, RegExp, Script, Termination, Value,
};

type Check = (&'static str, fn(&dyn Engine));

/// Runs every check on an engine.
///
/// # Panics
/// At the end, if any check failed, naming all that did.
pub fn run(engine: &dyn Engine) {
    let failed: Vec<&str> = CHECKS
        .iter()
        .filter(|(name, check)| {
            let ok = catch_unwind(AssertUnwindSafe(|| check(engine))).is_ok();
            println!("{} {}: {name}", if ok { "ok    " } else { "FAILED" }, engine.name());
            !ok
        })
        .map(|(name, _)| *name)
        .collect();
    assert!(failed.is_empty(), "{} of {} checks failed: {failed:?}", failed.len(), CHECKS.len());
}

/// How many checks there are.
pub fn count() -> usize {
    CHECKS.len()
}

const CHECKS: &[Check] = &[
    ("completion values", completion_values),
    ("every kind of value leaves the guest", values_out),
    ("every kind of value enters the guest and comes back", values_in),
    ("cycles, depth and size are bounded on the way out", bounded_values),
    ("unpaired surrogates become U+FFFD", surrogates),
    ("errors carry class, message, stack and place", errors),
    ("thrown values that are not errors", thrown_values),
    ("syntax errors are early", early_errors),
    ("host functions", host_functions),
    ("host errors have their class", host_errors),
    ("a host function that panics", host_panics),
    ("host functions may call back", reentrancy),
    ("functions as handles", function_handles),
    ("handles may outlive their context and cross threads", handles_outlive),
    ("handles of another context are refused", foreign_handles),
    ("promises of the host", host_promises),
    ("promises of the guest", guest_promises),
    ("promise-returning host functions", promise_functions),
    ("unhandled rejections", unhandled_rejections),
    ("top-level await in scripts", top_level_await),
    ("completion can be discarded or applied", completion_modes),
    ("modules", modules::modules),
    ("import attributes", modules::import_attributes),
    ("import.meta", modules::import_meta),
    ("native_modules", modules::native_modules),
    ("modules at any depth", modules::at_any_depth),
    ("glue sees host, shared and engine, the guest does not", glue),
    ("globals are loaded when they are touched", platform::lazy_globals),
    ("glue is asked before rejections are reported", platform::rejection_hook),
    ("plain data is cloned as it is", platform::plain_clones),
    ("glue waits without promises", reactions),
    ("stack trace hooks get no functions", stack_hooks),
    ("a deadline stops and stays", deadline),
    ("a deadline stops loops of slow builtins", slow_builtins),
    ("no construct swallows a stop", swallowing),
    ("cancellation from another thread", cancellation),
    ("processor time", cpu_time),
    ("the memory limit stops and stays", memory_limit),
    ("out of memory cannot be forged", forged_memory),
    ("host-held bytes count", host_bytes),
    ("deep recursion is an ordinary error", recursion),
    ("deep values at deep calls are errors and not overflows", deep_values_at_deep_calls),
    ("two contexts do not see one another", isolation),
    ("lossy arguments never throw and run no guest code", lossy),
    ("garbage is collected", garbage),
    ("a front end and the guest exchange messages", inspector::messages),
    ("the guest finds nothing of a debugger", inspector::unseen),
    ("pauses hold the clocks and end", inspector::pauses),
    ("a front end takes the place of another", inspector::replaced),
];

fn context(engine: &dyn Engine) -> Box<dyn EngineContext> {
    limited(engine, &Limits::new())
}

fn limited(engine: &dyn Engine, limits: &Limits) -> Box<dyn EngineContext> {
    engine.new_context(limits).unwrap()
}

fn eval(cx: &dyn EngineContext, source: &str) -> Result<Value, Failure> {
    cx.evaluate_script(&Script::new(source, "test.js"))
}

fn threw(result: Result<Value, Failure>) -> Exception {
    match result {
        Err(Failure::Threw(e)) => *e,
        other => panic!("expected a throw, got {other:?}"),
    }
}

/// Defines a global, through glue, as the layers above do.
fn define(cx: &dyn EngineContext, f: HostFunction) {
    static DEFINE: Glue = Glue::new(
        "conformance:define",
        "(function (host) { for (const k of Reflect.ownKeys(host)) globalThis[k] = host[k]; })",
    );
    assert_eq!(cx.install(&DEFINE, vec![f]).unwrap(), Value::Undefined);
}

fn object(entries: &[(&str, Value)]) -> Value {
    Value::Object(entries.iter().map(|(k, v)| (*k, v.clone())).collect::<Object>())
}

fn completion_values(engine: &dyn Engine) {
    let cx = context(engine);
    for (source, value) in [
        ("1 + 1", Value::from(2)),
        ("'a' + 'b'", Value::from("ab")),
        ("undefined", Value::Undefined),
        ("null", Value::Null),
        ("1 < 2", Value::from(true)),
        ("var x = 41; x + 1", Value::from(42)),
        ("x", Value::from(41)),
        ("let y = 1", Value::Undefined),
        ("if (true) { 'block' }", Value::from("block")),
        ("-0 === 0 && 1 / -0", Value::Number(f64::NEG_INFINITY)),
        ("2 ** 40", Value::Number(1_099_511_627_776.0)),
    ] {
        assert_eq!(eval(&*cx, source).unwrap(), value, "{source}");
    }
    assert!(matches!(eval(&*cx, "NaN").unwrap(), Value::Number(n) if n.is_nan()));
}

fn values_out(engine: &dyn Engine) {
    let cx = context(engine);
    let big: BigInt = "123456789012345678901234567890".parse().unwrap();
    for (source, value) in [
        ("10n ** 2n", Value::BigInt(100.into())),
        ("-(2n ** 64n)", Value::BigInt(-(BigInt::from(1) * BigInt::from(1u128 << 64)))),
        ("123456789012345678901234567890n", Value::BigInt(big)),
        ("[1, , 'a', [2]]", vec![1.into(), Value::Undefined, "a".into(), Value::List(vec![2.into()])].into()),
        ("({ b: 1, a: { c: null } })", object(&[("b", 1.into()), ("a", object(&[("c", Value::Null)]))])),
        ("new Date(86400000)", Value::Date(86_400_000.0)),
        ("new Map([[1, 'a'], ['k', [2]]])", {
            Value::Map(vec![(1.into(), "a".into()), ("k".into(), Value::List(vec![2.into()]))])
        }),
        ("new Set([1, 'a'])", Value::Set(vec![1.into(), "a".into()])),
        ("/a\\/b/gi", RegExp { source: "a\\/b".into(), flags: "gi".into() }.into()),
        ("new Uint8Array([1, 2, 3])", Bytes::from_static(&[1, 2, 3]).into()),
        ("new Uint8Array([1, 2, 3, 4]).subarray(1, 3)", Bytes::from_static(&[2, 3]).into()),
        ("new Uint16Array([258]).buffer", Bytes::from_static(&[2, 1]).into()),
        ("new DataView(new Uint8Array([1, 2, 3]).buffer, 1)", Bytes::from_static(&[2, 3]).into()),
        ("new ArrayBuffer(0)", Bytes::new().into()),
        ("new (class A { x = 1; get y() { return 2 } })()", object(&[("x", 1.into())])),
        ("Object.create({ inherited: 1 }, { own: { value: 1, enumerable: true }, hidden: { value: 2 } })", {
            object(&[("own", 1.into())])
        }),
        ("({ get a() { return 1 } })", object(&[("a", 1.into())])),
        ("(() => { const s = { n: 1 }; return [s, s] })()", {
            Value::List(vec![object(&[("n", 1.into())]), object(&[("n", 1.into())])])
        }),
        ("new Proxy({ a: 1 }, {})", object(&[("a", 1.into())])),
    ] {
        assert_eq!(eval(&*cx, source).unwrap(), value, "{source}");
    }
    assert!(matches!(eval(&*cx, "new Date(NaN)").unwrap(), Value::Date(n) if n.is_nan()));
    let Value::Error(e) = eval(&*cx, "new RangeError('r', { cause: 1 })").unwrap() else { panic!() };
    assert_eq!((e.name.as_str(), e.message.as_str(), e.cause), ("RangeError", "r", Some(Box::new(1.into()))));
    for source in ["Symbol()", "({ s: Symbol() })", "new WeakMap()", "new WeakRef({})", "(function* () {})()"] {
        let e = threw(eval(&*cx, &format!("({source})")));
        assert_eq!(e.name, "TypeError", "{source}: {e}");
    }
    let e = threw(eval(&*cx, "({ get a() { throw new RangeError('mine') } })"));
    assert_eq!((e.name.as_str(), e.message.as_str()), ("RangeError", "mine"));
}

fn values_in(engine: &dyn Engine) {
    let cx = context(engine);
    let Value::Function(echo) = eval(&*cx, "v => v").unwrap() else { panic!() };
    let mut error = Exception::new("TypeError", "t");
    error.cause = Some(Box::new("why".into()));
    let large = Bytes::from((0..100_000u32).map(|i| i as u8).collect::<Vec<_>>());
    for value in [
        Value::Undefined,
        Value::Null,
        true.into(),
        1.5.into(),
        Value::Number(-0.0),
        f64::INFINITY.into(),
        "text \u{0} \u{1F600}".into(),
        Value::BigInt(-(BigInt::from(7) * BigInt::from(u128::MAX))),
        Value::BigInt(5.into()),
        Bytes::from_static(b"few").into(),
        large.clone().into(),
        vec![Value::from(1), Value::Undefined, vec!["a"].into()].into(),
        object(&[("b", 1.into()), ("a", 2.into()), ("__proto__", 3.into()), ("", 4.into())]),
        Value::Date(0.0),
        Value::Map(vec![("a".into(), 1.into()), (object(&[]), Value::Null)]),
        Value::Set(vec![1.into(), vec![2].into()]),
        RegExp { source: "a+".into(), flags: "u".into() }.into(),
    ] {
        assert_eq!(cx.call(&echo, vec![value.clone()]).unwrap(), value);
    }
    let Value::Error(back) = cx.call(&echo, vec![error.into()]).unwrap() else { panic!() };
    assert_eq!((back.name.as_str(), back.message.as_str()), ("TypeError", "t"));
    assert_eq!(back.cause, Some(Box::new("why".into())));
    let Value::Function(kind) = eval(
        &*cx,
        "v => [Object.prototype.toString.call(v), v instanceof Error, Object.getPrototypeOf(v) === Uint8Array.prototype]",
    )
    .unwrap() else {
        panic!()
    };
    let kind_of = |cx: &dyn EngineContext, v: Value| cx.call(&kind, vec![v]).unwrap();
    for b in [Bytes::from_static(b"x"), large] {
        assert_eq!(kind_of(&*cx, b.into()), vec![Value::from("[object Uint8Array]"), false.into(), true.into()].into());
    }
    assert_eq!(
        kind_of(&*cx, Exception::new("SyntaxError", "s").into()),
        vec![Value::from("[object Error]"), true.into(), false.into()].into()
    );
    // Lent bytes are the guest's own: writing to them changes nothing of the host's.
    let shared = Bytes::from(vec![1u8; 8192]);
    let Value::Function(write) = eval(&*cx, "b => { b[0] = 9; return b[0] + b.length }").unwrap() else { panic!() };
    assert_eq!(cx.call(&write, vec![shared.clone().into()]).unwrap(), (9 + 8192).into());
    assert_eq!(shared[0], 1);
    let mut deep = Value::Null;
    for _ in 0..500 {
        deep = Value::List(vec![deep]);
    }
    assert_eq!(threw(cx.call(&echo, vec![deep])).name, "TypeError");
}

fn bounded_values(engine: &dyn Engine) {
    let cx = limited(engine, &Limits::new().value_bytes(1 << 20));
    for (source, class) in [
        ("const a = []; a.push(a); a", "TypeError"),
        ("const o = {}; o.m = new Map([[1, { o }]]); o", "TypeError"),
        ("let d = null; for (let i = 0; i < 10000; i++) d = { d }; d", "TypeError"),
        ("new Array(1_000_000).fill(0)", "RangeError"),
        ("new Array(1e9)", "RangeError"),
        ("'x'.repeat(2e6)", "RangeError"),
        ("new Uint8Array(2e6)", "RangeError"),
        ("Object.fromEntries(Array.from({ length: 50000 }, (_, i) => [i, i]))", "RangeError"),
        ("new Set(Array.from({ length: 50000 }, (_, i) => i))", "RangeError"),
        ("new Proxy([], { ownKeys() { throw new RangeError('trap') } })", "RangeError"),
    ] {
        let e = threw(eval(&*cx, source));
        assert_eq!(e.name, class, "{source}: {e}");
    }
    let levels = "let e = 1; for (let i = 0; i < 99; i++) e = [e]; e";
    assert!(eval(&*cx, levels).is_ok(), "99 levels cross");
    assert_eq!(eval(&*cx, "1").unwrap(), 1.into(), "the context is still usable");
}

fn surrogates(engine: &dyn Engine) {
    let cx = context(engine);
    assert_eq!(eval(&*cx, "'a\\ud800b'").unwrap(), "a\u{fffd}b".into());
    assert_eq!(eval(&*cx, "'\\ud83d\\ude00'").unwrap(), "\u{1f600}".into());
}

fn errors(engine: &dyn Engine) {
    let cx = context(engine);
    let e = threw(eval(&*cx, "function inner() {\n  throw new TypeError('bad');\n}\n\ninner();"));
    assert_eq!((e.name.as_str(), e.message.as_str(), e.early), ("TypeError", "bad", false));
    let place = e.location.unwrap();
    assert_eq!((place.file.as_str(), place.line), ("test.js", 2));
    assert!(e.stack.contains("inner") && e.stack.contains("test.js:2"), "{}", e.stack);
    assert!(!e.stack.contains("TypeError"), "no header: {}", e.stack);
    let e = threw(eval(&*cx, "class Mine extends Error { name = 'Mine' }; throw new Mine('m')"));
    assert_eq!((e.name.as_str(), e.message.as_str()), ("Mine", "m"));
    let e = threw(eval(&*cx, "throw new Error('outer', { cause: new RangeError('inner') })"));
    assert!(matches!(e.cause.as_deref(), Some(Value::Error(c)) if c.name == "RangeError"));
    let e = threw(eval(&*cx, "const c = new Error('self'); c.cause = c; throw c"));
    assert_eq!(e.message, "self");
    let e = threw(eval(&*cx, "throw Object.defineProperty(new Error(), 'message', { get() { throw 1 } })"));
    assert_eq!(e.name, "Error");
    let e = threw(eval(&*cx, "throw Object.assign(new Error('x'), { name: 5, message: Symbol() })"));
    assert_eq!(e.message, "");
}

fn thrown_values(engine: &dyn Engine) {
    let cx = context(engine);
    for (source, value) in [
        ("throw 42", Some(Value::from(42))),
        ("throw 'text'", Some("text".into())),
        ("throw undefined", Some(Value::Undefined)),
        ("throw null", Some(Value::Null)),
        ("throw { a: 1 }", Some(object(&[("a", 1.into())]))),
        ("throw new Proxy({ a: 1 }, { get() { throw 1 }, ownKeys() { throw 1 } })", Some(object(&[("a", 1.into())]))),
        ("const r = Proxy.revocable({}, {}); r.revoke(); throw r.proxy", None),
        ("throw Symbol('s')", None),
        ("throw { get message() { throw 1 } }", None),
    ] {
        let e = threw(eval(&*cx, source));
        assert_eq!(e.name, "", "{source}");
        if value.is_some() {
            assert_eq!(e.value.as_deref(), value.as_ref(), "{source}");
        }
    }
}

fn early_errors(engine: &dyn Engine) {
    let cx = context(engine);
    let e = threw(eval(&*cx, "var ran = 1;\nlet 1x;"));
    assert_eq!((e.name.as_str(), e.early), ("SyntaxError", true));
    assert_eq!(e.location.map(|l| (l.file, l.line)), Some(("test.js".into(), 2)));
    assert_eq!(eval(&*cx, "typeof ran").unwrap(), "undefined".into());
    let e = threw(eval(&*cx, "JSON.parse('{')"));
    assert_eq!((e.name.as_str(), e.early), ("SyntaxError", false));
}

fn host_functions(engine: &dyn Engine) {
    let cx = context(engine);
    define(
        &*cx,
        HostFunction::new("add", |_, args| {
            Ok(Value::Number(args.iter().map(|a| a.as_f64().unwrap_or(f64::NAN)).sum()))
        })
        .length(2),
    );
    assert_eq!(eval(&*cx, "add(1, 2, 3)").unwrap(), 6.into());
    assert_eq!(eval(&*cx, "add()").unwrap(), 0.into());
    assert_eq!(eval(&*cx, "[add.name, add.length, typeof add]").unwrap(), {
        vec![Value::from("add"), 2.into(), "function".into()].into()
    });
    let e = threw(eval(&*cx, "add({ get x() { throw new RangeError('arg') } })"));
    assert_eq!((e.name.as_str(), e.message.as_str()), ("RangeError", "arg"));
    assert_eq!(threw(eval(&*cx, "add(Symbol())")).name, "TypeError");
    assert_eq!(eval(&*cx, "try { add(Symbol()) } catch (e) { e instanceof TypeError }").unwrap(), true.into());
}

fn host_errors(engine: &dyn Engine) {
    let cx = context(engine);
    let class = Rc::new(Cell::new(crate::ErrorClass::Error));
    let c = class.clone();
    define(
        &*cx,
        HostFunction::new("fail", move |_, _| {
            Err(HostError::new(c.get(), "the % message %s").with_source(std::io::Error::other("/host/path")))
        }),
    );
    for name in ["Error", "TypeError", "RangeError", "SyntaxError", "ReferenceError", "URIError", "EvalError"] {
        class.set(crate::ErrorClass::from_name(name).unwrap());
        let source = format!(
            "try {{ fail() }} catch (e) {{ [e.constructor === {name}, e instanceof Error, e.message, \
             JSON.stringify(Object.getOwnPropertyDescriptors(e)).includes('/host')] }}"
        );
        let expected = vec![Value::from(true), true.into(), "the % message %s".into(), false.into()];
        assert_eq!(eval(&*cx, &source).unwrap(), expected.into(), "{name}");
    }
    class.set(DomExceptionName::NotFoundError.into());
    assert_eq!(threw(eval(&*cx, "fail()")).name, "NotFoundError");
    let Value::Function(factory) =
        eval(&*cx, "(name, message) => Object.assign(new RangeError(message), { name, made: true })").unwrap()
    else {
        panic!()
    };
    cx.set_error_factory(&factory).unwrap();
    assert_eq!(
        eval(&*cx, "try { fail() } catch (e) { [e.name, e.made, e.message] }").unwrap(),
        vec![Value::from("NotFoundError"), true.into(), "the % message %s".into()].into()
    );
    // The language has one of this name too.
    class.set(DomExceptionName::SyntaxError.into());
    assert_eq!(
        eval(&*cx, "try { fail() } catch (e) { [e.name, e.made, e instanceof SyntaxError] }").unwrap(),
        vec![Value::from("SyntaxError"), true.into(), false.into()].into()
    );
}

fn host_panics(engine: &dyn Engine) {
    let cx = context(engine);
    define(&*cx, HostFunction::new("boom", |_, _| panic!("expected by the conformance suite")));
    let e = threw(eval(&*cx, "boom()"));
    assert_eq!(e.name, "Error");
    assert!(!e.message.contains("expected"), "the panic's own text stays on the host");
    assert_eq!(eval(&*cx, "try { boom() } catch (e) { 'caught' }").unwrap(), "caught".into());
}

fn reentrancy(engine: &dyn Engine) {
    let cx = context(engine);
    define(
        &*cx,
        HostFunction::new("twice", |cx, args| {
            let Value::Function(f) = args[0].take() else { return Err(HostError::type_error("a function")) };
            let once = cx.call(&f, vec![args[1].take()])?;
            Ok(cx.call(&f, vec![once])?)
        }),
    );
    define(
        &*cx,
        HostFunction::new("run", |cx, args| Ok(cx.evaluate_script(&Script::new(args[0].as_str().unwrap_or(""), "n"))?)),
    );
    assert_eq!(eval(&*cx, "twice(x => x * 3, 5)").unwrap(), 45.into());
    assert_eq!(eval(&*cx, "twice(x => twice(y => y + 1, x), 0)").unwrap(), 4.into());
    assert_eq!(eval(&*cx, "run('1 + 2')").unwrap(), 3.into());
    let e = threw(eval(&*cx, "twice(() => { throw new RangeError('from the callback') }, 1)"));
    assert_eq!((e.name.as_str(), e.message.as_str()), ("RangeError", "from the callback"));
    let e = threw(eval(&*cx, "function f() { return twice(f, 1) } f()"));
    assert!(e.name == "RangeError" || e.name == "InternalError", "{e}");
}

fn function_handles(engine: &dyn Engine) {
    let cx = context(engine);
    let value = eval(&*cx, "var n = 0; ({ inc: by => n += by, self: 1 })").unwrap();
    let inc = value.get("inc").unwrap().as_function().unwrap().clone();
    assert_eq!(cx.call(&inc, vec![5.into()]).unwrap(), 5.into());
    assert_eq!(cx.call(&inc, vec![2.into()]).unwrap(), 7.into());
    let Value::Function(identity) = eval(&*cx, "f => f === globalThis.kept || (globalThis.kept = f, false)").unwrap()
    else {
        panic!()
    };
    assert_eq!(cx.call(&identity, vec![inc.clone().into()]).unwrap(), false.into());
    assert_eq!(cx.call(&identity, vec![inc.into()]).unwrap(), true.into(), "the same function comes back");
    let f = cx.new_function(HostFunction::new("host", |_, _| Ok("from host".into()))).unwrap();
    let Value::Function(call) = eval(&*cx, "f => [f(), f.name]").unwrap() else { panic!() };
    assert_eq!(cx.call(&call, vec![f.into()]).unwrap(), vec!["from host", "host"].into());
}

fn handles_outlive(engine: &dyn Engine) {
    let cx = context(engine);
    let f = eval(&*cx, "() => 1").unwrap();
    let g = eval(&*cx, "() => 2").unwrap();
    let p = eval(&*cx, "Promise.resolve(1)").unwrap();
    std::thread::spawn(move || drop(g)).join().unwrap();
    assert_eq!(eval(&*cx, "1").unwrap(), 1.into());
    drop(cx);
    let other = context(engine);
    let Value::Function(f) = f else { panic!() };
    assert!(matches!(other.call(&f, vec![]), Err(Failure::Engine(_))));
    std::thread::spawn(move || drop((f, p))).join().unwrap();
}

fn foreign_handles(engine: &dyn Engine) {
    let (a, b) = (context(engine), context(engine));
    let Value::Function(f) = eval(&*a, "() => 1").unwrap() else { panic!() };
    assert!(matches!(b.call(&f, vec![]), Err(Failure::Engine(_))));
    let Value::Function(echo) = eval(&*b, "x => x").unwrap() else { panic!() };
    assert!(b.call(&echo, vec![f.into()]).is_err());
    let p = a.new_promise().unwrap();
    assert!(matches!(b.promise_state(&p), Err(Failure::Engine(_))));
}

fn host_promises(engine: &dyn Engine) {
    let cx = context(engine);
    let (good, bad, odd) = (cx.new_promise().unwrap(), cx.new_promise().unwrap(), cx.new_promise().unwrap());
    let Value::Function(watch) = eval(
        &*cx,
        "var seen = []; (...ps) => ps.forEach(p => p.then(v => seen.push(v), e => seen.push(e.name + ': ' + e.message)))",
    )
    .unwrap() else {
        panic!()
    };
    cx.call(&watch, vec![good.clone().into(), bad.clone().into(), odd.clone().into()]).unwrap();
    assert_eq!(cx.promise_state(&good).unwrap(), PromiseState::Pending);
    cx.settle_promise(&good, Ok("yes".into())).unwrap();
    cx.settle_promise(&good, Ok("twice".into())).unwrap();
    cx.settle_promise(&bad, Err(HostError::range_error("no"))).unwrap();
    let mut deep = Value::Null;
    for _ in 0..200 {
        deep = Value::List(vec![deep]);
    }
    cx.settle_promise(&odd, Ok(deep)).unwrap();
    assert_eq!(eval(&*cx, "seen").unwrap(), Value::List(vec![]), "reactions are microtasks");
    cx.run_microtasks().unwrap();
    let seen = eval(&*cx, "seen").unwrap();
    let seen = seen.as_list().unwrap();
    assert_eq!(seen[..2], ["yes".into(), Value::from("RangeError: no")]);
    assert!(seen[2].as_str().unwrap().starts_with("TypeError: "), "what cannot cross rejects: {seen:?}");
    assert_eq!(cx.promise_state(&good).unwrap(), PromiseState::Fulfilled("yes".into()));
    assert!(matches!(cx.promise_state(&bad).unwrap(), PromiseState::Rejected(e) if e.name == "RangeError"));
}

fn guest_promises(engine: &dyn Engine) {
    let cx = context(engine);
    let Value::Promise(p) = eval(&*cx, "(async () => { await null; await null; return 7 })()").unwrap() else {
        panic!()
    };
    assert_eq!(cx.promise_state(&p).unwrap(), PromiseState::Pending);
    cx.run_microtasks().unwrap();
    assert_eq!(cx.promise_state(&p).unwrap(), PromiseState::Fulfilled(7.into()));
    let Value::Promise(p) = eval(&*cx, "Promise.reject(new TypeError('t'))").unwrap() else { panic!() };
    assert!(matches!(cx.promise_state(&p).unwrap(), PromiseState::Rejected(e) if e.message == "t"));
    assert!(cx.take_unhandled_rejections().is_empty(), "asking is handling");
    let source = "var fail; new Promise((_, reject) => fail = reject)";
    let Value::Promise(p) = eval(&*cx, source).unwrap() else { panic!() };
    assert_eq!(cx.promise_state(&p).unwrap(), PromiseState::Pending);
    eval(&*cx, "fail(1)").unwrap();
    cx.run_microtasks().unwrap();
    assert!(cx.take_unhandled_rejections().is_empty(), "having asked is handling");
}

fn promise_functions(engine: &dyn Engine) {
    let cx = context(engine);
    define(
        &*cx,
        HostFunction::new("later", |_, args| match args[0].take() {
            Value::Null => Err(HostError::type_error("null")),
            v => Ok(v),
        })
        .promise(),
    );
    let Value::Promise(p) = eval(
        &*cx,
        "(async () => {
            const p = later(5);
            const errors = [];
            for (const bad of [null, Symbol()]) await later(bad).catch(e => errors.push(e.name));
            return [p instanceof Promise, await p, ...errors];
        })()",
    )
    .unwrap() else {
        panic!()
    };
    cx.run_microtasks().unwrap();
    let expected = vec![Value::from(true), 5.into(), "TypeError".into(), "TypeError".into()];
    assert_eq!(cx.promise_state(&p).unwrap(), PromiseState::Fulfilled(expected.into()));
}

fn unhandled_rejections(engine: &dyn Engine) {
    let cx = context(engine);
    eval(
        &*cx,
        "Promise.reject(new Error('one')); Promise.reject(2); Promise.reject(3).catch(() => {});
         const late = Promise.reject(4); Promise.resolve().then(() => late.catch(() => {}));
         (async () => { throw new RangeError('five') })(); 0",
    )
    .unwrap();
    cx.run_microtasks().unwrap();
    let all = cx.take_unhandled_rejections();
    let messages: Vec<_> = all.iter().map(|e| (e.name.as_str(), e.message.as_str())).collect();
    assert_eq!(messages, [("Error", "one"), ("", "2"), ("RangeError", "five")]);
    assert!(cx.take_unhandled_rejections().is_empty());
}

fn top_level_await(engine: &dyn Engine) {
    let cx = context(engine);
    let script = Script { top_level_await: true, ..Script::new("var kept = await Promise.resolve(20); kept + 1", "t") };
    let Value::Promise(p) = cx.evaluate_script(&script).unwrap() else { panic!() };
    cx.run_microtasks().unwrap();
    assert_eq!(cx.promise_state(&p).unwrap(), PromiseState::Fulfilled(21.into()));
    assert_eq!(eval(&*cx, "kept").unwrap(), 20.into(), "its variables are global");
    assert!(threw(eval(&*cx, "await 1")).early);
}

fn completion_modes(engine: &dyn Engine) {
    let cx = context(engine);
    let cyclic = "const c = {}; c.c = c; c";
    let script = Script { completion: Completion::Discard, ..Script::new(cyclic, "t") };
    assert_eq!(cx.evaluate_script(&script).unwrap(), Value::Undefined);
    let Value::Function(f) = eval(&*cx, "v => typeof v + Object.keys(v)").unwrap() else { panic!() };
    let script = Script { completion: Completion::Apply(&f), ..Script::new("globalThis.d = { x: Symbol() }", "t") };
    assert_eq!(cx.evaluate_script(&script).unwrap(), "objectx".into());
}

fn glue(engine: &dyn Engine) {
    static FIRST: Glue = Glue::new(
        "conformance:first",
        "(function (host, shared, engine) {
            shared.kept = Array.prototype.map;
            return [typeof host.f, Object.getPrototypeOf(host) === null, engine.classOf(new Map()),
                engine.promiseState(Promise.resolve(5)), engine.classOf(engine.proxyDetails(new Proxy([], {}))[0])];
        })",
    );
    static SECOND: Glue = Glue::new(
        "conformance:second",
        "(function (host, shared) { return [shared.kept !== Array.prototype.map, shared.kept.call([1], x => x + 1)] })",
    );
    let cx = context(engine);
    let f = HostFunction::new("f", |_, _| Ok(Value::Undefined));
    assert_eq!(
        cx.install(&FIRST, vec![f]).unwrap(),
        vec![Value::from("function"), true.into(), "Map".into(), Value::List(vec![1.into(), 5.into()]), "Array".into()]
            .into()
    );
    eval(&*cx, "Array.prototype.map = () => 'patched'").unwrap();
    assert_eq!(cx.install(&SECOND, vec![]).unwrap(), vec![Value::from(true), Value::List(vec![2.into()])].into());
    let leaked =
        "Reflect.ownKeys(globalThis).filter(k => String(k).startsWith('__') || k === 'host' || k === 'shared')";
    assert_eq!(eval(&*cx, leaked).unwrap(), Value::List(vec![]));
}

fn reactions(engine: &dyn Engine) {
    static GLUE: Glue = Glue::new(
        "conformance:reactions",
        "(function (host, shared, engine) {
            const log = globalThis.log = [];
            const done = (state, value) => log.push(state + ' ' + value);
            const failed = (state, e) => log.push(state + ' failed ' + e);
            const later = engine.newPromise(), fails = engine.newPromise();
            engine.then(later[0], (v) => log.push('then ' + v), undefined);
            engine.react(undefined, done, failed, 'value');
            engine.enqueue((a, b) => log.push(a + b), 'ab', 'c');
            engine.react(engine.resolved(1), done, failed, 'fulfilled');
            engine.react(engine.rejected(2), done, failed, 'rejected');
            engine.react(later[0], done, failed, 'later');
            engine.react(fails[0], done, failed, 'fails');
            engine.react({ then(f) { log.push('adopted'); f(5); } }, done, failed, 'thenable');
            engine.react({ get then() { throw 6; } }, done, failed, 'bad');
            // Neither is read of a native promise.
            const tampered = engine.resolved(7);
            tampered.then = tampered.constructor = () => { throw 'read'; };
            engine.react(tampered, done, failed, 'tampered');
            log.push('synchronous');
            later[1](3);
            fails[2](4);
        })",
    );
    let cx = context(engine);
    cx.install(&GLUE, vec![]).unwrap();
    cx.run_microtasks().unwrap();
    let expected = "synchronous,value undefined,abc,fulfilled 1,rejected failed 2,adopted,bad failed 6,tampered 7,\
        then 3,later 3,fails failed 4,thenable 5";
    assert_eq!(eval(&*cx, "log.join()").unwrap(), expected.into());
    assert!(cx.take_unhandled_rejections().is_empty());
}

fn stack_hooks(engine: &dyn Engine) {
    let cx = context(engine);
    define(&*cx, HostFunction::new("host", |cx, args| Ok(cx.call(args[0].as_function().unwrap(), vec![])?)));
    let source = "let got = 0;
        Error.prepareStackTrace = (e, sites) => {
            for (const s of sites) for (const k of ['getFunction', 'getThis']) if (typeof s[k]?.() === 'function') got++;
            return '';
        };
        host(() => { new Error().stack; try { null.x } catch (e) { e.stack } });
        got";
    assert_eq!(eval(&*cx, source).unwrap(), 0.into());
}

fn slow_builtins(engine: &dyn Engine) {
    for source in [
        "const a = new Uint8Array(3e7); for (;;) a.fill(1)",
        "const a = new Float64Array(3e6); for (;;) a.indexOf(5)",
        "const s = 'ab'.repeat(1e6); for (;;) s.split('')",
    ] {
        let cx = context(engine);
        let start = Instant::now();
        cx.interrupter().set_deadline(Some(start + Duration::from_millis(100)));
        assert_eq!(eval(&*cx, source), Err(Failure::Terminated(Termination::Deadline)), "{source}");
        println!("       {:?} past the deadline: {source}", start.elapsed() - Duration::from_millis(100));
    }
}

fn stopped(cx: &dyn EngineContext, reason: Termination) {
    let expected = Err(Failure::Terminated(reason));
    assert_eq!(eval(cx, "1"), expected);
    assert_eq!(cx.run_microtasks(), Err(Failure::Terminated(reason)));
    assert_eq!(cx.new_promise().err(), Some(Failure::Terminated(reason)));
    assert!(cx.take_unhandled_rejections().is_empty());
    cx.collect_garbage();
}

fn deadline(engine: &dyn Engine) {
    let cx = context(engine);
    let Value::Function(f) = eval(&*cx, "() => 1").unwrap() else { panic!() };
    cx.interrupter().set_deadline(Some(Instant::now() + Duration::from_millis(20)));
    assert_eq!(eval(&*cx, "while (true) {}"), Err(Failure::Terminated(Termination::Deadline)));
    cx.interrupter().set_deadline(None);
    stopped(&*cx, Termination::Deadline);
    assert_eq!(cx.call(&f, vec![]), Err(Failure::Terminated(Termination::Deadline)));
}

fn swallowing(engine: &dyn Engine) {
    for source in [
        "try { while (true) {} } catch { } finally { } reached()",
        "try { while (true) {} } finally { reached() }",
        "const f = async () => { while (true) {} }; f(); reached()",
        "const f = async () => { while (true) {} }; for (;;) f()",
        "const f = async () => { try { while (true) {} } finally { while (true) {} } }; for (;;) { try { f() } catch {} }",
        "const g = function* () { while (true) {} }; for (;;) { try { g().next() } catch {} }",
        "const g = async function* () { while (true) {} }; for (;;) g().next()",
        "const g = function* () { try { yield 1 } finally { while (true) {} } }; for (;;) { for (const x of g()) break }",
        "for (;;) new Promise(() => { while (true) {} })",
        "for (;;) Promise.resolve({ get then() { while (true) {} } })",
        "Error.prepareStackTrace = () => { for (;;) {} }; for (;;) { try { null.x } catch {} }",
        "const a = [1, 2]; for (;;) { try { a.sort(() => { for (;;) {} }) } catch {} }",
        "const o = { toString() { for (;;) {} } }; for (;;) { try { `${o}` } catch {} }",
        "const p = new Proxy({}, { get() { for (;;) {} } }); for (;;) { try { p.x } catch {} }",
        "for (;;) { try { class A { static { for (;;) {} } } } catch {} }",
        "function r() { try { r() } catch { r() } } r(); for (;;) {}",
        "Promise.resolve().then(() => { for (;;) {} }).finally(reached).catch(reached); 0",
        "(async () => { try { await null; for (;;) {} } catch { reached() } finally { reached() } })(); 0",
        "const again = () => Promise.resolve().then(again); again(); 0",
        "const t = { then(r) { r(t) } }; Promise.resolve(t); 0",
        "(async () => { for (;;) await null })(); 0",
    ] {
        let cx = context(engine);
        let reached = Rc::new(Cell::new(0));
        let r = reached.clone();
        define(
            &*cx,
            HostFunction::new("reached", move |_, _| {
                r.set(r.get() + 1);
                Ok(Value::Undefined)
            }),
        );
        cx.interrupter().set_deadline(Some(Instant::now() + Duration::from_millis(20)));
        let result = eval(&*cx, source).and_then(|_| cx.run_microtasks());
        assert_eq!(result, Err(Failure::Terminated(Termination::Deadline)), "{source}");
        assert_eq!(reached.get(), 0, "{source}");
        stopped(&*cx, Termination::Deadline);
    }
}

fn cancellation(engine: &dyn Engine) {
    let cx = context(engine);
    let interrupter = cx.interrupter();
    let other = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(20));
        assert!(interrupter.terminate(Termination::Cancelled));
    });
    assert_eq!(eval(&*cx, "for (;;) {}"), Err(Failure::Terminated(Termination::Cancelled)));
    other.join().unwrap();
    stopped(&*cx, Termination::Cancelled);
}

fn cpu_time(engine: &dyn Engine) {
    let cx = context(engine);
    cx.interrupter().set_cpu_deadline(Some(crate::thread_cpu_time() + Duration::from_millis(20)));
    assert_eq!(eval(&*cx, "for (;;) {}"), Err(Failure::Terminated(Termination::Cpu)));
    stopped(&*cx, Termination::Cpu);
}

fn memory_limit(engine: &dyn Engine) {
    const LIMIT: usize = 8 << 20;
    for source in [
        "const a = []; for (;;) a.push({ a })",
        "let s = 'x'; for (;;) s = (s + s + Math.random()).toUpperCase()",
        "try { const a = []; for (;;) a.push({}) } catch { for (;;) {} }",
        "for (;;) { try { new Uint8Array(1e8) } catch {} }",
        "new Array(5e7).fill(0)",
        "[...'.'.repeat(5e7)]",
        "const m = new Map(); for (let i = 0;; i++) m.set(i, [i])",
        "let f = () => 0; for (;;) { const g = f; f = () => g }",
        "const f = async () => { const a = []; for (;;) a.push({}) }; for (;;) f()",
    ] {
        let cx = limited(engine, &Limits::new().memory(LIMIT));
        cx.interrupter().set_deadline(Some(Instant::now() + Duration::from_secs(60)));
        let result = eval(&*cx, source);
        assert_eq!(result, Err(Failure::Terminated(Termination::Memory)), "{source}");
        stopped(&*cx, Termination::Memory);
        let peak = cx.memory_usage().peak;
        println!("       at most {} KiB, with a limit of {} KiB: {source}", peak >> 10, LIMIT >> 10);
        assert!(peak < LIMIT * 5 / 4 + engine.memory_overshoot(), "{source}: {:?}", cx.memory_usage());
    }
    // Garbage does not count, not even in cycles.
    let cx = limited(engine, &Limits::new().memory(LIMIT));
    let source = "for (let i = 0; i < 300; i++) { const a = { b: new Uint8Array(100_000) }; a.a = a }; 'done'";
    assert_eq!(eval(&*cx, source).unwrap(), "done".into());
    assert!(engine.new_context(&Limits::new().memory(10_000)).is_err(), "too small to start");
}

fn forged_memory(engine: &dyn Engine) {
    let cx = context(engine);
    for source in ["throw new Error('out of memory')", "throw new RangeError('Array buffer allocation failed')"] {
        threw(eval(&*cx, source));
    }
    assert_eq!(eval(&*cx, "1").unwrap(), 1.into());
}

fn host_bytes(engine: &dyn Engine) {
    let cx = limited(engine, &Limits::new().memory(8 << 20));
    let before = cx.memory_usage();
    let charge = cx.charge(1 << 20).unwrap();
    assert_eq!(cx.memory_usage().host, before.host + (1 << 20));
    std::thread::spawn(move || drop(charge)).join().unwrap();
    assert_eq!(cx.memory_usage().host, before.host);
    let Value::Function(keep) = eval(&*cx, "b => { globalThis.kept = b }").unwrap() else { panic!() };
    cx.call(&keep, vec![Bytes::from(vec![0; 4 << 20]).into()]).unwrap();
    assert!(cx.memory_usage().total() > 4 << 20);
    eval(&*cx, "kept = null").unwrap();
    cx.collect_garbage();
    assert!(cx.memory_usage().total() < 2 << 20, "{:?}", cx.memory_usage());
    assert!(matches!(cx.charge(8 << 20), Err(Failure::Terminated(Termination::Memory))));
    stopped(&*cx, Termination::Memory);
}

fn recursion(engine: &dyn Engine) {
    let cx = context(engine);
    for source in [
        "function f() { return f() + 1 } f()",
        "JSON.parse('['.repeat(1e6))",
        "let o = {}; for (let i = 0; i < 1e5; i++) o = { o }; JSON.stringify(o)",
        "let a = []; for (let i = 0; i < 1e5; i++) a = [a]; a.flat(Infinity)",
        "const o = { toString() { return '' + o } }; '' + o",
        "new RegExp('('.repeat(1e5) + ')'.repeat(1e5)).test('')",
        "let p = {}; for (let i = 0; i < 1e5; i++) p = new Proxy(p, {}); p.x",
        "eval('['.repeat(1e5))",
    ] {
        match eval(&*cx, source) {
            Err(Failure::Threw(e)) => {
                assert!(["RangeError", "InternalError", "SyntaxError"].contains(&e.name.as_str()), "{source}: {e}");
            }
            // An engine may have no limit of this kind.
            Ok(_) => {}
            other => panic!("{source}: {other:?}"),
        }
        assert_eq!(eval(&*cx, "1").unwrap(), 1.into(), "{source}");
    }
}

/// The reserve of native stack below the guest's own holds what the boundary needs at its worst.
fn deep_values_at_deep_calls(engine: &dyn Engine) {
    let limits = Limits::new();
    // What a context asks for, and a little for the thread itself.
    let stack = limits.stack + engine.stack_reserve() + (32 << 10);
    let echo = |_: &dyn EngineContext, args: &mut [Value]| Ok(args[0].take());
    let run = || {
        let cx = limited(engine, &limits);
        for nest in ["[deep]", "({ deep })", "new Map([[1, deep]])", "new Error('e', { cause: deep })"] {
            for function in [HostFunction::new("host", echo), HostFunction::new("host", echo).lossy()] {
                let host = cx.new_function(function).unwrap();
                let source = format!(
                    "(host) => {{
                        const nested = levels => {{ let deep = 1; while (levels--) deep = {nest}; return deep }};
                        const deepest = nested(99), shallow = nested(5);
                        let calls = 0, crossed = 0;
                        const down = () => {{
                            try {{ down() }} catch {{}}
                            // The deepest come back first, and they are those that matter.
                            if (++calls > 2000) return;
                            try {{ host(deepest) }} catch {{}}
                            try {{ host(shallow); crossed++ }} catch {{}}
                        }};
                        down();
                        return crossed > 100;
                    }}"
                );
                let Value::Function(f) = eval(&*cx, &source).unwrap() else { panic!() };
                assert_eq!(cx.call(&f, vec![host.into()]), Ok(true.into()), "{nest}");
            }
        }
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(stack).spawn_scoped(scope, run).unwrap();
        assert!(thread.join().is_ok());
    });
}

fn isolation(engine: &dyn Engine) {
    let (a, b) = (context(engine), context(engine));
    eval(&*a, "globalThis.secret = 1; Object.prototype.leak = 2; Array.prototype.push = null").unwrap();
    assert_eq!(eval(&*b, "[typeof secret, typeof {}.leak, [].push(1)]").unwrap(), {
        vec![Value::from("undefined"), "undefined".into(), 1.into()].into()
    });
    a.interrupter().terminate(Termination::Cancelled);
    assert_eq!(eval(&*b, "1").unwrap(), 1.into());
    drop(a);
    assert_eq!(eval(&*b, "[1, 2].map(x => x * 2)").unwrap(), vec![2, 4].into());
}

fn lossy(engine: &dyn Engine) {
    let cx = context(engine);
    let seen = Rc::new(RefCell::new(Vec::new()));
    let s = seen.clone();
    define(
        &*cx,
        HostFunction::new("log", move |_, args| {
            s.borrow_mut().extend(args.iter_mut().map(Value::take));
            Ok(Value::Undefined)
        })
        .lossy(),
    );
    let source = "var ran = 0;
        const cyclic = { a: 1 }; cyclic.self = cyclic;
        let deep = 1; for (let i = 0; i < 1000; i++) deep = [deep];
        log(1, 'a', cyclic, Symbol('s'), () => 1, { get g() { ran++; throw 1 } },
            new Proxy({ p: 1 }, { get() { ran++; throw 1 }, ownKeys() { ran++; throw 1 } }), deep, new WeakMap(),
            new Array(1e9), new Error('e'));
        ran";
    assert_eq!(eval(&*cx, source).unwrap(), 0.into());
    let seen = seen.borrow();
    assert_eq!(seen.len(), 11);
    assert_eq!(seen[..2], [1.into(), Value::from("a")]);
    assert_eq!(seen[2], object(&[("a", 1.into()), ("self", "[Circular]".into())]));
    assert_eq!(seen[5], object(&[("g", "[Getter]".into())]));
    assert_eq!(seen[6], object(&[("p", 1.into())]));
    assert!(matches!(&seen[10], Value::Error(e) if e.message == "e"));
}

fn garbage(engine: &dyn Engine) {
    let cx = context(engine);
    eval(&*cx, "for (let i = 0; i < 1e4; i++) { const a = {}, b = { a }; a.b = b } 0").unwrap();
    cx.collect_garbage();
    let before = cx.memory_usage().engine;
    eval(&*cx, "var kept = Array.from({ length: 1e4 }, (_, i) => ({ i })); 0").unwrap();
    cx.collect_garbage();
    assert!(cx.memory_usage().engine > before + 100_000);
    eval(&*cx, "kept = null; 0").unwrap();
    cx.collect_garbage();
    assert!(cx.memory_usage().engine < before + 100_000);
}
