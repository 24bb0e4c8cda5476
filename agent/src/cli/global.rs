//! Options that every command takes.

use std::path::PathBuf;

use clap::{ArgAction, Args};

use super::logging::LogFormat;
use super::values::Size;

/// Where the repository is, what opens it, and how to talk about it.
#[derive(Args, Clone, Debug)]
#[expect(
    clippy::doc_markdown,
    reason = "these comments are the help, which has no markup"
)]
#[command(next_help_heading = "Global options")]
pub(super) struct GlobalOptions {
    /// Repository: a path, file://, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix
    ///
    /// Endpoint and credentials come from the usual variables of AWS, Google and Azure, such as
    /// AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_CA_BUNDLE, GOOGLE_APPLICATION_CREDENTIALS or
    /// AZURE_STORAGE_ACCOUNT_KEY. Without this option it is the user's own repository, in the data
    /// folder, with a key file in the configuration folder; `backup` makes both.
    #[arg(
        short,
        long,
        global = true,
        env = "ORLOP_REPO",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub(super) repo: Option<String>,

    /// File with a key: 32 bytes, or 64 hex digits
    #[arg(
        long,
        global = true,
        env = "ORLOP_KEY_FILE",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub(super) key_file: Option<PathBuf>,

    /// File with a passphrase; one line's end at its end does not count
    #[arg(
        long,
        global = true,
        env = "ORLOP_PASSPHRASE_FILE",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub(super) passphrase_file: Option<PathBuf>,

    /// File with an age identity (AGE-SECRET-KEY-1...), for recovery
    #[arg(
        long,
        global = true,
        env = "ORLOP_IDENTITY",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub(super) identity: Option<PathBuf>,

    /// Id that the repository must have: anybody can write a repository for a public recipient
    #[arg(
        long,
        global = true,
        env = "ORLOP_EXPECT_ID",
        hide_env_values = true,
        value_name = "ID"
    )]
    pub(super) expect_id: Option<String>,

    /// Folder for what can be fetched again; may be deleted at any time
    #[arg(
        long,
        global = true,
        env = "ORLOP_CACHE_DIR",
        hide_env_values = true,
        value_name = "DIR"
    )]
    pub(super) cache_dir: Option<PathBuf>,

    /// Memory to stay within, such as 256MiB
    ///
    /// The default is the smaller of 256 MiB and 0.6 of the container's limit.
    #[arg(
        long,
        global = true,
        env = "ORLOP_MEMORY",
        hide_env_values = true,
        value_name = "SIZE"
    )]
    pub(super) memory: Option<Size>,

    /// Threads that compute; the default is one for each processor
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) threads: Option<u16>,

    /// Print results as JSON, one object a line where there is progress to tell
    #[arg(long, global = true)]
    pub(super) json: bool,

    /// Print results in their shortest form, and no progress
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,

    /// Say more on standard error; up to three times
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(super) verbose: u8,

    /// How log lines look
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT")]
    pub(super) log_format: LogFormat,
}
