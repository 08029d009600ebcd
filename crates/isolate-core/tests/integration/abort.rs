//! Abort signals, alone and as cancellation tokens of the host, on every engine.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use isolate_core::{AbortSignal, Clock};
use isolate_test_utils::{
    create_clock_context, create_test_context, engine_test, eval_code, eval_code_async, eval_code_json,
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

engine_test!(
    fn signals_abort_once_and_for_all(engine) {
        let ctx = create_test_context(engine);
        let code = "const c = new AbortController(), s = c.signal, log = [];
            s.onabort = (e) => log.push('handler', e.isTrusted, e.target === s);
            s.addEventListener('abort', () => log.push('listener'));
            const any = AbortSignal.any([s, new AbortController().signal]), all = AbortSignal.any([any, s]);
            all.onabort = () => log.push('follower', all.reason, any.aborted);
            c.abort('why'); c.abort('again');
            const throws = (f) => { try { f() } catch (e) { return e.name ?? e } };
            JSON.stringify([log, s.aborted, s.reason, any.reason, throws(() => s.throwIfAborted()), throws(() => new AbortSignal()),
                AbortSignal.abort().reason.name, AbortSignal.abort(1).reason, AbortSignal.any([]).aborted,
                AbortSignal.any([AbortSignal.abort(2)]).reason, throws(() => AbortSignal.any([{}])),
                throws(() => AbortSignal.timeout(-1)), s instanceof EventTarget, c.signal === s])";
        assert_eq!(
            eval_code_json::<Value>(&ctx, code),
            json!([
                ["handler", true, true, "listener", "follower", "why", true], true, "why", "why", "why", "TypeError",
                "AbortError", 1, false, 2, "TypeError", "TypeError", true, true
            ])
        );
    }
);

engine_test!(
    async fn timeouts_follow_the_clock_and_keep_nothing_alive(engine) {
        let ctx = create_test_context(engine);
        eval_code::<f64>(&ctx, "globalThis.s = AbortSignal.timeout(100); 0");
        ctx.tick(Duration::from_millis(99)).unwrap();
        assert!(!eval_code::<bool>(&ctx, "s.aborted"));
        ctx.tick(Duration::from_millis(1)).unwrap();
        assert_eq!(eval_code::<String>(&ctx, "s.reason.name"), "TimeoutError");

        let ctx = create_clock_context(engine, Clock::Real);
        eval_code::<f64>(&ctx, "globalThis.s = AbortSignal.timeout(60000); AbortSignal.timeout(2 ** 53 - 1); 0");
        ctx.run_until_idle().await.unwrap();
        let waited = "new Promise((done) => { AbortSignal.timeout(5).onabort = (e) => done(e.target.reason.name); })";
        assert_eq!(eval_code_async::<String>(&ctx, waited).await, "TimeoutError");

        let ctx = create_clock_context(engine, Clock::VirtualAutoAdvance);
        eval_code::<f64>(&ctx, "globalThis.s = AbortSignal.timeout(60000); 0");
        ctx.run_until_idle().await.unwrap();
        assert_eq!(ctx.now(), Duration::ZERO);
    }
);

engine_test!(
    fn signals_that_nobody_hears_are_collected(engine) {
        let ctx = create_test_context(engine);
        let code = "globalThis.long = new AbortController(); globalThis.heard = 0;
            for (let i = 0; i < 100; i++) {
                const s = AbortSignal.any([long.signal]);
                if (i === 7) s.onabort = () => heard++;
                AbortSignal.timeout(1e6);
            } 0";
        eval_code::<f64>(&ctx, code);
        for _ in 0..3 {
            ctx.collect_garbage();
            eval_code::<f64>(&ctx, "0");
        }
        assert!(ctx.pending_timers() <= 1, "{} timers", ctx.pending_timers());
        assert_eq!(eval_code::<f64>(&ctx, "long.abort(); heard"), 1.0);
    }
);

engine_test!(
    async fn a_signal_of_the_guest_cancels_a_token(engine) {
        let ctx = create_test_context(engine);
        let kept: Rc<RefCell<Vec<AbortSignal>>> = Rc::default();
        let k = kept.clone();
        ctx.define_function("keep", move |signal: AbortSignal| k.borrow_mut().push(signal)).unwrap();
        ctx.define_async_function("work", |signal: AbortSignal| async move {
            signal.token().cancelled().await;
            "stopped"
        })
        .unwrap();
        let code = "const c = new AbortController(), any = AbortSignal.any([c.signal]);
            keep(c.signal); keep(any); keep(c.signal); keep(AbortSignal.abort());
            const working = work(any);
            queueMicrotask(() => c.abort());
            await working";
        assert_eq!(eval_code_async::<String>(&ctx, code).await, "stopped");
        assert!(kept.borrow().iter().all(AbortSignal::aborted));
        let refused = "try { keep({}) } catch (e) { e.message }";
        assert!(eval_code::<String>(&ctx, refused).contains("expected an AbortSignal"));
    }
);

engine_test!(
    async fn a_token_aborts_a_signal_of_the_guest(engine) {
        let ctx = create_test_context(engine);
        let token = CancellationToken::new();
        ctx.define_global("signal", AbortSignal::new(token.clone())).unwrap();
        let cancelled = CancellationToken::new();
        cancelled.cancel();
        ctx.define_global("aborted", AbortSignal::new(cancelled)).unwrap();
        let code = "JSON.stringify([signal instanceof AbortSignal, signal.aborted, aborted.aborted, aborted.reason.name])";
        assert_eq!(eval_code_json::<Value>(&ctx, code), json!([true, false, true, "AbortError"]));
        // It waits for nobody.
        ctx.run_until_idle().await.unwrap();
        eval_code::<f64>(&ctx, "globalThis.heard = ''; AbortSignal.any([signal]).onabort = (e) => { heard += e.target.reason.name }; 0");
        std::thread::spawn(move || token.cancel()).join().unwrap();
        ctx.run_until_idle().await.unwrap();
        assert_eq!(eval_code::<String>(&ctx, "heard + signal.aborted"), "AbortErrortrue");
    }
);

engine_test!(
    async fn a_token_that_no_guest_waits_for_is_let_go(engine) {
        let ctx = create_test_context(engine);
        let token = CancellationToken::new();
        let t = token.clone();
        ctx.define_function("signal", move || AbortSignal::new(t.clone())).unwrap();
        eval_code::<f64>(&ctx, "for (let i = 0; i < 50; i++) signal(); 0");
        assert_eq!(ctx.pending_calls(), 50);
        for _ in 0..3 {
            ctx.collect_garbage();
            eval_code::<f64>(&ctx, "0");
            ctx.run_until_idle().await.unwrap();
        }
        assert!(ctx.pending_calls() <= 1, "{}", ctx.pending_calls());
    }
);
