//! The modules of the web platform that every context has.
//!
//! A module is a piece of glue with its host functions. It is loaded when the guest first touches one of its globals, or
//! when other glue asks for it, so that what nobody uses costs next to nothing.

mod abort;
mod blob;
mod clone;
mod compression;
mod encoding;
mod events;
mod filereader;
mod global;
pub(crate) mod streams;
mod table;
mod url;
#[cfg(feature = "urlpattern")]
mod urlpattern;

use std::rc::{Rc, Weak};

use isolate_engine::{
    DomExceptionName, GlobalKind, Glue, HostError, HostFunction, Object, Platform, PlatformObjects, Value,
};

use crate::context::Inner;
use crate::{Context, Error, ErrorKind};

pub use self::blob::{Blob, BlobSource, File, uuid_of};
pub use abort::AbortSignal;

pub(crate) struct Module {
    pub(crate) name: &'static str,
    pub(crate) glue: Glue,
    pub(crate) functions: fn(&Context) -> Vec<HostFunction>,
    /// Globals that are not enumerable, as interface objects are.
    pub(crate) globals: &'static [&'static str],
    /// Globals that are: operations and attributes of the global scope.
    pub(crate) attributes: &'static [&'static str],
    /// The objects of this module that cross the boundary.
    pub(crate) objects: &'static [PlatformKind],
}

/// How the objects of an interface cross the boundary.
pub(crate) struct PlatformKind {
    pub(crate) interface: &'static str,
    /// The host's form of what glue's `send` gave.
    pub(crate) to_host: fn(&Context, Value) -> Result<Platform, HostError>,
    /// What glue's `receive` gets.
    pub(crate) to_guest: fn(&Context, &Platform) -> Result<Value, HostError>,
}

static IDL: Module = Module {
    name: "idl",
    glue: Glue::new("isolate:idl", include_str!("../glue/idl.js")),
    functions: |_| vec![],
    globals: &[],
    attributes: &[],
    objects: &[],
};

static DOM_EXCEPTION: Module = Module {
    name: "dom_exception",
    glue: Glue::new("isolate:DOMException", include_str!("../glue/dom_exception.js")),
    functions: dom_exception,
    globals: &["DOMException"],
    attributes: &[],
    objects: &[],
};

static MODULES: &[&Module] = &[
    &IDL,
    &DOM_EXCEPTION,
    &events::EVENTS,
    &abort::ABORT,
    &global::GLOBAL,
    &clone::CLONE,
    &clone::TASKS,
    &clone::MESSAGING,
    &events::PERFORMANCE,
    &streams::BASE,
    &streams::STREAMS,
    &streams::BYTE,
    &streams::PIPE,
    &streams::WRITABLE_STREAMS,
    &streams::TRANSFORM,
    &streams::TRANSFER,
    &streams::HOST,
    &compression::COMPRESSION,
    &streams::ENCODING,
    &encoding::ENCODING,
    &url::URL,
    &blob::BLOB,
    &filereader::FILE_READER,
    #[cfg(feature = "urlpattern")]
    &urlpattern::URL_PATTERN,
];

/// Accessors of the global scope, by the module whose glue defines them itself.
static ACCESSORS: &[(&str, &[&str])] = &[("events", &["onerror", "onrejectionhandled", "onunhandledrejection"])];

fn dom_exception(context: &Context) -> Vec<HostFunction> {
    vec![context.function("__DOMException_names", || {
        let all = DomExceptionName::ALL.iter();
        let names = all.clone().map(|n| Value::from(n.as_str())).collect();
        let codes = all.map(|n| Value::from(n.code())).collect();
        [("names", Value::List(names)), ("codes", Value::List(codes))].into_iter().collect::<Object>()
    })]
}

/// Instantiates the glue of a module, for the core glue.
pub(crate) fn load(context: &Context, name: &str) -> Result<(), Error> {
    let module = MODULES.iter().find(|m| m.name == name);
    let module = module.ok_or_else(|| Error::new(ErrorKind::Engine, format!("there is no module {name}")))?;
    context.install(&module.glue, (module.functions)(context))?;
    Ok(())
}

/// Puts the globals of all modules in place.
pub(crate) fn define_globals(context: &Context) -> Result<(), Error> {
    for module in MODULES {
        for (names, kind) in [(module.globals, GlobalKind::Interface), (module.attributes, GlobalKind::Attribute)] {
            if !names.is_empty() {
                context.define_lazy(names, kind, |context| context.load_globals(module.name))?;
            }
        }
    }
    for (module, names) in ACCESSORS {
        context.define_lazy(names, GlobalKind::Accessor, |context| context.load_globals(module))?;
    }
    Ok(())
}

/// The host's side of platform objects.
pub(crate) struct Objects(pub(crate) Weak<Inner>);

impl Objects {
    fn context(&self) -> Result<Context, HostError> {
        self.0.upgrade().map(Context).ok_or_else(|| HostError::error("the context is gone"))
    }

    fn kind(interface: &str) -> Result<(&'static Module, &'static PlatformKind), HostError> {
        MODULES
            .iter()
            .find_map(|m| m.objects.iter().find(|k| k.interface == interface).map(|k| (*m, k)))
            .ok_or_else(|| HostError::type_error(format!("a {interface} cannot cross the boundary")))
    }
}

impl PlatformObjects for Objects {
    fn to_host(&self, data: Value) -> Result<Platform, HostError> {
        let (interface, data) = match data {
            Value::List(mut parts) if parts.len() == 2 => {
                let data = parts.pop().unwrap_or_default();
                (parts.pop().unwrap_or_default(), data)
            }
            _ => return Err(HostError::type_error("this object cannot cross the boundary")),
        };
        let (_, kind) = Self::kind(interface.as_str().unwrap_or_default())?;
        (kind.to_host)(&self.context()?, data)
    }

    fn to_guest(&self, object: &Platform) -> Result<Value, HostError> {
        let (module, kind) = Self::kind(object.interface())?;
        let data = (kind.to_guest)(&self.context()?, object)?;
        let mut message = Object::with_capacity(3);
        message.insert("module", module.name);
        message.insert("name", kind.interface);
        message.insert("data", data);
        Ok(message.into())
    }
}

/// The hooks of a context.
pub(crate) fn objects(context: &Context) -> Rc<dyn PlatformObjects> {
    Rc::new(Objects(context.downgrade()))
}
