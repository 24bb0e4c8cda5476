//! From mounting to unmounting.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use orlop_agent::mount::{Mount, MountMemory, MountOptions, What};
use orlop_agent::select::SnapshotFilter;
use orlop_repo::index::{CacheFolder, LocalIndex};
use orlop_repo::repository::Reading;
use orlop_repo::seal::Suite;
use orlop_repo::store::Store;

use crate::bench::Bench;
use crate::mounted::Mounted;
use crate::support::{init, runtime};

/// The kinds of the last entries of the log.
fn history(bench: &Bench) -> Vec<String> {
    let run = bench.orlop(["log", "--json"]).run().done();
    let lines = run.json_lines();
    let kinds = lines
        .iter()
        .map(|line| line["kind"].as_str().unwrap().to_owned());
    kinds.collect()
}

pub(crate) fn unmounted_by_others() {
    let bench = Bench::with_snapshot();
    let mounted = Mounted::new(&bench, ["--json", "latest"]);
    let ready: serde_json::Value = serde_json::from_str(&mounted.ready).unwrap();
    assert_eq!(ready["message_type"], "mounted");
    let run = bench.orlop(["snapshots", "--json"]).run().done();
    assert_eq!(ready["snapshot_id"], run.json()[0]["id"]);
    assert_eq!(history(&bench).last().unwrap(), "begin");
    let ended = mounted.unmount();
    assert_eq!((ended.code, &*ended.err), (Some(0), ""));
    assert_eq!(history(&bench).last().unwrap(), "end");
}

pub(crate) fn a_signal_waits_for_open_files() {
    let bench = Bench::with_snapshot();
    for signal in ["-INT", "-TERM"] {
        let mut mounted = Mounted::new(&bench, ["latest"]);
        assert!(mounted.path("a.txt").exists());
        mounted.signal(signal);
        assert_eq!(mounted.end().code, Some(0));
        assert!(!mounted.path("a.txt").exists());

        let mut mounted = Mounted::new(&bench, ["latest"]);
        let mut file = fs::File::open(mounted.path("sub/deep/data")).unwrap();
        mounted.signal(signal);
        let said = mounted.said();
        assert!(said.contains("Ctrl-C again"), "{said}");
        assert!(!mounted.path("a.txt").exists());
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        assert!(bytes == fs::read(bench.source().join("sub/deep/data")).unwrap());
        drop(file);
        assert_eq!(mounted.end().code, Some(0));

        // Who does not wait ends it, and nobody is left with half a file for a whole one.
        let mut mounted = Mounted::new(&bench, ["latest"]);
        let mut file = fs::File::open(mounted.path("sub/deep/data")).unwrap();
        mounted.signal(signal);
        mounted.said();
        mounted.signal(signal);
        assert_eq!(mounted.end().code, Some(130));
        assert!(file.read_to_end(&mut Vec::new()).is_err());
    }
}

pub(crate) fn a_mount_gives_signs_of_life() {
    let runtime = runtime();
    let repository = runtime.block_on(init(Store::memory(), Suite::XChaCha20Poly1305));
    let folder = tempfile::tempdir().unwrap();
    let options = MountOptions {
        what: What::All(SnapshotFilter::default()),
        allow_other: false,
        memory: MountMemory::new(0),
        refresh: Duration::ZERO,
    };
    let scratch = tempfile::tempdir().unwrap().keep();
    let cache = CacheFolder::TemporaryIn(scratch.clone());
    let mount = Mount::start(
        Arc::clone(&repository),
        runtime.handle(),
        Box::new(move || LocalIndex::open(&cache, None).map(Arc::new)),
        folder.path(),
        &options,
        Arc::new(|problem| panic!("{problem:?}")),
    )
    .unwrap();
    runtime.block_on(async {
        let reading = Reading::begin(&repository, None, "test").await.unwrap();
        let session = || async {
            let state = repository.state().await;
            state.sessions.values().next().cloned()
        };
        let stop = async {
            // Looks until it has checkpointed twice.
            let mut seen = None;
            loop {
                let checkpoint = session().await.unwrap().checkpoint;
                if seen.is_some() && checkpoint != seen {
                    break;
                }
                seen = seen.or(checkpoint);
                tokio::task::yield_now().await;
            }
        };
        let every = Duration::from_millis(1);
        mount.serve(reading, every, stop, || ()).await.unwrap();
        let ended = session().await.is_none_or(|session| session.dead);
        assert!(ended, "it was not ended");
    });
    std::fs::remove_dir_all(scratch).unwrap();
}

/// Needs root, who can be somebody else.
pub(crate) fn others_look_only_if_they_are_let() {
    let bench = Bench::new();
    let allow = |path: std::path::PathBuf, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    allow(bench.path("."), 0o755);
    allow(bench.source(), 0o755);
    allow(bench.source().join("a.txt"), 0o644);
    allow(bench.source().join("sub/b.conf"), 0o600);
    bench.orlop(["backup", "source"]).run().done();
    let nobody = |path: std::path::PathBuf| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "cat"]);
        command.arg(path).output().unwrap()
    };
    let mounted = Mounted::new(&bench, ["latest"]);
    assert!(!nobody(mounted.path("a.txt")).status.success());
    assert_eq!(mounted.unmount().code, Some(0));
    let mounted = Mounted::new(&bench, ["--allow-other", "latest"]);
    let output = nobody(mounted.path("a.txt"));
    assert_eq!(output.stdout, b"hello\n", "{output:?}");
    assert!(!nobody(mounted.path("sub/b.conf")).status.success());
    assert_eq!(mounted.unmount().code, Some(0));
}

pub(crate) fn a_missing_folder_is_refused() {
    let bench = Bench::with_snapshot();
    for folder in ["none", "source/a.txt"] {
        let run = bench.orlop(["mount", "latest", folder]).run();
        let run = run.failed(1, folder);
        assert!(run.err.contains("next: "), "{run:?}");
    }
    // What was begun was ended.
    assert_eq!(history(&bench).last().unwrap(), "end");
}
