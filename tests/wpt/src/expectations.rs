//! What is expected of the tests of a folder, as data, and how results are compared with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::outcome::{Outcome, Status};
use crate::select::{Found, Job};

/// What stands for a reason that nobody gave yet.
pub const TODO: &str = "TODO: reason";

/// The engines that have expectations of their own, beside what is the same on all.
pub const ENGINES: [&str; 2] = ["quickjs", "v8"];

/// What is expected of a folder. Tests are named by path and variant; those that are left out, also by path alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expectations {
    /// How many tests are HTML pages. None of them runs.
    #[serde(skip_serializing_if = "is_zero")]
    pub pages: usize,
    /// Tests that do not run, by rule or because this says so, with reasons.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub skip: BTreeMap<String, String>,
    /// Tests that run though a rule would leave them out, with reasons.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub run: BTreeMap<String, String>,
    /// Subtests that do not count, of tests that run.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub leave_out: BTreeMap<String, LeaveOut>,
    /// How many subtests each test has, so that none is lost unseen.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub subtests: BTreeMap<String, usize>,
    /// Tests that go wrong as a whole, with reasons.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub trouble: BTreeMap<String, String>,
    /// Subtests that do not pass, with reasons.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fail: BTreeMap<String, BTreeMap<String, String>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(n: &usize) -> bool {
    *n == 0
}

/// Subtests of a test that do not count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeaveOut {
    /// How their names end.
    pub ending: Vec<String>,
    /// Why.
    pub reason: String,
}

/// A reason that many expectations share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// The reason in words.
    pub text: String,
    /// Whether the engine is the reason and not what this project builds on it.
    #[serde(default)]
    pub engine: bool,
}

/// The reasons by their codes.
pub type Reasons = BTreeMap<String, Reason>;

/// The directory with one file for each folder, and the reasons. The file has what is the same on all engines; what is
/// an engine's own stands in a file of the same name in a directory of the engine's.
#[derive(Clone, Debug)]
pub struct Store(PathBuf);

impl Store {
    /// A directory; it need not exist.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self(dir.into())
    }

    fn file(&self, folder: &str, engine: Option<&str>) -> PathBuf {
        let dir = engine.map_or_else(|| self.0.clone(), |engine| self.0.join(engine));
        dir.join(format!("{}.json", folder.replace('/', "-")))
    }

    /// What is expected of a folder on all engines, or what is expected on one besides: nothing, if nobody said.
    ///
    /// # Errors
    /// If the file is there and cannot be read.
    pub fn part(&self, folder: &str, engine: Option<&str>) -> Result<Expectations, String> {
        let file = self.file(folder, engine);
        if file.exists() { read_json(&file) } else { Ok(Expectations::default()) }
    }

    /// All that is expected of a folder on an engine.
    ///
    /// # Errors
    /// If a file is there and cannot be read.
    pub fn load(&self, folder: &str, engine: &str) -> Result<Expectations, String> {
        let mut all = self.part(folder, None)?;
        all.add(self.part(folder, Some(engine))?);
        Ok(all)
    }

    /// The reasons.
    ///
    /// # Errors
    /// If the file is there and cannot be read.
    pub fn reasons(&self) -> Result<Reasons, String> {
        let file = self.0.join("reasons.json");
        if file.exists() { read_json(&file) } else { Ok(Reasons::default()) }
    }

    /// Writes what is expected of a folder on an engine. What other engines do stays as it is: it only moves between the
    /// file for all and those of one.
    ///
    /// # Errors
    /// If that fails.
    pub fn save(&self, folder: &str, engine: &str, expectations: &Expectations) -> Result<(), String> {
        let of = |e: &str| if e == engine { Ok(expectations.clone()) } else { self.load(folder, e) };
        let all = ENGINES.into_iter().map(|e| Ok((e, of(e)?))).collect::<Result<Vec<_>, String>>()?;
        let common = all.iter().skip(1).fold(all[0].1.clone(), |common, (_, e)| common.keep(e, true));
        self.write(&self.file(folder, None), &common)?;
        all.iter().try_for_each(|(name, e)| self.write(&self.file(folder, Some(name)), &e.keep(&common, false)))
    }

    fn write(&self, file: &Path, expectations: &Expectations) -> Result<(), String> {
        let failed = |e: std::io::Error| format!("{}: {e}", file.display());
        if *expectations == Expectations::default() {
            return if file.exists() { fs::remove_file(file).map_err(failed) } else { Ok(()) };
        }
        let json = serde_json::to_string_pretty(expectations).map_err(|e| e.to_string())?;
        fs::create_dir_all(file.parent().unwrap_or(&self.0)).and_then(|()| fs::write(file, json + "\n")).map_err(failed)
    }
}

