//! Entries of a tree: what is recorded of a folder, a file, a link, a device.

use orlop_chunker::ChunkId;

use super::key::{KeyError, check_name};
use crate::model::{ChunkRef, Extent};

/// Most extents that an entry holds itself; longer lists stand in content pages.
pub const MAX_INLINE_EXTENTS: usize = 16;

/// Most bytes of content that an entry holds itself.
pub const MAX_INLINE_DATA: usize = 128;

/// Largest chunk or page in bytes.
pub const MAX_CHUNK_LEN: u32 = 1 << 20;

/// Highest level of a page: far above what the largest tree needs, a bound on depth.
pub const MAX_LEVEL: u8 = 31;

/// What an entry is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum EntryKind {
    /// A folder.
    Folder,
    /// A regular file.
    File,
    /// A symbolic link.
    Symlink,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A kind that this version does not know, at least 7. Reported, never inherited.
    Unknown(u8),
}

impl EntryKind {
    /// The number in the format.
    pub const fn number(self) -> u8 {
        match self {
            Self::Folder => 0,
            Self::File => 1,
            Self::Symlink => 2,
            Self::CharDevice => 3,
            Self::BlockDevice => 4,
            Self::Fifo => 5,
            Self::Socket => 6,
            Self::Unknown(number) => number,
        }
    }

    /// The kind of a number.
    pub const fn from_number(number: u8) -> Self {
        match number {
            0 => Self::Folder,
            1 => Self::File,
            2 => Self::Symlink,
            3 => Self::CharDevice,
            4 => Self::BlockDevice,
            5 => Self::Fifo,
            6 => Self::Socket,
            _ => Self::Unknown(number),
        }
    }
}

/// How a file is cut into chunks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum FileClass {
    /// By content.
    #[default]
    General,
    /// At multiples of a fixed size: disk images and devices.
    Paged,
    /// One chunk: small files.
    Whole,
    /// At multiples of a smaller fixed size: databases.
    Database,
    /// By content, into longer chunks: what does not compress.
    Dense,
    /// A class that this version does not know, at least 5. Reading needs no class.
    Unknown(u8),
}

impl FileClass {
    /// The number in the format.
    pub const fn number(self) -> u8 {
        match self {
            Self::General => 0,
            Self::Paged => 1,
            Self::Whole => 2,
            Self::Database => 3,
            Self::Dense => 4,
            Self::Unknown(number) => number,
        }
    }

    /// The class of a number.
    pub const fn from_number(number: u8) -> Self {
        match number {
            0 => Self::General,
            1 => Self::Paged,
            2 => Self::Whole,
            3 => Self::Database,
            4 => Self::Dense,
            _ => Self::Unknown(number),
        }
    }
}

/// A point in time: seconds since 1970, negative before, and nanoseconds after that second.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Timestamp {
    /// Whole seconds, rounded towards the past.
    pub secs: i64,
    /// Nanoseconds, below 1,000,000,000.
    pub nanos: u32,
}

/// What the writer noticed about an entry. Unknown bits are kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Notes(u32);

impl Notes {
    /// The file changed while it was read: its content may mix two states.
    pub const CHANGED: Self = Self(1);
    /// Part of the content could not be read and is missing.
    pub const READ_ERROR: Self = Self(2);
    /// The next backup must read the file even if its times and size look unchanged.
    pub const UNTRUSTED: Self = Self(4);

    /// Nothing noticed.
    pub const fn none() -> Self {
        Self(0)
    }

    /// Wraps the bits of the format.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The bits of the format.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether every note of `other` is set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets of notes.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What a file contains.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Content {
    /// Nothing: an empty file, or an entry that is no file.
    #[default]
    None,
    /// The bytes themselves, 1 to [`MAX_INLINE_DATA`].
    Inline(Vec<u8>),
    /// 1 to [`MAX_INLINE_EXTENTS`] extents in file order.
    Extents(Vec<Extent>),
    /// More extents, in content pages.
    Indirect {
        /// The topmost page.
        root: ChunkRef,
        /// Its level; 0 holds extents.
        level: u8,
    },
}

impl Content {
    /// Whether both are the same bytes in the same extents, wherever the chunks stand.
    ///
    /// False does not mean different bytes: content pages differ when a chunk has moved.
    pub fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Extents(a), Self::Extents(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_extent(a, b))
            }
            (Self::Indirect { root: a, level: x }, Self::Indirect { root: b, level: y }) => {
                a.id == b.id && x == y
            }
            _ => self == other,
        }
    }
}

fn same_extent(a: &Extent, b: &Extent) -> bool {
    match (a, b) {
        (Extent::Data(a), Extent::Data(b)) => a.id == b.id && a.len == b.len,
        _ => a == b,
    }
}

