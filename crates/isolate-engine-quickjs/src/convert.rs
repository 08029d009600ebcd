//! Values in both directions.

use std::ffi::{c_int, c_void};
use std::ptr;

use bytes::Bytes;
use isolate_engine::crossing::{self, NODE, check_stack, location, too_deep, weight};
use isolate_engine::{Arguments, BigInt, Exception, HostError, MAX_DEPTH, Object, RegExp, Value};
use rquickjs::qjs;

use crate::context::{Builtin, External, Inner};

pub(crate) use isolate_engine::crossing::Refusal;

/// Bytes from this many on are lent to the guest rather than copied.
const LEND: usize = 4096;
/// A walk over a guest's value, whose objects are told apart by their addresses.
type Walk = crossing::Walk<*mut c_void>;

fn type_error(message: impl Into<String>) -> Refusal {
    HostError::type_error(message).into()
}

impl Inner {
    /// Copies a guest value out.
    pub(crate) fn to_host(&self, v: qjs::JSValue, mode: Arguments) -> Result<Value, Refusal> {
        if let Some(value) = primitive(v) {
            return Ok(value);
        }
        let mut walk = Walk::new(mode, self.limits.value_bytes);
        self.walk(v, &mut walk)
    }

    fn walk(&self, v: qjs::JSValue, walk: &mut Walk) -> Result<Value, Refusal> {
        if walk.asks() && self.interrupter.poll().is_some() {
            return Err(Refusal::Pending);
        }
        if walk.lossy() && walk.left < NODE {
            return Ok(Value::String("[Truncated]".into()));
        }
        walk.spend(NODE)?;
        if let Some(value) = primitive(v) {
            return Ok(value);
        }
        // SAFETY: the tag of any value may be read.
        match unsafe { qjs::JS_VALUE_GET_NORM_TAG(v) } {
            qjs::JS_TAG_STRING | qjs::JS_TAG_STRING_ROPE => self.walk_string(v, walk),
            qjs::JS_TAG_BIG_INT | qjs::JS_TAG_SHORT_BIG_INT => self.walk_big_int(v, walk),
            qjs::JS_TAG_SYMBOL if walk.lossy() => Ok(Value::String("[Symbol]".into())),
            qjs::JS_TAG_SYMBOL => Err(type_error("a symbol cannot cross the boundary")),
            qjs::JS_TAG_OBJECT => self.walk_object(v, walk),
            _ => Err(type_error("this value cannot cross the boundary")),
        }
    }

    fn walk_string(&self, v: qjs::JSValue, walk: &mut Walk) -> Result<Value, Refusal> {
        let mut s = self.text_of(v, if walk.lossy() { usize::MAX } else { walk.left })?;
        if walk.lossy() && s.len() > walk.left {
            s.truncate(s.floor_char_boundary(walk.left));
        }
        walk.spend(s.len())?;
        Ok(Value::String(s))
    }

    /// A string's text, if it has at most about `most` bytes.
    fn text_of(&self, v: qjs::JSValue, most: usize) -> Result<String, Refusal> {
        let mut length = 0i64;
        // SAFETY: a live string; its length is read without running guest code.
        if unsafe { qjs::JS_GetLength(self.ctx, v, &raw mut length) } != 0 {
            return Err(Refusal::Pending);
        }
        if usize::try_from(length).unwrap_or(usize::MAX) > most {
            return Err(HostError::range_error("the string is too large to cross the boundary").into());
        }
        let mut len = 0usize;
        // SAFETY: a live string; what it returns is freed below.
        let p = unsafe { qjs::JS_ToCStringLen(self.ctx, &raw mut len, v) };
        if p.is_null() {
            return Err(Refusal::Pending);
        }
        // SAFETY: `len` bytes, alive until they are freed.
        let bytes = unsafe { std::slice::from_raw_parts(p.cast::<u8>(), len) };
        let valid = std::str::from_utf8(bytes).map(str::to_owned);
        // SAFETY: got from the engine above.
        unsafe { qjs::JS_FreeCString(self.ctx, p) };
        if let Ok(s) = valid {
            return Ok(s);
        }
        // Unpaired surrogates: the wide form tells them apart.
        let mut len = 0;
        // SAFETY: as above, in 16-bit units.
        unsafe {
            let p = qjs::JS_ToCStringLenUTF16(self.ctx, &raw mut len, v);
            if p.is_null() {
                return Err(Refusal::Pending);
            }
            let s = String::from_utf16_lossy(std::slice::from_raw_parts(p, len as usize));
            qjs::JS_FreeCStringUTF16(self.ctx, p);
            Ok(s)
        }
    }