type Map<V> = BTreeMap<String, V>;

/// The entries that another map has too, or those that it has not.
fn kept<V: Clone + PartialEq>(map: &Map<V>, other: &Map<V>, common: bool) -> Map<V> {
    let entries = map.iter().filter(|(key, value)| (other.get(*key) == Some(*value)) == common);
    entries.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn read_json<T: for<'de> Deserialize<'de>>(file: &Path) -> Result<T, String> {
    let text = fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    serde_json::from_str(&text).map_err(|e| format!("{}: {e}", file.display()))
}

impl Expectations {
    /// What is here and in `other` too (`common`), or here alone.
    fn keep(&self, other: &Self, common: bool) -> Self {
        let nothing = Map::new();
        let fail =
            self.fail.iter().map(|(id, f)| (id.clone(), kept(f, other.fail.get(id).unwrap_or(&nothing), common)));
        Self {
            pages: if (self.pages == other.pages) == common { self.pages } else { 0 },
            skip: kept(&self.skip, &other.skip, common),
            run: kept(&self.run, &other.run, common),
            leave_out: kept(&self.leave_out, &other.leave_out, common),
            subtests: kept(&self.subtests, &other.subtests, common),
            trouble: kept(&self.trouble, &other.trouble, common),
            fail: fail.filter(|(_, f)| !f.is_empty()).collect(),
        }
    }

    /// Adds what an engine has of its own.
    fn add(&mut self, own: Self) {
        self.pages += own.pages;
        self.skip.extend(own.skip);
        self.run.extend(own.run);
        self.leave_out.extend(own.leave_out);
        self.subtests.extend(own.subtests);
        self.trouble.extend(own.trouble);
        for (id, fail) in own.fail {
            self.fail.entry(id).or_default().extend(fail);
        }
    }

    /// Where no reason is given, takes the one that `other` gives for the same.
    pub fn take_reasons(&mut self, other: &Self) {
        fn take(ours: &mut Map<String>, theirs: &Map<String>) {
            for (id, reason) in ours.iter_mut().filter(|(_, reason)| *reason == TODO) {
                if let Some(given) = theirs.get(id) {
                    reason.clone_from(given);
                }
            }
        }
        take(&mut self.trouble, &other.trouble);
        for (id, fail) in &mut self.fail {
            if let Some(theirs) = other.fail.get(id) {
                take(fail, theirs);
            }
        }
    }

    /// Why a test does not run, if so: what this says, or else a rule.
    pub fn skips<'a>(&'a self, job: &'a Job) -> Option<&'a str> {
        let by = |map: &'a BTreeMap<String, String>| map.get(&job.id()).or_else(|| map.get(&job.path));
        if let Some(reason) = by(&self.skip) {
            return Some(reason);
        }
        if by(&self.run).is_some() { None } else { job.rule }
    }

    /// Takes the subtests away that do not count.
    pub fn strip(&self, outcome: &mut Outcome) {
        let path = outcome.id.split(['?', '#']).next().unwrap_or_default();
        if let Some(out) = self.leave_out.get(&outcome.id).or_else(|| self.leave_out.get(path)) {
            outcome.subtests.retain(|s| !out.ending.iter().any(|ending| s.name.ends_with(ending)));
        }
    }

    /// What differs from the results, one line for each. `found` is all that the folder holds, if all of it was meant
    /// to run; then also what is expected of tests that are no more is told.
    pub fn compare(&self, outcomes: &[Outcome], found: Option<&Found>) -> Vec<String> {
        let mut lines = Vec::new();
        for outcome in outcomes {
            self.compare_one(outcome, &mut lines);
        }
        let Some(found) = found else { return lines };
        if self.pages != found.pages {
            lines.push(format!("HTML pages: there are {}, and {} are expected", found.pages, self.pages));
        }
        let listed =
            |map: &BTreeMap<String, String>, job: &Job| map.contains_key(&job.id()) || map.contains_key(&job.path);
        for job in &found.jobs {
            if let (Some(rule), false) = (job.rule, listed(&self.skip, job) || listed(&self.run, job)) {
                lines.push(format!("{}: left out by the rule '{rule}', and not listed", job.id()));
            }
        }
        let ids: BTreeSet<String> = found.jobs.iter().flat_map(|job| [job.id(), job.path.clone()]).collect();
        let ran: BTreeSet<&str> = outcomes.iter().map(|o| o.id.as_str()).collect();
        let named = self.skip.keys().chain(self.run.keys()).chain(self.leave_out.keys());
        lines
            .extend(named.filter(|id| !ids.contains(*id)).map(|id| format!("{id}: listed, and there is no such test")));
        let expected: BTreeSet<_> = self.subtests.keys().chain(self.trouble.keys()).chain(self.fail.keys()).collect();
        lines.extend(
            expected
                .into_iter()
                .filter(|id| !ran.contains(id.as_str()))
                .map(|id| format!("{id}: expected, and did not run")),
        );
        lines
    }

    fn compare_one(&self, outcome: &Outcome, lines: &mut Vec<String>) {
        let id = &outcome.id;
        match (&outcome.trouble, self.trouble.get(id)) {
            (Some((kind, message)), None) => lines.push(format!("UNEXPECTED {kind} {id}: {message}")),
            (None, Some(reason)) => lines.push(format!("UNEXPECTED OK {id}: expected to go wrong: {reason}")),
            _ => {}
        }
        let nothing = BTreeMap::new();
        let expected = self.fail.get(id).unwrap_or(&nothing);
        for subtest in &outcome.subtests {
            let name = &subtest.name;
            match (subtest.status, expected.get(name)) {
                (Status::Pass, Some(reason)) => {
                    lines.push(format!("UNEXPECTED PASS {id}: {name}: expected to fail: {reason}"));
                }
                (Status::Pass, None) | (_, Some(_)) => {}
                (status, None) => {
                    let message = subtest.message.as_deref().unwrap_or("no message");
                    lines.push(format!("UNEXPECTED {status} {id}: {name}: {message}"));
                }
            }
        }
        let names: BTreeSet<&str> = outcome.subtests.iter().map(|s| s.name.as_str()).collect();
        for name in expected.keys().filter(|name| !names.contains(name.as_str())) {
            lines.push(format!("GONE {id}: {name}: expected to fail, and there is no such subtest"));
        }
        let total = self.subtests.get(id).copied();
        if total != Some(outcome.subtests.len()) {
            let expected = total.map_or_else(|| "none are".into(), |n| format!("{n} are"));
            lines.push(format!("{id}: {} subtests, and {expected} expected", outcome.subtests.len()));
        }
    }

    /// Reasons that are none: those that nobody gave yet, and codes that nobody explained.
    pub fn check_reasons(&self, reasons: &Reasons) -> Vec<String> {
        let of_files = self.skip.iter().chain(&self.run).chain(&self.trouble).map(|(id, reason)| (id.clone(), reason));
        let of_endings = self.leave_out.iter().map(|(id, out)| (id.clone(), &out.reason));
        let of_subtests = self
            .fail
            .iter()
            .flat_map(|(id, fail)| fail.iter().map(move |(name, reason)| (format!("{id}: {name}"), reason)));
        of_files
            .chain(of_endings)
            .chain(of_subtests)
            .filter_map(|(what, reason)| {
                if reason.is_empty() || reason.starts_with("TODO") {
                    Some(format!("{what}: no reason is given"))
                } else if !reasons.contains_key(reason) && !reason.contains(' ') {
                    Some(format!("{what}: '{reason}' is no reason of reasons.json"))
                } else {
                    None
                }
            })
            .collect()
    }

    /// What results would have to be expected, with the reasons that this gives already, and `new_reason` where it gives
    /// none. With `found` what was not run is forgotten, without it is kept.
    #[must_use]
    pub fn updated(&self, outcomes: &[Outcome], found: Option<&Found>, new_reason: &str) -> Self {
        let mut new = self.clone();
        if let Some(found) = found {
            let ids: BTreeSet<String> = found.jobs.iter().flat_map(|job| [job.id(), job.path.clone()]).collect();
            new.pages = found.pages;
            new.skip.retain(|id, _| ids.contains(id));
            new.run.retain(|id, _| ids.contains(id));
            new.leave_out.retain(|id, _| ids.contains(id));
            for job in &found.jobs {
                if let (Some(rule), Some(_)) = (job.rule, self.skips(job)) {
                    let known = new.skip.contains_key(&job.id()) || new.skip.contains_key(&job.path);
                    if !known {
                        new.skip.insert(job.path.clone(), rule.into());
                    }
                }
            }
            (new.subtests, new.trouble, new.fail) = Default::default();
        }
        for outcome in outcomes {
            let id = &outcome.id;
            new.subtests.insert(id.clone(), outcome.subtests.len());
            new.trouble.remove(id);
            if outcome.trouble.is_some() {
                let reason = self.trouble.get(id).map_or(new_reason, String::as_str);
                new.trouble.insert(id.clone(), reason.into());
            }
            let known = self.fail.get(id);
            let reason = |name: &String| known.and_then(|k| k.get(name)).map_or(new_reason, String::as_str).to_owned();
            let fail: BTreeMap<_, _> = outcome
                .subtests
                .iter()
                .filter(|s| s.status != Status::Pass)
                .map(|s| (s.name.clone(), reason(&s.name)))
                .collect();
            new.fail.remove(id);
            if !fail.is_empty() {
                new.fail.insert(id.clone(), fail);
            }
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Subtest, Trouble};

    fn outcome(id: &str, subtests: &[(&str, Status)]) -> Outcome {
        let subtest = |&(name, status): &(&str, Status)| Subtest {
            name: name.into(),
            status,
            message: (status != Status::Pass).then(|| "m".into()),
        };
        Outcome { id: id.into(), subtests: subtests.iter().map(subtest).collect(), trouble: None, millis: 0 }
    }

    fn job(path: &str, variant: &str, rule: Option<&'static str>) -> Job {
        Job { path: path.into(), variant: variant.into(), long: false, rule }
    }

    fn expectations(json: &str) -> Expectations {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn what_is_expected_is_no_news() {
        let expected = expectations(r#"{"subtests": {"a": 2}, "fail": {"a": {"y": "code"}}}"#);
        let run = [outcome("a", &[("x", Status::Pass), ("y", Status::Timeout)])];
        assert_eq!(expected.compare(&run, None), [""; 0]);
    }

    #[test]
    fn unexpected_failures_and_passes_and_lost_subtests_are_told() {
        let expected = expectations(r#"{"subtests": {"a": 3}, "fail": {"a": {"y": "code", "z": "code"}}}"#);
        let run = [outcome("a", &[("x", Status::Fail), ("y", Status::Pass)])];
        assert_eq!(
            expected.compare(&run, None),
            [
                "UNEXPECTED FAIL a: x: m",
                "UNEXPECTED PASS a: y: expected to fail: code",
                "GONE a: z: expected to fail, and there is no such subtest",
                "a: 2 subtests, and 3 are expected",
            ]
        );
        assert_eq!(
            Expectations::default().compare(&[outcome("a", &[])], None),
            ["a: 0 subtests, and none are expected"]
        );
    }

    #[test]
    fn trouble_is_expected_or_told() {
        let mut run = outcome("a", &[]);
        let expected = expectations(r#"{"subtests": {"a": 0}, "trouble": {"a": "code"}}"#);
        assert_eq!(expected.compare(&[run.clone()], None), ["UNEXPECTED OK a: expected to go wrong: code"]);
        run.trouble = Some((Trouble::Crash, "died".into()));
        assert_eq!(expected.compare(&[run.clone()], None), [""; 0]);
        let nothing = expectations(r#"{"subtests": {"a": 0}}"#);
        assert_eq!(nothing.compare(&[run], None), ["UNEXPECTED CRASH a: died"]);
    }

    #[test]
    fn tests_that_are_no_more_are_told_when_all_ran() {
        let expected = expectations(
            r#"{"pages": 1, "skip": {"b": "document", "gone": "document"}, "subtests": {"a": 0, "c": 1},
                "fail": {"d": {"x": "code"}}}"#,
        );
        let found = Found {
            jobs: vec![job("a", "", None), job("b", "", Some("document")), job("e", "", Some("server"))],
            pages: 2,
        };
        let run = [outcome("a", &[])];
        assert_eq!(
            expected.compare(&run, Some(&found)),
            [
                "HTML pages: there are 2, and 1 are expected",
                "e: left out by the rule 'server', and not listed",
                "gone: listed, and there is no such test",
                "c: expected, and did not run",
                "d: expected, and did not run",
            ]
        );
        assert_eq!(expected.compare(&run, None), [""; 0]);
    }

    #[test]
    fn rules_yield_to_what_is_listed() {
        let expected = expectations(r#"{"skip": {"a?x": "code", "b": "code"}, "run": {"c": "since it can"}}"#);
        assert_eq!(expected.skips(&job("a", "?x", None)), Some("code"));
        assert_eq!(expected.skips(&job("a", "?y", None)), None);
        assert_eq!(expected.skips(&job("b", "?z", None)), Some("code"));
        assert_eq!(expected.skips(&job("c", "", Some("document"))), None);
        assert_eq!(expected.skips(&job("d", "", Some("document"))), Some("document"));
    }

    #[test]
    fn subtests_can_be_left_out() {
        let expected = expectations(r#"{"leave_out": {"a": {"ending": [" <a>"], "reason": "document"}}}"#);
        let mut run = outcome("a?v", &[("x <a>", Status::Fail), ("x", Status::Pass)]);
        expected.strip(&mut run);
        assert_eq!(run, outcome("a?v", &[("x", Status::Pass)]));
    }

    #[test]
    fn reasons_must_be_given_and_known() {
        let expected = expectations(
            r#"{"skip": {"a": "nonsense"}, "trouble": {"b": "TODO: reason"},
                "fail": {"c": {"x": "known", "y": "a reason in words", "z": ""}}}"#,
        );
        let reasons = [("known".to_owned(), Reason { text: "t".into(), engine: false })].into();
        assert_eq!(
            expected.check_reasons(&reasons),
            ["a: 'nonsense' is no reason of reasons.json", "b: no reason is given", "c: z: no reason is given"]
        );
    }

    #[test]
    fn updating_keeps_reasons_and_forgets_the_rest() {
        let expected = expectations(
            r#"{"skip": {"gone": "document"}, "subtests": {"a": 1, "old": 1},
                "fail": {"a": {"x": "code", "passes now": "code"}, "old": {"x": "code"}}}"#,
        );
        let found = Found { jobs: vec![job("a", "", None), job("w", "", Some("document"))], pages: 3 };
        let mut run = outcome("a", &[("x", Status::Fail), ("y", Status::NotRun), ("passes now", Status::Pass)]);
        run.trouble = Some((Trouble::Error, "m".into()));
        let new = expected.updated(&[run.clone()], Some(&found), TODO);
        assert_eq!(
            new,
            expectations(
                r#"{"pages": 3, "skip": {"w": "document"}, "subtests": {"a": 3}, "trouble": {"a": "TODO: reason"},
                    "fail": {"a": {"x": "code", "y": "TODO: reason"}}}"#
            )
        );
        assert_eq!(new.compare(&[run.clone()], Some(&found)), [""; 0]);
        // A part of the folder leaves the rest alone.
        let part = expected.updated(&[run], None, TODO);
        assert!(part.fail.contains_key("old") && part.skip.contains_key("gone"));
    }

    #[test]
    fn files_are_written_and_read() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path().join("new"));
        let expected = expectations(r#"{"pages": 1, "fail": {"dom/abort/a": {"x": "code"}}}"#);
        assert_eq!(store.load("dom/abort", "v8").unwrap(), Expectations::default());
        store.save("dom/abort", "v8", &expected).unwrap();
        assert!(dir.path().join("new/v8/dom-abort.json").is_file());
        assert_eq!(store.load("dom/abort", "v8").unwrap(), expected);
        fs::write(dir.path().join("new/x.json"), "{\"nonsense\": 1}").unwrap();
        assert!(store.load("x", "v8").unwrap_err().contains("nonsense"));
    }

    #[test]
    fn what_engines_share_stands_in_one_place() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path());
        let shared = r#""pages": 1, "subtests": {"a": 2}"#;
        let quickjs = expectations(&format!(r#"{{{shared}, "fail": {{"a": {{"x": "code", "y": "code"}}}}}}"#));
        let v8 =
            expectations(&format!(r#"{{{shared}, "trouble": {{"a": "code"}}, "fail": {{"a": {{"x": "code"}}}}}}"#));
        store.save("url", "quickjs", &quickjs).unwrap();
        store.save("url", "v8", &v8).unwrap();
        let common = expectations(&format!(r#"{{{shared}, "fail": {{"a": {{"x": "code"}}}}}}"#));
        assert_eq!(store.part("url", None).unwrap(), common);
        assert_eq!(store.part("url", Some("quickjs")).unwrap(), expectations(r#"{"fail": {"a": {"y": "code"}}}"#));
        assert_eq!(store.part("url", Some("v8")).unwrap(), expectations(r#"{"trouble": {"a": "code"}}"#));
        assert_eq!((store.load("url", "quickjs").unwrap(), store.load("url", "v8").unwrap()), (quickjs.clone(), v8));
        // What one has no more of its own, it has in common.
        store.save("url", "v8", &quickjs).unwrap();
        assert_eq!(store.part("url", None).unwrap(), quickjs);
        assert!(!dir.path().join("v8/url.json").exists() && !dir.path().join("quickjs/url.json").exists());
    }

    #[test]
    fn reasons_are_taken_over() {
        let mut new = expectations(r#"{"fail": {"a": {"x": "TODO: reason", "y": "own", "z": "TODO: reason"}}}"#);
        new.take_reasons(&expectations(r#"{"fail": {"a": {"x": "theirs", "y": "theirs"}}}"#));
        assert_eq!(new, expectations(r#"{"fail": {"a": {"x": "theirs", "y": "own", "z": "TODO: reason"}}}"#));
    }
}
