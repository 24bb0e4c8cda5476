//! Trees with damaged pages: what stands below a page is missing, and nothing else.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use bytes::Bytes;
use orlop_repo::model::{ChunkRef, ObjectName};
use orlop_repo::repository::{TreeError, TreePages};
use orlop_repo::snapshot::Snapshot;
use orlop_repo::tree::{EntryKey, EntryKind, Extents, KeyRange, Page, PageSource, TreeCursor};

use super::*;
use crate::memory::{MIN_BUDGET, MemoryPlan};
use crate::progress::Progress;
use crate::testing::{TestRepository, differences, noise};

/// Files in each of the twelve folders.
const FILES: u32 = 150;
/// Entries in all, the top folder included: folders above them, two large files in one more
/// folder, another name and a link.
const ENTRIES: usize = 1 + 3 + 12 + 12 * 150 + 2 + 1 + 2;

/// Notes which pages are read, and what they are.
struct Recorder<'p> {
    pages: &'p TreePages,
    read: RefCell<Vec<(ChunkRef, Page)>>,
}

impl PageSource for Recorder<'_> {
    type Error = TreeError;

    fn page(&self, page: &ChunkRef) -> Result<Bytes, TreeError> {
        let bytes = self.pages.page(page)?;
        let decoded = Page::decode(&bytes)?;
        self.read.borrow_mut().push((*page, decoded));
        Ok(bytes)
    }
}

/// A volume whose tree has several pages of each kind.
fn volume() -> (TestRepository, Snapshot) {
    let repo = TestRepository::new();
    for folder in 0..12_u64 {
        for file in 0..u64::from(FILES) {
            let name = format!(
                "top-{}/folder-{folder:02}/some-longer-name-{file:03}",
                folder / 4
            );
            let seed = folder * 1000 + file;
            // Some within the entry, some as a chunk.
            repo.write(&name, &noise(seed, 60 + 2 * usize::try_from(file).unwrap()));
        }
    }
    repo.write("large", &noise(7, 5 << 20));
    repo.write("zz-last/large", &noise(8, 4 << 20));
    std::fs::hard_link(repo.source("large"), repo.source("top-1/other name")).unwrap();
    std::os::unix::fs::symlink("large", repo.source("top-2/link")).unwrap();
    let mode = |mode| PermissionsExt::from_mode(mode);
    std::fs::set_permissions(repo.source("top-1"), mode(0o2755)).unwrap();
    std::fs::set_permissions(repo.source("top-0/folder-03"), mode(0o711)).unwrap();
    let snapshot = repo.backup();
    (repo, snapshot)
}

struct Stored {
    page: ChunkRef,
    content: Page,
    /// Key of the file whose content it lists, if it is such a page.
    of: Option<EntryKey>,
}

/// Every page of the tree and of the content of its files.
fn stored(repo: &TestRepository, snapshot: &Snapshot) -> Vec<Stored> {
    let pages = repo.tools.pages(snapshot.id, 1 << 20);
    let recorder = Recorder {
        pages: &pages,
        read: RefCell::default(),
    };
    let entries: Vec<_> = TreeCursor::new(&recorder, snapshot.root.0, KeyRange::all())
        .map(Result::unwrap)
        .collect();
    let mut found: Vec<_> = recorder
        .read
        .take()
        .into_iter()
        .map(|(page, content)| Stored {
            page,
            content,
            of: None,
        })
        .collect();
    for located in entries {
        Extents::new(&recorder, &located.entry.content).for_each(|extent| assert!(extent.is_ok()));
        let key = EntryKey::parse(&located.key()).unwrap();
        found.extend(
            recorder
                .read
                .take()
                .into_iter()
                .map(|(page, content)| Stored {
                    page,
                    content,
                    of: Some(key.clone()),
                }),
        );
    }
    found
}

