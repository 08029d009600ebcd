//! The program `wpt`; see the library.

#![forbid(unsafe_code)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use clap::Parser;
use isolate_wpt::expectations::{ENGINES, Store, TODO};
use isolate_wpt::outcome::Status;
use isolate_wpt::plan::Plan;
use isolate_wpt::report::{Progress, Results, difference, one_line, side_by_side, table};
use isolate_wpt::run::{Options, Runner, run, write_for_peers};
use isolate_wpt::{child, compatibility};

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
    /// Prints the table alone, without comparing with what is expected.
    #[arg(long)]
    no_compare: bool,
    /// Writes the results down as what is expected, keeping the reasons that are given.
    #[arg(long)]
    write_expectations: bool,
    /// The reason to write where none is given, instead of one that is to be filled in.
    #[arg(long, requires = "write_expectations", default_value = TODO)]
    reason: String,
    /// Runs nothing: writes what is expected into COMPATIBILITY.md.
    #[arg(long)]
    write_compatibility: bool,
    /// Runs nothing: prints what passes in the second file of results and not in the first.
    #[arg(long, num_args = 2, value_names = ["OURS", "THEIRS"])]
    diff: Option<Vec<PathBuf>>,
    /// Runs nothing: prints some files of results beside each other.
    #[arg(long, num_args = 1.., value_name = "RESULTS")]
    side_by_side: Option<Vec<PathBuf>>,
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
    let store = Store::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("expectations"));
    let page = repository().join("COMPATIBILITY.md");
    if args.write_compatibility {
        write(&page, &compatibility::update(&read(&page)?, &store)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some([ours, theirs]) = args.diff.as_deref() {
        print!("{}", difference(&read_results(ours)?, &read_results(theirs)?));
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(files) = &args.side_by_side {
        let all = files.iter().map(|file| read_results(file)).collect::<Result<Vec<_>, _>>()?;
        print!("{}", side_by_side(&all));
        return Ok(ExitCode::SUCCESS);
    }
    if !args.root.join("resources/testharness.js").is_file() {
        return Err(format!("{} has no tests; tests/wpt/fetch.sh fetches them", args.root.display()));
    }
    let plan = Plan::new(&args.root, &args.folders, args.filter.as_deref(), &store, &args.engine)?;
    let jobs = plan.jobs();
    if jobs.is_empty() {
        return Err("there is no test that could run".into());
    }
    let dir = args.bundle_dir.clone().unwrap_or_else(|| repository().join("target/wpt-bundles"));
    let command: Option<Vec<String>> = args.peer.as_ref().map(|c| c.split_whitespace().map(String::from).collect());
    let (runner, by) = match command {
        Some(command) => (Runner::Peer(command.clone(), dir.clone()), version(&command)?),
        None => (Runner::Engine(args.engine.clone()), format!("Isolate ({})", args.engine)),
    };
    let options = Options { root: args.root.clone(), runner, workers: args.workers, timeout };
    if args.bundle_dir.is_some() && args.peer.is_none() {
        for job in &jobs {
            write_for_peers(&options, job, &dir)?;
        }
        println!("{} files are in {}", jobs.len(), dir.display());
        return Ok(ExitCode::SUCCESS);
    }
    let progress = Progress::new(plan.folders());
    let outcomes = run(&options, &jobs, &|outcome| {
        plan.strip(outcome);
        progress.note(outcome);
    })?;
    let results = plan.results(by, outcomes);
    if let Some(file) = &args.json {
        write(file, &serde_json::to_string_pretty(&results).map_err(|e| e.to_string())?)?;
    }
    if args.verbose {
        show_failures(&results);
    }
    if args.peer.is_some() || args.no_compare {
        print!("{}", table(&results));
        return Ok(ExitCode::SUCCESS);
    }
    if args.write_expectations {
        for (name, folder) in &plan.0 {
            let runs = results.folders.get(name).map_or(&[][..], |f| &f.runs);
            let mut new = folder.expectations.updated(runs, folder.found.as_ref(), &args.reason);
            for other in ENGINES {
                new.take_reasons(&store.load(name, other)?);
            }
            store.save(name, &args.engine, &new)?;
        }
        print!("{}", table(&results));
        println!("The expectations are written; see to the reasons that begin with TODO, then --write-compatibility.");
        return Ok(ExitCode::SUCCESS);
    }
    let mut differences = compare(&plan, &results, &store)?;
    let text = read(&page)?;
    match compatibility::update(&text, &store) {
        Ok(wanted) if wanted == text => {}
        Ok(_) => differences.push("COMPATIBILITY.md is not what --write-compatibility writes".into()),
        Err(e) => differences.push(format!("COMPATIBILITY.md: {e}")),
    }
    differences.iter().for_each(|line| println!("{}", one_line(line.chars())));
    print!("{}", table(&results));
    if differences.is_empty() {
        println!("All is as expected.");
        return Ok(ExitCode::SUCCESS);
    }
    println!("{} differences from what is expected.", differences.len());
    Ok(ExitCode::FAILURE)
}

fn compare(plan: &Plan, results: &Results, store: &Store) -> Result<Vec<String>, String> {
    let reasons = store.reasons()?;
    let mut differences = Vec::new();
    for (name, folder) in &plan.0 {
        let runs = results.folders.get(name).map_or(&[][..], |f| &f.runs);
        differences.extend(folder.expectations.compare(runs, folder.found.as_ref()));
        differences.extend(folder.expectations.check_reasons(&reasons));
    }
    Ok(differences)
}

/// What a peer calls itself.
fn version(command: &[String]) -> Result<String, String> {
    let program = command.first().ok_or("--peer needs a command")?;
    let output = Command::new(program).arg("--version").output().map_err(|e| format!("{program}: {e}"))?;
    let name = Path::new(program).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let said = String::from_utf8_lossy(&output.stdout);
    let number =
        said.split_whitespace().find(|word| word.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit()));
    Ok(format!("{name} {}", number.unwrap_or("of an unknown version").trim_start_matches('v')))
}

fn read(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    fs::write(file, text).map_err(|e| format!("{}: {e}", file.display()))
}

fn read_results(file: &Path) -> Result<Results, String> {
    serde_json::from_str(&read(file)?).map_err(|e| format!("{}: {e}", file.display()))
}

fn show_failures(results: &Results) {
    let show = |line: String| println!("{}", one_line(line.chars()));
    for run in results.folders.values().flat_map(|folder| &folder.runs) {
        if let Some((trouble, message)) = &run.trouble {
            show(format!("{trouble} {}: {message}", run.id));
        }
        for subtest in run.subtests.iter().filter(|s| s.status != Status::Pass) {
            let message = subtest.message.as_deref().unwrap_or("no message");
            show(format!("{} {}: {}: {message}", subtest.status, run.id, subtest.name));
        }
    }
}
