//! Legacy encodings of `TextDecoder`. UTF-8 never comes here: the engine's natives do it.

use std::cell::RefCell;

use bytes::Bytes;
use encoding_rs::{CoderResult, Decoder, DecoderResult, Encoding};
use isolate_engine::{Glue, HostError, HostFunction};

use super::Module;
use crate::Context;

pub(crate) static ENCODING: Module = Module {
    name: "encoding",
    glue: Glue::new("isolate:encoding", include_str!("../glue/encoding.js")),
    functions,
    globals: &["TextDecoder", "TextEncoder"],
    attributes: &[],
    objects: &[],
};

/// The most that crosses at once, in bytes of input: a byte becomes three at most.
const PIECE: usize = 8 << 20;

fn functions(context: &Context) -> Vec<HostFunction> {
    vec![
        context.function("__TextDecoder_encoding", |label: String| {
            Encoding::for_label_no_replacement(label.as_bytes()).map(|e| e.name().to_ascii_lowercase())
        }),
        context.function("__TextDecoder_piece", |context: Context| {
            PIECE.min(context.limits().value_bytes / 4).max(1024) as f64
        }),
        context.function("__TextDecoder_decode", |name: String, fatal: bool, ignore_bom: bool, bytes: Bytes| {
            let encoding = encoding(&name)?;
            let bytes = if ignore_bom { &bytes[..] } else { without_bom(encoding, &bytes) };
            Ok::<_, HostError>(if fatal {
                encoding.decode_without_bom_handling_and_without_replacement(bytes).map(std::borrow::Cow::into_owned)
            } else {
                Some(encoding.decode_without_bom_handling(bytes).0.into_owned())
            })
        }),
        // A function that decodes chunks: the decoder goes with it.
        context.function("__TextDecoder_open", |context: Context, name: String, fatal: bool, ignore_bom: bool| {
            let encoding = encoding(&name)?;
            let charge = context.charge(size_of::<Decoder>() + 256)?;
            let decoder = RefCell::new(match ignore_bom {
                true => encoding.new_decoder_without_bom_handling(),
                false => encoding.new_decoder_with_bom_removal(),
            });
            let decode = context.function("decode", move |bytes: Bytes, last: bool| {
                let _ = &charge;
                feed(&mut decoder.borrow_mut(), &bytes, fatal, last)
            });
            Ok::<_, HostError>(context.engine().new_function(decode)?)
        }),
    ]
}

fn encoding(name: &str) -> Result<&'static Encoding, HostError> {
    Encoding::for_label(name.as_bytes()).ok_or_else(|| HostError::range_error("there is no such encoding"))
}

/// Only UTF-16 has one here: in another encoding the same bytes mean something else.
fn without_bom<'a>(encoding: &'static Encoding, bytes: &'a [u8]) -> &'a [u8] {
    match Encoding::for_bom(bytes) {
        Some((of, length)) if of == encoding => &bytes[length..],
        _ => bytes,
    }
}

/// Decodes a chunk; nothing if it is malformed and that is fatal.
fn feed(decoder: &mut Decoder, bytes: &[u8], fatal: bool, last: bool) -> Result<Option<String>, HostError> {
    let room = match fatal {
        true => decoder.max_utf8_buffer_length_without_replacement(bytes.len()),
        false => decoder.max_utf8_buffer_length(bytes.len()),
    };
    let mut text = String::new();
    let room = room.ok_or_else(|| HostError::range_error("the chunk is too large"))?;
    text.try_reserve(room).map_err(|_| HostError::range_error("the chunk is too large"))?;
    if fatal {
        return match decoder.decode_to_string_without_replacement(bytes, &mut text, last).0 {
            DecoderResult::InputEmpty => Ok(Some(text)),
            DecoderResult::Malformed(..) => Ok(None),
            DecoderResult::OutputFull => Err(HostError::error("the decoder's estimate was wrong")),
        };
    }
    match decoder.decode_to_string(bytes, &mut text, last).0 {
        CoderResult::InputEmpty => Ok(Some(text)),
        CoderResult::OutputFull => Err(HostError::error("the decoder's estimate was wrong")),
    }
}
