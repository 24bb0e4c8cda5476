//! Others append, store and read while a run is under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use orlop_repo::log::{Body, Forget, Unforget};
use orlop_repo::model::{ObjectName, PackSet, SnapshotId};
use orlop_repo::repository::Repository;
use orlop_repo::snapshot::Snapshot;
use parking_lot::Mutex;

use crate::bench::{Bench, Files, files};
use crate::stage::Op;

/// Whether a request appends to the log.
fn appends(op: Op, name: &str) -> bool {
    op == Op::Create && name.starts_with("log/")
}

/// A snapshot that was forgotten, and one that shares a file with it.
fn with_garbage() -> (Bench, Snapshot, Files) {
    let mut bench = Bench::new();
    let content = files(&[("a", "a", 150_000), ("b", "b", 20_000)]);
    let old = bench.backup(&content);
    bench.backup(&files(&[("b", "b", 20_000), ("c", "c", 30_000)]));
    bench.forget(old.id);
    (bench, old, content)
}

/// Runs a maintenance without grace; `meanwhile` happens before its first entry is appended.
fn prune_while(
    bench: &Arc<Bench>,
    meanwhile: impl FnOnce(&Bench) + Send + 'static,
) -> orlop_repo::maintain::MaintainReport {
    let stage = bench.stage();
    let client = bench.client(&stage);
    let inside = Arc::clone(bench);
    stage.at(appends, move || meanwhile(&inside));
    let report = bench.prune_by(&client, &bench.options()).unwrap();
    assert!(stage.is_over());
    report
}

/// What must restore in the end, and two runs leave nothing that is not needed.
fn settle(bench: Arc<Bench>, snapshot: Snapshot, content: Files) {
    let mut bench = Arc::into_inner(bench).unwrap();
    bench.live.insert(snapshot.id, (snapshot, content));
    bench.assert_whole();
    bench.prune();
    bench.prune();
    bench.assert_whole();
    bench.assert_tidy();
}

#[test]
fn a_backup_that_is_committed_between_mark_and_condemn_keeps_what_it_found() {
    let (bench, _, content) = with_garbage();
    let bench = Arc::new(bench);
    let (sent, stored) = (Arc::new(Mutex::new(None)), content.clone());
    let into = Arc::clone(&sent);
    let packs = bench.names("packs/").len();
    prune_while(&bench, move |bench| {
        let snapshot = bench.backup_by(&bench.open_again(), &stored);
        assert!(
            bench.names("packs/").len() <= packs + 1,
            "it has found all but its tree in what was to go"
        );
        *into.lock() = Some(snapshot);
    });
    let snapshot = sent.lock().take().unwrap();
    settle(bench, snapshot, content);
}

/// Which folds to keep is judged by entries that stand in the log: of a fold that others have just
/// written, by an entry that this run had not processed. It must not forget that it has seen it.
#[test]
fn a_run_that_has_read_a_later_entry_notices_that_the_store_went_back() {
    let (bench, ..) = with_garbage();
    let fold = |bench: &Bench| {
        let folded = async { bench.repository.chain().await.fold().await };
        bench.runtime.block_on(folded).unwrap();
    };
    fold(&bench);
    let bench = Arc::new(bench);
    let saved = bench.memory.contents();
    let stage = bench.stage();
    let client = bench.client(&stage);
    let (inside, then, old) = (Arc::clone(&bench), stage.clone(), saved.clone());
    stage.at(
        |op, name| op == Op::List && name == "packs",
        move || {
            let id = *inside.state().snapshots.keys().next().unwrap();
            let snapshots = vec![id];
            inside.append(&Body::Forget(Forget { snapshots }));
            fold(&inside);
            // The newer fold is judged first; the store goes back when that is done.
            let mut folds = 0;
            then.at(
                move |op, name| {
                    folds += u32::from(op == Op::Read && name.starts_with("meta/folds/"));
                    folds == 2
                },
                move || {
                    for name in inside.memory.contents().into_keys() {
                        inside.memory.set(&name, old.get(&name).cloned());
                    }
                },
            );
        },
    );
    let error = bench.prune_by(&client, &bench.options()).unwrap_err();
    assert!(stage.is_over());
    let error = orlop_repo::explain::explain(&error);
    assert!(error.contains("the store was rolled back"), "{error}");
    assert!(bench.memory.contents() == saved, "something was appended");
}

