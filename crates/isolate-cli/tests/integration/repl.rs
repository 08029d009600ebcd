//! The read-eval-print loop, from a pipe and on a terminal.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Runs a test on every engine that is compiled in.
fn on_every_engine(test: impl Fn(&'static str)) {
    for engine in isolate_runtime::engines() {
        println!("on {}:", engine.name());
        test(engine.name());
    }
}

struct Ran(Output);

impl Ran {
    fn code(&self) -> Option<i32> {
        self.0.status.code()
    }

    fn out(&self) -> String {
        String::from_utf8_lossy(&self.0.stdout).into_owned()
    }

    fn err(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }
}

fn piped_in(directory: &Path, engine: &str, args: &[&str], lines: &str) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_isolate"))
        .args(["repl", "--engine", engine])
        .args(args)
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that ends early reads no more.
    let _ = child.stdin.take().unwrap().write_all(lines.as_bytes());
    Ran(child.wait_with_output().unwrap())
}

fn piped(engine: &str, args: &[&str], lines: &str) -> Ran {
    let directory = tempfile::tempdir().unwrap();
    piped_in(directory.path(), engine, args, lines)
}

#[test]
fn inputs_share_a_context_and_declare_again() {
    on_every_engine(|engine| {
        let ran = piped(
            engine,
            &[],
            "let a = 1\nconst b = a + 1, { c } = { c: 3 }\n[a, b, c]\nlet a = 'again'; const b = 5\na + b\n\
             class A {\n  m() { return 1 }\n}\nclass A { m() { return 2 } } new A().m()\n\
             const later = await new Promise((done) => setTimeout(done, 5, 'later'))\nlater\n\
             Promise.resolve(1)\n{ x: 1 }\n{ let y = 2; y }\n`a\n${1 +\n1}`\n(() => {\n// {\nreturn 'done'\n})()\n1 +\n2\n1 + 1",
        );
        let out = "[ 1, 2, 3 ]\n'again5'\n2\n'later'\nPromise { 1 }\n{ x: 1 }\n2\n'a\\n2'\n'done'\n3\n2\n";
        assert_eq!((ran.code(), ran.out().as_str(), ran.err().as_str()), (Some(0), out, ""));
    });
}

#[test]
fn last_values_and_errors_are_kept() {
    on_every_engine(|engine| {
        let ran = piped(
            engine,
            &[],
            "[1]\n_.length\n_ + 1\nthrow new TypeError('bad')\n_error.message\n_\nx y\n_error.name\n",
        );
        assert_eq!((ran.code(), ran.out().as_str()), (Some(1), "[ 1 ]\n1\n2\n'bad'\n'bad'\n'SyntaxError'\n"));
        assert!(ran.err().starts_with("Uncaught TypeError: bad\n    at"), "{}", ran.err());
        assert!(ran.err().contains("\nUncaught SyntaxError: "), "{}", ran.err());
        // One who takes the names keeps them.
        let ran = piped(engine, &[], "let _ = 'mine', _error\n5\n_\nthrow 6\n_error\n");
        assert_eq!((ran.code(), ran.out().as_str(), ran.err().as_str()), (Some(1), "5\n'mine'\n", "Uncaught 6\n"));
        // Nor do builtins of the guest's own come in between.
        let ran = piped(
            engine,
            &[],
            "Object.defineProperty = Object.getOwnPropertyDescriptor = null\nObject.defineProperty\n\
             Object.prototype.get = Object.prototype.value = 7\n'fine'\n_\n",
        );
        assert_eq!(
            (ran.code(), ran.out().as_str(), ran.err().as_str()),
            (Some(0), "null\nnull\n7\n'fine'\n'fine'\n", "")
        );
    });
}

#[test]
fn what_goes_on_by_itself_is_waited_for_and_its_errors_are_shown() {
    on_every_engine(|engine| {
        let ran = piped(
            engine,
            &[],
            "setTimeout(() => { console.log('timer'); throw new RangeError('late') }, 400) && 0\n\
             setTimeout(() => console.log('still there'), 600) && 1\nconsole.error('err')\n",
        );
        assert_eq!((ran.code(), ran.out().as_str()), (Some(1), "0\n1\ntimer\nstill there\n"));
        assert!(ran.err().contains("err\n") && ran.err().contains("Uncaught RangeError: late\n"), "{}", ran.err());
    });
}

#[test]
fn a_guest_that_is_stopped_is_started_anew() {
    on_every_engine(|engine| {
        let args = ["--timeout", "1s", "--memory", "24M"];
        let ran =
            piped(engine, &args, "var kept = 1\nfor (;;) {}\ntypeof kept\nlet all = []; for (;;) all.push([all])\n2\n");
        assert_eq!((ran.code(), ran.out().as_str()), (Some(3), "'undefined'\n2\n"), "{}", ran.err());
        let lines: Vec<_> = ran.err().lines().map(str::to_owned).collect();
        assert_eq!(
            lines,
            [
                "isolate: stopped: the time limit of 1s passed (--timeout sets it); the guest is started anew",
                "isolate: stopped: the memory limit of 24 MiB was reached (--memory sets it); the guest is started anew"
            ]
        );
        // One that can come to nothing is no reason for that.
        let ran = piped(engine, &[], "var kept = 1\nawait new Promise(() => {})\nkept");
        assert!(
            (ran.code(), ran.out().as_str()) == (Some(1), "1\n") && ran.err().contains("never settle"),
            "{}",
            ran.err()
        );
    });
}

