//! What operations and callbacks do with the engine's values: handles, calls, errors, glue.

use std::cell::RefCell;
use std::collections::HashMap;
use std::mem::ManuallyDrop;
use std::rc::Rc;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use isolate_engine::crossing::refused;
use isolate_engine::{
    Arguments, EngineError, ErrorClass, Failure, Function, Glue, HostError, HostFunction, Promise, Script, Value,
};
use v8::Local;

use super::{Builtin, Callable, Catch, Inner, RARE, RARE_LATE, SLOT, Scope, Slot};
use crate::callbacks::call_host;
use crate::convert::{Refusal, made, name, place};
use crate::natives;
use crate::repl;

impl Inner {
    /// The context of the isolate that runs this callback.
    pub(crate) fn of<'a>(isolate: &v8::Isolate) -> &'a Inner {
        // SAFETY: set when the context was made, and V8 calls back only while it lives. The reference is used no longer
        // than the callback.
        unsafe { &*isolate.get_data(SLOT).cast::<Inner>() }
    }

    /// The one context, in the handle scope that is open.
    ///
    /// # Safety
    /// A handle scope of the isolate is open for as long as the result is used.
    pub(crate) unsafe fn context_here<'a>(&self) -> Option<Local<'a, v8::Context>> {
        let mut isolate = self.isolate()?;
        let context = self.context.get()?;
        // SAFETY: as above; this scope opens none of its own.
        v8::callback_scope!(unsafe scope, &mut *isolate);
        let context = Local::new(scope, context);
        // SAFETY: the handle lives in the scope that the caller knows to be open.
        Some(unsafe { context.extend_lifetime_unchecked() })
    }

    /// The isolate, which is not dropped by the result.
    pub(super) fn isolate(&self) -> Option<ManuallyDrop<v8::Isolate>> {
        // SAFETY: the pointer was got from the isolate that `owned` holds.
        self.isolate.get().map(|p| ManuallyDrop::new(unsafe { v8::Isolate::from_raw_isolate_ptr(p) }))
    }

    pub(crate) fn stopped(&self) -> Result<(), Failure> {
        self.interrupter.stopped().map_or(Ok(()), |t| Err(t.into()))
    }

    /// What an operation came to.
    pub(super) fn finish<R>(&self, tc: &mut Catch<'_, '_, '_, '_>, result: Result<R, Refusal>) -> Result<R, Failure> {
        /// What takes less cannot make an object of a size that matters.
        const LONG: Duration = Duration::from_millis(1);
        if self.depth.get() == 1 && self.began.get().elapsed() > LONG {
            self.check_heap(tc);
        }
        self.stopped()?;
        match result {
            Ok(v) => Ok(v),
            Err(Refusal::Host(e)) => refused(&e),
            Err(Refusal::Pending) => {
                let Some(thrown) = tc.exception() else {
                    return Err(EngineError::new("the engine gave neither a value nor an exception").into());
                };
                let message = tc.message();
                tc.reset();
                if self.depth.get() == 1 && self.is_debugged() {
                    self.tell_uncaught(tc, "Uncaught", thrown, message);
                }
                let e = self.exception(tc, thrown);
                // Looking at it may have run guest code, and that may have been stopped.
                self.stopped()?;
                Err(e.into())
            }
        }
    }

    /// As [`finish`](Self::finish), of what did not compile.
    pub(super) fn early(&self, tc: &mut Catch<'_, '_, '_, '_>) -> Failure {
        if let Err(stopped) = self.stopped() {
            return stopped;
        }
        let at = tc.message().and_then(|m| place(tc, m));
        let Some(thrown) = tc.exception() else { return EngineError::new("the script did not compile").into() };
        tc.reset();
        let mut e = self.exception(tc, thrown);
        e.early = true;
        e.location = at.or(e.location);
        self.stopped().err().unwrap_or_else(|| e.into())
    }

    /// A script that does not compile: once more as one that awaits, if it may.
    pub(super) fn evaluate_awaiting(
        &self,
        tc: &mut Catch<'_, '_, '_, '_>,
        script: &Script<'_>,
        apply: Option<Local<v8::Function>>,
    ) -> Result<Value, Failure> {
        if !(script.top_level_await && repl::might_await(script.source)) || self.stopped().is_err() {
            return Err(self.early(tc));
        }
        tc.reset();
        let Ok(promise) = Inner::start_awaiting(tc, script.source, script.filename) else {
            return Err(self.early(tc));
        };
        let apply = apply.map_or_else(|| v8::undefined(tc).into(), |f| Local::new(tc, f).into());
        let promise = self.completion(tc, promise, apply).and_then(|p| self.to_host(tc, p, Arguments::Exact));
        self.finish(tc, promise)
    }

