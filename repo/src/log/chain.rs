//! The log in the store: reading its tail, appending to it, folding it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;

use super::audit::{entry_place, opened_with};
use super::entry::{Body, Close, FoldAt, Generation, Open};
use super::error::LogError;
use super::fold::{self, FoldName};
use super::frame::{self, Entry, Header};
use super::recover::Recovered;
use super::state::{Invalid, State};
use crate::clock::Clock;
use crate::entropy::{Entropy, random};
use crate::flaws::{Flaw, is_left_out};
use crate::keys::{Keyring, Material};
use crate::model::{ObjectHash, ObjectName};
use crate::store::{Folder, ObjectInfo, Put, Store};

/// Whoever has processed more entries than this past the last fold writes one (engine design;
/// it is also the most that a tail holds).
const FOLD_EVERY: u64 = 64;
/// How often a put whose outcome is unknown is tried again before the client gives up.
const DOUBT_ATTEMPTS: u32 = 8;
/// Pause before the first of these; each further one is twice as long.
const DOUBT_PAUSE: Duration = Duration::from_millis(100);

/// The last entry that a client has seen. Kept outside the store, it shows a rollback.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seen {
    /// Log generation.
    pub generation: u16,
    /// Number of the entry.
    pub number: u64,
    /// Its hash.
    pub hash: ObjectHash,
}

/// What a [`Chain`] works with.
pub struct ChainOptions {
    /// The store, at the repository's prefix.
    pub store: Store,
    /// The repository's keys.
    pub keys: Arc<Keyring>,
    /// Labels entries.
    pub clock: Arc<dyn Clock>,
    /// Makes nonces.
    pub entropy: Arc<dyn Entropy>,
    /// Opens generations of keys that are started meanwhile. Without it, the client stops there.
    pub newer_keys: Option<Arc<dyn NewerKeys>>,
}

/// Gets the keys of a generation that was started after the repository was opened.
pub trait NewerKeys: Send + Sync {
    /// The material of the generation that an entry has started.
    ///
    /// # Errors
    ///
    /// [`LogError::NewerKeys`] if nothing at hand opens it; [`LogError::Store`].
    fn material<'a>(&'a self, wanted: &'a Generation) -> BoxFuture<'a, Result<Material, LogError>>;
}

/// The log of one repository, processed up to some entry.
pub struct Chain {
    store: Store,
    keys: Arc<Keyring>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    newer_keys: Option<Arc<dyn NewerKeys>>,
    /// A generation of keys that was started and whose keys are not at hand yet: nothing can be
    /// read or written before they are.
    wanted: Option<Generation>,
    state: State,
    /// Stored cores of the entries after the last fold, the newest last; for tails.
    cores: VecDeque<Bytes>,
    /// Number of the first entry that the last fold does not hold.
    folded: u64,
    /// Number of the first entry that was read from the log, and not out of a fold.
    read_from: u64,
    /// A put whose outcome is not known: until it is, nothing else may be put at its number.
    doubt: Option<Doubt>,
    /// An entry of this client that stands in the log and that no `append` has returned yet.
    unreported: Option<Entry>,
    /// Pause before an undecided put is tried again.
    pause: Duration,
    /// Whether the entry before the next one cannot be read: see [`Self::recovered`].
    gap: bool,
}

/// An entry that was sent to the store and may or may not stand in the log.
#[derive(Clone)]
struct Doubt {
    /// The object is sealed for this number and must never be put at another one.
    number: u64,
    object: Bytes,
    nonce: [u8; 16],
}

