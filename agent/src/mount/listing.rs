//! A folder that is read from its first name to its last.
//!
//! The kernel reads a folder in pieces and goes on from a number that it was given with each name:
//! here the number of names before. What was read last is kept, since the kernel often asks for
//! the last few again; anything further back is found from the nearest mark.

use std::sync::Arc;

use fuser::{Errno, FileAttr};
use orlop_repo::tree::{EntryKey, KeyRange};
use parking_lot::Mutex;

use super::attributes::attributes;
use super::node::{Placed, Traits, number_of};
use super::problems::Problems;
use super::trouble::Trouble;

/// Names that are read at once.
const BATCH: usize = 1024;
/// Longest name that the kernel takes from a file system like this one.
const MAX_NAME: usize = 1023;

/// An open folder of a snapshot.
pub(super) struct Listing {
    pub(super) folder: Arc<Placed>,
    key: EntryKey,
    read: Mutex<Read>,
}

/// A name in a folder.
pub(super) struct Item {
    pub(super) name: Vec<u8>,
    pub(super) attributes: FileAttr,
    pub(super) traits: Traits,
}

#[derive(Default)]
struct Read {
    /// Number of the first of `items`.
    first: u64,
    /// What was read last.
    items: Vec<Item>,
    /// Whether the folder ends with them.
    complete: bool,
    /// Whether there are names that cannot be read.
    lost: bool,
    /// Where batches began: the number of names before, and the last of them.
    marks: Vec<(u64, Vec<u8>)>,
}

impl Listing {
    pub(super) fn new(folder: Arc<Placed>) -> Result<Self, Trouble> {
        let key = folder.key().map_err(|_| Trouble::NONE)?;
        Ok(Self {
            folder,
            key,
            read: Mutex::default(),
        })
    }

    /// Gives the names from number `from` on, with their numbers, until `full`. Blocks.
    ///
    /// # Errors
    ///
    /// Of pages that the store does not give; and [`Errno::EIO`], when all others were given, if
    /// some names are lost with a damaged page.
    pub(super) fn names(
        &self,
        from: u64,
        problems: &Problems,
        mut full: impl FnMut(u64, &Item) -> bool,
    ) -> Result<(), Trouble> {
        let mut read = self.read.lock();
        let mut number = from;
        while self.find(&mut read, number, problems)? {
            let skip = usize::try_from(number - read.first).unwrap_or(usize::MAX);
            for item in read.items.iter().skip(skip) {
                if full(number, item) {
                    return Ok(());
                }
                number += 1;
            }
        }
        // Whoever lists a folder must not take a part of it for all.
        if read.lost && number == from {
            return Err(Trouble::Plain(Errno::EIO));
        }
        Ok(())
    }

    /// Reads on or back until the name with that number is there; `false` if there are not so many.
    fn find(&self, read: &mut Read, number: u64, problems: &Problems) -> Result<bool, Trouble> {
        if number < read.first {
            let mark = read.marks.iter().rev().find(|(at, _)| *at <= number);
            let (first, last) = mark.cloned().unwrap_or_default();
            read.first = first;
            self.batch(read, &last, problems)?;
        }
        loop {
            let end = read.first + read.items.len() as u64;
            if number < end {
                return Ok(true);
            }
            if read.complete {
                return Ok(false);
            }
            let last = read.items.last().map(|item| item.name.clone());
            let last = last.unwrap_or_default();
            read.first = end;
            if read.marks.last().is_none_or(|(at, _)| *at < end) {
                read.marks.push((end, last.clone()));
            }
            self.batch(read, &last, problems)?;
        }
    }

    /// Replaces what was read last by what follows the name `last`; empty is the beginning.
    fn batch(&self, read: &mut Read, last: &[u8], problems: &Problems) -> Result<(), Trouble> {
        let (prefix, tree) = (self.key.prefix(), &self.folder.tree);
        let mut range = KeyRange::children(&self.key);
        if !last.is_empty() {
            let last = EntryKey::new(&prefix, last).map_err(|_| Trouble::NONE)?;
            range = range.after(&last);
        }
        read.items.clear();
        read.complete = false;
        for located in tree.entries(range) {
            let entry = match located {
                Ok(located) => located.entry,
                Err(failure) if failure.source.is_damage() => {
                    read.lost = true;
                    let trouble = Trouble::from(failure);
                    if let Some(words) = trouble.words(tree.snapshot.id) {
                        problems.tell(self.folder.path(), words);
                    }
                    continue;
                }
                Err(failure) => return Err(failure.into()),
            };
            let number = number_of(tree.snapshot.id, &prefix, &entry);
            let shown = attributes(number, &entry).filter(|_| entry.name.len() <= MAX_NAME);
            let Some(attributes) = shown else {
                let mut path = self.folder.path();
                path.push(b'/');
                path.extend_from_slice(&entry.name);
                problems.tell(
                    path,
                    "left out: the kernel has no such kind or name".to_owned(),
                );
                continue;
            };
            read.items.push(Item {
                attributes,
                traits: Traits::of(&entry),
                name: entry.name,
            });
            if read.items.len() == BATCH {
                return Ok(());
            }
        }
        read.complete = true;
        Ok(())
    }
}
