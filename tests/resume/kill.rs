//! Killed at any write, the next backup goes on from there.

use orlop_agent::backup::{CheckpointPolicy, Predecessors};
use orlop_agent::fs::Trust;
use orlop_repo::log::Body;

use crate::bench::{Bench, VOLUME, bytes_of_all};
use crate::child::{Backup, killed_at};
use crate::gate::Point;

fn point(prefix: &'static str, number: u32, done: bool) -> Point {
    Point {
        prefix,
        number,
        done,
    }
}

/// Files that are taken over if the file system's times can be trusted, and none if not.
fn trusted(bench: &Bench) -> bool {
    let folder = std::fs::File::open(bench.path("source")).unwrap();
    Trust::of(&folder).unwrap() == Trust::Tracks
}

/// Kills a backup at `point`, and lets the next one find what there is.
#[track_caller]
fn completes_after(bench: &Bench, point: &Point, files: u64) {
    assert!(killed_at(bench, point), "{point:?}");
    let state = bench.state();
    let (is_open, is_done) = (!state.sessions.is_empty(), !state.snapshots.is_empty());
    let summary = bench.backup();
    assert_eq!(bench.kills(), usize::from(is_open), "{point:?}");
    assert_eq!(summary.snapshot.stats.files, files, "{point:?}");
    assert_eq!(summary.snapshot.parent.is_some(), is_done, "{point:?}");
    assert!(bench.state().sessions.is_empty(), "{point:?}");
    bench.verify(&summary);
}

#[test]
fn killed_at_any_entry_of_the_log_the_next_one_completes() {
    for (number, done) in [(1, false), (1, true), (2, false), (4, true)] {
        completes_after(&Bench::new(), &point("log/", number, done), 667);
    }
}

#[test]
fn killed_at_any_pack_or_segment_the_next_one_completes() {
    for point in [
        point("packs/", 1, false),
        point("packs/", 3, true),
        point("packs/", 6, false),
        point("index/", 1, false),
        point("index/", 2, true),
    ] {
        completes_after(&Bench::new(), &point, 667);
    }
}

#[test]
fn killed_at_its_commit_it_is_done_or_it_is_not() {
    for done in [false, true] {
        let bench = Bench::new();
        std::fs::remove_file(bench.path("source/large")).unwrap();
        std::fs::remove_dir_all(bench.path("source/parts")).unwrap();
        // Too little for a checkpoint: the second entry is the commit.
        completes_after(&bench, &point("log/", 2, done), 601);
    }
}

#[test]
fn what_a_killed_backup_had_finished_is_neither_read_nor_stored_again() {
    let all = bytes_of_all();
    let bench = Bench::new();
    // Five checkpoints: the file of 3 MB has ended, and the many small ones have.
    assert!(killed_at(&bench, &point("log/", 6, true)));
    let state = bench.state();
    let (_, dead) = state.sessions.iter().next().unwrap();
    assert_eq!(dead.volume.as_deref(), Some(VOLUME));
    assert!(dead.partial.is_some());
    let summary = bench.backup();
    assert_eq!(summary.resumed.sessions, 1);
    if trusted(&bench) {
        assert!(summary.resumed.files > 600, "{:?}", summary.resumed);
        assert!(summary.resumed.bytes > 3 << 20, "{:?}", summary.resumed);
    } else {
        assert_eq!(summary.resumed.files, 0);
    }
    let made = &summary.snapshot.stats;
    assert!(made.added < all - (3 << 20), "{} of {all}", made.added);
    assert_eq!(
        made.files_new, 667,
        "they are new to the volume's snapshots"
    );
    bench.verify(&summary);
    // The snapshot is a parent like any other.
    let again = bench.backup();
    assert_eq!(again.resumed, orlop_agent::backup::Resumed::default());
    assert_eq!(bench.kills(), 1);
}

#[test]
fn killed_again_and_again_it_gets_on() {
    let all = bytes_of_all();
    let bench = Bench::new();
    let mut kills = 0;
    // The first run comes as far as its second checkpoint, others to the first that they write.
    while killed_at(&bench, &point("log/", 3, true)) {
        kills += 1;
        assert!(kills < 30, "no progress");
    }
    assert!(kills > 2, "{kills}");
    let summary = bench.backup();
    assert!(summary.snapshot.stats.added < all / 10);
    bench.verify(&summary);
}

