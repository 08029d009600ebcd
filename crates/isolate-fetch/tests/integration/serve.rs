//! Requests that the guest answers, on every engine.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use http::{Method, Request, Response};
use isolate_core::{Context, EvalOptions, Limits, Termination};
use isolate_fetch::{
    Body, CloseFrame, FetchError, FetchErrorKind, FetchHandle, FetchLimits, FetchOptions, Message, UpgradeRequest,
    setup_fetch,
};
use isolate_test_utils::{create_limited_context, create_test_context, engine_test, eval_code};

fn set_up(ctx: &Context, code: &str) -> FetchHandle {
    set_up_with(ctx, FetchOptions::new(), code)
}

fn set_up_with(ctx: &Context, options: FetchOptions, code: &str) -> FetchHandle {
    let handle = setup_fetch(ctx, options).unwrap();
    ctx.evaluate(code, "serve.js").unwrap();
    handle
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).header("host", "example.com").body(Body::empty()).unwrap()
}

async fn ask(ctx: &Context, handle: &FetchHandle, request: Request<Body>) -> Result<Response<Body>, FetchError> {
    let answer = handle.dispatch_request(request);
    ctx.run_until(answer).await.unwrap()
}

async fn text(ctx: &Context, response: Response<Body>) -> String {
    ctx.run_until(response.into_body().text(1 << 20)).await.unwrap().unwrap()
}

engine_test!(
    async fn a_request_is_answered(engine) {
        let ctx = create_test_context(engine);
        let code = r"
            serve({
                async fetch(request, server) {
                    const body = await request.text();
                    const all = [request.method, request.url, request.headers.get('x-one'), body, request.body === null,
                        typeof server.upgrade, request.signal.aborted, request instanceof Request];
                    return new Response(JSON.stringify(all), {
                        status: 201, statusText: 'Made', headers: [['a', '1'], ['set-cookie', 'x'], ['set-cookie', 'y']],
                    });
                },
            });
            0";
        let handle = set_up(&ctx, code);
        assert!(handle.has_serve_handler() && !handle.has_active_connections());
        let request = Request::post("/p/../q?a=b c".replace(' ', "%20")).header("host", "EXAMPLE.com:80").header("x-one", "1");
        let response = ask(&ctx, &handle, request.body("grüezi".into()).unwrap()).await.unwrap();
        assert_eq!((response.status().as_u16(), response.headers()["a"].as_bytes()), (201, &b"1"[..]));
        assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
        assert_eq!(response.headers()["content-type"], "text/plain;charset=UTF-8");
        let expected = r#"["POST","http://example.com/q?a=b%20c","1","grüezi",false,"function",false,true]"#;
        assert_eq!(text(&ctx, response).await, expected);
        let response = ask(&ctx, &handle, get("/")).await.unwrap();
        let expected = r#"["GET","http://example.com/",null,"",true,"function",false,true]"#;
        assert_eq!(text(&ctx, response).await, expected);
        assert!(!handle.has_active_connections());
    }
);

engine_test!(
    async fn handlers_that_fail(engine) {
        let ctx = create_test_context(engine);
        let handle = setup_fetch(&ctx, FetchOptions::new()).unwrap();
        let kind = |result: Result<Response<Body>, FetchError>| result.map(|r| r.status()).map_err(|e| e.kind());
        assert!(!handle.has_serve_handler());
        assert_eq!(kind(ask(&ctx, &handle, get("/")).await), Err(FetchErrorKind::Handler), "nothing is served");
        ctx.evaluate("var answer; serve({ fetch: () => answer() }); 0", "serve.js").unwrap();
        let used = "() => { const r = new Response('x'); r.text(); return r; }";
        for answer in ["() => { throw new RangeError('no'); }", "async () => { throw 1; }", "() => undefined", "() => ({})",
            "() => Response.error()", used, "() => new Response('', { headers: { a: '\\u0001' } })"]
        {
            ctx.evaluate(&format!("answer = {answer}"), "set.js").unwrap();
            assert_eq!(kind(ask(&ctx, &handle, get("/")).await), Err(FetchErrorKind::Guest), "{answer}");
        }
        ctx.evaluate("answer = () => { throw new RangeError('no'); }", "set.js").unwrap();
        let error = ask(&ctx, &handle, get("/")).await.unwrap_err();
        let source = std::error::Error::source(&error).unwrap().downcast_ref::<isolate_core::Error>().unwrap();
        assert_eq!(source.exception().unwrap().name, "RangeError");
        ctx.evaluate("serve({ fetch() { throw 7; }, error: (e) => new Response('caught ' + e, { status: 500 }) }); 0", "e.js").unwrap();
        let response = ask(&ctx, &handle, get("/")).await.unwrap();
        assert_eq!((response.status().as_u16(), text(&ctx, response).await), (500, "caught 7".to_owned()));
        ctx.evaluate("serve({ fetch() { throw 7; }, error() { throw 8; } }); 0", "e.js").unwrap();
        assert_eq!(kind(ask(&ctx, &handle, get("/")).await), Err(FetchErrorKind::Guest));
        for bad in ["serve()", "serve({})", "serve({ fetch: 1 })", "serve({ fetch() {}, websocket: { open: 1 } })", "new (serve({ fetch() {} }).constructor)"] {
            let error = ctx.evaluate(bad, "bad.js").unwrap_err();
            assert_eq!(error.exception().unwrap().name, "TypeError", "{bad}");
        }
        assert!(!handle.has_active_connections());
    }
);

