//! Bodies that are read whole, counted as the guest's memory while they come.

use bytes::{Bytes, BytesMut};
use futures_util::stream::StreamExt;
use isolate_core::{Charge, HostError, WeakContext};

use crate::Body;
use crate::body::too_large;

/// What is held of a body while it is read, counted as the guest's memory.
pub(crate) struct Counted {
    context: WeakContext,
    charges: Vec<Charge>,
    owed: usize,
}

impl Counted {
    pub(crate) fn new(context: WeakContext) -> Self {
        Self { context, charges: Vec::new(), owed: 0 }
    }

    /// So many bytes more are held.
    pub(crate) fn add(&mut self, bytes: usize) -> Result<(), HostError> {
        /// Bytes that are counted at once.
        const STEP: usize = 64 << 10;
        self.owed += bytes;
        if self.owed >= STEP {
            let context = self.context.upgrade().ok_or_else(|| HostError::error("the context is gone"))?;
            // Fewer and larger charges for what is large.
            self.charges.push(context.charge(std::mem::take(&mut self.owed))?);
        }
        Ok(())
    }
}

/// All of a body that the guest is to have, counted as its memory while it comes.
pub(crate) async fn collect(mut body: Body, limit: u64, context: WeakContext) -> Result<Bytes, HostError> {
    if let Some(bytes) = body.take_ready() {
        return Ok(bytes);
    }
    let mut held = Counted::new(context);
    let mut all = BytesMut::new();
    while let Some(chunk) = body.next().await.transpose()? {
        if (all.len() + chunk.len()) as u64 > limit {
            return Err(too_large("the body", limit).into());
        }
        held.add(chunk.len())?;
        all.extend_from_slice(&chunk);
    }
    Ok(all.freeze())
}
