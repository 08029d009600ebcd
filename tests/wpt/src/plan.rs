//! What is to run, by folder.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::expectations::{Expectations, Store};
use crate::outcome::Outcome;
use crate::report::{Folder, Results};
use crate::select::{FOLDERS, Found, Job, find};

/// What is to run of a folder.
#[derive(Debug, Default)]
pub struct FolderPlan {
    /// What is expected of it.
    pub expectations: Expectations,
    /// All that it holds, if all of it is to run.
    pub found: Option<Found>,
    /// The runs.
    pub jobs: Vec<Job>,
}

/// What is to run.
#[derive(Debug, Default)]
pub struct Plan(pub BTreeMap<String, FolderPlan>);

impl Plan {
    /// Looks for the tests below some paths of the checkout, or below the usual folders as far as they are there;
    /// only those whose path or variant contains `filter`. What is expected is that of an engine.
    ///
    /// # Errors
    /// If something cannot be read, or a path is not there.
    pub fn new(
        root: &Path,
        paths: &[String],
        filter: Option<&str>,
        store: &Store,
        engine: &str,
    ) -> Result<Self, String> {
        let paths: Vec<String> = match paths {
            [] => FOLDERS.into_iter().filter(|folder| root.join(folder).is_dir()).map(String::from).collect(),
            some => some.iter().map(|path| path.trim_matches('/').into()).collect(),
        };
        let mut plan = Self::default();
        let mut seen = BTreeSet::new();
        for path in &paths {
            let found = find(root, path)?;
            let folder = folder_of(path);
            let of_folder = match plan.0.entry(folder.clone()) {
                std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
                std::collections::btree_map::Entry::Vacant(entry) => {
                    entry.insert(FolderPlan { expectations: store.load(&folder, engine)?, ..FolderPlan::default() })
                }
            };
            for job in &found.jobs {
                let wanted =
                    filter.is_none_or(|part| job.id().contains(part)) && of_folder.expectations.skips(job).is_none();
                if wanted && seen.insert(job.id()) {
                    of_folder.jobs.push(job.clone());
                }
            }
            if *path == folder && filter.is_none() {
                of_folder.found = Some(found);
            }
        }
        Ok(plan)
    }

    /// All runs.
    pub fn jobs(&self) -> Vec<Job> {
        self.0.values().flat_map(|folder| &folder.jobs).cloned().collect()
    }

    /// The folder of each run.
    pub fn folders(&self) -> impl Iterator<Item = (String, String)> {
        self.0.iter().flat_map(|(name, folder)| folder.jobs.iter().map(|job| (job.id(), name.clone())))
    }

    /// Takes away the subtests that do not count.
    pub fn strip(&self, outcome: &mut Outcome) {
        self.0.values().for_each(|folder| folder.expectations.strip(outcome));
    }

    /// Sorts outcomes into their folders.
    pub fn results(&self, by: String, outcomes: Vec<Outcome>) -> Results {
        let folder_of: BTreeMap<String, String> = self.folders().collect();
        let mut runs: BTreeMap<String, Vec<Outcome>> = BTreeMap::new();
        for outcome in outcomes {
            let folder = folder_of.get(&outcome.id).cloned().unwrap_or_default();
            runs.entry(folder).or_default().push(outcome);
        }
        Results { by, folders: runs.into_iter().map(|(name, runs)| (name, Folder::new(runs))).collect() }
    }
}

/// The folder of the table that a path belongs to: one of the usual ones, or that of the file, or the path itself.
fn folder_of(path: &str) -> String {
    let within =
        |folder: &&&str| path.strip_prefix(**folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    match FOLDERS.iter().find(within) {
        Some(folder) => (*folder).into(),
        None if path.ends_with(".js") => path.rsplit_once('/').map_or("", |(folder, _)| folder).into(),
        None => path.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn checkout() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for path in [
            "dom/abort/a.any.js",
            "dom/abort/b.window.js",
            "dom/abort/p.html",
            "dom/abort/resources/r.any.js",
            "url/sub/c.any.js",
            "other/d.any.js",
        ] {
            let at = root.path().join(path);
            fs::create_dir_all(at.parent().unwrap()).unwrap();
            fs::write(
                at,
                if path.contains("window") { "document" } else { "// META: variant=?1\n// META: variant=?2" },
            )
            .unwrap();
        }
        root
    }

    fn ids(plan: &Plan) -> Vec<String> {
        plan.jobs().iter().map(Job::id).collect()
    }

    #[test]
    fn the_usual_folders_are_found() {
        let (root, store) = (checkout(), Store::new("nowhere"));
        let plan = Plan::new(root.path(), &[], None, &store, "v8").unwrap();
        assert_eq!(
            ids(&plan),
            ["dom/abort/a.any.js?1", "dom/abort/a.any.js?2", "url/sub/c.any.js?1", "url/sub/c.any.js?2"]
        );
        let found = plan.0["dom/abort"].found.as_ref().unwrap();
        assert_eq!((found.pages, found.jobs.len()), (1, 3));
    }

    #[test]
    fn parts_of_folders_are_not_the_whole() {
        let (root, store) = (checkout(), Store::new("nowhere"));
        let paths = ["url/sub/".into(), "dom/abort/a.any.js".into(), "other".into()];
        let plan = Plan::new(root.path(), &paths, Some("?1"), &store, "v8").unwrap();
        assert_eq!(ids(&plan), ["dom/abort/a.any.js?1", "other/d.any.js?1", "url/sub/c.any.js?1"]);
        assert!(plan.0.values().all(|folder| folder.found.is_none()));
        assert!(Plan::new(root.path(), &["no/such.any.js".into()], None, &store, "v8").is_err());
    }
}
