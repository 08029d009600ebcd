//! The host's part of the functions of the `engine` object that glue gets; see `natives.js` for the others.

use std::ptr::NonNull;

use isolate_engine::Glue;
use v8::{Local, MapFnTo};

use crate::context::{Builtin, Inner, Scope};
use crate::convert::{Refusal, made, name};

/// Makes the object for glue of the natives.
pub(crate) static GLUE: Glue = Glue::new("v8:natives", include_str!("natives.js"));

type Args<'s> = v8::FunctionCallbackArguments<'s>;
type Return<'s> = v8::ReturnValue<'s, v8::Value>;

macro_rules! natives {
    ($($key:literal => $f:ident),* $(,)?) => {
        /// The natives that `natives.js` gets.
        pub(crate) fn object<'s>(scope: &Scope<'s, '_>) -> Result<Local<'s, v8::Object>, Refusal> {
            let object = v8::Object::new(scope);
            $(
                let f = v8::Function::builder($f).constructor_behavior(v8::ConstructorBehavior::Throw).build(scope);
                let key = name(scope, $key)?;
                made(object.create_data_property(scope, key.into(), made(f)?.into()))?;
            )*
            Ok(object)
        }

        /// Their addresses, for snapshots.
        pub(crate) fn references() -> Vec<v8::ExternalReference> {
            vec![$(v8::ExternalReference { function: $f.map_fn_to() }),*]
        }
    };
}

natives! {
    "classOf" => class_of, "isPromise" => is_promise, "plainKind" => plain_kind, "promiseState" => promise_state,
    "proxyDetails" => proxy_details, "enqueueMicrotask" => enqueue_microtask, "markHandled" => mark_handled,
    "utf8Encode" => utf8_encode, "utf8EncodeInto" => utf8_encode_into, "utf8Decode" => utf8_decode,
    "isDataView" => is_data_view, "bufferKind" => buffer_kind, "copyBytes" => copy_bytes,
    "isConstructor" => is_constructor, "bytesToString" => bytes_to_string, "onRejections" => on_rejections,
}

fn throw_type_error(scope: &mut Scope<'_, '_>, message: &str) {
    Inner::of(scope).throw_host_error(scope, &isolate_engine::HostError::type_error(message));
}

/// A whole number of an argument, from 0; anything else is 0.
fn index(args: &Args<'_>, i: i32) -> usize {
    args.get(i).try_cast::<v8::Number>().map_or(0, |n| n.value() as usize)
}

/// The bytes of a buffer or a view: where they are now, and how many. No JavaScript must run while they are in use. A
/// detached buffer has none.
fn bytes(v: Local<v8::Value>) -> Option<(NonNull<u8>, usize)> {
    let none = (NonNull::dangling(), 0);
    if let Ok(view) = v.try_cast::<v8::ArrayBufferView>() {
        let length = view.byte_length();
        // A small array has its bytes in V8's heap until somebody asks for its buffer, so nobody does.
        return Some(match NonNull::new(view.data().cast::<u8>()) {
            Some(data) if length > 0 => (data, length),
            _ => none,
        });
    }
    if let Ok(buffer) = v.try_cast::<v8::ArrayBuffer>() {
        return Some(buffer.data().map_or(none, |data| (data.cast(), buffer.byte_length())));
    }
    if let Ok(buffer) = v.try_cast::<v8::SharedArrayBuffer>() {
        let store = buffer.get_backing_store();
        return Some(store.data().map_or(none, |data| (data.cast(), store.byte_length())));
    }
    None
}

/// The range of an argument's bytes that two others give.
fn range<'a>(args: &Args<'_>) -> Option<&'a [u8]> {
    let (data, size) = bytes(args.get(0))?;
    let end = index(args, 2).min(size);
    let start = index(args, 1).min(end);
    // SAFETY: within the buffer; the caller runs no JavaScript while it has the slice.
    Some(unsafe { std::slice::from_raw_parts(data.as_ptr().add(start), end - start) })
}

fn class_of<'s>(scope: &mut Scope<'s, '_>, args: Args<'s>, mut rv: Return) {
    let v = args.get(0);
    if v.is_object() {
        let class = Inner::of(scope).class_name(scope, v);
        if let Ok(class) = name(scope, class) {
            rv.set(class.into());
        }
    }
}

