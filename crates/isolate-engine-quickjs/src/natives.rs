//! The functions of the `engine` object that glue gets: what the language has no untampered way to say, or says slowly.
//!
//! They stand in a static table, from which the engine makes each function object when it is first read, so that a
//! context pays only for those that its glue uses. The engine pads the arguments of each to its declared length.

use std::ffi::{CStr, c_int};
use std::ptr;

use rquickjs::qjs;

use crate::context::{Builtin, Inner};
use crate::convert::Refusal;

type Native = unsafe extern "C" fn(*mut qjs::JSContext, qjs::JSValue, c_int, *mut qjs::JSValue) -> qjs::JSValue;

struct Table(&'static [qjs::JSCFunctionListEntry]);

// SAFETY: the table is never written to, and its pointers lead to static strings and functions.
unsafe impl Sync for Table {}

const fn entry(name: &'static CStr, length: u8, f: Native) -> qjs::JSCFunctionListEntry {
    qjs::JSCFunctionListEntry {
        name: name.as_ptr(),
        prop_flags: qjs::JS_PROP_CONFIGURABLE as u8,
        def_type: qjs::JS_DEF_CFUNC as u8,
        magic: 0,
        u: qjs::JSCFunctionListEntry__bindgen_ty_1 {
            func: qjs::JSCFunctionListEntry__bindgen_ty_1__bindgen_ty_1 {
                length,
                cproto: qjs::JSCFunctionEnum_JS_CFUNC_generic as u8,
                cfunc: qjs::JSCFunctionType { generic: Some(f) },
            },
        },
    }
}

static TABLE: Table = Table(&[
    entry(c"classOf", 1, class_of),
    entry(c"promiseState", 1, promise_state),
    entry(c"proxyDetails", 1, proxy_details),
    entry(c"then", 3, then),
    entry(c"newPromise", 0, new_promise),
    entry(c"resolved", 1, resolved),
    entry(c"rejected", 1, rejected),
    entry(c"enqueue", 3, enqueue),
    entry(c"react", 4, react),
    entry(c"markHandled", 1, mark_handled),
    entry(c"utf8Encode", 1, utf8_encode),
    entry(c"utf8EncodeInto", 2, utf8_encode_into),
    entry(c"utf8Decode", 5, utf8_decode),
    entry(c"viewInfo", 1, view_info),
    entry(c"newView", 4, new_view),
    entry(c"newBuffer", 2, new_buffer),
    entry(c"bufferInfo", 1, buffer_info),
    entry(c"transfer", 1, transfer),
    entry(c"copyBytes", 5, copy_bytes),
    entry(c"isConstructor", 1, is_constructor),
    entry(c"isCallable", 1, is_callable),
    entry(c"bytesToString", 3, bytes_to_string),
    entry(c"clonePlain", 5, clone_plain),
    entry(c"onRejections", 1, on_rejections),
    entry(c"part", 2, part),
    entry(c"defineGlobals", 1, define_globals),
]);

/// Puts the functions on the object.
///
/// # Safety
/// A live context and an object of it.
pub(crate) unsafe fn define(ctx: *mut qjs::JSContext, object: qjs::JSValue) -> c_int {
    // SAFETY: as above; the table is static, as the engine wants it.
    unsafe { qjs::JS_SetPropertyFunctionList(ctx, object, TABLE.0.as_ptr(), TABLE.0.len() as c_int) }
}

/// What a native works on: its context and its arguments.
struct Call<'a> {
    ctx: *mut qjs::JSContext,
    inner: &'a Inner,
    args: &'a [qjs::JSValue],
}

