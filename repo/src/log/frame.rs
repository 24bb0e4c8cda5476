//! How an entry stands in the store: a sealed core, hash-chained, and a tail of earlier cores.

use std::collections::VecDeque;
use std::convert::Infallible;

use bytes::Bytes;
use minicbor::{Decoder, Encoder};

use super::entry::Body;
use super::error::LogError;
use crate::keys::Keyring;
use crate::model::{ObjectHash, ObjectName};
use crate::seal::{ObjectKind, envelope_generation};

/// Largest stored entry: bounds of core and tail with their seals.
pub(super) const MAX_OBJECT: u64 = 2 * (1 << 20) + 4096;
/// Most entries in a tail.
pub(super) const MAX_TAIL: usize = 64;
/// A tail stops growing here, in bytes: it is copied into every entry, so it must stay cheap.
pub(super) const MAX_TAIL_BYTES: usize = 48 << 10;

/// An entry as it was read and opened.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Log generation.
    pub generation: u16,
    /// Its number.
    pub number: u64,
    /// Hash of the entry before it.
    pub previous: ObjectHash,
    /// Made new for each attempt to say something; tells one's own entry from another's.
    pub nonce: [u8; 16],
    /// When its author wrote it, by the author's clock; for people.
    pub time_ms: u64,
    /// What it says.
    pub body: Body,
    /// Hash of its stored core.
    pub hash: ObjectHash,
    /// The generation of keys that it is sealed under.
    pub key_generation: u32,
}

/// Encoding into memory fails only where an encoder refuses a value.
pub(super) type EncodeError = minicbor::encode::Error<Infallible>;

/// What goes into a core, before it is sealed.
pub(super) struct Header<'a> {
    pub(super) generation: u16,
    pub(super) number: u64,
    pub(super) previous: ObjectHash,
    pub(super) nonce: [u8; 16],
    pub(super) time_ms: u64,
    /// The newest generation of keys that the entries before have started.
    pub(super) key_generation: u32,
    pub(super) body: &'a Body,
}

/// Seals an entry.
pub(super) fn encode(
    keys: &Keyring,
    header: &Header<'_>,
    tail: &[Bytes],
) -> Result<Bytes, LogError> {
    let name = ObjectName::log_entry(header.generation, header.number);
    let seal = |kind, body: Result<Vec<u8>, EncodeError>| {
        let body = body.map_err(|e| LogError::Malformed {
            object: name.clone(),
            what: e.to_string(),
        })?;
        keys.seal_object_under(header.key_generation, kind, name.as_str(), &body)
            .map_err(|source| LogError::Seal {
                object: name.clone(),
                source,
            })
    };
    let core = seal(ObjectKind::LogEntry, encode_core(header))?;
    let Ok(core_len) = u32::try_from(core.len()) else {
        return Err(LogError::Malformed {
            object: name,
            what: "entry too long".to_owned(),
        });
    };
    let mut object = core_len.to_le_bytes().to_vec();
    object.extend_from_slice(&core);
    if !tail.is_empty() {
        object.extend_from_slice(&seal(ObjectKind::LogTail, encode_tail(tail))?);
    }
    Ok(Bytes::from(object))
}

pub(super) fn encode_core(header: &Header<'_>) -> Result<Vec<u8>, EncodeError> {
    let mut e = Encoder::new(Vec::new());
    e.map(7)?
        .u8(0)?
        .u16(header.generation)?
        .u8(1)?
        .u64(header.number)?;
    e.u8(2)?
        .encode(header.previous)?
        .u8(3)?
        .bytes(&header.nonce)?;
    e.u8(4)?
        .u64(header.time_ms)?
        .u8(5)?
        .u16(header.body.kind())?
        .u8(6)?;
    header.body.encode(&mut e)?;
    Ok(e.into_writer())
}

fn encode_tail(tail: &[Bytes]) -> Result<Vec<u8>, EncodeError> {
    let mut e = Encoder::new(Vec::new());
    e.array(tail.len() as u64)?;
    for core in tail {
        e.bytes(core)?;
    }
    Ok(e.into_writer())
}

/// Splits a stored object into its core and what may be a sealed tail.
pub(super) fn split(name: &ObjectName, object: &Bytes) -> Result<(Bytes, Bytes), LogError> {
    let short = || LogError::Malformed {
        object: name.clone(),
        what: "cut short".to_owned(),
    };
    let (len, rest) = object.split_first_chunk::<4>().ok_or_else(short)?;
    let len = usize::try_from(u32::from_le_bytes(*len)).map_err(|_| short())?;
    if len > rest.len() {
        return Err(short());
    }
    Ok((object.slice(4..4 + len), object.slice(4 + len..)))
}

