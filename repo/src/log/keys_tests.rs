//! Logs in which a generation of keys is started.

use futures::future::BoxFuture;

use super::*;
use crate::keys::Material;
use crate::log::entry::Generation;
use crate::seal::ObjectKind;

/// Gives the keys of a generation, if there are any to be had.
struct Given(Mutex<Option<Material>>);

impl NewerKeys for Given {
    fn material<'a>(&'a self, wanted: &'a Generation) -> BoxFuture<'a, Result<Material, LogError>> {
        let found = self.0.lock().take().ok_or(LogError::NewerKeys {
            generation: wanted.number,
            slots: Vec::new(),
        });
        async move { found }.boxed()
    }
}

/// A client that holds generation 1 alone, in a world where another has started the second.
async fn started() -> (World, Chain, Chain, Arc<Given>) {
    let (world, chain) = World::new().await;
    drop(chain);
    let (next, new) = world.keys.start_generation().unwrap();
    let given = |keys: &Keyring| {
        let (_, material) = keys.current_material().unwrap();
        Arc::new(Given(Mutex::new(Some(material))))
    };
    let mut author = open(&world, &given(&next)).await;
    let late = given(&next);
    let other = open(&world, &late).await;
    let start = Body::Generation(Generation {
        number: 2,
        hash: hash(9),
        commitment: new.commitment,
        slots: vec![("b".to_owned(), hash(3))],
    });
    append(&mut author, start).await.unwrap();
    assert_eq!(author.keys.current_generation(), 2);
    (world, author, other, late)
}

/// A client with a keyring of its own.
async fn open(world: &World, given: &Arc<Given>) -> Chain {
    let keys = Arc::new(Keyring::from_parts(
        world.entropy.clone(),
        world.keys.suite(),
        crate::keys::RootKey::from_bytes(zeroize::Zeroizing::new(
            *world.keys.root_key().as_bytes(),
        )),
        world.keys.current_material().unwrap(),
        [],
    ));
    let options = ChainOptions {
        keys,
        newer_keys: Some(Arc::clone(given) as Arc<dyn NewerKeys>),
        ..world.options()
    };
    let mut chain = Chain::open(options, &[], None).await.unwrap();
    chain.pause = Duration::ZERO;
    chain
}

#[tokio::test]
async fn whoever_gets_the_keys_goes_on_and_whoever_does_not_stops_until_then() {
    let (world, mut author, mut other, late) = started().await;
    append(&mut author, begin(1)).await.unwrap();
    let keys = late.0.lock().take();
    for _ in 0..2 {
        let stopped = append(&mut other, begin(2)).await;
        assert!(
            matches!(
                stopped,
                Err(AppendError::Log(LogError::NewerKeys { generation: 2, .. }))
            ),
            "{stopped:?}"
        );
    }
    assert_eq!(other.keys.current_generation(), 1);
    *late.0.lock() = keys;
    let entry = append(&mut other, begin(2)).await.unwrap();
    assert_eq!(entry.key_generation, 2);
    author.refresh().await.unwrap();
    assert_eq!(author.state(), other.state());
    assert!(author.state().slots.keys().eq(["b"]));
    // From the first entry on, by somebody who opens it with the old keys and gets the new ones.
    let (_, material) = author.keys.current_material().unwrap();
    let given = Arc::new(Given(Mutex::new(Some(material))));
    assert_eq!(open(&world, &given).await.state(), author.state());
}

#[tokio::test]
async fn other_keys_than_those_that_the_log_has_started_are_refused() {
    let (_, mut author, mut other, late) = started().await;
    append(&mut author, begin(1)).await.unwrap();
    let (wrong, _) = other.keys.start_generation().unwrap();
    other
        .keys
        .go_on_to(2, wrong.current_material().unwrap().1)
        .unwrap();
    drop(late);
    assert!(matches!(
        other.refresh().await,
        Err(LogError::Malformed { .. })
    ));
}

#[tokio::test]
async fn an_entry_under_older_keys_than_those_in_force_is_a_break_of_the_log() {
    let (world, mut author, _, _) = started().await;
    append(&mut author, begin(1)).await.unwrap();
    let forged = |key_generation, chain: &Chain| {
        let header = Header {
            generation: 1,
            number: chain.state.next,
            previous: chain.state.head,
            nonce: [5; 16],
            time_ms: 1,
            key_generation,
            body: &begin(7),
        };
        let bytes = frame::encode(&chain.keys, &header, &[]).unwrap();
        world.set(&entry(chain.state.next), Some(bytes));
    };
    forged(1, &author);
    assert!(is_broken(author.refresh().await));
    forged(2, &author);
    assert_eq!(author.refresh().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_fold_under_older_keys_than_its_state_has_is_passed_over() {
    let (world, mut author, _, _) = started().await;
    append(&mut author, begin(1)).await.unwrap();
    author.fold().await.unwrap();
    let object = world.folds().remove(0);
    let name = FoldName::parse(&object).unwrap();
    let good = world.get(&object);
    assert_eq!(good[8..12], 2_u32.to_le_bytes());
    let state = fold::open(&author.keys, &name, &good).unwrap();
    let plain = minicbor::to_vec(&state).unwrap();
    let forged = author
        .keys
        .seal_object_under(1, ObjectKind::Fold, object.as_str(), &plain)
        .unwrap();
    let refused = fold::open(&author.keys, &name, &forged);
    assert!(matches!(refused, Err(LogError::Malformed { .. })));
}