engine_test!(
    async fn bodies_stream_both_ways(engine) {
        let ctx = create_test_context(engine);
        let code = r"
            serve({
                fetch: (request) => new Response(request.body.pipeThrough(new TransformStream({
                    transform(chunk, c) { c.enqueue(chunk.map((b) => b ^ 1)); },
                }))),
            });
            0";
        let handle = set_up(&ctx, code);
        let chunks = stream::iter(0..50u8).then(|i| async move {
            tokio::task::yield_now().await;
            Ok::<_, FetchError>(Bytes::from(vec![i; 1000]))
        });
        let request = Request::post("/").body(Body::from_stream(chunks)).unwrap();
        let response = ask(&ctx, &handle, request).await.unwrap();
        assert_eq!(response.body().length(), None);
        let all = ctx.run_until(response.into_body().read_all(1 << 20)).await.unwrap().unwrap();
        assert_eq!(all.len(), 50_000);
        assert!((0..50).all(|i| all[i * 1000..][..1000].iter().all(|b| usize::from(*b) == i ^ 1)));
        // What nobody looked at goes through as it came.
        ctx.evaluate("serve({ fetch: (request) => new Response(request.body) }); 0", "s.js").unwrap();
        let request = Request::post("/").body(Body::from_stream(stream::repeat_with(|| Ok::<_, FetchError>(Bytes::from_static(b"x"))).take(5)));
        let response = ask(&ctx, &handle, request.unwrap()).await.unwrap();
        assert_eq!(text(&ctx, response).await, "xxxxx");
        assert!(!handle.has_active_connections());
    }
);

engine_test!(
    async fn clients_that_go_away(engine) {
        let ctx = create_test_context(engine);
        let code = r"
            globalThis.log = [];
            serve({
                async fetch(request) {
                    const { pathname } = new URL(request.url);
                    if (pathname !== '/late') request.signal.onabort = () => log.push(pathname + ' ' + request.signal.reason.name);
                    if (pathname === '/never') await new Promise(() => {});
                    if (pathname === '/fine') return new Response('x');
                    if (pathname === '/late') globalThis.late = request;
                    return new Response(new ReadableStream({
                        pull(c) { c.enqueue(new Uint8Array(10)); },
                        cancel() { log.push(pathname + ' cancelled'); },
                    }));
                },
            });
            0";
        let handle = set_up(&ctx, code);
        let idle = async || ctx.run_until_idle().await.unwrap();
        // Before there is a response.
        let answer = handle.dispatch_request(get("/never"));
        idle().await;
        assert!(handle.has_active_connections());
        drop(answer);
        idle().await;
        assert!(!handle.has_active_connections());
        // In the middle of the body.
        let mut body = ask(&ctx, &handle, get("/stream")).await.unwrap().into_body();
        assert_eq!(ctx.run_until(body.next()).await.unwrap().unwrap().unwrap().len(), 10);
        drop(body);
        idle().await;
        // Not at all.
        let response = ask(&ctx, &handle, get("/fine")).await.unwrap();
        assert_eq!(text(&ctx, response).await, "x");
        idle().await;
        // Whose signal is looked at after it is gone.
        let response = ask(&ctx, &handle, get("/late")).await.unwrap();
        drop(response);
        idle().await;
        ctx.evaluate("log.push(late.signal.aborted)", "late.js").unwrap();
        let log: String = eval_code(&ctx, "log.join()");
        assert_eq!(log, "/never AbortError,/stream AbortError,/stream cancelled,/late cancelled,true");
    }
);

