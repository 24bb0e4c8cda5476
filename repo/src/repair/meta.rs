//! The format object and the slots.

use std::sync::Arc;

use bytes::Bytes;

use super::error::RepairError;
use super::options::RepairOptions;
use super::report::LogRepair;
use crate::log::{AppendError, Body, SlotRemove};
use crate::model::{ObjectHash, ObjectName};
use crate::repository::Repository;
use crate::store::{PutPayload, StoreError};

/// Largest of these objects, with room for what later versions add.
const MAX_META: u64 = 128 << 10;

/// Stores the format object again, whose bytes follow from the keys and from what each slot says;
/// takes slots out of the log that cannot be read, since nobody can make them again.
pub(super) async fn repair_meta(
    repository: &Arc<Repository>,
    options: &RepairOptions,
    report: &mut LogRepair,
) -> Result<(), RepairError> {
    let state = repository.state().await;
    let format = ObjectName::format();
    if let Some(hash) = state.format
        && !is_good(repository, &format, hash).await?
    {
        let made = repository.format().encode(repository.keys()).ok();
        // Bytes that are not those which the log names would be another format object.
        if let Some(bytes) = made.filter(|bytes| ObjectHash::of(bytes) == hash) {
            if !options.dry_run {
                let payload = PutPayload::from(Bytes::from(bytes));
                repository.store().put(&format, payload).await?;
            }
            report.restored.push(format);
        }
    }
    for (slot, hash) in &state.slots {
        if *slot == repository.slot()
            || is_good(repository, &ObjectName::parse(slot)?, *hash).await?
        {
            continue;
        }
        if !options.dry_run {
            let mut chain = repository.chain().await;
            let remove = SlotRemove { name: slot.clone() };
            let removed = chain
                .append::<AppendError>(|_| Ok(Body::SlotRemove(remove.clone())))
                .await;
            match removed {
                // Somebody else has removed it meanwhile.
                Ok(_) | Err(AppendError::Invalid(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        report.slots.push(slot.clone());
    }
    Ok(())
}

/// Whether an object is the one that the log names.
async fn is_good(
    repository: &Repository,
    name: &ObjectName,
    hash: ObjectHash,
) -> Result<bool, StoreError> {
    match repository.store().get(name, MAX_META).await {
        Ok(bytes) => Ok(ObjectHash::of(&bytes) == hash),
        Err(error) if error.is_missing() || error.is_damage() => Ok(false),
        Err(error) => Err(error),
    }
}
