//! For backends: the bounds of a value that crosses, the same for every engine.

use crate::{Arguments, Exception, Failure, HostError, Location, MAX_DEPTH, Value};

/// What one node of a value costs, besides its text and bytes; see [`Limits::value_bytes`](crate::Limits::value_bytes).
pub const NODE: usize = 64;
/// Lossy values get this part of the budget: they are copied for people to read.
const LOSSY_PART: usize = 16;

/// Why a value did not cross.
#[derive(Debug)]
pub enum Refusal {
    /// Guest code threw while it was looked at; the exception is pending in the engine.
    Pending,
    /// The host refuses it.
    Host(HostError),
}

impl From<HostError> for Refusal {
    fn from(e: HostError) -> Self {
        Refusal::Host(e)
    }
}

impl From<Failure> for Refusal {
    fn from(f: Failure) -> Self {
        match f {
            Failure::Threw(e) => Refusal::Host((*e).into()),
            Failure::Terminated(_) => Refusal::Pending,
            Failure::Engine(e) => Refusal::Host(HostError::type_error(e.to_string())),
        }
    }
}

/// The walk over a guest's value: what may still be spent, and which objects it is inside of, by a key of the engine's.
#[derive(Debug)]
pub struct Walk<K> {
    /// How the value crosses.
    pub mode: Arguments,
    /// Bytes that are left of the budget.
    pub left: usize,
    nodes: u32,
    path: Vec<K>,
}

impl<K> Walk<K> {
    /// A walk with the budget for one value.
    pub fn new(mode: Arguments, value_bytes: usize) -> Self {
        let part = if mode == Arguments::Lossy { LOSSY_PART } else { 1 };
        Self { mode, left: value_bytes / part, nodes: 0, path: Vec::new() }
    }

    /// Whether the value crosses lossily.
    pub fn lossy(&self) -> bool {
        self.mode == Arguments::Lossy
    }

    /// Whether it is time to look at the interrupter, asked once for each node.
    pub fn asks(&mut self) -> bool {
        self.nodes = self.nodes.wrapping_add(1);
        self.nodes.is_multiple_of(1024)
    }

    /// Spends a part of the budget.
    ///
    /// # Errors
    /// If so much is not left.
    pub fn spend(&mut self, bytes: usize) -> Result<(), Refusal> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(HostError::range_error("the value is too large to cross the boundary").into()),
        }
    }

    /// Goes into an object, unless that would be too deep or a cycle, which `is_inside` finds. Gives what stands for the
    /// object instead, if it is to be left out.
    ///
    /// # Errors
    /// If the value does not cross lossily and the object cannot be entered.
    pub fn enter(&mut self, key: K, is_inside: impl FnMut(&K) -> bool) -> Result<Option<Value>, Refusal> {
        if self.path.iter().any(is_inside) {
            if self.lossy() {
                return Ok(Some(Value::String("[Circular]".into())));
            }
            return Err(HostError::type_error("a cyclic value cannot cross the boundary").into());
        }
        if self.path.len() >= MAX_DEPTH {
            if self.lossy() {
                return Ok(Some(Value::String("[Object]".into())));
            }
            return Err(too_deep());
        }
        self.path.push(key);
        Ok(None)
    }

    /// Comes out of the object that was entered last.
    pub fn leave(&mut self) {
        self.path.pop();
    }
}

/// Copying recurses; a guest that calls at the end of its stack gets an error before the thread's own stack, of which so
/// many bytes are left, ends.
///
/// # Errors
/// If too little is left.
pub fn check_stack(left: Option<usize>) -> Result<(), Refusal> {
    const LEAST: usize = 64 << 10;
    if left.is_some_and(|left| left < LEAST) {
        return Err(HostError::range_error("too little stack is left to copy the value").into());
    }
    Ok(())
}

/// What is nested deeper than [`MAX_DEPTH`] is refused with this.
pub fn too_deep() -> Refusal {
    HostError::type_error(format!("the value is nested deeper than {MAX_DEPTH} levels")).into()
}

/// What a value of the host counts against [`Limits::value_bytes`](crate::Limits::value_bytes). What is nested too deep
/// to cross is not looked into.
pub fn weight(value: &Value) -> usize {
    weight_at(value, 0)
}

fn weight_at(value: &Value, depth: usize) -> usize {
    if depth > MAX_DEPTH {
        return NODE;
    }
    let of = |v: &Value| weight_at(v, depth + 1);
    NODE + match value {
        Value::String(s) => s.len(),
        Value::Bytes(b) => b.len(),
        Value::BigInt(n) => usize::try_from(n.bits() / 8).unwrap_or(usize::MAX / 2),
        Value::List(l) | Value::Set(l) => l.iter().map(of).sum(),
        Value::Object(o) => o.iter().map(|(k, v)| k.len() + of(v)).sum(),
        Value::Map(m) => m.iter().map(|(k, v)| of(k) + of(v)).sum(),
        Value::RegExp(r) => r.source.len() + r.flags.len(),
        Value::Error(e) => e.message.len() + e.stack.len() + e.cause.as_deref().map_or(0, of),
        _ => 0,
    }
}

/// The place in the first line of a stack that has one: of `    at f (file.js:3:11)` or `    at file.js:3:11`.
pub fn location(stack: &str) -> Option<Location> {
    stack.lines().find_map(location_of_line)
}

fn location_of_line(line: &str) -> Option<Location> {
    let line = line.trim();
    let place = match line.rsplit_once('(') {
        Some((_, rest)) => rest.strip_suffix(')')?,
        None => line.strip_prefix("at ")?,
    };
    let (rest, column) = place.rsplit_once(':')?;
    let (file, line) = rest.rsplit_once(':')?;
    Some(Location { file: file.to_owned(), line: line.parse().ok()?, column: column.parse().ok()? })
}

/// What a host function's refused value is outside of the guest.
///
/// # Errors
/// Always.
pub fn refused<T>(e: &HostError) -> Result<T, Failure> {
    Err(Exception::new(e.class().as_str(), e.message()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_from_stack_lines() {
        let at = |line| location(line).map(|l| (l.file, l.line, l.column));
        assert_eq!(at("    at f (a b.js:3:11)"), Some(("a b.js".into(), 3, 11)));
        assert_eq!(at("    at dir/x.js:1:2"), Some(("dir/x.js".into(), 1, 2)));
        assert_eq!(at("    at http://h:80/x.js:1:2"), Some(("http://h:80/x.js".into(), 1, 2)));
        assert_eq!(at("    at f (native)"), None);
    }
}
