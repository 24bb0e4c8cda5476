//! Sets of packs, compact because a session numbers its packs from 0.

use std::collections::BTreeMap;

use minicbor::{Decode, Decoder, Encode, Encoder};

use super::{PackName, SessionId};

/// A set of packs: per session, disjoint ascending runs of numbers.
///
/// In CBOR `[[session, [first, count, first, count, …]]]`, sessions ascending.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct PackSet {
    /// Per session: first number of a run to one past its last. Runs neither touch nor overlap.
    sessions: BTreeMap<SessionId, BTreeMap<u32, u64>>,
}

impl PackSet {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// How many packs are in it.
    pub fn len(&self) -> u64 {
        self.sessions
            .values()
            .flat_map(|runs| runs.iter().map(|(&first, &end)| end - u64::from(first)))
            .sum()
    }

    /// Whether `pack` is in it.
    pub fn contains(&self, pack: PackName) -> bool {
        self.sessions
            .get(&pack.session)
            .and_then(|runs| runs.range(..=pack.number).next_back())
            .is_some_and(|(_, &end)| u64::from(pack.number) < end)
    }

    /// Adds one pack; says whether it was not there before.
    pub fn insert(&mut self, pack: PackName) -> bool {
        if self.contains(pack) {
            return false;
        }
        self.insert_run(pack.session, pack.number, u64::from(pack.number) + 1);
        true
    }

    /// Adds `first..end`, merging with the runs that it touches.
    fn insert_run(&mut self, session: SessionId, first: u32, end: u64) {
        let runs = self.sessions.entry(session).or_default();
        let (mut first, mut end) = (first, end);
        if let Some((&before, &before_end)) = runs.range(..=first).next_back()
            && before_end >= u64::from(first)
        {
            first = before;
            end = end.max(before_end);
        }
        while let Some((&next, &next_end)) = runs.range(first..).next()
            && u64::from(next) <= end
        {
            end = end.max(next_end);
            runs.remove(&next);
        }
        runs.insert(first, end);
    }

    /// Takes one pack out; says whether it was there.
    pub fn remove(&mut self, pack: PackName) -> bool {
        let Some(runs) = self.sessions.get_mut(&pack.session) else {
            return false;
        };
        let Some((&first, &end)) = runs.range(..=pack.number).next_back() else {
            return false;
        };
        if u64::from(pack.number) >= end {
            return false;
        }
        runs.remove(&first);
        if first < pack.number {
            runs.insert(first, u64::from(pack.number));
        }
        if let Some(after) = pack.number.checked_add(1)
            && u64::from(after) < end
        {
            runs.insert(after, end);
        }
        if runs.is_empty() {
            self.sessions.remove(&pack.session);
        }
        true
    }

    /// Adds every pack of `other`.
    pub fn extend(&mut self, other: &Self) {
        for (&session, runs) in &other.sessions {
            for (&first, &end) in runs {
                self.insert_run(session, first, end);
            }
        }
    }

    /// Takes every pack of `other` out.
    pub fn subtract(&mut self, other: &Self) {
        for (session, gone) in &other.sessions {
            let Some(runs) = self.sessions.get_mut(session) else {
                continue;
            };
            let mut left = BTreeMap::new();
            for (&first, &end) in &*runs {
                let mut start = u64::from(first);
                for (&gone_first, &gone_end) in overlapping(gone, first, end) {
                    let gap = u64::from(gone_first);
                    if let Ok(first) = u32::try_from(start)
                        && start < gap
                    {
                        left.insert(first, gap);
                    }
                    start = start.max(gone_end);
                }
                if let Ok(first) = u32::try_from(start)
                    && start < end
                {
                    left.insert(first, end);
                }
            }
            *runs = left;
            if runs.is_empty() {
                self.sessions.remove(session);
            }
        }
    }

