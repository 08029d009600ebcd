//! `--inspect`, `--inspect-brk` and `--cpu-prof`, as a front end uses them.

use std::process::Command;

fn isolate() -> Command {
    Command::new(env!("CARGO_BIN_EXE_isolate"))
}

/// A script in a folder of its own.
fn script(source: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("app.js");
    std::fs::write(&file, source).unwrap();
    (dir, file)
}

#[test]
fn an_engine_that_cannot_be_debugged_is_a_usage_error() {
    let (_dir, file) = script("console.log('not reached')");
    for flag in ["--inspect=127.0.0.1:0", "--inspect-brk=127.0.0.1:0", "--cpu-prof"] {
        let out = isolate().args(["run", "--engine", "quickjs", flag]).arg(&file).output().unwrap();
        let errors = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(2), "{flag}: {errors}");
        assert!(errors.contains("--engine v8") && out.stdout.is_empty(), "{flag}: {errors}");
    }
}

#[cfg(feature = "v8")]
mod v8 {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpStream;
    use std::process::{Child, Stdio};

    use futures_util::{SinkExt, StreamExt};
    use serde_json::{Value, json};
    use tokio_tungstenite::tungstenite::Message;

    use super::*;

    type Socket = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

    /// Starts a run and reads the address that it listens on.
    fn listening(flag: &str, source: &str) -> (tempfile::TempDir, Child, String) {
        let (dir, file) = script(source);
        let mut child = isolate()
            .args(["run", "--engine", "v8", flag])
            .arg(&file)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        errors.read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("Debugger listening on ").unwrap_or_else(|| panic!("{line}")).to_owned();
        // Read on, so that the child never waits for us.
        std::thread::spawn(move || std::io::copy(&mut errors, &mut std::io::sink()));
        (dir, child, url)
    }

