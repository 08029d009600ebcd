//! The server on loopback, by bare sockets.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use isolate_test_utils::{IntegrationServer, MockServerResponse, block_on, start_integration_server};

/// The status and the body.
fn send(server: &IntegrationServer, method: &str, path: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: a\r\nx-a: b\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
    );
    stream.write_all((head + body).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

#[test]
fn paths_and_the_default() {
    block_on(async {
        let server = start_integration_server(None).await;
        assert_eq!(server.url(), format!("http://127.0.0.1:{}", server.port()));
        assert_eq!(send(&server, "GET", "/", ""), (404, "Not Found".into()));
        server.set_response("/a", MockServerResponse::new("a"));
        server.set_response("/a?b", MockServerResponse::new("with b"));
        server.set_response("PUT /a", MockServerResponse::json(&[1]).status(201));
        assert_eq!(send(&server, "GET", "/a", ""), (200, "a".into()));
        assert_eq!(send(&server, "GET", "/a?c", ""), (200, "a".into()));
        assert_eq!(send(&server, "GET", "/a?b", ""), (200, "with b".into()));
        assert_eq!(send(&server, "PUT", "/a", ""), (201, "[1]".into()));
        server.set_default_response(MockServerResponse::new("else").status(503));
        assert_eq!(send(&server, "GET", "/", ""), (503, "else".into()));
        server.clear_responses();
        assert_eq!(send(&server, "GET", "/a", "").0, 404);
        server.close().await;
    });
}

#[test]
fn requests_are_recorded() {
    block_on(async {
        let server = start_integration_server(None).await;
        send(&server, "POST", "/in?x=1", "[1,2]");
        let request = &server.requests()[0];
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/in?x=1"));
        assert_eq!((request.header("x-a"), request.header("x-none"), request.text().as_str()), ("b", "", "[1,2]"));
        assert_eq!(request.json::<Vec<u8>>(), [1, 2]);
        server.clear_requests();
        assert!(server.requests().is_empty());
    });
}

#[test]
fn in_turn_by_closure_and_late() {
    block_on(async {
        let server = start_integration_server(None).await;
        server.set_response_with("/echo", |request| MockServerResponse::new(request.text().to_uppercase()));
        server.respond_once("/echo", MockServerResponse::default().status(500));
        server.respond_once("/echo", MockServerResponse::new("second"));
        assert_eq!(send(&server, "POST", "/echo", "a"), (500, String::new()));
        assert_eq!(send(&server, "POST", "/echo", "b"), (200, "second".into()));
        assert_eq!(send(&server, "POST", "/echo", "c"), (200, "C".into()));
        let start = Instant::now();
        server.set_response("/late", MockServerResponse::new("late").delay(Duration::from_millis(50)));
        assert_eq!(send(&server, "GET", "/late", ""), (200, "late".into()));
        assert!(start.elapsed() >= Duration::from_millis(50));
    });
}

#[test]
fn closing_frees_the_port() {
    block_on(async {
        let server = start_integration_server(None).await;
        let port = server.port();
        assert_eq!(send(&server, "GET", "/", "").0, 404);
        server.close().await;
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    });
}

#[test]
#[should_panic(expected = "127.0.0.1:")]
fn a_taken_port() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    block_on(start_integration_server(taken.local_addr().unwrap().port()));
}
