//! Folds that nobody needs any more.

use std::collections::BTreeMap;

use super::error::MaintainError;
use crate::log::{LogError, fold_place, read_fold};
use crate::model::ObjectName;
use crate::repository::Repository;

/// Folds that are kept of the newest log generation, of those that open.
const KEPT: usize = 2;

/// The folds among `loose` that are not needed: all but the newest two that open and belong to
/// the log, and the newest of each log generation before.
///
/// The entry that opens a generation names the newest fold of the one before: who cannot read
/// that generation starts from it.
pub(super) async fn stale_folds(
    repository: &Repository,
    loose: &[ObjectName],
) -> Result<Vec<ObjectName>, MaintainError> {
    let mut generations = BTreeMap::<u16, Vec<(u64, &ObjectName)>>::new();
    for name in loose {
        // What is no name of a fold is nothing of ours.
        if let Some((generation, number)) = fold_place(name) {
            generations
                .entry(generation)
                .or_default()
                .push((number, name));
        }
    }
    let mut stale = Vec::new();
    let newest = generations.keys().next_back().copied();
    for (generation, mut folds) in generations {
        folds.sort_unstable();
        folds.reverse();
        let wanted = if Some(generation) == newest { KEPT } else { 1 };
        let mut kept = 0;
        for (number, name) in folds {
            if kept >= wanted {
                stale.push(name.clone());
            } else if is_good(repository, number, name).await? {
                kept += 1;
            }
        }
    }
    Ok(stale)
}

/// Whether a fold opens and is of the entry that stands in the log.
async fn is_good(
    repository: &Repository,
    number: u64,
    name: &ObjectName,
) -> Result<bool, MaintainError> {
    let fold = match read_fold(repository.store(), repository.keys(), name).await {
        Ok(fold) => fold,
        Err(LogError::Store(error)) if !error.is_missing() && !error.is_damage() => {
            return Err(error.into());
        }
        Err(_) => return Ok(false),
    };
    let mut chain = repository.chain().await;
    if number >= chain.state().next {
        // Others have appended it since the log was processed. Whoever has seen it goes on from
        // there, or would not notice that a store went back to before it.
        chain.refresh().await?;
    }
    match chain.entry(number).await {
        Ok(entry) => Ok(entry.hash == fold.head),
        Err(LogError::Store(error)) => Err(error.into()),
        // The fold is what stands for an entry that cannot be read.
        Err(_) => Ok(true),
    }
}
