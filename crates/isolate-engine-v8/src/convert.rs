//! Values in both directions.
//!
//! All functions run in a scope of the caller's. "Pending" means that an exception is on its way: it reaches the
//! innermost `TryCatch`, or the guest when a callback returns.

use std::ffi::c_void;

use bytes::Bytes;
use isolate_engine::crossing::{self, NODE, check_stack, location, too_deep, weight};
use isolate_engine::{Arguments, BigInt, Exception, HostError, Location, MAX_DEPTH, Object, RegExp, Value};
use v8::Local;

use crate::context::{Builtin, Inner, Scope};
use crate::memory;

pub(crate) use isolate_engine::crossing::Refusal;

/// A walk over a guest's value.
type Walk<'s> = crossing::Walk<Local<'s, v8::Object>>;

/// Bytes from this many on are lent to the guest rather than copied.
const LEND: usize = 4096;

fn type_error(message: impl Into<String>) -> Refusal {
    HostError::type_error(message).into()
}

/// A result of the engine, or that an exception is pending.
pub(crate) fn made<T>(v: Option<T>) -> Result<T, Refusal> {
    v.ok_or(Refusal::Pending)
}

/// A string of a name that V8 may share.
pub(crate) fn name<'s>(scope: &Scope<'s, '_>, s: &str) -> Result<Local<'s, v8::String>, Refusal> {
    made(v8::String::new_from_utf8(scope, s.as_bytes(), v8::NewStringType::Internalized))
}

