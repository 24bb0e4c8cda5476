//! What can go wrong with the log.

use crate::model::{NameError, ObjectName};
use crate::seal::{OpenError, SealError};
use crate::slots::SlotError;
use crate::store::StoreError;

/// The log could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The store failed. Try again; nothing is lost. An entry that was being appended may or may
    /// not be written.
    #[error("cannot reach the log")]
    Store(#[source] StoreError),
    /// An entry or fold does not open: damage, or the key of another repository.
    #[error("{object}: cannot be opened")]
    Open {
        /// The object.
        object: ObjectName,
        /// Why.
        #[source]
        source: OpenError,
    },
    /// An entry or fold opens and makes no sense.
    #[error("{object}: {what}")]
    Malformed {
        /// The object.
        object: ObjectName,
        /// What is wrong, as a clause.
        what: String,
    },
    /// The log does not follow on from itself: rolled back, forked, or an entry is missing.
    #[error(
        "{object}: the log is broken ({what}): the store was rolled back, replicated from two \
         sites, or lost an entry; nothing is written until `orlop check` and `orlop repair log` \
         have been run"
    )]
    Broken {
        /// The entry where it was noticed.
        object: ObjectName,
        /// What does not fit, as a clause.
        what: String,
    },
    /// Reading needs a feature that this version does not know.
    #[error("the repository needs a newer version of the program")]
    TooNew,
    /// A newer generation of keys was started, and nothing at hand opens a slot of it.
    #[error(
        "key generation {generation} was started, and no key at hand opens one of its slots: {}",
        slots.join(", ")
    )]
    NewerKeys {
        /// The generation.
        generation: u32,
        /// Names of its slots.
        slots: Vec<String>,
    },
    /// The entry that started a generation of keys is lost, and with it which slots it named.
    #[error(
        "{object}: the entry that started key generation {generation} is lost: which slots it \
         named is not known, so that the log cannot go on without it"
    )]
    GenerationLost {
        /// The first entry that is of that generation, or the last one that is lost.
        object: ObjectName,
        /// The generation.
        generation: u32,
    },
    /// The slots of a newer generation of keys could not be tried.
    #[error("cannot get the keys of generation {generation}")]
    Slots {
        /// The generation.
        generation: u32,
        /// Why.
        #[source]
        source: Box<SlotError>,
    },
    /// There is no log.
    #[error("there is no log in the repository")]
    Empty,
    /// It is not known whether an entry was written: the store gave no clear answer for too long.
    /// The same bytes must be tried again before anything else may be written.
    #[error("{object}: the store does not say whether the entry was written")]
    InDoubt {
        /// The entry.
        object: ObjectName,
        /// The last error; none if the store said that the entry exists and did not show it.
        #[source]
        source: Option<StoreError>,
    },
    /// An entry could not be sealed.
    #[error("cannot seal {object}")]
    Seal {
        /// The object.
        object: ObjectName,
        /// Why.
        #[source]
        source: SealError,
    },
    /// A name that an entry gives is no object name.
    #[error("an entry names no object")]
    Name(#[from] NameError),
}

impl LogError {
    /// Whether stored bytes are wrong, as opposed to a store that does not answer.
    ///
    /// What is of a generation of keys that is not known counts, too: its number may be what is
    /// damaged.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Open { .. }
            | Self::Malformed { .. }
            | Self::Broken { .. }
            | Self::GenerationLost { .. }
            | Self::Name(_)
            | Self::Empty => true,
            Self::Store(source) => source.is_damage(),
            Self::Slots { source, .. } => source.is_damage(),
            Self::InDoubt { .. } | Self::Seal { .. } | Self::TooNew | Self::NewerKeys { .. } => {
                false
            }
        }
    }

    /// Whether something is sealed under a generation of keys that is not at hand.
    pub(super) fn lacks_keys(&self) -> bool {
        self.lacking_keys().is_some()
    }

    /// The generation of keys that something seems to be sealed under, if that is not at hand.
    pub(super) fn lacking_keys(&self) -> Option<u32> {
        match self {
            Self::Open {
                source: OpenError::UnknownGeneration { generation, .. },
                ..
            } => Some(*generation),
            _ => None,
        }
    }
}
