//! The program `wpt`; see the library.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use isolate_wpt::child;
use isolate_wpt::report::{Folder, Progress, Results, difference, table};
use isolate_wpt::run::{Options, Runner, run, write_for_peers};
use isolate_wpt::select::{FOLDERS, find};

/// Runs the web-platform-tests, each in a fresh runtime, and compares with what is expected.
#[derive(Parser)]
struct Args {
    /// Folders of the checkout, or parts of them, or single files. Default: all that concern us.
    folders: Vec<String>,
    /// The checkout; `tests/wpt/fetch.sh` makes it.
    #[arg(long, default_value_os_t = repository().join("target/wpt"))]
    root: PathBuf,
    /// How many tests run at once.
    #[arg(long, default_value_t = 2)]
    workers: usize,
    /// Only runs whose path or variant contains this.
    #[arg(long)]
    filter: Option<String>,
    /// The engine of ours that runs them.
    #[arg(long, default_value = "quickjs")]
    engine: String,
    /// Seconds for a test that does not ask for more; others get six times as many.
    #[arg(long, default_value_t = 10.0)]
    timeout: f64,
    /// Writes all results to this file.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Prints each subtest that did not pass, and each run that went wrong.
    #[arg(long, short)]
    verbose: bool,
    /// Runs them with this command instead, one process for each: `node`, or `deno run -q --no-prompt`.
    #[arg(long, value_name = "COMMAND")]
    peer: Option<String>,
    /// Where the files for peers go; without `--peer` they are only written.
    #[arg(long, value_name = "DIR")]
    bundle_dir: Option<PathBuf>,
    /// Runs nothing: prints what passes in the second file of results and not in the first.
    #[arg(long, num_args = 2, value_names = ["OURS", "THEIRS"])]
    diff: Option<Vec<PathBuf>>,
    /// Runs what standard input names.
    #[arg(long, hide = true)]
    child: bool,
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn main() -> ExitCode {
    match act(&Args::parse()) {
        Ok(code) => code,
        Err(e) => {
            eprintln!("wpt: {e}");
            ExitCode::from(2)
        }
    }
}

fn act(args: &Args) -> Result<ExitCode, String> {
    let timeout = Duration::try_from_secs_f64(args.timeout).map_err(|e| format!("--timeout: {e}"))?;
    if args.child {
        child::run(&args.root, &args.engine, timeout)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some([ours, theirs]) = args.diff.as_deref() {
        print!("{}", difference(&read_results(ours)?, &read_results(theirs)?));
        return Ok(ExitCode::SUCCESS);
    }
    if !args.root.join("resources/testharness.js").is_file() {
        return Err(format!("{} has no tests; tests/wpt/fetch.sh fetches them", args.root.display()));
    }
    let folders: Vec<String> = match args.folders.as_slice() {
        [] => FOLDERS.map(String::from).into_iter().filter(|folder| args.root.join(folder).is_dir()).collect(),
        some => some.iter().map(|folder| folder.trim_matches('/').into()).collect(),
    };
    let mut jobs = Vec::new();
    let mut folder_of = BTreeMap::new();
    for folder in &folders {
        for job in find(&args.root, folder)?.jobs {
            let wanted = args.filter.as_ref().is_none_or(|part| job.id().contains(part.as_str()));
            if wanted && job.rule.is_none() && folder_of.insert(job.id(), top_folder(&job.path)).is_none() {
                jobs.push(job);
            }
        }
    }
    let command: Option<Vec<String>> = args.peer.as_ref().map(|c| c.split_whitespace().map(String::from).collect());
    let dir = args.bundle_dir.clone().unwrap_or_else(|| repository().join("target/wpt-bundles"));
    let by = args.peer.clone().unwrap_or_else(|| args.engine.clone());
    let runner = match command {
        Some(command) => Runner::Peer(command, dir.clone()),
        None => Runner::Engine(args.engine.clone()),
    };
    let options = Options { root: args.root.clone(), runner, workers: args.workers, timeout };
    if args.bundle_dir.is_some() && args.peer.is_none() {
        for job in &jobs {
            write_for_peers(&options, job, &dir)?;
        }
        println!("{} files are in {}", jobs.len(), dir.display());
        return Ok(ExitCode::SUCCESS);
    }
    let progress = Progress::new(folder_of.clone());
    let mut by_folder: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for outcome in run(&options, &jobs, &|outcome| progress.note(outcome))? {
        by_folder.entry(folder_of.get(&outcome.id).cloned().unwrap_or_default()).or_default().push(outcome);
    }
    let folders = by_folder.into_iter().map(|(name, runs)| (name, Folder::new(runs))).collect();
    let results = Results { by, folders };
    if args.verbose {
        show_failures(&results);
    }
    print!("{}", table(&results));
    if let Some(file) = &args.json {
        let json = serde_json::to_string_pretty(&results).map_err(|e| e.to_string())?;
        fs::write(file, json).map_err(|e| format!("{}: {e}", file.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The folder of the table that a file belongs to.
fn top_folder(path: &str) -> String {
    let of = |folder: &&&str| path.strip_prefix(**folder).is_some_and(|rest| rest.starts_with('/'));
    match FOLDERS.iter().find(of) {
        Some(folder) => (*folder).into(),
        None => path.rsplit_once('/').map_or("", |(folder, _)| folder).into(),
    }
}

fn read_results(file: &Path) -> Result<Results, String> {
    let text = fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    serde_json::from_str(&text).map_err(|e| format!("{}: {e}", file.display()))
}

fn show_failures(results: &Results) {
    for run in results.folders.values().flat_map(|folder| &folder.runs) {
        if let Some((trouble, message)) = &run.trouble {
            println!("{trouble} {}: {message}", run.id);
        }
        for subtest in run.subtests.iter().filter(|s| s.status != isolate_wpt::outcome::Status::Pass) {
            println!("{} {}: {}: {}", subtest.status, run.id, subtest.name, subtest.message.as_deref().unwrap_or(""));
        }
    }
}
