//! What a run prints and writes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use crate::outcome::{Outcome, Status};

/// Counts of subtests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Runs of tests.
    pub runs: usize,
    /// Subtests that passed.
    pub passed: usize,
    /// Subtests that failed, or said that something optional is not there.
    pub failed: usize,
    /// Subtests that did not end in time, or never began.
    pub timed_out: usize,
    /// Runs that went wrong as a whole.
    pub troubled: usize,
}

impl Counts {
    /// All subtests.
    pub fn total(&self) -> usize {
        self.passed + self.failed + self.timed_out
    }

    /// Adds a run.
    pub fn add(&mut self, outcome: &Outcome) {
        self.runs += 1;
        self.troubled += usize::from(outcome.trouble.is_some());
        for subtest in &outcome.subtests {
            match subtest.status {
                Status::Pass => self.passed += 1,
                Status::Fail | Status::Unsupported => self.failed += 1,
                Status::Timeout | Status::NotRun => self.timed_out += 1,
            }
        }
    }
}

impl std::iter::Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |a, b| Self {
            runs: a.runs + b.runs,
            passed: a.passed + b.passed,
            failed: a.failed + b.failed,
            timed_out: a.timed_out + b.timed_out,
            troubled: a.troubled + b.troubled,
        })
    }
}

/// The results of some folders, as they are written to a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Results {
    /// Who ran them.
    pub by: String,
    /// By folder.
    pub folders: BTreeMap<String, Folder>,
}

/// The results of a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folder {
    /// The sums.
    pub counts: Counts,
    /// The runs.
    pub runs: Vec<Outcome>,
}

impl Folder {
    /// Sums up some runs.
    pub fn new(runs: Vec<Outcome>) -> Self {
        let mut counts = Counts::default();
        runs.iter().for_each(|outcome| counts.add(outcome));
        Self { counts, runs }
    }
}

/// One row for each folder, and their sum, as a table that reads well in a terminal and in Markdown.
pub fn table(results: &Results) -> String {
    let row = |name: &str, c: &Counts| {
        let n = |n: usize| n.to_string();
        [name.into(), n(c.passed), n(c.failed), n(c.timed_out), n(c.total()), n(c.runs), n(c.troubled)]
    };
    let mut rows =
        vec![["folder", "passed", "failed", "timed out", "total", "runs", "harness errors"].map(String::from)];
    rows.extend(results.folders.iter().map(|(name, folder)| row(name, &folder.counts)));
    rows.push(row("all", &results.folders.values().map(|f| f.counts).sum()));
    markdown(&rows)
}

/// Text of a test, without what would break a line or be taken for something else by a terminal.
pub fn one_line(text: impl IntoIterator<Item = char>) -> String {
    let invisible = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let mut line = String::new();
    for c in text {
        if invisible(c) { line.extend(c.escape_default()) } else { line.push(c) }
    }
    line
}

/// What passed of how many, for each folder, of several results beside each other.
pub fn side_by_side(all: &[Results]) -> String {
    let cell = |counts: &Counts| format!("{} / {}", counts.passed, counts.total());
    let folders: BTreeSet<&String> = all.iter().flat_map(|r| r.folders.keys()).collect();
    let mut rows = vec![std::iter::once("folder".into()).chain(all.iter().map(|r| r.by.clone())).collect::<Vec<_>>()];
    for name in folders {
        let cells = all.iter().map(|r| r.folders.get(name).map_or("—".into(), |folder| cell(&folder.counts)));
        rows.push(std::iter::once(name.clone()).chain(cells).collect());
    }
    let sums = all.iter().map(|r| cell(&r.folders.values().map(|f| f.counts).sum()));
    rows.push(std::iter::once("all".into()).chain(sums).collect());
    markdown(&rows)
}

/// A table in Markdown with aligned columns; the first row is the head, and all columns but the first are numbers.
pub fn markdown<Row: AsRef<[String]>>(rows: &[Row]) -> String {
    let rows: Vec<&[String]> = rows.iter().map(AsRef::as_ref).collect();
    let mut widths = vec![3; rows.first().map_or(0, |head| head.len())];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(*row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let _ = if column == 0 { write!(text, "| {cell:<width$} ") } else { write!(text, "| {cell:>width$} ") };
        }
        text.push_str("|\n");
        if index == 0 {
            for (column, width) in widths.iter().enumerate() {
                let dashes = "-".repeat(width - usize::from(column > 0));
                let _ = if column == 0 { write!(text, "| {dashes} ") } else { write!(text, "| {dashes}: ") };
            }
            text.push_str("|\n");
        }
    }
    text
}

/// Shows on standard error how far the run is: one line that changes on a terminal, else a line for each folder.
pub struct Progress {
    terminal: bool,
    state: Mutex<State>,
}

struct State {
    /// Folder of each run, and how many of its runs are to come.
    folder_of: BTreeMap<String, String>,
    left: BTreeMap<String, usize>,
    counts: BTreeMap<String, Counts>,
    total: usize,
    done: usize,
}

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Progress").finish_non_exhaustive()
    }
}

impl Progress {
    /// For runs, each with its folder.
    pub fn new(runs: impl IntoIterator<Item = (String, String)>) -> Self {
        let folder_of: BTreeMap<_, _> = runs.into_iter().collect();
        let mut left = BTreeMap::new();
        folder_of.values().for_each(|folder: &String| *left.entry(folder.clone()).or_default() += 1);
        let total = folder_of.len();
        let state = Mutex::new(State { folder_of, left, counts: BTreeMap::new(), total, done: 0 });
        Self { terminal: std::io::stderr().is_terminal(), state }
    }

