//! The hostile scripts, all but those that are known to hang.

use isolate_hostile::corpus::{self, Options};

#[test]
fn every_hostile_script_ends_as_it_says() {
    let results = corpus::run(&Options::new(env!("CARGO_BIN_EXE_hostile"))).unwrap();
    println!("{}", results.markdown());
    println!("{} scripts that are known to hang were not run", results.skipped);
    let failures = results.failures();
    assert!(failures.is_empty(), "{} scripts did not end as they must:\n{}", failures.len(), failures.join("\n"));
}
