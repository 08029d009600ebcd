//! [Web Crypto](https://w3c.github.io/webcrypto/) for guests: `crypto.getRandomValues`, `crypto.randomUUID` and all of
//! `crypto.subtle`.
//!
//! | | |
//! | --- | --- |
//! | digest | SHA-1, SHA-256, SHA-384, SHA-512 |
//! | sign, verify | HMAC, RSASSA-PKCS1-v1_5, RSA-PSS, ECDSA (P-256, P-384, P-521), Ed25519, Ed448 |
//! | encrypt, decrypt | AES-CBC, AES-CTR, AES-GCM, RSA-OAEP |
//! | wrapKey, unwrapKey | the same, and AES-KW |
//! | deriveBits, deriveKey | ECDH (P-256, P-384, P-521), X25519, X448, HKDF, PBKDF2 |
//! | importKey, exportKey | raw, pkcs8, spki, jwk |
//!
//! The work is done by OpenSSL 3, which the feature `vendored` (on by default) builds from source.
//!
//! Keys stay on the host. A guest's `CryptoKey` is a number to it; the material gets into the guest's memory only by
//! `exportKey`, counts against its memory limit, and is overwritten when it is freed: once the object is collected, on
//! [`CryptoHandle::dispose`], and at the latest with the context.
//!
//! What takes long (making RSA keys, many rounds of PBKDF2, large inputs) runs on other threads: at most
//! [`Limits::jobs`](isolate_core::Limits::jobs) pieces at once, within the guest's processor time, and no longer than
//! its context lives.
//!
//! ```
//! # use isolate_core::{Context, Error, EvalOptions};
//! use isolate_crypto::{CryptoOptions, RandomSource, setup_crypto};
//!
//! # async fn show(ctx: &Context) -> Result<(), Error> {
//! let crypto = setup_crypto(ctx, CryptoOptions::new().random(RandomSource::seeded([7; 32])))?;
//! let code = "crypto.subtle.generateKey({ name: 'Ed25519' }, false, ['sign', 'verify']).then(() => crypto.randomUUID())";
//! let id = ctx.eval(code, EvalOptions::new()).await?;
//! // With a seed the same for each run.
//! println!("{id:?}, and {} keys", crypto.keys());
//! # Ok(()) }
//! ```

#![forbid(unsafe_code)]

mod algorithm;
mod curves;
mod format;
mod jwk;
mod kdf;
mod key;
mod random;
mod rsa;
mod subtle;
mod symmetric;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use bytes::Bytes;
use isolate_core::{Context, DomExceptionName, Error, Glue, HostError, HostFunction, Value};

use key::Keys;
pub use random::RandomSource;
use slab::Slab;

static CRYPTO: Glue = Glue::new("isolate:crypto", include_str!("glue/crypto.js"));
static SUBTLE: Glue = Glue::new("isolate:subtle", include_str!("glue/subtle.js"));
static LOADED: Glue = Glue::new("isolate:crypto-loaded", "(function (host, p) { p.loaded = p.crypto.globals; })");

/// How Web Crypto is set up.
///
/// | option | default |
/// | --- | --- |
/// | random source | OpenSSL's generator, or what follows from the context's [seed](isolate_core::ContextOptions::seed) |
/// | largest RSA key to generate | 8,192 bits |
/// | rounds of PBKDF2 | 10,000,000 |
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CryptoOptions {
    random: Option<RandomSource>,
    rsa_bits: u32,
    pbkdf2_rounds: u64,
}

impl Default for CryptoOptions {
    fn default() -> Self {
        Self { random: None, rsa_bits: 8192, pbkdf2_rounds: 10_000_000 }
    }
}

impl CryptoOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets where random bytes come from.
    #[must_use]
    pub fn random(mut self, source: RandomSource) -> Self {
        self.random = Some(source);
        self
    }

    /// Sets the most bits that an RSA key may have which the guest generates. Default: 8,192, which takes some seconds.
    /// More is an `OperationError`. Keys up to 16,384 bits can be imported all the same.
    #[must_use]
    pub fn rsa_bits(mut self, bits: u32) -> Self {
        self.rsa_bits = bits;
        self
    }

    /// Sets how many rounds of its hash one PBKDF2 may take: the iterations, times the number of hashes that make up the
    /// result. Default: 10,000,000, some seconds. More is an `OperationError`.
    #[must_use]
    pub fn pbkdf2_rounds(mut self, rounds: u64) -> Self {
        self.pbkdf2_rounds = rounds;
        self
    }
}

#[derive(Default)]
struct State {
    random: RefCell<RandomSource>,
    rsa_bits: Cell<u32>,
    pbkdf2_rounds: Cell<u64>,
    keys: Rc<Keys>,
    /// Of large data that is hashed by the piece.
    hashers: RefCell<Slab<openssl::hash::Hasher>>,
    ready: Cell<bool>,
    loaded: Cell<bool>,
    subtle: Cell<bool>,
    disposed: Cell<bool>,
}

