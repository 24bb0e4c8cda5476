//! Backups by a process of their own, which stops at one write and can be killed there.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

use orlop_agent::progress::Progress;
use orlop_repo::store::Store;

use crate::bench::Bench;
use crate::gate::{Gate, Point};

const FOLDER: &str = "RESUME_TEST_FOLDER";
const PREFIX: &str = "RESUME_TEST_PREFIX";
const NUMBER: &str = "RESUME_TEST_NUMBER";
const DONE: &str = "RESUME_TEST_DONE";
const OWNER: &str = "RESUME_TEST_OWNER";

/// The writes that a point can be at.
const PREFIXES: [&str; 3] = ["packs/", "index/", "log/"];

/// What the child says when it has come to its point. It stands alone on a line.
const HERE: &str = "the child is here";

/// A process that backs the volume up and waits at a point.
pub(crate) struct Backup {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Backup {
    /// Starts it and waits until it has come to `point`.
    #[track_caller]
    pub(crate) fn at(bench: &Bench, point: &Point, owner: Option<&str>) -> Self {
        let mut backup = Self::start(bench, point, owner);
        assert!(backup.comes_there(), "{point:?}");
        backup
    }

    /// Waits until it has come to its point; false if it ended before.
    fn comes_there(&mut self) -> bool {
        let comes = self.lines.any(|line| line.unwrap().ends_with(HERE));
        assert!(comes || self.child.wait().unwrap().success());
        comes
    }

    fn start(bench: &Bench, point: &Point, owner: Option<&str>) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--ignored", "--exact", "child::the_child", "--nocapture"])
            .env(FOLDER, &bench.folder)
            .env(PREFIX, point.prefix)
            .env(NUMBER, point.number.to_string())
            .env(DONE, if point.done { "1" } else { "0" })
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        if let Some(owner) = owner {
            command.env(OWNER, owner);
        }
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self {
            child,
            lines: stdout.lines(),
        }
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Lets it go on, to its end.
    pub(crate) fn go_on(mut self) {
        let mut stdin = self.child.stdin.take().unwrap();
        stdin.write_all(b"\n").unwrap();
        self.lines.by_ref().for_each(|line| drop(line.unwrap()));
        assert!(self.child.wait().unwrap().success());
    }
}

/// Runs a backup that is killed at `point`. Tells whether it came there.
pub(crate) fn killed_at(bench: &Bench, point: &Point) -> bool {
    let mut backup = Backup::start(bench, point, None);
    let came = backup.comes_there();
    if came {
        backup.kill();
    }
    came
}

#[test]
#[ignore = "run by other tests in a process of its own"]
fn the_child() {
    let folder = PathBuf::from(std::env::var_os(FOLDER).unwrap());
    let wanted = std::env::var(PREFIX).unwrap();
    let point = Point {
        prefix: PREFIXES.into_iter().find(|p| *p == wanted).unwrap(),
        number: std::env::var(NUMBER).unwrap().parse().unwrap(),
        done: std::env::var(DONE).unwrap() == "1",
    };
    let bench = Bench::of(folder);
    let gate = Gate::new(bench.local(), point, || {
        let mut out = std::io::stdout().lock();
        writeln!(out, "\n{HERE}").unwrap();
        out.flush().unwrap();
        drop(out);
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).unwrap();
    });
    let repository = bench.open(Store::new(gate));
    let mut options = bench.options();
    options.owner = std::env::var(OWNER).ok();
    bench
        .try_backup(&repository, &options, &Arc::new(Progress::new()))
        .unwrap();
}
