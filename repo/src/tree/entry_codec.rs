//! Entries and extents as CBOR (sections 8.2 and 8.3 of the format).

use minicbor::Decoder;
use minicbor::data::Type;
use orlop_chunker::ChunkId;

use super::cbor::{Writer, array_len, ascending_key, expect_array, fixed, map_len};
use super::entry::{Content, Entry, EntryKind, FileClass, Notes, Timestamp};
use super::page_error::PageError;
use super::places::{PlaceReader, PlaceWriter};
use crate::model::{ChunkRef, Extent};

/// Appends an entry. Its rules were checked before.
pub(super) fn write_entry(out: &mut Writer<'_>, places: &mut PlaceWriter, entry: &Entry) {
    let optional = [
        entry.link_group.is_some(),
        entry.rdev.is_some(),
        entry.target.is_some(),
        !entry.xattrs.is_empty(),
        entry.flags != 0,
        entry.project != 0,
        entry.class != FileClass::General,
        entry.content != Content::None,
        entry.btime.is_some(),
        entry.notes != Notes::none(),
        entry.device.is_some(),
    ];
    out.map(9 + optional.iter().filter(|&&there| there).count());
    out.uint(0u8).bytes(&entry.name);
    out.uint(1u8).uint(entry.kind.number());
    out.uint(2u8).uint(entry.mode);
    out.uint(3u8).uint(entry.uid);
    out.uint(4u8).uint(entry.gid);
    write_time(out, 5, entry.mtime);
    write_time(out, 6, entry.ctime);
    out.uint(7u8).uint(entry.size);
    out.uint(8u8).uint(entry.inode);
    if let Some(group) = &entry.link_group {
        out.uint(9u8).bytes(group);
    }
    if let Some((major, minor)) = entry.rdev {
        out.uint(10u8).array(2).uint(major).uint(minor);
    }
    if let Some(target) = &entry.target {
        out.uint(11u8).bytes(target);
    }
    if !entry.xattrs.is_empty() {
        out.uint(12u8).array(entry.xattrs.len());
        for (name, value) in &entry.xattrs {
            out.array(2).bytes(name).bytes(value);
        }
    }
    if entry.flags != 0 {
        out.uint(13u8).uint(entry.flags);
    }
    if entry.project != 0 {
        out.uint(14u8).uint(entry.project);
    }
    if entry.class != FileClass::General {
        out.uint(15u8).uint(entry.class.number());
    }
    match &entry.content {
        Content::Extents(extents) => {
            out.uint(16u8).array(extents.len());
            for extent in extents {
                write_extent(out, places, extent);
            }
        }
        Content::Indirect { root, level } => {
            out.uint(17u8).array(5);
            write_ref(out, places, root);
            out.uint(*level);
        }
        Content::None | Content::Inline(_) => {}
    }
    if let Some(time) = entry.btime {
        write_time(out, 18, time);
    }
    if entry.notes != Notes::none() {
        out.uint(19u8).uint(entry.notes.bits());
    }
    if let Some(device) = entry.device {
        out.uint(20u8).uint(device);
    }
    if let Content::Inline(data) = &entry.content {
        out.uint(21u8).bytes(data);
    }
}

fn write_time(out: &mut Writer<'_>, key: u8, time: Timestamp) {
    out.uint(key).array(2).int(time.secs).uint(time.nanos);
}

/// Appends id, length, index of block and offset in block; the array around them is the caller's.
pub(super) fn write_ref(out: &mut Writer<'_>, places: &mut PlaceWriter, chunk: &ChunkRef) {
    let block = places.block(&chunk.place);
    out.bytes(chunk.id.as_bytes())
        .uint(chunk.len)
        .uint(block)
        .uint(chunk.place.offset);
}

/// Appends an extent.
pub(super) fn write_extent(out: &mut Writer<'_>, places: &mut PlaceWriter, extent: &Extent) {
    match *extent {
        Extent::Data(ref chunk) => {
            out.array(4);
            write_ref(out, places, chunk);
        }
        Extent::Zeros(len) => {
            out.array(2).uint(0u8).uint(len);
        }
        Extent::Hole(len) => {
            out.array(2).uint(1u8).uint(len);
        }
        Extent::Unwritten(len) => {
            out.array(2).uint(2u8).uint(len);
        }
    }
}

