//! Reads what is in a pack from its tail.

use crate::keys::Keyring;
use crate::model::{ObjectName, PackName};
use crate::seal::{BlockKind, ObjectKind};
use crate::store::Store;

use super::PackError;
use super::directory::PackDirectory;
use super::footer::Footer;
use super::limits::{
    END_MAGIC, ENVELOPE_OVERHEAD, HEADER_LEN, MAX_FOOTER_BODY, TRAILER_BYTES, TRAILER_LEN,
};

/// How much of the tail is read at first: a footer of some 2,500 chunks, 64 KiB each on average
/// in 160 MiB of data, so that one request is nearly always enough.
const FIRST_READ: u64 = 64 << 10;

/// Reads the directory of a pack: one request, or two if it lists very many chunks.
///
/// `kind` and `len` are what an index segment gives, if it is known; else both kinds are tried.
///
/// # Errors
///
/// [`PackError::Store`] says nothing about the pack unless its source is a confirmed absence;
/// [`PackError::is_damage`] tells the rest apart.
pub async fn read_directory(
    store: &Store,
    keyring: &Keyring,
    name: PackName,
    kind: Option<BlockKind>,
    len: Option<u64>,
) -> Result<PackDirectory, PackError> {
    let object = ObjectName::pack(name);
    let read = async |len| {
        store
            .get_tail(&object, len)
            .await
            .map_err(|source| PackError::Store {
                pack: name,
                len,
                source,
            })
    };
    let mut tail = read(FIRST_READ).await?;
    if let Some(expected) = len
        && expected != tail.object_len
    {
        return Err(PackError::Length {
            pack: name,
            found: tail.object_len,
            expected,
        });
    }
    let wanted = footer_len(name, &tail.bytes, tail.object_len)? + TRAILER_LEN;
    if wanted > tail.bytes.len() as u64 {
        let found = tail.object_len;
        tail = read(wanted).await?;
        if tail.object_len != found {
            return Err(PackError::Length {
                pack: name,
                found: tail.object_len,
                expected: found,
            });
        }
    }
    parse_tail(keyring, name, kind, &tail.bytes, tail.object_len)
}

/// Length of the sealed footer from the end of an object of `object_len` bytes.
fn footer_len(name: PackName, tail: &[u8], object_len: u64) -> Result<u64, PackError> {
    let wrong = |back: u64, what| PackError::Trailer {
        pack: name,
        offset: object_len.saturating_sub(back),
        what,
    };
    let Some((before, &magic)) = tail.split_last_chunk() else {
        return Err(wrong(0, "the object ends before its trailer"));
    };
    if &magic != END_MAGIC {
        return Err(wrong(4, "no end of a pack"));
    }
    let Some(&len) = before.last_chunk() else {
        return Err(wrong(0, "the object ends before its trailer"));
    };
    let len = u64::from(u32::from_le_bytes(len));
    let smallest = HEADER_LEN + len + TRAILER_LEN;
    if !(ENVELOPE_OVERHEAD..=ENVELOPE_OVERHEAD + MAX_FOOTER_BODY).contains(&len)
        || smallest > object_len
    {
        return Err(wrong(TRAILER_LEN, "the length of the footer cannot be"));
    }
    Ok(len)
}

/// The sealed footer at the end of `tail`, if it is all there.
pub(super) fn sealed_footer(
    name: PackName,
    tail: &[u8],
    object_len: u64,
) -> Result<&[u8], PackError> {
    let len = footer_len(name, tail, object_len)?;
    let whole = usize::try_from(len + TRAILER_LEN).ok();
    whole
        .and_then(|whole| tail.len().checked_sub(whole))
        .and_then(|start| tail.get(start..tail.len().saturating_sub(TRAILER_BYTES)))
        .ok_or(PackError::Trailer {
            pack: name,
            offset: object_len.saturating_sub(len + TRAILER_LEN),
            what: "the footer is cut off",
        })
}

/// Opens and checks the footer at the end of `tail`.
pub(super) fn parse_tail(
    keyring: &Keyring,
    name: PackName,
    kind: Option<BlockKind>,
    tail: &[u8],
    object_len: u64,
) -> Result<PackDirectory, PackError> {
    let sealed = sealed_footer(name, tail, object_len)?;
    let offset = object_len.saturating_sub(sealed.len() as u64 + TRAILER_LEN);
    let open = |kind| {
        keyring
            .open_object(ObjectKind::PackFooter(kind), &name.to_string(), sealed)
            .map(|body| (kind, body))
            .map_err(|source| PackError::FooterSealed {
                pack: name,
                offset,
                source,
            })
    };
    let (kind, body) = match kind {
        Some(kind) => open(kind)?,
        None => open(BlockKind::Data).or_else(|error| open(BlockKind::Tree).map_err(|_| error))?,
    };
    let footer = Footer::decode(&body).map_err(|error| PackError::Footer {
        pack: name,
        what: error.to_string(),
    })?;
    PackDirectory::check(name, kind, object_len, sealed.len() as u64, footer).map_err(|what| {
        PackError::Footer {
            pack: name,
            what: what.to_owned(),
        }
    })
}
