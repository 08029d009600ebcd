//! `--inspect`, `--inspect-brk` and `--cpu-prof`: the Chrome DevTools protocol on a local port, or to a file.
//!
//! An inspector is attached from the beginning, so that a client may come at any time, also while the guest is in an
//! endless loop. One client at a time is served, and each has a session of its own. The path of the WebSocket cannot be
//! guessed, and requests whose `Host` is a name other than `localhost` are refused, so that no web page in a browser can
//! reach the guest.

use std::cell::RefCell;
use std::io;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use futures_util::{FutureExt, SinkExt, StreamExt};
use isolate_runtime::{Inspector, InspectorSender, Runtime};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::args::Place;
use crate::report::Failure;

/// The number of the one request that is made for a client, whose response it does not get. Front ends count from 0 or 1.
const OURS: i64 = i32::MIN as i64;
/// The longest head of a request, and how long a client may take to send it.
const MOST_HEAD: usize = 8 << 10;
const HEAD_TIME: Duration = Duration::from_secs(5);
/// How long a client that is sent away has to say that it goes.
const GOODBYE_TIME: Duration = Duration::from_secs(2);

/// The URL that front ends are told for a file.
fn url_of(name: &str) -> Option<String> {
    let path = std::path::absolute(name).ok()?;
    let text = path.to_str()?;
    let mut url = String::from("file://");
    for byte in text.bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'~' | b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => url.push(char::from(byte)),
            other => url.push_str(&format!("%{other:02X}")),
        }
    }
    Some(url)
}

fn request(id: i64, method: &str) -> String {
    json!({ "id": id, "method": method }).to_string()
}

/// The server of one run.
pub(crate) struct Server {
    shared: Rc<Shared>,
    serving: tokio::task::JoinHandle<()>,
}

struct Shared {
    /// A session for the next client. None while there is one, who puts another here when it goes.
    idle: RefCell<Option<Inspector>>,
    key: String,
    title: String,
    state: RefCell<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    connected: Option<InspectorSender>,
    /// A client has said that the guest may begin.
    begun: bool,
}

impl Server {
    /// Attaches to a runtime and listens.
    pub(crate) async fn start(runtime: &Runtime, place: &Place, title: String) -> Result<Self, Failure> {
        let inspector = attach(runtime).await?;
        let Place { host, port } = place;
        let cannot = |e| Failure::usage(format!("cannot listen on {host}, port {port} (--inspect sets it): {e}"));
        let listener = TcpListener::bind((host.as_str(), *port)).await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        if !address.ip().is_loopback() {
            eprintln!("isolate: {address} can be reached by others, and whoever reaches it controls the guest");
        }
        let mut key = [0; 16];
        getrandom::fill(&mut key).map_err(|e| Failure::usage(format!("no random numbers for a path: {e}")))?;
        let key: String = key.iter().map(|b| format!("{b:02x}")).collect();
        eprintln!("Debugger listening on ws://{address}/{key}");
        eprintln!("Open chrome://inspect or attach an editor; docs/debugging.md says how.");
        let shared = Rc::new(Shared {
            idle: RefCell::new(Some(inspector)),
            key,
            title,
            state: RefCell::default(),
            changed: Notify::new(),
        });
        let server = shared.clone();
        let serving = tokio::task::spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = server.clone();
                // A client that breaks the protocol or goes is no failure of the run.
                tokio::task::spawn_local(async move { drop(server.serve(stream).await) });
            }
        });
        Ok(Self { shared, serving })
    }

    /// Waits until a client lets the guest begin, and has it stop at its first statement.
    pub(crate) async fn wait_for_client(&self) {
        self.until(|state| state.begun).await;
        if let Some(client) = &self.shared.state.borrow().connected {
            client.send(request(OURS, "Debugger.pause"));
        }
    }

    /// Waits until the client, if there is one, has gone.
    pub(crate) async fn finish(self) {
        if self.shared.state.borrow().connected.is_some() {
            eprintln!("Waiting for the debugger to disconnect...");
            self.until(|state| state.connected.is_none()).await;
        }
        self.serving.abort();
    }

    async fn until(&self, is: impl Fn(&State) -> bool) {
        loop {
            let changed = self.shared.changed.notified();
            if is(&self.shared.state.borrow()) {
                return;
            }
            changed.await;
        }
    }
}

impl Shared {
    fn change(&self, f: impl FnOnce(&mut State)) {
        f(&mut self.state.borrow_mut());
        self.changed.notify_waiters();
    }

