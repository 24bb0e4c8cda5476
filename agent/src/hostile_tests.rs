//! Whole backups and restores of volumes that move, or whose owner is hostile.

use std::os::unix::fs::{FileExt, MetadataExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use orlop_repo::snapshot::Snapshot;
use orlop_repo::tree::{Content, EntryKind};
use rustix::fs::{CWD, FileType, Mode, OFlags, RenameFlags, mknodat, renameat_with};

use crate::backup::Excludes;
use crate::fs::{Found, Root, Walk, WalkOptions};
use crate::progress::Progress;
use crate::restore::Existing;
use crate::testing::{TestRepository, differences, entries, noise};

/// Does `work` while `meanwhile` is done over and over, at least once before.
fn during<T>(meanwhile: impl Fn() + Sync, work: impl FnOnce() -> T) -> T {
    let stop = AtomicBool::new(false);
    let rounds = AtomicU32::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                meanwhile();
                rounds.fetch_add(1, Ordering::Relaxed);
            }
        });
        while rounds.load(Ordering::Relaxed) == 0 {
            std::thread::yield_now();
        }
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        stop.store(true, Ordering::Relaxed);
        done.unwrap()
    })
}

fn exchange(one: &Path, other: &Path) {
    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).unwrap();
}

/// Leaves nothing out, and calls `see` with each path when the walk has looked at it.
fn watching(see: impl Fn(&str) + Send + Sync + 'static) -> Excludes {
    let see = Arc::new(see);
    Box::new(move || {
        let see = Arc::clone(&see);
        Box::new(move |path, _| {
            see(&path.to_string());
            false
        })
    })
}

fn lenient(repo: &TestRepository, exclude: Option<Excludes>) -> Snapshot {
    repo.backup_with(exclude, &repo.backup_options(), &Arc::default())
}

