//! One schedule: everything in it follows from its seed.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use orlop_repo::clock::Clock;
use orlop_repo::cuts::Cuts;
use orlop_repo::entropy::SeededEntropy;
use orlop_repo::explain::explain;
use orlop_repo::index::{CacheFolder, LocalIndex};
use orlop_repo::keys::Keyring;
use orlop_repo::log::{SegmentRef, State};
use orlop_repo::maintain::{MaintainOptions, Unwatched, maintain};
use orlop_repo::model::ObjectName;
use orlop_repo::repository::{InitOptions, InitSlot, OpenOptions, Repository};
use orlop_repo::seal::Suite;
use orlop_repo::slots::{Credential, SlotSpec};
use orlop_repo::store::{MemoryBackend, Store};
use parking_lot::Mutex;
use tokio::runtime::{Handle, Runtime};

use crate::actors::{Actor, KEY, Model, Part, is_same, restore};
use crate::backend::{Process, SimulatedBackend};
use crate::content::{Files, change};
use crate::coverage::Coverage;
use crate::fault::Mix;
use crate::habits::Habits;
use crate::memory::Memory;
use crate::oracle::Oracle;
use crate::random::Random;
use crate::scenario::Scenario;
use crate::world::{ActorsClock, HOUR, World};

/// What came of a schedule.
#[derive(Debug)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// What does not hold, if anything.
    pub wrong: Option<String>,
    /// Requests that actors sent to the store.
    pub calls: u64,
    /// What happened to which entries.
    pub coverage: Coverage,
    /// Hash of everything that happened, in order.
    pub hash: [u8; 32],
    /// What happened, line by line, if it was asked for.
    pub trace: Vec<String>,
}

/// How a schedule is run.
#[derive(Clone, Copy, Default, Debug)]
pub struct Settings {
    /// Keep the lines of the trace.
    pub keep_trace: bool,
    /// Rules are left out: entries are not held against the rules of the log, so that the
    /// invariants have to notice.
    pub is_flawed: bool,
    /// What the schedule is about.
    pub scenario: Scenario,
}

/// A repository with nothing in it, as every schedule begins.
struct Empty {
    objects: Vec<(ObjectName, Bytes)>,
    keys: Arc<Keyring>,
    runtime: Runtime,
}

/// Time as it stood still when the repository was made.
struct AtInit;

impl Clock for AtInit {
    fn unix_ms(&self) -> u64 {
        3_999_999_000_000
    }

    fn monotonic(&self) -> std::time::Duration {
        std::time::Duration::ZERO
    }
}

fn empty() -> Result<&'static Empty, String> {
    static EMPTY: OnceLock<Result<Empty, String>> = OnceLock::new();
    let made = EMPTY.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(64)
            .enable_time()
            .build()
            .map_err(|error| error.to_string())?;
        let memory = MemoryBackend::new();
        let options = InitOptions {
            slots: vec![InitSlot {
                spec: SlotSpec::Raw(KEY.into()),
                label: "simulation".to_owned(),
            }],
            suite: Suite::XChaCha20Poly1305,
            cuts: Cuts::DEFAULT,
            clock: Arc::new(AtInit),
            entropy: Arc::new(SeededEntropy::new(1)),
        };
        let init = Repository::init(Store::new(memory.clone()), options);
        let repository = runtime.block_on(init).map_err(|error| explain(&error))?;
        Ok(Empty {
            objects: memory.contents().into_iter().collect(),
            keys: Arc::clone(repository.keys()),
            runtime,
        })
    });
    made.as_ref().map_err(Clone::clone)
}

