//! The runtime, driven from outside of its thread.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use isolate_runtime::{
    Clock, ConsoleOptions, Error, ErrorKind, EvalOptions, FromValue, IntoValue, Limits, ReadableStream, Runtime,
    RuntimeOptions, Termination, Value, create_runtime, engine_by_name, engines,
};

/// Runs a test on every engine, each on a runtime of Tokio's that has one thread.
fn on_every_engine<F: Future<Output = ()>>(test: impl Fn(RuntimeOptions) -> F) {
    for engine in engines() {
        println!("on {}:", engine.name());
        isolate_test_utils::block_on(test(RuntimeOptions::new().engine_arc(engine)));
    }
}

fn stop(result: Result<Value, Error>) -> Option<Termination> {
    result.unwrap_err().terminated()
}

#[test]
fn evaluates_calls_and_converts() {
    on_every_engine(|options| async {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let out = lines.clone();
        let console = ConsoleOptions::new().on_log(move |e| out.lock().unwrap().push(e.text.clone()));
        let rt = create_runtime(options.console(console).setup(|ctx| ctx.define_function("double", |n: f64| n * 2.0)))
            .await
            .unwrap();
        assert_eq!(rt.eval("double(21)", ()).await.unwrap(), 42.into());
        assert_eq!(rt.eval_as::<Vec<u8>>("[1, 2]", "main.js").await.unwrap(), [1, 2]);
        assert_eq!(rt.eval_as::<u8>("await Promise.resolve(7)", ()).await.unwrap(), 7);
        rt.eval("console.log('hello', { from: 'guest' })", ()).await.unwrap();
        assert_eq!(*lines.lock().unwrap(), ["hello { from: 'guest' }"]);
        let f = rt.eval("async (a, b) => a + b", ()).await.unwrap();
        let sum = rt.call(f.as_function().unwrap(), vec![1.into(), 2.into()]).await.unwrap();
        assert_eq!(sum, 3.into());
        let e = rt.eval("null.x", "main.js").await.unwrap_err();
        assert_eq!(e.exception().unwrap().location.as_ref().unwrap().file, "main.js");
        for (source, text) in [
            ("({ a: new Map([[1, 2]]) })", "{ a: Map(1) { 1 => 2 } }"),
            ("'text'", "'text'"),
            ("undefined", "undefined"),
            ("await Promise.resolve('x')", "'x'"),
            ("Promise.resolve(5)", "5"),
            ("const c = {}; c.c = c; c", "<ref *1> { c: [Circular *1] }"),
            ("class A {}; A", "[class A]"),
        ] {
            assert_eq!(rt.eval_display(source, (), false).await.unwrap(), text, "{source}");
        }
        // A function of the guest's makes something of what could not cross.
        let kind = rt.eval("(v) => Object.prototype.toString.call(v)", ()).await.unwrap();
        for (source, text) in
            [("Symbol()", "Symbol"), ("Promise.resolve(1)", "Promise"), ("await Promise.resolve(1)", "Number")]
        {
            let applied = rt.eval_apply(source, (), kind.as_function().unwrap()).await.unwrap();
            assert_eq!(applied, format!("[object {text}]").as_str().into(), "{source}");
        }
        rt.dispose().await;
    });
}

#[test]
fn engines_are_chosen_by_name() {
    for engine in engines() {
        assert_eq!(engine_by_name(engine.name()).unwrap().name(), engine.name());
    }
    for (name, feature) in [("quickjs", cfg!(feature = "quickjs")), ("v8", cfg!(feature = "v8"))] {
        let found = engine_by_name(name);
        assert_eq!(found.is_ok(), feature, "{name}");
        let adds = format!("the Cargo feature `{name}` adds it");
        assert!(found.is_ok_and(|e| e.name() == name) || engine_by_name(name).unwrap_err().to_string().contains(&adds));
    }
    let error = engine_by_name("spidermonkey").unwrap_err().to_string();
    assert!(error.starts_with("there is no engine 'spidermonkey'"), "{error}");
}

