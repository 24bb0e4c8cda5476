//! Sorting records that may not fit in memory.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

/// Runs merged at once. More would need more memory for their buffers than they save passes.
const FAN_IN: usize = 64;

/// Longest record that is read back, in bytes: far above any name, and above all xattrs of a file.
const MAX_RECORD: usize = 64 << 20;

/// Which way to sort.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// Smallest key first.
    Ascending,
    /// Greatest key first.
    Descending,
}

impl Order {
    fn compare(self, a: (&[u8], &[u8]), b: (&[u8], &[u8])) -> Ordering {
        match self {
            Self::Ascending => a.cmp(&b),
            Self::Descending => b.cmp(&a),
        }
    }
}

/// Collects records of a key and a value and gives them back by key (then value), bytewise.
///
/// Memory stays near `budget` bytes whatever is pushed; beyond it sorted runs go to a file in the
/// scratch folder that has no name there.
#[derive(Debug)]
pub struct ExternalSorter {
    order: Order,
    budget: usize,
    scratch: PathBuf,
    arena: Vec<u8>,
    slots: Vec<Slot>,
    spilled: Option<Spilled>,
}

#[derive(Debug)]
struct Spilled {
    file: Arc<File>,
    len: u64,
    runs: Vec<Run>,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    start: u64,
    end: u64,
}

/// A record in the arena; the first bytes of its key stand here, so that most comparisons do not
/// leave the slots.
#[derive(Clone, Copy, Debug)]
struct Slot {
    head: u64,
    at: u32,
    key_len: u32,
    value_len: u32,
}

impl Slot {
    fn record(self, arena: &[u8]) -> (&[u8], &[u8]) {
        let at = self.at as usize;
        let value = at + self.key_len as usize;
        (
            &arena[at..value],
            &arena[value..value + self.value_len as usize],
        )
    }
}

impl ExternalSorter {
    /// An empty sorter. `budget` is in bytes, from 4 KiB to 1 GiB; `scratch` is touched only when
    /// it is exceeded.
    pub fn new(order: Order, budget: usize, scratch: PathBuf) -> Self {
        Self {
            order,
            budget: budget.clamp(4 << 10, 1 << 30),
            scratch,
            arena: Vec::new(),
            slots: Vec::new(),
            spilled: None,
        }
    }

    /// Takes a record.
    ///
    /// # Errors
    ///
    /// Those of the scratch file, and `InvalidInput` for a record above 64 MiB.
    pub fn push(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        let size = key.len() + value.len();
        if size > MAX_RECORD {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let used = self.arena.len() + (self.slots.len() + 1) * size_of::<Slot>();
        if used + size > self.budget && !self.slots.is_empty() {
            self.spill()?;
        }
        let mut head = [0; 8];
        for (to, from) in head.iter_mut().zip(key) {
            *to = *from;
        }
        // The arena is below 1 GiB and the record below 64 MiB.
        let narrow = |n: usize| u32::try_from(n).map_err(|_| io::ErrorKind::InvalidInput);
        self.slots.push(Slot {
            head: head
                .iter()
                .fold(0, |head, &byte| head << 8 | u64::from(byte)),
            at: narrow(self.arena.len())?,
            key_len: narrow(key.len())?,
            value_len: narrow(value.len())?,
        });
        self.arena.extend_from_slice(key);
        self.arena.extend_from_slice(value);
        Ok(())
    }

    /// Ends collecting.
    ///
    /// # Errors
    ///
    /// Those of the scratch file.
    pub fn sort(mut self) -> io::Result<Sorted> {
        if self.spilled.is_none() {
            self.sort_slots();
            return Ok(Sorted {
                sorter: self,
                next: 0,
                merge: None,
            });
        }
        self.spill()?;
        while let Some(spilled) = self.spilled.as_ref().filter(|s| s.runs.len() > FAN_IN) {
            let mut merged = Spilled::new(&self.scratch)?;
            for runs in spilled.runs.chunks(FAN_IN) {
                let mut merge = Merge::new(&spilled.file, runs, self.order, self.buffer_len())?;
                merged.append(|out| {
                    while let Some((key, value)) = merge.next()? {
                        write_record(out, key, value)?;
                    }
                    Ok(())
                })?;
            }
            self.spilled = Some(merged);
        }
        let merge = match &self.spilled {
            Some(s) => Some(Merge::new(&s.file, &s.runs, self.order, self.buffer_len())?),
            None => None,
        };
        Ok(Sorted {
            sorter: self,
            next: 0,
            merge,
        })
    }

    fn buffer_len(&self) -> usize {
        (self.budget / FAN_IN).clamp(1 << 10, 256 << 10)
    }

    fn sort_slots(&mut self) {
        let (arena, order) = (&self.arena, self.order);
        self.slots.sort_unstable_by(|a, b| {
            let heads = match order {
                Order::Ascending => a.head.cmp(&b.head),
                Order::Descending => b.head.cmp(&a.head),
            };
            heads.then_with(|| order.compare(a.record(arena), b.record(arena)))
        });
    }

    fn spill(&mut self) -> io::Result<()> {
        self.sort_slots();
        let spilled = match &mut self.spilled {
            Some(spilled) => spilled,
            none => none.insert(Spilled::new(&self.scratch)?),
        };
        let (slots, arena) = (&self.slots, &self.arena);
        spilled.append(|out| {
            slots.iter().try_for_each(|slot| {
                let (key, value) = slot.record(arena);
                write_record(out, key, value)
            })
        })?;
        self.slots.clear();
        self.arena.clear();
        Ok(())
    }
}

impl Spilled {
    fn new(scratch: &std::path::Path) -> io::Result<Self> {
        Ok(Self {
            file: Arc::new(tempfile::tempfile_in(scratch)?),
            len: 0,
            runs: Vec::new(),
        })
    }

