//! What is printed of tests.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use isolate_runtime::{Exception, Status, TestEvent, TestFailure, TestResult};
use serde_json::json;

use super::FileResult;

/// Tests that take longer are shown with their time.
const SLOW: Duration = Duration::from_millis(300);

/// Colours, or none.
#[derive(Clone, Copy)]
pub(super) struct Style {
    color: bool,
}

impl Style {
    pub(super) fn new(color: bool) -> Self {
        Self { color }
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn green(self, text: &str) -> String {
        self.paint("32", text)
    }

    fn red(self, text: &str) -> String {
        self.paint("31", text)
    }

    fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }
}

#[derive(Default)]
struct State {
    /// The suites whose names stand above what is printed next.
    shown: Vec<String>,
    running: Option<(String, Instant)>,
    total: usize,
    done: usize,
    /// Whether a line of progress stands on the terminal.
    progress: bool,
}

/// Prints what happens.
pub(super) struct Report {
    style: Style,
    json: bool,
    state: Mutex<State>,
}

/// What a guest chose is shown without its control characters, which a terminal would obey.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c }).collect()
}

fn line(text: &str) {
    // A reader that went away is no reason to fail.
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

impl Report {
    pub(super) fn new(style: Style, json: bool) -> Self {
        Self { style, json, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn file(&self, file: &Path) {
        *self.state() = State::default();
        if !self.json {
            line(&self.style.bold(&file.display().to_string()));
        }
    }

    pub(super) fn event(&self, event: &TestEvent) {
        self.clear_progress();
        let mut state = self.state();
        match event {
            TestEvent::Collected(tests) => state.total = *tests,
            TestEvent::TestStart(names) => state.running = Some((names.join(" > "), Instant::now())),
            TestEvent::TestEnd(test) => {
                state.done += 1;
                state.running = None;
                if !self.json {
                    self.test(&mut state, test);
                }
            }
            _ => {}
        }
    }

    fn test(&self, state: &mut State, test: &TestResult) {
        let same = state.shown.iter().zip(&test.suites).take_while(|(a, b)| a == b).count();
        for (depth, name) in test.suites.iter().enumerate().skip(same) {
            line(&format!("{}{}", "  ".repeat(depth + 1), shown(name)));
        }
        state.shown.clone_from(&test.suites);
        let mut text = "  ".repeat(test.suites.len() + 1);
        let name = shown(&test.name);
        let _ = match test.status {
            Status::Passed => write!(text, "{} {name}", self.style.green("✓")),
            Status::Failed => write!(text, "{} {}", self.style.red("✗"), self.style.red(&name)),
            Status::Todo => write!(text, "{}", self.style.dim(&format!("□ {name} (todo)"))),
            _ => write!(text, "{}", self.style.dim(&format!("↓ {name}"))),
        };
        if let Some(note) = &test.note {
            let _ = write!(text, " {}", self.style.dim(&format!("({})", shown(note))));
        }
        if test.retries > 0 {
            let _ = write!(text, " {}", self.style.dim(&format!("(tried {} times)", test.retries + 1)));
        }
        if test.duration >= SLOW {
            let _ = write!(text, " {}", self.style.dim(&format!("{} ms", test.duration.as_millis())));
        }
        line(&text);
    }

    /// Says on the terminal which test it is that takes so long.
    pub(super) fn progress(&self) {
        let mut state = self.state();
        let Some((name, since)) = &state.running else { return };
        let (done, total, took) = (state.done + 1, state.total, since.elapsed().as_secs());
        if took < 1 {
            return;
        }
        let name: String = shown(name).replace('\n', " ").chars().take(60).collect();
        let _ = write!(std::io::stderr().lock(), "\r\x1b[K… {done}/{total} {name} ({took} s)");
        let _ = std::io::stderr().flush();
        state.progress = true;
    }

    pub(super) fn clear_progress(&self) {
        if std::mem::take(&mut self.state().progress) {
            let _ = write!(std::io::stderr().lock(), "\r\x1b[K");
        }
    }

    pub(super) fn after_file(&self, result: &FileResult) {
        if self.json {
            return;
        }
        if result.results.tests.is_empty() && result.is_ok() {
            line(&self.style.dim("  no tests"));
        }
        for exception in &result.errors {
            line(&format!("  {} {}", self.style.red("✗"), shown(&exception.to_string())));
        }
        if let Some(failure) = &result.failure {
            line(&format!("  {} {}", self.style.red("✗"), shown(failure)));
        }
    }

    /// The failures once more, with all that is known, and the sums.
    pub(super) fn end(&self, all: &[FileResult], files: usize, took: Duration) {
        if self.json {
            line(&json_of(all, took).to_string());
            return;
        }
        for file in all {
            for exception in &file.errors {
                self.heading(&format!("{} > uncaught", file.name));
                self.exception(file, exception);
            }
            for (suites, failure) in &file.results.errors {
                let names: Vec<&str> = std::iter::once(&*file.name).chain(suites.iter().map(String::as_str)).collect();
                self.heading(&names.join(" > "));
                self.failure(file, failure);
            }
            for test in file.results.tests.iter().filter(|t| t.status == Status::Failed) {
                self.heading(&format!("{} > {}", file.name, test.full_name()));
                for failure in &test.failures {
                    self.failure(file, failure);
                }
            }
        }
        line("");
        let good = all.iter().filter(|f| f.is_ok()).count();
        let unrun = files - all.len();
        self.sum("Files", &[("failed", all.len() - good), ("passed", good), ("not run", unrun)], files);
        let count = |status| all.iter().map(|f| f.results.count(status)).sum::<usize>();
        let counts = [
            ("failed", count(Status::Failed)),
            ("passed", count(Status::Passed)),
            ("skipped", count(Status::Skipped)),
            ("todo", count(Status::Todo)),
        ];
        self.sum("Tests", &counts, counts.iter().map(|(_, n)| n).sum());
        let written = all.iter().map(|f| f.snapshots).sum::<usize>();
        if written > 0 {
            self.sum("Snapshots", &[("written", written)], written);
        }
        let _ = writeln!(std::io::stderr().lock(), "Time   {} ms", took.as_millis());
    }

    fn sum(&self, what: &str, counts: &[(&str, usize)], total: usize) {
        let parts: Vec<String> = counts
            .iter()
            .filter(|(_, n)| *n > 0)
            .map(|(word, n)| {
                let text = format!("{n} {word}");
                match *word {
                    "failed" => self.style.red(&text),
                    "passed" => self.style.green(&text),
                    _ => self.style.dim(&text),
                }
            })
            .collect();
        let parts = if parts.is_empty() { "none".to_owned() } else { parts.join(", ") };
        line(&format!("{what}  {parts} ({total})"));
    }

    fn heading(&self, text: &str) {
        line(&format!("\n{} {}", self.style.red("✗"), self.style.bold(&shown(text))));
    }

    fn failure(&self, file: &FileResult, failure: &TestFailure) {
        let name = if failure.name.is_empty() { String::new() } else { format!("{}: ", failure.name) };
        line(&shown(&format!("{name}{}", failure.message)));
        if let Some(diff) = &failure.diff {
            line("");
            for text in shown(diff).lines() {
                line(&match text.as_bytes().first() {
                    Some(b'-') => self.style.green(text),
                    Some(b'+') => self.style.red(text),
                    _ => text.to_owned(),
                });
            }
        }
        if let Some(cause) = &failure.cause {
            line(&shown(&format!("caused by: {cause}")));
        }
        if let (Some(at), Some(row), Some(column)) = (&failure.file, failure.line, failure.column) {
            self.place(file, at, row, column);
        }
        for frame in failure.stack.lines().skip(1).take(8) {
            line(&self.style.dim(&shown(frame)));
        }
    }

    fn exception(&self, file: &FileResult, exception: &Exception) {
        line(&shown(&exception.to_string()));
        if let Some(place) = &exception.location {
            self.place(file, &place.file, place.line, place.column);
        }
        let of_guest = |frame: &&str| !frame.contains("(<null>:") && !frame.ends_with("(native)");
        for frame in exception.stack.lines().filter(of_guest).skip(1).take(8) {
            line(&self.style.dim(&shown(frame)));
        }
    }

    /// A place, and its line with a caret if it is in the test's own file.
    fn place(&self, file: &FileResult, at: &str, row: u32, column: u32) {
        line(&format!("\n{}", self.style.dim(&shown(&format!("{at}:{row}:{column}")))));
        if at != file.name {
            return;
        }
        let source = file.source.lines().nth(row.saturating_sub(1) as usize);
        if let Some(text) = source.filter(|text| text.len() <= 500) {
            let before = text.chars().take(column.saturating_sub(1) as usize);
            let indent: String = before.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
            line(&format!("{}\n{indent}{}", shown(text), self.style.red("^")));
        }
    }
}

fn json_of(all: &[FileResult], took: Duration) -> serde_json::Value {
    let failure = |f: &TestFailure| {
        json!({
            "name": f.name, "message": f.message, "diff": f.diff, "stack": f.stack, "cause": f.cause,
            "file": f.file, "line": f.line, "column": f.column,
        })
    };
    let ms = |d: Duration| d.as_micros() as f64 / 1000.0;
    let files: Vec<_> = all
        .iter()
        .map(|file| {
            let tests: Vec<_> = file
                .results
                .tests
                .iter()
                .map(|t| {
                    json!({
                        "suites": t.suites, "name": t.name, "status": t.status, "ms": ms(t.duration), "retries": t.retries,
                        "note": t.note, "failures": t.failures.iter().map(failure).collect::<Vec<_>>(),
                    })
                })
                .collect();
            let mut errors: Vec<_> = file
                .errors
                .iter()
                .map(|e| json!({ "name": e.name, "message": e.message, "stack": e.stack }))
                .collect();
            errors.extend(file.failure.iter().map(|message| json!({ "message": message })));
            errors.extend(file.results.errors.iter().map(|(suites, f)| json!({ "suites": suites, "failure": failure(f) })));
            json!({ "file": file.name, "ok": file.is_ok(), "ms": ms(file.duration), "tests": tests, "errors": errors, "snapshots_written": file.snapshots })
        })
        .collect();
    let count = |status| all.iter().map(|f| f.results.count(status)).sum::<usize>();
    json!({
        "ok": all.iter().all(FileResult::is_ok), "ms": ms(took),
        "passed": count(Status::Passed), "failed": count(Status::Failed),
        "skipped": count(Status::Skipped), "todo": count(Status::Todo), "files": files,
    })
}
