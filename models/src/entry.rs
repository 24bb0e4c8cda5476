//! What entries of the log say, as far as the model knows.

use crate::sets::{Chunks, Packs, Sessions, Snapshots};

/// Who opened a session.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Role {
    /// Makes a snapshot.
    Writer,
    /// Repacks, merges, brings back.
    Maintainer,
    /// Reads its base.
    Reader,
}

/// What a checkpoint or commit names.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug)]
pub struct Names {
    /// Own packs.
    pub own: Packs,
    /// Segments.
    pub segments: Packs,
    /// Packs relied on.
    pub relied: Packs,
    /// Packs of dead sessions that no entry had named.
    pub adopted: Packs,
}

impl Names {
    /// All packs.
    pub fn all(&self) -> Packs {
        self.own | self.relied | self.adopted
    }
}

/// An entry; sessions and snapshots by their numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Entry {
    /// Opens a session.
    Begin {
        /// The session.
        session: usize,
        /// For what.
        role: Role,
        /// The snapshot that it pins.
        base: Option<usize>,
        /// Dead sessions that it carries on.
        adopts: Sessions,
    },
    /// Names what a session stored; `partial` is the content of its tree so far.
    Checkpoint(usize, Names, Option<Chunks>),
    /// Ends a session with a snapshot.
    Commit(usize, Names, usize),
    /// Ends a session.
    End(usize),
    /// Declares a session dead.
    Kill(usize),
    /// Drops a snapshot.
    Forget(usize),
    /// Brings snapshots back, by a session that relies on packs.
    Unforget(usize, Snapshots, Packs),
    /// Announces packs as unreferenced, dead checkpoints as broken, segments as orphans.
    Condemn(Packs, Sessions, Packs),
    /// Declares packs dead for ever, and segments: live ones, orphaned ones.
    Sweep(Packs, Packs, Packs),
    /// All that the sweep with that number named is deleted.
    Swept(u8),
    /// Adds places: segments, of chunks copied out of old packs into keepers.
    Relocate {
        /// The maintainer's session.
        session: usize,
        /// Segments added.
        segments: Packs,
        /// Copied from.
        old: Packs,
        /// Copied to.
        keepers: Packs,
    },
    /// Replaces segments: added, removed.
    MergeIndex(usize, Packs, Packs),
    /// Says that the state up to here is folded.
    Fold,
    /// Names chunks that are gone.
    Lost(Chunks),
    /// Names lost chunks that are stored again.
    Found(Chunks),
}