    fn append(&mut self, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let start = self.len;
        let mut out = BufWriter::with_capacity(
            64 << 10,
            AtEnd {
                file: &self.file,
                at: start,
            },
        );
        fill(&mut out)?;
        self.len = out.into_inner().map_err(io::IntoInnerError::into_error)?.at;
        self.runs.push(Run {
            start,
            end: self.len,
        });
        Ok(())
    }
}

struct AtEnd<'a> {
    file: &'a File,
    at: u64,
}

impl Write for AtEnd<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write_at(bytes, self.at)?;
        self.at += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_record(out: &mut (impl Write + ?Sized), key: &[u8], value: &[u8]) -> io::Result<()> {
    for part in [key, value] {
        let len = u32::try_from(part.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        out.write_all(&len.to_le_bytes())?;
    }
    out.write_all(key)?;
    out.write_all(value)
}

/// The records in order.
#[derive(Debug)]
pub struct Sorted {
    sorter: ExternalSorter,
    next: usize,
    merge: Option<Merge>,
}

impl Sorted {
    /// The next record, key and value.
    ///
    /// # Errors
    ///
    /// Those of the scratch file.
    #[expect(
        clippy::should_implement_trait,
        reason = "the record borrows from the sorter"
    )]
    pub fn next(&mut self) -> io::Result<Option<(&[u8], &[u8])>> {
        if let Some(merge) = &mut self.merge {
            return merge.next();
        }
        let slot = self.sorter.slots.get(self.next);
        self.next += 1;
        Ok(slot.map(|slot| slot.record(&self.sorter.arena)))
    }

    /// The sorter again, empty, with its memory kept.
    pub fn recycle(self) -> ExternalSorter {
        let mut sorter = self.sorter;
        sorter.slots.clear();
        sorter.arena.clear();
        sorter.spilled = None;
        sorter
    }
}

#[derive(Debug)]
struct Merge {
    heads: BinaryHeap<Head>,
    /// Whether the record at the top was given out already.
    given: bool,
}

#[derive(Debug)]
struct Head {
    order: Order,
    key: Vec<u8>,
    value: Vec<u8>,
    rest: BufReader<RunReader>,
}

#[derive(Debug)]
struct RunReader {
    file: Arc<File>,
    run: Run,
}

impl Read for RunReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.run.end - self.run.start).unwrap_or(usize::MAX);
        let want = into.len().min(left);
        let got = self.file.read_at(&mut into[..want], self.run.start)?;
        self.run.start += got as u64;
        Ok(got)
    }
}

