//! What `isolate-core` gives the guest and the host, on every engine.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use isolate_core::{
    Class, Clock, Context, ContextOptions, DomExceptionName, Error, ErrorKind, EvalOptions, Function, HostError,
    Instance, Limits, Rest, Serde, Termination, UncaughtKind, Value,
};
use isolate_test_utils::{
    create_clock_context, create_limited_context, create_test_context, create_test_context_with, engine_test,
    eval_code, eval_code_async, eval_code_json,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

fn thrown(result: Result<Value, Error>) -> (String, String) {
    let e = result.unwrap_err();
    let e = e.exception().unwrap_or_else(|| panic!("{e:?}"));
    (e.name.clone(), e.message.clone())
}

engine_test!(
    fn typed_functions_take_and_give_rust_types(engine) {
        let ctx = create_test_context(engine);
        #[derive(Serialize, Deserialize)]
        struct Point {
            x: f64,
            y: f64,
        }
        ctx.define_function("none", || 7).unwrap();
        ctx.define_function("add", |a: f64, b: f64| a + b).unwrap();
        ctx.define_function("join", |sep: String, Rest(parts): Rest<String>| parts.join(&sep)).unwrap();
        ctx.define_function("flip", |Serde(p): Serde<Point>| Serde(Point { x: p.y, y: p.x })).unwrap();
        ctx.define_function("opt", |n: Option<u8>| n.map(|n| n + 1)).unwrap();
        ctx.define_function("sum", |all: Vec<i32>| all.iter().sum::<i32>()).unwrap();
        ctx.define_function("rev", |b: Bytes| Bytes::from(b.iter().rev().copied().collect::<Vec<_>>())).unwrap();
        ctx.define_function("keys", |m: BTreeMap<String, Value>| m.into_keys().collect::<Vec<_>>()).unwrap();
        ctx.define_function("day", |t: SystemTime| t + Duration::from_secs(86400)).unwrap();
        ctx.define_function("call", |ctx: Context, f: Function, v: Value| ctx.call(&f, vec![v])).unwrap();
        let code = "JSON.stringify([none(), add(1, 2), join('-', 'a', 'b', 'c'), flip({ x: 1, y: 2 }), opt(1), opt() ?? 'no',
            sum([1, -2, 3]), [...rev(new Uint8Array([1, 2]))], keys({ b: 1, a: 2 }), day(new Date(0)).getTime(),
            call(x => x * 2, 21), add.length, add.name])";
        assert_eq!(
            eval_code_json::<serde_json::Value>(&ctx, code),
            json!([7, 3, "a-b-c", { "x": 2, "y": 1 }, 2, "no", 2, [2, 1], ["a", "b"], 86400000, 42, 2, "add"])
        );
    }
);

engine_test!(
    fn wrong_arguments_are_type_errors_that_name_the_argument(engine) {
        let ctx = create_test_context(engine);
        ctx.define_function("f", |_: String, n: u8| n).unwrap();
        for (code, class, message) in [
            ("f(1, 2)", "TypeError", "argument 1: expected a string, got a number"),
            ("f('a', '2')", "TypeError", "argument 2: expected a number, got a string"),
            ("f('a', 1.5)", "TypeError", "argument 2: expected a whole number, got 1.5"),
            ("f('a', 256)", "RangeError", "argument 2: expected a whole number from 0 to 255, got 256"),
            ("f('a')", "TypeError", "argument 2: expected a number, got undefined"),
            ("f('a', NaN)", "TypeError", "argument 2: expected a whole number, got NaN"),
        ] {
            assert_eq!(thrown(ctx.evaluate(code, "t.js")), (class.into(), message.into()), "{code}");
        }
    }
);

engine_test!(
    fn host_objects_nest(engine) {
        let ctx = create_test_context(engine);
        ctx.define_function("tools.greet", |name: String| format!("hello {name}")).unwrap();
        ctx.define_function("tools.math.double", |n: f64| n * 2.0).unwrap();
        ctx.define_global("tools.version", "1.0").unwrap();
        assert_eq!(eval_code::<String>(&ctx, "tools.greet('you') + tools.math.double(4) + tools.version"), "hello you81.0");
        assert_eq!(eval_code::<Vec<String>>(&ctx, "Object.keys(tools)"), ["greet", "math", "version"]);
        assert!(!eval_code::<bool>(&ctx, "Object.keys(globalThis).includes('tools')"));
    }
);

