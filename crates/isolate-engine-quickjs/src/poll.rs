//! How a stopped guest is kept from ever running on.
//!
//! QuickJS asks its interrupt handler once in 10,000 calls and jumps. When the handler says stop, it throws an error
//! that no `catch` takes; but an async function turns that error into a rejected promise and returns to its caller as
//! if nothing had happened, and the next question comes only 10,000 steps later. `for (;;) f()` with an async `f` that
//! loops would so never end. The remedy is to ask again at the very next step, for as long as the context is stopped:
//! then the caller's own next step throws too, and so on down to the host.
//!
//! The engine has no call for that; the count-down is a field of its context. Its place is found once per process by
//! watching which word counts down while a script runs, and is then proved by setting it. The pointer to the compiler,
//! which must not see a failed allocation, is found and proved in the same way. If the engine is ever built
//! so that this fails, no context can be made at all.

use std::ffi::{c_char, c_int, c_void};
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use isolate_engine::{EngineError, Interrupter, MemoryAccount};
use rquickjs::qjs;

use crate::arena::{Arena, FUNCTIONS};
use crate::callbacks::Compiler;

/// Where the fields of the engine's context are that it has no calls for, in bytes.
#[derive(Clone, Copy)]
pub(crate) struct Offsets {
    /// The count-down to the next interrupt.
    pub(crate) counter: usize,
    /// The pointer to the compiler.
    pub(crate) compiler: usize,
}

pub(crate) fn offsets() -> Result<Offsets, EngineError> {
    static OFFSETS: OnceLock<Option<Offsets>> = OnceLock::new();
    OFFSETS.get_or_init(find).ok_or_else(|| {
        EngineError::new("this build of QuickJS hides its interrupt counter; a guest could not be stopped")
    })
}

struct Probe {
    ctx: *mut qjs::JSContext,
    /// How many words the context has at most.
    len: usize,
    /// The words of the context each time the handler was asked.
    seen: Vec<Vec<i32>>,
}

impl Probe {
    fn words(&self) -> Vec<i32> {
        // SAFETY: the context's block is live, zeroed when it was made, and has `len` words left.
        (0..self.len).map(|i| unsafe { self.ctx.cast::<i32>().add(i).read() }).collect()
    }

    fn run(&self, code: &std::ffi::CStr) {
        // SAFETY: a live context and NUL-terminated source.
        unsafe {
            let flags = qjs::JS_EVAL_TYPE_GLOBAL as c_int;
            let v = qjs::JS_Eval(self.ctx, code.as_ptr(), code.count_bytes() as _, c"probe".as_ptr(), flags);
            qjs::JS_FreeValue(self.ctx, v);
        }
    }
}

unsafe extern "C" fn watch(_: *mut qjs::JSRuntime, opaque: *mut c_void) -> c_int {
    // SAFETY: `opaque` is the probe on the stack of `find`, which touches it only through this pointer.
    let probe = unsafe { &mut *opaque.cast::<Probe>() };
    let words = probe.words();
    probe.seen.push(words);
    0
}

/// The engine's own compiler, and whether [`witness`] was called in its place.
static OWN: OnceLock<Compiler> = OnceLock::new();
static ASKED: AtomicBool = AtomicBool::new(false);

unsafe extern "C" fn witness(
    ctx: *mut qjs::JSContext,
    this: qjs::JSValue,
    source: *const c_char,
    len: qjs::size_t,
    filename: *const c_char,
    line: c_int,
    flags: c_int,
    scope: c_int,
) -> qjs::JSValue {
    ASKED.store(true, Ordering::Relaxed);
    match OWN.get() {
        // SAFETY: what the engine meant for its own compiler.
        Some(own) => unsafe { own(ctx, this, source, len, filename, line, flags, scope) },
        None => qjs::JS_UNDEFINED,
    }
}

fn find() -> Option<Offsets> {
    let mut arena = Arena::new(None, MemoryAccount::new(), Interrupter::new());
    // SAFETY: the usual life of a runtime, on this thread; the arena outlives it and frees its memory.
    unsafe {
        let rt = qjs::JS_NewRuntime2(&FUNCTIONS, ptr::from_mut(&mut *arena).cast());
        if rt.is_null() {
            return None;
        }
        let ctx = qjs::JS_NewContextRaw(rt);
        if ctx.is_null() || qjs::JS_AddIntrinsicBaseObjects(ctx) != 0 || qjs::JS_AddIntrinsicEval(ctx) != 0 {
            return None;
        }
        let mut probe = Probe { ctx, len: arena.bytes_after(ctx.cast())? / 4, seen: Vec::new() };
        let probe = &raw mut probe;
        qjs::JS_SetInterruptHandler(rt, Some(watch), probe.cast());
        (*probe).run(c"for (let i = 0; i < 50000; i++);");
        let (resting, early) = ((*probe).words(), std::mem::take(&mut (*probe).seen));
        (*probe).run(c"for (let i = 0; i < 300; i++);");
        let later = (*probe).words();
        if early.len() < 3 || !(*probe).seen.is_empty() {
            return None;
        }
        // Whenever the handler is asked the count has just been reset, so it shows the same number each time; and it
        // falls by one a step in between.
        let candidates: Vec<usize> = (0..resting.len())
            .filter(|&i| {
                let reset = early[0][i];
                early.iter().all(|words| words[i] == reset)
                    && (1..reset).contains(&resting[i])
                    && (300..2000).contains(&resting[i].wrapping_sub(later[i]))
            })
            .collect();
        let &[word] = candidates.as_slice() else { return None };
        ctx.cast::<i32>().add(word).write(1);
        (*probe).run(c"for (let i = 0; i < 3; i++);");
        if (*probe).seen.len() != 1 {
            return None;
        }
        // The pointer to the compiler stands in front of the one word that the host may set. Proved by putting in its
        // place a function that notes that it was called.
        let mark = ptr::from_ref(&ASKED).cast_mut().cast::<c_void>();
        qjs::JS_SetContextOpaque(ctx, mark);
        let pointers = (*probe).len * 4 / size_of::<usize>();
        let at = (1..pointers).find(|&i| ctx.cast::<*mut c_void>().add(i).read() == mark)? - 1;
        let compiler = ctx.cast::<Option<Compiler>>().add(at);
        let _ = OWN.set(compiler.replace(Some(witness))?);
        (*probe).run(c"1");
        ASKED.load(Ordering::Relaxed).then_some(Offsets { counter: word * 4, compiler: at * size_of::<usize>() })
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_fields_are_found() {
        assert!(super::offsets().is_ok());
    }
}