engine_test!(
    async fn limits_of_serving(engine) {
        let ctx = create_test_context(engine);
        let limits = FetchLimits::new().headers(10usize).response_body(1000u64).request_body(1000u64).concurrent(2usize);
        let options = FetchOptions::new().limits(limits.response_time(Duration::from_millis(500)));
        let code = r"
            serve({
                async fetch(request) {
                    const { pathname } = new URL(request.url);
                    if (pathname === '/never') await new Promise(() => {});
                    if (pathname === '/long') return new Response('x'.repeat(2000));
                    if (pathname === '/endless') return new Response(new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(100)); } }));
                    return new Response(await request.text());
                },
            });
            0";
        let handle = set_up_with(&ctx, options, code);
        let kind = |result: Result<Response<Body>, FetchError>| result.map(|r| r.status().as_u16()).map_err(|e| e.kind());
        assert_eq!(kind(ask(&ctx, &handle, get("/never")).await), Err(FetchErrorKind::Timeout));
        assert_eq!(kind(ask(&ctx, &handle, get("/long")).await), Err(FetchErrorKind::Guest));
        let mut many = get("/");
        for i in 0..20 {
            many.headers_mut().append("x", i.into());
        }
        assert_eq!(kind(ask(&ctx, &handle, many).await), Err(FetchErrorKind::TooLarge));
        let long = Request::post("/").body(Body::from(vec![b'x'; 2000])).unwrap();
        assert_eq!(kind(ask(&ctx, &handle, long).await), Err(FetchErrorKind::TooLarge));
        let endless = stream::repeat_with(|| Ok::<_, FetchError>(Bytes::from_static(&[b'x'; 100])));
        let endless = Request::post("/").body(Body::from_stream(endless)).unwrap();
        assert_eq!(kind(ask(&ctx, &handle, endless).await), Err(FetchErrorKind::Guest), "the guest's text() rejects");
        let body = ask(&ctx, &handle, get("/endless")).await.unwrap().into_body();
        let error = ctx.run_until(body.read_all(1 << 20)).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), FetchErrorKind::TooLarge);
        ctx.run_until_idle().await.unwrap();
        let waiting = [handle.dispatch_request(get("/never")), handle.dispatch_request(get("/never"))];
        assert_eq!(kind(ask(&ctx, &handle, get("/")).await), Err(FetchErrorKind::TooLarge), "too many at once");
        drop(waiting);
        ctx.run_until_idle().await.unwrap();
        assert_eq!(kind(ask(&ctx, &handle, get("/")).await), Ok(200));
        assert!(!handle.has_active_connections());
    }
);

engine_test!(
    async fn a_guest_that_is_stopped_answers_nothing(engine) {
        let ctx = create_limited_context(engine, Limits::new().wall_time(Duration::from_secs(1)));
        let code = "serve({ fetch(r) { if (r.url.endsWith('/hang')) for (;;) {} return new Promise(() => {}); } }); 0";
        let handle = set_up(&ctx, code);
        let waits = handle.dispatch_request(get("/wait"));
        let hangs = handle.dispatch_request(get("/hang"));
        for answer in [hangs, waits, handle.dispatch_request(get("/"))] {
            assert_eq!(answer.await.unwrap_err().kind(), FetchErrorKind::Stopped);
        }
        assert_eq!(ctx.stopped(), Some(Termination::Deadline));
    }
);

