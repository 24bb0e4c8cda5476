//! Everything through a network that fails all the time.

use std::collections::BTreeMap;
use std::time::Duration;

use orlop_repo::explain::explain;
use orlop_repo::log::AppendError;
use orlop_repo::maintain::{MaintainOptions, Unwatched, maintain};
use orlop_repo::seal::Suite;
use orlop_test_servers::{FaultProxy, seeded};

use crate::bench::contents;
use crate::support::{init, noise, try_back_up};
use crate::world::World;

/// Runs that an operation may take in a network in which it gives up soon.
const RUNS: u32 = 100;

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// A life of a repository over a bad network. Every operation opens it anew.
struct Life<'w> {
    world: &'w World,
    network: FaultProxy,
    give_up_after: Duration,
    /// Runs that failed.
    failures: u32,
}

impl Life<'_> {
    /// Does `operation` again until it is done; each failure names the store or an object in it.
    fn until_done<T>(&mut self, what: &str, operation: impl Fn(&Self) -> Result<T, Failed>) -> T {
        for _ in 0..RUNS {
            match operation(self) {
                Ok(done) => return done,
                Err(error) => {
                    let said = explain(&*error);
                    let named = ["s3://orlop-wire/p", "packs/", "index/", "log/", "meta/"];
                    assert!(
                        named.iter().any(|name| said.contains(name)),
                        "{what}: {said}"
                    );
                    self.failures += 1;
                }
            }
        }
        panic!("{what} is not done after {RUNS} runs");
    }

    fn open(&self) -> Result<std::sync::Arc<orlop_repo::repository::Repository>, Failed> {
        let store = self.world.store(Some(&self.network), self.give_up_after);
        Ok(self.world.try_open(store)?)
    }

    /// Three backups, each restored; one is forgotten, its space freed, and all of it checked.
    fn live(&mut self) {
        let (world, runtime) = (self.world, &self.world.runtime);
        let scratch = world.folder.path();
        // Whoever makes a repository sees it through.
        let patient = world.store(Some(&self.network), Duration::from_mins(1));
        runtime.block_on(init(patient, Suite::XChaCha20Poly1305));
        let mut snapshots = Vec::new();
        for round in 0..3 {
            let name = format!("round {round}");
            std::fs::remove_file(world.source().join(format!("round {}", round - 1))).ok();
            std::fs::write(world.source().join(&name), noise(&name, 700_000)).unwrap();
            let snapshot = self.until_done("backup", |life| {
                let source = world.source();
                Ok(try_back_up(runtime, &life.open()?, &source, scratch)?)
            });
            assert_eq!(snapshot.problem_count, 0, "{:?}", snapshot.problems);
            let target = world.path(&format!("target {round}"));
            let restored = self.until_done("restore", |life| {
                Ok(world.try_restore(life.open()?, &snapshot, &target)?)
            });
            assert!(restored.is_complete(), "{restored:?}");
            assert!(contents(&world.source()) == contents(&target));
            snapshots.push(snapshot);
        }
        let first = snapshots[0].id;
        self.until_done("forget", |life| {
            let repository = life.open()?;
            runtime.block_on(repository.forget::<AppendError>(|_| Ok(vec![first])))?;
            Ok(())
        });
        for _ in 0..2 {
            self.until_done("prune", |life| {
                let repository = life.open()?;
                let mut options = MaintainOptions::new("test".to_owned(), scratch.to_owned());
                options.grace = Duration::ZERO;
                // Of runs that failed.
                options.kill_after = Some(Duration::ZERO);
                Ok(maintain(
                    &repository,
                    runtime.handle(),
                    &options,
                    &Unwatched,
                )?)
            });
        }
        let report = self.until_done("check", |life| Ok(world.try_check(&life.open()?)?));
        assert!(report.is_sound(), "{:?}", report.findings);
        // The same as somebody sees it whose network is good.
        let repository = world.open();
        let report = world.try_check(&repository).unwrap();
        assert!(report.is_sound(), "{:?}", report.findings);
        let state = runtime.block_on(repository.state());
        let live: Vec<_> = state.snapshots.keys().copied().collect();
        // A backup whose last reply was lost and that was given up may have made one as well.
        let unreported = live.len().checked_sub(2);
        assert!(unreported.is_some_and(|more| more <= self.failures as usize));
        assert!(!live.contains(&first), "it was forgotten");
        for reported in &snapshots[1..] {
            assert!(live.contains(&reported.id), "what was reported is listed");
        }
        let target = world.path("target of all");
        let snapshot = &snapshots[2];
        world.try_restore(repository, snapshot, &target).unwrap();
        assert!(contents(&world.source()) == contents(&target));
    }

    fn tell(&self) -> usize {
        let mut kinds = BTreeMap::new();
        for (_, fault) in self.network.faults() {
            *kinds.entry(format!("{fault:?}")).or_insert(0) += 1;
        }
        println!(
            "{} requests, {} runs failed, {kinds:?}",
            self.network.requests(),
            self.failures
        );
        kinds.len()
    }
}

#[test]
fn whoever_is_patient_notices_nothing_of_a_bad_network() {
    for seed in 1..=2 {
        let world = World::new();
        let mut life = Life {
            network: world.network(seeded(seed, 15)),
            world: &world,
            give_up_after: Duration::from_mins(1),
            failures: 0,
        };
        life.live();
        assert!(life.tell() >= 8, "a network with too few kinds of faults");
        assert_eq!(life.failures, 0);
    }
}

#[test]
fn whoever_gives_up_says_where_and_the_next_run_goes_on() {
    let world = World::new();
    let mut life = Life {
        network: world.network(seeded(3, 20)),
        world: &world,
        give_up_after: Duration::from_millis(40),
        failures: 0,
    };
    life.live();
    life.tell();
    assert!(life.failures > 0, "nothing failed: the network is too good");
}
