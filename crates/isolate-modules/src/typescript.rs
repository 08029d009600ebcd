//! TypeScript, by taking its types away.
//!
//! The work is done by `swc_ts_fast_strip`, as in Node, and by swc's other passes where there is more than types. It is made for sources that one trusts: nested deeply enough they
//! overflow any stack, which ends the process, and a few dozen characters can keep it busy for ever. So a source is
//! [looked at](guard) before it is parsed, and parsed on a thread of its own.

mod folding;
mod guard;
mod transform;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use swc_common::errors::{DiagnosticBuilder, Emitter, Handler, Level};
use swc_common::sync::Lrc;
use swc_common::{GLOBALS, Globals, SourceMap};
use swc_ts_fast_strip::{ErrorCode, Mode, Options, operate};

/// What the parser's thread has. Only what is used of it takes memory. The worst source that the guard lets pass takes a
/// third of it in builds that are not optimised.
const STACK: usize = 256 << 20;
/// How many threads may be left to sources that take too long.
const MOST_LEFT: usize = 4;

static LEFT: AtomicUsize = AtomicUsize::new(0);

/// How types are stripped.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StripOptions {
    /// The longest source, in bytes. Default: 2 MiB. While it is parsed the host uses up to a hundred times its length.
    pub max_bytes: usize,
    /// How long it may take. Default: 5 s.
    pub timeout: Duration,
    /// Whether what is more than types (enums, namespaces with values, parameter properties, `import A = B.C`, assertions in
    /// angle brackets) is refused, as Node does, rather than made into JavaScript. Default: false.
    pub strip_only: bool,
}

impl Default for StripOptions {
    fn default() -> Self {
        Self { max_bytes: 2 << 20, timeout: Duration::from_secs(5), strip_only: false }
    }
}

impl StripOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`max_bytes`](Self::max_bytes).
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Sets [`timeout`](Self::timeout).
    #[must_use]
    pub fn timeout(mut self, time: Duration) -> Self {
        self.timeout = time;
        self
    }

    /// Sets [`strip_only`](Self::strip_only).
    #[must_use]
    pub fn strip_only(mut self, on: bool) -> Self {
        self.strip_only = on;
        self
    }
}

/// Why types could not be stripped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StripError {
    kind: StripErrorKind,
    message: String,
    place: Option<(u32, u32)>,
}

/// What is wrong with a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StripErrorKind {
    /// It is not TypeScript.
    Syntax,
    /// It has what no module can have: `import a = require('a')` or `export = a`. Or, where types are only stripped, what is
    /// more than types.
    Unsupported,
    /// It is too long, nested too deeply, or took too long.
    Limit,
}

impl StripError {
    fn new(kind: StripErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), place: None }
    }

    /// At a byte of the source.
    fn at(mut self, source: &str, byte: usize) -> Self {
        let before = &source.as_bytes()[..byte.min(source.len())];
        let mut line = 1;
        let mut start = 0;
        for (i, b) in before.iter().enumerate() {
            // CR LF is counted at its end.
            if *b == b'\n' || *b == b'\r' && source.as_bytes().get(i + 1) != Some(&b'\n') {
                line += 1;
                start = i + 1;
            }
        }
        // Columns count UTF-16 units, as those of JavaScript's errors.
        let column = String::from_utf8_lossy(&before[start..]).encode_utf16().count() as u32 + 1;
        self.place = Some((line, column));
        self
    }

    /// What kind of thing is wrong.
    pub fn kind(&self) -> StripErrorKind {
        self.kind
    }

    /// What is wrong, without the place.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The line, from 1.
    pub fn line(&self) -> Option<u32> {
        self.place.map(|(line, _)| line)
    }

    /// The column in that line, from 1.
    pub fn column(&self) -> Option<u32> {
        self.place.map(|(_, column)| column)
    }
}

