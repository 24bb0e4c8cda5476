//! Speed of sealing and opening 1 MiB, of the ciphers alone and with compression and verification.
#![expect(clippy::unwrap_used, reason = "a benchmark has nobody to report to")]

use std::hint::black_box;
use std::sync::Arc;

use chacha20poly1305::aead::AeadInOut as _;
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use orlop_repo::entropy::SeededEntropy;
use orlop_repo::keys::{BlockOptions, Keyring};
use orlop_repo::seal::{BlockKind, Compression, Suite};

const LEN: usize = 1 << 20;

/// Bytes that do not compress.
fn noise() -> Vec<u8> {
    let mut bytes = vec![0; LEN];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    bytes
}

/// Bytes that compress to about a third, as text does: words drawn from a small vocabulary.
fn text() -> Vec<u8> {
    let noise = noise();
    let mut bytes = Vec::with_capacity(LEN + 16);
    for pair in noise.as_chunks::<2>().0 {
        let word = u16::from_le_bytes(*pair) % 4096;
        bytes.extend_from_slice(
            &format!("{:x} ", u32::from(word).wrapping_mul(2_654_435_769)).into_bytes(),
        );
        if bytes.len() >= LEN {
            break;
        }
    }
    bytes.truncate(LEN);
    bytes
}

fn keyring(suite: Suite) -> Keyring {
    Keyring::generate(Arc::new(SeededEntropy::new(1)), suite).unwrap()
}

fn ciphers(c: &mut Criterion) {
    let mut group = c.benchmark_group("cipher");
    group.throughput(Throughput::Bytes(LEN as u64));
    let noise = noise();
    let options = BlockOptions {
        compression: Compression::None,
        verify: false,
    };
    for suite in [Suite::XChaCha20Poly1305, Suite::Xaes256Gcm] {
        let keyring = keyring(suite);
        group.bench_function(BenchmarkId::new("seal", suite), |b| {
            b.iter(|| {
                keyring
                    .seal_block(BlockKind::Data, &[black_box(&noise)], options)
                    .unwrap()
            });
        });
        let block = keyring
            .seal_block(BlockKind::Data, &[&noise], options)
            .unwrap();
        let (mut scratch, mut out) = (Vec::new(), Vec::new());
        group.bench_function(BenchmarkId::new("open", suite), |b| {
            b.iter(|| {
                let stored = black_box(&block.bytes);
                keyring
                    .open_block_within(BlockKind::Data, stored, &mut scratch, &mut out)
                    .unwrap();
            });
        });
    }
    // What the first suite would be with the plain implementation, without any copy.
    let cipher = XChaCha20Poly1305::new(&[1; 32].into());
    let mut buffer = noise;
    group.bench_function("seal/chacha20poly1305 crate", |b| {
        b.iter(|| {
            let text = black_box(buffer.as_mut_slice());
            cipher
                .encrypt_inout_detached(&[2; 24].into(), b"", text.into())
                .unwrap()
        });
    });
    group.finish();
}

fn blocks(c: &mut Criterion) {
    let mut group = c.benchmark_group("block");
    group.throughput(Throughput::Bytes(LEN as u64));
    for (name, body) in [("noise", noise()), ("text", text())] {
        let keyring = keyring(Suite::default());
        for (level, compression) in [("raw", Compression::None), ("zstd3", Compression::Zstd(3))] {
            for verify in [false, true] {
                let options = BlockOptions {
                    compression,
                    verify,
                };
                let id = format!("{name}, {level}{}", if verify { ", verified" } else { "" });
                group.bench_function(BenchmarkId::new("seal", id), |b| {
                    b.iter(|| keyring.seal_block(BlockKind::Data, &[black_box(&body)], options));
                });
            }
        }
        let block = keyring
            .seal_block(BlockKind::Data, &[&body], BlockOptions::default())
            .unwrap();
        let (mut scratch, mut out) = (Vec::new(), Vec::new());
        group.bench_function(BenchmarkId::new("open", name), |b| {
            b.iter(|| {
                let stored = black_box(&block.bytes);
                keyring
                    .open_block_within(BlockKind::Data, stored, &mut scratch, &mut out)
                    .unwrap();
            });
        });
    }
    // What is lost on a body that does not compress, against what compressing takes.
    for level in [3, 9, 15] {
        let mut compressor = zstd::bulk::Compressor::new(level).unwrap();
        for (name, body) in [("noise", noise()), ("text", text())] {
            let id = BenchmarkId::new("zstd alone", format!("{name}, level {level}"));
            group.bench_function(id, |b| {
                b.iter(|| compressor.compress(black_box(&body)).unwrap().len());
            });
        }
    }
    group.finish();
}

criterion_group!(benches, ciphers, blocks);
criterion_main!(benches);
