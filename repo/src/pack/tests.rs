//! Packs as a whole: made, read back, damaged at every byte.

use std::sync::Arc;

use bytes::Bytes;
use orlop_chunker::ChunkId;
use proptest::prelude::*;

use crate::entropy::SeededEntropy;
use crate::keys::{BlockOptions, Keyring};
use crate::model::{ObjectHash, ObjectName, PackName, SessionId};
use crate::seal::{BlockKind, Compression, ObjectKind, Suite};
use crate::store::Store;

use super::footer::Footer;
use super::{
    FinishedPack, PackBuilder, PackEnd, PackError, read_directory, verify_and_hash, verify_pack,
};

const NAME: PackName = PackName {
    session: SessionId::from_bytes([0xab; 16]),
    number: 7,
};

fn keyring() -> Keyring {
    Keyring::generate(Arc::new(SeededEntropy::new(1)), Suite::XChaCha20Poly1305).unwrap()
}

/// A pack of blocks of chunks, each given by its length and the byte that fills it.
fn pack(
    keyring: &Keyring,
    kind: BlockKind,
    blocks: &[Vec<(u8, u32)>],
    end: PackEnd,
) -> FinishedPack {
    let mut builder = PackBuilder::new(NAME, kind, keyring.suite(), 1 << 20);
    for block in blocks {
        let plain: Vec<Vec<u8>> = block
            .iter()
            .map(|&(fill, len)| vec![fill; len as usize])
            .collect();
        let ids: Vec<(ChunkId, u32)> = plain
            .iter()
            .map(|chunk| {
                let id = match kind {
                    BlockKind::Data => keyring.ids().chunk_id(chunk),
                    BlockKind::Tree => keyring.ids().page_id(chunk),
                };
                (id, u32::try_from(chunk.len()).unwrap())
            })
            .collect();
        let parts: Vec<&[u8]> = plain.iter().map(Vec::as_slice).collect();
        let options = BlockOptions {
            compression: Compression::None,
            ..BlockOptions::default()
        };
        let sealed = keyring.seal_block(kind, &parts, options).unwrap();
        builder.add_block(sealed.bytes.into(), &ids).unwrap();
    }
    builder.finish(keyring, end).unwrap()
}

fn small(keyring: &Keyring) -> FinishedPack {
    pack(
        keyring,
        BlockKind::Data,
        &[vec![(1, 10), (2, 20)], vec![(3, 5)]],
        PackEnd::Early,
    )
}

#[test]
fn places_given_while_building_are_those_of_the_directory() {
    let keyring = keyring();
    let mut builder = PackBuilder::new(NAME, BlockKind::Data, keyring.suite(), 1 << 20);
    let mut given = Vec::new();
    for fill in 0..3 {
        let chunks = [vec![fill; 100], vec![fill + 100; 50]];
        let parts: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
        let sealed = keyring
            .seal_block(BlockKind::Data, &parts, BlockOptions::default())
            .unwrap();
        let ids = [
            (keyring.ids().chunk_id(&chunks[0]), 100),
            (keyring.ids().chunk_id(&chunks[1]), 50),
        ];
        given.extend(builder.add_block(sealed.bytes.into(), &ids).unwrap());
    }
    let finished = builder.finish(&keyring, PackEnd::Early).unwrap();
    assert!(
        finished
            .directory
            .chunks()
            .map(|chunk| chunk.place)
            .eq(given)
    );
}

#[test]
fn an_empty_pack_is_a_pack() {
    let keyring = keyring();
    let finished = pack(&keyring, BlockKind::Tree, &[], PackEnd::Early);
    let bytes = finished.parts.concat();
    assert_eq!(
        verify_pack(&bytes, &keyring, NAME).unwrap(),
        finished.directory
    );
}

