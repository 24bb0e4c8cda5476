//! The chain over stores that fail, lie and lose.

use std::collections::VecDeque as Queue;
use std::ops::Range;

use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use object_store::PutPayload;
use parking_lot::Mutex;
use proptest::prelude::*;

use super::*;
use crate::entropy::SeededEntropy;
use crate::log::entry::{Begin, Feature, Init, Role};
use crate::log::testing::{bodies, hash, session, snapshot};
use crate::model::SessionId;
use crate::seal::Suite;
use crate::store::{At, Backend, MemoryBackend, StoreError, StoreFuture, Tail};

#[path = "generation_tests.rs"]
mod generations;
#[path = "keys_tests.rs"]
mod keys_in_force;

/// What happens to a conditional put.
#[derive(Clone, Copy)]
enum Fault {
    FailsBefore,
    FailsAfter,
    Refused,
    /// "Exists", although nothing is there: a conflict with an attempt that fails.
    FalseExists,
    HangsBefore,
    HangsAfter,
}

#[derive(Clone, Debug)]
struct Faulty {
    inner: MemoryBackend,
    script: Arc<Mutex<Script>>,
}

#[derive(Default)]
struct Script {
    puts: Queue<Fault>,
    failing_gets: u32,
    stale_list: bool,
    sent: Vec<(ObjectName, Bytes)>,
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Script")
    }
}

impl Faulty {
    fn new() -> Self {
        Self {
            inner: MemoryBackend::new(),
            script: Arc::default(),
        }
    }

    fn puts(&self, faults: impl IntoIterator<Item = Fault>) {
        self.script.lock().puts = faults.into_iter().collect();
    }

    fn error(&self, retryable: bool) -> StoreError {
        let (at, source) = (At::store(self.inner.location().clone()), "fault".into());
        if retryable {
            StoreError::Transient { at, source }
        } else {
            StoreError::PermissionDenied { at, source }
        }
    }
}

impl Backend for Faulty {
    fn location(&self) -> &Arc<str> {
        self.inner.location()
    }
    fn put(&self, name: &ObjectName, payload: PutPayload) -> StoreFuture<'_, ()> {
        self.inner.put(name, payload)
    }
    fn put_if_absent(&self, name: &ObjectName, payload: PutPayload) -> StoreFuture<'_, Put> {
        let name = name.clone();
        async move {
            let fault = {
                let mut script = self.script.lock();
                let bytes: Vec<u8> = payload.iter().flat_map(|b| b.to_vec()).collect();
                script.sent.push((name.clone(), bytes.into()));
                script.puts.pop_front()
            };
            match fault {
                Some(Fault::FailsBefore) => return Err(self.error(true)),
                Some(Fault::Refused) => return Err(self.error(false)),
                Some(Fault::FalseExists) => return Ok(Put::Exists),
                Some(Fault::HangsBefore) => futures::future::pending().await,
                _ => {}
            }
            let put = self.inner.put_if_absent(&name, payload).await;
            match fault {
                Some(Fault::FailsAfter) => Err(self.error(true)),
                Some(Fault::HangsAfter) => futures::future::pending().await,
                _ => put,
            }
        }
        .boxed()
    }
    fn get(&self, name: &ObjectName, max_len: u64) -> StoreFuture<'_, Bytes> {
        let mut script = self.script.lock();
        if let Some(left) = script.failing_gets.checked_sub(1) {
            script.failing_gets = left;
            let error = self.error(true);
            return async move { Err(error) }.boxed();
        }
        self.inner.get(name, max_len)
    }
    fn get_range(&self, name: &ObjectName, range: Range<u64>) -> StoreFuture<'_, Bytes> {
        self.inner.get_range(name, range)
    }
    fn get_tail(&self, name: &ObjectName, len: u64) -> StoreFuture<'_, Tail> {
        self.inner.get_tail(name, len)
    }
    fn head(&self, name: &ObjectName) -> StoreFuture<'_, ObjectInfo> {
        self.inner.head(name)
    }
    fn list(
        &self,
        folder: &Folder,
        after: Option<&ObjectName>,
    ) -> BoxStream<'static, Result<ObjectInfo, StoreError>> {
        if self.script.lock().stale_list {
            return stream::empty().boxed();
        }
        self.inner.list(folder, after)
    }
    fn list_folders(&self, folder: &Folder) -> StoreFuture<'_, Vec<Folder>> {
        self.inner.list_folders(folder)
    }
    fn delete(&self, names: Vec<ObjectName>) -> StoreFuture<'_, ()> {
        self.inner.delete(names)
    }
}

