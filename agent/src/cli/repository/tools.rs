//! What a backup needs besides the repository: its index and a place for temporary files.

use std::path::PathBuf;
use std::sync::Arc;

use orlop_repo::index::{CacheFolder, LocalIndex};
use orlop_repo::repository::{OpenIndex, Repository};
use tokio::runtime::Handle;

use super::place::cache_dir;
use crate::backup::Tools;
use crate::cli::context::Context;
use crate::cli::failure::Failure;

/// The folder for what is kept of one repository on this machine, made for its owner alone.
pub(in crate::cli) fn cache_of(
    context: &Context,
    repository: &Repository,
) -> Result<PathBuf, Failure> {
    use std::os::unix::fs::DirBuilderExt as _;

    let folder = cache_dir(context)?.join(repository.id().to_string());
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .map_err(|error| {
            Failure::new(format!("cannot make the cache folder {}", folder.display()))
                .because(error)
                .next("name another with --cache-dir")
        })?;
    Ok(folder)
}

/// Opens the index when it is needed, by commands that mostly do without.
pub(in crate::cli) fn open_index(context: &Context, repository: &Repository) -> OpenIndex {
    let folder = match cache_dir(context) {
        Ok(cache) => CacheFolder::Kept(cache.join(repository.id().to_string()).join("index")),
        Err(_) => CacheFolder::TemporaryIn(std::env::temp_dir()),
    };
    Box::new(move || LocalIndex::open(&folder, None).map(Arc::new))
}

/// The repository with its index. To be called within the runtime.
pub(in crate::cli) fn tools(
    context: &Context,
    repository: Arc<Repository>,
) -> Result<Tools, Failure> {
    let folder = cache_of(context, &repository)?.join("index");
    let index = LocalIndex::open(&CacheFolder::Kept(folder.clone()), None).map_err(|error| {
        Failure::new(format!("cannot use the index in {}", folder.display()))
            .because(error)
            .next("delete that folder: it is fetched again")
    })?;
    Ok(Tools {
        repository,
        index: Arc::new(index),
        runtime: Handle::current(),
    })
}
