//! Events, their targets, and the global scope as one, on every engine.

use std::cell::RefCell;
use std::rc::Rc;

use isolate_core::{Clock, UncaughtKind};
use isolate_test_utils::{
    create_clock_context, create_test_context, engine_test, eval_code, eval_code_async, eval_code_json,
};
use serde_json::{Value, json};

/// What a hostile guest may have done before it first touches an interface.
const POISON: &str = "
    for (const C of [Array, Object, Promise, Map, Set, WeakMap, Function, String, RegExp, Date, Error, TypeError,
        FinalizationRegistry, Uint8Array, Object.getPrototypeOf(Uint8Array)]) {
        for (const key of Reflect.ownKeys(C.prototype)) {
            if (key === 'constructor' || key === '__proto__') continue;
            const d = Reflect.getOwnPropertyDescriptor(C.prototype, key);
            if (d.configurable && typeof d.value === 'function' && C !== Array) {
                Reflect.defineProperty(C.prototype, key, { ...d, value() { throw 'poisoned ' + String(key); } });
            }
        }
    }
    for (const key of ['get', 'set', 'value', 'enumerable', 'capture', 'signal', 'first', 'next', 'detail']) {
        Object.defineProperty(Object.prototype, key, {
            __proto__: null, configurable: true, get() { throw 'poisoned get ' + key; }, set() { throw 'poisoned set ' + key; },
        });
    }
    for (const key of ['0', '1', '2']) {
        Object.defineProperty(Array.prototype, key, {
            __proto__: null, configurable: true, get() { throw 'poisoned get ' + key; }, set() { throw 'poisoned set ' + key; },
        });
    }
    Array.prototype[Symbol.iterator] = () => { throw 'poisoned iterator'; };
";

engine_test!(
    fn attributes_and_their_defaults(engine) {
        let ctx = create_test_context(engine);
        let code = "const e = new Event('a', { bubbles: true, cancelable: 1 }), d = Object.getOwnPropertyDescriptor;
            const c = new CustomEvent('b', { detail: 5 }), r = new ErrorEvent('c', { message: 'm', lineno: -1, error: 7 });
            const m = new MessageEvent('d', { data: [1], origin: 'o' });
            JSON.stringify([
                e.type, e.bubbles, e.cancelable, e.composed, e.target, e.currentTarget, e.eventPhase, e.isTrusted,
                typeof e.timeStamp, e.composedPath(), e.returnValue, e.cancelBubble, Event.AT_TARGET, e.BUBBLING_PHASE,
                c.detail, c instanceof Event, new CustomEvent('x').detail, r.message, r.lineno, r.error, r.filename,
                'error' in new ErrorEvent('x'), m.data, m.origin, m.ports, m.source, Object.isFrozen(m.ports),
                Object.prototype.toString.call(c), CustomEvent.length, Event.prototype.initEvent.length,
                Reflect.ownKeys(e), d(e, 'isTrusted').get === d(c, 'isTrusted').get, d(e, 'isTrusted').configurable,
                Object.getPrototypeOf(CustomEvent) === Event, d(globalThis, 'Event').enumerable,
                d(Event.prototype, 'type').enumerable, new (class X extends CustomEvent { y = 1 })('z').type ])";
        assert_eq!(
            eval_code_json::<Value>(&ctx, code),
            json!([
                "a", true, true, false, null, null, 0, false, "number", [], true, false, 2, 3, 5, true, null, "m",
                4294967295u32, 7, "", true, [1], "o", [], null, true, "[object CustomEvent]", 1, 1, ["isTrusted"], true,
                false, true, false, true, "z"
            ])
        );
    }
);

