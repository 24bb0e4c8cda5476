//! Counts of requests, for figures and for tests that bound them.

use std::ops::Sub;
use std::sync::atomic::{AtomicU64, Ordering};

/// Requests sent to a store since it was opened; every attempt of a retried one counts.
///
/// Differences of two values give the requests in between.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestCounts {
    /// Reads of objects or of parts of them.
    pub gets: u64,
    /// Puts, conditional ones too.
    pub puts: u64,
    /// Pages of listings; a listing reads up to 1000 names a page.
    pub lists: u64,
    /// Looks at an object without reading it.
    pub heads: u64,
    /// Objects asked to be deleted. A store may delete many by one request.
    pub deletes: u64,
    /// Answers that there is no such object.
    pub not_found: u64,
    /// Conditional puts that found the name taken.
    pub exists: u64,
    /// Requests that failed in any other way.
    pub errors: u64,
    /// Bytes of objects received.
    pub bytes_read: u64,
    /// Bytes of objects sent, by successful puts.
    pub bytes_written: u64,
}

impl RequestCounts {
    /// Requests of all kinds; one for each deleted object.
    pub fn requests(&self) -> u64 {
        self.gets + self.puts + self.lists + self.heads + self.deletes
    }
}

impl Sub for RequestCounts {
    type Output = Self;

    /// The requests after `earlier`; 0 where `earlier` is not earlier.
    fn sub(self, earlier: Self) -> Self {
        Self {
            gets: self.gets.saturating_sub(earlier.gets),
            puts: self.puts.saturating_sub(earlier.puts),
            lists: self.lists.saturating_sub(earlier.lists),
            heads: self.heads.saturating_sub(earlier.heads),
            deletes: self.deletes.saturating_sub(earlier.deletes),
            not_found: self.not_found.saturating_sub(earlier.not_found),
            exists: self.exists.saturating_sub(earlier.exists),
            errors: self.errors.saturating_sub(earlier.errors),
            bytes_read: self.bytes_read.saturating_sub(earlier.bytes_read),
            bytes_written: self.bytes_written.saturating_sub(earlier.bytes_written),
        }
    }
}

/// The running counts of one store, shared by its clones.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) gets: AtomicU64,
    pub(super) puts: AtomicU64,
    pub(super) lists: AtomicU64,
    pub(super) heads: AtomicU64,
    pub(super) deletes: AtomicU64,
    pub(super) not_found: AtomicU64,
    pub(super) exists: AtomicU64,
    pub(super) errors: AtomicU64,
    pub(super) bytes_read: AtomicU64,
    pub(super) bytes_written: AtomicU64,
}

impl Counters {
    pub(super) fn snapshot(&self) -> RequestCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        RequestCounts {
            gets: read(&self.gets),
            puts: read(&self.puts),
            lists: read(&self.lists),
            heads: read(&self.heads),
            deletes: read(&self.deletes),
            not_found: read(&self.not_found),
            exists: read(&self.exists),
            errors: read(&self.errors),
            bytes_read: read(&self.bytes_read),
            bytes_written: read(&self.bytes_written),
        }
    }
}

/// Adds to a counter; counts need no ordering among each other.
pub(super) fn add(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Ordering::Relaxed);
}
