//! Clones of plain data: trees of objects, arrays and primitives, with whatever leaves glue knows how to clone.
//!
//! What `structuredClone` mostly gets, done without a line of JavaScript for each property. No guest code runs
//! meanwhile, so whenever something turns up that would need some (a getter, a proxy) or that glue must look at (an
//! object with private fields, which may be one of the web platform's), the whole is given up, unnoticed.

use std::collections::HashMap;
use std::ffi::{c_int, c_void};
use std::hash::{BuildHasherDefault, Hasher};
use std::ptr;

use rquickjs::qjs;

use crate::context::{Builtin, Inner};

/// Mixes an address well enough for a table whose keys no guest can choose.
#[derive(Default)]
struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_usize(usize::from(*byte));
        }
    }
    fn write_usize(&mut self, n: usize) {
        self.0 = (self.0 ^ n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(26);
    }
}

type Clones = HashMap<*mut c_void, qjs::JSValue, BuildHasherDefault<AddressHasher>>;

/// Why there is no clone.
enum Stop {
    /// Something is not plain.
    NotPlain,
    /// An exception is pending.
    Pending,
}

/// The functions of glue that know the other classes. None runs guest code.
#[derive(Clone, Copy)]
pub(crate) struct Glue {
    /// `(object, class)`: a clone of an object that holds no others, or undefined.
    pub(crate) leaf: qjs::JSValue,
    /// `(object, class)`: `{ copy, items }` of a map or set, the empty clone and a list of what is in the original.
    pub(crate) begin: qjs::JSValue,
    /// `(copy, class, items)`: fills it with the items' clones.
    pub(crate) fill: qjs::JSValue,
    /// `(object)`: whether it is one of the web platform's or the host's, which depends on its prototype.
    pub(crate) is_platform: qjs::JSValue,
}

/// An object or array whose properties are being copied.
struct Frame {
    source: qjs::JSValue,
    clone: qjs::JSValue,
    keys: *mut qjs::JSPropertyEnum,
    len: u32,
    next: u32,
    /// Of a collection, whose items' list is `source` and whose clones' list is `clone`, both owned here: the clone of
    /// the collection itself, and its class.
    collection: Option<(qjs::JSValue, &'static str)>,
}

struct Cloning<'a> {
    inner: &'a Inner,
    glue: Glue,
    /// Sources to clones; neither is counted as a reference. The sources stay alive, since no guest code runs, and so
    /// do the clones, each of which hangs on the first one.
    clones: Clones,
    frames: Vec<Frame>,
    /// The prototype that was last found not to be a platform object's.
    known: *mut c_void,
    steps: u32,
}

impl Drop for Cloning<'_> {
    fn drop(&mut self) {
        while let Some(frame) = self.frames.pop() {
            self.release(&frame);
        }
    }
}

/// The clone of a value, or undefined if it is not plain.
pub(crate) fn clone_plain(inner: &Inner, value: qjs::JSValue, glue: Glue) -> qjs::JSValue {
    let mut cloning =
        Cloning { inner, glue, clones: Clones::default(), frames: Vec::new(), known: ptr::null_mut(), steps: 0 };
    let root = match cloning.begin(value) {
        Ok(root) => root,
        Err(stop) => return stop.value(),
    };
    match cloning.fill() {
        Ok(()) => root,
        Err(stop) => {
            // Frees what its frames own, before the clone that may own them.
            drop(cloning);
            inner.free(root);
            stop.value()
        }
    }
}

impl Stop {
    fn value(self) -> qjs::JSValue {
        match self {
            Stop::NotPlain => qjs::JS_UNDEFINED,
            Stop::Pending => qjs::JS_EXCEPTION,
        }
    }
}

