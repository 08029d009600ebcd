//! The section of `COMPATIBILITY.md` that lists what is expected to fail.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::expectations::{Expectations, Reasons, Store};
use crate::report::{markdown, one_line};
use crate::select::FOLDERS;

const BEGIN: &str =
    "<!-- Written by `cargo run -p isolate-wpt -- --write-compatibility` from tests/wpt/expectations. -->";
const END: &str = "<!-- The end of what is written. -->";
/// So many subtests of a test are named.
const NAMED: usize = 8;

/// Puts the section, as the expectations have it, between its marks in the page.
///
/// # Errors
/// If the marks are not there, or the expectations cannot be read.
pub fn update(page: &str, store: &Store) -> Result<String, String> {
    let (before, rest) = page.split_once(BEGIN).ok_or_else(|| format!("this line is missing: {BEGIN}"))?;
    let (_, after) = rest.split_once(END).ok_or_else(|| format!("this line is missing: {END}"))?;
    let folders: Vec<_> = FOLDERS
        .into_iter()
        .map(|folder| Ok((folder, store.load(folder)?)))
        .filter(|loaded| !matches!(loaded, Ok((_, e)) if *e == Expectations::default()))
        .collect::<Result<_, String>>()?;
    Ok(format!("{before}{BEGIN}\n\n{}\n{END}{after}", section(&folders, &store.reasons()?)))
}

fn section(folders: &[(&str, Expectations)], reasons: &Reasons) -> String {
    let mut text = String::new();
    text.push_str(&overview(folders));
    let mut ours = BTreeMap::new();
    let mut of_engine = BTreeMap::new();
    for (_, e) in folders {
        let whole = e.trouble.iter().map(|(id, reason)| (reason, id, None));
        let subtests = e.fail.iter().flat_map(|(id, f)| f.iter().map(move |(name, reason)| (reason, id, Some(name))));
        for (reason, id, name) in subtests.chain(whole) {
            let engine = reasons.get(reason).is_some_and(|r| r.engine);
            let group: &mut Group<'_> = if engine { &mut of_engine } else { &mut ours };
            let names = group.entry(reason).or_default().entry(id).or_default();
            names.extend(name);
        }
    }
    if !ours.is_empty() {
        text.push_str("\n### Subtests that are expected to fail\n");
        list(&mut text, &ours, reasons);
    }
    if !of_engine.is_empty() {
        text.push_str("\n### Subtests that fail because of the engine\n");
        list(&mut text, &of_engine, reasons);
    }
    text.push_str(&left_out(folders, reasons));
    text
}

/// By reason, then by test: names of subtests, none for the test as a whole.
type Group<'a> = BTreeMap<&'a String, BTreeMap<&'a String, Vec<&'a String>>>;

fn overview(folders: &[(&str, Expectations)]) -> String {
    let head = ["folder", "passed", "of", "tests run", "scripts left out", "HTML pages"].map(String::from);
    let numbers = |e: &Expectations| {
        let total: usize = e.subtests.values().sum();
        let failed: usize = e.fail.values().map(BTreeMap::len).sum();
        [total.saturating_sub(failed), total, e.subtests.len(), e.skip.len(), e.pages]
    };
    let row = |name: &str, n: [usize; 5]| {
        let [passed, total, run, left_out, pages] = n.map(|n| n.to_string());
        [name.to_owned(), passed, total, run, left_out, pages]
    };
    let all = folders.iter().map(|(_, e)| numbers(e)).fold([0; 5], |sum, n| std::array::from_fn(|i| sum[i] + n[i]));
    let rows: Vec<_> = std::iter::once(head)
        .chain(folders.iter().map(|(name, e)| row(name, numbers(e))))
        .chain([row("all", all)])
        .collect();
    markdown(&rows)
}

fn list(text: &mut String, group: &Group<'_>, reasons: &Reasons) {
    for (reason, tests) in group {
        let count: usize = tests.values().map(Vec::len).sum();
        let _ = writeln!(text, "\n{} ({count}):\n", words(reason, reasons));
        for (id, names) in tests {
            let shown: Vec<_> = names.iter().take(NAMED).map(|name| code(name)).collect();
            let _ = match names.len().checked_sub(NAMED) {
                _ if names.is_empty() => writeln!(text, "- {}, as a whole", code(id)),
                None | Some(0) => writeln!(text, "- {}: {}", code(id), shown.join("; ")),
                Some(more) => writeln!(text, "- {}: {}; and {more} more", code(id), shown.join("; ")),
            };
        }
    }
}

