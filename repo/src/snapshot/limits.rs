//! How long the record of a snapshot may be: it travels in one entry of the log.

use std::collections::BTreeMap;

use super::{MAX_PROBLEMS, Problem, Snapshot};

/// Longest name of a volume, in bytes.
pub const MAX_VOLUME: usize = 4 << 10;
/// Most bytes of all tags together: keys, values, and [`TAG_COST`] for each.
pub const MAX_TAGS: usize = 64 << 10;
/// What a tag counts beside its bytes: heads of two texts, and what programs make of them.
pub const TAG_COST: usize = 16;
/// Longest UID of an owner, and longest name of an engine, in bytes.
pub const MAX_NAME: usize = 1 << 10;
/// Longest path of a source, in bytes.
pub const MAX_SOURCE: usize = 64 << 10;
/// Most bytes of all problems together, paths and texts.
pub const MAX_PROBLEM_BYTES: usize = 64 << 10;
/// Longest record, in bytes, that keeps all of these.
pub const MAX_RECORD: usize = 256 << 10;

/// Something that names or describes a snapshot is too long.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabelError {
    /// One text.
    #[error("the {what} of a snapshot is {len} bytes long, and {max} are allowed")]
    TooLong {
        /// Which.
        what: &'static str,
        /// Its length.
        len: usize,
        /// The most.
        max: usize,
    },
    /// All tags.
    #[error(
        "the tags of a snapshot take {len} bytes, with {TAG_COST} for each, and {max} are allowed"
    )]
    Tags {
        /// Their length.
        len: usize,
        /// The most.
        max: usize,
    },
    /// The problems.
    #[error("the record of a snapshot names too many problems")]
    Problems,
}

/// Checks what the user says of a snapshot, before it is made.
pub fn check_labels(volume: &str, tags: &BTreeMap<String, String>) -> Result<(), LabelError> {
    check("volume name", volume.len(), MAX_VOLUME)?;
    let len = tags
        .iter()
        .map(|(key, value)| key.len() + value.len() + TAG_COST)
        .fold(0, usize::saturating_add);
    if len > MAX_TAGS {
        return Err(LabelError::Tags { len, max: MAX_TAGS });
    }
    Ok(())
}

fn check(what: &'static str, len: usize, max: usize) -> Result<(), LabelError> {
    if len > max {
        return Err(LabelError::TooLong { what, len, max });
    }
    Ok(())
}

impl Snapshot {
    /// Checks that the record stays below [`MAX_RECORD`].
    pub fn check(&self) -> Result<(), LabelError> {
        check_labels(&self.volume, &self.tags)?;
        let owner = self.owner.as_ref().map_or(0, String::len);
        check("owner", owner, MAX_NAME)?;
        check("engine", self.engine.len(), MAX_NAME)?;
        check("source path", self.source.len(), MAX_SOURCE)?;
        let problem = |problem: &Problem| problem.path.len() + problem.what.len();
        let bytes = self
            .problems
            .iter()
            .map(problem)
            .fold(0, usize::saturating_add);
        if self.problems.len() > MAX_PROBLEMS || bytes > MAX_PROBLEM_BYTES {
            return Err(LabelError::Problems);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::largest;
    use super::*;

    #[test]
    fn the_largest_record_is_within_its_bound() {
        let snapshot = largest();
        snapshot.check().unwrap();
        let len = minicbor::to_vec(&snapshot).unwrap().len();
        assert!(len <= MAX_RECORD && len > MAX_RECORD / 2, "{len}");
    }

    #[test]
    fn one_byte_more_of_anything_is_refused() {
        let refused = |change: fn(&mut Snapshot)| {
            let mut snapshot = largest();
            change(&mut snapshot);
            snapshot.check().is_err()
        };
        assert!(!refused(|_| {}));
        assert!(refused(|snapshot| snapshot.volume.push('x')));
        assert!(refused(|snapshot| snapshot.engine.push('x')));
        assert!(refused(|snapshot| snapshot
            .owner
            .as_mut()
            .unwrap()
            .push('x')));
        assert!(refused(|snapshot| snapshot.source.push(b'x')));
        assert!(refused(|snapshot| drop(
            snapshot.tags.insert("x".into(), "y".repeat(9))
        )));
        assert!(refused(|snapshot| snapshot.problems[0].what.push('x')));
        assert!(refused(|snapshot| {
            let mut problem = snapshot.problems[0].clone();
            (problem.path, problem.what) = (Vec::new(), String::new());
            snapshot.problems.push(problem);
        }));
    }
}
