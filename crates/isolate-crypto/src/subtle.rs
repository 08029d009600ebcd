//! The host's side of `crypto.subtle`: <https://w3c.github.io/webcrypto/#subtlecrypto-interface>.
//!
//! Glue normalizes algorithms and converts arguments; what concerns keys is checked here. What takes long runs off the
//! guest's thread.

use std::future::{Future, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use isolate_core::{Context, DomExceptionName, HostError, HostFunction, Object, Value, Work};
use openssl::pkey::Private;
use zeroize::Zeroizing;

use crate::algorithm::{AesMode, EcScheme, Hash, Kdf, KeyAlgorithm, Okp, Params, RsaScheme, Usage, Usages};
use crate::format::{self, Exported, KeyData};
use crate::jwk::Jwk;
use crate::key::{Key, Keys, Material};
use crate::symmetric::{self, AesParams, Direction};
use crate::{State, curves, data_error, error, kdf, operation_error, rsa};

type Answer = Pin<Box<dyn Future<Output = Result<Value, HostError>>>>;

/// Data of at least this many bytes is worked on off the guest's thread: it takes some tenths of a millisecond.
const LARGE: usize = 256 << 10;
/// Rounds of a hash that take about as long.
const MANY_ROUNDS: u64 = 1000;
/// A private operation with a larger RSA key takes longer.
const LARGE_RSA: u32 = 3072;

/// How an operation is done.
struct Effort {
    /// Off the guest's thread.
    offload: bool,
    /// What it holds meanwhile, in bytes.
    holds: usize,
}

impl Effort {
    fn for_bytes(holds: usize) -> Self {
        Self { offload: holds >= LARGE, holds: 2 * holds }
    }
}

fn answer(result: Result<Value, HostError>) -> Answer {
    Box::pin(ready(result))
}

/// Does an operation, here or elsewhere.
fn perform<T: Send + 'static>(
    context: &Context,
    effort: &Effort,
    work: impl FnOnce(Option<&Work>) -> Result<T, HostError> + Send + 'static,
    then: impl FnOnce(T) -> Result<Value, HostError> + 'static,
) -> Answer {
    if !effort.offload {
        return answer(work(None).and_then(then));
    }
    let charge = match context.charge(effort.holds) {
        Ok(charge) => charge,
        Err(e) => return answer(Err(e.into())),
    };
    let done = context.offload(move |w| work(Some(w)));
    Box::pin(async move {
        let result = done.await;
        drop(charge);
        result.and_then(then)
    })
}

/// Turns an early error into an answer.
fn attempt(f: impl FnOnce() -> Result<Answer, HostError>) -> Answer {
    f().unwrap_or_else(|e| answer(Err(e)))
}

fn not_supported<T>(name: &str, operation: &str) -> Result<T, HostError> {
    Err(error(DomExceptionName::NotSupportedError, format!("'{name}' does not support {operation}.")))
}

fn bytes(b: Bytes) -> Result<Value, HostError> {
    Ok(Value::Bytes(b))
}

fn given(data: Option<Bytes>) -> Bytes {
    data.unwrap_or_default()
}

