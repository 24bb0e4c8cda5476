//! `orlop repair log`

use clap::Args;
use orlop_repo::log::BrokenEntries;
use orlop_repo::model::ObjectName;
use orlop_repo::repair::{LogRepair, RepairError, repair_log};
use orlop_repo::repository::RepositoryError;
use serde::Serialize;

use super::{done, failure, options, watch};
use crate::cli::context::Context;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::help::after_help_repository;
use crate::cli::progress::Work;
use crate::cli::{human, repository};

/// Let a log with damaged or missing entries go on, with all that is still known
///
/// What an entry said is mostly known without it: from a copy in a later entry, or from a fold. The
/// log then goes on in another generation, and nobody has to read the damaged one any more. The
/// format object is stored again if it is damaged. Key slots that cannot be read are taken out of
/// the log: bring one back from its recovery file with `orlop key import` before, or add a new key
/// with `orlop key add` after.
///
/// If nobody knows what an entry said, that is named, and nothing is done without --accept-loss: a
/// snapshot that was committed by it, or by one after it, is lost from the log. Its data stays, and
/// the next backup of the volume uses it.
#[derive(Args, Debug)]
#[command(after_long_help = after_help_repository!(
    "orlop repair log --dry-run",
    "3    " "done, but what some entries said is lost: each is named"
))]
pub(in crate::cli) struct RepairLog {
    /// Go on without entries of which nobody has a copy
    #[arg(long)]
    accept_loss: bool,

    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
}

/// Entries that cannot be used.
#[derive(Serialize)]
struct Entries {
    /// Always `broken_entries`.
    message_type: &'static str,
    first: String,
    last: String,
    message: String,
    /// Whether what they said is known all the same.
    known: bool,
}

/// A session that was open when an entry was written that is lost.
#[derive(Serialize)]
struct SessionMessage {
    /// Always `lost_session`.
    message_type: &'static str,
    session: String,
    role: String,
    volume: Option<String>,
    client: String,
}

/// The result of `orlop repair log --json`.
#[derive(Serialize)]
struct Summary {
    /// Always `summary`.
    message_type: &'static str,
    dry_run: bool,
    /// Whether nothing was done, because something is lost and nobody accepted it.
    refused: bool,
    /// The log generation that was begun.
    log_generation: Option<u16>,
    packs_adopted: u64,
    bytes_adopted: u64,
    restored: Vec<String>,
    slots_removed: Vec<String>,
    fold_written: bool,
}

impl RepairLog {
    /// Repairs, and prints what was done and what is lost.
    pub(in crate::cli) async fn run(self, context: &Context) -> Result<ExitStatus, Failure> {
        let opener = repository::Opener::new(context)?;
        let mut options = options(context, self.dry_run, None, std::env::temp_dir())?;
        options.accept_loss = self.accept_loss;
        let (progress, display) = context.work(Work::Objects, "repair");
        let report = repair_log(
            opener.store.clone(),
            &opener.credentials,
            opener.options.clone(),
            &options,
            &watch(progress),
        )
        .await;
        display.end();
        let report = match report {
            Ok(report) => report,
            Err(RepairError::Open(RepositoryError::NotFound { .. })) => {
                let what = format!("there is no repository at {}", opener.url);
                return Err(Failure::new(what)
                    .next("check --repo")
                    .status(ExitStatus::NoRepository));
            }
            Err(error) => return Err(failure("the log was not repaired", error)),
        };
        if let (Some(seen), false) = (report.seen, self.dry_run) {
            opener.remember(seen);
        }
        show(context, &report, self.dry_run)?;
        if report.refused {
            return Err(
                Failure::new("what some entries of the log said is not known")
                    .next("accept that it is lost: `orlop repair log --accept-loss`"),
            );
        }
        let lost = report.broken.iter().any(|broken| !broken.known);
        Ok(if lost || !report.slots.is_empty() {
            ExitStatus::Incomplete
        } else {
            ExitStatus::Done
        })
    }
}

fn name(broken: &BrokenEntries, number: u64) -> ObjectName {
    ObjectName::log_entry(broken.generation, number)
}

fn show(context: &Context, report: &LogRepair, dry_run: bool) -> Result<(), Failure> {
    let mut out = context.output();
    if context.options.json {
        for broken in &report.broken {
            out.json(&Entries {
                message_type: "broken_entries",
                first: name(broken, broken.first).to_string(),
                last: name(broken, broken.last).to_string(),
                message: broken.what.clone(),
                known: broken.known,
            })?;
        }
        for session in &report.sessions {
            out.json(&SessionMessage {
                message_type: "lost_session",
                session: session.id.to_string(),
                role: format!("{:?}", session.role).to_lowercase(),
                volume: session.volume.clone(),
                client: session.client.clone(),
            })?;
        }
        out.json(&Summary {
            message_type: "summary",
            dry_run,
            refused: report.refused,
            log_generation: report.generation,
            packs_adopted: report.packs_adopted,
            bytes_adopted: report.bytes_adopted,
            restored: report.restored.iter().map(ToString::to_string).collect(),
            slots_removed: report.slots.clone(),
            fold_written: report.folded,
        })?;
        return out.flush();
    }
    for line in lines(report, dry_run) {
        out.line(line)?;
    }
    out.flush()
}

fn lines(report: &LogRepair, dry_run: bool) -> Vec<String> {
    let mut lines = Vec::new();
    for broken in &report.broken {
        let first = name(broken, broken.first);
        let entries = if broken.first == broken.last {
            first.to_string()
        } else {
            format!("{first} to {}", name(broken, broken.last))
        };
        let known = if broken.known {
            "what it said is known"
        } else {
            "LOST: a snapshot that was committed, or forgotten, by it is not known"
        };
        lines.push(format!("{entries}: {}; {known}", broken.what));
    }
    for session in &report.sessions {
        let volume = session.volume.as_deref().unwrap_or_default();
        let role = format!("{:?}", session.role).to_lowercase();
        lines.push(format!(
            "{role} session {:.8} of {} was open then: if it is a backup that has ended, its \
             snapshot is lost",
            session.id,
            human::name(volume.as_bytes())
        ));
    }
    if report.refused {
        return lines;
    }
    if report.packs_adopted > 0 {
        let packs = human::count(report.packs_adopted, "pack", "packs");
        let bytes = human::bytes(report.bytes_adopted);
        let what = format!("named {packs} ({bytes}) that nothing named any more");
        lines.push(done(dry_run, &what));
    }
    if let Some(generation) = report.generation {
        lines.push(done(
            dry_run,
            &format!("begun generation {generation} of the log"),
        ));
    }
    for object in &report.restored {
        lines.push(done(dry_run, &format!("stored {object} again")));
    }
    for slot in &report.slots {
        let what = format!(
            "taken {slot} out of the log, which cannot be read: its key opens nothing any more; \
             add one with `orlop key add`"
        );
        lines.push(done(dry_run, &what));
    }
    if report.folded {
        lines.push(done(dry_run, "written a fold in place of a damaged one"));
    }
    if !report.is_needed() {
        lines.push("there is nothing to repair in the log".to_owned());
    }
    if dry_run && report.generation.is_some() {
        lines.push("format, slots and folds are looked at after that".to_owned());
    }
    lines
}
