//! What the web platform's glue asks of an engine besides natives: lazy globals, the hook for rejections, plain clones.

use std::rc::Rc;

use super::{context, eval};
use crate::{Engine, GlobalKind, Glue, Value};

/// Globals that are loaded when they are touched, each in its way.
pub(super) fn lazy_globals(engine: &dyn Engine) {
    static GLUE: Glue = Glue::new(
        "conformance:lazy",
        "(function (host, shared, engine) {
            engine.defineGlobals('accessor');
            let value = 'none';
            const o = { get accessor() { return value }, set accessor(v) { value = 'set to ' + v } };
            const own = Object.getOwnPropertyDescriptor(globalThis, 'accessor');
            // Ours is one function for both, until it is replaced.
            if (own.get && own.get === own.set) Object.defineProperty(globalThis, 'accessor', Object.getOwnPropertyDescriptor(o, 'accessor'));
            shared.loaded = { Interface: 1, other: 2 };
        })",
    );
    for (code, expected) in [
        ("Interface + other", "3"),
        ("Interface = 5; Interface", "5"),
        ("accessor", "none"),
        ("accessor = 1; accessor", "set to 1"),
        ("Object.defineProperty(globalThis, 'accessor', { value: 'mine' }); Interface; accessor", "mine"),
        (
            "Interface; const d = n => Object.getOwnPropertyDescriptor(globalThis, n); [d('Interface').enumerable, \
          d('other').enumerable, d('Interface').writable].join()",
            "false,true,true",
        ),
        ("Object.keys(globalThis).filter(k => /other|acc|Int/.test(k)).join()", "other,accessor"),
    ] {
        let cx = context(engine);
        let load = || {
            Rc::new(|cx: &dyn crate::EngineContext| {
                cx.install(&GLUE, vec![]).map(drop).map_err(|_| crate::HostError::error("no"))
            })
        };
        cx.define_lazy_globals(&["Interface"], GlobalKind::Interface, load()).unwrap();
        cx.define_lazy_globals(&["other"], GlobalKind::Attribute, load()).unwrap();
        cx.define_lazy_globals(&["accessor"], GlobalKind::Accessor, load()).unwrap();
        assert_eq!(
            eval(&*cx, &format!("String((() => {{ return eval({code:?}) }})())")).unwrap(),
            expected.into(),
            "{code}"
        );
    }
}

/// Glue hears of rejections before they are reported, and when one is handled after all.
pub(super) fn rejection_hook(engine: &dyn Engine) {
    static GLUE: Glue = Glue::new(
        "conformance:rejections",
        "(function (host, shared, engine) {
            globalThis.log = [];
            engine.onRejections((promise, reason, handled) => {
                log.push(handled ? 'handled' : 'unhandled', reason, engine.promiseState(promise)[1]);
                if (reason === 'at once') promise.catch(() => {});
                if (reason === 'first') other.catch(() => {});
                return reason === 'mine';
            });
        })",
    );
    let cx = context(engine);
    cx.install(&GLUE, vec![]).unwrap();
    assert!(!cx.has_unhandled_rejections());
    eval(
        &*cx,
        "const late = Promise.reject('mine'); Promise.reject('yours'); const soon = Promise.reject('at once'); 0",
    )
    .unwrap();
    cx.run_microtasks().unwrap();
    assert!(cx.has_unhandled_rejections());
    let reported: Vec<_> = cx.take_unhandled_rejections().into_iter().map(|e| e.message).collect();
    assert_eq!(reported, ["yours", "at once"]);
    assert!(!cx.has_unhandled_rejections());
    eval(&*cx, "late.catch(() => {}); soon.catch(() => {}); 0").unwrap();
    cx.run_microtasks().unwrap();
    assert!(cx.take_unhandled_rejections().is_empty());
    let log = "unhandled,mine,mine,unhandled,yours,yours,unhandled,at once,at once,handled,mine,mine";
    assert_eq!(eval(&*cx, "log.splice(0).join()").unwrap(), log.into());
    // What the hook handles of those that wait their turn is not told.
    eval(&*cx, "Promise.reject('first'); const other = Promise.reject('second'); 0").unwrap();
    assert_eq!(cx.take_unhandled_rejections().len(), 1);
    assert_eq!(eval(&*cx, "log.join()").unwrap(), "unhandled,first,first".into());
}

/// Clones of plain data, if the engine makes them itself: undefined is always right.
pub(super) fn plain_clones(engine: &dyn Engine) {
    static GLUE: Glue = Glue::new(
        "conformance:clones",
        "(function (host, shared, engine) {
            const leaf = (o, kind) => (kind === 'Date' ? new Date(+o) : undefined);
            const begin = (o, kind) => {
                const items = [];
                o.forEach((v, k) => { if (kind === 'Map') items.push(k); items.push(v); });
                return { copy: kind === 'Map' ? new Map() : new Set(), items };
            };
            const fill = (copy, kind, items) => {
                for (let i = 0; i < items.length; i++) kind === 'Map' ? copy.set(items[i], items[++i]) : copy.add(items[i]);
            };
            let ran = 0;
            class Platform { #x }
            const clone = (v) => engine.clonePlain(v, leaf, begin, fill, (o) => o instanceof Platform);
            const o = { a: [1, , 'x'], d: new Date(7), __proto__: null, ['__proto__']: 5 };
            o.self = o; o.map = new Map([[o, new Set([o.d])]]);
            const c = clone(o);
            const refused = [() => {}, Symbol(), new Proxy({}, {}), new Platform(), /x/, new Error(), { get x() { ran++ } }];
            return [c === undefined || (c !== o && c.self === c && !(1 in c.a) && c.a.length === 3 && c.map.get(c).has(c.d)
                && Object.hasOwn(c, '__proto__') && Object.getPrototypeOf(c) === Object.prototype && +c.d === 7),
                refused.every((v) => clone([v]) === undefined), ran, clone(5) ?? 5, clone(new (class { y = 1 })())?.y ?? 1];
        })",
    );
    let expected = [true.into(), true.into(), 0.into(), 5.into(), 1.into()];
    assert_eq!(context(engine).install(&GLUE, vec![]).unwrap(), Value::List(expected.into()));
}
