//! Repositories whose packs were moved after their trees were written.

use orlop_repo::log::{AppendError, Body, Forget};
use orlop_repo::repository::{ElsewhereError, TreeError};
use orlop_repo::tree::{KeyRange, TreeCursor, TreeDiff};

use super::*;
use crate::memory::{MIN_BUDGET, MemoryPlan};
use crate::progress::Progress;
use crate::testing::{TestRepository, differences, noise};

fn volume() -> TestRepository {
    let repo = TestRepository::new();
    for file in 0..400_u32 {
        let name = format!("folder-{}/some-longer-name-{file:04}", file / 100);
        repo.write(&name, &noise(file.into(), 100 + file as usize));
    }
    repo.write("large", &noise(1000, 3 << 20));
    repo
}

#[test]
fn everything_reads_on_where_packs_have_moved() {
    let repo = volume();
    let first = repo.backup();
    repo.write("folder-1/new", b"new");
    repo.write("large", &noise(1001, 3 << 20));
    let second = repo.backup();
    // Read before and after, by a client that was open all the time.
    for round in 0..3 {
        let mut options = repo.options();
        options.target = repo.folder.path().join(format!("target-{round}"));
        let target = options.target.clone();
        let done = repo.restore(&second, options).unwrap();
        assert!(done.is_complete(), "{done:?}");
        assert_eq!(differences(&repo.source(""), &target), "");

        let memory = MemoryPlan::new(MIN_BUDGET);
        let progress = Progress::new();
        let mut bytes = Vec::new();
        cat(
            &repo.tools,
            &first,
            b"large",
            &memory,
            &mut bytes,
            &progress,
        )
        .unwrap();
        assert!(bytes == noise(1000, 3 << 20));
        let mut archive = Vec::new();
        let done = tar(&repo.tools, &first, b"", &memory, &mut archive, &progress).unwrap();
        assert!(done.is_complete(), "{done:?}");

        let pages = repo.tools.pages(first.id, 1 << 20);
        let entries = TreeCursor::new(&pages, first.root.0, KeyRange::all());
        assert_eq!(entries.map(Result::unwrap).count(), 1 + 4 + 400 + 1);
        let differ = TreeDiff::new(&pages, first.root.0, second.root.0);
        assert!(differ.flatten().count() >= 2);
        repo.move_packs();
    }
    // A backup finds its parent where it is now: of files that are too young to be taken over,
    // it knows that they were there.
    let third = repo.backup().stats;
    assert_eq!((third.files_new, third.folders_new), (0, 0), "{third:?}");
}

#[test]
fn a_snapshot_that_was_forgotten_meanwhile_is_named() {
    let repo = volume();
    let snapshot = repo.backup();
    let forget = Body::Forget(Forget {
        snapshots: vec![snapshot.id],
    });
    repo.tools.runtime.block_on(async {
        let other = repo.open_again().await;
        let say = |_: &_| Ok::<_, AppendError>(forget.clone());
        other.chain().await.append(say).await.unwrap();
    });
    for kind in [1, 2] {
        for pack in repo.packs(kind) {
            std::fs::remove_file(pack).unwrap();
        }
    }
    let error = repo.restore(&snapshot, repo.options()).unwrap_err();
    let RestoreError::Page(failure) = error else {
        panic!("{error:?}");
    };
    assert!(matches!(
        failure.source,
        TreeError::Elsewhere(ElsewhereError::Forgotten { snapshot: id }) if id == snapshot.id
    ));
}
