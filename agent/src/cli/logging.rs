//! Logs on standard error.

use clap::ValueEnum;
use tracing::Level;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use super::terminal::Terminal;

/// How log lines look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

/// Sends logs of `verbosity` (0 warnings, 1 information, 2 debugging, 3 everything) to `terminal`.
///
/// Other crates' logs come one step later than ours, so that `-v` stays readable.
pub(super) fn start(terminal: &Terminal, format: LogFormat, verbosity: u8) {
    let filter = tracing_subscriber::filter::Targets::new()
        .with_default(level(verbosity.saturating_sub(1)))
        // It takes for a warning what the kernel asks and nobody needs.
        .with_target("fuser", LevelFilter::ERROR)
        .with_target("orlop_agent", level(verbosity))
        .with_target("orlop_repo", level(verbosity))
        .with_target("orlop_chunker", level(verbosity));
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(terminal.clone())
        .with_ansi(terminal.is_live());
    let layer = match format {
        LogFormat::Text => layer.with_filter(filter).boxed(),
        LogFormat::Json => layer.json().with_filter(filter).boxed(),
    };
    // Only a second call in one process fails, and then logs go on as they did.
    drop(tracing_subscriber::registry().with(layer).try_init());
}

fn level(verbosity: u8) -> LevelFilter {
    LevelFilter::from_level(match verbosity {
        0 => Level::WARN,
        1 => Level::INFO,
        2 => Level::DEBUG,
        _ => Level::TRACE,
    })
}
