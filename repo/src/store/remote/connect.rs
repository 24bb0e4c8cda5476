//! Clients for S3, Google Cloud Storage and Azure, from settings.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::client::Certificate;
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::{ClientOptions, ObjectStore, RetryConfig};

use super::backend::RemoteBackend;
use super::wire::WireConnector;
use crate::store::config::StoreConfig;
use crate::store::error::{At, StoreError};
use crate::store::url::{Bucket, Service};

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an unused connection is kept. Below the 20 s after which S3 closes them.
const POOL_IDLE: Duration = Duration::from_secs(15);

/// Makes the client for `bucket`; sends nothing.
pub(in crate::store) fn connect(
    bucket: &Bucket,
    config: &StoreConfig,
) -> Result<RemoteBackend, StoreError> {
    let at = || At::store(bucket.to_string());
    let refuse = |error: object_store::Error| StoreError::Config {
        at: at(),
        reason: error.to_string(),
    };
    let client = client_options(config).map_err(refuse)?;
    let store: Arc<dyn ObjectStore> = match bucket.service {
        Service::S3 => {
            refuse_profile(config, at)?;
            Arc::new(s3(bucket, config, client).map_err(refuse)?)
        }
        Service::Gcs => Arc::new(gcs(bucket, config, client).map_err(refuse)?),
        Service::Azure => Arc::new(azure(bucket, config, client).map_err(refuse)?),
    };
    Ok(RemoteBackend::new(
        store,
        bucket.to_string(),
        &bucket.prefix,
        config.patience,
        bucket.service != Service::Azure,
    ))
}

/// Retries are made around the whole, see [`Retrying`](crate::store::Retrying).
fn no_retry() -> RetryConfig {
    RetryConfig {
        max_retries: 0,
        ..RetryConfig::default()
    }
}

fn client_options(config: &StoreConfig) -> object_store::Result<ClientOptions> {
    let mut client = ClientOptions::new()
        .with_timeout_disabled()
        .with_connect_timeout(CONNECT_TIMEOUT)
        .with_pool_idle_timeout(POOL_IDLE)
        .with_pool_max_idle_per_host(config.max_requests)
        .with_allow_http(config.endpoint_is_plain_http());
    if let Some(pem) = &config.ca_certificates {
        for certificate in Certificate::from_pem_bundle(pem)? {
            client = client.with_root_certificate(certificate);
        }
    }
    Ok(client)
}

/// The settings that `K` knows, by their names in small letters.
fn known<K: FromStr>(config: &StoreConfig) -> impl Iterator<Item = (K, &str)> {
    config
        .settings
        .iter()
        .filter_map(|(key, value)| Some((key.parse().ok()?, value.as_str())))
}

fn s3(
    bucket: &Bucket,
    config: &StoreConfig,
    client: ClientOptions,
) -> object_store::Result<object_store::aws::AmazonS3> {
    known::<AmazonS3ConfigKey>(config)
        .fold(
            AmazonS3Builder::new().with_client_options(client),
            |builder, (key, value)| builder.with_config(key, value),
        )
        .with_bucket_name(&bucket.name)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_retry(no_retry())
        .with_http_connector(WireConnector::default())
        .build()
}

fn gcs(
    bucket: &Bucket,
    config: &StoreConfig,
    client: ClientOptions,
) -> object_store::Result<object_store::gcp::GoogleCloudStorage> {
    known::<GoogleConfigKey>(config)
        .fold(
            GoogleCloudStorageBuilder::new().with_client_options(client),
            |builder, (key, value)| builder.with_config(key, value),
        )
        .with_bucket_name(&bucket.name)
        .with_retry(no_retry())
        .with_http_connector(WireConnector::default())
        .build()
}

fn azure(
    bucket: &Bucket,
    config: &StoreConfig,
    client: ClientOptions,
) -> object_store::Result<object_store::azure::MicrosoftAzure> {
    known::<AzureConfigKey>(config)
        .fold(
            MicrosoftAzureBuilder::new().with_client_options(client),
            |builder, (key, value)| builder.with_config(key, value),
        )
        .with_container_name(&bucket.name)
        .with_retry(no_retry())
        .with_http_connector(WireConnector::default())
        .build()
}

/// Profiles of the AWS tools are not read; silently asking the machine's cloud instead would only
/// end in a strange error.
fn refuse_profile(config: &StoreConfig, at: impl Fn() -> At) -> Result<(), StoreError> {
    let set = |key: &str| config.settings.contains_key(key);
    let other = [
        "aws_access_key_id",
        "aws_web_identity_token_file",
        "aws_container_credentials_relative_uri",
        "aws_container_credentials_full_uri",
        "aws_skip_signature",
    ];
    if set("aws_profile") && !other.into_iter().any(set) {
        return Err(StoreError::Config {
            at: at(),
            reason: "AWS_PROFILE is set, and profiles are not read: set AWS_ACCESS_KEY_ID and \
                     AWS_SECRET_ACCESS_KEY, as `aws configure export-credentials --format env` \
                     prints them"
                .to_owned(),
        });
    }
    Ok(())
}