    /// Notes the end of a run.
    pub fn note(&self, outcome: &Outcome) {
        let Ok(mut state) = self.state.lock() else { return };
        let Some(folder) = state.folder_of.get(&outcome.id).cloned() else { return };
        state.done += 1;
        let counts = state.counts.entry(folder.clone()).or_default();
        counts.add(outcome);
        let counts = *counts;
        let left = state.left.entry(folder.clone()).or_default();
        *left = left.saturating_sub(1);
        let folder_ended = *left == 0;
        let mut err = std::io::stderr().lock();
        // Progress that cannot be shown is no reason to stop.
        if self.terminal {
            let all: Counts = state.counts.values().copied().sum();
            let id: String = outcome.id.chars().take(60).collect();
            let _ =
                write!(err, "\r\x1b[K{}/{}  {} of {} passed  {id}", state.done, state.total, all.passed, all.total());
            if state.done == state.total {
                let _ = write!(err, "\r\x1b[K");
            }
        } else if folder_ended {
            let (passed, total) = (counts.passed, counts.total());
            let _ = writeln!(err, "{}/{}  {folder}: {passed} of {total} passed", state.done, state.total);
        }
        let _ = err.flush();
    }
}

/// The subtests that pass in the one and not in the other, with their messages there.
pub fn difference(ours: &Results, theirs: &Results) -> String {
    let mut text = String::new();
    for (folder, folder_of_theirs) in &theirs.folders {
        let of_ours: BTreeMap<_, _> =
            ours.folders.get(folder).iter().flat_map(|f| &f.runs).map(|run| (run.id.as_str(), run)).collect();
        for run in &folder_of_theirs.runs {
            let there: BTreeMap<_, _> = of_ours
                .get(run.id.as_str())
                .iter()
                .flat_map(|run| &run.subtests)
                .map(|subtest| (subtest.name.as_str(), subtest))
                .collect();
            for subtest in run.subtests.iter().filter(|s| s.status == Status::Pass) {
                let (status, message) = match there.get(subtest.name.as_str()) {
                    Some(s) if s.status == Status::Pass => continue,
                    Some(s) => (s.status.to_string(), s.message.clone().unwrap_or_default()),
                    None => ("MISSING".into(), String::new()),
                };
                let line = format!("{status} {}: {}: {message}", run.id, subtest.name);
                let _ = writeln!(text, "{}", one_line(line.chars()));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Subtest, Trouble};

    fn outcome(id: &str, statuses: &[Status]) -> Outcome {
        let subtest = |(i, &status): (usize, &Status)| Subtest {
            name: format!("s{i}"),
            status,
            message: (status != Status::Pass).then(|| "m".into()),
        };
        Outcome {
            id: id.into(),
            subtests: statuses.iter().enumerate().map(subtest).collect(),
            trouble: None,
            millis: 0,
        }
    }

    fn results(by: &str, runs: Vec<Outcome>) -> Results {
        Results { by: by.into(), folders: [("a".to_owned(), Folder::new(runs))].into() }
    }

    #[test]
    fn the_table_counts_every_kind() {
        let mut troubled = outcome("a/2", &[]);
        troubled.trouble = Some((Trouble::Crash, "m".into()));
        let run = outcome("a/1", &[Status::Pass, Status::Fail, Status::Timeout, Status::NotRun, Status::Unsupported]);
        assert_eq!(
            table(&results("us", vec![run, troubled])),
            "| folder | passed | failed | timed out | total | runs | harness errors |\n\
             | ------ | -----: | -----: | --------: | ----: | ---: | -------------: |\n\
             | a      |      1 |      2 |         2 |     5 |    2 |              1 |\n\
             | all    |      1 |      2 |         2 |     5 |    2 |              1 |\n"
        );
    }

    #[test]
    fn the_difference_names_what_only_the_other_passes() {
        let ours = results("us", vec![outcome("a/1", &[Status::Pass, Status::Fail])]);
        let theirs = results("they", vec![outcome("a/1", &[Status::Pass; 3])]);
        assert_eq!(difference(&ours, &theirs), "FAIL a/1: s1: m\nMISSING a/1: s2: \n");
        assert_eq!(difference(&theirs, &ours), "");
    }

    #[test]
    fn results_stand_beside_each_other() {
        let ours = results("us", vec![outcome("a/1", &[Status::Pass, Status::Fail])]);
        let mut theirs = results("they", vec![outcome("a/1", &[Status::Pass; 3])]);
        theirs.folders.insert("b".into(), Folder::new(vec![outcome("b/1", &[Status::Timeout])]));
        assert_eq!(
            side_by_side(&[ours, theirs]),
            "| folder |    us |  they |\n\
             | ------ | ----: | ----: |\n\
             | a      | 1 / 2 | 3 / 3 |\n\
             | b      |     — | 0 / 1 |\n\
             | all    | 1 / 2 | 3 / 4 |\n"
        );
    }

    #[test]
    fn text_of_tests_stays_on_its_line() {
        assert_eq!(one_line("a\nb\u{0}\u{202e}é😀".chars()), "a\\nb\\u{0}\\u{202e}é😀");
    }
}
