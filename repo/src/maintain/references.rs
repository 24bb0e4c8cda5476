//! What live trees refer to: chunks and pages, sorted, in bounded memory.

use std::collections::BinaryHeap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use crate::model::ChunkRef;
use crate::pack::ChunkPrefix;

/// References that are sorted in memory: 12 MiB.
const RUN: usize = 1 << 19;
/// Runs that are merged at a time: 64 buffers of 24 KiB.
const MAX_RUNS: usize = 64;
/// References in the buffer of a run.
const BUFFER: usize = 1 << 10;
/// Length of a reference on disk.
const LEN: usize = 24;

/// A chunk or page that a live tree refers to.
///
/// Ordered so that all that is known of a chunk stands together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Reference {
    /// First half of its id.
    pub(super) prefix: ChunkPrefix,
    /// Length of its plaintext in bytes.
    pub(super) len: u32,
    /// Number of the pack that it was read from, or, with [`HINT`] added, in which the tree says
    /// that it stands.
    pack: u32,
}

/// Marks the number of a pack that was not read. No repository has 2^31 packs in memory.
const HINT: u32 = 1 << 31;

impl Reference {
    /// A page, which was read from the pack with that number.
    pub(super) fn page(page: &ChunkRef, pack: u32) -> Self {
        Self::new(page, pack & !HINT)
    }

    /// A chunk, which may be taken from any place; the tree names the pack with that number.
    pub(super) fn chunk(chunk: &ChunkRef, hint: Option<u32>) -> Self {
        Self::new(chunk, hint.unwrap_or(u32::MAX) | HINT)
    }

    fn new(chunk: &ChunkRef, pack: u32) -> Self {
        Self {
            prefix: chunk.id.prefix(),
            len: chunk.len,
            pack,
        }
    }

    /// Number of the pack that it was read from, if it was.
    pub(super) fn read_from(&self) -> Option<u32> {
        (self.pack & HINT == 0).then_some(self.pack)
    }

    /// Number of the pack that the tree names, if it was not read.
    pub(super) fn hint(&self) -> Option<u32> {
        (self.pack & HINT != 0 && self.pack != u32::MAX).then_some(self.pack & !HINT)
    }

    fn encode(&self) -> [u8; LEN] {
        let mut row = [0; LEN];
        let (prefix, rest) = row.split_at_mut(16);
        prefix.copy_from_slice(&self.prefix);
        let (len, pack) = rest.split_at_mut(4);
        len.copy_from_slice(&self.len.to_le_bytes());
        pack.copy_from_slice(&self.pack.to_le_bytes());
        row
    }

    fn decode(row: &[u8; LEN]) -> Option<Self> {
        let (prefix, rest) = row.split_first_chunk()?;
        let (len, rest) = rest.split_first_chunk()?;
        Some(Self {
            prefix: *prefix,
            len: u32::from_le_bytes(*len),
            pack: u32::from_le_bytes(*rest.first_chunk()?),
        })
    }
}

/// Collects references in any order, and gives them sorted, each once, as often as it is asked.
///
/// Beyond 12 MiB they go to files in the scratch folder that have no names there.
pub(super) struct References {
    scratch: PathBuf,
    run: usize,
    buffer: Vec<Reference>,
    runs: Vec<Run>,
}

/// A sorted run in a file of its own.
struct Run {
    file: File,
    rows: u64,
}

impl References {
    /// Nothing yet; `scratch` is touched only when memory does not suffice.
    pub(super) fn new(scratch: PathBuf) -> Self {
        Self::with_run(scratch, RUN)
    }

    fn with_run(scratch: PathBuf, run: usize) -> Self {
        Self {
            scratch,
            run,
            buffer: Vec::new(),
            runs: Vec::new(),
        }
    }

    /// Takes a reference.
    pub(super) fn push(&mut self, reference: Reference) -> io::Result<()> {
        self.buffer.push(reference);
        if self.buffer.len() >= self.run {
            self.sort();
            // Many trees name the same chunks: what is left may be little.
            if self.buffer.len() >= self.run / 2 {
                self.spill()?;
            }
        }
        Ok(())
    }

    fn sort(&mut self) {
        self.buffer.sort_unstable();
        self.buffer.dedup();
    }

    fn spill(&mut self) -> io::Result<()> {
        let mut writer = Writer::new(&self.scratch)?;
        for reference in &self.buffer {
            writer.push(reference)?;
        }
        self.buffer.clear();
        self.runs.push(writer.finish()?);
        if self.runs.len() >= MAX_RUNS {
            let mut writer = Writer::new(&self.scratch)?;
            let mut sorted = Sorted::over(&[], &self.runs)?;
            while let Some(reference) = sorted.next_reference()? {
                writer.push(&reference)?;
            }
            drop(sorted);
            self.runs = vec![writer.finish()?];
        }
        Ok(())
    }

