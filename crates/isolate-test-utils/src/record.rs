//! Recorders: what a guest printed, and what nothing took.

use std::sync::{Arc, Mutex, PoisonError};

use isolate_core::Uncaught;
#[cfg(feature = "console")]
use isolate_core::Value;

/// A list that grows on one thread and is looked at on another. Clones are the same.
#[derive(Debug)]
struct List<T>(Arc<Mutex<Vec<T>>>);

impl<T> Clone for List<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Clone> List<T> {
    fn push(&self, item: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(item);
    }

    fn all(&self) -> Vec<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn take(&self) -> Vec<T> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Something that the guest printed.
#[cfg(feature = "console")]
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Log {
    /// The level: `log`, `warn`, `error`, …
    pub level: String,
    /// The line as it is printed, indented by its groups.
    pub text: String,
    /// What it was printed of, if it was a message: `console.log` and its siblings.
    pub args: Vec<Value>,
}

/// Records what a guest prints. Clones are the same.
///
/// ```
/// use isolate_console::setup_console;
/// use isolate_test_utils::{LogRecorder, create_test_context, engine_test};
///
/// engine_test!(fn says_hello(engine) {
///     let ctx = create_test_context(engine);
///     let logs = LogRecorder::new();
///     setup_console(&ctx, logs.options()).unwrap();
///     ctx.evaluate("console.warn('hello', { from: 'guest' })", "hello.js").unwrap();
///     assert_eq!(logs.texts(), ["hello { from: 'guest' }"]);
///     assert_eq!(logs.all()[0].level, "warn");
/// });
/// # fn main() { says_hello(); }
/// ```
#[cfg(feature = "console")]
#[derive(Clone, Debug, Default)]
pub struct LogRecorder(List<Log>);

#[cfg(feature = "console")]
impl LogRecorder {
    /// One that has recorded nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Options for the console that is to be recorded.
    pub fn options(&self) -> isolate_console::ConsoleOptions {
        use isolate_console::ConsoleEvent;
        let logs = self.0.clone();
        isolate_console::ConsoleOptions::new().on_event(move |event| {
            let Some(text) = event.text() else { return };
            let (level, args) = match event {
                ConsoleEvent::Log(log) => (log.level.as_str(), log.args.clone()),
                _ => (if event.is_error() { "error" } else { "log" }, Vec::new()),
            };
            logs.push(Log { level: level.to_owned(), text: text.to_owned(), args });
        })
    }

    /// Everything so far.
    pub fn all(&self) -> Vec<Log> {
        self.0.all()
    }

    /// The printed lines so far.
    pub fn texts(&self) -> Vec<String> {
        self.0.all().into_iter().map(|log| log.text).collect()
    }

    /// The printed lines of one level.
    pub fn at(&self, level: &str) -> Vec<String> {
        self.0.all().into_iter().filter(|log| log.level == level).map(|log| log.text).collect()
    }

    /// Everything since this or `clear` was last called.
    pub fn take(&self) -> Vec<Log> {
        self.0.take()
    }

    /// Forgets them.
    pub fn clear(&self) {
        self.0.take();
    }
}

/// Records errors that nothing took: rejections, callbacks that threw, host functions that panicked. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct UncaughtRecorder(List<Uncaught>);

impl UncaughtRecorder {
    /// One that has recorded nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// For [`Context::on_uncaught`](isolate_core::Context::on_uncaught) and its like.
    pub fn hook(&self) -> impl Fn(&Uncaught) + Send + 'static {
        let all = self.0.clone();
        move |uncaught| all.push(uncaught.clone())
    }

    /// Everything so far.
    pub fn all(&self) -> Vec<Uncaught> {
        self.0.all()
    }

    /// What they say so far: `TypeError: no`.
    pub fn texts(&self) -> Vec<String> {
        self.0.all().into_iter().map(|uncaught| uncaught.exception.to_string()).collect()
    }

    /// Everything since this or `clear` was last called.
    pub fn take(&self) -> Vec<Uncaught> {
        self.0.take()
    }

    /// Forgets them.
    pub fn clear(&self) {
        self.0.take();
    }
}
