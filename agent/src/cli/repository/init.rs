//! Making repositories.

use std::sync::Arc;

use clap::ValueEnum;
use orlop_repo::cuts::Cuts;
use orlop_repo::entropy::OsEntropy;
use orlop_repo::model::ObjectName;
use orlop_repo::repository::{InitOptions, InitSlot, Repository, RepositoryError};
use orlop_repo::seal::Suite;
use orlop_repo::store::{Store, StoreError, StoreUrl};

use crate::cli::context::Context;
use crate::cli::failure::Failure;

/// How everything in a repository is encrypted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(in crate::cli) enum Cipher {
    /// Fast on every processor
    #[default]
    #[value(name = "xchacha20-poly1305", alias = "xchacha")]
    XChaCha20Poly1305,
    /// Faster where the processor has instructions for AES
    #[value(name = "xaes-256-gcm", alias = "xaes")]
    XAes256Gcm,
}

impl Cipher {
    fn suite(self) -> Suite {
        match self {
            Self::XChaCha20Poly1305 => Suite::XChaCha20Poly1305,
            Self::XAes256Gcm => Suite::Xaes256Gcm,
        }
    }
}

/// The options of the engine for a repository with these slots.
pub(in crate::cli) fn init_options(
    context: &Context,
    slots: Vec<InitSlot>,
    cipher: Cipher,
) -> InitOptions {
    InitOptions {
        slots,
        suite: cipher.suite(),
        cuts: Cuts::DEFAULT,
        clock: context.clock.clone(),
        entropy: Arc::new(OsEntropy),
    }
}

/// Refuses a place where there is a repository, before anything is made.
pub(in crate::cli) async fn refuse_existing(url: &StoreUrl, store: &Store) -> Result<(), Failure> {
    let cannot = || Failure::new(format!("cannot make a repository at {url}"));
    match store.head(&ObjectName::format()).await {
        Ok(_) => {
            let location = url.to_string();
            Err(cannot().because(RepositoryError::Exists { location }))
        }
        Err(StoreError::NotFound { .. }) => Ok(()),
        Err(error) => Err(cannot().because(error)),
    }
}

/// Makes a repository in `store`, after a proof that it can hold one.
pub(in crate::cli) async fn init(
    url: &StoreUrl,
    store: Store,
    options: InitOptions,
) -> Result<Arc<Repository>, Failure> {
    let cannot = || Failure::new(format!("cannot make a repository at {url}"));
    orlop_repo::store::probe::create_once(&store)
        .await
        .map_err(|error| cannot().because(error))?;
    Repository::init(store, options)
        .await
        .map_err(|error| cannot().because(error))
}