/// Runs the schedule of a seed.
///
/// # Errors
///
/// What this machine cannot do; nothing that is wrong with the engine.
pub fn run(seed: u64, settings: Settings) -> Result<Outcome, String> {
    let empty = empty()?;
    let scratch = scratch().map_err(|error| error.to_string())?;
    let mut random = Random::new(seed);
    let mut mix = Mix::draw(&mut random);
    let mut parts = cast(&mut random);
    settings.scenario.shape(&mut mix, &mut parts);
    let mut oracle = Oracle::new(Arc::clone(&empty.keys));
    oracle.is_strict = !settings.is_flawed;
    let mut memory = Memory::default();
    for (name, bytes) in &empty.objects {
        memory.put(name, bytes.clone(), 0, 0);
        if name.as_str().starts_with("log/") {
            oracle.entry(name, bytes, &memory)?;
        }
    }
    let world = Arc::new(World::new(
        random.part(),
        mix,
        parts.len(),
        memory,
        oracle,
        settings.keep_trace,
    ));
    world.note(usize::MAX, &format!("seed {seed} {mix:?} {parts:?}"));
    if random.chance(80) {
        let save_at = random.between(60, 300);
        world.roll_back(save_at, save_at + random.between(10, 200));
    }
    let model = Arc::new(Mutex::new(model(&mut random)));
    let habits = settings.scenario.habits(Habits::draw(&mut random));
    world.note(usize::MAX, &format!("{habits:?}"));
    let jobs = random.between(2, 6);
    let actors: Vec<_> = parts
        .iter()
        .enumerate()
        .map(|(number, part)| Actor {
            number,
            part: *part,
            world: Arc::clone(&world),
            model: Arc::clone(&model),
            runtime: empty.runtime.handle().clone(),
            random: random.part(),
            scratch: scratch.path().to_owned(),
            jobs: jobs + random.below(3),
            habits,
            seen: None,
            seen_before: false,
            orphan: None,
        })
        .collect();
    std::thread::scope(|scope| {
        for actor in actors {
            let (world, number) = (Arc::clone(&world), actor.number);
            scope.spawn(move || {
                world.scheduler.enter(number);
                let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| actor.run()));
                if done.is_err() {
                    world.is_wrong(format!("actor {number} panicked"));
                }
                world.scheduler.turn(number, crate::scheduler::Stands::Done);
            });
        }
        world.scheduler.run();
    });
    let calls = world.calls();
    if world.wrong().is_none() && world.cut().is_none() {
        world.deliver(true);
        let end = End {
            world: &world,
            model: &model,
            runtime: empty.runtime.handle(),
            scratch: scratch.path(),
        };
        if world.wrong().is_none()
            && let Err(wrong) = end.judge(seed)
        {
            world.is_wrong(wrong);
        }
    }
    let (hash, trace) = world.trace();
    Ok(Outcome {
        seed,
        wrong: world.wrong(),
        calls,
        coverage: world.coverage(),
        hash,
        trace,
    })
}

/// A folder for temporary files; in memory where there is one, since nothing in it must last.
fn scratch() -> std::io::Result<tempfile::TempDir> {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir())
}

/// Who takes part: four actors at least.
fn cast(random: &mut Random) -> Vec<Part> {
    let mut parts = vec![Part::Writer, Part::Maintainer];
    for _ in 0..random.between(2, 6) {
        let part = random.pick(&[
            Part::Writer,
            Part::Writer,
            Part::Forgetter,
            Part::Forgetter,
            Part::Maintainer,
            Part::Reader,
        ]);
        parts.extend(part);
    }
    parts
}

fn model(random: &mut Random) -> Model {
    let mut volumes = Vec::new();
    for _ in 0..random.between(1, 3) {
        let mut files = Files::new();
        change(&mut files, random);
        volumes.push(files);
    }
    Model {
        volumes,
        ..Model::default()
    }
}

/// Judges what is there when all have gone.
struct End<'a> {
    world: &'a Arc<World>,
    model: &'a Mutex<Model>,
    runtime: &'a Handle,
    scratch: &'a std::path::Path,
}

