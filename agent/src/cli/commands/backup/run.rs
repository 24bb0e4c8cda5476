//! Doing it, one path after the other.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use orlop_repo::model::SnapshotId;
use orlop_repo::snapshot::check_labels;

use super::options::Backup;
use super::{exclusion, summary, volume};
use crate::backup::{
    BackupOptions, CheckpointPolicy, Predecessors, SCAN_AFTER, Source, Tools, backup,
};
use crate::cli::blocking::blocking;
use crate::cli::context::Context;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::progress::Work;
use crate::cli::repository;
use crate::cli::values::Percent;
use crate::memory::MemoryPlan;
use crate::select::SnapshotFilter;

/// One snapshot to be made.
struct Job {
    /// For messages.
    name: String,
    volume: String,
    source: Source,
}

impl Backup {
    /// Makes the snapshots and prints a summary of each.
    pub(in crate::cli) async fn run(self, context: &Context) -> Result<ExitStatus, Failure> {
        let jobs = self.jobs()?;
        let tags = self.tags();
        for job in &jobs {
            check_labels(&job.volume, &tags).map_err(|error| {
                Failure::usage("cannot describe the snapshot so").because(error)
            })?;
        }
        let repository = repository::open_or_make_default(context).await?;
        let parent = match &self.parent {
            Some(name) => Some(parent(&repository.state().await, name)?),
            None => None,
        };
        let tools = repository::tools(context, repository)?;
        let mut status = ExitStatus::Done;
        for job in jobs {
            let incomplete = self.one(context, &tools, parent, job).await?;
            if incomplete {
                status = ExitStatus::Incomplete;
            }
        }
        Ok(status)
    }

    fn tags(&self) -> BTreeMap<String, String> {
        let tags = self.tag.iter();
        tags.map(|tag| (tag.key.clone(), tag.value.clone()))
            .collect()
    }

    /// Makes one snapshot; tells whether it is incomplete.
    async fn one(
        &self,
        context: &Context,
        tools: &Tools,
        parent: Option<SnapshotId>,
        job: Job,
    ) -> Result<bool, Failure> {
        let Job {
            name,
            volume,
            source,
        } = job;
        let cache = repository::cache_of(context, &tools.repository)?;
        let options = BackupOptions {
            volume,
            tags: self.tags(),
            parent,
            force: self.force,
            sample: self.force_sample.map_or(0.0, Percent::share),
            scan: (!self.no_scan && !context.options.quiet).then_some(SCAN_AFTER),
            dry_run: self.dry_run,
            owner: None,
            client: concat!("orlop ", env!("CARGO_PKG_VERSION")).to_owned(),
            threads: context.threads(),
            memory: MemoryPlan::new(context.memory()).for_threads(context.threads()),
            predecessors: Predecessors {
                notes: Some(cache.join("sessions")),
                same_owner: false,
            },
            checkpoints: CheckpointPolicy::default(),
            scratch: cache,
        };
        let (progress, display) = context.work(Work::Files, "backup");
        let tools = tools.clone();
        let done = blocking(move || {
            backup(&tools, source, &options, &progress).map_err(|error| {
                Failure::new(format!("no snapshot was made of {name}")).because(error)
            })
        })
        .await;
        display.end();
        let done = done?;
        summary::show(context, &done, self.dry_run)?;
        Ok(done.snapshot.problem_count > 0)
    }

    /// What is to be saved; whatever can be wrong with the options shows here.
    fn jobs(&self) -> Result<Vec<Job>, Failure> {
        if let Some(name) = &self.stdin {
            return Ok(vec![Job {
                name: "standard input".to_owned(),
                volume: match &self.volume {
                    Some(volume) => volume.clone(),
                    None => volume::default_name(Path::new(name)),
                },
                source: Source::Stream {
                    name: name.clone(),
                    reader: Box::new(std::io::stdin()),
                },
            }]);
        }
        if self.volume.is_some() && self.paths.len() > 1 {
            return Err(
                Failure::usage("--volume names one volume, and there are several paths")
                    .next("back each path up on its own"),
            );
        }
        let patterns = exclusion::patterns(self)?;
        let paths: Vec<PathBuf> = self
            .paths
            .iter()
            .map(|path| absolute(path))
            .collect::<Result<_, _>>()?;
        paths
            .into_iter()
            .map(|path| self.job(path, &patterns))
            .collect()
    }

    fn job(&self, path: PathBuf, patterns: &[String]) -> Result<Job, Failure> {
        let volume = match &self.volume {
            Some(volume) => volume.clone(),
            None => volume::default_name(&path),
        };
        let name = path.display().to_string();
        let source = if self.device {
            Source::Device { path }
        } else {
            Source::Folder {
                exclude: exclusion::exclude(patterns, self.exclude_caches, &path)?,
                one_file_system: self.one_file_system,
                path,
            }
        };
        Ok(Job {
            name,
            volume,
            source,
        })
    }
}

/// The path without links, so that a volume has one name by whichever way it is reached.
fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::fs::canonicalize(path).map_err(|error| {
        Failure::new(format!("cannot back up {}", path.display()))
            .because(error)
            .next("check the path; nothing was saved")
    })
}

fn parent(state: &orlop_repo::log::State, name: &str) -> Result<SnapshotId, Failure> {
    SnapshotFilter::default()
        .find(name, state.snapshots.values())
        .map(|snapshot| snapshot.id)
        .map_err(|error| {
            Failure::new(format!("cannot compare with the snapshot {name:?}"))
                .because(error)
                .next("`orlop snapshots` lists them")
        })
}
