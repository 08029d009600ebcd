//! Base64 as the [Infra Standard](https://infra.spec.whatwg.org/#forgiving-base64) has it. Strings of JavaScript stand
//! for bytes here, a character for each.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const NONE: u8 = 0xff;
const SPACE: u8 = 0xfe;

/// The value of each character, whether it is white space, or neither.
const VALUES: [u8; 256] = {
    let mut values = [NONE; 256];
    let mut i = 0;
    while i < 64 {
        values[ALPHABET[i] as usize] = i as u8;
        i += 1;
    }
    let spaces = b"\t\n\x0c\r ";
    let mut i = 0;
    while i < spaces.len() {
        values[spaces[i] as usize] = SPACE;
        i += 1;
    }
    values
};

/// The base64 of a string whose characters are bytes; nothing if one is not.
pub(crate) fn encode(data: &str) -> Option<String> {
    let bytes: Vec<u8>;
    let bytes = match data.is_ascii() {
        true => data.as_bytes(),
        false => {
            bytes = data.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect::<Option<_>>()?;
            &bytes
        }
    };
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    let digit = |n: u32| char::from(ALPHABET[(n & 63) as usize]);
    for chunk in bytes.chunks(3) {
        let byte = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        out.push(digit(group >> 18));
        out.push(digit(group >> 12));
        out.push(if chunk.len() > 1 { digit(group >> 6) } else { '=' });
        out.push(if chunk.len() > 2 { digit(group) } else { '=' });
    }
    Some(out)
}

/// Forgiving-base64 decode: white space counts for nothing and padding may be absent; nothing if it is malformed.
pub(crate) fn decode(data: &str) -> Option<String> {
    let mut out = String::with_capacity(data.len());
    let (mut group, mut digits, mut padding) = (0u32, 0usize, 0usize);
    for b in data.bytes() {
        match VALUES[usize::from(b)] {
            SPACE => {}
            NONE if b == b'=' => padding += 1,
            NONE => return None,
            // Nothing follows the padding.
            _ if padding > 0 => return None,
            value => {
                group = group << 6 | u32::from(value);
                digits += 1;
                if digits.is_multiple_of(4) {
                    out.extend([group >> 16, group >> 8, group].map(|byte| char::from(byte as u8)));
                    group = 0;
                }
            }
        }
    }
    // Padding is right, or is not there at all.
    if padding > 0 && (padding > 2 || !(digits + padding).is_multiple_of(4)) {
        return None;
    }
    // The bits that are left over are dropped, whatever they are.
    match digits % 4 {
        1 => return None,
        2 => out.push(char::from((group >> 4) as u8)),
        3 => out.extend([group >> 10, group >> 2].map(|byte| char::from(byte as u8))),
        _ => {}
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn every_byte_comes_back() {
        let all: String = (0..=255u8).map(char::from).collect();
        for start in 0..4 {
            let part = all.chars().skip(start).collect::<String>();
            assert_eq!(decode(&encode(&part).unwrap()).as_ref(), Some(&part));
        }
        assert_eq!(encode("Ā"), None);
    }

    #[test]
    fn forgives_what_it_must_and_no_more() {
        let good = [
            ("", ""),
            ("YQ==", "a"),
            ("YQ", "a"),
            (" Y\tQ\n=\r=\x0c", "a"),
            ("YWI=", "ab"),
            ("YWJj", "abc"),
            ("YR", "a"),
        ];
        for (from, to) in good {
            assert_eq!(decode(from).as_deref(), Some(to), "{from}");
        }
        for bad in ["Y", "=", "==", "YQ=", "Y===", "YQ===", "YWI==", "YWJj=", "YWJj==", "Y=Q=", "YQ==YQ==", "Y-", "é"]
        {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }
}
