//! The location as a whole.

use std::collections::BTreeMap;
use std::fmt;

use orlop_repo::model::RepositoryId;
use orlop_repo::store::{Store, StoreConfig, StoreError, StoreUrl};

use super::error::LocationError;
use super::keys::Keys;
use super::{aws, azure, gcp, local};

/// The folder of volume data below the prefix. A Velero that shares the bucket rejects a location that
/// has other folders there than its own, of which `plugins` is one.
const VOLUME_DATA: &str = "plugins/orlop";

/// What a `BackupStorageLocation` says, with the bytes of the Secrets that it names.
#[derive(Clone, Copy)]
pub struct LocationSpec<'a> {
    /// `spec.provider`.
    pub provider: &'a str,
    /// `spec.config`.
    pub config: &'a BTreeMap<String, String>,
    /// `spec.objectStorage.bucket`.
    pub bucket: &'a str,
    /// `spec.objectStorage.prefix`.
    pub prefix: Option<&'a str>,
    /// Certificates in PEM form that are trusted besides the system's.
    pub ca: Option<&'a [u8]>,
    /// The credentials file: that of the location, else the one that all share, if there is one.
    pub credentials: Option<&'a [u8]>,
    /// The environment of the process: where a cloud tells a pod who it is. Only names of credentials
    /// count, and only where the file has none.
    pub environment: &'a [(String, String)],
    /// Whether `spec.accessMode` is `ReadOnly`.
    pub read_only: bool,
}

/// A location that can be opened.
#[derive(Debug, Clone)]
pub struct Location {
    /// Bucket and prefix, where Velero's own files are.
    pub url: StoreUrl,
    /// How it is reached. Holds secrets; shows none.
    pub config: StoreConfig,
    /// For whoever signs URLs.
    pub signing: Signing,
    /// Bytes of a block, for whoever uploads in blocks.
    pub block_size: Option<u64>,
}

/// What signed URLs need besides the credentials.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Signing {
    /// The URL of the server in them, where people reach it at another one.
    pub public_url: Option<String>,
    /// The account in whose name they are signed.
    pub service_account: Option<String>,
}

/// What a provider makes of its config.
#[derive(Default)]
pub(super) struct Reached {
    /// By names in the environment.
    pub(super) settings: Vec<(&'static str, String)>,
    pub(super) signing: Signing,
    pub(super) block_size: Option<u64>,
}

impl Reached {
    pub(super) fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.settings.push((name, value.into()));
    }
}

impl fmt::Debug for LocationSpec<'_> {
    /// Without certificates, credentials and environment.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocationSpec")
            .field("provider", &self.provider)
            .field("config", &self.config)
            .field("bucket", &self.bucket)
            .field("prefix", &self.prefix)
            .field("read_only", &self.read_only)
            .finish_non_exhaustive()
    }
}

impl<'a> LocationSpec<'a> {
    /// Bucket and prefix without the slashes around them.
    pub(super) fn names(&self) -> Result<(&'a str, &'a str), LocationError> {
        let bucket = self.bucket.trim_matches('/');
        let bad = |what| LocationError::Bucket {
            bucket: bucket.to_owned(),
            what,
        };
        if bucket.is_empty() {
            return Err(bad("is no name: set spec.objectStorage.bucket"));
        }
        if bucket.starts_with("arn:") {
            return Err(bad(
                "is an access point, which cannot be used yet: name the bucket itself, or the \
                 access point's alias",
            ));
        }
        if bucket.contains('/') {
            return Err(bad(
                "has a slash in it: put what follows into spec.objectStorage.prefix",
            ));
        }
        Ok((bucket, self.prefix.unwrap_or_default().trim_matches('/')))
    }

    /// The value of a variable of the environment that says something.
    pub(super) fn variable(&self, name: &str) -> Option<&'a str> {
        let found = self.environment.iter().find(|(key, _)| key == name);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }
}

impl Location {
    /// Reads a location. Sends nothing: whether it can be reached shows with the first request.
    ///
    /// # Errors
    ///
    /// [`LocationError`] names the key or field that must be changed.
    pub fn new(spec: &LocationSpec<'_>) -> Result<Self, LocationError> {
        let keys = |provider| Keys::new(provider, spec.config);
        let (scheme, reached) = match spec.provider {
            "aws" | "velero.io/aws" => ("s3", aws::reach(spec, keys("aws"))?),
            "azure" | "velero.io/azure" => ("az", azure::reach(spec, keys("azure"))?),
            "gcp" | "velero.io/gcp" => ("gs", gcp::reach(spec, keys("gcp"))?),
            local::PROVIDER => return local::location(spec, keys(local::PROVIDER)),
            other => {
                return Err(LocationError::UnknownProvider {
                    provider: other.chars().take(100).collect(),
                });
            }
        };
        let (bucket, prefix) = spec.names()?;
        let url = format!("{scheme}://{bucket}/{prefix}");
        let url = url.parse().map_err(LocationError::Url)?;
        let mut config = StoreConfig::default().with_settings(reached.settings);
        config.ca_certificates = spec.ca.map(<[u8]>::to_vec);
        config.read_only = spec.read_only;
        Ok(Self {
            url,
            config,
            signing: reached.signing,
            block_size: reached.block_size,
        })
    }

    /// Where the volume data of a namespace is, in the repository with that id.
    ///
    /// # Errors
    ///
    /// [`LocationError::Namespace`] for what is no name of a namespace.
    pub fn volume_data(
        &self,
        namespace: &str,
        repository: RepositoryId,
    ) -> Result<StoreUrl, LocationError> {
        // RFC 1123, as Kubernetes checks it: so it cannot lead to another namespace's folder.
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if namespace.is_empty() || namespace.len() > 63 || !namespace.bytes().all(plain) {
            return Err(LocationError::Namespace {
                namespace: namespace.chars().take(100).collect(),
            });
        }
        let folder = format!("{VOLUME_DATA}/{namespace}/{repository}");
        Ok(match &self.url {
            StoreUrl::Bucket(bucket) => {
                let mut bucket = bucket.clone();
                if !bucket.prefix.is_empty() {
                    bucket.prefix.push('/');
                }
                bucket.prefix.push_str(&folder);
                StoreUrl::Bucket(bucket)
            }
            StoreUrl::Local(path) => StoreUrl::Local(path.join(folder)),
            // No other kind is made here.
            other => other.clone(),
        })
    }

    /// The store of the volume data of a namespace. Sends no request.
    ///
    /// # Errors
    ///
    /// [`StoreError::Config`] if certificates or credentials are not what their format says.
    pub fn open(&self, url: &StoreUrl) -> Result<Store, StoreError> {
        Store::open(url, &self.config)
    }
}
