//! Globals that are loaded when they are first touched, and that are not even there before some source could name them.
//!
//! An accessor for each of the web platform's eighty globals would cost every context a tenth of its memory and time,
//! most of it for names that its guest never utters. All source goes through the engine's compiler, and
//! [`Inner::define_mentioned`] sees it first: it puts an accessor in place for each of the names that the source has in
//! it, and for all of them if it has a word by which the global object itself could be had (`this`, `globalThis`), or
//! an escape that could spell such a word. A guest so never meets a global that is missing. What else could hand out
//! the global object, such as an event's target, calls for all of them first (`engine.defineGlobals`).

use std::collections::HashSet;
use std::ffi::c_int;
use std::sync::{OnceLock, PoisonError, RwLock};

use isolate_engine::{GlobalKind, HostError, LoadGlobals};
use rquickjs::qjs;

use super::{Inner, QuickJsContext};
use crate::callbacks::lazy_global;

/// The lazy globals of a context.
#[derive(Default)]
pub(super) struct Lazy {
    groups: Vec<Group>,
    /// Those that are in place, or were.
    defined: Vec<Defined>,
    /// Whether all are.
    all: bool,
}

struct Group {
    names: &'static [&'static str],
    kind: GlobalKind,
    load: LoadGlobals,
}

struct Defined {
    group: usize,
    name: &'static str,
    kind: GlobalKind,
    /// The function that stands as getter and setter, borrowed from the property; none if the group was loaded before
    /// any source had the name.
    accessor: Option<qjs::JSValue>,
    /// What the property held when its group was loaded.
    value: Option<qjs::JSValue>,
}

/// The names of all contexts of the process, to pass over other words quickly.
fn known() -> &'static RwLock<HashSet<&'static str>> {
    static KNOWN: OnceLock<RwLock<HashSet<&'static str>>> = OnceLock::new();
    KNOWN.get_or_init(RwLock::default)
}

impl Lazy {
    pub(super) fn add(&mut self, names: &'static [&'static str], kind: GlobalKind, load: LoadGlobals) {
        let is_known = |known: &HashSet<_>| names.iter().all(|n| known.contains(n));
        if !is_known(&known().read().unwrap_or_else(PoisonError::into_inner)) {
            known().write().unwrap_or_else(PoisonError::into_inner).extend(names);
        }
        self.groups.push(Group { names, kind, load });
        self.all = false;
    }

    /// The place of a name among those defined, which it joins if it is new.
    fn entry(&mut self, group: usize, name: &'static str) -> (usize, bool) {
        if let Some(at) = self.defined.iter().position(|d| d.group == group && d.name == name) {
            return (at, false);
        }
        let kind = self.groups[group].kind;
        self.defined.push(Defined { group, name, kind, accessor: None, value: None });
        (self.defined.len() - 1, true)
    }

    /// The groups that a name belongs to, with the name as they have it.
    fn find(&self, name: &str) -> Option<(usize, &'static str)> {
        self.groups.iter().enumerate().find_map(|(i, g)| Some((i, *g.names.iter().find(|n| **n == name)?)))
    }
}

/// Whether a word gives its author the global object.
fn names_the_global_object(word: &[u8]) -> bool {
    matches!(word, b"this" | b"globalThis")
}

/// The lazy globals of any context that a source names; none if it could touch all of them.
fn mentioned(source: &[u8]) -> Option<Vec<&'static str>> {
    let known = known().read().unwrap_or_else(PoisonError::into_inner);
    let is_word = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$');
    let mut names = Vec::new();
    let mut at = 0;
    for word in source.split(|b| !is_word(b)) {
        let is_escape = at > 0 && source[at - 1] == b'\\' && word.first() == Some(&b'u');
        at += word.len() + 1;
        if is_escape || names_the_global_object(word) {
            return None;
        }
        if let Ok(word) = std::str::from_utf8(word)
            && let Some(name) = known.get(word)
            && !names.contains(name)
        {
            names.push(*name);
        }
    }
    Some(names)
}

impl Inner {
    /// Puts in place the lazy globals that a source could touch.
    pub(crate) fn define_mentioned(&self, source: &[u8]) {
        if self.lazy.borrow().all {
            return;
        }
        match mentioned(source) {
            Some(names) => names.into_iter().for_each(|name| self.define_lazy(name)),
            None => self.define_all(),
        }
    }

    /// Puts all lazy globals in place.
    pub(crate) fn define_all(&self) {
        if self.lazy.borrow().all {
            return;
        }
        let groups = self.lazy.borrow().groups.len();
        for group in 0..groups {
            let names = self.lazy.borrow().groups[group].names;
            names.iter().for_each(|name| self.put(group, name));
        }
        self.lazy.borrow_mut().all = true;
    }

    /// Puts a lazy global in place, if there is one of that name.
    pub(crate) fn define_lazy(&self, name: &str) {
        let found = self.lazy.borrow().find(name);
        if let Some((group, name)) = found {
            self.put(group, name);
        }
    }