impl Inner {
    /// Copies a guest value out.
    #[inline]
    pub(crate) fn to_host<'s>(
        &self,
        scope: &mut Scope<'s, '_>,
        v: Local<'s, v8::Value>,
        mode: Arguments,
    ) -> Result<Value, Refusal> {
        if let Some(value) = primitive(v) {
            return Ok(value);
        }
        let mut walk = Walk::new(mode, self.limits.value_bytes);
        if let Ok(s) = v.try_cast::<v8::String>() {
            walk.spend(NODE)?;
            return walk_string(scope, s, &mut walk);
        }
        self.walk(scope, v, &mut walk)
    }

    fn walk<'s>(
        &self,
        scope: &mut Scope<'s, '_>,
        v: Local<'s, v8::Value>,
        walk: &mut Walk<'s>,
    ) -> Result<Value, Refusal> {
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
        if let Ok(s) = v.try_cast::<v8::String>() {
            return walk_string(scope, s, walk);
        }
        if let Ok(object) = v.try_cast::<v8::Object>() {
            check_stack(stacker::remaining_stack())?;
            if let Some(instead) = walk.enter(object, |other| *other == object)? {
                return Ok(instead);
            }
            let result = self.walk_class(scope, object, walk);
            walk.leave();
            return result;
        }
        if let Ok(n) = v.try_cast::<v8::BigInt>() {
            return walk_big_int(n, walk);
        }
        match v.is_symbol() && walk.lossy() {
            true => Ok(Value::String("[Symbol]".into())),
            false if v.is_symbol() => Err(type_error("a symbol cannot cross the boundary")),
            false => Err(type_error("this value cannot cross the boundary")),
        }
    }

    fn walk_class<'s>(
        &self,
        scope: &mut Scope<'s, '_>,
        v: Local<'s, v8::Object>,
        walk: &mut Walk<'s>,
    ) -> Result<Value, Refusal> {
        let bracketed = |name: &str| Ok(Value::String(format!("[{name}]")));
        if v.is_function() {
            return match Local::<v8::Function>::try_from(v) {
                Ok(f) if !walk.lossy() => Ok(Value::Function(self.function_handle(scope, f))),
                _ => bracketed("Function"),
            };
        }
        if let Ok(proxy) = Local::<v8::Proxy>::try_from(v) {
            if !walk.lossy() {
                // Through its traps, as any other reader would see it.
                return self.walk_plain(scope, v, walk);
            }
            let target = proxy.get_target(scope);
            return if target.is_object() { self.walk(scope, target, walk) } else { Ok(Value::Null) };
        }
        if let Ok(list) = Local::<v8::Array>::try_from(v) {
            return self.walk_list(scope, list, walk);
        }
        if v.is_array_buffer_view() {
            return self.walk_view(v, walk);
        }
        if let Ok(buffer) = Local::<v8::ArrayBuffer>::try_from(v) {
            if buffer.was_detached() {
                return Err(type_error("a detached ArrayBuffer cannot cross the boundary"));
            }
            let data = buffer.data().map_or(std::ptr::null(), |p| p.as_ptr().cast_const());
            return walk_bytes(data, buffer.byte_length(), walk);
        }
        if let Ok(buffer) = Local::<v8::SharedArrayBuffer>::try_from(v) {
            let store = buffer.get_backing_store();
            let data = store.data().map_or(std::ptr::null(), |p| p.as_ptr().cast_const());
            return walk_bytes(data, store.byte_length(), walk);
        }
        if let Ok(map) = Local::<v8::Map>::try_from(v) {
            let flat = map.as_array(scope);
            let mut entries = Vec::with_capacity((flat.length() as usize / 2).min(walk.left / NODE));
            for i in (0..flat.length()).step_by(2) {
                if walk.lossy() && walk.left < NODE {
                    break;
                }
                let key = made(flat.get_index(scope, i))?;
                let key = self.walk(scope, key, walk)?;
                let value = made(flat.get_index(scope, i + 1))?;
                entries.push((key, self.walk(scope, value, walk)?));
            }
            return Ok(Value::Map(entries));
        }
        if let Ok(set) = Local::<v8::Set>::try_from(v) {
            let flat = set.as_array(scope);
            let mut values = Vec::with_capacity((flat.length() as usize).min(walk.left / NODE));
            for i in 0..flat.length() {
                if walk.lossy() && walk.left < NODE {
                    break;
                }
                let value = made(flat.get_index(scope, i))?;
                values.push(self.walk(scope, value, walk)?);
            }
            return Ok(Value::Set(values));
        }
        if v.is_native_error() {
            return Ok(Value::Error(Box::new(self.walk_error(scope, v, walk))));
        }
        if let Ok(date) = Local::<v8::Date>::try_from(v) {
            return Ok(Value::Date(date.value_of()));
        }
        if let Ok(promise) = Local::<v8::Promise>::try_from(v) {
            return match walk.lossy() {
                true => bracketed("Promise"),
                false => Ok(Value::Promise(self.promise_handle(scope, promise, None))),
            };
        }
        if let Ok(regexp) = Local::<v8::RegExp>::try_from(v) {
            if walk.lossy() {
                return bracketed("RegExp");
            }
            let source = text_of(scope, regexp.get_source(scope), walk.left)?;
            let key = name(scope, "flags")?;
            let flags = made(v.get(scope, key.into()))?;
            let Ok(flags) = flags.try_cast::<v8::String>() else { return Err(type_error("a string was expected")) };
            let flags = text_of(scope, flags, walk.left)?;
            walk.spend(source.len() + flags.len())?;
            return Ok(Value::RegExp(Box::new(RegExp { source, flags })));
        }
        self.walk_other(scope, v, walk)
    }

    /// Boxed primitives, objects of the web platform, plain objects, and what cannot cross.
    fn walk_other<'s>(
        &self,
        scope: &mut Scope<'s, '_>,
        v: Local<'s, v8::Object>,
        walk: &mut Walk<'s>,
    ) -> Result<Value, Refusal> {
        if let Some(class) = boxed(v) {
            if walk.lossy() {
                return Ok(Value::String("[Boxed]".into()));
            }
            // The conversions may run guest code, which may throw.
            return match class {
                "Number" => made(v.number_value(scope)).map(Value::Number),
                "Boolean" => made(v.number_value(scope)).map(|n| Value::Bool(n != 0.0)),
                "String" => {
                    let s = made(v.to_string(scope))?;
                    let s = text_of(scope, s, walk.left)?;
                    walk.spend(s.len())?;
                    Ok(Value::String(s))
                }
                class => Err(type_error(format!("a {class} cannot cross the boundary"))),
            };
        }
        let class = self.class_name(scope, v.into());
        if class != "Object" && class != "Arguments" {
            return match walk.lossy() {
                true => Ok(Value::String(format!("[{class}]"))),
                false => Err(type_error(format!("a {class} cannot cross the boundary"))),
            };
        }
        if !walk.lossy()
            && class == "Object"
            && let Some(data) = self.ask_platform(scope, v)?
        {
            let data = self.walk(scope, data, walk)?;
            return Ok(Value::Platform(self.platform_to_host(data)?));
        }
        self.walk_plain(scope, v, walk)
    }

    fn walk_list<'s>(
        &self,
        scope: &mut Scope<'s, '_>,
        v: Local<'s, v8::Array>,
        walk: &mut Walk<'s>,
    ) -> Result<Value, Refusal> {
        let length = v.length();
        if length as usize > walk.left / NODE && !walk.lossy() {
            return Err(HostError::range_error("the array is too large to cross the boundary").into());
        }
        let mut list = Vec::with_capacity((length as usize).min(walk.left / NODE));
        for i in 0..length {
            if walk.lossy() {
                if walk.left < NODE {
                    list.push(Value::String("[Truncated]".into()));
                    break;
                }
                let key = v8::Integer::new_from_unsigned(scope, i).to_string(scope);
                let key = made(key)?;
                list.push(self.own_data(scope, v.into(), key.into(), walk)?);
                continue;
            }
            let item = made(v.get_index(scope, i))?;
            list.push(self.walk(scope, item, walk)?);
        }
        Ok(Value::List(list))
    }

    /// An own property without running a getter.
    fn own_data<'s>(
        &self,
        scope: &mut Scope<'s, '_>,
        v: Local<'s, v8::Object>,
        key: Local<'s, v8::Name>,
        walk: &mut Walk<'s>,
    ) -> Result<Value, Refusal> {
        let descriptor = made(v.get_own_property_descriptor(scope, key))?;
        let Ok(descriptor) = descriptor.try_cast::<v8::Object>() else {
            walk.spend(NODE.min(walk.left))?;
            return Ok(Value::Undefined);
        };
        let key = name(scope, "value")?;
        // An own one: the guest may have given all objects another.
        if !made(descriptor.has_own_property(scope, key.into()))? {
            return Ok(Value::String("[Getter]".into()));
        }
        let value = made(descriptor.get(scope, key.into()))?;
        self.walk(scope, value, walk)
    }

    fn walk_plain<'s>(
        &self,
        scope: &mut Scope<'s, '_>,
        v: Local<'s, v8::Object>,
        walk: &mut Walk<'s>,
    ) -> Result<Value, Refusal> {
        let args = v8::GetPropertyNamesArgs {
            mode: v8::KeyCollectionMode::OwnOnly,
            property_filter: v8::PropertyFilter::ONLY_ENUMERABLE | v8::PropertyFilter::SKIP_SYMBOLS,
            index_filter: v8::IndexFilter::IncludeIndices,
            key_conversion: v8::KeyConversionMode::ConvertToString,
        };
        let keys = made(v.get_own_property_names(scope, args))?;
        let len = keys.length() as usize;
        if len > walk.left / NODE && !walk.lossy() {
            return Err(HostError::range_error("the object is too large to cross the boundary").into());
        }
        let mut object = Object::with_capacity(len.min(walk.left / NODE));
        for i in 0..keys.length() {
            if walk.lossy() && walk.left < NODE {
                break;
            }
            let key = made(keys.get_index(scope, i))?;
            let Ok(key) = key.try_cast::<v8::String>() else { continue };
            let text = text_of(scope, key, walk.left)?;
            walk.spend(text.len())?;
            let value = if walk.lossy() {
                self.own_data(scope, v, key.into(), walk)?
            } else {
                let value = made(v.get(scope, key.into()))?;
                self.walk(scope, value, walk)?
            };
            object.insert(text, value);
        }
        Ok(Value::Object(object))
    }

    fn walk_view<'s>(&self, v: Local<'s, v8::Object>, walk: &mut Walk<'s>) -> Result<Value, Refusal> {
        let Ok(view) = Local::<v8::ArrayBufferView>::try_from(v) else {
            return Err(type_error("this value cannot cross the boundary"));
        };
        let length = view.byte_length();
        if walk.lossy() && length > walk.left {
            return Ok(Value::String(format!("[{length} bytes]")));
        }
        walk.spend(length)?;
        let mut bytes = Vec::with_capacity(length);
        let copied = view.copy_contents_uninit(&mut bytes.spare_capacity_mut()[..length]);
        // SAFETY: so many bytes were written.
        unsafe { bytes.set_len(copied.min(length)) };
        Ok(Value::Bytes(bytes.into()))
    }

    /// What guest code threw, as data. Never fails: what cannot be read is left out.
    pub(crate) fn exception<'s>(&self, scope: &mut Scope<'s, '_>, thrown: Local<'s, v8::Value>) -> Exception {
        let mut walk = Walk::new(Arguments::Lossy, self.limits.value_bytes);
        if thrown.is_native_error()
            && let Ok(error) = thrown.try_cast::<v8::Object>()
        {
            let mut e = self.walk_error(scope, error, &mut walk);
            if e.location.is_none() {
                e.location = place(scope, v8::Exception::create_message(scope, thrown));
            }
            return e;
        }
        v8::tc_scope!(let tc, scope);
        let value = self.walk(tc, thrown, &mut walk).ok();
        Exception::thrown(value)
    }

    /// Reads an error. Getters of the guest's own error classes do run, as they would for any reader; what they throw
    /// is ignored, and a stop is noticed by the caller.
    fn walk_error<'s>(&self, scope: &mut Scope<'s, '_>, v: Local<'s, v8::Object>, walk: &mut Walk<'s>) -> Exception {
        v8::tc_scope!(let tc, scope);
        let text = |tc: &mut Scope<'s, '_>, key: &str, walk: &mut Walk<'s>| {
            let key = name(tc, key).ok()?;
            let part = v.get(tc, key.into())?.try_cast::<v8::String>().ok()?;
            let s = text_of(tc, part, walk.left).ok()?;
            walk.left = walk.left.saturating_sub(s.len());
            Some(s)
        };
        let mut e = Exception::default();
        e.name = text(tc, "name", walk).unwrap_or_else(|| "Error".into());
        e.message = text(tc, "message", walk).unwrap_or_default();
        e.stack = without_header(text(tc, "stack", walk).unwrap_or_default(), &e);
        e.location = location(&e.stack);
        if tc.has_caught() && !tc.has_terminated() {
            tc.reset();
        }
        let cause = name(tc, "cause").ok().filter(|key| v.has_own_property(tc, (*key).into()) == Some(true));
        let lossy = std::mem::replace(&mut walk.mode, Arguments::Lossy);
        if let Some(key) = cause
            && matches!(walk.enter(v, |_| false), Ok(None))
        {
            e.cause = self.own_data(tc, v, key.into(), walk).ok().map(Box::new);
            walk.leave();
        }
        walk.mode = lossy;
        e
    }

    /// The internal class of an object.
    pub(crate) fn class_name<'s>(&self, scope: &mut Scope<'s, '_>, v: Local<'s, v8::Value>) -> &'static str {
        if v.is_proxy() {
            return "Proxy";
        }
        if v.is_array() {
            return "Array";
        }
        if v.is_array_buffer_view() {
            return view_class(v);
        }
        macro_rules! first {
            ($($is:ident => $class:literal),* $(,)?) => {
                $(if v.$is() { return $class; })*
            };
        }
        first! {
            is_async_function => "AsyncFunction", is_generator_function => "GeneratorFunction", is_function => "Function",
            is_native_error => "Error", is_map => "Map", is_set => "Set", is_date => "Date", is_reg_exp => "RegExp",
            is_promise => "Promise", is_array_buffer => "ArrayBuffer", is_shared_array_buffer => "SharedArrayBuffer",
            is_weak_map => "WeakMap", is_weak_set => "WeakSet", is_map_iterator => "Map Iterator",
            is_set_iterator => "Set Iterator", is_generator_object => "Generator",
            is_arguments_object => "Arguments", is_module_namespace_object => "Module", is_external => "External",
        }
        if let Ok(v) = v.try_cast::<v8::Object>() {
            return boxed(v).unwrap_or_else(|| self.rare_class(scope, v));
        }
        "Object"
    }

    /// Classes that V8 has no test for: found by the prototype that their objects are made with.
    fn rare_class<'s>(&self, scope: &mut Scope<'s, '_>, v: Local<'s, v8::Object>) -> &'static str {
        const MOST: u32 = 64;
        let object_prototype = self.builtin(scope, Builtin::ObjectPrototype);
        let mut at: Local<'s, v8::Value> = v.into();
        for _ in 0..MOST {
            // A proxy's prototype is asked of its handler.
            let Ok(object) = at.try_cast::<v8::Object>() else { break };
            if object.is_proxy() {
                break;
            }
            let Some(next) = object.get_prototype(scope) else { break };
            if next == object_prototype || !next.is_object() {
                break;
            }
            if let Some((_, class)) = self.rare_classes().find(|(prototype, _)| Local::new(scope, *prototype) == next) {
                return class;
            }
            at = next;
        }
        "Object"
    }

    /// Makes a guest value.
    #[inline]
    pub(crate) fn to_guest<'s>(
        &self,
        scope: &mut Scope<'s, '_>,
        value: Value,
    ) -> Result<Local<'s, v8::Value>, Refusal> {
        match value {
            Value::Number(n) => return Ok(v8::Number::new(scope, n).into()),
            Value::Undefined => return Ok(v8::undefined(scope).into()),
            Value::Bool(b) => return Ok(v8::Boolean::new(scope, b).into()),
            Value::Null => return Ok(v8::null(scope).into()),
            Value::String(ref s) if s.len() + NODE <= self.limits.value_bytes => {
                return Ok(self.string(scope, s)?.into());
            }
            _ => {}
        }
        if weight(&value) > self.limits.value_bytes {
            return Err(HostError::range_error("the value is too large to cross the boundary").into());
        }
        self.make(scope, value, 0)
    }

    fn make<'s>(&self, scope: &mut Scope<'s, '_>, value: Value, depth: usize) -> Result<Local<'s, v8::Value>, Refusal> {
        if depth > MAX_DEPTH {
            return Err(too_deep());
        }
        check_stack(stacker::remaining_stack())?;
        Ok(match value {
            Value::Undefined => v8::undefined(scope).into(),
            Value::Null => v8::null(scope).into(),
            Value::Bool(b) => v8::Boolean::new(scope, b).into(),
            Value::Number(n) => v8::Number::new(scope, n).into(),
            Value::String(s) => self.string(scope, &s)?.into(),
            Value::BigInt(n) => big_int(scope, &n)?.into(),
            Value::Bytes(b) => self.bytes(scope, b)?.into(),
            Value::List(items) => {
                let mut values = Vec::with_capacity(items.len());
                for item in items {
                    values.push(self.make(scope, item, depth + 1)?);
                }
                if values.len() > i32::MAX as usize {
                    return Err(HostError::range_error("the list is too large for an array").into());
                }
                v8::Array::new_with_elements(scope, &values).into()
            }
            Value::Object(o) => {
                let object = v8::Object::new(scope);
                for (key, value) in o {
                    let value = self.make(scope, value, depth + 1)?;
                    let key = name(scope, &key)?;
                    made(object.create_data_property(scope, key.into(), value))?;
                }
                object.into()
            }
            Value::Date(ms) => made(v8::Date::new(scope, ms))?.into(),
            Value::Map(entries) => {
                let map = v8::Map::new(scope);
                for (key, value) in entries {
                    let key = self.make(scope, key, depth + 1)?;
                    let value = self.make(scope, value, depth + 1)?;
                    made(map.set(scope, key, value))?;
                }
                map.into()
            }
            Value::Set(values) => {
                let set = v8::Set::new(scope);
                for value in values {
                    let value = self.make(scope, value, depth + 1)?;
                    made(set.add(scope, value))?;
                }
                set.into()
            }
            Value::RegExp(r) => {
                let args = [self.string(scope, &r.source)?.into(), self.string(scope, &r.flags)?.into()];
                self.construct(scope, Builtin::RegExp, &args)?.into()
            }
            Value::Error(e) => self.error(scope, *e, depth)?,
            Value::Function(f) => self.function_value(scope, &f)?.into(),
            Value::Promise(p) => self.promise_value(scope, &p)?.into(),
            Value::Platform(object) => {
                let data = self.platform_data(&object)?;
                let data = self.make(scope, data, depth + 1)?;
                self.platform_receive(scope, data)?
            }
        })
    }

    pub(crate) fn string<'s>(&self, scope: &Scope<'s, '_>, s: &str) -> Result<Local<'s, v8::String>, Refusal> {
        let made = match s.is_ascii() {
            true => v8::String::new_from_one_byte(scope, s.as_bytes(), v8::NewStringType::Normal),
            false => v8::String::new(scope, s),
        };
        made.ok_or_else(|| HostError::range_error("the string is longer than the engine's strings can be").into())
    }

    pub(crate) fn bytes<'s>(
        &self,
        scope: &mut Scope<'s, '_>,
        bytes: Bytes,
    ) -> Result<Local<'s, v8::Uint8Array>, Refusal> {
        let length = bytes.len();
        if !self.make_room(length) {
            return Err(Refusal::Pending);
        }
        let store = if length < LEND {
            let store = self.memory.backing_store(scope, length);
            if let Some(data) = store.data() {
                // SAFETY: the store was made with this length and nothing else has it yet.
                unsafe { data.cast::<u8>().copy_from_nonoverlapping(std::ptr::NonNull::from(&*bytes).cast(), length) };
            }
            store
        } else {
            let charge = self.memory.lend(length);
            // Moves when the host holds the only reference, and copies when it does not: the guest may write to it.
            let lent = Box::new(Lent { bytes: Vec::from(bytes), _charge: charge });
            let lent = Box::into_raw(lent);
            // SAFETY: the bytes stay where they are until `give_back`, which the store calls once.
            unsafe {
                let data = (*lent).bytes.as_mut_ptr();
                v8::ArrayBuffer::new_backing_store_from_ptr(data.cast(), length, give_back, lent.cast())
            }
        };
        let buffer = v8::ArrayBuffer::with_backing_store(scope, &store.make_shared());
        made(v8::Uint8Array::new(scope, buffer, 0, length))
    }

    fn error<'s>(
        &self,
        scope: &mut Scope<'s, '_>,
        e: Exception,
        depth: usize,
    ) -> Result<Local<'s, v8::Value>, Refusal> {
        let class = e.class();
        let error = self.error_object(scope, class, &e.message)?;
        let Ok(object) = error.try_cast::<v8::Object>() else { return Ok(error) };
        let define = |scope: &mut Scope<'s, '_>, key: &str, v: Local<'s, v8::Value>| -> Result<(), Refusal> {
            let key = name(scope, key)?;
            made(object.define_own_property(scope, key.into(), v, v8::PropertyAttribute::DONT_ENUM)).map(drop)
        };
        if !e.name.is_empty() && e.name != class.as_str() {
            let v = self.string(scope, &e.name)?.into();
            define(scope, "name", v)?;
        }
        if !e.stack.is_empty() {
            let v = self.string(scope, &e.stack)?.into();
            define(scope, "stack", v)?;
        }
        if let Some(cause) = e.cause {
            let v = self.make(scope, *cause, depth + 1)?;
            define(scope, "cause", v)?;
        }
        Ok(error)
    }
}

