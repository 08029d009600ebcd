//! Hostile values at every place where they can cross, host code that panics, and runtimes that end while work is
//! under way.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use futures_util::future::{join, join3};
use futures_util::stream;
use isolate_runtime::{
    Class, Clock, ConsoleOptions, Error, ErrorKind, EvalOptions, HostError, Limits, ModuleLoader, ModuleSource,
    ModuleType, Runtime, RuntimeOptions, Termination, UncaughtKind, Value, create_runtime, engines,
};

/// Runs a test on every engine, and fails it if it does not end.
fn on_every_engine<F: Future<Output = ()>>(test: impl Fn(RuntimeOptions) -> F) {
    for engine in engines() {
        println!("on {}:", engine.name());
        isolate_test_utils::block_on(async {
            let test = pin!(test(RuntimeOptions::new().engine_arc(engine)));
            tokio::time::timeout(Duration::from_secs(60), test).await.expect("the test ends");
        });
    }
}

async fn assert_usable(rt: &Runtime, after: &str) {
    assert_eq!(rt.eval_as::<u8>("1 + 1", ()).await.unwrap(), 2, "after {after}");
}

/// Waits for something that another thread does.
async fn until(what: impl Fn() -> bool) {
    while !what() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn kind<T: std::fmt::Debug>(result: Result<T, Error>) -> ErrorKind {
    result.unwrap_err().kind()
}

/// Guest values that cannot cross, with the class of the error that says so.
const HOSTILE: [(&str, &str); 6] = [
    ("(() => { const a = []; a.push([a]); return a })()", "TypeError"),
    ("(() => { const m = new Map(); m.set(1, new Set([{ m }])); return m })()", "TypeError"),
    ("(() => { let d = null; for (let i = 0; i < 10000; i++) d = { d }; return d })()", "TypeError"),
    ("new Array(1e7).fill(0)", "RangeError"),
    ("(() => { const a = []; a[1e9] = 1; return a })()", "RangeError"),
    ("(() => { const a = new Array(1e4).fill('x'.repeat(1e4)); return [a, a] })()", "RangeError"),
];

#[test]
fn a_value_that_cannot_cross_is_an_error_wherever_it_comes_from() {
    on_every_engine(|options| async {
        let options = options.limits(Limits::new().memory(1 << 30)).setup(|ctx| {
            ctx.define_function("take", |_: Value| "crossed")?;
            ctx.define_blocking_function("takeBlocking", |_: Value| async { "crossed" })?;
            ctx.define_async_function("takeLater", |_: Value| async { "crossed" })?;
            let class = Class::new("Taker", |_: Value| ()).method("take", |(): &mut (), _: Value| ());
            ctx.define_class(class.static_method("take", |_: Value| ()))
        });
        let rt = create_runtime(options).await.unwrap();
        for (source, class) in HOSTILE {
            for result in
                [source.to_owned(), format!("Promise.resolve({source})"), format!("await Promise.resolve({source})")]
            {
                let e = rt.eval(&*result, ()).await.unwrap_err();
                assert_eq!(e.exception().unwrap().name, class, "{result}");
            }
            let f = rt.eval(format!("() => {source}"), ()).await.unwrap();
            let e = rt.call(f.as_function().unwrap(), vec![]).await.unwrap_err();
            assert_eq!(e.exception().unwrap().name, class, "{source} of a call");
            for argument in [
                "take(v)",
                "takeBlocking(v)",
                "await takeLater(v)",
                "new Taker(v)",
                "new Taker().take(v)",
                "Taker.take(v)",
            ] {
                let code = format!(
                    "(async () => {{ const v = {source}; try {{ {argument}; return 'crossed' }} catch (e) {{ return e.name }} }})()"
                );
                assert_eq!(rt.eval_as::<String>(code, ()).await.unwrap(), class, "{source} to {argument}");
            }
            // An exception is told of as far as it can be.
            for thrown in ["throw v", "throw { v }", "throw new Error('e', { cause: v })", "await Promise.reject(v)"] {
                let code = format!("globalThis.v = {source}; {thrown}");
                assert_eq!(kind(rt.eval(code, ()).await), ErrorKind::Threw, "{source} by {thrown}");
            }
            // Too much text to print is the guest's error too.
            let printed = rt.eval(format!("v = null; console.log({source}, [{source}])"), ()).await;
            assert!(matches!(&printed, Ok(Value::Undefined)) || kind(printed) == ErrorKind::Threw, "{source} printed");
            let shown = rt.eval_display(source, (), false).await.unwrap();
            assert!(shown.len() < 10_000_000, "{source} is shown in {} bytes", shown.len());
            assert_usable(&rt, source).await;
        }
        rt.dispose().await;
    });
}

/// Host values that a guest cannot be given. Each is made anew, for some are large.
fn large(what: &str) -> Value {
    match what {
        "long" => Value::List(vec![Value::Null; 2_000_000]),
        "deep" => (0..1000).fold(Value::Null, |v, _| Value::List(vec![v])),
        "wide" => vec![String::from("x").repeat(100_000); 1000].into_iter().map(Value::from).collect::<Vec<_>>().into(),
        other => unreachable!("{other}"),
    }
}

#[test]
fn a_host_value_that_cannot_cross_is_an_error_for_who_sends_it() {
    on_every_engine(|options| async {
        let options = options.limits(Limits::new().memory(1 << 30)).setup(|ctx| {
            ctx.define_function("make", |what: String| large(&what))?;
            ctx.define_blocking_function("makeBlocking", |what: String| async move { large(&what) })?;
            ctx.define_async_function("makeLater", |what: String| async move {
                tokio::task::yield_now().await;
                large(&what)
            })?;
            ctx.define_stream_function("makeMany", |what: String| stream::iter([large(&what)]))
        });
        let rt = create_runtime(options).await.unwrap();
        let identity = rt.eval("(v) => typeof v", ()).await.unwrap();
        for (what, class) in [("deep", "TypeError"), ("wide", "RangeError"), ("long", "RangeError")] {
            for call in ["make(w)", "makeBlocking(w)", "await makeLater(w)", "for await (const x of makeMany(w)) x"] {
                let code = format!(
                    "(async () => {{ const w = '{what}'; try {{ {call}; return 'crossed' }} catch (e) {{ return e.name }} }})()"
                );
                assert_eq!(rt.eval_as::<String>(code, ()).await.unwrap(), class, "{what} by {call}");
            }
            let e = rt.call(identity.as_function().unwrap(), vec![large(what)]).await.unwrap_err();
            assert_eq!(e.exception().map(|e| e.name.as_str()), Some(class), "{what} to a call");
            assert_usable(&rt, what).await;
        }
        rt.dispose().await;
    });
}

struct Panics;

impl ModuleLoader for Panics {
    fn resolve(&self, specifier: &str, _: &str) -> Result<String, HostError> {
        Ok(specifier.into())
    }

    fn load(&self, _: &str, _: ModuleType) -> Result<ModuleSource, HostError> {
        panic!("a secret, expected by this test")
    }
}

const SECRET: &str = "a secret, expected by this test";

#[test]
fn host_code_that_panics_is_an_error_for_the_guest_and_news_for_the_host() {
    on_every_engine(|options| async {
        let told = Arc::new(Mutex::new(Vec::new()));
        let t = told.clone();
        let console = ConsoleOptions::new().on_log(|_| panic!("{SECRET}"));
        let options = options
            .clock(Clock::Real)
            .console(console)
            .on_uncaught(move |u| t.lock().unwrap().push((u.kind, u.exception.message.clone())))
            .setup(|ctx| {
                ctx.define_function("sync", || -> () { panic!("{SECRET}") })?;
                ctx.define_async_function("early", || -> std::future::Ready<()> { panic!("{SECRET}") })?;
                ctx.define_async_function("async", || async {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    if true {
                        panic!("{SECRET}")
                    }
                })?;
                ctx.define_blocking_function("blocking", || async {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    if true {
                        panic!("{SECRET}")
                    }
                })?;
                ctx.define_stream_function("items", || {
                    stream::unfold(0u32, |n| async move {
                        assert!(n == 0, "{SECRET}");
                        Some((n, n + 1))
                    })
                })?;
                let class = Class::new("Bad", |fail: bool| assert!(!fail, "{SECRET}"))
                    .method("method", |(): &mut ()| -> () { panic!("{SECRET}") })
                    .getter("value", |(): &mut ()| -> () { panic!("{SECRET}") });
                ctx.define_class(class)
            });
        let rt = create_runtime(options).await.unwrap();
        for call in [
            "sync()",
            "await early()",
            "await async()",
            "blocking()",
            "for await (const i of items()) i",
            "new Bad(true)",
            "new Bad(false).method()",
            "new Bad(false).value",
            "console.log(1)",
        ] {
            let code =
                format!("(async () => {{ try {{ {call}; return 'no error' }} catch (e) {{ return e.message }} }})()");
            let message: String = rt.eval_as(code, ()).await.unwrap();
            assert!(message.contains("failed"), "{call}: {message}");
            assert!(!message.contains("secret"), "{call}: {message}");
            let told = std::mem::take(&mut *told.lock().unwrap());
            assert!(matches!(&*told, [(UncaughtKind::HostPanic, m)] if m.contains("secret")), "{call}: {told:?}");
            assert_usable(&rt, call).await;
        }
        // Not awaited by the guest, in a timer, and many at once.
        let code =
            "setTimeout(sync, 1); setTimeout(blocking, 1); for (let i = 0; i < 50; i++) async().catch(() => {}); 0";
        rt.eval(code, ()).await.unwrap();
        rt.run_until_idle().await.unwrap();
        let panics = told.lock().unwrap().iter().filter(|(kind, _)| *kind == UncaughtKind::HostPanic).count();
        assert_eq!(panics, 52);
        assert_usable(&rt, "panics that nobody awaits").await;
        rt.dispose().await;
    });
}

#[test]
fn a_module_loader_that_panics_fails_the_import() {
    on_every_engine(|options| async {
        let options = options.setup(|ctx| {
            ctx.set_module_loader(std::rc::Rc::new(Panics));
            Ok(())
        });
        let rt = create_runtime(options).await.unwrap();
        let message: String = rt.eval_as("import('x').then(() => 'imported', e => e.message)", ()).await.unwrap();
        assert!(message != "imported" && !message.contains("secret"), "{message}");
        assert_eq!(kind(rt.eval("import 'y'", EvalOptions::new().module()).await), ErrorKind::Threw);
        assert_usable(&rt, "the imports").await;
    });
}

#[test]
fn a_hook_for_uncaught_errors_that_panics_does_not_end_the_runtime() {
    on_every_engine(|options| async {
        let asked = Arc::new(AtomicUsize::new(0));
        let a = asked.clone();
        let options = options.clock(Clock::Real).on_uncaught(move |_| {
            a.fetch_add(1, Ordering::Relaxed);
            panic!("expected by this test");
        });
        let rt = create_runtime(options.setup(|ctx| ctx.define_function("sync", || -> () { panic!("{SECRET}") })))
            .await
            .unwrap();
        for (i, source) in [
            "Promise.reject(new Error('lost')); 0",
            "setTimeout(() => { throw 1 }, 1); 0",
            "queueMicrotask(() => { throw 1 }); 0",
            "try { sync() } catch {}",
        ]
        .into_iter()
        .enumerate()
        {
            rt.eval(source, ()).await.unwrap_or_else(|e| panic!("{source}: {e:?}"));
            let _ = rt.run_until_idle().await;
            assert_usable(&rt, source).await;
            assert_eq!(asked.load(Ordering::Relaxed), i + 1, "{source}");
        }
    });
}

/// Says when it is dropped, and panics then if asked to.
struct Told {
    told: mpsc::Sender<()>,
    panic: bool,
}

impl Drop for Told {
    fn drop(&mut self) {
        let _ = self.told.send(());
        if self.panic && !std::thread::panicking() {
            panic!("expected by this test");
        }
    }
}

#[test]
fn a_host_future_that_panics_when_it_is_dropped_keeps_the_stop() {
    on_every_engine(|options| async {
        let (told, heard) = mpsc::channel();
        let options = options.clock(Clock::Real).setup(move |ctx| {
            ctx.define_async_function("never", move || {
                let told = Told { told: told.clone(), panic: true };
                async move {
                    let _told = told;
                    std::future::pending::<()>().await;
                }
            })
        });
        let rt = create_runtime(options).await.unwrap();
        let result = rt.eval("await never()", EvalOptions::new().deadline(Duration::from_millis(20))).await;
        assert_eq!(result.unwrap_err().terminated(), Some(Termination::Deadline));
        heard.recv_timeout(Duration::from_secs(20)).expect("the future is dropped");
        assert_eq!(rt.eval("1", ()).await.unwrap_err().terminated(), Some(Termination::Deadline));
        rt.dispose().await;
    });
}

fn with_never(options: RuntimeOptions, told: mpsc::Sender<()>) -> RuntimeOptions {
    options.setup(move |ctx| {
        let of_async = told.clone();
        ctx.define_async_function("never", move || {
            let told = Told { told: of_async.clone(), panic: false };
            async move {
                let _told = told;
                std::future::pending::<()>().await;
            }
        })?;
        ctx.define_blocking_function("neverBlocking", move || {
            let told = Told { told: told.clone(), panic: false };
            async move {
                let _told = told;
                std::future::pending::<()>().await;
            }
        })
    })
}

#[test]
fn dispose_while_the_guest_waits_for_a_host_function_that_blocks() {
    on_every_engine(|options| async {
        let (told, heard) = mpsc::channel();
        let rt = create_runtime(with_never(options, told)).await.unwrap();
        let disposing = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            rt.dispose().await;
        };
        let (blocked, queued, ()) = join3(rt.eval("neverBlocking()", ()), rt.eval("1", ()), disposing).await;
        assert_eq!(kind(blocked), ErrorKind::Disposed);
        assert_eq!(kind(queued), ErrorKind::Disposed);
        heard.recv_timeout(Duration::from_secs(20)).expect("what it waited for is dropped");
    });
}

