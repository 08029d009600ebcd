//! The network handler, over real sockets on loopback.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use http::{Method, Request, Response};
use isolate_core::Context;
use isolate_fetch::network::{Network, NetworkOptions, NetworkPolicy};
use isolate_fetch::{
    Body, FetchError, FetchErrorKind, FetchHandler, FetchOptions, RedirectMode, RequestInfo, ResponseInfo, setup_fetch,
};
use isolate_test_utils::{
    IntegrationServer, MockServerResponse, block_on, create_test_context, engine_test, eval_code_async,
    start_integration_server,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

fn loopback() -> NetworkPolicy {
    NetworkPolicy::new().allow_host("127.0.0.1").unwrap()
}

fn network() -> Network {
    Network::new(NetworkOptions::new(loopback()))
}

fn get(url: &str) -> Request<Body> {
    Request::get(url).body(Body::empty()).unwrap()
}

async fn text(response: Response<Body>) -> String {
    response.into_body().text(1 << 30).await.unwrap()
}

fn kind(result: Result<Response<Body>, FetchError>) -> Result<u16, FetchErrorKind> {
    result.map(|r| r.status().as_u16()).map_err(|e| e.kind())
}

#[test]
fn requests_arrive_and_responses_come_back() {
    block_on(async {
        let server = start_integration_server(None).await;
        server.set_response("/a", MockServerResponse::new("hello").header("x-one", "1").status(201));
        let network = Network::new(NetworkOptions::new(loopback()).user_agent("test").on_request(|parts| {
            parts.headers.insert("authorization", "Bearer secret".parse().unwrap());
        }));
        let request =
            Request::post(format!("{}/a?b=c", server.url())).header("x-sent", "yes").header("host", "evil.example");
        let request = request
            .header("content-length", "999")
            .header("transfer-encoding", "chunked")
            .header("connection", "close");
        let response = network.fetch(request.body("body".into()).unwrap()).await.unwrap();
        assert_eq!((response.status().as_u16(), response.headers()["x-one"].as_bytes()), (201, &b"1"[..]));
        assert_eq!(text(response).await, "hello");
        let [got] = &server.requests()[..] else { panic!("one request") };
        assert_eq!((&got.method, got.path.as_str(), &got.body[..]), (&Method::POST, "/a?b=c", &b"body"[..]));
        assert_eq!(got.header("host"), format!("127.0.0.1:{}", server.port()), "the guest cannot choose it");
        assert_eq!(
            (got.header("content-length"), got.header("transfer-encoding"), got.header("connection")),
            ("4", "", "")
        );
        assert_eq!(
            (got.header("authorization"), got.header("user-agent"), got.header("accept")),
            ("Bearer secret", "test", "*/*")
        );
        assert_eq!(got.header("x-sent"), "yes");
        let missing = network.fetch(get(&format!("{}/none", server.url()))).await;
        assert_eq!(kind(missing), Ok(404));
    });
}

#[test]
fn bodies_stream_and_connections_are_kept() {
    block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = connections.clone();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let mut buffer = [0; 4096];
                    while let Ok(n @ 1..) = stream.read(&mut buffer).await {
                        if buffer[..n].ends_with(b"\r\n\r\n") {
                            let _ = stream.write_all(b"HTTP/1.1 200 Fine\r\ncontent-length: 2\r\n\r\nok").await;
                        }
                    }
                });
            }
        });
        let network = network();
        for _ in 0..5 {
            let response = network.fetch(get(&format!("http://{address}/"))).await.unwrap();
            assert_eq!(text(response).await, "ok");
        }
        assert_eq!(connections.load(Ordering::SeqCst), 1, "one connection for all");

        let server = start_integration_server(None).await;
        server.set_response("/", MockServerResponse::chunks(vec![vec![7u8; 10_000]; 50]));
        let chunks = stream::iter(0..100).map(|i: u8| Ok::<_, FetchError>(Bytes::from(vec![i; 1000])));
        let request = Request::post(format!("{}/", server.url())).body(Body::from_stream(chunks)).unwrap();
        let response = network.fetch(request).await.unwrap();
        assert_eq!(response.body().length(), None);
        assert_eq!(response.into_body().read_all(1 << 20).await.unwrap().len(), 500_000);
        assert_eq!(server.requests()[0].body.len(), 100_000);
    });
}

