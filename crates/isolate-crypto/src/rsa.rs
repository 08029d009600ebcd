//! RSA: signatures, OAEP, and making keys.

use bytes::Bytes;
use isolate_core::{DomExceptionName, HostError, Work};
use openssl::bn::{BigNum, BigNumContext, BigNumRef};
use openssl::pkey::{PKey, PKeyRef, Private, Public};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::{Padding, Rsa, RsaPrivateKeyBuilder};
use openssl::sign::RsaPssSaltlen;
use zeroize::Zeroizing;

use crate::algorithm::{Hash, RsaScheme};
use crate::random::RandomSource;
use crate::{error, operation_error};

/// Sets a context up for a scheme of signatures.
fn scheme_of<T>(
    context: &mut PkeyCtx<T>,
    scheme: RsaScheme,
    hash: Hash,
    salt: u32,
) -> Result<(), openssl::error::ErrorStack> {
    if scheme == RsaScheme::Pss {
        context.set_rsa_padding(Padding::PKCS1_PSS)?;
        context.set_signature_md(hash.md())?;
        context.set_rsa_mgf1_md(hash.md())?;
        context.set_rsa_pss_saltlen(RsaPssSaltlen::custom(i32::try_from(salt).unwrap_or(i32::MAX)))
    } else {
        context.set_rsa_padding(Padding::PKCS1)?;
        context.set_signature_md(hash.md())
    }
}

pub(crate) fn sign(
    scheme: RsaScheme,
    key: &PKeyRef<Private>,
    hash: Hash,
    salt: u32,
    data: &[u8],
    random: &RandomSource,
) -> Result<Bytes, HostError> {
    let digest = openssl::hash::hash(hash.digest(), data).map_err(operation_error)?;
    if scheme == RsaScheme::Pss && !random.is_system() {
        let encoded = pss_encode(hash, &digest, salt as usize, key.bits(), random)?;
        return raw(key, &encoded);
    }
    let mut context = PkeyCtx::new(key).map_err(operation_error)?;
    context.sign_init().map_err(operation_error)?;
    scheme_of(&mut context, scheme, hash, salt).map_err(operation_error)?;
    let mut out = Vec::new();
    context.sign_to_vec(&digest, &mut out).map_err(operation_error)?;
    Ok(out.into())
}

pub(crate) fn verify(
    scheme: RsaScheme,
    key: &PKeyRef<Public>,
    hash: Hash,
    salt: u32,
    signature: &[u8],
    data: &[u8],
) -> Result<bool, HostError> {
    let digest = openssl::hash::hash(hash.digest(), data).map_err(operation_error)?;
    let mut context = PkeyCtx::new(key).map_err(operation_error)?;
    context.verify_init().map_err(operation_error)?;
    scheme_of(&mut context, scheme, hash, salt).map_err(operation_error)?;
    Ok(context.verify(&digest, signature).unwrap_or(false))
}

fn oaep<T>(context: &mut PkeyCtx<T>, hash: Hash, label: &[u8]) -> Result<(), openssl::error::ErrorStack> {
    context.set_rsa_padding(Padding::PKCS1_OAEP)?;
    context.set_rsa_oaep_md(hash.md())?;
    context.set_rsa_mgf1_md(hash.md())?;
    match label.is_empty() {
        true => Ok(()),
        false => context.set_rsa_oaep_label(label),
    }
}

pub(crate) fn encrypt(
    key: &PKeyRef<Public>,
    hash: Hash,
    label: &[u8],
    data: &[u8],
    random: &RandomSource,
) -> Result<Bytes, HostError> {
    if !random.is_system() {
        let encoded = oaep_encode(hash, label, data, key.size(), random)?;
        let rsa = key.rsa().map_err(operation_error)?;
        let mut out = vec![0; key.size()];
        let n = rsa.public_encrypt(&encoded, &mut out, Padding::NONE).map_err(operation_error)?;
        out.truncate(n);
        return Ok(out.into());
    }
    let mut context = PkeyCtx::new(key).map_err(operation_error)?;
    context.encrypt_init().map_err(operation_error)?;
    oaep(&mut context, hash, label).map_err(operation_error)?;
    let mut out = Vec::new();
    context.encrypt_to_vec(data, &mut out).map_err(operation_error)?;
    Ok(out.into())
}