#[test]
fn dispose_in_the_middle_of_a_tick() {
    on_every_engine(|options| async move {
        let options = options.clock(Clock::Virtual);
        let ticking = Arc::new(AtomicBool::new(false));
        let t = ticking.clone();
        let options =
            options.setup(move |ctx| ctx.define_function("ticking", move || t.store(true, Ordering::Relaxed)));
        let rt = create_runtime(options).await.unwrap();
        rt.eval("setInterval(ticking, 1); setTimeout(() => { for (;;) {} }, 50)", ()).await.unwrap();
        let disposing = async {
            until(|| ticking.load(Ordering::Relaxed)).await;
            rt.dispose().await;
        };
        let (tick, ()) = join(rt.tick(Duration::from_secs(1)), disposing).await;
        assert_eq!(kind(tick), ErrorKind::Disposed);
    });
}

#[test]
fn dispose_while_timers_are_due_and_host_calls_settle() {
    on_every_engine(|_| async {
        for pause in 0..20u64 {
            let options = RuntimeOptions::new().clock(Clock::Real).setup(|ctx| {
                ctx.define_async_function("sleep", |us: u64| tokio::time::sleep(Duration::from_micros(us)))
            });
            let rt = create_runtime(options).await.unwrap();
            let code = "for (let i = 0; i < 300; i++) setTimeout(() => sleep(i % 9 * 300), i % 5);
                (async () => { for (;;) await Promise.all([sleep(100), sleep(1), sleep(0)]) })()";
            let disposing = async {
                tokio::time::sleep(Duration::from_micros(pause * 500)).await;
                rt.dispose().await;
            };
            let (result, ()) = join(rt.eval(code, ()), disposing).await;
            assert_eq!(kind(result), ErrorKind::Disposed);
        }
    });
}