/// Bytes that the guest sees as an `ArrayBuffer` and that stay where the host allocated them.
struct Lent {
    bytes: Vec<u8>,
    _charge: memory::Lent,
}

unsafe extern "C" fn give_back(_data: *mut c_void, _length: usize, lent: *mut c_void) {
    // SAFETY: made by `Box::into_raw`, and called once.
    drop(unsafe { Box::from_raw(lent.cast::<Lent>()) });
}

/// A value without parts.
#[inline]
fn primitive(v: Local<v8::Value>) -> Option<Value> {
    if let Ok(n) = v.try_cast::<v8::Number>() {
        return Some(Value::Number(n.value()));
    }
    if v.is_undefined() {
        return Some(Value::Undefined);
    }
    if v.is_boolean() {
        return Some(Value::Bool(v.is_true()));
    }
    v.is_null().then_some(Value::Null)
}

fn walk_string(scope: &Scope<'_, '_>, s: Local<v8::String>, walk: &mut Walk<'_>) -> Result<Value, Refusal> {
    let mut s = text_of(scope, s, if walk.lossy() { usize::MAX } else { walk.left })?;
    if walk.lossy() && s.len() > walk.left {
        s.truncate(s.floor_char_boundary(walk.left));
    }
    walk.spend(s.len())?;
    Ok(Value::String(s))
}