    async fn serve(self: Rc<Self>, stream: TcpStream) -> io::Result<()> {
        let head = match tokio::time::timeout(HEAD_TIME, peek_head(&stream)).await {
            Ok(Ok(Some(head))) => head,
            Ok(Ok(None)) => {
                let status = "431 Request Header Fields Too Large";
                return answer(stream, status, "text/plain", "The head of the request is too long.").await;
            }
            Ok(Err(e)) => return Err(e),
            Err(_) => return answer(stream, "408 Request Timeout", "text/plain", "The request is not whole.").await,
        };
        let mut lines = head.split("\r\n");
        let mut parts = lines.next().unwrap_or_default().split(' ');
        let (method, path) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let header = |name: &str| {
            let of = |line: &'_ str| line.split_once(':').map(|(k, v)| (k.to_ascii_lowercase(), v.trim().to_owned()));
            head.split("\r\n").skip(1).filter_map(of).find(|(k, _)| k == name).map(|(_, v)| v)
        };
        let Some(host) = header("host").filter(|host| is_local(host)) else {
            return answer(stream, "403 Forbidden", "text/plain", "The Host header must be localhost or an address.")
                .await;
        };
        if header("upgrade").is_some_and(|u| u.eq_ignore_ascii_case("websocket")) {
            if path.trim_start_matches('/') != self.key {
                return answer(stream, "404 Not Found", "text/plain", "There is no such target.").await;
            }
            // Taken at once, so that of two who come together one gets it.
            let idle = self.idle.take();
            let Some(mut inspector) = idle else {
                return answer(stream, "503 Service Unavailable", "text/plain", "Another client is attached.").await;
            };
            let result = self.debug(stream, &mut inspector).await;
            *self.idle.borrow_mut() = Some(inspector.replace());
            self.change(|state| {
                // Who waits for a client to begin does not wait for one that has gone.
                state.begun |= state.connected.take().is_some();
            });
            return result;
        }
        let body = match (method, path.trim_end_matches('/')) {
            ("GET", "/json/version") => {
                json!({ "Browser": concat!("isolate/", env!("CARGO_PKG_VERSION")), "Protocol-Version": "1.3" })
            }
            ("GET", "/json" | "/json/list") => json!([self.target(&host)]),
            _ => return answer(stream, "404 Not Found", "text/plain", "There is nothing here.").await,
        };
        answer(stream, "200 OK", "application/json; charset=UTF-8", &body.to_string()).await
    }

    /// `host` is by what name the client reaches this server, which the address that is listened on need not tell.
    fn target(&self, host: &str) -> Value {
        let socket = format!("{host}/{}", self.key);
        json!({
            "id": self.key,
            "type": "node",
            "title": self.title,
            "description": "guest of isolate",
            "url": url_of(&self.title).unwrap_or_default(),
            "webSocketDebuggerUrl": format!("ws://{socket}"),
            "devtoolsFrontendUrl":
                format!("devtools://devtools/bundled/js_app.html?experiments=true&v8only=true&ws={socket}"),
        })
    }

    /// Passes messages on in both directions until the client goes.
    async fn debug(&self, stream: TcpStream, inspector: &mut Inspector) -> io::Result<()> {
        let socket = tokio_tungstenite::accept_async(stream).await.map_err(io::Error::other)?;
        let (mut out, mut incoming) = socket.split();
        let sender = inspector.sender();
        self.change(|state| state.connected = Some(sender.clone()));
        let ours = format!("{{\"id\":{OURS},");
        let sending = async {
            while let Some(message) = inspector.receive().await {
                if !message.starts_with(&ours) && out.send(Message::text(message)).await.is_err() {
                    break;
                }
            }
        };
        let receiving = async {
            while let Some(Ok(message)) = incoming.next().await {
                let Message::Text(text) = message else { continue };
                sender.send(text.as_str());
                if text.contains("\"Runtime.runIfWaitingForDebugger\"") {
                    self.change(|state| state.begun = true);
                }
            }
        };
        // A client that reads nothing may still send, and the other way round.
        let why = tokio::select! {
            () = receiving => return Ok(()),
            () = sender.when_full() => Some((CloseCode::Policy, "too many messages are unread")),
            () = sending => None,
        };
        let frame = why.map(|(code, reason)| CloseFrame { code, reason: reason.into() });
        let goodbye = async {
            out.send(Message::Close(frame)).await?;
            while incoming.next().await.is_some_and(|m| m.is_ok()) {}
            Ok(())
        };
        // Who does not read does not see it.
        let said = tokio::time::timeout(GOODBYE_TIME, goodbye).await.unwrap_or(Ok(()));
        said.map_err(|e: tokio_tungstenite::tungstenite::Error| io::Error::other(e))
    }
}

