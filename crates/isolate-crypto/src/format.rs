//! Importing and exporting keys: raw, pkcs8, spki and jwk.

use bytes::Bytes;
use isolate_core::{DomExceptionName, HostError};
use openssl::bn::BigNum;
use openssl::ec::EcKeyRef;
use openssl::pkey::{HasPublic, Id, PKey, Private, Public};
use openssl::rsa::{Rsa, RsaPrivateKeyBuilder};
use zeroize::Zeroizing;

use crate::algorithm::{AesMode, Curve, EcScheme, Hash, Kdf, KeyAlgorithm, Okp, Params, RsaScheme, Usage, Usages};
use crate::jwk::Jwk;
use crate::key::{Key, Material};
use crate::{curves, data_error, error, operation_error};

/// The largest modulus that is taken, in bits: OpenSSL's own bound.
const RSA_BITS: u32 = 16_384;
/// The largest secret key that is taken, in bytes.
pub(crate) const SECRET_BYTES: usize = 1 << 20;

/// What a key is made of.
pub(crate) enum KeyData {
    Raw(Zeroizing<Vec<u8>>),
    Pkcs8(Zeroizing<Vec<u8>>),
    Spki(Zeroizing<Vec<u8>>),
    Jwk(Jwk),
}

pub(crate) enum Exported {
    Bytes(Bytes),
    Jwk(Jwk),
}

fn not_supported<T>(message: impl Into<String>) -> Result<T, HostError> {
    Err(error(DomExceptionName::NotSupportedError, message))
}

fn only(usages: Usages, allowed: Usages) -> Result<(), HostError> {
    match usages.within(allowed) {
        true => Ok(()),
        false => Err(error(DomExceptionName::SyntaxError, "The key cannot have such usages.")),
    }
}

pub(crate) fn import(params: &Params, data: KeyData, extractable: bool, usages: Usages) -> Result<Key, HostError> {
    let name = params.name();
    if name == "HMAC" {
        return import_hmac(params, data, extractable, usages);
    }
    if let Some(mode) = AesMode::from_name(name) {
        return import_aes(mode, data, extractable, usages);
    }
    if let Some(scheme) = RsaScheme::from_name(name) {
        return import_rsa(scheme, params.hash()?, data, extractable, usages);
    }
    if let Some(scheme) = EcScheme::from_name(name) {
        return import_ec(scheme, params.curve()?, data, extractable, usages);
    }
    if let Some(okp) = Okp::from_name(name) {
        return import_okp(okp, data, extractable, usages);
    }
    if let Some(kdf) = Kdf::from_name(name) {
        let KeyData::Raw(bytes) = data else { return not_supported(format!("{name} keys are imported raw only.")) };
        only(usages, Usages::of(&[Usage::DeriveKey, Usage::DeriveBits]))?;
        if extractable {
            return Err(error(DomExceptionName::SyntaxError, format!("{name} keys cannot be extractable.")));
        }
        bounded(&bytes)?;
        return Key::secret(bytes, KeyAlgorithm::Kdf(kdf), false, usages);
    }
    not_supported(format!("Keys for '{name}' cannot be imported."))
}

fn bounded(bytes: &[u8]) -> Result<(), HostError> {
    match bytes.len() <= SECRET_BYTES {
        true => Ok(()),
        false => Err(data_error(format!("The key is larger than {SECRET_BYTES} bytes."))),
    }
}

pub(crate) const HMAC_USAGES: Usages = Usages::of(&[Usage::Sign, Usage::Verify]);

fn import_hmac(params: &Params, data: KeyData, extractable: bool, usages: Usages) -> Result<Key, HostError> {
    only(usages, HMAC_USAGES)?;
    let hash = params.hash()?;
    let mut bytes = match data {
        KeyData::Raw(bytes) => bytes,
        KeyData::Jwk(jwk) => {
            jwk.check("oct", "sig", usages, extractable)?;
            if jwk.text("alg").is_some_and(|alg| alg.strip_prefix("HS") != Some(hash.number())) {
                return Err(data_error("alg is of another hash."));
            }
            jwk.bytes("k")?
        }
        _ => return not_supported("HMAC keys are imported as raw or jwk only."),
    };
    bounded(&bytes)?;
    let all = u32::try_from(bytes.len() * 8).unwrap_or(u32::MAX);
    if all == 0 {
        return Err(data_error("The key is empty."));
    }
    let bits = match params.number("length") {
        None => all,
        Some(bits) if bits > all || bits <= all - 8 => {
            return Err(data_error("The key has not the length that was asked for."));
        }
        Some(bits) => bits,
    };
    keep_bits(&mut bytes, bits);
    Key::secret(bytes, KeyAlgorithm::Hmac { hash, bits }, extractable, usages)
}

