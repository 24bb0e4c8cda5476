//! Repositories with one thing wrong: the check finds it and names it and the files it hurts.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[path = "support/silent.rs"]
mod silent;
mod support;

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use orlop_repo::check::{
    CheckError, CheckOptions, CheckReport, Hurt, NoProgress, ReadData, Severity, check,
};
use orlop_repo::index::{CacheFolder, LocalIndex};
use orlop_repo::model::{ChunkRef, Extent, ObjectName, PackName};
use orlop_repo::pack::read_directory;
use orlop_repo::repository::{Elsewhere, Repository, TreePages};
use orlop_repo::seal::{BlockKind, Suite};
use orlop_repo::snapshot::Snapshot;
use orlop_repo::store::{MemoryBackend, Store};
use orlop_repo::tree::{Extents, KeyRange, TreeCursor};
use silent::Silent;
use tokio::runtime::Runtime;

/// A repository that was opened before anything goes wrong with it.
struct Bench {
    runtime: Runtime,
    folder: tempfile::TempDir,
    memory: MemoryBackend,
    repository: Arc<Repository>,
    snapshots: Vec<Snapshot>,
}

impl Bench {
    /// Two snapshots, with a fold between them.
    fn new() -> Self {
        Self::over(Store::new)
    }

    fn over(store: impl FnOnce(MemoryBackend) -> Store) -> Self {
        let runtime = support::runtime();
        let folder = tempfile::tempdir().unwrap();
        let memory = MemoryBackend::new();
        let suite = Suite::XChaCha20Poly1305;
        let repository = runtime.block_on(support::init(store(memory.clone()), suite));
        let source = folder.path().join("source");
        support::fill(&source);
        let mut snapshots = vec![support::back_up(
            &runtime,
            &repository,
            &source,
            folder.path(),
        )];
        runtime.block_on(async { repository.chain().await.fold().await.unwrap() });
        std::fs::write(source.join("later"), support::noise("later", 100_000)).unwrap();
        snapshots.push(support::back_up(
            &runtime,
            &repository,
            &source,
            folder.path(),
        ));
        Self {
            runtime,
            folder,
            memory,
            repository,
            snapshots,
        }
    }

    fn try_check(&self, read_data: ReadData) -> Result<CheckReport, CheckError> {
        let options = CheckOptions {
            read_data,
            seed: 1,
            memory: 8 << 20,
            scratch: self.folder.path().to_owned(),
        };
        self.runtime
            .block_on(check(&self.repository, &options, Arc::new(NoProgress)))
    }

    fn check(&self, read_data: ReadData) -> CheckReport {
        self.try_check(read_data).unwrap()
    }

    fn names(&self) -> Vec<ObjectName> {
        self.memory.contents().into_keys().collect()
    }

    fn packs(&self) -> Vec<ObjectName> {
        let mut names = self.names();
        names.retain(|name| name.as_str().starts_with("packs/"));
        names
    }

    fn bytes(&self, name: &ObjectName) -> Bytes {
        self.memory.contents()[name].clone()
    }

    fn flip(&self, name: &ObjectName, at: usize) {
        let mut bytes = self.bytes(name).to_vec();
        bytes[at] ^= 1;
        self.memory.set(name, Some(bytes.into()));
    }

    /// Every file of every snapshot that has a data chunk which `is_hurt` picks.
    fn files(&self, is_hurt: impl Fn(&ChunkRef) -> bool) -> BTreeSet<(String, String)> {
        let mut files = BTreeSet::new();
        for snapshot in &self.snapshots {
            let folder = CacheFolder::TemporaryIn(std::env::temp_dir());
            let open = Box::new(move || LocalIndex::open(&folder, None).map(Arc::new));
            let elsewhere = Elsewhere::new(Arc::clone(&self.repository), snapshot.id, open);
            let pages = TreePages::new(
                Arc::clone(&self.repository),
                self.runtime.handle().clone(),
                1 << 20,
                Arc::new(elsewhere),
            );
            for located in TreeCursor::new(&pages, snapshot.root.0, KeyRange::all()) {
                let located = located.unwrap();
                let mut extents = Extents::new(&pages, &located.entry.content);
                let hurt = extents.any(
                    |extent| matches!(extent.unwrap(), Extent::Data(chunk) if is_hurt(&chunk)),
                );
                if hurt {
                    let path = orlop_repo::tree::join_path(&located.parent, &located.entry.name);
                    let path = String::from_utf8(path).unwrap();
                    files.insert((snapshot.id.to_string(), path));
                }
            }
        }
        files
    }
}