impl fmt::Display for StripError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some((line, column)) => write!(f, "{} ({line}:{column})", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for StripError {}

/// Makes JavaScript of a TypeScript module. Types are not checked.
///
/// Blanks are put in the place of types, so that everything else stays where it was. If the source has what is more than
/// types (enums, namespaces with values, parameter properties, `import A = B.C`, assertions in angle brackets), it is made into
/// JavaScript, unless [`StripOptions::strip_only`] refuses it: everything then stays on its line, and in its column unless
/// something longer took the place of what came before it in that line. Comments go, and a variable may get another name.
///
/// The source may be hostile. What is nested more than 500 brackets deep is refused, and so are a few things that ordinary
/// code does not have: an expression of more than ten thousand tokens without a comma, a thousand `else` in a row. Calls
/// block, for the time that the options say at most.
///
/// ```
/// use isolate_modules::{StripOptions, strip_types};
///
/// let options = StripOptions::new();
/// assert_eq!(strip_types("const n: number = 1;", &options)?, "const n         = 1;");
/// let code = strip_types("class A {\n  constructor(readonly n: number) {}\n}", &options)?;
/// assert_eq!(code, "class A { n;\n  constructor(         n        ) { this.n = n; }\n}");
///
/// let error = strip_types("const n: number = 1;\nenum E {}", &options.strip_only(true)).unwrap_err();
/// assert_eq!((error.line(), error.column()), (Some(2), Some(1)));
/// # Ok::<(), isolate_modules::StripError>(())
/// ```
///
/// # Errors
/// If it is not TypeScript, has more than types, or passes a limit.
pub fn strip_types(source: &str, options: &StripOptions) -> Result<String, StripError> {
    let limit = |message: String| StripError::new(StripErrorKind::Limit, message);
    if source.len() > options.max_bytes {
        return Err(limit(format!("the source is longer than {} bytes", options.max_bytes)));
    }
    guard::look(source)?;
    if LEFT.load(Ordering::Acquire) >= MOST_LEFT {
        return Err(limit("too many sources that take too long are being parsed already".to_owned()));
    }
    let (done, result) = mpsc::sync_channel(1);
    let text = source.to_owned();
    let strip_only = options.strip_only;
    let late = Arc::new(Mutex::new(Turn::Working));
    let turn = late.clone();
    let work = move || {
        let stripped = catch_unwind(AssertUnwindSafe(|| strip(&text, strip_only)));
        let failed = || StripError::new(StripErrorKind::Syntax, "the parser failed on it");
        let _ = done.send(stripped.unwrap_or_else(|_| Err(failed())));
        if std::mem::replace(&mut *turn.lock().unwrap_or_else(PoisonError::into_inner), Turn::Done) == Turn::Left {
            LEFT.fetch_sub(1, Ordering::AcqRel);
        }
    };
    std::thread::Builder::new()
        .name("isolate-strip".to_owned())
        .stack_size(STACK)
        .spawn(work)
        .map_err(|e| limit(format!("a thread for the parser could not be started: {e}")))?;
    result.recv_timeout(options.timeout).unwrap_or_else(|_| {
        let mut turn = late.lock().unwrap_or_else(PoisonError::into_inner);
        if *turn == Turn::Working {
            *turn = Turn::Left;
            LEFT.fetch_add(1, Ordering::AcqRel);
        }
        Err(limit(format!("to parse it takes longer than {:?}", options.timeout)))
    })
}

#[derive(PartialEq)]
enum Turn {
    Working,
    Done,
    /// Nobody waits for it any more.
    Left,
}

/// What the parser says, and where.
type Told = Option<(String, Option<u32>)>;

/// The first error that the parser tells of.
#[derive(Clone, Default)]
struct First(Arc<Mutex<Told>>);

impl Emitter for First {
    fn emit(&mut self, diagnostic: &mut DiagnosticBuilder<'_>) {
        if matches!(diagnostic.level, Level::Warning | Level::Note | Level::Help) {
            return;
        }
        let at = diagnostic.span.primary_span().map(|span| span.lo.0);
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert_with(|| (diagnostic.message(), at));
    }
}

/// JavaScript, with blanks where types were.
fn strip(source: &str, strip_only: bool) -> Result<String, StripError> {
    let stripped = attempt(source, |map, handler| {
        let options = Options { module: Some(true), mode: Mode::StripOnly, ..Options::default() };
        operate(map, handler, source.to_owned(), options).map(|out| out.code).map_err(|error| match error.code {
            ErrorCode::UnsupportedSyntax => StripErrorKind::Unsupported,
            _ => StripErrorKind::Syntax,
        })
    });
    match stripped {
        Err(error) if error.kind == StripErrorKind::Unsupported && !strip_only => {
            attempt(source, |map, handler| transform::transform(map, handler, source))
        }
        other => other,
    }
}

/// Does it, and makes an error of the first thing that is reported if it fails.
fn attempt(
    source: &str,
    work: impl FnOnce(&Lrc<SourceMap>, &Handler) -> Result<String, StripErrorKind>,
) -> Result<String, StripError> {
    GLOBALS.set(&Globals::new(), || {
        let first = First::default();
        let handler = Handler::with_emitter(false, false, Box::new(first.clone()));
        work(&Lrc::default(), &handler).map_err(|kind| {
            let told = first.0.lock().unwrap_or_else(PoisonError::into_inner).take();
            let (message, at) = told.unwrap_or_else(|| ("it is not TypeScript".to_owned(), None));
            let error = StripError::new(kind, plain(&message));
            // Positions begin at 1, and 0 is none.
            match at {
                Some(at) if at > 0 => error.at(source, at as usize - 1),
                _ => error,
            }
        })
    })
}

/// A message in one line.
fn plain(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}