#[test]
fn engines_run_side_by_side() {
    isolate_test_utils::block_on(async {
        // Threads serve one runtime after another, whatever its engine, and stacks of all sizes are large enough.
        for round in 0..4 {
            let mut runtimes = Vec::new();
            for stack in [64 << 10, 1 << 20] {
                for engine in engines() {
                    let name = engine.name();
                    let options = RuntimeOptions::new().engine_arc(engine).limits(Limits::new().stack(stack));
                    let options = options.setup(move |ctx| {
                        assert_eq!(ctx.engine_name(), name);
                        ctx.define_async_function("name", move || async move { name })
                    });
                    runtimes.push((name, create_runtime(options).await.unwrap()));
                }
            }
            let answers =
                runtimes.iter().map(|(_, rt)| rt.eval_as::<String>("globalThis.mine = await name(); mine", ()));
            let answers = futures_util::future::join_all(answers).await;
            for ((name, rt), answer) in runtimes.iter().zip(answers) {
                assert_eq!(answer.unwrap(), *name);
                let deep = "let n = 0; (function f() { n++; f() })()";
                let error = rt.eval(deep, ()).await.unwrap_err();
                assert_eq!(error.exception().unwrap().name, "RangeError", "{name}: {error}");
                assert_eq!(rt.eval_as::<String>("mine", ()).await.unwrap(), *name);
                if round % 2 == 0 {
                    rt.dispose().await;
                }
            }
        }
    });
}

#[test]
fn streams_flow_between_threads() {
    on_every_engine(|options| async {
        let rt = create_runtime(options).await.unwrap();
        let count = |stream: ReadableStream| async move { stream.read_all(1 << 20).await.map(|all| all.len()) };
        rt.with_context(move |ctx| ctx.define_async_function("count", count)).await.unwrap().unwrap();
        // From the guest to this thread, through a host stream, and back.
        let value = rt
            .eval("let n = 0; new ReadableStream({ pull(c) { n++ < 100 ? c.enqueue(new Uint8Array(1000)) : c.close() } })", ())
            .await
            .unwrap();
        let stream = ReadableStream::from_value(value).unwrap();
        let halves = stream.map(|chunk| {
            let chunk = chunk?;
            Ok::<Bytes, Error>(chunk.slice(..chunk.len() / 2))
        });
        let f = rt.eval("(s) => count(s)", ()).await.unwrap();
        let halves = ReadableStream::new(halves).into_value().unwrap();
        assert_eq!(rt.call(f.as_function().unwrap(), vec![halves]).await.unwrap(), 50_000.into());
        // Between two runtimes.
        let other = create_runtime(RuntimeOptions::new()).await.unwrap();
        let stream = rt.eval("ReadableStream.from([new Uint8Array(3), new Uint8Array(4)])", ()).await.unwrap();
        let f = other
            .eval("async (s) => { let n = 0; for await (const c of s) n += c.length; return n }", ())
            .await
            .unwrap();
        assert_eq!(other.call(f.as_function().unwrap(), vec![stream]).await.unwrap(), 7.into());
        // A runtime that ends ends its streams.
        let stream = rt.eval("new ReadableStream()", ()).await.unwrap();
        let mut stream = ReadableStream::from_value(stream).unwrap();
        rt.dispose().await;
        assert!(stream.next().await.unwrap().is_err());
    });
}

#[test]
fn one_runtime_serves_many_tasks_at_once() {
    on_every_engine(|options| async {
        let rt = create_runtime(options.clock(Clock::Virtual)).await.unwrap();
        let waiting = rt.eval_as::<String>("new Promise(r => setTimeout(r, 50, 'ticked'))", ());
        let ticking = async {
            assert_eq!(rt.eval_as::<u8>("1", ()).await.unwrap(), 1, "others run while one awaits");
            for _ in 0..10 {
                rt.tick(Duration::from_millis(10)).await.unwrap();
            }
        };
        let (text, ()) = futures_util::future::join(waiting, ticking).await;
        assert_eq!(text.unwrap(), "ticked");
        let settle = rt.eval_as::<u8>("new Promise(r => globalThis.settle = r)", ());
        let by_another = async { rt.eval("settle(9)", ()).await.unwrap() };
        assert_eq!(futures_util::future::join(settle, by_another).await.0.unwrap(), 9);
        let other = rt.clone();
        let threads: Vec<_> = (0..4u32)
            .map(|i| {
                let rt = other.clone();
                std::thread::spawn(move || {
                    isolate_test_utils::block_on(async {
                        for n in 0..50u32 {
                            assert_eq!(rt.eval_as::<u32>(format!("{i} * {n}"), ()).await.unwrap(), i * n);
                        }
                    });
                })
            })
            .collect();
        threads.into_iter().for_each(|t| t.join().unwrap());
    });
}

