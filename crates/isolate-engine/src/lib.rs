//! The engine-neutral layer of Isolate.
//!
//! Everything above this crate speaks to a JavaScript engine through two traits, [`Engine`] and [`EngineContext`],
//! and only data crosses them. The choices, each argued in its module:
//!
//! - [`value`]: a closed enum of data. Objects are copied and stay in JavaScript; the host never reads or sets a
//!   property, so no engine's object model leaks out, and no getter of a guest runs inside host code.
//! - [`error`]: "threw" and "was stopped" are different results; an error's class is data.
//! - [`handle`]: the two things that are not data, functions and promises, are tickets that are safe to drop anywhere.
//! - [`interrupt`]: one stop switch for deadlines, processor time, cancellation and memory.
//! - [`memory`]: what the host holds for a guest counts against the guest's limit.
//! - [`limits`]: each limit with its unit, its default and what it does not cover.
//! - [`engine`]: the traits; object-safe, so that the engine is a value chosen at run time.
//! - [`inspector`]: debuggers, for engines that have one.
//! - [`crossing`] and [`watchdog`]: what backends share: the bounds of values, and the thread that reaches busy guests.
//! - `conformance` (feature of that name): what every backend must do, as one function that takes an engine.
//!
//! The crate names no engine and holds no `unsafe`.

#![forbid(unsafe_code)]

pub mod crossing;
pub mod engine;
pub mod error;
pub mod handle;
pub mod inspector;
pub mod interrupt;
pub mod limits;
pub mod memory;
pub mod value;
pub mod watchdog;

#[cfg(feature = "conformance")]
pub mod conformance;

pub use engine::{
    Arguments, Completion, Engine, EngineContext, GlobalKind, Glue, HostCallback, HostFunction, LoadGlobals,
    ModuleLoader, ModuleSource, ModuleType, PlatformObjects, PromiseState, Script,
};
pub use error::{DomExceptionName, EngineError, ErrorClass, Exception, Failure, HostError, Location, Termination};
pub use handle::{Function, HandleSource, Promise};
pub use inspector::{FrontEnd, Received, Wake};
pub use interrupt::{Hold, Interrupter, Rest, Turns, WhenStopped, thread_cpu_time};
pub use limits::Limits;
pub use memory::{Charge, MemoryAccount, MemoryUsage};
pub use value::{BigInt, MAX_DEPTH, Object, Platform, RegExp, Sign, Value};