/// What a clone of an object takes: 1 a plain object, 2 an array, 3 an object of some class of the guest's or of the web
/// platform's, 4 a map or set, 5 another object that holds no others, 0 none of them.
fn plain_kind<'s>(scope: &mut Scope<'s, '_>, args: Args<'s>, mut rv: Return) {
    let v = args.get(0);
    rv.set_int32(if v.is_array() { 2 } else { kind_of(scope, v) });
}

fn kind_of<'s>(scope: &mut Scope<'s, '_>, v: Local<'s, v8::Value>) -> i32 {
    if v.is_map() || v.is_set() {
        return 4;
    }
    if v.is_array_buffer_view() || v.is_array_buffer() || v.is_date() || v.is_reg_exp() {
        return 5;
    }
    let inner = Inner::of(scope);
    match inner.class_name(scope, v) {
        "Object" | "Arguments" => {
            let proto = v.try_cast::<v8::Object>().ok().and_then(|o| o.get_prototype(scope));
            let plain = inner.builtin(scope, Builtin::ObjectPrototype);
            if proto.is_none_or(|p| p.is_null() || p == plain) { 1 } else { 3 }
        }
        "SharedArrayBuffer" | "Number" | "String" | "Boolean" | "BigInt" => 5,
        _ => 0,
    }
}

fn is_promise(_: &mut Scope<'_, '_>, args: Args<'_>, mut rv: Return) {
    rv.set_bool(args.get(0).is_promise());
}

fn promise_state<'s>(scope: &mut Scope<'s, '_>, args: Args<'s>, mut rv: Return) {
    let Ok(promise) = args.get(0).try_cast::<v8::Promise>() else { return };
    let (state, result) = match promise.state() {
        v8::PromiseState::Pending => (0, v8::undefined(scope).into()),
        v8::PromiseState::Fulfilled => (1, promise.result(scope)),
        v8::PromiseState::Rejected => (2, promise.result(scope)),
    };
    let parts = [v8::Integer::new(scope, state).into(), result];
    rv.set(v8::Array::new_with_elements(scope, &parts).into());
}

fn proxy_details<'s>(scope: &mut Scope<'s, '_>, args: Args<'s>, mut rv: Return) {
    let Ok(proxy) = args.get(0).try_cast::<v8::Proxy>() else { return };
    let parts = if proxy.is_revoked() {
        [v8::null(scope).into(), v8::null(scope).into()]
    } else {
        [proxy.get_target(scope), proxy.get_handler(scope)]
    };
    rv.set(v8::Array::new_with_elements(scope, &parts).into());
}

fn enqueue_microtask(scope: &mut Scope<'_, '_>, args: Args<'_>, _: Return) {
    if let Ok(f) = args.get(0).try_cast::<v8::Function>() {
        scope.enqueue_microtask(f);
    }
}

fn mark_handled(scope: &mut Scope<'_, '_>, args: Args<'_>, _: Return) {
    if let Ok(promise) = args.get(0).try_cast::<v8::Promise>() {
        promise.mark_as_handled();
        Inner::of(scope).rejections.borrow_mut().handled(scope, promise);
    }
}

fn is_data_view(_: &mut Scope<'_, '_>, args: Args<'_>, mut rv: Return) {
    rv.set_bool(args.get(0).is_data_view());
}

/// 1 for an `ArrayBuffer`, 2 for a shared one, 0 for anything else.
fn buffer_kind(_: &mut Scope<'_, '_>, args: Args<'_>, mut rv: Return) {
    let v = args.get(0);
    rv.set_int32(if v.is_array_buffer() { 1 } else { i32::from(v.is_shared_array_buffer()) * 2 });
}

fn is_constructor(_: &mut Scope<'_, '_>, args: Args<'_>, mut rv: Return) {
    rv.set_bool(args.get(0).try_cast::<v8::Object>().is_ok_and(|o| o.is_constructor()));
}

/// Sets who is asked, before a rejection is reported, with (promise, reason, false), and returns whether it needs no
/// report; and who is told, with (promise, reason, true), when one of those is handled after all.
fn on_rejections(scope: &mut Scope<'_, '_>, args: Args<'_>, _: Return) {
    if let Ok(hook) = args.get(0).try_cast::<v8::Function>() {
        let hook = v8::Global::new(scope, hook);
        Inner::of(scope).rejections.borrow_mut().set_hook(hook);
    }
}