    fn walk_big_int(&self, v: qjs::JSValue, walk: &mut Walk) -> Result<Value, Refusal> {
        // Base 16, since the engine takes quadratic time for base 10.
        let mut radix = [qjs::JS_MKVAL(qjs::JS_TAG_INT, 16)];
        let text = self.call(self.builtin(Builtin::big_int_to_string), v, &mut radix);
        // SAFETY: the tag of any value may be read.
        if unsafe { qjs::JS_IsException(text) } {
            return Err(Refusal::Pending);
        }
        let digits = self.text_of(text, walk.left);
        self.free(text);
        let digits = digits?;
        walk.spend(digits.len() / 2)?;
        BigInt::parse_bytes(digits.as_bytes(), 16)
            .map(Value::BigInt)
            .ok_or_else(|| type_error("the bigint could not be read"))
    }

    fn walk_object(&self, v: qjs::JSValue, walk: &mut Walk) -> Result<Value, Refusal> {
        // SAFETY: an object's payload is a pointer, used only to compare.
        let key = unsafe { qjs::JS_VALUE_GET_PTR(v) };
        check_stack(stacker::remaining_stack())?;
        if let Some(instead) = walk.enter(key, |other| *other == key)? {
            return Ok(instead);
        }
        let result = self.walk_class(v, walk);
        walk.leave();
        result
    }

    fn walk_class(&self, v: qjs::JSValue, walk: &mut Walk) -> Result<Value, Refusal> {
        // SAFETY: these only look at the object's class.
        unsafe {
            if qjs::JS_IsFunction(self.ctx, v) {
                return if walk.lossy() {
                    Ok(Value::String("[Function]".into()))
                } else {
                    Ok(Value::Function(self.function_handle(self.dup(v))))
                };
            }
            if qjs::JS_IsProxy(v) {
                if !walk.lossy() {
                    // Through its traps, as any other reader would see it.
                    return self.walk_plain(v, walk);
                }
                let target = qjs::JS_GetProxyTarget(self.ctx, v);
                if qjs::JS_IsException(target) {
                    self.free(qjs::JS_GetException(self.ctx));
                    return Ok(Value::Null);
                }
                let result = self.walk(target, walk);
                self.free(target);
                return result;
            }
        }
        match self.class_name(v) {
            "Array" => self.walk_list(v, walk),
            "Object" if !walk.lossy() => self.walk_object_or_platform(v, walk),
            "Object" | "Arguments" => self.walk_plain(v, walk),
            "Error" => Ok(Value::Error(Box::new(self.walk_error(v, walk)))),
            "Date" => {
                let ms = self.call(self.builtin(Builtin::date_get_time), v, &mut []);
                Ok(Value::Date(self.number(ms)?))
            }
            "Map" => {
                let mut entries = Vec::new();
                self.iterate(v, Builtin::map_entries, Builtin::map_next, walk, |this, pair, walk| {
                    let entry = [0, 1].map(|i| {
                        // SAFETY: the engine's own pair, an array that no guest code has seen.
                        let part = unsafe { qjs::JS_GetPropertyUint32(this.ctx, pair, i) };
                        let value = this.walk(part, walk);
                        this.free(part);
                        value
                    });
                    let [key, value] = entry;
                    entries.push((key?, value?));
                    Ok(())
                })?;
                Ok(Value::Map(entries))
            }
            "Set" => {
                let mut values = Vec::new();
                self.iterate(v, Builtin::set_values, Builtin::set_next, walk, |this, value, walk| {
                    values.push(this.walk(value, walk)?);
                    Ok(())
                })?;
                Ok(Value::Set(values))
            }
            "RegExp" if walk.lossy() => Ok(Value::String("[RegExp]".into())),
            "RegExp" => {
                let part = |name: &std::ffi::CStr| -> Result<String, Refusal> {
                    // SAFETY: a property read on a live object.
                    let v = unsafe { qjs::JS_GetPropertyStr(self.ctx, v, name.as_ptr()) };
                    self.string_of(v, walk.left)
                };
                let (source, flags) = (part(c"source")?, part(c"flags")?);
                walk.spend(source.len() + flags.len())?;
                Ok(Value::RegExp(Box::new(RegExp { source, flags })))
            }
            "Promise" if walk.lossy() => Ok(Value::String("[Promise]".into())),
            "Promise" => Ok(Value::Promise(self.promise_handle(self.dup(v)))),
            "Number" | "String" | "Boolean" | "BigInt" if walk.lossy() => Ok(Value::String("[Boxed]".into())),
            "Number" | "Boolean" => {
                // SAFETY: a live object; its conversion may run guest code, which may throw.
                let n = unsafe { qjs::JS_ToNumber(self.ctx, v) };
                let n = self.number(n)?;
                Ok(if self.class_name(v) == "Boolean" { Value::Bool(n != 0.0) } else { Value::Number(n) })
            }
            "String" => {
                // SAFETY: as above.
                let s = self.string_of(unsafe { qjs::JS_ToString(self.ctx, v) }, walk.left)?;
                walk.spend(s.len())?;
                Ok(Value::String(s))
            }
            "ArrayBuffer" | "SharedArrayBuffer" => self.walk_bytes(v, None, walk),
            name if name.ends_with("Array") => self.walk_view(v, walk),
            "DataView" => self.walk_data_view(v, walk),
            name if walk.lossy() => Ok(Value::String(format!("[{name}]"))),
            name => Err(type_error(format!("a {name} cannot cross the boundary"))),
        }
    }

