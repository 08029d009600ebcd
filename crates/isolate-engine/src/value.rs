//! The data that crosses the boundary between the host and the guest.
//!
//! One closed enum rather than a trait per type: every engine can make and take each variant, a backend that forgets
//! one does not compile, and a value that left its engine is plain Rust data that can go to any thread. Objects are
//! copied, never shared: the host holds no live guest object whose getters could run later. The two exceptions,
//! [`Function`] and [`Promise`], are opaque tickets that only the context they came from can use.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use indexmap::IndexMap;
pub use num_bigint::{BigInt, Sign};

use crate::{Exception, Function, Promise};

/// How deep a value may be nested when it crosses: 100 levels of lists, objects, maps, sets and error causes.
///
/// A deeper one (and a cyclic one) is an error for the side that sends it, so that neither side can be made to recurse
/// without bound.
pub const MAX_DEPTH: usize = 100;

/// A JavaScript value as data.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// `undefined`; also what a hole of an array becomes.
    #[default]
    Undefined,
    /// `null`.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number: every JavaScript number is a double.
    Number(f64),
    /// A bigint of any size.
    BigInt(BigInt),
    /// A string. JavaScript strings may hold unpaired surrogates, Rust's cannot: each becomes U+FFFD, as in Web IDL's
    /// `USVString`.
    String(String),
    /// Bytes: out of the guest from an `ArrayBuffer` or any view of one, into the guest as a `Uint8Array`.
    Bytes(Bytes),
    /// An array.
    List(Vec<Value>),
    /// An object's own enumerable string-keyed properties, in their order.
    Object(Object),
    /// A `Date`: milliseconds since the Unix epoch; NaN is an invalid date.
    Date(f64),
    /// A `Map`, in insertion order.
    Map(Vec<(Value, Value)>),
    /// A `Set`, in insertion order.
    Set(Vec<Value>),
    /// A `RegExp`.
    RegExp(Box<RegExp>),
    /// An `Error` of any class, as data.
    Error(Box<Exception>),
    /// A guest function that the host may call.
    Function(Function),
    /// A guest promise that the host may inspect, or a host promise that the guest awaits.
    Promise(Promise),
    /// An object of the web platform, such as a `Blob` or a `ReadableStream`.
    Platform(Platform),
}

/// An object of the web platform as the host holds it: the name of its interface, and a value whose type belongs to
/// whoever defines the interface. Clones are the same object; it may go to any thread and outlive its context.
#[derive(Clone)]
pub struct Platform {
    interface: &'static str,
    object: Arc<dyn Any + Send + Sync>,
}

impl Platform {
    /// An object of an interface.
    pub fn new<T: Any + Send + Sync>(interface: &'static str, object: T) -> Self {
        Self { interface, object: Arc::new(object) }
    }

    /// The name of its interface.
    pub fn interface(&self) -> &'static str {
        self.interface
    }

    /// The host's value, if it is of this type.
    pub fn get<T: Any>(&self) -> Option<&T> {
        self.object.downcast_ref()
    }
}

impl fmt::Debug for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Platform({})", self.interface)
    }
}

impl PartialEq for Platform {
    /// Two are equal when they are clones of one another.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.object, &other.object)
    }
}

/// A regular expression as its two strings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegExp {
    /// The pattern, without slashes.
    pub source: String,
    /// The flags, such as `gi`.
    pub flags: String,
}

/// An ordered map from property names to values. Boxed, so that a [`Value`] stays small.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object(Box<IndexMap<String, Value>>);

impl Object {
    /// An empty object.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty object with room for `n` properties.
    pub fn with_capacity(n: usize) -> Self {
        Self(Box::new(IndexMap::with_capacity(n)))
    }

    /// The value of a property.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// Sets a property; a name that was there keeps its place.
    pub fn insert(&mut self, key: impl Into<String>, value: impl Into<Value>) -> Option<Value> {
        self.0.insert(key.into(), value.into())
    }

    /// Takes a property out, keeping the order of the others.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        self.0.shift_remove(key)
    }

    /// How many properties there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The properties in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.0.iter().map(|(k, v)| (k.as_str(), v))
    }
}

impl IntoIterator for Object {
    type Item = (String, Value);
    type IntoIter = indexmap::map::IntoIter<String, Value>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<K: Into<String>, V: Into<Value>> FromIterator<(K, V)> for Object {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(iter: I) -> Self {
        Self(Box::new(iter.into_iter().map(|(k, v)| (k.into(), v.into())).collect()))
    }
}

impl Value {
    /// What the value is, in words for an error message.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Undefined => "undefined",
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::BigInt(_) => "a bigint",
            Value::String(_) => "a string",
            Value::Bytes(_) => "bytes",
            Value::List(_) => "an array",
            Value::Object(_) => "an object",
            Value::Date(_) => "a Date",
            Value::Map(_) => "a Map",
            Value::Set(_) => "a Set",
            Value::RegExp(_) => "a RegExp",
            Value::Error(_) => "an Error",
            Value::Function(_) => "a function",
            Value::Promise(_) => "a promise",
            Value::Platform(p) => p.interface,
        }
    }

    /// Whether this is `undefined` or `null`.
    pub fn is_nullish(&self) -> bool {
        matches!(self, Value::Undefined | Value::Null)
    }

    /// The boolean, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        if let Value::Bool(b) = self { Some(*b) } else { None }
    }

    /// The number, if it is one.
    pub fn as_f64(&self) -> Option<f64> {
        if let Value::Number(n) = self { Some(*n) } else { None }
    }

    /// The string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        if let Value::String(s) = self { Some(s) } else { None }
    }

    /// The bytes, if it is some.
    pub fn as_bytes(&self) -> Option<&Bytes> {
        if let Value::Bytes(b) = self { Some(b) } else { None }
    }

    /// The elements, if it is an array.
    pub fn as_list(&self) -> Option<&[Value]> {
        if let Value::List(l) = self { Some(l) } else { None }
    }

    /// The object, if it is a plain one.
    pub fn as_object(&self) -> Option<&Object> {
        if let Value::Object(o) = self { Some(o) } else { None }
    }

    /// The function, if it is one.
    pub fn as_function(&self) -> Option<&Function> {
        if let Value::Function(f) = self { Some(f) } else { None }
    }

    /// A property, if it is an object that has it.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_object()?.get(key)
    }

    /// Moves the value out, leaving `undefined`.
    pub fn take(&mut self) -> Value {
        std::mem::take(self)
    }
}

impl From<()> for Value {
    fn from((): ()) -> Self {
        Value::Undefined
    }
}

macro_rules! from_number {
    ($($t:ty),*) => {$(
        impl From<$t> for Value {
            fn from(n: $t) -> Self {
                Value::Number(f64::from(n))
            }
        }
    )*};
}
from_number!(f64, f32, i8, u8, i16, u16, i32, u32);

macro_rules! from_variant {
    ($($t:ty => $v:ident),* $(,)?) => {$(
        impl From<$t> for Value {
            fn from(v: $t) -> Self {
                Value::$v(v.into())
            }
        }
    )*};
}
from_variant! {
    bool => Bool, String => String, &str => String, Bytes => Bytes, BigInt => BigInt, Object => Object,
    Function => Function, Promise => Promise, Exception => Error, RegExp => RegExp,
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(v: Option<T>) -> Self {
        v.map_or(Value::Undefined, Into::into)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(v: Vec<T>) -> Self {
        Value::List(v.into_iter().map(Into::into).collect())
    }
}
