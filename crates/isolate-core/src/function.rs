//! Host functions: closures of the host that the guest calls.

use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::task::{self, Poll, Waker};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::stream::{LocalBoxStream, Stream, StreamExt};
use futures_util::{FutureExt, TryFutureExt};
use isolate_engine::{
    BigInt, DomExceptionName, ErrorClass, Exception, Failure, Function, HostError, HostFunction, Object, Promise, Value,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::context::UncaughtKind;
use crate::marshal::SAFE;
use crate::repeatable::epoch_ms;
use crate::{Context, Error, from_value, to_value};

/// The arguments of a call that are not yet taken.
#[derive(Debug)]
pub struct Args<'a> {
    context: &'a Context,
    values: std::slice::IterMut<'a, Value>,
    taken: usize,
}

impl Args<'_> {
    /// The next argument; `undefined` when there is none.
    #[inline]
    pub fn next_value(&mut self) -> Value {
        self.taken += 1;
        self.values.next().map(Value::take).unwrap_or_default()
    }

    /// Leaves the arguments taken so far out of the count: they are glue's, and the guest did not pass them.
    pub(crate) fn hide_taken(&mut self) {
        self.taken = 0;
    }
}

/// A parameter of a host function.
///
/// Implemented for every [`FromValue`] type, for [`Rest`], which takes all further arguments, and for [`Context`],
/// which takes none: it is how a host function gets at the context it runs in.
pub trait FromArg: Sized {
    /// Takes it.
    ///
    /// # Errors
    /// If the argument is of the wrong kind; the guest gets it as a `TypeError` that names the argument.
    fn from_arg(args: &mut Args<'_>) -> Result<Self, HostError>;
}

impl FromArg for Context {
    fn from_arg(args: &mut Args<'_>) -> Result<Self, HostError> {
        Ok(args.context.clone())
    }
}

impl<T: FromValue> FromArg for T {
    #[inline]
    fn from_arg(args: &mut Args<'_>) -> Result<Self, HostError> {
        let value = args.next_value();
        T::from_value(value).map_err(|e| HostError::new(e.class(), format!("argument {}: {}", args.taken, e.message())))
    }
}

/// All further arguments.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rest<T>(pub Vec<T>);

impl<T: FromValue> FromArg for Rest<T> {
    fn from_arg(args: &mut Args<'_>) -> Result<Self, HostError> {
        let mut all = Vec::with_capacity(args.values.len());
        while args.values.len() > 0 {
            all.push(T::from_arg(args)?);
        }
        Ok(Self(all))
    }
}

/// A parameter or result that goes through serde: any type with `Deserialize` or `Serialize`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Serde<T>(pub T);

/// A Rust type that a guest value can become.
pub trait FromValue: Sized {
    /// Turns it.
    ///
    /// # Errors
    /// If the value is of the wrong kind. Nothing is coerced: a string is not a number.
    fn from_value(value: Value) -> Result<Self, HostError>;
}

/// A Rust type that can become a guest value. A `Result` becomes its value or throws.
pub trait IntoValue {
    /// Turns it.
    ///
    /// # Errors
    /// Reach the guest as a throw.
    fn into_value(self) -> Result<Value, HostError>;
}

fn expected<T>(what: &str, got: &Value) -> Result<T, HostError> {
    Err(HostError::type_error(format!("expected {what}, got {}", got.kind())))
}

macro_rules! variants {
    ($($t:ty: $v:ident, $what:literal;)*) => {$(
        impl FromValue for $t {
            #[inline]
            fn from_value(value: Value) -> Result<Self, HostError> {
                match value { Value::$v(v) => Ok(v), other => expected($what, &other) }
            }
        }
    )*};
}
variants! {
    bool: Bool, "a boolean"; f64: Number, "a number"; String: String, "a string"; Bytes: Bytes, "bytes";
    BigInt: BigInt, "a bigint"; Object: Object, "an object"; Function: Function, "a function";
    Promise: Promise, "a promise";
}

macro_rules! integers {
    ($($t:ty),*) => {$(
        impl FromValue for $t {
            fn from_value(value: Value) -> Result<Self, HostError> {
                let n = match value {
                    Value::Number(n) => n,
                    other => return expected("a number", &other),
                };
                if n.fract() != 0.0 || n.abs() > SAFE as f64 {
                    return Err(HostError::type_error(format!("expected a whole number, got {n}")));
                }
                <$t>::try_from(n as i64).map_err(|_| HostError::range_error(format!(
                    "expected a whole number from {} to {}, got {n}", <$t>::MIN, <$t>::MAX
                )))
            }
        }
        impl IntoValue for $t {
            fn into_value(self) -> Result<Value, HostError> {
                match i64::try_from(self) {
                    Ok(n) if n.unsigned_abs() <= SAFE => Ok(Value::Number(n as f64)),
                    _ => Err(HostError::range_error(format!("{self} does not fit a number exactly"))),
                }
            }
        }
    )*};
}
integers!(i8, u8, i16, u16, i32, u32, i64, u64, isize, usize);

impl FromValue for f32 {
    fn from_value(value: Value) -> Result<Self, HostError> {
        f64::from_value(value).map(|n| n as f32)
    }
}

impl FromValue for Value {
    fn from_value(value: Value) -> Result<Self, HostError> {
        Ok(value)
    }
}

impl FromValue for () {
    fn from_value(value: Value) -> Result<Self, HostError> {
        if value.is_nullish() { Ok(()) } else { expected("undefined", &value) }
    }
}

impl FromValue for SystemTime {
    fn from_value(value: Value) -> Result<Self, HostError> {
        let Value::Date(ms) = value else { return expected("a Date", &value) };
        let offset = Duration::try_from_secs_f64(ms.abs() / 1000.0).ok();
        offset
            .and_then(|d| if ms < 0.0 { UNIX_EPOCH.checked_sub(d) } else { UNIX_EPOCH.checked_add(d) })
            .ok_or_else(|| HostError::range_error("the Date is not valid"))
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Result<Self, HostError> {
        if value.is_nullish() { Ok(None) } else { T::from_value(value).map(Some) }
    }
}

impl<T: FromValue> FromValue for Vec<T> {
    fn from_value(value: Value) -> Result<Self, HostError> {
        match value {
            Value::List(items) | Value::Set(items) => items.into_iter().map(T::from_value).collect(),
            other => expected("an array", &other),
        }
    }
}

macro_rules! maps {
    ($($map:ident),*) => {$(
        impl<T: FromValue> FromValue for $map<String, T> {
            fn from_value(value: Value) -> Result<Self, HostError> {
                match value {
                    Value::Object(o) => o.into_iter().map(|(k, v)| Ok((k, T::from_value(v)?))).collect(),
                    other => expected("an object", &other),
                }
            }
        }
        impl<T: IntoValue> IntoValue for $map<String, T> {
            fn into_value(self) -> Result<Value, HostError> {
                self.into_iter().map(|(k, v)| Ok((k, v.into_value()?))).collect::<Result<Object, _>>().map(Value::Object)
            }
        }
    )*};
}
maps!(HashMap, BTreeMap);

impl<T: DeserializeOwned> FromValue for Serde<T> {
    fn from_value(value: Value) -> Result<Self, HostError> {
        from_value(value).map(Serde).map_err(|e| HostError::type_error(e.to_string()))
    }
}

impl<T: Serialize> IntoValue for Serde<T> {
    fn into_value(self) -> Result<Value, HostError> {
        to_value(&self.0).map_err(|e| HostError::type_error(e.to_string()))
    }
}

macro_rules! into_value {
    ($($t:ty),*) => {$(
        impl IntoValue for $t {
            #[inline]
            fn into_value(self) -> Result<Value, HostError> { Ok(self.into()) }
        }
    )*};
}
into_value!((), bool, f64, f32, String, &str, Bytes, BigInt, Object, Function, Promise, Exception);

impl IntoValue for Value {
    fn into_value(self) -> Result<Value, HostError> {
        Ok(self)
    }
}

impl IntoValue for SystemTime {
    fn into_value(self) -> Result<Value, HostError> {
        Ok(Value::Date(epoch_ms(self)))
    }
}

impl<T: IntoValue> IntoValue for Option<T> {
    fn into_value(self) -> Result<Value, HostError> {
        self.map_or(Ok(Value::Undefined), T::into_value)
    }
}

impl<T: IntoValue> IntoValue for Vec<T> {
    fn into_value(self) -> Result<Value, HostError> {
        self.into_iter().map(T::into_value).collect::<Result<_, _>>().map(Value::List)
    }
}

impl<T: IntoValue, E: Into<HostError>> IntoValue for Result<T, E> {
    fn into_value(self) -> Result<Value, HostError> {
        self.map_err(Into::into)?.into_value()
    }
}

/// A closure that can be a host function: up to eight [`FromArg`] parameters, of which the last may be [`Rest`].
pub trait HostFn<A>: 'static {
    /// What it returns.
    type Output;
    /// How many parameters it has.
    const LENGTH: u8;
    /// Takes its arguments and calls it.
    ///
    /// # Errors
    /// If an argument is of the wrong kind.
    fn invoke(&self, args: &mut Args<'_>) -> Result<Self::Output, HostError>;
}

macro_rules! host_fn {
    ($n:literal: $($a:ident)*) => {
        impl<F, R, $($a: FromArg),*> HostFn<($($a,)*)> for F
        where F: Fn($($a),*) -> R + 'static {
            type Output = R;
            const LENGTH: u8 = $n;
            #[allow(non_snake_case, unused_variables)]
            #[inline]
            fn invoke(&self, args: &mut Args<'_>) -> Result<R, HostError> {
                $(let $a = $a::from_arg(args)?;)*
                Ok(self($($a),*))
            }
        }
    };
}
host_fn!(0:);
host_fn!(1: A1);
host_fn!(2: A1 A2);
host_fn!(3: A1 A2 A3);
host_fn!(4: A1 A2 A3 A4);
host_fn!(5: A1 A2 A3 A4 A5);
host_fn!(6: A1 A2 A3 A4 A5 A6);
host_fn!(7: A1 A2 A3 A4 A5 A6 A7);
host_fn!(8: A1 A2 A3 A4 A5 A6 A7 A8);

impl Context {
    /// The engine's form of a host function: catches panics, and knows its context without keeping it alive.
    pub(crate) fn host_function(
        &self,
        name: &str,
        length: u8,
        body: impl Fn(&mut Args<'_>) -> Result<Value, HostError> + 'static,
    ) -> HostFunction {
        let weak = self.downgrade();
        let host_name = name.to_owned();
        HostFunction::new(name, move |_, values| {
            let Some(inner) = weak.upgrade() else { return Err(HostError::error("the context is gone")) };
            let context = Context(inner);
            context.0.meter.host_call(values);
            // Most hosts do not listen, and a call is short.
            let traced = tracing::enabled!(target: "isolate", tracing::Level::DEBUG);
            let _entered =
                traced.then(|| tracing::trace_span!(target: "isolate", "host_call", function = &*host_name).entered());
            let mut args = Args { context: &context, values: values.iter_mut(), taken: 0 };
            let result = catch_unwind(AssertUnwindSafe(|| body(&mut args)))
                .unwrap_or_else(|panic| Err(context.panicked(&host_name, &*panic)));
            if let Ok(value) = &result
                // What it will be is counted when it settles.
                && !matches!(value, Value::Promise(_))
            {
                context.0.meter.sent(std::slice::from_ref(value));
            }
            if traced {
                trace_outcome(&host_name, &result);
            }
            result
        })
        .length(length)
    }

    /// Tells the host of a panic; the guest gets an error that says no more than that.
    fn panicked(&self, name: &str, panic: &(dyn Any + Send)) -> HostError {
        let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        let text = format!("the host function '{name}' panicked: {}", text.unwrap_or("no message"));
        self.report(UncaughtKind::HostPanic, Exception::new("Error", text));
        HostError::error(format!("the host function '{name}' failed"))
    }

    /// A host function from a closure, for [`Context::install`].
    pub fn function<A: 'static, F: HostFn<A>>(&self, name: &str, f: F) -> HostFunction
    where
        F::Output: IntoValue,
    {
        self.host_function(name, F::LENGTH, move |args| f.invoke(args)?.into_value())
    }

    /// A promise-returning host function from a closure that returns a future, for [`Context::install`].
    pub fn async_function<A: 'static, F: HostFn<A>>(&self, name: &str, f: F) -> HostFunction
    where
        F::Output: Future + 'static,
        <F::Output as Future>::Output: IntoValue,
    {
        self.future_function(name, false, f)
    }

    /// Like [`async_function`](Self::async_function), but its future is not work that the event loop waits for: a
    /// context in which nothing else is left is idle. For futures that may never be ready, such as that of a
    /// cancellation token.
    pub fn background_function<A: 'static, F: HostFn<A>>(&self, name: &str, f: F) -> HostFunction
    where
        F::Output: Future + 'static,
        <F::Output as Future>::Output: IntoValue,
    {
        self.future_function(name, true, f)
    }

    fn future_function<A: 'static, F: HostFn<A>>(&self, name: &str, background: bool, f: F) -> HostFunction
    where
        F::Output: Future + 'static,
        <F::Output as Future>::Output: IntoValue,
    {
        let host_name: Rc<str> = name.into();
        self.host_function(name, F::LENGTH, move |args| {
            let future = f.invoke(args)?;
            args.context.start_future(&host_name, background, future.map(IntoValue::into_value))
        })
        .promise()
    }

    /// Polls a future once; one that is ready costs no promise of its own, one that is not joins the event loop.
    pub(crate) fn start_future(
        &self,
        name: &Rc<str>,
        background: bool,
        future: impl Future<Output = Result<Value, HostError>> + 'static,
    ) -> Result<Value, HostError> {
        let mut future = AssertUnwindSafe(future).catch_unwind().boxed_local();
        let first = {
            let _entered = match tokio::runtime::Handle::try_current() {
                Ok(_) => None,
                Err(_) => Some(self.tokio()),
            };
            let _entered = _entered.as_ref().map(tokio::runtime::Handle::enter);
            future.as_mut().poll(&mut task::Context::from_waker(Waker::noop()))
        };
        match first {
            Poll::Ready(Ok(result)) => return result,
            Poll::Ready(Err(panic)) => return Err(self.panicked(name, &*panic)),
            Poll::Pending => {}
        }
        if self.pending_calls() >= self.limits().pending_calls {
            return Err(HostError::dom(
                DomExceptionName::QuotaExceededError,
                format!("there are {} host calls in flight already", self.pending_calls()),
            ));
        }
        // What a future holds cannot be known; this is what the loop itself needs for it.
        let charge = self.charge(256)?;
        let promise = self.engine().new_promise()?;
        let (weak, name) = (self.downgrade(), name.clone());
        self.spawn(
            promise.clone(),
            background,
            future.map(move |outcome| {
                drop(charge);
                let _entered = tracing::trace_span!(target: "isolate", "host_call", function = &*name).entered();
                match &outcome {
                    Ok(Ok(_)) => tracing::trace!(target: "isolate", "fulfilled"),
                    Ok(Err(error)) => trace_error(&name, error, "rejected"),
                    // Told by whoever reports the panic.
                    Err(_) => {}
                }
                outcome.unwrap_or_else(|panic| {
                    Err(match weak.upgrade() {
                        Some(inner) => Context(inner).panicked(&name, &*panic),
                        None => HostError::error("the context is gone"),
                    })
                })
            }),
        );
        Ok(Value::Promise(promise))
    }

    /// A function that blocks the guest until a future is ready, for [`Context::install`].
    pub fn blocking_function<A: 'static, F: HostFn<A>>(&self, name: &str, f: F) -> HostFunction
    where
        F::Output: Future + Send + 'static,
        <F::Output as Future>::Output: IntoValue + Send + 'static,
    {
        self.host_function(name, F::LENGTH, move |args| {
            let mut tokio = args.context.tokio();
            if tokio.runtime_flavor() == tokio::runtime::RuntimeFlavor::CurrentThread {
                // It may be this thread's, which waits here and would never come to it.
                tokio = Context::shared_tokio();
            }
            let future = {
                let _entered = tokio.enter();
                f.invoke(args)?
            };
            let task = tokio.spawn(future);
            let stop = args.context.interrupter();
            let abort = task.abort_handle();
            // This waits within one poll of the event loop, in which Tokio lets a task be ready only so many times.
            let mut task = pin!(tokio::task::unconstrained(task.map_err(|e| e.try_into_panic())));
            let outcome = block_on(&stop, |cx| task.as_mut().poll(cx));
            match outcome {
                Some(Ok(value)) => value.into_value(),
                Some(Err(Ok(panic))) => std::panic::resume_unwind(panic),
                Some(Err(Err(_))) => Err(HostError::error("the host call was cancelled")),
                None => {
                    abort.abort();
                    Err(HostError::error("the context was stopped"))
                }
            }
        })
    }

    fn define(&self, path: &str, function: HostFunction) -> Result<(), Error> {
        let function = self.run(|engine| engine.new_function(function))?;
        self.define_global(path, function)
    }

    /// Defines a global: writable, configurable, not enumerable. With a dotted path it becomes a member of a host
    /// object (`tools.math.add`), and the objects on the way are made where there are none.
    ///
    /// # Errors
    /// If the context is stopped, or the value cannot cross.
    pub fn define_global(&self, path: &str, value: impl IntoValue) -> Result<(), Error> {
        let value = value.into_value().map_err(Error::from)?;
        let path = Value::List(path.split('.').map(Value::from).collect());
        let define = self.glue()?.define_global.clone();
        self.run(|engine| engine.call(&define, vec![path, value]))?;
        Ok(())
    }

    /// Defines a global function that calls a closure of the host.
    ///
    /// Arguments and results are converted by the closure's types (see [`FromArg`], [`IntoValue`]); an argument of
    /// the wrong kind is a `TypeError`, an `Err` throws, and a panic becomes an `Error` and is reported to the host.
    ///
    /// ```
    /// # use isolate_core::{Context, HostError};
    /// # fn show(ctx: &Context) -> Result<(), isolate_core::Error> {
    /// ctx.define_function("add", |a: f64, b: f64| a + b)?;
    /// ctx.define_function("tools.half", |n: u32| {
    ///     if n % 2 == 0 { Ok(n / 2) } else { Err(HostError::range_error("an even number is needed")) }
    /// })?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// If the context is stopped.
    pub fn define_function<A: 'static, F: HostFn<A>>(&self, path: &str, f: F) -> Result<(), Error>
    where
        F::Output: IntoValue,
    {
        self.define(path, self.function(last(path), f))
    }

    /// Defines a global function that returns a promise of what a future of the host gives. Any number may be in
    /// flight, up to [`Limits::pending_calls`](isolate_engine::Limits::pending_calls).
    ///
    /// The future runs on the context's own thread, so it need not be `Send`; work that takes the processor for long
    /// belongs on `tokio::task::spawn_blocking`. It is dropped when the context is stopped or ends.
    ///
    /// ```
    /// # use isolate_core::Context;
    /// # fn show(ctx: &Context) -> Result<(), isolate_core::Error> {
    /// ctx.define_async_function("sleep", |ms: u32| async move {
    ///     tokio::time::sleep(std::time::Duration::from_millis(ms.into())).await;
    /// })?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// If the context is stopped.
    pub fn define_async_function<A: 'static, F: HostFn<A>>(&self, path: &str, f: F) -> Result<(), Error>
    where
        F::Output: Future + 'static,
        <F::Output as Future>::Output: IntoValue,
    {
        self.define(path, self.async_function(last(path), f))
    }

    /// Defines a global function that blocks the guest until a future of the host is ready, and returns its value
    /// directly. The future runs on Tokio; the context's thread waits. A deadline or a cancellation ends the wait. (Where the
    /// context's Tokio has no threads of its own, the future runs on [`shared_tokio`](Context::shared_tokio).)
    ///
    /// # Errors
    /// If the context is stopped.
    pub fn define_blocking_function<A: 'static, F: HostFn<A>>(&self, path: &str, f: F) -> Result<(), Error>
    where
        F::Output: Future + Send + 'static,
        <F::Output as Future>::Output: IntoValue + Send + 'static,
    {
        self.define(path, self.blocking_function(last(path), f))
    }

    /// Defines a global function that returns an async iterator over a stream of the host. The stream is polled only
    /// when the guest asks for an item, and dropped when it ends or the guest leaves its loop.
    ///
    /// # Errors
    /// If the context is stopped.
    pub fn define_stream_function<A: 'static, F, S, T>(&self, path: &str, f: F) -> Result<(), Error>
    where
        F: HostFn<A, Output = S>,
        S: Stream<Item = T> + 'static,
        T: IntoValue + 'static,
    {
        let name: Rc<str> = last(path).into();
        let open = self.host_function(&name.clone(), F::LENGTH, move |args| {
            let stream: LocalBoxStream<'static, T> = f.invoke(args)?.boxed_local();
            let stream = Rc::new(std::cell::RefCell::new(Some(stream)));
            let (taken, name) = (stream.clone(), name.clone());
            let next = args.context.host_function("next", 0, move |args| {
                // Taken out while it is polled: a second `next` before the first has settled waits its turn in the
                // guest's async function, and one after the end finds nothing.
                let stream = taken.clone();
                args.context.start_future(&name, false, async move {
                    let Some(mut open) = stream.borrow_mut().take() else { return Ok(Value::Undefined) };
                    let Some(item) = open.next().await else { return Ok(Value::Undefined) };
                    let item = item.into_value()?;
                    *stream.borrow_mut() = Some(open);
                    Ok(Value::Object([("value", item)].into_iter().collect()))
                })
            });
            let close = args.context.host_function("close", 0, move |_| {
                drop(stream.borrow_mut().take());
                Ok(Value::Undefined)
            });
            let engine = args.context.engine();
            let pair = [("next", engine.new_function(next.promise())?), ("close", engine.new_function(close)?)];
            Ok(Value::Object(pair.into_iter().collect()))
        });
        let open = self.run(|engine| engine.new_function(open))?;
        let define = self.define_stream_glue()?;
        let path = Value::List(path.split('.').map(Value::from).collect());
        self.run(|engine| engine.call(&define, vec![path, open.into()]))?;
        Ok(())
    }
}

/// Tells how a host call ended.
#[cold]
fn trace_outcome(function: &str, result: &Result<Value, HostError>) {
    match result {
        Ok(Value::Promise(_)) => tracing::trace!(target: "isolate", "pending"),
        Ok(_) => tracing::trace!(target: "isolate", "returned"),
        Err(error) => trace_error(function, error, "threw"),
    }
}

/// Tells of the error of a host call. One of a limit is worth more than a trace: the host may want to raise it.
fn trace_error(function: &str, error: &HostError, outcome: &'static str) {
    if error.class() == ErrorClass::Dom(DomExceptionName::QuotaExceededError) {
        tracing::debug!(target: "isolate", function, %error, outcome, "a limit of the guest was reached");
    } else {
        tracing::trace!(target: "isolate", %error, outcome);
    }
}

fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

/// Waits for a future on this thread, until it is ready or the context is stopped.
fn block_on<T>(
    stop: &isolate_engine::Interrupter,
    mut poll: impl FnMut(&mut task::Context<'_>) -> Poll<T>,
) -> Option<T> {
    struct Unpark(std::thread::Thread);
    impl task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    /// How often the clocks are read while nothing happens.
    const LOOK: Duration = Duration::from_millis(5);
    let waker = Waker::from(std::sync::Arc::new(Unpark(std::thread::current())));
    let mut cx = task::Context::from_waker(&waker);
    let mut rest = None;
    loop {
        if let Poll::Ready(value) = poll(&mut cx) {
            return Some(value);
        }
        // Others may run while this one waits.
        rest.get_or_insert_with(|| stop.rest());
        if stop.poll_stopped(&mut cx).is_ready() || stop.poll().is_some() {
            return None;
        }
        std::thread::park_timeout(LOOK);
    }
}

impl From<Error> for Failure {
    fn from(e: Error) -> Self {
        match (e.exception(), e.terminated()) {
            (Some(e), _) => e.clone().into(),
            (_, Some(t)) => t.into(),
            _ => isolate_engine::EngineError::new(e.to_string()).into(),
        }
    }
}