#[test]
fn a_stop_is_final_and_typed() {
    on_every_engine(|_| async {
        let deadline = EvalOptions::new().deadline(Duration::from_millis(30));
        for (limits, source, options, reason) in [
            (Limits::new(), "for (;;) {}", deadline.clone(), Termination::Deadline),
            (Limits::new(), "await new Promise(() => {})", deadline.clone(), Termination::Deadline),
            (Limits::new(), "(async () => { for (;;) await null })()", deadline.clone(), Termination::Deadline),
            (Limits::new().wall_time(Duration::from_millis(30)), "for (;;) {}", ().into(), Termination::Deadline),
            (Limits::new().cpu_time(Duration::from_millis(30)), "for (;;) {}", ().into(), Termination::Cpu),
            (Limits::new(), "for (;;) {}", EvalOptions::new().cpu_time(Duration::from_millis(30)), Termination::Cpu),
            (Limits::new().memory(8 << 20), "const a = []; for (;;) a.push({})", ().into(), Termination::Memory),
        ] {
            let rt = create_runtime(RuntimeOptions::new().limits(limits)).await.unwrap();
            assert_eq!(stop(rt.eval(source, options).await), Some(reason), "{source}");
            assert_eq!(stop(rt.eval("1", ()).await), Some(reason));
            assert_eq!(rt.tick(Duration::ZERO).await.unwrap_err().terminated(), Some(reason));
            assert_eq!(rt.stopped(), Some(reason));
            rt.memory_usage().await.unwrap();
            rt.dispose().await;
        }
    });
}

#[test]
fn cancellation_by_token_and_by_interrupter() {
    on_every_engine(|options| async move {
        let rt = create_runtime(options).await.unwrap();
        let interrupter = rt.interrupter();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            interrupter.terminate(Termination::Cancelled);
        });
        assert_eq!(stop(rt.eval("for (;;) {}", ()).await), Some(Termination::Cancelled));
    });
}

fn never(rt: RuntimeOptions) -> RuntimeOptions {
    rt.setup(|ctx| ctx.define_async_function("never", std::future::pending::<()>))
}

#[test]
fn dispose_ends_whatever_is_under_way() {
    on_every_engine(|options| async move {
        let rt = create_runtime(never(options).clock(Clock::Real)).await.unwrap();
        let disposing = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            rt.dispose().await;
            rt.dispose().await;
        };
        let pending = rt.eval("await never()", ());
        let timer = rt.eval("await new Promise(r => setTimeout(r, 1e6))", ());
        let (a, b, ()) = futures_util::future::join3(pending, timer, disposing).await;
        assert_eq!(a.unwrap_err().kind(), ErrorKind::Disposed);
        assert_eq!(b.unwrap_err().kind(), ErrorKind::Disposed);
        assert_eq!(rt.eval("1", ()).await.unwrap_err().kind(), ErrorKind::Disposed);
        assert_eq!(rt.tick(Duration::ZERO).await.unwrap_err().kind(), ErrorKind::Disposed);
    });
}

#[test]
fn dispose_from_another_thread_while_the_guest_runs() {
    on_every_engine(|options| async move {
        for source in
            ["for (;;) {}", "(async () => { for (;;) await null })()", "setInterval(() => { for (;;) {} }, 1)"]
        {
            let rt = create_runtime(RuntimeOptions::new().clock(Clock::Real)).await.unwrap();
            let other = rt.clone();
            let thread = std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(20));
                isolate_test_utils::block_on(futures_util::future::join(other.dispose(), other.dispose()));
            });
            let _ = rt.eval(source, ()).await;
            thread.join().unwrap();
            assert_eq!(rt.eval("1", ()).await.unwrap_err().kind(), ErrorKind::Disposed, "{source}");
        }
        drop(options);
    });
}

