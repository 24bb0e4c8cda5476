//! A repository with a history, of which each command gets a copy of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command as Process;

use crate::command::Command;
use crate::program::{Dice, Place, Stand, User};
use crate::victim::{self, Watch};

/// Snapshots of the history.
pub(crate) const SNAPSHOTS: usize = 4;
/// How often another moment is tried, because the process was done before.
const TRIES: u32 = 20;

/// Folders as they were saved, and as they are to be saved next.
pub(crate) struct Bench<'a> {
    pub(crate) stand: &'a Stand,
    history: Place,
    user: User,
}

/// A copy of the repository, and a machine that has never seen it.
pub(crate) struct Scene<'a> {
    pub(crate) bench: &'a Bench<'a>,
    pub(crate) place: Place,
    pub(crate) user: User,
    /// Any number, by which a command chooses among what it may work on.
    pub(crate) draw: usize,
}

/// What a command does when it is left alone.
pub(crate) struct Usual {
    /// Things that others can see, as [`Watch`] counts them.
    seen: usize,
    /// Stored bytes of packs that it adds.
    pub(crate) stored: u64,
}

impl<'a> Bench<'a> {
    pub(crate) fn new(stand: &'a Stand) -> Self {
        let (history, user) = (stand.place("history"), stand.user("user"));
        stand.init(&history, &[&user]);
        let bench = Self {
            stand,
            history,
            user,
        };
        for number in 0..=SNAPSHOTS {
            fill(&bench.source(number), number);
        }
        for number in 0..SNAPSHOTS {
            let source = bench.source(number);
            let args = ["backup", source.to_str().unwrap(), "--volume", "v"];
            stand.run(&bench.user, &bench.history, &args).done();
        }
        bench
    }

    /// What snapshot `number` was made of; the next one is the last.
    pub(crate) fn source(&self, number: usize) -> PathBuf {
        self.stand.path(&format!("source-{number}"))
    }

    /// Stored bytes of the packs of the history.
    pub(crate) fn stored_at_first(&self) -> u64 {
        self.at_first("packs/").values().sum()
    }

    /// Objects of the history whose names begin so, with their lengths.
    pub(crate) fn at_first(&self, kind: &str) -> BTreeMap<String, u64> {
        self.history.of_kind(kind)
    }

    /// An object of the history.
    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.history.objects.join(name)).unwrap()
    }

    fn scene(&self, name: &str, draw: usize) -> Scene<'_> {
        Scene {
            bench: self,
            place: self.stand.copy_of(&self.history, name),
            user: self
                .stand
                .another_machine(&self.user, &format!("machine-{name}")),
            draw,
        }
    }

    /// Runs a command to its end.
    pub(crate) fn undisturbed(&self, command: &dyn Command) -> Usual {
        let scene = self.scene(&format!("usual-{}", command.name().replace(' ', "-")), 0);
        command.prepare(&scene);
        let before = scene.stored();
        let codes = command.ends_with();
        let (_, seen) = victim::run(command.process(&scene), codes, scene.watch(), None);
        assert!(seen > 0, "{} does nothing", command.name());
        let stored = scene.stored().saturating_sub(before);
        println!("{} does {seen} things that are seen", command.name());
        scene.clear();
        Usual { seen, stored }
    }

    /// Kills a command at some moment, and has it done all the same.
    pub(crate) fn kill(
        &self,
        command: &dyn Command,
        usual: &Usual,
        number: usize,
        dice: &mut Dice,
    ) {
        for attempt in 0.. {
            assert!(attempt < TRIES, "{} is always faster", command.name());
            // After the last of them it has still to come to its end.
            let moment = dice.below(usual.seen + 1);
            let scene = self.scene(&format!("copy-{number}-{attempt}"), dice.below(1 << 20));
            command.prepare(&scene);
            let (killed, seen) = victim::run(
                command.process(&scene),
                command.ends_with(),
                scene.watch(),
                Some(moment),
            );
            if !killed {
                scene.clear();
                continue;
            }
            println!(
                "{} is killed after {seen} of {}",
                command.name(),
                usual.seen
            );
            command.go_on(&scene, usual);
            scene.check();
            scene.clear();
            return;
        }
    }
}

impl Scene<'_> {
    pub(crate) fn orlop(&self, args: &[&str]) -> Process {
        self.bench.stand.orlop(&self.user, &self.place, args)
    }

    pub(crate) fn run(&self, args: &[&str]) -> crate::program::Run {
        self.bench.stand.run(&self.user, &self.place, args)
    }

    #[track_caller]
    pub(crate) fn done(&self, args: &[&str]) -> crate::program::Run {
        self.run(args).done()
    }

    /// Ids of the live snapshots, the oldest first.
    #[track_caller]
    pub(crate) fn snapshots(&self) -> Vec<String> {
        let listed = self.done(&["snapshots", "-q"]).out;
        listed.lines().map(str::to_owned).collect()
    }

    /// Where a restore goes.
    pub(crate) fn target(&self) -> PathBuf {
        self.user.home.join("target")
    }

    fn watch(&self) -> Watch {
        Watch::new(&self.place, &self.target())
    }

    /// Stored bytes of all packs, also of those that nobody names.
    pub(crate) fn stored(&self) -> u64 {
        self.place.of_kind("packs/").values().sum()
    }

    /// Nothing is damaged, to the last byte.
    #[track_caller]
    pub(crate) fn check(&self) {
        self.done(&["check", "--read-data"]);
    }

    /// The newest snapshot is what is in `source`, judged by another program.
    #[track_caller]
    pub(crate) fn assert_newest(&self, source: &Path) {
        let target = self.user.home.join("compared");
        self.done(&["restore", "latest", target.to_str().unwrap(), "-q"]);
        assert_same(source, &target);
        std::fs::remove_dir_all(target).unwrap();
    }

    fn clear(self) {
        std::fs::remove_dir_all(&self.place.objects).unwrap();
        std::fs::remove_dir_all(&self.user.home).unwrap();
    }
}

#[track_caller]
pub(crate) fn assert_same(one: &Path, other: &Path) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compare_trees.py");
    let output = Process::new("python3")
        .arg(script)
        .args([one, other])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Fills the folder of step `step`: half of each step is new, and the last one has much that is.
fn fill(folder: &Path, step: usize) {
    for n in 0..80 {
        let version = step.midpoint(n);
        let len = if n % 8 == 0 { 300_000 } else { 3_000 + 500 * n };
        write(
            folder,
            &format!("many/{n:02}"),
            &format!("{n} {version}"),
            len,
        );
    }
    if step == SNAPSHOTS {
        for n in 0..12 {
            write(folder, &format!("new/{n}"), &format!("new {n}"), 3 << 20);
        }
    }
    std::os::unix::fs::symlink("many/00", folder.join("link")).unwrap();
}

fn write(folder: &Path, name: &str, seed: &str, len: usize) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut bytes = vec![0; len];
    blake3::Hasher::new()
        .update(seed.as_bytes())
        .finalize_xof()
        .fill(&mut bytes);
    std::fs::write(path, bytes).unwrap();
}
