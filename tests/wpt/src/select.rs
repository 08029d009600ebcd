//! Which files of a checkout are tests, and which of them cannot run without a browser or a server.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::meta::Meta;

/// The folders of a plain run, as far as the checkout has them.
pub const FOLDERS: [&str; 16] = [
    "compression",
    "console",
    "dom/abort",
    "dom/events",
    "encoding",
    "FileAPI",
    "hr-time",
    "html/webappapis",
    "performance-timeline",
    "streams",
    "url",
    "urlpattern",
    "user-timing",
    "webidl",
    "webmessaging",
    "WebCryptoAPI",
];

/// One run of a test.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Job {
    /// The file, relative to the root, with slashes.
    pub path: String,
    /// What stands after its address: empty, or `?…`, or `#…`.
    pub variant: String,
    /// May it take long?
    pub long: bool,
    /// The reason code for which it is left out unless the expectations say otherwise.
    pub rule: Option<&'static str>,
}

impl Job {
    /// How the run is called everywhere: path and variant.
    pub fn id(&self) -> String {
        format!("{}{}", self.path, self.variant)
    }
}

/// What a folder holds.
#[derive(Debug, Default)]
pub struct Found {
    /// The runs of the tests in scripts, in the order of their names.
    pub jobs: Vec<Job>,
    /// How many tests are HTML pages. None of them can run.
    pub pages: usize,
}

/// Looks for tests in a folder of the checkout, or takes a single file.
///
/// # Errors
/// If something cannot be read.
pub fn find(root: &Path, folder: &str) -> Result<Found, String> {
    let mut found = Found::default();
    let at = root.join(folder);
    if at.is_dir() {
        walk(&at, folder.trim_end_matches('/'), &mut found)?;
    } else if at.exists() {
        file(&at, folder, &mut found)?;
    } else {
        return Err(format!("{} is not there", at.display()));
    }
    found.jobs.sort();
    Ok(found)
}

fn walk(at: &Path, relative: &str, found: &mut Found) -> Result<(), String> {
    let entries = fs::read_dir(at).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
    for entry in entries.map_err(|e| format!("{}: {e}", at.display()))? {
        let name = entry.file_name().to_string_lossy().into_owned();
        let (path, relative) = (entry.path(), format!("{relative}/{name}"));
        if !path.is_dir() {
            file(&path, &relative, found)?;
        } else if !matches!(name.as_str(), "resources" | "support" | "tools") {
            walk(&path, &relative, found)?;
        }
    }
    Ok(())
}

fn file(at: &Path, relative: &str, found: &mut Found) -> Result<(), String> {
    if is_page(relative) {
        found.pages += 1;
    } else if Kind::of(relative).is_some() {
        let source = read(at)?;
        let meta = Meta::parse(&source);
        let rule = rule(relative, &source, &meta);
        found.jobs.extend(meta.runs().into_iter().map(|variant| Job {
            path: relative.into(),
            variant,
            long: meta.long,
            rule,
        }));
    }
    Ok(())
}

