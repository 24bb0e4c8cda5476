//! The system's allocator, which says how much was held at a time.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);
static START: AtomicUsize = AtomicUsize::new(0);

struct Counted;

#[global_allocator]
static ALLOCATOR: Counted = Counted;

/// Starts counting.
pub(crate) fn begin() {
    let held = HELD.load(Relaxed);
    START.store(held, Relaxed);
    MOST.store(held, Relaxed);
}

/// The most bytes that were held at a time since, beyond those that were held then.
pub(crate) fn most_since_begin() -> usize {
    MOST.load(Relaxed).saturating_sub(START.load(Relaxed))
}

fn add(len: usize) {
    let held = HELD.fetch_add(len, Relaxed).wrapping_add(len);
    MOST.fetch_max(held, Relaxed);
}

// SAFETY: every call is the system's allocator's; the counters allocate nothing.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller's promise is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Relaxed);
        // SAFETY: `at` came from the system's allocator, with this layout.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller's promise is the same.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, len: usize) -> *mut u8 {
        // Old and new may both be there for a moment.
        add(len);
        // SAFETY: `at` came from the system's allocator, with this layout.
        let new = unsafe { System.realloc(at, layout, len) };
        HELD.fetch_sub(layout.size(), Relaxed);
        new
    }
}