    fn http(address: &str, path: &str, host: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Connects as soon as the server knows that the last client has gone.
    async fn connect_when_free(url: &str) -> Socket {
        loop {
            match tokio_tungstenite::connect_async(url).await {
                Ok((socket, _)) => return socket,
                Err(e) => assert!(e.to_string().contains("503"), "{e}"),
            }
        }
    }

    async fn ask(socket: &mut Socket, id: u32, method: &str, params: Value, events: &mut Vec<Value>) -> Value {
        let request = json!({ "id": id, "method": method, "params": params }).to_string();
        socket.send(Message::text(request)).await.unwrap();
        loop {
            let message = receive(socket).await;
            if message["id"] == id {
                return message["result"].clone();
            }
            events.push(message);
        }
    }

    async fn receive(socket: &mut Socket) -> Value {
        loop {
            if let Message::Text(text) = socket.next().await.unwrap().unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    async fn event(socket: &mut Socket, events: &mut Vec<Value>, method: &str) -> Value {
        loop {
            if let Some(at) = events.iter().position(|e| e["method"] == method) {
                return events.remove(at)["params"].clone();
            }
            let message = receive(socket).await;
            events.push(message);
        }
    }

    #[tokio::test]
    async fn a_front_end_breaks_at_the_start_and_lets_the_guest_go_on() {
        let source = "const greeting = 'hello';\nconsole.log(greeting);\nconsole.error('oops');\n";
        let (_dir, mut child, url) = listening("--inspect-brk=127.0.0.1:0", source);
        let address = url.trim_start_matches("ws://").split('/').next().unwrap().to_owned();

        let list = http(&address, "/json/list", &address);
        assert!(list.starts_with("HTTP/1.1 200") && list.contains(&url) && list.contains("app.js"), "{list}");
        assert!(http(&address, "/json/version", "localhost").contains("isolate/"));
        assert!(http(&address, "/nothing", "localhost").starts_with("HTTP/1.1 404"));
        // A page whose name was made to mean this machine learns nothing.
        assert!(http(&address, "/json/list", "evil.example").starts_with("HTTP/1.1 403"));
        assert!(tokio_tungstenite::connect_async(format!("ws://{address}/guessed")).await.is_err());

        let (mut socket, _) = tokio_tungstenite::connect_async(&url).await.unwrap();
        let mut events = Vec::new();
        assert!(tokio_tungstenite::connect_async(&url).await.is_err(), "one client at a time");
        ask(&mut socket, 1, "Runtime.enable", json!({}), &mut events).await;
        ask(&mut socket, 2, "Debugger.enable", json!({}), &mut events).await;
        ask(&mut socket, 3, "Runtime.runIfWaitingForDebugger", json!({}), &mut events).await;
        let paused = event(&mut socket, &mut events, "Debugger.paused").await;
        let frame = &paused["callFrames"][0];
        assert_eq!(frame["location"]["lineNumber"], 0, "{paused}");
        let id = &frame["location"]["scriptId"];
        let script = events.iter().find(|e| e["params"]["scriptId"] == *id).unwrap_or_else(|| panic!("{events:?}"));
        let url = script["params"]["url"].as_str().unwrap();
        assert!(url.starts_with("file:///") && url.ends_with("/app.js"), "{url}");
        ask(&mut socket, 4, "Debugger.resume", json!({}), &mut events).await;
        let printed = event(&mut socket, &mut events, "Runtime.consoleAPICalled").await;
        assert_eq!(printed["args"][0]["value"], "hello");
        let printed = event(&mut socket, &mut events, "Runtime.consoleAPICalled").await;
        assert_eq!((&printed["type"], &printed["args"][0]["value"]), (&"error".into(), &"oops".into()));
        socket.close(None).await.unwrap();
        let mut out = String::new();
        child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        assert_eq!((child.wait().unwrap().code(), out.as_str()), (Some(0), "hello\n"));
    }

    #[tokio::test]
    async fn a_front_end_that_leaves_in_a_pause_does_not_hold_the_guest() {
        let (_dir, mut child, url) =
            listening("--inspect=127.0.0.1:0", "for (let n = 0; ; n++) { debugger; if (n > 1e7) break }");
        let (mut socket, _) = tokio_tungstenite::connect_async(&url).await.unwrap();
        let mut events = Vec::new();
        ask(&mut socket, 1, "Debugger.enable", json!({}), &mut events).await;
        event(&mut socket, &mut events, "Debugger.paused").await;
        drop(socket);
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }

    #[tokio::test]
    async fn each_client_has_a_session_of_its_own() {
        let source = "let done; const later = new Promise((f) => { done = f }); setTimeout(() => {}, 1e8)";
        let (_dir, mut child, url) = listening("--inspect=127.0.0.1:0", source);
        let mut events = Vec::new();
        for round in 0..3 {
            // One of many who come together, as soon as the last one's going is known.
            let mut socket = loop {
                let all = futures_util::future::join_all((0..8).map(|_| tokio_tungstenite::connect_async(&url))).await;
                let mut in_all = all.into_iter().filter_map(Result::ok).map(|(socket, _)| socket);
                let Some(first) = in_all.next() else { continue };
                assert!(in_all.next().is_none());
                break first;
            };
            events.clear();
            let value = ask(&mut socket, 1, "Runtime.evaluate", json!({ "expression": "1 + 1" }), &mut events).await;
            assert_eq!((value["result"]["value"].as_u64(), events.len()), (Some(2), 0), "{round}: {events:?}");
            ask(&mut socket, 2, "Runtime.enable", json!({}), &mut events).await;
            // These are answered, if ever, when this client has gone.
            for (id, expression) in [(3, "later"), (4, "'x'.repeat(1e6)"), (1, "'old'")] {
                let params = json!({ "expression": expression, "awaitPromise": true });
                let request = json!({ "id": id, "method": "Runtime.evaluate", "params": params });
                socket.send(Message::text(request.to_string())).await.unwrap();
            }
            drop(socket);
            let mut socket = connect_when_free(&url).await;
            events.clear();
            let value =
                ask(&mut socket, 3, "Runtime.evaluate", json!({ "expression": "done(); 7" }), &mut events).await;
            assert_eq!((value["result"]["value"].as_u64(), events.len()), (Some(7), 0), "{round}: {events:?}");
            socket.close(None).await.unwrap();
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn what_is_no_whole_request_is_not_waited_for_without_end() {
        let (_dir, mut child, url) = listening("--inspect-brk=127.0.0.1:0", "console.log('never')");
        let (address, key) = url.trim_start_matches("ws://").split_once('/').unwrap();
        for (head, status) in [
            ("GET /json HTTP/1.1\r\nHost: localhost\r\n".to_owned(), "HTTP/1.1 408"),
            (format!("GET /json HTTP/1.1\r\nX: {}", "x".repeat(8 << 10)), "HTTP/1.1 431"),
        ] {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(&head.as_bytes()[..head.len().min(8 << 10)]).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with(status), "{answer}");
        }
        // Where a client finds the target is where that client found the server.
        for host in ["localhost:9999", "[::1]:80", "192.0.2.1:1234", "localhost"] {
            let list = http(address, "/json", host);
            assert!(list.contains(&format!("\"ws://{host}/{key}\"")) && !list.contains(address), "{list}");
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn a_host_name_is_a_place_to_listen_on() {
        let (_dir, mut child, url) = listening("--inspect-brk=localhost:0", "console.log('never')");
        assert!(url.starts_with("ws://127.0.0.1:") || url.starts_with("ws://[::1]:"), "{url}");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Also of a guest that a limit stops.
    #[test]
    fn a_processor_profile_is_written() {
        let busy = "function busyBee(n) { let x = 0; for (let i = 0; i < n; i++) x += Math.sqrt(i); return x }";
        profile(&format!("{busy}; busyBee(3e7)"), 0);
        profile(&format!("{busy}; for (;;) busyBee(3e6)"), 3);
    }

    /// A native loop that nothing reaches: the guest is left to itself some time after its stop.
    const STUCK: &str = "Array.prototype.reverse.call({ length: 2 ** 53 - 1 })";

    #[test]
    fn the_profile_of_a_guest_that_does_not_stop_is_not_waited_for() {
        let (dir, file) = script(STUCK);
        let profile = dir.path().join("out.cpuprofile");
        let flag = format!("--cpu-prof={}", profile.display());
        let args = ["run", "--engine", "v8", "--timeout", "500ms", &flag];
        let out = isolate().args(args).arg(&file).output().unwrap();
        let errors = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(3), "{errors}");
        assert!(errors.contains("there is no profile") && !profile.exists(), "{errors}");
    }

    fn profile(source: &str, code: i32) {
        let (dir, file) = script(source);
        let profile = dir.path().join("out.cpuprofile");
        let flag = format!("--cpu-prof={}", profile.display());
        let args = ["run", "--engine", "v8", "--timeout", "2s", &flag];
        let out = isolate().args(args).arg(&file).output().unwrap();
        assert_eq!(out.status.code(), Some(code), "{out:?}");
        let profile: Value = serde_json::from_slice(&std::fs::read(profile).unwrap()).unwrap();
        let nodes = profile["nodes"].as_array().unwrap();
        assert!(nodes.iter().any(|n| n["callFrame"]["functionName"] == "busyBee"), "{nodes:?}");
        assert!(profile["samples"].as_array().unwrap().len() > 5);
    }
}
