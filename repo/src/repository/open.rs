//! Opening a repository.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::create::MAX_META;
use super::newer_keys::SlotKeys;
use super::{Repository, RepositoryError};
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::explain::explain;
use crate::features::{Access, Features};
use crate::format_object::Format;
use crate::keys::Keyring;
use crate::log::{BrokenEntries, Chain, ChainOptions, LogError, NewerKeys, Seen, State, recover};
use crate::model::{ObjectHash, ObjectName, RepositoryId};
use crate::slots::{self, Credential, OpenedSlot, open_slot, slot_candidates};
use crate::store::{Folder, ObjectInfo, Store};

/// How a repository is opened.
#[derive(Clone)]
pub struct OpenOptions {
    /// Memory in bytes that deriving a key from a passphrase may take.
    pub memory: u64,
    /// The repository that is meant, if the caller knows.
    pub expect: Option<RepositoryId>,
    /// The last entry of its log that this client has seen.
    pub seen: Option<Seen>,
    /// Wall and monotonic time.
    pub clock: Arc<dyn Clock>,
    /// Makes nonces.
    pub entropy: Arc<dyn Entropy>,
}

impl Repository {
    /// Opens the repository at the store's prefix.
    ///
    /// Five or six requests with an empty cache, whatever the repository holds: FORMAT.md
    /// section 10.7.
    ///
    /// The credentials are kept: another client may start a generation of keys meanwhile, whose
    /// slots they open.
    ///
    /// # Errors
    ///
    /// [`RepositoryError::NotFound`], [`RepositoryError::NoKey`], or what stopped it.
    pub async fn open(
        store: Store,
        credentials: &[Credential],
        options: OpenOptions,
    ) -> Result<Arc<Self>, RepositoryError> {
        let meta = list_meta(&store).await?;
        // A slot may open that the log does not name: of a rotation that was cut off, or put back.
        // Then another one is tried.
        let mut first = None;
        let mut tried = Tried::default();
        while let Some(found) = open_next(&store, &meta, credentials, &options, &mut tried).await? {
            match open_with(&store, &meta, found, credentials, &options).await {
                Ok(repository) => return Ok(repository),
                Err(error) => first = first.or(Some(another_slot(error)?)),
            }
        }
        Err(first.unwrap_or_else(|| tried.into_error(&store, &meta)))
    }

    /// Opens a repository whose log may be damaged, and tells what is left of that: for
    /// [`repair_log`](crate::repair::repair_log) alone, since its state is not that of everybody.
    ///
    /// # Errors
    ///
    /// As [`Self::open`]; of the log only what [`recover`] cannot get over.
    pub async fn open_damaged(
        store: Store,
        credentials: &[Credential],
        options: OpenOptions,
    ) -> Result<DamagedRepository, RepositoryError> {
        let meta = list_meta(&store).await?;
        let (mut first, mut unnamed) = (None, None);
        let mut tried = Tried::default();
        while let Some(found) = open_next(&store, &meta, credentials, &options, &mut tried).await? {
            match open_damaged_with(&store, &meta, found, credentials, &options).await {
                Ok(damaged) if damaged.slot_missing.is_none() => return Ok(damaged),
                // What the log names goes before what a lost entry may have named.
                Ok(damaged) => unnamed = unnamed.or(Some(damaged)),
                Err(error) => first = first.or(Some(another_slot(error)?)),
            }
        }
        if let Some(damaged) = unnamed {
            return Ok(damaged);
        }
        Err(first.unwrap_or_else(|| tried.into_error(&store, &meta)))
    }
}

async fn list_meta(store: &Store) -> Result<Vec<ObjectInfo>, RepositoryError> {
    let folder = Folder::parse("meta").map_err(LogError::from)?;
    Ok(store.list(&folder).await?)
}

/// Whether another slot may open what this one did not; else, why not.
fn another_slot(error: RepositoryError) -> Result<RepositoryError, RepositoryError> {
    match error {
        RepositoryError::TooNew { .. } => Err(error),
        RepositoryError::Store(source) if !source.is_missing() && !source.is_damage() => {
            Err(RepositoryError::Store(source))
        }
        error => Ok(error),
    }
}

