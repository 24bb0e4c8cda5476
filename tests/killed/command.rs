//! What is killed, and what must hold when it is run again.

use std::path::Path;
use std::process::Command as Process;

use orlop_agent::memory::MemoryPlan;

use crate::bench::{SNAPSHOTS, Scene, Usual, assert_same};
use crate::program::MEMORY;

/// A command of the program.
pub(crate) trait Command {
    fn name(&self) -> &'static str;

    /// Makes what it works on.
    fn prepare(&self, scene: &Scene<'_>) {
        let _ = scene;
    }

    /// The process that is killed.
    fn process(&self, scene: &Scene<'_>) -> Process;

    /// Exit codes of a run that nobody disturbs.
    fn ends_with(&self) -> &'static [i32] {
        &[0]
    }

    /// Has it done after all, and looks at what came of it. The repository is checked afterwards.
    fn go_on(&self, scene: &Scene<'_>, usual: &Usual);
}

pub(crate) struct Backup;
pub(crate) struct Forget;
pub(crate) struct Prune;
pub(crate) struct Restore;

/// Packs that are uploaded at a time by a process, and the length at which each is closed.
fn slots() -> (u64, u64) {
    let plan = MemoryPlan::new(MEMORY);
    (plan.upload_slots.into(), plan.pack_target.into())
}

impl Backup {
    pub(crate) fn args(source: &Path) -> [&str; 5] {
        [
            "backup",
            source.to_str().unwrap(),
            "--volume",
            "v",
            "--json",
        ]
    }
}

impl Command for Backup {
    fn name(&self) -> &'static str {
        "backup"
    }

    fn process(&self, scene: &Scene<'_>) -> Process {
        scene.orlop(&Self::args(&scene.bench.source(SNAPSHOTS)))
    }

    /// What the store has received whole is counted in the store, packs that nobody names
    /// included; what was cut off is at most a pack in each slot.
    fn go_on(&self, scene: &Scene<'_>, usual: &Usual) {
        let source = scene.bench.source(SNAPSHOTS);
        scene.check();
        let before = scene.bench.stored_at_first();
        scene.done(&Self::args(&source));
        let (slots, pack) = slots();
        let uploaded = scene.stored() - before + slots * pack;
        assert!(
            uploaded <= usual.stored + 2 * slots * pack,
            "{uploaded} bytes were uploaded, {} are when nobody disturbs",
            usual.stored
        );
        scene.assert_newest(&source);
    }
}

impl Command for Forget {
    fn name(&self) -> &'static str {
        "forget"
    }

    fn process(&self, scene: &Scene<'_>) -> Process {
        scene.orlop(&["forget", "--keep-last", "2"])
    }

    fn go_on(&self, scene: &Scene<'_>, _: &Usual) {
        scene.done(&["forget", "--keep-last", "2"]);
        assert_eq!(scene.snapshots().len(), 2);
        scene.assert_newest(&scene.bench.source(SNAPSHOTS - 1));
    }
}

impl Prune {
    /// Everything is done at once; whoever is open is dead.
    const ARGS: [&str; 8] = [
        "prune",
        "--grace",
        "0s",
        "--kill-after",
        "0s",
        "--max-unused",
        "1%",
        "--json",
    ];

    /// Deletes until there is nothing more to delete: then no pack is left that nobody needs.
    #[track_caller]
    pub(crate) fn collects_all(scene: &Scene<'_>) {
        for _ in 0..2 {
            scene.done(&Self::ARGS);
        }
        let run = scene.done(&Self::ARGS);
        let left = run.last();
        assert_eq!(left["packs_condemned"], 0, "{run:?}");
        assert_eq!(
            left["packs"],
            scene.place.of_kind("packs/").len(),
            "{run:?}"
        );
        assert_eq!(run.out.lines().count(), 1, "nothing waits: {run:?}");
        scene.assert_newest(&scene.bench.source(SNAPSHOTS - 1));
    }
}

impl Command for Prune {
    fn name(&self) -> &'static str {
        "prune"
    }

    fn prepare(&self, scene: &Scene<'_>) {
        scene.done(&["forget", "--keep-last", "1"]);
    }

    fn process(&self, scene: &Scene<'_>) -> Process {
        scene.orlop(&Self::ARGS)
    }

    fn go_on(&self, scene: &Scene<'_>, _: &Usual) {
        scene.check();
        scene.assert_newest(&scene.bench.source(SNAPSHOTS - 1));
        Self::collects_all(scene);
    }
}

impl Command for Restore {
    fn name(&self) -> &'static str {
        "restore"
    }

    fn process(&self, scene: &Scene<'_>) -> Process {
        scene.orlop(&["restore", "latest", scene.target().to_str().unwrap()])
    }

    fn go_on(&self, scene: &Scene<'_>, _: &Usual) {
        let source = scene.bench.source(SNAPSHOTS - 1);
        let target = scene.target();
        let (mut files, mut bytes, mut all) = (0, 0, 0);
        for file in std::fs::read_dir(source.join("many")).unwrap() {
            let file = file.unwrap();
            let len = file.metadata().unwrap().len();
            all += len;
            if is_finished(&file.path(), &target.join("many").join(file.file_name())) {
                files += 1;
                bytes += len;
            }
        }
        let run = scene.done(&["restore", "latest", target.to_str().unwrap(), "--json"]);
        let done = run.last();
        assert!(
            done["files_skipped"].as_u64() >= Some(files),
            "{files}: {run:?}"
        );
        assert!(
            done["bytes_restored"].as_u64() <= Some(all - bytes),
            "{bytes} of {all}: {run:?}"
        );
        assert_same(&source, &target);
    }
}

/// Whether a file was restored with all that belongs to it.
fn is_finished(source: &Path, target: &Path) -> bool {
    let time = |path: &Path| path.metadata().and_then(|meta| meta.modified()).ok();
    time(source) == time(target) && std::fs::read(source).ok() == std::fs::read(target).ok()
}
