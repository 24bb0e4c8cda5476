//! Lists.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

/// Names of objects by group, version and kind, as `apps/v1/Deployment`: each `namespace/name`, or
/// `name`; of a restore with ` (created)`, ` (updated)`, ` (failed)` or ` (skipped)` behind it.
pub type ResourceList = BTreeMap<String, Vec<String>>;

/// Reads a list, which is null where there is nothing to list.
///
/// # Errors
///
/// What is wrong with the JSON, and where.
pub fn read_list<T: DeserializeOwned>(json: &[u8]) -> serde_json::Result<Vec<T>> {
    serde_json::from_slice::<Option<Vec<T>>>(json).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_list_is_null_or_empty() {
        for json in ["null", "[]", " null\n"] {
            assert!(read_list::<u8>(json.as_bytes()).unwrap().is_empty());
        }
        assert_eq!(read_list::<u8>(b"[1]").unwrap(), [1]);
        read_list::<u8>(b"{}").unwrap_err();
    }
}