pub(crate) fn functions(context: &Context, state: &Rc<State>) -> Vec<HostFunction> {
    /// A host function that knows the state.
    macro_rules! function {
        ($name:literal, |$state:ident, $($arg:ident: $type:ty),*| $body:expr) => {{
            let state = state.clone();
            context.async_function($name, move |$($arg: $type),*| {
                let $state = &state;
                attempt(|| {
                    $state.check()?;
                    $body
                })
            })
        }};
    }
    vec![
        function!("__SubtleCrypto_digest", |s, ctx: Context, hash: String, data: Option<Bytes>| {
            let hash = Hash::from_name(&hash).ok_or_else(|| HostError::type_error("hash: not one"))?;
            let data = given(data);
            // What is large comes by the piece, below.
            let effort = Effort::for_bytes(data.len());
            Ok(perform(&ctx, &effort, move |_| symmetric::digest(hash, &data), bytes))
        }),
        context.function("__SubtleCrypto_digestBegin", {
            let state = state.clone();
            move |hash: String| {
                state.check()?;
                let hash = Hash::from_name(&hash).ok_or_else(|| HostError::type_error("hash: not one"))?;
                let hasher = openssl::hash::Hasher::new(hash.digest()).map_err(operation_error)?;
                Ok::<_, HostError>(state.hashers.borrow_mut().insert(hasher))
            }
        }),
        context.function("__SubtleCrypto_digestUpdate", {
            let state = state.clone();
            move |id: usize, data: Bytes| {
                let mut hashers = state.hashers.borrow_mut();
                let hasher = hashers.get_mut(id).ok_or_else(gone)?;
                hasher.update(&data).map_err(operation_error)
            }
        }),
        function!("__SubtleCrypto_digestEnd", |s, id: usize| {
            let hasher = s.hashers.borrow_mut().try_remove(id);
            let digest = hasher.ok_or_else(gone)?.finish().map_err(operation_error)?;
            Ok(answer(Ok(Value::Bytes(Bytes::copy_from_slice(&digest)))))
        }),
        function!("__SubtleCrypto_sign", |s, ctx: Context, params: Object, key: u64, data: Option<Bytes>| {
            sign(s, &ctx, Params(params), s.keys.get(key)?, given(data))
        }),
        function!("__SubtleCrypto_verify", |s,
                                            ctx: Context,
                                            params: Object,
                                            key: u64,
                                            signature: Option<Bytes>,
                                            data: Option<Bytes>| {
            verify(&ctx, Params(params), s.keys.get(key)?, given(signature), given(data))
        }),
        function!("__SubtleCrypto_encrypt", |s, ctx: Context, params: Object, key: u64, data: Option<Bytes>| {
            let (params, key) = (Params(params), s.keys.get(key)?);
            key.allow(params.name(), Usage::Encrypt)?;
            crypt(s, &ctx, Direction::Encrypt, &params, key, given(data), bytes)
        }),
        function!("__SubtleCrypto_decrypt", |s, ctx: Context, params: Object, key: u64, data: Option<Bytes>| {
            let (params, key) = (Params(params), s.keys.get(key)?);
            key.allow(params.name(), Usage::Decrypt)?;
            crypt(s, &ctx, Direction::Decrypt, &params, key, given(data), bytes)
        }),
        function!("__SubtleCrypto_generateKey", |s, ctx: Context, params: Object, extractable: bool, usages: u8| {
            generate(s, &ctx, &Params(params), extractable, Usages::from_bits(usages))
        }),
        function!("__SubtleCrypto_importKey", |s,
                                               ctx: Context,
                                               format: String,
                                               params: Object,
                                               data: Value,
                                               extractable: bool,
                                               usages: u8| {
            let data = key_data(&format, data)?;
            let key = format::import(&Params(params), data, extractable, Usages::from_bits(usages))?;
            Ok(answer(s.keys.insert(&ctx, key).map(Value::Object)))
        }),
        function!("__SubtleCrypto_exportKey", |s, format: String, key: u64| {
            Ok(answer(match format::export(&format, &*s.keys.get(key)?)? {
                Exported::Bytes(bytes) => Ok(Value::Bytes(bytes)),
                Exported::Jwk(jwk) => Ok(Value::Object(jwk.into_members())),
            }))
        }),
        function!("__SubtleCrypto_deriveBits", |s, ctx: Context, params: Object, key: u64, length: Option<u32>| {
            let (params, key) = (Params(params), s.keys.get(key)?);
            key.allow(params.name(), Usage::DeriveBits)?;
            derive(s, &ctx, &params, key, length, |mut secret| {
                Ok(Value::Bytes(Bytes::from(std::mem::take(&mut *secret))))
            })
        }),
        function!("__SubtleCrypto_deriveKey", |s,
                                               ctx: Context,
                                               params: Object,
                                               key: u64,
                                               derived: Object,
                                               extractable: bool,
                                               usages: u8| {
            let (params, key, derived) = (Params(params), s.keys.get(key)?, Params(derived));
            key.allow(params.name(), Usage::DeriveKey)?;
            let length = key_length(&derived)?;
            let (keys, weak) = (s.keys.clone(), ctx.weak());
            derive(s, &ctx, &params, key, length, move |secret| {
                let data = KeyData::Raw(secret);
                let key = format::import(&derived, data, extractable, Usages::from_bits(usages))?;
                let context = weak.upgrade().ok_or_else(gone)?;
                keys.insert(&context, key).map(Value::Object)
            })
        }),
        function!("__SubtleCrypto_wrapKey", |s,
                                             ctx: Context,
                                             format: String,
                                             key: u64,
                                             wrapping: u64,
                                             params: Object| {
            let (params, key, wrapping) = (Params(params), s.keys.get(key)?, s.keys.get(wrapping)?);
            wrapping.allow(params.name(), Usage::WrapKey)?;
            let data = match format::export(&format, &key)? {
                Exported::Bytes(bytes) => bytes,
                Exported::Jwk(jwk) => {
                    let mut text = jwk.to_json()?;
                    // AES-KW takes multiples of 8 bytes only; space at the end of JSON changes nothing.
                    while params.name() == "AES-KW" && !text.len().is_multiple_of(8) {
                        text.push(b' ');
                    }
                    Bytes::from(std::mem::take(&mut *text))
                }
            };
            crypt(s, &ctx, Direction::Encrypt, &params, wrapping, data, bytes)
        }),
        function!("__SubtleCrypto_unwrapKey", |s,
                                               ctx: Context,
                                               format: String,
                                               wrapped: Option<Bytes>,
                                               key: u64,
                                               params: Object,
                                               unwrapped: Object,
                                               extractable: bool,
                                               usages: u8| {
            let (params, key, unwrapped) = (Params(params), s.keys.get(key)?, Params(unwrapped));
            key.allow(params.name(), Usage::UnwrapKey)?;
            let (keys, weak) = (s.keys.clone(), ctx.weak());
            crypt(s, &ctx, Direction::Decrypt, &params, key, given(wrapped), move |data| {
                let data = match format.as_str() {
                    "jwk" => KeyData::Jwk(Jwk::from_json(&data)?),
                    _ => key_data(&format, Value::Bytes(data))?,
                };
                let key = format::import(&unwrapped, data, extractable, Usages::from_bits(usages))?;
                let context = weak.upgrade().ok_or_else(gone)?;
                keys.insert(&context, key).map(Value::Object)
            })
        }),
    ]
}