engine_test!(
    fn nothing_of_ours_stands_on_the_global_object(engine) {
        const KEYS: &str = "Reflect.ownKeys(globalThis).map(String)";
        let before: Vec<String> = eval_code(&create_test_context(engine), KEYS);
        // Interfaces and operations of the web platform, and nothing of how they are made.
        assert!(before.iter().all(|k| !k.contains('_') || k.starts_with("Symbol(")), "{before:?}");
        let ctx = create_test_context(engine);
        ctx.define_function("mine", || ()).unwrap();
        ctx.define_class(Class::new("Thing", || ())).unwrap();
        // Loading leaves nothing there either.
        eval_code::<f64>(&ctx, "for (const key of Reflect.ownKeys(globalThis)) globalThis[key]; 0");
        let mut added: Vec<String> = eval_code(&ctx, KEYS);
        added.retain(|k| !before.contains(k));
        assert_eq!(added, ["mine", "Thing"]);
    }
);

engine_test!(
    fn errors_keep_their_class_both_ways(engine) {
        let ctx = create_test_context(engine);
        ctx.define_function("fail", |name: String| -> Result<(), HostError> {
            let class = isolate_core::ErrorClass::from_name(&name).unwrap();
            Err(HostError::new(class, "why").with_source("a secret of the host"))
        })
        .unwrap();
        for name in ["Error", "TypeError", "RangeError", "SyntaxError", "ReferenceError", "URIError", "EvalError"] {
            let code = format!("try {{ fail('{name}') }} catch (e) {{ e instanceof {name} && e.name + e.message }}");
            assert_eq!(eval_code::<String>(&ctx, &code), format!("{name}why"));
            assert_eq!(thrown(ctx.evaluate(&format!("fail('{name}')"), "t.js")), (name.into(), "why".into()));
        }
        for &name in DomExceptionName::ALL.iter().filter(|n| n.as_str() != "SyntaxError") {
            let code = format!(
                "try {{ fail('{}') }} catch (e) {{ JSON.stringify([e instanceof DOMException, e instanceof Error,
                    e.name, e.message, e.code, typeof e.stack, Object.prototype.toString.call(e)]) }}",
                name.as_str()
            );
            assert_eq!(
                eval_code_json::<serde_json::Value>(&ctx, &code),
                json!([true, true, name.as_str(), "why", name.code(), "string", "[object DOMException]"])
            );
        }
        let e = ctx.evaluate("function f() { throw new TypeError('mine') }\nf()", "dir/guest.js").unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Threw);
        let e = e.exception().unwrap();
        assert_eq!(e.location.as_ref().map(|l| (l.file.as_str(), l.line)), Some(("dir/guest.js", 1)));
        assert!(e.stack.contains("f (dir/guest.js:1"), "{}", e.stack);
        let all = "try { fail('TypeError') } catch (e) {
            JSON.stringify(Object.getOwnPropertyNames(e).map(k => String(e[k]))) }";
        let text: String = eval_code(&ctx, all);
        assert!(!text.contains("secret") && !text.contains("/crates/") && !text.contains(".rs"), "{text}");
    }
);