#[test]
fn dropping_the_last_handle_stops_the_guest_and_drops_host_futures() {
    struct Told(std::sync::mpsc::Sender<()>);
    impl Drop for Told {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }
    on_every_engine(|options| async {
        let (told, heard) = std::sync::mpsc::channel();
        let options = options.setup(move |ctx| {
            ctx.define_async_function("never", move || {
                let told = Told(told.clone());
                async move {
                    let _told = told;
                    std::future::pending::<()>().await;
                }
            })
        });
        let rt = create_runtime(options).await.unwrap();
        rt.eval("never(); 0", ()).await.unwrap();
        drop(rt);
        heard.recv_timeout(Duration::from_secs(20)).expect("the host future was dropped");
        let rt = create_runtime(RuntimeOptions::new()).await.unwrap();
        let future = rt.eval("for (;;) {}", ());
        drop(tokio::time::timeout(Duration::from_millis(20), future).await);
        drop(rt);
    });
}

#[test]
fn a_failing_setup_is_an_error_and_a_panicking_closure_too() {
    on_every_engine(|options| async {
        let failing = options.setup(|ctx| ctx.evaluate("throw new RangeError('set up')", "s.js").map(|_| ()));
        let e = create_runtime(failing).await.unwrap_err();
        assert_eq!(e.exception().unwrap().message, "set up");
        let e = create_runtime(RuntimeOptions::new().setup(|_| panic!("expected by this test"))).await.unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Engine);
        let e = create_runtime(RuntimeOptions::new().limits(Limits::new().memory(1000))).await.unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Engine);
        let rt = create_runtime(RuntimeOptions::new()).await.unwrap();
        let e = rt.with_context(|_| panic!("expected by this test")).await.unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Engine);
        assert_eq!(rt.eval_as::<u8>("1", ()).await.unwrap(), 1);
    });
}

#[test]
fn uncaught_errors_reach_the_hook() {
    on_every_engine(|options| async {
        let told = Arc::new(Mutex::new(Vec::new()));
        let t = told.clone();
        let options = options.on_uncaught(move |u| t.lock().unwrap().push(u.exception.to_string()));
        let rt = create_runtime(options.clock(Clock::VirtualAutoAdvance)).await.unwrap();
        rt.eval("Promise.reject(new Error('lost')); setTimeout(() => { throw new TypeError('timer') }, 5); 0", ())
            .await
            .unwrap();
        let e = rt.eval("await Promise.reject(new Error('mine'))", ()).await.unwrap_err();
        assert_eq!(e.exception().unwrap().message, "mine");
        rt.run_until_idle().await.unwrap();
        assert_eq!(*told.lock().unwrap(), ["Error: lost", "TypeError: timer"]);
    });
}

#[test]
fn the_real_clock_runs_without_being_asked() {
    on_every_engine(|options| async {
        let rt = create_runtime(options.clock(Clock::Real)).await.unwrap();
        let start = Instant::now();
        let text = rt.eval_as::<String>("await new Promise(r => setTimeout(r, 20, 'real'))", ()).await.unwrap();
        assert_eq!(text, "real");
        assert!(start.elapsed() >= Duration::from_millis(20));
        let e = rt.eval("await new Promise(() => {})", EvalOptions::new().fail_when_idle()).await.unwrap_err();
        assert_eq!(e.kind(), ErrorKind::NeverSettles);
    });
}

#[test]
fn handles_give_the_packages_state() {
    on_every_engine(|options| async {
        let rt = create_runtime(options).await.unwrap();
        rt.eval("console.count('a'); console.group(); setTimeout(() => {}, 5)", ()).await.unwrap();
        let state = rt
            .with_handles(|_, h| (h.console.counters()["a"], h.console.group_depth(), h.timers.pending()))
            .await
            .unwrap();
        assert_eq!(state, (1, 1, 1));
    });
}

#[test]
fn runtimes_are_independent_and_many() {
    on_every_engine(|_| async {
        let all = futures_util::future::join_all((0..50).map(|_| create_runtime(RuntimeOptions::new()))).await;
        let all: Vec<Runtime> = all.into_iter().map(Result::unwrap).collect();
        let evals = all.iter().enumerate().map(|(i, rt)| rt.eval_as::<usize>(format!("globalThis.n = {i}; n"), ()));
        let results = futures_util::future::join_all(evals).await;
        assert!(results.into_iter().enumerate().all(|(i, r)| r.unwrap() == i));
    });
}

