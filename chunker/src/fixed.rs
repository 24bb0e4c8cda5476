//! Cutting at fixed, aligned offsets.

use std::num::NonZeroU32;

use crate::MAX_CHUNK_LEN;

/// Cuts at multiples of one length, for files and devices whose pages never shift.
///
/// Content-defined cuts would turn one changed page into a changed chunk of several times the
/// length; here it costs exactly the blocks that hold it, and cutting takes no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FixedCutter {
    length: NonZeroU32,
}

impl FixedCutter {
    /// For disk images and devices, 64 KiB: one cluster of qcow2, and few index entries for volumes
    /// that are terabytes long and are written in runs by the file system in them.
    pub const PAGED: Self = Self {
        length: NonZeroU32::new(64 << 10).unwrap(),
    };

    /// For databases, 16 KiB: two pages of `PostgreSQL`, one of `InnoDB`. Their rows are updated at
    /// random, so every byte of a block beyond the page is stored for nothing.
    pub const DATABASE: Self = Self {
        length: NonZeroU32::new(16 << 10).unwrap(),
    };

    /// Takes a block length in bytes; `None` unless it is between 1 and [`MAX_CHUNK_LEN`].
    pub const fn new(length: u32) -> Option<Self> {
        match NonZeroU32::new(length) {
            Some(length) if length.get() <= MAX_CHUNK_LEN => Some(Self { length }),
            _ => None,
        }
    }

    /// Block length in bytes.
    pub const fn length(&self) -> u32 {
        self.length.get()
    }

    /// Length in bytes of the chunk that `data` begins with, where `data` starts at `offset` of the
    /// file; see [`Cutting::next_cut_at`](crate::Cutting::next_cut_at).
    pub fn next_cut_at(&self, offset: u64, data: &[u8], eof: bool) -> Option<usize> {
        let length = u64::from(self.length.get());
        // Between 1 and the length, so the conversion keeps every bit.
        let wanted = usize::try_from(length - offset % length).unwrap_or(usize::MAX);
        if data.len() >= wanted {
            Some(wanted)
        } else if eof && !data.is_empty() {
            Some(data.len())
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_end_at_multiples_of_the_length() {
        let cutter = FixedCutter::new(100).unwrap();
        let data = [0; 300];
        assert_eq!(cutter.next_cut_at(0, &data, false), Some(100));
        assert_eq!(cutter.next_cut_at(100, &data, false), Some(100));
        assert_eq!(cutter.next_cut_at(130, &data, false), Some(70));
        assert_eq!(cutter.next_cut_at(199, &data, false), Some(1));
        assert_eq!(cutter.next_cut_at(u64::MAX, &data, true), Some(85));
    }

    #[test]
    fn an_unfinished_block_waits_for_more_unless_the_file_ends() {
        let cutter = FixedCutter::new(100).unwrap();
        assert_eq!(cutter.next_cut_at(0, &[0; 99], false), None);
        assert_eq!(cutter.next_cut_at(0, &[0; 99], true), Some(99));
        assert_eq!(cutter.next_cut_at(0, &[], true), None);
        assert_eq!(cutter.next_cut_at(0, &[], false), None);
    }

    #[test]
    fn lengths_that_the_format_cannot_hold_are_refused() {
        assert_eq!(FixedCutter::new(0), None);
        assert_eq!(FixedCutter::new(MAX_CHUNK_LEN + 1), None);
        assert_eq!(FixedCutter::new(1 << 16), Some(FixedCutter::PAGED));
    }
}
