//! `isolate serve`.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use isolate_runtime::{
    ConsoleOptions, Error, EvalOptions, FetchError, FetchLimits, FetchOptions, FsOptions, Runtime, Server, Uncaught,
    create_runtime, engine_by_name,
};

use crate::args::{Listen, Options};
use crate::loader::{FileLoader, is_typescript};
use crate::report::Failure;
use crate::run::print;

/// What the flags let the guest do. One that is started again gets the same.
#[derive(Clone)]
struct Grants {
    fetch: FetchOptions,
    fs: FsOptions,
}

/// The guest of the moment, and what makes another one after it was stopped.
struct App {
    file: PathBuf,
    options: Options,
    grants: Grants,
    runtime: RwLock<Runtime>,
}

impl App {
    fn current(&self) -> Runtime {
        self.runtime.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Starts the guest again each time that a limit stopped it, with a pause if it comes to nothing.
    async fn keep_alive(&self) {
        loop {
            let stopped = self.current().interrupter().when_stopped().await;
            let began = Instant::now();
            say(&format!("{stopped}; it is started again"));
            loop {
                match start(&self.file, &self.options, self.grants.clone()).await {
                    Ok(runtime) => {
                        *self.runtime.write().unwrap_or_else(PoisonError::into_inner) = runtime;
                        break;
                    }
                    Err(failure) => failure.print(&self.options),
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            if began.elapsed() < Duration::from_millis(100) {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "isolate: {text}");
}

pub(crate) async fn main(file: &Path, listen: &Listen, options: &Options) -> Result<(), Failure> {
    let fetch = crate::net::fetch_options(options)
        .limits(FetchLimits::new().response_time(listen.response_time.0.map(|t| t.0)));
    let grants = Grants { fetch, fs: crate::files::fs_options(options)? };
    let runtime = start(file, options, grants.clone()).await?;
    let address = SocketAddr::new(listen.host, listen.port);
    let server = match Server::bind(address).await {
        Ok(server) => server,
        Err(e) => return Err(Failure::usage(format!("cannot listen on {address}: {e}"))),
    };
    let server = server.on_error(tell).grace(listen.grace.0);
    let address = server.local_addr().unwrap_or(address);
    let app = App { file: file.to_owned(), options: options.clone(), grants, runtime: RwLock::new(runtime) };
    let app = Arc::new(app);
    let current = app.clone();
    // Whoever waits for it may send requests now.
    let _ = writeln!(std::io::stdout().lock(), "listening on http://{address}");
    tokio::select! {
        () = server.serve_with(move || current.current(), shutdown()) => {}
        () = app.keep_alive() => {}
    }
    app.current().dispose().await;
    Ok(())
}

fn tell(error: &FetchError) {
    let mut text = error.to_string();
    let source = std::error::Error::source(error).and_then(|e| e.downcast_ref::<Error>());
    if let Some(exception) = source.and_then(Error::exception)
        && !exception.stack.is_empty()
    {
        text.push('\n');
        text.push_str(exception.stack.trim_end());
    }
    say(&text);
}

async fn shutdown() {
    #[cfg(unix)]
    {
        let mut term = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(term) => term,
            Err(_) => return std::future::pending().await,
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = term.recv() => {}
        }
    }
    #[cfg(not(unix))]
    {
        let _ = tokio::signal::ctrl_c().await;
    }
}

async fn start(file: &Path, options: &Options, grants: Grants) -> Result<Runtime, Failure> {
    let (loader, names) = FileLoader::new(&[file.to_owned()], options)?;
    let name = names.into_iter().next().unwrap_or_default();
    let text = std::fs::read(file).map_err(|e| Failure::usage(format!("cannot read {}: {e}", file.display())))?;
    let source = String::from_utf8_lossy(&text).trim_start_matches('\u{feff}').to_owned();
    let sources = [(name.clone(), source.clone())];
    let refused = loader.refused();
    let failed = |e: &Error| match e.exception() {
        Some(exception) => Failure::thrown(exception, &sources, &refused),
        None => Failure::from_error(e, options, &sources),
    };
    let made = options
        .runtime()
        .engine_arc(engine_by_name(&options.engine).map_err(|e| Failure::usage(e.to_string()))?)
        .console(ConsoleOptions::new().on_event(print))
        .fetch(grants.fetch)
        .fs(grants.fs)
        .on_uncaught(|uncaught: &Uncaught| {
            say(&format!("uncaught: {}\n{}", uncaught.exception, uncaught.exception.stack))
        })
        .modules(loader);
    let runtime = create_runtime(made).await.map_err(|e| failed(&e))?;
    let loaded = load(&runtime, &name, &source).await;
    let served = match loaded {
        Ok(()) => runtime.with_handles(|_, h| h.fetch.has_serve_handler()).await,
        Err(e) => Err(e),
    };
    match served {
        Ok(true) => Ok(runtime),
        Ok(false) => Err(Failure::usage(format!(
            "{name} serves nothing: it is to call serve({{ fetch }}) or to have `export default {{ fetch }}`"
        ))),
        Err(e) => {
            runtime.dispose().await;
            Err(failed(&e))
        }
    }
}

/// Runs the file: as a module, whose default export may be what it serves, or as a script if it is one.
async fn load(runtime: &Runtime, name: &str, source: &str) -> Result<(), Error> {
    // Resolved beside the file.
    let directory = Path::new(name).parent().map(|d| d.join("[serve]")).unwrap_or_else(|| "[serve]".into());
    let base = Path::new(name).file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let specifier = serde_json::Value::String(format!("./{base}")).to_string();
    let entry = format!(
        "import * as app from {specifier};\n\
         const served = 'default' in app ? app.default : undefined;\n\
         if (typeof served?.fetch === 'function') serve(served);"
    );
    let module = EvalOptions::new().filename(directory.to_string_lossy()).module();
    let Err(error) = runtime.eval(entry, module).await else { return Ok(()) };
    if is_typescript(name) || !error.exception().is_some_and(|e| e.early || e.name == "SyntaxError") {
        return Err(error);
    }
    match runtime.eval(source, EvalOptions::new().filename(name).discard().top_level_await(false)).await {
        Err(e) if e.exception().is_some_and(|e| e.early) => Err(error),
        other => other.map(|_| ()),
    }
}
