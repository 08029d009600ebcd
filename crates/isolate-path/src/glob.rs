//! Whether a path matches a glob, as `path.matchesGlob` of Node says, which goes by npm's `minimatch`: `*`, `?`, classes,
//! `**`, braces, and `?(…)`, `*(…)`, `+(…)`, `@(…)`, `!(…)`.
//!
//! A segment of a pattern becomes a small automaton that is run backwards over the text, so that the time is the product of
//! the two lengths at the worst, whatever the pattern.

use std::collections::HashSet;

use crate::braces;

/// UTF-16 code units, which is what `?` stands for one of.
pub(crate) type Units = Vec<u16>;

/// The pattern, or what it would take to match it, passes a bound.
#[derive(Debug)]
pub(crate) struct TooComplex;

/// Steps of all automata together: some hundredths of a second.
const STEPS: usize = 1 << 24;
/// How deep `@(@(…))` may be nested.
const DEEPEST: usize = 100;

const SLASH: u16 = b'/' as u16;
const BACKSLASH: u16 = b'\\' as u16;
const DOT: u16 = b'.' as u16;

/// Which separators a path has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavor {
    Posix,
    Windows,
}

/// One segment of a pattern.
enum Segment {
    Globstar,
    Text(Units),
    Pattern(Automaton),
}

