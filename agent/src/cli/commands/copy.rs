//! `orlop copy`

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use orlop_repo::log::Invalid;
use orlop_repo::repository::SessionError;
use orlop_repo::snapshot::Snapshot;
use serde::Serialize;

use crate::backup::{
    BackupError, CheckpointPolicy, CopyOptions, CopySummary, Origin, Predecessors, Tools, copy,
};
use crate::cli::blocking::blocking;
use crate::cli::context::Context;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::help::after_help_repository;
use crate::cli::progress::Work;
use crate::cli::repository::Other;
use crate::cli::selection::Selection;
use crate::cli::{human, repository};
use crate::memory::MemoryPlan;

/// Copy snapshots to another repository, with other keys
///
/// Without a name all snapshots are copied that the options pick, oldest first. Volume, times,
/// tags and everything about the files stay as they are; a tag copied-from says what it is a copy
/// of, and a snapshot of which the other repository has a copy is left out. Files are cut as the
/// other repository cuts them: what is there already, by a copy or by a backup, is not stored again.
/// What an earlier copy of the volume has is not even read.
///
/// What is damaged is named; the rest is copied, and the copy says that it is incomplete. A copy
/// that was cut off is carried on by the next.
#[derive(Args, Debug)]
#[command(after_long_help = after_help_repository!(
    "orlop copy latest --to /tmp/orlop-example --to-key-file /tmp/orlop-example.key",
    "3    " "done, but something in the source is damaged"
))]
pub(in crate::cli) struct Copy {
    /// Snapshots: `latest`, or the first digits of an id; all, if none is named
    snapshots: Vec<String>,

    #[command(flatten)]
    selection: Selection,

    /// The other repository, which `orlop init` has made: named as with --repo
    #[arg(long, env = "ORLOP_TO", hide_env_values = true, value_name = "URL")]
    to: String,

    /// File with a key of the other repository
    #[arg(
        long,
        env = "ORLOP_TO_KEY_FILE",
        hide_env_values = true,
        value_name = "FILE"
    )]
    to_key_file: Option<PathBuf>,

    /// File with a passphrase of the other repository
    #[arg(
        long,
        env = "ORLOP_TO_PASSPHRASE_FILE",
        hide_env_values = true,
        value_name = "FILE"
    )]
    to_passphrase_file: Option<PathBuf>,

    /// File with an age identity that opens the other repository
    #[arg(
        long,
        env = "ORLOP_TO_IDENTITY",
        hide_env_values = true,
        value_name = "FILE"
    )]
    to_identity: Option<PathBuf>,

    /// Id that the other repository must have
    #[arg(
        long,
        env = "ORLOP_TO_EXPECT_ID",
        hide_env_values = true,
        value_name = "ID"
    )]
    to_expect_id: Option<String>,

    /// Only say what would be copied, and how much of it is new there
    #[arg(long)]
    dry_run: bool,
}

/// One snapshot: a line of `orlop copy --json`.
#[derive(Serialize)]
struct CopyMessage {
    /// `summary`, or `skipped` if the other repository has it.
    message_type: &'static str,
    dry_run: bool,
    /// The original.
    original_id: String,
    /// The copy; absent in a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot_id: Option<String>,
    volume: String,
    total_files_processed: u64,
    total_bytes_processed: u64,
    /// Bytes that the other repository had not, before compression.
    data_added: u64,
    /// And as they are stored.
    data_added_packed: u64,
    /// What is damaged in the source; each has an `error` message of its own.
    damaged: u64,
    /// Seconds.
    total_duration: f64,
}

impl Copy {
    /// Copies, one snapshot after the other, and prints a summary of each.
    pub(in crate::cli) async fn run(self, context: &Context) -> Result<ExitStatus, Failure> {
        let source = repository::open(context).await?;
        let state = source.state().await;
        let chosen = self.chosen(&state)?;
        let other = Other {
            url: self.to.clone(),
            key_file: self.to_key_file.clone(),
            passphrase_file: self.to_passphrase_file.clone(),
            identity: self.to_identity.clone(),
            expect_id: self.to_expect_id.clone(),
        };
        let target = repository::open_other(context, &other).await?;
        if source.id() == target.id() {
            return Err(Failure::usage("both are the same repository")
                .next("name another one with --to: a copy of a repository's objects is no other"));
        }
        let source = repository::tools(context, source)?;
        let target = repository::tools(context, target)?;
        let mut status = ExitStatus::Done;
        for snapshot in chosen {
            let known = target.repository.state().await;
            let ids = (source.repository.id(), target.repository.id());
            if let Some(copied) = Origin::same(ids.0, &snapshot, ids.1, &known) {
                skipped(context, &snapshot, copied, self.dry_run)?;
                continue;
            }
            if self.one(context, &source, &target, snapshot).await? {
                status = ExitStatus::Incomplete;
            }
        }
        let url = repository::parse_url(&self.to)?;
        repository::remember(context, &url, &target.repository).await;
        let url = repository::location(context)?;
        repository::remember(context, &url, &source.repository).await;
        Ok(status)
    }