engine_test!(
    fn dom_exception_follows_web_idl(engine) {
        let ctx = create_test_context(engine);
        let code = "const e = new DOMException('m', 'NotFoundError'), d = Object.getOwnPropertyDescriptor;
            const c = new DOMException('m', { name: 'AbortError', cause: 5 });
            const illegal = f => { try { f(); return 'no error' } catch (x) { return x.constructor.name } };
            class Sub extends DOMException {}
            JSON.stringify([
                e.name, e.message, e.code, new DOMException().name, new DOMException().message, new DOMException('a', 'Odd').code,
                c.name, c.cause, 'cause' in e, DOMException.NOT_FOUND_ERR, e.NOT_FOUND_ERR, DOMException.INUSE_ATTRIBUTE_ERR,
                DOMException.URL_MISMATCH_ERR, DOMException.DATA_CLONE_ERR, DOMException.VALIDATION_ERR, DOMException.length,
                Object.getOwnPropertyNames(e).filter(k => k !== 'stack' && !k.endsWith('Number') && k !== 'fileName'),
                d(DOMException.prototype, 'name').enumerable, d(globalThis, 'DOMException').enumerable,
                d(DOMException, 'prototype').writable, illegal(() => DOMException('x')),
                illegal(() => DOMException.prototype.name), illegal(() => d(DOMException.prototype, 'code').get.call({ })),
                Object.getPrototypeOf(DOMException.prototype) === Error.prototype, String(e), new Sub('s', 'DataError').name,
                new Sub() instanceof Sub && new Sub() instanceof DOMException])";
        assert_eq!(
            eval_code_json::<serde_json::Value>(&ctx, code),
            json!([
                "NotFoundError", "m", 8, "Error", "", 0, "AbortError", 5, false, 8, 8, 10, 21, 25, 16, 0, [], true,
                false, false, "TypeError", "TypeError", "TypeError", true, "NotFoundError: m", "DataError", true
            ])
        );
    }
);

engine_test!(
    async fn async_functions_return_real_promises(engine) {
        let ctx = create_test_context(engine);
        ctx.define_async_function("ready", |n: f64| async move { n + 1.0 }).unwrap();
        ctx.define_async_function("later", |ms: u32| async move {
            tokio::time::sleep(Duration::from_millis(ms.into())).await;
            ms
        })
        .unwrap();
        ctx.define_async_function("fail", |late: bool| async move {
            if late {
                tokio::task::yield_now().await;
            }
            Err::<(), _>(HostError::range_error("no"))
        })
        .unwrap();
        let code = "(async () => {
            const p = ready(1);
            const order = [];
            await Promise.all([30, 10, 20].map(ms => later(ms).then(v => order.push(v))));
            const errors = [];
            for (const late of [false, true]) await fail(late).catch(e => errors.push(e instanceof RangeError && e.message));
            const wrong = await ready('x').catch(e => e.name);
            return [p instanceof Promise, await p, order, errors, wrong];
        })()";
        assert_eq!(
            eval_code_async::<serde_json::Value>(&ctx, code).await,
            json!([true, 2, [10, 20, 30], ["no", "no"], "TypeError"])
        );
    }
);

engine_test!(
    async fn a_thousand_host_calls_in_flight(engine) {
        let ctx = create_test_context(engine);
        let most = Rc::new(Cell::new(0));
        let seen = most.clone();
        ctx.define_async_function("later", move |ctx: Context, n: u32| {
            seen.set(seen.get().max(ctx.pending_calls()));
            async move {
                tokio::time::sleep(Duration::from_millis(20)).await;
                n
            }
        })
        .unwrap();
        let code = "Promise.all(Array.from({ length: 1000 }, (_, i) => later(i))).then(a => a.reduce((x, y) => x + y))";
        assert_eq!(eval_code_async::<u32>(&ctx, code).await, 499_500);
        assert_eq!(most.get(), 999);
        assert_eq!(ctx.pending_calls(), 0);
    }
);

engine_test!(
    async fn calls_in_flight_are_limited(engine) {
        let ctx = create_limited_context(engine, Limits::new().pending_calls(2));
        ctx.define_async_function("never", std::future::pending::<()>).unwrap();
        let code = "never(); never(); never().catch(e => e.name)";
        assert_eq!(eval_code_async::<String>(&ctx, code).await, "QuotaExceededError");
    }
);

