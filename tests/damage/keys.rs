//! A damaged log in which a generation of keys was started.

use orlop_repo::log::{LogError, entry_place};
use orlop_repo::model::ObjectName;
use orlop_repo::repair::RepairError;
use orlop_repo::repository::RepositoryError;
use orlop_repo::store::MemoryBackend;

use crate::cycle::mend_log;
use crate::scene::{Bench, Scene, backup_by, inspect, key, open, passphrase, restore};

/// Number of the entry that the log ended with before.
fn start_keys(bench: &Bench, scene: &mut Scene, drop_others: bool) -> u64 {
    let before = scene.seen.number;
    let repository = open(bench, scene.memory.clone(), &[key()], None).unwrap();
    let more = if drop_others {
        Vec::new()
    } else {
        vec![passphrase()]
    };
    let started = repository.start_key_generation(&more, drop_others);
    assert_eq!(bench.runtime.block_on(started).unwrap().generation, 2);
    scene.seen = bench
        .runtime
        .block_on(async { repository.chain().await.seen() });
    before
}

fn entries_after(memory: &MemoryBackend, number: u64) -> Vec<ObjectName> {
    let mut names: Vec<_> = memory.contents().into_keys().collect();
    names.retain(|name| entry_place(name).is_some_and(|(_, n)| n > number));
    names
}

fn remove_folds(memory: &MemoryBackend) {
    for name in memory.contents().into_keys() {
        if name.as_str().starts_with("meta/folds/") {
            memory.set(&name, None);
        }
    }
}

fn is_generation_lost(error: &RepairError) -> bool {
    let RepairError::Open(RepositoryError::Log(error)) = error else {
        return false;
    };
    matches!(error, LogError::GenerationLost { generation: 2, .. })
}

#[test]
fn a_damaged_log_goes_on_under_the_keys_that_it_has_started() {
    let mut scene = Scene::new();
    let bench = Bench::new();
    let before = start_keys(&bench, &mut scene, false);
    let repository = open(&bench, scene.memory.clone(), &[key()], None).unwrap();
    let last = backup_by(&bench, &repository, &scene.source, "volume");
    scene.seen = bench
        .runtime
        .block_on(async { repository.chain().await.seen() });
    let names = entries_after(&scene.memory, before);
    let started = names[0].clone();
    for name in names {
        for folds in [true, false] {
            let memory = scene.memory.fork();
            memory.set(&name, None);
            if !folds {
                remove_folds(&memory);
            }
            let report = mend_log(&bench, &memory, &passphrase(), &scene);
            if !folds && name == started {
                // The fold after it had its copy.
                let needs_entry = |error: RepairError| is_generation_lost(&error);
                assert!(report.is_err_and(needs_entry), "{name}");
                continue;
            }
            let report = report.unwrap();
            assert_eq!(report.generation, Some(2), "{name}");
            let repository = open(&bench, memory, &[key()], None).unwrap();
            assert_eq!(repository.keys().current_generation(), 2);
            assert!(inspect(&bench, &repository).unwrap().is_sound(), "{name}");
            if report.broken.iter().all(|broken| broken.known) {
                let restored = restore(&bench, &repository, &last);
                assert!(restored.is_complete(), "{name}");
                scene.truths[&scene.last].compare(&restored, name.as_str());
            }
        }
    }
}

#[test]
fn without_the_entry_that_started_the_keys_a_repair_refuses() {
    let mut scene = Scene::new();
    let bench = Bench::new();
    let before = start_keys(&bench, &mut scene, false);
    remove_folds(&scene.memory);
    for name in entries_after(&scene.memory, before) {
        scene.memory.set(&name, None);
    }
    let contents = scene.memory.contents();
    let refused = mend_log(&bench, &scene.memory, &key(), &scene);
    assert!(refused.is_err_and(|error| is_generation_lost(&error)));
    assert!(scene.memory.contents() == contents);
}

#[test]
fn whoever_was_shut_out_takes_nothing_for_damage_and_repairs_nothing() {
    let mut scene = Scene::new();
    let bench = Bench::new();
    let old = scene.memory.contents();
    let before = start_keys(&bench, &mut scene, true);
    let repository = open(&bench, scene.memory.clone(), &[key()], None).unwrap();
    backup_by(&bench, &repository, &scene.source, "volume");
    for (name, bytes) in old {
        if name.as_str().starts_with("meta/slots/") {
            scene.memory.set(&name, Some(bytes));
        }
    }
    // With and without the entry that shuts them out.
    let started = entries_after(&scene.memory, before).remove(0);
    let without = scene.memory.fork();
    without.set(&started, None);
    for memory in [scene.memory.clone(), without] {
        let contents = memory.contents();
        let refused = mend_log(&bench, &memory, &passphrase(), &scene);
        let Err(RepairError::Open(RepositoryError::Log(LogError::NewerKeys { .. }))) = refused
        else {
            panic!("{:?}", refused.err());
        };
        assert!(memory.contents() == contents);
    }
}
