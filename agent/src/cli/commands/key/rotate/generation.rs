//! `orlop key rotate generation`

use std::path::PathBuf;

use clap::Args;
use orlop_repo::repository::{KeyGenerationError, PlannedSlot, SlotFate, StartedGeneration};
use orlop_repo::slots::Credential;
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::help::after_help_repository;
use crate::cli::{human, repository};

/// Start new keys: whoever gets no slot of them reads nothing that is saved from now on
///
/// Every slot whose key is at hand, and every recovery recipient, gets a slot of the new keys; the
/// old slots go. Slots of other keys and passphrases cannot be renewed by anybody but their
/// owners: they are named, and nothing is done without --drop-others. Their owners are then shut
/// out until somebody adds them again with `orlop key add`.
///
/// Whoever kept an old key with its slot can still read what was saved before, and nothing else,
/// as long as it is stored under the old keys: `orlop prune --reseal` stores it anew, and what was
/// copied elsewhere stays readable for ever. The history up to now stays readable, too: names of
/// volumes, tags and times.
///
/// Backups and restores that are running go on if their key has a slot of the new keys. What is
/// stored stays as it is, deduplication too.
#[derive(Args, Debug)]
#[command(after_long_help = after_help_repository!("orlop key rotate generation --dry-run"))]
pub(in crate::cli) struct RotateGeneration {
    /// Shut out the holders of slots whose key is not at hand
    #[arg(long)]
    drop_others: bool,

    /// File with a further key whose slot is to be renewed; may be given several times
    #[arg(long, value_name = "FILE")]
    with_key_file: Vec<PathBuf>,

    /// File with a further passphrase whose slot is to be renewed; may be given several times
    #[arg(long, value_name = "FILE")]
    with_passphrase_file: Vec<PathBuf>,

    /// Only say what would become of each slot
    #[arg(long)]
    dry_run: bool,
}

/// What becomes of a slot.
#[derive(Debug, Serialize)]
struct SlotMessage {
    /// Id of the slot: 16 hex digits.
    id: String,
    label: String,
    /// Id of its successor; absent if it has none, or none yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    successor: Option<String>,
    /// Why it gets no successor.
    #[serde(skip_serializing_if = "Option::is_none")]
    dropped: Option<&'static str>,
}

/// The result of `orlop key rotate generation --json`.
#[derive(Debug, Serialize)]
struct RotatedMessage {
    /// `rotated`, or `would_rotate` with `--dry-run`.
    message_type: &'static str,
    /// Number of the new generation of keys.
    generation: u32,
    slots: Vec<SlotMessage>,
}

impl RotateGeneration {
    /// Starts it, and says what became of each slot.
    pub(in crate::cli) async fn run(self, context: &Context) -> Result<ExitStatus, Failure> {
        let mut more = Vec::new();
        for file in &self.with_key_file {
            more.push(repository::raw_key(file)?);
        }
        for file in &self.with_passphrase_file {
            more.push(Credential::Passphrase(repository::new_passphrase(file)?));
        }
        let repository = repository::open(context).await?;
        let planned = repository
            .plan_key_generation(&more)
            .await
            .map_err(|error| failure(&[], error))?;
        if self.dry_run {
            let generation = repository.state().await.key_generation.saturating_add(1);
            let slots = planned.iter().map(|slot| message(slot, None)).collect();
            show(context, "would_rotate", generation, slots)?;
            return Ok(ExitStatus::Done);
        }
        let started = repository
            .start_key_generation(&more, self.drop_others)
            .await
            .map_err(|error| failure(&planned, error))?;
        repository::remember(context, &repository::location(context)?, &repository).await;
        let StartedGeneration {
            generation,
            slots,
            left,
        } = started;
        let slots = slots
            .iter()
            .map(|(slot, successor)| message(slot, successor.as_ref().map(|n| id(n.as_str()))))
            .collect();
        show(context, "rotated", generation, slots)?;
        for name in left {
            context.warn(&format!(
                "{name} could not be deleted: it opens what was saved before, and nothing new"
            ));
        }
        let older = repository.state().await.older_keys;
        let packs: u64 = older.values().map(|older| older.packs.len()).sum();
        if packs > 0 {
            context.note(&format!(
                "{} still open with the keys before: `orlop prune --reseal` seals them anew",
                human::count(packs, "pack does", "packs do")
            ));
        }
        Ok(ExitStatus::Done)
    }
}

fn id(name: &str) -> String {
    name.rsplit('-').next().unwrap_or_default().to_owned()
}

fn message(slot: &PlannedSlot, successor: Option<String>) -> SlotMessage {
    SlotMessage {
        id: id(&slot.name),
        label: slot.label.clone(),
        successor,
        dropped: match slot.fate {
            SlotFate::Renewed => None,
            SlotFate::Dropped(why) => Some(why),
        },
    }
}

fn line(slot: &SlotMessage) -> String {
    let SlotMessage {
        id,
        label,
        successor,
        dropped,
    } = slot;
    let label = human::name(label.as_bytes());
    match (dropped, successor) {
        (Some(why), _) => format!("slot {id} ({label}): {why}, it opens nothing that is new"),
        (None, Some(successor)) => format!("slot {id} ({label}): renewed as {successor}"),
        (None, None) => format!("slot {id} ({label}): renewed"),
    }
}

fn show(
    context: &Context,
    message_type: &'static str,
    generation: u32,
    slots: Vec<SlotMessage>,
) -> Result<(), Failure> {
    let mut out = context.output();
    if context.options.json {
        out.json(&RotatedMessage {
            message_type,
            generation,
            slots,
        })?;
        return out.flush();
    }
    if context.options.quiet {
        out.line(generation.to_string())?;
        return out.flush();
    }
    let would = if message_type == "rotated" {
        "everything is saved under"
    } else {
        "everything would be saved under"
    };
    out.line(format!("{would} key generation {generation}"))?;
    for slot in &slots {
        out.line(line(slot))?;
    }
    out.flush()
}

fn failure(planned: &[PlannedSlot], error: KeyGenerationError) -> Failure {
    let next = match &error {
        KeyGenerationError::NeedsOwners { slots } => {
            let named: Vec<_> = planned
                .iter()
                .filter(|slot| slots.contains(&slot.name))
                .map(|slot| {
                    let label = human::name(slot.label.as_bytes());
                    format!("{} ({label})", id(&slot.name))
                })
                .collect();
            Some(format!(
                "name their keys with --with-key-file or --with-passphrase-file, or shut out {} \
                 with --drop-others: their owners keep what was saved until now and need \
                 `orlop key add` for all that follows",
                named.join(", ")
            ))
        }
        KeyGenerationError::StartedByAnother { .. } => Some(
            "the keys are new already; `orlop key list` shows for whom; run it again if that is \
             not what you want"
                .to_owned(),
        ),
        KeyGenerationError::ReadBack { .. } => Some(
            "do not rely on the store: `orlop store check` shows what it does wrong".to_owned(),
        ),
        KeyGenerationError::NotProven => {
            Some("open the repository with a key whose slot can be renewed".to_owned())
        }
        _ => None,
    };
    let failure = Failure::new("no new keys were started").because(error);
    match next {
        Some(next) => failure.next(next),
        None => failure,
    }
}
