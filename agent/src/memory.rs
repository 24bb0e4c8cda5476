//! One memory budget for all parts, counted in bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Condvar, Mutex};

/// The smallest budget that works: below it the fixed parts alone would not fit.
pub const MIN_BUDGET: u64 = 48 << 20;
/// The budget of a process that was given none and has no container limit.
pub const DEFAULT_BUDGET: u64 = 256 << 20;

/// How a budget is shared out.
///
/// The program itself, its threads, the compressors and the TLS stack take [`MemoryPlan::FIXED`];
/// the rest is buffers that the pipeline counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MemoryPlan {
    /// Plaintext in flight between reading and packing, in bytes.
    pub in_flight: u64,
    /// Size at which a pack is closed, in bytes.
    pub pack_target: u32,
    /// Packs that may be uploading at once.
    pub upload_slots: u32,
    /// Places of chunks stored by this session that are kept in memory, in bytes.
    pub session_index: u64,
    /// Opened blocks that readers keep, in bytes.
    pub block_cache: u64,
    /// Names of one folder that are sorted in memory, in bytes.
    pub sorter: u64,
    /// What is known of files with further names, in bytes.
    pub links: u64,
}

impl MemoryPlan {
    /// Memory that does not depend on the budget: measured as the peak of `orlop version` and of
    /// an empty backup with two threads.
    pub const FIXED: u64 = 20 << 20;

    /// Bytes in flight that keep one thread busy: four blocks of a megabyte, each counted three times,
    /// as it was read, as it is sealed, and as it waits for its pack.
    const IN_FLIGHT_PER_THREAD: u64 = 12 << 20;

    /// The plan for that many threads that work: fewer of them need less in flight.
    #[must_use]
    pub fn for_threads(mut self, threads: usize) -> Self {
        let enough = Self::IN_FLIGHT_PER_THREAD.saturating_mul(threads.max(1) as u64);
        self.in_flight = self.in_flight.min(enough);
        self
    }

    /// Shares out `budget` bytes; less than [`MIN_BUDGET`] counts as that.
    pub fn new(budget: u64) -> Self {
        let free = budget.max(MIN_BUDGET) - Self::FIXED;
        // Two packs are filled (data, tree) while the slots upload.
        let upload_slots = if free >= 96 << 20 { 3 } else { 1 };
        let pack = (free / 2 / (2 + u64::from(upload_slots))).clamp(2 << 20, 16 << 20);
        Self {
            in_flight: (free / 5).clamp(4 << 20, 48 << 20),
            pack_target: u32::try_from(pack).unwrap_or(16 << 20),
            upload_slots,
            session_index: (free / 10).clamp(2 << 20, 64 << 20),
            block_cache: (free / 10).clamp(3 << 20, 32 << 20),
            sorter: (free / 20).clamp(1 << 20, 16 << 20),
            links: (free / 50).clamp(512 << 10, 8 << 20),
        }
    }

    /// Bytes of what is read, packed and uploaded: free for other use until a pipeline starts.
    pub fn buffers(&self) -> u64 {
        self.in_flight + u64::from(self.pack_target) * u64::from(2 + self.upload_slots)
    }
}

/// Bytes that may be in use at once. Cheap to clone.
#[derive(Clone)]
pub struct ByteBudget {
    shared: Arc<Shared>,
}

struct Shared {
    total: u64,
    used: Mutex<u64>,
    /// Nobody waits any more.
    open: AtomicBool,
    freed: Condvar,
}

/// A share of a [`ByteBudget`]; given back when dropped.
pub struct Share {
    budget: ByteBudget,
    bytes: u64,
}

impl ByteBudget {
    /// A budget of `total` bytes.
    pub fn new(total: u64) -> Self {
        let shared = Shared {
            total,
            used: Mutex::new(0),
            open: AtomicBool::new(true),
            freed: Condvar::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Waits until `bytes` are free and takes them. More than the whole budget is taken when
    /// nobody else holds any: one request always proceeds.
    pub fn take(&self, bytes: u64) -> Share {
        let mut used = self.shared.used.lock();
        let full = |used: u64| used > 0 && used.saturating_add(bytes) > self.shared.total;
        while full(*used) && self.shared.open.load(Ordering::SeqCst) {
            self.shared.freed.wait(&mut used);
        }
        *used = used.saturating_add(bytes);
        Share {
            budget: self.clone(),
            bytes,
        }
    }

    /// Lets everybody go on who waits, now and later: what they take is of use to nobody, and
    /// they find that out by themselves.
    pub fn release(&self) {
        let used = self.shared.used.lock();
        self.shared.open.store(false, Ordering::SeqCst);
        drop(used);
        self.shared.freed.notify_all();
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut used = self.budget.shared.used.lock();
        *used = used.saturating_sub(self.bytes);
        drop(used);
        self.budget.shared.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_plan_fit_its_budget() {
        for budget in [48, 64, 100, 128, 256, 512, 1024].map(|mib: u64| mib << 20) {
            let plan = MemoryPlan::new(budget);
            let packs = u64::from(plan.pack_target) * u64::from(2 + plan.upload_slots);
            let sum = MemoryPlan::FIXED
                + plan.in_flight
                + packs
                + plan.session_index
                + plan.block_cache
                + plan.sorter
                + plan.links;
            assert!(sum <= budget, "{budget}: {sum} {plan:?}");
        }
    }

    #[test]
    fn few_threads_have_little_in_flight() {
        let plan = MemoryPlan::new(1 << 30);
        assert_eq!(plan.for_threads(2).in_flight, 24 << 20);
        assert_eq!(plan.for_threads(64), plan);
        let small = MemoryPlan::new(MIN_BUDGET);
        assert_eq!(small.for_threads(1), small);
    }

    #[test]
    fn whoever_waits_for_a_share_goes_on_when_the_budget_is_released() {
        let budget = ByteBudget::new(10);
        let held = budget.take(10);
        let waiter = {
            let budget = budget.clone();
            std::thread::spawn(move || drop(budget.take(5)))
        };
        budget.release();
        waiter.join().unwrap();
        drop(held);
    }

    #[test]
    fn a_share_larger_than_the_budget_waits_only_for_the_others() {
        let budget = ByteBudget::new(10);
        let small = budget.take(4);
        let waiter = {
            let budget = budget.clone();
            std::thread::spawn(move || drop(budget.take(100)))
        };
        drop(small);
        waiter.join().unwrap();
        assert_eq!(*budget.shared.used.lock(), 0);
    }
}
