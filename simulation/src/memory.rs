//! What the store holds.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use orlop_repo::model::ObjectName;
use orlop_repo::store::{Folder, ObjectInfo};

use crate::random::Random;

/// Turns for which a listing may lag behind.
const LAG: u64 = 40;

/// Objects, and those that went a moment ago.
#[derive(Clone, Default)]
pub(crate) struct Memory {
    objects: BTreeMap<ObjectName, Object>,
    /// What was deleted, and in which turn: a listing may still show it.
    ghosts: BTreeMap<ObjectName, (Object, u64)>,
    /// Hash of what was first stored under a name.
    bound: HashMap<ObjectName, [u8; 32]>,
}

#[derive(Clone)]
struct Object {
    bytes: Bytes,
    modified_ms: u64,
    turn: u64,
}

impl Memory {
    pub(crate) fn get(&self, name: &ObjectName) -> Option<&Bytes> {
        self.objects.get(name).map(|object| &object.bytes)
    }

    pub(crate) fn info(&self, name: &ObjectName) -> Option<ObjectInfo> {
        self.objects.get(name).map(|object| info(name, object))
    }

    /// Names that begin so.
    pub(crate) fn names(&self, prefix: &str) -> Vec<ObjectName> {
        let names = self.objects.keys();
        names
            .filter(|name| name.as_str().starts_with(prefix))
            .cloned()
            .collect()
    }

    /// Stores an object; `false` if other bytes were stored under that name before.
    pub(crate) fn put(&mut self, name: &ObjectName, bytes: Bytes, now_ms: u64, turn: u64) -> bool {
        let hash = *blake3::hash(&bytes).as_bytes();
        let first = *self.bound.entry(name.clone()).or_insert(hash);
        let object = Object {
            bytes,
            modified_ms: now_ms,
            turn,
        };
        self.objects.insert(name.clone(), object);
        first == hash
    }

    /// Deletes an object; says whether it was there.
    pub(crate) fn delete(&mut self, name: &ObjectName, turn: u64) -> bool {
        let Some(object) = self.objects.remove(name) else {
            return false;
        };
        self.ghosts.insert(name.clone(), (object, turn));
        true
    }

    /// What a listing shows. One that lags lacks some of what was stored a moment ago, and shows
    /// some of what is gone.
    pub(crate) fn list(
        &self,
        folder: &Folder,
        after: Option<&ObjectName>,
        mut lags: Option<&mut Random>,
        turn: u64,
    ) -> Vec<ObjectInfo> {
        let wanted =
            |name: &&ObjectName| folder.contains(name) && after.is_none_or(|after| *name > after);
        let mut found = Vec::new();
        for (name, object) in self.objects.iter().filter(|(name, _)| wanted(name)) {
            // What stood there when the repository was made has been seen by everybody.
            let is_new = object.turn > 0 && object.turn + LAG > turn;
            let lacks = is_new && lags.as_mut().is_some_and(|random| random.chance(500));
            if !lacks {
                found.push(info(name, object));
            }
        }
        if let Some(random) = lags {
            for (name, (object, gone)) in self.ghosts.iter().filter(|(name, _)| wanted(name)) {
                let shows = gone + LAG > turn && random.chance(500);
                if shows && !self.objects.contains_key(name) {
                    found.push(info(name, object));
                }
            }
        }
        found
    }

    /// Folders directly in `folder`.
    pub(crate) fn folders(&self, folder: &Folder) -> Vec<Folder> {
        let names = self.objects.keys();
        let mut found: Vec<_> = names
            .filter_map(|name| folder.rest(name)?.split_once('/'))
            .filter_map(|(first, _)| folder.folder(first).ok())
            .collect();
        found.dedup();
        found
    }
}

fn info(name: &ObjectName, object: &Object) -> ObjectInfo {
    ObjectInfo {
        name: name.clone(),
        len: object.bytes.len() as u64,
        modified: SystemTime::UNIX_EPOCH + Duration::from_millis(object.modified_ms),
    }
}
