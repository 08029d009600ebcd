//! Loaders of modules.
//!
//! A guest can import nothing before its context has a [`ModuleLoader`]. [`FileModules`] is one, over files that are in memory
//! ([`VirtualFiles`]), in a directory ([`DirectoryFiles`], feature `directory`), or wherever a [`ModuleFiles`] of your own has
//! them. It knows relative and absolute paths, `file:` URLs, import maps, and, if it is told to, packages in `node_modules`.
//!
//! ```
//! use std::rc::Rc;
//!
//! use isolate_core::{Context, EvalOptions};
//! use isolate_modules::{FileModules, VirtualFiles};
//!
//! # async fn show(ctx: &Context) -> Result<(), isolate_core::Error> {
//! let files = VirtualFiles::new()
//!     .file("/lib/greet.mjs", "export const greet = (name) => 'Hello, ' + name")
//!     .file("/data.json", r#"{ "name": "Ada" }"#);
//! ctx.set_module_loader(Rc::new(FileModules::new(files)));
//! let code = "import { greet } from './lib/greet.mjs';
//!             import { default as data } from '/data.json' with { type: 'json' };
//!             console.log(greet(data.name), import.meta.url)";
//! ctx.eval(code, EvalOptions::new().filename("/main.mjs").module()).await?;
//! # Ok(()) }
//! ```
//!
//! With the feature `typescript`, `FileModules::typescript` takes TypeScript too.
//!
//! Modules are ES modules; of others, JSON, text and bytes are imported with an attribute (`with { type: 'json' }`). There is no
//! CommonJS: of a package, the files for `import` are used, and one that has none fails with an error that says so.

#![forbid(unsafe_code)]

mod files;
mod packages;
#[cfg(feature = "typescript")]
mod typescript;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use import_map::{ImportMap, ImportMapErrorKind};
#[cfg(feature = "typescript")]
use isolate_core::ErrorClass;
use isolate_core::url::Url;
use isolate_core::{HostError, ModuleLoader, ModuleSource, ModuleType, Value};
use percent_encoding::percent_decode_str;

#[cfg(feature = "directory")]
pub use files::DirectoryFiles;
pub use files::{Kind, ModuleFiles, VirtualFiles};
#[cfg(feature = "typescript")]
pub use typescript::{StripError, StripErrorKind, StripOptions, strip_types};

use packages::Packages;

/// Modules of files. See [the crate](crate) for an example.
///
/// The full name of a module is its path, after a [prefix](Self::shown_as) if there is one, with its query, if it was imported
/// with one: `/lib/a.mjs?v=2` is a module of its own. `import.meta.url` is a `file:` URL of it.
pub struct FileModules {
    files: Arc<dyn ModuleFiles>,
    prefix: String,
    map: Option<ImportMap>,
    packages: Option<Packages>,
    #[cfg(feature = "typescript")]
    typescript: Option<StripOptions>,
}

impl fmt::Debug for FileModules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileModules")
            .field("prefix", &self.prefix)
            .field("map", &self.map.is_some())
            .field("packages", &self.packages.is_some())
            .finish_non_exhaustive()
    }
}

impl FileModules {
    /// Over these files.
    pub fn new(files: impl ModuleFiles) -> Self {
        Self {
            files: Arc::new(files),
            prefix: "/".to_owned(),
            map: None,
            packages: None,
            #[cfg(feature = "typescript")]
            typescript: None,
        }
    }