    fn number(&self, owned: qjs::JSValue) -> Result<f64, Refusal> {
        // SAFETY: the tag says which field is set.
        match unsafe { qjs::JS_VALUE_GET_NORM_TAG(owned) } {
            qjs::JS_TAG_INT => Ok(f64::from(int_of(owned))),
            qjs::JS_TAG_FLOAT64 => Ok(float_of(owned)),
            qjs::JS_TAG_EXCEPTION => Err(Refusal::Pending),
            _ => {
                self.free(owned);
                Err(type_error("a number was expected"))
            }
        }
    }

    fn string_of(&self, owned: qjs::JSValue, most: usize) -> Result<String, Refusal> {
        // SAFETY: the tag of any value may be read.
        unsafe {
            if qjs::JS_IsException(owned) {
                return Err(Refusal::Pending);
            }
            if !qjs::JS_IsString(owned) {
                self.free(owned);
                return Err(type_error("a string was expected"));
            }
        }
        let s = self.text_of(owned, most);
        self.free(owned);
        s
    }

    fn walk_list(&self, v: qjs::JSValue, walk: &mut Walk) -> Result<Value, Refusal> {
        let mut length = 0i64;
        // SAFETY: an array's length is its own data property.
        if unsafe { qjs::JS_GetLength(self.ctx, v, &raw mut length) } != 0 {
            return Err(Refusal::Pending);
        }
        let length = usize::try_from(length).unwrap_or(0);
        if length > walk.left / NODE && !walk.lossy() {
            return Err(HostError::range_error("the array is too large to cross the boundary").into());
        }
        let mut list = Vec::with_capacity(length.min(walk.left / NODE));
        for i in 0..length as u32 {
            if walk.lossy() {
                if walk.left < NODE {
                    list.push(Value::String("[Truncated]".into()));
                    break;
                }
                // SAFETY: an atom for an index needs no memory that is not freed here.
                let atom = unsafe { qjs::JS_NewAtomUInt32(self.ctx, i) };
                let item = self.own_data(v, atom, walk);
                // SAFETY: as above.
                unsafe { qjs::JS_FreeAtom(self.ctx, atom) };
                list.push(item?);
                continue;
            }
            // SAFETY: a property read on a live object.
            let item = unsafe { qjs::JS_GetPropertyUint32(self.ctx, v, i) };
            list.push(self.walk_owned(item, walk)?);
        }
        Ok(Value::List(list))
    }

    fn walk_owned(&self, item: qjs::JSValue, walk: &mut Walk) -> Result<Value, Refusal> {
        // SAFETY: the tag of any value may be read.
        if unsafe { qjs::JS_IsException(item) } {
            return Err(Refusal::Pending);
        }
        let value = self.walk(item, walk);
        self.free(item);
        value
    }

