//! A heap from which contexts start, made once per process.
//!
//! What a context gets before its guest runs (glue, lazy globals) is the same for all contexts that are set up in the
//! same way, but for the host functions' bodies, which stay on the host. The steps of that set-up are noted. When a second
//! context has gone through them, V8 makes a snapshot of a context after those steps; from then on a context makes no
//! isolate until something other than a known step is asked of it. Steps are answered from what they came to before, and
//! the isolate starts from the snapshot. If a step is another one, the isolate is made without, and the steps so far are
//! gone through for real.
//!
//! Contexts that are set up in different ways share the steps that they have in common: the snapshot shrinks to those.

use std::borrow::Cow;
use std::cell::Cell;
use std::ffi::c_void;
use std::ptr;
use std::rc::Rc;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use isolate_engine::{
    EngineContext, Failure, Function, GlobalKind, Glue, HostError, HostFunction, Limits, Object, PlatformObjects, Value,
};
use v8::MapFnTo;

use crate::callbacks::call_host;
use crate::context::{Start, V8Context, lazy_accessor, lazy_value};
use crate::natives;

/// What a host function is, but for its body.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Signature {
    name: String,
    length: u8,
}

/// A step of a context's set-up. Functions are given by the number of their slot.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Install { glue: &'static Glue, functions: Vec<Signature> },
    Lazy { names: &'static [&'static str], kind: GlobalKind },
    ErrorFactory(usize),
    Platform { send: usize, receive: usize },
}

impl Step {
    pub(crate) fn install(glue: &'static Glue, functions: &[HostFunction]) -> Self {
        let functions = functions.iter().map(|f| Signature { name: f.name.clone(), length: f.length }).collect();
        Step::Install { glue, functions }
    }

    /// Whether this is the installation of this glue with these functions.
    pub(crate) fn installs(&self, glue: &'static Glue, functions: &[HostFunction]) -> bool {
        match self {
            Step::Install { glue: known, functions: signatures } => {
                ptr::eq(*known, glue)
                    && signatures.len() == functions.len()
                    && signatures.iter().zip(functions).all(|(s, f)| s.name == f.name && s.length == f.length)
            }
            _ => false,
        }
    }
}

impl PartialEq for Step {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Step::Install { glue: a, functions: f }, Step::Install { glue: b, functions: g }) => {
                ptr::eq(*a, *b) && f == g
            }
            (Step::Lazy { names: a, kind: k }, Step::Lazy { names: b, kind: l }) => ptr::eq(*a, *b) && k == l,
            (Step::ErrorFactory(a), Step::ErrorFactory(b)) => a == b,
            (Step::Platform { send: a, receive: b }, Step::Platform { send: c, receive: d }) => (a, b) == (c, d),
            _ => false,
        }
    }
}

/// A snapshot with the steps that it holds, and what each installation came to.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) blob: &'static [u8],
    pub(crate) steps: Vec<Step>,
    pub(crate) results: Vec<Value>,
}

/// A value whose functions are exchanged.
pub(crate) fn rebind(value: &Value, f: &mut impl FnMut(&Function) -> Function) -> Value {
    match value {
        Value::Function(function) => Value::Function(f(function)),
        Value::List(items) => Value::List(items.iter().map(|v| rebind(v, f)).collect()),
        Value::Object(o) => Value::Object(o.iter().map(|(k, v)| (k, rebind(v, f))).collect::<Object>()),
        other => other.clone(),
    }
}

/// Whether a value is one that can be given again: data, lists and objects of it, and functions.
fn is_repeatable(value: &Value) -> bool {
    match value {
        Value::Promise(_) | Value::Platform(_) | Value::Map(_) | Value::Set(_) | Value::Error(_) => false,
        Value::List(items) => items.iter().all(is_repeatable),
        Value::Object(o) => o.iter().all(|(_, v)| is_repeatable(v)),
        _ => true,
    }
}

#[derive(Default)]
struct Registry {
    /// The steps that all contexts so far had in common.
    common: Option<Vec<Step>>,
    current: Option<Arc<Snapshot>>,
    /// The steps could not be gone through without their host.
    failed: bool,
}

fn registry() -> std::sync::MutexGuard<'static, Registry> {
    static REGISTRY: OnceLock<Mutex<Registry>> = OnceLock::new();
    REGISTRY.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

/// The snapshot to start from, if there is one.
pub(crate) fn current() -> Option<Arc<Snapshot>> {
    registry().current.clone()
}