#[test]
fn a_backup_that_began_between_mark_and_condemn_keeps_what_it_relies_on() {
    let (bench, _, content) = with_garbage();
    let bench = Arc::new(bench);
    // The backup is held at its commit until the run has come to its end.
    let stage = bench.stage();
    let entries = AtomicU32::new(0);
    let inside = Arc::clone(&bench);
    stage.at(
        move |op, name| appends(op, name) && entries.fetch_add(1, Ordering::SeqCst) == 1,
        move || {
            inside.prune();
            let report = inside.prune();
            let names = inside.state().packs.len();
            assert!(names > 0, "{report:?}");
        },
    );
    let client = bench.client(&stage);
    let snapshot = bench.backup_by(&client, &content);
    assert!(stage.is_over());
    settle(bench, snapshot, content);
}

#[test]
fn a_dead_checkpoint_that_is_adopted_between_mark_and_condemn_is_carried_on() {
    let mut bench = Bench::new();
    bench.backup(&files(&[("z", "z", 1000)]));
    let content = files(&[
        ("a", "a", 1 << 20),
        ("b", "b", 1 << 20),
        ("c", "c", 1 << 20),
    ]);
    let stage = bench.stage();
    let client = bench.client(&stage);
    stage.end.store(8, Ordering::SeqCst);
    assert!(bench.backup_often(&client, &content).is_err());
    bench.kill_all();
    let sessions = bench.state().sessions;
    assert!(
        sessions.values().any(|s| s.dead && s.partial.is_some()),
        "{sessions:?}"
    );
    let bench = Arc::new(bench);
    let sent = Arc::new(Mutex::new(None));
    let (into, stored) = (Arc::clone(&sent), content.clone());
    let report = prune_while(&bench, move |bench| {
        *into.lock() = Some(bench.backup_by(&bench.open_again(), &stored));
    });
    assert_eq!(report.broken, 0, "{report:?}");
    let snapshot = sent.lock().take().unwrap();
    settle(bench, snapshot, content);
}

#[test]
fn content_that_a_dead_checkpoint_has_taken_over_is_named_by_nobody_and_kept() {
    let mut bench = Bench::new();
    let base = bench.backup(&files(&[("a", "a", 600_000)]));
    // Takes `a` over from the base, by its list of content, and is cut off later.
    let content = files(&[
        ("a", "a", 600_000),
        ("b", "b", 1 << 20),
        ("c", "c", 1 << 20),
        ("d", "d", 1 << 20),
    ]);
    let stage = bench.stage();
    let client = bench.client(&stage);
    stage.end.store(8, Ordering::SeqCst);
    assert!(bench.backup_often(&client, &content).is_err());
    bench.kill_all();
    let dead = bench.state().sessions.values().cloned().collect::<Vec<_>>();
    assert!(dead[0].dead && dead[0].partial.is_some(), "{dead:?}");
    let of_base = bench.state().packs.iter().find(|pack| {
        let is_data = bench.memory.contents()[&ObjectName::pack(*pack)][8] == 1;
        is_data && pack.session == base.root.0.place.pack.session
    });
    let of_base = of_base.unwrap();
    assert!(!dead[0].relied.contains(of_base), "it is not named");
    bench.forget(base.id);
    let bench = Arc::new(bench);
    let sent = Arc::new(Mutex::new(None));
    let (into, stored) = (Arc::clone(&sent), content.clone());
    prune_while(&bench, move |bench| {
        *into.lock() = Some(bench.backup_by(&bench.open_again(), &stored));
    });
    let snapshot = sent.lock().take().unwrap();
    assert!(snapshot.stats.added < 2 << 20, "{:?}", snapshot.stats);
    assert!(
        bench
            .memory
            .contents()
            .contains_key(&ObjectName::pack(of_base))
    );
    settle(bench, snapshot, content);
}

#[test]
fn a_dead_checkpoint_that_nobody_comes_back_for_goes() {
    let mut bench = Bench::new();
    bench.backup(&files(&[("z", "z", 1000)]));
    let stage = bench.stage();
    let client = bench.client(&stage);
    stage.end.store(8, Ordering::SeqCst);
    let content = files(&[
        ("a", "a", 1 << 20),
        ("b", "b", 1 << 20),
        ("c", "c", 1 << 20),
    ]);
    assert!(bench.backup_often(&client, &content).is_err());
    let report = bench.prune();
    assert!(report.swept.packs == 0, "its session is open: {report:?}");
    bench.kill_all();
    let mut options = bench.options();
    options.grace = Duration::from_hours(1);
    let report = bench.prune_with(&options).unwrap();
    assert_eq!(report.broken, 0, "it is young: {report:?}");
    assert!(bench.state().sessions.values().any(|session| session.dead));
    let report = bench.prune();
    assert_eq!(report.broken, 1, "{report:?}");
    bench.prune();
    bench.assert_whole();
    bench.assert_tidy();
}

