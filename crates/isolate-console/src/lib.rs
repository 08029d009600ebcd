//! `console`: every method of the [console standard](https://console.spec.whatwg.org/), printed as Node prints it.
//!
//! The host gets each call as an event ([`ConsoleEvent`]) that carries the values and the printed text, format
//! specifiers applied and objects inspected. State (timers, counters, group depth) is kept on the host, where the guest
//! can neither forge nor lose it. Inspection runs in the guest's realm under its limits; it calls no getter and no
//! proxy trap, and needs nothing that the guest could have patched. The values cross lossily: what cannot be data is a
//! string such as `[Function]` or `[Circular]`.
//!
//! ```
//! use std::sync::{Arc, Mutex};
//! use isolate_console::{ConsoleOptions, setup_console};
//!
//! # fn main() { isolate_test_utils::on_every_engine(&[], |engine| show(engine).unwrap()) }
//! # fn show(engine: &dyn isolate_core::Engine) -> Result<(), isolate_core::Error> {
//! # let ctx = isolate_test_utils::create_test_context(engine);
//! let lines = Arc::new(Mutex::new(Vec::new()));
//! let out = lines.clone();
//! let options = ConsoleOptions::new().on_log(move |e| out.lock().unwrap().push(format!("{}: {}", e.level, e.text)));
//! let console = setup_console(&ctx, options)?;
//! ctx.evaluate("console.warn('%s has', 'it', { a: [1, 2] }); console.count()", "main.js")?;
//! assert_eq!(*lines.lock().unwrap(), ["warn: it has { a: [ 1, 2 ] }"]);
//! assert_eq!(console.counters()["default"], 1);
//! # Ok(()) }
//! ```

#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use isolate_core::{Charge, Context, Error, Glue, HostError, Rest, Value};

static GLUE: Glue = Glue::new("isolate:console", include_str!("console.js"));

/// Which method printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum LogLevel {
    Log,
    Info,
    Debug,
    Warn,
    Error,
    Trace,
    Dir,
    Dirxml,
    Table,
}

impl LogLevel {
    /// The method's name.
    pub fn as_str(self) -> &'static str {
        match self {
            LogLevel::Log => "log",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
            LogLevel::Warn => "warn",
            LogLevel::Error => "error",
            LogLevel::Trace => "trace",
            LogLevel::Dir => "dir",
            LogLevel::Dirxml => "dirxml",
            LogLevel::Table => "table",
        }
    }

    /// Whether Node writes it to standard error.
    pub fn is_error(self) -> bool {
        matches!(self, LogLevel::Warn | LogLevel::Error | LogLevel::Trace)
    }

    fn from_name(name: &str) -> Self {
        match name {
            "info" => LogLevel::Info,
            "debug" => LogLevel::Debug,
            "warn" => LogLevel::Warn,
            "error" => LogLevel::Error,
            "trace" => LogLevel::Trace,
            "dir" => LogLevel::Dir,
            "dirxml" => LogLevel::Dirxml,
            "table" => LogLevel::Table,
            _ => LogLevel::Log,
        }
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something was printed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LogEvent {
    /// By which method.
    pub level: LogLevel,
    /// The values that were given.
    pub args: Vec<Value>,
    /// The printed text, indented by two spaces for each open group.
    pub text: String,
}

/// An assertion failed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AssertEvent {
    /// The values after the condition.
    pub args: Vec<Value>,
    /// The printed text.
    pub text: String,
}

/// A timer was read.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TimeEvent {
    /// The timer's label.
    pub label: String,
    /// The time since it was started, on the guest's clock.
    pub elapsed: Duration,
    /// The further values, for `timeLog`.
    pub args: Vec<Value>,
    /// The printed text.
    pub text: String,
}

/// A counter was counted up or reset.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CountEvent {
    /// The counter's label.
    pub label: String,
    /// Its count, 0 after a reset.
    pub count: u64,
    /// The printed text; empty for a reset.
    pub text: String,
}

/// A group was opened.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct GroupEvent {
    /// The values that were given.
    pub args: Vec<Value>,
    /// The printed text; empty when none were given.
    pub text: String,
    /// Whether it is to be shown collapsed.
    pub collapsed: bool,
    /// How many groups are open now.
    pub depth: usize,
}

