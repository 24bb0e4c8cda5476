//! Who does what in a schedule.
//!
//! ```text
//! writer      backs a volume up; adopts what dead ones left; checkpoints, gives up, commits
//! forgetter   forgets by a policy, and brings back
//! maintainer  one run of maintenance after the other
//! reader      opens a session and restores
//! ```

mod forgetter;
mod maintainer;
mod reader;
mod writer;

pub(crate) use reader::{is_same, restore};

use std::error::Error;
use std::sync::Arc;

use orlop_repo::clock::Clock;
use orlop_repo::entropy::SeededEntropy;
use orlop_repo::explain::explain;
use orlop_repo::index::{CacheFolder, LocalIndex};
use orlop_repo::log::Seen;
use orlop_repo::model::{ObjectName, SessionId, SnapshotId};
use orlop_repo::repository::{OpenOptions, Repository};
use orlop_repo::slots::Credential;
use orlop_repo::store::Store;
use parking_lot::Mutex;
use tokio::runtime::Handle;

use crate::backend::{Process, SimulatedBackend};
use crate::content::Files;
use crate::habits::Habits;
use crate::oracle::decode;
use crate::random::Random;
use crate::world::{ActorsClock, MINUTE, World};

/// The key that opens every simulated repository.
pub(crate) const KEY: [u8; 32] = [7; 32];

/// Requests below which a schedule is not over.
const MIN_CALLS: u64 = 220;
/// Jobs of one actor, at the most.
const MAX_JOBS: u64 = 100;

/// What an actor is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    Writer,
    Forgetter,
    Maintainer,
    Reader,
}

/// What all actors know of each other's doings: the model that the repository is held against.
#[derive(Default)]
pub(crate) struct Model {
    /// Volumes as they are.
    pub(crate) volumes: Vec<Files>,
    /// What every snapshot must contain, from before its commit on.
    pub(crate) snapshots: std::collections::BTreeMap<SnapshotId, Files>,
}

/// One actor: its processes come and go.
pub(crate) struct Actor {
    pub(crate) number: usize,
    pub(crate) part: Part,
    pub(crate) world: Arc<World>,
    pub(crate) model: Arc<Mutex<Model>>,
    pub(crate) runtime: Handle,
    pub(crate) random: Random,
    pub(crate) scratch: std::path::PathBuf,
    /// Jobs that it does.
    pub(crate) jobs: u64,
    pub(crate) habits: Habits,
    /// What is kept beside the repository: the last entry that was seen.
    pub(crate) seen: Option<Seen>,
    /// Whether that was before the store went back.
    pub(crate) seen_before: bool,
    /// A session of a process that died.
    pub(crate) orphan: Option<SessionId>,
}

/// A process at work.
pub(crate) struct At {
    pub(crate) process: Arc<Process>,
    pub(crate) repository: Arc<Repository>,
    /// Faults that it had met when the job began.
    faults: u64,
}

/// How a job ended.
pub(crate) type Job = Result<(), Box<dyn Error + Send + Sync>>;

impl Actor {
    /// Does its jobs, whatever becomes of them.
    pub(crate) fn run(mut self) {
        let mut job = 0;
        while job < self.jobs || (self.world.calls() < MIN_CALLS && job < MAX_JOBS) {
            job += 1;
            if self.world.is_over() {
                return;
            }
            self.sleep();
            let is_patient = self.random.chance(500);
            let lingers = match self.part {
                Part::Maintainer => self.habits.lingers,
                _ => 0,
            };
            let process = Process::new(&self.world, Some(self.number), is_patient, lingers);
            let Some(at) = self.open(&process) else {
                continue;
            };
            match self.part {
                Part::Writer => self.back_up(&at),
                Part::Forgetter => self.forget_some(&at),
                Part::Maintainer => self.maintain_once(&at),
                Part::Reader => self.read_one(&at),
            }
            if !process.is_dead() && !self.world.is_over() {
                let seen = self.runtime.block_on(at.repository.chain());
                self.seen = Some(seen.seen());
                self.seen_before = self.world.cut().is_none();
            }
        }
    }

