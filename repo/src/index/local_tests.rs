//! The local index against a map, and what happens to its files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::segment_tests::{bodies, found, pack, prefix};
use super::*;
use crate::log::SegmentRef;
use crate::model::{ObjectHash, PackSet, SessionId};

/// A store of segments that counts what is fetched.
#[derive(Default)]
struct Segments {
    bodies: BTreeMap<SegmentRef, Vec<u8>>,
    fetched: AtomicUsize,
}

impl Segments {
    /// Adds the segment of packs, each given by its number and the numbers of its chunks.
    fn add(&mut self, packs: &[(u32, Vec<u64>)]) -> SegmentRef {
        let body = bodies(packs).remove(0);
        let reference = SegmentRef {
            session: SessionId::from_bytes([9; 16]),
            number: u32::try_from(self.bodies.len()).unwrap(),
            len: body.len() as u64,
            hash: ObjectHash::of(&body),
        };
        self.bodies.insert(reference, body);
        reference
    }

    async fn sync(
        &self,
        index: &LocalIndex,
        live: &[SegmentRef],
        swept: PackSet,
    ) -> Result<SyncReport, IndexError> {
        let fetch = async |reference: SegmentRef| {
            self.fetched.fetch_add(1, Ordering::Relaxed);
            Ok(Segment::parse(self.bodies[&reference].clone().into()).unwrap())
        };
        index.sync(live, Arc::new(swept), fetch).await
    }

    fn fetched(&self) -> usize {
        self.fetched.swap(0, Ordering::Relaxed)
    }
}

fn open(folder: &Path, cap: Option<u64>) -> LocalIndex {
    LocalIndex::open(&CacheFolder::Kept(folder.to_owned()), cap).unwrap()
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}

/// Places of a chunk, in an order that does not depend on where they were found.
fn places(index: &LocalIndex, chunk: u64) -> BTreeSet<(u32, u32)> {
    let found = index.lookup(&prefix(chunk), |_| true).unwrap();
    let places: BTreeSet<_> = found
        .iter()
        .map(|found| (found.place.pack.number, found.place.block_offset))
        .collect();
    assert_eq!(places.len(), found.len(), "no place is given twice");
    places
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
}

#[derive(Clone, Debug)]
enum Step {
    /// A new segment with one pack of these chunks.
    Add(Vec<u64>),
    /// All live segments become one.
    Merge,
    /// The oldest pack is swept, its segment with it if nothing else is in it.
    Sweep,
    /// Another process begins, on the same files or none.
    Reopen(bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => prop::collection::vec(0u64..400, 1..200).prop_map(Step::Add),
        1 => Just(Step::Merge),
        1 => Just(Step::Sweep),
        1 => any::<bool>().prop_map(Step::Reopen),
    ];
    prop::collection::vec(step, 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn answers_as_a_map_of_the_live_packs(steps in steps()) {
        let folder = tempfile::tempdir().unwrap();
        let (runtime, mut segments) = (runtime(), Segments::default());
        let mut index = open(folder.path(), None);
        let mut live: Vec<(SegmentRef, Vec<u32>)> = Vec::new();
        let mut packs: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
        let mut swept = PackSet::new();
        let mut next = 0;
        for step in steps {
            match step {
                Step::Add(chunks) => {
                    live.push((segments.add(&[(next, chunks.clone())]), vec![next]));
                    packs.insert(next, chunks);
                    next += 1;
                }
                Step::Merge if !packs.is_empty() => {
                    let all: Vec<_> = packs.clone().into_iter().collect();
                    live = vec![(segments.add(&all), packs.keys().copied().collect())];
                }
                Step::Sweep => {
                    if let Some((gone, _)) = packs.pop_first() {
                        swept.insert(pack(gone).name);
                        live.retain(|(_, of)| *of != [gone]);
                    }
                }
                Step::Reopen(clear) => {
                    if clear {
                        for file in files(folder.path()) {
                            std::fs::remove_file(file).unwrap();
                        }
                    }
                    index = open(folder.path(), None);
                }
                Step::Merge => {}
            }
            let references: Vec<_> = live.iter().map(|(reference, _)| *reference).collect();
            let report = runtime.block_on(segments.sync(&index, &references, swept.clone())).unwrap();
            prop_assert!(report.left_out.is_empty());
            for chunk in 0..420 {
                let is_live = |name: crate::model::PackName| packs.contains_key(&name.number);
                let answer: BTreeSet<_> = index.lookup(&prefix(chunk), is_live).unwrap().into_iter()
                    .map(|found| (found.place.pack.number, found.place.block_offset)).collect();
                let expected: BTreeSet<_> = packs.iter().flat_map(|(&number, chunks)| {
                    (0..).zip(chunks).filter(move |&(_, &other)| other == chunk)
                        .map(move |(at, _)| (number, found(pack(number).name, at).place.block_offset))
                }).collect();
                prop_assert_eq!(answer, expected, "chunk {}", chunk);
                let first = index.find(&prefix(chunk), is_live).unwrap();
                prop_assert_eq!(first.is_some(), packs.values().any(|chunks| chunks.contains(&chunk)));
            }
        }
    }
}

#[tokio::test]
async fn what_is_on_disk_is_not_fetched_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut segments = Segments::default();
    let mut live: Vec<_> = (0..20)
        .map(|n| segments.add(&[(n, (0..300).collect())]))
        .collect();
    let report = segments
        .sync(&open(folder.path(), None), &live, PackSet::new())
        .await
        .unwrap();
    assert_eq!(
        (segments.fetched(), report.fetched, report.files),
        (20, 20, 1)
    );
    let index = open(folder.path(), None);
    segments.sync(&index, &live, PackSet::new()).await.unwrap();
    assert_eq!(segments.fetched(), 0);
    live.push(segments.add(&[(20, vec![5])]));
    segments.sync(&index, &live, PackSet::new()).await.unwrap();
    assert_eq!(segments.fetched(), 1);
    assert_eq!(places(&index, 5).len(), 21);
    assert_eq!(files(folder.path()).len(), 2);
}

