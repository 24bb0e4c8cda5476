//! Tags of snapshots.

use std::str::FromStr;

/// A tag, written as `KEY=VALUE`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in crate::cli) struct Tag {
    /// Before the first `=`; not empty.
    pub(in crate::cli) key: String,
    /// After it.
    pub(in crate::cli) value: String,
}

impl FromStr for Tag {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((key, value)) if !key.is_empty() => Ok(Self {
                key: key.to_owned(),
                value: value.to_owned(),
            }),
            _ => Err("give a tag as KEY=VALUE".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_may_be_empty_and_hold_equals_signs() {
        let tag: Tag = "a=b=c".parse().unwrap();
        assert_eq!((tag.key.as_str(), tag.value.as_str()), ("a", "b=c"));
        assert_eq!("a=".parse::<Tag>().unwrap().value, "");
    }

    #[test]
    fn a_tag_needs_a_key() {
        assert!("=b".parse::<Tag>().is_err());
        assert!("b".parse::<Tag>().is_err());
    }
}
