//! New generations of keys, beside everything else, cut off anywhere, and sealing anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use orlop_repo::entropy::OsEntropy;
use orlop_repo::log::LogError;
use orlop_repo::maintain::MaintainOptions;
use orlop_repo::model::ObjectName;
use orlop_repo::repository::{
    KeyGenerationError, OpenOptions, Repository, RepositoryError, StartedGeneration,
};
use orlop_repo::slots::{Credential, SlotSpec, new_slot};
use orlop_repo::store::{Store, StoreError};

use crate::bench::{Bench, Files, files};
use crate::stage::Op;

fn rotate(
    bench: &Bench,
    client: &Arc<Repository>,
) -> Result<StartedGeneration, KeyGenerationError> {
    bench
        .runtime
        .block_on(client.start_key_generation(&[passphrase()], false))
}

/// What opens the second slot of the repository.
fn passphrase() -> Credential {
    Credential::Passphrase("a passphrase for tests".to_owned().into())
}

fn content() -> Files {
    files(&[("a", "a", 300_000), ("b", "b", 20_000), ("c", "c", 9000)])
}

/// The generation that a stored pack, or one of its blocks, says it is sealed under.
fn oldest_key_generation(bench: &Bench) -> u32 {
    let state = bench.state();
    let mut oldest = u32::MAX;
    for pack in state.packs.iter() {
        let object = bench.memory.contents()[&ObjectName::pack(pack)].clone();
        let end = object.len() - 8;
        let footer = u32::from_le_bytes(object[end..end + 4].try_into().unwrap()) as usize;
        let envelope = &object[end - footer..end];
        assert_eq!(&envelope[..4], b"ORLP");
        for at in [&envelope[8..12], &object[16..20]] {
            oldest = oldest.min(u32::from_le_bytes(at.try_into().unwrap()));
        }
    }
    for segment in &state.segments {
        let object = &bench.memory.contents()[&segment.name()];
        oldest = oldest.min(u32::from_le_bytes(object[8..12].try_into().unwrap()));
    }
    oldest
}

fn open_with(bench: &Bench, key: [u8; 32]) -> Result<Arc<Repository>, RepositoryError> {
    let options = OpenOptions {
        memory: 1 << 30,
        expect: None,
        seen: None,
        clock: bench.clock.clone(),
        entropy: Arc::new(OsEntropy),
    };
    let store = Store::new(bench.memory.clone());
    let credentials = [Credential::Raw(key.into())];
    bench
        .runtime
        .block_on(Repository::open(store, &credentials, options))
}

/// Adds a slot for a second key.
fn add_key(bench: &Bench, key: [u8; 32]) {
    let repository = bench.open_again();
    let spec = SlotSpec::Raw(key.into());
    let slot = new_slot(repository.keys(), repository.format(), &spec, "second", 1).unwrap();
    bench
        .memory
        .set(&slot.name, Some(slot.bytes.clone().into()));
    bench.append(&orlop_repo::log::Body::SlotAdd(orlop_repo::log::SlotAdd {
        name: slot.name.as_str().to_owned(),
        hash: orlop_repo::model::ObjectHash::of(&slot.bytes),
    }));
}

#[test]
fn a_repository_goes_on_under_new_keys_and_is_sealed_anew() {
    let mut bench = Bench::new();
    bench.backup(&content());
    for generation in 2..4 {
        let started = rotate(&bench, &bench.open_again()).unwrap();
        assert_eq!(started.generation, generation);
        assert_eq!(bench.names("meta/slots/").len(), 2, "the old ones are gone");
        bench.backup(&files(&[
            ("b", "b", 20_000),
            ("d", &format!("{generation}"), 70_000),
        ]));
    }
    bench.assert_whole();
    assert_eq!(oldest_key_generation(&bench), 1);
    let older = bench.state().older_keys;
    assert!(
        older.values().all(|older| !older.packs.is_empty()),
        "{older:?}"
    );
    // Without being asked for it, a run leaves what is good as it is.
    bench.prune();
    assert_eq!(oldest_key_generation(&bench), 1);
    let reseal = MaintainOptions {
        reseal: true,
        ..bench.options()
    };
    bench.prune_with(&reseal).unwrap();
    bench.prune();
    assert_eq!(oldest_key_generation(&bench), 3);
    let older = bench.state().older_keys;
    assert!(
        older.values().all(|older| older.packs.is_empty()),
        "{older:?}"
    );
    bench.assert_whole();
    bench.assert_tidy();
    let again = bench.prune_with(&reseal).unwrap();
    assert!(again.repacked.is_empty() && again.merged == 0, "{again:?}");
}

