//! Who works, and what must hold in the end.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use orlop_repo::clock::{Clock as _, SystemClock};

use crate::program::{Dice, Place, Run, Stand, User};
use crate::record::{Made, Record};
use crate::volume;

/// Volumes, each backed up again and again by a process after the other.
const WRITERS: usize = 8;
/// Who cleans up, and after which time of grace.
const GRACES: [&str; 2] = ["0s", "2s"];
/// Snapshots that a policy keeps of each volume.
const KEPT: &str = "3";

/// A repository with two control planes.
pub(crate) struct Traffic<'a> {
    stand: &'a Stand,
    place: Place,
    clusters: [User; 2],
    clock: SystemClock,
    time: Duration,
    record: Record,
}

/// What was done.
pub(crate) struct Done {
    snapshots: usize,
    peaks: Vec<Peaks>,
}

/// The most memory that the runs of a kind of command had, in KiB.
struct Peaks {
    kind: &'static str,
    runs: usize,
    /// Medians of the thirds of the time, in their order.
    thirds: [u64; 3],
    highest: u64,
}

impl Peaks {
    fn new(kind: &'static str, peaks: &[u64]) -> Self {
        let third = peaks.len().div_ceil(3);
        let middle = (peaks.len() - third) / 2;
        Self {
            kind,
            runs: peaks.len(),
            thirds: [0, middle, peaks.len() - third].map(|at| median(&peaks[at..at + third])),
            highest: peaks.iter().copied().max().unwrap_or(0),
        }
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} snapshots", self.snapshots)?;
        for peaks in &self.peaks {
            let Peaks {
                kind,
                runs,
                thirds: [first, middle, last],
                highest,
            } = peaks;
            writeln!(
                f,
                "{kind}: {runs} runs, peak of the first third {first} KiB, of the second {middle} \
                 KiB, of the last {last} KiB; the highest {highest} KiB"
            )?;
        }
        Ok(())
    }
}

impl<'a> Traffic<'a> {
    pub(crate) fn new(stand: &'a Stand, time: Duration) -> Self {
        let place = stand.place("shared");
        let clusters = ["one", "other"].map(|name| stand.user(name));
        stand.init(&place, &[&clusters[0], &clusters[1]]);
        Self {
            stand,
            place,
            clusters,
            clock: SystemClock::new(),
            time,
            record: Record::default(),
        }
    }

    /// Everybody works until the time is over. Nothing may fail.
    pub(crate) fn run(&self) -> Done {
        std::thread::scope(|scope| {
            for volume in 0..WRITERS {
                scope.spawn(move || self.write(volume));
            }
            for (number, grace) in GRACES.into_iter().enumerate() {
                scope.spawn(move || self.prune(number, grace));
            }
            scope.spawn(|| self.forget());
        });
        let failures = self.record.failures();
        assert!(
            failures.is_empty(),
            "{} failures:\n{}",
            failures.len(),
            failures.join("\n")
        );
        let peaks = self.record.peaks();
        let done = Done {
            snapshots: self.record.len(),
            peaks: peaks
                .iter()
                .map(|(kind, peaks)| Peaks::new(kind, peaks))
                .collect(),
        };
        for peaks in &done.peaks {
            let Peaks { kind, runs, .. } = peaks;
            let [first, _, last] = peaks.thirds;
            // A quarter and 4 MiB are for what the machine does beside. Maintenance begins with an
            // empty repository, keeps up to 16 MiB of the trees that it walks, and holds up to two
            // packs while it copies.
            let more = if *kind == "prune" { 52 << 10 } else { 4 << 10 };
            assert!(
                *runs < 12 || last <= first + first / 4 + more,
                "the memory of {kind} grows\n{done}"
            );
        }
        done
    }

    fn goes_on(&self) -> bool {
        self.clock.monotonic() < self.time && self.record.failures().is_empty()
    }

    fn cluster(&self, number: usize) -> &User {
        &self.clusters[number % self.clusters.len()]
    }

    /// Runs a command; notes its memory, and that it failed.
    fn call(&self, kind: &'static str, user: &User, args: &[&str]) -> Run {
        let run = self.stand.measured(user, &self.place, args);
        self.record.peak(kind, run.peak);
        if run.code != Some(0) {
            self.record.failed(format!("{args:?}: {run:?}"));
        }
        run
    }