/// Flips one byte of the page as it is stored.
fn flip(repo: &TestRepository, page: &ChunkRef) {
    let name = ObjectName::pack(page.place.pack);
    let path = repo.folder.path().join("store").join(name.as_str());
    // Packs are written once and kept from being written by accident.
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    let file = std::fs::File::options()
        .read(true)
        .write(true)
        .open(&path)
        .unwrap();
    let at = u64::from(page.place.block_offset) + u64::from(page.place.block_len) / 2;
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    byte[0] ^= 0x10;
    file.write_all_at(&byte, at).unwrap();
}

fn shell(script: &str, args: &[&Path]) {
    let done = Command::new("bash")
        .args(["-ec", script, "bash"])
        .args(args)
        .status();
    assert!(done.unwrap().success(), "{script}");
}

/// The source without what the page holds, as a restore must bring it back.
fn expected(repo: &TestRepository, page: &Stored, restored: &Path) -> (PathBuf, Vec<EntryKey>) {
    let expected = repo.folder.path().join("expected");
    shell(
        "rm -rf \"$2\"; cp -a \"$1\" \"$2\"",
        &[&repo.source(""), &expected],
    );
    let missing: Vec<EntryKey> = match &page.content {
        Page::Leaf(groups) => groups
            .iter()
            .flat_map(|group| {
                let key =
                    |entry: &orlop_repo::tree::Entry| EntryKey::new(&group.parent, &entry.name);
                group.entries.iter().map(move |entry| key(entry).unwrap())
            })
            .collect(),
        _ => panic!("for leaves"),
    };
    let path = |key: &EntryKey| {
        let path = String::from_utf8(key.path()).unwrap();
        expected.join(path)
    };
    for key in &missing {
        if !path(key).is_dir() {
            std::fs::remove_file(path(key)).unwrap();
        }
    }
    // Deepest first: a folder without anything left in it is gone, others lose their metadata.
    for key in missing.iter().rev() {
        let folder = path(key);
        if !folder.is_dir() {
            continue;
        }
        if !key.is_root() && std::fs::read_dir(&folder).unwrap().next().is_none() {
            std::fs::remove_dir(&folder).unwrap();
        }
    }
    let lost: Vec<_> = missing
        .iter()
        .filter(|key| path(key).is_dir())
        .cloned()
        .collect();
    let entries = walk(&expected);
    for folder in entries.iter().rev() {
        let rel = folder.strip_prefix(&expected).unwrap();
        let unknown = lost.iter().any(|key| path(key) == *folder);
        let like = if unknown {
            restored.join(rel)
        } else {
            repo.source("").join(rel)
        };
        if unknown && !rel.as_os_str().is_empty() {
            let mode = like.metadata().unwrap().mode() & 0o7777;
            assert_eq!(mode, 0o700, "{}", like.display());
            std::fs::set_permissions(folder, PermissionsExt::from_mode(0o700)).unwrap();
        } else if unknown {
            let mode = like.metadata().unwrap().permissions();
            std::fs::set_permissions(folder, mode).unwrap();
        }
        shell("touch -r \"$1\" \"$2\"", &[&like, folder]);
    }
    (expected, lost)
}

/// The folders beneath one, itself first.
fn walk(top: &Path) -> Vec<PathBuf> {
    let mut found = vec![top.to_owned()];
    let mut next = 0;
    while let Some(folder) = found.get(next).cloned() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                found.push(path);
            }
        }
        next += 1;
    }
    found
}

