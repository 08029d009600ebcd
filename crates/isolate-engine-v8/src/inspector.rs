//! The Chrome DevTools protocol, which V8 speaks by itself: what is here passes messages on, holds the thread while the
//! guest is paused, and keeps glue out of sight.
//!
//! The inspector is made when a front end first attaches, and then stays as long as its isolate: functions of its own that
//! a guest got hold of would end the process otherwise. Sessions come and go.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::ffi::c_void;
use std::hash::{BuildHasher, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use isolate_engine::{FrontEnd, Interrupter, Received, Termination, Wake};
use serde_json::{Value, json};
use v8::inspector::{
    Channel, ChannelImpl, StringBuffer, StringView, V8Inspector, V8InspectorClient, V8InspectorClientImpl,
    V8InspectorClientTrustLevel, V8InspectorSession,
};
use v8::{Local, UniquePtr};

use crate::context::{Inner, Scope};

/// All contexts of an isolate are of one group: there is one.
const GROUP: i32 = 1;
/// How long a paused context waits for a message before it looks whether it is stopped.
const PATIENCE: Duration = Duration::from_millis(20);
/// The number of requests of our own, whose responses no front end sees.
const OURS: i64 = -1;
/// What the names of scripts begin with that are not shown, and that stepping passes over.
const GLUE: [&str; 2] = ["isolate:", "v8:"];
/// What the `shared` object of glue has while a front end is attached: V8's own console, which shows values to it.
const MIRROR: &str = "debugConsole";

/// The inspector of an isolate.
pub(crate) struct Debugger {
    // Dropped in this order.
    session: RefCell<Option<Rc<Session>>>,
    inspector: V8Inspector,
    shared: Rc<Shared>,
}

/// A front end that is attached.
struct Session {
    session: V8InspectorSession,
    front_end: Arc<dyn FrontEnd>,
    shared: Rc<Shared>,
    /// Whether it is over although someone is still in the middle of a message of its.
    over: Rc<Cell<bool>>,
}

/// What V8's callbacks need.
struct Shared {
    interrupter: Interrupter,
    inner: *const Inner,
    session: RefCell<std::rc::Weak<Session>>,
    /// Whether the guest is paused.
    paused: Cell<bool>,
    /// What stands before the URLs of glue. Nobody else knows it, so no guest can name a script so that it is hidden.
    mark: String,
    /// The numbers of the scripts that are not shown.
    hidden: RefCell<HashSet<String>>,
}

struct Client(Rc<Shared>);

struct Out {
    front_end: Arc<dyn FrontEnd>,
    shared: Rc<Shared>,
    over: Rc<Cell<bool>>,
}

fn text(message: &UniquePtr<StringBuffer>) -> String {
    message.as_ref().map(|message| message.string().to_string()).unwrap_or_default()
}

/// Gives text to V8 in 16-bit units, in which there is no question about the encoding.
fn with_view<R>(text: &str, f: impl FnOnce(StringView<'_>) -> R) -> R {
    let units: Vec<u16> = text.encode_utf16().collect();
    f(StringView::from(&units[..]))
}

/// Calls a front end. V8 stands between it and whoever could catch its panic.
fn guarded<R>(f: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(f)).ok()
}

fn receive(front_end: &dyn FrontEnd, wait: Duration) -> Received {
    guarded(|| front_end.receive(wait)).unwrap_or(Received::Gone)
}

/// The number of a request, if it has one.
fn number_of(request: &Value) -> Option<&Value> {
    request.get("id").filter(|id| id.is_i64())
}

impl Out {
    fn send(&self, message: String) {
        if !self.over.get()
            && let Some(message) = self.shared.shown(message)
        {
            guarded(|| self.front_end.send(message));
        }
    }
}

impl ChannelImpl for Out {
    fn send_response(&self, call_id: i32, message: UniquePtr<StringBuffer>) {
        if i64::from(call_id) != OURS {
            self.send(text(&message));
        }
    }

    fn send_notification(&self, message: UniquePtr<StringBuffer>) {
        self.send(text(&message));
    }

    fn flush_protocol_notifications(&self) {}
}

impl Shared {
    /// What the front end gets of a message of V8's.
    fn shown(&self, message: String) -> Option<String> {
        let has_mark = message.contains(&self.mark);
        let is = |method: &str| message.starts_with(&format!("{{\"method\":\"{method}\""));
        if has_mark && (is("Debugger.scriptParsed") || is("Debugger.scriptFailedToParse")) {
            let parsed: Value = serde_json::from_str(&message).unwrap_or_default();
            let script = &parsed["params"];
            if script["url"].as_str().is_some_and(|url| url.starts_with(&self.mark)) {
                if let Some(id) = script["scriptId"].as_str() {
                    self.hidden.borrow_mut().insert(id.to_owned());
                }
                return None;
            }
        }
        let printed = is("Runtime.consoleAPICalled");
        if !has_mark && !printed && !message.contains("\"callFrames\":") {
            return Some(message);
        }
        let Ok(mut value) = serde_json::from_str::<Value>(&message) else { return Some(message) };
        if printed && value["params"]["timestamp"] == 0 {
            // V8 asks its embedder for the time, and the binding does not pass that on.
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            value["params"]["timestamp"] = json!(now.as_secs_f64() * 1000.0);
        }
        self.hide_frames(&mut value);
        Some(value.to_string().replace(&self.mark, ""))
    }

    /// Takes glue's frames out of every stack, unless nothing would be left.
    fn hide_frames(&self, value: &mut Value) {
        match value {
            Value::Array(values) => values.iter_mut().for_each(|v| self.hide_frames(v)),
            Value::Object(members) => {
                if let Some(Value::Array(frames)) = members.get_mut("callFrames")
                    && !frames.iter().all(|f| self.is_glue(f))
                {
                    frames.retain(|f| !self.is_glue(f));
                }
                members.values_mut().for_each(|v| self.hide_frames(v));
            }
            _ => {}
        }
    }

    fn is_glue(&self, frame: &Value) -> bool {
        let id = frame.get("scriptId").or_else(|| frame.get("location")?.get("scriptId"));
        id.and_then(Value::as_str).is_some_and(|id| self.hidden.borrow().contains(id))
            || frame.get("url").and_then(Value::as_str).is_some_and(|url| url.starts_with(&self.mark))
    }

    fn pattern(&self) -> String {
        format!("^{}", self.mark)
    }
}

impl V8InspectorClientImpl for Client {
    fn run_message_loop_on_pause(&self, _group: i32) {
        let shared = &self.0;
        let Some(session) = shared.session.borrow().upgrade() else { return };
        let _hold = shared.interrupter.hold();
        shared.paused.set(true);
        while shared.paused.get() {
            let received = match shared.interrupter.stopped() {
                Some(_) => Received::Gone,
                None => receive(&*session.front_end, PATIENCE),
            };
            match received {
                Received::Message(message) => session.dispatch(&message),
                Received::Nothing => {}
                // This ends the pause too.
                Received::Gone => {
                    session.request("Debugger.disable", json!({}));
                    shared.paused.set(false);
                }
                Received::Replaced(front_end) => {
                    // SAFETY: as below.
                    let debugger = unsafe { (*shared.inner).debugger.get() };
                    debugger.inspect(|debugger| debugger.replace(front_end));
                    shared.paused.set(false);
                }
            }
        }
    }

    fn quit_message_loop_on_pause(&self) {
        self.0.paused.set(false);
    }

    fn ensure_default_context_in_group(&self, _group: i32) -> Option<Local<'_, v8::Context>> {
        // SAFETY: the inspector goes before its context's `Inner`, and asks within a handle scope of its own.
        unsafe { (*self.0.inner).context_here() }
    }

    fn resource_name_to_url(&self, name: &StringView) -> Option<UniquePtr<StringBuffer>> {
        let name = name.to_string();
        let url = match GLUE.iter().any(|glue| name.starts_with(glue)) {
            true => format!("{}{name}", self.0.mark),
            false => {
                let session = self.0.session.borrow().upgrade()?;
                guarded(|| session.front_end.url(&name)).flatten()?
            }
        };
        Some(with_view(&url, StringBuffer::create))
    }
}

