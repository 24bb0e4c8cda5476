//! From damage to a sound repository: the repairs that a check advises, then a backup.

use std::collections::BTreeSet;
use std::sync::Arc;

use orlop_repo::check::{CheckProgress, NoProgress, Remedy};
use orlop_repo::model::SnapshotId;
use orlop_repo::repair::{
    IndexRepair, LogRepair, RepairError, RepairOptions, SnapshotRepair, repair_index, repair_log,
    repair_snapshots,
};
use orlop_repo::repository::{Repository, RepositoryError};
use orlop_repo::slots::Credential;
use orlop_repo::store::{Backend, MemoryBackend, Store};

use crate::scene::{
    Bench, Scene, backup_by, check_options, inspect, key, open, open_options, passphrase, restore,
};

/// What repairs have said.
#[derive(Default)]
pub(crate) struct Said {
    /// Hurt files, with their snapshots.
    pub(crate) hurt: BTreeSet<(SnapshotId, Vec<u8>)>,
    /// Whether entries of the log are lost.
    pub(crate) unknown: bool,
}

pub(crate) fn repair_options(bench: &Bench, accept_loss: bool) -> RepairOptions {
    RepairOptions {
        dry_run: false,
        accept_loss,
        check: check_options(bench),
        client: "test".to_owned(),
    }
}

pub(crate) fn quiet() -> Arc<dyn CheckProgress> {
    Arc::new(NoProgress)
}

/// The credential that opens the repository, be one of the slots damaged.
fn credential(bench: &Bench, memory: &MemoryBackend, scene: &Scene) -> Credential {
    match open(bench, memory.clone(), &[key()], Some(scene.seen)) {
        Err(RepositoryError::NoKey { .. } | RepositoryError::Slot(_)) => passphrase(),
        _ => key(),
    }
}

/// Repairs the log, having looked first what that would cost.
pub(crate) fn mend_log(
    bench: &Bench,
    backend: &(impl Backend + Clone),
    credential: &Credential,
    scene: &Scene,
) -> Result<LogRepair, RepairError> {
    let credentials = std::slice::from_ref(credential);
    let repair = |accept_loss| {
        bench.runtime.block_on(repair_log(
            Store::new(backend.clone()),
            credentials,
            open_options(Some(scene.seen)),
            &repair_options(bench, accept_loss),
            &quiet(),
        ))
    };
    let report = repair(false)?;
    if report.refused {
        return repair(true);
    }
    Ok(report)
}

pub(crate) fn mend_index(
    bench: &Bench,
    repository: &Arc<Repository>,
    options: &RepairOptions,
) -> Result<IndexRepair, RepairError> {
    let quiet = quiet();
    bench
        .runtime
        .block_on(repair_index(repository, options, &quiet))
}

pub(crate) fn mend_snapshots(
    bench: &Bench,
    repository: &Arc<Repository>,
    options: &RepairOptions,
) -> Result<SnapshotRepair, RepairError> {
    let quiet = quiet();
    bench
        .runtime
        .block_on(repair_snapshots(repository, options, &quiet))
}

/// Does what a check advises until it has nothing to say.
pub(crate) fn mend(
    bench: &Bench,
    scene: &Scene,
    memory: &MemoryBackend,
    context: &str,
) -> (Arc<Repository>, Said) {
    let credential = credential(bench, memory, scene);
    let mut said = Said::default();
    let log = |said: &mut Said| {
        let report = mend_log(bench, memory, &credential, scene);
        let report = report.unwrap_or_else(|error| panic!("{context}: {error:?}"));
        said.unknown |= report.broken.iter().any(|broken| !broken.known);
    };
    for _ in 0..4 {
        let credentials = std::slice::from_ref(&credential);
        let opened = open(bench, memory.clone(), credentials, Some(scene.seen));
        let repository = match opened {
            Ok(repository) => repository,
            Err(RepositoryError::Log(error)) if error.is_damage() => {
                log(&mut said);
                continue;
            }
            Err(error) => panic!("{context}: {error:?}"),
        };
        let report = inspect(bench, &repository).unwrap();
        if report.is_sound() {
            // Also what a repair had declared that was cut off then.
            let hurt = report.findings.iter().flat_map(|f| &f.hurt);
            said.hurt
                .extend(hurt.map(|file| (file.snapshot, file.path.clone())));
            return (repository, said);
        }
        let options = repair_options(bench, false);
        let remedies = report.remedies();
        assert!(!remedies.is_empty(), "{context}: {report:?}");
        for remedy in remedies {
            match remedy {
                Remedy::RepairLog => log(&mut said),
                Remedy::RepairIndex => {
                    mend_index(bench, &repository, &options).unwrap();
                }
                Remedy::RepairSnapshots => {
                    let done = mend_snapshots(bench, &repository, &options).unwrap();
                    let hurt = done.found.findings.iter().flat_map(|f| &f.hurt);
                    said.hurt
                        .extend(hurt.map(|file| (file.snapshot, file.path.clone())));
                }
            }
        }
    }
    let repository = open(bench, memory.clone(), &[credential], None).unwrap();
    let report = inspect(bench, &repository).unwrap();
    panic!("{context}: it is not sound after the repairs: {report:?}");
}

/// Repairs, holds what is lost against what was said, and backs the unchanged source up: the new
/// snapshot is whole, and what the older ones share with it is whole again.
///
/// A page that was lost together with chunks that it names is not made again: these have other
/// places then. Only so, the snapshot of the same source may stay hurt.
pub(crate) fn run(bench: &Bench, scene: &Scene, memory: &MemoryBackend, context: &str) {
    run_with(bench, scene, memory, context, true);
}

pub(crate) fn run_with(
    bench: &Bench,
    scene: &Scene,
    memory: &MemoryBackend,
    context: &str,
    heals: bool,
) {
    let (repository, said) = mend(bench, scene, memory, context);
    let state = bench.runtime.block_on(repository.state());
    let missing = scene
        .truths
        .keys()
        .filter(|id| !state.snapshots.contains_key(id))
        .count();
    assert!(
        missing == 0 || said.unknown,
        "{context}: a snapshot is gone"
    );
    for (id, snapshot) in &state.snapshots {
        let restored = restore(bench, &repository, snapshot);
        scene.truths[id].compare(&restored, context);
        let hurt = said.hurt.iter().any(|(of, _)| of == id);
        assert_eq!(restored.is_complete(), !hurt, "{context}");
        for path in restored.damaged {
            let named = said.hurt.contains(&(*id, path));
            assert!(named, "{context}: a repair did not name it");
        }
    }
    let healed = backup_by(bench, &repository, &scene.source, "volume");
    let restored = restore(bench, &repository, &healed);
    assert!(restored.is_complete(), "{context}");
    scene.truths[&scene.last].compare(&restored, context);
    let credential = credential(bench, memory, scene);
    let repository = open(bench, memory.clone(), &[credential], None).unwrap();
    let report = inspect(bench, &repository).unwrap();
    assert!(report.is_sound(), "{context}: {report:?}");
    let state = bench.runtime.block_on(repository.state());
    if let Some(last) = state.snapshots.get(&scene.last) {
        let restored = restore(bench, &repository, last);
        assert!(restored.is_complete() || !heals, "{context}: {report:?}");
        scene.truths[&scene.last].compare(&restored, context);
    }
}
