//! Which snapshot the user means. Pure: no I/O.

use std::collections::BTreeMap;

use orlop_repo::model::SnapshotId;
use orlop_repo::snapshot::Snapshot;

/// The word for the newest snapshot.
pub const LATEST: &str = "latest";

/// How many matches an error lists.
const MAX_LISTED: usize = 10;

/// What a snapshot must have to be looked at.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct SnapshotFilter {
    /// Its volume, if that matters.
    pub volume: Option<String>,
    /// Tags, all of which it must have.
    pub tags: BTreeMap<String, String>,
}

impl SnapshotFilter {
    /// Whether `snapshot` has all of it.
    pub fn matches(&self, snapshot: &Snapshot) -> bool {
        self.volume
            .as_ref()
            .is_none_or(|volume| *volume == snapshot.volume)
            && self
                .tags
                .iter()
                .all(|(key, value)| snapshot.tags.get(key) == Some(value))
    }

    /// Those of `snapshots` that match, oldest first.
    pub fn select<'a>(
        &self,
        snapshots: impl IntoIterator<Item = &'a Snapshot>,
    ) -> Vec<&'a Snapshot> {
        let mut found: Vec<_> = snapshots
            .into_iter()
            .filter(|snapshot| self.matches(snapshot))
            .collect();
        found.sort_unstable_by_key(|snapshot| age_order(snapshot));
        found
    }

    /// The one that `name` means among those that match: [`LATEST`], or the first digits of an id.
    pub fn find<'a>(
        &self,
        name: &str,
        snapshots: impl IntoIterator<Item = &'a Snapshot>,
    ) -> Result<&'a Snapshot, SelectError> {
        let narrowed = *self != Self::default();
        let candidates = self.select(snapshots);
        if name == LATEST {
            return candidates
                .last()
                .copied()
                .ok_or(SelectError::None { narrowed });
        }
        let prefix = name.to_ascii_lowercase();
        if prefix.is_empty() || !prefix.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(SelectError::NotAName {
                name: name.to_owned(),
            });
        }
        let matches: Vec<_> = candidates
            .into_iter()
            .filter(|snapshot| snapshot.id.to_string().starts_with(&prefix))
            .collect();
        match matches[..] {
            [one] => Ok(one),
            [] => Err(SelectError::NotFound { prefix, narrowed }),
            [..] => Err(SelectError::Ambiguous {
                prefix,
                count: matches.len(),
                matches: Matches(matches.iter().take(MAX_LISTED).map(|s| s.id).collect()),
            }),
        }
    }
}

/// Oldest first; the id decides between two that began in the same millisecond.
fn age_order(snapshot: &Snapshot) -> (u64, SnapshotId) {
    (snapshot.started_ms, snapshot.id)
}

/// Ids of which one was meant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Matches(pub Vec<SnapshotId>);

impl std::fmt::Display for Matches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (number, id) in self.0.iter().enumerate() {
            let separator = if number == 0 { "" } else { ", " };
            write!(f, "{separator}{id:.12}")?;
        }
        Ok(())
    }
}

/// No snapshot, or no single one, is meant.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SelectError {
    /// There is none at all.
    #[error("{}", no_snapshot(*narrowed))]
    None {
        /// Whether volume or tags were asked for.
        narrowed: bool,
    },
    /// No id begins so.
    #[error("no snapshot{} has an id that begins with {prefix}", such(*narrowed))]
    NotFound {
        /// The digits.
        prefix: String,
        /// Whether volume or tags were asked for.
        narrowed: bool,
    },
    /// Several ids begin so.
    #[error("{count} snapshots have ids that begin with {prefix}: {matches}")]
    Ambiguous {
        /// The digits.
        prefix: String,
        /// How many there are.
        count: usize,
        /// The oldest of them.
        matches: Matches,
    },
    /// Neither `latest` nor hex digits.
    #[error("{name:?} is neither `latest` nor the first digits of a snapshot's id")]
    NotAName {
        /// As it was given.
        name: String,
    },
}

fn no_snapshot(narrowed: bool) -> &'static str {
    if narrowed {
        "no snapshot has that volume and these tags"
    } else {
        "the repository has no snapshots"
    }
}

