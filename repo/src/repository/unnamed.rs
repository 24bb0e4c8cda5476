//! What a session has stored or relied on and no entry of the log names yet.

use crate::log::SegmentRef;
use crate::model::PackSet;

/// Packs that one entry names at the most. Each takes some 30 bytes if all are of different
/// sessions, so that with the segments and a snapshot they stay below the 1 MiB of an entry.
pub(super) const MAX_PACKS: u64 = 10_000;
/// Segments that one entry names at the most, of some 80 bytes each.
pub(super) const MAX_SEGMENTS: usize = 2_000;

/// What has been stored or relied on and no entry names yet.
#[derive(Clone, Default)]
pub(super) struct Unnamed {
    pub(super) packs: PackSet,
    pub(super) segments: Vec<SegmentRef>,
    pub(super) relied: PackSet,
    pub(super) adopted: PackSet,
}

impl Unnamed {
    /// Whether one entry can name it all.
    pub(super) fn fits(&self) -> bool {
        self.pack_count() <= MAX_PACKS && self.segments.len() <= MAX_SEGMENTS
    }

    fn pack_count(&self) -> u64 {
        self.packs.len() + self.relied.len() + self.adopted.len()
    }

    /// Takes as much as one entry can name.
    pub(super) fn take_part(&mut self) -> Self {
        if self.fits() {
            return std::mem::take(self);
        }
        let mut room = MAX_PACKS;
        let mut part = |from: &mut PackSet| {
            let taken: PackSet = from
                .iter()
                .take(usize::try_from(room).unwrap_or(0))
                .collect();
            from.subtract(&taken);
            room -= taken.len();
            taken
        };
        Self {
            packs: part(&mut self.packs),
            adopted: part(&mut self.adopted),
            relied: part(&mut self.relied),
            segments: self
                .segments
                .drain(..self.segments.len().min(MAX_SEGMENTS))
                .collect(),
        }
    }

    /// Takes back what was not named after all.
    pub(super) fn put_back(&mut self, other: Self) {
        self.packs.extend(&other.packs);
        self.segments.extend(other.segments);
        self.relied.extend(&other.relied);
        self.adopted.extend(&other.adopted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{Checkpoint, Commit};
    use crate::model::{ObjectHash, PackName, SessionId};
    use crate::snapshot::tests::largest;

    fn name(n: u32) -> PackName {
        let mut session = [0xff; 16];
        session[..4].copy_from_slice(&n.to_le_bytes());
        PackName {
            session: SessionId::from_bytes(session),
            number: u32::MAX - n,
        }
    }

    fn many() -> Unnamed {
        let segment = |n| SegmentRef {
            session: name(n).session,
            number: u32::MAX,
            len: u64::MAX,
            hash: ObjectHash::from_bytes([0xff; 32]),
        };
        Unnamed {
            packs: (0..15_000).map(name).collect(),
            segments: (0..5_000).map(segment).collect(),
            relied: (20_000..45_000).map(name).collect(),
            adopted: (50_000..52_000).map(name).collect(),
        }
    }

    fn len<T: minicbor::Encode<()>>(body: &T) -> usize {
        minicbor::to_vec(body).unwrap().len()
    }

    #[test]
    fn every_part_fits_an_entry_and_nothing_is_lost() {
        let all = many();
        let mut left = all.clone();
        let mut named = Unnamed::default();
        let mut parts = 0;
        loop {
            let last = left.fits();
            let part = left.take_part();
            assert!(part.fits());
            let Unnamed {
                packs,
                segments,
                relied,
                adopted,
            } = part.clone();
            // With the largest snapshot beside it, which only the last part gets.
            let commit = Commit {
                session: name(1).session,
                packs: packs.clone(),
                segments: segments.clone(),
                relied: relied.clone(),
                adopted: adopted.clone(),
                snapshot: largest(),
            };
            assert!(len(&commit) < (1 << 20) - 1024, "{}", len(&commit));
            let checkpoint = Checkpoint {
                session: name(1).session,
                packs,
                segments,
                relied,
                partial: Some(largest().root),
                adopted,
            };
            assert!(len(&checkpoint) < (1 << 20) - 1024);
            named.put_back(part);
            parts += 1;
            if last {
                break;
            }
        }
        assert_eq!(parts, 5);
        assert!(named.packs == all.packs && named.relied == all.relied);
        assert!(named.adopted == all.adopted && named.segments == all.segments);
    }
}
