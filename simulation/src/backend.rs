//! The store as one process of an actor sees it.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _, stream};
use orlop_repo::log::entry_place;
use orlop_repo::model::ObjectName;
use orlop_repo::store::{
    At, Backend, Folder, ObjectInfo, Put, PutPayload, StoreError, StoreFuture, Tail,
};
use parking_lot::Mutex;

use crate::fault::Fate;
use crate::world::{MINUTE, World, Write, shown};

/// How often a patient process sends a request.
const ATTEMPTS: u32 = 5;

/// What a process does between two requests, of its own accord.
type Meanwhile = Box<dyn FnMut() + Send>;

/// A process of an actor: what the store is to it. Gone when it dies.
pub(crate) struct Process {
    pub(crate) world: Arc<World>,
    /// Nobody in particular: then nothing befalls it, and nobody else gets a turn.
    actor: Option<usize>,
    /// Whether it sends a request again that failed in passing, as the wrapper of real stores does.
    is_patient: bool,
    /// Requests, in thousandths, before which it stands still for a while, as a process does that
    /// has much to read. None of them fails by that.
    lingers: u64,
    is_dead: AtomicBool,
    faults: AtomicU64,
    /// The newest entry that it has seen: number, name, hash of the object.
    seen: Mutex<Option<(u64, ObjectName, blake3::Hash)>>,
    /// Entries that it has appended to a store that went back.
    appended: AtomicU64,
    meanwhile: Mutex<Option<Meanwhile>>,
}

impl Process {
    /// A new process of an actor.
    pub(crate) fn new(
        world: &Arc<World>,
        actor: Option<usize>,
        is_patient: bool,
        lingers: u64,
    ) -> Arc<Self> {
        Arc::new(Self {
            world: Arc::clone(world),
            actor,
            is_patient,
            lingers,
            is_dead: AtomicBool::new(false),
            faults: AtomicU64::new(0),
            seen: Mutex::default(),
            appended: AtomicU64::new(0),
            meanwhile: Mutex::default(),
        })
    }

    /// Whether it has died.
    pub(crate) fn is_dead(&self) -> bool {
        self.is_dead.load(Ordering::SeqCst)
    }

    /// Faults that it has met so far: they may make what it does fail.
    pub(crate) fn faults(&self) -> u64 {
        self.faults.load(Ordering::SeqCst)
    }

    /// Whether it has seen more of the log than the store has now, and has appended all the same.
    pub(crate) fn overlooks_rollback(&self) -> bool {
        let seen = self.seen.lock().clone();
        let Some(((number, name, hash), cut)) = seen.zip(self.world.cut()) else {
            return false;
        };
        // Somebody in doubt may have put the same entry again.
        let is_again = self
            .world
            .memory
            .lock()
            .get(&name)
            .is_some_and(|bytes| blake3::hash(bytes) == hash);
        number >= cut && !is_again && self.appended.load(Ordering::SeqCst) > 0
    }

    /// What it does before each of its requests from here on.
    pub(crate) fn meanwhile(&self, what: Option<Meanwhile>) {
        *self.meanwhile.lock() = what;
    }

    fn sees(&self, name: &ObjectName, bytes: &Bytes) {
        let Some((_, number)) = entry_place(name).filter(|_| self.world.cut().is_none()) else {
            return;
        };
        let mut seen = self.seen.lock();
        if seen.as_ref().is_none_or(|(newest, ..)| *newest < number) {
            *seen = Some((number, name.clone(), blake3::hash(bytes)));
        }
    }
}

/// The store of a [`Process`].
#[derive(Clone)]
pub(crate) struct SimulatedBackend {
    process: Arc<Process>,
    location: Arc<str>,
}

impl std::fmt::Debug for SimulatedBackend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("simulated")
    }
}

impl SimulatedBackend {
    pub(crate) fn new(process: Arc<Process>) -> Self {
        Self {
            process,
            location: Arc::from("simulated:"),
        }
    }

    fn gone(&self) -> StoreError {
        StoreError::PermissionDenied {
            at: At::store(self.location.clone()),
            source: "the process is dead".into(),
        }
    }

    fn failed(&self) -> StoreError {
        StoreError::Transient {
            at: At::store(self.location.clone()),
            source: "connection reset".into(),
        }
    }

    /// Sends a request until it is answered, if the process is patient. Then what failed in passing
    /// is no excuse.
    fn patiently<T>(
        &self,
        mut request: impl FnMut() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let process = &self.process;
        let before = process.faults();
        let mut attempts = 1;
        loop {
            let result = request();
            match &result {
                Err(error) if process.is_patient && error.is_retryable() && attempts < ATTEMPTS => {
                    attempts += 1;
                }
                Err(_) => return result,
                Ok(_) => {
                    process.faults.store(before, Ordering::SeqCst);
                    return result;
                }
            }
        }
    }