#[test]
fn sealing_anew_stays_within_its_bound_and_goes_on_in_the_next_run() {
    let mut bench = Bench::new();
    for n in 0..4 {
        bench.backup(&files(&[("a", &format!("{n}"), 100_000)]));
    }
    rotate(&bench, &bench.open_again()).unwrap();
    let reseal = MaintainOptions {
        reseal: true,
        max_repack: 120_000,
        ..bench.options()
    };
    let left = |bench: &Bench| bench.state().older_keys[&1].packs.len();
    let mut before = left(&bench);
    for run in 0.. {
        let report = bench.prune_with(&reseal).unwrap();
        assert!(report.repacked.bytes <= 120_000, "{report:?}");
        let now = left(&bench);
        if now == 0 {
            assert!(run > 1, "one run was enough");
            break;
        }
        assert!(now < before, "{report:?}");
        before = now;
    }
    assert_eq!(oldest_key_generation(&bench), 2);
    bench.assert_whole();
}

#[test]
fn a_backup_goes_on_under_keys_that_are_started_at_any_of_its_requests() {
    let content = files(&[("a", "a", 200_000), ("b", "b", 200_000), ("c", "c", 90_000)]);
    for number in 0.. {
        let mut bench = Bench::new();
        bench.backup(&files(&[("a", "a", 200_000)]));
        let bench = Arc::new(bench);
        let stage = bench.stage();
        let client = bench.client(&stage);
        let (writes, inside) = (AtomicU32::new(0), Arc::clone(&bench));
        stage.at(
            move |op, _| op != Op::Read && writes.fetch_add(1, Ordering::SeqCst) == number,
            move || {
                // Twice: the slots of the first are gone when the backup asks for them.
                rotate(&inside, &inside.open_again()).unwrap();
                rotate(&inside, &inside.open_again()).unwrap();
            },
        );
        let snapshot = bench.backup_often(&client, &content).unwrap();
        let over = stage.is_over();
        drop((client, stage));
        let mut bench = Arc::into_inner(bench).unwrap();
        bench.live.insert(snapshot.id, (snapshot, content.clone()));
        bench.assert_whole();
        if !over {
            assert!(number >= 5, "{number}");
            break;
        }
        assert_eq!(bench.state().key_generation, 3);
        bench
            .prune_with(&MaintainOptions {
                reseal: true,
                ..bench.options()
            })
            .unwrap();
        bench.prune();
        assert_eq!(oldest_key_generation(&bench), 3, "{number}");
        bench.assert_whole();
    }
}

#[test]
fn a_run_of_maintenance_goes_on_under_keys_that_are_started_meanwhile() {
    for number in 0.. {
        let mut bench = Bench::new();
        let old = bench.backup(&content());
        bench.backup(&files(&[("b", "b", 20_000), ("c", "c", 9000)]));
        bench.forget(old.id);
        let bench = Arc::new(bench);
        let stage = bench.stage();
        let client = bench.client(&stage);
        let (writes, inside) = (AtomicU32::new(0), Arc::clone(&bench));
        stage.at(
            move |op, _| op != Op::Read && writes.fetch_add(1, Ordering::SeqCst) == number,
            move || drop(rotate(&inside, &inside.open_again()).unwrap()),
        );
        let report = bench.prune_by(&client, &bench.options()).unwrap();
        let over = stage.is_over();
        bench.assert_whole();
        if !over {
            assert!(
                number > 8 && report.repacked.packs > 0,
                "{number}: {report:?}"
            );
            break;
        }
        bench.prune();
        bench.prune();
        bench.assert_whole();
        bench.assert_tidy();
    }
}