    /// Every pack that is in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let mut both = Self::new();
        for (&session, runs) in &self.sessions {
            let Some(others) = other.sessions.get(&session) else {
                continue;
            };
            for (&first, &end) in runs {
                for (&other_first, &other_end) in overlapping(others, first, end) {
                    both.insert_run(session, first.max(other_first), end.min(other_end));
                }
            }
        }
        both
    }

    /// Some pack that is in both, if there is one.
    pub fn common(&self, other: &Self) -> Option<PackName> {
        self.sessions.iter().find_map(|(&session, runs)| {
            let others = other.sessions.get(&session)?;
            runs.iter().find_map(|(&first, &end)| {
                let (&other_first, _) = overlapping(others, first, end).next()?;
                Some(PackName {
                    session,
                    number: first.max(other_first),
                })
            })
        })
    }

    /// Some pack of `self` that is not in `other`, if there is one.
    pub fn missing_from(&self, other: &Self) -> Option<PackName> {
        let mut left = self.clone();
        left.subtract(other);
        left.iter().next()
    }

    /// The first pack of a session, if there is one.
    pub fn first_of(&self, session: SessionId) -> Option<PackName> {
        let (&number, _) = self.sessions.get(&session)?.first_key_value()?;
        Some(PackName { session, number })
    }

    /// The last pack of a session, if there is one.
    pub fn last_of(&self, session: SessionId) -> Option<PackName> {
        let (_, &end) = self.sessions.get(&session)?.last_key_value()?;
        let number = u32::try_from(end.checked_sub(1)?).ok()?;
        Some(PackName { session, number })
    }

    /// The sessions that have packs in it, ascending.
    pub fn sessions(&self) -> impl Iterator<Item = SessionId> + '_ {
        self.sessions.keys().copied()
    }

    /// The packs, ascending by session and number.
    pub fn iter(&self) -> impl Iterator<Item = PackName> + '_ {
        self.sessions.iter().flat_map(|(&session, runs)| {
            runs.iter().flat_map(move |(&first, &end)| {
                (u64::from(first)..end).filter_map(move |number| {
                    u32::try_from(number)
                        .ok()
                        .map(|number| PackName { session, number })
                })
            })
        })
    }
}

/// The runs that share a number with `first..end`.
fn overlapping(
    runs: &BTreeMap<u32, u64>,
    first: u32,
    end: u64,
) -> impl Iterator<Item = (&u32, &u64)> {
    let start = match runs.range(..=first).next_back() {
        Some((&before, &before_end)) if before_end > u64::from(first) => before,
        _ => first,
    };
    runs.range(start..)
        .take_while(move |(run, _)| u64::from(**run) < end)
}

impl FromIterator<PackName> for PackSet {
    fn from_iter<I: IntoIterator<Item = PackName>>(packs: I) -> Self {
        let mut set = Self::new();
        for pack in packs {
            set.insert(pack);
        }
        set
    }
}

impl<C> Encode<C> for PackSet {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.array(self.sessions.len() as u64)?;
        for (session, runs) in &self.sessions {
            e.array(2)?
                .encode_with(session, ctx)?
                .array(2 * runs.len() as u64)?;
            for (&first, &end) in runs {
                e.u32(first)?.u64(end - u64::from(first))?;
            }
        }
        e.ok()
    }
}

impl<'b, C> Decode<'b, C> for PackSet {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, minicbor::decode::Error> {
        let bad = minicbor::decode::Error::message;
        let mut set = Self::new();
        let sessions = d
            .array()?
            .ok_or_else(|| bad("set of packs of indefinite length"))?;
        for _ in 0..sessions {
            if d.array()? != Some(2) {
                return Err(bad("a session of a set of packs is no pair"));
            }
            let session: SessionId = d.decode_with(ctx)?;
            if set
                .sessions
                .last_key_value()
                .is_some_and(|(&last, _)| last >= session)
            {
                return Err(bad("sessions of a set of packs are not ascending"));
            }
            let numbers = d.array()?.ok_or_else(|| bad("runs of indefinite length"))?;
            if numbers == 0 || !numbers.is_multiple_of(2) {
                return Err(bad("runs of a set of packs are no pairs"));
            }
            let mut runs = BTreeMap::new();
            let mut past = None;
            for _ in 0..numbers / 2 {
                let first = d.u32()?;
                let count = d.u64()?;
                let end = u64::from(first)
                    .checked_add(count)
                    .filter(|&end| end <= 1 << 32);
                let Some(end) = end.filter(|_| count > 0) else {
                    return Err(bad("a run of a set of packs is empty or too long"));
                };
                if past.is_some_and(|past| u64::from(first) <= past) {
                    return Err(bad("runs of a set of packs touch or are not ascending"));
                }
                past = Some(end);
                runs.insert(first, end);
            }
            set.sessions.insert(session, runs);
        }
        Ok(set)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn pack((session, number): (u8, u32)) -> PackName {
        PackName {
            session: SessionId::from_bytes([session; 16]),
            number,
        }
    }

