//! Looking into a snapshot: entries by path, ranges of them, content of files.

use std::sync::Arc;

use bytes::Bytes;
use orlop_repo::model::{ChunkRef, Extent};
use orlop_repo::repository::{BlockReader, Repository, TreePages};
use orlop_repo::seal::BlockKind;
use orlop_repo::snapshot::Snapshot;
use orlop_repo::tree::{
    Content, Entry, EntryKey, Extents, KeyRange, TreeCursor, child_prefix, lookup,
};
use tokio::runtime::Handle;

use super::failure::Failure;
use super::human;

/// Data chunks that are announced ahead, so that neighbours come in one request.
const AHEAD: usize = 16;

/// A snapshot that is open for reading. Everything blocks; not for the runtime's own threads.
pub(super) struct Browse {
    /// The record.
    pub(super) snapshot: Arc<Snapshot>,
    pages: TreePages,
    data: BlockReader,
    runtime: Handle,
}

impl Browse {
    /// Opens `snapshot`; keeps up to `cache` bytes of pages and as many of data.
    pub(super) fn new(repository: &Arc<Repository>, snapshot: Arc<Snapshot>, cache: u64) -> Self {
        let runtime = Handle::current();
        Self {
            snapshot,
            pages: TreePages::new(repository.clone(), runtime.clone(), cache),
            data: BlockReader::new(repository.clone(), BlockKind::Data, cache),
            runtime,
        }
    }

    /// The key of a path given by its components.
    pub(super) fn key(path: &[Vec<u8>]) -> Result<EntryKey, Failure> {
        let Some((name, folders)) = path.split_last() else {
            return Ok(EntryKey::root());
        };
        let parent = folders
            .iter()
            .fold(Vec::new(), |parent, folder| child_prefix(&parent, folder));
        EntryKey::new(&parent, name)
            .map_err(|error| Failure::usage("that path cannot be in a snapshot").because(error))
    }

    /// The entry at `key`.
    pub(super) fn entry(&self, key: &EntryKey) -> Result<Entry, Failure> {
        self.pages.open_root(&self.snapshot.root.0);
        lookup(&self.pages, &self.snapshot.root.0, key)
            .map_err(|error| self.unreadable().because(error))?
            .ok_or_else(|| {
                Failure::new(format!(
                    "there is no {} in snapshot {:.8}",
                    human::name(&shown(key)),
                    self.snapshot.id
                ))
                .next(format!(
                    "`orlop ls {:.8}` shows its top folder, `orlop find NAME` looks for a name",
                    self.snapshot.id
                ))
            })
    }

    /// The entries of a range, with their paths, in the order of their keys.
    pub(super) fn entries(
        &self,
        range: KeyRange,
    ) -> impl Iterator<Item = Result<Listed, Failure>> + '_ {
        TreeCursor::new(&self.pages, self.snapshot.root.0, range).map(|located| {
            let located = located.map_err(|error| self.unreadable().because(error))?;
            Ok(Listed {
                path: slashed(&located.parent, &located.entry.name),
                parent: located.parent,
                entry: located.entry,
            })
        })
    }

    /// The content of a file, piece by piece, holes as zeros.
    pub(super) fn content(&self, entry: &Entry) -> FileContent<'_> {
        let inline = match &entry.content {
            Content::Inline(bytes) => Some(Bytes::copy_from_slice(bytes)),
            _ => None,
        };
        FileContent {
            browse: self,
            inline,
            extents: self.extents(entry),
            ahead: std::collections::VecDeque::new(),
            zeros: 0,
        }
    }

    /// The extents of a file.
    pub(super) fn extents(&self, entry: &Entry) -> Extents<'_, TreePages> {
        Extents::new(&self.pages, &entry.content)
    }

    fn unreadable(&self) -> Failure {
        Failure::new(format!(
            "cannot read the tree of snapshot {:.8}",
            self.snapshot.id
        ))
        .next("run `orlop check`")
    }

    fn chunk(&self, chunk: &ChunkRef) -> Result<Bytes, Failure> {
        match self.data.cached(chunk) {
            Some(bytes) => bytes,
            None => self.runtime.block_on(self.data.read(chunk)),
        }
        .map_err(|error| {
            Failure::new("cannot read the content of a file")
                .because(error)
                .next("run `orlop check`")
        })
    }
}

/// An entry and where it stands.
#[derive(Debug)]
pub(super) struct Listed {
    /// With a leading slash; `/` is the top folder.
    pub(super) path: Vec<u8>,
    /// Key prefix of its folder.
    pub(super) parent: Arc<[u8]>,
    /// What it is.
    pub(super) entry: Entry,
}

/// The path of a key, with a leading slash.
pub(super) fn shown(key: &EntryKey) -> Vec<u8> {
    slashed(key.parent(), key.name())
}

fn slashed(parent: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = vec![b'/'];
    path.extend(
        parent
            .iter()
            .map(|byte| if *byte == 0 { b'/' } else { *byte }),
    );
    path.extend_from_slice(name);
    path
}

/// Pieces of a file, in order.
pub(super) struct FileContent<'b> {
    browse: &'b Browse,
    inline: Option<Bytes>,
    extents: Extents<'b, TreePages>,
    ahead: std::collections::VecDeque<Extent>,
    /// Zeros still to be given.
    zeros: u64,
}

/// Zeros are given in pieces of this size.
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

impl FileContent<'_> {
    fn step(&mut self) -> Result<Option<Bytes>, Failure> {
        if let Some(bytes) = self.inline.take() {
            return Ok(Some(bytes));
        }
        if self.zeros == 0 {
            if self.ahead.is_empty() {
                self.fill()?;
            }
            match self.ahead.pop_front() {
                None => return Ok(None),
                Some(Extent::Data(chunk)) => return self.browse.chunk(&chunk).map(Some),
                Some(other) => self.zeros = other.len(),
            }
        }
        let piece = usize::try_from(self.zeros).map_or(ZEROS.len(), |left| left.min(ZEROS.len()));
        self.zeros -= piece as u64;
        Ok(Some(Bytes::from_static(&ZEROS).slice(..piece)))
    }

    /// Takes the next extents and announces their chunks.
    fn fill(&mut self) -> Result<(), Failure> {
        for extent in self.extents.by_ref().take(AHEAD) {
            let extent = extent.map_err(|error| self.browse.unreadable().because(error))?;
            self.ahead.push_back(extent);
        }
        let chunks: Vec<_> = self
            .ahead
            .iter()
            .filter_map(|extent| match extent {
                Extent::Data(chunk) => Some(*chunk),
                _ => None,
            })
            .collect();
        self.browse
            .runtime
            .block_on(self.browse.data.prefetch(&chunks));
        Ok(())
    }
}

impl Iterator for FileContent<'_> {
    type Item = Result<Bytes, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}
