//! Inline snapshots that are written into the source of their test.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::results::guest_frames;

/// An inline snapshot that is to be written, since the source has another or none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct InlineSnapshot {
    /// The matcher that takes it: `toMatchInlineSnapshot` or `toThrowErrorMatchingInlineSnapshot`.
    pub matcher: String,
    /// What it should be.
    pub text: String,
    /// The file in which the matcher is called, if its stack says so. It is the guest's word.
    pub file: Option<String>,
    /// The line of the call, from 1.
    pub line: Option<u32>,
    /// Its column, from 1.
    pub column: Option<u32>,
}

/// What glue says of one.
#[derive(Deserialize)]
pub(crate) struct GuestSnapshot {
    matcher: String,
    text: String,
    stack: String,
}

impl From<GuestSnapshot> for InlineSnapshot {
    fn from(noted: GuestSnapshot) -> Self {
        let place = isolate_core::engine::crossing::location(&guest_frames(&noted.stack));
        Self {
            matcher: noted.matcher,
            text: noted.text,
            line: place.as_ref().map(|p| p.line),
            column: place.as_ref().map(|p| p.column),
            file: place.map(|p| p.file),
        }
    }
}

/// What [`write_inline_snapshots`] gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WrittenSnapshots {
    /// The source with them in it.
    pub source: String,
    /// How many were written.
    pub written: usize,
    /// Those that could not be, with the reason.
    pub refused: Vec<(InlineSnapshot, &'static str)>,
}

/// Writes inline snapshots into the source that they come from, as Vitest writes them: each as the first argument of its
/// matcher, in the place of a literal or of nothing. All else stays as it is.
pub fn write_inline_snapshots(source: &str, snapshots: &[InlineSnapshot]) -> WrittenSnapshots {
    let mut edits: BTreeMap<usize, (Range<usize>, &InlineSnapshot, bool)> = BTreeMap::new();
    let mut refused = Vec::new();
    for snapshot in snapshots {
        let place = find(source, snapshot).ok_or("the call was not found in the source");
        match place.and_then(|name| Ok((name, argument(source, name + snapshot.matcher.len())?))) {
            Ok((name, range)) => {
                let (_, known, same) = edits.entry(name).or_insert((range, snapshot, true));
                *same &= known.text == snapshot.text;
            }
            Err(reason) => refused.push((snapshot.clone(), reason)),
        }
    }
    let mut out = source.to_owned();
    let mut written = 0;
    for (name, (range, snapshot, same)) in edits.into_iter().rev() {
        if same {
            out.replace_range(range, &literal(source, name, &snapshot.text));
            written += 1;
        } else {
            refused.push((snapshot.clone(), "it is reached more than once, with different values"));
        }
    }
    WrittenSnapshots { source: out, written, refused }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$')
}

/// Where the name of the matcher stands that was called: on the line that the engine says, next to its column, or below.
fn find(source: &str, snapshot: &InlineSnapshot) -> Option<usize> {
    /// How many lines a call may be long from where the engine sees it.
    const LINES: usize = 100;
    let (line, column) = (snapshot.line? as usize, snapshot.column? as usize);
    let mut start = 0;
    for (i, text) in source.split_inclusive('\n').enumerate().take(line + LINES) {
        if i + 1 >= line {
            let at = if i + 1 == line {
                text.char_indices().nth(column.saturating_sub(1)).map_or(text.len(), |(at, _)| at)
            } else {
                0
            };
            let found = text.match_indices(&snapshot.matcher).map(|(at, _)| at).filter(|at| {
                let after = at + snapshot.matcher.len();
                text[..*at].ends_with('.') && !text[after..].starts_with(is_word)
            });
            if let Some(found) = found.min_by_key(|found| found.abs_diff(at)) {
                return Some(start + found);
            }
        }
        start += text.len();
    }
    None
}

/// Past white space and comments.
fn skip_blank(source: &str, mut at: usize) -> usize {
    loop {
        let rest = &source[at..];
        let trimmed = rest.trim_start();
        at += rest.len() - trimmed.len();
        let comment = match trimmed.as_bytes() {
            [b'/', b'/', ..] => trimmed.find('\n'),
            [b'/', b'*', ..] => trimmed[2..].find("*/").map(|end| end + 4),
            _ => return at,
        };
        at += comment.unwrap_or(trimmed.len());
    }
}

/// The literal that is the first argument of a call, whose name ends at `at`; nothing, where it would stand, if there are
/// no arguments.
fn argument(source: &str, at: usize) -> Result<Range<usize>, &'static str> {
    const OTHER: &str = "its snapshot is not a plain literal";
    let mut at = skip_blank(source, at);
    if !source[at..].starts_with('(') {
        return Err("the call was not found in the source");
    }
    at = skip_blank(source, at + 1);
    let quote = match source.as_bytes().get(at) {
        Some(b')') => return Ok(at..at),
        Some(quote @ (b'`' | b'"' | b'\'')) => *quote,
        _ => return Err(OTHER),
    };
    let bytes = source.as_bytes();
    let mut end = at + 1;
    loop {
        match bytes.get(end) {
            None => return Err(OTHER),
            Some(b'\\') => end += 1,
            Some(b'$') if quote == b'`' && bytes.get(end + 1) == Some(&b'{') => return Err(OTHER),
            Some(b) if *b == quote => break,
            Some(_) => {}
        }
        end += 1;
    }
    end += 1;
    match source.as_bytes().get(skip_blank(source, end)) {
        Some(b')' | b',') => Ok(at..end),
        _ => Err(OTHER),
    }
}

