//! `fetch` and its classes, on every engine.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use http::{Request, Response, StatusCode};
use isolate_core::{Context, EvalOptions, Limits, Termination};
use isolate_fetch::{
    Body, FetchError, FetchErrorKind, FetchHandle, FetchLimits, FetchOptions, RedirectMode, RequestInfo, setup_fetch,
};
use isolate_test_utils::{create_limited_context, create_test_context, engine_test, eval_code, eval_code_async};

/// What scripts of these tests have in common.
const PRELUDE: &str = r"
    globalThis.failure = async (f) => {
        try { await f(); return 'nothing'; } catch (e) { return e === undefined ? 'undefined' : e.name ?? String(e); }
    };
    globalThis.thrown = (f) => { try { f(); return 'nothing'; } catch (e) { return e.name; } };
    0";

fn set_up(ctx: &Context, options: FetchOptions) -> FetchHandle {
    let handle = setup_fetch(ctx, options).unwrap();
    ctx.evaluate(PRELUDE, "prelude.js").unwrap();
    handle
}

/// Says what it was asked.
async fn echo(request: Request<Body>) -> Result<Response<Body>, FetchError> {
    let mut response = Response::builder().status(200).header("x-method", request.method().as_str());
    for (name, value) in request.headers() {
        response = response.header(format!("x-got-{name}"), value);
    }
    let info = request.extensions().get::<RequestInfo>().unwrap();
    response = response.header("x-url", info.url.clone()).header("x-redirect", format!("{:?}", info.redirect));
    let bytes = request.into_body().read_all(1 << 30).await?;
    Ok(response.body(bytes.into())?)
}

engine_test!(
    async fn a_fetch_goes_to_the_handler(engine) {
        let ctx = create_test_context(engine);
        set_up(&ctx, FetchOptions::new().on_fetch(echo));
        let code = r"
            (async () => {
                const r = await fetch('http://example.com/a?b=c#d', {
                    method: 'post', headers: { 'X-One': ' 1 ', accept: '*/*' }, body: 'grüezi', redirect: 'manual',
                });
                return [r instanceof Response, r.ok, r.status, r.statusText, r.type, r.url, r.redirected, r.headers.get('x-method'),
                    r.headers.get('X-Got-X-One'), r.headers.get('x-got-content-type'), r.headers.get('x-url'),
                    r.headers.get('x-redirect'), r.bodyUsed, await r.text(), r.bodyUsed];
            })()";
        let got: serde_json::Value = eval_code_async(&ctx, code).await;
        let expected = serde_json::json!([
            true, true, 200, "OK", "basic", "http://example.com/a?b=c", false, "POST", "1", "text/plain;charset=UTF-8",
            "http://example.com/a?b=c#d", "Manual", false, "grüezi", true
        ]);
        assert_eq!(got, expected);
    }
);

engine_test!(
    async fn without_a_handler_there_is_no_network(engine) {
        let ctx = create_test_context(engine);
        set_up(&ctx, FetchOptions::new());
        let code = "fetch('http://example.com').then(() => 'came', (e) => e.name + ': ' + e.message)";
        let message = "TypeError: fetch failed: the host has not granted network access (there is no fetch handler)";
        assert_eq!(eval_code_async::<String>(&ctx, code).await, message);
    }
);

engine_test!(
    async fn bodies_of_every_kind_arrive(engine) {
        let ctx = create_test_context(engine);
        set_up(&ctx, FetchOptions::new().on_fetch(echo));
        let code = r"
            (async () => {
                const bytes = new Uint8Array([1, 2, 3, 255]);
                const chunks = () => new ReadableStream({
                    start(c) { c.enqueue(bytes); c.enqueue(new TextEncoder().encode('more')); c.close(); },
                });
                const form = new FormData();
                form.append('a', 'b');
                const send = async (body, more) => {
                    const r = await fetch('http://h/', { method: 'POST', body, ...more });
                    const type = r.headers.get('x-got-content-type');
                    return [type && type.replace(/boundary=.*/, 'boundary'), [...await r.bytes()].length];
                };
                return [
                    await send('é'), await send(bytes), await send(bytes.buffer), await send(new DataView(bytes.buffer, 1)),
                    await send(new Blob(['abc'], { type: 'text/x' })), await send(new Blob(['abc'])),
                    await send(new URLSearchParams({ a: 'b c' })), (await send(form))[0],
                    await send(chunks(), { duplex: 'half' }), await send(''), await send(null),
                    await failure(() => send(chunks())),
                ];
            })()";
        let got: serde_json::Value = eval_code_async(&ctx, code).await;
        let expected = serde_json::json!([
            ["text/plain;charset=UTF-8", 2], [null, 4], [null, 4], [null, 3], ["text/x", 3], [null, 3],
            ["application/x-www-form-urlencoded;charset=UTF-8", 5], "multipart/form-data; boundary", [null, 8],
            ["text/plain;charset=UTF-8", 0], [null, 0], "TypeError"
        ]);
        assert_eq!(got, expected);
    }
);

