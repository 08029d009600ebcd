//! A test with everything it loads, as a list of classic scripts that any engine can run one after another.
//!
//! They stay separate, as in a browser: concatenated, a `'use strict'` of the test would mean nothing.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::meta::Meta;
use crate::select::{Job, Kind, read};

const BEFORE: &str = include_str!("js/before.js");
const HARNESS: &str = include_str!("js/harness.js");
const PEER: &str = include_str!("js/peer.mjs");
const HARNESS_PATH: &str = "resources/testharness.js";

/// A script and its name in stack traces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Script(pub String, pub String);

/// All that one run needs.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// The scripts, in order. After them, or after one that throws, `wptLoaded(failed)` is to be called.
    pub scripts: Vec<Script>,
    /// Whether errors that nothing takes are part of the test.
    pub allow_uncaught: bool,
    /// After which time the harness ends the run by itself.
    pub timeout: Duration,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Config<'a> {
    /// Where the tests' own server is, if there is one.
    origin: Option<&'a str>,
    path: &'a str,
    search: &'a str,
    hash: &'a str,
    title: Option<&'a str>,
    timeout: u64,
    worker: bool,
    shared_memory: bool,
    single_test: bool,
    idl: bool,
    /// By the address that the test uses.
    files: Option<BTreeMap<String, String>>,
}

/// Gathers what a run needs from the checkout. `timeout` is that of a test that does not say `long`.
///
/// # Errors
/// If the test, or a script that it names, cannot be read.
pub fn bundle(root: &Path, job: &Job, timeout: Duration) -> Result<Bundle, String> {
    let server = server();
    let test = source(root, server.as_deref(), &job.path)?;
    let meta = Meta::parse(&test);
    let worker = Kind::of(&job.path) == Some(Kind::Worker);
    let mut names = meta.scripts.clone();
    if worker {
        names.extend(calls(&test, "importScripts").into_iter().filter(|name| !name.ends_with("/testharness.js")));
    }
    let mut loaded = Vec::new();
    for name in &names {
        let path = resolve(&job.path, name);
        loaded.push(Script(path.clone(), source(root, server.as_deref(), &path)?));
    }
    let files = match server {
        Some(_) => BTreeMap::new(),
        None => files(root, &job.path, &test, &loaded),
    };
    let timeout = if meta.long { timeout * LONG } else { timeout };
    let (search, hash) = match job.variant.split_once('#') {
        Some((search, hash)) => (search, format!("#{hash}")),
        None => (job.variant.as_str(), String::new()),
    };
    let config = Config {
        origin: server.as_deref(),
        path: &job.path,
        search,
        hash: &hash,
        title: meta.title.as_deref(),
        timeout: timeout.as_millis().try_into().unwrap_or(u64::MAX),
        worker,
        shared_memory: names.iter().any(|name| name.ends_with("common/sab.js")),
        single_test: says(&test, "single_test"),
        idl: names.iter().any(|name| name.ends_with("/idlharness.js")),
        files: (!files.is_empty()).then_some(files),
    };
    let config = serde_json::to_string(&config).map_err(|e| e.to_string())?;
    let of_ours = |name: &str, function: &str| Script(name.into(), format!("{}({config});", function.trim_end()));
    let mut scripts = vec![
        of_ours("wpt:before", BEFORE),
        Script(HARNESS_PATH.into(), read(&root.join(HARNESS_PATH))?),
        of_ours("wpt:harness", HARNESS),
    ];
    scripts.append(&mut loaded);
    let allow_uncaught = says(&test, "allow_uncaught_exception");
    scripts.push(Script(job.path.clone(), test));
    Ok(Bundle { scripts, allow_uncaught, timeout })
}

/// Where the tests' own server is, such as `http://localhost:8800`: what the variable `WPT_SERVER` says.
pub fn server() -> Option<String> {
    std::env::var("WPT_SERVER").ok().filter(|server| !server.is_empty())
}

/// A script of the checkout; the server has those whose names say that it fills them in.
fn source(root: &Path, server: Option<&str>, path: &str) -> Result<String, String> {
    match server {
        Some(server) if path.contains(".sub.") => get(server, path),
        _ => read(&root.join(path)),
    }
}