pub(crate) fn decrypt(key: &PKeyRef<Private>, hash: Hash, label: &[u8], data: &[u8]) -> Result<Bytes, HostError> {
    let mut context = PkeyCtx::new(key).map_err(operation_error)?;
    context.decrypt_init().map_err(operation_error)?;
    oaep(&mut context, hash, label).map_err(operation_error)?;
    let mut out = Vec::new();
    context.decrypt_to_vec(data, &mut out).map_err(operation_error)?;
    Ok(out.into())
}

/// The private operation alone.
fn raw(key: &PKeyRef<Private>, encoded: &[u8]) -> Result<Bytes, HostError> {
    let rsa = key.rsa().map_err(operation_error)?;
    let mut out = vec![0; key.size()];
    let n = rsa.private_encrypt(encoded, &mut out, Padding::NONE).map_err(operation_error)?;
    out.truncate(n);
    Ok(out.into())
}

/// [MGF1](https://www.rfc-editor.org/rfc/rfc8017#appendix-B.2.1), added to what is there.
fn mask(hash: Hash, seed: &[u8], out: &mut [u8]) -> Result<(), HostError> {
    for (counter, part) in (0u32..).zip(out.chunks_mut(hash.size())) {
        let block = [seed, &counter.to_be_bytes()].concat();
        let block = openssl::hash::hash(hash.digest(), &block).map_err(operation_error)?;
        part.iter_mut().zip(block.iter()).for_each(|(o, b)| *o ^= b);
    }
    Ok(())
}

/// [EMSA-PSS](https://www.rfc-editor.org/rfc/rfc8017#section-9.1.1) with a salt of our own source, which OpenSSL cannot be
/// told to use.
fn pss_encode(hash: Hash, digest: &[u8], salt: usize, bits: u32, random: &RandomSource) -> Result<Vec<u8>, HostError> {
    let bits = bits as usize - 1;
    let (whole, size) = (bits.div_ceil(8), (bits + 1).div_ceil(8));
    let too_long = || error(DomExceptionName::OperationError, "The salt does not fit the key.");
    let padding = whole.checked_sub(digest.len()).and_then(|n| n.checked_sub(salt)).and_then(|n| n.checked_sub(2));
    let padding = padding.ok_or_else(too_long)?;
    let mut salted = vec![0; salt];
    random.fill(&mut salted)?;
    let h = openssl::hash::hash(hash.digest(), &[&[0; 8], digest, &salted].concat()).map_err(operation_error)?;
    let mut db = vec![0; padding];
    db.push(1);
    db.extend_from_slice(&salted);
    mask(hash, &h, &mut db)?;
    if let Some(first) = db.first_mut() {
        *first &= 0xff >> (8 * whole - bits);
    }
    db.extend_from_slice(&h);
    db.push(0xbc);
    // A key of 8n + 1 bits has a byte more than the encoding.
    let mut out = vec![0; size - whole];
    out.extend_from_slice(&db);
    Ok(out)
}

/// [EME-OAEP](https://www.rfc-editor.org/rfc/rfc8017#section-7.1.1), with a seed of our own source.
fn oaep_encode(
    hash: Hash,
    label: &[u8],
    data: &[u8],
    size: usize,
    random: &RandomSource,
) -> Result<Zeroizing<Vec<u8>>, HostError> {
    let h = hash.size();
    let padding = size.checked_sub(data.len()).and_then(|n| n.checked_sub(2 * h + 2));
    let padding = padding.ok_or_else(|| error(DomExceptionName::OperationError, "The data does not fit the key."))?;
    let mut seed = vec![0; h];
    random.fill(&mut seed)?;
    let mut db = Zeroizing::new(openssl::hash::hash(hash.digest(), label).map_err(operation_error)?.to_vec());
    db.resize(h + padding, 0);
    db.push(1);
    db.extend_from_slice(data);
    mask(hash, &seed, &mut db)?;
    mask(hash, &db, &mut seed)?;
    let mut out = Zeroizing::new(vec![0]);
    out.extend_from_slice(&seed);
    out.extend_from_slice(&db);
    Ok(out)
}

