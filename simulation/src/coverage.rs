//! What happened to which entries of the log.

use std::collections::BTreeMap;
use std::fmt;

use crate::fault::Fate;

/// The kinds of entries that the actors append.
pub const KINDS: [&str; 13] = [
    "begin",
    "checkpoint",
    "commit",
    "end",
    "kill",
    "forget",
    "unforget",
    "condemn",
    "sweep",
    "swept",
    "relocate",
    "merge-index",
    "fold",
];

/// How often what happened to the put of an entry of which kind.
#[derive(Clone, Default, Debug)]
pub struct Coverage(BTreeMap<(&'static str, Fate), u64>);

impl Coverage {
    /// Notes one put.
    pub fn note(&mut self, kind: &'static str, fate: Fate) {
        *self.0.entry((kind, fate)).or_default() += 1;
    }

    /// Adds those of another run.
    pub fn add(&mut self, other: &Self) {
        for (key, count) in &other.0 {
            *self.0.entry(*key).or_default() += count;
        }
    }

    /// Pairs that never came.
    pub fn missing(&self) -> Vec<(&'static str, Fate)> {
        let all = KINDS
            .iter()
            .flat_map(|kind| Fate::OF_PUTS.map(|fate| (*kind, fate)));
        all.filter(|pair| !self.0.contains_key(pair)).collect()
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:12}", "")?;
        for fate in Fate::OF_PUTS {
            write!(f, "{:>10}", fate.name())?;
        }
        writeln!(f)?;
        for kind in KINDS {
            write!(f, "{kind:12}")?;
            for fate in Fate::OF_PUTS {
                let count = self.0.get(&(kind, fate)).copied().unwrap_or(0);
                write!(f, "{count:>10}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
