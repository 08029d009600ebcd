//! Bare names: packages below `node_modules`.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use oxc_resolver::{FileMetadata, FileSystem, ResolveError, ResolveOptions, ResolverGeneric};

use crate::{Kind, ModuleFiles};

/// Node's algorithm for ES modules, over files that need not be on a disk.
pub(crate) struct Packages {
    resolver: ResolverGeneric<Files>,
}

impl Packages {
    pub(crate) fn new(files: Arc<dyn ModuleFiles>) -> Self {
        let options = ResolveOptions {
            // What is made for browsers gets along without modules of Node's own.
            condition_names: ["import", "worker", "browser", "module", "default"].map(String::from).to_vec(),
            main_fields: ["module", "main"].map(String::from).to_vec(),
            extensions: [".mjs", ".js"].map(String::from).to_vec(),
            symlinks: false,
            builtin_modules: true,
            cwd: Some(PathBuf::from("/")),
            ..ResolveOptions::default()
        };
        Self { resolver: ResolverGeneric::new_with_file_system(Files(Some(files)), options) }
    }

    /// The path of the file that a name means in a module.
    pub(crate) fn resolve(&self, specifier: &str, referrer: &str) -> Result<String, String> {
        let directory = Path::new(referrer).parent().unwrap_or(Path::new("/"));
        match self.resolver.resolve(directory, specifier) {
            Ok(found) => match found.path().to_str() {
                Some(path) => Ok(path.to_owned()),
                None => Err("its path is not Unicode".to_owned()),
            },
            Err(ResolveError::Builtin { .. }) => Err("it is a module of Node's own".to_owned()),
            Err(ResolveError::NotFound(_)) => Err("no node_modules above it has such a package".to_owned()),
            Err(ResolveError::PackagePathNotExported { subpath, .. }) => {
                Err(format!("the package exports no '{subpath}'"))
            }
            Err(e) => Err(e.to_string()),
        }
    }
}

struct Files(Option<Arc<dyn ModuleFiles>>);

impl Files {
    fn kind(&self, path: &Path) -> io::Result<Kind> {
        let files = self.0.as_ref().ok_or(io::ErrorKind::NotFound)?;
        path.to_str().and_then(|path| files.kind(path)).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl FileSystem for Files {
    fn new() -> Self {
        Self(None)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let files = self.0.as_ref().ok_or(io::ErrorKind::NotFound)?;
        files.read(path.to_str().ok_or(io::ErrorKind::NotFound)?).map(Into::into)
    }

    fn read_to_string(&self, path: &Path) -> io::Result<String> {
        String::from_utf8(self.read(path)?).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))
    }

    fn metadata(&self, path: &Path) -> io::Result<FileMetadata> {
        let kind = self.kind(path)?;
        Ok(FileMetadata::new(kind == Kind::File, kind == Kind::Directory, false))
    }

    fn symlink_metadata(&self, path: &Path) -> io::Result<FileMetadata> {
        self.metadata(path)
    }

    fn read_link(&self, path: &Path) -> Result<PathBuf, ResolveError> {
        Ok(path.to_owned())
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(path.to_owned())
    }
}
