//! All keys of an opened repository.

use std::collections::BTreeMap;
use std::sync::Arc;

use orlop_chunker::IdKey;
use parking_lot::RwLock;
use zeroize::Zeroizing;

use super::generation::{
    GenerationError, GenerationKeys, Material, NewGeneration, generation_name,
};
use super::root::{RootKey, SubKeys};
use crate::entropy::{Entropy, EntropyError};
use crate::model::{KeyCommitment, ObjectName, RepositoryId};
use crate::seal::{ObjectKind, SealError, Suite};

/// All keys of an opened repository, ready to use. Shared behind an [`Arc`] by all threads.
///
/// Generations are added while others seal and open: whoever seals takes the newest that there is
/// at that moment. Neither `Debug` nor `Clone`; everything in it is wiped when dropped.
pub struct Keyring {
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) suite: Suite,
    pub(super) repository_id: RepositoryId,
    root: RootKey,
    sub: SubKeys,
    generations: RwLock<Generations>,
}

/// The generations that are held, all up to the current one.
struct Generations {
    current: u32,
    keys: BTreeMap<u32, Arc<GenerationKeys>>,
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
        let keys = older
            .into_iter()
            .filter(|(generation, _)| *generation < current)
            .chain([newest])
            .map(|(generation, material)| {
                let keys = GenerationKeys::new(suite, material);
                (generation, Arc::new(keys))
            })
            .collect();
        Self {
            entropy,
            suite,
            repository_id: root.repository_id(),
            sub: SubKeys::new(&root),
            root,
            generations: RwLock::new(Generations { current, keys }),
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
        self.generations.read().current
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

    /// The current generation with a copy of its material, for wrapping it into a slot.
    pub fn current_material(&self) -> Option<(u32, Material)> {
        let current = self.current_generation();
        Some((current, self.generation(current)?.material.duplicate()))
    }

    /// A copy of the material of a generation, if it is held.
    pub(crate) fn material(&self, generation: u32) -> Option<Material> {
        Some(self.generation(generation)?.material.duplicate())
    }

    /// What binds a log entry to the material of a generation, if that is held.
    pub fn commitment(&self, generation: u32) -> Option<KeyCommitment> {
        Some(self.generation(generation)?.material.commitment())
    }

    /// Name of the object that gives the holders of `generation` the one before, if it is held.
    /// There is none for the first.
    pub fn generation_name(&self, generation: u32) -> Option<ObjectName> {
        let material = &self.generation(generation)?.material;
        (generation > 1).then(|| generation_name(generation, &material.commitment()))
    }

    /// The oldest generation that is held with all newer ones, if there is an older one: its
    /// object ([`generation_name`](Self::generation_name)) is to be given to
    /// [`add_older`](Self::add_older) next. `None` once all generations are held.
    pub fn needs_older(&self) -> Option<u32> {
        let generations = self.generations.read();
        let mut oldest = generations.current;
        while generations.keys.contains_key(&oldest) {
            oldest = oldest.checked_sub(1)?;
        }
        oldest.checked_add(1).filter(|_| oldest >= 1)
    }

    /// Adds the generation before `generation`, from the object of `generation`.
    ///
    /// Done while opening, as often as [`needs_older`](Self::needs_older) names one: packs of any
    /// age must open.
    pub fn add_older(&self, generation: u32, sealed: &[u8]) -> Result<(), GenerationError> {
        let next = self.needs_older();
        let name = self.generation_name(generation);
        let (true, Some(name)) = (next == Some(generation), name) else {
            return Err(GenerationError::OutOfOrder {
                found: generation,
                next,
            });
        };
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
        let mut generations = self.generations.write();
        generations.keys.insert(generation - 1, Arc::new(keys));
        Ok(())
    }

    /// Goes on to the generation after the current one, which was started while the repository
    /// was open: from here on everything is sealed under it.
    ///
    /// Only what an entry of the log has started may be taken: nobody could open what is sealed
    /// under keys that nothing leads to.
    ///
    /// # Errors
    ///
    /// [`GenerationError::OutOfOrder`] if it is not the next one.
    pub fn go_on_to(&self, generation: u32, material: Material) -> Result<(), GenerationError> {
        let mut generations = self.generations.write();
        let next = generations.current.checked_add(1);
        if next != Some(generation) {
            return Err(GenerationError::OutOfOrder {
                found: generation,
                next,
            });
        }
        let keys = GenerationKeys::new(self.suite, material);
        generations.keys.insert(generation, Arc::new(keys));
        generations.current = generation;
        Ok(())
    }

    /// Makes the material of the generation after the current one.
    ///
    /// Gives the keyring of the new generation, with all that this one holds, and the object to
    /// write before any slot of the new generation. Nothing is sealed under the new generation
    /// until an entry of the log has started it.
    pub fn start_generation(&self) -> Result<(Self, NewGeneration), SealError> {
        let material = Material::generate(&*self.entropy)?;
        let copies: Vec<_> = {
            let generations = self.generations.read();
            let held = generations.keys.iter();
            held.map(|(&number, keys)| (number, keys.material.duplicate()))
                .collect()
        };
        let generation = self.current_generation() + 1;
        let commitment = material.commitment();
        let next = Self::from_parts(
            Arc::clone(&self.entropy),
            self.suite,
            RootKey::from_bytes(Zeroizing::new(*self.root.as_bytes())),
            (generation, material),
            copies,
        );
        let name = generation_name(generation, &commitment);
        let before = self.material(generation - 1);
        let body = before.as_ref().map_or(&[][..], |b| &b.as_bytes()[..]);
        let bytes = next.seal_object(ObjectKind::Generation, name.as_str(), body)?;
        Ok((
            next,
            NewGeneration {
                generation,
                commitment,
                name,
                bytes,
            },
        ))
    }

    /// The keys of a generation, if they are held.
    pub(super) fn generation(&self, generation: u32) -> Option<Arc<GenerationKeys>> {
        self.generations.read().keys.get(&generation).cloned()
    }
}
