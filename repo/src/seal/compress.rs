//! Compression: zstd where it gains, raw where it does not.

use std::cell::RefCell;
use std::io;

use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::CParameter;

use super::suite::TAG_LEN;

/// How hard to compress.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Compression {
    /// Store as it is.
    None,
    /// As [`Self::Fast`] if a sample of the body shrinks, else store it as it is: for what is
    /// expected not to.
    Sampled,
    /// As little work as gains something: zstd's fastest strategy, with tables for blocks of a
    /// megabyte; a body that does not shrink is stored as it is.
    Fast,
    /// The size of zstd level 6 for pages and logs of databases, in two thirds of its time; a body
    /// that does not shrink is stored as it is.
    Thorough,
    /// zstd of this level, held to 2 to 19; a body that does not shrink is stored as it is.
    Zstd(u8),
}

impl Default for Compression {
    /// Level 3, zstd's own default.
    fn default() -> Self {
        Self::Zstd(3)
    }
}

/// Codec number of a body that is stored as it is.
const RAW: u8 = 0;
/// Codec number of one zstd frame.
const ZSTD: u8 = 1;
/// Length of codec and length in front of the body.
pub(super) const PREFIX_LEN: usize = 5;

/// Up to this level the whole body is tried at once: zstd passes over what does not compress in
/// about a twentieth of the time that text takes (1 MiB of noise and of text: 0.2 and 3.5 ms at
/// level 3, 0.7 and 21 ms at level 9; `cargo bench -p orlop-repo --bench seal -- alone`). A sample
/// would save part of that, and would miss what compresses in a block of many files.
const DIRECT: i32 = 3;
/// Bytes of a body that are compressed as a sample of each [`SAMPLE_EACH`] bytes. Zstd's fastest
/// strategy passes over a megabyte of noise in 0.2 ms, a tenth of what sealing and verifying it takes.
const SAMPLE: usize = 16 << 10;
/// See [`SAMPLE`].
const SAMPLE_EACH: usize = 256 << 10;
/// The level that says for higher ones whether a body compresses at all, and that
/// [`Compression::Fast`] starts from.
const FAST: i32 = 1;
/// The level that [`Compression::Thorough`] starts from.
const THOROUGH: i32 = 6;
/// Log2 of the window, log2 of the entries of the hash table, and bytes of the shortest match, of
/// [`Compression::Fast`]. Level 1 has 19, 14 and 7. Blocks of 1 MiB of a toolchain's libraries
/// shrink to 317.6 MB so, to 304.7 MB with these, and to 301.3 MB with 20, 16 and 6 (level 2); of a
/// source tree to 235.4, 228.0 and 226.2 MB (`zstd -b1 -B1048576
/// --zstd=strat=1,wlog=20,hlog=15,mml=6`).
const FAST_TABLES: (u32, u32, u32) = (20, 15, 6);
/// Log2 of the window, log2 of the entries of both tables, log2 of the candidates that are looked at,
/// and bytes of the shortest match, of [`Compression::Thorough`]. What it gains over level 5 is not
/// from what level 6 has more of these but from its strategy, which looks at the next byte too:
/// an index and logs of `PostgreSQL`, 32 MiB, take 2.49 MB with 19 and 3 (level 6) and with 16 and
/// 1, and with level 3 3.04 MB (`zstd -b6 -B1048576 --zstd=strat=4,wlog=20,hlog=16,clog=16,slog=1`).
/// Tables of 16 stay in a processor's second cache.
const THOROUGH_TABLES: (u32, u32, u32, u32) = (20, 16, 1, 5);
/// What the fast level shrinks to less than a part in this many stays as it is. Higher levels gain
/// nothing on it: pages of equal rows take 2.3% at level 1 and 2.5% at level 6, in eight times the
/// time.
const VERY_REPETITIVE: usize = 16;

struct Contexts {
    compressor: Compressor<'static>,
    /// As the compressor is set, if it is.
    level: Option<Level>,
    decompressor: Decompressor<'static>,
    /// What was compressed: a body's worst case is reserved once and not for each result, which
    /// then takes what it needs.
    packed: Vec<u8>,
}

