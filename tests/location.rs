//! Locations as Kubernetes has them, over real servers.
#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::collections::BTreeMap;

use orlop_agent::node::location::{Location, LocationSpec};
use orlop_repo::model::{ObjectName, RepositoryId};
use orlop_repo::store::{Folder, Put, Store, StoreError};
use orlop_test_servers::{AzureServer, S3Server};

fn setting<'a>(settings: &'a [(String, String)], name: &str) -> &'a str {
    let found = settings.iter().find(|(key, _)| key == name);
    found.map(|(_, value)| value.as_str()).unwrap()
}

fn config<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

/// Writes through a store of volume data, reads it back, and finds it where Velero leaves room.
async fn holds_volume_data(spec: LocationSpec<'_>) {
    let location = Location::new(&spec).unwrap();
    let id = RepositoryId::from_bytes([7; 32]);
    let url = location.volume_data("shop", id).unwrap();
    let store = location.open(&url).unwrap();
    let name = ObjectName::parse("log/1").unwrap();
    let put = store.put_if_absent(&name, &b"entry"[..]).await.unwrap();
    assert_eq!(put, Put::Created);
    let again = store.put_if_absent(&name, &b"other"[..]).await.unwrap();
    assert_eq!(again, Put::Exists);
    assert_eq!(store.get(&name, 100).await.unwrap(), &b"entry"[..]);

    let whole = location.open(&location.url).unwrap();
    let found = whole.list(&Folder::ROOT).await.unwrap();
    let names: Vec<_> = found.iter().map(|info| info.name.as_str()).collect();
    let wanted = format!("plugins/orlop/shop/{id}/log/1");
    assert_eq!(names, [wanted.as_str()]);

    let read_only = LocationSpec {
        read_only: true,
        ..spec
    };
    let read_only = Location::new(&read_only).unwrap();
    let store: Store = read_only.open(&url).unwrap();
    assert_eq!(store.get(&name, 100).await.unwrap(), &b"entry"[..]);
    let refused = store.put(&name, &b"x"[..]).await;
    assert!(matches!(refused, Err(StoreError::ReadOnly { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_location_on_s3_holds_volume_data() {
    let server = S3Server::start().unwrap();
    server.bucket("backups").unwrap();
    let settings = server.settings();
    let keys = format!(
        "[default]\naws_access_key_id=nobody\naws_secret_access_key=wrong\n\
         [orlop]\naws_access_key_id={}\naws_secret_access_key={}\n",
        setting(&settings, "AWS_ACCESS_KEY_ID"),
        setting(&settings, "AWS_SECRET_ACCESS_KEY"),
    );
    let endpoint = server.endpoint();
    let config = config([
        ("s3Url", endpoint.as_str()),
        ("s3ForcePathStyle", "true"),
        ("region", "us-east-1"),
        ("profile", "orlop"),
        ("checksumAlgorithm", "SHA256"),
    ]);
    let spec = LocationSpec {
        provider: "aws",
        config: &config,
        bucket: "backups",
        prefix: Some("velero"),
        ca: None,
        credentials: Some(keys.as_bytes()),
        environment: &[],
        read_only: false,
    };
    holds_volume_data(spec).await;

    // The default section is another account's, which the server does not know.
    let mut config = config.clone();
    config.remove("profile");
    let spec = LocationSpec {
        config: &config,
        ..spec
    };
    let location = Location::new(&spec).unwrap();
    let store = location.open(&location.url).unwrap();
    let refused = store.list(&Folder::ROOT).await;
    assert!(
        matches!(refused, Err(StoreError::CredentialsRejected { .. })),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_location_on_azure_holds_volume_data() {
    let server = AzureServer::start().unwrap();
    server.container("backups").unwrap();
    let settings = server.settings();
    let keys = format!(
        "AZURE_RESOURCE_GROUP=trials\nAZURE_ACCOUNT_KEY={}\n",
        setting(&settings, "AZURE_STORAGE_ACCOUNT_KEY")
    );
    let endpoint = server.endpoint();
    let config = config([
        (
            "storageAccount",
            setting(&settings, "AZURE_STORAGE_ACCOUNT_NAME"),
        ),
        ("storageAccountURI", endpoint.as_str()),
        ("storageAccountKeyEnvVar", "AZURE_ACCOUNT_KEY"),
        ("resourceGroup", "trials"),
    ]);
    holds_volume_data(LocationSpec {
        provider: "velero.io/azure",
        config: &config,
        bucket: "backups",
        prefix: Some("velero"),
        ca: None,
        credentials: Some(keys.as_bytes()),
        environment: &[],
        read_only: false,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_location_in_a_folder_holds_volume_data() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("backups/velero")).unwrap();
    let config = config([("path", folder.path().to_str().unwrap())]);
    let spec = LocationSpec {
        provider: "orlop.io/local",
        config: &config,
        bucket: "backups",
        prefix: Some("velero"),
        ca: None,
        credentials: None,
        environment: &[],
        read_only: false,
    };
    // The folder of a repository is made by whoever initialises it.
    let location = Location::new(&spec).unwrap();
    let id = RepositoryId::from_bytes([7; 32]);
    let url = location.volume_data("shop", id).unwrap();
    Store::create(&url, &location.config).await.unwrap();
    holds_volume_data(spec).await;
}