pub(crate) fn matches(path: &str, pattern: &str, flavor: Flavor) -> Result<bool, TooComplex> {
    let mut path: Units = path.encode_utf16().collect();
    let pattern: Units = pattern.encode_utf16().map(|u| if u == BACKSLASH { SLASH } else { u }).collect();
    if pattern.is_empty() {
        return Ok(path.is_empty());
    }
    if flavor == Flavor::Windows {
        path.iter_mut().filter(|u| **u == BACKSLASH).for_each(|u| *u = SLASH);
    }
    let mut file = split(&path, flavor);
    simplify(&mut file);
    let mut steps = STEPS;
    for one in braces::expand(&pattern)? {
        for parts in variants(split(&one, flavor)) {
            let mut parts = parts;
            let mut file = &file[..];
            if flavor == Flavor::Windows {
                file = align_drives(&mut parts, file);
            }
            let segments: Result<Vec<Segment>, _> = parts.iter().map(|part| segment(part)).collect();
            if matches_segments(file, &segments?, &mut steps)? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// At slashes, of which several count as one; two in front are kept on Windows.
fn split(path: &[u16], flavor: Flavor) -> Vec<Units> {
    let mut parts: Vec<Units> = Vec::new();
    let is_unc = matches!(path, [SLASH, SLASH, third, ..] if *third != SLASH);
    if flavor == Flavor::Windows && is_unc {
        parts.push(Vec::new());
    }
    let mut last = None;
    parts.push(Vec::new());
    for unit in path {
        if *unit != SLASH {
            if let Some(part) = parts.last_mut() {
                part.push(*unit);
            }
        } else if last != Some(SLASH) {
            parts.push(Vec::new());
        }
        last = Some(*unit);
    }
    parts
}

fn is(part: &[u16], text: &str) -> bool {
    part.iter().copied().eq(text.encode_utf16())
}

/// Takes out what changes nothing: `.`, and a name with the `..` after it.
fn simplify(parts: &mut Vec<Units>) {
    let all = std::mem::take(parts);
    let count = all.len();
    let mut all = all.into_iter().enumerate().peekable();
    while let Some((i, part)) = all.next() {
        let is_root = i == 1 && part.is_empty() && parts.first().is_some_and(Vec::is_empty);
        if i > 0 && i + 1 < count && !is_root && (part.is_empty() || is(&part, ".")) {
            continue;
        }
        let is_name = |p: &Units| !p.is_empty() && !["", ".", "..", "**"].iter().any(|special| is(p, special));
        if is(&part, "..") && parts.last().is_some_and(is_name) {
            parts.pop();
            if parts.is_empty() && all.peek().is_some_and(|(_, next)| is(next, "**")) {
                parts.push(vec![DOT]);
            }
            continue;
        }
        parts.push(part);
    }
    if parts.is_empty() {
        parts.push(Vec::new());
    }
    if parts.len() == 2 && is(&parts[0], ".") && (parts[1].is_empty() || is(&parts[1], ".")) {
        parts.pop();
    }
}

/// A pattern without what changes nothing. `**` with a `..` after it may also be nothing at all, so there may be two.
fn variants(parts: Vec<Units>) -> Vec<Vec<Units>> {
    /// Each `**/..` doubles them.
    const MOST: usize = 16;
    let mut done = Vec::new();
    let mut waiting = vec![parts];
    while let Some(mut parts) = waiting.pop() {
        parts.dedup_by(|a, b| is(a, "**") && is(b, "**"));
        let split = parts.iter().enumerate().position(|(i, part)| {
            let next = parts.get(i + 1);
            let after = parts.get(i + 2);
            is(part, "**")
                && next.is_some_and(|n| is(n, ".."))
                && after.is_some_and(|a| !a.is_empty() && !is(a, ".") && !is(a, ".."))
        });
        if let Some(at) = split
            && done.len() + waiting.len() < MOST
        {
            let mut without = parts.clone();
            without.remove(at);
            waiting.push(without);
            // The name that `**` ends with and the `..` cancel each other.
            parts.remove(at + 1);
        }
        simplify(&mut parts);
        parts.dedup_by(|a, b| is(a, "**") && is(b, "**"));
        done.push(parts);
    }
    done
}

/// Drive letters match whatever their case, and with or without `\\?\` in front.
fn align_drives<'f>(pattern: &mut Vec<Units>, file: &'f [Units]) -> &'f [Units] {
    fn drive(parts: &[Units]) -> Option<usize> {
        let is_drive = |part: &Units| match part[..] {
            [letter, colon] => u8::try_from(letter).is_ok_and(|l| l.is_ascii_alphabetic()) && colon == u16::from(b':'),
            _ => false,
        };
        match parts {
            [first, ..] if is_drive(first) => Some(0),
            [a, b, c, d, ..] if a.is_empty() && b.is_empty() && is(c, "?") && is_drive(d) => Some(3),
            _ => None,
        }
    }
    let (Some(of_file), Some(of_pattern)) = (drive(file), drive(pattern)) else { return file };
    if file[of_file][0] | 0x20 != pattern[of_pattern][0] | 0x20 {
        return file;
    }
    pattern[of_pattern] = file[of_file].clone();
    if of_pattern > of_file {
        pattern.drain(..of_pattern);
    } else if of_file > of_pattern {
        return &file[of_file..];
    }
    file
}

fn segment(part: &[u16]) -> Result<Segment, TooComplex> {
    if is(part, "**") {
        return Ok(Segment::Globstar);
    }
    let last_bracket = part.iter().rposition(|u| *u == unit(b']')).unwrap_or(0);
    let pieces = Parser { text: part, at: 0, unclosed: HashSet::new(), last_bracket }.pieces(0)?;
    let mut text = Vec::new();
    for piece in &pieces {
        match piece {
            Piece::Unit(unit) => text.push(*unit),
            _ => return Ok(Segment::Pattern(Automaton::new(&pieces))),
        }
    }
    Ok(Segment::Text(text))
}

/// Whether segments of a path are those of a pattern. `good[j]`: what is left of the path matches the pattern from `j` on.
fn matches_segments(file: &[Units], pattern: &[Segment], steps: &mut usize) -> Result<bool, TooComplex> {
    let skippable = |part: &Units| part.first() != Some(&DOT);
    let n = pattern.len();
    // After the last segment of the path.
    let mut good = vec![false; n + 1];
    good[n] = true;
    // A pattern ends before an empty last segment too, that is, before a slash at the end.
    let slash_at_end = file.last().is_some_and(Vec::is_empty);
    // Whether `**` at the end of the pattern takes all that is left.
    let mut rest_skippable = true;
    for (left, part) in file.iter().enumerate().rev() {
        rest_skippable &= skippable(part);
        let mut now = vec![false; n + 1];
        now[n] = slash_at_end && left + 1 == file.len();
        for (j, segment) in pattern.iter().enumerate().rev() {
            *steps = steps.checked_sub(1).ok_or(TooComplex)?;
            now[j] = match segment {
                Segment::Globstar if j + 1 == n => rest_skippable,
                Segment::Globstar => now[j + 1] || (skippable(part) && good[j] && left + 1 < file.len()),
                Segment::Text(text) => good[j + 1] && text == part,
                Segment::Pattern(automaton) => good[j + 1] && automaton.matches(part, steps)?,
            };
        }
        good = now;
    }
    // `**` at the end takes nothing at all as well, but only after a segment.
    Ok(good[0])
}

/// What a segment is made of.
#[derive(Debug)]
enum Piece {
    Unit(u16),
    /// `?`
    Any,
    /// `*`
    Star,
    Class(Class),
    /// `@(a|b)` and its kin.
    Group(u16, Vec<Vec<Piece>>),
}

#[derive(Debug)]
struct Class {
    negated: bool,
    ranges: Vec<(u16, u16)>,
}

impl Class {
    fn has(&self, unit: u16) -> bool {
        self.ranges.iter().any(|(from, to)| (*from..=*to).contains(&unit)) != self.negated
    }
}

struct Parser<'t> {
    text: &'t [u16],
    at: usize,
    /// Where groups begin that are known not to end.
    unclosed: HashSet<usize>,
    last_bracket: usize,
}

