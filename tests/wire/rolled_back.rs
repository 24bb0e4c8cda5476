//! A store that shows an earlier state, or a log with a gap, to somebody who has seen more.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use orlop_test_servers::S3Server;

use crate::bench::{Bench, Call};

const BUCKET: &str = "orlop-rolled-back";

/// Where a repository is, and the folder in which its objects are files.
struct Place {
    url: String,
    objects: PathBuf,
    settings: Vec<(String, String)>,
    _server: Option<S3Server>,
}

impl Place {
    fn local(bench: &Bench) -> Self {
        let objects = bench.path("repository");
        Self {
            url: objects.to_str().unwrap().to_owned(),
            objects,
            settings: Vec::new(),
            _server: None,
        }
    }

    fn s3() -> Self {
        let server = S3Server::start().unwrap();
        server.bucket(BUCKET).unwrap();
        Self {
            url: format!("s3://{BUCKET}"),
            objects: server.bucket_folder(BUCKET),
            settings: server.settings(),
            _server: Some(server),
        }
    }

    /// The program at that place, with its cache.
    fn orlop(&self, bench: &Bench, args: &[&str]) -> Call {
        let call = bench.orlop(args).arg("--repo").arg(&self.url);
        let call = call.arg("--key-file").arg(bench.path("key"));
        self.settings
            .iter()
            .fold(call, |call, (key, value)| call.env(key, value))
    }

    fn entries(&self) -> Vec<PathBuf> {
        let mut entries: Vec<_> = fs::read_dir(self.objects.join("log/0001"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        entries.sort();
        entries
    }
}

/// All files below a folder with their bytes.
fn everything(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.clone(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// Makes `folder` hold `files` and nothing else.
fn put_back(folder: &Path, files: &BTreeMap<PathBuf, Vec<u8>>) {
    for file in everything(folder).keys() {
        if !files.contains_key(file) {
            fs::remove_file(file).unwrap();
        }
    }
    for (file, bytes) in files {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }
}

/// Every command says it, ends with 1, and writes nothing.
fn assert_alarm(bench: &Bench, place: &Place, case: &str) {
    let before = everything(&place.objects);
    let commands: [&[&str]; 8] = [
        &["snapshots"],
        &["backup", "source", "--volume", "v"],
        &["restore", "latest", "target"],
        &["forget", "--keep-last", "1"],
        &["prune", "--grace", "0s"],
        &["check"],
        &["ls", "latest"],
        &["cat", "latest:a.txt"],
    ];
    for command in commands {
        let run = place.orlop(bench, command).run();
        assert_eq!(run.code, 1, "{case}: {command:?}: {run:?}");
        assert!(
            run.err.contains("rolled back") && run.err.contains("next: "),
            "{case}: {command:?}: {run:?}"
        );
        assert!(run.out.is_empty(), "{case}: {command:?}: {run:?}");
    }
    assert!(
        everything(&place.objects) == before,
        "{case}: something was written"
    );
    assert!(!bench.path("target").exists());
}

fn a_store_is_rolled_back(bench: &Bench, place: &Place) {
    let backup = || {
        let args = ["backup", "source", "--volume", "v"];
        place.orlop(bench, &args).run().done();
    };
    place.orlop(bench, &["init"]).run().done();
    backup();
    let earlier = everything(&place.objects);
    fs::write(bench.source().join("later"), "later").unwrap();
    backup();
    let now = everything(&place.objects);

    put_back(&place.objects, &earlier);
    assert_alarm(bench, place, "an earlier state");

    // Whoever has seen nothing of what was lost cannot know.
    let fresh = bench.path("fresh");
    let run = place
        .orlop(bench, &["snapshots", "--json"])
        .arg("--cache-dir")
        .arg(&fresh)
        .run();
    assert_eq!(run.done().json().as_array().unwrap().len(), 1);

    put_back(&place.objects, &now);
    place.orlop(bench, &["check"]).run().done();
    let entries = place.entries();
    for (case, entry) in [
        ("the last entry", entries.len() - 1),
        ("one before", entries.len() - 2),
    ] {
        let now = everything(&place.objects);
        fs::remove_file(&entries[entry]).unwrap();
        assert_alarm(bench, place, case);
        put_back(&place.objects, &now);
    }
    // Of an older one the entries after it hold copies: everything goes on, and a check names it.
    let removed = fs::read(&entries[2]).unwrap();
    fs::remove_file(&entries[2]).unwrap();
    place.orlop(bench, &["snapshots"]).run().done();
    let run = place.orlop(bench, &["check"]).run();
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.out.contains("log/0001/00000000000000000002"), "{run:?}");
    fs::write(&entries[2], removed).unwrap();

    place.orlop(bench, &["check", "--read-data"]).run().done();
    backup();
    let run = place.orlop(bench, &["snapshots", "--json"]).run().done();
    assert_eq!(run.json().as_array().unwrap().len(), 3);
}

#[test]
fn a_local_store_that_goes_back_is_noticed_and_left_alone() {
    let bench = Bench::new();
    let place = Place::local(&bench);
    a_store_is_rolled_back(&bench, &place);
}

#[test]
fn a_bucket_that_goes_back_is_noticed_and_left_alone() {
    let bench = Bench::new();
    a_store_is_rolled_back(&bench, &Place::s3());
}