#[test]
fn a_runtime_is_send_sync_and_clone() {
    fn check<T: Send + Sync + Clone>() {}
    check::<Runtime>();
}

#[tokio::test]
async fn a_guest_that_does_not_stop_is_left_to_itself() {
    // A native loop of QuickJS that nothing reaches, for about half a minute. It ends with this process.
    let limits = Limits::new().wall_time(Duration::from_millis(50)).memory(None);
    let options = RuntimeOptions::new().limits(limits).stop_grace(Duration::from_millis(100));
    let rt = create_runtime(options).await.unwrap();
    assert!(!rt.is_abandoned());
    let error = rt.eval("new Array(1e9) + ''", "stuck.js").await.unwrap_err();
    assert_eq!(error.terminated(), Some(Termination::Deadline));
    assert!(rt.is_abandoned());
    assert_eq!(isolate_runtime::abandoned_threads(), 1);
    let again = rt.eval("1", "again.js").await.unwrap_err();
    assert_eq!(again.terminated(), Some(Termination::Deadline));
    rt.dispose().await;
    // Others are served by other threads.
    let other = create_runtime(RuntimeOptions::new()).await.unwrap();
    assert_eq!(other.eval("1 + 1", "t.js").await.unwrap(), 2.into());
    assert!(!other.is_abandoned());
}

#[test]
fn metrics_count_what_a_guest_does_and_uses() {
    on_every_engine(|options| async {
        let rt = create_runtime(options.setup(|ctx| {
            ctx.define_function("echo", |text: String| text)?;
            ctx.define_async_function("later", |n: f64| async move {
                tokio::task::yield_now().await;
                n
            })
        }))
        .await
        .unwrap();
        let start = rt.metrics();
        assert_eq!((start.evaluations, start.host_calls), (0, 0));
        assert!(start.memory > 10_000 && start.cpu_time > Duration::ZERO);
        // 1,000 bytes and a node there; the same back, and once more as the result.
        rt.eval("echo('x'.repeat(1000))", ()).await.unwrap();
        let m = rt.metrics();
        assert_eq!((m.evaluations, m.host_calls), (1, 1));
        assert_eq!((m.bytes_in, m.bytes_out), (1064, 2128));
        rt.eval("await Promise.all([later(1), later(2)]); undefined", ()).await.unwrap();
        let m = rt.metrics();
        assert_eq!((m.evaluations, m.host_calls), (2, 3));
        assert_eq!((m.bytes_in, m.bytes_out), (1064 + 2 * 64, 2128 + 2 * 64 + 64));
        let before = rt.metrics().cpu_time;
        rt.eval("globalThis.kept = new Uint8Array(20 << 20); for (let i = 0; i < 1e6; i++) ; 1", ()).await.unwrap();
        let m = rt.metrics();
        assert!(m.cpu_time > before);
        assert!(m.memory > 20 << 20 && m.peak_memory >= m.memory, "{m:?}");
        rt.dispose().await;
        assert_eq!(rt.metrics().evaluations, 3, "they outlast the runtime");
    });
}

#[test]
fn handles_reach_the_packages_from_afar() {
    on_every_engine(|options| async {
        let rt = create_runtime(options).await.unwrap();
        rt.eval("console.count('a'); console.count('a'); console.group('g'); console.time('t')", ()).await.unwrap();
        assert_eq!(rt.console().counters().await.unwrap()["a"], 2);
        assert_eq!(rt.console().group_depth().await.unwrap(), 1);
        assert!(rt.console().timers().await.unwrap().contains_key("t"));
        rt.console().reset().await.unwrap();
        assert!(rt.console().counters().await.unwrap().is_empty());
        rt.eval("globalThis.fired = 0; setInterval(() => fired++, 100); setTimeout(() => {}, 5000)", ()).await.unwrap();
        let timers = rt.timers();
        assert_eq!(timers.pending().await.unwrap(), 2);
        timers.tick(Duration::from_millis(350)).await.unwrap();
        assert_eq!(rt.eval_as::<f64>("fired", ()).await.unwrap(), 3.0);
        timers.clear_all().await.unwrap();
        assert_eq!(timers.pending().await.unwrap(), 0);
        rt.path().set_working_directory("/work").await.unwrap();
        assert_eq!(rt.eval_as::<String>("path.resolve('x')", ()).await.unwrap(), "/work/x");
        assert_eq!(rt.path().working_directory().await.unwrap(), "/work");
        assert!(rt.path().set_working_directory("relative").await.is_err());
        rt.dispose().await;
        assert_eq!(timers.pending().await.unwrap_err().kind(), ErrorKind::Disposed);
    });
}