engine_test!(
    fn listeners_are_called_as_the_standard_says(engine) {
        let ctx = create_test_context(engine);
        let code = "const log = [], t = new EventTarget(), on = (n) => (e) => log.push(n, e.eventPhase);
            const twice = on('twice');
            t.addEventListener('x', twice); t.addEventListener('x', twice); t.addEventListener('x', twice, true);
            t.addEventListener('x', on('once'), { once: true });
            t.addEventListener('x', { handleEvent(e) { log.push('object', this === e.currentTarget) } });
            t.addEventListener('x', null);
            t.addEventListener('x', (e) => {
                t.addEventListener('x', on('late'), { once: true });
                t.removeEventListener('x', gone);
            });
            const gone = on('gone'); t.addEventListener('x', gone);
            t.addEventListener('x', (e) => { e.preventDefault(); log.push('passive', e.defaultPrevented) }, { passive: true });
            t.addEventListener('x', (e) => { e.preventDefault(); log.push('active', e.defaultPrevented) });
            const e = new Event('x', { cancelable: true });
            log.push(t.dispatchEvent(e), e.target === t, e.currentTarget);
            log.push('again'); log.push(t.dispatchEvent(new Event('x')));
            t.addEventListener('y', (e) => e.stopImmediatePropagation());
            t.addEventListener('y', on('unreached'));
            t.dispatchEvent(new Event('y'));
            t.addEventListener('z', (e) => { try { t.dispatchEvent(e) } catch (x) { log.push(x.name) } });
            t.dispatchEvent(new Event('z'));
            JSON.stringify(log)";
        let text = eval_code_json::<Value>(&ctx, code);
        let first = json!([
            "twice", 2, "twice", 2, "once", 2, "object", false, "passive", false, "active", true, false, true, null,
            "again", "twice", 2, "twice", 2, "object", false, "passive", false, "active", false, "late", 2, true,
            "InvalidStateError"
        ]);
        assert_eq!(text, first);
    }
);

engine_test!(
    fn listeners_follow_signals(engine) {
        let ctx = create_test_context(engine);
        let code = "let n = 0; const t = new EventTarget(), c = new AbortController(), f = () => n++;
            t.addEventListener('x', f, { signal: c.signal });
            t.addEventListener('y', f, { signal: AbortSignal.abort() });
            t.dispatchEvent(new Event('x')); t.dispatchEvent(new Event('y'));
            c.abort();
            t.dispatchEvent(new Event('x'));
            const throws = (signal) => { try { t.addEventListener('x', f, { signal }) } catch (e) { return e.name } };
            JSON.stringify([n, throws(null), throws({}), throws(undefined) ?? 'fine'])";
        assert_eq!(eval_code_json::<Value>(&ctx, code), json!([1, "TypeError", "TypeError", "fine"]));
    }
);

engine_test!(
    fn what_listeners_throw_is_reported_with_its_value(engine) {
        let ctx = create_test_context(engine);
        let told = Rc::new(RefCell::new(Vec::new()));
        let t = told.clone();
        ctx.on_uncaught(move |u| t.borrow_mut().push((u.kind, u.exception.message.clone())));
        let code = "const t = new EventTarget(), log = [];
            t.addEventListener('x', () => { throw new Error('from a listener') });
            t.addEventListener('x', {});
            t.addEventListener('x', () => log.push('goes on'));
            t.dispatchEvent(new Event('x'));
            log.join()";
        assert_eq!(eval_code::<String>(&ctx, code), "goes on");
        let told = told.borrow();
        assert_eq!(told.len(), 2);
        assert_eq!(told[0], (UncaughtKind::Callback, "from a listener".to_owned()));
    }
);

engine_test!(
    async fn the_global_scope_hears_of_errors(engine) {
        let ctx = create_clock_context(engine, Clock::VirtualAutoAdvance);
        let told = Rc::new(RefCell::new(Vec::new()));
        let t = told.clone();
        ctx.on_uncaught(move |u| t.borrow_mut().push(u.exception.message.clone()));
        let code = "const log = []; const boom = new Error('boom');
            addEventListener('error', (e) => {
                log.push(e.error === boom, e.message, e.filename, e.lineno, e.isTrusted, e.target === globalThis);
                e.preventDefault();
            }, { once: true });
            reportError(boom);
            onerror = function (message, file, line, column, error) { log.push(error, arguments.length, this === self); return true; };
            queueMicrotask(() => { throw 42 });
            await null; await null; await null;
            log.push(typeof onerror, Object.getOwnPropertyDescriptor(globalThis, 'onerror').get.name);
            onerror = () => { throw new Error('in the handler') };
            reportError('first');
            onerror = null;
            reportError('last');
            JSON.stringify(log)";
        let text: String = eval_code_async(&ctx, code).await;
        assert_eq!(
            serde_json::from_str::<Value>(&text).unwrap(),
            json!([true, "Uncaught Error: boom", "test.js", 1, true, true, 42, 5, true, "function", "get onerror"])
        );
        assert_eq!(*told.borrow(), ["in the handler", "first", "last"]);
    }
);

