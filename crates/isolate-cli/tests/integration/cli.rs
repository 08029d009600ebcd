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
        for (time, shown) in [("2026-01-01", 1767225600000_u64), ("2026-01-01T00:00:01.5Z", 1767225601500), ("7", 7)] {
            let args = [
                "eval",
                "--clock",
                "auto",
                "--start-time",
                time,
                "--seed",
                "1",
                "setTimeout(() => console.log(Date.now() - 500), 500); [Date.now(), Math.random(), crypto.randomUUID()].join()",
            ];
            let expected = format!("{shown}\n'{shown},0.252702819261012,52917f3a-e957-4523-8d3a-2af57c7b5a71'\n");
            dir.run(&args).is(0, &expected, "");
        }
        for (name, value) in [("--start-time", "tomorrow"), ("--start-time", "2026-13-01"), ("--seed", "-1")] {
            assert_eq!(dir.run(&["eval", name, value, "1"]).0.status.code(), Some(2));
        }
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

/// `isolate serve` on a free port, until it is dropped.
struct Served {
    child: std::process::Child,
    address: String,
    lines: std::io::Lines<std::io::BufReader<std::process::ChildStdout>>,
}

impl Served {
    fn start(dir: &Dir, args: &[&str]) -> Self {
        use std::io::BufRead;
        let mut child = Command::new(env!("CARGO_BIN_EXE_isolate"))
            .args(["serve", "--engine", dir.engine, "--port", "0"])
            .args(args)
            .current_dir(dir.path())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        let address = first.strip_prefix("listening on http://").unwrap_or_else(|| panic!("{first}")).to_owned();
        Self { child, address, lines }
    }

