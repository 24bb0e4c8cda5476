//! What can go wrong at a store, by what the caller should do about it.

use std::fmt;
use std::sync::Arc;

use super::folder::Folder;
use crate::model::ObjectName;

/// The error below a [`StoreError`]: of the operating system or of the HTTP client.
pub type Cause = Box<dyn std::error::Error + Send + Sync + 'static>;

/// Where something went wrong: the store, and the object if one is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At {
    /// The store as its user named it, without credentials.
    pub store: Arc<str>,
    /// The object, or the folder that was listed.
    pub object: Option<String>,
}

impl At {
    /// The store as a whole.
    pub fn store(store: impl Into<Arc<str>>) -> Self {
        Self {
            store: store.into(),
            object: None,
        }
    }

    /// The object `name` in `store`.
    pub fn object(store: impl Into<Arc<str>>, name: &ObjectName) -> Self {
        Self {
            store: store.into(),
            object: Some(name.to_string()),
        }
    }

    /// The folder `folder` of `store`.
    pub fn folder(store: impl Into<Arc<str>>, folder: &Folder) -> Self {
        let object = (*folder != Folder::ROOT).then(|| format!("{folder}/"));
        Self {
            store: store.into(),
            object,
        }
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.object {
            Some(object) => write!(f, "{object} in {}", self.store),
            None => f.write_str(&self.store),
        }
    }
}

/// A store did not do what was asked.
///
/// Only [`StoreError::NotFound`] says anything about an object's absence. Everything else leaves
/// open whether the object is there and whether a put took effect.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The store answered, and there is no such object.
    #[error("{at}: no such object")]
    NotFound {
        /// The object.
        at: At,
    },
    /// There is no such bucket, container or folder: says nothing about any object.
    #[error("{at}: the bucket, container or folder does not exist")]
    NoStore {
        /// The store.
        at: At,
        /// The store's answer.
        source: Cause,
    },
    /// The path exists and is not a folder.
    #[error("{at}: the path is not a folder")]
    NotAFolder {
        /// The store.
        at: At,
        /// The error of the operating system.
        source: Cause,
    },
    /// The store does not know the credentials, or there are none.
    #[error("{at}: the store does not accept the credentials")]
    CredentialsRejected {
        /// What was asked for.
        at: At,
        /// The store's answer.
        source: Cause,
    },
    /// The credentials are good but do not allow this.
    #[error("{at}: permission denied")]
    PermissionDenied {
        /// What was asked for.
        at: At,
        /// The store's answer.
        source: Cause,
    },
    /// The store is read-only, by its nature or by the caller's wish.
    #[error("{at}: the store is read-only")]
    ReadOnly {
        /// What was asked for.
        at: At,
    },
    /// No connection: wrong address, no network, TLS refused, or nobody listens there.
    #[error("{at}: cannot reach the store")]
    Unreachable {
        /// What was asked for.
        at: At,
        /// Why there is no connection.
        source: Cause,
    },
    /// No answer, or no progress, in time. A put may or may not have happened, or happen later.
    #[error("{at}: no progress within {seconds} s")]
    Timeout {
        /// What was asked for.
        at: At,
        /// How long was waited.
        seconds: u64,
    },
    /// The store asks for fewer requests.
    #[error("{at}: the store is overloaded or limits the rate of requests")]
    Throttled {
        /// What was asked for.
        at: At,
        /// The store's answer.
        source: Cause,
    },
    /// The disk or the quota is full.
    #[error("{at}: no space left")]
    Full {
        /// What was asked for.
        at: At,
        /// The store's answer.
        source: Cause,
    },
    /// The store cannot do what the engine needs.
    #[error("{at}: the store does not support {what}")]
    NotSupported {
        /// What was asked for.
        at: At,
        /// The missing ability, as part of a sentence.
        what: &'static str,
    },
    /// The object is longer than its reader is willing to take.
    #[error("{at}: object of {len} bytes, at most {max} are expected")]
    TooLarge {
        /// The object.
        at: At,
        /// Its length.
        len: u64,
        /// What was allowed.
        max: u64,
    },
    /// The object ends before the asked range does.
    #[error("{at}: {got} bytes at offset {offset}, {wanted} were asked for")]
    ShortRead {
        /// The object.
        at: At,
        /// Where the range begins.
        offset: u64,
        /// Bytes in the range.
        wanted: u64,
        /// Bytes that the store has of it.
        got: u64,
    },
    /// The location or its settings are not understood.
    #[error("{at}: {reason}")]
    Config {
        /// The store.
        at: At,
        /// What is wrong, as a sentence without capital and full stop.
        reason: String,
    },
    /// A passing fault: connection lost, answer cut short, or an error inside the store.
    #[error("{at}: the request failed")]
    Transient {
        /// What was asked for.
        at: At,
        /// The fault.
        source: Cause,
    },
    /// Anything else that the store or the operating system said.
    #[error("{at}: the store refused the request")]
    Other {
        /// What was asked for.
        at: At,
        /// The answer.
        source: Cause,
    },
}