    /// An own property without running a getter.
    fn own_data(&self, v: qjs::JSValue, atom: qjs::JSAtom, walk: &mut Walk) -> Result<Value, Refusal> {
        let mut d = qjs::JSPropertyDescriptor {
            flags: 0,
            value: qjs::JS_UNDEFINED,
            getter: qjs::JS_UNDEFINED,
            setter: qjs::JS_UNDEFINED,
        };
        // SAFETY: `v` is live and not a proxy, so no guest code runs.
        let found = unsafe { qjs::JS_GetOwnProperty(self.ctx, &raw mut d, v, atom) };
        if found < 0 {
            return Err(Refusal::Pending);
        }
        if found == 0 {
            walk.spend(NODE.min(walk.left))?;
            return Ok(Value::Undefined);
        }
        self.free(d.getter);
        self.free(d.setter);
        if d.flags & qjs::JS_PROP_GETSET as c_int != 0 {
            self.free(d.value);
            return Ok(Value::String("[Getter]".into()));
        }
        self.walk_owned(d.value, walk)
    }

    fn walk_object_or_platform(&self, v: qjs::JSValue, walk: &mut Walk) -> Result<Value, Refusal> {
        match self.ask_platform(v)? {
            Some(data) => {
                let data = self.walk_owned(data, walk)?;
                Ok(Value::Platform(self.platform_to_host(data)?))
            }
            None => self.walk_plain(v, walk),
        }
    }

    fn walk_plain(&self, v: qjs::JSValue, walk: &mut Walk) -> Result<Value, Refusal> {
        let (mut keys, mut len) = (ptr::null_mut(), 0);
        let flags = (qjs::JS_GPN_STRING_MASK | qjs::JS_GPN_ENUM_ONLY) as c_int;
        // SAFETY: a live object; the table is freed below.
        if unsafe { qjs::JS_GetOwnPropertyNames(self.ctx, &raw mut keys, &raw mut len, v, flags) } != 0 {
            return Err(Refusal::Pending);
        }
        let result = (|| {
            if len as usize > walk.left / NODE && !walk.lossy() {
                return Err(HostError::range_error("the object is too large to cross the boundary").into());
            }
            let mut object = Object::with_capacity((len as usize).min(walk.left / NODE));
            for i in 0..len as usize {
                if walk.lossy() && walk.left < NODE {
                    break;
                }
                // SAFETY: the table has `len` entries.
                let atom = unsafe { (*keys.add(i)).atom };
                // SAFETY: a live atom.
                let key = self.string_of(unsafe { qjs::JS_AtomToString(self.ctx, atom) }, walk.left)?;
                walk.spend(key.len())?;
                let value = if walk.lossy() {
                    self.own_data(v, atom, walk)?
                } else {
                    // SAFETY: a property read on a live object.
                    self.walk_owned(unsafe { qjs::JS_GetProperty(self.ctx, v, atom) }, walk)?
                };
                object.insert(key, value);
            }
            Ok(Value::Object(object))
        })();
        // SAFETY: as above.
        unsafe { qjs::JS_FreePropertyEnum(self.ctx, keys, len) };
        result
    }

    fn iterate(
        &self,
        v: qjs::JSValue,
        start: Builtin,
        next: Builtin,
        walk: &mut Walk,
        mut each: impl FnMut(&Self, qjs::JSValue, &mut Walk) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let iterator = self.call(self.builtin(start), v, &mut []);
        // SAFETY: the tag of any value may be read; the step objects are the engine's own, with own data properties.
        unsafe {
            if qjs::JS_IsException(iterator) {
                return Err(Refusal::Pending);
            }
            let result = loop {
                let step = self.call(self.builtin(next), iterator, &mut []);
                if qjs::JS_IsException(step) {
                    break Err(Refusal::Pending);
                }
                let done = qjs::JS_GetPropertyStr(self.ctx, step, c"done".as_ptr());
                let value = qjs::JS_GetPropertyStr(self.ctx, step, c"value".as_ptr());
                self.free(step);
                let more = qjs::JS_IsBool(done) && !qjs::JS_VALUE_GET_BOOL(done);
                let result = if more && !(walk.lossy() && walk.left < NODE) {
                    each(self, value, walk).map(|()| true)
                } else {
                    Ok(false)
                };
                self.free(value);
                match result {
                    Ok(true) => {}
                    Ok(false) => break Ok(()),
                    Err(e) => break Err(e),
                }
            };
            self.free(iterator);
            result
        }
    }

