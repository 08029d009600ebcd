//! Globals that are loaded when they are first touched.
//!
//! V8 has lazy data properties: to the guest they are data properties from the start. Accessors of the global scope are
//! ones of ours until their glue has put its own in their place.

use std::panic::{AssertUnwindSafe, catch_unwind};

use isolate_engine::{GlobalKind, HostError, LoadGlobals};
use v8::Local;

use super::{Inner, Scope, V8Context};
use crate::convert::{Refusal, made, name};

/// Globals that are loaded together.
pub(super) struct Group {
    names: &'static [&'static str],
    load: LoadGlobals,
    /// What glue left of them, once it was loaded.
    loaded: Option<v8::Global<v8::Object>>,
}

impl Inner {
    /// Notes globals that are loaded together. Gives the number of the group.
    pub(super) fn add_lazy(&self, names: &'static [&'static str], load: LoadGlobals) -> usize {
        self.lazy.borrow_mut().push(Group { names, load, loaded: None });
        self.lazy.borrow().len() - 1
    }

    /// A mark, which no guest sees, on accessors that are not loaded yet.
    fn ours<'s>(scope: &Scope<'s, '_>) -> Option<Local<'s, v8::Private>> {
        let name = v8::String::new(scope, "isolate:lazy")?;
        Some(v8::Private::for_api(scope, Some(name)))
    }

    /// Puts the globals of a group in place.
    pub(super) fn put_lazy(
        &self,
        scope: &mut Scope<'_, '_>,
        group: usize,
        names: &'static [&'static str],
        kind: GlobalKind,
    ) -> Result<(), Refusal> {
        let global = scope.get_current_context().global(scope);
        for (i, global_name) in names.iter().enumerate() {
            let key = name(scope, global_name)?;
            let data = v8::Integer::new(scope, pack(group, i));
            if kind == GlobalKind::Accessor {
                let f = made(v8::Function::builder(lazy_accessor).data(data.into()).build(scope))?;
                let (ours, mark) = (made(Self::ours(scope))?, v8::Boolean::new(scope, true));
                made(f.set_private(scope, ours, mark.into()))?;
                let mut descriptor = v8::PropertyDescriptor::new_from_get_set(f.into(), f.into());
                descriptor.set_configurable(true);
                descriptor.set_enumerable(true);
                made(global.define_property(scope, key.into(), &descriptor))?;
                continue;
            }
            let attributes = match kind {
                GlobalKind::Interface => v8::PropertyAttribute::DONT_ENUM,
                _ => v8::PropertyAttribute::NONE,
            };
            made(global.set_lazy_data_property_with_data(
                scope,
                key.into(),
                lazy_value,
                data.into(),
                attributes,
                v8::SideEffectType::HasSideEffect,
                v8::SideEffectType::HasSideEffect,
            ))?;
        }
        Ok(())
    }

    /// Loads a group, unless it is loaded. What goes wrong is thrown.
    fn load_group(&self, scope: &mut Scope<'_, '_>, group: usize) -> Result<(), Refusal> {
        let load = match self.lazy.borrow().get(group) {
            Some(Group { loaded: None, load, .. }) => load.clone(),
            _ => return Ok(()),
        };
        // SAFETY: `self` is alive during the call.
        let loaded = unsafe {
            let context = V8Context::borrow(self);
            catch_unwind(AssertUnwindSafe(|| load(&*context)))
                .unwrap_or_else(|_| Err(HostError::error("a loader of globals panicked")))
        };
        if self.interrupter.stopped().is_some() {
            return Err(Refusal::Pending);
        }
        loaded?;
        let Some(shared) = self.shared.get().map(|s| Local::new(scope, s)) else { return Err(Refusal::Pending) };
        let key = name(scope, "loaded")?;
        let values = made(shared.get(scope, key.into()))?;
        let undefined = v8::undefined(scope);
        made(shared.set(scope, key.into(), undefined.into()))?;
        if let Ok(values) = values.try_cast::<v8::Object>()
            && let Some(group) = self.lazy.borrow_mut().get_mut(group)
        {
            group.loaded = Some(v8::Global::new(scope, values));
        }
        Ok(())
    }

    /// The value of a lazy global.
    fn lazy_value<'s>(&self, scope: &mut Scope<'s, '_>, packed: i64) -> Result<Local<'s, v8::Value>, Refusal> {
        let (group, i) = unpack(packed);
        self.load_group(scope, group)?;
        let (values, key) = match self.lazy.borrow().get(group) {
            Some(Group { loaded: Some(values), names, .. }) => {
                (Local::new(scope, values), names.get(i).copied().unwrap_or_default())
            }
            _ => return Ok(v8::undefined(scope).into()),
        };
        let key = name(scope, key)?;
        made(values.get(scope, key.into()))
    }

    /// A refusal becomes an exception of the guest's.
    pub(crate) fn throw(&self, scope: &mut Scope<'_, '_>, refusal: Refusal) {
        match refusal {
            Refusal::Host(e) => self.throw_host_error(scope, &e),
            Refusal::Pending if self.interrupter.stopped().is_some() => {
                scope.terminate_execution();
            }
            Refusal::Pending => {}
        }
    }
}

