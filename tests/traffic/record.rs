//! What everybody has done: which snapshots there must be, and what is in them.

use std::collections::{BTreeMap, BTreeSet};

use parking_lot::Mutex;

/// Whose backup, at which of its steps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Made {
    pub(crate) volume: usize,
    pub(crate) step: u64,
}

/// Shared by all who work.
#[derive(Default)]
pub(crate) struct Record {
    all: Mutex<All>,
}

#[derive(Default)]
struct All {
    /// Every snapshot that a backup has reported as done.
    made: BTreeMap<String, Made>,
    /// Those that somebody was told to forget by name, before that was done.
    doomed: BTreeSet<String>,
    /// What went wrong: who, and what was said.
    failures: Vec<String>,
    /// Of each kind of command, the peaks of memory in KiB, in order.
    peaks: BTreeMap<&'static str, Vec<u64>>,
}

impl Record {
    pub(crate) fn made(&self, snapshot: String, made: Made) {
        self.all.lock().made.insert(snapshot, made);
    }

    pub(crate) fn get(&self, snapshot: &str) -> Option<Made> {
        self.all.lock().made.get(snapshot).copied()
    }

    /// Some snapshot that is not to be forgotten yet and is not the newest of its volume, and that
    /// it is from now on; the `number`-th of them.
    pub(crate) fn doom(&self, number: usize) -> Option<String> {
        let mut all = self.all.lock();
        let newest = newest(&all.made);
        let left: Vec<_> = all
            .made
            .keys()
            .filter(|id| !all.doomed.contains(*id) && !newest.contains(*id))
            .cloned()
            .collect();
        let chosen = left.get(number.checked_rem(left.len())?)?.clone();
        all.doomed.insert(chosen.clone());
        Some(chosen)
    }

    /// The newest snapshot of each volume: nobody forgets them.
    pub(crate) fn newest(&self) -> BTreeSet<String> {
        newest(&self.all.lock().made)
    }

    /// Those that were forgotten by name.
    pub(crate) fn doomed(&self) -> BTreeSet<String> {
        self.all.lock().doomed.clone()
    }

    pub(crate) fn failed(&self, what: String) {
        self.all.lock().failures.push(what);
    }

    pub(crate) fn failures(&self) -> Vec<String> {
        self.all.lock().failures.clone()
    }

    pub(crate) fn peak(&self, kind: &'static str, kib: u64) {
        self.all.lock().peaks.entry(kind).or_default().push(kib);
    }

    pub(crate) fn peaks(&self) -> BTreeMap<&'static str, Vec<u64>> {
        self.all.lock().peaks.clone()
    }

    pub(crate) fn len(&self) -> usize {
        self.all.lock().made.len()
    }
}

fn newest(made: &BTreeMap<String, Made>) -> BTreeSet<String> {
    let mut newest: BTreeMap<usize, (&String, u64)> = BTreeMap::new();
    for (id, made) in made {
        let best = newest.entry(made.volume).or_insert((id, made.step));
        if made.step > best.1 {
            *best = (id, made.step);
        }
    }
    newest.into_values().map(|(id, _)| id.clone()).collect()
}
