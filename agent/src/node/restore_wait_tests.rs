//! The agent's part and the pod's part of a restore, together.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use orlop_repo::clock::Clock;
use parking_lot::Mutex;
use tempfile::TempDir;

use super::done_files::{DoneFiles, FOLDER, MAX_LEN, Outcome};
use super::progress::DataProgress;
use super::restore_wait::{EVERY, LeftBehind, RestoreWait, RestoreWaitError, VolumeState};
use crate::fs::Root;

const UID: &str = "restore-1";

/// A clock under which the next step of a story happens each time somebody pauses.
struct Story {
    now: Mutex<Duration>,
    steps: Mutex<Vec<Box<dyn FnMut() + Send>>>,
}

impl Story {
    fn new(steps: Vec<Box<dyn FnMut() + Send>>) -> Self {
        Self {
            now: Mutex::default(),
            steps: Mutex::new(steps),
        }
    }
}

impl Clock for Story {
    fn unix_ms(&self) -> u64 {
        0
    }

    fn monotonic(&self) -> Duration {
        *self.now.lock()
    }

    fn pause(&self, time: Duration) -> BoxFuture<'static, ()> {
        assert_eq!(time, EVERY);
        *self.now.lock() += time;
        let mut steps = self.steps.lock();
        assert!(!steps.is_empty(), "it waits for ever");
        let mut step = steps.remove(0);
        drop(steps);
        step();
        futures::future::ready(()).boxed()
    }
}

/// A pod's volumes, and the agent's hands on each.
struct PodVolumes {
    folder: TempDir,
    agents: BTreeMap<&'static str, Arc<Mutex<DoneFiles>>>,
}

fn volumes(names: &[&'static str]) -> PodVolumes {
    let folder = tempfile::tempdir().unwrap();
    let agent = |name: &'static str| {
        let path = folder.path().join(name);
        fs::create_dir(&path).unwrap();
        let files = DoneFiles::new(&Root::open(&path).unwrap(), UID).unwrap();
        (name, Arc::new(Mutex::new(files)))
    };
    let agents = names.iter().copied().map(agent).collect();
    PodVolumes { folder, agents }
}

impl PodVolumes {
    fn agent(&self, name: &str) -> Arc<Mutex<DoneFiles>> {
        Arc::clone(&self.agents[name])
    }

    /// Waits through a story; gives what was told and the end.
    fn wait(&self, story: &Story) -> (Vec<String>, Result<Vec<LeftBehind>, RestoreWaitError>) {
        let wait = RestoreWait::new(self.folder.path(), UID).unwrap();
        let mut told = Vec::new();
        let tell = |volume: &str, state: &VolumeState| {
            told.push(format!("{volume} {state:?}"));
        };
        let end = wait.wait(story, tell).now_or_never().unwrap();
        (told, end)
    }
}

fn step(step: impl FnMut() + Send + 'static) -> Box<dyn FnMut() + Send> {
    Box::new(step)
}

fn progress(bytes_done: i64) -> DataProgress {
    DataProgress {
        total_bytes: 9,
        bytes_done,
    }
}

#[test]
fn it_waits_until_every_volume_is_done_and_cleans_up() {
    let pod = volumes(&["data", "logs"]);
    let (data, logs) = (pod.agent("data"), pod.agent("logs"));
    // What an earlier restore and a file beside the volumes say does not count.
    fs::create_dir(pod.folder.path().join("logs").join(FOLDER)).unwrap();
    fs::write(
        pod.folder
            .path()
            .join("logs")
            .join(FOLDER)
            .join("restore-0"),
        "",
    )
    .unwrap();
    fs::write(pod.folder.path().join("file"), "").unwrap();
    let running = {
        let data = Arc::clone(&data);
        step(move || data.lock().begin(progress(1)).unwrap())
    };
    let further = {
        let data = Arc::clone(&data);
        step(move || data.lock().progress(progress(2)).unwrap())
    };
    let story = Story::new(vec![
        running,
        further,
        step(move || data.lock().done().unwrap()),
        step(move || logs.lock().done().unwrap()),
    ]);
    let (told, end) = pod.wait(&story);
    assert_eq!(
        told,
        [
            "data Waiting",
            "logs Waiting",
            "data Running(DataProgress { total_bytes: 9, bytes_done: 1 })",
            "data Done",
            "logs Done"
        ]
    );
    assert!(end.unwrap().is_empty());
    assert!(story.steps.lock().is_empty());
    for volume in ["data", "logs"] {
        assert!(!pod.folder.path().join(volume).join(FOLDER).exists());
    }
}

