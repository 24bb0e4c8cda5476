//! Requests that were done, and others of which nobody knows.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use orlop_repo::explain::explain;
use orlop_repo::model::ObjectName;
use orlop_repo::seal::Suite;
use orlop_repo::store::{Folder, StoreError};
use orlop_test_servers::{Asked, Fault};

use crate::support::{back_up, init, try_back_up};
use crate::world::World;

/// The first time that a path is put, `fault` happens.
fn first_put(
    fault: Fault,
    what: &'static str,
) -> impl Fn(&Asked) -> Option<Fault> + Send + Sync + 'static {
    let seen = Mutex::new(BTreeSet::new());
    move |asked| {
        let chosen = asked.method == "PUT" && asked.path.contains(what);
        (chosen && seen.lock().unwrap().insert(asked.path.clone())).then_some(fault)
    }
}

/// Every entry of the log is put, and the reply is lost: none may be appended a second time.
#[test]
fn an_entry_whose_reply_was_lost_is_appended_once() {
    for fault in [Fault::Done(500), Fault::ResetAfter, Fault::Reset] {
        let world = World::new();
        let network = world.network(first_put(fault, "/log/"));
        let store = world.store(Some(&network), Duration::from_secs(10));
        let runtime = &world.runtime;
        let repository = runtime.block_on(init(store, Suite::XChaCha20Poly1305));
        let mut snapshots = Vec::new();
        for round in 0..3 {
            std::fs::write(world.source().join("new"), format!("{round}")).unwrap();
            let scratch = world.folder.path();
            snapshots.push(back_up(runtime, &repository, &world.source(), scratch).id);
        }
        let entries = runtime.block_on(async {
            let log = Folder::parse("log").unwrap();
            world.quiet().list(&log).await.unwrap().len()
        });
        // Init, and Begin and Commit of each.
        assert_eq!(entries, 1 + 2 * 3, "{fault:?}");
        assert_eq!(network.faults().len(), entries, "{fault:?}");
        let state = runtime.block_on(world.open().state());
        assert!(state.sessions.is_empty());
        assert_eq!(state.snapshots.len(), 3);
        assert!(snapshots.iter().all(|id| state.snapshots.contains_key(id)));
    }
}

/// Packs, segments and whatever else is put.
#[test]
fn what_was_stored_before_the_reply_was_lost_is_stored() {
    for fault in [Fault::Done(503), Fault::ResetAfter] {
        let world = World::new();
        let network = world.network(first_put(fault, "/"));
        let store = world.store(Some(&network), Duration::from_secs(10));
        let runtime = &world.runtime;
        let repository = runtime.block_on(init(store, Suite::XChaCha20Poly1305));
        back_up(runtime, &repository, &world.source(), world.folder.path());
        let kinds = ["/packs/", "/index/", "/log/", "/meta/"];
        let hit = network.faults();
        for kind in kinds {
            assert!(
                hit.iter().any(|(asked, _)| asked.path.contains(kind)),
                "{kind}: {hit:?}"
            );
        }
        let report = world.try_check(&world.open()).unwrap();
        assert!(report.is_sound(), "{:?}", report.findings);
    }
}

/// A body that stops is given up, by the time that was set, and named.
#[test]
fn a_body_that_stalls_is_noticed_and_names_its_object() {
    let world = World::new();
    let runtime = &world.runtime;
    let repository = runtime.block_on(init(world.quiet(), Suite::XChaCha20Poly1305));
    let scratch = world.folder.path();
    let snapshot = back_up(runtime, &repository, &world.source(), scratch);
    for fault in [Fault::Stalled, Fault::Cut] {
        let network = world.network(move |asked| {
            let chosen = asked.method == "GET" && asked.path.contains("/packs/");
            chosen.then_some(fault)
        });
        let once = world.store(Some(&network), Duration::ZERO);
        let pack = snapshot.root.0.place.pack;
        let name = ObjectName::pack(pack);
        let error = runtime.block_on(once.get_range(&name, 0..100)).unwrap_err();
        let said = explain(&error);
        assert!(said.contains(name.as_str()), "{said}");
        if fault == Fault::Stalled {
            assert!(matches!(error, StoreError::Timeout { .. }), "{error:?}");
        }
        assert!(error.is_retryable() && !error.is_damage(), "{error:?}");
        let repository = world.try_open(once).unwrap();
        let target = world.path("target");
        let error = world
            .try_restore(repository, &snapshot, &target)
            .unwrap_err();
        let said = explain(&error);
        assert!(said.contains("packs/") && !error.is_damage(), "{said}");
        // And through a network that does it once for each object, whoever is patient has it.
        let seen = Mutex::new(BTreeSet::new());
        let network = world.network(move |asked| {
            let new = asked.method == "GET" && seen.lock().unwrap().insert(asked.path.clone());
            new.then_some(fault)
        });
        let store = world.store(Some(&network), Duration::from_secs(20));
        let repository = world.try_open(store).unwrap();
        let restored = world.try_restore(repository, &snapshot, &target).unwrap();
        assert!(restored.is_complete() && !network.faults().is_empty());
        std::fs::remove_dir_all(target).unwrap();
    }
}

/// A store that has less of an object than it should, and says so: damage, and nothing is made up.
#[test]
fn an_object_that_is_too_short_is_damage_and_named() {
    let world = World::new();
    let runtime = &world.runtime;
    let repository = runtime.block_on(init(world.quiet(), Suite::XChaCha20Poly1305));
    let scratch = world.folder.path();
    let snapshot = back_up(runtime, &repository, &world.source(), scratch);
    let network = world.network(|asked| {
        let chosen = asked.method == "GET" && asked.path.contains("/packs/");
        chosen.then_some(Fault::Short)
    });
    let store = world.store(Some(&network), Duration::from_secs(10));
    let name = ObjectName::pack(snapshot.root.0.place.pack);
    let error = runtime
        .block_on(store.get_range(&name, 0..100))
        .unwrap_err();
    assert!(explain(&error).contains(name.as_str()), "{error}");
    let repository = world.try_open(store).unwrap();
    let target = world.path("target");
    let restored = world.try_restore(repository, &snapshot, &target);
    match restored {
        Ok(summary) => assert!(!summary.is_complete(), "{summary:?}"),
        Err(error) => assert!(explain(&error).contains("packs/"), "{error}"),
    }
}

/// A put that is refused for good is no success, and says of what.
#[test]
fn a_store_that_takes_nothing_fails_the_backup_and_the_next_one_goes_on() {
    let world = World::new();
    let runtime = &world.runtime;
    runtime.block_on(init(world.quiet(), Suite::XChaCha20Poly1305));
    let network = world.network(|asked| {
        let chosen = asked.method == "PUT" && asked.path.contains("/packs/");
        chosen.then_some(Fault::Refused(500))
    });
    let scratch = world.folder.path();
    let repository = world
        .try_open(world.store(Some(&network), Duration::from_millis(50)))
        .unwrap();
    let failed = try_back_up(runtime, &repository, &world.source(), scratch);
    let said = explain(&failed.unwrap_err());
    assert!(said.contains("packs/"), "{said}");
    let state = runtime.block_on(world.open().state());
    assert!(state.snapshots.is_empty());
    let repository = world.open();
    let snapshot = back_up(runtime, &repository, &world.source(), scratch);
    let target = world.path("target");
    let restored = world.try_restore(repository, &snapshot, &target).unwrap();
    assert!(restored.is_complete());
}
