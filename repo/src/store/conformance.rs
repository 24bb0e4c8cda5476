//! The suite that every backend and wrapper has to pass.
//!
//! The properties are those of [`probe`](super::probe), tried harder.

use std::time::SystemTime;

use super::error::StoreError;
use super::handle::Store;
use super::probe::{Effort, Finding, probe};

/// Tries `store` in every way; returns what does not hold.
///
/// Needs a tokio runtime with several threads to try concurrency.
///
/// # Errors
///
/// If nothing could be tried at all.
pub async fn check(store: &Store) -> Result<Vec<Finding>, StoreError> {
    check_with(store, Effort::CONFORMANCE).await
}

/// As [`check`], with another effort.
///
/// # Errors
///
/// If nothing could be tried at all.
pub async fn check_with(store: &Store, effort: Effort) -> Result<Vec<Finding>, StoreError> {
    // The store's own time as ours: a conforming store may be wrong about it.
    let now = store.store_now().await.unwrap_or(SystemTime::UNIX_EPOCH);
    let report = probe(store, effort, move || now).await?;
    Ok(report
        .failures()
        .filter(|finding| finding.property != "clock")
        .cloned()
        .collect())
}