    proptest! {
        #[test]
        fn behaves_as_a_plain_set(ops in prop::collection::vec((any::<bool>(), 0u8..3, 0u32..12), 0..80)) {
            let (mut set, mut plain) = (PackSet::new(), BTreeSet::new());
            for (add, session, number) in ops {
                let pack = pack((session, number));
                if add {
                    prop_assert_eq!(set.insert(pack), plain.insert(pack));
                } else {
                    prop_assert_eq!(set.remove(pack), plain.remove(&pack));
                }
            }
            prop_assert_eq!(set.len(), plain.len() as u64);
            prop_assert!(set.iter().eq(plain.iter().copied()));
            for of in (0..3).map(|session| pack((session, 0)).session) {
                let numbers = || plain.iter().filter(|pack| pack.session == of);
                prop_assert_eq!(set.first_of(of), numbers().min().copied());
                prop_assert_eq!(set.last_of(of), numbers().max().copied());
            }
            let bytes = minicbor::to_vec(&set).unwrap();
            prop_assert_eq!(minicbor::decode::<PackSet>(&bytes).unwrap(), set);
        }
    }

    proptest! {
        #[test]
        fn algebra_is_that_of_plain_sets(
            a in prop::collection::btree_set((0u8..3, 0u32..12), 0..30),
            b in prop::collection::btree_set((0u8..3, 0u32..12), 0..30),
        ) {
            let set = |s: &BTreeSet<_>| s.iter().copied().map(pack).collect::<PackSet>();
            let plain = |s: Vec<(u8, u32)>| s.into_iter().map(pack).collect::<PackSet>();
            let (x, y) = (set(&a), set(&b));
            let both = plain(a.intersection(&b).copied().collect());
            prop_assert_eq!(&x.intersection(&y), &both);
            prop_assert_eq!(x.common(&y), both.iter().next());
            let mut less = x.clone();
            less.subtract(&y);
            prop_assert_eq!(&less, &plain(a.difference(&b).copied().collect()));
            prop_assert_eq!(x.missing_from(&y), less.iter().next());
            let mut all = x.clone();
            all.extend(&y);
            prop_assert_eq!(all, plain(a.union(&b).copied().collect()));
        }
    }

    #[test]
    fn sets_of_billions_are_no_work() {
        let bytes = [0x81, 0x82, 0x50]
            .into_iter()
            .chain([7; 16])
            .chain([0x82, 0x00, 0x1b, 0, 0, 0, 1, 0, 0, 0, 0]);
        let all: PackSet = minicbor::decode(&bytes.collect::<Vec<_>>()).unwrap();
        assert_eq!(all.len(), 1 << 32);
        let mut one = PackSet::from_iter([pack((7, 5))]);
        assert_eq!(all.common(&one), Some(pack((7, 5))));
        assert_eq!(one.missing_from(&all), None);
        one.subtract(&all);
        assert!(one.is_empty());
    }

    #[test]
    fn the_last_number_is_no_special_case() {
        let mut set = PackSet::new();
        assert!(set.insert(pack((1, u32::MAX))));
        assert!(set.contains(pack((1, u32::MAX))));
        let bytes = minicbor::to_vec(&set).unwrap();
        assert_eq!(minicbor::decode::<PackSet>(&bytes).unwrap(), set);
        assert!(set.remove(pack((1, u32::MAX))));
        assert!(set.is_empty());
    }
}
