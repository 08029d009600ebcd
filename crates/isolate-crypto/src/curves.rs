//! Elliptic curves: ECDSA, ECDH, and those of RFC 7748 and RFC 8032.

use bytes::Bytes;
use isolate_core::{DomExceptionName, HostError};
use openssl::bn::{BigNum, BigNumContext};
use openssl::derive::Deriver;
use openssl::ec::{EcGroup, EcKey, EcPoint, PointConversionForm};
use openssl::ecdsa::EcdsaSig;
use openssl::pkey::{PKey, PKeyRef, Private, Public};
use openssl::pkey_ctx::{NonceType, PkeyCtx};
use openssl::sign::{Signer, Verifier};
use zeroize::Zeroizing;

use crate::algorithm::{Curve, Hash, Okp};
use crate::random::RandomSource;
use crate::{error, operation_error};

/// Signs with ECDSA. The signature is r and s, each of the curve's size.
pub(crate) fn ecdsa_sign(
    curve: Curve,
    key: &PKeyRef<Private>,
    hash: Hash,
    data: &[u8],
    random: &RandomSource,
) -> Result<Bytes, HostError> {
    let digest = openssl::hash::hash(hash.digest(), data).map_err(operation_error)?;
    let mut context = PkeyCtx::new(key).map_err(operation_error)?;
    context.sign_init().map_err(operation_error)?;
    context.set_signature_md(hash.md()).map_err(operation_error)?;
    if !random.is_system() {
        context.set_nonce_type(NonceType::DETERMINISTIC_K).map_err(operation_error)?;
    }
    let mut der = Vec::new();
    context.sign_to_vec(&digest, &mut der).map_err(operation_error)?;
    let signature = EcdsaSig::from_der(&der).map_err(operation_error)?;
    let size = i32::try_from(curve.size()).unwrap_or(i32::MAX);
    let mut out = signature.r().to_vec_padded(size).map_err(operation_error)?;
    out.extend(signature.s().to_vec_padded(size).map_err(operation_error)?);
    Ok(out.into())
}

/// Whatever is wrong with a signature, it is not valid.
pub(crate) fn ecdsa_verify(
    curve: Curve,
    key: &PKeyRef<Public>,
    hash: Hash,
    signature: &[u8],
    data: &[u8],
) -> Result<bool, HostError> {
    if signature.len() != 2 * curve.size() {
        return Ok(false);
    }
    let (r, s) = signature.split_at(curve.size());
    let number = |bytes| BigNum::from_slice(bytes).map_err(operation_error);
    let signature = EcdsaSig::from_private_components(number(r)?, number(s)?).map_err(operation_error)?;
    let der = signature.to_der().map_err(operation_error)?;
    let digest = openssl::hash::hash(hash.digest(), data).map_err(operation_error)?;
    let mut context = PkeyCtx::new(key).map_err(operation_error)?;
    context.verify_init().map_err(operation_error)?;
    context.set_signature_md(hash.md()).map_err(operation_error)?;
    Ok(context.verify(&digest, &der).unwrap_or(false))
}

pub(crate) fn eddsa_sign(key: &PKeyRef<Private>, data: &[u8]) -> Result<Bytes, HostError> {
    let mut signer = Signer::new_without_digest(key).map_err(operation_error)?;
    signer.sign_oneshot_to_vec(data).map(Bytes::from).map_err(operation_error)
}

pub(crate) fn eddsa_verify(key: &PKeyRef<Public>, signature: &[u8], data: &[u8]) -> Result<bool, HostError> {
    let mut verifier = Verifier::new_without_digest(key).map_err(operation_error)?;
    Ok(verifier.verify_oneshot(signature, data).unwrap_or(false))
}

/// The secret that two keys share, for both kinds of curves. One of zeros only is refused.
pub(crate) fn shared_secret(key: &PKeyRef<Private>, peer: &PKeyRef<Public>) -> Result<Zeroizing<Vec<u8>>, HostError> {
    let mut deriver = Deriver::new(key).map_err(operation_error)?;
    deriver.set_peer(peer).map_err(operation_error)?;
    let secret = Zeroizing::new(deriver.derive_to_vec().map_err(operation_error)?);
    match secret.iter().all(|b| *b == 0) {
        true => Err(error(DomExceptionName::OperationError, "The keys share no secret.")),
        false => Ok(secret),
    }
}

