//! `orlop mount`

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use tokio::runtime::Handle;

use crate::cli::blocking::blocking;
use crate::cli::browse::{Browse, shown};
use crate::cli::context::Context;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::help::after_help_repository;
use crate::cli::selection::Selection;
use crate::cli::values::SnapshotPath;
use crate::cli::{human, json, repository};
use crate::mount::{Mount, MountError, MountMemory, MountOptions, What};

/// How often the log is told that the repository is still being read: a session that shows nothing
/// for 7 days is taken for dead by `orlop prune`.
const KEEP_ALIVE: Duration = Duration::from_hours(24);
/// How old the list of snapshots may be that is shown.
const REFRESH: Duration = Duration::from_secs(5);

/// Show snapshots as a read-only file system
///
/// With a snapshot, the folder shows what is in it, or in a folder of it. With `all` or none, it
/// shows all snapshots, and new ones as they come: volumes/VOLUME/TIME-ID, where `/` in the name of a
/// volume is written as %2F; links to them as ids/ID; and the newest as `latest` and
/// volumes/VOLUME/latest.
///
/// Runs until it is unmounted, by Ctrl-C or `umount`, and says when the folder can be used. Needs
/// FUSE in the kernel, and the program fusermount3 unless root mounts. What cannot be read gives an
/// error where it is needed, and is named once.
#[derive(Args, Debug)]
#[command(
    override_usage = "orlop mount [OPTIONS] [SNAPSHOT[:PATH]] <DIR>",
    after_long_help = after_help_repository!(
        "orlop mount latest /mnt",
        "3    " "unmounted, but something could not be read meanwhile: each part was named"
    )
)]
pub(in crate::cli) struct MountCommand {
    /// What to show, and the folder to mount on
    ///
    /// The first is `latest`, the first digits of an id, or `all`; after a colon, a folder in it.
    // One list: options may stand between the two, of which the first may be left out.
    #[arg(value_name = "DIR", required = true)]
    places: Vec<OsString>,

    /// Let other users look into it; modes and owners of files then decide what they may read
    #[arg(long)]
    allow_other: bool,

    #[command(flatten)]
    selection: Selection,
}

/// That the folder can be used.
#[derive(Serialize)]
struct MountedMessage {
    message_type: &'static str,
    mountpoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot_id: Option<String>,
}

impl MountCommand {
    /// Mounts, and waits until it is unmounted.
    pub(in crate::cli) async fn run(self, context: &Context) -> Result<ExitStatus, Failure> {
        let (part, folder) = self.places()?;
        let repository = repository::open(context).await?;
        let memory = MountMemory::new(context.memory());
        let (what, base) = match &part {
            Some(part) if part.snapshot != "all" => {
                let snapshot = self
                    .selection
                    .one(&part.snapshot, &repository.state().await)?;
                let base = snapshot.id;
                let folder = Browse::key(&part.path)?;
                (What::One { snapshot, folder }, Some(base))
            }
            Some(part) if !part.path.is_empty() => {
                return Err(
                    Failure::usage("a path needs one snapshot, and `all` are many")
                        .next("name a snapshot: `latest` or the first digits of an id"),
                );
            }
            _ => (What::All(self.selection.filter()), None),
        };
        let subject = match &what {
            What::One { snapshot, folder } => {
                let path = human::name(&shown(folder));
                format!("{path} of snapshot {:.8}", snapshot.id)
            }
            What::All(_) => "the snapshots".to_owned(),
        };
        let options = MountOptions {
            what,
            allow_other: self.allow_other,
            memory,
            refresh: REFRESH,
        };
        let stop = context.interrupt.asks();
        let reading = repository::announce(context, &repository, base).await?;
        let incomplete = Arc::new(AtomicBool::new(false));
        let report = {
            let (tell, incomplete) = (context.reporter("mount"), Arc::clone(&incomplete));
            Arc::new(move |problem| {
                incomplete.store(true, Ordering::Relaxed);
                tell(&problem);
            })
        };
        let index = repository::open_index(context, &repository);
        let (runtime, point) = (Handle::current(), folder.clone());
        let mounted = blocking(move || {
            Mount::start(repository, &runtime, index, &point, &options, report).map_err(failure)
        })
        .await;
        let mount = match mounted {
            Ok(mount) => mount,
            Err(failure) => {
                reading.end().await;
                return Err(failure);
            }
        };
        say_mounted(context, &folder, &subject, base.map(|id| id.to_string()))?;
        let in_use = || {
            context.note(
                "unmounted, but something is open in it: waiting until it is closed; Ctrl-C again \
                 ends at once, and reading it fails from then on",
            );
        };
        let asked = async {
            // The sender lives as long as the program.
            drop(stop.await);
        };
        mount
            .serve(reading, KEEP_ALIVE, asked, in_use)
            .await
            .map_err(failure)?;
        Ok(if incomplete.load(Ordering::Relaxed) {
            ExitStatus::Incomplete
        } else {
            ExitStatus::Done
        })
    }

    /// What is to be shown, if that is named, and where.
    fn places(&self) -> Result<(Option<SnapshotPath>, PathBuf), Failure> {
        match self.places.as_slice() {
            [folder] => Ok((None, folder.into())),
            [part, folder] => match SnapshotPath::parse(part) {
                Some(part) => Ok((Some(part), folder.into())),
                None => Err(Failure::usage(format!(
                    "{} is not SNAPSHOT or SNAPSHOT:PATH, such as latest:/etc",
                    part.display()
                ))),
            },
            _ => Err(Failure::usage(
                "`orlop mount` takes a snapshot and a folder, and nothing more",
            )),
        }
    }
}

/// Tells that the folder can be used.
fn say_mounted(
    context: &Context,
    folder: &Path,
    subject: &str,
    snapshot_id: Option<String>,
) -> Result<(), Failure> {
    let folder = folder.as_os_str().as_bytes();
    let mut out = context.output();
    if context.options.json {
        out.json(&MountedMessage {
            message_type: "mounted",
            mountpoint: json::text(folder),
            snapshot_id,
        })?;
    } else {
        let folder = human::name(folder);
        out.line(format!(
            "{subject} can be read in {folder} until Ctrl-C or `umount {folder}`"
        ))?;
    }
    out.flush()
}

fn failure(error: MountError) -> Failure {
    let next = match &error {
        MountError::Folder { .. } => {
            "name a folder that is there; `umount` it first if a mount that has broken is on it"
        }
        MountError::Part { .. } => "`orlop ls` shows what is in a snapshot",
        MountError::Mount { .. } => {
            "it takes /dev/fuse (`modprobe fuse`), and for all but root the program fusermount3 \
             (package fuse3) and, with --allow-other, user_allow_other in /etc/fuse.conf"
        }
        MountError::Unmount { .. } => "unmount it by `umount -l`",
    };
    Failure::new("the mount failed").because(error).next(next)
}
