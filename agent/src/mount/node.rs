//! What an inode number stands for.

use std::sync::Arc;

use orlop_repo::model::SnapshotId;
use orlop_repo::tree::{Entry, EntryKey, KeyError, child_prefix};

use super::trees::SnapshotTree;

/// The inode number of the mounted folder: the kernel's.
pub(super) const TOP: u64 = 1;

/// What an inode number stands for.
#[derive(Clone)]
pub(super) enum Node {
    /// The folder above all snapshots.
    Top,
    /// The folder of links to snapshots by their ids.
    Ids,
    /// The folder of volumes.
    Volumes,
    /// The folder of the snapshots of one volume, by its name as a folder.
    Volume(Box<[u8]>),
    /// The link to the newest snapshot.
    Latest,
    /// The link to the newest snapshot of a volume, by its name as a folder.
    LatestOf(Box<[u8]>),
    /// The link to a snapshot by its id.
    Id(SnapshotId),
    /// Something in a snapshot.
    Placed(Arc<Placed>),
}

/// An entry of a snapshot, by where it stands and not by what it is: a folder holds a name and not
/// a path, so that a long path costs each of its folders once.
pub(super) struct Placed {
    pub(super) tree: Arc<SnapshotTree>,
    place: Place,
    pub(super) traits: Traits,
}

/// What is kept of an entry.
#[derive(Clone, Copy)]
pub(super) struct Traits {
    /// What all names of one inode have in common.
    group: Option<[u8; 16]>,
    /// It has no extended attributes: the kernel asks for some of every file.
    pub(super) bare: bool,
}

impl Traits {
    pub(super) fn of(entry: &Entry) -> Self {
        Self {
            group: entry.link_group,
            bare: entry.xattrs.is_empty(),
        }
    }
}

enum Place {
    /// Where a snapshot is looked into: its root, or a folder that was named.
    Top(EntryKey),
    /// A name in a folder.
    In(Arc<Placed>, Box<[u8]>),
}

impl Placed {
    /// The folder where a snapshot is looked into.
    pub(super) fn top(tree: Arc<SnapshotTree>, key: EntryKey) -> Self {
        Self {
            tree,
            place: Place::Top(key),
            traits: Traits {
                group: None,
                bare: false,
            },
        }
    }

    /// The entry `name` of `folder`.
    pub(super) fn below(folder: &Arc<Self>, name: &[u8], traits: Traits) -> Self {
        Self {
            tree: Arc::clone(&folder.tree),
            place: Place::In(Arc::clone(folder), name.into()),
            traits,
        }
    }

    /// Key prefix of what stands in it.
    pub(super) fn prefix(&self) -> Vec<u8> {
        let mut names = Vec::new();
        let mut at = self;
        let mut prefix = loop {
            match &at.place {
                Place::Top(key) => break key.prefix(),
                Place::In(folder, name) => {
                    names.push(name);
                    at = folder;
                }
            }
        };
        for name in names.into_iter().rev() {
            prefix.extend_from_slice(name);
            prefix.push(0);
        }
        prefix
    }

    /// Its key.
    pub(super) fn key(&self) -> Result<EntryKey, KeyError> {
        match &self.place {
            Place::Top(key) => Ok(key.clone()),
            Place::In(folder, name) => EntryKey::new(&folder.prefix(), name),
        }
    }

    /// Its path in the snapshot, with a leading slash.
    pub(super) fn path(&self) -> Vec<u8> {
        let prefix = self.prefix();
        let mut path = vec![b'/'];
        // The prefix ends with a zero byte after the name.
        let inner = prefix.split_last().map_or(&[][..], |(_, inner)| inner);
        path.extend(
            inner
                .iter()
                .map(|&byte| if byte == 0 { b'/' } else { byte }),
        );
        path
    }

    /// Whether it is where the snapshot is looked into.
    pub(super) fn is_top(&self) -> bool {
        matches!(self.place, Place::Top(_))
    }

    fn name(&self) -> &[u8] {
        match &self.place {
            Place::Top(_) => &[],
            Place::In(_, name) => name,
        }
    }
}

impl Node {
    /// What it is called, apart from all others; the same in every mount.
    fn identity(&self) -> Vec<u8> {
        let tagged = |tag: u8, parts: &[&[u8]]| [&[tag][..], &parts.concat()].concat();
        match self {
            Self::Top => tagged(0, &[]),
            Self::Ids => tagged(1, &[]),
            Self::Volumes => tagged(2, &[]),
            Self::Volume(name) => tagged(3, &[name]),
            Self::Latest => tagged(4, &[]),
            Self::LatestOf(name) => tagged(5, &[name]),
            Self::Id(id) => tagged(6, &[id.as_bytes()]),
            Self::Placed(placed) => {
                let id = placed.tree.snapshot.id;
                match &placed.traits.group {
                    Some(group) => tagged(7, &[id.as_bytes(), group]),
                    None => tagged(8, &[id.as_bytes(), &placed.prefix()]),
                }
            }
        }
    }

    /// Its inode number, unless another node has it: the same in every mount.
    ///
    /// 63 bits, since programs exist that take the number for a signed one.
    pub(super) fn number(&self) -> u64 {
        number(&self.identity())
    }

    /// Whether both are one inode.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }

    /// About how many bytes it takes.
    pub(super) fn cost(&self) -> u64 {
        const FIXED: usize = 192;
        let name = match self {
            Self::Placed(placed) => placed.name().len(),
            Self::Volume(name) | Self::LatestOf(name) => name.len(),
            _ => 0,
        };
        (FIXED + name) as u64
    }
}

/// The inode number of `entry` in a folder with the key prefix `prefix`, as [`Node::number`] gives
/// it.
pub(super) fn number_of(snapshot: SnapshotId, prefix: &[u8], entry: &Entry) -> u64 {
    let snapshot = snapshot.as_bytes();
    if let Some(group) = &entry.link_group {
        return number(&[&[7], &snapshot[..], group].concat());
    }
    let below = child_prefix(prefix, &entry.name);
    number(&[&[8], &snapshot[..], &below].concat())
}

fn number(identity: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    blake3::Hasher::new()
        .update(identity)
        .finalize_xof()
        .fill(&mut bytes);
    (u64::from_le_bytes(bytes) >> 1).max(TOP + 1)
}
