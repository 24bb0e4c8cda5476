//! Wrapper that tries again what failed in passing.

use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use object_store::PutPayload;
use tokio::time::Instant;

use super::backend::{Backend, ObjectInfo, Put, StoreFuture, Tail};
use super::error::StoreError;
use super::folder::Folder;
use crate::model::ObjectName;

/// When to try again, and when to give up.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// Longest first pause; each further one may be twice as long. 250 ms by default.
    pub first_pause: Duration,
    /// Longest pause of all. 30 s by default.
    pub longest_pause: Duration,
    /// How long to go on once the store has answered at least once. 15 minutes by default: a
    /// backup of many hours should outlive the restart of a router.
    pub give_up_after: Duration,
    /// How long to go on while the store has never answered, which is more often a wrong address
    /// than a passing fault. 5 s by default.
    pub give_up_unreached: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            first_pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(30),
            give_up_after: Duration::from_mins(15),
            give_up_unreached: Duration::from_secs(5),
        }
    }
}

impl RetryPolicy {
    /// Tries nothing again.
    pub fn never() -> Self {
        Self {
            give_up_after: Duration::ZERO,
            give_up_unreached: Duration::ZERO,
            ..Self::default()
        }
    }

    /// Upper limit of the pause after `failures` failures, at least one.
    fn longest(&self, failures: u32) -> Duration {
        let factor = 1_u32
            .checked_shl(failures.saturating_sub(1))
            .unwrap_or(u32::MAX);
        self.first_pause
            .saturating_mul(factor)
            .min(self.longest_pause)
    }
}

/// Tries requests again with growing, random pauses.
///
/// A put is tried with the same bytes under the same name. After a lost reply, a conditional put
/// so ends as [`Put::Exists`], although the object is the caller's own.
#[derive(Debug)]
pub struct Retrying<B> {
    shared: Arc<Shared<B>>,
}

#[derive(Debug)]
struct Shared<B> {
    inner: B,
    policy: RetryPolicy,
    /// Whether the store has ever answered.
    reached: AtomicBool,
    /// State of the generator of random pauses.
    random: AtomicU64,
}

impl<B: Backend> Retrying<B> {
    /// Wraps `inner`. `seed` begins the sequence of random pauses; clients with the same seed
    /// would keep colliding.
    pub fn new(inner: B, policy: RetryPolicy, seed: u64) -> Self {
        let (reached, random) = (AtomicBool::new(false), AtomicU64::new(seed));
        Self {
            shared: Arc::new(Shared {
                inner,
                policy,
                reached,
                random,
            }),
        }
    }
}

impl<B: Backend> Shared<B> {
    /// A pause of random length up to the policy's limit.
    fn pause(&self, failures: u32) -> Duration {
        // SplitMix64: spread evenly enough for pauses, one atomic addition, any seed is good.
        const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self
            .random
            .fetch_add(GAMMA, Ordering::Relaxed)
            .wrapping_add(GAMMA);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        let longest = u64::try_from(self.policy.longest(failures).as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(z % longest.max(1))
    }

    fn note<T>(&self, result: &Result<T, StoreError>) {
        if result
            .as_ref()
            .map_or_else(|error| !error.is_retryable(), |_| true)
        {
            self.reached.store(true, Ordering::Relaxed);
        }
    }

    /// Waits before the next try, or says that there shall be none.
    async fn again(&self, error: &StoreError, failures: u32, since: Instant) -> bool {
        if !error.is_retryable() {
            return false;
        }
        let limit = if self.reached.load(Ordering::Relaxed) {
            self.policy.give_up_after
        } else {
            self.policy.give_up_unreached
        };
        let pause = self.pause(failures);
        if since.elapsed() + pause >= limit {
            return false;
        }
        tracing::debug!(
            error = error as &dyn std::error::Error,
            failures,
            pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
            "trying again"
        );
        tokio::time::sleep(pause).await;
        true
    }

    async fn run<T, F>(&self, mut request: impl FnMut() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let since = Instant::now();
        let mut failures = 0;
        loop {
            let result = request().await;
            self.note(&result);
            let Err(error) = result else { return result };
            failures += 1;
            if !self.again(&error, failures, since).await {
                return Err(error);
            }
        }
    }
}

/// A listing that goes on behind the last name after a fault.
struct Listing<B> {
    shared: Arc<Shared<B>>,
    folder: Folder,
    /// The greatest name so far, which stays `None` when names come out of order.
    after: Option<ObjectName>,
    in_order: bool,
    current: BoxStream<'static, Result<ObjectInfo, StoreError>>,
}

impl<B: Backend> Listing<B> {
    async fn next(&mut self) -> Result<Option<ObjectInfo>, StoreError> {
        let since = Instant::now();
        let mut failures = 0;
        loop {
            let result = self.current.try_next().await;
            self.shared.note(&result);
            match result {
                Ok(Some(info)) => {
                    self.in_order &= self.after.as_ref().is_none_or(|after| info.name > *after);
                    self.after = Some(info.name.clone());
                    return Ok(Some(info));
                }
                Ok(None) => return Ok(None),
                Err(error) => {
                    failures += 1;
                    if !self.in_order || !self.shared.again(&error, failures, since).await {
                        return Err(error);
                    }
                    self.current = self.shared.inner.list(&self.folder, self.after.as_ref());
                }
            }
        }
    }
}

impl<B: Backend> Backend for Retrying<B> {
    fn location(&self) -> &Arc<str> {
        self.shared.inner.location()
    }

