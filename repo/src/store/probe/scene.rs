//! The folder in which properties are tried.

use bytes::Bytes;

use crate::model::ObjectName;
use crate::store::error::{At, Cause, StoreError};
use crate::store::folder::{Folder, PROBES};
use crate::store::handle::Store;

/// Why a property was not seen to hold.
#[derive(Debug)]
pub(super) enum Failure {
    /// It does not hold: how that showed.
    Violated(String),
    /// A request failed that should not have.
    Store(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What was measured, or why the property was not seen to hold.
pub(super) type Checked = Result<String, Failure>;

/// Fails with a formatted reason unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($reason:tt)+) => {{
        let holds: bool = $condition;
        if !holds {
            return Err($crate::store::probe::scene::Failure::Violated(format!($($reason)+)));
        }
    }};
}
pub(super) use ensure;

/// A store and a fresh folder in it.
#[derive(Debug, Clone)]
pub(super) struct Scene {
    pub(super) store: Store,
    folder: Folder,
}

impl Scene {
    pub(super) fn new(store: &Store) -> Result<Self, StoreError> {
        let folder = Folder::from(store.random_name(PROBES)?);
        Ok(Self {
            store: store.clone(),
            folder,
        })
    }

    /// The object `rest` of the scene.
    pub(super) fn name(&self, rest: &str) -> Result<ObjectName, StoreError> {
        self.folder
            .object(rest)
            .map_err(|error| self.misnamed(error.into()))
    }

    /// The folder `rest` of the scene.
    pub(super) fn folder(&self, rest: &str) -> Result<Folder, StoreError> {
        self.folder
            .folder(rest)
            .map_err(|error| self.misnamed(error.into()))
    }

    fn misnamed(&self, source: Cause) -> StoreError {
        StoreError::Other {
            at: At::store(self.store.location()),
            source,
        }
    }

    /// Deletes everything in the scene; tells how many objects there were.
    pub(super) async fn clear(&self) -> Result<usize, StoreError> {
        let left = self.store.list(&self.folder).await?;
        let count = left.len();
        self.store
            .delete(left.into_iter().map(|info| info.name))
            .await?;
        Ok(count)
    }
}

/// `len` bytes that look random, different for each `seed`.
pub(super) fn pattern(len: usize, seed: u64) -> Bytes {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let bytes: Vec<u8> = std::iter::repeat_with(|| {
        // Xorshift: cheap, and no two seeds give the same bytes.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    })
    .take(len.div_ceil(8))
    .flatten()
    .take(len)
    .collect();
    bytes.into()
}
