//! Node's [`path` module](https://nodejs.org/docs/latest-v20.x/api/path.html) for guests, whole: as the global `path`, with
//! `path.posix` and `path.win32`, and for `import` as `path`, `node:path`, `path/posix`, `node:path/posix`, `path/win32`
//! and `node:path/win32`.
//!
//! Paths are text here: nothing is looked up in any file system. What a process would know, the working directory, is an
//! option.
//!
//! ```
//! # use isolate_core::{Context, Error, Value};
//! use isolate_path::{PathOptions, setup_path};
//!
//! # fn show(ctx: &Context) -> Result<(), Error> {
//! setup_path(ctx, PathOptions::new().working_directory("/srv/app"))?;
//! assert_eq!(ctx.evaluate("path.resolve('../data', 'a.csv')", "guest.js")?, Value::from("/srv/data/a.csv"));
//! # Ok(()) }
//! ```

#![forbid(unsafe_code)]

mod braces;
mod glob;

use std::cell::{Cell, OnceCell, RefCell};
use std::fmt;
use std::rc::Rc;

use isolate_core::{Context, DomExceptionName, Error, ErrorKind, Function, Glue, HostError, Value};

use glob::Flavor;

static GLUE: Glue = Glue::new("isolate:path", include_str!("path.js"));
static GLOBAL: Glue = Glue::new("isolate:path-global", "(function (host, p) { p.loaded = p.path; })");

/// How the module is set up.
///
/// | option | default |
/// | --- | --- |
/// | working directory | `/` |
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PathOptions {
    working_directory: String,
}

impl Default for PathOptions {
    fn default() -> Self {
        Self { working_directory: "/".to_owned() }
    }
}

impl PathOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets what relative paths are resolved against: an absolute path with slashes. `path.win32` takes the same, as Node
    /// does where it does not run on Windows.
    #[must_use]
    pub fn working_directory(mut self, path: impl Into<String>) -> Self {
        self.working_directory = path.into();
        self
    }
}

#[derive(Default)]
struct State {
    working_directory: RefCell<String>,
    exports: OnceCell<[Function; 2]>,
    ready: Cell<bool>,
    disposed: Cell<bool>,
}

/// What [`setup_path`] gives back. Dropping it changes nothing; the module goes with its context.
#[derive(Clone)]
pub struct PathHandle {
    state: Rc<State>,
}

impl fmt::Debug for PathHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PathHandle").field("working_directory", &self.working_directory()).finish_non_exhaustive()
    }
}

/// Sets up `path`. A second time it only sets the working directory.
///
/// # Errors
/// If the working directory is not absolute, or the context is stopped.
pub fn setup_path(context: &Context, options: PathOptions) -> Result<PathHandle, Error> {
    let state: Rc<State> = context.state();
    let handle = PathHandle { state: state.clone() };
    handle.set_working_directory(options.working_directory)?;
    if !state.ready.replace(true) {
        let weak = Rc::downgrade(&state);
        context.define_lazy_globals(&["path"], false, move |context| match weak.upgrade() {
            Some(state) => {
                load(context, &state)?;
                context.install(&GLOBAL, vec![]).map(|_| ())
            }
            None => Ok(()),
        })?;
        for (i, names) in
            [&["node:path", "path", "node:path/posix", "path/posix"][..], &["node:path/win32", "path/win32"][..]]
                .into_iter()
                .enumerate()
        {
            let weak = Rc::downgrade(&state);
            context.define_module(names, move |context| {
                let state = weak.upgrade().ok_or_else(|| Error::new(ErrorKind::Engine, "the context is gone"))?;
                Ok(load(context, &state)?[i].clone())
            });
        }
    }
    Ok(handle)
}

/// Loads the glue when the guest first touches `path`, or imports it. Gives what makes the exports of the two modules.
fn load<'s>(context: &Context, state: &'s Rc<State>) -> Result<&'s [Function; 2], Error> {
    if let Some(exports) = state.exports.get() {
        return Ok(exports);
    }
    let s = state.clone();
    let directory = context.function("__path_workingDirectory", move || {
        s.check()?;
        Ok::<_, HostError>(s.working_directory.borrow().clone())
    });
    let s = state.clone();
    let matches = context.function("__path_matches", move |path: String, pattern: String, windows: bool| {
        s.check()?;
        let flavor = if windows { Flavor::Windows } else { Flavor::Posix };
        glob::matches(&path, &pattern, flavor)
            .map_err(|_| HostError::range_error("the pattern is too complex for this path"))
    });
    let made = context.install(&GLUE, vec![directory, matches, context.inspection_function()])?;
    let function = |name| match made.get(name) {
        Some(Value::Function(f)) => Ok(f.clone()),
        _ => Err(Error::new(ErrorKind::Engine, "the glue of path is not whole")),
    };
    let exports = [function("posix")?, function("win32")?];
    Ok(state.exports.get_or_init(|| exports))
}

impl State {
    fn check(&self) -> Result<(), HostError> {
        match self.disposed.get() {
            true => Err(HostError::dom(DomExceptionName::InvalidStateError, "path was disposed of")),
            false => Ok(()),
        }
    }
}

impl PathHandle {
    /// What relative paths are resolved against.
    pub fn working_directory(&self) -> String {
        self.state.working_directory.borrow().clone()
    }

    /// Sets what relative paths are resolved against.
    ///
    /// # Errors
    /// If the path is not absolute.
    pub fn set_working_directory(&self, path: impl Into<String>) -> Result<(), Error> {
        let path = path.into();
        if !path.starts_with('/') {
            return Err(HostError::type_error(format!("the working directory '{path}' is not absolute")).into());
        }
        *self.state.working_directory.borrow_mut() = path;
        Ok(())
    }

    /// From now on whatever needs the working directory, and `matchesGlob`, throws an `InvalidStateError`.
    pub fn dispose(&self) {
        self.state.disposed.set(true);
    }
}
