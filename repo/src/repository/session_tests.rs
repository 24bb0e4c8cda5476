//! What a session may rely on.

use std::sync::Arc;

use super::*;
use crate::clock::SystemClock;
use crate::cuts::Cuts;
use crate::entropy::SeededEntropy;
use crate::log::{Condemn, Sweep};
use crate::repository::{InitOptions, InitSlot};
use crate::seal::Suite;
use crate::slots::SlotSpec;
use crate::store::Store;

async fn repository() -> Arc<Repository> {
    let options = InitOptions {
        slots: vec![InitSlot {
            spec: SlotSpec::Raw([7; 32].into()),
            label: "test".to_owned(),
        }],
        suite: Suite::XChaCha20Poly1305,
        cuts: Cuts::DEFAULT,
        clock: Arc::new(SystemClock::new()),
        entropy: Arc::new(SeededEntropy::new(1)),
    };
    Repository::init(Store::memory(), options).await.unwrap()
}

async fn begin(repository: &Arc<Repository>) -> Session {
    let request = |_: &State| {
        Ok::<_, SessionError>(SessionRequest {
            role: Role::Writer,
            base: None,
            adopts: Vec::new(),
            owner: None,
            client: "test".to_owned(),
            volume: None,
        })
    };
    Session::begin(Arc::clone(repository), request)
        .await
        .unwrap()
}

async fn append(repository: &Repository, body: Body) -> Result<Entry, AppendError> {
    let mut chain = repository.chain().await;
    chain.append(|_| Ok::<_, AppendError>(body.clone())).await
}

/// A session that has named packs and ended.
async fn with_packs(repository: &Arc<Repository>, count: usize) -> (SessionId, Vec<PackName>) {
    let dead = begin(repository).await;
    let packs: Vec<_> = (0..count).map(|_| dead.next_pack().unwrap()).collect();
    for pack in &packs {
        dead.has_stored(*pack);
    }
    dead.checkpoint(None).await.unwrap();
    dead.end().await.unwrap();
    (dead.id(), packs)
}

/// A backup looked chunks up by the state before its checkpoint, and the pack was swept: the
/// backup failed.
#[tokio::test]
async fn what_was_condemned_before_the_last_checkpoint_is_not_relied_on() {
    let repository = repository().await;
    let (dead, packs) = with_packs(&repository, 3).await;
    let session = begin(&repository).await;
    assert!(session.may_rely_on(packs[0]));
    let condemned: PackSet = packs[..2].iter().copied().collect();
    let condemn = Condemn {
        packs: condemned,
        broken: vec![dead],
        others: Vec::new(),
    };
    append(&repository, Body::Condemn(condemn)).await.unwrap();
    // Its `Begin` stands before: no sweep comes before it has said what it relies on.
    let sweep = |pack: PackName| {
        Body::Sweep(Sweep {
            packs: [pack].into_iter().collect(),
            segments: Vec::new(),
            others: Vec::new(),
        })
    };
    append(&repository, sweep(packs[1])).await.unwrap_err();
    session.checkpoint(None).await.unwrap();
    assert!(
        !session.may_rely_on(packs[1]),
        "a sweep does not wait for it"
    );
    assert!(session.may_rely_on(packs[0]), "the checkpoint has named it");
    assert!(session.may_rely_on(packs[2]), "it is not condemned");
    append(&repository, sweep(packs[1])).await.unwrap();
    append(&repository, sweep(packs[0])).await.unwrap_err();
    session.checkpoint(None).await.unwrap();
}

/// What it has adopted is in no state that it has looked at, and it may rely on it all the same.
#[tokio::test]
async fn packs_that_it_has_adopted_are_relied_on() {
    let repository = repository().await;
    let dead = begin(&repository).await;
    let pack = dead.next_pack().unwrap();
    dead.end().await.unwrap();
    let session = begin(&repository).await;
    assert!(!session.may_rely_on(pack), "no entry names it");
    session.adopt(pack);
    assert!(!session.may_rely_on(pack), "no entry names it yet");
    session.checkpoint(None).await.unwrap();
    assert!(session.may_rely_on(pack));
}

/// A session that relies on more than one entry can name was taken for one that has said all of
/// it, after the first entry of several.
#[tokio::test]
async fn the_first_of_several_entries_brings_back_what_the_others_name() {
    let repository = repository().await;
    let many = usize::try_from(super::super::unnamed::MAX_PACKS).unwrap();
    let (dead, packs) = with_packs(&repository, many).await;
    let (_, more) = with_packs(&repository, 2).await;
    let session = begin(&repository).await;
    for pack in packs.iter().chain(&more) {
        assert!(session.may_rely_on(*pack));
    }
    let first = packs.iter().chain(&more).copied().collect::<PackSet>();
    let last = *first.iter().collect::<Vec<_>>().last().unwrap();
    let condemn = Condemn {
        packs: [last].into_iter().collect(),
        broken: vec![dead],
        others: Vec::new(),
    };
    append(&repository, Body::Condemn(condemn)).await.unwrap();
    let before = repository.state().await.next;
    session.checkpoint(None).await.unwrap();
    let chain = repository.chain().await;
    let Body::Checkpoint(first) = chain.entry(before).await.unwrap().body else {
        panic!("a checkpoint comes next");
    };
    assert!(first.relied.contains(last));
}
