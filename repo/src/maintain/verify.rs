//! Reading chunks before other copies of them may go.

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use orlop_chunker::ChunkId;

use super::error::MaintainError;
use super::options::MaintainProgress;
use super::survey::Survey;
use crate::explain::explain;
use crate::index::Found;
use crate::keys::Keyring;
use crate::model::ObjectName;
use crate::pack::ChunkPrefix;
use crate::repository::Repository;
use crate::seal::BlockKind;

/// Blocks that are read at a time, of up to 2 MiB each.
const AT_ONCE: usize = 8;

/// A chunk that has to be read where it is to stay.
#[derive(Clone, Copy, Debug)]
pub(super) struct Doubt {
    pub(super) prefix: ChunkPrefix,
    pub(super) found: Found,
}

/// Reads every one of these chunks and verifies its id; gives those that are damaged or gone,
/// with the reason.
pub(super) async fn verify(
    repository: &Repository,
    survey: &Survey,
    mut doubts: Vec<Doubt>,
    progress: &dyn MaintainProgress,
) -> Result<Vec<(Doubt, String)>, MaintainError> {
    let block = |doubt: &Doubt| (doubt.found.place.pack, doubt.found.place.block_offset);
    doubts.sort_unstable_by_key(block);
    let blocks: Vec<_> = doubts.chunk_by(|a, b| block(a) == block(b)).collect();
    let mut damaged = Vec::new();
    let mut read = stream::iter(blocks)
        .map(|doubts| verify_block(repository, survey, doubts))
        .buffer_unordered(AT_ONCE);
    while let Some(found) = read.try_next().await? {
        if progress.is_cancelled() {
            return Err(MaintainError::Cancelled);
        }
        damaged.extend(found);
    }
    Ok(damaged)
}

/// Reads one block and looks at chunks in it.
async fn verify_block(
    repository: &Repository,
    survey: &Survey,
    doubts: &[Doubt],
) -> Result<Vec<(Doubt, String)>, MaintainError> {
    let all = |why: String| doubts.iter().map(|doubt| (*doubt, why.clone())).collect();
    let Some(first) = doubts.first() else {
        return Ok(Vec::new());
    };
    let place = first.found.place;
    let start = u64::from(place.block_offset);
    let stored = repository
        .store()
        .get_range(
            &ObjectName::pack(place.pack),
            start..start + u64::from(place.block_len),
        )
        .await;
    let stored = match stored {
        Ok(stored) => stored,
        Err(error) if error.is_missing() || error.is_damage() => return Ok(all(explain(&error))),
        Err(error) => return Err(error.into()),
    };
    let kind = survey.pack(place.pack).and_then(|pack| pack.kind);
    let kind = kind.unwrap_or(BlockKind::Data);
    let plain = match repository.keys().open_block(kind, &stored) {
        Ok(plain) => Bytes::from(plain),
        Err(error) => {
            let why = format!(
                "the block at {} is damaged: {}",
                place.block_offset,
                explain(&error)
            );
            return Ok(all(why));
        }
    };
    let is_wrong = |doubt: &&Doubt| {
        let id = id_of(repository.keys(), kind, &plain, &doubt.found);
        id.map(|id| id.prefix()) != Some(doubt.prefix)
    };
    let wrong = doubts.iter().filter(is_wrong).map(|doubt| {
        let chunk = hex::encode(doubt.prefix);
        (
            *doubt,
            format!("chunk {chunk} is not where it should be in the block at {start}"),
        )
    });
    Ok(wrong.collect())
}

/// The id of what stands at a place of an opened block.
pub(super) fn id_of(
    keys: &Keyring,
    kind: BlockKind,
    plain: &[u8],
    found: &Found,
) -> Option<ChunkId> {
    let start = usize::try_from(found.place.offset).ok()?;
    let end = start.checked_add(usize::try_from(found.len).ok()?)?;
    let piece = plain.get(start..end)?;
    Some(match kind {
        BlockKind::Data => keys.ids().chunk_id(piece),
        BlockKind::Tree => keys.ids().page_id(piece),
    })
}
