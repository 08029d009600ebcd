//! The process in which tests run: names of runs come in on standard input, lines of results go out.
//!
//! It is a process of its own since a crash of the engine takes it along, and a hang has to be killed.

use std::io::{BufRead, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use isolate_runtime::fetch::network::{Network, NetworkOptions, NetworkPolicy};
use isolate_runtime::{
    Clock, ConsoleOptions, Engine, Error, EvalOptions, FetchOptions, FsOptions, Limits, MemoryFileSystem, Runtime,
    RuntimeOptions, create_runtime, engine_by_name,
};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::bundle::{Bundle, bundle};
use crate::outcome::Trouble;
use crate::select::Job;

/// What begins a line about the run that is under way.
pub(crate) const LINE: &str = "WPT ";
/// The line after the last of a run.
pub(crate) const END: &str = "END";

/// Memory of a guest, in bytes. No test needs it to be small.
const MEMORY: usize = 1 << 30;
/// Stack of a guest, in bytes.
const STACK: usize = 4 << 20;
/// How much longer than the harness the guest may take before it is stopped.
const GRACE: Duration = Duration::from_secs(3);

/// What the parent asks for.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) variant: String,
}

#[derive(Serialize)]
struct Uncaught {
    uncaught: String,
}

#[derive(Serialize)]
struct Threw<'a> {
    threw: String,
    script: &'a str,
}

#[derive(Serialize)]
struct Troubled {
    trouble: Trouble,
    message: String,
}

/// Runs what standard input names until it ends.
///
/// # Errors
/// If there is no such engine, or standard input or output fails.
pub fn run(root: &Path, engine: &str, timeout: Duration) -> Result<(), String> {
    let engine = engine_by_name(engine).map_err(|e| e.to_string())?;
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|e| e.to_string())?;
        let Request { path, variant } = serde_json::from_str(&line).map_err(|e| e.to_string())?;
        let job = Job { path, variant, long: false, rule: None };
        let bundle = match bundle(root, &job, timeout) {
            Ok(bundle) => bundle,
            Err(message) => {
                tell(&Troubled { trouble: Trouble::Error, message });
                end()?;
                continue;
            }
        };
        tokio.block_on(run_one(&engine, &bundle));
        end()?;
    }
    Ok(())
}

/// Standard output is a pipe to the parent; if that is gone, so is the reason to go on, and the next `end` sees it.
fn tell(line: &impl Serialize) {
    if let Ok(json) = serde_json::to_string(line) {
        tell_json(&json);
    }
}

fn tell_json(json: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{LINE}{json}");
}

fn end() -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{END}").and_then(|()| out.flush()).map_err(|e| e.to_string())
}

/// The tests' own server, if there is one, and nothing else.
fn network() -> FetchOptions {
    if crate::bundle::server().is_none() {
        return FetchOptions::new();
    }
    // Other names of this machine are other origins to a test.
    let policy = ["localhost", "127.0.0.1"]
        .iter()
        .filter_map(|host| host.parse().ok())
        .fold(NetworkPolicy::new(), NetworkPolicy::allow);
    let network = Network::new(NetworkOptions::new(policy));
    FetchOptions::new().handler(network.clone()).web_socket(network)
}

async fn run_one(engine: &Arc<dyn Engine>, bundle: &Bundle) {
    let (done, mut is_done) = mpsc::unbounded_channel();
    let report = move |line: String| {
        // At once: whatever happens next, this is known.
        tell_json(&line);
        if line.starts_with("{\"done\"") {
            let _ = done.send(());
        }
    };
    let allow_uncaught = bundle.allow_uncaught;
    let limits = Limits::new().memory(MEMORY).stack(STACK).wall_time(bundle.timeout + GRACE);
    let options = RuntimeOptions::new()
        .engine_arc(engine.clone())
        .clock(Clock::Real)
        .limits(limits)
        .console(ConsoleOptions::new().on_event(|_| {}))
        .on_uncaught(move |uncaught| {
            if !allow_uncaught {
                tell(&Uncaught { uncaught: uncaught.exception.to_string() });
            }
        })
        .fetch(network())
        .fs(FsOptions::new().handler(MemoryFileSystem::new()))
        .setup(move |context| context.define_function("wptReport", report).map(drop));
    let runtime = match create_runtime(options).await {
        Ok(runtime) => runtime,
        Err(e) => return tell(&Troubled { trouble: Trouble::Error, message: format!("no runtime: {e}") }),
    };
    let all = async {
        run_scripts(&runtime, bundle).await?;
        is_done.recv().await;
        Ok::<_, Error>(())
    };
    match tokio::time::timeout(bundle.timeout + GRACE + GRACE, all).await {
        Ok(Ok(())) => {}
        Ok(Err(e)) => tell(&Troubled { trouble: Trouble::Stopped, message: e.to_string() }),
        Err(_) => match runtime.stopped() {
            Some(why) => tell(&Troubled { trouble: Trouble::Stopped, message: format!("{why:?}") }),
            None => tell(&Troubled { trouble: Trouble::Hang, message: "the harness never came to its end".into() }),
        },
    }
    // If this hangs, the parent kills the process.
    runtime.dispose().await;
}

/// Runs the scripts, and tells the harness that they ran. An error is that of a guest that was stopped.
async fn run_scripts(runtime: &Runtime, bundle: &Bundle) -> Result<(), Error> {
    let classic = |name: &str| EvalOptions::new().filename(name).top_level_await(false).discard();
    let mut failed = false;
    for script in &bundle.scripts {
        match runtime.eval(script.1.clone(), classic(&script.0)).await {
            Ok(_) => {}
            Err(e) => {
                let Some(exception) = e.exception() else { return Err(e) };
                tell(&Threw { threw: exception.to_string(), script: &script.0 });
                failed = true;
                break;
            }
        }
    }
    match runtime.eval(format!("wptLoaded({failed})"), classic("wpt:loaded")).await {
        // Then the harness itself did not load, which is told already.
        Err(e) if e.exception().is_some() && failed => Err(e),
        other => other.map(drop),
    }
}
