//! A folder of this machine, for trials.
//!
//! Useful only where every node sees the same folder: a folder of each node's own would hold a part
//! of the backups each.

use std::path::{Component, Path};

use orlop_repo::store::{StoreConfig, StoreUrl};

use super::error::LocationError;
use super::keys::Keys;
use super::place::{Location, LocationSpec, Signing};

/// Its name.
pub(super) const PROVIDER: &str = "orlop.io/local";

pub(super) fn location(
    spec: &LocationSpec<'_>,
    mut keys: Keys<'_>,
) -> Result<Location, LocationError> {
    let path = keys.text("path").ok_or(LocationError::Missing {
        key: "path",
        why: "it is the folder that buckets are folders in",
    })?;
    keys.end()?;
    let path = Path::new(path);
    let mut parts = path.components();
    let absolute = parts.next() == Some(Component::RootDir);
    if !absolute || !parts.all(|part| matches!(part, Component::Normal(_))) {
        return Err(LocationError::BadValue {
            key: "path",
            what: format!(
                "must begin with / and have no .. in it, and is {}",
                path.display()
            ),
        });
    }
    let has_no = |what| LocationError::HasNo {
        provider: PROVIDER,
        what,
    };
    if spec.credentials.is_some() {
        return Err(has_no("credentials"));
    }
    if spec.ca.is_some() {
        return Err(has_no("certificates"));
    }
    let (bucket, prefix) = spec.names()?;
    let below = format!("{bucket}/{prefix}");
    let below = below.trim_end_matches('/');
    if below.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(LocationError::Bucket {
            bucket: below.to_owned(),
            what: "leads to another folder: bucket and prefix have no . or .. in them",
        });
    }
    let mut config = StoreConfig::default();
    config.read_only = spec.read_only;
    Ok(Location {
        url: StoreUrl::Local(path.join(below)),
        config,
        signing: Signing::default(),
        block_size: None,
    })
}