#[test]
fn a_snapshot_that_is_brought_back_between_mark_and_condemn_stays() {
    let (bench, old, content) = with_garbage();
    let bench = Arc::new(bench);
    let id = old.id;
    prune_while(&bench, move |bench| unforget(bench, id));
    assert!(bench.state().snapshots.contains_key(&id));
    settle(bench, old, content);
}

#[test]
fn a_snapshot_that_is_brought_back_between_condemn_and_sweep_stays() {
    let (mut bench, old, content) = with_garbage();
    let mut options = bench.options();
    options.grace = Duration::from_hours(1);
    assert!(bench.prune_with(&options).unwrap().condemned.packs > 0);
    unforget(&bench, old.id);
    bench.live.insert(old.id, (old, content));
    bench.clock.advance(Duration::from_hours(2));
    bench.prune_with(&options).unwrap();
    bench.assert_whole();
}

/// Brings a snapshot back, with all packs, as one that has verified every chunk of it does.
fn unforget(bench: &Bench, id: SnapshotId) {
    let (client, runtime) = (bench.open_again(), &bench.runtime);
    let session = runtime.block_on(begin(&client));
    let state = bench.state();
    bench.append(&Body::Unforget(Unforget {
        session,
        snapshots: vec![id],
        relied: state.packs.iter().collect::<PackSet>(),
    }));
    bench.append(&Body::End(session));
}

async fn begin(repository: &Arc<Repository>) -> orlop_repo::model::SessionId {
    use orlop_repo::log::Role;
    use orlop_repo::repository::{Session, SessionError, SessionRequest};

    let session = Session::begin::<SessionError>(Arc::clone(repository), |_| {
        Ok(SessionRequest {
            role: Role::Writer,
            base: None,
            adopts: Vec::new(),
            owner: None,
            client: "test".to_owned(),
            volume: None,
        })
    });
    session.await.unwrap().id()
}

#[test]
fn an_open_session_holds_back_what_it_may_rely_on_and_is_named() {
    let (bench, ..) = with_garbage();
    let session = bench.runtime.block_on(begin(&bench.open_again()));
    let report = bench.prune();
    assert!(
        report.condemned.packs > 0 && report.swept.packs == 0,
        "{report:?}"
    );
    for waiting in &report.waiting {
        assert_eq!(waiting.sessions[0].session, session);
    }
    bench.append(&Body::End(session));
    let report = bench.prune();
    assert!(report.swept.packs > 0, "{report:?}");
    bench.assert_whole();
    bench.assert_tidy();
}

#[test]
fn the_base_of_an_open_session_stays_although_it_was_forgotten() {
    let mut bench = Bench::new();
    let content = files(&[("a", "a", 150_000), ("b", "b", 20_000)]);
    let old = bench.backup(&content);
    // A backup that takes all of its base over, and is held at its commit.
    let bench_in = Arc::new(Mutex::new(None::<Arc<Bench>>));
    let stage = bench.stage();
    let entries = AtomicU32::new(0);
    let (inside, id) = (Arc::clone(&bench_in), old.id);
    stage.at(
        move |op, name| appends(op, name) && entries.fetch_add(1, Ordering::SeqCst) == 1,
        move || {
            let bench = inside.lock().clone().unwrap();
            bench.append(&Body::Forget(Forget {
                snapshots: vec![id],
            }));
            bench.prune();
            bench.prune();
        },
    );
    bench.live.clear();
    let bench = Arc::new(bench);
    *bench_in.lock() = Some(Arc::clone(&bench));
    let client = bench.client(&stage);
    let mut more = content.clone();
    more.extend(files(&[("new", "new", 5000)]));
    let snapshot = bench.backup_by(&client, &more);
    assert!(stage.is_over());
    assert_eq!(snapshot.parent, Some(old.id));
    bench_in.lock().take();
    settle(bench, snapshot, more);
}

#[test]
fn runs_all_along_a_backup_take_nothing_from_a_base_that_was_forgotten() {
    let mut bench = Bench::new();
    let base = bench.backup(&files(&[("a", "a", 600_000)]));
    bench.live.clear();
    let bench = Arc::new(bench);
    let stage = bench.stage();
    let client = bench.client(&stage);
    let (inside, begun) = (Arc::clone(&bench), AtomicU32::new(0));
    stage.always(move || {
        // The first write is the session's beginning, which needs the base.
        if begun.fetch_add(1, Ordering::SeqCst) == 1 {
            inside.append(&Body::Forget(Forget {
                snapshots: vec![base.id],
            }));
        }
        inside.prune();
    });
    let content = files(&[
        ("a", "a", 600_000),
        ("b", "b", 1 << 20),
        ("c", "c", 1 << 20),
        ("d", "d", 1 << 20),
    ]);
    let snapshot = bench.backup_often(&client, &content).unwrap();
    assert!(snapshot.stats.files_unmodified > 0, "{:?}", snapshot.stats);
    drop((client, stage));
    settle(bench, snapshot, content);
}

