//! The memory of one context.
//!
//! QuickJS takes its allocator as five functions and asks them for slabs of 4 KiB, which it cuts up itself, and for
//! single large blocks. Ours serves three ends that a bare `malloc` cannot:
//!
//! - It knows the moment of exhaustion. In QuickJS running out of memory is an ordinary exception, which a guest can
//!   catch and can forge; the arena's own word is what stops the context.
//! - It gives all memory back at once. A context is dropped by dropping its arena, without walking the engine's heap:
//!   that is fast, and it is safe after a failed allocation, where a reference count that went wrong would otherwise
//!   trip an assertion of the engine and abort the process.
//! - It keeps the slabs of a context that is gone for the next one on the thread.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::RefCell;
use std::ffi::{c_int, c_void};
use std::ptr::{self, NonNull};

use isolate_engine::{Interrupter, MemoryAccount, Termination};
use rquickjs::qjs;
use slab::Slab;

/// What stands in front of each block: its size without this, and its place in [`Arena::blocks`].
const HEADER: usize = 16;
const ALIGN: usize = 16;
/// What a stopped context may still allocate in small blocks, beyond its limit: enough to make the errors that unwind
/// the guest's frames, and for the engine to end what it is in the middle of.
const OVERDRAFT: usize = 1 << 20;
/// What counts as a small block.
const SMALL: usize = 32 << 10;

type Header = [usize; 2];

/// The engine's slabs are a little smaller than this, and most of its memory is in them.
const SLAB: usize = 4096;
/// How many slabs a thread keeps for its next context. What a context frees would else go back to the kernel, and the
/// next one would fault it in again, page by page.
const MOST_SPARE: usize = 128;

/// Slabs of contexts that are gone.
struct Spare(RefCell<Vec<NonNull<u8>>>);

impl Drop for Spare {
    fn drop(&mut self) {
        for base in self.0.get_mut().drain(..) {
            // SAFETY: allocated with this layout, and nothing refers to it.
            unsafe { System.dealloc(base.as_ptr(), Layout::from_size_align_unchecked(SLAB + HEADER, ALIGN)) };
        }
    }
}

thread_local! {
    static SPARE: Spare = const { Spare(RefCell::new(Vec::new())) };
}

fn is_slab(size: usize) -> bool {
    (SLAB / 2..=SLAB).contains(&size)
}

/// Allocates a block with its header in front; a slab always in full size.
fn obtain(size: usize, layout: Layout, zero: bool) -> Option<NonNull<u8>> {
    if is_slab(size) {
        let spare = SPARE.try_with(|spare| spare.0.borrow_mut().pop()).ok().flatten();
        if let Some(base) = spare {
            if zero {
                // SAFETY: a slab has this many bytes.
                unsafe { base.as_ptr().write_bytes(0, SLAB + HEADER) };
            }
            return Some(base);
        }
    }
    // SAFETY: the layout's size is not zero.
    NonNull::new(unsafe { if zero { System.alloc_zeroed(layout) } else { System.alloc(layout) } })
}

/// Gives back a block of [`obtain`].
///
/// # Safety
/// Nothing uses the block any more, and `size` is what it was obtained with.
unsafe fn give_back(base: NonNull<u8>, size: usize) {
    if is_slab(size) {
        let kept = SPARE.try_with(|spare| {
            let mut spare = spare.0.borrow_mut();
            let room = spare.len() < MOST_SPARE;
            if room {
                spare.push(base);
            }
            room
        });
        if kept == Ok(true) {
            return;
        }
    }
    let bytes = if is_slab(size) { SLAB } else { size } + HEADER;
    // SAFETY: as above; a slab was allocated in full size.
    unsafe { System.dealloc(base.as_ptr(), Layout::from_size_align_unchecked(bytes, ALIGN)) };
}

/// The allocator of one context; see the module.
pub(crate) struct Arena {
    blocks: Slab<NonNull<u8>>,
    used: usize,
    peak: usize,
    limit: usize,
    /// Passing this takes the slow way: at the limit, and a little before it, to collect garbage in time.
    soft: usize,
    /// What running compilations may take beyond the limit; see [`Arena::compiling`].
    allowance: usize,
    account: MemoryAccount,
    interrupter: Interrupter,
    rt: *mut qjs::JSRuntime,
    /// The engine's count-down to the next interrupt, once a context exists.
    pub(crate) counter: *mut c_int,
    /// Fault injection: counts down to an allocation that fails.
    fail_in: Option<u64>,
}