engine_test!(
    fn the_global_scope_is_a_target(engine) {
        let ctx = create_test_context(engine);
        let code = "let n = 0; addEventListener('hi', function (e) { n += this === globalThis });
            dispatchEvent(new Event('hi')); self.dispatchEvent(new Event('hi'));
            EventTarget.prototype.dispatchEvent.call(undefined, new Event('hi'));
            JSON.stringify([n, globalThis instanceof EventTarget, self === globalThis,
                Object.getOwnPropertyDescriptor(globalThis, 'self').enumerable,
                navigator instanceof Navigator, navigator.userAgent.startsWith('Isolate/'), onerror, onunhandledrejection])";
        assert_eq!(
            eval_code_json::<Value>(&ctx, code),
            json!([3, true, true, true, true, true, null, null])
        );
    }
);

engine_test!(
    async fn rejections_that_nothing_handles_become_events(engine) {
        let ctx = create_test_context(engine);
        let told = Rc::new(RefCell::new(Vec::new()));
        let t = told.clone();
        ctx.on_uncaught(move |u| t.borrow_mut().push((u.kind, u.exception.message.clone())));
        let code = "globalThis.log = [];
            onunhandledrejection = (e) => { log.push(e.type, e.reason, e.promise === globalThis.p, e.cancelable);
                if (e.reason === 'mine') e.preventDefault(); };
            onrejectionhandled = (e) => log.push(e.type, e.reason, e.promise === globalThis.p);
            globalThis.p = Promise.reject('mine'); Promise.reject('yours'); 0";
        eval_code_async::<f64>(&ctx, code).await;
        ctx.run_until_idle().await.unwrap();
        assert_eq!(
            eval_code_json::<Value>(&ctx, "JSON.stringify(log.splice(0))"),
            json!(["unhandledrejection", "mine", true, true, "unhandledrejection", "yours", false, true])
        );
        assert_eq!(*told.borrow(), [(UncaughtKind::Rejection, "yours".to_owned())]);
        eval_code::<f64>(&ctx, "p.catch(() => {}); 0");
        ctx.run_until_idle().await.unwrap();
        assert_eq!(eval_code_json::<Value>(&ctx, "JSON.stringify(log)"), json!(["rejectionhandled", "mine", true]));
    }
);

engine_test!(
    fn patched_builtins_change_nothing(engine) {
        let ctx = create_test_context(engine);
        // What the checks themselves need is taken first.
        let code = format!(
            "const stringify = JSON.stringify, define = Object.defineProperty; let log = '';
            {POISON}
            const t = new EventTarget(), c = new AbortController();
            t.addEventListener('x', (e) => {{ log += e.type + e.eventPhase; }}, {{ __proto__: null, once: true, signal: c.signal }});
            t.addEventListener('x', () => {{ log += 'aborted'; }}, {{ __proto__: null, signal: c.signal }});
            t.dispatchEvent(new Event('x', {{ __proto__: null, cancelable: true }}));
            c.signal.onabort = () => {{ log += ' abort'; }};
            AbortSignal.any({{ [Symbol.iterator]() {{ let i = 0; return {{ next: () => i++ ? {{ done: true }} : {{ done: false, __proto__: null, value: c.signal }} }}; }} }})
                .addEventListener('abort', () => {{ log += ' followed'; }});
            c.abort();
            t.dispatchEvent(new Event('x'));
            log + typeof performance.now() + performance.mark('m', {{ __proto__: null, startTime: 5, detail: 1 }}).startTime"
        );
        assert_eq!(eval_code::<String>(&ctx, &code), "x2aborted abort followednumber5");
    }
);