/// Two packs with the same chunk `c`, each with another one beside it, and a snapshot that needs
/// `c` alone. Of the first of the packs by name only `c` is needed, of the second all: as long as
/// the snapshot that is given lives.
fn two_copies() -> (Bench, Snapshot) {
    let beside = |name: &str| files(&[("c", "c", 200_000), ("x", name, 100_000)]);
    let bench = Arc::new(Bench::new());
    let stage = bench.stage();
    let client = bench.client(&stage);
    let sent = Arc::new(Mutex::new(None));
    let (inside, into, stored) = (Arc::clone(&bench), Arc::clone(&sent), beside("2"));
    stage.at(
        |op, name| op == Op::Put && name.starts_with("packs/"),
        move || *into.lock() = Some(inside.backup_by(&inside.open_again(), &stored)),
    );
    let first = bench.backup_by(&client, &beside("1"));
    assert!(stage.is_over());
    drop((client, stage));
    let second = sent.lock().take().unwrap();
    let mut bench = Arc::into_inner(bench).unwrap();
    bench.backup(&files(&[("c", "c", 200_000)]));
    let session = |snapshot: &Snapshot| snapshot.root.0.place.pack.session;
    let (low, high) = if session(&first) < session(&second) {
        (first, second)
    } else {
        (second, first)
    };
    bench.append(&Body::Forget(Forget {
        snapshots: vec![low.id],
    }));
    (bench, high)
}

#[test]
fn two_runs_that_would_keep_different_copies_keep_one() {
    let (bench, high) = two_copies();
    let mut options = bench.options();
    // Nothing is copied.
    options.max_unused = 1.0;
    let bench = Arc::new(bench);
    let stage = bench.stage();
    let client = bench.client(&stage);
    let (inside, other) = (Arc::clone(&bench), options.clone());
    stage.at(appends, move || {
        // Now the first of the packs is as good as the second.
        inside.append(&Body::Forget(Forget {
            snapshots: vec![high.id],
        }));
        assert!(inside.prune_with(&other).unwrap().swept.packs > 0);
    });
    bench.prune_by(&client, &options).unwrap();
    assert!(stage.is_over());
    bench.assert_whole();
}

#[test]
fn a_copy_that_is_condemned_does_not_count() {
    let (bench, high) = two_copies();
    let mut options = bench.options();
    options.max_unused = 1.0;
    options.grace = Duration::from_hours(1);
    assert!(bench.prune_with(&options).unwrap().condemned.packs > 0);
    bench.append(&Body::Forget(Forget {
        snapshots: vec![high.id],
    }));
    bench.prune_with(&options).unwrap();
    bench.clock.advance(Duration::from_hours(2));
    assert!(bench.prune_with(&options).unwrap().swept.packs > 0);
    bench.assert_whole();
}

#[test]
fn two_runs_at_once_delete_each_thing_once_and_nothing_else() {
    for number in 0..6 {
        let (bench, ..) = with_garbage();
        let bench = Arc::new(bench);
        let stage = bench.stage();
        let client = bench.client(&stage);
        let inside = Arc::clone(&bench);
        let writes = AtomicU32::new(0);
        stage.at(
            move |op, _| op != Op::Read && writes.fetch_add(1, Ordering::SeqCst) == number,
            move || {
                inside.prune();
            },
        );
        bench.prune_by(&client, &bench.options()).unwrap();
        bench.assert_whole();
        bench.prune();
        bench.assert_whole();
        bench.assert_tidy();
    }
}

#[test]
fn a_run_at_any_moment_of_a_backup_takes_nothing_from_it() {
    for number in 0.. {
        let (bench, _, content) = with_garbage();
        let bench = Arc::new(bench);
        let stage = bench.stage();
        let client = bench.client(&stage);
        let inside = Arc::clone(&bench);
        let writes = AtomicU32::new(0);
        stage.at(
            move |op, _| op != Op::Read && writes.fetch_add(1, Ordering::SeqCst) == number,
            move || {
                inside.prune();
                inside.prune();
            },
        );
        let snapshot = bench.backup_often(&client, &content).unwrap();
        let over = stage.is_over();
        drop((client, stage));
        settle(bench, snapshot, content);
        if !over {
            assert!(number > 3, "{number}");
            return;
        }
    }
}