impl Session {
    fn dispatch(&self, message: &str) {
        let sets_patterns = message.contains("\"Debugger.setBlackboxPatterns\"");
        if !sets_patterns && !message.contains("\"Debugger.enable\"") {
            return self.dispatch_raw(message);
        }
        let mut request: Value = serde_json::from_str(message).unwrap_or_default();
        let method = request.get("method").and_then(Value::as_str).unwrap_or_default();
        match method {
            // The front end's own patterns and ours.
            "Debugger.setBlackboxPatterns" => {
                let patterns = request.get_mut("params").and_then(|p| p.get_mut("patterns"));
                if let Some(Value::Array(patterns)) = patterns {
                    patterns.push(self.shared.pattern().into());
                }
                self.dispatch_raw(&request.to_string());
            }
            "Debugger.enable" => {
                self.dispatch_raw(message);
                self.request("Debugger.setBlackboxPatterns", json!({ "patterns": [self.shared.pattern()] }));
            }
            _ => self.dispatch_raw(message),
        }
    }

    fn dispatch_raw(&self, message: &str) {
        with_view(message, |view| self.session.dispatch_protocol_message(view));
    }

    fn request(&self, method: &str, params: Value) {
        self.dispatch_raw(&json!({ "id": OURS, "method": method, "params": params }).to_string());
    }

