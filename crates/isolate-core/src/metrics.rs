//! Counters of what a context does and uses.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use isolate_engine::crossing::{NODE, weight};
use isolate_engine::{MemoryAccount, Value};
use serde::Serialize;

use crate::Context;

/// What a context has done since it was made, and what it uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Metrics {
    /// Evaluations and calls that the host began.
    pub evaluations: u64,
    /// Calls of host functions by the guest, and by the glue of its APIs for it.
    pub host_calls: u64,
    /// Of the values that went to the guest: text and bytes by their length, and 64 bytes for each node, as
    /// [`Limits::value_bytes`](isolate_engine::Limits::value_bytes) counts them.
    pub bytes_in: u64,
    /// Of the values that came from the guest, counted alike.
    pub bytes_out: u64,
    /// Instances of host classes that are held for the guest.
    pub instances: u64,
    /// Processor time of the guest: on its thread, and of work done for it elsewhere. Of a context without a runtime, what
    /// was measured for a limit on it.
    pub cpu_time: Duration,
    /// Bytes that it uses: the engine's, and what the host holds for it.
    pub memory: u64,
    /// The most bytes that it has used.
    pub peak_memory: u64,
}

#[derive(Default)]
struct Counters {
    evaluations: AtomicU64,
    host_calls: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    instances: AtomicU64,
    cpu_nanos: AtomicU64,
    memory: OnceLock<MemoryAccount>,
    peak_memory: AtomicU64,
}

/// Reads the metrics of a context, from any thread and without waiting for it. Clones are the same.
///
/// Evaluations, host calls and bytes are those of this moment, memory that of some milliseconds ago at most. The others are as
/// they were when the host was last answered, or the guest's thread last came to rest.
#[derive(Clone, Default)]
pub struct Meter(Arc<Counters>);

impl std::fmt::Debug for Meter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Meter").field(&self.read()).finish()
    }
}

/// As [`weight`], without a call for what is met most.
#[inline]
fn weigh(value: &Value) -> usize {
    match value {
        Value::Undefined | Value::Null | Value::Bool(_) | Value::Number(_) => NODE,
        other => weight(other),
    }
}

/// Only the context's thread writes, so nothing is lost between the two steps.
#[inline]
fn add(counter: &AtomicU64, n: usize) {
    counter.store(counter.load(Relaxed).wrapping_add(n as u64), Relaxed);
}

impl Meter {
    /// What they are now.
    pub fn read(&self) -> Metrics {
        let c = &*self.0;
        let memory = c.memory.get().map_or(0, MemoryAccount::total) as u64;
        Metrics {
            evaluations: c.evaluations.load(Relaxed),
            host_calls: c.host_calls.load(Relaxed),
            bytes_in: c.bytes_in.load(Relaxed),
            bytes_out: c.bytes_out.load(Relaxed),
            instances: c.instances.load(Relaxed),
            cpu_time: Duration::from_nanos(c.cpu_nanos.load(Relaxed)),
            memory,
            peak_memory: c.peak_memory.load(Relaxed).max(memory),
        }
    }

    pub(crate) fn new(memory: MemoryAccount) -> Self {
        let this = Self::default();
        let _ = this.0.memory.set(memory);
        this
    }

    pub(crate) fn evaluation(&self, args: &[Value]) {
        add(&self.0.evaluations, 1);
        self.sent(args);
    }

    pub(crate) fn host_call(&self, args: &[Value]) {
        add(&self.0.host_calls, 1);
        add(&self.0.bytes_out, args.iter().map(weigh).sum());
    }

    pub(crate) fn sent(&self, values: &[Value]) {
        add(&self.0.bytes_in, values.iter().map(weigh).sum());
    }

    pub(crate) fn received(&self, value: &Value) {
        add(&self.0.bytes_out, weigh(value));
    }
}

impl Context {
    /// A reader of its metrics for other threads.
    pub fn meter(&self) -> Meter {
        self.0.meter.clone()
    }

    /// What it has done and uses, at this moment.
    pub fn metrics(&self) -> Metrics {
        self.update_metrics(Duration::ZERO);
        self.0.meter.read()
    }

    /// For who drives the context: adds processor time that its thread has spent on it, and lets the [`Meter`] show what it
    /// uses now.
    pub fn update_metrics(&self, cpu_time: Duration) {
        let counters = &*self.0.meter.0;
        let usage = self.memory_usage();
        let own = self.0.cpu_driven.get() + cpu_time;
        self.0.cpu_driven.set(own);
        // A driver has measured all that the limits have, and more.
        let cpu_time = own.max(self.0.cpu_used.get()) + self.0.offloaded.spent();
        counters.cpu_nanos.store(u64::try_from(cpu_time.as_nanos()).unwrap_or(u64::MAX), Relaxed);
        counters.peak_memory.store(usage.peak as u64, Relaxed);
        counters.instances.store(self.instance_count() as u64, Relaxed);
    }
}