    /// Puts an accessor in place, unless it was before or something else stands there. For want of memory the context
    /// is stopped, and nothing more need be done.
    fn put(&self, group: usize, name: &'static str) {
        let (index, new) = self.lazy.borrow_mut().entry(group, name);
        if !new || self.interrupter.stopped().is_some() {
            return;
        }
        let kind = self.lazy.borrow().defined[index].kind;
        let mut flags = qjs::JS_PROP_CONFIGURABLE;
        if kind != GlobalKind::Interface {
            flags |= qjs::JS_PROP_ENUMERABLE;
        }
        // SAFETY: one function, which serves as getter and setter; the definition takes both references. The accessor
        // is kept without a reference, only to compare.
        unsafe {
            let global = qjs::JS_GetGlobalObject(self.ctx);
            let atom = qjs::JS_NewAtomLen(self.ctx, name.as_ptr().cast(), name.len() as _);
            if self.is_ours(global, atom, None) {
                let f = qjs::JS_NewCFunction2(
                    self.ctx,
                    qjs::JSCFunctionType { generic_magic: Some(lazy_global) }.generic,
                    c"".as_ptr(),
                    0,
                    qjs::JSCFunctionEnum_JS_CFUNC_generic_magic,
                    index as c_int,
                );
                if qjs::JS_IsException(f) {
                    self.clear_exception();
                } else {
                    self.lazy.borrow_mut().defined[index].accessor = Some(f);
                    qjs::JS_DefinePropertyGetSet(self.ctx, global, atom, f, self.dup(f), flags as c_int);
                }
            }
            qjs::JS_FreeAtom(self.ctx, atom);
            self.free(global);
        }
    }

    /// What a lazy global does when it is set: it becomes an ordinary one; an accessor is loaded first.
    pub(crate) fn set_lazy(&self, index: usize, value: qjs::JSValue) -> qjs::JSValue {
        let kind = self.lazy.borrow().defined.get(index).map(|n| n.kind);
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
        let (name, accessor) = self.lazy.borrow().defined.get(index).map(|n| (n.name, n.accessor))?;
        // SAFETY: live values; what is owned is freed or given to the caller.
        unsafe {
            let global = qjs::JS_GetGlobalObject(self.ctx);
            let atom = qjs::JS_NewAtomLen(self.ctx, name.as_ptr().cast(), name.len() as _);
            if self.is_ours(global, atom, accessor) {
                qjs::JS_FreeAtom(self.ctx, atom);
                self.free(global);
                return None;
            }
            Some((global, atom))
        }
    }

    /// Makes a lazy global an ordinary one, with a value that it takes.
    fn settle_lazy(&self, index: usize, value: qjs::JSValue) -> qjs::JSValue {
        let Some((name, kind)) = self.lazy.borrow().defined.get(index).map(|n| (n.name, n.kind)) else {
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
        let Some((group, known)) = self.lazy.borrow().defined.get(index).map(|n| (n.group, n.value)) else {
            return qjs::JS_UNDEFINED;
        };
        if let Some(value) = known {
            return self.dup(value);
        }
        let load = self.lazy.borrow().groups[group].load.clone();
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
            // Those of the group that no source has named yet become ordinary at once.
            let all = self.lazy.borrow().groups[group].names;
            for name in all {
                self.lazy.borrow_mut().entry(group, name);
            }
            let count = self.lazy.borrow().defined.len();
            for i in 0..count {
                let (name, accessor) = match self.lazy.borrow().defined.get(i) {
                    Some(n) if n.group == group && n.kind != GlobalKind::Accessor => (n.name, n.accessor),
                    _ => continue,
                };
                let atom = qjs::JS_NewAtomLen(self.ctx, name.as_ptr().cast(), name.len() as _);
                let value = qjs::JS_GetProperty(self.ctx, values, atom);
                // What the guest has put in its place meanwhile stays.
                let ours = self.is_ours(global, atom, accessor);
                qjs::JS_FreeAtom(self.ctx, atom);
                if qjs::JS_IsException(value) {
                    self.free(values);
                    self.free(global);
                    return value;
                }
                if ours {
                    self.settle_lazy(i, self.dup(value));
                }
                self.lazy.borrow_mut().defined[i].value = Some(value);
            }
            self.free(values);
            self.free(global);
        }
        let value = self.lazy.borrow().defined[index].value;
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

    /// Whether a property is still as it was left: the accessor that was put there, or nothing where none was.
    ///
    /// # Safety
    /// Live values of this context.
    unsafe fn is_ours(&self, object: qjs::JSValue, atom: qjs::JSAtom, accessor: Option<qjs::JSValue>) -> bool {
        let mut d = qjs::JSPropertyDescriptor {
            flags: 0,
            value: qjs::JS_UNDEFINED,
            getter: qjs::JS_UNDEFINED,
            setter: qjs::JS_UNDEFINED,
        };
        // SAFETY: the descriptor's parts are owned and freed; payloads are compared as pointers.
        unsafe {
            let found = qjs::JS_GetOwnProperty(self.ctx, &raw mut d, object, atom);
            let Some(accessor) = accessor else {
                if found == 1 {
                    [d.value, d.getter, d.setter].into_iter().for_each(|v| self.free(v));
                }
                return found == 0;
            };
            if found != 1 {
                return false;
            }
            let same = |v| qjs::JS_IsObject(v) && qjs::JS_VALUE_GET_PTR(v) == qjs::JS_VALUE_GET_PTR(accessor);
            let ours = same(d.getter) && same(d.setter);
            [d.value, d.getter, d.setter].into_iter().for_each(|v| self.free(v));
            ours
        }
    }
}