impl End<'_> {
    fn judge(&self, seed: u64) -> Result<(), String> {
        let repository = self.open(seed)?;
        let state = self.state(&repository)?;
        // A fold is the state of its prefix: whoever starts from one comes to the same.
        let replayed = self.world.oracle.lock().state.clone();
        if state != replayed {
            return Err("I2: whoever starts from a fold comes to another state".to_owned());
        }
        self.restore_all(&repository, &state)?;
        // I4: quiet. Whoever is open is dead.
        for (id, session) in &state.sessions {
            if !session.dead {
                let kill = orlop_repo::repository::Session::kill(Arc::clone(&repository), *id);
                self.runtime
                    .block_on(kill)
                    .map_err(|error| explain(&error))?;
            }
        }
        self.world.scheduler.pass(2000 * HOUR);
        for _ in 0..2 {
            self.maintain(seed, false)?;
        }
        self.is_tidy(&self.state(&repository)?)?;
        // What the last run merged or folded itself is left to the next.
        self.maintain(seed, false)?;
        let state = self.state(&repository)?;
        self.restore_all(&repository, &state)?;
        self.is_tidy(&state)?;
        self.is_clean(seed, &state)
    }

    fn open(&self, seed: u64) -> Result<Arc<Repository>, String> {
        let process = Process::new(self.world, None, false, 0);
        let store = Store::new(SimulatedBackend::new(process));
        let clock = ActorsClock {
            world: Arc::clone(self.world),
            actor: None,
        };
        let options = OpenOptions {
            memory: 1 << 20,
            expect: None,
            seen: None,
            clock: Arc::new(clock),
            // Each client has its own: names must not come twice.
            entropy: Arc::new(SeededEntropy::new(self.world.random.lock().next() ^ seed)),
        };
        let key = [Credential::Raw(KEY.into())];
        let opened = Repository::open(store, &key, options);
        self.runtime
            .block_on(opened)
            .map_err(|error| format!("I1: the repository does not open: {}", explain(&error)))
    }

    fn state(&self, repository: &Repository) -> Result<State, String> {
        self.runtime.block_on(async {
            let mut chain = repository.chain().await;
            chain
                .refresh()
                .await
                .map_err(|error| format!("I1: the log does not open: {}", explain(&error)))?;
            Ok(chain.state().clone())
        })
    }

    fn restore_all(&self, repository: &Arc<Repository>, state: &State) -> Result<(), String> {
        let folder = CacheFolder::TemporaryIn(self.scratch.to_owned());
        for (id, snapshot) in &state.snapshots {
            let index = LocalIndex::open(&folder, None).map_err(|error| explain(&error))?;
            let read = restore(repository, self.runtime, &Arc::new(index), snapshot)
                .map_err(|error| format!("I1: snapshot {id:.8}: {}", explain(&*error)))?;
            let right = self.model.lock().snapshots.get(id).cloned();
            if !right.is_some_and(|right| is_same(&right, &read)) {
                return Err(format!("I1: snapshot {id:.8} restores to other bytes"));
            }
        }
        Ok(())
    }

    fn maintain(&self, seed: u64, dry_run: bool) -> Result<(), String> {
        self.world.scheduler.pass(HOUR);
        let mut options = MaintainOptions::new("simulation".to_owned(), self.scratch.to_owned());
        options.parallel = false;
        options.grace = std::time::Duration::ZERO;
        options.dry_run = dry_run;
        let report = maintain(&self.open(seed)?, self.runtime, &options, &Unwatched)
            .map_err(|error| format!("I4: maintenance fails in quiet: {}", explain(&error)))?;
        // Each run ends with a fold, if entries have come together: one more than is kept.
        if dry_run && (report.condemned.packs > 0 || report.condemned.others > 1) {
            return Err(format!("I4: garbage is left: {:?}", report.condemned));
        }
        Ok(())
    }

    /// I4: no pack is left that nobody needs, and no work.
    fn is_tidy(&self, state: &State) -> Result<(), String> {
        let dead = state.sessions.values().filter(|s| s.dead).count();
        let left = [
            ("sweeps", state.sweeps.len()),
            ("condemnations", state.condemned.len()),
            ("bonds", state.bonds.len()),
            ("dead sessions", dead),
        ];
        for (what, count) in left {
            if count > 0 {
                return Err(format!("I4: {count} {what} are left in quiet"));
            }
        }
        let packs: Vec<_> = state.packs.iter().map(ObjectName::pack).collect();
        if self.world.memory.lock().names("packs/") != packs {
            return Err("I4: packs are stored that no entry names, or are missing".to_owned());
        }
        Ok(())
    }

    /// I4: nothing else is left that nobody needs.
    fn is_clean(&self, seed: u64, state: &State) -> Result<(), String> {
        let segments: Vec<_> = state.segments.iter().map(SegmentRef::name).collect();
        let (stored, folds) = {
            let memory = self.world.memory.lock();
            (memory.names("index/"), memory.names("meta/folds/").len())
        };
        if stored != segments {
            return Err("I4: segments are stored that are not live, or are missing".to_owned());
        }
        if folds > 3 {
            return Err("I4: more than three folds are left".to_owned());
        }
        self.maintain(seed, true)
    }
}