/// What [`setup_crypto`] gives back. Dropping it changes nothing; the API goes with its context.
#[derive(Clone)]
pub struct CryptoHandle {
    state: Rc<State>,
}

impl fmt::Debug for CryptoHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CryptoHandle").field("keys", &self.keys()).finish_non_exhaustive()
    }
}

/// Sets up `crypto` on the guest's global object, with the interfaces `Crypto`, `SubtleCrypto` and `CryptoKey`. A second
/// time it only replaces the options.
///
/// # Errors
/// If the context is stopped.
pub fn setup_crypto(context: &Context, options: CryptoOptions) -> Result<CryptoHandle, Error> {
    let state: Rc<State> = context.state();
    let by_seed = || context.seed().map_or_else(RandomSource::system, RandomSource::seeded_from_u64);
    *state.random.borrow_mut() = options.random.unwrap_or_else(by_seed);
    state.rsa_bits.set(options.rsa_bits);
    state.pbkdf2_rounds.set(options.pbkdf2_rounds);
    if !state.ready.replace(true) {
        for (names, enumerable) in [(&["crypto"][..], true), (&["Crypto"][..], false)] {
            let weak = Rc::downgrade(&state);
            context.define_lazy_globals(names, enumerable, move |context| match weak.upgrade() {
                Some(state) => load(context, &state),
                None => Ok(()),
            })?;
        }
        let weak = Rc::downgrade(&state);
        context.define_lazy_globals(&["CryptoKey", "SubtleCrypto"], false, move |context| match weak.upgrade() {
            Some(state) => load_subtle(context, &state),
            None => Ok(()),
        })?;
    }
    Ok(CryptoHandle { state })
}

/// Runs when the guest first touches `crypto`.
fn load(context: &Context, state: &Rc<State>) -> Result<(), Error> {
    if !state.loaded.replace(true) {
        context.install(&CRYPTO, functions(context, state))?;
    }
    context.install(&LOADED, vec![])?;
    Ok(())
}

/// Runs when the guest first touches `crypto.subtle`.
fn load_subtle(context: &Context, state: &Rc<State>) -> Result<(), Error> {
    load(context, state)?;
    if !state.subtle.replace(true) {
        context.install(&SUBTLE, subtle::functions(context, state))?;
    }
    context.install(&LOADED, vec![])?;
    Ok(())
}

fn functions(context: &Context, state: &Rc<State>) -> Vec<HostFunction> {
    let s = state.clone();
    let random = context.function("__Crypto_random", move |n: usize| {
        s.check()?;
        let mut bytes = vec![0; n.min(1 << 16)];
        s.random.borrow().fill(&mut bytes)?;
        Ok::<_, HostError>(Bytes::from(bytes))
    });
    let s = state.clone();
    let uuids = context.function("__Crypto_uuids", move |n: usize| {
        s.check()?;
        let mut bytes = vec![0; 16 * n.min(256)];
        s.random.borrow().fill(&mut bytes)?;
        Ok::<_, HostError>(Value::List(bytes.chunks(16).map(|bytes| uuid(bytes).into()).collect()))
    });
    let s = state.clone();
    let subtle =
        context.function("__Crypto_subtle", move |context: Context| load_subtle(&context, &s).map_err(HostError::from));
    vec![random, uuids, subtle]
}

/// A [version 4 UUID](https://www.rfc-editor.org/rfc/rfc9562#section-5.4) of 16 random bytes.
fn uuid(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |d: u8| char::from(DIGITS[usize::from(d & 15)]);
    let mut text = String::with_capacity(36);
    for (i, byte) in bytes.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        let byte = match i {
            6 => byte & 0x0f | 0x40,
            8 => byte & 0x3f | 0x80,
            _ => *byte,
        };
        text.push(digit(byte >> 4));
        text.push(digit(byte));
    }
    text
}

impl State {
    fn check(&self) -> Result<(), HostError> {
        match self.disposed.get() {
            true => Err(error(DomExceptionName::InvalidStateError, "crypto was disposed of")),
            false => Ok(()),
        }
    }
}

impl CryptoHandle {
    /// How many keys the guest holds. One that it let go of is gone once its object is collected.
    pub fn keys(&self) -> usize {
        self.state.keys.len()
    }

    /// Overwrites all keys and frees them. From now on all of `crypto` throws, or rejects with, an `InvalidStateError`.
    pub fn dispose(&self) {
        self.state.disposed.set(true);
        self.state.keys.clear();
    }
}

fn error(name: DomExceptionName, message: impl Into<String>) -> HostError {
    HostError::dom(name, message)
}

fn data_error(message: impl Into<String>) -> HostError {
    error(DomExceptionName::DataError, message)
}

/// What OpenSSL refused. Its words stay on the host: in a decryption they could tell why it failed.
fn operation_error(e: openssl::error::ErrorStack) -> HostError {
    error(DomExceptionName::OperationError, "The operation failed.").with_source(e)
}
