//! `URL` and `URLSearchParams`. Guests' URLs are parsed by Ada, which follows the standard where the `url` crate does not;
//! hosts get the `url` crate's type.

use isolate_engine::{Glue, HostError, HostFunction, Platform, Value};
use url::{Url, form_urlencoded};

use super::{Module, PlatformKind};
use crate::{Context, FromValue, IntoValue};

pub(crate) static URL: Module = Module {
    name: "url",
    glue: Glue::new("isolate:url", include_str!("../glue/url.js")),
    functions,
    globals: &["URL", "URLSearchParams"],
    attributes: &[],
    objects: &[PlatformKind { interface: "URL", to_host, to_guest }],
};

fn functions(context: &Context) -> Vec<HostFunction> {
    vec![
        context.function("__URL_parse", |url: String, base: Option<String>| {
            parsed(&url, base.as_deref()).map(|url| pack(&url))
        }),
        context.function("__URL_canParse", |url: String, base: Option<String>| {
            ada_url::Url::can_parse(&url, base.as_deref())
        }),
        context.function("__URL_origin", |href: String| {
            parsed(&href, None).map_or_else(|| "null".to_owned(), |url| url.origin())
        }),
        context.function("__URL_set", set),
        context.function("__URLSearchParams_parse", |query: String| {
            let query = query.strip_prefix('?').unwrap_or(&query);
            form_urlencoded::parse(query.as_bytes())
                .flat_map(|(name, value)| [name, value].map(|part| Value::String(part.into_owned())))
                .collect::<Vec<_>>()
        }),
        context.function("__URLSearchParams_serialize", serialize_pairs),
        context.function("__URLSearchParams_normalize", |query: String| {
            let query = query.strip_prefix('?').unwrap_or(&query);
            let mut out = String::with_capacity(query.len());
            for (i, (name, value)) in form_urlencoded::parse(query.as_bytes()).enumerate() {
                if i > 0 {
                    out.push('&');
                }
                encode(&name, &mut out);
                out.push('=');
                encode(&value, &mut out);
            }
            out
        }),
    ]
}

fn encode(text: &str, out: &mut String) {
    form_urlencoded::byte_serialize(text.as_bytes()).for_each(|part| out.push_str(part));
}

/// Serializes pairs: their names and values in turn, one after the other in `text`, and the lengths of each in code units,
/// each followed by a comma.
fn serialize_pairs(text: String, lengths: String) -> Result<String, HostError> {
    let mut out = String::with_capacity(text.len() + lengths.len());
    let mut rest = text.as_str();
    for (i, length) in lengths.split_terminator(',').enumerate() {
        let length = length.parse().map_err(|_| HostError::type_error("not a length"))?;
        let (part, after) = split_units(rest, length);
        rest = after;
        match (i, i % 2) {
            (0, _) => {}
            (_, 0) => out.push('&'),
            _ => out.push('='),
        }
        encode(part, &mut out);
    }
    Ok(out)
}

/// Splits a text after so many UTF-16 code units.
fn split_units(text: &str, units: usize) -> (&str, &str) {
    if let Some((head, tail)) = text.split_at_checked(units)
        && head.is_ascii()
    {
        return (head, tail);
    }
    let mut seen = 0;
    let end = text.char_indices().find(|(_, c)| {
        let here = seen;
        seen += c.len_utf16();
        here >= units
    });
    text.split_at(end.map_or(text.len(), |(at, _)| at))
}

