//! Why slots could not be changed.

use orlop_repo::log::AppendError;
use orlop_repo::model::NameError;
use orlop_repo::slots::SlotError;
use orlop_repo::store::StoreError;

/// Slots could not be read or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SlotsError {
    /// The store failed. What was removed or added shows the next listing.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// A slot could not be made, or does not open after it was written.
    #[error("a slot cannot be made or opened")]
    Slot(#[from] SlotError),
    /// The log could not be written, or forbids the change.
    #[error("the change is not in the log")]
    Log(#[from] AppendError),
    /// A slot's name is no name of an object.
    #[error("a slot has a name that no object can have")]
    Name(#[from] NameError),
    /// What was written reads back otherwise. The log does not name it.
    #[error("{name} does not read back as it was written")]
    ReadBack {
        /// The slot.
        name: String,
    },
    /// The repository has no such slot, or several.
    #[error("{count} slots have ids that begin with {id:?}")]
    NotOne {
        /// As it was given.
        id: String,
        /// How many there are.
        count: usize,
    },
    /// Nobody could open the repository any more.
    #[error("{name} is the only slot")]
    Last {
        /// The slot.
        name: String,
    },
    /// The slot has just opened the repository: it is not known that another one does.
    #[error("{name} is the slot that this command opened the repository with")]
    InUse {
        /// The slot.
        name: String,
    },
}
