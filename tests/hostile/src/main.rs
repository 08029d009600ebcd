//! The program `hostile`; see the library.

#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use isolate_hostile::corpus::{self, Options};
use isolate_hostile::{allocation, child, stops};

/// Runs the hostile scripts, each in a process of its own, and prints how they ended.
#[derive(Parser)]
struct Args {
    /// Only scripts whose name contains one of these.
    filters: Vec<String>,
    /// Only this engine.
    #[arg(long)]
    engine: Vec<String>,
    /// How many run at once.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Seconds after which a run is killed and counts as a hang.
    #[arg(long, default_value_t = 20.0)]
    cap: f64,
    /// How many times each script runs.
    #[arg(long, default_value_t = 1)]
    repeat: usize,
    /// Runs those that are known to hang too.
    #[arg(long)]
    all: bool,
    /// Writes the results to this file as Markdown.
    #[arg(long)]
    write: Option<PathBuf>,
    /// Runs one script in this process and prints a line of JSON.
    #[arg(long, hide = true, num_args = 2, value_names = ["ENGINE", "SCRIPT"])]
    child: Option<Vec<String>>,
    /// Runs one program in this process with one allocation after another failing.
    #[arg(long, hide = true, value_name = "PROGRAM")]
    failing_allocations: Option<String>,
    /// Runs one program in this process on the engine, stopped at one moment after another.
    #[arg(long, hide = true, value_name = "PROGRAM", requires = "engine")]
    stops: Option<String>,
    /// How many of them.
    #[arg(long, hide = true, default_value_t = 1000)]
    runs: u32,
    /// How many of the failing allocations; all without this.
    #[arg(long, hide = true, requires = "failing_allocations")]
    points: Option<u64>,
    /// Only this one, to look into a failure.
    #[arg(long, hide = true, requires = "failing_allocations", conflicts_with = "points")]
    only: Option<u64>,
}

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(code) => code,
        Err(e) => {
            eprintln!("{e}");
            ExitCode::from(2)
        }
    }
}

fn run(args: Args) -> Result<ExitCode, String> {
    if let Some([engine, script]) = args.child.as_deref() {
        let outcome = child::run(engine, Path::new(script))?;
        println!("{}", serde_json::to_string(&outcome).map_err(|e| e.to_string())?);
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(program) = args.failing_allocations {
        allocation::child(&program, args.points, args.only)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(program) = args.stops {
        for engine in &args.engine {
            stops::child(engine, &program, args.runs)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let results = corpus::run(&Options {
        filters: args.filters,
        engines: args.engine,
        jobs: args.jobs,
        cap: Duration::try_from_secs_f64(args.cap).map_err(|e| e.to_string())?,
        repeat: args.repeat.max(1),
        all: args.all,
        ..Options::new(std::env::current_exe().map_err(|e| e.to_string())?)
    })?;
    let text = results.markdown();
    println!("{text}");
    if let Some(path) = args.write {
        std::fs::write(&path, &text).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    let failures = results.failures();
    for failure in &failures {
        eprintln!("FAILED {failure}");
    }
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
