//! What the glue of the web platform asks of a context: its objects crossing, and rejections that it hears of first.

use std::ffi::{c_int, c_void};
use std::ptr;

use isolate_engine::{HostError, Platform, Value};
use rquickjs::qjs;

use super::Inner;
use crate::convert::Refusal;

impl Inner {
    pub(crate) fn platform_send(&self) -> Option<qjs::JSValue> {
        self.platform.borrow().as_ref().map(|p| p.send)
    }

    /// What glue sent of a platform object, as the host knows it.
    pub(crate) fn platform_to_host(&self, data: Value) -> Result<Platform, HostError> {
        let platform = self.platform.borrow().clone();
        platform.map_or_else(|| Err(HostError::type_error("this object cannot cross")), |p| p.objects.to_host(data))
    }

    /// The guest's form of a platform object. The caller owns the result.
    pub(crate) fn platform_to_guest(&self, object: &Platform, depth: usize) -> Result<qjs::JSValue, Refusal> {
        let Some(platform) = self.platform.borrow().clone() else {
            return Err(HostError::type_error("this object cannot cross").into());
        };
        let data = self.to_guest(platform.objects.to_guest(object)?, depth + 1)?;
        let v = self.call(platform.receive, qjs::JS_UNDEFINED, &mut [data]);
        self.free(data);
        // SAFETY: the tag of any value may be read.
        if unsafe { qjs::JS_IsException(v) } { Err(Refusal::Pending) } else { Ok(v) }
    }

    /// Sets the hook, of which it takes a reference of its own.
    pub(crate) fn set_rejection_hook(&self, hook: qjs::JSValue) {
        if let Some(old) = self.rejection_hook.replace(Some(self.dup(hook))) {
            self.free(old);
        }
    }

    /// Tells glue of a rejection, or that one was handled after all. Returns whether it needs no report.
    pub(super) fn ask_rejection_hook(&self, promise: qjs::JSValue, reason: qjs::JSValue, late: bool) -> bool {
        let Some(hook) = self.rejection_hook.get() else { return false };
        let late = qjs::JS_MKVAL(qjs::JS_TAG_BOOL, c_int::from(late));
        let taken = self.call(hook, qjs::JS_UNDEFINED, &mut [promise, reason, late]);
        // SAFETY: the tag says which field is set.
        unsafe {
            if qjs::JS_IsException(taken) {
                self.clear_exception();
                return false;
            }
            let is = qjs::JS_IsBool(taken) && qjs::JS_VALUE_GET_BOOL(taken);
            self.free(taken);
            is
        }
    }

    pub(super) fn note_outstanding(&self, key: *mut c_void) {
        /// A guest that rejects without end gets no more `rejectionhandled` than this.
        const MOST: usize = 10_000;
        let mut outstanding = self.outstanding.borrow_mut();
        if outstanding.len() >= MOST {
            outstanding.clear();
        }
        outstanding.insert(key);
    }

    /// A promise whose rejection had no handler has got one.
    pub(crate) fn handled_late(&self, promise: qjs::JSValue, reason: qjs::JSValue) {
        // SAFETY: a promise is an object, so its payload is a pointer, used only as a key.
        let key = unsafe { qjs::JS_VALUE_GET_PTR(promise) };
        if self.asked.get() == key {
            self.asked.set(ptr::null_mut());
        }
        if self.outstanding.borrow_mut().remove(&key) {
            self.late.borrow_mut().push((self.dup(promise), self.dup(reason)));
        }
        self.handled(promise);
    }

    pub(crate) fn handled(&self, promise: qjs::JSValue) {
        // SAFETY: a promise is an object, so its payload is a pointer, used only as a key.
        let key = unsafe { qjs::JS_VALUE_GET_PTR(promise) };
        let known = self.rejections.borrow_mut().remove(&key);
        if let Some((_, promise, reason)) = known {
            self.free(promise);
            self.free(reason);
        }
    }
}
