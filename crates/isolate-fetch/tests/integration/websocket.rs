//! WebSockets and event sources that the guest opens, on every engine.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_channel::mpsc;
use futures_util::stream::{self, StreamExt};
use http::{Request, Response};
use isolate_core::{Clock, Context};
use isolate_fetch::{
    Body, CloseFrame, FetchError, FetchErrorKind, FetchHandle, FetchLimits, FetchOptions, Message, WebSocketConnection,
    setup_fetch,
};
use isolate_test_utils::{create_clock_context, create_test_context, engine_test, eval_code, eval_code_async};

/// A peer that sends back what comes, and what it was told by.
fn echo(request: Request<()>, log: &Arc<Mutex<Vec<String>>>) -> Result<WebSocketConnection, FetchError> {
    let offered = request.headers().get("sec-websocket-protocol").map(|v| v.to_str().unwrap().to_owned());
    log.lock().unwrap().push(format!("{} {}", request.uri(), offered.as_deref().unwrap_or("-")));
    if request.uri().path() == "/refuse" {
        return Err(FetchError::new(FetchErrorKind::Refused, "a secret reason"));
    }
    let (to_guest, incoming) = mpsc::unbounded();
    let log = log.clone();
    let greeting = request.uri().path() == "/greet";
    if greeting {
        to_guest.unbounded_send(Ok(Message::Text("hello".into()))).unwrap();
        to_guest.unbounded_send(Ok(Message::Close(Some(CloseFrame { code: 4001, reason: "bye".into() })))).unwrap();
    }
    let breaks = request.uri().path() == "/break";
    let outgoing = futures_util::sink::unfold(to_guest, move |to_guest, message: Message| {
        let log = log.clone();
        async move {
            if let Message::Close(frame) = &message {
                log.lock().unwrap().push(format!("close {:?}", frame.as_ref().map(|f| (f.code, f.reason.clone()))));
            }
            let answer = if breaks { Err(FetchError::new(FetchErrorKind::Network, "broke")) } else { Ok(message) };
            let _ = to_guest.unbounded_send(answer);
            Ok::<_, FetchError>(to_guest)
        }
    });
    let protocol = offered.as_deref().and_then(|o| o.split(", ").last()).unwrap_or_default().to_owned();
    Ok(WebSocketConnection::new(incoming, outgoing).protocol(protocol))
}

fn set_up(ctx: &Context, limits: FetchLimits) -> (FetchHandle, Arc<Mutex<Vec<String>>>) {
    let log = Arc::new(Mutex::new(Vec::new()));
    let l = log.clone();
    let handler = move |request: Request<()>| {
        let connected = echo(request, &l);
        async move {
            tokio::task::yield_now().await;
            connected
        }
    };
    (setup_fetch(ctx, FetchOptions::new().web_socket(handler).limits(limits)).unwrap(), log)
}

engine_test!(
    async fn a_web_socket_carries_messages(engine) {
        let ctx = create_test_context(engine);
        let (_, log) = set_up(&ctx, FetchLimits::new());
        let code = r"
            new Promise((resolve) => {
                const out = [];
                const ws = new WebSocket('https://example.com/chat?x', ['a', 'b']);
                out.push(ws.readyState, ws.url, ws.protocol, ws.binaryType, ws.extensions, WebSocket.OPEN, ws.CLOSED);
                try { ws.send('early'); } catch (e) { out.push(e.name); }
                ws.onopen = (e) => {
                    out.push(e.type, ws.readyState, ws.protocol);
                    ws.send('text é');
                    ws.send(new Uint8Array([1, 2, 3]));
                    ws.send(new Blob(['blob']));
                    ws.binaryType = 'nonsense';
                    out.push(ws.bufferedAmount > 0);
                };
                let n = 0;
                ws.addEventListener('message', async (e) => {
                    n++;
                    const { data } = e;
                    out.push(typeof data === 'string' ? data : data instanceof Blob ? 'blob ' + data.size : 'buffer ' + data.byteLength);
                    if (n === 1) out.push(e.origin, e instanceof MessageEvent);
                    if (n === 2) ws.binaryType = 'arraybuffer';
                    if (n === 3) { ws.close(3000, 'done'); out.push(ws.readyState); ws.send('late'); out.push(ws.bufferedAmount); ws.close(); }
                });
                ws.onclose = (e) => { out.push(e instanceof CloseEvent, e.code, e.reason, e.wasClean, ws.readyState); resolve(JSON.stringify(out)); };
                ws.onerror = () => out.push('error');
            })";
        let got: String = eval_code_async(&ctx, code).await;
        let expected = serde_json::json!([
            0, "wss://example.com/chat?x", "", "blob", "", 1, 3, "InvalidStateError", "open", 1, "b", true, "text é",
            "wss://example.com", true, "blob 3", "buffer 4", 2, 4, true, 3000, "done", true, 3
        ]);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&got).unwrap(), expected);
        ctx.run_until_idle().await.unwrap();
        assert_eq!(*log.lock().unwrap(), ["wss://example.com/chat?x a, b", "close Some((3000, \"done\"))"]);
    }
);

