//! Adding a slot.

use bytes::Bytes;
use orlop_repo::log::{AppendError, Body, SlotAdd};
use orlop_repo::model::{ObjectHash, ObjectName};
use orlop_repo::repository::Repository;
use orlop_repo::slots::{
    Credential, NewSlot, OpenOptions, PassphraseCost, SlotSpec, new_slot, open_slot,
};
use zeroize::Zeroizing;

use super::SlotsError;
use super::list::MAX_SLOT;

/// For whom a slot is, with what proves that it opens.
pub enum NewSlotFor {
    /// Whoever has these 32 bytes.
    Key(Zeroizing<[u8; 32]>),
    /// Whoever knows this passphrase.
    Passphrase(Zeroizing<String>),
    /// Whoever has the identity of this recipient, `age1…`. Only they can prove that it opens.
    Recipient(String),
}

impl NewSlotFor {
    fn spec(&self) -> SlotSpec {
        match self {
            Self::Key(key) => SlotSpec::Raw(key.clone()),
            Self::Passphrase(passphrase) => {
                SlotSpec::Passphrase(passphrase.clone(), PassphraseCost::default())
            }
            Self::Recipient(recipient) => SlotSpec::Recipient(recipient.clone()),
        }
    }

    fn proof(&self) -> Option<Credential> {
        match self {
            Self::Key(key) => Some(Credential::Raw(key.clone())),
            Self::Passphrase(passphrase) => Some(Credential::Passphrase(passphrase.clone())),
            Self::Recipient(_) => None,
        }
    }
}

/// Writes a slot, reads it back, opens it and names it in the log; gives its name.
///
/// After an error the log does not name it; its object may stay behind and opens nothing.
pub async fn add(
    repository: &Repository,
    whom: &NewSlotFor,
    label: &str,
) -> Result<ObjectName, SlotsError> {
    loop {
        let slot = write(repository, whom, label).await?;
        let named = SlotAdd {
            name: slot.name.as_str().to_owned(),
            hash: ObjectHash::of(&slot.bytes),
        };
        let added = repository
            .chain()
            .await
            .append::<NotAdded>(|state| {
                if state.key_generation == slot.generation {
                    Ok(Body::SlotAdd(named.clone()))
                } else {
                    Err(NotAdded::Outdated)
                }
            })
            .await;
        match added {
            Ok(_) => return Ok(slot.name),
            // Somebody has started a generation of keys that is not in it.
            Err(NotAdded::Outdated) => repository.store().delete([slot.name]).await?,
            Err(NotAdded::Failed(error)) => return Err(error.into()),
        }
    }
}

/// Why a slot is not added.
enum NotAdded {
    Outdated,
    Failed(AppendError),
}

impl From<AppendError> for NotAdded {
    fn from(error: AppendError) -> Self {
        Self::Failed(error)
    }
}

/// Writes a slot, reads it back and opens it.
async fn write(
    repository: &Repository,
    whom: &NewSlotFor,
    label: &str,
) -> Result<NewSlot, SlotsError> {
    let slot = new_slot(
        repository.keys(),
        repository.format(),
        &whom.spec(),
        label,
        repository.clock().unix_ms(),
    )?;
    let bytes = Bytes::copy_from_slice(&slot.bytes);
    let store = repository.store();
    store.put(&slot.name, bytes.clone()).await?;
    let stored = store.get(&slot.name, MAX_SLOT).await?;
    if stored != bytes {
        return Err(SlotsError::ReadBack {
            name: slot.name.to_string(),
        });
    }
    if let Some(proof) = whom.proof() {
        let options = OpenOptions {
            // It has just been derived with as much.
            memory_budget: u64::MAX,
            expect: Some(repository.id()),
        };
        open_slot(slot.name.as_str(), &stored, &[proof], &options)?;
    }
    Ok(slot)
}
