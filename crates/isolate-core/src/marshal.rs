//! Rust types to values and back, by serde.
//!
//! What serde's data model has no word for keeps its own: bytes are `Value::Bytes`, and a `Value` itself passes
//! through [`Serde`](crate::Serde)-free code untouched. Lists, maps and structs follow the usual JSON conventions:
//! structs and string-keyed maps are objects, unit variants are strings, other variants are objects of one key.

use bytes::Bytes;
use isolate_engine::{BigInt, MAX_DEPTH, Object, Value};
use serde::de::{self, DeserializeOwned, IntoDeserializer};
use serde::ser::{self, Serialize};

use crate::{Error, ErrorKind};

/// Turns a Rust value into a guest value.
///
/// # Errors
/// If it is nested deeper than 100 levels, or a map has keys that are neither strings nor numbers.
pub fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<Value, Error> {
    value.serialize(Serializer { depth: 0 }).map_err(Error::from)
}

/// Turns a guest value into a Rust value.
///
/// Numbers fit an integer type only if they are whole and in range; a `Date` is its milliseconds, a `Map` or an object
/// is a map, a `Set` is a sequence, `undefined` and `null` are `None`.
///
/// # Errors
/// If the value has not the shape that the type wants.
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, Error> {
    T::deserialize(Deserializer(value)).map_err(Error::from)
}

/// The error type that serde asks for.
#[derive(Debug)]
struct Mismatch(String);

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Mismatch {}

impl ser::Error for Mismatch {
    fn custom<T: std::fmt::Display>(msg: T) -> Self {
        Self(msg.to_string())
    }
}

impl de::Error for Mismatch {
    fn custom<T: std::fmt::Display>(msg: T) -> Self {
        Self(msg.to_string())
    }
}

impl From<Mismatch> for Error {
    fn from(e: Mismatch) -> Self {
        Error::new(ErrorKind::Conversion, e.0)
    }
}

/// The largest whole number below which every whole number is a double.
pub(crate) const SAFE: u64 = (1 << 53) - 1;

pub(crate) fn whole(n: i128) -> Value {
    if n.unsigned_abs() <= u128::from(SAFE) { Value::Number(n as f64) } else { Value::BigInt(BigInt::from(n)) }
}

#[derive(Clone, Copy)]
struct Serializer {
    depth: usize,
}