/// Hurt files that a report names.
fn hurt(report: &CheckReport) -> BTreeSet<(String, String)> {
    let files = report.findings.iter().flat_map(|finding| &finding.hurt);
    files
        .map(|file| {
            let path = String::from_utf8(file.path.clone()).unwrap();
            (file.snapshot.to_string(), path)
        })
        .collect()
}

fn named<'a>(report: &'a CheckReport, name: &ObjectName) -> Vec<&'a str> {
    let findings = report.findings.iter();
    findings
        .filter(|finding| finding.object == name.as_str())
        .map(|finding| finding.what.as_str())
        .collect()
}

fn pack_name(name: &ObjectName) -> PackName {
    let mut parts = name.as_str().split('/').skip(1);
    PackName {
        session: orlop_repo::model::SessionId::from_hex(parts.next().unwrap()).unwrap(),
        number: parts.next().unwrap().parse().unwrap(),
    }
}

#[test]
fn a_sound_repository_has_no_findings_and_everything_is_counted() {
    let bench = Bench::new();
    let report = bench.check(ReadData::All);
    assert_eq!(report.findings, []);
    assert!(report.is_sound());
    let packs = bench.packs();
    assert_eq!(
        (report.packs, report.packs_read),
        (packs.len() as u64, packs.len() as u64)
    );
    let stored: usize = packs.iter().map(|pack| bench.bytes(pack).len()).sum();
    assert_eq!(report.bytes_read, stored as u64);
    assert_eq!((report.snapshots, report.hurt), (2, 0));
    assert_eq!((report.packs_unreferenced, report.packs_unnamed), (0, 0));
    assert_eq!(report.folds, 1);
    assert!(report.segments >= 2 && report.pages >= 2 && report.chunks > 400);
}

#[test]
fn a_flipped_byte_in_any_object_is_found_and_the_object_named() {
    let bench = Bench::new();
    for name in bench.names() {
        let len = bench.bytes(&name).len();
        for at in [9, len / 2, len - 1] {
            bench.flip(&name, at);
            let report = bench.check(ReadData::All);
            assert!(
                !named(&report, &name).is_empty(),
                "{name} at {at}: {report:?}"
            );
            bench.flip(&name, at);
        }
    }
    assert_eq!(bench.check(ReadData::All).findings, []);
}

#[test]
fn an_object_that_is_gone_is_named() {
    let bench = Bench::new();
    for name in bench.names() {
        let bytes = bench.bytes(&name);
        bench.memory.set(&name, None);
        let report = bench.check(ReadData::None);
        if name.as_str().starts_with("meta/folds/") {
            assert_eq!(report.findings, [], "a fold is a cache");
        } else {
            assert_eq!(named(&report, &name).len(), 1, "{name}: {report:?}");
        }
        bench.memory.set(&name, Some(bytes));
    }
}

#[test]
fn a_segment_that_is_gone_hurts_no_file() {
    let bench = Bench::new();
    for name in bench.names() {
        if name.as_str().starts_with("index/") {
            bench.memory.set(&name, None);
        }
    }
    let report = bench.check(ReadData::None);
    assert_eq!(report.worst(), Some(Severity::Repairable));
    assert_eq!(report.findings.len() as u64, report.segments);
    assert_eq!(report.hurt, 0);
}

#[test]
fn swapped_packs_are_both_named_with_the_files_that_they_hurt() {
    let bench = Bench::new();
    let packs = bench.packs();
    let kind = |name: &ObjectName| bench.bytes(name)[8];
    let data: Vec<_> = packs.iter().filter(|name| kind(name) == 1).collect();
    let (one, other) = (data[0], data[1]);
    let expected =
        bench.files(|chunk| [pack_name(one), pack_name(other)].contains(&chunk.place.pack));
    let (a, b) = (bench.bytes(one), bench.bytes(other));
    bench.memory.set(one, Some(b));
    bench.memory.set(other, Some(a));
    for read_data in [ReadData::None, ReadData::All] {
        let report = bench.check(read_data);
        assert!(!named(&report, one).is_empty() && !named(&report, other).is_empty());
        assert_eq!(hurt(&report), expected);
        assert_eq!(report.hurt, expected.len() as u64);
    }
}

