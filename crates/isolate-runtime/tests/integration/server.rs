//! A guest that answers requests over real sockets, on every engine.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use isolate_runtime::fetch::network::{Network, NetworkOptions, NetworkPolicy};
use isolate_runtime::http::{Request, Response};
use isolate_runtime::{
    Body, Clock, FetchErrorKind, FetchHandler, FetchLimits, FetchOptions, Limits, Runtime, RuntimeOptions, Server,
    create_runtime,
};
use isolate_test_utils::engine_test;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tower_service::Service as _;

struct Serving {
    runtime: Runtime,
    address: SocketAddr,
    errors: Arc<Mutex<Vec<String>>>,
    stop: oneshot::Sender<()>,
    ended: tokio::task::JoinHandle<()>,
}

fn options(engine: &dyn isolate_runtime::Engine) -> RuntimeOptions {
    RuntimeOptions::new().engine_arc(isolate_runtime::engine_by_name(engine.name()).unwrap()).clock(Clock::Real)
}

async fn serve(options: RuntimeOptions, code: &str) -> Serving {
    let runtime = create_runtime(options).await.unwrap();
    runtime.eval(code, "serve.js").await.unwrap();
    let errors = Arc::new(Mutex::new(Vec::new()));
    let told = errors.clone();
    let server = Server::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let server = server.grace(Duration::from_secs(3)).message_bytes(1 << 20).header_time(Duration::from_secs(1));
    let server = server.on_error(move |e| told.lock().unwrap().push(e.to_string()));
    let address = server.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let served = runtime.clone();
    let ended = tokio::spawn(server.serve(served, async move {
        let _ = stopped.await;
    }));
    Serving { runtime, address, errors, stop, ended }
}

impl Serving {
    fn network() -> Network {
        Network::new(NetworkOptions::new(NetworkPolicy::new().allow_host("127.0.0.1").unwrap()))
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let request = Request::get(format!("http://{}{path}", self.address)).body(Body::empty()).unwrap();
        let response = Self::network().fetch(request).await.unwrap();
        (response.status().as_u16(), response.into_body().text(1 << 30).await.unwrap())
    }

    async fn end(self) -> Runtime {
        let _ = self.stop.send(());
        tokio::time::timeout(Duration::from_secs(10), self.ended).await.unwrap().unwrap();
        self.runtime
    }
}

const APP: &str = r"
    globalThis.log = [];
    serve({
        async fetch(request, server) {
            const { pathname, host } = new URL(request.url);
            switch (pathname) {
                case '/hello': return new Response('hello ' + host.replace(/:.*/, ''), { headers: { 'x-a': 'é' } });
                case '/echo': return new Response(request.body, { status: 201, statusText: 'As You Said' });
                case '/throw': throw new RangeError('a secret');
                case '/never': request.signal.onabort = () => log.push('gone'); return new Promise(() => {});
                case '/slow': await new Promise((r) => setTimeout(r, 300)); return new Response('slow');
                case '/endless': return new Response(new ReadableStream({
                    pull(c) { c.enqueue(new Uint8Array(65536)); }, cancel() { log.push('cancelled'); },
                }));
                case '/ws': if (server.upgrade(request, { data: pathname })) return; return new Response('no', { status: 400 });
                case '/hang': for (;;) {}
            }
            return new Response('none', { status: 404 });
        },
        websocket: {
            open(ws) { ws.send('open ' + ws.data); },
            message(ws, m) {
                if (m === 'close') ws.close(3005, 'told');
                else if (m === 'kill') ws.terminate();
                else ws.send(typeof m === 'string' ? m.toUpperCase() : m);
            },
            close(ws, code, reason) { log.push('close ' + code + reason); },
            error(ws, e) { log.push('error'); },
        },
    });
    0";