/// A context was set up by these steps.
pub(crate) fn note(steps: &[Step]) {
    let common = {
        let mut registry = registry();
        if registry.failed {
            return;
        }
        let Some(common) = &mut registry.common else {
            registry.common = Some(steps.to_vec());
            return;
        };
        let shared = common.iter().zip(steps).take_while(|(a, b)| a == b).count();
        let is_shorter = shared < common.len();
        common.truncate(shared);
        let common = common.clone();
        if registry.current.is_some() && !is_shorter {
            return;
        }
        registry.current = None;
        common
    };
    // Another context may be doing the same: either result will do.
    let made = make(&common);
    let mut registry = registry();
    match made {
        Made::Snapshot(snapshot) if registry.common.as_ref() == Some(&snapshot.steps) => {
            registry.current = Some(Arc::new(snapshot));
        }
        Made::Snapshot(_) | Made::NotHere => {}
        Made::Never => registry.failed = true,
    }
}

enum Made {
    Snapshot(Snapshot),
    /// This thread has not enough stack for it.
    NotHere,
    /// Some step needs its host.
    Never,
}

/// Goes through the steps in a context of its own and takes the snapshot.
fn make(steps: &[Step]) -> Made {
    const STACK: usize = 256 << 10;
    let called = Rc::new(Cell::new(false));
    let Ok(context) = V8Context::start(&Limits::unlimited().stack(STACK), true, Start::Creator) else {
        return Made::NotHere;
    };
    let mut results = Vec::with_capacity(steps.len());
    for step in steps {
        match replay(&context, step, &called) {
            Ok(result) if !called.get() && is_repeatable(&result) => results.push(result),
            _ => break,
        }
    }
    let blob = context.into_blob();
    match blob {
        // A process makes one, or a few that grow shorter, and contexts of any age need theirs.
        Some(blob) if results.len() == steps.len() => {
            Made::Snapshot(Snapshot { blob: Box::leak(blob), steps: steps.to_vec(), results })
        }
        _ => Made::Never,
    }
}

/// Goes through a step with host functions that only note that they were called.
fn replay(context: &V8Context, step: &Step, called: &Rc<Cell<bool>>) -> Result<Value, Failure> {
    match step {
        Step::Install { glue, functions } => {
            let functions = functions.iter().map(|signature| {
                let called = called.clone();
                HostFunction::new(signature.name.clone(), move |_, _| {
                    called.set(true);
                    Err(HostError::error("there is no host while a snapshot is made"))
                })
                .length(signature.length)
            });
            context.install(glue, functions.collect())
        }
        Step::Lazy { names, kind } => {
            let called = called.clone();
            let load = move |_: &dyn EngineContext| {
                called.set(true);
                Err(HostError::error("there is no host while a snapshot is made"))
            };
            context.define_lazy_globals(names, *kind, Rc::new(load)).map(|()| Value::Undefined)
        }
        Step::ErrorFactory(slot) => {
            context.set_error_factory(&context.function_of_slot(*slot)).map(|()| Value::Undefined)
        }
        Step::Platform { send, receive } => {
            let (send, receive) = (context.function_of_slot(*send), context.function_of_slot(*receive));
            context.set_platform(&send, &receive, Rc::new(NoObjects)).map(|()| Value::Undefined)
        }
    }
}

struct NoObjects;

impl PlatformObjects for NoObjects {
    fn to_host(&self, _: Value) -> Result<isolate_engine::Platform, HostError> {
        Err(HostError::error("there is no host while a snapshot is made"))
    }
    fn to_guest(&self, _: &isolate_engine::Platform) -> Result<Value, HostError> {
        Err(HostError::error("there is no host while a snapshot is made"))
    }
}

/// The addresses of this program that a snapshot refers to, by their place in the list.
pub(crate) fn external_references() -> Cow<'static, [v8::ExternalReference]> {
    struct References(&'static [v8::ExternalReference]);
    // SAFETY: addresses of functions, which are never written to.
    unsafe impl Send for References {}
    // SAFETY: as above.
    unsafe impl Sync for References {}
    static REFERENCES: OnceLock<References> = OnceLock::new();
    let references = REFERENCES.get_or_init(|| {
        let getter: v8::AccessorNameGetterCallback = lazy_value.map_fn_to();
        let mut all = vec![
            v8::ExternalReference { function: call_host.map_fn_to() },
            v8::ExternalReference { function: lazy_accessor.map_fn_to() },
            v8::ExternalReference { pointer: getter as *mut c_void },
        ];
        all.extend(natives::references());
        all.push(v8::ExternalReference { pointer: ptr::null_mut() });
        References(Box::leak(all.into_boxed_slice()))
    });
    Cow::Borrowed(references.0)
}
