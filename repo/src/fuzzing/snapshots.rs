//! Records of snapshots.

use super::Gauge;
use crate::snapshot::{MAX_RECORD, Snapshot};

/// A record as it travels in a commit.
pub(super) fn snapshot(bytes: &[u8], gauge: &Gauge) {
    let decoded = gauge.decode(bytes.len(), || minicbor::decode::<Snapshot>(bytes));
    if let Ok(snapshot) = decoded {
        let encoded = minicbor::to_vec(&snapshot).expect("what was read can be written");
        let again: Snapshot = minicbor::decode(&encoded).expect("what was written can be read");
        assert_eq!(again, snapshot);
        if snapshot.check().is_ok() {
            assert!(encoded.len() <= MAX_RECORD, "{} bytes", encoded.len());
        }
    }
}
