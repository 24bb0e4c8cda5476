//! `orlop repair index`

use clap::Args;
use orlop_repo::model::PackName;
use orlop_repo::repair::{IndexRepair, repair_index};
use serde::Serialize;

use super::{done, failure, options, watch};
use crate::cli::context::Context;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::help::after_help_repository;
use crate::cli::progress::Work;
use crate::cli::{human, repository};

/// Make index segments anew from the packs, and a fold if the newest is damaged
///
/// Reads every pack that no readable segment lists, and writes segments in place of those that are
/// damaged or missing. Backups and clean-ups may go on meanwhile.
#[derive(Args, Debug)]
#[command(after_long_help = after_help_repository!(
    "orlop repair index --dry-run",
    "3    " "a pack cannot be listed: it is named; `orlop repair snapshots` says what that costs"
))]
pub(in crate::cli) struct RepairIndex {
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
}

/// The result of `orlop repair index --json`.
#[derive(Serialize)]
struct Summary {
    /// Always `summary`.
    message_type: &'static str,
    dry_run: bool,
    /// Segments that were damaged or missing.
    segments_replaced: Vec<String>,
    segments_written: u64,
    packs_listed: u64,
    /// Packs that nothing lists.
    packs_unlisted: Vec<Trouble>,
    /// Packs that were listed and are damaged.
    packs_damaged: Vec<Trouble>,
    fold_written: bool,
}

/// A pack with something wrong.
#[derive(Serialize)]
struct Trouble {
    object: String,
    message: String,
}

impl RepairIndex {
    /// Repairs, and prints what was done.
    pub(in crate::cli) async fn run(self, context: &Context) -> Result<ExitStatus, Failure> {
        let repository = repository::open(context).await?;
        let scratch = repository::cache_of(context, &repository)?;
        let options = options(context, self.dry_run, None, scratch)?;
        let (progress, display) = context.work(Work::Objects, "repair");
        let report = repair_index(&repository, &options, &watch(progress)).await;
        display.end();
        let report = report.map_err(|error| failure("the index was not repaired", error))?;
        show(context, &report, self.dry_run)?;
        Ok(if report.unlisted.is_empty() {
            ExitStatus::Done
        } else {
            ExitStatus::Incomplete
        })
    }
}

fn show(context: &Context, report: &IndexRepair, dry_run: bool) -> Result<(), Failure> {
    let mut out = context.output();
    if context.options.json {
        let trouble = |(pack, what): &(PackName, String)| Trouble {
            object: pack.to_string(),
            message: what.clone(),
        };
        out.json(&Summary {
            message_type: "summary",
            dry_run,
            segments_replaced: report.replaced.iter().map(ToString::to_string).collect(),
            segments_written: report.written,
            packs_listed: report.listed.len() as u64,
            packs_unlisted: report.unlisted.iter().map(trouble).collect(),
            packs_damaged: report.damaged.iter().map(trouble).collect(),
            fold_written: report.folded,
        })?;
        return out.flush();
    }
    for (pack, what) in &report.damaged {
        out.line(format!("{pack}: listed; it is damaged: {what}"))?;
    }
    for (pack, what) in &report.unlisted {
        out.line(format!("{pack}: cannot be listed: {what}"))?;
    }
    for segment in &report.replaced {
        let replaced = done(dry_run, "replaced");
        out.line(format!("{replaced} {segment}"))?;
    }
    if !report.listed.is_empty() {
        let packs = human::count(report.listed.len() as u64, "pack", "packs");
        out.line(done(dry_run, &format!("listed {packs} anew")))?;
    }
    if report.folded {
        out.line(done(dry_run, "written a fold in place of a damaged one"))?;
    }
    if !report.is_needed() {
        out.line("there is nothing to repair in the index")?;
    }
    if !report.damaged.is_empty() || !report.unlisted.is_empty() {
        out.line("next: orlop repair snapshots --read-data --dry-run")?;
    }
    out.flush()
}
