//! Brace expansion, as shells and npm's `minimatch` have it: `{a,b}`, `{1..9}`, `{a..e..2}`, nested.

use std::collections::HashSet;

use crate::glob::{TooComplex, Units};

/// How many patterns one may become, and how many units they may have together.
const MOST: usize = 10_000;
const MOST_UNITS: usize = 1 << 20;
/// How deep groups may be nested, and how many may follow each other.
const DEEPEST: usize = 200;

const OPEN: u16 = b'{' as u16;
const CLOSE: u16 = b'}' as u16;
const COMMA: u16 = b',' as u16;
/// Stands for a closing brace that is only text. Patterns hold no backslash, so none can be meant.
const LITERAL_CLOSE: u16 = b'\\' as u16;

/// All the patterns that one stands for, without those that are there already.
pub(crate) fn expand(pattern: &[u16]) -> Result<Vec<Units>, TooComplex> {
    if !pattern.iter().position(|u| *u == OPEN).is_some_and(|at| pattern.iter().skip(at).any(|u| *u == CLOSE)) {
        return Ok(vec![pattern.to_vec()]);
    }
    let (head, rest) = match pattern {
        // An empty group in front is text.
        [OPEN, CLOSE, rest @ ..] => (&pattern[..2], rest),
        all => (&[][..], all),
    };
    let mut made = Vec::new();
    let mut seen = HashSet::new();
    for tail in Expander::default().expand(rest, true, 0)? {
        let mut units = head.to_vec();
        units.extend(tail.into_iter().map(|u| if u == LITERAL_CLOSE { CLOSE } else { u }));
        if seen.insert(units.clone()) {
            made.push(units);
        }
    }
    Ok(made)
}

#[derive(Default)]
struct Expander {
    units: usize,
}

/// The first group that is closed: what stands before it, in it, and after it.
fn balanced(text: &[u16]) -> Option<(&[u16], &[u16], &[u16])> {
    let mut open = Vec::new();
    let mut outermost: Option<(usize, usize)> = None;
    for (at, unit) in text.iter().enumerate() {
        match (*unit, open.len()) {
            (OPEN, _) => open.push(at),
            (CLOSE, 1) => {
                outermost = open.pop().map(|from| (from, at));
                break;
            }
            (CLOSE, 2..) => {
                let from = open.pop().unwrap_or_default();
                if outermost.is_none_or(|(left, _)| from < left) {
                    outermost = Some((from, at));
                }
            }
            _ => {}
        }
    }
    let (from, to) = outermost?;
    Some((text.get(..from)?, text.get(from + 1..to)?, text.get(to + 1..)?))
}

/// Splits at commas that stand in no group.
fn comma_parts(body: &[u16]) -> Vec<Units> {
    let mut parts: Vec<Units> = vec![Vec::new()];
    let mut rest = body;
    while let Some((before, inside, after)) = balanced(rest) {
        add_parts(&mut parts, before);
        if let Some(last) = parts.last_mut() {
            last.push(OPEN);
            last.extend_from_slice(inside);
            last.push(CLOSE);
        }
        rest = after;
    }
    add_parts(&mut parts, rest);
    parts
}

fn add_parts(parts: &mut Vec<Units>, text: &[u16]) {
    for (i, piece) in text.split(|u| *u == COMMA).enumerate() {
        if i > 0 {
            parts.push(Vec::new());
        }
        if let Some(last) = parts.last_mut() {
            last.extend_from_slice(piece);
        }
    }
}

