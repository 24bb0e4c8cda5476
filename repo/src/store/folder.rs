//! Folders of objects: what a listing covers.

use std::fmt;

use crate::model::{NameError, ObjectName, SessionId};

/// Folder of objects by which properties of a store are tried; each is deleted again.
pub(super) const PROBES: &str = "probe";
/// Folder of objects that are written to learn a store's time; each is deleted again.
pub(super) const CLOCK: &str = "clock";

/// A folder of objects, or the whole store.
///
/// Covers whole parts of names only: the folder `log` holds `log/1`, and neither `logs/1` nor an
/// object `log`. Folders order as their paths' bytes do.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Folder(Option<ObjectName>);

impl Folder {
    /// The folder that holds every object of the store.
    pub const ROOT: Self = Self(None);

    /// The folder `path`, without slash at the end; the empty string is [`Folder::ROOT`].
    pub fn parse(path: &str) -> Result<Self, NameError> {
        if path.is_empty() {
            return Ok(Self::ROOT);
        }
        ObjectName::parse(path).map(|name| Self(Some(name)))
    }

    /// The folder of a session's packs.
    pub fn packs_of(session: SessionId) -> Self {
        Self(Some(ObjectName::packs_of(session)))
    }

    /// The folder's path without slash at the end, empty for [`Folder::ROOT`].
    pub fn as_str(&self) -> &str {
        self.0.as_ref().map_or("", ObjectName::as_str)
    }

    /// What follows the last `/` of the path; empty for [`Folder::ROOT`].
    pub fn last_part(&self) -> &str {
        let path = self.as_str();
        path.rsplit_once('/').map_or(path, |(_, last)| last)
    }

    /// The object `rest` in this folder.
    pub fn object(&self, rest: &str) -> Result<ObjectName, NameError> {
        match &self.0 {
            None => ObjectName::parse(rest),
            Some(folder) => ObjectName::parse(&format!("{folder}/{rest}")),
        }
    }

    /// The folder `rest` in this folder.
    pub fn folder(&self, rest: &str) -> Result<Self, NameError> {
        self.object(rest).map(|name| Self(Some(name)))
    }

    /// Whether `name` lies in this folder, however deep.
    pub fn contains(&self, name: &ObjectName) -> bool {
        self.rest(name).is_some()
    }

    /// The part of `name` behind this folder's slash, if it lies in this folder.
    pub fn rest<'a>(&self, name: &'a ObjectName) -> Option<&'a str> {
        match &self.0 {
            None => Some(name.as_str()),
            Some(folder) => name
                .as_str()
                .strip_prefix(folder.as_str())?
                .strip_prefix('/'),
        }
    }
}

impl From<ObjectName> for Folder {
    /// The folder whose path is that name.
    fn from(name: ObjectName) -> Self {
        Self(Some(name))
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_holds_whole_parts_only() {
        let log = Folder::parse("log").unwrap();
        assert!(log.contains(&ObjectName::parse("log/1").unwrap()));
        assert!(!log.contains(&ObjectName::parse("logs/1").unwrap()));
        assert!(!log.contains(&ObjectName::parse("log").unwrap()));
        assert_eq!(log.object("1/2").unwrap().as_str(), "log/1/2");
        assert_eq!(log.folder("0001").unwrap().last_part(), "0001");
        assert_eq!(Folder::ROOT.object("log").unwrap().as_str(), "log");
        assert_eq!(Folder::parse("").unwrap(), Folder::ROOT);
        assert!(Folder::parse("log/").is_err() && log.object("../x").is_err());
    }
}
