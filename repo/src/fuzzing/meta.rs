//! The format object.

use super::{Gauge, keyring};
use crate::format_object::Format;

/// `meta/format`, and its body as slots carry it.
pub(super) fn format(bytes: &[u8], gauge: &Gauge) {
    let keys = keyring();
    for claimed in [
        gauge.decode(bytes.len(), || Format::claimed(bytes)),
        gauge.decode(bytes.len(), || Format::decode_body(bytes)),
    ]
    .into_iter()
    .flatten()
    {
        let body = claimed.encode_body().expect("what was read can be written");
        let again = Format::decode_body(&body).expect("what was written can be read");
        assert_eq!(again, claimed);
        // Names of features may make a body too large, and then it is refused.
        if let Ok(object) = claimed.encode(keys) {
            assert_eq!(Format::claimed(&object).expect("it was framed"), claimed);
            let own = claimed.repository_id == keys.repository_id();
            assert_eq!(
                Format::open(&object, keys).is_ok(),
                own && claimed.suite == keys.suite()
            );
        }
    }
    drop(gauge.decode(bytes.len(), || Format::open(bytes, keys)));
}
