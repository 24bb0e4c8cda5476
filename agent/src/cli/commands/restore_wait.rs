//! `orlop restore-wait`

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::help::after_help;
use crate::cli::human;
use crate::node::progress::DataProgress;
use crate::node::restore_wait::{RestoreWait, RestoreWaitError, VolumeState};

/// Wait in a restored pod until its volumes have their data
///
/// The program of the init container that a restore puts first into a pod, also called as
/// velero-restore-helper. The node's agent writes into the folder .velero of each volume how far its
/// restore is and how it ended. Fails if that of one volume failed or was cancelled, so that the pod
/// does not start. Runs under any account; in the end it removes the folders .velero that it may.
#[derive(Args, Debug)]
#[command(after_long_help = after_help!(
    "orlop restore-wait 8d7a1c9e-5a0f-4c64-9a53-2f6f0c3c1b11 --volumes-dir /tmp/restores"
))]
pub(in crate::cli) struct RestoreWaitCommand {
    /// UID of the Restore
    #[arg(value_name = "UID")]
    uid: String,

    /// Folder that has a folder for each volume
    #[arg(long, value_name = "DIR", default_value = "/restores")]
    volumes_dir: PathBuf,
}

/// What is told of a volume.
#[derive(Serialize)]
struct VolumeMessage<'a> {
    /// Always `volume`.
    message_type: &'static str,
    /// Name in the pod.
    volume: &'a str,
    /// `waiting`, `running`, `unreadable`, `done`, `failed`.
    state: &'static str,
    /// Bytes that there are, as far as it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    total_bytes: Option<i64>,
    /// Bytes that are done.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_done: Option<i64>,
}

impl RestoreWaitCommand {
    /// Waits.
    pub(in crate::cli) async fn run(self, context: &Context) -> Result<ExitStatus, Failure> {
        let wait = RestoreWait::new(&self.volumes_dir, &self.uid).map_err(failure)?;
        let mut broken = None;
        let tell = |volume: &str, state: &VolumeState| {
            if context.options.json {
                let mut out = context.output();
                let told = out.json(&message(volume, state)).and_then(|()| out.flush());
                broken = broken.take().or(told.err());
            } else {
                context.note(&line(volume, state));
            }
        };
        let left = wait.wait(&*context.clock, tell).await.map_err(failure)?;
        for left in left {
            // Mostly it runs under an account that may not.
            let name = human::name(left.volume.as_bytes());
            context.note(&format!("{name}: .velero stays: {}", left.source));
        }
        broken.map_or(Ok(ExitStatus::Done), Err)
    }
}

fn line(volume: &str, state: &VolumeState) -> String {
    let state = match state {
        VolumeState::Waiting => "waiting for the restore to begin".to_owned(),
        VolumeState::Running(progress) => running(progress),
        VolumeState::Unreadable(why) => format!("waiting, and {why}"),
        VolumeState::Done => "restored".to_owned(),
        VolumeState::Failed(_) => "failed".to_owned(),
    };
    format!("{}: {state}", human::name(volume.as_bytes()))
}

fn running(progress: &DataProgress) -> String {
    let bytes = |number: i64| human::bytes(u64::try_from(number).unwrap_or(0));
    let (done, total) = (bytes(progress.bytes_done), bytes(progress.total_bytes));
    match progress.percent() {
        Some(percent) => format!("{done} of {total}, {percent}%"),
        None => done,
    }
}

fn message<'a>(volume: &'a str, state: &VolumeState) -> VolumeMessage<'a> {
    let (state, progress) = match state {
        VolumeState::Waiting => ("waiting", None),
        VolumeState::Running(progress) => ("running", Some(progress)),
        VolumeState::Unreadable(_) => ("unreadable", None),
        VolumeState::Done => ("done", None),
        VolumeState::Failed(_) => ("failed", None),
    };
    VolumeMessage {
        message_type: "volume",
        volume,
        state,
        total_bytes: progress.map(|progress| progress.total_bytes),
        bytes_done: progress.map(|progress| progress.bytes_done),
    }
}

fn failure(error: RestoreWaitError) -> Failure {
    let what = "the pod must not start";
    match error {
        RestoreWaitError::BadUid { .. } => {
            Failure::usage(error.to_string()).next("name the Restore by its metadata.uid")
        }
        RestoreWaitError::List { .. } | RestoreWaitError::NoVolumes { .. } => Failure::new(what)
            .because(error)
            .next("mount each volume that is restored in a folder of --volumes-dir"),
        error => Failure::new(what)
            .because(error)
            .next("look at the PodVolumeRestores of the pod; delete the pod and restore it again"),
    }
}
