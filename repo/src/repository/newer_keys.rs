//! Getting the keys of a generation that was started while the repository was open.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use parking_lot::Mutex;

use super::create::MAX_META;
use crate::entropy::Entropy;
use crate::keys::{Keyring, Material};
use crate::log::{Generation, LogError, NewerKeys};
use crate::model::{ObjectHash, ObjectName, RepositoryId};
use crate::slots::{Credential, OpenOptions, OpenedSlot, SlotError, open_slot, slot_candidates};
use crate::store::{Folder, Store};

/// What opened the repository, kept to open the slots of generations that are started meanwhile.
pub(super) struct SlotKeys {
    pub(super) store: Store,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) credentials: Vec<Credential>,
    /// Memory in bytes that deriving a key from a passphrase may take.
    pub(super) memory: u64,
    /// What the log may start because this process asks for it.
    offered: Mutex<Option<(u32, Material)>>,
    /// Name of the slot that the keys came from.
    slot: Mutex<String>,
    repository: Mutex<Option<RepositoryId>>,
}

impl SlotKeys {
    pub(super) fn new(
        store: Store,
        entropy: Arc<dyn Entropy>,
        credentials: Vec<Credential>,
        memory: u64,
    ) -> Self {
        Self {
            store,
            entropy,
            credentials,
            memory,
            offered: Mutex::default(),
            slot: Mutex::default(),
            repository: Mutex::default(),
        }
    }

    /// Name of the slot that the keys came from.
    pub(super) fn slot(&self) -> String {
        self.slot.lock().clone()
    }

    /// Notes the slot that the keys of `repository` came from.
    pub(super) fn opened_with(&self, slot: String, repository: RepositoryId) {
        *self.slot.lock() = slot;
        *self.repository.lock() = Some(repository);
    }

    /// Notes the material of a generation that this process is about to start; nothing takes it
    /// back.
    pub(super) fn offer(&self, generation: u32, material: Material) {
        *self.offered.lock() = Some((generation, material));
    }

    /// Limits of opening slots.
    pub(super) fn limits(&self) -> OpenOptions {
        OpenOptions {
            memory_budget: self.memory,
            expect: *self.repository.lock(),
        }
    }

    async fn find(&self, wanted: &Generation) -> Result<Material, LogError> {
        let offered = self.offered.lock().take();
        if let Some((_, material)) = offered.filter(|(number, material)| {
            *number == wanted.number && material.commitment() == wanted.commitment
        }) {
            self.note_slot(wanted);
            return Ok(material);
        }
        let names: Vec<&str> = wanted.slots.iter().map(|(name, _)| name.as_str()).collect();
        if let Some(found) = self.try_slots(&names, wanted).await? {
            return Ok(found);
        }
        // A still newer generation has taken the place of these slots; it leads down to this one.
        let meta = self.store.list(&Folder::parse("meta")?).await;
        let meta = meta.map_err(LogError::Store)?;
        let listed: Vec<_> = meta
            .iter()
            .map(|info| info.name.as_str())
            .filter(|name| name.starts_with("meta/slots/") && !names.contains(name))
            .collect();
        if let Some(found) = self.try_slots(&listed, wanted).await? {
            return Ok(found);
        }
        Err(LogError::NewerKeys {
            generation: wanted.number,
            slots: wanted.slots.iter().map(|(name, _)| name.clone()).collect(),
        })
    }

    /// One of the new slots is for what this process has at hand.
    fn note_slot(&self, wanted: &Generation) {
        let names: Vec<&str> = wanted.slots.iter().map(|(name, _)| name.as_str()).collect();
        if let Some(name) = slot_candidates(&names, &self.credentials).first() {
            (*name).clone_into(&mut self.slot.lock());
        }
    }

    async fn try_slots(
        &self,
        names: &[&str],
        wanted: &Generation,
    ) -> Result<Option<Material>, LogError> {
        for name in slot_candidates(names, &self.credentials) {
            let object = ObjectName::parse(name)?;
            let bytes = match self.store.get(&object, MAX_META).await {
                Ok(bytes) => bytes,
                Err(error) if error.is_missing() => continue,
                Err(error) => return Err(LogError::Store(error)),
            };
            let opened = match open_slot(name, &bytes, &self.credentials, &self.limits()) {
                Ok(opened) => opened,
                Err(error @ SlotError::MemoryBudget { .. }) => {
                    return Err(LogError::Slots {
                        generation: wanted.number,
                        source: Box::new(error),
                    });
                }
                Err(error) => {
                    tracing::debug!(
                        slot = name,
                        error = &error as &dyn std::error::Error,
                        "slot does not open"
                    );
                    continue;
                }
            };
            let Some(material) = self.lead_down(opened, wanted).await? else {
                continue;
            };
            let hash = ObjectHash::of(&bytes);
            if wanted.slots.iter().any(|(n, h)| n == name && *h == hash) {
                name.clone_into(&mut self.slot.lock());
            }
            return Ok(Some(material));
        }
        Ok(None)
    }

    /// The material that is wanted, if a slot holds it or leads down to it.
    async fn lead_down(
        &self,
        opened: OpenedSlot,
        wanted: &Generation,
    ) -> Result<Option<Material>, LogError> {
        let keys = opened.into_keyring(Arc::clone(&self.entropy));
        loop {
            if let Some(material) = keys.material(wanted.number) {
                // The log says which one is meant: a slot may be left of one that was never
                // started.
                let is_it = material.commitment() == wanted.commitment;
                return Ok(is_it.then_some(material));
            }
            let Some(generation) = keys.needs_older().filter(|g| *g > wanted.number) else {
                return Ok(None);
            };
            if !add_older(&self.store, &keys, generation).await? {
                return Ok(None);
            }
        }
    }
}

/// Adds the generation before `generation`; `false` if its object is not there or not the right
/// one.
async fn add_older(store: &Store, keys: &Keyring, generation: u32) -> Result<bool, LogError> {
    let Some(name) = keys.generation_name(generation) else {
        return Ok(false);
    };
    match store.get(&name, MAX_META).await {
        Ok(sealed) => Ok(keys.add_older(generation, &sealed).is_ok()),
        Err(error) if error.is_missing() => Ok(false),
        Err(error) => Err(LogError::Store(error)),
    }
}

impl NewerKeys for SlotKeys {
    fn material<'a>(&'a self, wanted: &'a Generation) -> BoxFuture<'a, Result<Material, LogError>> {
        self.find(wanted).boxed()
    }
}