#[test]
fn two_backups_of_one_volume_at_a_time_leave_each_other_alone() {
    let bench = Bench::new();
    let running = Backup::at(&bench, &point("log/", 4, true), None);
    let summary = bench.backup();
    assert_eq!(bench.kills(), 0);
    assert_eq!(summary.resumed.sessions, 0);
    running.go_on();
    let state = bench.state();
    assert_eq!((state.snapshots.len(), state.sessions.len()), (2, 0));
    assert_eq!(bench.kills(), 0);
    bench.verify(&summary);
}

#[test]
fn another_volume_neither_kills_nor_adopts() {
    let bench = Bench::new();
    assert!(killed_at(&bench, &point("log/", 4, true)));
    let mut options = bench.options();
    options.volume = "test/other".to_owned();
    let other = bench.backup_with(&options);
    assert_eq!((bench.kills(), other.resumed.sessions), (0, 0));
    assert_eq!(bench.backup().resumed.sessions, 1);
}

#[test]
fn a_machine_that_knows_nothing_kills_nobody_and_adopts_who_is_dead() {
    let bench = Bench::new();
    assert!(killed_at(&bench, &point("log/", 4, true)));
    let mut elsewhere = bench.options();
    elsewhere.predecessors.notes = Some(bench.path("elsewhere"));
    elsewhere.volume = VOLUME.to_owned();
    let state = bench.state();
    let (&open, _) = state.sessions.iter().next().unwrap();
    // Not dead, so nothing of it is pinned; what its checkpoints named is found all the same.
    let first = bench.backup_with(&elsewhere);
    assert_eq!((bench.kills(), first.resumed.sessions), (0, 0));
    bench.append(&Body::Kill(open));
    elsewhere.predecessors = Predecessors::default();
    let second = bench.backup_with(&elsewhere);
    assert_eq!(second.resumed.sessions, 1);
    bench.verify(&second);
}

#[test]
fn the_owner_says_which_sessions_are_dead() {
    let bench = Bench::new();
    let owner = Some("5f1c8a52-uid".to_owned());
    let point = point("log/", 4, true);
    Backup::at(&bench, &point, owner.as_deref()).kill();
    let mut options = bench.options();
    options.predecessors.notes = None;
    options.owner = Some("another".to_owned());
    options.predecessors.same_owner = true;
    assert_eq!(bench.backup_with(&options).resumed.sessions, 0);
    options.owner = owner;
    options.predecessors.same_owner = false;
    options.volume = "test/other".to_owned();
    assert_eq!(bench.backup_with(&options).resumed.sessions, 0);
    assert_eq!(bench.kills(), 0);

    let bench = Bench::new();
    Backup::at(&bench, &point, options.owner.as_deref()).kill();
    options.volume = VOLUME.to_owned();
    options.predecessors.same_owner = true;
    options.scratch = bench.options().scratch;
    let summary = bench.backup_with(&options);
    assert_eq!((bench.kills(), summary.resumed.sessions), (1, 1));
    bench.verify(&summary);
}

#[test]
fn a_trial_run_kills_nobody_and_adopts_nothing() {
    let bench = Bench::new();
    assert!(killed_at(&bench, &point("log/", 4, true)));
    let mut options = bench.options();
    options.dry_run = true;
    assert_eq!(bench.backup_with(&options).resumed.sessions, 0);
    assert_eq!(bench.kills(), 0);
    assert_eq!(bench.backup().resumed.sessions, 1);
}

#[test]
fn with_force_everything_is_read_and_little_is_stored() {
    let all = bytes_of_all();
    let bench = Bench::new();
    assert!(killed_at(&bench, &point("log/", 6, true)));
    let mut options = bench.options();
    options.force = true;
    options.checkpoints = CheckpointPolicy::default();
    let summary = bench.backup_with(&options);
    assert_eq!((summary.resumed.sessions, summary.resumed.files), (1, 0));
    assert!(summary.snapshot.stats.added < all - (3 << 20));
    bench.verify(&summary);
}

#[test]
fn a_file_that_changed_since_it_was_read_is_read_again() {
    let bench = Bench::new();
    assert!(killed_at(&bench, &point("log/", 6, true)));
    std::fs::write(bench.path("source/large"), "now small").unwrap();
    std::fs::remove_file(bench.path("source/small")).unwrap();
    std::fs::create_dir(bench.path("source/small")).unwrap();
    std::fs::write(bench.path("source/before all"), "new").unwrap();
    let summary = bench.backup();
    assert_eq!(summary.resumed.sessions, 1);
    bench.verify(&summary);
}
