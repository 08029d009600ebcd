//! `isolate run` and `isolate eval`.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use isolate_runtime::{
    ConsoleEvent, ConsoleOptions, Error, EvalOptions, Exception, Interrupter, Location, Runtime, RuntimeOptions,
    StripOptions, Termination, Uncaught, create_runtime, engine_by_name, strip_types,
};

use crate::args::{Cli, Command, Debug, Options};
use crate::loader::{FileLoader, Refused, is_typescript};
use crate::report::{Failure, to_json};

/// The first error that nothing in the guest took. It ends the run, as in Node.
#[derive(Clone, Default)]
struct First {
    refused: Refused,
    error: Arc<Mutex<Option<Uncaught>>>,
    stop: Arc<OnceLock<Interrupter>>,
}

impl First {
    fn new(loader: &FileLoader) -> Self {
        Self { refused: loader.refused(), ..Self::default() }
    }

    fn note(&self, uncaught: &Uncaught) {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| uncaught.clone());
        if let Some(stop) = self.stop.get() {
            stop.terminate(Termination::Cancelled);
        }
    }

    fn take(&self) -> Option<Uncaught> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

pub(crate) async fn main(cli: Cli) -> u8 {
    let (options, result) = match cli.command {
        Command::Repl { no_history, options } => {
            let result = crate::repl::main(&options, !no_history).await;
            let _ = std::io::stdout().flush();
            return result.unwrap_or_else(|failure| {
                failure.print(&options);
                failure.code
            });
        }
        Command::Run { files, options, debug } => {
            let result = run(&files, &options, &debug).await;
            (options, result)
        }
        Command::Eval { code, options } => {
            let result = eval(&code, &options).await;
            (options, result)
        }
        Command::Test { files, tests, options } => match crate::test::main(&files, &tests, &options).await {
            Ok(code) => return code,
            Err(failure) => (options, Err(failure)),
        },
        Command::Serve { file, listen, options } => {
            let result = crate::serve::main(&file, &listen, &options).await;
            (options, result)
        }
    };
    // What the guest printed comes before what we say of it.
    let _ = std::io::stdout().flush();
    match result {
        Ok(()) => 0,
        Err(failure) => {
            failure.print(&options);
            failure.code
        }
    }
}

pub(crate) fn print(event: &ConsoleEvent) {
    let Some(text) = event.text() else { return };
    // A reader that went away is no reason to fail.
    let _ = if event.is_error() {
        writeln!(std::io::stderr().lock(), "{text}")
    } else {
        writeln!(std::io::stdout().lock(), "{text}")
    };
}

/// What the options of the command make of a runtime.
pub(crate) fn runtime_options(options: &Options, loader: FileLoader) -> Result<RuntimeOptions, Failure> {
    let engine = engine_by_name(&options.engine).map_err(|e| Failure::usage(e.to_string()))?;
    Ok(options
        .runtime()
        .engine_arc(engine)
        .console(ConsoleOptions::new().on_event(print))
        .fetch(crate::net::fetch_options(options))
        .fs(crate::files::fs_options(options)?)
        .modules(loader))
}

async fn start(options: &Options, loader: FileLoader, first: &First) -> Result<Runtime, Failure> {
    let (told, stop) = (first.clone(), first.stop.clone());
    let runtime =
        runtime_options(options, loader)?.on_uncaught(move |uncaught| told.note(uncaught)).setup(move |context| {
            let _ = stop.set(context.interrupter());
            Ok(())
        });
    create_runtime(runtime).await.map_err(|e| Failure::from_error(&e, options, &[]))
}

/// Runs to the end or to the time limit, which holds for the whole and not for each step.
pub(crate) async fn limited<T>(
    runtime: &Runtime,
    limit: Option<Duration>,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let mut work = std::pin::pin!(work);
    let Some(limit) = limit else { return work.await };
    let interrupter = runtime.interrupter();
    let (start, mut held) = (tokio::time::Instant::now(), interrupter.held());
    // The time in which a debugger has the guest paused does not count.
    loop {
        match tokio::time::timeout_at(start + limit + held, work.as_mut()).await {
            Ok(result) => return result,
            Err(_) if interrupter.held() > held => held = interrupter.held(),
            Err(_) => break,
        }
    }
    interrupter.terminate(Termination::Deadline);
    work.await
}

async fn run(files: &[PathBuf], options: &Options, debug: &Debug) -> Result<(), Failure> {
    let mut sources = Vec::with_capacity(files.len());
    if let Some(file) = files.iter().find(|f| f.extension().is_some_and(|e| e == "tsx" || e == "jsx")) {
        return Err(Failure::usage(format!("{}: there is no JSX; make JavaScript of it first", file.display())));
    }
    if let Some(file) = files.iter().find(|f| f.extension().is_some_and(|e| e == "cts")) {
        return Err(Failure::usage(format!("{}: there is no CommonJS; name it .ts or .mts", file.display())));
    }
    let (loader, names) = FileLoader::new(files, options)?;
    for (file, name) in files.iter().zip(names) {
        let bytes = std::fs::read(file).map_err(|e| Failure::usage(format!("cannot read {}: {e}", file.display())))?;
        let text = String::from_utf8_lossy(&bytes);
        sources.push((name, text.trim_start_matches('\u{feff}').to_owned()));
    }
    let mut scripts = sources.clone();
    for (name, source) in &mut scripts {
        if is_typescript(name) {
            *source = strip(name, source)?;
        }
    }
    let first = First::new(&loader);
    let title = sources.last().map(|(name, _)| name.as_str()).unwrap_or_default();
    let (runtime, debugging) = Debugging::start(debug, options, loader, title, &first).await?;
    let limit = options.timeout.0.map(|t| t.0);
    let result = limited(&runtime, limit, async {
        for (name, source) in &scripts {
            run_file(&runtime, name, source).await?;
        }
        runtime.run_until_idle().await
    })
    .await;
    debugging.finish().await;
    finish(&runtime, &first, result, options, &sources).await
}