/// A call of a console method.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ConsoleEvent {
    /// `log`, `info`, `debug`, `warn`, `error`, `trace`, `dir`, `dirxml`, `table`; also the warnings of the console
    /// itself, such as for an unknown timer.
    Log(LogEvent),
    /// `assert` with a condition that does not hold.
    Assert(AssertEvent),
    /// `timeEnd`.
    Time(TimeEvent),
    /// `timeLog`.
    TimeLog(TimeEvent),
    /// `count`.
    Count(CountEvent),
    /// `countReset`.
    CountReset(CountEvent),
    /// `group` and `groupCollapsed`.
    Group(GroupEvent),
    /// `groupEnd`, with how many groups are open still.
    GroupEnd(usize),
    /// `clear`.
    Clear,
}

impl ConsoleEvent {
    /// The printed text, if the method prints.
    pub fn text(&self) -> Option<&str> {
        match self {
            ConsoleEvent::Log(e) => Some(&e.text),
            ConsoleEvent::Assert(e) => Some(&e.text),
            ConsoleEvent::Time(e) | ConsoleEvent::TimeLog(e) => Some(&e.text),
            ConsoleEvent::Count(e) => Some(&e.text),
            ConsoleEvent::Group(e) if !e.args.is_empty() => Some(&e.text),
            _ => None,
        }
    }

    /// Whether Node writes it to standard error.
    pub fn is_error(&self) -> bool {
        match self {
            ConsoleEvent::Log(e) => e.level.is_error(),
            ConsoleEvent::Assert(_) => true,
            _ => false,
        }
    }
}

type Hook = Box<dyn Fn(&ConsoleEvent) + Send>;

/// Who is told of what. Without a hook a call has no effect but on the console's state.
#[derive(Default)]
#[non_exhaustive]
pub struct ConsoleOptions {
    hooks: Vec<Hook>,
}

impl fmt::Debug for ConsoleOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConsoleOptions({} hooks)", self.hooks.len())
    }
}

macro_rules! hooks {
    ($($(#[$doc:meta])* $name:ident($e:ident: $t:ty) $p:pat => $v:expr;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(self, hook: impl Fn($t) + Send + 'static) -> Self {
            self.on_event(move |event| if let $p = event { hook($v) })
        }
    )*};
}

impl ConsoleOptions {
    /// No hooks.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a hook for every event. Hooks run on the context's thread, in the order in which they were added.
    #[must_use]
    pub fn on_event(mut self, hook: impl Fn(&ConsoleEvent) + Send + 'static) -> Self {
        self.hooks.push(Box::new(hook));
        self
    }

    hooks! {
        /// Adds a hook for what is printed.
        on_log(e: &LogEvent) ConsoleEvent::Log(e) => e;
        /// Adds a hook for failed assertions.
        on_assert(e: &AssertEvent) ConsoleEvent::Assert(e) => e;
        /// Adds a hook for `timeEnd`.
        on_time(e: &TimeEvent) ConsoleEvent::Time(e) => e;
        /// Adds a hook for `timeLog`.
        on_time_log(e: &TimeEvent) ConsoleEvent::TimeLog(e) => e;
        /// Adds a hook for `count`.
        on_count(e: &CountEvent) ConsoleEvent::Count(e) => e;
        /// Adds a hook for `countReset`, with the label.
        on_count_reset(label: &str) ConsoleEvent::CountReset(e) => &e.label;
        /// Adds a hook for opened groups.
        on_group(e: &GroupEvent) ConsoleEvent::Group(e) => e;
        /// Adds a hook for closed groups, with how many are open still.
        on_group_end(depth: usize) ConsoleEvent::GroupEnd(depth) => *depth;
        /// Adds a hook for `clear`.
        on_clear(none: ()) ConsoleEvent::Clear => ();
    }
}

/// A labelled entry, and what the guest is charged for it.
struct Entry<T> {
    value: T,
    _charge: Charge,
}

#[derive(Default)]
struct State {
    hooks: RefCell<Rc<Vec<Hook>>>,
    timers: RefCell<HashMap<String, Entry<Duration>>>,
    counters: RefCell<HashMap<String, Entry<u64>>>,
    depth: Cell<usize>,
    ready: Cell<bool>,
}

/// How many groups indent; deeper ones count but do not move the text any further.
const MAX_INDENT: usize = 50;

