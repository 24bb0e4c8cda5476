//! Ranges of keys: one entry, the children of a folder, all that is below it.

use std::cmp::Ordering;

use super::key::{EntryKey, compare};

/// A half-open range of keys.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyRange {
    start: Vec<u8>,
    /// First key past it; `None` is unbounded.
    end: Option<Vec<u8>>,
}

impl KeyRange {
    /// Every key.
    pub fn all() -> Self {
        Self {
            start: Vec::new(),
            end: None,
        }
    }

    /// `key` and whatever follows it.
    pub fn from(key: &EntryKey) -> Self {
        Self {
            start: key.as_bytes().to_vec(),
            end: None,
        }
    }

    /// Just `key`.
    pub fn entry(key: &EntryKey) -> Self {
        // No key lies between a key and itself with one more byte.
        let mut end = key.as_bytes().to_vec();
        end.push(0);
        Self {
            start: key.as_bytes().to_vec(),
            end: Some(end),
        }
    }

    /// The entries of the folder `key`, by name, without those below its subfolders.
    pub fn children(key: &EntryKey) -> Self {
        let prefix = key.prefix();
        let mut start = prefix.clone();
        start.push(0);
        if prefix.is_empty() {
            // The root itself is the first key with this prefix and no child of itself.
            start.push(1);
        }
        let mut end = prefix;
        end.push(1);
        Self {
            start,
            end: Some(end),
        }
    }

    /// All that is below the folder `key`, at any depth, without the folder itself.
    pub fn descendants(key: &EntryKey) -> Self {
        let mut end = key.prefix();
        if end.is_empty() {
            return Self {
                start: vec![0, 1],
                end: None,
            };
        }
        let start = end.clone();
        if let Some(last) = end.last_mut() {
            *last = 1;
        }
        Self {
            start,
            end: Some(end),
        }
    }

    /// What of it follows `key`: where a listing goes on.
    #[must_use]
    pub fn after(mut self, key: &EntryKey) -> Self {
        // No key lies between a key and itself with one more byte.
        let mut start = key.as_bytes().to_vec();
        start.push(0);
        self.start = self.start.max(start);
        self
    }

    /// From a key, which a page says, up to another one.
    pub(super) fn between(start: &[u8], end: Option<&[u8]>) -> Self {
        Self {
            start: start.to_vec(),
            end: end.map(<[u8]>::to_vec),
        }
    }

    /// Whether the key of (`parent`, `name`) is in it.
    pub fn holds(&self, parent: &[u8], name: &[u8]) -> bool {
        self.begins_by(parent, name)
            && self
                .end()
                .is_none_or(|end| compare(parent, name, end) == Ordering::Less)
    }

    /// Whether it starts at the key of (`parent`, `name`) or before.
    pub fn begins_by(&self, parent: &[u8], name: &[u8]) -> bool {
        compare(parent, name, &self.start) != Ordering::Less
    }

    /// Both ranges as one, if `next` starts where this one ends.
    #[must_use]
    pub fn joined(&self, next: &Self) -> Option<Self> {
        (self.end() == Some(next.start())).then(|| Self {
            start: self.start.clone(),
            end: next.end.clone(),
        })
    }

    /// Whether `key` is in it.
    pub fn contains(&self, key: &EntryKey) -> bool {
        key.as_bytes() >= self.start()
            && self
                .end()
                .is_none_or(|end| key.as_bytes().cmp(end) == Ordering::Less)
    }

    /// Where it starts: at the first key that is not less than these bytes.
    pub fn start(&self) -> &[u8] {
        &self.start
    }

    /// Where it ends: before the first key that is not less than these bytes.
    pub fn end(&self) -> Option<&[u8]> {
        self.end.as_deref()
    }

    /// Start and end.
    pub(super) fn into_bounds(self) -> (Vec<u8>, Option<Vec<u8>>) {
        (self.start, self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_joined_where_they_touch() {
        let one = KeyRange::between(b"\0a", Some(b"\0c"));
        let two = KeyRange::between(b"\0c", None);
        assert_eq!(one.joined(&two), Some(KeyRange::between(b"\0a", None)));
        assert_eq!(two.joined(&one), None);
        assert_eq!(one.joined(&KeyRange::between(b"\0d", None)), None);
        assert!(one.holds(b"", b"b") && !one.holds(b"", b"c") && two.holds(b"x\0", b"c"));
        assert!(one.begins_by(b"", b"z") && !one.begins_by(b"", b"A"));
    }

    #[test]
    fn ranges_hold_what_their_names_say() {
        let paths = [
            "", "a", "a.b", "a/b", "a/b/c", "a/b/c/d", "a/b0", "a0", "a0/b", "b", "b/\u{1}",
            "\u{1}", "\u{1}/x",
        ];
        for folder in paths {
            let key = EntryKey::from_path(folder.as_bytes()).unwrap();
            for path in paths {
                let other = EntryKey::from_path(path.as_bytes()).unwrap();
                let below = if folder.is_empty() {
                    (!path.is_empty()).then_some(path)
                } else {
                    path.strip_prefix(folder)
                        .and_then(|rest| rest.strip_prefix('/'))
                };
                let case = format!("{path:?} in {folder:?}");
                assert_eq!(
                    KeyRange::descendants(&key).contains(&other),
                    below.is_some(),
                    "{case}"
                );
                assert_eq!(
                    KeyRange::children(&key).contains(&other),
                    below.is_some_and(|rest| !rest.contains('/')),
                    "{case}"
                );
                assert_eq!(
                    KeyRange::entry(&key).contains(&other),
                    path == folder,
                    "{case}"
                );
                assert_eq!(KeyRange::from(&key).contains(&other), other >= key);
                let after = KeyRange::all().after(&key);
                assert_eq!(after.contains(&other), other > key, "{case}");
                let later = KeyRange::from(&other).after(&key);
                assert!(!later.contains(&key) && later.start() >= other.as_bytes());
                assert!(KeyRange::all().contains(&other));
            }
        }
    }
}