fn get(server: &str, path: &str) -> Result<String, String> {
    let failed = |e: &dyn std::fmt::Display| format!("{server}/{path}: {e}");
    let host = server.trim_start_matches("http://");
    let mut stream = std::net::TcpStream::connect(host).map_err(|e| failed(&e))?;
    write!(stream, "GET /{path} HTTP/1.0\r\nHost: {host}\r\n\r\n").map_err(|e| failed(&e))?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(|e| failed(&e))?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.contains(" 200 ") => Ok(body.to_owned()),
        _ => Err(failed(&answer.lines().next().unwrap_or("no answer"))),
    }
}

/// How much longer a test may take that says so.
const LONG: u32 = 6;

impl Bundle {
    /// The same as one module for Node and Deno.
    ///
    /// # Errors
    /// None that could be foreseen.
    pub fn for_peers(&self) -> Result<String, String> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Peer {
            allow_uncaught: bool,
        }
        let text = |e: serde_json::Error| e.to_string();
        let config = serde_json::to_string(&Peer { allow_uncaught: self.allow_uncaught }).map_err(text)?;
        let scripts = serde_json::to_string(&self.scripts).map_err(text)?;
        Ok(PEER.replacen("/*CONFIG*/", &config, 1).replacen("/*SCRIPTS*/", &scripts, 1))
    }
}

/// What is written for peers is called so: one flat name per run.
pub fn file_name(id: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' };
    format!("{}.mjs", id.replace('/', "__").chars().map(safe).collect::<String>())
}

/// A path that a test names, relative to the root. The server of the tests knows one file by another name.
fn resolve(test: &str, name: &str) -> String {
    let mut parts: Vec<&str> = match name.strip_prefix('/') {
        Some(_) => Vec::new(),
        None => test.split('/').rev().skip(1).collect::<Vec<_>>().into_iter().rev().collect(),
    };
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    match parts.join("/") {
        path if path == "resources/WebIDLParser.js" => "resources/webidl2/lib/webidl2.js".into(),
        path => path,
    }
}

/// The files that the scripts fetch by a literal address, and the interfaces that they name for `idlharness.js`.
/// A file that is not in the checkout is left for the test to miss.
fn files(root: &Path, test_path: &str, test: &str, loaded: &[Script]) -> BTreeMap<String, String> {
    let sources = || loaded.iter().filter(|s| !s.0.starts_with("resources/")).map(|s| s.1.as_str()).chain([test]);
    let mut files = BTreeMap::new();
    for address in sources().flat_map(|source| calls(source, "fetch")) {
        if let Ok(text) = read(&root.join(resolve(test_path, &address))) {
            files.insert(address, text);
        }
    }
    if says(test, "idl_test") {
        for name in literals(test) {
            let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'));
            let address = format!("/interfaces/{name}.idl");
            if plain && let Ok(text) = read(&root.join(resolve("", &address))) {
                files.insert(address, text);
            }
        }
    }
    files
}

/// Whether a name stands in the source, as a word.
fn says(source: &str, name: &str) -> bool {
    let part_of_name = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    source
        .match_indices(name)
        .any(|(at, _)| !source[..at].ends_with(part_of_name) && !source[at + name.len()..].starts_with(part_of_name))
}

/// The string literals with which a function is called: all of `f("a", "b")`, none of `f(x)`.
fn calls(source: &str, function: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in source.match_indices(function) {
        let before = source[..at].chars().next_back();
        let Some(mut rest) = source[at + function.len()..].trim_start().strip_prefix('(') else { continue };
        if before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | '.')) {
            continue;
        }
        while let Some((text, after)) = literal(rest.trim_start()) {
            found.push(text.to_owned());
            let Some(next) = after.trim_start().strip_prefix(',') else { break };
            rest = next;
        }
    }
    found
}

/// Every simple string literal.
fn literals(source: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = source;
    while let Some(at) = rest.find(['\'', '"']) {
        match literal(&rest[at..]) {
            Some((text, after)) => {
                found.push(text);
                rest = after;
            }
            None => rest = &rest[at + 1..],
        }
    }
    found
}

