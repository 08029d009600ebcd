//! Runs the corpus, each script in a child process under a hard cap, and judges how each ended.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::known::{Known, List};
use crate::{Kind, LATE, Outcome, Script, known, report, scripts, scripts_dir};

/// What to run, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The `hostile` program, which is started again for each run.
    pub program: PathBuf,
    /// Only scripts whose name contains one of these; all if there is none.
    pub filters: Vec<String>,
    /// Only these engines; all if there is none.
    pub engines: Vec<String>,
    /// How many children run at once.
    pub jobs: usize,
    /// When a child is killed.
    pub cap: Duration,
    /// How many times each script runs.
    pub repeat: usize,
    /// Whether scripts that are known to hang run too.
    pub all: bool,
    /// Whether every run is told of on standard error.
    pub progress: bool,
}

impl Options {
    /// The defaults: everything but what is known to hang, once, two at a time, each for at most 20 s.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            filters: Vec::new(),
            engines: Vec::new(),
            jobs: 2,
            cap: Duration::from_secs(20),
            repeat: 1,
            all: false,
            progress: true,
        }
    }
}

/// A script on an engine.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) engine: String,
    pub(crate) script: Script,
    pub(crate) known: Option<Known>,
    pub(crate) runs: Vec<Outcome>,
}

/// What became of all of them.
#[derive(Debug)]
pub struct Results {
    pub(crate) cases: Vec<Case>,
    /// How many were not run because they are known to hang.
    pub skipped: usize,
    pub(crate) cap: Duration,
    pub(crate) took: Duration,
}

/// Runs the corpus.
///
/// # Errors
/// If the scripts or `known.json` are not as they must be, or nothing is left to run.
pub fn run(options: &Options) -> Result<Results, String> {
    let scripts = scripts(&scripts_dir())?;
    let known = known::list(&scripts)?;
    let (mut cases, skipped) = select(options, &scripts, &known);
    if cases.is_empty() && skipped == 0 {
        return Err("no script has such a name, or no such engine is compiled in".into());
    }
    // What takes longest first, so that the end is not one worker waiting for another.
    cases.sort_by_key(|c| c.known.is_none());
    let start = Instant::now();
    let total = cases.len() * options.repeat;
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let outcomes = Mutex::new(Vec::with_capacity(total));
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    if i >= total {
                        break;
                    }
                    let at = i % cases.len();
                    let case = &cases[at];
                    let outcome = run_child(options, &case.engine, &case.script.path);
                    let n = done.fetch_add(1, Ordering::Relaxed) + 1;
                    if options.progress {
                        let (name, engine) = (&case.script.name, &case.engine);
                        let late = report::duration(outcome.past_deadline());
                        eprintln!("[{n:3}/{total}] {engine} {name:45} {:8} {late:>9} {}", outcome.kind, outcome.detail);
                    }
                    if let Ok(mut outcomes) = outcomes.lock() {
                        outcomes.push((at, outcome));
                    }
                }
            });
        }
    });
    for (at, outcome) in outcomes.into_inner().unwrap_or_default() {
        cases[at].runs.push(outcome);
    }
    cases.sort_by(|a, b| (&a.engine, &a.script.name).cmp(&(&b.engine, &b.script.name)));
    Ok(Results { cases, skipped, cap: options.cap, took: start.elapsed() })
}

fn select(options: &Options, scripts: &[Script], known: &List) -> (Vec<Case>, usize) {
    let (mut cases, mut skipped) = (Vec::new(), 0);
    for engine in isolate_runtime::engines() {
        let engine = engine.name();
        if !options.engines.is_empty() && !options.engines.iter().any(|e| e == engine) {
            continue;
        }
        for script in scripts {
            if !options.filters.is_empty() && !options.filters.iter().any(|f| script.name.contains(f)) {
                continue;
            }
            let known = known.get(engine).and_then(|scripts| scripts.get(&script.name)).cloned();
            if known.is_some() && !options.all {
                skipped += 1;
                continue;
            }
            cases.push(Case { engine: engine.into(), script: script.clone(), known, runs: Vec::new() });
        }
    }
    (cases, skipped)
}