fn unit(byte: u8) -> u16 {
    u16::from(byte)
}

impl Parser<'_> {
    fn peek(&self, ahead: usize) -> Option<u16> {
        self.text.get(self.at + ahead).copied()
    }

    fn pieces(&mut self, depth: usize) -> Result<Vec<Piece>, TooComplex> {
        let mut pieces = Vec::new();
        while let Some(next) = self.peek(0) {
            if depth > 0 && (next == unit(b'|') || next == unit(b')')) {
                break;
            }
            if let Some(group) = self.group(next, depth)? {
                pieces.push(group);
                continue;
            }
            if next == unit(b'[')
                && self.at < self.last_bracket
                && let Some((class, length)) = class(&self.text[self.at..])
            {
                pieces.push(Piece::Class(class));
                self.at += length;
                continue;
            }
            self.at += 1;
            pieces.push(match u8::try_from(next) {
                Ok(b'*') => Piece::Star,
                Ok(b'?') => Piece::Any,
                _ => Piece::Unit(next),
            });
        }
        Ok(pieces)
    }

    /// A group, if one begins here and is closed. One that is not closed is text.
    fn group(&mut self, kind: u16, depth: usize) -> Result<Option<Piece>, TooComplex> {
        let is_kind = u8::try_from(kind).is_ok_and(|k| b"!?+*@".contains(&k));
        if !is_kind || self.peek(1) != Some(unit(b'(')) || self.unclosed.contains(&self.at) {
            return Ok(None);
        }
        if depth >= DEEPEST {
            return Err(TooComplex);
        }
        let start = self.at;
        self.at += 2;
        let mut alternatives = Vec::new();
        loop {
            alternatives.push(self.pieces(depth + 1)?);
            match self.peek(0) {
                Some(u) if u == unit(b'|') => self.at += 1,
                Some(_) => {
                    self.at += 1;
                    return Ok(Some(Piece::Group(kind, alternatives)));
                }
                None => {
                    self.unclosed.insert(start);
                    self.at = start;
                    return Ok(None);
                }
            }
        }
    }
}

