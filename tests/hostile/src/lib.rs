//! Runs the scripts of `tests/hostile/scripts` against the library and holds each to what its first line expects.
//!
//! ```text
//! cargo run --release -p isolate-hostile                     all scripts but the known hangs; prints a table
//! cargo run --release -p isolate-hostile -- --all            those too
//! cargo run --release -p isolate-hostile -- regexp --repeat 20
//! cargo run --release -p isolate-hostile -- --all --write RESULTS.md
//! ```
//!
//! Each run is a process of its own ([`child`]), so that a crash or a hang is a result like any other ([`corpus`]).
//! What an engine is known not to stop in time stands in `known.json`, with the reason ([`known`]). What is asserted
//! is how a run ends, not when; times and memory are measured and shown.
//!
//! [`allocation`] lets every allocation of ordinary programs fail in turn, and [`stops`] stops them at many moments.

#![forbid(unsafe_code)]

pub mod allocation;
pub mod child;
pub mod corpus;
mod files;
pub mod known;
pub mod programs;
mod report;
pub mod stops;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The memory that each script gets.
pub const MEMORY: usize = 64 << 20;
/// The time that a script gets whose end may be the deadline.
pub const DEADLINE: Duration = Duration::from_secs(1);
/// The time that all others get. They are to end by themselves, however slow the machine.
pub const ROOM: Duration = Duration::from_secs(10);
/// How far past its deadline a run may end before it counts as late. Only [`known`] scripts are held to it: one that is
/// not late any more does not belong there.
pub const LATE: Duration = Duration::from_secs(1);

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// It gave a value.
    Ok,
    /// It threw, was rejected, left an error that nothing took, or its result could not be handed over.
    Error,
    /// It was stopped because its time was up.
    Deadline,
    /// It was stopped because its memory was used up.
    Memory,
    /// It ended in a way that no script may: stopped for another reason, or an error of the library itself.
    Wrong,
    /// The script ended, but the host was not usable afterwards.
    Broken,
    /// It was still running long after its deadline, and was killed.
    Hang,
    /// Its process died.
    Crash,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Kind::Ok => "ok",
            Kind::Error => "error",
            Kind::Deadline => "deadline",
            Kind::Memory => "memory",
            Kind::Wrong => "wrong",
            Kind::Broken => "broken",
            Kind::Hang => "hang",
            Kind::Crash => "crash",
        }
    }

    fn expected(word: &str) -> Option<Self> {
        [Kind::Ok, Kind::Error, Kind::Deadline, Kind::Memory].into_iter().find(|k| k.as_str() == word)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What one run gave: the line that a child prints.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// How it ended.
    pub kind: Kind,
    /// In words, where there is more to say.
    pub detail: String,
    /// The time that it had.
    pub deadline_us: u64,
    /// From the beginning of the evaluation to its return.
    pub elapsed_us: u64,
    /// How far that is past the deadline, for a run that was stopped by it; less than nothing is possible in theory.
    pub overshoot_us: Option<i64>,
    /// The process's resident size before the evaluation, if the system says.
    pub rss_before_kib: Option<u64>,
    /// The most that it was until the evaluation had returned.
    pub rss_peak_kib: Option<u64>,
}

impl Outcome {
    fn of_process(kind: Kind, detail: impl Into<String>, elapsed: Duration) -> Self {
        Self {
            kind,
            detail: detail.into(),
            deadline_us: micros(DEADLINE),
            elapsed_us: micros(elapsed),
            overshoot_us: None,
            rss_before_kib: None,
            rss_peak_kib: None,
        }
    }

    /// How far past the deadline the evaluation returned, whatever ended it.
    pub fn past_deadline(&self) -> Duration {
        Duration::from_micros(self.elapsed_us.saturating_sub(self.deadline_us))
    }

    /// How much the process grew by beyond the memory limit.
    pub fn over_memory_kib(&self) -> Option<u64> {
        let grown = self.rss_peak_kib?.saturating_sub(self.rss_before_kib?);
        Some(grown.saturating_sub(MEMORY as u64 >> 10))
    }
}

fn micros(d: Duration) -> u64 {
    u64::try_from(d.as_micros()).unwrap_or(u64::MAX)
}

/// A script of the corpus.
#[derive(Clone, Debug)]
pub struct Script {
    /// The file's name without its ending.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// The ways in which it may end.
    pub expected: Vec<Kind>,
}

impl Script {
    fn expects(&self) -> String {
        self.expected.iter().map(|k| k.as_str()).collect::<Vec<_>>().join("\\|")
    }
}

/// Where the scripts are.
pub fn scripts_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts")
}

/// The scripts of a directory by name.
///
/// # Errors
/// If one cannot be read, or its first line does not say what it expects.
pub fn scripts(dir: &Path) -> Result<Vec<Script>, String> {
    let entries = std::fs::read_dir(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    let mut scripts = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| e.to_string())?.path();
        if path.extension().is_none_or(|e| e != "js") {
            continue;
        }
        let source = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let expected = expectation(&source)
            .ok_or_else(|| format!("{}: the first line does not say how it may end", path.display()))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        scripts.push(Script { name, path, expected });
    }
    scripts.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(scripts)
}

/// The time that a script gets.
fn deadline(source: &str) -> Duration {
    if expectation(source).is_some_and(|kinds| !kinds.contains(&Kind::Deadline)) { ROOM } else { DEADLINE }
}

/// What the first line of a script says.
fn expectation(source: &str) -> Option<Vec<Kind>> {
    let kinds = source.lines().next()?.strip_prefix("// expect: ")?;
    kinds.split('|').map(|word| Kind::expected(word.trim())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_says_what_is_expected() {
        assert_eq!(expectation("// expect: deadline|ok\nx"), Some(vec![Kind::Deadline, Kind::Ok]));
        assert_eq!(expectation("// expect: hang\n"), None, "no script may hang");
        assert_eq!(expectation("1"), None);
        assert_eq!(expectation(""), None);
        let room =
            ["ok", "error|memory", "deadline", "memory|deadline"].map(|kinds| deadline(&format!("// expect: {kinds}")));
        assert_eq!(room, [ROOM, ROOM, DEADLINE, DEADLINE]);
    }
}
