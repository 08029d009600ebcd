//! Where lines come from: a terminal, or a pipe.

use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::TrySendError;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::{FileHistory, History, MemHistory};
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, ExternalPrinter, Helper};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use super::Current;

/// How many inputs are remembered.
const MOST_HISTORY: usize = 1000;
/// How long a completion may take before there is none.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long a prompt waits for what comes before it.
const SHOWN: Duration = Duration::from_millis(200);

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Ask {
    /// An input.
    First,
    /// The rest of it.
    More,
    /// A line of a text.
    Plain,
}

/// What comes of it.
#[derive(Debug)]
pub(super) enum Line {
    Text(String),
    /// Ctrl-C, and whether something stood in the line.
    Interrupted(bool),
    /// Ctrl-D, or the end of the pipe.
    End,
}

enum Wish {
    Ask(Ask),
    Remember(String),
}

/// A thread that reads lines when it is asked to.
pub(super) struct Editor {
    wishes: std::sync::mpsc::Sender<Wish>,
    lines: mpsc::UnboundedReceiver<Line>,
    thread: Option<std::thread::JoinHandle<()>>,
    /// A line is asked for.
    reading: bool,
    terminal: bool,
}

impl Editor {
    fn spawn(work: impl FnOnce(std::sync::mpsc::Receiver<Wish>, mpsc::UnboundedSender<Line>) + Send + 'static) -> Self {
        let (wishes, wished) = std::sync::mpsc::channel();
        let (found, lines) = mpsc::unbounded_channel();
        let thread = std::thread::spawn(move || work(wished, found));
        Self { wishes, lines, thread: Some(thread), reading: false, terminal: false }
    }

    pub(super) fn piped() -> Self {
        Self::spawn(|wished, found| {
            let mut stdin = std::io::stdin().lock();
            for wish in wished {
                let Wish::Ask(_) = wish else { continue };
                let mut line = Vec::new();
                let line = match stdin.read_until(b'\n', &mut line) {
                    Ok(1..) => {
                        let text = String::from_utf8_lossy(&line);
                        Line::Text(text.trim_end_matches(['\n', '\r']).to_owned())
                    }
                    _ => Line::End,
                };
                if found.send(line).is_err() {
                    return;
                }
            }
        })
    }

    pub(super) fn terminal(current: Current, printer: Printer, history: bool) -> rustyline::Result<Self> {
        let config = Config::builder()
            .max_history_size(MOST_HISTORY)?
            .completion_type(CompletionType::List)
            .completion_prompt_limit(200)
            .build();
        let file = history.then(history_file).flatten();
        let helper = Names { current, tokio: Handle::current(), typed: Arc::default() };
        match file {
            Some(file) => {
                let mut lines = rustyline::Editor::with_history(config, FileHistory::new())?;
                // There is none the first time.
                let _ = lines.load_history(&file);
                Self::edit(lines, helper, printer, Some(file))
            }
            None => Self::edit(rustyline::Editor::with_history(config, MemHistory::new())?, helper, printer, None),
        }
    }

