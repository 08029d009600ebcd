//! How a run ended, and the lines by which it tells so.

use std::collections::HashMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// How a subtest ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// It passed.
    Pass,
    /// It failed.
    Fail,
    /// It did not end in time.
    Timeout,
    /// It never began.
    NotRun,
    /// It says that something optional is not there.
    Unsupported,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Timeout => "TIMEOUT",
            Self::NotRun => "NOTRUN",
            Self::Unsupported => "UNSUPPORTED",
        })
    }
}

/// A subtest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subtest {
    /// Unique within its run.
    pub name: String,
    /// How it ended.
    pub status: Status,
    /// Why, if it did not pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What went wrong with a run besides its subtests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Trouble {
    /// A script threw, nothing took an error, or the harness was not content.
    Error,
    /// The harness waited in vain, though no subtest was under way.
    Timeout,
    /// A limit stopped the guest.
    Stopped,
    /// It had to be killed.
    Hang,
    /// The process died.
    Crash,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "ERROR",
            Self::Timeout => "TIMEOUT",
            Self::Stopped => "STOPPED",
            Self::Hang => "HANG",
            Self::Crash => "CRASH",
        })
    }
}

/// One run of a test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Path and variant.
    pub id: String,
    /// The subtests that gave a result.
    pub subtests: Vec<Subtest>,
    /// What went wrong as a whole, and its message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<(Trouble, String)>,
    /// How long it took, in milliseconds.
    pub millis: u64,
}

/// A line of a run: of the wrapped test in the first place, else of who runs it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Line {
    Subtest { name: String, status: u8, message: Option<String> },
    Done { done: u8, message: Option<String> },
    Uncaught { uncaught: String },
    Threw { threw: String, script: String },
    Trouble { trouble: Trouble, message: String },
}

/// Gathers the lines of a run.
#[derive(Debug, Default)]
pub struct Collector {
    subtests: Vec<Subtest>,
    names: HashMap<String, usize>,
    trouble: Option<(Trouble, String)>,
    done: bool,
}

impl Collector {
    /// Takes a line. One that is none of a run is taken for trouble.
    pub fn line(&mut self, line: &str) {
        match serde_json::from_str(line) {
            Ok(Line::Subtest { name, status, message }) => self.subtest(name, status, message),
            Ok(Line::Done { done, message }) => {
                self.done = true;
                let message = message.unwrap_or_default();
                let unfinished = |s: &Subtest| matches!(s.status, Status::Timeout | Status::NotRun);
                match done {
                    0 => {}
                    // It is told by the subtests already.
                    2 if self.subtests.iter().any(unfinished) => {}
                    2 => self.trouble(Trouble::Timeout, format!("no subtest was under way. {message}").trim().into()),
                    _ => self.trouble(Trouble::Error, message),
                }
            }
            Ok(Line::Uncaught { uncaught }) => self.trouble(Trouble::Error, format!("uncaught: {uncaught}")),
            Ok(Line::Threw { threw, script }) => self.trouble(Trouble::Error, format!("{script} threw: {threw}")),
            Ok(Line::Trouble { trouble, message }) => self.trouble(trouble, message),
            Err(e) => self.trouble(Trouble::Error, format!("a line that is none of the harness: {e}: {line}")),
        }
    }

    fn subtest(&mut self, name: String, status: u8, message: Option<String>) {
        let status = match status {
            0 => Status::Pass,
            1 => Status::Fail,
            2 => Status::Timeout,
            3 => Status::NotRun,
            _ => Status::Unsupported,
        };
        let count = self.names.entry(name.clone()).or_default();
        *count += 1;
        // Names should be unique, and not all are.
        let name = if *count == 1 { name } else { format!("{name} (no. {count})") };
        let message = message.filter(|_| status != Status::Pass);
        self.subtests.push(Subtest { name, status, message });
    }

    /// Notes what went wrong; the first is the one that counts.
    pub fn trouble(&mut self, trouble: Trouble, message: String) {
        self.trouble.get_or_insert((trouble, message));
    }

    /// Whether the harness said that it is done.
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// All that was gathered.
    pub fn finish(mut self, id: String, millis: u64) -> Outcome {
        if !self.done {
            self.trouble(Trouble::Error, "it ended without a word of the harness".into());
        }
        Outcome { id, subtests: self.subtests, trouble: self.trouble, millis }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(lines: &[&str]) -> Outcome {
        let mut collector = Collector::default();
        lines.iter().for_each(|line| collector.line(line));
        collector.finish("a".into(), 1)
    }

    #[test]
    fn subtests_keep_their_messages_and_get_names_of_their_own() {
        let outcome = outcome(&[
            r#"{"name":"x","status":0,"message":"not shown"}"#,
            r#"{"name":"x","status":1,"message":"m"}"#,
            r#"{"name":"y","status":2,"message":null}"#,
            r#"{"done":2,"message":null}"#,
        ]);
        let seen: Vec<_> = outcome.subtests.iter().map(|s| (s.name.as_str(), s.status, s.message.as_deref())).collect();
        assert_eq!(
            seen,
            [("x", Status::Pass, None), ("x (no. 2)", Status::Fail, Some("m")), ("y", Status::Timeout, None)]
        );
        assert_eq!(outcome.trouble, None);
    }

    #[test]
    fn trouble_is_never_lost() {
        let error = |lines: &[&str]| outcome(lines).trouble.map(|(kind, _)| kind);
        assert_eq!(error(&[r#"{"done":0,"message":null}"#]), None);
        assert_eq!(error(&[r#"{"done":1,"message":"m"}"#]), Some(Trouble::Error));
        assert_eq!(error(&[r#"{"done":2,"message":null}"#]), Some(Trouble::Timeout));
        assert_eq!(error(&[r#"{"uncaught":"e"}"#, r#"{"done":0,"message":null}"#]), Some(Trouble::Error));
        assert_eq!(error(&[r#"{"trouble":"STOPPED","message":"m"}"#]), Some(Trouble::Stopped));
        assert_eq!(error(&[]), Some(Trouble::Error));
        assert_eq!(error(&["?"]), Some(Trouble::Error));
        let (_, message) = outcome(&[r#"{"threw":"E","script":"s.js"}"#]).trouble.unwrap();
        assert_eq!(message, "s.js threw: E");
    }
}