    fn put(&self, name: &ObjectName, payload: PutPayload) -> StoreFuture<'_, ()> {
        let name = name.clone();
        async move {
            let shared = &self.shared;
            shared
                .run(|| shared.inner.put(&name, payload.clone()))
                .await
        }
        .boxed()
    }

    fn put_if_absent(&self, name: &ObjectName, payload: PutPayload) -> StoreFuture<'_, Put> {
        let name = name.clone();
        async move {
            let shared = &self.shared;
            shared
                .run(|| shared.inner.put_if_absent(&name, payload.clone()))
                .await
        }
        .boxed()
    }

    fn get(&self, name: &ObjectName, max_len: u64) -> StoreFuture<'_, Bytes> {
        let name = name.clone();
        async move {
            self.shared
                .run(|| self.shared.inner.get(&name, max_len))
                .await
        }
        .boxed()
    }

    fn get_range(&self, name: &ObjectName, range: Range<u64>) -> StoreFuture<'_, Bytes> {
        let name = name.clone();
        async move {
            let shared = &self.shared;
            shared
                .run(|| shared.inner.get_range(&name, range.clone()))
                .await
        }
        .boxed()
    }

    fn get_tail(&self, name: &ObjectName, len: u64) -> StoreFuture<'_, Tail> {
        let name = name.clone();
        async move {
            self.shared
                .run(|| self.shared.inner.get_tail(&name, len))
                .await
        }
        .boxed()
    }

    fn head(&self, name: &ObjectName) -> StoreFuture<'_, ObjectInfo> {
        let name = name.clone();
        async move { self.shared.run(|| self.shared.inner.head(&name)).await }.boxed()
    }

    fn list(
        &self,
        folder: &Folder,
        after: Option<&ObjectName>,
    ) -> BoxStream<'static, Result<ObjectInfo, StoreError>> {
        let listing = Listing {
            shared: self.shared.clone(),
            folder: folder.clone(),
            after: after.cloned(),
            in_order: true,
            current: self.shared.inner.list(folder, after),
        };
        stream::try_unfold(listing, |mut listing| async {
            Ok(listing.next().await?.map(|info| (info, listing)))
        })
        .boxed()
    }

    fn list_folders(&self, folder: &Folder) -> StoreFuture<'_, Vec<Folder>> {
        let folder = folder.clone();
        async move {
            self.shared
                .run(|| self.shared.inner.list_folders(&folder))
                .await
        }
        .boxed()
    }

    fn delete(&self, names: Vec<ObjectName>) -> StoreFuture<'_, ()> {
        async move {
            self.shared
                .run(|| self.shared.inner.delete(names.clone()))
                .await
        }
        .boxed()
    }

    fn remove_debris(&self) -> StoreFuture<'_, u64> {
        self.shared.inner.remove_debris()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::Faulty;

    fn name(name: &str) -> ObjectName {
        ObjectName::parse(name).unwrap()
    }

    /// Short pauses, and all the time that a busy machine needs.
    fn patient() -> RetryPolicy {
        let minute = Duration::from_mins(1);
        RetryPolicy {
            give_up_after: minute,
            give_up_unreached: minute,
            ..quick()
        }
    }

    /// Gives up soon.
    fn quick() -> RetryPolicy {
        RetryPolicy {
            first_pause: Duration::from_millis(1),
            longest_pause: Duration::from_millis(120),
            give_up_after: Duration::from_millis(600),
            give_up_unreached: Duration::from_millis(20),
        }
    }

    #[tokio::test]
    async fn passing_faults_are_outlived_and_the_same_bytes_go_again() {
        let faulty = Faulty::default();
        let store = Retrying::new(faulty.clone(), patient(), 7);
        faulty.fail_next(3);
        store
            .put(&name("a"), Bytes::from_static(b"x").into())
            .await
            .unwrap();
        faulty.fail_next(3);
        assert_eq!(
            store.get(&name("a"), 1).await.unwrap(),
            Bytes::from_static(b"x")
        );
    }

    #[tokio::test]
    async fn a_lost_reply_to_a_conditional_put_ends_as_exists() {
        let faulty = Faulty::default();
        let store = Retrying::new(faulty.clone(), patient(), 7);
        faulty.lose_replies(1);
        let put = store
            .put_if_absent(&name("a"), Bytes::from_static(b"x").into())
            .await
            .unwrap();
        assert_eq!(put, Put::Exists);
        assert_eq!(
            store.get(&name("a"), 1).await.unwrap(),
            Bytes::from_static(b"x")
        );
    }

    #[tokio::test]
    async fn a_store_that_never_answered_is_given_up_soon_and_a_known_one_late() {
        let faulty = Faulty::default();
        let policy = quick();
        let store = Retrying::new(faulty.clone(), policy.clone(), 7);
        faulty.fail_next(u64::MAX);
        let start = Instant::now();
        assert!(store.get(&name("a"), 1).await.unwrap_err().is_retryable());
        assert!(start.elapsed() < policy.give_up_after);
        faulty.fail_next(0);
        assert!(store.get(&name("a"), 1).await.unwrap_err().is_missing());
        faulty.fail_next(u64::MAX);
        let start = Instant::now();
        assert!(store.get(&name("a"), 1).await.unwrap_err().is_retryable());
        assert!(start.elapsed() + policy.longest_pause >= policy.give_up_after);
    }

    #[tokio::test]
    async fn an_absent_object_is_not_asked_for_again() {
        let faulty = Faulty::default();
        let store = Retrying::new(faulty.clone(), patient(), 7);
        assert!(store.get(&name("a"), 1).await.unwrap_err().is_missing());
        assert_eq!(faulty.requests(), 1);
    }

    #[tokio::test]
    async fn a_listing_goes_on_where_it_broke_off() {
        let faulty = Faulty::default();
        let store = Retrying::new(faulty.clone(), patient(), 7);
        let names: Vec<_> = (0..10).map(|i| name(&format!("log/{i}"))).collect();
        for name in &names {
            store.put(name, Bytes::new().into()).await.unwrap();
        }
        faulty.break_listings_after(3, 2);
        let listed: Vec<_> = store
            .list(&Folder::ROOT, None)
            .map_ok(|info| info.name)
            .try_collect()
            .await
            .unwrap();
        assert_eq!(listed, names);
    }

    #[test]
    fn pauses_grow_up_to_a_limit_and_differ() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.longest(1), policy.first_pause);
        assert_eq!(policy.longest(2), policy.first_pause * 2);
        assert_eq!(policy.longest(1000), policy.longest_pause);
        let store = Retrying::new(Faulty::default(), policy, 7);
        let pauses: std::collections::HashSet<_> = (0..50).map(|_| store.shared.pause(8)).collect();
        assert!(pauses.len() > 40);
    }
}
