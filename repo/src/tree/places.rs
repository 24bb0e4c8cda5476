//! The tables of packs and blocks through which a page names places.

use std::collections::HashMap;

use minicbor::Decoder;

use super::cbor::{Writer, array_len, expect_array, fixed};
use super::page_error::PageError;
use crate::model::{PackName, Place, SessionId};

/// A block: index of its pack, offset and stored length.
type Block = (u32, u32, u32);

/// Collects the places of a page; numbers packs and blocks in the order of their first use.
#[derive(Clone, Default)]
pub(super) struct PlaceWriter {
    packs: Vec<PackName>,
    blocks: Vec<Block>,
    pack_index: HashMap<PackName, u32>,
    block_index: HashMap<Block, u32>,
    /// The last block and its place: consecutive chunks mostly share it.
    last: Option<(Place, u32)>,
}

impl PlaceWriter {
    /// Index of the block of `place`.
    pub(super) fn block(&mut self, place: &Place) -> u32 {
        if let Some((last, index)) = &self.last
            && (last.pack, last.block_offset, last.block_len)
                == (place.pack, place.block_offset, place.block_len)
        {
            return *index;
        }
        let packs = &mut self.packs;
        let pack = *self.pack_index.entry(place.pack).or_insert_with(|| {
            packs.push(place.pack);
            count(packs.len()) - 1
        });
        let blocks = &mut self.blocks;
        let block = (pack, place.block_offset, place.block_len);
        let index = *self.block_index.entry(block).or_insert_with(|| {
            blocks.push(block);
            count(blocks.len()) - 1
        });
        self.last = Some((*place, index));
        index
    }

    /// Writes keys 1 and 2 of the page's map and starts anew.
    pub(super) fn finish(&mut self, out: &mut Writer<'_>) {
        out.uint(1u8).array(self.packs.len());
        for pack in &self.packs {
            out.array(2)
                .bytes(pack.session.as_bytes())
                .uint(pack.number);
        }
        out.uint(2u8).array(self.blocks.len());
        for &(pack, offset, len) in &self.blocks {
            out.array(3).uint(pack).uint(offset).uint(len);
        }
        self.packs.clear();
        self.blocks.clear();
        self.pack_index.clear();
        self.block_index.clear();
        self.last = None;
    }
}

/// Blocks of a page are far fewer than 2^32: a page is at most 1 MiB.
fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// The tables of a page that is read.
#[derive(Default)]
pub(super) struct PlaceReader {
    packs: Vec<PackName>,
    /// Blocks as places with offset 0.
    blocks: Vec<Place>,
}

impl PlaceReader {
    /// Reads the value of key 1.
    pub(super) fn read_packs(&mut self, d: &mut Decoder<'_>) -> Result<(), PageError> {
        let len = array_len(d, 19)?;
        self.packs = Vec::with_capacity(len);
        for _ in 0..len {
            expect_array(d, 2)?;
            self.packs.push(PackName {
                session: SessionId::from_bytes(fixed(d)?),
                number: d.u32()?,
            });
        }
        Ok(())
    }

    /// Reads the value of key 2, which comes after key 1.
    pub(super) fn read_blocks(&mut self, d: &mut Decoder<'_>) -> Result<(), PageError> {
        let len = array_len(d, 4)?;
        self.blocks = Vec::with_capacity(len);
        for _ in 0..len {
            expect_array(d, 3)?;
            let index = d.u32()?;
            let pack = *usize::try_from(index)
                .ok()
                .and_then(|index| self.packs.get(index))
                .ok_or(PageError::TableIndex { index })?;
            self.blocks.push(Place {
                pack,
                block_offset: d.u32()?,
                block_len: d.u32()?,
                offset: 0,
            });
        }
        Ok(())
    }

    /// The place at `offset` in the block of that index.
    pub(super) fn place(&self, index: u32, offset: u32) -> Result<Place, PageError> {
        let block = usize::try_from(index)
            .ok()
            .and_then(|index| self.blocks.get(index))
            .ok_or(PageError::TableIndex { index })?;
        Ok(Place { offset, ..*block })
    }
}
