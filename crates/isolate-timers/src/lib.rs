//! `setTimeout`, `setInterval`, `clearTimeout` and `clearInterval`, as the HTML Standard defines them (§8.6).
//!
//! Which time they follow is the context's [`Clock`](isolate_core::Clock). On the virtual clock it moves only by
//! [`TimersHandle::tick`]: due timers fire in the order of their time and then of their creation, each with the clock
//! at its own time and its microtasks after it, so an interval of 100 ms fires ten times in `tick(1000 ms)`.
//!
//! Delays are whole milliseconds; the sixth nested timer and those below it wait at least 4 ms, and so does an interval
//! from its sixth run on. A callback that throws is reported ([`Context::on_uncaught`]), and an interval goes on. A
//! handler that is not a function is run as a script.

#![forbid(unsafe_code)]

use std::cell::{Cell, OnceCell};
use std::rc::Rc;
use std::time::Duration;

use isolate_core::{Context, DomExceptionName, Error, ErrorKind, Function, Glue, HostError, Value};

static GLUE: Glue = Glue::new("isolate:timers", include_str!("timers.js"));

/// How timers are set up. There is nothing to choose yet: the clock is the context's.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct TimersOptions {}

#[derive(Default)]
struct State {
    ready: Cell<bool>,
    glue: OnceCell<(Function, Function)>,
    disposed: Cell<bool>,
}

/// What [`setup_timers`] gives back. Dropping it changes nothing; the timers go with their context.
#[derive(Clone)]
pub struct TimersHandle {
    context: Context,
    state: Rc<State>,
}

impl std::fmt::Debug for TimersHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TimersHandle({} pending)", self.pending())
    }
}

/// Sets up the four functions on the guest's global object. A second time it changes nothing and gives the same handle.
///
/// # Errors
/// If the context is stopped.
pub fn setup_timers(context: &Context, _options: TimersOptions) -> Result<TimersHandle, Error> {
    let state: Rc<State> = context.state();
    let handle = TimersHandle { context: context.clone(), state: state.clone() };
    if !state.ready.replace(true) {
        const NAMES: [&str; 4] = ["setTimeout", "setInterval", "clearTimeout", "clearInterval"];
        let state = Rc::downgrade(&state);
        context.define_lazy_globals(&NAMES, true, move |context| match state.upgrade() {
            Some(state) => install(context, &state),
            None => Ok(()),
        })?;
    }
    Ok(handle)
}

fn install(context: &Context, state: &Rc<State>) -> Result<(), Error> {
    let weak = Rc::downgrade(state);
    let register = context.function("__timers_register", move |ctx: Context, delay: f64, repeat: bool| {
        let state = weak.upgrade().filter(|s| !s.disposed.get());
        let Some((execute, _)) = state.as_ref().and_then(|s| s.glue.get()) else {
            return Err(HostError::dom(DomExceptionName::InvalidStateError, "the timers were disposed of"));
        };
        let execute = execute.clone();
        let delay = Duration::from_millis(delay.max(0.0) as u64);
        ctx.add_timer(
            delay,
            repeat.then_some(delay),
            Rc::new(move |ctx, id| ctx.call(&execute, vec![id.into()]).map(|_| ()).map_err(Into::into)),
        )
    });
    let clear = context.function("__timers_clear", |ctx: Context, id: u32| ctx.remove_timer(id).then_some(true));
    let exports = context.install(&GLUE, vec![register, clear])?;
    let function = |name: &str| match exports.get(name) {
        Some(Value::Function(f)) => Ok(f.clone()),
        _ => Err(Error::new(ErrorKind::Engine, "the timers' glue is not whole")),
    };
    let _ = state.glue.set((function("execute")?, function("clear")?));
    Ok(())
}

impl TimersHandle {
    /// Moves the virtual clock forward by `time` and fires what becomes due on the way; see [`Context::tick`].
    ///
    /// # Errors
    /// Only if the context is stopped.
    pub fn tick(&self, time: Duration) -> Result<(), Error> {
        self.context.tick(time)
    }

    /// Removes every pending timer.
    pub fn clear_all(&self) {
        self.context.clear_timers();
        if let Some((_, clear)) = self.state.glue.get() {
            // A stopped context has no callbacks to forget.
            let _ = self.context.call(clear, vec![]);
        }
    }

    /// How many timers are pending; an interval counts once.
    pub fn pending(&self) -> usize {
        self.context.pending_timers()
    }

    /// Removes every pending timer, and refuses new ones with an `InvalidStateError`.
    pub fn dispose(&self) {
        self.clear_all();
        self.state.disposed.set(true);
    }
}
