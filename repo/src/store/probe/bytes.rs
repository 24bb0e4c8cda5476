//! Objects come back as they were put.

use bytes::Bytes;
use object_store::PutPayload;
use tokio::time::Instant;

use super::scene::{Checked, Scene, ensure, pattern};

/// Objects of sizes from nothing to `largest` come back byte for byte, also when put in parts.
pub(super) async fn round_trip(scene: &Scene, largest: usize) -> Checked {
    let store = &scene.store;
    let sizes = [0, 1, 1000, (1 << 20) + 3, largest];
    let start = Instant::now();
    for (i, &size) in sizes.iter().enumerate() {
        let name = scene.name(&format!("bytes/{i}"))?;
        let bytes = pattern(size, i as u64);
        let parts: PutPayload = split(&bytes).into_iter().collect();
        store.put(&name, parts).await?;
        let got = store.get(&name, size as u64).await?;
        ensure!(got == bytes, "an object of {size} bytes came back changed");
        let len = store.head(&name).await?.len;
        ensure!(
            len == size as u64,
            "the store says {len} bytes of an object of {size}"
        );
        // A retry after a lost reply.
        store.put(&name, bytes.clone()).await?;
        ensure!(
            store.get(&name, size as u64).await? == bytes,
            "a repeated put changed the object"
        );
    }
    let total = 2 * sizes.iter().sum::<usize>() as u64;
    Ok(format!(
        "{} objects, {total} bytes each way in {:.1?}",
        sizes.len(),
        start.elapsed()
    ))
}

/// `bytes` in three parts.
fn split(bytes: &Bytes) -> [Bytes; 3] {
    let (third, two_thirds) = (bytes.len() / 3, bytes.len() - bytes.len() / 3);
    [
        bytes.slice(..third),
        bytes.slice(third..two_thirds),
        bytes.slice(two_thirds..),
    ]
}

/// What is absent is reported as absent, and nothing else is.
pub(super) async fn absence(scene: &Scene) -> Checked {
    let store = &scene.store;
    let name = scene.name("absent/1")?;
    let answers = [
        ("get", store.get(&name, 100).await.err()),
        ("ranged get", store.get_range(&name, 0..1).await.err()),
        ("get of the tail", store.get_tail(&name, 10).await.err()),
        ("head", store.head(&name).await.err()),
    ];
    for (request, error) in answers {
        match error {
            Some(error) if error.is_missing() => {}
            Some(error) => return Err(error.into()),
            None => ensure!(false, "{request} found an object that was never put"),
        }
    }
    store.delete([name.clone()]).await?;
    store.put(&name, vec![1, 2, 3]).await?;
    let error = store.get(&name, 2).await.err();
    ensure!(
        matches!(
            error,
            Some(crate::store::StoreError::TooLarge { len: 3, max: 2, .. })
        ),
        "an object longer than its reader allows was not refused: {error:?}"
    );
    let absent = scene.name("absent/2")?;
    store.delete([absent, name.clone()]).await?;
    let error = store.get(&name, 100).await.err();
    ensure!(
        error
            .as_ref()
            .is_some_and(crate::store::StoreError::is_missing),
        "an object was still there after it was deleted: {error:?}"
    );
    Ok("get, ranged get, tail and head of absent objects, before and after deletion".to_owned())
}

/// Every character and length that names may have.
pub(super) async fn names(scene: &Scene) -> Checked {
    let store = &scene.store;
    let room = crate::model::ObjectName::MAX_LEN - scene.name("names/x")?.as_str().len() + 1;
    let names = [
        "0123456789".to_owned(),
        "abcdefghijklmnopqrstuvwxyz".to_owned(),
        "-".to_owned(),
        "--a-/-b--".to_owned(),
        "a/b/c/d/e/f/g/h".to_owned(),
        "x".repeat(room.min(200)),
    ];
    for (i, rest) in names.iter().enumerate() {
        let name = scene.name(&format!("names/{rest}"))?;
        let bytes = pattern(10, i as u64);
        store.put(&name, bytes.clone()).await?;
        ensure!(
            store.get(&name, 10).await? == bytes,
            "object {name} came back changed"
        );
    }
    let listed = store.list(&scene.folder("names")?).await?.len();
    ensure!(
        listed == names.len(),
        "{listed} of {} names are in the listing",
        names.len()
    );
    Ok(format!(
        "names up to {} bytes",
        crate::model::ObjectName::MAX_LEN
    ))
}