    fn walk_bytes(
        &self,
        buffer: qjs::JSValue,
        range: Option<(usize, usize)>,
        walk: &mut Walk,
    ) -> Result<Value, Refusal> {
        let mut size = 0;
        // SAFETY: an array buffer; null with an exception if it is detached, null without if it is empty.
        let p = unsafe { qjs::JS_GetArrayBuffer(self.ctx, &raw mut size, buffer) };
        if p.is_null() && size == 0 {
            // SAFETY: asks for and clears the pending exception.
            unsafe {
                if qjs::JS_HasException(self.ctx) {
                    self.free(qjs::JS_GetException(self.ctx));
                    return Err(type_error("a detached ArrayBuffer cannot cross the boundary"));
                }
            }
            return Ok(Value::Bytes(Bytes::new()));
        }
        let (offset, length) = range.unwrap_or((0, size as usize));
        if offset.checked_add(length).is_none_or(|end| end > size as usize) {
            return Err(type_error("a view that lies outside of its ArrayBuffer cannot cross the boundary"));
        }
        if walk.lossy() && length > walk.left {
            return Ok(Value::String(format!("[{length} bytes]")));
        }
        walk.spend(length)?;
        // SAFETY: within the buffer, which nothing can change while it is copied.
        let bytes = unsafe { std::slice::from_raw_parts(p.add(offset), length) };
        Ok(Value::Bytes(Bytes::copy_from_slice(bytes)))
    }

    fn walk_view(&self, v: qjs::JSValue, walk: &mut Walk) -> Result<Value, Refusal> {
        let (mut offset, mut length) = (0, 0);
        // SAFETY: a typed array.
        let buffer =
            unsafe { qjs::JS_GetTypedArrayBuffer(self.ctx, v, &raw mut offset, &raw mut length, ptr::null_mut()) };
        // SAFETY: the tag of any value may be read.
        if unsafe { qjs::JS_IsException(buffer) } {
            return Err(Refusal::Pending);
        }
        let result = self.walk_bytes(buffer, Some((offset as usize, length as usize)), walk);
        self.free(buffer);
        result
    }

    fn walk_data_view(&self, v: qjs::JSValue, walk: &mut Walk) -> Result<Value, Refusal> {
        // SAFETY: property reads on a live object; a getter that the guest replaced can only harm the guest, since
        // the range is checked against the buffer.
        unsafe {
            let buffer = qjs::JS_GetPropertyStr(self.ctx, v, c"buffer".as_ptr());
            if !qjs::JS_IsArrayBuffer(buffer) {
                if qjs::JS_IsException(buffer) {
                    return Err(Refusal::Pending);
                }
                self.free(buffer);
                return Err(type_error("a DataView without an ArrayBuffer cannot cross the boundary"));
            }
            let result = (|| {
                let offset = self.number(qjs::JS_GetPropertyStr(self.ctx, v, c"byteOffset".as_ptr()))?;
                let length = self.number(qjs::JS_GetPropertyStr(self.ctx, v, c"byteLength".as_ptr()))?;
                self.walk_bytes(buffer, Some((offset as usize, length as usize)), walk)
            })();
            self.free(buffer);
            result
        }
    }

    /// What guest code threw, as data. Never fails: what cannot be read is left out.
    pub(crate) fn exception(&self, thrown: qjs::JSValue) -> Exception {
        let mut walk = Walk::new(Arguments::Lossy, self.limits.value_bytes);
        // SAFETY: only looks at the class.
        if unsafe { qjs::JS_IsError(thrown) } {
            return self.walk_error(thrown, &mut walk);
        }
        let value = self.walk(thrown, &mut walk).ok();
        self.forget_exception();
        Exception::thrown(value)
    }

    fn forget_exception(&self) {
        // SAFETY: asks for and clears the pending exception; a stop stays known to the interrupter.
        unsafe {
            if qjs::JS_HasException(self.ctx) {
                self.free(qjs::JS_GetException(self.ctx));
            }
        }
    }

