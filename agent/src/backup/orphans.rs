//! Packs that a dead session had stored and no entry names: verified and adopted.

use orlop_repo::index::SegmentBuilder;
use orlop_repo::model::SessionId;
use orlop_repo::repository::{OrphanPack, Repository, Session};

use super::begin::Begun;
use super::error::BackupError;
use super::options::{BackupOptions, Tools};

/// Bytes of such packs that are looked at. A writer has stored a checkpoint's worth since its
/// last one, and what was under way.
const MAX_BYTES: u64 = 512 << 20;
/// Packs that are named and indexed together: their directories are held until then.
const AT_ONCE: usize = 64;

/// Adopts what predecessors have stored after their last checkpoint, and names it at once.
///
/// Whatever is wrong with such a pack costs nothing but its use: it is left where it is.
pub(super) fn adopt(
    tools: &Tools,
    begun: &Begun,
    options: &BackupOptions,
) -> Result<(), BackupError> {
    let adopted = begun.adopted.iter().map(|adopted| adopted.id);
    let dead: Vec<SessionId> = adopted.chain(begun.unnamed.iter().copied()).collect();
    if dead.is_empty() {
        return Ok(());
    }
    let (repository, runtime) = (&tools.repository, &tools.runtime);
    let state = runtime.block_on(repository.state());
    let mut orphans = Vec::new();
    for session in dead {
        match runtime.block_on(repository.orphan_packs(&state, session)) {
            Ok(found) => orphans.extend(found),
            Err(error) => tracing::debug!(
                error = &error as &dyn std::error::Error,
                %session,
                "cannot list the packs of a dead session"
            ),
        }
    }
    let mut left = MAX_BYTES;
    orphans.retain(|orphan| {
        let fits = orphan.len <= options.memory.buffers() && orphan.len <= left;
        left -= if fits { orphan.len } else { 0 };
        fits
    });
    for some in orphans.chunks(AT_ONCE) {
        runtime.block_on(adopt_some(repository, &begun.session, some))?;
    }
    Ok(())
}

/// Verifies some packs, one after the other, and names those that are whole.
async fn adopt_some(
    repository: &Repository,
    session: &Session,
    orphans: &[OrphanPack],
) -> Result<(), BackupError> {
    let mut builder = SegmentBuilder::new();
    for &orphan in orphans {
        match repository.verify_orphan(orphan).await {
            Ok((directory, hash)) => {
                builder.add_directory(&directory, hash);
                session.adopt(orphan.name);
            }
            Err(error) => tracing::debug!(
                error = &error as &dyn std::error::Error,
                pack = %orphan.name,
                "left alone"
            ),
        }
    }
    if builder.is_empty() {
        return Ok(());
    }
    for segment in builder.finish() {
        session.upload_segment(&segment).await?;
    }
    Ok(session.checkpoint(None).await?)
}