#[tokio::test]
async fn two_processes_can_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let mut segments = Segments::default();
    let first = segments.add(&[(0, (0..300).collect())]);
    let second = segments.add(&[(1, (0..300).collect())]);
    let (old, new) = (open(folder.path(), None), open(folder.path(), None));
    segments.sync(&old, &[first], PackSet::new()).await.unwrap();
    segments
        .sync(&new, &[first, second], PackSet::new())
        .await
        .unwrap();
    assert_eq!(segments.fetched(), 2);
    // The file of the first was merged away by the second, and it does not care.
    assert_eq!(places(&old, 7), BTreeSet::from([(0, 23)]));
    segments.sync(&old, &[first], PackSet::new()).await.unwrap();
    assert_eq!(segments.fetched(), 0);
    assert_eq!(places(&old, 7).first(), Some(&(0, 23)));
    assert_eq!(places(&new, 7), BTreeSet::from([(0, 23), (1, 23)]));
}

#[tokio::test]
async fn a_flipped_bit_in_a_file_never_gives_a_wrong_answer() {
    let folder = tempfile::tempdir().unwrap();
    let mut segments = Segments::default();
    let live = [segments.add(&[(0, (0..200).collect())])];
    segments
        .sync(&open(folder.path(), None), &live, PackSet::new())
        .await
        .unwrap();
    let path = files(folder.path()).remove(0);
    let good = std::fs::read(&path).unwrap();
    for at in (0..good.len()).step_by(37) {
        let mut damaged = good.clone();
        damaged[at] ^= 1 << (at % 8);
        std::fs::write(&path, &damaged).unwrap();
        let index = open(folder.path(), None);
        segments.sync(&index, &live, PackSet::new()).await.unwrap();
        let mut errors = 0;
        for chunk in 0..200 {
            match index.lookup(&prefix(chunk), |_| true) {
                Ok(answer) => assert_eq!(answer.len(), 1, "byte {at}, chunk {chunk}"),
                Err(error) => {
                    assert!(matches!(error, IndexError::CacheDamaged { .. }), "{error}");
                    errors += 1;
                }
            }
        }
        assert!(
            errors > 0 || segments.fetched() == 1 || at < 2 * 4096,
            "byte {at} is not checked"
        );
        // The next synchronisation makes the file anew.
        segments.sync(&index, &live, PackSet::new()).await.unwrap();
        assert!(
            (0..200).all(|chunk| places(&index, chunk).len() == 1),
            "byte {at}"
        );
        segments.fetched();
    }
}

#[tokio::test]
async fn damage_that_a_merge_meets_is_mended_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut segments = Segments::default();
    let first = segments.add(&[(0, (0..200).collect())]);
    let second = segments.add(&[(1, (0..200).collect())]);
    segments
        .sync(&open(folder.path(), None), &[first], PackSet::new())
        .await
        .unwrap();
    let path = files(folder.path()).remove(0);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[4096 + 10] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let index = open(folder.path(), None);
    segments
        .sync(&index, &[first, second], PackSet::new())
        .await
        .unwrap();
    assert!((0..200).all(|chunk| places(&index, chunk).len() == 2));
}

#[tokio::test]
async fn the_cap_holds_and_names_what_was_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let mut segments = Segments::default();
    let live: Vec<_> = (0..4)
        .map(|n| segments.add(&[(n, (0..3000).map(|c| c + 3000 * u64::from(n)).collect())]))
        .collect();
    let index = open(folder.path(), Some(300 << 10));
    let report = segments.sync(&index, &live, PackSet::new()).await.unwrap();
    assert_eq!(report.left_out, live[..2]);
    assert!(places(&index, 0).is_empty());
    assert_eq!(places(&index, 9001).len(), 1);
    let used: u64 = files(folder.path())
        .iter()
        .map(|f| std::fs::metadata(f).unwrap().len())
        .sum();
    assert!(used < 300 << 10, "{used}");
}

#[tokio::test]
async fn files_are_for_their_owner_only_and_a_temporary_folder_goes_away() {
    use std::os::unix::fs::PermissionsExt as _;
    let parent = tempfile::tempdir().unwrap();
    let mut segments = Segments::default();
    let live = [segments.add(&[(0, vec![1])])];
    let index =
        LocalIndex::open(&CacheFolder::TemporaryIn(parent.path().to_owned()), None).unwrap();
    segments.sync(&index, &live, PackSet::new()).await.unwrap();
    let folder = files(parent.path()).remove(0);
    for file in files(&folder) {
        assert_eq!(
            std::fs::metadata(file).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
    assert_eq!(
        std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777,
        0o700
    );
    drop(index);
    assert!(files(parent.path()).is_empty());
}

#[tokio::test]
async fn an_error_of_the_store_leaves_the_index_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let mut segments = Segments::default();
    let first = segments.add(&[(0, vec![1])]);
    let second = segments.add(&[(1, vec![2])]);
    let index = open(folder.path(), None);
    segments
        .sync(&index, &[first], PackSet::new())
        .await
        .unwrap();
    let failing = async |segment: SegmentRef| {
        Err(IndexError::WrongObject {
            name: segment.name(),
            found: 0,
        })
    };
    let failed = index.sync(&[first, second], Arc::default(), failing).await;
    assert!(failed.unwrap_err().is_damage());
    assert_eq!(places(&index, 1).len(), 1);
}
