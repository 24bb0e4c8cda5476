//! Letting a damaged log go on.

use std::sync::Arc;

use futures::TryStreamExt as _;

use super::error::RepairError;
use super::folds::renew_fold;
use super::meta::repair_meta;
use super::options::RepairOptions;
use super::report::{LogRepair, LostSession};
use super::snapshots::{guard, maintainer};
use crate::check::{CheckError, CheckProgress, Phase};
use crate::index::SegmentBuilder;
use crate::log::{AppendError, Body, Invalid, SlotAdd, State};
use crate::model::{ObjectHash, ObjectName, PackName, SessionId};
use crate::pack::PackError;
use crate::repository::{
    DamagedRepository, OpenOptions, OrphanPack, Repository, Session, SessionError,
};
use crate::slots::Credential;
use crate::store::{Folder, Store};

/// Packs that are named and indexed together: their directories are held until then.
const AT_ONCE: usize = 64;

/// Repairs the log, and what opens the repository.
///
/// *Expected flow.* The log is read over whatever is damaged or gone in it. If nothing is, only
/// folds, slots and the format object are looked at. Otherwise it is closed, and goes on in another
/// generation with a fold of all that is known, so that nobody has to read this one again.
///
/// Entries of which nobody has a copy are passed over if [`RepairOptions::accept_loss`] says so:
/// then every open session is declared dead first, and packs that nothing names are named, so that
/// the next backups find what was stored. Without, nothing is done, and the report says so.
///
/// # Errors
///
/// [`RepairError`]; run again, it goes on. Whatever others have appended meanwhile is taken into
/// account by that.
pub async fn repair_log(
    store: Store,
    credentials: &[Credential],
    open: OpenOptions,
    options: &RepairOptions,
    progress: &Arc<dyn CheckProgress>,
) -> Result<LogRepair, RepairError> {
    progress.phase(Phase::Log, 1);
    let damaged = Repository::open_damaged(store, credentials, open).await?;
    progress.step();
    let repository = Arc::clone(&damaged.repository);
    guard(&repository, &repository.state().await)?;
    let mut report = LogRepair {
        broken: damaged.broken.clone(),
        ..LogRepair::default()
    };
    let unknown = damaged.broken.iter().any(|broken| !broken.known);
    if unknown {
        report.sessions = open_sessions(&repository.state().await);
        if !options.accept_loss {
            report.refused = true;
            return Ok(report);
        }
    }
    if options.dry_run {
        let state = repository.state().await;
        report.generation = damaged
            .needs_generation
            .then(|| state.closed.unwrap_or(state.generation.saturating_add(1)));
    } else {
        // All this stands before the next generation begins: whoever is cut off does it again.
        if unknown && repository.state().await.closed.is_none() {
            settle_unknown(&repository, &damaged, &report.sessions).await?;
            adopt(&repository, options, progress, &mut report).await?;
        }
        if damaged.needs_generation {
            report.generation = Some(begin_generation(&repository).await?);
        }
    }
    if !options.dry_run || !damaged.needs_generation {
        repair_meta(&repository, options, &mut report).await?;
        report.folded = renew_fold(&repository, options).await?;
    }
    report.seen = Some(repository.chain().await.seen());
    Ok(report)
}

fn open_sessions(state: &State) -> Vec<LostSession> {
    let open = state.sessions.iter().filter(|(_, session)| !session.dead);
    open.map(|(id, session)| LostSession {
        id: *id,
        role: session.role,
        volume: session.volume.clone(),
        client: session.client.clone(),
    })
    .collect()
}

/// Appends what must hold whatever the lost entries said.
async fn settle_unknown(
    repository: &Repository,
    damaged: &DamagedRepository,
    sessions: &[LostSession],
) -> Result<(), RepairError> {
    let mut chain = repository.chain().await;
    if let Some(hash) = damaged.slot_missing {
        let slot = SlotAdd {
            name: repository.slot(),
            hash,
        };
        let added = chain
            .append::<AppendError>(|_| Ok(Body::SlotAdd(slot.clone())))
            .await;
        unless_done(added.map(|_| ()))?;
    }
    for session in sessions {
        let killed = chain
            .append::<AppendError>(|_| Ok(Body::Kill(session.id)))
            .await;
        unless_done(killed.map(|_| ()))?;
    }
    Ok(())
}

fn unless_done(result: Result<(), AppendError>) -> Result<(), RepairError> {
    match result {
        Ok(()) | Err(AppendError::Invalid(Invalid::Slot(_) | Invalid::SessionNotOpen(_))) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn begin_generation(repository: &Repository) -> Result<u16, RepairError> {
    let mut chain = repository.chain().await;
    match chain.start_generation().await {
        Ok(entry) => Ok(entry.generation),
        // Somebody else was faster.
        Err(AppendError::Invalid(Invalid::NotClosed)) => Ok(chain.state().generation),
        Err(error) => Err(error.into()),
    }
}

/// Names packs that nothing names and that no `Sweep` has named, if every byte of them is good: an
/// entry that is lost may have named them.
async fn adopt(
    repository: &Arc<Repository>,
    options: &RepairOptions,
    progress: &Arc<dyn CheckProgress>,
    report: &mut LogRepair,
) -> Result<(), RepairError> {
    let orphans = orphans(repository).await?;
    if orphans.is_empty() {
        return Ok(());
    }
    progress.phase(Phase::Packs, orphans.len() as u64);
    let request = |_: &State| Ok::<_, SessionError>(maintainer(options));
    let session = Session::begin(Arc::clone(repository), request).await?;
    for some in orphans.chunks(AT_ONCE) {
        let mut segment = SegmentBuilder::new();
        for orphan in some {
            if progress.is_cancelled() {
                return Err(CheckError::Cancelled.into());
            }
            if let Some((directory, hash)) = verified(repository, *orphan).await? {
                segment.add_directory(&directory, hash);
                session.adopt(orphan.name);
                report.packs_adopted += 1;
                report.bytes_adopted += orphan.len;
            }
            progress.step();
        }
        for body in segment.finish() {
            session.upload_segment(&body).await?;
        }
        session.checkpoint(None).await?;
    }
    Ok(session.end().await?)
}

async fn verified(
    repository: &Repository,
    orphan: OrphanPack,
) -> Result<Option<(crate::pack::PackDirectory, ObjectHash)>, RepairError> {
    match repository.verify_orphan(orphan).await {
        Ok(verified) => Ok(Some(verified)),
        Err(error) if error.is_broken() => Ok(None),
        Err(error @ PackError::Store { .. }) => Err(RepairError::Pack(error)),
        Err(_) => Ok(None),
    }
}

/// Packs that are stored and that no entry names.
async fn orphans(repository: &Repository) -> Result<Vec<OrphanPack>, RepairError> {
    let state = repository.state().await;
    let folder = Folder::parse("packs")?;
    let mut listing = repository.store().walk(&folder);
    let mut orphans = Vec::new();
    while let Some(info) = listing.try_next().await? {
        let Some(name) = folder.rest(&info.name).and_then(parse) else {
            continue;
        };
        let known = state.packs.contains(name) || state.swept.contains(name);
        let is_open = state.open_session(name.session).is_ok();
        if !known && !is_open && ObjectName::pack(name) == info.name {
            let len = info.len;
            orphans.push(OrphanPack { name, len });
        }
    }
    orphans.sort_unstable_by_key(|orphan| orphan.name);
    Ok(orphans)
}

fn parse(rest: &str) -> Option<PackName> {
    let (session, number) = rest.split_once('/')?;
    Some(PackName {
        session: SessionId::from_hex(session)?,
        number: number.parse().ok()?,
    })
}