    /// Answers a message to a guest that was stopped. None of its code may run any more, but what was measured until then
    /// can still be had, unless there is no memory left for it.
    fn answer_stopped(&self, message: &str, reason: Termination) {
        let request: Value = serde_json::from_str(message).unwrap_or_default();
        if request.get("method").is_some_and(|m| m == "Profiler.stop") && reason != Termination::Memory {
            self.dispatch_raw(message);
        } else if let Some(id) = number_of(&request).filter(|id| **id != OURS) {
            let error = json!({ "code": -32000, "message": format!("the guest was {reason}") });
            guarded(|| self.front_end.send(json!({ "id": id, "error": error }).to_string()));
        }
    }
}

impl Debugger {
    fn new(inner: &Inner, scope: &mut Scope<'_, '_>) -> Self {
        let random = || RandomState::new().build_hasher().finish();
        let shared = Rc::new(Shared {
            interrupter: inner.interrupter.clone(),
            inner,
            session: RefCell::default(),
            paused: Cell::new(false),
            mark: format!("{:016x}{:016x}:", random(), random()),
            hidden: RefCell::default(),
        });
        let inspector = V8Inspector::create(scope, V8InspectorClient::new(Box::new(Client(shared.clone()))));
        let context = scope.get_current_context();
        without_console(scope, || {
            with_view("guest", |name| {
                with_view("{\"isDefault\":true}", |data| inspector.context_created(context, GROUP, name, data));
            });
        });
        Self { session: RefCell::default(), inspector, shared }
    }

    fn attach(&self, front_end: Arc<dyn FrontEnd>) {
        let over = Rc::new(Cell::new(false));
        let out = Out { front_end: front_end.clone(), shared: self.shared.clone(), over: over.clone() };
        let session = self.inspector.connect(
            GROUP,
            Channel::new(Box::new(out)),
            StringView::empty(),
            V8InspectorClientTrustLevel::FullyTrusted,
        );
        let session = Rc::new(Session { session, front_end, shared: self.shared.clone(), over });
        *self.shared.session.borrow_mut() = Rc::downgrade(&session);
        *self.session.borrow_mut() = Some(session);
    }

