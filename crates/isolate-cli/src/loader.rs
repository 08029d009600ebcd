//! Imports of `isolate run`: files below the directory of a file that was named on the command line.

use std::path::{Path, PathBuf};

use isolate_runtime::{HostError, ModuleLoader, ModuleSource};

/// Names are paths as the user would write them; what is read is checked after every link has been followed.
pub(crate) struct FileLoader {
    /// Directories with all links followed.
    roots: Vec<PathBuf>,
}

impl FileLoader {
    pub(crate) fn new(files: &[PathBuf]) -> Self {
        let roots = files.iter().filter_map(|f| f.canonicalize().ok()?.parent().map(Path::to_path_buf)).collect();
        Self { roots }
    }
}

impl ModuleLoader for FileLoader {
    fn resolve(&self, specifier: &str, referrer: &str) -> Result<String, HostError> {
        if !(specifier.starts_with("./") || specifier.starts_with("../")) {
            return Err(HostError::type_error(format!(
                "cannot import '{specifier}' from {referrer}: only relative paths (./x.mjs) can be imported"
            )));
        }
        let mut path = PathBuf::from(referrer);
        path.pop();
        for part in specifier.split('/') {
            match part {
                "" | "." => {}
                ".." if path.file_name().is_some() => {
                    path.pop();
                }
                part => path.push(part),
            }
        }
        path.to_str()
            .map(str::to_owned)
            .ok_or_else(|| HostError::type_error(format!("cannot import '{specifier}': its path is not Unicode")))
    }

    fn load(&self, name: &str, _: ModuleType) -> Result<ModuleSource, ModuleType, HostError> {
        let refused = |why: &str| HostError::type_error(format!("cannot import {name}: {why}"));
        let real = Path::new(name).canonicalize().map_err(|_| refused("there is no such file"))?;
        if !self.roots.iter().any(|root| real.starts_with(root)) {
            return Err(refused("it is outside of the directory of the file that was run"));
        }
        std::fs::read_to_string(&real).map(ModuleSource::Text).map_err(|e| {
            let why = if e.kind() == std::io::ErrorKind::InvalidData { "it is not UTF-8" } else { "it cannot be read" };
            refused(why).with_source(e)
        })
    }
}
