//! From mounting to unmounting.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fuser::{BackgroundSession, INodeNo, MountOption, Notifier, Session, SessionACL};
use orlop_repo::explain::explain;
use orlop_repo::log::Invalid;
use orlop_repo::repository::{OpenIndex, Reading, Repository, SessionError};
use rustix::mount::UnmountFlags;
use tokio::runtime::Handle;
use tokio::sync::oneshot::{self, error::TryRecvError};

use super::above::Above;
use super::answers::Answers;
use super::current::Current;
use super::file_system::FileSystem;
use super::handles::Handles;
use super::inodes::Inodes;
use super::node::{Node, Placed};
use super::options::{MountOptions, What};
use super::problems::{Problems, Report};
use super::trees::Trees;

/// It could not be mounted, or ended with an error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MountError {
    /// There is no such folder, or it cannot be used.
    #[error("cannot mount on {}", .folder.display())]
    Folder {
        /// Where it should be mounted.
        folder: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The snapshot has no such folder, or it cannot be read.
    #[error("cannot mount {path:?} of the snapshot")]
    Part {
        /// The path in the snapshot, lossy.
        path: String,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The kernel, or `fusermount3`, did not mount it.
    #[error("the system does not mount a file system of a program on {}", .folder.display())]
    Mount {
        /// Where it should be mounted.
        folder: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The kernel would not unmount it.
    #[error("cannot unmount {}", .folder.display())]
    Unmount {
        /// Where it is mounted.
        folder: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Whether an unmounted file system is gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unmounted {
    /// It is.
    Gone,
    /// Nobody new can look into it; who has something open there goes on until it is closed.
    InUse,
}

/// A mounted file system. Dropped, it is unmounted if it can be.
pub struct Mount {
    folder: PathBuf,
    answers: Arc<Answers>,
    /// Nothing when it was unmounted.
    session: Option<BackgroundSession>,
    ended: oneshot::Receiver<()>,
}

impl Mount {
    /// Mounts on `folder`. When it returns, the folder shows what was asked for.
    ///
    /// Requests are answered on blocking threads of `runtime`. `open_index` makes the index, if
    /// something has moved. Blocks; not to be called on a thread of the runtime.
    pub fn start(
        repository: Arc<Repository>,
        runtime: &Handle,
        open_index: OpenIndex,
        folder: &Path,
        options: &MountOptions,
        report: Report,
    ) -> Result<Self, MountError> {
        let unusable = |source| MountError::Folder {
            folder: folder.to_owned(),
            source,
        };
        let folder = folder.canonicalize().map_err(unusable)?;
        if !folder.is_dir() {
            return Err(unusable(io::ErrorKind::NotADirectory.into()));
        }
        let clone = Arc::clone(&repository);
        let trees = Trees::new(repository, runtime.clone(), open_index, &options.memory);
        let (top, above) = match &options.what {
            What::One { snapshot, folder } => {
                let top = Placed::top(trees.of(snapshot), folder.clone());
                (Node::Placed(Arc::new(top)), None)
            }
            What::All(filter) => {
                let uid = rustix::process::getuid().as_raw();
                let gid = rustix::process::getgid().as_raw();
                let (filter, refresh) = (filter.clone(), options.refresh);
                let above = Above {
                    current: Current::new(clone, runtime.clone(), filter, refresh),
                    owner: (uid, gid),
                };
                (Node::Top, Some(above))
            }
        };
        let answers = Arc::new(Answers {
            trees,
            inodes: Inodes::new(top, options.memory.inodes),
            handles: Handles::default(),
            problems: Problems::new(report),
            above,
        });
        answers.check_top().map_err(|source| MountError::Part {
            path: match &options.what {
                What::One { folder, .. } => String::from_utf8_lossy(&folder.path()).into_owned(),
                What::All(_) => String::new(),
            },
            source,
        })?;
        let refused = |source| MountError::Mount {
            folder: folder.clone(),
            source,
        };
        let (tell, ended) = oneshot::channel();
        let system = FileSystem::new(Arc::clone(&answers), tell);
        let session = Session::new(system, &folder, &config(options)).map_err(refused)?;
        let notifier = session.notifier();
        let session = session.spawn().map_err(refused)?;
        let remembered = Arc::clone(&answers);
        std::thread::Builder::new()
            .name("forget".to_owned())
            .spawn(move || ask_to_forget(&remembered.inodes, &notifier))
            .map_err(refused)?;
        Ok(Self {
            folder,
            answers,
            session: Some(session),
            ended,
        })
    }

    /// Waits until it is unmounted, by others or because `stop` says so, and ends `reading`, the
    /// session that announces it; gives a sign of life in the log every `keep_alive`. `in_use` is
    /// called if it has to wait for others who have something open.
    pub async fn serve(
        mut self,
        reading: Reading,
        keep_alive: Duration,
        stop: impl Future<Output = ()>,
        in_use: impl FnOnce(),
    ) -> Result<(), MountError> {
        let mut alive = tokio::time::interval(keep_alive.max(Duration::from_millis(1)));
        // The first tick is at once, and the session has just begun.
        alive.tick().await;
        tokio::pin!(stop);
        let mut announced = true;
        let result = loop {
            tokio::select! {
                // The other side is never dropped before it has told.
                _ = &mut self.ended => break self.unmount().map(|_| ()),
                () = &mut stop => {
                    let result = tokio::task::block_in_place(|| self.unmount());
                    if matches!(result, Ok(Unmounted::InUse)) {
                        in_use();
                        drop((&mut self.ended).await);
                    }
                    break result.map(|_| ());
                }
                _ = alive.tick(), if announced => announced = self.keep_alive(&reading).await,
            }
        };
        reading.end().await;
        result
    }

    /// Gives a sign of life; `false` if there is no use in it any more.
    async fn keep_alive(&self, reading: &Reading) -> bool {
        let Err(error) = reading.keep_alive().await else {
            return true;
        };
        let dead = matches!(error, SessionError::Invalid(Invalid::SessionNotOpen(_)));
        let what = format!(
            "the log cannot say any longer that this is being read: {}",
            explain(&error)
        );
        self.answers.problems.tell(b"/".to_vec(), what);
        !dead
    }

    /// Bytes taken by the inodes that the kernel remembers.
    pub fn inode_memory(&self) -> u64 {
        self.answers.inodes.cost()
    }

    /// Unmounts it. Blocks.
    pub fn unmount(&mut self) -> Result<Unmounted, MountError> {
        let Some(session) = self.session.take() else {
            return Ok(Unmounted::Gone);
        };
        if !matches!(self.ended.try_recv(), Err(TryRecvError::Empty)) {
            // Others have unmounted it. The session would do so once more when it is dropped, and
            // something else may be mounted there by now.
            std::mem::forget(session);
            return Ok(Unmounted::Gone);
        }
        let failed = |source| MountError::Unmount {
            folder: self.folder.clone(),
            source,
        };
        match session.umount_and_join() {
            Ok(()) => Ok(Unmounted::Gone),
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {
                rustix::mount::unmount(&self.folder, UnmountFlags::DETACH)
                    .map_err(|error| failed(error.into()))?;
                Ok(Unmounted::InUse)
            }
            // Somebody was faster.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => Ok(Unmounted::Gone),
            Err(error) => Err(failed(error)),
        }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Nobody is left to be told.
        drop(self.unmount());
    }
}

fn config(options: &MountOptions) -> fuser::Config {
    let mut config = fuser::Config::default();
    config.mount_options = vec![
        MountOption::RO,
        MountOption::FSName("orlop".to_owned()),
        MountOption::Subtype("orlop".to_owned()),
        MountOption::NoDev,
        MountOption::NoSuid,
        MountOption::NoAtime,
    ];
    if options.allow_other {
        config.acl = SessionACL::All;
        config.mount_options.push(MountOption::DefaultPermissions);
    }
    config
}

/// Asks the kernel to forget what it was told, when that is too much. On a thread of its own: the
/// kernel may wait for an answer in the same folder before it does.
fn ask_to_forget(inodes: &Inodes, notifier: &Notifier) {
    while let Some(surplus) = inodes.surplus() {
        for named in surplus {
            // What it does not know any more it need not forget.
            drop(notifier.inval_entry(
                INodeNo(named.folder),
                std::os::unix::ffi::OsStrExt::from_bytes(&named.name),
            ));
        }
    }
}