/// Keeps the first bits: whole bytes, of which the last is filled with zeros.
pub(crate) fn keep_bits(bytes: &mut Zeroizing<Vec<u8>>, bits: u32) {
    bytes.truncate(bits.div_ceil(8) as usize);
    if !bits.is_multiple_of(8)
        && let Some(last) = bytes.last_mut()
    {
        *last &= 0xffu8 << (8 - bits % 8);
    }
}

pub(crate) fn aes_usages(mode: AesMode) -> Usages {
    match mode {
        AesMode::Kw => Usages::of(&[Usage::WrapKey, Usage::UnwrapKey]),
        _ => Usages::of(&[Usage::Encrypt, Usage::Decrypt, Usage::WrapKey, Usage::UnwrapKey]),
    }
}

fn aes_alg(mode: AesMode, bits: u32) -> String {
    format!("A{bits}{}", mode.name().trim_start_matches("AES-"))
}

fn import_aes(mode: AesMode, data: KeyData, extractable: bool, usages: Usages) -> Result<Key, HostError> {
    only(usages, aes_usages(mode))?;
    let (bytes, alg) = match data {
        KeyData::Raw(bytes) => (bytes, None),
        KeyData::Jwk(jwk) => {
            jwk.check("oct", "enc", usages, extractable)?;
            (jwk.bytes("k")?, jwk.text("alg").map(str::to_owned))
        }
        _ => return not_supported(format!("{} keys are imported as raw or jwk only.", mode.name())),
    };
    let bits = match bytes.len() {
        16 => 128,
        24 => 192,
        32 => 256,
        n => return Err(data_error(format!("An AES key has 16, 24 or 32 bytes, not {n}."))),
    };
    if alg.is_some_and(|alg| alg != aes_alg(mode, bits)) {
        return Err(data_error("alg is of another algorithm."));
    }
    Key::secret(bytes, KeyAlgorithm::Aes { mode, bits }, extractable, usages)
}

/// The usages that the two keys of a pair may have.
pub(crate) fn pair_usages(name: &str) -> (Usages, Usages) {
    match name {
        "RSA-OAEP" => (Usages::of(&[Usage::Encrypt, Usage::WrapKey]), Usages::of(&[Usage::Decrypt, Usage::UnwrapKey])),
        "ECDH" | "X25519" | "X448" => (Usages::NONE, Usages::of(&[Usage::DeriveKey, Usage::DeriveBits])),
        _ => (Usages::of(&[Usage::Verify]), Usages::of(&[Usage::Sign])),
    }
}

/// Refuses what does not end where its outermost element does: OpenSSL does not look at what follows.
fn whole_der(der: &[u8]) -> Result<&[u8], HostError> {
    let bad = || data_error("The key is not in DER.");
    let length = match *der {
        [0x30, n, ..] if n < 0x80 => 2 + usize::from(n),
        [0x30, n, ref rest @ ..] if (0x81..=0x83).contains(&n) => {
            let digits = rest.get(..usize::from(n - 0x80)).ok_or_else(bad)?;
            digits.iter().fold(0, |length, d| length << 8 | usize::from(*d)) + 2 + digits.len()
        }
        _ => return Err(bad()),
    };
    if length == der.len() { Ok(der) } else { Err(bad()) }
}

fn private_der(der: &[u8], id: Id) -> Result<PKey<Private>, HostError> {
    let key = PKey::private_key_from_pkcs8(whole_der(der)?).map_err(|_| data_error("The key is not a PKCS #8 key."))?;
    if key.id() == id { Ok(key) } else { Err(data_error("The key is for another algorithm.")) }
}

