//! From a URL and settings to a store.

use std::sync::Arc;

use super::backend::Backend;
use super::config::StoreConfig;
use super::counted::Counted;
use super::counters::Counters;
use super::error::{At, StoreError};
use super::handle::Store;
use super::limited::Limited;
use super::local::LocalBackend;
use super::read_only::ReadOnly;
use super::remote::connect;
use super::retry::Retrying;
use super::url::StoreUrl;

impl Store {
    /// Opens the store at `url`, with retries and a limit of concurrent requests.
    ///
    /// Sends no request: whether the store is there shows with the first one.
    ///
    /// # Errors
    ///
    /// [`StoreError::Config`] if the settings make no sense.
    pub fn open(url: &StoreUrl, config: &StoreConfig) -> Result<Self, StoreError> {
        match url {
            StoreUrl::Local(path) => Self::assemble(LocalBackend::new(path), config),
            StoreUrl::Bucket(bucket) => Self::assemble(connect(bucket, config)?, config),
        }
    }

    /// Opens the store at `url` and makes its folder if it is local and absent. Buckets are not
    /// made.
    pub async fn create(url: &StoreUrl, config: &StoreConfig) -> Result<Self, StoreError> {
        match url {
            StoreUrl::Local(path) if !config.read_only => {
                Self::assemble(LocalBackend::create(path).await?, config)
            }
            _ => Self::open(url, config),
        }
    }

    /// Puts the wrappers around `backend`, counting every attempt.
    fn assemble(backend: impl Backend, config: &StoreConfig) -> Result<Self, StoreError> {
        let mut seed = [0; 8];
        getrandom::fill(&mut seed).map_err(|error| StoreError::Other {
            at: At::store(backend.location().clone()),
            source: error.into(),
        })?;
        let counters = Arc::<Counters>::default();
        let counted = Counted::new(backend, counters.clone());
        let limited = Limited::new(counted, config.max_requests);
        let retrying = Retrying::new(limited, config.retry.clone(), u64::from_le_bytes(seed));
        Ok(if config.read_only {
            Self::from_parts(ReadOnly::new(retrying), counters)
        } else {
            Self::from_parts(retrying, counters)
        })
    }
}
