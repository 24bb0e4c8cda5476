//! Warnings and errors.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::object::{UnknownFields, null_as_default};

/// Warnings and errors of a backup or a restore.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Results {
    /// What failed.
    #[serde(default, deserialize_with = "null_as_default")]
    pub errors: Messages,
    /// What should be looked at.
    #[serde(default, deserialize_with = "null_as_default")]
    pub warnings: Messages,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    pub other: UnknownFields,
}

/// Messages, by what they are about.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Messages {
    /// About the work itself, such as reading a file.
    pub velero: Option<Vec<String>>,
    /// About objects without a namespace.
    pub cluster: Option<Vec<String>>,
    /// About objects of a namespace, by its name.
    pub namespaces: Option<BTreeMap<String, Vec<String>>>,
    /// Fields that this version does not know; they are kept.
    #[serde(flatten)]
    pub other: UnknownFields,
}

impl Messages {
    /// Adds a message about an object of `namespace`, or about one without a namespace.
    pub fn add(&mut self, namespace: Option<&str>, message: impl Into<String>) {
        let list = match namespace {
            None => self.cluster.get_or_insert_default(),
            Some(name) => self
                .namespaces
                .get_or_insert_default()
                .entry(name.to_owned())
                .or_default(),
        };
        list.push(message.into());
    }

    /// Adds a message about the work itself.
    pub fn add_own(&mut self, message: impl Into<String>) {
        self.velero.get_or_insert_default().push(message.into());
    }

    /// How many there are, as the status of a backup or restore says.
    pub fn count(&self) -> usize {
        let lists = [&self.velero, &self.cluster].into_iter().flatten();
        let namespaces = self.namespaces.iter().flat_map(BTreeMap::values);
        lists.chain(namespaces).map(Vec::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_counted_wherever_they_are() {
        let mut messages = Messages::default();
        assert_eq!(messages.count(), 0);
        messages.add(Some("shop"), "a");
        messages.add(Some("shop"), "b");
        messages.add(None, "c");
        messages.add_own("d");
        assert_eq!(messages.count(), 4);
        assert_eq!(messages.namespaces.unwrap()["shop"], ["a", "b"]);
    }
}
