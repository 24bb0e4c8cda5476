//! All keys of an opened repository.

use std::collections::BTreeMap;
use std::sync::Arc;

use orlop_chunker::IdKey;
use zeroize::Zeroizing;

use super::generation::{GenerationError, GenerationKeys, Material, NewGeneration};
use super::root::{RootKey, SubKeys};
use crate::entropy::{Entropy, EntropyError};
use crate::model::{ObjectName, RepositoryId};
use crate::seal::{ObjectKind, SealError, Suite};

/// All keys of an opened repository, ready to use. Shared behind an [`Arc`] by all threads.
///
/// Neither `Debug` nor `Clone`; everything in it is wiped when dropped.
pub struct Keyring {
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) suite: Suite,
    pub(super) repository_id: RepositoryId,
    root: RootKey,
    sub: SubKeys,
    current: u32,
    generations: BTreeMap<u32, GenerationKeys>,
}

impl Keyring {
    /// Makes the keys of a new repository, in key generation 1.
    pub fn generate(entropy: Arc<dyn Entropy>, suite: Suite) -> Result<Self, EntropyError> {
        let root = RootKey::generate(&*entropy)?;
        let material = Material::generate(&*entropy)?;
        Ok(Self::from_parts(entropy, suite, root, (1, material), []))
    }

    /// Takes what an opened slot holds: the root key, the newest generation that it knows, and
    /// such older ones as it carries.
    pub fn from_parts(
        entropy: Arc<dyn Entropy>,
        suite: Suite,
        root: RootKey,
        newest: (u32, Material),
        older: impl IntoIterator<Item = (u32, Material)>,
    ) -> Self {
        let current = newest.0;
        let generations = older
            .into_iter()
            .filter(|(generation, _)| *generation < current)
            .chain([newest])
            .map(|(generation, material)| (generation, GenerationKeys::new(suite, material)))
            .collect();
        Self {
            entropy,
            suite,
            repository_id: root.repository_id(),
            sub: SubKeys::new(&root),
            root,
            current,
            generations,
        }
    }

    /// Public name of the repository: the fingerprint of its root key.
    pub fn repository_id(&self) -> RepositoryId {
        self.repository_id
    }

    /// How the repository encrypts.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// The key generation that everything new is sealed under.
    pub fn current_generation(&self) -> u32 {
        self.current
    }

    /// The keys under which chunks and pages are named.
    pub fn ids(&self) -> &IdKey {
        &self.sub.ids
    }

    /// The secret that the gear table is made from.
    pub fn gear_secret(&self) -> &[u8; 32] {
        &self.sub.gear
    }

    /// The key that decides where tree pages end.
    pub fn split_key(&self) -> &[u8; 32] {
        &self.sub.split
    }

    /// The key that names hard-link groups.
    pub fn link_key(&self) -> &[u8; 32] {
        &self.sub.link
    }

    /// The key that authenticates the format object and the slots.
    pub fn meta_key(&self) -> &[u8; 32] {
        &self.sub.meta
    }

    /// The root key, for wrapping it into a slot.
    pub fn root_key(&self) -> &RootKey {
        &self.root
    }

    /// The source of randomness that the keyring was made with.
    pub fn entropy(&self) -> &Arc<dyn Entropy> {
        &self.entropy
    }

    /// The material of the current generation, for wrapping it into a slot.
    pub fn current_material(&self) -> Option<&Material> {
        self.generation(self.current).map(|keys| &keys.material)
    }

    /// Number of the `meta/generations/` object to give to [`add_older`](Self::add_older) next;
    /// `None` once all generations down to the first are held.
    pub fn needs_older(&self) -> Option<u32> {
        let mut oldest = self.current;
        while self.generations.contains_key(&oldest) {
            oldest = oldest.checked_sub(1)?;
        }
        oldest.checked_add(1).filter(|_| oldest >= 1)
    }

    /// Adds the generation before `generation`, from the object `meta/generations/<generation>`.
    ///
    /// Done while opening, as often as [`needs_older`](Self::needs_older) names one: packs of any
    /// age must open.
    pub fn add_older(&mut self, generation: u32, sealed: &[u8]) -> Result<(), GenerationError> {
        let next = self.needs_older();
        if next != Some(generation) {
            return Err(GenerationError::OutOfOrder {
                found: generation,
                next,
            });
        }
        let name = ObjectName::key_generation(generation);
        let body = self
            .open_object(ObjectKind::Generation, name.as_str(), sealed)
            .map(Zeroizing::new)
            .map_err(|source| GenerationError::Open { generation, source })?;
        let bytes = body
            .as_slice()
            .try_into()
            .map_err(|_| GenerationError::NotMaterial {
                generation,
                len: body.len(),
            })?;
        let keys = GenerationKeys::new(self.suite, Material::from_bytes(Zeroizing::new(bytes)));
        self.generations.insert(generation - 1, keys);
        Ok(())
    }

    /// Starts the generation after the current one.
    ///
    /// Gives the keyring of the new generation, with all that this one holds, and the object to
    /// write before any slot of the new generation. Nothing is sealed under the new generation
    /// until both are in the repository.
    pub fn start_generation(&self) -> Result<(Self, NewGeneration), SealError> {
        let material = Material::generate(&*self.entropy)?;
        let copy = |bytes: &[u8; 32]| Zeroizing::new(*bytes);
        let older = self
            .generations
            .iter()
            .map(|(&number, keys)| (number, Material::from_bytes(copy(keys.material.as_bytes()))));
        let generation = self.current + 1;
        let next = Self::from_parts(
            Arc::clone(&self.entropy),
            self.suite,
            RootKey::from_bytes(copy(self.root.as_bytes())),
            (generation, material),
            older,
        );
        let name = ObjectName::key_generation(generation);
        let body = self
            .current_material()
            .map(Material::as_bytes)
            .map_or(&[][..], |b| &b[..]);
        let bytes = next.seal_object(ObjectKind::Generation, name.as_str(), body)?;
        Ok((
            next,
            NewGeneration {
                generation,
                name,
                bytes,
            },
        ))
    }

    /// The keys of a generation, if they are held.
    pub(super) fn generation(&self, generation: u32) -> Option<&GenerationKeys> {
        self.generations.get(&generation)
    }
}
