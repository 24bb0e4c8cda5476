//! A slot as it is stored.

use minicbor::bytes::ByteArray;
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

use super::error::SlotError;
use super::name::{SlotKind, SlotName};
use super::payload::MAX_PAYLOAD;
use crate::meta_frame::Frame;
use crate::model::RepositoryId;

pub(super) const MAGIC: [u8; 8] = *b"ORLPSLT1";
/// Longest label in bytes.
pub(super) const MAX_LABEL: usize = 256;

/// The body as it is stored.
#[derive(Encode, Decode)]
#[cbor(map)]
pub(super) struct Body {
    #[n(0)]
    pub(super) kind: u8,
    #[n(1)]
    pub(super) id: ByteArray<8>,
    #[n(2)]
    pub(super) label: String,
    #[n(3)]
    pub(super) created_ms: u64,
    #[n(4)]
    pub(super) repository_id: RepositoryId,
    #[n(5)]
    pub(super) generation: u32,
    #[cbor(n(6), with = "minicbor::bytes")]
    pub(super) format: Vec<u8>,
    #[n(7)]
    pub(super) parameters: Parameters,
    #[cbor(n(8), with = "minicbor::bytes")]
    pub(super) wrapped: Vec<u8>,
    #[n(9)]
    pub(super) commitment: Option<ByteArray<32>>,
}

/// Parameters as they are stored: each kind has its own map, so the kind decides how to read them.
pub(super) struct Parameters(Vec<u8>);

impl Parameters {
    /// Encodes the map of a kind.
    pub(super) fn of(map: impl Encode<()>) -> Result<Self, SlotError> {
        Ok(Self(minicbor::to_vec(map)?))
    }

    /// Reads the map of a kind.
    pub(super) fn read<'b, T: Decode<'b, ()>>(&'b self, name: &str) -> Result<T, SlotError> {
        minicbor::decode(&self.0).map_err(|source| SlotError::Body {
            name: name.to_owned(),
            source,
        })
    }
}

impl<C> Encode<C> for Parameters {
    fn encode<W: encode::Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.writer_mut()
            .write_all(&self.0)
            .map_err(encode::Error::write)
    }
}

impl<'b, C> Decode<'b, C> for Parameters {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        let start = d.position();
        d.skip()?;
        let map = d.input().get(start..d.position());
        map.map(|map| Self(map.to_vec()))
            .ok_or_else(decode::Error::end_of_input)
    }
}

/// Raw slots need nothing.
#[derive(Encode, Decode)]
#[cbor(map)]
pub(super) struct RawParameters {}

/// For a recipient slot.
#[derive(Encode, Decode)]
#[cbor(map)]
pub(super) struct RecipientParameters {
    /// The public half, `age1…`.
    #[n(0)]
    pub(super) recipient: String,
}

/// Of a KMS slot that which is told to people; the rest is the plugin's.
#[derive(Decode)]
#[cbor(map)]
pub(super) struct KmsParameters {
    #[n(0)]
    pub(super) key_id: String,
}

/// A slot that was read and not opened: everything in it is a claim of whoever could write to the
/// store.
pub struct ClaimedSlot {
    pub(super) name: SlotName,
    pub(super) body: Body,
}

impl ClaimedSlot {
    /// Reads the object `name`. Costs no derivation and needs no key.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self, SlotError> {
        let text = || name.to_owned();
        let parsed = SlotName::parse(name).ok_or_else(|| SlotError::Name { name: text() })?;
        let frame = Frame::parse(MAGIC, bytes).map_err(|source| SlotError::Frame {
            name: text(),
            source,
        })?;
        let body: Body = minicbor::decode(frame.body).map_err(|source| SlotError::Body {
            name: text(),
            source,
        })?;
        if SlotKind::from_number(body.kind) != Some(parsed.kind) || *body.id != parsed.id {
            return Err(SlotError::Misplaced { name: text() });
        }
        let bounds = |what| SlotError::Bounds { name: text(), what };
        if body.label.len() > MAX_LABEL {
            return Err(bounds("label"));
        }
        if body.wrapped.len() > MAX_PAYLOAD {
            return Err(bounds("wrapped payload"));
        }
        if body.generation == 0 {
            return Err(bounds("key generation"));
        }
        Ok(Self { name: parsed, body })
    }

    /// Name of the object, in its parts.
    pub fn name(&self) -> SlotName {
        self.name
    }

    /// What its maker called it.
    pub fn label(&self) -> &str {
        &self.body.label
    }

    /// When it was made, in milliseconds since 1970.
    pub fn created_ms(&self) -> u64 {
        self.body.created_ms
    }

    /// The repository that it opens.
    pub fn repository_id(&self) -> RepositoryId {
        self.body.repository_id
    }

    /// The newest key generation in it.
    pub fn generation(&self) -> u32 {
        self.body.generation
    }
}
