//! `orlop repair snapshots`

use clap::Args;
use orlop_repo::check::{Finding, Severity};
use orlop_repo::repair::{SnapshotRepair, repair_snapshots};
use serde::Serialize;

use super::{done, failure, options, watch};
use crate::cli::commands::check::{message, show_findings};
use crate::cli::context::Context;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::help::after_help_repository;
use crate::cli::progress::Work;
use crate::cli::values::Percent;
use crate::cli::{human, repository};

/// Save what can be read of damaged packs, and declare the rest lost
///
/// Names every file of every snapshot that is hurt. Snapshots stay as they are and never lose what
/// they have: a restore brings back all but the files that are named. What was declared lost is
/// stored again by the next backup whose source still has it, and the older snapshots then have it
/// again, too. A snapshot that is of no use any more can be forgotten.
///
/// Looks at what `orlop check` looks at: give it --read-data if the check was.
#[derive(Args, Debug)]
#[command(after_long_help = after_help_repository!(
    "orlop repair snapshots --read-data --dry-run",
    "3    " "files are hurt: each is named, with its snapshot"
))]
pub(in crate::cli) struct RepairSnapshots {
    /// Read all packs, or that share of them drawn at random
    #[arg(long, value_name = "N%", num_args = 0..=1, require_equals = true,
          default_missing_value = "100%")]
    read_data: Option<Percent>,

    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
}

/// The result of `orlop repair snapshots --json`, after a `finding` for each object that is damaged.
#[derive(Serialize)]
struct Summary {
    /// Always `summary`.
    message_type: &'static str,
    dry_run: bool,
    /// Chunks and pages that were declared lost.
    lost: u64,
    /// Those that are not any more.
    found: u64,
    /// Chunks and pages that were copied out of damaged packs.
    salvaged: u64,
    packs_salvaged: Vec<String>,
    hurt_files: u64,
}

impl RepairSnapshots {
    /// Repairs, and prints what was done and what is lost.
    pub(in crate::cli) async fn run(self, context: &Context) -> Result<ExitStatus, Failure> {
        let repository = repository::open(context).await?;
        let scratch = repository::cache_of(context, &repository)?;
        let options = options(context, self.dry_run, self.read_data, scratch)?;
        let (progress, display) = context.work(Work::Objects, "repair");
        let report = repair_snapshots(&repository, &options, &watch(progress)).await;
        display.end();
        let report = report.map_err(|error| failure("the snapshots were not repaired", error))?;
        show(context, &report, self.dry_run)?;
        Ok(if report.found.hurt == 0 {
            ExitStatus::Done
        } else {
            ExitStatus::Incomplete
        })
    }
}

fn show(context: &Context, report: &SnapshotRepair, dry_run: bool) -> Result<(), Failure> {
    let mut out = context.output();
    let told = |finding: &&Finding| finding.severity > Severity::Note;
    let findings = report.found.findings.iter().filter(told);
    if context.options.json {
        for finding in findings {
            out.json(&message(finding))?;
        }
        out.json(&Summary {
            message_type: "summary",
            dry_run,
            lost: report.lost,
            found: report.back,
            salvaged: report.salvaged,
            packs_salvaged: report
                .salvaged_from
                .iter()
                .map(ToString::to_string)
                .collect(),
            hurt_files: report.found.hurt,
        })?;
        return out.flush();
    }
    show_findings(&mut out, findings)?;
    let chunks = |count| human::count(count, "chunk or page", "chunks and pages");
    if report.salvaged > 0 {
        let packs = human::count(report.salvaged_from.len() as u64, "pack", "packs");
        let what = format!("copied {} out of {packs}", chunks(report.salvaged));
        out.line(done(dry_run, &what))?;
    }
    if report.back > 0 {
        let what = format!("found {} again that had been lost", chunks(report.back));
        out.line(done(dry_run, &what))?;
    }
    if report.lost > 0 {
        let what = format!("declared {} lost", chunks(report.lost));
        out.line(done(dry_run, &what))?;
    }
    if report.found.hurt > 0 {
        let files = human::count(report.found.hurt, "file is hurt", "files are hurt");
        out.line(files)?;
        out.line("next: back the volumes up again; what their sources still have is stored anew")?;
    }
    if !report.is_needed() {
        out.line("there is nothing to repair in the snapshots")?;
    }
    out.flush()
}
