//! The Chrome DevTools protocol, which V8 speaks by itself: what is here passes messages on, holds the thread while the
//! guest is paused, and keeps glue out of sight.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use isolate_engine::{FrontEnd, Interrupter, Received, Wake};
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
/// Scripts that are not shown, and that stepping passes over.
const GLUE: [&str; 2] = ["isolate:", "v8:"];

/// An inspector with its one session.
pub(crate) struct Attached {
    // Dropped in this order.
    session: V8InspectorSession,
    inspector: V8Inspector,
    shared: Rc<Shared>,
}

/// What V8's callbacks need.
struct Shared {
    front_end: Arc<dyn FrontEnd>,
    interrupter: Interrupter,
    inner: *const Inner,
    attached: RefCell<std::rc::Weak<Attached>>,
    /// Whether the guest is paused.
    paused: Cell<bool>,
}

struct Client(Rc<Shared>);
struct Out(Rc<Shared>);

fn text(message: &UniquePtr<StringBuffer>) -> String {
    let Some(message) = message.as_ref() else { return String::new() };
    let view = message.string();
    match (view.characters8(), view.characters16()) {
        // Plain ASCII, in which V8 writes what has 8-bit characters.
        (Some(bytes), _) => bytes.iter().map(|b| char::from(*b)).collect(),
        (_, Some(units)) => String::from_utf16_lossy(units),
        _ => String::new(),
    }
}

fn buffer(text: &str) -> UniquePtr<StringBuffer> {
    let units: Vec<u16> = text.encode_utf16().collect();
    StringBuffer::create(StringView::from(&units[..]))
}

impl ChannelImpl for Out {
    fn send_response(&self, call_id: i32, message: UniquePtr<StringBuffer>) {
        if i64::from(call_id) != OURS {
            self.0.front_end.send(text(&message));
        }
    }

    fn send_notification(&self, message: UniquePtr<StringBuffer>) {
        let message = text(&message);
        let is_glue = || GLUE.iter().any(|name| message.contains(&format!("\"url\":\"{name}")));
        if message.starts_with("{\"method\":\"Debugger.scriptParsed\"") && is_glue() {
            return;
        }
        self.0.front_end.send(message);
    }

    fn flush_protocol_notifications(&self) {}
}

impl V8InspectorClientImpl for Client {
    fn run_message_loop_on_pause(&self, _group: i32) {
        let shared = &self.0;
        let Some(attached) = shared.attached.borrow().upgrade() else { return };
        let _hold = shared.interrupter.hold();
        shared.paused.set(true);
        while shared.paused.get() {
            let received = match shared.interrupter.stopped() {
                Some(_) => Received::Gone,
                None => shared.front_end.receive(PATIENCE),
            };
            match received {
                Received::Message(message) => attached.dispatch(&message),
                Received::Nothing => {}
                // This ends the pause too.
                Received::Gone => {
                    attached.request("Debugger.disable", json!({}));
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
        if GLUE.iter().any(|glue| name.starts_with(glue)) {
            return None;
        }
        self.0.front_end.url(&name).map(|url| buffer(&url))
    }
}

impl Attached {
    fn dispatch(&self, message: &str) {
        let ours;
        let message = match message.contains("Debugger.setBlackboxPatterns") {
            true => {
                ours = with_glue_patterns(message);
                &ours
            }
            false => message,
        };
        let enables = message.contains("\"Debugger.enable\"");
        self.dispatch_raw(message);
        if enables {
            self.request("Debugger.setBlackboxPatterns", json!({ "patterns": glue_patterns() }));
        }
    }

    fn dispatch_raw(&self, message: &str) {
        // In 16-bit units, in which there is no question about the encoding.
        let units: Vec<u16> = message.encode_utf16().collect();
        self.session.dispatch_protocol_message(StringView::from(&units[..]));
    }

    fn request(&self, method: &str, params: Value) {
        self.dispatch_raw(&json!({ "id": OURS, "method": method, "params": params }).to_string());
    }

    /// Handles what the front end has sent by now. Returns whether it is still there.
    fn serve(&self) -> bool {
        loop {
            match self.shared.front_end.receive(Duration::ZERO) {
                Received::Message(message) => self.dispatch(&message),
                Received::Nothing => return true,
                Received::Gone => return false,
            }
        }
    }
}

fn glue_patterns() -> Vec<String> {
    GLUE.iter().map(|name| format!("^{name}")).collect()
}

/// A front end's own patterns and ours.
fn with_glue_patterns(message: &str) -> String {
    let Ok(mut request) = serde_json::from_str::<Value>(message) else { return message.to_owned() };
    if let Some(patterns) = request["params"]["patterns"].as_array_mut() {
        patterns.extend(glue_patterns().into_iter().map(Value::from));
    }
    request.to_string()
}

impl Inner {
    /// Attaches a front end, in place of another one.
    pub(crate) fn attach<'s>(&self, scope: &mut Scope<'s, '_>, front_end: Arc<dyn FrontEnd>) -> Wake {
        self.detach(scope);
        let shared = Rc::new(Shared {
            front_end,
            interrupter: self.interrupter.clone(),
            inner: self,
            attached: RefCell::default(),
            paused: Cell::new(false),
        });
        let inspector = V8Inspector::create(scope, V8InspectorClient::new(Box::new(Client(shared.clone()))));
        let context = scope.get_current_context();
        let name: Vec<u16> = "guest".encode_utf16().collect();
        let data: Vec<u16> = "{\"isDefault\":true}".encode_utf16().collect();
        inspector.context_created(context, GROUP, StringView::from(&name[..]), StringView::from(&data[..]));
        let session = inspector.connect(
            GROUP,
            Channel::new(Box::new(Out(shared.clone()))),
            StringView::empty(),
            V8InspectorClientTrustLevel::FullyTrusted,
        );
        let attached = Rc::new(Attached { session, inspector, shared: shared.clone() });
        *shared.attached.borrow_mut() = Rc::downgrade(&attached);
        *self.inspector.borrow_mut() = Some(attached);
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

    /// Handles what the front end has sent by now.
    pub(crate) fn serve(&self) {
        let attached = self.inspector.borrow().clone();
        if let Some(attached) = attached
            && !attached.serve()
            && !attached.shared.paused.get()
        {
            attached.request("Debugger.disable", json!({}));
        }
    }

    /// Ends debugging.
    pub(crate) fn detach(&self, scope: &mut Scope<'_, '_>) {
        let attached = self.inspector.borrow_mut().take();
        if let Some(attached) = attached {
            attached.shared.paused.set(false);
            let context: Local<v8::Context> = scope.get_current_context();
            attached.inspector.context_destroyed(context);
        }
    }
}

/// The guest runs and there are messages.
unsafe extern "C" fn on_wake(isolate: v8::UnsafeRawIsolatePtr, mark: *mut c_void) {
    // SAFETY: made by `Arc::into_raw` for this one call.
    let asked = unsafe { Arc::from_raw(mark.cast::<AtomicBool>()) };
    asked.store(false, Ordering::Release);
    // SAFETY: the isolate that is interrupted, which is not dropped here.
    let isolate = std::mem::ManuallyDrop::new(unsafe { v8::Isolate::from_raw_isolate_ptr(isolate) });
    Inner::of(&isolate).serve();
}
