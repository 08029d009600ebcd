//! The test context for whole runtimes, from `isolate-test-utils`.

use std::time::{Duration, Instant};

use isolate_runtime::{Limits, UncaughtKind};
use isolate_test_utils::{MockResponse, create_runtime_test_context, create_runtime_test_context_with, engine_test};

engine_test!(async fn logs_are_recorded_with_their_values(engine) {
    let ctx = create_runtime_test_context(engine).await;
    ctx.run("console.log('a', 1); console.group('g'); console.error(new TypeError('no')); console.table([[1]])").await;
    let logs = ctx.logs();
    assert_eq!((logs[0].level.as_str(), logs[0].text.as_str()), ("log", "a 1"));
    assert_eq!(logs[0].args, ["a".into(), 1.into()]);
    assert!(logs.iter().any(|l| l.level == "error" && l.text.contains("TypeError: no")), "{logs:?}");
    ctx.logs.clear();
    assert!(ctx.logs().is_empty());
});

engine_test!(async fn fetches_are_answered_as_the_test_says(engine) {
    let ctx = create_runtime_test_context(engine).await;
    ctx.set_mock_response(MockResponse::new("else").status(404));
    ctx.fetch.respond_to("https://a.example/*", MockResponse::json(&[1, 2]));
    ctx.fetch.respond_to("https://a.example/deep/*", MockResponse::new("deep").header("x-y", "z"));
    ctx.fetch.respond_once("https://a.example/deep/*", MockResponse::new("first").status(500));
    ctx.fetch.respond_once("https://a.example/deep/*", MockResponse::error("the network is down"));
    ctx.fetch.respond_with("https://echo.example/", |call| {
        MockResponse::new(format!("{} {}", call.method, String::from_utf8_lossy(&call.body)))
    });
    ctx.run("globalThis.get = async (url, init) => { const r = await fetch(url, init); return r.status + ' ' + await r.text(); };").await;
    assert_eq!(ctx.eval::<String>("await get('https://b.example/')").await, "404 else");
    assert_eq!(ctx.eval::<Vec<u8>>("await (await fetch('https://a.example/x')).json()").await, [1, 2]);
    assert_eq!(ctx.eval::<String>("await get('https://a.example/deep/1')").await, "500 first");
    assert_eq!(ctx.eval_error("await get('https://a.example/deep/1')").await.exception().unwrap().name, "TypeError");
    assert_eq!(ctx.eval::<String>("await get('https://a.example/deep/1')").await, "200 deep");
    let echo = "await get('https://echo.example/', { method: 'PUT', body: 'text', headers: { 'x-h': '1' } })";
    assert_eq!(ctx.eval::<String>(echo).await, "200 PUT text");
    let calls = ctx.fetch_calls();
    assert_eq!(calls.len(), 6);
    assert_eq!((calls[5].url.as_str(), calls[5].header("x-h")), ("https://echo.example/", "1"));
    let start = Instant::now();
    ctx.fetch.respond_to("https://slow.example/", MockResponse::new("late").delay(Duration::from_millis(30)));
    assert_eq!(ctx.eval::<String>("await get('https://slow.example/')").await, "200 late");
    assert!(start.elapsed() >= Duration::from_millis(30));
    let aborted = "await get('https://slow.example/', { signal: AbortSignal.abort() }).catch((e) => e.name)";
    assert_eq!(ctx.eval::<String>(aborted).await, "AbortError");
});

engine_test!(async fn files_time_and_uncaught_errors_are_the_tests(engine) {
    let ctx = create_runtime_test_context(engine).await;
    ctx.mock_fs.put("/in.txt", "hello");
    let copy = "const root = await navigator.storage.getDirectory();
        const text = await (await (await root.getFileHandle('in.txt')).getFile()).text();
        const out = await (await root.getFileHandle('out.txt', { create: true })).createWritable();
        await out.write(text.toUpperCase()); await out.close(); text";
    assert_eq!(ctx.eval::<String>(copy).await, "hello");
    assert_eq!(ctx.mock_fs.text("/out.txt"), "HELLO");
    ctx.run("setInterval(() => console.log('tick'), 100); setTimeout(() => { throw new Error('late'); }, 250)").await;
    ctx.tick(350).await;
    assert_eq!(ctx.logs.texts(), ["tick", "tick", "tick"]);
    assert_eq!(ctx.uncaught.texts(), ["Error: late"]);
    ctx.run("Promise.reject(new TypeError('lost'))").await;
    ctx.tick(0).await;
    let all = ctx.uncaught.all();
    assert_eq!((all[1].kind, all[1].exception.message.as_str()), (UncaughtKind::Rejection, "lost"));
    ctx.dispose().await;
    assert!(ctx.runtime.eval("1", ()).await.is_err());
});

engine_test!(async fn options_are_changed(engine) {
    let ctx = create_runtime_test_context_with(engine, |options| {
        options
            .limits(Limits::new().wall_time(Duration::from_millis(500)))
            .setup(|ctx| ctx.define_function("double", |n: f64| n * 2.0))
    })
    .await;
    assert_eq!(ctx.eval::<f64>("double(21)").await, 42.0);
    assert!(ctx.eval_error("for (;;) ;").await.terminated().is_some());
});