/// How the compressor is set.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Fast,
    Thorough,
    Zstd(i32),
}

impl Level {
    fn number(self) -> i32 {
        match self {
            Self::Fast => FAST,
            Self::Thorough => THOROUGH,
            Self::Zstd(level) => level,
        }
    }
}

/// A worst case above this many bytes is not kept: twice the bound of a block.
const KEPT: usize = 4 << 20;

impl Contexts {
    fn new() -> io::Result<Self> {
        Ok(Self {
            compressor: Compressor::new(FAST)?,
            level: None,
            decompressor: Decompressor::new()?,
            packed: Vec::new(),
        })
    }

    fn set_level(&mut self, level: Level) -> io::Result<()> {
        self.level = None;
        self.compressor.set_compression_level(level.number())?;
        // Zero stands for what the level has.
        let (window, hash, chain, search, shortest) = match level {
            Level::Fast => {
                let (window, hash, shortest) = FAST_TABLES;
                (window, hash, 0, 0, shortest)
            }
            Level::Thorough => {
                let (window, table, search, shortest) = THOROUGH_TABLES;
                (window, table, table, search, shortest)
            }
            Level::Zstd(_) => (0, 0, 0, 0, 0),
        };
        for parameter in [
            CParameter::WindowLog(window),
            CParameter::HashLog(hash),
            CParameter::ChainLog(chain),
            CParameter::SearchLog(search),
            CParameter::MinMatch(shortest),
        ] {
            self.compressor.set_parameter(parameter)?;
        }
        self.level = Some(level);
        Ok(())
    }

    /// Compresses `body` into `packed`; says whether it gained.
    fn compress(&mut self, level: Level, body: &[u8]) -> io::Result<bool> {
        if self.level != Some(level) {
            self.set_level(level)?;
        }
        self.packed.clear();
        self.packed
            .reserve_exact(zstd::zstd_safe::compress_bound(body.len()));
        let len = self.compressor.compress_to_buffer(body, &mut self.packed)?;
        Ok(gains(len, body.len()))
    }

