//! Broken variants of the protocol, each of which some world must catch.

/// One rule that is left out.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Flaw {
    /// A commit is appended without looking at the entries that came before it.
    CommitSkipsFence,
    /// Condemned packs are deleted straight away.
    DeletedWhenCondemned,
    /// A `Condemn` that others came before lets go only what those named, not what the trees hold
    /// that they made roots.
    MarkByNamesOnly,
    /// A fold does not hold what was swept before it.
    FoldForgetsSwept,
    /// Who adopts packs does not ask whether a `Sweep` has named them: a late put is taken for a
    /// pack that is there.
    LatePutAdopted,
    /// What was swept may be stored again under its name: a late delete hits it.
    LateDeleteHits,
    /// `Relocate` takes the entries of the old packs out of the index.
    RelocateDropsEntries,
    /// What a dead session left unnamed is deleted without a `Sweep`.
    OrphanWithoutSweep,
    /// Nobody looks whether their session was killed.
    KillNotLookedFor,
    /// A kill is looked for only in what comes after the prefix that was read first.
    KillInPrefixNotLookedFor,
    /// `Unforget` verifies nothing and names nothing.
    UnforgetWithoutObligations,
    /// `Begin` pins nothing.
    BeginPinsNothing,
    /// `Begin` does not check that its base is live and what it adopts whole.
    BeginChecksNothing,
    /// A client that starts again goes on under the names of the one that died.
    NamesReused,
    /// The mark goes on where a page cannot be read.
    MarkSkipsPages,
    /// A checkpoint that others came before does not add what was decided meanwhile.
    CheckpointOvertaken,
    /// The bond of a keeper never ends.
    BondNeverEnds,
    /// Sweeps do not wait for sessions that were open before the `Condemn`.
    SweepIgnoresIdleSessions,
    /// Checkpoints do not name packs relied on.
    ReliedLeftOut,
    /// A merge drops the entries of condemned packs.
    MergeDropsCondemned,
    /// What was declared lost is inherited.
    LostInherited,
}

/// All of them.
pub const FLAWS: [Flaw; 21] = [
    Flaw::CommitSkipsFence,
    Flaw::DeletedWhenCondemned,
    Flaw::MarkByNamesOnly,
    Flaw::FoldForgetsSwept,
    Flaw::LatePutAdopted,
    Flaw::LateDeleteHits,
    Flaw::RelocateDropsEntries,
    Flaw::OrphanWithoutSweep,
    Flaw::KillNotLookedFor,
    Flaw::KillInPrefixNotLookedFor,
    Flaw::UnforgetWithoutObligations,
    Flaw::BeginPinsNothing,
    Flaw::BeginChecksNothing,
    Flaw::NamesReused,
    Flaw::MarkSkipsPages,
    Flaw::CheckpointOvertaken,
    Flaw::BondNeverEnds,
    Flaw::SweepIgnoresIdleSessions,
    Flaw::ReliedLeftOut,
    Flaw::MergeDropsCondemned,
    Flaw::LostInherited,
];