#[test]
fn redirects_are_followed_as_the_standard_says() {
    block_on(async {
        let (server, other) = (start_integration_server(None).await, start_integration_server(None).await);
        let network = network();
        for status in [301, 302, 303, 307, 308] {
            server.set_response(&format!("/{status}"), MockServerResponse::redirect(status, "/end?x"));
        }
        server.set_response("/end", MockServerResponse::new("end"));
        server.set_response("/loop", MockServerResponse::redirect(302, "/loop"));
        server.set_response("/other", MockServerResponse::redirect(307, &format!("{}/end", other.url())));
        server.set_response("/nowhere", MockServerResponse::default().status(302));
        for (i, bad) in [
            "ftp://127.0.0.1/",
            "http://u:p@127.0.0.1/",
            "http://",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "data:,x",
        ]
        .iter()
        .enumerate()
        {
            server.set_response(&format!("/bad{i}"), MockServerResponse::redirect(302, bad));
        }
        other.set_response("/end", MockServerResponse::new("other"));
        let url = |path: &str| format!("{}{path}", server.url());
        let with = |method: &str, path: &str, mode: RedirectMode, body: Body| {
            let mut request = Request::builder().method(method).uri(url(path)).header("content-type", "text/x");
            request = request.header("authorization", "a").header("cookie", "c").header("x-kept", "k");
            let mut request = request.body(body).unwrap();
            let mut info = RequestInfo::new(url(path));
            info.redirect = mode;
            request.extensions_mut().insert(info);
            request
        };
        let last = |server: &IntegrationServer| server.requests().pop().unwrap();
        for (method, status, becomes) in [
            ("POST", 301, "GET"),
            ("POST", 302, "GET"),
            ("POST", 303, "GET"),
            ("POST", 307, "POST"),
            ("POST", 308, "POST"),
            ("PUT", 301, "PUT"),
            ("PUT", 302, "PUT"),
            ("PUT", 303, "GET"),
            ("GET", 303, "GET"),
            ("HEAD", 303, "HEAD"),
        ] {
            let body = if matches!(method, "GET" | "HEAD") { Body::empty() } else { "body".into() };
            let response =
                network.fetch(with(method, &format!("/{status}"), RedirectMode::Follow, body)).await.unwrap();
            let info = response.extensions().get::<ResponseInfo>().unwrap();
            assert_eq!((info.redirected, info.url.as_ref().unwrap().as_str()), (true, url("/end?x").as_str()));
            let got = last(&server);
            let kept = becomes == method && method != "GET" && method != "HEAD";
            assert_eq!((got.method.as_str(), got.path.as_str()), (becomes, "/end?x"), "{method} {status}");
            assert_eq!(
                (&got.body[..], got.header("content-type")),
                if kept {
                    (&b"body"[..], "text/x")
                } else if becomes == method {
                    (&b""[..], "text/x")
                } else {
                    (&b""[..], "")
                }
            );
            assert_eq!((got.header("authorization"), got.header("cookie")), ("a", "c"));
        }
        let response = network.fetch(with("POST", "/other", RedirectMode::Follow, "body".into())).await.unwrap();
        assert_eq!(text(response).await, "other");
        let got = last(&other);
        assert_eq!(
            (got.header("authorization"), got.header("cookie"), got.header("x-kept")),
            ("", "", "k"),
            "another origin"
        );
        assert_eq!(kind(network.fetch(with("GET", "/302", RedirectMode::Manual, Body::empty())).await), Ok(302));
        assert_eq!(kind(network.fetch(with("GET", "/nowhere", RedirectMode::Follow, Body::empty())).await), Ok(302));
        server.clear_requests();
        assert_eq!(
            kind(network.fetch(with("GET", "/loop", RedirectMode::Follow, Body::empty())).await),
            Err(FetchErrorKind::TooLarge)
        );
        assert_eq!(server.requests().len(), 21);
        for i in 0..6 {
            let result = network.fetch(with("GET", &format!("/bad{i}"), RedirectMode::Follow, Body::empty())).await;
            assert_eq!(kind(result), Err(FetchErrorKind::Network), "{i}");
        }
        let once = || Body::from_stream(stream::iter([Ok::<_, FetchError>(Bytes::from_static(b"x"))]));
        assert_eq!(
            kind(network.fetch(with("POST", "/307", RedirectMode::Follow, once())).await),
            Err(FetchErrorKind::Network)
        );
        assert_eq!(kind(network.fetch(with("POST", "/303", RedirectMode::Follow, once())).await), Ok(200));
    });
}