async fn attach(runtime: &Runtime) -> Result<Inspector, Failure> {
    runtime.inspect(url_of).await.map_err(|e| Failure::usage(format!("{e}; only V8 can be debugged: use --engine v8")))
}

/// The head of a request, which stays in the stream for whoever answers it. None if it is too long.
async fn peek_head(stream: &TcpStream) -> io::Result<Option<String>> {
    let mut buffer = vec![0; MOST_HEAD];
    loop {
        let n = stream.peek(&mut buffer).await?;
        let text = String::from_utf8_lossy(&buffer[..n]);
        if let Some(end) = text.find("\r\n\r\n") {
            return Ok(Some(text[..end].to_owned()));
        }
        match n {
            0 => return Err(io::Error::other("not a request")),
            MOST_HEAD => return Ok(None),
            // What is there wakes nobody a second time.
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn answer(mut stream: TcpStream, status: &str, kind: &str, body: &str) -> io::Result<()> {
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nCache-Control: no-cache\r\n\
         Connection: close\r\n\r\n{body}"
    );
    // The request is still unread; a stream that is closed with unread bytes loses what was sent.
    let mut rest = vec![0; MOST_HEAD];
    let _ = stream.try_read(&mut rest);
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await
}

/// Whether a `Host` cannot be a name that a web page has made to mean this machine.
fn is_local(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || address.parse::<std::net::IpAddr>().is_ok()
}

/// A processor profile of a run.
pub(crate) struct Profile {
    runtime: Runtime,
    inspector: Inspector,
}

impl Profile {
    /// Begins it.
    pub(crate) async fn start(runtime: &Runtime) -> Result<Self, Failure> {
        let mut this = Self { runtime: runtime.clone(), inspector: attach(runtime).await? };
        for (id, method) in [(1, "Profiler.enable"), (2, "Profiler.start")] {
            this.inspector.send(request(id, method));
            this.result(id).await;
        }
        Ok(this)
    }

    /// The result of a request that was sent. None if there is none, also because the guest does not stop and its thread
    /// was left to itself.
    async fn result(&mut self, id: i64) -> Option<Value> {
        // Requests are handled in their order, and this comes after ours.
        let handled = self.runtime.with_context(|_| ());
        tokio::pin!(handled);
        loop {
            let message = tokio::select! {
                biased;
                message = self.inspector.receive() => message?,
                _ = &mut handled => break,
            };
            if let Some(result) = result_of(&message, id) {
                return Some(result);
            }
        }
        // What was said by then.
        while let Some(Some(message)) = self.inspector.receive().now_or_never() {
            if let Some(result) = result_of(&message, id) {
                return Some(result);
            }
        }
        None
    }

    /// Ends it, and writes it to a file.
    pub(crate) async fn write(mut self, file: &Path) {
        self.inspector.send(request(3, "Profiler.stop"));
        match self.result(3).await.map(|r| r["profile"].to_string()) {
            Some(profile) => match std::fs::write(file, profile) {
                Ok(()) => eprintln!("isolate: the profile is in {}", file.display()),
                Err(e) => eprintln!("isolate: cannot write the profile to {}: {e}", file.display()),
            },
            None => eprintln!("isolate: there is no profile: the guest does not answer"),
        }
    }
}

/// The result in a message that is the response to a request.
fn result_of(message: &str, id: i64) -> Option<Value> {
    let mut message: Value = serde_json::from_str(message).ok()?;
    if message["id"] == id { message.get_mut("result").map(Value::take) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_mean_this_machine_are_local() {
        for host in ["localhost", "localhost:9229", "127.0.0.1:9229", "[::1]:9229", "[::1]", "LOCALHOST:1"] {
            assert!(is_local(host), "{host}");
        }
        for host in ["", "evil.example", "localhost.evil.example:9229", "127.0.0.1.evil.example", "evil.example:80"] {
            assert!(!is_local(host), "{host}");
        }
    }

    #[test]
    fn files_have_urls() {
        assert_eq!(url_of("/a b/ü.js").as_deref(), Some("file:///a%20b/%C3%BC.js"));
    }
}
