//! Opening a snapshot for reading.

use crate::cli::browse::Browse;
use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::cli::selection::Selection;

/// Opens the repository and the snapshot that `name` means in it.
pub(in crate::cli) async fn browse(
    context: &Context,
    selection: &Selection,
    name: &str,
) -> Result<Browse, Failure> {
    let repository = super::open(context).await?;
    let snapshot = selection.one(name, &repository.state().await)?;
    let index = super::open_index(context, &repository);
    let cache = context.cache_memory();
    Ok(Browse::new(&repository, snapshot, cache, index))
}
