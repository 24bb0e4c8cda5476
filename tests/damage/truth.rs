//! What snapshots hold, and whether a restore brings nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

/// An archive of a snapshot, as it was when nothing was damaged.
pub(crate) struct Truth {
    archive: Vec<u8>,
    entries: BTreeMap<Vec<u8>, Entry>,
}

#[derive(PartialEq, Eq, Debug)]
struct Entry {
    /// Everything of the header but the length: kind, mode, owner, times, link.
    header: String,
    content: Vec<u8>,
}

impl Truth {
    pub(crate) fn new(archive: Vec<u8>) -> Self {
        let entries = entries(&archive);
        Self { archive, entries }
    }

    pub(crate) fn content(&self, path: &str) -> Option<&[u8]> {
        let entry = self.entries.get(path.as_bytes())?;
        Some(&entry.content)
    }

    /// Holds what was restored against the truth: whatever is not named is right.
    #[track_caller]
    pub(crate) fn compare(&self, restored: &Restored, context: &str) {
        if restored.is_complete() {
            assert!(restored.archive == self.archive, "{context}: wrong data");
            return;
        }
        let found = entries(&restored.archive);
        for (path, entry) in &found {
            let Some(right) = self.entries.get(path) else {
                panic!("{context}: {path:?} is not in the snapshot");
            };
            if !restored.damaged.contains(path) {
                assert!(entry == right, "{context}: {path:?} is wrong and not named");
                continue;
            }
            assert_eq!(entry.content.len(), right.content.len());
            let mut bytes = entry.content.iter().zip(&right.content);
            assert!(
                bytes.all(|(found, right)| found == right || *found == 0),
                "{context}: {path:?} holds what it never held"
            );
        }
        if restored.lost_pages == 0 {
            assert_eq!(found.len(), self.entries.len(), "{context}");
        }
    }
}

/// What a restore brought.
pub(crate) struct Restored {
    pub(crate) archive: Vec<u8>,
    /// Files that it named as damaged.
    pub(crate) damaged: BTreeSet<Vec<u8>>,
    /// Pages of the tree that it named as lost.
    pub(crate) lost_pages: usize,
}

impl Restored {
    pub(crate) fn is_complete(&self) -> bool {
        self.damaged.is_empty() && self.lost_pages == 0
    }
}

fn entries(archive: &[u8]) -> BTreeMap<Vec<u8>, Entry> {
    let mut archive = ::tar::Archive::new(archive);
    let mut found = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut path = entry.path_bytes().into_owned();
        if path.last() == Some(&b'/') {
            path.pop();
        }
        let header = entry.header();
        let header = format!(
            "{:?} {:?} {:?} {:?} {:?} {:?}",
            header.entry_type(),
            header.mode(),
            header.uid(),
            header.gid(),
            header.mtime(),
            entry.link_name_bytes()
        );
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        found.insert(path, Entry { header, content });
    }
    found
}