engine_test!(
    async fn blocking_functions_may_be_called_often_in_one_turn(engine) {
        let ctx = create_limited_context(engine, Limits::new().wall_time(Duration::from_secs(20)));
        ctx.define_blocking_function("one", || async { 1 }).unwrap();
        // As a guest's code runs in a runtime: within one poll of a task of Tokio's.
        let sum = ctx.eval("let sum = 0; for (let i = 0; i < 1000; i++) sum += one(); sum", EvalOptions::new()).await;
        assert_eq!(sum.unwrap(), Value::Number(1000.0));
        // Nor must this thread be the one that their futures wait for.
        let options = ContextOptions::new().tokio(tokio::runtime::Handle::current());
        let ctx = create_test_context_with(engine, options.limits(Limits::new().wall_time(Duration::from_secs(20))));
        ctx.define_blocking_function("sleep", || tokio::time::sleep(Duration::from_millis(1))).unwrap();
        assert_eq!(ctx.eval("sleep(); 'slept'", EvalOptions::new()).await.unwrap(), Value::from("slept"));
    }
);

engine_test!(
    fn blocking_functions_return_the_value_itself(engine) {
        let ctx = create_test_context(engine);
        ctx.define_blocking_function("wait", |ms: u32| async move {
            tokio::time::sleep(Duration::from_millis(ms.into())).await;
            if ms > 100 { Err(HostError::range_error("too long")) } else { Ok(ms * 2) }
        })
        .unwrap();
        assert_eq!(eval_code::<u32>(&ctx, "wait(5) + wait(1)"), 12);
        assert_eq!(thrown(ctx.evaluate("wait(101)", "t.js")).0, "RangeError");
        ctx.interrupter().set_deadline(None);
        let options = Limits::new().wall_time(Duration::from_millis(30));
        let ctx = create_limited_context(engine, options);
        ctx.define_blocking_function("forever", std::future::pending::<()>).unwrap();
        let e = ctx.evaluate("try { forever() } catch {} finally { forever() }", "t.js").unwrap_err();
        assert_eq!(e.terminated(), Some(Termination::Deadline));
    }
);

engine_test!(
    async fn streams_are_async_iterators(engine) {
        let ctx = create_test_context(engine);
        let polled = Rc::new(Cell::new(0));
        let p = polled.clone();
        ctx.define_stream_function("count", move |to: u32| {
            let p = p.clone();
            futures_util::stream::iter(1..=to).then(move |n| {
                p.set(p.get() + 1);
                async move {
                    tokio::task::yield_now().await;
                    if n == 100 { Err(HostError::range_error("enough")) } else { Ok(n) }
                }
            })
        })
        .unwrap();
        use futures_util::StreamExt;
        let code = "(async () => {
            const all = []; for await (const n of count(3)) all.push(n);
            for await (const n of count(1000)) { if (n === 2) break }
            let error; try { for await (const n of count(200)) all.length = 3 } catch (e) { error = e.name }
            return [all, error];
        })()";
        assert_eq!(eval_code_async::<serde_json::Value>(&ctx, code).await, json!([[1, 2, 3], "RangeError"]));
        assert_eq!(polled.get(), 3 + 2 + 100, "nothing is read ahead");
    }
);

struct Counter {
    n: f64,
    dropped: Rc<Cell<u32>>,
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.dropped.set(self.dropped.get() + 1);
    }
}

fn define_counter(ctx: &Context) -> Rc<Cell<u32>> {
    let dropped = Rc::new(Cell::new(0));
    let (a, b, c) = (dropped.clone(), dropped.clone(), dropped.clone());
    ctx.define_class(
        Class::new("Counter", move |start: Option<f64>| match start {
            Some(n) if n < 0.0 => Err(HostError::range_error("negative")),
            n => Ok(Counter { n: n.unwrap_or(0.0), dropped: a.clone() }),
        })
        .method("add", |this: &mut Counter, by: f64| {
            this.n += by;
            this.n
        })
        .method("count", |_: &mut Counter, Rest(all): Rest<Value>| all.len() as u32)
        .method("use", |this: &mut Counter, ctx: Context, f: Function| {
            this.n += 1.0;
            ctx.call(&f, vec![])
        })
        .getter("value", |this: &mut Counter| this.n)
        .setter("value", |this: &mut Counter, n: f64| this.n = n)
        .factory("twice", move |this: &mut Counter| Counter { n: this.n * 2.0, dropped: b.clone() })
        .async_method("later", |this: Instance<Counter>, ms: u32| async move {
            tokio::time::sleep(Duration::from_millis(ms.into())).await;
            Ok::<_, HostError>(this.borrow()?.n)
        })
        .static_method("max", |a: f64, b: f64| a.max(b))
        .static_async_method("soon", || async { "soon" })
        .static_factory("of", move |n: f64| Counter { n, dropped: c.clone() })
        .static_property("LIMIT", 100.0),
    )
    .unwrap();
    dropped
}

