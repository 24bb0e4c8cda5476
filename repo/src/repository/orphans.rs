//! Packs that a dead session has stored and no entry names.

use super::Repository;
use crate::log::State;
use crate::model::{ObjectHash, ObjectName, PackName, SessionId};
use crate::pack::{PackDirectory, PackError, verify_and_hash};
use crate::store::{Folder, ObjectInfo, StoreError};

/// A pack that no entry names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OrphanPack {
    /// Its name.
    pub name: PackName,
    /// Its length in bytes, as listed.
    pub len: u64,
}

impl Repository {
    /// The packs of a dead session that were stored after those which an entry of `state` names,
    /// ascending. A name that a `Sweep` has named is dead and not among them.
    pub async fn orphan_packs(
        &self,
        state: &State,
        session: SessionId,
    ) -> Result<Vec<OrphanPack>, StoreError> {
        let folder = Folder::packs_of(session);
        let after = state
            .packs
            .last_of(session)
            .max(state.swept.last_of(session));
        let listed = match after {
            Some(last) => {
                let last = ObjectName::pack(last);
                self.store().list_after(&folder, &last).await?
            }
            None => self.store().list(&folder).await?,
        };
        let known = |pack| state.packs.contains(pack) || state.swept.contains(pack);
        let number = |info: &ObjectInfo| folder.rest(&info.name)?.parse().ok();
        let orphan = |info: ObjectInfo| {
            let name = PackName {
                session,
                number: number(&info)?,
            };
            // Numbers with more or fewer digits than ten are no names of packs.
            let is_orphan = ObjectName::pack(name) == info.name && !known(name);
            is_orphan.then_some(OrphanPack {
                name,
                len: info.len,
            })
        };
        Ok(listed.into_iter().filter_map(orphan).collect())
    }

    /// Reads a pack whole, which takes its length in memory, and checks every byte of it; gives
    /// what is in it and the hash of the object.
    pub async fn verify_orphan(
        &self,
        orphan: OrphanPack,
    ) -> Result<(PackDirectory, ObjectHash), PackError> {
        let name = ObjectName::pack(orphan.name);
        let bytes = self.store().get(&name, orphan.len).await;
        let bytes = bytes.map_err(|source| PackError::Store {
            pack: orphan.name,
            len: orphan.len,
            source,
        })?;
        verify_and_hash(&bytes, self.keys(), orphan.name)
    }
}
