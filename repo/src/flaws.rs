//! Rules of the protocol that are left out on purpose.
//!
//! The simulation must notice each of them. Without the feature `flaws`, which nothing but tests
//! turns on, no rule can be left out, and what asks costs nothing.

/// A rule that is left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Flaw {
    /// A commit that others came before is appended without looking at what they said.
    CommitSkipsFence = 1,
    /// Condemned packs are deleted straight away.
    DeletedWhenCondemned,
    /// A `Condemn` that others came before lets go what those named, and not what their trees
    /// reach.
    MarkByNamesOnly,
    /// The state does not keep what was swept.
    SweptForgotten,
    /// A fold does not hold what was swept.
    FoldForgetsSwept,
    /// `Relocate` takes the entries of the old packs out of the index.
    RelocateDropsEntries,
    /// What a dead session left unnamed is deleted without a `Sweep`.
    OrphanWithoutSweep,
    /// A session that was declared dead goes on.
    KillNotLookedFor,
    /// `Unforget` verifies nothing and names nothing.
    UnforgetWithoutObligations,
    /// `Begin` pins nothing.
    BeginPinsNothing,
    /// `Begin` does not ask again whether its base is live and what it adopts is whole.
    BeginChecksNothing,
    /// Who starts again goes on under the names of a session that the log has forgotten.
    NamesReused,
    /// The mark goes on where a page cannot be read.
    MarkSkipsPages,
    /// A checkpoint that others came before does not add what was relied on meanwhile.
    CheckpointOvertaken,
    /// The bond of a keeper never ends.
    BondNeverEnds,
    /// Entries are appended without reading the one before again.
    UnanchoredAppend,
    /// Sweeps do not wait for sessions that were open before the `Condemn`.
    SweepIgnoresIdleSessions,
    /// Checkpoints and commits do not name packs relied on.
    ReliedLeftOut,
    /// A merge of segments drops the entries of condemned packs.
    MergeDropsCondemned,
}

#[cfg(feature = "flaws")]
mod switch {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::Flaw;

    static LEFT_OUT: AtomicU8 = AtomicU8::new(0);

    impl Flaw {
        /// All of them.
        pub const ALL: [Self; 19] = [
            Self::CommitSkipsFence,
            Self::DeletedWhenCondemned,
            Self::MarkByNamesOnly,
            Self::SweptForgotten,
            Self::FoldForgetsSwept,
            Self::RelocateDropsEntries,
            Self::OrphanWithoutSweep,
            Self::KillNotLookedFor,
            Self::UnforgetWithoutObligations,
            Self::BeginPinsNothing,
            Self::BeginChecksNothing,
            Self::NamesReused,
            Self::MarkSkipsPages,
            Self::CheckpointOvertaken,
            Self::BondNeverEnds,
            Self::UnanchoredAppend,
            Self::SweepIgnoresIdleSessions,
            Self::ReliedLeftOut,
            Self::MergeDropsCondemned,
        ];
    }

    /// Leaves one rule out, or none, in this whole process.
    pub fn leave_out(flaw: Option<Flaw>) {
        LEFT_OUT.store(flaw.map_or(0, |flaw| flaw as u8), Ordering::SeqCst);
    }

    /// Whether a rule is left out.
    pub fn is_left_out(flaw: Flaw) -> bool {
        LEFT_OUT.load(Ordering::Relaxed) == flaw as u8
    }
}

#[cfg(feature = "flaws")]
pub use switch::{is_left_out, leave_out};

/// Whether a rule is left out: never.
#[cfg(not(feature = "flaws"))]
#[inline]
pub const fn is_left_out(_: Flaw) -> bool {
    false
}