    pub(super) fn make_engine<'s>(&self, scope: &mut Scope<'s, '_>) -> Result<(), Refusal> {
        let natives = natives::object(scope)?;
        let made_by_glue = self.instantiate(scope, &natives::GLUE, &[natives.into()])?;
        let list = Local::<v8::Array>::try_from(made_by_glue).map_err(|_| Refusal::Pending)?;
        let engine = made(list.get_index(scope, 0))?;
        let engine = Local::<v8::Object>::try_from(engine).map_err(|_| Refusal::Pending)?;
        let mut builtins = Vec::with_capacity(Builtin::COUNT);
        for i in 0..Builtin::COUNT {
            let builtin = made(list.get_index(scope, i as u32 + 1))?;
            builtins.push(v8::Global::new(scope, builtin));
        }
        let shared = v8::Object::new(scope);
        let null = v8::null(scope).into();
        made(shared.set_prototype(scope, null))?;
        let _ = self.builtins.set(builtins);
        let _ = self.engine.set(v8::Global::new(scope, engine));
        let _ = self.shared.set(v8::Global::new(scope, shared));
        Ok(())
    }

    pub(crate) fn builtin<'s>(&self, scope: &Scope<'s, '_>, which: Builtin) -> Local<'s, v8::Value> {
        match self.builtins.get().and_then(|all| all.get(which as usize)) {
            Some(global) => Local::new(scope, global),
            None => v8::undefined(scope).into(),
        }
    }

    pub(crate) fn construct<'s>(
        &self,
        scope: &Scope<'s, '_>,
        which: Builtin,
        args: &[Local<'s, v8::Value>],
    ) -> Result<Local<'s, v8::Object>, Refusal> {
        let f = Local::<v8::Function>::try_from(self.builtin(scope, which)).map_err(|_| Refusal::Pending)?;
        made(f.new_instance(scope, args))
    }

    pub(crate) fn function_handle(&self, scope: &Scope<'_, '_>, f: Local<v8::Function>) -> Function {
        self.handles.function(self.slots.borrow_mut().insert(Slot::Function(v8::Global::new(scope, f))))
    }

    pub(crate) fn promise_handle(
        &self,
        scope: &Scope<'_, '_>,
        promise: Local<v8::Promise>,
        resolver: Option<Local<v8::PromiseResolver>>,
    ) -> Promise {
        let resolver = resolver.map(|r| v8::Global::new(scope, r));
        let slot = Slot::Promise { promise: v8::Global::new(scope, promise), resolver };
        self.handles.promise(self.slots.borrow_mut().insert(slot))
    }

    /// The function behind a handle.
    pub(crate) fn function_value<'s>(
        &self,
        scope: &Scope<'s, '_>,
        f: &Function,
    ) -> Result<Local<'s, v8::Function>, Failure> {
        match self.slots.borrow().get(self.handles.function_slot(f)?) {
            Some(Slot::Function(f)) => Ok(Local::new(scope, f)),
            _ => Err(EngineError::new("a function handle without a function").into()),
        }
    }

    /// The promise behind a handle.
    pub(crate) fn promise_value<'s>(
        &self,
        scope: &Scope<'s, '_>,
        p: &Promise,
    ) -> Result<Local<'s, v8::Promise>, Failure> {
        match self.slots.borrow().get(self.handles.promise_slot(p)?) {
            Some(Slot::Promise { promise, .. }) => Ok(Local::new(scope, promise)),
            _ => Err(EngineError::new("a promise handle without a promise").into()),
        }
    }

    /// Frees what the host has let go of.
    pub(super) fn free_released(&self) {
        for slot in self.handles.released() {
            let slot = self.slots.borrow_mut().try_remove(slot);
            drop(slot);
        }
    }

    /// Keeps a host function. Its key is all that a function object has of it.
    pub(super) fn keep_function(&self, function: HostFunction) -> usize {
        self.functions.borrow_mut().insert(Rc::new(Callable { function, watch: RefCell::new(None) }))
    }

    /// A guest function object for a host function that is kept.
    pub(super) fn kept_function<'s>(
        &self,
        scope: &mut Scope<'s, '_>,
        key: usize,
    ) -> Result<Local<'s, v8::Function>, Refusal> {
        let Some(callable) = self.functions.borrow().get(key).cloned() else {
            return Err(HostError::error("there is no such host function").into());
        };
        let label = name(scope, &callable.function.name)?;
        let data = v8::Number::new(scope, key as f64);
        let object = v8::Function::builder(call_host)
            .data(data.into())
            .length(i32::from(callable.function.length))
            .constructor_behavior(v8::ConstructorBehavior::Throw)
            .build(scope);
        let object = made(object)?;
        object.set_name(label);
        Ok(object)
    }

    /// A guest function object for a host function, which is kept for as long as the guest keeps the object.
    pub(super) fn function_object<'s>(
        &self,
        scope: &mut Scope<'s, '_>,
        function: HostFunction,
    ) -> Result<Local<'s, v8::Function>, Refusal> {
        let key = self.keep_function(function);
        let object = self.kept_function(scope, key).inspect_err(|_| {
            self.functions.borrow_mut().try_remove(key);
        })?;
        let weak = v8::Weak::new(scope, object);
        if let Some(callable) = self.functions.borrow().get(key) {
            *callable.watch.borrow_mut() = Some(weak);
        }
        Ok(object)
    }

    /// Runs a piece of glue and calls the function that it is.
    pub(super) fn instantiate<'s>(
        &self,
        scope: &mut Scope<'s, '_>,
        glue: &'static Glue,
        args: &[Local<'s, v8::Value>],
    ) -> Result<Local<'s, v8::Value>, Refusal> {
        let f = compile_glue(scope, glue)?;
        let undefined = v8::undefined(scope);
        made(f.call(scope, undefined.into(), args))
    }

    /// Throws an error of a host function into the guest.
    pub(crate) fn throw_host_error(&self, scope: &mut Scope<'_, '_>, e: &HostError) {
        if let Ok(error) = self.error_object(scope, e.class(), e.message()) {
            scope.throw_exception(error);
        }
    }

    /// A new error object of a class.
    pub(crate) fn error_object<'s>(
        &self,
        scope: &mut Scope<'s, '_>,
        class: ErrorClass,
        message: &str,
    ) -> Result<Local<'s, v8::Value>, Refusal> {
        let builtin = match class {
            ErrorClass::Error => Builtin::Error,
            ErrorClass::TypeError => Builtin::TypeError,
            ErrorClass::RangeError => Builtin::RangeError,
            ErrorClass::SyntaxError => Builtin::SyntaxError,
            ErrorClass::ReferenceError => Builtin::ReferenceError,
            ErrorClass::UriError => Builtin::UriError,
            ErrorClass::EvalError => Builtin::EvalError,
            other => return self.foreign_error(scope, other.as_str(), message),
        };
        let message = self.string(scope, message)?;
        Ok(self.construct(scope, builtin, &[message.into()])?.into())
    }

    /// An error of a class that the language does not have.
    pub(super) fn foreign_error<'s>(
        &self,
        scope: &mut Scope<'s, '_>,
        class: &str,
        message: &str,
    ) -> Result<Local<'s, v8::Value>, Refusal> {
        let factory = self.error_factory.borrow().clone();
        if let Some(factory) = factory {
            let factory = self.function_value(scope, &factory)?;
            let args = [self.string(scope, class)?.into(), self.string(scope, message)?.into()];
            let undefined = v8::undefined(scope);
            return made(factory.call(scope, undefined.into(), &args));
        }
        let error = self.error_object(scope, ErrorClass::Error, message)?;
        if let Ok(object) = error.try_cast::<v8::Object>() {
            let (key, v) = (name(scope, "name")?, self.string(scope, class)?);
            made(object.define_own_property(scope, key.into(), v.into(), v8::PropertyAttribute::DONT_ENUM))?;
        }
        Ok(error)
    }

    /// Lets go of the host functions whose function objects were collected. V8 would tell of them in a task of its own,
    /// which waits for the guest to come to an end.
    pub(crate) fn sweep(&self) {
        if !self.collected.take() {
            return;
        }
        let is_gone = |f: &Rc<Callable>| f.watch.borrow().as_ref().is_some_and(v8::Weak::is_empty);
        let keys: Vec<usize> = self.functions.borrow().iter().filter(|(_, f)| is_gone(f)).map(|(key, _)| key).collect();
        for key in keys {
            // Nothing is borrowed while the host's own code is dropped.
            let gone = self.functions.borrow_mut().try_remove(key);
            drop(gone);
        }
    }

    /// Whether there is room for so many bytes of the host's, if need be after a collection. If not, the context is
    /// stopped.
    pub(crate) fn make_room(&self, bytes: usize) -> bool {
        if !self.memory.over(bytes) {
            return true;
        }
        if self.interrupter.stopped().is_none()
            && let Some(mut isolate) = self.isolate()
        {
            // SAFETY: a live isolate on its own thread.
            unsafe { isolate.enter() };
            isolate.low_memory_notification();
            // SAFETY: entered above.
            unsafe { isolate.exit() };
            self.sweep();
            self.measure();
        }
        !self.memory.refuses(bytes)
    }

    /// Tells V8 what the host holds for the guest.
    pub(super) fn tell_held(&self) {
        let more = self.memory.untold();
        if more != 0
            && let Some(mut isolate) = self.isolate()
        {
            isolate.adjust_amount_of_external_allocated_memory(more);
        }
    }

    /// The classes of [`RARE`] and [`RARE_LATE`] with the prototypes by which they are told.
    pub(crate) fn rare_classes(&self) -> impl Iterator<Item = (&v8::Global<v8::Value>, &'static str)> {
        let rare = self.builtins.get().map_or(&[][..], |all| &all[Builtin::FirstRare as usize..]);
        let late = self.rare_late.get().map_or(&[][..], |all| all);
        rare.iter().zip(RARE).chain(late.iter().zip(RARE_LATE))
    }

    /// Stops the guest if what it has, without garbage, is beyond the limit, or if its heap is with garbage.
    pub(crate) fn check_heap(&self, isolate: &mut v8::Isolate) {
        if self.interrupter.stopped().is_some() || !self.measure() {
            return;
        }
        if !self.memory.is_beyond() {
            isolate.low_memory_notification();
            self.sweep();
            if !self.measure() {
                return;
            }
        }
        self.memory.stop();
    }

    /// Notes what the heap has now.
    pub(crate) fn measure(&self) -> bool {
        let Some(mut isolate) = self.isolate() else { return false };
        self.memory.set_heap(isolate.get_heap_statistics().used_heap_size())
    }
}