engine_test!(
    async fn web_sockets_that_end_otherwise(engine) {
        let ctx = create_test_context(engine);
        set_up(&ctx, FetchLimits::new().message_bytes(100usize));
        let code = r"
            const ending = (path, act) => new Promise((resolve) => {
                const out = [];
                const ws = new WebSocket('ws://h' + path);
                ws.onopen = () => { out.push('open'); act && act(ws); };
                ws.onmessage = (e) => out.push(e.data);
                ws.onerror = () => out.push('error' + ws.readyState);
                ws.onclose = (e) => { out.push(e.code, e.reason, e.wasClean); resolve(out); };
                if (path === '/early') ws.close();
            });
            (async () => JSON.stringify([
                await ending('/greet'), await ending('/refuse'), await ending('/break', (ws) => ws.send('x')), await ending('/early'),
                await ending('/', (ws) => ws.close()), await ending('/', (ws) => { for (let i = 0; i < 5; i++) ws.send('x'.repeat(100)); }),
                await ending('/', (ws) => { try { ws.send('x'.repeat(101)); } catch (e) { ws.close(3001, e.name); } }),
            ]))()";
        let got: String = eval_code_async(&ctx, code).await;
        let failed = |rest: &[&str]| {
            let mut all: Vec<serde_json::Value> = rest.iter().map(|s| (*s).into()).collect();
            all.extend([1006.into(), "".into(), false.into()]);
            serde_json::Value::Array(all)
        };
        let expected = serde_json::json!([
            ["open", "hello", 4001, "bye", true], failed(&["error3"]), failed(&["open", "error3"]), failed(&["error3"]),
            ["open", 1005, "", true], failed(&["open", "error3"]), ["open", 3001, "RangeError", true]
        ]);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&got).unwrap(), expected);
    }
);

engine_test!(
    async fn what_web_sockets_refuse(engine) {
        let ctx = create_test_context(engine);
        setup_fetch(&ctx, FetchOptions::new()).unwrap();
        let code = r"
            const name = (f) => { try { f(); return 'nothing'; } catch (e) { return e.name; } };
            const made = (...args) => name(() => new WebSocket(...args));
            const ungranted = new Promise((resolve) => {
                const ws = new WebSocket('ws://h/');
                const out = [];
                ws.onerror = () => out.push('error');
                ws.onclose = (e) => resolve([...out, e.code, name(() => ws.close(1001)), name(() => ws.close(3000, 'é'.repeat(62)))]);
            });
            (async () => JSON.stringify([
                made(), made('/relative'), made('ftp://h/'), made('ws://h/#x'), made('ws://h/', ['a', 'A']), made('ws://h/', 'a b'), made('ws://h/', ['']),
                name(() => WebSocket('ws://h/')), name(() => WebSocket.prototype.send.call({}, 'x')), ...await ungranted,
                new CloseEvent('x', { code: 7, reason: 'r', wasClean: 1 }).code, Object.prototype.toString.call(new CloseEvent('x')),
            ]))()";
        let got: Vec<serde_json::Value> = serde_json::from_str(&eval_code_async::<String>(&ctx, code).await).unwrap();
        let s = "SyntaxError";
        let expected = serde_json::json!([
            "TypeError", s, s, s, s, s, s, "TypeError", "TypeError", "error", 1006, "InvalidAccessError", s, 7, "[object CloseEvent]"
        ]);
        assert_eq!(serde_json::Value::Array(got), expected);
    }
);

