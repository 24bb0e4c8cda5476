//! Pages, for [`crate::fuzzing`].

use super::entry::MAX_LEVEL;
use super::key::{EntryKey, join_path};
use super::page::{MAX_PAGE_LEN, Page};
use crate::fuzzing::Gauge;
use crate::model::Extent;

/// Leaves, inner pages, and pages of content.
pub(crate) fn page(bytes: &[u8], gauge: &Gauge) {
    let Ok(page) = gauge.decode(bytes.len(), || Page::decode(bytes)) else {
        return;
    };
    assert!(page.level() <= MAX_LEVEL);
    let encoded = page.encode();
    // Another order of its tables may take more than a page has.
    if encoded.len() <= MAX_PAGE_LEN {
        let again = Page::decode(&encoded).expect("what was written can be read");
        assert_eq!(again, page);
        assert_eq!(again.encode(), encoded, "a page has one encoding");
    }
    match &page {
        Page::Leaf(groups) => {
            for group in groups {
                for entry in &group.entries {
                    assert!(entry.check().is_ok() && entry.same(entry));
                    drop(join_path(&group.parent, &entry.name));
                }
            }
        }
        Page::Inner { children, .. } => {
            for child in children {
                assert!(EntryKey::parse(&child.first_key).is_ok());
            }
        }
        Page::Extents(extents) => {
            let sum = extents
                .iter()
                .map(Extent::len)
                .try_fold(0, u64::checked_add);
            assert!(sum.is_some(), "their sum was checked");
        }
        Page::Content { children, .. } => {
            let bytes = children.iter().map(|child| child.bytes);
            assert!(bytes.reduce(u64::strict_add).is_some());
        }
    }
}