/// Answers each connection with these bytes, once it has read a head.
async fn raw_server(answer: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                let _ = stream.read(&mut buffer).await;
                let _ = stream.write_all(&answer).await;
            });
        }
    });
    address
}

#[test]
fn a_redirect_leads_nowhere_that_a_request_may_not() {
    block_on(async {
        let server = start_integration_server(None).await;
        for (i, target) in [
            "http://169.254.169.254/latest/meta-data/",
            "http://10.0.0.1/",
            "http://[::1]:1/",
            "http://2130706433:1/x",
            "http://0x7f.0.0.2/",
            "http://[::ffff:169.254.169.254]/",
            "https://example.com/",
            "http://localhost:1/",
        ]
        .iter()
        .enumerate()
        {
            server.set_response(&format!("/{i}"), MockServerResponse::redirect(302, target));
        }
        let policy = NetworkPolicy::new().allow_host(&format!("127.0.0.1:{}", server.port())).unwrap();
        let narrow = Network::new(NetworkOptions::new(policy));
        let wide = loopback().allow_host("*").unwrap().deny("example.com".parse().unwrap());
        let wide = Network::new(NetworkOptions::new(wide));
        for i in 0..8 {
            for network in [&narrow, &wide] {
                let result = network.fetch(get(&format!("{}/{i}", server.url()))).await;
                // `2130706433` is 127.0.0.1, which the wide one allows, but nothing listens there.
                let expected = if i == 3 && std::ptr::eq(network, &wide) {
                    FetchErrorKind::Network
                } else {
                    FetchErrorKind::Refused
                };
                assert_eq!(kind(result), Err(expected), "{i}");
            }
        }
    });
}

