//! One program for all tests that are outside of the crate: each program more is linked with the engines again.

mod corpus;
mod faults;
mod host;