impl Call<'_> {
    /// # Safety
    /// What the engine passed to a native that was declared with `N` arguments.
    unsafe fn with<const N: usize>(
        ctx: *mut qjs::JSContext,
        argv: *mut qjs::JSValue,
        f: impl FnOnce(&Call<'_>) -> qjs::JSValue,
    ) -> qjs::JSValue {
        // SAFETY: the engine pads the arguments; the opaque pointer leads to the `Inner` that owns the context.
        unsafe {
            let inner = &*qjs::JS_GetContextOpaque(ctx).cast::<Inner>();
            let args = if N == 0 { &[][..] } else { std::slice::from_raw_parts(argv, N) };
            f(&Call { ctx, inner, args })
        }
    }

    fn type_error(&self, message: &CStr) -> qjs::JSValue {
        // SAFETY: a live context; the format takes one string.
        unsafe { qjs::JS_ThrowTypeError(self.ctx, c"%s".as_ptr(), message.as_ptr()) }
    }

    fn number(n: usize) -> qjs::JSValue {
        qjs::JS_NewFloat64(n as f64)
    }

    /// A whole number of an argument, from 0; anything else is 0.
    fn index(&self, i: usize) -> usize {
        let v = self.args[i];
        // SAFETY: the tag says which field is set.
        unsafe {
            match qjs::JS_VALUE_GET_NORM_TAG(v) {
                qjs::JS_TAG_INT => usize::try_from(qjs::JS_VALUE_GET_INT(v)).unwrap_or(0),
                qjs::JS_TAG_FLOAT64 => qjs::JS_VALUE_GET_FLOAT64(v) as usize,
                _ => 0,
            }
        }
    }

    fn flag(&self, i: usize) -> bool {
        let v = self.args[i];
        // SAFETY: the tag says which field is set.
        unsafe { qjs::JS_IsBool(v) && qjs::JS_VALUE_GET_BOOL(v) }
    }

    /// The bytes of a buffer or a view: where they are now, and how many. No JavaScript runs, and none must run while
    /// they are in use. A detached buffer has none.
    fn bytes(&self, v: qjs::JSValue) -> Option<(*mut u8, usize)> {
        let name = self.inner.class_name(v);
        // SAFETY: live values, looked at by class; what is owned is freed.
        unsafe {
            if !qjs::JS_IsObject(v) {
                return None;
            }
            if matches!(name, "ArrayBuffer" | "SharedArrayBuffer") {
                let mut size = 0;
                let p = qjs::JS_GetArrayBuffer(self.ctx, &raw mut size, v);
                if p.is_null() {
                    self.inner.clear_exception();
                    return Some((ptr::dangling_mut(), 0));
                }
                return Some((p, size as usize));
            }
            let (buffer, offset, length) = self.view(v, name)?;
            let mut size = 0;
            let p = qjs::JS_GetArrayBuffer(self.ctx, &raw mut size, buffer);
            self.inner.free(buffer);
            if p.is_null() {
                self.inner.clear_exception();
                return Some((ptr::dangling_mut(), 0));
            }
            if offset.checked_add(length).is_none_or(|end| end > size as usize) {
                return Some((ptr::dangling_mut(), 0));
            }
            Some((p.add(offset), length))
        }
    }

    /// A view's buffer (owned), offset and length in bytes.
    fn view(&self, v: qjs::JSValue, name: &str) -> Option<(qjs::JSValue, usize, usize)> {
        if name == "DataView" {
            let buffer = self.get(Builtin::data_view_buffer, v)?;
            let offset = self.size(Builtin::data_view_byte_offset, v);
            let length = self.size(Builtin::data_view_byte_length, v);
            return Some((buffer, offset, length));
        }
        if !name.ends_with("Array") || name == "Array" {
            return None;
        }
        let (mut offset, mut length) = (0, 0);
        // SAFETY: a typed array.
        unsafe {
            let buffer = qjs::JS_GetTypedArrayBuffer(self.ctx, v, &raw mut offset, &raw mut length, ptr::null_mut());
            if !qjs::JS_IsException(buffer) {
                return Some((buffer, offset as usize, length as usize));
            }
            self.inner.clear_exception();
        }
        // Out of bounds or detached.
        Some((self.get(Builtin::typed_array_buffer, v)?, 0, 0))
    }

    /// Whether a view reaches beyond its buffer, which was made smaller or detached.
    fn out_of_bounds(&self, v: qjs::JSValue, name: &str) -> bool {
        if name == "DataView" {
            return match self.get(Builtin::data_view_byte_length, v) {
                Some(length) => {
                    self.inner.free(length);
                    false
                }
                None => true,
            };
        }
        // SAFETY: a typed array.
        unsafe {
            let buffer = qjs::JS_GetTypedArrayBuffer(self.ctx, v, ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
            if qjs::JS_IsException(buffer) {
                self.inner.clear_exception();
                return true;
            }
            self.inner.free(buffer);
            false
        }
    }

    /// Calls a getter of the engine's own; what it throws becomes nothing.
    fn get(&self, getter: Builtin, this: qjs::JSValue) -> Option<qjs::JSValue> {
        let v = self.inner.call(self.inner.builtin(getter), this, &mut []);
        // SAFETY: the tag of any value may be read.
        if unsafe { qjs::JS_IsException(v) } {
            self.inner.clear_exception();
            return None;
        }
        Some(v)
    }

    fn size(&self, getter: Builtin, this: qjs::JSValue) -> usize {
        let Some(v) = self.get(getter, this) else { return 0 };
        let mut n = 0.0;
        // SAFETY: the getters that are asked for sizes give numbers.
        unsafe { qjs::JS_ToFloat64(self.ctx, &raw mut n, v) };
        n as usize
    }

    /// A record for glue.
    fn record(&self, entries: &[(&CStr, qjs::JSValue)]) -> qjs::JSValue {
        // SAFETY: a new object; each definition takes its value.
        unsafe {
            let o = qjs::JS_NewObjectProto(self.ctx, qjs::JS_NULL);
            for (name, v) in entries {
                if qjs::JS_IsException(o) {
                    self.inner.free(*v);
                } else {
                    qjs::JS_SetPropertyStr(self.ctx, o, name.as_ptr(), *v);
                }
            }
            o
        }
    }

    fn array(&self, values: &[qjs::JSValue]) -> qjs::JSValue {
        // SAFETY: the array takes the values, also when it cannot be made.
        unsafe { qjs::JS_NewArrayFrom(self.ctx, values.len() as c_int, values.as_ptr()) }
    }

    /// How many code units the string of an argument has.
    fn length(&self, i: usize) -> usize {
        let mut n = 0;
        // SAFETY: glue passes strings, whose length is read without running code.
        if unsafe { qjs::JS_GetLength(self.ctx, self.args[i], &raw mut n) } == 0 { n as usize } else { 0 }
    }

    /// The string of an argument as UTF-8 in the engine's own memory, until it is freed. Unpaired surrogates are in
    /// the three bytes that they would have if they were allowed.
    fn text(&self, i: usize) -> Option<Text<'_>> {
        let mut len = 0;
        // SAFETY: glue passes strings, whose conversion runs no code.
        let p = unsafe { qjs::JS_ToCStringLen2(self.ctx, &raw mut len, self.args[i], false) };
        (!p.is_null()).then(|| Text { call: self, p: p.cast(), len: len as usize })
    }
}

