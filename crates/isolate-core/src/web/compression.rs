//! Compression streams: <https://compression.spec.whatwg.org/>.
//!
//! Glue hands over input and takes output in pieces of at most [`PIECE`] bytes, so that one write of a guest, however
//! well it is compressed, makes the host hold no more than that at a time.

use bytes::{Buf, Bytes};
use flate2::{Compress, Compression, Crc, Decompress, FlushCompress, FlushDecompress, Status};
use isolate_engine::{Charge, Glue, HostError, HostFunction};

use super::Module;
use super::table::Table;
use crate::Context;

pub(crate) static COMPRESSION: Module = Module {
    name: "compression",
    glue: Glue::new("isolate:compression", include_str!("../glue/compression.js")),
    functions,
    globals: &["CompressionStream", "DecompressionStream"],
    attributes: &[],
    objects: &[],
};

/// How much output is made at a time.
const PIECE: usize = 64 << 10;

/// What the state of a compressor takes: its window, hash chains and buffers.
const COMPRESSOR: usize = 320 << 10;

/// What the state of a decompressor takes: its window and tables.
const DECOMPRESSOR: usize = 48 << 10;

/// The compressors and decompressors of a context.
#[derive(Default)]
struct Codecs(Table<Codec>);

struct Codec {
    kind: Kind,
    input: Bytes,
    /// No more input comes.
    ended: bool,
    /// What was made of the input before this is taken first.
    failed: Option<&'static str>,
    held: Option<Charge>,
    _state: Charge,
}

enum Kind {
    Compress(Box<Compressor>),
    Decompress(Box<Decompressor>),
}

fn functions(context: &Context) -> Vec<HostFunction> {
    vec![
        context.function("__Compression_open", |ctx: Context, format: String, decompress: bool| {
            let charge = ctx.charge(if decompress { DECOMPRESSOR } else { COMPRESSOR })?;
            let kind = if decompress {
                Kind::Decompress(Box::new(Decompressor::new(&format)))
            } else {
                Kind::Compress(Box::new(Compressor::new(&format)))
            };
            let codec = Codec { kind, input: Bytes::new(), ended: false, failed: None, held: None, _state: charge };
            Ok::<_, HostError>(ctx.state::<Codecs>().0.insert(codec))
        }),
        context.function("__Compression_push", |ctx: Context, id: u64, input: Bytes| {
            let charge = ctx.charge(input.len())?;
            with(&ctx, id, |codec| {
                codec.input = input;
                codec.held = Some(charge);
                Ok(())
            })
        }),
        context.function("__Compression_end", |ctx: Context, id: u64| {
            with(&ctx, id, |codec| {
                codec.ended = true;
                Ok(())
            })
        }),
        context.function("__Compression_take", |ctx: Context, id: u64| with(&ctx, id, Codec::take)),
        context.function("__Compression_close", |ctx: Context, id: u64| {
            drop(ctx.state::<Codecs>().0.remove(id));
        }),
    ]
}

fn with<T>(context: &Context, id: u64, f: impl FnOnce(&mut Codec) -> Result<T, HostError>) -> Result<T, HostError> {
    let closed = || Err(HostError::type_error("the stream is closed"));
    context.state::<Codecs>().0.with(id, f).unwrap_or_else(closed)
}

impl Codec {
    /// The next piece of output; `None` if there is none until more input comes.
    fn take(&mut self) -> Result<Option<Bytes>, HostError> {
        let mut out = Vec::new();
        if self.failed.is_none() {
            let result = match &mut self.kind {
                Kind::Compress(c) => c.run(&mut self.input, self.ended, &mut out),
                Kind::Decompress(d) => d.run(&mut self.input, self.ended, &mut out),
            };
            self.failed = result.err();
        }
        if !out.is_empty() {
            // Little output need not keep the room for a whole piece.
            out.shrink_to_fit();
            return Ok(Some(out.into()));
        }
        self.held = None;
        self.input = Bytes::new();
        match self.failed {
            Some(message) => Err(HostError::type_error(message)),
            None => Ok(None),
        }
    }
}

struct Compressor {
    inner: Compress,
    /// Of the input, for gzip.
    crc: Option<Crc>,
    begun: bool,
    finished: bool,
}

impl Compressor {
    fn new(format: &str) -> Self {
        let inner = Compress::new(Compression::default(), format == "deflate");
        Self { inner, crc: (format == "gzip").then(Crc::new), begun: false, finished: false }
    }

    fn run(&mut self, input: &mut Bytes, ended: bool, out: &mut Vec<u8>) -> Result<(), &'static str> {
        const FAILED: &str = "the data could not be compressed";
        out.reserve_exact(PIECE);
        if !self.begun {
            self.begun = true;
            if self.crc.is_some() {
                // No name, no time, from an unknown system.
                out.extend_from_slice(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
            }
        }
        while !self.finished && out.len() < out.capacity() {
            let flush = if input.is_empty() && ended { FlushCompress::Finish } else { FlushCompress::None };
            let (before, made) = (self.inner.total_in(), out.len());
            let status = self.inner.compress_vec(input, out, flush).map_err(|_| FAILED)?;
            let used = (self.inner.total_in() - before) as usize;
            if let Some(crc) = &mut self.crc {
                crc.update(&input[..used]);
            }
            input.advance(used);
            if status == Status::StreamEnd {
                self.finished = true;
                if let Some(crc) = &self.crc {
                    out.extend_from_slice(&crc.sum().to_le_bytes());
                    out.extend_from_slice(&crc.amount().to_le_bytes());
                }
            } else if used == 0 && out.len() == made {
                break;
            }
        }
        Ok(())
    }
}