engine_test!(
    async fn classes_have_everything(engine) {
        let ctx = create_test_context(engine);
        define_counter(&ctx);
        let code = "(async () => {
            const c = new Counter(5), error = f => { try { return f() } catch (e) { return e.name + ': ' + e.message } };
            c.value += 1;
            return [
                c.add(2), c.value, new Counter().value, c.twice().value, c.twice() instanceof Counter, await c.later(1),
                Counter.max(1, 9), await Counter.soon(), Counter.of(3).value, Counter.LIMIT, c.count(1, 2, 3, 4, 5, 6),
                Counter.name, Counter.length, Object.prototype.toString.call(c), Object.keys(c),
                Object.getOwnPropertyNames(Counter.prototype).sort(), c.constructor === Counter,
                error(() => Counter()), error(() => new Counter(-1)), error(() => c.add('x')),
                error(() => Counter.prototype.add.call({}, 1)), error(() => c.use(() => c.value)),
                await Counter.prototype.later.call({}, 1).catch(e => e.name),
                error(() => { 'use strict'; Counter.LIMIT = 1 }) , typeof Object.getOwnPropertyDescriptor(Counter.prototype, 'value').set];
        })()";
        let result: serde_json::Value = eval_code_async(&ctx, code).await;
        assert_eq!(
            result.as_array().unwrap()[..21],
            *json!([
                8, 8, 0, 16, true, 8, 9, "soon", 3, 100, 6, "Counter", 1, "[object Counter]", [],
                ["add", "constructor", "count", "later", "twice", "use", "value"], true,
                "TypeError: Class constructor Counter cannot be invoked without 'new'", "RangeError: negative",
                "TypeError: argument 1: expected a number, got a string", "TypeError: Illegal invocation: this is not a Counter"
            ])
            .as_array()
            .unwrap()
        );
        assert!(result[21].as_str().unwrap().starts_with("InvalidStateError"), "{}", result[21]);
        assert_eq!(result[22], "TypeError");
        assert!(result[23].as_str().unwrap().starts_with("TypeError"));
        assert_eq!(result[24], "function");
    }
);

engine_test!(
    fn classes_extend_one_another_and_are_extended_by_guests(engine) {
        let ctx = create_test_context(engine);
        define_counter(&ctx);
        ctx.define_class(
            Class::new("Named", |_: Value, name: String| name).extends("Counter").getter("name", |n: &mut String| n.clone()),
        )
        .unwrap();
        let code = "class Mine extends Named { constructor() { super(7, 'x'); this.own = 1 } add(n) { return super.add(n) + 0.5 } }
            const m = new Mine(), n = new Named(1, 'n');
            JSON.stringify([m.add(1), m.name, m.own, m instanceof Mine, m instanceof Named, m instanceof Counter,
                n.add(1), Named.max(1, 2), Object.getPrototypeOf(Named) === Counter])";
        assert_eq!(
            eval_code_json::<serde_json::Value>(&ctx, code),
            json!([8.5, "x", 1, true, true, true, 2, 2, true])
        );
        assert!(ctx.define_class(Class::new("Orphan", || ()).extends("Nobody")).is_err());
        ctx.define_class(Class::new("MyError", |_: String| ()).extends("Error")).unwrap();
        assert_eq!(
            eval_code::<String>(&ctx, "const e = new MyError('m'); e.message + (e instanceof Error) + e.stack.includes('test.js')"),
            "mtruetrue"
        );
    }
);