impl State {
    fn emit(&self, event: &ConsoleEvent) {
        let hooks = self.hooks.borrow().clone();
        hooks.iter().for_each(|hook| hook(event));
    }

    fn indented(&self, text: String) -> String {
        match self.depth.get().min(MAX_INDENT) {
            0 => text,
            depth => {
                let indent = "  ".repeat(depth);
                format!("{indent}{}", text.replace('\n', &format!("\n{indent}")))
            }
        }
    }

    fn log(&self, level: LogLevel, text: String, args: Vec<Value>) {
        self.emit(&ConsoleEvent::Log(LogEvent { level, args, text: self.indented(text) }));
    }

    /// What the console says of its own accord.
    fn warn(&self, text: String) {
        self.log(LogLevel::Warn, text.clone(), vec![text.into()]);
    }

    fn time(&self, ctx: &Context, label: &str, method: &str) -> Option<Duration> {
        let started = self.timers.borrow().get(label).map(|e| e.value);
        if started.is_none() {
            self.warn(format!("Warning: No such label '{label}' for console.{method}()"));
        }
        started.map(|t| ctx.now().saturating_sub(t))
    }

    fn reset(&self) {
        self.timers.borrow_mut().clear();
        self.counters.borrow_mut().clear();
        self.depth.set(0);
    }
}

fn entry<T>(ctx: &Context, label: &str, value: T) -> Result<Entry<T>, HostError> {
    Ok(Entry { value, _charge: ctx.charge(label.len() + 96)? })
}

/// What [`setup_console`] gives back. Dropping it changes nothing; the console goes with its context.
#[derive(Clone)]
pub struct ConsoleHandle {
    state: Rc<State>,
}

impl fmt::Debug for ConsoleHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsoleHandle")
            .field("timers", &self.timers())
            .field("counters", &self.counters())
            .field("group_depth", &self.group_depth())
            .finish()
    }
}

/// Sets up `console` on the guest's global object. A second time it only replaces the hooks.
///
/// # Errors
/// If the context is stopped.
pub fn setup_console(context: &Context, options: ConsoleOptions) -> Result<ConsoleHandle, Error> {
    let state: Rc<State> = context.state();
    *state.hooks.borrow_mut() = Rc::new(options.hooks);
    if !state.ready.replace(true) {
        let state = Rc::downgrade(&state);
        context.define_lazy_globals(&["console"], false, move |context| match state.upgrade() {
            Some(state) => install(context, &state),
            None => Ok(()),
        })?;
    }
    Ok(ConsoleHandle { state })
}

