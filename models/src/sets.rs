//! Small sets as bits.

/// Chunks; pages of trees are among them.
pub type Chunks = u8;
/// Packs, and likewise segments: the segment with the number of a pack lists that pack.
pub type Packs = u16;
/// Sessions.
pub type Sessions = u8;
/// Snapshots.
pub type Snapshots = u8;

/// The numbers in a set, ascending.
pub fn members(set: impl Into<u32>) -> impl Iterator<Item = usize> {
    let mut left: u32 = set.into();
    std::iter::from_fn(move || {
        let first = left.trailing_zeros();
        left &= left.checked_sub(1)?;
        Some(first as usize)
    })
}

/// The set of one pack or segment.
pub const fn pack(number: usize) -> Packs {
    1 << number
}

/// The set of one chunk, session or snapshot.
pub const fn bit(number: usize) -> u8 {
    1 << number
}

/// Whether two sets share something.
pub const fn meet(a: Packs, b: Packs) -> bool {
    a & b != 0
}

#[cfg(test)]
mod tests {
    #[test]
    fn members_are_the_set_bits() {
        assert_eq!(
            super::members(0b1010_0001_u16).collect::<Vec<_>>(),
            [0, 5, 7]
        );
        assert_eq!(super::members(0_u8).count(), 0);
    }
}