#[test]
fn a_backup_at_any_moment_of_a_run_keeps_all_that_it_needs() {
    for number in 0.. {
        let (bench, _, content) = with_garbage();
        let bench = Arc::new(bench);
        let stage = bench.stage();
        let client = bench.client(&stage);
        let sent = Arc::new(Mutex::new(None));
        let (inside, into, stored) = (Arc::clone(&bench), Arc::clone(&sent), content.clone());
        let writes = AtomicU32::new(0);
        stage.at(
            move |op, _| op != Op::Read && writes.fetch_add(1, Ordering::SeqCst) == number,
            move || {
                *into.lock() = Some(inside.backup_by(&inside.open_again(), &stored));
            },
        );
        bench.prune_by(&client, &bench.options()).unwrap();
        let over = stage.is_over();
        drop((client, stage));
        let Some(snapshot) = sent.lock().take() else {
            assert!(!over && number > 2, "{number}");
            return;
        };
        settle(bench, snapshot, content);
    }
}

#[test]
fn what_was_swept_and_comes_back_is_deleted_again() {
    let (bench, ..) = with_garbage();
    let before = bench.memory.contents();
    bench.prune();
    bench.prune();
    let gone: Vec<_> = before
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("packs/"))
        .filter(|(name, _)| !bench.memory.contents().contains_key(name))
        .collect();
    assert!(!gone.is_empty());
    for (name, bytes) in &gone {
        bench.memory.set(name, Some((*bytes).clone()));
    }
    let report = bench.prune();
    assert_eq!(report.reappeared, gone.len() as u64);
    bench.assert_whole();
    bench.assert_tidy();
}

#[test]
fn a_pack_that_a_backup_relies_on_since_the_mark_is_not_replaced_by_copies() {
    let numbered = |numbers: &mut dyn Iterator<Item = usize>| {
        let mut all = Files::new();
        for n in numbers {
            let name = format!("{n:03}");
            all.extend(files(&[(&name, &name, 300_000)]));
        }
        all
    };
    let mut bench = Bench::new();
    let all = bench.backup(&numbered(&mut (0..30)));
    bench.backup(&numbered(&mut [3, 17, 29].into_iter()));
    bench.forget(all.id);
    // What only the forgotten snapshot had, in the packs that are being copied.
    let content = numbered(&mut (0..30));
    let bench = Arc::new(bench);
    let stage = bench.stage();
    let client = bench.client(&stage);
    let (sent, stored, inside) = (
        Arc::new(Mutex::new(None)),
        content.clone(),
        Arc::clone(&bench),
    );
    let into = Arc::clone(&sent);
    stage.at(
        |op, name| op == Op::Put && name.starts_with("packs/"),
        move || *into.lock() = Some(inside.backup_by(&inside.open_again(), &stored)),
    );
    let report = bench.prune_by(&client, &bench.options()).unwrap();
    assert!(stage.is_over());
    assert!(report.repacked.is_empty(), "{report:?}");
    assert!(bench.state().bonds.is_empty());
    let snapshot = sent.lock().take().unwrap();
    settle(bench, snapshot, content);
}

#[test]
fn a_segment_that_is_swept_while_a_backup_fetches_the_index_is_not_missed() {
    let mut bench = Bench::new();
    let old = bench.backup(&files(&[("a", "a", 150_000)]));
    bench.backup(&files(&[("b", "b", 20_000)]));
    bench.forget(old.id);
    let mut options = bench.options();
    options.grace = Duration::from_hours(1);
    assert!(bench.prune_with(&options).unwrap().condemned.packs > 0);
    bench.clock.advance(Duration::from_hours(2));
    // It begins after the condemnation, so that nothing waits for it.
    let bench = Arc::new(bench);
    let stage = bench.stage();
    let client = bench.client(&stage);
    let inside = Arc::clone(&bench);
    stage.at(
        |op, name| op == Op::Read && name.starts_with("index/"),
        move || {
            let segments = inside.names("index/").len();
            assert!(inside.prune_with(&options).unwrap().swept.packs > 0);
            assert!(inside.names("index/").len() < segments);
        },
    );
    let content = files(&[("b", "b", 20_000), ("c", "c", 30_000)]);
    let snapshot = bench.backup_by(&client, &content);
    assert!(stage.is_over());
    drop((client, stage));
    settle(bench, snapshot, content);
}