engine_test!(
    fn instance_state_is_freed_on_collection_and_with_the_context(engine) {
        let ctx = create_test_context(engine);
        let dropped = define_counter(&ctx);
        eval_code::<()>(&ctx, "for (let i = 0; i < 100; i++) new Counter(i); globalThis.kept = new Counter(1); undefined");
        ctx.collect_garbage();
        eval_code::<()>(&ctx, "undefined");
        assert_eq!((ctx.instance_count(), dropped.get()), (1, 100));
        ctx.clear_instance_state();
        assert_eq!((ctx.instance_count(), dropped.get()), (0, 101));
        assert_eq!(thrown(ctx.evaluate("kept.value", "t.js")).0, "InvalidStateError");
        eval_code::<()>(&ctx, "globalThis.more = [new Counter(), new Counter()]; undefined");
        drop(ctx);
        assert_eq!(dropped.get(), 103);
    }
);

engine_test!(
    fn guests_that_patch_builtins_change_nothing(engine) {
        let ctx = create_test_context(engine);
        define_counter(&ctx);
        let poison = "(() => {
            const keep = new Set([Object.prototype, Function.prototype]);
            for (const C of [Array, Map, Set, WeakMap, Promise, String, FinalizationRegistry, Reflect, Object]) {
                for (const o of [C, C.prototype]) if (o) for (const k of Reflect.ownKeys(o)) {
                    if (['prototype', 'constructor', 'length', 'name'].includes(k)) continue;
                    try { Object.defineProperty(o, k, { value: () => { throw new Error('patched ' + String(k)) }, configurable: true }) } catch {}
                }
            }
        })();";
        let _ = ctx.evaluate(poison, "t.js");
        let _ = ctx.evaluate("Function.prototype.call = Function.prototype.apply = null", "t.js");
        assert_eq!(eval_code::<f64>(&ctx, "var c = new Counter(5); c.add(1); c.value = 9; c.twice().value"), 18.0);
        assert_eq!(eval_code::<f64>(&ctx, "c.count(1, 2, 3, 4, 5)"), 5.0);
        ctx.define_function("still.works", || "yes").unwrap();
        assert_eq!(eval_code::<String>(&ctx, "still.works()"), "yes");
        assert_eq!(eval_code::<String>(&ctx, "new DOMException('a', 'AbortError').name"), "AbortError");
    }
);

engine_test!(
    fn a_panic_reaches_the_host_and_not_the_guest(engine) {
        let ctx = create_test_context(engine);
        let told = Rc::new(RefCell::new(Vec::new()));
        let t = told.clone();
        ctx.on_uncaught(move |u| t.borrow_mut().push((u.kind, u.exception.message.clone())));
        ctx.define_function("boom", || -> () { panic!("a secret, expected by this test") }).unwrap();
        let message: String = eval_code(&ctx, "try { boom() } catch (e) { e.message }");
        assert_eq!(message, "the host function 'boom' failed");
        assert_eq!(told.borrow()[0].0, UncaughtKind::HostPanic);
        assert!(told.borrow()[0].1.contains("a secret"));
        assert_eq!(eval_code::<u32>(&ctx, "1 + 1"), 2);
    }
);

engine_test!(
    async fn eval_awaits_and_deadlines_cover_the_wait(engine) {
        let ctx = create_test_context(engine);
        assert_eq!(ctx.eval_as::<u32>("await Promise.resolve(1) + 1", EvalOptions::new()).await.unwrap(), 2);
        assert_eq!(ctx.eval_as::<u32>("(async () => 5)()", EvalOptions::new()).await.unwrap(), 5);
        assert_eq!(ctx.eval("globalThis.m = 1; export {}", EvalOptions::new().module()).await.unwrap(), Value::Undefined);
        assert_eq!(ctx.eval_as::<u32>("m", EvalOptions::new()).await.unwrap(), 1);
        let e = ctx.eval("let a = ;", EvalOptions::new().filename("x.js")).await.unwrap_err();
        assert!(e.exception().unwrap().early);
        let e = ctx.eval("await Promise.reject(new TypeError('t'))", EvalOptions::new()).await.unwrap_err();
        assert_eq!(e.exception().unwrap().name, "TypeError");
        let e = ctx.eval("new Promise(() => {})", EvalOptions::new().fail_when_idle()).await.unwrap_err();
        assert_eq!(e.kind(), ErrorKind::NeverSettles);
        let options = EvalOptions::new().deadline(Duration::from_millis(20));
        let e = ctx.eval("new Promise(() => {})", options).await.unwrap_err();
        assert_eq!(e.terminated(), Some(Termination::Deadline));
        let e = ctx.eval("1", EvalOptions::new()).await.unwrap_err();
        assert_eq!(e.terminated(), Some(Termination::Deadline), "a stopped context stays stopped");
    }
);

