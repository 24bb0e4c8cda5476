//! A bucket, a bad network before it, and a program that uses it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use orlop_agent::backup::Tools;
use orlop_agent::memory::{MIN_BUDGET, MemoryPlan};
use orlop_agent::progress::Progress;
use orlop_agent::restore::{Existing, RestoreError, RestoreOptions, RestoreSummary, restore};
use orlop_repo::check::{CheckError, CheckOptions, CheckReport, NoProgress, ReadData, check};
use orlop_repo::clock::SystemClock;
use orlop_repo::entropy::OsEntropy;
use orlop_repo::index::{CacheFolder, LocalIndex};
use orlop_repo::repository::{OpenOptions, Repository, RepositoryError};
use orlop_repo::slots::Credential;
use orlop_repo::snapshot::Snapshot;
use orlop_repo::store::{Store, StoreConfig, StoreUrl};
use orlop_test_servers::{Asked, Fault, FaultProxy, S3Server};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::support;

const BUCKET: &str = "orlop-wire";

pub(crate) struct World {
    pub(crate) runtime: Runtime,
    pub(crate) server: S3Server,
    pub(crate) folder: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        let server = S3Server::start().unwrap();
        server.bucket(BUCKET).unwrap();
        let folder = tempfile::tempdir().unwrap();
        support::fill(&folder.path().join("source"));
        Self {
            runtime: support::runtime(),
            server,
            folder,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn source(&self) -> PathBuf {
        self.path("source")
    }

    /// A bad network before the server.
    pub(crate) fn network(
        &self,
        choose: impl Fn(&Asked) -> Option<Fault> + Send + Sync + 'static,
    ) -> FaultProxy {
        FaultProxy::start(&self.server.endpoint(), choose).unwrap()
    }

    /// The bucket over that network, or without one, by a client that tries again for that long
    /// and waits for an answer for half a second.
    pub(crate) fn store(&self, network: Option<&FaultProxy>, give_up_after: Duration) -> Store {
        let endpoint = network.map_or_else(|| self.server.endpoint(), FaultProxy::endpoint);
        let settings = self.server.settings_at(endpoint);
        let mut config = StoreConfig::default().with_settings(settings);
        config.patience = Duration::from_millis(500);
        config.retry.first_pause = Duration::from_millis(1);
        config.retry.longest_pause = Duration::from_millis(20);
        config.retry.give_up_after = give_up_after;
        config.retry.give_up_unreached = give_up_after;
        let url: StoreUrl = format!("s3://{BUCKET}/p").parse().unwrap();
        Store::open(&url, &config).unwrap()
    }

    /// The same over no network, which does not fail.
    pub(crate) fn quiet(&self) -> Store {
        self.store(None, Duration::from_secs(10))
    }

    pub(crate) fn try_open(&self, store: Store) -> Result<Arc<Repository>, RepositoryError> {
        let options = OpenOptions {
            memory: MIN_BUDGET,
            expect: None,
            seen: None,
            clock: Arc::new(SystemClock::new()),
            entropy: Arc::new(OsEntropy),
        };
        let credentials = [Credential::Raw([7; 32].into())];
        self.runtime
            .block_on(Repository::open(store, &credentials, options))
    }

    /// The repository as somebody sees it whose network is good.
    pub(crate) fn open(&self) -> Arc<Repository> {
        self.try_open(self.quiet()).unwrap()
    }

    pub(crate) fn tools(&self, repository: Arc<Repository>) -> Tools {
        let cache = CacheFolder::TemporaryIn(self.folder.path().to_owned());
        Tools {
            repository,
            index: Arc::new(LocalIndex::open(&cache, None).unwrap()),
            runtime: self.runtime.handle().clone(),
        }
    }

    pub(crate) fn try_restore(
        &self,
        repository: Arc<Repository>,
        snapshot: &Snapshot,
        target: &Path,
    ) -> Result<RestoreSummary, RestoreError> {
        let options = RestoreOptions {
            path: Vec::new(),
            target: target.to_owned(),
            select: None,
            existing: Existing::IfChanged,
            delete: false,
            sparse: false,
            verify: false,
            dry_run: false,
            threads: 2,
            memory: MemoryPlan::new(MIN_BUDGET),
            scratch: self.folder.path().to_owned(),
        };
        let tools = self.tools(repository);
        restore(&tools, snapshot, options, &Arc::new(Progress::new()))
    }

    pub(crate) fn try_check(
        &self,
        repository: &Arc<Repository>,
    ) -> Result<CheckReport, CheckError> {
        let options = CheckOptions {
            read_data: ReadData::All,
            seed: 1,
            memory: 8 << 20,
            scratch: self.folder.path().to_owned(),
        };
        let progress = Arc::new(NoProgress);
        self.runtime.block_on(check(repository, &options, progress))
    }
}