impl Head {
    fn fill(&mut self) -> io::Result<bool> {
        if self.rest.buffer().is_empty()
            && self.rest.get_ref().run.start == self.rest.get_ref().run.end
        {
            return Ok(false);
        }
        let mut lens = [0; 8];
        self.rest.read_exact(&mut lens)?;
        let len = |at: usize| {
            let bytes = [lens[at], lens[at + 1], lens[at + 2], lens[at + 3]];
            match u32::from_le_bytes(bytes) as usize {
                len if len <= MAX_RECORD => Ok(len),
                _ => Err(io::Error::from(io::ErrorKind::InvalidData)),
            }
        };
        self.key.resize(len(0)?, 0);
        self.value.resize(len(4)?, 0);
        self.rest.read_exact(&mut self.key)?;
        self.rest.read_exact(&mut self.value)?;
        Ok(true)
    }
}

impl Ord for Head {
    /// The heap gives its greatest first, so the order is turned round.
    fn cmp(&self, other: &Self) -> Ordering {
        self.order
            .compare((&other.key, &other.value), (&self.key, &self.value))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Head {}

impl Merge {
    fn new(file: &Arc<File>, runs: &[Run], order: Order, buffer: usize) -> io::Result<Self> {
        let mut heads = BinaryHeap::with_capacity(runs.len());
        for &run in runs {
            let reader = RunReader {
                file: Arc::clone(file),
                run,
            };
            let rest = BufReader::with_capacity(buffer, reader);
            let mut head = Head {
                order,
                key: Vec::new(),
                value: Vec::new(),
                rest,
            };
            if head.fill()? {
                heads.push(head);
            }
        }
        Ok(Self {
            heads,
            given: false,
        })
    }

    fn next(&mut self) -> io::Result<Option<(&[u8], &[u8])>> {
        if self.given
            && let Some(mut top) = self.heads.peek_mut()
            && !top.fill()?
        {
            PeekMut::pop(top);
        }
        self.given = true;
        Ok(self.heads.peek().map(|head| (&*head.key, &*head.value)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn drain(sorter: ExternalSorter) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut records = sorter.sort().unwrap();
        let mut all = Vec::new();
        while let Some((key, value)) = records.next().unwrap() {
            all.push((key.to_vec(), value.to_vec()));
        }
        assert!(records.next().unwrap().is_none(), "the end stays the end");
        all
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn records_come_back_sorted_whether_they_fit_or_not(
            records in prop::collection::vec(
                (prop::collection::vec(any::<u8>(), 0..40), prop::collection::vec(any::<u8>(), 0..40)),
                0..1500,
            ),
            descending: bool,
            budget in prop_oneof![Just(0_usize), Just(16 << 10), Just(1 << 20)],
        ) {
            let scratch = tempfile::tempdir().unwrap();
            let order = if descending { Order::Descending } else { Order::Ascending };
            let mut sorter = ExternalSorter::new(order, budget, scratch.path().to_owned());
            let mut expect = records.clone();
            for (key, value) in &records {
                sorter.push(key, value).unwrap();
            }
            expect.sort();
            if descending {
                expect.reverse();
            }
            prop_assert_eq!(drain(sorter), expect);
        }
    }

    #[test]
    fn more_runs_than_one_merge_takes_are_merged_in_passes() {
        let scratch = tempfile::tempdir().unwrap();
        let mut sorter = ExternalSorter::new(Order::Ascending, 0, scratch.path().to_owned());
        let count = 40_000_u32;
        for n in 0..count {
            let key = n.wrapping_mul(2_654_435_761) % 1_000_003;
            sorter
                .push(format!("{key:07}").as_bytes(), &n.to_le_bytes())
                .unwrap();
        }
        let runs = sorter
            .spilled
            .as_ref()
            .map_or(0, |spilled| spilled.runs.len());
        assert!(
            runs > FAN_IN * 2,
            "the test is about several passes, not {runs} runs"
        );
        let all = drain(sorter);
        assert_eq!(all.len(), count as usize);
        assert!(all.is_sorted());
        assert_eq!(
            std::fs::read_dir(scratch.path()).unwrap().count(),
            0,
            "no name in the folder"
        );
    }

    #[test]
    fn a_recycled_sorter_holds_nothing_of_before() {
        let scratch = tempfile::tempdir().unwrap();
        let mut sorter = ExternalSorter::new(Order::Ascending, 0, scratch.path().to_owned());
        for n in 0..5000_u32 {
            sorter.push(&n.to_le_bytes(), b"").unwrap();
        }
        let mut sorter = sorter.sort().unwrap().recycle();
        sorter.push(b"one", b"1").unwrap();
        assert_eq!(drain(sorter), [(b"one".to_vec(), b"1".to_vec())]);
    }
}
