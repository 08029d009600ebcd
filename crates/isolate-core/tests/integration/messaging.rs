//! Messages between ports and channels, and tasks of the event loop, on every engine.

use std::time::Duration;

use isolate_core::Clock;
use isolate_test_utils::{
    create_clock_context, create_test_context, engine_test, eval_code, eval_code_async, eval_code_json,
};
use serde_json::{Value, json};

engine_test!(
    async fn messages_arrive_in_order_as_tasks(engine) {
        let ctx = create_test_context(engine);
        let code = "const { port1, port2 } = new MessageChannel(), log = [];
            const done = new Promise((resolve) => {
                port1.addEventListener('message', (e) => {
                    log.push(e.data, e instanceof MessageEvent, e.origin, e.source, e.ports.length, e.isTrusted, e.target === port1);
                    Promise.resolve().then(() => log.push('microtask ' + e.data));
                    if (e.data === 2) resolve();
                });
            });
            port2.postMessage(1); port2.postMessage(2);
            Promise.resolve().then(() => log.push('before'));
            port1.start();
            await done;
            JSON.stringify(log)";
        let text: String = eval_code_async(&ctx, code).await;
        let log: Value = serde_json::from_str(&text).unwrap();
        let of = |n: u8| vec![json!(n), json!(true), json!(""), json!(null), json!(0), json!(true), json!(true)];
        let mut wanted = vec![json!("before")];
        wanted.extend(of(1));
        wanted.push(json!("microtask 1"));
        wanted.extend(of(2));
        // The promise that was awaited is resolved before the reaction that logs is queued.
        let log = log.as_array().unwrap();
        assert_eq!(&log[..wanted.len()], &wanted[..]);
    }
);

engine_test!(
    async fn ports_wait_until_they_are_started_and_move_with_their_messages(engine) {
        let ctx = create_test_context(engine);
        eval_code::<f64>(
            &ctx,
            "globalThis.log = []; const a = new MessageChannel(), b = new MessageChannel();
            a.port1.postMessage('early');
            b.port2.onmessage = (e) => {
                const [port] = e.ports;
                log.push(e.data, e.ports.length, port instanceof MessagePort, Object.isFrozen(e.ports));
                port.onmessage = (m) => log.push(m.data, m.target === port);
                a.port1.postMessage('late');
            };
            b.port1.postMessage('take it', [a.port2]);
            a.port1.postMessage('meanwhile');
            a.port2.onmessage = () => log.push('unreached');
            a.port2.postMessage('nowhere'); 0",
        );
        ctx.run_until_idle().await.unwrap();
        assert_eq!(
            eval_code_json::<Value>(&ctx, "JSON.stringify(log)"),
            json!(["take it", 1, true, true, "early", true, "meanwhile", true, "late", true])
        );
    }
);

engine_test!(
    async fn messages_are_clones_and_closed_ports_are_silent(engine) {
        let ctx = create_test_context(engine);
        let code = "globalThis.log = []; const { port1, port2 } = new MessageChannel(), sent = { x: [1] };
            const name = (f) => { try { f() } catch (e) { return e.name } };
            port2.onmessage = (e) => log.push(e.data.x[0], e.data !== sent);
            port2.onclose = (e) => log.push(e.type);
            port1.postMessage(sent);
            sent.x[0] = 2;
            log.push(name(() => port1.postMessage(() => {})), name(() => port1.postMessage(1, [port1])), name(() => port1.postMessage()),
                name(() => new MessagePort()), name(() => port1.postMessage(1, { transfer: [1] })));
            setTimeoutLike = () => { port1.close(); port1.postMessage('gone'); port2.postMessage('gone too'); port1.close(); };
            var setTimeoutLike; 0";
        eval_code::<f64>(&ctx, code);
        ctx.run_until_idle().await.unwrap();
        eval_code::<f64>(&ctx, "setTimeoutLike(); 0");
        ctx.run_until_idle().await.unwrap();
        assert_eq!(
            eval_code_json::<Value>(&ctx, "JSON.stringify(log)"),
            json!(["DataCloneError", "DataCloneError", "TypeError", "TypeError", "TypeError", 1, true, "close"])
        );
    }
);

engine_test!(
    async fn channels_broadcast_to_all_others_of_their_name(engine) {
        let ctx = create_test_context(engine);
        let code = "globalThis.log = []; const [a, b, c, other] = ['n', 'n', 'n', 'm'].map((n) => new BroadcastChannel(n));
            for (const [k, ch] of Object.entries({ a, b, c, other })) ch.onmessage = (e) => { log.push(k, e.data.v); e.data.v = 'changed' };
            let reads = 0;
            a.postMessage({ get v() { return ++reads } });
            c.close(); c.close();
            let refused; try { c.postMessage(1) } catch (e) { refused = e.name }
            log.push(a.name, refused); 0";
        eval_code::<f64>(&ctx, code);
        ctx.run_until_idle().await.unwrap();
        assert_eq!(
            eval_code_json::<Value>(&ctx, "JSON.stringify(log)"),
            json!(["n", "InvalidStateError", "b", 1])
        );
    }
);

engine_test!(
    async fn tasks_take_turns_and_idle_ports_end_nothing(engine) {
        let ctx = create_clock_context(engine, Clock::Real);
        // An open port that nobody writes to.
        eval_code::<f64>(&ctx, "globalThis.c = new MessageChannel(); c.port1.onmessage = () => {}; 0");
        ctx.run_until_idle().await.unwrap();
        // Two ports that write to each other for ever do not keep a host call from its answer.
        ctx.define_async_function("pause", || tokio::time::sleep(Duration::from_millis(5))).unwrap();
        let code = "const { port1, port2 } = new MessageChannel(); let n = 0;
            port1.onmessage = port2.onmessage = (e) => { n++; e.target.postMessage(0) };
            port1.postMessage(0);
            await pause();
            port1.close();
            n > 1";
        assert!(eval_code_async::<bool>(&ctx, code).await);
    }
);

engine_test!(
    fn a_tick_runs_tasks_too(engine) {
        let ctx = create_test_context(engine);
        eval_code::<f64>(&ctx, "globalThis.got = 0; const { port1, port2 } = new MessageChannel(); port1.onmessage = (e) => { got += e.data; }; port2.postMessage(5); 0");
        assert_eq!(eval_code::<f64>(&ctx, "got"), 0.0);
        ctx.tick(Duration::ZERO).unwrap();
        assert_eq!(eval_code::<f64>(&ctx, "got"), 5.0);
    }
);