fn pack(group: usize, i: usize) -> i32 {
    i32::try_from((group << 8) | (i & 0xff)).unwrap_or(0)
}

fn unpack(packed: i64) -> (usize, usize) {
    let packed = usize::try_from(packed).unwrap_or(0);
    (packed >> 8, packed & 0xff)
}

fn index(data: Local<v8::Value>) -> i64 {
    data.try_cast::<v8::Integer>().map_or(0, |n| n.value())
}

/// The first read of a lazy global.
pub(crate) fn lazy_value(
    scope: &mut Scope<'_, '_>,
    _key: Local<v8::Name>,
    args: v8::PropertyCallbackArguments,
    mut rv: v8::ReturnValue<v8::Value>,
) {
    let inner = Inner::of(scope);
    match inner.lazy_value(scope, index(args.data())) {
        Ok(v) => rv.set(v),
        Err(refusal) => inner.throw(scope, refusal),
    }
}

/// The getter and setter of an accessor that is not loaded yet: loads it, and does what was asked with what stands there
/// then.
pub(crate) fn lazy_accessor(
    scope: &mut Scope<'_, '_>,
    args: v8::FunctionCallbackArguments,
    mut rv: v8::ReturnValue<v8::Value>,
) {
    let inner = Inner::of(scope);
    let (group, i) = unpack(index(args.data()));
    let result = (|| {
        inner.load_group(scope, group)?;
        let key = inner.lazy.borrow().get(group).and_then(|g| g.names.get(i).copied()).unwrap_or_default();
        let key = name(scope, key)?;
        let global = scope.get_current_context().global(scope);
        // Whoever kept this function calls it after the property was replaced, or deleted: it must not find itself.
        let own = made(global.get_own_property_descriptor(scope, key.into()))?;
        let getter = name(scope, "get")?;
        let is_ours = match own.try_cast::<v8::Object>() {
            Ok(own) => {
                let get = made(own.get(scope, getter.into()))?;
                let ours = made(Inner::ours(scope))?;
                get.try_cast::<v8::Function>().is_ok_and(|f| f.has_private(scope, ours) == Some(true))
            }
            Err(_) => true,
        };
        if is_ours {
            return Ok(v8::undefined(scope).into());
        }
        if args.length() > 0 {
            made(global.set(scope, key.into(), args.get(0)))?;
            return Ok(v8::undefined(scope).into());
        }
        made(global.get(scope, key.into()))
    })();
    match result {
        Ok(v) => rv.set(v),
        Err(refusal) => inner.throw(scope, refusal),
    }
}