/// Reads a file; a few are not quite UTF-8.
pub(crate) fn read(at: &Path) -> Result<String, String> {
    let bytes = fs::read(at).map_err(|e| format!("{}: {e}", at.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn is_page(path: &str) -> bool {
    let page = [".html", ".htm", ".xhtml"].iter().find_map(|end| path.strip_suffix(end));
    page.is_some_and(|stem| !stem.ends_with("-manual") && !stem.ends_with("-ref") && !stem.ends_with("-iframe"))
}

/// The kinds of test that are scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// For any global scope.
    Any,
    /// For a window.
    Window,
    /// For a dedicated worker; loads the harness itself.
    Worker,
}

impl Kind {
    pub(crate) fn of(path: &str) -> Option<Self> {
        let ends = [(".any.js", Self::Any), (".window.js", Self::Window), (".worker.js", Self::Worker)];
        ends.into_iter().find(|(end, _)| path.ends_with(end)).map(|(_, kind)| kind)
    }
}

/// The reason code for which a file is left out, from its name, its head, and for those that are written for a
/// window the words of its code:
///
/// - `server`: its name or a script it loads has `.sub.`, which a server has to fill in;
/// - `scope`: it is for no window and no dedicated worker;
/// - `shadow-realm`: it loads the harness for shadow realms;
/// - `document`: it is for a window, and speaks of `document`, `window`, `iframe`, `XMLHttpRequest`, or `postMessage`
///   with nothing in front;
/// - `worker`: it is for a window, and speaks of `Worker`.
///
/// Tests for any scope are not looked into: they find out themselves what is there.
fn rule(path: &str, source: &str, meta: &Meta) -> Option<&'static str> {
    let needs_server = path.contains(".sub.") || meta.scripts.iter().any(|s| s.contains(".sub."));
    if needs_server && crate::bundle::server().is_none() {
        return Some("server");
    }
    if meta.scripts.iter().any(|s| s.ends_with("idlharness-shadowrealm.js")) {
        return Some("shadow-realm");
    }
    if !meta.for_us() {
        return Some("scope");
    }
    if Kind::of(path) != Some(Kind::Window) {
        return None;
    }
    let code = without_comments(source);
    let posts_to_window = code.match_indices("postMessage(").any(|(at, _)| !code[..at].ends_with(['.', '_']));
    let words: BTreeMap<&str, ()> =
        code.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '$').map(|word| (word, ())).collect();
    let speaks_of = |names: &[&str]| names.iter().any(|name| words.contains_key(name));
    if posts_to_window || speaks_of(&["document", "window", "iframe", "XMLHttpRequest"]) {
        Some("document")
    } else if speaks_of(&["Worker", "SharedWorker"]) {
        Some("worker")
    } else {
        None
    }
}

/// Good enough to look for words: `//` within a string ends the line too.
fn without_comments(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find("/*") {
        code.push_str(&rest[..at]);
        rest = rest[at + 2..].find("*/").map_or("", |end| &rest[at + 2 + end + 2..]);
    }
    code.push_str(rest);
    code.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule_of(path: &str, source: &str) -> Option<&'static str> {
        rule(path, source, &Meta::parse(source))
    }

    #[test]
    fn tests_for_any_scope_run() {
        assert_eq!(rule_of("a/b.any.js", "// META: global=window,worker\nif (self.document) document.title"), None);
        assert_eq!(rule_of("a/b.worker.js", "importScripts('x')"), None);
    }

    #[test]
    fn tests_for_a_window_run_if_they_need_none() {
        assert_eq!(rule_of("a/b.window.js", "// a window, a document\n/* iframe\n*/ new URL('a:b').documents"), None);
        assert_eq!(rule_of("a/b.window.js", "document.createElement('a')"), Some("document"));
        assert_eq!(rule_of("a/b.window.js", "postMessage(1, '*', [buffer])"), Some("document"));
        assert_eq!(rule_of("a/b.window.js", "port.postMessage(1)"), None);
        assert_eq!(rule_of("a/b.window.js", "self.x = new Worker('x.js')"), Some("worker"));
    }

    #[test]
    fn what_needs_a_server_or_another_scope_is_left_out() {
        assert_eq!(rule_of("a/b.sub.any.js", ""), Some("server"));
        assert_eq!(rule_of("a/b.any.js", "// META: script=/common/get-host-info.sub.js"), Some("server"));
        assert_eq!(rule_of("a/b.any.js", "// META: global=serviceworker"), Some("scope"));
        assert_eq!(
            rule_of("a/b.window.js", "// META: script=/resources/idlharness-shadowrealm.js"),
            Some("shadow-realm")
        );
    }

    #[test]
    fn pages_are_told_from_what_belongs_to_them() {
        assert!(is_page("a/b.html") && is_page("a/b.xhtml"));
        assert!(!is_page("a/b-manual.html") && !is_page("a/b.html.headers") && !is_page("a/b.any.js"));
        assert_eq!(Kind::of("a/b.js"), None);
    }
}
