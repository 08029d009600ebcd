//! Modules that APIs bring along: `import path from 'node:path'`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::{Rc, Weak};

use isolate_engine::{Function, Glue, HostError, ModuleLoader, ModuleSource, ModuleType, Value};

use crate::context::Inner;
use crate::{Context, Error};

type Exports = Rc<dyn Fn(&Context) -> Result<Function, Error>>;

/// Those of a context, with the loader that answers for all others.
#[derive(Default)]
pub(crate) struct Modules {
    /// By every name that imports them: the full name, and what makes the exports.
    native: RefCell<HashMap<&'static str, (&'static str, Exports)>>,
    loader: RefCell<Option<Rc<dyn ModuleLoader>>>,
    /// Makes modules of JSON, text and bytes, once there is one.
    make: RefCell<Option<Function>>,
}

static GLUE: Glue = Glue::new(
    "isolate:modules",
    "(function (host, p, engine) {
      'use strict';
      // JSON is parsed when the module is loaded, so that an error is the import's.
      return (kind, name, data) => {
        let value = data;
        if (kind === 'json') {
          try {
            value = p.JSONParse(data);
          } catch (e) {
            throw new p.SyntaxError(name + ': ' + e.message);
          }
        }
        return () => ({ __proto__: null, default: value });
      };
    })",
);

impl Modules {
    fn make(&self, context: &Context) -> Result<Function, HostError> {
        let made = self.make.borrow().clone();
        if let Some(make) = made {
            return Ok(make);
        }
        match context.install(&GLUE, vec![])? {
            Value::Function(make) => {
                *self.make.borrow_mut() = Some(make.clone());
                Ok(make)
            }
            _ => Err(HostError::error("the glue of modules gave no function")),
        }
    }
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

    fn load(&self, name: &str, kind: ModuleType) -> Result<ModuleSource, HostError> {
        let context = self.context()?;
        let source = match find(&context, name) {
            Some((_, exports)) => return Ok(ModuleSource::Exports(exports(&context)?)),
            None => next(&context, name)?.load(name, kind)?,
        };
        let data = match (source, kind) {
            (ModuleSource::Text(text), ModuleType::JavaScript) => return Ok(ModuleSource::Text(text)),
            (ModuleSource::Bytes(bytes), ModuleType::JavaScript) => return Ok(ModuleSource::Text(decoded(&bytes))),
            (ModuleSource::Bytes(bytes), ModuleType::Bytes) => Value::Bytes(bytes),
            (ModuleSource::Text(text), ModuleType::Bytes) => Value::Bytes(text.into_bytes().into()),
            (ModuleSource::Bytes(bytes), _) => decoded(&bytes).into(),
            (ModuleSource::Text(text), _) => text.into(),
            (other, _) => return Ok(other),
        };
        let make = context.0.modules.make(&context)?;
        match context.call(&make, vec![kind.as_str().into(), name.into(), data])? {
            Value::Function(exports) => Ok(ModuleSource::Exports(exports)),
            _ => Err(HostError::error("a module has no exports")),
        }
    }

    fn meta(&self, name: &str, is_main: bool) -> Result<Vec<(&'static str, Value)>, HostError> {
        let context = self.context()?;
        let loader = context.0.modules.loader.borrow().clone();
        let Some(loader) = loader else { return Ok(Vec::new()) };
        let mut properties = loader.meta(name, is_main)?;
        let referrer = name.to_owned();
        let resolve = context.function("resolve", move |context: Context, specifier: String| {
            let this = Loader(context.downgrade());
            let name = this.resolve(&specifier, &referrer)?;
            match find(&context, &name) {
                Some(_) => Ok(name),
                None => url_of(&*next(&context, &name)?, &name),
            }
        });
        let resolve = context.engine().new_function(resolve)?.into();
        for (key, value) in [("url", name.into()), ("main", is_main.into()), ("resolve", resolve)] {
            if !properties.iter().any(|(other, _)| *other == key) {
                properties.push((key, value));
            }
        }
        Ok(properties)
    }
}

/// What `import.meta.url` says of a module.
fn url_of(loader: &dyn ModuleLoader, name: &str) -> Result<String, HostError> {
    match loader.meta(name, false)?.into_iter().find(|(key, _)| *key == "url") {
        Some((_, Value::String(url))) => Ok(url),
        _ => Ok(name.to_owned()),
    }
}

/// UTF-8, as browsers decode it: without a byte order mark.
fn decoded(bytes: &[u8]) -> String {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    String::from_utf8_lossy(bytes).into_owned()
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