    /// A request is sent: somebody else may have a turn, and its fate is drawn.
    fn send(&self, what: &str, writes: bool) -> Result<Fate, StoreError> {
        let process = &self.process;
        let world = &process.world;
        let Some(actor) = process.actor else {
            return Ok(Fate::Fine);
        };
        if process.is_dead() || world.is_over() {
            return Err(self.gone());
        }
        let (fate, until) = {
            let mut random = world.random.lock();
            let fate = if writes {
                world.mix.of_write(&mut random)
            } else {
                world.mix.of_read(&mut random)
            };
            let minutes = if fate == Fate::Stalled {
                Some(match random.below(3) {
                    0 => random.between(1, 60),
                    1 => random.between(60, 1800),
                    _ => random.between(1440, 24_000),
                })
            } else if process.lingers > 0 && random.chance(process.lingers) {
                Some(random.between(1, 120))
            } else {
                None
            };
            let until = minutes.map(|minutes| world.scheduler.now_ms() + minutes * MINUTE);
            (fate, until)
        };
        // Taken out while it is done: it must not send requests of its own.
        let meanwhile = process.meanwhile.lock().take();
        if let Some(mut meanwhile) = meanwhile {
            meanwhile();
            *process.meanwhile.lock() = Some(meanwhile);
        }
        world.turn(actor, until);
        if world.is_over() {
            return Err(self.gone());
        }
        if !matches!(fate, Fate::Fine | Fate::Stalled | Fate::Twice) {
            process.faults.fetch_add(1, Ordering::SeqCst);
        }
        if fate.is_death() {
            process.is_dead.store(true, Ordering::SeqCst);
        }
        let fault = if fate == Fate::Fine { "" } else { fate.name() };
        world.note(actor, &format!("{what} {fault}"));
        Ok(fate)
    }

    fn read<T>(
        &self,
        what: &str,
        name: &ObjectName,
        read: impl Fn(&Bytes) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.patiently(|| self.read_once(what, name, &read))
    }

    fn read_once<T>(
        &self,
        what: &str,
        name: &ObjectName,
        read: impl Fn(&Bytes) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let fate = self.send(&format!("{what} {}", shown(name)), false)?;
        if fate.is_death() {
            return Err(self.gone());
        }
        if fate == Fate::Before {
            // Torn in the middle, or never answered: a client cannot tell.
            return Err(self.failed());
        }
        let memory = self.process.world.memory.lock();
        let found = memory.get(name).ok_or_else(|| StoreError::NotFound {
            at: At::object(self.location.clone(), name),
        });
        let found = found?;
        self.process.sees(name, found);
        read(found)
    }

    /// Sends a write; gives whether it took effect, as far as the caller hears of it.
    fn write(&self, mut write: Write, kind: &str) -> Result<bool, StoreError> {
        let world = &self.process.world;
        let what = format!("{} {kind}", write.name());
        let fate = self.send(&what, true)?;
        if let Write::Delete(names) = &mut write
            && matches!(fate, Fate::After | Fate::DiesAfter)
        {
            // After an error any of them may be deleted.
            let some = world.random.lock().below(names.len() as u64 + 1);
            names.truncate(usize::try_from(some).unwrap_or(0));
        }
        let mut covered = fate;
        let made = match fate {
            Fate::Before | Fate::DiesBefore => None,
            Fate::Late | Fate::DiesLate => {
                world.later(write.clone());
                None
            }
            _ => Some(world.apply(write.clone())),
        };
        if fate == Fate::Twice {
            world.later(write.clone());
        }
        if made == Some(false) && matches!(fate, Fate::Fine | Fate::Twice) {
            covered = Fate::Overtaken;
        }
        if let Write::PutIfAbsent(name, bytes) = &write
            && entry_place(name).is_some()
        {
            world.cover(name, bytes, covered);
            if made == Some(true) {
                self.process.sees(name, bytes);
                if world.cut().is_some() {
                    self.process.appended.fetch_add(1, Ordering::SeqCst);
                }
            }
        }
        match fate {
            Fate::Before | Fate::After | Fate::Late => Err(self.failed()),
            fate if fate.is_death() => Err(self.gone()),
            _ => Ok(made.unwrap_or(false)),
        }
    }

    fn at(&self, name: &ObjectName) -> At {
        At::object(self.location.clone(), name)
    }
}

fn join(payload: &PutPayload) -> Bytes {
    let mut all = BytesMut::with_capacity(payload.content_length());
    for part in payload {
        all.extend_from_slice(part);
    }
    all.freeze()
}

