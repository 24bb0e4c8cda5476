//! What log entries say (FORMAT.md section 10.1).

use minicbor::{Decode, Encode};

use crate::model::{KeyCommitment, ObjectHash, ObjectName, PackSet, SessionId, SnapshotId};
use crate::snapshot::{RootRef, Snapshot};

/// An index segment as entries name it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Encode, Decode)]
pub struct SegmentRef {
    /// Session that wrote it.
    #[n(0)]
    pub session: SessionId,
    /// Its number in that session.
    #[n(1)]
    pub number: u32,
    /// Stored length in bytes.
    #[n(2)]
    pub len: u64,
    /// Hash of its stored bytes.
    #[n(3)]
    pub hash: ObjectHash,
}

impl SegmentRef {
    /// Its name in the store.
    pub fn name(&self) -> ObjectName {
        ObjectName::segment(self.session, self.number)
    }
}

/// Who opened a session, and so what it may append.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum Role {
    /// Makes a snapshot.
    #[n(1)]
    Writer,
    /// Marks, sweeps, repacks, merges.
    #[n(2)]
    Maintainer,
    /// Reads a snapshot and wants it kept while it does.
    #[n(3)]
    Reader,
}

/// Declares the body of one kind: a CBOR map. Empty sets and lists are written and must be there;
/// only what is optional is left out.
macro_rules! body {
    ($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $n:literal $field:ident: $ty:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Debug, Encode, Decode)]
        #[cbor(map)]
        pub struct $name {
            $($(#[$fdoc])* #[n($n)] pub $field: $ty,)*
        }
    };
}

