//! The memory of the whole program stays within its budget however many names a folder holds.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests that tell their figures"
)]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs a program and tells the most memory that it had, in KiB.
const MEASURE: &str = "
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(done.returncode)
";

/// The budget, in MiB.
const BUDGET: u64 = 64;

/// What the short form may take, in MiB: 26 were measured, and a program that kept 50,000 names with
/// their attributes would take 20 more.
const FEW: u64 = 40;

/// Names of one inode: what ext4 allows.
const LINKS: u32 = 65_000;

struct Bench(tempfile::TempDir);

impl Bench {
    /// Runs the program; tells its peak in KiB. `ORLOP_BINARY` names another build of it.
    fn peak(&self, args: &[&str]) -> u64 {
        let program = std::env::var_os("ORLOP_BINARY")
            .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_orlop")), PathBuf::from);
        let output = Command::new("python3")
            .args(["-c", MEASURE])
            .arg(program)
            .args(args)
            .args([
                "--repo",
                "repository",
                "--key-file",
                "key",
                "--cache-dir",
                "cache",
            ])
            .args([
                "--quiet",
                "--threads",
                "2",
                "--memory",
                &format!("{BUDGET}MiB"),
            ])
            .current_dir(self.0.path())
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {errors}");
        String::from_utf8(output.stdout)
            .unwrap()
            .trim()
            .parse()
            .unwrap()
    }
}

/// A folder of `names` names, each inode having `links` of them.
fn fill(folder: &Path, names: u32, links: u32) {
    fs::create_dir_all(folder.join("many")).unwrap();
    let mut first = PathBuf::new();
    for n in 0..names {
        let name = folder.join(format!("many/{n}"));
        if n % links == 0 {
            // Most files of the many are empty: it is their number that counts, and the disk of
            // whoever runs this has an end.
            let content = match links {
                1 if n % 16 > 0 => Vec::new(),
                1 => n.to_le_bytes().to_vec(),
                _ => n.to_le_bytes().repeat(10_000),
            };
            fs::write(&name, content).unwrap();
            first = name;
        } else {
            fs::hard_link(&first, name).unwrap();
        }
    }
}

fn stays_within(limit: u64, names: u32, links: u32) {
    let bench = Bench(tempfile::tempdir().unwrap());
    fill(&bench.0.path().join("source"), names, links);
    fs::write(bench.0.path().join("key"), [7; 32]).unwrap();
    bench.peak(&["init"]);
    let mut peaks = Vec::new();
    for args in [
        &["backup", "source", "--volume", "v"],
        &["backup", "source", "--volume", "v"],
        &["restore", "latest", "target", "--overwrite=never"][..],
    ] {
        let started = File::create(bench.0.path().join("started")).unwrap();
        let peak = bench.peak(args);
        let seconds = started
            .metadata()
            .unwrap()
            .modified()
            .unwrap()
            .elapsed()
            .unwrap();
        println!(
            "{names} names, {links} an inode, {}: {} MiB at the most, {:.0} s",
            args.first().unwrap(),
            peak >> 10,
            seconds.as_secs_f64()
        );
        peaks.push(peak);
    }
    let restored = fs::read_dir(bench.0.path().join("target/many"))
        .unwrap()
        .count();
    assert_eq!(restored, names as usize);
    assert!(
        peaks.iter().all(|peak| *peak <= limit << 10),
        "{peaks:?} KiB"
    );
}

#[test]
fn fifty_thousand_files_in_a_folder() {
    stays_within(FEW, 50_000, 1);
}

#[test]
fn fifty_thousand_names_of_few_inodes() {
    stays_within(FEW, 50_000, LINKS / 10);
}

#[test]
#[ignore = "takes many minutes; the shorter form always runs"]
fn five_million_files_in_a_folder() {
    stays_within(BUDGET, 5_000_000, 1);
}

#[test]
#[ignore = "takes many minutes; the shorter form always runs"]
fn five_million_names_of_few_inodes() {
    stays_within(BUDGET, 5_000_000, LINKS);
}
