//! `isolate test`.

mod junit;
mod report;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use isolate_runtime::{
    Error, ErrorKind, Exception, InlineSnapshot, RunOptions, Status, Termination, TestEvent, TestResults,
    create_runtime, write_inline_snapshots,
};
use regex::Regex;

use crate::args::{Options, Tests};
use crate::loader::{FileLoader, is_typescript};
use crate::report::Failure;
use report::{Report, Style};

/// What became of one file.
struct FileResult {
    name: String,
    /// The source, for the lines that failures show.
    source: String,
    results: TestResults,
    /// What kept the file from being run, and what nothing in it took.
    errors: Vec<Exception>,
    /// An error that is no exception, as one line.
    failure: Option<String>,
    stopped: Option<Termination>,
    /// How many inline snapshots were written into the file.
    snapshots: usize,
    duration: Duration,
}

impl FileResult {
    fn is_ok(&self) -> bool {
        self.errors.is_empty() && self.failure.is_none() && self.results.is_ok()
    }
}

pub(crate) async fn main(files: &[PathBuf], tests: &Tests, options: &Options) -> Result<u8, Failure> {
    let filter = match &tests.filter {
        Some(pattern) => Some(Regex::new(pattern).map_err(|e| Failure::usage(format!("--filter: {e}")))?),
        None => None,
    };
    let files = find(files)?;
    if files.is_empty() {
        return Err(Failure::usage("there are no test files; they are named like x.test.js or x.spec.ts"));
    }
    let style = Style::new(std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none());
    let report = Arc::new(Report::new(style, options.json));
    let start = Instant::now();
    let mut all: Vec<FileResult> = Vec::new();
    for file in &files {
        let failed = all.iter().map(|f| f.results.count(Status::Failed) + f.errors.len()).sum::<usize>();
        if tests.bail.is_some_and(|most| failed >= most) {
            break;
        }
        report.file(file);
        let bail = tests.bail.map(|most| most - failed);
        let result = run_file(file, tests, filter.clone(), bail, options, &report).await?;
        report.after_file(&result);
        all.push(result);
    }
    report.end(&all, files.len(), start.elapsed());
    if let Some(path) = &tests.junit {
        std::fs::write(path, junit::xml(&all))
            .map_err(|e| Failure::usage(format!("cannot write {}: {e}", path.display())))?;
    }
    let _ = std::io::stdout().flush();
    let ran = all.iter().flat_map(|f| &f.results.tests).any(|t| t.status != Status::Skipped);
    let stopped = all.iter().any(|f| f.stopped.is_some_and(|t| t != Termination::Cancelled));
    Ok(if stopped {
        3
    } else if all.iter().all(FileResult::is_ok) && ran {
        0
    } else {
        1
    })
}

/// The files that are named, and those below directories that are named whose names say that they hold tests.
fn find(named: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for path in named {
        if path.is_dir() {
            walk(path, &mut found).map_err(|e| Failure::usage(format!("cannot read {}: {e}", path.display())))?;
        } else {
            found.push(path.clone());
        }
    }
    let mut seen = std::collections::HashSet::new();
    found.retain(|path| seen.insert(path.clone()));
    Ok(found)
}

fn walk(directory: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut entries = std::fs::read_dir(directory)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        // Links are not followed: they may lead round in a circle.
        let kind = entry.file_type()?;
        let path = entry.path();
        if kind.is_dir() && name != "node_modules" && !name.starts_with('.') {
            walk(&path, found)?;
        } else if kind.is_file() && is_test(&name) {
            found.push(path.strip_prefix("./").map(Path::to_path_buf).unwrap_or(path));
        }
    }
    Ok(())
}

fn is_test(name: &str) -> bool {
    [".js", ".mjs", ".ts", ".mts"]
        .iter()
        .filter_map(|end| name.strip_suffix(end))
        .any(|stem| stem.ends_with(".test") || stem.ends_with(".spec"))
}

