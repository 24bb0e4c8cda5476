//! `orlop completions`

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::cli::args::CommandLine;
use crate::cli::context::Context;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::help::after_help;
use crate::cli::output;

/// Print a script that completes commands and options in a shell
#[derive(Args, Debug)]
#[command(after_long_help = after_help!("orlop completions bash > /tmp/orlop.bash"))]
pub(in crate::cli) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    /// Prints the script.
    pub(in crate::cli) fn run(self, context: &Context) -> Result<ExitStatus, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(
            self.shell,
            &mut CommandLine::command(),
            "orlop",
            &mut script,
        );
        let mut out = context.output();
        std::io::Write::write_all(&mut out, &script).map_err(output::failure)?;
        out.flush()?;
        Ok(ExitStatus::Done)
    }
}
