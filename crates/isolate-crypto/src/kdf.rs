//! HKDF and PBKDF2.

use bytes::Bytes;
use isolate_core::{DomExceptionName, HostError, Work};
use openssl::sha::{Sha1, Sha256, Sha384, Sha512};
use zeroize::{Zeroize, Zeroizing};

use crate::algorithm::Hash;
use crate::error;
use crate::symmetric::hmac;

/// [HKDF](https://www.rfc-editor.org/rfc/rfc5869).
pub(crate) fn hkdf(hash: Hash, secret: &[u8], salt: &[u8], info: &[u8], length: usize) -> Result<Bytes, HostError> {
    if length > 255 * hash.size() {
        return Err(error(DomExceptionName::OperationError, "HKDF gives 255 times the size of its hash at most."));
    }
    let zeros = [0; 64];
    let salt = if salt.is_empty() { zeros.get(..hash.size()).unwrap_or_default() } else { salt };
    let extracted = Zeroizing::new(hmac(hash, salt, &[secret])?);
    let mut out = Vec::with_capacity(length);
    let mut last = Zeroizing::new(Vec::new());
    let mut n = 0u8;
    while out.len() < length {
        n = n.wrapping_add(1);
        last = Zeroizing::new(hmac(hash, &extracted, &[&last, info, &[n]])?);
        out.extend_from_slice(last.get(..last.len().min(length - out.len())).unwrap_or_default());
    }
    Ok(out.into())
}

/// How many rounds of its hash a derivation takes.
pub(crate) fn pbkdf2_rounds(hash: Hash, iterations: u32, length: usize) -> u64 {
    u64::from(iterations).saturating_mul(length.div_ceil(hash.size()) as u64)
}

/// [PBKDF2](https://www.rfc-editor.org/rfc/rfc8018#section-5.2). OpenSSL's own function cannot be stopped, so the loop is
/// here: over the state of HMAC after its key, which is hashed once.
pub(crate) fn pbkdf2(
    hash: Hash,
    password: &[u8],
    salt: &[u8],
    iterations: u32,
    length: usize,
    work: Option<&Work>,
) -> Result<Bytes, HostError> {
    macro_rules! derive {
        ($hash:ident, $block:literal, $size:literal) => {{
            let mut key = [0u8; $block];
            if password.len() > $block {
                let mut hash = $hash::new();
                hash.update(password);
                key[..$size].copy_from_slice(&hash.finish());
            } else {
                key[..password.len()].copy_from_slice(password);
            }
            let keyed = |pad: u8| {
                let mut padded = key;
                padded.iter_mut().for_each(|b| *b ^= pad);
                let mut hash = $hash::new();
                hash.update(&padded);
                padded.zeroize();
                hash
            };
            let (inner, outer) = (keyed(0x36), keyed(0x5c));
            key.zeroize();
            let mac = |parts: &[&[u8]]| {
                let mut hash = inner.clone();
                parts.iter().for_each(|part| hash.update(part));
                let digest = hash.finish();
                let mut hash = outer.clone();
                hash.update(&digest);
                hash.finish()
            };
            let mut out = Vec::with_capacity(length);
            let mut block = 0u32;
            while out.len() < length {
                block = block.wrapping_add(1);
                let mut u = mac(&[salt, &block.to_be_bytes()]);
                let mut sum = u;
                for i in 1..iterations {
                    if i % ROUNDS == 0
                        && let Some(work) = work
                    {
                        work.check()?;
                    }
                    u = mac(&[&u]);
                    sum.iter_mut().zip(&u).for_each(|(s, u)| *s ^= u);
                }
                out.extend_from_slice(&sum[..$size.min(length - out.len())]);
                if let Some(work) = work {
                    work.check()?;
                }
            }
            Ok(out.into())
        }};
    }
    /// Between looks at whether the result is still wanted: about a millisecond.
    const ROUNDS: u32 = 2048;
    match hash {
        Hash::Sha1 => derive!(Sha1, 64, 20),
        Hash::Sha256 => derive!(Sha256, 64, 32),
        Hash::Sha384 => derive!(Sha384, 128, 48),
        Hash::Sha512 => derive!(Sha512, 128, 64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivations_are_openssls() {
        for hash in [Hash::Sha1, Hash::Sha256, Hash::Sha384, Hash::Sha512] {
            for (password, iterations, length) in
                [(&b"x"[..], 1, 20), (b"", 7, 64), (&[7; 64], 3000, 33), (&[8; 65], 2, 100), (&[9; 300], 2049, 1)]
            {
                let ours = pbkdf2(hash, password, b"salt", iterations, length, None).unwrap();
                let mut theirs = vec![0; length];
                openssl::pkcs5::pbkdf2_hmac(password, b"salt", iterations as usize, hash.digest(), &mut theirs)
                    .unwrap();
                assert_eq!(ours, theirs, "{hash:?} {iterations} {length}");
            }
        }
    }
}
