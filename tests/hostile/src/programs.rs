//! The ordinary programs that run again and again, each time with another fault: [`allocation`](crate::allocation) and
//! [`stops`](crate::stops).

use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use futures_util::stream;
use isolate_runtime::{
    Class, Clock, ConsoleOptions, Context, ContextOptions, CryptoOptions, DomExceptionName, Engine, Error, ErrorKind,
    EvalOptions, FetchLimits, FetchOptions, HostError, Limits, ModuleLoader, ModuleSource, ModuleType, PathOptions,
    Termination, TestEnvironmentOptions, TimersOptions, Value, setup_console, setup_core, setup_crypto, setup_fetch,
    setup_fs, setup_path, setup_test_environment, setup_timers,
};

use crate::corpus::run_capped;

macro_rules! programs {
    ($($name:literal),* $(,)?) => {
        &[("setup", "'done'"), $(($name, include_str!(concat!("../programs/", $name, ".js")))),*]
    };
}

/// The programs by name. Each gives `done` if it is let run to its end. The first does nothing, so that what fails is
/// the setting up.
pub const PROGRAMS: &[(&str, &str)] = programs![
    "compiler",
    "async",
    "classes",
    "closures",
    "collections",
    "console",
    "crypto",
    "errors",
    "fetch",
    "fs",
    "generators",
    "host-calls",
    "json",
    "modules",
    "path",
    "platform",
    "regexps",
    "repeatable",
    "sorting",
    "strings",
    "tests",
    "timers",
    "typed-arrays",
];

/// The source of a program.
pub(crate) fn source(name: &str) -> Result<&'static str, String> {
    let found = PROGRAMS.iter().find(|(n, _)| *n == name);
    Ok(found.ok_or_else(|| format!("no program is called {name}"))?.1)
}

/// Starts this program as a child, which prints where it is, and waits for it no longer than `cap`.
pub(crate) fn run_child(program: &Path, args: &[&str], cap: Duration) -> Result<(), String> {
    let done = run_capped(Command::new(program).args(args), cap).map_err(|e| e.to_string())?;
    if done.status.is_some_and(|s| s.success()) {
        return Ok(());
    }
    let at = done.out.lines().last().unwrap_or("none");
    let status = done.status.map_or("killed: it took too long".into(), |s| s.to_string());
    Err(format!("{}, {at}: {status}: {}", args.join(" "), done.err.trim()))
}

/// Runs a program once, with everything set up. Returns whether it came to its end, rather than to `ending`, which it
/// must do if it is stopped. `begin` gets the context before that.
pub(crate) fn run_once(
    engine: &dyn Engine,
    source: &str,
    ending: Termination,
    begin: impl FnOnce(&Context),
) -> Result<bool, String> {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(|e| e.to_string())?;
    let options = ContextOptions::new()
        .limits(Limits::new().memory(256 << 20))
        .clock(Clock::VirtualAutoAdvance)
        .start_time(SystemTime::UNIX_EPOCH)
        .seed(1)
        .tokio(tokio.handle().clone());
    let ended = |e: &Error| e.terminated() == Some(ending);
    let context = match Context::new(engine, options) {
        Ok(context) => context,
        Err(e) if ended(&e) => return Ok(false),
        Err(e) => return Err(format!("no context: {e:?}")),
    };
    begin(&context);
    let result = set_up(&context).and_then(|()| {
        tokio.block_on(async {
            let value = context.eval(source, EvalOptions::new().filename("program.js")).await?;
            context.run_until_idle().await?;
            Ok(value)
        })
    });
    let completed = match result {
        Ok(value) if value.as_str() == Some("done") => true,
        Err(e) if ended(&e) => false,
        other => return Err(format!("it gave {other:?}")),
    };
    if !completed {
        // A stopped context can still be asked, and goes on saying so.
        context.collect_garbage();
        let _ = context.memory_usage();
        let again = [context.evaluate("1", "again.js").map(drop), context.tick(Duration::from_secs(1))];
        if !again.iter().all(|r| r.as_ref().is_err_and(ended)) {
            return Err(format!("afterwards the context answered {again:?}"));
        }
    }
    if completed && context.stopped() == Some(Termination::Memory) {
        return Err("it came to its end though it was stopped".into());
    }
    drop(context);
    Ok(completed)
}

struct Modules;

impl ModuleLoader for Modules {
    fn resolve(&self, specifier: &str, _referrer: &str) -> Result<String, HostError> {
        Ok(format!("/{}", specifier.trim_start_matches('/')))
    }

    fn load(&self, name: &str, _: ModuleType) -> Result<ModuleSource, HostError> {
        match name {
            "/a" => Ok("import * as b from 'b'; export { b }; export default (n) => n + b.three".into()),
            "/b" => Ok("export { default as a } from 'a'; export const three = await Promise.resolve(3);".into()),
            "/c" => Ok("import { of } from 'd'; export const value = () => 'd' + of('c'); export let later;".into()),
            "/d" => {
                Ok("export const of = (x) => ` of ${x}`; export default Array.from({ length: 50 }, String);".into())
            }
            // The longest part of its linking is the making of these functions, after the engine has last asked.
            "/many" => Ok((0..400).map(|i| format!("function f{i}() {{}}\n")).collect::<String>().into()),
            "/data" => Ok(r#"{ "a": [1, "two"] }"#.into()),
            "/meta" => Ok("export const { url, main, resolve } = import.meta;".into()),
            "/broken" => Ok("export const = 1".into()),
            "/throws" => Ok("throw new TypeError('from a module')".into()),
            _ => Err(HostError::dom(DomExceptionName::NotFoundError, format!("there is no module {name}"))),
        }
    }
}

/// Everything that the programs use, set up as a runtime does it.
fn set_up(context: &Context) -> Result<(), Error> {
    context.on_uncaught(|_| {});
    context.set_module_loader(Rc::new(Modules));
    setup_core(context)?;
    setup_console(context, ConsoleOptions::new().on_event(|e| drop(e.clone())))?;
    setup_crypto(context, CryptoOptions::new())?;
    let limits = FetchLimits::new().response_time(None);
    setup_fetch(
        context,
        FetchOptions::new().on_fetch(crate::child::answer).web_socket(crate::child::connect).limits(limits),
    )?;
    let files = crate::files::files(None).map_err(|e| Error::new(ErrorKind::Engine, e))?;
    setup_fs(context, files)?;
    setup_path(context, PathOptions::new())?;
    setup_timers(context, TimersOptions::default())?;
    setup_test_environment(context, TestEnvironmentOptions::new())?;
    context.define_function("host.echo", |v: Value| v)?;
    context
        .define_function("host.fail", |message: String| -> Result<(), _> { Err(HostError::range_error(message)) })?;
    context.define_async_function("host.later", |v: Value| async move {
        tokio::task::yield_now().await;
        v
    })?;
    context.define_async_function("host.failLater", |message: String| async move {
        tokio::task::yield_now().await;
        Err::<(), _>(HostError::dom(DomExceptionName::NotFoundError, message))
    })?;
    context.define_stream_function("host.items", |n: u32| stream::iter(0..n))?;
    let counter = Class::new("Counter", |n: f64| n)
        .getter("value", |n: &mut f64| *n)
        .method("add", |n: &mut f64, more: f64| *n += more);
    context.define_class(counter)
}