fn layout(size: usize) -> Option<Layout> {
    let size = if is_slab(size) { SLAB } else { size };
    Layout::from_size_align(size.checked_add(HEADER)?, ALIGN).ok()
}

impl Arena {
    pub(crate) fn new(limit: Option<usize>, account: MemoryAccount, interrupter: Interrupter) -> Box<Self> {
        let limit = limit.unwrap_or(usize::MAX);
        Box::new(Self {
            blocks: Slab::new(),
            used: 0,
            peak: 0,
            limit,
            soft: limit / 4 * 3,
            allowance: 0,
            account,
            interrupter,
            rt: ptr::null_mut(),
            counter: ptr::null_mut(),
            fail_in: None,
        })
    }

    pub(crate) fn set_runtime(&mut self, rt: *mut qjs::JSRuntime) {
        self.rt = rt;
    }

    pub(crate) fn used(&self) -> usize {
        self.used
    }

    pub(crate) fn peak(&self) -> usize {
        self.peak.max(self.used + self.account.bytes())
    }

    pub(crate) fn limit(&self) -> Option<usize> {
        (self.limit != usize::MAX).then_some(self.limit)
    }

    /// Lets the `n`-th allocation from now fail, as if the limit were reached there.
    pub(crate) fn fail_after(&mut self, n: u64) {
        self.fail_in = Some(n);
        self.soft = 0;
    }

    /// Moves the point at which a collection is asked for back to where it belongs; called between runs.
    pub(crate) fn rest(&mut self) {
        if self.fail_in.is_none() && self.soft != usize::MAX {
            let total = self.used.saturating_add(self.account.bytes());
            self.soft = (self.limit / 4 * 3).max(total.saturating_add(self.limit / 16)).min(self.limit);
        }
    }

    /// Whether `bytes` more would pass the limit. If so the context is stopped.
    pub(crate) fn refuses(&mut self, bytes: usize) -> bool {
        let total = self.used.saturating_add(self.account.bytes()).saturating_add(bytes);
        self.peak = self.peak.max(total.min(self.limit));
        if total > self.limit {
            self.exhausted();
        }
        total > self.limit
    }

    fn exhausted(&mut self) {
        self.interrupter.terminate(Termination::Memory);
        self.ask_at_once();
    }

    /// For a stopped context: makes the next poll come at once.
    pub(crate) fn ask_at_once(&mut self) {
        if !self.counter.is_null() {
            // SAFETY: `counter` points into the context's own block, which lives in this arena; the engine, on this
            // same thread, reads it afresh after any call.
            unsafe { self.counter.write(1) };
        }
    }

    /// A compilation begins that may take this much beyond the limit, or ends. The engine's compiler does not survive
    /// a failed allocation, so while it runs none fails; the context is stopped all the same.
    pub(crate) fn compiling(&mut self, allowance: isize) {
        self.allowance = self.allowance.saturating_add_signed(allowance);
    }

    /// Decides about an allocation that passes `soft`: `bytes` more, which makes `total`.
    #[cold]
    fn slow(&mut self, total: usize, bytes: usize) -> bool {
        if let Some(n) = &mut self.fail_in {
            *n = n.saturating_sub(1);
            if *n == 0 {
                self.fail_in = None;
                self.exhausted();
                self.soft = 0;
            }
        }
        if total > self.limit {
            self.exhausted();
        }
        if self.interrupter.stopped().is_some() {
            let small = if bytes <= SMALL { OVERDRAFT } else { 0 };
            return total <= self.limit.saturating_add(small).saturating_add(self.allowance);
        }
        if self.fail_in.is_none() {
            // Garbage in cycles is only found by a collection, and the engine's own schedule (at 1.5 times what
            // survived the last) may lie beyond the limit. The engine looks at the threshold when it next makes an
            // object, so nothing is collected inside this call.
            // SAFETY: `rt` is the live runtime that is calling us, or null before it exists.
            unsafe {
                if !self.rt.is_null() {
                    qjs::JS_SetGCThreshold(self.rt, 0);
                }
            }
            self.soft = total.saturating_add(self.limit / 32).min(self.limit);
        }
        true
    }