fn gone() -> HostError {
    HostError::error("the context is gone")
}

fn key_data(format: &str, data: Value) -> Result<KeyData, HostError> {
    let bytes = match data {
        Value::Object(members) if format == "jwk" => return Ok(KeyData::Jwk(Jwk::from_members(members))),
        Value::Bytes(bytes) => Zeroizing::new(Vec::from(bytes)),
        _ => Zeroizing::default(),
    };
    match format {
        "raw" => Ok(KeyData::Raw(bytes)),
        "pkcs8" => Ok(KeyData::Pkcs8(bytes)),
        "spki" => Ok(KeyData::Spki(bytes)),
        _ => Err(data_error(format!("The data is not a key in the format '{format}'."))),
    }
}

fn rsa_effort(bits: u32, data: usize) -> Effort {
    Effort { offload: bits > LARGE_RSA || data >= LARGE, holds: 2 * data + bits as usize }
}

fn sign(state: &State, ctx: &Context, params: Params, key: Arc<Key>, data: Bytes) -> Result<Answer, HostError> {
    key.allow(params.name(), Usage::Sign)?;
    let effort = Effort::for_bytes(data.len());
    match key.algorithm {
        KeyAlgorithm::Hmac { hash, .. } => {
            let work = move |_: Option<&Work>| symmetric::hmac(hash, key.as_secret()?, &[&data]);
            Ok(perform(ctx, &effort, work, |mac| Ok(Value::Bytes(mac.into()))))
        }
        KeyAlgorithm::Rsa { scheme, hash, bits, .. } if scheme != RsaScheme::Oaep => {
            key.as_private()?;
            let salt = params.number("saltLength").unwrap_or(0);
            let random = state.random.borrow().fork()?;
            let work = move |_: Option<&Work>| rsa::sign(scheme, key.as_private()?, hash, salt, &data, &random);
            Ok(perform(ctx, &rsa_effort(bits, effort.holds / 2), work, bytes))
        }
        KeyAlgorithm::Ec { scheme: EcScheme::Ecdsa, curve } => {
            let (hash, random) = (params.hash()?, state.random.borrow().clone());
            let work = move |_: Option<&Work>| curves::ecdsa_sign(curve, key.as_private()?, hash, &data, &random);
            Ok(perform(ctx, &effort, work, bytes))
        }
        KeyAlgorithm::Okp(okp) if okp.signs() => {
            no_context(&params)?;
            Ok(perform(ctx, &effort, move |_| curves::eddsa_sign(key.as_private()?, &data), bytes))
        }
        _ => not_supported(params.name(), "sign"),
    }
}

