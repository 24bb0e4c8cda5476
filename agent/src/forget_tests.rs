//! Forgetting and bringing back beside others who change the repository.

use std::sync::Arc;

use orlop_repo::index::{CacheFolder, LocalIndex};
use orlop_repo::log::{AppendError, Body, Condemn, Forget, Invalid, State, Sweep};
use orlop_repo::model::{PackSet, SnapshotId};
use orlop_repo::repository::{Repository, UnforgetError};

use crate::testing::{TestRepository, differences, noise};

fn volume() -> TestRepository {
    let repo = TestRepository::new();
    repo.write("large", &noise(1, 2 << 20));
    for file in 0..50 {
        repo.write(&format!("folder/{file}"), &noise(file, 1000));
    }
    repo
}

async fn append(repository: &Repository, body: Body) -> Result<(), AppendError> {
    let say = |_: &State| Ok::<_, AppendError>(body.clone());
    repository.chain().await.append(say).await.map(|_| ())
}

async fn unforget(
    repository: &Arc<Repository>,
    repo: &TestRepository,
    id: SnapshotId,
) -> Result<(), UnforgetError> {
    let scratch = CacheFolder::TemporaryIn(repo.folder.path().to_owned());
    let index = Arc::new(LocalIndex::open(&scratch, None).unwrap());
    repository.unforget(&[id], &index, "test", || false).await
}

fn condemn(packs: &PackSet) -> Body {
    Body::Condemn(Condemn {
        packs: packs.clone(),
        broken: Vec::new(),
        others: Vec::new(),
    })
}

fn sweep(packs: &PackSet) -> Body {
    Body::Sweep(Sweep {
        packs: packs.clone(),
        segments: Vec::new(),
        others: Vec::new(),
    })
}

#[test]
fn what_comes_back_is_rescued_from_a_condemnation() {
    let repo = volume();
    let snapshot = repo.backup();
    repo.tools.runtime.block_on(async {
        let other = repo.open_again().await;
        let forget = Forget {
            snapshots: vec![snapshot.id],
        };
        append(&other, Body::Forget(forget)).await.unwrap();
        let packs = other.state().await.packs;
        append(&other, condemn(&packs)).await.unwrap();
        unforget(&repo.tools.repository, &repo, snapshot.id)
            .await
            .unwrap();
        let swept = append(&other, sweep(&packs)).await;
        assert!(
            matches!(swept, Err(AppendError::Invalid(Invalid::NotCondemned(_)))),
            "{swept:?}"
        );
        assert!(other.state().await.snapshots.contains_key(&snapshot.id));
    });
    repo.restore(&snapshot, repo.options()).unwrap();
    assert_eq!(differences(&repo.source(""), &repo.target("")), "");
}

#[test]
fn what_was_swept_does_not_come_back_and_leaves_no_session() {
    let repo = volume();
    let first = repo.backup();
    repo.tools.runtime.block_on(async {
        let other = repo.open_again().await;
        let forget = Forget {
            snapshots: vec![first.id],
        };
        append(&other, Body::Forget(forget)).await.unwrap();
        let packs = other.state().await.packs;
        for body in [condemn(&packs), sweep(&packs)] {
            append(&other, body).await.unwrap();
        }
        let error = unforget(&repo.tools.repository, &repo, first.id).await;
        assert!(
            matches!(error, Err(UnforgetError::NotForgotten { snapshot }) if snapshot == first.id),
            "{error:?}"
        );
        assert!(repo.tools.repository.state().await.sessions.is_empty());
    });
}

#[test]
fn what_has_moved_comes_back_from_where_it_is() {
    let repo = volume();
    let snapshot = repo.backup();
    repo.move_packs();
    repo.tools.runtime.block_on(async {
        let client = repo.open_again().await;
        let forget = Forget {
            snapshots: vec![snapshot.id],
        };
        append(&client, Body::Forget(forget)).await.unwrap();
        unforget(&client, &repo, snapshot.id).await.unwrap();
    });
    repo.restore(&snapshot, repo.options()).unwrap();
    assert_eq!(differences(&repo.source(""), &repo.target("")), "");
}

#[test]
fn a_choice_is_made_anew_for_what_others_have_done_meanwhile() {
    let repo = volume();
    let first = repo.backup();
    let stale = repo.tools.runtime.block_on(repo.open_again());
    let second = repo.backup();
    let third = repo.backup();
    repo.tools.runtime.block_on(async {
        let forget = Forget {
            snapshots: vec![first.id],
        };
        append(&repo.tools.repository, Body::Forget(forget))
            .await
            .unwrap();
        let mut asked = 0;
        let newest_stays = |state: &State| {
            asked += 1;
            let mut all: Vec<_> = state.snapshots.values().collect();
            all.sort_by_key(|snapshot| (snapshot.started_ms, snapshot.id));
            all.pop();
            let mut ids: Vec<_> = all.iter().map(|snapshot| snapshot.id).collect();
            // One that is not there any more may be named.
            ids.push(first.id);
            Ok::<_, AppendError>(ids)
        };
        let forgotten = stale.forget(newest_stays).await.unwrap();
        assert_eq!(forgotten, [second.id]);
        assert!(asked > 1, "{asked}");
        let left: Vec<_> = stale.state().await.snapshots.into_keys().collect();
        assert_eq!(left, [third.id]);
    });
}