struct Text<'a> {
    call: &'a Call<'a>,
    p: *const u8,
    len: usize,
}

impl Text<'_> {
    fn bytes(&self) -> &[u8] {
        // SAFETY: `len` bytes that live until they are freed.
        unsafe { std::slice::from_raw_parts(self.p, self.len) }
    }
}

impl Drop for Text<'_> {
    fn drop(&mut self) {
        // SAFETY: got from the engine.
        unsafe { qjs::JS_FreeCString(self.call.ctx, self.p.cast()) };
    }
}

/// Turns the encoded surrogates (ED A0..BF xx) into U+FFFD, which takes as many bytes.
fn replace_surrogates(bytes: &mut [u8]) {
    let mut from = 0;
    while let Some(at) = memchr(0xed, &bytes[from..]) {
        let i = from + at;
        if let [_, second, _, ..] = bytes[i..]
            && second >= 0xa0
        {
            bytes[i..i + 3].copy_from_slice(&[0xef, 0xbf, 0xbd]);
        }
        from = (i + 3).min(bytes.len());
    }
}

/// By blocks, which the compiler compares all at once.
fn memchr(byte: u8, bytes: &[u8]) -> Option<usize> {
    const BLOCK: usize = 64;
    let mut at = 0;
    for block in bytes.chunks(BLOCK) {
        if block.iter().fold(false, |found, b| found | (*b == byte)) {
            return block.iter().position(|b| *b == byte).map(|i| at + i);
        }
        at += BLOCK;
    }
    None
}