#[test]
fn a_restore_goes_on_although_everything_is_sealed_anew_under_its_feet() {
    let mut bench = Bench::new();
    let snapshot = bench.backup(&content());
    let bench = Arc::new(bench);
    let stage = bench.stage();
    let client = bench.client(&stage);
    let inside = Arc::clone(&bench);
    stage.at(
        |op, name| op == Op::Read && name.starts_with("packs/"),
        move || {
            rotate(&inside, &inside.open_again()).unwrap();
            let reseal = MaintainOptions {
                reseal: true,
                ..inside.options()
            };
            inside.prune_with(&reseal).unwrap();
            inside.prune();
            assert_eq!(oldest_key_generation(&inside), 2);
        },
    );
    assert!(bench.restored_by(&client, &snapshot) == content());
    assert!(stage.is_over());
}

#[test]
fn a_start_that_ends_at_any_request_leaves_the_repository_open_and_is_made_again() {
    for effect in [false, true] {
        for number in 0.. {
            let mut bench = Bench::new();
            bench.backup(&content());
            let mut stage = bench.stage();
            stage.effect = effect;
            let client = bench.client(&stage);
            stage.end.store(number, Ordering::SeqCst);
            let result = rotate(&bench, &client);
            let died = stage.writes.load(Ordering::SeqCst) > number;
            // Whoever has the key goes on, whether the new keys were started or not.
            bench.backup(&files(&[("later", "later", 5000)]));
            bench.assert_whole();
            if result.is_err() {
                let generation = bench.state().key_generation;
                let started = rotate(&bench, &bench.open_again()).unwrap();
                assert_eq!(started.generation, generation + 1);
                bench.backup(&files(&[("again", "again", 5000)]));
                bench.assert_whole();
                // Slots that were never named and are of the same number could be of somebody who
                // adds one just now: they go with the next generation.
                rotate(&bench, &bench.open_again()).unwrap();
            }
            // Nothing is left of what was never started, nor of slots that count no longer.
            if !died || result.is_err() {
                let now = bench.state();
                let slots: Vec<_> = now.slots.keys().cloned().collect();
                let stored = bench.names("meta/slots/");
                assert!(
                    stored
                        .iter()
                        .map(ObjectName::as_str)
                        .eq(slots.iter().map(String::as_str))
                );
                let objects = bench.names("meta/generations/").len();
                assert_eq!(objects, now.key_generation as usize - 1);
            }
            if !died {
                assert!(number >= 4, "{number}");
                break;
            }
        }
    }
}

#[test]
fn of_two_who_start_new_keys_at_once_one_does_and_the_other_says_so() {
    let mut bench = Bench::new();
    bench.backup(&content());
    for cue in 0..3 {
        let generation = bench.state().key_generation;
        let bench_ = Arc::new(bench);
        let stage = bench_.stage();
        let client = bench_.client(&stage);
        let (writes, inside) = (AtomicU32::new(0), Arc::clone(&bench_));
        stage.at(
            move |op, _| op != Op::Read && writes.fetch_add(1, Ordering::SeqCst) == cue,
            move || drop(rotate(&inside, &inside.open_again()).unwrap()),
        );
        let refused = rotate(&bench_, &client).unwrap_err();
        assert!(
            matches!(refused, KeyGenerationError::StartedByAnother { generation: g } if g == generation + 1),
            "{refused}"
        );
        // It goes on with the keys of the other one, and left nothing behind.
        bench_.backup_by(&client, &content());
        drop((client, stage));
        bench = Arc::into_inner(bench_).unwrap();
        assert_eq!(bench.names("meta/slots/").len(), 2);
        let objects = bench.names("meta/generations/").len();
        assert_eq!(objects, generation as usize);
        bench.assert_whole();
    }
}

