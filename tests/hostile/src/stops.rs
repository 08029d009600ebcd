//! Fault injection: ordinary programs run again and again, each time stopped at another moment.
//!
//! Whatever an engine is in the middle of (setting up, compiling, linking modules, collecting garbage, a builtin), the
//! context must be stopped, stay so, and be dropped without harm. As in [`allocation`](crate::allocation), a run that
//! fails is a crash of the process, so each program has a child of its own.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use isolate_runtime::{Engine, Termination, engine_by_name};

use crate::programs::{self, run_once};

/// Runs a program on an engine in a process of its own, `runs` times.
///
/// # Errors
/// What went wrong, and after how many microseconds.
pub fn parent(program: &Path, engine: &str, name: &str, runs: u32, cap: Duration) -> Result<(), String> {
    programs::run_child(program, &["--stops", name, "--engine", engine, "--runs", &runs.to_string()], cap)
}

/// Runs a program in this process, stopped at `runs` moments spread over the time that it takes. Prints each moment, in
/// microseconds from the making of its context, before the run.
///
/// # Errors
/// If a run ends in another way than by the stop or by giving its value.
pub fn child(engine: &str, name: &str, runs: u32) -> Result<(), String> {
    let source = programs::source(name)?;
    let engine = engine_by_name(engine).map_err(|e| e.to_string())?;
    // The first is slower, since it makes what is made once for the process.
    run_until(&*engine, source, None)?;
    let start = Instant::now();
    run_until(&*engine, source, None)?;
    let whole = start.elapsed();
    let mut stopped = 0;
    for run in 1..=runs {
        let moment = whole * run / runs;
        println!("stopped after {} of {} us", moment.as_micros(), whole.as_micros());
        stopped += u32::from(!run_until(&*engine, source, Some(moment))?);
    }
    println!("{stopped} of {runs} runs were stopped");
    if stopped == 0 { Err("no run was stopped before its end".into()) } else { Ok(()) }
}

/// Runs a program once, and stops it at a moment. Returns whether it came to its end before.
fn run_until(engine: &dyn Engine, source: &str, moment: Option<Duration>) -> Result<bool, String> {
    let done = Arc::new(AtomicBool::new(false));
    let mut stopper = None;
    let completed = run_once(engine, source, Termination::Cancelled, |context| {
        let (interrupter, start, done) = (context.interrupter(), Instant::now(), done.clone());
        stopper = moment.map(|moment| {
            std::thread::spawn(move || {
                // Sleeping is exact to no more than tens of microseconds, in which an engine does much.
                while start.elapsed() < moment && !done.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
                interrupter.terminate(Termination::Cancelled);
            })
        });
    });
    done.store(true, Ordering::Relaxed);
    if stopper.is_some_and(|thread| thread.join().is_err()) {
        return Err("the thread that stops panicked".into());
    }
    completed
}
