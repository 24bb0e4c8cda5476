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

#[cfg(test)]
mod tests {
    use clap::{Command, CommandFactory as _};

    use crate::cli::args::CommandLine;

    /// Every command with its help, by its full name.
    fn all(command: &mut Command, name: &str, found: &mut Vec<(String, String)>) {
        found.push((name.to_owned(), command.render_long_help().to_string()));
        for sub in command.get_subcommands_mut() {
            if sub.get_name() != "help" {
                let name = format!("{name} {}", sub.get_name());
                all(sub, &name, found);
            }
        }
    }

    fn helps() -> Vec<(String, String)> {
        let mut command = CommandLine::command().term_width(100);
        command.build();
        let mut found = Vec::new();
        all(&mut command, "orlop", &mut found);
        found
    }

    /// What everybody sees stays as it is until somebody looks at the difference.
    #[test]
    fn the_whole_help() {
        let mut text = String::new();
        for (name, help) in helps() {
            // The global options are the same everywhere.
            let own = match (help.split_once("Global options:\n"), name.as_str()) {
                (Some((own, rest)), sub) if sub != "orlop" => {
                    let end = rest.find("EXAMPLE\n").and_then(|at| rest.get(at..));
                    format!("{own}{}", end.unwrap_or_default())
                }
                _ => help,
            };
            text.extend(["# ", &name, "\n\n", own.trim_end(), "\n\n"]);
        }
        insta::assert_snapshot!(text);
    }

    #[test]
    fn every_command_has_an_example_and_its_exit_codes() {
        for (name, help) in helps() {
            if help.contains("Commands:\n") {
                continue;
            }
            let example = help.split_once("EXAMPLE\n    ").map(|(_, rest)| rest);
            let example = example.unwrap_or_else(|| panic!("{name} has no example"));
            assert!(example.starts_with(&name), "{name}: {example}");
            assert!(help.contains("EXIT STATUS\n    0  "), "{name}");
        }
    }

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        CommandLine::command().debug_assert();
    }
}