/// Where a response can come from: the same tests run for each.
const ORIGINS: &str = r#"
    const text = '{"a":[1,"é"]}';
    const encoded = new TextEncoder().encode(text);
    const pieces = () => new ReadableStream({
        pull(c) {
            this.at ??= 0;
            if (this.at === encoded.length) c.close(); else c.enqueue(encoded.slice(this.at, this.at += 1));
        },
    });
    const made = [
        ['string', async () => new Response(text)],
        ['bytes', async () => new Response(encoded)],
        ['blob', async () => new Response(new Blob([text]))],
        ['json', async () => Response.json(JSON.parse(text))],
        ['stream', async () => new Response(pieces())],
        ['clone', async () => new Response(text).clone()],
        ['cloned', async () => { const r = new Response(pieces()); r.clone(); return r; }],
        ['clone of a stream', async () => new Response(pieces()).clone()],
        ['touched', async () => { const r = new Response(text); r.body; return r; }],
        ['whole', () => fetch('http://h/whole')],
        ['streamed', () => fetch('http://h/streamed')],
        ['streamed and touched', async () => { const r = await fetch('http://h/streamed'); r.body; return r; }],
        ['clone of streamed', async () => (await fetch('http://h/streamed')).clone()],
        ['wrapped', async () => new Response((await fetch('http://h/streamed')).body)],
        ['piped', async () => new Response((await fetch('http://h/streamed')).body.pipeThrough(new TransformStream()))],
        ['data', () => fetch('data:application/json,' + encodeURIComponent(text))],
        ['blob url', () => fetch(URL.createObjectURL(new Blob([text])))],
        ['request', async () => new Request('http://h/', { method: 'POST', body: text })],
        ['request of a request', async () => new Request(new Request('http://h/', { method: 'POST', body: pieces(), duplex: 'half' }))],
        ['clone of a request', async () => new Request('http://h/', { method: 'POST', body: text }).clone()],
    ];
"#;

async fn origins(request: Request<Body>) -> Response<Body> {
    const TEXT: &str = "{\"a\":[1,\"é\"]}";
    match request.uri().path() {
        "/streamed" => {
            let chunks: Vec<_> =
                TEXT.as_bytes().chunks(3).map(|c| Ok::<_, FetchError>(Bytes::copy_from_slice(c))).collect();
            Response::new(Body::from_stream(stream::iter(chunks).then(|chunk| async {
                tokio::task::yield_now().await;
                chunk
            })))
        }
        _ => Response::new(TEXT.into()),
    }
}

engine_test!(
    async fn every_body_is_read_in_every_way(engine) {
        let ctx = create_test_context(engine);
        set_up(&ctx, FetchOptions::new().on_fetch(origins));
        let code = ORIGINS.to_owned() + r"
            const utf8 = (b) => new TextDecoder().decode(b);
            const ways = {
                text: async (r) => r.text(),
                json: async (r) => JSON.stringify(await r.json()),
                arrayBuffer: async (r) => { const b = await r.arrayBuffer(); return b instanceof ArrayBuffer && utf8(b); },
                bytes: async (r) => { const b = await r.bytes(); return b instanceof Uint8Array && utf8(b); },
                blob: async (r) => { const b = await r.blob(); return b instanceof Blob && b.text(); },
                stream: async (r) => {
                    let out = '';
                    const decoder = new TextDecoder();
                    for await (const chunk of r.body) out += decoder.decode(chunk, { stream: true });
                    return out;
                },
                byob: async (r) => {
                    const reader = r.body.getReader({ mode: 'byob' });
                    const all = [];
                    for (;;) {
                        const { value, done } = await reader.read(new Uint8Array(2));
                        if (done) return utf8(new Uint8Array(all));
                        all.push(...value);
                    }
                },
            };
            (async () => {
                const wrong = [];
                let n = 0;
                for (const [name, make] of made) {
                    for (const way in ways) {
                        const r = await make();
                        if (way === 'byob' && /stream$|^cloned|piped/.test(name)) continue;
                        if (r.bodyUsed) wrong.push(name + ' is used');
                        const same = r.body === r.body;
                        const got = way === 'text' && name === 'string' || same ? await ways[way](r) : 'another body';
                        if (got !== text) wrong.push(name + ' ' + way + ': ' + got);
                        if (!r.bodyUsed) wrong.push(name + ' ' + way + ' is not used');
                        for (const again of ['text', 'json', 'arrayBuffer', 'bytes', 'blob', 'formData']) {
                            if (await failure(() => r[again]()) !== 'TypeError') wrong.push(name + ' ' + way + ' then ' + again);
                        }
                        if (thrown(() => r.clone()) !== 'TypeError') wrong.push(name + ' ' + way + ' then clone');
                        n++;
                    }
                }
                return [n, wrong];
            })()";
        let (n, wrong): (u32, Vec<String>) = eval_code_async(&ctx, &code).await;
        assert!(n > 120, "{n}");
        assert_eq!(wrong, Vec::<String>::new());
    }
);

