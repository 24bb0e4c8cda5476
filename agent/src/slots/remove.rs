//! Taking slots away.

use orlop_repo::log::{AppendError, Body, SlotRemove, State};
use orlop_repo::model::ObjectName;
use orlop_repo::repository::Repository;

use super::SlotsError;
use super::list::stored;

/// Takes one slot out of the log, then deletes its object; gives its name.
///
/// `id` is the first digits of its id. Whoever had its key may have kept the keys that it wraps:
/// only a new generation of keys shuts them out of what is written from then on.
///
/// # Errors
///
/// [`SlotsError::InUse`] for the slot that this process opened the repository with, and
/// [`SlotsError::Last`]: what stays must be known to open.
pub async fn remove(repository: &Repository, id: &str) -> Result<ObjectName, SlotsError> {
    let mut removed = String::new();
    let mut chain = repository.chain().await;
    chain
        .append::<SlotsError>(|state| {
            removed = choose(state, &repository.slot(), id)?;
            Ok(Body::SlotRemove(SlotRemove {
                name: removed.clone(),
            }))
        })
        .await?;
    drop(chain);
    let name = ObjectName::parse(&removed)?;
    repository.store().delete([name.clone()]).await?;
    Ok(name)
}

/// The one slot that is meant, if it may go.
fn choose(state: &State, current: &str, id: &str) -> Result<String, SlotsError> {
    let matching: Vec<_> = state
        .slots
        .keys()
        .filter(|name| !id.is_empty() && name.rsplit('-').next().is_some_and(|i| i.starts_with(id)))
        .collect();
    let [name] = matching[..] else {
        return Err(SlotsError::NotOne {
            id: id.to_owned(),
            count: matching.len(),
        });
    };
    let name = name.clone();
    if state.slots.len() == 1 {
        Err(SlotsError::Last { name })
    } else if name == current {
        Err(SlotsError::InUse { name })
    } else {
        Ok(name)
    }
}

/// Takes the slot that this process opened the repository with out of the log and deletes it,
/// provided that `successor`, which was opened, is in the log; gives its name.
pub async fn replace_current(
    repository: &Repository,
    successor: &ObjectName,
) -> Result<ObjectName, SlotsError> {
    let current = ObjectName::parse(&repository.slot())?;
    let mut chain = repository.chain().await;
    chain
        .append::<SlotsError>(|state| {
            if state.slots.contains_key(successor.as_str()) {
                Ok(Body::SlotRemove(SlotRemove {
                    name: current.as_str().to_owned(),
                }))
            } else {
                // Somebody has removed the new one: the old one is all that is left.
                Err(SlotsError::Last {
                    name: current.to_string(),
                })
            }
        })
        .await?;
    drop(chain);
    repository.store().delete([current.clone()]).await?;
    Ok(current)
}

/// Deletes every slot, and takes them out of the log as far as it lets go of them: it keeps one.
/// Gives the slots that are still in the store.
///
/// After it nobody opens the repository, unless a copy of a slot is kept elsewhere: older versions
/// in a bucket, replicas, backups of the store, recovery files.
pub async fn shred(repository: &Repository) -> Result<Vec<ObjectName>, SlotsError> {
    let current = repository.slot();
    let mut chain = repository.chain().await;
    let others: Vec<_> = chain
        .state()
        .slots
        .keys()
        .filter(|name| **name != current)
        .cloned()
        .collect();
    for name in others {
        let removed = chain
            .append::<AppendError>(|_| Ok(Body::SlotRemove(SlotRemove { name: name.clone() })))
            .await;
        match removed {
            // Invalid: somebody else has removed it meanwhile, or it is the last one.
            Ok(_) | Err(AppendError::Invalid(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    drop(chain);
    let store = repository.store();
    store.delete(stored(repository).await?).await?;
    stored(repository).await
}
