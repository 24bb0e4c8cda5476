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
    let NewSlot { name, bytes } = new_slot(
        repository.keys(),
        repository.format(),
        &whom.spec(),
        label,
        repository.clock().unix_ms(),
    )?;
    let bytes = Bytes::from(bytes);
    let store = repository.store();
    store.put(&name, bytes.clone()).await?;
    let stored = store.get(&name, MAX_SLOT).await?;
    if stored != bytes {
        return Err(SlotsError::ReadBack {
            name: name.to_string(),
        });
    }
    if let Some(proof) = whom.proof() {
        let options = OpenOptions {
            // It has just been derived with as much.
            memory_budget: u64::MAX,
            expect: Some(repository.id()),
        };
        open_slot(name.as_str(), &stored, &[proof], &options)?;
    }
    let slot = SlotAdd {
        name: name.as_str().to_owned(),
        hash: ObjectHash::of(&stored),
    };
    let mut chain = repository.chain().await;
    chain
        .append::<AppendError>(|_| Ok(Body::SlotAdd(slot.clone())))
        .await?;
    Ok(name)
}
