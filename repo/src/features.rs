//! What a program must know before it reads, writes or collects a repository.

use std::collections::BTreeSet;

/// Names that must be known, in three sets: from the format object, and raised by the log.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Features {
    /// Needed to read anything.
    pub read: BTreeSet<String>,
    /// Needed to append or upload anything.
    pub write: BTreeSet<String>,
    /// Needed to run maintenance.
    pub collect: BTreeSet<String>,
}

/// What this program may do in a repository. Each step includes those before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Access {
    /// Nothing: reading needs a newer program.
    None,
    /// Reading: writing needs a newer program.
    Read,
    /// Reading and writing, no maintenance: that needs a newer program.
    Write,
    /// Everything.
    Full,
}

/// The features that this program knows. Version 1 defines none.
const KNOWN: [&str; 0] = [];

impl Features {
    /// What a program that knows what this one knows may do.
    pub fn access(&self) -> Access {
        let known = |names: &BTreeSet<String>| names.iter().all(|name| is_known(name));
        if !known(&self.read) {
            Access::None
        } else if !known(&self.write) {
            Access::Read
        } else if !known(&self.collect) {
            Access::Write
        } else {
            Access::Full
        }
    }

    /// The names that this program does not know, ascending: what to tell a person.
    pub fn unknown(&self) -> BTreeSet<&str> {
        [&self.read, &self.write, &self.collect]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .filter(|name| !is_known(name))
            .collect()
    }

    /// Adds the names of `other`: features are raised, never taken back.
    pub fn raise(&mut self, other: &Self) {
        self.read.extend(other.read.iter().cloned());
        self.write.extend(other.write.iter().cloned());
        self.collect.extend(other.collect.iter().cloned());
    }
}

fn is_known(name: &str) -> bool {
    KNOWN.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str) -> BTreeSet<String> {
        BTreeSet::from([name.to_owned()])
    }

    #[test]
    fn an_unknown_name_takes_away_what_its_set_says() {
        let mut features = Features::default();
        assert_eq!(features.access(), Access::Full);
        features.raise(&Features {
            collect: set("c"),
            ..Features::default()
        });
        assert_eq!(features.access(), Access::Write);
        features.raise(&Features {
            write: set("w"),
            ..Features::default()
        });
        assert_eq!(features.access(), Access::Read);
        features.raise(&Features {
            read: set("r"),
            ..Features::default()
        });
        assert_eq!(features.access(), Access::None);
        assert_eq!(features.unknown(), BTreeSet::from(["c", "r", "w"]));
    }
}