engine_test!(
    async fn connections_are_limited_and_end_with_dispose(engine) {
        let ctx = create_test_context(engine);
        let (handle, _) = set_up(&ctx, FetchLimits::new().connections(3usize));
        let code = r"
            globalThis.log = [];
            for (let i = 0; i < 5; i++) {
                const ws = new WebSocket('ws://h/' + i);
                ws.onopen = () => log.push('open ' + i);
                ws.onclose = () => log.push('close ' + i);
            }
            0";
        ctx.evaluate(code, "x.js").unwrap();
        let opened = async || while eval_code::<u32>(&ctx, "log.length") < 5 { ctx.run_until(tokio::task::yield_now()).await.unwrap() };
        opened().await;
        assert_eq!(eval_code::<String>(&ctx, "log.sort().join()"), "close 3,close 4,open 0,open 1,open 2");
        handle.dispose();
        ctx.run_until_idle().await.unwrap();
        assert_eq!(eval_code::<String>(&ctx, "log.sort().join()"), "close 0,close 1,close 2,close 3,close 4,open 0,open 1,open 2");
    }
);

fn events(text: &'static str) -> Response<Body> {
    let chunks = stream::iter(text.as_bytes().chunks(7)).map(|c| Ok::<_, FetchError>(Bytes::from_static(c)));
    Response::builder()
        .header("content-type", "text/event-stream;charset=utf-8")
        .body(Body::from_stream(chunks))
        .unwrap()
}

engine_test!(
    async fn an_event_source_reads_and_connects_again(engine) {
        let ctx = create_clock_context(engine, Clock::VirtualAutoAdvance);
        let asked = Arc::new(Mutex::new(Vec::new()));
        let a = asked.clone();
        let handler = move |request: Request<Body>| {
            let id = request.headers().get("last-event-id").map(|v| v.to_str().unwrap().to_owned());
            let accept = request.headers()["accept"].to_str().unwrap().to_owned();
            let n = {
                let mut asked = a.lock().unwrap();
                asked.push(format!("{accept} {}", id.unwrap_or_default()));
                asked.len()
            };
            async move {
                match n {
                    1 => Ok(events("retry: 50\nid: 7\ndata: one\n\nevent: named\ndata: two\ndata: lines\n\ndata: lost")),
                    2 => Err(FetchError::new(FetchErrorKind::Network, "no route")),
                    3 => Ok(events("data: three\n\n")),
                    _ => Ok(Response::builder().status(404).body(Body::empty()).unwrap()),
                }
            }
        };
        setup_fetch(&ctx, FetchOptions::new().on_fetch(handler)).unwrap();
        let code = r"
            new Promise((resolve) => {
                const out = [];
                const es = new EventSource('http://h/events');
                out.push(es.readyState, es.url, es.withCredentials, EventSource.CLOSED);
                es.onopen = () => out.push('open' + es.readyState);
                es.onmessage = (e) => out.push(e.data, e.lastEventId, e.origin);
                es.addEventListener('named', (e) => out.push('named ' + e.data));
                es.onerror = () => { out.push('error' + es.readyState); if (es.readyState === 2) resolve(JSON.stringify(out)); };
            })";
        let got: String = eval_code_async(&ctx, code).await;
        let expected = serde_json::json!([
            0, "http://h/events", false, 2, "open1", "one", "7", "http://h", "named two\nlines", "error0", "error0", "open1", "three",
            "7", "http://h", "error0", "error2"
        ]);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&got).unwrap(), expected);
        let expected = ["text/event-stream ", "text/event-stream 7", "text/event-stream 7", "text/event-stream 7"];
        assert_eq!(*asked.lock().unwrap(), expected);
        assert_eq!(ctx.pending_timers(), 0);
    }
);

engine_test!(
    async fn an_event_source_is_closed(engine) {
        let ctx = create_clock_context(engine, Clock::Real);
        let handler = |_| async {
            let ticks = stream::unfold((), |()| async {
                tokio::time::sleep(Duration::from_millis(1)).await;
                Some((Ok::<_, FetchError>(Bytes::from_static(b"data: x\n\n")), ()))
            });
            Response::builder().header("content-type", "text/event-stream").body(Body::from_stream(ticks)).unwrap()
        };
        setup_fetch(&ctx, FetchOptions::new().on_fetch(handler)).unwrap();
        let code = r"
            globalThis.n = 0;
            const es = new EventSource('http://h/');
            es.onmessage = () => { if (++n === 3) es.close(); };
            es.onerror = () => { n = -1; };
            0";
        ctx.evaluate(code, "x.js").unwrap();
        ctx.run_until_idle().await.unwrap();
        assert_eq!(eval_code::<i32>(&ctx, "n"), 3);
    }
);
