//! Reading packs that are mostly dead, and filling those that take their place.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use orlop_chunker::ChunkId;
use rayon::prelude::*;

use super::anew::Gathered;
use super::block::{Verified, verify};
use super::plan::{Wanted, blocks, count, next_run};
use crate::explain::explain;
use crate::index::{PackInfo, SegmentBuilder};
use crate::maintain::error::MaintainError;
use crate::maintain::living::InPack;
use crate::maintain::mark::Mark;
use crate::model::{ObjectName, PackName, PackSet};
use crate::pack::{FinishedPack, PackBuilder, PackDirectory, PackEnd, read_directory};
use crate::repository::{Repository, Session};
use crate::seal::BlockKind;

/// Where packs are full, in bytes.
const PACK_TARGET: u32 = 16 << 20;

/// What came of copying.
#[derive(Default)]
pub(in crate::maintain) struct Copied {
    /// Packs all of whose living chunks were copied.
    pub(in crate::maintain) old: PackSet,
    /// Packs that they were copied into.
    pub(in crate::maintain) keepers: Vec<PackInfo>,
    /// Bodies of segments that list these.
    pub(in crate::maintain) segments: Vec<Vec<u8>>,
    /// Packs that could not be copied, and why.
    pub(in crate::maintain) failed: Vec<(PackName, String)>,
}

/// Copies packs in a session.
pub(in crate::maintain) struct Copier<'a> {
    repository: &'a Arc<Repository>,
    session: &'a Session,
    /// Whether blocks are opened and sealed on rayon's threads.
    parallel: bool,
    open: BTreeMap<u8, Open>,
    segment: SegmentBuilder,
    copied: Copied,
}

/// What is being filled, of one kind.
struct Open {
    kind: BlockKind,
    pack: Option<PackBuilder>,
    /// What the block that is being made anew will hold.
    gathered: Gathered,
    /// Blocks that are to be sealed.
    full: Vec<Gathered>,
}

impl<'a> Copier<'a> {
    pub(in crate::maintain) fn new(
        repository: &'a Arc<Repository>,
        session: &'a Session,
        parallel: bool,
    ) -> Self {
        Self {
            repository,
            session,
            parallel,
            open: BTreeMap::new(),
            segment: SegmentBuilder::new(),
            copied: Copied::default(),
        }
    }

    /// The directory of a pack; nothing if it is damaged, which is noted.
    pub(in crate::maintain) async fn directory(
        &mut self,
        mark: &Mark,
        name: PackName,
    ) -> Result<Option<PackDirectory>, MaintainError> {
        let pack = mark.survey.pack(name);
        let (kind, len) = (pack.and_then(|pack| pack.kind), pack.map(|pack| pack.len));
        let (store, keys) = (self.repository.store(), self.repository.keys());
        match read_directory(store, keys, name, kind, len).await {
            Ok(directory) => Ok(Some(directory)),
            Err(error) if error.is_broken() => {
                self.copied.failed.push((name, explain(&error)));
                Ok(None)
            }
            Err(error) => Err(MaintainError::Pack(error)),
        }
    }