#[test]
fn each_damaged_page_costs_what_stands_below_it() {
    let (repo, snapshot) = volume();
    let pages = stored(&repo, &snapshot);
    let leaves = pages
        .iter()
        .filter(|page| matches!(page.content, Page::Leaf(_)));
    assert!(leaves.clone().count() >= 3, "{}", leaves.count());
    let target = repo.target("");
    for page in &pages {
        flip(&repo, &page.page);
        shell("rm -rf \"$1\"", &[&target]);
        let done = repo.restore(&snapshot, repo.options()).unwrap();
        assert!(!done.is_complete());
        if let Some(of) = &page.of {
            // A page of content: the file is named, and everything else is there.
            assert_eq!(
                (done.lost_page_count, done.failed_count),
                (0, 0),
                "{done:?}"
            );
            let hurt: Vec<_> = done
                .damaged
                .iter()
                .map(|named| String::from_utf8(named.path.to_slashed()).unwrap())
                .collect();
            assert!(hurt.contains(&String::from_utf8(of.path()).unwrap()));
            assert!(hurt.len() <= 2, "another name of it at the most: {hurt:?}");
            let report = differences(&repo.source(""), &target);
            for line in report.lines() {
                assert!(hurt.iter().any(|name| line.contains(name)), "{line}");
            }
        } else {
            let [lost] = done.lost_pages.as_slice() else {
                panic!("{:?}", done.lost_pages);
            };
            let place = page.page.place;
            let text = format!("{} of {}", place.block_offset, place.pack);
            assert!(lost.what.contains(&text), "{}", lost.what);
            assert!(
                lost.what.contains(&format!("{:.8}", snapshot.id)),
                "{}",
                lost.what
            );
            if page.content.level() == 0 {
                let (expected, folders) = expected(&repo, page, &target);
                assert_eq!(differences(&expected, &target), "");
                let below = |key: &&EntryKey| !key.is_root();
                assert_eq!(
                    done.damaged_count,
                    folders.iter().filter(below).count() as u64
                );
            } else {
                assert_eq!(
                    (done.files, done.folders),
                    (0, 0),
                    "the root holds everything"
                );
            }
        }
        flip(&repo, &page.page);
    }
    shell("rm -rf \"$1\"", &[&target]);
    let done = repo.restore(&snapshot, repo.options()).unwrap();
    assert!(done.is_complete(), "{done:?}");
    assert_eq!(differences(&repo.source(""), &target), "");
}

#[test]
fn nothing_is_deleted_when_a_part_of_the_tree_is_unknown() {
    let (repo, snapshot) = volume();
    repo.restore(&snapshot, repo.options()).unwrap();
    let extra = repo.target("top-0/folder-00/not in the snapshot");
    std::fs::write(&extra, b"x").unwrap();
    let pages = stored(&repo, &snapshot);
    let leaf = pages
        .iter()
        .filter(|page| matches!(page.content, Page::Leaf(_)))
        .nth(1);
    flip(&repo, &leaf.unwrap().page);
    let mut options = repo.options();
    options.delete = true;
    let done = repo.restore(&snapshot, options).unwrap();
    assert_eq!((done.deleted, done.lost_page_count), (0, 1), "{done:?}");
    assert!(
        done.failed
            .iter()
            .any(|named| named.what.contains("not deleted")),
        "{done:?}"
    );
    std::fs::remove_file(&extra).unwrap();
    let folder = "top-0/folder-00";
    let touch = "touch -r \"$1\" \"$2\"";
    shell(touch, &[&repo.source(folder), &repo.target(folder)]);
    assert_eq!(
        differences(&repo.source(""), &repo.target("")),
        "",
        "nothing else was touched"
    );
}

#[test]
fn a_selection_is_restored_beside_a_damaged_page() {
    let (repo, snapshot) = volume();
    let pages = stored(&repo, &snapshot);
    let leaf = pages
        .iter()
        .find(|page| matches!(page.content, Page::Leaf(_)))
        .unwrap();
    flip(&repo, &leaf.page);
    // The first leaf holds the top folder and the entries of it.
    let mut options = repo.options();
    options.select = Some(Box::new(|path, folder| {
        let path = path.to_slashed();
        match (folder, path.as_slice()) {
            (_, b"top-2/folder-11") => Choice::Restore,
            (_, path) if path.starts_with(b"top-2/folder-11/") => Choice::Restore,
            (true, _) => Choice::Enter,
            _ => Choice::Skip,
        }
    }));
    let done = repo.restore(&snapshot, options).unwrap();
    assert_eq!(
        (done.files, done.lost_page_count),
        (u64::from(FILES), 1),
        "{done:?}"
    );
    let target = repo.target("top-2/folder-11");
    assert_eq!(differences(&repo.source("top-2/folder-11"), &target), "");

    let mut options = repo.options();
    options.path = b"top-2".to_vec();
    options.target = repo.folder.path().join("part");
    let done = repo.restore(&snapshot, options).unwrap();
    assert_eq!(
        (done.files, done.lost_page_count),
        (4 * u64::from(FILES), 1),
        "{done:?}"
    );
}