fn utf8_encode(scope: &mut Scope<'_, '_>, args: Args<'_>, mut rv: Return) {
    let Ok(text) = args.get(0).try_cast::<v8::String>() else { return };
    let inner = Inner::of(scope);
    let length = text.utf8_length(scope);
    if !inner.make_room(length) {
        scope.terminate_execution();
        return;
    }
    let store = inner.memory.backing_store(scope, length);
    if let Some(data) = store.data() {
        // SAFETY: the store was made with this length and nothing else has it yet.
        let bytes = unsafe { std::slice::from_raw_parts_mut(data.cast::<u8>().as_ptr(), length) };
        text.write_utf8_v2(scope, bytes, v8::WriteFlags::kReplaceInvalidUtf8, None);
    }
    let buffer = v8::ArrayBuffer::with_backing_store(scope, &store.make_shared());
    if let Some(view) = v8::Uint8Array::new(scope, buffer, 0, length) {
        rv.set(view.into());
    }
}

/// Gives `[read, written]`.
fn utf8_encode_into(scope: &mut Scope<'_, '_>, args: Args<'_>, mut rv: Return) {
    let Ok(text) = args.get(0).try_cast::<v8::String>() else { return };
    let Some((data, room)) = bytes(args.get(1)) else { return throw_type_error(scope, "not a view") };
    let mut read = 0;
    // SAFETY: the view's bytes; writing them runs no JavaScript.
    let bytes = unsafe { std::slice::from_raw_parts_mut(data.as_ptr(), room) };
    let written = text.write_utf8_v2(scope, bytes, v8::WriteFlags::kReplaceInvalidUtf8, Some(&mut read));
    let parts = [v8::Number::new(scope, read as f64).into(), v8::Number::new(scope, written as f64).into()];
    rv.set(v8::Array::new_with_elements(scope, &parts).into());
}

/// UTF-8 decode of the bytes from `start` to `end`: (view, start, end, fatal, ignoreBOM). Undefined if they are malformed
/// and that is fatal.
fn utf8_decode(scope: &mut Scope<'_, '_>, args: Args<'_>, mut rv: Return) {
    let Some(mut bytes) = range(&args) else { return throw_type_error(scope, "not a buffer or view") };
    if !args.get(4).is_true()
        && let Some(rest) = bytes.strip_prefix(b"\xef\xbb\xbf")
    {
        bytes = rest;
    }
    if bytes.is_ascii() {
        return one_byte(scope, bytes, rv);
    }
    if args.get(3).is_true() && std::str::from_utf8(bytes).is_err() {
        return;
    }
    // V8 replaces what is malformed as the standard says.
    match v8::String::new_from_utf8(scope, bytes, v8::NewStringType::Normal) {
        Some(text) => rv.set(text.into()),
        None => too_long(scope),
    }
}

/// A string with one character for each byte from `start` to `end`: (view, start, end).
fn bytes_to_string(scope: &mut Scope<'_, '_>, args: Args<'_>, rv: Return) {
    match range(&args) {
        Some(bytes) => one_byte(scope, bytes, rv),
        None => throw_type_error(scope, "not a buffer or view"),
    }
}

fn one_byte(scope: &mut Scope<'_, '_>, bytes: &[u8], mut rv: Return) {
    match v8::String::new_from_one_byte(scope, bytes, v8::NewStringType::Normal) {
        Some(text) => rv.set(text.into()),
        None => too_long(scope),
    }
}

fn too_long(scope: &mut Scope<'_, '_>) {
    let e = isolate_engine::HostError::range_error("the string is longer than the engine's strings can be");
    Inner::of(scope).throw_host_error(scope, &e);
}

/// (target, targetOffset, source, sourceOffset, count): as `memmove`.
fn copy_bytes(scope: &mut Scope<'_, '_>, args: Args<'_>, _: Return) {
    let (Some((to, room)), Some((from, size))) = (bytes(args.get(0)), bytes(args.get(2))) else {
        return throw_type_error(scope, "not a buffer or view");
    };
    let (at, start, count) = (index(&args, 1), index(&args, 3), index(&args, 4));
    let fits = |offset: usize, size: usize| offset.checked_add(count).is_some_and(|end| end <= size);
    if !fits(at, room) || !fits(start, size) {
        return throw_type_error(scope, "the bytes to copy lie outside of the buffer");
    }
    // SAFETY: both ranges are within their buffers, and no JavaScript has run since they were looked up.
    unsafe { std::ptr::copy(from.as_ptr().add(start), to.as_ptr().add(at), count) };
}