engine_test!(
    async fn bodies_that_nobody_looked_at_as_streams(engine) {
        let ctx = create_test_context(engine);
        set_up(&ctx, FetchOptions::new().on_fetch(origins));
        let code = ORIGINS.to_owned() + r"
            (async () => {
                const wrong = [];
                for (const [name, make] of made) {
                    for (const way of ['text', 'json', 'arrayBuffer', 'bytes', 'blob']) {
                        const r = await make();
                        const value = await r[way]();
                        const size = { text: 13, json: undefined, arrayBuffer: 14, bytes: 14, blob: 14 }[way];
                        if ((value.length ?? value.byteLength ?? value.size) !== size) wrong.push(name + ' ' + way);
                        if (!r.bodyUsed || !r.body.locked) wrong.push(name + ' ' + way + ': not as if it was read');
                    }
                }
                return wrong;
            })()";
        assert_eq!(eval_code_async::<Vec<String>>(&ctx, &code).await, Vec::<String>::new());
    }
);

engine_test!(
    async fn null_bodies_are_null(engine) {
        let ctx = create_test_context(engine);
        let handler = |request: Request<Body>| async move {
            match request.uri().path() {
                "/204" => Response::builder().status(204).body(Body::from("ignored")),
                "/empty" => Ok(Response::new(Body::empty())),
                _ => Ok(Response::new(Body::from(""))),
            }
        };
        set_up(&ctx, FetchOptions::new().on_fetch(handler));
        let code = r"
            (async () => {
                const all = [
                    new Response(), new Response(null), new Response(undefined), new Response(null, { status: 204 }),
                    new Request('http://h/'), new Request('http://h/', { body: null, method: 'POST' }), Response.error(),
                    Response.redirect('http://h/'), await fetch('http://h/204'), await fetch('http://h/empty'),
                    await fetch('http://h/x', { method: 'HEAD' }),
                ];
                const read = [];
                for (const r of all) read.push([r.body === null, await r.text(), r.bodyUsed, (await r.blob()).size]);
                return [read.every((x) => JSON.stringify(x) === '[true,\'\',false,0]'.replaceAll('\'', '\u0022')),
                    (await fetch('http://h/text')).body !== null, new Response('').body !== null];
            })()";
        assert_eq!(eval_code_async::<(bool, bool, bool)>(&ctx, code).await, (true, true, true));
    }
);

