//! Keys of entries: where an entry stands in the sorted map that is a tree.

use std::cmp::Ordering;
use std::fmt;

/// Longest name of an entry in bytes. Linux allows 255; other sources may allow more.
pub const MAX_NAME_LEN: usize = 4096;

/// Longest key in bytes. Far above `PATH_MAX`, because folders can be nested deeper than that.
pub const MAX_KEY_LEN: usize = 64 * 1024;

/// A name, path or key that cannot stand in a tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Empty (only the root has no name), `.` or `..`.
    #[error("{name:?} is no name of an entry")]
    Reserved {
        /// The name, lossy.
        name: String,
    },
    /// A zero byte or a slash stands in the name.
    #[error("the name {name:?} holds the byte {byte}")]
    ForbiddenByte {
        /// The name, lossy and shortened.
        name: String,
        /// The byte.
        byte: u8,
    },
    /// A name is above [`MAX_NAME_LEN`].
    #[error("a name of {len} bytes is longer than {MAX_NAME_LEN}")]
    NameTooLong {
        /// Its length.
        len: usize,
    },
    /// A key is above [`MAX_KEY_LEN`].
    #[error("a key of {len} bytes is longer than {MAX_KEY_LEN}")]
    KeyTooLong {
        /// Its length.
        len: usize,
    },
    /// The bytes are no key or no key prefix: a separator is missing.
    #[error("{len} bytes are no key: a separator is missing")]
    Malformed {
        /// How many bytes were given.
        len: usize,
    },
}

/// Key of an entry: each component of the parent's path with a zero byte after it, a zero byte,
/// the name. The root's key is one zero byte.
///
/// Keys sort as bytes, which is the order of a walk that lists a folder by name and then descends
/// by name. A value of this type is always well-formed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryKey(Vec<u8>);

impl EntryKey {
    /// Key of the root folder.
    pub fn root() -> Self {
        Self(vec![0])
    }

    /// Key of the entry `name` in the folder whose key prefix is `parent`.
    ///
    /// An empty name with an empty parent is the root.
    pub fn new(parent: &[u8], name: &[u8]) -> Result<Self, KeyError> {
        check_prefix(parent)?;
        check_member(parent, name)?;
        Ok(Self(join(parent, name)))
    }

    /// Key of a path: components separated by `/`, none before the first or after the last. The
    /// empty path is the root.
    pub fn from_path(path: &[u8]) -> Result<Self, KeyError> {
        if path.is_empty() {
            return Ok(Self::root());
        }
        let mut parent = terminated(path)?;
        let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
        parent.truncate(path.len() - name.len());
        check_member(&parent, name)?;
        Ok(Self(join(&parent, name)))
    }

    /// Checks bytes that come from a page.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeyError> {
        let (parent, name) = split(bytes).ok_or(KeyError::Malformed { len: bytes.len() })?;
        Self::new(parent, name)
    }

    /// The bytes that sort.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Key prefix of the folder that holds the entry; empty for the root and its children.
    pub fn parent(&self) -> &[u8] {
        split(&self.0).map_or(&[], |(parent, _)| parent)
    }

    /// Name of the entry; empty for the root.
    pub fn name(&self) -> &[u8] {
        split(&self.0).map_or(&[], |(_, name)| name)
    }

    /// Whether it is the root's.
    pub fn is_root(&self) -> bool {
        self.0 == [0]
    }

    /// Key prefix of the entry's own children; empty for the root.
    pub fn prefix(&self) -> Vec<u8> {
        child_prefix(self.parent(), self.name())
    }

    /// The path with `/` between its components; empty for the root.
    pub fn path(&self) -> Vec<u8> {
        join_path(self.parent(), self.name())
    }
}

impl fmt::Debug for EntryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EntryKey({:?})", String::from_utf8_lossy(&self.path()))
    }
}

/// Checks a name that comes from a source or a store.
pub fn check_name(name: &[u8]) -> Result<(), KeyError> {
    let shown = || String::from_utf8_lossy(name.get(..64).unwrap_or(name)).into_owned();
    if name.len() > MAX_NAME_LEN {
        return Err(KeyError::NameTooLong { len: name.len() });
    }
    if matches!(name, b"" | b"." | b"..") {
        return Err(KeyError::Reserved { name: shown() });
    }
    match name.iter().find(|&&byte| byte == 0 || byte == b'/') {
        Some(&byte) => Err(KeyError::ForbiddenByte {
            name: shown(),
            byte,
        }),
        None => Ok(()),
    }
}

/// Checks the key prefix of a folder: names, each with a zero byte after it.
pub fn check_prefix(prefix: &[u8]) -> Result<(), KeyError> {
    if prefix.len() >= MAX_KEY_LEN {
        return Err(KeyError::KeyTooLong { len: prefix.len() });
    }
    let Some((&last, components)) = prefix.split_last() else {
        return Ok(());
    };
    if last != 0 {
        return Err(KeyError::Malformed { len: prefix.len() });
    }
    components.split(|&byte| byte == 0).try_for_each(check_name)
}

/// Key prefix of the children of the folder at `path` (components separated by `/`).
pub fn prefix_of_path(path: &[u8]) -> Result<Vec<u8>, KeyError> {
    if path.is_empty() {
        return Ok(Vec::new());
    }
    let prefix = terminated(path)?;
    if prefix.len() >= MAX_KEY_LEN {
        return Err(KeyError::KeyTooLong { len: prefix.len() });
    }
    Ok(prefix)
}

/// The components of a path, each checked and with a zero byte after it.
fn terminated(path: &[u8]) -> Result<Vec<u8>, KeyError> {
    let mut prefix = Vec::with_capacity(path.len() + 1);
    for component in path.split(|&byte| byte == b'/') {
        check_name(component)?;
        prefix.extend_from_slice(component);
        prefix.push(0);
    }
    Ok(prefix)
}

