//! Saying what is lost, and saving what is not.

use std::sync::Arc;

use minicbor::bytes::ByteArray;

use super::error::RepairError;
use super::lost::{declare, take_back};
use super::options::RepairOptions;
use super::report::SnapshotRepair;
use super::salvage::salvage;
use crate::check::{CheckProgress, Phase, inspect};
use crate::log::{Role, State};
use crate::repository::{Repository, Session, SessionError, SessionRequest};
use crate::seal::BlockKind;

/// Repairs what snapshots need.
///
/// Looks at index, packs and trees as a check does. What can be read in a damaged pack and nowhere
/// else is copied into a new one; what can be read nowhere is declared lost, be it needed by a
/// snapshot or not, since a backup would rely on it; what was declared lost and can be read is not
/// any more. Snapshots stay as they are: the report names every file that is hurt, and so does each
/// check from then on.
///
/// # Errors
///
/// [`RepairError::IndexFirst`] if a segment cannot be read. Others as they say; run again, it goes
/// on.
pub async fn repair_snapshots(
    repository: &Arc<Repository>,
    options: &RepairOptions,
    progress: &Arc<dyn CheckProgress>,
) -> Result<SnapshotRepair, RepairError> {
    let state = refreshed(repository).await?;
    guard(repository, &state)?;
    let mut inspected = inspect(repository, &options.check, Arc::clone(progress)).await?;
    if let Some(segment) = inspected.resolver.index.broken.iter().next() {
        return Err(RepairError::IndexFirst {
            segment: segment.name(),
        });
    }
    let since = (inspected.state.next, inspected.state.head);
    let mut gone = std::mem::take(&mut inspected.examined.gone);
    let lost = &inspected.state.lost;
    gone.retain(|prefix| !lost.contains(&ByteArray::from(*prefix)));
    let examined = &inspected.examined;
    let mut report = SnapshotRepair {
        found: std::mem::take(&mut inspected.report),
        lost: gone.len() as u64,
        back: inspected.resolver.back.len() as u64,
        salvaged: examined.salvage.values().map(|s| s.len() as u64).sum(),
        salvaged_from: examined.salvage.keys().copied().collect(),
    };
    if options.dry_run {
        return Ok(report);
    }
    if !examined.salvage.is_empty() {
        progress.phase(Phase::Packs, examined.salvage.len() as u64);
        let request = |_: &State| Ok::<_, SessionError>(maintainer(options));
        let session = Session::begin(Arc::clone(repository), request).await?;
        let packs = &inspected.resolver.index.packs;
        let kind_of = |pack| {
            let listed = packs.get(&pack);
            listed.map_or(BlockKind::Data, |listed| listed.info.kind)
        };
        let copied = salvage(&session, examined, kind_of, since, progress).await;
        let ended = session.end().await;
        report.salvaged = copied?.chunks;
        match ended {
            // That somebody has declared it dead is no matter: its work is done.
            Ok(()) | Err(SessionError::Invalid(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    report.lost = declare(repository, &inspected, &gone).await?;
    report.back = take_back(repository, since, &inspected.resolver.back).await?;
    Ok(report)
}

/// The session of a repair.
pub(super) fn maintainer(options: &RepairOptions) -> SessionRequest {
    SessionRequest {
        role: Role::Maintainer,
        base: None,
        adopts: Vec::new(),
        owner: None,
        client: options.client.clone(),
        volume: None,
    }
}

/// The state at the end of the log.
pub(super) async fn refreshed(repository: &Repository) -> Result<State, RepairError> {
    let mut chain = repository.chain().await;
    chain.refresh().await?;
    Ok(chain.state().clone())
}

/// Fails if something may look damaged that is only sealed under keys which are not known here.
///
/// What the log names up to `state` is sealed under generations that it had started by then.
pub(super) fn guard(repository: &Repository, state: &State) -> Result<(), RepairError> {
    if state.key_generation > repository.keys().current_generation() {
        return Err(RepairError::KeysOutdated);
    }
    Ok(())
}
