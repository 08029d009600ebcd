//! Results as JUnit's XML, which build servers read.

use std::fmt::Write as _;
use std::time::Duration;

use isolate_runtime::{Status, TestFailure};

use super::FileResult;

/// Text of an attribute or an element. XML has no way to write most control characters.
fn text(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    for c in s.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            c if (c.is_control() && c != '\r') || c == '\u{fffe}' || c == '\u{ffff}' => out.push('\u{fffd}'),
            '\r' => out.push_str("&#13;"),
            c => out.push(c),
        }
    }
    out
}

fn seconds(d: Duration) -> String {
    format!("{:.3}", d.as_secs_f64())
}

fn detail(f: &TestFailure) -> String {
    let mut all = format!("{}: {}", f.name, f.message);
    for part in f.diff.iter().chain([&f.stack]).filter(|part| !part.is_empty()) {
        all.push('\n');
        all.push_str(part);
    }
    all
}

pub(super) fn xml(all: &[FileResult]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for file in all {
        let results = &file.results;
        let errors = file.errors.len() + results.errors.len() + usize::from(file.failure.is_some());
        let skipped = results.count(Status::Skipped) + results.count(Status::Todo);
        let _ = writeln!(
            out,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"{}\">",
            text(&file.name),
            results.tests.len() + errors,
            results.count(Status::Failed),
            seconds(file.duration),
        );
        for test in &results.tests {
            let _ = write!(
                out,
                "    <testcase classname=\"{}\" name=\"{}\" time=\"{}\"",
                text(&file.name),
                text(&test.full_name()),
                seconds(test.duration)
            );
            match test.status {
                Status::Passed => out.push_str("/>\n"),
                Status::Failed => {
                    out.push_str(">\n");
                    for f in &test.failures {
                        let (message, kind) = (text(&f.message), text(&f.name));
                        let _ = writeln!(
                            out,
                            "      <failure message=\"{message}\" type=\"{kind}\">{}</failure>",
                            text(&detail(f))
                        );
                    }
                    out.push_str("    </testcase>\n");
                }
                _ => out.push_str(">\n      <skipped/>\n    </testcase>\n"),
            }
        }
        let outside = results.errors.iter().map(|(suites, f)| (suites.join(" > "), detail(f)));
        let uncaught = file.errors.iter().map(|e| ("uncaught".to_owned(), format!("{e}\n{}", e.stack)));
        let stopped = file.failure.iter().map(|f| ("the file".to_owned(), f.clone()));
        for (name, why) in outside.chain(uncaught).chain(stopped) {
            let _ = writeln!(
                out,
                "    <testcase classname=\"{}\" name=\"{}\">\n      <error message=\"{}\">{}</error>\n    </testcase>",
                text(&file.name),
                text(&name),
                text(why.lines().next().unwrap_or_default()),
                text(&why)
            );
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}