    fn detach(&self) {
        self.shared.paused.set(false);
        let session = self.session.take();
        // Whoever is in the middle of a message has a share of its own.
        session.inspect(|session| session.over.set(true));
    }

    /// A front end takes the place of the one that is attached.
    fn replace(&self, front_end: Arc<dyn FrontEnd>) {
        if let Some(session) = self.session.borrow().clone() {
            session.over.set(true);
            // It may live on for a moment; what it has turned on does not.
            session.request("Debugger.disable", json!({}));
        }
        self.detach();
        self.attach(front_end);
    }
}

/// Does something while the global object's `console` is not there: V8 gives the one that it finds a function of its own.
fn without_console(scope: &mut Scope<'_, '_>, f: impl FnOnce()) {
    v8::tc_scope!(let tc, scope);
    let global = tc.get_current_context().global(tc);
    let own = (|| {
        let key: Local<v8::Name> = v8::String::new(tc, "console")?.into();
        let now = global.get_own_property_descriptor(tc, key)?.try_cast::<v8::Object>().ok()?;
        // What stands on the guest's prototypes is not asked.
        let part = |name: &str| {
            let name: Local<v8::Name> = v8::String::new(tc, name)?.into();
            if now.has_own_property(tc, name)? { now.get(tc, name.into()) } else { None }
        };
        let (value, get, set) = (part("value"), part("get"), part("set"));
        let is = |name: &str| part(name).is_some_and(|v| v.is_true());
        let (writable, enumerable, configurable) = (is("writable"), is("enumerable"), is("configurable"));
        let mut descriptor = match (value, get, set) {
            (Some(value), ..) => v8::PropertyDescriptor::new_from_value_writable(value, writable),
            (_, Some(get), Some(set)) => v8::PropertyDescriptor::new_from_get_set(get, set),
            _ => return None,
        };
        descriptor.set_enumerable(enumerable);
        descriptor.set_configurable(configurable);
        // A guest may have seen to it that it cannot be taken away. What it then gets of V8's does no harm.
        if !configurable {
            return None;
        }
        let mut nothing = v8::PropertyDescriptor::new_from_value_writable(v8::undefined(tc).into(), true);
        nothing.set_configurable(true);
        global.define_property(tc, key, &nothing)?.then_some((key, descriptor))
    })();
    f();
    if let Some((key, descriptor)) = own {
        global.define_property(tc, key, &descriptor);
    }
}

impl Inner {
    /// Attaches a front end, in place of another one.
    pub(crate) fn attach(&self, scope: &mut Scope<'_, '_>, front_end: Arc<dyn FrontEnd>) -> Wake {
        self.detach(scope);
        self.debugger.get_or_init(|| Debugger::new(self, scope)).attach(front_end);
        self.mirror(scope, true);
        let handle = scope.thread_safe_handle();
        let asked = Arc::new(AtomicBool::new(false));
        Arc::new(move || {
            // One request in flight is enough; the callback takes the mark away before it looks.
            if !asked.swap(true, Ordering::AcqRel) {
                let mark = Arc::into_raw(asked.clone()).cast_mut().cast::<c_void>();
                if !handle.request_interrupt(on_wake, mark) {
                    // SAFETY: made by `Arc::into_raw` above, and nobody else got it.
                    drop(unsafe { Arc::from_raw(mark.cast::<AtomicBool>()) });
                }
            }
        })
    }

    fn session(&self) -> Option<Rc<Session>> {
        self.debugger.get()?.session.borrow().clone()
    }

    /// Whether a front end is attached.
    pub(crate) fn is_debugged(&self) -> bool {
        self.session().is_some()
    }

