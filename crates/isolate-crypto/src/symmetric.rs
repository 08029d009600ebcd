//! Hashes, HMAC and AES.

use bytes::Bytes;
use isolate_core::{DomExceptionName, HostError};
use openssl::cipher::{Cipher, CipherRef};
use openssl::cipher_ctx::{CipherCtx, CipherCtxFlags};
use openssl::pkey::PKey;
use openssl::sign::Signer;

use crate::algorithm::{AesMode, Hash, Params};
use crate::{error, operation_error};

pub(crate) fn digest(hash: Hash, data: &[u8]) -> Result<Bytes, HostError> {
    openssl::hash::hash(hash.digest(), data).map(|d| Bytes::copy_from_slice(&d)).map_err(operation_error)
}

/// [HMAC](https://w3c.github.io/webcrypto/#hmac) of the parts of a message.
pub(crate) fn hmac(hash: Hash, key: &[u8], parts: &[&[u8]]) -> Result<Vec<u8>, HostError> {
    let key = PKey::hmac(key).map_err(operation_error)?;
    let mut signer = Signer::new(hash.digest(), &key).map_err(operation_error)?;
    for part in parts {
        signer.update(part).map_err(operation_error)?;
    }
    signer.sign_to_vec().map_err(operation_error)
}

fn refuse<T>(message: &str) -> Result<T, HostError> {
    Err(error(DomExceptionName::OperationError, message))
}

fn cipher(mode: AesMode, key: &[u8]) -> Result<&'static CipherRef, HostError> {
    Ok(match (mode, key.len()) {
        (AesMode::Cbc, 16) => Cipher::aes_128_cbc(),
        (AesMode::Cbc, 24) => Cipher::aes_192_cbc(),
        (AesMode::Cbc, 32) => Cipher::aes_256_cbc(),
        (AesMode::Ctr, 16) => Cipher::aes_128_ctr(),
        (AesMode::Ctr, 24) => Cipher::aes_192_ctr(),
        (AesMode::Ctr, 32) => Cipher::aes_256_ctr(),
        (AesMode::Gcm, 16) => Cipher::aes_128_gcm(),
        (AesMode::Gcm, 24) => Cipher::aes_192_gcm(),
        (AesMode::Gcm, 32) => Cipher::aes_256_gcm(),
        (AesMode::Kw, 16) => Cipher::aes_128_wrap(),
        (AesMode::Kw, 24) => Cipher::aes_192_wrap(),
        (AesMode::Kw, 32) => Cipher::aes_256_wrap(),
        _ => return refuse("The key is of a length that AES does not have."),
    })
}

/// The two directions of a cipher.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Encrypt,
    Decrypt,
}

/// What an encryption is told besides key and data.
pub(crate) enum AesParams {
    Cbc { iv: Bytes },
    Ctr { counter: Bytes, length: u32 },
    Gcm { iv: Bytes, additional: Bytes, tag: usize },
    Kw,
}

impl AesParams {
    pub(crate) fn new(mode: AesMode, params: &Params) -> Result<Self, HostError> {
        let bytes = |key| params.bytes(key).cloned().unwrap_or_default();
        Ok(match mode {
            AesMode::Cbc => {
                let iv = bytes("iv");
                if iv.len() != 16 {
                    return refuse("The initialization vector must have 16 bytes.");
                }
                Self::Cbc { iv }
            }
            AesMode::Ctr => {
                let (counter, length) = (bytes("counter"), params.number("length").unwrap_or(0));
                if counter.len() != 16 {
                    return refuse("The counter block must have 16 bytes.");
                }
                if !(1..=128).contains(&length) {
                    return refuse("The length of the counter must be from 1 to 128 bits.");
                }
                Self::Ctr { counter, length }
            }
            AesMode::Gcm => {
                let bits = params.number("tagLength").unwrap_or(128);
                if !matches!(bits, 32 | 64 | 96 | 104 | 112 | 120 | 128) {
                    return refuse("The length of the tag must be 32, 64, 96, 104, 112, 120 or 128 bits.");
                }
                let iv = bytes("iv");
                if iv.is_empty() {
                    return refuse("The initialization vector must not be empty.");
                }
                Self::Gcm { iv, additional: bytes("additionalData"), tag: bits as usize / 8 }
            }
            AesMode::Kw => Self::Kw,
        })
    }

    fn mode(&self) -> AesMode {
        match self {
            Self::Cbc { .. } => AesMode::Cbc,
            Self::Ctr { .. } => AesMode::Ctr,
            Self::Gcm { .. } => AesMode::Gcm,
            Self::Kw => AesMode::Kw,
        }
    }
}

/// Encrypts or decrypts. The data's own buffer is used where nobody else holds it.
pub(crate) fn aes(direction: Direction, key: &[u8], params: &AesParams, data: Bytes) -> Result<Bytes, HostError> {
    let cipher = cipher(params.mode(), key)?;
    match params {
        AesParams::Cbc { iv } => cbc(direction, cipher, key, iv, &data),
        AesParams::Ctr { counter, length } => ctr(cipher, key, counter, *length, data),
        AesParams::Gcm { iv, additional, tag } => gcm(direction, cipher, key, iv, additional, *tag, data),
        AesParams::Kw => wrap(direction, cipher, key, &data),
    }
}

