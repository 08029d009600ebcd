//! Debugging through the DevTools protocol, as a front end does it.

use std::time::Duration;

use isolate_runtime::{EvalOptions, Inspector, Limits, Runtime, RuntimeOptions, Termination, V8, create_runtime};
use serde_json::{Value, json};

async fn runtime(limits: Limits) -> Runtime {
    let options = RuntimeOptions::new().engine(V8::new()).limits(limits);
    create_runtime(options).await.unwrap()
}

async fn attach(runtime: &Runtime) -> Client {
    let inspector = runtime.inspect(|name| Some(format!("file:///guest/{name}"))).await.unwrap();
    Client { inspector, next: 0, events: Vec::new() }
}

struct Client {
    inspector: Inspector,
    next: u32,
    events: Vec<Value>,
}

impl Client {
    async fn message(&mut self) -> Value {
        let text = self.inspector.receive().await.expect("the runtime has ended");
        serde_json::from_str(&text).unwrap()
    }

    fn send(&mut self, method: &str, params: Value) -> u32 {
        self.next += 1;
        self.inspector.send(json!({ "id": self.next, "method": method, "params": params }).to_string());
        self.next
    }

    async fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.send(method, params);
        loop {
            let message = self.message().await;
            if message["id"] == id {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].clone();
            }
            self.events.push(message);
        }
    }

    async fn event(&mut self, method: &str) -> Value {
        if let Some(at) = self.events.iter().position(|e| e["method"] == method) {
            return self.events.remove(at)["params"].clone();
        }
        loop {
            let message = self.message().await;
            if message["method"] == method {
                return message["params"].clone();
            }
            self.events.push(message);
        }
    }
}

const SOURCE: &str = "function add(a, b) {
  const sum = a + b;
  return sum;
}
globalThis.result = add(2, 3);
result";

#[tokio::test]
async fn a_breakpoint_holds_the_guest_until_it_may_go_on() {
    let rt = runtime(Limits::new()).await;
    let mut client = attach(&rt).await;
    client.ask("Runtime.enable", json!({})).await;
    client.ask("Debugger.enable", json!({})).await;
    let set = json!({ "url": "file:///guest/app.js", "lineNumber": 1 });
    client.ask("Debugger.setBreakpointByUrl", set).await;
    let rt2 = rt.clone();
    let run = tokio::spawn(async move { rt2.eval(SOURCE, "app.js").await });
    let paused = client.event("Debugger.paused").await;
    let frame = &paused["callFrames"][0];
    assert_eq!((frame["functionName"].as_str(), frame["location"]["lineNumber"].as_u64()), (Some("add"), Some(1)));
    let evaluate = json!({ "callFrameId": frame["callFrameId"], "expression": "a * 100 + b" });
    let value = client.ask("Debugger.evaluateOnCallFrame", evaluate).await;
    assert_eq!(value["result"]["value"], 203);
    client.ask("Debugger.stepOver", json!({})).await;
    let paused = client.event("Debugger.paused").await;
    let frame = &paused["callFrames"][0];
    assert_eq!(frame["location"]["lineNumber"], 2);
    client.ask("Debugger.resume", json!({})).await;
    assert_eq!(run.await.unwrap().unwrap(), 5.into());
    let value = client.ask("Runtime.evaluate", json!({ "expression": "result + 1" })).await;
    assert_eq!(value["result"]["value"], 6);
    // Glue is not shown.
    let scripts: Vec<_> = client.events.iter().filter(|e| e["method"] == "Debugger.scriptParsed").collect();
    assert!(scripts.iter().any(|s| s["params"]["url"] == "file:///guest/app.js"), "{scripts:?}");
    let is_glue = |s: &&Value| s["params"]["url"].as_str().is_some_and(|u| u.contains("isolate:") || u.contains("v8:"));
    assert!(!scripts.iter().any(is_glue), "{scripts:?}");
}

#[tokio::test]
async fn no_deadline_passes_in_a_pause_but_one_does_afterwards() {
    let rt = runtime(Limits::new().wall_time(Duration::from_millis(200))).await;
    let mut client = attach(&rt).await;
    client.ask("Debugger.enable", json!({})).await;
    let rt2 = rt.clone();
    let run = tokio::spawn(async move { rt2.eval("debugger; for (;;) {}", "loop.js").await });
    client.event("Debugger.paused").await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(rt.stopped(), None);
    client.ask("Debugger.resume", json!({})).await;
    assert_eq!(run.await.unwrap().unwrap_err().terminated(), Some(Termination::Deadline));
}

#[tokio::test]
async fn an_endless_loop_can_be_paused_and_left() {
    let rt = runtime(Limits::new()).await;
    let mut client = attach(&rt).await;
    rt.eval("var on = true; var turns = 0", "first.js").await.unwrap();
    client.ask("Debugger.enable", json!({})).await;
    let rt2 = rt.clone();
    let run = tokio::spawn(async move { rt2.eval("while (on) turns++; typeof turns", "loop.js").await });
    client.ask("Debugger.pause", json!({})).await;
    client.event("Debugger.paused").await;
    client.ask("Runtime.evaluate", json!({ "expression": "on = false" })).await;
    client.ask("Debugger.resume", json!({})).await;
    assert_eq!(run.await.unwrap().unwrap(), "number".into());
}

