//! Entries, tails and folds, for [`crate::fuzzing`].

use bytes::Bytes;
use minicbor::Decoder;

use super::entry::Body;
use super::fold::{self, FoldName};
use super::frame::{self, Header};
use super::state::State;
use crate::fuzzing::{Gauge, keyring};
use crate::model::{ObjectHash, ObjectName};
use crate::seal::ObjectKind;

const HASH: ObjectHash = ObjectHash::from_bytes([7; ObjectHash::LEN]);

/// Entries of one history at the most.
const MAX_ENTRIES: usize = 200;

/// The body of a core, then what stands around it.
pub(crate) fn entry(bytes: &[u8], gauge: &Gauge) {
    let Ok(entry) = gauge.decode(bytes.len(), || frame::decode_core(bytes, HASH)) else {
        return;
    };
    let header = Header {
        generation: entry.generation,
        number: entry.number,
        previous: entry.previous,
        nonce: entry.nonce,
        time_ms: entry.time_ms,
        key_generation: keyring().current_generation(),
        body: &entry.body,
    };
    let core = frame::encode_core(&header).expect("what was read can be written");
    let again = frame::decode_core(&core, HASH).expect("what was written can be read");
    assert_eq!(again.body, entry.body);
    assert_eq!(
        (again.generation, again.number, again.previous),
        (entry.generation, entry.number, entry.previous)
    );
    assert_eq!((again.nonce, again.time_ms), (entry.nonce, entry.time_ms));
    let tail = [Bytes::copy_from_slice(bytes)];
    let keys = keyring();
    let object = frame::encode(keys, &header, &tail).expect("it is short");
    let name = ObjectName::log_entry(entry.generation, entry.number);
    let (core, sealed) = frame::split(&name, &object).expect("it was put together so");
    let opened = frame::open_core(keys, entry.generation, entry.number, &core);
    assert_eq!(opened.expect("it is where it belongs").body, entry.body);
    let opened = frame::open_tail(keys, &name, &sealed);
    assert_eq!(opened.expect("it has its tail"), tail);
}

/// A stored object, and the plaintext of a tail.
pub(crate) fn object(bytes: &[u8], gauge: &Gauge) {
    let (keys, name) = (keyring(), ObjectName::log_entry(1, 4));
    let object = Bytes::copy_from_slice(bytes);
    let parts = gauge.decode(bytes.len(), || frame::split(&name, &object));
    if let Ok((core, tail)) = parts {
        assert_eq!(4 + core.len() + tail.len(), bytes.len());
        drop(gauge.inflate(core.len(), || frame::open_core(keys, 1, 4, &core)));
        drop(gauge.inflate(tail.len(), || frame::open_tail(keys, &name, &tail)));
    }
    let tail = keys.seal_object(ObjectKind::LogTail, name.as_str(), bytes);
    let tail = tail.expect("it is short");
    let cores = gauge.decode(bytes.len() + tail.len(), || {
        frame::open_tail(keys, &name, &tail)
    });
    if let Ok(cores) = cores {
        assert!(cores.len() <= frame::MAX_TAIL);
    }
}

/// A state.
pub(crate) fn fold(bytes: &[u8], gauge: &Gauge) {
    let decoded = gauge.decode(bytes.len(), || minicbor::decode::<State>(bytes));
    let Ok(mut state) = decoded else { return };
    refolds(&state);
    let Some(number) = state.next.checked_sub(1) else {
        return;
    };
    let Ok(name) = FoldName::new(state.generation, number, state.head) else {
        return;
    };
    let keys = keyring();
    // A fold is sealed under the generation that its state says.
    state.key_generation = keys.current_generation();
    let sealed = fold::encode(keys, &name, &state).expect("it is short");
    let opened = fold::open(keys, &name, &sealed);
    // Names have four digits for the generation.
    if state.unknown_entry.is_none() && state.generation <= 9999 {
        assert_eq!(opened.expect("it is where it belongs"), state);
    }
}

#[track_caller]
fn refolds(state: &State) {
    let encoded = minicbor::to_vec(state).expect("what was read can be written");
    let again: State = minicbor::decode(&encoded).expect("what was written can be read");
    assert_eq!(again, *state);
    let twice = minicbor::to_vec(&again).expect("what was read can be written");
    assert_eq!(twice, encoded, "a state has one encoding");
}

/// A history: kinds, each with its body. What is valid takes effect, and so does what is not: a
/// client believes the log.
pub(crate) fn history(bytes: &[u8], gauge: &Gauge) {
    let mut decoder = Decoder::new(bytes);
    let mut state = State::empty(1);
    for number in 0..MAX_ENTRIES {
        let kind = decoder.u8().map(u16::from);
        let body =
            kind.and_then(|kind| gauge.decode(bytes.len(), || Body::decode(kind, &mut decoder)));
        let Ok(body) = body else { break };
        let is_valid = state.validate(&body).is_ok();
        let before = state.next;
        state.apply(&body, HASH);
        assert_eq!(state.next, before + 1);
        if is_valid && number > 0 {
            keeps_its_rules(&state);
        }
    }
    refolds(&state);
}

/// What holds in any state, whatever came before.
fn keeps_its_rules(state: &State) {
    for condemned in &state.condemned {
        assert!(!condemned.packs.is_empty() || !condemned.others.is_empty());
    }
    assert!(state.bonds.iter().all(|bond| !bond.old.is_empty()));
}