/// A string literal on one line without escapes, and what follows it.
fn literal(source: &str) -> Option<(&str, &str)> {
    let quote = source.chars().next().filter(|c| matches!(c, '\'' | '"' | '`'))?;
    let (text, after) = source[1..].split_once(quote)?;
    let simple = !text.contains(['\\', '\n']) && (quote != '`' || !text.contains("${"));
    simple.then_some((text, after))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn paths_are_resolved_as_addresses() {
        assert_eq!(resolve("a/b/c.any.js", "../d/e.js"), "a/d/e.js");
        assert_eq!(resolve("a/b/c.any.js", "./e.js"), "a/b/e.js");
        assert_eq!(resolve("a/b/c.any.js", "/common/sab.js"), "common/sab.js");
        assert_eq!(resolve("c.any.js", "../../x.js"), "x.js");
    }

    #[test]
    fn literals_of_calls_are_found() {
        let source = "fetch(\"a.json\").then(); my_fetch('no'); x.fetch('no'); fetch(url); fetch ( 'b' , 'c');";
        assert_eq!(calls(source, "fetch"), ["a.json", "b", "c"]);
        assert_eq!(literals("idl_test(['url'], [\"dom\"], \"it\\'s\")"), ["url", "dom", "s"][..2].to_vec());
        assert!(says("setup({ single_test: true })", "single_test") && !says("a_single_test", "single_test"));
    }

    #[test]
    fn names_for_peers_are_plain() {
        assert_eq!(file_name("url/a.any.js?exclude=(file|x)"), "url__a.any.js_exclude__file_x_.mjs");
    }

    /// A checkout with two tests.
    fn checkout() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in [
            ("resources/testharness.js", "/* the harness */"),
            ("common/sab.js", "/* sab */"),
            ("interfaces/url.idl", "interface URL {};"),
            ("a/data.json", "[1]"),
            ("a/helper.js", "/* helper */"),
            (
                "a/t.any.js",
                "// META: title=T\n// META: script=/common/sab.js\n// META: script=helper.js\n// META: timeout=long\n\
                 'use strict'; fetch('data.json'); setup({ allow_uncaught_exception: true });",
            ),
            ("a/i.any.js", "// META: script=/missing.js"),
            (
                "a/w.worker.js",
                "importScripts('/resources/testharness.js', 'helper.js'); idl_test(['url'], []); done();",
            ),
        ] {
            let at = root.path().join(path);
            fs::create_dir_all(at.parent().unwrap()).unwrap();
            fs::write(at, text).unwrap();
        }
        root
    }

    fn job(path: &str, variant: &str) -> Job {
        Job { path: path.into(), variant: variant.into(), long: false, rule: None }
    }

    #[test]
    fn a_test_is_wrapped_with_all_it_loads() {
        let root = checkout();
        let second = Duration::from_secs(1);
        let bundle = bundle(root.path(), &job("a/t.any.js", "?1-2#x"), second).unwrap();
        let names: Vec<_> = bundle.scripts.iter().map(|s| s.0.as_str()).collect();
        assert_eq!(
            names,
            ["wpt:before", "resources/testharness.js", "wpt:harness", "common/sab.js", "a/helper.js", "a/t.any.js"]
        );
        assert!(bundle.allow_uncaught);
        assert_eq!(bundle.timeout, second * 6);
        let before = &bundle.scripts[0].1;
        for part in [r##""search":"?1-2""##, r##""hash":"#x""##, r#""title":"T""#, r#""data.json":"[1]""#] {
            assert!(before.contains(part), "{part} is not in {before}");
        }
        assert!(before.contains(r#""sharedMemory":true"#) && before.contains(r#""singleTest":false"#));
        // The directive of the test must stay at the head of a script of its own.
        assert!(bundle.scripts[5].1.contains("'use strict'"));

        let peers = bundle.for_peers().unwrap();
        assert!(peers.contains(r#"{"allowUncaught":true}"#) && peers.contains(r#"["a/helper.js","/* helper */"]"#));
        assert!(!peers.contains("/*CONFIG*/") && !peers.contains("/*SCRIPTS*/"));
    }

    #[test]
    fn scripts_of_workers_are_loaded_first() {
        let bundle = bundle(checkout().path(), &job("a/w.worker.js", ""), Duration::from_secs(1)).unwrap();
        assert_eq!(bundle.scripts[3].0, "a/helper.js");
        assert!(bundle.scripts[0].1.contains(r#""/interfaces/url.idl":"interface URL {};""#));
        assert!(bundle.scripts[0].1.contains(r#""worker":true"#));
    }

    #[test]
    fn a_missing_script_is_an_error() {
        let error = bundle(checkout().path(), &job("a/i.any.js", ""), Duration::from_secs(1)).unwrap_err();
        assert!(error.contains("missing.js"), "{error}");
    }
}
