//! Runs many tests: in worker processes of our own, or each in a process of a peer.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};
use std::{fs, thread};

use crate::bundle::{bundle, file_name};
use crate::child::{END, LINE, Request};
use crate::outcome::{Collector, Outcome, Trouble};
use crate::select::Job;

/// How long after the time of a test its process is killed.
const GRACE: Duration = Duration::from_secs(20);

/// Who runs the tests.
#[derive(Clone, Debug)]
pub enum Runner {
    /// An engine of ours, in processes of this program.
    Engine(String),
    /// A command that takes the name of a file, such as `node`; and where the files go.
    Peer(Vec<String>, PathBuf),
}

/// How the tests are run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The checkout.
    pub root: PathBuf,
    /// By whom.
    pub runner: Runner,
    /// How many at once.
    pub workers: usize,
    /// The time of a test that is not `long`.
    pub timeout: Duration,
}

/// Runs the tests, and gives their outcomes in the same order. `after` is called with each as soon as it is there.
///
/// # Errors
/// If no process could be started at all.
pub fn run(options: &Options, jobs: &[Job], after: &(dyn Fn(&mut Outcome) + Sync)) -> Result<Vec<Outcome>, String> {
    let queue: Mutex<VecDeque<usize>> = Mutex::new((0..jobs.len()).collect());
    let outcomes: Mutex<Vec<Option<Outcome>>> = Mutex::new(vec![None; jobs.len()]);
    let next = || queue.lock().ok()?.pop_front();
    let work = || -> Result<(), String> {
        let mut worker = None;
        while let Some(index) = next() {
            let job = &jobs[index];
            let mut outcome = match &options.runner {
                Runner::Engine(engine) => in_worker(&mut worker, options, engine, job)?,
                Runner::Peer(command, dir) => in_peer(command, dir, options, job)?,
            };
            after(&mut outcome);
            if let Ok(mut outcomes) = outcomes.lock() {
                outcomes[index] = Some(outcome);
            }
        }
        Ok(())
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..options.workers.max(1)).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|t| t.join().unwrap_or_else(|_| Err("a worker thread panicked".into())))
    })?;
    let outcomes = outcomes.into_inner().map_err(|e| e.to_string())?;
    Ok(outcomes.into_iter().flatten().collect())
}

/// A process, and the lines that it prints.
struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Process {
    fn start(command: &mut Command, stdin: Stdio) -> Result<Self, String> {
        let mut child = command
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| format!("{}: {e}", command.get_program().to_string_lossy()))?;
        let (sender, lines) = channel();
        if let Some(stdout) = child.stdout.take() {
            // Ends with the process.
            thread::spawn(move || {
                let mut reader = BufReader::new(stdout);
                let mut line = Vec::new();
                // By bytes: what a peer prints need not be UTF-8.
                while matches!(reader.read_until(b'\n', &mut line), Ok(n) if n > 0) {
                    let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                    line.clear();
                    if sender.send(text).is_err() {
                        break;
                    }
                }
            });
        }
        Ok(Self { stdin: child.stdin.take(), child, lines })
    }

    fn kill(&mut self) -> Option<ExitStatus> {
        // It may have ended by itself.
        let _ = self.child.kill();
        self.child.wait().ok()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stdin = None;
        self.kill();
    }
}

/// Why the lines of a run ended.
enum Ended {
    ByItself,
    WithTheProcess,
    TooLate,
}

fn gather(process: &Process, collector: &mut Collector, cap: Duration) -> Ended {
    let start = Instant::now();
    loop {
        match process.lines.recv_timeout(cap.saturating_sub(start.elapsed())) {
            Ok(line) if line == END => return Ended::ByItself,
            Ok(line) => {
                if let Some(line) = line.strip_prefix(LINE) {
                    collector.line(line);
                }
            }
            Err(RecvTimeoutError::Timeout) => return Ended::TooLate,
            Err(RecvTimeoutError::Disconnected) => return Ended::WithTheProcess,
        }
    }
}

fn cap(options: &Options, job: &Job) -> Duration {
    GRACE + if job.long { options.timeout * 6 } else { options.timeout }
}

fn in_worker(worker: &mut Option<Process>, options: &Options, engine: &str, job: &Job) -> Result<Outcome, String> {
    let start = Instant::now();
    let mut process = match worker.take() {
        Some(process) => process,
        None => start_worker(options, engine)?,
    };
    let request = Request { path: job.path.clone(), variant: job.variant.clone() };
    let request = serde_json::to_string(&request).map_err(|e| e.to_string())?;
    let mut collector = Collector::default();
    // If it is gone already, its lines end at once.
    let _ = process.stdin.as_mut().map(|stdin| writeln!(stdin, "{request}").and_then(|()| stdin.flush()));
    match gather(&process, &mut collector, cap(options, job)) {
        Ended::ByItself => *worker = Some(process),
        Ended::WithTheProcess => {
            let status = process.kill().map_or_else(|| "it is gone".into(), |status| status.to_string());
            collector.trouble(Trouble::Crash, format!("the process died: {status}"));
        }
        Ended::TooLate => collector.trouble(Trouble::Hang, "the process had to be killed".into()),
    }
    Ok(collector.finish(job.id(), millis(start)))
}

fn start_worker(options: &Options, engine: &str) -> Result<Process, String> {
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    let mut command = Command::new(program);
    command.arg("--root").arg(&options.root).args(["--engine", engine, "--child"]);
    command.arg("--timeout").arg(options.timeout.as_secs_f64().to_string());
    Process::start(&mut command, Stdio::piped())
}

fn in_peer(command: &[String], dir: &Path, options: &Options, job: &Job) -> Result<Outcome, String> {
    let start = Instant::now();
    let mut collector = Collector::default();
    match write_for_peers(options, job, dir) {
        Err(e) => collector.trouble(Trouble::Error, e),
        Ok(file) => {
            let (program, args) = command.split_first().ok_or("a peer needs a command")?;
            let mut process = Process::start(Command::new(program).args(args).arg(file), Stdio::null())?;
            match gather(&process, &mut collector, cap(options, job)) {
                Ended::ByItself => {}
                Ended::WithTheProcess if collector.is_done() => {}
                Ended::WithTheProcess => {
                    let status = process.kill().map_or_else(|| "it is gone".into(), |status| status.to_string());
                    collector.trouble(Trouble::Crash, format!("the process ended early: {status}"));
                }
                Ended::TooLate => collector.trouble(Trouble::Hang, "the process had to be killed".into()),
            }
        }
    }
    Ok(collector.finish(job.id(), millis(start)))
}

/// Writes a test for Node and Deno, and gives the file's name.
///
/// # Errors
/// If it cannot be bundled or written.
pub fn write_for_peers(options: &Options, job: &Job, dir: &Path) -> Result<PathBuf, String> {
    let file = dir.join(file_name(&job.id()));
    let text = bundle(&options.root, job, options.timeout)?.for_peers()?;
    fs::create_dir_all(dir).and_then(|()| fs::write(&file, text)).map_err(|e| format!("{}: {e}", file.display()))?;
    Ok(file)
}

fn millis(start: Instant) -> u64 {
    start.elapsed().as_millis().try_into().unwrap_or(u64::MAX)
}
