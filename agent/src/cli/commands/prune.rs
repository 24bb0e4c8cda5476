//! `orlop prune`

use std::sync::Arc;

use clap::Args;
use orlop_repo::maintain::{
    Amount, MaintainError, MaintainOptions, MaintainPhase, MaintainProgress, MaintainReport,
    Waiting, WaitsFor, maintain,
};
use orlop_repo::repository::Repository;
use serde::Serialize;
use tokio::runtime::Handle;

use crate::cli::blocking::blocking;
use crate::cli::context::Context;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::help::after_help_repository;
use crate::cli::json::time_ms;
use crate::cli::progress::Work;
use crate::cli::values::{Age, Percent, Size};
use crate::cli::{human, repository};
use crate::progress::Progress;

/// Free the space of what no snapshot needs any more
///
/// Looks for packs that nothing needs, says so in the log, waits, and deletes them. What is mostly
/// dead is copied together. It is never in anybody's way: backups and restores go on meanwhile, any
/// number of these may run at the same time, and one that was interrupted is continued by the next.
///
/// What is found now is deleted by a run after the time of grace. If something that must be read
/// cannot be, nothing is deleted, and what it is is named.
#[derive(Args, Debug)]
#[command(after_long_help = after_help_repository!("orlop prune --max-unused 10%"))]
pub(in crate::cli) struct Prune {
    /// Share of the bytes in packs that may be dead before packs are copied
    #[arg(long, value_name = "N%", default_value = "5%")]
    max_unused: Percent,

    /// Copy packs of at most this many bytes in this run
    #[arg(long, value_name = "SIZE")]
    max_repack: Option<Size>,

    /// Seal anew what is stored under keys from before `orlop key rotate generation`
    ///
    /// Copies every pack that is older than the newest keys, as far as --max-repack lets it; the
    /// next run goes on. The old packs are deleted after the time of grace, so the repository
    /// grows first. What is copied for another reason is sealed anew in any case.
    #[arg(long)]
    reseal: bool,

    /// How long what nobody needs stays before it is deleted
    ///
    /// For restores that are running and backups that were cut off. Nothing that is needed is
    /// deleted with 0s either.
    #[arg(long, value_name = "AGE", default_value = "24h")]
    grace: Age,

    /// Take sessions for dead that have given no sign of life for this long
    ///
    /// By the store's clock. What waits for such a session could never be deleted. A backup that is
    /// alive after all fails and goes on when it is run again.
    #[arg(long, value_name = "AGE", default_value = "7d")]
    kill_after: Age,

    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
}

impl Prune {
    /// Maintains, and prints what was done.
    pub(in crate::cli) async fn run(self, context: &Context) -> Result<ExitStatus, Failure> {
        let repository = repository::open(context).await?;
        let options = MaintainOptions {
            grace: self.grace.0,
            max_unused: self.max_unused.share(),
            max_repack: self.max_repack.map_or(u64::MAX, |size| size.0),
            reseal: self.reseal,
            kill_after: Some(self.kill_after.0),
            dry_run: self.dry_run,
            ..defaults(context, &repository)?
        };
        run(context, repository, options).await?;
        Ok(ExitStatus::Done)
    }
}

/// What a run without options is asked for.
fn defaults(context: &Context, repository: &Repository) -> Result<MaintainOptions, Failure> {
    let scratch = repository::cache_of(context, repository)?;
    let client = concat!("orlop ", env!("CARGO_PKG_VERSION")).to_owned();
    Ok(MaintainOptions::new(client, scratch))
}

/// Maintains as `orlop prune` does without options; for `forget --prune`.
pub(super) async fn prune(context: &Context, repository: Arc<Repository>) -> Result<(), Failure> {
    let options = defaults(context, &repository)?;
    run(context, repository, options).await
}

async fn run(
    context: &Context,
    repository: Arc<Repository>,
    options: MaintainOptions,
) -> Result<(), Failure> {
    let dry_run = options.dry_run;
    let (progress, display) = context.work(Work::Objects, "prune");
    let runtime = Handle::current();
    let report = blocking(move || {
        maintain(&repository, &runtime, &options, &Watch(progress)).map_err(failure)
    })
    .await;
    display.end();
    show(context, &report?, dry_run)
}

