//! What the global scope has of its own.

use isolate_engine::{Glue, HostFunction};

use super::Module;
use crate::Context;

pub(super) static GLOBAL: Module = Module {
    name: "global",
    glue: Glue::new("isolate:global", include_str!("../glue/global.js")),
    functions,
    globals: &["Navigator"],
    attributes: &["navigator", "queueMicrotask", "reportError", "self"],
    objects: &[],
};

fn functions(context: &Context) -> Vec<HostFunction> {
    vec![context.function("__global_userAgent", || concat!("Isolate/", env!("CARGO_PKG_VERSION")))]
}
