//! A probe that cannot fail proves nothing: stores that lie are caught.

use std::time::{Duration, SystemTime};

use super::{Effort, Outcome, ProbeReport, create_once, probe};
use crate::model::ObjectName;
use crate::store::testing::{Faulty, Lie};
use crate::store::{Folder, LocalBackend, MemoryBackend, ReadOnly, Store, StoreError};

fn epoch() -> SystemTime {
    SystemTime::UNIX_EPOCH
}

async fn report(store: &Store) -> ProbeReport {
    probe(store, Effort::PROBE, epoch).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_lie_is_caught_by_its_property() {
    for (lie, property) in [
        (Lie::CreatesInTwoSteps, "create-once"),
        (Lie::IgnoresCondition, "create-once"),
        (Lie::IgnoresCondition, "create-and-replace"),
        (Lie::CutsRanges, "ranges"),
        (Lie::ListsLate, "listing"),
        (Lie::ListsInclusive, "listing"),
        (Lie::Keeps, "absence"),
        (Lie::FlipsByte, "bytes"),
    ] {
        let report = report(&Store::new(Faulty::lying(lie))).await;
        let finding = report
            .findings
            .iter()
            .find(|finding| finding.property == property)
            .unwrap();
        assert_eq!(finding.outcome, Outcome::Failed, "{lie:?}: {finding:?}");
        assert!(!report.is_usable());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_creates_twice_is_refused_at_init() {
    create_once(&Store::memory()).await.unwrap();
    for lie in [Lie::CreatesInTwoSteps, Lie::IgnoresCondition] {
        let error = create_once(&Store::new(Faulty::lying(lie)))
            .await
            .unwrap_err();
        assert!(
            matches!(error, StoreError::NotSupported { .. }),
            "{error:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_leaves_the_store_as_it_was() {
    let memory = MemoryBackend::new();
    let name = ObjectName::parse("packs/1").unwrap();
    memory.set(&name, Some(vec![1].into()));
    let report = report(&Store::new(memory.clone())).await;
    assert!(
        report.is_usable() && report.failures().next().is_none(),
        "{report:?}"
    );
    assert_eq!(memory.contents().into_keys().collect::<Vec<_>>(), [name]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_clock_is_told_and_does_not_make_a_store_unusable() {
    let temp = tempfile::tempdir().unwrap();
    let store = Store::local(temp.path());
    let skew = Duration::from_hours(1);
    let late = store.store_now().await.unwrap() - skew;
    let report = probe(&store, Effort::PROBE, move || late).await.unwrap();
    let offset = report.clock_offset_seconds.unwrap();
    assert!((3600.0..4200.0).contains(&offset), "{offset}");
    let failures: Vec<_> = report.failures().map(|finding| finding.property).collect();
    assert_eq!(failures, ["clock"]);
    assert!(report.is_usable());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cannot_be_written_ends_the_probe_with_its_error() {
    let store = Store::new(ReadOnly::new(MemoryBackend::new()));
    let error = probe(&store, Effort::PROBE, epoch).await.unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_one_folder_that_know_nothing_of_each_other_create_once() {
    let temp = tempfile::tempdir().unwrap();
    for round in 0..20 {
        let name = ObjectName::parse(&format!("log/0001/{round:020}")).unwrap();
        let creators = (0..16_u8).map(|creator| {
            let store = Store::new(LocalBackend::new(temp.path()));
            let name = name.clone();
            tokio::spawn(async move { (creator, store.put_if_absent(&name, vec![creator]).await) })
        });
        let mut winners = Vec::new();
        for joined in futures::future::join_all(creators).await {
            let (creator, put) = joined.unwrap();
            if put.unwrap() == crate::store::Put::Created {
                winners.push(creator);
            }
        }
        let store = Store::local(temp.path());
        assert_eq!(winners, *store.get(&name, 1).await.unwrap());
    }
    let listed = Store::local(temp.path()).list(&Folder::ROOT).await.unwrap();
    assert_eq!(listed.len(), 20);
}
