//! The part of a snapshot that is restored.

use orlop_repo::model::{ChunkRef, SnapshotId};
use orlop_repo::repository::{TreeError, TreePages};
use orlop_repo::snapshot::Snapshot;
use orlop_repo::tree::{
    Entry, EntryKey, EntryKind, KeyRange, Located, PageFailure, TreeCursor, lookup,
};

use super::RestoreError;
use crate::fs::RelPath;

/// A folder of a snapshot with all beneath it, or another single entry.
pub(super) struct Part<'s> {
    pub(super) pages: &'s TreePages,
    pub(super) snapshot: SnapshotId,
    pub(super) root: ChunkRef,
    /// The entry that was named.
    pub(super) entry: Entry,
    /// Why that is not known: then `entry` is made up, a folder that nobody else may enter.
    pub(super) unknown: Option<Box<PageFailure<TreeError>>>,
    /// Key prefix that the target stands for.
    prefix: Vec<u8>,
    range: KeyRange,
}

impl<'s> Part<'s> {
    /// Finds `path`, raw bytes with slashes; leading and trailing slashes do not count.
    ///
    /// If its own entry is lost with a page of the tree it is taken for a folder: what is beneath
    /// it may be there still.
    pub(super) fn find(
        pages: &'s TreePages,
        snapshot: &Snapshot,
        path: &[u8],
    ) -> Result<Self, RestoreError> {
        let root = snapshot.root.0;
        let shown = || String::from_utf8_lossy(path).into_owned();
        let names: Vec<_> = path
            .split(|&byte| byte == b'/')
            .filter(|name| !name.is_empty())
            .collect();
        let key =
            EntryKey::from_path(&names.join(&b'/')).map_err(|source| RestoreError::BadPath {
                path: shown(),
                source,
            })?;
        pages.open_root(&root);
        let (entry, unknown) = match lookup(pages, &root, &key) {
            Ok(Some(entry)) => (entry, None),
            Ok(None) => return Err(RestoreError::NoSuchPath { path: shown() }),
            Err(failure) if failure.source.is_damage() => {
                (unknown_folder(key.name()), Some(failure))
            }
            Err(failure) => return Err(failure.into()),
        };
        let (prefix, range) = if entry.kind == EntryKind::Folder {
            (key.prefix(), KeyRange::descendants(&key))
        } else {
            (key.parent().to_vec(), KeyRange::entry(&key))
        };
        Ok(Self {
            pages,
            snapshot: snapshot.id,
            root,
            entry,
            unknown,
            prefix,
            range,
        })
    }

    /// Whether it is a folder, which the target stands for.
    pub(super) fn is_folder(&self) -> bool {
        self.entry.kind == EntryKind::Folder
    }

    /// Whether it is the whole snapshot.
    pub(super) fn is_all(&self) -> bool {
        self.is_folder() && self.prefix.is_empty()
    }

    /// What comes into the target, in the order of the keys.
    pub(super) fn entries(&self) -> TreeCursor<'s, TreePages> {
        TreeCursor::new(self.pages, self.root, self.range.clone())
    }

    /// Where an entry comes beneath the target: the folder's prefix there.
    pub(super) fn parent<'p>(&self, located: &'p Located) -> &'p [u8] {
        located.parent.get(self.prefix.len()..).unwrap_or_default()
    }

    /// Key prefix in the snapshot of the folder `parent` beneath the target.
    pub(super) fn full_prefix(&self, parent: &[u8]) -> Vec<u8> {
        [&self.prefix, parent].concat()
    }

    /// The entry of a folder beneath the target; nothing if the tree has none, or if it is lost
    /// with its page.
    pub(super) fn folder(&self, path: &RelPath) -> Result<Option<Entry>, RestoreError> {
        let Some((parent, name)) = path.split_last() else {
            return Ok(Some(self.entry.clone()));
        };
        let shown = || path.to_string();
        let key = EntryKey::new(&self.full_prefix(parent), name).map_err(|source| {
            RestoreError::BadPath {
                path: shown(),
                source,
            }
        })?;
        match lookup(self.pages, &self.root, &key) {
            Ok(entry) => Ok(entry),
            Err(failure) if failure.source.is_damage() => Ok(None),
            Err(failure) => Err(failure.into()),
        }
    }
}

/// What a folder is taken for whose entry is lost: nobody else may enter it, for what it keeps
/// may have been private.
pub(crate) fn unknown_folder(name: &[u8]) -> Entry {
    let mut entry = Entry::new(name.to_vec(), EntryKind::Folder);
    entry.mode = 0o700;
    entry
}