async fn log(runtime: &Runtime, expected: &str) {
    let mut log = String::new();
    for _ in 0..500 {
        log = runtime.eval_as("log.join()", "log.js").await.unwrap();
        if log == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{log} is not {expected}");
}

engine_test!(
    async fn requests_over_a_socket(engine) {
        let serving = serve(options(engine), APP).await;
        assert_eq!(serving.get("/hello").await, (200, "hello 127.0.0.1".to_owned()));
        assert_eq!(serving.get("/none").await, (404, "none".to_owned()));
        assert_eq!(serving.get("/throw").await, (500, "Internal Server Error\n".to_owned()));
        let errors = std::mem::take(&mut *serving.errors.lock().unwrap());
        assert_eq!(errors, ["the guest's handler failed: RangeError: a secret"]);
        // Large bodies, both ways, and the text of the status.
        let mut stream = TcpStream::connect(serving.address).await.unwrap();
        stream.write_all(b"POST /echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
        let (mut read, mut write) = stream.into_split();
        let sent = tokio::spawn(async move {
            for _ in 0..100 {
                write.write_all(b"10000\r\n").await.unwrap();
                write.write_all(&[b'x'; 0x10000]).await.unwrap();
                write.write_all(b"\r\n").await.unwrap();
            }
            write.write_all(b"0\r\n\r\n").await.unwrap();
            write
        });
        let mut answer = Vec::new();
        read.read_to_end(&mut answer).await.unwrap();
        sent.await.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 201 As You Said\r\n"), "{}", String::from_utf8_lossy(&answer[..100]));
        assert_eq!(answer.iter().filter(|b| **b == b'x').count(), 0x10000 * 100);
        serving.end().await.dispose().await;
    }
);

engine_test!(
    async fn http_2_and_many_at_once(engine) {
        let serving = serve(options(engine), APP).await;
        let stream = TcpStream::connect(serving.address).await.unwrap();
        let io = hyper_util::rt::TokioIo::new(stream);
        let (sender, connection) =
            hyper::client::conn::http2::handshake(hyper_util::rt::TokioExecutor::new(), io).await.unwrap();
        tokio::spawn(connection);
        let all = (0..50).map(|_| {
            let mut sender = sender.clone();
            let request = Request::get("http://example.com/hello").body(Body::empty()).unwrap();
            async move {
                let response: Response<hyper::body::Incoming> = sender.send_request(request).await.unwrap();
                Body::wrap(response.into_body()).text(1000).await.unwrap()
            }
        });
        let all = futures_util::future::join_all(all).await;
        assert!(all.iter().all(|text| text == "hello example.com"), "{all:?}");
        drop(sender);
        serving.end().await.dispose().await;
    }
);

engine_test!(
    async fn clients_that_go_away_are_noticed(engine) {
        let serving = serve(options(engine), APP).await;
        for path in ["/never", "/endless"] {
            let mut stream = TcpStream::connect(serving.address).await.unwrap();
            stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
            if path == "/endless" {
                let mut some = [0; 100_000];
                stream.read_exact(&mut some).await.unwrap();
            } else {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            drop(stream);
        }
        log(&serving.runtime, "gone,cancelled").await;
        let active = serving.runtime.with_handles(|_, h| h.fetch.has_active_connections()).await.unwrap();
        assert!(!active);
        // What is no HTTP, and a client that does not come to the end of its head.
        for head in ["nonsense\r\n\r\n", "GET / HTTP/1.1\r\nhost: x\r\n", "GET / HTTP/1.1\r\na\x00b: c\r\n\r\n"] {
            let mut stream = TcpStream::connect(serving.address).await.unwrap();
            stream.write_all(head.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await.unwrap().unwrap();
            assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{}", String::from_utf8_lossy(&answer));
        }
        serving.end().await.dispose().await;
    }
);

engine_test!(
    async fn web_sockets_over_a_socket(engine) {
        let serving = serve(options(engine), APP).await;
        let url = format!("ws://{}/ws", serving.address);
        let connect = async || tokio_tungstenite::connect_async(&url).await.unwrap().0;
        let mut ws = connect().await;
        assert_eq!(ws.next().await.unwrap().unwrap(), Message::text("open /ws"));
        ws.send(Message::text("abc")).await.unwrap();
        assert_eq!(ws.next().await.unwrap().unwrap(), Message::text("ABC"));
        ws.send(Message::binary(vec![1; 100_000])).await.unwrap();
        assert_eq!(ws.next().await.unwrap().unwrap(), Message::binary(vec![1; 100_000]));
        ws.send(Message::Ping(vec![1].into())).await.unwrap();
        assert_eq!(ws.next().await.unwrap().unwrap(), Message::Pong(vec![1].into()));
        ws.send(Message::text("close")).await.unwrap();
        let Message::Close(Some(frame)) = ws.next().await.unwrap().unwrap() else { panic!("a close") };
        assert_eq!((u16::from(frame.code), frame.reason.as_str()), (3005, "told"));
        assert!(ws.next().await.is_none());
        log(&serving.runtime, "close 3005told").await;
        // Closed by the client; terminated by the guest; too large a message; broken off.
        let mut ws = connect().await;
        ws.next().await;
        ws.close(None).await.unwrap();
        while ws.next().await.is_some() {}
        log(&serving.runtime, "close 3005told,close 1005").await;
        let mut ws = connect().await;
        ws.next().await;
        ws.send(Message::text("kill")).await.unwrap();
        assert!(ws.next().await.unwrap().is_err());
        log(&serving.runtime, "close 3005told,close 1005,close 1006").await;
        let mut ws = connect().await;
        ws.next().await;
        let _ = ws.send(Message::binary(vec![1; 2 << 20])).await;
        log(&serving.runtime, "close 3005told,close 1005,close 1006,error,close 1006").await;
        let mut ws = connect().await;
        ws.next().await;
        drop(ws);
        log(&serving.runtime, "close 3005told,close 1005,close 1006,error,close 1006,error,close 1006").await;
        // Text that is not UTF-8, and a close while a message is under way.
        let mut ws = connect().await;
        ws.next().await;
        let frame = Frame::message(vec![0xff, 0xfe], OpCode::Data(Data::Text), true);
        ws.send(Message::Frame(frame)).await.unwrap();
        let Message::Close(Some(frame)) = ws.next().await.unwrap().unwrap() else { panic!("a close") };
        assert_eq!(u16::from(frame.code), 1007);
        drop(ws);
        let mut ws = connect().await;
        ws.next().await;
        ws.send(Message::binary(vec![1; 500_000])).await.unwrap();
        ws.close(None).await.unwrap();
        while let Some(Ok(_)) = ws.next().await {}
        let before = "close 3005told,close 1005,close 1006,error,close 1006,error,close 1006";
        log(&serving.runtime, &format!("{before},error,close 1006,close 1005")).await;
        let sockets = serving.runtime.with_handles(|_, h| h.fetch.web_sockets()).await.unwrap();
        assert_eq!(sockets, 0);
        // A guest on the other side.
        let options = options(engine).fetch(FetchOptions::new().web_socket(Serving::network()));
        let client = create_runtime(options).await.unwrap();
        let code = format!(
            "new Promise((resolve) => {{
                const ws = new WebSocket('{url}'), out = [];
                ws.onmessage = (e) => {{ out.push(e.data); ws.send(out.length === 1 ? 'hi' : 'close'); }};
                ws.onclose = (e) => resolve([...out, e.code, e.reason, e.wasClean].join());
            }})"
        );
        let got: String = client.eval_as(code, "client.js").await.unwrap();
        assert_eq!(got, "open /ws,HI,3005,told,true");
        client.dispose().await;
        serving.end().await.dispose().await;
    }
);

engine_test!(
    async fn shutting_down(engine) {
        let serving = serve(options(engine), APP).await;
        let (mut ws, _) = tokio_tungstenite::connect_async(format!("ws://{}/ws", serving.address)).await.unwrap();
        ws.next().await;
        let mut stream = TcpStream::connect(serving.address).await.unwrap();
        stream.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        let address = serving.address;
        let reads = tokio::spawn(async move {
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            let Message::Close(Some(frame)) = ws.next().await.unwrap().unwrap() else { panic!("a close") };
            while ws.next().await.is_some() {}
            (answer, u16::from(frame.code))
        });
        let runtime = serving.end().await;
        let (answer, code) = reads.await.unwrap();
        assert!(answer.ends_with("slow"), "what was under way is answered: {answer}");
        assert_eq!(code, 1001);
        assert!(TcpStream::connect(address).await.is_err(), "nobody listens");
        log(&runtime, "close 1001").await;
        runtime.dispose().await;
    }
);

engine_test!(
    async fn limits_of_the_guest(engine) {
        let limits = FetchLimits::new().response_time(Duration::from_secs(1));
        let options = options(engine).fetch(FetchOptions::new().limits(limits));
        let serving = serve(options.limits(Limits::new().wall_time(Duration::from_millis(1500))), APP).await;
        assert_eq!(serving.get("/never").await, (504, "Gateway Timeout\n".to_owned()));
        assert_eq!(serving.get("/hello").await.0, 200);
        let hangs = serving.get("/hang").await.0;
        assert!(hangs == 503 || hangs == 504, "{hangs}");
        for _ in 0..100 {
            if serving.runtime.stopped().is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(serving.get("/hello").await, (503, "Service Unavailable\n".to_owned()));
        let runtime = serving.end().await;
        runtime.dispose().await;
        let answer = runtime.dispatch_request(Request::new(Body::empty())).await;
        assert_eq!(answer.unwrap_err().kind(), FetchErrorKind::Stopped);
    }
);

engine_test!(
    async fn a_service_of_tower(engine) {
        let runtime = create_runtime(options(engine)).await.unwrap();
        let mut service = runtime.service();
        let request = || Request::get("/hello").header("host", "h").body(String::new()).unwrap();
        assert_eq!(service.call(request()).await.unwrap_err().kind(), FetchErrorKind::Handler);
        runtime.eval(APP, "serve.js").await.unwrap();
        let response = service.call(request()).await.unwrap();
        assert_eq!(response.into_body().text(100).await.unwrap(), "hello h");
        runtime.dispose().await;
    }
);