/// A URL for glue: the table of `engine.part` and the href. The parts are those of glue's list.
fn pack(url: &ada_url::Url) -> String {
    let href = url.href();
    let c = url.components();
    let end = href.len() as u32;
    let hash = c.hash_start.unwrap_or(end);
    let search = c.search_start.unwrap_or(hash);
    let path = c.pathname_start.unwrap_or(search);
    // Credentials end with an @ where the host starts.
    let at = c.host_end > c.host_start && href.as_bytes().get(c.host_start as usize) == Some(&b'@');
    let host = c.host_start + u32::from(at);
    // A part that ends before it begins is not there. Neither is a query or a fragment that is a mere mark.
    let present = |start: u32, end: u32, least: u32| if end >= start + least { (start, end) } else { (0, 0) };
    // Without a host there may be a '/.' in front of the path, which is not its port.
    let host_and_port = if host == c.host_end { (0, 0) } else { (host, path) };
    let port = if c.port.is_some() { present(c.host_end + 1, path, 0) } else { (0, 0) };
    let parts: [(u32, u32); 10] = [
        (0, end),
        (0, c.protocol_end),
        present(c.protocol_end + 2, c.username_end, 0),
        present(c.username_end + 1, c.host_start, 0),
        host_and_port,
        (host, c.host_end),
        port,
        (path, search),
        present(search, hash, 2),
        present(hash, end, 2),
    ];
    let width = match href.len() {
        0..0x7e => 1,
        0x7e..0x3ffe => 2,
        0x3ffe..0x1f_fffe => 3,
        _ => 5,
    };
    let mut packed = String::with_capacity(2 + 2 * parts.len() * width + href.len());
    packed.push(char::from(width as u8));
    packed.push(char::from(parts.len() as u8));
    for n in parts.iter().flat_map(|(start, end)| [start, end]) {
        for digit in (0..width).rev() {
            packed.push(char::from((u64::from(*n) >> (7 * digit)) as u8 & 0x7f));
        }
    }
    packed.push_str(href);
    packed
}

/// One of the setters, by its place in glue's list; nothing if it changed nothing.
fn set(href: String, which: u32, value: String) -> Result<Option<String>, HostError> {
    let mut url = parsed(&href, None).ok_or_else(|| HostError::type_error("Invalid URL"))?;
    let value = value.as_str();
    // A value that does not fit leaves the URL as it was, says the standard.
    match which {
        1 => drop(url.set_protocol(value)),
        2 => drop(url.set_username(Some(value))),
        3 => drop(url.set_password(Some(value))),
        4 => drop(url.set_host(Some(value))),
        5 => drop(url.set_hostname(Some(value))),
        6 => drop(url.set_port(Some(value))),
        7 => drop(url.set_pathname(Some(value))),
        8 => url.set_search(Some(value)),
        _ => url.set_hash(Some(value)),
    }
    Ok((url.href() != href).then(|| pack(&url)))
}

fn parsed(url: &str, base: Option<&str>) -> Option<ada_url::Url> {
    ada_url::Url::parse(url, base).ok()
}

fn to_host(_: &Context, data: Value) -> Result<Platform, HostError> {
    let href = String::from_value(data)?;
    Ok(Platform::new("URL", parse(&href)?))
}

fn to_guest(_: &Context, object: &Platform) -> Result<Value, HostError> {
    let url: &Url = object.get().ok_or_else(|| HostError::type_error("not a URL"))?;
    let url = parsed(url.as_str(), None).ok_or_else(|| HostError::type_error("Invalid URL"))?;
    Ok(Value::String(pack(&url)))
}

fn parse(href: &str) -> Result<Url, HostError> {
    Url::parse(href).map_err(|e| HostError::type_error(format!("Invalid URL: {e}")))
}

/// From a `URL` object, or from a string that parses as one.
impl FromValue for Url {
    fn from_value(value: Value) -> Result<Self, HostError> {
        match value {
            Value::String(s) => parse(&s),
            Value::Platform(object) => match object.get::<Url>() {
                Some(url) => Ok(url.clone()),
                None => Err(HostError::type_error(format!("expected a URL, got a {}", object.interface()))),
            },
            other => Err(HostError::type_error(format!("expected a URL, got {}", other.kind()))),
        }
    }
}

/// Into a `URL` object.
impl IntoValue for Url {
    fn into_value(self) -> Result<Value, HostError> {
        Ok(Value::Platform(Platform::new("URL", self)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_split_by_code_units() {
        let lengths = "1,2,0,3,";
        assert_eq!(serialize_pairs("a\u{1f600}b c".into(), lengths.into()).unwrap(), "a=%F0%9F%98%80&=b+c");
        assert_eq!(serialize_pairs(String::new(), "0,0,".into()).unwrap(), "=");
        assert_eq!(serialize_pairs("äé".into(), "1,1,".into()).unwrap(), "%C3%A4=%C3%A9");
        assert!(serialize_pairs(String::new(), "x,".into()).is_err());
    }
}
