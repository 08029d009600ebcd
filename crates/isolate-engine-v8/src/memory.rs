//! The memory limit.
//!
//! V8 enforces a limit on its heap alone. The bytes of buffers come from here, and together with what the host holds and
//! what the heap had after its last collection they must fit into the same limit. When V8 is refused bytes it collects
//! garbage and asks again, up to [`ATTEMPTS`] times in all; only then is the context stopped.

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc};
use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use isolate_engine::{Charge, Interrupter, MemoryAccount, MemoryUsage, Termination};

/// How often V8 asks for the bytes of one buffer.
const ATTEMPTS: u32 = 4;
/// What the largest object takes: an array of 2²⁷ elements, or a string of 2²⁹ characters of two bytes.
pub(crate) const LARGEST: usize = 1 << 30;
/// How much more heap a guest gets once it is stopped, so that V8 can unwind it rather than end the process: the object
/// that it was about to make, with the one that it is made of.
const UNWIND: usize = 2 * LARGEST + (64 << 20);

/// What one context uses, told by V8 from its own threads too.
pub(crate) struct Memory {
    limit: Option<usize>,
    interrupter: Interrupter,
    account: MemoryAccount,
    /// Bytes of buffers that V8 allocated here.
    buffers: AtomicUsize,
    /// Bytes of the host's that the guest sees as buffers: V8 counts them itself.
    lent: AtomicUsize,
    /// What V8 was told of the other bytes that the host holds.
    told: AtomicUsize,
    /// Bytes of the heap after the last collection.
    heap: AtomicUsize,
    peak: AtomicUsize,
    refused: AtomicU32,
    /// The next buffer is the host's own, which has looked for room itself.
    granted: AtomicBool,
}

impl Memory {
    /// Below this there is no room for an empty context.
    pub(crate) const LEAST: usize = 1 << 20;

    pub(crate) fn new(limit: Option<usize>, interrupter: Interrupter, account: MemoryAccount) -> Arc<Self> {
        Arc::new(Self {
            limit,
            interrupter,
            account,
            buffers: AtomicUsize::new(0),
            lent: AtomicUsize::new(0),
            told: AtomicUsize::new(0),
            heap: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
            refused: AtomicU32::new(0),
            granted: AtomicBool::new(false),
        })
    }

    /// How V8 is to divide the limit: all of it for what lives long, so that no guest is stopped before it has had its due,
    /// and a part of it again for what is young. The sum of both is looked at after each collection.
    pub(crate) fn heap(&self, params: v8::CreateParams) -> v8::CreateParams {
        let Some(limit) = self.limit else { return params };
        params.set_max_old_generation_size_in_bytes(limit).set_max_young_generation_size_in_bytes(Self::young(limit))
    }

    fn young(limit: usize) -> usize {
        const LEAST: usize = 3 << 19;
        const MOST: usize = 48 << 20;
        (limit / 4).clamp(LEAST, MOST)
    }

    /// Whether the heap has more than V8 would let it have, garbage included: V8 makes a large object if what it has
    /// without is within the bounds.
    pub(crate) fn is_beyond(&self) -> bool {
        self.limit.is_some_and(|limit| self.heap.load(Ordering::Relaxed) > limit.saturating_add(Self::young(limit)))
    }

    pub(crate) fn allocator(self: &Arc<Self>) -> v8::UniqueRef<v8::Allocator> {
        static FUNCTIONS: v8::RustAllocatorVtable<Memory> =
            v8::RustAllocatorVtable { allocate, allocate_uninitialized, free, drop: release };
        // SAFETY: the reference that is given away is taken back by `release`, and the functions fit the type.
        unsafe { v8::new_rust_allocator(Arc::into_raw(self.clone()), &FUNCTIONS) }
    }

    /// Heap, buffers and what the host holds.
    fn total(&self) -> usize {
        self.heap.load(Ordering::Relaxed) + self.buffers.load(Ordering::Relaxed) + self.account.bytes()
    }

    /// Bytes for a small buffer of the host's making, for which there is room. V8 ends the process if it gets none here, so
    /// it does, also if the context has been stopped since.
    pub(crate) fn backing_store(
        &self,
        scope: &mut v8::PinScope<'_, '_>,
        length: usize,
    ) -> v8::UniqueRef<v8::BackingStore> {
        self.granted.store(true, Ordering::Relaxed);
        let store = v8::ArrayBuffer::new_backing_store(scope, length);
        self.granted.store(false, Ordering::Relaxed);
        store
    }

    pub(crate) fn over(&self, bytes: usize) -> bool {
        self.limit.is_some_and(|limit| self.total().checked_add(bytes).is_none_or(|sum| sum > limit))
    }

    /// Whether `bytes` more of the host's would pass the limit; then the context is stopped.
    pub(crate) fn refuses(&self, bytes: usize) -> bool {
        let over = self.over(bytes);
        if over {
            self.interrupter.terminate(Termination::Memory);
        } else {
            self.note();
        }
        over
    }

