//! Keys. Their material stays on the host and is overwritten when the last user of it is gone.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use isolate_core::{Charge, Context, DomExceptionName, HostError, Object, Value};
use openssl::pkey::{PKey, Private, Public};
use zeroize::Zeroizing;

use crate::algorithm::{KeyAlgorithm, Usage, Usages};
use crate::error;

pub(crate) enum Material {
    Secret(Zeroizing<Vec<u8>>),
    /// OpenSSL overwrites it when it frees it.
    Private(PKey<Private>),
    Public(PKey<Public>),
}

impl Material {
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Secret(_) => "secret",
            Self::Private(_) => "private",
            Self::Public(_) => "public",
        }
    }

    /// What it takes, about.
    fn size(&self) -> usize {
        let bits = |bits: u32| 1024 + bits as usize;
        match self {
            Self::Secret(bytes) => bytes.len(),
            Self::Private(key) => bits(key.bits()),
            Self::Public(key) => bits(key.bits()),
        }
    }
}

pub(crate) struct Key {
    pub(crate) material: Material,
    pub(crate) algorithm: KeyAlgorithm,
    pub(crate) extractable: bool,
    pub(crate) usages: Usages,
}

impl Key {
    pub(crate) fn secret(
        bytes: Zeroizing<Vec<u8>>,
        algorithm: KeyAlgorithm,
        extractable: bool,
        usages: Usages,
    ) -> Result<Self, HostError> {
        Self { material: Material::Secret(bytes), algorithm, extractable, usages }.useful()
    }

    pub(crate) fn private(
        key: PKey<Private>,
        algorithm: KeyAlgorithm,
        extractable: bool,
        usages: Usages,
    ) -> Result<Self, HostError> {
        Self { material: Material::Private(key), algorithm, extractable, usages }.useful()
    }

    pub(crate) fn public(key: PKey<Public>, algorithm: KeyAlgorithm, extractable: bool, usages: Usages) -> Self {
        Self { material: Material::Public(key), algorithm, extractable, usages }
    }

    /// A secret or private key that is good for nothing is refused.
    fn useful(self) -> Result<Self, HostError> {
        match self.usages.is_empty() {
            true => Err(error(DomExceptionName::SyntaxError, "A secret or private key needs at least one usage.")),
            false => Ok(self),
        }
    }

    /// Whether an algorithm may use it for this.
    pub(crate) fn allow(&self, algorithm: &str, usage: Usage) -> Result<(), HostError> {
        self.is_for(algorithm)?;
        match self.usages.has(usage) {
            true => Ok(()),
            false => Err(invalid_access(format!("The key may not be used for {}.", usage.name()))),
        }
    }

    pub(crate) fn is_for(&self, algorithm: &str) -> Result<(), HostError> {
        let name = self.algorithm.name();
        match name == algorithm {
            true => Ok(()),
            false => Err(invalid_access(format!("The key is one for {name}, not for {algorithm}."))),
        }
    }

    pub(crate) fn as_secret(&self) -> Result<&[u8], HostError> {
        match &self.material {
            Material::Secret(bytes) => Ok(bytes),
            _ => Err(invalid_access("The key is not a secret one.")),
        }
    }

    pub(crate) fn as_private(&self) -> Result<&PKey<Private>, HostError> {
        match &self.material {
            Material::Private(key) => Ok(key),
            _ => Err(invalid_access("The key is not a private one.")),
        }
    }

    pub(crate) fn as_public(&self) -> Result<&PKey<Public>, HostError> {
        match &self.material {
            Material::Public(key) => Ok(key),
            _ => Err(invalid_access("The key is not a public one.")),
        }
    }
}

fn invalid_access(message: impl Into<String>) -> HostError {
    error(DomExceptionName::InvalidAccessError, message)
}

/// The keys of a context, by numbers that are never used twice.
#[derive(Default)]
pub(crate) struct Keys {
    next: Cell<u64>,
    entries: RefCell<HashMap<u64, (Arc<Key>, Charge)>>,
}

/// Lives as long as the guest's object; the key goes with it.
struct Token(Rc<Keys>, u64);

impl Drop for Token {
    fn drop(&mut self) {
        let entry = self.0.entries.borrow_mut().remove(&self.1);
        drop(entry);
    }
}

impl Keys {
    pub(crate) fn len(&self) -> usize {
        self.entries.borrow().len()
    }

    pub(crate) fn clear(&self) {
        let entries = std::mem::take(&mut *self.entries.borrow_mut());
        drop(entries);
    }

    pub(crate) fn get(&self, id: u64) -> Result<Arc<Key>, HostError> {
        self.entries
            .borrow()
            .get(&id)
            .map(|(key, _)| key.clone())
            .ok_or_else(|| error(DomExceptionName::InvalidStateError, "The key was disposed of."))
    }

    /// Keeps a key, and gives what glue makes a `CryptoKey` of.
    pub(crate) fn insert(self: &Rc<Self>, context: &Context, key: Key) -> Result<Object, HostError> {
        /// Of an entry and its token, beside the material.
        const OVERHEAD: usize = 512;
        let charge = context.charge(key.material.size() + OVERHEAD)?;
        let id = self.next.get() + 1;
        self.next.set(id);
        let mut made = Object::with_capacity(10);
        made.insert("id", id as f64);
        made.insert("type", key.material.type_name());
        made.insert("extractable", key.extractable);
        made.insert("usages", f64::from(key.usages.bits()));
        made.insert("name", key.algorithm.name());
        match &key.algorithm {
            KeyAlgorithm::Hmac { hash, bits } => {
                made.insert("hash", hash.name());
                made.insert("length", f64::from(*bits));
            }
            KeyAlgorithm::Aes { bits, .. } => {
                made.insert("length", f64::from(*bits));
            }
            KeyAlgorithm::Rsa { hash, bits, exponent, .. } => {
                made.insert("hash", hash.name());
                made.insert("modulusLength", f64::from(*bits));
                made.insert("publicExponent", Value::Bytes(exponent.clone()));
            }
            KeyAlgorithm::Ec { curve, .. } => {
                made.insert("namedCurve", curve.name());
            }
            KeyAlgorithm::Okp(_) | KeyAlgorithm::Kdf(_) => {}
        }
        self.entries.borrow_mut().insert(id, (Arc::new(key), charge));
        let token = Token(self.clone(), id);
        let token = context.function("token", move || {
            let _ = &token;
        });
        made.insert("token", context.new_function(token)?);
        Ok(made)
    }
}