const NAMED: [(&str, &[(u8, u8)]); 14] = [
    ("[:alnum:]", &[(b'0', b'9'), (b'A', b'Z'), (b'a', b'z')]),
    ("[:alpha:]", &[(b'A', b'Z'), (b'a', b'z')]),
    ("[:ascii:]", &[(0, 127)]),
    ("[:blank:]", &[(b'\t', b'\t'), (b' ', b' ')]),
    ("[:cntrl:]", &[(0, 31), (127, 127)]),
    ("[:digit:]", &[(b'0', b'9')]),
    ("[:graph:]", &[(33, 126)]),
    ("[:lower:]", &[(b'a', b'z')]),
    ("[:print:]", &[(32, 126)]),
    ("[:punct:]", &[(33, 47), (58, 64), (91, 96), (123, 126)]),
    ("[:space:]", &[(9, 13), (b' ', b' ')]),
    ("[:upper:]", &[(b'A', b'Z')]),
    ("[:word:]", &[(b'0', b'9'), (b'A', b'Z'), (b'a', b'z'), (b'_', b'_')]),
    ("[:xdigit:]", &[(b'0', b'9'), (b'A', b'F'), (b'a', b'f')]),
];

/// A class at the beginning of a text, with its length; none if it is not closed.
fn class(text: &[u16]) -> Option<(Class, usize)> {
    let mut at = 1;
    let negated = matches!(text.get(1), Some(u) if *u == unit(b'!') || *u == unit(b'^'));
    at += usize::from(negated);
    let first = at;
    let mut ranges: Vec<(u16, u16)> = Vec::new();
    let mut from: Option<u16> = None;
    loop {
        let next = *text.get(at)?;
        if next == unit(b']') && at > first {
            break;
        }
        if next == unit(b'[')
            && let Some((name, named)) = NAMED.iter().find(|(name, _)| starts_with(&text[at..], name))
        {
            ranges.extend(named.iter().map(|(a, b)| (unit(*a), unit(*b))));
            at += name.len();
            from = None;
            continue;
        }
        at += 1;
        if let Some(start) = from.take() {
            // One that is the wrong way round holds nothing.
            if next >= start {
                ranges.push((start, next));
            }
            continue;
        }
        let is_range = text.get(at) == Some(&unit(b'-'));
        match text.get(at + 1) {
            Some(end) if is_range && *end != unit(b']') => {
                from = Some(next);
                at += 1;
            }
            _ => ranges.push((next, next)),
        }
    }
    Some((Class { negated, ranges }, at + 1))
}

fn starts_with(text: &[u16], name: &str) -> bool {
    text.len() >= name.len() && text.iter().zip(name.bytes()).all(|(u, b)| *u == unit(b))
}

/// A step of the automaton. Steps lead to other steps by their numbers.
#[derive(Debug)]
enum Step {
    End,
    Unit(u16, usize),
    Any(usize),
    Class(usize, usize),
    /// Any number of units.
    Star(usize),
    /// One of these.
    Split(Vec<usize>),
    /// Only where no dot follows.
    NoDot(usize),
    /// Only where what follows is neither `.` nor `..`.
    NoDots(usize),
    /// Only where this does not match.
    Not(usize, usize),
}

struct Automaton {
    steps: Vec<Step>,
    classes: Vec<Class>,
    start: usize,
}

impl Automaton {
    fn new(pieces: &[Piece]) -> Self {
        let mut this = Self { steps: vec![Step::End], classes: Vec::new(), start: 0 };
        this.start = match pieces {
            // Alone, a star does not match nothing.
            [Piece::Star] => {
                let star = this.add(Step::Star(0));
                let any = this.add(Step::Any(star));
                this.add(Step::NoDot(any))
            }
            _ => this.sequence(pieces, 0, true),
        };
        this
    }

    fn add(&mut self, step: Step) -> usize {
        self.steps.push(step);
        self.steps.len() - 1
    }