fn group(curve: Curve) -> Result<EcGroup, HostError> {
    EcGroup::from_curve_name(curve.nid()).map_err(operation_error)
}

/// A private key from its number, with the public key that belongs to it.
pub(crate) fn ec_private(curve: Curve, number: &[u8]) -> Result<PKey<Private>, HostError> {
    let group = group(curve)?;
    let mut context = BigNumContext::new_secure().map_err(operation_error)?;
    let mut secret = BigNum::from_slice(number).map_err(operation_error)?;
    secret.set_const_time();
    let mut order = BigNum::new().map_err(operation_error)?;
    group.order(&mut order, &mut context).map_err(operation_error)?;
    if secret.num_bits() == 0 || secret >= order {
        return Err(error(DomExceptionName::DataError, "The private key is not one of the curve."));
    }
    let mut public = EcPoint::new(&group).map_err(operation_error)?;
    public.mul_generator2(&group, &secret, &mut context).map_err(operation_error)?;
    let key = EcKey::from_private_components(&group, &secret, &public);
    secret.clear();
    key.and_then(PKey::from_ec_key).map_err(operation_error)
}

/// A public key from its point, compressed or not.
pub(crate) fn ec_public(curve: Curve, point: &[u8]) -> Result<PKey<Public>, HostError> {
    let group = group(curve)?;
    let mut context = BigNumContext::new().map_err(operation_error)?;
    let bad = |_| error(DomExceptionName::DataError, "The bytes are not a point of the curve.");
    let point = EcPoint::from_bytes(&group, point, &mut context).map_err(bad)?;
    let key = EcKey::from_public_key(&group, &point).map_err(bad)?;
    key.check_key().map_err(bad)?;
    PKey::from_ec_key(key).map_err(operation_error)
}

/// Draws numbers until one is a key of the curve.
pub(crate) fn ec_generate(curve: Curve, random: &RandomSource) -> Result<PKey<Private>, HostError> {
    if random.is_system() {
        let key = EcKey::generate(&*group(curve)?).map_err(operation_error)?;
        return PKey::from_ec_key(key).map_err(operation_error);
    }
    let mut number = Zeroizing::new(vec![0; curve.size()]);
    // All but one in 2³² fit, so it ends for any source that is worth the name.
    for _ in 0..256 {
        random.fill(&mut number)?;
        if curve == Curve::P521
            && let Some(first) = number.first_mut()
        {
            *first &= 1;
        }
        if let Ok(key) = ec_private(curve, &number) {
            return Ok(key);
        }
    }
    Err(error(DomExceptionName::OperationError, "The random source gives nothing that is random."))
}

pub(crate) fn okp_generate(okp: Okp, random: &RandomSource) -> Result<PKey<Private>, HostError> {
    let mut seed = Zeroizing::new(vec![0; okp.size()]);
    random.fill(&mut seed)?;
    okp_private(okp, &seed)
}

pub(crate) fn okp_private(okp: Okp, seed: &[u8]) -> Result<PKey<Private>, HostError> {
    PKey::private_key_from_raw_bytes(seed, okp.id()).map_err(|_| bad_length())
}

pub(crate) fn okp_public(okp: Okp, bytes: &[u8]) -> Result<PKey<Public>, HostError> {
    if bytes.len() != okp.size() {
        return Err(bad_length());
    }
    PKey::public_key_from_raw_bytes(bytes, okp.id()).map_err(|_| bad_length())
}

fn bad_length() -> HostError {
    error(DomExceptionName::DataError, "The key does not have the length that those of its curve have.")
}

/// The public half of a private key.
pub(crate) fn public_half(key: &PKeyRef<Private>) -> Result<PKey<Public>, HostError> {
    let der = key.public_key_to_der().map_err(operation_error)?;
    PKey::public_key_from_der(&der).map_err(operation_error)
}

/// The uncompressed point of a public key.
pub(crate) fn ec_point(key: &openssl::ec::EcKeyRef<impl openssl::pkey::HasPublic>) -> Result<Vec<u8>, HostError> {
    let mut context = BigNumContext::new().map_err(operation_error)?;
    key.public_key().to_bytes(key.group(), PointConversionForm::UNCOMPRESSED, &mut context).map_err(operation_error)
}
