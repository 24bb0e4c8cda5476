//! What people are told when a store is not as they think: each cause has its own error, and none
//! of them passes for an absent object.
#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::net::{Ipv4Addr, TcpListener};

use orlop_repo::model::ObjectName;
use orlop_repo::store::{Folder, RetryPolicy, Store, StoreConfig, StoreError, StoreUrl};
use orlop_test_servers::{AzureServer, GcsServer, S3Server};

type Settings = Vec<(String, String)>;

/// An account that asks nobody for a token.
const GOOGLE_ACCOUNT: &str =
    r#"{"disable_oauth": true, "client_email": "", "private_key": "", "private_key_id": ""}"#;

fn open(url: &str, settings: Settings) -> Store {
    let url: StoreUrl = url.parse().unwrap();
    let mut config = StoreConfig::default().with_settings(settings);
    config.retry = RetryPolicy::never();
    Store::open(&url, &config).unwrap()
}

fn with(mut settings: Settings, key: &str, value: &str) -> Settings {
    settings.retain(|(present, _)| present != key);
    settings.push((key.to_owned(), value.to_owned()));
    settings
}

/// The errors of all kinds of requests.
async fn errors(store: &Store) -> Vec<StoreError> {
    let name = ObjectName::parse("log/0001/1").unwrap();
    let folder = Folder::parse("log").unwrap();
    vec![
        store.get(&name, 10).await.unwrap_err(),
        store.get_range(&name, 0..1).await.unwrap_err(),
        store.get_tail(&name, 10).await.unwrap_err(),
        store.head(&name).await.unwrap_err(),
        store.put(&name, vec![1]).await.unwrap_err(),
        store.put_if_absent(&name, vec![1]).await.unwrap_err(),
        store.list(&folder).await.unwrap_err(),
        store.list_folders(&folder).await.unwrap_err(),
        store.delete([name]).await.unwrap_err(),
    ]
}

async fn expect(store: &Store, what: &str, is: impl Fn(&StoreError) -> bool) {
    for error in errors(store).await {
        assert!(is(&error), "{what} of {}: {error:?}", store.location());
        assert!(!error.is_missing() && !error.is_damage());
        assert!(error.to_string().contains(store.location()), "{error}");
    }
}

/// A port where nobody listens.
fn closed_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

#[tokio::test]
async fn nobody_at_the_endpoint_is_unreachable() {
    let endpoint = format!("http://127.0.0.1:{}", closed_port());
    let key = "a2V5".to_owned();
    let settings: Settings = vec![
        ("AWS_ENDPOINT_URL".into(), endpoint.clone()),
        ("AWS_ACCESS_KEY_ID".into(), "a".into()),
        ("AWS_SECRET_ACCESS_KEY".into(), "b".into()),
        ("GOOGLE_BASE_URL".into(), endpoint.clone()),
        ("GOOGLE_SERVICE_ACCOUNT_KEY".into(), GOOGLE_ACCOUNT.into()),
        ("AZURE_STORAGE_ENDPOINT".into(), endpoint),
        ("AZURE_STORAGE_ACCOUNT_NAME".into(), "account".into()),
        ("AZURE_STORAGE_ACCOUNT_KEY".into(), key),
    ];
    for url in ["s3://bucket/x", "gs://bucket/x", "az://container/x"] {
        let store = open(url, settings.clone());
        expect(&store, "a refused connection", |error| {
            matches!(error, StoreError::Unreachable { .. }) && error.is_retryable()
        })
        .await;
    }
}

#[tokio::test]
async fn a_missing_bucket_is_no_missing_object() {
    let s3 = S3Server::start().unwrap();
    let gcs = GcsServer::start().unwrap();
    let azure = AzureServer::start().unwrap();
    for (url, settings) in [
        ("s3://nowhere", s3.settings()),
        ("gs://nowhere", gcs.settings()),
        ("az://nowhere", azure.settings()),
    ] {
        let store = open(url, settings);
        expect(&store, "a missing bucket", |error| {
            matches!(error, StoreError::NoStore { .. })
        })
        .await;
    }
}

#[tokio::test]
async fn wrong_credentials_are_named_as_such() {
    let s3 = S3Server::start().unwrap();
    let bucket = s3.bucket("orlop").unwrap();
    for (key, value) in [
        ("AWS_SECRET_ACCESS_KEY", "wrong"),
        ("AWS_ACCESS_KEY_ID", "nobody"),
    ] {
        let store = open(&bucket, with(s3.settings(), key, value));
        expect(&store, "wrong credentials", |error| {
            matches!(error, StoreError::CredentialsRejected { .. }) && !error.is_retryable()
        })
        .await;
    }
}

#[tokio::test]
async fn wrong_azure_credentials_are_refused() {
    let azure = AzureServer::start().unwrap();
    let container = azure.container("orlop").unwrap();
    let store = open(
        &container,
        with(azure.settings(), "AZURE_STORAGE_ACCOUNT_KEY", "d3Jvbmc="),
    );
    // Azure says that the credentials are wrong, its emulator that they do not suffice.
    expect(&store, "wrong credentials", |error| {
        matches!(
            error,
            StoreError::CredentialsRejected { .. } | StoreError::PermissionDenied { .. }
        )
    })
    .await;
}

#[tokio::test]
async fn a_profile_without_credentials_says_what_to_do() {
    let url: StoreUrl = "s3://bucket".parse().unwrap();
    let config = StoreConfig::default().with_settings([("AWS_PROFILE", "mine")]);
    let error = Store::open(&url, &config).unwrap_err();
    assert!(matches!(error, StoreError::Config { .. }));
    assert!(error.to_string().contains("export-credentials"), "{error}");
}

#[tokio::test]
async fn a_server_that_never_answers_times_out_and_nothing_is_missing() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let url: StoreUrl = "s3://bucket/x".parse().unwrap();
    let mut config = StoreConfig::default().with_settings([
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_ACCESS_KEY_ID", "a"),
        ("AWS_SECRET_ACCESS_KEY", "b"),
    ]);
    config.retry = RetryPolicy::never();
    config.patience = std::time::Duration::from_millis(50);
    let store = Store::open(&url, &config).unwrap();
    expect(&store, "silence", |error| {
        matches!(error, StoreError::Timeout { .. })
    })
    .await;
}