fn failure(error: MaintainError) -> Failure {
    let failure = match &error {
        MaintainError::Cancelled => {
            return Failure::new("the maintenance was stopped")
                .next("run it again: it goes on from there")
                .status(ExitStatus::Interrupted);
        }
        MaintainError::Stopped { .. } => Failure::new("nothing was pruned").next(
            "run `orlop check`: it names the files that this hurts; forget their snapshots, or \
             mend the repository, then run it again",
        ),
        _ => Failure::new("the maintenance did not come to its end"),
    };
    failure.because(error)
}

/// Hands what the run tells on to the display.
struct Watch(Arc<Progress>);

impl MaintainProgress for Watch {
    fn phase(&self, phase: MaintainPhase, total: u64) {
        self.0.objects_total.add(total);
        let phase = match phase {
            MaintainPhase::Listing => "list",
            MaintainPhase::Index => "index",
            MaintainPhase::Trees => "snapshots",
            MaintainPhase::Marking => "what is needed",
            MaintainPhase::Repacking => "copy packs",
            MaintainPhase::Deleting => "delete",
        };
        self.0.set_current(phase.as_bytes());
    }

    fn steps(&self, count: u64) {
        self.0.objects_done.add(count);
    }

    fn is_cancelled(&self) -> bool {
        self.0.cancelled()
    }
}

/// What one entry of the log condemned and what is still there: `orlop prune --json`.
#[derive(Serialize)]
struct WaitingMessage {
    /// Always `waiting`.
    message_type: &'static str,
    /// Number of the entry.
    entry: u64,
    packs: u64,
    bytes: u64,
    other_objects: u64,
    /// When the time of grace is over, if it is not yet.
    until: Option<String>,
    /// Sessions that may still rely on it.
    sessions: Vec<SessionMessage>,
}

/// A session that is waited for.
#[derive(Serialize)]
struct SessionMessage {
    session: String,
    role: String,
    client: String,
    volume: Option<String>,
    /// Number of the entry that opened it.
    begun: u64,
}

/// The result of `orlop prune --json`.
#[derive(Serialize)]
struct Summary {
    /// Always `summary`.
    message_type: &'static str,
    dry_run: bool,
    snapshots: u64,
    packs: u64,
    bytes: u64,
    unused_bytes: u64,
    packs_condemned: u64,
    bytes_condemned: u64,
    packs_deleted: u64,
    bytes_deleted: u64,
    other_objects_deleted: u64,
    packs_repacked: u64,
    bytes_repacked: u64,
    packs_written: u64,
    bytes_written: u64,
    segments_merged: u64,
    sweeps_finished: u64,
    objects_reappeared: u64,
    packs_rescued: u64,
    packs_postponed: u64,
    checkpoints_broken: u64,
    sessions_killed: Vec<String>,
    notes: Vec<String>,
}

fn show(context: &Context, report: &MaintainReport, dry_run: bool) -> Result<(), Failure> {
    let mut out = context.output();
    if context.options.json {
        for waiting in &report.waiting {
            out.json(&waiting_message(waiting))?;
        }
        out.json(&summary(report, dry_run))?;
        return out.flush();
    }
    for note in &report.notes {
        context.warn(note);
    }
    for line in lines(report, dry_run) {
        out.line(line)?;
    }
    out.flush()
}