struct Decompressor {
    inner: Decompress,
    phase: Phase,
    /// Of the output, for gzip.
    crc: Option<Crc>,
}

enum Phase {
    Header(Header),
    Body,
    /// The check of gzip: how much of it is there.
    Trailer([u8; 8], usize),
    End,
}

impl Decompressor {
    fn new(format: &str) -> Self {
        let gzip = format == "gzip";
        Self {
            inner: Decompress::new(format == "deflate"),
            phase: if gzip { Phase::Header(Header::default()) } else { Phase::Body },
            crc: gzip.then(Crc::new),
        }
    }

    fn run(&mut self, input: &mut Bytes, ended: bool, out: &mut Vec<u8>) -> Result<(), &'static str> {
        loop {
            match &mut self.phase {
                Phase::Header(header) => {
                    if input.is_empty() {
                        break;
                    }
                    if header.take(input.get_u8())? {
                        self.phase = Phase::Body;
                    }
                }
                Phase::Body => {
                    if out.capacity() == 0 {
                        out.reserve_exact(PIECE);
                    }
                    if out.len() == out.capacity() {
                        return Ok(());
                    }
                    let (before, made) = (self.inner.total_in(), out.len());
                    let status = self
                        .inner
                        .decompress_vec(input, out, FlushDecompress::None)
                        .map_err(|_| "the compressed data is not valid")?;
                    let used = (self.inner.total_in() - before) as usize;
                    input.advance(used);
                    if let Some(crc) = &mut self.crc {
                        crc.update(&out[made..]);
                    }
                    if status == Status::StreamEnd {
                        self.phase = if self.crc.is_some() { Phase::Trailer([0; 8], 0) } else { Phase::End };
                    } else if used == 0 && out.len() == made {
                        break;
                    }
                }
                Phase::Trailer(bytes, len) => {
                    let n = input.len().min(8 - *len);
                    input.copy_to_slice(&mut bytes[*len..*len + n]);
                    *len += n;
                    if *len < 8 {
                        break;
                    }
                    let expected = self.crc.as_ref().map(|crc| {
                        let mut expected = [0; 8];
                        expected[..4].copy_from_slice(&crc.sum().to_le_bytes());
                        expected[4..].copy_from_slice(&crc.amount().to_le_bytes());
                        expected
                    });
                    if expected != Some(*bytes) {
                        return Err("the check of the compressed data is wrong");
                    }
                    self.phase = Phase::End;
                }
                Phase::End => {
                    if !input.is_empty() {
                        return Err("there is something after the end of the compressed data");
                    }
                    return Ok(());
                }
            }
        }
        if ended { Err("the compressed data ends too early") } else { Ok(()) }
    }
}

/// What stands before the data of gzip, RFC 1952 §2.3, of which only the form is checked.
#[derive(Default)]
struct Header {
    part: Part,
    flags: u8,
    /// Bytes of this part so far, or still to come of `Extra`.
    count: u16,
    /// Of what is to come.
    number: u16,
    crc: Crc,
}

#[derive(Default, Clone, Copy, PartialEq)]
enum Part {
    #[default]
    Fixed,
    ExtraLength,
    Extra,
    Name,
    Comment,
    Check,
}

impl Header {
    const CHECK: u8 = 2;
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    const RESERVED: u8 = 0xe0;

    /// Takes a byte; gives whether it was the last one.
    fn take(&mut self, byte: u8) -> Result<bool, &'static str> {
        const WRONG: &str = "the header of the compressed data is wrong";
        if self.part != Part::Check {
            self.crc.update(&[byte]);
        }
        match self.part {
            Part::Fixed => {
                let wrong = match self.count {
                    0 => byte != 0x1f,
                    1 => byte != 0x8b,
                    2 => byte != 8,
                    3 => {
                        self.flags = byte;
                        byte & Self::RESERVED != 0
                    }
                    _ => false,
                };
                if wrong {
                    return Err(WRONG);
                }
                self.count += 1;
                if self.count < 10 {
                    return Ok(false);
                }
                Ok(self.after(Part::Fixed))
            }
            Part::ExtraLength => {
                self.number |= u16::from(byte) << (8 * self.count);
                self.count += 1;
                if self.count < 2 {
                    return Ok(false);
                }
                if self.number == 0 {
                    return Ok(self.after(Part::Extra));
                }
                self.part = Part::Extra;
                Ok(false)
            }
            Part::Extra => {
                self.number -= 1;
                Ok(self.number == 0 && self.after(Part::Extra))
            }
            Part::Name | Part::Comment => Ok(byte == 0 && self.after(self.part)),
            Part::Check => {
                self.number |= u16::from(byte) << (8 * self.count);
                self.count += 1;
                if self.count < 2 {
                    return Ok(false);
                }
                if self.number != self.crc.sum() as u16 { Err(WRONG) } else { Ok(true) }
            }
        }
    }

    /// Goes to the part after this one; gives whether there is none.
    fn after(&mut self, part: Part) -> bool {
        self.count = 0;
        self.number = 0;
        let has = |flag| self.flags & flag != 0;
        self.part = match part {
            Part::Fixed if has(Self::EXTRA) => Part::ExtraLength,
            Part::Fixed | Part::ExtraLength | Part::Extra if has(Self::NAME) => Part::Name,
            Part::Fixed | Part::ExtraLength | Part::Extra | Part::Name if has(Self::COMMENT) => Part::Comment,
            _ if has(Self::CHECK) => Part::Check,
            _ => return true,
        };
        false
    }
}
