//! Making a context: at once, or when it is first used (see [`crate::snapshot`]).

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::snapshot::{self, Snapshot, Step, external_references, rebind};

/// How a context starts.
pub(crate) enum Start {
    /// With the language's globals alone.
    Plain,
    /// So that a snapshot can be taken of it.
    Creator,
    /// From a snapshot, once it is used.
    Snapshot(Arc<Snapshot>),
}

/// How far the set-up of a context is.
#[derive(Default)]
pub(super) enum Phase {
    /// There is no isolate yet; the first `next` steps of the snapshot were asked for.
    Deferred { snapshot: Arc<Snapshot>, next: usize },
    /// Steps are noted until something else is asked for.
    Noting(Vec<Step>),
    /// Guest code may have run.
    #[default]
    Over,
}

impl V8Context {
    pub(crate) fn new(limits: &Limits, web_assembly: bool) -> Result<Self, Failure> {
        process::start();
        match snapshot::current() {
            Some(snapshot) => Self::start(limits, web_assembly, Start::Snapshot(snapshot)),
            None => Self::start(limits, web_assembly, Start::Plain),
        }
    }

    pub(crate) fn start(limits: &Limits, web_assembly: bool, start: Start) -> Result<Self, Failure> {
        let here = ptr::from_ref(&limits).addr();
        let left = stacker::remaining_stack().unwrap_or(usize::MAX / 2);
        if left < limits.stack + STACK_RESERVE {
            return Err(EngineError::new(format!(
                "the thread has {left} bytes of stack left; the limit of {} needs {STACK_RESERVE} more than itself",
                limits.stack
            ))
            .into());
        }
        if limits.memory.is_some_and(|limit| limit < Memory::LEAST) {
            return Err(too_small());
        }
        let interrupter = Interrupter::new();
        let memory = Memory::new(limits.memory, interrupter.clone(), MemoryAccount::new());
        let inner = Rc::new(Inner {
            isolate: Cell::new(None),
            owned: RefCell::new(None),
            context: OnceCell::new(),
            interrupter,
            memory,
            limits: limits.clone(),
            web_assembly,
            handles: HandleSource::new(),
            slots: RefCell::default(),
            functions: RefCell::default(),
            rejections: RefCell::default(),
            depth: Cell::new(0),
            began: Cell::new(Instant::now()),
            collected: Cell::new(false),
            phase: RefCell::default(),
            builtins: OnceCell::new(),
            rare_late: OnceCell::new(),
            shared: OnceCell::new(),
            engine: OnceCell::new(),
            error_factory: RefCell::default(),
            lazy: RefCell::default(),
            platform: RefCell::default(),
            loader: RefCell::default(),
            modules: RefCell::default(),
            stack_end: here - limits.stack,
            watched: OnceCell::new(),
            debugger: OnceCell::new(),
        });
        let context = Self { inner };
        match start {
            Start::Snapshot(snapshot) => {
                *context.inner.phase.borrow_mut() = Phase::Deferred { snapshot, next: 0 };
                return Ok(context);
            }
            Start::Plain => *context.inner.phase.borrow_mut() = Phase::Noting(Vec::new()),
            Start::Creator => {}
        }
        let creator = matches!(start, Start::Creator);
        let made = context.make_isolate(None, creator);
        if made.is_err() && creator {
            // V8 only lets go of it when it makes a snapshot, which it cannot.
            context.abandon();
        }
        made.map_err(|f| match f {
            Failure::Terminated(Termination::Memory) => too_small(),
            other => other,
        })?;
        Ok(context)
    }

