//! `orlop key rotate`

mod generation;
mod slot;

use clap::Subcommand;

use crate::cli::context::Context;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;

/// Replace keys
#[derive(Subcommand, Debug)]
pub(in crate::cli) enum KeyRotate {
    Slot(slot::RotateSlot),
    Generation(generation::RotateGeneration),
}

impl KeyRotate {
    /// Does it.
    pub(in crate::cli) async fn run(self, context: &Context) -> Result<ExitStatus, Failure> {
        match self {
            Self::Slot(command) => command.run(context).await,
            Self::Generation(command) => command.run(context).await,
        }
    }
}
