//! One program for all tests that are outside of the crate: each program more is linked with the engines again.

mod host;
#[cfg(feature = "v8")]
mod inspect;
mod runtime;
#[cfg(all(feature = "network", feature = "server"))]
mod server;
mod test_context;
#[cfg(feature = "test-environment")]
mod test_environment;
