//! Names that listings and entries of the log give, and how people name a store.

use super::Gauge;
use crate::log;
use crate::model::{ObjectName, RepositoryId, SessionId};
use crate::slots::SlotName;
use crate::store::{Folder, StoreUrl};

/// Object names with what stands in them, and locations of stores.
pub(super) fn names(bytes: &[u8], gauge: &Gauge) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let name = gauge.decode(bytes.len(), || ObjectName::parse(text));
    if let Ok(name) = &name {
        assert_eq!(name.as_str(), text);
        if let Some((generation, number)) = log::entry_place(name) {
            assert_eq!(ObjectName::log_entry(generation, number), *name);
        }
        if let Some((generation, _)) = log::fold_place(name) {
            assert!(generation <= 9999);
        }
        let folder = Folder::parse(text).expect("every name is one of a folder");
        assert_eq!(folder.rest(name), None, "a folder is not in itself");
    }
    if let Some(slot) = gauge.decode(bytes.len(), || SlotName::parse(text)) {
        assert_eq!(slot.object_name().as_str(), text);
        assert!(name.is_ok(), "a slot's name is a name");
    }
    if let Some(session) = SessionId::from_hex(text) {
        assert_eq!(session.to_string(), text.to_ascii_lowercase());
    }
    if let Some(id) = RepositoryId::from_hex(text) {
        assert_eq!(id.to_string(), text.to_ascii_lowercase());
    }
    if let Ok(url) = gauge.decode(bytes.len(), || text.parse::<StoreUrl>()) {
        let again = url.to_string().parse::<StoreUrl>();
        // A path may look like the URL of another store.
        if matches!(url, StoreUrl::Bucket(_)) {
            assert_eq!(again.expect("a printed URL is one"), url);
        }
    }
}