    /// Reads an error. Getters of the guest's own error classes do run, as they would for any reader; what they throw
    /// is ignored, and a stop is noticed by the caller.
    fn walk_error(&self, v: qjs::JSValue, walk: &mut Walk) -> Exception {
        let text = |name: &std::ffi::CStr, walk: &mut Walk| {
            // SAFETY: a property read on a live object.
            let part = unsafe { qjs::JS_GetPropertyStr(self.ctx, v, name.as_ptr()) };
            let s = self.string_of(part, walk.left).ok();
            self.forget_exception();
            if let Some(s) = &s {
                walk.left = walk.left.saturating_sub(s.len());
            }
            s
        };
        let mut e = Exception::default();
        e.name = text(c"name", walk).unwrap_or_else(|| "Error".into());
        e.message = text(c"message", walk).unwrap_or_default();
        e.stack = text(c"stack", walk).unwrap_or_default();
        e.location = location(&e.stack);
        // SAFETY: a live object and a literal name; the atom is freed.
        let cause = unsafe {
            let atom = qjs::JS_NewAtom(self.ctx, c"cause".as_ptr());
            let has = qjs::JS_GetOwnProperty(self.ctx, ptr::null_mut(), v, atom) == 1;
            let lossy = std::mem::replace(&mut walk.mode, Arguments::Lossy);
            let key = qjs::JS_VALUE_GET_PTR(v);
            let entered = has && matches!(walk.enter(key, |_| false), Ok(None));
            let cause = if entered { self.own_data(v, atom, walk).ok() } else { None };
            if entered {
                walk.leave();
            }
            walk.mode = lossy;
            qjs::JS_FreeAtom(self.ctx, atom);
            cause
        };
        self.forget_exception();
        e.cause = cause.map(Box::new);
        e
    }

