//! `orlop stats`

use std::collections::BTreeMap;

use clap::Args;
use orlop_repo::index::read_segment;
use orlop_repo::log::State;
use orlop_repo::repository::Repository;
use orlop_repo::snapshot::Snapshot;
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::help::after_help_repository;
use crate::cli::table::Table;
use crate::cli::{human, repository};

/// Show how much the repository holds, and what deduplication and compression save
///
/// Deduplication: bytes of all snapshots for each byte that is kept. Compression: bytes that are
/// kept for each byte that is stored.
#[derive(Args, Debug)]
#[command(after_long_help = after_help_repository!("orlop stats"))]
pub(in crate::cli) struct Stats {}

/// The result of `orlop stats --json`.
#[derive(Debug, Serialize)]
struct StatsMessage {
    /// Always `statistics`.
    message_type: &'static str,
    snapshots_count: u64,
    /// Files of all snapshots together.
    total_file_count: u64,
    /// Bytes of all snapshots together, if each were restored.
    total_restore_size: u64,
    /// Bytes that are kept, before compression.
    total_uncompressed_size: u64,
    /// Bytes that the packs take in the store.
    total_size: u64,
    /// Chunks and pages.
    total_blob_count: u64,
    total_pack_count: u64,
    /// `total_restore_size` for each byte of `total_uncompressed_size`; absent if nothing is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    deduplication_ratio: Option<f64>,
    /// `total_uncompressed_size` for each byte of `total_size`.
    #[serde(skip_serializing_if = "Option::is_none")]
    compression_ratio: Option<f64>,
    /// Packs by the oldest generation of keys that something in them may be sealed under; absent
    /// while there is one generation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    key_generations: Vec<KeysMessage>,
}

/// What is sealed under one generation of keys: part of `orlop stats --json`.
#[derive(Debug, Serialize)]
struct KeysMessage {
    generation: u32,
    packs: u64,
    /// Bytes that the packs take in the store.
    bytes: u64,
}

impl Stats {
    /// Reads the index and adds it up.
    pub(in crate::cli) async fn run(self, context: &Context) -> Result<ExitStatus, Failure> {
        let repository = repository::open(context).await?;
        let state = repository.state().await;
        let message = add_up(&repository, &state).await?;
        let mut out = context.output();
        if context.options.json {
            out.json(&message)?;
        } else {
            for line in lines(&message, &state) {
                out.line(line)?;
            }
        }
        out.flush()?;
        Ok(ExitStatus::Done)
    }
}

async fn add_up(repository: &Repository, state: &State) -> Result<StatsMessage, Failure> {
    let mut plain = 0;
    let mut stored = 0;
    let mut chunks = 0;
    let mut packs = 0;
    let mut keys: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    for segment in &state.segments {
        let segment = read_segment(repository.store(), repository.keys(), segment)
            .await
            .map_err(|error| {
                Failure::new("cannot read the index")
                    .because(error)
                    .next("run `orlop check`")
            })?;
        let live = segment
            .packs()
            .iter()
            .filter(|pack| state.packs.contains(pack.name));
        for pack in live {
            stored += pack.len;
            packs += 1;
            let (count, bytes) = keys.entry(state.key_generation_of(pack.name)).or_default();
            *count += 1;
            *bytes += pack.len;
        }
        for (_, found) in segment.chunks() {
            if state.packs.contains(found.place.pack) {
                plain += u64::from(found.len);
                chunks += 1;
            }
        }
    }
    let snapshots = || state.snapshots.values();
    let restore: u64 = snapshots().map(|snapshot| snapshot.stats.bytes).sum();
    Ok(StatsMessage {
        message_type: "statistics",
        snapshots_count: state.snapshots.len() as u64,
        total_file_count: snapshots().map(|snapshot| snapshot.stats.files).sum(),
        total_restore_size: restore,
        total_uncompressed_size: plain,
        total_size: stored,
        total_blob_count: chunks,
        total_pack_count: packs,
        deduplication_ratio: ratio(restore, plain),
        compression_ratio: ratio(plain, stored),
        key_generations: if state.older_keys.is_empty() {
            Vec::new()
        } else {
            let keys = keys.into_iter();
            keys.map(|(generation, (packs, bytes))| KeysMessage {
                generation,
                packs,
                bytes,
            })
            .collect()
        },
    })
}

/// Two decimals of a quotient.
#[expect(clippy::cast_precision_loss, reason = "two decimals are shown")]
fn ratio(of: u64, to: u64) -> Option<f64> {
    (to > 0).then(|| (of as f64 / to as f64 * 100.0).round() / 100.0)
}

fn lines(message: &StatsMessage, state: &State) -> Vec<String> {
    let StatsMessage {
        snapshots_count,
        total_file_count,
        total_restore_size,
        total_uncompressed_size,
        total_size,
        total_pack_count,
        deduplication_ratio,
        compression_ratio,
        key_generations,
        ..
    } = message;
    let times = |ratio: &Option<f64>| ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
    let mut lines = vec![
        format!(
            "{} of {}, {} if all were restored",
            human::count(*snapshots_count, "snapshot", "snapshots"),
            human::count(*total_file_count, "file", "files"),
            human::bytes(*total_restore_size)
        ),
        format!(
            "{} kept after deduplication ({} times less)",
            human::bytes(*total_uncompressed_size),
            times(deduplication_ratio)
        ),
        format!(
            "{} stored in {} after compression ({} times less)",
            human::bytes(*total_size),
            human::count(*total_pack_count, "pack", "packs"),
            times(compression_ratio)
        ),
    ];
    for keys in key_generations {
        lines.push(format!(
            "{} in {} sealed under key generation {}",
            human::bytes(keys.bytes),
            human::count(keys.packs, "pack", "packs"),
            keys.generation
        ));
    }
    if !state.snapshots.is_empty() {
        lines.push(String::new());
        lines.extend(volumes(state).lines());
    }
    lines
}

/// One row a volume.
fn volumes(state: &State) -> Table {
    let mut volumes: BTreeMap<&str, Vec<&Snapshot>> = BTreeMap::new();
    for snapshot in state.snapshots.values() {
        volumes.entry(&snapshot.volume).or_default().push(snapshot);
    }
    let mut table = Table::new(&[
        "Volume",
        ">Snapshots",
        "Latest",
        ">Files",
        ">Size",
        ">Stored",
    ]);
    for (volume, snapshots) in volumes {
        let stored = snapshots
            .iter()
            .map(|snapshot| snapshot.stats.added_stored)
            .sum();
        let Some(latest) = snapshots.iter().max_by_key(|snapshot| snapshot.started_ms) else {
            continue;
        };
        table.row([
            human::name(volume.as_bytes()),
            snapshots.len().to_string(),
            human::local_time(latest.started_ms),
            latest.stats.files.to_string(),
            human::bytes(latest.stats.bytes),
            human::bytes(stored),
        ]);
    }
    table
}