fn slice(bytes: &Bytes, from: u64, to: u64) -> Bytes {
    let index = |n: u64| usize::try_from(n).map_or(bytes.len(), |n| n.min(bytes.len()));
    bytes.slice(index(from)..index(to))
}

impl Backend for SimulatedBackend {
    fn location(&self) -> &Arc<str> {
        &self.location
    }

    fn put(&self, name: &ObjectName, payload: PutPayload) -> StoreFuture<'_, ()> {
        let write = Write::Put(name.clone(), join(&payload));
        async move { self.patiently(|| self.write(write.clone(), "").map(|_| ())) }.boxed()
    }

    fn put_if_absent(&self, name: &ObjectName, payload: PutPayload) -> StoreFuture<'_, Put> {
        let bytes = join(&payload);
        let world = &self.process.world;
        let kind = crate::oracle::decode(&world.keys, name, &bytes);
        let kind = kind.map_or("", |entry| entry.body.kind_name());
        let write = Write::PutIfAbsent(name.clone(), bytes);
        async move {
            let made = self.patiently(|| self.write(write.clone(), kind))?;
            Ok(if made { Put::Created } else { Put::Exists })
        }
        .boxed()
    }

    fn get(&self, name: &ObjectName, max_len: u64) -> StoreFuture<'_, Bytes> {
        let name = name.clone();
        async move {
            self.read("get", &name, |bytes| {
                let len = bytes.len() as u64;
                if len > max_len {
                    return Err(StoreError::TooLarge {
                        at: self.at(&name),
                        len,
                        max: max_len,
                    });
                }
                Ok(bytes.clone())
            })
        }
        .boxed()
    }

    fn get_range(&self, name: &ObjectName, range: Range<u64>) -> StoreFuture<'_, Bytes> {
        let name = name.clone();
        async move {
            self.read("range", &name, |bytes| {
                let len = bytes.len() as u64;
                if range.end > len {
                    return Err(StoreError::ShortRead {
                        at: self.at(&name),
                        offset: range.start,
                        wanted: range.end - range.start,
                        got: len.saturating_sub(range.start),
                    });
                }
                Ok(slice(bytes, range.start, range.end))
            })
        }
        .boxed()
    }

    fn get_tail(&self, name: &ObjectName, len: u64) -> StoreFuture<'_, Tail> {
        let name = name.clone();
        async move {
            self.read("tail", &name, |bytes| {
                let object_len = bytes.len() as u64;
                Ok(Tail {
                    bytes: slice(bytes, object_len.saturating_sub(len), object_len),
                    object_len,
                })
            })
        }
        .boxed()
    }

    fn head(&self, name: &ObjectName) -> StoreFuture<'_, ObjectInfo> {
        let name = name.clone();
        async move {
            self.read("head", &name, |_| Ok(()))?;
            let memory = self.process.world.memory.lock();
            memory
                .info(&name)
                .ok_or_else(|| StoreError::NotFound { at: self.at(&name) })
        }
        .boxed()
    }

    fn list(
        &self,
        folder: &Folder,
        after: Option<&ObjectName>,
    ) -> BoxStream<'static, Result<ObjectInfo, StoreError>> {
        let (backend, folder, after) = (self.clone(), folder.clone(), after.cloned());
        stream::once(async move {
            let sent = backend.send(&format!("list {folder}"), false);
            let fate = match sent {
                Ok(fate) if fate.is_death() => return vec![Err(backend.gone())],
                Ok(fate) => fate,
                Err(error) => return vec![Err(error)],
            };
            let world = &backend.process.world;
            let turn = world.scheduler.turns();
            let mut random = world.random.lock();
            let lags = backend.process.actor.is_some() && random.chance(world.mix.stale);
            let lags = lags.then_some(&mut *random);
            let mut found: Vec<_> = world
                .memory
                .lock()
                .list(&folder, after.as_ref(), lags, turn)
                .into_iter()
                .map(Ok)
                .collect();
            if fate == Fate::Before {
                found.truncate(found.len() / 2);
                found.push(Err(backend.failed()));
            }
            found
        })
        .flat_map(stream::iter)
        .boxed()
    }

    fn list_folders(&self, folder: &Folder) -> StoreFuture<'_, Vec<Folder>> {
        let folder = folder.clone();
        async move {
            let fate = self.send(&format!("folders {folder}"), false)?;
            if fate.is_death() {
                return Err(self.gone());
            }
            if fate == Fate::Before {
                return Err(self.failed());
            }
            Ok(self.process.world.memory.lock().folders(&folder))
        }
        .boxed()
    }

    fn delete(&self, names: Vec<ObjectName>) -> StoreFuture<'_, ()> {
        async move { self.patiently(|| self.write(Write::Delete(names.clone()), "").map(|_| ())) }
            .boxed()
    }
}