    fn note(&self) {
        self.peak.fetch_max(self.total(), Ordering::Relaxed);
    }

    /// The heap has this many bytes now. Returns whether all together is too much.
    pub(crate) fn set_heap(&self, bytes: usize) -> bool {
        self.heap.store(bytes, Ordering::Relaxed);
        self.account.note_engine(bytes + self.buffers.load(Ordering::Relaxed));
        self.note();
        self.over(0)
    }

    pub(crate) fn account(&self) -> MemoryAccount {
        self.account.clone()
    }

    pub(crate) fn usage(&self) -> MemoryUsage {
        let mut usage = MemoryUsage::default();
        usage.engine = self.heap.load(Ordering::Relaxed) + self.buffers.load(Ordering::Relaxed);
        usage.host = self.account.bytes();
        usage.peak = self.peak.load(Ordering::Relaxed).max(usage.total());
        usage.limit = self.limit;
        usage
    }

    pub(crate) fn charge(&self, bytes: usize) -> Charge {
        let charge = self.account.add(bytes);
        self.note();
        charge
    }

    /// As [`charge`](Self::charge), of bytes that the guest sees as a buffer until the result is dropped.
    pub(crate) fn lend(self: &Arc<Self>, bytes: usize) -> Lent {
        self.lent.fetch_add(bytes, Ordering::Relaxed);
        Lent { memory: self.clone(), charge: self.charge(bytes) }
    }

    /// What V8 has not been told yet of what the host holds for the guest, if it is worth telling: without, it would see
    /// no reason to collect a small object that keeps much alive on the host.
    pub(crate) fn untold(&self) -> i64 {
        const WORTH: i64 = 1 << 20;
        let held = self.account.bytes().saturating_sub(self.lent.load(Ordering::Relaxed));
        let more = held as i64 - self.told.load(Ordering::Relaxed) as i64;
        if more.abs() < WORTH {
            return 0;
        }
        self.told.store(held, Ordering::Relaxed);
        more
    }

    pub(crate) fn stop(&self) {
        self.interrupter.terminate(Termination::Memory);
    }

    fn take(&self, len: usize, zeroed: bool) -> *mut c_void {
        if len == 0 {
            return ptr::without_provenance_mut(ALIGN);
        }
        let granted = self.granted.swap(false, Ordering::Relaxed);
        let stopped = self.interrupter.stopped().is_some();
        if !granted && (stopped || self.over(len)) {
            let refused = self.refused.fetch_add(1, Ordering::Relaxed) + 1;
            if !stopped && (refused >= ATTEMPTS || self.limit.is_some_and(|limit| len > limit)) {
                self.stop();
            }
            return ptr::null_mut();
        }
        let Ok(layout) = Layout::from_size_align(len, ALIGN) else { return ptr::null_mut() };
        // SAFETY: the layout is not empty.
        let p = unsafe { if zeroed { alloc_zeroed(layout) } else { alloc(layout) } };
        if !p.is_null() {
            self.refused.store(0, Ordering::Relaxed);
            self.buffers.fetch_add(len, Ordering::Relaxed);
            self.note();
        }
        p.cast()
    }
}

/// Bytes that the guest sees as a buffer.
pub(crate) struct Lent {
    memory: Arc<Memory>,
    charge: Charge,
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.memory.lent.fetch_sub(self.charge.bytes(), Ordering::Relaxed);
    }
}

const ALIGN: usize = 16;

unsafe extern "C" fn allocate(memory: &Memory, len: usize) -> *mut c_void {
    memory.take(len, true)
}

unsafe extern "C" fn allocate_uninitialized(memory: &Memory, len: usize) -> *mut c_void {
    memory.take(len, false)
}

unsafe extern "C" fn free(memory: &Memory, data: *mut c_void, len: usize) {
    if len == 0 || data.is_null() {
        return;
    }
    memory.buffers.fetch_sub(len, Ordering::Relaxed);
    if let Ok(layout) = Layout::from_size_align(len, ALIGN) {
        // SAFETY: allocated by `take` with this layout.
        unsafe { dealloc(data.cast(), layout) };
    }
}

unsafe extern "C" fn release(memory: *const Memory) {
    // SAFETY: the reference that `allocator` gave away.
    drop(unsafe { Arc::from_raw(memory) });
}

/// Asked for more heap when the limit is near: the guest is stopped, and gets room for its unwinding.
pub(crate) unsafe extern "C" fn near_heap_limit(data: *mut c_void, current: usize, initial: usize) -> usize {
    // SAFETY: the context keeps its memory for longer than its isolate.
    let memory = unsafe { &*data.cast::<Memory>() };
    memory.stop();
    if current > initial {
        // It was stopped, and has filled all that room since: it does not stop. V8 would end the process now; only this
        // thread ends instead, as far as a thread can.
        loop {
            std::thread::park();
        }
    }
    current.saturating_add(UNWIND)
}