engine_test!(
    fn headers(engine) {
        let ctx = create_test_context(engine);
        set_up(&ctx, FetchOptions::new());
        let code = r"
            const h = new Headers([['B', '2'], ['a', '1'], ['b', '3'], ['Set-Cookie', 'x=1'], ['set-cookie', 'y=2']]);
            h.append('C', ' \t4\r\n ');
            JSON.stringify([
                [...h], h.get('b'), h.get('B'), h.get('none'), h.has('A'), h.getSetCookie(), h.get('set-cookie'),
                (h.set('b', '9'), h.get('b')), (h.delete('A'), h.has('a')), [...h.keys()], [...new Headers(h)].length,
                [...new Headers({ x: 1, y: undefined })], Object.prototype.toString.call(h),
                ['', 'a b', 'é', 'a:', 'a\n', 'a\u0000', '\u{1f600}'].map((n) => thrown(() => h.set(n, 'v'))),
                ['a\nb', 'a\rb', 'a\u0000', '\u0100', '\ud800'].map((v) => thrown(() => h.append('v', v))),
                (h.set('v', 'é\u0001'), h.get('v')), thrown(() => new Headers([['a']])), thrown(() => new Headers(1)),
                thrown(() => Response.error().headers.append('a', 'b')),
            ])";
        let got: String = eval_code(&ctx, code);
        let expected = serde_json::json!([
            [["a", "1"], ["b", "2, 3"], ["c", "4"], ["set-cookie", "x=1"], ["set-cookie", "y=2"]], "2, 3", "2, 3", null, true,
            ["x=1", "y=2"], "x=1, y=2", "9", false, ["b", "c", "set-cookie", "set-cookie"], 4,
            [["x", "1"], ["y", "undefined"]], "[object Headers]",
            vec!["TypeError"; 7], vec!["TypeError"; 5], "é\u{1}", "TypeError", "TypeError", "TypeError"
        ]);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&got).unwrap(), expected);
    }
);

engine_test!(
    fn what_constructors_refuse(engine) {
        let ctx = create_test_context(engine);
        set_up(&ctx, FetchOptions::new());
        let code = r"
            const used = new Response('x');
            used.text();
            const stream = new ReadableStream();
            stream.getReader();
            JSON.stringify([
                () => new Request('/relative'), () => new Request('http://u:p@h/'), () => new Request('http://h/', { method: 'TRACE' }),
                () => new Request('http://h/', { method: 'a b' }), () => new Request('http://h/', { body: 'x' }),
                () => new Request('http://h/', { mode: 'navigate' }), () => new Request('http://h/', { redirect: 'x' }),
                () => new Request('http://h/', { signal: {} }), () => new Request('http://h/', { cache: 'only-if-cached' }),
                () => new Request('http://h/', { window: 1 }), () => new Request(), () => new Response(stream),
                () => new Response('', { status: 204 }), () => new Response('', { statusText: 'a\nb' }), () => Response.json(undefined),
                () => Response.json(() => 1), () => new Response('x', { headers: [['']] }), () => Response.redirect('/x'),
                () => new Response('', { status: 199 }), () => new Response('', { status: 600 }),
                () => Response.redirect('http://h/', 200), () => new FormData(1), () => Response(), () => Headers.prototype.get.call({}, 'a'),
            ].map(thrown))";
        let got: Vec<String> = serde_json::from_str(&eval_code::<String>(&ctx, code)).unwrap();
        let mut expected = vec!["TypeError"; 24];
        expected[18..21].fill("RangeError");
        assert_eq!(got, expected);
    }
);

engine_test!(
    async fn aborting(engine) {
        let ctx = create_test_context(engine);
        let dropped = Arc::new(AtomicUsize::new(0));
        struct Count(Arc<AtomicUsize>);
        impl Drop for Count {
            fn drop(&mut self) {
                self.0.fetch_add(1, Ordering::SeqCst);
            }
        }
        let d = dropped.clone();
        let handler = move |request: Request<Body>| {
            let count = Count(d.clone());
            async move {
                if request.uri().path() == "/never" {
                    std::future::pending::<()>().await;
                }
                let chunks = stream::unfold(count, |count| async move {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    Some((Ok::<_, FetchError>(Bytes::from_static(b"more")), count))
                });
                Response::new(Body::from_stream(chunks))
            }
        };
        let handle = set_up(&ctx, FetchOptions::new().on_fetch(handler));
        let code = r"
            (async () => {
                const out = [];
                out.push(await failure(() => fetch('http://h/', { signal: AbortSignal.abort() })));
                out.push(await failure(() => fetch('http://h/', { signal: AbortSignal.abort('mine') })));
                let c = new AbortController();
                let p = fetch('http://h/never', { signal: c.signal });
                c.abort();
                out.push(await failure(() => p));
                c = new AbortController();
                p = fetch(new Request('http://h/never', { signal: c.signal }));
                c.abort('why');
                out.push(await failure(() => p));
                c = new AbortController();
                let r = await fetch('http://h/', { signal: c.signal });
                const reader = r.body.getReader();
                await reader.read();
                c.abort(new RangeError('x'));
                out.push(await failure(async () => { for (;;) if ((await reader.read()).done) return; }));
                c = new AbortController();
                r = await fetch('http://h/', { signal: c.signal });
                p = r.text();
                c.abort(new RangeError('y'));
                out.push(await failure(() => p));
                r = await fetch('http://h/');
                await r.body.cancel();
                out.push(await r.text().catch((e) => e.name));
                const given = new Request('http://h/', { signal: c.signal });
                out.push(given.signal.aborted, given.clone().signal.aborted, new Request('http://h/').signal.aborted);
                return JSON.stringify(out);
            })()";
        let got: String = eval_code_async(&ctx, code).await;
        let expected = r#"["AbortError","mine","AbortError","why","RangeError","RangeError","TypeError",true,true,false]"#;
        assert_eq!(got, expected);
        ctx.collect_garbage();
        ctx.run_until_idle().await.unwrap();
        assert_eq!((dropped.load(Ordering::SeqCst), handle.pending()), (5, 0), "everything is let go of");
    }
);