fn walk_big_int(n: Local<v8::BigInt>, walk: &mut Walk<'_>) -> Result<Value, Refusal> {
    let words = n.word_count();
    if words > walk.left / 8 {
        return Err(HostError::range_error("the bigint is too large to cross the boundary").into());
    }
    walk.spend(words * 8)?;
    let mut digits = vec![0; words];
    let (negative, digits) = n.to_words_array(&mut digits);
    let bytes: Vec<u8> = digits.iter().flat_map(|d| d.to_le_bytes()).collect();
    let n = BigInt::from_bytes_le(isolate_engine::Sign::Plus, &bytes);
    Ok(Value::BigInt(if negative { -n } else { n }))
}

fn big_int<'s>(scope: &Scope<'s, '_>, n: &BigInt) -> Result<Local<'s, v8::BigInt>, Refusal> {
    if let Ok(n) = i64::try_from(n) {
        return Ok(v8::BigInt::new_from_i64(scope, n));
    }
    let words: Vec<u64> = n.iter_u64_digits().collect();
    made(v8::BigInt::new_from_words(scope, n.sign() == isolate_engine::Sign::Minus, &words))
}

/// A string's text, if it has at most about `most` bytes.
pub(crate) fn text_of(scope: &Scope<'_, '_>, s: Local<v8::String>, most: usize) -> Result<String, Refusal> {
    if s.length() > most {
        return Err(HostError::range_error("the string is too large to cross the boundary").into());
    }
    Ok(s.to_rust_string_lossy(scope))
}

