//! `isolate test`, as a user runs it.

use std::process::Command;

struct Ran {
    code: i32,
    out: String,
    err: String,
}

fn run(engine: &str, files: &[(&str, &str)], args: &[&str]) -> (Ran, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let output = Command::new(env!("CARGO_BIN_EXE_isolate"))
        .args(["test", "--engine", engine])
        .args(args)
        .current_dir(dir.path())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (Ran { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }, dir)
}

fn on_every_engine(test: impl Fn(&str)) {
    for engine in isolate_runtime::engines() {
        println!("on {}:", engine.name());
        test(engine.name());
    }
}

const GOOD: &str = "test('fine', () => { expect(1).toBe(1); });";
const BAD: &str = "describe('a', () => {\n  test('wrong', () => {\n    expect(1 + 1).toBe(3);\n  });\n  test('right', () => {});\n});";

#[test]
fn directories_are_searched_and_failures_shown_with_their_place() {
    on_every_engine(|engine| {
        let files = [
            ("a/one.test.js", GOOD),
            (
                "a/two.spec.mjs",
                "import { test, expect } from 'vitest'; import { n } from './n.mjs'; test('n', () => expect(n).toBe(2));",
            ),
            ("a/n.mjs", "export const n = 2;"),
            ("a/three.test.ts", "const n: number = 1;\ntest('typed', () => { expect(n as number).toBe(1); });"),
            ("node_modules/x/x.test.js", BAD),
            (".hidden/x.test.js", BAD),
            ("bad.test.js", BAD),
            ("other.js", "throw 1"),
        ];
        let (ran, _dir) = run(engine, &files, &[]);
        assert_eq!(
            ran.out,
            "a/one.test.js\n  ✓ fine\na/three.test.ts\n  ✓ typed\na/two.spec.mjs\n  ✓ n\nbad.test.js\n  a\n    ✗ wrong\n    ✓ right\n\
             \n✗ bad.test.js > a > wrong\nAssertionError: expected 2 to be 3\n\n- Expected\n+ Received\n\n- 3\n+ 2\n\
             \nbad.test.js:3:19\n    expect(1 + 1).toBe(3);\n                  ^\n\
             \nFiles  1 failed, 3 passed (4)\nTests  1 failed, 4 passed (5)\n"
        );
        assert_eq!(ran.code, 1);
        assert!(ran.err.starts_with("Time "), "{}", ran.err);
    });
}

#[test]
fn exit_codes_tell_what_happened() {
    on_every_engine(|engine| {
        let code = |files: &[(&str, &str)], args: &[&str]| run(engine, files, args).0.code;
        assert_eq!(code(&[("a.test.js", GOOD)], &[]), 0);
        assert_eq!(code(&[("a.test.js", "1")], &["a.test.js"]), 1, "no test");
        assert_eq!(code(&[("a.js", GOOD)], &[]), 2, "no file");
        assert_eq!(code(&[("a.test.js", GOOD)], &["b.test.js"]), 2, "not there");
        assert_eq!(code(&[("a.test.js", GOOD)], &["--filter", "("]), 2);
        assert_eq!(code(&[("a.test.js", "test('x', () => { for (;;) ; })")], &["--timeout", "1s"]), 3);
        assert_eq!(
            code(
                &[("a.test.js", "const a = []; test('x', () => { for (;;) a.push(new Array(1e5).fill(1)); })")],
                &["--memory", "32M"]
            ),
            3
        );
        assert_eq!(code(&[("a.test.js", "syntax error")], &[]), 1);
        assert_eq!(code(&[("a.test.ts", "const a = 1; export = a;")], &[]), 1);
        assert_eq!(code(&[("a.test.ts", "enum A { b }\ntest('x', () => expect(A[A.b]).toBe('b'))")], &[]), 0);
        assert_eq!(code(&[("a.test.js", "test('x', () => { Promise.reject(new Error('lost')); })")], &[]), 1);
        assert_eq!(
            code(&[("a.test.js", "test('x', () => fetch('http://localhost:1/'))")], &[]),
            1,
            "nothing is granted"
        );
    });
}

#[test]
fn tests_are_filtered_and_the_rest_left_after_a_failure() {
    on_every_engine(|engine| {
        let (ran, _dir) = run(engine, &[("a.test.js", BAD)], &["-t", "^a right$"]);
        assert_eq!(ran.code, 0);
        assert!(ran.out.ends_with("Tests  1 passed, 1 skipped (2)\n"), "{}", ran.out);
        let (ran, _dir) = run(engine, &[("a.test.js", BAD), ("b.test.js", GOOD)], &["--bail"]);
        assert_eq!(ran.code, 1);
        assert!(ran.out.ends_with("Files  1 failed, 1 not run (2)\nTests  1 failed, 1 skipped (2)\n"), "{}", ran.out);
        let (ran, _dir) = run(
            engine,
            &[("a.test.js", "test('x', () => new Promise((r) => setTimeout(r, 60000)))")],
            &["--test-timeout", "50ms"],
        );
        assert!(ran.out.contains("has not ended within 50ms"), "{}", ran.out);
    });
}

