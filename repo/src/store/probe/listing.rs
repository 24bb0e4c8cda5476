//! Listings see what was written, in folders and behind a name.

use futures::TryStreamExt;

use super::scene::{Checked, Failure, Scene, ensure};
use crate::model::ObjectName;
use crate::store::StoreError;
use crate::store::folder::Folder;

/// Listings hold exactly what is there, at once after a put or a deletion.
pub(super) async fn listings(scene: &Scene, objects: usize) -> Checked {
    let store = &scene.store;
    let folder = scene.folder("list/in")?;
    ensure!(
        store.list(&folder).await?.is_empty(),
        "a folder that was never used is not empty"
    );
    let mut names = (0..objects)
        .zip(["a", "a-b", "b"].into_iter().cycle())
        .map(|(i, folder)| scene.name(&format!("list/in/{folder}/{i:06}")))
        .collect::<Result<Vec<_>, _>>()?;
    let outside = [scene.name("list/in-not/1")?, scene.name("list/i")?];
    put_all(scene, names.iter().chain(&outside)).await?;
    names.sort();

    let listed = names_of(scene, &folder, None).await?;
    ensure!(
        listed == names,
        "{} of {objects} objects are listed after their put",
        listed.len()
    );
    let mut walked: Vec<_> = store
        .walk(&folder)
        .map_ok(|info| info.name)
        .try_collect()
        .await?;
    walked.sort();
    ensure!(
        walked == names,
        "walking the folder found {} of {objects} objects",
        walked.len()
    );

    for at in [0, objects / 2, objects - 1] {
        let (Some(after), Some(want)) = (names.get(at), names.get(at + 1..)) else {
            continue;
        };
        let listed = names_of(scene, &folder, Some(after)).await?;
        ensure!(
            listed == want,
            "{} of {} objects are listed behind a name",
            listed.len(),
            want.len()
        );
    }
    let between = scene.name("list/in/a/zz")?;
    let want = names.iter().filter(|name| **name > between).count();
    let listed = names_of(scene, &folder, Some(&between)).await?.len();
    ensure!(
        listed == want,
        "{listed} of {want} objects are listed behind an absent name"
    );

    let folders = store.list_folders(&folder).await?;
    let parts: Vec<_> = folders.iter().map(Folder::last_part).collect();
    ensure!(
        parts == ["a", "a-b", "b"],
        "folders in a folder are listed as {parts:?}"
    );
    let leaf = folders
        .first()
        .ok_or_else(|| Failure::Violated("no folder".to_owned()))?;
    ensure!(
        store.list_folders(leaf).await?.is_empty(),
        "objects are listed as folders"
    );

    let kept = names.split_off(names.len() - names.len() / 3);
    store.delete(names).await?;
    let listed = names_of(scene, &folder, None).await?;
    ensure!(
        listed == kept,
        "{} objects are listed where {} are left",
        listed.len(),
        kept.len()
    );
    Ok(format!(
        "{objects} objects, listed at once after put and deletion"
    ))
}

async fn names_of(
    scene: &Scene,
    folder: &Folder,
    after: Option<&ObjectName>,
) -> Result<Vec<ObjectName>, StoreError> {
    let listed = match after {
        None => scene.store.list(folder).await?,
        Some(after) => scene.store.list_after(folder, after).await?,
    };
    Ok(listed.into_iter().map(|info| info.name).collect())
}

/// Puts an empty object under each name, some at a time.
async fn put_all(
    scene: &Scene,
    names: impl Iterator<Item = &ObjectName>,
) -> Result<(), StoreError> {
    let puts = names.map(|name| Ok(scene.store.put(name, vec![])));
    futures::stream::iter(puts)
        .try_buffer_unordered(16)
        .try_collect()
        .await
}
