//! `isolate repl`.
//!
//! The line editor has a thread of its own, which waits for keys, and asks the guest for completions. The guest has its own
//! thread anyway, so that its timers and host calls go on meanwhile.

mod editor;
mod input;

use std::io::IsTerminal;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use isolate_runtime::core::Glue;
use isolate_runtime::{
    ConsoleOptions, Error, EvalOptions, FetchOptions, FsOptions, Function, Runtime, StripOptions, Termination,
    Uncaught, Value, create_runtime, engine_by_name, strip_types,
};

use self::editor::{Ask, Editor, Line, Printer};
use self::input::Input;
use crate::args::Options;
use crate::loader::{FileLoader, is_typescript};
use crate::report::{Failure, to_json, write_exception};
use crate::run::limited;

static GLUE: Glue = Glue::new("isolate:repl", include_str!("glue.js"));

const HELP: &str = "\
.break        forget the lines of this input
.clear        start with a new guest
.editor       write several lines; Ctrl-D runs them, Ctrl-C forgets them
.exit         leave, as Ctrl-D does
.help         this
.load FILE    run a file: JavaScript or TypeScript

_ is the last value, _error the last error. Ctrl-C stops what runs. The flags of the command set limits and grants.";

/// What the flags let the guest do. One that is started anew gets the same.
struct Grants {
    fetch: FetchOptions,
    fs: FsOptions,
}

/// A guest, with its side of the loop.
#[derive(Clone)]
struct Guest {
    runtime: Runtime,
    show: Function,
    failed: Function,
    complete: Function,
}

/// The guest of the moment, for whoever needs it on another thread.
#[derive(Clone)]
struct Current(Arc<RwLock<Guest>>);

impl Current {
    fn get(&self) -> Guest {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, guest: Guest) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = guest;
    }

    /// Names that a guest knows of what a path leads to. Nothing of the guest's runs.
    async fn complete(&self, path: Vec<String>, prefix: &str) -> Vec<String> {
        let guest = self.get();
        let path = Value::List(path.into_iter().map(Value::from).collect());
        match guest.runtime.call(&guest.complete, vec![path, prefix.into()]).await {
            Ok(Value::String(names)) => names.lines().map(str::to_owned).collect(),
            _ => Vec::new(),
        }
    }
}

struct Repl<'o> {
    options: &'o Options,
    grants: Grants,
    printer: Printer,
    interactive: bool,
    color: bool,
    /// An error that nothing took.
    uncaught: Arc<AtomicBool>,
    code: u8,
    count: usize,
}

pub(crate) async fn main(options: &Options, history: bool) -> Result<u8, Failure> {
    let interactive = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let printer = Printer::default();
    let mut repl = Repl {
        options,
        grants: Grants { fetch: crate::net::fetch_options(options), fs: crate::files::fs_options(options)? },
        printer: printer.clone(),
        interactive,
        color: std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        uncaught: Arc::default(),
        code: 0,
        count: 0,
    };
    let current = Current(Arc::new(RwLock::new(repl.start().await?)));
    let editor = match interactive {
        true => Editor::terminal(current.clone(), printer, history)
            .map_err(|e| Failure::usage(format!("the terminal cannot be used: {e}")))?,
        false => Editor::piped(),
    };
    if interactive {
        println!("Isolate {} on {}. .help says more.", env!("CARGO_PKG_VERSION"), options.engine);
    }
    repl.run(&current, editor).await?;
    let guest = current.get();
    if !interactive && guest.runtime.stopped().is_none() {
        let limit = options.timeout.0.map(|t| t.0);
        if let Err(e) = limited(&guest.runtime, limit, guest.runtime.run_until_idle()).await {
            repl.fail(&Failure::from_error(&e, options, &[]));
        }
    }
    guest.runtime.dispose().await;
    repl.printer.flush().await;
    if repl.uncaught.load(Ordering::Acquire) {
        repl.code = repl.code.max(1);
    }
    Ok(if interactive { 0 } else { repl.code })
}

