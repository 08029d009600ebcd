//! Forms: <https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data>.

use bytes::BytesMut;
use isolate_core::{Blob, Context, HostError, IntoValue, Value, WeakContext, url};
use multer::{Constraints, Multipart, SizeLimit};

use crate::counted::{Counted, collect};
use crate::{Body, FetchLimits};

/// A boundary that nobody can guess who does not know the context's seed.
pub(crate) fn boundary(context: &Context) -> String {
    format!("----IsolateFormBoundary{:016x}{:016x}", context.random_u64(), context.random_u64())
}

/// The lines before the value of an entry.
pub(crate) fn head(boundary: &str, name: &str, file: Option<(&str, &str)>) -> String {
    let name = escape(&crlf(name));
    match file {
        None => format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n"),
        Some((filename, content_type)) => format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{}\"\r\nContent-Type: {}\r\n\r\n",
            escape(filename),
            if content_type.is_empty() { "application/octet-stream" } else { content_type },
        ),
    }
}

/// With every end of a line as CR LF.
pub(crate) fn crlf(text: &str) -> String {
    if !text.contains(['\r', '\n']) {
        return text.to_owned();
    }
    text.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n")
}

fn escape(name: &str) -> String {
    if !name.contains(['"', '\r', '\n']) {
        return name.to_owned();
    }
    name.replace('\n', "%0A").replace('\r', "%0D").replace('"', "%22")
}

fn unescape(name: &str) -> String {
    if !name.contains('%') {
        return name.to_owned();
    }
    name.replace("%0A", "\n").replace("%0D", "\r").replace("%22", "\"")
}

/// The name and the name of the file, in quotes in which a backslash is a backslash.
/// <https://andreubotella.github.io/multipart-form-data/#multipart-form-data-parser>
fn disposition(value: &[u8]) -> Option<(String, Option<String>)> {
    let text = String::from_utf8_lossy(value);
    let (kind, mut rest) = text.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return None;
    }
    let (mut name, mut filename) = (None, None);
    loop {
        rest = rest.trim_start_matches([';', ' ', '\t']);
        let Some((key, after)) = rest.split_once('=') else { break };
        let value = match after.strip_prefix('"') {
            Some(quoted) => {
                let (value, after) = quoted.split_once('"')?;
                rest = after;
                value
            }
            None => {
                let end = after.find(';').unwrap_or(after.len());
                rest = &after[end..];
                after[..end].trim_end()
            }
        };
        let into = match key.trim().to_ascii_lowercase().as_str() {
            "name" => &mut name,
            "filename" => &mut filename,
            _ => continue,
        };
        if into.is_none() {
            *into = Some(unescape(value));
        }
    }
    Some((name?, filename))
}

fn malformed(message: impl std::fmt::Display) -> HostError {
    HostError::type_error(format!("Could not parse content as FormData: {message}"))
}

/// The entries of a form, flat: name, value (a string or a `Blob`), name of the file.
///
/// <https://fetch.spec.whatwg.org/#dom-body-formdata>
pub(crate) async fn parse(
    mime: Option<String>,
    body: Body,
    limits: FetchLimits,
    context: WeakContext,
) -> Result<Vec<Value>, HostError> {
    let mime = mime.as_deref().and_then(crate::mime::extract);
    let Some(mime) = mime else { return Err(malformed("there is no Content-Type")) };
    match (mime.type_.as_str(), mime.subtype.as_str()) {
        ("multipart", "form-data") => {
            let Some(boundary) = mime.get_parameter("boundary") else { return Err(malformed("there is no boundary")) };
            parse_multipart(boundary, body, &limits, context).await
        }
        ("application", "x-www-form-urlencoded") => {
            let bytes = collect(body, limits.response_body, context).await?;
            let mut entries = Vec::new();
            for (name, value) in url::form_urlencoded::parse(&bytes) {
                if entries.len() / 3 >= limits.form_parts {
                    return Err(malformed(format!("there are more than {} entries", limits.form_parts)));
                }
                entries.extend([Value::from(name.into_owned()), Value::from(value.into_owned()), Value::Undefined]);
            }
            Ok(entries)
        }
        _ => Err(malformed(format!("the Content-Type is {mime}"))),
    }
}

async fn parse_multipart(
    boundary: &str,
    body: Body,
    limits: &FetchLimits,
    context: WeakContext,
) -> Result<Vec<Value>, HostError> {
    let sizes = SizeLimit::new().whole_stream(limits.response_body);
    let mut form = Multipart::with_constraints(body, boundary, Constraints::new().size_limit(sizes));
    let mut held = Counted::new(context);
    let mut entries = Vec::new();
    while let Some(mut field) = form.next_field().await.map_err(|e| failed(&e))? {
        if entries.len() / 3 >= limits.form_parts {
            return Err(malformed(format!("there are more than {} parts", limits.form_parts)));
        }
        let head: usize = field.headers().iter().map(|(n, v)| n.as_str().len() + v.len()).sum();
        if head > limits.form_head_bytes {
            return Err(malformed(format!("the head of a part is longer than {} bytes", limits.form_head_bytes)));
        }
        let disposition = field.headers().get("content-disposition").and_then(|v| disposition(v.as_bytes()));
        let Some((name, filename)) = disposition else { return Err(malformed("a part has no name")) };
        let content_type = match field.headers().get("content-type") {
            Some(value) => String::from_utf8_lossy(value.as_bytes()).into_owned(),
            None => "text/plain".to_owned(),
        };
        held.add(head + 128)?;
        let mut data = BytesMut::new();
        while let Some(chunk) = field.chunk().await.map_err(|e| failed(&e))? {
            held.add(chunk.len())?;
            data.extend_from_slice(&chunk);
        }
        let value = match filename {
            Some(_) => Blob::new(data.freeze(), &content_type).into_value()?,
            None => String::from_utf8_lossy(&data).into_owned().into(),
        };
        entries.extend([name.into(), value, filename.into()]);
    }
    Ok(entries)
}

/// An error of the body itself, or of what is in it.
fn failed(e: &multer::Error) -> HostError {
    if let multer::Error::StreamReadFailed(inner) = e {
        return match inner.downcast_ref::<crate::FetchError>() {
            Some(e) => crate::FetchError::new(e.kind(), e.message()).into(),
            None => malformed(inner),
        };
    }
    malformed(e)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_as_they_stand_in_quotes() {
        let of = |text: &str| disposition(text.as_bytes());
        let some = |name: &str, filename: Option<&str>| Some((name.to_owned(), filename.map(str::to_owned)));
        assert_eq!(of("form-data; name=\"a\""), some("a", None));
        assert_eq!(of("Form-Data;name=\"a\\\"; filename=\"C:\\x\\\""), some("a\\", Some("C:\\x\\")));
        assert_eq!(of("form-data; filename=\"a;b=c\"; name=d; x=y"), some("d", Some("a;b=c")));
        assert_eq!(of("form-data; name=\"%22%0D%0A%41\""), some("\"\r\n%41", None));
        assert_eq!(of("form-data; name=\"\"; filename=\"\""), some("", Some("")));
        for bad in [
            "form-data",
            "attachment; name=\"a\"",
            "form-data; filename=\"a\"",
            "form-data; name=\"a",
            "form-data; name",
        ] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }
}