#[test]
fn results_are_written_for_programs() {
    on_every_engine(|engine| {
        let odd = "test('<a> & \"b\" \\u0001', () => { expect('<x>').toBe('&'); }); test.skip('s', () => {});";
        let (ran, dir) = run(engine, &[("a.test.js", odd)], &["--json", "--junit", "out.xml"]);
        assert_eq!(ran.code, 1);
        let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!((&json["ok"], &json["failed"], &json["skipped"]), (&false.into(), &1.into(), &1.into()));
        let failure = &json["files"][0]["tests"][0]["failures"][0];
        assert_eq!(failure["message"], "expected \"<x>\" to be \"&\"");
        assert_eq!((&failure["file"], &failure["line"]), (&"a.test.js".into(), &1.into()));
        let xml = std::fs::read_to_string(dir.path().join("out.xml")).unwrap();
        assert!(
            xml.contains("<testsuite name=\"a.test.js\" tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"1\""),
            "{xml}"
        );
        assert!(xml.contains("name=\"&lt;a&gt; &amp; &quot;b&quot; \u{fffd}\""), "{xml}");
        assert!(
            xml.contains(
                "<failure message=\"expected &quot;&lt;x&gt;&quot; to be &quot;&amp;&quot;\" type=\"AssertionError\">"
            ),
            "{xml}"
        );
    });
}

#[test]
fn what_tests_print_and_limits_of_the_command_hold() {
    on_every_engine(|engine| {
        let source = "console.log('printed'); test('dir', async () => {
            const root = await navigator.storage.getDirectory();
            const file = await root.getFileHandle('x.txt');
            expect(await (await file.getFile()).text()).toBe('hello');
        });";
        let (ran, _dir) = run(engine, &[("a.test.js", source), ("data/x.txt", "hello")], &["--dir", "/=data"]);
        assert_eq!(
            (ran.code, &*ran.out),
            (0, "a.test.js\nprinted\n  ✓ dir\n\nFiles  1 passed (1)\nTests  1 passed (1)\n")
        );
        let clock = "test('a day', async () => { const t = performance.now(); await new Promise((r) => setTimeout(r, 864e5)); expect(performance.now() - t).toBeGreaterThanOrEqual(864e5); });";
        assert_eq!(run(engine, &[("a.test.js", clock)], &["--clock", "auto"]).0.code, 0);
    });
}

#[test]
fn snapshots_are_written_into_the_file() {
    on_every_engine(|engine| {
        let before = "\u{feff}enum E { X }
describe('s', () => {
  test('values', async () => {
    expect([1, 'a`${\\\\']).toMatchInlineSnapshot();
    expect(1).toMatchInlineSnapshot(\"2\"); expect(E.X as number)
      .toMatchInlineSnapshot();
    await expect(Promise.reject(new Error('no'))).rejects.toThrowErrorMatchingInlineSnapshot(`old`, 'hint');
    expect('right').toMatchInlineSnapshot(`\"right\"`);
  });
});
";
        let after = "\u{feff}enum E { X }
describe('s', () => {
  test('values', async () => {
    expect([1, 'a`${\\\\']).toMatchInlineSnapshot(`
      [
        1,
        \"a\\`\\${\\\\\",
      ]
    `);
    expect(1).toMatchInlineSnapshot(`1`); expect(E.X as number)
      .toMatchInlineSnapshot(`0`);
    await expect(Promise.reject(new Error('no'))).rejects.toThrowErrorMatchingInlineSnapshot(`[Error: no]`, 'hint');
    expect('right').toMatchInlineSnapshot(`\"right\"`);
  });
});
";
        let (ran, dir) = run(engine, &[("a.test.ts", before)], &["-u"]);
        assert_eq!(
            (ran.code, ran.out.as_str()),
            (0, "a.test.ts\n  s\n    ✓ values\n\nFiles  1 passed (1)\nTests  1 passed (1)\nSnapshots  4 written (4)\n")
        );
        assert_eq!(std::fs::read_to_string(dir.path().join("a.test.ts")).unwrap(), after);
        // They hold, and without the option nothing is written.
        let (ran, dir) = run(engine, &[("a.test.ts", after), ("b.test.ts", before)], &[]);
        assert_eq!(ran.code, 1);
        assert!(ran.out.ends_with("Files  1 failed, 1 passed (2)\nTests  1 failed, 1 passed (2)\n"), "{}", ran.out);
        assert_eq!(std::fs::read_to_string(dir.path().join("b.test.ts")).unwrap(), before);
    });
}

#[test]
fn snapshots_that_cannot_be_written_are_failures() {
    on_every_engine(|engine| {
        let test = "import { check } from './other.mjs';
for (const n of [1, 2]) test('t' + n, () => expect(n).toMatchInlineSnapshot());
test('x', () => expect(1).toMatchInlineSnapshot(String(2)));
test('y', () => check(1));
test('z', () => expect(3).not.toMatchInlineSnapshot('4'));
";
        let other = "export const check = (v) => expect(v).toMatchInlineSnapshot();\n";
        let (ran, dir) = run(engine, &[("a.test.js", test), ("other.mjs", other)], &["--update"]);
        assert_eq!(ran.code, 1);
        for problem in [
            "a.test.js:2: toMatchInlineSnapshot was not written: it is reached more than once, with different values",
            "a.test.js:3: toMatchInlineSnapshot was not written: its snapshot is not a plain literal",
            "other.mjs:1: toMatchInlineSnapshot was not written: it is not in the file of the test",
        ] {
            assert!(ran.out.contains(problem), "{}", ran.out);
        }
        assert!(!ran.out.contains("written ("), "{}", ran.out);
        for (file, text) in [("a.test.js", test), ("other.mjs", other)] {
            assert_eq!(std::fs::read_to_string(dir.path().join(file)).unwrap(), text);
        }
    });
}
