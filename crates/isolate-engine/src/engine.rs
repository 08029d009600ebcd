//! The two traits that a JavaScript engine implements, and what they speak of.
//!
//! Required methods are kept few, so that two very different engines fit; everything that can be written once for all
//! engines (the event loop, typed host functions, classes, timers) lives above, in `isolate-core`.

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;

use crate::{
    Charge, EngineError, Exception, Failure, FrontEnd, Function, HostError, Interrupter, Limits, MemoryAccount,
    MemoryUsage, Platform, Promise, Value, Wake,
};

/// A JavaScript engine. A value, not a type parameter: which one runs is chosen at run time.
pub trait Engine: Send + Sync + fmt::Debug {
    /// Its name, as a user writes it: `quickjs`, `v8`.
    fn name(&self) -> &'static str;

    /// Makes a context with the language's own globals and nothing else. It belongs to the calling thread.
    ///
    /// # Errors
    /// If the limits leave no room for an empty context, or the thread's stack is too small for [`Limits::stack`].
    fn new_context(&self, limits: &Limits) -> Result<Box<dyn EngineContext>, Failure>;

    /// How many bytes beyond [`Limits::memory`] one allocation of a guest's may take before the stop takes hold. Zero for
    /// an engine that lets its allocations be refused.
    fn memory_overshoot(&self) -> usize {
        0
    }

    /// Native stack in bytes that a context needs of its thread besides [`Limits::stack`].
    fn stack_reserve(&self) -> usize;
}

