//! An open repository: its keys, its log, and sessions in it.

mod blocks;
mod create;
mod elsewhere;
mod error;
mod forget;
mod key_generation;
mod newer_keys;
mod open;
mod orphans;
mod present;
mod reading;
mod session;
mod sync;
mod tree_pages;
mod unforget;
mod unnamed;

use std::sync::Arc;

use tokio::sync::{Mutex, MutexGuard};

pub use blocks::{BlockReader, ReadError};
pub use create::{InitOptions, InitSlot};
pub use elsewhere::{Elsewhere, ElsewhereError, OpenIndex};
pub use error::RepositoryError;
pub use key_generation::{KeyGenerationError, PlannedSlot, SlotFate, StartedGeneration};
pub use open::{DamagedRepository, OpenOptions};
pub use orphans::OrphanPack;
pub use present::PresentError;
pub use reading::Reading;
pub use session::{Session, SessionError, SessionRequest};
pub use tree_pages::{TreeError, TreePages};
pub use unforget::UnforgetError;

use self::newer_keys::SlotKeys;
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::format_object::Format;
use crate::keys::Keyring;
use crate::log::{Chain, State};
use crate::model::RepositoryId;
use crate::store::Store;

/// An open repository. Everything in it may be used concurrently.
pub struct Repository {
    store: Store,
    keys: Arc<Keyring>,
    format: Format,
    chain: Mutex<Chain>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    /// What opened it, for slots of later generations of keys.
    slot_keys: Arc<SlotKeys>,
}

impl Repository {
    /// Its public name: the fingerprint of its root key.
    pub fn id(&self) -> RepositoryId {
        self.keys.repository_id()
    }

    /// The store, at the repository's prefix.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Its keys.
    pub fn keys(&self) -> &Arc<Keyring> {
        &self.keys
    }

    /// The parameters chosen at init.
    pub fn format(&self) -> &Format {
        &self.format
    }

    /// Wall and monotonic time.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Randomness.
    pub fn entropy(&self) -> &dyn Entropy {
        &*self.entropy
    }

    /// Name of the slot that opens it: the one of a newer generation of keys, once that was
    /// started.
    pub fn slot(&self) -> String {
        self.slot_keys.slot()
    }

    /// The log, for whoever reads or appends; held while one does.
    pub async fn chain(&self) -> MutexGuard<'_, Chain> {
        self.chain.lock().await
    }

    /// A copy of the state as it was last processed.
    pub async fn state(&self) -> State {
        self.chain.lock().await.state().clone()
    }
}
