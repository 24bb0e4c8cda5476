//! Compression: zstd where it gains, raw where it does not.

use std::cell::RefCell;
use std::io::{self, Cursor};

use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::CParameter;

/// How hard to compress.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Compression {
    /// Store as it is.
    None,
    /// As little work as gains something: zstd's fastest strategy, with tables for blocks of a
    /// megabyte; a body that does not shrink is stored as it is.
    Fast,
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
/// The level that says for higher ones whether a body compresses at all, and that
/// [`Compression::Fast`] starts from.
const FAST: i32 = 1;
/// Log2 of the window, log2 of the entries of the hash table, and bytes of the shortest match, of
/// [`Compression::Fast`]. Level 1 has 19, 14 and 7. Blocks of 1 MiB of a toolchain's libraries
/// shrink to 317.6 MB so, to 304.7 MB with these, and to 301.3 MB with 20, 16 and 6 (level 2); of a
/// source tree to 235.4, 228.0 and 226.2 MB (`zstd -b1 -B1048576
/// --zstd=strat=1,wlog=20,hlog=15,mml=6`).
const FAST_TABLES: (u32, u32, u32) = (20, 15, 6);
/// What that level shrinks to less than a part in this many stays as it is. Higher levels gain
/// nothing on it: pages of equal rows take 2.3% at level 1 and 2.5% at level 6, in eight times the
/// time.
const VERY_REPETITIVE: usize = 16;

struct Contexts {
    compressor: Compressor<'static>,
    /// As the compressor is set, if it is.
    level: Option<i32>,
    decompressor: Decompressor<'static>,
}

impl Contexts {
    fn new() -> io::Result<Self> {
        Ok(Self {
            compressor: Compressor::new(FAST)?,
            level: None,
            decompressor: Decompressor::new()?,
        })
    }

    fn set_level(&mut self, level: i32) -> io::Result<()> {
        self.level = None;
        self.compressor.set_compression_level(level)?;
        // Zero stands for what the level has.
        let tables = if level == FAST {
            FAST_TABLES
        } else {
            (0, 0, 0)
        };
        for parameter in [
            CParameter::WindowLog(tables.0),
            CParameter::HashLog(tables.1),
            CParameter::MinMatch(tables.2),
        ] {
            self.compressor.set_parameter(parameter)?;
        }
        self.level = Some(level);
        Ok(())
    }

    /// Compresses `body` behind the first `start` bytes of `out`, in the capacity that `out` has;
    /// says whether it gained.
    fn compress(
        &mut self,
        level: i32,
        body: &[u8],
        start: usize,
        out: &mut Vec<u8>,
    ) -> io::Result<bool> {
        if self.level != Some(level) {
            self.set_level(level)?;
        }
        out.truncate(start);
        let mut cursor = Cursor::new(&mut *out);
        cursor.set_position(start as u64);
        let len = self.compressor.compress_to_buffer(body, &mut cursor)?;
        Ok(gains(len, body.len()))
    }
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

/// Appends codec, length and the packed `body` to `out`.
///
/// `len` is the body's length, which the caller has held against the bound of its kind.
pub(crate) fn encode_body(
    body: &[u8],
    len: u32,
    compression: Compression,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    let start = out.len();
    let level = match compression {
        Compression::None => None,
        Compression::Fast => Some(FAST),
        Compression::Zstd(level) => Some(i32::from(level.clamp(2, 19))),
    };
    if let Some(level) = level {
        let done = with_contexts(|contexts| {
            out.reserve_exact(PREFIX_LEN + zstd::zstd_safe::compress_bound(body.len()));
            out.push(ZSTD);
            out.extend_from_slice(&len.to_le_bytes());
            let behind = start + PREFIX_LEN;
            if level > DIRECT {
                if !contexts.compress(FAST, body, behind, out)? {
                    return Ok(false);
                }
                if out.len() - behind < body.len() / VERY_REPETITIVE {
                    return Ok(true);
                }
            }
            contexts.compress(level, body, behind, out)
        })?;
        if done {
            return Ok(());
        }
        out.truncate(start);
    }
    out.reserve_exact(PREFIX_LEN + body.len());
    out.push(RAW);
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(body);
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

/// The most bytes that a zstd frame of `len` bytes can hold: a block gives at most 128 KiB
/// (RFC 8878, 3.1.1.2.4), and takes a header of three bytes and at least one more.
fn most_of(len: usize) -> u32 {
    let most = (len as u64 / 4).saturating_mul(128 << 10);
    u32::try_from(most).unwrap_or(u32::MAX)
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
        ZSTD if len > most_of(packed.len()) => Err(DecodeError::Data(len, None)),
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
        encode_body(body, len, compression, &mut out).unwrap();
        out
    }

    #[test]
    fn a_length_that_a_frame_cannot_give_is_refused_before_it_is_allocated() {
        let mut text = packed(&vec![0; 1 << 20], Compression::Fast);
        let mut out = Vec::new();
        assert!(decode_body(&text, 1 << 30, &mut out).is_ok());
        text.splice(1..5, (1u32 << 30).to_le_bytes());
        let mut out = Vec::new();
        let refused = decode_body(&text, 1 << 30, &mut out);
        assert!(matches!(refused, Err(DecodeError::Data(len, None)) if len == 1 << 30));
        assert_eq!(out.capacity(), 0);
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
            Compression::Fast,
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
            level in 0_u8..8,
        ) {
            let body = piece.repeat(times);
            let how = match level {
                0 => Compression::None,
                1 => Compression::Fast,
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
