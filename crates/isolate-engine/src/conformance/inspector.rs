//! Debuggers. An engine has one or says that it has none.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::{context, eval, stopped};
use crate::{Engine, EngineContext, Failure, FrontEnd, Received, Termination, Value, Wake};

/// A front end that says what it was told to say and keeps what it hears.
#[derive(Default)]
struct Recorder {
    to_say: Mutex<VecDeque<Received>>,
    heard: Mutex<Vec<String>>,
    /// Done when the guest is paused and there is nothing to say.
    when_waiting: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl FrontEnd for Recorder {
    fn send(&self, message: String) {
        self.heard.lock().unwrap().push(message);
    }

    fn receive(&self, wait: Duration) -> Received {
        let next = self.to_say.lock().unwrap().pop_front();
        let next = next.unwrap_or(Received::Nothing);
        if matches!(next, Received::Nothing) && !wait.is_zero() {
            let f = self.when_waiting.lock().unwrap().take();
            f.expect("a pause that nothing ends")();
        }
        next
    }

    fn url(&self, script: &str) -> Option<String> {
        Some(format!("test://{script}"))
    }
}

impl Recorder {
    fn say(&self, message: &str) {
        self.to_say.lock().unwrap().push_back(Received::Message(message.to_owned()));
    }

    fn heard(&self, part: &str) -> bool {
        self.heard.lock().unwrap().iter().any(|m| m.contains(part))
    }
}

/// A context with a front end; none if the engine has no inspector.
fn attached(engine: &dyn Engine, before: &str) -> Option<(Box<dyn EngineContext>, Arc<Recorder>, Wake)> {
    let cx = context(engine);
    eval(&*cx, before).unwrap();
    let front_end = Arc::new(Recorder::default());
    match cx.attach_inspector(front_end.clone()) {
        Ok(wake) => Some((cx, front_end, wake)),
        Err(Failure::Engine(e)) => {
            assert!(e.to_string().contains("no inspector"), "{e}");
            // The rest does nothing.
            cx.serve_inspector().unwrap();
            cx.detach_inspector();
            assert_eq!(eval(&*cx, "1"), Ok(Value::from(1)));
            None
        }
        Err(other) => panic!("{other:?}"),
    }
}

pub(super) fn messages(engine: &dyn Engine) {
    let Some((cx, front_end, wake)) = attached(engine, "var x = 20") else { return };
    front_end.say(r#"{"id":7,"method":"Runtime.evaluate","params":{"expression":"x += 1; 'x is ' + x"}}"#);
    for nonsense in ["", "{", "7", "\"Debugger.enable\"", "[\"Debugger.setBlackboxPatterns\"]", "{\"id\":1}"] {
        front_end.say(nonsense);
    }
    front_end.say(r#"{"id":8,"method":"Debugger.setBlackboxPatterns","params":["Debugger.setBlackboxPatterns"]}"#);
    cx.serve_inspector().unwrap();
    assert!(front_end.heard("\"id\":7") && front_end.heard("x is 21"), "{:?}", front_end.heard);
    // While the guest runs.
    front_end.say(r#"{"id":9,"method":"Runtime.evaluate","params":{"expression":"x = 'done'"}}"#);
    wake();
    assert_eq!(eval(&*cx, "while (x !== 'done'); x"), Ok("done".into()));
    cx.detach_inspector();
    front_end.say(r#"{"id":10,"method":"Runtime.evaluate","params":{"expression":"x"}}"#);
    wake();
    cx.serve_inspector().unwrap();
    assert_eq!(eval(&*cx, "for (let i = 0; i < 1e5; i++); x"), Ok("done".into()));
    assert!(!front_end.heard("\"id\":10"));
    drop(cx);
    wake();
}

/// A front end takes the place of another: between operations, in a pause, and in a pause in the middle of a message.
pub(super) fn replaced(engine: &dyn Engine) {
    const ENABLE: &str = r#"{"id":1,"method":"Debugger.enable"}"#;
    const LATER: &str = r#"{"id":70,"method":"Runtime.evaluate","params":{"expression":"later","awaitPromise":true}}"#;
    const PAUSE: &str = r#"{"id":71,"method":"Runtime.evaluate","params":{"expression":"debugger; 'old'"}}"#;
    let before = "var settle; var later = new Promise((done) => { settle = done })";
    for (first, guest) in [(None, "'went on'"), (None, "debugger; 'went on'"), (Some(PAUSE), "'went on'")] {
        let Some((cx, old, wake)) = attached(engine, before) else { return };
        let new = Arc::new(Recorder::default());
        old.say(ENABLE);
        old.say(r#"{"id":2,"method":"Runtime.enable"}"#);
        old.say(LATER);
        cx.serve_inspector().unwrap();
        let heard = old.heard.lock().unwrap().len();
        let replace = || old.to_say.lock().unwrap().push_back(Received::Replaced(new.clone()));
        if let Some(first) = first {
            old.say(first);
            replace();
            cx.serve_inspector().unwrap();
        } else if guest.starts_with("debugger") {
            let (to_replace, next) = (old.clone(), new.clone());
            *old.when_waiting.lock().unwrap() =
                Some(Box::new(move || to_replace.to_say.lock().unwrap().push_back(Received::Replaced(next))));
        } else {
            replace();
            cx.serve_inspector().unwrap();
        }
        assert_eq!(eval(&*cx, guest), Ok("went on".into()));
        let pauses = old.heard.lock().unwrap()[heard..].iter().filter(|m| m.contains("Debugger.paused")).count();
        assert_eq!(pauses, usize::from(first.is_some() || guest != "'went on'"), "{first:?} {guest}");
        // What the old one had asked is answered to nobody, and nothing that it turned on is on.
        eval(&*cx, "settle('too late'); debugger; 1").unwrap();
        cx.run_microtasks().unwrap();
        cx.serve_inspector().unwrap();
        assert!(new.heard.lock().unwrap().is_empty(), "{:?}", new.heard);
        assert!(!old.heard("too late") && !old.heard("\"id\":71"), "{:?}", old.heard);
        // The new one has a session of its own.
        new.say(r#"{"id":70,"method":"Runtime.evaluate","params":{"expression":"'the ' + 'new'"}}"#);
        wake();
        cx.serve_inspector().unwrap();
        assert!(new.heard("\"id\":70") && new.heard("the new"), "{:?}", new.heard);
        new.say(ENABLE);
        cx.serve_inspector().unwrap();
        new.to_say.lock().unwrap().push_back(Received::Message(r#"{"id":3,"method":"Debugger.resume"}"#.into()));
        assert_eq!(eval(&*cx, "debugger; 'went on'"), Ok("went on".into()));
        assert!(new.heard("Debugger.paused"), "{:?}", new.heard);
    }
}

pub(super) fn unseen(engine: &dyn Engine) {
    let look = "[globalThis, globalThis.console ?? {}].map((o) => Reflect.ownKeys(o).map(String).join()).join(';')";
    // A `console` that can be taken away for a moment, and one that cannot.
    for console in ["", "globalThis.console = {}", "Object.defineProperty(globalThis, 'console', { get: () => ({}) })"]
    {
        let Some((cx, _front_end, _)) = attached(engine, &format!("var kept = []; {console}; var seen = {look}"))
        else {
            return;
        };
        assert_eq!(eval(&*cx, &format!("{look} === seen")), Ok(true.into()), "{console}");
        cx.detach_inspector();
        assert_eq!(eval(&*cx, &format!("{look} === seen")), Ok(true.into()), "{console}");
    }
    let greedy = "var kept = []; Object.defineProperty(globalThis, 'console', { value: new Proxy({}, {
        defineProperty(target, key, descriptor) { kept.push(descriptor.value); return true } }) })";
    let Some((cx, _front_end, _)) = attached(engine, greedy) else { return };
    cx.detach_inspector();
    cx.collect_garbage();
    assert_eq!(eval(&*cx, "for (const f of kept) { try { f('x').run(() => 1) } catch {} } 1"), Ok(Value::from(1)));
}

pub(super) fn pauses(engine: &dyn Engine) {
    let enable = r#"{"id":1,"method":"Debugger.enable"}"#;
    let Some((cx, front_end, _)) = attached(engine, "") else { return };
    front_end.say(enable);
    cx.serve_inspector().unwrap();
    // No deadline passes in a pause.
    cx.interrupter().set_deadline(Some(Instant::now() + Duration::from_millis(1000)));
    cx.interrupter().set_cpu_deadline(Some(crate::thread_cpu_time() + Duration::from_millis(1000)));
    let to_go_on = front_end.clone();
    *front_end.when_waiting.lock().unwrap() = Some(Box::new(move || {
        std::thread::sleep(Duration::from_millis(1300));
        to_go_on.say(r#"{"id":2,"method":"Debugger.resume"}"#);
    }));
    assert_eq!(eval(&*cx, "debugger; 'went on'"), Ok("went on".into()));
    assert!(front_end.heard("Debugger.paused") && front_end.heard("Debugger.resumed"));
    assert!(matches!(eval(&*cx, "for (;;) {}"), Err(Failure::Terminated(Termination::Deadline | Termination::Cpu))));

    // A front end that goes lets the guest go on.
    let Some((cx, front_end, _)) = attached(engine, "") else { return };
    front_end.say(enable);
    cx.serve_inspector().unwrap();
    front_end.to_say.lock().unwrap().push_back(Received::Gone);
    assert_eq!(eval(&*cx, "debugger; 'went on'"), Ok("went on".into()));

    // A stop ends a pause, and what is asked afterwards is refused and not left without an answer.
    let Some((cx, front_end, _)) = attached(engine, "") else { return };
    front_end.say(enable);
    cx.serve_inspector().unwrap();
    let interrupter = cx.interrupter();
    *front_end.when_waiting.lock().unwrap() = Some(Box::new(move || {
        interrupter.terminate(Termination::Cancelled);
    }));
    assert_eq!(eval(&*cx, "debugger; 'went on'"), Err(Failure::Terminated(Termination::Cancelled)));
    stopped(&*cx, Termination::Cancelled);
    front_end.say(r#"{"id":3,"method":"Runtime.evaluate","params":{"expression":"'ran on'"}}"#);
    assert_eq!(cx.serve_inspector(), Err(Failure::Terminated(Termination::Cancelled)));
    assert!(front_end.heard("\"id\":3") && front_end.heard("cancelled") && !front_end.heard("ran on"));
    cx.detach_inspector();
}