/// What a small file holds in a snapshot.
fn inline(content: &Content) -> Vec<u8> {
    match content {
        Content::Inline(bytes) => bytes.clone(),
        Content::None => Vec::new(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn links_swapped_in_during_backups_lead_nowhere() {
    let repo = TestRepository::new();
    let outside = tempfile::tempdir().unwrap();
    for name in ["file", "sub/secret"] {
        let path = outside.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, b"theirs").unwrap();
    }
    for n in 0..50 {
        repo.write(&format!("dir/{n}"), b"mine");
    }
    repo.write("dir/sub/mine", b"mine");
    repo.write("file", b"mine");
    symlink(outside.path(), repo.source("evil dir")).unwrap();
    symlink(outside.path().join("file"), repo.source("evil file")).unwrap();
    let swap = || {
        exchange(&repo.source("dir"), &repo.source("evil dir"));
        exchange(&repo.source("file"), &repo.source("evil file"));
    };
    let snapshots: Vec<_> = during(swap, || (0..30).map(|_| lenient(&repo, None)).collect());
    let mut seen = 0;
    for snapshot in &snapshots {
        for (path, entry) in entries(&repo, snapshot) {
            assert!(!path.contains("secret"), "{path}");
            if entry.kind == EntryKind::File {
                assert_eq!(inline(&entry.content), b"mine", "{path}");
                seen += 1;
            }
        }
    }
    assert!(seen > 30, "the swaps must leave some room");
}

#[test]
fn what_takes_the_place_of_a_file_is_never_opened() {
    let repo = TestRepository::new();
    for n in 0..20 {
        repo.write(&format!("{n}"), &noise(1, 1000));
    }
    repo.write("large", &noise(2, 700_000));
    for name in ["3", "4", "5", "large"] {
        let other = repo.source(&format!("other {name}"));
        let node = match name {
            "4" => FileType::CharacterDevice,
            _ => FileType::Fifo,
        };
        // A watchdog, which opening alone would start.
        let device = rustix::fs::makedev(10, 130);
        mknodat(CWD, &other, node, Mode::RWXU, device).unwrap();
    }
    // After the walk has looked, and before anything is opened: the last name of the folder.
    let top = repo.source("");
    let swapped = AtomicBool::new(false);
    let swap = move |path: &str| {
        if path.ends_with("other large") && !swapped.swap(true, Ordering::Relaxed) {
            for name in ["3", "4", "5"] {
                exchange(&top.join(name), &top.join(format!("other {name}")));
            }
        }
        if path.ends_with("large") && !path.contains("other") {
            exchange(&top.join("large"), &top.join("other large"));
        }
    };
    let snapshot = lenient(&repo, Some(watching(swap)));
    let saved = entries(&repo, &snapshot);
    assert!(!saved.contains_key("large"), "a fifo stands there");
    for name in ["3", "4", "5"] {
        let entry = &saved.get(name);
        assert!(entry.is_none_or(|entry| entry.size == 1000), "{name}");
    }
    assert!(snapshot.problem_count >= 1, "{snapshot:?}");
    assert!(saved.contains_key("19"));
}

#[test]
fn a_file_that_vanishes_before_it_is_read_is_a_remark() {
    let repo = TestRepository::new();
    repo.write("here", b"1");
    repo.write("small", b"2");
    repo.write("large", &noise(1, 700_000));
    let top = repo.source("");
    let remove = move |path: &str| {
        if path.ends_with("small") || path.ends_with("large") {
            std::fs::remove_file(top.join(path.trim_start_matches('/'))).unwrap();
        }
    };
    let snapshot = lenient(&repo, Some(watching(remove)));
    assert_eq!(snapshot.problem_count, 0);
    let named: Vec<_> = snapshot
        .problems
        .iter()
        .map(|p| p.path.as_slice())
        .collect();
    assert_eq!(
        (
            named.contains(&&b"small"[..]),
            named.contains(&&b"large"[..])
        ),
        (true, true)
    );
    assert_eq!(
        entries(&repo, &snapshot).len(),
        2,
        "the top folder and one file"
    );
}

#[test]
fn a_file_that_grows_all_the_time_is_saved_as_far_as_it_was_read_and_named() {
    let repo = TestRepository::new();
    // A log: whatever was read is its beginning.
    let content = noise(1, 64 << 20);
    repo.write("log", &content[..24 << 20]);
    let file = std::fs::File::options()
        .write(true)
        .open(repo.source("log"))
        .unwrap();
    let written = AtomicU32::new(24 << 20);
    let grow = || {
        let at = written.load(Ordering::Relaxed) as usize;
        let end = (at + 1).min(content.len());
        file.write_all_at(&content[at..end], at as u64).unwrap();
        written.store(u32::try_from(end).unwrap(), Ordering::Relaxed);
    };
    let snapshot = during(grow, || lenient(&repo, None));
    let entry = &entries(&repo, &snapshot)["log"];
    assert_eq!(entry.notes.bits() & 1, 1, "changed while it was read");
    assert!(
        snapshot.problems.iter().any(|p| p.what.contains("it grew")),
        "{snapshot:?}"
    );
    repo.restore(&snapshot, repo.options()).unwrap();
    let restored = std::fs::read(repo.target("log")).unwrap();
    assert!(restored.len() >= 24 << 20 && content.starts_with(&restored));
}

#[test]
fn a_file_that_is_cut_short_and_written_again_all_the_time_stops_nothing() {
    let repo = TestRepository::new();
    repo.write("small", &noise(1, 300_000));
    repo.write("large", &noise(2, 4 << 20));
    repo.write("other", b"still there");
    let open = |name| {
        std::fs::File::options()
            .write(true)
            .open(repo.source(name))
            .unwrap()
    };
    let (small, large) = (open("small"), open("large"));
    let flip = || {
        small.set_len(1000).unwrap();
        large.set_len(100_000).unwrap();
        small.write_all_at(&[7; 5000], 295_000).unwrap();
        large.write_all_at(&[7; 5000], (4 << 20) - 5000).unwrap();
    };
    for _ in 0..10 {
        let snapshot = during(flip, || lenient(&repo, None));
        let saved = entries(&repo, &snapshot);
        assert_eq!(inline(&saved["other"].content), b"still there");
        let mut options = repo.options();
        options.existing = Existing::Always;
        let summary = repo.restore(&snapshot, options).unwrap();
        assert!(summary.is_complete(), "{summary:?}");
        for name in ["small", "large"] {
            let restored = repo.target(name).metadata().unwrap().len();
            assert_eq!(restored, saved[name].size, "{name}");
        }
    }
}

/// Writes through a mapping when told to.
const MAPPER: &str = r#"
import mmap, sys
with open(sys.argv[1], "r+b") as file:
    memory = mmap.mmap(file.fileno(), 0)
    for line in sys.stdin:
        memory[100:105] = line.strip().encode()
        print("written", flush=True)
"#;

#[test]
fn writes_through_a_mapping_that_move_no_time_are_found_by_the_next_backup() {
    use std::io::{BufRead, BufReader, Write};

    let repo = TestRepository::new();
    repo.write("mapped", &noise(1, 70_000));
    let mut mapper = Command::new("python3")
        .args(["-c", MAPPER])
        .arg(repo.source("mapped"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(mapper.stdout.take().unwrap()).lines();
    let mut told = mapper.stdin.take().unwrap();
    let mut unmoved = 0;
    let mut before = None;
    for text in ["first", "secnd", "third"] {
        writeln!(told, "{text}").unwrap();
        assert_eq!(said.next().unwrap().unwrap(), "written");
        let stat = repo.source("mapped").metadata().unwrap();
        let times = Some((
            stat.mtime(),
            stat.mtime_nsec(),
            stat.ctime(),
            stat.ctime_nsec(),
        ));
        unmoved += u32::from(before == times);
        before = times;
        let snapshot = repo.backup();
        let mut options = repo.options();
        options.existing = Existing::Always;
        repo.restore(&snapshot, options).unwrap();
        let restored = std::fs::read(repo.target("mapped")).unwrap();
        assert_eq!(&restored[100..105], text.as_bytes());
    }
    drop(told);
    assert!(mapper.wait().unwrap().success());
    println!("{unmoved} of 2 writes moved no time");
}

#[test]
fn links_swapped_in_during_restores_lead_nowhere() {
    let repo = TestRepository::new();
    for n in 0..60 {
        repo.write(&format!("dir/sub/{n}"), b"mine");
        repo.write(&format!("dir/large {n}"), &noise(n, 200_000));
    }
    std::fs::hard_link(repo.source("dir/sub/1"), repo.source("dir/sub/link")).unwrap();
    symlink("nowhere", repo.source("dir/sub/symlink")).unwrap();
    let snapshot = repo.backup();

    let outside = tempfile::tempdir().unwrap();
    std::fs::create_dir(outside.path().join("sub")).unwrap();
    std::fs::write(outside.path().join("sub/1"), b"precious").unwrap();
    let state = || {
        let mut state = Vec::new();
        for name in ["", "sub", "sub/1"] {
            let stat = outside.path().join(name).metadata().unwrap();
            let times = (
                stat.mtime(),
                stat.mtime_nsec(),
                stat.ctime(),
                stat.ctime_nsec(),
            );
            state.push((stat.mode(), stat.uid(), stat.len(), times));
        }
        (
            state,
            std::fs::read_dir(outside.path().join("sub"))
                .unwrap()
                .count(),
        )
    };
    let before = state();
    std::fs::create_dir_all(repo.target("dir/sub")).unwrap();
    symlink(outside.path(), repo.target("evil")).unwrap();
    let swap = || {
        // The restore may be replacing one of the two.
        let (dir, evil) = (repo.target("dir"), repo.target("evil"));
        renameat_with(CWD, &dir, CWD, &evil, RenameFlags::EXCHANGE).unwrap_or_default();
    };
    during(swap, || {
        for existing in [Existing::Always, Existing::IfChanged, Existing::Always] {
            for delete in [false, true] {
                let mut options = repo.options();
                (options.existing, options.delete) = (existing, delete);
                // What could not be written is named; what matters is what was not touched.
                drop(repo.restore(&snapshot, options));
                if std::fs::symlink_metadata(repo.target("evil")).is_err() {
                    drop(symlink(outside.path(), repo.target("evil")));
                }
            }
        }
    });
    assert_eq!(state(), before);
    assert_eq!(
        std::fs::read(outside.path().join("sub/1")).unwrap(),
        b"precious"
    );
}

#[test]
fn a_thousand_levels_beyond_path_max_come_back() {
    let repo = TestRepository::new();
    let name = "a-folder-with-some-name";
    let mut folder = rustix::fs::openat(
        CWD,
        repo.source(""),
        OFlags::DIRECTORY | OFlags::PATH,
        Mode::empty(),
    )
    .unwrap();
    for depth in 0..1000_u32 {
        rustix::fs::mkdirat(&folder, name, Mode::RWXU).unwrap();
        let flags = OFlags::DIRECTORY | OFlags::PATH;
        folder = rustix::fs::openat(&folder, name, flags, Mode::empty()).unwrap();
        let flags = OFlags::CREATE | OFlags::WRONLY;
        let file = rustix::fs::openat(&folder, "file", flags, Mode::RUSR).unwrap();
        rustix::io::write(&file, &depth.to_le_bytes()).unwrap();
    }
    let snapshot = repo.backup();
    assert_eq!(snapshot.stats.folders, 1001);
    let summary = repo.restore(&snapshot, repo.options()).unwrap();
    assert!(summary.is_complete(), "{summary:?}");
    let walk = |top: &Path| {
        let root = Root::open(top).unwrap();
        let walk = Walk::new(&root, WalkOptions::new(repo.folder.path().join("scratch")));
        let mut found: Vec<_> = walk
            .map(|found| match found.unwrap() {
                Found::Item(item) => (item.path(), item.stat.size, item.stat.mtime),
                Found::Problem(problem) => panic!("{problem:?}"),
            })
            .collect();
        // The size of a folder is the file system's.
        for (_, size, _) in found
            .iter_mut()
            .filter(|(path, ..)| !path.to_slashed().ends_with(b"file"))
        {
            *size = 0;
        }
        found
    };
    let source = walk(&repo.source(""));
    assert_eq!(source.len(), 2001);
    assert!(source == walk(&repo.target("")));
    // What the folder is removed by afterwards need not go that deep.
    for top in [repo.source(name), repo.target(name)] {
        assert!(
            Command::new("rm")
                .arg("-rf")
                .arg(top)
                .status()
                .unwrap()
                .success()
        );
    }
}

#[test]
fn the_content_of_a_file_with_many_names_is_read_once() {
    let repo = TestRepository::new();
    repo.write("small", &noise(1, 100_000));
    repo.write("large", &noise(2, 3 << 20));
    repo.write("tiny", b"in the entry");
    repo.write("empty", b"");
    std::fs::create_dir(repo.source("links")).unwrap();
    for name in ["small", "large", "tiny", "empty"] {
        for n in 0..20 {
            let link = repo.source(&format!("links/{name} {n}"));
            std::fs::hard_link(repo.source(name), link).unwrap();
        }
    }
    let progress = Arc::<Progress>::default();
    let snapshot = repo.backup_with(None, &repo.backup_options(), &progress);
    let once = 100_000 + (3 << 20) + 12;
    assert_eq!(snapshot.stats.bytes, 21 * once);
    assert_eq!(progress.bytes_done.get(), 21 * once);
    // Two workers may come to two names of one small file at the same moment.
    let read = progress.bytes_read.get();
    assert!(read >= once && read <= once + 100_012, "{read}");
    let summary = repo.restore(&snapshot, repo.options()).unwrap();
    assert!(summary.is_complete(), "{summary:?}");
    assert_eq!(summary.hard_links, 80);
    assert_eq!(differences(&repo.source(""), &repo.target("")), "");
}

#[test]
fn a_name_of_a_file_that_could_not_be_read_under_another_is_read() {
    let repo = TestRepository::new();
    for (name, content) in [("small", noise(1, 1000)), ("large", noise(2, 700_000))] {
        repo.write(&format!("a/{name}"), &content);
        std::fs::create_dir_all(repo.source("b")).unwrap();
        std::fs::hard_link(
            repo.source(&format!("a/{name}")),
            repo.source(&format!("b/{name}")),
        )
        .unwrap();
    }
    let top = repo.source("");
    let remove = move |path: &str| {
        if path.ends_with("a/small") || path.ends_with("a/large") {
            std::fs::remove_file(top.join(path.trim_start_matches('/'))).unwrap();
        }
    };
    let snapshot = lenient(&repo, Some(watching(remove)));
    assert_eq!(snapshot.problem_count, 0, "{:?}", snapshot.problems);
    let summary = repo.restore(&snapshot, repo.options()).unwrap();
    assert!(summary.is_complete(), "{summary:?}");
    assert_eq!(
        std::fs::read(repo.target("b/small")).unwrap(),
        noise(1, 1000)
    );
    assert_eq!(
        std::fs::read(repo.target("b/large")).unwrap(),
        noise(2, 700_000)
    );
}

#[test]
fn a_first_backup_counts_ahead_what_it_will_read_and_the_next_takes_that() {
    let repo = TestRepository::new();
    repo.write("kept/one", &[1; 100]);
    repo.write("kept/two", &[2; 1000]);
    repo.write("left out/three", &[3; 10_000]);
    repo.write("z", b"");
    let progress = Arc::<Progress>::default();
    let (seen, walks) = (Arc::clone(&progress), AtomicU32::new(0));
    let exclude: Excludes = Box::new(move || {
        // The first walk is the backup's: it waits until the other has counted.
        let waits = walks.fetch_add(1, Ordering::Relaxed) == 0;
        let seen = Arc::clone(&seen);
        Box::new(move |path, _| {
            while waits && !seen.total_known() {
                std::thread::yield_now();
            }
            path.to_string().ends_with("left out")
        })
    });
    let mut options = repo.backup_options();
    options.scan = Some(std::time::Duration::ZERO);
    let snapshot = repo.backup_with(Some(exclude), &options, &progress);
    assert_eq!(
        (progress.files_total.get(), progress.bytes_total.get()),
        (3, 1100)
    );
    assert_eq!((snapshot.stats.files, snapshot.stats.bytes), (3, 1100));

    let progress = Arc::<Progress>::default();
    repo.backup_with(None, &repo.backup_options(), &progress);
    assert!(progress.total_known());
    assert_eq!(
        (progress.files_total.get(), progress.bytes_total.get()),
        (3, 1100)
    );
}

/// Data and holes of a file, by the kernel's word.
fn pieces(path: &Path) -> Vec<(u64, u64)> {
    use rustix::fs::{SeekFrom, seek};

    let file = std::fs::File::open(path).unwrap();
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Ok(data) = seek(&file, SeekFrom::Data(at)) {
        at = seek(&file, SeekFrom::Hole(data)).unwrap();
        pieces.push((data, at));
    }
    pieces
}

#[test]
fn a_file_of_a_tebibyte_with_little_data_comes_back_with_its_holes() {
    const TEBIBYTE: u64 = 1 << 40;

    let repo = TestRepository::new();
    let file = std::fs::File::create(repo.source("disk.img")).unwrap();
    if let Err(error) = file.set_len(TEBIBYTE) {
        println!("skipped: no such file can be here: {error}");
        return;
    }
    let data = [
        (0, 1 << 20),
        (TEBIBYTE / 2 + (3 << 20), 2 << 20),
        (TEBIBYTE - (1 << 20), 1 << 20),
    ];
    for (n, (offset, len)) in (1..).zip(data) {
        file.write_all_at(&noise(n, len), offset).unwrap();
    }
    file.sync_all().unwrap();
    let wanted = pieces(&repo.source("disk.img"));
    let sum: u64 = wanted.iter().map(|(from, to)| to - from).sum();
    if sum > 64 << 20 {
        println!("skipped: this file system keeps no holes");
        return;
    }
    let progress = Arc::<Progress>::default();
    let snapshot = repo.backup_with(None, &repo.backup_options(), &progress);
    assert_eq!(
        (snapshot.problem_count, snapshot.stats.bytes),
        (0, TEBIBYTE)
    );
    assert!(progress.bytes_read.get() <= sum, "holes are not read");
    let summary = repo.restore(&snapshot, repo.options()).unwrap();
    assert!(summary.is_complete(), "{summary:?}");
    let restored = repo.target("disk.img");
    assert_eq!(restored.metadata().unwrap().len(), TEBIBYTE);
    assert_eq!(pieces(&restored), wanted);
    let back = std::fs::File::open(&restored).unwrap();
    for (n, (offset, len)) in (1..).zip(data) {
        let mut bytes = vec![0; len];
        back.read_exact_at(&mut bytes, offset).unwrap();
        assert!(bytes == noise(n, len), "at {offset}");
    }
    // Nothing is read or written when it is there already.
    let again = repo.restore(&snapshot, repo.options()).unwrap();
    assert_eq!((again.unchanged, again.bytes_written), (1, 0));
}
