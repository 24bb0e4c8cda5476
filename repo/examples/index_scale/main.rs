//! Builds a local index of many chunks and looks chunks up: time and peak memory.
//!
//! `cargo run --release --example index_scale -- 10000000 [folder]`
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a program that measures"
)]

mod made_up;

use std::path::PathBuf;
use std::time::Instant;

use made_up::{index_of, prefix};
use orlop_repo::index::LocalIndex;

/// Look-ups of each kind.
const LOOKUPS: u64 = 200_000;

/// A line of `/proc/self/status`.
fn status(field: &str) -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(field))
        .unwrap_or_default();
    line.trim_start_matches(':').trim().to_owned()
}

fn look_up(index: &LocalIndex, what: &str, numbers: impl Iterator<Item = u64>, hit: bool) {
    let started = Instant::now();
    for number in numbers {
        assert_eq!(
            index.find(&prefix(number), |_| true).unwrap().is_some(),
            hit
        );
    }
    println!(
        "{what}: {:.2} us each",
        started.elapsed().as_secs_f64() * 1e6 / LOOKUPS as f64
    );
}

#[tokio::main]
async fn main() {
    let mut args = std::env::args().skip(1);
    let chunks: u64 = args.next().map_or(1_000_000, |arg| arg.parse().unwrap());
    let parent = args.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let started = Instant::now();
    let (index, report) = index_of(chunks, parent).await;
    println!("{chunks} chunks in {} segments", report.fetched);
    println!(
        "build: {:.1} s, {} file(s), {} entries",
        started.elapsed().as_secs_f64(),
        report.files,
        report.entries
    );
    println!(
        "memory of the index: {} KiB; VmRSS {}; VmHWM {}",
        index.memory() >> 10,
        status("VmRSS"),
        status("VmHWM")
    );
    let step = chunks / LOOKUPS.min(chunks);
    look_up(&index, "hit", (0..LOOKUPS).map(|n| n * step % chunks), true);
    look_up(&index, "miss", chunks..chunks + LOOKUPS, false);
    println!(
        "after look-ups: VmRSS {}; VmHWM {}",
        status("VmRSS"),
        status("VmHWM")
    );
}
