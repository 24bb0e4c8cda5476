//! Opening a repository.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::create::MAX_META;
use super::newer_keys::SlotKeys;
use super::{Repository, RepositoryError};
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::features::{Access, Features};
use crate::log::{Chain, ChainOptions, NewerKeys, Seen, State};
use crate::model::{ObjectHash, ObjectName, RepositoryId};
use crate::slots::{self, Credential, OpenedSlot, open_slot, slot_candidates};
use crate::store::{Folder, ObjectInfo, Store};

/// How a repository is opened.
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
        let folder = Folder::parse("meta").map_err(crate::log::LogError::from)?;
        let meta = store.list(&folder).await?;
        let kept = credentials.iter().map(Credential::duplicate).collect();
        let slot_keys = Arc::new(SlotKeys::new(
            store.clone(),
            Arc::clone(&options.entropy),
            kept,
            options.memory,
        ));
        // A slot may open that the log does not name: of a rotation that was cut off, or put back.
        // Then another one is tried.
        let mut first = None;
        let mut tried = Tried::default();
        while let Some((opened, hash)) =
            open_next(&store, &meta, credentials, &options, &mut tried).await?
        {
            match open_with(&store, &meta, opened, hash, &options, &slot_keys).await {
                Ok(repository) => return Ok(repository),
                Err(error @ RepositoryError::TooNew { .. }) => return Err(error),
                Err(RepositoryError::Store(error)) if !error.is_missing() && !error.is_damage() => {
                    return Err(RepositoryError::Store(error));
                }
                Err(error) => first = first.or(Some(error)),
            }
        }
        Err(first.unwrap_or_else(|| tried.into_error(&store, &meta)))
    }
}

/// Opens the log with the keys of an opened slot, which the log must name.
async fn open_with(
    store: &Store,
    meta: &[ObjectInfo],
    opened: OpenedSlot,
    hash: ObjectHash,
    options: &OpenOptions,
    slot_keys: &Arc<SlotKeys>,
) -> Result<Arc<Repository>, RepositoryError> {
    let slot = opened.slot().name().object_name().as_str().to_owned();
    let format = opened.format().clone();
    allowed(&format.features)?;
    let keys = opened.into_keyring(Arc::clone(&options.entropy));
    slot_keys.opened_with(slot.clone(), keys.repository_id());
    while let Some(generation) = keys.needs_older() {
        let Some(name) = keys.generation_name(generation) else {
            break;
        };
        keys.add_older(generation, &store.get(&name, MAX_META).await?)?;
    }
    let keys = Arc::new(keys);
    let newer_keys: Arc<dyn NewerKeys> = Arc::clone(slot_keys) as Arc<dyn NewerKeys>;
    let chain_options = ChainOptions {
        store: store.clone(),
        keys: Arc::clone(&keys),
        clock: Arc::clone(&options.clock),
        entropy: Arc::clone(&options.entropy),
        newer_keys: Some(newer_keys),
    };
    let chain = Chain::open(chain_options, meta, options.seen).await?;
    let state = chain.state();
    let named = state.slots.get(&slot) == Some(&hash)
        // A newer generation was started after `meta` was listed.
        || (slot_keys.slot() != slot && state.slots.contains_key(&slot_keys.slot()));
    if !named || keys.current_generation() != state.key_generation {
        return Err(RepositoryError::SlotNotNamed { slot });
    }
    allowed(&raised(state))?;
    Ok(Arc::new(Repository {
        store: store.clone(),
        keys,
        format,
        chain: Mutex::new(chain),
        clock: Arc::clone(&options.clock),
        entropy: Arc::clone(&options.entropy),
        slot_keys: Arc::clone(slot_keys),
    }))
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
        let object = ObjectName::parse(name).map_err(crate::log::LogError::from)?;
        let bytes = store.get(&object, MAX_META).await?;
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