engine_test!(
    async fn a_thousand_in_flight(engine) {
        let ctx = create_test_context(engine);
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (n, m) = (now.clone(), most.clone());
        let handler = move |request: Request<Body>| {
            let (n, m) = (n.clone(), m.clone());
            async move {
                m.fetch_max(n.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                while m.load(Ordering::SeqCst) < 1000 {
                    tokio::task::yield_now().await;
                }
                n.fetch_sub(1, Ordering::SeqCst);
                Response::new(request.uri().path().to_owned())
            }
        };
        set_up(&ctx, FetchOptions::new().on_fetch(handler));
        let code = r"
            Promise.all(Array.from({ length: 1000 }, async (_, i) => await (await fetch('http://h/' + i)).text() === '/' + i))
                .then((all) => all.filter(Boolean).length)";
        assert_eq!(eval_code_async::<u32>(&ctx, code).await, 1000);
        assert_eq!((now.load(Ordering::SeqCst), most.load(Ordering::SeqCst)), (0, 1000));
    }
);

engine_test!(
    async fn limits(engine) {
        let ctx = create_test_context(engine);
        let handler = |request: Request<Body>| async move {
            match request.uri().path() {
                "/never" => std::future::pending().await,
                "/endless" => {
                    let chunk = Ok::<_, FetchError>(Bytes::from_static(&[0; 1000]));
                    Ok(Response::new(Body::from_stream(stream::repeat_with(move || match &chunk {
                        Ok(chunk) => Ok::<_, FetchError>(chunk.clone()),
                        Err(_) => unreachable!(),
                    }))))
                }
                "/long" => Ok(Response::new(Body::from(vec![0; 20_000]))),
                "/headers" => Ok((0..60).fold(Response::builder(), |r, i| r.header(format!("h{i}"), "v")).body(Body::empty())?),
                "/header" => Ok(Response::builder().header("h", "v".repeat(5000)).body(Body::empty())?),
                "/panics" => panic!("as told"),
                "/fails" => Err(FetchError::new(FetchErrorKind::Network, "no route")),
                "/breaks" => {
                    let chunks = vec![Ok(Bytes::from_static(b"some")), Err(FetchError::from("broke in the middle"))];
                    Ok(Response::new(Body::from_stream(stream::iter(chunks))))
                }
                _ => echo(request).await,
            }
        };
        let limits = FetchLimits::new().request_body(10_000u64).response_body(10_000u64).headers(50usize);
        let limits = limits.header_bytes(4000usize).concurrent(3usize).response_time(Duration::from_millis(500));
        set_up(&ctx, FetchOptions::new().on_fetch(handler).limits(limits));
        let code = r"
            (async () => {
                const get = (path, init) => failure(async () => { await (await fetch('http://h' + path, init)).text(); });
                const post = (body) => get('/', { method: 'POST', body, duplex: 'half' });
                const long = new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(3000)); } });
                const many = [1, 2, 3, 4].map(() => get('/never'));
                return JSON.stringify([
                    await Promise.all(many), await get('/endless'), await get('/long'), await get('/headers'), await get('/header'),
                    await get('/panics'), await get('/fails'), await get('/breaks'), await post('x'.repeat(10000)),
                    await post('x'.repeat(10001)), await post(long), await get('/', { headers: Object.fromEntries(
                        Array.from({ length: 51 }, (_, i) => ['h' + i, 'v'])) }), await get('/', { headers: { h: 'v'.repeat(4001) } }),
                    await get('/', { headers: { h: 'a\u0001' } }), await get('/'), await get('/', { headers: { h: 'v'.repeat(1900) } }),
                ]);
            })()";
        let got: serde_json::Value = serde_json::from_str(&eval_code_async::<String>(&ctx, code).await).unwrap();
        let expected = serde_json::json!([
            ["TimeoutError", "TimeoutError", "TimeoutError", "QuotaExceededError"], "TypeError", "TypeError", "TypeError",
            "TypeError", "Error", "TypeError", "TypeError", "nothing", "TypeError", "TypeError", "TypeError", "TypeError",
            "TypeError", "nothing", "nothing"
        ]);
        assert_eq!(got, expected);
    }
);