async fn run_file(
    file: &Path,
    tests: &Tests,
    filter: Option<Regex>,
    bail: Option<usize>,
    options: &Options,
    report: &Arc<Report>,
) -> Result<FileResult, Failure> {
    let start = Instant::now();
    let (loader, names) = FileLoader::new(&[file.to_path_buf()], options)?;
    let bytes = std::fs::read(file).map_err(|e| Failure::usage(format!("cannot read {}: {e}", file.display())))?;
    let source = String::from_utf8_lossy(&bytes).trim_start_matches('\u{feff}').to_owned();
    let name = names.into_iter().next().unwrap_or_default();
    let mut result = FileResult {
        name,
        source,
        results: TestResults::default(),
        errors: Vec::new(),
        failure: None,
        stopped: None,
        snapshots: 0,
        duration: Duration::ZERO,
    };
    let script = match is_typescript(&result.name) {
        false => result.source.clone(),
        true => match crate::run::strip(&result.name, &result.source) {
            Ok(script) => script,
            Err(failure) => {
                result.failure = Some(failure.line(false));
                return Ok(result);
            }
        },
    };
    let uncaught: Arc<Mutex<Vec<Exception>>> = Arc::default();
    let told = uncaught.clone();
    let runtime = crate::run::runtime_options(options, loader)?
        .on_uncaught(move |uncaught| {
            told.lock().unwrap_or_else(PoisonError::into_inner).push(uncaught.exception.clone());
        })
        .test_environment();
    let runtime = create_runtime(runtime).await.map_err(|e| Failure::from_error(&e, options, &[]))?;
    let limit = options.timeout.0.map(|t| t.0);
    let how = run_options(tests, filter, bail, report);
    let ran = crate::run::limited(&runtime, limit, async {
        crate::run::run_file(&runtime, &result.name, &script).await?;
        runtime.run_tests(&how).await
    });
    let ran = with_progress(ran, report).await;
    // What was rejected last is reported after a turn.
    if runtime.stopped().is_none() {
        let _ = runtime.with_context(|_| ()).await;
    }
    let stopped = runtime.stopped();
    runtime.dispose().await;
    result.errors = std::mem::take(&mut *uncaught.lock().unwrap_or_else(PoisonError::into_inner));
    result.stopped = stopped;
    result.duration = start.elapsed();
    match ran {
        Ok(results) => result.results = results,
        Err(e) => note(&mut result, &e, options),
    }
    if let Some(reason) = stopped {
        result.failure = Some(Failure::from(reason, options).line(false));
    }
    if !result.results.snapshots.is_empty() {
        write_snapshots(file, &mut result);
    }
    Ok(result)
}

/// Writes inline snapshots into the file that was run, and nowhere else: where they belong, the guest says.
fn write_snapshots(file: &Path, result: &mut FileResult) {
    let (own, others): (Vec<_>, Vec<_>) =
        std::mem::take(&mut result.results.snapshots).into_iter().partition(|s| s.file.as_ref() == Some(&result.name));
    let done = write_inline_snapshots(&result.source, &own);
    let others = others.into_iter().map(|s| (s, "it is not in the file of the test"));
    let mut problems: Vec<String> = done.refused.into_iter().chain(others).map(|(s, why)| refusal(&s, why)).collect();
    if done.written > 0 {
        match replace(file, &result.source, &done.source) {
            Ok(()) => {
                result.snapshots = done.written;
                result.source = done.source;
            }
            Err(e) => problems.push(format!("the snapshots were not written: {e}")),
        }
    }
    if !problems.is_empty() {
        result.failure = Some(result.failure.take().into_iter().chain(problems).collect::<Vec<_>>().join("\n    "));
    }
}

fn refusal(snapshot: &InlineSnapshot, why: &str) -> String {
    let place = match (&snapshot.file, snapshot.line) {
        (Some(file), Some(line)) => format!("{file}:{line}: "),
        _ => String::new(),
    };
    format!("{place}{} was not written: {why}", snapshot.matcher)
}

/// Writes a file anew, if it is as it was when it was read.
fn replace(file: &Path, before: &str, after: &str) -> Result<(), String> {
    let now = std::fs::read_to_string(file).map_err(|e| format!("cannot read {}: {e}", file.display()))?;
    let text = now.trim_start_matches('\u{feff}');
    let mark = &now[..now.len() - text.len()];
    if text != before {
        return Err(format!("{} has changed while it was run", file.display()));
    }
    std::fs::write(file, format!("{mark}{after}")).map_err(|e| format!("cannot write {}: {e}", file.display()))
}

fn note(result: &mut FileResult, error: &Error, options: &Options) {
    match error.exception() {
        Some(exception) => result.errors.insert(0, exception.clone()),
        None if error.kind() == ErrorKind::NeverSettles => {
            result.failure = Some("the module awaits what can never settle".into());
        }
        None => result.failure = Some(Failure::from_error(error, options, &[]).line(false)),
    }
}

fn run_options(tests: &Tests, filter: Option<Regex>, bail: Option<usize>, report: &Arc<Report>) -> RunOptions {
    let told = report.clone();
    let mut options = RunOptions::new()
        .timeout(tests.test_timeout.0)
        .update_snapshots(tests.update)
        .on_event(move |event: &TestEvent| told.event(event));
    if let Some(filter) = filter {
        options = options.filter(move |suites, name| {
            let full: Vec<&str> = suites.iter().map(String::as_str).chain([name]).collect();
            filter.is_match(&full.join(" "))
        });
    }
    match bail {
        Some(most) => options.bail(most),
        None => options,
    }
}

/// Awaits a run; on a terminal says which test it is that takes so long.
async fn with_progress<T>(run: impl Future<Output = T>, report: &Report) -> T {
    let mut run = std::pin::pin!(run);
    if !std::io::stderr().is_terminal() {
        return run.await;
    }
    loop {
        match tokio::time::timeout(Duration::from_millis(500), run.as_mut()).await {
            Ok(done) => {
                report.clear_progress();
                return done;
            }
            Err(_) => report.progress(),
        }
    }
}
