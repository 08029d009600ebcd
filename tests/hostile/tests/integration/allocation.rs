//! A context that runs out of memory, wherever that happens, is stopped and can be dropped.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use isolate_hostile::allocation::{PROGRAMS, parent};

#[test]
fn every_failing_allocation_stops_the_context_and_harms_nothing() {
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((name, _)) = PROGRAMS.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let program = Path::new(env!("CARGO_BIN_EXE_hostile"));
                    if let Err(e) = parent(program, name, Some(1500), Duration::from_secs(120)) {
                        failures.lock().unwrap().push(e);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
