//! Loading, linking and running ES modules.
//!
//! All that a module imports is loaded and compiled before it is linked, one after the other and without recursion, so
//! that the guest's own depth of imports is no depth of the host's stack.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use isolate_engine::{Function, HostError, ModuleLoader, ModuleSource, ModuleType};
use v8::Local;

use crate::context::{Builtin, Inner, Scope, origin};
use crate::convert::{Refusal, made};

/// The modules of a context.
#[derive(Default)]
pub(crate) struct Modules {
    by_name: HashMap<String, v8::Global<v8::Module>>,
    /// The names of the modules with an identity hash.
    names: HashMap<i32, Vec<(v8::Global<v8::Module>, String)>>,
    /// What modules of glue's values export, by their names, until they are evaluated.
    exports: HashMap<String, v8::Global<v8::Object>>,
    /// What a specifier means in a module.
    resolved: HashMap<(String, String), String>,
    /// The module that the host evaluates.
    main: Option<String>,
}

impl Inner {
    fn with_loader<T>(
        &self,
        what: &str,
        f: impl FnOnce(&dyn ModuleLoader) -> Result<T, HostError>,
    ) -> Result<T, HostError> {
        let Some(loader) = self.loader.borrow().clone() else {
            return Err(HostError::type_error(format!("cannot import '{what}': this runtime has no module loader")));
        };
        catch_unwind(AssertUnwindSafe(|| f(&*loader)))
            .unwrap_or_else(|_| Err(HostError::error(format!("cannot import '{what}': the module loader panicked"))))
    }