impl StoreError {
    /// Whether the same request may succeed if it is sent again after a while.
    ///
    /// For a conditional put, "the same request" is the same bytes at the same name, and the
    /// answer may then be that the name is taken, by the first attempt.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::Throttled { .. }
            | Self::Transient { .. } => true,
            Self::NotFound { .. }
            | Self::NoStore { .. }
            | Self::NotAFolder { .. }
            | Self::CredentialsRejected { .. }
            | Self::PermissionDenied { .. }
            | Self::ReadOnly { .. }
            | Self::Full { .. }
            | Self::NotSupported { .. }
            | Self::TooLarge { .. }
            | Self::ShortRead { .. }
            | Self::Config { .. }
            | Self::Other { .. } => false,
        }
    }

    /// Whether the store has answered that there is no such object.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// Whether the object is there but is not what its reader expects: too long or too short.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::TooLarge { .. } | Self::ShortRead { .. })
    }

    /// Where it went wrong.
    pub fn at(&self) -> &At {
        match self {
            Self::NotFound { at }
            | Self::NoStore { at, .. }
            | Self::NotAFolder { at, .. }
            | Self::CredentialsRejected { at, .. }
            | Self::PermissionDenied { at, .. }
            | Self::ReadOnly { at }
            | Self::Unreachable { at, .. }
            | Self::Timeout { at, .. }
            | Self::Throttled { at, .. }
            | Self::Full { at, .. }
            | Self::NotSupported { at, .. }
            | Self::TooLarge { at, .. }
            | Self::ShortRead { at, .. }
            | Self::Config { at, .. }
            | Self::Transient { at, .. }
            | Self::Other { at, .. } => at,
        }
    }

    /// The error of a file operation at `at`.
    pub(crate) fn from_io(at: At, error: std::io::Error) -> Self {
        use std::io::ErrorKind;
        match error.kind() {
            ErrorKind::NotFound => Self::NotFound { at },
            ErrorKind::PermissionDenied => Self::PermissionDenied {
                at,
                source: error.into(),
            },
            ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { at },
            ErrorKind::NotADirectory => Self::NotAFolder {
                at,
                source: error.into(),
            },
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                Self::Full {
                    at,
                    source: error.into(),
                }
            }
            ErrorKind::TimedOut | ErrorKind::StaleNetworkFileHandle | ErrorKind::Interrupted => {
                Self::Transient {
                    at,
                    source: error.into(),
                }
            }
            _ => Self::Other {
                at,
                source: error.into(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    fn at() -> At {
        At::object("s3://b/p", &ObjectName::parse("packs/1").unwrap())
    }

    #[test]
    fn a_message_names_the_object_and_the_store_but_not_the_cause() {
        let error = StoreError::Transient {
            at: at(),
            source: "boom".into(),
        };
        let text = error.to_string();
        assert!(
            text.contains("packs/1") && text.contains("s3://b/p"),
            "{text}"
        );
        assert!(!text.contains("boom"), "{text}");
    }

    #[test]
    fn a_timeout_is_neither_missing_nor_damage() {
        let error = StoreError::Timeout {
            at: at(),
            seconds: 30,
        };
        assert!(error.is_retryable() && !error.is_missing() && !error.is_damage());
        let bucket = StoreError::NoStore {
            at: at(),
            source: "404".into(),
        };
        assert!(!bucket.is_missing() && !bucket.is_retryable());
    }

    #[test]
    fn a_full_disk_has_its_own_error() {
        const ENOSPC: i32 = 28;
        let error = StoreError::from_io(at(), io::Error::from_raw_os_error(ENOSPC));
        assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
    }
}