#[test]
fn an_archive_has_what_can_be_read() {
    let (repo, snapshot) = volume();
    for page in stored(&repo, &snapshot) {
        flip(&repo, &page.page);
        let mut archive = Vec::new();
        let memory = MemoryPlan::new(MIN_BUDGET);
        let progress = Progress::new();
        let missing = tar(
            &repo.tools,
            &snapshot,
            b"",
            &memory,
            &mut archive,
            &progress,
        )
        .unwrap();
        assert!(!missing.is_complete());
        let there: BTreeMap<_, _> = ::tar::Archive::new(archive.as_slice())
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                (entry.path_bytes().into_owned(), entry.size())
            })
            .collect();
        match &page.content {
            Page::Leaf(groups) => {
                let lost: usize = groups.iter().map(|group| group.entries.len()).sum();
                let others = groups.iter().flat_map(|group| &group.entries);
                assert!(others.clone().all(|entry| entry.kind != EntryKind::Socket));
                assert_eq!(there.len() + lost, ENTRIES);
                assert_eq!((missing.lost_pages.len(), missing.damaged.len()), (1, 0));
            }
            Page::Inner { .. } => assert!(there.is_empty()),
            Page::Extents(_) | Page::Content { .. } => {
                assert_eq!(there.len(), ENTRIES);
                assert_eq!((missing.lost_pages.len(), missing.damaged.len()), (0, 1));
            }
        }
        flip(&repo, &page.page);
    }
}

#[test]
fn a_backup_goes_on_from_a_damaged_parent_and_is_whole() {
    let (repo, first) = volume();
    let pages = stored(&repo, &first);
    for page in pages.iter().filter(|page| page.of.is_none()) {
        flip(&repo, &page.page);
    }
    let second = repo.backup();
    assert_eq!(second.parent, Some(first.id));
    let done = repo.restore(&second, repo.options()).unwrap();
    assert!(done.is_complete(), "{done:?}");
    assert_eq!(differences(&repo.source(""), &repo.target("")), "");
}

#[test]
fn a_backup_stores_what_was_lost_with_the_leaves_of_its_parent() {
    let (repo, first) = volume();
    let pages = stored(&repo, &first);
    let leaf = pages
        .iter()
        .find(|page| matches!(page.content, Page::Leaf(_)))
        .unwrap();
    let pack = leaf.page.place.pack;
    assert_ne!(pack, first.root.0.place.pack, "the root can be read");
    let content = |page: &&Stored| page.of.is_some() && page.page.place.pack == pack;
    assert!(pages.iter().any(|page| content(&page)), "lost with them");
    let name = ObjectName::pack(pack);
    std::fs::remove_file(repo.folder.path().join("store").join(name.as_str())).unwrap();

    let second = repo.backup();
    let done = repo.restore(&second, repo.options()).unwrap();
    assert!(done.is_complete(), "{done:?}");
    assert_eq!(differences(&repo.source(""), &repo.target("")), "");
    for page in stored(&repo, &second) {
        assert_ne!(page.page.place.pack, pack, "nothing refers to it");
    }
    // Pages of both snapshots are found for the first, too.
    let reader = repo.tools.pages(first.id, 1 << 20);
    for page in pages.iter().filter(content) {
        let bytes = reader.page(&page.page).unwrap();
        assert_eq!(Page::decode(&bytes).unwrap(), page.content);
    }
}