impl Cloning<'_> {
    /// The clone of a value, owned; an object's properties are copied by `fill`.
    fn begin(&mut self, v: qjs::JSValue) -> Result<qjs::JSValue, Stop> {
        let inner = self.inner;
        // SAFETY: live values, looked at by tag and class.
        let key = unsafe {
            if qjs::JS_IsSymbol(v) {
                return Err(Stop::NotPlain);
            }
            if !qjs::JS_IsObject(v) {
                return Ok(inner.dup(v));
            }
            qjs::JS_VALUE_GET_PTR(v)
        };
        if let Some(clone) = self.clones.get(&key) {
            return Ok(inner.dup(*clone));
        }
        let class = inner.class_name(v);
        // SAFETY: as above; what is made is owned, and given to the caller or freed.
        unsafe {
            let clone = match class {
                "Array" => qjs::JS_NewArray(inner.ctx),
                "Object" if !qjs::JS_IsFunction(inner.ctx, v) && self.is_plain(v)? => {
                    qjs::JS_NewObjectProto(inner.ctx, inner.builtin(Builtin::object_prototype))
                }
                "Map" | "Set" => return self.collection(v, class, key),
                "Object" | "Error" | "Proxy" => return Err(Stop::NotPlain),
                _ => return self.leaf(v, class, key),
            };
            if qjs::JS_IsException(clone) {
                return Err(Stop::Pending);
            }
            if let Err(stop) = self.open(v, clone, None) {
                inner.free(clone);
                return Err(stop);
            }
            self.clones.insert(key, clone);
            Ok(clone)
        }
    }

    /// Has the properties of one object copied to another, before anything else.
    fn open(
        &mut self,
        source: qjs::JSValue,
        clone: qjs::JSValue,
        collection: Option<(qjs::JSValue, &'static str)>,
    ) -> Result<(), Stop> {
        let (mut keys, mut len) = (ptr::null_mut(), 0);
        let flags = (qjs::JS_GPN_STRING_MASK | qjs::JS_GPN_ENUM_ONLY) as c_int;
        // SAFETY: an object that is no proxy.
        if unsafe { qjs::JS_GetOwnPropertyNames(self.inner.ctx, &raw mut keys, &raw mut len, source, flags) } < 0 {
            return Err(Stop::Pending);
        }
        self.frames.push(Frame { source, clone, keys, len, next: 0, collection });
        Ok(())
    }

    /// Frees what a frame owns.
    fn release(&self, frame: &Frame) {
        // SAFETY: the table is the engine's and is freed once, with its frame.
        unsafe { qjs::JS_FreePropertyEnum(self.inner.ctx, frame.keys, frame.len) };
        if frame.collection.is_some() {
            self.inner.free(frame.source);
            self.inner.free(frame.clone);
        }
    }

    /// A map or set: glue lists its items, whose clones it gets when they are made.
    fn collection(&mut self, v: qjs::JSValue, class: &'static str, key: *mut c_void) -> Result<qjs::JSValue, Stop> {
        let inner = self.inner;
        let name = inner.string(class);
        let begun = inner.call(self.glue.begin, qjs::JS_UNDEFINED, &mut [v, name]);
        inner.free(name);
        // SAFETY: live values; `begun` is a record of glue's with these two; what is owned is freed or kept by a frame.
        unsafe {
            if qjs::JS_IsException(begun) {
                return Err(Stop::Pending);
            }
            let copy = qjs::JS_GetPropertyStr(inner.ctx, begun, c"copy".as_ptr());
            let items = qjs::JS_GetPropertyStr(inner.ctx, begun, c"items".as_ptr());
            inner.free(begun);
            let list = qjs::JS_NewArray(inner.ctx);
            let opened = if qjs::JS_IsException(list) {
                Err(Stop::Pending)
            } else {
                self.open(items, list, Some((copy, class)))
            };
            if let Err(stop) = opened {
                [copy, items, list].into_iter().for_each(|v| inner.free(v));
                return Err(stop);
            }
            self.clones.insert(key, copy);
            Ok(copy)
        }
    }

    fn fill_collection(&self, frame: &Frame, copy: qjs::JSValue, class: &str) -> Result<(), Stop> {
        let name = self.inner.string(class);
        let filled = self.inner.call(self.glue.fill, qjs::JS_UNDEFINED, &mut [copy, name, frame.clone]);
        self.inner.free(name);
        // SAFETY: the tag of any value may be read.
        if unsafe { qjs::JS_IsException(filled) } {
            return Err(Stop::Pending);
        }
        self.inner.free(filled);
        Ok(())
    }

    /// Whether an object of the class of plain objects is one: platform objects have private fields.
    unsafe fn is_plain(&mut self, v: qjs::JSValue) -> Result<bool, Stop> {
        let inner = self.inner;
        // SAFETY: live values; what is owned is freed.
        unsafe {
            let proto = qjs::JS_GetPrototype(inner.ctx, v);
            let object = inner.builtin(Builtin::object_prototype);
            let plain = !qjs::JS_IsObject(proto) || qjs::JS_VALUE_GET_PTR(proto) == qjs::JS_VALUE_GET_PTR(object);
            let address = if plain { ptr::null_mut() } else { qjs::JS_VALUE_GET_PTR(proto) };
            inner.free(proto);
            if plain {
                return Ok(true);
            }
            if address != self.known {
                let is = inner.call(self.glue.is_platform, qjs::JS_UNDEFINED, &mut [v]);
                if qjs::JS_IsException(is) {
                    return Err(Stop::Pending);
                }
                if qjs::JS_IsBool(is) && qjs::JS_VALUE_GET_BOOL(is) {
                    return Ok(false);
                }
                self.known = address;
            }
            let (mut keys, mut len) = (ptr::null_mut(), 0);
            let flags = qjs::JS_GPN_PRIVATE_MASK as c_int;
            if qjs::JS_GetOwnPropertyNames(inner.ctx, &raw mut keys, &raw mut len, v, flags) < 0 {
                return Err(Stop::Pending);
            }
            qjs::JS_FreePropertyEnum(inner.ctx, keys, len);
            Ok(len == 0)
        }
    }

    fn leaf(&mut self, v: qjs::JSValue, class: &str, key: *mut c_void) -> Result<qjs::JSValue, Stop> {
        let inner = self.inner;
        let name = inner.string(class);
        let clone = inner.call(self.glue.leaf, qjs::JS_UNDEFINED, &mut [v, name]);
        inner.free(name);
        // SAFETY: the tag of any value may be read.
        match unsafe { qjs::JS_VALUE_GET_NORM_TAG(clone) } {
            qjs::JS_TAG_EXCEPTION => Err(Stop::Pending),
            qjs::JS_TAG_UNDEFINED => Err(Stop::NotPlain),
            _ => {
                self.clones.insert(key, clone);
                Ok(clone)
            }
        }
    }

    /// Copies properties, depth first, until nothing is left.
    fn fill(&mut self) -> Result<(), Stop> {
        let inner = self.inner;
        loop {
            self.steps = self.steps.wrapping_add(1);
            if self.steps.is_multiple_of(1024) && (inner.interrupter.poll().is_some() || inner.refuses(self.held())) {
                inner.throw_stop();
                return Err(Stop::Pending);
            }
            let Some(frame) = self.frames.last_mut() else { return Ok(()) };
            let (source, clone) = (frame.source, frame.clone);
            if frame.next == frame.len {
                let Some(frame) = self.frames.pop() else { return Ok(()) };
                let done = match frame.collection {
                    Some((copy, class)) => self.fill_collection(&frame, copy, class),
                    None => self.set_length(source, clone),
                };
                self.release(&frame);
                done?;
                continue;
            }
            // SAFETY: within the table; the descriptor's parts are owned, and the definition takes the clone.
            unsafe {
                let atom = (*frame.keys.add(frame.next as usize)).atom;
                frame.next += 1;
                let mut d = qjs::JSPropertyDescriptor {
                    flags: 0,
                    value: qjs::JS_UNDEFINED,
                    getter: qjs::JS_UNDEFINED,
                    setter: qjs::JS_UNDEFINED,
                };
                match qjs::JS_GetOwnProperty(inner.ctx, &raw mut d, source, atom) {
                    1 => {}
                    0 => return Err(Stop::NotPlain),
                    _ => return Err(Stop::Pending),
                }
                if d.flags & qjs::JS_PROP_GETSET as c_int != 0 {
                    inner.free(d.getter);
                    inner.free(d.setter);
                    return Err(Stop::NotPlain);
                }
                let value = self.begin(d.value);
                // Its owner keeps it alive.
                inner.free(d.value);
                let flags = qjs::JS_PROP_C_W_E as c_int;
                if qjs::JS_DefinePropertyValue(inner.ctx, clone, atom, value?, flags) < 0 {
                    return Err(Stop::Pending);
                }
            }
        }
    }

    /// How many bytes of the host it takes, which must fit into the guest's limit too.
    fn held(&self) -> usize {
        self.frames.capacity() * size_of::<Frame>() + self.clones.capacity() * size_of::<(usize, qjs::JSValue)>()
    }

    /// Holes at the end of an array count too.
    fn set_length(&self, source: qjs::JSValue, clone: qjs::JSValue) -> Result<(), Stop> {
        // SAFETY: live values; reading and setting the length of an array runs no guest code.
        unsafe {
            if !qjs::JS_IsArray(clone) {
                return Ok(());
            }
            let (mut wanted, mut has) = (0, 0);
            qjs::JS_GetLength(self.inner.ctx, source, &raw mut wanted);
            qjs::JS_GetLength(self.inner.ctx, clone, &raw mut has);
            if wanted != has && qjs::JS_SetLength(self.inner.ctx, clone, wanted) < 0 {
                return Err(Stop::Pending);
            }
        }
        Ok(())
    }
}
