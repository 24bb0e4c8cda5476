//! Buffers for pieces of large files, used again.

use parking_lot::Mutex;

/// Buffers that are not in use. How many there are is bounded by the memory budget of the pieces
/// that were under way at once; without them every megabyte would cost its page faults.
#[derive(Default)]
pub(super) struct Buffers {
    free: Mutex<Vec<Vec<u8>>>,
}

/// Most buffers that are kept: what the workers of a small machine have under way.
const KEPT: usize = 16;

impl Buffers {
    /// A buffer; what is in it means nothing.
    pub(super) fn take(&self) -> Vec<u8> {
        self.free.lock().pop().unwrap_or_default()
    }

    /// Takes buffers back that nobody reads any more.
    pub(super) fn give_back(&self, buffers: Vec<Vec<u8>>) {
        let mut free = self.free.lock();
        let room = KEPT.saturating_sub(free.len());
        free.extend(buffers.into_iter().take(room));
    }
}
