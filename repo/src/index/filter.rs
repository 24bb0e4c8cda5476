//! A filter in front of a local file: new chunks rarely touch the disk.

use xorf::{BinaryFuse8, BinaryFuse8Ref, Descriptor, DmaSerializable, Filter as _, FilterRef};

use crate::pack::ChunkPrefix;

use super::page::{fence, filter_key};

/// Keys that a partition aims at.
///
/// Building one takes some 30 bytes a key, so 8 MiB, however many keys there are in all.
const PARTITION_KEYS: u64 = 1 << 18;

/// Filters of a file's prefixes, one for each range of prefixes: some 9 bits a key, 0.4 % false
/// positives.
pub(super) struct Filter {
    /// Partitions are numbered by this many leading bits of the prefix.
    bits: u32,
    /// Where each partition begins in `bytes`; one more for the end.
    starts: Vec<usize>,
    /// Descriptor and fingerprints of each partition. One allocation, so that it goes back to the
    /// operating system when a merge replaces it.
    bytes: Vec<u8>,
}

/// Makes the partitions of a filter from prefixes that come in ascending order.
pub(super) struct FilterBuilder {
    bits: u32,
    current: u64,
    keys: Vec<u64>,
}

/// No filter could be made of a set of keys, in a thousand tries.
#[derive(Debug, thiserror::Error)]
#[error("no filter of {keys} keys: {reason}")]
pub(super) struct NoFilter {
    keys: usize,
    reason: &'static str,
}

/// Leading bits that number the partitions of about `keys` keys.
fn partition_bits(keys: u64) -> u32 {
    (keys / PARTITION_KEYS)
        .checked_ilog2()
        .map_or(0, |bits| bits + 1)
        .min(20)
}

fn partition(bits: u32, prefix: &ChunkPrefix) -> u64 {
    fence(prefix).checked_shr(64 - bits).unwrap_or(0)
}

impl FilterBuilder {
    /// For about `keys` prefixes, whose number decides how many partitions there are.
    pub(super) fn new(keys: u64) -> Self {
        Self {
            bits: partition_bits(keys),
            current: 0,
            keys: Vec::new(),
        }
    }

    /// Leading bits that number the partitions.
    pub(super) fn bits(&self) -> u32 {
        self.bits
    }

    /// Adds a prefix, not below those before; gives the partitions that it completes to `out`.
    pub(super) fn push(
        &mut self,
        prefix: &ChunkPrefix,
        out: &mut impl FnMut(&[u8]) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        let partition = partition(self.bits, prefix);
        while self.current < partition {
            self.end_partition(out)?;
        }
        self.keys.push(filter_key(prefix));
        Ok(())
    }

    /// Gives all partitions that are left to `out`.
    pub(super) fn finish(
        mut self,
        out: &mut impl FnMut(&[u8]) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        while self.current < 1 << self.bits {
            self.end_partition(out)?;
        }
        Ok(())
    }

    fn end_partition(
        &mut self,
        out: &mut impl FnMut(&[u8]) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        // The same id may stand in several places.
        self.keys.sort_unstable();
        self.keys.dedup();
        let mut bytes = Vec::new();
        if !self.keys.is_empty() {
            let filter = BinaryFuse8::try_from(&self.keys).map_err(|reason| {
                std::io::Error::other(NoFilter {
                    keys: self.keys.len(),
                    reason,
                })
            })?;
            bytes.resize(Descriptor::DMA_LEN, 0);
            filter.dma_copy_descriptor_to(&mut bytes);
            bytes.extend_from_slice(filter.dma_fingerprints());
        }
        self.keys.clear();
        self.current += 1;
        out(&bytes)
    }
}

impl Filter {
    /// Takes partitions as they were given to `out`, one after the other in `bytes`, with their
    /// lengths. `None` if they cannot be a filter.
    pub(super) fn new(bits: u32, lens: &[u32], bytes: Vec<u8>) -> Option<Self> {
        if bits > 20 || lens.len() != 1 << bits {
            return None;
        }
        let mut starts = Vec::with_capacity(lens.len() + 1);
        let mut end = 0usize;
        starts.push(0);
        for &len in lens {
            let partition = bytes.get(end..)?.get(..len as usize)?;
            if !partition.is_empty() && !is_sound(partition) {
                return None;
            }
            end += len as usize;
            starts.push(end);
        }
        (end == bytes.len()).then_some(Self {
            bits,
            starts,
            bytes,
        })
    }