    /// Copies what lives in one pack. A pack in which something is damaged is noted and stays.
    pub(in crate::maintain) async fn copy(
        &mut self,
        directory: &PackDirectory,
        living: &InPack,
        share: f64,
    ) -> Result<(), MaintainError> {
        let name = directory.name();
        let wanted: Vec<_> = blocks(directory)
            .into_iter()
            .map(|(block, chunks)| {
                let (lives, all) = count(living, &chunks);
                Wanted {
                    block,
                    chunks,
                    lives,
                    all,
                }
            })
            .filter(|wanted| wanted.lives > 0)
            .collect();
        let listed: u64 = wanted.iter().map(|wanted| wanted.lives).sum();
        let needed: u64 = living.values().map(|(_, len)| u64::from(*len)).sum();
        if listed != needed {
            let what = "its directory does not list what the index lists".to_owned();
            self.copied.failed.push((name, what));
            return Ok(());
        }
        let mut rest = wanted.as_slice();
        while let Some((run, after)) = next_run(rest) {
            rest = after;
            let (Some(first), Some(last)) = (run.first(), run.last()) else {
                break;
            };
            let start = first.start();
            let end = last.end();
            let read = self.repository.store();
            let bytes = match read.get_range(&ObjectName::pack(name), start..end).await {
                Ok(bytes) => bytes,
                Err(error) if error.is_missing() || error.is_damage() => {
                    self.copied.failed.push((name, explain(&error)));
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            };
            let kind = directory.kind();
            let blocks: Option<Vec<_>> = run
                .iter()
                .map(|wanted| wanted.in_run(kind, &bytes, start, share))
                .collect();
            let Some(blocks) = blocks else {
                let what = "it ends before its last block".to_owned();
                self.copied.failed.push((name, what));
                return Ok(());
            };
            let keys = self.repository.keys();
            let verified = self.each(&blocks, |block| verify(keys, block, living));
            drop(bytes);
            for verified in verified {
                match verified {
                    Ok(verified) => self.take(kind, verified).await?,
                    Err(what) => {
                        // What was gathered stays: some of it is of other packs.
                        self.copied.failed.push((name, what));
                        return Ok(());
                    }
                }
            }
            self.seal(kind).await?;
        }
        self.copied.old.insert(name);
        Ok(())
    }

    /// Does the same to each of `items`; gives what comes of it in their order.
    fn each<T: Sync, R: Send>(&self, items: &[T], work: impl Fn(&T) -> R + Sync + Send) -> Vec<R> {
        if self.parallel {
            items.par_iter().map(work).collect()
        } else {
            items.iter().map(work).collect()
        }
    }

    /// Takes over what was verified.
    async fn take(&mut self, kind: BlockKind, verified: Verified) -> Result<(), MaintainError> {
        let (lives, plain, stored) = match verified {
            Verified::Whole { sealed, chunks } => return self.add(kind, sealed, &chunks).await,
            Verified::Living {
                lives,
                plain,
                stored,
            } => (lives, plain, stored),
        };
        let open = self.open(kind);
        for (id, piece) in lives {
            open.gathered.push(id, &piece, plain, stored);
            if open.gathered.is_full() {
                open.full.push(std::mem::take(&mut open.gathered));
            }
        }
        Ok(())
    }

    fn open(&mut self, kind: BlockKind) -> &mut Open {
        self.open.entry(kind.number()).or_insert_with(|| Open {
            kind,
            pack: None,
            gathered: Gathered::default(),
            full: Vec::new(),
        })
    }

    /// Seals the blocks that are full, and adds them.
    async fn seal(&mut self, kind: BlockKind) -> Result<(), MaintainError> {
        let full = std::mem::take(&mut self.open(kind).full);
        let keys = self.repository.keys();
        let sealed = self.each(&full, |gathered| gathered.seal(keys, kind));
        for (gathered, sealed) in full.iter().zip(sealed) {
            let sealed = sealed.map_err(MaintainError::Seal)?;
            self.add(kind, sealed.bytes.into(), gathered.chunks())
                .await?;
        }
        Ok(())
    }

    /// Adds a sealed block to the pack that is being filled.
    async fn add(
        &mut self,
        kind: BlockKind,
        sealed: Bytes,
        chunks: &[(ChunkId, u32)],
    ) -> Result<(), MaintainError> {
        let next = u32::try_from(sealed.len()).unwrap_or(u32::MAX);
        let suite = self.repository.keys().suite();
        let is_full = |pack: &PackBuilder| pack.is_full(next);
        if self.open(kind).pack.as_ref().is_some_and(is_full) {
            self.close(kind, PackEnd::Full).await?;
        }
        let session = self.session;
        let open = self.open(kind);
        if open.pack.is_none() {
            let name = session.next_pack()?;
            open.pack = Some(PackBuilder::new(name, kind, suite, PACK_TARGET));
        }
        if let Some(pack) = &mut open.pack {
            // A copy of what lay in memory beside other blocks does not keep those there.
            let sealed = Bytes::copy_from_slice(&sealed);
            pack.add_block(sealed, chunks)
                .map_err(MaintainError::Pack)?;
        }
        Ok(())
    }

    /// Stores the pack that is being filled.
    async fn close(&mut self, kind: BlockKind, end: PackEnd) -> Result<(), MaintainError> {
        let Some(pack) = self.open(kind).pack.take() else {
            return Ok(());
        };
        let pack: FinishedPack = pack
            .finish(self.repository.keys(), end)
            .map_err(MaintainError::Pack)?;
        self.session.upload(&pack).await?;
        self.session.has_stored(pack.name);
        self.segment.add_directory(&pack.directory, pack.hash);
        let info = PackInfo::new(&pack.directory, pack.hash);
        self.copied.keepers.push(info);
        Ok(())
    }

    /// Stores what is left, and gives what was copied.
    pub(in crate::maintain) async fn finish(mut self) -> Result<Copied, MaintainError> {
        let kinds: Vec<_> = self.open.values().map(|open| open.kind).collect();
        for kind in kinds {
            let open = self.open(kind);
            if !open.gathered.is_empty() {
                open.full.push(std::mem::take(&mut open.gathered));
            }
            self.seal(kind).await?;
            self.close(kind, PackEnd::Early).await?;
        }
        self.copied.segments = self.segment.finish();
        Ok(self.copied)
    }
}