    /// Says that nothing more comes.
    pub(super) fn finish(&mut self) {
        self.sort();
        self.buffer.shrink_to_fit();
    }

    /// All references in ascending order, each once. To be called after [`Self::finish`].
    pub(super) fn sorted(&self) -> io::Result<Sorted<'_>> {
        Sorted::over(&self.buffer, &self.runs)
    }
}

/// Writes a run.
struct Writer {
    file: File,
    rows: u64,
    bytes: Vec<u8>,
}

impl Writer {
    fn new(scratch: &Path) -> io::Result<Self> {
        Ok(Self {
            file: tempfile::tempfile_in(scratch)?,
            rows: 0,
            bytes: Vec::with_capacity(BUFFER * LEN),
        })
    }

    fn push(&mut self, reference: &Reference) -> io::Result<()> {
        self.bytes.extend_from_slice(&reference.encode());
        if self.bytes.len() >= BUFFER * LEN {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file
            .write_all_at(&self.bytes, self.rows * LEN as u64)?;
        self.rows += (self.bytes.len() / LEN) as u64;
        self.bytes.clear();
        Ok(())
    }

    fn finish(mut self) -> io::Result<Run> {
        self.flush()?;
        Ok(Run {
            file: self.file,
            rows: self.rows,
        })
    }
}

/// References in ascending order.
pub(super) struct Sorted<'a> {
    sources: Vec<Source<'a>>,
    /// The next reference of each source, the smallest on top.
    heads: BinaryHeap<std::cmp::Reverse<(Reference, usize)>>,
    last: Option<Reference>,
}

/// One sorted sequence.
enum Source<'a> {
    Memory(std::slice::Iter<'a, Reference>),
    File {
        run: &'a Run,
        /// Row that is read next.
        next: u64,
        buffer: Vec<u8>,
        /// Row in the buffer that is given next.
        at: usize,
    },
}

impl Source<'_> {
    fn next_reference(&mut self) -> io::Result<Option<Reference>> {
        match self {
            Self::Memory(references) => Ok(references.next().copied()),
            Self::File {
                run,
                next,
                buffer,
                at,
            } => {
                if *at * LEN >= buffer.len() {
                    let rows = (run.rows - *next).min(BUFFER as u64);
                    buffer.resize(usize::try_from(rows).unwrap_or(0) * LEN, 0);
                    run.file.read_exact_at(buffer, *next * LEN as u64)?;
                    *next += rows;
                    *at = 0;
                }
                let (rows, _) = buffer.as_chunks::<LEN>();
                let row = rows.get(*at).and_then(Reference::decode);
                *at += 1;
                Ok(row)
            }
        }
    }
}

impl<'a> Sorted<'a> {
    fn over(memory: &'a [Reference], runs: &'a [Run]) -> io::Result<Self> {
        let files = runs.iter().map(|run| Source::File {
            run,
            next: 0,
            buffer: Vec::new(),
            at: 0,
        });
        let mut sorted = Self {
            sources: files.chain([Source::Memory(memory.iter())]).collect(),
            heads: BinaryHeap::new(),
            last: None,
        };
        for number in 0..sorted.sources.len() {
            sorted.refill(number)?;
        }
        Ok(sorted)
    }

    fn refill(&mut self, number: usize) -> io::Result<()> {
        if let Some(source) = self.sources.get_mut(number)
            && let Some(reference) = source.next_reference()?
        {
            self.heads.push(std::cmp::Reverse((reference, number)));
        }
        Ok(())
    }

    /// The next reference; `None` after the last.
    pub(super) fn next_reference(&mut self) -> io::Result<Option<Reference>> {
        while let Some(std::cmp::Reverse((reference, number))) = self.heads.pop() {
            self.refill(number)?;
            if self.last != Some(reference) {
                self.last = Some(reference);
                return Ok(Some(reference));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn all(references: &References) -> Vec<Reference> {
        let mut sorted = references.sorted().unwrap();
        std::iter::from_fn(|| sorted.next_reference().unwrap()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn what_was_pushed_comes_sorted_and_once(
            pushed in prop::collection::vec((0u8..40, 1u32..4, prop_oneof![0u32..3, Just(u32::MAX)]), 0..1500),
            run in 1usize..64,
        ) {
            let scratch = std::env::temp_dir();
            let mut references = References::with_run(scratch, run);
            let mut expected = BTreeSet::new();
            for (n, len, pack) in pushed {
                let reference = Reference { prefix: [n; 16], len, pack };
                references.push(reference).unwrap();
                expected.insert(reference);
            }
            references.finish();
            let expected: Vec<_> = expected.into_iter().collect();
            prop_assert_eq!(all(&references), expected.clone());
            prop_assert_eq!(all(&references), expected);
        }
    }
}