    /// How many bytes follow `inside` in the block that it points into.
    pub(crate) fn bytes_after(&self, inside: *const u8) -> Option<usize> {
        self.blocks.iter().find_map(|(_, payload)| {
            let offset = inside.addr().checked_sub(payload.as_ptr().addr())?;
            usable(payload.as_ptr()).checked_sub(offset).filter(|&n| n > 0)
        })
    }

    fn admit(&mut self, bytes: usize) -> bool {
        let total = self.used.saturating_add(self.account.bytes()).saturating_add(bytes);
        if total > self.soft && !self.slow(total, bytes) {
            return false;
        }
        self.used += bytes;
        self.peak = self.peak.max(total);
        true
    }

    fn alloc(&mut self, size: usize, zero: bool) -> *mut u8 {
        let Some(layout) = layout(size) else {
            // No system could give this, so the guest cannot have it either.
            self.exhausted();
            return ptr::null_mut();
        };
        if !self.admit(layout.size()) {
            return ptr::null_mut();
        }
        let Some(base) = obtain(size, layout, zero) else {
            self.used -= layout.size();
            self.exhausted();
            return ptr::null_mut();
        };
        // SAFETY: the header fits in front of the payload.
        unsafe {
            let payload = base.add(HEADER);
            base.cast::<Header>().write([size, self.blocks.insert(payload)]);
            payload.as_ptr()
        }
    }

    fn free(&mut self, payload: *mut u8) {
        let Some(payload) = NonNull::new(payload) else { return };
        // SAFETY: the engine frees what we gave it, once; the header in front says what it is.
        unsafe {
            let base = payload.sub(HEADER);
            let [size, place] = base.cast::<Header>().read();
            self.blocks.remove(place);
            self.used -= if is_slab(size) { SLAB } else { size } + HEADER;
            give_back(base, size);
        }
    }

    fn realloc(&mut self, payload: *mut u8, size: usize) -> *mut u8 {
        let Some(old) = NonNull::new(payload) else { return self.alloc(size, false) };
        if size == 0 {
            self.free(payload);
            return ptr::null_mut();
        }
        let Some(new_layout) = layout(size) else {
            self.exhausted();
            return ptr::null_mut();
        };
        // SAFETY: as in `free`.
        let (base, [old_size, place]) = unsafe { (old.sub(HEADER), old.sub(HEADER).cast::<Header>().read()) };
        if is_slab(old_size) || is_slab(size) {
            // Slabs are kept in full size, so what becomes or was one moves.
            let new = self.alloc(size, false);
            if !new.is_null() {
                // SAFETY: both blocks are live, distinct, and at least this long.
                unsafe { ptr::copy_nonoverlapping(payload, new, old_size.min(size)) };
                self.free(payload);
            }
            return new;
        }
        if size > old_size && !self.admit(size - old_size) {
            return ptr::null_mut();
        }
        // SAFETY: allocated with this layout; the new size is valid.
        let new = unsafe {
            let old_layout = Layout::from_size_align_unchecked(old_size + HEADER, ALIGN);
            System.realloc(base.as_ptr(), old_layout, new_layout.size())
        };
        let Some(new) = NonNull::new(new) else {
            self.used -= size.saturating_sub(old_size);
            self.exhausted();
            return ptr::null_mut();
        };
        self.used -= old_size.saturating_sub(size);
        // SAFETY: the header moved with the block.
        unsafe {
            let payload = new.add(HEADER);
            new.cast::<Header>().write([size, place]);
            self.blocks[place] = payload;
            payload.as_ptr()
        }
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        for (_, payload) in &self.blocks {
            // SAFETY: as in `free`; nothing uses the context any more.
            unsafe {
                let base = payload.sub(HEADER);
                let [size, _] = base.cast::<Header>().read();
                give_back(base, size);
            }
        }
    }
}

/// How many bytes of payload a block has.
fn usable(payload: *const u8) -> usize {
    if payload.is_null() {
        return 0;
    }
    // SAFETY: every live block has its header in front.
    unsafe { payload.sub(HEADER).cast::<Header>().read()[0] }
}

// The five functions. `opaque` is the arena that was given to `JS_NewRuntime2`, alive until the runtime's last call.