macro_rules! native {
    ($(#[$meta:meta])* fn $name:ident<$n:literal>($call:ident) $body:block) => {
        $(#[$meta])*
        unsafe extern "C" fn $name(
            ctx: *mut qjs::JSContext,
            _this: qjs::JSValue,
            _argc: c_int,
            argv: *mut qjs::JSValue,
        ) -> qjs::JSValue {
            fn body($call: &Call<'_>) -> qjs::JSValue $body
            // SAFETY: the engine calls it with the arguments that the table declares.
            unsafe { Call::with::<$n>(ctx, argv, body) }
        }
    };
}

native! {
    /// The internal class of an object.
    fn class_of<1>(call) {
        let v = call.args[0];
        // SAFETY: only looks at the class; the name is copied.
        if unsafe { qjs::JS_IsObject(v) } { call.inner.string(call.inner.class_name(v)) } else { qjs::JS_UNDEFINED }
    }
}

native! {
    fn promise_state<1>(call) {
        let v = call.args[0];
        // SAFETY: one live value.
        unsafe {
            if !qjs::JS_IsPromise(v) {
                return qjs::JS_UNDEFINED;
            }
            let state = qjs::JS_MKVAL(qjs::JS_TAG_INT, qjs::JS_PromiseState(call.ctx, v));
            call.array(&[state, qjs::JS_PromiseResult(call.ctx, v)])
        }
    }
}

native! {
    fn proxy_details<1>(call) {
        let v = call.args[0];
        // SAFETY: one live value; an exception, as a revoked proxy gives, becomes null.
        unsafe {
            if !qjs::JS_IsProxy(v) {
                return qjs::JS_UNDEFINED;
            }
            let parts = [qjs::JS_GetProxyTarget(call.ctx, v), qjs::JS_GetProxyHandler(call.ctx, v)].map(|part| {
                if qjs::JS_IsException(part) {
                    call.inner.clear_exception();
                    qjs::JS_NULL
                } else {
                    part
                }
            });
            call.array(&parts)
        }
    }
}

native! {
    /// PerformPromiseThen: reads nothing of the promise that a guest could have replaced.
    fn then<3>(call) {
        // SAFETY: live values; the engine checks that the first is a promise.
        unsafe { qjs::JS_PromiseThen(call.ctx, call.args[0], call.args[1], call.args[2]) }
    }
}

native! {
    fn new_promise<0>(call) {
        let mut functions = [qjs::JS_UNDEFINED; 2];
        // SAFETY: there is room for the two functions.
        unsafe {
            let promise = qjs::JS_NewPromiseCapability(call.ctx, functions.as_mut_ptr());
            if qjs::JS_IsException(promise) {
                return promise;
            }
            call.array(&[promise, functions[0], functions[1]])
        }
    }
}

/// PromiseResolve for %Promise%, without reading `constructor`.
fn resolved_promise(call: &Call<'_>, v: qjs::JSValue) -> qjs::JSValue {
    // SAFETY: live values; what is owned is freed.
    unsafe {
        if !qjs::JS_IsObject(v) {
            return qjs::JS_NewSettledPromise(call.ctx, false, v);
        }
        if qjs::JS_IsPromise(v) {
            let proto = qjs::JS_GetPrototype(call.ctx, v);
            let plain = same(proto, call.inner.builtin(Builtin::promise_prototype));
            call.inner.free(proto);
            if plain {
                return call.inner.dup(v);
            }
        }
        let mut functions = [qjs::JS_UNDEFINED; 2];
        let promise = qjs::JS_NewPromiseCapability(call.ctx, functions.as_mut_ptr());
        if qjs::JS_IsException(promise) {
            return promise;
        }
        let done = call.inner.call(functions[0], qjs::JS_UNDEFINED, &mut [v]);
        functions.into_iter().for_each(|f| call.inner.free(f));
        if qjs::JS_IsException(done) {
            call.inner.free(promise);
            return done;
        }
        call.inner.free(done);
        promise
    }
}

native! {
    fn resolved<1>(call) {
        resolved_promise(call, call.args[0])
    }
}

/// Whether two values are the same object.
fn same(a: qjs::JSValue, b: qjs::JSValue) -> bool {
    // SAFETY: an object's payload is a pointer, used only to compare.
    unsafe { qjs::JS_IsObject(a) && qjs::JS_IsObject(b) && qjs::JS_VALUE_GET_PTR(a) == qjs::JS_VALUE_GET_PTR(b) }
}

native! {
    fn rejected<1>(call) {
        // SAFETY: a live value; the promise takes its own reference.
        unsafe { qjs::JS_NewSettledPromise(call.ctx, true, call.args[0]) }
    }
}

/// Queues a microtask that calls `f(a, b)`.
fn enqueue_call(call: &Call<'_>, mut parts: [qjs::JSValue; 3]) -> qjs::JSValue {
    unsafe extern "C" fn run(ctx: *mut qjs::JSContext, _argc: c_int, argv: *mut qjs::JSValue) -> qjs::JSValue {
        // SAFETY: the three values of the job: a function and its arguments.
        unsafe { qjs::JS_Call(ctx, *argv, qjs::JS_UNDEFINED, 2, argv.add(1)) }
    }
    // SAFETY: live values, of which the job takes references of its own.
    let queued = unsafe { qjs::JS_EnqueueJob(call.ctx, Some(run), 3, parts.as_mut_ptr()) };
    if queued < 0 { qjs::JS_EXCEPTION } else { qjs::JS_UNDEFINED }
}

native! {
    /// (f, a, b): calls `f(a, b)` in a microtask.
    fn enqueue<3>(call) {
        enqueue_call(call, [call.args[0], call.args[1], call.args[2]])
    }
}

native! {
    /// (value, onFulfilled, onRejected, state): as `then(resolved(value), …)`, but without a promise that nobody sees,
    /// and the functions are called with the state first, so that they need not be closures.
    fn react<4>(call) {
        unsafe extern "C" fn settle(
            ctx: *mut qjs::JSContext,
            _this: qjs::JSValue,
            _argc: c_int,
            argv: *mut qjs::JSValue,
            _magic: c_int,
            data: *mut qjs::JSValue,
        ) -> qjs::JSValue {
            // SAFETY: the function and the state that were kept below, and the one argument of a reaction.
            unsafe { qjs::JS_Call(ctx, *data, qjs::JS_UNDEFINED, 2, [*data.add(1), *argv].as_mut_ptr()) }
        }
        let [value, fulfilled, rejected, state] = [call.args[0], call.args[1], call.args[2], call.args[3]];
        // SAFETY: live values; what is owned is freed.
        unsafe {
            if !qjs::JS_IsObject(value) {
                return enqueue_call(call, [fulfilled, state, value]);
            }
            let promise = resolved_promise(call, value);
            if qjs::JS_IsException(promise) {
                return promise;
            }
            let done = match qjs::JS_PromiseState(call.ctx, promise) {
                qjs::JSPromiseStateEnum_JS_PROMISE_PENDING => {
                    let functions = [fulfilled, rejected].map(|f| {
                        qjs::JS_NewCFunctionData(call.ctx, Some(settle), 1, 0, 2, [f, state].as_mut_ptr())
                    });
                    let done = match functions.iter().any(|f| qjs::JS_IsException(*f)) {
                        true => qjs::JS_EXCEPTION,
                        false => qjs::JS_PromiseThen(call.ctx, promise, functions[0], functions[1]),
                    };
                    functions.into_iter().for_each(|f| call.inner.free(f));
                    done
                }
                settled => {
                    let f = if settled == qjs::JSPromiseStateEnum_JS_PROMISE_FULFILLED { fulfilled } else { rejected };
                    qjs::JS_PromiseMarkAsHandled(call.ctx, promise);
                    call.inner.handled(promise);
                    let result = qjs::JS_PromiseResult(call.ctx, promise);
                    let done = enqueue_call(call, [f, state, result]);
                    call.inner.free(result);
                    done
                }
            };
            call.inner.free(promise);
            if qjs::JS_IsException(done) {
                return done;
            }
            call.inner.free(done);
            qjs::JS_UNDEFINED
        }
    }
}

native! {
    fn mark_handled<1>(call) {
        let v = call.args[0];
        // SAFETY: checked to be a promise.
        unsafe {
            if qjs::JS_IsPromise(v) {
                qjs::JS_PromiseMarkAsHandled(call.ctx, v);
                call.inner.handled(v);
            }
        }
        qjs::JS_UNDEFINED
    }
}

native! {
    fn utf8_encode<1>(call) {
        let Some(text) = call.text(0) else { return qjs::JS_EXCEPTION };
        if call.inner.refuses(text.len) {
            return call.inner.throw_stop();
        }
        let mut bytes = text.bytes().to_vec();
        // As many bytes as code units: all ASCII.
        if call.length(0) != bytes.len() {
            replace_surrogates(&mut bytes);
        }
        call.inner.bytes(bytes.into())
    }
}

native! {
    /// Gives `[read, written]`.
    fn utf8_encode_into<2>(call) {
        let Some(text) = call.text(0) else { return qjs::JS_EXCEPTION };
        let Some((p, room)) = call.bytes(call.args[1]) else { return call.type_error(c"not a view") };
        let source = text.bytes();
        let mut written = source.len().min(room);
        // Back to the beginning of a character that does not fit.
        while written < source.len() && written > 0 && source[written] & 0xc0 == 0x80 {
            written -= 1;
        }
        let part = &source[..written];
        let read = part.iter().filter(|b| **b & 0xc0 != 0x80).count() + part.iter().filter(|b| **b >= 0xf0).count();
        // SAFETY: within the view, whose bytes are not the text's.
        unsafe {
            ptr::copy_nonoverlapping(source.as_ptr(), p, written);
            replace_surrogates(std::slice::from_raw_parts_mut(p, written));
        }
        call.array(&[Call::number(read), Call::number(written)])
    }
}

native! {
    /// UTF-8 decode of the bytes from `start` to `end`: (view, start, end, fatal, ignoreBOM). Undefined if they are
    /// malformed and that is fatal.
    fn utf8_decode<5>(call) {
        let Some((p, size)) = call.bytes(call.args[0]) else { return call.type_error(c"not a buffer or view") };
        let end = call.index(2).min(size);
        let start = call.index(1).min(end);
        // SAFETY: within the view; making a string runs no JavaScript.
        let mut bytes = unsafe { std::slice::from_raw_parts(p.add(start), end - start) };
        if !call.flag(4)
            && let Some(rest) = bytes.strip_prefix(b"\xef\xbb\xbf")
        {
            bytes = rest;
        }
        if call.inner.refuses(bytes.len()) {
            return call.inner.throw_stop();
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => call.inner.string(text),
            Err(_) if call.flag(3) => qjs::JS_UNDEFINED,
            Err(_) => call.inner.string(&String::from_utf8_lossy(bytes)),
        }
    }
}

native! {
    /// A string with one character for each byte from `start` to `end`: (view, start, end).
    fn bytes_to_string<3>(call) {
        let Some((p, size)) = call.bytes(call.args[0]) else { return call.type_error(c"not a buffer or view") };
        let end = call.index(2).min(size);
        let start = call.index(1).min(end);
        // SAFETY: within the view; making a string runs no JavaScript.
        let bytes = unsafe { std::slice::from_raw_parts(p.add(start), end - start) };
        if call.inner.refuses(bytes.len()) {
            return call.inner.throw_stop();
        }
        match std::str::from_utf8(bytes) {
            Ok(text) if text.is_ascii() => call.inner.string(text),
            _ => call.inner.string(&bytes.iter().map(|b| char::from(*b)).collect::<String>()),
        }
    }
}

native! {
    /// (string, which): a part of an ASCII string that begins with a table of its parts. Its first character says how
    /// many characters, of seven bits each, a number takes; the second how many parts there are; then come the start and
    /// the end of each, counted from the end of the table.
    fn part<2>(call) {
        let Some(text) = call.text(0) else { return qjs::JS_EXCEPTION };
        let bytes = text.bytes();
        let number = |i: usize, width: usize| {
            let at = 2 + i * width;
            bytes.get(at..at + width).map(|digits| digits.iter().fold(0, |n, b| n << 7 | usize::from(*b & 0x7f)))
        };
        let part = (|| {
            let [width, count, ..] = *bytes else { return None };
            let (width, count, which) = (usize::from(width), usize::from(count), call.index(1));
            let (start, end) = (number(2 * which, width)?, number(2 * which + 1, width)?);
            let whole = bytes.get(2 + 2 * count * width..)?;
            std::str::from_utf8(whole.get(start..end)?).ok()
        })();
        match part {
            Some(part) => call.inner.string(part),
            None => call.type_error(c"there is no such part"),
        }
    }
}

native! {
    fn view_info<1>(call) {
        let v = call.args[0];
        // SAFETY: only looks at the class.
        if !unsafe { qjs::JS_IsObject(v) } {
            return qjs::JS_UNDEFINED;
        }
        let name = call.inner.class_name(v);
        let Some((buffer, offset, length)) = call.view(v, name) else { return qjs::JS_UNDEFINED };
        let each = KINDS.iter().find(|k| k.0 == name).map_or(1, |k| k.2);
        let outside = call.out_of_bounds(v, name);
        call.record(&[
            (c"type", call.inner.string(name)),
            (c"buffer", buffer),
            (c"byteOffset", Call::number(offset)),
            (c"byteLength", Call::number(length)),
            (c"length", Call::number(length / each)),
            (c"bytesPer", Call::number(each)),
            (c"outOfBounds", qjs::JS_MKVAL(qjs::JS_TAG_BOOL, c_int::from(outside))),
        ])
    }
}

/// The typed arrays: name, the engine's number, bytes of an element.
const KINDS: [(&str, qjs::JSTypedArrayEnum, usize); 12] = [
    ("Uint8Array", qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_UINT8, 1),
    ("Int8Array", qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_INT8, 1),
    ("Uint8ClampedArray", qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_UINT8C, 1),
    ("Int16Array", qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_INT16, 2),
    ("Uint16Array", qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_UINT16, 2),
    ("Int32Array", qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_INT32, 4),
    ("Uint32Array", qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_UINT32, 4),
    ("BigInt64Array", qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_BIG_INT64, 8),
    ("BigUint64Array", qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_BIG_UINT64, 8),
    ("Float16Array", qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_FLOAT16, 2),
    ("Float32Array", qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_FLOAT32, 4),
    ("Float64Array", qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_FLOAT64, 8),
];

native! {
    /// (type, buffer, byteOffset, length); a `length` of undefined follows the buffer's.
    fn new_view<4>(call) {
        let Some(name) = call.text(0) else { return qjs::JS_EXCEPTION };
        let mut args = [call.args[1], call.args[2], call.args[3]];
        let name = std::str::from_utf8(name.bytes()).unwrap_or_default();
        // SAFETY: live values; the constructors are the engine's own and check their arguments.
        unsafe {
            if !qjs::JS_IsArrayBuffer(args[0]) {
                return call.type_error(c"not a buffer");
            }
            match KINDS.iter().find(|k| k.0 == name) {
                Some(kind) => qjs::JS_NewTypedArray(call.ctx, 3, args.as_mut_ptr(), kind.1),
                None if name == "DataView" => call.inner.construct(call.inner.builtin(Builtin::data_view), &mut args),
                None => call.type_error(c"no such view"),
            }
        }
    }
}

native! {
    /// (byteLength, maxByteLength); resizable if there is a second.
    fn new_buffer<2>(call) {
        let (length, max) = (call.args[0], call.args[1]);
        // SAFETY: live values; what is owned is freed.
        unsafe {
            if qjs::JS_IsUndefined(max) {
                return call.inner.construct(call.inner.builtin(Builtin::array_buffer), &mut [length]);
            }
            let options = call.record(&[(c"maxByteLength", call.inner.dup(max))]);
            let buffer = call.inner.construct(call.inner.builtin(Builtin::array_buffer), &mut [length, options]);
            call.inner.free(options);
            buffer
        }
    }
}

native! {
    /// Sets who is asked, before a rejection is reported, with (promise, reason, false), and returns whether it needs no
    /// report; and who is told, with (promise, reason, true), when one of those is handled after all.
    fn on_rejections<1>(call) {
        call.inner.set_rejection_hook(call.args[0]);
        qjs::JS_UNDEFINED
    }
}

native! {
    /// (value, leaf, beginCollection, fillCollection, isPlatformObject): a structured clone of plain data, or undefined;
    /// see `plain`.
    fn clone_plain<5>(call) {
        let [value, leaf, begin, fill, is_platform] = [0, 1, 2, 3, 4].map(|i| call.args[i]);
        crate::plain::clone_plain(call.inner, value, crate::plain::Glue { leaf, begin, fill, is_platform })
    }
}

native! {
    fn buffer_info<1>(call) {
        let v = call.args[0];
        let name = call.inner.class_name(v);
        // SAFETY: only looks at the class.
        if !unsafe { qjs::JS_IsObject(v) } || !matches!(name, "ArrayBuffer" | "SharedArrayBuffer") {
            return qjs::JS_UNDEFINED;
        }
        let shared = name == "SharedArrayBuffer";
        let truth = |getter| {
            let v = call.get(getter, v).unwrap_or(qjs::JS_UNDEFINED);
            // SAFETY: the tag says which field is set.
            unsafe { qjs::JS_IsBool(v) && qjs::JS_VALUE_GET_BOOL(v) }
        };
        let detached = !shared && truth(Builtin::array_buffer_detached);
        let resizable =
            truth(if shared { Builtin::shared_buffer_growable } else { Builtin::array_buffer_resizable });
        let most = if shared { Builtin::shared_buffer_max } else { Builtin::array_buffer_max };
        let most = if resizable { Call::number(call.size(most, v)) } else { qjs::JS_UNDEFINED };
        let length = call.bytes(v).map_or(0, |(_, n)| n);
        let flag = |b: bool| qjs::JS_MKVAL(qjs::JS_TAG_BOOL, c_int::from(b));
        call.record(&[
            (c"byteLength", Call::number(length)),
            (c"maxByteLength", most),
            (c"detached", flag(detached)),
            (c"shared", flag(shared)),
            (c"resizable", flag(resizable)),
        ])
    }
}

native! {
    /// ArrayBuffer.prototype.transfer, which keeps a resizable buffer resizable.
    fn transfer<1>(call) {
        call.inner.call(call.inner.builtin(Builtin::array_buffer_transfer), call.args[0], &mut [])
    }
}

native! {
    /// (target, targetOffset, source, sourceOffset, count): as `memmove`.
    fn copy_bytes<5>(call) {
        let (Some((to, room)), Some((from, size))) = (call.bytes(call.args[0]), call.bytes(call.args[2])) else {
            return call.type_error(c"not a buffer or view");
        };
        let (at, start, count) = (call.index(1), call.index(3), call.index(4));
        let fits = |offset: usize, size: usize| offset.checked_add(count).is_some_and(|end| end <= size);
        if !fits(at, room) || !fits(start, size) {
            return call.type_error(c"the bytes to copy lie outside of the buffer");
        }
        if call.immutable(call.args[0]) {
            return call.type_error(c"the buffer is immutable");
        }
        // SAFETY: both ranges are within their buffers, and no JavaScript has run since they were looked up.
        unsafe { ptr::copy(from.add(start), to.add(at), count) };
        qjs::JS_UNDEFINED
    }
}

impl Call<'_> {
    /// Whether the bytes of a buffer or view must not be written to.
    fn immutable(&self, v: qjs::JSValue) -> bool {
        let name = self.inner.class_name(v);
        // SAFETY: live values; what is owned is freed.
        unsafe {
            if name == "ArrayBuffer" {
                return qjs::JS_IsImmutableArrayBuffer(v) == 1;
            }
            let Some((buffer, ..)) = self.view(v, name) else { return false };
            let immutable = qjs::JS_IsImmutableArrayBuffer(buffer) == 1;
            self.inner.free(buffer);
            immutable
        }
    }
}

native! {
    fn is_constructor<1>(call) {
        // SAFETY: only looks at the object.
        let is = unsafe { qjs::JS_IsConstructor(call.ctx, call.args[0]) };
        qjs::JS_MKVAL(qjs::JS_TAG_BOOL, c_int::from(is))
    }
}

native! {
    fn is_callable<1>(call) {
        // SAFETY: only looks at the object.
        let is = unsafe { qjs::JS_IsFunction(call.ctx, call.args[0]) };
        qjs::JS_MKVAL(qjs::JS_TAG_BOOL, c_int::from(is))
    }
}

native! {
    /// Puts the lazy global of a name in place, or all of them if the name is undefined.
    fn define_globals<1>(call) {
        // SAFETY: the tag of any value may be read.
        if unsafe { qjs::JS_IsUndefined(call.args[0]) } {
            call.inner.define_all();
            return qjs::JS_UNDEFINED;
        }
        let Some(name) = call.text(0) else { return qjs::JS_EXCEPTION };
        call.inner.define_lazy(std::str::from_utf8(name.bytes()).unwrap_or_default());
        qjs::JS_UNDEFINED
    }
}

impl Inner {
    /// Asks glue whether an object is one of the web platform's, and what of it crosses.
    pub(crate) fn ask_platform(&self, v: qjs::JSValue) -> Result<Option<qjs::JSValue>, Refusal> {
        let Some(send) = self.platform_send() else { return Ok(None) };
        // SAFETY: live values; what is owned is freed.
        unsafe {
            let proto = qjs::JS_GetPrototype(self.ctx, v);
            let plain = !qjs::JS_IsObject(proto) || same(proto, self.builtin(Builtin::object_prototype));
            self.free(proto);
            if plain {
                return Ok(None);
            }
            let data = self.call(send, qjs::JS_UNDEFINED, &mut [v]);
            match qjs::JS_VALUE_GET_NORM_TAG(data) {
                qjs::JS_TAG_EXCEPTION => Err(Refusal::Pending),
                qjs::JS_TAG_UNDEFINED => Ok(None),
                _ => Ok(Some(data)),
            }
        }
    }
}
