//! One program for all tests that are outside of the crate: each program more is linked with the engines again.

#[cfg(all(
    feature = "console",
    feature = "crypto",
    feature = "encoding",
    feature = "path",
    feature = "test-environment"
))]
mod contexts;
#[cfg(feature = "fetch")]
mod fetch;
#[cfg(feature = "runtime")]
mod runtime;
#[cfg(feature = "server")]
mod server;
