//! What can be wrong with the index.

use std::io;
use std::path::PathBuf;

use crate::seal::OpenError;
use crate::store::StoreError;

use super::segment::SegmentError;
use crate::model::ObjectName;

/// The index cannot answer, or cannot be brought up to date.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// The operating system refuses a file of the cache.
    #[error("index cache {}: cannot {what}", path.display())]
    Cache {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// A file of the cache is not what was written. Bring the index up to date again: that makes
    /// the file anew. Until then nobody may conclude that a chunk is absent.
    #[error("index cache {}: damaged: {what}", path.display())]
    CacheDamaged {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        what: &'static str,
    },
    /// The store does not give a segment.
    #[error("{name}: cannot read the index segment")]
    Store {
        /// The segment.
        name: ObjectName,
        /// Why.
        source: StoreError,
    },
    /// A segment is not the object that the log names.
    #[error("{name}: {found} bytes whose hash or length is not that of the log")]
    WrongObject {
        /// The segment.
        name: ObjectName,
        /// Its length.
        found: u64,
    },
    /// A segment does not open.
    #[error("{name}: the index segment does not open")]
    Sealed {
        /// The segment.
        name: ObjectName,
        /// Why.
        source: OpenError,
    },
    /// A segment is authentic and not what the format says.
    #[error("{name}: the index segment is wrong")]
    Segment {
        /// The segment.
        name: ObjectName,
        /// What is wrong in it.
        source: SegmentError,
    },
}

impl IndexError {
    /// Whether objects in the store are at fault.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Cache { .. } | Self::CacheDamaged { .. } | Self::Store { .. } => false,
            Self::Sealed { .. } | Self::WrongObject { .. } | Self::Segment { .. } => true,
        }
    }

    /// Whether trying again may help.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Store { source, .. } => source.is_retryable(),
            // The next synchronisation makes the file anew.
            Self::CacheDamaged { .. } => true,
            Self::Cache { .. }
            | Self::WrongObject { .. }
            | Self::Sealed { .. }
            | Self::Segment { .. } => false,
        }
    }
}
