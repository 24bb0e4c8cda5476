//! Why an entry may not be appended.

use super::super::entry::SegmentRef;
use crate::model::{PackName, SessionId, SnapshotId};

/// Why an entry may not be appended in a state.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Invalid {
    /// A session of that name exists.
    #[error("session {0} exists already")]
    SessionExists(SessionId),
    /// The session was killed by somebody who took it for dead, or has ended.
    #[error("session {0} is no longer open: it has ended or was declared dead")]
    SessionNotOpen(SessionId),
    /// The snapshot is not live (any more).
    #[error("snapshot {0} is not in the repository (any more)")]
    NoSnapshot(SnapshotId),
    /// The checkpoint of the session cannot be adopted.
    #[error("the checkpoint of session {0} is gone or broken")]
    NotAdoptable(SessionId),
    /// The pack was named by a `Sweep`: its chunks are gone.
    #[error("{0} was swept: what relied on it must be stored again")]
    Swept(PackName),
    /// The pack is in no entry, or belongs to another session.
    #[error("{0} is not known to the log")]
    UnknownPack(PackName),
    /// The pack is condemned, so nothing may move onto it.
    #[error("{0} is condemned")]
    Condemned(PackName),
    /// The pack is not condemned.
    #[error("{0} is not condemned")]
    NotCondemned(PackName),
    /// An open session goes on from the checkpoint of that session.
    #[error("the checkpoint of session {0} is being carried on")]
    Adopted(SessionId),
    /// The pack keeps chunks of a pack that is about to go.
    #[error("{0} keeps chunks of another pack")]
    Bonded(PackName),
    /// An open session may still rely on the pack.
    #[error("session {session} may still rely on {pack}")]
    InUse {
        /// The pack.
        pack: PackName,
        /// The session.
        session: SessionId,
    },
    /// The segment is not (or already) in the index.
    #[error("index segment {}/{} is not in the expected state", .0.session, .0.number)]
    Segment(SegmentRef),
    /// A snapshot of that UID is there: the work is done.
    #[error("the snapshot {0} was already committed for the same owner")]
    AlreadyCommitted(SnapshotId),
    /// The snapshot of that UID was forgotten.
    #[error("a snapshot for owner {0} was stored and forgotten")]
    OwnerForgotten(String),
    /// The object is in use, or nothing that may be collected.
    #[error("{0} may not be collected")]
    NotCollectable(String),
    /// There is no `Sweep` with that number left to finish.
    #[error("entry {0} is no unfinished sweep")]
    NoSweep(u64),
    /// The fold is of an entry that is not there yet.
    #[error("there is no entry {0} to fold")]
    Fold(u64),
    /// A slot of that name is there, or is not, or is the last that opens the repository.
    #[error("key slot {0} is not in the expected state")]
    Slot(String),
    /// A key generation out of turn.
    #[error("key generation {0} is not the next one")]
    Generation(u32),
    /// A generation of keys that no slot opens.
    #[error("a generation of keys needs at least one slot")]
    NoSlots,
    /// The generation of the log is not closed, or was opened already.
    #[error("the log does not go on in another generation here")]
    NotClosed,
    /// The log was closed or holds something newer; only reading is safe.
    #[error("the log needs a newer version of the program: only reading is possible")]
    ReadOnly,
    /// `Init` stands first and only there.
    #[error("an init entry can only be the first one")]
    Init,
}
