//! `atob` and `btoa`, as the [HTML Standard](https://html.spec.whatwg.org/multipage/webappapis.html#atob) defines them.
//!
//! They replace the engine's own, if it has some, so that every engine behaves alike: what cannot be encoded or decoded
//! is an `InvalidCharacterError`.
//!
//! ```
//! # use isolate_core::{Context, Error, Value};
//! use isolate_encoding::{EncodingOptions, setup_encoding};
//!
//! # fn show(ctx: &Context) -> Result<(), Error> {
//! setup_encoding(ctx, EncodingOptions::new())?;
//! assert_eq!(ctx.evaluate("btoa('isolate') + ' ' + atob('anM=')", "guest.js")?, Value::from("aXNvbGF0ZQ== js"));
//! # Ok(()) }
//! ```

#![forbid(unsafe_code)]

mod base64;

use std::cell::Cell;
use std::rc::Rc;

use isolate_core::{Context, DomExceptionName, Error, Glue, HostError};

static GLUE: Glue = Glue::new("isolate:base64", include_str!("encoding.js"));

/// How the functions are set up. There is nothing to choose yet.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct EncodingOptions {}

impl EncodingOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }
}

#[derive(Default)]
struct State {
    ready: Cell<bool>,
    disposed: Cell<bool>,
}

/// What [`setup_encoding`] gives back. Dropping it changes nothing; the functions go with their context.
#[derive(Clone)]
pub struct EncodingHandle {
    state: Rc<State>,
}

impl std::fmt::Debug for EncodingHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EncodingHandle").field("disposed", &self.state.disposed.get()).finish()
    }
}

/// Sets up `atob` and `btoa` on the guest's global object. A second time it changes nothing and gives the same handle.
///
/// # Errors
/// If the context is stopped.
pub fn setup_encoding(context: &Context, _options: EncodingOptions) -> Result<EncodingHandle, Error> {
    let state: Rc<State> = context.state();
    if !state.ready.replace(true) {
        let state = Rc::downgrade(&state);
        context.define_lazy_globals(&["atob", "btoa"], true, move |context| match state.upgrade() {
            Some(state) => install(context, &state),
            None => Ok(()),
        })?;
    }
    Ok(EncodingHandle { state })
}

fn install(context: &Context, state: &Rc<State>) -> Result<(), Error> {
    let s = state.clone();
    let btoa = context.function("__encoding_btoa", move |data: String| {
        s.check()?;
        base64::encode(&data).ok_or_else(|| {
            HostError::dom(
                DomExceptionName::InvalidCharacterError,
                "The string contains a character that is not a byte.",
            )
        })
    });
    let s = state.clone();
    let atob = context.function("__encoding_atob", move |data: String| {
        s.check()?;
        base64::decode(&data).ok_or_else(|| {
            HostError::dom(DomExceptionName::InvalidCharacterError, "The string is not correctly encoded.")
        })
    });
    context.install(&GLUE, vec![btoa, atob])?;
    Ok(())
}

impl State {
    fn check(&self) -> Result<(), HostError> {
        match self.disposed.get() {
            true => Err(HostError::dom(DomExceptionName::InvalidStateError, "atob and btoa were disposed of")),
            false => Ok(()),
        }
    }
}

impl EncodingHandle {
    /// From now on both functions throw an `InvalidStateError`.
    pub fn dispose(&self) {
        self.state.disposed.set(true);
    }
}
