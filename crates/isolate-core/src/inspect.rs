//! Guest values as text for people, as Node's `util.inspect` prints them. The work is done in the guest's realm, by
//! glue that is loaded on first use and trusts nothing that the guest could have changed.

use std::cell::OnceCell;
use std::rc::Rc;

use isolate_engine::{Function, Glue, HostFunction, Value};

use crate::{Context, Error, ErrorKind};

static INSPECT: Glue = Glue::new("isolate:inspect", include_str!("glue/inspect.js"));
static DISPLAY: Glue = Glue::new("isolate:display", include_str!("glue/display.js"));

#[derive(Default)]
struct Loaded {
    inspect: OnceCell<Value>,
    display: OnceCell<Value>,
}

impl Context {
    /// The functions of the inspection glue, as an object of guest functions: `inspect(value, options)`,
    /// `formatWithOptions(options, args)`, `dir`, `table` and `callers`. For other glue.
    ///
    /// # Errors
    /// If the context is stopped.
    pub fn inspection(&self) -> Result<Value, Error> {
        let loaded: Rc<Loaded> = self.state();
        if loaded.inspect.get().is_none() {
            let _ = loaded.inspect.set(self.install(&INSPECT, vec![])?);
        }
        Ok(loaded.inspect.get().cloned().unwrap_or_default())
    }

    /// A host function that gives glue the result of [`inspection`](Self::inspection).
    pub fn inspection_function(&self) -> HostFunction {
        self.function("__inspect", |ctx: Context| ctx.inspection())
    }

    /// A guest function that turns a completion value into the text that a read-eval-print loop shows, or a promise
    /// into a promise of that. For [`Completion::Apply`](isolate_engine::Completion::Apply).
    ///
    /// # Errors
    /// If the context is stopped.
    pub fn display_function(&self, color: bool) -> Result<Function, Error> {
        let loaded: Rc<Loaded> = self.state();
        if loaded.display.get().is_none() {
            let _ = loaded.display.set(self.install(&DISPLAY, vec![self.inspection_function()])?);
        }
        let name = if color { "displayInColor" } else { "display" };
        match loaded.display.get().and_then(|v| v.get(name)) {
            Some(Value::Function(f)) => Ok(f.clone()),
            _ => Err(Error::new(ErrorKind::Engine, "the display glue is not whole")),
        }
    }
}
