//! Paths beneath a volume's root, as raw components.

use std::fmt;

/// A path beneath the root of a volume: any number of components, no limit of length.
///
/// It is held as the format's key prefix: each component followed by a zero byte, empty for the
/// root. So paths sort as the tree's keys do: a folder before everything beneath it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RelPath(Vec<u8>);

/// A name that no file can have, or that would lead out of its folder.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a name of a file: empty, `.`, `..`, or with a slash or a zero byte in it")]
pub struct BadName;

/// Says whether `name` is one component that stays in its folder.
///
/// # Errors
///
/// [`BadName`] for the empty name, `.`, `..`, and names with a slash or a zero byte.
pub fn check_name(name: &[u8]) -> Result<(), BadName> {
    let bad = name.is_empty()
        || name == b"."
        || name == b".."
        || name.iter().any(|&byte| byte == b'/' || byte == 0);
    if bad { Err(BadName) } else { Ok(()) }
}

impl RelPath {
    /// The root itself.
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// Takes a key prefix: components, each followed by a zero byte.
    ///
    /// # Errors
    ///
    /// [`BadName`] if a component is none, or the last one is not ended.
    pub fn from_prefix(prefix: &[u8]) -> Result<Self, BadName> {
        if let Some((last, body)) = prefix.split_last() {
            if *last != 0 {
                return Err(BadName);
            }
            body.split(|&byte| byte == 0).try_for_each(check_name)?;
        }
        Ok(Self(prefix.to_vec()))
    }

    /// The key prefix of the entries in this folder.
    pub fn as_prefix(&self) -> &[u8] {
        &self.0
    }

    /// Whether it is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a component.
    ///
    /// # Errors
    ///
    /// [`BadName`] as [`check_name`]; the path is then unchanged.
    pub fn push(&mut self, name: &[u8]) -> Result<(), BadName> {
        check_name(name)?;
        self.0.extend_from_slice(name);
        self.0.push(0);
        Ok(())
    }

    /// Removes the last component; the root stays what it is.
    pub fn pop(&mut self) {
        let keep = self.split_last().map_or(0, |(parent, _)| parent.len());
        self.0.truncate(keep);
    }

    /// The path of the entry `name` in this folder. A bad name is taken as it is: the result then
    /// serves for messages only.
    #[must_use]
    pub fn child(&self, name: &[u8]) -> Self {
        Self::of_entry(&self.0, name)
    }

    /// The path of an entry from its folder's prefix and its name; the empty name is the root's.
    pub fn of_entry(parent: &[u8], name: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(parent.len() + name.len() + 1);
        bytes.extend_from_slice(parent);
        if !name.is_empty() {
            bytes.extend_from_slice(name);
            bytes.push(0);
        }
        Self(bytes)
    }

    /// Prefix of the parent and the last component; nothing for the root.
    pub fn split_last(&self) -> Option<(&[u8], &[u8])> {
        let body = self.0.strip_suffix(&[0])?;
        let start = body
            .iter()
            .rposition(|&byte| byte == 0)
            .map_or(0, |at| at + 1);
        Some(body.split_at(start))
    }

    /// The components, from the root down.
    pub fn components(&self) -> impl Iterator<Item = &[u8]> {
        self.0
            .split_inclusive(|&byte| byte == 0)
            .map(|part| part.strip_suffix(&[0]).unwrap_or(part))
    }

    /// The raw bytes with slashes between the components; empty for the root.
    pub fn to_slashed(&self) -> Vec<u8> {
        let body = self.0.strip_suffix(&[0]).unwrap_or(&self.0);
        body.iter()
            .map(|&byte| if byte == 0 { b'/' } else { byte })
            .collect()
    }
}

impl fmt::Display for RelPath {
    /// For people: slashes between components, `.` for the root, control characters and bytes
    /// that are not UTF-8 escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        if self.is_root() {
            return f.write_str(".");
        }
        for chunk in self.to_slashed().utf8_chunks() {
            for c in chunk.valid().chars() {
                if c.is_control() {
                    write!(f, "{}", c.escape_default())?;
                } else {
                    f.write_char(c)?;
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RelPath({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_lead_out_of_the_folder_are_refused() {
        for name in [&b""[..], b".", b"..", b"a/b", b"/", b"a\0b"] {
            assert_eq!(check_name(name), Err(BadName), "{name:?}");
        }
        for name in [&b"..."[..], b"..a", b" ", b"\n", b"\xff"] {
            assert_eq!(check_name(name), Ok(()), "{name:?}");
        }
        assert!(RelPath::from_prefix(b"a\0..\0").is_err());
        assert!(RelPath::from_prefix(b"a\0\0").is_err());
        assert!(RelPath::from_prefix(b"a").is_err());
        assert!(RelPath::from_prefix(b"\0").is_err());
    }

    #[test]
    fn a_path_shows_odd_bytes_escaped() {
        let path = RelPath::from_prefix(b"a\nb\0\xff\xe4\0").unwrap();
        assert_eq!(path.to_string(), "a\\nb/\\xff\\xe4");
        assert_eq!(RelPath::root().to_string(), ".");
    }

    proptest! {
        #[test]
        fn components_give_the_path_back(
            names in prop::collection::vec(prop::collection::vec(1_u8..=255, 1..8), 0..6)
        ) {
            prop_assume!(names.iter().all(|name| check_name(name).is_ok()));
            let mut path = RelPath::root();
            for name in &names {
                path.push(name).unwrap();
            }
            prop_assert_eq!(path.components().map(<[u8]>::to_vec).collect::<Vec<_>>(), names.clone());
            prop_assert_eq!(&RelPath::from_prefix(path.as_prefix()).unwrap(), &path);
            if let Some((parent, name)) = path.split_last() {
                prop_assert_eq!(&RelPath::of_entry(parent, name), &path);
            }
            for _ in &names {
                path.pop();
            }
            prop_assert!(path.is_root());
        }
    }
}