#[test]
fn names_are_held_against_the_policy_when_they_are_resolved() {
    block_on(async {
        let server = start_integration_server(None).await;
        server.set_default_response(MockServerResponse::new("reached"));
        let asked = Arc::new(AtomicUsize::new(0));
        let a = asked.clone();
        let resolve = move |name: String| {
            let n = a.fetch_add(1, Ordering::SeqCst);
            async move {
                let addresses: &[&str] = match name.as_str() {
                    "private.example" => &["127.0.0.1"],
                    "mapped.example" => &["::ffff:127.0.0.1"],
                    "metadata.example" => &["169.254.169.254"],
                    "mixed.example" => &["93.184.216.34", "127.0.0.1"],
                    // Public when it is looked at first, private after.
                    "rebind.example" if n.is_multiple_of(2) => &["203.0.113.1"],
                    "rebind.example" => &["127.0.0.1"],
                    "empty.example" => &[],
                    _ => return Err(std::io::Error::other("no such name")),
                };
                Ok(addresses.iter().map(|a| a.parse::<IpAddr>().unwrap()).collect())
            }
        };
        let policy = NetworkPolicy::new().allow_host("*").unwrap();
        let network = Network::new(NetworkOptions::new(policy.clone()).resolver(resolve.clone()));
        let url = |name: &str| format!("http://{name}:{}/", server.port());
        for name in [
            "private.example",
            "mapped.example",
            "metadata.example",
            "mixed.example",
            "rebind.example",
            "rebind.example",
        ] {
            assert_eq!(kind(network.fetch(get(&url(name))).await), Err(FetchErrorKind::Refused), "{name}");
        }
        for name in ["empty.example", "none.example"] {
            assert_eq!(kind(network.fetch(get(&url(name))).await), Err(FetchErrorKind::Network), "{name}");
        }
        assert!(server.requests().is_empty());
        let granted = policy.allow_addresses("127.0.0.0/8".parse().unwrap());
        let network = Network::new(NetworkOptions::new(granted).resolver(resolve));
        assert_eq!(kind(network.fetch(get(&url("private.example"))).await), Ok(200));
        // The system's own resolver, and a rule for the name.
        let localhost = NetworkPolicy::new().allow_host("localhost").unwrap();
        let network = Network::new(NetworkOptions::new(localhost));
        assert_eq!(kind(network.fetch(get(&url("localhost"))).await), Ok(200));
        assert_eq!(
            kind(network.fetch(get(&url("127.0.0.1"))).await),
            Err(FetchErrorKind::Refused),
            "the name, not the address"
        );
    });
}

#[test]
fn nothing_is_allowed_at_first() {
    block_on(async {
        let server = start_integration_server(None).await;
        let network = Network::new(NetworkOptions::default());
        let error = network.fetch(get(&server.url())).await.unwrap_err();
        assert_eq!(error.kind(), FetchErrorKind::Refused);
        assert_eq!(error.to_string(), format!("the host does not allow 127.0.0.1:{}", server.port()));
        let only_get = Network::new(NetworkOptions::new(loopback().methods([Method::GET])));
        let post = Request::post(server.url()).body(Body::empty()).unwrap();
        assert_eq!(kind(only_get.fetch(post).await), Err(FetchErrorKind::Refused));
        assert_eq!(kind(only_get.fetch(get(&server.url())).await), Ok(404));
    });
}

#[test]
fn bodies_are_decoded_and_bombs_are_cut_short() {
    block_on(async {
        let gzip = |bytes: &[u8]| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        };
        let server = start_integration_server(None).await;
        server.set_response("/", MockServerResponse::new(gzip(b"hello")).header("content-encoding", "gzip"));
        let bomb = gzip(&vec![0; 64 << 20]);
        assert!(bomb.len() < 100_000);
        server.set_response("/bomb", MockServerResponse::new(bomb).header("content-encoding", "gzip"));
        server.set_response("/bad", MockServerResponse::new("not gzip").header("content-encoding", "gzip"));
        let network = network();
        let url = |path: &str| format!("{}{path}", server.url());
        assert_eq!(text(network.fetch(get(&url("/"))).await.unwrap()).await, "hello");
        assert!(server.requests()[0].header("accept-encoding").contains("gzip"));
        let body = network.fetch(get(&url("/bomb"))).await.unwrap().into_body();
        assert_eq!(body.limited(1 << 20).read_all(1 << 30).await.unwrap_err().kind(), FetchErrorKind::TooLarge);
        let body = network.fetch(get(&url("/bad"))).await.unwrap().into_body();
        assert_eq!(body.read_all(1 << 20).await.unwrap_err().kind(), FetchErrorKind::Network);
    });
}

