//! `orlop key`: who can open the repository.

mod add;
mod export;
mod import;
mod list;
pub(super) mod new_slot;
mod remove;
mod rotate;
mod shred;

use clap::Subcommand;
use orlop_repo::model::ObjectName;
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::slots::SlotsError;

/// List and change the keys that open the repository
#[derive(Subcommand, Debug)]
pub(in crate::cli) enum KeyCommand {
    List(list::KeyList),
    Add(add::KeyAdd),
    Remove(remove::KeyRemove),
    #[command(subcommand)]
    Rotate(rotate::KeyRotate),
    Export(export::KeyExport),
    Import(import::KeyImport),
    Shred(shred::KeyShred),
}

impl KeyCommand {
    /// Does it.
    pub(in crate::cli) async fn run(self, context: &Context) -> Result<ExitStatus, Failure> {
        match self {
            Self::List(command) => command.run(context).await,
            Self::Add(command) => command.run(context).await,
            Self::Remove(command) => command.run(context).await,
            Self::Rotate(command) => command.run(context).await,
            Self::Export(command) => command.run(context).await,
            Self::Import(command) => command.run(context).await,
            Self::Shred(command) => command.run(context).await,
        }
    }
}

/// What it means that slots could not be changed.
fn failure(what: impl Into<String>, error: SlotsError) -> Failure {
    let next = match &error {
        SlotsError::NotOne { .. } => Some("`orlop key list` shows the ids"),
        SlotsError::Last { .. } => {
            Some("add another with `orlop key add`, or see `orlop key shred --help`")
        }
        SlotsError::InUse { .. } => Some(
            "open the repository with another key to remove this one: so it is known that one \
             still opens",
        ),
        SlotsError::ReadBack { .. } => {
            Some("do not rely on the store: `orlop store check` shows what it does wrong")
        }
        _ => None,
    };
    let failure = Failure::new(what).because(error);
    match next {
        Some(next) => failure.next(next),
        None => failure,
    }
}

/// A change of one slot: the result of `orlop key add --json` and its like.
#[derive(Debug, Serialize)]
struct Changed {
    /// `added` or `removed`.
    message_type: &'static str,
    /// Id of the slot, 16 hex digits.
    id: String,
}

/// Prints what happened to a slot.
fn say(context: &Context, what: &'static str, name: &ObjectName) -> Result<(), Failure> {
    let id = name.as_str().rsplit('-').next().unwrap_or_default();
    let mut out = context.output();
    if context.options.json {
        out.json(&Changed {
            message_type: what,
            id: id.to_owned(),
        })?;
    } else if context.options.quiet {
        out.line(id)?;
    } else {
        out.line(format!("{what} slot {id}"))?;
    }
    out.flush()
}
