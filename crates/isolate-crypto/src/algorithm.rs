//! The names of the standard, as types.

use bytes::Bytes;
use isolate_core::{DomExceptionName, HostError, Object, Value};
use openssl::hash::MessageDigest;
use openssl::md::{Md, MdRef};
use openssl::nid::Nid;
use openssl::pkey::Id;

use crate::error;

macro_rules! names {
    ($(#[$doc:meta])* $type:ident { $($variant:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $type { $($variant,)* }
        impl $type {
            pub(crate) fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

names!(Hash { Sha1 = "SHA-1", Sha256 = "SHA-256", Sha384 = "SHA-384", Sha512 = "SHA-512", });
names!(AesMode { Cbc = "AES-CBC", Ctr = "AES-CTR", Gcm = "AES-GCM", Kw = "AES-KW", });
names!(RsaScheme { Pkcs1 = "RSASSA-PKCS1-v1_5", Pss = "RSA-PSS", Oaep = "RSA-OAEP", });
names!(EcScheme { Ecdsa = "ECDSA", Ecdh = "ECDH", });
names!(Curve { P256 = "P-256", P384 = "P-384", P521 = "P-521", });
names!(Okp { Ed25519 = "Ed25519", Ed448 = "Ed448", X25519 = "X25519", X448 = "X448", });
names!(Kdf { Hkdf = "HKDF", Pbkdf2 = "PBKDF2", });
names!(
    /// In the order in which `CryptoKey.usages` lists them.
    Usage {
        Encrypt = "encrypt",
        Decrypt = "decrypt",
        Sign = "sign",
        Verify = "verify",
        DeriveKey = "deriveKey",
        DeriveBits = "deriveBits",
        WrapKey = "wrapKey",
        UnwrapKey = "unwrapKey",
    }
);

impl Hash {
    pub(crate) fn md(self) -> &'static MdRef {
        match self {
            Self::Sha1 => Md::sha1(),
            Self::Sha256 => Md::sha256(),
            Self::Sha384 => Md::sha384(),
            Self::Sha512 => Md::sha512(),
        }
    }

    pub(crate) fn digest(self) -> MessageDigest {
        match self {
            Self::Sha1 => MessageDigest::sha1(),
            Self::Sha256 => MessageDigest::sha256(),
            Self::Sha384 => MessageDigest::sha384(),
            Self::Sha512 => MessageDigest::sha512(),
        }
    }

    /// Of its output, in bytes.
    pub(crate) fn size(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// Of the blocks that it takes, in bits.
    pub(crate) fn block_bits(self) -> u32 {
        match self {
            Self::Sha1 | Self::Sha256 => 512,
            Self::Sha384 | Self::Sha512 => 1024,
        }
    }

    /// As in the names of JSON Web Algorithms: `HS256`.
    pub(crate) fn number(self) -> &'static str {
        match self {
            Self::Sha1 => "1",
            Self::Sha256 => "256",
            Self::Sha384 => "384",
            Self::Sha512 => "512",
        }
    }
}

impl Curve {
    pub(crate) fn nid(self) -> Nid {
        match self {
            Self::P256 => Nid::X9_62_PRIME256V1,
            Self::P384 => Nid::SECP384R1,
            Self::P521 => Nid::SECP521R1,
        }
    }

    /// Of a coordinate, and of a private key, in bytes.
    pub(crate) fn size(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    pub(crate) fn ecdsa_jwk_alg(self) -> &'static str {
        match self {
            Self::P256 => "ES256",
            Self::P384 => "ES384",
            Self::P521 => "ES512",
        }
    }
}

impl Okp {
    pub(crate) fn id(self) -> Id {
        match self {
            Self::Ed25519 => Id::ED25519,
            Self::Ed448 => Id::ED448,
            Self::X25519 => Id::X25519,
            Self::X448 => Id::X448,
        }
    }

    /// Of both keys, in bytes.
    pub(crate) fn size(self) -> usize {
        match self {
            Self::Ed25519 | Self::X25519 => 32,
            Self::Ed448 => 57,
            Self::X448 => 56,
        }
    }

    pub(crate) fn signs(self) -> bool {
        matches!(self, Self::Ed25519 | Self::Ed448)
    }
}

/// A set of usages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usages(u8);

impl Usages {
    pub(crate) const NONE: Self = Self(0);

    pub(crate) const fn of(all: &[Usage]) -> Self {
        let mut bits = 0;
        let mut i = 0;
        while i < all.len() {
            bits |= 1 << all[i] as u8;
            i += 1;
        }
        Self(bits)
    }

    /// From the bits that glue counts, in the order of [`Usage`].
    pub(crate) fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    pub(crate) fn bits(self) -> u8 {
        self.0
    }

    pub(crate) fn has(self, usage: Usage) -> bool {
        self.0 & (1 << usage as u8) != 0
    }

    pub(crate) fn within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        const ALL: [Usage; 8] = [
            Usage::Encrypt,
            Usage::Decrypt,
            Usage::Sign,
            Usage::Verify,
            Usage::DeriveKey,
            Usage::DeriveBits,
            Usage::WrapKey,
            Usage::UnwrapKey,
        ];
        ALL.into_iter().filter(move |u| self.has(*u)).map(Usage::name)
    }
}

/// What `CryptoKey.algorithm` says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum KeyAlgorithm {
    Hmac { hash: Hash, bits: u32 },
    Aes { mode: AesMode, bits: u32 },
    Rsa { scheme: RsaScheme, hash: Hash, bits: u32, exponent: Bytes },
    Ec { scheme: EcScheme, curve: Curve },
    Okp(Okp),
    Kdf(Kdf),
}

impl KeyAlgorithm {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Hmac { .. } => "HMAC",
            Self::Aes { mode, .. } => mode.name(),
            Self::Rsa { scheme, .. } => scheme.name(),
            Self::Ec { scheme, .. } => scheme.name(),
            Self::Okp(okp) => okp.name(),
            Self::Kdf(kdf) => kdf.name(),
        }
    }
}

/// A normalized algorithm, as glue sends it.
pub(crate) struct Params(pub(crate) Object);

impl Params {
    pub(crate) fn name(&self) -> &str {
        self.text("name").unwrap_or_default()
    }

    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(Value::as_str)
    }

    pub(crate) fn hash(&self) -> Result<Hash, HostError> {
        self.text("hash").and_then(Hash::from_name).ok_or_else(|| HostError::type_error("hash: required"))
    }

    pub(crate) fn curve(&self) -> Result<Curve, HostError> {
        let name = self.text("namedCurve").unwrap_or_default();
        Curve::from_name(name)
            .ok_or_else(|| error(DomExceptionName::NotSupportedError, format!("The curve '{name}' is not supported.")))
    }

    /// A number that Web IDL has made whole, and no larger than 2³² − 1.
    pub(crate) fn number(&self, key: &str) -> Option<u32> {
        self.0.get(key).and_then(Value::as_f64).map(|n| n as u32)
    }

    pub(crate) fn bytes(&self, key: &str) -> Option<&Bytes> {
        self.0.get(key).and_then(Value::as_bytes)
    }
}