engine_test!(
    async fn cancellation_stops_a_wait_and_drops_host_futures(engine) {
        struct Watch(Rc<Cell<bool>>);
        impl Drop for Watch {
            fn drop(&mut self) {
                self.0.set(true);
            }
        }
        let ctx = create_test_context(engine);
        let dropped = Rc::new(Cell::new(false));
        let d = dropped.clone();
        ctx.define_async_function("never", move || {
            let watch = Watch(d.clone());
            async move {
                let _watch = watch;
                std::future::pending::<()>().await
            }
        })
        .unwrap();
        let token = tokio_util::sync::CancellationToken::new();
        let canceller = token.clone();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            canceller.cancel();
        });
        let e = ctx.eval("await never()", EvalOptions::new().cancellation(token)).await.unwrap_err();
        assert_eq!(e.terminated(), Some(Termination::Cancelled));
        let _ = ctx.run_until_idle().await;
        assert!(dropped.get());
    }
);

engine_test!(
    fn processor_time_is_a_budget_for_life(engine) {
        let ctx = create_limited_context(engine, Limits::new().cpu_time(Duration::from_millis(60)));
        let spin = "const end = Date.now() + 15; while (Date.now() < end) {} 0";
        for _ in 0..2 {
            ctx.evaluate(&format!("{{ {spin} }}"), "t.js").unwrap();
        }
        assert!(ctx.cpu_used() >= Duration::from_millis(5));
        let e = ctx.evaluate("for (;;) {}", "t.js").unwrap_err();
        assert_eq!(e.terminated(), Some(Termination::Cpu));
        // A native loop that never asks is noticed when it is over.
        let ctx = create_limited_context(engine, Limits::new().cpu_time(Duration::from_millis(20)));
        let e = ctx.evaluate("new Array(1e7).join('').length", "t.js").unwrap_err();
        assert_eq!(e.terminated(), Some(Termination::Cpu));
    }
);

engine_test!(
    fn rejections_and_callback_errors_are_reported(engine) {
        let ctx = create_test_context(engine);
        let told = Rc::new(RefCell::new(Vec::new()));
        let t = told.clone();
        ctx.on_uncaught(move |u| t.borrow_mut().push((u.kind, u.exception.to_string())));
        ctx.add_timer(
            Duration::from_millis(5),
            None,
            Rc::new(|_, _| Err(isolate_core::Exception::new("RangeError", "timer").into())),
        )
        .unwrap();
        eval_code::<()>(&ctx, "Promise.reject(new Error('lost')); Promise.reject(1).catch(() => {}); undefined");
        ctx.tick(Duration::from_millis(10)).unwrap();
        assert_eq!(
            *told.borrow(),
            [
                (UncaughtKind::Rejection, "Error: lost".to_owned()),
                (UncaughtKind::Callback, "RangeError: timer".to_owned())
            ]
            .into_iter()
            .collect::<Vec<_>>()
        );
    }
);

