//! What a run comes to.

use std::time::Duration;

use isolate_core::{Error, ErrorKind};
use serde::{Deserialize, Serialize};
use similar::{ChangeTag, TextDiff};

use crate::snapshots::InlineSnapshot;

/// How a test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Status {
    /// It passed.
    Passed,
    /// It failed.
    Failed,
    /// It was not to run.
    Skipped,
    /// It is yet to be written.
    Todo,
}

/// Why a test, or a suite, failed.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TestFailure {
    /// The error's name; empty of what is no error.
    pub name: String,
    /// Its message.
    pub message: String,
    /// What was expected against what there was, by lines that begin with `-`, `+` or a blank.
    pub diff: Option<String>,
    /// Its stack, without its message.
    pub stack: String,
    /// Its cause, on one line.
    pub cause: Option<String>,
    /// The file of the first place in the stack.
    pub file: Option<String>,
    /// Its line, from 1.
    pub line: Option<u32>,
    /// Its column, from 1.
    pub column: Option<u32>,
}

/// What glue says of an error.
#[derive(Clone, Deserialize)]
pub(crate) struct GuestError {
    name: String,
    message: String,
    stack: String,
    #[serde(default)]
    diff: Option<String>,
    #[serde(default)]
    cause: Option<String>,
}

/// The frames of a stack that are the guest's. V8's stacks begin with the name and the message, and those of QuickJS name
/// frames of glue, too, which has no file.
pub(crate) fn guest_frames(stack: &str) -> String {
    let is_frame =
        |line: &&str| line.trim_start().starts_with("at ") && !line.contains("(<null>:") && !line.ends_with("(native)");
    stack.lines().filter(is_frame).collect::<Vec<_>>().join("\n")
}

impl From<GuestError> for TestFailure {
    fn from(e: GuestError) -> Self {
        let mut failure = Self {
            name: e.name,
            message: e.message,
            diff: e.diff,
            stack: guest_frames(&e.stack),
            cause: e.cause,
            ..Self::default()
        };
        failure.place();
        failure
    }
}

impl TestFailure {
    /// A failure that is no error of the guest's.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    pub(crate) fn of(error: &Error) -> Self {
        let Some(e) = error.exception() else {
            let message = match error.kind() {
                ErrorKind::NeverSettles => "its promise can never settle: nothing is left that could run".to_owned(),
                _ => error.to_string(),
            };
            return Self::new(message);
        };
        let mut failure =
            Self { name: e.name.clone(), message: e.message.clone(), stack: e.stack.clone(), ..Self::default() };
        failure.place();
        failure
    }

    fn place(&mut self) {
        if let Some(place) = isolate_core::engine::crossing::location(&self.stack) {
            self.file = Some(place.file);
            self.line = Some(place.line);
            self.column = Some(place.column);
        }
    }
}

/// One test.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TestResult {
    /// The names of the suites it is in, the outermost first.
    pub suites: Vec<String>,
    /// Its name.
    pub name: String,
    /// How it ended.
    pub status: Status,
    /// How long it took, hooks included, by the host's clock.
    pub duration: Duration,
    /// How often it was tried again.
    pub retries: u32,
    /// Why it failed, if it did.
    pub failures: Vec<TestFailure>,
    /// What the test said when it skipped itself.
    pub note: Option<String>,
}

impl TestResult {
    /// The names of its suites and its own, with ` > ` between them.
    pub fn full_name(&self) -> String {
        self.suites.iter().chain([&self.name]).map(String::as_str).collect::<Vec<_>>().join(" > ")
    }
}

/// What happens in a run. Events come in the order of time.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TestEvent {
    /// What there is to run is known: so many tests, skipped ones included.
    Collected(usize),
    /// A suite begins. Its names, the outermost first.
    SuiteStart(Vec<String>),
    /// A test begins. Its names, its own last.
    TestStart(Vec<String>),
    /// A test has ended, or is skipped.
    TestEnd(TestResult),
    /// A suite has ended.
    SuiteEnd(Vec<String>),
}

/// What a run has come to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TestResults {
    /// Every test, in the order in which they are written.
    pub tests: Vec<TestResult>,
    /// What went wrong outside of tests: in `beforeAll`, `afterAll`, in a suite itself. With the names of its suites.
    pub errors: Vec<(Vec<String>, TestFailure)>,
    /// What stopped the guest, if something did. Tests after that are skipped.
    pub stopped: Option<String>,
    /// The inline snapshots that are to be written, if [`RunOptions::update_snapshots`] asked for them and the guest was not
    /// stopped.
    ///
    /// [`RunOptions::update_snapshots`]: crate::RunOptions::update_snapshots
    pub snapshots: Vec<InlineSnapshot>,
    /// How long it took, by the host's clock.
    pub duration: Duration,
}

impl TestResults {
    /// How many tests ended so.
    pub fn count(&self, status: Status) -> usize {
        self.tests.iter().filter(|t| t.status == status).count()
    }

    /// Whether nothing went wrong. A run without any test is fine by this.
    pub fn is_ok(&self) -> bool {
        self.errors.is_empty() && self.stopped.is_none() && self.count(Status::Failed) == 0
    }
}

/// A line, of which the beginning is enough.
fn push_cut(out: &mut String, line: &str) {
    const MOST: usize = 1000;
    match line.char_indices().nth(MOST) {
        Some((at, _)) => {
            out.push_str(&line[..at]);
            out.push('…');
        }
        None => out.push_str(line),
    }
}

/// Lines of the one text against those of the other; parts that are the same are cut to three lines around what differs.
pub(crate) fn diff(expected: &str, actual: &str) -> String {
    /// Texts of more lines are not compared.
    const MOST: usize = 5000;
    if expected.lines().count().max(actual.lines().count()) > MOST {
        return "(too large to compare line by line)".into();
    }
    let diff = TextDiff::configure().timeout(Duration::from_secs(1)).diff_lines(expected, actual);
    let mut out = String::from("- Expected\n+ Received\n");
    for (i, group) in diff.grouped_ops(3).iter().enumerate() {
        out.push_str(if i == 0 { "\n" } else { "  …\n" });
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Delete => "- ",
                ChangeTag::Insert => "+ ",
                ChangeTag::Equal => "  ",
            };
            out.push_str(sign);
            push_cut(&mut out, change.value().trim_end_matches('\n'));
            out.push('\n');
        }
    }
    out.truncate(out.trim_end().len());
    out
}
