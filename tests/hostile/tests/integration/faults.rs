//! A context that runs out of memory, or is stopped, wherever that happens, stays stopped and can be dropped.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use isolate_hostile::programs::PROGRAMS;
use isolate_hostile::{allocation, stops};

const CAP: Duration = Duration::from_secs(120);

/// Runs every program in a child, two at a time.
fn with_every_program(run: impl Fn(&Path, &str) -> Result<(), String> + Sync) {
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((name, _)) = PROGRAMS.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(e) = run(Path::new(env!("CARGO_BIN_EXE_hostile")), name) {
                        failures.lock().unwrap().push(e);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_failing_allocation_stops_the_context_and_harms_nothing() {
    with_every_program(|hostile, program| allocation::parent(hostile, program, Some(1500), CAP));
}

#[test]
fn a_stop_at_any_moment_stops_the_context_and_harms_nothing() {
    for engine in isolate_runtime::engines() {
        with_every_program(|hostile, program| stops::parent(hostile, engine.name(), program, 50, CAP));
    }
}