    /// Whether a sample of `body` compresses; yes of what is hardly longer than a sample.
    fn sample(&mut self, body: &[&[u8]]) -> io::Result<bool> {
        for piece in body.iter().flat_map(|part| part.chunks(SAMPLE_EACH)) {
            // In the middle, where no header stands.
            let start = piece.len().saturating_sub(SAMPLE) / 2;
            let sample = piece.get(start..start + SAMPLE);
            let whole = piece.len() < 2 * SAMPLE;
            if whole || self.compress(Level::Fast, sample.unwrap_or(piece))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Compresses the parts of a body into `packed` as it is asked for; says whether that gained.
    fn pack(
        &mut self,
        body: &[&[u8]],
        compression: Compression,
        joined: &mut Vec<u8>,
    ) -> io::Result<bool> {
        let level = match compression {
            Compression::None => return Ok(false),
            Compression::Sampled if !self.sample(body)? => return Ok(false),
            Compression::Sampled | Compression::Fast => Level::Fast,
            Compression::Thorough => Level::Thorough,
            Compression::Zstd(level) => Level::Zstd(i32::from(level.clamp(2, 19))),
        };
        let body = join(body, joined);
        if level.number() > DIRECT {
            if !self.compress(Level::Fast, body)? {
                return Ok(false);
            }
            if self.packed.len() < body.len() / VERY_REPETITIVE {
                return Ok(true);
            }
        }
        self.compress(level, body)
    }
}

/// The parts as one, which they are already if there is only one.
fn join<'b>(parts: &[&'b [u8]], joined: &'b mut Vec<u8>) -> &'b [u8] {
    if let [part] = parts {
        return part;
    }
    joined.clear();
    joined.reserve(parts.iter().map(|part| part.len()).sum());
    for part in parts {
        joined.extend_from_slice(part);
    }
    joined
}

/// Whether `len` instead of `plain` bytes pay for decompressing: one part in 64.
fn gains(len: usize, plain: usize) -> bool {
    len < plain - plain / 64
}

thread_local! {
    /// Making a context costs more than compressing 10 KiB, so each thread keeps its own.
    static CONTEXTS: RefCell<Option<Contexts>> = const { RefCell::new(None) };
}

/// Lends this thread's contexts.
fn with_contexts<R>(work: impl FnOnce(&mut Contexts) -> io::Result<R>) -> io::Result<R> {
    CONTEXTS.with(|slot| {
        let mut slot = slot.try_borrow_mut().map_err(io::Error::other)?;
        let contexts = match &mut *slot {
            Some(contexts) => contexts,
            empty => empty.insert(Contexts::new()?),
        };
        work(contexts)
    })
}

/// Appends codec, length and the packed concatenation of `body` to `out`; `joined` is room to put
/// the parts together.
///
/// `len` is the body's length, which the caller has held against the bound of its kind. Room is made
/// for a tag behind it, and for nothing else: many blocks wait in a queue for their pack.
pub(crate) fn encode_body(
    body: &[&[u8]],
    len: u32,
    compression: Compression,
    joined: &mut Vec<u8>,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    let mut append = |codec, parts: &[&[u8]]| {
        let bytes: usize = parts.iter().map(|part| part.len()).sum();
        out.reserve_exact(PREFIX_LEN + bytes + TAG_LEN);
        out.push(codec);
        out.extend_from_slice(&len.to_le_bytes());
        for part in parts {
            out.extend_from_slice(part);
        }
    };
    let packed = with_contexts(|contexts| {
        let gained = contexts.pack(body, compression, joined)?;
        if gained {
            append(ZSTD, &[&contexts.packed]);
        }
        if contexts.packed.capacity() > KEPT {
            contexts.packed = Vec::new();
        }
        Ok(gained)
    })?;
    if !packed {
        append(RAW, body);
    }
    Ok(())
}

/// Why a packed body could not be unpacked.
#[derive(Debug)]
pub(crate) enum DecodeError {
    /// Shorter than codec and length, or a length above the bound.
    Length(u64),
    /// A codec that version 1 does not have.
    Codec(u8),
    /// It gives another length, or the decompressor refused.
    Data(u32, Option<io::Error>),
}

/// Where an unpacked body stands.
#[derive(Debug)]
pub(crate) enum Unpacked<'t> {
    /// It was stored as it is: in the text.
    Raw(&'t [u8]),
    /// In the buffer for it.
    Body,
}

/// Unpacks what [`encode_body`] made. What is not stored as it is goes to `out`, which it
/// replaces.
pub(crate) fn decode_body<'t>(
    text: &'t [u8],
    bound: u32,
    out: &mut Vec<u8>,
) -> Result<Unpacked<'t>, DecodeError> {
    let short = || DecodeError::Length(text.len() as u64);
    let (&codec, rest) = text.split_first().ok_or_else(short)?;
    let (len, packed) = rest.split_first_chunk::<4>().ok_or_else(short)?;
    let len = u32::from_le_bytes(*len);
    if len > bound {
        return Err(DecodeError::Length(len.into()));
    }
    let wanted = len as usize;
    match codec {
        RAW if packed.len() == wanted => Ok(Unpacked::Raw(packed)),
        RAW => Err(DecodeError::Data(len, None)),
        ZSTD => {
            out.clear();
            out.reserve_exact(wanted);
            // The capacity may be larger than asked for; a frame that fills it is still refused.
            with_contexts(|contexts| contexts.decompressor.decompress_to_buffer(packed, out))
                .map_err(|error| DecodeError::Data(len, Some(error)))?;
            if out.len() == wanted {
                Ok(Unpacked::Body)
            } else {
                Err(DecodeError::Data(len, None))
            }
        }
        other => Err(DecodeError::Codec(other)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn noise(len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        blake3::Hasher::new().finalize_xof().fill(&mut bytes);
        bytes
    }

    fn packed(body: &[u8], compression: Compression) -> Vec<u8> {
        let mut out = Vec::new();
        let len = u32::try_from(body.len()).unwrap();
        encode_body(&[body], len, compression, &mut Vec::new(), &mut out).unwrap();
        out
    }

    #[test]
    fn noise_is_stored_raw_and_text_is_not() {
        for len in [0, 1, 100, 5000, 1 << 20] {
            assert_eq!(
                packed(&noise(len), Compression::default())[0],
                RAW,
                "{len} bytes of noise"
            );
        }
        for len in [100, 5000, 1 << 20] {
            assert_eq!(
                packed(&vec![b'a'; len], Compression::default())[0],
                ZSTD,
                "{len} zeros"
            );
        }
        assert_eq!(packed(&[b'a'; 5000], Compression::None)[0], RAW);
    }

    #[test]
    fn noise_at_the_start_does_not_hide_text_behind_it() {
        let mut body = noise(256 << 10);
        body.resize(1 << 20, b'a');
        for how in [
            Compression::Sampled,
            Compression::Fast,
            Compression::Thorough,
            Compression::Zstd(3),
            Compression::Zstd(10),
        ] {
            let packed = packed(&body, how);
            assert!(
                packed.len() < 300 << 10,
                "{} bytes by {how:?}",
                packed.len()
            );
        }
    }

    #[test]
    fn text_between_noise_is_found_by_a_sample_and_noise_is_not_compressed_whole() {
        let mut body = noise(1 << 20);
        assert_eq!(packed(&body, Compression::Sampled)[0], RAW);
        body[512 << 10..768 << 10].fill(b'a');
        assert!(packed(&body, Compression::Sampled).len() < 800 << 10);
        let mut with_letters = noise(1 << 20);
        with_letters[..96 << 10].fill(b'a');
        assert_eq!(
            packed(&with_letters, Compression::Sampled)[0],
            RAW,
            "what no sample shows is not found"
        );
        assert_eq!(packed(&[b'a'; 5000], Compression::Sampled)[0], ZSTD);
    }

    #[test]
    fn a_result_takes_the_memory_that_it_needs() {
        for body in [vec![b'a'; 1 << 20], noise(1 << 20)] {
            let packed = packed(&body, Compression::Fast);
            assert_eq!(packed.capacity(), packed.len() + TAG_LEN);
        }
    }

    #[test]
    fn a_length_that_is_not_that_of_the_body_is_refused() {
        let body = vec![b'a'; 5000];
        for compression in [Compression::None, Compression::default()] {
            for wrong in [0_u32, 4999, 5001] {
                let mut packed = packed(&body, compression);
                packed[1..5].copy_from_slice(&wrong.to_le_bytes());
                let result = decode_body(&packed, 1 << 20, &mut Vec::new());
                assert!(
                    matches!(result, Err(DecodeError::Data(..))),
                    "{wrong}: {result:?}"
                );
            }
            let packed = packed(&body, compression);
            let mut out = Vec::new();
            let result = decode_body(&packed, 4999, &mut out);
            assert!(matches!(result, Err(DecodeError::Length(5000))));
        }
    }

    #[test]
    fn an_unknown_codec_is_its_own_error() {
        let result = decode_body(&[2, 0, 0, 0, 0], 10, &mut Vec::new());
        assert!(matches!(result, Err(DecodeError::Codec(2))));
    }

    proptest! {
        #[test]
        fn unpacking_gives_the_body_back(
            piece in prop::collection::vec(any::<u8>(), 0..300),
            times in 0_usize..400,
            level in 0_u8..10,
        ) {
            let body = piece.repeat(times);
            let how = match level {
                0 => Compression::None,
                1 => Compression::Fast,
                8 => Compression::Sampled,
                9 => Compression::Thorough,
                level => Compression::Zstd(level),
            };
            let packed = packed(&body, how);
            let mut out = vec![1, 2, 3];
            let unpacked = match decode_body(&packed, 1 << 20, &mut out).unwrap() {
                Unpacked::Raw(body) => body,
                Unpacked::Body => &out,
            };
            prop_assert_eq!(unpacked, body);
        }

        #[test]
        fn any_bytes_are_refused_or_bounded(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut out = Vec::new();
            if let Ok(Unpacked::Body) = decode_body(&text, 1 << 16, &mut out) {
                prop_assert!(out.len() <= 1 << 16);
            }
        }
    }
}
