//! A snapshot as programs see it.

use std::collections::BTreeMap;

use orlop_repo::snapshot::{Snapshot, VolumeKind};
use serde::Serialize;

use super::counts::Counts;
use super::{text, time_ms};

/// A snapshot: an element of `orlop snapshots --json`, the first line of `orlop ls --json`.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct SnapshotMessage {
    /// `snapshot` where it stands in a stream of messages, else absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) message_type: Option<&'static str>,
    /// When the backup began.
    time: Option<String>,
    /// When the last file was read.
    time_finished: Option<String>,
    /// All hex digits of its id.
    id: String,
    /// The first eight of them.
    short_id: String,
    /// The snapshot that it was compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<String>,
    /// Id of its tree.
    tree: String,
    /// Whose data it is.
    volume: String,
    /// What was named at the backup: one path, or the name of a stream.
    paths: Vec<String>,
    /// `folder`, `stream` or `device`.
    kind: &'static str,
    /// Tags by their keys.
    tags: BTreeMap<String, String>,
    /// Files that could not be read or changed while they were.
    problems: u64,
    /// The program that made it.
    program_version: String,
    /// What it holds and what it cost.
    summary: Counts,
}

impl SnapshotMessage {
    /// The record `snapshot` for programs.
    pub(in crate::cli) fn new(snapshot: &Snapshot) -> Self {
        Self {
            message_type: None,
            time: time_ms(snapshot.started_ms),
            time_finished: time_ms(snapshot.finished_ms),
            id: snapshot.id.to_string(),
            short_id: format!("{:.8}", snapshot.id),
            parent: snapshot.parent.map(|id| id.to_string()),
            tree: snapshot.root.0.id.to_string(),
            volume: snapshot.volume.clone(),
            paths: vec![text(&snapshot.source)],
            kind: kind(snapshot.kind),
            tags: snapshot.tags.clone(),
            problems: snapshot.problem_count,
            program_version: snapshot.engine.clone(),
            summary: Counts::of(&snapshot.stats),
        }
    }
}

fn kind(kind: VolumeKind) -> &'static str {
    match kind {
        VolumeKind::Folder => "folder",
        VolumeKind::Stream => "stream",
        VolumeKind::Device => "device",
    }
}
