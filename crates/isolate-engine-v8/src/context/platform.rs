//! Objects of the web platform crossing.

use std::rc::Rc;

use isolate_engine::{HostError, PlatformObjects, Value};
use v8::Local;

use super::{Builtin, Inner, Scope};
use crate::convert::{Refusal, made};

/// How they cross; see [`isolate_engine::EngineContext::set_platform`].
#[derive(Clone)]
pub(super) struct Platform {
    pub(super) send: isolate_engine::Function,
    pub(super) receive: isolate_engine::Function,
    pub(super) objects: Rc<dyn PlatformObjects>,
}

impl Inner {
    fn platform(&self) -> Result<Platform, HostError> {
        self.platform.borrow().clone().ok_or_else(|| HostError::type_error("this object cannot cross"))
    }

    /// Asks glue whether an object is one of the web platform's, and what of it crosses.
    pub(crate) fn ask_platform<'s>(
        &self,
        scope: &mut Scope<'s, '_>,
        v: Local<'s, v8::Object>,
    ) -> Result<Option<Local<'s, v8::Value>>, Refusal> {
        let Ok(platform) = self.platform() else { return Ok(None) };
        let proto = made(v.get_prototype(scope))?;
        if !proto.is_object() || proto == self.builtin(scope, Builtin::ObjectPrototype) {
            return Ok(None);
        }
        let send = self.function_value(scope, &platform.send)?;
        let undefined = v8::undefined(scope);
        let data = made(send.call(scope, undefined.into(), &[v.into()]))?;
        Ok(if data.is_undefined() { None } else { Some(data) })
    }

    /// What glue sent of a platform object, as the host knows it.
    pub(crate) fn platform_to_host(&self, data: Value) -> Result<isolate_engine::Platform, HostError> {
        self.platform()?.objects.to_host(data)
    }

    /// What glue gets to make a platform object of.
    pub(crate) fn platform_data(&self, object: &isolate_engine::Platform) -> Result<Value, HostError> {
        self.platform()?.objects.to_guest(object)
    }

    /// The guest's form of a platform object, made of its data.
    pub(crate) fn platform_receive<'s>(
        &self,
        scope: &mut Scope<'s, '_>,
        data: Local<'s, v8::Value>,
    ) -> Result<Local<'s, v8::Value>, Refusal> {
        let receive = self.function_value(scope, &self.platform()?.receive)?;
        let undefined = v8::undefined(scope);
        made(receive.call(scope, undefined.into(), &[data]))
    }
}