    fn write(&self, volume: usize) {
        let user = self.cluster(volume);
        let (name, folder) = (format!("volume-{volume}"), format!("source-{volume}"));
        let mut step = 0;
        while self.goes_on() {
            volume::write(&user.home.join(&folder), volume, step);
            let args = ["backup", &folder, "--volume", &name, "--json"];
            let run = self.call("backup", user, &args);
            if run.code == Some(0) {
                let id = run.last()["snapshot_id"].as_str().unwrap().to_owned();
                self.record.made(id, Made { volume, step });
            }
            step += 1;
        }
    }

    fn prune(&self, number: usize, grace: &str) {
        while self.goes_on() {
            // Copies much, so that packs move under those who read them.
            let args = ["prune", "--grace", grace, "--max-unused", "10%", "--json"];
            self.call("prune", self.cluster(number), &args);
        }
    }

    fn forget(&self) {
        let mut dice = Dice::new(7);
        while self.goes_on() {
            let user = self.cluster(dice.below(2));
            if dice.below(2) == 0 {
                let args = ["forget", "--keep-last", KEPT, "--json"];
                self.call("forget by policy", user, &args);
            } else if let Some(id) = self.record.doom(dice.below(1000)) {
                let run = self.stand.run(user, &self.place, &["forget", &id]);
                // The policy may have been there first.
                let gone = run.code == Some(1) && run.err.contains("no snapshot");
                if run.code != Some(0) && !gone {
                    self.record.failed(format!("forget {id}: {run:?}"));
                }
            }
        }
    }

    /// When all is quiet: every snapshot that is there is what was saved, what must be there is,
    /// nothing is damaged, and two runs of maintenance leave nothing that is not needed.
    pub(crate) fn settle(&self) {
        self.assert_snapshots();
        self.check();
        for _ in 0..2 {
            let args = ["prune", "--grace", "0s", "--json"];
            self.stand.run(self.cluster(0), &self.place, &args).done();
        }
        self.assert_tidy();
        self.assert_snapshots();
        self.check();
    }

    fn snapshots(&self) -> BTreeSet<String> {
        let run = self
            .stand
            .run(self.cluster(1), &self.place, &["snapshots", "--json"])
            .done();
        let listed: serde_json::Value = serde_json::from_str(&run.out).unwrap();
        let listed = listed.as_array().unwrap().iter();
        listed
            .map(|snapshot| snapshot["id"].as_str().unwrap().to_owned())
            .collect()
    }

    fn assert_snapshots(&self) {
        let listed = self.snapshots();
        let newest = self.record.newest();
        assert!(
            newest.is_subset(&listed),
            "{newest:?} are not all in {listed:?}"
        );
        assert!(listed.is_disjoint(&self.record.doomed()));
        for (number, id) in listed.iter().enumerate() {
            let made = self.record.get(id).expect("somebody has made it");
            let target = tempfile::tempdir_in(self.stand.folder.path()).unwrap();
            let args = ["restore", id, target.path().to_str().unwrap(), "-q"];
            self.stand
                .run(self.cluster(number), &self.place, &args)
                .done();
            volume::assert_is(target.path(), made.volume, made.step);
        }
    }

    fn check(&self) {
        self.stand
            .run(self.cluster(0), &self.place, &["check", "--read-data"])
            .done();
    }

    fn assert_tidy(&self) {
        let entries = self.place.of_kind("log/").len();
        let args = ["prune", "--grace", "0s", "--json"];
        let run = self.stand.run(self.cluster(1), &self.place, &args).done();
        let left = run.last();
        // Small packs may have become too many by what the run before wrote: they are merged, and
        // no other pack goes. Segments that it merged, and its folds, go now.
        assert_eq!(left["packs_condemned"], left["packs_repacked"], "{run:?}");
        assert_eq!(left["packs"], self.place.of_kind("packs/").len(), "{run:?}");
        let (bytes, unused) = (left["bytes"].as_u64(), left["unused_bytes"].as_u64());
        assert!(unused.unwrap() * 20 <= bytes.unwrap(), "{run:?}");
        assert_eq!(run.out.lines().count(), 1, "nothing waits: {run:?}");
        // Whoever has nothing to do says nothing, not even in the log.
        if left["packs_repacked"] == 0 && left["other_objects_deleted"] == 0 {
            assert_eq!(self.place.of_kind("log/").len(), entries, "{run:?}");
        }
    }
}

fn median(values: &[u64]) -> u64 {
    let mut values = values.to_vec();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}
