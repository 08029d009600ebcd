//! Contexts, host functions, classes, marshalling and the event loop: what every API of Isolate is built on, written
//! once for all engines.
//!
//! A [`Context`] is one realm on one thread. It is made on an engine (a value of a backend crate), given host functions
//! ([`Context::define_function`] and its siblings) and classes ([`Class`]), and runs guest code ([`Context::eval`])
//! under its [`Limits`]. API crates add theirs with `setup_*(&context, options)`.
//!
//! One turn of the event loop: a command or a host future that is ready, then microtasks to the end, then timers that
//! are due one at a time with microtasks after each, then the rejections that nothing has handled.

#![forbid(unsafe_code)]

mod class;
mod clock;
mod context;
mod error;
mod evaluation;
mod function;
mod inspect;
mod marshal;
mod metrics;
mod modules;
mod options;
mod repeatable;
mod scope;
mod setup;
mod web;
mod work;

pub use class::{AsyncMethodFn, Class, Instance, IntoState, MethodFn};
pub use clock::{Clock, TimerCallback, TimerId};
pub use context::{Context, Turn, Uncaught, UncaughtKind, WeakContext};
pub use error::{Error, ErrorKind};
pub use evaluation::Evaluation;
pub use function::{Args, FromArg, FromValue, HostFn, IntoValue, Rest, Serde};
pub use marshal::{from_value, to_value};
pub use metrics::{Meter, Metrics};
pub use options::{ContextOptions, EvalOptions};
pub use scope::Scope;
pub use setup::{CoreHandle, setup_core};
pub use web::AbortSignal;
pub use web::streams::{ReadableStream, WritableStream};
pub use web::{Blob, BlobSource, File, uuid_of};
pub use work::Work;

/// The `url` crate, whose [`Url`](url::Url) guests' `URL` objects become.
pub use url;

pub use isolate_engine::{
    self as engine, BigInt, Charge, Completion, DomExceptionName, Engine, ErrorClass, Exception, Failure, FrontEnd,
    Function, Glue, HostError, HostFunction, Interrupter, Limits, Location, MAX_DEPTH, MemoryUsage, ModuleLoader,
    ModuleSource, ModuleType, Object, Platform, Promise, Received, RegExp, Script, Termination, Turns, Value, Wake,
    WhenStopped, thread_cpu_time,
};
