//! Putting it together: blocks into packs as they come, entries into the tree in order.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use orlop_repo::explain::explain;
use orlop_repo::model::{ChunkRef, Extent};
use orlop_repo::snapshot::Statistics;
use orlop_repo::tree::{BuildError, ContentBuilder, Entry, EntryKind, TreeBuilder, join_path};

use super::batch::{Done, Link, Piece, Placed, Step};
use super::error::BackupError;
use super::packer::Packer;
use super::pages::Pages;
use super::work::Workshop;
use crate::memory::Share;
use crate::progress::Progress;

/// Builds packs and the tree from finished batches.
pub(super) struct Assembler {
    shop: Arc<Workshop>,
    data: Packer,
    pages: Pages,
    tree: TreeBuilder,
    stats: Statistics,
    /// Content of the large file that is being taken apart.
    large: Option<ContentBuilder>,
    /// Number of the batch whose steps come next.
    next: u64,
    /// Batches that came before their turn.
    early: BTreeMap<u64, Done>,
    /// The batch whose turn it is and which awaits chunks of others.
    current: Option<Current>,
}

/// A batch whose steps go into the tree.
struct Current {
    steps: VecDeque<Step>,
    /// Frees its memory when the last step is done.
    _share: Share,
}

impl Assembler {
    pub(super) fn new(shop: Arc<Workshop>, data: Packer, pages: Pages) -> Self {
        let tree = TreeBuilder::new(Arc::clone(&shop.keys));
        Self {
            shop,
            data,
            pages,
            tree,
            stats: Statistics::default(),
            large: None,
            next: 0,
            early: BTreeMap::new(),
            current: None,
        }
    }

    /// Takes a finished batch, in any order.
    ///
    /// Its block is packed at once, so that the places of its chunks are known to every batch
    /// that awaits them; its entries wait for their turn.
    pub(super) fn take(&mut self, mut done: Done) -> Result<(), BackupError> {
        if let Some(block) = done.block.take() {
            let sealed = Bytes::from(block.sealed.bytes);
            let places = self.data.add(sealed, &block.chunks)?;
            for ((id, len), place) in block.chunks.into_iter().zip(places) {
                self.shop.dedup.publish(ChunkRef { id, len, place });
            }
        }
        self.early.insert(done.number, done);
        self.advance()
    }

    /// Moves as many steps into the tree as have all their places.
    fn advance(&mut self) -> Result<(), BackupError> {
        loop {
            if self.current.is_none() {
                let Some(done) = self.early.remove(&self.next) else {
                    return Ok(());
                };
                self.next += 1;
                self.current = Some(Current {
                    steps: done.steps.into(),
                    _share: done.share,
                });
            }
            let Some(mut current) = self.current.take() else {
                return Ok(());
            };
            while let Some(step) = current.steps.pop_front() {
                if let Some(step) = self.step(step)? {
                    current.steps.push_front(step);
                    self.current = Some(current);
                    return Ok(());
                }
            }
        }
    }

    /// Does a step; gives it back if a chunk has no place yet.
    fn step(&mut self, step: Step) -> Result<Option<Step>, BackupError> {
        match step {
            Step::Entry(placed) => {
                self.enter(&placed)?;
            }
            Step::Begin { class } => {
                self.large = Some(ContentBuilder::new(Arc::clone(&self.shop.keys), class));
            }
            Step::File {
                mut placed,
                content,
                expected,
            } => {
                let Some(extents) = self.resolve(&content)? else {
                    return Ok(Some(Step::File {
                        placed,
                        content,
                        expected,
                    }));
                };
                if !extents.is_empty() {
                    let keys = Arc::clone(&self.shop.keys);
                    let mut builder = ContentBuilder::new(keys, placed.entry.class);
                    for extent in extents {
                        builder.push(extent, &mut self.pages)?;
                    }
                    placed.entry.content = builder.finish(&mut self.pages)?;
                }
                self.compare(&placed, expected.as_deref());
                self.enter(&placed)?;
            }
            Step::Content(content) => {
                let Some(extents) = self.resolve(&content)? else {
                    return Ok(Some(Step::Content(content)));
                };
                if let Some(builder) = &mut self.large {
                    for extent in extents {
                        builder.push(extent, &mut self.pages)?;
                    }
                }
            }
            Step::End {
                mut placed,
                expected,
                leader,
            } => {
                if let Some(builder) = self.large.take() {
                    // What was read counts: the file may have grown or shrunk meanwhile.
                    placed.entry.size = builder.len();
                    placed.entry.content = builder.finish(&mut self.pages)?;
                }
                self.compare(&placed, expected.as_deref());
                if self.enter(&placed)?
                    && let Some(leader) = leader
                {
                    // It is set once: each large file has a leader of its own.
                    leader.get_or_init(|| placed.entry);
                }
            }
            Step::Link(link) => self.link(link)?,
        }
        Ok(None)
    }