    /// Sets what the root is called in the names of modules, and so in stacks and messages: with `src/`, `/a.mjs` is `src/a.mjs`.
    /// The module that the host evaluates is to be named in the same way. Default: `/`.
    #[must_use]
    pub fn shown_as(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Lets modules import packages by their names from `node_modules` directories beside and above them, by Node's rules for ES
    /// modules (`exports` and `imports` of package.json), with the conditions `import`, `worker`, `browser`, `module` and
    /// `default`. Within packages, paths may lack the end of a file's name, as bundlers take them. Packages that need modules of
    /// Node's own (`node:fs`) do not work, but for those that an API of the host brings along (`node:path`).
    #[must_use]
    pub fn packages(mut self) -> Self {
        self.packages = Some(Packages::new(self.files.clone()));
        self
    }

    /// Sets an [import map](https://html.spec.whatwg.org/multipage/webappapis.html#import-maps), as JSON. Addresses in it are
    /// relative to the root.
    ///
    /// # Errors
    /// If it is not one.
    pub fn import_map(mut self, json: &str) -> Result<Self, HostError> {
        let base = url_of("/").map_err(HostError::type_error)?;
        let parsed = import_map::parse_from_json(base, json);
        let parsed = parsed.map_err(|e| HostError::type_error(format!("the import map: {e}")))?;
        self.map = Some(parsed.import_map);
        Ok(self)
    }

    /// Takes `.ts` and `.mts` files as TypeScript, whose types are [stripped](strip_types). Paths are written in full, with
    /// their end (`./a.ts`), as Node and Deno want it.
    #[cfg(feature = "typescript")]
    #[must_use]
    pub fn typescript(mut self) -> Self {
        self.typescript = Some(StripOptions::new());
        self
    }

    /// JavaScript of a file's text, if it is TypeScript.
    ///
    /// # Errors
    /// A `SyntaxError`, whose source is a [`StripError`].
    #[cfg(feature = "typescript")]
    fn stripped(&self, name: &str, end: &str, text: &str) -> Result<Option<String>, HostError> {
        match &self.typescript {
            Some(options) if matches!(end, "ts" | "mts") => {
                strip_types(text.trim_start_matches('\u{feff}'), options).map(Some).map_err(|e| {
                    let place = e.line().zip(e.column()).map(|(line, column)| format!(" ({name}:{line}:{column})"));
                    let message = format!("cannot import {name}: {}{}", e.message(), place.unwrap_or_default());
                    HostError::new(ErrorClass::SyntaxError, message).with_source(e)
                })
            }
            _ => Ok(None),
        }
    }

    #[cfg(not(feature = "typescript"))]
    fn stripped(&self, _name: &str, _end: &str, _text: &str) -> Result<Option<String>, HostError> {
        Ok(None)
    }

    /// Why a file of this end is no module, if the end says so.
    fn unfit(&self, end: &str) -> Option<&'static str> {
        #[cfg(feature = "typescript")]
        let strips = self.typescript.is_some();
        #[cfg(not(feature = "typescript"))]
        let strips = false;
        match end {
            "json" => Some("JSON is imported with { type: 'json' }"),
            "cjs" | "cts" => Some("it is a CommonJS module, and there are only ES modules"),
            "tsx" | "jsx" => Some("there is no JSX; make JavaScript of it first"),
            "ts" | "mts" if !strips => Some("it is TypeScript, which is not switched on"),
            "node" | "wasm" => Some("it is no JavaScript"),
            _ => None,
        }
    }

    /// The path and the query of a full name, in whose path a question mark and a percent sign are encoded.
    fn path<'n>(&self, name: &'n str) -> Option<(Cow<'n, str>, Option<&'n str>)> {
        let rest = name.strip_prefix(self.prefix.as_str())?;
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        Some((percent_decode_str(path).decode_utf8().ok()?, query))
    }

    /// A path that begins with a slash.
    fn full(&self, name: &str) -> Option<String> {
        Some(format!("/{}", self.path(name)?.0))
    }

    fn named(&self, path: &str, query: Option<&str>) -> String {
        let path = path.trim_start_matches('/').replace('%', "%25").replace('?', "%3F");
        match query {
            Some(query) => format!("{}{path}?{query}", self.prefix),
            None => format!("{}{path}", self.prefix),
        }
    }

    /// What a URL means.
    fn of_url(&self, url: &Url) -> Result<String, String> {
        if url.scheme() != "file" {
            return Err(format!("modules are not fetched ({}:)", url.scheme()));
        }
        let path = percent_decode_str(url.path()).decode_utf8().map_err(|_| "its path is not Unicode".to_owned())?;
        match path.contains('\0') || path.contains('\u{1}') {
            true => Err("there is no such file".to_owned()),
            false => Ok(self.named(&path, url.query())),
        }
    }

    /// TypeScript names what a module will be compiled to: from such a file `./x.js` is `x.ts` where there is no `x.js`.
    fn written(&self, url: Url, base: &str) -> Url {
        #[cfg(feature = "typescript")]
        if self.typescript.is_some() && [".ts", ".mts"].iter().any(|end| base.ends_with(end)) {
            let is_file = |url: &Url| {
                let path = percent_decode_str(url.path()).decode_utf8();
                path.is_ok_and(|path| self.files.kind(&path) == Some(Kind::File))
            };
            for (js, ts) in [(".js", ".ts"), (".mjs", ".mts")] {
                if let Some(stem) = url.path().strip_suffix(js)
                    && !is_file(&url)
                {
                    let mut source = url.clone();
                    source.set_path(&format!("{stem}{ts}"));
                    if is_file(&source) {
                        return source;
                    }
                }
            }
        }
        #[cfg(not(feature = "typescript"))]
        let _ = base;
        url
    }

    fn find(&self, specifier: &str, referrer: &str) -> Result<String, String> {
        let base = self.full(referrer).unwrap_or_else(|| "/".to_owned());
        let base_url = url_of(&base)?;
        let is_path = specifier.starts_with("./") || specifier.starts_with("../") || specifier.starts_with('/');
        if let Some(map) = &self.map {
            match map.resolve(specifier, &base_url) {
                // Not mapped: as without a map.
                Ok(url) if base_url.join(specifier).is_ok_and(|plain| plain == url) => {}
                Ok(url) => return self.of_url(&url),
                Err(e) if matches!(*e.0, ImportMapErrorKind::UnmappedBareSpecifier(..)) => {}
                Err(e) => return Err(e.to_string()),
            }
        }
        if is_path {
            if leaves(specifier, &base) {
                return Err("it is outside of what may be imported".to_owned());
            }
            let url = base_url.join(specifier).map_err(|e| e.to_string())?;
            if let Some(packages) = self.packages.as_ref().filter(|_| in_package(&base) && url.query().is_none()) {
                let is_file = percent_decode_str(url.path())
                    .decode_utf8()
                    .is_ok_and(|path| self.files.kind(&path) == Some(Kind::File));
                if !is_file && let Ok(path) = packages.resolve(specifier, &base) {
                    return Ok(self.named(&path, None));
                }
            }
            return self.of_url(&self.written(url, &base));
        }
        if let Ok(url) = Url::parse(specifier) {
            // A scheme of one letter is a drive.
            return match url.scheme() {
                "node" => Err("it is a module of Node's own".to_owned()),
                _ => self.of_url(&url),
            };
        }
        match &self.packages {
            Some(packages) => packages.resolve(specifier, &base).map(|path| self.named(&path, None)),
            None => Err("only paths (./x.mjs) can be imported".to_owned()),
        }
    }
}

