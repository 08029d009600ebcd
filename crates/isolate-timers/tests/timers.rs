//! Timers, on every engine.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use isolate_core::{Clock, Context, Limits, Termination};
use isolate_test_utils::{
    create_clock_context, create_limited_context, create_test_context, engine_test, eval_code, eval_code_async,
};
use isolate_timers::{TimersHandle, TimersOptions, setup_timers};

fn set_up(ctx: &Context) -> TimersHandle {
    let timers = setup_timers(ctx, TimersOptions::default()).unwrap();
    eval_code::<()>(ctx, "var log = []; const note = x => log.push(x); undefined");
    timers
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn log(ctx: &Context) -> String {
    eval_code(ctx, "const taken = log.splice(0).join(); taken".replace("const taken", "var taken").as_str())
}

engine_test!(
    fn they_fire_in_order_of_time_and_then_of_creation(engine) {
        let ctx = create_test_context(engine);
        let timers = set_up(&ctx);
        eval_code::<()>(
            &ctx,
            "setTimeout(note, 20, 'c'); setTimeout(note, 10, 'a'); setTimeout(note, 20, 'd'); setTimeout(note, 10, 'b');
             setTimeout((...all) => note(all.join('+')), 30, 1, 2, 3); setTimeout(function () { note(this === globalThis) });
             undefined",
        );
        assert_eq!(timers.pending(), 6);
        timers.tick(ms(0)).unwrap();
        assert_eq!(log(&ctx), "true");
        timers.tick(ms(19)).unwrap();
        assert_eq!(log(&ctx), "a,b");
        timers.tick(ms(1)).unwrap();
        assert_eq!(log(&ctx), "c,d");
        timers.tick(ms(100)).unwrap();
        assert_eq!(log(&ctx), "1+2+3");
        assert_eq!(timers.pending(), 0);
    }
);

engine_test!(
    fn an_interval_of_100_fires_ten_times_in_1000(engine) {
        let ctx = create_test_context(engine);
        let timers = set_up(&ctx);
        eval_code::<()>(&ctx, "let n = 0; const id = setInterval(() => note(++n), 100); undefined");
        timers.tick(ms(1000)).unwrap();
        assert_eq!(log(&ctx), "1,2,3,4,5,6,7,8,9,10");
        assert_eq!(timers.pending(), 1);
        timers.tick(ms(99)).unwrap();
        assert_eq!(log(&ctx), "");
        eval_code::<()>(&ctx, "clearInterval(id)");
        timers.tick(ms(1000)).unwrap();
        assert_eq!((log(&ctx).as_str(), timers.pending()), ("", 0));
    }
);

engine_test!(
    fn during_a_tick_the_clock_stands_at_each_timers_own_time(engine) {
        let ctx = create_test_context(engine);
        let timers = set_up(&ctx);
        ctx.define_function("now", |ctx: Context| ctx.now().as_millis() as f64).unwrap();
        eval_code::<()>(
            &ctx,
            "setTimeout(() => { note(now()); setTimeout(() => { note(now()); setTimeout(() => note(now()), 10) }, 10) }, 10);
             setInterval(() => note('i' + now()), 15); undefined",
        );
        timers.tick(ms(40)).unwrap();
        assert_eq!(log(&ctx), "10,i15,20,i30,30");
        assert_eq!(ctx.now(), ms(40));
    }
);

engine_test!(
    fn microtasks_run_after_each_timer(engine) {
        let ctx = create_test_context(engine);
        let timers = set_up(&ctx);
        eval_code::<()>(
            &ctx,
            "for (const n of [1, 2]) setTimeout(() => { note('t' + n); Promise.resolve().then(() => note('m' + n)) }, 5); undefined",
        );
        timers.tick(ms(5)).unwrap();
        assert_eq!(log(&ctx), "t1,m1,t2,m2");
    }
);

engine_test!(
    fn clearing_inside_callbacks_works(engine) {
        let ctx = create_test_context(engine);
        let timers = set_up(&ctx);
        eval_code::<()>(
            &ctx,
            "const a = setTimeout(() => { note('a'); clearTimeout(b); clearInterval(c) }, 10);
             const b = setTimeout(note, 10, 'b'), c = setTimeout(note, 10, 'c');
             let n = 0; const i = setInterval(() => { note('i'); if (++n === 2) clearTimeout(i) }, 10);
             clearTimeout(); clearTimeout(undefined); clearTimeout(99999); clearTimeout('x'); clearTimeout(a + 0.5 - 0.5 + 1e10);
             undefined",
        );
        timers.tick(ms(100)).unwrap();
        assert_eq!(log(&ctx), "a,i,i");
        assert_eq!(timers.pending(), 0);
    }
);

engine_test!(
    fn a_callback_that_throws_is_reported_and_the_rest_goes_on(engine) {
        let ctx = create_test_context(engine);
        let timers = set_up(&ctx);
        let told = Rc::new(RefCell::new(Vec::new()));
        let t = told.clone();
        ctx.on_uncaught(move |u| t.borrow_mut().push(u.exception.to_string()));
        eval_code::<()>(
            &ctx,
            "setTimeout(() => { throw new TypeError('once') }, 1); setTimeout(note, 2, 'after');
             let n = 0; setInterval(() => { n++; if (n < 3) throw new Error('again ' + n) }, 10);
             setTimeout('note(`script`); syntax error', 3); setTimeout('note(`ran`)', 4); undefined",
        );
        timers.tick(ms(50)).unwrap();
        assert_eq!(log(&ctx), "after,ran");
        let told = told.borrow();
        assert_eq!(told[0], "TypeError: once");
        assert!(told[1].starts_with("SyntaxError"), "{told:?}");
        assert_eq!(told[2..], ["Error: again 1", "Error: again 2"]);
    }
);

engine_test!(
    fn nested_timers_and_intervals_are_clamped_as_in_html(engine) {
        let ctx = create_test_context(engine);
        let timers = set_up(&ctx);
        ctx.define_function("now", |ctx: Context| ctx.now().as_millis() as f64).unwrap();
        eval_code::<()>(&ctx, "const go = () => { note(now()); if (log.length < 9) setTimeout(go) }; setTimeout(go); undefined");
        timers.tick(ms(100)).unwrap();
        assert_eq!(log(&ctx), "0,0,0,0,0,0,4,8,12");
        eval_code::<()>(&ctx, "let n = 0; const i = setInterval(() => { note(now()); if (++n === 8) clearInterval(i) }, 0); undefined");
        timers.tick(ms(100)).unwrap();
        assert_eq!(log(&ctx), "100,100,100,100,100,100,104,108");
    }
);

engine_test!(
    fn delays_are_converted_as_web_idl_says(engine) {
        let ctx = create_test_context(engine);
        let timers = set_up(&ctx);
        eval_code::<()>(
            &ctx,
            "for (const d of [undefined, null, NaN, -5, '3', 2.9, { valueOf: () => 4 }, 2 ** 32 + 1, Infinity, true])
                 setTimeout(() => note(String(d?.valueOf?.() ?? d)), d); undefined",
        );
        timers.tick(ms(0)).unwrap();
        assert_eq!(log(&ctx), "undefined,null,NaN,-5,Infinity");
        timers.tick(ms(5)).unwrap();
        assert_eq!(log(&ctx), "4294967297,true,2.9,3,4");
        let code = "const errors = [];
            for (const f of [() => setTimeout(), () => setInterval(), () => setTimeout(() => {}, 1n), () => setTimeout(() => {}, Symbol())])
                try { f() } catch (e) { errors.push(e.name) }
            [errors.join(), setTimeout.length, setTimeout.name, Object.keys(globalThis).filter(k => /(Timeout|Interval)$/.test(k)).length].join()";
        assert_eq!(eval_code::<String>(&ctx, code), "TypeError,TypeError,TypeError,TypeError,1,setTimeout,4");
    }
);

engine_test!(
    async fn awaited_sleeps_work_on_each_clock(engine) {
        let sleep = "const sleep = ms => new Promise(r => setTimeout(r, ms)); (async () => { await sleep(20); await sleep(5); return 'done' })()";
        for clock in [Clock::VirtualAutoAdvance, Clock::Real] {
            let ctx = create_clock_context(engine, clock);
            set_up(&ctx);
            assert_eq!(eval_code_async::<String>(&ctx, sleep).await, "done", "{clock:?}");
            assert!(ctx.now() >= ms(25), "{clock:?}");
        }
        let ctx = create_clock_context(engine, Clock::VirtualAutoAdvance);
        set_up(&ctx);
        ctx.define_async_function("host", || async {
            tokio::time::sleep(ms(30)).await;
            "host"
        })
        .unwrap();
        let race = "Promise.race([host(), new Promise(r => setTimeout(r, 1000, 'timer'))])";
        assert_eq!(eval_code_async::<String>(&ctx, race).await, "host", "time does not jump past a call in flight");
    }
);

engine_test!(
    fn the_handle_clears_counts_and_disposes(engine) {
        let ctx = create_test_context(engine);
        let timers = set_up(&ctx);
        let again = setup_timers(&ctx, TimersOptions::default()).unwrap();
        eval_code::<()>(&ctx, "setTimeout(note, 1, 1); setInterval(note, 1, 2); undefined");
        assert_eq!((timers.pending(), again.pending()), (2, 2));
        timers.clear_all();
        timers.tick(ms(10)).unwrap();
        assert_eq!((log(&ctx).as_str(), timers.pending()), ("", 0));
        eval_code::<()>(&ctx, "setTimeout(note, 1, 'still'); undefined");
        timers.tick(ms(10)).unwrap();
        assert_eq!(log(&ctx), "still");
        timers.dispose();
        timers.dispose();
        assert_eq!(eval_code::<String>(&ctx, "try { setTimeout(note) } catch (e) { e.name }"), "InvalidStateError");
    }
);

engine_test!(
    fn timers_are_limited_and_their_memory_counts(engine) {
        let ctx = create_limited_context(engine, Limits::new().timers(10));
        let timers = set_up(&ctx);
        let code = "try { for (;;) setTimeout(note) } catch (e) { e.name }";
        assert_eq!(eval_code::<String>(&ctx, code), "QuotaExceededError");
        assert_eq!(timers.pending(), 10);
        let ctx = create_limited_context(engine, Limits::new().memory(16 << 20));
        set_up(&ctx);
        let e = ctx.evaluate("const f = () => {}; for (;;) setTimeout(f, 1000)", "t.js").unwrap_err();
        assert_eq!(e.terminated(), Some(Termination::Memory));
        let ctx = create_limited_context(engine, Limits::new());
        let timers = set_up(&ctx);
        eval_code::<()>(&ctx, "for (let i = 0; i < 50000; i++) setTimeout(note, i); undefined");
        assert!(ctx.memory_usage().host > 5_000_000);
        timers.clear_all();
        assert!(ctx.memory_usage().host < 1_000_000, "{:?}", ctx.memory_usage());
    }
);

engine_test!(
    fn a_timer_that_never_returns_is_stopped(engine) {
        let ctx = create_limited_context(engine, Limits::new().wall_time(ms(30)));
        let timers = set_up(&ctx);
        eval_code::<()>(&ctx, "setTimeout(() => { try { for (;;) {} } finally { note(1) } }, 5); setTimeout(note, 6, 2); undefined");
        let e = timers.tick(ms(10)).unwrap_err();
        assert_eq!(e.terminated(), Some(Termination::Deadline));
        assert_eq!(timers.pending(), 0);
        assert!(ctx.evaluate("1", "t.js").is_err());
    }
);

engine_test!(
    fn patched_builtins_change_nothing(engine) {
        let ctx = create_test_context(engine);
        let timers = set_up(&ctx);
        eval_code::<()>(
            &ctx,
            "const push = Array.prototype.push.bind(log);
             for (const k of Reflect.ownKeys(Map.prototype)) try { Map.prototype[k] = null } catch {}
             Map.prototype.get = Map.prototype.set = Map.prototype.delete = () => { throw 1 };
             Array.prototype[Symbol.iterator] = Function.prototype.call = Function.prototype.apply = null;
             Object.defineProperty(Object.prototype, 'repeat', { get() { return true }, configurable: true });
             setTimeout((a, b) => push(a + b), 5, 1, 2); const id = setInterval(() => { push('i'); clearInterval(id) }, 5); undefined",
        );
        timers.tick(ms(20)).unwrap();
        assert_eq!(eval_code::<u32>(&ctx, "log.length"), 2);
        assert_eq!(timers.pending(), 0);
    }
);

engine_test!(
    async fn time_does_not_jump_over_tasks(engine) {
        let ctx = create_clock_context(engine, Clock::VirtualAutoAdvance);
        setup_timers(&ctx, TimersOptions::default()).unwrap();
        let code = "const log = [], { port1, port2 } = new MessageChannel();
            port1.onmessage = (e) => { log.push(e.data, performance.now()); if (e.data < 3) port2.postMessage(e.data + 1); };
            port2.postMessage(1);
            await new Promise((resolve) => setTimeout(resolve, 1));
            log.join()";
        assert_eq!(eval_code_async::<String>(&ctx, code).await, "1,0,2,0,3,0");
    }
);

engine_test!(
    async fn what_callbacks_throw_fires_error_events(engine) {
        let ctx = create_clock_context(engine, Clock::VirtualAutoAdvance);
        setup_timers(&ctx, TimersOptions::default()).unwrap();
        let told = Rc::new(Cell::new(0));
        let t = told.clone();
        ctx.on_uncaught(move |_| t.set(t.get() + 1));
        let code = "const log = []; addEventListener('error', (e) => { log.push(e.error, e.lineno); if (e.error === 1) e.preventDefault() });
            setTimeout(() => { throw 1 }); setTimeout(() => { throw 2 });
            await new Promise((resolve) => setTimeout(resolve, 1));
            log.join()";
        assert_eq!(eval_code_async::<String>(&ctx, code).await, "1,0,2,0");
        assert_eq!(told.get(), 1);
    }
);