    /// The snapshots that are meant, oldest first.
    fn chosen(&self, state: &orlop_repo::log::State) -> Result<Vec<Arc<Snapshot>>, Failure> {
        if self.snapshots.is_empty() {
            let all = self.selection.all(state).into_iter();
            return Ok(all.map(|snapshot| Arc::new(snapshot.clone())).collect());
        }
        let mut chosen = Vec::new();
        for name in &self.snapshots {
            let snapshot = self.selection.one(name, state)?;
            if !chosen
                .iter()
                .any(|known: &Arc<Snapshot>| known.id == snapshot.id)
            {
                chosen.push(snapshot);
            }
        }
        chosen.sort_by_key(|snapshot| snapshot.started_ms);
        Ok(chosen)
    }

    /// Copies one; tells whether something of it is damaged.
    async fn one(
        &self,
        context: &Context,
        source: &Tools,
        target: &Tools,
        snapshot: Arc<Snapshot>,
    ) -> Result<bool, Failure> {
        let reading = repository::announce(context, &source.repository, Some(snapshot.id)).await?;
        let cache = repository::cache_of(context, &target.repository)?;
        let options = CopyOptions {
            dry_run: self.dry_run,
            client: concat!("orlop ", env!("CARGO_PKG_VERSION")).to_owned(),
            threads: context.threads(),
            memory: MemoryPlan::new(context.memory()).for_threads(context.threads()),
            predecessors: Predecessors {
                notes: Some(cache.join("sessions")),
                same_owner: false,
            },
            checkpoints: CheckpointPolicy::default(),
            scratch: cache,
        };
        let (progress, display) = context.work(Work::Files, "copy");
        let (from, to) = (source.clone(), target.clone());
        let original = Arc::clone(&snapshot);
        let done =
            blocking(move || Ok::<_, Failure>(copy(&from, &original, &to, &options, &progress)))
                .await;
        display.end();
        reading.end().await;
        match done? {
            Ok(done) => {
                summary(context, &snapshot, &done, self.dry_run)?;
                Ok(done.damaged > 0)
            }
            Err(BackupError::Session(SessionError::Invalid(Invalid::OwnerForgotten(_)))) => {
                context.warn(&format!(
                    "snapshot {:.8} is left out: the other repository had one for the same owner, \
                     and forgot it",
                    snapshot.id
                ));
                Ok(false)
            }
            Err(BackupError::Session(SessionError::Invalid(Invalid::AlreadyCommitted(id)))) => {
                context.note(&format!(
                    "snapshot {:.8} is there already, as {id:.8}",
                    snapshot.id
                ));
                Ok(false)
            }
            Err(error) => Err(
                Failure::new(format!("snapshot {:.8} was not copied", snapshot.id)).because(error),
            ),
        }
    }
}

fn skipped(
    context: &Context,
    snapshot: &Snapshot,
    copied: &Snapshot,
    dry_run: bool,
) -> Result<(), Failure> {
    if !context.options.json {
        context.note(&format!(
            "snapshot {:.8} of {} is there already, as {:.8}",
            snapshot.id,
            human::name(snapshot.volume.as_bytes()),
            copied.id
        ));
        return Ok(());
    }
    let mut out = context.output();
    out.json(&CopyMessage {
        message_type: "skipped",
        dry_run,
        original_id: snapshot.id.to_string(),
        snapshot_id: Some(copied.id.to_string()),
        volume: snapshot.volume.clone(),
        total_files_processed: 0,
        total_bytes_processed: 0,
        data_added: 0,
        data_added_packed: 0,
        damaged: 0,
        total_duration: 0.0,
    })?;
    out.flush()
}

fn summary(
    context: &Context,
    original: &Snapshot,
    done: &CopySummary,
    dry_run: bool,
) -> Result<(), Failure> {
    let snapshot = &done.snapshot;
    let stats = &snapshot.stats;
    let mut out = context.output();
    if context.options.json {
        out.json(&CopyMessage {
            message_type: "summary",
            dry_run,
            original_id: original.id.to_string(),
            snapshot_id: (!dry_run).then(|| snapshot.id.to_string()),
            volume: snapshot.volume.clone(),
            total_files_processed: stats.files,
            total_bytes_processed: stats.bytes,
            data_added: stats.added,
            data_added_packed: stats.added_stored,
            damaged: done.damaged,
            total_duration: done.duration.as_secs_f64(),
        })?;
    } else if context.options.quiet {
        if !dry_run {
            out.line(snapshot.id.to_string())?;
        }
    } else {
        let volume = human::name(snapshot.volume.as_bytes());
        let what = if dry_run {
            format!("would copy snapshot {:.8} of {volume}", original.id)
        } else {
            format!(
                "copied snapshot {:.8} of {volume} as {:.8}",
                original.id, snapshot.id
            )
        };
        out.line(what)?;
        out.line(format!(
            "  {}, {}, {} of it new there, {} stored, in {}",
            human::count(stats.files, "file", "files"),
            human::bytes(stats.bytes),
            human::bytes(stats.added),
            human::bytes(stats.added_stored),
            human::span(done.duration)
        ))?;
        if done.damaged > 0 {
            out.line(format!(
                "  incomplete: {}",
                human::count(done.damaged, "problem", "problems")
            ))?;
        }
    }
    out.flush()
}