    /// Makes the isolate and its context.
    fn make_isolate(&self, snapshot: Option<&Snapshot>, creator: bool) -> Result<(), Failure> {
        let this = &*self.inner;
        let mut params = v8::CreateParams::default()
            .array_buffer_allocator(this.memory.allocator())
            .allow_atomics_wait(false)
            .external_references(external_references());
        // SAFETY: an address within this thread's stack, on which the isolate is used for its whole life.
        params = unsafe { params.set_stack_limit(ptr::without_provenance_mut(this.stack_end)) };
        params = this.memory.heap(params);
        if let Some(snapshot) = snapshot {
            params = params.snapshot_blob(snapshot.blob.into());
        }
        let mut isolate = match creator {
            true => v8::Isolate::snapshot_creator(None, Some(params)),
            false => v8::Isolate::new(params),
        };
        if !this.web_assembly {
            isolate.set_allow_wasm_code_generation_callback(refuse_wasm);
        }
        isolate.set_microtasks_policy(v8::MicrotasksPolicy::Explicit);
        isolate.set_promise_reject_callback(on_rejection);
        if !creator {
            // The list of listeners is in the heap, and so would be in the snapshot.
            isolate.add_message_listener(on_message);
        }
        isolate.set_host_import_module_dynamically_callback(crate::modules::import);
        isolate.set_host_initialize_import_meta_object_callback(crate::modules::meta);
        isolate.add_near_heap_limit_callback(near_heap_limit, Arc::as_ptr(&this.memory).cast_mut().cast());
        isolate.add_gc_epilogue_callback(on_garbage, ptr::null_mut(), v8::GCType::kGCTypeAll);
        isolate.set_data(SLOT, Rc::as_ptr(&self.inner).cast_mut().cast::<c_void>());
        let handle = isolate.thread_safe_handle();
        // SAFETY: the isolate is current on this thread, since it was just made. The pointer is used as long as `owned`
        // holds the isolate. From here on it is entered for each operation; the creator of a snapshot exits it itself.
        unsafe {
            this.isolate.set(Some(isolate.as_raw_isolate_ptr()));
            if !creator {
                isolate.exit();
            }
        }
        *this.owned.borrow_mut() = Some(isolate);
        // How many looks of the watchdog's pass between two at the heap, which only this thread can take.
        const LOOKS: u32 = 8;
        let looks = AtomicU32::new(0);
        let limited = this.limits.memory.is_some();
        let _ = this.watched.set(Watched::new(&this.interrupter, move |interrupter| {
            if interrupter.stopped().is_some() {
                handle.terminate_execution();
                return;
            }
            // A paused guest asks for nothing, and V8 would keep each request.
            if interrupter.is_held() {
                return;
            }
            let looks = looks.fetch_add(1, Ordering::Relaxed);
            if interrupter.has_cpu_deadline()
                || interrupter.is_asked_to_give_way()
                || (limited && looks % LOOKS == LOOKS - 1)
            {
                handle.request_interrupt(crate::callbacks::on_interrupt, ptr::null_mut());
            }
        }));
        self.make_context(snapshot)?;
        this.measure();
        if this.memory.refuses(0) {
            return Err(Termination::Memory.into());
        }
        Ok(())
    }

    /// Leaks the isolate.
    fn abandon(&self) {
        if let Some(isolate) = self.inner.owned.take() {
            // SAFETY: the creator of a snapshot is entered once when it is made, on this thread.
            unsafe { isolate.exit() };
            std::mem::forget(isolate);
        }
    }

    /// Makes the context, and takes the builtins and the two objects for glue from it.
    fn make_context(&self, snapshot: Option<&Snapshot>) -> Result<(), Failure> {
        let this = &*self.inner;
        let _entered = self.enter_made()?;
        let Some(mut isolate) = this.isolate() else { return Err(gone()) };
        v8::scope!(let hs, &mut *isolate);
        let context = v8::Context::new(hs, v8::ContextOptions::default());
        let _ = this.context.set(v8::Global::new(hs, context));
        let cs = &mut v8::ContextScope::new(hs, context);
        v8::tc_scope!(let tc, cs);
        let made = match snapshot {
            Some(_) => this.take_from_snapshot(tc),
            None => this.make_engine(tc),
        };
        let made = made.and_then(|()| this.take_late(tc));
        // Not before: the making of the objects for glue looks at V8's own call sites.
        tc.set_prepare_stack_trace_callback(prepare_stack_trace);
        this.finish(tc, made)
    }

    /// Makes the isolate if there is none yet.
    pub(super) fn ready(&self) -> Result<(), Failure> {
        let this = &*self.inner;
        if matches!(&*this.phase.borrow(), Phase::Over) {
            return Ok(());
        }
        match this.phase.take() {
            Phase::Over => Ok(()),
            Phase::Noting(steps) => {
                snapshot::note(&steps);
                Ok(())
            }
            Phase::Deferred { snapshot, next } => {
                if next < snapshot.steps.len() {
                    snapshot::note(&snapshot.steps[..next]);
                }
                self.catch_up(&snapshot, next)
            }
        }
    }

    /// Makes the isolate after `next` steps of a snapshot: from it, if these are all, or by going through them.
    fn catch_up(&self, snapshot: &Snapshot, next: usize) -> Result<(), Failure> {
        if next == snapshot.steps.len() {
            return self.make_isolate(Some(snapshot), false);
        }
        self.make_isolate(None, false)?;
        let (mut function, mut group, mut slot) = (0, 0, 0);
        for step in &snapshot.steps[..next] {
            match step {
                Step::Install { glue, functions } => {
                    let keys = function..function + functions.len();
                    function = keys.end;
                    self.run_made(|scope| {
                        let result = self.inner.install_keys(scope, glue, keys.clone())?;
                        let value = self.inner.to_host(scope, result, Arguments::Exact)?;
                        // Its functions are those that were promised, in the same order.
                        let mut filled = Ok(());
                        let _ = rebind(&value, &mut |f| {
                            match self.inner.function_value(scope, f) {
                                Ok(f) => self.inner.fill_slot(scope, slot, f),
                                Err(e) => filled = Err(e),
                            }
                            slot += 1;
                            f.clone()
                        });
                        Ok(filled?)
                    })?;
                }
                Step::Lazy { names, kind } => {
                    self.run_made(|scope| self.inner.put_lazy(scope, group, names, *kind))?;
                    group += 1;
                }
                // They stand in their slots, which are full now.
                Step::ErrorFactory(_) | Step::Platform { .. } => {}
            }
        }
        Ok(())
    }