/// A snapshot as a template literal. One of several lines is indented by one step more than the line that it begins on.
fn literal(source: &str, at: usize, text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('`', "\\`").replace("${", "\\${").replace('\r', "\\r");
    if !text.contains('\n') {
        return format!("`{text}`");
    }
    let line = &source[source[..at].rfind('\n').map_or(0, |end| end + 1)..at];
    let indent = &line[..line.len() - line.trim_start().len()];
    let step = if indent.contains('\t') { "\t" } else { "  " };
    let newline = if source.contains("\r\n") { "\r\n" } else { "\n" };
    let mut out = format!("`{newline}");
    for line in text.split('\n') {
        if !line.is_empty() {
            out.extend([indent, step, line]);
        }
        out.push_str(newline);
    }
    out.extend([indent, "`"]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(line: u32, column: u32, text: &str) -> InlineSnapshot {
        let matcher = "toMatchInlineSnapshot".into();
        InlineSnapshot { matcher, text: text.into(), file: None, line: Some(line), column: Some(column) }
    }

    fn write(source: &str, snapshots: &[InlineSnapshot]) -> (String, Vec<&'static str>) {
        let done = write_inline_snapshots(source, snapshots);
        assert_eq!(done.written + done.refused.len() >= 1, !snapshots.is_empty());
        (done.source, done.refused.into_iter().map(|(_, why)| why).collect())
    }

    #[test]
    fn a_snapshot_is_written_where_it_belongs() {
        for (source, at, text, expected) in [
            ("expect(1).toMatchInlineSnapshot()", (1, 11), "1", "expect(1).toMatchInlineSnapshot(`1`)"),
            (
                "e.toMatchInlineSnapshot( /* a ) */ \"old, \\\" it\" , 'hint')",
                (1, 3),
                "1",
                "e.toMatchInlineSnapshot( /* a ) */ `1` , 'hint')",
            ),
            ("e.toMatchInlineSnapshot(`\n  old \\` )\n`);", (1, 3), "new", "e.toMatchInlineSnapshot(`new`);"),
            (
                "e\n\t.toMatchInlineSnapshot(\n// none\n)",
                (1, 1),
                "{\n  a,\n\n}",
                "e\n\t.toMatchInlineSnapshot(\n// none\n`\n\t\t{\n\t\t  a,\n\n\t\t}\n\t`)",
            ),
            (
                "  e.toMatchInlineSnapshot()\r\n",
                (1, 5),
                "[\n]",
                "  e.toMatchInlineSnapshot(`\r\n    [\r\n    ]\r\n  `)\r\n",
            ),
            ("e.toMatchInlineSnapshot()", (1, 3), "\"`${\\n}\r\"", "e.toMatchInlineSnapshot(`\"\\`\\${\\\\n}\\r\"`)"),
            // The nearest of several, whole words only, characters rather than bytes.
            (
                "/* äöü */ e.toMatchInlineSnapshot(); e.toMatchInlineSnapshot()",
                (1, 40),
                "1",
                "/* äöü */ e.toMatchInlineSnapshot(); e.toMatchInlineSnapshot(`1`)",
            ),
            (
                "e.toMatchInlineSnapshots(); toMatchInlineSnapshot(); e.toMatchInlineSnapshot()",
                (1, 3),
                "1",
                "e.toMatchInlineSnapshots(); toMatchInlineSnapshot(); e.toMatchInlineSnapshot(`1`)",
            ),
        ] {
            assert_eq!(write(source, &[snapshot(at.0, at.1, text)]), (expected.to_owned(), vec![]), "{source}");
        }
    }

    #[test]
    fn several_in_one_source() {
        let source = "a.toMatchInlineSnapshot();\nb.toMatchInlineSnapshot(`x`);\nc.toMatchInlineSnapshot();\n";
        let all = [snapshot(3, 3, "3\n3"), snapshot(1, 3, "1"), snapshot(2, 3, "2"), snapshot(1, 3, "1")];
        let expected =
            "a.toMatchInlineSnapshot(`1`);\nb.toMatchInlineSnapshot(`2`);\nc.toMatchInlineSnapshot(`\n  3\n  3\n`);\n";
        assert_eq!(write(source, &all), (expected.to_owned(), vec![]));
        let all = [snapshot(1, 3, "1"), snapshot(2, 3, "2"), snapshot(1, 3, "other")];
        let expected = "a.toMatchInlineSnapshot();\nb.toMatchInlineSnapshot(`2`);\nc.toMatchInlineSnapshot();\n";
        let (written, refused) = write(source, &all);
        assert_eq!((written.as_str(), refused.len()), (expected, 1));
    }

    #[test]
    fn what_is_no_literal_stays() {
        for source in [
            "e.toMatchInlineSnapshot(text)",
            "e.toMatchInlineSnapshot(`a${1}`)",
            "e.toMatchInlineSnapshot('a' + 'b')",
            "e.toMatchInlineSnapshot('a",
            "e.toMatchInlineSnapshot",
            "e.toMatchInlineSnapshot(",
            "e.toMatchInlineSnapshot(/*",
            "e.toMatchInlineSnapshot('\\",
            "e.other()",
            "",
        ] {
            let places = [(1, 1), (1, 0), (1, 99), (7, 1), (0, 0), (u32::MAX, u32::MAX)];
            for (line, column) in places {
                let (written, refused) = write(source, &[snapshot(line, column, "1")]);
                assert_eq!((written.as_str(), refused.len()), (source, 1), "{source} {line} {column}");
            }
        }
    }
}