    /// The internal class of an object.
    pub(crate) fn class_name(&self, v: qjs::JSValue) -> &'static str {
        // SAFETY: these only look at the object's class.
        let id = unsafe {
            // The engine calls this class by the name of another.
            if qjs::JS_IsProxy(v) {
                return "Proxy";
            }
            qjs::JS_GetClassID(v)
        };
        class_names(self.rt).get(id as usize).copied().unwrap_or("Object")
    }

    /// Makes a guest value. The caller owns the result.
    pub(crate) fn to_guest(&self, value: Value, depth: usize) -> Result<qjs::JSValue, Refusal> {
        if let Value::Number(n) = value {
            return Ok(qjs::JS_NewFloat64(n));
        }
        if depth > MAX_DEPTH {
            return Err(too_deep());
        }
        check_stack(stacker::remaining_stack())?;
        if depth == 0 && weight(&value) > self.limits.value_bytes {
            return Err(HostError::range_error("the value is too large to cross the boundary").into());
        }
        let v = match value {
            Value::Undefined => qjs::JS_UNDEFINED,
            Value::Null => qjs::JS_NULL,
            Value::Bool(b) => qjs::JS_MKVAL(qjs::JS_TAG_BOOL, c_int::from(b)),
            Value::Number(n) => qjs::JS_NewFloat64(n),
            Value::String(s) => self.string(&s),
            Value::BigInt(n) => self.big_int(&n),
            Value::Bytes(b) => self.bytes(b),
            Value::List(items) => return self.list(items, depth),
            Value::Object(o) => return self.object(o, depth),
            // SAFETY: makes a new object.
            Value::Date(ms) => unsafe { qjs::JS_NewDate(self.ctx, ms) },
            Value::Map(entries) => {
                return self.collection(
                    Builtin::map,
                    Builtin::map_set,
                    entries.into_iter().map(|(k, v)| [k, v]),
                    depth,
                );
            }
            Value::Set(values) => {
                return self.collection(Builtin::set, Builtin::set_add, values.into_iter().map(|v| [v]), depth);
            }
            Value::RegExp(r) => {
                let mut args = [self.string(&r.source), self.string(&r.flags)];
                let v = self.construct(self.builtin(Builtin::reg_exp), &mut args);
                args.into_iter().for_each(|v| self.free(v));
                v
            }
            Value::Error(e) => return self.error(*e, depth),
            Value::Function(f) => self.dup(self.function_value(&f)?),
            Value::Promise(p) => self.dup(self.promise_value(&p)?),
            Value::Platform(object) => return self.platform_to_guest(&object, depth),
        };
        self.made(v)
    }

    fn made(&self, v: qjs::JSValue) -> Result<qjs::JSValue, Refusal> {
        // SAFETY: the tag of any value may be read.
        if unsafe { qjs::JS_IsException(v) } { Err(Refusal::Pending) } else { Ok(v) }
    }

    fn big_int(&self, n: &BigInt) -> qjs::JSValue {
        if let Ok(n) = i64::try_from(n) {
            // SAFETY: makes a new value.
            return unsafe { qjs::JS_NewBigInt64(self.ctx, n) };
        }
        let mut args = [self.string(&n.to_string())];
        let v = self.call(self.builtin(Builtin::big_int), qjs::JS_UNDEFINED, &mut args);
        self.free(args[0]);
        v
    }

    pub(crate) fn bytes(&self, bytes: Bytes) -> qjs::JSValue {
        if bytes.len() < LEND {
            // SAFETY: the slice is copied.
            return unsafe { qjs::JS_NewUint8ArrayCopy(self.ctx, bytes.as_ptr(), bytes.len() as _) };
        }
        if self.refuses(bytes.len()) {
            return self.throw_stop();
        }
        let charge = self.account.add(bytes.len());
        // Moves when the host holds the only reference, and copies when it does not: the guest may write to it.
        let mut bytes = Vec::from(bytes);
        let (p, len) = (bytes.as_mut_ptr(), bytes.len());
        let key = self.externals.borrow_mut().insert(External { bytes, charge });
        // SAFETY: the bytes stay in `externals`, at this address, until the engine asks to free or resize them. On
        // failure the engine has not taken them.
        let v = unsafe {
            qjs::JS_NewUint8Array(self.ctx, p, len as _, Some(on_realloc), ptr::without_provenance_mut(key), false)
        };
        // SAFETY: the tag of any value may be read.
        if unsafe { qjs::JS_IsException(v) } {
            self.externals.borrow_mut().try_remove(key);
        }
        v
    }

    fn list(&self, items: Vec<Value>, depth: usize) -> Result<qjs::JSValue, Refusal> {
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            match self.to_guest(item, depth + 1) {
                Ok(v) => values.push(v),
                Err(e) => {
                    values.into_iter().for_each(|v| self.free(v));
                    return Err(e);
                }
            }
        }
        let Ok(len) = c_int::try_from(values.len()) else {
            values.into_iter().for_each(|v| self.free(v));
            return Err(HostError::range_error("the list is too large for an array").into());
        };
        // SAFETY: `len` owned values, which the array takes whether or not it can be made.
        self.made(unsafe { qjs::JS_NewArrayFrom(self.ctx, len, values.as_ptr()) })
    }

    fn object(&self, object: Object, depth: usize) -> Result<qjs::JSValue, Refusal> {
        // SAFETY: a new object; the definition takes the value whether or not it succeeds.
        unsafe {
            let o = self.made(qjs::JS_NewObject(self.ctx))?;
            for (key, value) in object {
                let defined = self.to_guest(value, depth + 1).and_then(|v| {
                    let atom = qjs::JS_NewAtomLen(self.ctx, key.as_ptr().cast(), key.len() as _);
                    let n = qjs::JS_DefinePropertyValue(self.ctx, o, atom, v, qjs::JS_PROP_C_W_E as c_int);
                    qjs::JS_FreeAtom(self.ctx, atom);
                    if n < 0 { Err(Refusal::Pending) } else { Ok(()) }
                });
                if let Err(e) = defined {
                    self.free(o);
                    return Err(e);
                }
            }
            Ok(o)
        }
    }

    fn collection<const N: usize>(
        &self,
        class: Builtin,
        add: Builtin,
        entries: impl Iterator<Item = [Value; N]>,
        depth: usize,
    ) -> Result<qjs::JSValue, Refusal> {
        let collection = self.made(self.construct(self.builtin(class), &mut []))?;
        for entry in entries {
            let mut args = Vec::with_capacity(N);
            let mut result = Ok(());
            for part in entry {
                match self.to_guest(part, depth + 1) {
                    Ok(v) => args.push(v),
                    Err(e) => result = Err(e),
                }
            }
            if result.is_ok() {
                result = self.made(self.call(self.builtin(add), collection, &mut args)).map(|v| self.free(v));
            }
            args.into_iter().for_each(|v| self.free(v));
            if let Err(e) = result {
                self.free(collection);
                return Err(e);
            }
        }
        Ok(collection)
    }

    fn error(&self, e: Exception, depth: usize) -> Result<qjs::JSValue, Refusal> {
        let class = e.class();
        let error = self.made(self.error_object(class, &e.message))?;
        let hidden = (qjs::JS_PROP_WRITABLE | qjs::JS_PROP_CONFIGURABLE) as c_int;
        let define = |name: &std::ffi::CStr, v: qjs::JSValue| {
            // SAFETY: the definition takes the value whether or not it succeeds.
            unsafe { qjs::JS_DefinePropertyValueStr(self.ctx, error, name.as_ptr(), v, hidden) };
        };
        if !e.name.is_empty() && e.name != class.as_str() {
            define(c"name", self.string(&e.name));
        }
        if !e.stack.is_empty() {
            define(c"stack", self.string(&e.stack));
        }
        if let Some(cause) = e.cause {
            match self.to_guest(*cause, depth + 1) {
                Ok(v) => define(c"cause", v),
                Err(refused) => {
                    self.free(error);
                    return Err(refused);
                }
            }
        }
        Ok(error)
    }
}

