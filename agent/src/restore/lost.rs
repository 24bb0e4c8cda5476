//! Pages of the tree that cannot be read, and the entries that are missing with them.

use orlop_chunker::ChunkId;
use orlop_repo::explain::explain;
use orlop_repo::model::SnapshotId;
use orlop_repo::repository::TreeError;
use orlop_repo::tree::{KeyRange, PageFailure};

/// A page of the tree that could not be read: what stands below it is missing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct LostPage {
    /// Path in the snapshot of the first entry below it; empty is the top folder.
    pub path: Vec<u8>,
    /// Which entries of which snapshot are missing, which object they stand in, at which offset,
    /// and why they cannot be read; as a sentence without capital and full stop.
    pub what: String,
    /// Its id.
    pub(crate) page: ChunkId,
}

impl LostPage {
    pub(crate) fn new(snapshot: SnapshotId, failure: &PageFailure<TreeError>) -> Self {
        Self {
            path: failure.first_path(),
            what: format!("snapshot {snapshot:.8}: {}", explain(failure)),
            page: failure.page.id,
        }
    }
}

/// Ranges of keys of which nothing is known, in ascending order, none touching another.
#[derive(Default)]
pub(super) struct Holes(Vec<KeyRange>);

impl Holes {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a range. Ranges come in ascending order, and may come twice.
    pub(super) fn add(&mut self, range: &KeyRange) {
        if let Some(last) = self.0.last_mut() {
            if last.end().is_none_or(|end| range.start() < end) {
                return;
            }
            if let Some(joined) = last.joined(range) {
                *last = joined;
                return;
            }
        }
        self.0.push(range.clone());
    }

    /// Whether the entry `name` of the folder with the prefix `parent` may be in one of them.
    pub(super) fn hide(&self, parent: &[u8], name: &[u8]) -> bool {
        let after = self
            .0
            .partition_point(|range| range.begins_by(parent, name));
        let range = after.checked_sub(1).and_then(|last| self.0.get(last));
        range.is_some_and(|range| range.holds(parent, name))
    }
}

#[cfg(test)]
mod tests {
    use orlop_repo::tree::EntryKey;

    use super::*;

    #[test]
    fn holes_hide_what_is_in_them() {
        let key = |path: &str| EntryKey::from_path(path.as_bytes()).unwrap();
        let mut holes = Holes::default();
        assert!(!holes.hide(b"", b"a"));
        let ranges = ["b", "c", "m"].map(|folder| KeyRange::descendants(&key(folder)));
        for range in &ranges {
            holes.add(range);
            holes.add(range);
        }
        for path in ["b/x", "c/y/z", "m/a"] {
            let key = key(path);
            assert!(holes.hide(key.parent(), key.name()), "{path}");
        }
        for path in ["", "a", "b", "c", "d/x", "m", "n/x"] {
            let key = key(path);
            assert!(!holes.hide(key.parent(), key.name()), "{path}");
        }
    }

    #[test]
    fn a_hole_that_reaches_to_the_end_hides_all_that_follows() {
        let mut holes = Holes::default();
        let key = EntryKey::from_path(b"m").unwrap();
        holes.add(&KeyRange::from(&key));
        holes.add(&KeyRange::descendants(&key));
        assert!(holes.hide(b"", b"m") && holes.hide(b"z\0", b"a"));
        assert!(!holes.hide(b"", b"l"));
    }
}
