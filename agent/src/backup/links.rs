//! Files with several names: what this run has read under one is not read again under another.

use std::collections::{BTreeMap, HashMap};

use crate::fs::{Identity, Stat, Time};

/// What became of inodes that have further names, as much of it as fits.
///
/// A name whose inode was dropped, or has moved since, is read again: its chunks deduplicate.
pub(super) struct Links<T> {
    capacity: u64,
    bytes: u64,
    kept: HashMap<Identity, Kept<T>>,
    /// Inodes by age.
    ages: BTreeMap<u64, Identity>,
    next: u64,
}

struct Kept<T> {
    age: u64,
    bytes: u64,
    /// Names that may still come.
    names: u32,
    state: State,
    value: T,
}

/// What tells whether an inode has moved.
#[derive(Clone, Copy, PartialEq, Eq)]
struct State {
    size: u64,
    mtime: Time,
    ctime: Time,
}

impl State {
    fn of(stat: &Stat) -> Self {
        Self {
            size: stat.size,
            mtime: stat.mtime,
            ctime: stat.ctime,
        }
    }
}

impl<T: Clone> Links<T> {
    /// Keeps up to `capacity` bytes.
    pub(super) fn new(capacity: u64) -> Self {
        Self {
            capacity,
            bytes: 0,
            kept: HashMap::new(),
            ages: BTreeMap::new(),
            next: 0,
        }
    }

    /// Notes what became of an inode that was read without a change; `bytes` is what the value
    /// takes.
    pub(super) fn keep(&mut self, stat: &Stat, value: T, bytes: u64) {
        let Some(names) = stat.links.checked_sub(1).filter(|names| *names > 0) else {
            return;
        };
        let size = size_of::<(Identity, Kept<T>, u64, Identity)>() as u64 * 2;
        let bytes = bytes.saturating_add(size);
        if bytes > self.capacity {
            return;
        }
        self.drop(stat.identity);
        while self.bytes + bytes > self.capacity {
            let Some((_, oldest)) = self.ages.pop_first() else {
                break;
            };
            self.drop(oldest);
        }
        let age = self.next;
        self.next += 1;
        self.bytes += bytes;
        self.ages.insert(age, stat.identity);
        let state = State::of(stat);
        let kept = Kept {
            age,
            bytes,
            names,
            state,
            value,
        };
        self.kept.insert(stat.identity, kept);
    }

    /// What became of the inode under the name that it was read by, if it is the same still.
    pub(super) fn find(&mut self, stat: &Stat) -> Option<T> {
        if stat.links < 2 {
            return None;
        }
        let kept = self.kept.get_mut(&stat.identity)?;
        if kept.state != State::of(stat) {
            self.drop(stat.identity);
            return None;
        }
        kept.names = kept.names.saturating_sub(1);
        let (value, last) = (kept.value.clone(), kept.names == 0);
        if last {
            self.drop(stat.identity);
        }
        Some(value)
    }

    fn drop(&mut self, identity: Identity) {
        if let Some(kept) = self.kept.remove(&identity) {
            self.bytes -= kept.bytes;
            self.ages.remove(&kept.age);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::Kind;

    fn stat(ino: u64, links: u32) -> Stat {
        let time = Time { secs: 1, nanos: 0 };
        Stat {
            kind: Kind::File,
            mode: 0o644,
            uid: 0,
            gid: 0,
            size: 7,
            blocks: 8,
            links,
            identity: Identity { dev: 1, ino },
            device: (0, 0),
            mtime: time,
            ctime: time,
            birth: None,
            mount: None,
            mount_root: false,
        }
    }

    #[test]
    fn an_inode_is_kept_until_its_last_name() {
        let mut links = Links::new(1 << 20);
        links.keep(&stat(1, 3), 'a', 10);
        assert_eq!(links.find(&stat(2, 3)), None);
        assert_eq!(links.find(&stat(1, 3)), Some('a'));
        assert_eq!(links.find(&stat(1, 3)), Some('a'));
        assert_eq!(links.find(&stat(1, 3)), None, "all names have come");
        assert_eq!((links.bytes, links.ages.len()), (0, 0));
        links.keep(&stat(1, 1), 'a', 10);
        assert_eq!(links.find(&stat(1, 1)), None, "it has one name");
    }

    #[test]
    fn an_inode_that_moved_is_forgotten() {
        let mut links = Links::new(1 << 20);
        links.keep(&stat(1, 3), 'a', 10);
        let mut moved = stat(1, 3);
        moved.ctime.nanos = 1;
        assert_eq!(links.find(&moved), None);
        assert_eq!(links.find(&stat(1, 3)), None);
    }

    #[test]
    fn the_oldest_go_when_there_is_no_room() {
        let mut links = Links::new(100_000);
        for ino in 0..1000 {
            links.keep(&stat(ino, 9), ino, 1000);
            assert!(links.bytes <= 100_000);
        }
        assert_eq!(links.find(&stat(0, 9)), None);
        assert_eq!(links.find(&stat(999, 9)), Some(999));
        assert!(links.kept.len() > 50 && links.kept.len() == links.ages.len());
        links.keep(&stat(5, 9), 5, 200_000);
        assert_eq!(links.find(&stat(5, 9)), None, "larger than all there is");
    }
}