    /// Compiles the source of a module and keeps it under its name.
    pub(crate) fn compile_module<'s>(
        &self,
        scope: &mut Scope<'s, '_>,
        name: &str,
        source: &str,
    ) -> Result<Local<'s, v8::Module>, Refusal> {
        let text = self.string(scope, source)?;
        let origin = origin(scope, name, true)?;
        let mut source = v8::script_compiler::Source::new(text, Some(&origin));
        let module = made(v8::script_compiler::compile_module(scope, &mut source))?;
        self.keep_module(scope, name, module);
        Ok(module)
    }

    fn keep_module(&self, scope: &Scope<'_, '_>, name: &str, module: Local<v8::Module>) {
        let mut modules = self.modules.borrow_mut();
        let global = v8::Global::new(scope, module);
        modules.names.entry(module.get_identity_hash().get()).or_default().push((global.clone(), name.to_owned()));
        modules.by_name.insert(name.to_owned(), global);
    }

    /// A module of values that glue has. They are got now, and become its exports when it is evaluated.
    fn native_module<'s>(
        &self,
        scope: &mut Scope<'s, '_>,
        name: &str,
        exports: &Function,
    ) -> Result<Local<'s, v8::Module>, Refusal> {
        let get = self.function_value(scope, exports)?;
        let undefined = v8::undefined(scope);
        let object = made(get.call(scope, undefined.into(), &[]))?;
        let object = Local::<v8::Object>::try_from(object).map_err(|_| HostError::error("a module has no exports"))?;
        let keys = own_keys(scope, object)?;
        let module_name = self.string(scope, name)?;
        let module = v8::Module::create_synthetic_module(scope, module_name, &keys, fill_native_module);
        self.keep_module(scope, name, module);
        let object = v8::Global::new(scope, object);
        self.modules.borrow_mut().exports.insert(name.to_owned(), object);
        Ok(module)
    }

    /// The full name of what a module asks for.
    fn resolve_specifier(&self, specifier: &str, referrer: &str) -> Result<String, HostError> {
        let key = (referrer.to_owned(), specifier.to_owned());
        if let Some(name) = self.modules.borrow().resolved.get(&key) {
            return Ok(name.clone());
        }
        let name = self.with_loader(specifier, |loader| loader.resolve(specifier, referrer))?;
        self.modules.borrow_mut().resolved.insert(key, name.clone());
        Ok(name)
    }

    /// The module of a full name, loaded and compiled if it is not yet.
    fn load_module<'s>(&self, scope: &mut Scope<'s, '_>, name: &str) -> Result<Local<'s, v8::Module>, Refusal> {
        let known = self.modules.borrow().by_name.get(name).map(|m| Local::new(scope, m));
        if let Some(module) = known {
            return Ok(module);
        }
        let (file, kind) = ModuleType::of_key(name);
        match self.with_loader(file, |loader| loader.load(file, kind))? {
            ModuleSource::Text(text) => self.compile_module(scope, name, &text),
            ModuleSource::Exports(exports) => self.native_module(scope, name, &exports),
            _ => Err(HostError::type_error("this engine knows no such module").into()),
        }
    }

    fn module_name(&self, scope: &Scope<'_, '_>, module: Local<v8::Module>) -> Option<String> {
        let modules = self.modules.borrow();
        let same = modules.names.get(&module.get_identity_hash().get())?;
        same.iter().find(|(m, _)| Local::new(scope, m) == module).map(|(_, name)| name.clone())
    }

    /// Loads and compiles all that a module imports.
    fn load_graph<'s>(&self, scope: &mut Scope<'s, '_>, root: Local<'s, v8::Module>) -> Result<(), Refusal> {
        let mut waiting = vec![root];
        while let Some(module) = waiting.pop() {
            if self.interrupter.poll().is_some() {
                return Err(Refusal::Pending);
            }
            if module.get_status() != v8::ModuleStatus::Uninstantiated || module.is_synthetic_module() {
                continue;
            }
            let Some(referrer) = self.module_name(scope, module) else { continue };
            let requests = module.get_module_requests();
            for i in 0..requests.length() {
                let Some(request) = requests.get(scope, i) else { continue };
                let Ok(request) = request.try_cast::<v8::ModuleRequest>() else { continue };
                let kind = module_type(scope, request.get_import_attributes(), 3)?;
                let specifier = request.get_specifier().to_rust_string_lossy(scope);
                let name = kind.key(&self.resolve_specifier(&specifier, &referrer)?);
                let is_new = !self.modules.borrow().by_name.contains_key(&name);
                let module = self.load_module(scope, &name)?;
                if is_new {
                    waiting.push(module);
                }
            }
        }
        Ok(())
    }

    /// Says which module the host evaluates.
    pub(crate) fn set_main(&self, name: &str) {
        self.modules.borrow_mut().main = Some(name.to_owned());
    }

    /// Loads, links and runs a module.
    pub(crate) fn run_module<'s>(
        &self,
        scope: &mut Scope<'s, '_>,
        module: Local<'s, v8::Module>,
    ) -> Result<Local<'s, v8::Promise>, Refusal> {
        let linked = self.load_graph(scope, module).and_then(|()| {
            let linked = made(module.instantiate_module(scope, resolve))?;
            if linked { Ok(()) } else { Err(Refusal::Pending) }
        });
        if let Err(refusal) = linked {
            self.forget_unlinked(scope);
            return Err(refusal);
        }
        let result = made(module.evaluate(scope))?;
        Local::<v8::Promise>::try_from(result).map_err(|_| HostError::error("a module gave no promise").into())
    }

    /// What could not be linked is loaded anew when it is imported again.
    fn forget_unlinked(&self, scope: &Scope<'_, '_>) {
        let mut modules = self.modules.borrow_mut();
        let is_linked =
            |m: &v8::Global<v8::Module>| Local::new(scope, m).get_status() != v8::ModuleStatus::Uninstantiated;
        modules.by_name.retain(|_, m| is_linked(m));
        modules.names.values_mut().for_each(|same| same.retain(|(m, _)| is_linked(m)));
        modules.names.retain(|_, same| !same.is_empty());
        modules.resolved.clear();
    }

    fn import_now<'s>(
        &self,
        scope: &mut Scope<'s, '_>,
        specifier: &str,
        referrer: &str,
        kind: ModuleType,
    ) -> Result<(Local<'s, v8::Module>, Local<'s, v8::Promise>), Refusal> {
        let name = kind.key(&self.resolve_specifier(specifier, referrer)?);
        let module = self.load_module(scope, &name)?;
        let promise = self.run_module(scope, module)?;
        Ok((module, promise))
    }
}

/// What import attributes say: a list of keys, values and, in `step` of 3, places.
fn module_type(
    scope: &mut Scope<'_, '_>,
    attributes: Local<v8::FixedArray>,
    step: usize,
) -> Result<ModuleType, HostError> {
    let mut pairs = Vec::new();
    for i in (0..attributes.length()).step_by(step) {
        let text = |i: usize| {
            let data = attributes.get(scope, i)?;
            let value = Local::<v8::Value>::try_from(data).ok()?;
            Some(value.to_rust_string_lossy(scope))
        };
        pairs.push((text(i).unwrap_or_default(), text(i + 1).unwrap_or_default()));
    }
    ModuleType::of_attributes(pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())))
}

/// Fills `import.meta` when a module first looks at it.
pub(crate) unsafe extern "C" fn meta(context: Local<v8::Context>, module: Local<v8::Module>, meta: Local<v8::Object>) {
    v8::callback_scope!(unsafe scope, context);
    let inner = Inner::of(scope);
    let filled = (|| {
        let key = inner.module_name(scope, module).unwrap_or_default();
        let is_main = inner.modules.borrow().main.as_deref() == Some(key.as_str());
        if inner.loader.borrow().is_none() {
            return Ok(());
        }
        for (key, value) in inner.with_loader(&key, |loader| loader.meta(&key, is_main))? {
            let key = inner.string(scope, key)?;
            let value = inner.to_guest(scope, value)?;
            made(meta.create_data_property(scope, key.into(), value))?;
        }
        Ok::<_, Refusal>(())
    })();
    if let Err(refusal) = filled {
        inner.throw(scope, refusal);
    }
}