fn walk_bytes(data: *const c_void, length: usize, walk: &mut Walk<'_>) -> Result<Value, Refusal> {
    if walk.lossy() && length > walk.left {
        return Ok(Value::String(format!("[{length} bytes]")));
    }
    walk.spend(length)?;
    if length == 0 || data.is_null() {
        return Ok(Value::Bytes(Bytes::new()));
    }
    // SAFETY: the buffer's own bytes, which no other thread can write to and no guest code can change meanwhile.
    let bytes = unsafe { std::slice::from_raw_parts(data.cast::<u8>(), length) };
    Ok(Value::Bytes(Bytes::copy_from_slice(bytes)))
}

/// The class of an object that stands for a primitive.
fn boxed(v: Local<v8::Object>) -> Option<&'static str> {
    if v.is_number_object() {
        return Some("Number");
    }
    if v.is_string_object() {
        return Some("String");
    }
    if v.is_boolean_object() {
        return Some("Boolean");
    }
    if v.is_big_int_object() {
        return Some("BigInt");
    }
    v.is_symbol_object().then_some("Symbol")
}

fn view_class(v: Local<v8::Value>) -> &'static str {
    macro_rules! first {
        ($($is:ident => $class:literal),* $(,)?) => {
            $(if v.$is() { return $class; })*
        };
    }
    first! {
        is_uint8_array => "Uint8Array", is_uint8_clamped_array => "Uint8ClampedArray", is_int8_array => "Int8Array",
        is_uint16_array => "Uint16Array", is_int16_array => "Int16Array", is_uint32_array => "Uint32Array",
        is_int32_array => "Int32Array", is_float16_array => "Float16Array", is_float32_array => "Float32Array",
        is_float64_array => "Float64Array", is_big_int64_array => "BigInt64Array",
        is_big_uint64_array => "BigUint64Array",
    }
    "DataView"
}

/// A stack without the line or lines before its first call, which repeat the error's name and message.
fn without_header(stack: String, e: &Exception) -> String {
    const CALL: &str = "    at ";
    let header = if e.message.is_empty() { e.name.clone() } else { format!("{}: {}", e.name, e.message) };
    let rest = match stack.strip_prefix(&header) {
        Some(rest) => rest.trim_start_matches('\n'),
        None if stack.starts_with(CALL) => &stack,
        None => stack.split_once("\n    at ").map_or("", |(header, _)| &stack[header.len() + 1..]),
    };
    if rest.is_empty() || rest.ends_with('\n') { rest.into() } else { format!("{rest}\n") }
}

/// The place of a message.
pub(crate) fn place(scope: &Scope<'_, '_>, message: Local<v8::Message>) -> Option<Location> {
    let file = message.get_script_resource_name(scope)?;
    let file = file.try_cast::<v8::String>().ok()?.to_rust_string_lossy(scope);
    let line = u32::try_from(message.get_line_number(scope)?).ok()?;
    let column = u32::try_from(message.get_start_column()).ok()? + 1;
    Some(Location { file, line, column })
}