unsafe extern "C" fn js_calloc(opaque: *mut c_void, count: qjs::size_t, size: qjs::size_t) -> *mut c_void {
    let Some(bytes) = (count as usize).checked_mul(size as usize) else { return ptr::null_mut() };
    // SAFETY: see above; the engine calls from the owner thread, and never from inside another of these functions.
    unsafe { &mut *opaque.cast::<Arena>() }.alloc(bytes, true).cast()
}

unsafe extern "C" fn js_malloc(opaque: *mut c_void, size: qjs::size_t) -> *mut c_void {
    // SAFETY: as in `js_calloc`.
    unsafe { &mut *opaque.cast::<Arena>() }.alloc(size as usize, false).cast()
}

unsafe extern "C" fn js_free(opaque: *mut c_void, payload: *mut c_void) {
    // SAFETY: as in `js_calloc`.
    unsafe { &mut *opaque.cast::<Arena>() }.free(payload.cast());
}

unsafe extern "C" fn js_realloc(opaque: *mut c_void, payload: *mut c_void, size: qjs::size_t) -> *mut c_void {
    // SAFETY: as in `js_calloc`.
    unsafe { &mut *opaque.cast::<Arena>() }.realloc(payload.cast(), size as usize).cast()
}

unsafe extern "C" fn js_usable(payload: *const c_void) -> qjs::size_t {
    usable(payload.cast()) as qjs::size_t
}

pub(crate) const FUNCTIONS: qjs::JSMallocFunctions = qjs::JSMallocFunctions {
    js_calloc: Some(js_calloc),
    js_malloc: Some(js_malloc),
    js_free: Some(js_free),
    js_realloc: Some(js_realloc),
    js_malloc_usable_size: Some(js_usable),
};

#[cfg(test)]
mod tests {
    use super::*;

    fn arena(limit: Option<usize>) -> (Box<Arena>, Interrupter) {
        let interrupter = Interrupter::new();
        (Arena::new(limit, MemoryAccount::new(), interrupter.clone()), interrupter)
    }

    #[test]
    fn random_traffic_keeps_its_bytes_and_its_books() {
        let (mut arena, _) = arena(None);
        let mut live: Vec<(*mut u8, usize, u8)> = Vec::new();
        let mut seed = 12345u64;
        let mut random = |n: usize| {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 33) as usize % n
        };
        for round in 0..50_000 {
            let size = if random(20) == 0 { random(100_000) } else { random(600) };
            let fill = round as u8;
            match random(3) {
                0 if !live.is_empty() => {
                    let at = random(live.len());
                    let (p, n, byte) = live.swap_remove(at);
                    // SAFETY: live and `n` bytes long.
                    assert!(unsafe { std::slice::from_raw_parts(p, n) }.iter().all(|b| *b == byte));
                    arena.free(p);
                }
                1 if !live.is_empty() => {
                    let at = random(live.len());
                    let (p, n, byte) = live[at];
                    let new = arena.realloc(p, size.max(1));
                    // SAFETY: live and at least this long.
                    unsafe {
                        assert!(std::slice::from_raw_parts(new, n.min(size)).iter().all(|b| *b == byte));
                        new.write_bytes(fill, size.max(1));
                    }
                    live[at] = (new, size.max(1), fill);
                }
                _ => {
                    let p = arena.alloc(size, true);
                    // SAFETY: just allocated.
                    unsafe {
                        assert!(std::slice::from_raw_parts(p, size).iter().all(|b| *b == 0));
                        p.write_bytes(fill, size);
                    }
                    assert!(usable(p) >= size);
                    live.push((p, size, fill));
                }
            }
        }
        for (p, ..) in live {
            arena.free(p);
        }
        assert_eq!(arena.used(), 0);
    }

    #[test]
    fn the_limit_refuses_and_stops() {
        let (mut arena, interrupter) = arena(Some(1 << 20));
        assert!(!arena.alloc(500_000, false).is_null());
        assert_eq!(interrupter.stopped(), None);
        assert!(arena.alloc(600_000, false).is_null());
        assert_eq!(interrupter.stopped(), Some(Termination::Memory));
        assert!(!arena.alloc(1000, false).is_null(), "small blocks go on");
        assert!(arena.alloc(1 << 20, false).is_null(), "large ones do not");
        while !arena.alloc(1000, false).is_null() {}
        assert!(arena.peak() <= (1 << 20) + OVERDRAFT, "and it has an end");
    }
}
