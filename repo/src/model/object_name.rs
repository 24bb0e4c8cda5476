//! Names of objects in a store.

use std::fmt;

use super::{PackName, SessionId};

/// Name of an object, relative to the repository's prefix.
///
/// Made of `[0-9a-z/-]`, at most 200 bytes, without empty segments: it means the same on every
/// store and survives every escaping.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName(String);

/// The text is no valid object name.
#[derive(Debug, thiserror::Error)]
#[error("{text:?} is no object name: 1 to 200 of [0-9a-z/-], no empty segment")]
pub struct NameError {
    /// The text that was refused, shortened to 200 characters.
    pub text: String,
}

impl ObjectName {
    /// Longest name in bytes; the longest that the format makes has 68.
    pub const MAX_LEN: usize = 200;

    /// Checks a name that comes from outside: a listing, a log entry.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let legal = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'z' | b'/' | b'-');
        if text.len() <= Self::MAX_LEN
            && text.bytes().all(legal)
            && text.split('/').all(|segment| !segment.is_empty())
        {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError {
                text: text.chars().take(200).collect(),
            })
        }
    }

    /// `meta/format`.
    pub fn format() -> Self {
        Self("meta/format".to_owned())
    }

    /// `packs/<session>/<number>`.
    pub fn pack(pack: PackName) -> Self {
        Self(pack.to_string())
    }

    /// `packs/<session>`: the folder of a session's packs.
    pub(crate) fn packs_of(session: SessionId) -> Self {
        Self(format!("packs/{session}"))
    }

    /// `index/<session>/<number>`.
    pub fn segment(session: SessionId, number: u32) -> Self {
        Self(format!("index/{session}/{number:010}"))
    }

    /// `side/<session>/<number>`.
    pub fn side(session: SessionId, number: u32) -> Self {
        Self(format!("side/{session}/{number:010}"))
    }

    /// `log/<log generation>/<entry number>`.
    pub fn log_entry(generation: u16, number: u64) -> Self {
        Self(format!("log/{generation:04}/{number:020}"))
    }

    /// `meta/generations/<key generation>-<first bytes of its commitment>`.
    pub fn key_generation(generation: u32, commitment: [u8; 8]) -> Self {
        Self(format!(
            "meta/generations/{generation:010}-{}",
            hex::encode(commitment)
        ))
    }

    /// `meta/slots/<kind>-<hint>-<id>`; `kind` is one of the four words of the format.
    pub(crate) fn slot(kind: &'static str, hint: [u8; 8], id: [u8; 8]) -> Self {
        Self(format!(
            "meta/slots/{kind}-{}-{}",
            hex::encode(hint),
            hex::encode(id)
        ))
    }

    /// The name as the store sees it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_outside_the_alphabet_are_refused() {
        for bad in [
            "",
            "/",
            "a/",
            "/a",
            "a//b",
            "A",
            "a.b",
            "..",
            "a b",
            "a_b",
            &"a".repeat(201),
        ] {
            assert!(ObjectName::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn made_names_are_legal() {
        let session = SessionId::from_bytes([0xab; 16]);
        for name in [
            ObjectName::format(),
            ObjectName::pack(PackName {
                session,
                number: u32::MAX,
            }),
            ObjectName::segment(session, 0),
            ObjectName::side(session, 1),
            ObjectName::log_entry(1, u64::MAX),
            ObjectName::key_generation(1, [0xab; 8]),
        ] {
            assert_eq!(ObjectName::parse(name.as_str()).unwrap(), name);
        }
    }
}
