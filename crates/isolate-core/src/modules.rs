//! Modules that APIs bring along: `import path from 'node:path'`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::{Rc, Weak};

use isolate_engine::{Function, HostError, ModuleLoader, ModuleSource};

use crate::context::Inner;
use crate::{Context, Error};

type Exports = Rc<dyn Fn(&Context) -> Result<Function, Error>>;

/// Those of a context, with the loader that answers for all others.
#[derive(Default)]
pub(crate) struct Modules {
    /// By every name that imports them: the full name, and what makes the exports.
    native: RefCell<HashMap<&'static str, (&'static str, Exports)>>,
    loader: RefCell<Option<Rc<dyn ModuleLoader>>>,
}

/// Answers `import` for a context.
struct Loader(Weak<Inner>);

impl Loader {
    fn context(&self) -> Result<Context, HostError> {
        self.0.upgrade().map(Context).ok_or_else(|| HostError::error("the context is gone"))
    }
}

fn find(context: &Context, name: &str) -> Option<(&'static str, Exports)> {
    context.0.modules.native.borrow().get(name).cloned()
}

fn next(context: &Context, name: &str) -> Result<Rc<dyn ModuleLoader>, HostError> {
    let loader = context.0.modules.loader.borrow().clone();
    loader.ok_or_else(|| HostError::type_error(format!("cannot import '{name}': this runtime has no module loader")))
}

impl ModuleLoader for Loader {
    fn resolve(&self, specifier: &str, referrer: &str) -> Result<String, HostError> {
        let context = self.context()?;
        match find(&context, specifier) {
            Some((name, _)) => Ok(name.to_owned()),
            None => next(&context, specifier)?.resolve(specifier, referrer),
        }
    }

    fn load(&self, name: &str) -> Result<ModuleSource, HostError> {
        let context = self.context()?;
        match find(&context, name) {
            Some((_, exports)) => Ok(ModuleSource::Exports(exports(&context)?)),
            None => next(&context, name)?.load(name),
        }
    }
}

impl Context {
    /// Sets who answers `import`, but for the modules of [`define_module`](Self::define_module). Without a loader every
    /// other import fails.
    pub fn set_module_loader(&self, loader: Rc<dyn ModuleLoader>) {
        *self.0.modules.loader.borrow_mut() = Some(loader);
        self.answer_imports();
    }

    /// Defines a module that guests import by one of these names, whatever the loader says. `exports` is called when it is
    /// first imported, and gives a function of glue that returns an object whose own properties are the exports. All
    /// names stand for one module; the first is its full name, which a loader must not give to another.
    pub fn define_module(
        &self,
        names: &'static [&'static str],
        exports: impl Fn(&Context) -> Result<Function, Error> + 'static,
    ) {
        let exports: Exports = Rc::new(exports);
        let mut native = self.0.modules.native.borrow_mut();
        for name in names {
            native.insert(name, (names[0], exports.clone()));
        }
        drop(native);
        self.answer_imports();
    }

    fn answer_imports(&self) {
        self.engine().set_module_loader(Rc::new(Loader(self.downgrade())));
    }
}
