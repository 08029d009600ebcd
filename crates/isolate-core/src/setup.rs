//! What `isolate-core` itself puts on the guest's global object.

use std::cell::Cell;
use std::rc::Rc;

use crate::{Context, Error, web};

#[derive(Default)]
struct SetUp(Cell<bool>);

/// What [`setup_core`] gives back.
#[derive(Debug)]
pub struct CoreHandle {
    context: Context,
}

/// Sets up the globals of the web platform. A second time it changes nothing.
///
/// # Errors
/// If the context is stopped.
pub fn setup_core(context: &Context) -> Result<CoreHandle, Error> {
    let done: Rc<SetUp> = context.state();
    if !done.0.replace(true) {
        web::define_globals(context)?;
    }
    Ok(CoreHandle { context: context.clone() })
}

impl CoreHandle {
    /// Forgets the host state of every instance; see [`Context::clear_instance_state`].
    pub fn dispose(&self) {
        self.context.clear_instance_state();
    }
}