/// What was done, one thing a line, and nothing that was not.
fn lines(report: &MaintainReport, dry_run: bool) -> Vec<String> {
    let would = if dry_run { "would have " } else { "" };
    let mut lines = Vec::new();
    if report.finished > 0 {
        let sweeps = human::count(report.finished, "deletion", "deletions");
        lines.push(format!("{would}finished {sweeps} that had been cut off"));
    }
    for session in &report.killed {
        lines.push(format!("{would}declared session {session:.8} dead"));
    }
    if report.rescued > 0 {
        let packs = human::count(report.rescued, "pack", "packs");
        lines.push(format!(
            "{would}brought back {packs} that are needed after all"
        ));
    }
    if !report.repacked.is_empty() {
        let (from, to) = (amount(&report.repacked), amount(&report.keepers));
        lines.push(format!("{would}copied what lives in {from} into {to}"));
    }
    if report.merged > 0 {
        let segments = human::count(report.merged, "index segment", "index segments");
        lines.push(format!("{would}merged {segments}"));
    }
    if !report.condemned.is_empty() {
        lines.push(format!("{would}condemned {}", amount(&report.condemned)));
    }
    if report.reappeared > 0 {
        let objects = human::count(report.reappeared, "object", "objects");
        lines.push(format!("{would}deleted {objects} again that had come back"));
    }
    if !report.swept.is_empty() {
        lines.push(format!("{would}deleted {}", amount(&report.swept)));
    }
    for waiting in &report.waiting {
        lines.push(waits(waiting));
    }
    if report.postponed > 0 {
        let packs = human::count(report.postponed, "pack", "packs");
        lines.push(format!("{packs} may go when the next run has read more"));
    }
    lines.push(format!(
        "{} in {} for {}, {} of it dead",
        human::bytes(report.bytes),
        human::count(report.packs, "pack", "packs"),
        human::count(report.snapshots, "snapshot", "snapshots"),
        human::bytes(report.unused_bytes)
    ));
    lines
}

fn amount(amount: &Amount) -> String {
    let packs = human::count(amount.packs, "pack", "packs");
    let bytes = human::bytes(amount.bytes);
    if amount.others == 0 {
        return format!("{packs} ({bytes})");
    }
    let others = human::count(amount.others, "other object", "other objects");
    format!("{packs} ({bytes}) and {others}")
}

/// What waits until when, and for whom.
fn waits(waiting: &Waiting) -> String {
    let what = amount(&waiting.amount);
    let mut reasons: Vec<_> = waiting.sessions.iter().map(waits_for).collect();
    if let Some(until) = waiting.until_ms {
        reasons.insert(0, format!("until {}", human::local_time(until)));
    }
    if reasons.is_empty() {
        return format!("{what} can be deleted by the next run");
    }
    format!("{what} wait {}", reasons.join(" and "))
}

fn waits_for(session: &WaitsFor) -> String {
    let role = format!("{:?}", session.role).to_lowercase();
    let volume = match &session.volume {
        Some(volume) => format!(" of {}", human::name(volume.as_bytes())),
        None => String::new(),
    };
    format!(
        "for {role} session {:.8}{volume} ({})",
        session.session,
        human::name(session.client.as_bytes())
    )
}

fn waiting_message(waiting: &Waiting) -> WaitingMessage {
    let sessions = waiting.sessions.iter().map(|session| SessionMessage {
        session: session.session.to_string(),
        role: format!("{:?}", session.role).to_lowercase(),
        client: session.client.clone(),
        volume: session.volume.clone(),
        begun: session.begun,
    });
    WaitingMessage {
        message_type: "waiting",
        entry: waiting.entry,
        packs: waiting.amount.packs,
        bytes: waiting.amount.bytes,
        other_objects: waiting.amount.others,
        until: waiting.until_ms.and_then(time_ms),
        sessions: sessions.collect(),
    }
}

fn summary(report: &MaintainReport, dry_run: bool) -> Summary {
    Summary {
        message_type: "summary",
        dry_run,
        snapshots: report.snapshots,
        packs: report.packs,
        bytes: report.bytes,
        unused_bytes: report.unused_bytes,
        packs_condemned: report.condemned.packs,
        bytes_condemned: report.condemned.bytes,
        packs_deleted: report.swept.packs,
        bytes_deleted: report.swept.bytes,
        other_objects_deleted: report.swept.others,
        packs_repacked: report.repacked.packs,
        bytes_repacked: report.repacked.bytes,
        packs_written: report.keepers.packs,
        bytes_written: report.keepers.bytes,
        segments_merged: report.merged,
        sweeps_finished: report.finished,
        objects_reappeared: report.reappeared,
        packs_rescued: report.rescued,
        packs_postponed: report.postponed,
        checkpoints_broken: report.broken,
        sessions_killed: report.killed.iter().map(ToString::to_string).collect(),
        notes: report.notes.clone(),
    }
}
