//! Evaluations and calls that are under way.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll};

use isolate_engine::{Failure, PromiseState, Termination, Value};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::{Context, Error, ErrorKind};

/// Holds the deadline of an evaluation while it is under way.
pub(crate) struct Under {
    pub(crate) context: Context,
    pub(crate) key: usize,
}

impl Drop for Under {
    fn drop(&mut self) {
        self.context.end(self.key);
    }
}

/// An evaluation or call that was begun and whose promise, if it gave one, is awaited.
pub struct Evaluation {
    under: Under,
    value: Value,
    /// What the promise was found to be at the start, if it was settled. It is copied out once: an object that crosses
    /// may be transferred by that.
    settled: Option<Result<PromiseState, Failure>>,
    /// A module has no value.
    discard: bool,
    cancellation: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
}

impl fmt::Debug for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Evaluation").field(&self.value).finish()
    }
}

impl Evaluation {
    /// The error for a promise that nothing can settle any more.
    pub fn never_settles() -> Error {
        Error::new(ErrorKind::NeverSettles, "the result is a promise that can never settle: nothing is left to run")
    }

    pub(crate) fn new(under: Under, value: Value, discard: bool, cancellation: Option<CancellationToken>) -> Self {
        let cancellation = cancellation.map(|token| Box::pin(token.cancelled_owned()));
        let settled = match &value {
            // From here on its rejection is handled: it is this evaluation's result.
            Value::Promise(promise) => match under.context.engine().promise_state(promise) {
                Ok(PromiseState::Pending) => None,
                settled => Some(settled),
            },
            _ => None,
        };
        Self { under, value, settled, discard, cancellation }
    }

    /// The result, if it is there. Does not run the event loop.
    pub fn poll(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<Value, Error>> {
        let polled = self.poll_result(cx);
        if let Poll::Ready(Ok(value)) = &polled {
            self.under.context.0.meter.received(value);
        }
        polled
    }

    fn poll_result(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<Value, Error>> {
        let context = &self.under.context;
        if let Some(token) = &mut self.cancellation
            && token.as_mut().poll(cx).is_ready()
        {
            context.terminate(Termination::Cancelled);
        }
        if let Some(reason) = context.stopped() {
            return Poll::Ready(Err(Failure::from(reason).into()));
        }
        let Value::Promise(promise) = &self.value else {
            return Poll::Ready(Ok(self.value.take()));
        };
        match self.settled.take().unwrap_or_else(|| context.run(|engine| engine.promise_state(promise))) {
            Ok(PromiseState::Pending) => Poll::Pending,
            Ok(PromiseState::Fulfilled(_)) if self.discard => Poll::Ready(Ok(Value::Undefined)),
            Ok(PromiseState::Fulfilled(v)) => Poll::Ready(Ok(v)),
            Ok(PromiseState::Rejected(e)) => Poll::Ready(Err((*e).into())),
            // A module's namespace, or what it resolved to, need not be able to cross.
            Err(Failure::Threw(_)) if self.discard => Poll::Ready(Ok(Value::Undefined)),
            Err(f) => Poll::Ready(Err(f.into())),
        }
    }
}
