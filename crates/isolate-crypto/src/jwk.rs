//! JSON Web Keys: <https://www.rfc-editor.org/rfc/rfc7517>, with the members of
//! [JsonWebKey](https://w3c.github.io/webcrypto/#JsonWebKey-dictionary).

use data_encoding::BASE64URL_NOPAD;
use isolate_core::{HostError, Object, Value};
use zeroize::Zeroizing;

use crate::algorithm::{Usage, Usages};
use crate::data_error;

/// The members that are strings.
const TEXTS: [&str; 15] = ["alg", "crv", "d", "dp", "dq", "e", "k", "kty", "n", "p", "q", "qi", "use", "x", "y"];

/// A key as members of a JSON object. `key_ops` is a list of strings, `ext` a boolean, `oth` anything, all else strings.
pub(crate) struct Jwk(Object);

impl Jwk {
    pub(crate) fn new(kty: &str) -> Self {
        let mut members = Object::with_capacity(12);
        members.insert("kty", kty);
        Self(members)
    }

    /// Of a dictionary that glue has converted.
    pub(crate) fn from_members(members: Object) -> Self {
        Self(members)
    }

    /// Of what was wrapped. Members of the wrong kind are refused.
    pub(crate) fn from_json(text: &[u8]) -> Result<Self, HostError> {
        let bad = |_| data_error("What was unwrapped is not a JSON Web Key.");
        let json: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(text).map_err(bad)?;
        let mut members = Object::with_capacity(json.len());
        for (name, value) in json {
            let value = match (name.as_str(), value) {
                ("key_ops", serde_json::Value::Array(all)) => {
                    let all = all.into_iter().map(|op| match op {
                        serde_json::Value::String(op) => Ok(Value::from(op)),
                        _ => Err(data_error("key_ops holds something that is no string.")),
                    });
                    Value::List(all.collect::<Result<_, _>>()?)
                }
                ("ext", serde_json::Value::Bool(b)) => b.into(),
                ("oth", _) => true.into(),
                (name, serde_json::Value::String(text)) if TEXTS.contains(&name) => text.into(),
                (name, _) if TEXTS.contains(&name) || matches!(name, "key_ops" | "ext") => {
                    return Err(data_error(format!("{name} is of the wrong type.")));
                }
                _ => continue,
            };
            members.insert(name, value);
        }
        Ok(Self(members))
    }

    pub(crate) fn to_json(&self) -> Result<Zeroizing<Vec<u8>>, HostError> {
        fn json(value: &Value) -> serde_json::Value {
            match value {
                Value::Bool(b) => (*b).into(),
                Value::String(text) => text.as_str().into(),
                Value::List(all) => all.iter().map(json).collect(),
                _ => serde_json::Value::Null,
            }
        }
        let members: serde_json::Map<_, _> = self.0.iter().map(|(name, v)| (name.to_owned(), json(v))).collect();
        let text = serde_json::to_vec(&members);
        text.map(Zeroizing::new).map_err(|e| HostError::error("a key could not be written").with_source(e))
    }

    pub(crate) fn into_members(self) -> Object {
        self.0
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some()
    }

    pub(crate) fn insert(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name, value);
    }

    pub(crate) fn insert_bytes(&mut self, name: &str, bytes: &[u8]) {
        self.0.insert(name, BASE64URL_NOPAD.encode(bytes));
    }

    /// A member in base64url.
    pub(crate) fn bytes(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, HostError> {
        let text = self.text(name).ok_or_else(|| data_error(format!("The key has no {name}.")))?;
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes());
        bytes.map(Zeroizing::new).map_err(|_| data_error(format!("{name} is not in base64url.")))
    }

    /// A member in base64url of a known number of bytes.
    pub(crate) fn bytes_of(&self, name: &str, size: usize) -> Result<Zeroizing<Vec<u8>>, HostError> {
        let bytes = self.bytes(name)?;
        match bytes.len() == size {
            true => Ok(bytes),
            false => Err(data_error(format!("{name} must have {size} bytes, but has {}.", bytes.len()))),
        }
    }

    /// What all algorithms ask of `kty`, `use`, `key_ops` and `ext`.
    pub(crate) fn check(&self, kty: &str, use_: &str, usages: Usages, extractable: bool) -> Result<(), HostError> {
        if self.text("kty") != Some(kty) {
            return Err(data_error(format!("kty must be {kty}.")));
        }
        if !usages.is_empty() && self.text("use").is_some_and(|u| u != use_) {
            return Err(data_error(format!("use must be {use_}.")));
        }
        if let Some(ops) = self.0.get("key_ops").and_then(Value::as_list) {
            let mut known = Usages::NONE;
            for (i, op) in ops.iter().enumerate() {
                if ops.iter().take(i).any(|other| other == op) {
                    return Err(data_error("key_ops names an operation twice."));
                }
                if let Some(usage) = op.as_str().and_then(Usage::from_name) {
                    known = Usages::from_bits(known.bits() | Usages::of(&[usage]).bits());
                }
            }
            if !usages.within(known) {
                return Err(data_error("key_ops does not allow all the usages."));
            }
        }
        if extractable && self.0.get("ext").and_then(Value::as_bool) == Some(false) {
            return Err(data_error("The key may not be extracted."));
        }
        Ok(())
    }

    /// What all exported keys say.
    pub(crate) fn finish(mut self, usages: Usages, extractable: bool) -> Self {
        self.insert("key_ops", Value::List(usages.names().map(Value::from).collect()));
        self.insert("ext", extractable);
        self
    }
}