engine_test!(
    async fn web_sockets(engine) {
        let ctx = create_test_context(engine);
        let code = r"
            globalThis.log = [];
            serve({
                fetch(request, server) {
                    const took = server.upgrade(request, { data: { n: 1 }, headers: { 'sec-websocket-protocol': 'chat' } });
                    if (took) { log.push('again ' + server.upgrade(request)); return; }
                    return new Response('plain', { status: 426 });
                },
                websocket: {
                    open(ws) { log.push('open ' + ws.readyState + ws.data.n); ws.send('hi'); ws.send(new Uint8Array([1, 2])); },
                    message(ws, m) {
                        log.push(typeof m === 'string' ? m : 'bytes ' + m.byteLength + (m instanceof ArrayBuffer));
                        if (m === 'throw') throw new RangeError('thrown');
                        if (m === 'bye') ws.close(3001, 'enough');
                        else log.push(ws.send(m));
                    },
                    close(ws, code, reason) { log.push('close ' + code + reason + ws.readyState + ws.send('late')); },
                    error(ws, e) { log.push('error ' + e.message); },
                },
            });
            0";
        let handle = set_up_with(&ctx, FetchOptions::new().limits(FetchLimits::new().message_bytes(100usize)), code);
        let commands = Rc::new(RefCell::new(Vec::new()));
        let c = commands.clone();
        handle.on_web_socket_command(move |command| c.borrow_mut().push((command.connection, command.message)));
        let uncaught = Rc::new(RefCell::new(Vec::new()));
        let u = uncaught.clone();
        ctx.on_uncaught(move |e| u.borrow_mut().push(e.exception.message.clone()));
        // Not what asks for one.
        assert_eq!(ask(&ctx, &handle, get("/")).await.unwrap().status().as_u16(), 426);
        let upgrade = || {
            let request = Request::get("/").header("connection", "keep-alive, Upgrade").header("upgrade", "WebSocket");
            request.body(Body::empty()).unwrap()
        };
        let response = ask(&ctx, &handle, upgrade()).await.unwrap();
        assert_eq!((response.status().as_u16(), response.headers()["sec-websocket-protocol"].as_bytes()), (101, &b"chat"[..]));
        let connection = response.extensions().get::<UpgradeRequest>().unwrap().connection;
        assert_eq!(handle.get_upgrade_request().map(|u| u.connection), Some(connection));
        assert_eq!(handle.get_upgrade_request(), None);
        assert!(handle.has_active_connections());
        handle.dispatch_web_socket_open(connection).unwrap();
        handle.dispatch_web_socket_message(connection, Message::Text("one".into())).unwrap();
        handle.dispatch_web_socket_message(connection, Message::Binary(Bytes::from_static(&[1, 2, 3]))).unwrap();
        handle.dispatch_web_socket_message(connection, Message::Text("throw".into())).unwrap();
        let large = handle.dispatch_web_socket_message(connection, Message::Text("x".repeat(101)));
        assert_eq!(large.unwrap_err().kind(), FetchErrorKind::TooLarge);
        handle.dispatch_web_socket_error(connection, "broke").unwrap();
        handle.dispatch_web_socket_message(connection, Message::Text("bye".into())).unwrap();
        handle.dispatch_web_socket_close(connection, Some(CloseFrame { code: 3001, reason: "enough".into() })).unwrap();
        assert_eq!(handle.dispatch_web_socket_open(connection).unwrap_err().kind(), FetchErrorKind::Handler);
        let log: Vec<String> = eval_code(&ctx, "log.map(String)");
        let expected = ["again false", "open 11", "one", "3", "bytes 3true", "3", "throw", "error broke", "bye", "close 3001enough30"];
        assert_eq!(log, expected);
        let commands: Vec<_> = commands.take().into_iter().map(|(of, message)| {
            assert_eq!(of, connection);
            message
        }).collect();
        let bytes = |b: &'static [u8]| Message::Binary(Bytes::from_static(b));
        let close = Message::Close(Some(CloseFrame { code: 3001, reason: "enough".into() }));
        assert_eq!(commands, [Message::Text("hi".into()), bytes(&[1, 2]), Message::Text("one".into()), bytes(&[1, 2, 3]), close]);
        assert_eq!(*uncaught.borrow(), ["thrown"]);
        assert!(!handle.has_active_connections());
    }
);

