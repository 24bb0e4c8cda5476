//! What only a folder on disk can get wrong.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use crate::model::ObjectName;
use crate::store::{Folder, Put, Store, StoreError, conformance, probe};

fn name(name: &str) -> ObjectName {
    ObjectName::parse(name).unwrap()
}

#[tokio::test]
async fn an_object_is_a_private_file_under_its_name_and_no_staging_file_stays() {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().join("repo");
    let store = Store::create_local(&root).await.unwrap();
    store.put(&name("packs/1"), vec![1; 10]).await.unwrap();
    assert_eq!(
        store
            .put_if_absent(&name("packs/2"), vec![2])
            .await
            .unwrap(),
        Put::Created
    );
    assert_eq!(
        store
            .put_if_absent(&name("packs/2"), vec![3])
            .await
            .unwrap(),
        Put::Exists
    );
    let mode = |path: &str| fs::metadata(root.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode("packs"), mode("packs/1"), mode("packs/2")),
        (0o700, 0o600, 0o600)
    );
    let mut files: Vec<_> = fs::read_dir(root.join("packs"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert_eq!(files, ["1", "2"]);
}

#[tokio::test]
async fn an_absent_root_is_not_an_absent_object() {
    let temp = tempfile::tempdir().unwrap();
    let store = Store::local(temp.path().join("not-mounted"));
    for error in [
        store.get(&name("config"), 10).await.unwrap_err(),
        store.head(&name("config")).await.unwrap_err(),
        store.list(&Folder::ROOT).await.unwrap_err(),
        store.delete([name("config")]).await.unwrap_err(),
        store.put(&name("config"), vec![1]).await.unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::NoStore { .. }), "{error:?}");
        assert!(!error.is_missing());
    }
    assert!(!temp.path().join("not-mounted").exists());
}

#[tokio::test]
async fn a_root_that_is_a_file_says_so() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("file");
    fs::write(&path, b"x").unwrap();
    let store = Store::local(&path);
    for error in [
        store.get(&name("config"), 10).await.unwrap_err(),
        store.list(&Folder::ROOT).await.unwrap_err(),
        store.put(&name("config"), vec![1]).await.unwrap_err(),
        Store::create_local(&path).await.unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::NotAFolder { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn what_is_not_an_object_is_in_no_listing() {
    let temp = tempfile::tempdir().unwrap();
    let store = Store::local(temp.path());
    store.put(&name("a/1"), vec![1]).await.unwrap();
    for stray in [".DS_Store", "a/.put-0011", "lost+found", "a/UPPER"] {
        fs::write(temp.path().join(stray), b"x").unwrap();
    }
    let listed = store.list(&Folder::ROOT).await.unwrap();
    let names: Vec<_> = listed.into_iter().map(|info| info.name).collect();
    assert_eq!(names, [name("a/1")]);
    // A folder where an object would be is no object, and an object is no folder.
    assert!(store.get(&name("a"), 10).await.unwrap_err().is_missing());
    assert!(
        store
            .get(&name("a/1/2"), 10)
            .await
            .unwrap_err()
            .is_missing()
    );
    assert!(
        store
            .list(&Folder::parse("a/1").unwrap())
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn debris_goes_after_a_day_and_objects_stay() {
    let temp = tempfile::tempdir().unwrap();
    let store = Store::local(temp.path());
    store.put(&name("a/1"), vec![1]).await.unwrap();
    fs::create_dir(temp.path().join("empty")).unwrap();
    let (old, young) = (
        temp.path().join("a/.put-old"),
        temp.path().join("a/.put-young"),
    );
    for path in [&old, &young] {
        fs::write(path, b"x").unwrap();
    }
    assert_eq!(store.remove_debris().await.unwrap(), 0);
    let two_days_ago = store.store_now().await.unwrap() - Duration::from_hours(48);
    for path in [&old, &temp.path().join("empty"), &temp.path().join("a/1")] {
        set_modified(path, two_days_ago);
    }
    assert_eq!(store.remove_debris().await.unwrap(), 2);
    assert!(!old.exists() && young.exists());
    assert_eq!(
        store.get(&name("a/1"), 1).await.unwrap(),
        Bytes::from_static(&[1])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn trials_leave_no_folder_behind_and_deleting_objects_leaves_theirs() {
    let temp = tempfile::tempdir().unwrap();
    let store = Store::local(temp.path());
    store.put(&name("packs/1/1"), vec![1]).await.unwrap();
    store.delete([name("packs/1/1")]).await.unwrap();
    probe::create_once(&store).await.unwrap();
    probe::probe(&store, probe::Effort::PROBE, || SystemTime::UNIX_EPOCH)
        .await
        .unwrap();
    store.store_now().await.unwrap();
    let left: Vec<_> = fs::read_dir(temp.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["packs"]);
    assert!(temp.path().join("packs/1").is_dir());
}

fn set_modified(path: &std::path::Path, time: SystemTime) {
    fs::File::open(path).unwrap().set_modified(time).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_conforms() {
    let temp = tempfile::tempdir().unwrap();
    let store = Store::local(temp.path());
    assert_eq!(conformance::check(&store).await.unwrap(), []);
    assert!(store.list(&Folder::ROOT).await.unwrap().is_empty());
}

/// Set in the process that runs as nobody.
const AS_NOBODY: &str = "ORLOP_TEST_READ_ONLY_FOLDER";

/// Root may write everywhere, so the test runs itself again as somebody else.
#[tokio::test]
async fn a_folder_that_may_not_be_written_says_so() {
    if let Some(root) = std::env::var_os(AS_NOBODY) {
        let store = Store::local(root);
        assert_eq!(
            store.get(&name("a/1"), 1).await.unwrap(),
            Bytes::from_static(&[1])
        );
        for error in [
            store.put(&name("a/2"), vec![1]).await.unwrap_err(),
            store
                .put_if_absent(&name("b/2"), vec![1])
                .await
                .unwrap_err(),
            store.delete([name("a/1")]).await.unwrap_err(),
        ] {
            assert!(
                matches!(error, StoreError::PermissionDenied { .. }),
                "{error:?}"
            );
        }
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().join("repo");
    let store = Store::create_local(&root).await.unwrap();
    store.put(&name("a/1"), vec![1]).await.unwrap();
    for path in ["a/1", "a", ""] {
        let mode = if path == "a/1" { 0o444 } else { 0o555 };
        fs::set_permissions(root.join(path), fs::Permissions::from_mode(mode)).unwrap();
    }
    fs::set_permissions(temp.path(), fs::Permissions::from_mode(0o755)).unwrap();
    // The build folder may be closed to others.
    let test = temp.path().join("test");
    fs::copy(std::env::current_exe().unwrap(), &test).unwrap();
    fs::set_permissions(&test, fs::Permissions::from_mode(0o755)).unwrap();
    let mut again = std::process::Command::new(&test);
    again
        .args([
            "--exact",
            "store::local::tests::a_folder_that_may_not_be_written_says_so",
        ])
        .env(AS_NOBODY, &root)
        .current_dir(temp.path());
    if fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0) {
        std::os::unix::process::CommandExt::uid(&mut again, 65534);
    }
    let output = again.output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && printed.contains("1 passed"),
        "{printed}"
    );
    fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(root.join("a"), fs::Permissions::from_mode(0o755)).unwrap();
}