/// One entry of a tree. Its folder is not part of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Raw bytes; empty only for the root.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// The 12 permission bits.
    pub mode: u16,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Last change of the content.
    pub mtime: Timestamp,
    /// Last change of the inode, to notice changes; never restored.
    pub ctime: Timestamp,
    /// Bytes; of a file exactly the sum of its extents.
    pub size: u64,
    /// Inode number at the source, to notice changes.
    pub inode: u64,
    /// Keyed name of the inode that several entries share.
    pub link_group: Option<[u8; 16]>,
    /// Major and minor number of a device.
    pub rdev: Option<(u32, u32)>,
    /// Where a symbolic link points, raw bytes.
    pub target: Option<Vec<u8>>,
    /// Extended attributes: names and values, names ascending and distinct.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// Inode flags as `FS_IOC_GETFLAGS` gives them; 0 for none.
    pub flags: u32,
    /// Project id; 0 for none.
    pub project: u32,
    /// How it is cut.
    pub class: FileClass,
    /// What it contains.
    pub content: Content,
    /// When it was made, if the source knows.
    pub btime: Option<Timestamp>,
    /// What the writer noticed.
    pub notes: Notes,
    /// Device number of the source; only together with `link_group`.
    pub device: Option<u64>,
}

/// An entry that breaks a rule of the format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// The name cannot stand in a tree.
    #[error("illegal name")]
    Name {
        /// What is wrong with it.
        source: KeyError,
    },
    /// A mode with more than the 12 permission bits.
    #[error("mode {mode:#o} has more than 12 bits")]
    Mode {
        /// The mode.
        mode: u16,
    },
    /// A time with a billion nanoseconds or more.
    #[error("a time has {nanos} nanoseconds")]
    Nanos {
        /// The nanoseconds.
        nanos: u32,
    },
    /// The size of a file is not what its content adds up to.
    #[error("a file of {size} bytes has content of {content} bytes")]
    Size {
        /// The size.
        size: u64,
        /// The sum of its content.
        content: u64,
    },
    /// Extents that add up to more than a 64-bit number.
    #[error("the extents of a file add up to more than 2^64 bytes")]
    SizeOverflow,
    /// Content of an entry that is no file.
    #[error("an entry of kind {kind} has content")]
    ContentOfOther {
        /// Number of its kind.
        kind: u8,
    },
    /// No bytes, no extents, or too many to stand in an entry.
    #[error("{len} bytes or extents cannot stand in an entry")]
    InlineLen {
        /// How many.
        len: usize,
    },
    /// An extent or a reference whose length is not allowed.
    #[error("a length of {len} is outside 1 to {max}")]
    ExtentLen {
        /// The length in bytes.
        len: u64,
        /// The most that is allowed.
        max: u64,
    },
    /// A level above [`MAX_LEVEL`].
    #[error("level {level} is above {MAX_LEVEL}")]
    Level {
        /// The level.
        level: u8,
    },
    /// Attribute names that are empty, hold a zero byte, do not ascend, or stand twice.
    #[error("the names of the extended attributes are empty, illegal or out of order")]
    Xattrs,
    /// A target that is empty, holds a zero byte, or belongs to something that is no link.
    #[error("illegal target of a symbolic link")]
    Target,
    /// A source device without a link group.
    #[error("a device of the source without a link group")]
    Device,
}

impl Entry {
    /// An entry without owner, times and content.
    pub fn new(name: impl Into<Vec<u8>>, kind: EntryKind) -> Self {
        Self {
            name: name.into(),
            kind,
            mode: 0,
            uid: 0,
            gid: 0,
            mtime: Timestamp::default(),
            ctime: Timestamp::default(),
            size: 0,
            inode: 0,
            link_group: None,
            rdev: None,
            target: None,
            xattrs: Vec::new(),
            flags: 0,
            project: 0,
            class: FileClass::default(),
            content: Content::None,
            btime: None,
            notes: Notes::none(),
            device: None,
        }
    }

    /// What it adds to the total bytes of a tree: the size of a file, else nothing.
    pub fn file_bytes(&self) -> u64 {
        if self.kind == EntryKind::File {
            self.size
        } else {
            0
        }
    }

    /// Whether both are the same in every field, wherever their chunks stand.
    pub fn same(&self, other: &Self) -> bool {
        // Exhaustive, so that a new field cannot be forgotten here.
        let Self {
            name,
            kind,
            mode,
            uid,
            gid,
            mtime,
            ctime,
            size,
            inode,
            link_group,
            rdev,
            target,
            xattrs,
            flags,
            project,
            class,
            content,
            btime,
            notes,
            device,
        } = self;
        *name == other.name
            && *kind == other.kind
            && (*mode, *uid, *gid) == (other.mode, other.uid, other.gid)
            && (*mtime, *ctime, *btime) == (other.mtime, other.ctime, other.btime)
            && (*size, *inode) == (other.size, other.inode)
            && (*link_group, *rdev, *device) == (other.link_group, other.rdev, other.device)
            && *target == other.target
            && *xattrs == other.xattrs
            && (*flags, *project, *class, *notes)
                == (other.flags, other.project, other.class, other.notes)
            && content.same(&other.content)
    }

