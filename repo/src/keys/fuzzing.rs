//! Sealed things, for [`crate::fuzzing`].

use super::Keyring;
use crate::fuzzing::{Gauge, NAME, keyring, other_keyring};
use crate::seal::{BlockKind, Header, Nonce, ObjectKind, Unpacked, decode_body};

const KINDS: [ObjectKind; 9] = [
    ObjectKind::PackFooter(BlockKind::Data),
    ObjectKind::PackFooter(BlockKind::Tree),
    ObjectKind::Segment,
    ObjectKind::LogEntry,
    ObjectKind::LogTail,
    ObjectKind::Fold,
    ObjectKind::Side,
    ObjectKind::Generation,
    ObjectKind::DataBlock,
];

impl Keyring {
    /// Seals a text as it is: codec, length and body are whatever the caller says. What whoever
    /// holds the keys could store.
    fn seal_text(&self, kind: ObjectKind, context: &str, text: &[u8]) -> Vec<u8> {
        let header = Header {
            kind,
            suite: self.suite,
            generation: self.current_generation(),
        };
        let nonce = Nonce::default();
        let mut sealed = text.to_vec();
        let keys = self.generation(header.generation).expect("it is held");
        let associated = header.associated(&self.repository_id, context);
        let tag = keys.key(kind).seal(&nonce, &associated, &mut sealed);
        let tag = tag.expect("any text can be sealed");
        let head = match kind {
            ObjectKind::DataBlock | ObjectKind::TreeBlock => {
                header.generation.to_le_bytes().to_vec()
            }
            _ => header.encode().to_vec(),
        };
        [&head[..], &nonce, &sealed, &tag].concat()
    }
}

/// Envelopes and blocks: as they are, and around a text that is as it is. The first byte says of
/// which kind, and of which suite.
pub(crate) fn envelope(bytes: &[u8], gauge: &Gauge) {
    let Some((&choice, bytes)) = bytes.split_first() else {
        return;
    };
    let keys = if choice >= 128 {
        other_keyring()
    } else {
        keyring()
    };
    let Some(&kind) = KINDS.iter().cycle().nth(choice.into()) else {
        return;
    };
    let context = NAME.to_string();
    let (blocks, context) = match kind {
        ObjectKind::DataBlock => (true, ""),
        _ => (false, context.as_str()),
    };
    let open = |bytes: &[u8]| {
        gauge.inflate(bytes.len(), || {
            if blocks {
                keys.open_block(BlockKind::Data, bytes)
            } else {
                keys.open_object(kind, context, bytes)
            }
        })
    };
    drop(open(bytes));
    let sealed = keys.seal_text(kind, context, bytes);
    if let Ok(body) = open(&sealed) {
        assert!(body.len() as u64 <= u64::from(kind.max_body()));
        let (_, len) = bytes.split_at(1);
        let (len, _) = len.split_at(4);
        let said = u32::try_from(body.len()).expect("it is bounded");
        assert_eq!(len, said.to_le_bytes());
        // Nothing opens with a byte changed.
        let mut other = sealed;
        let at = usize::from(choice) * other.len() / 256;
        if let Some(byte) = other.get_mut(at) {
            *byte ^= 1;
        }
        assert!(open(&other).is_err(), "byte {at} does not count");
    }
}

/// Codec, length and body: what stands in every seal.
pub(crate) fn body(bytes: &[u8], gauge: &Gauge) {
    for bound in [32, 2 << 20, 1 << 30] {
        let mut out = Vec::new();
        let len = gauge.inflate(bytes.len(), || {
            let unpacked = decode_body(bytes, bound, &mut out);
            unpacked.ok().map(|unpacked| match unpacked {
                Unpacked::Raw(body) => body.len(),
                Unpacked::Body => out.len(),
            })
        });
        assert!(len.is_none_or(|len| len <= bound as usize));
    }
}