#[test]
fn servers_that_do_not_behave() {
    block_on(async {
        let network = Network::new(NetworkOptions::new(loopback()).idle_time(Duration::from_secs(2)));
        let fetch = async |answer: &[u8]| {
            let address = raw_server(answer.to_vec()).await;
            match network.fetch(get(&format!("http://{address}/"))).await {
                Ok(response) => response.into_body().read_all(1 << 20).await.map(|b| b.len()).map_err(|e| e.kind()),
                Err(e) => Err(e.kind()),
            }
        };
        let failed = Err(FetchErrorKind::Network);
        assert_eq!(fetch(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await, Ok(2));
        assert_eq!(fetch(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nlonger than it said").await, Ok(2));
        assert_eq!(fetch(b"HTTP/1.1 200 OK\r\n\r\nto the end").await, Ok(10));
        assert_eq!(fetch(b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nshort").await, failed);
        assert_eq!(fetch(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n").await, failed);
        assert_eq!(fetch(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n").await, failed);
        assert_eq!(fetch(b"").await, failed);
        assert_eq!(fetch(b"nonsense\r\n\r\n").await, failed);
        assert_eq!(fetch(b"HTTP/1.1 99999 OK\r\n\r\n").await, failed);
        assert_eq!(fetch(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc").await, failed);
        assert_eq!(fetch(b"HTTP/1.1 200 OK\r\na\0b: c\r\n\r\n").await, failed);
        let many: String = (0..2000).map(|i| format!("h{i}: v\r\n")).collect();
        assert_eq!(fetch(format!("HTTP/1.1 200 OK\r\n{many}\r\n").as_bytes()).await, failed);
        let long = format!("HTTP/1.1 200 OK\r\nh: {}\r\n\r\n", "v".repeat(1 << 20));
        assert_eq!(fetch(long.as_bytes()).await, failed);
        // Nobody there, and one that says nothing.
        let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap();
        assert_eq!(kind(network.fetch(get(&format!("http://{closed}/"))).await), failed.map(|_: usize| 0));
        let server = start_integration_server(None).await;
        server.set_response("/slow", MockServerResponse::chunks(["a", "b"]).between(Duration::from_secs(5)));
        let body = network.fetch(get(&format!("{}/slow", server.url()))).await.unwrap().into_body();
        assert_eq!(body.read_all(10).await.unwrap_err().kind(), FetchErrorKind::Timeout);
        let hasty = Network::new(NetworkOptions::new(loopback()).total_time(Duration::from_millis(100)));
        server.set_response("/drip", MockServerResponse::chunks(["x"]).endless().between(Duration::from_millis(10)));
        let body = hasty.fetch(get(&format!("{}/drip", server.url()))).await.unwrap().into_body();
        assert_eq!(body.read_all(1 << 20).await.unwrap_err().kind(), FetchErrorKind::Timeout);
        // Redirects are part of it.
        server.set_response("/round", MockServerResponse::redirect(302, "/round").delay(Duration::from_millis(60)));
        assert_eq!(kind(hasty.fetch(get(&format!("{}/round", server.url()))).await), Err(FetchErrorKind::Timeout));
        server.set_response("/late", MockServerResponse::new("x").delay(Duration::from_secs(5)));
        assert_eq!(kind(hasty.fetch(get(&format!("{}/late", server.url()))).await), Err(FetchErrorKind::Timeout));
        server.set_response(
            "/breaks",
            MockServerResponse::chunks(["some", "more"]).between(Duration::from_millis(20)).broken(),
        );
        let body = network.fetch(get(&format!("{}/breaks", server.url()))).await.unwrap().into_body();
        assert_eq!(body.read_all(1 << 20).await.unwrap_err().kind(), FetchErrorKind::Network);
    });
}

#[test]
fn tls_with_http_2_and_a_certificate_of_ones_own() {
    block_on(async {
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let der = certified.cert.der().to_vec();
        let key =
            tokio_rustls::rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let mut config = tokio_rustls::rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let service = hyper::service::service_fn(|request: Request<hyper::body::Incoming>| async move {
                        Ok::<_, std::convert::Infallible>(Response::new(Body::from(format!("{:?}", request.version()))))
                    });
                    let io = hyper_util::rt::TokioIo::new(stream);
                    let builder = hyper_util::server::conn::auto::Builder::new(hyper_util::rt::TokioExecutor::new());
                    let _ = builder.serve_connection(io, service).await;
                });
            }
        });
        let policy = NetworkPolicy::new().allow_host("localhost").unwrap();
        let url = format!("https://localhost:{port}/");
        let trusting = Network::new(NetworkOptions::new(policy.clone()).root_certificate(der));
        let response = trusting.fetch(get(&url)).await.unwrap();
        assert_eq!(response.version(), http::Version::HTTP_2);
        assert_eq!(text(response).await, "HTTP/2.0");
        let strict = Network::new(NetworkOptions::new(policy));
        assert_eq!(kind(strict.fetch(get(&url)).await), Err(FetchErrorKind::Network), "nobody vouches for it");
    });
}

fn set_up(ctx: &Context, network: Network) {
    setup_fetch(ctx, FetchOptions::new().handler(network.clone()).web_socket(network)).unwrap();
}

engine_test!(
    async fn a_guest_fetches_from_a_server(engine) {
        let server = start_integration_server(None).await;
        server.set_response("/json", MockServerResponse::new(r#"{"a":1}"#).header("content-type", "application/json"));
        server.set_response("/go", MockServerResponse::redirect(302, "/json#x"));
        server.set_response("/empty", MockServerResponse::default().status(204));
        let odd = raw_server(b"HTTP/1.1 203 Quite So\r\ncontent-length: 0\r\n\r\n".to_vec()).await;
        server.set_response("/odd", MockServerResponse::redirect(302, &format!("http://{odd}/")));
        let ctx = create_test_context(engine);
        set_up(&ctx, network());
        let code = format!(
            r"(async () => {{
                const base = '{}';
                const r = await fetch(base + '/go', {{ method: 'POST', body: new URLSearchParams({{ q: 'é' }}) }});
                const failed = await fetch('http://example.com/').catch((e) => e.name + ': ' + e.message);
                const empty = await fetch(base + '/empty');
                return [r.status, r.url === base + '/json', r.redirected, r.headers.get('content-type'), (await r.json()).a, failed,
                    empty.body, empty.statusText, (await fetch(base + '/odd')).statusText, (await fetch(base + '/odd')).redirected];
            }})()",
            server.url()
        );
        let got: serde_json::Value = eval_code_async(&ctx, &code).await;
        let refused = "TypeError: fetch failed: the host does not allow example.com:80";
        assert_eq!(got, serde_json::json!([200, true, true, "application/json", 1, refused, null, "No Content", "Quite So", true]));
        assert_eq!(&server.requests()[0].body[..], b"q=%C3%A9");
    }
);

engine_test!(
    async fn a_guest_aborts_what_comes_over_a_socket(engine) {
        let server = start_integration_server(None).await;
        server.set_response("/drip", MockServerResponse::chunks(["x"]).endless().between(Duration::from_millis(1)));
        server.set_response("/late", MockServerResponse::new("x").delay(Duration::from_secs(60)));
        let ctx = create_test_context(engine);
        set_up(&ctx, network());
        let code = format!(
            r"(async () => {{
                const c = new AbortController();
                const late = fetch('{0}/late', {{ signal: c.signal }}).catch((e) => e.name);
                const r = await fetch('{0}/drip', {{ signal: c.signal }});
                const reader = r.body.getReader();
                await reader.read();
                c.abort();
                const read = await (async () => {{ for (;;) await reader.read(); }})().catch((e) => e.name);
                const again = await fetch('{0}/drip');
                await again.body.cancel();
                return [await late, read];
            }})()",
            server.url()
        );
        assert_eq!(eval_code_async::<(String, String)>(&ctx, &code).await, ("AbortError".to_owned(), "AbortError".to_owned()));
        ctx.run_until_idle().await.unwrap();
    }
);
