//! A runtime in which nothing is real and everything is recorded.

use std::collections::BTreeMap;

use isolate_runtime::{Clock, Limits, Status};
use isolate_test_utils::{
    MockResponse, create_runtime_test_context, create_runtime_test_context_with, engine_test, seeded_crypto,
};

engine_test!(async fn every_api_is_there(engine) {
    let ctx = create_runtime_test_context(engine).await;
    let code = "JSON.stringify(Object.fromEntries(['console', 'atob', 'setTimeout', 'path', 'crypto', 'fetch', 'serve',
        'URL', 'structuredClone', 'ReadableStream'].map((name) => [name, typeof globalThis[name]])))";
    let types: BTreeMap<String, String> = ctx.eval_json(code).await;
    assert!(types.values().all(|t| t == "function" || t == "object"), "{types:?}");
    assert_eq!(ctx.eval::<String>("typeof navigator.storage.getDirectory").await, "function");
    // Nothing of a test environment unless it is asked for.
    assert_eq!(ctx.eval::<String>("typeof describe").await, "undefined");
    ctx.set_mock_response(MockResponse::json(&[1, 2]));
    let json = "(await fetch('https://a.example/')).text()";
    assert_eq!(ctx.eval_json::<Vec<u8>>(json).await, [1, 2]);
    assert_eq!(ctx.fetch_calls().len(), 1);
    ctx.run("console.info('seen', { a: [1] })").await;
    assert_eq!((ctx.logs()[0].level.as_str(), ctx.logs()[0].text.as_str()), ("info", "seen { a: [ 1 ] }"));
});

engine_test!(async fn runs_can_be_repeated(engine) {
    let code = "crypto.randomUUID() + [...crypto.getRandomValues(new Uint8Array(8))]";
    let first = create_runtime_test_context(engine).await.eval::<String>(code).await;
    assert_eq!(create_runtime_test_context(engine).await.eval::<String>(code).await, first);
    let other = create_runtime_test_context_with(engine, |options| options.crypto(seeded_crypto(1))).await;
    assert_ne!(other.eval::<String>(code).await, first);
});

engine_test!(async fn tests_of_the_guest_are_run(engine) {
    let ctx = create_runtime_test_context_with(engine, |options| {
        options.test_environment().clock(Clock::VirtualAutoAdvance)
    })
    .await;
    ctx.set_mock_response(MockResponse::json(&"tea"));
    let results = ctx
        .run_tests(
            "beforeEach(() => console.log('before'));
            test('fetches', async () => expect(await (await fetch('https://a.example/')).json()).toBe('tea'));
            test('waits', () => new Promise((done) => setTimeout(done, 1e6)));
            test('is wrong', () => { throw new TypeError('no') });",
        )
        .await;
    let all: Vec<_> = results.tests.iter().map(|t| t.status).collect();
    assert_eq!(all, [Status::Passed, Status::Passed, Status::Failed]);
    assert_eq!((ctx.logs.texts().len(), ctx.fetch_calls().len()), (3, 1));
});

engine_test!(async fn limits_end_the_guest_and_not_the_test(engine) {
    let ctx = create_runtime_test_context_with(engine, |options| options.limits(Limits::new().memory(16 << 20))).await;
    let error = ctx.eval_error("const all = []; for (;;) all.push(new Uint8Array(1 << 20).fill(1))").await;
    assert!(error.terminated().is_some(), "{error:?}");
    assert!(ctx.eval_error("1").await.terminated().is_some());
    ctx.dispose().await;
    ctx.dispose().await;
});

engine_test!(async fn a_script_that_fails_where_it_should_not(engine) {
    let ctx = create_runtime_test_context(engine).await;
    let failed = tokio::task::spawn(async move { ctx.eval::<u32>("throw new RangeError('why')").await }).await;
    let panic = failed.unwrap_err().into_panic();
    let message = panic.downcast_ref::<String>().unwrap();
    assert!(message.contains("throw new RangeError") && message.contains("why"), "{message}");
});