fn public_der(der: &[u8], id: Id) -> Result<PKey<Public>, HostError> {
    let key = PKey::public_key_from_der(whole_der(der)?).map_err(|_| data_error("The key is not an SPKI key."))?;
    if key.id() == id { Ok(key) } else { Err(data_error("The key is for another algorithm.")) }
}

fn rsa_alg(scheme: RsaScheme, hash: Hash) -> String {
    let number = hash.number();
    match scheme {
        RsaScheme::Pkcs1 => format!("RS{number}"),
        RsaScheme::Pss => format!("PS{number}"),
        RsaScheme::Oaep if hash == Hash::Sha1 => "RSA-OAEP".into(),
        RsaScheme::Oaep => format!("RSA-OAEP-{number}"),
    }
}

/// Numbers with which OpenSSL's functions end, and end in sensible time.
fn check_rsa(n: &openssl::bn::BigNumRef, e: &openssl::bn::BigNumRef) -> Result<u32, HostError> {
    let bits = u32::try_from(n.num_bits()).unwrap_or(0);
    if !(256..=RSA_BITS).contains(&bits) || !n.is_bit_set(0) {
        return Err(data_error(format!("The modulus must be odd and have from 256 to {RSA_BITS} bits.")));
    }
    if !(2..=64).contains(&e.num_bits()) || !e.is_bit_set(0) {
        return Err(data_error("The public exponent must be odd, more than 1, and have at most 64 bits."));
    }
    Ok(bits)
}

pub(crate) fn rsa_algorithm<T: HasPublic>(
    scheme: RsaScheme,
    hash: Hash,
    rsa: &openssl::rsa::RsaRef<T>,
) -> Result<KeyAlgorithm, HostError> {
    let bits = check_rsa(rsa.n(), rsa.e())?;
    Ok(KeyAlgorithm::Rsa { scheme, hash, bits, exponent: rsa.e().to_vec().into() })
}

fn import_rsa(
    scheme: RsaScheme,
    hash: Hash,
    data: KeyData,
    extractable: bool,
    usages: Usages,
) -> Result<Key, HostError> {
    let (public_usages, private_usages) = pair_usages(scheme.name());
    let private = match &data {
        KeyData::Spki(_) => false,
        KeyData::Pkcs8(_) => true,
        KeyData::Jwk(jwk) => jwk.has("d"),
        KeyData::Raw(_) => return not_supported("RSA keys cannot be imported raw."),
    };
    only(usages, if private { private_usages } else { public_usages })?;
    let number = |jwk: &Jwk, name| BigNum::from_slice(&jwk.bytes(name)?).map_err(operation_error);
    if let KeyData::Jwk(jwk) = &data {
        let use_ = if scheme == RsaScheme::Oaep { "enc" } else { "sig" };
        jwk.check("RSA", use_, usages, extractable)?;
        if jwk.text("alg").is_some_and(|alg| alg != rsa_alg(scheme, hash)) {
            return Err(data_error("alg is of another algorithm."));
        }
        check_rsa(&*number(jwk, "n")?, &*number(jwk, "e")?)?;
    }
    let invalid = |_| data_error("The numbers are not those of an RSA key.");
    if private {
        let key = match &data {
            KeyData::Pkcs8(der) => private_der(der, Id::RSA)?,
            KeyData::Jwk(jwk) => {
                if jwk.has("oth") {
                    return not_supported("RSA keys of more than two primes are not supported.");
                }
                let part = |name| {
                    let mut number = number(jwk, name)?;
                    number.set_const_time();
                    Ok::<_, HostError>(number)
                };
                let builder = RsaPrivateKeyBuilder::new(number(jwk, "n")?, number(jwk, "e")?, part("d")?);
                let builder = builder.map_err(invalid)?;
                let builder = builder.set_factors(part("p")?, part("q")?).map_err(invalid)?;
                let builder = builder.set_crt_params(part("dp")?, part("dq")?, part("qi")?).map_err(invalid)?;
                PKey::from_rsa(builder.build()).map_err(invalid)?
            }
            _ => return not_supported("RSA keys cannot be imported raw."),
        };
        let rsa = key.rsa().map_err(invalid)?;
        let algorithm = rsa_algorithm(scheme, hash, &rsa)?;
        consistent(&rsa)?;
        return Key::private(key, algorithm, extractable, usages);
    }
    let key = match &data {
        KeyData::Spki(der) => public_der(der, Id::RSA)?,
        KeyData::Jwk(jwk) => {
            let rsa = Rsa::from_public_components(number(jwk, "n")?, number(jwk, "e")?).map_err(invalid)?;
            PKey::from_rsa(rsa).map_err(invalid)?
        }
        _ => return not_supported("RSA keys cannot be imported raw."),
    };
    let algorithm = rsa_algorithm(scheme, hash, &*key.rsa().map_err(invalid)?)?;
    Ok(Key::public(key, algorithm, extractable, usages))
}

