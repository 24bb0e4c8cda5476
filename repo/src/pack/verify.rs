//! Checks every byte of a pack.

use crate::keys::Keyring;
use crate::model::{ObjectHash, PackName};
use crate::seal::{BlockKind, Nonce};

use super::PackError;
use super::builder::header;
use super::directory::{PackDirectory, PackedChunk};
use super::limits::TRAILER_LEN;
use super::read::{parse_tail, sealed_footer};

/// Checks one pack from its bytes: header, footer, padding, hash of the body, that every block
/// opens, and that every chunk has the id that the footer lists.
///
/// Holds one block's plaintext at a time beside `bytes`.
///
/// # Errors
///
/// The first thing that is wrong, with pack, block and offset. The whole is checked before the
/// parts, except that blocks come before the hash of the body: a flipped byte is named by its
/// block.
pub fn verify_pack(
    bytes: &[u8],
    keyring: &Keyring,
    name: PackName,
) -> Result<PackDirectory, PackError> {
    verify_and_hash(bytes, keyring, name).map(|(directory, _)| directory)
}

/// As [`verify_pack`]; tells the hash of the object too, which goes with that of the body.
///
/// # Errors
///
/// As [`verify_pack`].
pub fn verify_and_hash(
    bytes: &[u8],
    keyring: &Keyring,
    name: PackName,
) -> Result<(PackDirectory, ObjectHash), PackError> {
    let kind = check_header(bytes, keyring, name)?;
    let len = bytes.len() as u64;
    let directory = parse_tail(keyring, name, Some(kind), bytes, len)?;
    check_blocks(bytes, keyring, &directory)?;
    let hash = check_padding(bytes, keyring, &directory)?;
    Ok((directory, hash))
}

/// Opens every block and names every chunk anew.
fn check_blocks(
    bytes: &[u8],
    keyring: &Keyring,
    directory: &PackDirectory,
) -> Result<(), PackError> {
    let (name, kind) = (directory.name(), directory.kind());
    let mut chunks = directory.chunks();
    for (number, block) in directory.blocks().enumerate() {
        let offset = block.offset;
        let stored = part(bytes, u64::from(offset), u64::from(block.len));
        let plain = keyring
            .open_block(kind, stored)
            .map_err(|source| PackError::Block {
                pack: name,
                block: number,
                offset,
                source,
            })?;
        let listed: Vec<PackedChunk> = chunks.by_ref().take(block.chunks as usize).collect();
        let expected: u64 = listed.iter().map(|chunk| u64::from(chunk.len)).sum();
        if expected != plain.len() as u64 {
            let found = plain.len() as u64;
            return Err(PackError::BlockLength {
                pack: name,
                block: number,
                offset,
                found,
                expected,
            });
        }
        for PackedChunk { prefix, len, place } in listed {
            let piece = part(&plain, u64::from(place.offset), u64::from(len));
            let id = match kind {
                BlockKind::Data => keyring.ids().chunk_id(piece),
                BlockKind::Tree => keyring.ids().page_id(piece),
            };
            if id.prefix() != prefix {
                let at = place.offset;
                return Err(PackError::Chunk {
                    pack: name,
                    block: number,
                    offset,
                    at,
                    prefix,
                });
            }
        }
    }
    Ok(())
}

/// Checks the header; tells the kind of the blocks.
fn check_header(bytes: &[u8], keyring: &Keyring, name: PackName) -> Result<BlockKind, PackError> {
    let wrong = |offset| PackError::Header { pack: name, offset };
    let kind = bytes
        .get(8)
        .copied()
        .and_then(BlockKind::from_number)
        .ok_or(wrong(8))?;
    let expected = header(kind, keyring.suite());
    match expected
        .iter()
        .enumerate()
        .find(|&(at, byte)| bytes.get(at) != Some(byte))
    {
        Some((offset, _)) => Err(wrong(offset)),
        None => Ok(kind),
    }
}

/// Checks what stands between the last block and the footer, and the hash of all before that; tells
/// the hash of all.
fn check_padding(
    bytes: &[u8],
    keyring: &Keyring,
    directory: &PackDirectory,
) -> Result<ObjectHash, PackError> {
    let name = directory.name();
    let sealed = sealed_footer(name, bytes, directory.len())?;
    let body_len = directory
        .len()
        .saturating_sub(sealed.len() as u64 + TRAILER_LEN);
    let offset = body_len.saturating_sub(directory.padding());
    let padding = part(bytes, offset, directory.padding());
    let mut expected = vec![0; padding.len()];
    // The footer has opened, so its generation is at hand.
    let stream = generation_and_nonce(sealed)
        .and_then(|(generation, nonce)| keyring.pad_stream(generation, nonce));
    if let Some(mut stream) = stream {
        stream.fill(&mut expected);
    }
    if padding != expected {
        return Err(PackError::Padding { pack: name, offset });
    }
    let mut hasher = blake3::Hasher::new();
    let before_footer = part(bytes, 0, body_len);
    hasher.update(before_footer);
    if hasher.finalize() != *directory.body_hash() {
        return Err(PackError::BodyHash {
            pack: name,
            len: body_len,
        });
    }
    hasher.update(bytes.get(before_footer.len()..).unwrap_or_default());
    Ok(ObjectHash::from_bytes(*hasher.finalize().as_bytes()))
}

/// Key generation and nonce of a sealed footer.
fn generation_and_nonce(sealed: &[u8]) -> Option<(u32, &Nonce)> {
    let (_, rest) = sealed.split_first_chunk::<8>()?;
    let (generation, rest) = rest.split_first_chunk()?;
    Some((u32::from_le_bytes(*generation), rest.first_chunk()?))
}

/// A range that was checked against the length before; nothing if it was not.
fn part(bytes: &[u8], offset: u64, len: u64) -> &[u8] {
    let range = usize::try_from(offset)
        .ok()
        .zip(usize::try_from(offset + len).ok());
    range
        .and_then(|(start, end)| bytes.get(start..end))
        .unwrap_or_default()
}