/// Makes a key of two random primes, by [FIPS 186-5](https://doi.org/10.6028/NIST.FIPS.186-5) A.1.3. OpenSSL's own function
/// can neither be stopped nor told where its random bytes come from; its numbers and its test of primes are used.
pub(crate) fn generate(
    bits: u32,
    exponent: &[u8],
    random: &RandomSource,
    work: &Work,
) -> Result<PKey<Private>, HostError> {
    let e = BigNum::from_slice(exponent).map_err(operation_error)?;
    // Both have their two highest bits set, so that the product has all of its bits.
    let (p_bits, q_bits) = (bits.div_ceil(2), bits / 2);
    loop {
        let p = prime(p_bits, &e, random, work)?;
        let q = prime(q_bits, &e, random, work)?;
        if let Some(key) = combine(p, q, &e, bits).map_err(operation_error)? {
            return PKey::from_rsa(key).map_err(operation_error);
        }
    }
}

/// A prime p such that p − 1 and the exponent have no divisor in common.
fn prime(bits: u32, e: &BigNumRef, random: &RandomSource, work: &Work) -> Result<BigNum, HostError> {
    let mut context = BigNumContext::new_secure().map_err(operation_error)?;
    let size = bits.div_ceil(8) as usize;
    let mut bytes = Zeroizing::new(vec![0; size]);
    let one = BigNum::from_u32(1).map_err(operation_error)?;
    let mut less = BigNum::new_secure().map_err(operation_error)?;
    let mut gcd = BigNum::new().map_err(operation_error)?;
    let set = |p: &mut BigNum, bit: u32| p.set_bit(i32::try_from(bit).unwrap_or(i32::MAX)).map_err(operation_error);
    // One in `bits` / 3 is a prime: a source that has not given one by then gives nothing that is random.
    for _ in 0..bits.saturating_mul(100) {
        work.check()?;
        random.fill(&mut bytes)?;
        if let Some(first) = bytes.first_mut() {
            *first &= 0xff >> (8 * size - bits as usize);
        }
        let mut p = BigNum::from_slice(&bytes).map_err(operation_error)?;
        p.set_const_time();
        set(&mut p, bits - 1)?;
        set(&mut p, bits - 2)?;
        set(&mut p, 0)?;
        // The rounds of Miller and Rabin's test are OpenSSL's default for the size, after a division by small primes.
        if !p.is_prime_fasttest(0, &mut context, true).map_err(operation_error)? {
            continue;
        }
        less.checked_sub(&p, &one).map_err(operation_error)?;
        gcd.gcd(&less, e, &mut context).map_err(operation_error)?;
        if gcd == one {
            return Ok(p);
        }
    }
    Err(error(DomExceptionName::OperationError, "No prime was found."))
}

/// The key of two primes; none if they are too near to each other, or its private exponent is too small.
fn combine(
    mut p: BigNum,
    mut q: BigNum,
    e: &BigNumRef,
    bits: u32,
) -> Result<Option<Rsa<Private>>, openssl::error::ErrorStack> {
    if p < q {
        std::mem::swap(&mut p, &mut q);
    }
    let mut context = BigNumContext::new_secure()?;
    let number = || BigNum::new_secure();
    let one = BigNum::from_u32(1)?;
    let mut difference = number()?;
    difference.checked_sub(&p, &q)?;
    let half = i32::try_from(bits / 2).unwrap_or(i32::MAX);
    if difference.num_bits() <= half - 100 {
        return Ok(None);
    }
    let (mut n, mut p1, mut q1, mut product, mut gcd, mut lcm) =
        (BigNum::new()?, number()?, number()?, number()?, number()?, number()?);
    n.checked_mul(&p, &q, &mut context)?;
    p1.checked_sub(&p, &one)?;
    q1.checked_sub(&q, &one)?;
    for secret in [&mut p1, &mut q1] {
        secret.set_const_time();
    }
    product.checked_mul(&p1, &q1, &mut context)?;
    gcd.gcd(&p1, &q1, &mut context)?;
    lcm.checked_div(&product, &gcd, &mut context)?;
    lcm.set_const_time();
    let mut d = number()?;
    d.mod_inverse(e, &lcm, &mut context)?;
    d.set_const_time();
    if d.num_bits() <= half {
        return Ok(None);
    }
    let (mut dp, mut dq, mut qi) = (number()?, number()?, number()?);
    dp.checked_rem(&d, &p1, &mut context)?;
    dq.checked_rem(&d, &q1, &mut context)?;
    qi.mod_inverse(&q, &p, &mut context)?;
    let key = RsaPrivateKeyBuilder::new(n, e.to_owned()?, d)?.set_factors(p, q)?.set_crt_params(dp, dq, qi)?;
    Ok(Some(key.build()))
}