/// That n = p · q, and that each number is smaller than what it is taken modulo. Whether p and q are prime is not looked
/// at: that takes long, and whoever imports a bad key only has a bad key.
fn consistent(rsa: &openssl::rsa::RsaRef<Private>) -> Result<(), HostError> {
    let bad = || data_error("The numbers are not those of an RSA key.");
    let (Some(p), Some(q), Some(dp), Some(dq), Some(qi)) = (rsa.p(), rsa.q(), rsa.dmp1(), rsa.dmq1(), rsa.iqmp())
    else {
        return Err(data_error("The key has not all of p, q, dp, dq and qi."));
    };
    let mut context = openssl::bn::BigNumContext::new_secure().map_err(operation_error)?;
    let mut n = BigNum::new_secure().map_err(operation_error)?;
    n.checked_mul(p, q, &mut context).map_err(operation_error)?;
    let odd = p.is_bit_set(0) && q.is_bit_set(0);
    match odd && *n == *rsa.n() && rsa.d() < rsa.n() && dp < p && dq < q && qi < p {
        true => Ok(()),
        false => Err(bad()),
    }
}

fn check_curve<T: HasPublic>(key: &EcKeyRef<T>, curve: Curve) -> Result<(), HostError> {
    if key.group().curve_name() != Some(curve.nid()) {
        return Err(data_error("The key is for another curve."));
    }
    key.check_key().map_err(|_| data_error("The key is not one of the curve."))
}

fn import_ec(
    scheme: EcScheme,
    curve: Curve,
    data: KeyData,
    extractable: bool,
    usages: Usages,
) -> Result<Key, HostError> {
    let (public_usages, private_usages) = pair_usages(scheme.name());
    let algorithm = KeyAlgorithm::Ec { scheme, curve };
    let private = match &data {
        KeyData::Pkcs8(_) => true,
        KeyData::Jwk(jwk) => jwk.has("d"),
        KeyData::Spki(_) | KeyData::Raw(_) => false,
    };
    only(usages, if private { private_usages } else { public_usages })?;
    let invalid = |_| data_error("The key is not one of the curve.");
    match data {
        KeyData::Raw(point) => {
            // One byte would be the point at infinity.
            let sizes = [1 + curve.size(), 1 + 2 * curve.size()];
            if !sizes.contains(&point.len()) {
                return Err(data_error("The key does not have the length that those of its curve have."));
            }
            Ok(Key::public(curves::ec_public(curve, &point)?, algorithm, extractable, usages))
        }
        KeyData::Spki(der) => {
            // A point that came compressed would be exported so: the key is made anew of its point.
            let key = public_der(&der, Id::EC)?.ec_key().map_err(invalid)?;
            check_curve(&key, curve)?;
            let key = curves::ec_public(curve, &curves::ec_point(&key)?)?;
            Ok(Key::public(key, algorithm, extractable, usages))
        }
        KeyData::Pkcs8(der) => {
            let key = private_der(&der, Id::EC)?.ec_key().map_err(invalid)?;
            check_curve(&key, curve)?;
            let size = i32::try_from(curve.size()).unwrap_or(i32::MAX);
            let number = Zeroizing::new(key.private_key().to_vec_padded(size).map_err(invalid)?);
            Key::private(curves::ec_private(curve, &number)?, algorithm, extractable, usages)
        }
        KeyData::Jwk(jwk) => {
            jwk.check("EC", if scheme == EcScheme::Ecdsa { "sig" } else { "enc" }, usages, extractable)?;
            if jwk.text("crv") != Some(curve.name()) {
                return Err(data_error("The key is for another curve."));
            }
            if scheme == EcScheme::Ecdsa && jwk.text("alg").is_some_and(|alg| alg != curve.ecdsa_jwk_alg()) {
                return Err(data_error("alg is of another curve."));
            }
            let (x, y) = (jwk.bytes_of("x", curve.size())?, jwk.bytes_of("y", curve.size())?);
            let point = [&[4], &x[..], &y[..]].concat();
            let public = curves::ec_public(curve, &point)?;
            if !private {
                return Ok(Key::public(public, algorithm, extractable, usages));
            }
            let key = curves::ec_private(curve, &jwk.bytes_of("d", curve.size())?)?;
            if !key.public_eq(&public) {
                return Err(data_error("The public key does not belong to the private one."));
            }
            Key::private(key, algorithm, extractable, usages)
        }
    }
}

