//! Contexts from the snapshot are as those that were set up step by step.

use std::cell::Cell;
use std::rc::Rc;

use isolate_engine::{
    Engine, EngineContext, Failure, Function, GlobalKind, Glue, HostError, HostFunction, Limits, Script, Value,
};
use isolate_engine_v8::V8;

static FIRST: Glue = Glue::new(
    "isolate:test-first",
    "(function (host, shared, engine) {
        shared.first = { host, classOf: engine.classOf, viewInfo: engine.viewInfo, newView: engine.newView, date: Date };
        globalThis.add = host.add;
        return { call: (f, x) => f(x), late: () => host.add(20, 22), list: [1, 'a', null], makeError: (name, m) => Object.assign(new Error(m), { name }) };
    })",
);
static SECOND: Glue = Glue::new(
    "isolate:test-second",
    "(function (host, shared) { globalThis.kind = (v) => shared.first.classOf(v); globalThis.again = (v) => { const i = shared.first.viewInfo(v); return shared.first.newView(i.type, i.buffer, i.byteOffset, i.byteLength / i.bytesPer) }; globalThis.twice = (x) => host.twice(x); })",
);
static LAZY: Glue =
    Glue::new("isolate:test-lazy", "(function (host, shared) { shared.loaded = { Thing: class Thing {} } })");

fn eval(cx: &dyn EngineContext, source: &str) -> Result<Value, Failure> {
    cx.evaluate_script(&Script::new(source, "test.js"))
}

struct Set {
    context: Box<dyn EngineContext>,
    late: Function,
    loads: Rc<Cell<u32>>,
}

/// The set-up that all contexts of these tests have, up to `steps` steps. `offset` is what this context's host adds.
fn set_up(offset: f64, steps: usize) -> Set {
    let context = V8::new().new_context(&Limits::new()).unwrap();
    let add = HostFunction::new("add", move |_, args| {
        Ok((args.iter().filter_map(Value::as_f64).sum::<f64>() + offset).into())
    })
    .length(2);
    let exports = context.install(&FIRST, vec![add]).unwrap();
    let function = |name: &str| exports.get(name).unwrap().as_function().unwrap().clone();
    assert_eq!(exports.get("list").unwrap(), &Value::List(vec![1.into(), "a".into(), Value::Null]));
    let loads = Rc::new(Cell::new(0));
    let late = function("late");
    if steps > 1 {
        context.set_error_factory(&function("makeError")).unwrap();
    }
    if steps > 2 {
        let count = loads.clone();
        let load = move |cx: &dyn EngineContext| {
            count.set(count.get() + 1);
            cx.install(&LAZY, vec![]).map(drop).map_err(HostError::from)
        };
        context.define_lazy_globals(&["Thing"], GlobalKind::Interface, Rc::new(load)).unwrap();
    }
    if steps > 3 {
        let twice = HostFunction::new("twice", |_, args| Ok((args[0].as_f64().unwrap_or(0.0) * 2.0).into()));
        context.install(&SECOND, vec![twice]).unwrap();
    }
    Set { context, late, loads }
}

fn check(set: &Set, offset: f64, steps: usize) {
    let cx = &*set.context;
    assert_eq!(eval(cx, "add(1, 2)").unwrap(), (3.0 + offset).into(), "its own host");
    assert_eq!(cx.call(&set.late, vec![]).unwrap(), (42.0 + offset).into());
    assert_eq!(eval(cx, "typeof Thing").unwrap(), if steps > 2 { "function" } else { "undefined" }.into());
    assert_eq!(set.loads.get(), u32::from(steps > 2));
    if steps > 3 {
        assert_eq!(eval(cx, "[kind(new Map()), twice(4), kind(new SharedArrayBuffer(1))].join()").unwrap(), {
            "Map,8,SharedArrayBuffer".into()
        });
    }
    if steps > 3 {
        // V8 gives a context its newest builtins after the snapshot.
        let views = "Int8 Uint8 Uint8Clamped Int16 Uint16 Int32 Uint32 BigInt64 BigUint64 Float16 Float32 Float64";
        let odd = format!(
            "'{views}'.split(' ').filter((name) => {{
                const view = new globalThis[name + 'Array'](new ArrayBuffer(32), 8, 2), other = again(view);
                return other.constructor !== view.constructor || other.byteOffset !== 8 || other.length !== 2;
            }}).join()"
        );
        assert_eq!(eval(cx, &odd).unwrap(), "".into());
        for class in ["DisposableStack", "AsyncDisposableStack", "WeakRef"] {
            assert_eq!(eval(cx, &format!("kind(new {class}({{}}))")).unwrap(), class.into());
        }
    }
    let stack = eval(cx, "(function f() { return new Error('x').stack })()").unwrap();
    assert!(stack.as_str().unwrap().contains("at f (test.js:1:"), "{stack:?}");
    assert_eq!(eval(cx, "Error.stackTraceLimit").unwrap(), 10.into());
    assert_eq!(eval(cx, "'prepareStackTrace' in Error").unwrap(), false.into());
}

/// One test, since the snapshot is the process's.
#[test]
fn contexts_from_a_snapshot_are_as_the_others() {
    for i in 0..5 {
        let set = set_up(f64::from(i), 4);
        check(&set, f64::from(i), 4);
    }
    // Those that leave the known steps early, in any order and side by side.
    let sets: Vec<_> = [2, 4, 3, 1, 4, 2].into_iter().map(|steps| (steps, set_up(0.5, steps))).collect();
    for (steps, set) in &sets {
        check(set, 0.5, *steps);
    }
    drop(sets);
    for _ in 0..3 {
        check(&set_up(7.0, 4), 7.0, 4);
    }
    // Two guests see nothing of one another.
    let (a, b) = (set_up(0.0, 4), set_up(0.0, 4));
    eval(&*a.context, "Array.prototype.leak = 1; globalThis.secret = 2; Thing.mine = 3").unwrap();
    assert_eq!(
        eval(&*b.context, "[typeof [].leak, typeof secret, Thing.mine].join()").unwrap(),
        "undefined,undefined,".into()
    );
    // Two do not draw the same numbers.
    let random = |set: &Set| eval(&*set.context, "Math.random()").unwrap();
    assert_ne!(random(&a), random(&b));
    // One that was never used is dropped without ever having been made.
    drop(set_up(0.0, 4));
    let unused = V8::new().new_context(&Limits::new()).unwrap();
    assert!(unused.memory_usage().engine > 100_000);
}
