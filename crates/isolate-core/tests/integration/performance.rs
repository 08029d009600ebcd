//! Times and measurements, on every engine.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use isolate_core::Clock;
use isolate_test_utils::{create_clock_context, create_test_context, engine_test, eval_code, eval_code_json};
use serde_json::{Value, json};

engine_test!(
    fn now_is_the_clock_of_the_context(engine) {
        let ctx = create_test_context(engine);
        assert_eq!(eval_code::<f64>(&ctx, "performance.now()"), 0.0);
        ctx.tick(Duration::from_micros(1500)).unwrap();
        assert_eq!(eval_code::<f64>(&ctx, "performance.now()"), 1.5);
        assert_eq!(eval_code::<f64>(&ctx, "new Event('x').timeStamp"), 1.5);
        for clock in [Clock::Real, Clock::Virtual] {
            let ctx = create_clock_context(engine, clock);
            let origin: f64 = eval_code(&ctx, "performance.timeOrigin");
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64() * 1000.0;
            assert!(origin <= now && origin > now - 60_000.0, "{origin} {now}");
        }
        let ctx = create_clock_context(engine, Clock::Real);
        let code = "const a = performance.now(); let b; while ((b = performance.now()) === a); b - a";
        assert!(eval_code::<f64>(&ctx, code) >= 0.0049);
    }
);

engine_test!(
    fn marks_and_measures(engine) {
        let ctx = create_test_context(engine);
        ctx.tick(Duration::from_millis(100)).unwrap();
        let code = "const name = (f) => { try { f() } catch (e) { return e.name } }, d = { x: 1 };
            const m = performance.mark('a', { startTime: 10, detail: d });
            performance.mark('b');
            const show = (e) => [e.name, e.entryType, e.startTime, e.duration];
            JSON.stringify([
                show(m), m.detail.x, m.detail !== d, m instanceof PerformanceEntry,
                show(performance.measure('1')), show(performance.measure('2', 'a')), show(performance.measure('3', 'a', 'b')),
                show(performance.measure('4', { start: 'a', duration: 5 })), show(performance.measure('5', { end: 50, duration: 5 })),
                show(performance.measure('6', undefined, 'a')),
                performance.getEntries().map((e) => e.name).join(), performance.getEntriesByType('mark').length,
                performance.getEntriesByName('a', 'measure').length,
                (performance.clearMarks('a'), performance.getEntriesByType('mark').map((e) => e.name)),
                (performance.clearMeasures(), performance.getEntries().length),
                name(() => performance.measure('x', 'a')), name(() => performance.measure('x', { start: -1 })),
                name(() => performance.measure('x', { detail: 1 })), name(() => performance.mark('x', { startTime: -1 })),
                name(() => performance.measure('x', 'navigationStart')), name(() => new PerformanceEntry()),
                performance.toJSON().timeOrigin === performance.timeOrigin, m.toJSON().name, performance instanceof EventTarget,
                Object.prototype.toString.call(performance) ])";
        assert_eq!(
            eval_code_json::<Value>(&ctx, code),
            json!([
                ["a", "mark", 10, 0], 1, true, true, ["1", "measure", 0, 100], ["2", "measure", 10, 90],
                ["3", "measure", 10, 90], ["4", "measure", 10, 5], ["5", "measure", 45, 5], ["6", "measure", 0, 10],
                "1,6,a,2,3,4,5,b", 2, 0, ["b"], 1, "SyntaxError", "TypeError", "TypeError", "TypeError", "TypeError",
                "TypeError", true, "a", true, "[object Performance]"
            ])
        );
    }
);

engine_test!(
    async fn observers_hear_of_entries(engine) {
        let ctx = create_test_context(engine);
        let code = "globalThis.log = []; performance.mark('old');
            const hear = (n) => (list, observer, options) => log.push(n, list.getEntries().map((e) => e.name).join(),
                list.getEntriesByType('mark').length, observer instanceof PerformanceObserver, options.droppedEntriesCount ?? null);
            globalThis.all = new PerformanceObserver(hear('all')); all.observe({ entryTypes: ['mark', 'measure', 'odd'] });
            new PerformanceObserver(hear('buffered')).observe({ type: 'mark', buffered: true });
            const taken = new PerformanceObserver(hear('taken')); taken.observe({ type: 'measure' });
            performance.mark('new'); performance.measure('m');
            const name = (f) => { try { f() } catch (e) { return e.name } };
            log.push(taken.takeRecords().length, name(() => taken.observe({ entryTypes: ['mark'] })), name(() => taken.observe({})),
                name(() => taken.observe({ entryTypes: [], type: 'mark' })), PerformanceObserver.supportedEntryTypes.join(),
                PerformanceObserver.supportedEntryTypes === PerformanceObserver.supportedEntryTypes); 0";
        eval_code::<f64>(&ctx, code);
        ctx.run_until_idle().await.unwrap();
        assert_eq!(
            eval_code_json::<Value>(&ctx, "JSON.stringify(log.splice(0))"),
            json!([
                1, "InvalidModificationError", "TypeError", "TypeError", "mark,measure", true, "all", "new,m", 1, true, 0,
                "buffered", "old,new", 2, true, 0
            ])
        );
        eval_code::<f64>(&ctx, "all.disconnect(); performance.measure('unheard'); all.observe({ type: 'measure' }); performance.measure('again'); 0");
        ctx.run_until_idle().await.unwrap();
        let log: Value = eval_code_json(&ctx, "JSON.stringify(log)");
        assert!(log.as_array().unwrap().contains(&json!("again")), "{log}");
        assert!(!log.to_string().contains("all\",\"unheard"), "{log}");
    }
);
