//! Repairs that are killed: what they mend is really damaged.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command as Process;

use crate::bench::{SNAPSHOTS, Scene, Usual};
use crate::command::{Backup, Command, Prune};

/// What is wrong with the repository. Which of several objects it is, the scene says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Repair {
    /// Some index segments are gone, or all.
    SegmentsGone,
    /// A pack is gone, of data or of trees.
    PackGone,
    /// A byte of a pack is another one: most of the pack can be read.
    PackFlipped,
    /// An entry of the log is gone; a later one has a copy.
    EntryGone,
    /// The commit of the newest snapshot is gone, which this machine has seen.
    CommitGone,
}

/// Stored bytes of trees that a backup adds when all chunks are found.
const TREES: u64 = 256 << 10;

impl Repair {
    fn args(self) -> &'static [&'static str] {
        match self {
            Self::SegmentsGone => &["repair", "index", "--json"],
            Self::PackGone | Self::PackFlipped => &["repair", "snapshots", "--read-data", "--json"],
            Self::EntryGone => &["repair", "log", "--json"],
            Self::CommitGone => &["repair", "log", "--accept-loss", "--json"],
        }
    }

    /// The objects that are damaged.
    fn victims(self, scene: &Scene<'_>) -> Vec<String> {
        let kind = match self {
            Self::SegmentsGone => "index/",
            Self::PackGone | Self::PackFlipped => "packs/",
            Self::EntryGone | Self::CommitGone => "log/",
        };
        let mut all: Vec<_> = scene.bench.at_first(kind).into_iter().collect();
        // Sessions have other names each time, and lengths the same.
        if kind == "packs/" {
            all.sort_by_key(|(_, len)| *len);
        }
        let mut names: Vec<_> = all.into_iter().map(|(name, _)| name).collect();
        match self {
            Self::SegmentsGone => names.truncate(1 + scene.draw % SNAPSHOTS),
            Self::PackGone | Self::PackFlipped => {
                names = vec![names.swap_remove(scene.draw % names.len())];
            }
            Self::EntryGone => names = vec![names.swap_remove(scene.draw % (names.len() - 1))],
            Self::CommitGone => names = names.split_off(names.len() - 1),
        }
        names
    }

    fn loses(self) -> bool {
        matches!(self, Self::PackGone | Self::PackFlipped | Self::CommitGone)
    }
}

impl Command for Repair {
    fn name(&self) -> &'static str {
        match self {
            Self::SegmentsGone => "repair of an index without segments",
            Self::PackGone => "repair of snapshots without a pack",
            Self::PackFlipped => "repair of snapshots with a flipped byte",
            Self::EntryGone => "repair of a log without an entry",
            Self::CommitGone => "repair of a log without its last commit",
        }
    }

    fn prepare(&self, scene: &Scene<'_>) {
        if *self == Self::CommitGone {
            // Somebody who has not seen it cannot know that it was there.
            scene.done(&["snapshots"]);
        }
        for name in self.victims(scene) {
            let path = scene.place.objects.join(name);
            if *self == Self::PackFlipped {
                let mut bytes = std::fs::read(&path).unwrap();
                let at = scene.draw % bytes.len();
                bytes[at] ^= 1 << (at % 8);
                std::fs::write(&path, bytes).unwrap();
            } else {
                std::fs::remove_file(&path).unwrap();
            }
        }
    }

    fn process(&self, scene: &Scene<'_>) -> Process {
        scene.orlop(self.args())
    }

    fn ends_with(&self) -> &'static [i32] {
        // Which byte is flipped says whether a file is hurt by it.
        if self.loses() { &[0, 3] } else { &[0] }
    }

    /// The repair is run to its end; nothing but what it declares is wrong then. The unchanged
    /// source heals what was lost, and in the end there is no garbage.
    fn go_on(&self, scene: &Scene<'_>, _: &Usual) {
        let run = scene.run(self.args());
        let expected = self.ends_with().iter().any(|code| run.code == Some(*code));
        assert!(expected, "{run:?}");
        let again = scene.run(self.args()).last();
        for (what, count) in again.as_object().unwrap() {
            let hurt = what == "hurt_files";
            let left = count.as_u64().is_some_and(|count| count > 0)
                || count.as_array().is_some_and(|some| !some.is_empty());
            assert!(hurt || !left, "a third run still has work: {again}");
        }
        self.assert_nothing_else_is_gone(scene);

        let mut kept = SNAPSHOTS;
        if *self == Self::CommitGone {
            kept -= 1;
        }
        let ids = scene.snapshots();
        assert_eq!(ids.len(), kept);
        let hurt = hurt_files(scene);
        assert!(self.loses() || hurt.is_empty(), "{hurt:?}");
        for (number, id) in ids.iter().enumerate() {
            assert_restores(scene, id, &scene.bench.source(number), hurt.get(id));
        }

        let source = scene.bench.source(SNAPSHOTS - 1);
        let before = scene.stored();
        scene.done(&Backup::args(&source));
        scene.assert_newest(&source);
        if hurt.is_empty() {
            let added = scene.stored() - before;
            assert!(added <= TREES, "{added} bytes were stored twice");
        }
        let now = hurt_files(scene);
        for id in scene.snapshots().iter().skip(SNAPSHOTS - 1) {
            // A page is made again as it was only while files are as young, or as old, as they
            // were: whether they may be trusted next time stands in it.
            let has_lost_pages = |hurt: &BTreeMap<_, _>| hurt.values().any(|content| !content);
            let may_stay = hurt.get(id).is_some_and(has_lost_pages);
            assert!(may_stay || !now.contains_key(id), "it is not healed");
            assert_restores(scene, id, &source, now.get(id));
        }
        scene.done(&["forget", "--keep-last", "1"]);
        Prune::collects_all(scene);
        if *self == Self::PackFlipped {
            // The backup may have relied on the damaged pack for what can be read there. Then that
            // may stay in place of the copies, and is copied again.
            scene.done(self.args());
        }
    }
}

