//! `Lost` and `Found`.

use std::collections::BTreeSet;
use std::sync::Arc;

use minicbor::bytes::ByteArray;

use super::error::RepairError;
use super::snapshots::refreshed;
use crate::check::Inspected;
use crate::index::read_segment;
use crate::log::{AppendError, Body, Found, Lost, State};
use crate::model::ObjectHash;
use crate::pack::ChunkPrefix;
use crate::repository::Repository;

/// Chunks that one entry names, of 17 bytes each.
const MAX_NAMED: usize = 20_000;
/// How often an entry is made anew because others append.
const MAX_ROUNDS: u32 = 1_000;

/// Why no entry was appended.
enum NotYet {
    /// The log has gone on since the entry was made.
    Moved,
    /// There is nothing to say.
    Nothing,
    Failed(AppendError),
}

impl From<AppendError> for NotYet {
    fn from(error: AppendError) -> Self {
        Self::Failed(error)
    }
}

/// Declares `gone` lost, but for what somebody has stored since it was looked for; gives how many
/// chunks were declared.
pub(super) async fn declare(
    repository: &Arc<Repository>,
    inspected: &Inspected,
    gone: &BTreeSet<ChunkPrefix>,
) -> Result<u64, RepairError> {
    let mut count = 0;
    let gone: Vec<_> = gone.iter().copied().collect();
    for part in gone.chunks(MAX_NAMED) {
        count += each(repository, async |state: &State| {
            let index = &inspected.resolver.index.lookup;
            let live: Vec<_> = state.segments.iter().copied().collect();
            index
                .sync(&live, Arc::new(state.swept.clone()), |segment| async move {
                    read_segment(repository.store(), repository.keys(), &segment).await
                })
                .await?;
            let mut chunks = Vec::new();
            for prefix in part {
                // What stands in a pack that was not looked at is judged by the next run.
                let is_new = |pack| !inspected.state.packs.contains(pack);
                let known = state.lost.contains(&ByteArray::from(*prefix));
                if !known && index.lookup(prefix, is_new)?.is_empty() {
                    chunks.push(ByteArray::from(*prefix));
                }
            }
            Ok((chunks.len(), Body::Lost(Lost { chunks })))
        })
        .await?;
    }
    Ok(count)
}

/// Takes back that `back` is lost, unless somebody has said so again since it was read; gives for
/// how many chunks.
pub(super) async fn take_back(
    repository: &Arc<Repository>,
    since: (u64, ObjectHash),
    back: &BTreeSet<ChunkPrefix>,
) -> Result<u64, RepairError> {
    let mut count = 0;
    let back: Vec<_> = back.iter().copied().collect();
    for part in back.chunks(MAX_NAMED) {
        count += each(repository, async |state: &State| {
            let chain = repository.chain().await;
            let entries = chain.entries_since(since.0, since.1).await?;
            let mut chunks: Vec<_> = part.iter().copied().map(ByteArray::from).collect();
            chunks.retain(|chunk| state.lost.contains(chunk));
            for entry in entries {
                if let Body::Lost(lost) = &entry.body {
                    chunks.retain(|chunk| !lost.chunks.contains(chunk));
                }
            }
            Ok((chunks.len(), Body::Found(Found { chunks })))
        })
        .await?;
    }
    Ok(count)
}

/// Appends what `say` makes of the state at the end of the log, made anew until nobody else comes
/// first.
async fn each(
    repository: &Arc<Repository>,
    say: impl AsyncFn(&State) -> Result<(usize, Body), RepairError>,
) -> Result<u64, RepairError> {
    for _ in 0..MAX_ROUNDS {
        let state = refreshed(repository).await?;
        let (count, body) = say(&state).await?;
        let appended = repository
            .chain()
            .await
            .append::<NotYet>(|now| match count {
                0 => Err(NotYet::Nothing),
                _ if now.next != state.next => Err(NotYet::Moved),
                _ => Ok(body.clone()),
            })
            .await;
        match appended {
            Ok(_) => return Ok(count as u64),
            Err(NotYet::Nothing) => return Ok(0),
            Err(NotYet::Moved) => {}
            Err(NotYet::Failed(error)) => return Err(error.into()),
        }
    }
    Err(RepairError::Outrun)
}