#[test]
fn a_damaged_block_hurts_the_files_that_need_it_and_no_others() {
    let bench = Bench::new();
    let packs = bench.packs();
    let data = packs.iter().find(|name| bench.bytes(name)[8] == 1).unwrap();
    let directory = bench
        .runtime
        .block_on(read_directory(
            bench.repository.store(),
            bench.repository.keys(),
            pack_name(data),
            Some(BlockKind::Data),
            None,
        ))
        .unwrap();
    let block = directory.blocks().next().unwrap();
    let expected = bench.files(|chunk| {
        chunk.place.pack == pack_name(data) && chunk.place.block_offset == block.offset
    });
    let all = bench.files(|_| true);
    assert!(!expected.is_empty() && expected.len() < all.len());
    bench.flip(data, block.offset as usize + 40);
    assert_eq!(
        bench.check(ReadData::None).findings,
        [],
        "no data was asked for"
    );
    let report = bench.check(ReadData::All);
    assert_eq!(hurt(&report), expected);
    assert_eq!(report.worst(), Some(Severity::Damage));
    let contents = report.findings.iter().flat_map(|finding| &finding.hurt);
    assert!(contents.into_iter().all(|file| file.hurt == Hurt::Content));
}

#[test]
fn a_lost_data_pack_names_every_file_of_every_snapshot_that_needs_it() {
    let bench = Bench::new();
    for name in bench.packs() {
        let bytes = bench.bytes(&name);
        if bytes[8] != 1 {
            continue;
        }
        let expected = bench.files(|chunk| chunk.place.pack == pack_name(&name));
        bench.memory.set(&name, None);
        let report = bench.check(ReadData::None);
        assert_eq!(hurt(&report), expected);
        let finding = report.findings.iter().find(|f| f.object == name.as_str());
        assert_eq!(finding.map(|f| f.hurt.len()), Some(expected.len()));
        bench.memory.set(&name, Some(bytes));
    }
}

#[test]
fn a_lost_tree_pack_says_how_many_entries_are_gone() {
    let bench = Bench::new();
    for name in bench.packs() {
        let bytes = bench.bytes(&name);
        if bytes[8] != 2 {
            continue;
        }
        bench.memory.set(&name, None);
        let report = bench.check(ReadData::None);
        assert!(report.hurt > 0, "{name}");
        let files = report.findings.iter().flat_map(|finding| &finding.hurt);
        assert!(
            files
                .into_iter()
                .any(|file| matches!(file.hurt, Hurt::Entries(_) | Hurt::Content))
        );
        bench.memory.set(&name, Some(bytes));
    }
}

#[test]
fn a_share_of_the_packs_is_drawn_by_the_seed() {
    let bench = Bench::new();
    let packs = bench.packs().len() as u64;
    for (percent, expected) in [
        (0.0, 1),
        (50.0, packs.div_ceil(2)),
        (100.0, packs),
        (900.0, packs),
    ] {
        let report = bench.check(ReadData::Percent(percent));
        assert_eq!(report.packs_read, expected, "{percent} %");
    }
    // What is damaged is found again and again, or never.
    let bytes: BTreeSet<_> = (0..3)
        .map(|_| bench.check(ReadData::Percent(30.0)).bytes_read)
        .collect();
    assert_eq!(bytes.len(), 1);
}

#[test]
fn packs_that_nothing_names_are_counted() {
    let bench = Bench::new();
    let name = ObjectName::pack(PackName {
        session: orlop_repo::model::SessionId::from_bytes([9; 16]),
        number: 4,
    });
    bench.memory.set(&name, Some(Bytes::from_static(b"debris")));
    let report = bench.check(ReadData::All);
    assert_eq!((report.packs_unnamed, report.findings.len()), (1, 0));
}

#[test]
fn a_store_that_does_not_answer_is_an_error_and_no_damage() {
    for silent in ["packs/", "index/", "log/", "meta/slots/", "meta/folds/"] {
        let silence = Silent::default();
        let armed = Arc::clone(&silence.armed);
        let bench = Bench::over(|memory| Store::new(Silent { memory, ..silence }));
        *armed.lock() = Some(silent);
        let error = bench.try_check(ReadData::None).unwrap_err();
        assert!(error.is_retryable(), "{silent}: {error:?}");
        assert!(bench.try_check(ReadData::All).unwrap_err().is_retryable());
    }
}
