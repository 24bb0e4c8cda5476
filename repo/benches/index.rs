//! How long a look-up in the local index takes: chunks that are there and chunks that are not.
//!
//! A million chunks; `ORLOP_BENCH_CHUNKS=10000000` (or 100000000, some 4 GB of temporary files)
//! takes another number. `examples/index_scale.rs` tells the memory.
#![expect(clippy::unwrap_used, reason = "a benchmark")]

#[path = "../examples/index_scale/made_up.rs"]
mod made_up;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use made_up::{index_of, prefix};

fn look_ups(c: &mut Criterion) {
    let chunks: u64 = match std::env::var("ORLOP_BENCH_CHUNKS") {
        Ok(number) => number.parse().unwrap(),
        Err(_) => 1_000_000,
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (index, _) = runtime.block_on(index_of(chunks, std::env::temp_dir()));
    let mut group = c.benchmark_group(format!("index_{chunks}"));
    // A step that shares no factor with the number of chunks comes to all of them, far apart.
    let step = 7_368_787;
    let mut next = 0;
    group.bench_function("hit", |b| {
        b.iter(|| {
            next = (next + step) % chunks;
            black_box(index.find(&prefix(next), |_| true).unwrap().unwrap())
        });
    });
    group.bench_function("miss", |b| {
        b.iter(|| {
            next += 1;
            black_box(index.find(&prefix(chunks + next), |_| true).unwrap())
        });
    });
    group.finish();
}

criterion_group!(benches, look_ups);
criterion_main!(benches);
