//! Throughput of the three things that see every byte: cutting, naming, looking for zeros.
//!
//! `cargo bench -p orlop-chunker`; one thread, 64 MiB of random bytes.
#![expect(clippy::unwrap_used, reason = "a benchmark has nobody to report to")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use orlop_chunker::{
    CutParams, Cutter, Cutting, FixedCutter, GearTable, IdKey, MAX_CHUNK_LEN, Suite,
};

const LENGTH: usize = 64 << 20;

fn noise() -> Vec<u8> {
    let mut data = vec![0; LENGTH];
    blake3::Hasher::new()
        .update(b"orlop bench")
        .finalize_xof()
        .fill(&mut data);
    data
}

fn count_cuts(cutting: &Cutting<'_>, data: &[u8]) -> usize {
    let (mut at, mut count) = (0, 0);
    while let Some(length) = cutting.next_cut_at(at as u64, &data[at..], true) {
        at += length;
        count += 1;
    }
    count
}

fn cutters(c: &mut Criterion) {
    let data = noise();
    let table = GearTable::new(&[1; 32]);
    let mut group = c.benchmark_group("cut");
    group
        .throughput(Throughput::Bytes(LENGTH as u64))
        .sample_size(10);
    for kib in [64, 128, 256] {
        let params = CutParams::new(kib << 8, kib << 10, MAX_CHUNK_LEN.min(kib << 12)).unwrap();
        let cutting = Cutting::Content(Cutter::new(Suite::DEFAULT, &table, params));
        group.bench_function(format!("content {kib} KiB"), |b| {
            b.iter(|| count_cuts(&cutting, black_box(&data)));
        });
    }
    let fixed = Cutting::Fixed(FixedCutter::PAGED);
    group.bench_function("fixed 64 KiB", |b| {
        b.iter(|| count_cuts(&fixed, black_box(&data)));
    });
    group.finish();
}

fn ids(c: &mut Criterion) {
    let data = noise();
    let key = IdKey::new([1; 32], [2; 32]);
    let mut group = c.benchmark_group("id");
    group
        .throughput(Throughput::Bytes(LENGTH as u64))
        .sample_size(10);
    for kib in [4, 64, 128, 1024] {
        group.bench_function(format!("{kib} KiB"), |b| {
            b.iter(|| {
                for chunk in black_box(&data).chunks(kib << 10) {
                    black_box(key.chunk_id(chunk));
                }
            });
        });
    }
    group.finish();
}

fn zeros(c: &mut Criterion) {
    // Written once: fresh zeroed memory would be one physical page, answered from the cache.
    let mut zeros = vec![1; LENGTH];
    black_box(&mut zeros).fill(0);
    let mut group = c.benchmark_group("zero");
    group
        .throughput(Throughput::Bytes(LENGTH as u64))
        .sample_size(20);
    group.bench_function("is_zero, all zero", |b| {
        b.iter(|| {
            black_box(&zeros)
                .chunks(64 << 10)
                .all(orlop_chunker::is_zero)
        });
    });
    group.bench_function("zero_prefix_len, all zero", |b| {
        b.iter(|| orlop_chunker::zero_prefix_len(black_box(&zeros)));
    });
    group.finish();

    let data = noise();
    let mut group = c.benchmark_group("zero");
    group.sample_size(20);
    group.bench_function("is_zero, one random 64 KiB block", |b| {
        b.iter(|| orlop_chunker::is_zero(black_box(&data[..64 << 10])));
    });
    group.finish();
}

criterion_group!(benches, cutters, ids, zeros);
criterion_main!(benches);
