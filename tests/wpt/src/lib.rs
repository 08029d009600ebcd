//! Runs the web-platform-tests against Isolate and its peers, and compares the results with what is expected.

#![forbid(unsafe_code)]

pub mod bundle;
pub mod child;
pub mod compatibility;
pub mod expectations;
pub mod meta;
pub mod outcome;
pub mod plan;
pub mod report;
pub mod run;
pub mod select;