impl Serializer {
    fn deeper(self) -> Result<Self, Mismatch> {
        if self.depth >= MAX_DEPTH {
            return Err(Mismatch(format!("the value is nested deeper than {MAX_DEPTH} levels")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

struct Items {
    inner: Serializer,
    items: Vec<Value>,
    variant: Option<&'static str>,
}

impl Items {
    fn push<T: Serialize + ?Sized>(&mut self, v: &T) -> Result<(), Mismatch> {
        self.items.push(v.serialize(self.inner)?);
        Ok(())
    }

    fn done(self) -> Value {
        tagged(self.variant, Value::List(self.items))
    }
}

struct Entries {
    inner: Serializer,
    object: Object,
    key: String,
    variant: Option<&'static str>,
}

impl Entries {
    fn put<T: Serialize + ?Sized>(&mut self, key: &str, v: &T) -> Result<(), Mismatch> {
        self.object.insert(key, v.serialize(self.inner)?);
        Ok(())
    }

    fn done(self) -> Value {
        tagged(self.variant, Value::Object(self.object))
    }
}

fn tagged(variant: Option<&'static str>, value: Value) -> Value {
    match variant {
        Some(name) => Value::Object([(name, value)].into_iter().collect()),
        None => value,
    }
}

macro_rules! serialize_whole {
    ($($f:ident: $t:ty),*) => {$(
        fn $f(self, n: $t) -> Result<Value, Mismatch> { Ok(whole(n.into())) }
    )*};
}

impl ser::Serializer for Serializer {
    type Ok = Value;
    type Error = Mismatch;
    type SerializeSeq = Items;
    type SerializeTuple = Items;
    type SerializeTupleStruct = Items;
    type SerializeTupleVariant = Items;
    type SerializeMap = Entries;
    type SerializeStruct = Entries;
    type SerializeStructVariant = Entries;

    serialize_whole!(serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_u8: u8,
        serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_i128: i128);

    fn serialize_u128(self, n: u128) -> Result<Value, Mismatch> {
        Ok(if n <= u128::from(SAFE) { Value::Number(n as f64) } else { Value::BigInt(BigInt::from(n)) })
    }
    fn serialize_bool(self, b: bool) -> Result<Value, Mismatch> {
        Ok(Value::Bool(b))
    }
    fn serialize_f32(self, n: f32) -> Result<Value, Mismatch> {
        Ok(Value::Number(f64::from(n)))
    }
    fn serialize_f64(self, n: f64) -> Result<Value, Mismatch> {
        Ok(Value::Number(n))
    }
    fn serialize_char(self, c: char) -> Result<Value, Mismatch> {
        Ok(Value::String(c.to_string()))
    }
    fn serialize_str(self, s: &str) -> Result<Value, Mismatch> {
        Ok(Value::String(s.to_owned()))
    }
    fn serialize_bytes(self, b: &[u8]) -> Result<Value, Mismatch> {
        Ok(Value::Bytes(Bytes::copy_from_slice(b)))
    }
    fn serialize_none(self) -> Result<Value, Mismatch> {
        Ok(Value::Null)
    }
    fn serialize_some<T: Serialize + ?Sized>(self, v: &T) -> Result<Value, Mismatch> {
        v.serialize(self)
    }
    fn serialize_unit(self) -> Result<Value, Mismatch> {
        Ok(Value::Null)
    }
    fn serialize_unit_struct(self, _: &'static str) -> Result<Value, Mismatch> {
        Ok(Value::Null)
    }
    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<Value, Mismatch> {
        Ok(Value::String(variant.to_owned()))
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, v: &T) -> Result<Value, Mismatch> {
        v.serialize(self)
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        v: &T,
    ) -> Result<Value, Mismatch> {
        Ok(tagged(Some(variant), v.serialize(self.deeper()?)?))
    }
    fn serialize_seq(self, len: Option<usize>) -> Result<Items, Mismatch> {
        let items = Vec::with_capacity(len.unwrap_or(0).min(1 << 16));
        Ok(Items { inner: self.deeper()?, items, variant: None })
    }
    fn serialize_tuple(self, len: usize) -> Result<Items, Mismatch> {
        self.serialize_seq(Some(len))
    }
    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<Items, Mismatch> {
        self.serialize_seq(Some(len))
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Items, Mismatch> {
        Ok(Items { variant: Some(variant), ..self.serialize_seq(Some(len))? })
    }
    fn serialize_map(self, len: Option<usize>) -> Result<Entries, Mismatch> {
        let object = Object::with_capacity(len.unwrap_or(0).min(1 << 16));
        Ok(Entries { inner: self.deeper()?, object, key: String::new(), variant: None })
    }
    fn serialize_struct(self, _: &'static str, len: usize) -> Result<Entries, Mismatch> {
        self.serialize_map(Some(len))
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Entries, Mismatch> {
        Ok(Entries { variant: Some(variant), ..self.serialize_map(Some(len))? })
    }
}

macro_rules! serialize_items {
    ($($t:ident $f:ident),*) => {$(
        impl ser::$t for Items {
            type Ok = Value;
            type Error = Mismatch;
            fn $f<T: Serialize + ?Sized>(&mut self, v: &T) -> Result<(), Mismatch> { self.push(v) }
            fn end(self) -> Result<Value, Mismatch> { Ok(self.done()) }
        }
    )*};
}
serialize_items!(SerializeSeq serialize_element, SerializeTuple serialize_element, SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field);

macro_rules! serialize_fields {
    ($($t:ident),*) => {$(
        impl ser::$t for Entries {
            type Ok = Value;
            type Error = Mismatch;
            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, v: &T) -> Result<(), Mismatch> {
                self.put(key, v)
            }
            fn end(self) -> Result<Value, Mismatch> { Ok(self.done()) }
        }
    )*};
}
serialize_fields!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for Entries {
    type Ok = Value;
    type Error = Mismatch;
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Mismatch> {
        self.key = match key.serialize(self.inner)? {
            Value::String(s) => s,
            Value::Number(n) => n.to_string(),
            Value::BigInt(n) => n.to_string(),
            Value::Bool(b) => b.to_string(),
            other => return Err(Mismatch(format!("the key of an object cannot be {}", other.kind()))),
        };
        Ok(())
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, v: &T) -> Result<(), Mismatch> {
        let key = std::mem::take(&mut self.key);
        self.put(&key, v)
    }
    fn end(self) -> Result<Value, Mismatch> {
        Ok(self.done())
    }
}

struct Deserializer(Value);

impl<'de> IntoDeserializer<'de, Mismatch> for Deserializer {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}

fn entries(
    pairs: impl IntoIterator<Item = (Value, Value)>,
) -> de::value::MapDeserializer<'static, impl Iterator<Item = (Deserializer, Deserializer)>, Mismatch> {
    de::value::MapDeserializer::new(pairs.into_iter().map(|(k, v)| (Deserializer(k), Deserializer(v))))
}

impl<'de> de::Deserializer<'de> for Deserializer {
    type Error = Mismatch;

    fn deserialize_any<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::Undefined | Value::Null => visitor.visit_unit(),
            Value::Bool(b) => visitor.visit_bool(b),
            Value::Number(n) if n.fract() == 0.0 && n.abs() <= SAFE as f64 && !(n == 0.0 && n.is_sign_negative()) => {
                if n < 0.0 {
                    visitor.visit_i64(n as i64)
                } else {
                    visitor.visit_u64(n as u64)
                }
            }
            Value::Number(n) | Value::Date(n) => visitor.visit_f64(n),
            Value::BigInt(n) => match (u64::try_from(&n), i64::try_from(&n), i128::try_from(&n), u128::try_from(&n)) {
                (Ok(n), ..) => visitor.visit_u64(n),
                (_, Ok(n), ..) => visitor.visit_i64(n),
                (_, _, Ok(n), _) => visitor.visit_i128(n),
                (_, _, _, Ok(n)) => visitor.visit_u128(n),
                _ => visitor.visit_string(n.to_string()),
            },
            Value::String(s) => visitor.visit_string(s),
            Value::Bytes(b) => visitor.visit_byte_buf(b.into()),
            Value::List(items) | Value::Set(items) => {
                let mut seq = de::value::SeqDeserializer::new(items.into_iter().map(Deserializer));
                let value = visitor.visit_seq(&mut seq)?;
                seq.end()?;
                Ok(value)
            }
            Value::Object(o) => visitor.visit_map(entries(o.into_iter().map(|(k, v)| (Value::String(k), v)))),
            Value::Map(pairs) => visitor.visit_map(entries(pairs)),
            Value::RegExp(r) => visitor.visit_string(format!("/{}/{}", r.source, r.flags)),
            Value::Error(e) => visitor.visit_map(entries([
                (Value::from("name"), Value::String(e.name)),
                (Value::from("message"), Value::String(e.message)),
                (Value::from("stack"), Value::String(e.stack)),
            ])),
            other => Err(de::Error::custom(format!("{} has no form as data", other.kind()))),
        }
    }

    fn deserialize_option<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        if self.0.is_nullish() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_f64<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::Number(n) => visitor.visit_f64(n),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_f32<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_newtype_struct<V: de::Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: de::Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::String(s) => visitor.visit_enum(s.into_deserializer()),
            Value::Object(o) if o.len() == 1 => visitor.visit_enum(de::value::MapAccessDeserializer::new(entries(
                o.into_iter().map(|(k, v)| (Value::String(k), v)),
            ))),
            other => Err(de::Error::custom(format!("expected a variant, got {}", other.kind()))),
        }
    }

    fn deserialize_unit_struct<V: de::Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_any(visitor)
    }

