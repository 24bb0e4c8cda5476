//! A fold in place of one that cannot be used.

use std::sync::Arc;

use super::error::RepairError;
use super::options::RepairOptions;
use crate::log::{State, fold_place, read_fold, unreadable};
use crate::repository::{Repository, Session, SessionError};
use crate::store::Folder;

use super::snapshots::maintainer;

/// Writes a fold if the newest one cannot be used; says whether that was so.
///
/// The damaged one stays where it is, and maintenance deletes it.
pub(super) async fn renew_fold(
    repository: &Arc<Repository>,
    options: &RepairOptions,
) -> Result<bool, RepairError> {
    let Some(number) = damaged(repository).await? else {
        return Ok(false);
    };
    if options.dry_run {
        return Ok(true);
    }
    if repository.state().await.next == number.saturating_add(1) {
        // The name of a fold after this entry is taken: there must be another entry.
        let request = |_: &State| Ok::<_, SessionError>(maintainer(options));
        let session = Session::begin(Arc::clone(repository), request).await?;
        session.end().await?;
    }
    repository.chain().await.fold().await?;
    Ok(true)
}

/// Number of the entry that the newest fold is of, if that cannot be used.
async fn damaged(repository: &Repository) -> Result<Option<u64>, RepairError> {
    let generation = repository.state().await.generation;
    let listing = repository
        .store()
        .list(&Folder::parse("meta/folds")?)
        .await?;
    let folds = listing.into_iter().filter_map(|info| {
        let (of, number) = fold_place(&info.name)?;
        (of == generation).then_some((number, info.name))
    });
    let Some((number, name)) = folds.max() else {
        return Ok(None);
    };
    match read_fold(repository.store(), repository.keys(), &name).await {
        Ok(_) => Ok(None),
        Err(error) => Ok(unreadable(error).map(|_| Some(number))?),
    }
}
