//! A snapshot and a path in it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use clap::builder::TypedValueParser;

/// `SNAPSHOT` or `SNAPSHOT:PATH`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::cli) struct SnapshotPath {
    /// `latest` or the first digits of an id.
    pub(in crate::cli) snapshot: String,
    /// Components of the path, raw bytes; none for the top folder.
    pub(in crate::cli) path: Vec<Vec<u8>>,
}

impl SnapshotPath {
    /// Reads the text. Paths may hold any bytes, so it need not be UTF-8.
    pub(in crate::cli) fn parse(text: &OsStr) -> Option<Self> {
        let bytes = text.as_bytes();
        let (snapshot, path) = match bytes.iter().position(|byte| *byte == b':') {
            Some(colon) => (bytes.get(..colon)?, bytes.get(colon + 1..)?),
            None => (bytes, &[][..]),
        };
        let snapshot = str::from_utf8(snapshot).ok()?;
        let path = components(path)?;
        (!snapshot.is_empty()).then(|| Self {
            snapshot: snapshot.to_owned(),
            path,
        })
    }
}

/// Splits a path of a snapshot; `None` if it has a `..`.
pub(in crate::cli) fn components(path: &[u8]) -> Option<Vec<Vec<u8>>> {
    path.split(|byte| *byte == b'/')
        .filter(|part| !part.is_empty() && *part != b".")
        .map(|part| (part != b"..").then(|| part.to_vec()))
        .collect()
}

/// Lets clap take the bytes of the argument as they are.
#[derive(Clone)]
pub(in crate::cli) struct SnapshotPathParser;

impl TypedValueParser for SnapshotPathParser {
    type Value = SnapshotPath;

    fn parse_ref(
        &self,
        command: &clap::Command,
        _: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<SnapshotPath, clap::Error> {
        SnapshotPath::parse(value).ok_or_else(|| {
            clap::Error::raw(
                clap::error::ErrorKind::InvalidValue,
                format!(
                    "{} is not SNAPSHOT or SNAPSHOT:PATH, such as latest:/etc/hosts; \
                     a path has no `..`\n",
                    value.display()
                ),
            )
            .with_cmd(command)
        })
    }
}

impl clap::builder::ValueParserFactory for SnapshotPath {
    type Parser = SnapshotPathParser;

    fn value_parser() -> SnapshotPathParser {
        SnapshotPathParser
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &[u8]) -> Option<SnapshotPath> {
        SnapshotPath::parse(OsStr::from_bytes(text))
    }

    #[test]
    fn slashes_at_the_ends_do_not_matter() {
        let wanted = [b"a".to_vec(), b"b".to_vec()];
        for text in ["latest:/a/b", "latest:a/b/", "latest:./a//b"] {
            assert_eq!(parse(text.as_bytes()).unwrap().path, wanted, "{text}");
        }
        assert!(parse(b"latest").unwrap().path.is_empty());
        assert!(parse(b"latest:/").unwrap().path.is_empty());
    }

    #[test]
    fn a_path_may_hold_colons_and_any_bytes() {
        assert_eq!(parse(b"ab12:x:\xff").unwrap().path, [b"x:\xff".to_vec()]);
    }

    #[test]
    fn a_path_does_not_lead_out() {
        assert_eq!(parse(b"latest:/a/../b"), None);
        assert_eq!(parse(b":/a"), None);
    }
}