/// What a run has for those who debug it.
#[cfg(feature = "v8")]
#[derive(Default)]
struct Debugging {
    server: Option<crate::inspect::Server>,
    profile: Option<(crate::inspect::Profile, PathBuf)>,
}

#[cfg(feature = "v8")]
impl Debugging {
    async fn start(
        debug: &Debug,
        options: &Options,
        loader: FileLoader,
        title: &str,
        first: &First,
    ) -> Result<(Runtime, Self), Failure> {
        let mut this = Self::default();
        let Some(address) = debug.inspect.as_ref().or(debug.inspect_brk.as_ref()) else {
            let runtime = start(options, loader, first).await?;
            if let Some(file) = &debug.cpu_prof {
                this.profile = Some((crate::inspect::Profile::start(&runtime).await?, file.clone()));
            }
            return Ok((runtime, this));
        };
        let runtime = start(options, loader, first).await?;
        let server = crate::inspect::Server::start(&runtime, address, title.to_owned()).await?;
        if debug.inspect_brk.is_some() {
            server.wait_for_client().await;
        }
        this.server = Some(server);
        Ok((runtime, this))
    }

    async fn finish(self) {
        if let Some((profile, file)) = self.profile {
            profile.write(&file).await;
        }
        if let Some(server) = self.server {
            server.finish().await;
        }
    }
}

/// Without an engine that could be debugged there is nothing.
#[cfg(not(feature = "v8"))]
struct Debugging;

#[cfg(not(feature = "v8"))]
impl Debugging {
    async fn start(
        debug: &Debug,
        options: &Options,
        loader: FileLoader,
        _title: &str,
        first: &First,
    ) -> Result<(Runtime, Self), Failure> {
        if debug.inspect.is_some() || debug.inspect_brk.is_some() || debug.cpu_prof.is_some() {
            let message = "only V8 can be debugged, and this command was built without it: \
                           build it with `--features v8` and use --engine v8";
            return Err(Failure::usage(message));
        }
        Ok((start(options, loader, first).await?, Self))
    }

    async fn finish(self) {}
}

async fn finish(
    runtime: &Runtime,
    first: &First,
    result: Result<(), Error>,
    options: &Options,
    sources: &[(String, String)],
) -> Result<(), Failure> {
    runtime.dispose().await;
    let thrown = first.take().map(|uncaught| uncaught.exception);
    let thrown = thrown.or_else(|| result.as_ref().err().and_then(Error::exception).cloned());
    match thrown {
        Some(exception) => Err(Failure::thrown(&exception, sources, &first.refused)),
        None => result.map_err(|e| Failure::from_error(&e, options, sources)),
    }
}

/// JavaScript of a file that is TypeScript.
pub(crate) fn strip(name: &str, source: &str) -> Result<String, Failure> {
    strip_types(source, &StripOptions::new()).map_err(|e| {
        let mut exception = Exception::new("SyntaxError", e.message());
        let place = e.line().zip(e.column());
        exception.location = place.map(|(line, column)| Location { file: name.to_owned(), line, column });
        Failure::uncaught(&exception, &[(name.to_owned(), source.to_owned())])
    })
}

pub(crate) async fn run_file(runtime: &Runtime, name: &str, source: &str) -> Result<(), Error> {
    let module = || EvalOptions::new().filename(name).module().fail_when_idle();
    if name.ends_with(".mjs") || is_typescript(name) {
        return runtime.eval(source, module()).await.map(|_| ());
    }
    let script = EvalOptions::new().filename(name).discard().top_level_await(false);
    let Err(error) = runtime.eval(source, script).await else { return Ok(()) };
    // As in Node: what does not parse as a script but does as a module is one.
    let early = |e: &Error| e.exception().is_some_and(|e| e.early);
    if early(&error) {
        match runtime.eval(source, module()).await {
            Err(e) if early(&e) => {}
            other => return other.map(|_| ()),
        }
    }
    Err(error)
}

async fn eval(code: &str, options: &Options) -> Result<(), Failure> {
    let (loader, _) = FileLoader::new(&[], options)?;
    let first = First::new(&loader);
    let runtime = start(options, loader, &first).await?;
    let sources = [("[eval]".to_owned(), code.to_owned())];
    let color = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let how = EvalOptions::new().filename("[eval]").fail_when_idle();
    let limit = options.timeout.0.map(|t| t.0);
    let result = limited(&runtime, limit, async {
        let text = if options.json {
            let value = runtime.eval(code, how).await?;
            serde_json::json!({ "value": to_json(&value) }).to_string()
        } else {
            runtime.eval_display(code, how, color).await?
        };
        let _ = writeln!(std::io::stdout().lock(), "{text}");
        runtime.run_until_idle().await
    })
    .await;
    finish(&runtime, &first, result, options, &sources).await
}
