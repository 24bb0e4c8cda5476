//! `orlop key list`

use clap::Args;
use serde::Serialize;

use super::failure;
use crate::cli::context::Context;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::help::after_help_repository;
use crate::cli::json::time_ms;
use crate::cli::table::Table;
use crate::cli::{human, repository};
use crate::slots::{SlotFound, list};

/// List the key slots; a star marks the one that opened the repository
///
/// With --quiet it prints their ids, that one first.
#[derive(Args, Debug)]
#[command(after_long_help = after_help_repository!("orlop key list"))]
pub(in crate::cli) struct KeyList {}

/// A slot: an element of `orlop key list --json`.
#[derive(Debug, Serialize)]
struct SlotMessage {
    /// Whether it opened the repository for this command.
    current: bool,
    /// 16 hex digits.
    id: String,
    /// `raw`, `passphrase`, `recipient` or `kms`.
    kind: String,
    /// What its maker called it.
    label: String,
    created: Option<String>,
    /// The newest generation of keys in it.
    generation: Option<u32>,
    /// `ok`, or why it does not open the repository.
    state: &'static str,
}

impl KeyList {
    /// Prints a table, or one JSON array.
    pub(in crate::cli) async fn run(self, context: &Context) -> Result<ExitStatus, Failure> {
        let repository = repository::open(context).await?;
        let slots = list(&repository)
            .await
            .map_err(|error| failure("cannot list the key slots", error))?;
        let messages: Vec<_> = slots.iter().map(message).collect();
        let mut out = context.output();
        if context.options.json {
            out.json(&messages)?;
        } else if context.options.quiet {
            let (current, others): (Vec<_>, Vec<_>) =
                messages.iter().partition(|message| message.current);
            for message in current.into_iter().chain(others) {
                out.line(&message.id)?;
            }
        } else {
            for line in table(&slots, &messages).lines() {
                out.line(line)?;
            }
        }
        out.flush()?;
        Ok(ExitStatus::Done)
    }
}

fn message(slot: &SlotFound) -> SlotMessage {
    let claimed = match &slot.claimed {
        Some(Ok(claimed)) => Some(claimed),
        _ => None,
    };
    SlotMessage {
        current: slot.current,
        id: slot.id().to_owned(),
        kind: claimed.map_or("?".to_owned(), |claimed| claimed.name().kind.to_string()),
        label: claimed.map_or(String::new(), |claimed| claimed.label().to_owned()),
        created: claimed.and_then(|claimed| time_ms(claimed.created_ms())),
        generation: claimed.map(orlop_repo::slots::ClaimedSlot::generation),
        state: match (&slot.claimed, slot.in_log) {
            (None, _) => "missing from the store",
            (Some(Err(_)), _) => "damaged",
            (Some(Ok(_)), false) => "not in the log: opens nothing",
            (Some(Ok(_)), true) => "ok",
        },
    }
}

fn table(slots: &[SlotFound], messages: &[SlotMessage]) -> Table {
    let mut table = Table::new(&["", "ID", "Kind", "Created", ">Keys", "Label", "State"]);
    for (slot, message) in slots.iter().zip(messages) {
        let created = match &slot.claimed {
            Some(Ok(claimed)) => human::local_time(claimed.created_ms()),
            _ => String::new(),
        };
        table.row([
            if message.current { "*" } else { "" }.to_owned(),
            message.id.clone(),
            message.kind.clone(),
            created,
            message
                .generation
                .map_or(String::new(), |number| number.to_string()),
            human::name(message.label.as_bytes()),
            message.state.to_owned(),
        ]);
    }
    table
}