    /// What matches the pieces and then what `next` does. At the start of a segment a dot must be named.
    fn sequence(&mut self, pieces: &[Piece], next: usize, at_start: bool) -> usize {
        let is_magic = |piece: Option<&Piece>| matches!(piece, Some(Piece::Any | Piece::Star | Piece::Class(_)));
        let is_dot = |piece: Option<&Piece>| matches!(piece, Some(Piece::Unit(DOT)));
        let mut step = next;
        for (i, piece) in pieces.iter().enumerate().rev() {
            step = match piece {
                Piece::Unit(unit) => self.add(Step::Unit(*unit, step)),
                Piece::Any => self.add(Step::Any(step)),
                Piece::Star => self.add(Step::Star(step)),
                Piece::Class(class) => {
                    self.classes.push(Class { negated: class.negated, ranges: class.ranges.clone() });
                    let class = self.classes.len() - 1;
                    self.add(Step::Class(class, step))
                }
                Piece::Group(kind, alternatives) => self.group(*kind, alternatives, step, at_start && i == 0),
            };
        }
        if !at_start {
            return step;
        }
        if is_magic(pieces.first()) {
            return self.add(Step::NoDot(step));
        }
        let dots = usize::from(is_dot(pieces.first())) + usize::from(is_dot(pieces.first()) && is_dot(pieces.get(1)));
        if (1..=dots).any(|n| is_magic(pieces.get(n))) {
            return self.add(Step::NoDots(step));
        }
        step
    }

    fn group(&mut self, kind: u16, alternatives: &[Vec<Piece>], next: usize, at_start: bool) -> usize {
        let is_empty = alternatives.iter().all(Vec::is_empty);
        let all = |this: &mut Self, next: usize, at_start: bool| -> Vec<usize> {
            alternatives.iter().map(|pieces| this.sequence(pieces, next, at_start)).collect()
        };
        match u8::try_from(kind) {
            Ok(b'!') => {
                let star = self.add(Step::Star(next));
                // `!()` is anything but nothing.
                let star = if is_empty { self.add(Step::Any(star)) } else { star };
                let star = if at_start { self.add(Step::NoDot(star)) } else { star };
                if is_empty {
                    return star;
                }
                let inner = all(self, next, at_start);
                let inner = self.add(Step::Split(inner));
                self.add(Step::Not(inner, star))
            }
            Ok(b'@') => {
                let inner = all(self, next, at_start);
                self.add(Step::Split(inner))
            }
            Ok(b'?') => {
                let mut inner = all(self, next, at_start);
                inner.push(next);
                self.add(Step::Split(inner))
            }
            _ => {
                // What comes again is not at the start any more.
                let again = self.add(Step::Split(Vec::new()));
                let mut inner = all(self, again, false);
                inner.push(next);
                self.steps[again] = Step::Split(inner);
                let mut first = all(self, again, at_start);
                if kind == unit(b'*') {
                    first.push(next);
                }
                self.add(Step::Split(first))
            }
        }
    }

    fn matches(&self, text: &[u16], steps: &mut usize) -> Result<bool, TooComplex> {
        let n = self.steps.len();
        // Whether each step matches from the place after, and from this one.
        let (mut after, mut here) = (vec![false; n], vec![false; n]);
        for at in (0..=text.len()).rev() {
            here.fill(false);
            // Groups that repeat lead back to themselves, so it goes on until nothing changes: twice, but for groups in
            // groups.
            for _ in 0..=DEEPEST {
                *steps = steps.checked_sub(n).ok_or(TooComplex)?;
                let mut changed = false;
                for (i, step) in self.steps.iter().enumerate() {
                    let next = text.get(at).copied();
                    let good = match step {
                        Step::End => next.is_none(),
                        Step::Unit(unit, to) => next == Some(*unit) && after[*to],
                        Step::Any(to) => next.is_some() && after[*to],
                        Step::Class(class, to) => next.is_some_and(|u| self.classes[*class].has(u)) && after[*to],
                        Step::Star(to) => here[*to] || (next.is_some() && after[i]),
                        Step::Split(all) => all.iter().any(|to| here[*to]),
                        Step::NoDot(to) => next != Some(DOT) && here[*to],
                        Step::NoDots(to) => !matches!(text.get(at..), Some([DOT] | [DOT, DOT])) && here[*to],
                        Step::Not(inner, to) => !here[*inner] && here[*to],
                    };
                    changed |= good != here[i];
                    here[i] = good;
                }
                if !changed {
                    break;
                }
            }
            std::mem::swap(&mut after, &mut here);
        }
        Ok(after[self.start])
    }
}