/// Opens the log with the keys of an opened slot, which the log must name.
async fn open_with(
    store: &Store,
    meta: &[ObjectInfo],
    found: (OpenedSlot, ObjectHash),
    credentials: &[Credential],
    options: &OpenOptions,
) -> Result<Arc<Repository>, RepositoryError> {
    let unlocked = Unlocked::new(store, found, credentials, options).await?;
    let chain = Chain::open(unlocked.chain_options(options), meta, options.seen).await?;
    let state = chain.state();
    if !unlocked.is_named(state) || unlocked.keys.current_generation() != state.key_generation {
        return Err(RepositoryError::SlotNotNamed {
            slot: unlocked.slot,
        });
    }
    allowed(&raised(state))?;
    Ok(unlocked.with(chain, options))
}

/// As [`open_with`], over whatever is damaged in the log.
async fn open_damaged_with(
    store: &Store,
    meta: &[ObjectInfo],
    found: (OpenedSlot, ObjectHash),
    credentials: &[Credential],
    options: &OpenOptions,
) -> Result<DamagedRepository, RepositoryError> {
    let unlocked = Unlocked::new(store, found, credentials, options).await?;
    let (keys, newer_keys) = (&unlocked.keys, &*unlocked.slot_keys);
    let recovered = recover(store, keys, Some(newer_keys), meta, options.seen).await?;
    let state = &recovered.state;
    allowed(&raised(state))?;
    let held = keys.current_generation();
    if let Some(last) = recovered.broken.iter().rfind(|broken| !broken.known)
        && held > state.key_generation
    {
        // Or a slot that was never started; whoever can tell them apart has lost what tells.
        return Err(RepositoryError::Log(LogError::GenerationLost {
            object: ObjectName::log_entry(last.generation, last.last),
            generation: held,
        }));
    }
    let named = unlocked.is_named(state);
    // It may have been added by an entry that nobody can read.
    if held != state.key_generation || (!named && !recovered.has_unknown()) {
        return Err(RepositoryError::SlotNotNamed {
            slot: unlocked.slot,
        });
    }
    let slot_missing = (!named).then_some(unlocked.hash);
    let broken = recovered.broken.clone();
    let needs_generation = recovered.needs_generation();
    let fold_lost = recovered.fold_lost;
    let chain = Chain::recovered(unlocked.chain_options(options), recovered);
    Ok(DamagedRepository {
        repository: unlocked.with(chain, options),
        broken,
        fold_lost,
        needs_generation,
        slot_missing,
    })
}

/// A repository that was opened over a damaged log.
pub struct DamagedRepository {
    /// The repository; its log is what is left of it.
    pub repository: Arc<Repository>,
    /// Entries of the newest log generation that cannot be used.
    pub broken: Vec<BrokenEntries>,
    /// Whether the fold cannot be used that this generation was opened with.
    pub fold_lost: bool,
    /// Whether others have to be spared the reading of this generation.
    pub needs_generation: bool,
    /// Hash of the slot that opened it, if no entry that is left names that.
    pub slot_missing: Option<ObjectHash>,
}

/// A repository whose keys are at hand.
struct Unlocked {
    store: Store,
    keys: Arc<Keyring>,
    format: Format,
    /// The slot that opened it, and the hash of its object.
    slot: String,
    hash: ObjectHash,
    slot_keys: Arc<SlotKeys>,
}

impl Unlocked {
    async fn new(
        store: &Store,
        (opened, hash): (OpenedSlot, ObjectHash),
        credentials: &[Credential],
        options: &OpenOptions,
    ) -> Result<Self, RepositoryError> {
        let slot = opened.slot().name().object_name().as_str().to_owned();
        let format = opened.format().clone();
        allowed(&format.features)?;
        let keys = opened.into_keyring(Arc::clone(&options.entropy));
        let slot_keys = SlotKeys::new(
            store.clone(),
            Arc::clone(&options.entropy),
            credentials.iter().map(Credential::duplicate).collect(),
            options.memory,
        );
        slot_keys.opened_with(slot.clone(), keys.repository_id());
        while let Some(generation) = keys.needs_older() {
            let Some(name) = keys.generation_name(generation) else {
                break;
            };
            keys.add_older(generation, &store.get(&name, MAX_META).await?)?;
        }
        Ok(Self {
            store: store.clone(),
            keys: Arc::new(keys),
            format,
            slot,
            hash,
            slot_keys: Arc::new(slot_keys),
        })
    }

