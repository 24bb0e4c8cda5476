//! From arguments to an exit code.

use std::process::ExitCode;

use clap::Parser as _;

use super::args::CommandLine;
use super::called_as;
use super::context::Context;
use super::exit::ExitStatus;
use super::failure::Failure;
use super::logging;
use super::repository;
use super::terminal::Terminal;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let line = match CommandLine::try_parse_from(called_as::arguments(std::env::args_os())) {
        Ok(line) => line,
        Err(error) => {
            // Help goes to standard output, complaints to standard error. Nobody is left to be
            // told if that fails.
            drop(error.print());
            let failed = error.use_stderr();
            return if failed {
                ExitStatus::Usage.into()
            } else {
                ExitStatus::Done.into()
            };
        }
    };
    let options = line.global.clone();
    let terminal = Terminal::stderr(!options.quiet && !options.json);
    logging::start(&terminal, options.log_format, options.verbose);
    let result = runtime(options.threads).and_then(|runtime| {
        let result = runtime.block_on(async {
            let context = Context::new(options.clone(), terminal.clone());
            let result = line.command.run(&context).await;
            repository::remember_opened(&context).await;
            if context.interrupt.happened() && result.is_err() {
                result.map_err(|failure| failure.status(ExitStatus::Interrupted))
            } else {
                result
            }
        });
        // Not waiting for threads that read a stream which never ends.
        runtime.shutdown_background();
        result
    });
    terminal.clear();
    match result {
        Ok(status) => status.into(),
        Err(failure) => {
            if failure.is_silent() {
            } else if options.json {
                terminal.json(&failure.json());
            } else {
                terminal.write(failure.text().as_bytes());
            }
            failure.exit_status().into()
        }
    }
}

/// The threads that wait and those that compute.
fn runtime(threads: Option<u16>) -> Result<tokio::runtime::Runtime, Failure> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = threads {
        builder.worker_threads(usize::from(threads));
        rayon::ThreadPoolBuilder::new()
            .num_threads(usize::from(threads))
            .build_global()
            .map_err(|error| Failure::new("cannot start threads").because(error))?;
    }
    builder
        .enable_all()
        .build()
        .map_err(|error| Failure::new("cannot start threads").because(error))
}
