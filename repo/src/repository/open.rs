//! Opening a repository.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::create::MAX_META;
use super::{Repository, RepositoryError};
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::features::{Access, Features};
use crate::log::{Chain, ChainOptions, Seen, State};
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
    /// section 10.6.
    ///
    /// # Errors
    ///
    /// [`RepositoryError::NotFound`], [`RepositoryError::NoKey`], or what stopped it.
    pub async fn open(
        store: Store,
        credentials: &[Credential],
        options: OpenOptions,
    ) -> Result<Arc<Self>, RepositoryError> {
        let meta = store
            .list(&Folder::parse("meta").map_err(crate::log::LogError::from)?)
            .await?;
        let (opened, hash) = open_any(&store, &meta, credentials, &options).await?;
        let slot = opened.slot().name().object_name().as_str().to_owned();
        let format = opened.format().clone();
        allowed(&format.features)?;
        let mut keys = opened.into_keyring(Arc::clone(&options.entropy));
        while let Some(generation) = keys.needs_older() {
            let name = ObjectName::key_generation(generation.saturating_add(1));
            keys.add_older(generation, &store.get(&name, MAX_META).await?)?;
        }
        let keys = Arc::new(keys);
        let chain_options = ChainOptions {
            store: store.clone(),
            keys: Arc::clone(&keys),
            clock: Arc::clone(&options.clock),
            entropy: Arc::clone(&options.entropy),
        };
        let chain = Chain::open(chain_options, &meta, options.seen).await?;
        let state = chain.state();
        if state.slots.get(&slot) != Some(&hash) {
            return Err(RepositoryError::SlotNotNamed { slot });
        }
        allowed(&raised(state))?;
        Ok(Arc::new(Self {
            store,
            keys,
            format,
            chain: Mutex::new(chain),
            clock: options.clock,
            entropy: options.entropy,
            slot,
        }))
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

/// Opens the first slot that any of the credentials opens; gives it and its object's hash.
async fn open_any(
    store: &Store,
    meta: &[ObjectInfo],
    credentials: &[Credential],
    options: &OpenOptions,
) -> Result<(OpenedSlot, ObjectHash), RepositoryError> {
    let names: Vec<_> = meta
        .iter()
        .map(|info| info.name.as_str())
        .filter(|name| name.starts_with("meta/slots/"))
        .collect();
    let location = || store.location().to_owned();
    if names.is_empty() && !meta.iter().any(|info| info.name == ObjectName::format()) {
        return Err(RepositoryError::NotFound {
            location: location(),
        });
    }
    let limits = slots::OpenOptions {
        memory_budget: options.memory,
        expect: options.expect,
    };
    let mut tried = Vec::new();
    for name in slot_candidates(&names, credentials) {
        let object = ObjectName::parse(name).map_err(crate::log::LogError::from)?;
        let bytes = store.get(&object, MAX_META).await?;
        match open_slot(name, &bytes, credentials, &limits) {
            Ok(slot) => return Ok((slot, ObjectHash::of(&bytes))),
            Err(error) if error.is_wrong_key() => tried.push(error.to_string()),
            Err(error) if tried.is_empty() && names.len() == 1 => return Err(error.into()),
            Err(error) => {
                tracing::warn!(
                    slot = name,
                    error = &error as &dyn std::error::Error,
                    "slot is unusable"
                );
                tried.push(error.to_string());
            }
        }
    }
    let tried = if tried.is_empty() {
        format!("none of {} fits the keys given", names.join(", "))
    } else {
        tried.join("; ")
    };
    Err(RepositoryError::NoKey {
        location: location(),
        tried,
    })
}