fn install(context: &Context, state: &Rc<State>) -> Result<(), Error> {
    let s = || state.clone();
    let functions = vec![
        context.inspection_function(),
        context
            .function("__console_log", {
                let s = s();
                move |level: String, text: String, Rest(args): Rest<Value>| {
                    s.log(LogLevel::from_name(&level), text, args);
                }
            })
            .lossy(),
        context
            .function("__console_assert", {
                let s = s();
                move |text: String, Rest(args): Rest<Value>| {
                    s.emit(&ConsoleEvent::Assert(AssertEvent { args, text: s.indented(text) }));
                }
            })
            .lossy(),
        context.function("__console_time", {
            let s = s();
            move |ctx: Context, label: String| {
                if s.timers.borrow().contains_key(&label) {
                    s.warn(format!("Warning: Label '{label}' already exists for console.time()"));
                    return Ok(());
                }
                let started = entry(&ctx, &label, ctx.now())?;
                s.timers.borrow_mut().insert(label, started);
                Ok::<_, HostError>(())
            }
        }),
        context
            .function("__console_timeLog", {
                let s = s();
                move |ctx: Context, label: String, text: String, Rest(args): Rest<Value>| {
                    let Some(elapsed) = s.time(&ctx, &label, "timeLog") else { return };
                    let text = match text.as_str() {
                        "" => format!("{label}: {}", printed(elapsed)),
                        more => format!("{label}: {} {more}", printed(elapsed)),
                    };
                    s.emit(&ConsoleEvent::TimeLog(TimeEvent { label, elapsed, args, text: s.indented(text) }));
                }
            })
            .lossy(),
        context.function("__console_timeEnd", {
            let s = s();
            move |ctx: Context, label: String| {
                let Some(elapsed) = s.time(&ctx, &label, "timeEnd") else { return };
                s.timers.borrow_mut().remove(&label);
                let text = s.indented(format!("{label}: {}", printed(elapsed)));
                s.emit(&ConsoleEvent::Time(TimeEvent { label, elapsed, args: vec![], text }));
            }
        }),
        context.function("__console_count", {
            let s = s();
            move |ctx: Context, label: String| {
                let known = s.counters.borrow_mut().get_mut(&label).map(|e| {
                    e.value += 1;
                    e.value
                });
                let count = match known {
                    Some(n) => n,
                    None => {
                        let first = entry(&ctx, &label, 1)?;
                        s.counters.borrow_mut().insert(label.clone(), first);
                        1
                    }
                };
                let text = s.indented(format!("{label}: {count}"));
                s.emit(&ConsoleEvent::Count(CountEvent { label, count, text }));
                Ok::<_, HostError>(())
            }
        }),
        context.function("__console_countReset", {
            let s = s();
            move |label: String| {
                if s.counters.borrow_mut().remove(&label).is_none() {
                    return s.warn(format!("Warning: Count for '{label}' does not exist"));
                }
                s.emit(&ConsoleEvent::CountReset(CountEvent { label, count: 0, text: String::new() }));
            }
        }),
        context
            .function("__console_group", {
                let s = s();
                move |text: String, collapsed: bool, Rest(args): Rest<Value>| {
                    let text = s.indented(text);
                    s.depth.set(s.depth.get() + 1);
                    s.emit(&ConsoleEvent::Group(GroupEvent { args, text, collapsed, depth: s.depth.get() }));
                }
            })
            .lossy(),
        context.function("__console_groupEnd", {
            let s = s();
            move || {
                if let Some(depth) = s.depth.get().checked_sub(1) {
                    s.depth.set(depth);
                    s.emit(&ConsoleEvent::GroupEnd(depth));
                }
            }
        }),
        context.function("__console_clear", {
            let s = s();
            move || {
                s.depth.set(0);
                s.emit(&ConsoleEvent::Clear);
            }
        }),
    ];
    context.install(&GLUE, functions)?;
    Ok(())
}

impl ConsoleHandle {
    /// The running timers: when each was started, on the guest's clock. A copy.
    pub fn timers(&self) -> HashMap<String, Duration> {
        self.state.timers.borrow().iter().map(|(k, e)| (k.clone(), e.value)).collect()
    }

    /// The counters. A copy.
    pub fn counters(&self) -> HashMap<String, u64> {
        self.state.counters.borrow().iter().map(|(k, e)| (k.clone(), e.value)).collect()
    }

    /// How many groups are open.
    pub fn group_depth(&self) -> usize {
        self.state.depth.get()
    }

    /// Forgets timers, counters and open groups.
    pub fn reset(&self) {
        self.state.reset();
    }

    /// Forgets all state and the hooks; what the guest prints from then on goes nowhere.
    pub fn dispose(&self) {
        self.state.reset();
        *self.state.hooks.borrow_mut() = Rc::default();
    }
}

/// A time as Node prints it: `12.345ms`, `1.500s`, `1:02.345 (m:ss.mmm)`, `1:02:03 (h:mm:ss)`.
fn printed(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1000.0;
    if ms >= 3_600_000.0 {
        let s = time.as_secs();
        format!("{}:{:02}:{:02} (h:mm:ss)", s / 3600, s / 60 % 60, s % 60)
    } else if ms >= 60_000.0 {
        format!("{}:{:06.3} (m:ss.mmm)", time.as_secs() / 60, time.as_secs_f64() % 60.0)
    } else if ms >= 1000.0 {
        format!("{:.3}s", ms / 1000.0)
    } else {
        let text = format!("{ms:.3}");
        format!("{}ms", text.trim_end_matches('0').trim_end_matches('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_print_as_in_node() {
        for (ms, text) in [
            (0.0, "0ms"),
            (0.1234, "0.123ms"),
            (12.0, "12ms"),
            (999.9, "999.9ms"),
            (1500.0, "1.500s"),
            (62_345.0, "1:02.345 (m:ss.mmm)"),
            (3_723_000.0, "1:02:03 (h:mm:ss)"),
        ] {
            assert_eq!(printed(Duration::from_secs_f64(ms / 1000.0)), text);
        }
    }
}
