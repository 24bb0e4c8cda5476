//! `orlop key remove`

use clap::Args;

use super::failure;
use crate::cli::context::Context;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::help::after_help_repository;
use crate::cli::repository;
use crate::slots::remove;

/// Take a key away from the repository
///
/// Whoever had it may have kept what it opens: somebody with a copy of the slot, or of the keys in
/// it, reads what they can reach, also what is saved from now on. Only a new generation of keys
/// ends that: `orlop key rotate generation`. The slot that opens the repository for this command
/// stays.
#[derive(Args, Debug)]
#[command(after_long_help = after_help_repository!(
    "orlop key remove $(orlop key list --quiet | tail -n 1)"
))]
pub(in crate::cli) struct KeyRemove {
    /// First digits of the slot's id
    id: String,
}

impl KeyRemove {
    /// Prints the id of the slot.
    pub(in crate::cli) async fn run(self, context: &Context) -> Result<ExitStatus, Failure> {
        let repository = repository::open(context).await?;
        let name = remove(&repository, &self.id.to_ascii_lowercase())
            .await
            .map_err(|error| failure("no key was removed", error))?;
        super::say(context, "removed", &name)?;
        context.note(
            "whoever kept a copy of that key and slot can still read everything, also what is saved \
             from now on, until `orlop key rotate generation` has started new keys",
        );
        Ok(ExitStatus::Done)
    }
}