#[test]
fn a_volume_that_failed_ends_it_at_once_and_stays_failed() {
    let pod = volumes(&["data", "logs"]);
    pod.agent("logs").lock().done().unwrap();
    let data = pod.agent("data");
    let failed = step(move || {
        let mut data = data.lock();
        data.failed(Outcome::Cancelled, "by \u{1b}[31mhand")
            .unwrap();
    });
    let (_, end) = pod.wait(&Story::new(vec![failed]));
    let error = end.unwrap_err().to_string();
    assert_eq!(
        error,
        "volume data was not restored: cancelled: by  [31mhand"
    );
    // The init container is started again by kubelet.
    let (told, end) = pod.wait(&Story::new(Vec::new()));
    assert!(end.is_err());
    assert_eq!(told.len(), 2, "{told:?}");
}

#[test]
fn a_reason_that_cannot_be_read_still_means_failed() {
    let pod = volumes(&["data"]);
    pod.agent("data")
        .lock()
        .failed(Outcome::Failed, "x")
        .unwrap();
    let file = pod.folder.path().join("data").join(FOLDER);
    let file = file.join(format!("{UID}.failed"));
    for content in [b"{".to_vec(), vec![b' '; MAX_LEN + 1]] {
        fs::write(&file, content).unwrap();
        let (_, end) = pod.wait(&Story::new(Vec::new()));
        let error = end.unwrap_err().to_string();
        assert!(error.contains("failed: the agent's reason"), "{error}");
    }
}

#[test]
fn a_volume_that_does_not_change_is_told_of_now_and_then() {
    let pod = volumes(&["data"]);
    let story = Story::new((0..30).map(|_| step(|| ())).collect());
    story.steps.lock().push({
        let data = pod.agent("data");
        step(move || data.lock().done().unwrap())
    });
    let (told, end) = pod.wait(&story);
    assert!(end.is_ok());
    let waiting = told.iter().filter(|told| *told == "data Waiting").count();
    assert_eq!(waiting, 4, "at once, and every ten seconds: {told:?}");
}

#[test]
fn links_and_folders_in_the_place_of_the_files_say_nothing() {
    let pod = volumes(&["data"]);
    let folder = pod.folder.path().join("data").join(FOLDER);
    fs::create_dir(&folder).unwrap();
    fs::create_dir(folder.join(UID)).unwrap();
    // Another volume's folder, which says that it is done.
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join(UID), "").unwrap();
    let linked = {
        let (folder, elsewhere) = (folder.clone(), elsewhere.path().to_owned());
        step(move || {
            fs::remove_dir_all(&folder).unwrap();
            std::os::unix::fs::symlink(&elsewhere, &folder).unwrap();
        })
    };
    let data = pod.agent("data");
    let done = step(move || data.lock().done().unwrap());
    let story = Story::new(vec![linked, done]);
    let (told, end) = pod.wait(&story);
    assert_eq!(told, ["data Waiting", "data Done"]);
    assert!(end.is_ok());
    assert!(story.steps.lock().is_empty(), "it did not wait");
}

#[test]
fn a_pod_without_volumes_and_a_bad_uid_are_refused() {
    let empty = volumes(&[]);
    let (_, end) = empty.wait(&Story::new(Vec::new()));
    assert!(matches!(end, Err(RestoreWaitError::NoVolumes { .. })));
    let nowhere = RestoreWait::new(&empty.folder.path().join("nowhere"), UID).unwrap();
    let story = Story::new(Vec::new());
    let end = nowhere.wait(&story, |_, _| {});
    let end = end.now_or_never().unwrap();
    assert!(matches!(end, Err(RestoreWaitError::List { .. })));
    for uid in ["", "..", "a/b"] {
        assert!(RestoreWait::new(empty.folder.path(), uid).is_err(), "{uid}");
    }
}