    /// Enters another name of a large file.
    fn link(&mut self, link: Link) -> Result<(), BackupError> {
        let Link {
            parent,
            name,
            leader,
            expected,
        } = link;
        let Some(mut entry) = leader.get().cloned() else {
            let path = join_path(&parent, &name);
            let what = "is another name of a file that could not be recorded";
            self.shop.reports.incomplete(&path, what.to_owned());
            return Ok(());
        };
        entry.name = name.into_vec();
        let placed = Placed { parent, entry };
        self.compare(&placed, expected.as_deref());
        self.enter(&placed).map(|_| ())
    }

    /// The extents of some content, once every chunk in it has a place.
    fn resolve(&self, content: &[Piece]) -> Result<Option<Vec<Extent>>, BackupError> {
        let mut extents = Vec::with_capacity(content.len());
        for piece in content {
            extents.push(match *piece {
                Piece::Extent(extent) => extent,
                Piece::Awaited { id, len } => match self.shop.dedup.place_of(id, len)? {
                    Some(chunk) => Extent::Data(chunk),
                    None => return Ok(None),
                },
            });
        }
        Ok(Some(extents))
    }

    /// Puts an entry into the tree and counts it; tells whether it is there.
    fn enter(&mut self, placed: &Placed) -> Result<bool, BackupError> {
        let Placed { parent, entry } = placed;
        match self.tree.push(parent, entry, &mut self.pages) {
            Ok(()) => {}
            Err(BuildError::Sink(error)) => return Err(error),
            // One entry that cannot be recorded must not cost the others.
            Err(error) => {
                let path = join_path(parent, &entry.name);
                self.shop.reports.incomplete(&path, explain(&error));
                return Ok(false);
            }
        }
        match entry.kind {
            EntryKind::File => {
                self.stats.files += 1;
                self.stats.bytes = self.stats.bytes.saturating_add(entry.size);
            }
            EntryKind::Folder => self.stats.folders += 1,
            _ => self.stats.others += 1,
        }
        Ok(true)
    }

    /// A file that looked unchanged was read all the same: its content must be the parent's.
    fn compare(&self, placed: &Placed, expected: Option<&Entry>) {
        if expected.is_some_and(|old| !old.content.same(&placed.entry.content)) {
            let path = join_path(&placed.parent, &placed.entry.name);
            let what = "its content changed and its times did not: earlier backups may have \
                        missed changes here; back up once with --force";
            self.shop.reports.incomplete(&path, what.to_owned());
        }
    }

    /// Stores the tree of what is finished, and ends every open pack, so that whoever goes on from
    /// here finds all of it; gives its root, if anything is finished. Costs the open pages of the
    /// tree. Of a large file that is half read only the chunks are there.
    pub(super) fn partial(&mut self) -> Result<Option<ChunkRef>, BackupError> {
        self.data.close()?;
        let root = match self.tree.clone().finish(&mut self.pages) {
            Ok(built) => Some(built.root),
            Err(BuildError::Empty) => None,
            Err(error) => return Err(tree_error(error)),
        };
        self.pages.close()?;
        Ok(root)
    }

    /// Ends the tree and every open pack; gives the root and what was counted.
    pub(super) fn finish(mut self) -> Result<(ChunkRef, Statistics), BackupError> {
        if self.current.is_some() || !self.early.is_empty() {
            return Err(BackupError::PartGone);
        }
        self.data.close()?;
        let built = self.tree.finish(&mut self.pages).map_err(tree_error)?;
        self.pages.close()?;
        let Progress { files, folders, .. } = &*self.shop.progress;
        let stats = Statistics {
            files_new: files.new.get(),
            files_changed: files.changed.get(),
            files_unmodified: files.unmodified.get(),
            folders_new: folders.new.get(),
            folders_changed: folders.changed.get(),
            folders_unmodified: folders.unmodified.get(),
            ..self.stats
        };
        Ok((built.root, stats))
    }
}

fn tree_error(error: BuildError<BackupError>) -> BackupError {
    match error {
        BuildError::Sink(error) => error,
        other => BackupError::Tree {
            what: other.to_string(),
        },
    }
}