/// Key prefix of the children of `name` in the folder with prefix `parent`; empty for the root.
pub fn child_prefix(parent: &[u8], name: &[u8]) -> Vec<u8> {
    let mut prefix = Vec::with_capacity(parent.len() + name.len() + 1);
    prefix.extend_from_slice(parent);
    if !name.is_empty() {
        prefix.extend_from_slice(name);
        prefix.push(0);
    }
    prefix
}

/// The path of `name` in the folder with prefix `parent`, `/` between components.
pub fn join_path(parent: &[u8], name: &[u8]) -> Vec<u8> {
    let slash = |&byte: &u8| if byte == 0 { b'/' } else { byte };
    let mut path: Vec<u8> = parent.iter().map(slash).collect();
    path.extend_from_slice(name);
    path
}

/// Checks `name` as a member of the folder with the (checked) prefix `parent`.
pub(super) fn check_member(parent: &[u8], name: &[u8]) -> Result<(), KeyError> {
    if !(parent.is_empty() && name.is_empty()) {
        check_name(name)?;
    }
    let len = parent.len() + name.len() + 1;
    if len > MAX_KEY_LEN {
        return Err(KeyError::KeyTooLong { len });
    }
    Ok(())
}

/// The key's bytes, unchecked.
pub(super) fn join(parent: &[u8], name: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(parent.len() + name.len() + 1);
    key.extend_from_slice(parent);
    key.push(0);
    key.extend_from_slice(name);
    key
}

/// Parent prefix and name of a key: the last zero byte separates them.
pub(super) fn split(key: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = key.iter().rposition(|&byte| byte == 0)?;
    Some((key.get(..at)?, key.get(at + 1..)?))
}

/// Compares the key of (`parent`, `name`) with `key` without building it.
pub(super) fn compare(parent: &[u8], name: &[u8], key: &[u8]) -> Ordering {
    let Some((head, tail)) = key.split_at_checked(parent.len()) else {
        // The key is shorter than the parent: they differ in it, or the key is a prefix.
        return parent.cmp(key);
    };
    parent.cmp(head).then_with(|| match tail.split_first() {
        None => Ordering::Greater,
        Some((separator, tail)) => 0.cmp(separator).then_with(|| name.cmp(tail)),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(
            any::<u8>().prop_filter("legal", |b| !matches!(b, 0 | b'/')),
            1..5,
        )
        .prop_filter("legal", |name| check_name(name).is_ok())
    }

    fn path() -> impl Strategy<Value = Vec<Vec<u8>>> {
        prop::collection::vec(name(), 0..5)
    }

    #[test]
    fn illegal_names_are_refused() {
        for bad in [
            &b""[..],
            b".",
            b"..",
            b"a/b",
            b"/",
            b"a\0b",
            b"\0",
            &[b'a'; MAX_NAME_LEN + 1],
        ] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
        for good in [&b"..."[..], b"\xff\xfe", b" ", b"\n", &[b'a'; 255]] {
            check_name(good).unwrap();
        }
    }

    #[test]
    fn malformed_keys_and_paths_are_refused() {
        for bad in [
            &b""[..],
            b"a",
            b"a\0\0",
            b"\0\0b",
            b"\0a\0b",
            b"a\0b\0..",
            b"a/b\0\0c",
            b"..\0\0a",
        ] {
            assert!(EntryKey::parse(bad).is_err(), "{bad:?}");
        }
        for bad in [&b"/a"[..], b"a/", b"a//b", b"/", b"a/../b", b"a\0b"] {
            assert!(EntryKey::from_path(bad).is_err(), "{bad:?}");
        }
        let deep = b"a/".repeat(MAX_KEY_LEN / 2);
        assert!(matches!(
            EntryKey::from_path(&[&deep[..], b"a"].concat()),
            Err(KeyError::KeyTooLong { .. })
        ));
    }

    #[test]
    fn the_keys_of_the_format_page_are_made() {
        assert_eq!(EntryKey::from_path(b"").unwrap().as_bytes(), b"\0");
        assert_eq!(EntryKey::from_path(b"a").unwrap().as_bytes(), b"\0a");
        assert_eq!(
            EntryKey::from_path(b"a/b/c").unwrap().as_bytes(),
            b"a\0b\0\0c"
        );
    }

    proptest! {
        #[test]
        fn paths_survive_the_key(path in path()) {
            let joined = path.join(&b'/');
            let key = EntryKey::from_path(&joined).unwrap();
            prop_assert_eq!(key.path(), joined.clone());
            prop_assert_eq!(&EntryKey::parse(key.as_bytes()).unwrap(), &key);
            prop_assert_eq!(&EntryKey::new(key.parent(), key.name()).unwrap(), &key);
            prop_assert_eq!(key.prefix(), prefix_of_path(&joined).unwrap());
        }

        #[test]
        fn comparing_in_parts_is_comparing_bytes(a in path(), b in path()) {
            let a = EntryKey::from_path(&a.join(&b'/')).unwrap();
            let b = EntryKey::from_path(&b.join(&b'/')).unwrap();
            prop_assert_eq!(compare(a.parent(), a.name(), b.as_bytes()), a.cmp(&b));
            prop_assert_eq!((a.parent(), a.name()).cmp(&(b.parent(), b.name())), a.cmp(&b));
        }

        #[test]
        fn any_bytes_parse_or_fail(bytes in prop::collection::vec(0u8..4, 0..12)) {
            if let Ok(key) = EntryKey::parse(&bytes) {
                prop_assert_eq!(key.as_bytes(), &bytes[..]);
            }
        }
    }
}