#[cfg(all(feature = "crypto", feature = "fetch", feature = "fs"))]
#[test]
fn handles_of_packages_that_can_be_left_out() {
    on_every_engine(|options| async {
        let fs = isolate_runtime::FsOptions::new().handler(isolate_runtime::MemoryFileSystem::new());
        let rt = create_runtime(options.fs(fs)).await.unwrap();
        assert!(!rt.fetch().has_serve_handler().await.unwrap());
        let source = "serve({ fetch: () => new Response('x') });
            await crypto.subtle.generateKey({ name: 'AES-GCM', length: 128 }, true, ['encrypt']);
            const root = await navigator.storage.getDirectory();
            globalThis.open = await (await root.getFileHandle('a', { create: true })).createWritable(); 1";
        rt.eval(source, ()).await.unwrap();
        assert!(rt.fetch().has_serve_handler().await.unwrap());
        assert_eq!((rt.fetch().pending().await.unwrap(), rt.fetch().web_sockets().await.unwrap()), (0, 0));
        assert_eq!(rt.fs().open().await.unwrap(), 1);
        assert!(rt.crypto().keys().await.unwrap() <= 1);
    });
}

#[test]
fn a_builder_makes_the_same_runtime() {
    on_every_engine(|options| async {
        drop(options);
        for engine in engines() {
            let lines = Arc::new(Mutex::new(Vec::new()));
            let out = lines.clone();
            let rt = Runtime::builder()
                .options(|o| o.limits(Limits::new().timers(1)))
                .engine(engine)
                .memory(32 << 20)
                .wall_time(Duration::from_secs(20))
                .on_log(move |event| out.lock().unwrap().extend(event.text().map(|text| text.to_owned())))
                .setup(|ctx| ctx.define_function("double", |n: f64| n * 2.0))
                .build()
                .await
                .unwrap();
            rt.eval("console.log(double(21))", ()).await.unwrap();
            assert_eq!(*lines.lock().unwrap(), ["42"]);
            assert_eq!(rt.memory_usage().await.unwrap().limit, Some(32 << 20));
            let refused = rt.eval("setTimeout(() => {}, 1); setTimeout(() => {}, 1)", ()).await.unwrap_err();
            assert_eq!(refused.exception().unwrap().name, "QuotaExceededError");
        }
    });
}

#[test]
fn a_run_can_be_repeated() {
    let seen = Arc::new(Mutex::new(Vec::<String>::new()));
    let code = "(async () => {
        const key = await crypto.subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, true, ['sign']);
        await new Promise((done) => setTimeout(done, 1234.5));
        const form = new FormData();
        form.append('a', 'b');
        return JSON.stringify([Math.random(), crypto.randomUUID(), Date.now(), new Date(), performance.now(),
            performance.timeOrigin, new File([], '').lastModified, await crypto.subtle.exportKey('jwk', key),
            await new Response(form).text()]);
    })()";
    for _ in 0..2 {
        on_every_engine(|options| async {
            let start = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(86_400);
            let options = options.clock(Clock::VirtualAutoAdvance).start_time(start).seed(9);
            let runtime = create_runtime(options).await.unwrap();
            let result = runtime.eval_as(code, ()).await.unwrap();
            seen.lock().unwrap().push(result);
        });
    }
    let seen = seen.lock().unwrap();
    assert!(seen[0].contains("1970-01-02T00:00:01.234Z"), "{}", seen[0]);
    assert!(seen.iter().all(|other| *other == seen[0]), "{seen:#?}");
}