    /// An upper bound of its encoded length in bytes.
    pub(super) fn len_bound(&self) -> usize {
        // Everything but the name, the target and the attributes is below this.
        const REST: usize = 4096;
        let attributes: usize = self
            .xattrs
            .iter()
            .map(|(name, value)| name.len() + value.len() + 16)
            .sum();
        let target = self.target.as_ref().map_or(0, Vec::len);
        self.name.len() + target + attributes + REST
    }

    /// Every chunk and page that the entry names directly.
    pub fn refs(&self) -> impl Iterator<Item = &ChunkRef> {
        let (extents, root) = match &self.content {
            Content::None | Content::Inline(_) => (&[][..], None),
            Content::Extents(extents) => (&extents[..], None),
            Content::Indirect { root, .. } => (&[][..], Some(root)),
        };
        let data = extents.iter().filter_map(|extent| match extent {
            Extent::Data(chunk) => Some(chunk),
            _ => None,
        });
        data.chain(root)
    }

    /// Ids of what [`refs`](Self::refs) gives.
    pub fn ids(&self) -> impl Iterator<Item = ChunkId> {
        self.refs().map(|chunk| chunk.id)
    }

    /// Checks every rule of the format that needs no other entry. An empty name passes: whether
    /// it may stand is known to whoever knows the folder.
    pub fn check(&self) -> Result<(), EntryError> {
        if !self.name.is_empty() {
            check_name(&self.name).map_err(|source| EntryError::Name { source })?;
        }
        if self.mode > 0o7777 {
            return Err(EntryError::Mode { mode: self.mode });
        }
        for time in [Some(self.mtime), Some(self.ctime), self.btime]
            .into_iter()
            .flatten()
        {
            if time.nanos >= 1_000_000_000 {
                return Err(EntryError::Nanos { nanos: time.nanos });
            }
        }
        if let Some(target) = &self.target
            && (self.kind != EntryKind::Symlink || target.is_empty() || target.contains(&0))
            && !matches!(self.kind, EntryKind::Unknown(_))
        {
            return Err(EntryError::Target);
        }
        if self.device.is_some() && self.link_group.is_none() {
            return Err(EntryError::Device);
        }
        self.check_xattrs()?;
        self.check_content()
    }

    fn check_xattrs(&self) -> Result<(), EntryError> {
        let legal = |name: &[u8]| !name.is_empty() && !name.contains(&0);
        if self.xattrs.iter().all(|(name, _)| legal(name))
            && self.xattrs.is_sorted_by(|(a, _), (b, _)| a < b)
        {
            Ok(())
        } else {
            Err(EntryError::Xattrs)
        }
    }

    fn check_content(&self) -> Result<(), EntryError> {
        let sum = match &self.content {
            Content::None => 0,
            Content::Inline(data) => {
                if data.is_empty() || data.len() > MAX_INLINE_DATA {
                    return Err(EntryError::InlineLen { len: data.len() });
                }
                data.len() as u64
            }
            Content::Extents(extents) => {
                if extents.is_empty() || extents.len() > MAX_INLINE_EXTENTS {
                    return Err(EntryError::InlineLen { len: extents.len() });
                }
                let mut sum = 0u64;
                for extent in extents {
                    sum = add_extent(sum, extent)?;
                }
                sum
            }
            Content::Indirect { root, level } => {
                if *level > MAX_LEVEL {
                    return Err(EntryError::Level { level: *level });
                }
                check_ref(root)?;
                // The pages know; whoever reads them compares.
                self.size
            }
        };
        match self.kind {
            EntryKind::Unknown(_) => Ok(()),
            EntryKind::File if sum == self.size => Ok(()),
            EntryKind::File => Err(EntryError::Size {
                size: self.size,
                content: sum,
            }),
            _ if self.content == Content::None => Ok(()),
            kind => Err(EntryError::ContentOfOther {
                kind: kind.number(),
            }),
        }
    }
}

/// Checks an extent and adds its length to `sum`.
pub(super) fn add_extent(sum: u64, extent: &Extent) -> Result<u64, EntryError> {
    match extent {
        Extent::Data(chunk) => check_ref(chunk)?,
        _ if extent.is_empty() => {
            return Err(EntryError::ExtentLen {
                len: 0,
                max: u64::MAX,
            });
        }
        _ => {}
    }
    sum.checked_add(extent.len())
        .ok_or(EntryError::SizeOverflow)
}

/// Checks the length of a chunk or page.
pub(super) fn check_ref(chunk: &ChunkRef) -> Result<(), EntryError> {
    if (1..=MAX_CHUNK_LEN).contains(&chunk.len) {
        Ok(())
    } else {
        Err(EntryError::ExtentLen {
            len: u64::from(chunk.len),
            max: u64::from(MAX_CHUNK_LEN),
        })
    }
}