engine_test!(
    async fn web_sockets_of_the_wrong_kind(engine) {
        let ctx = create_test_context(engine);
        let code = r"
            globalThis.name = (f) => { try { f(); return 'nothing'; } catch (e) { return e.name; } };
            globalThis.names = [];
            serve({
                fetch(request, server) {
                    names.push(name(() => server.upgrade()), name(() => server.upgrade({})), name(() => server.upgrade(request, 1)),
                        server.upgrade(new Request('http://h/')), name(() => server.upgrade(request, { headers: { 'a b': 1 } })));
                    server.upgrade(request);
                },
                websocket: {
                    message(ws, m) {
                        names.push(name(() => ws.send()), name(() => ws.close(1)), name(() => ws.close(1001)),
                            name(() => ws.close(3000, 'x'.repeat(124))), name(() => ws.send.call({}, 1)), name(() => ws.send('x'.repeat(20e6))));
                    },
                },
            });
            0";
        let handle = set_up(&ctx, code);
        handle.on_web_socket_command(|_| {});
        let request = Request::get("/").header("connection", "upgrade").header("upgrade", "websocket").body(Body::empty());
        let response = ask(&ctx, &handle, request.unwrap()).await.unwrap();
        let connection = response.extensions().get::<UpgradeRequest>().unwrap().connection;
        handle.dispatch_web_socket_open(connection).unwrap();
        handle.dispatch_web_socket_message(connection, Message::Text(String::new())).unwrap();
        let names: Vec<String> = eval_code(&ctx, "names.map(String)");
        let expected = ["TypeError", "TypeError", "TypeError", "false", "TypeError", "TypeError", "InvalidAccessError",
            "InvalidAccessError", "SyntaxError", "TypeError", "RangeError"];
        assert_eq!(names, expected);
        let error = ctx.eval("serve({ fetch(r, s) { s.upgrade(r); } }); 0", EvalOptions::new()).await;
        assert!(error.is_ok());
        let request = Request::builder().method(Method::GET).uri("/").body(Body::empty()).unwrap();
        assert_eq!(ask(&ctx, &handle, request).await.unwrap_err().kind(), FetchErrorKind::Guest, "no member websocket");
        handle.dispose();
        assert!(!handle.has_active_connections() && !handle.has_serve_handler());
    }
);

engine_test!(
    async fn what_a_slow_client_does_not_take_is_not_piled_up(engine) {
        let ctx = create_test_context(engine);
        let code = r"
            globalThis.sent = [];
            serve({
                fetch(request, server) { server.upgrade(request); },
                websocket: {
                    message(ws) { for (let i = 0; i < 6; i++) sent.push(ws.send('x'.repeat(100))); sent.push(ws.bufferedAmount); },
                },
            });
            0";
        let handle = set_up_with(&ctx, FetchOptions::new().limits(FetchLimits::new().message_bytes(100usize)), code);
        let commands = Rc::new(RefCell::new(Vec::new()));
        let c = commands.clone();
        handle.on_web_socket_command(move |command| c.borrow_mut().push(command));
        let request = Request::get("/").header("connection", "upgrade").header("upgrade", "websocket").body(Body::empty());
        let response = ask(&ctx, &handle, request.unwrap()).await.unwrap();
        let connection = response.extensions().get::<UpgradeRequest>().unwrap().connection;
        handle.dispatch_web_socket_open(connection).unwrap();
        let message = || handle.dispatch_web_socket_message(connection, Message::Text(String::new())).unwrap();
        message();
        assert_eq!(eval_code::<Vec<u32>>(&ctx, "sent.splice(0)"), [100, 100, 100, 100, 0, 0, 400]);
        commands.borrow_mut().truncate(2);
        message();
        assert_eq!(eval_code::<Vec<u32>>(&ctx, "sent.splice(0)"), [100, 100, 0, 0, 0, 0, 400]);
        commands.borrow_mut().clear();
        handle.dispatch_web_socket_close(connection, None).unwrap();
        assert_eq!(commands.borrow().len(), 0);
    }
);

engine_test!(
    async fn upgrades_that_come_to_nothing_leave_nothing(engine) {
        let ctx = create_test_context(engine);
        let code = r"
            let how;
            const server = serve({
                fetch(request, server) {
                    server.upgrade(request);
                    if (how === 'throw') throw new RangeError('after all');
                    if (how === 'never') return new Promise(() => {});
                },
                error: (e) => new Response(e.message, { status: 500 }),
                websocket: {},
            });
            0";
        let handle = set_up(&ctx, code);
        let request = || Request::get("/").header("connection", "upgrade").header("upgrade", "websocket").body(Body::empty());
        ctx.evaluate("how = 'throw'", "how.js").unwrap();
        let response = ask(&ctx, &handle, request().unwrap()).await.unwrap();
        assert_eq!((response.status().as_u16(), text(&ctx, response).await), (500, "after all".to_owned()));
        // The client goes away before the answer, and before it has looked at it.
        for how in ["never", "fine"] {
            ctx.evaluate(&format!("how = '{how}'"), "how.js").unwrap();
            drop(handle.dispatch_request(request().unwrap()));
            ctx.run_until_idle().await.unwrap();
        }
        assert_eq!((handle.web_sockets(), handle.has_active_connections()), (0, false));
        assert_eq!(handle.get_upgrade_request(), None);
        assert_eq!(eval_code::<u32>(&ctx, "server.pendingWebSockets"), 0);
    }
);