    /// Whether the prefix may be in the file; `false` is certain.
    pub(super) fn may_contain(&self, prefix: &ChunkPrefix) -> bool {
        let number = usize::try_from(partition(self.bits, prefix)).unwrap_or(usize::MAX);
        let Some(&[start, end]) = self
            .starts
            .get(number..)
            .and_then(|starts| starts.first_chunk())
        else {
            return true;
        };
        let partition = self.bytes.get(start..end).unwrap_or_default();
        match partition.split_first_chunk::<{ Descriptor::DMA_LEN }>() {
            Some((descriptor, fingerprints)) => {
                BinaryFuse8Ref::from_dma(descriptor, fingerprints).contains(&filter_key(prefix))
            }
            // No key lies in this range.
            None => false,
        }
    }

    /// Bytes that it takes.
    pub(super) fn memory(&self) -> usize {
        self.bytes.len() + self.starts.len() * size_of::<usize>()
    }
}

/// Whether no key can lead a partition's look-up outside its fingerprints.
fn is_sound(partition: &[u8]) -> bool {
    let Some((descriptor, fingerprints)) = partition.split_first_chunk::<20>() else {
        return false;
    };
    let (_, fields) = descriptor.split_at(8);
    let (fields, _) = fields.as_chunks::<4>();
    let mut fields = fields
        .iter()
        .map(|&field| u64::from(u32::from_le_bytes(field)));
    let (Some(length), Some(mask), Some(total)) = (fields.next(), fields.next(), fields.next())
    else {
        return false;
    };
    length.is_power_of_two()
        && mask == length - 1
        && total > 0
        && total.is_multiple_of(length)
        && total + 2 * length <= fingerprints.len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(number: u64) -> ChunkPrefix {
        let hash = blake3::hash(&number.to_le_bytes());
        *hash.as_bytes().first_chunk().unwrap()
    }

    fn build(keys: u64, announced: u64) -> Filter {
        let mut prefixes: Vec<_> = (0..keys).map(prefix).collect();
        prefixes.sort_unstable();
        let mut builder = FilterBuilder::new(announced);
        let (mut lens, mut bytes) = (Vec::new(), Vec::new());
        let mut out = |partition: &[u8]| {
            lens.push(u32::try_from(partition.len()).unwrap());
            bytes.extend_from_slice(partition);
            Ok(())
        };
        for prefix in &prefixes {
            builder.push(prefix, &mut out).unwrap();
            // A second place of the same chunk.
            builder.push(prefix, &mut out).unwrap();
        }
        let bits = builder.bits();
        builder.finish(&mut out).unwrap();
        Filter::new(bits, &lens, bytes).unwrap()
    }

    #[test]
    fn every_key_is_found_and_few_others() {
        for (keys, announced) in [
            (0, 0),
            (1, 1),
            (2, 1 << 30),
            (20_000, 20_000),
            (20_000, 1 << 22),
        ] {
            let filter = build(keys, announced);
            assert!(
                (0..keys).all(|key| filter.may_contain(&prefix(key))),
                "{keys}"
            );
            let wrong = (keys..keys + 10_000)
                .filter(|&key| filter.may_contain(&prefix(key)))
                .count();
            assert!(
                wrong < 100,
                "{wrong} of 10,000 false positives among {keys}"
            );
        }
    }

    #[test]
    fn a_damaged_descriptor_is_refused() {
        let filter = build(1000, 1000);
        let lens = [u32::try_from(filter.bytes.len()).unwrap()];
        for at in 8..20 {
            let mut bytes = filter.bytes.clone();
            bytes[at] ^= 0x40;
            assert!(Filter::new(0, &lens, bytes).is_none(), "{at}");
        }
        assert!(Filter::new(1, &lens, filter.bytes.clone()).is_none());
    }
}
