//! Which slots there are.

use std::collections::BTreeMap;

use bytes::Bytes;
use orlop_repo::model::ObjectName;
use orlop_repo::repository::Repository;
use orlop_repo::slots::{ClaimedSlot, SlotError};
use orlop_repo::store::{Folder, StoreError};

use super::SlotsError;

/// Largest slot: its body is bounded by 64 KiB.
pub(super) const MAX_SLOT: u64 = 128 << 10;

/// A slot that is in the store, in the log, or in both.
pub struct SlotFound {
    /// Name of its object.
    pub name: String,
    /// Whether the log names it, so that it opens the repository.
    pub in_log: bool,
    /// Its object; `None` if it is gone.
    pub object: Option<Bytes>,
    /// What it says of itself, if it is there and can be read.
    pub claimed: Option<Result<ClaimedSlot, SlotError>>,
    /// Whether it opened the repository for this process.
    pub current: bool,
}

impl SlotFound {
    /// The id in its name: 16 hex digits.
    pub fn id(&self) -> &str {
        self.name.rsplit('-').next().unwrap_or_default()
    }
}

/// All slots, by name.
pub async fn list(repository: &Repository) -> Result<Vec<SlotFound>, SlotsError> {
    let state = repository.state().await;
    let store = repository.store();
    let mut names: BTreeMap<String, bool> =
        state.slots.into_keys().map(|name| (name, true)).collect();
    for name in stored(repository).await? {
        names.entry(name.as_str().to_owned()).or_insert(false);
    }
    let mut found = Vec::new();
    for (name, in_log) in names {
        let object = match store.get(&ObjectName::parse(&name)?, MAX_SLOT).await {
            Ok(bytes) => Some(bytes),
            Err(StoreError::NotFound { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        found.push(SlotFound {
            claimed: object
                .as_ref()
                .map(|bytes| ClaimedSlot::parse(&name, bytes)),
            object,
            current: name == repository.slot(),
            name,
            in_log,
        });
    }
    Ok(found)
}

/// Slots in the store, whatever the log says.
pub(super) async fn stored(repository: &Repository) -> Result<Vec<ObjectName>, SlotsError> {
    let all = repository.store().list(&Folder::parse("meta")?).await?;
    Ok(all
        .into_iter()
        .map(|info| info.name)
        .filter(|name| name.as_str().starts_with("meta/slots/"))
        .collect())
}
