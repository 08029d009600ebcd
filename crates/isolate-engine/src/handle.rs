//! Opaque tickets for the two guest objects that the host may keep.
//!
//! A ticket is a slot number and a queue, not a pointer: it is `Send`, it may outlive its context, and dropping it on
//! any thread only notes the slot, which the context frees the next time it runs. So no order of drops and no choice
//! of thread can touch an engine that is gone or busy.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::{EngineError, Failure};

struct Ticket {
    slot: usize,
    queue: Arc<Queue>,
}

struct Queue {
    id: u64,
    dirty: AtomicBool,
    released: Mutex<Vec<usize>>,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.queue.released.lock().unwrap_or_else(PoisonError::into_inner).push(self.slot);
        self.queue.dirty.store(true, Ordering::Release);
    }
}

/// A guest function that the host may call, in the context it came from.
#[derive(Clone)]
pub struct Function(Arc<Ticket>);

/// A promise of one context.
#[derive(Clone)]
pub struct Promise(Arc<Ticket>);

macro_rules! ticket {
    ($t:ident) => {
        impl PartialEq for $t {
            /// Two handles are equal when they are clones of one another.
            fn eq(&self, other: &Self) -> bool {
                Arc::ptr_eq(&self.0, &other.0)
            }
        }
        impl fmt::Debug for $t {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($t), "(#{})"), self.0.slot)
            }
        }
    };
}
ticket!(Function);
ticket!(Promise);

/// For backends: makes the handles of one context and learns which were dropped.
#[derive(Debug)]
pub struct HandleSource(Arc<Queue>);

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "context {}", self.id)
    }
}

impl Default for HandleSource {
    fn default() -> Self {
        Self::new()
    }
}

impl HandleSource {
    /// A source for a new context.
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(Arc::new(Queue {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            dirty: AtomicBool::new(false),
            released: Mutex::new(Vec::new()),
        }))
    }

    fn ticket(&self, slot: usize) -> Arc<Ticket> {
        Arc::new(Ticket { slot, queue: self.0.clone() })
    }

    /// A handle for the function in `slot`.
    pub fn function(&self, slot: usize) -> Function {
        Function(self.ticket(slot))
    }

    /// A handle for the promise in `slot`.
    pub fn promise(&self, slot: usize) -> Promise {
        Promise(self.ticket(slot))
    }

    /// The slot of a function.
    ///
    /// # Errors
    /// If the function belongs to another context.
    pub fn function_slot(&self, function: &Function) -> Result<usize, Failure> {
        self.slot(&function.0)
    }

    /// The slot of a promise.
    ///
    /// # Errors
    /// If the promise belongs to another context.
    pub fn promise_slot(&self, promise: &Promise) -> Result<usize, Failure> {
        self.slot(&promise.0)
    }

    fn slot(&self, ticket: &Ticket) -> Result<usize, Failure> {
        if Arc::ptr_eq(&ticket.queue, &self.0) {
            Ok(ticket.slot)
        } else {
            Err(EngineError::new("a function or promise was used in a context that it does not belong to").into())
        }
    }

    /// The slots whose last handle was dropped since the last call. Cheap when there is none.
    pub fn released(&self) -> Vec<usize> {
        if !self.0.dirty.swap(false, Ordering::Acquire) {
            return Vec::new();
        }
        std::mem::take(&mut *self.0.released.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