impl Repl<'_> {
    async fn start(&self) -> Result<Guest, Failure> {
        let options = self.options;
        let engine = engine_by_name(&options.engine).map_err(|e| Failure::usage(e.to_string()))?;
        // Relative imports are of the working directory.
        let (loader, _) = FileLoader::new(&[Path::new("[repl]").to_owned()], options)?;
        let (printer, uncaught, json) = (self.printer.clone(), self.uncaught.clone(), options.json);
        let told = self.printer.clone();
        let made = options
            .runtime()
            .engine_arc(engine)
            .console(ConsoleOptions::new().on_event(move |event| {
                if let Some(text) = event.text() {
                    printer.print(text, event.is_error());
                }
            }))
            .fetch(self.grants.fetch.clone())
            .fs(self.grants.fs.clone())
            .on_uncaught(move |error: &Uncaught| {
                uncaught.store(true, Ordering::Release);
                match json {
                    true => told.print(&Failure::uncaught(&error.exception, &[]).line(true), true),
                    false => told.print(&uncaught_text(&error.exception), true),
                }
            })
            .modules(loader);
        let failed = |e: &Error| Failure::from_error(e, options, &[]);
        let runtime = create_runtime(made).await.map_err(|e| failed(&e))?;
        // Before any of the guest's code, so that what it takes for the platform's own is that.
        let installed = runtime.with_context(|context| {
            let inspection = context.inspection_function();
            context.install(&GLUE, vec![inspection])
        });
        let glue = installed.await.and_then(|glue| glue).map_err(|e| failed(&e))?;
        let function = |name: &str| match glue.get(name) {
            Some(Value::Function(f)) => Ok(f.clone()),
            _ => Err(Failure::usage("the glue of the loop is not whole")),
        };
        let show = match (self.interactive, self.color) {
            (true, true) => "showInColor",
            (true, false) => "show",
            (false, _) => "showQuietly",
        };
        Ok(Guest { show: function(show)?, failed: function("failed")?, complete: function("complete")?, runtime })
    }

    async fn run(&mut self, current: &Current, mut editor: Editor) -> Result<(), Failure> {
        let mut input = Input::default();
        let mut asked_to_leave = false;
        loop {
            self.printer.flush().await;
            editor.ask(if input.text().is_empty() { Ask::First } else { Ask::More });
            let line = loop {
                let interrupter = current.get().runtime.interrupter();
                tokio::select! {
                    line = editor.line() => break line,
                    // A timer, say, that passed a limit.
                    reason = interrupter.when_stopped() => self.anew(current, Some(reason)).await?,
                }
            };
            let line = match line {
                Line::Text(line) => line,
                Line::Interrupted(typed) => {
                    let idle = input.text().is_empty() && !typed;
                    if idle && asked_to_leave {
                        return Ok(());
                    }
                    asked_to_leave = idle;
                    if asked_to_leave {
                        self.printer.say("(Ctrl-C again, Ctrl-D or .exit to leave)", false);
                    }
                    input = Input::default();
                    continue;
                }
                Line::End => {
                    if !input.is_empty() {
                        self.evaluate(current, &mut editor, &input).await?;
                    }
                    return Ok(());
                }
            };
            asked_to_leave = false;
            let command = line.trim();
            if command.starts_with('.') && !command[1..].starts_with(|c: char| c.is_ascii_digit() || c == '.') {
                let (name, argument) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
                let first = input.text().is_empty();
                match name {
                    ".break" => input = Input::default(),
                    ".exit" if first => return Ok(()),
                    ".help" if first => self.printer.say(HELP, false),
                    ".clear" if first => self.anew(current, None).await?,
                    ".load" if first => {
                        editor.remember(command);
                        self.load(current, &mut editor, argument.trim()).await?;
                    }
                    ".editor" if first && self.interactive => {
                        self.printer.say("// Ctrl-D runs it, Ctrl-C forgets it", false);
                        if let Some(text) = self.several(&mut editor).await {
                            let mut whole = Input::default();
                            text.lines().for_each(|line| whole.feed(line));
                            editor.remember(whole.text());
                            self.evaluate(current, &mut editor, &whole).await?;
                        }
                    }
                    // A call that goes on: `.then(…)`.
                    _ if !first => input.feed(&line),
                    _ => self.fail(&Failure::usage(format!("there is no {name}; .help says what there is"))),
                }
                if name != ".break" && !first && !input.goes_on() {
                    editor.remember(input.text());
                    self.evaluate(current, &mut editor, &std::mem::take(&mut input)).await?;
                }
                continue;
            }
            if input.text().is_empty() && command.is_empty() {
                continue;
            }
            input.feed(&line);
            if input.goes_on() {
                continue;
            }
            if self.evaluate(current, &mut editor, &input).await? == Evaluated::Unfinished && !command.is_empty() {
                continue;
            }
            editor.remember(input.text());
            input = Input::default();
        }
    }

    /// Lines to the end of a file that is typed.
    async fn several(&mut self, editor: &mut Editor) -> Option<String> {
        let mut text = String::new();
        loop {
            self.printer.flush().await;
            editor.ask(Ask::Plain);
            match editor.line().await {
                Line::Text(line) => {
                    text.push_str(&line);
                    text.push('\n');
                }
                Line::Interrupted(_) => return None,
                Line::End => return Some(text),
            }
        }
    }

    async fn load(&mut self, current: &Current, editor: &mut Editor, file: &str) -> Result<(), Failure> {
        let text = match std::fs::read(file) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).trim_start_matches('\u{feff}').to_owned(),
            Err(e) => {
                self.fail(&Failure::usage(format!("cannot read {file}: {e}")));
                return Ok(());
            }
        };
        let text = match is_typescript(file) {
            true => match strip_types(&text, &StripOptions::new()) {
                Ok(text) => text,
                Err(e) => {
                    self.fail(&Failure::usage(format!("{file}: {e}")));
                    return Ok(());
                }
            },
            false => text,
        };
        let mut input = Input::default();
        text.lines().for_each(|line| input.feed(line));
        self.evaluate_as(current, editor, &input, file).await.map(|_| ())
    }

    async fn evaluate(&mut self, current: &Current, editor: &mut Editor, input: &Input) -> Result<Evaluated, Failure> {
        self.count += 1;
        let name = format!("REPL{}", self.count);
        self.evaluate_as(current, editor, input, &name).await
    }

    /// Runs an input, and shows what it comes to. Ctrl-C stops it.
    async fn evaluate_as(
        &mut self,
        current: &Current,
        editor: &mut Editor,
        input: &Input,
        name: &str,
    ) -> Result<Evaluated, Failure> {
        let guest = current.get();
        let (json, file) = (self.options.json, !name.starts_with("REPL"));
        let work = async {
            if let Some(object) = input.as_object() {
                match once(&guest, &object, name, json).await {
                    Err(e) if is_early(&e) => {}
                    other => return other,
                }
            }
            let script = once(&guest, &input.redeclarable(), name, json).await;
            match script {
                // As `run` does: what does not parse as a script but does as a module is one.
                Err(e) if is_early(&e) && file => {
                    let module = EvalOptions::new().filename(name).module().fail_when_idle();
                    match guest.runtime.eval(input.text(), module).await {
                        Err(again) if is_early(&again) => Err(e),
                        other => other.map(|_| None),
                    }
                }
                other => other,
            }
        };
        let mut work = std::pin::pin!(work);
        let mut interrupted = false;
        let result = loop {
            tokio::select! {
                // Ctrl-C is listened for before the guest begins, who may be seen at work at once.
                biased;
                () = editor.interrupt(), if !interrupted => {
                    interrupted = true;
                    guest.runtime.interrupter().terminate(Termination::Cancelled);
                }
                result = &mut work => break result,
            }
        };
        let error = match result {
            Ok(Some(text)) => {
                self.printer.say(&text, false);
                return Ok(Evaluated::Done);
            }
            Ok(None) => return Ok(Evaluated::Done),
            Err(error) => error,
        };
        if let Some(reason) = error.terminated() {
            self.anew(current, Some(reason)).await?;
            return Ok(Evaluated::Done);
        }
        if self.interactive && is_early(&error) && at_the_end(&error, input.text()) {
            return Ok(Evaluated::Unfinished);
        }
        if let Some(exception) = error.exception() {
            let value = exception.value.as_deref().cloned();
            let value = value.unwrap_or_else(|| Value::Error(Box::new(exception.clone())));
            let _ = guest.runtime.call(&guest.failed, vec![value]).await;
        }
        match error.exception() {
            Some(exception) if !self.options.json => {
                self.code = self.code.max(1);
                self.printer.say(&uncaught_text(exception), true);
            }
            _ => self.fail(&Failure::from_error(&error, self.options, &[])),
        }
        Ok(Evaluated::Done)
    }

    /// Says why the guest is no more, and starts another.
    async fn anew(&mut self, current: &Current, why: Option<Termination>) -> Result<(), Failure> {
        match why {
            Some(Termination::Cancelled) => self.note("interrupted; the guest is started anew", 1),
            Some(reason) => {
                let stopped = Failure::from(reason, self.options);
                let line = stopped.line(self.options.json);
                match self.options.json {
                    true => self.printer.say(&line, true),
                    false => self.printer.say(&format!("{line}; the guest is started anew"), true),
                }
                self.code = self.code.max(stopped.code);
            }
            None => {}
        }
        let old = current.get();
        current.set(self.start().await?);
        // One that does not stop holds up nobody.
        tokio::task::spawn_local(async move { old.runtime.dispose().await });
        Ok(())
    }

    fn note(&mut self, text: &str, code: u8) {
        self.code = self.code.max(code);
        self.printer.say(&format!("isolate: {text}"), true);
    }

    fn fail(&mut self, failure: &Failure) {
        // A word that there is not is no wrong usage of the command.
        self.code = self.code.max(if failure.code == 2 { 1 } else { failure.code });
        self.printer.say(&failure.line(self.options.json), true);
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Evaluated {
    Done,
    /// It does not parse, for the want of more.
    Unfinished,
}

/// Runs a source, and gives what is to be shown.
async fn once(guest: &Guest, source: &str, name: &str, json: bool) -> Result<Option<String>, Error> {
    let how = EvalOptions::new().filename(name).fail_when_idle();
    if json {
        let value = guest.runtime.eval(source, how).await?;
        return Ok(Some(serde_json::json!({ "value": to_json(&value) }).to_string()));
    }
    match guest.runtime.eval_apply(source, how, &guest.show).await? {
        Value::String(text) => Ok(Some(text)),
        _ => Ok(None),
    }
}

fn is_early(error: &Error) -> bool {
    error.exception().is_some_and(|e| e.early)
}

/// Whether the parser stumbled over the end.
fn at_the_end(error: &Error, text: &str) -> bool {
    let Some(exception) = error.exception() else { return false };
    if exception.message.contains("end of input") {
        return true;
    }
    let last = text.lines().count() as u32;
    let length = text.lines().last().unwrap_or_default().trim_end().chars().count() as u32;
    exception.location.as_ref().is_some_and(|at| at.line > last || at.line == last && at.column > length)
}

fn uncaught_text(exception: &isolate_runtime::Exception) -> String {
    let mut text = String::new();
    write_exception(&mut text, exception, 0);
    if exception.name.is_empty() { text } else { format!("Uncaught {text}") }
}
