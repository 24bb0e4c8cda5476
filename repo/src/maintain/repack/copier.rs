//! Copying what lives out of packs that are mostly dead.
//!
//! Every chunk that is copied is read and verified first. Blocks of which enough lives are copied
//! as they are, sealed; what lives in the others is sealed anew, and so is everything that is
//! sealed under an older generation of keys.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use orlop_chunker::ChunkId;

use super::choose::exceeds;
use super::error::MaintainError;
use super::living::{InPack, Living};
use super::mark::Mark;
use super::verify::id_of;
use crate::explain::explain;
use crate::index::{Found, PackInfo, SegmentBuilder};
use crate::keys::BlockOptions;
use crate::model::{ObjectName, PackName, PackSet};
use crate::pack::{
    FinishedPack, PackBuilder, PackDirectory, PackEnd, PackedBlock, PackedChunk, read_directory,
};
use crate::repository::{Repository, Session};
use crate::seal::{BlockKind, block_generation};

/// Where packs are full, in bytes.
const PACK_TARGET: u32 = 16 << 20;
/// Plaintext of a block that is made anew, in bytes; the next chunk may go beyond it.
const BLOCK_TARGET: usize = 1 << 20;
/// Blocks that stand next to each other are read in one request up to this many bytes.
const RUN: u64 = 8 << 20;
/// And with less than this between them.
const GAP: u64 = 128 << 10;
/// Chunks of packs that are copied together: some 30 MiB of memory.
const MAX_CHUNKS: u64 = 500_000;
/// Packs that one `Relocate` names as old.
const MAX_OLD: usize = 1_000;

/// What came of copying.
#[derive(Default)]
pub(super) struct Copied {
    /// Packs all of whose living chunks were copied.
    pub(super) old: PackSet,
    /// Packs that they were copied into.
    pub(super) keepers: Vec<PackInfo>,
    /// Bodies of segments that list these.
    pub(super) segments: Vec<Vec<u8>>,
    /// Packs that could not be copied, and why.
    pub(super) failed: Vec<(PackName, String)>,
}

