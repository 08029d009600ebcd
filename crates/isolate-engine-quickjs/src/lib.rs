//! QuickJS-NG behind the traits of [`isolate_engine`]. The only crate that names `rquickjs`.
//!
//! It speaks to the engine's C interface (`rquickjs::qjs`) and not through the crate's safe layer: that layer aborts
//! the process when a kept value outlives its runtime or is dropped on another thread, cannot tell a stop from a throw,
//! and its function calls cost several times the raw ones. What is needed here is small and stands in six files:
//!
//! - `arena`: the allocator, which enforces the memory limit and lets a context be dropped whatever state it is in.
//! - `poll`: how a stopped guest is kept from ever running on.
//! - `watchdog`: how a guest that does not ask is reached.
//! - `convert`: values in both directions.
//! - `context`: the operations of the trait.
//! - `callbacks`: what the engine calls.

mod arena;
mod callbacks;
mod context;
mod convert;
mod natives;
mod plain;
mod poll;
mod watchdog;

pub use context::STACK_RESERVE;

use std::fmt;

use isolate_engine::{Engine, EngineContext, Failure, Limits};

/// The QuickJS-NG engine. All contexts are independent; the value itself holds nothing.
#[derive(Clone, Default)]
pub struct QuickJs {
    fail_allocation: Option<u64>,
}

impl QuickJs {
    /// The engine.
    pub fn new() -> Self {
        Self::default()
    }

    /// For tests: in each context made from this value, the `n`-th allocation after its creation fails as if the
    /// memory limit were reached there.
    #[must_use]
    pub fn failing_allocation(mut self, n: u64) -> Self {
        self.fail_allocation = Some(n);
        self
    }

    /// The version of QuickJS-NG.
    pub fn version() -> String {
        // SAFETY: returns a static NUL-terminated string.
        unsafe { std::ffi::CStr::from_ptr(rquickjs::qjs::JS_GetVersion()) }.to_string_lossy().into_owned()
    }
}

impl fmt::Debug for QuickJs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("QuickJs")
    }
}

impl Engine for QuickJs {
    fn name(&self) -> &'static str {
        "quickjs"
    }

    fn new_context(&self, limits: &Limits) -> Result<Box<dyn EngineContext>, Failure> {
        Ok(Box::new(context::QuickJsContext::new(limits, self.fail_allocation)?))
    }

    fn stack_reserve(&self) -> usize {
        STACK_RESERVE
    }
}