engine_test!(
    async fn redirects_of_a_handler(engine) {
        let ctx = create_test_context(engine);
        let handler = |_| async { Response::builder().status(StatusCode::FOUND).header("location", "/x").body(()) };
        set_up(&ctx, FetchOptions::new().on_fetch(handler));
        let code = r"
            (async () => [
                (await fetch('http://h/')).status, (await fetch('http://h/', { redirect: 'manual' })).headers.get('location'),
                await failure(() => fetch('http://h/', { redirect: 'error' })),
            ])()";
        let got: (u16, String, String) = eval_code_async(&ctx, code).await;
        assert_eq!(got, (302, "/x".to_owned(), "TypeError".to_owned()));
    }
);

engine_test!(
    async fn integrity(engine) {
        let ctx = create_test_context(engine);
        set_up(&ctx, FetchOptions::new().on_fetch(|_| async { Response::new("hello") }));
        let code = r"
            (async () => [
                await (await fetch('http://h/', { integrity: 'sha256-LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=' })).text(),
                await failure(() => fetch('http://h/', { integrity: 'sha256-AAAA' })),
            ])()";
        assert_eq!(eval_code_async::<(String, String)>(&ctx, code).await, ("hello".to_owned(), "TypeError".to_owned()));
    }
);

engine_test!(
    async fn urls_that_need_no_network(engine) {
        let ctx = create_test_context(engine);
        set_up(&ctx, FetchOptions::new());
        let code = r"
            (async () => {
                const get = async (url, init) => {
                    const r = await fetch(url, init);
                    return [r.status, r.headers.get('content-type'), await r.text(), r.headers.get('content-range')];
                };
                const url = URL.createObjectURL(new Blob(['0123456789'], { type: 'text/x' }));
                const out = [
                    await get('data:,a%20b#c'), await get('data:text/html;base64,aGk='), await get(url), await get(url + '#x'),
                    await get(url, { headers: { range: 'bytes=2-4' } }), await get(url, { headers: { range: 'bytes=-3' } }),
                    await failure(() => get(url, { headers: { range: 'bytes=50-' } })), await failure(() => get(url, { method: 'POST' })),
                    await failure(() => get('data:text/plain;base64,!')), await failure(() => get('blob:null/none')),
                    await failure(() => get('file:///etc/passwd')), await failure(() => get('about:blank')),
                ];
                URL.revokeObjectURL(url);
                out.push(await failure(() => get(url)));
                return out;
            })()";
        let got: serde_json::Value = eval_code_async(&ctx, code).await;
        let e = "TypeError";
        let expected = serde_json::json!([
            [200, "text/plain;charset=US-ASCII", "a b", null], [200, "text/html", "hi", null], [200, "text/x", "0123456789", null],
            [200, "text/x", "0123456789", null], [206, "text/x", "234", "bytes 2-4/10"], [206, "text/x", "789", "bytes 7-9/10"],
            e, e, e, e, e, e, e
        ]);
        assert_eq!(got, expected);
    }
);