fn left_out(folders: &[(&str, Expectations)], reasons: &Reasons) -> String {
    let mut by_reason: BTreeMap<&String, Vec<String>> = BTreeMap::new();
    for (_, e) in folders {
        for (id, reason) in &e.skip {
            by_reason.entry(reason).or_default().push(code(id));
        }
        for (id, out) in &e.leave_out {
            let endings: Vec<_> = out.ending.iter().map(|ending| code(ending.trim())).collect();
            let what = format!("{}: subtests that end in {}", code(id), endings.join(" or "));
            by_reason.entry(&out.reason).or_default().push(what);
        }
    }
    let mut text = String::new();
    let pages: usize = folders.iter().map(|(_, e)| e.pages).sum();
    if !by_reason.is_empty() || pages > 0 {
        text.push_str("\n### What does not run\n");
    }
    if pages > 0 {
        let _ = writeln!(text, "\n{pages} tests are HTML pages, and there is no page for them to run in.");
    }
    for (reason, tests) in by_reason {
        let _ = writeln!(text, "\n{}:\n", words(reason, reasons));
        for test in tests {
            let _ = writeln!(text, "- {test}");
        }
    }
    text
}

fn words<'a>(reason: &'a str, reasons: &'a Reasons) -> &'a str {
    reasons.get(reason).map_or(reason, |r| r.text.as_str())
}

/// As code in Markdown, on one line and not too long.
fn code(text: &str) -> String {
    let mut plain: String = one_line(text.chars().take(120));
    if text.chars().nth(120).is_some() {
        plain.push('…');
    }
    if !plain.contains('`') {
        return format!("`{plain}`");
    }
    let longest = plain.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    format!("{fence} {plain} {fence}")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_page_is_current() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let page = std::fs::read_to_string(here.join("../../COMPATIBILITY.md")).unwrap();
        let wanted = update(&page, &Store::new(here.join("expectations"))).unwrap();
        assert!(page == wanted, "COMPATIBILITY.md is stale: cargo run -p isolate-wpt -- --write-compatibility");
    }

    #[test]
    fn the_section_says_what_and_why() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path());
        let many: BTreeMap<_, _> = (0..10).map(|i| (format!("n{i}"), "late".to_owned())).collect();
        let mut e: Expectations = serde_json::from_str(
            r#"{"pages": 2, "skip": {"url/w.window.js": "document"}, "subtests": {"url/a.any.js": 20, "url/b.any.js": 0},
                "leave_out": {"url/a.any.js": {"ending": [" <a>"], "reason": "document"}},
                "trouble": {"url/b.any.js": "late"}, "fail": {"url/c.any.js": {"with ` and\nline": "regexp"}}}"#,
        )
        .unwrap();
        e.fail.insert("url/a.any.js".into(), many);
        store.save("url", &e).unwrap();
        let reasons = r#"{"document": {"text": "They need a page"}, "late": {"text": "Not yet"},
                          "regexp": {"text": "Regular expressions differ", "engine": true}}"#;
        std::fs::write(dir.path().join("reasons.json"), reasons).unwrap();
        let page = format!("# Page\n\n{BEGIN}\nof yesterday\n{END}\n\n## After\n");
        let new = update(&page, &store).unwrap();
        assert_eq!(update(&new, &store).unwrap(), new);
        assert!(new.starts_with("# Page\n\n<!--") && new.ends_with("-->\n\n## After\n") && !new.contains("yesterday"));
        for part in [
            "| url    |      9 |  20 |         2 |                1 |          2 |",
            "\nNot yet (10):\n\n- `url/a.any.js`: `n0`; `n1`; `n2`; `n3`; `n4`; `n5`; `n6`; `n7`; and 2 more\n- `url/b.any.js`, as a whole\n",
            "### Subtests that fail because of the engine\n\nRegular expressions differ (1):\n\n- `url/c.any.js`: `` with ` and\\nline ``\n",
            "2 tests are HTML pages",
            "They need a page:\n\n- `url/w.window.js`\n- `url/a.any.js`: subtests that end in `<a>`\n",
        ] {
            assert!(new.contains(part), "{part}\nis not in\n{new}");
        }
    }

    #[test]
    fn a_page_without_marks_is_refused() {
        assert!(update("# Page", &Store::new("nowhere")).unwrap_err().contains("missing"));
    }
}
