//! The root key and what is derived from it for the repository's life.

use orlop_chunker::IdKey;
use zeroize::Zeroizing;

use super::derive;
use crate::entropy::{Entropy, EntropyError, random};
use crate::model::RepositoryId;

/// The one random key of a repository. Boxed, so that moving it leaves no copy behind.
pub struct RootKey(Box<Zeroizing<[u8; 32]>>);

impl RootKey {
    /// Makes the root key of a new repository.
    pub fn generate(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        Ok(Self::from_bytes(Zeroizing::new(random(entropy)?)))
    }

    /// Takes the bytes out of an opened slot.
    pub fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(Box::new(bytes))
    }

    /// The bytes, for wrapping them into a slot.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The fingerprint that names the repository in public.
    pub fn repository_id(&self) -> RepositoryId {
        RepositoryId::from_bytes(*derive("orlop v1 repository id", &self.0))
    }

    /// Key of the MACs of the format object and of slots.
    pub fn meta_key(&self) -> Zeroizing<[u8; 32]> {
        derive("orlop v1 meta mac", &self.0)
    }
}

/// The sub-keys of the root key.
pub(super) struct SubKeys {
    pub(super) ids: IdKey,
    pub(super) gear: Zeroizing<[u8; 32]>,
    pub(super) split: Zeroizing<[u8; 32]>,
    pub(super) link: Zeroizing<[u8; 32]>,
    pub(super) meta: Zeroizing<[u8; 32]>,
}

impl SubKeys {
    pub(super) fn new(root: &RootKey) -> Self {
        let root_bytes = root.as_bytes();
        Self {
            ids: IdKey::new(
                *derive("orlop v1 chunk id", root_bytes),
                *derive("orlop v1 page id", root_bytes),
            ),
            gear: derive("orlop v1 gear", root_bytes),
            split: derive("orlop v1 page split", root_bytes),
            link: derive("orlop v1 hard link", root_bytes),
            meta: root.meta_key(),
        }
    }
}