/// Opens a core and checks that it is the entry that its place in the log asks for.
pub(super) fn open_core(
    keys: &Keyring,
    generation: u16,
    number: u64,
    core: &[u8],
) -> Result<Entry, LogError> {
    let name = ObjectName::log_entry(generation, number);
    let plain = keys
        .open_object(ObjectKind::LogEntry, name.as_str(), core)
        .map_err(|source| LogError::Open {
            object: name.clone(),
            source,
        })?;
    let malformed = |what: String| LogError::Malformed {
        object: name.clone(),
        what,
    };
    let mut entry =
        decode_core(&plain, ObjectHash::of(core)).map_err(|e| malformed(e.to_string()))?;
    // Authenticated with the rest of the envelope's head.
    entry.key_generation = envelope_generation(core).unwrap_or(0);
    if entry.generation != generation || entry.number != number {
        return Err(malformed(format!("it says it is entry {}", entry.number)));
    }
    Ok(entry)
}

/// Decodes the body of a core. What it is sealed under stands outside.
pub(super) fn decode_core(
    plain: &[u8],
    hash: ObjectHash,
) -> Result<Entry, minicbor::decode::Error> {
    let bad = minicbor::decode::Error::message;
    let mut d = Decoder::new(plain);
    let fields = d.map()?.ok_or_else(|| bad("map of indefinite length"))?;
    let expect = |d: &mut Decoder<'_>, key: u8| {
        if d.u8()? == key {
            Ok(())
        } else {
            Err(bad("fields of an entry are not in order"))
        }
    };
    if fields < 7 {
        return Err(bad("an entry has seven fields"));
    }
    expect(&mut d, 0)?;
    let generation = d.u16()?;
    expect(&mut d, 1)?;
    let number = d.u64()?;
    expect(&mut d, 2)?;
    let previous = d.decode()?;
    expect(&mut d, 3)?;
    let nonce = d
        .bytes()?
        .try_into()
        .map_err(|_| bad("a nonce has 16 bytes"))?;
    expect(&mut d, 4)?;
    let time_ms = d.u64()?;
    expect(&mut d, 5)?;
    let kind = d.u16()?;
    expect(&mut d, 6)?;
    let body = Body::decode(kind, &mut d)?;
    Ok(Entry {
        generation,
        number,
        previous,
        nonce,
        time_ms,
        body,
        hash,
        key_generation: 0,
    })
}

/// Opens a tail: the cores before the entry, ascending.
pub(super) fn open_tail(
    keys: &Keyring,
    name: &ObjectName,
    sealed: &[u8],
) -> Result<Vec<Bytes>, LogError> {
    if sealed.is_empty() {
        return Ok(Vec::new());
    }
    let plain = keys
        .open_object(ObjectKind::LogTail, name.as_str(), sealed)
        .map_err(|source| LogError::Open {
            object: name.clone(),
            source,
        })?;
    let malformed = |e: minicbor::decode::Error| LogError::Malformed {
        object: name.clone(),
        what: e.to_string(),
    };
    let mut d = Decoder::new(&plain);
    let count = d.array().map_err(malformed)?.unwrap_or(u64::MAX);
    if count > MAX_TAIL as u64 {
        return Err(malformed(minicbor::decode::Error::message(
            "tail of too many entries",
        )));
    }
    (0..count)
        .map(|_| d.bytes().map(Bytes::copy_from_slice).map_err(malformed))
        .collect()
}

/// The cores of a tail that the entry's hash chain proves, ascending up to the entry before it.
///
/// A tail saves requests and promises nothing: what is damaged or does not fit is left out, and
/// those entries are read from the store.
pub(super) fn proven_tail(keys: &Keyring, entry: &Entry, sealed: &[u8]) -> Vec<Bytes> {
    let name = ObjectName::log_entry(entry.generation, entry.number);
    let cores = open_tail(keys, &name, sealed).unwrap_or_else(|error| {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "the tail of an entry cannot be used"
        );
        Vec::new()
    });
    let mut proven = VecDeque::new();
    let (mut number, mut expected) = (entry.number, entry.previous);
    for core in cores.into_iter().rev() {
        let Some(before) = number.checked_sub(1) else {
            break;
        };
        if ObjectHash::of(&core) != expected {
            break;
        }
        let Ok(entry) = open_core(keys, entry.generation, before, &core) else {
            break;
        };
        (number, expected) = (before, entry.previous);
        proven.push_front(core);
    }
    proven.into()
}
