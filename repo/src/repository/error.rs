//! Why a repository could not be made or opened.

use crate::entropy::EntropyError;
use crate::format_object::FormatError;
use crate::keys::GenerationError;
use crate::log::LogError;
use crate::model::ObjectName;
use crate::slots::SlotError;
use crate::store::StoreError;

/// A repository could not be made or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepositoryError {
    /// There is none at that place.
    #[error("{location}: there is no repository")]
    NotFound {
        /// The store.
        location: String,
    },
    /// There is one at that place already.
    #[error("{location}: there is a repository already")]
    Exists {
        /// The store.
        location: String,
    },
    /// None of the keys at hand opens any slot.
    #[error("{location}: no key opens the repository; slots tried: {tried}")]
    NoKey {
        /// The store.
        location: String,
        /// Names of the slots, and why each did not open.
        tried: String,
    },
    /// A repository without a slot could never be opened.
    #[error("a repository needs at least one key slot")]
    NoSlot,
    /// A slot that should open does not.
    #[error("cannot open the repository")]
    Slot(#[from] SlotError),
    /// The slot opens and is not (any more) one that the log names.
    #[error("{slot}: the slot opens, but the log does not name it: it was removed or put back")]
    SlotNotNamed {
        /// Its name.
        slot: String,
    },
    /// The format object is unusable.
    #[error("cannot use the repository")]
    Format(#[from] FormatError),
    /// An older generation of keys is unusable.
    #[error("cannot open an older generation of keys")]
    Generation(#[from] GenerationError),
    /// The repository needs a newer version of the program.
    #[error("the repository needs a newer version of the program (features: {features})")]
    TooNew {
        /// The features that are not known here.
        features: String,
    },
    /// What was written does not read back: the store cannot be trusted.
    #[error("{object} does not read back as it was written")]
    ReadBack {
        /// The object.
        object: ObjectName,
    },
    /// The log could not be read or written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No randomness.
    #[error("cannot make keys")]
    Entropy(#[from] EntropyError),
}