/// One realm with its limits. Not `Send`: it lives, runs and is dropped on one thread.
///
/// Every operation that can run guest code gives [`Failure::Terminated`] when the context is stopped, whatever the
/// guest did to hide it, and from then on all of them do. Dropping a context is always safe. Operations take `&self`,
/// since a host function that runs inside one may call another.
pub trait EngineContext {
    /// Runs a classic script in the global scope.
    ///
    /// # Errors
    /// What the script threw ([`Exception::early`] if it did not parse), or why it was stopped.
    fn evaluate_script(&self, script: &Script<'_>) -> Result<Value, Failure>;

    /// Loads, links and runs a module. The promise settles when its top level has.
    ///
    /// # Errors
    /// As for a script.
    fn evaluate_module(&self, module: &Script<'_>) -> Result<Promise, Failure>;

    /// Sets who answers `import`. Without a loader every import fails.
    fn set_module_loader(&self, loader: Rc<dyn ModuleLoader>);

    /// Instantiates glue: calls its function with `(host, shared, engine)`, where `host` is an object of these host
    /// functions by name, `shared` is one object for all glue of this context (the captured builtins are kept there),
    /// and `engine` holds the natives that `docs/engine-layer.md` lists. The guest sees none of the three.
    ///
    /// # Errors
    /// If the glue threw, or the context is stopped.
    fn install(&self, glue: &'static Glue, functions: Vec<HostFunction>) -> Result<Value, Failure>;

    /// Makes a guest function out of a host function.
    ///
    /// # Errors
    /// If the context is stopped.
    fn new_function(&self, function: HostFunction) -> Result<Function, Failure>;

    /// Calls a guest function with `undefined` as `this`.
    ///
    /// # Errors
    /// What it threw, or why it was stopped.
    fn call(&self, function: &Function, args: Vec<Value>) -> Result<Value, Failure>;

    /// Makes a pending promise.
    ///
    /// # Errors
    /// If the context is stopped.
    fn new_promise(&self) -> Result<Promise, Failure>;

    /// Settles a promise of [`new_promise`](Self::new_promise). Its reactions run with the next microtasks. A second
    /// time it does nothing.
    ///
    /// # Errors
    /// If the context is stopped.
    fn settle_promise(&self, promise: &Promise, outcome: Result<Value, HostError>) -> Result<(), Failure>;

    /// The state of a promise. Asking counts as handling its rejection, also one that comes later.
    ///
    /// # Errors
    /// If the context is stopped, or the result cannot cross.
    fn promise_state(&self, promise: &Promise) -> Result<PromiseState, Failure>;

    /// Runs microtasks until none is left.
    ///
    /// # Errors
    /// Only if the context is stopped: what a microtask throws is a rejection.
    fn run_microtasks(&self) -> Result<(), Failure>;

    /// The rejections that nothing has handled, since the last call, without those that glue took
    /// (`engine.onRejections`), whose hook may run guest code.
    fn take_unhandled_rejections(&self) -> Vec<Exception>;

    /// Whether [`take_unhandled_rejections`](Self::take_unhandled_rejections) has something to do.
    fn has_unhandled_rejections(&self) -> bool;

    /// Tells the engine which guest function makes error objects of classes that the language does not have: it is
    /// called with `(name, message)` and returns the object to throw.
    ///
    /// # Errors
    /// If the function belongs to another context.
    fn set_error_factory(&self, factory: &Function) -> Result<(), Failure>;

    /// Defines globals that are loaded when one of them is first touched: writable and configurable, and until then
    /// accessors, which a guest may overwrite like any other. `load` instantiates glue that leaves the values, by name,
    /// in `shared.loaded`; accessors ([`GlobalKind::Accessor`]) the glue defines itself, over those that stand there.
    ///
    /// # Errors
    /// If the context is stopped.
    fn define_lazy_globals(
        &self,
        names: &'static [&'static str],
        kind: GlobalKind,
        load: LoadGlobals,
    ) -> Result<(), Failure>;

    /// Sets how objects of the web platform cross. `send` is a guest function that is called with an object that is
    /// neither plain nor of the language's own classes, and returns `undefined` or what of it crosses; `receive` makes
    /// an object of what `objects` says of a [`Platform`].
    ///
    /// # Errors
    /// If a function belongs to another context.
    fn set_platform(
        &self,
        send: &Function,
        receive: &Function,
        objects: Rc<dyn PlatformObjects>,
    ) -> Result<(), Failure>;

    /// The stop switch.
    fn interrupter(&self) -> Interrupter;

    /// Counts bytes that the host holds for this guest.
    ///
    /// # Errors
    /// If they would pass the memory limit; the context is then stopped.
    fn charge(&self, bytes: usize) -> Result<Charge, Failure>;

    /// What the context uses.
    fn memory_usage(&self) -> MemoryUsage;

    /// Where others may read what it uses while it runs.
    fn memory_account(&self) -> MemoryAccount;

    /// Collects garbage, cycles included.
    fn collect_garbage(&self);

    /// Lets a front end debug the guest, in place of another one. It sees and may do everything inside the guest.
    ///
    /// # Errors
    /// If the engine has no inspector, or the context is stopped.
    fn attach_inspector(&self, _front_end: Arc<dyn FrontEnd>) -> Result<Wake, Failure> {
        Err(EngineError::new("this engine has no inspector").into())
    }

    /// Handles the messages that the front end has by now. Called between operations.
    ///
    /// # Errors
    /// If the context is stopped.
    fn serve_inspector(&self) -> Result<(), Failure> {
        Ok(())
    }

    /// Ends debugging; a paused guest goes on.
    fn detach_inspector(&self) {}
}

/// Source text to run.
#[derive(Clone, Copy, Debug)]
pub struct Script<'a> {
    /// The text.
    pub source: &'a str,
    /// The name that stack traces show.
    pub filename: &'a str,
    /// Whether a script may use `await` at its top level; the result is then a promise. No effect on modules.
    pub top_level_await: bool,
    /// What to do with the completion value.
    pub completion: Completion<'a>,
}

impl<'a> Script<'a> {
    /// A script whose completion value is wanted.
    pub fn new(source: &'a str, filename: &'a str) -> Self {
        Self { source, filename, top_level_await: false, completion: Completion::Value }
    }
}

/// What becomes of a script's completion value.
#[derive(Clone, Copy, Debug)]
pub enum Completion<'a> {
    /// It is copied out.
    Value,
    /// It is dropped; the result is `undefined`.
    Discard,
    /// It is given to this guest function, whose result is copied out.
    Apply(&'a Function),
}

/// The state of a promise.
#[derive(Clone, Debug, PartialEq)]
pub enum PromiseState {
    /// Not settled.
    Pending,
    /// Fulfilled with a value.
    Fulfilled(Value),
    /// Rejected with an error.
    Rejected(Box<Exception>),
}

/// The body of a host function. Arguments may be taken out of the slice.
pub type HostCallback = dyn Fn(&dyn EngineContext, &mut [Value]) -> Result<Value, HostError>;

/// A host function before it is given to a context.
pub struct HostFunction {
    /// Its `name` in the guest.
    pub name: String,
    /// Its `length` in the guest.
    pub length: u8,
    /// How its arguments cross.
    pub arguments: Arguments,
    /// Whether it returns a promise: of its result, or rejected with its error.
    pub promise: bool,
    /// Its body.
    pub callback: Box<HostCallback>,
}

/// How the arguments of a host function cross.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Arguments {
    /// Exactly, or the call throws (a `TypeError`, or a `RangeError` when they are too large).
    #[default]
    Exact,
    /// As well as they can, without running guest code and without ever throwing: what cannot cross becomes a string
    /// such as `[Circular]` or `[Getter]`. For logs.
    Lossy,
}

impl HostFunction {
    /// A host function.
    pub fn new(
        name: impl Into<String>,
        callback: impl Fn(&dyn EngineContext, &mut [Value]) -> Result<Value, HostError> + 'static,
    ) -> Self {
        Self { name: name.into(), length: 0, arguments: Arguments::Exact, promise: false, callback: Box::new(callback) }
    }

    /// Sets its `length`.
    #[must_use]
    pub fn length(mut self, length: u8) -> Self {
        self.length = length;
        self
    }

    /// Lets it return a promise of its result.
    #[must_use]
    pub fn promise(mut self) -> Self {
        self.promise = true;
        self
    }

    /// Lets its arguments cross lossily.
    #[must_use]
    pub fn lossy(mut self) -> Self {
        self.arguments = Arguments::Lossy;
        self
    }
}