fn in_package(path: &str) -> bool {
    path.contains("/node_modules/")
}

/// Whether a text exports as CommonJS does, and says nothing that only an ES module could. A guess, for the sake of the message.
fn is_common_js(text: &str) -> bool {
    let exports = ["module.exports", "exports.default", "Object.defineProperty(exports"];
    let says = |word: &str| {
        text.match_indices(word).any(|(at, _)| {
            let before = text[..at].trim_end_matches([' ', '\t']).chars().next_back();
            let after = text[at + word.len()..].chars().next();
            before.is_none_or(|c| matches!(c, '\n' | '\r' | ';' | '}' | '/'))
                && after.is_some_and(|c| c.is_whitespace() || matches!(c, '{' | '*' | '"' | '\''))
        })
    };
    exports.iter().any(|form| text.contains(form)) && !says("export") && !says("import")
}

/// Whether a relative specifier goes up above the root.
fn leaves(specifier: &str, base: &str) -> bool {
    let mut depth: usize = if specifier.starts_with('/') { 0 } else { base.matches('/').count().saturating_sub(1) };
    for part in specifier.split(['?', '#']).next().unwrap_or_default().split('/') {
        match part {
            "" | "." => {}
            ".." if depth == 0 => return true,
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    false
}

/// The `file:` URL of a path.
fn url_of(path: &str) -> Result<Url, String> {
    let mut url = Url::parse("file:///").map_err(|e| e.to_string())?;
    url.set_path(&path.replace('%', "%25").replace('?', "%3F").replace('#', "%23"));
    Ok(url)
}

impl ModuleLoader for FileModules {
    fn resolve(&self, specifier: &str, referrer: &str) -> Result<String, HostError> {
        self.find(specifier, referrer)
            .map_err(|why| HostError::type_error(format!("cannot import '{specifier}' from {referrer}: {why}")))
    }

    fn load(&self, name: &str, kind: ModuleType) -> Result<ModuleSource, HostError> {
        let refused = |why: &str| HostError::type_error(format!("cannot import {name}: {why}"));
        let path = self.full(name).ok_or_else(|| refused("there is no such file"))?;
        let end = path.rsplit_once('.').map_or("", |(_, end)| end);
        if kind == ModuleType::JavaScript
            && let Some(why) = self.unfit(end)
        {
            return Err(refused(why));
        }
        let bytes = self.files.read(&path).map_err(|e| {
            let why = match e.kind() {
                std::io::ErrorKind::NotFound => "there is no such file",
                std::io::ErrorKind::IsADirectory => "it is a directory",
                std::io::ErrorKind::PermissionDenied => "it is outside of what may be imported",
                _ => "it cannot be read",
            };
            refused(why).with_source(e)
        })?;
        if kind == ModuleType::JavaScript {
            let text = std::str::from_utf8(&bytes).map_err(|_| refused("it is not UTF-8"))?;
            if let Some(text) = self.stripped(name, end, text)? {
                return Ok(ModuleSource::Text(text));
            }
            if in_package(&path) && is_common_js(text) {
                return Err(refused("it is a CommonJS module, and there are only ES modules"));
            }
        }
        Ok(ModuleSource::Bytes(bytes))
    }

    fn meta(&self, name: &str, _is_main: bool) -> Result<Vec<(&'static str, Value)>, HostError> {
        let (path, query) = self.path(name).unwrap_or((name.into(), None));
        let shown = format!("/{}", format!("{}{path}", self.prefix).trim_start_matches("./").trim_start_matches('/'));
        let mut url = url_of(&shown).map_err(HostError::type_error)?;
        url.set_query(query);
        Ok(vec![("url", String::from(url).into())])
    }
}
