//! The command, as a user runs it.

use std::path::Path;
use std::process::{Command, Output};

/// Runs a test on every engine that is compiled in.
fn on_every_engine(test: impl Fn(&'static str)) {
    for engine in isolate_runtime::engines() {
        println!("on {}:", engine.name());
        test(engine.name());
    }
}

struct Dir {
    dir: tempfile::TempDir,
    engine: &'static str,
}

impl Dir {
    fn new(engine: &'static str, files: &[(&str, &str)]) -> Self {
        let dir = Self { dir: tempfile::tempdir().unwrap(), engine };
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        dir
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Runs the command. What it runs, runs on the engine of the test.
    fn run(&self, args: &[&str]) -> Ran {
        let mut args = args.to_vec();
        if let Some("run" | "eval") = args.first().copied() {
            args.splice(1..1, ["--engine", self.engine]);
        }
        Ran(Command::new(env!("CARGO_BIN_EXE_isolate")).args(args).current_dir(self.path()).output().unwrap())
    }
}

struct Ran(Output);

impl Ran {
    fn out(&self) -> &str {
        std::str::from_utf8(&self.0.stdout).unwrap()
    }

    fn err(&self) -> &str {
        std::str::from_utf8(&self.0.stderr).unwrap()
    }

    #[track_caller]
    fn is(&self, code: i32, out: &str, err: &str) {
        assert_eq!((self.0.status.code(), self.out(), self.err()), (Some(code), out, err));
    }
}

#[test]
fn files_run_in_order_in_one_context() {
    on_every_engine(|engine| {
        let dir = Dir::new(
            engine,
            &[
                ("a.js", "var shared = 'a'; let scoped = 1; console.log(typeof module, this === globalThis)"),
                ("b.js", "\u{feff}#!x\n"),
                (
                    "c.js",
                    "console.log(shared, scoped); with ({ sloppy: true }) console.log(sloppy); setTimeout(() => console.log('timer'), 300)",
                ),
                (
                    "d.mjs",
                    "console.log(this, shared); await new Promise(r => setTimeout(r, 1)); console.log('awaited')",
                ),
                ("e.js", "export const x = 1; console.log('module', await 5)"),
                (
                    "f.js",
                    "console.error('to stderr'); Promise.resolve().then(() => console.log('micro')); console.log('sync')",
                ),
            ],
        );
        let ran = dir.run(&["run", "a.js", "b.js", "c.js", "d.mjs", "e.js", "f.js"]);
        ran.is(0, "undefined true\na 1\ntrue\nundefined a\nawaited\nmodule 5\nsync\nmicro\ntimer\n", "to stderr\n");
    });
}

#[test]
fn uncaught_errors_print_their_place_and_stack() {
    on_every_engine(|engine| {
        let dir = Dir::new(
            engine,
            &[
                ("a.js", "function f() {\n\tthrow new TypeError('bad');\n}\nconsole.log('before');\nf();\n"),
                ("syntax.js", "let a = 1;\nlet b = ;\n"),
                (
                    "timer.js",
                    "setTimeout(() => { throw new RangeError('late') }, 1); setTimeout(() => console.log('never'), 50)",
                ),
                ("reject.js", "Promise.reject(new Error('lost')); setTimeout(() => console.log('never'), 50)"),
                ("value.js", "throw { code: 5 }"),
                ("cause.js", "throw new Error('outer', { cause: new TypeError('inner') })"),
                ("stuck.mjs", "await new Promise(() => {})"),
            ],
        );
        let ran = dir.run(&["run", "a.js", "a.js"]);
        assert_eq!(ran.0.status.code(), Some(1));
        assert_eq!(ran.out(), "before\n");
        let lines: Vec<_> = ran.err().lines().collect();
        assert_eq!(lines[..2], ["a.js:2", "\tthrow new TypeError('bad');"], "{}", ran.err());
        assert!(lines[4] == "TypeError: bad" && lines[5].starts_with("    at f (a.js:2:"), "{}", ran.err());
        assert!(lines[6].contains("a.js:5:"), "{}", ran.err());
        for (file, text) in [
            ("syntax.js", "syntax.js:2\nlet b = ;\n"),
            ("timer.js", "RangeError: late\n"),
            ("reject.js", "Error: lost\n"),
            ("value.js", "Uncaught { code: 5 }\n"),
            ("cause.js", "[cause]: TypeError: inner"),
            ("stuck.mjs", "never settle"),
        ] {
            let ran = dir.run(&["run", file]);
            assert_eq!((ran.0.status.code(), ran.out()), (Some(1), ""), "{file}: {}", ran.err());
            assert!(ran.err().contains(text), "{file}: {}", ran.err());
        }
    });
}

#[test]
fn limits_end_a_run_with_3_and_name_their_flag() {
    on_every_engine(|engine| {
        let dir = Dir::new(
            engine,
            &[
                ("loop.js", "console.log('start'); try { for (;;) {} } catch {} finally { console.log('never') }"),
                ("timer.js", "setInterval(() => {}, 1)"),
                ("hog.js", "const a = []; for (;;) a.push({})"),
                ("wait.mjs", "setInterval(() => {}, 1e6); await new Promise(() => {})"),
            ],
        );
        let time = "isolate: stopped: the time limit of 200ms passed (--timeout sets it)\n";
        dir.run(&["run", "--timeout", "200ms", "loop.js"]).is(3, "start\n", time);
        dir.run(&["run", "--timeout", "200ms", "timer.js"]).is(3, "", time);
        dir.run(&["run", "--timeout", "200ms", "wait.mjs"]).is(3, "", time);
        dir.run(&["run", "--memory", "16M", "hog.js"]).is(
            3,
            "",
            "isolate: stopped: the memory limit of 16 MiB was reached (--memory sets it)\n",
        );
        dir.run(&["eval", "--cpu-time", "50ms", "for (;;) {}"]).is(
            3,
            "",
            "isolate: stopped: the processor time limit of 50ms was used up (--cpu-time sets it)\n",
        );
        assert_eq!(dir.run(&["run", "--timeout", "none", "--memory", "none", "/dev/null"]).0.status.code(), Some(0));
    });
}

#[test]
fn eval_prints_as_a_read_eval_print_loop() {
    on_every_engine(|engine| {
        let dir = Dir::new(engine, &[]);
        for (code, out) in [
            ("1 + 1", "2\n"),
            ("'text'", "'text'\n"),
            ("({ a: [1, 'b'], m: new Map([[1, 2]]) })", "{ a: [ 1, 'b' ], m: Map(1) { 1 => 2 } }\n"),
            ("undefined", "undefined\n"),
            ("await Promise.resolve(7)", "7\n"),
            ("Promise.resolve({ x: 1 })", "{ x: 1 }\n"),
            ("let x = 5; x", "5\n"),
            ("function f() {}; f", "[Function: f]\n"),
            ("console.log('logged'); 3", "logged\n3\n"),
            ("setTimeout(() => console.log('after'), 5); 'now'", "'now'\nafter\n"),
            ("Symbol('s')", "Symbol(s)\n"),
        ] {
            dir.run(&["eval", code]).is(0, out, "");
        }
        let ran = dir.run(&["eval", "null.x"]);
        assert_eq!((ran.0.status.code(), ran.out()), (Some(1), ""));
        assert!(ran.err().starts_with("[eval]:1\nnull.x\n"), "{}", ran.err());
        dir.run(&["eval", "--clock", "auto", "await new Promise(r => setTimeout(r, 1e9, 'jumped'))"]).is(
            0,
            "'jumped'\n",
            "",
        );
        assert_eq!(
            dir.run(&["eval", "--clock", "virtual", "await new Promise(r => setTimeout(r, 1))"]).0.status.code(),
            Some(1)
        );
    });
}

#[test]
fn json_output() {
    on_every_engine(|engine| {
        let dir = Dir::new(engine, &[]);
        dir.run(&["eval", "--json", "({ a: [1, null], b: 'x' })"]).is(
            0,
            "{\"value\":{\"a\":[1,null],\"b\":\"x\"}}\n",
            "",
        );
        dir.run(&["eval", "--json", "new URL('http://a/b')"]).is(0, "{\"value\":\"http://a/b\"}\n", "");
        let ran = dir.run(&["eval", "--json", "throw new TypeError('bad')"]);
        assert_eq!(ran.0.status.code(), Some(1));
        assert!(ran.err().starts_with("{\"error\":{") && ran.err().contains("\"name\":\"TypeError\""), "{}", ran.err());
        let ran = dir.run(&["eval", "--json", "--timeout", "50ms", "for (;;) {}"]);
        assert_eq!(ran.0.status.code(), Some(3));
        assert!(ran.err().contains("\"limit\":\"deadline\""), "{}", ran.err());
    });
}

#[test]
fn usage_errors_exit_with_2() {
    on_every_engine(|engine| {
        let dir = Dir::new(engine, &[]);
        for args in [
            &["run"][..],
            &["run", "--memory", "lots", "x.js"],
            &["run", "--timeout", "5", "x.js"],
            &["run", "missing.js"],
            &["nonsense"],
            &[],
        ] {
            assert_eq!(dir.run(args).0.status.code(), Some(2), "{args:?}");
        }
        assert_eq!(dir.run(&["--help"]).0.status.code(), Some(0));
    });
}

#[test]
fn modules_import_files_below_their_directory_and_nothing_else() {
    on_every_engine(|engine| {
        let dir = Dir::new(engine, &[
        ("app/main.mjs", "import { a } from './lib/a.mjs'; import b from './lib/../b.mjs'; console.log(a, b);
            for (const s of ['../secret.mjs', './link.mjs', 'fs', '/etc/passwd', './missing.mjs', './lib/../../secret.mjs'])
                await import(s).then(() => console.log('LEAK', s), e => console.log(e.name, s));"),
        ("app/lib/a.mjs", "import b from '../b.mjs'; export const a = 'a' + b;"),
        ("app/b.mjs", "export default 'b';"),
        ("secret.mjs", "export default 'secret';"),
    ]);
        std::os::unix::fs::symlink("../secret.mjs", dir.path().join("app/link.mjs")).unwrap();
        dir.run(&["run", "app/main.mjs"]).is(
            0,
            "ab b\nTypeError ../secret.mjs\nTypeError ./link.mjs\nTypeError fs\nTypeError /etc/passwd\n\
         TypeError ./missing.mjs\nTypeError ./lib/../../secret.mjs\n",
            "",
        );
    });
}

#[test]
fn the_engine_is_chosen_by_its_name() {
    let run = |args: &[&str]| Ran(Command::new(env!("CARGO_BIN_EXE_isolate")).args(args).output().unwrap());
    run(&["eval", "1"]).is(0, "1\n", "");
    let ran = run(&["eval", "--engine", "spidermonkey", "1"]);
    assert_eq!((ran.0.status.code(), ran.out()), (Some(2), ""));
    assert!(ran.err().starts_with("isolate: there is no engine 'spidermonkey' (compiled in: quickjs"), "{}", ran.err());
    if !cfg!(feature = "v8") {
        let error =
            "isolate: the engine 'v8' is not compiled in (compiled in: quickjs); the Cargo feature `v8` adds it\n";
        run(&["eval", "--engine", "v8", "1"]).is(2, "", error);
    }
}
