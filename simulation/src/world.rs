//! All that the actors of one schedule share.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use orlop_repo::clock::Clock;
use orlop_repo::keys::Keyring;
use orlop_repo::model::ObjectName;
use parking_lot::Mutex;

use crate::coverage::Coverage;
use crate::fault::{Fate, Mix};
use crate::memory::Memory;
use crate::oracle::{Oracle, decode};
use crate::random::Random;
use crate::scheduler::{Scheduler, Stands};

/// A minute in milliseconds.
pub(crate) const MINUTE: u64 = 60_000;
/// An hour in milliseconds.
pub(crate) const HOUR: u64 = 60 * MINUTE;

/// The store, the time, and what must hold.
pub(crate) struct World {
    pub(crate) scheduler: Scheduler,
    pub(crate) memory: Mutex<Memory>,
    pub(crate) oracle: Mutex<Oracle>,
    pub(crate) keys: Arc<Keyring>,
    pub(crate) mix: Mix,
    /// Draws what becomes of requests.
    pub(crate) random: Mutex<Random>,
    late: Mutex<Vec<Late>>,
    coverage: Mutex<Coverage>,
    trace: Mutex<Trace>,
    wrong: Mutex<Option<String>>,
    is_over: AtomicBool,
    calls: AtomicU64,
    /// A moment to which the store goes back, and when.
    rollback: Mutex<Option<Rollback>>,
    /// Set when the store has gone back: the number of the first entry that is gone.
    cut: AtomicU64,
}

/// When a store forgets what it was told.
struct Rollback {
    save_at: u64,
    back_at: u64,
    saved: Option<(Memory, u64)>,
}

/// A write that takes effect later.
struct Late {
    turn: u64,
    write: Write,
}

/// A write.
#[derive(Clone)]
pub(crate) enum Write {
    Put(ObjectName, Bytes),
    PutIfAbsent(ObjectName, Bytes),
    Delete(Vec<ObjectName>),
}

/// What happened, in order.
struct Trace {
    hasher: blake3::Hasher,
    lines: Option<Vec<String>>,
}

impl World {
    pub(crate) fn new(
        mut random: Random,
        mix: Mix,
        actors: usize,
        memory: Memory,
        oracle: Oracle,
        keep_trace: bool,
    ) -> Self {
        const START: u64 = 4_000_000_000_000;
        let keys = Arc::clone(&oracle.keys);
        Self {
            scheduler: Scheduler::new(random.part(), mix.sticky, actors, START),
            memory: Mutex::new(memory),
            oracle: Mutex::new(oracle),
            keys,
            mix,
            random: Mutex::new(random),
            late: Mutex::default(),
            coverage: Mutex::default(),
            trace: Mutex::new(Trace {
                hasher: blake3::Hasher::new(),
                lines: keep_trace.then(Vec::new),
            }),
            wrong: Mutex::default(),
            is_over: AtomicBool::new(false),
            calls: AtomicU64::new(0),
            rollback: Mutex::default(),
            cut: AtomicU64::new(u64::MAX),
        }
    }

    /// Has the store go back, in turn `back_at`, to what it was in turn `save_at`.
    pub(crate) fn roll_back(&self, save_at: u64, back_at: u64) {
        *self.rollback.lock() = Some(Rollback {
            save_at,
            back_at,
            saved: None,
        });
    }

    /// Number of the first entry that the store has forgotten, if it has.
    pub(crate) fn cut(&self) -> Option<u64> {
        let cut = self.cut.load(Ordering::SeqCst);
        (cut != u64::MAX).then_some(cut)
    }

    /// Notes a line of the trace.
    pub(crate) fn note(&self, actor: usize, what: &str) {
        let mut trace = self.trace.lock();
        let mut line = String::new();
        let turn = self.scheduler.turns();
        let hours = (self.scheduler.now_ms() - 4_000_000_000_000) / HOUR;
        let who = if actor == usize::MAX {
            "-".to_owned()
        } else {
            actor.to_string()
        };
        // To a text, which does not fail.
        if write!(line, "{turn:5} {hours:4}h  {who}  {what}").is_err() {
            return;
        }
        trace.hasher.update(line.as_bytes());
        if let Some(lines) = &mut trace.lines {
            lines.push(line);
        }
    }

    /// Hash of the trace, and its lines if they were kept.
    pub(crate) fn trace(&self) -> ([u8; 32], Vec<String>) {
        let mut trace = self.trace.lock();
        let lines = trace.lines.take().unwrap_or_default();
        (*trace.hasher.finalize().as_bytes(), lines)
    }

    /// Something does not hold: the schedule ends.
    pub(crate) fn is_wrong(&self, what: String) {
        self.note(usize::MAX, &what);
        self.wrong.lock().get_or_insert(what);
        self.is_over.store(true, Ordering::SeqCst);
    }