    /// The body of what a path gives, and its status.
    fn get(&self, path: &str) -> (u16, String) {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), body.to_owned())
    }

    /// Interrupts it, as a user does, and gives what it printed and its exit code.
    fn interrupt(mut self) -> (Option<i32>, String, String) {
        use std::io::Read;
        Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        let out = self.lines.by_ref().map_while(Result::ok).collect::<Vec<_>>().join("\n");
        let mut err = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        (self.child.wait().unwrap().code(), out, err)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn serve_answers_until_it_is_interrupted() {
    on_every_engine(|engine| {
        let files = [
            (
                "app.mjs",
                "import { text } from './text.mjs';\nexport default { fetch(r) {\n  console.log(new URL(r.url).pathname);\n  if (r.url.endsWith('/throw')) throw new RangeError('no');\n  return new Response(text); } };",
            ),
            ("text.mjs", "export const text = 'from a module';"),
            ("script.js", "var n = 0; with ({}) serve({ fetch: () => new Response('script ' + ++n) });"),
            (
                "hang.js",
                "serve({ fetch(r) { if (r.url.endsWith('/hang')) for (;;) {} return new Response('fine'); } });",
            ),
            ("nothing.js", "1 + 1"),
            ("broken.js", "serve({ fetch("),
        ];
        let dir = Dir::new(engine, &files);
        let served = Served::start(&dir, &["app.mjs"]);
        assert_eq!(served.get("/a"), (200, "from a module".to_owned()));
        assert_eq!(served.get("/throw"), (500, "Internal Server Error\n".to_owned()));
        let (code, out, err) = served.interrupt();
        assert_eq!((code, out.as_str()), (Some(0), "/a\n/throw"));
        let place = err.strip_prefix("isolate: the guest's handler failed: RangeError: no\n    at ");
        assert!(place.is_some_and(|place| place.contains("fetch (app.mjs:4:")), "{err}");
        let served = Served::start(&dir, &["script.js"]);
        assert_eq!((served.get("/").1, served.get("/").1), ("script 1".to_owned(), "script 2".to_owned()));
        drop(served);
        // A guest that a limit stops is started again.
        let served = Served::start(&dir, &["hang.js", "--timeout", "200ms"]);
        assert_eq!(served.get("/hang").0, 503);
        let again = (0..100).find(|_| {
            std::thread::sleep(std::time::Duration::from_millis(50));
            served.get("/").0 == 200
        });
        assert!(again.is_some(), "it was not started again");
        let (code, _, err) = served.interrupt();
        assert!(code == Some(0) && err.contains("it is started again"), "{err}");
        let run = |args: &[&str]| dir.run(&[&["serve", "--engine", engine], args].concat());
        let nothing = "isolate: nothing.js serves nothing: it is to call serve({ fetch }) or to have `export default { fetch }`\n";
        run(&["nothing.js"]).is(2, "", nothing);
        let broken = run(&["broken.js"]);
        assert!(broken.0.status.code() == Some(1) && broken.err().contains("SyntaxError"), "{}", broken.err());
        assert_eq!(run(&["app.mjs", "--host", "192.0.2.1"]).0.status.code(), Some(2));
    });
}

#[test]
fn the_network_is_granted_by_host() {
    on_every_engine(|engine| {
        let dir =
            Dir::new(engine, &[("app.js", "serve({ fetch: async (r) => new Response('got ' + await r.text()) });")]);
        let served = Served::start(&dir, &["app.js"]);
        let code =
            format!("fetch('http://{}/', {{ method: 'POST', body: 'this' }}).then((r) => r.text())", served.address);
        let eval = |grants: &[&str]| dir.run(&[&["eval", &code], grants].concat());
        eval(&["--allow-net", &served.address]).is(0, "'got this'\n", "");
        eval(&["--allow-net", "127.0.0.1"]).is(0, "'got this'\n", "");
        eval(&["--allow-net", "*", "--allow-address", "127.0.0.0/8"]).is(0, "'got this'\n", "");
        for (grants, why) in [
            (&[][..], "the host has not granted network access (there is no fetch handler)".to_owned()),
            (&["--allow-net", "example.com"], format!("the host does not allow {}", served.address)),
            (&["--allow-net", "127.0.0.1:1"], format!("the host does not allow {}", served.address)),
            (&["--allow-net", "*"], "the address of 127.0.0.1 is not public".to_owned()),
        ] {
            let ran = eval(grants);
            assert!(
                ran.0.status.code() == Some(1) && ran.err().contains(&format!("TypeError: fetch failed: {why}")),
                "{}",
                ran.err()
            );
        }
        assert_eq!(eval(&["--allow-net", "a b"]).0.status.code(), Some(2));
    });
}

#[test]
fn directories_are_granted() {
    on_every_engine(|engine| {
        let dir = Dir::new(engine, &[("data/in.txt", "hello"), ("out/old.txt", "12345"), ("secret.txt", "no")]);
        let code = "const read = async (d, n) => (await (await d.getFileHandle(n)).getFile()).text();
            const why = (promise) => promise.then(() => 'done', (e) => e.name);
            const data = await getDirectory('/data'), out = await getDirectory('/a/out');
            const put = async (d, n, text) => {
                const stream = await (await d.getFileHandle(n, { create: true })).createWritable();
                await stream.write(text);
                await stream.close();
            };
            await put(out, 'new.txt', (await read(data, 'in.txt')).toUpperCase());
            [await why(put(data, 'x', 'x')), await why(put(out, 'large', 'x'.repeat(2000))), await why(read(data, '..')),
                await why(getDirectory('/secret.txt')), await why(getDirectory('/a'))].join(' ')";
        let ran = dir.run(&["eval", "--dir", "/data=./data:ro", "--dir", "/a/out=out", "--dir-quota", "1K", code]);
        ran.is(0, "'NotAllowedError QuotaExceededError TypeError NotFoundError done'\n", "");
        assert_eq!(std::fs::read_to_string(dir.path().join("out/new.txt")).unwrap(), "HELLO");
        assert_eq!(std::fs::read_dir(dir.path().join("data")).unwrap().count(), 1);

        let ran = dir.run(&["eval", "await navigator.storage.getDirectory().catch(e => e.message)"]);
        ran.is(0, "'The host has not granted any files.'\n", "");
        for (args, message) in [
            (["--dir", "data"], "'data' is not GUEST=HOST; write for example /data=./data"),
            (["--dir", "data=data"], "'data' is not a path of the guest; write for example /data or /"),
            (["--dir", "/x=missing"], "isolate: --dir /x=missing: No such file or directory"),
            (["--dir", "/x=secret.txt"], "isolate: --dir /x=secret.txt: Not a directory"),
            (["--dir-quota", "1M"], "--dir <GUEST=HOST[:ro]>"),
        ] {
            let ran = dir.run(&["eval", args[0], args[1], "1"]);
            assert_eq!(ran.0.status.code(), Some(2), "{args:?}");
            assert!(ran.err().contains(message), "{args:?}: {}", ran.err());
        }
        let ran = dir.run(&["eval", "--dir", "/x=data", "--dir", "/x=out", "1"]);
        assert!(ran.err().contains("--dir /x=out: '/x' is given twice."), "{}", ran.err());
    });
}

#[test]
fn modules_of_all_sorts() {
    on_every_engine(|engine| {
        let dir = Dir::new(
            engine,
            &[
                (
                    "app/src/main.mjs",
                    "import data from '../data.json' with { type: 'json' };
                     import text from './note.txt' with { type: 'text' };
                     import bytes from './note.txt' with { type: 'bytes' };
                     import pkg, { deep } from 'pkg';
                     import { sub } from '#lib/sub.mjs';
                     import './main.mjs';
                     console.log(data.a, text, bytes, pkg, deep, sub, import.meta.main, import.meta.url, import.meta.resolve('pkg'));
                     globalThis.times = (globalThis.times ?? 0) + 1;
                     if (times > 1) throw new Error('twice');",
                ),
                ("app/src/note.txt", "hi"),
                ("app/data.json", "{ \"a\": 1 }"),
                ("app/lib/sub.mjs", "export const sub = import.meta.url"),
                ("app/node_modules/pkg/package.json", "{ \"exports\": { \"import\": \"./index.mjs\" } }"),
                ("app/node_modules/pkg/index.mjs", "export { default as deep } from 'dep'; export default 'pkg'"),
                ("app/node_modules/pkg/node_modules/dep/package.json", "{ \"main\": \"dep.js\" }"),
                ("app/node_modules/pkg/node_modules/dep/dep.js", "export default 'dep'"),
                ("map.json", "{ \"imports\": { \"#lib/\": \"/lib/\" } }"),
                ("throws.mjs", "import './app/lib/throws.mjs'"),
                ("app/lib/throws.mjs", "\n  null.x"),
            ],
        );
        let args = ["run", "--root", "app", "--import-map", "map.json", "app/src/main.mjs"];
        dir.run(&args).is(
            0,
            "1 hi Uint8Array(2) [ 104, 105 ] pkg dep file:///app/lib/sub.mjs true file:///app/src/main.mjs \
             file:///app/node_modules/pkg/index.mjs\n",
            "",
        );
        // Without a root there is nothing above the file's own directory.
        let ran = dir.run(&["run", "--import-map", "map.json", "app/src/main.mjs"]);
        assert_eq!(ran.0.status.code(), Some(1));
        assert!(
            ran.err().contains("'../data.json' from app/src/main.mjs: it is outside of what may be imported"),
            "{}",
            ran.err()
        );
        // Names are those that the user knows.
        let ran = dir.run(&["run", "throws.mjs"]);
        assert!(ran.err().contains("app/lib/throws.mjs:2"), "{}", ran.err());
        let ran = dir.run(&["eval", "--root", ".", "(await import('./app/lib/sub.mjs')).sub"]);
        ran.is(0, "'file:///app/lib/sub.mjs'\n", "");
        for (args, message) in [
            (["run", "--root", "app/src", "map.json"], "isolate: map.json is not below app/src"),
            (["run", "--root", "none", "map.json"], "isolate: cannot read none/: "),
            (["run", "--import-map", "none", "map.json"], "isolate: cannot read none: "),
            (["run", "--import-map", "throws.mjs", "map.json"], "isolate: the import map: "),
        ] {
            let ran = dir.run(&args);
            assert_eq!(ran.0.status.code(), Some(2), "{args:?}");
            assert!(ran.err().starts_with(message), "{args:?}: {}", ran.err());
        }
    });
}

#[test]
fn typescript_runs_with_its_types_stripped() {
    on_every_engine(|engine| {
        let dir = Dir::new(
            engine,
            &[
                (
                    "main.ts",
                    "import { type T, twice } from './lib/twice.mts';\nimport plain from './plain.mjs';\nconst n: T = 2;\nconsole.log(twice(n), plain, import.meta.main);\nexport {};",
                ),
                ("lib/twice.mts", "export type T = number;\nexport const twice = (n: T): T => n * 2;"),
                ("plain.mjs", "export { twice as default } from './lib/twice.mts'"),
                (
                    "throws.ts",
                    "interface I {\n  a: 1;\n}\nfunction f(n: number): never {\n  throw new Error(`n is ${n}`);\n}\nf(1 as number);\n",
                ),
                (
                    "more.ts",
                    "namespace N {\n  export const a = 1;\n}\nexport enum E { A = 1, B = N.a + 1 }\nclass P {\n  constructor(readonly x: E) {}\n}\nconsole.log(new P(E.B).x, E[1]);\nthrow new Error('line 9');\n",
                ),
                ("assigns.ts", "type T = 1;\n\texport = 1;\n"),
                ("imports.mjs", "console.log('never');\nimport './assigns.ts';"),
                (
                    "dynamic.mjs",
                    "await import('./assigns.ts').catch((e) => console.log(e.name)); throw new SyntaxError('mine')",
                ),
                ("syntax.ts", "let a: number = ;\n"),
                ("deep.ts", &format!("x = {}", "(".repeat(100_000))),
                ("page.tsx", "export default 1"),
                ("imports-page.mjs", "import './page.tsx'"),
            ],
        );
        dir.run(&["run", "main.ts"]).is(0, "4 [Function: twice] true\n", "");
        dir.run(&["run", "plain.mjs", "main.ts"]).is(0, "4 [Function: twice] true\n", "");
        let ran = dir.run(&["run", "throws.ts"]);
        assert!(ran.err().starts_with("throws.ts:5\n  throw new Error(`n is ${n}`);\n"), "{}", ran.err());
        assert!(ran.err().contains("\nError: n is 1\n    at f (throws.ts:5:"), "{}", ran.err());
        assert!(ran.err().contains("throws.ts:7:"), "{}", ran.err());
        let ran = dir.run(&["run", "more.ts"]);
        assert_eq!((ran.0.status.code(), ran.out()), (Some(1), "2 A\n"));
        assert!(ran.err().starts_with("more.ts:9\nthrow new Error('line 9');\n"), "{}", ran.err());
        let shown = "assigns.ts:2\n\texport = 1;\n\t^\n\nSyntaxError: ";
        for file in ["assigns.ts", "imports.mjs"] {
            let ran = dir.run(&["run", file]);
            assert_eq!((ran.0.status.code(), ran.out()), (Some(1), ""));
            assert!(ran.err().starts_with(shown) && ran.err().contains("Export assignment"), "{}", ran.err());
        }
        let ran = dir.run(&["run", "dynamic.mjs"]);
        assert!(ran.out() == "SyntaxError\n" && ran.err().contains("SyntaxError: mine"), "{}", ran.err());
        let ran = dir.run(&["run", "syntax.ts"]);
        assert!(
            ran.err().starts_with("syntax.ts:1\nlet a: number = ;\n                ^\n\nSyntaxError: "),
            "{}",
            ran.err()
        );
        let ran = dir.run(&["run", "--json", "syntax.ts"]);
        assert!(ran.err().contains(r#""name":"SyntaxError""#) && ran.err().contains(r#""line":1"#), "{}", ran.err());
        let ran = dir.run(&["run", "deep.ts"]);
        assert_eq!(ran.0.status.code(), Some(1));
        assert!(ran.err().contains("nested too deeply"), "{}", ran.err());
        let ran = dir.run(&["run", "imports-page.mjs"]);
        assert!(ran.err().contains("there is no JSX"), "{}", ran.err());
        let ran = dir.run(&["run", "page.tsx"]);
        assert!(ran.err().contains("there is no JSX"), "{}", ran.err());
    });
}