/// A value that is all in its tag and payload.
fn primitive(v: qjs::JSValue) -> Option<Value> {
    // SAFETY: the tag says which field of the value is set.
    Some(match unsafe { qjs::JS_VALUE_GET_NORM_TAG(v) } {
        qjs::JS_TAG_INT => Value::Number(f64::from(int_of(v))),
        qjs::JS_TAG_FLOAT64 => Value::Number(float_of(v)),
        qjs::JS_TAG_UNDEFINED => Value::Undefined,
        qjs::JS_TAG_NULL => Value::Null,
        qjs::JS_TAG_BOOL => Value::Bool(int_of(v) != 0),
        _ => return None,
    })
}

fn int_of(v: qjs::JSValue) -> i32 {
    // SAFETY: called where the tag says that it is an integer or a boolean.
    unsafe { qjs::JS_VALUE_GET_INT(v) }
}

fn float_of(v: qjs::JSValue) -> f64 {
    // SAFETY: called where the tag says that it is a double.
    unsafe { qjs::JS_VALUE_GET_FLOAT64(v) }
}

/// The names of the engine's own classes by number: the same in every runtime of the process.
pub(crate) fn class_names(rt: *mut qjs::JSRuntime) -> &'static [&'static str] {
    static NAMES: std::sync::OnceLock<Vec<&'static str>> = std::sync::OnceLock::new();
    NAMES.get_or_init(|| {
        let mut names = vec!["Object"];
        // A few numbers are left out: those of classes that contexts of ours do not have.
        const MOST: qjs::JSClassID = 128;
        for id in 1..MOST {
            // SAFETY: a live runtime; the atom's text is copied and both are freed. Atoms need a context to be read,
            // and the runtime's own one is found through its opaque pointer.
            unsafe {
                if !qjs::JS_IsRegisteredClass(rt, id) {
                    names.push("Object");
                    continue;
                }
                let inner = &*qjs::JS_GetRuntimeOpaque(rt).cast::<Inner>();
                let atom = qjs::JS_GetClassName(rt, id);
                let p = qjs::JS_AtomToCStringLen(inner.ctx, ptr::null_mut(), atom);
                let name = if p.is_null() { "Object".into() } else { std::ffi::CStr::from_ptr(p).to_string_lossy() };
                names.push(&*Box::leak(name.into_owned().into_boxed_str()));
                qjs::JS_FreeCString(inner.ctx, p);
                qjs::JS_FreeAtom(inner.ctx, atom);
            }
        }
        names
    })
}

/// Frees or resizes bytes that were lent to the guest.
unsafe extern "C" fn on_realloc(
    rt: *mut qjs::JSRuntime,
    opaque: *mut c_void,
    _p: *mut c_void,
    size: qjs::size_t,
) -> *mut c_void {
    // SAFETY: the runtime's opaque pointer is the `Inner` that owns it.
    let inner = unsafe { &*qjs::JS_GetRuntimeOpaque(rt).cast::<Inner>() };
    let mut externals = inner.externals.borrow_mut();
    if size == 0 {
        externals.try_remove(opaque.addr());
        return ptr::null_mut();
    }
    let Some(external) = externals.get_mut(opaque.addr()) else { return ptr::null_mut() };
    let (old, size) = (external.bytes.len(), size as usize);
    if size > old && inner.refuses(size - old) {
        return ptr::null_mut();
    }
    external.bytes.resize(size, 0);
    external.charge = inner.account.add(size);
    external.bytes.as_mut_ptr().cast()
}