body!(
    /// First entry of the first log generation.
    Init {
        /// Hash of `meta/format`.
        0 format: ObjectHash,
        /// Slots made at init: name and hash.
        1 slots: Vec<(String, ObjectHash)>,
    }
);
body!(
    /// Opens a session.
    Begin {
        /// The session; new.
        0 session: SessionId,
        /// Snapshot whose tree may be taken over without looking chunks up.
        1 base: Option<SnapshotId>,
        /// Dead sessions whose last checkpoint is carried on.
        2 adopts: Vec<SessionId>,
        /// UID of the object that asked for the work.
        3 owner: Option<String>,
        /// What the session is for.
        4 role: Role,
        /// Free text for people: program and version.
        5 client: String,
        /// Whose data a writer saves, as its snapshot will say: another backup of that volume
        /// finds the session by it and carries its work on.
        6 volume: Option<String>,
    }
);
body!(
    /// Names what a session has uploaded and relies on so far.
    Checkpoint {
        /// The session.
        0 session: SessionId,
        /// Own packs since the last checkpoint.
        1 packs: PackSet,
        /// Segments since the last checkpoint.
        2 segments: Vec<SegmentRef>,
        /// Packs relied on since the last checkpoint.
        3 relied: PackSet,
        /// Tree of what is finished; holds for whoever adopts this checkpoint.
        4 partial: Option<RootRef>,
        /// Packs of dead sessions that no entry had named.
        5 adopted: PackSet,
    }
);
body!(
    /// Ends a session with a snapshot. The first six fields are a checkpoint's.
    Commit {
        /// The session.
        0 session: SessionId,
        /// Own packs since the last checkpoint.
        1 packs: PackSet,
        /// Segments since the last checkpoint.
        2 segments: Vec<SegmentRef>,
        /// Packs relied on since the last checkpoint.
        3 relied: PackSet,
        /// Packs of dead sessions that no entry had named.
        5 adopted: PackSet,
        /// What is there from now on.
        6 snapshot: Snapshot,
    }
);
body!(
    /// Drops snapshots.
    Forget {
        /// Live snapshots.
        0 snapshots: Vec<SnapshotId>,
    }
);
body!(
    /// Brings forgotten snapshots back.
    Unforget {
        /// The session that verified them.
        0 session: SessionId,
        /// Forgotten snapshots.
        1 snapshots: Vec<SnapshotId>,
        /// Packs that they need.
        3 relied: PackSet,
    }
);
body!(
    /// Announces that packs are unreferenced.
    Condemn {
        /// The packs.
        0 packs: PackSet,
        /// Dead sessions whose checkpoint can no longer be adopted.
        1 broken: Vec<SessionId>,
        /// Other objects: side objects, folds, orphaned segments.
        2 others: Vec<String>,
    }
);
body!(
    /// Declares condemned packs dead for ever. Their deletion follows.
    Sweep {
        /// The packs.
        0 packs: PackSet,
        /// Segments that go with them.
        1 segments: Vec<SegmentRef>,
        /// Other objects.
        2 others: Vec<String>,
    }
);
body!(
    /// Says that everything a `Sweep` named has been deleted.
    Swept {
        /// Number of the `Sweep`.
        0 sweep: u64,
    }
);
body!(
    /// Adds places of chunks that were copied out of old packs.
    Relocate {
        /// The maintainer's session.
        0 session: SessionId,
        /// Segments with the new places.
        1 segments: Vec<SegmentRef>,
        /// Packs copied from.
        2 old: PackSet,
        /// Packs copied to.
        3 keepers: PackSet,
    }
);
body!(
    /// Replaces segments by fewer with the same content.
    MergeIndex {
        /// The session that wrote them.
        0 session: SessionId,
        /// New segments.
        1 added: Vec<SegmentRef>,
        /// Segments that they replace.
        2 removed: Vec<SegmentRef>,
    }
);
body!(
    /// Says where a fold is.
    FoldAt {
        /// Number of the last entry in it.
        0 number: u64,
        /// Its name.
        1 name: String,
        /// Hash of its stored bytes.
        2 hash: ObjectHash,
    }
);
body!(
    /// Adds a key slot.
    SlotAdd {
        /// Its name.
        0 name: String,
        /// Hash of its stored bytes.
        1 hash: ObjectHash,
    }
);
body!(
    /// Removes a key slot.
    SlotRemove {
        /// Its name.
        0 name: String,
    }
);
body!(
    /// Starts a generation of keys: what follows is sealed under it, and its slots alone count.
    Generation {
        /// Its number.
        0 number: u32,
        /// Hash of its object.
        1 hash: ObjectHash,
        /// What its material is known by.
        2 commitment: KeyCommitment,
        /// The slots that open it: name and hash.
        3 slots: Vec<(String, ObjectHash)>,
    }
);
body!(
    /// Names chunks that are gone; nobody may inherit them.
    Lost {
        /// First 16 bytes of each id.
        0 chunks: Vec<minicbor::bytes::ByteArray<16>>,
    }
);
body!(
    /// Names lost chunks that are stored again.
    Found {
        /// First 16 bytes of each id.
        0 chunks: Vec<minicbor::bytes::ByteArray<16>>,
    }
);
body!(
    /// Raises what a client must know.
    Feature {
        /// Needed to read.
        0 read: Vec<String>,
        /// Needed to write.
        1 write: Vec<String>,
        /// Needed to collect.
        2 collect: Vec<String>,
    }
);
body!(
    /// Ends this log generation.
    Close {
        /// The next one.
        0 next: u16,
    }
);
body!(
    /// First entry of a log generation after the first: goes on from the one that was closed.
    Open {
        /// The generation before.
        0 generation: u16,
        /// Number of its `Close`, the one before this entry's.
        1 number: u64,
        /// Hash of its `Close`.
        2 close: ObjectHash,
        /// Name of the fold of the state after it, for when the generation before cannot be read.
        3 fold: String,
        /// Hash of the stored bytes of that fold.
        4 fold_hash: ObjectHash,
    }
);
/// The body of the kinds that name a session and nothing else.
#[derive(Encode, Decode)]
#[cbor(map)]
struct OfSession {
    #[n(0)]
    session: SessionId,
}

/// What an entry says.
#[derive(Clone, PartialEq, Debug)]
#[expect(missing_docs, reason = "each variant is the struct of its name")]
pub enum Body {
    Init(Init),
    Begin(Begin),
    Checkpoint(Checkpoint),
    Commit(Box<Commit>),
    End(SessionId),
    Kill(SessionId),
    Forget(Forget),
    Unforget(Unforget),
    Condemn(Condemn),
    Sweep(Sweep),
    Swept(Swept),
    Relocate(Relocate),
    MergeIndex(MergeIndex),
    Fold(FoldAt),
    SlotAdd(SlotAdd),
    SlotRemove(SlotRemove),
    Generation(Generation),
    Lost(Lost),
    Found(Found),
    Feature(Feature),
    Close(Close),
    Open(Open),
    /// A kind that this version does not know: it may only read from here on.
    Unknown(u16),
}

impl Body {
    /// The number of the kind.
    pub fn kind(&self) -> u16 {
        match self {
            Self::Init(_) => 1,
            Self::Begin(_) => 2,
            Self::Checkpoint(_) => 3,
            Self::Commit(_) => 4,
            Self::End(_) => 5,
            Self::Kill(_) => 6,
            Self::Forget(_) => 7,
            Self::Unforget(_) => 8,
            Self::Condemn(_) => 9,
            Self::Sweep(_) => 10,
            Self::Swept(_) => 11,
            Self::Relocate(_) => 12,
            Self::MergeIndex(_) => 13,
            Self::Fold(_) => 14,
            Self::SlotAdd(_) => 15,
            Self::SlotRemove(_) => 16,
            Self::Generation(_) => 17,
            Self::Lost(_) => 18,
            Self::Found(_) => 19,
            Self::Feature(_) => 20,
            Self::Close(_) => 21,
            Self::Open(_) => 22,
            Self::Unknown(kind) => *kind,
        }
    }

