//! Full paths, as handlers get them, and names.

use crate::{FsError, FsErrorKind};

/// The most bytes that a path may have.
const MOST: usize = 4096;

/// Whether an entry can have this name: the standard's "valid file name", and no backslash on any platform, so that a tree is
/// the same everywhere. <https://fs.spec.whatwg.org/#valid-file-name>
pub fn is_valid_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(['/', '\\', '\0'])
}

/// Whether it is a path as handlers get them.
pub fn is_valid_path(path: &str) -> bool {
    path.len() <= MOST && (path == "/" || path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(is_valid_name)))
}

/// How deep directories may be nested by guests, where to go through them takes something for each level.
pub(crate) const DEEPEST: usize = 100;

/// How many names a path has.
pub(crate) fn depth(path: &str) -> usize {
    path.split('/').filter(|name| !name.is_empty()).count()
}

pub(crate) fn too_deep() -> FsError {
    FsError::new(FsErrorKind::InvalidName, format!("Directories are nested {DEEPEST} deep at the most."))
}

/// The path of an entry of a directory.
pub(crate) fn join(directory: &str, name: &str) -> String {
    match directory {
        "/" => format!("/{name}"),
        _ => format!("{directory}/{name}"),
    }
}

/// The directory that an entry is in, and its name; nothing for the root.
pub(crate) fn split(path: &str) -> Option<(&str, &str)> {
    let (directory, name) = path.rsplit_once('/')?;
    match (directory, name) {
        (_, "") => None,
        ("", name) => Some(("/", name)),
        _ => Some((directory, name)),
    }
}

/// Whether a path is another one, or lies below it.
pub(crate) fn is_within(path: &str, ancestor: &str) -> bool {
    ancestor == "/" || path.strip_prefix(ancestor).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The MIME type that goes with the end of a name, or nothing.
pub fn content_type_of(path: &str) -> String {
    mime_guess::from_path(path).first_raw().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_paths() {
        for good in ["a", "...", "a b", ".hidden", "\u{ff0e}\u{ff0e}", "%2e%2e", "con", "é"] {
            assert!(is_valid_name(good) && is_valid_path(&format!("/{good}/x")), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "a\\b", "\0", "..\\"] {
            assert!(!is_valid_name(bad), "{bad}");
        }
        for bad in ["", "a", "a/b", "/a/", "//", "/a//b", "/a/../b", "/./a", "/a\\b"] {
            assert!(!is_valid_path(bad), "{bad}");
        }
        assert!(is_valid_path("/") && !is_valid_path(&"/a".repeat(4096)));
        assert_eq!((split("/"), split("/a"), split("/a/b")), (None, Some(("/", "a")), Some(("/a", "b"))));
        assert_eq!((join("/", "a"), join("/a", "b")), ("/a".into(), "/a/b".into()));
        assert!(is_within("/a/b", "/a") && is_within("/a", "/a") && is_within("/a", "/") && !is_within("/ab", "/a"));
        assert_eq!((content_type_of("/a/b.HTML"), content_type_of("/a/b")), ("text/html".into(), String::new()));
    }
}
