//! What the global scope has of its own.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use isolate_engine::{Glue, HostFunction};

use super::Module;
use crate::{Context, Error};

pub(super) static GLOBAL: Module = Module {
    name: "global",
    glue: Glue::new("isolate:global", include_str!("../glue/global.js")),
    functions,
    globals: &["Navigator"],
    attributes: &["navigator", "queueMicrotask", "reportError", "self"],
    objects: &[],
};

type Load = Rc<dyn Fn(&Context) -> Result<(), Error>>;

/// What other APIs add to `navigator`.
#[derive(Default)]
struct Extensions {
    loaded: Cell<bool>,
    all: RefCell<Vec<Load>>,
}

impl Context {
    /// Runs a step when the guest first touches `navigator` (at once, if it has): the place to install glue that adds
    /// attributes to `p.navigator.Navigator`, where `p.navigator.check` throws for an object that is no `Navigator`.
    ///
    /// # Errors
    /// Those of the step, if it runs at once.
    pub fn extend_navigator(&self, load: impl Fn(&Context) -> Result<(), Error> + 'static) -> Result<(), Error> {
        let extensions: Rc<Extensions> = self.state();
        if extensions.loaded.get() {
            return load(self);
        }
        extensions.all.borrow_mut().push(Rc::new(load));
        Ok(())
    }
}

fn functions(context: &Context) -> Vec<HostFunction> {
    vec![
        context.function("__global_userAgent", || concat!("Isolate/", env!("CARGO_PKG_VERSION"))),
        context.function("__global_extend", |context: Context| {
            let extensions: Rc<Extensions> = context.state();
            extensions.loaded.set(true);
            let all = std::mem::take(&mut *extensions.all.borrow_mut());
            all.iter().try_for_each(|load| load(&context))
        }),
    ]
}