engine_test!(
    async fn clocks(engine) {
        let fired = |ctx: &Context| {
            let log = Rc::new(RefCell::new(Vec::new()));
            for (delay, every) in [(20, None), (10, Some(15)), (5, None)] {
                let log = log.clone();
                let every = every.map(Duration::from_millis);
                ctx.add_timer(
                    Duration::from_millis(delay),
                    every,
                    Rc::new(move |ctx, id| {
                        log.borrow_mut().push((id, ctx.now().as_millis() as u64));
                        if log.borrow().len() > 4 {
                            ctx.remove_timer(2);
                        }
                        Ok(())
                    }),
                )
                .unwrap();
            }
            log
        };
        let ctx = create_clock_context(engine, Clock::Virtual);
        let log = fired(&ctx);
        ctx.run_until_idle().await.unwrap();
        assert!(log.borrow().is_empty(), "virtual time moves by tick alone");
        ctx.tick(Duration::from_millis(25)).unwrap();
        assert_eq!(*log.borrow(), [(3, 5), (2, 10), (1, 20), (2, 25)]);
        assert_eq!(ctx.now(), Duration::from_millis(25));

        let ctx = create_clock_context(engine, Clock::VirtualAutoAdvance);
        let log = fired(&ctx);
        ctx.run_until_idle().await.unwrap();
        assert_eq!(*log.borrow(), [(3, 5), (2, 10), (1, 20), (2, 25), (2, 40)]);

        let ctx = create_clock_context(engine, Clock::Real);
        let log = fired(&ctx);
        ctx.run_until_idle().await.unwrap();
        let order: Vec<_> = log.borrow().iter().map(|(id, _)| *id).collect();
        assert_eq!(order[..2], [3, 2]);
        assert_eq!(log.borrow().len(), 5);
        assert!(log.borrow().iter().zip([5, 10]).all(|((_, at), due)| *at >= due));
    }
);

engine_test!(
    fn host_calls_through_a_cyclic_context_handle_do_not_leak(engine) {
        let ctx = create_test_context(engine);
        let weak = Rc::new(());
        let held = weak.clone();
        ctx.define_function("f", move |ctx: Context| {
            let _ = &held;
            ctx.engine_name().to_owned()
        })
        .unwrap();
        assert_eq!(eval_code::<String>(&ctx, "f()"), engine.name());
        drop(ctx);
        assert_eq!(Rc::strong_count(&weak), 1, "closures go with their context");
    }
);

engine_test!(
    /// Whatever way a guest takes to a global that is loaded when it is touched, it is there.
    fn a_global_is_there_however_it_is_named(engine) {
        for (code, expected) in [
            ("typeof URL", "function"),
            (r"typeof \u0055RL", "function"),
            (r"typeof \u{55}RL", "function"),
            ("typeof (0, eval)('U' + 'RL')", "function"),
            ("typeof (0, eval)('th' + 'is')['U' + 'RL']", "function"),
            ("typeof new Function('return th' + 'is')()['U' + 'RL']", "function"),
            ("typeof (function () { return this })()['U' + 'RL']", "function"),
            ("typeof self['U' + 'RL']", "function"),
            ("typeof Reflect.get(globalThis, 'U' + 'RL')", "function"),
            ("let t; addEventListener('x', e => { t = e['tar' + 'get'] }); dispatchEvent(new Event('x')); typeof t['U' + 'RL']", "function"),
            ("String(Object.getOwnPropertyNames(globalThis).includes('U' + 'RL'))", "true"),
            ("String('U' + 'RL' in globalThis)", "true"),
            ("var URL = 'mine'; URL", "mine"),
            ("URL = 'mine'; URL", "mine"),
            ("function URL() {} String(new URL() instanceof URL)", "true"),
            ("let URL = 'mine'; URL", "mine"),
            ("URL = 'mine'; new URLSearchParams('a=1'); URL", "mine"),
            ("delete globalThis.URL; typeof URL", "undefined"),
            ("delete globalThis.URL; new URLSearchParams('a=1'); typeof URL", "undefined"),
        ] {
            let ctx = create_test_context(engine);
            assert_eq!(eval_code::<String>(&ctx, code), expected, "{code}");
        }
        // A global that the host defined before is the host's.
        let ctx = create_test_context(engine);
        ctx.define_global("URL", "the host's").unwrap();
        assert_eq!(eval_code::<String>(&ctx, "new URLSearchParams(); URL"), "the host's");
    }
);