fn such(narrowed: bool) -> &'static str {
    if narrowed {
        " with that volume and these tags"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use orlop_chunker::ChunkId;
    use orlop_repo::model::{ChunkRef, PackName, Place, SessionId};
    use orlop_repo::snapshot::{RootRef, Statistics, VolumeKind};

    use super::*;

    fn snapshot(first: u8, started_ms: u64, volume: &str, tag: Option<(&str, &str)>) -> Snapshot {
        let place = Place {
            pack: PackName {
                session: SessionId::from_bytes([0; 16]),
                number: 0,
            },
            block_offset: 16,
            block_len: 100,
            offset: 0,
        };
        let mut id = [0; SnapshotId::LEN];
        id[0] = first;
        Snapshot {
            id: SnapshotId::from_bytes(id),
            started_ms,
            finished_ms: started_ms,
            volume: volume.to_owned(),
            tags: tag
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into_iter()
                .collect(),
            parent: None,
            root: RootRef(ChunkRef {
                id: ChunkId::from_bytes([0; 32]),
                len: 10,
                place,
            }),
            stats: Statistics::default(),
            problems: Vec::new(),
            problem_count: 0,
            engine: String::new(),
            owner: None,
            kind: VolumeKind::Folder,
            source: Vec::new(),
        }
    }

    fn some() -> Vec<Snapshot> {
        vec![
            snapshot(0xab, 30, "a", Some(("app", "db"))),
            snapshot(0xac, 20, "b", Some(("app", "db"))),
            snapshot(0x1c, 10, "b", None),
        ]
    }

    fn of_volume(volume: &str) -> SnapshotFilter {
        SnapshotFilter {
            volume: Some(volume.to_owned()),
            ..SnapshotFilter::default()
        }
    }

    #[test]
    fn latest_is_the_newest_of_those_that_match() {
        let snapshots = some();
        let all = SnapshotFilter::default();
        assert_eq!(all.find("latest", &snapshots).unwrap().started_ms, 30);
        let b = of_volume("b");
        assert_eq!(b.find("latest", &snapshots).unwrap().started_ms, 20);
    }

    #[test]
    fn a_prefix_in_either_case_names_one_snapshot() {
        let snapshots = some();
        let all = SnapshotFilter::default();
        assert_eq!(all.find("AB", &snapshots).unwrap().started_ms, 30);
        assert_eq!(all.find("1", &snapshots).unwrap().started_ms, 10);
    }

    #[test]
    fn an_ambiguous_prefix_lists_what_it_matches() {
        let snapshots = some();
        let error = SnapshotFilter::default().find("a", &snapshots).unwrap_err();
        assert_eq!(
            error.to_string(),
            "2 snapshots have ids that begin with a: ac0000000000, ab0000000000"
        );
        // Narrowed, it is not ambiguous any more.
        assert!(of_volume("a").find("a", &snapshots).is_ok());
    }

    #[test]
    fn what_is_not_there_is_said() {
        let snapshots = some();
        let all = SnapshotFilter::default();
        assert!(matches!(
            all.find("ff", &snapshots),
            Err(SelectError::NotFound { .. })
        ));
        assert!(matches!(
            all.find("xyz", &snapshots),
            Err(SelectError::NotAName { .. })
        ));
        assert!(matches!(
            all.find("", &snapshots),
            Err(SelectError::NotAName { .. })
        ));
        let none = of_volume("c").find("latest", &snapshots);
        assert_eq!(none, Err(SelectError::None { narrowed: true }));
        assert_eq!(
            all.find("latest", []),
            Err(SelectError::None { narrowed: false })
        );
    }

    #[test]
    fn a_snapshot_must_have_every_tag() {
        let snapshots = some();
        let filter = |pairs: &[(&str, &str)]| SnapshotFilter {
            volume: None,
            tags: pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
        };
        assert_eq!(filter(&[("app", "db")]).select(&snapshots).len(), 2);
        assert_eq!(filter(&[("app", "web")]).select(&snapshots).len(), 0);
        assert_eq!(
            filter(&[("app", "db"), ("x", "")]).select(&snapshots).len(),
            0
        );
    }
}