#[test]
fn a_host_function_that_disposes_of_its_own_runtime() {
    on_every_engine(|options| async {
        let slot: Arc<Mutex<Option<Runtime>>> = Arc::default();
        let inside = slot.clone();
        let options = options.setup(move |ctx| {
            ctx.define_async_function("end", move || {
                let rt = inside.lock().unwrap().clone().unwrap();
                async move { rt.dispose().await }
            })
        });
        let rt = create_runtime(options).await.unwrap();
        *slot.lock().unwrap() = Some(rt.clone());
        assert_eq!(kind(rt.eval("await end()", ()).await), ErrorKind::Disposed);
        assert_eq!(kind(rt.eval("1", ()).await), ErrorKind::Disposed);
        rt.dispose().await;
    });
}

#[test]
fn the_last_handle_is_dropped_by_the_runtime_itself() {
    on_every_engine(|options| async {
        let slot: Arc<Mutex<Option<Runtime>>> = Arc::default();
        let inside = slot.clone();
        let alone = Arc::new(AtomicBool::new(false));
        let a = alone.clone();
        let (told, heard) = mpsc::channel();
        let options = with_never(options, told).setup(move |ctx| {
            ctx.define_function("alone", move || a.load(Ordering::Relaxed))?;
            ctx.define_function("dropLast", move || drop(inside.lock().unwrap().take()))
        });
        let rt = create_runtime(options).await.unwrap();
        *slot.lock().unwrap() = Some(rt.clone());
        let code = "never(); while (!alone()) {} dropLast(); for (;;) {}";
        let running = tokio::time::timeout(Duration::from_millis(20), rt.eval(code, ())).await;
        assert!(running.is_err(), "the guest waits to be alone");
        drop(rt);
        alone.store(true, Ordering::Relaxed);
        heard.recv_timeout(Duration::from_secs(20)).expect("the context ends");
    });
}