fn init(
    direction: Direction,
    context: &mut CipherCtx,
    cipher: Option<&CipherRef>,
    key: Option<&[u8]>,
    iv: Option<&[u8]>,
) -> Result<(), HostError> {
    let init = match direction {
        Direction::Encrypt => context.encrypt_init(cipher, key, iv),
        Direction::Decrypt => context.decrypt_init(cipher, key, iv),
    };
    init.map_err(operation_error)
}

fn cbc(direction: Direction, cipher: &CipherRef, key: &[u8], iv: &[u8], data: &[u8]) -> Result<Bytes, HostError> {
    let mut context = CipherCtx::new().map_err(operation_error)?;
    init(direction, &mut context, Some(cipher), Some(key), Some(iv))?;
    let mut out = Vec::with_capacity(data.len() + 16);
    context.cipher_update_vec(data, &mut out).map_err(operation_error)?;
    context.cipher_final_vec(&mut out).map_err(operation_error)?;
    Ok(out.into())
}

/// Only the last `length` bits of the block count; they start again at zero when they are through.
fn ctr(cipher: &CipherRef, key: &[u8], counter: &[u8], length: u32, data: Bytes) -> Result<Bytes, HostError> {
    let block = <[u8; 16]>::try_from(counter).map(u128::from_be_bytes);
    let Ok(block) = block else { return refuse("The counter block must have 16 bytes.") };
    let mask = if length >= 128 { u128::MAX } else { (1 << length) - 1 };
    let blocks = data.len().div_ceil(16) as u128;
    if mask != u128::MAX && blocks > mask + 1 {
        return refuse("The data is longer than the counter can count.");
    }
    // The cipher's own counter has 128 bits, so it is stopped where ours starts again.
    let until = (mask - (block & mask)).saturating_add(1);
    let first = usize::try_from(until.saturating_mul(16)).unwrap_or(usize::MAX).min(data.len());
    let mut data = Vec::from(data);
    let (head, tail) = data.split_at_mut(first);
    for (part, block) in [(head, block), (tail, block & !mask)] {
        if part.is_empty() {
            continue;
        }
        let mut context = CipherCtx::new().map_err(operation_error)?;
        init(Direction::Encrypt, &mut context, Some(cipher), Some(key), Some(&block.to_be_bytes()))?;
        in_place(&mut context, part)?;
    }
    Ok(data.into())
}

/// OpenSSL counts in `int`s.
const MOST: usize = 1 << 30;

fn in_place(context: &mut CipherCtx, data: &mut [u8]) -> Result<(), HostError> {
    for part in data.chunks_mut(MOST) {
        let n = part.len();
        context.cipher_update_inplace(part, n).map_err(operation_error)?;
    }
    Ok(())
}

fn gcm(
    direction: Direction,
    cipher: &CipherRef,
    key: &[u8],
    iv: &[u8],
    additional: &[u8],
    tag: usize,
    data: Bytes,
) -> Result<Bytes, HostError> {
    let Some(length) = (match direction {
        Direction::Encrypt => Some(data.len()),
        Direction::Decrypt => data.len().checked_sub(tag),
    }) else {
        return refuse("The data is shorter than its tag.");
    };
    let mut context = CipherCtx::new().map_err(operation_error)?;
    init(direction, &mut context, Some(cipher), None, None)?;
    context.set_iv_length(iv.len()).map_err(operation_error)?;
    init(direction, &mut context, None, Some(key), Some(iv))?;
    if !additional.is_empty() {
        context.cipher_update(additional, None).map_err(operation_error)?;
    }
    let mut data = Vec::from(data);
    let (text, expected) = data.split_at_mut(length);
    if direction == Direction::Decrypt {
        context.set_tag(expected).map_err(operation_error)?;
    }
    in_place(&mut context, text)?;
    context.cipher_final(&mut [0; 16]).map_err(operation_error)?;
    match direction {
        Direction::Encrypt => {
            let mut made = [0; 16];
            let made = made.get_mut(..tag).unwrap_or_default();
            context.tag(made).map_err(operation_error)?;
            data.extend_from_slice(made);
        }
        Direction::Decrypt => data.truncate(length),
    }
    Ok(data.into())
}

/// [AES-KW](https://www.rfc-editor.org/rfc/rfc3394), with the initial value of that document.
fn wrap(direction: Direction, cipher: &CipherRef, key: &[u8], data: &[u8]) -> Result<Bytes, HostError> {
    let least = if direction == Direction::Encrypt { 16 } else { 24 };
    if !data.len().is_multiple_of(8) || data.len() < least {
        return refuse("What AES-KW wraps must be a multiple of 8 bytes, and 16 at least.");
    }
    let mut context = CipherCtx::new().map_err(operation_error)?;
    context.set_flags(CipherCtxFlags::FLAG_WRAP_ALLOW);
    init(direction, &mut context, Some(cipher), Some(key), None)?;
    let mut out = Vec::with_capacity(data.len() + 16);
    context.cipher_update_vec(data, &mut out).map_err(operation_error)?;
    context.cipher_final_vec(&mut out).map_err(operation_error)?;
    Ok(out.into())
}
