//! How to reach a store, beyond its URL.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::retry::RetryPolicy;

/// Settings of a store.
///
/// The library reads no environment: whoever wants `AWS_ACCESS_KEY_ID` and its like to count
/// passes them to [`StoreConfig::with_settings`].
#[derive(Clone)]
#[non_exhaustive]
pub struct StoreConfig {
    /// Settings by the names of the AWS, Google and Azure tools, in small letters.
    pub(super) settings: BTreeMap<String, String>,
    /// Certificates in PEM form that are trusted besides the system's, for S3 and its like.
    pub ca_certificates: Option<Vec<u8>>,
    /// Refuse everything that writes or deletes.
    pub read_only: bool,
    /// Most requests at a time. 64 by default; keeps a link of 10 Gbit/s with 50 ms busy.
    pub max_requests: usize,
    /// How long to wait for an answer, or for more of one. 60 s by default.
    pub patience: Duration,
    /// When to try again.
    pub retry: RetryPolicy,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            settings: BTreeMap::new(),
            ca_certificates: None,
            read_only: false,
            max_requests: 64,
            patience: Duration::from_mins(1),
            retry: RetryPolicy::default(),
        }
    }
}

impl StoreConfig {
    /// Takes settings by their names in the environment, such as `AWS_REGION`,
    /// `AWS_ENDPOINT_URL`, `GOOGLE_APPLICATION_CREDENTIALS` or `AZURE_STORAGE_ACCOUNT_KEY`.
    ///
    /// Names that do not begin with `AWS_`, `GOOGLE_` or `AZURE_` and empty values are left out,
    /// so the whole environment may be passed.
    #[must_use]
    pub fn with_settings(
        mut self,
        pairs: impl IntoIterator<Item = (impl AsRef<str>, impl Into<String>)>,
    ) -> Self {
        for (key, value) in pairs {
            let key = key.as_ref().to_ascii_lowercase();
            let value = value.into();
            if ["aws_", "google_", "azure_"]
                .iter()
                .any(|prefix| key.starts_with(prefix))
                && !value.is_empty()
            {
                self.settings.insert(key, value);
            }
        }
        self
    }

    /// Whether the user has named an endpoint without TLS. What goes there is encrypted, but
    /// tokens would be readable, so it is never assumed.
    pub(super) fn endpoint_is_plain_http(&self) -> bool {
        const ENDPOINTS: [&str; 6] = [
            "aws_endpoint",
            "aws_endpoint_url",
            "aws_endpoint_url_s3",
            "azure_endpoint",
            "azure_storage_endpoint",
            "google_base_url",
        ];
        ENDPOINTS
            .iter()
            .filter_map(|key| self.settings.get(*key))
            .any(|endpoint| endpoint.starts_with("http://"))
    }
}

impl fmt::Debug for StoreConfig {
    /// Names of settings without their values, some of which are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreConfig")
            .field("settings", &self.settings.keys().collect::<Vec<_>>())
            .field("read_only", &self.read_only)
            .field("max_requests", &self.max_requests)
            .field("patience", &self.patience)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_settings_of_stores_are_taken_and_none_is_printed() {
        let config = StoreConfig::default().with_settings([
            ("AWS_SECRET_ACCESS_KEY", "hush"),
            ("AWS_REGION", ""),
            ("HOME", "/root"),
        ]);
        assert_eq!(config.settings.len(), 1);
        assert!(!format!("{config:?}").contains("hush"));
    }
}
