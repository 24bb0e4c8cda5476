//! The user's own repository, for those who name none.

use std::path::PathBuf;

use directories::ProjectDirs;

use crate::cli::failure::Failure;

/// Where things of the user go if no option says otherwise.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::cli) struct DefaultPlace {
    /// The repository.
    pub(in crate::cli) repository: PathBuf,
    /// Its key.
    pub(in crate::cli) key_file: PathBuf,
    /// What can be fetched again.
    pub(in crate::cli) cache: PathBuf,
}

impl DefaultPlace {
    /// Looks up the user's folders: of data, configuration and caches.
    pub(in crate::cli) fn find() -> Result<Self, Failure> {
        let folders = ProjectDirs::from("", "", "orlop").ok_or_else(|| {
            Failure::usage("this user has no home folder")
                .next("name the repository with --repo, its key with --key-file, and --cache-dir")
        })?;
        Ok(Self {
            repository: folders.data_dir().join("repository"),
            key_file: folders.config_dir().join("key"),
            cache: folders.cache_dir().to_owned(),
        })
    }
}
