//! Imports of the command: files below the directory of a file that was named, or below `--root`.

use std::error::Error as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use isolate_runtime::{
    DirectoryFiles, Exception, FileModules, HostError, Location, ModuleLoader, ModuleSource, ModuleType, StripError,
    Value,
};

use crate::args::Options;
use crate::report::Failure;

/// A directory of which modules may be imported, with what its modules' names begin with.
struct Root {
    shown: String,
    modules: FileModules,
}

/// Each file's directory is a root of its own, unless one was named. Nothing leads out of a root.
pub(crate) struct FileLoader {
    roots: Vec<Root>,
    refused: Refused,
}

/// TypeScript that was imported and could not be used: what the error says, and where it is.
#[derive(Clone, Default)]
pub(crate) struct Refused(Arc<Mutex<Vec<(String, Location, String)>>>);

impl Refused {
    /// How many are kept.
    const MOST: usize = 20;

    fn note(&self, error: &HostError, name: &str, text: impl FnOnce() -> String) {
        let Some(strip) = error.source().and_then(|e| e.downcast_ref::<StripError>()) else { return };
        let (Some(line), Some(column)) = (strip.line(), strip.column()) else { return };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() < Self::MOST {
            all.push((error.message().to_owned(), Location { file: name.to_owned(), line, column }, text()));
        }
    }

    /// Where the fault is that an error tells of, with the file's text.
    pub(crate) fn find(&self, exception: &Exception) -> Option<(Location, String)> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = all.iter().find(|(message, ..)| *message == exception.message)?;
        (exception.name == "SyntaxError").then(|| (found.1.clone(), found.2.clone()))
    }
}

/// Whether a file is TypeScript.
pub(crate) fn is_typescript(name: &str) -> bool {
    name.ends_with(".ts") || name.ends_with(".mts")
}

/// What stands before the last slash, as the user wrote it.
fn directory_of(name: &str) -> &str {
    &name[..name.rfind('/').map_or(0, |at| at + 1)]
}

fn open(shown: &str, map: Option<&str>) -> Result<Root, Failure> {
    let path = if shown.is_empty() { "." } else { shown };
    let cannot = |e: &dyn std::fmt::Display| Failure::usage(format!("cannot read {path}: {e}"));
    let files = DirectoryFiles::open(path).map_err(|e| cannot(&e))?;
    let mut modules = FileModules::new(files).shown_as(shown).packages().typescript();
    if let Some(map) = map {
        modules = modules.import_map(map).map_err(|e| Failure::usage(e.message().to_owned()))?;
    }
    Ok(Root { shown: shown.to_owned(), modules })
}

impl FileLoader {
    /// For these files. Gives the names under which they are to be run, too.
    pub(crate) fn new(files: &[PathBuf], options: &Options) -> Result<(Self, Vec<String>), Failure> {
        let map = match &options.import_map {
            Some(path) => Some(
                std::fs::read_to_string(path)
                    .map_err(|e| Failure::usage(format!("cannot read {}: {e}", path.display())))?,
            ),
            None => None,
        };
        let typed: Vec<String> = files.iter().map(|file| file.to_string_lossy().into_owned()).collect();
        let mut roots: Vec<Root> = Vec::new();
        let Some(root) = &options.root else {
            for name in &typed {
                let directory = directory_of(name);
                // One that is not there is told of when its file is read.
                let known = roots.iter().any(|root| root.shown == directory);
                if !known && Path::new(if directory.is_empty() { "." } else { directory }).is_dir() {
                    roots.push(open(directory, map.as_deref())?);
                }
            }
            return Ok((Self { roots, refused: Refused::default() }, typed));
        };
        let mut shown = root.to_string_lossy().trim_end_matches('/').to_owned() + "/";
        if shown == "./" {
            shown.clear();
        }
        roots.push(open(&shown, map.as_deref())?);
        let top = root.canonicalize().map_err(|e| Failure::usage(format!("cannot read {}: {e}", root.display())))?;
        let mut names = Vec::new();
        for (file, typed) in files.iter().zip(typed) {
            names.push(match file.canonicalize().ok().as_deref().map(|real| real.strip_prefix(&top)) {
                Some(Ok(within)) => format!("{shown}{}", within.to_string_lossy()),
                Some(Err(_)) => {
                    return Err(Failure::usage(format!("{typed} is not below {}", root.display())));
                }
                None => typed,
            });
        }
        Ok((Self { roots, refused: Refused::default() }, names))
    }

    /// What will have been refused.
    pub(crate) fn refused(&self) -> Refused {
        self.refused.clone()
    }

    /// The root that a name is below.
    fn root(&self, name: &str) -> Result<&FileModules, HostError> {
        let within = self.roots.iter().filter(|root| name.starts_with(&root.shown));
        let nearest = within.max_by_key(|root| root.shown.len()).or(self.roots.first());
        nearest.map(|root| &root.modules).ok_or_else(|| HostError::type_error("there is nothing to import from"))
    }
}

impl ModuleLoader for FileLoader {
    fn resolve(&self, specifier: &str, referrer: &str) -> Result<String, HostError> {
        self.root(referrer)?.resolve(specifier, referrer)
    }

    fn load(&self, name: &str, kind: ModuleType) -> Result<ModuleSource, HostError> {
        let modules = self.root(name)?;
        modules.load(name, kind).inspect_err(|e| {
            self.refused.note(e, name, || match modules.load(name, ModuleType::Text) {
                Ok(ModuleSource::Text(text)) => text,
                Ok(ModuleSource::Bytes(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
                _ => String::new(),
            });
        })
    }

    fn meta(&self, name: &str, is_main: bool) -> Result<Vec<(&'static str, Value)>, HostError> {
        self.root(name)?.meta(name, is_main)
    }
}