#[test]
fn a_flipped_bit_anywhere_is_damage() {
    let keyring = keyring();
    let bytes = small(&keyring).parts.concat();
    assert!(verify_pack(&bytes, &keyring, NAME).is_ok());
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        let error = verify_pack(&damaged, &keyring, NAME).unwrap_err();
        // What is not authenticated may look like a newer version or another generation of keys.
        let looks_newer = matches!(
            &error,
            PackError::FooterSealed { source, .. } | PackError::Block { source, .. }
                if !source.is_damage()
        );
        assert!(error.is_damage() || looks_newer, "byte {at}: {error}");
    }
}

#[test]
fn a_pack_cut_anywhere_is_damage() {
    let keyring = keyring();
    let bytes = small(&keyring).parts.concat();
    for len in 0..bytes.len() {
        assert!(
            verify_pack(&bytes[..len], &keyring, NAME)
                .unwrap_err()
                .is_damage(),
            "{len}"
        );
    }
}

#[test]
fn a_pack_under_another_name_is_damage() {
    let keyring = keyring();
    let bytes = small(&keyring).parts.concat();
    let other = PackName { number: 8, ..NAME };
    assert!(
        verify_pack(&bytes, &keyring, other)
            .unwrap_err()
            .is_damage()
    );
}

#[test]
fn a_damaged_block_is_named() {
    let keyring = keyring();
    let finished = small(&keyring);
    let second = finished.directory.blocks().nth(1).unwrap();
    let mut bytes = finished.parts.concat();
    bytes[second.offset as usize + 30] ^= 1;
    match verify_pack(&bytes, &keyring, NAME).unwrap_err() {
        PackError::Block {
            block: 1, offset, ..
        } => assert_eq!(offset, second.offset),
        error => panic!("{error}"),
    }
}

/// The small pack with a footer that its writer changed before sealing.
fn forged(keyring: &Keyring, change: impl FnOnce(&mut Footer)) -> PackError {
    let finished = small(keyring);
    let mut footer = finished.directory.footer.clone();
    change(&mut footer);
    let sealed = keyring
        .seal_object(
            ObjectKind::PackFooter(BlockKind::Data),
            &NAME.to_string(),
            &footer.encode(),
        )
        .unwrap();
    let old = finished.parts.concat();
    let old_len = u32::from_le_bytes(old[old.len() - 8..old.len() - 4].try_into().unwrap());
    let mut bytes = old[..old.len() - 8 - old_len as usize].to_vec();
    bytes.extend(&sealed);
    bytes.extend(u32::try_from(sealed.len()).unwrap().to_le_bytes());
    bytes.extend(b"ORLE");
    verify_pack(&bytes, keyring, NAME).unwrap_err()
}

type Change = fn(&mut Footer);

#[test]
fn every_field_of_an_authentic_footer_is_checked() {
    let keyring = keyring();
    let changes: [(&str, Change); 14] = [
        ("kind", |f| f.kind = 2),
        ("hash and stream", |f| f.body_hash = [0; 32]),
        ("padding", |f| f.padding += 1),
        ("padding that overflows", |f| f.padding = u64::MAX),
        ("length of a block", |f| f.block_lens[0] -= 1),
        ("block shorter than its sealing", |f| f.block_lens[0] = 48),
        ("block without a count", |f| f.block_chunks.truncate(1)),
        ("count above the chunks", |f| f.block_chunks[1] = u32::MAX),
        ("count below the chunks", |f| f.block_chunks[0] = 1),
        ("id", |f| f.prefixes[2][0] ^= 1),
        ("id without a length", |f| f.prefixes.push([0; 16])),
        ("length of a chunk", |f| f.chunk_lens[0] += 1),
        ("empty chunk", |f| f.chunk_lens[0] = 0),
        ("chunk beyond the largest", |f| f.chunk_lens[0] = u32::MAX),
    ];
    for (what, change) in changes {
        let error = forged(&keyring, change);
        assert!(error.is_damage(), "{what}: {error}");
    }
}

