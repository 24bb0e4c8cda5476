//! What travels through the pipeline: batches of work, in the order of the walk.

use std::sync::{Arc, OnceLock};

use orlop_chunker::ChunkId;
use orlop_repo::keys::SealedBlock;
use orlop_repo::model::Extent;
use orlop_repo::tree::{Entry, FileClass};

use crate::classify::{Class, Effort};
use crate::fs::{Change, Item, Meta, Stat};
use crate::memory::Share;

/// Consecutive work of the walk. Its new chunks become one block.
pub(super) struct Batch {
    /// Position among all batches, from 0.
    pub(super) number: u64,
    /// What is to be done, in order.
    pub(super) work: Vec<Work>,
    /// Its part of the memory budget, held until its entries stand in the tree.
    pub(super) share: Share,
}

/// One piece of work.
pub(super) enum Work {
    /// An entry that is known already: nothing changed since the parent snapshot.
    Inherit(Placed),
    /// A file that fits a batch: to be opened, read and cut.
    File(Pending),
    /// Anything that has no content: its attributes are to be read.
    Other(Pending),
    /// A large file of that class begins, or begins again because it changed while it was read.
    Begin(Class),
    /// A run of the large file without stored bytes.
    Gap(Extent),
    /// Bytes of the large file and the lengths of the chunks that they are cut into.
    Piece {
        /// The bytes.
        data: Vec<u8>,
        /// Lengths of the chunks in order; they add up to the bytes.
        cuts: Vec<u32>,
        /// How hard to compress them.
        effort: Effort,
    },
    /// The large file ends.
    End(Box<LargeFile>),
    /// The stream ends; its entry was made up.
    EndStream(Placed),
    /// A file that comes from another repository ends.
    EndCopy(Placed, Option<Leader>),
    /// Another name of a large file that was read in this run.
    Link(Link),
}

/// The entry of a large file, once it stands in the tree.
pub(super) type Leader = Arc<OnceLock<Entry>>;

/// Another name of a large file that was read in this run.
pub(super) struct Link {
    /// Key prefix of the folder.
    pub(super) parent: Arc<[u8]>,
    /// The name.
    pub(super) name: Box<[u8]>,
    /// The name that came first. It comes first in the tree too, so it is there by then.
    pub(super) leader: Leader,
    /// What the parent has, if the two are to be compared.
    pub(super) expected: Option<Box<Entry>>,
}

/// An entry and the folder it stands in.
pub(super) struct Placed {
    /// Key prefix of the folder.
    pub(super) parent: Arc<[u8]>,
    /// The entry.
    pub(super) entry: Entry,
}

/// Something that has to be looked at.
pub(super) struct Pending {
    /// What the walk saw.
    pub(super) item: Item,
    /// What the parent snapshot has in its place.
    pub(super) old: Option<Box<Entry>>,
    /// It looks unchanged and is read all the same: a difference is an alarm.
    pub(super) sample: bool,
}

/// What is known of a large file after its last byte.
pub(super) struct LargeFile {
    pub(super) pending: Pending,
    pub(super) stat: Stat,
    pub(super) meta: Meta,
    pub(super) class: Class,
    pub(super) change: Option<Change>,
    /// Why the rest could not be read, if it could not.
    pub(super) error: Option<String>,
    /// Where its other names look for its entry.
    pub(super) leader: Option<Leader>,
}

/// A batch that was worked off.
pub(super) struct Done {
    pub(super) number: u64,
    pub(super) share: Share,
    /// The block of its new chunks.
    pub(super) block: Option<NewBlock>,
    /// What goes into the tree, in order.
    pub(super) steps: Vec<Step>,
}

/// A sealed block and what is in it.
pub(super) struct NewBlock {
    pub(super) sealed: SealedBlock,
    pub(super) chunks: Vec<(ChunkId, u32)>,
}

/// One step towards the tree.
pub(super) enum Step {
    /// A finished entry.
    Entry(Placed),
    /// An entry whose content has still to be found a place.
    File {
        /// The entry, without content.
        placed: Placed,
        /// Its content.
        content: Vec<Piece>,
        /// What the parent has, if the two are to be compared.
        expected: Option<Box<Entry>>,
    },
    /// A large file begins (again).
    Begin {
        /// How it is cut, which decides how its content is paged.
        class: FileClass,
    },
    /// More of its content.
    Content(Vec<Piece>),
    /// It ends.
    End {
        /// The entry, without content.
        placed: Placed,
        /// What the parent has, if the two are to be compared.
        expected: Option<Box<Entry>>,
        /// Where its other names look for its entry.
        leader: Option<Leader>,
    },
    /// Another name of a large file that has ended.
    Link(Link),
}

/// A piece of content whose place may not be known yet.
#[derive(Clone, Copy)]
pub(super) enum Piece {
    /// Known.
    Extent(Extent),
    /// A chunk whose block is being made: by this batch, or by another at the same time.
    Awaited {
        /// Its id.
        id: ChunkId,
        /// Its length in bytes.
        len: u32,
    },
}
