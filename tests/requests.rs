//! How many requests the program sends to a real S3 server, counted by that server.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests that tell their figures"
)]

#[expect(dead_code, reason = "other tests need more of it")]
mod support;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use orlop_repo::repository::Repository;
use orlop_repo::seal::Suite;
use orlop_repo::store::{Folder, Store};
use orlop_test_servers::{Request, S3Server};
use support::{back_up, init, noise, runtime};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const BUCKET: &str = "orlop-requests";

/// A repository in a bucket, and a user who has nothing but its key.
struct Bench {
    server: S3Server,
    home: TempDir,
}

impl Bench {
    /// Copies the objects of `store`, whose raw key is that of [`init`], into a bucket.
    fn new(runtime: &Runtime, store: &Store) -> Self {
        let home = tempfile::tempdir().unwrap();
        let objects = home.path().join("objects");
        runtime.block_on(async {
            for object in store.list(&Folder::ROOT).await.unwrap() {
                let bytes = store.get(&object.name, u64::MAX).await.unwrap();
                let file = objects.join(object.name.as_str());
                std::fs::create_dir_all(file.parent().unwrap()).unwrap();
                std::fs::write(file, bytes).unwrap();
            }
        });
        let server = S3Server::start().unwrap();
        server.fill_bucket(BUCKET, &objects).unwrap();
        std::fs::write(home.path().join("key"), [7; 32]).unwrap();
        Self { server, home }
    }

    /// Runs the program with an empty cache; gives its standard output and what it asked for.
    fn orlop(&self, args: &[&str]) -> (Vec<u8>, Vec<Request>) {
        let before = self.server.requests().unwrap().len();
        let cache = tempfile::tempdir_in(self.home.path()).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_orlop"))
            .args(args)
            .args(["--repo", &format!("s3://{BUCKET}"), "--key-file", "key"])
            .args(["--cache-dir".as_ref(), cache.path().as_os_str()])
            .env_clear()
            .envs(self.server.settings())
            .env("AWS_ALLOW_HTTP", "true")
            .env("HOME", self.home.path())
            .current_dir(self.home.path())
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {errors}");
        (
            output.stdout,
            self.server.requests().unwrap().split_off(before),
        )
    }
}

/// A thousand snapshots of a folder that changes each time.
fn thousand_snapshots(runtime: &Runtime) -> Store {
    let store = Store::memory();
    let repository = runtime.block_on(init(store.clone(), Suite::XChaCha20Poly1305));
    let folder = tempfile::tempdir().unwrap();
    let (source, scratch) = (folder.path().join("source"), folder.path().join("scratch"));
    std::fs::create_dir(&source).unwrap();
    std::fs::create_dir(&scratch).unwrap();
    for n in 0..1000 {
        std::fs::write(source.join("changes"), noise("changes", 200 + n)).unwrap();
        back_up(runtime, &repository, &source, &scratch);
    }
    store
}

#[test]
fn a_repository_of_a_thousand_snapshots_is_opened_and_backed_up_into_by_few_requests() {
    let runtime = runtime();
    let bench = Bench::new(&runtime, &thousand_snapshots(&runtime));

    let (listed, requests) = bench.orlop(&["snapshots", "--quiet"]);
    assert_eq!(listed.split(|byte| *byte == b'\n').count(), 1001);
    println!("opening: {} requests", requests.len());
    assert!(requests.len() <= 6, "{requests:#?}");

    let source = bench.home.path().join("new");
    std::fs::create_dir(&source).unwrap();
    std::fs::write(source.join("file"), noise("file", 100_000)).unwrap();
    let (_, requests) = bench.orlop(&["backup", "new", "--volume", "new"]);
    let is_data =
        |request: &Request| request.operation == "PutObject" && request.what.starts_with("packs/");
    let before = requests.iter().position(is_data).unwrap();
    println!(
        "first backup: {before} requests before the first pack, {} in all",
        requests.len()
    );
    assert!(before <= 40, "{:#?}", &requests[..before]);
}

/// Fills a folder with `files` small files in folders of a thousand, and one of a megabyte eight
/// folders down.
fn many(folder: &Path, files: u32) -> Vec<u8> {
    for n in 0..files {
        let folder = folder.join(format!("folder {:04}", n / 1000));
        if n % 1000 == 0 {
            std::fs::create_dir_all(&folder).unwrap();
        }
        // Most are empty, which takes less room here and as much in the tree, all but.
        let content = if n % 16 == 0 {
            &n.to_le_bytes()[..]
        } else {
            &[]
        };
        let name = format!("a file of many, number {n:07}");
        std::fs::write(folder.join(name), content).unwrap();
    }
    let deep = folder.join("folder 0042/2/3/4/5/6/7/8");
    std::fs::create_dir_all(&deep).unwrap();
    let content = noise("wanted", 1 << 20);
    std::fs::write(deep.join("wanted"), &content).unwrap();
    content
}

fn one_file_out_of(files: u32) {
    let runtime = runtime();
    let store = Store::memory();
    let repository: Arc<Repository> =
        runtime.block_on(init(store.clone(), Suite::XChaCha20Poly1305));
    let folder = tempfile::tempdir().unwrap();
    let (source, scratch) = (folder.path().join("source"), folder.path().join("scratch"));
    std::fs::create_dir(&scratch).unwrap();
    let content = many(&source, files);
    let snapshot = back_up(&runtime, &repository, &source, &scratch);
    assert_eq!(snapshot.stats.files, u64::from(files) + 1);
    drop((folder, repository));
    let bench = Bench::new(&runtime, &store);
    let (shown, requests) = bench.orlop(&["cat", "latest:/folder 0042/2/3/4/5/6/7/8/wanted"]);
    assert!(shown == content);
    println!("one file out of {files}: {} requests", requests.len());
    assert!(requests.len() <= 8, "{requests:#?}");
}

#[test]
fn one_file_out_of_a_hundred_thousand_is_read_by_few_requests() {
    one_file_out_of(100_000);
}

#[test]
#[ignore = "takes a minute; the shorter form, whose tree is as high, always runs"]
fn one_file_out_of_a_million_is_read_by_few_requests() {
    one_file_out_of(1_000_000);
}
