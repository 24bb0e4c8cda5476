//! Which repository is meant: the one that was named, or the user's own.

use std::path::PathBuf;

use orlop_repo::store::StoreUrl;

use super::default_place::DefaultPlace;
use crate::cli::context::Context;
use crate::cli::failure::Failure;

/// A repository's place, and whether it is the user's own.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Place {
    /// Where it is.
    pub(in crate::cli) url: StoreUrl,
    /// Where its key is, if it is the user's own.
    pub(in crate::cli) own_key: Option<PathBuf>,
}

impl Place {
    /// The place that the options mean.
    pub(in crate::cli) fn of(context: &Context) -> Result<Self, Failure> {
        if let Some(url) = &context.options.repo {
            return Ok(Self {
                url: super::store::parse_url(url)?,
                own_key: None,
            });
        }
        let own = DefaultPlace::find()?;
        Ok(Self {
            url: StoreUrl::Local(own.repository),
            own_key: Some(own.key_file),
        })
    }

    /// Whether nobody named it.
    pub(in crate::cli) fn is_own(&self) -> bool {
        self.own_key.is_some()
    }
}

/// Where the repository is, or would be.
pub(in crate::cli) fn location(context: &Context) -> Result<StoreUrl, Failure> {
    Place::of(context).map(|place| place.url)
}

/// The folder for what can be fetched again.
pub(in crate::cli) fn cache_dir(context: &Context) -> Result<PathBuf, Failure> {
    match &context.options.cache_dir {
        Some(folder) => Ok(folder.clone()),
        None => Ok(DefaultPlace::find()?.cache),
    }
}
