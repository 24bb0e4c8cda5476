//! `orlop check`

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use orlop_repo::check::{
    CheckError, CheckOptions, CheckProgress, CheckReport, Finding, Hurt, Phase, ReadData, Remedy,
    Severity, check,
};
use orlop_repo::entropy::{Entropy, OsEntropy};
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::help::after_help_repository;
use crate::cli::human;
use crate::cli::output::Output;
use crate::cli::progress::Work;
use crate::cli::repository;
use crate::cli::values::Percent;
use crate::progress::Progress;

/// Hurt files that are shown for each finding; --json shows all.
const SHOWN_FILES: usize = 20;

/// Prove that the repository is whole, and name every file that is not
///
/// Reads the whole log, the index, the directory of every pack and the tree of every snapshot.
/// With --read-data it reads the packs too and verifies every byte. It writes nothing, takes no
/// lock, and may run beside backups.
///
/// Says which repairs are needed. What was declared lost by one is named each time, and is no error
/// any more.
#[derive(Args, Debug)]
#[command(after_long_help = after_help_repository!(
    "orlop check --read-data=5%",
    "3    " "something is damaged or missing: each is named, with the files it hurts"
))]
pub(in crate::cli) struct Check {
    /// Read all packs, or that share of them drawn at random
    #[arg(long, value_name = "N%", num_args = 0..=1, require_equals = true,
          default_missing_value = "100%")]
    read_data: Option<Percent>,
}

impl Check {
    /// Checks, and prints what was found.
    pub(in crate::cli) async fn run(self, context: &Context) -> Result<ExitStatus, Failure> {
        let repository = repository::open(context).await?;
        let scratch = repository::cache_of(context, &repository)?;
        let options = options(context, self.read_data, scratch)?;
        let reading = repository::announce(context, &repository, None).await?;
        let (progress, display) = context.work(Work::Objects, "check");
        let report = check(&repository, &options, Arc::new(Watch(progress))).await;
        display.end();
        reading.end().await;
        let report = report.map_err(|error| {
            let cancelled = matches!(error, CheckError::Cancelled);
            let failure = Failure::new("the check was not finished").because(error);
            if cancelled {
                failure.status(ExitStatus::Interrupted)
            } else {
                failure
            }
        })?;
        show(context, &report)?;
        Ok(if report.is_sound() {
            ExitStatus::Done
        } else {
            ExitStatus::Incomplete
        })
    }
}

/// How the repository is looked at.
pub(super) fn options(
    context: &Context,
    read_data: Option<Percent>,
    scratch: PathBuf,
) -> Result<CheckOptions, Failure> {
    let mut seed = [0; 8];
    OsEntropy
        .fill(&mut seed)
        .map_err(|error| Failure::new("cannot draw packs to read").because(error))?;
    Ok(CheckOptions {
        read_data: match read_data.map(Percent::share) {
            None => ReadData::None,
            Some(share) if share >= 1.0 => ReadData::All,
            Some(share) => ReadData::Percent(share * 100.0),
        },
        seed: u64::from_le_bytes(seed),
        memory: context.memory() / 2,
        scratch,
    })
}

/// Hands what the check tells on to the display.
pub(super) struct Watch(pub(super) Arc<Progress>);

impl CheckProgress for Watch {
    fn phase(&self, phase: Phase, total: u64) {
        self.0.objects_total.add(total);
        let phase = match phase {
            Phase::Log => "log",
            Phase::Meta => "keys and format",
            Phase::Index => "index",
            Phase::Packs => "packs",
            Phase::Snapshots => "snapshots",
        };
        self.0.set_current(phase.as_bytes());
    }

    fn step(&self) {
        self.0.objects_done.add(1);
    }

    fn bytes(&self, bytes: u64) {
        self.0.bytes_done.add(bytes);
    }

    fn is_cancelled(&self) -> bool {
        self.0.cancelled()
    }
}

/// A finding of `orlop check --json`.
#[derive(Serialize)]
pub(super) struct FindingMessage<'a> {
    /// Always `finding`.
    message_type: &'static str,
    severity: &'static str,
    object: &'a str,
    message: &'a str,
    /// Files that cannot be restored whole because of it.
    files: Vec<FileMessage>,
}

/// A hurt file.
#[derive(Serialize)]
struct FileMessage {
    snapshot_id: String,
    path: String,
    /// `content`, or `entries` where a part of a folder is lost.
    hurt: &'static str,
}