fn import_okp(okp: Okp, data: KeyData, extractable: bool, usages: Usages) -> Result<Key, HostError> {
    let (public_usages, private_usages) = pair_usages(okp.name());
    let algorithm = KeyAlgorithm::Okp(okp);
    let private = match &data {
        KeyData::Pkcs8(_) => true,
        KeyData::Jwk(jwk) => jwk.has("d"),
        KeyData::Spki(_) | KeyData::Raw(_) => false,
    };
    only(usages, if private { private_usages } else { public_usages })?;
    match data {
        KeyData::Raw(bytes) => Ok(Key::public(curves::okp_public(okp, &bytes)?, algorithm, extractable, usages)),
        KeyData::Spki(der) => Ok(Key::public(public_der(&der, okp.id())?, algorithm, extractable, usages)),
        KeyData::Pkcs8(der) => Key::private(private_der(&der, okp.id())?, algorithm, extractable, usages),
        KeyData::Jwk(jwk) => {
            jwk.check("OKP", if okp.signs() { "sig" } else { "enc" }, usages, extractable)?;
            if jwk.text("crv") != Some(okp.name()) {
                return Err(data_error("The key is for another curve."));
            }
            if okp.signs() && jwk.text("alg").is_some_and(|alg| alg != "EdDSA" && alg != okp.name()) {
                return Err(data_error("alg is of another algorithm."));
            }
            let public = curves::okp_public(okp, &jwk.bytes("x")?)?;
            if !private {
                return Ok(Key::public(public, algorithm, extractable, usages));
            }
            let key = curves::okp_private(okp, &jwk.bytes_of("d", okp.size())?)?;
            if !key.public_eq(&public) {
                return Err(data_error("The public key does not belong to the private one."));
            }
            Key::private(key, algorithm, extractable, usages)
        }
    }
}

pub(crate) fn export(format: &str, key: &Key) -> Result<Exported, HostError> {
    if let KeyAlgorithm::Kdf(kdf) = &key.algorithm {
        return not_supported(format!("{} keys cannot be exported.", kdf.name()));
    }
    if !key.extractable {
        return Err(error(DomExceptionName::InvalidAccessError, "The key is not extractable."));
    }
    let wrong = |what: &str| {
        let type_name = key.material.type_name();
        Err(error(DomExceptionName::InvalidAccessError, format!("A {type_name} key cannot be exported as {what}.")))
    };
    let rsa = matches!(key.algorithm, KeyAlgorithm::Rsa { .. });
    match (format, &key.material) {
        ("raw", Material::Secret(bytes)) => Ok(Exported::Bytes(Bytes::copy_from_slice(bytes))),
        ("raw", _) if rsa => not_supported("RSA keys cannot be exported raw."),
        ("raw", Material::Public(public)) => match &key.algorithm {
            KeyAlgorithm::Ec { .. } => {
                let point = curves::ec_point(&*public.ec_key().map_err(operation_error)?)?;
                Ok(Exported::Bytes(point.into()))
            }
            _ => Ok(Exported::Bytes(public.raw_public_key().map_err(operation_error)?.into())),
        },
        ("raw", Material::Private(_)) => wrong("raw"),
        ("spki" | "pkcs8", Material::Secret(_)) => {
            not_supported(format!("{} keys cannot be exported as {format}.", key.algorithm.name()))
        }
        ("spki", Material::Public(public)) => {
            Ok(Exported::Bytes(public.public_key_to_der().map_err(operation_error)?.into()))
        }
        ("pkcs8", Material::Private(private)) => {
            Ok(Exported::Bytes(private.private_key_to_pkcs8().map_err(operation_error)?.into()))
        }
        ("spki" | "pkcs8", _) => wrong(format),
        ("jwk", _) => export_jwk(key).map(Exported::Jwk),
        _ => not_supported(format!("The format '{format}' is not supported.")),
    }
}