/// Reads an entry and checks its rules.
pub(super) fn read_entry(d: &mut Decoder<'_>, places: &PlaceReader) -> Result<Entry, PageError> {
    let mut entry = Entry::new(Vec::new(), EntryKind::File);
    let mut last = None;
    // Bits of the nine fields that every entry has.
    let mut seen = 0u16;
    for _ in 0..map_len(d)? {
        let key = ascending_key(d, &mut last)?;
        if key < 9 {
            seen |= 1 << key;
        }
        match key {
            0 => entry.name = d.bytes()?.to_vec(),
            1 => entry.kind = EntryKind::from_number(d.u8()?),
            2 => entry.mode = d.u16()?,
            3 => entry.uid = d.u32()?,
            4 => entry.gid = d.u32()?,
            5 => entry.mtime = read_time(d)?,
            6 => entry.ctime = read_time(d)?,
            7 => entry.size = d.u64()?,
            8 => entry.inode = d.u64()?,
            9 => entry.link_group = Some(fixed(d)?),
            10 => {
                expect_array(d, 2)?;
                entry.rdev = Some((d.u32()?, d.u32()?));
            }
            11 => entry.target = Some(d.bytes()?.to_vec()),
            12 => {
                let len = array_len(d, 3)?;
                entry.xattrs.reserve_exact(len);
                for _ in 0..len {
                    expect_array(d, 2)?;
                    let name = d.bytes()?.to_vec();
                    entry.xattrs.push((name, d.bytes()?.to_vec()));
                }
            }
            13 => entry.flags = d.u32()?,
            14 => entry.project = d.u32()?,
            15 => entry.class = FileClass::from_number(d.u8()?),
            16 => set_content(&mut entry, Content::Extents(read_extents(d, places)?))?,
            17 => {
                expect_array(d, 5)?;
                let root = read_ref(d, places)?;
                let level = d.u8()?;
                set_content(&mut entry, Content::Indirect { root, level })?;
            }
            18 => entry.btime = Some(read_time(d)?),
            19 => entry.notes = Notes::from_bits(d.u32()?),
            20 => entry.device = Some(d.u64()?),
            21 => set_content(&mut entry, Content::Inline(d.bytes()?.to_vec()))?,
            _ => d.skip()?,
        }
    }
    if seen != 0x1ff {
        return Err(PageError::Missing {
            key: u64::from((!seen).trailing_zeros()),
        });
    }
    entry.check()?;
    Ok(entry)
}

fn set_content(entry: &mut Entry, content: Content) -> Result<(), PageError> {
    if entry.content != Content::None {
        return Err(PageError::TwoContents);
    }
    entry.content = content;
    Ok(())
}

fn read_time(d: &mut Decoder<'_>) -> Result<Timestamp, PageError> {
    expect_array(d, 2)?;
    Ok(Timestamp {
        secs: d.i64()?,
        nanos: d.u32()?,
    })
}

/// Reads id, length, index of block and offset in block.
pub(super) fn read_ref(d: &mut Decoder<'_>, places: &PlaceReader) -> Result<ChunkRef, PageError> {
    let id = ChunkId::from_bytes(fixed(d)?);
    let len = d.u32()?;
    let block = d.u32()?;
    Ok(ChunkRef {
        id,
        len,
        place: places.place(block, d.u32()?)?,
    })
}

/// Reads a list of extents; lengths are checked by the caller.
pub(super) fn read_extents(
    d: &mut Decoder<'_>,
    places: &PlaceReader,
) -> Result<Vec<Extent>, PageError> {
    let len = array_len(d, 3)?;
    let mut extents = Vec::with_capacity(len);
    for _ in 0..len {
        extents.push(read_extent(d, places)?);
    }
    Ok(extents)
}

fn read_extent(d: &mut Decoder<'_>, places: &PlaceReader) -> Result<Extent, PageError> {
    let items = d.array()?.ok_or(PageError::Indefinite)?;
    let (expected, data) = match d.datatype()? {
        Type::Bytes => (4, true),
        _ => (2, false),
    };
    if items != expected {
        return Err(PageError::Items {
            found: items,
            expected,
        });
    }
    if data {
        return Ok(Extent::Data(read_ref(d, places)?));
    }
    match (d.u64()?, d.u64()?) {
        (0, len) => Ok(Extent::Zeros(len)),
        (1, len) => Ok(Extent::Hole(len)),
        (2, len) => Ok(Extent::Unwritten(len)),
        (kind, _) => Err(PageError::ExtentKind { kind }),
    }
}
