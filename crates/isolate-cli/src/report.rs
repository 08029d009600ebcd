//! How errors are shown.

use std::fmt::Write as _;

use isolate_runtime::{Error, ErrorKind, Exception, Termination, Value};
use serde_json::json;

use crate::args::Options;
use crate::loader::Refused;

/// What ended a run, and how to say it.
pub(crate) struct Failure {
    pub(crate) code: u8,
    text: String,
    json: serde_json::Value,
}

impl Failure {
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code: 2, json: json!({ "kind": "usage", "message": message }), text: format!("isolate: {message}") }
    }

    pub(crate) fn from_error(error: &Error, options: &Options, sources: &[(String, String)]) -> Self {
        if let Some(exception) = error.exception() {
            return Self::uncaught(exception, sources);
        }
        if let Some(reason) = error.terminated() {
            return Self::stopped(reason, options);
        }
        let kind = if error.kind() == ErrorKind::NeverSettles { "never-settles" } else { "engine" };
        let message = error.to_string();
        Self { code: 1, json: json!({ "kind": kind, "message": message }), text: format!("isolate: {message}") }
    }

    /// What stopped a guest.
    pub(crate) fn from(reason: Termination, options: &Options) -> Self {
        Self::stopped(reason, options)
    }

    /// What [`print`](Self::print) prints.
    pub(crate) fn line(&self, json: bool) -> String {
        if json { json!({ "error": self.json }).to_string() } else { self.text.clone() }
    }

    /// In one line: what stopped the guest, and which flag sets the limit.
    fn stopped(reason: Termination, options: &Options) -> Self {
        let size = |bytes: usize| match bytes {
            b if b >= 1 << 20 => format!("{} MiB", b >> 20),
            b => format!("{b} bytes"),
        };
        let time = |t: Option<crate::args::Time>| t.map(|t| format!(" of {:?}", t.0)).unwrap_or_default();
        let (kind, message) = match reason {
            Termination::Memory => {
                let limit = options.memory.0.map(|s| format!(" of {}", size(s.0))).unwrap_or_default();
                ("memory", format!("the memory limit{limit} was reached (--memory sets it)"))
            }
            Termination::Deadline => {
                ("deadline", format!("the time limit{} passed (--timeout sets it)", time(options.timeout.0)))
            }
            Termination::Cpu => (
                "cpu",
                format!("the processor time limit{} was used up (--cpu-time sets it)", time(options.cpu_time.0)),
            ),
            Termination::Cancelled => ("cancelled", "it was cancelled".to_owned()),
        };
        let json = json!({ "kind": "stopped", "limit": kind, "message": message });
        Self { code: 3, json, text: format!("isolate: stopped: {message}") }
    }

    /// The same as [`uncaught`](Self::uncaught), at the place in a file of TypeScript if its import failed by that.
    pub(crate) fn thrown(e: &Exception, sources: &[(String, String)], refused: &Refused) -> Self {
        let Some((place, text)) = refused.find(e) else { return Self::uncaught(e, sources) };
        let sources = [(place.file.clone(), text)];
        let mut e = e.clone();
        e.location = Some(place);
        Self::uncaught(&e, &sources)
    }

    /// As Node prints it: the place, its line with a caret, and the error with its stack.
    pub(crate) fn uncaught(e: &Exception, sources: &[(String, String)]) -> Self {
        let mut text = String::new();
        if let Some(place) = &e.location {
            let _ = writeln!(text, "{}:{}", place.file, place.line);
            let source = sources.iter().find(|(name, _)| *name == place.file).map(|(_, s)| s.as_str());
            let line = source.and_then(|s| s.lines().nth(place.line.saturating_sub(1) as usize));
            if let Some(line) = line.filter(|l| l.len() <= 500) {
                let before = line.chars().take(place.column.saturating_sub(1) as usize);
                let indent: String = before.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
                let _ = writeln!(text, "{line}\n{indent}^\n");
            } else {
                text.push('\n');
            }
        }
        write_exception(&mut text, e, 0);
        let place = e.location.as_ref();
        let json = json!({
            "kind": "exception", "name": e.name, "message": e.message, "stack": e.stack,
            "file": place.map(|l| l.file.as_str()), "line": place.map(|l| l.line), "column": place.map(|l| l.column),
        });
        Self { code: 1, text, json }
    }

    pub(crate) fn print(&self, options: &Options) {
        eprintln!("{}", self.line(options.json));
    }
}

pub(crate) fn write_exception(out: &mut String, e: &Exception, depth: usize) {
    let indent = "  ".repeat(depth);
    let _ = write!(out, "{e}");
    for line in e.stack.lines() {
        let _ = write!(out, "\n{indent}{line}");
    }
    match e.cause.as_deref() {
        Some(Value::Error(cause)) if depth < 10 => {
            let _ = write!(out, " {{\n{indent}  [cause]: ");
            write_exception(out, cause, depth + 1);
            let _ = write!(out, "\n{indent}}}");
        }
        Some(cause) => {
            let _ = write!(out, " {{\n{indent}  [cause]: {}\n{indent}}}", to_json(cause));
        }
        None => {}
    }
}

/// A value as JSON: what JSON has no word for becomes the nearest thing.
pub(crate) fn to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Undefined | Value::Null => serde_json::Value::Null,
        Value::Bool(b) => json!(b),
        Value::Number(n) if n.fract() == 0.0 && n.abs() < 9e15 => json!(*n as i64),
        Value::Number(n) => json!(n),
        Value::BigInt(n) => json!(n.to_string()),
        Value::String(s) => json!(s),
        Value::Bytes(b) => json!(b.to_vec()),
        Value::List(l) | Value::Set(l) => l.iter().map(to_json).collect(),
        Value::Object(o) => o.iter().map(|(k, v)| (k.to_owned(), to_json(v))).collect(),
        Value::Date(ms) => json!(ms),
        Value::Map(m) => m.iter().map(|(k, v)| json!([to_json(k), to_json(v)])).collect(),
        Value::RegExp(r) => json!(format!("/{}/{}", r.source, r.flags)),
        Value::Error(e) => json!({ "name": e.name, "message": e.message }),
        Value::Platform(p) => {
            p.get::<isolate_runtime::core::url::Url>().map_or(serde_json::Value::Null, |u| json!(u.as_str()))
        }
        Value::Function(_) | Value::Promise(_) => serde_json::Value::Null,
    }
}
