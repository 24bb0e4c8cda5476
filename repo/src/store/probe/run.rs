//! Trying all properties of a store.

use std::time::{Duration, SystemTime};

use super::report::{Finding, Outcome, ProbeReport};
use super::scene::{Checked, Failure, Scene};
use super::{bytes, clock, creation, listing, ranges};
use crate::explain::explain;
use crate::store::backend::Put;
use crate::store::error::{At, StoreError};
use crate::store::folder::{Folder, PROBES};
use crate::store::handle::Store;

/// Age at which the remains of a probe that was interrupted are removed.
const REMAINS_AGE: Duration = Duration::from_hours(24);

/// How hard to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Effort {
    /// Concurrent creators of one object.
    pub creators: u32,
    /// Objects created so.
    pub rounds: u32,
    /// Bytes in the largest object.
    pub largest: usize,
    /// Objects in the largest listing.
    pub listed: usize,
}

impl Effort {
    /// For a bucket that people pay for: some 800 requests and 20 MB.
    pub const PROBE: Self = Self {
        creators: 32,
        rounds: 8,
        largest: 8 << 20,
        listed: 50,
    };

    /// For a store of tests: a listing of more than a page, a large object, many rounds.
    pub const CONFORMANCE: Self = Self {
        creators: 32,
        rounds: 40,
        largest: 33 << 20,
        listed: 1100,
    };
}

/// Tries all properties of `store` and removes what that left.
///
/// `now` is this machine's clock. Findings say what does not hold; the store need not be empty,
/// and nothing but the folder `probe` is touched.
///
/// # Errors
///
/// If not even an object can be written and read: the error says why.
pub async fn probe(
    store: &Store,
    effort: Effort,
    now: impl Fn() -> SystemTime + Send + Sync,
) -> Result<ProbeReport, StoreError> {
    let scene = Scene::new(store)?;
    let first = scene.name("first")?;
    store.put(&first, vec![1]).await?;
    store.get(&first, 1).await?;

    let mut findings = Findings::default();
    let checked = creation::one_creator(&scene, effort.creators, effort.rounds).await;
    findings.add("create-once", true, CREATE_ONCE, checked);
    findings.add(
        "create-and-replace",
        true,
        REPLACE,
        creation::create_and_replace(&scene).await,
    );
    let checked = bytes::round_trip(&scene, effort.largest).await;
    findings.add(
        "bytes",
        true,
        "What is stored comes back unchanged.",
        checked,
    );
    findings.add("absence", true, ABSENCE, bytes::absence(&scene).await);
    findings.add(
        "ranges",
        true,
        "Single files are restored by ranged reads.",
        ranges::ranges(&scene).await,
    );
    findings.add(
        "tails",
        true,
        "The index is rebuilt from the ends of packs.",
        ranges::tails(&scene).await,
    );
    findings.add(
        "names",
        true,
        "Every name of the format can be stored.",
        bytes::names(&scene).await,
    );
    let checked = listing::listings(&scene, effort.listed).await;
    findings.add("listing", true, LISTING, checked);

    let offset = clock::offset(&scene, &now).await;
    let checked = offset
        .as_ref()
        .map_or_else(|_| unknown("time"), |offset| clock::judge(*offset));
    findings.add("clock", false, CLOCK, checked);
    let latency = clock::latency(&scene).await;
    let checked = latency.as_ref().map_or_else(
        |_| unknown("latency"),
        |(put, get)| Ok(format!("put {put:.1?}, get {get:.1?}")),
    );
    findings.add("latency", false, "How long a small request takes.", checked);

    let cleared = clear(store, &scene)
        .await
        .map(|n| format!("{n} objects"))
        .map_err(Failure::Store);
    findings.add("deletion", true, "Space can be freed again.", cleared);

    let latency = latency.ok();
    Ok(ProbeReport {
        location: store.location().to_owned(),
        findings: findings.0,
        clock_offset_seconds: offset.ok(),
        put_latency: latency.map(|(put, _)| put),
        get_latency: latency.map(|(_, get)| get),
    })
}

/// Tries only what a repository rests on: that of many creators of an object one succeeds.
///
/// For `init`. Some 300 requests.
///
/// # Errors
///
/// [`StoreError::NotSupported`] if it does not hold; other errors say why it could not be tried.
pub async fn create_once(store: &Store) -> Result<(), StoreError> {
    let scene = Scene::new(store)?;
    let at = || At::store(store.location());
    let first = scene.name("first")?;
    if store.put_if_absent(&first, vec![1]).await? == Put::Exists {
        // The reply to the first attempt was lost, or the store says so of every name.
        store.get(&first, 1).await?;
    }
    let Effort {
        creators, rounds, ..
    } = Effort::PROBE;
    let checked = creation::one_creator(&scene, creators, rounds).await;
    scene.clear().await?;
    match checked {
        Ok(_) => Ok(()),
        Err(Failure::Store(error)) => Err(error),
        Err(Failure::Violated(reason)) => {
            tracing::warn!(
                store = store.location(),
                reason,
                "put-if-absent does not work"
            );
            Err(StoreError::NotSupported {
                at: at(),
                what: "creating an object at most once when several do so at the same time, \
                       which `orlop store check` shows",
            })
        }
    }
}

const CREATE_ONCE: &str = "Two backups at the same time never overwrite each other's log entry; \
                           without this a finished backup may be lost.";
const REPLACE: &str = "What is there is never overwritten.";
const ABSENCE: &str = "A missing object is told from a store that is out of reach.";
const LISTING: &str = "Listings are complete; maintenance finds what it has to delete.";
const CLOCK: &str = "Clocks decide only when dead clients are noticed, and S3 refuses requests \
                     that are 15 minutes off.";

fn unknown(what: &str) -> Checked {
    Err(Failure::Violated(format!(
        "the {what} could not be measured"
    )))
}

/// Removes this probe's objects and those of interrupted ones.
async fn clear(store: &Store, scene: &Scene) -> Result<usize, StoreError> {
    let cleared = scene.clear().await?;
    let probes = Folder::parse(PROBES).map_err(|error| StoreError::Other {
        at: At::store(store.location()),
        source: error.into(),
    })?;
    let left = store.list(&probes).await?;
    if !left.is_empty()
        && let Some(limit) = store.store_now().await?.checked_sub(REMAINS_AGE)
    {
        let old = left.into_iter().filter(|info| info.modified < limit);
        store
            .delete(old.map(|info| info.name).collect::<Vec<_>>())
            .await?;
    }
    Ok(cleared)
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(
        &mut self,
        property: &'static str,
        required: bool,
        meaning: &'static str,
        checked: Checked,
    ) {
        let (outcome, measured) = match checked {
            Ok(measured) => (Outcome::Passed, measured),
            Err(Failure::Violated(reason)) => (Outcome::Failed, reason),
            Err(Failure::Store(error)) => {
                let outcome = if error.is_retryable() {
                    Outcome::Unknown
                } else {
                    Outcome::Failed
                };
                (outcome, explain(&error))
            }
        };
        self.0.push(Finding {
            property,
            meaning,
            required,
            outcome,
            measured,
        });
    }
}