/// Divides packs so that what lives in those of one part fits into memory.
pub(super) fn parts(mark: &Mark, chosen: &[PackName]) -> Vec<Vec<PackName>> {
    let mut parts = Vec::new();
    let mut part: Vec<PackName> = Vec::new();
    let mut chunks = 0;
    for &pack in chosen {
        let more = mark.usage(pack).map_or(0, |usage| usage.chunks);
        if !part.is_empty() && (chunks + more > MAX_CHUNKS || part.len() >= MAX_OLD) {
            parts.push(std::mem::take(&mut part));
            chunks = 0;
        }
        chunks += more;
        part.push(pack);
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

/// Which share of a block may be dead if it is copied as it is.
///
/// Half of it; unless then more than `max_unused` of all would stay dead for ever.
pub(super) fn block_share(living: &Living, directories: &[PackDirectory], max_unused: f64) -> f64 {
    const HALF: f64 = 0.5;
    let (mut kept, mut dead) = (0u64, 0u64);
    for directory in directories {
        let Some(living) = living.get(&directory.name()) else {
            continue;
        };
        for (_, chunks) in blocks(directory) {
            let (lives, all) = count(living, &chunks);
            if lives > 0 && !exceeds(all - lives, all, HALF) {
                kept += all;
                dead += all - lives;
            } else {
                kept += lives;
            }
        }
    }
    if exceeds(dead, kept, max_unused) {
        max_unused.min(HALF)
    } else {
        HALF
    }
}

/// Plain bytes of a block's chunks that live, and of all.
fn count(living: &InPack, chunks: &[PackedChunk]) -> (u64, u64) {
    let lives =
        |chunk: &&PackedChunk| living.contains_key(&(chunk.place.block_offset, chunk.place.offset));
    let sum = |chunks: &mut dyn Iterator<Item = &PackedChunk>| {
        chunks.map(|chunk| u64::from(chunk.len)).sum()
    };
    (
        sum(&mut chunks.iter().filter(lives)),
        sum(&mut chunks.iter()),
    )
}

/// The blocks of a pack with their chunks.
fn blocks(directory: &PackDirectory) -> Vec<(PackedBlock, Vec<PackedChunk>)> {
    let mut chunks = directory.chunks();
    directory
        .blocks()
        .map(|block| {
            let count = usize::try_from(block.chunks).unwrap_or(usize::MAX);
            (block, chunks.by_ref().take(count).collect())
        })
        .collect()
}

/// Copies packs in a session.
pub(super) struct Copier<'a> {
    repository: &'a Arc<Repository>,
    session: &'a Session,
    open: BTreeMap<u8, Open>,
    segment: SegmentBuilder,
    copied: Copied,
}

/// What is being filled, of one kind.
struct Open {
    kind: BlockKind,
    pack: Option<PackBuilder>,
    /// Plaintext of the block that is being made anew.
    plain: Vec<u8>,
    chunks: Vec<(ChunkId, u32)>,
}

impl<'a> Copier<'a> {
    pub(super) fn new(repository: &'a Arc<Repository>, session: &'a Session) -> Self {
        Self {
            repository,
            session,
            open: BTreeMap::new(),
            segment: SegmentBuilder::new(),
            copied: Copied::default(),
        }
    }

    /// The directory of a pack; nothing if it is damaged, which is noted.
    pub(super) async fn directory(
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
    pub(super) async fn copy(
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
                (block, chunks, lives, all)
            })
            .filter(|(_, _, lives, _)| *lives > 0)
            .collect();
        let listed: u64 = wanted.iter().map(|(_, _, lives, _)| lives).sum();
        let needed: u64 = living.values().map(|(_, len)| u64::from(*len)).sum();
        if listed != needed {
            let what = "its directory does not list what the index lists".to_owned();
            self.copied.failed.push((name, what));
            return Ok(());
        }
        let mut rest = wanted.as_slice();
        while let Some((run, after)) = next_run(rest) {
            rest = after;
            let (Some((first, ..)), Some((last, ..))) = (run.first(), run.last()) else {
                break;
            };
            let start = u64::from(first.offset);
            let end = u64::from(last.offset) + u64::from(last.len);
            let read = self.repository.store();
            let bytes = match read.get_range(&ObjectName::pack(name), start..end).await {
                Ok(bytes) => bytes,
                Err(error) if error.is_missing() || error.is_damage() => {
                    self.copied.failed.push((name, explain(&error)));
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            };
            for (block, chunks, lives, all) in run {
                let from = usize::try_from(u64::from(block.offset) - start).unwrap_or(usize::MAX);
                let len = usize::try_from(block.len).unwrap_or(usize::MAX);
                let range = from..from.saturating_add(len);
                if range.end > bytes.len() {
                    let what = "it ends before its last block".to_owned();
                    self.copied.failed.push((name, what));
                    return Ok(());
                }
                let sealed = bytes.slice(range);
                let whole = !exceeds(all - lives, *all, share);
                let block = Block {
                    kind: directory.kind(),
                    sealed,
                    chunks,
                    whole,
                };
                if let Err(what) = self.take(block, living).await? {
                    self.copied.failed.push((name, what));
                    return Ok(());
                }
            }
        }
        self.copied.old.insert(name);
        Ok(())
    }

    /// Verifies what lives in a block and takes it over; or says what is damaged.
    async fn take(
        &mut self,
        block: Block<'_>,
        living: &InPack,
    ) -> Result<Result<(), String>, MaintainError> {
        let keys = self.repository.keys();
        let plain = match keys.open_block(block.kind, &block.sealed) {
            Ok(plain) => plain,
            Err(error) => return Ok(Err(explain(&error))),
        };
        let mut all = Vec::with_capacity(block.chunks.len());
        let mut lives = Vec::new();
        for chunk in block.chunks {
            let found = Found {
                place: chunk.place,
                len: chunk.len,
            };
            let id = id_of(keys, block.kind, &plain, &found);
            let known = living.get(&(chunk.place.block_offset, chunk.place.offset));
            let Some(id) = id.filter(|id| id.prefix() == chunk.prefix) else {
                let chunk = hex::encode(chunk.prefix);
                return Ok(Err(format!("chunk {chunk} is not where it should be")));
            };
            if known.is_some_and(|known| *known != (chunk.prefix, chunk.len)) {
                let what = "its directory does not list what the index lists";
                return Ok(Err(what.to_owned()));
            }
            all.push((id, chunk.len));
            if known.is_some() {
                lives.push((id, found));
            }
        }
        let in_force = Some(keys.current_generation());
        if block.whole && block_generation(&block.sealed) == in_force {
            self.add(block.kind, block.sealed, &all).await?;
            return Ok(Ok(()));
        }
        for (id, found) in lives {
            let range = usize::try_from(found.place.offset)
                .ok()
                .zip(usize::try_from(found.len).ok());
            let piece = range.and_then(|(start, len)| plain.get(start..start + len));
            let Some(piece) = piece else { continue };
            let open = self.open(block.kind);
            open.plain.extend_from_slice(piece);
            open.chunks.push((id, found.len));
            if open.plain.len() >= BLOCK_TARGET {
                self.seal(block.kind).await?;
            }
        }
        Ok(Ok(()))
    }

    fn open(&mut self, kind: BlockKind) -> &mut Open {
        self.open.entry(kind.number()).or_insert_with(|| Open {
            kind,
            pack: None,
            plain: Vec::new(),
            chunks: Vec::new(),
        })
    }

    /// Seals the block that is being made anew; it is opened again and compared.
    async fn seal(&mut self, kind: BlockKind) -> Result<(), MaintainError> {
        let open = self.open(kind);
        let plain = std::mem::take(&mut open.plain);
        let chunks = std::mem::take(&mut open.chunks);
        if chunks.is_empty() {
            return Ok(());
        }
        let keys = self.repository.keys();
        let sealed = keys
            .seal_block(kind, &[&plain], BlockOptions::default())
            .map_err(MaintainError::Seal)?;
        self.add(kind, sealed.bytes.into(), &chunks).await
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
    pub(super) async fn finish(mut self) -> Result<Copied, MaintainError> {
        let kinds: Vec<_> = self.open.values().map(|open| open.kind).collect();
        for kind in kinds {
            self.seal(kind).await?;
            self.close(kind, PackEnd::Early).await?;
        }
        self.copied.segments = self.segment.finish();
        Ok(self.copied)
    }
}

/// A block that is to be taken over.
struct Block<'a> {
    kind: BlockKind,
    sealed: Bytes,
    chunks: &'a [PackedChunk],
    /// As it is, with what is dead in it.
    whole: bool,
}

/// A block with its chunks, the plain bytes of them that live, and of all.
type Wanted = (PackedBlock, Vec<PackedChunk>, u64, u64);

/// The longest run of blocks at the front that is read in one request, and what follows it.
fn next_run(blocks: &[Wanted]) -> Option<(&[Wanted], &[Wanted])> {
    let (first, ..) = blocks.first()?;
    let start = u64::from(first.offset);
    let mut end = start + u64::from(first.len);
    let mut count = 1;
    for (block, ..) in blocks.iter().skip(1) {
        let next = u64::from(block.offset) + u64::from(block.len);
        if u64::from(block.offset).saturating_sub(end) > GAP || next - start > RUN {
            break;
        }
        end = next;
        count += 1;
    }
    blocks.split_at_checked(count)
}
