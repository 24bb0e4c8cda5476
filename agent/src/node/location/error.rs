//! Why a location cannot be used.

use orlop_repo::store::StoreUrlError;

/// A location that cannot be used. Each says what to change; none repeats a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LocationError {
    /// A provider that is none of the known ones.
    #[error(
        "provider {provider:?} is not known: use aws, azure or gcp, or orlop.io/local for trials"
    )]
    UnknownProvider {
        /// Its name.
        provider: String,
    },
    /// A key that the provider does not have.
    #[error("config key {key} is not one of provider {provider} ({known}): correct or remove it")]
    UnknownKey {
        /// The provider.
        provider: &'static str,
        /// The key.
        key: String,
        /// Those that it has.
        known: String,
    },
    /// A key that the server fills in from other fields.
    #[error("config key {key} comes from {field} of the location: remove it from config")]
    OfTheServer {
        /// The key.
        key: &'static str,
        /// The field.
        field: &'static str,
    },
    /// A setting that does not count here yet.
    #[error("config key {key} cannot be honoured yet: {why}")]
    NotHonoured {
        /// The key.
        key: &'static str,
        /// Why, and what to do.
        why: &'static str,
    },
    /// A value that makes no sense.
    #[error("config key {key} {what}")]
    BadValue {
        /// The key.
        key: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// A key without which the store cannot be reached.
    #[error("config key {key} is missing: {why}")]
    Missing {
        /// The key.
        key: &'static str,
        /// What it is for.
        why: &'static str,
    },
    /// Credentials that cannot be used.
    #[error("the credentials cannot be used: {what}")]
    Credentials {
        /// What is wrong with them.
        what: String,
    },
    /// The name of the bucket.
    #[error("bucket {bucket:?} {what}")]
    Bucket {
        /// Its name.
        bucket: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Something that this provider does not have.
    #[error("a location of provider {provider} has no {what}: remove it")]
    HasNo {
        /// The provider.
        provider: &'static str,
        /// What it does not have.
        what: &'static str,
    },
    /// Bucket and prefix make no place.
    #[error("bucket and prefix name no place in a store")]
    Url(#[source] StoreUrlError),
    /// A namespace that none can have.
    #[error("{namespace:?} is no name of a namespace")]
    Namespace {
        /// The name.
        namespace: String,
    },
}
