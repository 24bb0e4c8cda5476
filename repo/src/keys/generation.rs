//! Key generations: fresh material, never derived from the root key.

use zeroize::Zeroizing;

use super::derive;
use crate::entropy::{Entropy, EntropyError, random};
use crate::model::{KeyCommitment, ObjectName};
use crate::seal::{BlockKind, ObjectKind, OpenError, SealKey, Suite};

/// The 32 random bytes that the sealing keys of one generation come from.
pub struct Material(Box<Zeroizing<[u8; 32]>>);

impl Material {
    pub(super) fn generate(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        Ok(Self::from_bytes(Zeroizing::new(random(entropy)?)))
    }

    /// Takes the bytes out of a slot or of an opened generation object.
    pub fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(Box::new(bytes))
    }

    /// The bytes, for wrapping them.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Another copy, wiped like this one.
    pub(crate) fn duplicate(&self) -> Self {
        Self::from_bytes(Zeroizing::new(*self.as_bytes()))
    }

    /// Public value that belongs to this material and to no other.
    pub fn commitment(&self) -> KeyCommitment {
        KeyCommitment::from_bytes(*derive("orlop v1 generation commitment", &self.0))
    }
}

/// Name of the object that gives the holders of the generation with this commitment the one
/// before. Two that start the same generation at once write different objects.
pub(super) fn generation_name(generation: u32, commitment: &KeyCommitment) -> ObjectName {
    let [first, ..] = commitment.as_bytes().as_chunks::<8>().0 else {
        return ObjectName::key_generation(generation, [0; 8]);
    };
    ObjectName::key_generation(generation, *first)
}

/// The keys of one generation, ready to seal.
pub(super) struct GenerationKeys {
    pub(super) material: Material,
    data: SealKey,
    tree: SealKey,
    index: SealKey,
    log: SealKey,
    wrap: SealKey,
    pub(super) pad: Zeroizing<[u8; 32]>,
}

impl GenerationKeys {
    pub(super) fn new(suite: Suite, material: Material) -> Self {
        let bytes = material.as_bytes();
        let key = |context| SealKey::new(suite, derive(context, bytes));
        Self {
            data: key("orlop v1 data key"),
            tree: key("orlop v1 tree key"),
            index: key("orlop v1 index key"),
            log: key("orlop v1 log key"),
            wrap: key("orlop v1 wrap key"),
            pad: derive("orlop v1 pad key", bytes),
            material,
        }
    }

    /// The key that seals `kind`.
    pub(super) fn key(&self, kind: ObjectKind) -> &SealKey {
        match kind {
            ObjectKind::DataBlock | ObjectKind::PackFooter(BlockKind::Data) => &self.data,
            ObjectKind::TreeBlock | ObjectKind::PackFooter(BlockKind::Tree) => &self.tree,
            ObjectKind::Segment => &self.index,
            ObjectKind::LogEntry | ObjectKind::LogTail | ObjectKind::Fold | ObjectKind::Side => {
                &self.log
            }
            ObjectKind::Generation => &self.wrap,
        }
    }
}

/// A generation that was started and is not yet in the repository.
///
/// First the object is written, then the slots of the new generation, then the log entry, which
/// names them all.
pub struct NewGeneration {
    /// Its number.
    pub generation: u32,
    /// What the log entry that starts it says of its material.
    pub commitment: KeyCommitment,
    /// Name of the object that gives its holders the generation before.
    pub name: ObjectName,
    /// The bytes of that object.
    pub bytes: Vec<u8>,
}

/// A generation could not be added to the keyring.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GenerationError {
    /// Generations are added one by one: older ones downwards from the oldest held, newer ones
    /// upwards.
    #[error("key generation {found} does not follow: {}", match next {
        Some(next) => format!("next is {next}"),
        None => "there is none to be added".to_owned(),
    })]
    OutOfOrder {
        /// The number given.
        found: u32,
        /// The number that is next.
        next: Option<u32>,
    },
    /// The object could not be opened.
    #[error("cannot open the generation object {generation}")]
    Open {
        /// The number in the name of the object.
        generation: u32,
        /// Why.
        source: OpenError,
    },
    /// The object is authentic, but holds no material.
    #[error("the generation object {generation} holds {len} bytes and not 32")]
    NotMaterial {
        /// The number in the name of the object.
        generation: u32,
        /// What it holds.
        len: usize,
    },
}
