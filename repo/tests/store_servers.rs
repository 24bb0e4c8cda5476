//! Every kind of store, over a real server, against the conformance suite.
#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use orlop_repo::store::conformance;
use orlop_repo::store::{Folder, Store, StoreConfig, StoreUrl};
use orlop_test_servers::{AzureServer, GcsServer, S3Server};

fn open(url: &str, settings: Vec<(String, String)>) -> Store {
    let url: StoreUrl = url.parse().unwrap();
    Store::open(&url, &StoreConfig::default().with_settings(settings)).unwrap()
}

/// The suite over a whole bucket and over a prefix of it, which must not see each other.
async fn conforms(bucket: &str, settings: Vec<(String, String)>) {
    let whole = open(bucket, settings.clone());
    assert_eq!(conformance::check(&whole).await.unwrap(), []);
    let part = open(&format!("{bucket}/Some_folder/of mine"), settings);
    let effort = orlop_repo::store::probe::Effort::PROBE;
    assert_eq!(conformance::check_with(&part, effort).await.unwrap(), []);
    assert_eq!(whole.list(&Folder::ROOT).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_conforms() {
    let server = S3Server::start().unwrap();
    conforms(&server.bucket("orlop").unwrap(), server.settings()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gcs_conforms() {
    let server = GcsServer::start().unwrap();
    conforms(&server.bucket("orlop").unwrap(), server.settings()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn azure_conforms() {
    let server = AzureServer::start().unwrap();
    conforms(&server.container("orlop").unwrap(), server.settings()).await;
}