    fn chain_options(&self, options: &OpenOptions) -> ChainOptions {
        let newer_keys: Arc<dyn NewerKeys> = Arc::clone(&self.slot_keys) as Arc<dyn NewerKeys>;
        ChainOptions {
            store: self.store.clone(),
            keys: Arc::clone(&self.keys),
            clock: Arc::clone(&options.clock),
            entropy: Arc::clone(&options.entropy),
            newer_keys: Some(newer_keys),
        }
    }

    /// Whether the log names the slot.
    fn is_named(&self, state: &State) -> bool {
        let now = self.slot_keys.slot();
        state.slots.get(&self.slot) == Some(&self.hash)
            // A newer generation was started after `meta` was listed.
            || (now != self.slot && state.slots.contains_key(&now))
    }

    fn with(self, chain: Chain, options: &OpenOptions) -> Arc<Repository> {
        Arc::new(Repository {
            store: self.store,
            keys: self.keys,
            format: self.format,
            chain: Mutex::new(chain),
            clock: Arc::clone(&options.clock),
            entropy: Arc::clone(&options.entropy),
            slot_keys: self.slot_keys,
        })
    }
}

/// The features that entries of the log have raised.
fn raised(state: &State) -> Features {
    Features {
        read: state.read_features.clone(),
        write: state.write_features.clone(),
        collect: state.collect_features.clone(),
    }
}

fn allowed(features: &Features) -> Result<(), RepositoryError> {
    if features.access() == Access::None {
        let features = features
            .unknown()
            .into_iter()
            .collect::<Vec<_>>()
            .join(", ");
        return Err(RepositoryError::TooNew { features });
    }
    Ok(())
}

/// Slots that were tried, and what came of it.
#[derive(Default)]
struct Tried {
    count: usize,
    why: Vec<String>,
}

impl Tried {
    /// No slot opened.
    fn into_error(self, store: &Store, meta: &[ObjectInfo]) -> RepositoryError {
        let tried = if self.why.is_empty() {
            format!(
                "none of {} fits the keys given",
                slot_names(meta).join(", ")
            )
        } else {
            self.why.join("; ")
        };
        RepositoryError::NoKey {
            location: store.location().to_owned(),
            tried,
        }
    }
}

fn slot_names(meta: &[ObjectInfo]) -> Vec<&str> {
    meta.iter()
        .map(|info| info.name.as_str())
        .filter(|name| name.starts_with("meta/slots/"))
        .collect()
}

/// Opens the next slot that any of the credentials opens; gives it and its object's hash.
async fn open_next(
    store: &Store,
    meta: &[ObjectInfo],
    credentials: &[Credential],
    options: &OpenOptions,
    tried: &mut Tried,
) -> Result<Option<(OpenedSlot, ObjectHash)>, RepositoryError> {
    let names = slot_names(meta);
    if names.is_empty() && !meta.iter().any(|info| info.name == ObjectName::format()) {
        return Err(RepositoryError::NotFound {
            location: store.location().to_owned(),
        });
    }
    let limits = slots::OpenOptions {
        memory_budget: options.memory,
        expect: options.expect,
    };
    for name in slot_candidates(&names, credentials)
        .into_iter()
        .skip(tried.count)
    {
        tried.count += 1;
        let object = ObjectName::parse(name).map_err(LogError::from)?;
        let bytes = match store.get(&object, MAX_META).await {
            Ok(bytes) => bytes,
            // Another slot may open all the same.
            Err(error) if error.is_missing() || error.is_damage() => {
                tried.why.push(format!("{name}: {}", explain(&error)));
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        match open_slot(name, &bytes, credentials, &limits) {
            Ok(slot) => return Ok(Some((slot, ObjectHash::of(&bytes)))),
            Err(error) if error.is_wrong_key() => tried.why.push(error.to_string()),
            Err(error) if tried.why.is_empty() && names.len() == 1 => return Err(error.into()),
            Err(error) => {
                tracing::warn!(
                    slot = name,
                    error = &error as &dyn std::error::Error,
                    "slot is unusable"
                );
                tried.why.push(error.to_string());
            }
        }
    }
    Ok(None)
}