    /// A step of the set-up: answered from the snapshot if it is the one that comes next there, and noted otherwise.
    /// Gives what the snapshot has for it.
    fn step<'a>(
        &self,
        is_it: impl FnOnce(&Step) -> bool,
        step: impl FnOnce() -> Step + 'a,
    ) -> Result<Option<(Arc<Snapshot>, usize)>, Failure> {
        let this = &*self.inner;
        this.stopped()?;
        let deferred = match &mut *this.phase.borrow_mut() {
            Phase::Over => return Ok(None),
            Phase::Noting(steps) => {
                steps.push(step());
                return Ok(None);
            }
            Phase::Deferred { snapshot, next } => {
                let at = *next;
                match snapshot.steps.get(at) {
                    Some(known) if is_it(known) => {
                        *next += 1;
                        return Ok(Some((snapshot.clone(), at)));
                    }
                    _ => (snapshot.clone(), at),
                }
            }
        };
        let (snapshot, next) = deferred;
        *this.phase.borrow_mut() = Phase::Over;
        self.catch_up(&snapshot, next)?;
        let mut steps = snapshot.steps[..next].to_vec();
        steps.push(step());
        *this.phase.borrow_mut() = Phase::Noting(steps);
        Ok(None)
    }

    pub(super) fn set_up_install(&self, glue: &'static Glue, functions: Vec<HostFunction>) -> Result<Value, Failure> {
        let known = self.step(|step| step.installs(glue, &functions), || Step::install(glue, &functions))?;
        let this = &*self.inner;
        let keys: Vec<usize> = functions.into_iter().map(|f| this.keep_function(f)).collect();
        let Some((snapshot, at)) = known else {
            return self.run_made(|scope| {
                let result = this.install_keys(scope, glue, keys.iter().copied())?;
                this.to_host(scope, result, Arguments::Exact)
            });
        };
        Ok(rebind(&snapshot.results[at], &mut |_| {
            this.handles.function(this.slots.borrow_mut().insert(Slot::Promised))
        }))
    }

    pub(super) fn set_up_lazy(
        &self,
        names: &'static [&'static str],
        kind: GlobalKind,
        load: LoadGlobals,
    ) -> Result<(), Failure> {
        let step = Step::Lazy { names, kind };
        let known = self.step(|known| *known == step, || step.clone())?;
        let group = self.inner.add_lazy(names, load);
        match known {
            Some(_) => Ok(()),
            None => self.run_made(|scope| self.inner.put_lazy(scope, group, names, kind)),
        }
    }

    pub(super) fn set_up_error_factory(&self, factory: &Function) -> Result<(), Failure> {
        let slot = self.inner.handles.function_slot(factory)?;
        let step = Step::ErrorFactory(slot);
        self.step(|known| *known == step, || step.clone())?;
        *self.inner.error_factory.borrow_mut() = Some(factory.clone());
        Ok(())
    }

    pub(super) fn set_up_platform(
        &self,
        send: &Function,
        receive: &Function,
        objects: Rc<dyn PlatformObjects>,
    ) -> Result<(), Failure> {
        let handles = &self.inner.handles;
        let step = Step::Platform { send: handles.function_slot(send)?, receive: handles.function_slot(receive)? };
        self.step(|known| *known == step, || step.clone())?;
        let platform = platform::Platform { send: send.clone(), receive: receive.clone(), objects };
        *self.inner.platform.borrow_mut() = Some(platform);
        Ok(())
    }

    /// A handle for the function in a slot, while a snapshot is made.
    pub(crate) fn function_of_slot(&self, slot: usize) -> Function {
        self.inner.handles.function(slot)
    }

    /// Takes the snapshot of a context that was started for it.
    pub(crate) fn into_blob(mut self) -> Option<Box<[u8]>> {
        let this = &*self.inner;
        // Without a default context V8 could not even let go of the isolate.
        let taken = self.run_made(|scope| {
            let context = scope.get_current_context();
            scope.set_default_context(context);
            let (Some(shared), Some(engine), Some(builtins)) =
                (this.shared.get(), this.engine.get(), this.builtins.get())
            else {
                return Err(HostError::error("the context is not ready").into());
            };
            let mut all: Vec<Local<v8::Value>> =
                vec![Local::new(scope, shared).into(), Local::new(scope, engine).into()];
            all.extend(builtins.iter().map(|b| Local::new(scope, b)));
            for slot in 0..this.slots.borrow().len() {
                match this.slots.borrow().get(slot) {
                    Some(Slot::Function(f)) => all.push(Local::new(scope, f).into()),
                    _ => return Err(HostError::error("a slot without a function").into()),
                }
            }
            let all = v8::Array::new_with_elements(scope, &all);
            scope.add_context_data(context, all);
            Ok(())
        });
        if let Some(watched) = this.watched.get() {
            watched.forget();
        }
        let isolate = this.owned.take()?;
        this.isolate.set(None);
        Rc::get_mut(&mut self.inner)?.let_go();
        let blob = isolate.create_blob(v8::FunctionCodeHandling::Keep);
        taken.ok()?;
        blob.filter(|blob| blob.is_valid()).map(|blob| Box::from(&*blob))
    }
}

