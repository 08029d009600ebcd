//! MIME types of headers, and what else a guest's glue asks of strings.

use data_url::mime::Mime;

/// [Extract a MIME type](https://fetch.spec.whatwg.org/#concept-header-extract-mime-type) of the values of
/// `Content-Type`, joined by commas.
pub(crate) fn extract(value: &str) -> Option<Mime> {
    let mut found: Option<Mime> = None;
    let mut charset: Option<String> = None;
    for part in split(value) {
        let Ok(mut mime) = part.parse::<Mime>() else { continue };
        if mime.type_ == "*" && mime.subtype == "*" {
            continue;
        }
        let same = found.as_ref().is_some_and(|f| f.type_ == mime.type_ && f.subtype == mime.subtype);
        let own = mime.get_parameter("charset").map(str::to_owned);
        if !same {
            charset = own;
        } else if own.is_none() {
            if let Some(charset) = &charset {
                mime.parameters.push(("charset".to_owned(), charset.clone()));
            }
        } else {
            charset = own;
        }
        found = Some(mime);
    }
    found
}

/// [Get, decode, and split](https://fetch.spec.whatwg.org/#header-value-get-decode-and-split): at commas that are in no
/// quotes.
fn split(value: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(value);
    std::iter::from_fn(move || {
        let text = rest?;
        let (mut quoted, mut escaped) = (false, false);
        for (i, c) in text.char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' if quoted => escaped = true,
                '"' => quoted = !quoted,
                ',' if !quoted => {
                    rest = Some(&text[i + 1..]);
                    return Some(text[..i].trim_matches([' ', '\t']));
                }
                _ => {}
            }
        }
        rest = None;
        Some(text.trim_matches([' ', '\t']))
    })
}

/// A single range of `bytes=…` within so many bytes: from, to (exclusive).
/// <https://fetch.spec.whatwg.org/#simple-range-header-value>
pub(crate) fn range(value: &str, size: u64) -> Option<(u64, u64)> {
    let blank = [' ', '\t'];
    let rest = value.strip_prefix("bytes")?.trim_start_matches(blank).strip_prefix('=')?;
    let (from, to) = rest.split_once('-')?;
    let number = |s: &str| -> Option<Option<u64>> {
        let s = s.trim_matches(blank);
        if s.is_empty() {
            return Some(None);
        }
        s.bytes().all(|b| b.is_ascii_digit()).then(|| s.parse().ok()).flatten().map(Some)
    };
    let (from, end) = match (number(from)?, number(to)?) {
        (None, None) => return None,
        (None, Some(last)) => (size.saturating_sub(last), size),
        (Some(from), None) => (from, size),
        (Some(from), Some(to)) if from <= to => (from, to.saturating_add(1).min(size)),
        _ => return None,
    };
    (from < size && from < end).then_some((from, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mime_types_are_extracted_as_the_standard_says() {
        let of = |value: &str| extract(value).map(|m| m.to_string());
        assert_eq!(of("text/html;charset=gbk, text/html").as_deref(), Some("text/html;charset=gbk"));
        assert_eq!(of("text/html;charset=gbk;a=b, text/html;x=y").as_deref(), Some("text/html;x=y;charset=gbk"));
        assert_eq!(of("text/html;charset=gbk, x/x, text/html;x=y").as_deref(), Some("text/html;x=y"));
        assert_eq!(of("text/html;\" \\\",\\\"\", text/plain").as_deref(), Some("text/plain"));
        assert_eq!(of("cannot-parse"), None);
        assert_eq!(of("*/*, text/plain").as_deref(), Some("text/plain"));
    }

    #[test]
    fn ranges() {
        assert_eq!(range("bytes=2-4", 10), Some((2, 5)));
        assert_eq!(range("bytes = 2-", 10), Some((2, 10)));
        assert_eq!(range("bytes=-3", 10), Some((7, 10)));
        assert_eq!(range("bytes=8-100", 10), Some((8, 10)));
        for bad in ["bytes=-", "bytes=5-2", "bytes=10-", "bytes=1-2,4-5", "bits=1-2", "bytes=+1-2", "bytes=a-"] {
            assert_eq!(range(bad, 10), None, "{bad}");
        }
    }
}