engine_test!(
    async fn forms(engine) {
        let ctx = create_test_context(engine);
        set_up(&ctx, FetchOptions::new().on_fetch(echo));
        let code = r#"
            (async () => {
                const form = new FormData();
                form.append('plain', 'a\nb');
                form.append('"quoted"\r\n', 'é');
                form.append('file', new File(['one', new Uint8Array([0, 255])], 'a"b.txt', { type: 'text/x' }));
                form.append('blob', new Blob(['two']));
                form.append('file', new Blob(['three']), 'named');
                form.set('plain', 'c\nd');
                const show = async (f) => {
                    const all = [];
                    for (const [name, value] of f) {
                        all.push(typeof value === 'string' ? [name, value] : [name, value.name, value.type, (await value.bytes()).length]);
                    }
                    return all;
                };
                const sent = await fetch('http://h/', { method: 'POST', body: form });
                const type = sent.headers.get('x-got-content-type');
                const back = new Response(await sent.blob(), { headers: { 'content-type': type } });
                const parse = (body, type) => new Response(body, { headers: { 'content-type': type } }).formData();
                const url = await parse('a=b+c&a=%C3%A9&d', 'application/x-www-form-urlencoded');
                const bad = [];
                for (const [body, type] of [
                    ['x', 'text/plain'], ['', 'multipart/form-data'], ['', 'multipart/form-data; boundary=b'],
                    ['--b\r\nno colon\r\n\r\nx\r\n--b--', 'multipart/form-data; boundary=b'],
                    ['--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--', 'multipart/form-data; boundary=b'],
                    ['--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx', 'multipart/form-data; boundary=b'],
                ]) bad.push(await failure(() => parse(body, type)));
                return [await show(form), await show(await back.formData()), await show(url), url.getAll('a'), bad,
                    (await parse('--b--\r\n', 'multipart/form-data; boundary=b')).has('a')];
            })()"#;
        let got: serde_json::Value = eval_code_async(&ctx, code).await;
        let form = |plain: &str, name: &str, blob: &str| serde_json::json!([
            ["plain", plain], [name, "é"], ["file", "a\"b.txt", "text/x", 5], ["blob", "blob", blob, 3], ["file", "named", blob, 5]
        ]);
        let expected = serde_json::json!([
            form("c\nd", "\"quoted\"\r\n", ""), form("c\r\nd", "\"quoted\"\r\n", "application/octet-stream"),
            [["a", "b c"], ["a", "é"], ["d", ""]], ["b c", "é"], vec!["TypeError"; 6], false
        ]);
        assert_eq!(got, expected);
    }
);

engine_test!(
    async fn patched_builtins_change_nothing(engine) {
        let ctx = create_test_context(engine);
        set_up(&ctx, FetchOptions::new().on_fetch(echo));
        let code = r"
            const then = Promise.prototype.then;
            const bad = () => { throw new Error('patched'); };
            const { ownKeys } = Reflect, { getOwnPropertyDescriptor, defineProperty } = Object;
            const classes = [Array, Map, WeakMap, String, RegExp, Uint8Array, Object.getPrototypeOf(Uint8Array), ReadableStream,
                ReadableStreamDefaultReader, Blob, URL, URLSearchParams, Headers, Request, Response, FormData, AbortSignal];
            for (let i = 0; i < classes.length; i++) {
                const C = classes[i], keys = ownKeys(C.prototype);
                for (let j = 0; j < keys.length; j++) {
                    const key = keys[j], d = getOwnPropertyDescriptor(C.prototype, key);
                    if (key === 'constructor' || key === Symbol.toStringTag || !d.configurable) continue;
                    if (key === 'text' && C === Response) continue;
                    defineProperty(C.prototype, key, d.get ? { get: bad } : { value: bad });
                }
            }
            Object.defineProperty(Promise.prototype, 'then', { value: bad, configurable: true });
            Object.defineProperty(Promise.prototype, 'constructor', { get: bad, configurable: true });
            let out = 'nothing';
            const { apply } = Reflect;
            const settle = (p, f) => apply(then, p, [f, (e) => { out = 'failed: ' + e.message; }]);
            // A null prototype: the members of a dictionary may be inherited, and that is what it is.
            const init = { __proto__: null, method: 'POST', body: 'text' };
            const trap = { __proto__: null, get: bad, set: bad, configurable: true };
            const names = ['0', '1', 'body', 'headers', 'status', 'source', 'stream', 'flat', 'list', 'signal', 'value'];
            for (let i = 0; i < 11; i++) defineProperty(Object.prototype, names[i], trap);
            defineProperty(Promise.prototype, 'constructor', { __proto__: null, value: Promise, configurable: true });
            settle(fetch('http://h/', init), (r) => settle(r.text(), (t) => { out = t; }));
            0";
        ctx.evaluate(code, "patch.js").unwrap();
        ctx.run_until_idle().await.unwrap();
        assert_eq!(ctx.evaluate("out", "out.js").unwrap().as_str(), Some("text"));
    }
);

engine_test!(
    async fn what_the_guest_reads_counts_as_its_memory(engine) {
        let ctx = create_limited_context(engine, Limits::new().memory(16 << 20));
        let chunk = Bytes::from(vec![0; 64 << 10]);
        let handler = move |_| {
            let chunk = chunk.clone();
            async move {
                let chunks = stream::repeat_with(move || Ok::<_, FetchError>(chunk.clone()));
                Response::new(Body::from_stream(chunks))
            }
        };
        set_up(&ctx, FetchOptions::new().on_fetch(handler).limits(FetchLimits::new().response_body(1u64 << 40)));
        let code = "fetch('http://h/').then((r) => r.arrayBuffer())";
        let error = ctx.eval(code, EvalOptions::new()).await.unwrap_err();
        assert_eq!(error.terminated(), Some(Termination::Memory));
    }
);

