//! Fault injection: ordinary programs run again and again, each time with another allocation failing.
//!
//! Wherever memory runs out, the context must be stopped with [`Termination::Memory`], stay so, and be dropped without
//! harm; the guest must never see an error in its place, however much it catches. What a program tests is thus the
//! engine's own handling of a null pointer in every place that the program reaches. A run that fails is a crash of
//! the process, so each program has a child of its own, which says where it is.

use std::path::Path;
use std::time::Duration;

use isolate_runtime::{QuickJs, Termination};

use crate::programs::{self, PROGRAMS, run_once};

/// Runs a program in a process of its own, with `points` of its allocations failing in turn, or all of them.
///
/// # Errors
/// What went wrong, and at which allocation.
pub fn parent(program: &Path, name: &str, points: Option<u64>, cap: Duration) -> Result<(), String> {
    let mut args = vec!["--failing-allocations", name];
    let points = points.map(|points| points.to_string());
    args.extend(points.iter().flat_map(|points| ["--points", points]));
    programs::run_child(program, &args, cap)
}

/// Runs a program in this process, and prints the number of each allocation before the run in which it fails. With
/// `only` that is one.
///
/// # Errors
/// If a run ends in another way than by its memory or by giving its value.
pub fn child(name: &str, points: Option<u64>, only: Option<u64>) -> Result<(), String> {
    let source = programs::source(name)?;
    // What is made once for the process must not be counted.
    if !completes(source, None)? {
        return Err("it runs out of memory when nothing is made to fail".into());
    }
    if let Some(n) = only {
        println!("{n}");
        let completed = completes(source, Some(n))?;
        println!("{}", if completed { "completed" } else { "stopped" });
        return Ok(());
    }
    // The setting up is the same for all, and has a program of its own.
    let from = if name == "setup" { 1 } else { allocations(PROGRAMS[0].1)? };
    let to = allocations(source)?.max(from);
    let step = points.map_or(1, |points| ((to - from) / points.max(1)).max(1));
    for n in (from..=to + 2).step_by(usize::try_from(step).unwrap_or(usize::MAX)) {
        println!("{n} of {to}");
        completes(source, Some(n))?;
    }
    Ok(())
}

/// About how many allocations a program makes, those of the setting up included.
fn allocations(source: &str) -> Result<u64, String> {
    let (mut enough, mut least) = (64, 0);
    while !completes(source, Some(enough))? {
        (least, enough) = (enough, enough * 2);
    }
    while enough - least > 1 {
        let middle = least + (enough - least) / 2;
        if completes(source, Some(middle))? { enough = middle } else { least = middle }
    }
    Ok(least)
}

/// Runs a program once. Returns whether it came to its end, rather than to that of its memory.
fn completes(source: &str, fail: Option<u64>) -> Result<bool, String> {
    let engine = fail.map_or_else(QuickJs::new, |n| QuickJs::new().failing_allocation(n));
    run_once(&engine, source, Termination::Memory, |_| {}).map_err(|e| format!("when allocation {fail:?} failed: {e}"))
}
