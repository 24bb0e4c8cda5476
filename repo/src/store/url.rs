//! How people name a store.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Why a text names no store. The text itself is not repeated: it may hold a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreUrlError {
    /// Nothing.
    #[error("the location of the repository is empty")]
    Empty,
    /// A scheme that is none of the known ones.
    #[error("unknown kind of store {scheme:?}: give a path, file://, s3://, gs:// or az://")]
    UnknownScheme {
        /// What stands before `://`.
        scheme: String,
    },
    /// No bucket or container after the scheme.
    #[error("{scheme}:// needs the name of a bucket: {scheme}://bucket/prefix")]
    NoBucket {
        /// The scheme.
        scheme: &'static str,
    },
    /// A name and password, which would end in logs and lists of processes.
    #[error("a URL of a store must hold no credentials: set them in the environment")]
    Credentials,
    /// Something that a URL of a store does not have.
    #[error("a URL of a store has only bucket and prefix: {what} is not understood")]
    Unexpected {
        /// The part that does not belong there.
        what: &'static str,
    },
}

/// A parsed location of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreUrl {
    /// A folder.
    Local(PathBuf),
    /// A bucket or container.
    Bucket(Bucket),
}

/// The protocol that a bucket speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Service {
    /// Amazon S3 and what speaks as it does.
    S3,
    /// Google Cloud Storage.
    Gcs,
    /// Azure Blob Storage.
    Azure,
}

impl Service {
    fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Gcs => "gs",
            Self::Azure => "az",
        }
    }
}

/// A bucket or container and the folder in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// The protocol.
    pub service: Service,
    /// Name of the bucket or container.
    pub name: String,
    /// The folder, without slash at either end; empty for the whole bucket.
    pub prefix: String,
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.service.scheme(), self.name)?;
        if !self.prefix.is_empty() {
            write!(f, "/{}", self.prefix)?;
        }
        Ok(())
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => write!(f, "{}", path.display()),
            Self::Bucket(bucket) => bucket.fmt(f),
        }
    }
}

impl FromStr for StoreUrl {
    type Err = StoreUrlError;

    /// Takes a path, `file:///path`, `s3://bucket/prefix`, `gs://bucket/prefix` or
    /// `az://container/prefix`.
    fn from_str(text: &str) -> Result<Self, StoreUrlError> {
        if text.is_empty() {
            return Err(StoreUrlError::Empty);
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Ok(Self::Local(PathBuf::from(text)));
        };
        match scheme {
            "file" => url::Url::parse(text)
                .ok()
                .and_then(|url| url.to_file_path().ok())
                .filter(|_| rest.starts_with('/'))
                .map(Self::Local)
                .ok_or(StoreUrlError::Unexpected {
                    what: "a host or a relative path",
                }),
            "s3" | "s3a" => bucket(Service::S3, rest),
            "gs" => bucket(Service::Gcs, rest),
            "az" | "azure" => bucket(Service::Azure, rest),
            _ => Err(StoreUrlError::UnknownScheme {
                scheme: scheme.chars().take(20).collect(),
            }),
        }
    }
}

fn bucket(service: Service, rest: &str) -> Result<StoreUrl, StoreUrlError> {
    let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let prefix = prefix.trim_matches('/');
    if name.is_empty() {
        return Err(StoreUrlError::NoBucket {
            scheme: service.scheme(),
        });
    }
    if name.contains('@') {
        return Err(StoreUrlError::Credentials);
    }
    if name.contains(':') {
        return Err(StoreUrlError::Unexpected { what: "a port" });
    }
    if rest.contains(['?', '#']) {
        return Err(StoreUrlError::Unexpected { what: "'?' or '#'" });
    }
    if !prefix.is_empty()
        && prefix
            .split('/')
            .any(|part| matches!(part, "" | "." | ".."))
    {
        return Err(StoreUrlError::Unexpected {
            what: "an empty part, '.' or '..' in the prefix",
        });
    }
    Ok(StoreUrl::Bucket(Bucket {
        service,
        name: name.to_owned(),
        prefix: prefix.to_owned(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_forms_of_the_manual_are_understood() {
        let text = |url: &str| url.parse::<StoreUrl>().map(|url| url.to_string());
        assert_eq!(text("/var/backup").as_deref(), Ok("/var/backup"));
        assert_eq!(text("repo").as_deref(), Ok("repo"));
        assert_eq!(text("file:///var/backup").as_deref(), Ok("/var/backup"));
        assert_eq!(text("file:///with%20space").as_deref(), Ok("/with space"));
        assert_eq!(text("s3://bucket/a/b/").as_deref(), Ok("s3://bucket/a/b"));
        assert_eq!(text("gs://bucket").as_deref(), Ok("gs://bucket"));
        assert_eq!(text("az://container/x").as_deref(), Ok("az://container/x"));
    }

    #[test]
    fn what_is_no_location_is_refused_without_repeating_secrets() {
        for bad in [
            "",
            "s3://",
            "s3:///x",
            "http://host/x",
            "file://host/x",
            "s3://b:9000/x",
            "s3://b/x?y",
        ] {
            assert!(bad.parse::<StoreUrl>().is_err(), "{bad:?}");
        }
        for bad in ["s3://b/../x", "s3://b/a//b"] {
            assert!(bad.parse::<StoreUrl>().is_err(), "{bad:?}");
        }
        let error = "s3://key:secret@bucket/x".parse::<StoreUrl>().unwrap_err();
        assert_eq!(error, StoreUrlError::Credentials);
        assert!(!error.to_string().contains("secret"));
    }

    proptest! {
        #[test]
        fn a_location_prints_as_it_parses(
            scheme in prop::sample::select(vec!["s3", "gs", "az"]),
            name in "[a-z0-9.-]{3,20}",
            prefix in "([a-zA-Z0-9_=-]{1,8}(/[a-zA-Z0-9_=-]{1,8}){0,3})?",
        ) {
            let text =
                if prefix.is_empty() { format!("{scheme}://{name}") } else { format!("{scheme}://{name}/{prefix}") };
            let url: StoreUrl = text.parse().unwrap();
            prop_assert_eq!(url.to_string(), text);
        }
    }
}