/// An entry was not appended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// It may not stand in the log as it is now.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The log could not be read or written.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl Chain {
    /// The log of a repository that is being made: nothing in it yet.
    pub fn create(options: ChainOptions) -> Self {
        Self::at(options, State::empty(1), 0)
    }

    fn at(options: ChainOptions, state: State, folded: u64) -> Self {
        let ChainOptions {
            store,
            keys,
            clock,
            entropy,
            newer_keys,
        } = options;
        Self {
            store,
            keys,
            clock,
            entropy,
            newer_keys,
            wanted: None,
            state,
            cores: VecDeque::new(),
            folded,
            read_from: folded,
            doubt: None,
            unreported: None,
            pause: DOUBT_PAUSE,
            gap: false,
        }
    }

    /// A damaged log, for whoever lets it go on in another generation.
    ///
    /// An entry that follows on a gap names the last entry that could be read as the one before
    /// it: whoever has processed what is lost meets a break there, and stops.
    pub fn recovered(options: ChainOptions, recovered: Recovered) -> Self {
        let next = recovered.state.next;
        Self {
            gap: recovered.gap,
            ..Self::at(options, recovered.state, next)
        }
    }

    /// Opens the log: the newest fold that opens, then every entry after it.
    ///
    /// `meta` is a listing of `meta/`, from which the folds are taken. `seen` is the last entry
    /// that this client has seen earlier, if it has.
    ///
    /// # Errors
    ///
    /// [`LogError::Broken`] if the store shows less than `seen`, or entries do not follow on from
    /// each other: stop and alarm. [`LogError::TooNew`] if reading needs features that this
    /// version does not know. [`LogError::Empty`] if there is no entry at all.
    pub async fn open(
        options: ChainOptions,
        meta: &[ObjectInfo],
        seen: Option<Seen>,
    ) -> Result<Self, LogError> {
        let mut folds: Vec<_> = meta
            .iter()
            .filter_map(|info| FoldName::parse(&info.name))
            .collect();
        folds.sort_by_key(|fold| std::cmp::Reverse((fold.generation, fold.number)));
        let mut damaged = None;
        let mut start = None;
        for name in folds {
            match read_fold(&options, &name).await {
                Ok(state) => {
                    start = Some((state, name.number.saturating_add(1)));
                    break;
                }
                // A fold is a cache: whatever is wrong with it, an older one, or none, gives the
                // same state. Only a store that does not answer says nothing about the fold.
                Err(LogError::Store(error)) if !error.is_missing() && !error.is_damage() => {
                    return Err(LogError::Store(error));
                }
                Err(error) => damaged = Some(error),
            }
        }
        let (state, folded) = start.unwrap_or_else(|| (State::empty(1), 0));
        if let Some(error) = damaged {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a fold cannot be used; an older one is taken"
            );
        }
        let mut chain = Self::at(options, state, folded);
        match chain.catch_up().await {
            Err(error) if error.is_damage() => {
                chain.skip_to_newest_generation(error).await?;
                chain.catch_up().await?;
            }
            result => result?,
        }
        // A listing is a hint: before an alarm is raised, what it lacks is asked for by name.
        if seen.map_or(chain.state.next == 0, |seen| {
            seen.number >= chain.state.next
        }) {
            chain.refresh().await?;
        }
        if chain.state.next == 0 && seen.is_none() {
            return Err(LogError::Empty);
        }
        if !chain.state.is_readable() {
            return Err(LogError::TooNew);
        }
        if let Some(seen) = seen {
            chain.compare(seen).await?;
        }
        Ok(chain)
    }

    /// The state after the last entry that was processed.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The last entry that was processed.
    pub fn seen(&self) -> Seen {
        Seen {
            generation: self.state.generation,
            number: self.state.next.saturating_sub(1),
            hash: self.state.head,
        }
    }

    /// Name of the entry that is processed next, which may stand in another log generation.
    fn next_name(&self) -> ObjectName {
        ObjectName::log_entry(self.state.next_generation(), self.state.next)
    }

    /// Jumps to the end of the log, over all generations that follow.
    async fn catch_up(&mut self) -> Result<(), LogError> {
        loop {
            let generation = self.state.next_generation();
            self.catch_up_in(generation).await?;
            if self.state.next_generation() == generation {
                return Ok(());
            }
        }
    }

    /// Jumps to the end of a log generation by a listing and the tail of the newest entry.
    ///
    /// The listing is a hint: entries that it does not show are found when one is appended.
    async fn catch_up_in(&mut self, generation: u16) -> Result<(), LogError> {
        let folder = Folder::parse(&format!("log/{generation:04}"))?;
        let infos = match self.state.next.checked_sub(1) {
            None => self.store.list(&folder).await,
            Some(last) => {
                let last = ObjectName::log_entry(generation, last);
                self.store.list_after(&folder, &last).await
            }
        }
        .map_err(LogError::Store)?;
        let newest = infos
            .iter()
            .filter_map(|info| {
                let number = folder.rest(&info.name)?.parse::<u64>().ok()?;
                (ObjectName::log_entry(generation, number) == info.name).then_some(number)
            })
            .max();
        let Some(newest) = newest.filter(|&n| n >= self.state.next) else {
            // Nothing new. The state must then rest on an entry that is really there.
            return self.anchor_before(self.state.next).await;
        };
        let name = ObjectName::log_entry(generation, newest);
        let object = self
            .fetch(&name)
            .await?
            .ok_or_else(|| broken(&name, "it is listed and cannot be read"))?;
        let (core, tail) = frame::split(&name, &object)?;
        let tail = match frame::open_core(&self.keys, generation, newest, &core) {
            Ok(entry) => frame::proven_tail(&self.keys, &entry, &tail),
            // An entry before it has started a generation of keys: step by step to that one.
            Err(error) if error.lacks_keys() => Vec::new(),
            Err(error) => return Err(error),
        };
        let first_in_tail = newest.saturating_sub(tail.len() as u64);
        while self.state.next < first_in_tail {
            let name = self.next_name();
            if !self.step(&name).await? {
                return Err(broken(&name, "the entry is missing"));
            }
        }
        let skip = usize::try_from(self.state.next - first_in_tail).unwrap_or(usize::MAX);
        for core in tail.into_iter().skip(skip) {
            self.take(core).await?;
        }
        self.anchor_before(newest).await?;
        self.take(core).await.map(|_| ())
    }

    /// Processes the entries that others have appended meanwhile; gives them in order.
    pub async fn refresh(&mut self) -> Result<Vec<Entry>, LogError> {
        self.get_keys().await?;
        let mut new = Vec::new();
        loop {
            let name = self.next_name();
            let Some(object) = self.fetch(&name).await? else {
                return Ok(new);
            };
            let (core, _) = frame::split(&name, &object)?;
            self.anchor_before(self.state.next).await?;
            new.push(self.take(core).await?);
        }
    }

    /// Reads and processes the next entry, of that name; `false` if it is not there.
    async fn step(&mut self, name: &ObjectName) -> Result<bool, LogError> {
        let Some(object) = self.fetch(name).await? else {
            return Ok(false);
        };
        let (core, _) = frame::split(name, &object)?;
        self.take(core).await?;
        Ok(true)
    }

    async fn fetch(&self, name: &ObjectName) -> Result<Option<Bytes>, LogError> {
        match self.store.get(name, frame::MAX_OBJECT).await {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(LogError::Store(error)),
        }
    }

    /// Takes the next entry into the state, and gets the keys of a generation that it starts.
    async fn take(&mut self, core: Bytes) -> Result<Entry, LogError> {
        let entry = self.process(core)?;
        self.get_keys().await?;
        Ok(entry)
    }

    /// Gets the keys of the generation that is in force, if they are not at hand.
    async fn get_keys(&mut self) -> Result<(), LogError> {
        let Some(wanted) = &self.wanted else {
            return Ok(());
        };
        let Some(newer) = &self.newer_keys else {
            return Err(LogError::NewerKeys {
                generation: wanted.number,
                slots: wanted.slots.iter().map(|(name, _)| name.clone()).collect(),
            });
        };
        let material = newer.material(wanted).await?;
        self.keys
            .go_on_to(wanted.number, material)
            .map_err(|error| LogError::Malformed {
                object: self.next_name(),
                what: format!("its keys cannot be taken: {error}"),
            })?;
        self.wanted = None;
        Ok(())
    }

    /// Notes a generation of keys that was started, if its keys are not at hand.
    fn start_keys(&mut self, started: &Generation) -> Result<(), LogError> {
        match self.keys.commitment(started.number) {
            None => self.wanted = Some(started.clone()),
            Some(held) if held == started.commitment => {}
            Some(_) => {
                return Err(LogError::Malformed {
                    object: self.next_name(),
                    what: format!(
                        "the keys at hand are not those of key generation {} in the log",
                        started.number
                    ),
                });
            }
        }
        Ok(())
    }

    /// Takes the next entry into the state.
    fn process(&mut self, core: Bytes) -> Result<Entry, LogError> {
        let (generation, number) = (self.state.next_generation(), self.state.next);
        let entry = frame::open_core(&self.keys, generation, number, &core)?;
        if entry.previous != self.state.head || !self.state.follows(&entry.body) {
            return Err(broken(
                &self.next_name(),
                "it does not follow on from the entry before it",
            ));
        }
        // Or whoever has been shut out by a newer generation could go on writing.
        if entry.key_generation != self.state.key_generation {
            return Err(broken(
                &self.next_name(),
                "it is sealed under another generation of keys than the one in force",
            ));
        }
        if let Body::Generation(started) = &entry.body {
            self.start_keys(started)?;
        }
        if matches!(entry.body, Body::Open(_)) {
            // Tails end where a generation does.
            self.cores.clear();
        }
        self.state.apply(&entry.body, entry.hash);
        self.gap = false;
        self.remember(core);
        if let Body::Fold(fold) = &entry.body {
            self.folded = self
                .folded
                .max(fold.number.saturating_add(1).min(self.state.next));
        }
        // Whoever's entry stands at its number: the put in doubt is decided.
        if let Some(doubt) = self.doubt.take_if(|doubt| doubt.number <= number)
            && doubt.number == number
            && doubt.nonce == entry.nonce
        {
            self.unreported = Some(entry.clone());
        }
        Ok(entry)
    }

    fn remember(&mut self, core: Bytes) {
        self.cores.push_back(core);
        while self.cores.len() > frame::MAX_TAIL {
            self.cores.pop_front();
        }
    }

    /// Reads an entry again after a later one has been seen: it must be the same still.
    async fn anchor(&self, number: u64, hash: ObjectHash) -> Result<(), LogError> {
        let name = ObjectName::log_entry(self.state.generation, number);
        let object = self
            .fetch(&name)
            .await?
            .ok_or_else(|| broken(&name, "the entry is gone"))?;
        let (core, _) = frame::split(&name, &object)?;
        if ObjectHash::of(&core) == hash {
            Ok(())
        } else {
            Err(broken(&name, "another entry stands in its place"))
        }
    }

    /// Compares with what was seen earlier.
    async fn compare(&self, seen: Seen) -> Result<(), LogError> {
        let name = ObjectName::log_entry(seen.generation, seen.number);
        if seen.generation > self.state.generation
            || (seen.generation == self.state.generation && seen.number >= self.state.next)
        {
            return Err(broken(&name, "this client has seen it and it is gone"));
        }
        if seen.generation < self.state.generation {
            return Ok(());
        }
        self.anchor(seen.number, seen.hash).await
    }

    /// Appends the entry that `say` makes of the state, by the one rule.
    ///
    /// `say` is asked again whenever somebody else's entry came first: it must look at the new
    /// state and say what still holds. After `Ok` the entry is in the log for good. After a
    /// [`LogError`], or when the future is dropped, it may be, now or later, and nothing else is
    /// written in its place: the next `append` begins by settling that. If the entry turns out to
    /// stand in the log and `say` still says the same, it is returned and not appended twice.
    ///
    /// # Errors
    ///
    /// What `say` gives, [`Invalid`] if the log forbids the entry, [`LogError`] otherwise.
    pub async fn append<E>(
        &mut self,
        mut say: impl FnMut(&State) -> Result<Body, E>,
    ) -> Result<Entry, E>
    where
        E: From<AppendError>,
    {
        let log = |error: LogError| E::from(AppendError::Log(error));
        self.get_keys().await.map_err(log)?;
        self.settle().await.map_err(log)?;
        let mut said: Option<Body> = None;
        loop {
            let unfenced = said
                .take()
                .filter(|_| is_left_out(Flaw::CommitSkipsFence))
                .filter(|body| matches!(body, Body::Commit(_)));
            let is_fenced = unfenced.is_none();
            let body = match unfenced {
                Some(body) => body,
                None => say(&self.state)?,
            };
            if let Some(entry) = self.unreported.take_if(|entry| entry.body == body) {
                return Ok(entry);
            }
            self.unreported = None;
            if is_fenced {
                self.state
                    .validate(&body)
                    .map_err(|e| E::from(AppendError::Invalid(e)))?;
            }
            self.doubt = Some(self.frame(&body).map_err(log)?);
            self.settle().await.map_err(log)?;
            if let Some(entry) = self.unreported.take() {
                self.fold_if_due().await;
                return Ok(entry);
            }
            self.refresh().await.map_err(log)?;
            said = Some(body);
        }
    }

    /// Brings the put in doubt to its end and processes the entry that stands at its number. Its
    /// own is [`Self::unreported`] then.
    ///
    /// The doubt goes when an entry was processed at its number, and not before: an error leaves
    /// open what the store did or will do with the bytes that it was sent.
    async fn settle(&mut self) -> Result<(), LogError> {
        let Some(doubt) = self.doubt.clone() else {
            return Ok(());
        };
        let core = self.put(&doubt).await?;
        self.take(core).await.map(|_| ())
    }

    fn frame(&self, body: &Body) -> Result<Doubt, LogError> {
        let mut nonce = [0; 16];
        let name = self.next_name();
        self.entropy
            .fill(&mut nonce)
            .map_err(|source| LogError::Seal {
                object: name,
                source: source.into(),
            })?;
        let header = Header {
            generation: self.state.next_generation(),
            number: self.state.next,
            previous: self.state.head,
            nonce,
            time_ms: self.clock.unix_ms(),
            key_generation: self.state.key_generation,
            body,
        };
        Ok(Doubt {
            number: header.number,
            object: frame::encode(&self.keys, &header, &self.tail())?,
            nonce,
        })
    }

    /// The stored cores that were processed after the last fold, the newest first.
    fn cores_since_fold(&self) -> impl Iterator<Item = &Bytes> {
        let since_fold = self.state.next.saturating_sub(self.folded);
        let since_fold = usize::try_from(since_fold).unwrap_or(usize::MAX);
        self.cores.iter().rev().take(since_fold)
    }

    /// The cores that the next entry carries: as many of those after the last fold as fit, and of
    /// its own log generation.
    fn tail(&self) -> Vec<Bytes> {
        if self.state.closed.is_some() {
            return Vec::new();
        }
        let mut bytes = 0;
        let mut tail: Vec<_> = self
            .cores_since_fold()
            .take_while(|core| {
                bytes += core.len();
                bytes <= frame::MAX_TAIL_BYTES
            })
            .cloned()
            .collect();
        tail.reverse();
        tail
    }

    /// Puts an entry until it is clear what stands at its number; gives the core of that.
    async fn put(&self, doubt: &Doubt) -> Result<Bytes, LogError> {
        let number = doubt.number;
        let name = ObjectName::log_entry(self.state.next_generation(), number);
        let mut attempt = 0;
        loop {
            let put = self.store.put_if_absent(&name, doubt.object.clone()).await;
            let error = match put {
                Ok(Put::Created) => {
                    self.anchor_before(number).await?;
                    return Ok(frame::split(&name, &doubt.object)?.0);
                }
                Ok(Put::Exists) => None,
                Err(error) => Some(error),
            };
            // The name exists, or nothing is clear: what stands there decides.
            let error = match self.fetch(&name).await {
                Ok(Some(object)) => {
                    self.anchor_before(number).await?;
                    return Ok(frame::split(&name, &object)?.0);
                }
                Ok(None) => error,
                Err(LogError::Store(read)) => error.or(Some(read)),
                Err(error) => return Err(error),
            };
            let error = match error {
                // Refused outright: more of the same would not help.
                Some(error) if !error.is_retryable() => return Err(LogError::Store(error)),
                error => error,
            };
            attempt += 1;
            if attempt == DOUBT_ATTEMPTS {
                return Err(LogError::InDoubt {
                    object: name,
                    source: error,
                });
            }
            self.clock.pause(self.pause_before(attempt)).await;
        }
    }

    /// Pause before an attempt: twice as long each time, of which between a half and all, so that
    /// clients whom the same outage stopped do not all come back at once. Without randomness, all.
    fn pause_before(&self, attempt: u32) -> Duration {
        let whole = self.pause * (1 << (attempt - 1));
        let share = random::<2>(&*self.entropy).map_or(u16::MAX, u16::from_le_bytes);
        whole / 2 + whole / 2 * u32::from(share) / u32::from(u16::MAX)
    }

    /// Reads the entry before `number` again, now that `number` has been seen.
    async fn anchor_before(&self, number: u64) -> Result<(), LogError> {
        if is_left_out(Flaw::UnanchoredAppend) {
            return Ok(());
        }
        match number.checked_sub(1).filter(|_| !self.gap) {
            Some(before) => self.anchor(before, self.state.head).await,
            None => Ok(()),
        }
    }

    /// Reads the chain again from entry `from` to the head: every hash as it was processed.
    ///
    /// Before a commit is reported, from the session's `Begin`. The newest entry is read from
    /// the store, and its tail counts for those before it.
    pub async fn verify_since(&self, from: u64) -> Result<(), LogError> {
        let mut number = self.state.next.saturating_sub(1);
        let mut expected = self.state.head;
        let mut generation = self.state.generation;
        loop {
            let name = ObjectName::log_entry(generation, number);
            let object = self
                .fetch(&name)
                .await?
                .ok_or_else(|| broken(&name, "the entry is gone"))?;
            let (core, tail) = frame::split(&name, &object)?;
            if ObjectHash::of(&core) != expected {
                return Err(broken(&name, "another entry stands in its place"));
            }
            if number <= from {
                return Ok(());
            }
            let entry = frame::open_core(&self.keys, generation, number, &core)?;
            (number, expected) = (number - 1, entry.previous);
            let tail = frame::proven_tail(&self.keys, &entry, &tail);
            generation = generation_before(&entry);
            for core in tail.into_iter().rev() {
                if number <= from {
                    return Ok(());
                }
                let entry = frame::open_core(&self.keys, generation, number, &core)?;
                (number, expected) = (number - 1, entry.previous);
                generation = generation_before(&entry);
            }
        }
    }

    /// Reads the chain again down to the fold from which this client started: as
    /// [`Self::verify_since`]. Before anything is deleted.
    pub async fn verify(&self) -> Result<(), LogError> {
        self.verify_since(self.read_from.saturating_sub(1)).await
    }

    /// How many entries were processed since the last fold.
    pub fn entries_since_fold(&self) -> u64 {
        self.state.next.saturating_sub(self.folded)
    }

    /// The entries that were processed since the one before `next`, whose hash is `head`: for
    /// whoever holds decisions that rest on the state before `next`.
    ///
    /// # Errors
    ///
    /// [`LogError::Broken`] if they do not lead from there to the state as it was processed.
    pub async fn entries_since(&self, next: u64, head: ObjectHash) -> Result<Vec<Entry>, LogError> {
        let mut entries = Vec::new();
        let mut previous = head;
        for number in next..self.state.next {
            let entry = self.entry(number).await?;
            if entry.previous != previous {
                let name = ObjectName::log_entry(entry.generation, number);
                return Err(broken(
                    &name,
                    "it does not follow on from the entry before it",
                ));
            }
            previous = entry.hash;
            entries.push(entry);
        }
        if previous != self.state.head {
            let name =
                ObjectName::log_entry(self.state.generation, self.state.next.saturating_sub(1));
            return Err(broken(&name, "another entry stands in its place"));
        }
        Ok(entries)
    }

    /// One entry, read from the store; for the `log` command and for `check`.
    pub async fn entry(&self, number: u64) -> Result<Entry, LogError> {
        // Numbers go on from one log generation to the next: each stands in one of them.
        let mut generation = self.state.generation;
        loop {
            let name = ObjectName::log_entry(generation, number);
            match self.fetch(&name).await? {
                Some(object) => {
                    let (core, _) = frame::split(&name, &object)?;
                    return frame::open_core(&self.keys, generation, number, &core);
                }
                None if generation > 1 => generation -= 1,
                None => return Err(broken(&name, "the entry is missing")),
            }
        }
    }

    /// Writes a fold when enough entries have come together. Failing to is no failure.
    async fn fold_if_due(&mut self) {
        let bytes: usize = self.cores_since_fold().map(Bytes::len).sum();
        let since = self.state.next.saturating_sub(self.folded);
        if since <= FOLD_EVERY && bytes <= frame::MAX_TAIL_BYTES {
            return;
        }
        if let Err(error) = self.fold().await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "no fold was written"
            );
        }
    }

    /// Writes a fold of the present state and names it in the log.
    ///
    /// Does nothing in a log that this version may only read: it would fold without what it does
    /// not understand.
    pub async fn fold(&mut self) -> Result<(), LogError> {
        self.get_keys().await?;
        self.settle().await?;
        let Some(number) = self.state.next.checked_sub(1) else {
            return Ok(());
        };
        if !self.state.is_writable() {
            return Ok(());
        }
        let (name, put, hash) = self.put_fold(number).await?;
        self.folded = number.saturating_add(1);
        if put == Put::Exists {
            // Somebody folded the same entry and names it with the hash of those bytes.
            return Ok(());
        }
        let body = Body::Fold(FoldAt {
            number,
            name: name.object.as_str().to_owned(),
            hash,
        });
        self.doubt = Some(self.frame(&body)?);
        // If somebody else's entry came first, so be it: a fold is found by its name.
        let settled = self.settle().await;
        self.unreported = None;
        settled
    }

    /// Stores a fold of the present state, after entry `number`; gives its name, whether it is
    /// new, and the hash of the bytes that were to be stored.
    async fn put_fold(&self, number: u64) -> Result<(FoldName, Put, ObjectHash), LogError> {
        let name = FoldName::new(self.state.generation, number, self.state.head)?;
        let bytes = fold::encode(&self.keys, &name, &self.state)?;
        let hash = ObjectHash::of(&bytes);
        let put = self
            .store
            .put_if_absent(&name.object, Bytes::from(bytes))
            .await
            .map_err(LogError::Store)?;
        Ok((name, put, hash))
    }

    /// Closes the log generation and opens the next one with the state as it was processed.
    ///
    /// For a log of which an entry is damaged: whoever has its state, from a later fold, frees
    /// everybody else from reading that entry. A run that was cut off is continued by the next.
    ///
    /// # Errors
    ///
    /// As [`Self::append`]; [`Invalid::NotClosed`] if somebody else opened it first.
    pub async fn start_generation(&mut self) -> Result<Entry, AppendError> {
        self.refresh().await?;
        if self.state.closed.is_none() {
            let next = self.state.generation.saturating_add(1);
            self.append::<AppendError>(|_| Ok(Body::Close(Close { next })))
                .await?;
        }
        let Some(number) = self.state.next.checked_sub(1) else {
            return Err(Invalid::NotClosed.into());
        };
        let (name, put, mut hash) = self.put_fold(number).await?;
        if put == Put::Exists {
            let stored = self.store.get(&name.object, fold::MAX_OBJECT).await;
            let stored = stored.map_err(LogError::Store)?;
            // A run that was cut off has written it. Nobody could begin with a damaged one.
            fold::open(&self.keys, &name, &stored)?;
            hash = ObjectHash::of(&stored);
        }
        let open = Open {
            generation: self.state.generation,
            number,
            close: self.state.head,
            fold: name.object.as_str().to_owned(),
            fold_hash: hash,
        };
        self.append(|_| Ok(Body::Open(open.clone()))).await
    }

    /// Goes on in the newest log generation, with the state that it was opened with, because one
    /// before it cannot be read. `why` it cannot is given back if there is no newer one.
    async fn skip_to_newest_generation(&mut self, why: LogError) -> Result<(), LogError> {
        let here = self.state.next_generation();
        let log = Folder::parse("log")?;
        let folders = self.store.list_folders(&log).await;
        let newest = folders
            .map_err(LogError::Store)?
            .into_iter()
            .filter(|folder| generation_of(folder).is_some_and(|found| found > here))
            .max_by_key(generation_of);
        let Some(newest) = newest else {
            return Err(why);
        };
        let entries = self.store.list(&newest).await.map_err(LogError::Store)?;
        let first = entries
            .iter()
            .filter_map(|info| entry_place(&info.name))
            .min();
        let Some((generation, number)) = first else {
            return Err(why);
        };
        let name = ObjectName::log_entry(generation, number);
        let object = self.fetch(&name).await?;
        let object = object.ok_or_else(|| broken(&name, "it is listed and cannot be read"))?;
        let (core, _) = frame::split(&name, &object)?;
        let entry = frame::open_core(&self.keys, generation, number, &core)?;
        let Body::Open(open) = entry.body else {
            return Err(broken(&name, "a log generation does not begin with it"));
        };
        let state = opened_with(&self.store, &self.keys, &name, &open).await?;
        if state.closed != Some(generation) {
            return Err(broken(&name, "the fold that it names does not lead to it"));
        }
        tracing::warn!(
            error = &why as &dyn std::error::Error,
            "an older generation of the log cannot be read; the newest is used"
        );
        self.folded = state.next;
        self.read_from = state.next;
        self.state = state;
        self.cores.clear();
        Ok(())
    }
}

/// The log generation whose entries stand in `folder`.
fn generation_of(folder: &Folder) -> Option<u16> {
    folder.as_str().strip_prefix("log/")?.parse().ok()
}

/// Log generation of the entry before `entry`.
fn generation_before(entry: &Entry) -> u16 {
    match &entry.body {
        Body::Open(open) => open.generation,
        _ => entry.generation,
    }
}

async fn read_fold(options: &ChainOptions, name: &FoldName) -> Result<State, LogError> {
    let bytes = options
        .store
        .get(&name.object, fold::MAX_OBJECT)
        .await
        .map_err(LogError::Store)?;
    fold::open(&options.keys, name, &bytes)
}

fn broken(object: &ObjectName, what: &str) -> LogError {
    LogError::Broken {
        object: object.clone(),
        what: what.to_owned(),
    }
}

#[cfg(test)]
#[path = "chain_tests.rs"]
mod tests;
