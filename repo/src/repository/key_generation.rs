//! Starting a generation of keys.
//!
//! The object that gives its holders the generation before, then a slot for each holder that is
//! to keep access, each written, read back and opened; then one entry of the log that starts the
//! generation and names its slots. Before that entry nothing has changed for anybody, after it
//! everything has: cut off anywhere, the repository opens with the old slots or with the new ones.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::create::MAX_META;
use super::{Repository, RepositoryError};
use crate::explain::explain;
use crate::keys::Keyring;
use crate::log::{AppendError, Body, Generation, LogError, State};
use crate::model::{KeyCommitment, ObjectHash, ObjectName};
use crate::seal::SealError;
use crate::slots::{
    ClaimedSlot, Credential, NewSlot, SlotError, SlotSpec, new_slot, open_slot, same_holder,
};
use crate::store::{Folder, StoreError};

/// How often a generation is prepared anew because others add or remove slots.
const MAX_ATTEMPTS: u32 = 100;

/// No generation of keys was started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyGenerationError {
    /// Slots would open nothing any more, and only their owners can make new ones.
    #[error("the keys of these slots are not at hand: {}", slots.join(", "))]
    NeedsOwners {
        /// Their names.
        slots: Vec<String>,
    },
    /// Somebody else has started one at the same time.
    #[error("somebody else has just started key generation {generation}")]
    StartedByAnother {
        /// The newest generation.
        generation: u32,
    },
    /// What was written reads back otherwise. The log does not name it.
    #[error("{object} does not read back as it was written")]
    ReadBack {
        /// The object.
        object: ObjectName,
    },
    /// None of the new slots opens with what is at hand: nobody might be able to.
    #[error("no key at hand opens any of the new slots")]
    NotProven,
    /// Slots were added and removed all the time.
    #[error("others change the slots all the time")]
    Outrun,
    /// A slot could not be made, or does not open after it was written.
    #[error("cannot make a slot of the new generation")]
    Slot(#[from] SlotError),
    /// The new keys could not be made.
    #[error("cannot make new keys")]
    Seal(#[from] SealError),
    /// What was written does not open.
    #[error("the new generation does not open")]
    Opened(#[source] Box<RepositoryError>),
    /// The log could not be written, or forbids it.
    #[error("the change is not in the log")]
    Log(#[from] AppendError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<LogError> for KeyGenerationError {
    fn from(error: LogError) -> Self {
        Self::Log(AppendError::Log(error))
    }
}

/// What becomes of one slot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SlotFate {
    /// It gets a successor, which opens everything.
    Renewed,
    /// It opens nothing that is written from then on; why it gets no successor.
    Dropped(&'static str),
}

/// A slot, before a generation of keys is started.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlannedSlot {
    /// Name of its object.
    pub name: String,
    /// What its maker called it; empty if it cannot be read.
    pub label: String,
    /// What becomes of it.
    pub fate: SlotFate,
}

/// A generation of keys that was started.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StartedGeneration {
    /// Its number.
    pub generation: u32,
    /// Old slots and, of those that were renewed, their successors.
    pub slots: Vec<(PlannedSlot, Option<ObjectName>)>,
    /// Old objects that could not be deleted; they open nothing that is new.
    pub left: Vec<String>,
}

/// A slot with what its successor is made of.
struct Holder {
    planned: PlannedSlot,
    spec: Option<SlotSpec>,
}

impl Repository {
    /// Which slots would get a successor if a generation of keys was started with what opened the
    /// repository and `more`.
    ///
    /// # Errors
    ///
    /// Of the log and the store. A slot that is damaged or missing is [`SlotFate::Dropped`].
    pub async fn plan_key_generation(
        &self,
        more: &[Credential],
    ) -> Result<Vec<PlannedSlot>, KeyGenerationError> {
        let slots = self.refreshed_slots().await?.1;
        let holders = self.holders(&slots, more).await?;
        Ok(holders.into_iter().map(|holder| holder.planned).collect())
    }

    /// Starts a generation of keys: everything is sealed under it from then on, by everybody.
    ///
    /// Slots of which the key is at hand (what opened the repository, and `more`) and those for
    /// recipients are made anew; the others open nothing that is written later, which is an error
    /// unless `drop_others`.
    ///
    /// # Errors
    ///
    /// Nothing has changed then, except after an error of the log, which may be written later all
    /// the same: [`LogError::InDoubt`].
    pub async fn start_key_generation(
        &self,
        more: &[Credential],
        drop_others: bool,
    ) -> Result<StartedGeneration, KeyGenerationError> {
        let (before, _) = self.refreshed_slots().await?;
        for _ in 0..MAX_ATTEMPTS {
            let (now, slots) = self.refreshed_slots().await?;
            if now != before {
                return Err(KeyGenerationError::StartedByAnother { generation: now });
            }
            let holders = self.holders(&slots, more).await?;
            let others: Vec<_> = holders
                .iter()
                .filter(|holder| holder.spec.is_none())
                .map(|holder| holder.planned.name.clone())
                .collect();
            if !others.is_empty() && !drop_others {
                return Err(KeyGenerationError::NeedsOwners { slots: others });
            }
            let mut written = Vec::new();
            let started = self.start_with(&holders, &slots, more, &mut written).await;
            match started {
                Ok(Some(mut started)) => {
                    started.left = self.clear_away(&slots).await;
                    self.fold().await;
                    return Ok(started);
                }
                // Nothing names what was written, nor can anything that is under way.
                Ok(None) => self.delete_all(written).await,
                Err(error @ KeyGenerationError::Log(AppendError::Log(_))) => return Err(error),
                Err(error) => {
                    self.delete_all(written).await;
                    // Whoever was first clears away what can no longer be named.
                    return match self.refreshed_slots().await {
                        Ok((now, _)) if now != before => {
                            Err(KeyGenerationError::StartedByAnother { generation: now })
                        }
                        _ => Err(error),
                    };
                }
            }
        }
        Err(KeyGenerationError::Outrun)
    }

    /// The newest key generation and the slots, at the end of the log.
    async fn refreshed_slots(
        &self,
    ) -> Result<(u32, BTreeMap<String, ObjectHash>), KeyGenerationError> {
        let mut chain = self.chain().await;
        chain.refresh().await?;
        let state = chain.state();
        Ok((state.key_generation, state.slots.clone()))
    }

    async fn holders(
        &self,
        slots: &BTreeMap<String, ObjectHash>,
        more: &[Credential],
    ) -> Result<Vec<Holder>, KeyGenerationError> {
        let mut holders = Vec::new();
        for (name, hash) in slots {
            let object = ObjectName::parse(name).map_err(LogError::from)?;
            let bytes = match self.store().get(&object, MAX_META).await {
                Ok(bytes) => Some(bytes),
                Err(error) if error.is_missing() || error.is_damage() => None,
                Err(error) => return Err(error.into()),
            };
            let claimed = bytes
                .filter(|bytes| ObjectHash::of(bytes) == *hash)
                .and_then(|bytes| ClaimedSlot::parse(name, &bytes).ok());
            let (label, found) = match &claimed {
                None => (String::new(), Err("its object is damaged or missing")),
                Some(slot) => {
                    let spec = self.same_holder(slot, more)?;
                    let found = spec.ok_or("its key is not at hand");
                    (slot.label().to_owned(), found)
                }
            };
            let fate = match &found {
                Ok(_) => SlotFate::Renewed,
                Err(why) => SlotFate::Dropped(why),
            };
            holders.push(Holder {
                planned: PlannedSlot {
                    name: name.clone(),
                    label,
                    fate,
                },
                spec: found.ok(),
            });
        }
        Ok(holders)
    }

    fn same_holder(
        &self,
        slot: &ClaimedSlot,
        more: &[Credential],
    ) -> Result<Option<SlotSpec>, SlotError> {
        let limits = self.slot_keys.limits();
        for credentials in [&self.slot_keys.credentials[..], more] {
            match same_holder(slot, credentials, &limits) {
                Ok(None) => {}
                // Nobody can open such a slot: its holder has another, or needs one.
                Err(error) if error.is_damage() => return Ok(None),
                found => return found,
            }
        }
        Ok(None)
    }

    /// Writes the new generation and its slots and starts it; `None` if slots were changed
    /// meanwhile. What it wrote stands in `written`.
    async fn start_with(
        &self,
        holders: &[Holder],
        slots: &BTreeMap<String, ObjectHash>,
        more: &[Credential],
        written: &mut Vec<ObjectName>,
    ) -> Result<Option<StartedGeneration>, KeyGenerationError> {
        let (keys, new) = self.keys().start_generation()?;
        let bytes = Bytes::from(new.bytes);
        written.push(new.name.clone());
        self.write(&new.name, &bytes).await?;
        let hash = ObjectHash::of(&bytes);
        let mut made = Vec::new();
        let mut successors = Vec::new();
        let mut proven = false;
        for holder in holders {
            let Some(spec) = &holder.spec else {
                successors.push((holder.planned.clone(), None));
                continue;
            };
            let now = self.clock().unix_ms();
            let label = &holder.planned.label;
            let NewSlot { name, bytes, .. } = new_slot(&keys, self.format(), spec, label, now)?;
            let bytes = Bytes::from(bytes);
            written.push(name.clone());
            self.write(&name, &bytes).await?;
            let wanted = (new.generation, new.commitment);
            proven |= self.prove(&name, &bytes, spec, more, wanted).await?;
            made.push((name.as_str().to_owned(), ObjectHash::of(&bytes)));
            successors.push((holder.planned.clone(), Some(name)));
        }
        if !proven {
            return Err(KeyGenerationError::NotProven);
        }
        let entry = Generation {
            number: new.generation,
            hash,
            commitment: new.commitment,
            slots: made,
        };
        if let Some((number, material)) = keys.current_material() {
            self.slot_keys.offer(number, material);
        }
        let before = new.generation - 1;
        let appended = self
            .chain()
            .await
            .append::<NotStarted>(|state| say(state, &entry, before, slots))
            .await;
        match appended {
            Ok(_) => Ok(Some(StartedGeneration {
                generation: new.generation,
                slots: successors,
                left: Vec::new(),
            })),
            Err(NotStarted::SlotsChanged) => Ok(None),
            Err(NotStarted::ByAnother(generation)) => {
                Err(KeyGenerationError::StartedByAnother { generation })
            }
            Err(NotStarted::Failed(error)) => Err(error.into()),
        }
    }

    /// Stores an object and reads it back.
    async fn write(&self, name: &ObjectName, bytes: &Bytes) -> Result<(), KeyGenerationError> {
        self.store().put(name, bytes.clone()).await?;
        if self.store().get(name, MAX_META).await? != *bytes {
            return Err(KeyGenerationError::ReadBack {
                object: name.clone(),
            });
        }
        Ok(())
    }

    /// Opens a new slot, and all that it leads to, as its holder will; `false` if only they can.
    async fn prove(
        &self,
        name: &ObjectName,
        bytes: &[u8],
        spec: &SlotSpec,
        more: &[Credential],
        wanted: (u32, KeyCommitment),
    ) -> Result<bool, KeyGenerationError> {
        // It has just been derived with as much.
        let mut limits = self.slot_keys.limits();
        limits.memory_budget = u64::MAX;
        let open =
            |credentials: &[Credential]| open_slot(name.as_str(), bytes, credentials, &limits);
        let opened = if let Some(own) = Credential::of(spec) {
            open(&[own])
        } else {
            let first = open(&self.slot_keys.credentials);
            first.or_else(|error| open(more).map_err(|_| error))
        };
        let opened = match opened {
            Ok(opened) => opened,
            // Whoever has the identity is elsewhere.
            Err(error) if error.is_wrong_key() && Credential::of(spec).is_none() => {
                return Ok(false);
            }
            Err(error) => return Err(error.into()),
        };
        let keys = opened.into_keyring(std::sync::Arc::clone(self.keys().entropy()));
        let failed = |error| KeyGenerationError::Opened(Box::new(error));
        let (number, commitment) = wanted;
        if keys.commitment(number) != Some(commitment) {
            return Err(KeyGenerationError::ReadBack {
                object: name.clone(),
            });
        }
        self.lead_down(&keys).await.map_err(failed)?;
        Ok(true)
    }

    /// Adds all older generations.
    async fn lead_down(&self, keys: &Keyring) -> Result<(), RepositoryError> {
        while let Some(generation) = keys.needs_older() {
            let Some(name) = keys.generation_name(generation) else {
                break;
            };
            let sealed = self.store().get(&name, MAX_META).await?;
            keys.add_older(generation, &sealed)?;
        }
        Ok(())
    }

    /// Deletes slots that the new generation has replaced, and what is left of others that were
    /// never started; gives what could not be deleted.
    async fn clear_away(&self, old: &BTreeMap<String, ObjectHash>) -> Vec<String> {
        let mut stale: Vec<_> = old
            .keys()
            .filter_map(|n| ObjectName::parse(n).ok())
            .collect();
        match self.leftovers().await {
            Ok(leftovers) => stale.extend(leftovers),
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "cannot look for what is left of older generations of keys"
            ),
        }
        stale.sort_unstable();
        stale.dedup();
        match self.store().delete(stale.clone()).await {
            Ok(()) => Vec::new(),
            Err(error) => {
                tracing::warn!(why = explain(&error), "old slots could not be deleted");
                stale.iter().map(ToString::to_string).collect()
            }
        }
    }

    /// Slots of older generations that the log does not name, and objects of generations that
    /// were never started: the log can never name them.
    async fn leftovers(&self) -> Result<Vec<ObjectName>, KeyGenerationError> {
        let (newest, slots) = self.refreshed_slots().await?;
        let folder = Folder::parse("meta").map_err(LogError::from)?;
        let mut leftovers = Vec::new();
        for info in self.store().list(&folder).await? {
            let name = info.name.as_str();
            if let Some(rest) = name.strip_prefix("meta/generations/") {
                let number = rest
                    .split_once('-')
                    .and_then(|(n, _)| n.parse::<u32>().ok());
                let Some(number) = number.filter(|number| *number <= newest) else {
                    continue;
                };
                let meant = self.keys().generation_name(number);
                if meant.is_some_and(|meant| meant != info.name) {
                    leftovers.push(info.name);
                }
            } else if name.starts_with("meta/slots/") && !slots.contains_key(name) {
                let bytes = match self.store().get(&info.name, MAX_META).await {
                    Ok(bytes) => bytes,
                    Err(error) if error.is_missing() => continue,
                    Err(error) => return Err(error.into()),
                };
                let claimed = ClaimedSlot::parse(name, &bytes);
                if claimed.is_ok_and(|slot| slot.generation() < newest) {
                    leftovers.push(info.name);
                }
            }
        }
        Ok(leftovers)
    }

    /// Deletes what nothing names. That it cannot be deleted is no failure: it opens nothing.
    async fn delete_all(&self, names: Vec<ObjectName>) {
        if let Err(error) = self.store().delete(names).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "what was prepared could not be deleted"
            );
        }
    }

    /// Writes a fold, so that nobody who opens the repository from now on needs an old one. One
    /// that cannot be written is written by somebody else later.
    async fn fold(&self) {
        if let Err(error) = self.chain().await.fold().await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "no fold was written"
            );
        }
    }
}

/// Why a generation is not started.
enum NotStarted {
    SlotsChanged,
    ByAnother(u32),
    Failed(AppendError),
}

impl From<AppendError> for NotStarted {
    fn from(error: AppendError) -> Self {
        Self::Failed(error)
    }
}

fn say(
    state: &State,
    entry: &Generation,
    before: u32,
    slots: &BTreeMap<String, ObjectHash>,
) -> Result<Body, NotStarted> {
    if state.key_generation != before {
        Err(NotStarted::ByAnother(state.key_generation))
    } else if state.slots != *slots {
        Err(NotStarted::SlotsChanged)
    } else {
        Ok(Body::Generation(entry.clone()))
    }
}
