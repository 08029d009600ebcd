//! Rejections that nothing has handled.

use std::collections::{BTreeMap, HashMap};

use isolate_engine::Exception;
use v8::Local;

use super::{Inner, Scope};

/// The rejections of a context that wait to be reported, in their order.
#[derive(Default)]
pub(crate) struct Rejections {
    waiting: BTreeMap<u64, (v8::Global<v8::Promise>, v8::Global<v8::Value>)>,
    /// Where the promises of one identity hash wait.
    by_hash: HashMap<i32, Vec<u64>>,
    next: u64,
    /// Those that were handled after all although glue was told of them, with their reasons.
    late: Vec<(v8::Global<v8::Promise>, v8::Global<v8::Value>)>,
    /// What microtasks threw that no promise took.
    uncaught: Vec<v8::Global<v8::Value>>,
    hook: Option<v8::Global<v8::Function>>,
    /// The promise that the hook is being asked about, until something handles it.
    asked: Option<v8::Global<v8::Promise>>,
}

impl Rejections {
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.late.is_empty() && self.uncaught.is_empty()
    }

    pub(crate) fn set_hook(&mut self, hook: v8::Global<v8::Function>) {
        self.hook = Some(hook);
    }

    pub(crate) fn add(&mut self, scope: &Scope<'_, '_>, promise: Local<v8::Promise>, reason: Local<v8::Value>) {
        let n = self.next;
        self.next += 1;
        self.waiting.insert(n, (v8::Global::new(scope, promise), v8::Global::new(scope, reason)));
        self.by_hash.entry(promise.get_identity_hash().get()).or_default().push(n);
    }

    pub(crate) fn add_uncaught(&mut self, scope: &Scope<'_, '_>, thrown: Local<v8::Value>) {
        self.uncaught.push(v8::Global::new(scope, thrown));
    }

    /// A promise needs no report any more. Returns whether it waited for one.
    pub(crate) fn handled(&mut self, scope: &Scope<'_, '_>, promise: Local<v8::Promise>) -> bool {
        let hash = promise.get_identity_hash().get();
        let Some(same) = self.by_hash.get_mut(&hash) else { return false };
        let waiting = &self.waiting;
        let at = same.iter().position(|n| waiting.get(n).is_some_and(|(p, _)| Local::new(scope, p) == promise));
        let Some(at) = at else { return false };
        let n = same.swap_remove(at);
        if same.is_empty() {
            self.by_hash.remove(&hash);
        }
        self.waiting.remove(&n);
        true
    }

    fn first(&self) -> Option<(v8::Global<v8::Promise>, v8::Global<v8::Value>)> {
        self.waiting.first_key_value().map(|(_, entry)| entry.clone())
    }
}

impl Inner {
    /// A mark, which no guest sees, on a promise that the hook was told of and that nothing has handled since.
    fn told<'s>(scope: &Scope<'s, '_>) -> Option<Local<'s, v8::Private>> {
        let name = v8::String::new(scope, "isolate:told")?;
        Some(v8::Private::for_api(scope, Some(name)))
    }

    /// A promise whose rejection had no handler has got one.
    pub(crate) fn handled_late(&self, scope: &mut Scope<'_, '_>, promise: Local<v8::Promise>) {
        if self.rejections.borrow_mut().handled(scope, promise) {
            return;
        }
        let asked = self.rejections.borrow().asked.as_ref().map(|p| Local::new(scope, p));
        if asked == Some(promise) {
            self.rejections.borrow_mut().asked = None;
            return;
        }
        let Some(told) = Self::told(scope) else { return };
        if promise.has_private(scope, told) == Some(true) {
            promise.delete_private(scope, told);
            let entry = (v8::Global::new(scope, promise), v8::Global::new(scope, promise.result(scope)));
            self.rejections.borrow_mut().late.push(entry);
        }
    }

    /// Tells glue of a rejection, or that one was handled after all. Returns whether it needs no report.
    fn ask_hook(
        &self,
        scope: &mut Scope<'_, '_>,
        promise: Local<v8::Promise>,
        reason: Local<v8::Value>,
        late: bool,
    ) -> bool {
        let hook = self.rejections.borrow().hook.as_ref().map(|f| Local::new(scope, f));
        let Some(hook) = hook else { return false };
        v8::tc_scope!(let tc, scope);
        let (undefined, late) = (v8::undefined(tc), v8::Boolean::new(tc, late));
        let taken = hook.call(tc, undefined.into(), &[promise.into(), reason, late.into()]);
        taken.is_some_and(|v| v.is_true())
    }

    /// The rejections to report, once glue was asked.
    pub(super) fn unhandled(&self, scope: &mut Scope<'_, '_>) -> Vec<Exception> {
        let mut found = Vec::new();
        let uncaught = std::mem::take(&mut self.rejections.borrow_mut().uncaught);
        for thrown in uncaught {
            let thrown = Local::new(scope, thrown);
            self.tell_uncaught(scope, "Uncaught", thrown, None);
            found.push(self.exception(scope, thrown));
        }
        let late = std::mem::take(&mut self.rejections.borrow_mut().late);
        for (promise, reason) in late {
            let (promise, reason) = (Local::new(scope, promise), Local::new(scope, reason));
            self.ask_hook(scope, promise, reason, true);
        }
        // What the hook's own work leaves behind waits for the next time.
        let end = self.rejections.borrow().next;
        while self.interrupter.stopped().is_none() {
            let first = self.rejections.borrow().waiting.first_key_value().map(|(n, _)| *n);
            if first.is_none_or(|n| n >= end) {
                break;
            }
            let Some((promise, reason)) = self.rejections.borrow().first() else { break };
            self.rejections.borrow_mut().asked = Some(promise.clone());
            let (promise, reason) = (Local::new(scope, promise), Local::new(scope, reason));
            self.rejections.borrow_mut().handled(scope, promise);
            let taken = self.ask_hook(scope, promise, reason, false);
            let still = self.rejections.borrow_mut().asked.take().is_some();
            if still
                && self.rejections.borrow().hook.is_some()
                && let Some(told) = Self::told(scope)
            {
                let mark = v8::Boolean::new(scope, true);
                promise.set_private(scope, told, mark.into());
            }
            if !taken {
                self.tell_uncaught(scope, "Uncaught (in promise)", reason, None);
                found.push(self.exception(scope, reason));
            }
        }
        found
    }
}
