//! Slots, for [`crate::fuzzing`].

use std::sync::LazyLock;

use zeroize::Zeroizing;

use super::name::{SlotKind, SlotName};
use super::passphrase::PassphraseParameters;
use super::record::{
    Body, ClaimedSlot, KmsParameters, MAGIC, Parameters, RawParameters, RecipientParameters,
};
use super::{Credential, OpenOptions, open_slot, payload, recipient, wrap};
use crate::fuzzing::{Gauge, keyring};
use crate::meta_frame::frame;

/// The raw key of `format-spec/vectors/keys.json`.
const KEY: &[u8; 32] = b"key of a raw slot, 32 bytes long";

/// An identity that everybody knows.
static IDENTITY: LazyLock<age::x25519::Identity> = LazyLock::new(|| {
    let text = "AGE-SECRET-KEY-1V9HZQ6TYV4H8G6T50YS8G6RPWSSX2AN9WFUKYMMY0YSXKMN0WAESAZN27V";
    text.parse().expect("it is one")
});

/// The body of a slot: its parameters, and what opening it comes to with the right key.
pub(crate) fn slot(bytes: &[u8], gauge: &Gauge) {
    let Ok(body) = gauge.decode(bytes.len(), || minicbor::decode::<Body>(bytes)) else {
        return;
    };
    let encoded = minicbor::to_vec(&body).expect("what was read can be written");
    let again: Body = minicbor::decode(&encoded).expect("what was written can be read");
    let twice = minicbor::to_vec(&again).expect("what was read can be written");
    assert_eq!(twice, encoded, "a slot has one encoding");
    parameters(&body.parameters, gauge, bytes.len());
    let Some(kind) = SlotKind::from_number(body.kind) else {
        return;
    };
    let name = SlotName {
        kind,
        hint: wrap::raw_hint(KEY),
        id: *body.id,
    };
    let name = name.object_name();
    let open = |mut body: Body, committed: bool| {
        if committed {
            let key = wrap::raw_wrapping_key(KEY);
            body.commitment = Some(wrap::commitment(&key).into());
        }
        let body = minicbor::to_vec(&body).expect("what was read can be written");
        let Some(object) = frame(MAGIC, &body, keyring().meta_key()) else {
            return;
        };
        let claimed = gauge.decode(object.len(), || ClaimedSlot::parse(name.as_str(), &object));
        let credentials = [Credential::Raw(Zeroizing::new(*KEY))];
        let options = OpenOptions::default();
        let opened = gauge.decode(object.len(), || {
            open_slot(name.as_str(), &object, &credentials, &options)
        });
        assert!(claimed.is_ok() || opened.is_err());
    };
    open(body, false);
    open(again, true);
}

/// The parameters of every kind, and whether a passphrase may be derived at their cost.
fn parameters(parameters: &Parameters, gauge: &Gauge, len: usize) {
    drop(gauge.decode(len, || parameters.read::<RawParameters>("s")));
    drop(gauge.decode(len, || parameters.read::<RecipientParameters>("s")));
    drop(gauge.decode(len, || parameters.read::<KmsParameters>("s")));
    let passphrase = gauge.decode(len, || parameters.read::<PassphraseParameters>("s"));
    if let Ok(passphrase) = passphrase {
        let budget = 256 << 20;
        if passphrase.cost().check("s", budget).is_ok() {
            assert!(u64::from(passphrase.memory_kib) << 10 <= budget);
            assert!(passphrase.passes <= 16 && passphrase.lanes <= 16);
        }
    }
}

/// What a slot wraps: for a recipient, and the payload itself.
pub(crate) fn wrapped(bytes: &[u8], gauge: &Gauge) {
    drop(gauge.decode(bytes.len(), || recipient::unwrap(&IDENTITY, bytes)));
    let payload = gauge.decode(bytes.len(), || payload::decode(bytes));
    if let Some(keys) = payload {
        let numbers: Vec<_> = keys.generations.iter().map(|(number, _)| *number).collect();
        assert!(numbers.is_sorted_by(|a, b| a < b) && !numbers.is_empty());
    }
}