    fn edit<H: History + Send + 'static>(
        mut lines: rustyline::Editor<Names, H>,
        helper: Names,
        printer: Printer,
        file: Option<PathBuf>,
    ) -> rustyline::Result<Self> {
        let typed = helper.typed.clone();
        lines.set_helper(Some(helper));
        printer.above(lines.create_external_printer()?);
        let mut editor = Self::spawn(move |wished, found| {
            for wish in wished {
                let ask = match wish {
                    Wish::Ask(ask) => ask,
                    Wish::Remember(text) => {
                        if lines.add_history_entry(text).unwrap_or(false)
                            && let Some(file) = &file
                        {
                            // At once, since nobody knows how this will end. Several loops add to one file.
                            let _ = lines.append_history(file);
                        }
                        continue;
                    }
                };
                typed.store(false, Ordering::Release);
                printer.prompts(true);
                let line = lines.readline(match ask {
                    Ask::First => "> ",
                    Ask::More => "... ",
                    Ask::Plain => "",
                });
                printer.prompts(false);
                let line = match line {
                    Ok(text) => Line::Text(text),
                    Err(ReadlineError::Interrupted) => Line::Interrupted(typed.load(Ordering::Acquire)),
                    Err(_) => Line::End,
                };
                if found.send(line).is_err() {
                    return;
                }
            }
        });
        editor.terminal = true;
        Ok(editor)
    }

    pub(super) fn ask(&mut self, ask: Ask) {
        self.reading = true;
        let _ = self.wishes.send(Wish::Ask(ask));
    }

    /// Puts an input into the history.
    pub(super) fn remember(&self, text: &str) {
        let _ = self.wishes.send(Wish::Remember(text.to_owned()));
    }

    /// The line that was asked for.
    pub(super) async fn line(&mut self) -> Line {
        let line = self.lines.recv().await.unwrap_or(Line::End);
        self.reading = false;
        line
    }

    /// Waits for Ctrl-C while no line is read. From a pipe it ends the command, as others.
    pub(super) async fn interrupt(&self) {
        if !self.terminal || tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        // What is to be remembered is written before the process ends.
        if self.reading {
            return;
        }
        let (wishes, _) = std::sync::mpsc::channel();
        drop(std::mem::replace(&mut self.wishes, wishes));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn history_file() -> Option<PathBuf> {
    let directory = dirs::data_dir()?.join("isolate");
    std::fs::create_dir_all(&directory).ok()?;
    Some(directory.join("repl_history"))
}

/// Prints, above the prompt while there is one.
///
/// On a terminal a thread does it: the line editor takes one text at a time, and takes none while it reads no line, for which a
/// guest that prints must not wait.
#[derive(Clone, Default)]
pub(super) struct Printer(Arc<Shared>);

#[derive(Default)]
struct Shared {
    queue: OnceLock<std::sync::mpsc::SyncSender<Print>>,
    prompting: AtomicBool,
    /// The line editor is given a text.
    giving: AtomicBool,
    /// Texts that it would not have taken.
    lost: AtomicUsize,
}

enum Print {
    Text(String, bool),
    /// All before it is printed.
    Done(oneshot::Sender<()>),
}

/// How many texts wait to be printed.
const MOST_WAITING: usize = 1000;

impl Printer {
    fn above(&self, mut printer: impl ExternalPrinter + Send + 'static) {
        let (queue, texts) = std::sync::mpsc::sync_channel(MOST_WAITING);
        if self.0.queue.set(queue).is_err() {
            return;
        }
        let this = self.clone();
        std::thread::spawn(move || {
            for print in texts {
                match print {
                    Print::Done(done) => {
                        let _ = done.send(());
                    }
                    Print::Text(text, error) => {
                        let lost = this.0.lost.swap(0, Ordering::AcqRel);
                        let text = match lost {
                            0 => text,
                            _ => format!("isolate: {lost} texts before this were not shown\n{text}"),
                        };
                        this.0.giving.store(true, Ordering::Release);
                        if !this.0.prompting.load(Ordering::Acquire) || printer.print(format!("{text}\n")).is_err() {
                            write(&text, error);
                        }
                        this.0.giving.store(false, Ordering::Release);
                    }
                }
            }
        });
    }

    fn prompts(&self, prompts: bool) {
        self.0.prompting.store(prompts, Ordering::Release);
    }

    /// Prints what the guest prints. Some may be left out when it is too much.
    pub(super) fn print(&self, text: &str, error: bool) {
        self.put(text, error, false);
    }

    /// Prints what must not be left out, while there is no prompt.
    pub(super) fn say(&self, text: &str, error: bool) {
        self.put(text, error, true);
    }

    fn put(&self, text: &str, error: bool, all: bool) {
        let Some(queue) = self.0.queue.get() else { return write(text, error) };
        let mut print = Print::Text(text.to_owned(), error);
        while let Err(refused) = queue.try_send(print) {
            let stuck = self.0.giving.load(Ordering::Acquire) && !self.0.prompting.load(Ordering::Acquire);
            let TrySendError::Full(again) = refused else { return };
            if stuck && all {
                return write(text, error);
            }
            if stuck {
                self.0.lost.fetch_add(1, Ordering::AcqRel);
                return;
            }
            print = again;
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits until all is printed, unless it cannot be before the next prompt.
    pub(super) async fn flush(&self) {
        let Some(queue) = self.0.queue.get() else { return };
        let (done, printed) = oneshot::channel();
        if queue.try_send(Print::Done(done)).is_ok() {
            let _ = tokio::time::timeout(SHOWN, printed).await;
        }
    }
}

fn write(text: &str, error: bool) {
    // A reader that went away is no reason to fail.
    let _ = match error {
        true => writeln!(std::io::stderr().lock(), "{text}"),
        false => writeln!(std::io::stdout().lock(), "{text}"),
    };
}

/// Completes names.
struct Names {
    current: Current,
    tokio: Handle,
    /// Whether there is something in the line.
    typed: Arc<AtomicBool>,
}

/// Words of the language that are worth completing.
const KEYWORDS: &[&str] = &[
    "async",
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "import",
    "in",
    "instanceof",
    "let",
    "new",
    "null",
    "return",
    "static",
    "super",
    "switch",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "var",
    "void",
    "while",
    "with",
    "yield",
];

const COMMANDS: &[&str] = &[".break", ".clear", ".editor", ".exit", ".help", ".load"];

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$')
}

/// What stands before the cursor: names that lead to an object, and the beginning of the last one.
fn path(line: &str) -> Option<(Vec<String>, &str)> {
    let mut rest = line;
    let begin = rest.trim_end_matches(is_name);
    let prefix = &rest[begin.len()..];
    rest = begin;
    let mut path = Vec::new();
    while let Some(before) = rest.strip_suffix('.') {
        let before = before.strip_suffix('?').unwrap_or(before);
        let begin = before.trim_end_matches(is_name);
        let name = &before[begin.len()..];
        // Of a call, a literal or an index nothing is known without running it.
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        path.insert(0, name.to_owned());
        rest = begin;
    }
    Some((path, prefix))
}

impl Completer for Names {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _context: &rustyline::Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let line = &line[..position];
        if line.starts_with('.') && line[1..].chars().all(is_name) {
            return Ok((0, COMMANDS.iter().filter(|c| c.starts_with(line)).map(|&c| c.to_owned()).collect()));
        }
        let Some((path, prefix)) = path(line) else { return Ok((position, Vec::new())) };
        let global = path.is_empty();
        if global && prefix.is_empty() {
            return Ok((position, Vec::new()));
        }
        let found = self.tokio.block_on(async {
            tokio::time::timeout(PATIENCE, self.current.complete(path, prefix)).await.unwrap_or_default()
        });
        let mut names: Vec<String> = found
            .into_iter()
            .filter(|n| n.chars().all(is_name) && !n.starts_with(|c: char| c.is_ascii_digit()))
            .collect();
        if global {
            names.extend(KEYWORDS.iter().filter(|word| word.starts_with(prefix)).map(|&word| word.to_owned()));
        }
        names.sort();
        names.dedup();
        Ok((position - prefix.len(), names))
    }
}

impl Hinter for Names {
    type Hint = String;

    /// Hints at nothing, but is asked after each change.
    fn hint(&self, line: &str, _position: usize, _context: &rustyline::Context<'_>) -> Option<String> {
        self.typed.store(!line.is_empty(), Ordering::Release);
        None
    }
}
impl Highlighter for Names {}
impl Validator for Names {}
impl Helper for Names {}
