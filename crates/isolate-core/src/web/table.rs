//! What the host keeps for objects of the guest, by numbers that are never used twice: the number of an object that was
//! collected may come back late, when what it stood for is long gone.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

pub(crate) struct Table<T> {
    next: Cell<u64>,
    entries: RefCell<HashMap<u64, T>>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { next: Cell::new(1), entries: RefCell::default() }
    }
}

impl<T> Table<T> {
    pub(crate) fn insert(&self, entry: T) -> u64 {
        let id = self.next.get();
        self.next.set(id + 1);
        self.entries.borrow_mut().insert(id, entry);
        id
    }

    pub(crate) fn remove(&self, id: u64) -> Option<T> {
        self.entries.borrow_mut().remove(&id)
    }

    /// Works on an entry. It must not come back to the table.
    pub(crate) fn with<R>(&self, id: u64, f: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.entries.borrow_mut().get_mut(&id).map(f)
    }

    pub(crate) fn get(&self, id: u64) -> Option<T>
    where
        T: Clone,
    {
        self.entries.borrow().get(&id).cloned()
    }
}
