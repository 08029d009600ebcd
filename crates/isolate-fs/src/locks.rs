//! Who has which file open. <https://fs.spec.whatwg.org/#file-entry-lock-take>

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::path::split;
use crate::{FsError, FsErrorKind};

/// What a lock allows beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// Nothing: neither on the entry nor on one below it.
    Exclusive,
    /// Streams with contents of their own.
    Siloed,
    /// Access to read.
    ReadOnly,
    /// Access to read and write that others have, too.
    Unsafe,
}

#[derive(Debug, Default)]
pub(crate) struct Locks(Mutex<BTreeMap<String, (Sharing, usize)>>);

/// A lock, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    locks: Arc<Locks>,
    path: String,
}

impl Locks {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, (Sharing, usize)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn take(self: &Arc<Self>, path: &str, sharing: Sharing) -> Result<Lock, FsError> {
        let busy = || Err(FsError::new(FsErrorKind::NoModificationAllowed, "The entry is in use."));
        let mut all = self.all();
        match all.get(path) {
            Some((other, _)) if sharing == Sharing::Exclusive || *other != sharing => return busy(),
            _ => {}
        }
        // A directory that is being moved or removed has all that is in it.
        let mut above = path;
        while let Some((directory, _)) = split(above) {
            if all.get(directory).is_some_and(|(other, _)| *other == Sharing::Exclusive) {
                return busy();
            }
            above = directory;
        }
        if sharing == Sharing::Exclusive {
            let start = if path == "/" { "/".to_owned() } else { format!("{path}/") };
            let below = (Bound::Excluded(start.as_str()), Bound::Unbounded);
            if all.range::<str, _>(below).next().is_some_and(|(other, _)| other.starts_with(&start)) {
                return busy();
            }
        }
        all.entry(path.to_owned()).or_insert((sharing, 0)).1 += 1;
        Ok(Lock { locks: self.clone(), path: path.to_owned() })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let mut all = self.locks.all();
        if let Some((_, count)) = all.get_mut(&self.path) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_exclude_each_other() {
        let locks = Arc::new(Locks::default());
        let a = locks.take("/d/a", Sharing::Siloed).unwrap();
        let b = locks.take("/d/a", Sharing::Siloed).unwrap();
        for (path, sharing) in [
            ("/d/a", Sharing::Exclusive),
            ("/d/a", Sharing::ReadOnly),
            ("/d", Sharing::Exclusive),
            ("/", Sharing::Exclusive),
        ] {
            let e = locks.take(path, sharing).unwrap_err();
            assert_eq!(e.kind(), FsErrorKind::NoModificationAllowed, "{path} {sharing:?}");
        }
        assert!(locks.take("/d/b", Sharing::Exclusive).is_ok() && locks.take("/d/a2", Sharing::Exclusive).is_ok());
        drop(a);
        assert!(locks.take("/d", Sharing::Exclusive).is_err());
        drop(b);
        let tree = locks.take("/d", Sharing::Exclusive).unwrap();
        assert!(locks.take("/d/x/y", Sharing::Siloed).is_err() && locks.take("/dx", Sharing::Siloed).is_ok());
        drop(tree);
        assert!(locks.all().is_empty());
    }
}