    fn sleep(&mut self) {
        let ms = self.random.below(self.habits.pause * MINUTE);
        self.world
            .pause(self.number, Some(self.world.scheduler.now_ms() + ms));
    }

    /// Opens the repository as a new process.
    fn open(&mut self, process: &Arc<Process>) -> Option<At> {
        let backend = SimulatedBackend::new(Arc::clone(process));
        let store = Store::new(backend);
        let clock = ActorsClock {
            world: Arc::clone(&self.world),
            actor: Some(self.number),
        };
        let options = OpenOptions {
            memory: 1 << 20,
            expect: None,
            seen: self.seen,
            clock: Arc::new(clock) as Arc<dyn Clock>,
            entropy: Arc::new(SeededEntropy::new(self.random.next())),
        };
        let faults = process.faults();
        let key = [Credential::Raw(KEY.into())];
        let opened = self
            .runtime
            .block_on(Repository::open(store, &key, options));
        match opened {
            Ok(repository) => {
                self.notices_rollback();
                Some(At {
                    process: Arc::clone(process),
                    repository,
                    faults,
                })
            }
            Err(error) => {
                self.excuse("open", &error, process, faults, false);
                None
            }
        }
    }

    /// I5: who has seen more than the store has does not open it.
    fn notices_rollback(&self) {
        if let (Some(cut), Some(seen)) = (self.world.cut(), self.seen)
            && seen.number >= cut
            && self.seen_before
            && !self.has_again(seen)
        {
            self.world.is_wrong(format!(
                "I5: actor {} opened a store that went back to entry {cut} after it had seen {}",
                self.number, seen.number
            ));
        }
    }

    /// Whether somebody in doubt has put an entry again that the store had forgotten.
    fn has_again(&self, seen: Seen) -> bool {
        let name = ObjectName::log_entry(seen.generation, seen.number);
        let memory = self.world.memory.lock();
        let bytes = memory.get(&name);
        let entry = bytes.and_then(|bytes| decode(&self.world.keys, &name, bytes));
        entry.is_some_and(|entry| entry.hash == seen.hash)
    }

    /// What a job came to. I3: it fails only by a fault of the store, by its own death, or because
    /// it was taken for dead. I5: it does not succeed in a store that went back.
    pub(crate) fn ends(&self, what: &str, at: &At, result: Job) {
        match result {
            Ok(()) => {
                self.world.note(self.number, &format!("{what}: done"));
                if at.process.overlooks_rollback() {
                    self.world.is_wrong(format!(
                        "I5: actor {} appended ({what}) to a store that went back",
                        self.number
                    ));
                }
            }
            Err(error) => self.excuse(what, &*error, &at.process, at.faults, false),
        }
    }

    /// Whether a failure has an excuse; else something is wrong.
    pub(crate) fn excuse(
        &self,
        what: &str,
        error: &(dyn Error + 'static),
        process: &Process,
        faults: u64,
        was_killed: bool,
    ) {
        let error = explain(error);
        self.world
            .note(self.number, &format!("{what}: failed: {error}"));
        let excused = process.faults() > faults
            || process.is_dead()
            || was_killed
            || self.world.is_over()
            || self.world.cut().is_some();
        if !excused {
            self.world.is_wrong(format!(
                "I3: {what} of actor {} failed without a fault: {error}",
                self.number
            ));
        }
    }

    /// An index of this process.
    pub(crate) fn index(&self) -> Result<Arc<LocalIndex>, orlop_repo::index::IndexError> {
        let folder = CacheFolder::TemporaryIn(self.scratch.clone());
        Ok(Arc::new(LocalIndex::open(&folder, None)?))
    }

    /// Whether somebody has declared the session dead.
    pub(crate) fn was_killed(&self, session: SessionId) -> bool {
        self.world.oracle.lock().killed.contains(&session)
    }
}

impl At {
    /// See [`Actor::excuse`].
    pub(crate) fn faults_before(&self) -> u64 {
        self.faults
    }
}