    /// The name of the kind, as the `log` command prints it.
    pub fn kind_name(&self) -> &'static str {
        match self {
            Self::Init(_) => "init",
            Self::Begin(_) => "begin",
            Self::Checkpoint(_) => "checkpoint",
            Self::Commit(_) => "commit",
            Self::End(_) => "end",
            Self::Kill(_) => "kill",
            Self::Forget(_) => "forget",
            Self::Unforget(_) => "unforget",
            Self::Condemn(_) => "condemn",
            Self::Sweep(_) => "sweep",
            Self::Swept(_) => "swept",
            Self::Relocate(_) => "relocate",
            Self::MergeIndex(_) => "merge-index",
            Self::Fold(_) => "fold",
            Self::SlotAdd(_) => "slot-add",
            Self::SlotRemove(_) => "slot-remove",
            Self::Generation(_) => "generation",
            Self::Lost(_) => "lost",
            Self::Found(_) => "found",
            Self::Feature(_) => "feature",
            Self::Close(_) => "close",
            Self::Open(_) => "open",
            Self::Unknown(_) => "unknown",
        }
    }

    /// Encodes the body without its kind.
    pub(super) fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        match self {
            Self::Init(body) => e.encode(body)?.ok(),
            Self::Begin(body) => e.encode(body)?.ok(),
            Self::Checkpoint(body) => e.encode(body)?.ok(),
            Self::Commit(body) => e.encode(body)?.ok(),
            Self::End(session) | Self::Kill(session) => {
                e.encode(OfSession { session: *session })?.ok()
            }
            Self::Forget(body) => e.encode(body)?.ok(),
            Self::Unforget(body) => e.encode(body)?.ok(),
            Self::Condemn(body) => e.encode(body)?.ok(),
            Self::Sweep(body) => e.encode(body)?.ok(),
            Self::Swept(body) => e.encode(body)?.ok(),
            Self::Relocate(body) => e.encode(body)?.ok(),
            Self::MergeIndex(body) => e.encode(body)?.ok(),
            Self::Fold(body) => e.encode(body)?.ok(),
            Self::SlotAdd(body) => e.encode(body)?.ok(),
            Self::SlotRemove(body) => e.encode(body)?.ok(),
            Self::Generation(body) => e.encode(body)?.ok(),
            Self::Lost(body) => e.encode(body)?.ok(),
            Self::Found(body) => e.encode(body)?.ok(),
            Self::Feature(body) => e.encode(body)?.ok(),
            Self::Close(body) => e.encode(body)?.ok(),
            Self::Open(body) => e.encode(body)?.ok(),
            Self::Unknown(_) => e.map(0)?.ok(),
        }
    }

    /// Decodes the body of an entry of this kind.
    pub(super) fn decode(
        kind: u16,
        d: &mut minicbor::Decoder<'_>,
    ) -> Result<Self, minicbor::decode::Error> {
        Ok(match kind {
            1 => Self::Init(d.decode()?),
            2 => Self::Begin(d.decode()?),
            3 => Self::Checkpoint(d.decode()?),
            4 => Self::Commit(Box::new(d.decode()?)),
            5 => Self::End(d.decode::<OfSession>()?.session),
            6 => Self::Kill(d.decode::<OfSession>()?.session),
            7 => Self::Forget(d.decode()?),
            8 => Self::Unforget(d.decode()?),
            9 => Self::Condemn(d.decode()?),
            10 => Self::Sweep(d.decode()?),
            11 => Self::Swept(d.decode()?),
            12 => Self::Relocate(d.decode()?),
            13 => Self::MergeIndex(d.decode()?),
            14 => Self::Fold(d.decode()?),
            15 => Self::SlotAdd(d.decode()?),
            16 => Self::SlotRemove(d.decode()?),
            17 => Self::Generation(d.decode()?),
            18 => Self::Lost(d.decode()?),
            19 => Self::Found(d.decode()?),
            20 => Self::Feature(d.decode()?),
            21 => Self::Close(d.decode()?),
            22 => Self::Open(d.decode()?),
            other => {
                d.skip()?;
                Self::Unknown(other)
            }
        })
    }
}
