//! Fetches that are recorded, and answered with what a test says.

use isolate_core::ErrorKind;
use isolate_test_utils::{FetchTestContext, MockResponse, create_fetch_test_context, engine_test, eval_code_async};

const GET: &str = "globalThis.get = async (url, init) => {
    try {
        const r = await fetch(url, init);
        return r.status + ' ' + await r.text();
    } catch (e) {
        return e.name + ' ' + e.message;
    }
};";

async fn get(ctx: &FetchTestContext, args: &str) -> String {
    eval_code_async(&ctx.context, &format!("{GET} get({args})")).await
}

engine_test!(async fn patterns_say_what_is_answered(engine) {
    let ctx = create_fetch_test_context(engine);
    let mock = &ctx.recorder;
    assert_eq!(get(&ctx, "'https://a.example/'").await, "200 ");
    mock.set_mock_response(MockResponse::new("else").status(404));
    mock.respond_to("https://*.example/items/*/name", MockResponse::new("a name"));
    mock.respond_to("https://a.example/items/*", MockResponse::new("an item"));
    mock.respond_to("POST https://a.example/items/*", MockResponse::new("made").status(201));
    assert_eq!(get(&ctx, "'https://a.example/'").await, "404 else");
    assert_eq!(get(&ctx, "'https://b.example/items/1/name'").await, "200 a name");
    assert_eq!(get(&ctx, "'https://b.example/items/1/names'").await, "404 else");
    assert_eq!(get(&ctx, "'https://a.example/items/1'").await, "200 an item");
    assert_eq!(get(&ctx, "'https://a.example/items/1', { method: 'POST', body: '{\"x\":[1]}' }").await, "201 made");
    let posts = mock.calls_to("POST *");
    assert_eq!((posts.len(), posts[0].text().as_str()), (1, r#"{"x":[1]}"#));
    assert_eq!(posts[0].json::<std::collections::BTreeMap<String, Vec<u8>>>()["x"], [1]);
    assert_eq!((mock.calls_to("*//b.example/*").len(), mock.calls().len()), (2, 6));
    mock.clear();
    assert_eq!(get(&ctx, "'https://a.example/items/1'").await, "200 an item");
    assert_eq!(mock.calls().len(), 1);
    mock.reset();
    assert_eq!(get(&ctx, "'https://a.example/items/1'").await, "200 ");
});

engine_test!(async fn one_after_another(engine) {
    let ctx = create_fetch_test_context(engine);
    let url = "https://a.example/";
    ctx.recorder.respond_with(url, |call| MockResponse::new(format!("{} again", call.method)));
    ctx.recorder.respond_in_turn(url, [MockResponse::error("down"), MockResponse::timeout(), MockResponse::new("up")]);
    assert_eq!(get(&ctx, "'https://a.example/'").await, "TypeError fetch failed: down");
    assert!(get(&ctx, "'https://a.example/'").await.starts_with("TimeoutError "));
    assert_eq!(get(&ctx, "'https://a.example/'").await, "200 up");
    assert_eq!(get(&ctx, "'https://a.example/'").await, "200 GET again");
    // A recorder may be asked while it is being answered.
    let recorder = ctx.recorder.clone();
    ctx.recorder.respond_with(url, move |_| MockResponse::json(&recorder.calls().len()));
    assert_eq!(get(&ctx, "'https://a.example/'").await, "200 5");
});

engine_test!(async fn bodies_come_in_chunks_and_break_off(engine) {
    let ctx = create_fetch_test_context(engine);
    ctx.recorder.respond_once("*", MockResponse::chunks(["one ", "two"]));
    assert_eq!(get(&ctx, "'https://a.example/'").await, "200 one two");
    ctx.recorder.respond_once("*", MockResponse::chunks(["one", "two"]).broken("cut"));
    let code = "(async () => {
        const reader = (await fetch('https://a.example/')).body.getReader();
        const seen = [];
        try {
            for (;;) seen.push(new TextDecoder().decode((await reader.read()).value));
        } catch (e) {
            return [...seen, e.name];
        }
    })()";
    assert_eq!(eval_code_async::<Vec<String>>(&ctx.context, code).await, ["one", "two", "TypeError"]);
    ctx.recorder.respond_once("*", MockResponse::new("whole").broken("cut"));
    assert!(get(&ctx, "'https://a.example/'").await.starts_with("TypeError"));
});

engine_test!(async fn what_never_comes_can_be_given_up(engine) {
    let ctx = create_fetch_test_context(engine);
    ctx.recorder.set_mock_response(MockResponse::pending());
    let code = "(async () => {
        const c = new AbortController();
        const p = fetch('https://a.example/', { signal: c.signal }).catch((e) => e.name);
        await wait();
        c.abort();
        return await p;
    })()";
    // The abort comes once the fetch is under way.
    let recorder = ctx.recorder.clone();
    ctx.context
        .define_async_function("wait", move || {
            let recorder = recorder.clone();
            async move {
                while recorder.calls().is_empty() {
                    tokio::task::yield_now().await;
                }
            }
        })
        .unwrap();
    assert_eq!(eval_code_async::<String>(&ctx.context, code).await, "AbortError");
    let options = isolate_core::EvalOptions::new().deadline(std::time::Duration::from_millis(50));
    let error = ctx.context.eval("fetch('https://a.example/')", options).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Terminated(_)), "{error:?}");
});