/// Ed448 takes a context, which is empty here.
fn no_context(params: &Params) -> Result<(), HostError> {
    match params.bytes("context").is_some_and(|c| !c.is_empty()) {
        true => Err(operation_error_text("A context of Ed448 that is not empty is not supported.")),
        false => Ok(()),
    }
}

fn operation_error_text(message: &str) -> HostError {
    error(DomExceptionName::OperationError, message)
}

fn verify(ctx: &Context, params: Params, key: Arc<Key>, signature: Bytes, data: Bytes) -> Result<Answer, HostError> {
    key.allow(params.name(), Usage::Verify)?;
    let effort = Effort::for_bytes(data.len());
    let then = |valid: bool| Ok(Value::Bool(valid));
    match key.algorithm {
        KeyAlgorithm::Hmac { hash, .. } => {
            let work = move |_: Option<&Work>| {
                let mac = symmetric::hmac(hash, key.as_secret()?, &[&data])?;
                Ok(mac.len() == signature.len() && openssl::memcmp::eq(&mac, &signature))
            };
            Ok(perform(ctx, &effort, work, then))
        }
        KeyAlgorithm::Rsa { scheme, hash, bits, .. } if scheme != RsaScheme::Oaep => {
            let salt = params.number("saltLength").unwrap_or(0);
            let work = move |_: Option<&Work>| rsa::verify(scheme, key.as_public()?, hash, salt, &signature, &data);
            Ok(perform(ctx, &rsa_effort(bits.min(LARGE_RSA), effort.holds / 2), work, then))
        }
        KeyAlgorithm::Ec { scheme: EcScheme::Ecdsa, curve } => {
            let hash = params.hash()?;
            let work = move |_: Option<&Work>| curves::ecdsa_verify(curve, key.as_public()?, hash, &signature, &data);
            Ok(perform(ctx, &effort, work, then))
        }
        KeyAlgorithm::Okp(okp) if okp.signs() => {
            no_context(&params)?;
            Ok(perform(ctx, &effort, move |_| curves::eddsa_verify(key.as_public()?, &signature, &data), then))
        }
        _ => not_supported(params.name(), "verify"),
    }
}

/// Encrypts or decrypts, without a look at the usages.
fn crypt(
    state: &State,
    ctx: &Context,
    direction: Direction,
    params: &Params,
    key: Arc<Key>,
    data: Bytes,
    then: impl FnOnce(Bytes) -> Result<Value, HostError> + 'static,
) -> Result<Answer, HostError> {
    match key.algorithm {
        KeyAlgorithm::Aes { mode, .. } => {
            let params = AesParams::new(mode, params)?;
            let effort = Effort::for_bytes(data.len());
            let work = move |_: Option<&Work>| symmetric::aes(direction, key.as_secret()?, &params, data);
            Ok(perform(ctx, &effort, work, then))
        }
        KeyAlgorithm::Rsa { scheme: RsaScheme::Oaep, hash, bits, .. } => {
            let label = params.bytes("label").cloned().unwrap_or_default();
            let random = state.random.borrow().fork()?;
            let private = direction == Direction::Decrypt;
            let effort = rsa_effort(if private { bits } else { bits.min(LARGE_RSA) }, data.len());
            let work = move |_: Option<&Work>| match direction {
                Direction::Encrypt => rsa::encrypt(key.as_public()?, hash, &label, &data, &random),
                Direction::Decrypt => rsa::decrypt(key.as_private()?, hash, &label, &data),
            };
            Ok(perform(ctx, &effort, work, then))
        }
        _ => not_supported(params.name(), if direction == Direction::Encrypt { "encrypt" } else { "decrypt" }),
    }
}

/// How many bits a derived key has: <https://w3c.github.io/webcrypto/#dfn-get-key-length>.
fn key_length(params: &Params) -> Result<Option<u32>, HostError> {
    let name = params.name();
    if AesMode::from_name(name).is_some() {
        return aes_bits(params).map(Some);
    }
    if name == "HMAC" {
        return hmac_bits(params).map(Some);
    }
    match Kdf::from_name(name) {
        Some(_) => Ok(None),
        None => not_supported(name, "being derived"),
    }
}

