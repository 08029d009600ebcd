//! Structured cloning, and the tasks and channels that carry clones.

use std::cell::OnceCell;
use std::rc::Rc;

use isolate_engine::{ErrorClass, Function, Glue, HostError, HostFunction, RegExp, Value};

use super::Module;
use crate::Context;

pub(super) static CLONE: Module = Module {
    name: "clone",
    glue: Glue::new("isolate:clone", include_str!("../glue/clone.js")),
    functions: clone,
    globals: &[],
    attributes: &["structuredClone"],
    objects: &[],
};

pub(super) static MESSAGING: Module = Module {
    name: "messaging",
    glue: Glue::new("isolate:messaging", include_str!("../glue/messaging.js")),
    functions: |_| vec![],
    globals: &["MessageChannel", "MessagePort", "BroadcastChannel"],
    attributes: &[],
    objects: &[],
};

pub(super) static TASKS: Module = Module {
    name: "tasks",
    glue: Glue::new("isolate:tasks", include_str!("../glue/tasks.js")),
    functions: tasks,
    globals: &[],
    attributes: &[],
    objects: &[],
};

fn clone(context: &Context) -> Vec<HostFunction> {
    vec![
        // Dates are copied by crossing twice.
        context.function("__clone_copy", |value: Value| value),
        context.function("__clone_regExp", |source: String, flags: String| {
            Value::RegExp(Box::new(RegExp { source, flags }))
        }),
        context.function("__clone_emptySet", || Value::Set(vec![])),
        // Glue gets at the prototypes of the language's errors by catching one.
        context.function("__clone_fail", |name: String| -> Result<(), HostError> {
            Err(HostError::new(ErrorClass::from_name(&name).unwrap_or(ErrorClass::Error), ""))
        }),
    ]
}

#[derive(Default)]
struct Tasks {
    run: OnceCell<Function>,
}

fn tasks(context: &Context) -> Vec<HostFunction> {
    let ready = context.function("__tasks_ready", |context: Context, run: Function| {
        let _ = context.state::<Tasks>().run.set(run);
    });
    let post = context.function("__tasks_post", |context: Context| {
        let state: Rc<Tasks> = context.state();
        context.post_task(Rc::new(move |context| match state.run.get() {
            Some(run) => context.call(run, vec![]).map(|_| ()).map_err(Into::into),
            None => Ok(()),
        }));
    });
    vec![ready, post]
}