fn own_keys<'s>(scope: &mut Scope<'s, '_>, object: Local<v8::Object>) -> Result<Vec<Local<'s, v8::String>>, Refusal> {
    let keys = made(object.get_own_property_names(scope, v8::GetPropertyNamesArgs::default()))?;
    let mut names = Vec::new();
    for i in 0..keys.length() {
        let key = made(keys.get_index(scope, i))?;
        names.extend(Local::<v8::String>::try_from(key).ok());
    }
    Ok(names)
}

/// Runs when a module of glue's values is evaluated.
fn fill_native_module<'s>(
    context: Local<'s, v8::Context>,
    module: Local<'s, v8::Module>,
) -> Option<Local<'s, v8::Value>> {
    v8::callback_scope!(unsafe scope, context);
    let inner = Inner::of(scope);
    let filled = (|| {
        let name = inner.module_name(scope, module).unwrap_or_default();
        let exports = inner.modules.borrow_mut().exports.remove(&name);
        let exports = exports.ok_or_else(|| HostError::error("a module has no exports"))?;
        let object = Local::new(scope, exports);
        for key in own_keys(scope, object)? {
            let value = made(object.get(scope, key.into()))?;
            made(module.set_synthetic_module_export(scope, key, value))?;
        }
        let resolver = made(v8::PromiseResolver::new(scope))?;
        let undefined = v8::undefined(scope);
        made(resolver.resolve(scope, undefined.into()))?;
        Ok::<_, Refusal>(resolver.get_promise(scope))
    })();
    match filled {
        Ok(promise) => Some(promise.into()),
        Err(refusal) => {
            inner.throw(scope, refusal);
            None
        }
    }
}

/// Finds a module while another is linked: all have been loaded before.
fn resolve<'s>(
    context: Local<'s, v8::Context>,
    specifier: Local<'s, v8::String>,
    attributes: Local<'s, v8::FixedArray>,
    referrer: Local<'s, v8::Module>,
) -> Option<Local<'s, v8::Module>> {
    v8::callback_scope!(unsafe scope, context);
    let inner = Inner::of(scope);
    let found = (|| {
        let referrer = inner.module_name(scope, referrer).unwrap_or_default();
        let specifier = specifier.to_rust_string_lossy(scope);
        let kind = module_type(scope, attributes, 3)?;
        let name = kind.key(&inner.resolve_specifier(&specifier, &referrer)?);
        inner.load_module(scope, &name)
    })();
    match found {
        Ok(module) => Some(module),
        Err(refusal) => {
            inner.throw(scope, refusal);
            None
        }
    }
}

/// `import()`.
pub(crate) fn import<'s>(
    scope: &mut Scope<'s, '_>,
    _options: Local<'s, v8::Data>,
    referrer: Local<'s, v8::Value>,
    specifier: Local<'s, v8::String>,
    attributes: Local<'s, v8::FixedArray>,
) -> Option<Local<'s, v8::Promise>> {
    let inner = Inner::of(scope);
    v8::tc_scope!(let tc, scope);
    let referrer = referrer.to_rust_string_lossy(tc);
    let specifier = specifier.to_rust_string_lossy(tc);
    let imported = module_type(tc, attributes, 2).map_err(Refusal::from);
    let imported = imported.and_then(|kind| inner.import_now(tc, &specifier, &referrer, kind));
    let promise = imported.and_then(|(module, evaluated)| {
        let imported = inner.builtin(tc, Builtin::Imported);
        let imported = Local::<v8::Function>::try_from(imported).map_err(|_| Refusal::Pending)?;
        let undefined = v8::undefined(tc);
        let promise = imported.call(tc, undefined.into(), &[evaluated.into(), module.get_module_namespace()]);
        Local::<v8::Promise>::try_from(made(promise)?).map_err(|_| Refusal::Pending)
    });
    let promise = promise.or_else(|refusal| {
        let reason = inner.reason(tc, refusal)?;
        let resolver = made(v8::PromiseResolver::new(tc))?;
        made(resolver.reject(tc, reason))?;
        Ok::<_, Refusal>(resolver.get_promise(tc))
    });
    let stopped = inner.interrupter.stopped().is_some();
    match promise {
        Ok(promise) => {
            if stopped {
                tc.terminate_execution();
            }
            Some(promise)
        }
        Err(_) => {
            // Without an exception to go with it, V8 takes nothing for an answer, and ends the process.
            if !tc.has_caught() {
                let undefined = v8::undefined(tc);
                tc.throw_exception(undefined.into());
            }
            tc.rethrow();
            if stopped {
                tc.terminate_execution();
            }
            None
        }
    }
}