/// The result of `orlop check --json`.
#[derive(Serialize)]
struct Summary {
    /// Always `summary`.
    message_type: &'static str,
    /// Findings that are worse than a note.
    num_errors: u64,
    hurt_files: u64,
    /// Those of them whose loss was declared.
    hurt_files_declared: u64,
    /// Commands that make the errors go away, in their order.
    repairs: Vec<&'static str>,
    snapshots: u64,
    packs: u64,
    packs_read: u64,
    bytes_read: u64,
    packs_unreferenced: u64,
    packs_unnamed: u64,
    log_entries: u64,
    index_segments: u64,
    chunks: u64,
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Lost => "lost",
        Severity::Repairable => "repairable",
        Severity::Damage => "damage",
    }
}

fn show(context: &Context, report: &CheckReport) -> Result<(), Failure> {
    let errors = report
        .findings
        .iter()
        .filter(|f| f.severity > Severity::Lost)
        .count() as u64;
    let mut out = context.output();
    if context.options.json {
        for finding in &report.findings {
            out.json(&message(finding))?;
        }
        out.json(&Summary {
            message_type: "summary",
            num_errors: errors,
            hurt_files: report.hurt,
            hurt_files_declared: report.hurt_declared,
            repairs: repairs(report),
            snapshots: report.snapshots,
            packs: report.packs,
            packs_read: report.packs_read,
            bytes_read: report.bytes_read,
            packs_unreferenced: report.packs_unreferenced,
            packs_unnamed: report.packs_unnamed,
            log_entries: report.entries,
            index_segments: report.segments,
            chunks: report.chunks,
        })?;
        return out.flush();
    }
    show_findings(&mut out, report.findings.iter())?;
    out.line(format!(
        "looked at {}, {}, {}, {}; read {} of {}",
        human::count(report.entries, "log entry", "log entries"),
        human::count(report.segments, "index segment", "index segments"),
        human::count(report.packs, "pack", "packs"),
        human::count(report.snapshots, "snapshot", "snapshots"),
        human::bytes(report.bytes_read),
        human::count(report.packs_read, "pack", "packs"),
    ))?;
    let declared = human::count(report.hurt_declared, "file", "files");
    out.line(match (errors, report.hurt_declared) {
        (0, 0) => "the repository is whole".to_owned(),
        (0, _) => format!("the repository is whole but for {declared} whose loss was declared"),
        _ => format!(
            "{}, {} hurt",
            human::count(errors, "problem", "problems"),
            human::count(report.hurt, "file", "files")
        ),
    })?;
    for repair in repairs(report) {
        out.line(format!("next: {repair} --dry-run"))?;
    }
    out.flush()
}

/// The commands that make errors go away, in their order.
fn repairs(report: &CheckReport) -> Vec<&'static str> {
    let read = report.packs_read > 0;
    let command = |remedy| match remedy {
        Remedy::RepairLog => "orlop repair log",
        Remedy::RepairIndex => "orlop repair index",
        Remedy::RepairSnapshots if read => "orlop repair snapshots --read-data",
        Remedy::RepairSnapshots => "orlop repair snapshots",
    };
    report.remedies().into_iter().map(command).collect()
}

/// Prints findings with the files that they hurt.
pub(super) fn show_findings<'f>(
    out: &mut Output,
    findings: impl Iterator<Item = &'f Finding>,
) -> Result<(), Failure> {
    for finding in findings {
        out.line(format!(
            "{}: {}: {}",
            word(finding.severity),
            finding.object,
            finding.what
        ))?;
        for file in finding.hurt.iter().take(SHOWN_FILES) {
            let what = match file.hurt {
                Hurt::Content => "content hurt",
                Hurt::Entries(_) => "lost, and what follows it on the page",
            };
            out.line(format!(
                "    {:.8}:/{}  {what}",
                file.snapshot,
                human::name(&file.path)
            ))?;
        }
        if finding.hurt.len() > SHOWN_FILES {
            out.line(format!("    and {} more", finding.hurt.len() - SHOWN_FILES))?;
        }
    }
    Ok(())
}

pub(super) fn message(finding: &Finding) -> FindingMessage<'_> {
    let files = finding.hurt.iter().map(|file| FileMessage {
        snapshot_id: file.snapshot.to_string(),
        path: String::from_utf8_lossy(&file.path).into_owned(),
        hurt: match file.hurt {
            Hurt::Content => "content",
            Hurt::Entries(_) => "entries",
        },
    });
    FindingMessage {
        message_type: "finding",
        severity: word(finding.severity),
        object: &finding.object,
        message: &finding.what,
        files: files.collect(),
    }
}