#[test]
fn blocks_outside_the_bounds_are_refused_and_leave_the_pack_as_it_was() {
    let keyring = keyring();
    let mut builder = PackBuilder::new(NAME, BlockKind::Data, keyring.suite(), 1 << 20);
    let id = keyring.ids().chunk_id(b"x");
    for (stored, chunks) in [
        (48, vec![(id, 1)]),
        ((2 << 20) + 50, vec![(id, 1)]),
        (100, vec![(id, 0)]),
        (100, vec![(id, (1 << 20) + 1)]),
        (100, vec![(id, 1 << 20), (id, 1 << 20), (id, 1)]),
    ] {
        let refused = builder.add_block(vec![0; stored].into(), &chunks);
        assert!(matches!(refused, Err(PackError::Unfit { .. })), "{stored}");
    }
    assert!(builder.is_empty());
    assert_eq!(builder.stored_len(), 16);
}

#[test]
fn a_pack_is_full_when_the_next_block_would_pass_its_target() {
    let keyring = keyring();
    let mut builder = PackBuilder::new(NAME, BlockKind::Data, keyring.suite(), 1000);
    assert!(!builder.is_full(5000));
    builder
        .add_block(vec![0; 500].into(), &[(keyring.ids().chunk_id(b"x"), 1)])
        .unwrap();
    assert!(!builder.is_full(484));
    assert!(builder.is_full(485));
}

async fn stored(bytes: Vec<u8>) -> Store {
    let store = Store::memory();
    store
        .put(&ObjectName::pack(NAME), Bytes::from(bytes))
        .await
        .unwrap();
    store
}

#[tokio::test]
async fn a_directory_is_read_with_one_request() {
    let keyring = keyring();
    let finished = small(&keyring);
    let store = stored(finished.parts.concat()).await;
    let before = store.counts().requests();
    for (kind, len) in [(Some(BlockKind::Data), Some(finished.len)), (None, None)] {
        let directory = read_directory(&store, &keyring, NAME, kind, len)
            .await
            .unwrap();
        assert_eq!(directory, finished.directory);
    }
    assert_eq!(store.counts().requests() - before, 2);
    let error = read_directory(&store, &keyring, NAME, None, Some(1))
        .await
        .unwrap_err();
    assert!(
        matches!(error, PackError::Length { expected: 1, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_long_directory_is_read_with_two_requests() {
    let keyring = keyring();
    let chunks = (0..5000)
        .map(|at| (u8::try_from(at % 250).unwrap(), 1 + at / 250))
        .collect();
    let finished = pack(&keyring, BlockKind::Tree, &[chunks], PackEnd::Full);
    assert_eq!(finished.len % (4 << 10), 0);
    let store = stored(finished.parts.concat()).await;
    let directory = read_directory(&store, &keyring, NAME, None, None)
        .await
        .unwrap();
    assert_eq!(directory, finished.directory);
    assert_eq!(directory.kind(), BlockKind::Tree);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn what_is_packed_is_verified_and_listed(
        blocks in prop::collection::vec(prop::collection::vec((any::<u8>(), 1u32..5000), 1..6), 0..6),
        tree: bool,
        full: bool,
    ) {
        let keyring = keyring();
        let kind = if tree { BlockKind::Tree } else { BlockKind::Data };
        let end = if full { PackEnd::Full } else { PackEnd::Early };
        let finished = pack(&keyring, kind, &blocks, end);
        let bytes = finished.parts.concat();
        prop_assert_eq!(bytes.len() as u64, finished.len);
        prop_assert_eq!(finished.len % 512, 0);
        prop_assert_eq!(ObjectHash::of(&bytes), finished.hash);
        let (directory, hash) = verify_and_hash(&bytes, &keyring, NAME).unwrap();
        prop_assert_eq!(&directory, &finished.directory);
        prop_assert_eq!(hash, finished.hash);
        let lens: Vec<u32> = blocks.iter().flatten().map(|&(_, len)| len).collect();
        prop_assert!(directory.chunks().map(|chunk| chunk.len).eq(lens));
    }
}
