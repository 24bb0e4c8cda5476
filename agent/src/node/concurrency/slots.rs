//! So many volumes at once, within one memory budget.

use std::num::NonZeroU32;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::memory::{MIN_BUDGET, MemoryPlan};

/// No machine moves more at once, and a semaphore has a limit.
const MOST: u32 = 1 << 16;

/// The budget is less than what one volume needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a memory budget of {budget} bytes is less than the {MIN_BUDGET} that moving one volume takes: \
     allow more with --memory, or raise the container's limit"
)]
pub struct TooLittleMemory {
    /// Bytes of the budget.
    pub budget: u64,
}

/// The volumes that may be moved at once, backups and restores together. Cheap to clone.
///
/// Each has the same part of the budget, whether the others run or not: so what is allowed never
/// depends on who came first, and all together never exceed it.
#[derive(Debug, Clone)]
pub struct Slots {
    free: Arc<Semaphore>,
    allowed: u32,
    share: u64,
}

/// The right to move one volume; the next one may when it is dropped.
#[derive(Debug)]
pub struct Slot {
    /// How this volume's memory is shared out.
    pub memory: MemoryPlan,
    _permit: OwnedSemaphorePermit,
}

impl Slots {
    /// Up to `wanted` volumes at once within `budget` bytes: fewer if each would have less than
    /// [`MIN_BUDGET`].
    ///
    /// # Errors
    ///
    /// [`TooLittleMemory`] if the budget is too small for one.
    pub fn new(wanted: NonZeroU32, budget: u64) -> Result<Self, TooLittleMemory> {
        let fit = u32::try_from(budget / MIN_BUDGET).unwrap_or(u32::MAX);
        let allowed = wanted.get().min(fit).min(MOST);
        if allowed == 0 {
            return Err(TooLittleMemory { budget });
        }
        Ok(Self {
            free: Arc::new(Semaphore::new(allowed as usize)),
            allowed,
            share: budget / u64::from(allowed),
        })
    }

    /// How many may be moved at once. Less than was wanted means that memory is what bounds them,
    /// which is worth saying once.
    pub fn allowed(&self) -> u32 {
        self.allowed
    }

    /// Bytes that each may use.
    pub fn share(&self) -> u64 {
        self.share
    }

    /// A slot, if one is free; otherwise ask again later.
    pub fn try_take(&self) -> Option<Slot> {
        let permit = Arc::clone(&self.free).try_acquire_owned().ok()?;
        Some(self.slot(permit))
    }

    /// Waits for a slot, in the order of those who wait. May be dropped at any time.
    pub async fn take(&self) -> Option<Slot> {
        // Fails only where the semaphore was closed, which nobody does.
        let permit = Arc::clone(&self.free).acquire_owned().await.ok()?;
        Some(self.slot(permit))
    }

    fn slot(&self, permit: OwnedSemaphorePermit) -> Slot {
        Slot {
            memory: MemoryPlan::new(self.share),
            _permit: permit,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn slots(wanted: u32, budget: u64) -> Slots {
        Slots::new(NonZeroU32::new(wanted).unwrap(), budget).unwrap()
    }

    /// Bytes that a plan may use, all in all.
    fn sum(plan: &MemoryPlan) -> u64 {
        MemoryPlan::FIXED
            + plan.buffers()
            + plan.session_index
            + plan.block_cache
            + plan.sorter
            + plan.links
    }

    #[test]
    fn all_at_once_never_exceed_the_budget() {
        for budget in [48, 95, 96, 256, 300, 1024, 4096].map(|mib: u64| mib << 20) {
            for wanted in [1, 2, 3, 5, 8, 40, u32::MAX] {
                let slots = slots(wanted, budget);
                let mut held = Vec::new();
                while let Some(slot) = slots.try_take() {
                    held.push(slot);
                }
                assert_eq!(held.len(), slots.allowed() as usize);
                assert!(slots.allowed() <= wanted);
                let all: u64 = held.iter().map(|slot| sum(&slot.memory)).sum();
                assert!(all <= budget, "{wanted} within {budget}: {all}");
            }
        }
    }

    #[test]
    fn memory_bounds_how_many_there_are() {
        assert_eq!(slots(3, 256 << 20).allowed(), 3);
        assert_eq!(slots(9, 256 << 20).allowed(), 5);
        assert_eq!(slots(9, 256 << 20).share(), (256 << 20) / 5);
        let error = Slots::new(NonZeroU32::MIN, MIN_BUDGET - 1).unwrap_err();
        assert!(error.to_string().contains("--memory"));
    }

    #[test]
    fn a_slot_comes_back_when_it_is_dropped_and_goes_to_who_waits() {
        let slots = slots(1, 256 << 20);
        let held = slots.try_take().unwrap();
        assert!(slots.try_take().is_none());
        let mut waiting = Box::pin(slots.take());
        assert!((&mut waiting).now_or_never().is_none());
        drop(held);
        // Whoever waits comes before whoever asks now.
        assert!(slots.clone().try_take().is_none());
        assert!(waiting.now_or_never().flatten().is_some());
        assert!(slots.try_take().is_some());
    }
}