    /// Handles what the front end has sent by now.
    pub(crate) fn serve(&self) {
        // Each message may end the session.
        while let Some(session) = self.session() {
            match receive(&*session.front_end, Duration::ZERO) {
                Received::Message(message) => session.dispatch(&message),
                Received::Nothing => return,
                // A pause ends by itself.
                Received::Gone if session.shared.paused.get() => return,
                Received::Gone => return session.request("Debugger.disable", json!({})),
                Received::Replaced(front_end) => {
                    self.debugger.get().inspect(|debugger| debugger.replace(front_end));
                }
            }
        }
    }

    /// As [`serve`](Self::serve), of a guest that was stopped.
    pub(crate) fn serve_stopped(&self, reason: Termination) {
        while let Some(session) = self.session() {
            match receive(&*session.front_end, Duration::ZERO) {
                Received::Message(message) => session.answer_stopped(&message, reason),
                Received::Nothing | Received::Gone => return,
                Received::Replaced(front_end) => {
                    self.debugger.get().inspect(|debugger| debugger.replace(front_end));
                }
            }
        }
    }

    /// Ends debugging.
    pub(crate) fn detach(&self, scope: &mut Scope<'_, '_>) {
        if self.is_debugged() {
            self.mirror(scope, false);
        }
        self.end_session();
    }

    /// Lets the session go.
    pub(crate) fn end_session(&self) {
        if let Some(debugger) = self.debugger.get() {
            debugger.detach();
        }
    }

    /// Gives glue V8's own console, or takes it away.
    fn mirror(&self, scope: &mut Scope<'_, '_>, on: bool) {
        let Some(shared) = self.shared.get() else { return };
        let Some(key) = v8::String::new(scope, MIRROR) else { return };
        v8::tc_scope!(let tc, scope);
        let mut console = v8::undefined(tc).into();
        if on
            && let Some(name) = v8::String::new(tc, "console")
            && let Some(own) = tc.get_current_context().get_extras_binding_object(tc).get(tc, name.into())
        {
            console = own;
        }
        Local::new(tc, shared).set(tc, key.into(), console);
    }

    /// Tells the front end of an error that leaves the guest.
    pub(crate) fn tell_uncaught(
        &self,
        scope: &mut Scope<'_, '_>,
        text: &str,
        thrown: Local<v8::Value>,
        message: Option<Local<v8::Message>>,
    ) {
        let Some(debugger) = self.debugger.get().filter(|d| d.session.borrow().is_some()) else { return };
        v8::tc_scope!(let tc, scope);
        let message = message.unwrap_or_else(|| v8::Exception::create_message(tc, thrown));
        let detail = message.get(tc).to_rust_string_lossy(tc);
        let place = crate::convert::place(tc, message);
        let (url, line, column) = match &place {
            Some(at) => (at.file.as_str(), at.line, at.column),
            None => ("", 0, 0),
        };
        let url = self.session().and_then(|s| guarded(|| s.front_end.url(url)).flatten()).unwrap_or(url.to_owned());
        let stack = v8::Exception::get_stack_trace(tc, thrown).or_else(|| message.get_stack_trace(tc));
        let stack = debugger.inspector.create_stack_trace(stack);
        let context = tc.get_current_context();
        with_view(text, |text| {
            with_view(&detail, |detail| {
                with_view(&url, |url| {
                    debugger.inspector.exception_thrown(context, text, thrown, detail, url, line, column, stack, 0);
                });
            });
        });
    }
}

/// The guest runs and there are messages.
unsafe extern "C" fn on_wake(isolate: v8::UnsafeRawIsolatePtr, mark: *mut c_void) {
    // SAFETY: made by `Arc::into_raw` for this one call.
    let asked = unsafe { Arc::from_raw(mark.cast::<AtomicBool>()) };
    asked.store(false, Ordering::Release);
    // SAFETY: the isolate that is interrupted, which is not dropped here.
    let isolate = std::mem::ManuallyDrop::new(unsafe { v8::Isolate::from_raw_isolate_ptr(isolate) });
    let inner = Inner::of(&isolate);
    if inner.interrupter.stopped().is_none() {
        inner.serve();
    }
}