fn too_small() -> Failure {
    EngineError::new("the memory limit leaves no room for an empty context").into()
}

impl Inner {
    /// Takes what [`V8Context::into_blob`] left.
    fn take_from_snapshot(&self, scope: &mut Scope<'_, '_>) -> Result<(), Refusal> {
        let all = scope
            .get_context_data_from_snapshot_once::<v8::Array>(0)
            .map_err(|_| HostError::error("the snapshot has no data"))?;
        let object = |scope: &Scope<'_, '_>, i: u32| -> Result<v8::Global<v8::Object>, Refusal> {
            let object = Local::<v8::Object>::try_from(made(all.get_index(scope, i))?);
            Ok(v8::Global::new(scope, object.map_err(|_| HostError::error("the snapshot's data is not whole"))?))
        };
        let _ = self.shared.set(object(scope, 0)?);
        let _ = self.engine.set(object(scope, 1)?);
        let mut builtins = Vec::with_capacity(Builtin::COUNT);
        for i in 0..Builtin::COUNT {
            let builtin = made(all.get_index(scope, i as u32 + 2))?;
            builtins.push(v8::Global::new(scope, builtin));
        }
        let _ = self.builtins.set(builtins);
        for (i, slot) in (Builtin::COUNT as u32 + 2..all.length()).enumerate() {
            let f = made(all.get_index(scope, slot))?;
            if let Ok(f) = f.try_cast::<v8::Function>() {
                self.fill_slot(scope, i, f);
            }
        }
        Ok(())
    }

    /// Lets the objects for glue take the builtins that V8 adds to a context only now, also to one from a snapshot.
    fn take_late(&self, scope: &mut Scope<'_, '_>) -> Result<(), Refusal> {
        let late = Local::<v8::Function>::try_from(self.builtin(scope, Builtin::Late))
            .map_err(|_| HostError::error("the context is not ready"))?;
        let undefined = v8::undefined(scope);
        let wasm = v8::Boolean::new(scope, self.web_assembly);
        let rare = made(late.call(scope, undefined.into(), &[wasm.into()]))?;
        let rare = Local::<v8::Array>::try_from(rare).map_err(|_| HostError::error("the context is not ready"))?;
        let mut prototypes = Vec::with_capacity(RARE_LATE.len());
        for i in 0..rare.length() {
            let prototype = made(rare.get_index(scope, i))?;
            prototypes.push(v8::Global::new(scope, prototype));
        }
        let _ = self.rare_late.set(prototypes);
        Ok(())
    }

    fn fill_slot(&self, scope: &Scope<'_, '_>, slot: usize, f: Local<v8::Function>) {
        if let Some(slot) = self.slots.borrow_mut().get_mut(slot) {
            *slot = Slot::Function(v8::Global::new(scope, f));
        }
    }

    /// Installs glue with host functions that are kept already.
    fn install_keys<'s>(
        &self,
        scope: &mut Scope<'s, '_>,
        glue: &'static Glue,
        keys: impl Iterator<Item = usize>,
    ) -> Result<Local<'s, v8::Value>, Refusal> {
        let host = v8::Object::new(scope);
        let null = v8::null(scope);
        made(host.set_prototype(scope, null.into()))?;
        for key in keys {
            let f = self.kept_function(scope, key)?;
            made(host.create_data_property(scope, f.get_name(scope).into(), f.into()))?;
        }
        let (Some(shared), Some(engine)) = (self.shared.get(), self.engine.get()) else {
            return Err(HostError::error("the context is not ready").into());
        };
        let (shared, engine) = (Local::new(scope, shared), Local::new(scope, engine));
        self.instantiate(scope, glue, &[host.into(), shared.into(), engine.into()])
    }
}