impl Results {
    /// What did not end as it must, in words, one for each script.
    pub fn failures(&self) -> Vec<String> {
        let failure = |case: &Case| {
            let what = judge(&case.script.expected, case.known.is_some(), &case.runs)?;
            Some(format!("{} on {}: {what}", case.script.name, case.engine))
        };
        self.cases.iter().filter_map(failure).collect()
    }

    /// Everything, as Markdown.
    pub fn markdown(&self) -> String {
        report::markdown(self)
    }
}

/// What is wrong with the runs of a script, if anything is.
fn judge(expected: &[Kind], known: bool, runs: &[Outcome]) -> Option<String> {
    let mut late = 0;
    for run in runs {
        let right = expected.contains(&run.kind);
        let forgiven = known && run.kind == Kind::Hang;
        if !right && !forgiven {
            let expected: Vec<_> = expected.iter().map(|k| k.as_str()).collect();
            return Some(format!("expected {}, got {}: {}", expected.join(" or "), run.kind, run.detail));
        }
        late += usize::from(run.kind == Kind::Hang || run.past_deadline() > LATE);
    }
    (known && late == 0).then(|| "unexpected pass: it ends in time, so it does not belong in known.json".into())
}

/// Starts a child for a script, waits for it no longer than the cap, and gives what it said or what became of it.
fn run_child(options: &Options, engine: &str, script: &Path) -> Outcome {
    let start = Instant::now();
    let failed = |kind, detail: String| Outcome::of_process(kind, detail, start.elapsed());
    let mut command = Command::new(&options.program);
    command.args(["--child", engine]).arg(script);
    match run_capped(&mut command, options.cap) {
        Err(e) => failed(Kind::Wrong, format!("the child could not be run: {e}")),
        Ok(Capped { status: None, .. }) => failed(Kind::Hang, String::new()),
        Ok(Capped { status: Some(status), out, err }) => match serde_json::from_str::<Outcome>(&out) {
            Ok(outcome) if status.success() => outcome,
            _ => failed(Kind::Crash, format!("{status}; {}", last_line(&err))),
        },
    }
}

fn last_line(text: &str) -> &str {
    text.lines().rev().find(|l| !l.trim().is_empty()).unwrap_or("nothing on standard error")
}

/// A process that ended by itself, or, without a status, was killed.
pub(crate) struct Capped {
    pub(crate) status: Option<ExitStatus>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs a process to its end, or kills it when its time is up.
pub(crate) fn run_capped(command: &mut Command, cap: Duration) -> std::io::Result<Capped> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (out, err) = (collect(child.stdout.take()), collect(child.stderr.take()));
    let status = wait(&mut child, cap)?;
    let text = |thread: std::thread::JoinHandle<String>| thread.join().unwrap_or_default();
    Ok(Capped { status, out: text(out), err: text(err) })
}

fn wait(child: &mut Child, cap: Duration) -> std::io::Result<Option<ExitStatus>> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() >= cap {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn collect(pipe: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(kind: Kind, seconds: u64) -> Outcome {
        Outcome::of_process(kind, "", Duration::from_secs(seconds))
    }

    #[test]
    fn only_listed_scripts_may_hang_and_they_must() {
        let expected = [Kind::Deadline, Kind::Memory];
        for (known, runs, good) in [
            (false, vec![ran(Kind::Deadline, 1)], true),
            (false, vec![ran(Kind::Memory, 0)], true),
            (false, vec![ran(Kind::Deadline, 9)], true),
            (false, vec![ran(Kind::Deadline, 1), ran(Kind::Ok, 1)], false),
            (false, vec![ran(Kind::Hang, 20)], false),
            (false, vec![ran(Kind::Crash, 0)], false),
            (true, vec![ran(Kind::Hang, 20)], true),
            (true, vec![ran(Kind::Deadline, 9)], true),
            (true, vec![ran(Kind::Deadline, 1), ran(Kind::Hang, 20)], true),
            (true, vec![ran(Kind::Deadline, 1)], false),
            (true, vec![ran(Kind::Ok, 9)], false),
            (true, vec![ran(Kind::Crash, 9)], false),
        ] {
            assert_eq!(judge(&expected, known, &runs).is_none(), good, "{known} {runs:?}");
        }
    }
}