fn aes_bits(params: &Params) -> Result<u32, HostError> {
    match params.number("length") {
        Some(bits @ (128 | 192 | 256)) => Ok(bits),
        _ => Err(operation_error_text("The length of an AES key must be 128, 192 or 256 bits.")),
    }
}

fn hmac_bits(params: &Params) -> Result<u32, HostError> {
    match params.number("length") {
        None => Ok(params.hash()?.block_bits()),
        Some(0) => Err(operation_error_text("The length of a key must not be zero.")),
        Some(bits) if bits.div_ceil(8) as usize > format::SECRET_BYTES => {
            let message = format!("A key may have {} bits at most.", 8 * format::SECRET_BYTES);
            Err(error(DomExceptionName::OperationError, message))
        }
        Some(bits) => Ok(bits),
    }
}

fn derive(
    state: &State,
    ctx: &Context,
    params: &Params,
    key: Arc<Key>,
    length: Option<u32>,
    then: impl FnOnce(Zeroizing<Vec<u8>>) -> Result<Value, HostError> + 'static,
) -> Result<Answer, HostError> {
    let secret = |bytes: Bytes| Zeroizing::new(Vec::from(bytes));
    match key.algorithm {
        KeyAlgorithm::Kdf(which) => {
            let hash = params.hash()?;
            let bits = length
                .filter(|bits| bits.is_multiple_of(8))
                .ok_or_else(|| operation_error_text("The length must be given, and be a multiple of 8 bits."))?;
            let length = bits as usize / 8;
            if length > format::SECRET_BYTES {
                return Err(operation_error_text("This is more than can be derived."));
            }
            let salt = params.bytes("salt").cloned().unwrap_or_default();
            if which == Kdf::Hkdf {
                let info = params.bytes("info").cloned().unwrap_or_default();
                let effort = Effort::for_bytes(info.len() * (1 + length / hash.size()));
                let work = move |_: Option<&Work>| kdf::hkdf(hash, key.as_secret()?, &salt, &info, length);
                return Ok(perform(ctx, &effort, work, move |bytes| then(secret(bytes))));
            }
            let iterations = params.number("iterations").unwrap_or(0);
            if iterations == 0 {
                return Err(operation_error_text("PBKDF2 needs at least one iteration."));
            }
            let rounds = kdf::pbkdf2_rounds(hash, iterations, length);
            let most = state.pbkdf2_rounds.get();
            if rounds > most {
                let message = format!("PBKDF2 may take {most} rounds here, and this would take {rounds}.");
                return Err(error(DomExceptionName::OperationError, message));
            }
            let effort = Effort { offload: rounds > MANY_ROUNDS || salt.len() > LARGE, holds: salt.len() + length };
            let work = move |w: Option<&Work>| kdf::pbkdf2(hash, key.as_secret()?, &salt, iterations, length, w);
            Ok(perform(ctx, &effort, work, move |bytes| then(secret(bytes))))
        }
        KeyAlgorithm::Ec { scheme: EcScheme::Ecdh, .. } | KeyAlgorithm::Okp(Okp::X25519 | Okp::X448) => {
            let private = key.as_private()?;
            let peer = params.0.get("public").and_then(Value::as_f64).unwrap_or(0.0);
            let peer = state.keys.get(peer as u64)?;
            let public = peer.as_public()?;
            if peer.algorithm != key.algorithm {
                let message = "The two keys are not of one algorithm and curve.";
                return Err(error(DomExceptionName::InvalidAccessError, message));
            }
            let mut secret = curves::shared_secret(private, public)?;
            if let Some(bits) = length {
                if bits.div_ceil(8) as usize > secret.len() {
                    return Err(operation_error_text("The keys share fewer bits than that."));
                }
                format::keep_bits(&mut secret, bits);
            }
            Ok(answer(then(secret)))
        }
        _ => not_supported(params.name(), "deriving"),
    }
}

