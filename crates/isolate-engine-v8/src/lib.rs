//! V8 behind the traits of [`isolate_engine`]. The only crate that names `v8`.
//!
//! One isolate with one context for each `EngineContext`, owned by its thread and entered only while an operation runs,
//! so that many live side by side on one thread and are dropped in any order.
//!
//! - `process`: what V8 has once for the process: its flags and its threads.
//! - `memory`: the memory limit: the heap's, and the buffers' that V8 asks the host for.
//! - `convert`: values in both directions.
//! - `context`: the operations of the trait.
//! - `callbacks`: what V8 calls.
//! - `natives`: the functions that glue gets of the engine, half of them in `natives.js`.
//! - `repl`: scripts with `await` at their top level.
//! - `snapshot`: the heap from which contexts start.
//! - `inspector`: the DevTools protocol.
//! - `modules`: loading, linking and running ES modules.

// Without V8 there is nothing here, so that commands for the whole workspace need no library.
#![cfg(feature = "v8")]

mod callbacks;
mod context;
mod convert;
mod inspector;
mod memory;
mod modules;
mod natives;
mod process;
mod repl;
mod snapshot;

pub use context::STACK_RESERVE;

use isolate_engine::{Engine, EngineContext, Failure, Limits};

/// The V8 engine. All contexts are independent; what V8 has once for the process (flags, threads for its compiler and
/// collector) is set up when the first context is made.
#[derive(Clone, Debug, Default)]
pub struct V8 {
    web_assembly: bool,
}

impl V8 {
    /// The engine.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether guests have `WebAssembly`. Default: no. The memory of its instances counts against no limit.
    #[must_use]
    pub fn web_assembly(mut self, is_there: bool) -> Self {
        self.web_assembly = is_there;
        self
    }

    /// The version of V8.
    pub fn version() -> &'static str {
        v8::V8::get_version()
    }
}

impl Engine for V8 {
    fn name(&self) -> &'static str {
        "v8"
    }

    fn new_context(&self, limits: &Limits) -> Result<Box<dyn EngineContext>, Failure> {
        Ok(Box::new(context::V8Context::new(limits, self.web_assembly)?))
    }

    /// V8 ends the process when it cannot have the memory for an object, so a stopped guest gets it: the largest array or
    /// string takes 1 GiB.
    fn memory_overshoot(&self) -> usize {
        memory::LARGEST
    }

    fn stack_reserve(&self) -> usize {
        STACK_RESERVE
    }
}
