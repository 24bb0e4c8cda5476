//! Whether pages that refer to each other agree.

use super::key::EntryKey;
use super::page::{Child, Page};
use super::page_error::PageError;

/// Whether a page of a tree is what the page above says of it.
pub(crate) fn fits_below(page: &Page, above: Option<(u8, &Child)>) -> Result<(), PageError> {
    let level = page.level();
    if above.is_some_and(|(above, _)| above.checked_sub(1) != Some(level)) {
        return Err(PageError::Level { level });
    }
    let (first, entries, bytes) = match page {
        Page::Leaf(groups) => {
            let first = groups.first().and_then(|group| {
                let key = EntryKey::new(&group.parent, &group.entries.first()?.name).ok()?;
                Some(key.as_bytes().to_vec())
            });
            let entries = groups.iter().flat_map(|group| &group.entries);
            (
                first,
                entries.clone().count() as u64,
                entries.fold(0, |sum: u64, entry| sum.saturating_add(entry.file_bytes())),
            )
        }
        Page::Inner { children, .. } => (
            children.first().map(|child| child.first_key.clone()),
            sum(children.iter().map(|child| child.entries)).unwrap_or(u64::MAX),
            children
                .iter()
                .fold(0, |sum: u64, child| sum.saturating_add(child.bytes)),
        ),
        Page::Extents(_) | Page::Content { .. } => {
            return Err(PageError::Misplaced { key: 5, level });
        }
    };
    match above {
        Some((_, child)) if first.as_ref() != Some(&child.first_key) => Err(PageError::KeyOrder),
        Some((_, child)) if entries != child.entries => Err(PageError::Items {
            found: entries,
            expected: child.entries,
        }),
        Some((_, child)) if bytes != child.bytes => Err(PageError::Items {
            found: bytes,
            expected: child.bytes,
        }),
        _ => Ok(()),
    }
}

fn sum(mut lens: impl Iterator<Item = u64>) -> Option<u64> {
    lens.try_fold(0u64, u64::checked_add)
}
