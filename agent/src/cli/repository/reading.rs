//! Announcing in the log what is being read.
//!
//! `restore`, `check`, `mount` and `cat` of a folder may take longer than the time for which condemned
//! packs stay, and open a session. `ls`, `find`, `diff`, `stats` and `cat` of one file do not: they
//! read pages or one file, would be slowed down by the entries more than by what they do, and
//! follow what has moved all the same.

use std::sync::Arc;

use orlop_repo::explain::explain;
use orlop_repo::model::SnapshotId;
use orlop_repo::repository::{Reading, Repository};

use crate::cli::context::Context;
use crate::cli::failure::Failure;

/// Announces that `base`, or the whole repository, is being read; says once if that cannot be.
pub(in crate::cli) async fn announce(
    context: &Context,
    repository: &Arc<Repository>,
    base: Option<SnapshotId>,
) -> Result<Reading, Failure> {
    let client = concat!("orlop ", env!("CARGO_PKG_VERSION"));
    let reading = Reading::begin(repository, base, client)
        .await
        .map_err(|error| Failure::new("cannot begin to read the repository").because(error))?;
    if let Some(refused) = reading.refused() {
        context.warn(&format!(
            "the log cannot say that this reads the repository ({}): maintenance may delete \
             what is forgotten meanwhile",
            explain(refused)
        ));
    }
    Ok(reading)
}