#[tokio::test]
async fn a_stop_ends_a_pause_and_so_does_the_front_ends_going() {
    let rt = runtime(Limits::new()).await;
    let mut client = attach(&rt).await;
    client.ask("Debugger.enable", json!({})).await;
    let rt2 = rt.clone();
    let run = tokio::spawn(async move { rt2.eval("debugger; 'went on'", "t.js").await });
    client.event("Debugger.paused").await;
    drop(client);
    assert_eq!(run.await.unwrap().unwrap(), "went on".into());

    let mut client = attach(&rt).await;
    client.ask("Debugger.enable", json!({})).await;
    let rt2 = rt.clone();
    let run = tokio::spawn(async move { rt2.eval("debugger; 'not reached'", "t.js").await });
    client.event("Debugger.paused").await;
    rt.interrupter().terminate(Termination::Cancelled);
    assert_eq!(run.await.unwrap().unwrap_err().terminated(), Some(Termination::Cancelled));
    rt.dispose().await;
    // What was said before the end is still there, and then nothing more.
    while client.inspector.receive().await.is_some() {}
}

#[tokio::test]
async fn a_session_in_which_too_much_is_unread_is_over_and_the_guest_goes_on() {
    // What the guest does is not read.
    let rt = runtime(Limits::new()).await;
    let mut client = attach(&rt).await;
    client.inspector.set_unread_limit(1 << 20);
    client.ask("Runtime.enable", json!({})).await;
    client.ask("Debugger.enable", json!({})).await;
    // As much as that in pieces is nothing when it is read.
    for _ in 0..3 {
        rt.eval("for (let i = 0; i < 50; i++) console.log('x'.repeat(1e4))", "few.js").await.unwrap();
        for _ in 0..50 {
            client.event("Runtime.consoleAPICalled").await;
        }
    }
    let many = "for (let i = 0; i < 200; i++) console.log('x'.repeat(1e4)); debugger; 'went on'";
    let sender = client.inspector.sender();
    let rt2 = rt.clone();
    let run = tokio::spawn(async move { rt2.eval(many, "many.js").await });
    sender.when_full().await;
    assert_eq!(client.inspector.receive().await, None);
    assert_eq!(run.await.unwrap().unwrap(), "went on".into());
    // Another session may follow.
    let mut client = Client { inspector: client.inspector.replace(), next: 0, events: Vec::new() };
    let value = client.ask("Runtime.evaluate", json!({ "expression": "1 + 1" })).await;
    assert_eq!(value["result"]["value"], 2);

    // What is sent is not fetched: the thread is the host's.
    let (go_on, wait) = std::sync::mpsc::channel::<()>();
    let (begin, begun) = tokio::sync::oneshot::channel::<()>();
    let rt2 = rt.clone();
    let hold = move |_: &isolate_runtime::Context| {
        begin.send(()).unwrap();
        wait.recv()
    };
    let held = tokio::spawn(async move { rt2.with_context(hold).await });
    begun.await.unwrap();
    let text = "x".repeat(1 << 18);
    for _ in 0..5 {
        client.inspector.send(text.clone());
    }
    assert_eq!(client.inspector.receive().await, None);
    go_on.send(()).unwrap();
    held.await.unwrap().unwrap().unwrap();
    assert_eq!(rt.eval("debugger; 'went on'", "on.js").await.unwrap(), "went on".into());
}

#[tokio::test]
async fn profiles_of_processor_and_heap() {
    let rt = runtime(Limits::new()).await;
    let mut client = attach(&rt).await;
    client.ask("Profiler.enable", json!({})).await;
    client.ask("Profiler.setSamplingInterval", json!({ "interval": 100 })).await;
    client.ask("Profiler.start", json!({})).await;
    let busy = "function busyBee() { let x = 0; for (let i = 0; i < 3e7; i++) x += Math.sqrt(i); return x } busyBee()";
    rt.eval(busy, EvalOptions::new().filename("busy.js")).await.unwrap();
    let profile = client.ask("Profiler.stop", json!({})).await;
    let nodes = profile["profile"]["nodes"].as_array().unwrap();
    assert!(nodes.iter().any(|n| n["callFrame"]["functionName"] == "busyBee"), "{nodes:?}");
    client.ask("HeapProfiler.takeHeapSnapshot", json!({})).await;
    let chunk = client.event("HeapProfiler.addHeapSnapshotChunk").await;
    assert!(chunk["chunk"].as_str().unwrap().starts_with("{\"snapshot\""));
}

#[tokio::test]
async fn an_engine_without_an_inspector_says_so() {
    let rt = create_runtime(RuntimeOptions::new().engine(isolate_runtime::QuickJs::new())).await.unwrap();
    let error = rt.inspect(|_| None).await.unwrap_err();
    assert!(error.to_string().contains("no inspector"), "{error}");
    assert_eq!(rt.eval("1", "t.js").await.unwrap(), 1.into());
}