fn export_jwk(key: &Key) -> Result<Jwk, HostError> {
    let jwk = match (&key.algorithm, &key.material) {
        (algorithm, Material::Secret(bytes)) => {
            let mut jwk = Jwk::new("oct");
            jwk.insert_bytes("k", bytes);
            match algorithm {
                KeyAlgorithm::Hmac { hash, .. } => jwk.insert("alg", format!("HS{}", hash.number())),
                KeyAlgorithm::Aes { mode, bits } => jwk.insert("alg", aes_alg(*mode, *bits)),
                _ => {}
            }
            jwk
        }
        (KeyAlgorithm::Rsa { scheme, hash, .. }, material) => {
            let mut jwk = Jwk::new("RSA");
            jwk.insert("alg", rsa_alg(*scheme, *hash));
            match material {
                Material::Private(key) => {
                    let rsa = key.rsa().map_err(operation_error)?;
                    jwk.insert_bytes("n", &rsa.n().to_vec());
                    jwk.insert_bytes("e", &rsa.e().to_vec());
                    let parts = [
                        ("d", Some(rsa.d())),
                        ("p", rsa.p()),
                        ("q", rsa.q()),
                        ("dp", rsa.dmp1()),
                        ("dq", rsa.dmq1()),
                        ("qi", rsa.iqmp()),
                    ];
                    for (name, number) in parts {
                        if let Some(number) = number {
                            jwk.insert_bytes(name, &Zeroizing::new(number.to_vec()));
                        }
                    }
                }
                Material::Public(key) => {
                    let rsa = key.rsa().map_err(operation_error)?;
                    jwk.insert_bytes("n", &rsa.n().to_vec());
                    jwk.insert_bytes("e", &rsa.e().to_vec());
                }
                Material::Secret(_) => {}
            }
            jwk
        }
        (KeyAlgorithm::Ec { curve, .. }, material) => {
            let mut jwk = Jwk::new("EC");
            jwk.insert("crv", curve.name());
            let point = match material {
                Material::Private(key) => {
                    let ec = key.ec_key().map_err(operation_error)?;
                    let size = i32::try_from(curve.size()).unwrap_or(i32::MAX);
                    let d = Zeroizing::new(ec.private_key().to_vec_padded(size).map_err(operation_error)?);
                    jwk.insert_bytes("d", &d);
                    curves::ec_point(&ec)?
                }
                Material::Public(key) => curves::ec_point(&*key.ec_key().map_err(operation_error)?)?,
                Material::Secret(_) => Vec::new(),
            };
            let coordinates = point.get(1..).unwrap_or_default();
            let (x, y) = coordinates.split_at_checked(curve.size()).unwrap_or_default();
            jwk.insert_bytes("x", x);
            jwk.insert_bytes("y", y);
            jwk
        }
        (KeyAlgorithm::Okp(okp), material) => {
            let mut jwk = Jwk::new("OKP");
            jwk.insert("crv", okp.name());
            let public = match material {
                Material::Private(key) => {
                    let d = Zeroizing::new(key.raw_private_key().map_err(operation_error)?);
                    jwk.insert_bytes("d", &d);
                    key.raw_public_key().map_err(operation_error)?
                }
                Material::Public(key) => key.raw_public_key().map_err(operation_error)?,
                Material::Secret(_) => Vec::new(),
            };
            jwk.insert_bytes("x", &public);
            jwk
        }
        (algorithm, _) => return not_supported(format!("{} keys cannot be exported.", algorithm.name())),
    };
    Ok(jwk.finish(key.usages, key.extractable))
}
