//! Parts of the help that several commands share.

use clap::builder::styling::{AnsiColor, Style, Styles};

/// Colours of the help, on terminals that have them.
pub(super) const STYLES: Styles = Styles::styled()
    .header(Style::new().bold())
    .usage(Style::new().bold())
    .literal(AnsiColor::Green.on_default())
    .placeholder(AnsiColor::Cyan.on_default());

/// The end of a command's help: an example that runs as it stands, then the exit codes.
macro_rules! after_help {
    ($example:literal $(, $code:literal $meaning:literal)*) => {
        concat!(
            "EXAMPLE\n    ", $example, "\n\nEXIT STATUS\n",
            "    0    done\n",
            "    1    failed, nothing is promised\n",
            "    2    the command line is not understood\n",
            $("    ", $code, $meaning, "\n",)*
            "    130  interrupted",
        )
    };
}

/// As [`after_help`], for commands that open a repository.
macro_rules! after_help_repository {
    ($example:literal $(, $code:literal $meaning:literal)*) => {
        $crate::cli::help::after_help!(
            $example
            $(, $code $meaning)*
            , "10   " "there is no repository at the place named"
            , "12   " "no key opens the repository"
        )
    };
}

pub(super) use {after_help, after_help_repository};
