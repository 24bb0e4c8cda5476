//! Copying what can still be read out of packs that are damaged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use orlop_chunker::ChunkId;

use super::error::RepairError;
use crate::check::{CheckError, CheckProgress, Examined, Offsets};
use crate::index::{Found, PackInfo, SegmentBuilder};
use crate::keys::BlockOptions;
use crate::model::{ObjectHash, PackName, PackSet, Place};
use crate::pack::{ChunkPrefix, PackBuilder, PackEnd};
use crate::repository::{BlockReader, Session};
use crate::seal::BlockKind;

/// Where packs are full, in bytes.
const PACK_TARGET: u32 = 16 << 20;
/// Plaintext of a block of data, in bytes; the next chunk may go beyond it.
const BLOCK_TARGET: usize = 1 << 20;
/// Opened blocks that are kept: chunks come in the order of their blocks.
const CACHE: u64 = 4 << 20;

/// What is copied out of one pack: offsets, first half of the id, length.
type Items = BTreeSet<(Offsets, ChunkPrefix, u32)>;

/// What was copied.
#[derive(Default)]
pub(super) struct Salvaged {
    /// Packs that it was copied out of.
    pub(super) old: PackSet,
    /// How many chunks and pages.
    pub(super) chunks: u64,
}

/// Copies everything that [`Examined::salvage`] names, verified, into packs of `session`, and says
/// so in the log. `kind_of` knows the kinds of packs, and `since` is where the prefix of the log
/// ended that it rests on.
pub(super) async fn salvage(
    session: &Session,
    examined: &Examined,
    kind_of: impl Fn(PackName) -> BlockKind,
    since: (u64, ObjectHash),
    progress: &Arc<dyn CheckProgress>,
) -> Result<Salvaged, RepairError> {
    let mut salvaged = Salvaged::default();
    let mut copier = Copier::new(session);
    for (pack, items) in &examined.salvage {
        if progress.is_cancelled() {
            return Err(CheckError::Cancelled.into());
        }
        copier.copy(*pack, kind_of(*pack), items).await?;
        salvaged.old.insert(*pack);
        salvaged.chunks += items.len() as u64;
        progress.step();
    }
    let (segments, keepers) = copier.finish().await?;
    if keepers.is_empty() {
        return Ok(salvaged);
    }
    let named = session
        .relocate(&segments, &salvaged.old, &keepers, since)
        .await?;
    if named.is_empty() {
        // The old packs are held by somebody else: the copies are places beside them.
        for body in &segments {
            session.upload_segment(body).await?;
        }
        session.checkpoint(None).await?;
    }
    Ok(salvaged)
}

struct Copier<'a> {
    session: &'a Session,
    packs: BTreeMap<u8, PackBuilder>,
    segment: SegmentBuilder,
    keepers: PackSet,
}

impl<'a> Copier<'a> {
    fn new(session: &'a Session) -> Self {
        Self {
            session,
            packs: BTreeMap::new(),
            segment: SegmentBuilder::new(),
            keepers: PackSet::new(),
        }
    }

    async fn copy(
        &mut self,
        pack: PackName,
        kind: BlockKind,
        items: &Items,
    ) -> Result<(), RepairError> {
        let repository = Arc::clone(self.session.repository());
        let reader = BlockReader::new(repository, kind, CACHE);
        let (mut plain, mut chunks) = (Vec::new(), Vec::new());
        for &((block_offset, block_len, offset), prefix, len) in items {
            let place = Place {
                pack,
                block_offset,
                block_len,
                offset,
            };
            let piece = reader.piece(&prefix, &Found { place, len }).await;
            // It was there a moment ago: what is lost since then is found by the next run.
            let Some((id, bytes)) = piece.map_err(RepairError::Read)? else {
                continue;
            };
            plain.extend_from_slice(&bytes);
            chunks.push((id, len));
            // A page is a block of its own.
            if plain.len() >= BLOCK_TARGET || kind == BlockKind::Tree {
                self.seal(kind, &mut plain, &mut chunks).await?;
            }
        }
        self.seal(kind, &mut plain, &mut chunks).await
    }

    async fn seal(
        &mut self,
        kind: BlockKind,
        plain: &mut Vec<u8>,
        chunks: &mut Vec<(ChunkId, u32)>,
    ) -> Result<(), RepairError> {
        let (plain, chunks) = (std::mem::take(plain), std::mem::take(chunks));
        if chunks.is_empty() {
            return Ok(());
        }
        let keys = self.session.repository().keys();
        let sealed = keys
            .seal_block(kind, &[&plain], BlockOptions::default())
            .map_err(RepairError::Seal)?;
        let sealed = Bytes::from(sealed.bytes);
        let next = u32::try_from(sealed.len()).unwrap_or(u32::MAX);
        let full = self.packs.get(&kind.number());
        if full.is_some_and(|pack| pack.is_full(next)) {
            self.close(kind.number(), PackEnd::Full).await?;
        }
        if !self.packs.contains_key(&kind.number()) {
            let (name, suite) = (self.session.next_pack()?, keys.suite());
            let pack = PackBuilder::new(name, kind, suite, PACK_TARGET);
            self.packs.insert(kind.number(), pack);
        }
        if let Some(pack) = self.packs.get_mut(&kind.number()) {
            pack.add_block(sealed, &chunks).map_err(RepairError::Pack)?;
        }
        Ok(())
    }

    async fn close(&mut self, kind: u8, end: PackEnd) -> Result<(), RepairError> {
        let Some(pack) = self.packs.remove(&kind) else {
            return Ok(());
        };
        let keys = self.session.repository().keys();
        let pack = pack.finish(keys, end).map_err(RepairError::Pack)?;
        self.session.upload(&pack).await?;
        self.session.has_stored(pack.name);
        self.segment.add_directory(&pack.directory, pack.hash);
        let info = PackInfo::new(&pack.directory, pack.hash);
        self.keepers.insert(info.name);
        Ok(())
    }

    /// Stores what is left; gives bodies of segments that list the copies, and their packs.
    async fn finish(mut self) -> Result<(Vec<Vec<u8>>, PackSet), RepairError> {
        let kinds: Vec<_> = self.packs.keys().copied().collect();
        for kind in kinds {
            self.close(kind, PackEnd::Early).await?;
        }
        Ok((self.segment.finish(), self.keepers))
    }
}