engine_test!(
    async fn dispose_ends_what_is_under_way(engine) {
        let ctx = create_test_context(engine);
        let asked = Arc::new(Mutex::new(Vec::new()));
        let a = asked.clone();
        let handler = move |request: Request<Body>| {
            a.lock().unwrap().push(request.extensions().get::<RequestInfo>().unwrap().redirect);
            std::future::pending::<Response<Body>>()
        };
        let handle = set_up(&ctx, FetchOptions::new().on_fetch(handler));
        let code = r"
            globalThis.names = [];
            const signal = new AbortController().signal;
            for (const init of [{ signal }, {}]) fetch('http://h/', init).catch((e) => names.push(e.name));
            0";
        ctx.evaluate(code, "x.js").unwrap();
        assert_eq!(handle.pending(), 2);
        handle.dispose();
        ctx.run_until_idle().await.unwrap();
        assert_eq!(handle.pending(), 0);
        ctx.evaluate("fetch('http://h/').catch((e) => names.push(e.name))", "y.js").unwrap();
        ctx.run_until_idle().await.unwrap();
        assert_eq!(eval_code::<String>(&ctx, "names.join()"), "AbortError,AbortError,InvalidStateError");
        assert_eq!(*asked.lock().unwrap(), [RedirectMode::Follow; 2]);
    }
);

engine_test!(
    async fn nothing_is_left_of_fetches_that_are_over(engine) {
        let ctx = create_test_context(engine);
        let open = Arc::new(AtomicUsize::new(0));
        struct Open(Arc<AtomicUsize>);
        impl Drop for Open {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::SeqCst);
            }
        }
        let o = open.clone();
        let handler = move |request: Request<Body>| {
            o.fetch_add(1, Ordering::SeqCst);
            let open = Open(o.clone());
            async move {
                if request.uri().path() == "/never" {
                    std::future::pending::<()>().await;
                }
                if request.uri().path() == "/echo" {
                    let bytes = request.into_body().read_all(1 << 20).await?;
                    return Ok::<_, FetchError>(Response::new(bytes.into()));
                }
                let chunks = stream::unfold(open, |open| async move {
                    tokio::task::yield_now().await;
                    Some((Ok::<_, FetchError>(Bytes::from(vec![1; 10_000])), open))
                });
                Ok(Response::new(Body::from_stream(chunks)))
            }
        };
        let handle = set_up(&ctx, FetchOptions::new().on_fetch(handler));
        let code = r"
            globalThis.round = async () => {
                const read = async (r) => { const reader = r.body.getReader(); await reader.read(); return reader; };
                await fetch('http://h/endless');
                (await read(await fetch('http://h/endless'))).cancel();
                await read((await fetch('http://h/endless')).clone());
                const c = new AbortController();
                const never = fetch('http://h/never', { signal: c.signal }).catch(() => {});
                const r = await fetch('http://h/endless', { signal: c.signal });
                const text = r.text().catch(() => {});
                c.abort();
                await never;
                await text;
                const form = new FormData();
                form.set('file', new Blob([new Uint8Array(100000)]));
                const sent = await fetch('http://h/echo', { method: 'POST', body: form });
                const { size } = await sent.blob();
                const body = new ReadableStream({ start(c) { c.enqueue(new Uint8Array(100000)); c.close(); } });
                await (await fetch('http://h/echo', { method: 'POST', body, duplex: 'half' })).arrayBuffer();
                return size > 100000;
            };
            0";
        ctx.evaluate(code, "round.js").unwrap();
        let settle = async || {
            for _ in 0..3 {
                ctx.collect_garbage();
                ctx.run_until_idle().await.unwrap();
            }
            (ctx.memory_usage().host, ctx.pending_calls(), handle.pending(), open.load(Ordering::SeqCst))
        };
        assert!(eval_code_async::<bool>(&ctx, "round()").await);
        let (host, calls, ..) = settle().await;
        for _ in 0..20 {
            assert!(eval_code_async::<bool>(&ctx, "round()").await);
        }
        assert_eq!(settle().await, (host, calls, 0, 0));
    }
);
