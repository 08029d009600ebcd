//! Runs the program on a small checkout of its own, with a harness that has just what the wrapping uses.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use isolate_wpt::outcome::{Outcome, Status, Trouble};
use isolate_wpt::report::Results;

const HARNESS: &str = r#"
(function (scope) {
  'use strict';
  const callbacks = { start: [], result: [], completion: [] };
  const tests = [];
  let waiting = false, over = false;
  const call = (kind, ...args) => callbacks[kind].forEach((f) => f(...args));
  const end = (status) => {
    if (!over) call('completion', tests, { status, message: null });
    over = true;
  };
  for (const kind in callbacks) scope['add_' + kind + '_callback'] = (f) => callbacks[kind].push(f);
  scope.setup = (properties) => { waiting ||= properties.explicit_done; };
  scope.timeout = () => end(2);
  scope.done = () => {
    waiting = false;
    end(tests.length > 0 ? 0 : 1);
  };
  scope.test = (f, name) => {
    if (tests.length === 0) call('start');
    const test = { name, index: tests.length + 1, status: 0, message: null };
    tests.push(test);
    try {
      f();
    } catch (e) {
      test.status = 1;
      test.message = String(e);
    }
    call('result', test);
  };
})(self);
"#;

/// Runs the tests of these files, and gives the outcomes by file and variant.
fn run(files: &[(&str, &str)], timeout: &str) -> BTreeMap<String, Outcome> {
    let root = tempfile::tempdir().unwrap();
    let put = |path: &str, text: &str| {
        let at = root.path().join(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::write(at, text).unwrap();
    };
    put("resources/testharness.js", HARNESS);
    files.iter().for_each(|(path, text)| put(path, text));
    let json = root.path().join("results.json");
    let output = Command::new(env!("CARGO_BIN_EXE_wpt"))
        .args(["a", "--no-compare", "--timeout", timeout, "--root"])
        .arg(root.path())
        .arg("--json")
        .arg(&json)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("| all "), "{output:?}");
    results(&json).folders.into_values().flat_map(|folder| folder.runs).map(|run| (run.id.clone(), run)).collect()
}

fn results(json: &Path) -> Results {
    serde_json::from_str(&fs::read_to_string(json).unwrap()).unwrap()
}

fn statuses(outcome: &Outcome) -> Vec<(&str, Status)> {
    outcome.subtests.iter().map(|s| (s.name.as_str(), s.status)).collect()
}

#[test]
fn a_test_finds_its_scripts_its_variant_and_its_files() {
    let outcomes = run(
        &[
            ("a/helper.js", "const shared = 7;"),
            ("a/data.json", "[1, \"\u{e9}\"]"),
            (
                "a/t.any.js",
                "// META: script=helper.js\n// META: variant=?x\n// META: variant=?y\n'use strict';\n\
                 test(() => { if (shared !== 7) throw 1; }, 'helper');\n\
                 test(() => { if (location.search !== '?x') throw location.search; }, 'variant');\n\
                 test(() => { if ((function () { return this; })() !== undefined) throw 1; }, 'strict');\n\
                 test(() => { if (GLOBAL.isWindow() || self !== globalThis) throw 1; }, 'scope');",
            ),
            (
                "a/later.any.js",
                "fetch('data.json').then((r) => r.json()).then((v) => setTimeout(() => \
                 test(() => { if (v[1] !== '\\u00e9') throw v; }, 'fetched'), 5));",
            ),
        ],
        "5",
    );
    let passed = |names: &[&'static str]| names.iter().map(|name| (*name, Status::Pass)).collect::<Vec<_>>();
    assert_eq!(statuses(&outcomes["a/t.any.js?x"]), passed(&["helper", "variant", "strict", "scope"]));
    let y = &outcomes["a/t.any.js?y"];
    assert_eq!((y.subtests[1].status, y.subtests[1].message.as_deref()), (Status::Fail, Some("?y")));
    assert_eq!(statuses(&outcomes["a/later.any.js"]), passed(&["fetched"]));
    assert!(outcomes.values().all(|o| o.trouble.is_none()), "{outcomes:?}");
}

#[test]
fn what_goes_wrong_is_told_and_the_results_before_it_are_kept() {
    let outcomes = run(
        &[
            ("a/loop.any.js", "test(() => {}, 'before'); for (;;) {}"),
            ("a/nothing.any.js", ""),
            ("a/throw.any.js", "test(() => {}, 'before'); throw new TypeError('top');"),
            ("a/uncaught.any.js", "Promise.reject(new Error('lost')); test(() => {}, 'a');"),
            ("a/well.any.js", "test(() => {}, 'a\\ud800\\n');"),
        ],
        "0.2",
    );
    let trouble = |id: &str| outcomes[id].trouble.as_ref().map(|(kind, message)| (*kind, message.as_str()));
    assert_eq!(trouble("a/loop.any.js").map(|t| t.0), Some(Trouble::Stopped));
    assert_eq!(statuses(&outcomes["a/loop.any.js"]), [("before", Status::Pass)]);
    assert_eq!(trouble("a/nothing.any.js"), Some((Trouble::Timeout, "no subtest was under way.")));
    assert_eq!(trouble("a/throw.any.js"), Some((Trouble::Error, "a/throw.any.js threw: TypeError: top")));
    assert_eq!(statuses(&outcomes["a/throw.any.js"]), [("before", Status::Pass)]);
    assert_eq!(trouble("a/uncaught.any.js"), Some((Trouble::Error, "uncaught: Error: lost")));
    assert_eq!(trouble("a/well.any.js"), None);
    assert_eq!(statuses(&outcomes["a/well.any.js"]), [("aU+d800\n", Status::Pass)]);
}
