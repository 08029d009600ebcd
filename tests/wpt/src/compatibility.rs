//! The section of `COMPATIBILITY.md` that lists what is expected to fail.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::expectations::{ENGINES, Expectations, Reasons, Store};
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
    let mut folders = Vec::new();
    for name in FOLDERS {
        let parts = |engine| store.part(name, Some(engine));
        let folder = Folder {
            name,
            common: store.part(name, None)?,
            own: ENGINES.into_iter().map(parts).collect::<Result<_, _>>()?,
            whole: ENGINES.into_iter().map(|engine| store.load(name, engine)).collect::<Result<_, _>>()?,
        };
        if folder.whole.iter().any(|e| *e != Expectations::default()) {
            folders.push(folder);
        }
    }
    Ok(format!("{before}{BEGIN}\n\n{}\n{END}{after}", section(&folders, &store.reasons()?)))
}

/// A folder with what is expected of it: on all engines, on each of [`ENGINES`] besides, and all that on each.
struct Folder {
    name: &'static str,
    common: Expectations,
    own: Vec<Expectations>,
    whole: Vec<Expectations>,
}

fn title(engine: &str) -> &str {
    match engine {
        "quickjs" => "QuickJS-NG",
        "v8" => "V8",
        other => other,
    }
}

fn section(folders: &[Folder], reasons: &Reasons) -> String {
    let mut text = String::new();
    text.push_str(&overview(folders));
    let common: Vec<_> = folders.iter().map(|f| &f.common).collect();
    failures(&mut text, "", &common, reasons);
    for (i, engine) in ENGINES.into_iter().enumerate() {
        let own: Vec<_> = folders.iter().map(|f| &f.own[i]).collect();
        failures(&mut text, &format!(" on {} alone", title(engine)), &own, reasons);
    }
    text.push_str(&left_out(folders, reasons));
    text
}

/// What is expected to fail, what lies in the engine last.
fn failures(text: &mut String, on: &str, folders: &[&Expectations], reasons: &Reasons) {
    let mut ours = BTreeMap::new();
    let mut of_engine = BTreeMap::new();
    for e in folders {
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
        let _ = writeln!(text, "\n### Subtests that are expected to fail{on}");
        list(text, &ours, reasons);
    }
    if !of_engine.is_empty() {
        let _ = writeln!(text, "\n### Subtests that fail because of the engine{on}");
        list(text, &of_engine, reasons);
    }
}

/// By reason, then by test: names of subtests, none for the test as a whole.
type Group<'a> = BTreeMap<&'a String, BTreeMap<&'a String, Vec<&'a String>>>;

fn overview(folders: &[Folder]) -> String {
    let mut head = vec!["folder".to_owned()];
    head.extend(ENGINES.into_iter().flat_map(|e| [format!("passed, {}", title(e)), "of".to_owned()]));
    head.extend(["tests run", "scripts left out", "HTML pages"].map(String::from));
    let numbers = |folder: &Folder| {
        let subtests = folder.whole.iter().flat_map(|e| {
            let total: usize = e.subtests.values().sum();
            let failed: usize = e.fail.values().map(BTreeMap::len).sum();
            [total.saturating_sub(failed), total]
        });
        let first = &folder.whole[0];
        subtests.chain([first.subtests.len(), first.skip.len(), first.pages]).collect::<Vec<_>>()
    };
    let row = |name: &str, n: &[usize]| {
        std::iter::once(name.to_owned()).chain(n.iter().map(usize::to_string)).collect::<Vec<_>>()
    };
    let mut all = vec![0; head.len() - 1];
    let mut rows = vec![head];
    for folder in folders {
        let n = numbers(folder);
        all.iter_mut().zip(&n).for_each(|(sum, n)| *sum += n);
        rows.push(row(folder.name, &n));
    }
    rows.push(row("all", &all));
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

fn left_out(folders: &[Folder], reasons: &Reasons) -> String {
    let mut by_reason: BTreeMap<&String, Vec<String>> = BTreeMap::new();
    let parts = folders.iter().flat_map(|f| {
        let own = ENGINES.into_iter().zip(&f.own).map(|(engine, e)| (e, format!(" (on {})", title(engine))));
        std::iter::once((&f.common, String::new())).chain(own)
    });
    for (e, on) in parts {
        for (id, reason) in &e.skip {
            by_reason.entry(reason).or_default().push(code(id) + &on);
        }
        for (id, out) in &e.leave_out {
            let endings: Vec<_> = out.ending.iter().map(|ending| code(ending.trim())).collect();
            let what = format!("{}: subtests that end in {}{on}", code(id), endings.join(" or "));
            by_reason.entry(&out.reason).or_default().push(what);
        }
    }
    let mut text = String::new();
    let pages: usize = folders.iter().map(|f| f.whole[0].pages).sum();
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
        store.save("url", "v8", &e).unwrap();
        e.trouble.insert("url/q.any.js".into(), "late".into());
        store.save("url", "quickjs", &e).unwrap();
        let reasons = r#"{"document": {"text": "They need a page"}, "late": {"text": "Not yet"},
                          "regexp": {"text": "Regular expressions differ", "engine": true}}"#;
        std::fs::write(dir.path().join("reasons.json"), reasons).unwrap();
        let page = format!("# Page\n\n{BEGIN}\nof yesterday\n{END}\n\n## After\n");
        let new = update(&page, &store).unwrap();
        assert_eq!(update(&new, &store).unwrap(), new);
        assert!(new.starts_with("# Page\n\n<!--") && new.ends_with("-->\n\n## After\n") && !new.contains("yesterday"));
        for part in [
            "| url    |                  9 |  20 |          9 |  20 |         2 |                1 |          2 |",
            "\nNot yet (10):\n\n- `url/a.any.js`: `n0`; `n1`; `n2`; `n3`; `n4`; `n5`; `n6`; `n7`; and 2 more\n- `url/b.any.js`, as a whole\n",
            "### Subtests that fail because of the engine\n\nRegular expressions differ (1):\n\n- `url/c.any.js`: `` with ` and\\nline ``\n",
            "### Subtests that are expected to fail on QuickJS-NG alone\n\nNot yet (0):\n\n- `url/q.any.js`, as a whole\n",
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
