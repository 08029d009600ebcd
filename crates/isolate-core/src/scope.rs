//! Things that are released together, in reverse order.

use std::fmt;

/// Keeps values and actions until it is dropped, and then lets go of them last first: on return, on error and on panic
/// alike.
///
/// ```
/// # use isolate_core::Scope;
/// let mut order = Vec::new();
/// {
///     let order = std::cell::RefCell::new(&mut order);
///     let scope = Scope::new();
///     scope.defer(|| order.borrow_mut().push("first"));
///     scope.defer(|| order.borrow_mut().push("second"));
/// }
/// assert_eq!(order, ["second", "first"]);
/// ```
#[derive(Default)]
pub struct Scope<'a> {
    kept: std::cell::RefCell<Vec<Box<dyn FnOnce() + 'a>>>,
}

impl fmt::Debug for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scope({} kept)", self.kept.borrow().len())
    }
}

impl<'a> Scope<'a> {
    /// An empty scope.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps a value alive as long as the scope.
    pub fn keep<T: 'a>(&self, value: T) {
        self.defer(move || drop(value));
    }

    /// Runs an action when the scope ends.
    pub fn defer(&self, action: impl FnOnce() + 'a) {
        self.kept.borrow_mut().push(Box::new(action));
    }
}

impl Drop for Scope<'_> {
    fn drop(&mut self) {
        while let Some(action) = self.kept.get_mut().pop() {
            action();
        }
    }
}