/// The function of a piece of glue, compiled once per process.
fn compile_glue<'s>(scope: &mut Scope<'s, '_>, glue: &'static Glue) -> Result<Local<'s, v8::Function>, Refusal> {
    type Cache = RwLock<HashMap<&'static str, Arc<[u8]>>>;
    static CACHE: OnceLock<Cache> = OnceLock::new();
    let cache = CACHE.get_or_init(Cache::default);
    let known = cache.read().unwrap_or_else(PoisonError::into_inner).get(glue.name).cloned();
    let source = made(v8::String::new(scope, glue.source))?;
    let origin = origin(scope, glue.name, false)?;
    let script = match &known {
        Some(code) => {
            let data = v8::CachedData::new(code);
            let mut source = v8::script_compiler::Source::new_with_cached_data(source, Some(&origin), data);
            v8::script_compiler::compile_unbound_script(
                scope,
                &mut source,
                v8::script_compiler::CompileOptions::ConsumeCodeCache,
                v8::script_compiler::NoCacheReason::NoReason,
            )
        }
        None => {
            let mut source = v8::script_compiler::Source::new(source, Some(&origin));
            v8::script_compiler::compile_unbound_script(
                scope,
                &mut source,
                v8::script_compiler::CompileOptions::EagerCompile,
                v8::script_compiler::NoCacheReason::NoReason,
            )
        }
    };
    let script = made(script)?;
    if known.is_none()
        && let Some(code) = script.create_code_cache()
    {
        let mut cache = cache.write().unwrap_or_else(PoisonError::into_inner);
        cache.entry(glue.name).or_insert_with(|| Arc::from(&**code));
    }
    let f = made(script.bind_to_current_context(scope).run(scope))?;
    Local::<v8::Function>::try_from(f).map_err(|_| HostError::error("glue is not a function").into())
}

/// Where a source comes from.
pub(crate) fn origin<'s>(scope: &Scope<'s, '_>, filename: &str, module: bool) -> Result<v8::ScriptOrigin<'s>, Refusal> {
    let name = made(v8::String::new(scope, filename))?;
    Ok(v8::ScriptOrigin::new(scope, name.into(), 0, 0, false, -1, None, false, false, module, None))
}

impl Inner {
    /// What a promise is rejected with when a value was refused.
    pub(crate) fn reason<'s>(
        &self,
        tc: &mut Catch<'_, '_, 's, '_>,
        refusal: Refusal,
    ) -> Result<Local<'s, v8::Value>, Refusal> {
        match refusal {
            Refusal::Host(e) => self.error_object(tc, e.class(), e.message()),
            Refusal::Pending => {
                let thrown = tc.exception().filter(|_| !tc.has_terminated()).ok_or(Refusal::Pending)?;
                tc.reset();
                Ok(thrown)
            }
        }
    }
}