/// `1..10..2`, `a..e`: all that it counts.
fn sequence(body: &[u16]) -> Result<Option<Vec<Units>>, TooComplex> {
    let Ok(text) = String::from_utf16(body) else { return Ok(None) };
    let parts: Vec<&str> = text.split("..").collect();
    if !(2..=3).contains(&parts.len()) {
        return Ok(None);
    }
    let number = |s: &str| {
        let digits = s.strip_prefix('-').unwrap_or(s);
        let plain = !digits.is_empty() && digits.len() < 16 && digits.bytes().all(|b| b.is_ascii_digit());
        if plain { s.parse::<i64>().ok() } else { None }
    };
    let letter = |s: &str| match *s.as_bytes() {
        [b] if b.is_ascii_alphabetic() => Some(i64::from(b)),
        _ => None,
    };
    let step = match parts.get(2) {
        Some(step) => match number(step) {
            Some(step) => step.abs().max(1),
            None => return Ok(None),
        },
        None => 1,
    };
    let (is_letters, from, to) = match (number(parts[0]), number(parts[1]), letter(parts[0]), letter(parts[1])) {
        (Some(from), Some(to), ..) => (false, from, to),
        (_, _, Some(from), Some(to)) => (true, from, to),
        _ => return Ok(None),
    };
    let count = from.abs_diff(to) / step.unsigned_abs() + 1;
    if count > MOST as u64 {
        return Err(TooComplex);
    }
    let padded = |s: &str| {
        let digits = s.strip_prefix('-').unwrap_or(s);
        digits.len() > 1 && digits.starts_with('0')
    };
    let width = if parts.iter().any(|p| padded(p)) { parts[0].len().max(parts[1].len()) } else { 0 };
    let made = (0..count as i64).map(|i| {
        let n = if from <= to { from + i * step } else { from - i * step };
        if is_letters {
            // The letters' range has a backslash in it, which counts for nothing.
            return if n == 0x5c { Vec::new() } else { vec![n as u16] };
        }
        let digits = n.unsigned_abs().to_string();
        let sign = if n < 0 { "-" } else { "" };
        let zeros = width.saturating_sub(digits.len() + sign.len());
        format!("{sign}{}{digits}", "0".repeat(zeros)).encode_utf16().collect()
    });
    Ok(Some(made.collect()))
}

impl Expander {
    fn expand(&mut self, text: &[u16], top: bool, depth: usize) -> Result<Vec<Units>, TooComplex> {
        if depth > DEEPEST {
            return Err(TooComplex);
        }
        let Some((before, body, after)) = balanced(text) else { return self.keep(vec![text.to_vec()]) };
        let is_variable = before.last() == Some(&u16::from(b'$'));
        let counted = if is_variable { None } else { sequence(body)? };
        let is_sequence = counted.is_some();
        if !is_variable && !is_sequence && !body.contains(&COMMA) {
            // {a},b} is a group whose first closing brace is text.
            let comma = after.iter().enumerate().position(|(i, u)| {
                *u == COMMA && after.get(i + 1) != Some(&COMMA) && after.iter().skip(i + 1).any(|u| *u == CLOSE)
            });
            if comma.is_some() {
                let again = [before, &[OPEN], body, &[LITERAL_CLOSE], after].concat();
                return self.expand(&again, false, depth + 1);
            }
            return self.keep(vec![text.to_vec()]);
        }
        let tails = if after.is_empty() { vec![Vec::new()] } else { self.expand(after, false, depth + 1)? };
        let braced = |inside: &[u16]| [&[OPEN], inside, &[CLOSE]].concat();
        let middles = if is_variable {
            vec![braced(body)]
        } else if let Some(counted) = counted {
            counted
        } else {
            let mut parts = comma_parts(body);
            if let [only] = &parts[..] {
                // x{{a,b}}y is x{a}y and x{b}y.
                parts = self.expand(only, false, depth + 1)?.iter().map(|part| braced(part)).collect();
                if let [only] = &parts[..] {
                    return self.join(before, std::slice::from_ref(only), &tails, |_| true);
                }
            }
            let mut middles = Vec::new();
            for part in parts {
                middles.extend(self.expand(&part, false, depth + 1)?);
            }
            middles
        };
        self.join(before, &middles, &tails, |made| is_variable || !top || is_sequence || !made.is_empty())
    }

    fn join(
        &mut self,
        before: &[u16],
        middles: &[Units],
        tails: &[Units],
        keep: impl Fn(&Units) -> bool,
    ) -> Result<Vec<Units>, TooComplex> {
        if middles.len().saturating_mul(tails.len()) > MOST {
            return Err(TooComplex);
        }
        let mut made = Vec::new();
        for middle in middles {
            for tail in tails {
                let one = [before, middle, tail].concat();
                self.units += one.len();
                if self.units > MOST_UNITS {
                    return Err(TooComplex);
                }
                if keep(&one) {
                    made.push(one);
                }
            }
        }
        Ok(made)
    }

    fn keep(&mut self, made: Vec<Units>) -> Result<Vec<Units>, TooComplex> {
        self.units += made.iter().map(Vec::len).sum::<usize>();
        if self.units > MOST_UNITS { Err(TooComplex) } else { Ok(made) }
    }
}