fn generate(
    state: &State,
    ctx: &Context,
    params: &Params,
    extractable: bool,
    usages: Usages,
) -> Result<Answer, HostError> {
    let name = params.name();
    let refuse = || Err(error(DomExceptionName::SyntaxError, "The key cannot have such usages."));
    let useless = || Err(error(DomExceptionName::SyntaxError, "A secret or private key needs at least one usage."));
    let random = state.random.borrow().clone();
    if name == "HMAC" || AesMode::from_name(name).is_some() {
        let mode = AesMode::from_name(name);
        if !usages.within(mode.map_or(format::HMAC_USAGES, format::aes_usages)) {
            return refuse();
        }
        let algorithm = match mode {
            Some(mode) => KeyAlgorithm::Aes { mode, bits: aes_bits(params)? },
            None => KeyAlgorithm::Hmac { hash: params.hash()?, bits: hmac_bits(params)? },
        };
        let (KeyAlgorithm::Aes { bits, .. } | KeyAlgorithm::Hmac { bits, .. }) = algorithm else {
            return not_supported(name, "generateKey");
        };
        if usages.is_empty() {
            return useless();
        }
        let mut bytes = Zeroizing::new(vec![0; bits.div_ceil(8) as usize]);
        random.fill(&mut bytes)?;
        format::keep_bits(&mut bytes, bits);
        let key = Key::secret(bytes, algorithm, extractable, usages)?;
        return Ok(answer(state.keys.insert(ctx, key).map(Value::Object)));
    }
    let (public_usages, private_usages) = format::pair_usages(name);
    let all = Usages::from_bits(public_usages.bits() | private_usages.bits());
    let known =
        RsaScheme::from_name(name).is_some() || EcScheme::from_name(name).is_some() || Okp::from_name(name).is_some();
    if !known {
        return not_supported(name, "generateKey");
    }
    if !usages.within(all) {
        return refuse();
    }
    let (public_usages, private_usages) = (usages.and(public_usages), usages.and(private_usages));
    let pair = {
        let (keys, weak) = (state.keys.clone(), ctx.weak());
        move |private: openssl::pkey::PKey<Private>, algorithm: KeyAlgorithm| {
            let context = weak.upgrade().ok_or_else(gone)?;
            let public = curves::public_half(&private)?;
            let public = Key::public(public, algorithm.clone(), true, public_usages);
            let private = Key::private(private, algorithm, extractable, private_usages)?;
            let public = keys.insert(&context, public)?;
            let private = keys.insert(&context, private)?;
            Ok(Value::List(vec![public.into(), private.into()]))
        }
    };
    if let Some(scheme) = RsaScheme::from_name(name) {
        let (hash, bits) = (params.hash()?, params.number("modulusLength").unwrap_or(0));
        let exponent = params.bytes("publicExponent").cloned().unwrap_or_default();
        check_rsa(state, bits, &exponent)?;
        if private_usages.is_empty() {
            return useless();
        }
        let random = random.fork()?;
        let effort = Effort { offload: true, holds: 16 * bits as usize };
        let work = move |work: Option<&Work>| match work {
            Some(work) => rsa::generate(bits, &exponent, &random, work),
            None => Err(operation_error_text("a key of RSA is not made here")),
        };
        return Ok(perform(ctx, &effort, work, move |key| {
            let algorithm = format::rsa_algorithm(scheme, hash, &*key.rsa().map_err(operation_error)?)?;
            pair(key, algorithm)
        }));
    }
    let (key, algorithm) = if let Some(scheme) = EcScheme::from_name(name) {
        let curve = params.curve()?;
        (curves::ec_generate(curve, &random)?, KeyAlgorithm::Ec { scheme, curve })
    } else if let Some(okp) = Okp::from_name(name) {
        (curves::okp_generate(okp, &random)?, KeyAlgorithm::Okp(okp))
    } else {
        return not_supported(name, "generateKey");
    };
    Ok(answer(pair(key, algorithm)))
}

fn check_rsa(state: &State, bits: u32, exponent: &[u8]) -> Result<(), HostError> {
    let most = state.rsa_bits.get();
    if !(512..=most).contains(&bits) {
        let message = format!("The modulus must have from 512 to {most} bits.");
        return Err(error(DomExceptionName::OperationError, message));
    }
    let first = exponent.iter().position(|b| *b != 0).unwrap_or(exponent.len());
    let digits = exponent.get(first..).unwrap_or_default();
    // An even exponent has no inverse, and 1 encrypts nothing.
    let odd = digits.last().is_some_and(|b| b & 1 == 1);
    match odd && digits != [1] && digits.len() <= 4 {
        true => Ok(()),
        false => Err(operation_error_text("The public exponent must be odd, more than 1, and have at most 32 bits.")),
    }
}

/// That keys can be given to threads, in spite of what they are made of.
const _: fn() = || {
    fn shared<T: Send + Sync>() {}
    shared::<Key>();
    shared::<Material>();
    let _ = size_of::<Keys>();
};
