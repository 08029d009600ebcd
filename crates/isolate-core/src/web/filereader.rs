//! `FileReader`. All but the base64 of data URLs is done in the guest.

use bytes::Bytes;
use isolate_engine::{Glue, HostFunction};

use super::Module;
use crate::Context;

pub(crate) static FILE_READER: Module = Module {
    name: "filereader",
    glue: Glue::new("isolate:filereader", include_str!("../glue/filereader.js")),
    functions,
    globals: &["FileReader", "ProgressEvent"],
    attributes: &[],
    objects: &[],
};

fn functions(context: &Context) -> Vec<HostFunction> {
    vec![context.function("__FileReader_base64", |bytes: Bytes| base64(&bytes))]
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let n = group.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - group.len()));
        for i in 0..4 {
            let digit = ALPHABET[(n >> (18 - 6 * i) & 63) as usize];
            out.push(if i <= group.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn base64() {
        let cases = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("\u{ff}\u{ff}", "w7/Dvw==")];
        for (from, to) in cases {
            assert_eq!(super::base64(from.as_bytes()), to);
        }
    }
}