struct Stopped;

impl Clock for Stopped {
    fn unix_ms(&self) -> u64 {
        1_700_000_000_000
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

fn keys() -> Arc<Keyring> {
    let entropy = Arc::new(SeededEntropy::new(7));
    Arc::new(Keyring::generate(entropy, Suite::XChaCha20Poly1305).unwrap())
}

/// One repository that any number of clients open.
struct World {
    faulty: Faulty,
    keys: Arc<Keyring>,
    entropy: Arc<SeededEntropy>,
}

impl World {
    /// With `Init` in the log.
    async fn new() -> (Self, Chain) {
        let world = Self {
            faulty: Faulty::new(),
            keys: keys(),
            entropy: Arc::new(SeededEntropy::new(8)),
        };
        let mut chain = Chain::create(world.options());
        chain.pause = Duration::ZERO;
        let init = Body::Init(Init {
            format: hash(1),
            slots: vec![("a".to_owned(), hash(2))],
        });
        append(&mut chain, init).await.unwrap();
        (world, chain)
    }

    fn options(&self) -> ChainOptions {
        ChainOptions {
            store: Store::new(self.faulty.clone()),
            keys: self.keys.clone(),
            clock: Arc::new(Stopped),
            entropy: self.entropy.clone(),
            newer_keys: None,
        }
    }

    async fn open(&self, seen: Option<Seen>) -> Result<Chain, LogError> {
        let options = self.options();
        let meta = Folder::parse("meta").unwrap();
        let meta = options.store.list(&meta).await.unwrap();
        let mut chain = Chain::open(options, &meta, seen).await?;
        chain.pause = Duration::ZERO;
        Ok(chain)
    }

    fn set(&self, name: &ObjectName, bytes: Option<Bytes>) {
        self.faulty.inner.set(name, bytes);
    }

    fn get(&self, name: &ObjectName) -> Bytes {
        self.faulty.inner.contents()[name].clone()
    }

    fn folds(&self) -> Vec<ObjectName> {
        let all = self.faulty.inner.contents().into_keys();
        all.filter(|name| name.as_str().starts_with("meta/folds/"))
            .collect()
    }
}

fn entry(number: u64) -> ObjectName {
    ObjectName::log_entry(1, number)
}

fn begin(n: u16) -> Body {
    let mut id = [0; 16];
    id[..2].copy_from_slice(&n.to_le_bytes());
    Body::Begin(Begin {
        session: SessionId::from_bytes(id),
        base: None,
        adopts: Vec::new(),
        owner: None,
        role: Role::Writer,
        client: "test".to_owned(),
        volume: None,
    })
}

async fn append(chain: &mut Chain, body: Body) -> Result<Entry, AppendError> {
    chain.append(|_| Ok::<_, AppendError>(body.clone())).await
}

#[expect(clippy::needless_pass_by_value, reason = "reads better at the calls")]
fn is_broken<T>(result: Result<T, LogError>) -> bool {
    matches!(result, Err(LogError::Broken { .. }))
}

/// Names of the log's entries that the store holds.
fn numbers(world: &World) -> Vec<ObjectName> {
    let all = world.faulty.inner.contents().into_keys();
    all.filter(|name| name.as_str().starts_with("log/"))
        .collect()
}

#[tokio::test]
async fn pauses_grow_and_differ_between_clients() {
    let (world, _) = World::new().await;
    let mut pauses = Vec::new();
    for _ in 0..2 {
        let mut chain = world.open(None).await.unwrap();
        chain.pause = Duration::from_millis(100);
        for attempt in 1..DOUBT_ATTEMPTS {
            let whole = chain.pause * (1 << (attempt - 1));
            let pause = chain.pause_before(attempt);
            assert!(whole / 2 <= pause && pause <= whole, "{attempt}: {pause:?}");
            pauses.push(pause);
        }
    }
    let (first, second) = pauses.split_at(pauses.len() / 2);
    assert_ne!(first, second);
}

#[tokio::test]
async fn an_empty_store_has_no_log() {
    let (world, _) = World::new().await;
    world.set(&entry(0), None);
    assert!(matches!(world.open(None).await, Err(LogError::Empty)));
}

#[tokio::test]
async fn clients_see_each_other_and_say_is_asked_again() {
    let (world, mut a) = World::new().await;
    let mut b = world.open(None).await.unwrap();
    append(&mut a, begin(1)).await.unwrap();
    let mut asked = 0;
    let entry = b
        .append(|state| {
            asked += 1;
            assert_eq!(state.sessions.len(), asked - 1);
            Ok::<_, AppendError>(begin(2))
        })
        .await
        .unwrap();
    assert_eq!((asked, entry.number), (2, 2));
    assert_eq!(a.refresh().await.unwrap().len(), 1);
    assert_eq!(a.state(), b.state());
    let again = append(&mut a, begin(2)).await;
    assert!(matches!(again, Err(AppendError::Invalid(_))));
    a.verify_since(0).await.unwrap();
}

#[tokio::test]
async fn long_logs_open_from_folds_and_without_them() {
    let (world, mut chain) = World::new().await;
    for n in 0..200 {
        append(&mut chain, begin(n)).await.unwrap();
    }
    assert_eq!(world.folds().len(), 3);
    let opened = world.open(Some(chain.seen())).await.unwrap();
    assert_eq!(opened.state(), chain.state());
    opened.verify_since(0).await.unwrap();
    let folds = world.folds();
    world.set(&folds[0], Some(Bytes::from_static(b"damaged")));
    assert_eq!(world.open(None).await.unwrap().state(), chain.state());
    // As if a newer version had written it, which nothing authenticates.
    let mut newer = world.get(&folds[1]).to_vec();
    newer[4] = 2;
    world.set(&folds[1], Some(newer.into()));
    assert_eq!(world.open(None).await.unwrap().state(), chain.state());
    for fold in &folds {
        world.set(fold, None);
    }
    assert_eq!(world.open(None).await.unwrap().state(), chain.state());
}

#[tokio::test]
async fn a_tail_only_saves_requests() {
    let (world, mut chain) = World::new().await;
    for n in 0..10 {
        append(&mut chain, begin(n)).await.unwrap();
    }
    let object = world.get(&entry(10));
    let (core, tail) = frame::split(&entry(10), &object).unwrap();
    let with = |tail: &[u8]| -> Bytes {
        let len = u32::try_from(core.len()).unwrap().to_le_bytes();
        [&len[..], &core, tail].concat().into()
    };
    let mut flipped = tail.to_vec();
    flipped[50] ^= 1;
    for tail in [&[][..], &tail[..tail.len() / 2], &flipped] {
        world.set(&entry(10), Some(with(tail)));
        assert_eq!(world.open(None).await.unwrap().state(), chain.state());
        chain.verify_since(0).await.unwrap();
    }
}

#[tokio::test]
async fn opening_takes_few_requests() {
    let (world, mut chain) = World::new().await;
    for n in 0..40 {
        append(&mut chain, begin(n)).await.unwrap();
    }
    let count = async |meta: &[ObjectInfo]| {
        let options = world.options();
        let store = options.store.clone();
        Chain::open(options, meta, None).await.unwrap();
        let counts = store.counts();
        (counts.lists, counts.gets, counts.requests())
    };
    // The listing, the newest entry, the one before it again.
    assert_eq!(count(&[]).await, (1, 2, 3));
    chain.fold().await.unwrap();
    for n in 40..50 {
        append(&mut chain, begin(n)).await.unwrap();
    }
    let store = Store::new(world.faulty.clone());
    let meta = store.list(&Folder::parse("meta").unwrap()).await.unwrap();
    assert_eq!(count(&meta).await, (1, 3, 4));
}

#[tokio::test]
async fn rollback_gap_and_fork_stop_the_client() {
    let (world, mut chain) = World::new().await;
    for n in 0..10 {
        append(&mut chain, begin(n)).await.unwrap();
    }
    let seen = Some(chain.seen());
    let objects: Vec<_> = (0..=10).map(|n| world.get(&entry(n))).collect();

    world.set(&entry(10), None);
    assert!(is_broken(world.open(seen).await));
    assert!(is_broken(chain.verify_since(0).await));
    assert!(matches!(
        append(&mut chain, begin(20)).await,
        Err(AppendError::Log(LogError::Broken { .. }))
    ));
    world.set(&entry(11), None);
    world.set(&entry(10), Some(objects[10].clone()));

    // A gap that the tail would hide from a reader is seen by whoever reads the entry before.
    world.set(&entry(9), None);
    assert!(is_broken(world.open(None).await));
    world.set(&entry(9), Some(objects[9].clone()));
    assert!(world.open(seen).await.is_ok());

    // Another history of the same client.
    let (other, mut fork) = (
        World {
            faulty: Faulty {
                inner: world.faulty.inner.fork(),
                script: Arc::default(),
            },
            keys: world.keys.clone(),
            entropy: world.entropy.clone(),
        },
        10,
    );
    while fork > 4 {
        other.set(&entry(fork), None);
        fork -= 1;
    }
    let mut forked = other.open(None).await.unwrap();
    for n in 50..60 {
        append(&mut forked, begin(n)).await.unwrap();
    }
    assert!(is_broken(other.open(seen).await));
    world.set(&entry(9), Some(other.get(&entry(9))));
    assert!(is_broken(world.open(None).await));
    world.set(&entry(10), Some(other.get(&entry(10))));
    assert!(is_broken(world.open(seen).await));
    assert!(is_broken(chain.verify_since(0).await));
    let next = append(&mut chain, begin(30)).await;
    assert!(matches!(
        next,
        Err(AppendError::Log(LogError::Broken { .. }))
    ));
}

#[tokio::test]
async fn a_stale_listing_is_no_rollback() {
    let (world, mut chain) = World::new().await;
    append(&mut chain, begin(1)).await.unwrap();
    world.faulty.script.lock().stale_list = true;
    let opened = world.open(Some(chain.seen())).await.unwrap();
    assert_eq!(opened.state(), chain.state());
    assert_eq!(world.open(None).await.unwrap().state(), chain.state());
}

#[tokio::test]
async fn every_fault_of_a_put_is_settled_by_the_same_bytes() {
    use Fault::{FailsAfter, FailsBefore, FalseExists};
    for faults in [
        vec![FailsBefore; 3],
        vec![FailsAfter],
        vec![FalseExists, FailsBefore, FailsAfter],
    ] {
        let (world, mut chain) = World::new().await;
        world.faulty.script.lock().sent.clear();
        world.faulty.puts(faults);
        assert_eq!(append(&mut chain, begin(1)).await.unwrap().number, 1);
        let sent = world.faulty.script.lock().sent.clone();
        assert!(sent.iter().all(|put| *put == sent[0]));
        assert_eq!(numbers(&world).len(), 2);
    }
}

#[tokio::test]
async fn a_put_in_doubt_comes_first_whatever_is_said_next() {
    for (faults, same) in [
        (vec![Fault::FailsBefore; 8], true),
        (vec![Fault::FalseExists; 8], false),
        (vec![Fault::Refused], true),
        (vec![Fault::Refused], false),
    ] {
        let (world, mut chain) = World::new().await;
        world.faulty.script.lock().sent.clear();
        world.faulty.puts(faults);
        append(&mut chain, begin(1)).await.unwrap_err();
        let next = if same { begin(1) } else { begin(2) };
        let entry = append(&mut chain, next).await.unwrap();
        // Said again it is not appended twice; anything else comes behind it.
        assert_eq!(entry.number, if same { 1 } else { 2 });
        assert!(
            chain
                .state()
                .open_session(SessionId::from_bytes(first_id()))
                .is_ok()
        );
        for (name, bytes) in world.faulty.script.lock().sent.clone() {
            assert_eq!(world.get(&name), bytes);
        }
    }
}

fn first_id() -> [u8; 16] {
    let mut id = [0; 16];
    id[0] = 1;
    id
}

#[tokio::test]
async fn a_dropped_append_is_settled_even_after_a_refresh() {
    for (fault, refresh) in [
        (Fault::HangsBefore, false),
        (Fault::HangsBefore, true),
        (Fault::HangsAfter, false),
        (Fault::HangsAfter, true),
    ] {
        let (world, mut chain) = World::new().await;
        world.faulty.puts([fault]);
        assert!(append(&mut chain, begin(1)).now_or_never().is_none());
        if refresh {
            chain.refresh().await.unwrap();
        }
        assert_eq!(append(&mut chain, begin(1)).await.unwrap().number, 1);
        assert_eq!(append(&mut chain, begin(2)).await.unwrap().number, 2);
        assert_eq!(world.open(None).await.unwrap().state(), chain.state());
    }
}

#[tokio::test]
async fn a_doubt_is_void_once_another_entry_has_its_number() {
    let (world, mut chain) = World::new().await;
    let mut other = world.open(None).await.unwrap();
    world.faulty.puts([Fault::HangsBefore]);
    assert!(append(&mut chain, begin(1)).now_or_never().is_none());
    append(&mut other, begin(2)).await.unwrap();
    chain.refresh().await.unwrap();
    chain.fold().await.unwrap();
    assert_eq!(append(&mut chain, begin(1)).await.unwrap().number, 3);
    assert_eq!(world.open(None).await.unwrap().state(), chain.state());
}

#[tokio::test]
async fn a_read_that_fails_after_the_put_loses_nothing() {
    let (world, mut chain) = World::new().await;
    world.faulty.script.lock().failing_gets = 1;
    append(&mut chain, begin(1)).await.unwrap_err();
    assert_eq!(append(&mut chain, begin(1)).await.unwrap().number, 1);
}

#[tokio::test]
async fn large_entries_do_not_make_a_fold_of_every_append() {
    let (world, mut chain) = World::new().await;
    let mut noise = [0; 15_000];
    SeededEntropy::new(9).fill(&mut noise).unwrap();
    let client = hex::encode(noise);
    for n in 0..12 {
        let Body::Begin(begin) = begin(n) else {
            unreachable!()
        };
        let client = client.clone();
        append(&mut chain, Body::Begin(Begin { client, ..begin }))
            .await
            .unwrap();
    }
    let folds = world.folds().len();
    assert!((2..=7).contains(&folds), "{folds}");
}

#[tokio::test]
async fn a_log_that_needs_a_newer_version_is_neither_opened_nor_folded() {
    let (world, mut chain) = World::new().await;
    let raise = Feature {
        read: vec!["new".to_owned()],
        write: Vec::new(),
        collect: Vec::new(),
    };
    append(&mut chain, Body::Feature(raise)).await.unwrap();
    assert!(append(&mut chain, begin(1)).await.is_err());
    chain.fold().await.unwrap();
    assert!(world.folds().is_empty());
    assert!(matches!(world.open(None).await, Err(LogError::TooNew)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_clients_at_once_lose_nothing() {
    let (world, _) = World::new().await;
    let mut clients = Vec::new();
    for client in 0..8_u16 {
        let mut chain = world.open(None).await.unwrap();
        clients.push(tokio::spawn(async move {
            for n in 0..20 {
                append(&mut chain, begin(client * 100 + n)).await.unwrap();
            }
            chain.verify_since(0).await.unwrap();
        }));
    }
    for client in clients {
        client.await.unwrap();
    }
    let chain = world.open(None).await.unwrap();
    assert_eq!(chain.state().sessions.len(), 160);
    let all: Vec<_> = (0..chain.state().next).map(entry).collect();
    assert_eq!(numbers(&world), all);
}

fn core_of(body: &Body) -> Vec<u8> {
    frame::encode_core(&Header {
        generation: 1,
        number: 5,
        previous: hash(4),
        nonce: [9; 16],
        time_ms: 77,
        key_generation: 1,
        body,
    })
    .unwrap()
}

proptest! {
    #[test]
    fn entries_come_back_as_they_were_and_damage_is_no_panic(
        body in bodies(), cut in any::<prop::sample::Index>(), flip in any::<u8>(),
    ) {
        let plain = core_of(&body);
        let entry = frame::decode_core(&plain, hash(1)).unwrap();
        prop_assert_eq!(&entry.body, &body);
        prop_assert_eq!(core_of(&entry.body), plain.clone());
        let cut = cut.index(plain.len());
        prop_assert!(frame::decode_core(&plain[..cut], hash(1)).is_err());
        let mut flipped = plain;
        flipped[cut] ^= flip;
        drop(frame::decode_core(&flipped, hash(1)));
    }

    #[test]
    fn no_sequence_of_entries_panics_and_states_come_back_from_folds(
        all in prop::collection::vec(bodies(), 0..30), noise in prop::collection::vec(any::<u8>(), 0..200),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut state = State::empty(1);
        for body in &all {
            drop(state.validate(body));
            state.apply(body, hash(3));
        }
        let bytes = minicbor::to_vec(&state).unwrap();
        let back: State = minicbor::decode(&bytes).unwrap();
        prop_assert_eq!(&back, &state);
        prop_assert_eq!(minicbor::to_vec(&back).unwrap(), bytes.clone());
        prop_assert!(minicbor::decode::<State>(&bytes[..cut.index(bytes.len())]).is_err());
        drop(minicbor::decode::<State>(&noise));
        drop(frame::decode_core(&noise, hash(1)));
    }
}

#[test]
fn claims_of_billions_of_elements_allocate_nothing() {
    // Forget {0: array of 2^60 snapshot ids}, and nothing behind it.
    let body = Body::Forget(crate::log::entry::Forget {
        snapshots: Vec::new(),
    });
    let mut plain = core_of(&body);
    plain.pop();
    plain.extend([0x9b, 0x10, 0, 0, 0, 0, 0, 0, 0]);
    assert!(frame::decode_core(&plain, hash(1)).is_err());
}

#[test]
fn unknown_kinds_and_unknown_keys_are_passed_over_and_missing_lists_are_not() {
    let end = core_of(&Body::End(session(1)));
    // 5: 5 (End), 6: {0: session}
    let (head, rest) = end.split_at(end.len() - 22);
    assert_eq!(rest[..6], [5, 5, 6, 0xa1, 0, 0x50]);
    let with = |kind: &[u8], body: &[u8]| {
        let plain = [head, &[5], kind, &[6], body].concat();
        frame::decode_core(&plain, hash(1)).map(|entry| entry.body)
    };
    let unknown = with(&[0x18, 99], &[0xa1, 0x00, 0x82, 0xa0, 0x40]);
    assert_eq!(unknown.unwrap(), Body::Unknown(99));
    let forget = with(&[7], &[0xa2, 0x00, 0x80, 0x18, 50, 0x81, 0x01]);
    assert!(matches!(forget.unwrap(), Body::Forget(_)));
    assert!(with(&[7], &[0xa0]).is_err());
}

#[test]
fn a_snapshot_comes_back_as_it_was() {
    let bytes = minicbor::to_vec(snapshot(1)).unwrap();
    let back: crate::snapshot::Snapshot = minicbor::decode(&bytes).unwrap();
    assert_eq!(back, snapshot(1));
}