    pub(crate) fn wrong(&self) -> Option<String> {
        self.wrong.lock().clone()
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    pub(crate) fn coverage(&self) -> Coverage {
        self.coverage.lock().clone()
    }

    /// Hands on to the next actor before a request of `actor`; then what is due takes effect.
    pub(crate) fn turn(&self, actor: usize, until: Option<u64>) {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.pause(actor, until);
    }

    pub(crate) fn pause(&self, actor: usize, until: Option<u64>) {
        let stands = until.map_or(Stands::Ready, Stands::Until);
        self.scheduler.turn(actor, stands);
        self.deliver(false);
        self.go_back();
    }

    fn go_back(&self) {
        let mut rollback = self.rollback.lock();
        let Some(plan) = rollback.as_mut() else {
            return;
        };
        let turn = self.scheduler.turns();
        if plan.saved.is_none() && turn >= plan.save_at {
            let next = self.oracle.lock().state.next;
            plan.saved = Some((self.memory.lock().clone(), next));
        }
        if turn < plan.back_at {
            return;
        }
        let Some((memory, next)) = plan.saved.take() else {
            return;
        };
        *rollback = None;
        drop(rollback);
        if next < self.oracle.lock().state.next {
            *self.memory.lock() = memory;
            self.late.lock().clear();
            self.cut.store(next, Ordering::SeqCst);
            self.oracle.lock().is_blind = true;
            self.note(usize::MAX, &format!("the store goes back to entry {next}"));
        }
    }

    /// Has writes that are due take effect; all of them if `all`.
    pub(crate) fn deliver(&self, all: bool) {
        let turn = self.scheduler.turns();
        let (due, later) = std::mem::take(&mut *self.late.lock())
            .into_iter()
            .partition(|late: &Late| all || late.turn <= turn);
        *self.late.lock() = later;
        for Late { write, .. } in due {
            self.note(usize::MAX, &format!("lands late: {}", write.name()));
            self.apply(write);
        }
    }

    /// Has a write take effect later: soon, or long after.
    pub(crate) fn later(&self, write: Write) {
        let mut random = self.random.lock();
        let wait = if random.chance(400) {
            random.between(50, 600)
        } else {
            random.between(1, 40)
        };
        let turn = self.scheduler.turns() + wait;
        self.late.lock().push(Late { turn, write });
    }

    /// Has a write take effect; says whether a conditional put has made its object.
    pub(crate) fn apply(&self, write: Write) -> bool {
        let (now, turn) = (self.scheduler.now_ms(), self.scheduler.turns());
        match write {
            Write::PutIfAbsent(name, _) if self.memory.lock().get(&name).is_some() => false,
            Write::Put(name, bytes) | Write::PutIfAbsent(name, bytes) => {
                let is_same = self.memory.lock().put(&name, bytes.clone(), now, turn);
                // Folds are caches: one that went may be made again, sealed anew.
                let is_bound = ["packs/", "index/", "log/"]
                    .iter()
                    .any(|folder| name.as_str().starts_with(folder));
                if !is_same && is_bound && self.cut().is_none() {
                    self.is_wrong(format!("other bytes were stored under the name {name}"));
                }
                if name.as_str().starts_with("log/") {
                    let said = {
                        let memory = self.memory.lock();
                        self.oracle.lock().entry(&name, &bytes, &memory)
                    };
                    match said {
                        Ok(line) => self.note(usize::MAX, &line),
                        Err(wrong) => self.is_wrong(wrong),
                    }
                }
                true
            }
            Write::Delete(names) => {
                let mut gone = false;
                for name in &names {
                    gone |= self.memory.lock().delete(name, turn);
                }
                if gone {
                    self.check();
                }
                true
            }
        }
    }

    /// I1: what is live can be read, now.
    pub(crate) fn check(&self) {
        let memory = self.memory.lock();
        let readable = self.oracle.lock().readable(&memory);
        drop(memory);
        if let Err(wrong) = readable {
            self.is_wrong(wrong);
        }
    }

    /// Counts what became of the put of an entry.
    pub(crate) fn cover(&self, name: &ObjectName, bytes: &Bytes, fate: Fate) -> &'static str {
        let Some(entry) = decode(&self.keys, name, bytes) else {
            return "unreadable";
        };
        let kind = entry.body.kind_name();
        self.coverage.lock().note(kind, fate);
        kind
    }
}

impl Write {
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Put(name, _) => format!("put {}", shown(name)),
            Self::PutIfAbsent(name, _) => format!("create {}", shown(name)),
            Self::Delete(names) => {
                let first = names.first().map(shown).unwrap_or_default();
                format!("delete {first} (of {})", names.len())
            }
        }
    }
}

/// A name, shortened: sessions to eight digits.
pub(crate) fn shown(name: &ObjectName) -> String {
    let parts = name.as_str().split('/').map(|part| match part.len() {
        32 if name.as_str().starts_with("clock/") => "…",
        32 => part.get(..8).unwrap_or(part),
        _ if part.len() > 8 => part.trim_start_matches('0'),
        _ => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

/// The time of a world, as one of its actors has it.
pub(crate) struct ActorsClock {
    pub(crate) world: Arc<World>,
    /// Nobody in particular: then a pause is none.
    pub(crate) actor: Option<usize>,
}

impl Clock for ActorsClock {
    fn unix_ms(&self) -> u64 {
        self.world.scheduler.now_ms()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.unix_ms())
    }

    fn pause(&self, time: Duration) -> BoxFuture<'static, ()> {
        let (world, actor) = (Arc::clone(&self.world), self.actor);
        async move {
            let Some(actor) = actor.filter(|_| !world.is_over()) else {
                return;
            };
            let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
            world.pause(actor, Some(world.scheduler.now_ms().saturating_add(ms)));
        }
        .boxed()
    }
}
