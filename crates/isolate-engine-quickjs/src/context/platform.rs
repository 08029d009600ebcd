//! What the glue of the web platform asks of a context: its objects crossing, globals that are loaded when they are
//! touched, and rejections that it hears of first.

use std::ffi::{c_int, c_void};
use std::ptr;

use isolate_engine::{GlobalKind, HostError, Platform, Value};
use rquickjs::qjs;

use super::{Inner, QuickJsContext};
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

    /// What a lazy global does when it is set: it becomes an ordinary one; an accessor is loaded first.
    pub(crate) fn set_lazy(&self, index: usize, value: qjs::JSValue) -> qjs::JSValue {
        let kind = self.lazy.borrow().names.get(index).map(|n| n.kind);
        if kind == Some(GlobalKind::Accessor) {
            let old = self.load_lazy(index);
            // SAFETY: the tag of any value may be read; the set takes the value.
            unsafe {
                if qjs::JS_IsException(old) {
                    self.free(value);
                    return old;
                }
                self.free(old);
                return match self.loaded_accessor(index) {
                    Some((global, atom)) => {
                        let done = qjs::JS_SetProperty(self.ctx, global, atom, value);
                        qjs::JS_FreeAtom(self.ctx, atom);
                        self.free(global);
                        if done < 0 { qjs::JS_EXCEPTION } else { qjs::JS_UNDEFINED }
                    }
                    None => {
                        self.free(value);
                        qjs::JS_UNDEFINED
                    }
                };
            }
        }
        self.settle_lazy(index, value)
    }

    /// The global object and the name of an accessor, both owned, if glue has put its own in the place of ours.
    fn loaded_accessor(&self, index: usize) -> Option<(qjs::JSValue, qjs::JSAtom)> {
        let (name, accessor) = self.lazy.borrow().names.get(index).map(|n| (n.name, n.accessor))?;
        // SAFETY: live values; what is owned is freed or given to the caller.
        unsafe {
            let global = qjs::JS_GetGlobalObject(self.ctx);
            let atom = qjs::JS_NewAtomLen(self.ctx, name.as_ptr().cast(), name.len() as _);
            if self.is_accessor(global, atom, accessor) {
                qjs::JS_FreeAtom(self.ctx, atom);
                self.free(global);
                return None;
            }
            Some((global, atom))
        }
    }

    /// Makes a lazy global an ordinary one, with a value that it takes.
    fn settle_lazy(&self, index: usize, value: qjs::JSValue) -> qjs::JSValue {
        let Some((name, kind)) = self.lazy.borrow().names.get(index).map(|n| (n.name, n.kind)) else {
            self.free(value);
            return qjs::JS_UNDEFINED;
        };
        let mut flags = qjs::JS_PROP_CONFIGURABLE | qjs::JS_PROP_WRITABLE;
        if kind != GlobalKind::Interface {
            flags |= qjs::JS_PROP_ENUMERABLE;
        }
        // SAFETY: the definition takes the value; the global and the atom are freed.
        unsafe {
            let global = qjs::JS_GetGlobalObject(self.ctx);
            let atom = qjs::JS_NewAtomLen(self.ctx, name.as_ptr().cast(), name.len() as _);
            let defined = qjs::JS_DefinePropertyValue(self.ctx, global, atom, value, flags as c_int);
            qjs::JS_FreeAtom(self.ctx, atom);
            self.free(global);
            if defined < 0 { qjs::JS_EXCEPTION } else { qjs::JS_UNDEFINED }
        }
    }

    /// The value of a lazy global, whose group is loaded if it is not yet.
    pub(crate) fn load_lazy(&self, index: usize) -> qjs::JSValue {
        let Some((group, known)) = self.lazy.borrow().names.get(index).map(|n| (n.group, n.value)) else {
            return qjs::JS_UNDEFINED;
        };
        if let Some(value) = known {
            return self.dup(value);
        }
        let load = self.lazy.borrow().groups[group].clone();
        // SAFETY: `self` is alive during the call.
        let loaded = unsafe {
            let context = QuickJsContext::borrow(self);
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| load(&*context)))
                .unwrap_or_else(|_| Err(HostError::error("a loader of globals panicked")))
        };
        if self.interrupter.stopped().is_some() {
            self.clear_exception();
            return self.throw_stop();
        }
        if let Err(e) = loaded {
            return self.throw_host_error(&e);
        }
        // SAFETY: `loaded` is an object that glue left on the shared one; what is owned is freed.
        unsafe {
            let values = qjs::JS_GetPropertyStr(self.ctx, self.shared.get(), c"loaded".as_ptr());
            qjs::JS_SetPropertyStr(self.ctx, self.shared.get(), c"loaded".as_ptr(), qjs::JS_UNDEFINED);
            let global = qjs::JS_GetGlobalObject(self.ctx);
            let count = self.lazy.borrow().names.len();
            for i in 0..count {
                let (name, accessor) = match self.lazy.borrow().names.get(i) {
                    Some(n) if n.group == group && n.kind != GlobalKind::Accessor => (n.name, n.accessor),
                    _ => continue,
                };
                let atom = qjs::JS_NewAtomLen(self.ctx, name.as_ptr().cast(), name.len() as _);
                let value = qjs::JS_GetProperty(self.ctx, values, atom);
                // What the guest has put in its place meanwhile stays.
                let ours = self.is_accessor(global, atom, accessor);
                qjs::JS_FreeAtom(self.ctx, atom);
                if qjs::JS_IsException(value) {
                    self.free(values);
                    self.free(global);
                    return value;
                }
                if ours {
                    self.settle_lazy(i, self.dup(value));
                }
                self.lazy.borrow_mut().names[i].value = Some(value);
            }
            self.free(values);
            self.free(global);
        }
        let value = self.lazy.borrow().names[index].value;
        if let Some(value) = value {
            return self.dup(value);
        }
        let Some((global, atom)) = self.loaded_accessor(index) else { return qjs::JS_UNDEFINED };
        // SAFETY: live values; the global and the atom are owned here.
        unsafe {
            let v = qjs::JS_GetProperty(self.ctx, global, atom);
            qjs::JS_FreeAtom(self.ctx, atom);
            self.free(global);
            v
        }
    }

    /// Whether a property is still the accessor that was put there.
    ///
    /// # Safety
    /// Live values of this context.
    unsafe fn is_accessor(&self, object: qjs::JSValue, atom: qjs::JSAtom, accessor: qjs::JSValue) -> bool {
        let mut d = qjs::JSPropertyDescriptor {
            flags: 0,
            value: qjs::JS_UNDEFINED,
            getter: qjs::JS_UNDEFINED,
            setter: qjs::JS_UNDEFINED,
        };
        // SAFETY: the descriptor's parts are owned and freed; payloads are compared as pointers.
        unsafe {
            if qjs::JS_GetOwnProperty(self.ctx, &raw mut d, object, atom) != 1 {
                return false;
            }
            let ours = qjs::JS_IsObject(d.getter)
                && qjs::JS_VALUE_GET_PTR(d.getter) == qjs::JS_VALUE_GET_PTR(accessor)
                && qjs::JS_IsObject(d.setter)
                && qjs::JS_VALUE_GET_PTR(d.setter) == qjs::JS_VALUE_GET_PTR(accessor);
            self.free(d.value);
            self.free(d.getter);
            self.free(d.setter);
            ours
        }
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
