//! Reads an index segment from the store.

use crate::keys::Keyring;
use crate::log::SegmentRef;
use crate::model::ObjectHash;
use crate::seal::{ObjectKind, envelope_generation};
use crate::store::Store;

use super::error::IndexError;
use super::segment::Segment;

/// Reads a segment and checks it against what the log says of it: length, hash, seal, fields.
pub async fn read_segment(
    store: &Store,
    keyring: &Keyring,
    segment: &SegmentRef,
) -> Result<Segment, IndexError> {
    let name = segment.name();
    let bytes = match store.get(&name, segment.len).await {
        Ok(bytes) => bytes,
        Err(source) => return Err(IndexError::Store { name, source }),
    };
    let found = bytes.len() as u64;
    if found != segment.len || ObjectHash::of(&bytes) != segment.hash {
        return Err(IndexError::WrongObject { name, found });
    }
    match keyring.open_object(ObjectKind::Segment, name.as_str(), &bytes) {
        Ok(body) => {
            let key_generation = envelope_generation(&bytes);
            drop(bytes);
            Segment::parse(body.into())
                .map(|segment| segment.sealed_under(key_generation))
                .map_err(|source| IndexError::Segment { name, source })
        }
        Err(source) => Err(IndexError::Sealed { name, source }),
    }
}