impl Repair {
    /// Repairs delete nothing and overwrite nothing.
    #[track_caller]
    fn assert_nothing_else_is_gone(self, scene: &Scene<'_>) {
        let victims = self.victims(scene);
        for name in scene.bench.at_first("").keys() {
            if victims.contains(name) {
                continue;
            }
            let now = std::fs::read(scene.place.objects.join(name)).ok();
            assert!(now.is_some(), "{name} is gone");
            assert!(now == Some(scene.bench.bytes(name)), "{name} was changed");
        }
    }
}

/// Paths of hurt files of each snapshot, all of them declared lost; `false` for the first entry of
/// a part of a tree that is lost.
#[track_caller]
fn hurt_files(scene: &Scene<'_>) -> BTreeMap<String, BTreeMap<String, bool>> {
    let run = scene.done(&["check", "--read-data", "--json"]);
    let summary = run.last();
    assert_eq!(summary["num_errors"], 0, "{run:?}");
    assert_eq!(summary["hurt_files"], summary["hurt_files_declared"]);
    let mut hurt = BTreeMap::<_, BTreeMap<_, _>>::new();
    for line in run.out.lines() {
        let finding: serde_json::Value = serde_json::from_str(line).unwrap();
        for file in finding["files"].as_array().into_iter().flatten() {
            let text = |field: &str| file[field].as_str().unwrap().to_owned();
            let of = hurt.entry(text("snapshot_id")).or_default();
            of.insert(text("path"), text("hurt") == "content");
        }
    }
    hurt
}

/// A restore brings what is in `source` but for the files that are named.
#[track_caller]
fn assert_restores(
    scene: &Scene<'_>,
    id: &str,
    source: &Path,
    hurt: Option<&BTreeMap<String, bool>>,
) {
    let target = scene.user.home.join("one");
    let run = scene.run(&["restore", id, target.to_str().unwrap(), "-q"]);
    let Some(hurt) = hurt else {
        run.done();
        crate::bench::assert_same(source, &target);
        std::fs::remove_dir_all(target).unwrap();
        return;
    };
    assert_eq!(run.code, Some(3), "{run:?}");
    let has_all_entries = hurt.values().all(|is_content| *is_content);
    let (right, found) = (names(source), names(&target));
    assert!(found.is_subset(&right), "there is what never was");
    assert!(!has_all_entries || found == right, "some are gone");
    for name in found {
        let is_right = content(&source.join(&name)) == content(&target.join(&name));
        assert!(is_right || hurt.contains_key(&name), "{name} is wrong");
    }
    std::fs::remove_dir_all(target).unwrap();
}

/// What a link leads to, or what a file holds; nothing for a folder.
fn content(path: &Path) -> Option<Vec<u8>> {
    match std::fs::read_link(path) {
        Ok(link) => Some(link.into_os_string().into_encoded_bytes()),
        Err(_) => std::fs::read(path).ok(),
    }
}

/// Names below a folder of files in folders.
fn names(root: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![String::new()];
    while let Some(below) = folders.pop() {
        for entry in std::fs::read_dir(root.join(&below))
            .into_iter()
            .flatten()
            .flatten()
        {
            let name = entry.file_name().to_string_lossy().into_owned();
            let name = if below.is_empty() {
                name
            } else {
                format!("{below}/{name}")
            };
            if entry.file_type().unwrap().is_dir() {
                folders.push(name.clone());
            }
            found.insert(name);
        }
    }
    found
}
