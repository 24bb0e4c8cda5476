//! Making a repository.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Mutex;

use super::newer_keys::SlotKeys;
use super::{Repository, RepositoryError};
use crate::clock::Clock;
use crate::cuts::Cuts;
use crate::entropy::Entropy;
use crate::features::Features;
use crate::format_object::Format;
use crate::keys::Keyring;
use crate::log::{AppendError, Body, Chain, ChainOptions, Init, NewerKeys};
use crate::model::{ObjectHash, ObjectName};
use crate::seal::Suite;
use crate::slots::{Credential, SlotSpec, new_slot};
use crate::store::{Put, PutPayload, Store};

/// A slot to be made at init.
pub struct InitSlot {
    /// For whom.
    pub spec: SlotSpec,
    /// For people.
    pub label: String,
}

/// How a repository is made.
pub struct InitOptions {
    /// Slots that open it; at least one.
    pub slots: Vec<InitSlot>,
    /// How everything is encrypted, for its whole life.
    pub suite: Suite,
    /// How general files are cut, for its whole life.
    pub cuts: Cuts,
    /// Wall and monotonic time.
    pub clock: Arc<dyn Clock>,
    /// Makes the keys.
    pub entropy: Arc<dyn Entropy>,
}

/// Largest slot and format object, with room for what later versions add.
pub(super) const MAX_META: u64 = 128 << 10;

impl Repository {
    /// Makes a repository in an empty place.
    ///
    /// The slots come first, then the format object, which only one of two concurrent inits can
    /// put, then the log's first entry. A run that was cut off before the last leaves a place
    /// where init can be run again after the leftovers are removed.
    ///
    /// # Errors
    ///
    /// [`RepositoryError::Exists`] if there is a repository.
    pub async fn init(store: Store, options: InitOptions) -> Result<Arc<Self>, RepositoryError> {
        let InitOptions {
            slots,
            suite,
            cuts,
            clock,
            entropy,
        } = options;
        let exists = || RepositoryError::Exists {
            location: store.location().to_owned(),
        };
        match store.head(&ObjectName::format()).await {
            Ok(_) => return Err(exists()),
            Err(error) if error.is_missing() => {}
            Err(error) => return Err(error.into()),
        }
        let keys = Arc::new(Keyring::generate(Arc::clone(&entropy), suite)?);
        let format = Format {
            repository_id: keys.repository_id(),
            suite,
            chunker: orlop_chunker::Suite::DEFAULT,
            cuts,
            features: Features::default(),
            created_ms: clock.unix_ms(),
        };
        let format_bytes = Bytes::from(format.encode(&keys)?);
        let mut made = BTreeMap::new();
        for InitSlot { spec, label } in &slots {
            let slot = new_slot(&keys, &format, spec, label, format.created_ms)?;
            made.insert(slot.name, Bytes::from(slot.bytes));
        }
        let Some(opener) = made.keys().next().map(|name| name.as_str().to_owned()) else {
            return Err(RepositoryError::NoSlot);
        };
        for (name, bytes) in &made {
            store.put(name, PutPayload::from(bytes.clone())).await?;
            if store.get(name, MAX_META).await? != *bytes {
                return Err(RepositoryError::ReadBack {
                    object: name.clone(),
                });
            }
        }
        match store
            .put_if_absent(&ObjectName::format(), format_bytes.clone())
            .await?
        {
            Put::Created => {}
            // Ours, if the first answer was lost; somebody else's init otherwise.
            Put::Exists => {
                if store.get(&ObjectName::format(), MAX_META).await? != format_bytes {
                    return Err(exists());
                }
            }
        }
        let credentials = slots
            .iter()
            .filter_map(|slot| Credential::of(&slot.spec))
            .collect();
        let slot_keys = Arc::new(SlotKeys::new(
            store.clone(),
            Arc::clone(&entropy),
            credentials,
            // What was derived just now can be derived again.
            u64::MAX,
        ));
        slot_keys.opened_with(opener, keys.repository_id());
        let newer_keys: Arc<dyn NewerKeys> = Arc::clone(&slot_keys) as Arc<dyn NewerKeys>;
        let mut chain = Chain::create(ChainOptions {
            store: store.clone(),
            keys: Arc::clone(&keys),
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
            newer_keys: Some(newer_keys),
        });
        let init = Init {
            format: ObjectHash::of(&format_bytes),
            slots: made
                .iter()
                .map(|(name, bytes)| (name.as_str().to_owned(), ObjectHash::of(bytes)))
                .collect(),
        };
        chain
            .append::<AppendError>(|_| Ok(Body::Init(init.clone())))
            .await
            .map_err(|error| match error {
                AppendError::Log(log) => RepositoryError::Log(log),
                // The log has a first entry: somebody else's.
                AppendError::Invalid(_) => exists(),
            })?;
        Ok(Arc::new(Self {
            store,
            keys,
            format,
            chain: Mutex::new(chain),
            clock,
            entropy,
            slot_keys,
        }))
    }
}
