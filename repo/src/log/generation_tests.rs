//! Logs that go on in another generation.

use super::*;
use crate::log::entry::{Close, Open};

/// A log of two generations; gives the numbers of `Close` and of the last entry.
async fn two() -> (World, Chain, u64, u64) {
    let (world, mut chain) = World::new().await;
    for n in 0..5 {
        append(&mut chain, begin(n)).await.unwrap();
    }
    let opened = chain.start_generation().await.unwrap();
    assert_eq!((opened.generation, opened.number), (2, 7));
    for n in 5..8 {
        append(&mut chain, begin(n)).await.unwrap();
    }
    let last = chain.seen();
    assert_eq!((last.generation, last.number), (2, 10));
    (world, chain, opened.number - 1, last.number)
}

/// Takes the copies of earlier entries out of an entry, which would stand in for them.
fn strip_tail(world: &World, name: &ObjectName) {
    let (core, _) = frame::split(name, &world.get(name)).unwrap();
    let len = u32::try_from(core.len()).unwrap().to_le_bytes();
    world.set(name, Some([&len[..], &core].concat().into()));
}

#[tokio::test]
async fn a_log_goes_on_in_the_next_generation() {
    let (world, mut chain, close, last) = two().await;
    assert_eq!(chain.state().sessions.len(), 8);
    assert_eq!((chain.state().generation, chain.state().closed), (2, None));
    chain.verify_since(0).await.unwrap();
    for number in 0..=last {
        let entry = chain.entry(number).await.unwrap();
        assert_eq!(entry.generation, if number <= close { 1 } else { 2 });
    }
    // From the fold, from the first entry, and by a client that has seen the first generation.
    let opened = world.open(Some(chain.seen())).await.unwrap();
    assert_eq!(opened.state(), chain.state());
    opened.verify_since(0).await.unwrap();
    for fold in world.folds() {
        world.set(&fold, None);
    }
    let seen = Seen {
        generation: 1,
        number: close,
        hash: chain.entry(close).await.unwrap().hash,
    };
    let mut opened = world.open(Some(seen)).await.unwrap();
    assert_eq!(opened.state(), chain.state());
    // Both write in it.
    append(&mut opened, begin(20)).await.unwrap();
    append(&mut chain, begin(21)).await.unwrap();
    assert_eq!(chain.state().sessions.len(), 10);
    chain.fold().await.unwrap();
    assert_eq!(world.open(None).await.unwrap().state(), chain.state());
}

#[tokio::test]
async fn whoever_was_open_before_follows() {
    let (world, mut chain) = World::new().await;
    let mut other = world.open(None).await.unwrap();
    append(&mut chain, begin(1)).await.unwrap();
    append(&mut chain, Body::Close(Close { next: 2 }))
        .await
        .unwrap();
    let refused = append(&mut other, begin(2)).await;
    assert!(matches!(
        refused,
        Err(AppendError::Invalid(Invalid::ReadOnly))
    ));
    // Cut off after `Close`: the next one goes on.
    other.start_generation().await.unwrap();
    let again = chain.start_generation().await.unwrap();
    assert_eq!(
        (again.generation, again.number),
        (3, 5),
        "closes what is open"
    );
    append(&mut other, begin(2)).await.unwrap();
    chain.refresh().await.unwrap();
    assert_eq!(chain.state(), other.state());
    assert_eq!(world.open(None).await.unwrap().state(), other.state());
}

#[tokio::test]
async fn a_damaged_generation_is_passed_over() {
    let (world, chain, close, _) = two().await;
    strip_tail(&world, &entry(close));
    let folds = world.folds();
    for damage in [None, Some(Bytes::from_static(b"damaged"))] {
        let good = world.get(&entry(3));
        world.set(&entry(3), damage);
        let opened = world.open(None).await.unwrap();
        assert_eq!(opened.state(), chain.state());
        world.set(&entry(3), Some(good));
    }
    // Without a usable fold, only if the entry's effects are known.
    let fold = world.get(&folds[0]);
    world.set(&folds[0], Some(Bytes::from_static(b"damaged")));
    assert_eq!(world.open(None).await.unwrap().state(), chain.state());
    world.set(&entry(3), None);
    assert!(world.open(None).await.is_err());
    world.set(&folds[0], Some(fold));
    assert_eq!(world.open(None).await.unwrap().state(), chain.state());
}

#[tokio::test]
async fn the_state_that_a_generation_began_with_is_found_by_its_first_entry() {
    let (world, chain, close, _) = two().await;
    strip_tail(&world, &entry(close));
    // The fold is listed nowhere: it is found by name all the same.
    world.set(&entry(3), None);
    let options = world.options();
    let opened = Chain::open(options, &[], None).await.unwrap();
    assert_eq!(opened.state(), chain.state());
    // Another fold in its place is not believed, be it of the same state.
    let object = &world.folds()[0];
    let name = FoldName::parse(object).unwrap();
    let state = fold::open(&world.keys, &name, &world.get(object)).unwrap();
    let again = fold::encode(&world.keys, &name, &state).unwrap();
    world.set(object, Some(again.into()));
    assert!(Chain::open(world.options(), &[], None).await.is_err());
}

#[tokio::test]
async fn nothing_else_opens_a_generation() {
    let (world, mut chain) = World::new().await;
    let open = |chain: &Chain| Open {
        generation: 1,
        number: chain.seen().number,
        close: chain.seen().hash,
        fold: world
            .folds()
            .first()
            .map_or("meta/folds/x", |name| name.as_str())
            .to_owned(),
        fold_hash: hash(1),
    };
    let early = Body::Open(open(&chain));
    let refused = append(&mut chain, early).await;
    assert!(matches!(
        refused,
        Err(AppendError::Invalid(Invalid::NotClosed))
    ));
    append(&mut chain, Body::Close(Close { next: 2 }))
        .await
        .unwrap();
    let right = open(&chain);
    for wrong in [
        Open {
            generation: 2,
            ..right.clone()
        },
        Open {
            number: 0,
            ..right.clone()
        },
        Open {
            close: hash(9),
            ..right.clone()
        },
    ] {
        let refused = append(&mut chain, Body::Open(wrong)).await;
        assert!(matches!(
            refused,
            Err(AppendError::Invalid(Invalid::NotClosed))
        ));
    }
    append(&mut chain, Body::Open(right)).await.unwrap();
}