    fn deserialize_ignored_any<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 char str string bytes byte_buf unit seq tuple tuple_struct map
        struct identifier
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Shape {
        Empty,
        Circle(f64),
        Rect { w: u32, h: Option<i64> },
        Pair(String, bool),
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Everything {
        shapes: Vec<Shape>,
        by_name: BTreeMap<String, (u8, char)>,
        big: u64,
        none: Option<u8>,
        unit: (),
    }

    #[test]
    fn rust_types_round_trip() {
        let all = Everything {
            shapes: vec![
                Shape::Empty,
                Shape::Circle(1.5),
                Shape::Circle(2.0),
                Shape::Rect { w: 3, h: None },
                Shape::Pair("p".into(), true),
            ],
            by_name: [("a".to_owned(), (1, 'x'))].into(),
            big: u64::MAX,
            none: None,
            unit: (),
        };
        let value = to_value(&all).unwrap();
        assert_eq!(value.get("big"), Some(&Value::BigInt(u64::MAX.into())));
        assert_eq!(from_value::<Everything>(value).unwrap(), all);
    }

    #[test]
    fn numbers_fit_exactly_or_not_at_all() {
        assert_eq!(from_value::<u8>(255.into()).unwrap(), 255);
        assert_eq!(from_value::<f64>(7.into()).unwrap(), 7.0);
        assert_eq!(from_value::<i64>(Value::Number(-5.0)).unwrap(), -5);
        for bad in [256.0, -1.0, 1.5, f64::NAN, f64::INFINITY] {
            let e = from_value::<u8>(bad.into()).unwrap_err();
            assert_eq!(e.kind(), ErrorKind::Conversion, "{bad}");
        }
    }

    #[test]
    fn guest_types_become_the_nearest_rust_ones() {
        assert_eq!(from_value::<Vec<u32>>(Value::Set(vec![1.into(), 2.into()])).unwrap(), [1, 2]);
        let map = Value::Map(vec![(1.into(), "a".into())]);
        assert_eq!(from_value::<BTreeMap<u32, String>>(map).unwrap(), [(1, "a".to_owned())].into());
        assert_eq!(from_value::<f64>(Value::Date(12.0)).unwrap(), 12.0);
        assert_eq!(from_value::<Option<u8>>(Value::Undefined).unwrap(), None);
        assert!(from_value::<String>(1.into()).is_err());
    }

    #[test]
    fn depth_is_bounded() {
        #[derive(Serialize)]
        struct Deep(Option<Box<[Deep; 1]>>);
        let mut deep = Deep(None);
        for _ in 0..200 {
            deep = Deep(Some(Box::new([deep])));
        }
        assert_eq!(to_value(&deep).unwrap_err().kind(), ErrorKind::Conversion);
    }
}
