//! Abort signals, and how they become cancellation tokens of the host and the other way round.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::{Either, select};
use isolate_engine::{Function, Glue, HostError, HostFunction, Platform, Value};
use tokio_util::sync::CancellationToken;

use super::{Module, PlatformKind};
use crate::{Context, FromValue, IntoValue};

pub(super) static ABORT: Module = Module {
    name: "abort",
    glue: Glue::new("isolate:abort", include_str!("../glue/abort.js")),
    functions,
    globals: &["AbortController", "AbortSignal"],
    attributes: &[],
    objects: &[PlatformKind { interface: INTERFACE, to_host, to_guest }],
};

const INTERFACE: &str = "AbortSignal";

/// An `AbortSignal` as the host sees it: a cancellation token.
///
/// As a parameter of a host function it is the guest's signal, and its token is cancelled when that aborts. Given to a
/// guest it becomes a new signal, which aborts with an `AbortError` when the token is cancelled. What the guest aborts
/// a signal with does not cross.
///
/// A signal that the guest got from the host does not keep the event loop going; see
/// [`Context::background_function`].
///
/// ```
/// # use isolate_core::{AbortSignal, Context};
/// # fn show(ctx: &Context) -> Result<(), isolate_core::Error> {
/// ctx.define_async_function("work", |signal: AbortSignal| async move {
///     signal.token().cancelled().await;
///     "aborted"
/// })?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct AbortSignal {
    token: CancellationToken,
}

impl AbortSignal {
    /// A signal that aborts when the token is cancelled.
    pub fn new(token: CancellationToken) -> Self {
        Self { token }
    }

    /// The token that is cancelled when the signal aborts. Cancelling it does not abort a signal of the guest's own.
    pub fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// Whether it has aborted.
    pub fn aborted(&self) -> bool {
        self.token.is_cancelled()
    }
}

impl From<CancellationToken> for AbortSignal {
    fn from(token: CancellationToken) -> Self {
        Self { token }
    }
}

impl FromValue for AbortSignal {
    fn from_value(value: Value) -> Result<Self, HostError> {
        match &value {
            Value::Platform(object) => object.get::<Self>().cloned(),
            _ => None,
        }
        .ok_or_else(|| HostError::type_error(format!("expected an AbortSignal, got {}", value.kind())))
    }
}

impl IntoValue for AbortSignal {
    fn into_value(self) -> Result<Value, HostError> {
        Ok(Value::Platform(Platform::new(INTERFACE, self)))
    }
}

/// The tokens of one context that its glue knows by number: those of signals that the guest sent, which glue cancels,
/// and those that the guest got, which glue waits for.
#[derive(Default)]
struct Tokens {
    next: Cell<u32>,
    known: RefCell<HashMap<u32, Known>>,
    on_timeout: OnceCell<Function>,
}

struct Known {
    token: CancellationToken,
    /// Cancelled when the guest no longer waits.
    released: CancellationToken,
}

impl Tokens {
    fn add(&self, token: CancellationToken) -> u32 {
        let mut known = self.known.borrow_mut();
        let mut id = self.next.get().max(1);
        while known.contains_key(&id) {
            id = id.wrapping_add(1).max(1);
        }
        self.next.set(id.wrapping_add(1));
        known.insert(id, Known { token, released: CancellationToken::new() });
        id
    }
}

/// `data` is the number of the signal's token, or 0 if it has aborted.
fn to_host(context: &Context, data: Value) -> Result<Platform, HostError> {
    let id = u32::from_value(data)?;
    let token = match context.state::<Tokens>().known.borrow().get(&id) {
        Some(known) => known.token.clone(),
        None => {
            let token = CancellationToken::new();
            token.cancel();
            token
        }
    };
    Ok(Platform::new(INTERFACE, AbortSignal { token }))
}

fn to_guest(context: &Context, object: &Platform) -> Result<Value, HostError> {
    let signal = object.get::<AbortSignal>().ok_or_else(|| HostError::type_error("this is no AbortSignal"))?;
    if signal.aborted() {
        return Ok(Value::from(0));
    }
    Ok(context.state::<Tokens>().add(signal.token.clone()).into())
}

fn functions(context: &Context) -> Vec<HostFunction> {
    let on_timeout = context.function("__abort_onTimeout", |context: Context, f: Function| {
        let _ = context.state::<Tokens>().on_timeout.set(f);
    });
    let start = context.function("__abort_startTimeout", |context: Context, ms: f64| {
        let tokens: Rc<Tokens> = context.state();
        context.add_background_timer(
            Duration::from_millis(ms as u64),
            Rc::new(move |context, id| match tokens.on_timeout.get() {
                Some(f) => context.call(f, vec![id.into()]).map(|_| ()).map_err(Into::into),
                None => Ok(()),
            }),
        )
    });
    let stop = context.function("__abort_stopTimeout", |context: Context, id: u32| {
        context.remove_timer(id);
    });
    let new = context
        .function("__abort_newToken", |context: Context| context.state::<Tokens>().add(CancellationToken::new()));
    let cancel = context.function("__abort_cancel", |context: Context, id: u32| {
        // What cancelling wakes may come back here.
        let known = context.state::<Tokens>().known.borrow_mut().remove(&id);
        if let Some(known) = known {
            known.token.cancel();
        }
    });
    let release = context.function("__abort_release", |context: Context, id: u32| {
        let known = context.state::<Tokens>().known.borrow_mut().remove(&id);
        if let Some(known) = known {
            known.released.cancel();
        }
    });
    let when = context.background_function("__abort_whenCancelled", |context: Context, id: u32| {
        let tokens: Rc<Tokens> = context.state();
        let pair = tokens.known.borrow().get(&id).map(|known| (known.token.clone(), known.released.clone()));
        async move {
            let Some((token, released)) = pair else { return false };
            match select(pin!(token.cancelled()), pin!(released.cancelled())).await {
                Either::Left(_) => {
                    tokens.known.borrow_mut().remove(&id);
                    true
                }
                Either::Right(_) => false,
            }
        }
    });
    vec![on_timeout, start, stop, new, cancel, release, when]
}
