//! The `isolate` command: run untrusted JavaScript under hard limits.
//!
//! Exit codes: 0 ok, 1 uncaught error, 2 usage, 3 stopped by a limit.

#![forbid(unsafe_code)]

mod args;
mod files;
#[cfg(feature = "v8")]
mod inspect;
mod loader;
mod net;
mod repl;
mod report;
mod run;
mod serve;
mod test;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = args::Cli::parse();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => {
            eprintln!("isolate: cannot start: {e}");
            return ExitCode::from(1);
        }
    };
    ExitCode::from(tokio::task::LocalSet::new().block_on(&runtime, run::main(cli)))
}
