//! `orlop key rotate slot`

use clap::Args;

use crate::cli::commands::key::new_slot::Whom;
use crate::cli::commands::key::{failure, say};
use crate::cli::context::Context;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::help::after_help_repository;
use crate::cli::repository;
use crate::slots::{add, replace_current};

/// Put a new key in the place of the one that opens the repository now
///
/// The new slot is written, read back and opened; only then is the old one removed. Whoever kept
/// the old key and a copy of its slot can still read everything, also what is saved from now on:
/// `orlop key rotate generation` ends that.
#[derive(Args, Debug)]
#[command(after_long_help = after_help_repository!(
    "orlop key rotate slot --new-key-file /tmp/new.key"
))]
pub(in crate::cli) struct RotateSlot {
    #[command(flatten)]
    whom: Whom,

    /// What it is called; anybody who reads the store can read it
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
}

impl RotateSlot {
    /// Prints the ids of both slots.
    pub(in crate::cli) async fn run(self, context: &Context) -> Result<ExitStatus, Failure> {
        let Self { whom, label } = self;
        let repository = repository::open(context).await?;
        let new = whom.read(context)?;
        if matches!(new, crate::slots::NewSlotFor::Recipient(_)) {
            return Err(Failure::usage(
                "that a recovery identity opens its slot can be proven only by whoever has it",
            )
            .next(
                "add it with `orlop key add`, open the repository with it, then remove the old",
            ));
        }
        let added = add(&repository, &new, label.as_deref().unwrap_or(whom.label()))
            .await
            .map_err(|error| failure("the key was not replaced", error))?;
        say(context, "added", &added)?;
        let removed = replace_current(&repository, &added)
            .await
            .map_err(|error| {
                failure(
                    "the new key was added, but the old one is still there",
                    error,
                )
            })?;
        say(context, "removed", &removed)?;
        Ok(ExitStatus::Done)
    }
}
