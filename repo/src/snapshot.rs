//! The record of one volume at one time. It travels in the log's `Commit` entries.

mod limits;

use std::collections::BTreeMap;

pub use limits::{
    LabelError, MAX_NAME, MAX_PROBLEM_BYTES, MAX_RECORD, MAX_SOURCE, MAX_TAGS, MAX_VOLUME,
    TAG_COST, check_labels,
};
use minicbor::{Decode, Encode};
use orlop_chunker::ChunkId;

use crate::model::{ChunkRef, PackName, Place, SessionId, SnapshotId};

/// Problems kept in a snapshot; the rest is only counted.
pub const MAX_PROBLEMS: usize = 1_000;

/// One volume at one time (FORMAT.md section 10.3).
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Snapshot {
    /// Its identity.
    #[n(0)]
    pub id: SnapshotId,
    /// When the backup began, milliseconds since 1970.
    #[n(1)]
    pub started_ms: u64,
    /// When its last file was read, milliseconds since 1970.
    #[n(2)]
    pub finished_ms: u64,
    /// Whose data it is: `namespace/claim`, or what the user named.
    #[n(3)]
    pub volume: String,
    /// The user's tags.
    #[n(4)]
    pub tags: BTreeMap<String, String>,
    /// The snapshot it was compared with.
    #[n(5)]
    pub parent: Option<SnapshotId>,
    /// Root page of its tree.
    #[n(6)]
    pub root: RootRef,
    /// What it holds and what it cost.
    #[n(7)]
    pub stats: Statistics,
    /// Files that could not be read or changed while they were, at most [`MAX_PROBLEMS`].
    #[n(8)]
    pub problems: Vec<Problem>,
    /// How many problems there were.
    #[n(9)]
    pub problem_count: u64,
    /// Version of the engine that wrote it.
    #[n(10)]
    pub engine: String,
    /// UID of the object that asked for it; a second commit for one UID is recognised as done.
    #[n(11)]
    pub owner: Option<String>,
    /// What was read.
    #[n(12)]
    pub kind: VolumeKind,
    /// Path that the user named, raw bytes.
    #[n(13)]
    #[cbor(with = "minicbor::bytes")]
    pub source: Vec<u8>,
}

/// What a snapshot was taken of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum VolumeKind {
    /// A folder and all below it.
    #[n(0)]
    Folder,
    /// A stream, stored as one file.
    #[n(1)]
    Stream,
    /// A block device or image, stored as one file.
    #[n(2)]
    Device,
}

/// A file and what was wrong with it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Problem {
    /// Path in the volume, raw bytes.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub path: Vec<u8>,
    /// What happened.
    #[n(1)]
    pub what: String,
}

/// Counts of a snapshot. Bytes are plain ones unless the name says otherwise.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Statistics {
    /// Regular files.
    #[n(0)]
    pub files: u64,
    /// Folders, the top one included.
    #[n(1)]
    pub folders: u64,
    /// Links, devices, fifos, sockets.
    #[n(2)]
    pub others: u64,
    /// Sum of the sizes of the regular files.
    #[n(3)]
    pub bytes: u64,
    /// Plain bytes of the chunks and pages that were new.
    #[n(4)]
    pub added: u64,
    /// Stored bytes of the packs that were written.
    #[n(5)]
    pub added_stored: u64,
    /// Files that the parent did not have.
    #[n(6)]
    pub files_new: u64,
    /// Files that differ from the parent's.
    #[n(7)]
    pub files_changed: u64,
    /// Files taken over from the parent.
    #[n(8)]
    pub files_unmodified: u64,
    /// Folders that the parent did not have.
    #[n(9)]
    pub folders_new: u64,
    /// Folders that differ from the parent's.
    #[n(10)]
    pub folders_changed: u64,
    /// Folders taken over from the parent.
    #[n(11)]
    pub folders_unmodified: u64,
}

/// A page outside any page: identity and place, self-contained.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RootRef(pub ChunkRef);

/// How a [`RootRef`] is encoded.
#[derive(Encode, Decode)]
#[cbor(map)]
struct RawRoot {
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    id: [u8; ChunkId::LEN],
    #[n(1)]
    len: u32,
    #[n(2)]
    session: SessionId,
    #[n(3)]
    number: u32,
    #[n(4)]
    block_offset: u32,
    #[n(5)]
    block_len: u32,
    #[n(6)]
    offset: u32,
}

impl<C> Encode<C> for RootRef {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        let Self(ChunkRef { id, len, place }) = self;
        let raw = RawRoot {
            id: *id.as_bytes(),
            len: *len,
            session: place.pack.session,
            number: place.pack.number,
            block_offset: place.block_offset,
            block_len: place.block_len,
            offset: place.offset,
        };
        raw.encode(e, ctx)
    }
}

impl<'b, C> Decode<'b, C> for RootRef {
    fn decode(d: &mut minicbor::Decoder<'b>, ctx: &mut C) -> Result<Self, minicbor::decode::Error> {
        let raw = RawRoot::decode(d, ctx)?;
        Ok(Self(ChunkRef {
            id: ChunkId::from_bytes(raw.id),
            len: raw.len,
            place: Place {
                pack: PackName {
                    session: raw.session,
                    number: raw.number,
                },
                block_offset: raw.block_offset,
                block_len: raw.block_len,
                offset: raw.offset,
            },
        }))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The largest record that is allowed.
    pub(crate) fn largest() -> Snapshot {
        let id = SnapshotId::from_bytes([0xff; 16]);
        let pack = PackName {
            session: SessionId::from_bytes([0xff; 16]),
            number: u32::MAX,
        };
        let place = Place {
            pack,
            block_offset: u32::MAX,
            block_len: u32::MAX,
            offset: u32::MAX,
        };
        // Tags of one byte cost the most for what they hold, up to 256; then ever longer ones.
        let mut tags = BTreeMap::new();
        let mut left = MAX_TAGS;
        for number in 0.. {
            let key = format!("{number:x}");
            let Some(rest) = left.checked_sub(key.len() + TAG_COST) else {
                break;
            };
            left = rest;
            tags.insert(key, String::new());
        }
        if let Some(mut tag) = tags.first_entry() {
            tag.insert("v".repeat(left));
        }
        let texts = MAX_PROBLEM_BYTES - MAX_PROBLEMS * 60;
        let problem = |n: usize| Problem {
            path: vec![0xff; 30],
            what: "w".repeat(if n == 0 { 30 + texts } else { 30 }),
        };
        let number = u64::MAX;
        Snapshot {
            id,
            started_ms: number,
            finished_ms: number,
            volume: "v".repeat(MAX_VOLUME),
            tags,
            parent: Some(id),
            root: RootRef(ChunkRef {
                id: ChunkId::from_bytes([0xff; ChunkId::LEN]),
                len: u32::MAX,
                place,
            }),
            stats: Statistics {
                files: number,
                folders: number,
                others: number,
                bytes: number,
                added: number,
                added_stored: number,
                files_new: number,
                files_changed: number,
                files_unmodified: number,
                folders_new: number,
                folders_changed: number,
                folders_unmodified: number,
            },
            problems: (0..MAX_PROBLEMS).map(problem).collect(),
            problem_count: number,
            engine: "e".repeat(MAX_NAME),
            owner: Some("o".repeat(MAX_NAME)),
            kind: VolumeKind::Device,
            source: vec![b's'; MAX_SOURCE],
        }
    }
}
