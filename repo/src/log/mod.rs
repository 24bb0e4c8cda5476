//! The repository's history: entries, the state that they add up to, and the chain in the store.
//!
//! ```text
//! entry   what an entry says            (CBOR)
//! frame   how it stands in the store    (sealed, hash-chained, with a tail)
//! state   what all entries add up to    (pure: validate, apply; encodes as a fold)
//! chain   reading, appending, folding   (I/O)
//! audit   one entry or fold by itself   (I/O, for checks)
//! recover what a damaged log still tells (I/O, for repairs)
//! ```

mod audit;
mod chain;
mod entry;
mod error;
mod fold;
mod frame;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod recover;
mod state;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod vectors_tests;

pub use audit::{
    AuditedEntry, entry_place, fold_place, opened_with, read_entry, read_fold, unreadable,
};
pub use chain::{AppendError, Chain, ChainOptions, NewerKeys, Seen};
pub use entry::{
    Begin, Body, Checkpoint, Close, Commit, Condemn, Feature, FoldAt, Forget, Found, Generation,
    Init, Lost, MergeIndex, Open, Relocate, Role, SegmentRef, SlotAdd, SlotRemove, Sweep, Swept,
    Unforget,
};
pub use error::LogError;
pub use frame::Entry;
pub use recover::{BrokenEntries, Recovered, recover};
pub use state::{Invalid, OlderKeys, Session, State};