impl fmt::Debug for HostFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostFunction({})", self.name)
    }
}

/// A piece of glue: one JavaScript function expression, kept in a `static`.
///
/// A backend compiles it once per process and loads the result into each context.
#[derive(Debug)]
pub struct Glue {
    /// What stack traces would call it, unique in the process.
    pub name: &'static str,
    /// A function expression `(function (host, shared, engine) { … })`.
    pub source: &'static str,
}

impl Glue {
    /// A piece of glue.
    pub const fn new(name: &'static str, source: &'static str) -> Self {
        Self { name, source }
    }
}

/// Instantiates the glue of lazy globals.
pub type LoadGlobals = Rc<dyn Fn(&dyn EngineContext) -> Result<(), HostError>>;

/// What becomes of a lazy global once it is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GlobalKind {
    /// A property that is not enumerable, as interface objects are.
    Interface,
    /// An enumerable property, as operations and attributes of the global scope are.
    Attribute,
    /// An accessor. Setting it loads it too.
    Accessor,
}

/// The host's side of the objects of the web platform in one context.
pub trait PlatformObjects {
    /// The host's form of what glue sent of an object.
    ///
    /// # Errors
    /// Reach whoever sends the object.
    fn to_host(&self, data: Value) -> Result<Platform, HostError>;

    /// What glue gets to make an object of.
    ///
    /// # Errors
    /// Reach whoever sends the object.
    fn to_guest(&self, object: &Platform) -> Result<Value, HostError>;
}

/// What an import takes a module to be: the attribute `type`, as in `import data from './x.json' with { type: 'json' }`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ModuleType {
    /// An ES module: no attribute.
    #[default]
    JavaScript,
    /// `json`: the default export is the value.
    Json,
    /// `text`: the default export is a string.
    Text,
    /// `bytes`: the default export is a `Uint8Array`.
    Bytes,
}

impl ModuleType {
    const ALL: [(Self, &'static str); 4] =
        [(Self::JavaScript, ""), (Self::Json, "json"), (Self::Text, "text"), (Self::Bytes, "bytes")];
    /// Stands in no name.
    const MARK: char = '\u{1}';

    /// What the attribute says; empty for an ES module.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }

    /// The type of import attributes, in order: their keys and values.
    ///
    /// # Errors
    /// A `TypeError` for an attribute or a type that there is not.
    pub fn of_attributes<'a>(attributes: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, HostError> {
        let mut found = Self::JavaScript;
        for (key, value) in attributes {
            if key != "type" {
                return Err(HostError::type_error(format!("the import attribute '{key}' is not supported")));
            }
            let kind = Self::ALL.iter().skip(1).find(|(_, name)| *name == value);
            let unknown = || HostError::type_error(format!("there are no modules of the type '{value}'"));
            found = kind.ok_or_else(unknown)?.0;
        }
        Ok(found)
    }

    /// The key under which backends keep a module: the same file may be imported as several types.
    pub fn key(self, name: &str) -> String {
        match self {
            Self::JavaScript => name.to_owned(),
            kind => format!("{name}{}{}", Self::MARK, kind.as_str()),
        }
    }

    /// Takes a key apart.
    pub fn of_key(key: &str) -> (&str, Self) {
        match key.rsplit_once(Self::MARK) {
            Some((name, kind)) => {
                (name, Self::ALL.iter().find(|(_, known)| *known == kind).map_or(Self::JavaScript, |(kind, _)| *kind))
            }
            None => (key, Self::JavaScript),
        }
    }
}

/// Answers `import`.
pub trait ModuleLoader {
    /// The full name of the module that `specifier` means in `referrer`. It is the key under which a module is
    /// loaded once.
    ///
    /// # Errors
    /// Reach the guest as the import's failure.
    fn resolve(&self, specifier: &str, referrer: &str) -> Result<String, HostError>;

    /// What a module is, by its full name and by what the import takes it to be.
    ///
    /// # Errors
    /// Reach the guest as the import's failure.
    fn load(&self, name: &str, kind: ModuleType) -> Result<ModuleSource, HostError>;

    /// The properties of `import.meta` in a module, by its full name. `is_main` says that the host has evaluated it, rather
    /// than that another module imports it.
    ///
    /// # Errors
    /// Reach the guest as the import's failure.
    fn meta(&self, name: &str, is_main: bool) -> Result<Vec<(&'static str, Value)>, HostError> {
        let _ = (name, is_main);
        Ok(Vec::new())
    }
}

/// What a module is made of.
#[derive(Debug)]
#[non_exhaustive]
pub enum ModuleSource {
    /// Text: an ES module's, or what JSON is parsed of.
    Text(String),
    /// Bytes of a file, of whatever type. Text in them is UTF-8.
    Bytes(Bytes),
    /// Values that glue has: a guest function that is called once, without arguments, and returns an object whose own
    /// properties are the exports.
    Exports(Function),
}

impl From<&str> for ModuleSource {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for ModuleSource {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}
