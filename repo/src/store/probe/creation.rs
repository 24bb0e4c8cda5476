//! Creating an object at most once: what keeps the log.

use bytes::Bytes;
use tokio::task::JoinSet;

use super::scene::{Checked, Failure, Scene, ensure};
use crate::model::ObjectName;
use crate::store::backend::Put;
use crate::store::error::StoreError;

/// Of `creators` concurrent creators of one name, exactly one succeeds, `rounds` times over.
///
/// A round in which a request failed in passing proves nothing, unless two creators succeeded.
pub(super) async fn one_creator(scene: &Scene, creators: u32, rounds: u32) -> Checked {
    let mut conclusive = 0;
    for round in 0..rounds {
        let name = scene.name(&format!("once/{round:06}"))?;
        let mut results = race(scene, &name, creators).await?;
        let refused = results
            .iter()
            .position(|(_, result)| matches!(result, Err(error) if !error.is_retryable()));
        if let Some((_, Err(error))) = refused.map(|at| results.swap_remove(at)) {
            return Err(error.into());
        }
        let body = scene.store.get(&name, 100).await?;
        let winners: Vec<_> = results
            .iter()
            .filter(|(_, result)| matches!(result, Ok(Put::Created)))
            .collect();
        ensure!(
            winners.len() <= 1,
            "{} of {creators} concurrent creators of one object were all told that they had \
             created it",
            winners.len()
        );
        if let Some((bytes, _)) = winners.first() {
            ensure!(
                *bytes == body,
                "the object holds the bytes of another than its creator"
            );
            conclusive += 1;
        } else {
            ensure!(
                results.iter().any(|(bytes, _)| *bytes == body),
                "the object holds bytes that nobody put there"
            );
        }
    }
    ensure!(
        conclusive * 2 > rounds,
        "in {} of {rounds} rounds no creator was told that it had created the object",
        rounds - conclusive
    );
    Ok(format!(
        "one winner among {creators} creators in {conclusive} of {rounds} rounds"
    ))
}

type Attempt = (Bytes, Result<Put, StoreError>);

/// Lets `creators` tasks create `name` at once, each with bytes of its own.
async fn race(scene: &Scene, name: &ObjectName, creators: u32) -> Result<Vec<Attempt>, Failure> {
    let start = std::sync::Arc::new(tokio::sync::Barrier::new(creators as usize));
    let mut tasks = JoinSet::new();
    for creator in 0..creators {
        let (store, name, start) = (scene.store.clone(), name.clone(), start.clone());
        let bytes = Bytes::from(format!("{name} by creator {creator}"));
        tasks.spawn(async move {
            start.wait().await;
            let result = store.put_if_absent(&name, bytes.clone()).await;
            (bytes, result)
        });
    }
    let mut results = Vec::new();
    while let Some(joined) = tasks.join_next().await {
        results.push(joined.map_err(|error| Failure::Violated(error.to_string()))?);
    }
    Ok(results)
}

/// Creation respects objects however they were written, and works again after deletion.
pub(super) async fn create_and_replace(scene: &Scene) -> Checked {
    let store = &scene.store;
    let name = scene.name("create/1")?;
    store.put(&name, vec![1]).await?;
    let put = store.put_if_absent(&name, vec![2]).await?;
    ensure!(
        put == Put::Exists,
        "an object that was there has been created"
    );
    let bytes = store.get(&name, 10).await?;
    ensure!(*bytes == [1], "a refused creation changed the object");

    store.delete([name.clone()]).await?;
    let put = store.put_if_absent(&name, vec![3]).await?;
    ensure!(
        put == Put::Created,
        "an object cannot be created after it was deleted"
    );
    let bytes = store.get(&name, 10).await?;
    ensure!(*bytes == [3], "a created object holds other bytes");

    let empty = scene.name("create/2")?;
    ensure!(
        store.put_if_absent(&empty, vec![]).await? == Put::Created,
        "an empty object cannot be created"
    );
    ensure!(
        store.put_if_absent(&empty, vec![]).await? == Put::Exists,
        "an empty object counts as absent"
    );
    Ok("over an object, after deletion, over an empty object".to_owned())
}