#[test]
fn whoever_gets_no_slot_reads_what_was_and_nothing_that_is_new() {
    let mut bench = Bench::new();
    add_key(&bench, [8; 32]);
    bench.backup(&content());
    let old = open_with(&bench, [8; 32]).unwrap();
    let slots: Vec<_> = bench.names("meta/slots/");
    let kept: Vec<_> = slots
        .iter()
        .map(|name| (name.clone(), bench.memory.contents()[name].clone()))
        .collect();
    let client = bench.open_again();
    let start = client.start_key_generation(&[], false);
    let refused = bench.runtime.block_on(start).unwrap_err();
    let KeyGenerationError::NeedsOwners { slots: others } = refused else {
        panic!("{refused}");
    };
    assert_eq!(others.len(), 2);
    assert_eq!(bench.state().key_generation, 1, "nothing has changed");
    let both = [Credential::Raw([8; 32].into()), passphrase()];
    let planned = bench.runtime.block_on(client.plan_key_generation(&both));
    let renewed = |slot: &orlop_repo::repository::PlannedSlot| {
        slot.fate == orlop_repo::repository::SlotFate::Renewed
    };
    assert!(planned.unwrap().iter().all(renewed));
    bench
        .runtime
        .block_on(client.start_key_generation(&[], true))
        .unwrap();
    let new = bench.backup(&files(&[("new", "new", 50_000)]));
    assert!(open_with(&bench, [8; 32]).is_err());
    // With the old slots brought back they do not open it either.
    for (name, bytes) in kept {
        bench.memory.set(&name, Some(bytes));
    }
    let refused = open_with(&bench, [8; 32]).map(|_| ()).unwrap_err();
    assert!(
        matches!(
            refused,
            RepositoryError::Log(LogError::NewerKeys { generation: 2, .. })
        ),
        "{refused}"
    );
    // Who has it open still reads what was saved before, by the keys that they hold, ...
    let blocks = |keys: &orlop_repo::keys::Keyring, pack| {
        let object = bench.memory.contents()[&ObjectName::pack(pack)].clone();
        let directory = bench.runtime.block_on(orlop_repo::pack::read_directory(
            &Store::new(bench.memory.clone()),
            keys,
            pack,
            None,
            None,
        ));
        directory.map(|directory| {
            for block in directory.blocks() {
                let (start, len) = (block.offset as usize, block.len as usize);
                let sealed = &object[start..start + len];
                assert!(keys.open_block(directory.kind(), sealed).is_ok());
            }
        })
    };
    let state = bench.state();
    for pack in state.older_keys[&1].packs.iter() {
        blocks(old.keys(), pack).unwrap();
    }
    // ... and nothing that was saved since, nor can they go on in the log.
    let newer = new.root.0.place.pack;
    assert!(blocks(old.keys(), newer).is_err());
    let ended = bench
        .runtime
        .block_on(async { old.chain().await.refresh().await });
    assert!(
        matches!(ended, Err(LogError::NewerKeys { .. })),
        "{ended:?}"
    );
    bench.assert_whole();
}

#[test]
fn a_store_that_fails_while_the_new_slots_are_read_stops_nobody_for_good() {
    let mut bench = Bench::new();
    bench.backup(&content());
    let stage = bench.stage();
    let client = bench.client(&stage);
    rotate(&bench, &bench.open_again()).unwrap();
    let failing = Arc::new(AtomicU32::new(0));
    let end = Arc::clone(&stage.end);
    let seen = Arc::clone(&failing);
    // The first slot that it asks for is not to be had.
    stage.at(
        move |op, name| op == Op::Read && name.starts_with("meta/slots/"),
        move || {
            seen.fetch_add(1, Ordering::SeqCst);
            end.store(0, Ordering::SeqCst);
        },
    );
    stage.writes.store(1, Ordering::SeqCst);
    let refused = bench
        .runtime
        .block_on(async { client.chain().await.refresh().await });
    assert!(
        matches!(
            refused,
            Err(LogError::Store(StoreError::PermissionDenied { .. }))
        ),
        "{refused:?}"
    );
    assert_eq!(failing.load(Ordering::SeqCst), 1);
    stage.end.store(u64::MAX, Ordering::SeqCst);
    let snapshot = bench.backup_by(&client, &content());
    bench.live.insert(snapshot.id, (snapshot, content()));
    bench.assert_whole();
}
