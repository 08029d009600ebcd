//! Events and their targets, and the times that events and measurements show.

use std::time::{Duration, UNIX_EPOCH};

use isolate_engine::{Glue, HostFunction};

use super::Module;
use crate::Context;

pub(super) static EVENTS: Module = Module {
    name: "events",
    glue: Glue::new("isolate:events", include_str!("../glue/events.js")),
    functions: |context| vec![now_function(context, "__events_now")],
    globals: &[
        "Event",
        "EventTarget",
        "CustomEvent",
        "ErrorEvent",
        "MessageEvent",
        "PromiseRejectionEvent",
        "addEventListener",
        "removeEventListener",
        "dispatchEvent",
    ],
    attributes: &[],
    objects: &[],
};

pub(super) static PERFORMANCE: Module = Module {
    name: "performance",
    glue: Glue::new("isolate:performance", include_str!("../glue/performance.js")),
    functions: performance,
    globals: &[
        "Performance",
        "PerformanceEntry",
        "PerformanceMark",
        "PerformanceMeasure",
        "PerformanceObserver",
        "PerformanceObserverEntryList",
    ],
    attributes: &["performance"],
    objects: &[],
};

/// To how many nanoseconds times are rounded down: what browsers give pages that are isolated from others
/// (<https://w3c.github.io/hr-time/#dfn-coarsen-time>).
const RESOLUTION: u128 = 5_000;

fn coarse_ms(time: Duration) -> f64 {
    let nanos = time.as_nanos() / RESOLUTION * RESOLUTION;
    // Two steps, so that whole microseconds become the nearest number of milliseconds.
    (nanos / 1_000) as f64 / 1_000.0
}

/// Milliseconds on the context's clock.
fn now_function(context: &Context, name: &str) -> HostFunction {
    context.function(name, |context: Context| coarse_ms(context.now()))
}

fn performance(context: &Context) -> Vec<HostFunction> {
    // Milliseconds since 1970 at which the context's clock showed 0.
    let origin = context.function("__performance_timeOrigin", |context: Context| {
        coarse_ms(context.time_origin().duration_since(UNIX_EPOCH).unwrap_or_default())
    });
    vec![now_function(context, "__performance_now"), origin]
}