#[test]
fn commands_and_grants() {
    on_every_engine(|engine| {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("a.js", "const loaded = 5;\nclass C {}\n"),
            ("b.ts", "type T = number;\nconst typed: T = 6;\n"),
            ("m.mjs", "export const m = 7; globalThis.ran = 'ran';"),
            ("assigns.ts", "let a;\nexport = a;"),
            ("enum.ts", "enum E { A = 3 }"),
        ] {
            std::fs::write(directory.path().join(name), text).unwrap();
        }
        let ran = piped_in(
            directory.path(),
            engine,
            &["--dir", "/=.:ro"],
            ".load a.js\nloaded\n.load m.mjs\nran\n.load b.ts\ntyped\n(await import('./m.mjs')).m\n\
             (await (await navigator.storage.getDirectory()).getFileHandle('a.js')).name\n.clear\ntypeof loaded\n(\n.break\n8\n.exit\n9\n",
        );
        assert_eq!(
            (ran.code(), ran.out().as_str(), ran.err().as_str()),
            (Some(0), "5\n'ran'\n6\n7\n'a.js'\n'undefined'\n8\n", "")
        );
        let ran = piped_in(
            directory.path(),
            engine,
            &[],
            ".load none.js\n.load assigns.ts\n.load enum.ts\nE.A\n.what\nfetch('http://x.y').catch(e => e.name)\nawait _\n.5 + 1\n",
        );
        assert_eq!(ran.code(), Some(1));
        assert!(ran.out().starts_with("3\n") && ran.out().ends_with("'TypeError'\n1.5\n"), "{}", ran.out());
        for says in ["cannot read none.js", "assigns.ts: Export assignment", "(2:1)", "there is no .what"] {
            assert!(ran.err().contains(says), "{}", ran.err());
        }
        let ran = piped(engine, &["--json"], "({ a: [1n] })\nx\n");
        assert_eq!((ran.code(), ran.out().as_str()), (Some(1), "{\"value\":{\"a\":[\"1\"]}}\n"));
        assert!(ran.err().starts_with(r#"{"error":{"kind":"exception","name":"ReferenceError""#), "{}", ran.err());
    });
}

#[cfg(unix)]
mod terminal {
    use std::time::Duration;

    use expectrl::session::{OsSession, Session};
    use expectrl::{ControlCode, Eof, Expect};

    use super::*;

    /// Printed when a line begins to be read. What is typed before, the terminal takes in its own way; and the prompt itself is
    /// printed anew at each key.
    const READS: &str = "\u{1b}[?2004h";

    fn start(engine: &str, data: &Path, args: &[&str]) -> OsSession {
        let mut command = Command::new(env!("CARGO_BIN_EXE_isolate"));
        command.args(["repl", "--engine", engine]).args(args).current_dir(data);
        command.env("XDG_DATA_HOME", data).env("HOME", data).env("TERM", "xterm").env("NO_COLOR", "1");
        let mut session = Session::spawn(command).unwrap();
        session.set_expect_timeout(Some(Duration::from_secs(20)));
        session.expect(READS).unwrap();
        session
    }

    /// Types a line, and waits for what it shows.
    #[track_caller]
    fn line(session: &mut OsSession, text: &str, shows: &str) {
        session.send(format!("{text}\r")).unwrap();
        session.expect(shows).unwrap_or_else(|e| panic!("{text} does not show {shows}: {e}"));
        session.expect(READS).unwrap();
    }

    #[test]
    fn keys() {
        on_every_engine(|engine| {
            let directory = tempfile::tempdir().unwrap();
            let mut session = start(engine, directory.path(), &[]);
            line(&mut session, "let answer = { sum: 40 + 2, get trap() { globalThis.trapped = 1 } }", "undefined\r\n");
            // Several lines.
            session.send("function twice(n) {\r").unwrap();
            session.expect("... ").unwrap();
            session.send("return n * 2 }\r").unwrap();
            session.expect("undefined\r\n").unwrap();
            session.expect(READS).unwrap();
            // Completion, of a global and of its property.
            session.send("answ\t").unwrap();
            session.expect("answer").unwrap();
            session.send(".su\t\r").unwrap();
            session.expect("42\r\n").unwrap();
            session.expect(READS).unwrap();
            session.send("answer.trap.x\t\t").unwrap();
            session.send(ControlCode::EndOfText).unwrap();
            session.expect(READS).unwrap();
            line(&mut session, "typeof trapped", "'undefined'\r\n");
            line(
                &mut session,
                "new Proxy({}, { ownKeys() { trapped = 2 }, getOwnPropertyDescriptor() { trapped = 3 } })",
                "{}\r\n",
            );
            session.send("_.a\t").unwrap();
            session.send(ControlCode::EndOfText).unwrap();
            session.expect(READS).unwrap();
            line(&mut session, "typeof trapped", "'undefined'\r\n");
            // A global that is loaded when it is first used.
            session.send("crypto.randomU\t()[0].length\r").unwrap();
            session.expect("1\r\n").unwrap();
            session.expect(READS).unwrap();
            // Timers go on while the prompt waits.
            line(&mut session, "setTimeout(() => console.log('tick' + 'tock'), 50) && 0", "0\r\n");
            session.expect("ticktock").unwrap();
            session.expect("> ").unwrap();
            // Ctrl-C forgets an input, and stops one that runs.
            session.send("forgotten(").unwrap();
            session.send(ControlCode::EndOfText).unwrap();
            session.expect(READS).unwrap();
            line(&mut session, "twice(4)", "8\r\n");
            session.send("console.log('be' + 'gins'); for (;;) {}\r").unwrap();
            session.expect("begins").unwrap();
            session.send(ControlCode::EndOfText).unwrap();
            session.expect("interrupted; the guest is started anew").unwrap();
            session.expect(READS).unwrap();
            line(&mut session, "typeof twice", "'undefined'\r\n");
            // What came before comes back.
            line(&mut session, "'remem' + 'bered'", "'remembered'\r\n");
            session.send("\u{1b}[A\r").unwrap();
            session.expect("'remembered'\r\n").unwrap();
            session.expect(READS).unwrap();
            session.send(ControlCode::EndOfTransmission).unwrap();
            session.expect(Eof).unwrap();
            // In the next one too, unless it is not wanted.
            let mut session = start(engine, directory.path(), &[]);
            session.send("\u{1b}[A\r").unwrap();
            session.expect("'remembered'\r\n").unwrap();
            session.expect(READS).unwrap();
            session.send(".exit\r").unwrap();
            session.expect(Eof).unwrap();
            let history = std::fs::read_to_string(directory.path().join("isolate/repl_history"));
            // Elsewhere the user's data are in another place.
            if cfg!(target_os = "linux") {
                assert!(history.unwrap().contains("'remem'"));
            }
            let mut session = start(engine, directory.path(), &["--no-history"]);
            session.send("\u{1b}[A'no' + 'ne'\r").unwrap();
            session.expect("'none'\r\n").unwrap();
            session.expect(READS).unwrap();
            session.send(ControlCode::EndOfTransmission).unwrap();
            session.expect(Eof).unwrap();
        });
    }

    /// A guest that prints all the time holds up nobody. Results come before the next prompt or after it, as there is room.
    #[test]
    fn noise() {
        on_every_engine(|engine| {
            let directory = tempfile::tempdir().unwrap();
            let mut session = start(engine, directory.path(), &["--no-history"]);
            let noise = "setInterval(() => { for (let i = 0; i < 50; i++) console.log('no' + 'ise') }, 0)";
            line(&mut session, &format!("var noise = {noise}"), "undefined\r\n");
            session.expect("noise").unwrap();
            for i in 0..5 {
                session.send(format!("'an' + 'swer{i}'\r")).unwrap();
                session.expect(format!("'answer{i}'")).unwrap();
                // What is typed while no line is read, the terminal takes in its own way.
                std::thread::sleep(Duration::from_millis(300));
            }
            session.send("clearInterval(noise); 'qui' + 'et'\r").unwrap();
            session.expect("'quiet'").unwrap();
        });
    }

    #[test]
    fn several_lines_and_a_second_thought() {
        on_every_engine(|engine| {
            let directory = tempfile::tempdir().unwrap();
            let mut session = start(engine, directory.path(), &[]);
            session.send(".editor\r").unwrap();
            session.expect("Ctrl-D runs it").unwrap();
            session.expect(READS).unwrap();
            session.send("const x = 1\r").unwrap();
            session.expect(READS).unwrap();
            session.send("x + 'edited'\r").unwrap();
            session.expect(READS).unwrap();
            session.send(ControlCode::EndOfTransmission).unwrap();
            session.expect("'1edited'\r\n").unwrap();
            session.expect(READS).unwrap();
            // The engine knows that more is to come.
            session.send("function named()\r").unwrap();
            session.expect("... ").unwrap();
            session.send("{ return 'named' }\r").unwrap();
            session.expect("undefined").unwrap();
            session.expect(READS).unwrap();
            line(&mut session, "named() + 1", "'named1'\r\n");
            session.send(ControlCode::EndOfText).unwrap();
            session.expect("to leave").unwrap();
            session.expect(READS).unwrap();
            session.send("typed").unwrap();
            session.send(ControlCode::EndOfText).unwrap();
            session.expect(READS).unwrap();
            session.send(ControlCode::EndOfText).unwrap();
            session.expect("to leave").unwrap();
            session.expect(READS).unwrap();
            session.send(ControlCode::EndOfText).unwrap();
            session.expect(Eof).unwrap();
        });
    }
}
